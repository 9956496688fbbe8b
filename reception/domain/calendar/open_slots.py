"""Which slots are open. One rule, asked anew after every change: a slot of an open shift is closed while its doctor is
away, while the clinic is closed on its day, or while the room of its shift is closed; else it is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, text

from reception import clock
from reception.domain.actors import Actor
from reception.domain.audit import work
from reception.domain.calendar.places import drop_holds
from reception.domain.locks import locked_all
from reception.extensions import db
from reception.models import (
    Absence,
    Appointment,
    AppointmentPlace,
    AppointmentStatus,
    Clinic,
    ClosedDay,
    MaintenanceStatus,
    RoomMaintenance,
    RoomUse,
    Schedule,
    Slot,
)

STANDING = (MaintenanceStatus.SCHEDULED, MaintenanceStatus.IN_PROGRESS)
"""Closures of a room that hold."""
DAY = timedelta(days=1)
CALLS = "calls"
"""The signal of the list of people to call."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why nobody is seen from `starts_at` to `ends_at`: the row says more. None: every doctor, every room."""

    row: Absence | ClosedDay | RoomMaintenance
    starts_at: datetime
    ends_at: datetime
    doctor_id: int | None = None
    room_id: int | None = None

    def covers(self, starts_at: datetime, ends_at: datetime, doctor_id: int, room_id: int | None) -> bool:
        return (
            self.starts_at < ends_at
            and self.ends_at > starts_at
            and self.doctor_id in (None, doctor_id)
            and self.room_id in (None, room_id)
        )


def reasons(viewer: Actor, first: datetime, last: datetime) -> list[Reason]:
    """What closes anything in [first, last): closed days, absences, closures of rooms."""
    within = {"clinic_id": viewer.clinic_id}
    days = (clock.service_day(first, viewer.clinic), clock.service_day(last, viewer.clinic))
    found = [
        Reason(row, *clock.day_bounds(row.day, viewer.clinic))
        for row in db.session.scalars(select(ClosedDay).filter_by(**within).where(ClosedDay.day.between(*days)))
    ]
    absences = select(Absence).filter_by(**within).where(Absence.ended_at.is_(None))
    found += [
        Reason(row, row.starts_at, row.ends_at, doctor_id=row.doctor_id)
        for row in db.session.scalars(absences.where(Absence.starts_at < last, Absence.ends_at > first))
    ]
    return found + [
        Reason(row, row.starts_at, row.ends_at, room_id=row.room_id) for row in closures(viewer.clinic_id, first, last)
    ]


def closures(clinic_id: int, first: datetime, last: datetime, room_id: int | None = None) -> list[RoomMaintenance]:
    """Closures of rooms that hold and touch [first, last), in time order."""
    query = select(RoomMaintenance).where(
        RoomMaintenance.clinic_id == clinic_id, RoomMaintenance.status.in_(STANDING),
        RoomMaintenance.starts_at < last, RoomMaintenance.ends_at > first,
    )  # fmt: skip
    if room_id is not None:
        query = query.where(RoomMaintenance.room_id == room_id)
    return list(db.session.scalars(query.order_by(RoomMaintenance.starts_at, RoomMaintenance.id)))


def refresh(
    actor: Actor, first: datetime, last: datetime, *, doctor_id: int | None = None, room_id: int | None = None
) -> list[Slot]:
    """Open and close the slots of open shifts in [first, last) by the rule; the caller holds doctor, room or clinic.

    A place that is only kept for somebody in a slot that closes is given up. Answers the slots that changed.
    """
    days = (clock.service_day(first, actor.clinic) - timedelta(days=1), clock.service_day(last, actor.clinic))
    shifts = select(Schedule).where(
        Schedule.clinic_id == actor.clinic_id, Schedule.day.between(*days), Schedule.is_open.is_(True),
        Schedule.starts_at < last, Schedule.ends_at > first,
    )  # fmt: skip
    if doctor_id is not None:
        shifts = shifts.where(Schedule.doctor_id == doctor_id)
    if room_id is not None:
        shifts = shifts.where(Schedule.room_id == room_id)
    by_id = {row.id: row for row in db.session.scalars(shifts)}
    known = reasons(actor, first - timedelta(days=1), last + timedelta(days=1))
    changed = []
    for slot in _locked(actor, Slot.schedule_id.in_(by_id), Slot.starts_at < last, Slot.ends_at > first):
        shift = by_id[slot.schedule_id]
        is_open = not any(r.covers(slot.starts_at, slot.ends_at, shift.doctor_id, shift.room_id) for r in known)
        if slot.is_open != is_open:
            slot.is_open = is_open
            changed.append(slot)
    db.session.flush()
    _give_up_holds([slot.id for slot in changed if not slot.is_open])
    show(actor, {by_id[slot.schedule_id].day for slot in changed})
    return changed


def _locked(actor: Actor, *rules: Any) -> list[Slot]:
    return locked_all(Slot, actor.clinic_id, *rules)


def _give_up_holds(slot_ids: list[int]) -> None:
    kept = select(AppointmentPlace.hold_id).where(
        AppointmentPlace.slot_id.in_(slot_ids), AppointmentPlace.hold_id.is_not(None)
    )
    if slot_ids:
        drop_holds({ident for ident in db.session.scalars(kept) if ident is not None})


def close_all(schedule: Schedule, actor: Actor) -> None:
    """Close every slot of a shift that is no more; whoever is booked in it keeps the place until somebody decides."""
    slots = _locked(actor, Slot.schedule_id == schedule.id)
    for slot in slots:
        slot.is_open = False
    db.session.flush()
    _give_up_holds([slot.id for slot in slots])


def show(actor: Actor, days: Iterable[date]) -> None:
    """The calendar of `days` and the list of people to call look different now."""
    work().regions |= {f"calendar-{day}" for day in days} | {CALLS, "notices"}


@contextmanager
def ajar(slots: list[Slot]) -> Iterator[None]:
    """Let somebody who was there before back into locked slots that are closed: for the undo of a move or cancelling."""
    shut = [slot for slot in slots if not slot.is_open]
    for slot in shut:
        slot.is_open = True
    db.session.flush()
    yield
    for slot in shut:
        slot.is_open = False
    db.session.flush()


def ask_again(
    actor: Actor, first: datetime, last: datetime, *, doctor_id: int | None = None, room_id: int | None = None
) -> list[Appointment]:
    """Who was kept in a closed time that is closed for one more reason now is asked about again. Locks appointments."""
    rules = [
        Appointment.kept_at.is_not(None), Appointment.status == AppointmentStatus.CONFIRMED,
        Appointment.starts_at < last, Appointment.ends_at > first,
    ]  # fmt: skip
    if doctor_id is not None:
        rules.append(Appointment.doctor_id == doctor_id)
    if room_id is not None:
        rules.append(Appointment.room_id == room_id)
    rows = locked_all(Appointment, actor.clinic_id, *rules)
    for row in rows:
        row.kept_at = None
    return rows


# ------------------------------------------------------------------------------------------------------------ rooms


def use_room(schedule: Schedule) -> None:
    """Let the shift have its room, but for the closures of it: nobody has a closed room."""
    db.session.execute(
        delete(RoomUse).where(RoomUse.owner_kind == "SCHEDULE", RoomUse.owner_id == schedule.id),
        execution_options={"synchronize_session": False},
    )
    if schedule.room_id is None or not schedule.is_open:
        return
    for starts_at, ends_at in pieces(schedule):
        db.session.add(
            RoomUse(
                clinic_id=schedule.clinic_id, room_id=schedule.room_id, starts_at=starts_at, ends_at=ends_at,
                owner_kind="SCHEDULE", owner_id=schedule.id,
            )
        )  # fmt: skip
    db.session.flush()


def pieces(schedule: Schedule) -> list[tuple[datetime, datetime]]:
    """The times of the shift in which its room is not closed."""
    found, start = [], schedule.starts_at
    for row in closures(schedule.clinic_id, schedule.starts_at, schedule.ends_at, schedule.room_id):
        if row.starts_at > start:
            found.append((start, row.starts_at))
        start = max(start, row.ends_at)
    if start < schedule.ends_at:
        found.append((start, schedule.ends_at))
    return found


def hold_clinic(actor: Actor, *, closing: bool = False) -> None:
    """Nobody opens a shift while a day is being closed: opening shares the clinic's row, closing has it alone."""
    query = select(Clinic.id).where(Clinic.id == actor.clinic_id)
    db.session.execute(query.with_for_update(key_share=True) if closing else query.with_for_update(read=True))


def drifts(viewer: Actor) -> Iterator[str]:
    """Slots of open shifts that are not as the rule has them, for `verify`."""
    closed = db.session.execute(
        select(Slot.id, Slot.starts_at, Slot.ends_at, Schedule.doctor_id, Schedule.room_id)
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .where(Slot.clinic_id == viewer.clinic_id, Schedule.is_open.is_(True), text("NOT slot.is_open"))
    ).all()
    if closed:
        known = reasons(viewer, min(row.starts_at for row in closed), max(row.ends_at for row in closed))
        for ident, *place in closed:
            if not any(reason.covers(*place) for reason in known):
                yield f"slot {ident} is closed for no reason"
    for reason in reasons(viewer, datetime.min.replace(tzinfo=UTC) + DAY, datetime.max.replace(tzinfo=UTC) - DAY):
        query = (
            select(Slot.id)
            .join(Schedule, Schedule.id == Slot.schedule_id)
            .where(
                Slot.clinic_id == viewer.clinic_id, Slot.is_open.is_(True), Schedule.is_open.is_(True),
                Slot.starts_at < reason.ends_at, Slot.ends_at > reason.starts_at,
            )
        )  # fmt: skip
        if reason.doctor_id is not None:
            query = query.where(Schedule.doctor_id == reason.doctor_id)
        if reason.room_id is not None:
            query = query.where(Schedule.room_id == reason.room_id)
        for ident in db.session.scalars(query):
            yield f"slot {ident} is open in a time that is closed"
