"""The person goes, the figures stay: names, contacts, documents and everything written about a person are emptied, in
the card and in all that was merged into it. Bills, ledger, audit and queue numbers keep the card's number.

The audit holds ids and keyed digests only, so its chain stays whole; the history of old values is emptied. There is no
way back.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, update

from reception.domain.actors import Actor
from reception.domain.anonymising_notes import strike_out
from reception.domain.audit import record
from reception.domain.closing import still_open
from reception.domain.errors import NotPossible, invalid_field
from reception.domain.finance.forgetting import forget
from reception.domain.locks import locked, locked_all
from reception.domain.merging_ids import ids_of
from reception.domain.records import erasing
from reception.extensions import db
from reception.models import (
    AccessEntry,
    AccessReview,
    Appointment,
    FieldHistory,
    Gender,
    Patient,
    PatientKey,
    PatientMerge,
    Priority,
    QuestionnaireAnswer,
    Record,
    Visit,
    WaitlistEntry,
)
from reception.words import N_

REASONS: dict[str, str] = {
    "request": N_("The person asked for it"),
    "term": N_("The time for keeping the data is over"),
    "error": N_("The card was made by mistake"),
    "authority": N_("An authority ordered it"),
}
"""Why a card is made anonymous: code -> words."""
GONE = "—"
"""Stands where a rule of the table wants some text."""
EMPTIED: dict[str, Any] = {
    "last_name": "", "first_name": "", "middle_name": "", "date_of_birth": None, "gender": Gender.UNKNOWN,
    "phone": None, "home_phone": None, "email": "", "guardian_id": None, "national_id": None, "tax_id": None,
    "document_type": None, "document_number": None, "settlement_code": None, "district_code": None,
    "region_code": None, "country": "", "address": "", "insurance_type": "", "insurer": "", "policy_number": "",
    "gestational_age_weeks": None, "medical_history": "", "alerts": "", "special_needs": "", "additional_info": "",
    "preferred_locale": None, "referred_by_id": None, "source_key": None, "is_anonymous": False, "is_active": False,
}  # fmt: skip
"""What the card says afterwards. Its number stays: bills and audit name it."""
STAYS = frozenset(
    {
        "id", "clinic_id", "card_no", "merged_into_id", "anonymised_at", "folded", "last_visit_day", "version", "created_at",
        "updated_at", "created_by_id", "updated_by_id",
    }
)  # fmt: skip
"""The other columns of the card."""


def anonymise(patient_id: int, card_no: str, reason: str, *, actor: Actor, at: datetime) -> Patient:
    """Take the person out of the card, for good. `card_no`: typed by whoever asks for it; `reason`: one of REASONS.

    A card that is anonymous already stays as it is. Raises NotFound, Invalid, or NotPossible while something is open.
    """
    patient = locked(Patient, patient_id, actor.clinic_id)
    if patient.anonymised_at is not None:
        return patient
    if reason not in REASONS:
        raise invalid_field("reason", N_("Choose one of the list."))
    if "".join(card_no.split()).zfill(len(patient.card_no)) != patient.card_no:
        raise invalid_field("card_no", N_("This is not the number of this card. Type it as it stands on the card."))
    if refusal := why_not(patient):
        raise refusal
    ids = list(db.session.scalars(ids_of(patient)))
    cards = locked_all(Patient, actor.clinic_id, Patient.id.in_(ids))
    rows = [*_cut_links(ids, actor.clinic_id), *_empty_rows(ids, actor.clinic_id)]
    rows += strike_out(cards, actor.clinic_id)
    for card in cards:
        for name, value in EMPTIED.items():
            setattr(card, name, value)
        card.folded, card.anonymised_at = card.card_no, at
    db.session.flush()
    _empty_memory(ids, actor.clinic_id)
    erasing.erase(ids)
    others = [card for card in cards if card.id != patient.id]
    record(actor, "patient.anonymise", patient, at=at, also=(*others, *rows), why=reason)
    return patient


def why_not(patient: Patient) -> NotPossible | None:
    """What has to be finished before; None where nothing is open."""
    if patient.merged_into_id is not None:
        message = N_("This card was merged into another one. Make that one anonymous.")
        return NotPossible(message, code="merged", allowed=[], link=("patient", patient.merged_into_id))
    return still_open(patient)


def _cut_links(ids: list[int], clinic_id: int) -> list[Record]:
    """Wards lose their guardian, and nobody was referred by this person any more."""
    rule = or_(Patient.guardian_id.in_(ids), Patient.referred_by_id.in_(ids))
    rows = locked_all(Patient, clinic_id, rule, Patient.id.not_in(ids))
    for row in rows:
        row.guardian_id = None if row.guardian_id in ids else row.guardian_id
        row.referred_by_id = None if row.referred_by_id in ids else row.referred_by_id
    return list(rows)


def _empty_rows(ids: list[int], clinic_id: int) -> list[Record]:
    """What was written about the person beside the card."""
    rows: list[Record] = []
    for kind, empty in _TEXTS:
        found = locked_all(kind, clinic_id, kind.patient_id.in_(ids))
        for row in found:
            empty(row)
        rows += found
    return rows + forget(ids, clinic_id)


def _appointment(row: Appointment) -> None:
    row.reason = row.notes = row.cancel_reason = ""
    row.past_reason = None if row.past_reason is None else GONE
    row.overbooking_reason = None if row.overbooking_reason is None else GONE


def _waiting(row: WaitlistEntry) -> None:
    row.note = ""


def _visit(row: Visit) -> None:
    row.complaints = row.temperature = row.blood_pressure = row.close_reason = ""
    row.priority_reason = GONE if row.priority != Priority.NORMAL else ""
    row.back_from = None if row.back_from is None else ""


def _answer(row: QuestionnaireAnswer) -> None:
    row.answers, row.other_notes = {}, ""


_TEXTS: tuple[tuple[Any, Callable[[Any], None]], ...] = (
    (Appointment, _appointment),
    (Visit, _visit),
    (WaitlistEntry, _waiting),
    (QuestionnaireAnswer, _answer),
)


def _empty_memory(ids: list[int], clinic_id: int) -> None:
    """Old values, what merges remember, keys of the look for duplicates, notes about who looked."""
    db.session.execute(
        delete(FieldHistory).where(
            FieldHistory.clinic_id == clinic_id, FieldHistory.entity_kind == "patient", FieldHistory.entity_id.in_(ids)
        )
    )
    db.session.execute(delete(PatientKey).where(PatientKey.patient_id.in_(ids)))
    db.session.execute(
        update(PatientMerge)
        .where(or_(PatientMerge.kept_id.in_(ids), PatientMerge.gone_id.in_(ids)))
        .values(moved={}, before={})
    )
    looks = select(AccessEntry.id).where(AccessEntry.patient_id.in_(ids))
    db.session.execute(update(AccessReview).where(AccessReview.access_entry_id.in_(looks)).values(note=""))
