"""Reading what doctors are due: earned, taken back and paid out in a period, and what is due now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import case, func, select
from sqlalchemy.orm import joinedload

from reception.domain.actors import Actor
from reception.extensions import db
from reception.models import Account, AccountKind, Doctor, LedgerEntry, LedgerKind, Payment

SIGNED = case((LedgerEntry.credit_id == Account.id, LedgerEntry.amount), else_=-LedgerEntry.amount)


@dataclass(frozen=True, slots=True)
class Dues:
    """One doctor: `balance` is what is due now, of all times; the others are of the period."""

    doctor: Doctor
    earned: int
    taken_back: int
    paid: int
    balance: int


@dataclass(frozen=True, slots=True)
class Move:
    """One entry of a doctor's dues; `amount` is negative where it was taken back or paid out."""

    entry: LedgerEntry
    amount: int

    @property
    def is_paid(self) -> bool:
        return self.entry.kind == LedgerKind.EXPENSE


def _entries(viewer: Actor, first: date, last: date) -> tuple[object, ...]:
    touches = (LedgerEntry.credit_id == Account.id) | (LedgerEntry.debit_id == Account.id)
    return (
        touches, LedgerEntry.clinic_id == viewer.clinic_id, LedgerEntry.day.between(first, last),
        Account.kind == AccountKind.DOCTOR_DUE,
    )  # fmt: skip


def of_all(viewer: Actor, first: date, last: date) -> list[Dues]:
    """Each doctor who earned in the period, is due something, or works here, by name."""
    earned, back, paid = _sums(viewer, first, last)
    rows = db.session.execute(
        select(Doctor, Account.balance)
        .outerjoin(Account, (Account.doctor_id == Doctor.id) & (Account.kind == AccountKind.DOCTOR_DUE))
        .where(Doctor.clinic_id == viewer.clinic_id)
        .order_by(Doctor.last_name, Doctor.id)
    )
    found = [
        Dues(doctor, earned.get(doctor.id, 0), back.get(doctor.id, 0), paid.get(doctor.id, 0), int(balance or 0))
        for doctor, balance in rows
    ]
    return [dues for dues in found if dues.doctor.is_active or dues.balance or dues.earned or dues.paid]


def _sums(viewer: Actor, first: date, last: date) -> list[dict[int, int]]:
    """What was earned, taken back, and paid: {doctor: amount} each."""
    is_paid = LedgerEntry.kind == LedgerKind.EXPENSE
    parts = (
        func.sum(case((is_paid, 0), (SIGNED > 0, SIGNED), else_=0)),
        func.sum(case((is_paid, 0), (SIGNED < 0, -SIGNED), else_=0)),
        func.sum(case((is_paid, -SIGNED), else_=0)),
    )
    touches, *rules = _entries(viewer, first, last)
    query = select(Account.doctor_id, *parts).join(LedgerEntry, touches).where(*rules)  # type: ignore[arg-type]
    rows = db.session.execute(query.group_by(Account.doctor_id)).all()
    return [{row[0]: int(row[place]) for row in rows if row[0]} for place in (1, 2, 3)]


def of_one(viewer: Actor, doctor: Doctor, first: date, last: date) -> list[Move]:
    """The doctor's entries of the period, oldest first."""
    touches, *rules = _entries(viewer, first, last)
    rows = db.session.execute(
        select(LedgerEntry, SIGNED)
        .join(Account, touches)  # type: ignore[arg-type]
        .where(*rules, Account.doctor_id == doctor.id)  # type: ignore[arg-type]
        .options(
            joinedload(LedgerEntry.payment).joinedload(Payment.patient), joinedload(LedgerEntry.operation),
            joinedload(LedgerEntry.cashbox),
        )
        .order_by(LedgerEntry.id)
    )  # fmt: skip
    return [Move(entry, int(amount)) for entry, amount in rows]


def total(rows: Iterable[Dues]) -> tuple[int, int, int, int]:
    """Earned, taken back, paid and due of all of them."""
    rows = list(rows)
    return (
        sum(row.earned for row in rows), sum(row.taken_back for row in rows), sum(row.paid for row in rows),
        sum(row.balance for row in rows),
    )  # fmt: skip
