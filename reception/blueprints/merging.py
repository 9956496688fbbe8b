"""Two cards of one person: choosing the other one, both side by side, merging, and taking them apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from reception import formats, labels
from reception.access import Permission, requires
from reception.blueprints import answers, patient_words
from reception.blueprints.accesses import opened
from reception.blueprints.dialogs import dialog, new_key, same_key
from reception.domain import merging, merging_preview, patients, search
from reception.domain.chain import plain
from reception.domain.errors import Invalid, NotPossible, Refusal
from reception.domain.merging_fields import PARTS, Part
from reception.domain.registry import MEDICAL_ROLES
from reception.errors import is_htmx, sentence
from reception.models import Patient, PatientMerge
from reception.transaction import run
from reception.words import N_

bp = Blueprint("merging", __name__, url_prefix="/patients")

MOST_FOUND = 8
PART_WORDS: dict[str, str] = {
    "document": N_("Document"),
    "place": N_("Region"),
    "insurance": N_("Insurance"),
}
"""Parts of several columns; the others are called what their column is called."""
MOVING: dict[str, str] = {
    "visit": N_("Visits"),
    "appointment": N_("Bookings"),
    "payment": N_("Bills"),
    "waitlist_entry": N_("Entries of the waitlist"),
    "questionnaire_answer": N_("Questionnaires"),
    "ledger_entry": N_("Entries of the ledger"),
    "operation": N_("Receipts"),
    "bonus_entry": N_("Movements of the bonus"),
    "consent": N_("Consents"),
    "access_entry": N_("Entries of the access log"),
    "audit_entry": N_("Entries of the audit"),
}
"""What goes with a card or stays with it: table -> words."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A part of both cards in words. `take`: what is chosen; `both`: what the two texts would be together, or ""."""

    name: str
    label: str
    kept: str
    gone: str
    both: str
    take: str
    is_open: bool


@bp.get("/<int:patient_id>/merge")
@requires(Permission.MERGE)
def choose(patient_id: int) -> Response:
    """Which other card is the same person's?"""
    patient = opened(patient_id, "merge")
    found = _found(patient, f"{patient.last_name} {patient.first_name}")
    return dialog("merging/_choose.html", N_("Merge with another card"), patient=patient, found=found, q="")


@bp.post("/<int:patient_id>/merge/find")
@requires(Permission.MERGE, reads=True)
def find(patient_id: int) -> str:
    """Cards that match what is typed."""
    patient, q = patients.find(patient_id, g.actor), request.form.get("q", "").strip()[:100]
    found = _found(patient, q or f"{patient.last_name} {patient.first_name}")
    return render_template("merging/_found.html", patient=patient, found=found, q=q, viewer=g.actor)


def _found(patient: Patient, q: str) -> list[Patient]:
    if not q.strip():
        return []
    rows = search.find_patients(g.actor.clinic_id, q, limit=MOST_FOUND + 1, closed=True)
    return [row for row in rows if row.id != patient.id and row.merged_into_id is None][:MOST_FOUND]


@bp.get("/<int:patient_id>/merge/<int:other_id>")
@requires(Permission.MERGE)
def preview(patient_id: int, other_id: int) -> Response:
    """Both cards side by side: the first is the one that stays."""
    return _preview(patient_id, other_id, {}, new_key())


@bp.post("/<int:patient_id>/merge/<int:other_id>")
@requires(Permission.MERGE)
def merge(patient_id: int, other_id: int) -> AnyResponse:
    """Make the two one card."""
    take = {
        name.removeprefix("take-"): value for name, value in request.form.items() if name.startswith("take-")
    }  # fmt: skip
    kept_version = request.form.get("kept_version", type=int)
    gone_version = request.form.get("gone_version", type=int)
    try:
        run(merging.merge, patient_id, other_id, take, kept_version=kept_version, gone_version=gone_version)
    except (Invalid, NotPossible) as refusal:
        return _preview(patient_id, other_id, take, same_key(refusal), refusal)
    return redirect(url_for("patients.card", patient_id=patient_id, tab="changes"), 303)


def _preview(
    patient_id: int, other_id: int, take: Mapping[str, str], key: str, refusal: Refusal | None = None
) -> Response:  # fmt: skip
    for ident in dict.fromkeys((patient_id, other_id)):
        opened(ident, "merge")
    found = merging_preview.preview(patient_id, other_id, g.actor)
    lines = [_shown(line, found.kept, found.gone, take) for line in found.lines if _may_read(line.part)]
    clashes = [sentence(clash) for clash in found.clashes]
    error = sentence(refusal) if refusal is not None else ""
    html = render_template(
        "merging/preview.html",
        found=found,
        lines=lines,
        unread=[line for line in found.lines if not _may_read(line.part)],
        clashes=clashes,
        error="" if error in clashes else error,
        doubts=[gettext(doubt) for doubt in found.doubts],
        moving=_counts(found.moving),
        staying=_counts(found.staying),
        key=key,
        viewer=g.actor,
    )
    return make_response(html, refusal.status if refusal else 200)


def _may_read(part: Part) -> bool:
    return part.name != "medical_history" or g.actor.has(*MEDICAL_ROLES)


def _counts(counted: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(gettext(MOVING[name]), count) for name, count in counted.items() if count]


def _shown(line: merging_preview.Line, kept: Patient, gone: Patient, take: Mapping[str, str]) -> Shown:
    part = line.part
    label = gettext(PART_WORDS[part.name]) if part.name in PART_WORDS else labels.field_words(part.columns[0])
    mine, other = _said(part, kept), _said(part, gone)
    both = part.joint.join((mine, other)) if part.joint and mine and other and line.is_open else ""
    return Shown(part.name, label, mine, other, both, take.get(part.name, line.take), line.is_open)


def _said(part: Part, patient: Patient) -> str:
    """The values of a part as people read them."""
    if part.name in ("guardian_id", "referred_by_id"):
        ident = getattr(patient, part.name)
        other = patients.find(ident, g.actor) if ident else None
        return f"{formats.list_name(other)} · {other.card_no}" if other else ""
    if not part.is_filled(patient):
        return ""
    pairs = zip(part.columns, part.values(patient), strict=True)
    said = [patient_words.said(name, str(plain(value))) for name, value in pairs if value not in (None, "")]
    return ", ".join(dict.fromkeys(said))


@bp.post("/merges/<int:merge_id>/undo")
@requires(Permission.MERGE)
def undo(merge_id: int) -> AnyResponse:
    """Take two cards apart again."""
    row: PatientMerge = run(merging.undo, merge_id, about=("patient_merge", merge_id))
    if not is_htmx():
        return redirect(url_for("patients.card", patient_id=row.kept_id, tab="changes"), 303)
    answer = answers.done(gettext("The cards are two again."))
    answer.headers["HX-Trigger"] = "rx:close-dialog, rx:patient"
    return answer


bp.add_app_template_filter(sentence, "sentence")
bp.add_app_template_global(labels.field_words, "field_words_of")
assert {part.name for part in PARTS} >= set(PART_WORDS)
