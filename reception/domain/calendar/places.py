"""Places in slots: an appointment takes one in every slot it spans, the lowest that is free."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from reception.domain.errors import NotPossible
from reception.extensions import db
from reception.models import Appointment, AppointmentPlace, Schedule, Slot
from reception.words import N_

MOST_OVERBOOKED = 3
"""So many places beyond the capacity may be taken in a slot, and no more."""


def schedule_for(clinic_id: int, doctor_id: int, starts_at: datetime, minutes: int) -> Schedule:
    """The doctor's open shift that has room for `minutes` from `starts_at`; it stays open until the transaction ends.

    Raises NotPossible.
    """
    ends_at = starts_at + timedelta(minutes=minutes)
    schedule = db.session.scalar(
        select(Schedule)
        .where(
            Schedule.clinic_id == clinic_id,
            Schedule.doctor_id == doctor_id,
            Schedule.is_open,
            Schedule.starts_at <= starts_at,
            Schedule.ends_at > starts_at,
        )
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    if schedule is None:
        raise NotPossible(
            N_("The doctor does not see patients at this time. Choose one of the free times."),
            code="no-schedule",
            allowed=[],
        )
    if schedule.ends_at < ends_at:
        raise NotPossible(
            N_("The visit would not end before the shift does. Choose an earlier time."), code="too-long", allowed=[]
        )
    return schedule


def spanned(schedule_id: int, starts_at: datetime, ends_at: datetime) -> list[Slot]:
    """The slots of the shift that [starts_at, ends_at) touches, locked, by id."""
    return list(
        db.session.scalars(
            select(Slot)
            .where(Slot.schedule_id == schedule_id, Slot.starts_at < ends_at, Slot.ends_at > starts_at)
            .order_by(Slot.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    )


def take_places(appointment: Appointment, *, may_exceed: bool | None = None) -> bool:
    """Take the lowest free place in each slot that the appointment spans. Raises NotPossible where one is full.

    `may_exceed`: beyond the capacity, too; None: where the appointment is an overbooking. Answers whether it was needed.
    """
    if may_exceed is None:
        may_exceed = appointment.overbooking_reason is not None
    slots = spanned(appointment.schedule_id, appointment.starts_at, appointment.ends_at)
    taken: dict[int, set[int]] = {slot.id: set() for slot in slots}
    for slot_id, place in db.session.execute(
        select(AppointmentPlace.slot_id, AppointmentPlace.place).where(AppointmentPlace.slot_id.in_(taken))
    ):
        taken[slot_id].add(place)
    has_exceeded = False
    for slot in slots:
        place = next(n for n in range(1, len(taken[slot.id]) + 2) if n not in taken[slot.id])
        if place > slot.capacity:
            has_exceeded = True
            if not may_exceed:
                raise NotPossible(N_("This time is fully booked. Choose another one."), code="slot-full", allowed=[])
            if place > slot.capacity + MOST_OVERBOOKED:
                raise NotPossible(
                    N_("This time is overbooked already. Choose another one."), code="overbooked", allowed=[]
                )
        db.session.add(
            AppointmentPlace(
                slot_id=slot.id, place=place, clinic_id=appointment.clinic_id, appointment_id=appointment.id
            )
        )
    db.session.flush()
    return has_exceeded


def is_beyond(appointment_id: int) -> bool:
    """Whether the appointment has a place beyond the capacity of its slot: an overbooking."""
    return (
        db.session.scalar(
            select(AppointmentPlace.slot_id)
            .join(Slot, Slot.id == AppointmentPlace.slot_id)
            .where(AppointmentPlace.appointment_id == appointment_id, AppointmentPlace.place > Slot.capacity)
            .limit(1)
        )
        is not None
    )
