"""The waitlist: who would take a freed place. A place that is given back is offered to the first who fits, kept for the
time to answer; declined or unanswered it goes to the next.

`offer_freed` runs at the end of every transaction that gave places back; `sweep` and `chances` once a minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from sqlalchemy import Select, and_, case, delete, exists, func, or_, select
from sqlalchemy.orm import joinedload

from reception import clock
from reception.clock import service_day
from reception.domain.actors import Actor
from reception.domain.audit import Freed, Work, record, work
from reception.domain.calendar import booking, holds, offers
from reception.domain.calendar.places import drop_holds, lowest, schedule_for, spanned, taken_in
from reception.domain.calendar.vacancy import STANDING, Wish
from reception.domain.errors import NotPossible, invalid_field
from reception.domain.locks import load, locked
from reception.domain.merging_ids import check_stands
from reception.domain.texts import checked
from reception.domain.visits import undo
from reception.extensions import db
from reception.models import (
    Appointment,
    AppointmentPlace,
    AppointmentStatus,
    Department,
    Doctor,
    Hold,
    LiveRegion,
    OfferStatus,
    Patient,
    Priority,
    Schedule,
    Service,
    Slot,
    Visit,
    WaitlistEntry,
    WaitlistOffer,
    WaitlistStatus,
)
from reception.words import N_

LONGEST = timedelta(days=366)
WEEK = timedelta(days=7)
MOST_CHANCES = 20
"""So many offers at most in one minute's sweep of a clinic."""
WAITING = (WaitlistStatus.ACTIVE, WaitlistStatus.NOTIFIED)
_urgency = case(
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
        _close(offer, OfferStatus.DECLINED, at)
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
    _close(offer, OfferStatus.DECLINED, at)
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


def _close(offer: WaitlistOffer, status: OfferStatus, at: datetime) -> None:
    """End the offer and give its place to the next."""
    if offer.hold_id is not None:
        work().freed.extend(drop_holds([offer.hold_id]))
    offer.status, offer.answered_at, offer.hold_id = status, at, None
    db.session.flush()


# ------------------------------------------------------------------------------------------------------- offering


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
        .order_by(_urgency, WaitlistEntry.id)
        .limit(1)
        .with_for_update(skip_locked=True, key_share=True, of=WaitlistEntry)
        .execution_options(populate_existing=True)
    )  # fmt: skip


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
        _close(offer, OfferStatus.EXPIRED, at)
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
        .order_by(_urgency, WaitlistEntry.id)
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
        query = query.where(WaitlistEntry.status.in_(WAITING)).order_by(_urgency, WaitlistEntry.id)
    return list(db.session.scalars(query))
