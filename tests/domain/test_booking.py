"""Booking and moving: all or nothing, one place each, the price of the day, and the way back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from reception import clock
from reception.domain import directory, verify
from reception.domain.calendar import booking, holds, moving, places, schedules, series
from reception.domain.errors import Invalid, NotAllowed, NotFound, NotPossible, Refusal, Stale
from reception.domain.visits import undo
from reception.extensions import db
from reception.models import (
    Appointment,
    AppointmentPlace,
    AuditEntry,
    BillLine,
    Counter,
    Hold,
    LedgerEntry,
    Patient,
    Payment,
    Role,
    Slot,
    Visit,
    VisitEvent,
)
from reception.transaction import perform
from tests.factories import House

TABLES = (
    Appointment,
    AppointmentPlace,
    Visit,
    VisitEvent,
    Payment,
    BillLine,
    LedgerEntry,
    AuditEntry,
    Patient,
    Counter,
)


def state(house: House) -> dict[str, Any]:
    """Whatever a booking writes, to see that a refused one wrote none of it."""
    rows: dict[str, Any] = {t.__tablename__: db.session.scalar(select(func.count()).select_from(t)) for t in TABLES}
    rows["numbers"] = sorted(db.session.execute(select(Counter.name, Counter.last_number)).tuples())
    rows["versions"] = sorted(db.session.execute(select(Appointment.id, Appointment.version)).tuples())
    db.session.rollback()
    return rows


def refused(house: House, verb: Any, *values: Any, **more: Any) -> Refusal:
    """The refusal, with nothing changed."""
    before = state(house)
    with pytest.raises(Refusal) as told:
        house.run(verb, *values, **more)
    assert state(house) == before
    assert str(told.value).endswith(".")
    return told.value


def book(house: House, **more: Any) -> tuple[Any, ...]:
    """The values of a possible booking at noon, but for what `more` says."""
    usual = {"patient": more.pop("patient_id", None) or house.patient().id, "doctor": house.doctor.id,
             "service": house.service.id, "at": house.at(12)}  # fmt: skip
    return tuple({**usual, **more}.values())


def test_a_booking_is_all_of_it(house: House) -> None:
    house.shift()
    desk, patient = house.person(Role.RECEPTIONIST), house.patient()
    row = house.run(
        booking.book, *book(house, patient_id=patient.id), actor=desk, source="ONLINE", reason=" =1+1 ",
        notes="<b>bring\nX-rays</b>",
    )  # fmt: skip
    visit, bill = row.visit, row.visit.payment
    assert (row.booking_id, row.status, row.source) == ("R261120-0001", "CONFIRMED", "ONLINE")
    assert (row.reason, row.notes, row.created_by_id) == ("=1+1", "<b>bring\nX-rays</b>", desk.user_id)
    assert (visit.status, visit.due_at, visit.service_day, visit.ticket) == ("SCHEDULED", house.at(12), row.day, None)
    assert (bill.status, bill.total_amount, bill.doctor_share, bill.center_share) == ("PENDING", 12_000, 4_800, 7_200)
    [entry] = db.session.scalars(select(LedgerEntry)).all()
    assert (entry.kind, entry.amount, entry.appointment_id) == ("CHARGE", 12_000, row.id)
    assert list(verify.findings()) == []


def test_what_a_booking_refuses(house: House) -> None:
    """In words, with a code, and nothing written: neither half a booking nor a used-up number."""
    house.shift()
    second = house.another_doctor()
    house.shift(second)
    taken = house.booked(starts_at=house.at(11))
    busy = taken.patient
    other = House.open(house.app, "Hillside")
    foreign = other.patient()
    gone = house.run(directory.add_service, "Gone", 1)
    house.run(directory.set_active, type(gone), gone.id, False)
    dear = house.run(directory.add_service, "Long", 100, duration_min=60)
    for more, kind, code in (
        ({"at": house.at(9, 30)}, Invalid, "invalid"),  # past
        ({"at": house.at(12, days=-1)}, Invalid, "invalid"),
        ({"at": house.at(12) + timedelta(days=1500)}, Invalid, "invalid"),
        ({"at": house.at(7, days=1)}, NotPossible, "no-schedule"),
        ({"at": house.at(18)}, NotPossible, "no-schedule"),
        ({"at": house.at(17, 30), "service": dear.id}, NotPossible, "too-long"),
        ({"at": house.at(11)}, NotPossible, "slot-full"),
        ({"at": house.at(10, 30), "service": dear.id}, NotPossible, "slot-full"),  # its third quarter is taken
        ({"at": house.at(10, 50)}, NotPossible, "slot-full"),  # beside the raster, into a taken slot
        ({"patient_id": busy.id, "at": house.at(15)}, NotPossible, "already-booked"),
        ({"patient_id": busy.id, "at": house.at(11), "doctor": second.id}, NotPossible, "patient-elsewhere"),
        ({"service": gone.id}, NotPossible, "inactive"),
        ({"patient_id": foreign.id}, NotFound, "not-found"),
        ({"patient_id": 10**9}, NotFound, "not-found"),
        ({"doctor": other.doctor.id}, NotFound, "not-found"),
        ({"service": other.service.id}, NotFound, "not-found"),
        ({"doctor": 0}, NotFound, "not-found"),
    ):
        told = refused(house, booking.book, *book(house, **more))
        assert (type(told), told.code) == (kind, code), more
    values = book(house)
    for more in ({"reason": "x" * 501}, {"notes": "x" * 10_000}, {"reason": "a\x00b"}, {"notes": "\x00"}):
        assert list(refused(house, booking.book, *values, **more).fields) == list(more)
    assert refused(house, booking.book, *values, room_id=other.room.id).code == "not-found"


def test_three_may_be_told_the_same_hour(house: House) -> None:
    """The capacity of a slot; the fourth is refused. A cancelled one's place is free again."""
    house.shift(capacity=3)
    rows = [house.booked(starts_at=house.at(12)) for _ in range(3)]
    assert refused(house, booking.book, *book(house)).code == "slot-full"
    house.move(rows[1].visit, "cancel", reason="x")
    again = house.booked(starts_at=house.at(12))
    found = db.session.scalars(select(AppointmentPlace.place).filter_by(appointment_id=again.id)).all()
    assert found == [2]


def test_as_long_as_is_wanted(house: House) -> None:
    """Another length than the service's: every slot it touches is taken; kept and taken over at that length; series too."""
    house.shift()
    desk = house.person(Role.RECEPTIONIST)
    place = (house.doctor.id, house.service.id, house.at(12))
    held = house.run(holds.hold, *place, minutes=60, actor=desk)
    held = house.run(holds.hold, *place, minutes=40, actor=desk, instead_of=held.id)
    [(starts_at, ends_at)] = db.session.execute(select(Hold.starts_at, Hold.ends_at)).tuples()
    assert ends_at - starts_at == held.ends_at - held.starts_at == timedelta(minutes=40)
    assert refused(house, booking.book, *book(house, at=house.at(12, 30))).code == "slot-full"
    row = house.run(booking.book, *book(house), minutes=40, actor=desk)
    assert row.ends_at == house.at(12, 40)
    taken = select(Slot.starts_at).join(AppointmentPlace).where(AppointmentPlace.appointment_id == row.id)
    assert sorted(db.session.scalars(taken)) == [house.at(12), house.at(12, 15), house.at(12, 30)]
    assert refused(house, booking.book, *book(house, at=house.at(12, 30))).code == "slot-full"
    whole = house.run(booking.book, *book(house, at=house.at(13)), minutes=1)
    assert whole.ends_at == house.at(13, 1)
    house.shift(first=8, last=12, days=1)
    house.shift(first=8, last=12, days=8)
    first = house.run(
        series.book, house.patient().id, house.doctor.id, house.service.id, house.at(9, days=1), 2, minutes=50
    )
    assert [r.ends_at - r.starts_at for r in series.of(first.series, house.actor)] == [timedelta(minutes=50)] * 2
    assert list(verify.findings()) == []


def test_a_length_that_cannot_be(house: House) -> None:
    house.shift()
    desk = house.person(Role.RECEPTIONIST)
    place = (house.doctor.id, house.service.id, house.at(17))
    for minutes, kind, code in (
        (0, Invalid, "invalid"), (-15, Invalid, "invalid"), (721, Invalid, "invalid"), (75, NotPossible, "too-long"),
    ):  # fmt: skip
        for verb, values, who in (
            (booking.book, (house.patient().id, *place), house.actor),
            (holds.hold, place, desk),
        ):
            told = refused(house, verb, *values, minutes=minutes, actor=who)
            assert (type(told), told.code, str(told)[-1]) == (kind, code, "."), minutes
            assert list(told.fields) == (["minutes"] if kind is Invalid else [])
    now = clock.now()
    with pytest.raises(Invalid):
        series.preview(house.actor, *place, 3, at=now, minutes=0)


def test_overbooking_needs_a_role_a_reason_and_has_an_end(house: House) -> None:
    house.shift()
    house.booked(starts_at=house.at(12))
    manager, desk = house.person(Role.MANAGER), house.person(Role.RECEPTIONIST)
    assert isinstance(refused(house, booking.book, *book(house), actor=desk, overbooking_reason="urgent"), NotAllowed)
    assert refused(house, booking.book, *book(house), actor=manager, overbooking_reason="  ").code == "slot-full"
    for _ in range(house.clinic.overbooking_cap):
        row = house.run(booking.book, *book(house), actor=manager, overbooking_reason="urgent")
        assert (row.overbooking_reason, row.overbooked_by_id) == ("urgent", manager.user_id)
        assert places.is_beyond(row.id)
    told = refused(house, booking.book, *book(house), actor=manager, overbooking_reason="urgent")
    assert told.code == "overbooked"
    # Where there is a place, it is no overbooking, whatever was written.
    row = house.run(booking.book, *book(house, at=house.at(13)), actor=manager, overbooking_reason="urgent")
    assert (row.overbooking_reason, places.is_beyond(row.id)) == (None, False)


def test_a_doctor_wants_no_more_on_a_day(house: House) -> None:
    house.run(directory.change_doctor, house.doctor.id, slots_per_day=1)
    house.shift()
    house.booked(starts_at=house.at(12))
    assert refused(house, booking.book, *book(house, at=house.at(13))).code == "day-full"


def test_somebody_new_is_registered_and_booked_at_once_or_not_at_all(house: House) -> None:
    house.shift()
    rest = (house.doctor.id, house.service.id, house.at(12))
    row = house.run(booking.book_new, {"last_name": "New", "phone": "0171 2345678"}, *rest)
    assert (row.patient.last_name, row.patient.phone) == ("New", "+491712345678")
    told = refused(house, booking.book_new, {"last_name": "Twin", "phone": "+49 171 2345678"}, *rest)
    assert (told.code, told.link) == ("duplicate-phone", ("patient", row.patient_id))
    assert refused(house, booking.book_new, {"last_name": "Late"}, *rest).code == "slot-full"
    assert list(refused(house, booking.book_new, {"last_name": ""}, *rest).fields) == ["last_name"]


def test_moving_takes_the_bill_along(house: House) -> None:
    """Another day has another price, another doctor another share; the old place is free at once."""
    second = house.another_doctor(share_percent=10)
    tomorrow = clock.today(house.clinic) + timedelta(days=1)
    house.run(directory.set_price, house.service.id, 15_000, tomorrow)
    house.shift(second, days=1)
    row = house.booked(starts_at=house.at(12))
    house.run(moving.reschedule, row.id, house.at(9, days=1), doctor_id=second.id, version=row.version)
    visit, bill = row.visit, row.visit.payment
    assert (row.doctor_id, row.starts_at, row.ends_at, row.day) == (
        second.id, house.at(9, days=1), house.at(9, 15, days=1), tomorrow,
    )  # fmt: skip
    assert (visit.due_at, visit.service_day, visit.doctor_id) == (house.at(9, days=1), tomorrow, second.id)
    assert (bill.total_amount, bill.doctor_share) == (15_000, 1_500)
    slot = select(Slot.starts_at).join(AppointmentPlace, AppointmentPlace.slot_id == Slot.id)
    assert db.session.scalars(slot).all() == [house.at(9, days=1)]
    assert list(verify.findings()) == []


def test_what_a_move_refuses(house: House) -> None:
    house.shift()
    second = house.another_doctor()
    house.shift(second)
    house.booked(starts_at=house.at(12))
    row = house.booked(starts_at=house.at(11))
    other = House.open(house.app, "Hillside")
    for values, more, kind, code in (
        ((row.id, house.at(9)), {}, Invalid, "invalid"),
        ((row.id, house.at(12)), {}, NotPossible, "slot-full"),
        ((row.id, house.at(12, days=1)), {}, NotPossible, "no-schedule"),
        ((row.id, house.at(13)), {"version": row.version - 1}, Stale, "stale-version"),
        ((row.id, house.at(13)), {"doctor_id": other.doctor.id}, NotFound, "not-found"),
        ((10**9, house.at(13)), {}, NotFound, "not-found"),
        ((other.booked(starts_at=other.at(11)).id, house.at(13)), {}, NotFound, "not-found"),
    ):
        told = refused(house, moving.reschedule, *values, **more)
        assert (type(told), told.code) == (kind, code), more
    desk = house.person(Role.RECEPTIONIST)
    more = {"overbooking_reason": "urgent", "actor": desk}
    assert isinstance(refused(house, moving.reschedule, row.id, house.at(12), **more), NotAllowed)
    house.check_in(row)
    told = refused(house, moving.reschedule, row.id, house.at(13))
    assert (told.code, told.state) == ("not-possible", "CHECKED_IN")


def test_a_move_can_be_undone(house: House) -> None:
    """Back to the former place, doctor and price, by the same role, within 30 s, while it is still free."""
    desk = house.person(Role.RECEPTIONIST)
    second = house.another_doctor()
    tomorrow = clock.today(house.clinic) + timedelta(days=1)
    house.run(directory.set_price, house.service.id, 15_000, tomorrow)
    house.shift()
    house.shift(second, days=1)
    row = house.booked(starts_at=house.at(12))
    house.run(moving.reschedule, row.id, house.at(9, days=1), doctor_id=second.id, actor=desk)
    event = undo.last_event(row.visit.id)
    assert event is not None
    assert (event.move, event.was["starts_at"]) == ("reschedule", house.at(12).isoformat())
    with pytest.raises(NotAllowed):
        house.undo(row.visit, actor=house.person(Role.MANAGER))
    house.undo(row.visit, actor=desk, version=row.visit.version)
    assert (row.starts_at, row.doctor_id, row.visit.service_day) == (
        house.at(12),
        house.doctor.id,
        clock.today(house.clinic),
    )
    assert row.visit.payment.total_amount == 12_000
    assert refused(house, undo.undo, row.visit.id, actor=desk).code == "nothing-to-undo"
    house.run(moving.reschedule, row.id, house.at(13), actor=desk)
    house.booked(starts_at=house.at(12))
    assert refused(house, undo.undo, row.visit.id, actor=desk).code == "place-taken"
    house.later(seconds=31)
    assert refused(house, undo.undo, row.visit.id, actor=desk).code == "too-late"
    assert list(verify.findings()) == []


def test_an_overbooked_place_can_be_gone_back_to(house: House) -> None:
    house.shift()
    manager = house.person(Role.MANAGER)
    house.booked(starts_at=house.at(12))
    row = house.run(booking.book, *book(house), actor=manager, overbooking_reason="urgent")
    house.run(moving.reschedule, row.id, house.at(13), actor=manager)
    assert not places.is_beyond(row.id)
    house.undo(row.visit, actor=manager)
    assert (row.starts_at, places.is_beyond(row.id)) == (house.at(12), True)


def test_a_booking_can_be_undone(house: House) -> None:
    """It ends as cancelled: place and charge are given back, the number stays used."""
    row = house.booked(starts_at=house.at(12))
    house.undo(row.visit)
    assert (row.status, row.visit.status, row.visit.payment.status) == ("CANCELLED",) * 3
    assert db.session.scalars(select(AppointmentPlace)).all() == []
    assert house.booked(row.patient, house.at(12)).booking_id == "R261120-0002"
    assert list(verify.findings()) == []


def at_once(house: House, acts: list[Callable[[], Any]]) -> list[Any]:
    """The acts at the same moment, each in a thread and session of its own; results and refusals' codes."""
    results: list[Any] = [None] * len(acts)
    start = threading.Barrier(len(acts), timeout=30)

    def client(number: int) -> None:
        with house.app.app_context():
            start.wait()
            try:
                results[number] = acts[number]()
            except Refusal as refusal:
                results[number] = refusal.code
            finally:
                db.session.remove()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    db.session.rollback()
    return results


def test_the_last_places_go_to_so_many_and_no_more(house: House) -> None:
    """Twelve book three places at once: three have one each, nine are told that it is full; no number is lost."""
    house.shift(capacity=3)
    rest = (house.doctor.id, house.service.id, house.at(12))
    ids = [house.patient().id for _ in range(12)]
    db.session.rollback()
    acts = [lambda ident=ident: perform(house.actor, booking.book, ident, *rest).booking_id for ident in ids]
    results = at_once(house, acts)
    assert sorted(set(results)) == ["R261120-0001", "R261120-0002", "R261120-0003", "slot-full"]
    assert results.count("slot-full") == 9
    assert sorted(db.session.scalars(select(AppointmentPlace.place))) == [1, 2, 3]
    assert list(verify.findings()) == []


def test_a_shift_does_not_close_under_a_booking(house: House) -> None:
    """Closing and booking at once: whoever is first has it, and never is somebody booked in a closed shift."""
    for hour in range(11, 17):
        shift = house.shift(first=hour, last=hour + 1)
        ids = (house.patient().id, house.doctor.id, house.service.id, house.at(hour))
        shift_id = shift.id
        db.session.rollback()
        close, book_it = at_once(
            house,
            [
                lambda ident=shift_id: perform(house.actor, schedules.close, ident).is_open,
                lambda ids=ids: perform(house.actor, booking.book, *ids).status.value,
            ],
        )
        assert (close, book_it) in ((False, "no-schedule"), ("booked", "CONFIRMED"))
