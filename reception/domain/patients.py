"""The registry: who is known here."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from reception.domain import accesses, merging_fields, numbers, regions, registry, registry_links
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.closing import still_open, still_owed
from reception.domain.errors import NotAllowed, NotPossible, Stale, invalid_field
from reception.domain.locks import load, locked
from reception.domain.phones import normal_phone as normal_phone
from reception.domain.registry import PLAIN
from reception.domain.registry import TEXTS as TEXTS
from reception.domain.search import fold
from reception.extensions import db
from reception.models import Clinic, Gender, Patient
from reception.words import N_


def register(*, actor: Actor, at: datetime, required: tuple[str, ...] = ("last_name",), **values: Any) -> Patient:
    """A new card. `values`: columns of PLAIN; phone in any usual way of writing it.

    Raises Invalid for senseless values, NotPossible with a link to the card that has the same phone or document.
    """
    for name in required:
        if not str(values.get(name) or "").strip():
            raise invalid_field(name, N_("This is needed."))
    patient = Patient(clinic_id=actor.clinic_id, card_no="", gender=Gender.UNKNOWN)
    _apply(patient, values, actor, at)
    patient.card_no = numbers.card_no(actor.clinic)
    patient.folded = fold(patient)
    db.session.add(patient)
    db.session.flush()
    record(actor, "patient.register", patient, at=at)
    return patient


def guest(*, actor: Actor, at: datetime) -> Patient:
    """A card for a ticket without a name."""
    patient = Patient(clinic_id=actor.clinic_id, card_no=numbers.card_no(actor.clinic), is_anonymous=True)
    patient.folded = fold(patient)
    db.session.add(patient)
    db.session.flush()
    record(actor, "patient.guest", patient, at=at)
    return patient


def change(patient_id: int, *, actor: Actor, at: datetime, version: int | None = None, **values: Any) -> Patient:
    """Change the card. A guest who gets a name is a guest no more."""
    patient = locked(Patient, patient_id, actor.clinic_id)
    _refuse_gone(patient)
    if version is not None and version != patient.version:
        raise Stale(N_("Somebody changed this card meanwhile. Look at it again."))
    if "last_name" in values and not (values["last_name"] or "").strip():
        raise invalid_field("last_name", N_("This is needed."))
    _apply(patient, values, actor, at)
    if patient.is_anonymous and patient.last_name:
        patient.is_anonymous = False
    patient.folded = fold(patient)
    record(actor, "patient.change", patient, at=at)
    db.session.flush()
    return patient


def set_active(patient_id: int, is_active: bool, *, actor: Actor, at: datetime, version: int | None = None) -> Patient:
    """Close the card (nobody is booked with it any more), or open it again.

    Raises NotPossible while something is open: a visit, a booking, a wish on the waitlist, a bill.
    """
    patient = locked(Patient, patient_id, actor.clinic_id)
    _refuse_gone(patient)
    if patient.is_active == is_active:
        return patient
    if version is not None and version != patient.version:
        raise Stale(N_("Somebody changed this card meanwhile. Look at it again."))
    if not is_active and (refusal := still_open(patient) or still_owed(patient)):
        raise refusal
    patient.is_active = is_active
    record(actor, "patient.open" if is_active else "patient.close", patient, at=at)
    db.session.flush()
    return patient


def _refuse_gone(patient: Patient) -> None:
    """A card that became part of another one, or lost its person, is not changed any more."""
    if patient.merged_into_id is not None:
        link = ("patient", patient.merged_into_id)
        raise NotPossible(N_("This card was merged into another one."), code="merged", allowed=[], link=link)
    if patient.anonymised_at is not None:
        raise NotPossible(N_("This card was made anonymous. It stays as it is."), code="anonymised", allowed=[])


def note_access(patient_id: int, how: str, *, actor: Actor, at: datetime, request_id: str = "") -> Patient:
    """Write down who is about to see the card, and `how`; in a short transaction of its own, before it is shown.

    Raises NotFound.
    """
    patient = find(patient_id, actor)
    accesses.note([patient.id], how, actor=actor, at=at, request_id=request_id)
    return patient


def note_refused(patient_id: int, *, actor: Actor, at: datetime, request_id: str = "") -> None:
    """Write down that somebody asked for a card that is not here: unknown ids and other clinics' ids alike."""
    accesses.note_refusal(patient_id, actor=actor, at=at, request_id=request_id)
    record(actor, "patient.refused", db.session.get_one(Clinic, actor.clinic_id), at=at, patient=patient_id)


def _apply(patient: Patient, values: dict[str, Any], actor: Actor, at: datetime) -> None:
    if unknown := set(values) - PLAIN:
        raise invalid_field(sorted(unknown)[0], N_("This cannot be set."))
    for name, value in values.items():
        new: Any
        if name in registry.LINKS:
            new = registry_links.resolved(patient, name, value, actor)
        else:
            new = registry.stored(name, value, patient, actor, at)
        if (
            name == "medical_history"
            and new != (patient.medical_history or "")
            and not actor.has(*registry.MEDICAL_ROLES)
        ):
            raise NotAllowed(N_("Your role cannot do this."))
        setattr(patient, name, new)
    if named := set(values).intersection(regions.LEVELS):
        regions.fit(patient, named)
    _fit_document(patient)
    _leave_to_guardian(patient, actor)
    _refuse_twins(patient, actor, at)


def _fit_document(patient: Patient) -> None:
    """A number says little without the kind of document; a kind without a number says nothing."""
    if patient.document_number and not patient.document_type:
        raise invalid_field("document_type", N_("Choose which document this number is of."))
    if not patient.document_number:
        patient.document_type = None


def _leave_to_guardian(patient: Patient, actor: Actor) -> None:
    """A child has no phone of its own: the guardian's stays on the guardian's card, and is shown with the child's."""
    if patient.guardian_id is not None and patient.phone:
        with db.session.no_autoflush:
            guardian = load(Patient, patient.guardian_id, actor.clinic_id)
        if guardian.phone == patient.phone:
            patient.phone = None


def _refuse_twins(patient: Patient, actor: Actor, at: datetime) -> None:
    """One phone, one document, one tax number: one card. Raises NotPossible with the way to the other card; what a card
    has that became part of this one is this person's own."""
    for name, message in (
        ("phone", N_("%(name)s is registered with this phone already.")),
        ("national_id", N_("%(name)s is registered with this document already.")),
        ("document_number", N_("%(name)s is registered with this document already.")),
        ("tax_id", N_("%(name)s is registered with this tax number already.")),
    ):
        value = getattr(patient, name)
        if value is None:
            continue
        rules = [Patient.clinic_id == actor.clinic_id, getattr(Patient, name) == value]
        if name == "document_number":
            rules.append(Patient.document_type == patient.document_type)
        with db.session.no_autoflush:
            twin = db.session.scalar(select(Patient).where(*rules, Patient.id != (patient.id or 0)))
        if twin is not None and patient.id is not None and twin.merged_into_id == patient.id:
            merging_fields.give_up(twin.id, name, actor=actor, at=at)
        elif twin is not None:
            raise NotPossible(
                message,
                name=f"{twin.last_name} {twin.first_name}".strip(),
                code=f"duplicate-{'phone' if name == 'phone' else 'id'}",
                link=("patient", twin.id),
            )


def find(patient_id: int, actor: Actor) -> Patient:
    """The card; of a merged one, the card that stays. Raises NotFound."""
    patient = load(Patient, patient_id, actor.clinic_id)
    return load(Patient, patient.merged_into_id, actor.clinic_id) if patient.merged_into_id else patient
