"""What is measured: each kind with its unit, what is plausible, and what cannot be.

What is unlikely may be true, so it is asked for again; what is impossible is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import Invalid, NotAllowed, NotPossible, invalid_field
from reception.domain.locks import locked
from reception.domain.merging_ids import ids_of
from reception.domain.records.writing import CARE, NOT_HERE
from reception.extensions import db
from reception.models import Patient, Visit, Vital, VitalKind
from reception.words import N_

K = VitalKind
MOST_POINTS = 60


@dataclass(frozen=True, slots=True)
class Range:
    """`least` to `most` can be, `low` to `high` is plausible; digits behind the point."""

    unit: str
    least: Decimal
    low: Decimal
    high: Decimal
    most: Decimal
    digits: int = 0


def _range(unit: str, least: str, low: str, high: str, most: str, digits: int = 0) -> Range:
    return Range(unit, Decimal(least), Decimal(low), Decimal(high), Decimal(most), digits)


RANGES: dict[VitalKind, Range] = {
    K.TEMPERATURE: _range("°C", "20", "34", "41.5", "46", 1),
    K.SYSTOLIC: _range("mmHg", "30", "80", "200", "350"),
    K.DIASTOLIC: _range("mmHg", "10", "40", "130", "250"),
    K.PULSE: _range("/min", "10", "40", "180", "350"),
    K.BREATHING: _range("/min", "2", "8", "45", "150"),
    K.OXYGEN: _range("%", "20", "88", "100", "100"),
    K.GLUCOSE: _range("mmol/L", "0.2", "3", "20", "90", 1),
    K.WEIGHT: _range("kg", "0.2", "2", "200", "700", 2),
    K.HEIGHT: _range("cm", "15", "40", "215", "280"),
}
ASKED: dict[str, tuple[VitalKind, ...]] = {
    "temperature": (K.TEMPERATURE,), "pressure": (K.SYSTOLIC, K.DIASTOLIC), "pulse": (K.PULSE,),
    "breathing": (K.BREATHING,), "oxygen": (K.OXYGEN,), "glucose": (K.GLUCOSE,), "weight": (K.WEIGHT,),
    "height": (K.HEIGHT,),
}  # fmt: skip
"""Field of the form -> what it measures."""


class Unlikely(Invalid):
    """May be true: ask again, and write it with `sure`."""

    code = "unlikely"


def measure(
    visit_id: int, typed: Mapping[str, str], *, actor: Actor, at: datetime, sure: bool = False
) -> Visit:  # fmt: skip
    """Write down what was measured. `typed`: field of ASKED -> text; empty ones are left out.

    Raises NotFound, NotAllowed, NotPossible, Invalid about a field, or Unlikely unless `sure`.
    """
    if not actor.has(*CARE):
        raise NotAllowed(N_("Your role cannot do this."))
    visit = locked(Visit, visit_id, actor.clinic_id)
    if visit.status in NOT_HERE:
        raise NotPossible(N_("This visit is “%(state)s” now, so that is not possible."), state=visit.status)
    found: dict[VitalKind, Decimal] = {}
    unlikely: dict[str, str] = {}
    for field, text in typed.items():
        if field not in ASKED:
            raise invalid_field(field[:60], N_("This is not asked."))
        if not text.strip():
            continue
        values = _values(field, text)
        found |= values
        if any(not RANGES[kind].low <= value <= RANGES[kind].high for kind, value in values.items()):
            unlikely[field] = N_("Unusual. Is it right?")
    if not found:
        raise invalid_field(next(iter(ASKED)), N_("Write at least one value."))
    if unlikely and not sure:
        raise Unlikely(N_("Unusual values. Look at them again; they are written down if you say so."), fields=unlikely)
    rows = [
        Vital(
            clinic_id=visit.clinic_id, visit_id=visit.id, kind=kind, value=int(value * 100), unit=RANGES[kind].unit,
            at=at, by_id=actor.user_id,
        )
        for kind, value in found.items()
    ]  # fmt: skip
    db.session.add_all(rows)
    db.session.flush()
    record(actor, "visit.vitals", visit, at=at, vitals=[row.id for row in rows])
    return visit


def take_back(visit_id: int, vital_id: int, *, actor: Actor, at: datetime) -> Visit:
    """It was written by mistake: it stays, struck out. By who wrote it, or a doctor. Raises NotFound, NotAllowed."""
    visit = locked(Visit, visit_id, actor.clinic_id)
    row = locked(Vital, vital_id, actor.clinic_id)
    if row.visit_id != visit.id:
        raise invalid_field("vital", N_("This was measured at another visit."))
    if row.by_id != actor.user_id and "DOCTOR" not in actor.roles:
        raise NotAllowed(N_("Your role cannot do this."))
    if row.taken_back_at is None:
        row.taken_back_at, row.taken_back_by_id = at, actor.user_id
        db.session.flush()
        record(actor, "visit.vital-back", visit, at=at, vital=row.id)
    else:
        record(actor, "visit.vital-back", visit, at=at)
    return visit


def _values(field: str, text: str) -> dict[VitalKind, Decimal]:
    text = text.strip().replace(",", ".")
    kinds = ASKED[field]
    if len(kinds) == 2:
        pair = re.fullmatch(r"(\d{2,3})\s*[/ ]\s*(\d{2,3})", text, re.ASCII)
        if not pair:
            raise invalid_field(field, N_("Write two numbers such as 120/80."))
        values = {kinds[0]: Decimal(pair[1]), kinds[1]: Decimal(pair[2])}
        if values[kinds[0]] <= values[kinds[1]]:
            raise invalid_field(field, N_("The first number is the higher one."))
    else:
        if not re.fullmatch(r"\d{1,4}(\.\d{1,2})?", text, re.ASCII):
            raise invalid_field(field, N_("This is not a number."))
        values = {kinds[0]: Decimal(text)}
    for kind, value in values.items():
        can = RANGES[kind]
        if not can.least <= value <= can.most:
            raise invalid_field(
                field, N_("This cannot be: it lies from %(least)s to %(most)s."), least=can.least, most=can.most
            )
        if value != round(value, can.digits):
            raise invalid_field(field, N_("Write it with at most %(count)s digits behind the point."), count=can.digits)
    return values


# ---------------------------------------------------------------------------------------------------------- reading


def of_visit(visit: Visit) -> list[Vital]:
    """What was measured during the visit, newest first, also what was taken back."""
    return list(db.session.scalars(select(Vital).where(Vital.visit_id == visit.id).order_by(Vital.id.desc())))


def over_time(patient: Patient) -> dict[VitalKind, list[Vital]]:
    """What was measured of the person at all visits, each kind in order of time; the last MOST_POINTS of a kind."""
    query = (
        select(Vital)
        .join(Visit, Visit.id == Vital.visit_id)
        .where(Visit.patient_id.in_(ids_of(patient)), Vital.taken_back_at.is_(None))
        .order_by(Vital.id.desc())
        .limit(MOST_POINTS * len(K))
    )
    found: dict[VitalKind, list[Vital]] = {kind: [] for kind in K}
    for row in db.session.scalars(query):
        if len(found[row.kind]) < MOST_POINTS:
            found[row.kind].append(row)
    return {kind: sorted(rows, key=lambda row: (row.at, row.id)) for kind, rows in found.items() if rows}
