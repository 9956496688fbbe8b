"""The clinic as it is today, for the plain lists: which doctor has whom, what a service costs, who is in which room."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload

from reception import clock
from reception.domain.actors import Actor
from reception.domain.errors import NotFound
from reception.domain.locks import scoped
from reception.extensions import db
from reception.models import Department, Doctor, Room, RoomUse, Schedule, Service, ServicePrice, Visit, VisitStatus

V = VisitStatus
DAYS = 14
"""Days of a doctor's shifts that are shown."""


@dataclass(slots=True)
class Today:
    """A doctor's day in figures: how many are expected, wait, were seen; who is in the room or called."""

    expected: int = 0
    waiting: int = 0
    seen: int = 0
    here: Visit | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A department with its doctors and their days."""

    department: Department
    doctors: list[tuple[Doctor, Today]]


@dataclass(slots=True)
class RoomNow:
    """A room, who is in it or called to it, and whose shift it is."""

    room: Room
    visits: list[Visit] = field(default_factory=list)
    doctors: list[Doctor] = field(default_factory=list)
    until: datetime | None = None


def doctors(viewer: Actor) -> list[Group]:
    """Doctors at work by department, each with the figures of today."""
    days = _days(viewer)
    query = (
        scoped(Doctor, viewer.clinic_id)
        .join(Department, Department.id == Doctor.department_id)
        .where(Doctor.is_active)
        .options(joinedload(Doctor.department), joinedload(Doctor.room))
        .order_by(Department.code, Doctor.last_name, Doctor.id)
    )
    groups: dict[int, Group] = {}
    for doctor in db.session.scalars(query):
        group = groups.setdefault(doctor.department_id, Group(doctor.department, []))
        group.doctors.append((doctor, days.get(doctor.id, Today())))
    return list(groups.values())


def doctor(viewer: Actor, doctor_id: int) -> tuple[Doctor, Today, list[Schedule]]:
    """One doctor, today's figures, and the open shifts of the next two weeks. Raises NotFound."""
    query = scoped(Doctor, viewer.clinic_id).where(Doctor.id == doctor_id)
    found = None
    if doctor_id < 2**63:
        found = db.session.scalar(query.options(joinedload(Doctor.department), joinedload(Doctor.room)))
    if found is None:
        raise NotFound
    today = clock.today(viewer.clinic)
    shifts = (
        scoped(Schedule, viewer.clinic_id)
        .where(Schedule.doctor_id == found.id, Schedule.is_open, Schedule.day >= today)
        .where(Schedule.day < today + timedelta(days=DAYS))
        .options(joinedload(Schedule.room))
        .order_by(Schedule.starts_at)
    )
    return found, _days(viewer, found.id).get(found.id, Today()), list(db.session.scalars(shifts))


def _days(viewer: Actor, doctor_id: int | None = None) -> dict[int, Today]:
    rules = [
        Visit.clinic_id == viewer.clinic_id,
        Visit.service_day == clock.today(viewer.clinic),
        Visit.doctor_id == doctor_id if doctor_id else Visit.doctor_id.is_not(None),
    ]
    found: dict[int, Today] = {}
    counted = select(Visit.doctor_id, Visit.status, func.count()).where(*rules).group_by(Visit.doctor_id, Visit.status)
    for ident, status, count in db.session.execute(counted):
        day = found.setdefault(ident, Today())
        if status == V.SCHEDULED:
            day.expected += count
        elif status == V.WAITING:
            day.waiting += count
        elif status in (V.PENDING_PAYMENT, V.COMPLETED):
            day.seen += count
    here = select(Visit).where(*rules, Visit.status.in_([V.CALLED, V.IN_PROGRESS])).order_by(Visit.called_at)
    for visit in db.session.scalars(here):
        day = found.setdefault(visit.doctor_id or 0, Today())
        if day.here is None or visit.status == V.IN_PROGRESS:
            day.here = visit
    return found


def services(viewer: Actor) -> list[tuple[Service, Department | None, int | None]]:
    """What is offered: the service, the department it is offered in first, today's price."""
    today = clock.today(viewer.clinic)
    query = (
        select(Service, Department, ServicePrice.price)
        .outerjoin(Department, Department.id == Service.department_id)
        .outerjoin(
            ServicePrice,
            (ServicePrice.service_id == Service.id)
            & (ServicePrice.valid_from <= today)
            & or_(ServicePrice.valid_to.is_(None), ServicePrice.valid_to >= today),
        )
        .where(Service.clinic_id == viewer.clinic_id, Service.is_active)
        .order_by(Department.code.is_(None), Department.code, Service.name, Service.id)
    )
    return [(service, department, price) for service, department, price in db.session.execute(query)]


def rooms(viewer: Actor) -> list[RoomNow]:
    """Open rooms with who is in each now."""
    query = scoped(Room, viewer.clinic_id).where(Room.is_active).order_by(Room.building, Room.floor, Room.name)
    found = {room.id: RoomNow(room) for room in db.session.scalars(query)}
    here = (
        select(Visit)
        .where(
            Visit.clinic_id == viewer.clinic_id, Visit.service_day == clock.today(viewer.clinic),
            Visit.room_id.in_(found), Visit.status.in_([V.CALLED, V.IN_PROGRESS]),
        )
        .options(joinedload(Visit.doctor))
        .order_by(Visit.called_at)
    )  # fmt: skip
    for visit in db.session.scalars(here):
        found[visit.room_id or 0].visits.append(visit)
    now = clock.now()
    shifts = (
        select(RoomUse.room_id, RoomUse.ends_at, Doctor)
        .join(Schedule, (RoomUse.owner_kind == "SCHEDULE") & (Schedule.id == RoomUse.owner_id))
        .join(Doctor, Doctor.id == Schedule.doctor_id)
        .where(RoomUse.clinic_id == viewer.clinic_id, RoomUse.starts_at <= now, RoomUse.ends_at > now)
        .order_by(RoomUse.id)
    )
    for room_id, ends_at, at_work in db.session.execute(shifts):
        if room_id in found:
            found[room_id].doctors.append(at_work)
            found[room_id].until = ends_at
    sitting = select(Doctor).where(Doctor.clinic_id == viewer.clinic_id, Doctor.is_active, Doctor.room_id.in_(found))
    for at_work in db.session.scalars(sitting.order_by(Doctor.last_name)):
        if at_work not in found[at_work.room_id or 0].doctors:
            found[at_work.room_id or 0].doctors.append(at_work)
    return list(found.values())
