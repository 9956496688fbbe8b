"""What each column of a card accepts, and how it is stored. What several columns say together: `patients.py`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import phonenumbers

from reception.clock import service_day
from reception.domain.actors import Actor
from reception.domain.errors import invalid_field
from reception.domain.phones import normal_phone
from reception.domain.texts import checked
from reception.models import Gender, Patient, Role
from reception.words import N_

LONGEST_NAME = 200
TEXTS = {
    "first_name": LONGEST_NAME, "middle_name": LONGEST_NAME, "last_name": LONGEST_NAME, "email": 200, "address": 500,
    "insurer": 200, "policy_number": 64, "alerts": 2000, "special_needs": 2000, "medical_history": 5000,
    "additional_info": 5000,
}  # fmt: skip
OLDEST = 130
"""Whole years that nobody is older than."""
WEEKS = (20, 45)
"""Least and most weeks of a pregnancy that a child is born after."""
MEDICAL_ROLES = (Role.RECEPTIONIST, Role.DOCTOR, Role.NURSE)
"""Who may read and write the medical history and the questionnaire."""
CHOOSE = N_("Choose one of the list.")


class DocumentType(StrEnum):
    PASSPORT = "PASSPORT"
    ID_CARD = "ID_CARD"
    BIRTH_CERTIFICATE = "BIRTH_CERTIFICATE"
    RESIDENCE_PERMIT = "RESIDENCE_PERMIT"
    DRIVING_LICENCE = "DRIVING_LICENCE"
    REFUGEE_DOCUMENT = "REFUGEE_DOCUMENT"
    OTHER = "OTHER"


class InsuranceType(StrEnum):
    STATE = "STATE"
    VOLUNTARY = "VOLUNTARY"
    EMPLOYER = "EMPLOYER"
    SELF_PAY = "SELF_PAY"
    OTHER = "OTHER"


def stored(name: str, value: Any, patient: Patient, actor: Actor, at: datetime) -> Any:
    """`value` of the column `name` as the card keeps it. Raises Invalid."""
    if name in TEXTS:
        text = checked(value, name, TEXTS[name])
        return _email(text) if name == "email" else text
    if name in ("phone", "home_phone"):
        return normal_phone(value, actor.clinic.phone_region, name, known=getattr(patient, name))
    if name == "date_of_birth":
        return _birth(value, service_day(at, actor.clinic))
    return _RULES[name](name, value)


def _email(text: str) -> str:
    if text and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", text):
        raise invalid_field("email", N_("This is not an e-mail address."))
    return text


def _birth(born: date | None, today: date) -> date | None:
    if born is None:
        return None
    if born > today:
        raise invalid_field("date_of_birth", N_("The birth date is in the future."))
    if today.year - born.year - ((today.month, today.day) < (born.month, born.day)) > OLDEST:
        raise invalid_field("date_of_birth", N_("The birth date is more than 130 years ago."))
    return born


def _number(name: str, value: Any) -> str | None:
    """A document's number: one and the same however it is spaced."""
    return "".join(checked(value, name, 64).split()).upper() or None


def _gender(name: str, value: Any) -> Gender:
    if value not in list(Gender):
        raise invalid_field(name, CHOOSE)
    return Gender(value)


def _document_type(name: str, value: Any) -> str | None:
    return _one_of(DocumentType, name, value) or None


def _insurance_type(name: str, value: Any) -> str:
    return _one_of(InsuranceType, name, value)


def _one_of(kind: type[StrEnum], name: str, value: Any) -> str:
    text = checked(value, name, 64).upper().replace(" ", "_").replace("-", "_")
    if text and text not in list(kind):
        raise invalid_field(name, CHOOSE)
    return text


def _country(name: str, value: Any) -> str:
    text = checked(value, name, 2).upper()
    if text and text not in phonenumbers.SUPPORTED_REGIONS:
        raise invalid_field(name, CHOOSE)
    return text


def _code(name: str, value: Any) -> str | None:
    """Of a region, district or settlement; that there is one is asked in `regions.py`."""
    return checked(value, name, 16) or None


def _locale(name: str, value: Any) -> str | None:
    if value and not re.fullmatch(r"[a-z]{2,3}(-[A-Z]{2})?", str(value)):
        raise invalid_field(name, CHOOSE)
    return value or None


def _weeks(name: str, value: Any) -> int | None:
    if value is None or value == "":
        return None
    least, most = WEEKS
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise invalid_field(name, N_("Say a number from %(least)s to %(most)s."), least=least, most=most)
    return value


_RULES: dict[str, Callable[[str, Any], Any]] = {
    "gender": _gender,
    "national_id": _number,
    "tax_id": _number,
    "document_type": _document_type,
    "document_number": _number,
    "country": _country,
    "region_code": _code,
    "district_code": _code,
    "settlement_code": _code,
    "insurance_type": _insurance_type,
    "gestational_age_weeks": _weeks,
    "preferred_locale": _locale,
}
LINKS = ("guardian_id", "referred_by_id")
"""Other cards; `registry_links.py`."""
PLAIN = frozenset({*TEXTS, *_RULES, *LINKS, "date_of_birth", "phone", "home_phone"})
"""The columns that people fill in."""
