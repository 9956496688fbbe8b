"""Words of the registry: kinds of documents, insurance and consents, and a value of the history as people read it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Any

from flask_babel import get_locale, gettext, pgettext

from reception import formats
from reception.domain import regions
from reception.domain.consents import ConsentKind
from reception.domain.registry import DocumentType, InsuranceType
from reception.extensions import db
from reception.models import District, Gender, Region, Settlement
from reception.words import CONTEXT, N_, P_

WORDS: dict[type[StrEnum], dict[str, str]] = {
    DocumentType: {
        "PASSPORT": N_("Passport"),
        "ID_CARD": N_("Identity card"),
        "BIRTH_CERTIFICATE": N_("Birth certificate"),
        "RESIDENCE_PERMIT": N_("Residence permit"),
        "DRIVING_LICENCE": N_("Driving licence"),
        "REFUGEE_DOCUMENT": N_("Refugee's document"),
        "OTHER": P_("document", "Other"),
    },
    InsuranceType: {
        "STATE": N_("Compulsory (state)"),
        "VOLUNTARY": N_("Voluntary"),
        "EMPLOYER": N_("By the employer"),
        "SELF_PAY": N_("None, pays in person"),
        "OTHER": P_("insurance", "Other"),
    },
    ConsentKind: {
        "PERSONAL_DATA": N_("Processing of personal data"),
        "TREATMENT": N_("Examination and treatment"),
        "MESSAGES": N_("Reminders and messages"),
        "PHOTOGRAPHS": N_("Photographs for the record"),
    },
}
"""Kind of list -> value -> words."""
_PLACES = {"region_code": Region, "district_code": District, "settlement_code": Settlement}


def words_of(kind: type[StrEnum], value: str | None) -> str:
    """A value of the list in the reader's words; one that an import left stands as it is."""
    context, _, text = WORDS[kind].get(value or "", value or "").rpartition(CONTEXT)
    return (pgettext(context, text) if context else gettext(text)) if text else ""


def choices(kind: type[StrEnum]) -> list[tuple[str, str]]:
    """What a select offers, nothing first."""
    return [("", ""), *((value, words_of(kind, value)) for value in WORDS[kind])]


def country(code: str | None) -> str:
    """The country `code` in the reader's language."""
    return str(get_locale().territories.get(code, code)) if code else ""


def place(value: Region | District | Settlement | None) -> str:
    return regions.name_of(value, get_locale().language)


def offered(rows: Iterable[regions.Place]) -> list[tuple[str, str, dict[str, str]]]:
    """Places as a select offers them, by name; found by their names in every language (choice.js)."""
    named = [(row.code, place(row), {"data-also": " ".join(row.names.values())}) for row in rows]
    return [("", "", {}), *sorted(named, key=lambda one: one[1])]


def said(name: str, value: str | None) -> str:
    """A value of the history of changes as people read it."""
    if not value:
        return ""
    if name == "gender":
        return str(formats.word(Gender(value)))
    if name == "date_of_birth":
        return formats.full_date(date.fromisoformat(value))
    if name in ("phone", "home_phone"):
        return formats.phone(value)
    if name == "preferred_locale":
        return formats.LOCALES.get(value, value)
    if name == "is_active":
        return gettext("open") if value == "True" else gettext("closed")
    if name == "is_anonymous":
        return gettext("yes") if value == "True" else gettext("no")
    if name == "document_type":
        return words_of(DocumentType, value)
    if name == "insurance_type":
        return words_of(InsuranceType, value)
    if name == "country":
        return country(value)
    if name in _PLACES:
        found: Any = db.session.get(_PLACES[name], value)
        return place(found) or value
    return value
