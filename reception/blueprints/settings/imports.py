"""Import and export: upload a file, say which column is what, try it, bring it in, see how far it is; and the way out.

Each import is a place of its own (`/settings/import/17`) that shows what there is to do or to know at every stage.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from babel.numbers import format_decimal
from flask import abort, g, redirect, render_template, request, url_for
from flask_babel import get_locale, gettext
from markupsafe import Markup
from sqlalchemy import select
from werkzeug.exceptions import RequestEntityTooLarge

from reception import clock, errors, exports, importing
from reception.access import Permission, may, requires
from reception.blueprints.dialogs import new_key, wants_part
from reception.blueprints.settings.frame import bp, tried
from reception.blueprints.settings.rights import Confirmed
from reception.domain import exporting, registry
from reception.domain.errors import Invalid, NotPossible, Refusal
from reception.domain.imports import columns, runs
from reception.domain.imports.columns import Column
from reception.domain.imports.icd import LOCALES, language_of
from reception.domain.imports.registry import KINDS, kind_of
from reception.domain.imports.sheets import ENCODINGS, SEPARATORS, Sheet, open_sheet
from reception.domain.locks import load, scoped
from reception.extensions import db, socketio
from reception.models import ImportRun, ImportState, User
from reception.transaction import run
from reception.words import N_

MOST_UPLOAD = 64 * 1024 * 1024
"""Bytes; longer files come in by the command."""
SHOWN_ROWS, SHOWN_FAULTS, SHOWN_RUNS = 4, 100, 30
STATES = {
    ImportState.UPLOADED: ("circle-dot", N_("Waits for you")), ImportState.RUNNING: ("refresh", N_("Running")),
    ImportState.DONE: ("circle-check", N_("Done")), ImportState.REFUSED: ("circle-x", N_("Refused")),
    ImportState.FAILED: ("alert-triangle", N_("Failed")),
}  # fmt: skip
STEPS = {
    "read": N_("Reading and checking"), "compare": N_("Comparing with what is known"), "store": N_("Storing"),
}  # fmt: skip
SIGNS = {",": N_("Comma"), ";": N_("Semicolon"), "\t": N_("Tabulator"), "|": N_("Bar")}
TOO_LARGE = N_("At most %(most)s MB can be uploaded. A longer file comes in by the command: flask import.")


class PeopleForm(Confirmed):
    """The list of patients leaves the house only with one's own password."""


@bp.url_value_preprocessor
def _room_for_files(endpoint: str | None, _values: Any) -> None:
    """Before the body is read: one address takes files."""
    if endpoint == "settings.imports_upload":
        request.max_content_length = MOST_UPLOAD


@bp.errorhandler(RequestEntityTooLarge)
def _too_large(error: RequestEntityTooLarge) -> Any:
    if request.endpoint != "settings.imports_upload":
        return errors.http_error(error)
    return errors.notice(413, gettext(TOO_LARGE) % {"most": MOST_UPLOAD >> 20})


# ------------------------------------------------------------------------------------------------------------- list


@bp.get("/import", endpoint="imports")
@requires(Permission.SETTINGS)
def imports_list() -> str:
    """The way in, the way out, and what came in so far."""
    return _list()


def _list(error: str = "", kind: str = "", people: PeopleForm | None = None) -> str:
    query = scoped(ImportRun, g.actor.clinic_id).order_by(ImportRun.id.desc()).limit(SHOWN_RUNS)
    found = list(db.session.scalars(query))
    names = select(User.id, User.full_name).where(User.id.in_({row.by_id for row in found}))
    part = render_template(
        "settings/_imports.html", runs=found, state_of=_state, states=STATES, kinds=KINDS, error=error, chosen=kind,
        by={ident: name for ident, name in db.session.execute(names)}, key=new_key(), most=MOST_UPLOAD >> 20,
        people=(people or PeopleForm()) if may(g.actor, Permission.EXPORT) else None,
    )  # fmt: skip
    return part if wants_part() else render_template("settings/page.html", part=Markup(part))  # noqa: S704  our own partial


@bp.context_processor
def _counting() -> dict[str, Any]:
    return {"count": _count}


def _count(number: int) -> str:
    """A number of rows as the reader's language writes it; with our digits in Arabic, as everywhere."""
    locale = get_locale()
    return str(format_decimal(number, locale="en" if locale.language == "ar" else locale))


def _state(row: ImportRun) -> ImportState:
    """The state as it is: a run whose process is gone has failed, whatever its row says."""
    return row.state if row.state != ImportState.RUNNING or importing.is_alive(row) else ImportState.FAILED


@bp.post("/import")
@requires(Permission.SETTINGS)
def imports_upload() -> Any:
    """Keep the file under a name of our own, if it can be read at all."""
    file, kind = request.files.get("file"), request.form.get("kind", "")
    if kind not in KINDS:
        return _list(gettext("Choose what is in the file.")), 422
    if file is None or not file.filename:
        return _list(gettext("Choose a file."), kind), 422
    path = importing.folder() / f"new-{secrets.token_hex(8)}"
    importing.forget_files()
    try:
        file.save(path)
        path.chmod(0o600)
        open_sheet(path, breathe=_breathe)
        row = run(runs.add_run, kind, _tidy(file.filename), {})
        path.replace(importing.file_of(row.id))
    except Invalid as refusal:
        return _list(errors.sentence(refusal), kind), 422
    finally:
        path.unlink(missing_ok=True)
    return redirect(url_for("settings.imports_run", ident=row.id), 303)


def _tidy(name: str) -> str:
    """A file's name as it is shown: without its folders and what cannot be printed."""
    plain = re.split(r"[\\/]", name)[-1]
    return "".join(c for c in plain if c.isprintable())[-120:] or "?"


def _breathe() -> None:
    socketio.sleep(0)


# --------------------------------------------------------------------------------------------------------- one run


@bp.get("/import/<int:ident>")
@requires(Permission.SETTINGS)
def imports_run(ident: int) -> Any:
    """One import: to be mapped, on its way, or over."""
    return _page(load(ImportRun, ident, g.actor.clinic_id))


def _page(row: ImportRun, error: str = "", chosen: dict[str, str] | None = None, status: int = 200) -> Any:
    state, kind = _state(row), kind_of(row.kind)
    step, done, total = importing.progress.get(row.id, (row.step, row.done, row.total or 0))
    mapping: dict[str, Any] = {}
    if runs.may_begin(row):
        try:
            mapping = _mapping(row, chosen)
        except Invalid as refusal:
            error = error or errors.sentence(refusal)
    part = render_template(
        "settings/_import_run.html", run=row, state=state, states=STATES, kind=kind, error=error, key=new_key(),
        step=STEPS.get(step, STEPS["read"]), done=done, total=max(total, done), why=_why(row),
        faults=[_fault(fault, kind.columns) for fault in row.report[:SHOWN_FAULTS]],
        more=max(0, row.refused - SHOWN_FAULTS), mapping=mapping,
    )  # fmt: skip
    if wants_part():
        return part, status
    return render_template("settings/page.html", part=Markup(part)), status  # noqa: S704  our own partial


def _mapping(row: ImportRun, chosen: dict[str, str] | None) -> dict[str, Any]:
    """What the form of the columns shows. Raises Invalid where the file cannot be read (so)."""
    if not importing.file_of(row.id).exists():
        raise _gone()
    asked = request.form if request.method == "POST" else request.args
    encoding = asked.get("encoding", "" if asked else row.reading.get("encoding", ""))
    separator = asked.get("separator", "" if asked else row.reading.get("separator", ""))
    sheet = open_sheet(importing.file_of(row.id), encoding, separator, _breathe)
    kind = kind_of(row.kind)
    fields = _offered(kind.columns)
    known = chosen if chosen is not None else dict(row.reading.get("columns", {}))
    if not known or not set(known.values()) <= set(sheet.header):
        known = columns.matched(sheet.header, fields, importing.words_for)
    first = sheet.first(SHOWN_ROWS)
    by_column = {name: field for field, name in known.items()}
    return {
        "sheet": sheet, "fields": fields, "encodings": ENCODINGS, "separators": [(s, SIGNS[s]) for s in SEPARATORS],
        "places": [
            (place, name, by_column.get(name, ""), [line.cells[place][:60] for line in first])
            for place, name in enumerate(sheet.header) if name
        ],
        "locales": LOCALES if kind.has_locale else (), "locale": row.reading.get("locale") or _locale_of(sheet, known),
        "missing": _missing(kind, known, sheet),
    }  # fmt: skip


def _gone() -> Invalid:
    return Invalid(N_("The file is not kept any more. Upload it again."))


def _offered(fields: tuple[Column, ...]) -> list[Column]:
    """The fields that the actor may fill in."""
    is_medical = g.actor.has(*registry.MEDICAL_ROLES)
    return [field for field in fields if is_medical or field.name != "medical_history"]


def _locale_of(sheet: Sheet, known: dict[str, str]) -> str:
    if "title" not in known:
        return "en"
    place = sheet.header.index(known["title"])
    return language_of([line.cells[place] for line in sheet.first(50)])


def _missing(kind: Any, known: dict[str, str], sheet: Sheet) -> str:
    try:
        columns.checked(known, sheet.header, kind.columns, kind.needed)
    except Invalid as refusal:
        return _columns_sentence(refusal, kind.columns)
    return ""


def _columns_sentence(refusal: Refusal, fields: tuple[Column, ...]) -> str:
    """The sentence about columns, with the fields in the reader's words."""
    if refusal.message != columns.Missing:
        return errors.sentence(refusal)
    labels = {field.name: field.label for field in fields}
    return gettext(columns.Missing) % {"missing": " / ".join(gettext(labels[n]) for n in refusal.gaps["group"])}


def _why(row: ImportRun) -> str:
    """The sentence of a file that was refused as a whole."""
    message, gaps = row.why.get("message", ""), row.why.get("gaps", {})
    return (gettext(message) % gaps if gaps else gettext(message)) if message else ""


def _fault(fault: dict[str, Any], fields: tuple[Column, ...]) -> dict[str, Any]:
    """A refused row in the reader's words."""
    label = next((field.label for field in fields if field.name == fault["column"]), "")
    message = fault["message"]
    words = gettext(message)
    return {
        "row": fault["row"], "line": fault["line"], "column": gettext(label) if label else "",
        "why": words % fault["gaps"] if fault["gaps"] else words,
    }  # fmt: skip


@bp.post("/import/<int:ident>/start")
@requires(Permission.SETTINGS)
def imports_start(ident: int) -> Any:
    """Try the file, or bring it in."""
    row = load(ImportRun, ident, g.actor.clinic_id)
    kind, chosen = kind_of(row.kind), {}
    began: list[int] = []

    def begin(reading: dict[str, Any], is_dry: bool, **more: Any) -> ImportRun:
        began.append(ident)
        return runs.begin(ident, reading, is_dry, **more)

    try:
        if not importing.file_of(ident).exists():
            raise _gone()
        sheet = open_sheet(
            importing.file_of(ident), request.form.get("encoding", ""), request.form.get("separator", ""), _breathe
        )
        chosen = _chosen(sheet, _offered(kind.columns))
        columns.checked(chosen, sheet.header, tuple(_offered(kind.columns)), kind.needed)
        locale = request.form.get("locale", "")
        reading = {"columns": chosen, "encoding": sheet.encoding, "separator": sheet.separator,
                   "locale": locale if locale in LOCALES else ""}  # fmt: skip
        run(begin, reading, bool(request.form.get("dry")), about=("import_run", ident))
    except (Invalid, NotPossible) as refusal:
        db.session.rollback()
        return _page(
            load(ImportRun, ident, g.actor.clinic_id), _columns_sentence(refusal, kind.columns), chosen or None,
            refusal.status,
        )  # fmt: skip
    if began:
        importing.start(ident, g.actor)
    return redirect(url_for("settings.imports_run", ident=ident), 303)


def _chosen(sheet: Sheet, fields: list[Column]) -> dict[str, str]:
    """Field -> column, as the form says. Raises Invalid where a field is two columns."""
    known = {field.name: field.label for field in fields}
    found: dict[str, str] = {}
    for place, name in enumerate(sheet.header):
        field = request.form.get(f"column-{place}", "")
        if not field or not name:
            continue
        if field in found:
            raise Invalid(
                N_("Two columns cannot both be this: %(field)s."), field=gettext(known.get(field, field[:40]))
            )
        found[field] = name
    return found


@bp.post("/import/<int:ident>/drop")
@requires(Permission.SETTINGS)
def imports_drop(ident: int) -> Any:
    """Forget a file that shall not come in, or an import that is over."""
    run(runs.drop_run, ident, about=("import_run", ident))
    importing.file_of(ident).unlink(missing_ok=True)
    return redirect(url_for("settings.imports"), 303)


@bp.get("/import/<int:ident>/report.csv")
@requires(Permission.SETTINGS)
def imports_report(ident: int) -> Any:
    """The refused rows and why, as a table."""
    row = load(ImportRun, ident, g.actor.clinic_id)
    heads = [gettext("Row"), gettext("Line in the file"), gettext("Column"), gettext("Why")]
    faults = (_fault(fault, kind_of(row.kind).columns) for fault in row.report)
    return exports.csv_file(f"import-{ident}.csv", [heads, *(list(fault.values()) for fault in faults)])


# ------------------------------------------------------------------------------------------------------- way out


@bp.post("/export/<any('patients','schedules','prices','icd10'):kind>")
@requires(Permission.SETTINGS)
def imports_export(kind: str) -> Any:
    """Everything of a kind as a table. That patients' data leave the house stands in the audit and on their cards."""
    form = request.form.get("form", "")
    if form not in ("csv", "xlsx"):
        abort(404)
    if kind == "patients":
        if not may(g.actor, Permission.EXPORT):
            abort(403)
        people = PeopleForm(request.form)

        def out() -> None:
            people.check_confirmed()
            run(exporting.note_patients, request_id=g.request_id)

        _, error, status = tried(people, out)
        if status != 200:
            return _list(error, people=people), status
    found = exporting.export_of(kind, g.actor)
    heads = [gettext(head.label) for head in found.heads]
    name = f"{found.name}-{clock.today(g.actor.clinic)}.{form}"
    if form == "csv":
        return exports.csv_stream(name, (row for some in ([heads], found.rows) for row in some), _breathe)
    is_rtl = get_locale().text_direction == "rtl"
    return exports.xlsx_file(name, heads, found.rows, is_rtl=is_rtl, breathe=_breathe)
