"""Shifts of cashboxes, transfers between them, other income and expenses over JSON."""

from __future__ import annotations

from typing import Any

from flask import g

from reception.access import Permission, requires
from reception.blueprints.api import schemas, shapes
from reception.blueprints.api.calls import after, bp, described, page
from reception.domain import finance, listings
from reception.transaction import run


@bp.get("/cashbox-shifts")
@requires(Permission.FINANCE)
@described(schemas.CashboxShift, query=schemas.ShiftsAsked, is_list=True)
def list_cashbox_shifts(query: schemas.ShiftsAsked) -> dict[str, Any]:
    """Shifts of the cashboxes, oldest first; of one cashbox, or only those that are open."""
    clinic = g.actor.clinic
    rows = listings.cashbox_shifts(clinic.id, query.cashbox, query.state, after(query.cursor, "shifts"), query.limit)
    return page(rows, query.limit, lambda row: shapes.cashbox_shift(row, clinic.currency), "shifts", _place)


@bp.post("/cashboxes/<int:cashbox_id>/shift")
@requires(Permission.CASHBOX)
@described(schemas.CashboxShift, body=schemas.Count, status=201)
def open_cashbox_shift(cashbox_id: int, body: schemas.Count) -> dict[str, Any]:
    """Open a shift with what was counted; a terminal or an account needs no count."""
    return shapes.cashbox_shift(run(finance.start_shift, cashbox_id, **_count(body)), g.actor.clinic.currency)


@bp.post("/cashbox-shifts/<int:shift_id>/close")
@requires(Permission.CASHBOX)
@described(schemas.CashboxShift, body=schemas.Count)
def close_cashbox_shift(shift_id: int, body: schemas.Count) -> dict[str, Any]:
    """Close a shift with what was counted. The Z report gets its number."""
    return shapes.cashbox_shift(run(finance.close_shift, shift_id, **_count(body)), g.actor.clinic.currency)


def _count(body: schemas.Count) -> dict[str, Any]:
    return {"amount": body.counted, "reason": body.reason, "expected": body.expected}


@bp.get("/cash-transfers")
@requires(Permission.FINANCE)
@described(schemas.CashTransfer, query=schemas.Page, is_list=True)
def list_cash_transfers(query: schemas.Page) -> dict[str, Any]:
    """Transfers that wait for an answer, oldest first."""
    clinic = g.actor.clinic
    rows = listings.cash_transfers(clinic.id, after(query.cursor, "transfers"), query.limit)
    return page(rows, query.limit, lambda row: shapes.cash_transfer(row, clinic.currency), "transfers", _place)


@bp.post("/cash-transfers")
@requires(Permission.CASHBOX)
@described(schemas.CashTransfer, body=schemas.AskTransfer, status=201)
def ask_cash_transfer(body: schemas.AskTransfer) -> dict[str, Any]:
    """Offer money of one cashbox to another; it moves when the other side accepts it."""
    row = run(finance.ask_transfer, body.source_id, body.target_id, body.amount, note=body.note)
    return shapes.cash_transfer(row, g.actor.clinic.currency)


@bp.post("/cash-transfers/<int:transfer_id>/accept")
@requires(Permission.CASHBOX)
@described(schemas.CashTransfer, body=schemas.Answer)
def accept_cash_transfer(transfer_id: int, body: schemas.Answer) -> dict[str, Any]:
    """The other side's yes: the money moves."""
    row = run(finance.accept_transfer, transfer_id, version=body.version)
    return shapes.cash_transfer(row, g.actor.clinic.currency)


@bp.post("/cash-transfers/<int:transfer_id>/refuse")
@requires(Permission.CASHBOX)
@described(schemas.CashTransfer, body=schemas.Answer)
def refuse_cash_transfer(transfer_id: int, body: schemas.Answer) -> dict[str, Any]:
    """The other side's no."""
    row = run(finance.refuse_transfer, transfer_id, version=body.version)
    return shapes.cash_transfer(row, g.actor.clinic.currency)


@bp.post("/cash-transfers/<int:transfer_id>/withdraw")
@requires(Permission.CASHBOX)
@described(schemas.CashTransfer, body=schemas.Answer)
def withdraw_cash_transfer(transfer_id: int, body: schemas.Answer) -> dict[str, Any]:
    """Take a transfer back before it is answered."""
    row = run(finance.withdraw_transfer, transfer_id, version=body.version)
    return shapes.cash_transfer(row, g.actor.clinic.currency)


@bp.get("/money-categories")
@requires(Permission.FINANCE)
@described(schemas.MoneyCategory, query=schemas.Page, is_list=True)
def list_money_categories(query: schemas.Page) -> dict[str, Any]:
    """What other income and expenses may be for."""
    rows = listings.money_categories(g.actor.clinic_id, after(query.cursor, "categories"), query.limit)
    return page(rows, query.limit, shapes.money_category, "categories", _place)


@bp.post("/cashboxes/<int:cashbox_id>/income")
@requires(Permission.CASHBOX)
@described(schemas.Operation, body=schemas.CashMove, status=201)
def take_income(cashbox_id: int, body: schemas.CashMove) -> dict[str, Any]:
    """Money that comes into a cashbox and belongs to no bill."""
    made = run(finance.take_in, cashbox_id, body.category_id, body.amount, note=body.note)
    return shapes.operation_of(made, g.actor.clinic.currency)


@bp.post("/cashboxes/<int:cashbox_id>/expense")
@requires(Permission.CASHBOX)
@described(schemas.Operation, body=schemas.CashMove, status=201)
def pay_expense(cashbox_id: int, body: schemas.CashMove) -> dict[str, Any]:
    """Money that leaves a cashbox for an expense, never more than is in it."""
    made = run(finance.pay_out, cashbox_id, body.category_id, body.amount, note=body.note)
    return shapes.operation_of(made, g.actor.clinic.currency)


def _place(row: Any) -> tuple[str, int]:
    return "", row.id
