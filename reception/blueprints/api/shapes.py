"""Rows -> the dicts of `schemas.py`, in the contract's order. Plain code: these run on every answer."""

from __future__ import annotations

from typing import Any

from reception import clock, formats
from reception.blueprints.api.values import shown, stamp
from reception.domain.actors import ClinicFacts
from reception.domain.debts import Purse
from reception.domain.rooms_now import RoomNow
from reception.models import Operation, Patient, Payment, RefundRequest, VisitStatus

Dict = dict[str, Any]


def visit(row: Any, prefix: str = "") -> Dict:
    """A row of `listings.VISIT`; `prefix`: of the columns that an appointment beside it has too."""

    def own(name: str) -> Any:
        return getattr(row, prefix + name)

    return {
        "id": own("id"),
        "ticket": row.ticket,
        "queue_number": row.queue_number,
        "status": own("status"),
        "priority": row.priority,
        "patient_id": own("patient_id"),
        "doctor_id": own("doctor_id"),
        "department_id": row.department_id,
        "room_id": own("room_id"),
        "service_id": own("service_id"),
        "check_in_time": stamp(row.check_in_time),
        "called_at": stamp(row.called_at),
        "call_count": row.call_count,
        "start_time": stamp(row.start_time),
        "end_time": stamp(row.end_time),
        "appointment_id": row.appointment_id,
        "payment_id": row.payment_id,
        "version": own("version"),
    }


def appointment(row: Any) -> Dict:
    return {
        "id": row.id,
        "booking_id": row.booking_id,
        "status": row.status,
        "start": stamp(row.starts_at),
        "end": stamp(row.ends_at),
        "patient_id": row.patient_id,
        "doctor_id": row.doctor_id,
        "room_id": row.room_id,
        "service_id": row.service_id,
        "visit_id": row.visit_id,
        "payment_id": row.payment_id,
        "version": row.version,
        "ticket": row.ticket,
        "queue_number": row.queue_number,
    }


def appointment_with_visit(row: Any) -> Dict:
    return {**appointment(row), "visit": visit(row, "visit_")}


def patient(card: Patient, may_read_medical: bool = False) -> Dict:
    return {
        "id": card.id,
        "card_no": card.card_no,
        "first_name": card.first_name,
        "middle_name": card.middle_name,
        "last_name": card.last_name,
        "date_of_birth": card.date_of_birth.isoformat() if card.date_of_birth else None,
        "gender": card.gender,
        "phone": card.phone,
        "home_phone": card.home_phone,
        "email": card.email,
        "guardian_id": card.guardian_id,
        "national_id": card.national_id,
        "tax_id": card.tax_id,
        "document_type": card.document_type,
        "document_number": card.document_number,
        "country": card.country,
        "region_code": card.region_code,
        "district_code": card.district_code,
        "settlement_code": card.settlement_code,
        "address": card.address,
        "insurance_type": card.insurance_type,
        "insurer": card.insurer,
        "policy_number": card.policy_number,
        "gestational_age_weeks": card.gestational_age_weeks,
        "medical_history": card.medical_history if may_read_medical else None,
        "referred_by_id": card.referred_by_id,
        "alerts": card.alerts,
        "special_needs": card.special_needs,
        "additional_info": card.additional_info,
        "preferred_locale": card.preferred_locale,
        "is_anonymous": card.is_anonymous,
        "is_active": card.is_active,
        "version": card.version,
    }


def plain(row: Any) -> Dict:
    """A row whose columns are the answer's fields."""
    return dict(zip(row._fields, row, strict=True))


def clinic(facts: ClinicFacts) -> Dict:
    now = clock.now()
    return {
        "id": facts.id,
        "name": facts.name,
        "kind": facts.kind,
        "time_zone": facts.time_zone,
        "currency": facts.currency,
        "today": clock.service_day(now, facts).isoformat(),
        "now": stamp(now),
    }


def doctor(row: Any) -> Dict:
    return {
        "id": row.id,
        "full_name": formats.full_name(row),
        "username": row.username,
        "department_id": row.department_id,
        "is_active": row.is_active,
        "title": row.title,
        "room_id": row.room_id,
        "on_break": row.on_break,
    }


def service(row: Any, currency: str) -> Dict:
    return {
        "id": row.id,
        "name": row.name,
        "duration_min": row.duration_min,
        "price": None if row.price is None else shown(row.price, currency),
        "department_id": row.department_id,
        "description": row.description,
        "is_active": row.is_active,
    }


def schedule(row: Any) -> Dict:
    return {
        "id": row.id,
        "doctor_id": row.doctor_id,
        "room_id": row.room_id,
        "date": row.day.isoformat(),
        "start": stamp(row.starts_at),
        "end": stamp(row.ends_at),
        "slot_minutes": row.slot_minutes,
        "capacity": row.capacity,
        "places": int(row.places),
        "free": max(int(row.places) - row.taken, 0),
    }


def slot(row: Any, *, is_past: bool) -> Dict:
    return {
        "schedule_id": row.schedule_id,
        "doctor_id": row.doctor_id,
        "room_id": row.room_id,
        "start": stamp(row.starts_at),
        "end": stamp(row.ends_at),
        "capacity": row.capacity,
        "free": 0 if is_past else max(row.capacity - row.taken, 0),
    }


def payment(bill: Payment, currency: str) -> Dict:
    return {
        "id": bill.id,
        "visit_id": bill.visit_id,
        "total_amount": shown(bill.total_amount, currency),
        "insurance_amount": shown(bill.insurance_amount, currency),
        "self_pay_amount": shown(bill.self_pay_amount, currency),
        "amount_paid": shown(bill.amount_paid, currency),
        "due_amount": shown(bill.due_amount, currency),
        "status": bill.status,
        "version": bill.version,
        "patient_id": bill.patient_id,
        "invoice_no": bill.invoice_no,
        "currency": currency,
    }


def paid(bill: Payment, operation: Operation, currency: str) -> Dict:
    return {**payment(bill, currency), "operation": operation_of(operation, currency)}


def operation_of(operation: Operation, currency: str) -> Dict:
    return {
        "id": operation.id,
        "receipt_no": operation.receipt_no,
        "amount": shown(operation.amount, currency),
        "received": shown(operation.cash_received, currency),
        "change": shown(operation.change_given, currency),
    }


def cashbox_shift(row: Any, currency: str) -> Dict:
    is_closed = row.closed_at is not None
    return {
        "id": row.id,
        "cashbox_id": row.cashbox_id,
        "opened_at": stamp(row.opened_at),
        "opened_by_id": row.opened_by_id,
        "opening_counted": shown(row.opening_counted, currency),
        "opening_expected": shown(row.opening_expected, currency),
        "opening_reason": row.opening_reason,
        "closed_at": stamp(row.closed_at),
        "closed_by_id": row.closed_by_id,
        "counted": shown(row.counted, currency) if is_closed else None,
        "expected": shown(row.expected, currency) if is_closed else None,
        "difference": shown(row.counted - row.expected, currency) if is_closed else None,
        "reason": row.reason,
        "number": row.number,
        "audit_hash": row.audit_hash,
        "version": row.version,
        "currency": currency,
    }


def cash_transfer(row: Any, currency: str) -> Dict:
    return {
        "id": row.id,
        "source_id": row.source_id,
        "target_id": row.target_id,
        "amount": shown(row.amount, currency),
        "note": row.note,
        "status": row.status,
        "asked_at": stamp(row.asked_at),
        "answered_at": stamp(row.answered_at),
        "answered_by_id": row.answered_by_id,
        "version": row.version,
        "currency": currency,
    }


def money_category(row: Any) -> Dict:
    return {"id": row.id, "kind": row.kind, "name": row.name, "is_active": row.is_active}


def refund_request(row: Any, currency: str) -> Dict:
    return {
        "id": row.id,
        "payment_id": row.payment_id,
        "amount": shown(row.amount, currency),
        "reason": row.reason,
        "status": row.status,
        "asked_at": stamp(row.asked_at),
        "asked_by_id": row.asked_by_id,
        "answered_by_id": row.answered_by_id,
        "version": row.version,
        "currency": currency,
    }


def refunded(bill: Payment, made: Operation | RefundRequest, currency: str) -> Dict:
    return {
        **payment(bill, currency),
        "refunded_amount": shown(bill.refunded_amount, currency),
        "operation": operation_of(made, currency) if isinstance(made, Operation) else None,
        "request": refund_request(made, currency) if isinstance(made, RefundRequest) else None,
    }


def purse(patient: Patient, has: Purse, operation: Operation | None, currency: str) -> Dict:
    return {
        "patient_id": patient.id,
        "bonus": shown(has.bonus, currency),
        "bonus_debt": shown(has.bonus_debt, currency),
        "deposit": shown(has.deposit, currency),
        "currency": currency,
        "operation": operation_of(operation, currency) if operation else None,
    }


def bonus_entry(row: Any, currency: str) -> Dict:
    return {
        "id": row.id,
        "at": stamp(row.at),
        "amount": shown(row.amount, currency),
        "reason": row.reason,
        "operation_id": row.operation_id,
        "payment_id": row.payment_id,
    }


def cashbox(row: Any, currency: str, *, may_see_balance: bool) -> Dict:
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "balance": shown(row.balance, currency) if may_see_balance else None,
        "is_open": row.is_open,
    }


def ledger_entry(row: Any, currency: str) -> Dict:
    return {
        "id": row.id,
        "at": stamp(row.at),
        "day": row.day.isoformat(),
        "kind": row.kind,
        "amount": shown(row.amount, currency),
        "debit_id": row.debit_id,
        "debit_kind": row.debit_kind,
        "credit_id": row.credit_id,
        "credit_kind": row.credit_kind,
        "method": row.method,
        "cashbox_id": row.cashbox_id,
        "payment_id": row.payment_id,
        "patient_id": row.patient_id,
        "service_id": row.service_id,
        "appointment_id": row.appointment_id,
        "operation_id": row.operation_id,
        "reverses_id": row.reverses_id,
    }


def room_now(room: Any, now: RoomNow) -> Dict:
    """A room (id, name) and what goes on in it."""
    coming = now.next
    return {
        "room_id": room.id,
        "name": room.name,
        "status": now.status,
        "doctor_id": now.doctor_id,
        "schedule_id": now.schedule_id,
        "visits": [_in_room(visit) for visit in now.visits],
        "closed_until": stamp(now.closure.until) if now.closure else None,
        "next_appointment": {
            "id": coming.id, "start": stamp(coming.starts_at), "doctor_id": coming.doctor_id,
        } if coming else None,
    }  # fmt: skip


def _in_room(visit: Any) -> Dict:
    is_inside = visit.status == VisitStatus.IN_PROGRESS
    return {
        "id": visit.id,
        "ticket": visit.ticket,
        "status": visit.status,
        "doctor_id": visit.doctor_id,
        "since": stamp(visit.start_time if is_inside else visit.called_at),
    }
