"""Bills: what a visit costs at the price of its day, who gets which share, what is charged and taken back."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import or_, select

from reception.clock import service_day
from reception.domain import numbers
from reception.domain.actors import Actor
from reception.domain.errors import NotPossible, invalid_field
from reception.domain.finance.charges import Cause, charge, lines_of, payers_of, uncharge
from reception.domain.finance.shares import discounted, figures, split
from reception.domain.machines import PAYMENT
from reception.extensions import db
from reception.models import (
    BillLine,
    BillPayer,
    Claim,
    ClaimStatus,
    Doctor,
    Invoice,
    Payment,
    PaymentStatus,
    Service,
    ServicePrice,
    Visit,
    VisitEvent,
)
from reception.words import N_


def price_on(service: Service, day: date) -> int:
    """The price of `service` on `day`, in smallest units. Raises Invalid where none is set."""
    price = db.session.scalar(
        select(ServicePrice.price)
        .where(
            ServicePrice.service_id == service.id,
            ServicePrice.valid_from <= day,
            or_(ServicePrice.valid_to.is_(None), ServicePrice.valid_to >= day),
        )
        .order_by(ServicePrice.valid_from.desc())
        .limit(1)
    )
    if price is None:
        raise invalid_field("service_id", N_("%(service)s has no price on that day."), service=service.name)
    return price


def open_bill(visit: Visit, service: Service, doctor: Doctor | None, *, actor: Actor) -> Payment:
    """The bill of a new visit: one line at the price of the visit's day. Its charge is posted by `charge`."""
    price = price_on(service, visit.service_day)
    bill = Payment(
        clinic_id=visit.clinic_id,
        visit_id=visit.id,
        patient_id=visit.patient_id,
        total_amount=price,
        insurance_amount=0,
        self_pay_amount=price,
    )
    percent = percent_for(doctor, actor)
    bill.doctor_share, bill.center_share = split(price, percent)
    db.session.add(bill)
    db.session.flush()
    db.session.add(
        BillLine(
            clinic_id=visit.clinic_id,
            payment_id=bill.id,
            service_id=service.id,
            doctor_id=visit.doctor_id,
            unit_price=price,
            amount=price,
            quantity=1,
            doctor_percent=percent,
            doctor_share=bill.doctor_share,
        )
    )
    return bill


def percent_for(doctor: Doctor | None, actor: Actor) -> int:
    """The doctor's share of what he does, in percent: his own, or the clinic's."""
    own = doctor.share_percent if doctor else None
    return actor.clinic.doctor_share_percent if own is None else own


def reprice(
    bill: Payment, visit: Visit, service: Service, doctor: Doctor | None, event: VisitEvent, *, actor: Actor,
    at: datetime,
) -> None:  # fmt: skip
    """After a move to another day, doctor or service: its price on that day and the doctor's share, while unpaid."""
    if bill.status != PaymentStatus.PENDING:
        return
    price, line = price_on(service, visit.service_day), lines_of(bill)[0]
    percent = percent_for(doctor, actor)
    is_dearer = price != line.unit_price or service.id != line.service_id
    moved = is_dearer or line.doctor_id != visit.doctor_id
    if moved:
        check_claims(bill)
        uncharge(bill, event, actor=actor, at=at)
    line.doctor_id, line.service_id, line.doctor_percent = visit.doctor_id, service.id, percent
    line.unit_price, line.amount = price, price * line.quantity
    refigure(bill)
    if moved:
        charge(bill, event, actor=actor, at=at)


def refigure(bill: Payment) -> None:
    """Bring the bill's sums to its lines and insurers. Charges are the caller's."""
    db.session.flush()
    lines, payers = lines_of(bill), payers_of(bill)
    recount(lines)
    found = figures(lines, payers)
    shares = {figure.line_id: figure.doctor_share for figure in found.lines}
    for line in lines:
        line.doctor_share = shares.get(line.id, 0)
    for payer in payers:
        payer.amount = found.payers[payer.id]
    bill.total_amount, bill.insurance_amount, bill.self_pay_amount = found.total, found.insurance, found.self_pay
    bill.doctor_share, bill.center_share = found.doctor_share, found.center_share
    db.session.flush()


def recount(lines: list[BillLine]) -> None:
    """Discounts in percent follow what they are given on."""
    off = discounted(lines)
    for line in lines:
        if line.id in off:
            line.unit_price = line.amount = off[line.id]


def set_status(bill: Payment, status: PaymentStatus, at: datetime) -> None:
    """Move the bill along its machine. Raises NotPossible."""
    if bill.status == status:
        return
    if (bill.status, status) not in PAYMENT:
        raise NotPossible(N_("The bill is %(state)s now."), state=bill.status)
    bill.status = status
    bill.paid_at = at if status in (PaymentStatus.PAID, PaymentStatus.REFUNDED) else None


def number_invoice(bill: Payment, *, actor: Actor, at: datetime) -> None:
    """Give the bill its invoice number, once: at the finish or the first payment."""
    if bill.invoice_no is not None:
        return
    bill.invoice_no = numbers.invoice_no(actor.clinic, service_day(at, actor.clinic))
    db.session.add(Invoice(clinic_id=bill.clinic_id, payment_id=bill.id, number=bill.invoice_no, issued_at=at))


def void_invoice(bill: Payment, reason: str, *, at: datetime) -> None:
    """The bill's number is void and stays so; a bill that stands again gets another one."""
    invoice = _invoice(bill)
    if invoice is not None:
        invoice.voided_at, invoice.void_reason = at, reason


def restore_invoice(bill: Payment) -> None:
    """The void number stands again: for what is undone at once."""
    if bill.invoice_no is not None:
        found = select(Invoice).where(Invoice.payment_id == bill.id, Invoice.number == bill.invoice_no)
        invoice = db.session.scalars(found).one()
        invoice.voided_at, invoice.void_reason = None, ""


def _invoice(bill: Payment) -> Invoice | None:
    return db.session.scalar(select(Invoice).where(Invoice.payment_id == bill.id, Invoice.voided_at.is_(None)))


def check_claims(bill: Payment) -> None:
    """Raises NotPossible where an insurer was asked for its part of the bill, or has paid of it."""
    asked = select(Claim.number).join(BillPayer, BillPayer.claim_id == Claim.id)
    asked = asked.where(
        BillPayer.payment_id == bill.id, Claim.status.in_([ClaimStatus.SENT, ClaimStatus.ACCEPTED, ClaimStatus.PAID]),
        BillPayer.amount > 0,
    )  # fmt: skip
    number = db.session.scalar(asked.limit(1))
    if number is not None:
        raise NotPossible(
            N_("This bill is in the claim %(number)s, which was sent to the insurer."), number=number, code="claimed",
            state=bill.status,
        )  # fmt: skip
    paid = select(BillPayer.id).where(
        BillPayer.payment_id == bill.id, BillPayer.paid_amount > BillPayer.refunded_amount
    )
    if db.session.scalar(paid.limit(1)) is not None:
        raise NotPossible(N_("An insurer has paid for this bill."), code="insurer-paid", state=bill.status)


def cancel_bill(bill: Payment, event: VisitEvent | Cause, *, actor: Actor, at: datetime) -> None:
    """Cancel an unpaid bill and reverse its charge. Raises NotPossible when money was taken."""
    if bill.amount_paid - bill.refunded_amount > 0:
        raise NotPossible(N_("Money was taken for this visit. Refund it first."), code="paid", state=bill.status)
    if bill.status == PaymentStatus.PENDING:
        check_claims(bill)
        set_status(bill, PaymentStatus.CANCELLED, at)
        uncharge(bill, event, actor=actor, at=at)
        void_invoice(bill, "cancelled", at=at)
