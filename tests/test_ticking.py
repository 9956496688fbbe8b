"""The clock alone changes screens: somebody becomes late, due, or may be called again."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from reception import live, ticking
from reception.domain import directory
from reception.extensions import db
from reception.models import IdempotencyKey, VisitStatus
from reception.transaction import Wish, perform
from tests.factories import House


def versions(house: House, *names: str) -> list[int]:
    return list(live.versions(house.clinic.id, names).values())


def test_a_tick_raises_what_became_late_due_or_ready(house: House) -> None:
    house.booked(starts_at=house.at(11))
    doctor = house.another_doctor()
    held = house.visit(VisitStatus.IN_PROGRESS, doctor=doctor)
    house.move(held, "hold", minutes=30)
    names = ("arrivals", f"line-{house.doctor.id}", f"line-{doctor.id}")
    start = versions(house, *names)
    ticking.tick(house.at(10, 31), house.at(10, 32))
    assert versions(house, *names) == [start[0], start[1], start[2]], "nothing happened in that minute"
    ticking.tick(house.at(10, 44), house.at(10, 46))
    assert versions(house, *names) == [start[0] + 1, start[1] + 1, start[2]], "due soon"
    ticking.tick(house.at(10, 59), house.at(11, 1))
    assert versions(house, *names)[0] == start[0] + 2, "late"
    ready_at = held.not_before
    assert ready_at is not None
    ticking.tick(ready_at - timedelta(seconds=30), ready_at + timedelta(seconds=30))
    assert versions(house, *names)[2] == start[2] + 1, "may be called again"


def test_keys_are_forgotten_after_two_days(house: House) -> None:
    def kept() -> int:
        return db.session.scalar(select(func.count()).select_from(IdempotencyKey)) or 0

    wish = Wish("a key", "POST /x", b"0" * 32)
    perform(house.actor, directory.add_room, "102", wish=wish)
    house.later(hours=47)
    ticking.clean()
    assert kept() == 1
    house.later(hours=2)
    ticking.clean()
    assert kept() == 0
