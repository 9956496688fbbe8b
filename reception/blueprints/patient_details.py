"""What the tab "Details" of a card shows."""

from __future__ import annotations

from typing import Any

from reception.access import Permission, may
from reception.blueprints import patient_words
from reception.domain import consents, questionnaires, registry_links
from reception.domain.actors import Actor
from reception.domain.consents import ConsentKind
from reception.domain.regions import Where
from reception.domain.registry import DocumentType, InsuranceType
from reception.extensions import db
from reception.models import Patient, User


def of(viewer: Actor, patient: Patient) -> dict[str, Any]:
    """Context of `patients/_details.html`."""
    may_medical = may(viewer, Permission.QUESTIONNAIRE)
    answered = questionnaires.history(patient)[:1] if may_medical else []
    referrer = db.session.get(Patient, patient.referred_by_id) if patient.referred_by_id else None
    return {
        "where": Where.of(patient),
        "place": patient_words.place,
        "country": patient_words.country(patient.country),
        "document": patient_words.words_of(DocumentType, patient.document_type),
        "insurance": patient_words.words_of(InsuranceType, patient.insurance_type),
        "wards": registry_links.wards(viewer, patient),
        "referrer": referrer,
        "may_medical": may_medical,
        "questionnaire": answered[0] if answered else None,
        "standing": [
            (s.kind.value, patient_words.words_of(ConsentKind, s.kind), s) for s in consents.standing(patient)
        ],
        "said_before": consents.history(viewer, patient),
        "consent_words": lambda kind: patient_words.words_of(ConsentKind, kind),
        "made_by": _name(patient.created_by_id),
        "changed_by": _name(patient.updated_by_id),
    }


def _name(ident: int | None) -> str:
    user = db.session.get(User, ident) if ident else None
    return user.full_name if user else ""
