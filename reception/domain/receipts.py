"""What a receipt says: of a payment of one bill or several, of a refund, a deposit, a bonus."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from reception.domain.finance.dues import standing
from reception.extensions import db
from reception.models import (
    Account,
    AccountKind,
    BillLine,
    LedgerEntry,
    LedgerKind,
    Method,
    Operation,
    Patient,
    Payment,
    RefundLine,
    User,
    Visit,
)

KINDS = (LedgerKind.PAYMENT, LedgerKind.REFUND, LedgerKind.DEPOSIT, LedgerKind.BONUS)


@dataclass(frozen=True, slots=True)
class Piece:
    """What of the operation came or went by one way."""

    method: Method | None
    cashbox: str
    amount: int


@dataclass(frozen=True, slots=True)
class OfBill:
    """What of the operation is for one bill; `before`: what was paid of it earlier."""

    bill: Payment
    amount: int
    before: int

    @property
    def left(self) -> int:
        return self.bill.self_pay_amount - self.before - self.amount


@dataclass(slots=True)
class Receipt:
    """`is_out`: the clinic gives. `lines`: what of which line a refund gives back."""

    patient: Patient | None
    bills: list[OfBill]
    pieces: list[Piece]
    is_out: bool = False
    lines: list[tuple[BillLine, int]] = field(default_factory=list)
    approved_by: str = ""

    @property
    def patient_ids(self) -> list[int]:
        """Whose cards it names."""
        found = [self.patient.id] if self.patient else []
        return list(dict.fromkeys([*found, *(one.bill.patient_id for one in self.bills)]))


def of(operation: Operation) -> Receipt:
    """What the receipt of `operation` says."""
    entries = db.session.scalars(
        select(LedgerEntry)
        .where(LedgerEntry.operation_id == operation.id, LedgerEntry.clinic_id == operation.clinic_id)
        .options(joinedload(LedgerEntry.cashbox))
        .order_by(LedgerEntry.id)
    ).all()
    money = [entry for entry in entries if entry.method is not None]
    pieces: dict[tuple[Method | None, str], int] = {}
    for entry in money:
        way = (entry.method, entry.cashbox.name if entry.cashbox else "")
        pieces[way] = pieces.get(way, 0) + entry.amount
    found = Receipt(
        standing(operation.patient_id),
        [
            _of_bill(ident, operation, money)
            for ident in dict.fromkeys(e.payment_id for e in money)
            if ident is not None
        ],
        [Piece(method, box, amount) for (method, box), amount in pieces.items()],
        is_out=operation.kind == LedgerKind.REFUND or _goes_out(operation),
    )
    if operation.kind == LedgerKind.REFUND:
        found.lines = [
            (line, amount)
            for line, amount in db.session.execute(
                select(BillLine, RefundLine.self_pay_amount)
                .join(BillLine, BillLine.id == RefundLine.line_id)
                .where(RefundLine.operation_id == operation.id, RefundLine.self_pay_amount > 0)
                .order_by(BillLine.id)
            )
        ]
    if operation.approved_by_id is not None:
        found.approved_by = db.session.get_one(User, operation.approved_by_id).full_name
    return found


def _goes_out(operation: Operation) -> bool:
    """Of a deposit: given back; of a bonus: withdrawn."""
    if operation.kind not in (LedgerKind.DEPOSIT, LedgerKind.BONUS):
        return False
    owed = (AccountKind.DEPOSIT_HELD, AccountKind.BONUS_OWED)
    first = db.session.scalar(
        select(Account.kind)
        .join(LedgerEntry, LedgerEntry.debit_id == Account.id)
        .where(LedgerEntry.operation_id == operation.id)
        .order_by(LedgerEntry.id)
        .limit(1)
    )
    return first in owed


def _of_bill(payment_id: int, operation: Operation, money: list[LedgerEntry]) -> OfBill:
    bill = db.session.scalars(
        select(Payment)
        .where(Payment.id == payment_id)
        .options(joinedload(Payment.patient), joinedload(Payment.visit).joinedload(Visit.service))
    ).one()
    db.session.scalars(
        select(BillLine)
        .where(BillLine.payment_id == payment_id)
        .options(joinedload(BillLine.service), joinedload(BillLine.doctor))
    ).all()
    before = db.session.scalar(
        select(func.coalesce(func.sum(LedgerEntry.amount), 0)).where(
            LedgerEntry.payment_id == payment_id,
            LedgerEntry.kind == LedgerKind.PAYMENT,
            LedgerEntry.method != Method.INSURANCE,
            LedgerEntry.reverses_id.is_(None),
            LedgerEntry.operation_id < operation.id,
        )
    )
    return OfBill(bill, sum(e.amount for e in money if e.payment_id == payment_id), int(before or 0))
