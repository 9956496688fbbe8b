"""Who is next, and why. The clinic's rule, once as SQL (to pick one of many) and once in words (to explain).

Order: emergencies, priorities, booked people whose time has come (and those back from a test), walk-ins by arrival,
booked people who came early. Nobody before their `not_before`; nobody who is parked.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import IntEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from reception.domain.actors import Actor, ClinicFacts
from reception.domain.errors import NotAllowed, NotPossible
from reception.domain.locks import load
from reception.domain.visits.moves import move
from reception.extensions import db
from reception.models import Doctor, Priority, Visit, VisitStatus
from reception.words import N_


class Tier(IntEnum):
    """The steps of the rule, first to last."""

    EMERGENCY = 0
    PRIORITY = 1
    DUE = 2
    WALK_IN = 3
    EARLY = 4


def call_next(
    doctor_id: int, *, actor: Actor, at: datetime, visit_id: int | None = None, version: int | None = None
) -> Visit | None:
    """Call the doctor's next visit by the rule; None when nobody waits.

    `visit_id`: whom the button named. Raises NotPossible when it is somebody else by now.
    """
    doctor = load(Doctor, doctor_id, actor.clinic_id)
    if not doctor.is_active:
        raise NotPossible(N_("This doctor is not at work here any more."), code="inactive")
    if is_bound(actor) and actor.doctor_id != doctor.id:
        raise NotAllowed(N_("This is another doctor's line."))
    picked = db.session.scalar(_next_ids(doctor, actor.clinic, at).limit(1).with_for_update(skip_locked=True, of=Visit))
    if visit_id is not None and picked != visit_id:
        raise NotPossible(N_("It is somebody else now. Look at the board again."), code="somebody-else", allowed=[])
    if picked is None:
        return None
    return move(picked, "call", actor=actor, at=at, version=version, doctor_id=doctor.id)


def is_bound(actor: Actor) -> bool:
    """Whether the actor works as a doctor only, and so in the own line only."""
    from reception.models import Role

    return actor.roles <= {Role.DOCTOR}


def in_line(doctor: Doctor) -> ColumnElement[bool]:
    """Visits of the doctor's own line and of the department's pool."""
    return or_(
        Visit.doctor_id == doctor.id,
        and_(Visit.doctor_id.is_(None), Visit.department_id == doctor.department_id),
    )


def due_before(clinic: ClinicFacts, at: datetime) -> datetime:
    """Appointments up to this time are due at the instant `at`."""
    return at + timedelta(minutes=clinic.early_minutes)


def order(clinic: ClinicFacts, at: datetime) -> list[Any]:
    """ORDER BY of the rule at the instant `at`."""
    return order_by(due_before(clinic, at))


def order_by(due: Any) -> list[Any]:
    """The same by `due_before`, or by a parameter that will be it."""
    tier = case(
        (Visit.priority == Priority.EMERGENCY, Tier.EMERGENCY),
        (Visit.priority == Priority.PRIORITY, Tier.PRIORITY),
        (Visit.back_from != "", Tier.DUE),
        (and_(Visit.due_at.is_not(None), Visit.due_at <= due), Tier.DUE),
        (Visit.due_at.is_(None), Tier.WALK_IN),
        else_=Tier.EARLY,
    )
    return [tier, func.coalesce(Visit.due_at, Visit.check_in_time), Visit.queue_number]


def is_ready(at: Any) -> ColumnElement[bool]:
    """Whether a waiting visit may be called by the rule at `at`: an instant, or a parameter that will be one."""
    return and_(
        Visit.status == VisitStatus.WAITING,
        Visit.parked_at.is_(None),
        or_(Visit.not_before.is_(None), Visit.not_before <= at),
    )


def waiting(clinic: ClinicFacts, day: date, at: datetime) -> Select[tuple[Visit]]:
    """The waiting visits of the day in the order in which they will be called; the not yet ready ones last."""
    return (
        select(Visit)
        .where(Visit.clinic_id == clinic.id, Visit.service_day == day, Visit.status == VisitStatus.WAITING)
        .order_by(case((is_ready(at), 0), else_=1), *order(clinic, at))
    )


def _next_ids(doctor: Doctor, clinic: ClinicFacts, at: datetime) -> Select[tuple[int]]:
    from reception.clock import service_day

    return (
        select(Visit.id)
        .where(
            Visit.clinic_id == clinic.id,
            Visit.service_day == service_day(at, clinic),
            is_ready(at),
            in_line(doctor),
        )
        .order_by(*order(clinic, at))
    )


def next_for(doctor: Doctor, clinic: ClinicFacts, at: datetime) -> int | None:
    """Id of the visit that *Call next* would call now."""
    return db.session.scalar(_next_ids(doctor, clinic, at).limit(1))


def tier_of(visit: Visit, clinic: ClinicFacts, at: datetime) -> Tier:
    """The step of the rule on which a waiting visit stands at `at`; says the same as `order`."""
    if visit.priority == Priority.EMERGENCY:
        return Tier.EMERGENCY
    if visit.priority == Priority.PRIORITY:
        return Tier.PRIORITY
    if visit.back_from:
        return Tier.DUE
    if visit.due_at is None:
        return Tier.WALK_IN
    return Tier.DUE if visit.due_at <= due_before(clinic, at) else Tier.EARLY
