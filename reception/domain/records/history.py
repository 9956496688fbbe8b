"""The history of a person across visits for a doctor: page by page, so that a long one costs what a short one does."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, tuple_
from sqlalchemy.orm import joinedload

from reception.domain import icd
from reception.domain.actors import Actor
from reception.domain.locks import load
from reception.domain.merging_ids import ids_of
from reception.domain.records.writing import CODES, NOT_HERE
from reception.domain.search_words import MOST_WORDS, plain
from reception.extensions import db
from reception.models import MedicalRecord, Patient, PrescriptionLine, Visit

PAGE = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """A visit with its record. `codes`: (field, code, title)."""

    visit: Visit
    row: MedicalRecord
    codes: list[tuple[str, str, str]]
    lines: list[PrescriptionLine]


@dataclass(frozen=True, slots=True)
class History:
    """Newest first; `before`: the visit after which the next page goes on, None at the end."""

    entries: list[Entry]
    before: int | None


def page(viewer: Actor, patient: Patient, typed: str = "", before: int | None = None) -> History:
    """The newest PAGE visits, or those before the visit `before`; with every word of `typed` in the record."""
    query = (
        select(Visit, MedicalRecord)
        .join(MedicalRecord, MedicalRecord.visit_id == Visit.id)
        .where(
            Visit.clinic_id == viewer.clinic_id, Visit.patient_id.in_(ids_of(patient)), Visit.status.not_in(NOT_HERE)
        )
        .options(joinedload(Visit.doctor), joinedload(Visit.service), joinedload(Visit.department))
        .order_by(Visit.service_day.desc(), Visit.id.desc())
        .limit(PAGE + 1)
    )
    for word in plain(typed[:200]).split()[:MOST_WORDS]:
        query = query.where(MedicalRecord.folded.like(f"%{word}%"))
    if before is not None:
        last = load(Visit, before, viewer.clinic_id)
        query = query.where(tuple_(Visit.service_day, Visit.id) < (last.service_day, last.id))
    rows = db.session.execute(query).all()
    shown = rows[:PAGE]
    titles = icd.titles((getattr(row, name) for _, row in shown for name in CODES), viewer.locale)
    lines: dict[int, list[PrescriptionLine]] = {}
    for line in db.session.scalars(
        select(PrescriptionLine)
        .where(PrescriptionLine.record_id.in_([row.id for _, row in shown]))
        .order_by(PrescriptionLine.record_id, PrescriptionLine.position)
    ):
        lines.setdefault(line.record_id, []).append(line)
    entries = [
        Entry(
            visit,
            row,
            [(name, code, titles.get(code, "")) for name in reversed(CODES) if (code := getattr(row, name))],
            lines.get(row.id, []),
        )
        for visit, row in shown
    ]
    return History(entries, shown[-1][0].id if len(rows) > PAGE else None)
