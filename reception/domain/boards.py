"""What the live regions show, read in few queries. Each function answers the context of one partial.

Lists are cut at MOST rows; the counts beside them are whole. Only today's rows are touched, so a long past costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, case, func, select
from sqlalchemy.orm import joinedload

from reception import clock
from reception.domain.actors import Actor
from reception.domain.errors import NotFound
from reception.domain.locks import load
from reception.domain.visits import queue
from reception.extensions import db
from reception.models import (
    Appointment,
    Clinic,
    Department,
    Device,
    Doctor,
    Payment,
    Role,
    Visit,
    VisitEvent,
    VisitStatus,
)

MOST = 60
V = VisitStatus


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Who is expected today: `late` ones first to come first, then `upcoming`."""

    late: list[Visit]
    upcoming: list[Visit]
    late_count: int
    count: int


@dataclass(frozen=True, slots=True)
class Payable:
    """Who has to pay (oldest first), and who left today (newest first)."""

    visits: list[Visit]
    count: int
    due_amount: int
    left: list[Visit]
    done_count: int
    gone_count: int
    unseen_count: int


@dataclass(frozen=True, slots=True)
class Line:
    """A doctor's own line. `waiting` in the order in which they will be called."""

    doctor: Doctor
    in_room: Visit | None
    called: list[Visit]
    waiting: list[Visit]
    waiting_count: int
    oldest_at: datetime | None
    next_expected_at: datetime | None


@dataclass(frozen=True, slots=True)
class Pool:
    """Who waits for any doctor of a department."""

    department: Department
    waiting: list[Visit]
    waiting_count: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Board:
    """One doctor's board: own line and the department's pool in one order."""

    doctor: Doctor
    in_room: Visit | None
    awaited: Visit | None
    called: list[Visit]
    waiting: list[Visit]
    waiting_count: int
    next: Visit | None
    expected: list[Visit]
    earlier: list[Visit]
    seen: int
    average_minutes: int | None
    likely_end_at: datetime | None
    may_read_checklist: bool

    @property
    def next_expected(self) -> Visit | None:
        return self.expected[0] if self.expected else None


def _today(viewer: Actor, *rules: ColumnElement[bool]) -> Select[tuple[Visit]]:
    return (
        select(Visit)
        .where(Visit.clinic_id == viewer.clinic_id, Visit.service_day == clock.today(viewer.clinic), *rules)
        .options(joinedload(Visit.patient), joinedload(Visit.service), joinedload(Visit.doctor))
    )


def _count(viewer: Actor, *rules: ColumnElement[bool]) -> int:
    query = select(func.count()).where(
        Visit.clinic_id == viewer.clinic_id, Visit.service_day == clock.today(viewer.clinic), *rules
    )
    return int(db.session.scalar(query) or 0)


def arrivals(viewer: Actor, _number: int = 0) -> dict[str, Any]:
    """Context of `desk/_arrivals.html`."""
    now, expected = clock.now(), Visit.status == V.SCHEDULED
    by_time = _today(viewer, expected).options(joinedload(Visit.department)).order_by(Visit.due_at, Visit.id)
    late_rule = Visit.due_at < now
    return {
        "arrivals": Arrivals(
            late=list(db.session.scalars(by_time.where(late_rule).limit(MOST))),
            upcoming=list(db.session.scalars(by_time.where(~late_rule).limit(MOST))),
            late_count=_count(viewer, expected, late_rule),
            count=_count(viewer, expected),
        )
    }


def payable(viewer: Actor, _number: int = 0) -> dict[str, Any]:
    """Context of `desk/_payable.html`."""
    to_pay = Visit.status == V.PENDING_PAYMENT
    closed = Visit.status.in_([V.COMPLETED, V.NO_SHOW, V.CANCELLED])
    due = (
        select(func.count(), func.coalesce(func.sum(Payment.self_pay_amount - Payment.amount_paid), 0))
        .join(Visit, Visit.id == Payment.visit_id)
        .where(Visit.clinic_id == viewer.clinic_id, Visit.service_day == clock.today(viewer.clinic), to_pay)
    )
    count, amount = db.session.execute(due).one()
    ways = (Visit.status == V.COMPLETED, Visit.status == V.NO_SHOW, Visit.left_unseen.is_(True))
    done, gone, unseen = db.session.execute(
        select(*(func.coalesce(func.sum(case((way, 1), else_=0)), 0) for way in ways)).where(
            Visit.clinic_id == viewer.clinic_id, Visit.service_day == clock.today(viewer.clinic), closed
        )
    ).one()
    return {
        "payable": Payable(
            visits=list(
                db.session.scalars(
                    _today(viewer, to_pay)
                    .options(joinedload(Visit.payment))
                    .order_by(Visit.end_time, Visit.id)
                    .limit(MOST)
                )
            ),
            count=count,
            due_amount=int(amount),
            left=list(
                db.session.scalars(_today(viewer, closed).order_by(Visit.closed_at.desc(), Visit.id).limit(MOST))
            ),
            done_count=done,
            gone_count=gone,
            unseen_count=unseen,
        )
    }


def line(viewer: Actor, doctor_id: int) -> dict[str, Any]:
    """Context of `queue/_line.html`. Raises NotFound."""
    doctor = _doctor(viewer, doctor_id)
    now, own = clock.now(), Visit.doctor_id == doctor.id
    here, waiting, count, oldest = _active(viewer, doctor.id, now)
    return {
        "line": Line(
            doctor=doctor,
            in_room=next((v for v in here if v.status == V.IN_PROGRESS), None),
            called=[v for v in here if v.status == V.CALLED],
            waiting=waiting,
            waiting_count=count,
            oldest_at=oldest,
            next_expected_at=None if here or waiting else _next_expected_at(viewer, own),
        )
    }


def pool(viewer: Actor, department_id: int) -> dict[str, Any]:
    """Context of `queue/_pool.html`. Raises NotFound."""
    department = load(Department, department_id, viewer.clinic_id)
    anyone = (Visit.department_id == department.id) & Visit.doctor_id.is_(None)
    waiting, count, oldest = _waiting(viewer, anyone, clock.now())
    return {"pool": Pool(department, waiting, count, oldest)}


def board(viewer: Actor, doctor_id: int) -> dict[str, Any]:
    """Context of `queue/_board.html`. Raises NotFound."""
    doctor = _doctor(viewer, doctor_id)
    now, own = clock.now(), Visit.doctor_id == doctor.id
    here = _here(viewer, own)
    called = [v for v in here if v.status == V.CALLED]
    waiting, count, _ = _waiting(viewer, queue.in_line(doctor), now)
    next_id = queue.next_for(doctor, viewer.clinic, now)
    next_visit = next((v for v in waiting if v.id == next_id), None)
    expected = list(
        db.session.scalars(_today(viewer, own, Visit.status == V.SCHEDULED).order_by(Visit.due_at).limit(MOST))
    )
    after = [V.PENDING_PAYMENT, V.COMPLETED, V.NO_SHOW, V.CANCELLED]
    earlier = _today(viewer, own, Visit.status.in_(after), Visit.queue_number.is_not(None))
    seen, average = _seen(viewer, own)
    left = count + len(expected)
    return {
        "board": Board(
            doctor=doctor,
            in_room=next((v for v in here if v.status == V.IN_PROGRESS), None),
            awaited=called[0] if called else None,
            called=called,
            waiting=waiting,
            waiting_count=count,
            next=next_visit,
            expected=expected,
            earlier=list(db.session.scalars(earlier.order_by(Visit.updated_at.desc()).limit(MOST))),
            seen=seen,
            average_minutes=average,
            likely_end_at=_whole(now + timedelta(minutes=left * average)) if average and left else None,
            may_read_checklist=viewer.has(Role.DOCTOR, Role.NURSE),
        )
    }


def _whole(at: datetime) -> datetime:
    """The minute of an instant: a picture does not change by the second."""
    return at.replace(second=0, microsecond=0)


def display(viewer: Actor, device_id: int) -> dict[str, Any]:
    """Context of `display/_board.html`: numbers and rooms, nothing else. Raises NotFound."""
    device = load(Device, device_id, viewer.clinic_id)
    if device.revoked_at is not None:
        raise NotFound
    clinic = db.session.get_one(Clinic, viewer.clinic_id)
    calls = [
        {
            "visit_id": visit.id,
            "ticket": visit.ticket,
            "room_name": visit.room.name if visit.room else "",
            "floor": visit.room.floor if visit.room else "",
            "call_count": visit.call_count,
            "called_at": visit.called_at,
        }
        for visit in db.session.scalars(
            select(Visit)
            .where(
                Visit.clinic_id == clinic.id,
                Visit.service_day == clock.today(viewer.clinic),
                Visit.called_at.is_not(None),
                Visit.status.in_([V.CALLED, V.IN_PROGRESS, V.PENDING_PAYMENT, V.COMPLETED]),
            )
            .options(joinedload(Visit.room))
            .order_by(Visit.called_at.desc(), Visit.id.desc())
            .limit(9)
        )
    ]
    now = clock.now()
    following = queue.waiting(viewer.clinic, clock.today(viewer.clinic), now).where(queue.is_ready(now)).limit(6)
    return {
        "theme": clinic.display_theme,
        "tz": clinic.time_zone,
        "now": now,
        "current": calls[0] if calls else None,
        "previous": calls[1:],
        "next_tickets": [visit.ticket for visit in db.session.scalars(following)],
        "late": [(f"{row.title} {row.last_name}".strip(), row.late_minutes) for row in _late(viewer)],
        "locales": clinic.display_locales or [clinic.default_locale],
        "message": {clinic.default_locale: clinic.display_message} if clinic.display_message else None,
    }


def _late(viewer: Actor) -> list[Doctor]:
    """Doctors who run late today."""
    here = (Doctor.clinic_id == viewer.clinic_id, Doctor.is_active, Doctor.late_minutes > 0)
    query = select(Doctor).where(*here, Doctor.late_day == clock.today(viewer.clinic))
    return list(db.session.scalars(query.order_by(Doctor.last_name, Doctor.id)))


def ticket(viewer: Actor, visit_id: int) -> dict[str, Any]:
    """Context of `ticket/_ticket.html`: one patient's own visit. Raises NotFound."""
    visit = load(Visit, visit_id, viewer.clinic_id)
    return {"visit": visit, "now": clock.now()}


def figures(viewer: Actor) -> dict[str, Any]:
    """The four figures of the desk and what stands under them."""
    rows = db.session.execute(
        select(Visit.status, func.count(), func.min(Visit.waiting_since))
        .where(Visit.clinic_id == viewer.clinic_id, Visit.service_day == clock.today(viewer.clinic))
        .group_by(Visit.status)
    ).all()
    by = {status: (count, since) for status, count, since in rows}
    busy = select(Visit.doctor_id).where(
        Visit.clinic_id == viewer.clinic_id,
        Visit.service_day == clock.today(viewer.clinic),
        Visit.status.in_([V.WAITING, V.CALLED, V.IN_PROGRESS]),
        Visit.doctor_id.is_not(None),
    )
    free = db.session.scalar(
        select(func.count()).where(
            Doctor.clinic_id == viewer.clinic_id, Doctor.is_active, ~Doctor.on_break, Doctor.id.not_in(busy)
        )
    )
    return {
        "waiting": by.get(V.WAITING, (0, None))[0],
        "longest_since": by.get(V.WAITING, (0, None))[1],
        "in_room": by.get(V.IN_PROGRESS, (0, None))[0],
        "called": by.get(V.CALLED, (0, None))[0],
        "free": free or 0,
    }


def lines(viewer: Actor) -> list[Doctor]:
    """Doctors whose lines are shown, by department and name."""
    return list(
        db.session.scalars(
            select(Doctor)
            .join(Department, Department.id == Doctor.department_id)
            .where(Doctor.clinic_id == viewer.clinic_id, Doctor.is_active)
            .options(joinedload(Doctor.department), joinedload(Doctor.room))
            .order_by(Department.code, Doctor.last_name, Doctor.id)
        )
    )


def _doctor(viewer: Actor, doctor_id: int) -> Doctor:
    doctor = db.session.scalar(_DOCTOR, {"clinic": viewer.clinic_id, "doctor": doctor_id})
    if doctor is None:
        raise NotFound
    return doctor


def _here(viewer: Actor, rule: ColumnElement[bool]) -> list[Visit]:
    query = _today(viewer, rule, Visit.status.in_([V.CALLED, V.IN_PROGRESS])).order_by(Visit.called_at.desc())
    return list(db.session.scalars(query))


# Made once, as every push asks them: building a statement costs more than running it.
_clinic: Any = bindparam("clinic")
_which: Any = bindparam("doctor")
_DOCTOR = (
    select(Doctor)
    .where(Doctor.clinic_id == _clinic, Doctor.id == _which)
    .options(joinedload(Doctor.department), joinedload(Doctor.room))
)
_ACTIVE = (
    select(Visit)
    .where(
        Visit.clinic_id == _clinic,
        Visit.service_day == bindparam("day"),
        Visit.status.in_([V.WAITING, V.CALLED, V.IN_PROGRESS]),
        Visit.doctor_id == _which,
    )
    .options(joinedload(Visit.patient), joinedload(Visit.service))
    .order_by(
        case((Visit.status == V.WAITING, 1), else_=0),
        case((queue.is_ready(bindparam("at")), 0), else_=1),
        *queue.order_by(bindparam("due")),
    )
    .limit(2 * MOST)
)


def _active(viewer: Actor, doctor_id: int, now: datetime) -> tuple[list[Visit], list[Visit], int, datetime | None]:
    """Who is called or in the room (the last called first), and as `_waiting`: in one query, for the hot region."""
    clinic = viewer.clinic
    asked = {"clinic": clinic.id, "day": clock.today(clinic), "doctor": doctor_id}
    rows = list(db.session.scalars(_ACTIVE, {**asked, "at": now, "due": queue.due_before(clinic, now)}))
    here = sorted((v for v in rows if v.status != V.WAITING), key=lambda v: (v.called_at, v.id), reverse=True)
    waiting = [v for v in rows if v.status == V.WAITING]
    if len(rows) == 2 * MOST:
        return here, *_waiting(viewer, Visit.doctor_id == doctor_id, now)
    oldest = min((v.waiting_since for v in waiting if v.waiting_since), default=None)
    return here, waiting[:MOST], len(waiting), oldest


def _waiting(viewer: Actor, rule: ColumnElement[bool], now: datetime) -> tuple[list[Visit], int, datetime | None]:
    query = queue.waiting(viewer.clinic, clock.today(viewer.clinic), now).where(rule)
    shown = query.options(joinedload(Visit.patient), joinedload(Visit.service)).limit(MOST)
    rows = list(db.session.scalars(shown))
    if len(rows) < MOST:
        return rows, len(rows), min((v.waiting_since for v in rows if v.waiting_since), default=None)
    count, oldest = db.session.execute(
        select(func.count(), func.min(Visit.waiting_since)).where(
            Visit.clinic_id == viewer.clinic_id, Visit.service_day == clock.today(viewer.clinic),
            Visit.status == V.WAITING, rule,
        )
    ).one()  # fmt: skip
    return rows, count, oldest


def _next_expected_at(viewer: Actor, rule: ColumnElement[bool]) -> datetime | None:
    return db.session.scalar(
        select(func.min(Visit.due_at)).where(
            Visit.clinic_id == viewer.clinic_id, Visit.service_day == clock.today(viewer.clinic),
            Visit.status == V.SCHEDULED, Visit.due_at >= clock.now(), rule,
        )
    )  # fmt: skip


def _seen(viewer: Actor, rule: ColumnElement[bool]) -> tuple[int, int | None]:
    """How many were seen today, and whole minutes each on average."""
    times = db.session.execute(
        select(Visit.start_time, Visit.end_time).where(
            Visit.clinic_id == viewer.clinic_id, Visit.service_day == clock.today(viewer.clinic), rule,
            Visit.start_time.is_not(None), Visit.end_time.is_not(None),
        )
    ).all()  # fmt: skip
    if not times:
        return 0, None
    seconds = sum((end - start).total_seconds() for start, end in times)
    return len(times), max(1, round(seconds / len(times) / 60))


def last_event(visit_id: int) -> VisitEvent | None:
    """The visit's last move."""
    return db.session.scalar(
        select(VisitEvent).where(VisitEvent.visit_id == visit_id).order_by(VisitEvent.id.desc()).limit(1)
    )


def next_appointment(viewer: Actor, patient_id: int) -> Appointment | None:
    """The patient's next standing appointment."""
    return db.session.scalar(
        select(Appointment)
        .where(
            Appointment.clinic_id == viewer.clinic_id, Appointment.patient_id == patient_id,
            Appointment.status == "CONFIRMED", Appointment.starts_at >= clock.now(),
        )
        .order_by(Appointment.starts_at)
        .limit(1)
    )  # fmt: skip
