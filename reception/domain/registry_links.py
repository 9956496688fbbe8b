"""Cards that point at cards: a child's guardian, and who referred somebody. Never at itself, never in a circle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import select

from reception.domain.actors import Actor
from reception.domain.errors import Invalid, NotFound, invalid_field
from reception.domain.locks import held, is_id
from reception.extensions import db
from reception.models import Patient
from reception.words import N_

SELF = {
    "guardian_id": N_("Nobody is the guardian of themselves."),
    "referred_by_id": N_("Nobody refers themselves."),
}
CIRCLE = {
    "guardian_id": N_("This goes in a circle: %(name)s is in the care of this patient."),
    "referred_by_id": N_("This goes in a circle: %(name)s was referred by this patient."),
}


def resolved(patient: Patient, name: str, value: Any, actor: Actor) -> int | None:
    """The id to be kept in the column `name`; of a merged card, the card that stays. Raises Invalid.

    The cards on the way up stay as they are until the transaction ends, so that two changes at once make no circle.
    """
    if value in (None, ""):
        return None
    if value == getattr(patient, name):
        return int(value)
    other = _card(value, name, actor)
    if other.id == patient.id:
        raise invalid_field(name, SELF[name])
    if not other.is_active or other.is_anonymous:
        raise invalid_field(name, N_("This card is closed or has no name. Choose another one."))
    upper, seen = other, {other.id}
    while patient.id is not None and (following := getattr(upper, name)) is not None and following not in seen:
        if following == patient.id:
            who = f"{other.first_name} {other.last_name}".strip()
            raise Invalid(CIRCLE[name], fields={name: CIRCLE[name]}, code="circle", name=who)
        seen.add(following)
        upper = held(Patient, [following], actor.clinic_id)[following]
    return other.id


def _card(value: Any, name: str, actor: Actor) -> Patient:
    """The card that is meant, held; another clinic's looks like none."""
    try:
        ident = value if is_id(value) else 0
        other = held(Patient, [ident], actor.clinic_id)[ident]
        if other.merged_into_id is not None:
            other = held(Patient, [other.merged_into_id], actor.clinic_id)[other.merged_into_id]
        return other
    except (NotFound, KeyError):
        raise invalid_field(name, N_("There is no such patient here.")) from None


def guardians(patients: Iterable[Patient]) -> dict[int, Patient]:
    """The guardians of these cards by their own id, in one question."""
    wanted = {patient.guardian_id for patient in patients if patient.guardian_id is not None}
    if not wanted:
        return {}
    return {row.id: row for row in db.session.scalars(select(Patient).where(Patient.id.in_(wanted)))}


def wards(viewer: Actor, patient: Patient) -> list[Patient]:
    """Whom the patient is the guardian of, the youngest first."""
    query = (
        select(Patient)
        .where(
            Patient.clinic_id == viewer.clinic_id, Patient.guardian_id == patient.id, Patient.merged_into_id.is_(None)
        )
        .order_by(Patient.date_of_birth.desc(), Patient.id)
        .limit(50)
    )
    return list(db.session.scalars(query))


def circles() -> Iterator[str]:
    """One line for each card that points at itself over others; nothing when all is well."""
    for name, words in (("guardian_id", "is in the care of"), ("referred_by_id", "was referred by")):
        column = getattr(Patient, name)
        upper: dict[int, int] = {
            ident: above for ident, above in db.session.execute(select(Patient.id, column).where(column.is_not(None)))
        }
        settled: set[int] = set()
        for start in upper:
            seen: dict[int, None] = {}
            here: int | None = start
            while here is not None and here not in settled and here not in seen:
                seen[here] = None
                here = upper.get(here)
            if here in seen:
                ring = list(seen)[list(seen).index(here) :]
                yield f"patients {', '.join(map(str, sorted(ring)))}: each {words} the next, in a circle"
            settled.update(seen)
