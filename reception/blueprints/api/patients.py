"""The registry over JSON."""

from __future__ import annotations

from typing import Any

from flask import g

from reception.access import Permission, may, requires
from reception.blueprints.accesses import all_opened, opened
from reception.blueprints.api import schemas, shapes
from reception.blueprints.api.calls import after, bp, described, page
from reception.domain import listings, patients, search
from reception.models import Patient
from reception.transaction import run


def shown(card: Patient) -> dict[str, Any]:
    """The card as the caller may read it."""
    return shapes.patient(card, may(g.actor, Permission.QUESTIONNAIRE))


@bp.get("/patients")
@requires(Permission.PATIENTS)
@described(schemas.Patient, query=schemas.PatientsAsked, is_list=True)
def list_patients(query: schemas.PatientsAsked) -> dict[str, Any]:
    """Open cards; with `q` those that match, best first, on one page."""
    if query.q is not None:
        found = search.find_patients(g.actor.clinic_id, query.q, limit=query.limit)
        answer: dict[str, Any] = {"items": [shown(card) for card in found], "next": None}
    else:
        rows = listings.patients(g.actor.clinic_id, after(query.cursor, "patients"), query.limit)
        answer = page(rows, query.limit, shown, "patients", lambda card: ("", card.id))
    all_opened((card["id"] for card in answer["items"]), "api-list")
    return answer


@bp.post("/patients")
@requires(Permission.REGISTER)
@described(schemas.Patient, body=schemas.NewPatient, status=201)
def register(body: schemas.NewPatient) -> dict[str, Any]:
    """Register somebody. A phone or document that another card has is a 409 with a `link` to that card."""
    return shown(run(patients.register, **body.model_dump(exclude_unset=True)))


@bp.get("/patients/<int:patient_id>")
@requires(Permission.PATIENTS)
@described(schemas.Patient)
def show_patient(patient_id: int) -> dict[str, Any]:
    """One card; of a merged one, the card that stays. Who looked is written down before it is shown."""
    return shown(opened(patient_id, "api"))


@bp.patch("/patients/<int:patient_id>")
@requires(Permission.REGISTER)
@described(schemas.Patient, body=schemas.PatientChange)
def change_patient(patient_id: int, body: schemas.PatientChange) -> dict[str, Any]:
    """Change what the body names."""
    values = body.model_dump(exclude_unset=True)
    opened(patient_id, "api")
    return shown(run(patients.change, patient_id, about=("patient", patient_id), **values))
