"""Absences, closed days, closed rooms: what they close, whom they hit, and that taking them back opens again."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from reception import clock, ticking
from reception.domain import directory, verify
from reception.domain.calendar import (
    absences,
    booking,
    callups,
    closures,
    holidays_known,
    moving,
    offers,
    plans_undo,
    schedules,
    shift_rooms,
    templates,
)
from reception.domain.calendar.offers import Wish
from reception.domain.calendar.templates import Weekly
from reception.domain.errors import Invalid, NotAllowed, NotFound, NotPossible, Refusal
from reception.domain.visits import moves
from reception.extensions import db
from reception.models import (
    AbsenceKind,
    Appointment,
    AppointmentStatus,
    AuditEntry,
    ClosedDay,
    Doctor,
    Role,
    Room,
    RoomUse,
    Slot,
    VisitStatus,
)
from reception.transaction import perform
from tests.factories import House

TODAY = date(2026, 11, 20)
MONDAY = date(2026, 11, 23)
DAY = timedelta(days=1)


def open_times(house: House, day: date, doctor: Any = None) -> list[str]:
    wish = Wish(60, (doctor or house.doctor).id)
    found = offers.on_day(house.actor, day, wish, at=clock.now())
    return [f"{clock.local(offer.starts_at, house.clinic):%H}" for offer in found]


def hourly(house: House, days: int = 3, first: int = 8, last: int = 12, **more: Any) -> Any:
    return house.shift(first=first, last=last, days=days, slot_minutes=60, **more)


def calls(house: House) -> list[int]:
    return [call.appointment.id for call in callups.people(house.actor, clock.now())]


def uses(house: House, room: Room | None = None) -> list[str]:
    rows = db.session.scalars(
        select(RoomUse).where(RoomUse.room_id == (room or house.room).id).order_by(RoomUse.starts_at)
    )
    return [
        f"{row.owner_kind} {clock.local(row.starts_at, house.clinic):%H}-{clock.local(row.ends_at, house.clinic):%H}"
        for row in rows
    ]


def test_reasons_overlap_and_each_opens_only_what_is_its_own(house: House) -> None:
    hourly(house, room_id=house.room.id)
    assert open_times(house, MONDAY) == ["08", "09", "10", "11"]
    away = house.run(absences.enter, house.doctor.id, MONDAY, MONDAY, begins=time(9), ends=time(11))
    assert open_times(house, MONDAY) == ["08", "11"]
    closed = house.run(closures.close_days, {MONDAY: "Feast"})
    assert open_times(house, MONDAY) == []
    room = house.run(closures.close_room, house.room.id, house.at(10, days=3), house.at(12, days=3))
    assert list(verify.findings()) == []
    house.run(closures.open_day, closed.id)
    assert open_times(house, MONDAY) == ["08"]
    house.run(absences.take_back, away.id)
    assert open_times(house, MONDAY) == ["08", "09"]
    house.run(closures.end_closure, room.id, False)
    assert open_times(house, MONDAY) == ["08", "09", "10", "11"]
    house.run(absences.restore, away.id)
    house.run(closures.restore_closure, room.id)
    assert open_times(house, MONDAY) == ["08"]
    assert list(verify.findings()) == []


def test_what_is_made_later_is_closed_at_once(house: House) -> None:
    """A shift of a weekly template in an absence has closed slots; one by hand in which nobody could be booked is refused."""
    house.run(absences.enter, house.doctor.id, MONDAY, MONDAY + 2 * DAY)
    house.run(closures.close_days, {MONDAY + 7 * DAY: "Feast"})
    house.run(templates.add, house.doctor.id, [0], Weekly(time(8), time(10), TODAY, slot_minutes=60))
    assert [open_times(house, MONDAY + week * 7 * DAY) for week in range(3)] == [[], [], ["08", "09"]]
    for days, first, last in ((4, 8, 10), (10, 12, 14)):
        with pytest.raises(NotPossible) as told:
            hourly(house, days=days, first=first, last=last)
        assert told.value.code == "closed"
    with pytest.raises(NotPossible) as told:
        house.run(booking.book, house.patient().id, house.doctor.id, house.service.id, house.at(8, days=3))
    assert told.value.code == "closed"
    assert list(verify.findings()) == []


def test_a_closed_room_is_cut_out_of_the_shifts(house: House) -> None:
    """The shift has its room before and after; nobody else gets a closed room."""
    hourly(house, room_id=house.room.id)
    second, other = house.another_doctor(), house.run(directory.add_room, "102")
    hourly(house, doctor=second, room_id=other.id)
    row = house.run(closures.close_room, house.room.id, house.at(9, days=3), house.at(10, days=3))
    assert uses(house) == ["SCHEDULE 08-09", "CLOSURE 09-10", "SCHEDULE 10-12"]
    with pytest.raises(NotPossible) as told:
        house.run(closures.close_room, house.room.id, house.at(9, 30, days=3), house.at(11, days=3))
    assert told.value.code == "closed"
    with pytest.raises(NotPossible) as told:
        house.booked(house.patient(), house.at(9, days=3), doctor=second, room_id=house.room.id)
    assert told.value.code == "room-taken"
    house.run(closures.end_closure, row.id, True)
    assert uses(house) == ["SCHEDULE 08-12"]


def test_a_guest_in_a_closed_room(house: House) -> None:
    """Somebody of another room's shift sits in the room: to be called; the closure over, the room is theirs again."""
    second = house.another_doctor()
    hourly(house, doctor=second)
    guest = house.booked(house.patient(), house.at(9, days=3), doctor=second, room_id=house.room.id)
    row = house.run(closures.close_room, house.room.id, house.at(8, days=3), house.at(12, days=3))
    assert (calls(house), uses(house)) == ([guest.id], ["CLOSURE 08-12"])
    house.run(closures.end_closure, row.id, False)
    assert (calls(house), uses(house)) == ([], ["APPOINTMENT 09-09"])


def test_who_is_hit_is_moved_cancelled_or_kept(house: House) -> None:
    """Each is off the list then, and back on it by Undo; a new reason asks about the kept one again."""
    second = house.another_doctor("Horvath")
    hourly(house, capacity=2)
    hourly(house, days=4)
    hourly(house, days=5, doctor=second)
    one, two, three = (house.booked(house.patient(), house.at(hour, days=3)) for hour in (8, 9, 10))
    house.run(absences.enter, house.doctor.id, MONDAY, MONDAY, kind=AbsenceKind.SICK)
    found = callups.people(house.actor, clock.now())
    assert [call.appointment.id for call in found] == [one.id, two.id, three.id]
    assert found[0].reason is not None
    near = callups.proposals(house.actor, one, clock.now())
    assert [offer.doctor_id for offer in near] == [house.doctor.id, house.doctor.id, second.id]
    from reception.domain.calendar import moving

    house.run(moving.reschedule, one.id, near[0].starts_at, doctor_id=near[0].doctor_id)
    house.run(moves.move_booked, two.id, "cancel", reason="The doctor is ill")
    house.run(callups.keep, three.id)
    assert calls(house) == []
    assert list(verify.findings()) == []
    house.undo(one.visit)
    house.undo(two.visit)
    house.run(callups.unkeep, three.id)
    assert calls(house) == [one.id, two.id, three.id]
    assert {db.session.get_one(Appointment, row.id).status for row in (one, two)} == {AppointmentStatus.CONFIRMED}
    assert list(verify.findings()) == []
    house.run(callups.keep, three.id)
    house.run(closures.close_days, {MONDAY: "Feast"})
    assert calls(house) == [one.id, two.id, three.id]
    assert callups.count(house.actor, clock.now(), second.id) == 0


def test_the_undo_of_a_move_out_of_a_dissolved_shift(house: House) -> None:
    from reception.domain.calendar import moving

    row = house.run(templates.add, house.doctor.id, [0], Weekly(time(8), time(10), TODAY, slot_minutes=60))
    hourly(house, days=4)
    one = house.booked(house.patient(), house.at(8, days=3))
    house.run(templates.end, row.id, TODAY)
    house.run(moving.reschedule, one.id, house.at(9, days=4))
    assert calls(house) == []
    house.undo(one.visit)
    assert calls(house) == [one.id]
    assert list(verify.findings()) == []


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_is_refused(house: House) -> None:
    """Sentences, nothing half done."""
    other = House.open(house.app, "Hillside")
    hourly(house)
    entries = len(db.session.scalars(select(AuditEntry.id)).all())
    far = TODAY + timedelta(days=2000)
    for verb, values, more, kind in (
        (absences.enter, (house.doctor.id, MONDAY, TODAY), {}, Invalid),
        (absences.enter, (house.doctor.id, TODAY - DAY, TODAY - DAY), {}, Invalid),
        (absences.enter, (house.doctor.id, MONDAY, far), {}, Invalid),
        (absences.enter, (house.doctor.id, MONDAY, MONDAY), {"begins": time(12), "ends": time(12)}, Invalid),
        (absences.enter, (house.doctor.id, date(2027, 3, 28), date(2027, 3, 28)), {"begins": time(2, 30)}, Invalid),
        (absences.enter, (house.doctor.id, MONDAY, MONDAY), {"note": "x" * 501}, Invalid),
        (absences.enter, (other.doctor.id, MONDAY, MONDAY), {}, NotFound),
        (closures.close_days, ({},), {}, Invalid),
        (closures.close_days, ({TODAY - DAY: "x"},), {}, Invalid),
        (closures.close_days, ({MONDAY: "x", far: "y"},), {}, Invalid),
        (closures.close_days, ({MONDAY: " "},), {}, Invalid),
        (closures.close_room, (other.room.id, house.at(8, days=3), house.at(9, days=3)), {}, NotFound),
        (closures.close_room, (house.room.id, house.at(9, days=3), house.at(9, days=3)), {}, Invalid),
        (closures.close_room, (house.room.id, house.at(8, days=-3), house.at(9, days=-3)), {}, Invalid),
        (absences.run_late, (house.doctor.id, 601), {}, Invalid),
        (absences.run_late, (house.doctor.id, -1), {}, Invalid),
        (absences.run_late, (other.doctor.id, 30), {}, NotFound),
        (absences.take_back, (10**9,), {}, NotFound),
        (closures.open_day, (10**9,), {}, NotFound),
        (callups.keep, (10**9,), {}, NotFound),
    ):  # fmt: skip
        with pytest.raises(kind):
            house.run(verb, *values, **more)
    assert len(db.session.scalars(select(AuditEntry.id)).all()) == entries
    desk = house.person(Role.RECEPTIONIST)
    with pytest.raises(NotAllowed):
        house.run(absences.enter, house.doctor.id, MONDAY, MONDAY, actor=desk)
    row = house.run(absences.enter, house.doctor.id, TODAY, TODAY, actor=desk, kind=AbsenceKind.SICK)
    house.run(absences.take_back, row.id, actor=desk)
    later = house.run(absences.enter, house.doctor.id, MONDAY, MONDAY)
    with pytest.raises(NotAllowed):
        house.run(absences.take_back, later.id, actor=desk)


def test_public_holidays_are_known() -> None:
    german = holidays_known.proposed("DE", "BY", 2027, "en")
    assert german[date(2027, 1, 6)] == "Epiphany"
    assert date(2027, 1, 6) not in holidays_known.proposed("DE", "BE", 2027, "en")
    assert len(holidays_known.proposed("UZ", "", 2028, "ru")) > 6
    assert holidays_known.proposed("DE", "XX", 2027, "en") == holidays_known.proposed("", "", 2027, "en") == {}
    assert {"UZ", "DE", "US", "NP", "MA"} <= set(holidays_known.countries())


# -------------------------------------------------------------------------------------------------------- end of day


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_nobody_came_by_the_clinics_midnight(house: House, zone: str) -> None:
    """At the clinic's own midnight, by the system, once; who is here, and who is booked for later, stays."""
    there = House.open(house.app, "There", time_zone=zone)
    clock.start_at(there.at(8, days=1))
    missed = there.booked(starts_at=there.at(10))
    here = there.booked(starts_at=there.at(11))
    later = there.booked(starts_at=there.at(10, days=1))
    there.check_in(here)
    _, midnight = clock.day_bounds(clock.today(there.clinic), there.clinic)
    ticking.tick(midnight - timedelta(minutes=1), midnight - timedelta(seconds=1))
    assert db.session.get_one(Appointment, missed.id).status == AppointmentStatus.CONFIRMED
    ticking.tick(midnight - timedelta(seconds=1), midnight + timedelta(seconds=1))
    ticking.tick(midnight, midnight + timedelta(minutes=1))
    states = [db.session.get_one(Appointment, row.id).status for row in (missed, here, later)]
    assert states == [AppointmentStatus.NO_SHOW, AppointmentStatus.CHECKED_IN, AppointmentStatus.CONFIRMED]
    assert db.session.get_one(Appointment, missed.id).visit.status == VisitStatus.NO_SHOW
    [entry] = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "visit.no-show")).all()
    assert (entry.actor_kind, entry.actor_id) == ("system", 0)
    assert list(verify.findings()) == []


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_day_is_told_apart_even_while_people_come(house: House) -> None:
    """Numbers begin at 1 with the clinic's midnight, whatever was committed last."""
    start, midnight = clock.day_bounds(TODAY, house.clinic)
    from reception.domain.visits import walkin

    numbers = []
    for seconds in (-2, -1, 0, 1, -1, 2):  # one was longer under way than the one after it
        at = midnight + timedelta(seconds=seconds)
        visit = perform(
            house.actor, walkin.walk_in, house.patient().id, house.service.id, at=at, doctor_id=house.doctor.id
        )
        numbers.append((visit.service_day, visit.queue_number))
    tomorrow = TODAY + DAY
    assert numbers == [(TODAY, 1), (TODAY, 2), (tomorrow, 1), (tomorrow, 2), (TODAY, 3), (tomorrow, 3)]
    assert start < midnight


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_late_until_the_day_ends(house: House) -> None:
    row = house.run(absences.run_late, house.doctor.id, 30)
    assert absences.late_today(row, TODAY) == 30
    assert absences.late_today(row, TODAY + DAY) == 0
    house.later(days=1)
    ticking.tick(clock.now(), clock.now())
    row = db.session.get_one(Doctor, house.doctor.id)
    assert (row.late_minutes, row.late_day) == (0, None)


def test_slots_of_a_shift_that_is_opened_again(house: House) -> None:
    """What changed while it was closed holds for it."""
    row = hourly(house)
    house.run(schedules.close, row.id)
    house.run(absences.enter, house.doctor.id, MONDAY, MONDAY, begins=time(8), ends=time(10))
    house.run(schedules.reopen, row.id)
    assert open_times(house, MONDAY) == ["10", "11"]
    assert db.session.scalars(select(Slot.is_open).order_by(Slot.starts_at)).all() == [False, False, True, True]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_an_hour_that_comes_twice_is_told_apart(house: House) -> None:
    """The second passage says its offset."""
    from datetime import UTC, datetime

    from reception import formats

    with house.app.test_request_context("/"):
        first, second = (formats.time(datetime(2027, 10, 31, hour, 30, tzinfo=UTC), house.clinic) for hour in (0, 1))
    assert (first, second) == ("02:30", "02:30 CET")


# ------------------------------------------------------------------------------------------------- another room


def test_a_shift_in_another_room(house: House) -> None:
    """Its people go along, who has a room apart stays; closed slots open; a taken or closed room says no; and back."""
    own, third = house.run(directory.add_room, "Own"), house.run(directory.add_room, "Third")
    shift = house.shift(first=8, last=12, days=3, room_id=house.room.id)
    guest = house.booked(starts_at=house.at(9, days=3), room_id=third.id)
    row = house.booked(starts_at=house.at(10, days=3))
    house.run(closures.close_room, house.room.id, house.at(8, days=3), house.at(12, days=3))
    assert calls(house) == [guest.id, row.id]
    house.run(shift_rooms.give_room, shift.id, own.id)
    assert (shift.room_id, row.room_id, guest.room_id, calls(house)) == (own.id, own.id, third.id, [])
    assert "SCHEDULE" in " ".join(uses(house, own))
    assert list(verify.findings()) == []
    second = house.another_doctor()
    house.shift(second, first=11, last=13, days=3, room_id=None)
    taken = house.run(directory.add_room, "Taken")
    house.shift(house.another_doctor("Third"), first=11, last=13, days=3, room_id=taken.id)
    for room_id, code in (
        (taken.id, "room-taken"),
        (third.id, "room-taken"),
        (house.room.id, "closed"),
        (10**9, "not-found"),
    ):
        with pytest.raises(Refusal) as told:
            house.run(shift_rooms.give_room, shift.id, room_id)
        db.session.rollback()
        assert (told.value.code, str(told.value)[-1]) == (code, "."), room_id
    gone = house.run(directory.add_room, "Gone")
    house.run(directory.set_active, Room, gone.id, False)
    over, closed = house.shift(first=11, last=12), house.shift(first=13, last=14)
    house.run(schedules.close, closed.id)
    house.later(hours=3)
    for ident, room_id in ((shift.id, gone.id), (over.id, own.id), (closed.id, own.id)):
        with pytest.raises(NotPossible) as told:
            house.run(shift_rooms.give_room, ident, room_id)
        db.session.rollback()
        assert told.value.code == "inactive"
    house.run(shift_rooms.give_room, shift.id, None)
    assert (shift.room_id, row.room_id, guest.room_id) == (None, None, third.id)
    assert list(verify.findings()) == []


# -------------------------------------------------------------------------------------------------------- taken back


def test_several_closed_days_at_once_and_back(house: House) -> None:
    """All of the act, but not what was closed before it; who had been kept is kept again; opened, they close again."""
    days = [MONDAY, MONDAY + DAY, MONDAY + 2 * DAY]
    for number in (3, 4, 5):
        hourly(house, days=number)
    before = house.run(closures.close_days, {days[0]: "Before"})
    rows = [house.booked(starts_at=house.at(9, days=n)) for n in (4, 5)]
    house.run(absences.enter, house.doctor.id, days[1], days[1])
    house.run(callups.keep, rows[0].id)
    kept_at = rows[0].kept_at
    assert calls(house) == []
    house.run(closures.close_days, {day: f"Day {day}" for day in days})
    assert calls(house) == [row.id for row in rows]
    ident = db.session.scalars(select(ClosedDay.id).where(ClosedDay.day == days[2])).one()
    assert house.run(plans_undo.reopen_days, ident) == 2
    assert db.session.scalars(select(ClosedDay.day)).all() == [days[0]]
    assert (calls(house), db.session.get_one(Appointment, rows[0].id).kept_at) == ([], kept_at)
    house.run(closures.open_days, [before.id])
    house.run(plans_undo.close_again, {days[0]: "Before"})
    assert [(row.day, row.name) for row in closures.closed_days(house.actor, days[0], days[2])] == [(days[0], "Before")]
    assert list(verify.findings()) == []


def test_closed_days_are_not_taken_back_when_somebody_moved(house: House) -> None:
    days = {MONDAY: "One", MONDAY + DAY: "Two"}
    for number in (3, 4, 5):
        hourly(house, days=number)
    row = house.booked(starts_at=house.at(9, days=3))

    def no(verb: Any, *values: Any) -> str:
        with pytest.raises(NotPossible) as told:
            house.run(verb, *values)
        db.session.rollback()
        assert str(told.value).endswith(".")
        return told.value.code

    first = house.run(closures.close_days, days)
    house.run(moving.reschedule, row.id, house.at(9, days=5))
    assert no(plans_undo.reopen_days, first.id) == "not-exact"
    house.later(seconds=31)
    assert no(plans_undo.reopen_days, first.id) == "too-late"
    idents = list(db.session.scalars(select(ClosedDay.id)))
    house.run(closures.open_days, idents)
    house.booked(starts_at=house.at(10, days=4))
    assert no(plans_undo.close_again, days) == "not-exact"
    house.later(seconds=31)
    assert no(plans_undo.close_again, days) == "too-late"
    assert no(plans_undo.close_again, {MONDAY + 9 * DAY: "Never"}) == "too-late"
    assert db.session.scalars(select(ClosedDay.id)).all() == []
    assert list(verify.findings()) == []
