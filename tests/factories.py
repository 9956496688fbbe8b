"""Short functions with good defaults, so that a test names only what it cares about."""

from __future__ import annotations

import contextvars
import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from reception import access, clock
from reception.domain import directory, finance, patients, users
from reception.domain.actors import Actor, founder, system
from reception.domain.calendar import booking, schedules
from reception.domain.visits import moves, queue, undo, walkin
from reception.extensions import db
from reception.models import (
    ApiToken,
    Appointment,
    Cashbox,
    Clinic,
    Department,
    Device,
    Doctor,
    Patient,
    Role,
    Room,
    Schedule,
    Service,
    Visit,
    VisitStatus,
)
from reception.transaction import perform

PASSWORD = "a good password"
HASH = users.hash_password(PASSWORD)
_numbers = itertools.count(1)


class Browser(FlaskClient):
    """Each call starts from an empty context, so that nothing of one request (g, session) leaks into the next; the
    test's own session then reads anew."""

    def open(self, *args: Any, **more: Any) -> Any:
        answer = contextvars.Context().run(super().open, *args, **more)
        db.session.rollback()
        return answer


@dataclass
class House:
    """A clinic to test in. Verbs run as the system unless `actor` says otherwise."""

    app: Flask
    clinic: Clinic
    actor: Actor
    department: Department
    room: Room
    doctor: Doctor
    service: Service
    cash: Cashbox
    card: Cashbox
    people: dict[Role, Actor] = field(default_factory=dict)

    @classmethod
    def open(cls, app: Flask, name: str = "Riverside", time_zone: str = "Europe/Berlin") -> House:
        clinic = perform(
            founder(), directory.found_clinic, name, time_zone=time_zone, currency="EUR", phone_region="DE"
        )
        actor = system(clinic)
        department = perform(actor, directory.add_department, "General medicine", "A")
        room = perform(actor, directory.add_room, "101", floor="1")
        doctor = perform(
            actor,
            directory.add_doctor,
            department.id,
            title="Dr.",
            first_name="Marek",
            last_name="Novak",
            room_id=room.id,
        )
        service = perform(actor, directory.add_service, "Consultation", 12_000, duration_min=15)
        cash = perform(actor, directory.add_cashbox, "Cash desk", "CASH")
        card = perform(actor, directory.add_cashbox, "Terminal", "CARD")
        return cls(app, clinic, actor, department, room, doctor, service, cash, card)

    # ---------------------------------------------------------------------------------------------- acting

    def run(self, verb: Any, *values: Any, actor: Actor | None = None, **more: Any) -> Any:
        return perform(actor or self.actor, verb, *values, **more)

    def at(self, hour: int, minute: int = 0, days: int = 0) -> datetime:
        """A wall time of the clinic, today or `days` later, as an instant."""
        day = clock.today(self.clinic) + timedelta(days=days)
        found = clock.instant(day, datetime.min.time().replace(hour=hour, minute=minute), self.clinic)
        assert found is not None
        return found

    def later(self, **delta: float) -> None:
        """Move the clock on."""
        clock.start_at(clock.now() + timedelta(**delta))

    def person(self, *roles: Role) -> Actor:
        """The actor of a user with exactly `roles`, made at first need; a second clinic has its own people."""
        name = "-".join(sorted(roles)).lower()
        if (known := users.by_name(name)) and self.clinic.id not in {c.id for c in users.clinics_of(known.id)}:
            name = f"{name}-{self.clinic.id}"
        user = users.by_name(name) or self.run(users.create_user, name, HASH, name.title(), list(roles))
        found = system(self.clinic)
        return Actor(
            kind="user", id=user.id, clinic=found.clinic, roles=frozenset(roles), user_id=user.id, name=user.full_name
        )

    # ---------------------------------------------------------------------------------------------- records

    def patient(self, last_name: str = "", **values: Any) -> Patient:
        name = last_name or f"Patient{next(_numbers):05d}"
        return self.run(patients.register, last_name=name, **values)

    def another_doctor(self, last_name: str = "Horvath", **values: Any) -> Doctor:
        return self.run(
            directory.add_doctor, values.pop("department_id", self.department.id), last_name=last_name, **values
        )

    def shift(
        self, doctor: Doctor | None = None, first: int = 8, last: int = 18, days: int = 0, **more: Any
    ) -> Schedule:
        return self.run(
            schedules.open_schedule,
            (doctor or self.doctor).id,
            self.at(first, days=days),
            self.at(last, days=days),
            **more,
        )

    def booked(self, patient: Patient | None = None, starts_at: datetime | None = None, **more: Any) -> Appointment:
        """An appointment; today at 11:00 unless said otherwise. Opens a shift at first need."""
        doctor = more.pop("doctor", None) or self.doctor
        starts_at = starts_at or self.at(11)
        if not db.session.query(Schedule).filter(Schedule.doctor_id == doctor.id, Schedule.starts_at <= starts_at,
                                                 Schedule.ends_at > starts_at).count():  # fmt: skip
            days = (clock.service_day(starts_at, self.clinic) - clock.today(self.clinic)).days
            self.shift(doctor, 6, 22, days=days, capacity=50)
        who = patient or self.patient()
        return self.run(booking.book, who.id, doctor.id, self.service.id, starts_at, **more)

    def visit(self, status: VisitStatus = VisitStatus.WAITING, **more: Any) -> Visit:
        """A walk-in brought to `status` by real moves."""
        doctor = more.pop("doctor", None) or self.doctor
        who = more.pop("patient", None) or self.patient()
        more.setdefault("doctor_id", None if "department_id" in more else doctor.id)
        visit = self.run(walkin.walk_in, who.id, self.service.id, **more)
        for name in {
            VisitStatus.CALLED: ["call"],
            VisitStatus.IN_PROGRESS: ["call", "start"],
            VisitStatus.PENDING_PAYMENT: ["call", "start", "finish"],
            VisitStatus.COMPLETED: ["call", "start", "finish", "pay"],
            VisitStatus.CANCELLED: ["cancel"],
            VisitStatus.NO_SHOW: ["no-show"],
        }.get(status, []):
            self.pay(visit) if name == "pay" else self.move(visit, name)
        return db.session.get_one(Visit, visit.id)

    def move(self, visit: Visit, name: str, **more: Any) -> Visit:
        return self.run(moves.move, visit.id, name, **more)

    def check_in(self, appointment: Appointment, **more: Any) -> Visit:
        return self.run(moves.check_in, appointment.id, **more)

    def call_next(self, doctor: Doctor | None = None, **more: Any) -> Visit | None:
        return self.run(queue.call_next, (doctor or self.doctor).id, **more)

    def undo(self, visit: Visit, **more: Any) -> Visit:
        return self.run(undo.undo, visit.id, **more)

    def pay(self, visit: Visit, *amounts: int, **more: Any) -> Any:
        bill = visit.payment
        parts = [finance.Part("CASH", self.cash.id, amount) for amount in amounts or (bill.due_amount,)]
        return self.run(finance.pay, bill.id, parts, **more)

    def display(self, name: str = "Hall") -> Device:
        return self.run(directory.add_device, name)

    # ---------------------------------------------------------------------------------------------- clients

    def client(self, *roles: Role) -> FlaskClient:
        """A browser, signed in as a user with `roles`; nobody without."""
        self.app.test_client_class = Browser
        client = self.app.test_client()
        if roles:
            actor = self.person(*roles)
            self.app.config["WTF_CSRF_ENABLED"] = False
            answer = client.post("/sign-in", data={"username": actor.name.lower(), "password": PASSWORD})
            assert answer.status_code == 302, answer.get_data(as_text=True)
        return client

    def token(self, *roles: Role) -> dict[str, str]:
        """Headers of an API client with `roles`."""
        return self.token_of(self.person(*roles).user_id or 0)

    def token_of(self, user_id: int) -> dict[str, str]:
        """Headers of an API client of this very user."""
        secret = access.new_token()

        def add(*, actor: Actor, at: datetime) -> None:
            db.session.add(
                ApiToken(token_hash=access.hashed(secret), user_id=user_id, clinic_id=self.clinic.id, created_at=at)
            )

        perform(self.actor, add)
        return {"Authorization": f"Bearer {secret}"}

    def doctor_who_signs_in(self, name: str, **values: Any) -> tuple[Doctor, dict[str, str]]:
        """Another doctor with a user of the role DOCTOR, and the headers of an API client of that user."""
        user = self.run(users.create_user, name, HASH, name.title(), [Role.DOCTOR])
        doctor = self.another_doctor(name.title(), user_id=user.id, **values)
        return doctor, self.token_of(user.id)

    @staticmethod
    def key() -> dict[str, str]:
        return {"Idempotency-Key": f"test-{next(_numbers)}"}
