"""Shifts by the clinic's clock: gaps and repeats of the clocks, overlaps, closing and opening, what is free and offered."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from reception import clock
from reception.domain import directory
from reception.domain.calendar import daylist, offers, schedules
from reception.domain.calendar.offers import Wish
from reception.domain.errors import Invalid, NotFound, NotPossible
from reception.extensions import db
from reception.models import AuditEntry, RoomUse, Schedule, Slot
from tests.factories import House

FORWARD = date(2027, 3, 28)
"""02:00 to 03:00 does not exist on this day in Berlin."""
BACK = date(2027, 10, 31)
"""02:00 to 03:00 comes twice."""


def plan(house: House, first: time = time(8), last: time = time(12), **more: Any) -> Schedule:
    values = {"doctor_id": house.doctor.id, "day": clock.today(house.clinic)} | more
    return house.run(schedules.plan, values.pop("doctor_id"), values.pop("day"), first, last, **values)


def count(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def walls(house: House, rows: list[offers.Offer]) -> list[str]:
    return [f"{clock.local(row.starts_at, house.clinic):%H:%M}" for row in rows]


def test_a_shift_is_cut_into_slots(house: House) -> None:
    row = plan(house, time(11), time(12, 10), slot_minutes=20, capacity=3, room_id=house.room.id)
    slots = db.session.scalars(select(Slot).filter_by(schedule_id=row.id).order_by(Slot.starts_at)).all()
    assert [(slot.ends_at - slot.starts_at) // timedelta(minutes=1) for slot in slots] == [20, 20, 20, 10]
    assert {slot.capacity for slot in slots} == {3}
    assert (row.starts_at, row.ends_at) == (house.at(11), house.at(12, 10))


def test_what_a_shift_refuses(house: House) -> None:
    """Each in words about its field, and nothing is written."""
    closed = house.run(directory.add_room, "Closed")
    house.run(directory.set_active, type(closed), closed.id, False)
    gone = house.another_doctor("Gone")
    house.run(directory.set_active, type(gone), gone.id, False)
    other = House.open(house.app, "Hillside")
    before = (count(Schedule), count(Slot), count(RoomUse), count(AuditEntry))
    yesterday = clock.today(house.clinic) - timedelta(days=1)
    for more, kind, field in (
        ({"first": time(12), "last": time(8)}, Invalid, "last"),
        ({"first": time(8), "last": time(8)}, Invalid, "last"),
        ({"day": yesterday}, Invalid, "day"),
        ({"first": time(8), "last": time(9, 59)}, Invalid, "day"),  # over at ten, which it is now
        ({"day": FORWARD, "first": time(2, 30)}, Invalid, "first"),
        ({"day": FORWARD, "first": time(1), "last": time(2, 30)}, Invalid, "last"),
        ({"slot_minutes": 0}, Invalid, "slot_minutes"),
        ({"slot_minutes": 1441}, Invalid, "slot_minutes"),
        ({"capacity": 0}, Invalid, "capacity"),
        ({"capacity": 101}, Invalid, "capacity"),
        ({"room_id": closed.id}, NotPossible, None),
        ({"doctor_id": gone.id}, NotPossible, None),
        ({"doctor_id": other.doctor.id}, NotFound, None),
        ({"doctor_id": 10**9}, NotFound, None),
        ({"room_id": other.room.id}, NotFound, None),
    ):
        with pytest.raises(kind) as told:
            plan(house, **more)
        assert list(told.value.fields) == ([field] if field else []), more
    assert (count(Schedule), count(Slot), count(RoomUse), count(AuditEntry)) == before


def test_doctor_and_room_are_in_one_place_at_a_time(house: House) -> None:
    """Half-open: the next shift may begin where this one ends."""
    second = house.another_doctor()
    plan(house, time(10), time(12), room_id=house.room.id)
    with pytest.raises(NotPossible) as told:
        plan(house, time(11), time(13))
    assert told.value.code == "overlap"
    with pytest.raises(NotPossible) as told:
        plan(house, time(11, 59), time(13), doctor_id=second.id, room_id=house.room.id)
    assert told.value.code == "room-taken"
    plan(house, time(12), time(13), room_id=house.room.id)
    plan(house, time(11), time(13), doctor_id=second.id)


def test_clocks_go_forward_and_back(house: House) -> None:
    """A shift over the gap has an hour less of slots, over the repeat an hour more; midnight is the day's end."""
    forward = plan(house, time(1), time(4), day=FORWARD, slot_minutes=60)
    back = plan(house, time(1), time(4), day=BACK, slot_minutes=60)
    late = plan(house, time(22), time(0), day=FORWARD)
    assert forward.ends_at - forward.starts_at == timedelta(hours=2)
    assert back.ends_at - back.starts_at == timedelta(hours=4)
    assert (late.day, late.ends_at) == (FORWARD, datetime(2027, 3, 28, 22, tzinfo=UTC))
    wish = Wish(60, house.doctor.id)
    assert walls(house, offers.on_day(house.actor, FORWARD, wish, at=clock.now()))[:2] == ["01:00", "03:00"]
    assert walls(house, offers.on_day(house.actor, BACK, wish, at=clock.now())) == ["01:00", "02:00", "02:00", "03:00"]


def test_closing_a_shift_and_opening_it_again(house: House) -> None:
    """Not while somebody is booked. Its time is free for another shift, also for one with the same start."""
    row = plan(house, time(11), time(14), room_id=house.room.id)
    appointment = house.booked(starts_at=house.at(12))
    with pytest.raises(NotPossible) as told:
        house.run(schedules.close, row.id)
    assert told.value.code == "booked"
    house.move(appointment.visit, "cancel", reason="x")
    house.run(schedules.close, row.id)
    assert (row.is_open, count(RoomUse)) == (False, 0)
    assert offers.next_free(house.actor, Wish(15), at=clock.now()) == []
    assert house.run(schedules.reopen, row.id).is_open
    assert count(RoomUse) == 1
    house.run(schedules.close, row.id)
    again = plan(house, time(11), time(12), slot_minutes=30, capacity=2)
    assert (again.id, again.is_open, again.room_id, again.capacity) == (row.id, True, None, 2)
    assert count(Slot) == 2
    house.run(schedules.close, row.id)
    plan(house, time(10), time(12))
    with pytest.raises(NotPossible) as told:
        house.run(schedules.reopen, row.id)
    assert told.value.code == "overlap"
    with pytest.raises(NotFound):
        house.run(schedules.close, plan(House.open(house.app, "Hillside")).id)


def test_what_is_offered_can_be_taken(house: House) -> None:
    """Whole visits only, from now on; nothing full, nothing that the patient or the doctor cannot take."""
    second = house.another_doctor()
    plan(house, time(9), time(11, 30))
    plan(house, time(10), time(11), doctor_id=second.id)
    today, now = clock.today(house.clinic), clock.now()
    mine = Wish(30, house.doctor.id)
    assert walls(house, offers.on_day(house.actor, today, mine, at=now)) == [
        "10:00",
        "10:15",
        "10:30",
        "10:45",
        "11:00",
    ]
    patient = house.patient()
    taken = house.booked(patient, house.at(10, 30))
    assert walls(house, offers.on_day(house.actor, today, mine, at=now)) == ["10:00", "10:45", "11:00"]
    full = offers.on_day(house.actor, today, mine, at=now, full=True)
    assert [row.free for row in full] == [1, 0, 0, 1, 1]
    # The patient has a place in this shift, and is busy at half past ten with the other doctor, too.
    assert offers.on_day(house.actor, today, Wish(30, house.doctor.id, patient_id=patient.id), at=now) == []
    elsewhere = offers.on_day(house.actor, today, Wish(15, second.id, patient_id=patient.id), at=now)
    assert walls(house, elsewhere) == ["10:00", "10:15", "10:45"]
    # Moving it, its own place counts as free.
    moving = Wish(15, house.doctor.id, patient_id=patient.id, moving=taken.id)
    assert "10:30" in walls(house, offers.on_day(house.actor, today, moving, at=now))
    house.run(directory.change_doctor, second.id, slots_per_day=1)
    house.booked(starts_at=house.at(10), doctor=second)
    assert offers.on_day(house.actor, today, Wish(15, second.id), at=now) == []
    for offer in offers.next_free(house.actor, Wish(15), at=now):
        found = offers.understood(offer.value)
        assert found == (offer.doctor_id, offer.starts_at)
        house.booked(house.patient(), offer.starts_at)


def test_the_next_free_places(house: House) -> None:
    """The very first one first, a choice of doctors and of times, days ahead when today is full."""
    second, third = house.another_doctor("Second"), house.another_doctor("Third")
    department = house.run(directory.add_department, "Cardiology", "B")
    elsewhere = house.another_doctor("Fourth", department_id=department.id)
    for doctor in (house.doctor, second, elsewhere):
        plan(house, time(11), time(12), doctor_id=doctor.id)
    plan(house, time(8), time(12), doctor_id=third.id, day=clock.today(house.clinic) + timedelta(days=40))
    now = clock.now()
    first = offers.next_free(house.actor, Wish(60), at=now)
    assert [(row.doctor_id, row.starts_at) for row in first[:3]] == [
        (doctor.id, house.at(11)) for doctor in (house.doctor, second, elsewhere)
    ]
    assert (first[3].doctor_id, first[3].starts_at) == (third.id, house.at(8, days=40))
    assert {row.doctor_id for row in offers.next_free(house.actor, Wish(15, department_id=department.id), at=now)} == {
        elsewhere.id
    }
    spread = offers.next_free(house.actor, Wish(15), at=now)
    assert (len(spread), len({row.doctor_id for row in spread}), len({row.starts_at for row in spread})) == (7, 3, 4)
    for text in ("", "7", "7@", "x@2026-11-20T10:00Z", "7@2026-13-20T10:00Z", "7@now", "-7@2026-11-20T10:00Z", "@"):
        assert offers.understood(text) is None


def test_the_day_list(house: House) -> None:
    """By department and name, the own line first; what is free from now on; a long day is cut and says so."""
    second = house.another_doctor("Second")
    plan(house, time(8), time(12), room_id=house.room.id)
    plan(house, time(11), time(12), doctor_id=second.id, capacity=100)
    house.booked(starts_at=house.at(11))
    gone = house.booked(starts_at=house.at(10))
    house.move(gone.visit, "cancel", reason="x")
    for _ in range(daylist.MOST + 3):
        house.booked(starts_at=house.at(11), doctor=second)
    today, now = clock.today(house.clinic), clock.now()
    mine, other = daylist.of(house.actor, today, now)
    assert (mine.doctor.id, mine.free, mine.total, mine.count, mine.is_past) == (house.doctor.id, 7, 16, 2, False)
    assert [row.id for row in mine.rows] == [gone.id, mine.rows[1].id]
    assert (other.free, other.total, other.count, len(other.rows)) == (337, 400, daylist.MOST + 3, daylist.MOST)
    [alone] = daylist.of(house.actor, today, now, doctor_id=second.id)
    assert len(alone.rows) == daylist.MOST + 3
    assert daylist.of(house.actor, today + timedelta(days=1), now) == []
    evening = daylist.of(house.actor, today, house.at(20))
    assert [(found.free, found.is_past) for found in evening] == [(0, True), (0, True)]
    assert daylist.of(House.open(house.app, "Hillside").actor, today, now) == []
