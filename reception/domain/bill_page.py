"""What the page of a bill shows beside the bill: who pays, what was posted, what was done to it and by whom."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import aliased, joinedload

from reception.domain import trail
from reception.domain.actors import Actor
from reception.domain.errors import NotFound
from reception.domain.finance.invoices import invoices
from reception.domain.finance.shares import Figures, figures
from reception.domain.locks import scoped
from reception.extensions import db
from reception.models import (
    Account,
    AuditEntry,
    BillLine,
    BillPayer,
    Claim,
    Doctor,
    Insurer,
    Invoice,
    LedgerEntry,
    LineKind,
    Payment,
    Visit,
)

MOST = 200
"""Entries that are shown of the ledger and of the history; a bill with more is looked up in their own lists."""


@dataclass(frozen=True, slots=True)
class Posted:
    """An entry of the ledger with its two accounts and the insurer or doctor whose they are."""

    entry: LedgerEntry
    debit: Account
    credit: Account
    insurer: str
    doctor: Doctor | None


@dataclass(frozen=True, slots=True)
class BillPage:
    """A bill with its lines (each with its discounts), payers and numbers."""

    bill: Payment
    lines: list[tuple[BillLine, list[BillLine]]]
    over_all: list[BillLine]
    figures: Figures
    payers: list[tuple[BillPayer, Claim | None]]
    invoices: list[Invoice]

    @property
    def net(self) -> dict[int, int]:
        """{line id: what it costs after its discounts and its part of the bill's}."""
        return {figure.line_id: figure.net for figure in self.figures.lines}


def of_bill(payment_id: int, viewer: Actor) -> BillPage:
    """The bill as it stands. Raises NotFound."""
    bill = db.session.scalar(
        scoped(Payment, viewer.clinic_id)
        .where(Payment.id == payment_id)
        .options(joinedload(Payment.patient), joinedload(Payment.visit).joinedload(Visit.room))
        .execution_options(populate_existing=True)
    )
    if bill is None:
        raise NotFound
    lines = list(
        db.session.scalars(
            select(BillLine)
            .where(BillLine.payment_id == bill.id)
            .options(joinedload(BillLine.service), joinedload(BillLine.doctor))
            .order_by(BillLine.id)
            .execution_options(populate_existing=True)
        )
    )
    payers = [
        (payer, claim)
        for payer, claim in db.session.execute(
            select(BillPayer, Claim)
            .outerjoin(Claim, Claim.id == BillPayer.claim_id)
            .where(BillPayer.payment_id == bill.id)
            .options(joinedload(BillPayer.insurer))
            .order_by(BillPayer.position)
            .execution_options(populate_existing=True)
        )
    ]
    services = [line for line in lines if line.kind == LineKind.SERVICE]
    own = [(line, [off for off in lines if off.discounts_id == line.id]) for line in services]
    over_all = [line for line in lines if line.kind == LineKind.DISCOUNT and line.discounts_id is None]
    return BillPage(bill, own, over_all, figures(lines, [payer for payer, _ in payers]), payers, invoices(bill))


def posted(bill: Payment) -> list[Posted]:
    """The bill's entries of the ledger, oldest first."""
    debit, credit = aliased(Account), aliased(Account)
    rows = db.session.execute(
        select(LedgerEntry, debit, credit)
        .join(debit, debit.id == LedgerEntry.debit_id)
        .join(credit, credit.id == LedgerEntry.credit_id)
        .where(LedgerEntry.payment_id == bill.id, LedgerEntry.clinic_id == bill.clinic_id)
        .options(joinedload(LedgerEntry.cashbox), joinedload(LedgerEntry.cashier), joinedload(LedgerEntry.operation))
        .order_by(LedgerEntry.id)
        .limit(MOST)
    ).all()
    names = dict(
        db.session.execute(select(Insurer.id, Insurer.name).filter_by(clinic_id=bill.clinic_id)).tuples().all()
    )
    doctors = {doctor.id: doctor for doctor in db.session.scalars(select(Doctor).filter_by(clinic_id=bill.clinic_id))}
    return [
        Posted(
            entry, debit, credit, names.get(debit.insurer_id or credit.insurer_id or 0, ""),
            doctors.get(debit.doctor_id or credit.doctor_id or 0),
        )
        for entry, debit, credit in rows
    ]  # fmt: skip


def history(bill: Payment, viewer: Actor) -> list[tuple[AuditEntry, str]]:
    """(act, who did it) of the bill, newest first."""
    acts = list(
        db.session.scalars(
            select(AuditEntry)
            .where(
                AuditEntry.clinic_id == viewer.clinic_id, AuditEntry.entity_kind == "payment",
                AuditEntry.entity_id == bill.id,
            )
            .order_by(AuditEntry.seq.desc())
            .limit(MOST)
        )
    )  # fmt: skip
    names = trail.who(acts)
    return [(act, names.get((act.actor_kind, act.actor_id), "")) for act in acts]
