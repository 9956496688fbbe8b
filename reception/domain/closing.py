"""What may be closed: nothing that somebody still waits for."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, func, select

from reception.domain import machines
from reception.domain.errors import NotPossible
from reception.extensions import db
from reception.models import (
    Department,
    Doctor,
    Patient,
    Payment,
    PaymentStatus,
    Room,
    Schedule,
    Visit,
    VisitStatus,
    WaitlistEntry,
    WaitlistStatus,
)
from reception.words import N_

OPEN = (VisitStatus.SCHEDULED, VisitStatus.WAITING, VisitStatus.CALLED, VisitStatus.IN_PROGRESS)


def still_open(patient: Patient) -> NotPossible | None:
    """Why the card cannot be closed: a visit or booking that has not ended, a wish on the waitlist."""
    visits = select(Visit.id).where(Visit.patient_id == patient.id, Visit.status.in_(machines.OPEN)).limit(1)
    if db.session.scalar(visits) is not None:
        message = N_("This patient is booked or in the queue. Finish or cancel that first.")
        return NotPossible(message, code="open-visits", allowed=[])
    waiting = select(WaitlistEntry.id).where(
        WaitlistEntry.patient_id == patient.id,
        WaitlistEntry.status.in_([WaitlistStatus.ACTIVE, WaitlistStatus.NOTIFIED]),
    )
    if db.session.scalar(waiting.limit(1)) is not None:
        message = N_("This patient is on the waitlist. Take the entry off the list first.")
        return NotPossible(message, code="waiting", allowed=[])
    return None


def still_owed(patient: Patient) -> NotPossible | None:
    """Why the card cannot be closed: a bill that is not paid."""
    if not owed_amount([patient.id]):
        return None
    return NotPossible(N_("This patient has a bill to pay. Take the payment first."), code="unpaid", allowed=[])


def owed_amount(patient_ids: list[int]) -> int:
    """What is still to be paid for the bills of these cards, in smallest units."""
    due = select(func.sum(Payment.self_pay_amount - Payment.amount_paid)).where(
        Payment.patient_id.in_(patient_ids), Payment.status.in_([PaymentStatus.PENDING, PaymentStatus.PARTIALLY_PAID])
    )
    return int(db.session.scalar(due) or 0)


def may_close(row: Any, today: date) -> None:
    """Raises NotPossible while visits, doctors or shifts from `today` on lean on the department, doctor or room."""
    if isinstance(row, Doctor):
        _none_left(
            _visits(today, Visit.doctor_id == row.id),
            N_("Visits still open with this doctor: %(count)s. Move or finish them first."),
        )
    elif isinstance(row, Department):
        _none_left(
            _count(Doctor.department_id == row.id, Doctor.is_active.is_(True)),
            N_("Doctors still working in this department: %(count)s. Move them first."),
        )
        _none_left(
            _visits(today, Visit.department_id == row.id, Visit.doctor_id.is_(None)),
            N_("Visits still open in this department: %(count)s. Move or finish them first."),
        )
    elif isinstance(row, Room):
        _none_left(
            _count(Doctor.room_id == row.id, Doctor.is_active.is_(True)),
            N_("Doctors still sitting in this room: %(count)s. Give them another room first."),
        )
        _none_left(
            _count(Schedule.room_id == row.id, Schedule.is_open.is_(True), Schedule.day >= today),
            N_("Shifts still planned in this room: %(count)s. Move them first."),
        )


def _visits(today: date, *rules: ColumnElement[bool]) -> int:
    return _count(Visit.status.in_(OPEN), Visit.service_day >= today, *rules)


def _count(*rules: ColumnElement[bool]) -> int:
    return db.session.scalar(select(func.count()).where(*rules)) or 0


def _none_left(count: int, message: str) -> None:
    if count:
        raise NotPossible(message, code="still-needed", count=count)
