"""Displays: pair a TV by its code, name it, see whether it is alive, take its right away; what all of them show."""

from __future__ import annotations

from typing import Any

from flask import g, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from werkzeug.exceptions import TooManyRequests

from reception import formats, live, tries
from reception.access import Permission, requires
from reception.blueprints import answers
from reception.blueprints.dialogs import new_key, wants_part
from reception.blueprints.fields import Choice, HouseForm, text
from reception.blueprints.settings.clinic import row_of_clinic
from reception.blueprints.settings.frame import (
    as_part,
    asked,
    bp,
    listing,
    posted_key,
    saved,
    seen,
    tried,
)
from reception.domain import clinic as verbs
from reception.domain import devices, directory, edits
from reception.domain.locks import load
from reception.models import Clinic, Device
from reception.transaction import run

CODE_TRIES = "30 per 15 minutes"
"""Codes that one person may type."""


class PairForm(HouseForm):
    code = text(
        _l("Code on the screen"), needed=True,
        render_kw={"dir": "ltr", "autocapitalize": "characters", "autocomplete": "off", "spellcheck": "false"},
    )  # fmt: skip
    name = text(_l("Name of the screen"), needed=True)


class NameForm(HouseForm):
    name = text(_l("Name of the screen"), needed=True)


class LookForm(HouseForm):
    """What every TV of the clinic shows besides the calls."""

    aliases = {"display_locales": "first_language"}
    display_message = text(_l("Message line"), render_kw={"maxlength": 200, "dir": "auto"})
    display_theme = Choice(_l("Colours"))
    first_language = Choice(_l("First language"))
    second_language = Choice(_l("Second language"))
    third_language = Choice(_l("Third language"))

    @classmethod
    def of(cls, row: Clinic, **given: Any) -> LookForm:
        spoken = [*(row.display_locales or [row.default_locale]), None, None, None]
        data = {f"{place}_language": spoken[i] for i, place in enumerate(("first", "second", "third"))}
        form = cls(**given, data={"display_message": row.display_message, "display_theme": row.display_theme, **data})
        form.display_theme.offer([("dark", gettext("Dark")), ("light", gettext("Light"))])
        form.first_language.offer(formats.LOCALES.items())
        for field in (form.second_language, form.third_language):
            field.offer(formats.LOCALES.items(), nothing=gettext("None"))
        return form

    @property
    def plain(self) -> dict[str, Any]:
        languages = (self.first_language.data, self.second_language.data, self.third_language.data)
        return {
            "display_message": self.display_message.data,
            "display_theme": self.display_theme.data,
            "display_locales": [code for code in languages if code],
        }


def _screens() -> dict[str, Any]:
    rows = devices.paired(g.actor)
    return {"devices": rows, "connected": live.connected("device", [row.id for row in rows])}


@bp.get("/displays")
@requires(Permission.SETTINGS)
def displays() -> str:
    """The screens, and the look of them."""
    if wants_part():
        return _part()
    return listing("_displays_page", **_screens(), **_pairing(PairForm()), **_look(row_of_clinic()))


def _part() -> str:
    return render_template("settings/_displays.html", **_screens())


def _pairing(form: PairForm, error: str = "", key: str = "") -> dict[str, Any]:
    return {"pair_form": form, "pair_error": error, "pair_key": key or new_key()}


def _look(row: Clinic, form: LookForm | None = None, error: str = "", status: int = 200) -> dict[str, Any]:
    return {
        "look_form": form or LookForm.of(row),
        "look_error": error,
        "look_key": new_key() if status == 200 else posted_key(),
        "look_seen": seen() if status == 422 else edits.version(row),
    }


@bp.post("/displays")
@requires(Permission.SETTINGS)
def displays_pair() -> Any:
    """Pair the screen that shows the code."""
    if not tries.may_try(CODE_TRIES, "pairing", str(g.actor.user_id)):
        raise TooManyRequests
    form = PairForm(request.form)
    _, error, status = tried(form, lambda: run(devices.pair, form.code.data, form.name.data))
    if status != 200:
        context = _pairing(form, error, posted_key())
        if wants_part():
            return render_template("settings/_pair.html", **context), status
        page = render_template("settings/_displays_page.html", **_screens(), **context, **_look(row_of_clinic()))
        return render_template("settings/page.html", part=Markup(page)), status  # noqa: S704  our own partial
    if not wants_part():
        return redirect(url_for("settings.displays"), 303)
    fresh = render_template("settings/_pair.html", **_pairing(PairForm()))
    part = f'<hx-partial hx-target="#pair-form" hx-swap="outerHTML">{fresh}</hx-partial>'
    return answers.done(gettext("The screen is paired. It shows the queue in a moment."), more=part + as_part(_part()))


@bp.post("/displays/look")
@requires(Permission.SETTINGS)
def displays_look() -> Any:
    """Message, colours and languages of every TV."""
    form = LookForm.of(row_of_clinic(), formdata=request.form)
    _, error, status = tried(form, lambda: run(verbs.change_clinic, seen=seen(), **form.plain))
    row = row_of_clinic()
    if status != 200:
        context = _look(row, form, error, status)
        if wants_part():
            return render_template("settings/_look.html", **context), status
        page = render_template("settings/_displays_page.html", **_screens(), **_pairing(PairForm()), **context)
        return render_template("settings/page.html", part=Markup(page)), status  # noqa: S704  our own partial
    if not wants_part():
        return redirect(url_for("settings.displays"), 303)
    fresh = render_template("settings/_look.html", **_look(row))
    part = f'<hx-partial hx-target="#look-form" hx-swap="outerHTML">{fresh}</hx-partial>'
    return answers.done(gettext("The screens show it now."), more=part)


@bp.get("/displays/<int:ident>")
@requires(Permission.SETTINGS)
def displays_edit(ident: int) -> Any:
    row = load(Device, ident, g.actor.clinic_id)
    return _ask(NameForm(obj=row), row)


@bp.post("/displays/<int:ident>")
@requires(Permission.SETTINGS)
def displays_change(ident: int) -> Any:
    load(Device, ident, g.actor.clinic_id)
    form = NameForm(request.form)
    _, error, status = tried(form, lambda: run(devices.rename, ident, form.name.data, seen=seen()))
    if status != 200:
        return _ask(form, load(Device, ident, g.actor.clinic_id), error, status)
    return saved(gettext("The screen has its new name."), "settings.displays", _part)


@bp.post("/displays/<int:ident>/revoke")
@requires(Permission.SETTINGS)
def displays_revoke(ident: int) -> Any:
    """The screen loses its right; its line is closed at once."""
    run(directory.revoke_device, ident, about=("device", ident))
    live.close_credential("device", ident)
    live.rights_changed(g.actor.clinic_id)
    return saved(gettext("The screen shows nothing any more."), "settings.displays", _part)


def _ask(form: NameForm, row: Device, error: str = "", status: int = 200) -> Any:
    return asked(
        "_display", status, form=form, row=row, error=error, url=url_for("settings.displays_change", ident=row.id),
        key=new_key() if status == 200 else posted_key(), seen=seen() if status == 422 else edits.version(row),
    )  # fmt: skip
