"""The rows that go with a card when it becomes part of another one, and back when the two are taken apart.

What may change moves and is listed in `PatientMerge.moved` as {key: [ids]}. What is only ever added (ledger, audit,
access log, consents) keeps its card and is read for all cards of the person (`merging_ids`). A visit's own rows go
where the visit goes, also those that were made after the merge.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, or_, select

from reception.domain.locks import locked_all
from reception.extensions import db
from reception.models import (
    AccessEntry,
    Appointment,
    AuditEntry,
    BonusEntry,
    Consent,
    DifferentPeople,
    LedgerEntry,
    MedicalRecord,
    Operation,
    Patient,
    PatientMerge,
    Payment,
    QuestionnaireAnswer,
    Record,
    Visit,
    WaitlistEntry,
)

MOVED: tuple[tuple[str, type[Any], str], ...] = (
    ("appointment", Appointment, "patient_id"),
    ("visit", Visit, "patient_id"),
    ("payment", Payment, "patient_id"),
    ("payment.referrer_id", Payment, "referrer_id"),
    ("medical_record", MedicalRecord, "patient_id"),
    ("waitlist_entry", WaitlistEntry, "patient_id"),
    ("questionnaire_answer", QuestionnaireAnswer, "patient_id"),
    ("patient.guardian_id", Patient, "guardian_id"),
    ("patient.referred_by_id", Patient, "referred_by_id"),
    ("patient.merged_into_id", Patient, "merged_into_id"),
)
"""Key in the record, rows, and their column that names the card; in the order in which they are locked."""
SHOWN = ("visit", "appointment", "payment", "waitlist_entry", "questionnaire_answer")
"""What the preview counts; the rest goes with these."""
STAYS: tuple[tuple[str, type[Any]], ...] = (
    ("ledger_entry", LedgerEntry),
    ("consent", Consent),
    ("access_entry", AccessEntry),
    ("operation", Operation),
    ("bonus_entry", BonusEntry),
)


def pointing_at(card: Patient) -> set[int]:
    """Ids of other cards that name this one: its wards, whom it sent, and what was merged into it before."""
    rows = select(Patient.id).where(
        Patient.clinic_id == card.clinic_id,
        or_(Patient.guardian_id == card.id, Patient.referred_by_id == card.id, Patient.merged_into_id == card.id),
    )
    return set(db.session.scalars(rows))


def move(gone: Patient, kept: Patient) -> tuple[dict[str, list[int]], list[Record]]:
    """Everything that may change goes over to the kept card: what moved, as the record lists it, and the rows."""
    moved: dict[str, list[int]] = {}
    rows: list[Record] = []
    for key, kind, column in MOVED:
        for row in locked_all(kind, gone.clinic_id, getattr(kind, column) == gone.id):
            setattr(row, column, kept.id)
            moved.setdefault(key, []).append(row.id)
            rows.append(row)
    if pairs := _different(gone, kept):
        moved["different_people"] = pairs
    return moved, rows


def put_back(merge: PatientMerge, kept: Patient, gone: Patient) -> tuple[list[int], list[Record]]:
    """The moved rows go back; ids of the bills among them, and the rows."""
    wanted = {key: set(ids) for key, ids in merge.moved.items()}
    _take_along(wanted, kept.clinic_id)
    rows: list[Record] = []
    for key, kind, column in MOVED:
        if ids := wanted.get(key):
            for row in locked_all(kind, gone.clinic_id, kind.id.in_(ids)):
                setattr(row, column, gone.id)
                rows.append(row)
    for pair in db.session.scalars(
        select(DifferentPeople).where(DifferentPeople.id.in_(merge.moved.get("different_people", [])))
    ):
        _name_anew(pair, kept.id, gone.id)
    return sorted(wanted.get("payment", ())), rows


def _take_along(wanted: dict[str, set[int]], clinic_id: int) -> None:
    """What was made meanwhile of moved rows: the booking of a waiting entry, a visit's bill and record."""

    def add(key: str, column: Any, source: Any, *, among: str) -> None:
        found = db.session.scalars(select(column).where(source.in_(wanted.get(among, ())), column.is_not(None)))
        wanted.setdefault(key, set()).update(found)

    add("appointment", WaitlistEntry.appointment_id, WaitlistEntry.id, among="waitlist_entry")
    add("visit", Visit.id, Visit.appointment_id, among="appointment")
    add("payment", Payment.id, Payment.visit_id, among="visit")
    add("medical_record", MedicalRecord.id, MedicalRecord.visit_id, among="visit")


def _different(gone: Patient, kept: Patient) -> list[int]:
    """Who was found to be somebody else than the gone card is somebody else than the kept one."""
    pairs = db.session.scalars(
        select(DifferentPeople)
        .where(or_(DifferentPeople.first_id == gone.id, DifferentPeople.second_id == gone.id))
        .order_by(DifferentPeople.id)
    ).all()
    known = {(p.first_id, p.second_id) for p in db.session.scalars(
        select(DifferentPeople).where(or_(DifferentPeople.first_id == kept.id, DifferentPeople.second_id == kept.id))
    )}  # fmt: skip
    moved = []
    for pair in pairs:
        other = pair.first_id if pair.second_id == gone.id else pair.second_id
        if other != kept.id and (min(other, kept.id), max(other, kept.id)) not in known:
            _name_anew(pair, gone.id, kept.id)
            moved.append(pair.id)
    return moved


def _name_anew(pair: DifferentPeople, before: int, after: int) -> None:
    other = pair.first_id if pair.second_id == before else pair.second_id
    pair.first_id, pair.second_id = sorted((other, after))


def counted(gone: Patient) -> tuple[dict[str, int], dict[str, int]]:
    """How much will move, and how much stays in its place and is followed."""
    moving = {key: _count(kind, gone) for key, kind, _ in MOVED if key in SHOWN}
    staying = {key: _count(kind, gone) for key, kind in STAYS}
    staying["audit_entry"] = db.session.scalar(
        select(func.count()).select_from(AuditEntry).where(
            AuditEntry.clinic_id == gone.clinic_id, AuditEntry.entity_kind == "patient", AuditEntry.entity_id == gone.id
        )
    ) or 0  # fmt: skip
    return {key: moving[key] for key in SHOWN}, staying


def _count(kind: Any, card: Patient) -> int:
    return db.session.scalar(select(func.count()).select_from(kind).where(kind.patient_id == card.id)) or 0
