"""What is asked at check-in: who it is, what he agrees to, what he needs, how he is. It can be filled in later, too.

Complaints and vitals are written here by everybody who handles the patient and read by doctors and nurses only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from reception.domain import consents, machines, patients
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import NotAllowed, NotPossible, Stale, invalid_field
from reception.domain.locks import load, locked
from reception.domain.texts import checked
from reception.domain.visits.moves import is_own_line
from reception.extensions import db
from reception.models import Patient, Visit
from reception.words import N_

TICKS = ("identity_verified", "rules_explained")


def fill_in(
    visit_id: int,
    *,
    actor: Actor,
    at: datetime,
    version: int | None = None,
    ticks: Mapping[str, bool] | None = None,
    agreed: Mapping[str, bool] | None = None,
    card: Mapping[str, str] | None = None,
    temperature: str = "",
    blood_pressure: str = "",
    complaints: str = "",
) -> Visit:
    """Write down what was asked. `agreed`: kind of consent -> yes or no; `card`: alerts and special needs as they should
    read. What was not measured or said now stays as it was. Raises NotFound, NotAllowed, NotPossible, Stale or Invalid.
    """
    patient_id = load(Visit, visit_id, actor.clinic_id).patient_id
    if not actor.roles & machines.FLOOR:
        raise NotAllowed(N_("Your role cannot do this."))
    patient = locked(Patient, patient_id, actor.clinic_id)
    changed: dict[str, Any] = {
        name: text for name, text in (card or {}).items() if text.strip() != getattr(patient, name)
    }
    if changed:
        patients.change(patient.id, actor=actor, at=at, **changed)
    for kind, is_given in (agreed or {}).items():
        consents.note(patient.id, kind, is_given, actor=actor, at=at)
    visit = locked(Visit, visit_id, actor.clinic_id)
    if visit.status not in machines.OPEN:
        raise NotPossible(N_("This visit is “%(state)s” now, so that is not possible."), state=visit.status)
    if not is_own_line(visit, actor):
        raise NotAllowed(N_("This is another doctor's patient."))
    if version is not None and version != visit.version:
        raise Stale(N_("Somebody was faster. This is how it stands now."), state=visit.status)
    for name, is_done in (ticks or {}).items():
        setattr(visit, name, is_done)
    visit.consent_signed = all(one.is_given for one in consents.standing(patient) if one.kind in consents.ASKED)
    visit.temperature = _temperature(temperature) or visit.temperature
    visit.blood_pressure = _pressure(blood_pressure) or visit.blood_pressure
    visit.complaints = checked(complaints, "complaints", 5000) or visit.complaints
    record(actor, "visit.checklist", visit, at=at)
    db.session.flush()
    return visit


def _temperature(text: str) -> str:
    text = text.strip().replace(",", ".")
    if text and not (re.fullmatch(r"\d{2}(\.\d)?", text, re.ASCII) and 25 <= Decimal(text) <= 45):
        raise invalid_field("temperature", N_("Write degrees such as 36.6."))
    return text


def _pressure(text: str) -> str:
    found = re.fullmatch(r"(\d{2,3})\s*[/ ]\s*(\d{2,3})", text.strip(), re.ASCII)
    if text.strip() and not found:
        raise invalid_field("blood_pressure", N_("Write two numbers such as 120/80."))
    return f"{found[1]}/{found[2]}" if found else ""
