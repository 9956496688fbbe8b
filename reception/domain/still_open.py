"""What is still open when the day is over: visits that nobody ended, bills to be paid, people neither come nor cancelled.

Of today only once the clinic has closed. Only open visits are touched, by an index of their own, however long the past.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, case, func, select
from sqlalchemy.orm import joinedload

from reception import clock
from reception.domain.actors import Actor, ClinicFacts
from reception.domain.machines import ACTIVE, OPEN
from reception.extensions import db
from reception.models import Visit, VisitStatus

MOST = 200

_OPEN: Any = bindparam("open", sorted(OPEN), expanding=True, literal_execute=True)
"""Written into the statement, so that the databases see that ix_visit_open holds all that is asked for."""


@dataclass(frozen=True, slots=True)
class StillOpen:
    """Oldest first, at most MOST in all; `count` is whole."""

    here: list[Visit]
    to_pay: list[Visit]
    expected: list[Visit]
    count: int


def last_day(clinic: ClinicFacts, at: datetime) -> date | None:
    """The clinic's date at `at` where it has closed by then; else None, and only days before count."""
    today = clock.service_day(at, clinic)
    if clinic.closes_at <= clinic.opens_at:
        return None
    return today if clock.local(at, clinic).time() >= clinic.closes_at else None


def shows(day: date, clinic: ClinicFacts, at: datetime) -> bool:
    """Whether a visit of `day` stands in the list while it is open."""
    return day < clock.service_day(at, clinic) or day == last_day(clinic, at)


def _rule(viewer: Actor) -> tuple[Any, ...]:
    now = clock.now()
    closed = last_day(viewer.clinic, now)
    is_past = Visit.service_day <= closed if closed else Visit.service_day < clock.service_day(now, viewer.clinic)
    return (Visit.clinic_id == viewer.clinic_id, is_past, Visit.status.in_(_OPEN))


def counts(viewer: Actor) -> tuple[int, int]:
    """How many are still open of the days before, and of today."""
    is_past = case((Visit.service_day < clock.today(viewer.clinic), 1), else_=0)
    past, every = db.session.execute(
        select(func.coalesce(func.sum(is_past), 0), func.count()).where(*_rule(viewer))
    ).one()
    return int(past), every - int(past)


def listed(viewer: Actor, _number: int = 0) -> dict[str, Any]:
    """Context of `still_open/_unsettled.html`."""
    rows = db.session.scalars(
        select(Visit)
        .where(*_rule(viewer))
        .options(
            joinedload(Visit.patient), joinedload(Visit.service), joinedload(Visit.doctor),
            joinedload(Visit.department), joinedload(Visit.payment),
        )
        .order_by(Visit.service_day, Visit.due_at, Visit.queue_number, Visit.id)
        .limit(MOST)
    ).all()  # fmt: skip
    return {
        "left": StillOpen(
            here=[visit for visit in rows if visit.status in ACTIVE],
            to_pay=[visit for visit in rows if visit.status == VisitStatus.PENDING_PAYMENT],
            expected=[visit for visit in rows if visit.status == VisitStatus.SCHEDULED],
            count=sum(counts(viewer)),
        ),
        "today": clock.today(viewer.clinic),
    }
