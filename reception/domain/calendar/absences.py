"""Doctors who are away, and doctors who run late."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from reception import clock
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.calendar import open_slots
from reception.domain.errors import NotAllowed, NotPossible, invalid_field
from reception.domain.locks import locked, locked_all
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import Absence, AbsenceKind, Doctor, Role
from reception.words import N_

LONGEST = timedelta(days=1100)
MOST_LATE = 600
PLANNERS = frozenset({Role.MANAGER, Role.ADMIN})


def enter(
    doctor_id: int,
    first: date,
    last: date,
    *,
    actor: Actor,
    at: datetime,
    begins: time | None = None,
    ends: time | None = None,
    kind: AbsenceKind = AbsenceKind.OTHER,
    note: str = "",
) -> Absence:
    """The doctor is away from `first` (at `begins`, else from its beginning) to `last` (until `ends`, else its end).

    The slots inside are closed; who is booked in them keeps the place until somebody decides. Who does not plan may
    enter today's absence only. Raises Invalid, NotAllowed or NotFound.
    """
    if last < first:
        raise invalid_field("last", N_("The last day comes before the first one."))
    starts_at, ends_at = _instants(first, last, begins, ends, actor)
    if ends_at <= starts_at:
        raise invalid_field("ends", N_("The end must come after the start."))
    if ends_at <= at:
        raise invalid_field("last", N_("This absence would be over already."))
    if ends_at - starts_at > LONGEST or starts_at - at > LONGEST:
        raise invalid_field("last", N_("This is too far ahead: at most three years."))
    today = clock.service_day(at, actor.clinic)
    if not actor.roles & PLANNERS and (first, last) != (today, today):
        raise NotAllowed(N_("You may enter an absence of today only; others are entered by who plans the shifts."))
    again = open_slots.ask_again(actor, starts_at, ends_at, doctor_id=doctor_id)
    doctor = locked(Doctor, doctor_id, actor.clinic_id)
    if not doctor.is_active:
        raise NotPossible(N_("This doctor is not at work here any more."), code="inactive", allowed=[])
    row = Absence(
        clinic_id=actor.clinic_id, doctor_id=doctor.id, starts_at=starts_at, ends_at=ends_at, kind=kind,
        note=checked(note, "note", 500),
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    _changed(row, actor)
    record(actor, "absence.add", row, at=at, also=again)
    return row


def take_back(absence_id: int, *, actor: Actor, at: datetime) -> Absence:
    """The doctor is not away after all, or back already: the slots open again unless something else closes them."""
    row = _locked(absence_id, actor, at)
    if row.ended_at is None:
        row.ended_at = at
        db.session.flush()
        _changed(row, actor)
        record(actor, "absence.end", row, at=at)
    return row


def restore(absence_id: int, *, actor: Actor, at: datetime) -> Absence:
    """Undo of `take_back`."""
    row = _locked(absence_id, actor, at)
    if row.ended_at is not None:
        row.ended_at = None
        db.session.flush()
        _changed(row, actor)
        record(actor, "absence.restore", row, at=at)
    return row


def coming(viewer: Actor, at: datetime, doctor_id: int | None = None) -> list[Absence]:
    """Absences that are not over at `at`, in time order."""
    query = select(Absence).where(
        Absence.clinic_id == viewer.clinic_id, Absence.ended_at.is_(None), Absence.ends_at > at
    )  # fmt: skip
    if doctor_id is not None:
        query = query.where(Absence.doctor_id == doctor_id)
    return list(db.session.scalars(query.options(joinedload(Absence.doctor)).order_by(Absence.starts_at, Absence.id)))


def _instants(
    first: date, last: date, begins: time | None, ends: time | None, actor: Actor
) -> tuple[datetime, datetime]:  # fmt: skip
    start, _ = clock.day_bounds(first, actor.clinic)
    _, end = clock.day_bounds(last, actor.clinic)
    if begins is not None:
        start = _instant(first, begins, "begins", actor)
    if ends is not None and ends != time():
        end = _instant(last, ends, "ends", actor)
    return start, end


def _instant(day: date, wall: time, field: str, actor: Actor) -> datetime:
    if (found := clock.instant(day, wall, actor.clinic)) is None:
        raise invalid_field(
            field, N_("There is no %(time)s on that day: the clocks are put forward."), time=f"{wall:%H:%M}"
        )
    return found


def _locked(absence_id: int, actor: Actor, at: datetime) -> Absence:
    row = locked(Absence, absence_id, actor.clinic_id)
    today = clock.day_bounds(clock.service_day(at, actor.clinic), actor.clinic)
    if not actor.roles & PLANNERS and not (row.starts_at >= today[0] and row.ends_at <= today[1]):
        raise NotAllowed(N_("You may enter an absence of today only; others are entered by who plans the shifts."))
    locked(Doctor, row.doctor_id, actor.clinic_id)
    return row


def _changed(row: Absence, actor: Actor) -> None:
    open_slots.refresh(actor, row.starts_at, row.ends_at, doctor_id=row.doctor_id)
    first = clock.service_day(row.starts_at, actor.clinic)
    days = min((clock.service_day(row.ends_at, actor.clinic) - first).days, 31)
    open_slots.show(actor, {first + timedelta(days=step) for step in range(days + 1)})


# ------------------------------------------------------------------------------------------------------------ late


def run_late(doctor_id: int, minutes: int, *, actor: Actor, at: datetime) -> Doctor:
    """The doctor runs about `minutes` late today; 0: in time again. Desk, TV and tickets say so until the day ends."""
    if not 0 <= minutes <= MOST_LATE:
        raise invalid_field("minutes", N_("Say a number of minutes from 0 to 600."))
    row = locked(Doctor, doctor_id, actor.clinic_id)
    if not row.is_active:
        raise NotPossible(N_("This doctor is not at work here any more."), code="inactive", allowed=[])
    row.late_minutes = minutes
    row.late_day = clock.service_day(at, actor.clinic) if minutes else None
    record(actor, "doctor.late" if minutes else "doctor.in-time", row, at=at)
    return row


def is_anybody_late(viewer: Actor, at: datetime) -> bool:
    """Whether somebody still runs late by what was said on another day."""
    today = clock.service_day(at, viewer.clinic)
    query = select(Doctor.id).where(
        Doctor.clinic_id == viewer.clinic_id, Doctor.late_minutes > 0, Doctor.late_day < today
    )  # fmt: skip
    return db.session.scalar(query.limit(1)) is not None


def forget_late(*, actor: Actor, at: datetime) -> int:
    """A new day: nobody runs late by what was said yesterday."""
    rows = locked_all(
        Doctor, actor.clinic_id, Doctor.late_minutes > 0, Doctor.late_day < clock.service_day(at, actor.clinic)
    )
    for row in rows:
        row.late_minutes, row.late_day = 0, None
        record(actor, "doctor.in-time", row, at=at)
    return len(rows)


def late_today(row: Doctor, today: date) -> int:
    """How many minutes the doctor runs late today."""
    return row.late_minutes if row.late_day == today else 0
