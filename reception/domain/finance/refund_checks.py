"""Did what went back go back as it says? What `verify` recomputes of refunds, their second person, and bonus histories."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, case, func, select

from reception.extensions import db
from reception.models import (
    Account,
    AccountKind,
    BillLine,
    BillPayer,
    BonusEntry,
    LedgerEntry,
    LedgerKind,
    Operation,
    Payment,
    RefundLine,
    RefundRequest,
    RefundRequestStatus,
)


def findings() -> Iterator[str]:
    """One line for each refund or bonus that does not add up."""
    yield from _bills()
    yield from _lines()
    yield from _insurers()
    yield from _requests()
    yield from _bonuses()


def _sums(query: Select[Any]) -> dict[Any, int]:
    return {tuple(keys) if len(keys) > 1 else keys[0]: int(total) for *keys, total in db.session.execute(query)}


def _bills() -> Iterator[str]:
    """Money that left for a bill, and the lines that it was for."""
    money = _sums(
        select(LedgerEntry.payment_id, func.sum(LedgerEntry.amount))
        .where(LedgerEntry.kind == LedgerKind.REFUND, LedgerEntry.method.is_not(None))
        .group_by(LedgerEntry.payment_id)
    )
    lines = _sums(
        select(BillLine.payment_id, func.sum(RefundLine.self_pay_amount))
        .join(BillLine, BillLine.id == RefundLine.line_id)
        .group_by(BillLine.payment_id)
    )
    said = _sums(select(Payment.id, Payment.refunded_amount).where(Payment.refunded_amount > 0))
    for ident in sorted({*money, *lines, *said}):
        found = (said.get(ident, 0), money.get(ident, 0), lines.get(ident, 0))
        if len(set(found)) > 1:
            yield "bill {} says {} given back, its entries {}, its lines {}".format(ident, *found)


def _lines() -> Iterator[str]:
    parts = _sums(
        select(RefundLine.line_id, func.sum(RefundLine.self_pay_amount + RefundLine.insurance_amount)).group_by(
            RefundLine.line_id
        )
    )
    said = _sums(select(BillLine.id, BillLine.refunded_amount).where(BillLine.refunded_amount > 0))
    for ident in sorted({*parts, *said}):
        if parts.get(ident, 0) != said.get(ident, 0):
            yield f"line {ident} says {said.get(ident, 0)} given back, its refunds say {parts.get(ident, 0)}"


def _insurers() -> Iterator[str]:
    """What insurers are not asked for any more: by their parts, by the entries, by the lines."""
    entries = _sums(
        select(LedgerEntry.payment_id, Account.insurer_id, func.sum(LedgerEntry.amount))
        .join(Account, Account.id == LedgerEntry.credit_id)
        .where(LedgerEntry.kind == LedgerKind.REFUND, Account.kind == AccountKind.INSURER_DEBT)
        .group_by(LedgerEntry.payment_id, Account.insurer_id)
    )
    said = _sums(
        select(BillPayer.payment_id, BillPayer.insurer_id, BillPayer.refunded_amount).where(
            BillPayer.refunded_amount > 0
        )
    )
    for bill, insurer in sorted({*entries, *said}):
        key = (bill, insurer)
        if entries.get(key, 0) != said.get(key, 0):
            yield f"insurer {insurer} of bill {bill} is let off {said.get(key, 0)}, its entries say {entries.get(key, 0)}"


def _requests() -> Iterator[str]:
    """A large refund is the one that was asked for, and by two people."""
    rows = db.session.execute(
        select(RefundRequest.id, RefundRequest.amount, Operation.amount)
        .join(Operation, Operation.id == RefundRequest.operation_id)
        .where(
            RefundRequest.status == RefundRequestStatus.DONE,
            (Operation.amount != RefundRequest.amount)
            | (Operation.payment_id != RefundRequest.payment_id)
            | Operation.approved_by_id.is_distinct_from(RefundRequest.answered_by_id)
            | Operation.cashier_id.is_distinct_from(RefundRequest.asked_by_id),
        )
    )
    for ident, asked, given in rows:
        yield f"refund request {ident} asked for {asked}, and what was done is {given}, or by others"


def _bonuses() -> Iterator[str]:
    """What a clinic owes as bonus, less what it is owed, is the sum of the histories; a movement is as large as its entry."""
    owed = case((Account.kind == AccountKind.BONUS_OWED, Account.balance), else_=-Account.balance)
    kinds = [AccountKind.BONUS_OWED, AccountKind.BONUS_DEBT]
    balances = _sums(
        select(Account.clinic_id, func.sum(owed)).where(Account.kind.in_(kinds)).group_by(Account.clinic_id)
    )
    histories = _sums(select(BonusEntry.clinic_id, func.sum(BonusEntry.amount)).group_by(BonusEntry.clinic_id))
    for clinic in sorted({*balances, *histories}):
        if balances.get(clinic, 0) != histories.get(clinic, 0):
            yield f"bonus of clinic {clinic} is {balances.get(clinic, 0)}, the histories say {histories.get(clinic, 0)}"
    rows = db.session.execute(
        select(BonusEntry.id, BonusEntry.amount, LedgerEntry.amount)
        .join(LedgerEntry, LedgerEntry.id == BonusEntry.ledger_entry_id)
        .where(func.abs(BonusEntry.amount) != LedgerEntry.amount)
    )
    for ident, amount, entry in rows:
        yield f"bonus entry {ident} says {amount}, its ledger entry {entry}"
