"""Shifts of doctors, cut into slots."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import delete, func, select

from reception import clock
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import NotPossible, invalid_field
from reception.domain.locks import load, locked
from reception.extensions import db
from reception.models import (
    Appointment,
    AppointmentPlace,
    AppointmentStatus,
    Doctor,
    Room,
    RoomUse,
    Schedule,
    Slot,
)
from reception.words import N_

LONGEST = timedelta(hours=24)


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
    doctor = load(Doctor, doctor_id, actor.clinic_id)
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
    schedule = _closed_twin(doctor.id, starts_at) or Schedule(clinic_id=actor.clinic_id, doctor_id=doctor.id)
    schedule.room_id, schedule.is_open = room_id, True
    schedule.day = clock.service_day(starts_at, actor.clinic)
    schedule.starts_at, schedule.ends_at = starts_at, ends_at
    schedule.slot_minutes, schedule.capacity = slot_minutes, capacity
    db.session.add(schedule)
    db.session.flush()
    db.session.add_all(slots_of(schedule))
    _use_room(schedule)
    record(actor, "schedule.open", schedule, at=at)
    return schedule


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
    standing = db.session.scalar(
        select(func.count()).where(
            Appointment.schedule_id == schedule.id,
            Appointment.status.in_([AppointmentStatus.CONFIRMED, AppointmentStatus.CHECKED_IN]),
        )
    )
    if standing:
        raise NotPossible(
            N_("Somebody is booked in this shift. Move or cancel these appointments first."), code="booked", allowed=[]
        )
    schedule.is_open = False
    db.session.execute(
        delete(RoomUse).where(RoomUse.owner_kind == "SCHEDULE", RoomUse.owner_id == schedule.id),
        execution_options={"synchronize_session": False},
    )
    record(actor, "schedule.close", schedule, at=at)
    db.session.flush()
    return schedule


def reopen(schedule_id: int, *, actor: Actor, at: datetime) -> Schedule:
    """Open a closed shift again as it was; the database says whether doctor and room are still free."""
    schedule = locked(Schedule, schedule_id, actor.clinic_id)
    if not schedule.is_open:
        schedule.is_open = True
        db.session.flush()
        _use_room(schedule)
        record(actor, "schedule.open", schedule, at=at)
    return schedule


def _closed_twin(doctor_id: int, starts_at: datetime) -> Schedule | None:
    """A closed shift of the same doctor and start: it is opened again with new slots, for there is one such row."""
    twin = db.session.scalar(
        select(Schedule)
        .where(Schedule.doctor_id == doctor_id, Schedule.starts_at == starts_at, Schedule.is_open.is_(False))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if twin is not None:
        whole = {"synchronize_session": False}
        slots = select(Slot.id).where(Slot.schedule_id == twin.id)
        db.session.execute(delete(AppointmentPlace).where(AppointmentPlace.slot_id.in_(slots)), execution_options=whole)
        db.session.execute(delete(Slot).where(Slot.schedule_id == twin.id), execution_options=whole)
    return twin


def _use_room(schedule: Schedule) -> None:
    if schedule.room_id is not None:
        db.session.add(
            RoomUse(
                clinic_id=schedule.clinic_id, room_id=schedule.room_id, starts_at=schedule.starts_at,
                ends_at=schedule.ends_at, owner_kind="SCHEDULE", owner_id=schedule.id,
            )
        )  # fmt: skip


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
