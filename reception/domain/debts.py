"""Who owes the clinic, and what it owes patients: unpaid bills, bonus, bonus debt, deposits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import joinedload

from reception import clock
from reception.domain.actors import Actor
from reception.domain.merging_ids import ids_of
from reception.domain.registry_links import wards
from reception.extensions import db
from reception.models import (
    Account,
    AccountKind,
    BonusEntry,
    LedgerEntry,
    Operation,
    Patient,
    Payment,
    PaymentStatus,
    Visit,
    VisitStatus,
)

MOST = 200
PAGE = 50
OPEN = (PaymentStatus.PENDING, PaymentStatus.PARTIALLY_PAID)
SEEN = (VisitStatus.COMPLETED, VisitStatus.PENDING_PAYMENT)
DUE = Payment.self_pay_amount - Payment.amount_paid


@dataclass(frozen=True, slots=True)
class Debt:
    """What a patient owes, in how many bills, since when."""

    patient: Patient
    guardian: Patient | None
    bills: int
    since: date
    due_amount: int


@dataclass(frozen=True, slots=True)
class Debts:
    """The debts, the oldest first; `patients` and `due_amount` of all of them, whatever is listed."""

    rows: list[Debt]
    patients: int
    due_amount: int


@dataclass(frozen=True, slots=True)
class Purse:
    """What stands between a patient and the clinic beside bills."""

    bonus: int = 0
    bonus_debt: int = 0
    deposit: int = 0


def debts(viewer: Actor) -> Debts:
    """Patients with bills to pay for what was done."""
    rule = _unpaid(viewer)
    count, due = db.session.execute(
        select(func.count(Payment.patient_id.distinct()), func.coalesce(func.sum(DUE), 0))
        .outerjoin(Visit, Visit.id == Payment.visit_id)
        .where(*rule)
    ).one()
    found = db.session.execute(
        select(
            Payment.patient_id, func.count(), func.sum(DUE), func.min(Visit.service_day), func.min(Payment.created_at)
        )
        .outerjoin(Visit, Visit.id == Payment.visit_id)
        .where(*rule)
        .group_by(Payment.patient_id)
        .order_by(func.min(Visit.service_day), func.min(Payment.created_at))
        .limit(MOST)
    ).all()
    people = _patients(row[0] for row in found)
    guardians = _patients(p.guardian_id for p in people.values() if p.guardian_id)
    rows = [
        Debt(
            people[ident],
            guardians.get(people[ident].guardian_id or 0),
            int(bills),
            first or _day(made, viewer),
            int(owed),
        )
        for ident, bills, owed, first, made in found
    ]
    return Debts(sorted(rows, key=lambda row: (row.since, row.patient.id)), int(count), int(due))


def _day(at: Any, viewer: Actor) -> date:
    return clock.service_day(at, viewer.clinic)


def _unpaid(viewer: Actor) -> list[ColumnElement[bool]]:
    return [
        Payment.clinic_id == viewer.clinic_id,
        Payment.status.in_(OPEN),
        DUE > 0,
        or_(Payment.visit_id.is_(None), Visit.status.in_(SEEN)),
    ]


def _patients(idents: Iterable[int | None]) -> dict[int, Patient]:
    rows = db.session.scalars(select(Patient).where(Patient.id.in_({ident for ident in idents if ident})))
    return {row.id: row for row in rows}


def family(viewer: Actor, patient: Patient) -> list[Patient]:
    """The patient, his guardian, and all who are in the care of either."""
    found = {patient.id: patient}
    guardian = db.session.get(Patient, patient.guardian_id) if patient.guardian_id else None
    for one in (patient, guardian):
        if one is not None:
            found |= {person.id: person for person in (one, *wards(viewer, one))}
    return list(found.values())


def by_card_no(viewer: Actor, number: str) -> Patient | None:
    """The card of this number, or the one that it was merged into; zeros in front do not matter."""
    if not (number.isascii() and number.isdigit() and len(number) <= 12):
        return None
    card = db.session.scalar(
        select(Patient).where(Patient.clinic_id == viewer.clinic_id, Patient.card_no == f"{int(number):06d}")
    )
    return db.session.get(Patient, card.merged_into_id) if card and card.merged_into_id else card


def bills_of(viewer: Actor, patients: Iterable[int]) -> list[Payment]:
    """Bills of these cards that something can be paid for, what is to come included; the oldest first."""
    query = (
        select(Payment)
        .where(
            Payment.clinic_id == viewer.clinic_id,
            Payment.patient_id.in_(list(patients)),
            Payment.status.in_(OPEN),
            DUE > 0,
        )
        .options(joinedload(Payment.patient), joinedload(Payment.visit).joinedload(Visit.service))
        .order_by(Payment.id)
        .limit(MOST)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(query))


def is_for_later(bill: Payment) -> bool:
    """Whether the bill is of a visit that is still to come: paying it is a prepayment."""
    return bill.visit is not None and bill.visit.status == VisitStatus.SCHEDULED


# ----------------------------------------------------------------------------------------------------------- purse


def purse(patient: Patient) -> Purse:
    """Bonus, bonus debt and deposit of a card."""
    rows = db.session.execute(select(Account.kind, Account.balance).where(Account.patient_id == patient.id))
    has = {kind: balance for kind, balance in rows}
    kinds = (AccountKind.BONUS_OWED, AccountKind.BONUS_DEBT, AccountKind.DEPOSIT_HELD)
    return Purse(*(has.get(kind, 0) for kind in kinds))


def bonus_history(
    viewer: Actor, patient: Patient, before: int | None = None
) -> tuple[list[tuple[BonusEntry, LedgerEntry, Operation | None]], int | None]:  # fmt: skip
    """Movements of the patient's bonus, the latest first, with what each follows from; and where the next page begins."""
    query = (
        select(BonusEntry, LedgerEntry, Operation)
        .join(LedgerEntry, LedgerEntry.id == BonusEntry.ledger_entry_id)
        .outerjoin(Operation, Operation.id == BonusEntry.operation_id)
        .where(BonusEntry.clinic_id == viewer.clinic_id, BonusEntry.patient_id.in_(ids_of(patient)))
        .options(joinedload(LedgerEntry.patient))
        .order_by(BonusEntry.id.desc())
        .limit(PAGE + 1)
    )
    if before is not None:
        query = query.where(BonusEntry.id < before)
    rows = [(bonus, entry, operation) for bonus, entry, operation in db.session.execute(query)]
    return rows[:PAGE], rows[PAGE - 1][0].id if len(rows) > PAGE else None


def bonuses(viewer: Actor, *kinds: AccountKind) -> tuple[list[tuple[Patient, dict[AccountKind, int]]], int]:
    """Patients with something on one of these accounts, the most first, cut at MOST; and how many there are."""
    rule = (Account.clinic_id == viewer.clinic_id, Account.kind.in_(kinds), Account.balance > 0)
    count = db.session.scalar(select(func.count(Account.patient_id.distinct())).where(*rule))
    top = (
        select(Account.patient_id)
        .where(*rule)
        .group_by(Account.patient_id)
        .order_by(func.sum(Account.balance).desc(), Account.patient_id)
        .limit(MOST)
    )
    order = list(db.session.scalars(top))
    has: dict[int, dict[AccountKind, int]] = {}
    for ident, kind, balance in db.session.execute(
        select(Account.patient_id, Account.kind, Account.balance).where(Account.patient_id.in_(order))
    ):
        has.setdefault(int(ident or 0), {})[kind] = balance
    people = _patients(order)
    return [(people[ident], has[ident]) for ident in order if ident in people], int(count or 0)


def totals(viewer: Actor) -> Purse:
    """What the clinic owes all patients as bonus and deposit, and what they owe it of bonus."""
    rows = db.session.execute(
        select(Account.kind, func.sum(Account.balance))
        .where(Account.clinic_id == viewer.clinic_id, Account.patient_id.is_not(None))
        .group_by(Account.kind)
    )
    has = {kind: int(total) for kind, total in rows}
    kinds = (AccountKind.BONUS_OWED, AccountKind.BONUS_DEBT, AccountKind.DEPOSIT_HELD)
    return Purse(*(has.get(kind, 0) for kind in kinds))
