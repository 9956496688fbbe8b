"""A visit without a booking: number, bill and record in one step."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from reception.clock import service_day
from reception.domain import finance, patients
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import NotPossible, invalid_field
from reception.domain.locks import load, locked
from reception.domain.merging_ids import check_stands
from reception.domain.texts import checked
from reception.domain.visits.moves import check_not_in_queue, give_number, note, open_record
from reception.extensions import db
from reception.models import (
    Department,
    Doctor,
    Patient,
    Priority,
    Service,
    Visit,
    VisitStatus,
    VisitType,
)
from reception.words import N_


def walk_in(
    patient_id: int,
    service_id: int,
    *,
    actor: Actor,
    at: datetime,
    doctor_id: int | None = None,
    department_id: int | None = None,
    priority: Priority = Priority.NORMAL,
    priority_reason: str = "",
) -> Visit:
    """The patient is here without a booking: visit `WAITING`, number, bill with its charge, empty record.

    To a doctor, or to a department's pool. Raises NotFound, NotPossible or Invalid.
    """
    patient = locked(Patient, patient_id, actor.clinic_id)
    check_stands(patient)
    if not patient.is_active:
        raise NotPossible(N_("This card is closed."), code="inactive")
    service = load(Service, service_id, actor.clinic_id)
    if not service.is_active:
        raise NotPossible(N_("This service is not offered any more."), code="inactive")
    doctor, department = destination(doctor_id, department_id, actor)
    if priority != Priority.NORMAL and not priority_reason.strip():
        raise invalid_field("priority_reason", N_("Say why this patient goes first."))
    check_not_in_queue(patient.id, actor)
    visit = Visit(
        clinic_id=actor.clinic_id,
        patient_id=patient.id,
        department_id=department.id,
        doctor_id=doctor.id if doctor else None,
        service_id=service.id,
        visit_type=VisitType.WALK_IN,
        status=VisitStatus.WAITING,
        priority=priority,
        priority_reason=checked(priority_reason, "priority_reason", 200),
        service_day=service_day(at, actor.clinic),
        public_token=secrets.token_urlsafe(32),
        check_in_time=at,
        waiting_since=at,
        call_count=0,
    )
    give_number(visit, actor)
    db.session.add(visit)
    db.session.flush()
    event = note(visit, "walk-in", None, {}, actor=actor, at=at)
    open_record(visit, actor, at)
    bill = finance.open_bill(visit, service, doctor, actor=actor)
    finance.charge(bill, event, actor=actor, at=at)
    record(actor, "visit.walk-in", visit, at=at, also=(bill,))
    return visit


def walk_in_new(person: dict[str, Any], service_id: int, *, actor: Actor, at: datetime, **more: Any) -> Visit:
    """Register somebody who was never here (`person`: as patients.register) and give the ticket: all or none."""
    patient = patients.register(actor=actor, at=at, **person)
    return walk_in(patient.id, service_id, actor=actor, at=at, **more)


def walk_in_guest(service_id: int, *, actor: Actor, at: datetime, **more: Any) -> Visit:
    """A ticket before a name; who it is can be written on the card later."""
    guest = patients.guest(actor=actor, at=at)
    return walk_in(guest.id, service_id, actor=actor, at=at, **more)


def destination(doctor_id: int | None, department_id: int | None, actor: Actor) -> tuple[Doctor | None, Department]:
    """The doctor asked for (or none) and the department whose letter the ticket gets. Raises Invalid, NotPossible."""
    if doctor_id is not None:
        doctor = load(Doctor, doctor_id, actor.clinic_id)
        if not doctor.is_active:
            raise NotPossible(N_("This doctor is not at work here any more."), code="inactive")
        if department_id not in (None, doctor.department_id):
            raise invalid_field("department_id", N_("This doctor works in another department."))
        return doctor, load(Department, doctor.department_id, actor.clinic_id)
    if department_id is None:
        raise invalid_field("doctor_id", N_("Say to which doctor or department."))
    department = load(Department, department_id, actor.clinic_id)
    if not department.is_active:
        raise NotPossible(N_("This department is closed."), code="inactive")
    return None, department
