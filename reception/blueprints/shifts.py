"""The cashboxes' shifts: who has which open, counting at the opening and the closing, the X and Z reports."""

from __future__ import annotations

from typing import Any

from flask import Response, g, make_response, redirect, render_template, request, url_for
from flask_babel import get_locale, gettext
from markupsafe import Markup

from reception import amounts, clock, formats, live
from reception.access import Permission, may, requires
from reception.blueprints import answers
from reception.blueprints import finance as money
from reception.blueprints.count_form import CountForm, wish
from reception.blueprints.dialogs import dialog, new_key, same_key, wants_part
from reception.blueprints.finance import bp
from reception.blueprints.papers import is_copy
from reception.domain import finance, operations, shift_report
from reception.domain.errors import Invalid, NotAllowed, NotPossible, Refusal
from reception.domain.locks import load
from reception.errors import is_htmx
from reception.models import Cashbox, CashboxShift, CashTransfer, Payment
from reception.transaction import run
from reception.words import N_

SHORT = 12
"""So many characters of the audit's head stand on a Z report."""


@bp.get("/shifts")
@requires(Permission.FINANCE)
def shifts() -> str:
    """Who has which cashbox open since when, what is on its way between them, and the closed shifts."""
    version = live.versions(g.actor.clinic_id, ["finance"])["finance"]
    cashboxes = operations.cashboxes(g.actor)
    chosen = next((box for box in cashboxes if str(box.id) == request.args.get("cashbox", "")), None)
    before = request.args.get("before", "")
    closed, further = shift_report.history(
        g.actor,
        cashbox_id=chosen.id if chosen else None,
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None,
    )
    transfers = shift_report.open_transfers(g.actor)
    return render_template(
        "finance/_shifts.html" if wants_part() else "finance/shifts.html",
        v=version,
        boxes=shift_report.boxes(g.actor),
        transfers=[(row, *_may_answer(row)) for row in transfers],
        closed=closed,
        further=further,
        before=before if further or before else "",
        cashboxes=cashboxes,
        chosen=chosen,
        viewer=g.actor,
        may_act=may(g.actor, Permission.CASHBOX),
        may_close=finance.may_close,
    )


def _may_answer(row: CashTransfer) -> tuple[bool, bool]:
    if not may(g.actor, Permission.CASHBOX):
        return False, False
    return finance.may_accept(row, g.actor), finance.may_withdraw(row, g.actor)


# -------------------------------------------------------------------------------------------------------- counting


@bp.get("/cashboxes/<int:cashbox_id>/shift")
@requires(Permission.CASHBOX)
def shift_new(cashbox_id: int) -> Response:
    """The dialog that opens a shift. `?bill=`: the bill that waits for it."""
    return _counting(load(Cashbox, cashbox_id, g.actor.clinic_id), None, bill=request.args.get("bill", type=int))


@bp.post("/cashboxes/<int:cashbox_id>/shift")
@requires(Permission.CASHBOX)
def shift_open(cashbox_id: int) -> Any:
    """Open a shift with what was counted; then the payment that waited for it."""
    bill = request.form.get("bill", type=int)
    if bill is not None:
        load(Payment, bill, g.actor.clinic_id)
    try:
        shift = run(finance.start_shift, cashbox_id, **wish(request.form, g.actor.clinic.currency))
    except (Invalid, NotPossible) as refusal:
        return _counting(load(Cashbox, cashbox_id, g.actor.clinic_id), None, refusal, bill=bill)
    if bill is not None and may(g.actor, Permission.TILL):
        return money.pay(bill) if is_htmx() else redirect(url_for("finance.pay", payment_id=bill), 303)
    text = gettext("The shift of %(name)s is open.", name=shift.cashbox.name)
    return answers.done(text) if is_htmx() else redirect(url_for("finance.shifts"), 303)


@bp.get("/shifts/<int:shift_id>/close")
@requires(Permission.CASHBOX)
def shift_count(shift_id: int) -> Response:
    """The dialog that closes a shift."""
    shift = load(CashboxShift, shift_id, g.actor.clinic_id)
    return _counting(shift.cashbox, shift)


@bp.post("/shifts/<int:shift_id>/close")
@requires(Permission.CASHBOX)
def shift_close(shift_id: int) -> Any:
    """Close a shift with what was counted; its Z report is offered, and printed where that was asked for."""
    try:
        shift = run(finance.close_shift, shift_id, **wish(request.form, g.actor.clinic.currency))
    except (Invalid, NotPossible, NotAllowed) as refusal:
        shift = load(CashboxShift, shift_id, g.actor.clinic_id)
        return _counting(shift.cashbox, shift, refusal)
    url = url_for("finance.shift", shift_id=shift.id)
    if not is_htmx():
        return redirect(url, 303)
    paper = url_for("finance.shift_paper", shift_id=shift.id, size="80")
    link = Markup('<a href="{}" target="_blank" data-print-receipt>{}</a>').format(
        paper, gettext("Z report %(number)s", number=shift.number)
    )
    words = gettext("The shift of %(name)s is closed: %(report)s")
    text = Markup(words) % {"name": shift.cashbox.name, "report": link}  # noqa: S704  the sentence is ours
    return answers.done(text)


def _counting(
    box: Cashbox, shift: CashboxShift | None, refusal: Refusal | None = None, *, bill: int | None = None
) -> Response:
    """The dialog with the count of `box`: `shift` is to be closed, or a new one opened."""
    currency = g.actor.clinic.currency
    key = same_key(refusal) if refusal else new_key()
    form = CountForm.of(box, finance.balance_of(box), currency, key, request.form if refusal else None)
    if refusal:
        form.blame(refusal)
    decimal, group = amounts.signs(get_locale())
    answer = dialog(
        "finance/_count.html",
        N_("Close the shift") if shift else N_("Open a shift"),
        form=form,
        box=box,
        shift=shift,
        bill=bill,
        currency=currency,
        fraction=formats.digits(currency),
        decimal=decimal,
        group=group,
    )
    answer.status_code = refusal.status if refusal else 200
    return answer


# --------------------------------------------------------------------------------------------------------- reports


@bp.get("/shifts/<int:shift_id>")
@requires(Permission.FINANCE)
def shift(shift_id: int) -> str:
    """The X report of an open shift, the Z report of a closed one."""
    version = live.versions(g.actor.clinic_id, ["finance"])["finance"]
    row = load(CashboxShift, shift_id, g.actor.clinic_id)
    return render_template(
        "finance/_shift.html" if wants_part() else "finance/shift.html",
        v=version,
        **_reported(row),
        may_close=row.closed_at is None and may(g.actor, Permission.CASHBOX) and finance.may_close(row, g.actor),
    )


@bp.get("/shifts/<int:shift_id>/paper")
@requires(Permission.FINANCE)
def shift_paper(shift_id: int) -> Response:
    """The report on paper: a strip of 80 mm (`?size=80`) or A4."""
    row = load(CashboxShift, shift_id, g.actor.clinic_id)
    size = "80" if request.args.get("size") == "80" else "A4"
    template = "finance/_shift_paper.html" if is_htmx() else "finance/shift_paper.html"
    return make_response(
        render_template(
            template, size=size, is_copy=row.closed_at is not None and is_copy(row.closed_at), **_reported(row)
        )
    )


def _reported(row: CashboxShift) -> dict[str, Any]:
    return {
        "report": shift_report.read(row),
        "shift": row,
        "viewer": g.actor,
        "printed": clock.now(),
        "head": row.audit_hash[:SHORT],
        "pending": finance.pending_of(row.cashbox) if row.closed_at is None else None,
        "coins": [(int(piece), count) for piece, count in (row.coins or row.opening_coins).items()],
    }
