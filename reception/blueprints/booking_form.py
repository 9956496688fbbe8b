"""The booking form: whose time is looked for, when, and everything else of a booking, the patient aside."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from babel.dates import get_day_names
from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField, SelectField, StringField, TextAreaField

from reception import formats
from reception.blueprints.calendar_forms import TimesForm, Whole, grouped_doctors, number_of, rooms
from reception.blueprints.patient_form import Day
from reception.clock import service_day
from reception.domain import offers as choices
from reception.domain.actors import Actor
from reception.domain.calendar.offers import FARTHEST_DAYS, PARTS, When
from reception.domain.calendar.places import LONGEST_MINUTES
from reception.domain.errors import invalid_field
from reception.extensions import db
from reception.models import AppointmentSource, Doctor, Specialization
from reception.words import N_

SOURCES = tuple(source for source in AppointmentSource if source is not AppointmentSource.SYSTEM)
PART_WORDS = {"MORNING": N_("Morning"), "AFTERNOON": N_("Afternoon"), "EVENING": N_("Evening")}
WEEKS = {"this": N_("This week"), "next": N_("Next week"), "range": N_("From a day to another")}


class BookingForm(TimesForm):
    """`doctor`: an id, or `department-3`, `specialization-2` for any of them, or nothing for anybody."""

    BLAME = {**TimesForm.BLAME, "service_id": "service"}

    service = SelectField(_l("Service"), validate_choice=False)
    source = SelectField(_l("How it was asked for"), validate_choice=False, default=AppointmentSource.PHONE.value)
    reason = StringField(_l("Reason"))
    notes = TextAreaField(_l("Notes"))
    within = SelectField(_l("Within"), validate_choice=False)
    until = Day(_l("Until"))
    part = SelectField(_l("Time of day"), validate_choice=False)
    weekday = SelectField(_l("Weekday"), validate_choice=False)
    room = SelectField(_l("Room"), validate_choice=False)
    minutes = Whole(_l("Length, minutes"))
    weeks = Whole(_l("Weekly, so many times"))
    past_reason = StringField(_l("Why it is entered afterwards"))
    hold = HiddenField()

    @classmethod
    def offering(cls, actor: Actor, posted: MultiDict[str, str] | None = None, **values: Any) -> Any:
        """The form with this clinic's doctors and services; `values` fill it where nothing was posted."""
        form = super().offering(actor, posted, **values)
        form.doctor.choices = whose(actor)
        form.service.choices = [(str(row.id), row.name) for row in choices.services(actor)]
        form.source.choices = [(source.value, formats.word(source)) for source in SOURCES]
        form.within.choices = [("", gettext("Any day")), *((key, gettext(text)) for key, text in WEEKS.items())]
        form.part.choices = [("", gettext("Any time")), *((key, gettext(text)) for key, text in PART_WORDS.items())]
        names = get_day_names("wide", locale=get_locale())
        form.weekday.choices = [("", gettext("Any weekday")), *((str(n), names[n]) for n in range(7))]
        form.room.choices = [("", gettext("Any room")), *((str(row.id), row.name) for row in rooms(actor))]
        return form

    @property
    def service_id(self) -> int | None:
        return number_of(self.service.data)

    @property
    def doctor_id(self) -> int | None:
        return None if "-" in (self.doctor.data or "") else number_of(self.doctor.data)

    @property
    def among(self) -> dict[str, int | None]:
        kind, _, ident = (self.doctor.data or "").rpartition("-")
        found = {"doctor_id": self.doctor_id, "room_id": number_of(self.room.data)}
        if kind in ("department", "specialization"):
            found[f"{kind}_id"] = number_of(ident)
        return found

    def when(self, viewer: Actor, at: datetime) -> When | None:
        first, last = self._days(service_day(at, viewer.clinic))
        begins, ends = PARTS.get(self.part.data or "", (None, None))
        weekday = number_of(self.weekday.data)
        weekdays = frozenset() if weekday is None else frozenset({weekday})
        return When(first, last, weekdays, begins, ends)

    @property
    def is_filtered(self) -> bool:
        """Whether a choice of days or hours stands."""
        return any(field.data for field in (self.within, self.part, self.weekday, self.room))

    def _days(self, today: date) -> tuple[date, date]:
        monday = today - timedelta(days=today.weekday())
        if self.within.data == "this":
            return today, monday + timedelta(days=6)
        if self.within.data == "next":
            return monday + timedelta(days=7), monday + timedelta(days=13)
        if self.within.data == "range":
            first = self.day.data or today
            return first, max(first, self.until.data or first + timedelta(days=FARTHEST_DAYS))
        return today, today + timedelta(days=FARTHEST_DAYS)

    @property
    def one_day(self) -> date | None:
        """The day of which every time is shown."""
        return None if self.within.data else self.day.data

    @property
    def hold_id(self) -> int | None:
        return number_of(self.hold.data)

    @property
    def length(self) -> int | None:
        """How long the visit is to be, where something possible was typed; else as the service."""
        return self.minutes.data if 0 < (self.minutes.data or 0) <= LONGEST_MINUTES else None

    @property
    def details(self) -> dict[str, Any]:
        """As `booking.book` takes them. Raises Invalid."""
        if self.source.data not in list(SOURCES):
            raise invalid_field("source", N_("Choose one of the list."))
        return {
            "source": AppointmentSource(self.source.data),
            "minutes": self.minutes.data,
            "reason": self.reason.data or "",
            "notes": self.notes.data or "",
            "overbooking_reason": self.overbooking_reason.data or None,
            "past_reason": self.past_reason.data or None,
        }


def whose(actor: Actor, *, specializations: bool = True) -> dict[str, Any]:
    """Anybody, any of a specialization or department, or one doctor: as a select shows them."""
    found: dict[str, Any] = {gettext("Whoever is free first"): [("", gettext("Any doctor"))]}
    special = db.session.execute(
        select(Specialization.id, Specialization.name)
        .where(
            Specialization.clinic_id == actor.clinic_id,
            select(Doctor.id).where(Doctor.specialization_id == Specialization.id, Doctor.is_active).exists(),
        )
        .order_by(Specialization.name)
    ).all()
    if special and specializations:
        words = [(f"specialization-{ident}", gettext("Any: %(name)s", name=name)) for ident, name in special]
        found[gettext("Specializations")] = words
    departments = [department for department, doctors in choices.by_department(actor) if doctors]
    if len(departments) > 1:
        words = [(f"department-{row.id}", gettext("Any: %(name)s", name=row.name)) for row in departments]
        found[gettext("Departments")] = words
    return found | grouped_doctors(actor)
