"""The record of a visit: opened by the doctor's first word, closed by the signature, then only amended.

It is written by the visit's own doctor and amended by who signed it. The audit learns that it was written and by whom,
never what; the signature carries a keyed digest of the whole, so that a signed record can be proved to be the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, select

from reception.domain import icd
from reception.domain.actors import Actor
from reception.domain.audit import record, work
from reception.domain.chain import digest
from reception.domain.errors import Invalid, NotAllowed, NotFound, NotPossible, Stale, invalid_field
from reception.domain.locks import load, locked
from reception.domain.search_words import plain
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import Amendment, Draft, MedicalRecord, PrescriptionLine, RecordState, Role, Visit, VisitStatus
from reception.words import N_

TEXTS: dict[str, int] = {"complaints": 20_000, "treatment": 20_000, "notes": 20_000, "sick_leave_number": 64}
"""Field -> the most characters."""
CODES = ("initial_code", "arrival_code", "final_code")
DAYS = ("sick_leave_from", "sick_leave_to")
FIELDS = (*TEXTS, *CODES, *DAYS)
LINE: dict[str, int] = {"drug": 200, "dose": 100, "times": 100, "days": 4}
MOST_LINES = 30
LONGEST_LEAVE = 400
CARE = (Role.DOCTOR, Role.NURSE)
"""Who measures and treats; what was written is the doctors' alone."""
NOT_HERE = (VisitStatus.SCHEDULED, VisitStatus.CANCELLED, VisitStatus.NO_SHOW)


def of_visit(visit_id: int, actor: Actor) -> tuple[Visit, MedicalRecord]:
    """The visit and its record, for reading. Raises NotFound; a visit that was not checked in has none."""
    visit = load(Visit, visit_id, actor.clinic_id)
    row = db.session.scalar(select(MedicalRecord).where(MedicalRecord.visit_id == visit.id))
    if row is None:
        raise NotFound
    return visit, row


def is_own(visit: Visit, actor: Actor) -> bool:
    """Whether the visit is this very doctor's."""
    return Role.DOCTOR in actor.roles and actor.doctor_id is not None and visit.doctor_id == actor.doctor_id


def may_write(visit: Visit, row: MedicalRecord, actor: Actor) -> bool:
    return is_own(visit, actor) and row.state != RecordState.CLOSED and visit.status not in NOT_HERE


def may_amend(row: MedicalRecord, actor: Actor) -> bool:
    return row.signed_by_id is not None and row.signed_by_id == actor.user_id and Role.DOCTOR in actor.roles


def to_write(visit_id: int, actor: Actor) -> tuple[Visit, MedicalRecord]:
    """The visit and its record, locked to be written. Raises NotFound, NotAllowed, NotPossible."""
    visit = locked(Visit, visit_id, actor.clinic_id)
    _, row = of_visit(visit_id, actor)
    row = locked(MedicalRecord, row.id, actor.clinic_id)
    if not is_own(visit, actor):
        raise NotAllowed(N_("This is another doctor's patient."))
    if row.state == RecordState.CLOSED:
        raise NotPossible(N_("This record is signed: it can only be amended."), code="signed", allowed=[])
    if visit.status in NOT_HERE:
        raise NotPossible(N_("This visit is “%(state)s” now, so that is not possible."), state=visit.status)
    return visit, row


# ---------------------------------------------------------------------------------------------------------- writing


def save(
    visit_id: int, values: Mapping[str, str], lines: Sequence[Mapping[str, str]] | None = None, *, actor: Actor,
    at: datetime, version: int | None = None,
) -> MedicalRecord:  # fmt: skip
    """Write the fields of `values` and, where they are given, the prescription's `lines`; the drafts of them are gone.

    Raises NotFound, NotAllowed, NotPossible (signed), Stale or Invalid about a field.
    """
    row = _write(visit_id, values, lines, version, actor)
    record(actor, "record.save", row, at=at)
    return row


def sign(
    visit_id: int, values: Mapping[str, str], lines: Sequence[Mapping[str, str]] | None = None, *, actor: Actor,
    at: datetime, version: int | None = None,
) -> MedicalRecord:  # fmt: skip
    """Write as `save` does and close the record for good. Raises what `save` does; Invalid without a final diagnosis."""
    if actor.user_id is None:
        raise NotAllowed(N_("Your role cannot do this."))
    row = _write(visit_id, values, lines, version, actor)
    if not row.final_code:
        raise invalid_field("final_code", N_("Write the final diagnosis before you sign."))
    row.state, row.signed_at, row.signed_by_id = RecordState.CLOSED, at, actor.user_id
    db.session.flush()
    db.session.execute(delete(Draft).where(Draft.record_id == row.id, Draft.user_id == actor.user_id))
    record(actor, "record.sign", row, at=at, content=content_digest(row))
    return row


def amend(visit_id: int, words: str, *, actor: Actor, at: datetime) -> Amendment:
    """Add to a signed record. Raises NotAllowed for anybody but who signed it, NotPossible before that, Invalid."""
    _, row = of_visit(visit_id, actor)
    row = locked(MedicalRecord, row.id, actor.clinic_id)
    if row.state != RecordState.CLOSED:
        raise NotPossible(N_("This record is not signed yet. Change it instead."), code="not-signed", allowed=[])
    if not may_amend(row, actor):
        raise NotAllowed(N_("A record is amended by the doctor who signed it."))
    if not (words := checked(words, "amendment", 20_000)):
        raise invalid_field("amendment", N_("Write what is to be added."))
    found = Amendment(clinic_id=row.clinic_id, record_id=row.id, at=at, by_id=actor.user_id, text=words)
    db.session.add(found)
    db.session.execute(
        delete(Draft).where(Draft.record_id == row.id, Draft.user_id == actor.user_id, Draft.field == "amendment")
    )
    db.session.flush()
    record(actor, "record.amend", row, at=at, amendment=found.id)
    return found


def _write(
    visit_id: int, values: Mapping[str, str], lines: Sequence[Mapping[str, str]] | None, version: int | None, actor: Actor
) -> MedicalRecord:  # fmt: skip
    visit, row = to_write(visit_id, actor)
    if version not in (None, row.version):
        raise Stale(N_("Somebody was faster. This is how it stands now."))
    for name in values:
        if name not in FIELDS:
            raise invalid_field(name[:60], N_("This is not asked."))
    for name, typed in values.items():
        setattr(row, name, _sense(name, typed))
    _check_leave(row)
    if row.state == RecordState.REGISTRATION:
        row.state = RecordState.OPEN
    row.doctor_id = visit.doctor_id
    if lines is not None:
        _prescribe(row, lines)
    row.folded = folded(row, prescription(row))
    db.session.flush()
    db.session.execute(delete(Draft).where(Draft.record_id == row.id, Draft.user_id == actor.user_id))
    work().regions.add(f"patient-{row.patient_id}")
    return row


def _sense(name: str, typed: str) -> str | date | None:
    if name in TEXTS:
        return checked(typed, name, TEXTS[name])
    typed = checked(typed, name, 300)
    if name in DAYS:
        try:
            return date.fromisoformat(typed) if typed else None
        except ValueError:
            raise invalid_field(name, N_("This is not a date.")) from None
    if not typed:
        return ""
    code = icd.code_of(typed)
    if not code or not icd.is_known(code):
        raise invalid_field(name, N_("There is no such code in ICD-10. Choose one of the list."))
    return code


def _check_leave(row: MedicalRecord) -> None:
    first, last = row.sick_leave_from, row.sick_leave_to
    if (first is None) != (last is None):
        raise invalid_field("sick_leave_to", N_("Say the first and the last day of the sick leave."))
    if first and last and last < first:
        raise invalid_field("sick_leave_to", N_("The last day comes before the first."))
    if first and last and (last - first).days > LONGEST_LEAVE:
        raise invalid_field("sick_leave_to", N_("This is too long: at most %(most)s days."), most=LONGEST_LEAVE)
    if row.sick_leave_number and first is None:
        raise invalid_field("sick_leave_from", N_("Say the first and the last day of the sick leave."))


# ----------------------------------------------------------------------------------------------------- prescription


def prescription(row: MedicalRecord) -> list[PrescriptionLine]:
    """The record's medicines in their order."""
    query = select(PrescriptionLine).where(PrescriptionLine.record_id == row.id)
    return list(db.session.scalars(query.order_by(PrescriptionLine.position)))


def _prescribe(row: MedicalRecord, lines: Sequence[Mapping[str, str]]) -> None:
    wanted = [found for n, line in enumerate(lines) if (found := _line(n, line)) is not None]
    if len(wanted) > MOST_LINES:
        raise Invalid(N_("These are too many medicines: at most %(most)s."), most=MOST_LINES)
    db.session.execute(delete(PrescriptionLine).where(PrescriptionLine.record_id == row.id))
    db.session.add_all(
        PrescriptionLine(clinic_id=row.clinic_id, record_id=row.id, position=position, **line)
        for position, line in enumerate(wanted, 1)
    )
    db.session.flush()


def _line(number: int, line: Mapping[str, str]) -> dict[str, Any] | None:
    """One medicine as it is stored; None for an empty line. Raises Invalid about `drug-2`."""
    found: dict[str, Any] = {name: checked(line.get(name), f"{name}-{number}", most) for name, most in LINE.items()}
    if not any(found.values()):
        return None
    if not found["drug"]:
        raise invalid_field(f"drug-{number}", N_("Say which medicine."))
    days = found["days"]
    if days and not (days.isascii() and days.isdigit() and 1 <= int(days) <= 3650):
        raise invalid_field(f"days-{number}", N_("Say a number from %(least)s to %(most)s."), least=1, most=3650)
    found["days"] = int(days) if days else None
    return found


# ---------------------------------------------------------------------------------------------------------- reading


def amendments(row: MedicalRecord) -> list[Amendment]:
    return list(db.session.scalars(select(Amendment).where(Amendment.record_id == row.id).order_by(Amendment.id)))


def folded(row: MedicalRecord, lines: Sequence[PrescriptionLine]) -> str:
    """Everything in the record as the search compares it, its diagnoses in all languages they are known in."""
    codes = [code for name in CODES if (code := getattr(row, name))]
    known = db.session.scalars(select(icd.IcdTitle.folded).where(icd.IcdTitle.code.in_(codes))) if codes else ()
    drugs = [f"{line.drug} {line.dose}" for line in lines]
    texts = [row.complaints, row.treatment, row.notes, row.sick_leave_number, *drugs, *codes]
    return plain(" ".join([*texts, *known]))


def content_digest(row: MedicalRecord) -> str:
    """A keyed digest of all that is signed."""
    lines = [[line.drug, line.dose, line.times, line.days] for line in prescription(row)]
    values = {name: str(getattr(row, name) or "") for name in FIELDS}
    return digest([sorted(values.items()), lines])
