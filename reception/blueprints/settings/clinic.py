"""The clinic itself: its name, its hours, and how its queue behaves."""

from __future__ import annotations

from typing import Any

import phonenumbers
from flask import g, redirect, render_template, request, url_for
from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from wtforms import BooleanField

from reception import formats, live
from reception.access import Permission, requires
from reception.blueprints import answers
from reception.blueprints.dialogs import new_key, wants_part
from reception.blueprints.fields import Choice, HouseForm, clock, text, whole
from reception.blueprints.settings.frame import bp, posted_key, seen, tried
from reception.domain import clinic as verbs
from reception.domain import edits
from reception.extensions import db
from reception.models import Clinic
from reception.transaction import run


def _number(name: str, label: Any) -> Any:
    least, most = verbs.NUMBERS[name]
    return whole(label, least, most)


class ClinicForm(HouseForm):
    name = text(_l("Name of the clinic"), needed=True)
    default_locale = Choice(_l("Language"))
    phone_region = Choice(_l("Country of phone numbers"))
    currency = text(_l("Currency"), render_kw={"maxlength": 3, "dir": "ltr"})
    opens_at = clock(_l("Opens at"))
    closes_at = clock(_l("Closes at"))
    wait_limit_minutes = _number("wait_limit_minutes", _l("Wait limit, minutes"))
    early_minutes = _number("early_minutes", _l("Due early, minutes"))
    calls_before_parking = _number("calls_before_parking", _l("Calls before parking"))
    requeue_minutes = _number("requeue_minutes", _l("Back in line, minutes"))
    hold_minutes = _number("hold_minutes", _l("Send and return, minutes"))
    overbooking_cap = _number("overbooking_cap", _l("Beyond the capacity, places"))
    place_hold_seconds = _number("place_hold_seconds", _l("Kept while booking, seconds"))
    offer_minutes = _number("offer_minutes", _l("Waitlist answers within, minutes"))
    doctor_share_percent = _number("doctor_share_percent", _l("Doctor's share, percent"))
    feed_initials = BooleanField(_l("Calendar feeds of doctors show the initials of patients"))

    @classmethod
    def of(cls, row: Clinic, **given: Any) -> ClinicForm:
        """The form; the currency is not asked for any more once there is money in it."""
        form = cls(**given)
        form.default_locale.offer(formats.LOCALES.items())
        form.phone_region.offer(_countries())
        if verbs.has_money(row.id):
            del form["currency"]
        return form

    @property
    def plain(self) -> dict[str, Any]:
        values = self.values
        return values | ({"currency": values["currency"].strip().upper()} if "currency" in values else {})


def _countries() -> list[tuple[str, str]]:
    names = get_locale().territories
    known = ((code, names.get(code, code)) for code in phonenumbers.SUPPORTED_REGIONS)
    return sorted(((code, f"{name} ({code})") for code, name in known), key=lambda pair: pair[1])


def row_of_clinic() -> Clinic:
    return db.session.get_one(Clinic, g.actor.clinic_id)


@bp.get("")
@requires(Permission.SETTINGS)
def index() -> str:
    """The clinic's own settings."""
    row = row_of_clinic()
    return _page(ClinicForm.of(row, obj=row), row)


@bp.post("/clinic")
@requires(Permission.SETTINGS)
def clinic_change() -> Any:
    form = ClinicForm.of(row_of_clinic(), formdata=request.form)
    _, error, status = tried(form, lambda: run(verbs.change_clinic, seen=seen(), **form.plain))
    row = row_of_clinic()
    if status != 200:
        return _page(form, row, error, status), status
    live.rights_changed(g.actor.clinic_id)  # screens were drawn for the former limits
    if not wants_part():
        return redirect(url_for("settings.index"), 303)
    fresh = _form(ClinicForm.of(row, obj=row), row)
    part = f'<hx-partial hx-target="#clinic-form" hx-swap="outerHTML">{fresh}</hx-partial>'
    return answers.done(gettext("The settings of the clinic are saved."), more=part)


def _form(form: ClinicForm, row: Clinic, error: str = "", status: int = 200) -> str:
    return render_template(
        "settings/_clinic.html",
        form=form,
        clinic=row,
        error=error,
        key=new_key() if status == 200 else posted_key(),
        seen=seen() if status == 422 else edits.version(row),
    )


def _page(form: ClinicForm, row: Clinic, error: str = "", status: int = 200) -> str:
    part = _form(form, row, error, status)
    return part if wants_part() else render_template("settings/page.html", part=Markup(part))  # noqa: S704  our own partial
