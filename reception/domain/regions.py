"""Regions, districts and settlements of a country: what there is to choose, and what belongs to what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from reception.domain.errors import invalid_field
from reception.extensions import db
from reception.models import District, Patient, Region, Settlement
from reception.words import N_

Place = Region | District | Settlement
ELSE = ("en", "ru", "uz")
"""Whose names are taken where a place has none in the reader's language."""
LEVELS = ("region_code", "district_code", "settlement_code")


def name_of(place: Place | None, locale: str) -> str:
    """The place's name in the language `locale`, else in the next best."""
    if place is None:
        return ""
    return next((name for code in (locale, *ELSE) if (name := place.names.get(code))), place.code)


def regions() -> Sequence[Region]:
    """All regions by code."""
    return db.session.scalars(select(Region).order_by(Region.country, Region.code)).all()


def districts(region_code: str | None) -> Sequence[District]:
    if not region_code:
        return []
    query = select(District).where(District.region_code == region_code)
    return db.session.scalars(query.order_by(District.code)).all()


def settlements(district_code: str | None) -> Sequence[Settlement]:
    if not district_code:
        return []
    query = select(Settlement).where(Settlement.district_code == district_code)
    return db.session.scalars(query.order_by(Settlement.code)).all()


@dataclass(frozen=True, slots=True)
class Where:
    """The places that a card names."""

    region: Region | None
    district: District | None
    settlement: Settlement | None

    @classmethod
    def of(cls, patient: Patient) -> Where:
        return cls(
            db.session.get(Region, patient.region_code) if patient.region_code else None,
            db.session.get(District, patient.district_code) if patient.district_code else None,
            db.session.get(Settlement, patient.settlement_code) if patient.settlement_code else None,
        )


def fit(patient: Patient, named: set[str]) -> None:
    """Make the card's places one: `named` are the columns that were just set. Raises Invalid about what does not fit.

    What lies above a named place is filled in, what lay below a changed one goes, and the country is the region's.
    """
    region, district, settlement = (getattr(patient, level) for level in LEVELS)
    for kind, level in zip(_UPPER, LEVELS, strict=True):
        if code := getattr(patient, level):
            _parent(kind, code, level)
    if settlement and "settlement_code" not in named and named & {"region_code", "district_code"}:
        settlement = settlement if _parent(Settlement, settlement, "settlement_code") == district else None
    if district and "district_code" not in named and "region_code" in named:
        district = district if _parent(District, district, "district_code") == region else None
        settlement = settlement if district else None
    if settlement:
        above = _parent(Settlement, settlement, "settlement_code")
        district = district or (above if "district_code" not in named else None)
        if district != above:
            raise invalid_field("settlement_code", N_("This place is in another district."))
    if district:
        above = _parent(District, district, "district_code")
        region = region or (above if "region_code" not in named else None)
        if region != above:
            raise invalid_field("district_code", N_("This district is in another region."))
    if region:
        patient.country = _parent(Region, region, "region_code")
    patient.region_code, patient.district_code, patient.settlement_code = region, district, settlement


_UPPER: dict[type[Any], str] = {Region: "country", District: "region_code", Settlement: "district_code"}


def _parent(kind: type[Any], code: str, field: str) -> str:
    """What the place `code` lies in. Raises Invalid where there is no such place."""
    with db.session.no_autoflush:
        place = db.session.get(kind, code)
    if place is None:
        raise invalid_field(field, N_("There is no such place."))
    return str(getattr(place, _UPPER[kind]))
