"""What every change of a bill's lines and payers shares: when it may be changed, and what follows when it was."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm.attributes import flag_modified

from reception.domain.actors import Actor
from reception.domain.errors import NotFound, NotPossible, Stale, invalid_field
from reception.domain.finance.bills import check_claims, recount, refigure, set_status
from reception.domain.finance.charges import by_change, charge, lines_of, payers_of, uncharge
from reception.domain.finance.dues import follow_money
from reception.domain.finance.payments import MOST
from reception.domain.finance.shares import beyond, figures
from reception.domain.locks import load, locked
from reception.extensions import db
from reception.models import BillLine, Payment, PaymentStatus, RefundRequest, RefundRequestStatus, Visit, VisitStatus
from reception.words import N_

CLOSED = (PaymentStatus.CANCELLED, PaymentStatus.REFUNDED)
FINISHED = (VisitStatus.PENDING_PAYMENT, VisitStatus.COMPLETED)


def opened(
    payment_id: int, version: int | None, *, actor: Actor, in_claim: bool = False
) -> tuple[Payment, Visit | None]:
    """The bill and its visit, locked to be changed. `in_claim`: the change is the claim's own.

    Raises NotFound, Stale, or NotPossible: cancelled, refunded, money given back, in a claim that was sent.
    """
    bill, visit = with_visit(payment_id, actor)
    if bill.status in CLOSED:
        raise NotPossible(
            N_("This bill is %(state)s: it cannot be changed."), state=bill.status, allowed=[], code="not-changeable"
        )
    if version not in (None, bill.version):
        raise Stale(N_("The bill changed meanwhile. Look at the new amount."), state=bill.status)
    if bill.refunded_amount:
        raise NotPossible(
            N_("Money of this bill was given back: it cannot be changed any more."), state=bill.status,
            code="money-given-back",
        )  # fmt: skip
    waiting = select(RefundRequest.id).filter_by(payment_id=bill.id, status=RefundRequestStatus.ASKED)
    if db.session.scalar(waiting) is not None:
        raise NotPossible(
            N_("A refund of this bill waits for a second person. Answer it first."), state=bill.status,
            code="refund-asked",
        )  # fmt: skip
    if not in_claim:
        check_claims(bill)
    return bill, visit


def with_visit(payment_id: int, actor: Actor) -> tuple[Payment, Visit | None]:
    """The bill and its visit, locked in the house's order. Raises NotFound."""
    visit_id = load(Payment, payment_id, actor.clinic_id).visit_id
    visit = locked(Visit, visit_id, actor.clinic_id) if visit_id else None
    return locked(Payment, payment_id, actor.clinic_id), visit


def line_of(bill: Payment, line_id: int) -> BillLine:
    """The bill's line; another bill's looks like none. Raises NotFound."""
    line = locked(BillLine, line_id, bill.clinic_id)
    if line.payment_id != bill.id:
        raise NotFound
    return line


def changed(bill: Payment, visit: Visit | None, *, actor: Actor, at: datetime) -> Payment:
    """Bring sums, charges, state and dues to what the lines and payers say now. What was done is the caller's to record.

    Raises NotPossible where less would be asked than was paid, or Invalid where the sum is too large.
    """
    flag_modified(bill, "updated_at")  # the version names the change, even one that moves no sum
    db.session.flush()
    _check(bill)
    _lower(bill, visit)
    refigure(bill)
    _raise(bill, visit, at)
    db.session.flush()
    cause = by_change(bill)
    uncharge(bill, cause, actor=actor, at=at)
    charge(bill, cause, actor=actor, at=at)
    follow_money(bill, cause, actor=actor, at=at)
    if visit is not None and visit.status == VisitStatus.PENDING_PAYMENT and bill.status == PaymentStatus.PAID:
        from reception.domain.visits.moves import settle

        settle(visit, actor=actor, at=at)
    db.session.expire(bill, ["lines"])
    return bill


def _check(bill: Payment) -> None:
    """Before anything is set: whether the bill may become what its lines and payers say."""
    lines, payers = lines_of(bill), payers_of(bill)
    recount(lines)
    if beyond(lines):
        raise NotPossible(N_("The discounts would be more than the price. Remove a discount first."), code="discounts")
    found = figures(lines, payers)
    if found.total > MOST:
        raise invalid_field("quantity", N_("This amount is too large."))
    if found.self_pay < bill.amount_paid:
        raise NotPossible(
            N_("More was paid than the bill would ask. Refund first."), state=bill.status, code="refund-first"
        )
    if any(found.payers[payer.id] < payer.paid_amount for payer in payers):
        raise NotPossible(
            N_("An insurer has paid more than it would be asked for."), state=bill.status, code="insurer-paid"
        )


def _lower(bill: Payment, visit: Visit | None) -> None:
    """A paid bill that is to ask for more is not paid any more."""
    if bill.status != PaymentStatus.PAID:
        return
    if figures(lines_of(bill), payers_of(bill)).self_pay != bill.amount_paid:
        bill.status = PaymentStatus.PARTIALLY_PAID if bill.amount_paid else PaymentStatus.PENDING
        bill.paid_at = None


def _raise(bill: Payment, visit: Visit | None, at: datetime) -> None:
    """A bill that asks for nothing any more is paid; one of zero once its visit is over, as at the finish."""
    if bill.status not in (PaymentStatus.PENDING, PaymentStatus.PARTIALLY_PAID) or bill.due_amount:
        return
    if bill.amount_paid or visit is None or visit.status in FINISHED:
        set_status(bill, PaymentStatus.PAID, at)
