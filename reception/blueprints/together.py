"""Several bills paid at once: of a family, or of whichever cards are chosen."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Response, g, make_response, render_template, request, session
from flask_babel import get_locale, gettext

from reception import amounts, formats
from reception.access import Permission, requires
from reception.blueprints import payment_form
from reception.blueprints.accesses import all_opened, opened
from reception.blueprints.finance import bp, with_receipt
from reception.blueprints.payment_form import TogetherForm, ways_of
from reception.domain import debts, finance
from reception.domain.errors import Invalid, NotPossible, Refusal, Stale, invalid_field
from reception.domain.locks import load
from reception.domain.merging_ids import standing
from reception.errors import is_htmx, sentence
from reception.models import Patient
from reception.transaction import run
from reception.words import N_

MOST_CARDS = 20


@bp.get("/together/<int:patient_id>")
@requires(Permission.TILL)
def together(patient_id: int) -> Response:
    """The dialog with the open bills of the patient and the family; `with`: further cards, `card`: one more by number."""
    payer = opened(standing(g.actor.clinic_id, patient_id), "bill")
    error = ""
    try:
        more = _more(request.args.get("card", "").strip())
    except Invalid as refusal:
        more, error = _more(""), sentence(refusal)
    form = _form(payer, more, secrets.token_urlsafe(12), last=session.get("tills"))
    form.error = error
    return _dialog(form, more, 422 if error else 200)


@bp.post("/together/<int:patient_id>")
@requires(Permission.TILL)
def take_together(patient_id: int) -> Any:
    """Take the money for the chosen bills, all or none; what was wrong is shown in the dialog."""
    try:
        seen = payment_form.seen_bills(request.form)
        due = sum(bill.due or 0 for bill in seen)
        wish = payment_form.parts_of(request.form, g.actor.clinic.currency, due)
        operation = run(finance.pay_several, patient_id, seen, **wish)
    except (Invalid, NotPossible) as refusal:
        return _again(patient_id, refusal)
    session["tills"] = session.get("tills", {}) | {p.method: p.cashbox_id for p in wish["parts"] if p.cashbox_id}
    words = gettext("%(amount)s taken, change %(change)s, receipt %(receipt)s")
    if not operation.change_given:
        words = gettext("%(amount)s taken, receipt %(receipt)s")
    return with_receipt(operation, words)


def _again(patient_id: int, refusal: Refusal) -> Response:
    payer, more = load(Patient, patient_id, g.actor.clinic_id), _more("")
    key = secrets.token_urlsafe(12) if refusal.code == "key-reused" else request.form.get("key", "")[:80]
    form = _form(payer, more, key)
    form.blame(refusal)
    if isinstance(refusal, Stale) or refusal.code == "not-payable":
        form.error = gettext("A bill changed meanwhile. These are the amounts now; nothing was taken.")
    return _dialog(form, more, refusal.status)


def _more(card_no: str) -> list[int]:
    """The further cards that were chosen, each opened as any card is. Raises Invalid for a number that is not here."""
    idents = [int(text) for text in request.values.getlist("with")[:MOST_CARDS] if text.isascii() and text.isdigit()]
    if card_no:
        found = debts.by_card_no(g.actor, card_no)
        if found is None:
            raise invalid_field("card", N_("There is no card with this number here."))
        idents.append(found.id)
    return [opened(standing(g.actor.clinic_id, ident), "bill").id for ident in dict.fromkeys(idents)]


def _form(payer: Patient, more: list[int], key: str, last: dict[str, int] | None = None) -> TogetherForm:
    typed = request.form if request.method == "POST" else None
    people = [person.id for person in debts.family(g.actor, payer)]
    bills = debts.bills_of(g.actor, {*people, *more})
    all_opened({bill.patient_id for bill in bills} - {payer.id, *more}, "bill")
    if typed is not None:
        chosen = {bill.id for bill in bills if str(bill.id) in typed.getlist("bill")}
    else:
        chosen = {bill.id for bill in bills if not debts.is_for_later(bill)} or {bill.id for bill in bills}
    form = TogetherForm(key, ways_of(g.actor, payer.id, typed, last), payer=payer, bills=bills, chosen=chosen)
    form.keep(typed)
    return form


def _dialog(form: TogetherForm, more: list[int], status: int = 200) -> Response:
    decimal, group = amounts.signs(get_locale())
    template = "finance/_together.html" if is_htmx() else "finance/together.html"
    return make_response(
        render_template(
            template,
            here="finance",
            form=form,
            more=more,
            viewer=g.actor,
            later={bill.id for bill in form.bills if debts.is_for_later(bill)},
            fraction=formats.digits(g.actor.clinic.currency),
            decimal=decimal,
            group=group,
        ),
        status,
    )
