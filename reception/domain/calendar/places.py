"""Places in slots: an appointment or a hold takes one in every slot it spans, the lowest that is free.

A hold that is over counts as free: whoever takes places gives it up first, under the slots' lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select

from reception.domain.actors import Actor
from reception.domain.audit import Freed, work
from reception.domain.errors import NotPossible, invalid_field
from reception.extensions import db
from reception.models import Appointment, AppointmentPlace, Hold, Role, Schedule, Service, Slot
from reception.words import N_

WHOLE = {"synchronize_session": False}
LONGEST_MINUTES = 12 * 60
OVERBOOKERS = frozenset({Role.MANAGER, Role.ADMIN, Role.DOCTOR})
OVERBOOK = "overbook"
"""What a refusal allows to those who may take a full time all the same."""


def length(minutes: int | None, service: Service) -> int:
    """How many minutes are booked: `minutes`, else as long as the service lasts. Raises Invalid."""
    if minutes is None:
        return service.duration_min
    if minutes < 1:
        raise invalid_field("minutes", N_("An appointment lasts at least a minute."))
    if minutes > LONGEST_MINUTES:
        raise invalid_field("minutes", N_("An appointment lasts at most 12 hours."))
    return minutes


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


def take_places(appointment: Appointment, *, may_exceed: bool | None = None, hold_id: int | None = None) -> bool:
    """Take the lowest free place in each slot that the appointment spans. Raises NotPossible where one is full.

    `may_exceed`: beyond the capacity, too; None: where the appointment is an overbooking. `hold_id`: the hold whose
    places it takes over; without one, who acts takes over an own hold of the same start. Answers whether the capacity
    was exceeded.
    """
    if may_exceed is None:
        may_exceed = appointment.overbooking_reason is not None
    slots = open_slots(appointment.schedule_id, appointment.starts_at, appointment.ends_at)
    taken = taken_in(slots, hold_id, appointment.starts_at)
    numbers = {slot.id: lowest(taken[slot.id]) for slot in slots}
    beyond = max((numbers[slot.id] - slot.capacity for slot in slots), default=0)
    actor = work().actor
    is_within_cap = beyond <= actor.clinic.overbooking_cap
    if beyond > 0 and not may_exceed:
        raise full(can_exceed=is_within_cap and may_overbook(actor))
    if beyond > 0 and not is_within_cap:
        raise NotPossible(N_("This time is overbooked already. Choose another one."), code="overbooked", allowed=[])
    here = {"clinic_id": appointment.clinic_id, "appointment_id": appointment.id}
    db.session.add_all(AppointmentPlace(slot_id=slot, place=place, **here) for slot, place in numbers.items())
    db.session.flush()
    return beyond > 0


def open_slots(schedule_id: int, starts_at: datetime, ends_at: datetime) -> list[Slot]:
    """As `spanned`; raises NotPossible where one of them is closed."""
    slots = spanned(schedule_id, starts_at, ends_at)
    if not all(slot.is_open for slot in slots):
        raise NotPossible(
            N_("The doctor is away or the clinic is closed at this time. Choose another one."), code="closed",
            allowed=[],
        )  # fmt: skip
    return slots


def taken_in(slots: list[Slot], hold_id: int | None, starts_at: datetime) -> dict[int, set[int]]:
    """Numbers of the taken places of locked slots; holds that are over, and the own one, are given up before."""
    current = work()
    rows = db.session.execute(
        select(AppointmentPlace.slot_id, AppointmentPlace.place, Hold)
        .outerjoin(Hold, Hold.id == AppointmentPlace.hold_id)
        .where(AppointmentPlace.slot_id.in_([slot.id for slot in slots]))
        .execution_options(populate_existing=True)
    ).all()
    holds = {hold.id: hold for _, _, hold in rows if hold is not None}
    gone = {ident for ident, hold in holds.items() if hold.until <= current.at}
    own = {i for i, h in holds.items() if h.user_id is not None and h.user_id == current.actor.user_id}
    if hold_id in holds:
        gone.add(hold_id)
    else:
        gone |= set(sorted(i for i in own - gone if holds[i].starts_at == starts_at)[:1])
    drop_holds(gone)
    taken: dict[int, set[int]] = {slot.id: set() for slot in slots}
    for slot_id, place, hold in rows:
        if hold is None or hold.id not in gone:
            taken[slot_id].add(place)
    return taken


def lowest(taken: set[int]) -> int:
    """The lowest free number."""
    return next(n for n in range(1, len(taken) + 2) if n not in taken)


def may_overbook(actor: Actor) -> bool:
    """Whether `actor` may book beyond a slot's capacity, with a reason and under the own name."""
    return bool(actor.roles & OVERBOOKERS) and actor.user_id is not None


def full(*, can_exceed: bool = False) -> NotPossible:
    """The refusal of a time without a free place. `can_exceed`: who asks may take it beyond the capacity, with a reason."""
    if can_exceed:
        return NotPossible(
            N_("This time is fully booked. Choose another one, or say why it is taken beyond the capacity."),
            code="slot-full", allowed=[OVERBOOK],
        )  # fmt: skip
    return NotPossible(N_("This time is fully booked. Choose another one."), code="slot-full", allowed=[])


def drop_holds(idents: Iterable[int]) -> list[Freed]:
    """End the holds and give their places back; who is after them in line waits here and finds them gone."""
    idents = sorted(idents)
    if not idents:
        return []
    holds = db.session.scalars(
        select(Hold).where(Hold.id.in_(idents)).order_by(Hold.id).with_for_update()
        .execution_options(populate_existing=True)
    ).all()  # fmt: skip
    found = [Freed(hold.schedule_id, hold.starts_at, freed(AppointmentPlace.hold_id == hold.id)) for hold in holds]
    for hold in holds:
        db.session.expunge(hold)
    db.session.execute(delete(Hold).where(Hold.id.in_(idents)), execution_options=WHOLE)
    return found


def freed(rule: Any) -> list[tuple[int, int]]:
    """Delete the places of the rule: their slots and numbers."""
    rows = db.session.execute(
        delete(AppointmentPlace).where(rule).returning(AppointmentPlace.slot_id, AppointmentPlace.place),
        execution_options=WHOLE,
    )
    return sorted((slot_id, place) for slot_id, place in rows)


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


def counts(at: datetime) -> Any:
    """The rule for places that are taken at `at`: those of appointments, and of holds that are not over."""
    standing = select(Hold.id).where(Hold.until > at)
    return or_(AppointmentPlace.hold_id.is_(None), AppointmentPlace.hold_id.in_(standing))


def taken_in_slot(at: datetime) -> Any:
    """How many places of a slot are taken at `at`, as a column beside Slot; counted by index, slot by slot."""
    return (
        select(func.count())
        .where(AppointmentPlace.slot_id == Slot.id, counts(at))
        .correlate(Slot)
        .scalar_subquery()
        .label("taken")
    )
