"""Insurers, and the rules of money: shares, bonus, how much may be let off, from which refund on two people are asked."""

from __future__ import annotations

from typing import Any

from flask import g, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField

from reception import formats
from reception.access import Permission, requires
from reception.blueprints import answers
from reception.blueprints.dialogs import new_key, wants_part
from reception.blueprints.fields import Amount, HouseForm, text, whole
from reception.blueprints.settings.clinic import row_of_clinic
from reception.blueprints.settings.frame import asked, bp, listing, posted_key, saved, seen, tried
from reception.domain import clinic, edits
from reception.domain.finance import lines, payers
from reception.domain.locks import load
from reception.models import Insurer, Role
from reception.transaction import run


class InsurerForm(HouseForm):
    name = text(_l("Name"), needed=True, render_kw={"maxlength": 200})
    coverage_percent = whole(_l("Usually pays, percent"), 0, 100)
    is_active = BooleanField(_l("Named on new bills"), default=True)


def _rows() -> list[Insurer]:
    return payers.insurers(g.actor.clinic_id, only_active=False)


@bp.get("/insurers")
@requires(Permission.SETTINGS)
def insurers() -> str:
    """Who pays parts of bills."""
    return listing("_insurers", rows=_rows())


@bp.get("/insurers/new")
@requires(Permission.SETTINGS)
def insurers_new() -> Any:
    return _ask(_new(data={"coverage_percent": 100}), None)


@bp.get("/insurers/<int:ident>")
@requires(Permission.SETTINGS)
def insurers_edit(ident: int) -> Any:
    row = load(Insurer, ident, g.actor.clinic_id)
    return _ask(InsurerForm(obj=row), row)


def _new(**given: Any) -> InsurerForm:
    form = InsurerForm(**given)
    del form["is_active"]
    return form


def _ask(form: InsurerForm, row: Insurer | None, error: str = "", status: int = 200) -> Any:
    values: dict[str, Any] = {"ident": row.id} if row else {}
    return asked(
        "_insurer", status, form=form, row=row, error=error,
        url=url_for(f"settings.insurers_{'change' if row else 'add'}", **values),
        key=new_key() if status == 200 else posted_key(),
        seen=seen() if status == 422 else edits.version(row) if row else "",
    )  # fmt: skip


@bp.post("/insurers")
@requires(Permission.SETTINGS)
def insurers_add() -> Any:
    form = _new(formdata=request.form)
    _, error, status = tried(
        form, lambda: run(payers.add_insurer, form.name.data, coverage_percent=form.coverage_percent.data)
    )
    return _ask(form, None, error, status) if status != 200 else _saved(gettext("The insurer is added."))


@bp.post("/insurers/<int:ident>")
@requires(Permission.SETTINGS)
def insurers_change(ident: int) -> Any:
    row, form = load(Insurer, ident, g.actor.clinic_id), InsurerForm(request.form)
    _, error, status = tried(form, lambda: run(payers.change_insurer, ident, seen=seen(), **form.values))
    return _ask(form, row, error, status) if status != 200 else _saved(gettext("The insurer is changed."))


def _saved(words: str) -> Any:
    return saved(words, "settings.insurers", lambda: render_template("settings/_insurers.html", rows=_rows()))


# ---------------------------------------------------------------------------------------------------- rules of money

ROLES = tuple(lines.DISCOUNT_LIMITS)


class MoneyForm(HouseForm):
    doctor_share_percent = whole(_l("Doctor's share, percent"), 0, 100)
    referral_bonus_percent = whole(_l("Bonus for who referred, percent"), 0, 100)
    refund_limit = Amount(_l("A second person above"), render_kw={"inputmode": "decimal", "dir": "ltr"})
    discount_receptionist = whole(_l("Receptionist"), 0, 100)
    discount_cashier = whole(_l("Cashier"), 0, 100)
    discount_manager = whole(_l("Manager"), 0, 100)
    discount_admin = whole(_l("Administrator"), 0, 100)

    @property
    def plain(self) -> dict[str, Any]:
        """What the verb takes. Raises Invalid where the amount is none."""
        typed = (self.refund_limit.data or "").strip()
        return {
            "doctor_share_percent": self.doctor_share_percent.data,
            "referral_bonus_percent": self.referral_bonus_percent.data,
            "refund_limit": self.refund_limit.units(g.actor.clinic.currency) if typed else None,
            "discount_limits": {role.value: self[f"discount_{role.lower()}"].data for role in ROLES},
        }


def _form() -> MoneyForm:
    row, limits = row_of_clinic(), lines.limits_of(g.actor.clinic_id)
    limit = "" if row.refund_limit is None else formats.plain_money(row.refund_limit, row.currency)
    return MoneyForm(
        data={
            "doctor_share_percent": row.doctor_share_percent, "referral_bonus_percent": row.referral_bonus_percent,
            "refund_limit": limit, **{f"discount_{role.lower()}": limits[role] for role in Role if role in limits},
        }
    )  # fmt: skip


def _page(form: MoneyForm, error: str = "", status: int = 200) -> Any:
    page = listing(
        "_money", form=form, error=error, key=new_key() if status == 200 else posted_key(), currency=_currency(),
        seen=seen() if status == 422 else edits.version(row_of_clinic()),
    )  # fmt: skip
    return (page, status) if status != 200 else page


def _currency() -> str:
    return str(g.actor.clinic.currency)


@bp.get("/money")
@requires(Permission.SETTINGS)
def money() -> Any:
    """Shares, bonus and limits."""
    return _page(_form())


@bp.post("/money")
@requires(Permission.SETTINGS)
def money_change() -> Any:
    form = MoneyForm(request.form)
    _, error, status = tried(form, lambda: run(clinic.change_clinic, seen=seen(), **form.plain))
    if status != 200:
        return _page(form, error, status)
    if not wants_part():
        return redirect(url_for("settings.money"), 303)
    part = f'<hx-partial hx-target="#settings-list" hx-swap="outerHTML">{_page(_form())}</hx-partial>'
    return answers.done(gettext("The rules of money are saved."), more=part)


assert {role.lower() for role in ROLES} == {"receptionist", "cashier", "manager", "admin"}  # the fields of MoneyForm
