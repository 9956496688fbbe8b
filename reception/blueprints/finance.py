"""Money: taking a payment, its receipt, the cashboxes of a day."""

from __future__ import annotations

import json
import secrets
from typing import Any

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, session, url_for
from flask_babel import get_locale, gettext
from markupsafe import Markup
from sqlalchemy.orm import joinedload

from reception import amounts, clock, formats
from reception.access import Permission, may, requires
from reception.blueprints import answers, payment_form
from reception.blueprints.accesses import opened
from reception.blueprints.dialogs import dialog, wants_part
from reception.blueprints.papers import is_copy
from reception.blueprints.payment_form import PaymentForm
from reception.domain import finance, operations, receipts
from reception.domain.errors import Invalid, NotFound, NotPossible, Refusal
from reception.domain.locks import load, scoped
from reception.domain.machines import moves_for
from reception.domain.visits import moves
from reception.errors import is_htmx
from reception.extensions import db
from reception.models import BillLine, Operation, Payment, PaymentStatus, Visit
from reception.transaction import run
from reception.words import N_

bp = Blueprint("finance", __name__, url_prefix="/finance")

PAYABLE = (PaymentStatus.PENDING, PaymentStatus.PARTIALLY_PAID)
REFUNDABLE = (PaymentStatus.PARTIALLY_PAID, PaymentStatus.PAID)


# --------------------------------------------------------------------------------------------------------- payment


@bp.get("/bills/<int:payment_id>")
@requires(Permission.BILLS)
def bill(payment_id: int) -> Response:
    """A bill to look at, with its receipts, for everybody who may see bills; who may let it go owing does it here.
    Opened as a page it shows all there is to it."""
    if not wants_part():
        from reception.blueprints import bills

        return bills.page(payment_id)
    opened(load(Payment, payment_id, g.actor.clinic_id).patient_id, "bill")
    row = _bill(payment_id)
    return dialog(
        "finance/_bill.html",
        N_("Bill"),
        bill=row,
        visit=row.visit,
        paid_before=operations.of_bill(row),
        may_take=row.status in PAYABLE and may(g.actor, Permission.TILL),
        may_owe=_may_owe(row),
        may_refund=row.status in REFUNDABLE and row.amount_paid > row.refunded_amount,
    )


def _may_owe(row: Payment) -> bool:
    return row.visit is not None and may(g.actor, Permission.FINANCE) and "owe" in moves_for(row.visit, g.actor)


@bp.get("/bills/<int:payment_id>/pay")
@requires(Permission.TILL)
def pay(payment_id: int) -> Response:
    """The payment dialog of a bill; a page of its own for a plain request."""
    opened(load(Payment, payment_id, g.actor.clinic_id).patient_id, "bill")
    bill = _bill(payment_id)
    return _dialog(PaymentForm.offering(bill, secrets.token_urlsafe(12), g.actor, last=session.get("tills")))


@bp.post("/bills/<int:payment_id>/pay")
@requires(Permission.TILL)
def take(payment_id: int) -> Any:
    """Take the money, all of it or a part; what was wrong is shown in the dialog."""
    try:
        wish = payment_form.wish(request.form, g.actor.clinic.currency)
        operation = run(finance.pay, payment_id, **wish)
    except (Invalid, NotPossible) as refusal:
        return _again(payment_id, refusal)
    used = {part.method: part.cashbox_id for part in wish["parts"] if part.cashbox_id is not None}
    session["tills"] = session.get("tills", {}) | used
    return _taken(operation)


def _again(payment_id: int, refusal: Refusal) -> Response:
    """The dialog with what was wrong; a bill that asks for nothing any more is only told of."""
    bill = _bill(payment_id)
    if bill.status not in PAYABLE and is_htmx():
        return answers.refused(refusal, bill.visit)
    key = secrets.token_urlsafe(12) if refusal.code == "key-reused" else request.form.get("key", "")[:80]
    form = PaymentForm.offering(bill, key, g.actor, request.form)
    form.blame(refusal)
    return _dialog(form, refusal.status)


def _dialog(form: PaymentForm, status: int = 200) -> Response:
    bill, locale = form.bill, get_locale()
    decimal, group = amounts.signs(locale)
    template = "finance/_pay.html" if is_htmx() else "finance/pay.html"
    return make_response(
        render_template(
            template,
            form=form,
            bill=bill,
            visit=bill.visit,
            viewer=g.actor,
            is_payable=bill.status in PAYABLE,
            paid_before=operations.of_bill(bill),
            fraction=formats.digits(g.actor.clinic.currency),
            decimal=decimal,
            group=group,
            may_owe=_may_owe(bill),
        ),
        status,
    )


def _taken(operation: Operation) -> Any:
    """What a payment answers: the toast with its receipt, and the regions that it changed."""
    bill = load(Payment, operation.payment_id or 0, g.actor.clinic_id)
    words = gettext("%(amount)s taken, change %(change)s, receipt %(receipt)s")
    if not operation.change_given:
        words = gettext("%(amount)s taken, receipt %(receipt)s")
    return with_receipt(operation, words, ticket=bill.visit.ticket if bill.visit else None, visit=bill.visit)


def with_receipt(operation: Operation, words: str, *, ticket: str | None = None, visit: Visit | None = None) -> Any:
    """The toast `words` with the amount, the change and the receipt; prints it where the form asks for that."""
    url = url_for("finance.receipt", operation_id=operation.id)
    if not is_htmx():
        return redirect(url, 303)
    link = Markup('<a href="{}" target="_blank" data-print-receipt>{}</a>').format(url, operation.receipt_no)
    text = Markup(words) % {  # noqa: S704  the sentence is ours, what is filled in is escaped
        "amount": formats.money(operation.amount),
        "change": formats.money(operation.change_given),
        "receipt": link,
    }
    answer = answers.done(text, ticket=ticket, visit=visit)
    if "print" in request.form:
        answer.headers["HX-Trigger"] = json.dumps({"rx:close-dialog": True, "rx:print-receipt": {"url": url}})
    return answer


@bp.post("/bills/<int:payment_id>/owe")
@requires(Permission.FINANCE)
def owe(payment_id: int) -> Response:
    """Let the visit go; what is left of its bill stays owing."""
    visit_id = _bill(payment_id).visit_id
    if visit_id is None:
        raise NotFound
    version = request.form.get("version", type=int)
    try:
        visit = run(moves.move, visit_id, "owe", version=version, about=("visit", visit_id))
    except NotPossible as refusal:
        return answers.refused(refusal, load(Visit, visit_id, g.actor.clinic_id))
    text = gettext("%(name)s let go owing", name=formats.list_name(visit.patient))
    return answers.done(text, ticket=visit.ticket, visit=visit)


def _bill(payment_id: int) -> Payment:
    """The bill with all that the dialog and the receipt show of it. Raises NotFound."""
    query = scoped(Payment, g.actor.clinic_id).where(Payment.id == payment_id)
    bill = db.session.scalar(
        query.options(joinedload(Payment.patient), joinedload(Payment.visit).joinedload(Visit.room)).execution_options(
            populate_existing=True
        )
    )
    if bill is None:
        raise NotFound
    db.session.scalars(
        scoped(BillLine, g.actor.clinic_id)
        .where(BillLine.payment_id == bill.id)
        .options(joinedload(BillLine.service), joinedload(BillLine.doctor))
    ).all()
    return bill


PAPERS = ("80mm", "a4")


@bp.get("/receipts/<int:operation_id>")
@requires(Permission.BILLS)
def receipt(operation_id: int) -> str:
    """The receipt of an operation without navigation: a strip of 80 mm, or (`?paper=a4`) a sheet."""
    operation = load(Operation, operation_id, g.actor.clinic_id)
    if operation.kind not in receipts.KINDS:
        raise NotFound
    for ident in receipts.of(operation).patient_ids:
        opened(ident, "receipt")
    operation = load(Operation, operation_id, g.actor.clinic_id)
    paper = request.args.get("paper", PAPERS[0])
    return render_template(
        "finance/_receipt.html" if is_htmx() else "finance/receipt.html",
        operation=operation,
        receipt=receipts.of(operation),
        viewer=g.actor,
        now=clock.now(),
        is_copy=is_copy(operation.at),
        paper=paper if paper in PAPERS else PAPERS[0],
    )
