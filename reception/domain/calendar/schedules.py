"""Shifts of doctors, cut into slots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import delete, func, select

from reception import clock
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.calendar import open_slots
from reception.domain.calendar.booking import use_room
from reception.domain.calendar.places import lowest, spanned, taken_in
from reception.domain.errors import NotPossible, invalid_field
from reception.domain.locks import held, load, locked, locked_all
from reception.domain.visits.moves import free_places
from reception.extensions import db
from reception.models import (
    Absence,
    Appointment,
    AppointmentPlace,
    AppointmentStatus,
    ClosedDay,
    Doctor,
    Record,
    Room,
    RoomMaintenance,
    Schedule,
    Slot,
)
from reception.words import N_

LONGEST = timedelta(hours=24)
HERE = (AppointmentStatus.CONFIRMED, AppointmentStatus.CHECKED_IN)
KEEPING = (*HERE, AppointmentStatus.COMPLETED)
"""Appointments that have places."""


def open_schedule(
    doctor_id: int,
    starts_at: datetime,
    ends_at: datetime,
    *,
    actor: Actor,
    at: datetime,
    slot_minutes: int = 15,
    capacity: int = 1,
    room_id: int | None = None,
) -> Schedule:
    """A shift of the doctor from `starts_at` to `ends_at` (aware), cut into slots of `capacity` places each.

    Raises Invalid for senseless times, NotPossible where doctor or room is taken (the database decides).
    """
    doctor = locked(Doctor, doctor_id, actor.clinic_id)
    if not doctor.is_active:
        raise NotPossible(N_("This doctor is not at work here any more."), code="inactive")
    if ends_at <= starts_at:
        raise invalid_field("end", N_("The end must come after the start."))
    if ends_at - starts_at > LONGEST:
        raise invalid_field("end", N_("A shift lasts at most 24 hours."))
    if not 1 <= slot_minutes <= 1440:
        raise invalid_field("slot_minutes", N_("A slot lasts from 1 to 1440 minutes."))
    if not 1 <= capacity <= 100:
        raise invalid_field("capacity", N_("A slot has from 1 to 100 places."))
    if room_id is not None and not load(Room, room_id, actor.clinic_id).is_active:
        raise NotPossible(N_("This room is closed."), code="inactive")
    shape = Shape(starts_at, ends_at, room_id, slot_minutes, capacity)
    schedule, taken_in = lay(doctor.id, shape, actor=actor)
    _check_some_open(schedule, actor)
    record(actor, "schedule.open", schedule, at=at, also=taken_in)
    return schedule


@dataclass(frozen=True, slots=True)
class Shape:
    """What a shift is, its doctor aside."""

    starts_at: datetime
    ends_at: datetime
    room_id: int | None
    slot_minutes: int
    capacity: int

    def is_of(self, row: Schedule) -> bool:
        return self == Shape(row.starts_at, row.ends_at, row.room_id, row.slot_minutes, row.capacity)


def lay(
    doctor_id: int, shape: Shape, *, actor: Actor, template_id: int | None = None
) -> tuple[Schedule, list[Record]]:  # fmt: skip
    """Put a shift down: row, slots, room. Slots in an absence, on a closed day or of a closed room are closed at once.

    Who was left over from a shift that is no more and fits into this one is taken in; those appointments, and the row
    that had to step aside, come back with it. The caller records the act and holds the doctor.
    """
    open_slots.hold_clinic(actor)
    if shape.room_id is not None:
        held(Room, [shape.room_id], actor.clinic_id)
    twin, moved = _closed_twin(doctor_id, shape.starts_at, actor)
    schedule = twin or Schedule(clinic_id=actor.clinic_id, doctor_id=doctor_id)
    schedule.room_id, schedule.is_open, schedule.template_id = shape.room_id, True, template_id
    schedule.day = clock.service_day(shape.starts_at, actor.clinic)
    schedule.starts_at, schedule.ends_at = shape.starts_at, shape.ends_at
    schedule.slot_minutes, schedule.capacity = shape.slot_minutes, shape.capacity
    db.session.add(schedule)
    db.session.flush()
    db.session.add_all(slots_of(schedule))
    db.session.flush()
    open_slots.use_room(schedule)
    moved += _take_in(schedule, actor)
    open_slots.refresh(actor, shape.starts_at, shape.ends_at, doctor_id=doctor_id)
    return schedule, moved


def _check_some_open(schedule: Schedule, actor: Actor) -> None:
    """A shift in which nobody could be booked is not opened by hand."""
    if db.session.scalar(select(Slot.id).where(Slot.schedule_id == schedule.id, Slot.is_open.is_(True)).limit(1)):
        return
    for reason in open_slots.reasons(actor, schedule.starts_at, schedule.ends_at):
        if reason.covers(schedule.starts_at, schedule.ends_at, schedule.doctor_id, schedule.room_id):
            raise NotPossible(_SHUT[type(reason.row)], code="closed", allowed=[])


_SHUT: dict[type, str] = {
    ClosedDay: N_("The clinic is closed on that day. Take the closed day back first."),
    Absence: N_("The doctor is away at that time. Take the absence back first."),
    RoomMaintenance: N_("The room is closed at that time. Choose another one."),
}


def _take_in(schedule: Schedule, actor: Actor) -> list[Record]:
    """People of the doctor's dissolved shifts whose time lies in this one: they keep it, whatever its capacity."""
    left = select(Schedule.id).where(Schedule.doctor_id == schedule.doctor_id, Schedule.is_open.is_(False))
    rows = locked_all(
        Appointment, actor.clinic_id, Appointment.schedule_id.in_(left), Appointment.status.in_(HERE),
        Appointment.starts_at >= schedule.starts_at, Appointment.ends_at <= schedule.ends_at,
    )  # fmt: skip
    known: set[int] = set()
    taken: list[Record] = []
    for row in sorted(rows, key=lambda row: (row.starts_at, row.id)):
        if row.patient_id in known:  # a patient once in a shift
            continue
        known.add(row.patient_id)
        free_places(row)
        row.room_id = schedule.room_id if row.room_id == row.schedule.room_id else row.room_id
        row.schedule_id = schedule.id
        slots = spanned(schedule.id, row.starts_at, row.ends_at)
        numbers = taken_in(slots, None, row.starts_at)
        for slot in slots:
            place = lowest(numbers[slot.id])
            if row.overbooking_reason is None:
                slot.capacity = max(slot.capacity, place)
            db.session.flush()
            db.session.add(
                AppointmentPlace(slot_id=slot.id, place=place, clinic_id=row.clinic_id, appointment_id=row.id)
            )
        db.session.flush()
        use_room(row, schedule)
        db.session.expire(row, ["schedule", "room"])
        taken.append(row)
    return taken


def dissolve(schedule: Schedule, actor: Actor) -> None:
    """Take a shift of a template away. Whoever is booked in it keeps the place in it until somebody decides."""
    schedule.is_open, schedule.template_id = False, None
    db.session.flush()
    open_slots.use_room(schedule)
    open_slots.close_all(schedule, actor)


def plan(doctor_id: int, day: date, first: time, last: time, *, actor: Actor, at: datetime, **more: Any) -> Schedule:
    """`open_schedule` by the clinic's wall clock; `last` at midnight is the end of the day.

    Raises Invalid for a time that a change of clocks leaves out on that day, and for what is past.
    """
    starts_at = _instant(day, first, "first", actor)
    ends_at = _instant(day + timedelta(days=1) if last == time() else day, last, "last", actor)
    if ends_at <= starts_at:
        raise invalid_field("last", N_("The end must come after the start."))
    if ends_at <= at:
        raise invalid_field("day", N_("This shift would be over already. Choose a later day or time."))
    return open_schedule(doctor_id, starts_at, ends_at, actor=actor, at=at, **more)


def _instant(day: date, wall: time, field: str, actor: Actor) -> datetime:
    found = clock.instant(day, wall, actor.clinic)
    if found is None:
        raise invalid_field(
            field, N_("There is no %(time)s on that day: the clocks are put forward."), time=f"{wall:%H:%M}"
        )
    return found


def close(schedule_id: int, *, actor: Actor, at: datetime) -> Schedule:
    """Close a shift in which nobody is booked. Raises NotPossible while somebody is."""
    schedule = locked(Schedule, schedule_id, actor.clinic_id)
    if not schedule.is_open:
        return schedule
    if booked(schedule):
        raise NotPossible(
            N_("Somebody is booked in this shift. Move or cancel these appointments first."), code="booked", allowed=[]
        )
    schedule.is_open = False
    db.session.flush()
    open_slots.use_room(schedule)
    record(actor, "schedule.close", schedule, at=at)
    db.session.flush()
    return schedule


def booked(schedule: Schedule) -> int:
    """How many appointments stand in the shift."""
    query = select(func.count()).where(Appointment.schedule_id == schedule.id, Appointment.status.in_(HERE))
    return db.session.scalar(query) or 0


def reopen(schedule_id: int, *, actor: Actor, at: datetime) -> Schedule:
    """Open a closed shift again as it was; the database says whether doctor and room are still free."""
    open_slots.hold_clinic(actor)
    schedule = locked(Schedule, schedule_id, actor.clinic_id)
    if not schedule.is_open:
        schedule.is_open = True
        db.session.flush()
        open_slots.use_room(schedule)
        open_slots.refresh(actor, schedule.starts_at, schedule.ends_at, doctor_id=schedule.doctor_id)
        record(actor, "schedule.open", schedule, at=at)
    return schedule


def _closed_twin(doctor_id: int, starts_at: datetime, actor: Actor) -> tuple[Schedule | None, list[Record]]:
    """A closed shift of the same doctor and start: it is opened again with new slots, for there is one such row.

    Where somebody still has a place in it, it steps aside instead: its start says nothing any more.
    """
    rows = locked_all(
        Schedule, actor.clinic_id, Schedule.doctor_id == doctor_id, Schedule.starts_at == starts_at,
        Schedule.is_open.is_(False),
    )  # fmt: skip
    if not rows:
        return None, []
    twin = rows[0]
    slots = select(Slot.id).where(Slot.schedule_id == twin.id)
    whole = {"synchronize_session": False}
    if db.session.scalar(
        select(Appointment.id).where(Appointment.schedule_id == twin.id, Appointment.status.in_(KEEPING)).limit(1)
    ):
        taken = set(db.session.scalars(select(Schedule.starts_at).where(Schedule.doctor_id == doctor_id)))
        while twin.starts_at in taken:
            twin.starts_at += timedelta(seconds=1)
        db.session.flush()
        return None, [twin]
    db.session.execute(delete(AppointmentPlace).where(AppointmentPlace.slot_id.in_(slots)), execution_options=whole)
    db.session.execute(delete(Slot).where(Slot.schedule_id == twin.id), execution_options=whole)
    return twin, []


def former(
    schedule_id: int | None, doctor_id: int, starts_at: datetime, ends_at: datetime, actor: Actor
) -> Schedule | None:  # fmt: skip
    """The shift that somebody had a place in and comes back to, as long as it has its slots, be they closed by now."""
    if schedule_id is None:
        return None
    row = locked(Schedule, schedule_id, actor.clinic_id)
    slots = spanned(row.id, starts_at, ends_at)
    is_whole = bool(slots) and min(s.starts_at for s in slots) <= starts_at and max(s.ends_at for s in slots) >= ends_at
    return row if row.doctor_id == doctor_id and is_whole else None


def slots_of(schedule: Schedule) -> list[Slot]:
    """The shift cut into slots; a rest shorter than a slot makes a short last one."""
    slots, start = [], schedule.starts_at
    while start < schedule.ends_at:
        end = min(start + timedelta(minutes=schedule.slot_minutes), schedule.ends_at)
        slots.append(
            Slot(
                clinic_id=schedule.clinic_id, schedule_id=schedule.id, starts_at=start, ends_at=end,
                capacity=schedule.capacity,
            )
        )  # fmt: skip
        start = end
    return slots


def on_day(clinic_id: int, day: date) -> list[Schedule]:
    """The open shifts of the day, by doctor and start."""
    return list(
        db.session.scalars(
            select(Schedule)
            .where(Schedule.clinic_id == clinic_id, Schedule.day == day, Schedule.is_open)
            .order_by(Schedule.starts_at, Schedule.doctor_id)
        )
    )
