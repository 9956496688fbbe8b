"""The registry: who is known here."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

import phonenumbers
from sqlalchemy import select

from reception.clock import service_day
from reception.domain import numbers
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import NotPossible, Stale, invalid_field
from reception.domain.locks import load, locked
from reception.domain.machines import OPEN
from reception.domain.search import fold
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import AccessEntry, Clinic, Gender, Patient, Visit
from reception.words import N_

LONGEST_NAME = 200
TEXTS = {
    "first_name": LONGEST_NAME, "middle_name": LONGEST_NAME, "last_name": LONGEST_NAME, "email": 200, "address": 500,
    "alerts": 2000, "special_needs": 2000, "additional_info": 5000,
}  # fmt: skip
PLAIN = frozenset(
    {*TEXTS, "date_of_birth", "gender", "phone", "home_phone", "national_id", "tax_id", "preferred_locale"}
)
OLDEST = 130
"""Whole years that nobody is older than."""


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
    """Close the card (nobody is booked with it any more), or open it again. Raises NotPossible while visits are open."""
    patient = locked(Patient, patient_id, actor.clinic_id)
    if patient.is_active == is_active:
        return patient
    if version is not None and version != patient.version:
        raise Stale(N_("Somebody changed this card meanwhile. Look at it again."))
    if patient.merged_into_id is not None:
        raise NotPossible(N_("This card was merged into another one."), code="merged", allowed=[])
    if not is_active and _has_open_visits(patient):
        raise NotPossible(
            N_("This patient is booked or in the queue. Finish or cancel that first."), code="open-visits", allowed=[]
        )
    patient.is_active = is_active
    record(actor, "patient.open" if is_active else "patient.close", patient, at=at)
    db.session.flush()
    return patient


def _has_open_visits(patient: Patient) -> bool:
    standing = select(Visit.id).where(Visit.patient_id == patient.id, Visit.status.in_(OPEN)).limit(1)
    return db.session.scalar(standing) is not None


def note_access(patient_id: int, how: str, *, actor: Actor, at: datetime, request_id: str = "") -> Patient:
    """Write down who is about to see the card, and `how`; in a short transaction of its own, before it is shown.

    Raises NotFound.
    """
    patient = find(patient_id, actor)
    db.session.add(
        AccessEntry(
            clinic_id=actor.clinic_id, patient_id=patient.id, at=at, actor_kind=actor.kind, actor_id=actor.id,
            how=how[:40], address=actor.address, request_id=request_id,
        )
    )  # fmt: skip
    db.session.flush()
    return patient


def note_refused(patient_id: int, *, actor: Actor, at: datetime) -> None:
    """Write down that somebody asked for a card that is not here: unknown ids and other clinics' ids alike."""
    record(actor, "patient.refused", db.session.get_one(Clinic, actor.clinic_id), at=at, patient=patient_id)


def _apply(patient: Patient, values: dict[str, Any], actor: Actor, at: datetime) -> None:
    if unknown := set(values) - PLAIN:
        raise invalid_field(sorted(unknown)[0], N_("This cannot be set."))
    for name, value in values.items():
        setattr(patient, name, _sense(name, value, actor, at))
    _refuse_twins(patient, actor)


def _sense(name: str, value: Any, actor: Actor, at: datetime) -> Any:
    """The value as it is stored. Raises Invalid."""
    if name == "email":
        return _email(value)
    if name in TEXTS:
        return checked(value, name, TEXTS[name])
    if name in ("phone", "home_phone"):
        return normal_phone(value, actor.clinic.phone_region, name)
    if name in ("national_id", "tax_id"):
        return "".join(checked(value, name, 64).split()).upper() or None  # one document, however it is spaced
    if name == "date_of_birth":
        _check_birth(value, service_day(at, actor.clinic))
        return value
    if name == "gender":
        if value not in list(Gender):
            raise invalid_field(name, N_("Choose one of the list."))
        return Gender(value)
    if value and not re.fullmatch(r"[a-z]{2,3}(-[A-Z]{2})?", value):  # preferred_locale
        raise invalid_field(name, N_("Choose one of the list."))
    return value or None


def _email(value: str | None) -> str:
    text = checked(value, "email", TEXTS["email"])
    if text and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", text):
        raise invalid_field("email", N_("This is not an e-mail address."))
    return text


def _check_birth(born: date | None, today: date) -> None:
    if born is None:
        return
    if born > today:
        raise invalid_field("date_of_birth", N_("The birth date is in the future."))
    if today.year - born.year - ((today.month, today.day) < (born.month, born.day)) > OLDEST:
        raise invalid_field("date_of_birth", N_("The birth date is more than 130 years ago."))


def normal_phone(text: str | None, region: str, field: str = "phone") -> str | None:
    """A number in any usual way of writing it -> E.164; None for nothing. Raises Invalid."""
    if not text or not text.strip():
        return None
    message = N_("This is not a phone number of this country. Write numbers from abroad with + and their country code.")
    if len(text) > 40 or "\x00" in text:
        raise invalid_field(field, message)
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise invalid_field(field, message) from None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise invalid_field(field, message)  # a number without its area code is no number of the country either
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _refuse_twins(patient: Patient, actor: Actor) -> None:
    for name, message in (
        ("phone", N_("%(name)s is registered with this phone already.")),
        ("national_id", N_("%(name)s is registered with this document already.")),
        ("tax_id", N_("%(name)s is registered with this tax number already.")),
    ):
        value = getattr(patient, name)
        if value is None:
            continue
        with db.session.no_autoflush:
            twin = db.session.scalar(
                select(Patient).where(
                    Patient.clinic_id == actor.clinic_id,
                    getattr(Patient, name) == value,
                    Patient.id != (patient.id or 0),
                )
            )
        if twin is not None:
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
