"""The grid of the calendar: lanes, slots, closed hours, days on which the clocks change; counts of weeks and months."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Executable, insert, update

from reception import clock
from reception.domain import directory
from reception.domain.calendar import booking, grid, grid_counts, holds, schedules
from reception.domain.calendar.grid_lanes import MOST_LANES, Block, lay
from reception.domain.calendar.grid_shapes import Column
from reception.extensions import db
from reception.models import Absence, AbsenceKind, ClosedDay, Role, RoomMaintenance, Slot
from tests.factories import House
from tests.sql import statements

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def shown(house: House, **more: Any) -> grid.Grid:
    return grid.of_day(house.actor, clock.today(house.clinic), clock.now(), **more)


def blocks(column: Column) -> list[tuple[str, int, int, int]]:
    return [(block.row.last_name, block.at, block.lane, block.lanes) for block in column.blocks]


def shut(column: Column) -> list[tuple[int, int, str]]:
    return [(part.at, part.to, part.why) for part in column.shut]


# ------------------------------------------------------------------------------------------------------------- lanes


def laid(
    *spans: tuple[int, int], capacity: int = 1, gone: int = 0
) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """(at, to, lane, lanes) of blocks with these minutes, the last `gone` of whom did not come; and who is only counted."""
    made = [Block(SimpleNamespace(), *span, is_gone=n >= len(spans) - gone) for n, span in enumerate(spans)]
    kept, more = lay(made, lambda _first, _last: capacity)
    return [(b.at, b.to, b.lane, b.lanes) for b in kept], [(m.at, m.to, m.count) for m in more]


def test_touching_blocks_stand_one_below_the_other() -> None:
    assert laid((0, 15), (15, 30)) == ([(0, 15, 0, 1), (15, 30, 0, 1)], [])


def test_a_place_of_the_capacity_is_a_lane() -> None:
    """Three places are three lanes, however few are taken; above four one more than are taken."""
    assert laid((0, 15), capacity=3)[0] == [(0, 15, 0, 3)]
    assert laid((0, 15), (0, 15), capacity=50)[0] == [(0, 15, 0, 3), (0, 15, 1, 3)]


def test_overlapping_blocks_share_the_width() -> None:
    """Who overlaps somebody of the group has its number of lanes; a lane is used again when it is free."""
    assert laid((0, 60), (15, 30), (30, 45), (60, 75))[0] == [
        (0, 60, 0, 2), (15, 30, 1, 2), (30, 45, 1, 2), (60, 75, 0, 1),
    ]  # fmt: skip


def test_what_has_no_lane_is_counted() -> None:
    kept, more = laid(*[(0, 15)] * 10, capacity=10)
    assert (len(kept), {lanes for *_, lanes in kept}, more) == (MOST_LANES - 1, {MOST_LANES}, [(0, 15, 5)])


def test_who_did_not_come_stands_where_nobody_else_does() -> None:
    assert laid((0, 15), (0, 15), gone=1)[0] == [(0, 15, 0, 1)]
    assert laid((0, 15), (15, 30), gone=1)[0] == [(0, 15, 0, 1), (15, 30, 0, 1)]


# --------------------------------------------------------------------------------------------------------- the grid


def test_a_day_by_doctor_and_by_room(house: House) -> None:
    """Slots with what is taken, blocks in minutes from the top, an overbooking marked, a room of its own in its column."""
    other, second = house.run(directory.add_room, "205"), house.another_doctor("Yilmaz")
    house.shift(first=9, last=11, room_id=house.room.id)
    house.shift(second, 8, 9, capacity=3)
    house.booked(house.patient("First"), house.at(10, 30))
    who, manager = house.patient("Over"), house.person(Role.MANAGER)
    place = (who.id, house.doctor.id, house.service.id, house.at(10, 30))
    house.run(booking.book, *place, actor=manager, overbooking_reason="urgent")
    house.booked(house.patient("Elsewhere"), house.at(10, 45), room_id=other.id)
    house.move(house.booked(house.patient("Cancelled"), house.at(10, 15)).visit, "cancel", reason="x")
    day = shown(house)
    assert (day.minutes, day.unit, day.hours[0][1]) == (180, 15, house.at(8))
    mine, theirs = day.columns
    assert [column.owner.id for column in day.columns] == [house.doctor.id, second.id]
    assert ([(s.at, s.to) for s in mine.shifts], shut(mine)) == ([(60, 180)], [(0, 60, "opens")])
    assert shut(theirs) == [(60, 180, "over")]
    assert blocks(mine) == [("First", 150, 0, 2), ("Over", 150, 1, 2), ("Elsewhere", 165, 0, 1)]
    assert [block.is_beyond for block in mine.blocks] == [False, True, False]
    assert [(c.at, c.taken, c.capacity) for c in mine.cells if c.taken] == [(150, 2, 1), (165, 1, 1)]
    assert (mine.total, mine.taken, mine.free, mine.now, mine.seats[0].name) == (8, 2, 2, 120, "101")
    assert (theirs.total, theirs.free, theirs.is_over, day.counts) == (12, 0, True, {"SCHEDULED": 3})
    rooms = shown(house, by="room").columns
    assert [(column.ident and column.owner.name, [name for name, *_ in blocks(column)]) for column in rooms] == [
        ("101", ["First", "Over"]), ("205", ["Elsewhere"]), (0, []),
    ]  # fmt: skip
    assert [column.owner.id for column in shown(house, ident=second.id).columns] == [second.id]
    assert shown(house, department_id=10**9).columns == []
    assert grid.of_day(House.open(house.app, "Hillside").actor, clock.today(house.clinic), clock.now()).columns == []


def test_a_place_that_is_kept_counts_until_it_is_over(house: House) -> None:
    house.shift(first=10, last=11)
    place = (house.doctor.id, house.service.id, house.at(10, 30))
    house.run(holds.hold, *place, actor=house.person(Role.RECEPTIONIST))
    assert [cell.taken for cell in shown(house).columns[0].cells] == [0, 0, 1, 0]
    house.later(seconds=house.actor.clinic.place_hold_seconds + 1)
    assert [cell.taken for cell in shown(house).columns[0].cells] == [0, 0, 0, 0]


@ON_SQLITE
def test_closed_hours_say_why(house: House) -> None:
    """Absences, room closures, closed days and closed slots; each stretch is said once."""
    house.shift(first=9, last=12, room_id=house.room.id)
    house.shift(first=13, last=15, room_id=house.room.id)
    day, at = clock.today(house.clinic), house.at
    ours = {"clinic_id": house.clinic.id, "created_at": clock.now(), "updated_at": clock.now()}
    away = {"doctor_id": house.doctor.id, "starts_at": at(10), "ends_at": at(11), "kind": AbsenceKind.TRAINING, **ours}
    dirty = {"room_id": house.room.id, "starts_at": at(14), "ends_at": at(16), **ours}
    closed = [update(Slot).where(Slot.starts_at >= first, Slot.starts_at < last).values(is_open=False)
              for first, last in ((at(10), at(11)), (at(11, 30), at(11, 45)), (at(14), at(15)))]  # fmt: skip
    entered(insert(Absence).values(away), insert(RoomMaintenance).values(dirty), *closed)
    [mine] = shown(house).columns
    assert shut(mine) == [(180, 240, "pause"), (60, 120, "away"), (150, 165, "shut"), (300, 360, "room")]
    assert [part.detail for part in mine.shut] == [at(13), AbsenceKind.TRAINING, None, "CLEANING"]
    assert mine.total == 20 - 4 - 1 - 4
    [room] = shown(house, by="room").columns
    assert shut(room) == [(300, 360, "room"), (60, 120, "away"), (150, 165, "shut")]
    entered(insert(ClosedDay).values(day=day, name="Harvest day", **ours))
    assert {part.why for part in shown(house).columns[0].shut} == {"day"}
    assert shut(shown(house, by="room").columns[0]) == [(0, 360, "day")]


def entered(*changes: Executable) -> None:
    """Rows that other files' acts make."""
    db.session.rollback()
    with db.engine.begin() as connection:
        for change in changes:
            connection.execute(change)


@ON_SQLITE
@pytest.mark.parametrize(
    "zone, day, hours",
    [
        ("Europe/Berlin", date(2027, 3, 28), 23), ("Europe/Berlin", date(2027, 10, 31), 25),
        ("Australia/Lord_Howe", date(2027, 4, 4), 24.5), ("Asia/Kathmandu", date(2027, 3, 28), 24),
    ],
)  # fmt: skip
def test_a_day_is_as_long_as_it_is(house: House, zone: str, day: date, hours: float) -> None:
    """Real minutes from midnight to midnight; every hour is written as the clock then shows it."""
    away = House.open(house.app, zone, time_zone=zone)
    first, last = clock.day_bounds(day, away.clinic)
    for begins, ends in ((first, first + timedelta(hours=12)), (first + timedelta(hours=12), last)):
        shift(away, begins, ends)
    late = away.booked(away.patient("Late"), last - timedelta(minutes=30))
    found = grid.of_day(away.actor, day, clock.now())
    [column] = found.columns
    assert (column.origin, column.cells[-1].to) == (first, int(hours * 60))
    assert [(b.row.id, b.at) for b in column.blocks] == [(late.id, int(hours * 60) - 30)]
    assert len(column.cells) == int(hours * 4)
    week = grid.of_week(away.actor, day - timedelta(days=3), clock.now(), ident=away.doctor.id)
    same = week.columns[3]
    assert (same.day, bool(same.marks), [bool(c.marks) for c in week.columns if c is not same]) == (
        day, hours != 24, [False] * 6,
    )  # fmt: skip


def shift(house: House, first: datetime, last: datetime) -> None:
    house.run(schedules.open_schedule, house.doctor.id, first, last)


@ON_SQLITE
def test_a_night_shift_stands_in_both_days(house: House) -> None:
    shift(house, house.at(22), house.at(2, days=1))
    after = house.booked(house.patient("After"), house.at(1, days=1))
    today = clock.today(house.clinic)
    evening, night = (grid.of_day(house.actor, today + timedelta(days=n), clock.now()) for n in (0, 1))
    assert [(s.at, s.to) for s in evening.columns[0].shifts] == [(0, 120)]
    assert evening.columns[0].blocks == []
    assert ([(s.at, s.to) for s in night.columns[0].shifts], night.columns[0].blocks[0].row.id) == (
        [(0, 120)],
        after.id,
    )
    assert night.columns[0].origin == house.at(0, days=1)


@ON_SQLITE
def test_a_full_day_asks_no_more_than_an_empty_one(house: House) -> None:
    second = house.another_doctor("Second")
    for doctor in (house.doctor, second):
        house.booked(starts_at=house.at(11), doctor=doctor)
    questions = []
    for _ in range(2):
        db.session.expire_all()
        with statements() as seen:
            shown(house)
            grid.of_week(house.actor, clock.today(house.clinic), clock.now(), ident=second.id)
            grid_counts.of_week(house.actor, clock.today(house.clinic), clock.now())
        questions.append((len(seen), seen.writes))
        for number in range(12):
            house.booked(starts_at=house.at(12 + number % 3), doctor=second)
    assert (questions[0], questions[1][1]) == (questions[1], [])


# ----------------------------------------------------------------------------------------------------------- counts


def test_weeks_and_months_are_counted(house: House) -> None:
    """Booked and free by day and by doctor or room; what is past has no free places; cancelled ones count nowhere."""
    second = house.another_doctor("Yilmaz")
    house.shift(first=9, last=11, room_id=house.room.id)
    house.shift(second, 9, 10, days=1, capacity=2)
    house.booked(starts_at=house.at(10, 30))
    house.move(house.booked(starts_at=house.at(10, 45)).visit, "cancel", reason="x")
    house.booked(starts_at=house.at(9, days=1), doctor=second)
    today = clock.today(house.clinic)
    monday = today - timedelta(days=today.weekday())
    week = grid_counts.of_week(house.actor, monday, clock.now())
    found = {owner.id: [(n.booked, n.free, n.total) for n in loads] for owner, loads in week.rows}
    nothing = (0, 0, 0)
    assert found == {
        house.doctor.id: [nothing] * 4 + [(1, 3, 8)] + [nothing] * 2,
        second.id: [nothing] * 5 + [(1, 7, 8)] + [nothing],
    }
    assert [(n.booked, n.free) for n in week.sums][4:6] == [(1, 3), (1, 7)]
    rooms = grid_counts.of_week(house.actor, monday, clock.now(), by="room")
    assert [owner.name if owner else None for owner, _ in rooms.rows] == ["101", None]
    month = grid_counts.of_month(house.actor, monday, monday + timedelta(days=34), clock.now())
    assert (len(month.weeks), month.loads[today].percent, month.loads[today].booked) == (5, 12, 1)
    one = grid_counts.of_month(house.actor, monday, monday + timedelta(days=6), clock.now(), ident=second.id)
    assert [n.booked for n in one.loads.values()] == [0, 0, 0, 0, 0, 1, 0]
    house.later(days=1)
    past = grid_counts.of_week(house.actor, monday, clock.now()).sums[4]
    assert (past.booked, past.free, past.total) == (1, 0, 8)


# -------------------------------------------------------------------------------------------------- what is being booked


def test_what_is_kept_stands_in_its_column(house: House) -> None:
    """By doctor and by room, beside who is booked, as long as it is kept; another doctor's week has none of it."""
    house.shift(capacity=2, room_id=house.room.id)
    desk = house.person(Role.RECEPTIONIST)
    house.booked(house.patient("Booked"), house.at(12))
    until = house.run(holds.hold, house.doctor.id, house.service.id, house.at(12), actor=desk).until
    for by in ("doctor", "room"):
        [column] = [found for found in shown(house, by=by).columns if found.cells]
        first, second = column.blocks
        assert (first.is_held, first.row.last_name) == (False, "Booked")
        assert (second.is_held, second.row.by, second.row.until) == (True, desk.name, until)
        assert (second.at, second.to, {first.lane, second.lane}, second.lanes) == (first.at, first.to, {0, 1}, 2)
    assert not any(block.is_held for block in of_next_day(house).blocks)
    house.later(seconds=301)
    assert [block.is_held for found in shown(house).columns for block in found.blocks] == [False]


def of_next_day(house: House) -> Column:
    week = grid.of_week(house.actor, clock.today(house.clinic), clock.now(), ident=house.doctor.id)
    return week.columns[1]


def test_a_night_shifts_kept_place_stands_on_its_own_day(house: House) -> None:
    today = clock.today(house.clinic)
    night = house.run(schedules.open_schedule, house.doctor.id, house.at(0, days=1), house.at(3, days=1))
    row = house.run(
        holds.hold, house.doctor.id, house.service.id, house.at(1, days=1), actor=house.person(Role.MANAGER)
    )
    assert row.schedule_id == night.id
    week = grid.of_week(house.actor, today, clock.now(), ident=house.doctor.id)
    assert [sum(block.is_held for block in column.blocks) for column in week.columns[:3]] == [0, 1, 0]
