"""A bill's own page: its lines, discounts, payers and numbers, and the dialogs that change them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext

from reception import labels, live
from reception.access import Permission, may, requires
from reception.blueprints import answers
from reception.blueprints.accesses import opened
from reception.blueprints.bill_forms import DiscountForm, LineForm, PayerForm, QuantityForm, ReasonForm
from reception.blueprints.dialogs import dialog, new_key, same_key, wants_part
from reception.blueprints.fields import HouseForm
from reception.blueprints.finance import bp
from reception.domain import bill_page, operations
from reception.domain.bill_page import BillPage
from reception.domain.errors import Invalid, NotAllowed, NotFound, NotPossible, Refusal, Stale
from reception.domain.finance import invoices, lines, payers
from reception.domain.locks import load
from reception.domain.machines import OPEN
from reception.models import BillLine, BillPayer, ClaimStatus, Payment, PaymentStatus, VisitStatus
from reception.transaction import run
from reception.words import N_

bp.add_app_template_filter(labels.action_words, "act_words")
CLOSED = (PaymentStatus.CANCELLED, PaymentStatus.REFUNDED)
ASKED = (ClaimStatus.SENT, ClaimStatus.ACCEPTED, ClaimStatus.PAID)
NOT_HERE = (VisitStatus.SCHEDULED, VisitStatus.CANCELLED, VisitStatus.NO_SHOW)


def page(payment_id: int) -> Response:
    """The bill as a page of its own."""
    opened(load(Payment, payment_id, g.actor.clinic_id).patient_id, "bill")
    return make_response(render_template("bills/page.html", **_context(payment_id)))


@bp.get("/bills/<int:payment_id>/sheet")
@requires(Permission.BILLS)
def bill_sheet(payment_id: int) -> str:
    """What the page shows, asked for again when the bill changed."""
    return render_template("bills/_sheet.html", **_context(payment_id))


def _context(payment_id: int) -> dict[str, Any]:
    patient_id = load(Payment, payment_id, g.actor.clinic_id).patient_id
    signal = f"patient-{patient_id}"
    version = live.versions(g.actor.clinic_id, [signal])[signal]
    found = bill_page.of_bill(payment_id, g.actor)
    bill, visit = found.bill, found.bill.visit
    claimed = next((claim for payer, claim in found.payers if claim and claim.status in ASKED and payer.amount), None)
    is_open = bill.status not in CLOSED and not bill.refunded_amount and claimed is None
    may_see = may(g.actor, Permission.FINANCE)
    return {
        "v": version,
        "signal": signal,
        "found": found,
        "bill": bill,
        "visit": visit,
        "viewer": g.actor,
        "here": "finance",
        "paid": operations.of_bill(bill),
        "posted": bill_page.posted(bill) if may_see else [],
        "history": bill_page.history(bill, g.actor),
        "may_change": is_open and may(g.actor, Permission.BILL_LINES),
        "may_take": bill.due_amount > 0 and may(g.actor, Permission.TILL) and not (visit and visit.status in NOT_HERE),
        "may_void": bool(bill.invoice_no) and bill.amount_paid == bill.refunded_amount
        and bill.status != PaymentStatus.CANCELLED and claimed is None and may_see,
        "may_number": is_open and not bill.invoice_no and may_see,
        "may_cancel": visit is None and bill.status == PaymentStatus.PENDING and may_see,
        "may_see_shares": may(g.actor, Permission.DUES),
        "may_see_ledger": may_see,
        "fixed": _fixed(found),
        "claimed": claimed,
    }  # fmt: skip


def _fixed(found: BillPage) -> set[int]:
    """Lines that cannot be taken off: the last one, and the one that an open visit is for."""
    services = [line.id for line, _ in found.lines]
    visit = found.bill.visit
    is_held = len(services) == 1 or (visit is not None and visit.status in OPEN)
    return set(services[:1]) if is_held else set()


# ----------------------------------------------------------------------------------------------------- the dialogs


def _ask(
    payment_id: int, title: str, url: str, form: HouseForm, submit: str, *, key: str = "", text: str = "",
    refusal: Refusal | None = None,
) -> Response:  # fmt: skip
    """The form in a dialog, with what was refused; a plain request gets it on a page of its own."""
    bill = load(Payment, payment_id, g.actor.clinic_id)
    seen = request.form.get("version", "") if refusal and not isinstance(refusal, Stale) else str(bill.version)
    return dialog(
        "bills/_form.html",
        title,
        refusal=refusal,
        form=form,
        url=url,
        submit=gettext(submit),
        text=gettext(text) if text else "",
        key=same_key(refusal) if key == "same" else new_key(),
        version=seen,
    )


def _posted(
    payment_id: int, title: str, form: HouseForm, submit: str, act: Callable[[], Any], words: str
) -> Any:  # fmt: skip
    """Run `act` with a form that holds; else the form again with what is wrong."""
    refusal: Refusal = Invalid(N_("Something in this form is not right yet."))
    if form.validate():
        try:
            act()
        except (Invalid, NotPossible, NotAllowed) as found:
            form.blame(found)
            refusal = found
        else:
            return _done(payment_id, words)
    return _ask(payment_id, title, request.path, form, submit, key="same", refusal=refusal)


def _done(payment_id: int, words: str) -> Any:
    if not wants_part():
        return redirect(url_for("finance.bill", payment_id=payment_id), 303)
    sheet = bill_sheet(payment_id)
    part = f'<hx-partial hx-target="#bill-sheet" hx-swap="outerMorph">{sheet}</hx-partial>'
    return answers.done(gettext(words), more=part)


def _seen() -> int | None:
    """The bill's version that the form was drawn from."""
    return request.form.get("version", type=int)


def _plain(payment_id: int, act: Callable[[], Any], words: str) -> Any:
    """An act without a form: a refusal is a toast."""
    try:
        act()
    except (Invalid, NotPossible, NotAllowed) as refusal:
        if not wants_part():
            raise
        return answers.refused(refusal)
    return _done(payment_id, words)


# ----------------------------------------------------------------------------------------------------------- lines

ADD_LINE = N_("Add a service")


def _line_form(payment_id: int, **given: Any) -> LineForm:
    form = LineForm(**given)
    form.offer(load(Payment, payment_id, g.actor.clinic_id))
    return form


@bp.get("/bills/<int:payment_id>/lines/new")
@requires(Permission.BILL_LINES)
def bill_line_new(payment_id: int) -> Response:
    url = url_for("finance.bill_line_add", payment_id=payment_id)
    return _ask(payment_id, ADD_LINE, url, _line_form(payment_id, data={"quantity": 1}), N_("Add"))


@bp.post("/bills/<int:payment_id>/lines")
@requires(Permission.BILL_LINES)
def bill_line_add(payment_id: int) -> Any:
    form = _line_form(payment_id, formdata=request.form)
    return _posted(
        payment_id, ADD_LINE, form, N_("Add"),
        lambda: run(
            lines.add_line, payment_id, form.service_id.number or 0, quantity=form.quantity.data,
            doctor_id=form.doctor_id.number, version=_seen(), about=("payment", payment_id),
        ),
        N_("The service is on the bill."),
    )  # fmt: skip


def _line(payment_id: int, line_id: int) -> BillLine:
    line = load(BillLine, line_id, g.actor.clinic_id)
    if line.payment_id != payment_id:
        raise NotFound
    return line


@bp.get("/bills/<int:payment_id>/lines/<int:line_id>")
@requires(Permission.BILL_LINES)
def bill_line_edit(payment_id: int, line_id: int) -> Response:
    line = _line(payment_id, line_id)
    url = url_for("finance.bill_line_change", payment_id=payment_id, line_id=line_id)
    return _ask(payment_id, _name(line), url, QuantityForm(data={"quantity": line.quantity}), N_("Save"))


@bp.post("/bills/<int:payment_id>/lines/<int:line_id>")
@requires(Permission.BILL_LINES)
def bill_line_change(payment_id: int, line_id: int) -> Any:
    form = QuantityForm(request.form)
    return _posted(
        payment_id, _name(_line(payment_id, line_id)), form, N_("Save"),
        lambda: run(
            lines.change_line, payment_id, line_id, form.quantity.data, version=_seen(), about=("payment", payment_id)
        ),
        N_("The quantity is changed."),
    )  # fmt: skip


@bp.post("/bills/<int:payment_id>/lines/<int:line_id>/remove")
@requires(Permission.BILL_LINES)
def bill_line_remove(payment_id: int, line_id: int) -> Any:
    """A service with its discounts, or a discount."""
    return _plain(
        payment_id,
        lambda: run(lines.remove_line, payment_id, line_id, version=_seen(), about=("payment", payment_id)),
        N_("The line is taken off."),
    )


def _name(line: BillLine) -> str:
    return line.service.name if line.service else N_("Discount")


# ------------------------------------------------------------------------------------------------------- discounts

DISCOUNT = N_("Discount")


def _discount_form(payment_id: int, **given: Any) -> DiscountForm:
    form = DiscountForm(**given)
    found = bill_page.of_bill(payment_id, g.actor)
    form.offer([(line.id, _name(line)) for line, _ in found.lines])
    return form


@bp.get("/bills/<int:payment_id>/discounts/new")
@requires(Permission.BILL_LINES)
def bill_discount_new(payment_id: int) -> Response:
    url = url_for("finance.bill_discount_add", payment_id=payment_id)
    form = _discount_form(payment_id, data={"line_id": request.args.get("line", "")})
    return _ask(payment_id, DISCOUNT, url, form, N_("Let off"), text=_limit_words())


@bp.post("/bills/<int:payment_id>/discounts")
@requires(Permission.BILL_LINES)
def bill_discount_add(payment_id: int) -> Any:
    form = _discount_form(payment_id, formdata=request.form)
    return _posted(
        payment_id, DISCOUNT, form, N_("Let off"),
        lambda: run(
            lines.discount, payment_id, form.reason.data, **form.wish, version=_seen(), about=("payment", payment_id)
        ),
        N_("The discount is on the bill."),
    )  # fmt: skip


def _limit_words() -> str:
    words = gettext("You may let off up to %(limit)s percent of the price.")
    return words % {"limit": lines.limit_of(g.actor)} if "%(limit)s" in words else words


# ---------------------------------------------------------------------------------------------------------- payers

ADD_PAYER = N_("An insurer pays a part")


def _payer(payment_id: int, payer_id: int) -> BillPayer:
    row = load(BillPayer, payer_id, g.actor.clinic_id)
    if row.payment_id != payment_id:
        raise NotFound
    return row


def _payer_form(row: BillPayer | None, **given: Any) -> PayerForm:
    form = PayerForm.of(row) if row is not None and not given else PayerForm(**given)
    form.offer(row)
    return form


@bp.get("/bills/<int:payment_id>/payers/new")
@requires(Permission.BILL_LINES)
def bill_payer_new(payment_id: int) -> Response:
    url = url_for("finance.bill_payer_add", payment_id=payment_id)
    return _ask(payment_id, ADD_PAYER, url, _payer_form(None), N_("Add"))


@bp.post("/bills/<int:payment_id>/payers")
@requires(Permission.BILL_LINES)
def bill_payer_add(payment_id: int) -> Any:
    form = _payer_form(None, formdata=request.form)
    return _posted(
        payment_id, ADD_PAYER, form, N_("Add"),
        lambda: run(
            payers.add_payer, payment_id, form.insurer_id.number or 0, **form.wish,
            policy_number=(form.policy_number.data or "").strip() or None, version=_seen(), about=("payment", payment_id),
        ),
        N_("The insurer is on the bill."),
    )  # fmt: skip


@bp.get("/bills/<int:payment_id>/payers/<int:payer_id>")
@requires(Permission.BILL_LINES)
def bill_payer_edit(payment_id: int, payer_id: int) -> Response:
    row = _payer(payment_id, payer_id)
    url = url_for("finance.bill_payer_change", payment_id=payment_id, payer_id=payer_id)
    return _ask(payment_id, row.insurer.name, url, _payer_form(row), N_("Save"))


@bp.post("/bills/<int:payment_id>/payers/<int:payer_id>")
@requires(Permission.BILL_LINES)
def bill_payer_change(payment_id: int, payer_id: int) -> Any:
    row = _payer(payment_id, payer_id)
    form = _payer_form(row, formdata=request.form)

    def act() -> Any:
        wish = form.wish
        return run(
            payers.change_payer, payment_id, payer_id, wish["coverage"] or row.coverage,
            -1 if wish["value"] is None else wish["value"], policy_number=form.policy_number.data, version=_seen(),
            about=("payment", payment_id),
        )  # fmt: skip

    return _posted(payment_id, row.insurer.name, form, N_("Save"), act, N_("The insurer's part is changed."))


@bp.post("/bills/<int:payment_id>/payers/<int:payer_id>/remove")
@requires(Permission.BILL_LINES)
def bill_payer_remove(payment_id: int, payer_id: int) -> Any:
    return _plain(
        payment_id,
        lambda: run(payers.remove_payer, payment_id, payer_id, version=_seen(), about=("payment", payment_id)),
        N_("The insurer is taken off the bill."),
    )


@bp.get("/bills/<int:payment_id>/payers/<int:payer_id>/refuse")
@requires(Permission.CLAIMS)
def bill_payer_refusing(payment_id: int, payer_id: int) -> Response:
    """Why the insurer does not pay its part of this bill."""
    row = _payer(payment_id, payer_id)
    url = url_for("finance.bill_payer_refuse", payment_id=payment_id, payer_id=payer_id)
    text = N_("What the insurer does not pay becomes the patient's part.")
    return _ask(payment_id, row.insurer.name, url, ReasonForm(), N_("Refused"), text=text)


@bp.post("/bills/<int:payment_id>/payers/<int:payer_id>/refuse")
@requires(Permission.CLAIMS)
def bill_payer_refuse(payment_id: int, payer_id: int) -> Any:
    form = ReasonForm(request.form)
    return _posted(
        payment_id, _payer(payment_id, payer_id).insurer.name, form, N_("Refused"),
        lambda: run(
            payers.refuse_part, payment_id, payer_id, form.reason.data, version=_seen(), about=("payment", payment_id)
        ),
        N_("The part is the patient's now."),
    )  # fmt: skip


# --------------------------------------------------------------------------------------------------------- numbers

VOID, CANCEL = N_("Make the number void"), N_("Cancel the bill")
VOID_TEXT = N_("The number stays with the bill for ever. The bill stands and gets a new number when it goes out again.")


@bp.post("/bills/<int:payment_id>/invoice")
@requires(Permission.FINANCE)
def bill_invoice(payment_id: int) -> Any:
    """Its number, or after a void one a new one."""
    return _plain(
        payment_id,
        lambda: run(invoices.invoice, payment_id, version=_seen(), about=("payment", payment_id)),
        N_("The bill has its number."),
    )


def _reasoned(name: str, title: str, text: str, verb: Callable[..., Any], words: str) -> None:
    """Hang in the dialog and the post of an act that needs a reason and nothing else."""

    @requires(Permission.FINANCE)
    def ask(payment_id: int) -> Response:
        url = url_for(f"finance.bill_{name}", payment_id=payment_id)
        return _ask(payment_id, title, url, ReasonForm(), title, text=text)

    @requires(Permission.FINANCE)
    def act(payment_id: int) -> Any:
        form = ReasonForm(request.form)
        return _posted(
            payment_id, title, form, title,
            lambda: run(verb, payment_id, form.reason.data, version=_seen(), about=("payment", payment_id)), words,
        )  # fmt: skip

    rule = f"/bills/<int:payment_id>/{name}"
    bp.add_url_rule(rule, f"bill_{name}_ask", ask, methods=["GET"])
    bp.add_url_rule(rule, f"bill_{name}", act, methods=["POST"])


_reasoned("void", VOID, VOID_TEXT, invoices.void, N_("The number is void."))
_reasoned("cancel", CANCEL, "", invoices.cancel, N_("The bill is cancelled."))
