"""One person's way through the demo clinic, told as acts with their instants and done later in the order of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from reception.demo.clinics import Desk
from reception.domain import finance, patients
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.calendar import booking
from reception.domain.locks import locked
from reception.domain.visits import moves, walkin
from reception.extensions import db
from reception.models import CashboxKind, Payment, Visit
from reception.transaction import perform


@dataclass
class Script:
    """What is to happen, and when."""

    acts: list[tuple[datetime, int, Callable[[datetime], None]]] = field(default_factory=list)

    def add(self, at: datetime, act: Callable[[datetime], None]) -> None:
        self.acts.append((at, len(self.acts), act))

    def run(self) -> None:
        """Do everything in the order of time, each act in its own transaction as at the desk."""
        for at, _, act in sorted(self.acts, key=lambda entry: entry[:2]):
            act(at)


@dataclass
class Known:
    """Somebody of the registry; `id` is there once the card was made."""

    values: dict[str, Any]
    mother: Known | None = None
    referrer: Known | None = None
    id: int = 0


@dataclass
class Way:
    """A visit in the making. `doctor`: number in the desk's list, None for the department's pool."""

    script: Script
    desk: Desk
    who: Known
    service_id: int
    code: str
    doctor: int | None = None
    visit_id: int = 0
    appointment_id: int = 0

    @property
    def doctor_id(self) -> int | None:
        return None if self.doctor is None else self.desk.doctors[self.doctor]

    def actor(self, role: str) -> Actor:
        """The sign-in `role`; `doctor` is this way's own one."""
        if role == "doctor":
            role = f"doctor{(self.doctor or 0) + 1}"
        people = self.desk.people
        return people.get(role) or people.get("reception2") or self.desk.system

    def register(self, at: datetime) -> None:
        """A card, where the person has none yet."""

        def act(when: datetime) -> None:
            self._registered(self.who, when)

        self.script.add(at, act)

    def _registered(self, who: Known, at: datetime) -> int:
        """The card's number; made now where there is none, the mother's before the child's."""
        if not who.id:
            links: dict[str, Any] = {"guardian_id": self._registered(who.mother, at)} if who.mother else {}
            if who.referrer and who.referrer.id:
                links["referred_by_id"] = who.referrer.id
            who.id = perform(self.actor("reception"), patients.register, at=at, **who.values, **links).id
        return who.id

    def book(self, at: datetime, starts_at: datetime, **more: Any) -> None:
        def act(when: datetime) -> None:
            row = perform(
                self.actor("reception"), booking.book, self.who.id, self.doctor_id, self.service_id, starts_at,
                at=when, **more,
            )  # fmt: skip
            self.appointment_id = row.id
            self.visit_id = db.session.scalars(select(Visit.id).where(Visit.appointment_id == row.id)).one()

        self.script.add(at, act)

    def check_in(self, at: datetime) -> None:
        self.script.add(at, lambda when: perform(self.actor("reception"), moves.check_in, self.appointment_id, at=when))

    def walk_in(self, at: datetime, **more: Any) -> None:
        def act(when: datetime) -> None:
            target = {"doctor_id": self.doctor_id} if self.doctor is not None else {
                "department_id": self.desk.departments[self.code]
            }  # fmt: skip
            row = perform(
                self.actor("reception"), walkin.walk_in, self.who.id, self.service_id, at=when, **target, **more
            )
            self.visit_id = row.id

        self.script.add(at, act)

    def move(self, at: datetime, name: str, role: str = "doctor", **more: Any) -> None:
        self.script.add(at, lambda when: perform(self.actor(role), moves.move, self.visit_id, name, at=when, **more))

    def measure(self, at: datetime, temperature: str, pressure: str, complaints: str) -> None:
        """What the nurse writes down beside the queue."""
        self.script.add(
            at,
            lambda when: perform(
                self.actor("nurse"), _measure, self.visit_id, temperature, pressure, complaints, at=when
            ),
        )

    def pay(self, at: datetime, kinds: tuple[CashboxKind, ...], *, half: bool = False, box: int = 0) -> None:
        """Pay the bill in one part for each of `kinds`; `half`: only half of it. Cash is handed over in round sums."""

        def act(when: datetime) -> None:
            bill = db.session.scalars(select(Payment).where(Payment.visit_id == self.visit_id)).one()
            due = bill.due_amount // 2 if half else bill.due_amount
            amounts = [due // len(kinds)] * (len(kinds) - 1)
            amounts.append(due - sum(amounts))
            parts = [
                finance.Part(finance.METHOD_OF[kind], boxes[box % len(boxes)], amount)
                for kind, amount in zip(kinds, amounts, strict=True)
                for boxes in [self.desk.cashboxes[kind]]
            ]
            cash = sum(part.amount for part, kind in zip(parts, kinds, strict=True) if kind == CashboxKind.CASH)
            received = -(-cash // 1000) * 1000
            perform(self.actor("cashier"), finance.pay, bill.id, parts, received=received, at=when)

        self.script.add(at, act)


def _measure(visit_id: int, temperature: str, pressure: str, complaints: str, *, actor: Actor, at: datetime) -> None:
    visit = locked(Visit, visit_id, actor.clinic_id)
    visit.temperature, visit.blood_pressure, visit.complaints = temperature, pressure, complaints
    visit.identity_verified = visit.rules_explained = True
    record(actor, "visit.checklist", visit, at=at)
