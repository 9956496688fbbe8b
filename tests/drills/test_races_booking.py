"""Many book, move and take rooms at once: some rounds of the drill against a real server, and the control.

The control: threads of this process that meet between the look and the act, with the guards in and with the guards taken
out. With them in the same assertions hold; without them they fail. All rounds: `python -m tests.drills.booking`.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event, text

from reception import transaction
from reception.domain import numbers
from reception.extensions import db
from reception.models import Role
from tests.drills.booking import Stage, Told, body, drill, no_room_twice, only_the_capacity
from tests.factories import House
from tests.servers import at_once

ROUNDS = 2
COUNT = 6
ROW_LOCK = re.compile(r"\s+FOR (NO KEY )?(UPDATE|SHARE)( OF \w+)?( SKIP LOCKED)?\s*$")
PLAIN_PLACES = (
    "DROP TRIGGER tr_slot_capacity",
    "CREATE TABLE plain_place AS SELECT * FROM appointment_place",
    "DROP TABLE appointment_place",
    "ALTER TABLE plain_place RENAME TO appointment_place",
)


def test_some_rounds_of_the_drill(house: House) -> None:
    drill(house, ROUNDS)


# -------------------------------------------------------------------------------------------------- the control


@contextlib.contextmanager
def threads_meet(count: int) -> Iterator[None]:
    """Let `count` threads wait for each other before they take their first place."""
    meeting = threading.Barrier(count)
    been = threading.local()

    def meet(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO appointment_place") and not getattr(been, "there", False):
            been.there = True
            with contextlib.suppress(threading.BrokenBarrierError):
                meeting.wait(1)

    event.listen(db.engine, "before_cursor_execute", meet)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", meet)


@contextlib.contextmanager
def guards_taken_out(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No row locks, no key of the places, no rule of the rooms, and no counter that lets one book after the other; on
    SQLite, where a transaction is the lock, no transactions either."""

    def bare(_c: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> tuple[str, Any]:
        return ROW_LOCK.sub("", statement), values

    on_sqlite = db.engine.dialect.name == "sqlite"
    without = PLAIN_PLACES if on_sqlite else ("ALTER TABLE appointment_place DROP CONSTRAINT pk_appointment_place",)
    rooms = "DROP TRIGGER ex_room_use" if on_sqlite else "ALTER TABLE room_use DROP CONSTRAINT ex_room_use"
    with db.engine.begin() as connection:
        for statement in (*without, rooms):
            connection.execute(text(statement))
    event.listen(db.engine, "before_cursor_execute", bare, retval=True)
    following = itertools.count(1)
    monkeypatch.setattr(numbers, "booking_id", lambda *_: f"R-{next(following)}")
    if on_sqlite:
        event.remove(db.engine, "begin", transaction._sqlite_begin)
        monkeypatch.setattr(transaction, "_sqlite_turn", threading.Semaphore(1000))
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", bare)
        if on_sqlite:
            event.listen(db.engine, "begin", transaction._sqlite_begin)
        monkeypatch.undo()


def post(house: House, headers: dict[str, str], path: str, values: dict[str, Any], key: str) -> tuple[int, Any]:
    client = house.app.test_client(use_cookies=False)
    answer = client.post(f"/api/v1{path}", json=values, headers={**headers, "Idempotency-Key": key})
    return (201 if answer.status_code == 200 else answer.status_code), answer.get_json()


def together(house: House, jobs: list[Callable[[], tuple[int, Any]]]) -> Told:
    db.session.remove()
    with threads_meet(len(jobs)):
        return at_once(jobs)


def everybody_books(stage: Stage, headers: dict[str, str]) -> None:
    start = stage.slot(0)
    jobs = [
        partial(
            post, stage.house, headers, "/appointments", body(stage, stage.single, stage.people[n], start), f"one-{n}"
        )
        for n in range(COUNT)
    ]
    only_the_capacity(together(stage.house, jobs), start, stage.single, 1)


def some_move_and_some_book(stage: Stage, headers: dict[str, str]) -> None:
    start, elsewhere = stage.slot(1), stage.at(21, 0)
    target = {"start": f"{start:%Y-%m-%dT%H:%M:%SZ}", "doctor_id": stage.single}
    jobs = []
    for n in range(COUNT):
        if n % 2:
            values = body(stage, stage.roamers[0], stage.people[COUNT + n], elsewhere)
            status, row = post(stage.house, headers, "/appointments", values, f"before-{n}")
            assert status == 201, row
            path = f"/appointments/{row['id']}/reschedule"
            jobs.append(partial(post, stage.house, headers, path, target, f"move-{n}"))
        else:
            values = body(stage, stage.single, stage.people[COUNT + n], start)
            jobs.append(partial(post, stage.house, headers, "/appointments", values, f"book-{n}"))
    only_the_capacity(together(stage.house, jobs), start, stage.single, 1)


def one_room_for_all(stage: Stage, headers: dict[str, str]) -> None:
    start = stage.at(12, 0)
    jobs = []
    for n in range(COUNT):
        values = body(stage, stage.roamers[n % 3], stage.people[2 * COUNT + n], start, room_id=stage.rooms[0])
        jobs.append(partial(post, stage.house, headers, "/appointments", values, f"room-{n}"))
    told = together(stage.house, jobs)
    no_room_twice([stage.rooms[0]])
    assert sorted(status for status, _ in told) == [201, *[409] * (COUNT - 1)]


RACES = {
    everybody_books: r"201: [2-9]",
    some_move_and_some_book: r"201: [2-9]",
    one_room_for_all: r"datetime.*datetime",
}
"""Each race, and how it is seen to be broken: too many were booked, two visits overlap in the room."""


def test_the_control_with_the_guards(house: House) -> None:
    """Threads that meet between look and act: the rules hold."""
    stage, headers = Stage(house, 2), house.token(Role.MANAGER)
    for race in RACES:
        race(stage, headers)


def test_the_control_without_the_guards(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """And without the guards each of them is broken."""
    stage, headers = Stage(house, 2), house.token(Role.MANAGER)
    with guards_taken_out(monkeypatch):
        for race, seen in RACES.items():
            with pytest.raises(AssertionError, match=seen):
                race(stage, headers)
