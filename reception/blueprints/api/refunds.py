"""Money beside the payment of one bill, over JSON: refunds, several bills at once, deposits, bonus by hand."""

from __future__ import annotations

from typing import Any

from flask import g

from reception.access import Permission, requires
from reception.blueprints.accesses import opened
from reception.blueprints.api import schemas, shapes
from reception.blueprints.api.calls import after, bp, described, page
from reception.domain import debts, finance, listings
from reception.domain.merging_ids import ids_of
from reception.models import Method, Operation, RefundRequest
from reception.transaction import run


@bp.post("/payments/pay-together")
@requires(Permission.TILL)
@described(schemas.PaidTogether, body=schemas.PayTogether)
def pay_together(body: schemas.PayTogether) -> dict[str, Any]:
    """Take money for several bills in one operation, the oldest bill first. All or none."""
    operation = run(
        finance.pay_several,
        body.payer_id,
        [finance.Seen(bill.payment_id, bill.version, bill.due) for bill in body.bills],
        _parts(body.parts),
        amount=body.amount,
        received=body.received,
    )
    clinic = g.actor.clinic
    bills = [listings.payment(clinic.id, bill.payment_id) for bill in body.bills]
    return {
        "operation": shapes.operation_of(operation, clinic.currency),
        "bills": [shapes.payment(bill, clinic.currency) for bill in bills],
    }


def _parts(parts: list[schemas.PaidPart]) -> list[finance.Part]:
    return [finance.Part(part.method, part.cashbox_id, part.amount) for part in parts]


@bp.post("/payments/<int:payment_id>/refund")
@requires(Permission.REFUND)
@described(schemas.Refunded, body=schemas.Refund)
def refund(payment_id: int, body: schemas.Refund) -> dict[str, Any]:
    """Give money of a bill back; above the clinic's limit a second person is asked."""
    made = run(
        finance.refund,
        payment_id,
        body.reason,
        amount=body.amount,
        lines=[finance.Asked(line.line_id, line.amount, line.quantity) for line in body.lines],
        method=body.method,
        cashbox_id=body.cashbox_id,
        parts=_parts(body.parts),
        version=body.version,
    )
    return _refunded(payment_id, made)


def _refunded(payment_id: int, made: Operation | RefundRequest) -> dict[str, Any]:
    clinic = g.actor.clinic
    return shapes.refunded(listings.payment(clinic.id, payment_id), made, clinic.currency)


@bp.get("/refund-requests")
@requires(Permission.FINANCE)
@described(schemas.RefundRequest, query=schemas.Page, is_list=True)
def list_refund_requests(query: schemas.Page) -> dict[str, Any]:
    """Refunds that wait for a second person, the oldest first."""
    clinic = g.actor.clinic
    rows = listings.refund_requests(clinic.id, after(query.cursor, "refund-requests"), query.limit)
    return page(
        rows,
        query.limit,
        lambda row: shapes.refund_request(row, clinic.currency),
        "refund-requests",
        lambda row: ("", row.id),
    )


@bp.post("/refund-requests/<int:request_id>/approve")
@requires(Permission.APPROVE)
@described(schemas.Refunded, body=schemas.Approve)
def approve_refund(request_id: int, body: schemas.Approve) -> dict[str, Any]:
    """The second person's yes: the money goes back now."""
    operation = run(finance.approve, request_id, version=body.version)
    return _refunded(operation.payment_id, operation)


@bp.post("/refund-requests/<int:request_id>/refuse")
@requires(Permission.APPROVE)
@described(schemas.RefundRequest, body=schemas.Refuse)
def refuse_refund(request_id: int, body: schemas.Refuse) -> dict[str, Any]:
    """The second person's no."""
    row = run(finance.refuse, request_id, version=body.version)
    return shapes.refund_request(row, g.actor.clinic.currency)


@bp.get("/patients/<int:patient_id>/purse")
@requires(Permission.BILLS)
@described(schemas.Purse)
def show_purse(patient_id: int) -> dict[str, Any]:
    """Bonus, bonus debt and deposit of a patient."""
    return _purse(patient_id, None)


def _purse(patient_id: int, operation: Operation | None) -> dict[str, Any]:
    patient = opened(patient_id, "api")
    return shapes.purse(patient, debts.purse(patient), operation, g.actor.clinic.currency)


@bp.post("/patients/<int:patient_id>/deposit")
@requires(Permission.TILL)
@described(schemas.Purse, body=schemas.TakeDeposit)
def take_deposit(patient_id: int, body: schemas.TakeDeposit) -> dict[str, Any]:
    """Money that a patient leaves without a bill."""
    made = run(finance.take_deposit, patient_id, _parts(body.parts), received=body.received, note=body.note)
    return _purse(patient_id, made)


@bp.post("/patients/<int:patient_id>/deposit/give-back")
@requires(Permission.REFUND)
@described(schemas.Purse, body=schemas.GiveBackDeposit)
def give_back_deposit(patient_id: int, body: schemas.GiveBackDeposit) -> dict[str, Any]:
    """Some or all of a deposit goes back out of a cashbox."""
    part = finance.Part(Method(body.method), body.cashbox_id, body.amount)
    return _purse(patient_id, run(finance.give_back_deposit, patient_id, part, body.reason))


@bp.post("/patients/<int:patient_id>/bonus/add")
@requires(Permission.REFUND)
@described(schemas.Purse, body=schemas.AddBonus)
def add_bonus(patient_id: int, body: schemas.AddBonus) -> dict[str, Any]:
    """More bonus by hand; a bonus debt is paid off first."""
    return _purse(patient_id, run(finance.add_bonus, patient_id, body.amount, body.reason))


@bp.post("/patients/<int:patient_id>/bonus/withdraw")
@requires(Permission.REFUND)
@described(schemas.Purse, body=schemas.WithdrawBonus)
def withdraw_bonus(patient_id: int, body: schemas.WithdrawBonus) -> dict[str, Any]:
    """Less bonus by hand: paid out of a cash drawer, or only taken away."""
    made = run(finance.withdraw_bonus, patient_id, body.amount, body.reason, cashbox_id=body.cashbox_id)
    return _purse(patient_id, made)


@bp.get("/patients/<int:patient_id>/bonus/history")
@requires(Permission.BILLS)
@described(schemas.BonusEntry, query=schemas.Page, is_list=True)
def list_bonus_history(patient_id: int, query: schemas.Page) -> dict[str, Any]:
    """Movements of a patient's bonus, of the cards merged into this one, too; the oldest first."""
    patient, clinic = opened(patient_id, "api"), g.actor.clinic
    place = f"bonus-{patient.id}"
    rows = listings.bonus_entries(clinic.id, ids_of(patient), after(query.cursor, place), query.limit)
    return page(
        rows, query.limit, lambda row: shapes.bonus_entry(row, clinic.currency), place, lambda row: ("", row.id)
    )
