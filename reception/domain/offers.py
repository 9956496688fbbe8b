"""What can be chosen for a visit: where it may go and which services there are."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from reception.domain.actors import Actor
from reception.extensions import db
from reception.models import Department, Doctor, Service, Visit


def by_department(viewer: Actor) -> list[tuple[Department, list[Doctor]]]:
    """Open departments with their active doctors, in the order of their letters."""
    query = (
        select(Department, Doctor)
        .outerjoin(Doctor, (Doctor.department_id == Department.id) & Doctor.is_active)
        .where(Department.clinic_id == viewer.clinic_id, Department.is_active)
        .options(joinedload(Doctor.room))
        .order_by(Department.code, Doctor.last_name, Doctor.id)
    )
    found: dict[int, tuple[Department, list[Doctor]]] = {}
    for department, doctor in db.session.execute(query):
        doctors = found.setdefault(department.id, (department, []))[1]
        if doctor is not None:
            doctors.append(doctor)
    return list(found.values())


def destinations(viewer: Actor, visit: Visit, name: str) -> list[tuple[Department, bool, list[Doctor]]]:
    """Where the move `name` may take `visit`: (department, whether to its pool, to which of its doctors).

    `call` goes to doctors of its own department, `transfer` to any line but the present one.
    """
    if name == "call":
        return [(d, False, doctors) for d, doctors in by_department(viewer) if d.id == visit.department_id]
    return [
        (
            department,
            bool(doctors) and (visit.doctor_id is not None or department.id != visit.department_id),
            [doctor for doctor in doctors if doctor.id != visit.doctor_id],
        )
        for department, doctors in by_department(viewer)
    ]


def services(viewer: Actor) -> list[Service]:
    """What is offered, by name."""
    return list(
        db.session.scalars(
            select(Service).where(Service.clinic_id == viewer.clinic_id, Service.is_active).order_by(Service.name)
        )
    )
