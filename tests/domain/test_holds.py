"""Holds: a place kept for who is booking; filters that find free places."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from sqlalchemy import func, select

from reception import clock, ticking
from reception.domain import directory, verify
from reception.domain.audit import record
from reception.domain.calendar import booking, holds, offers, schedules
from reception.domain.calendar.offers import When, Wish
from reception.domain.errors import Invalid, NotAllowed, NotFound, NotPossible, Refusal
from reception.extensions import db
from reception.models import AppointmentPlace, Clinic, Hold, LiveRegion, Role, Slot, Specialization
from tests.factories import House
from tests.screens import Screen

DESK = Role.RECEPTIONIST
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def code(house: House, verb: object, *values: object, **more: object) -> str:
    with pytest.raises(Refusal) as told:
        house.run(verb, *values, **more)
    assert str(told.value).endswith(".")
    return told.value.code


def at_noon(house: House) -> tuple[int, int, object]:
    return house.doctor.id, house.service.id, house.at(12)


def kept(house: House) -> list[tuple[int, int | None, int | None]]:
    rows = db.session.execute(select(AppointmentPlace.place, AppointmentPlace.appointment_id, AppointmentPlace.hold_id))
    return sorted(rows.tuples())


def test_a_kept_place_is_taken_for_everybody_else(house: House) -> None:
    house.shift()
    one, other = house.person(DESK), house.person(Role.MANAGER)
    row = house.run(holds.hold, *at_noon(house), actor=one)
    assert row.until - row.held_at == timedelta(seconds=300)
    assert code(house, holds.hold, *at_noon(house), actor=other) == "slot-full"
    assert code(house, booking.book, house.patient().id, *at_noon(house), actor=other) == "slot-full"
    today, now = clock.today(house.clinic), clock.now()
    assert house.at(12) not in [o.starts_at for o in offers.on_day(other, today, Wish(15), at=now)]
    [seen] = [o for o in offers.on_day(other, today, Wish(15), at=now, held=True) if o.held_by is not None]
    assert (seen.starts_at, seen.free, seen.held_by) == (house.at(12), 0, one.name)
    own = offers.on_day(one, today, Wish(15, hold_id=row.id), at=now)
    assert house.at(12) in [o.starts_at for o in own]
    [standing] = holds.standing(house.clinic.id, house.at(0), house.at(23), at=now)
    assert (standing.by, standing.doctor_id) == (one.name, house.doctor.id)
    # Booking uses the own hold, and is the only thing left of it.
    booked = house.run(booking.book, house.patient().id, *at_noon(house), actor=one)
    assert kept(house) == [(1, booked.id, None)]
    assert db.session.scalar(select(func.count()).select_from(Hold)) == 0
    assert list(verify.findings()) == []


def test_a_hold_ends_by_itself(house: House) -> None:
    """Over, it counts as free at once, before anything clears it away; the tick does so in the end."""
    house.shift()
    one, other = house.person(DESK), house.person(Role.MANAGER)
    first = house.run(holds.hold, *at_noon(house), actor=one)
    house.later(seconds=301)
    now, today = clock.now(), clock.today(house.clinic)
    assert house.at(12) in [o.starts_at for o in offers.on_day(other, today, Wish(15), at=now)]
    assert code(house, holds.renew, first.id, actor=one) == "hold-over"
    booked = house.run(booking.book, house.patient().id, *at_noon(house), actor=other)
    assert kept(house) == [(1, booked.id, None)]
    assert code(house, booking.book, house.patient().id, *at_noon(house), actor=one) == "slot-full"
    second = house.run(holds.hold, house.doctor.id, house.service.id, house.at(13), actor=one)
    house.later(seconds=301)
    ticking.tick(clock.now() - timedelta(minutes=1), clock.now())
    db.session.rollback()
    assert db.session.scalar(select(Hold.id).where(Hold.id == second.id)) is None
    assert kept(house) == [(1, booked.id, None)]


@ON_SQLITE
def test_a_hold_is_renewed_up_to_its_longest(house: House) -> None:
    house.shift(last=22)
    desk = house.person(DESK)
    row = house.run(holds.hold, house.doctor.id, house.service.id, house.at(20), actor=desk)
    begun = row.held_at
    for _ in range(10):
        house.later(seconds=250)
        if clock.now() >= begun + timedelta(seconds=1200):
            break
        row = house.run(holds.renew, row.id, actor=desk)
    assert row.until == begun + timedelta(seconds=1200)
    assert code(house, holds.renew, row.id, actor=desk) == "hold-over"


def test_another_time_gives_the_first_back(house: House) -> None:
    house.shift()
    desk = house.person(DESK)
    first = house.run(holds.hold, *at_noon(house), actor=desk)
    second = house.run(holds.hold, house.doctor.id, house.service.id, house.at(13), actor=desk, instead_of=first.id)
    places = select(Slot.starts_at).join(AppointmentPlace, AppointmentPlace.slot_id == Slot.id)
    assert db.session.scalars(places).all() == [house.at(13)]
    again = house.run(holds.hold, house.doctor.id, house.service.id, house.at(13), actor=desk, instead_of=second.id)
    assert again.id != second.id
    house.run(holds.release, again.id, actor=house.person(Role.MANAGER))  # not theirs: nothing happens
    assert len(kept(house)) == 1
    house.run(holds.release, again.id, actor=desk)
    house.run(holds.release, again.id, actor=desk)
    assert kept(house) == []


@ON_SQLITE
def test_what_a_hold_refuses(house: House) -> None:
    house.shift()
    desk, other = house.person(DESK), House.open(house.app, "Hillside")
    doctor, service = house.doctor.id, house.service.id
    for values, kind in (
        ((doctor, service, house.at(9)), Invalid),
        ((doctor, service, house.at(19)), NotPossible),
        ((other.doctor.id, service, house.at(12)), NotFound),
        ((doctor, other.service.id, house.at(12)), NotFound),
        ((0, service, house.at(12)), NotFound),
    ):
        with pytest.raises(kind):
            house.run(holds.hold, *values, actor=desk)
    with pytest.raises(NotAllowed):
        house.run(holds.hold, doctor, service, house.at(12))  # a job has nobody to keep it for
    db.session.query(Slot).filter(Slot.starts_at == house.at(12)).update({"is_open": False})
    db.session.commit()
    assert code(house, holds.hold, doctor, service, house.at(12), actor=desk) == "closed"
    assert code(house, booking.book, house.patient().id, doctor, service, house.at(12)) == "closed"
    assert kept(house) == []


def test_several_places_of_a_slot_can_be_kept(house: House) -> None:
    house.shift(capacity=3)
    desks = [house.person(role) for role in (DESK, Role.MANAGER, Role.ADMIN)]
    for desk in desks:
        house.run(holds.hold, *at_noon(house), actor=desk)
    assert [place for place, _, _ in kept(house)] == [1, 2, 3]
    row = house.run(booking.book, house.patient().id, *at_noon(house), actor=desks[1])
    assert (2, row.id, None) in kept(house)
    assert list(verify.findings()) == []


@ON_SQLITE
def test_other_desks_hear_of_a_hold(house: House) -> None:
    house.shift()
    desk = house.person(DESK)
    name = f"calendar-{clock.today(house.clinic)}"
    screen = Screen(house, Role.MANAGER)
    screen.heard()
    row = house.run(holds.hold, *at_noon(house), actor=desk)
    assert [signal["id"] for signal in screen.heard("signal")] == [name]
    house.run(holds.release, row.id, actor=desk)
    assert [signal["id"] for signal in screen.heard("signal")] == [name]
    assert db.session.scalar(select(LiveRegion.version).where(LiveRegion.name == name)) is not None


@ON_SQLITE
def test_the_cap_of_overbooking_is_the_clinics(house: House) -> None:
    house.shift()
    manager = house.person(Role.MANAGER)
    house.booked(starts_at=house.at(12))
    db.session.query(Clinic).update({"overbooking_cap": 1})
    db.session.commit()
    manager = house.person(Role.MANAGER)
    more = {"actor": manager, "overbooking_reason": "urgent"}
    house.run(booking.book, house.patient().id, *at_noon(house), **more)
    assert code(house, booking.book, house.patient().id, *at_noon(house), **more) == "overbooked"


@ON_SQLITE
def test_entering_afterwards(house: House) -> None:
    """A past time needs a right and a reason; others are told that it is past."""
    house.shift(first=6)
    values = (house.patient().id, house.doctor.id, house.service.id, house.at(8))
    with pytest.raises(Invalid) as told:
        house.run(booking.book, *values, actor=house.person(DESK), past_reason="forgot")
    assert list(told.value.fields) == ["start"]
    manager = house.person(Role.MANAGER)
    with pytest.raises(Invalid) as told:
        house.run(booking.book, *values, actor=manager, past_reason="  ")
    assert list(told.value.fields) == ["past_reason"]
    row = house.run(booking.book, *values, actor=manager, past_reason="on paper that day")
    assert (row.starts_at, row.past_reason) == (house.at(8), "on paper that day")
    later = house.run(booking.book, house.patient().id, *at_noon(house), actor=manager, past_reason="of no matter")
    assert later.past_reason is None


# ------------------------------------------------------------------------------------------------------- filters


def found(house: House, wish: Wish, when: When) -> list[tuple[int, str]]:
    rows = offers.first_free(house.actor, wish, when, at=clock.now(), limit=50)
    return [(o.doctor_id, f"{clock.local(o.starts_at, house.clinic):%d %H:%M}") for o in rows]


@ON_SQLITE
def test_any_dermatologist_this_week_in_the_afternoon(house: House) -> None:
    """By specialization, department, room, weekday and time of day; today is Friday the 20th."""

    def special(*, actor: object, at: object) -> Specialization:
        row = Specialization(clinic_id=house.clinic.id, name="Dermatology")
        db.session.add(row)
        db.session.flush()
        record(actor, "specialization.add", row, at=at)  # type: ignore[arg-type]
        return row

    skin = house.run(special)
    one = house.another_doctor("One", specialization_id=skin.id)
    two = house.another_doctor("Two", specialization_id=skin.id)
    room = house.run(directory.add_room, "Skin 2")
    for days in (0, 1, 3, 4):
        house.shift(first=11, last=18, days=days, slot_minutes=60)
        house.shift(one, first=11, last=13, days=days, slot_minutes=60)
    house.shift(two, first=16, last=18, days=3, slot_minutes=60, room_id=room.id)
    today = clock.today(house.clinic)
    sunday = today + timedelta(days=2)
    wish = Wish(60, specialization_id=skin.id)
    this_week = When(today, sunday, begins=time(12), ends=time(17))
    assert found(house, wish, this_week) == [(one.id, "20 12:00"), (one.id, "21 12:00")]
    next_week = When(sunday + timedelta(days=1), sunday + timedelta(days=7), begins=time(17))
    assert found(house, wish, next_week) == [(two.id, "23 17:00")]
    mondays = When(today, today + timedelta(days=30), weekdays=frozenset({0}))
    assert found(house, wish, mondays) == [
        (one.id, "23 11:00"), (one.id, "23 12:00"), (two.id, "23 16:00"), (two.id, "23 17:00"),
    ]  # fmt: skip
    assert found(house, Wish(60, room_id=room.id), mondays) == [(two.id, "23 16:00"), (two.id, "23 17:00")]
    assert found(house, Wish(120, department_id=house.department.id, room_id=room.id), mondays) == [
        (two.id, "23 16:00")
    ]
    assert found(house, Wish(60, specialization_id=10**6), this_week) == []


@ON_SQLITE
def test_further_offers_follow_page_by_page(house: House) -> None:
    """Every free start is on some page, in order, none twice."""
    second = house.another_doctor()
    house.shift(first=11, last=14)
    house.shift(second, first=12, last=15, days=1)
    when, now = offers.ahead(house.actor, clock.now()), clock.now()
    seen: list[tuple[object, int]] = []
    after = (house.at(0), 0)
    while page := offers.following(house.actor, Wish(15), when, after, at=now, limit=7):
        seen += [(o.starts_at, o.doctor_id) for o in page]
        after = (page[-1].starts_at, page[-1].doctor_id)
    assert len(seen) == len(set(seen)) == 24
    assert seen == sorted(seen)


@ON_SQLITE
def test_an_evening_shift_goes_on_after_midnight(house: House) -> None:
    house.run(
        schedules.open_schedule, house.doctor.id, house.at(22), house.at(2, days=1), slot_minutes=60,
    )  # fmt: skip
    tomorrow = clock.today(house.clinic) + timedelta(days=1)
    assert [hour for _, hour in found(house, Wish(60), When(tomorrow, tomorrow))] == ["21 00:00", "21 01:00"]
