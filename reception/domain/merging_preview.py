"""What the screen of a merge shows: the two cards side by side, what will move, what stands in the way; and the merges
of a card with whether each can still be taken apart. Reads only.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import aliased

from reception.domain.actors import Actor
from reception.domain.errors import Invalid, NotPossible
from reception.domain.locks import load
from reception.domain.merging import clashes, why_not
from reception.domain.merging_fields import PARTS, UNIQUE, Part, proposed
from reception.domain.merging_rows import counted
from reception.extensions import db
from reception.models import DifferentPeople, Patient, PatientMerge, User, Visit
from reception.words import N_


@dataclass(frozen=True, slots=True)
class Line:
    """One part of the two cards. `take`: what is proposed; `is_open`: there is something to choose."""

    part: Part
    take: str
    is_open: bool

    @property
    def is_unique(self) -> bool:
        return self.part.name in UNIQUE


@dataclass(frozen=True, slots=True)
class Preview:
    """`moving`, `staying`: {table: how many rows}; `doubts`: sentences that speak against it, without forbidding it."""

    kept: Patient
    gone: Patient
    lines: list[Line]
    moving: dict[str, int]
    staying: dict[str, int]
    clashes: list[NotPossible]
    doubts: list[str]
    verified: frozenset[int]


@dataclass(frozen=True, slots=True)
class Merged:
    """One merge of a card. `reason`: why it cannot be taken apart; none where it can."""

    row: PatientMerge
    gone: Patient
    who: str
    reason: NotPossible | None


def preview(kept_id: int, gone_id: int, viewer: Actor) -> Preview:
    """The two cards. Raises NotFound; Invalid for a card and itself."""
    if kept_id == gone_id:
        raise Invalid(N_("This is one and the same card. Choose another one."), code="same-card")
    kept, gone = load(Patient, kept_id, viewer.clinic_id), load(Patient, gone_id, viewer.clinic_id)
    verified = frozenset(
        db.session.scalars(
            select(Visit.patient_id).where(Visit.patient_id.in_([kept.id, gone.id]), Visit.identity_verified).distinct()
        )
    )
    lines = [
        Line(part, proposed(part, kept, gone, verified), not part.is_same(kept, gone) and part.is_filled(gone))
        for part in PARTS
        if part.is_filled(kept) or part.is_filled(gone)
    ]
    moving, staying = counted(gone)
    return Preview(
        kept, gone, lines, moving, staying, clashes(kept, gone), _doubts(kept, gone), verified
    )  # fmt: skip


def _doubts(kept: Patient, gone: Patient) -> list[str]:
    found = []
    if None not in (kept.date_of_birth, gone.date_of_birth) and kept.date_of_birth != gone.date_of_birth:
        found.append(N_("The birth dates differ."))
    if len({kept.gender, gone.gender} - {"UNKNOWN"}) > 1:
        found.append(N_("The genders differ."))
    pair = sorted((kept.id, gone.id))
    told = select(DifferentPeople.id).where(DifferentPeople.first_id == pair[0], DifferentPeople.second_id == pair[1])
    if db.session.scalar(told):
        found.append(N_("Somebody found that these are two people."))
    return found


def merges(viewer: Actor, patient: Patient) -> list[Merged]:
    """What became part of the card and still is, newest first."""
    gone = aliased(Patient)
    rows = db.session.execute(
        select(PatientMerge, gone, User.full_name)
        .join(gone, gone.id == PatientMerge.gone_id)
        .outerjoin(User, User.id == PatientMerge.by_id)
        .where(
            PatientMerge.clinic_id == viewer.clinic_id,
            or_(PatientMerge.kept_id == patient.id, gone.merged_into_id == patient.id),
            PatientMerge.undone_at.is_(None),
        )
        .order_by(PatientMerge.id.desc())
    )
    found = []
    for row, other, who in rows:
        kept = patient if row.kept_id == patient.id else load(Patient, row.kept_id, viewer.clinic_id)
        found.append(Merged(row, other, who or "", why_not(row, kept, other)))
    return found
