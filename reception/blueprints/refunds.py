"""Giving money back: the dialog of a bill, and what waits for a second person."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Response, g, redirect, render_template, request, url_for
from flask_babel import gettext

from reception import formats, live, live_sockets
from reception.access import Permission, may, requires
from reception.blueprints import answers
from reception.blueprints.accesses import opened
from reception.blueprints.confirming import confirm
from reception.blueprints.dialogs import dialog
from reception.blueprints.finance import REFUNDABLE, bp, with_receipt
from reception.blueprints.payment_form import read, whole
from reception.domain import finance, operations, refunds_asked
from reception.domain.errors import Invalid, NotAllowed, NotPossible, Refusal, invalid_field
from reception.domain.finance import refund_plan
from reception.domain.finance.refunds import needs_two, waiting_of
from reception.domain.locks import load
from reception.errors import is_htmx
from reception.models import Method, Operation, Payment, RefundRequest, RefundRequestStatus
from reception.transaction import run
from reception.words import N_


@bp.get("/bills/<int:payment_id>/refund")
@requires(Permission.REFUND)
def refund(payment_id: int) -> Response:
    """What of a bill goes back, and how."""
    opened(load(Payment, payment_id, g.actor.clinic_id).patient_id, "bill")
    return _dialog(payment_id, secrets.token_urlsafe(12))


@bp.post("/bills/<int:payment_id>/refund")
@requires(Permission.REFUND)
def give_back(payment_id: int) -> Any:
    """Give it back, or ask a second person; what was wrong is shown in the dialog."""
    try:
        wish = _wish()
        confirm()
        made = run(finance.refund, payment_id, request.form.get("reason", ""), **wish)
    except (Invalid, NotPossible, NotAllowed) as refusal:
        key = secrets.token_urlsafe(12) if refusal.code == "key-reused" else request.form.get("key", "")[:80]
        return _dialog(payment_id, key, refusal)
    bill = load(Payment, payment_id, g.actor.clinic_id)
    if isinstance(made, Operation):
        words = gettext("%(amount)s given back, receipt %(receipt)s")
        return with_receipt(made, words, ticket=bill.visit.ticket if bill.visit else None)
    if not is_htmx():
        return redirect(url_for("finance.refunds_asked_for"), 303)
    text = gettext("%(amount)s is above the limit: a second person was asked.", amount=formats.money(made.amount))
    return answers.done(text)


def _dialog(payment_id: int, key: str, refusal: Refusal | None = None) -> Response:
    bill = load(Payment, payment_id, g.actor.clinic_id)
    left = refund_plan.left_of(bill) if bill.status in REFUNDABLE else 0
    return dialog(
        "finance/_refund.html",
        N_("Give money back"),
        refusal=refusal,
        errors=refusal.fields if refusal else {},
        bill=bill,
        visit=bill.visit,
        key=key,
        left=left,
        lines=refund_plan.left_by_line(bill) if left else [],
        ways=[(part, _box(part.cashbox_id)) for part in refund_plan.ways(bill)] if left else [],
        boxes=[box for box in operations.cashboxes(g.actor) if box.is_open],
        waiting=waiting_of(bill),
        is_large=bool(left) and needs_two(bill, left, g.actor),
        limit=g.actor.clinic.refund_limit,
        typed=request.form,
    )


def _box(cashbox_id: int | None) -> str:
    return next((box.name for box in operations.cashboxes(g.actor) if box.id == cashbox_id), "")


def _wish() -> dict[str, Any]:
    """What the form asks of `finance.refund`. Raises Invalid."""
    form, currency = request.form, g.actor.clinic.currency
    found: dict[str, Any] = {"version": whole(form.get("version", ""), "version")}
    what = form.get("what", "")
    if what == "amount":
        found["amount"] = read(form, "amount", currency)
    elif what == "lines":
        found["lines"] = _lines(currency)
    elif what != "all":
        raise invalid_field("what", N_("Say what goes back: all, an amount or some lines."))
    if way := form.get("way", ""):
        box = next((box for box in operations.cashboxes(g.actor) if str(box.id) == way), None)
        if way != Method.DEPOSIT and box is None:
            raise invalid_field("way", N_("Choose from the list."))
        found |= {"method": finance.METHOD_OF[box.kind], "cashbox_id": box.id} if box else {"method": Method.DEPOSIT}
    return found


def _lines(currency: str) -> list[finance.Asked]:
    form, asked = request.form, []
    for name in sorted(set(form)):
        kind, _, number = name.partition("-")
        if kind not in ("line", "pieces") or not form[name].strip():
            continue
        ident = whole(number, "lines")
        if kind == "line":
            asked.append(finance.Asked(ident, amount=read(form, name, currency)))
        else:
            asked.append(finance.Asked(ident, quantity=whole(form[name].strip(), name)))
    if not asked:
        raise invalid_field("lines", N_("Say of at least one line what goes back."))
    return asked


# --------------------------------------------------------------------------------------------------- second person


@bp.get("/refunds")
@requires(Permission.FINANCE)
def refunds_asked_for() -> str:
    """What waits for a second person, and what was answered lately."""
    viewer = live_sockets.viewer_of(g.actor)
    versions = live.versions(g.actor.clinic_id, ["refunds", "finance"])
    found = refunds_asked.asked(viewer)
    done = refunds_asked.answered(viewer)
    return render_template(
        "finance/_refunds.html" if is_htmx() else "finance/refunds.html",
        here="finance",
        viewer=g.actor,
        v=versions["finance"],
        version=versions["refunds"],
        asked=found["asked"],
        answered=done["answered"],
        names=found["names"] | done["names"],
        may_approve=may(g.actor, Permission.APPROVE),
    )


@bp.get("/refunds/<int:request_id>")
@requires(Permission.FINANCE)
def asked_refund(request_id: int) -> Response:
    """One refund that waits: what goes back of which bill, and the answer."""
    return _asked(request_id)


@bp.post("/refunds/<int:request_id>/approve")
@requires(Permission.APPROVE)
def approve_refund(request_id: int) -> Any:
    """The second person's yes, with the own password."""
    try:
        confirm()
        operation = run(finance.approve, request_id, version=request.form.get("version", type=int))
    except (Invalid, NotPossible, NotAllowed) as refusal:
        return _asked(request_id, refusal)
    return with_receipt(operation, gettext("%(amount)s given back, receipt %(receipt)s"))


@bp.post("/refunds/<int:request_id>/refuse")
@requires(Permission.FINANCE)
def refuse_refund(request_id: int) -> Any:
    """No; whoever asked may take it back."""
    row = load(RefundRequest, request_id, g.actor.clinic_id)
    if not may(g.actor, Permission.APPROVE) and row.asked_by_id != g.actor.user_id:
        raise NotAllowed(N_("Your role cannot do this."))
    try:
        run(finance.refuse, request_id, version=request.form.get("version", type=int))
    except NotPossible as refusal:
        return _asked(request_id, refusal)
    if not is_htmx():
        return redirect(url_for("finance.refunds_asked_for"), 303)
    return answers.done(gettext("The refund is refused. Nothing was given back."))


def _asked(request_id: int, refusal: Refusal | None = None) -> Response:
    row = load(RefundRequest, request_id, g.actor.clinic_id)
    opened(row.payment.patient_id, "bill")
    by_line = {line: amount for line, amount in row.wish["lines"]}
    box = row.wish["cashbox_id"]
    return dialog(
        "finance/_refund_asked.html",
        N_("Refund for a second person"),
        refusal=refusal,
        errors=refusal.fields if refusal else {},
        row=row,
        bill=row.payment,
        visit=row.payment.visit,
        by_line=by_line,
        way=Method(row.wish["method"]) if row.wish["method"] else None,
        way_box=_box(box),
        parts=[(part, _box(part.cashbox_id)) for part in refund_plan.spread(row.payment, row.amount)],
        names=refunds_asked.names([row]),
        waits=row.status == RefundRequestStatus.ASKED,
        is_own=row.asked_by_id == g.actor.user_id,
        may_approve=may(g.actor, Permission.APPROVE) and row.asked_by_id != g.actor.user_id,
    )
