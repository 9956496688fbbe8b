"""What a person agreed to: asked, given, taken back. Rows are only added; the newest of a kind counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select

from reception.domain.actors import Actor
from reception.domain.audit import record, work
from reception.domain.errors import invalid_field
from reception.domain.locks import locked
from reception.domain.merging_ids import check_stands, ids_of
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import Consent, Patient, User
from reception.words import N_


class ConsentKind(StrEnum):
    PERSONAL_DATA = "PERSONAL_DATA"
    TREATMENT = "TREATMENT"
    MESSAGES = "MESSAGES"
    PHOTOGRAPHS = "PHOTOGRAPHS"


ASKED = (ConsentKind.PERSONAL_DATA, ConsentKind.TREATMENT)
"""What everybody is asked for; the others are offered."""
FIRST_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Standing:
    """A kind of consent and its newest row; none where nobody has asked yet."""

    kind: ConsentKind
    row: Consent | None

    @property
    def is_given(self) -> bool:
        return self.row is not None and self.row.is_given

    @property
    def is_to_ask(self) -> bool:
        return self.row is None and self.kind in ASKED


def note(
    patient_id: int, kind: str, is_given: bool, version: str = "", *, actor: Actor, at: datetime
) -> Consent:  # fmt: skip
    """Write down that the person agreed, or took it back. `version`: of the paper that was signed; default: the one that
    was used last. Saying the same twice adds nothing. Raises Invalid, NotFound."""
    if kind not in list(ConsentKind):
        raise invalid_field("kind", N_("Choose one of the list."))
    patient = locked(Patient, patient_id, actor.clinic_id)
    check_stands(patient)
    version = checked(version, "version", 64) or version_in_use(actor.clinic_id, kind)
    newest = _newest(patient).get(kind)
    if newest is not None and newest.is_given == is_given and (newest.version == version or not is_given):
        return newest
    row = Consent(
        clinic_id=actor.clinic_id, patient_id=patient.id, kind=kind, version=version, is_given=is_given, at=at,
        by_id=actor.user_id,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    record(actor, "patient.consent", patient, at=at, consent=kind, is_given=is_given)
    work().regions.add(f"patient-{patient.id}")
    return row


def version_in_use(clinic_id: int, kind: str) -> str:
    """The version of the paper that was signed last in this clinic."""
    newest = (
        select(Consent.version)
        .where(Consent.clinic_id == clinic_id, Consent.kind == kind, Consent.is_given)
        .order_by(Consent.id.desc())
        .limit(1)
    )
    return db.session.scalar(newest) or FIRST_VERSION


def standing(patient: Patient) -> list[Standing]:
    """Every kind, as it stands."""
    newest = _newest(patient)
    return [Standing(kind, newest.get(kind)) for kind in ConsentKind]


def to_ask(patient: Patient) -> list[ConsentKind]:
    """What this person has not been asked for yet."""
    return [consent.kind for consent in standing(patient) if consent.is_to_ask]


def _newest(patient: Patient) -> dict[str, Consent]:
    own = Consent.patient_id.in_(ids_of(patient))
    newest = select(func.max(Consent.id)).where(own).group_by(Consent.kind)
    rows = db.session.scalars(select(Consent).where(own, Consent.id.in_(newest)))
    return {row.kind: row for row in rows}


def history(viewer: Actor, patient: Patient) -> list[tuple[Consent, str]]:
    """Everything that was said, newest first, and who wrote it down."""
    query = (
        select(Consent, User.full_name)
        .outerjoin(User, User.id == Consent.by_id)
        .where(Consent.clinic_id == viewer.clinic_id, Consent.patient_id.in_(ids_of(patient)))
        .order_by(Consent.id.desc())
        .limit(100)
    )
    return [(row, name or "") for row, name in db.session.execute(query)]
