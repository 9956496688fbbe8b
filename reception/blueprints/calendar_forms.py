"""The forms of the calendar: shape only; what makes sense is the domain's to say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from wtforms import Form, IntegerField, SelectField, StringField, TimeField
from wtforms.validators import InputRequired

from reception import formats
from reception.blueprints.patient_form import NEEDED, Day
from reception.domain import offers as choices
from reception.domain.actors import Actor
from reception.domain.calendar.offers import When
from reception.domain.errors import invalid_field
from reception.extensions import db
from reception.models import Room, Schedule
from reception.words import N_

EARLIEST, LATEST = date(2000, 1, 1), date(2199, 12, 31)


def day_of(text: str | None, default: date) -> date:
    """A day of an address. Raises Invalid."""
    if not text:
        return default
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise invalid_field("date", N_("This is not a date.")) from None
    if not EARLIEST <= day <= LATEST:
        raise invalid_field("date", N_("This day is out of reach."))
    return day


def number_of(text: str | None) -> int | None:
    """An id as forms and addresses write it; None for nothing, 0 (nobody's id) for what is none."""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


class Wall(TimeField):
    """A native time input: a time on the clinic's wall."""

    def process_formdata(self, valuelist: list[str]) -> None:
        text = (valuelist or [""])[0].strip()
        self.data = None
        if text:
            try:
                self.data = time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None)
            except ValueError:
                self.raw_data = [text]
                raise ValueError(gettext("This is not a time.")) from None


class Whole(IntegerField):
    """A whole number; what is none is said in the reader's language."""

    def process_formdata(self, valuelist: list[str]) -> None:
        text = (valuelist or [""])[0].strip()
        self.data = None
        if text and not (text.isascii() and text.lstrip("-").isdigit() and len(text) < 10):
            self.raw_data = [text]
            raise ValueError(gettext("This is not a number."))
        if text:
            self.data = int(text)


class Blamed(Form):
    """A form whose fields take the words of a refusal."""

    BLAME: Mapping[str, str] = {}
    """The domain's name of a value -> the field that asks for it."""

    def blame(self, fields: Mapping[str, str]) -> None:
        """Mark the fields that a refusal names with its words."""
        for name, words in fields.items():
            name = self.BLAME.get(name, name)
            if name in self:
                self[name].errors = [words]


class ShiftForm(Blamed):
    """A doctor's shift, by the clinic's clock."""

    BLAME = {"start": "first", "end": "last", "room_id": "room", "doctor_id": "doctor"}

    doctor = SelectField(_l("Doctor"), [InputRequired(NEEDED)], validate_choice=False)
    day = Day(_l("Day"), [InputRequired(NEEDED)])
    first = Wall(_l("From"), [InputRequired(NEEDED)])
    last = Wall(_l("Until"), [InputRequired(NEEDED)])
    room = SelectField(_l("Room"), validate_choice=False)
    slot_minutes = Whole(_l("Slot, minutes"), [InputRequired(NEEDED)])
    capacity = Whole(_l("Patients in a slot"), [InputRequired(NEEDED)])

    @classmethod
    def offering(cls, actor: Actor, posted: MultiDict[str, str] | None = None, **values: Any) -> ShiftForm:
        """The form with this clinic's doctors and rooms; `values` fill it where nothing was posted."""
        clinic = actor.clinic
        usual = {"first": clinic.opens_at, "last": clinic.closes_at, "slot_minutes": 15, "capacity": 1}
        form = cls(posted, data=usual | values)
        departments = choices.by_department(actor)
        form.doctor.choices = grouped_doctors(actor)
        form.room.choices = [("", ""), *((str(room.id), room.name) for room in rooms(actor))]
        if posted is None:
            seats = {str(doctor.id): doctor.room_id for _, doctors in departments for doctor in doctors}
            form.doctor.data = values.get("doctor") if values.get("doctor") in seats else next(iter(seats), None)
            form.room.data = str(seats.get(form.doctor.data or "") or "")
        return form

    @property
    def values(self) -> dict[str, Any]:
        """As `schedules.plan` takes them."""
        return {
            "doctor_id": number_of(self.doctor.data) or 0,
            "day": self.day.data,
            "first": self.first.data,
            "last": self.last.data,
            "room_id": number_of(self.room.data),
            "slot_minutes": self.slot_minutes.data,
            "capacity": self.capacity.data,
        }


class SeatForm(Blamed):
    """The room of a shift."""

    BLAME = {"room_id": "room"}

    room = SelectField(_l("Room"), validate_choice=False)

    @classmethod
    def offering(cls, actor: Actor, row: Schedule, posted: MultiDict[str, str] | None = None) -> SeatForm:
        """The form with this clinic's rooms, the shift's own chosen."""
        form = cls(posted, data={"room": str(row.room_id or "")})
        known = {room.id: room.name for room in rooms(actor)}
        if row.room is not None:
            known.setdefault(row.room.id, row.room.name)
        form.room.choices = [("", gettext("No room")), *((str(ident), name) for ident, name in known.items())]
        return form


class TimesForm(Blamed):
    """Whose time, on which day, and the time itself: an offer's value."""

    BLAME = {"start": "slot", "doctor_id": "doctor", "room_id": "slot"}

    doctor = SelectField(_l("Doctor"), validate_choice=False)
    day = Day(_l("Day"))
    slot = StringField(_l("Time"))
    overbooking_reason = StringField(_l("Why beyond the capacity"))

    @classmethod
    def offering(cls, actor: Actor, posted: MultiDict[str, str] | None = None, **values: Any) -> Any:
        """The form with this clinic's doctors; `values` fill it where nothing was posted."""
        form = cls(posted, data=values)
        form.doctor.choices = {
            gettext("Whoever is free first"): [("", gettext("Any doctor"))],
            **grouped_doctors(actor),
        }
        return form

    @property
    def doctor_id(self) -> int | None:
        return number_of(self.doctor.data)

    @property
    def among(self) -> dict[str, int | None]:
        """Whose times are looked at, as a Wish takes it."""
        return {"doctor_id": self.doctor_id}

    def when(self, viewer: Actor, at: datetime) -> When | None:
        """Which days and hours are looked at; None for whatever comes first."""
        return None

    @property
    def length(self) -> int | None:
        """How many minutes are wanted; None: as many as are usual."""
        return None

    @property
    def hold_id(self) -> int | None:
        """What is kept for who fills the form in."""
        return None


def grouped_doctors(actor: Actor) -> dict[str, Iterable[tuple[str, str]]]:
    """Doctors by department, as a select shows them."""
    return {
        f"{department.code} · {department.name}": [(str(doctor.id), formats.doctor_name(doctor)) for doctor in doctors]
        for department, doctors in choices.by_department(actor)
        if doctors
    }


def rooms(actor: Actor) -> list[Room]:
    """The open rooms by name."""
    return list(
        db.session.scalars(
            select(Room).where(Room.clinic_id == actor.clinic_id, Room.is_active).order_by(Room.name, Room.id)
        )
    )
