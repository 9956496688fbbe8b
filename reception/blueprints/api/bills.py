"""A bill's lines, discounts, payers and numbers over JSON, and claims to insurers."""

from __future__ import annotations

from typing import Any

from flask import g
from sqlalchemy import select

from reception.access import Permission, requires
from reception.blueprints.api import bill_schemas as schemas
from reception.blueprints.api import shapes
from reception.blueprints.api.calls import after, bp, described, page
from reception.blueprints.api.schemas import Page
from reception.blueprints.api.values import shown
from reception.domain import listings
from reception.domain.errors import invalid_field
from reception.domain.finance import claims as claim_verbs
from reception.domain.finance import invoices, lines, payers
from reception.domain.finance.charges import lines_of, payers_of
from reception.domain.locks import load, scoped
from reception.extensions import db
from reception.models import BillLine, BillPayer, Claim, CoverageKind, Insurer
from reception.transaction import run
from reception.words import N_


def _whole(payment_id: int) -> dict[str, Any]:
    currency = g.actor.clinic.currency
    bill = listings.payment(g.actor.clinic_id, payment_id)
    return {
        **shapes.payment(bill, currency),
        "lines": [_line(row, currency) for row in lines_of(bill)],
        "payers": [_payer(row, currency) for row in payers_of(bill)],
    }


def _line(row: BillLine, currency: str) -> dict[str, Any]:
    names = ("id", "kind", "service_id", "doctor_id", "quantity", "discounts_id", "percent", "reason")
    money = {"unit_price": shown(row.unit_price, currency), "amount": shown(row.amount, currency)}
    return {name: getattr(row, name) for name in names} | money


def _payer(row: BillPayer, currency: str) -> dict[str, Any]:
    names = ("id", "insurer_id", "policy_number", "coverage", "claim_id")
    return {name: getattr(row, name) for name in names} | {
        "percent": row.value if row.coverage == CoverageKind.PERCENT else None,
        "amount": shown(row.amount, currency),
        "paid_amount": shown(row.paid_amount, currency),
    }


@bp.get("/payments/<int:payment_id>/lines")
@requires(Permission.BILLS)
@described(schemas.WholeBill)
def show_lines(payment_id: int) -> dict[str, Any]:
    """A bill with its lines and payers."""
    return _whole(payment_id)


@bp.post("/payments/<int:payment_id>/lines")
@requires(Permission.BILL_LINES)
@described(schemas.WholeBill, body=schemas.AddLine, status=201)
def add_line(payment_id: int, body: schemas.AddLine) -> dict[str, Any]:
    """Add a service at the price of the bill's day."""
    run(
        lines.add_line, payment_id, body.service_id, quantity=body.quantity, doctor_id=body.doctor_id,
        version=body.version, about=("payment", payment_id),
    )  # fmt: skip
    return _whole(payment_id)


@bp.post("/payments/<int:payment_id>/lines/<int:line_id>/quantity")
@requires(Permission.BILL_LINES)
@described(schemas.WholeBill, body=schemas.Quantity)
def change_line(payment_id: int, line_id: int, body: schemas.Quantity) -> dict[str, Any]:
    """Another quantity of a service."""
    run(
        lines.change_line, payment_id, line_id, body.quantity, version=body.version, about=("payment", payment_id)
    )  # fmt: skip
    return _whole(payment_id)


@bp.post("/payments/<int:payment_id>/lines/<int:line_id>/remove")
@requires(Permission.BILL_LINES)
@described(schemas.WholeBill, body=schemas.Seen)
def remove_line(payment_id: int, line_id: int, body: schemas.Seen) -> dict[str, Any]:
    """Take a service with its discounts off the bill, or a discount."""
    run(lines.remove_line, payment_id, line_id, version=body.version, about=("payment", payment_id))
    return _whole(payment_id)


@bp.post("/payments/<int:payment_id>/discounts")
@requires(Permission.BILL_LINES)
@described(schemas.WholeBill, body=schemas.Discount, status=201)
def add_discount(payment_id: int, body: schemas.Discount) -> dict[str, Any]:
    """Let off a percent or an amount, within the limit of the role."""
    run(
        lines.discount, payment_id, body.reason, percent=body.percent, amount=body.amount, line_id=body.line_id,
        version=body.version, about=("payment", payment_id),
    )  # fmt: skip
    return _whole(payment_id)


@bp.post("/payments/<int:payment_id>/payers")
@requires(Permission.BILL_LINES)
@described(schemas.WholeBill, body=schemas.AddPayer, status=201)
def add_payer(payment_id: int, body: schemas.AddPayer) -> dict[str, Any]:
    """An insurer pays a percent of the bill, or up to an amount."""
    if body.percent is not None and body.amount is not None:
        raise invalid_field("percent", N_("Say a percent or an amount."))
    coverage = CoverageKind.PERCENT if body.amount is None else CoverageKind.AMOUNT
    run(
        payers.add_payer, payment_id, body.insurer_id, coverage=coverage,
        value=body.percent if body.amount is None else body.amount, policy_number=body.policy_number,
        version=body.version, about=("payment", payment_id),
    )  # fmt: skip
    return _whole(payment_id)


@bp.post("/payments/<int:payment_id>/payers/<int:payer_id>/remove")
@requires(Permission.BILL_LINES)
@described(schemas.WholeBill, body=schemas.Seen)
def remove_payer(payment_id: int, payer_id: int, body: schemas.Seen) -> dict[str, Any]:
    """The insurer pays nothing of the bill."""
    run(payers.remove_payer, payment_id, payer_id, version=body.version, about=("payment", payment_id))
    return _whole(payment_id)


@bp.post("/payments/<int:payment_id>/invoice")
@requires(Permission.FINANCE)
@described(schemas.WholeBill, body=schemas.Seen)
def number(payment_id: int, body: schemas.Seen) -> dict[str, Any]:
    """Give the bill its number, or after a void one a new one."""
    run(invoices.invoice, payment_id, version=body.version, about=("payment", payment_id))
    return _whole(payment_id)


@bp.post("/payments/<int:payment_id>/void")
@requires(Permission.FINANCE)
@described(schemas.WholeBill, body=schemas.Why)
def void(payment_id: int, body: schemas.Why) -> dict[str, Any]:
    """Make the bill's number void; the bill stands."""
    run(invoices.void, payment_id, body.reason, version=body.version, about=("payment", payment_id))
    return _whole(payment_id)


# ---------------------------------------------------------------------------------------------- insurers and claims


@bp.get("/insurers")
@requires(Permission.BILLS)
@described(schemas.Insurer, query=Page, is_list=True)
def list_insurers(query: Page) -> dict[str, Any]:
    """Who pays parts of bills; those that are not named on new ones, too."""
    rows = _listed(Insurer, query, "insurers")
    names = ("id", "name", "coverage_percent", "is_active")
    return page(rows, query.limit, lambda row: {name: getattr(row, name) for name in names}, "insurers", _place)


@bp.get("/claims")
@requires(Permission.FINANCE)
@described(schemas.Claim, query=Page, is_list=True)
def list_claims(query: Page) -> dict[str, Any]:
    """Claims, oldest first."""
    return page(_listed(Claim, query, "claims"), query.limit, _claim, "claims", _place)


def _listed(kind: Any, query: Page, name: str) -> list[Any]:
    wanted = scoped(kind, g.actor.clinic_id).order_by(kind.id).limit(query.limit + 1)
    if seen := after(query.cursor, name):
        wanted = wanted.where(kind.id > seen[1])
    return list(db.session.scalars(wanted))


def _place(row: Any) -> tuple[str, int]:
    return "", row.id


def _claim(row: Claim) -> dict[str, Any]:
    currency = g.actor.clinic.currency
    names = ("id", "number", "insurer_id", "status", "version")
    parts = db.session.scalars(select(BillPayer).where(BillPayer.claim_id == row.id).order_by(BillPayer.id))
    return {name: getattr(row, name) for name in names} | {
        "month": row.month.isoformat(),
        "amount": shown(row.amount, currency),
        "currency": currency,
        "parts": [
            {
                "id": part.id, "payment_id": part.payment_id, "amount": shown(part.amount, currency),
                "paid_amount": shown(part.paid_amount, currency),
            }
            for part in parts
        ],
    }  # fmt: skip


def _answered(claim_id: int) -> dict[str, Any]:
    return _claim(load(Claim, claim_id, g.actor.clinic_id))


@bp.post("/claims")
@requires(Permission.CLAIMS)
@described(schemas.Claim, body=schemas.NewClaim, status=201)
def draft_claim(body: schemas.NewClaim) -> dict[str, Any]:
    """Collect an insurer's open parts of the bills of a month."""
    return _claim(run(claim_verbs.draft, body.insurer_id, body.month))


@bp.post("/claims/<int:claim_id>/send")
@requires(Permission.CLAIMS)
@described(schemas.Claim, body=schemas.Seen)
def send_claim(claim_id: int, body: schemas.Seen) -> dict[str, Any]:
    """The claim went to the insurer: its bills stand."""
    run(claim_verbs.send, claim_id, version=body.version, about=("claim", claim_id))
    return _answered(claim_id)


@bp.post("/claims/<int:claim_id>/accept")
@requires(Permission.CLAIMS)
@described(schemas.Claim, body=schemas.Seen)
def accept_claim(claim_id: int, body: schemas.Seen) -> dict[str, Any]:
    """The insurer says that it will pay."""
    run(claim_verbs.accept, claim_id, version=body.version, about=("claim", claim_id))
    return _answered(claim_id)


@bp.post("/claims/<int:claim_id>/refuse")
@requires(Permission.CLAIMS)
@described(schemas.Claim, body=schemas.Refuse)
def refuse_claim(claim_id: int, body: schemas.Refuse) -> dict[str, Any]:
    """The insurer does not pay, all or some parts: they become the patients'."""
    run(
        claim_verbs.refuse, claim_id, body.reason, parts=body.parts, version=body.version, about=("claim", claim_id)
    )  # fmt: skip
    return _answered(claim_id)


@bp.post("/claims/<int:claim_id>/pay")
@requires(Permission.CLAIMS)
@described(schemas.Claim, body=schemas.PayClaim)
def pay_claim(claim_id: int, body: schemas.PayClaim) -> dict[str, Any]:
    """The insurer's money came into a bank cashbox: for all that is open, or part by part."""
    parts = {part.part_id: part.amount for part in body.parts} if body.parts is not None else None
    run(claim_verbs.pay, claim_id, body.cashbox_id, parts=parts, version=body.version, about=("claim", claim_id))
    return _answered(claim_id)
