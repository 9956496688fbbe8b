"""A person's cards: the one that stands, and those that were merged into it.

A merged card points straight at the one that stands (a further merge points it anew), so that a reader follows
`merged_into_id` once. Rows that may not change keep the number of the card they were written for; whoever reads what
belongs to a person asks for all of the person's cards.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from reception.domain.errors import NotPossible
from reception.domain.locks import is_id
from reception.extensions import db
from reception.models import Patient
from reception.words import N_


def ids_of(patient: Patient) -> Select[tuple[int]]:
    """Ids of the card and of all that were merged into it; for `column.in_(ids_of(patient))`."""
    return select(Patient.id).where(
        Patient.clinic_id == patient.clinic_id, or_(Patient.id == patient.id, Patient.merged_into_id == patient.id)
    )


def same_person(clinic_id: int, ident: int) -> list[int]:
    """Ids of the person's cards, whichever of them `ident` is; alone where it is not here."""
    stands = standing(clinic_id, ident)
    query = select(Patient.id).where(Patient.clinic_id == clinic_id, Patient.merged_into_id == stands)
    return [*{ident, stands}, *(other for other in db.session.scalars(query) if other != ident)]


def standing(clinic_id: int, ident: int) -> int:
    """The id of the card that stands for `ident`; an id that is not here stays as it is."""
    query = select(func.coalesce(Patient.merged_into_id, Patient.id))
    found = (
        db.session.scalar(query.where(Patient.clinic_id == clinic_id, Patient.id == ident)) if is_id(ident) else None
    )
    return found or ident


def check_stands(patient: Patient) -> None:
    """Raises NotPossible, with the way to the card that stands, for one that became part of it."""
    if patient.merged_into_id is not None:
        link = ("patient", patient.merged_into_id)
        raise NotPossible(N_("This card was merged into another one."), code="merged", allowed=[], link=link)


def follow(query: Select[Any], column: InstrumentedAttribute[Any]) -> Select[Any]:
    """`query` with Patient joined: the card that stands for `column`, where there is one."""
    written_for = aliased(Patient)
    return query.outerjoin(written_for, written_for.id == column).outerjoin(
        Patient, Patient.id == func.coalesce(written_for.merged_into_id, written_for.id)
    )
