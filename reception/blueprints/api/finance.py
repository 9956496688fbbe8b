"""Bills, payments, cashboxes and the ledger over JSON."""

from __future__ import annotations

from typing import Any

from flask import g

from reception import clock
from reception.access import Permission, may, requires
from reception.blueprints.api import schemas, shapes
from reception.blueprints.api.calls import after, bp, described, page
from reception.domain import finance, listings
from reception.domain.errors import invalid_field
from reception.transaction import run
from reception.words import N_


@bp.get("/payments/<int:payment_id>")
@requires(Permission.BILLS)
@described(schemas.Payment)
def show_payment(payment_id: int) -> dict[str, Any]:
    """One bill."""
    return shapes.payment(listings.payment(g.actor.clinic_id, payment_id), g.actor.clinic.currency)


@bp.post("/payments/<int:payment_id>/pay")
@requires(Permission.TILL)
@described(schemas.Paid, body=schemas.Pay)
def pay(payment_id: int, body: schemas.Pay) -> dict[str, Any]:
    """Take money for the bill, in one or several parts, each into its cashbox. All or none."""
    operation = run(
        finance.pay,
        payment_id,
        [finance.Part(part.method, part.cashbox_id, part.amount) for part in body.parts],
        version=body.version,
        amount=body.amount,
        received=body.received,
    )
    clinic = g.actor.clinic
    return shapes.paid(listings.payment(clinic.id, payment_id), operation, clinic.currency)


@bp.get("/cashboxes")
@requires(Permission.BILLS)
@described(schemas.Cashbox, query=schemas.Page, is_list=True)
def list_cashboxes(query: schemas.Page) -> dict[str, Any]:
    """Where money can go; the balances for those who may see the money."""
    clinic, may_see = g.actor.clinic, may(g.actor, Permission.FINANCE)
    rows = listings.cashboxes(clinic.id, after(query.cursor, "cashboxes"), query.limit)
    return page(
        rows,
        query.limit,
        lambda row: shapes.cashbox(row, clinic.currency, may_see_balance=may_see),
        "cashboxes",
        _place,
    )


@bp.get("/ledger")
@requires(Permission.FINANCE)
@described(schemas.LedgerEntry, query=schemas.LedgerAsked, is_list=True)
def list_ledger(query: schemas.LedgerAsked) -> dict[str, Any]:
    """Ledger entries, oldest first: of today, of the days asked for, or of one bill."""
    clinic = g.actor.clinic
    first = query.from_ or min(clock.today(clinic), query.to or clock.today(clinic))
    last = query.to or max(first, clock.today(clinic))
    if last < first:
        raise invalid_field("to", N_("The end must come after the start."))
    rows = listings.ledger(clinic.id, first, last, query.payment, after(query.cursor, "ledger"), query.limit)
    return page(rows, query.limit, lambda row: shapes.ledger_entry(row, clinic.currency), "ledger", _place)


def _place(row: Any) -> tuple[str, int]:
    return "", row.id
