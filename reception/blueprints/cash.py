"""Income, expenses and transfers beside bills: `/finance/add`, the answers to a transfer, undo, the slip."""

from __future__ import annotations

from typing import Any

from flask import Response, g, redirect, render_template, request, url_for
from flask_babel import get_locale, gettext
from markupsafe import Markup
from sqlalchemy import select

from reception import amounts, clock, formats
from reception.access import Permission, may, requires
from reception.blueprints import answers
from reception.blueprints.count_form import whole
from reception.blueprints.dialogs import dialog, new_key, same_key
from reception.blueprints.finance import bp
from reception.blueprints.papers import is_copy
from reception.domain import finance, shift_report
from reception.domain.errors import Invalid, NotAllowed, NotFound, NotPossible, Refusal, invalid_field
from reception.domain.locks import load
from reception.errors import field_sentences, is_htmx, sentence
from reception.extensions import db
from reception.models import CashTransfer, CategoryKind, LedgerEntry, MoneyCategory, Operation
from reception.transaction import run
from reception.words import N_

TABS = (("income", N_("Income")), ("expense", N_("Expense")), ("transfer", N_("Transfer")))
FIELDS = ("cashbox_id", "target_id", "category_id", "amount", "note")


@bp.get("/add")
@requires(Permission.CASHBOX)
def add() -> Response:
    """Income, expense, transfer: one dialog with three tabs."""
    tab = request.args.get("tab", "")
    return _adding(tab if tab in dict(TABS) else "expense")


@bp.post("/add/<any(income, expense, transfer):tab>")
@requires(Permission.CASHBOX)
def add_done(tab: str) -> Any:
    """Book it, or ask the other side for it; what was wrong is shown in the dialog."""
    try:
        values = _wish(tab)
        row = run(VERBS[tab], *values, note=request.form.get("note", ""))
    except (Invalid, NotPossible) as refusal:
        return _adding(tab, refusal)
    if tab == "transfer":
        text: Any = gettext("%(name)s is asked to take %(amount)s.", name=row.target.name,
                            amount=formats.money(row.amount))  # fmt: skip
        return answers.done(text) if is_htmx() else redirect(url_for("finance.shifts"), 303)
    if not is_htmx():
        return redirect(url_for("finance.slip", operation_id=row.id), 303)
    undo = {"url": url_for("finance.cash_undo", operation_id=row.id), "key": f"undo-{row.id}", "version": 1}
    words = gettext("%(amount)s taken in, receipt %(receipt)s")
    if tab == "expense":
        words = gettext("%(amount)s paid out, receipt %(receipt)s")
    return answers.done(_told(words, row), undo=undo)


VERBS = {"income": finance.take_in, "expense": finance.pay_out, "transfer": finance.ask_transfer}


def _told(words: str, operation: Operation) -> Markup:
    """The sentence with the amount and the link to the slip."""
    url = url_for("finance.slip", operation_id=operation.id)
    link = Markup('<a href="{}" target="_blank" data-print-receipt>{}</a>').format(url, operation.receipt_no)
    return Markup(words) % {"amount": formats.money(operation.amount), "receipt": link}  # noqa: S704  our sentence


def _wish(tab: str) -> tuple[int, int, int]:
    """Cashbox, category or target, and amount. Raises Invalid about the field that is wrong."""
    other = "target_id" if tab == "transfer" else "category_id"
    chosen = [_chosen(name) for name in ("cashbox_id", other)]
    amount = amounts.read(request.form.get("amount", ""), g.actor.clinic.currency, get_locale(), "amount")
    return chosen[0], chosen[1], amount


def _chosen(name: str) -> int:
    if not request.form.get(name, ""):
        raise invalid_field(name, N_("Choose from the list."))
    return whole(request.form[name], name)


def _adding(tab: str, refusal: Refusal | None = None) -> Response:
    """The dialog at `tab`, with what was typed and what was wrong."""
    errors = field_sentences(refusal) if refusal else {}
    errors = {name: words for name, words in errors.items() if name in FIELDS}
    if refusal and len(errors) == 1:
        errors = dict.fromkeys(errors, sentence(refusal))
    boxes = shift_report.boxes(g.actor)
    kinds = {"income": CategoryKind.INCOME, "expense": CategoryKind.EXPENSE}
    answer = dialog(
        "finance/_add.html",
        N_("Income, expense, transfer"),
        tab=tab,
        tabs=TABS,
        boxes=boxes,
        categories=finance.categories(g.actor.clinic_id, kinds[tab]) if tab in kinds else [],
        typed=request.form if refusal else {},
        errors=errors,
        told=sentence(refusal) if refusal and not errors else "",
        key=same_key(refusal) if refusal else new_key(),
        currency=g.actor.clinic.currency,
        is_chosen=bool(refusal or request.args.get("tab")),
        closed_box=refusal.link[1] if refusal and refusal.code == "shift-closed" and refusal.link else None,
        may_settings=may(g.actor, Permission.SETTINGS),
    )
    answer.status_code = refusal.status if refusal else 200
    return answer


@bp.post("/cash/<int:operation_id>/undo")
@requires(Permission.CASHBOX)
def cash_undo(operation_id: int) -> Response:
    """Take an income or expense back, at once."""
    try:
        back = run(finance.undo_cash, operation_id)
    except (NotPossible, NotAllowed) as refusal:
        return answers.refused(refusal)
    return answers.done(_told(gettext("%(amount)s taken back, receipt %(receipt)s"), back))


@bp.get("/slips/<int:operation_id>")
@requires(Permission.FINANCE)
def slip(operation_id: int) -> str:
    """The receipt of an operation that belongs to no bill: a strip of 80 mm."""
    operation = load(Operation, operation_id, g.actor.clinic_id)
    if operation.payment_id is not None or operation.patient_id is not None:
        raise NotFound
    entries = db.session.scalars(select(LedgerEntry).filter_by(operation_id=operation.id).order_by(LedgerEntry.id))
    parts = [entry for entry in entries if entry.cashbox_id is not None]
    category = db.session.get(MoneyCategory, operation.category_id) if operation.category_id else None
    first = db.session.get(LedgerEntry, parts[0].reverses_id) if parts and parts[0].reverses_id else None
    return render_template(
        "finance/_slip.html" if is_htmx() else "finance/slip.html",
        operation=operation,
        parts=parts,
        category=category,
        takes_back=first.operation if first else None,
        viewer=g.actor,
        now=clock.now(),
        is_copy=is_copy(operation.at),
    )


# ------------------------------------------------------------------------------------------------------- transfers


@bp.post("/transfers/<int:transfer_id>/<any(accept, refuse, withdraw):answer>")
@requires(Permission.CASHBOX)
def transfer_answer(transfer_id: int, answer: str) -> Any:
    """Accept, refuse or withdraw a transfer."""
    verbs = {
        "accept": (finance.accept_transfer, N_("%(amount)s moved from %(source)s to %(target)s.")),
        "refuse": (finance.refuse_transfer, N_("The transfer of %(amount)s from %(source)s to %(target)s is refused.")),
        "withdraw": (finance.withdraw_transfer, N_("The transfer of %(amount)s from %(source)s to %(target)s is withdrawn.")),
    }  # fmt: skip
    verb, words = verbs[answer]
    try:
        row = run(
            verb, transfer_id, version=request.form.get("version", type=int), about=("cash_transfer", transfer_id)
        )
    except (NotPossible, NotAllowed) as refusal:
        load(CashTransfer, transfer_id, g.actor.clinic_id)
        return answers.refused(refusal)
    text = gettext(words, amount=formats.money(row.amount), source=row.source.name, target=row.target.name)
    return answers.done(text) if is_htmx() else redirect(url_for("finance.shifts"), 303)
