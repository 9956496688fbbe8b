"""Days on which the clinic is closed, and rooms that are closed for a while."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import joinedload

from reception import clock
from reception.domain.actors import Actor
from reception.domain.audit import record, work
from reception.domain.calendar import open_slots
from reception.domain.calendar.booking import use_room
from reception.domain.clinic import named
from reception.domain.errors import NotPossible, invalid_field
from reception.domain.locks import load, locked, locked_all
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import (
    Appointment,
    AppointmentStatus,
    ClosedDay,
    MaintenanceKind,
    MaintenanceStatus,
    Room,
    RoomMaintenance,
    RoomUse,
    Schedule,
)
from reception.words import N_

LONGEST = timedelta(days=1100)
WHOLE = {"synchronize_session": False}


# ------------------------------------------------------------------------------------------------------ closed days


def close_days(
    days: Mapping[date, str], *, actor: Actor, at: datetime, ask_again: bool = True
) -> ClosedDay:  # fmt: skip
    """The clinic is closed on `days` (day -> name), today or later. Days that are closed already stay as they are.

    Slots of those days are closed; who is booked keeps the place until somebody decides; whoever was kept already is asked
    again, unless not `ask_again`. Answers the first.
    """
    today = clock.service_day(at, actor.clinic)
    if not days:
        raise invalid_field("days", N_("Choose at least one day."))
    for day in days:
        if day < today:
            raise invalid_field("day", N_("This day is past. Choose a later one."))
        if day - today > LONGEST:
            raise invalid_field("day", N_("This is too far ahead: at most three years."))
    open_slots.hold_clinic(actor, closing=True)
    known = {row.day: row for row in _closed(actor, days)}
    rows = []
    for day, name in sorted(days.items()):
        if day in known:
            rows.append(known[day])
            continue
        row = ClosedDay(clinic_id=actor.clinic_id, day=day, name=named(name))
        db.session.add(row)
        db.session.flush()
        first, last = clock.day_bounds(day, actor.clinic)
        again = open_slots.ask_again(actor, first, last) if ask_again else []
        open_slots.refresh(actor, first, last)
        open_slots.show(actor, {day})
        record(actor, "closed_day.add", row, at=at, also=again)
        rows.append(row)
    return rows[0]


def rename_day(closed_day_id: int, name: str, *, actor: Actor, at: datetime) -> ClosedDay:
    """Another name for a closed day."""
    row = locked(ClosedDay, closed_day_id, actor.clinic_id)
    row.name = named(name)
    open_slots.show(actor, {row.day})
    record(actor, "closed_day.change", row, at=at)
    return row


def open_day(closed_day_id: int, *, actor: Actor, at: datetime) -> None:
    """The clinic works on that day after all: its slots open again unless something else closes them."""
    open_slots.hold_clinic(actor, closing=True)
    row = locked(ClosedDay, closed_day_id, actor.clinic_id)
    day = row.day
    record(actor, "closed_day.end", row, at=at, day=day)
    db.session.delete(row)
    db.session.flush()
    open_slots.refresh(actor, *clock.day_bounds(day, actor.clinic))
    open_slots.show(actor, {day})


def open_days(closed_day_ids: Iterable[int], *, actor: Actor, at: datetime) -> None:
    """The clinic works on these days after all."""
    idents = sorted(set(closed_day_ids))
    if not idents:
        raise invalid_field("days", N_("Choose at least one day."))
    for ident in idents:
        open_day(ident, actor=actor, at=at)


def closed_days(viewer: Actor, first: date, last: date) -> list[ClosedDay]:
    """The closed days from `first` to `last`, both included."""
    query = select(ClosedDay).where(ClosedDay.clinic_id == viewer.clinic_id, ClosedDay.day.between(first, last))
    return list(db.session.scalars(query.order_by(ClosedDay.day)))


def _closed(actor: Actor, days: Mapping[date, str]) -> list[ClosedDay]:
    return list(
        db.session.scalars(select(ClosedDay).where(ClosedDay.clinic_id == actor.clinic_id, ClosedDay.day.in_(days)))
    )


# ------------------------------------------------------------------------------------------------------------ rooms


def close_room(
    room_id: int,
    starts_at: datetime,
    ends_at: datetime,
    *,
    actor: Actor,
    at: datetime,
    kind: MaintenanceKind = MaintenanceKind.CLEANING,
    description: str = "",
    performed_by: str = "",
) -> RoomMaintenance:
    """Nobody is seen in the room from `starts_at` to `ends_at` (aware): shifts in it give it up for that time.

    Who is booked in it keeps the place until somebody decides. Raises Invalid, or NotPossible where it is closed already.
    """
    if ends_at <= starts_at:
        raise invalid_field("ends", N_("The end must come after the start."))
    if ends_at <= at:
        raise invalid_field("ends", N_("This closure would be over already."))
    if ends_at - starts_at > LONGEST or starts_at - at > LONGEST:
        raise invalid_field("ends", N_("This is too far ahead: at most three years."))
    again = open_slots.ask_again(actor, starts_at, ends_at, room_id=room_id)
    room = locked(Room, room_id, actor.clinic_id)
    if open_slots.closures(actor.clinic_id, starts_at, ends_at, room.id):
        raise NotPossible(N_("The room is closed at that time already."), code="closed", allowed=[])
    row = RoomMaintenance(
        clinic_id=actor.clinic_id, room_id=room.id, starts_at=starts_at, ends_at=ends_at, kind=kind,
        status=MaintenanceStatus.SCHEDULED, description=checked(description, "description", 500),
        performed_by=checked(performed_by, "performed_by", 200),
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    _changed(row, actor)
    record(actor, "room_maintenance.add", row, at=at, also=again)
    return row


def end_closure(closure_id: int, done: bool, *, actor: Actor, at: datetime) -> RoomMaintenance:
    """The room is used again: the work is `done`, or does not take place. Its slots open unless something closes them."""
    load(RoomMaintenance, closure_id, actor.clinic_id)
    row = _locked(closure_id, actor)
    if row.status in open_slots.STANDING:
        row.status = MaintenanceStatus.COMPLETED if done else MaintenanceStatus.CANCELLED
        db.session.flush()
        _changed(row, actor)
        record(actor, "room_maintenance.end", row, at=at)
    return row


def restore_closure(closure_id: int, *, actor: Actor, at: datetime) -> RoomMaintenance:
    """Undo of `end_closure`; ex_room_use says whether the room has been given to somebody meanwhile."""
    row = _locked(closure_id, actor)
    if row.status not in open_slots.STANDING:
        if open_slots.closures(actor.clinic_id, row.starts_at, row.ends_at, row.room_id):
            raise NotPossible(N_("The room is closed at that time already."), code="closed", allowed=[])
        row.status = MaintenanceStatus.SCHEDULED
        db.session.flush()
        _changed(row, actor)
        record(actor, "room_maintenance.restore", row, at=at)
    return row


def room_closures(viewer: Actor, at: datetime) -> list[RoomMaintenance]:
    """Closures of rooms that hold and are not over at `at`."""
    query = select(RoomMaintenance).where(
        RoomMaintenance.clinic_id == viewer.clinic_id, RoomMaintenance.status.in_(open_slots.STANDING),
        RoomMaintenance.ends_at > at,
    )  # fmt: skip
    order = (RoomMaintenance.starts_at, RoomMaintenance.id)
    return list(db.session.scalars(query.options(joinedload(RoomMaintenance.room)).order_by(*order)))


def _locked(closure_id: int, actor: Actor) -> RoomMaintenance:
    """The closure; its room first, as whoever opens a shift in it holds the room."""
    locked(Room, load(RoomMaintenance, closure_id, actor.clinic_id).room_id, actor.clinic_id)
    return locked(RoomMaintenance, closure_id, actor.clinic_id)


def _changed(row: RoomMaintenance, actor: Actor) -> None:
    """Let the closure have the room, or give it back to the shifts and appointments that it is planned for."""
    holds = row.status in open_slots.STANDING
    own = (RoomUse.owner_kind == "CLOSURE") & (RoomUse.owner_id == row.id)
    within = (RoomUse.room_id == row.room_id, RoomUse.starts_at < row.ends_at, RoomUse.ends_at > row.starts_at)
    db.session.execute(delete(RoomUse).where(own), execution_options=WHOLE)
    db.session.execute(delete(RoomUse).where(RoomUse.owner_kind == "APPOINTMENT", *within), execution_options=WHOLE)
    shifts = locked_all(
        Schedule, actor.clinic_id, Schedule.room_id == row.room_id, Schedule.is_open.is_(True),
        Schedule.starts_at < row.ends_at, Schedule.ends_at > row.starts_at,
    )  # fmt: skip
    for shift in shifts:
        open_slots.use_room(shift)
    if holds:
        db.session.add(
            RoomUse(
                clinic_id=row.clinic_id, room_id=row.room_id, starts_at=row.starts_at, ends_at=row.ends_at,
                owner_kind="CLOSURE", owner_id=row.id,
            )
        )  # fmt: skip
        db.session.flush()
    for appointment in _guests(row):
        if not open_slots.closures(row.clinic_id, appointment.starts_at, appointment.ends_at, row.room_id):
            use_room(appointment, appointment.schedule)
    open_slots.refresh(actor, row.starts_at, row.ends_at, room_id=row.room_id)
    open_slots.show(actor, {shift.day for shift in shifts} | {clock.service_day(row.starts_at, actor.clinic)})
    work().regions.add("rooms")


def _guests(row: RoomMaintenance) -> list[Appointment]:
    """Appointments in the room that are of shifts elsewhere."""
    query = (
        select(Appointment)
        .join(Schedule, Schedule.id == Appointment.schedule_id)
        .where(
            Appointment.clinic_id == row.clinic_id, Appointment.room_id == row.room_id,
            Appointment.room_id.is_distinct_from(Schedule.room_id),
            Appointment.status.in_([AppointmentStatus.CONFIRMED, AppointmentStatus.CHECKED_IN]),
            Appointment.starts_at < row.ends_at, Appointment.ends_at > row.starts_at,
        )
    )  # fmt: skip
    return list(db.session.scalars(query))
