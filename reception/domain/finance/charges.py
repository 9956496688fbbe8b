"""What is charged for a bill: who owes which part of it, posted against the income; and taken back by reversals.

Each service's line is charged on its own, the patient's part and each insurer's, so that the ledger says for which
service and doctor it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from reception.domain.actors import Actor
from reception.domain.finance.ledger import account, post, reversal, transfer
from reception.domain.finance.shares import figures
from reception.domain.locks import load
from reception.extensions import db
from reception.models import AccountKind, BillLine, BillPayer, LedgerEntry, LedgerKind, Payment, Visit, VisitEvent


@dataclass(frozen=True, slots=True)
class Cause:
    """The event from which entries follow: `mark` tells the entries of one from another of the same event."""

    kind: str
    ident: int
    mark: str = ""

    def event(self, purpose: str) -> tuple[str, int, str]:
        return self.kind, self.ident, self.mark + purpose


def by_visit(event: VisitEvent) -> Cause:
    """A step of the visit."""
    return Cause("visit-event", event.id)


def by_change(bill: Payment) -> Cause:
    """A change of the bill itself: after it was flushed, its version names the change."""
    return Cause("bill", bill.id, f"v{bill.version}-")


def lines_of(bill: Payment) -> list[BillLine]:
    """The bill's lines, oldest first."""
    return list(db.session.scalars(select(BillLine).where(BillLine.payment_id == bill.id).order_by(BillLine.id)))


def payers_of(bill: Payment) -> list[BillPayer]:
    """The insurers of a bill in the order in which they take their part."""
    return list(
        db.session.scalars(select(BillPayer).where(BillPayer.payment_id == bill.id).order_by(BillPayer.position))
    )


def charge(bill: Payment, event: VisitEvent | Cause, *, actor: Actor, at: datetime) -> None:
    """Post what the bill asks: patient and insurers owe it, it is income. What costs nothing posts nothing."""
    if not bill.total_amount:
        return
    cause = by_visit(event) if isinstance(event, VisitEvent) else event
    visit = load(Visit, bill.visit_id, bill.clinic_id) if bill.visit_id else None
    about: dict[str, Any] = {
        "payment_id": bill.id,
        "patient_id": bill.patient_id,
        "visit_id": bill.visit_id,
        "appointment_id": visit.appointment_id if visit else None,
    }
    debt = account(AccountKind.PATIENT_DEBT, bill.clinic_id, patient_id=bill.patient_id)
    income = account(AccountKind.INCOME, bill.clinic_id)
    parts: list[tuple[str, int, int, dict[str, Any]]] = []
    if bill.insurance_amount == 0 and visit is not None and _is_plain(bill, visit):
        parts.append(
            ("charge", debt, bill.total_amount, {"service_id": visit.service_id, "doctor_id": visit.doctor_id})
        )
    else:
        parts += _by_line(bill, debt)
    post(
        transfer(
            LedgerKind.CHARGE, debit=owed, credit=income, amount=amount, event=cause.event(purpose), actor=actor, at=at,
            **about, **more,
        )
        for purpose, owed, amount, more in parts
    )  # fmt: skip


def _is_plain(bill: Payment, visit: Visit) -> bool:
    """Whether the bill is one service of the visit: nothing to share out."""
    if bill.version == 1 and visit.version == 1:
        return True
    lines = lines_of(bill)
    return len(lines) == 1 and (lines[0].service_id, lines[0].doctor_id) == (visit.service_id, visit.doctor_id)


def _by_line(bill: Payment, debt: int) -> list[tuple[str, int, int, dict[str, Any]]]:
    lines, payers = lines_of(bill), payers_of(bill)
    of = {line.id: {"service_id": line.service_id, "doctor_id": line.doctor_id} for line in lines}
    insurers = {p.id: account(AccountKind.INSURER_DEBT, bill.clinic_id, insurer_id=p.insurer_id) for p in payers}
    parts = []
    for line in figures(lines, payers).lines:
        if line.self_pay:
            parts.append((f"charge-l{line.line_id}", debt, line.self_pay, of[line.line_id]))
        parts += [
            (f"charge-l{line.line_id}-p{payer}", insurers[payer], amount, of[line.line_id])
            for payer, amount in line.insured.items()
            if amount
        ]
    return parts


def uncharge(bill: Payment, event: VisitEvent | Cause, *, actor: Actor, at: datetime) -> None:
    """Reverse the bill's standing charges, if any."""
    cause = by_visit(event) if isinstance(event, VisitEvent) else event
    standing = db.session.scalars(
        select(LedgerEntry)
        .where(
            LedgerEntry.payment_id == bill.id,
            LedgerEntry.kind == LedgerKind.CHARGE,
            LedgerEntry.reverses_id.is_(None),
            LedgerEntry.id.not_in(
                select(LedgerEntry.reverses_id).where(
                    LedgerEntry.payment_id == bill.id, LedgerEntry.reverses_id.is_not(None)
                )
            ),
        )
        .order_by(LedgerEntry.id)
    ).all()
    post([reversal(entry, cause.event(f"reverse-{entry.id}"), actor=actor, at=at) for entry in standing])
