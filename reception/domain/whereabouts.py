"""The clinic as it is today, for the plain lists: which doctor has whom, what a service costs, who is in which room."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from reception import clock
from reception.domain import doctor_card, rooms_now
from reception.domain.actors import Actor
from reception.domain.errors import NotFound
from reception.domain.locks import is_id, load, scoped
from reception.extensions import db
from reception.models import Department, Doctor, Room, Service, ServicePrice, ServiceType, Visit, VisitStatus

V = VisitStatus


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
class RoomCard:
    """A room, what goes on in it, who works there now, and who comes next with whom."""

    room: Room
    now: rooms_now.RoomNow
    doctors: list[Doctor] = field(default_factory=list)
    next_doctor: Doctor | None = None

    @property
    def until(self) -> datetime | None:
        """When the shift there ends."""
        return max((use.ends_at for use in self.now.uses), default=None)


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


def doctor(viewer: Actor, doctor_id: int) -> tuple[Doctor, Today]:
    """One doctor and today's figures. Raises NotFound."""
    query = scoped(Doctor, viewer.clinic_id).where(Doctor.id == doctor_id)
    found = None
    if is_id(doctor_id):
        with_names = (joinedload(Doctor.department), joinedload(Doctor.room), joinedload(Doctor.specialization))
        found = db.session.scalar(query.options(*with_names))
    if found is None:
        raise NotFound
    return found, _days(viewer, found.id).get(found.id, Today())


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


@dataclass(frozen=True, slots=True)
class Offer:
    """A service with its type, the department it is offered in first, today's price, and the one that is set next."""

    service: Service
    type: ServiceType | None
    department: Department | None
    price: int | None
    next: ServicePrice | None


def services(viewer: Actor) -> list[Offer]:
    """What is offered, by type and name."""
    today = clock.today(viewer.clinic)
    query = (
        select(Service, ServiceType, Department, ServicePrice.price)
        .outerjoin(ServiceType, ServiceType.id == Service.service_type_id)
        .outerjoin(Department, Department.id == Service.department_id)
        .outerjoin(ServicePrice, doctor_card.price_of(today))
        .where(Service.clinic_id == viewer.clinic_id, Service.is_active)
        .order_by(ServiceType.name.is_(None), ServiceType.name, Service.name, Service.id)
    )
    coming: dict[int, ServicePrice] = {}
    later = scoped(ServicePrice, viewer.clinic_id).where(ServicePrice.valid_from > today)
    for price in db.session.scalars(later.order_by(ServicePrice.valid_from)):
        coming.setdefault(price.service_id, price)
    return [
        Offer(service, kind, department, price, coming.get(service.id))
        for service, kind, department, price in db.session.execute(query)
    ]


def service(viewer: Actor, service_id: int) -> tuple[Service, Department | None, list[ServicePrice]]:
    """One service, also one that is not offered any more, with its prices, the newest first. Raises NotFound."""
    found = load(Service, service_id, viewer.clinic_id)
    department = load(Department, found.department_id, viewer.clinic_id) if found.department_id else None
    prices = scoped(ServicePrice, viewer.clinic_id).where(ServicePrice.service_id == found.id)
    return found, department, list(db.session.scalars(prices.order_by(ServicePrice.valid_from.desc())))


def rooms(viewer: Actor) -> list[RoomCard]:
    """Open rooms with what goes on in each now."""
    query = scoped(Room, viewer.clinic_id).where(Room.is_active).order_by(Room.building, Room.floor, Room.name)
    found = list(db.session.scalars(query))
    now = rooms_now.now_in(viewer.clinic, [room.id for room in found], clock.now())
    known = {doctor.id: doctor for doctor in db.session.scalars(scoped(Doctor, viewer.clinic_id))}
    sitting: dict[int, list[int]] = {}
    for doctor in sorted(known.values(), key=lambda d: (d.last_name, d.id)):
        if doctor.is_active and doctor.room_id:
            sitting.setdefault(doctor.room_id, []).append(doctor.id)
    cards = []
    for room in found:
        here = now[room.id]
        at_work = [row.doctor_id for row in (*here.visits, *here.uses) if row.doctor_id]
        card = RoomCard(room, here, [known[d] for d in dict.fromkeys([*at_work, *sitting.get(room.id, [])])])
        card.next_doctor = known.get(here.next.doctor_id) if here.next else None
        cards.append(card)
    return cards
