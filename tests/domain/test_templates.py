"""Weekly shifts: made ahead by the wall clock, changed and ended from a day on; nobody who is booked is lost."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from reception import clock, ticking
from reception.domain import directory, verify
from reception.domain.calendar import (
    callups,
    daylist,
    offers,
    plans_undo,
    schedules,
    shift_rooms,
    templates,
    templates_made,
)
from reception.domain.calendar.offers import Wish
from reception.domain.calendar.templates import Weekly
from reception.domain.errors import Invalid, NotFound, NotPossible, Stale
from reception.extensions import db
from reception.models import Appointment, AppointmentPlace, AuditEntry, Clinic, Schedule, ScheduleTemplate, Slot
from tests.factories import House

TODAY = date(2026, 11, 20)
"""A Friday."""
MONDAY = date(2026, 11, 23)


def weekly(begins: int | time = 8, ends: int | time = 12, **more: Any) -> Weekly:
    first, last = (value if isinstance(value, time) else time(value) for value in (begins, ends))
    return Weekly(first, last, more.pop("valid_from", TODAY), **more)


def add(house: House, *weekdays: int, doctor: Any = None, **more: Any) -> ScheduleTemplate:
    return house.run(templates.add, (doctor or house.doctor).id, weekdays or (0,), weekly(**more))


def shifts(house: House, day: date | None = None) -> list[tuple[date, str]]:
    query = select(Schedule).where(Schedule.is_open.is_(True), Schedule.clinic_id == house.clinic.id)
    rows = db.session.scalars(query.order_by(Schedule.starts_at)).all()
    return [
        (row.day, f"{clock.local(row.starts_at, house.clinic):%H:%M}-{clock.local(row.ends_at, house.clinic):%H:%M}")
        for row in rows
        if day in (None, row.day)
    ]


def on(house: House, day: date, hour: int, minute: int = 0) -> datetime:
    found = clock.instant(day, time(hour, minute), house.clinic)
    assert found is not None
    return found


def book(house: House, day: date, hour: int, minute: int = 0, **more: Any) -> Appointment:
    from reception.domain.calendar import booking

    return house.run(
        booking.book, house.patient().id, house.doctor.id, house.service.id, on(house, day, hour, minute), **more
    )


def calls(house: House) -> list[int]:
    return [call.appointment.id for call in callups.people(house.actor, clock.now())]


def test_a_week_is_made_ahead(house: House) -> None:
    """Eight weeks of it, today included where it is not over; several shifts a day; the rest by the clock."""
    add(house, 0, 4, begins=8, ends=12, room_id=house.room.id, slot_minutes=20, capacity=2)
    add(house, 4, begins=13, ends=time(0))
    found = shifts(house)
    assert found[:3] == [(TODAY, "08:00-12:00"), (TODAY, "13:00-00:00"), (MONDAY, "08:00-12:00")]
    assert len(found) == 9 + 8 + 9
    assert {
        slot.capacity for slot in db.session.scalars(select(Slot).join(Schedule).where(Schedule.capacity == 2))
    } == {2}
    entries = db.session.scalar(select(func.count()).select_from(AuditEntry))
    ticking.tick(clock.now(), clock.now())
    assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == entries, "nothing new on the same day"
    house.later(days=3)
    ticking.tick(clock.now(), clock.now())
    assert len(shifts(house)) == len(found) + 1
    assert shifts(house)[-1] == (MONDAY + timedelta(weeks=8), "08:00-12:00")
    assert list(verify.findings()) == []


def test_what_is_taken_is_left_out_and_said(house: House) -> None:
    """A shift made by hand stays; the week goes on around it. A closed one is not opened by the clock again."""
    house.shift(first=10, last=11, days=3)
    row = add(house, 0)
    assert shifts(house, MONDAY) == [(MONDAY, "10:00-11:00")]
    assert templates_made.gaps(house.actor, row, TODAY) == [MONDAY]
    second = db.session.scalars(select(Schedule).where(Schedule.day == MONDAY + timedelta(weeks=1))).one()
    house.run(schedules.close, second.id)
    house.later(days=7)
    ticking.tick(clock.now(), clock.now())
    assert shifts(house, second.day) == []
    house.run(templates.change, row.id, clock.today(house.clinic), weekly(begins=9))
    assert shifts(house, second.day) == []


def test_a_change_keeps_who_fits_and_lists_the_others(house: House) -> None:
    """The rest of the day shrinks around the booked people: who is inside stays, who is outside is to be called."""
    row = add(house, 0, begins=8, ends=16)
    early, inside, late = (book(house, MONDAY, hour) for hour in (8, 10, 15))
    before = book(house, MONDAY, 9)
    changed = house.run(templates.change, row.id, TODAY, weekly(begins=9, ends=12, slot_minutes=20))
    assert changed.id == row.id
    assert shifts(house, MONDAY) == [(MONDAY, "09:00-12:00")]
    assert calls(house) == [early.id, late.id]
    [shift] = db.session.scalars(select(Schedule).where(Schedule.day == MONDAY, Schedule.is_open)).all()
    assert {db.session.get_one(Appointment, one.id).schedule_id for one in (inside, before)} == {shift.id}
    assert {db.session.get_one(Appointment, one.id).schedule_id for one in (early, late)} != {shift.id}
    assert list(verify.findings()) == []
    # The week is as it was: everybody is taken in again, and nobody is left to call.
    house.run(templates.change, row.id, TODAY, weekly(begins=8, ends=16))
    assert calls(house) == []
    assert {one.schedule.is_open for one in db.session.scalars(select(Appointment))} == {True}
    assert list(verify.findings()) == []


def test_a_change_from_a_day_on(house: House) -> None:
    """Before that day it stays; two shifts take the place of one, and the afternoon's people follow theirs."""
    row = add(house, 0, begins=8, ends=16)
    later = MONDAY + timedelta(weeks=2)
    first, second = book(house, MONDAY, 15), book(house, later, 15)
    house.run(templates.change, row.id, later - timedelta(days=3), weekly(begins=8, ends=12))
    add(house, 0, begins=14, ends=18, valid_from=later - timedelta(days=3))
    assert shifts(house, MONDAY) == [(MONDAY, "08:00-16:00")]
    assert shifts(house, later) == [(later, "08:00-12:00"), (later, "14:00-18:00")]
    assert calls(house) == []
    assert db.session.get_one(Appointment, second.id).schedule.starts_at == on(house, later, 14)
    assert db.session.get_one(Appointment, first.id).schedule.starts_at == on(house, MONDAY, 8)
    assert list(verify.findings()) == []


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_smaller_capacity_keeps_the_booked(house: House) -> None:
    row = add(house, 0, capacity=3)
    booked = [book(house, MONDAY, 10) for _ in range(3)]
    house.run(templates.change, row.id, TODAY, weekly(capacity=1))
    assert calls(house) == []
    slots = select(Slot.capacity).join(Schedule).where(Schedule.day == MONDAY, Schedule.is_open)
    assert sorted(db.session.scalars(slots)) == [1] * 15 + [3]
    assert len(booked) == db.session.scalar(select(func.count()).select_from(AppointmentPlace))
    with pytest.raises(NotPossible) as told:
        book(house, MONDAY, 10)
    assert told.value.code == "slot-full"


def test_ending_and_going_on(house: House) -> None:
    row = add(house, 0, 4)
    booked = book(house, MONDAY, 9)
    ended = house.run(templates.end, row.id, TODAY)
    assert shifts(house, MONDAY) == []
    assert calls(house) == [booked.id]
    assert (ended.valid_to, ended.is_active) == (TODAY, True)
    house.run(plans_undo.take_back, row.id)
    assert db.session.get_one(ScheduleTemplate, row.id).valid_to is None
    assert (shifts(house, MONDAY), calls(house)) == ([(MONDAY, "08:00-12:00")], [])
    house.later(days=1)
    ticking.tick(clock.now(), clock.now())
    assert list(verify.findings()) == []


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_week_of_another_doctor(house: House) -> None:
    """Copied into the own room."""
    room = house.run(directory.add_room, "102")
    second = house.another_doctor(room_id=room.id)
    add(house, 0, 1, room_id=house.room.id)
    house.run(templates.copy_week, house.doctor.id, second.id, TODAY)
    rows = templates.of_doctor(house.actor, second.id, TODAY)
    assert [(row.weekday, row.room_id) for row in rows] == [(0, room.id), (1, room.id)]
    for source, target in ((house.doctor.id, house.doctor.id), (second.id, 10**9), (10**9, second.id)):
        with pytest.raises((Invalid, NotFound)):
            house.run(templates.copy_week, source, target, TODAY)
    with pytest.raises(NotPossible):
        house.run(templates.copy_week, house.doctor.id, second.id, TODAY)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_a_weekly_shift_refuses(house: House) -> None:
    """Each in words about its field, and nothing is written."""
    row = add(house, 0)
    other = House.open(house.app, "Hillside")
    second = house.another_doctor()
    gone = house.another_doctor("Gone")
    house.run(directory.set_active, type(gone), gone.id, False)
    add(house, 2, doctor=second, room_id=house.room.id)
    before = [db.session.scalar(select(func.count()).select_from(kind)) for kind in (ScheduleTemplate, Schedule)]
    for more, kind, code in (
        ({"weekdays": []}, Invalid, "weekdays"),
        ({"weekdays": [7]}, Invalid, "weekdays"),
        ({"begins": 12, "ends": 12}, Invalid, "ends"),
        ({"begins": 22, "ends": 6}, Invalid, "ends"),
        ({"slot_minutes": 0}, Invalid, "slot_minutes"),
        ({"capacity": 101}, Invalid, "capacity"),
        ({"valid_to": TODAY - timedelta(days=1)}, Invalid, "valid_to"),
        ({"valid_from": TODAY, "valid_to": date(2026, 1, 1)}, Invalid, "valid_to"),
        ({"valid_from": date(2199, 1, 1)}, Invalid, "valid_from"),
        ({"room_id": other.room.id}, NotFound, ""),
        ({"begins": 11, "ends": 13}, NotPossible, "overlap"),
        ({"weekdays": [2], "begins": 11, "ends": 13, "room_id": house.room.id}, NotPossible, "room-taken"),
        ({"doctor_id": gone.id}, Invalid, "doctor"),
        ({"doctor_id": other.doctor.id}, NotFound, ""),
        ({"doctor_id": 2**70}, NotFound, ""),
    ):
        values = {"doctor_id": house.doctor.id, "weekdays": [0]} | more
        with pytest.raises(kind) as told:
            house.run(templates.add, values.pop("doctor_id"), values.pop("weekdays"), weekly(**values))
        assert code in (*told.value.fields, told.value.code, ""), more
    for from_day, version, kind in (
        (TODAY - timedelta(days=1), None, Invalid),
        (TODAY, 99, Stale),
    ):
        with pytest.raises(kind):
            house.run(templates.change, row.id, from_day, weekly(begins=9), version=version)
    with pytest.raises(NotFound):
        other.run(templates.end, row.id, TODAY)
    assert [
        db.session.scalar(select(func.count()).select_from(kind)) for kind in (ScheduleTemplate, Schedule)
    ] == before


# --------------------------------------------------------------------------------------------------------- clocks

CLOCKS = [
    # zone, day, shift, slots of an hour (UTC starts)
    ("Europe/Berlin", date(2027, 3, 28), (1, 5), ["00:00", "01:00", "02:00"]),
    ("Europe/Berlin", date(2027, 10, 31), (1, 4), ["23:00", "00:00", "01:00", "02:00"]),
    ("America/New_York", date(2027, 3, 14), (1, 4), ["06:00", "07:00"]),
    ("America/New_York", date(2027, 11, 7), (0, 3), ["04:00", "05:00", "06:00", "07:00"]),
    ("Australia/Lord_Howe", date(2027, 10, 3), (1, 4), ["14:30", "15:30", "16:30"]),
    ("Australia/Lord_Howe", date(2027, 4, 4), (1, 3), ["14:00", "15:00", "16:00"]),
    ("Africa/Casablanca", date(2027, 2, 7), (1, 4), ["00:00", "01:00", "02:00", "03:00"]),
    ("Africa/Casablanca", date(2027, 3, 14), (1, 4), ["01:00", "02:00"]),
    ("Asia/Kathmandu", date(2028, 2, 29), (9, 11), ["03:15", "04:15"]),
    ("Asia/Tashkent", date(2028, 2, 29), (9, 11), ["04:00", "05:00"]),
    ("UTC", date(2028, 2, 29), (23, 0), ["23:00"]),
]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_shifts_on_the_days_when_clocks_change(house: House) -> None:
    """A missing hour is skipped, a repeated one is there twice, told apart by its offset."""
    for number, (zone, day, hours, starts) in enumerate(CLOCKS):
        there = House.open(house.app, f"{zone} {number}", time_zone=zone)
        clock.start_at(clock.day_bounds(day, there.clinic)[0] - timedelta(days=2))
        first = day - timedelta(days=1)
        weekly_shift = Weekly(time(hours[0]), time(hours[1]), first, day, slot_minutes=60)
        row = there.run(templates.add, there.doctor.id, [day.weekday()], weekly_shift)
        [shift] = db.session.scalars(select(Schedule).where(Schedule.template_id == row.id)).all()
        slots = db.session.scalars(select(Slot).where(Slot.schedule_id == shift.id).order_by(Slot.starts_at)).all()
        assert shift.day == day, zone
        assert [f"{slot.starts_at.astimezone(UTC):%H:%M}" for slot in slots] == starts, zone
        begins = [daylist.of(there.actor, day, clock.now())[0].shifts[0].schedule.starts_at]
        assert begins == [shift.starts_at], zone
        offered = offers.on_day(there.actor, day, Wish(60, there.doctor.id), at=clock.now())
        assert [offer.starts_at for offer in offered] == [
            slot.starts_at for slot in slots if slot.ends_at - slot.starts_at == timedelta(hours=1)
        ], zone


@pytest.mark.parametrize(
    "zone",
    ["Asia/Tashkent", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca",
     "UTC", "Pacific/Apia", "America/Havana"],
)  # fmt: skip
def test_one_o_clock_stays_one_o_clock(zone: str) -> None:
    """Over four years, 29 February among them: by the wall clock, on its weekday, as long as the clocks let it be."""
    from types import SimpleNamespace
    from zoneinfo import ZoneInfo

    here: Any = SimpleNamespace(clinic=SimpleNamespace(time_zone=zone))
    day = date(2026, 1, 1)
    while day < date(2030, 1, 1):
        row = ScheduleTemplate(begins=time(13), ends=time(0), slot_minutes=15, capacity=1, room_id=None)
        shape = templates_made.shape_on(row, day, here)
        assert shape is not None
        local = shape.starts_at.astimezone(ZoneInfo(zone))
        assert (local.date(), local.time()) == (day, time(13))
        ends = shape.ends_at.astimezone(ZoneInfo(zone))
        assert ends.date() == day + timedelta(days=1)
        assert shape.ends_at == clock.day_bounds(day, here.clinic)[1]
        night = ScheduleTemplate(begins=time(0), ends=time(5), slot_minutes=15, capacity=1, room_id=None)
        early = templates_made.shape_on(night, day, here)
        assert early is not None
        assert early.starts_at == clock.day_bounds(day, here.clinic)[0]
        assert timedelta(hours=4) <= early.ends_at - early.starts_at <= timedelta(hours=6)
        day += timedelta(days=1)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_shift_in_the_missing_hour_is_not_made(house: House) -> None:
    clock.start_at(datetime(2027, 3, 26, 9, tzinfo=UTC))
    row = house.run(templates.add, house.doctor.id, [6], Weekly(time(2), time(3), date(2027, 3, 26), date(2027, 4, 4)))
    assert shifts(house) == [(date(2027, 4, 4), "02:00-03:00")]
    assert templates_made.gaps(house.actor, row, date(2027, 3, 26)) == []


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_horizon_is_the_clinics(house: House) -> None:
    clinic = db.session.get_one(Clinic, house.clinic.id)
    assert clinic.horizon_weeks == 8
    row = add(house, 0, valid_to=MONDAY)
    assert (shifts(house), row.valid_to) == ([(MONDAY, "08:00-12:00")], MONDAY)
    assert templates_made.due(house.actor, clock.now() + timedelta(weeks=20)) == []


# ----------------------------------------------------------------------------------------------------------- taken back


def picture(house: House) -> Any:
    """Everything that a change of a weekly shift may touch."""
    of = select(ScheduleTemplate).where(ScheduleTemplate.is_active.is_(True)).order_by(ScheduleTemplate.id)
    rows = [
        (r.id, r.begins, r.ends, r.room_id, r.slot_minutes, r.capacity, r.valid_from, r.valid_to, r.made_until)
        for r in db.session.scalars(of)
    ]
    open_shifts = select(Schedule).where(Schedule.is_open.is_(True)).order_by(Schedule.starts_at)
    laid = [(s.starts_at, s.ends_at, s.room_id, s.slot_minutes, s.capacity) for s in db.session.scalars(open_shifts)]
    people = [
        (a.id, a.starts_at, a.schedule.is_open, a.room_id, a.kept_at, a.status)
        for a in db.session.scalars(select(Appointment).order_by(Appointment.id))
    ]
    return rows, laid, people, calls(house)


@pytest.mark.parametrize("from_day", [TODAY, MONDAY + timedelta(weeks=2)])
def test_a_change_is_taken_back_exactly(house: House, from_day: date) -> None:
    """In place or from a later day on: rows, shifts, people, and who had been kept; once, and only for a while."""
    row = add(house, 0, begins=8, ends=16, room_id=house.room.id)
    for day in (MONDAY, MONDAY + timedelta(weeks=2)):
        for hour in (8, 10, 15):
            book(house, day, hour)
    was = picture(house)
    new = house.run(templates.change, row.id, from_day, weekly(begins=9, ends=12, slot_minutes=20, capacity=2))
    assert picture(house) != was
    assert calls(house)
    house.run(plans_undo.take_back, new.id)
    assert picture(house) == was
    with pytest.raises(NotPossible) as told:
        house.run(plans_undo.take_back, new.id)
    db.session.rollback()
    assert told.value.code == "nothing-to-undo"
    late = house.run(templates.end, row.id, TODAY)
    house.later(seconds=31)
    with pytest.raises(NotPossible) as told:
        house.run(plans_undo.take_back, late.id)
    db.session.rollback()
    assert told.value.code == "too-late"
    assert list(verify.findings()) == []


def test_an_ending_is_taken_back_exactly(house: House) -> None:
    """With the last day that it had; nobody is left to call."""
    last = MONDAY + timedelta(weeks=3)
    row = add(house, 0, begins=8, ends=12, valid_to=last)
    book(house, MONDAY, 9)
    was = picture(house)
    for day in (TODAY, TODAY - timedelta(days=1), MONDAY + timedelta(weeks=1)):
        house.run(templates.end, row.id, day)
        house.run(plans_undo.take_back, row.id)
        assert picture(house) == was, day
    assert list(verify.findings()) == []


def test_what_was_touched_meanwhile_is_not_taken_back(house: House) -> None:
    """Somebody booked, moved, cancelled or kept, a shift closed or in another room, a time given away: a sentence."""
    other = house.run(directory.add_room, "Other")
    row = add(house, 0, begins=8, ends=12)
    early, late = book(house, MONDAY, 8), book(house, MONDAY, 11)
    add(house, 1, begins=8, ends=12)

    def only_shift() -> int:
        return db.session.scalars(select(Schedule.id).where(Schedule.day == MONDAY, Schedule.is_open.is_(True))).one()

    from reception.domain.calendar import moving

    for meddle in (
        lambda: book(house, MONDAY, 13),
        lambda: house.run(moving.reschedule, early.id, on(house, MONDAY + timedelta(days=1), 9)),
        lambda: house.run(callups.keep, early.id),
        lambda: house.move(late.visit, "cancel", reason="x"),
        lambda: house.run(shift_rooms.give_room, only_shift(), other.id),
    ):
        house.run(templates.change, row.id, TODAY, weekly(begins=10, ends=14))
        meddle()
        was = picture(house)
        with pytest.raises(NotPossible) as told:
            house.run(plans_undo.take_back, row.id)
        db.session.rollback()
        assert (told.value.code, str(told.value)[-1]) == ("not-exact", ".")
        assert picture(house) == was
        house.run(templates.change, row.id, TODAY, weekly(begins=8, ends=12))
    house.run(templates.end, row.id, TODAY - timedelta(days=1))
    add(house, 0, begins=11, ends=15)
    with pytest.raises(NotPossible) as told:
        house.run(plans_undo.take_back, row.id)
    db.session.rollback()
    assert told.value.code == "overlap"


def test_a_shift_that_differed_is_not_made_up(house: House) -> None:
    """One of the shifts had another room by hand: the weekly shift does not know it, so nothing is put back half."""
    other = house.run(directory.add_room, "Other")
    row = add(house, 0, begins=8, ends=12)
    ident = db.session.scalars(select(Schedule.id).where(Schedule.day == MONDAY)).one()
    house.run(shift_rooms.give_room, ident, other.id)
    house.run(templates.change, row.id, TODAY, weekly(begins=9, ends=12))
    with pytest.raises(NotPossible) as told:
        house.run(plans_undo.take_back, row.id)
    db.session.rollback()
    assert told.value.code == "not-exact"
