"""Weekly shifts: entered once by the clinic's wall clock, made into shifts some weeks ahead (`templates_made.py`).

A change holds from a day on. Shifts before it stay; those from it on are made anew, and whoever is booked in a time that
is no more keeps the place until somebody decides (`callups.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import or_, select

from reception import clock
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.calendar import open_slots, templates_made
from reception.domain.calendar.schedules import HERE
from reception.domain.errors import NotPossible, Stale, invalid_field
from reception.domain.locks import load, locked, locked_all
from reception.extensions import db
from reception.models import Appointment, Doctor, Record, Room, ScheduleTemplate
from reception.words import N_

FARTHEST = timedelta(days=3660)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Weekly:
    """What a weekly shift is, its weekday aside. `ends` at 00:00 is the end of the day; no `valid_to`: for good."""

    begins: time
    ends: time
    valid_from: date
    valid_to: date | None = None
    slot_minutes: int = 15
    capacity: int = 1
    room_id: int | None = None


def add(doctor_id: int, weekdays: Iterable[int], weekly: Weekly, *, actor: Actor, at: datetime) -> ScheduleTemplate:
    """A weekly shift of the doctor on each of `weekdays` (Monday is 0), made into shifts at once. Answers the first.

    Raises Invalid, NotFound, or NotPossible where the doctor or the room has another weekly shift at that time.
    """
    doctor = _doctor(doctor_id, actor)
    days = sorted(set(weekdays))
    if not days or not set(days) <= set(range(7)):
        raise invalid_field("weekdays", N_("Choose at least one day of the week."))
    _check(weekly, at, actor)
    added = []
    for weekday in days:
        row = ScheduleTemplate(clinic_id=actor.clinic_id, doctor_id=doctor.id, weekday=weekday, is_active=True)
        _fill(row, weekly)
        check_free(row, actor)
        db.session.add(row)
        db.session.flush()
        made = templates_made.make(row, templates_made.first_day(row, at, actor), actor=actor, at=at)
        record(actor, "schedule_template.add", row, at=at, also=made)
        added.append(row)
    return added[0]


def change(
    template_id: int, from_day: date, weekly: Weekly, *, actor: Actor, at: datetime, version: int | None = None
) -> ScheduleTemplate:
    """The weekly shift is as `weekly` says from `from_day` on (today or later); before that it stays as it was.

    Answers the row that holds from then on. `weekly.valid_from` is not asked.
    """
    row = _template(template_id, actor, version)
    today = clock.service_day(at, actor.clinic)
    if from_day < today:
        raise invalid_field("from_day", N_("A change cannot begin in the past."))
    from_day = max(from_day, row.valid_from)
    if row.valid_to is not None and from_day > row.valid_to:
        raise invalid_field("from_day", N_("This weekly shift has ended by then."))
    weekly = _as_of(weekly, from_day)
    _check(weekly, at, actor)
    people = _lock_people(row.doctor_id, from_day, at, actor)
    locked(Doctor, row.doctor_id, actor.clinic_id)
    touched: list[Record] = list(people)
    if from_day > row.valid_from:
        new = ScheduleTemplate(
            clinic_id=actor.clinic_id, doctor_id=row.doctor_id, weekday=row.weekday, is_active=True,
            made_until=row.made_until,
        )  # fmt: skip
        row.valid_to = from_day - DAY
        db.session.flush()
        touched.append(row)
    else:
        new = row
    _fill(new, weekly)
    check_free(new, actor)
    db.session.add(new)
    db.session.flush()
    touched += templates_made.remake(row.id, new, from_day, actor=actor, at=at)
    record(actor, "schedule_template.change", new, at=at, also=touched)
    return new


def end(
    template_id: int, last_day: date, *, actor: Actor, at: datetime, version: int | None = None
) -> ScheduleTemplate:  # fmt: skip
    """The weekly shift is given for the last time on or before `last_day` (yesterday or later)."""
    row = _template(template_id, actor, version)
    today = clock.service_day(at, actor.clinic)
    if last_day < today - DAY:
        raise invalid_field("last_day", N_("A change cannot begin in the past."))
    people = _lock_people(row.doctor_id, last_day + DAY, at, actor)
    locked(Doctor, row.doctor_id, actor.clinic_id)
    row.valid_to, row.is_active = max(last_day, row.valid_from), last_day >= row.valid_from
    db.session.flush()
    touched = [*people, *templates_made.remake(row.id, row, last_day + DAY, actor=actor, at=at)]
    record(actor, "schedule_template.end", row, at=at, also=touched)
    return row


def copy_week(from_doctor_id: int, to_doctor_id: int, from_day: date, *, actor: Actor, at: datetime) -> Doctor:
    """The other doctor works the same week from `from_day` on, in the own room."""
    load(Doctor, from_doctor_id, actor.clinic_id)
    doctor = _doctor(to_doctor_id, actor, field="to_doctor")
    if from_doctor_id == to_doctor_id:
        raise invalid_field("to_doctor", N_("Choose another doctor."))
    rows = [row for row in of_doctor(actor, from_doctor_id, from_day) if row.valid_from <= from_day]
    if not rows:
        raise invalid_field("from_day", N_("There is no weekly shift on that day."))
    for row in rows:
        weekly = Weekly(row.begins, row.ends, from_day, row.valid_to, row.slot_minutes, row.capacity, doctor.room_id)
        add(doctor.id, [row.weekday], weekly, actor=actor, at=at)
    return doctor


def of_doctor(viewer: Actor, doctor_id: int, from_day: date) -> list[ScheduleTemplate]:
    """The doctor's weekly shifts that are valid on or after `from_day`, by weekday and time."""
    query = select(ScheduleTemplate).where(
        ScheduleTemplate.clinic_id == viewer.clinic_id,
        ScheduleTemplate.doctor_id == doctor_id,
        ScheduleTemplate.is_active.is_(True),
        or_(ScheduleTemplate.valid_to.is_(None), ScheduleTemplate.valid_to >= from_day),
    )
    order = (ScheduleTemplate.weekday, ScheduleTemplate.begins, ScheduleTemplate.valid_from)
    return list(db.session.scalars(query.order_by(*order)))


# ------------------------------------------------------------------------------------------------------- checking


def _template(template_id: int, actor: Actor, version: int | None = None) -> ScheduleTemplate:
    row = locked(ScheduleTemplate, template_id, actor.clinic_id)
    if version is not None and version != row.version:
        raise Stale(N_("Somebody was faster. This is how it stands now."))
    return row


def _lock_people(doctor_id: int, first: date, at: datetime, actor: Actor) -> list[Appointment]:
    """Appointments come before doctors and shifts in the order of locks; who was kept is asked about again."""
    start, _ = clock.day_bounds(first, actor.clinic)
    locked_all(
        Appointment, actor.clinic_id, Appointment.doctor_id == doctor_id, Appointment.day >= first,
        Appointment.status.in_(HERE),
    )  # fmt: skip
    return open_slots.ask_again(actor, max(start, at), start + FARTHEST, doctor_id=doctor_id)


def _doctor(doctor_id: int, actor: Actor, field: str = "doctor") -> Doctor:
    doctor = locked(Doctor, doctor_id, actor.clinic_id)
    if not doctor.is_active:
        raise invalid_field(field, N_("This doctor is not at work here any more."))
    return doctor


def _as_of(weekly: Weekly, day: date) -> Weekly:
    values: dict[str, Any] = {name: getattr(weekly, name) for name in Weekly.__slots__}
    return Weekly(**values | {"valid_from": day})


def _fill(row: ScheduleTemplate, weekly: Weekly) -> None:
    for name in Weekly.__slots__:
        setattr(row, name, getattr(weekly, name))


def _check(weekly: Weekly, at: datetime, actor: Actor) -> None:
    if weekly.ends not in (time(),) and weekly.ends <= weekly.begins:
        raise invalid_field(
            "ends", N_("The end must come after the start. A night is two shifts, until and from 00:00.")
        )
    if not 1 <= weekly.slot_minutes <= 1440:
        raise invalid_field("slot_minutes", N_("A slot lasts from 1 to 1440 minutes."))
    if not 1 <= weekly.capacity <= 100:
        raise invalid_field("capacity", N_("A slot has from 1 to 100 places."))
    today = clock.service_day(at, actor.clinic)
    if not today - FARTHEST <= weekly.valid_from <= today + FARTHEST:
        raise invalid_field("valid_from", N_("This day is out of reach."))
    if weekly.valid_to is not None and weekly.valid_to < max(weekly.valid_from, today):
        raise invalid_field("valid_to", N_("This would be over already. Choose a later day."))
    if weekly.room_id is not None and not load(Room, weekly.room_id, actor.clinic_id).is_active:
        raise invalid_field("room", N_("This room is closed."))


def check_free(row: ScheduleTemplate, actor: Actor) -> None:
    """A doctor, and a room, has one weekly shift at a time."""
    for other in db.session.scalars(
        select(ScheduleTemplate).where(
            ScheduleTemplate.clinic_id == actor.clinic_id, ScheduleTemplate.weekday == row.weekday,
            ScheduleTemplate.is_active.is_(True), ScheduleTemplate.id != (row.id or 0),
            or_(ScheduleTemplate.valid_to.is_(None), ScheduleTemplate.valid_to >= row.valid_from),
            or_(ScheduleTemplate.doctor_id == row.doctor_id, ScheduleTemplate.room_id == row.room_id),
        )
    ):  # fmt: skip
        if row.valid_to is not None and other.valid_from > row.valid_to:
            continue
        if other.begins < _end(row) and row.begins < _end(other):
            if other.doctor_id == row.doctor_id:
                raise NotPossible(N_("The doctor has another weekly shift at this time."), code="overlap", allowed=[])
            raise NotPossible(N_("The room is given to another weekly shift at this time."), code="room-taken", allowed=[])  # fmt: skip


def _end(row: ScheduleTemplate) -> time:
    return time.max if row.ends == time() else row.ends
