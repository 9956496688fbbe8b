"""The number of a bill: given, void, given anew. A void number stays with its bill for ever; none is used twice."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm.attributes import flag_modified

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import NotPossible, Stale, invalid_field
from reception.domain.finance.bills import cancel_bill, check_claims, number_invoice, void_invoice
from reception.domain.finance.changing import CLOSED, with_visit
from reception.domain.finance.charges import by_change
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import Invoice, Payment, PaymentStatus
from reception.words import N_

MARK = re.compile(r"[A-Z][A-Z0-9 _-]{0,39}", re.ASCII)


def invoices(bill: Payment) -> list[Invoice]:
    """All numbers that the bill has had, oldest first."""
    return list(db.session.scalars(select(Invoice).where(Invoice.payment_id == bill.id).order_by(Invoice.id)))


def invoice(payment_id: int, *, actor: Actor, at: datetime, version: int | None = None) -> Payment:
    """Give the bill its number, or after a void one a new one. Raises NotFound, Stale or NotPossible."""
    bill = _bill(payment_id, version, actor)
    if bill.status in CLOSED:
        raise NotPossible(
            N_("This bill is %(state)s: it cannot be changed."), state=bill.status, allowed=[], code="not-changeable"
        )
    if bill.invoice_no is not None:
        raise NotPossible(
            N_("This bill has the number %(number)s."), number=bill.invoice_no, code="invoiced", state=bill.status
        )
    number_invoice(bill, actor=actor, at=at)
    db.session.flush()
    record(actor, "payment.invoice", bill, at=at)
    return bill


def void(payment_id: int, reason: str, *, actor: Actor, at: datetime, version: int | None = None) -> Payment:
    """The bill's number is void. The bill stands and asks what it asked; with its next number it is sent out anew.

    Raises NotFound, Stale, Invalid (no reason), or NotPossible: no number, or money was taken.
    """
    bill, number = _void(payment_id, reason, actor, at, version)
    record(actor, "payment.void", bill, at=at, number=number)
    return bill


def reopen(payment_id: int, reason: str, *, actor: Actor, at: datetime, version: int | None = None) -> Payment:
    """A bill that had its number goes back to be worked on: the number is void, the next one comes when it is done.
    One that has none is open as it is, and stays so."""
    bill = _bill(payment_id, version, actor)
    if bill.status not in CLOSED and bill.invoice_no is None:
        flag_modified(bill, "updated_at")
        db.session.flush()
        record(actor, "payment.reopen", bill, at=at)
        return bill
    bill, number = _void(payment_id, reason, actor, at, version)
    record(actor, "payment.reopen", bill, at=at, number=number)
    return bill


def _void(payment_id: int, reason: str, actor: Actor, at: datetime, version: int | None) -> tuple[Payment, str]:
    bill = _bill(payment_id, version, actor)
    if not (reason := checked(reason, "reason", 200)):
        raise invalid_field("reason", N_("Say why."))
    if bill.status == PaymentStatus.CANCELLED:
        raise NotPossible(
            N_("This bill is %(state)s: it cannot be changed."), state=bill.status, allowed=[], code="not-changeable"
        )
    if bill.invoice_no is None:
        raise NotPossible(N_("This bill has no number yet."), code="not-invoiced", state=bill.status)
    if bill.amount_paid > bill.refunded_amount:
        raise NotPossible(N_("Money was taken for this bill. Refund it first."), code="refund-first", state=bill.status)
    check_claims(bill)
    number = bill.invoice_no
    void_invoice(bill, reason, at=at)
    bill.invoice_no = None
    db.session.flush()
    return bill, number


def cancel(payment_id: int, reason: str, *, actor: Actor, at: datetime, version: int | None = None) -> Payment:
    """Cancel a bill that belongs to no visit; the one of a visit is cancelled with it."""
    bill = _bill(payment_id, version, actor)
    if not checked(reason, "reason", 200):
        raise invalid_field("reason", N_("Say why."))
    if bill.visit_id is not None:
        raise NotPossible(N_("This bill belongs to a visit. Cancel the visit."), code="has-visit", state=bill.status)
    if bill.status != PaymentStatus.PENDING:
        raise NotPossible(
            N_("This bill is %(state)s: it cannot be changed."), state=bill.status, allowed=[], code="not-changeable"
        )
    flag_modified(bill, "updated_at")
    db.session.flush()
    cancel_bill(bill, by_change(bill), actor=actor, at=at)
    record(actor, "payment.cancel", bill, at=at)
    return bill


def mark(payment_id: int, what: str, *, actor: Actor, at: datetime, version: int | None = None) -> Payment:
    """Keep in the bill's history what the billing office did with it, in a word: RELEASED, CODE OK."""
    bill = _bill(payment_id, version, actor)
    if not MARK.fullmatch(what):
        raise invalid_field("what", N_("Say it in a word of capital letters, at most 40."))
    flag_modified(bill, "updated_at")
    db.session.flush()
    record(actor, "payment.mark", bill, at=at, what=what)
    return bill


def _bill(payment_id: int, version: int | None, actor: Actor) -> Payment:
    bill, _ = with_visit(payment_id, actor)
    if version not in (None, bill.version):
        raise Stale(N_("The bill changed meanwhile. Look at the new amount."), state=bill.status)
    return bill
