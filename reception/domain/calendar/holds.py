"""Holds: a place kept while somebody is booking (`user_id`), or while somebody of the waitlist is asked (no user).

It is renewed while the dialog is open and busy, up to LONGEST times its length, and ends by itself: from then on it
counts as free for everybody; the minute's tick clears it away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, exists, insert, select

from reception.clock import service_day
from reception.domain.actors import Actor
from reception.domain.audit import work
from reception.domain.calendar.places import drop_holds, full, length, lowest, open_slots, schedule_for, taken_in
from reception.domain.errors import NotAllowed, NotPossible, invalid_field
from reception.domain.locks import is_id, load
from reception.extensions import db
from reception.models import AppointmentPlace, Doctor, Hold, Schedule, Service, User
from reception.words import N_

LONGEST = 4
"""A hold may be renewed until it is so many times its usual length old."""


def hold(
    doctor_id: int, service_id: int, starts_at: datetime, *, actor: Actor, at: datetime,
    instead_of: int | None = None, minutes: int | None = None,
) -> Hold:  # fmt: skip
    """Keep the places of a visit for who is booking it; `instead_of`: the own hold that is given up for it; `minutes`:
    how long, else as the service.

    Raises NotFound, NotPossible (no shift, full) or Invalid (past, no length).
    """
    if actor.user_id is None:
        raise NotAllowed(N_("Only somebody who is signed in can keep a place."))
    if starts_at < at - timedelta(minutes=1):
        raise invalid_field("start", N_("This time is past. Choose a later one."))
    service, doctor = load(Service, service_id, actor.clinic_id), load(Doctor, doctor_id, actor.clinic_id)
    if not service.is_active or not doctor.is_active:
        raise NotPossible(N_("This is not offered any more."), code="inactive")
    before = _own(instead_of, actor)
    minutes = length(minutes, service)
    schedule = schedule_for(actor.clinic_id, doctor.id, starts_at, minutes)
    until = at + timedelta(seconds=actor.clinic.place_hold_seconds)
    ends_at = starts_at + timedelta(minutes=minutes)
    kept = take(schedule, starts_at, ends_at, until, actor=actor, at=at, user_id=actor.user_id, hold_id=instead_of)
    if before is not None and before in db.session:  # of the same slots, it made way already
        _give_up([before.id], actor)
    return kept


def take(
    schedule: Schedule, starts_at: datetime, ends_at: datetime, until: datetime, *, actor: Actor, at: datetime,
    user_id: int | None = None, hold_id: int | None = None,
) -> Hold:  # fmt: skip
    """A hold with the lowest free place in every slot of [starts_at, ends_at), within the capacity."""
    slots = open_slots(schedule.id, starts_at, ends_at)
    taken = taken_in(slots, hold_id, starts_at)
    numbers = {slot.id: lowest(taken[slot.id]) for slot in slots}
    if any(numbers[slot.id] > slot.capacity for slot in slots):
        raise full()
    return keep(schedule.id, starts_at, ends_at, until, list(numbers.items()), actor=actor, at=at, user_id=user_id)


def keep(
    schedule_id: int, starts_at: datetime, ends_at: datetime, until: datetime, places: list[tuple[int, int]], *,
    actor: Actor, at: datetime, user_id: int | None = None,
) -> Hold:  # fmt: skip
    """A hold of these very `places` (slot, number), which are known to be free."""
    row = Hold(
        clinic_id=actor.clinic_id, schedule_id=schedule_id, starts_at=starts_at, ends_at=ends_at, held_at=at,
        until=until, user_id=user_id,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    here = {"clinic_id": actor.clinic_id, "hold_id": row.id}
    db.session.execute(insert(AppointmentPlace), [{**here, "slot_id": slot, "place": place} for slot, place in places])
    _show(starts_at, actor)
    return row


def renew(hold_id: int, *, actor: Actor, at: datetime) -> Hold:
    """Keep it as long again from now, up to LONGEST times in all. Raises NotPossible where it is over."""
    row = _own(hold_id, actor)
    if row is None or row.until <= at:
        raise NotPossible(N_("The place is not kept for you any more. Choose the time again."), code="hold-over")
    usual = timedelta(seconds=actor.clinic.place_hold_seconds)
    row.until = max(row.until, min(at + usual, row.held_at + LONGEST * usual))
    db.session.flush()
    return row


def release(hold_id: int, *, actor: Actor, at: datetime) -> None:
    """Give an own hold back before its time; one that is gone already is no matter."""
    if _own(hold_id, actor) is not None:
        _give_up([hold_id], actor)


def is_due(clinic_id: int, at: datetime) -> bool:
    """Whether `sweep` has something to do."""
    over = exists().where(Hold.clinic_id == clinic_id, Hold.user_id.is_not(None), Hold.until <= at)
    return bool(db.session.scalar(select(over)))


def sweep(*, actor: Actor, at: datetime) -> None:
    """Clear away what people kept and did not use. Offers of the waitlist end in `waitlist.sweep`."""
    over = select(Hold.id).where(Hold.clinic_id == actor.clinic_id, Hold.user_id.is_not(None), Hold.until <= at)
    _give_up(list(db.session.scalars(over)), actor)


def _own(hold_id: int | None, actor: Actor) -> Hold | None:
    """The actor's own hold, locked."""
    if hold_id is None or not is_id(hold_id):
        return None
    return db.session.scalar(
        select(Hold)
        .where(Hold.clinic_id == actor.clinic_id, Hold.id == hold_id, Hold.user_id == actor.user_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _give_up(idents: list[int], actor: Actor) -> None:
    for given in drop_holds(idents):
        work().freed.append(given)
        _show(given.starts_at, actor)


def _show(starts_at: datetime, actor: Actor) -> None:
    work().regions.add(f"calendar-{service_day(starts_at, actor.clinic)}")


# -------------------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True)
class Held:
    """A place that is kept now. `by`: who is booking; empty where somebody of the waitlist is asked."""

    hold_id: int
    doctor_id: int
    schedule_id: int
    starts_at: datetime
    ends_at: datetime
    until: datetime
    by: str
    user_id: int | None


def standing(
    clinic_id: int, first: datetime, last: datetime, *, at: datetime, doctor_id: int | None = None
) -> list[Held]:
    """What is kept at `at` and touches [first, last), in time order: for the calendar and the free times."""
    query = (
        select(Hold, Schedule.doctor_id, User.full_name)
        .join(Schedule, Schedule.id == Hold.schedule_id)
        .outerjoin(User, User.id == Hold.user_id)
        .where(Hold.clinic_id == clinic_id, Hold.until > at, Hold.starts_at < last, Hold.ends_at > first)
        .order_by(Hold.starts_at, Hold.id)
    )
    if doctor_id is not None:
        query = query.where(Schedule.doctor_id == doctor_id)
    return [
        Held(row.id, doctor, row.schedule_id, row.starts_at, row.ends_at, row.until, name or "", row.user_id)
        for row, doctor, name in db.session.execute(query)
    ]


def own(hold_id: int | None, viewer: Actor, at: datetime) -> Hold | None:
    """The viewer's own standing hold, for reading."""
    if hold_id is None or not is_id(hold_id):
        return None
    return db.session.scalar(_standing_of(viewer, at).where(Hold.id == hold_id))


def own_at(place: tuple[int, datetime] | None, viewer: Actor, at: datetime) -> Hold | None:
    """The viewer's own standing hold of a place (doctor, start), for a form that was drawn before it was kept."""
    if place is None:
        return None
    doctor_id, starts_at = place
    return db.session.scalar(
        _standing_of(viewer, at)
        .join(Schedule, Schedule.id == Hold.schedule_id)
        .where(Schedule.doctor_id == doctor_id, Hold.starts_at == starts_at)
        .order_by(Hold.id.desc())
        .limit(1)
    )


def _standing_of(viewer: Actor, at: datetime) -> Select[tuple[Hold]]:
    return select(Hold).where(Hold.clinic_id == viewer.clinic_id, Hold.user_id == viewer.user_id, Hold.until > at)
