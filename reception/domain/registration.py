"""The whole registration form as one act: the card and what was said about consents, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reception.domain import consents, patients
from reception.domain.actors import Actor
from reception.domain.consents import ConsentKind
from reception.models import Patient


def register(values: dict[str, Any], said: Mapping[str, bool], *, actor: Actor, at: datetime) -> Patient:
    """A new card with its consents. `values`: as `patients.register`; `said`: kind of consent -> given or not."""
    patient = patients.register(actor=actor, at=at, **values)
    _note(patient, said, actor, at)
    return patient


def change(
    patient_id: int, values: dict[str, Any], said: Mapping[str, bool], *, actor: Actor, at: datetime,
    version: int | None = None,
) -> Patient:  # fmt: skip
    """Change the card and its consents. `values`: as `patients.change`."""
    patient = patients.change(patient_id, actor=actor, at=at, version=version, **values)
    _note(patient, said, actor, at)
    return patient


def _note(patient: Patient, said: Mapping[str, bool], actor: Actor, at: datetime) -> None:
    before = {consent.kind: consent for consent in consents.standing(patient)}
    for kind, is_given in said.items():
        asked = before.get(ConsentKind(kind)) if kind in list(ConsentKind) else None
        if asked is not None and asked.row is not None and asked.is_given == is_given:
            continue  # the form only says again what stands
        consents.note(patient.id, kind, is_given, actor=actor, at=at)
