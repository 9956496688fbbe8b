"""Money: taking a payment, its receipt, the operations of a day, the cashboxes, and the table that leaves the house."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, session, url_for
from flask_babel import get_locale, gettext
from markupsafe import Markup
from sqlalchemy.orm import joinedload

from reception import amounts, clock, exports, formats, live
from reception.access import Permission, may, requires
from reception.blueprints import answers, payment_form
from reception.blueprints.accesses import opened
from reception.blueprints.dialogs import dialog
from reception.blueprints.money_filters import MoneyFilters, day_of
from reception.blueprints.papers import is_copy
from reception.blueprints.payment_form import PaymentForm
from reception.domain import finance, operations
from reception.domain.errors import Invalid, NotFound, NotPossible, Refusal
from reception.domain.locks import load, scoped
from reception.domain.machines import moves_for
from reception.domain.visits import moves
from reception.errors import is_htmx, sentence
from reception.extensions import db
from reception.models import BillLine, Operation, Payment, PaymentStatus, Visit
from reception.transaction import run
from reception.words import N_

bp = Blueprint("finance", __name__, url_prefix="/finance")

PAYABLE = (PaymentStatus.PENDING, PaymentStatus.PARTIALLY_PAID)


# --------------------------------------------------------------------------------------------------------- payment


@bp.get("/bills/<int:payment_id>")
@requires(Permission.BILLS)
def bill(payment_id: int) -> Response:
    """A bill to look at, with its receipts, for everybody who may see bills; who may let it go owing does it here."""
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
    session["tills"] = session.get("tills", {}) | {part.method: part.cashbox_id for part in wish["parts"]}
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
    if not is_htmx():
        return redirect(url_for("finance.receipt", operation_id=operation.id), 303)
    bill = load(Payment, operation.payment_id or 0, g.actor.clinic_id)
    url = url_for("finance.receipt", operation_id=operation.id)
    link = Markup('<a href="{}" target="_blank" data-print-receipt>{}</a>').format(url, operation.receipt_no)
    words = gettext("%(amount)s taken, change %(change)s, receipt %(receipt)s")
    if not operation.change_given:
        words = gettext("%(amount)s taken, receipt %(receipt)s")
    text = Markup(words) % {  # noqa: S704  the sentence is ours, what is filled in is escaped
        "amount": formats.money(operation.amount),
        "change": formats.money(operation.change_given),
        "receipt": link,
    }
    answer = answers.done(text, ticket=bill.visit.ticket if bill.visit else None, visit=bill.visit)
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


@bp.get("/receipts/<int:operation_id>")
@requires(Permission.BILLS)
def receipt(operation_id: int) -> str:
    """The receipt of an operation: a strip of 80 mm, without navigation."""
    operation = load(Operation, operation_id, g.actor.clinic_id)
    if operation.payment_id is None:
        raise NotFound
    bill = load(Payment, operation.payment_id, g.actor.clinic_id)
    opened(bill.patient_id, "receipt")
    operation = load(Operation, operation_id, g.actor.clinic_id)
    template = "finance/_receipt.html" if is_htmx() else "finance/receipt.html"
    return render_template(
        template,
        operation=operation,
        bill=_bill(bill.id),
        viewer=g.actor,
        now=clock.now(),
        is_copy=is_copy(operation.at),
        **operations.receipt(operation),
    )


# ------------------------------------------------------------------------------------------------------ operations


@bp.get("")
@requires(Permission.FINANCE)
def index() -> Response:
    """Operations, today's unless asked otherwise, with what is in the cashboxes and who still owes."""
    version = live.versions(g.actor.clinic_id, ["finance"])["finance"]
    filters, error = MoneyFilters.read(request.args, g.actor)
    template = "finance/_operations.html" if is_htmx() else "finance/index.html"
    return make_response(
        render_template(
            template,
            v=version,
            filters=filters,
            error=sentence(error) if error else "",
            page=operations.page(g.actor, filters.asked, before=filters.before),
            sums=operations.sums(g.actor, filters.asked),
            boxes=operations.balances(g.actor),
            owing=operations.owing(g.actor),
            viewer=g.actor,
            may_take=may(g.actor, Permission.TILL),
        ),
        error.status if error else 200,
    )


@bp.get("/report/cashbox")
@requires(Permission.FINANCE)
def cashbox_report() -> Response:
    """What each cashbox began and ended a day with."""
    version = live.versions(g.actor.clinic_id, ["finance"])["finance"]
    day, error = day_of(request.args.get("date", ""), clock.today(g.actor.clinic))
    template = "finance/_cashboxes.html" if is_htmx() else "finance/cashboxes.html"
    return make_response(
        render_template(
            template,
            v=version,
            day=day,
            day_before=day - timedelta(days=1),
            day_after=day + timedelta(days=1),
            today=clock.today(g.actor.clinic),
            rows=operations.day_of_cashboxes(g.actor, day),
            error=sentence(error) if error else "",
            viewer=g.actor,
        ),
        error.status if error else 200,
    )


@bp.get("/export/csv")
@requires(Permission.FINANCE)
def export() -> Response:
    """The operations that are filtered, all pages of them, as a table for a spreadsheet."""
    filters, error = MoneyFilters.read(request.args, g.actor)
    if error:
        raise error
    currency, clinic = g.actor.clinic.currency, g.actor.clinic
    heads = (
        gettext("Time"), gettext("Receipt"), gettext("Kind"), gettext("Ticket"), gettext("Card"), gettext("Patient"),
        gettext("Method"), gettext("Cashbox"), gettext("Cashier"), gettext("In"), gettext("Out"), gettext("Currency"),
    )  # fmt: skip
    rows = (
        (
            clock.local(row.at, clinic).strftime("%Y-%m-%d %H:%M:%S"),
            row.receipt_no,
            formats.word(row.kind),
            row.ticket,
            row.card_no,
            formats.list_name(row.patient) if row.patient else "",
            formats.word(row.method),
            row.cashbox,
            row.cashier,
            formats.plain_money(row.money_in, currency) if row.money_in else "",
            formats.plain_money(row.money_out, currency) if row.money_out else "",
            currency,
        )
        for row in operations.every(g.actor, filters.asked)
    )
    first, last = filters.asked.first, filters.asked.last
    return exports.csv_file(f"operations-{first}-{last}.csv", [heads, *rows])
