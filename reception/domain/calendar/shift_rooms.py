"""Another room for a shift."""

from __future__ import annotations

from datetime import datetime

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.calendar import open_slots
from reception.domain.calendar.schedules import HERE
from reception.domain.errors import NotPossible
from reception.domain.locks import held, load, locked, locked_all
from reception.extensions import db
from reception.models import Appointment, Room, Schedule
from reception.words import N_


def give_room(schedule_id: int, room_id: int | None, *, actor: Actor, at: datetime) -> Schedule:
    """Let a shift have another room, or none. Its people go along; who has a room apart from the shift's keeps it.

    Raises NotFound, or NotPossible: closed or over, the room is closed then, or taken (the database decides).
    """
    former = load(Schedule, schedule_id, actor.clinic_id).room_id
    people = locked_all(
        Appointment, actor.clinic_id, Appointment.schedule_id == schedule_id, Appointment.status.in_(HERE)
    )
    rooms = held(Room, [ident for ident in (room_id, former) if ident is not None], actor.clinic_id)
    schedule = locked(Schedule, schedule_id, actor.clinic_id)
    if not schedule.is_open or schedule.ends_at <= at:
        raise NotPossible(N_("This shift is closed or over. Its room stays as it is."), code="inactive", allowed=[])
    former = schedule.room_id
    if room_id == former:
        return schedule
    if room_id is not None:
        if not rooms[room_id].is_active:
            raise NotPossible(N_("This room is closed."), code="inactive", allowed=[])
        if open_slots.closures(actor.clinic_id, max(schedule.starts_at, at), schedule.ends_at, room_id):
            raise NotPossible(N_("The room is closed at that time. Choose another one."), code="closed", allowed=[])
    along = [row for row in people if row.room_id == former]
    schedule.room_id = room_id
    for row in along:
        row.room_id = room_id
    db.session.flush()
    open_slots.use_room(schedule)
    open_slots.refresh(actor, schedule.starts_at, schedule.ends_at, doctor_id=schedule.doctor_id)
    record(actor, "schedule.room", schedule, at=at, also=along)
    db.session.expire(schedule, ["room"])
    return schedule
