"""The waitlist: who would take a freed place, what was offered, and the answers. What is free is offered by `waiting`:
kept for the time to answer; declined or unanswered it goes to the next.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from sqlalchemy import case, delete, select
from sqlalchemy.orm import joinedload

from reception.clock import service_day
from reception.domain.actors import Actor
from reception.domain.audit import record, work
from reception.domain.calendar import booking
from reception.domain.calendar.places import drop_holds, lowest, spanned, taken_in
from reception.domain.errors import NotPossible, invalid_field
from reception.domain.locks import load, locked
from reception.domain.merging_ids import check_stands
from reception.domain.texts import checked
from reception.domain.visits import undo
from reception.extensions import db
from reception.models import (
    Appointment,
    Department,
    Doctor,
    Hold,
    OfferStatus,
    Patient,
    Priority,
    Service,
    Visit,
    WaitlistEntry,
    WaitlistOffer,
    WaitlistStatus,
)
from reception.words import N_

LONGEST = timedelta(days=366)
WEEK = timedelta(days=7)
WAITING = (WaitlistStatus.ACTIVE, WaitlistStatus.NOTIFIED)
urgency = case(
    (WaitlistEntry.priority == Priority.EMERGENCY, 0), (WaitlistEntry.priority == Priority.PRIORITY, 1), else_=2
)


def add(
    patient_id: int,
    service_id: int,
    first_day: date,
    last_day: date,
    *,
    actor: Actor,
    at: datetime,
    doctor_id: int | None = None,
    department_id: int | None = None,
    not_before: time | None = None,
    not_after: time | None = None,
    priority: Priority = Priority.NORMAL,
    note: str = "",
) -> WaitlistEntry:
    """Somebody waits for a place of a doctor, of a department, or of anybody, on the days `first_day` to `last_day`.

    `not_before`, `not_after`: by the clinic's wall clock, for the start. Raises NotFound, NotPossible or Invalid.
    """
    patient = locked(Patient, patient_id, actor.clinic_id)
    check_stands(patient)
    if not patient.is_active:
        raise NotPossible(
            N_("This card is closed. Open it again first."), code="inactive", link=("patient", patient.id)
        )
    if not load(Service, service_id, actor.clinic_id).is_active:
        raise NotPossible(N_("This service is not offered any more."), code="inactive")
    if doctor_id is not None and not load(Doctor, doctor_id, actor.clinic_id).is_active:
        raise NotPossible(N_("This doctor is not at work here any more."), code="inactive")
    if department_id is not None and not load(Department, department_id, actor.clinic_id).is_active:
        raise NotPossible(N_("This department is closed."), code="inactive")
    _check_days(first_day, last_day, service_day(at, actor.clinic))
    if not_before is not None and not_after is not None and not_after <= not_before:
        raise invalid_field("not_after", N_("The end must come after the start."))
    entry = WaitlistEntry(
        clinic_id=actor.clinic_id, patient_id=patient.id, service_id=service_id, doctor_id=doctor_id,
        department_id=None if doctor_id else department_id, first_day=first_day, last_day=last_day,
        not_before=not_before, not_after=not_after, priority=priority, note=checked(note, "note", 500),
    )  # fmt: skip
    _check_twin(entry)
    db.session.add(entry)
    db.session.flush()
    record(actor, "waitlist.add", entry, at=at)
    return entry


def _check_days(first: date, last: date, today: date) -> None:
    if last < first:
        raise invalid_field("last_day", N_("The end must come after the start."))
    if last < today:
        raise invalid_field("last_day", N_("These days are past. Choose later ones."))
    if last - first > LONGEST:
        raise invalid_field("last_day", N_("Nobody waits longer than a year."))


def _check_twin(entry: WaitlistEntry) -> None:
    here = select(WaitlistEntry.id).where(
        WaitlistEntry.clinic_id == entry.clinic_id,
        WaitlistEntry.patient_id == entry.patient_id,
        WaitlistEntry.service_id == entry.service_id,
        WaitlistEntry.status.in_(WAITING),
        WaitlistEntry.doctor_id.is_not_distinct_from(entry.doctor_id),
        WaitlistEntry.department_id.is_not_distinct_from(entry.department_id),
        WaitlistEntry.first_day <= entry.last_day,
        WaitlistEntry.last_day >= entry.first_day,
    )
    if db.session.scalar(here) is not None:
        raise NotPossible(N_("This patient waits for this already."), code="duplicate")


def leave(entry_id: int, *, actor: Actor, at: datetime) -> WaitlistEntry:
    """Take somebody off the list; a place that was offered goes to the next."""
    entry = locked(WaitlistEntry, entry_id, actor.clinic_id)
    if entry.status not in WAITING:
        raise _settled(entry)
    if (offer := _open_offer(entry)) is not None:
        close_offer(offer, OfferStatus.DECLINED, at)
    entry.status = WaitlistStatus.CANCELLED
    record(actor, "waitlist.leave", entry, at=at)
    return entry


def stay(entry_id: int, *, actor: Actor, at: datetime) -> WaitlistEntry:
    """Undo of `leave`: the entry waits again, where its days are not over."""
    entry = locked(WaitlistEntry, entry_id, actor.clinic_id)
    if entry.status != WaitlistStatus.CANCELLED:
        raise _settled(entry)
    _check_days(entry.first_day, entry.last_day, service_day(at, actor.clinic))
    _check_twin(entry)
    entry.status = WaitlistStatus.ACTIVE
    record(actor, "waitlist.add", entry, at=at)
    return entry


def _settled(entry: WaitlistEntry) -> NotPossible:
    return NotPossible(N_("This entry is “%(state)s” now."), state=entry.status, code="not-possible", allowed=[])


# -------------------------------------------------------------------------------------------------------- answers


def accept(offer_id: int, *, actor: Actor, at: datetime) -> Appointment:
    """The patient takes the place: it is booked, the entry is done. Raises NotPossible where it is too late."""
    offer, entry = _offer(offer_id, actor)
    if offer.answer_by <= at:
        raise NotPossible(N_("The time to answer is over. Book a free place instead."), code="too-late", allowed=[])
    appointment = booking.book(
        entry.patient_id, offer.doctor_id, entry.service_id, offer.starts_at, actor=actor, at=at,
        hold_id=offer.hold_id, notes=entry.note,
    )  # fmt: skip
    offer.status, offer.answered_at, offer.hold_id = OfferStatus.ACCEPTED, at, None
    entry.status, entry.appointment_id = WaitlistStatus.CONVERTED, appointment.id
    record(actor, "waitlist.accept", entry, at=at)
    db.session.flush()
    return appointment


def decline(offer_id: int, *, actor: Actor, at: datetime) -> WaitlistEntry:
    """The patient does not take it: the next is asked, the entry waits for another place."""
    offer, entry = _offer(offer_id, actor)
    close_offer(offer, OfferStatus.DECLINED, at)
    entry.status = WaitlistStatus.ACTIVE
    record(actor, "waitlist.decline", entry, at=at)
    return entry


def take_back(offer_id: int, *, actor: Actor, at: datetime) -> WaitlistEntry:
    """Undo of `accept`: the booking is undone by its own rules, the entry waits again."""
    found = load(WaitlistOffer, offer_id, actor.clinic_id)
    entry = locked(WaitlistEntry, found.entry_id, actor.clinic_id)
    offer = locked(WaitlistOffer, offer_id, actor.clinic_id)
    if offer.status != OfferStatus.ACCEPTED or entry.appointment_id is None:
        raise NotPossible(N_("There is nothing to undo."), code="nothing-to-undo", allowed=[])
    visit_id = db.session.scalars(select(Visit.id).where(Visit.appointment_id == entry.appointment_id)).one()
    undo.undo(visit_id, actor=actor, at=at)
    entry.status, entry.appointment_id = WaitlistStatus.ACTIVE, None
    offer.status = OfferStatus.DECLINED
    record(actor, "waitlist.decline", entry, at=at)
    return entry


def _offer(offer_id: int, actor: Actor) -> tuple[WaitlistOffer, WaitlistEntry]:
    """An open offer and its entry, locked. Raises NotFound or NotPossible."""
    found = load(WaitlistOffer, offer_id, actor.clinic_id)
    entry = locked(WaitlistEntry, found.entry_id, actor.clinic_id)
    offer = locked(WaitlistOffer, offer_id, actor.clinic_id)
    if offer.status != OfferStatus.OPEN:
        raise NotPossible(N_("This offer is “%(state)s” now."), state=offer.status, code="not-possible", allowed=[])
    return offer, entry


def _open_offer(entry: WaitlistEntry) -> WaitlistOffer | None:
    return db.session.scalar(
        select(WaitlistOffer).where(WaitlistOffer.entry_id == entry.id, WaitlistOffer.status == OfferStatus.OPEN)
    )


def close_offer(offer: WaitlistOffer, status: OfferStatus, at: datetime) -> None:
    """End the offer and give its place to the next."""
    if offer.hold_id is not None:
        work().freed.extend(drop_holds([offer.hold_id]))
    offer.status, offer.answered_at, offer.hold_id = status, at, None
    db.session.flush()


def give_way(doctor_id: int, starts_at: datetime, ends_at: datetime) -> None:
    """An undo wants its place back: newest first, open offers of it are withdrawn until it fits."""
    actor, at = work().actor, work().at
    rows = db.session.execute(
        select(WaitlistOffer, Hold.schedule_id)
        .join(Hold, Hold.id == WaitlistOffer.hold_id)
        .where(
            WaitlistOffer.clinic_id == actor.clinic_id, WaitlistOffer.doctor_id == doctor_id,
            WaitlistOffer.status == OfferStatus.OPEN, WaitlistOffer.starts_at < ends_at,
            WaitlistOffer.ends_at > starts_at,
        )
        .order_by(WaitlistOffer.offered_at.desc(), WaitlistOffer.id.desc())
    ).all()  # fmt: skip
    for found, schedule_id in rows:
        offer, entry = _offer(found.id, actor)
        slots = spanned(schedule_id, starts_at, ends_at)
        taken = taken_in(slots, None, starts_at)
        if all(lowest(taken[slot.id]) <= slot.capacity for slot in slots):
            return
        drop_holds([offer.hold_id or 0])
        db.session.execute(delete(WaitlistOffer).where(WaitlistOffer.id == offer.id))
        entry.status = WaitlistStatus.ACTIVE
        record(actor, "waitlist.withdraw", entry, at=at)
        db.session.flush()


# -------------------------------------------------------------------------------------------------------- reading


def open_offers(viewer: Actor) -> list[WaitlistOffer]:
    """What was offered and waits for an answer, the most urgent first."""
    return list(
        db.session.scalars(
            select(WaitlistOffer)
            .where(WaitlistOffer.clinic_id == viewer.clinic_id, WaitlistOffer.status == OfferStatus.OPEN)
            .options(
                joinedload(WaitlistOffer.doctor),
                joinedload(WaitlistOffer.entry).joinedload(WaitlistEntry.patient),
                joinedload(WaitlistOffer.entry).joinedload(WaitlistEntry.service),
            )
            .order_by(WaitlistOffer.answer_by, WaitlistOffer.id)
        )
    )


def entries(viewer: Actor, *, settled: bool = False, limit: int = 200) -> list[WaitlistEntry]:
    """Who waits, in the order in which they are asked; `settled`: who waited, the latest first."""
    query = (
        select(WaitlistEntry)
        .where(WaitlistEntry.clinic_id == viewer.clinic_id)
        .options(
            joinedload(WaitlistEntry.patient), joinedload(WaitlistEntry.service), joinedload(WaitlistEntry.doctor),
            joinedload(WaitlistEntry.department),
        )
        .limit(limit)
    )  # fmt: skip
    if settled:
        query = query.where(WaitlistEntry.status.not_in(WAITING)).order_by(WaitlistEntry.id.desc())
    else:
        query = query.where(WaitlistEntry.status.in_(WAITING)).order_by(urgency, WaitlistEntry.id)
    return list(db.session.scalars(query))
