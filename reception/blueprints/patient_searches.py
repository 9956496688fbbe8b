"""Searches that a user keeps, and the result of a search as a table that leaves the house."""

from __future__ import annotations

import itertools
from typing import Any

from flask import Response, g, redirect, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as AnyResponse

from reception import clock, exports, formats
from reception.access import Permission, requires
from reception.aside import aside
from reception.blueprints import patient_words
from reception.blueprints.dialogs import dialog, new_key, same_key
from reception.blueprints.fields import HouseForm, text
from reception.blueprints.patient_filters import Search, values_of
from reception.blueprints.patients import bp
from reception.blueprints.settings.rights import Confirmed
from reception.domain import registry_export, registry_saved
from reception.domain.errors import Invalid, NotPossible, Refusal
from reception.domain.registry_search import Filters
from reception.errors import is_htmx
from reception.models import SavedSearch
from reception.transaction import run
from reception.words import N_


class NameForm(HouseForm):
    name = text(_l("Name of the search"), needed=True)


class ExportForm(Confirmed):
    """A list of people leaves the house: whoever takes it says the own password again."""


# ---------------------------------------------------------------------------------------------------- kept searches


@bp.post("/searches/new")
@requires(Permission.PATIENTS, reads=True)
def search_new() -> Response:
    """Asks for the name under which the present search is kept."""
    return _ask(NameForm(), None, Search.read(request.form).filters, new_key())


@bp.post("/searches")
@requires(Permission.PATIENTS)
def search_save() -> AnyResponse:
    asked, form = Search.read(request.form).filters, NameForm(request.form)
    if not form.validate():
        return _ask(form, None, asked, same_key(), status=422)
    try:
        row = run(registry_saved.save, form.name.data, values_of(asked))
    except (Invalid, NotPossible) as refusal:
        form.blame(refusal)
        return _ask(form, None, asked, same_key(refusal), refusal)
    return _to(url_for("patients.index", saved=row.id))


@bp.get("/searches/<int:ident>")
@requires(Permission.PATIENTS)
def search_edit(ident: int) -> Response:
    """One of the own searches: another name, or away with it."""
    row = registry_saved.find(ident, g.actor)
    return _ask(NameForm(data={"name": row.name}), row, Filters(), new_key())


@bp.post("/searches/<int:ident>")
@requires(Permission.PATIENTS)
def search_rename(ident: int) -> AnyResponse:
    row, form = registry_saved.find(ident, g.actor), NameForm(request.form)
    if not form.validate():
        return _ask(form, row, Filters(), same_key(), status=422)
    try:
        run(registry_saved.rename, ident, form.name.data)
    except (Invalid, NotPossible) as refusal:
        form.blame(refusal)
        return _ask(form, registry_saved.find(ident, g.actor), Filters(), same_key(refusal), refusal)
    return _to(url_for("patients.index", saved=ident))


@bp.post("/searches/<int:ident>/delete")
@requires(Permission.PATIENTS)
def search_delete(ident: int) -> AnyResponse:
    run(registry_saved.delete, ident)
    return _to(url_for("patients.index"))


def _ask(
    form: NameForm, row: SavedSearch | None, asked: Filters, key: str, refusal: Refusal | None = None, status: int = 200
) -> Response:
    context: dict[str, Any] = {"form": form, "row": row, "values": values_of(asked), "key": key}
    return dialog("patients/_search.html", N_("Keep this search"), refusal=refusal, status=status, **context)


def _to(target: str) -> AnyResponse:
    return Response(status=200, headers={"HX-Redirect": target}) if is_htmx() else redirect(target, 303)


# ----------------------------------------------------------------------------------------------------------- export


@bp.post("/export")
@requires(Permission.EXPORT, reads=True)
def export_ask() -> Response:
    """What will be in the table, and the password."""
    return _export(ExportForm(), Search.read(request.form).filters, new_key())


@bp.post("/export/<any('csv','xlsx'):kind>")
@requires(Permission.EXPORT)
def export(kind: str) -> AnyResponse:
    """The whole result as a table for a spreadsheet. That it was taken, and how much, is in the audit."""
    asked, form = Search.read(request.form).filters, ExportForm(request.form)
    if not form.validate():
        return _export(form, asked, same_key(), status=422)
    try:
        form.check_confirmed()
        run(registry_export.note, asked.is_filtered or bool(asked.text))
    except (Invalid, NotPossible) as refusal:
        form.blame(refusal)
        return _export(form, asked, same_key(refusal), refusal)
    name = f"patients-{clock.today(g.actor.clinic)}.{kind}"
    rows = ([_cell(name, value) for name, value in row] for row in registry_export.rows(g.actor, asked))
    heads = [str(gettext(words)) for _, words in registry_export.COLUMNS]
    if kind == "csv":
        return exports.csv_stream(name, itertools.chain([heads], rows))
    return exports.xlsx_file(name, heads, list(rows), aside)


def _cell(name: str, value: Any) -> Any:
    """A value as the reader's language writes it; days as every program reads them."""
    if value is None or name in ("date_of_birth", "last_visit"):
        return value
    if name == "gender":
        return str(formats.word(value))
    if name == "created_at":
        return clock.local(value, g.actor.clinic).date()
    if name in ("region", "district", "settlement"):
        return patient_words.place(value)
    return str(value)


def _export(
    form: ExportForm, asked: Filters, key: str, refusal: Refusal | None = None, status: int = 200
) -> Response:  # fmt: skip
    chips = Search.of(asked).chips
    return dialog(
        "patients/_export.html", N_("Export"), refusal=refusal, status=status, form=form, values=values_of(asked),
        chips=chips, key=key, q=asked.text,
    )  # fmt: skip
