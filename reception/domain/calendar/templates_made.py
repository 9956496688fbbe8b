"""Weekly shifts become shifts: some weeks ahead, when one is saved and once a day by the clock.

An hour that the clocks leave out is skipped, a repeated one means its first passage; 13:00 stays 13:00.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from sqlalchemy import or_, select

from reception import clock
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.calendar import schedules
from reception.domain.calendar.schedules import Shape
from reception.domain.locks import locked, locked_all
from reception.extensions import db
from reception.models import Clinic, Doctor, Record, Room, RoomUse, Schedule, ScheduleTemplate

DAY = timedelta(days=1)


def make_ahead(*, actor: Actor, at: datetime) -> int:
    """Make the weekly shifts of the days that came within the horizon; answers how many shifts there are more."""
    until = horizon(at, actor)
    made: list[Record] = []
    for ident in due(actor, at):
        row = locked(ScheduleTemplate, ident, actor.clinic_id)
        new: list[Record] = []
        if not locked(Doctor, row.doctor_id, actor.clinic_id).is_active:
            row.made_until = until
        else:
            new = make(row, max(first_day(row, at, actor), (row.made_until or date.min) + DAY), actor=actor, at=at)
        record(actor, "schedule_template.make", row, at=at, also=new)
        made += new
    return sum(isinstance(row, Schedule) for row in made)


def due(actor: Actor, at: datetime) -> list[int]:
    """The weekly shifts of which the next one came within the horizon."""
    until = horizon(at, actor)
    query = select(ScheduleTemplate).where(
        ScheduleTemplate.clinic_id == actor.clinic_id,
        ScheduleTemplate.is_active.is_(True),
        or_(ScheduleTemplate.made_until.is_(None), ScheduleTemplate.made_until < until),
    )
    rows = db.session.scalars(query.order_by(ScheduleTemplate.doctor_id, ScheduleTemplate.id))
    return [row.id for row in rows if days(row, (row.made_until or date.min) + DAY, until)]


def gaps(viewer: Actor, row: ScheduleTemplate, today: date) -> list[date]:
    """Days from `today` on for which the weekly shift could not be made: doctor or room were taken."""
    if row.made_until is None:
        return []
    made = set(
        db.session.scalars(select(Schedule.day).where(Schedule.template_id == row.id, Schedule.day >= today))
    )  # fmt: skip
    return [
        day
        for day in days(row, max(today, row.valid_from), row.made_until)
        if day not in made and (shape := shape_on(row, day, viewer)) and shape.ends_at > clock.day_bounds(today, viewer.clinic)[1]
    ]  # fmt: skip


def shape_on(row: ScheduleTemplate, day: date, viewer: Actor) -> Shape | None:
    """The shift of `day`. An hour that the clocks leave out is skipped; None where nothing is left of it."""
    starts_at = clock.nearest_instant(day, row.begins, viewer.clinic)
    last = day + DAY if row.ends == time() else day
    ends_at = clock.nearest_instant(last, row.ends, viewer.clinic)
    if ends_at <= starts_at:
        return None
    return Shape(starts_at, ends_at, row.room_id, row.slot_minutes, row.capacity)


def make(row: ScheduleTemplate, first: date, *, actor: Actor, at: datetime) -> list[Record]:
    """Shifts of the days from `first` to the horizon on which doctor and room are free; what was touched."""
    until, touched = horizon(at, actor), list[Record]()
    room = db.session.get(Room, row.room_id) if row.room_id else None
    for day in days(row, first, until):
        shape = shape_on(row, day, actor)
        if shape is None or shape.ends_at <= at:
            continue
        if room is not None and not room.is_active:
            shape = Shape(shape.starts_at, shape.ends_at, None, shape.slot_minutes, shape.capacity)
        if _is_taken(row.doctor_id, shape, actor):
            continue
        schedule, moved = schedules.lay(row.doctor_id, shape, actor=actor, template_id=row.id)
        touched += [schedule, *moved]
    row.made_until = until
    db.session.flush()
    return touched


def remake(old_id: int, new: ScheduleTemplate, first: date, *, actor: Actor, at: datetime) -> list[Record]:
    """From `first` on the shifts of the weekly shift `old_id` become those of `new`; the same ones stay untouched."""
    touched: list[Record] = []
    kept, rest = set[date](), list[Schedule]()
    for schedule in locked_all(
        Schedule, actor.clinic_id, Schedule.template_id == old_id, Schedule.day >= first, Schedule.ends_at > at
    ):
        is_wanted = _is_valid(new, schedule.day)
        shape = shape_on(new, schedule.day, actor) if is_wanted else None
        if not schedule.is_open or (shape is not None and shape.is_of(schedule)):
            kept.add(schedule.day)  # what somebody closed by hand stays closed
        else:
            rest.append(schedule)
            continue
        if schedule.template_id != new.id:
            schedule.template_id = new.id
            touched.append(schedule)
    for schedule in rest:
        schedules.dissolve(schedule, actor)
        touched.append(schedule)
    new.made_until = None
    db.session.flush()
    until = horizon(at, actor)
    for day in days(new, max(first, first_day(new, at, actor)), until):
        shape = shape_on(new, day, actor)
        if day in kept or shape is None or shape.ends_at <= at or _is_taken(new.doctor_id, shape, actor):
            continue
        schedule, moved = schedules.lay(new.doctor_id, shape, actor=actor, template_id=new.id)
        touched += [schedule, *moved]
    new.made_until = until
    db.session.flush()
    return list(dict.fromkeys(touched))


def _is_taken(doctor_id: int, shape: Shape, actor: Actor) -> bool:
    """Whether doctor or room have another shift then; a closed room counts as free, its slots are closed."""
    other = select(Schedule.id).where(
        Schedule.doctor_id == doctor_id, Schedule.is_open.is_(True),
        Schedule.starts_at < shape.ends_at, Schedule.ends_at > shape.starts_at,
    )  # fmt: skip
    room = select(RoomUse.id).where(
        RoomUse.clinic_id == actor.clinic_id, RoomUse.room_id == shape.room_id, RoomUse.owner_kind != "CLOSURE",
        RoomUse.starts_at < shape.ends_at, RoomUse.ends_at > shape.starts_at,
    )  # fmt: skip
    return any(db.session.scalar(query.limit(1)) is not None for query in (other, room))


def days(row: ScheduleTemplate, first: date, until: date) -> list[date]:
    first = max(first, row.valid_from)
    last = min(until, row.valid_to or until)
    day = first + timedelta(days=(row.weekday - first.weekday()) % 7)
    found = []
    while row.is_active and day <= last:
        found.append(day)
        day += timedelta(days=7)
    return found


def _is_valid(row: ScheduleTemplate, day: date) -> bool:
    return row.is_active and row.weekday == day.weekday() and row.valid_from <= day <= (row.valid_to or day)


def first_day(row: ScheduleTemplate, at: datetime, actor: Actor) -> date:
    return max(row.valid_from, clock.service_day(at, actor.clinic))


def horizon(at: datetime, actor: Actor) -> date:
    weeks = db.session.scalar(select(Clinic.horizon_weeks).where(Clinic.id == actor.clinic_id)) or 0
    return clock.service_day(at, actor.clinic) + timedelta(weeks=weeks)
