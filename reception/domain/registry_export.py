"""The result of a search as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import select

from reception.domain import registry_links, registry_search
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.registry_search import Filters
from reception.extensions import db
from reception.models import Clinic, District, Patient, Region, Settlement
from reception.words import N_

COLUMNS: tuple[tuple[str, str], ...] = (
    ("card_no", N_("Card number")), ("last_name", N_("Last name")), ("first_name", N_("First name")),
    ("middle_name", N_("Middle name")), ("date_of_birth", N_("Date of birth")), ("gender", N_("Gender")),
    ("phone", N_("Phone")), ("home_phone", N_("Home phone")), ("email", N_("E-mail")), ("guardian", N_("Guardian")),
    ("region", N_("Region")), ("district", N_("District")), ("settlement", N_("Settlement")),
    ("address", N_("Address")), ("special_needs", N_("Special needs")), ("created_at", N_("Registered")),
    ("last_visit", N_("Last visit")),
)  # fmt: skip
"""(name, words) of the columns. What is known of somebody's health stays here."""

Row = list[tuple[str, Any]]


def note(is_filtered: bool, *, actor: Actor, at: datetime) -> Clinic:
    """Write down that a list of patients leaves the house."""
    clinic = db.session.get_one(Clinic, actor.clinic_id)
    record(actor, "patient.export", clinic, at=at, whole=not is_filtered)
    return clinic


def rows(viewer: Actor, asked: Filters) -> Iterator[Row]:
    """Everybody who matches, as (column, value); places are rows of their own tables."""
    kinds: dict[str, Any] = {"region": Region, "district": District, "settlement": Settlement}
    places = {name: {row.code: row for row in db.session.scalars(select(kind))} for name, kind in kinds.items()}
    for batch in registry_search.every(viewer, asked):
        guardians, last = registry_links.guardians(batch), registry_search.last_visits(batch)
        for patient in batch:
            yield [(name, _value(patient, name, guardians, last, places)) for name, _ in COLUMNS]
        db.session.expunge_all()


def _value(patient: Patient, name: str, guardians: Any, last: Any, places: Any) -> Any:
    guardian = guardians.get(patient.guardian_id)
    if name == "guardian":
        return f"{guardian.last_name} {guardian.first_name}".strip() if guardian else ""
    if name == "phone" and guardian and not patient.phone:
        return guardian.phone
    if name == "last_visit":
        return last.get(patient.id)
    if name in places:
        return places[name].get(getattr(patient, f"{name}_code"))
    return getattr(patient, name)
