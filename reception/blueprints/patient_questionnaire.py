"""The medical questionnaire of a patient, and the consents: asked, answered, taken back."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Response, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from reception import formats
from reception.access import Permission, requires
from reception.blueprints import answers, patient_words
from reception.blueprints.dialogs import new_key, same_key, wants_part
from reception.blueprints.patients import bp, opened
from reception.domain import consents, patients, questionnaires
from reception.domain.consents import ConsentKind
from reception.domain.errors import Invalid, NotPossible, Refusal
from reception.errors import field_sentences, is_htmx, sentence
from reception.models import Patient
from reception.transaction import run

# ---------------------------------------------------------------------------------------------------- questionnaire


@bp.get("/<int:patient_id>/questionnaire")
@requires(Permission.QUESTIONNAIRE)
def questionnaire(patient_id: int) -> AnyResponse:
    """The questions of today with what was answered last; the answers before."""
    patient = opened(patient_id, "questionnaire")
    if patient.id != patient_id:
        return redirect(url_for("patients.questionnaire", patient_id=patient.id))
    newest = questionnaires.newest(patient)
    given = newest.answers if newest else {}
    return _page(patient, given, newest.other_notes if newest else "", new_key(), newest.id if newest else 0)


@bp.post("/<int:patient_id>/questionnaire")
@requires(Permission.QUESTIONNAIRE)
def questionnaire_answer(patient_id: int) -> AnyResponse:
    """Keep the answers; they stay with the version of the questions they were given to."""
    given = {name[2:]: value for name, value in request.form.items() if name.startswith("q-")}
    notes, seen = request.form.get("other_notes", ""), request.form.get("seen", 0, type=int)
    version_no = request.form.get("version_no", 0, type=int)
    patient = patients.find(patient_id, g.actor)
    try:
        run(questionnaires.answer, patient.id, given, notes, version_no=version_no, seen=seen)
    except (Invalid, NotPossible) as refusal:
        patient = patients.find(patient_id, g.actor)
        return _page(patient, given, notes, same_key(refusal), seen, refusal)
    target = url_for("patients.card", patient_id=patient_id, tab="details")
    return Response(status=200, headers={"HX-Redirect": target}) if is_htmx() else redirect(target, 303)


def _page(
    patient: Patient, given: dict[str, Any], notes: str, key: str, seen: int, refusal: Refusal | None = None
) -> Response:
    asked = questionnaires.current(g.actor.clinic_id)
    errors = field_sentences(refusal) if refusal else {}
    context: dict[str, Any] = {
        "patient": patient,
        "questions": questionnaires.questions_of(asked),
        "version_no": asked.version_no if asked else 0,
        "given": given,
        "other_notes": notes,
        "key": key,
        "seen": seen,
        "errors": errors,
        "error": sentence(refusal) if refusal and not errors else "",
        "is_stale": refusal is not None and refusal.code == "stale-version",
        "past": [] if refusal else questionnaires.history(patient),
        "viewer": g.actor,
    }
    template = "patients/_questionnaire.html" if wants_part() else "patients/questionnaire.html"
    return make_response(render_template(template, **context), refusal.status if refusal else 200)


# --------------------------------------------------------------------------------------------------------- consents


@bp.post("/<int:patient_id>/consents/<any('give','withdraw'):act>")
@requires(Permission.REGISTER)
def consent(patient_id: int, act: str) -> AnyResponse:
    """One consent, given or taken back; Undo writes the opposite beside it."""
    kind, is_given = request.form.get("kind", ""), act == "give"
    run(consents.note, patient_id, kind, is_given, request.form.get("version", ""))
    if not is_htmx():
        return redirect(url_for("patients.card", patient_id=patient_id, tab="details"), 303)
    words = patient_words.words_of(ConsentKind, kind)
    text = gettext("Agrees: %(what)s", what=words) if is_given else gettext("Does not agree: %(what)s", what=words)
    answer = answers.done(text)
    answer.headers["HX-Trigger"] = "rx:close-dialog, rx:patient"
    return answer


@bp.app_template_global("consents_to_ask")
def consents_to_ask(patient: Patient) -> list[tuple[str, str]]:
    """What this person has not been asked for yet: (kind, words), for the card and at check-in."""
    if patient.is_anonymous:
        return []
    return [(kind.value, patient_words.words_of(ConsentKind, kind)) for kind in consents.to_ask(patient)]


@bp.app_template_filter("answer")
def answer_words(value: str, question: dict[str, Any]) -> str:
    """An answer as people read it."""
    if question["type"] == "yes-no":
        return gettext("yes") if value == "yes" else gettext("no")
    if question["type"] == "date":
        return formats.full_date(date.fromisoformat(value))
    return value
