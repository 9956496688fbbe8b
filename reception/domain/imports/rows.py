"""The rows of imported appointments: appointment, place, visit, its events, bill, and of an open one the charge."""

from __future__ import annotations

import secrets
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import bindparam, select, update

from reception.clock import instant, service_day
from reception.domain import finance, numbers
from reception.domain.actors import Actor
from reception.domain.imports import bulk
from reception.extensions import Base, db
from reception.models import (
    Account,
    AccountKind,
    Appointment,
    AppointmentPlace,
    AppointmentSource,
    AppointmentStatus,
    BillLine,
    Department,
    LedgerEntry,
    LedgerKind,
    MedicalRecord,
    Payment,
    PaymentStatus,
    RecordState,
    Service,
    Visit,
    VisitEvent,
    VisitStatus,
    VisitType,
)

KINDS = (Appointment, AppointmentPlace, Visit, VisitEvent, MedicalRecord, Payment, BillLine, LedgerEntry)
"""What an appointment is made of, parents first."""


@dataclass(frozen=True, slots=True)
class Planned:
    """An appointment with everything decided. `booked_at`: the clinic's wall clock; `came`: None while it is open."""

    source_key: str
    booked_at: datetime
    starts_at: datetime
    ends_at: datetime
    doctor_id: int
    patient_id: int
    schedule_id: int
    slot_id: int
    came: bool | None


@dataclass
class Books:
    """What all days share: who imports, for which service, and the accounts that wait for their balance."""

    actor: Actor
    at: datetime
    department: Department
    service: Service
    accounts: dict[int, int] = field(default_factory=dict)
    charged: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    @cached_property
    def income(self) -> int:
        return finance.account(AccountKind.INCOME, self.actor.clinic_id)

    def write(self, day: date, planned: list[Planned]) -> None:
        """Insert all rows of one day; `planned` in the order in which queue numbers are given."""
        _Day(self, day, planned).insert()

    def settle(self) -> None:
        """Move the cached balances with what was charged: the last thing, accounts in ascending order."""
        if not self.charged:
            return
        self.charged[self.income] = sum(self.charged.values())
        table = Base.metadata.tables["account"]
        move = (
            update(table)
            .where(table.c.id == bindparam("account"))
            .values(balance=table.c.balance + bindparam("change"))
        )
        for some in bulk.in_batches(sorted(self.charged.items())):
            values = [{"account": ident, "change": change} for ident, change in some]
            db.session.connection().execute(move, values)
        self.charged.clear()

    def open_accounts(self, patients: set[int]) -> None:
        """See to it that each of the patients has an account of debt."""
        missing = sorted(patients - self.accounts.keys())
        for some in bulk.in_batches(missing):
            found = select(Account.patient_id, Account.id).where(
                Account.kind == AccountKind.PATIENT_DEBT, Account.patient_id.in_(some)
            )
            self.accounts.update({who: ident for who, ident in db.session.execute(found) if who is not None})
        missing = [who for who in missing if who not in self.accounts]
        new = dict(zip(missing, bulk.new_ids(Account, len(missing)), strict=True))
        head = {"clinic_id": self.actor.clinic_id, "kind": AccountKind.PATIENT_DEBT}
        bulk.insert(Account, [{"id": ident, "patient_id": who, **head} for who, ident in new.items()])
        self.accounts.update(new)


class _Day:
    """The rows of one day."""

    def __init__(self, books: Books, day: date, planned: list[Planned]) -> None:
        self.books, self.day, self.planned = books, day, planned
        self.here = {"clinic_id": books.actor.clinic_id}
        self.edited = bulk.signed(books.actor, books.at) | self.here
        came = sum(bool(p.came) for p in planned)
        self.tickets = iter(numbers.queue_numbers(books.actor.clinic, day, came) if came else ())
        is_open = [p for p in planned if p.came is None]
        self.price = finance.price_on(books.service, day) if is_open else 0
        self.shares = finance.split_shares(self.price, books.actor.clinic.doctor_share_percent)
        books.open_accounts({p.patient_id for p in is_open} if self.price else set())
        self.rows: dict[type[Any], list[dict[str, Any]]] = defaultdict(list)

    def insert(self) -> None:
        count = len(self.planned)
        kinds = (Appointment, Visit, Payment, VisitEvent)
        ids = zip(*(bulk.new_ids(kind, count) for kind in kinds), strict=True)
        for planned, booking_id, (appointment, visit, bill, event) in zip(
            self.planned, self._booking_ids(), ids, strict=True
        ):
            self._appointment(planned, appointment, booking_id)
            number = next(self.tickets) if planned.came else None
            self._visit(planned, visit, appointment, number)
            self._events(planned, visit, event)
            self._bill(planned, bill, visit, appointment, event)
        for kind in KINDS:
            bulk.insert(kind, self.rows[kind])
        self._closings()

    def _booking_ids(self) -> list[str]:
        """A readable name for each booking, numbered on the day on which it was made."""
        by_day: dict[date, list[int]] = defaultdict(list)
        for index, planned in enumerate(self.planned):
            by_day[planned.booked_at.date()].append(index)
        names = [""] * len(self.planned)
        for booked_on, indexes in sorted(by_day.items()):
            given = numbers.booking_ids(self.books.actor.clinic, booked_on, len(indexes))
            for index, name in zip(indexes, given, strict=True):
                names[index] = name
        return names

    def _appointment(self, planned: Planned, ident: int, booking_id: str) -> None:
        status = {None: AppointmentStatus.CONFIRMED, True: AppointmentStatus.COMPLETED}.get(
            planned.came, AppointmentStatus.NO_SHOW
        )
        self.rows[Appointment].append(
            {
                **self.edited, "id": ident, "booking_id": booking_id, "doctor_id": planned.doctor_id,
                "patient_id": planned.patient_id, "service_id": self.books.service.id,
                "schedule_id": planned.schedule_id, "starts_at": planned.starts_at, "ends_at": planned.ends_at,
                "day": self.day, "status": status, "source": AppointmentSource.SYSTEM,
                "source_key": planned.source_key,
            }
        )  # fmt: skip
        if planned.came is not False:
            self.rows[AppointmentPlace].append(
                {**self.here, "slot_id": planned.slot_id, "place": 1, "appointment_id": ident}
            )

    def _visit(self, planned: Planned, ident: int, appointment: int, number: int | None) -> None:
        clinic, department = self.books.actor.clinic, self.books.department
        status = {None: VisitStatus.SCHEDULED, True: VisitStatus.COMPLETED}.get(planned.came, VisitStatus.NO_SHOW)
        self.rows[Visit].append(
            {
                **self.edited, "id": ident, "appointment_id": appointment, "patient_id": planned.patient_id,
                "department_id": department.id, "doctor_id": planned.doctor_id, "service_id": self.books.service.id,
                "visit_type": VisitType.SCHEDULED, "status": status, "service_day": self.day,
                "queue_number": number, "ticket": number and numbers.ticket(clinic, department.code, number),
                "public_token": secrets.token_urlsafe(32), "due_at": planned.starts_at,
                "check_in_time": planned.starts_at if planned.came else None,
                "closed_at": None if planned.came is None else planned.ends_at,
            }
        )  # fmt: skip
        if planned.came:
            self.rows[MedicalRecord].append(
                {
                    **self.edited, "visit_id": ident, "patient_id": planned.patient_id,
                    "doctor_id": planned.doctor_id, "state": RecordState.CLOSED,
                }
            )  # fmt: skip

    def _events(self, planned: Planned, visit: int, ident: int) -> None:
        actor = self.books.actor
        clinic = actor.clinic
        booked = instant(planned.booked_at.date(), planned.booked_at.time(), clinic)
        event = {
            **self.here, "id": ident, "visit_id": visit, "at": booked or planned.starts_at, "move": "book",
            "from_status": None, "to_status": VisitStatus.SCHEDULED, "actor_kind": actor.kind,
            "actor_id": actor.user_id, "roles": "",
        }  # fmt: skip
        self.rows[VisitEvent].append(event)

    def _closings(self) -> None:
        """How history ended; after the bookings, so that the events of a visit stand in order."""
        closed = [
            {
                **event, "move": "import", "from_status": VisitStatus.SCHEDULED, "at": planned.ends_at,
                "to_status": VisitStatus.COMPLETED if planned.came else VisitStatus.NO_SHOW,
            }
            for planned, event in zip(self.planned, self.rows[VisitEvent], strict=True)
            if planned.came is not None
        ]  # fmt: skip
        for event, ident in zip(closed, bulk.new_ids(VisitEvent, len(closed)), strict=True):
            event["id"] = ident
        bulk.insert(VisitEvent, closed)

    def _bill(self, planned: Planned, ident: int, visit: int, appointment: int, event: int) -> None:
        price = self.price if planned.came is None else 0
        doctor, center = self.shares if price else (0, 0)
        status = {None: PaymentStatus.PENDING, True: PaymentStatus.PAID}.get(planned.came, PaymentStatus.CANCELLED)
        self.rows[Payment].append(
            {
                **self.edited, "id": ident, "visit_id": visit, "patient_id": planned.patient_id, "status": status,
                "total_amount": price, "self_pay_amount": price, "doctor_share": doctor, "center_share": center,
                "paid_at": planned.ends_at if planned.came else None,
            }
        )  # fmt: skip
        self.rows[BillLine].append(
            {
                **self.edited, "payment_id": ident, "service_id": self.books.service.id,
                "doctor_id": planned.doctor_id, "unit_price": price, "amount": price,
                "doctor_percent": self.books.actor.clinic.doctor_share_percent, "doctor_share": doctor,
            }
        )  # fmt: skip
        if price:
            self._charge(planned, ident, appointment, event, price)

    def _charge(self, planned: Planned, bill: int, appointment: int, event: int, price: int) -> None:
        books = self.books
        debt = books.accounts[planned.patient_id]
        self.rows[LedgerEntry].append(
            {
                **self.here, "at": books.at, "day": service_day(books.at, books.actor.clinic),
                "kind": LedgerKind.CHARGE, "debit_id": debt,
                "credit_id": books.income, "amount": price,
                "payment_id": bill, "service_id": books.service.id, "patient_id": planned.patient_id,
                "appointment_id": appointment, "cashier_id": books.actor.user_id, "event_kind": "visit-event",
                "event_id": event, "purpose": "charge",
            }
        )  # fmt: skip
        books.charged[debt] += price
