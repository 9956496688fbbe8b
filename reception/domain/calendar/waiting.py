"""Places for who waits: what a transaction gave back, and what the minute finds free, is offered to the first who fits and
kept for the time to answer. Entries and answers: `waitlist`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlalchemy import Select, and_, exists, func, or_, select

from reception import clock
from reception.clock import service_day
from reception.domain.actors import Actor
from reception.domain.audit import Freed, Work, record
from reception.domain.calendar import holds, offers
from reception.domain.calendar.places import schedule_for
from reception.domain.calendar.vacancy import STANDING, Wish
from reception.domain.calendar.waitlist import close_offer, urgency
from reception.domain.locks import load, locked
from reception.extensions import db
from reception.models import (
    Appointment,
    AppointmentPlace,
    AppointmentStatus,
    Doctor,
    Hold,
    LiveRegion,
    OfferStatus,
    Schedule,
    Service,
    Slot,
    WaitlistEntry,
    WaitlistOffer,
    WaitlistStatus,
)

MOST_CHANCES = 20
"""So many offers at most in one minute's sweep of a clinic."""


def offer_freed(current: Work) -> None:
    """Offer what the transaction gave back, piece by piece, to the first who fits."""
    given, current.freed = current.freed, []
    open_entries = exists().where(
        WaitlistEntry.clinic_id == current.actor.clinic_id, WaitlistEntry.status == WaitlistStatus.ACTIVE
    )
    if not any(one.places for one in given) or not db.session.scalar(select(open_entries)):
        return
    db.session.flush()
    for one in given:
        for slots in _still_free(one, current.at):
            _offer_slots(one.schedule_id, slots, actor=current.actor, at=current.at)


def _still_free(given: Freed, at: datetime) -> Iterator[list[tuple[Slot, int]]]:
    """Slots with the freed place, in rows without a gap: open, to come, within the capacity, not taken again."""
    numbers = dict(given.places)
    slots = db.session.scalars(
        select(Slot)
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .join(Doctor, Doctor.id == Schedule.doctor_id)
        .where(Slot.id.in_(numbers), Slot.is_open, Slot.starts_at > at, Schedule.is_open, Doctor.is_active)
        .order_by(Slot.starts_at)
    ).all()
    taken = set(
        db.session.execute(
            select(AppointmentPlace.slot_id, AppointmentPlace.place).where(AppointmentPlace.slot_id.in_(numbers))
        ).tuples()
    )
    row: list[tuple[Slot, int]] = []
    for slot in slots:
        place = numbers[slot.id]
        is_free = place <= slot.capacity and (slot.id, place) not in taken
        if row and (not is_free or row[-1][0].ends_at != slot.starts_at):
            yield row
            row = []
        if is_free:
            row.append((slot, place))
    if row:
        yield row


def _offer_slots(schedule_id: int, slots: list[tuple[Slot, int]], *, actor: Actor, at: datetime) -> None:
    """Offer the slots from the first on; what one visit leaves goes to the next who fits."""
    schedule = load(Schedule, schedule_id, actor.clinic_id)
    while slots:
        starts_at, reach = slots[0][0].starts_at, slots[-1][0].ends_at
        found = db.session.execute(_fitting(schedule, starts_at, reach, actor)).first()
        if found is None:
            slots = slots[1:]
            continue
        entry, minutes = found
        ends_at = starts_at + timedelta(minutes=minutes)
        used = [(slot.id, place) for slot, place in slots if slot.starts_at < ends_at]
        hold = holds.keep(schedule_id, starts_at, ends_at, _until(starts_at, actor, at), used, actor=actor, at=at)
        _ask(entry, hold, schedule.doctor_id, actor=actor, at=at)
        slots = slots[len(used) :]


def _until(starts_at: datetime, actor: Actor, at: datetime) -> datetime:
    return min(at + timedelta(minutes=actor.clinic.offer_minutes), starts_at)


def _ask(entry: WaitlistEntry, hold: Hold, doctor_id: int, *, actor: Actor, at: datetime) -> WaitlistOffer:
    offer = WaitlistOffer(
        clinic_id=actor.clinic_id, entry_id=entry.id, doctor_id=doctor_id, starts_at=hold.starts_at,
        ends_at=hold.ends_at, offered_at=at, answer_by=hold.until, hold_id=hold.id,
    )  # fmt: skip
    db.session.add(offer)
    entry.status = WaitlistStatus.NOTIFIED
    record(actor, "waitlist.offer", entry, at=at)
    db.session.flush()
    return offer


def _fitting(
    schedule: Schedule, starts_at: datetime, reach: datetime, actor: Actor
) -> Select[tuple[WaitlistEntry, int]]:
    """The first entry that could begin at `starts_at` and be over by `reach`; those at work elsewhere are left out."""
    day, wall = service_day(starts_at, actor.clinic), clock.local(starts_at, actor.clinic).time()
    department = load(Doctor, schedule.doctor_id, actor.clinic_id).department_id
    minutes = int((reach - starts_at) / timedelta(minutes=1))
    asked = exists().where(
        WaitlistOffer.entry_id == WaitlistEntry.id,
        WaitlistOffer.doctor_id == schedule.doctor_id,
        WaitlistOffer.starts_at == starts_at,
    )
    busy = exists().where(
        Appointment.patient_id == WaitlistEntry.patient_id,
        or_(
            and_(
                Appointment.schedule_id == schedule.id, Appointment.status.in_([*STANDING, AppointmentStatus.COMPLETED])
            ),
            and_(Appointment.starts_at < reach, Appointment.ends_at > starts_at, Appointment.status.in_(STANDING)),
        ),
    )
    return (
        select(WaitlistEntry, Service.duration_min)
        .join(Service, Service.id == WaitlistEntry.service_id)
        .where(
            WaitlistEntry.clinic_id == actor.clinic_id,
            WaitlistEntry.status == WaitlistStatus.ACTIVE,
            WaitlistEntry.first_day <= day,
            WaitlistEntry.last_day >= day,
            or_(WaitlistEntry.not_before.is_(None), WaitlistEntry.not_before <= wall),
            or_(WaitlistEntry.not_after.is_(None), WaitlistEntry.not_after > wall),
            Service.is_active,
            Service.duration_min <= minutes,
            or_(
                WaitlistEntry.doctor_id == schedule.doctor_id,
                and_(
                    WaitlistEntry.doctor_id.is_(None),
                    or_(
                        WaitlistEntry.department_id == department,
                        and_(
                            WaitlistEntry.department_id.is_(None),
                            or_(Service.department_id.is_(None), Service.department_id == department),
                        ),
                    ),
                ),
            ),
            ~asked,
            ~busy,
        )
        .order_by(urgency, WaitlistEntry.id)
        .limit(1)
        .with_for_update(skip_locked=True, key_share=True, of=WaitlistEntry)
        .execution_options(populate_existing=True)
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------- once a minute


def is_due(clinic_id: int, today: date, at: datetime) -> bool:
    """Whether `sweep` has something to do."""
    over = exists().where(
        WaitlistOffer.clinic_id == clinic_id, WaitlistOffer.status == OfferStatus.OPEN, WaitlistOffer.answer_by <= at
    )
    late = exists().where(
        WaitlistEntry.clinic_id == clinic_id,
        WaitlistEntry.status == WaitlistStatus.ACTIVE,
        WaitlistEntry.last_day < today,
    )
    return bool(db.session.scalar(select(or_(over, late))))


def sweep(*, actor: Actor, at: datetime) -> None:
    """End offers that nobody answered, the next is asked; end entries whose days are over."""
    late = select(WaitlistOffer.id).where(
        WaitlistOffer.clinic_id == actor.clinic_id, WaitlistOffer.status == OfferStatus.OPEN,
        WaitlistOffer.answer_by <= at,
    )  # fmt: skip
    for offer_id in db.session.scalars(late.order_by(WaitlistOffer.entry_id)).all():
        offer = load(WaitlistOffer, offer_id, actor.clinic_id)
        entry = locked(WaitlistEntry, offer.entry_id, actor.clinic_id)
        offer = locked(WaitlistOffer, offer_id, actor.clinic_id)
        if offer.status != OfferStatus.OPEN:
            continue
        close_offer(offer, OfferStatus.EXPIRED, at)
        entry.status = WaitlistStatus.ACTIVE
        record(actor, "waitlist.over", entry, at=at)
    past = select(WaitlistEntry.id).where(
        WaitlistEntry.clinic_id == actor.clinic_id, WaitlistEntry.status == WaitlistStatus.ACTIVE,
        WaitlistEntry.last_day < service_day(at, actor.clinic),
    )  # fmt: skip
    for entry_id in db.session.scalars(past.order_by(WaitlistEntry.id)).all():
        entry = locked(WaitlistEntry, entry_id, actor.clinic_id)
        if entry.status == WaitlistStatus.ACTIVE:
            entry.status = WaitlistStatus.EXPIRED
            record(actor, "waitlist.expire", entry, at=at)
    db.session.flush()


def state(clinic_id: int) -> tuple[int, int]:
    """Changes whenever places may have become free, or somebody waits anew: only then free places are looked for."""
    calendar = select(func.coalesce(func.sum(LiveRegion.version), 0)).where(
        LiveRegion.clinic_id == clinic_id, or_(LiveRegion.name.startswith("calendar-"), LiveRegion.name == "waitlist")
    )
    waiting = select(func.count()).where(
        WaitlistEntry.clinic_id == clinic_id, WaitlistEntry.status == WaitlistStatus.ACTIVE
    )
    return int(db.session.scalar(calendar) or 0), int(db.session.scalar(waiting) or 0)


def chances(viewer: Actor, at: datetime) -> list[tuple[int, int, datetime]]:
    """Entry, doctor and start of free places that nobody gave back just now: new shifts, longer gaps, ended holds."""
    rows = db.session.execute(
        select(WaitlistEntry, Service)
        .join(Service, Service.id == WaitlistEntry.service_id)
        .where(WaitlistEntry.clinic_id == viewer.clinic_id, WaitlistEntry.status == WaitlistStatus.ACTIVE)
        .order_by(urgency, WaitlistEntry.id)
    ).all()
    found: list[tuple[int, int, datetime]] = []
    for entry, service in rows:
        if len(found) == MOST_CHANCES:
            break
        asked = set(
            db.session.execute(
                select(WaitlistOffer.doctor_id, WaitlistOffer.starts_at).where(WaitlistOffer.entry_id == entry.id)
            ).tuples()
        )
        anybody = None if entry.doctor_id else entry.department_id or service.department_id
        wish = Wish(service.duration_min, entry.doctor_id, anybody, entry.patient_id)
        when = offers.When(entry.first_day, entry.last_day, begins=entry.not_before, ends=entry.not_after)
        gone = {(doctor_id, start) for _, doctor_id, start in found}
        for offer in offers.first_free(viewer, wish, when, at=at, limit=len(asked) + len(gone) + 3):
            place = (offer.doctor_id, offer.starts_at)
            if offer.starts_at > at and place not in asked and place not in gone:
                found.append((entry.id, *place))
                break
    return found


def propose(entry_id: int, doctor_id: int, starts_at: datetime, *, actor: Actor, at: datetime) -> WaitlistOffer | None:
    """Offer a free place to an entry; None where it waits no longer. Raises NotPossible where the place is taken."""
    entry = locked(WaitlistEntry, entry_id, actor.clinic_id)
    if entry.status != WaitlistStatus.ACTIVE:
        return None
    minutes = load(Service, entry.service_id, actor.clinic_id).duration_min
    schedule = schedule_for(actor.clinic_id, doctor_id, starts_at, minutes)
    ends_at = starts_at + timedelta(minutes=minutes)
    hold = holds.take(schedule, starts_at, ends_at, _until(starts_at, actor, at), actor=actor, at=at)
    return _ask(entry, hold, doctor_id, actor=actor, at=at)
