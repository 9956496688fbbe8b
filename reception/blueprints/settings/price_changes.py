"""Prices changed by percent from a day on: the form, what it would come to, the one act, and taking it back."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from flask import g, request, url_for
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import InputRequired

from reception import clock, formats
from reception.access import Permission, requires
from reception.blueprints import answers
from reception.blueprints.dialogs import new_key, wants_part
from reception.blueprints.fields import NEEDED, Choice, HouseForm, day
from reception.blueprints.settings import services
from reception.blueprints.settings.frame import bp, listing, posted_key, saved, tried
from reception.domain import directory
from reception.domain.directory import price_changes
from reception.domain.errors import Invalid, NotPossible, invalid_field
from reception.domain.locks import scoped
from reception.extensions import db
from reception.models import Department, PriceChange, ServiceType
from reception.transaction import run
from reception.words import N_


class Percent(StringField):
    """A percentage as it is typed: 7.5, 7,5 %, −3."""

    def hundredths(self) -> int:
        """Hundredths of a percent. Raises Invalid."""
        typed = (self.data or "").strip().rstrip("%٪").strip().replace("−", "-").replace(",", ".").replace("٫", ".")
        found = re.fullmatch(r"([+-]?)(\d{1,6})(?:\.(\d{1,2}))?", typed)
        if found is None:
            raise invalid_field("percent", N_("Write a percentage such as 5 or -2.5, with at most two digits after the point."))  # fmt: skip
        amount = int(found[2]) * 100 + int((found[3] or "").ljust(2, "0"))
        return -amount if found[1] == "-" else amount


class ChangeForm(HouseForm):
    aliases = {"hundredths": "percent"}

    percent = Percent(_l("Percent"), [InputRequired(NEEDED)], render_kw={"inputmode": "decimal", "dir": "ltr"})
    valid_from = day(_l("From"))
    step = Choice(_l("Rounded to"))
    service_type_id = Choice(_l("Type"))
    department_id = Choice(_l("Offered first in"))

    def offer(self) -> ChangeForm:
        code = g.actor.clinic.currency
        self.step.offer((step, f"{formats.money(step)} {code}") for step in steps(code))
        types = db.session.scalars(scoped(ServiceType, g.actor.clinic_id).order_by(ServiceType.name))
        self.service_type_id.offer(((row.id, row.name) for row in types), nothing=gettext("All"))
        departments = db.session.scalars(scoped(Department, g.actor.clinic_id).order_by(Department.code))
        self.department_id.offer(((d.id, f"{d.code} · {d.name}") for d in departments), nothing=gettext("All"))
        return self

    @property
    def wanted(self) -> directory.Step:
        """What is asked for. Raises Invalid."""
        day = self.valid_from.data
        if day is None:
            raise invalid_field("valid_from", N_("This is needed."))
        return directory.Step(
            self.percent.hundredths(), self.step.number or 1, day, self.service_type_id.number, self.department_id.number,
        )  # fmt: skip


def steps(currency: str) -> list[int]:
    """What prices may be rounded to: 1, 10, 100 smallest units, one, ten and a hundred whole units of the currency."""
    whole = 10 ** formats.digits(currency)
    return sorted({1, 10, 100, whole, 10 * whole, 100 * whole})


@bp.get("/services/percent", endpoint="services_percent")
@requires(Permission.SETTINGS)
def percent_index() -> Any:
    """The form, and below it the old and new prices."""
    if "percent" not in request.args:
        form = ChangeForm(data={"valid_from": clock.today(g.actor.clinic) + timedelta(days=1), "step": "1"}).offer()
        return _page(form)
    return _preview(ChangeForm(request.args).offer())


@bp.post("/services/percent", endpoint="services_percent_do")
@requires(Permission.SETTINGS)
def percent_do() -> Any:
    """Change them, as they were shown."""
    form = ChangeForm(request.form).offer()
    shown = request.form.get("shown", "")[:40]
    row, error, status = tried(form, lambda: run(directory.change_prices, form.wanted, shown=shown))
    if status != 200:
        return _preview(form, error, status)
    number = len(row.lines)
    words = ngettext("%(num)s price is changed.", "%(num)s prices are changed.", number)
    if not wants_part():
        return saved(words, "settings.services", services.part)
    undo: dict[str, object] = {
        "url": url_for("settings.services_percent_undo", change_id=row.id), "key": f"{row.ref}.undo", "version": "",
    }  # fmt: skip
    answer = answers.done(words, undo=undo, more=services.part())
    answer.headers["HX-Push-Url"] = url_for("settings.services")
    return answer


@bp.post("/services/percent/<int:change_id>/undo", endpoint="services_percent_undo")
@requires(Permission.SETTINGS)
def percent_undo(change_id: int) -> Any:
    """The prices of before go on."""
    try:
        run(directory.take_back_change, change_id, about=("price_change", change_id))
    except NotPossible as refusal:
        return answers.refused(refusal)
    return saved(gettext("The prices are as they were."), "settings.services", services.part)


def _preview(form: ChangeForm, error: str = "", status: int = 200) -> Any:
    """The form with what it would come to, or with what is wrong."""
    proposal = None
    if form.validate() and not form.errors:
        try:
            proposal = directory.propose(g.actor, form.wanted, clock.today(g.actor.clinic))
        except Invalid as refusal:
            error = form.blame(refusal) or error
    if proposal is None and status == 200:
        status = 422
    return _page(form, proposal, error, status)


def _page(form: ChangeForm, proposal: price_changes.Proposal | None = None, error: str = "", status: int = 200) -> Any:
    today = clock.today(g.actor.clinic)
    html = listing(
        "_services_percent", form=form, proposal=proposal, error=error, today=today,
        key=posted_key() if request.method == "POST" and status == 422 else new_key(),
        past=[(row, may_go(row)) for row in price_changes.recent(g.actor)],
    )  # fmt: skip
    return html, status


def may_go(row: PriceChange) -> bool:
    """Whether the change can still be taken back at leisure."""
    return row.withdrawn_at is None and row.valid_from > clock.today(g.actor.clinic)
