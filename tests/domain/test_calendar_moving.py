"""Moving an appointment to another time, doctor, room or length: it keeps what it is, and can be put back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from reception.domain import directory, verify
from reception.domain.calendar import booking, moving, places
from reception.domain.errors import NotPossible, Refusal
from reception.domain.visits import undo
from reception.extensions import db
from reception.models import Appointment, AppointmentPlace, AuditEntry, Role, RoomUse, Slot
from reception.transaction import perform
from tests.factories import House
from tests.servers import at_once


def refused(house: House, verb: Any, *values: Any, **more: Any) -> str:
    with pytest.raises(Refusal) as told:
        house.run(verb, *values, **more)
    db.session.rollback()
    return told.value.code


def taken(row: Appointment) -> list[Any]:
    """Starts of the slots in which the appointment has a place."""
    return list(
        db.session.scalars(
            select(Slot.starts_at)
            .join(AppointmentPlace, AppointmentPlace.slot_id == Slot.id)
            .where(AppointmentPlace.appointment_id == row.id)
            .order_by(Slot.starts_at)
        )
    )


def test_a_longer_appointment_takes_more_and_is_put_back(house: House) -> None:
    """Places in every slot it now spans; Undo gives them back; the audit and the visit's history know it."""
    desk, at = house.person(Role.RECEPTIONIST), house.at
    house.shift()
    row = house.booked(starts_at=at(12))
    house.run(moving.resize, row.id, at(12, 50), actor=desk, version=row.version)
    assert (row.starts_at, row.ends_at) == (at(12), at(12, 50))
    assert taken(row) == [at(12), at(12, 15), at(12, 30), at(12, 45)]
    event = undo.last_event(row.visit.id)
    assert event is not None
    assert (event.move, event.was["ends_at"]) == ("resize", at(12, 15).isoformat())
    assert db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq.desc())).first() == "appointment.resize"
    house.undo(row.visit, actor=desk)
    assert (row.ends_at, taken(row)) == (at(12, 15), [at(12)])
    house.run(moving.resize, row.id, at(12, 5), actor=desk)
    assert (row.ends_at, taken(row)) == (at(12, 5), [at(12)])
    assert list(verify.findings()) == []


def test_a_move_keeps_the_length(house: House) -> None:
    """To another time it stays as long as it was made; with an end of its own it changes both at once; undone exactly."""
    desk, at = house.person(Role.RECEPTIONIST), house.at
    second = house.another_doctor("Second")
    house.shift()
    house.shift(second)
    row = house.booked(starts_at=at(12))
    house.run(moving.resize, row.id, at(12, 45))
    house.run(moving.reschedule, row.id, at(14), doctor_id=second.id)
    assert (row.starts_at, row.ends_at, row.doctor_id, len(taken(row))) == (at(14), at(14, 45), second.id, 3)
    house.run(moving.reschedule, row.id, at(15), ends_at=at(15, 20), actor=desk)
    assert (row.starts_at, row.ends_at, len(taken(row))) == (at(15), at(15, 20), 2)
    house.undo(row.visit, actor=desk)
    assert (row.starts_at, row.ends_at, row.doctor_id) == (at(14), at(14, 45), second.id)


def test_a_room_of_its_own_goes_along(house: House) -> None:
    """With the same doctor; with another one it is in that shift's room. A taken room is refused, touching is not."""
    at, second = house.at, house.another_doctor("Second")
    own, seat = house.run(directory.add_room, "Own"), house.run(directory.add_room, "Seat")
    house.shift(room_id=house.room.id)
    house.shift(second, room_id=seat.id)
    row = house.booked(starts_at=at(12))
    assert row.room_id == house.room.id
    house.run(moving.reschedule, row.id, at(12), room_id=own.id)
    house.run(moving.reschedule, row.id, at(13))
    assert row.room_id == own.id
    house.run(moving.resize, row.id, at(13, 30))
    uses = db.session.execute(select(RoomUse.starts_at, RoomUse.ends_at).where(RoomUse.room_id == own.id)).all()
    assert [tuple(use) for use in uses] == [(at(13), at(13, 30))]
    other = house.booked(starts_at=at(13, 30))
    house.run(moving.reschedule, other.id, at(13, 30), room_id=own.id)
    assert refused(house, moving.resize, row.id, at(13, 45)) in ("room-taken", "slot-full")
    house.run(moving.reschedule, row.id, at(14), doctor_id=second.id)
    assert row.room_id == seat.id


def test_what_stretching_refuses(house: House) -> None:
    """Taken, past the shift, before its start, stale, checked in; nothing is changed."""
    at = house.at
    house.shift(first=11, last=13)
    row, next_one = house.booked(starts_at=at(12)), house.booked(starts_at=at(12, 15))
    for end, more, code in (
        (at(12, 30), {}, "slot-full"),
        (at(12), {}, "invalid"),
        (at(11), {}, "invalid"),
        (at(12) + timedelta(hours=13), {}, "invalid"),
        (at(12, 20), {"version": row.version + 1}, "stale-version"),
    ):
        assert refused(house, moving.resize, row.id, end, **more) == code, end
    assert refused(house, moving.resize, next_one.id, at(13, 15)) == "too-long"
    assert refused(house, moving.resize, 10**9, at(12, 30)) == "not-found"
    manager = house.person(Role.MANAGER)
    house.run(moving.resize, row.id, at(12, 30), actor=manager, overbooking_reason="urgent")
    assert row.ends_at == at(12, 30)
    desk = house.person(Role.RECEPTIONIST)
    assert refused(house, moving.resize, row.id, at(12, 45), actor=desk) == "slot-full"
    house.run(moving.resize, row.id, at(12, 15), actor=desk)
    house.check_in(row)
    assert refused(house, moving.resize, row.id, at(12, 30)) == "not-possible"


def test_a_move_beyond_the_capacity(house: House) -> None:
    """The refusal says to whom it is possible; with a reason it is an overbooking, up to the clinic's cap; undone, it is none."""
    at = house.at
    house.shift(first=11, last=14)
    house.booked(starts_at=at(12))
    row = house.booked(starts_at=at(13))
    manager, desk = house.person(Role.MANAGER), house.person(Role.RECEPTIONIST)
    for actor, allowed in ((desk, []), (house.actor, []), (manager, [places.OVERBOOK])):
        with pytest.raises(NotPossible) as told:
            house.run(moving.reschedule, row.id, at(12), actor=actor)
        assert (told.value.code, told.value.allowed, str(told.value)[-1]) == ("slot-full", allowed, ".")
    house.run(moving.reschedule, row.id, at(12), actor=manager, overbooking_reason="urgent")
    assert (row.overbooking_reason, row.overbooked_by_id) == ("urgent", manager.user_id)
    assert places.is_beyond(row.id)
    house.run(undo.undo, row.visit.id, actor=manager)
    db.session.refresh(row)
    assert (row.starts_at, row.overbooking_reason, row.overbooked_by_id) == (at(13), None, None)
    house.run(moving.reschedule, row.id, at(11), actor=manager, overbooking_reason="there is a place")
    assert (row.overbooking_reason, places.is_beyond(row.id)) == (None, False)
    for _ in range(house.clinic.overbooking_cap):
        house.booked(starts_at=at(12), actor=manager, overbooking_reason="more")
    with pytest.raises(NotPossible) as told:
        house.run(moving.reschedule, row.id, at(12), actor=manager)
    assert (told.value.code, told.value.allowed) == ("slot-full", [])
    assert refused(house, moving.reschedule, row.id, at(12), actor=manager, overbooking_reason="x") == "overbooked"
    assert list(verify.findings()) == []


def test_a_move_against_a_booking(house: House) -> None:
    """Both want the last place at the same time: one has it, the other gets a sentence, again and again."""
    at = house.at
    house.shift(first=10, last=18)
    row = house.booked(starts_at=at(10))
    people = [house.patient().id for _ in range(6)]
    app, actor, doctor, service = house.app, house.actor, house.doctor.id, house.service.id
    ident = row.id

    def attempt(verb: Any, *values: Any, **more: Any) -> Any:
        def job() -> str:
            with app.app_context():
                try:
                    perform(actor, verb, *values, **more)
                except Refusal as refusal:
                    return refusal.code
                finally:
                    db.session.remove()
                return "done"

        return job

    for number, patient in enumerate(people):
        start = at(11 + number)
        moved = attempt(moving.reschedule, ident, start)
        booked = attempt(booking.book, patient, doctor, service, start)
        assert sorted(at_once([moved, booked])) == ["done", "slot-full"]
        db.session.rollback()
        places = select(AppointmentPlace.appointment_id).join(Slot, Slot.id == AppointmentPlace.slot_id)
        assert len(db.session.scalars(places.where(Slot.starts_at == start)).all()) == 1
