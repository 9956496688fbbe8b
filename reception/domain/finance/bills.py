"""Bills: what a visit costs at the price of its day, who gets which share, what is charged and taken back."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import or_, select

from reception.clock import service_day
from reception.domain import numbers
from reception.domain.actors import Actor
from reception.domain.errors import NotPossible, invalid_field
from reception.domain.finance.ledger import account, post, reversal, transfer
from reception.domain.locks import load
from reception.domain.machines import PAYMENT
from reception.extensions import db
from reception.models import (
    AccountKind,
    BillLine,
    Doctor,
    LedgerEntry,
    LedgerKind,
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


def split_shares(total: int, percent: int) -> tuple[int, int]:
    """(doctor's, centre's) part of `total`: the doctor's is rounded down, the remainder is the centre's."""
    doctor = total * percent // 100
    return doctor, total - doctor


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
    bill.doctor_share, bill.center_share = split_shares(price, _percent(doctor, actor))
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
        )
    )
    return bill


def _percent(doctor: Doctor | None, actor: Actor) -> int:
    own = doctor.share_percent if doctor else None
    return actor.clinic.doctor_share_percent if own is None else own


def charge(bill: Payment, event: VisitEvent, *, actor: Actor, at: datetime) -> None:
    """Post what the bill asks: the patient owes it, it is income. A bill of zero posts nothing."""
    if not bill.total_amount:
        return
    visit = load(Visit, bill.visit_id, bill.clinic_id) if bill.visit_id else None
    post(
        [
            transfer(
                LedgerKind.CHARGE,
                debit=account(AccountKind.PATIENT_DEBT, bill.clinic_id, patient_id=bill.patient_id),
                credit=account(AccountKind.INCOME, bill.clinic_id),
                amount=bill.total_amount,
                payment_id=bill.id,
                patient_id=bill.patient_id,
                service_id=visit.service_id if visit else None,
                appointment_id=visit.appointment_id if visit else None,
                event=("visit-event", event.id, "charge"),
                actor=actor,
                at=at,
            )
        ]
    )


def uncharge(bill: Payment, event: VisitEvent, *, actor: Actor, at: datetime) -> None:
    """Reverse the bill's standing charge, if any."""
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
    post([reversal(entry, ("visit-event", event.id, f"reverse-{entry.id}"), actor=actor, at=at) for entry in standing])


def reprice(
    bill: Payment, visit: Visit, service: Service, doctor: Doctor | None, event: VisitEvent, *, actor: Actor,
    at: datetime,
) -> None:  # fmt: skip
    """After a move to another day, doctor or service: its price on that day and the doctor's share, while unpaid."""
    if bill.status != PaymentStatus.PENDING:
        return
    price, line = price_on(service, visit.service_day), bill.lines[0]
    shares = split_shares(price, _percent(doctor, actor))
    line.doctor_id = visit.doctor_id
    if price != bill.total_amount or service.id != line.service_id:
        uncharge(bill, event, actor=actor, at=at)
        line.service_id = service.id
        line.unit_price = price
        line.amount = price * line.quantity
        bill.total_amount = bill.self_pay_amount = line.amount
        bill.doctor_share, bill.center_share = shares
        db.session.flush()
        charge(bill, event, actor=actor, at=at)
    bill.doctor_share, bill.center_share = shares


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
    if bill.invoice_no is None:
        bill.invoice_no = numbers.invoice_no(actor.clinic, service_day(at, actor.clinic))


def cancel_bill(bill: Payment, event: VisitEvent, *, actor: Actor, at: datetime) -> None:
    """Cancel an unpaid bill and reverse its charge. Raises NotPossible when money was taken."""
    if bill.amount_paid - bill.refunded_amount > 0:
        raise NotPossible(N_("Money was taken for this visit. Refund it first."), code="paid", state=bill.status)
    if bill.status == PaymentStatus.PENDING:
        set_status(bill, PaymentStatus.CANCELLED, at)
        uncharge(bill, event, actor=actor, at=at)
