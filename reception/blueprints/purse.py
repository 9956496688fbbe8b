"""What stands between a patient and the clinic beside bills: deposits, bonus by hand, who owes, who has bonus."""

from __future__ import annotations

from typing import Any

from flask import Response, g, render_template, request
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import StringField

from reception import formats, live
from reception.access import Permission, may, requires
from reception.blueprints.accesses import opened
from reception.blueprints.confirming import confirm
from reception.blueprints.dialogs import dialog, new_key, same_key, wants_part
from reception.blueprints.fields import Amount, Choice, HouseForm, text
from reception.blueprints.finance import bp, with_receipt
from reception.blueprints.payment_form import read
from reception.domain import debts, finance, operations
from reception.domain.errors import Invalid, NotAllowed, NotPossible, Refusal
from reception.models import AccountKind, CashboxKind, Operation
from reception.transaction import run
from reception.words import N_


class PurseForm(HouseForm):
    """An amount, where it comes from or goes to, and why."""

    aliases = {"parts": "amount", "cashbox_id": "cashbox"}
    amount = Amount(_l("Amount"), render_kw={"inputmode": "decimal", "maxlength": 40, "dir": "ltr"})
    received = StringField(_l("Received"), render_kw={"inputmode": "decimal", "maxlength": 40, "dir": "ltr"})
    cashbox = Choice(_l("Cashbox"))
    reason = text(_l("Reason"))


TITLES = {
    "deposit": N_("Take a deposit"),
    "deposit-back": N_("Give the deposit back"),
    "bonus": N_("Add bonus"),
    "bonus-out": N_("Withdraw bonus"),
}
"""Acts with a card's money -> title of the dialog."""


@bp.get("/patients/<int:patient_id>/deposit")
@requires(Permission.TILL)
def deposit(patient_id: int) -> Response:
    """Money that a patient leaves without a bill."""
    return _ask(patient_id, "deposit")


@bp.post("/patients/<int:patient_id>/deposit")
@requires(Permission.TILL)
def take_deposit(patient_id: int) -> Any:
    return _act(patient_id, "deposit")


@bp.get("/patients/<int:patient_id>/<any('deposit-back', bonus, 'bonus-out'):act>")
@requires(Permission.REFUND)
def purse(patient_id: int, act: str) -> Response:
    """Giving a deposit back, adding and withdrawing bonus."""
    return _ask(patient_id, act)


@bp.post("/patients/<int:patient_id>/<any('deposit-back', bonus, 'bonus-out'):act>")
@requires(Permission.REFUND)
def change_purse(patient_id: int, act: str) -> Any:
    return _act(patient_id, act)


def _form(act: str, given: Any = None) -> PurseForm:
    form = PurseForm(given)
    boxes = [box for box in operations.cashboxes(g.actor) if box.is_open]
    if act == "bonus-out":
        boxes = [box for box in boxes if box.kind == CashboxKind.CASH]
    nothing = gettext("No cash: only take it away") if act == "bonus-out" else None
    form.cashbox.offer(((box.id, f"{box.name} · {formats.word(box.kind)}") for box in boxes), nothing=nothing)
    if given is None and boxes:
        form.cashbox.data = str(boxes[0].id)
    if act == "bonus":
        del form["cashbox"]
    if act != "deposit":
        del form["received"]
    else:
        form.reason.label.text = gettext("Note")
    return form


def _ask(patient_id: int, act: str, form: PurseForm | None = None, refusal: Refusal | None = None) -> Response:
    patient = opened(patient_id, "bill")
    return dialog(
        "finance/_purse.html",
        TITLES[act],
        refusal=refusal,
        errors=refusal.fields if refusal else {},
        form=form or _form(act),
        act=act,
        patient=patient,
        has=debts.purse(patient),
        key=same_key(refusal) if request.method == "POST" else new_key(),
        asks_password=act in ("deposit-back", "bonus-out"),
        status=422 if form is not None else 200,
    )


def _act(patient_id: int, act: str) -> Any:
    form = _form(act, request.form)
    if not form.validate():
        return _ask(patient_id, act, form)
    try:
        operation = _run(patient_id, act, form)
    except (Invalid, NotPossible, NotAllowed) as refusal:
        form.blame(refusal)
        return _ask(patient_id, act, form, refusal)
    words = {
        "deposit": gettext("%(amount)s taken as deposit, receipt %(receipt)s"),
        "deposit-back": gettext("%(amount)s of the deposit given back, receipt %(receipt)s"),
        "bonus": gettext("%(amount)s added to the bonus, receipt %(receipt)s"),
        "bonus-out": gettext("%(amount)s of the bonus withdrawn, receipt %(receipt)s"),
    }
    if operation.change_given:
        words["deposit"] = gettext("%(amount)s taken as deposit, change %(change)s, receipt %(receipt)s")
    return with_receipt(operation, words[act])


def _run(patient_id: int, act: str, form: PurseForm) -> Operation:
    currency = g.actor.clinic.currency
    amount = read(request.form, "amount", currency)
    boxes = {box.id: box for box in operations.cashboxes(g.actor)}
    box = boxes[form.cashbox.number or 0] if "cashbox" in form and form.cashbox.number else None
    reason = form.reason.data or ""
    if act in ("deposit-back", "bonus-out"):
        confirm()
    if act == "bonus":
        found = run(finance.add_bonus, patient_id, amount, reason)
    elif act == "bonus-out":
        found = run(finance.withdraw_bonus, patient_id, amount, reason, cashbox_id=box.id if box else None)
    else:
        if box is None:
            raise Invalid(N_("Say into which cashbox."), fields={"cashbox": N_("Say into which cashbox.")})
        part = finance.Part(finance.METHOD_OF[box.kind], box.id, amount)
        if act == "deposit":
            given = read(request.form, "received", currency) if request.form.get("received", "").strip() else None
            found = run(finance.take_deposit, patient_id, [part], received=given, note=reason)
        else:
            found = run(finance.give_back_deposit, patient_id, part, reason)
    assert isinstance(found, Operation)
    return found


# ----------------------------------------------------------------------------------------------------------- pages


@bp.get("/debts")
@requires(Permission.FINANCE)
def debtors() -> str:
    """Who owes what since when; the bonus that was spent and then taken back, too."""
    rows, count = debts.bonuses(g.actor, AccountKind.BONUS_DEBT)
    return render_template(
        "finance/_debts.html" if wants_part() else "finance/debts.html",
        here="finance",
        v=_version(),
        viewer=g.actor,
        debts=debts.debts(g.actor),
        bonus_debts=rows,
        bonus_debtors=count,
        may_take=may(g.actor, Permission.TILL),
    )


@bp.get("/bonuses")
@requires(Permission.FINANCE)
def bonuses() -> str:
    """Whom the clinic owes bonus or holds a deposit of."""
    kinds = (AccountKind.BONUS_OWED, AccountKind.BONUS_DEBT, AccountKind.DEPOSIT_HELD)
    rows, count = debts.bonuses(g.actor, *kinds)
    return render_template(
        "finance/_bonuses.html" if wants_part() else "finance/bonuses.html",
        here="finance",
        v=_version(),
        viewer=g.actor,
        rows=rows,
        count=count,
        totals=debts.totals(g.actor),
    )


def _version() -> int:
    return live.versions(g.actor.clinic_id, ["finance"])["finance"]
