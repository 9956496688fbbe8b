"""Two merges at once: one of them wins and the other is told so. Without the locks both would, and two cards would
point at each other."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, select

from reception import transaction
from reception.domain import merging, verify
from reception.domain.errors import Refusal
from reception.extensions import db
from reception.models import Patient
from reception.transaction import perform
from tests.factories import House
from tests.servers import at_once

LOCK = re.compile(r"\s+FOR (NO KEY )?(UPDATE|SHARE)( OF \w+)?\s*$")
VERSION = re.compile(r" AND patient\.version = (\?|%\(\w+\)s(::\w+)?)")


@contextlib.contextmanager
def both_looked(count: int, seconds: float) -> Iterator[None]:
    """The threads wait for each other between the look and the act, so long where a guard keeps them apart."""
    meeting, been = threading.Barrier(count), threading.local()

    def meet(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(("UPDATE patient SET", "INSERT INTO patient_merge")) and not getattr(been, "there", 0):
            been.there = 1
            with contextlib.suppress(threading.BrokenBarrierError):
                meeting.wait(seconds)

    event.listen(db.engine, "before_cursor_execute", meet)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", meet)


@contextlib.contextmanager
def locks_taken_out(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No row locks and no comparing of versions; on SQLite, where a transaction is the lock, none of these either."""

    def bare(_c: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> tuple[str, Any]:
        if re.search(r"\b(FROM|UPDATE) patient\b", statement):
            statement = VERSION.sub(r" AND \1 IS NOT NULL", LOCK.sub("", statement))
        return statement, values

    event.listen(db.engine, "before_cursor_execute", bare, retval=True)
    on_sqlite = db.engine.dialect.name == "sqlite"
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


def merge_each_into_the_other(house: House, seconds: float = 1) -> tuple[list[str], list[Patient]]:
    """Two clicks at once, each keeping the other card: what each was told, and the cards."""
    ids = [house.patient(name).id for name in ("Ivanova", "Ivanowa")]
    actor = house.actor
    db.session.remove()

    def click(kept: int, gone: int) -> str:
        with house.app.app_context():
            try:
                perform(actor, merging.merge, kept, gone, {})
                return "merged-now"
            except Refusal as refusal:
                return refusal.code
            finally:
                db.session.remove()

    with both_looked(2, seconds):
        told = at_once([lambda: click(*ids), lambda: click(*reversed(ids))])
    return told, list(db.session.scalars(select(Patient).where(Patient.id.in_(ids)).order_by(Patient.id)))


def one_wins(told: list[str], rows: list[Patient]) -> None:
    assert sorted(told) == ["merged", "merged-now"], told
    assert [row.merged_into_id is None for row in rows].count(True) == 1
    assert list(verify.findings()) == []


def test_one_of_two_merges_wins(house: House) -> None:
    one_wins(*merge_each_into_the_other(house))


def test_without_the_locks_both_would(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with locks_taken_out(monkeypatch):
        told, rows = merge_each_into_the_other(house, 20)
    with pytest.raises(AssertionError):
        one_wins(told, rows)
    assert all(row.merged_into_id for row in rows) or sorted(told) != ["merged", "merged-now"]
