"""Reading the ledger: what went through the cashboxes, what is in them, who still owes, what a receipt says.

A row is one part of an operation: one ledger entry that moved money into or out of a cashbox.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, case, func, literal_column, or_, select
from sqlalchemy.orm import joinedload

from reception.domain.actors import Actor
from reception.domain.merging_ids import follow, same_person
from reception.extensions import db
from reception.models import (
    Account,
    BillLine,
    Cashbox,
    CashboxSum,
    Doctor,
    LedgerEntry,
    LedgerKind,
    Membership,
    Method,
    MoneyCategory,
    Operation,
    Patient,
    Payment,
    PaymentStatus,
    Role,
    Service,
    User,
    Visit,
    VisitStatus,
)

PAGE = 100
IS_IN = LedgerEntry.debit_id == Cashbox.account_id
IN = case((IS_IN, LedgerEntry.amount), else_=0)
OUT = case((IS_IN, 0), else_=LedgerEntry.amount)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which operations: of the clinic's dates `first` to `last`, both included; None: all.

    `service_id`, `doctor_id`: of bills that have a line of them. `patient_id`: any card of the person."""

    first: date
    last: date
    kind: LedgerKind | None = None
    cashbox_id: int | None = None
    cashier_id: int | None = None
    service_id: int | None = None
    doctor_id: int | None = None
    patient_id: int | None = None

    @property
    def is_summed(self) -> bool:
        """Whether the daily sums tell the totals."""
        return self.service_id is None and self.doctor_id is None and self.patient_id is None


@dataclass(frozen=True, slots=True)
class Row:
    """One part of an operation as lists show it. Of `money_in` and `money_out` one is zero."""

    id: int
    operation_id: int | None
    at: datetime
    receipt_no: str
    kind: LedgerKind
    method: Method | None
    cashbox: str
    cashier: str
    ticket: str
    patient: Patient | None
    category: str
    note: str
    payment_id: int | None
    money_in: int
    money_out: int

    @property
    def card_no(self) -> str:
        return self.patient.card_no if self.patient else ""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first; `before`: where the next page begins, None at the end."""

    rows: list[Row]
    before: int | None

    @property
    def money_in(self) -> int:
        return sum(row.money_in for row in self.rows)

    @property
    def money_out(self) -> int:
        return sum(row.money_out for row in self.rows)


@dataclass(frozen=True, slots=True)
class Sums:
    """Totals of everything that is asked for, whatever page is shown. `entries`: how many rows it is."""

    money_in: int
    money_out: int
    entries: int
    by_method: list[tuple[Method | None, int, int]]


@dataclass(frozen=True, slots=True)
class Owing:
    """Bills of visits that were let go with something left to pay, oldest first; `count` and `due_amount` of all."""

    bills: list[Payment]
    count: int
    due_amount: int


def page(viewer: Actor, asked: Asked, *, before: int | None = None) -> Page:
    """The newest PAGE rows, or those before the entry `before`."""
    query = _rows(viewer, asked)
    if before is not None:
        day = db.session.scalar(
            select(LedgerEntry.day).where(LedgerEntry.clinic_id == viewer.clinic_id, LedgerEntry.id == before)
        )
        if day is not None:
            query = query.where(LedgerEntry.day <= day, or_(LedgerEntry.day < day, LedgerEntry.id < before))
    found = list(_read(query.limit(PAGE + 1)))
    return Page(found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None)


def every(viewer: Actor, asked: Asked) -> Iterator[Row]:
    """All rows that are asked for, newest first."""
    return _read(_rows(viewer, asked).execution_options(yield_per=1000))


def sums(viewer: Actor, asked: Asked) -> Sums:
    """What came in and went out, in all and by method: of whole days from the daily sums, which say the same."""
    if asked.is_summed:
        method: Any = CashboxSum.method
        columns = (func.sum(CashboxSum.money_in), func.sum(CashboxSum.money_out), func.sum(CashboxSum.entries))
        query = _where(select(method, *columns), CashboxSum, viewer, asked)
    else:
        method = LedgerEntry.method
        query = _matching(select(method, func.sum(IN), func.sum(OUT), func.count()), viewer, asked)
    found = [
        (Method(name) if name else None, int(money_in), int(money_out), int(count))
        for name, money_in, money_out, count in db.session.execute(query.group_by(method))
    ]
    found.sort(key=lambda row: (-row[1], -row[2], row[0] or ""))
    totals = [sum(column) for column in zip(*(row[1:] for row in found), strict=True)] or [0, 0, 0]
    return Sums(totals[0], totals[1], totals[2], [row[:3] for row in found])


def _where(query: Select[Any], source: Any, viewer: Actor, asked: Asked) -> Select[Any]:
    """What entries and daily sums are both asked."""
    # `+ 0`: somebody's few entries are looked up by the card, not among all of the time.
    clinic = source.clinic_id if asked.patient_id is None else source.clinic_id + 0
    query = query.where(clinic == viewer.clinic_id, source.day.between(asked.first, asked.last))
    if asked.kind:
        query = query.where(source.kind == asked.kind)
    if asked.cashbox_id:
        query = query.where(source.cashbox_id == asked.cashbox_id)
    if asked.cashier_id:
        query = query.where(source.cashier_id == asked.cashier_id)
    return query


def _matching(query: Select[Any], viewer: Actor, asked: Asked) -> Select[Any]:
    query = query.select_from(LedgerEntry).join(Cashbox, Cashbox.id == LedgerEntry.cashbox_id)
    query = _where(query, LedgerEntry, viewer, asked).where(LedgerEntry.cashbox_id.is_not(None))
    if asked.patient_id:
        query = query.where(LedgerEntry.patient_id.in_(same_person(viewer.clinic_id, asked.patient_id)))
    for column, wanted in ((BillLine.service_id, asked.service_id), (BillLine.doctor_id, asked.doctor_id)):
        if wanted:
            line = select(BillLine.id).where(BillLine.payment_id == LedgerEntry.payment_id, column == wanted)
            query = query.where(line.exists())
    return query


def _rows(viewer: Actor, asked: Asked) -> Select[Any]:
    columns = (
        LedgerEntry.id, LedgerEntry.operation_id, LedgerEntry.at, Operation.receipt_no, LedgerEntry.kind,
        LedgerEntry.method, Cashbox.name, User.full_name, Visit.ticket, Patient, MoneyCategory.name, Operation.note,
        LedgerEntry.payment_id, IN, OUT,
    )  # fmt: skip
    query = (
        _matching(select(*columns), viewer, asked)
        .outerjoin(Operation, Operation.id == LedgerEntry.operation_id)
        .outerjoin(MoneyCategory, MoneyCategory.id == Operation.category_id)
        .outerjoin(User, User.id == LedgerEntry.cashier_id)
        .outerjoin(Payment, Payment.id == LedgerEntry.payment_id)
        .outerjoin(Visit, Visit.id == Payment.visit_id)
    )
    return follow(query, LedgerEntry.patient_id).order_by(LedgerEntry.day.desc(), LedgerEntry.id.desc())


def _read(query: Select[Any]) -> Iterator[Row]:
    for (
        ident, operation, at, receipt_no, kind, method, box, cashier, ticket, patient, category, note, bill, money_in,
        money_out,
    ) in db.session.execute(query):  # fmt: skip
        yield Row(
            ident, operation, at, receipt_no or "", kind, method, box, cashier or "", ticket or "", patient,
            category or "", note or "", bill, int(money_in), int(money_out),
        )  # fmt: skip


# ------------------------------------------------------------------------------------------------------- cashboxes


def cashboxes(viewer: Actor) -> list[Cashbox]:
    """The clinic's cashboxes by name, the closed ones, too."""
    return list(db.session.scalars(select(Cashbox).where(Cashbox.clinic_id == viewer.clinic_id).order_by(Cashbox.name)))


def cashiers(viewer: Actor) -> list[User]:
    """Users whose role takes money in this clinic, by name."""
    taking = select(Membership.user_id).where(
        Membership.clinic_id == viewer.clinic_id, Membership.role.in_([Role.RECEPTIONIST, Role.CASHIER, Role.ADMIN])
    )
    return list(db.session.scalars(select(User).where(User.id.in_(taking)).order_by(User.full_name, User.id)))


def balances(viewer: Actor) -> list[tuple[Cashbox, int]]:
    """Each cashbox with what is in it now."""
    query = select(Cashbox, Account.balance).join(Account, Account.id == Cashbox.account_id)
    rows = db.session.execute(query.where(Cashbox.clinic_id == viewer.clinic_id).order_by(Cashbox.name))
    return [(box, balance) for box, balance in rows]


def offered(viewer: Actor) -> tuple[list[Service], list[Doctor]]:
    """Services and doctors that operations may be asked for, by name; those out of use, too."""
    services = select(Service).where(Service.clinic_id == viewer.clinic_id).order_by(Service.name, Service.id)
    doctors = select(Doctor).where(Doctor.clinic_id == viewer.clinic_id).order_by(Doctor.last_name, Doctor.id)
    return list(db.session.scalars(services)), list(db.session.scalars(doctors))


# ----------------------------------------------------------------------------------------------------------- bills


def of_bill(bill: Payment) -> list[tuple[Operation, list[Method]]]:
    """The operations of a bill, oldest first, each with its methods."""
    rows = db.session.execute(
        select(Operation, LedgerEntry.method)
        .join(LedgerEntry, LedgerEntry.operation_id == Operation.id)
        .where(LedgerEntry.payment_id == bill.id, LedgerEntry.clinic_id == bill.clinic_id)
        .order_by(Operation.id, LedgerEntry.id)
    )
    found: dict[int, tuple[Operation, list[Method]]] = {}
    for operation, method in rows:
        methods = found.setdefault(operation.id, (operation, []))[1]
        if method and method not in methods:
            methods.append(method)
    return list(found.values())


def receipt(operation: Operation) -> dict[str, Any]:
    """What a receipt says beside its bill: the parts, what was paid before it, what it left to pay."""
    parts = db.session.scalars(
        select(LedgerEntry)
        .where(
            LedgerEntry.payment_id == operation.payment_id,
            LedgerEntry.operation_id == operation.id,
            LedgerEntry.clinic_id == operation.clinic_id,
            LedgerEntry.method.is_not(None),
        )
        .options(joinedload(LedgerEntry.cashbox))
        .order_by(LedgerEntry.id)
    ).all()
    before = db.session.scalar(
        select(func.coalesce(func.sum(Operation.amount), 0)).where(
            Operation.payment_id == operation.payment_id, Operation.kind == LedgerKind.PAYMENT,
            Operation.id < operation.id,
        )
    )  # fmt: skip
    return {"parts": parts, "paid_before": int(before or 0)}


def owing(viewer: Actor, most: int = 20) -> Owing:
    """Bills of closed visits that are not paid in full."""
    rule = (
        Payment.clinic_id == viewer.clinic_id,
        # In words of SQL: SQLite looks into the index of open bills only where the statement itself says which they are.
        Payment.status.in_(
            [literal_column(f"'{status}'") for status in (PaymentStatus.PENDING, PaymentStatus.PARTIALLY_PAID)]
        ),
        Payment.amount_paid < Payment.self_pay_amount,
        Visit.status == VisitStatus.COMPLETED,
    )
    count, due = db.session.execute(
        select(func.count(), func.coalesce(func.sum(Payment.self_pay_amount - Payment.amount_paid), 0))
        .join(Visit, Visit.id == Payment.visit_id)
        .where(*rule)
    ).one()
    bills = db.session.scalars(
        select(Payment)
        .join(Visit, Visit.id == Payment.visit_id)
        .where(*rule)
        .options(joinedload(Payment.patient), joinedload(Payment.visit))
        .order_by(Visit.closed_at, Payment.id)
        .limit(most)
    ).all()
    return Owing(list(bills), int(count), int(due))
