"""Doctors' dues: who earned what in a period, what was paid out, one doctor's statement to print."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Response, g, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from reception import clock, formats, live
from reception.access import Permission, requires
from reception.blueprints import answers
from reception.blueprints.bill_forms import MONEY
from reception.blueprints.dialogs import dialog, new_key, same_key, wants_part
from reception.blueprints.fields import Amount, Choice, HouseForm, text
from reception.blueprints.finance import bp
from reception.blueprints.money_filters import day_of
from reception.domain import doctor_dues as reading
from reception.domain.errors import Invalid, NotAllowed, NotPossible, Refusal, invalid_field
from reception.domain.finance import payouts
from reception.domain.locks import load, scoped
from reception.errors import sentence
from reception.extensions import db
from reception.models import Account, AccountKind, Cashbox, CashboxKind, Doctor
from reception.transaction import run
from reception.words import N_


class PayoutForm(HouseForm):
    amount = Amount(_l("Amount"), render_kw=MONEY)
    cashbox_id = Choice(_l("Out of"))
    note = text(_l("Note"), render_kw={"maxlength": 200})

    def offer(self) -> None:
        boxes = scoped(Cashbox, g.actor.clinic_id).where(Cashbox.kind != CashboxKind.CARD, Cashbox.is_open)
        self.cashbox_id.offer((box.id, box.name) for box in db.session.scalars(boxes.order_by(Cashbox.name)))


def _period() -> tuple[date, date, str]:
    """The days asked for, this month's unless said otherwise, and what is wrong with them."""
    today = clock.today(g.actor.clinic)
    first, error = day_of(request.args.get("from", ""), today.replace(day=1))
    last, other = day_of(request.args.get("to", ""), max(first, today))
    error = error or other
    if not error and last < first:
        error = invalid_field("to", N_("The last day is before the first. Please change one of them."))
    if error:
        return today.replace(day=1), today, sentence(error)
    return first, last, ""


@bp.get("/dues")
@requires(Permission.DUES)
def dues() -> Any:
    """Each doctor's dues of a period."""
    version = live.versions(g.actor.clinic_id, ["finance"])["finance"]
    first, last, error = _period()
    rows = reading.of_all(g.actor, first, last)
    page = render_template(
        "dues/_dues.html" if wants_part() else "dues/index.html", v=version, rows=rows, sums=reading.total(rows),
        first=first, last=last, error=error, viewer=g.actor,
    )  # fmt: skip
    return (page, 422) if error else page


@bp.get("/dues/<int:doctor_id>")
@requires(Permission.DUES)
def dues_of(doctor_id: int) -> Any:
    """One doctor's statement: every amount with its bill or receipt."""
    version = live.versions(g.actor.clinic_id, ["finance"])["finance"]
    doctor = load(Doctor, doctor_id, g.actor.clinic_id)
    first, last, error = _period()
    moves = reading.of_one(g.actor, doctor, first, last)
    page = render_template(
        "dues/_doctor.html" if wants_part() else "dues/doctor.html", v=version, doctor=doctor, moves=moves,
        balance=_balance(doctor_id), first=first, last=last, error=error, viewer=g.actor,
        earned=sum(move.amount for move in moves if not move.is_paid),
        paid=-sum(move.amount for move in moves if move.is_paid),
    )  # fmt: skip
    return (page, 422) if error else page


def _balance(doctor_id: int) -> int:
    query = scoped(Account, g.actor.clinic_id).where(
        Account.doctor_id == doctor_id, Account.kind == AccountKind.DOCTOR_DUE
    )
    row = db.session.scalar(query.execution_options(populate_existing=True))
    return row.balance if row else 0


@bp.get("/dues/<int:doctor_id>/pay")
@requires(Permission.DUES)
def dues_paying(doctor_id: int) -> Response:
    form = PayoutForm()
    form.offer()
    form.amount.data = formats.plain_money(max(0, _balance(doctor_id)), g.actor.clinic.currency)
    return _ask(doctor_id, form)


def _ask(doctor_id: int, form: PayoutForm, refusal: Refusal | None = None) -> Response:
    doctor, due = load(Doctor, doctor_id, g.actor.clinic_id), _balance(doctor_id)
    due_words = gettext("%(amount)s %(currency)s is due.")
    words = due_words % {"amount": formats.money(due), "currency": g.actor.clinic.currency}
    return dialog(
        "bills/_form.html", formats.doctor_name(doctor), refusal=refusal, form=form,
        url=url_for("finance.dues_pay", doctor_id=doctor_id), submit=gettext("Pay out"), text=words,
        key=same_key(refusal) if refusal else new_key(), version=str(due),
    )  # fmt: skip


@bp.post("/dues/<int:doctor_id>/pay")
@requires(Permission.DUES)
def dues_pay(doctor_id: int) -> Any:
    """Pay out what is due, or a part; `version`: what was due when the form was drawn."""
    form = PayoutForm(request.form)
    form.offer()
    refusal: Refusal = Invalid(N_("Something in this form is not right yet."))
    if form.validate():
        try:
            amount = form.amount.units(g.actor.clinic.currency)
            operation = run(
                payouts.pay_doctor, doctor_id, amount, form.cashbox_id.number or 0, note=form.note.data,
                due=request.form.get("version", type=int),
            )  # fmt: skip
        except (Invalid, NotPossible, NotAllowed) as found:
            form.blame(found)
            refusal = found
        else:
            if not wants_part():
                return redirect(url_for("finance.dues_of", doctor_id=doctor_id), 303)
            words = gettext("%(amount)s paid out, receipt %(receipt)s")
            done = words % {"amount": formats.money(operation.amount), "receipt": operation.receipt_no}
            return answers.done(done)
    return _ask(doctor_id, form, refusal)
