"""Many book at once against a real server: exactly the capacity, no overlap, and everybody is told in a sentence.

    python -m tests.drills.booking [--rounds N] [--only sqlite|postgresql]

Each round: CLIENTS book the last place of a slot of capacity 1 and of one of capacity 3; ROOM_CLIENTS book rooms at
random overlapping and touching times; one half moves appointments into places that the other half books. Needs
TEST_POSTGRES_URL for PostgreSQL. `test_races_booking.py` runs a few rounds, and the control with the guards taken out.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from reception import clock, create_app, live
from reception.domain import directory, verify
from reception.extensions import db, limiter
from reception.models import (
    Appointment,
    AppointmentPlace,
    AppointmentStatus,
    Role,
    RoomUse,
    Slot,
    Visit,
)
from tests.conftest import settings
from tests.drills.big_day import database
from tests.factories import House
from tests.servers import Client, at_once, serving

CLIENTS, ROOM_CLIENTS = 50, 30
ROUNDS = 40
STANDING = (AppointmentStatus.CONFIRMED, AppointmentStatus.CHECKED_IN)
Told = list[tuple[int, Any]]
"""Status and JSON of each answer."""


@dataclass
class Stage:
    """A clinic whose shifts are long enough for `rounds`: two doctors to book with, three more that share rooms. Ids only:
    the house is served, and its rows belong to no session of ours then."""

    house: House
    rounds: int
    single: int = field(init=False)
    triple: int = field(init=False)
    service: int = field(init=False)
    roamers: list[int] = field(default_factory=list)
    rooms: list[int] = field(default_factory=list)
    people: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        house = self.house
        single, triple = house.doctor, house.another_doctor("Triple")
        roamers = [house.another_doctor(f"Roamer {n}") for n in range(3)]
        for day in range(1, 1 - (-self.rounds // ROUNDS)):
            house.shift(single, 6, 16, days=day)
            house.shift(triple, 6, 16, days=day, capacity=3)
            for doctor in roamers:
                house.shift(doctor, 6, 22, days=day, slot_minutes=5, capacity=20)
        self.single, self.triple, self.service = single.id, triple.id, house.service.id
        self.roamers = [doctor.id for doctor in roamers]
        self.rooms = [house.run(directory.add_room, f"Shared {n}").id for n in range(3)]
        self.people = [house.patient(f"Client {n:02d}").id for n in range(CLIENTS)]

    def at(self, hour: int, number: int) -> datetime:
        """That hour on the day of round `number`."""
        clinic = self.house.actor.clinic
        day = clock.today(clinic) + timedelta(days=1 + number // ROUNDS)
        found = clock.instant(day, datetime.min.time().replace(hour=hour), clinic)
        assert found is not None
        return found

    def slot(self, number: int) -> datetime:
        """The quarter of an hour of round `number`."""
        return self.at(6, number) + timedelta(minutes=15 * (number % ROUNDS))


def body(stage: Stage, doctor: int, patient_id: int, start: datetime, **more: Any) -> dict[str, Any]:
    return {
        "patient_id": patient_id, "doctor_id": doctor, "service_id": stage.service,
        "start": f"{start:%Y-%m-%dT%H:%M:%SZ}", **more,
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------- what must hold


def only_the_capacity(told: Told, start: datetime, doctor: int, capacity: int) -> None:
    """`capacity` were booked, everybody else was told why not; the places say the same."""
    counts = Counter(status for status, _ in told)
    assert counts == {201: capacity, 409: len(told) - capacity}, (counts, told)
    refused = [found for status, found in told if status == 409]
    assert {found["code"] for found in refused} <= {"slot-full", "already-booked", "patient-elsewhere"}
    assert all(found["detail"].endswith(".") for found in refused)
    db.session.rollback()
    standing = select(func.count()).where(
        Appointment.doctor_id == doctor, Appointment.starts_at == start, Appointment.status.in_(STANDING)
    )
    assert db.session.scalar(standing) == capacity
    places = select(AppointmentPlace.place).join(Slot, Slot.id == AppointmentPlace.slot_id)
    held = places.join(Appointment, Appointment.id == AppointmentPlace.appointment_id).where(
        Slot.starts_at == start, Appointment.doctor_id == doctor
    )
    assert sorted(db.session.scalars(held)) == list(range(1, capacity + 1))


def no_room_twice(rooms: list[int]) -> None:
    """No two visits overlap in one of the rooms; what touches may touch."""
    db.session.rollback()
    rows = db.session.execute(
        select(RoomUse.room_id, RoomUse.starts_at, RoomUse.ends_at)
        .where(RoomUse.room_id.in_(rooms))
        .order_by(RoomUse.room_id, RoomUse.starts_at)
    ).all()
    for before, after in pairwise(rows):
        assert before.room_id != after.room_id or before.ends_at <= after.starts_at, (before, after)
    used = select(Appointment.room_id, Appointment.starts_at, Appointment.ends_at).where(
        Appointment.room_id.in_(rooms), Appointment.status.in_(STANDING)
    )
    booked = db.session.execute(used.order_by(Appointment.room_id, Appointment.starts_at)).all()
    for before, after in pairwise(booked):
        assert before.room_id != after.room_id or before.ends_at <= after.starts_at, (before, after)
    assert [tuple(row) for row in rows] == [tuple(row) for row in booked]


# ------------------------------------------------------------------------------------------------------ the rounds


def book(client: Client, values: dict[str, Any]) -> tuple[int, Any]:
    answer = client.post("/api/v1/appointments", values)
    return answer.status, answer.json


def last_place(stage: Stage, clients: list[Client], number: int) -> None:
    """Everybody books the same quarter of an hour."""
    start = stage.slot(number)
    for doctor, capacity in ((stage.single, 1), (stage.triple, 3)):
        jobs: list[Callable[[], tuple[int, Any]]] = [
            partial(book, client, body(stage, doctor, person, start))
            for client, person in zip(clients, stage.people, strict=True)
        ]
        only_the_capacity(at_once(jobs), start, doctor, capacity)
        free(stage, clients[0], start)


def free(stage: Stage, client: Client, start: datetime) -> None:
    """Cancel what was booked at `start`, so that the same people can try the next."""
    db.session.rollback()
    for ident in db.session.scalars(
        select(Appointment.id).where(Appointment.starts_at == start, Appointment.status == "CONFIRMED")
    ):
        assert client.post(f"/api/v1/appointments/{ident}/cancel", {"reason": "drill"}).status == 200
    db.session.rollback()


def rooms_at_random(stage: Stage, clients: list[Client], number: int, chance: random.Random) -> None:
    """Everybody books some room at some time, in steps of five minutes, so that some overlap and some touch."""
    base = stage.at(6, number) + timedelta(minutes=20 * (number % ROUNDS))

    def job(n: int) -> Callable[[], tuple[int, Any]]:
        start = base + timedelta(minutes=5 * chance.randrange(6))
        values = body(stage, stage.roamers[n % 3], stage.people[n], start, room_id=chance.choice(stage.rooms))
        return lambda: book(clients[n], values)

    told = at_once([job(n) for n in range(ROOM_CLIENTS)])
    assert {status for status, _ in told} <= {201, 409}
    codes = {"room-taken", "slot-full", "already-booked", "patient-elsewhere"}
    assert {found["code"] for status, found in told if status == 409} <= codes
    assert any(status == 201 for status, _ in told)
    no_room_twice(stage.rooms)
    db.session.rollback()
    mine = select(Appointment.id).where(Appointment.patient_id.in_(stage.people), Appointment.status == "CONFIRMED")
    for ident in db.session.scalars(mine).all():
        assert clients[0].post(f"/api/v1/appointments/{ident}/cancel", {"reason": "drill"}).status == 200


def moved_and_booked(stage: Stage, clients: list[Client], number: int) -> None:
    """One half moves appointments into the quarter that the other half books: one of all has it."""
    start, half = stage.slot(number), 10
    elsewhere = stage.at(21, number)
    rows = [book(clients[0], body(stage, stage.roamers[0], stage.people[n], elsewhere)) for n in range(half)]
    assert {status for status, _ in rows} == {201}
    ids = [found["id"] for _, found in rows]
    target = {"start": f"{start:%Y-%m-%dT%H:%M:%SZ}", "doctor_id": stage.single}

    def move(n: int) -> tuple[int, Any]:
        answer = clients[n].post(f"/api/v1/appointments/{ids[n]}/reschedule", target)
        return (201 if answer.status == 200 else answer.status), answer.json

    jobs: list[Callable[[], tuple[int, Any]]] = [lambda n=n: move(n) for n in range(half)]
    jobs += [
        lambda n=n: book(clients[n], body(stage, stage.single, stage.people[n], start)) for n in range(half, 2 * half)
    ]
    only_the_capacity(at_once(jobs), start, stage.single, 1)
    db.session.rollback()
    for ident in db.session.scalars(select(Appointment.id).where(Appointment.status == "CONFIRMED")).all():
        assert clients[0].post(f"/api/v1/appointments/{ident}/cancel", {"reason": "drill"}).status == 200


def drill(house: House, rounds: int, say: Callable[[str], None] = lambda _: None, seed: int = 2026) -> None:
    """All rounds against a served house. Raises AssertionError."""
    stage, chance = Stage(house, rounds), random.Random(seed)
    tokens = [house.token(Role.RECEPTIONIST), house.token(Role.MANAGER), house.token(Role.ADMIN)]
    began = time.monotonic()
    with serving(house) as server:
        clients = [server.client(tokens[n % 3]) for n in range(CLIENTS)]
        for client in clients:
            assert client.get("/healthz").status == 200
        for number in range(rounds):
            last_place(stage, clients, number)
            rooms_at_random(stage, clients, number, chance)
            moved_and_booked(stage, clients, number)
            say(f"round {number + 1} of {rounds}: {time.monotonic() - began:.0f} s")
        assert "Traceback" not in server.output()
    db.session.rollback()
    booked = db.session.scalar(select(func.count()).select_from(Visit))
    assert list(verify.findings()) == []
    say(f"{booked} booked, every one of them within the rules")


def main() -> None:
    """The full drill from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", choices=["sqlite", "postgresql"], help="one database instead of both")
    options = parser.parse_args()
    for kind in [options.only] if options.only else ["sqlite", "postgresql"]:
        with tempfile.TemporaryDirectory() as name, database(kind, Path(name)) as url:
            app = create_app(settings(Path(name), url))
            live.hub = live.Hub()
            limiter.reset()
            with app.app_context():
                drill(House.open(app), options.rounds, lambda line, kind=kind: print(f"{kind}: {line}", flush=True))  # type: ignore[misc]
                db.session.remove()
                db.engine.dispose()
            clock.start_at(None)


if __name__ == "__main__":
    main()
