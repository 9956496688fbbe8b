"""What follows from money that came for a bill, or went back: the doctors' due and the bonus of who sent the patient.

Both are functions of the bill as it stands: what should have been posted for it is compared with what was, and the
difference is posted. So they cannot drift, in whichever order bills are changed, paid and refunded.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from sqlalchemy import case, func, select

from reception.domain.actors import Actor
from reception.domain.finance.charges import Cause, lines_of, payers_of
from reception.domain.finance.ledger import account, post, transfer
from reception.domain.finance.shares import earned, figures, percent_of
from reception.extensions import db
from reception.models import (
    Account,
    AccountKind,
    BonusEntry,
    LedgerEntry,
    LedgerKind,
    Method,
    Patient,
    Payment,
    PaymentStatus,
)

OWN_MONEY = (Method.CASH, Method.CARD, Method.BANK_TRANSFER, Method.DEPOSIT)
"""What a patient pays with from his own pocket: only of this is a referral bonus given."""


def follow_money(bill: Payment, cause: Cause, *, actor: Actor, at: datetime, operation_id: int | None = None) -> None:
    """Bring the doctors' due and the referral bonus of the bill to where they should be. The bill is locked."""
    _doctors(bill, cause, actor, at, operation_id)
    _referrer(bill, cause, actor, at, operation_id)


def doctors_due(bill: Payment) -> dict[int, int]:
    """{doctor id: what of the bill is due to him for the money that came and stayed}."""
    if bill.status in (PaymentStatus.REFUNDED, PaymentStatus.CANCELLED):
        return {}
    lines, payers = lines_of(bill), payers_of(bill)
    received = bill.amount_paid - bill.refunded_amount
    received += sum(min(payer.paid_amount, payer.amount - payer.refunded_amount) for payer in payers)
    due: dict[int, int] = defaultdict(int)
    of = {line.id: line for line in lines}
    found = figures(lines, payers)
    asked = found.total - sum(line.refunded_amount for line in lines)
    for figure in found.lines:
        line = of[figure.line_id]
        if line.doctor_id is not None:
            due[line.doctor_id] += earned(
                figure.doctor_share, figure.net, received=received, total=asked, returned=line.refunded_amount
            )
    return dict(due)


def doctors_posted(bill: Payment) -> dict[int, int]:
    """{doctor id: what was posted as his due for the bill}."""
    is_due = Account.kind == AccountKind.DOCTOR_DUE
    amount = func.sum(case((LedgerEntry.credit_id == Account.id, LedgerEntry.amount), else_=-LedgerEntry.amount))
    rows = db.session.execute(
        select(Account.doctor_id, amount)
        .join(LedgerEntry, (LedgerEntry.credit_id == Account.id) | (LedgerEntry.debit_id == Account.id))
        .where(LedgerEntry.payment_id == bill.id, is_due)
        .group_by(Account.doctor_id)
    )
    return {doctor: int(total) for doctor, total in rows if doctor is not None}


def _doctors(bill: Payment, cause: Cause, actor: Actor, at: datetime, operation_id: int | None) -> None:
    due, posted = doctors_due(bill), doctors_posted(bill)
    entries = []
    for doctor in sorted({*due, *posted}):
        change = due.get(doctor, 0) - posted.get(doctor, 0)
        if not change:
            continue
        owed = account(AccountKind.DOCTOR_DUE, bill.clinic_id, doctor_id=doctor)
        income = account(AccountKind.INCOME, bill.clinic_id)
        entries.append(
            transfer(
                LedgerKind.ADJUSTMENT, debit=income if change > 0 else owed, credit=owed if change > 0 else income,
                amount=abs(change), payment_id=bill.id, patient_id=bill.patient_id, visit_id=bill.visit_id,
                doctor_id=doctor, operation_id=operation_id, event=cause.event(f"due-{doctor}"), actor=actor, at=at,
            )
        )  # fmt: skip
    post(entries)


# ---------------------------------------------------------------------------------------------------- referral bonus


def fix_referrer(bill: Payment, *, actor: Actor) -> None:
    """At the first payment: who is to have the bonus, and which percent. Nobody refers himself."""
    if bill.amount_paid or bill.referrer_id is not None:
        return
    patient = db.session.get_one(Patient, bill.patient_id)
    referrer = standing(patient.referred_by_id)
    if referrer is not None and referrer.id != patient.id and referrer.anonymised_at is None:
        bill.referrer_id, bill.bonus_percent = referrer.id, actor.clinic.referral_bonus_percent


def standing(patient_id: int | None) -> Patient | None:
    """The card, or the one that it was merged into."""
    card = db.session.get(Patient, patient_id) if patient_id else None
    return db.session.get(Patient, card.merged_into_id) if card and card.merged_into_id else card


def bonus_due(bill: Payment) -> int:
    """The bonus of the money that came from the patient's own pocket for the bill, and stayed."""
    if bill.referrer_id is None:
        return 0
    kept = db.session.scalar(
        select(func.sum(case((LedgerEntry.kind == LedgerKind.PAYMENT, LedgerEntry.amount), else_=-LedgerEntry.amount)))
        .where(
            LedgerEntry.payment_id == bill.id,
            LedgerEntry.kind.in_([LedgerKind.PAYMENT, LedgerKind.REFUND]),
            LedgerEntry.method.in_(OWN_MONEY),
        )
    )  # fmt: skip
    return percent_of(max(0, int(kept or 0)), bill.bonus_percent)


def bonus_posted(bill: Payment) -> int:
    """What was posted as bonus for the bill."""
    expense = select(Account.id).where(Account.clinic_id == bill.clinic_id, Account.kind == AccountKind.EXPENSE)
    given = func.sum(case((LedgerEntry.debit_id.in_(expense), LedgerEntry.amount), else_=-LedgerEntry.amount))
    query = select(given).where(LedgerEntry.payment_id == bill.id, LedgerEntry.kind == LedgerKind.BONUS)
    return int(db.session.scalar(query) or 0)


def _referrer(bill: Payment, cause: Cause, actor: Actor, at: datetime, operation_id: int | None) -> None:
    if bill.referrer_id is None:
        return
    change = bonus_due(bill) - bonus_posted(bill)
    if change:
        referrer = standing(bill.referrer_id)
        assert referrer is not None
        give_bonus(
            referrer.id, change, cause, actor=actor, at=at, payment_id=bill.id, operation_id=operation_id, reason=""
        )


def give_bonus(
    patient_id: int, amount: int, cause: Cause, *, actor: Actor, at: datetime, reason: str,
    payment_id: int | None = None, operation_id: int | None = None,
) -> None:  # fmt: skip
    """Add `amount` to a patient's bonus, or take it (negative). A debt is paid off first; what is taken beyond what is
    left becomes a debt."""
    owed = account(AccountKind.BONUS_OWED, actor.clinic_id, patient_id=patient_id)
    debt = account(AccountKind.BONUS_DEBT, actor.clinic_id, patient_id=patient_id)
    expense = account(AccountKind.EXPENSE, actor.clinic_id)
    rows = select(Account.id, Account.balance).where(Account.id.in_([owed, debt])).order_by(Account.id)
    balances = {ident: balance for ident, balance in db.session.execute(rows.with_for_update(key_share=True))}
    if amount > 0:
        first = min(amount, balances[debt])
        parts = [("bonus-debt", expense, debt, first), ("bonus", expense, owed, amount - first)]
    else:
        first = min(-amount, balances[owed])
        parts = [("bonus", owed, expense, first), ("bonus-debt", debt, expense, -amount - first)]
    entries = post(
        transfer(
            LedgerKind.BONUS, debit=debit, credit=credit, amount=part, payment_id=payment_id, patient_id=patient_id,
            operation_id=operation_id, event=cause.event(purpose), actor=actor, at=at,
        )
        for purpose, debit, credit, part in parts
        if part
    )  # fmt: skip
    sign = 1 if amount > 0 else -1
    for entry in entries:
        note_bonus(entry, sign * entry.amount, patient_id, reason=reason)


def note_bonus(entry: LedgerEntry, amount: int, patient_id: int, *, reason: str = "") -> None:
    """Write a movement of a patient's bonus into its history."""
    db.session.add(
        BonusEntry(
            clinic_id=entry.clinic_id, patient_id=patient_id, operation_id=entry.operation_id,
            ledger_entry_id=entry.id, at=entry.at, amount=amount, reason=reason,
        )
    )  # fmt: skip
