"""The medical questionnaire: a clinic's own questions by version, and what each patient answered.

A change of the questions is a new version; answers stay with the version they were given to. The newest answer counts.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import select

from reception.domain.actors import Actor
from reception.domain.audit import record, work
from reception.domain.errors import Invalid, NotAllowed, Stale, invalid_field
from reception.domain.locks import locked
from reception.domain.registry import MEDICAL_ROLES
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import Patient, Questionnaire, QuestionnaireAnswer
from reception.words import N_

TYPES: dict[str, str] = {
    "yes-no": N_("Yes or no"), "text": N_("Text"), "choice": N_("One of a list"), "number": N_("Number"),
    "date": N_("Date"),
}  # fmt: skip
"""Kinds of questions -> words."""
MOST_QUESTIONS, MOST_CHOICES = 80, 40
LONGEST_LABEL, LONGEST_ANSWER, LONGEST_NOTES = 300, 2000, 5000

STARTER: tuple[dict[str, Any], ...] = (
    {"key": "allergies", "label": N_("Allergies to medicines, food or materials"), "type": "text"},
    {"key": "medicines", "label": N_("Medicines taken regularly"), "type": "text"},
    {"key": "illnesses", "label": N_("Chronic illnesses"), "type": "text"},
    {"key": "operations", "label": N_("Operations and hospital stays"), "type": "text"},
    {"key": "blood_pressure", "label": N_("High blood pressure"), "type": "yes-no"},
    {"key": "diabetes", "label": N_("Diabetes"), "type": "yes-no"},
    {"key": "infections", "label": N_("Infectious diseases (hepatitis, tuberculosis, HIV)"), "type": "yes-no"},
    {"key": "pregnancy", "label": N_("Pregnancy"), "type": "yes-no"},
    {"key": "smoking", "label": N_("Smoking"), "type": "yes-no"},
)
"""The questions of a clinic that has not written its own yet: version 0, which becomes 1 with the first answer."""


# -------------------------------------------------------------------------------------------------------- questions


def current(clinic_id: int) -> Questionnaire | None:
    """The version in use; None: nobody has written one, STARTER is asked."""
    query = select(Questionnaire).where(Questionnaire.clinic_id == clinic_id)
    return db.session.scalar(query.order_by(Questionnaire.version_no.desc()).limit(1))


def questions_of(row: Questionnaire | None) -> list[dict[str, Any]]:
    return list(row.questions) if row is not None else [dict(question) for question in STARTER]


def publish(questions: list[dict[str, Any]], *, actor: Actor, at: datetime, seen: int | None = None) -> Questionnaire:
    """Ask these from now on: a new version, or the present one where nothing is different. `seen`: number of the version
    that the form was drawn from. Raises Invalid, Stale."""
    present = current(actor.clinic_id)
    number = present.version_no if present else 0
    if seen is not None and seen != number:
        raise Stale(N_("Somebody changed the questions meanwhile. Look at them again."))
    wanted = sensible(questions)
    if present is not None and wanted == present.questions:
        return present
    row = Questionnaire(clinic_id=actor.clinic_id, version_no=number + 1, questions=wanted)
    db.session.add(row)
    db.session.flush()
    record(actor, "questionnaire.publish", row, at=at)
    return row


def sensible(questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The questions as they are stored, each with a key of its own; empty lines go. Raises Invalid about `label-3`."""
    found: list[dict[str, Any]] = []
    for number, question in enumerate(questions):
        label = checked(question.get("label"), f"label-{number}", LONGEST_LABEL)
        if not label:
            continue
        kind = question.get("type")
        if kind not in TYPES:
            raise invalid_field(f"type-{number}", N_("Choose one of the list."))
        entry: dict[str, Any] = {"key": _key(question, label, found), "label": label, "type": kind}
        if kind == "choice":
            entry["choices"] = _choices(question, number)
        found.append(entry)
    if not found:
        raise invalid_field("label-0", N_("Write at least one question."))
    if len(found) > MOST_QUESTIONS:
        raise Invalid(N_("These are too many questions: at most %(most)s."), most=MOST_QUESTIONS)
    return found


def _key(question: dict[str, Any], label: str, found: list[dict[str, Any]]) -> str:
    """What the answers are kept by: it stays when the words change."""
    taken = {other["key"] for other in found}
    key = str(question.get("key") or "")
    if re.fullmatch(r"[a-z0-9_]{1,40}", key) and key not in taken:
        return key
    base = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")[:30] or "question"
    return next(name for n in range(1, 1000) if (name := base if n == 1 else f"{base}_{n}") not in taken)


def _choices(question: dict[str, Any], number: int) -> list[str]:
    lines = question.get("choices") or []
    lines = lines.splitlines() if isinstance(lines, str) else lines
    choices = list(dict.fromkeys(text for line in lines if (text := checked(line, f"choices-{number}", LONGEST_LABEL))))
    if not 2 <= len(choices) <= MOST_CHOICES:
        raise invalid_field(
            f"choices-{number}", N_("Write from 2 to %(most)s choices, one in each line."), most=MOST_CHOICES
        )
    return choices


# ---------------------------------------------------------------------------------------------------------- answers


def newest(patient: Patient) -> QuestionnaireAnswer | None:
    """What the patient answered last."""
    query = select(QuestionnaireAnswer).where(QuestionnaireAnswer.patient_id == patient.id)
    return db.session.scalar(query.order_by(QuestionnaireAnswer.id.desc()).limit(1))


def history(patient: Patient) -> list[tuple[QuestionnaireAnswer, Questionnaire]]:
    """All answers, newest first, each with the questions it was given to."""
    query = (
        select(QuestionnaireAnswer, Questionnaire)
        .join(Questionnaire, Questionnaire.id == QuestionnaireAnswer.questionnaire_id)
        .where(QuestionnaireAnswer.patient_id == patient.id)
        .order_by(QuestionnaireAnswer.id.desc())
        .limit(50)
    )
    return [(answer, asked) for answer, asked in db.session.execute(query)]


def answer(
    patient_id: int, answers: dict[str, Any], other_notes: str, *, actor: Actor, at: datetime,
    version_no: int | None = None, seen: int | None = None,
) -> QuestionnaireAnswer:  # fmt: skip
    """Keep what the patient says now. `version_no`: of the questions that were asked; `seen`: id of the answer that the
    form was drawn from, 0 for none. What is the same as before adds nothing. Raises Invalid, NotAllowed, Stale."""
    if not actor.has(*MEDICAL_ROLES):
        raise NotAllowed(N_("Your role cannot do this."))
    patient = locked(Patient, patient_id, actor.clinic_id)
    before = newest(patient)
    if seen is not None and seen != (before.id if before else 0):
        raise Stale(N_("Somebody filled in this questionnaire meanwhile. Look at it again."))
    asked = current(actor.clinic_id)
    if version_no is not None and version_no != (asked.version_no if asked else 0):
        raise Stale(N_("The questions were changed meanwhile. Look at them again."))
    asked = asked or publish(questions_of(None), actor=actor, at=at)
    given = _given(asked.questions, answers)
    notes = checked(other_notes, "other_notes", LONGEST_NOTES)
    if before and (before.questionnaire_id, before.answers, before.other_notes) == (asked.id, given, notes):
        return before
    row = QuestionnaireAnswer(
        clinic_id=actor.clinic_id, patient_id=patient.id, questionnaire_id=asked.id, answers=given, other_notes=notes
    )
    db.session.add(row)
    db.session.flush()
    record(actor, "patient.questionnaire", patient, at=at, also=(row,))
    work().regions.add(f"patient-{patient.id}")
    return row


def _given(questions: list[dict[str, Any]], answers: dict[str, Any]) -> dict[str, Any]:
    """Question -> answer, as it is stored; what is left open is not kept. Raises Invalid about `q-<key>`."""
    known = {question["key"] for question in questions}
    if unknown := sorted(set(answers) - known):
        raise invalid_field(f"q-{unknown[0]}"[:60], N_("This is not asked."))
    found = {}
    for question in questions:
        text = checked(str(answers.get(question["key"]) or ""), f"q-{question['key']}", LONGEST_ANSWER)
        if text:
            found[question["key"]] = _sense(question, text)
    return found


def _sense(question: dict[str, Any], text: str) -> str:
    kind, field = question["type"], f"q-{question['key']}"
    if kind == "yes-no" and text not in ("yes", "no"):
        raise invalid_field(field, N_("Choose one of the list."))
    if kind == "choice" and text not in question["choices"]:
        raise invalid_field(field, N_("Choose one of the list."))
    if kind == "number":
        try:
            number = Decimal(text.replace(",", "."))
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or len(text) > 30:
            raise invalid_field(field, N_("This is not a number."))
        return text.replace(",", ".")
    if kind == "date":
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            raise invalid_field(field, N_("This is not a date.")) from None
    return text
