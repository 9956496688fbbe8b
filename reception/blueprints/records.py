"""The doctor's room: the record of a visit, what is typed and not saved yet, signing and amending, diagnoses, templates,
the prescription on paper and the history of a person. Nobody but a doctor gets a word of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, g, jsonify, make_response, redirect, render_template, request, url_for
from flask_babel import get_locale, gettext
from werkzeug.wrappers import Response as AnyResponse

from reception import clock, live, live_sockets
from reception.access import Permission, requires
from reception.blueprints import answers, care
from reception.blueprints.accesses import opened
from reception.blueprints.dialogs import new_key, same_key, wants_part
from reception.domain import boards, icd
from reception.domain.errors import Invalid, NotPossible, Refusal, Stale, invalid_field
from reception.domain.records import drafts, history, templates, writing
from reception.errors import field_sentences, is_htmx, sentence
from reception.models import Draft, MedicalRecord, RecordTemplate
from reception.transaction import run
from reception.words import N_

bp = Blueprint("records", __name__)
VISIT = "/queue/visits/<int:visit_id>/record"
LINE = re.compile(r"(drug|dose|times|days)-(\d{1,2})")
SPARE_LINES = 2


# --------------------------------------------------------------------------------------------------------- the page


@bp.get(VISIT)
@requires(Permission.RECORD)
def show(visit_id: int) -> str:
    """The visit as its doctor works on it. That somebody looks is written down before it is shown."""
    visit, _ = writing.of_visit(visit_id, g.actor)
    opened(visit.patient_id, "record")
    return render_template("records/show.html", **_context(visit_id), **_board())


def _board() -> dict[str, Any]:
    """The doctor's own board as a live strip: who is in the room and whom the next call is for."""
    if g.actor.doctor_id is None:
        return {"id": "", "v": 0}
    viewer, name = live_sockets.viewer_of(g.actor), f"board-{g.actor.doctor_id}"
    version = live.versions(viewer.clinic_id, [name])[name]
    return {"id": name, "v": version, **boards.board(viewer, g.actor.doctor_id)}


def _context(visit_id: int, refusal: Refusal | None = None) -> dict[str, Any]:
    """What the record's part shows; after a refusal with what was typed."""
    visit, row = writing.of_visit(visit_id, g.actor)
    typed = drafts.of(row, g.actor)
    values = _values(row, typed, request.form if refusal else {})
    errors = field_sentences(refusal) if refusal else {}
    return {
        "visit": visit,
        "row": row,
        "patient": visit.patient,
        "may_write": writing.may_write(visit, row, g.actor),
        "may_amend": writing.may_amend(row, g.actor),
        "values": values,
        "versions": {name: draft.version for name, draft in typed.items()},
        "lines": _lines(row, values),
        "medicines": writing.prescription(row),
        "titles": icd.titles((icd.code_of(values[name]) for name in writing.CODES), str(get_locale())),
        "templates": templates.offered(g.actor),
        "amendments": writing.amendments(row),
        "errors": errors,
        "error": sentence(refusal) if refusal and not errors else "",
        "is_stale": isinstance(refusal, Stale),
        "key": same_key(refusal) if refusal else new_key(),
        "viewer": g.actor,
        "today": clock.today(g.actor.clinic),
        **care.context(visit, g.actor),
    }


def _values(row: MedicalRecord, typed: dict[str, Draft], sent: Mapping[str, str]) -> dict[str, str]:
    """Field -> text: what came with the form, else what is being typed, else what stands in the record."""
    values = {name: str(getattr(row, name) or "") for name in writing.FIELDS} | {"amendment": ""}
    for number, line in enumerate(writing.prescription(row)):
        values |= {f"{name}-{number}": str(getattr(line, name) or "") for name in writing.LINE}
    values |= {name: draft.text for name, draft in typed.items()}
    known = {*writing.FIELDS, "amendment"}
    return values | {n: text for n, text in sent.items() if n in known or LINE.fullmatch(n)}


def _lines(row: MedicalRecord, values: dict[str, str]) -> list[dict[str, str]]:
    """The lines of the prescription's form, some empty ones at the end."""
    used = [int(found[2]) for name, text in values.items() if text and (found := LINE.fullmatch(name))]
    count = min(max(used, default=-1) + 1 + SPARE_LINES, writing.MOST_LINES)
    return [{name: values.get(f"{name}-{number}", "") for name in writing.LINE} for number in range(count)]


# ------------------------------------------------------------------------------------------------------------ writing


@bp.post(VISIT)
@requires(Permission.RECORD)
def save(visit_id: int) -> AnyResponse:
    """Write the record; with `act` "sign" close it for good."""
    is_signed = request.form.get("act") == "sign"
    version = request.form.get("version", type=int)
    try:
        values, lines = _typed()
        run(writing.sign if is_signed else writing.save, visit_id, values, lines, version=version)
    except (Invalid, NotPossible) as refusal:
        return _part(visit_id, refusal=refusal)
    return _part(visit_id, gettext("The record is signed") if is_signed else gettext("The record is saved"))


def _typed() -> tuple[dict[str, str], list[dict[str, str]] | None]:
    """Fields and lines of the form; no lines where it has none. Raises Invalid for a field that came twice: one record has one final diagnosis."""
    for name in writing.FIELDS:
        if len(request.form.getlist(name)) > 1:
            raise invalid_field(name, N_("This was sent twice; it is one."))
    values = {name: request.form[name] for name in writing.FIELDS if name in request.form}
    lines: dict[int, dict[str, str]] = {}
    for name, text in request.form.items():
        if found := LINE.fullmatch(name):
            lines.setdefault(int(found[2]), {})[found[1]] = text
    return values, [lines.get(number, {}) for number in range(max(lines) + 1)] if lines else None


@bp.post(f"{VISIT}/amend")
@requires(Permission.RECORD)
def amend(visit_id: int) -> AnyResponse:
    """Add to a signed record."""
    try:
        run(writing.amend, visit_id, request.form.get("amendment", ""))
    except (Invalid, NotPossible) as refusal:
        return _part(visit_id, refusal=refusal)
    return _part(visit_id, gettext("The record is amended"))


def _part(visit_id: int, said: str = "", refusal: Refusal | None = None) -> AnyResponse:
    """The record as it stands now; a whole page where no part was asked for."""
    status = refusal.status if refusal else 200
    if not wants_part():
        if refusal is None:
            return redirect(url_for("records.show", visit_id=visit_id), 303)
        return make_response(render_template("records/show.html", **_context(visit_id, refusal), **_board()), status)
    html = render_template("records/_record.html", **_context(visit_id, refusal))
    toast = render_template("components/_toast.html", text=said, ticket="") if said else ""
    return make_response(html + toast, status)


@bp.post(f"{VISIT}/draft")
@requires(Permission.RECORD)
def draft(visit_id: int) -> AnyResponse:
    """Keep what stands in a field while it is typed. Answers its new version, or what the server has instead."""
    field, text = request.form.get("field", ""), request.form.get("text", "")
    version, seen = request.form.get("version", 0, type=int), request.form.get("seen", type=int)
    try:
        kept = run(drafts.keep, visit_id, field, text, version, seen=seen)
    except Stale as refusal:
        found = drafts.one(visit_id, field, g.actor)
        said = {"version": found.version if found else 0, "text": found.text if found else ""}
        return make_response(jsonify(**said, code=refusal.code, message=sentence(refusal)), refusal.status)
    except Refusal as refusal:
        words = next(iter(field_sentences(refusal).values()), sentence(refusal))
        return make_response(jsonify(code=refusal.code, message=words), refusal.status)
    return jsonify(version=kept.version if isinstance(kept, Draft) else 0)


@bp.get(f"{VISIT}/prescription")
@requires(Permission.RECORD)
def prescription(visit_id: int) -> str:
    """The prescription for the printer."""
    visit, _ = writing.of_visit(visit_id, g.actor)
    opened(visit.patient_id, "print")
    visit, row = writing.of_visit(visit_id, g.actor)
    return render_template(
        "records/prescription.html", visit=visit, row=row, patient=visit.patient, medicines=writing.prescription(row),
        viewer=g.actor, now=clock.now(),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------- diagnoses and templates


@bp.post("/diagnoses")
@requires(Permission.RECORD, reads=True)
def diagnoses() -> str:
    """The diagnoses that the typed text may mean, as options of a list."""
    found = icd.search(request.form.get("q", "")[:100], str(get_locale()))
    return render_template("records/_diagnoses.html", found=found, field=request.form.get("field", "")[:20])


@bp.post(f"{VISIT}/template")
@requires(Permission.RECORD)
def keep_template(visit_id: int) -> AnyResponse:
    """Keep the texts of the form under a name."""
    writing.of_visit(visit_id, g.actor)
    name, is_shared = request.form.get("template_name", ""), bool(request.form.get("template_shared"))
    texts = {field: request.form[field] for field in templates.KEPT if field in request.form}
    try:
        row = run(templates.keep, name, texts, for_department=is_shared)
    except (Invalid, NotPossible) as refusal:
        words = next(iter(field_sentences(refusal).values()), sentence(refusal))
        return _toast(words, visit_id, refusal.status)
    return _toast(gettext("Template kept: %(name)s", name=row.name), visit_id)


@bp.post("/record-templates/<int:record_template_id>/forget")
@requires(Permission.RECORD)
def forget_template(record_template_id: int) -> AnyResponse:
    """The template is not needed any more."""
    run(templates.forget, record_template_id, about=("record_template", record_template_id))
    part = render_template("records/_templates.html", templates=templates.offered(g.actor), part=True)
    return answers.done(gettext("Template deleted"), more=part)


def _toast(text: str, visit_id: int, status: int = 200) -> AnyResponse:
    if not is_htmx():
        return redirect(url_for("records.show", visit_id=visit_id), 303)
    kind = "done" if status < 400 else "refused"
    html = render_template("components/_toast.html", text=text, ticket="", kind=kind)
    return make_response(
        html + render_template("records/_templates.html", templates=templates.offered(g.actor), part=True), status
    )


@bp.app_template_filter("template_texts")
def template_texts(row: RecordTemplate) -> dict[str, str]:
    return {name: text for name, text in row.texts.items() if name in templates.KEPT}


# ------------------------------------------------------------------------------------------------------------ history


@bp.get("/patients/<int:patient_id>/history")
@requires(Permission.RECORD)
def timeline(patient_id: int) -> AnyResponse:
    """The person's visits with their diagnoses, newest first."""
    return _timeline(patient_id, "", request.args.get("before", type=int))


@bp.post("/patients/<int:patient_id>/history")
@requires(Permission.RECORD, reads=True)
def timeline_found(patient_id: int) -> AnyResponse:
    """The same, those with every typed word in the record."""
    return _timeline(patient_id, request.form.get("q", "")[:200], request.form.get("before", type=int))


def _timeline(patient_id: int, typed: str, before: int | None) -> AnyResponse:
    patient = opened(patient_id, "history")
    if patient.id != patient_id:
        return redirect(url_for("records.timeline", patient_id=patient.id))
    found = history.page(g.actor, patient, typed, before)
    template = "records/_history.html" if wants_part() else "records/history.html"
    return make_response(
        render_template(template, patient=patient, found=found, typed=typed, before=before, viewer=g.actor)
    )
