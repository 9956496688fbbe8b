"""Every line of the clinic at once, in as many queries as one line takes: what the desk and reception's board open with.

`boards.line` and `boards.pool` draw one region after a change; these show the same (tests compare them).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import joinedload

from reception import clock
from reception.domain.actors import Actor
from reception.domain.boards import MOST, Line, Pool
from reception.domain.visits import queue
from reception.extensions import db
from reception.models import Doctor, User, Visit, VisitEvent, VisitStatus

V = VisitStatus
Place = tuple[int | None, int | None]
"""A line: (doctor, None) or (None, department)."""
Waiting = tuple[list[Visit], int, datetime | None]
"""The first MOST, how many wait, and since when the first of them."""
NOBODY: Waiting = ([], 0, None)


def all_lines(viewer: Actor, doctors: list[Doctor]) -> tuple[dict[int, Line], dict[int, Pool]]:
    """Lines by doctor and pools by department of `doctors` (department and room loaded)."""
    waiting = _waiting(viewer)
    here: dict[int, list[Visit]] = defaultdict(list)
    for visit in db.session.scalars(_here(viewer)):
        here[visit.doctor_id or 0].append(visit)
    expected = _next_expected(viewer)
    lines = {}
    for doctor in doctors:
        rows, count, oldest = waiting.get((doctor.id, None), NOBODY)
        lines[doctor.id] = Line(
            doctor=doctor,
            in_room=next((v for v in here[doctor.id] if v.status == V.IN_PROGRESS), None),
            called=[v for v in here[doctor.id] if v.status == V.CALLED],
            waiting=rows,
            waiting_count=count,
            oldest_at=oldest,
            next_expected_at=None if rows or here[doctor.id] else expected.get(doctor.id),
        )
    departments = {doctor.department_id: doctor.department for doctor in doctors}
    pools = {ident: Pool(department, *waiting.get((None, ident), NOBODY)) for ident, department in departments.items()}
    return lines, pools


def _waiting(viewer: Actor) -> dict[Place, Waiting]:
    """Who waits in each line, in the order of the rule."""
    now = clock.now()
    department = case((Visit.doctor_id.is_(None), Visit.department_id))
    window: dict[str, Any] = {"partition_by": [Visit.doctor_id, department]}
    ranked = (
        select(
            Visit.id,
            func.row_number().over(order_by=[case((queue.is_ready(now), 0), else_=1), *queue.order(viewer.clinic, now)],
                                   **window).label("place"),
            func.count().over(**window).label("count"),
            func.min(Visit.waiting_since).over(**window).label("oldest"),
        )
        .where(
            Visit.clinic_id == viewer.clinic_id,
            Visit.service_day == clock.today(viewer.clinic),
            Visit.status == V.WAITING,
        )
        .subquery()
    )  # fmt: skip
    query = (
        select(Visit, ranked.c.count, ranked.c.oldest)
        .join(ranked, ranked.c.id == Visit.id)
        .where(ranked.c.place <= MOST)
        .options(joinedload(Visit.patient), joinedload(Visit.service))
        .order_by(ranked.c.place)
    )
    found: dict[Place, Waiting] = {}
    for visit, count, oldest in db.session.execute(query):
        place = (visit.doctor_id, None if visit.doctor_id else visit.department_id)
        found.setdefault(place, ([], count, oldest))[0].append(visit)
    return found


def _here(viewer: Actor) -> Select[tuple[Visit]]:
    return (
        select(Visit)
        .where(
            Visit.clinic_id == viewer.clinic_id,
            Visit.service_day == clock.today(viewer.clinic),
            Visit.status.in_([V.CALLED, V.IN_PROGRESS]),
        )
        .options(joinedload(Visit.patient), joinedload(Visit.service))
        .order_by(Visit.called_at.desc())
    )


def _next_expected(viewer: Actor) -> dict[int | None, datetime | None]:
    query = (
        select(Visit.doctor_id, func.min(Visit.due_at))
        .where(
            Visit.clinic_id == viewer.clinic_id,
            Visit.service_day == clock.today(viewer.clinic),
            Visit.status == V.SCHEDULED,
            Visit.due_at >= clock.now(),
        )
        .group_by(Visit.doctor_id)
    )
    return {doctor_id: due for doctor_id, due in db.session.execute(query)}


def events(visit_id: int) -> list[tuple[VisitEvent, str]]:
    """What has happened to the visit, oldest first, and by whom (empty for the system)."""
    query = (
        select(VisitEvent, User.full_name)
        .outerjoin(User, User.id == VisitEvent.actor_id)
        .where(VisitEvent.visit_id == visit_id)
        .order_by(VisitEvent.id)
    )
    return [(event, name or "") for event, name in db.session.execute(query)]
