"""Many at once against a real server: one check-in, one number; nobody called twice.

The last tests are the control: the same assertions, in this process, with the guards in and with the guards taken out.
With them in they hold; without them they fail.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, func, select
from werkzeug.test import TestResponse

from reception import transaction
from reception.domain import verify
from reception.extensions import db
from reception.models import MedicalRecord, QueueCounter, Role, Visit, VisitEvent
from tests.factories import House
from tests.servers import Answer, Client, Server, at_once, serving

CLIENTS = 50
DOCTORS, WAITING = 5, 40
SERVERS = [
    pytest.param("sqlite", "wsgi", 1, id="sqlite"),
    pytest.param("postgresql", "wsgi", 1, id="postgresql", marks=pytest.mark.postgres),
    pytest.param("postgresql", "gunicorn", 1, id="postgresql-gunicorn", marks=pytest.mark.postgres),
    pytest.param("postgresql", "gunicorn", 2, id="postgresql-two-workers",
                 marks=[pytest.mark.postgres, pytest.mark.redis]),
]  # fmt: skip
on_servers = pytest.mark.parametrize("backend, kind, workers", SERVERS, indirect=["backend"])
Told = list[tuple[int, Any]]
"""Status and JSON of each answer."""


@contextlib.contextmanager
def served(house: House, kind: str, workers: int) -> Iterator[Server]:
    more = {}
    if workers > 1:
        if not (redis := os.environ.get("TEST_REDIS_URL")):
            pytest.skip("no Redis: run make test")
        more["REDIS_URL"] = redis
    with serving(house, kind, workers, **more) as server:
        yield server


# ------------------------------------------------------------------------------------------------- what must hold


def everyone_is_told_the_same(told: Told, appointment_id: int) -> None:
    """One visit, one number, one event, and the same answer to all."""
    assert [status for status, _ in told] == [200] * len(told)
    first = told[0][1]
    assert all(found == first for _, found in told)
    assert (first["queue_number"], first["ticket"], first["visit"]["status"]) == (1, "A-001", "WAITING")
    db.session.rollback()
    visit = db.session.scalars(select(Visit).where(Visit.appointment_id == appointment_id)).one()
    assert (visit.id, visit.ticket, visit.status) == (first["visit_id"], "A-001", "WAITING")
    assert db.session.scalars(select(QueueCounter.last_number)).one() == 1
    assert db.session.scalar(select(func.count()).where(MedicalRecord.visit_id == visit.id)) == 1
    assert moves_of(visit.id) == ["book", "check-in"]


def nobody_is_called_twice(told: dict[int, Told], waiting: list[int]) -> None:
    """`told`: doctor -> answers of call-next. Everybody was called once, to the doctor who was told so."""
    db.session.rollback()
    called = [found["id"] for answers in told.values() for status, found in answers if status == 200]
    assert sorted(called) == sorted(set(called))
    assert set(called) <= set(waiting)
    assert {status for answers in told.values() for status, _ in answers} <= {200, 204}
    for doctor, answers in told.items():
        for _, found in (answer for answer in answers if answer[0] == 200):
            assert (found["doctor_id"], found["call_count"], found["status"]) == (doctor, 1, "CALLED")
            visit = db.session.get_one(Visit, found["id"])
            assert (visit.doctor_id, visit.call_count) == (doctor, 1)
            assert moves_of(visit.id) == ["walk-in", "call"]


def moves_of(visit_id: int) -> list[str]:
    query = select(VisitEvent.move).where(VisitEvent.visit_id == visit_id).order_by(VisitEvent.id)
    return list(db.session.scalars(query))


def five_doctors(house: House) -> dict[int, dict[str, str]]:
    """Doctors of one department -> the headers of each."""
    found = (house.doctor_who_signs_in(f"doctor{n}") for n in range(DOCTORS))
    return {doctor.id: headers for doctor, headers in found}


def in_the_pool(house: House, count: int) -> list[int]:
    return [house.visit(department_id=house.department.id).id for _ in range(count)]


# ------------------------------------------------------------------------------------------------ a real server


@on_servers
def test_fifty_check_in_the_same_appointment(house: House, kind: str, workers: int) -> None:
    appointment_id = house.booked().id
    tokens = [house.token(Role.RECEPTIONIST), house.token(Role.ADMIN), house.token(Role.RECEPTIONIST)]
    with served(house, kind, workers) as server:
        clients = [server.client(tokens[n % len(tokens)]) for n in range(CLIENTS)]
        for client in clients:
            assert client.get("/healthz").status == 200  # the line is open before the signal

        def check_in(client: Client) -> Answer:
            return client.post(f"/api/v1/appointments/{appointment_id}/check-in")

        answers = at_once([lambda client=client: check_in(client) for client in clients])
        everyone_is_told_the_same([(answer.status, answer.json) for answer in answers], appointment_id)
    assert list(verify.findings()) == []


@on_servers
def test_five_doctors_call_next_from_forty(house: House, kind: str, workers: int) -> None:
    doctors, waiting = five_doctors(house), in_the_pool(house, WAITING)
    with served(house, kind, workers) as server:

        def work(doctor: int) -> Told:
            """Call the next until nobody waits."""
            client = server.client(doctors[doctor])
            answers: Told = []
            while not answers or answers[-1][0] == 200:
                answer = client.post(f"/api/v1/doctors/{doctor}/call-next")
                answers.append((answer.status, answer.json))
            return answers

        told = dict(zip(doctors, at_once([lambda d=d: work(d) for d in doctors]), strict=True))
        nobody_is_called_twice(told, waiting)
    called = {found["id"] for answers in told.values() for status, found in answers if status == 200}
    assert called == set(waiting)
    assert all(answers[-1][0] == 204 for answers in told.values())
    assert list(verify.findings()) == []


# -------------------------------------------------------------------------------------------------- the control


ROW_LOCK = re.compile(r"\s+FOR (NO KEY )?UPDATE( OF \w+)?( SKIP LOCKED)?\s*$")
VERSION = re.compile(r" AND (visit|appointment)\.version = (\?|%\(\w+\)s(::\w+)?)")


@contextlib.contextmanager
def threads_meet(count: int) -> Iterator[None]:
    """Let `count` threads wait for each other between the look and the act: before their first change of a visit.

    Where a guard keeps them apart they cannot all come; then nobody waits any longer.
    """
    meeting = threading.Barrier(count)
    been = threading.local()

    def meet(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("UPDATE visit SET") and not getattr(been, "there", False):
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
    """No row locks and no comparing of versions; on SQLite, where a transaction is the lock, none of these either."""

    def bare(_c: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> tuple[str, Any]:
        if re.search(r"\b(FROM|UPDATE) (visit|appointment)\b", statement):
            statement = ROW_LOCK.sub("", statement)
            statement = VERSION.sub(r" AND \2 IS NOT NULL", statement)
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


def told_by(answer: TestResponse) -> tuple[int, Any]:
    return answer.status_code, answer.get_json() if answer.data else None


def check_in_together(house: House, count: int = 6) -> tuple[Told, int]:
    """`count` threads of this process check in one appointment."""
    appointment_id = house.booked().id
    headers = house.token(Role.RECEPTIONIST)
    db.session.remove()

    def check_in(number: int) -> tuple[int, Any]:
        client = house.app.test_client(use_cookies=False)
        path = f"/api/v1/appointments/{appointment_id}/check-in"
        return told_by(client.post(path, headers={**headers, "Idempotency-Key": f"one-{number}"}))

    with threads_meet(count):
        return at_once([lambda n=n: check_in(n) for n in range(count)]), appointment_id


def call_next_together(house: House) -> tuple[dict[int, Told], list[int]]:
    """Five doctors, in threads of this process, each call the next one once."""
    doctors, waiting = five_doctors(house), in_the_pool(house, DOCTORS + 1)
    db.session.remove()

    def call(doctor: int) -> Told:
        client = house.app.test_client(use_cookies=False)
        path = f"/api/v1/doctors/{doctor}/call-next"
        return [told_by(client.post(path, headers={**doctors[doctor], "Idempotency-Key": "call"}))]

    with threads_meet(DOCTORS):
        return dict(zip(doctors, at_once([lambda d=d: call(d) for d in doctors]), strict=True)), waiting


def test_check_in_control(house: House) -> None:
    """Threads that meet between look and act: with the guards all are told the same."""
    everyone_is_told_the_same(*check_in_together(house))


def test_check_in_control_without_guards(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """And without them they are not."""
    with guards_taken_out(monkeypatch):
        told = check_in_together(house)
    with pytest.raises(AssertionError):
        everyone_is_told_the_same(*told)
    assert db.session.scalars(select(QueueCounter.last_number)).one() > 1 or any(s != 200 for s, _ in told[0])


def test_call_next_control(house: House) -> None:
    nobody_is_called_twice(*call_next_together(house))


def test_call_next_control_without_guards(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with guards_taken_out(monkeypatch):
        told, waiting = call_next_together(house)
    with pytest.raises(AssertionError):
        nobody_is_called_twice(told, waiting)
    called = [found["id"] for answers in told.values() for status, found in answers if status == 200]
    assert len(called) > len(set(called))
