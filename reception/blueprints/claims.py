"""Claims to insurers: by insurer and month, one with its bills, its steps, and its table for the insurer."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Response, g, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import StringField

from reception import amounts, clock, exports, formats, live
from reception.access import Permission, may, requires
from reception.blueprints import answers
from reception.blueprints.bill_forms import MONEY, ReasonForm
from reception.blueprints.dialogs import dialog, new_key, same_key, wants_part
from reception.blueprints.fields import Choice, HouseForm, get_locale, text
from reception.blueprints.finance import bp
from reception.domain.errors import Invalid, NotAllowed, NotPossible, Refusal, Stale
from reception.domain.finance import claims as verbs
from reception.domain.finance import payers
from reception.domain.locks import load, scoped
from reception.extensions import db
from reception.models import BillPayer, Cashbox, CashboxKind, Claim, ClaimStatus
from reception.transaction import run
from reception.words import N_


class NoteForm(HouseForm):
    note = text(_l("Note"), render_kw={"maxlength": 2000})


class PayForm(HouseForm):
    cashbox_id = Choice(_l("Into"))
    amount = StringField(_l("Amount"), render_kw=MONEY)

    def offer(self) -> None:
        boxes = scoped(Cashbox, g.actor.clinic_id).where(Cashbox.kind == CashboxKind.BANK, Cashbox.is_open)
        self.cashbox_id.offer((box.id, box.name) for box in db.session.scalars(boxes.order_by(Cashbox.name)))


NEXT: dict[ClaimStatus, tuple[str, ...]] = {
    ClaimStatus.DRAFT: ("send",),
    ClaimStatus.SENT: ("accept", "refuse", "pay"),
    ClaimStatus.ACCEPTED: ("refuse", "pay"),
    ClaimStatus.REFUSED: ("send",),
    ClaimStatus.PAID: (),
}
"""The steps whose buttons a claim has."""


def month_in(text: str) -> date | None:
    """The month in "2026-11", or none."""
    found = re.fullmatch(r"(20\d\d|21\d\d)-(0[1-9]|1[0-2])", text)
    return date(int(found[1]), int(found[2]), 1) if found else None


@bp.get("/claims")
@requires(Permission.FINANCE)
def claims() -> str:
    """What insurers were asked for, by insurer and month, and what no claim asks for yet."""
    version = live.versions(g.actor.clinic_id, ["finance"])["finance"]
    insurers = payers.insurers(g.actor.clinic_id, only_active=False)
    chosen = next((i for i in insurers if str(i.id) == request.args.get("insurer", "")), None)
    month = month_in(request.args.get("month", ""))
    rows = verbs.claims(g.actor.clinic_id, insurer_id=chosen.id if chosen else None, month=month)
    waiting = [
        row for row in verbs.waiting(g.actor) if (not chosen or row[0] is chosen) and (not month or row[1] == month)
    ]
    return render_template(
        "claims/_claims.html" if wants_part() else "claims/index.html", v=version, rows=rows, waiting=waiting,
        insurers=insurers, chosen=chosen, month=month, may_change=may(g.actor, Permission.CLAIMS), viewer=g.actor,
        key=new_key(),
    )  # fmt: skip


@bp.get("/claims/<int:claim_id>")
@requires(Permission.FINANCE)
def claim(claim_id: int) -> str:
    """One claim with its bills."""
    template = "claims/_claim.html" if wants_part() else "claims/claim.html"
    return render_template(template, **_context(claim_id))


def _context(claim_id: int) -> dict[str, Any]:
    version = live.versions(g.actor.clinic_id, ["finance"])["finance"]
    row = load(Claim, claim_id, g.actor.clinic_id)
    db.session.refresh(row)
    parts = verbs.parts_of(row)
    return {
        "v": version,
        "claim": row,
        "parts": parts,
        "asked": sum(part.amount - part.refunded_amount for part in parts),
        "paid": sum(part.paid_amount for part in parts),
        "viewer": g.actor,
        "may_change": may(g.actor, Permission.CLAIMS),
        "is_open": verbs.is_open,
        "steps": NEXT[row.status] if may(g.actor, Permission.CLAIMS) else (),
    }


@bp.post("/claims")
@requires(Permission.CLAIMS)
def claim_draft() -> Any:
    """Collect what an insurer owes for a month."""
    month = month_in(request.form.get("month", "")) or clock.today(g.actor.clinic)
    try:
        row = run(verbs.draft, request.form.get("insurer_id", 0, type=int), month)
    except NotPossible as refusal:
        if not wants_part():
            raise
        return answers.refused(refusal)
    url = url_for("finance.claim", claim_id=row.id)
    if not wants_part():
        return redirect(url, 303)
    answer = answers.done(gettext("The draft %(number)s is made.", number=row.number))
    answer.headers["HX-Redirect"] = url
    return answer


# ----------------------------------------------------------------------------------------------------------- steps


def _seen() -> int | None:
    return request.form.get("version", type=int)


def _done(claim_id: int, words: str) -> Any:
    if not wants_part():
        return redirect(url_for("finance.claim", claim_id=claim_id), 303)
    sheet = render_template("claims/_claim.html", **_context(claim_id))
    part = f'<hx-partial hx-target="#claim" hx-swap="outerMorph">{sheet}</hx-partial>'
    return answers.done(gettext(words), more=part)


def _plain(claim_id: int, act: Callable[[], Any], words: str) -> Any:
    try:
        act()
    except (Invalid, NotPossible) as refusal:
        if not wants_part():
            raise
        return answers.refused(refusal)
    return _done(claim_id, words)


@bp.post("/claims/<int:claim_id>/send")
@requires(Permission.CLAIMS)
def claim_send(claim_id: int) -> Any:
    """It went to the insurer."""
    return _plain(
        claim_id, lambda: run(verbs.send, claim_id, version=_seen(), about=("claim", claim_id)),
        N_("The claim is sent: its bills stand."),
    )  # fmt: skip


@bp.post("/claims/<int:claim_id>/parts/<int:part_id>/leave-out")
@requires(Permission.CLAIMS)
def claim_leave_out(claim_id: int, part_id: int) -> Any:
    return _plain(
        claim_id, lambda: run(verbs.leave_out, claim_id, part_id, version=_seen(), about=("claim", claim_id)),
        N_("The bill is left out."),
    )  # fmt: skip


def _ask(
    claim_id: int, step: str, form: HouseForm, refusal: Refusal | None = None, part: int | None = None
) -> Response:
    row = load(Claim, claim_id, g.actor.clinic_id)
    title, submit, words = STEPS[step]
    seen = request.form.get("version", "") if refusal and not isinstance(refusal, Stale) else str(row.version)
    return dialog(
        "bills/_form.html", gettext(title) + " · " + row.number, refusal=refusal, form=form,
        url=url_for(f"finance.claim_{step}", claim_id=claim_id, part=part), submit=gettext(submit),
        text=gettext(words) if words else "", key=same_key(refusal) if refusal else new_key(), version=seen,
    )  # fmt: skip


STEPS: dict[str, tuple[str, str, str]] = {
    "accept": (N_("Accepted by the insurer"), N_("Accepted"), ""),
    "refuse": (
        N_("Refused by the insurer"), N_("Refused"), N_("What the insurer does not pay becomes the patient's part."),
    ),
    "pay": (N_("Paid by the insurer"), N_("Paid"), ""),
}  # fmt: skip
"""Steps with a dialog: its title, its button, a line in it."""


def _posted(
    claim_id: int, step: str, form: HouseForm, act: Callable[[], Any], words: str, part: int | None = None
) -> Any:
    refusal: Refusal = Invalid(N_("Something in this form is not right yet."))
    if form.validate():
        try:
            act()
        except (Invalid, NotPossible, NotAllowed) as found:
            form.blame(found)
            refusal = found
        else:
            return _done(claim_id, words)
    return _ask(claim_id, step, form, refusal, part)


@bp.get("/claims/<int:claim_id>/accept")
@requires(Permission.CLAIMS)
def claim_accepting(claim_id: int) -> Response:
    return _ask(claim_id, "accept", NoteForm())


@bp.post("/claims/<int:claim_id>/accept")
@requires(Permission.CLAIMS)
def claim_accept(claim_id: int) -> Any:
    form = NoteForm(request.form)
    return _posted(
        claim_id, "accept", form,
        lambda: run(verbs.accept, claim_id, note=form.note.data, version=_seen(), about=("claim", claim_id)),
        N_("The claim is accepted."),
    )  # fmt: skip


def _part() -> int | None:
    """The one bill that the step is about; none: all of the claim."""
    return request.args.get("part", type=int)


@bp.get("/claims/<int:claim_id>/refuse")
@requires(Permission.CLAIMS)
def claim_refusing(claim_id: int) -> Response:
    return _ask(claim_id, "refuse", ReasonForm(), part=_part())


@bp.post("/claims/<int:claim_id>/refuse")
@requires(Permission.CLAIMS)
def claim_refuse(claim_id: int) -> Any:
    """All of it, or one bill."""
    form, part = ReasonForm(request.form), _part()
    return _posted(
        claim_id, "refuse", form,
        lambda: run(
            verbs.refuse, claim_id, form.reason.data, parts=None if part is None else [part], version=_seen(),
            about=("claim", claim_id),
        ),
        N_("What was refused is the patients' now."), part,
    )  # fmt: skip


def _pay_form(claim_id: int, part: int | None, **given: Any) -> PayForm:
    form = PayForm(**given)
    form.offer()
    if part is None:
        del form["amount"]
    elif not given:
        row = load(BillPayer, part, g.actor.clinic_id)
        form.amount.data = formats.plain_money(verbs.is_open(row), g.actor.clinic.currency)
    return form


@bp.get("/claims/<int:claim_id>/pay")
@requires(Permission.CLAIMS)
def claim_paying(claim_id: int) -> Response:
    return _ask(claim_id, "pay", _pay_form(claim_id, _part()), part=_part())


@bp.post("/claims/<int:claim_id>/pay")
@requires(Permission.CLAIMS)
def claim_pay(claim_id: int) -> Any:
    """The insurer's money for all that is open, or an amount for one bill."""
    part = _part()
    form = _pay_form(claim_id, part, formdata=request.form)

    def act() -> Any:
        parts = None
        if part is not None:
            parts = {part: amounts.read(form.amount.data or "", g.actor.clinic.currency, get_locale(), "amount")}
        return run(verbs.pay, claim_id, form.cashbox_id.number or 0, parts=parts, version=_seen())

    return _posted(claim_id, "pay", form, act, N_("The insurer's money is booked."), part)


# ---------------------------------------------------------------------------------------------------------- export


@bp.get("/claims/<int:claim_id>/export/<kind>")
@requires(Permission.FINANCE)
def claim_export(claim_id: int, kind: str) -> Response:
    """The claim's bills as CSV or Excel."""
    row = load(Claim, claim_id, g.actor.clinic_id)
    clinic, parts = g.actor.clinic, verbs.parts_of(row)
    heads = [
        gettext("Claim"), gettext("Insurer"), gettext("Policy"), gettext("Card"), gettext("Patient"),
        gettext("Date of birth"), gettext("Day"), gettext("Bill"), gettext("Total"), gettext("Part"), gettext("Paid"),
        gettext("Left"), gettext("Currency"),
    ]  # fmt: skip
    rows = [
        (
            row.number, row.insurer.name, part.policy_number, part.payment.patient.card_no,
            formats.list_name(part.payment.patient), part.payment.patient.date_of_birth,
            part.payment.visit.service_day if part.payment.visit else clock.service_day(part.payment.created_at, clinic),
            part.payment.invoice_no or "", _shown(part.payment.total_amount), _shown(part.amount - part.refunded_amount),
            _shown(part.paid_amount), _shown(verbs.is_open(part)), clinic.currency,
        )
        for part in parts
    ]  # fmt: skip
    name = f"claim-{row.number}"
    if kind == "xlsx":
        is_rtl = get_locale().text_direction == "rtl"
        return exports.xlsx_file(f"{name}.xlsx", heads, rows, is_rtl=is_rtl)
    return exports.csv_file(f"{name}.csv", [heads, *rows])


def _shown(amount: int) -> Any:
    return formats.major(amount, g.actor.clinic.currency)
