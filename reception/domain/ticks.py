"""What changes by the clock alone, and what is cleaned away. Verbs of the system, run once a minute (`ticking.py`)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select

from reception.clock import service_day
from reception.domain import audit, still_open
from reception.domain.actors import Actor
from reception.extensions import db
from reception.models import IdempotencyKey, Visit, VisitStatus

KEY_LIFE = timedelta(hours=48)
"""Longer than a working day: a form left open overnight still does its act once."""


def moved_by_clock(actor: Actor, since: datetime, until: datetime) -> set[str]:
    """Regions that look different at `until` than at `since` though nobody did anything.

    Somebody expected became late; an appointment became due; a held or requeued person may be called again; the day
    ended, or the clinic closed, so that what is open is listed.
    """
    clinic, today = actor.clinic, service_day(until, actor.clinic)
    early = timedelta(minutes=clinic.early_minutes)
    rows = db.session.execute(
        select(Visit.status, Visit.doctor_id, Visit.department_id).where(
            Visit.clinic_id == clinic.id,
            Visit.service_day == today,
            Visit.status.in_([VisitStatus.SCHEDULED, VisitStatus.WAITING]),
            or_(
                Visit.due_at.between(since, until),
                Visit.due_at.between(since + early, until + early),
                Visit.not_before.between(since, until),
            ),
        )
    ).all()
    names: set[str] = set()
    if (service_day(since, clinic), still_open.last_day(clinic, since)) != (today, still_open.last_day(clinic, until)):
        names |= {"notices", "unsettled"}
    for status, doctor_id, department_id in rows:
        if status == VisitStatus.SCHEDULED:
            names.add("arrivals")
        elif doctor_id is None:
            names.add(f"pool-{department_id}")
        if doctor_id is not None:
            names |= {f"line-{doctor_id}", f"board-{doctor_id}"}
    return names


def raise_regions(names: set[str], *, actor: Actor, at: datetime) -> None:
    """Raise the versions of `names`, so that the screens draw them anew."""
    audit.work().regions |= names


def purge_keys(*, actor: Actor, at: datetime) -> None:
    """Forget wishes older than KEY_LIFE."""
    db.session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < at - KEY_LIFE))
