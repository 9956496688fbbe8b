"""The waitlist: a place that is given back goes to the first who fits, then to the next."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from reception import clock, ticking
from reception.domain import directory, verify
from reception.domain.calendar import booking, holds, moving, waitlist
from reception.domain.errors import Invalid, NotFound, NotPossible, Refusal
from reception.extensions import db
from reception.models import (
    AppointmentPlace,
    AuditEntry,
    Hold,
    OfferStatus,
    Priority,
    Role,
    Slot,
    WaitlistEntry,
    WaitlistOffer,
)
from tests.factories import House
from tests.screens import Screen

DESK = Role.RECEPTIONIST
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def wait(house: House, name: str = "", days: int = 14, **more: Any) -> WaitlistEntry:
    today = clock.today(house.clinic)
    first = more.pop("first_day", today)
    return house.run(
        waitlist.add, house.patient(name).id, house.service.id, first, today + timedelta(days=days), **more
    )


def open_offers(house: House) -> list[tuple[int, str]]:
    """Entry and time of what is offered now."""
    db.session.rollback()
    rows = db.session.scalars(
        select(WaitlistOffer).where(WaitlistOffer.status == OfferStatus.OPEN).order_by(WaitlistOffer.starts_at)
    )
    return [(row.entry_id, f"{clock.local(row.starts_at, house.clinic):%d %H:%M}") for row in rows]


def the_offer(entry: WaitlistEntry) -> WaitlistOffer:
    db.session.rollback()
    return db.session.scalars(
        select(WaitlistOffer).where(WaitlistOffer.entry_id == entry.id).order_by(WaitlistOffer.id.desc())
    ).first()  # type: ignore[return-value]


def full_shift(house: House, first: int = 12, last: int = 13, **more: Any) -> list[Any]:
    """A shift of quarters in which everything is booked."""
    house.shift(first=first, last=last, **more)
    days = more.get("days", 0)
    starts = [house.at(first, days=days) + timedelta(minutes=15 * n) for n in range(4 * (last - first))]
    return [house.booked(starts_at=start) for start in starts]


def code(house: House, verb: Any, *values: Any, **more: Any) -> str:
    with pytest.raises(Refusal) as told:
        house.run(verb, *values, **more)
    return told.value.code


def test_a_cancelled_place_goes_to_the_first_then_to_the_next(house: House) -> None:
    rows = full_shift(house)
    first, second = wait(house, "First"), wait(house, "Second")
    urgent = wait(house, "Urgent", priority=Priority.PRIORITY)
    assert open_offers(house) == []
    house.move(rows[0].visit, "cancel", reason="x")
    assert open_offers(house) == [(urgent.id, "20 12:00")]
    offer = the_offer(urgent)
    assert (offer.entry.status, offer.answer_by - offer.offered_at) == ("NOTIFIED", timedelta(minutes=60))
    hold = db.session.scalars(select(Hold)).one()
    assert (hold.id, hold.user_id, hold.until) == (offer.hold_id, None, offer.answer_by)
    assert code(house, booking.book, house.patient().id, house.doctor.id, house.service.id, house.at(12)) == "slot-full"
    assert list(verify.findings()) == []
    house.run(waitlist.decline, offer.id)
    assert open_offers(house) == [(first.id, "20 12:00")]
    row = house.run(waitlist.accept, the_offer(first).id, actor=house.person(DESK))
    assert (row.patient_id, row.starts_at, row.visit.payment.total_amount) == (first.patient_id, house.at(12), 12_000)
    db.session.refresh(first)
    assert (first.status, first.appointment_id, open_offers(house)) == ("CONVERTED", row.id, [])
    assert db.session.scalars(select(Hold)).all() == []
    assert db.session.scalar(select(AppointmentPlace.hold_id).where(AppointmentPlace.hold_id.is_not(None))) is None
    of_list = select(AuditEntry.action).where(AuditEntry.entity_kind == "waitlist_entry")
    acts = db.session.scalars(of_list.order_by(AuditEntry.seq)).all()
    assert acts == [*["waitlist.add"] * 3, "waitlist.offer", "waitlist.decline", "waitlist.offer", "waitlist.accept"]
    house.move(rows[1].visit, "no-show")  # who declined once is asked again, for another place
    assert open_offers(house) == [(urgent.id, "20 12:15")]
    assert second.status == "ACTIVE"
    assert list(verify.findings()) == []


def test_every_way_to_free_a_place(house: House) -> None:
    """Cancelling, not coming, moving away, an undone booking, a hold given back or over, a shift opened."""
    rows = full_shift(house)
    entries = [wait(house) for _ in range(7)]
    desk = house.person(DESK)
    house.shift(first=15, last=16, days=1)
    house.move(rows[0].visit, "cancel", reason="x")
    house.move(rows[1].visit, "no-show")
    # 15:00 is free and nobody gave it back: the minute finds it. Not twice the same place to two.
    ticking.tick(clock.now(), clock.now())
    assert [entry for entry, _ in open_offers(house)] == [e.id for e in entries[:6]]
    assert [when for _, when in open_offers(house)] == [
        "20 12:00", "20 12:15", "21 15:00", "21 15:15", "21 15:30", "21 15:45",
    ]  # fmt: skip
    house.shift(first=16, last=17, days=2)
    house.run(moving.reschedule, rows[2].id, house.at(16, days=2), actor=desk)
    assert open_offers(house)[2] == (entries[6].id, "20 12:30")
    eighth = wait(house)
    kept = house.run(holds.hold, house.doctor.id, house.service.id, house.at(16, 15, days=2), actor=desk)
    house.run(holds.release, kept.id, actor=desk)
    assert open_offers(house)[-1] == (eighth.id, "22 16:15")
    ninth = wait(house)
    made = house.booked(starts_at=house.at(16, 30, days=2), actor=desk)
    house.undo(made.visit, actor=desk)
    assert open_offers(house)[-1] == (ninth.id, "22 16:30")
    assert list(verify.findings()) == []


def test_an_unanswered_offer_goes_on_by_itself(house: House) -> None:
    rows = full_shift(house, 14, 15)
    first, second = wait(house, "First"), wait(house, "Second")
    house.move(rows[0].visit, "cancel", reason="x")
    offer_id = the_offer(first).id
    house.later(minutes=61)
    assert code(house, waitlist.accept, offer_id) == "too-late"
    ticking.tick(clock.now(), clock.now())
    assert open_offers(house) == [(second.id, "20 14:00")]
    assert (the_offer(first).status, the_offer(first).entry.status) == ("EXPIRED", "ACTIVE")
    assert code(house, waitlist.decline, offer_id) == "not-possible"
    house.later(days=20)
    ticking.tick(clock.now(), clock.now())
    assert {entry.status for entry in db.session.scalars(select(WaitlistEntry))} == {"EXPIRED"}
    assert (open_offers(house), db.session.scalars(select(Hold)).all()) == ([], [])
    assert list(verify.findings()) == []


@ON_SQLITE
def test_who_fits(house: House) -> None:
    """Doctor, department, days, hours, length, and not while the patient is elsewhere."""
    heart = house.run(directory.add_department, "Cardiology", "B")
    second = house.another_doctor(department_id=heart.id)
    rows = full_shift(house)
    today = clock.today(house.clinic)
    wait(house, doctor_id=second.id)
    wait(house, department_id=heart.id)
    wait(house, first_day=today + timedelta(days=1))
    wait(house, not_before=time(12, 30))
    wait(house, not_after=time(12))
    long = house.run(directory.add_service, "Long", 100, duration_min=30)
    house.run(waitlist.add, house.patient().id, long.id, today, today)
    busy = wait(house)
    house.shift(second, 12, 13)
    house.run(booking.book, busy.patient_id, second.id, long.id, house.at(12))
    house.move(rows[0].visit, "cancel", reason="x")
    assert open_offers(house) == []
    fits = wait(house, department_id=house.department.id, not_before=time(12), not_after=time(12, 30))
    house.move(rows[1].visit, "cancel", reason="x")
    assert open_offers(house) == [(fits.id, "20 12:15")]


def test_an_undo_has_its_place_back(house: House) -> None:
    """Within its 30 seconds: the offer is withdrawn, the entry waits as before."""
    [row, *_] = full_shift(house)
    desk = house.person(DESK)
    entry = wait(house)
    house.move(row.visit, "cancel", reason="x", actor=desk)
    assert open_offers(house) == [(entry.id, "20 12:00")]
    house.undo(row.visit, actor=desk)
    assert (row.status, open_offers(house), entry.status) == ("CONFIRMED", [], "ACTIVE")
    house.shift(first=14, last=15)
    house.run(moving.reschedule, row.id, house.at(14), actor=desk)
    assert open_offers(house) == [(entry.id, "20 12:00")]
    house.undo(row.visit, actor=desk)
    assert (row.starts_at, open_offers(house)) == (house.at(12), [(entry.id, "20 14:00")])
    assert list(verify.findings()) == []


def test_accepting_and_leaving_can_be_taken_back(house: House) -> None:
    [row, *_] = full_shift(house)
    desk = house.person(DESK)
    entry = wait(house)
    house.move(row.visit, "cancel", reason="x")
    offer = the_offer(entry)
    made = house.run(waitlist.accept, offer.id, actor=desk)
    house.run(waitlist.take_back, offer.id, actor=desk)
    assert (made.status, entry.status, entry.appointment_id) == ("CANCELLED", "ACTIVE", None)
    house.run(waitlist.leave, entry.id)
    assert entry.status == "CANCELLED"
    assert code(house, waitlist.leave, entry.id) == "not-possible"
    house.run(waitlist.stay, entry.id)
    assert entry.status == "ACTIVE"
    assert list(verify.findings()) == []


@ON_SQLITE
def test_what_the_list_refuses(house: House) -> None:
    today = clock.today(house.clinic)
    other = House.open(house.app, "Hillside")
    patient = house.patient().id
    house.run(waitlist.add, patient, house.service.id, today, today)
    values: tuple[Any, ...]
    for values, more, kind in (
        ((patient, house.service.id, today, today), {}, NotPossible),  # waits already
        ((patient, house.service.id, today + timedelta(days=3), today), {}, Invalid),
        ((patient, house.service.id, today - timedelta(days=9), today - timedelta(days=1)), {}, Invalid),
        ((patient, house.service.id, today, today + timedelta(days=500)), {}, Invalid),
        ((patient, house.service.id, today, today), {"not_before": time(12), "not_after": time(12)}, Invalid),
        ((patient, house.service.id, today, today), {"note": "x" * 501, "doctor_id": house.doctor.id}, Invalid),
        ((other.patient().id, house.service.id, today, today), {}, NotFound),
        ((patient, other.service.id, today, today), {}, NotFound),
        ((patient, house.service.id, today, today), {"doctor_id": other.doctor.id}, NotFound),
        ((patient, house.service.id, today, today), {"department_id": other.department.id}, NotFound),
    ):
        with pytest.raises(kind):
            house.run(waitlist.add, *values, **more)
    assert code(house, waitlist.accept, 10**9) == "not-found"
    theirs = other.run(waitlist.add, other.patient().id, other.service.id, today, today)
    assert code(house, waitlist.leave, theirs.id) == "not-found"


@ON_SQLITE
def test_a_closed_or_past_place_is_not_offered(house: House) -> None:
    [row, *_] = full_shift(house, 14, 15)
    late = house.booked(starts_at=house.at(10), doctor=house.another_doctor())
    wait(house)
    house.later(minutes=5)
    house.move(late.visit, "no-show")
    assert open_offers(house) == []
    shift = row.schedule
    db.session.query(Slot).filter(Slot.schedule_id == shift.id).update({"is_open": False})
    db.session.commit()
    house.move(row.visit, "cancel", reason="x")
    assert open_offers(house) == []


@ON_SQLITE
def test_the_desk_hears_of_an_offer(house: House) -> None:
    [row, *_] = full_shift(house)
    entry = wait(house, "Waiting", note="calls back")
    screen = Screen(house, DESK)
    screen.heard()
    house.move(row.visit, "cancel", reason="x")
    heard = screen.heard()
    [told] = [m["args"][0] for m in heard if m["name"] == "region" and m["args"][0]["id"] == "offers"]
    assert "Waiting" in told["html"]
    assert f"offer-{the_offer(entry).id}" in told["html"]
