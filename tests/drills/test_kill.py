"""kill -9 in the middle of 300 check-ins: what was answered is there, nothing is half there, keys make the rest once."""

from __future__ import annotations

import http.client
import threading
from datetime import timedelta

from sqlalchemy import func, select

from reception.domain import verify
from reception.extensions import db
from reception.models import (
    Appointment,
    AppointmentStatus,
    AuditEntry,
    MedicalRecord,
    QueueCounter,
    Role,
    Visit,
    VisitEvent,
    VisitStatus,
)
from tests.factories import House
from tests.servers import Server, serving, until

CHECK_INS = 300
CLIENTS = 6
KILLS_AT = (40, 110, 200)
"""The server dies when so many answers have come, each time with requests under way."""

Told = dict[int, tuple[str, int]]
"""Appointment id -> ticket and number, as the server answered."""


class Desk:
    """Clients that check people in until all are answered; a broken line is tried again later with the same key."""

    def __init__(self, appointments: list[int], headers: dict[str, str]) -> None:
        self.left = list(reversed(appointments))
        self.headers = headers
        self.told: Told = {}
        self.errors: list[str] = []
        self.lock = threading.Lock()
        self.tries = 0

    def work(self, server: Server) -> list[threading.Thread]:
        threads = [threading.Thread(target=self._client, args=(server,), daemon=True) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        return threads

    def _client(self, server: Server) -> None:
        client = server.client(self.headers, timeout=20)
        while True:
            with self.lock:
                if not self.left:
                    return
                ident = self.left.pop()
                self.tries += 1
            try:
                answer = client.post(f"/api/v1/appointments/{ident}/check-in", key=f"arrival-{ident}")
            except (OSError, http.client.HTTPException):
                with self.lock:
                    self.left.append(ident)
                return
            with self.lock:
                if answer.status == 200:
                    self.told[ident] = (answer.json["ticket"], answer.json["queue_number"])
                else:
                    self.errors.append(f"{answer.status} {answer.text[:200]}")


def test_nothing_answered_is_lost_and_nothing_is_half_done(house: House) -> None:
    house.shift(first=6, last=22, capacity=100)
    start = house.at(10, 15)
    patients = [house.patient() for _ in range(CHECK_INS)]
    appointments = [
        house.booked(patient, start + timedelta(minutes=15 * (number // 50))).id
        for number, patient in enumerate(patients)
    ]
    desk = Desk(appointments, house.token(Role.RECEPTIONIST))
    with serving(house) as server:
        for answered in KILLS_AT:
            threads = desk.work(server)
            until(lambda n=answered: len(desk.told) >= n, "the desk came to a halt")  # type: ignore[misc]
            server.kill()
            for thread in threads:
                thread.join(30)
            _is_whole(house, desk.told)
            server.start()
        while desk.left:
            for thread in desk.work(server):
                thread.join(120)
    assert desk.errors == []
    assert desk.tries > CHECK_INS, "no request was under way at any kill: the drill tried nothing"
    assert len(desk.told) == CHECK_INS
    _is_whole(house, desk.told)
    numbers = db.session.scalars(select(Visit.queue_number).order_by(Visit.queue_number)).all()
    assert numbers == list(range(1, CHECK_INS + 1)), "each exactly once, without a hole"
    assert db.session.scalar(select(func.count()).where(VisitEvent.move == "check-in")) == CHECK_INS


def _is_whole(house: House, told: Told) -> None:
    """Every answer stands as it was given; what was not answered is there whole or not at all."""
    db.session.rollback()
    rows = db.session.execute(
        select(Appointment.id, Appointment.status, Visit.id, Visit.status, Visit.ticket, Visit.queue_number).join(
            Visit, Visit.appointment_id == Appointment.id
        )
    ).all()
    records = set(db.session.scalars(select(MedicalRecord.visit_id)))
    events = set(db.session.scalars(select(VisitEvent.visit_id).where(VisitEvent.move == "check-in")))
    acts = set(db.session.scalars(select(AuditEntry.entity_id).where(AuditEntry.action == "visit.check-in")))
    arrived = 0
    for ident, appointment, visit_id, visit, ticket, number in rows:
        is_here = appointment == AppointmentStatus.CHECKED_IN
        arrived += is_here
        assert (visit == VisitStatus.WAITING) == is_here
        assert (number is not None) == is_here == (visit_id in records) == (visit_id in events) == (visit_id in acts)
        if ident in told:
            assert (ticket, number) == told[ident], "answered, and now it is another number"
    counter = db.session.scalar(select(QueueCounter.last_number).where(QueueCounter.clinic_id == house.actor.clinic_id))
    assert (counter or 0) == arrived
    assert list(verify.findings()) == []
    db.session.rollback()
