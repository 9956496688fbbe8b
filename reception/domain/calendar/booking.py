"""Appointments: booking (appointment, visit, bill and charge together, or nothing) and moving to another time."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from reception.clock import service_day
from reception.domain import finance, numbers, patients
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.calendar.places import is_beyond, schedule_for, take_places
from reception.domain.errors import NotAllowed, NotPossible, Stale, invalid_field
from reception.domain.locks import load, locked
from reception.domain.texts import checked
from reception.domain.visits.moves import free_places, note
from reception.domain.visits.undo import check_undoable, last_event
from reception.extensions import db
from reception.models import (
    Appointment,
    AppointmentSource,
    AppointmentStatus,
    Doctor,
    Patient,
    Payment,
    Role,
    Room,
    RoomUse,
    Schedule,
    Service,
    Visit,
    VisitStatus,
    VisitType,
)
from reception.words import N_

OVERBOOKERS = frozenset({Role.MANAGER, Role.ADMIN, Role.DOCTOR})
GRACE = timedelta(minutes=1)
"""The minute that just began may still be booked."""


def book(
    patient_id: int,
    doctor_id: int,
    service_id: int,
    starts_at: datetime,
    *,
    actor: Actor,
    at: datetime,
    room_id: int | None = None,
    source: AppointmentSource = AppointmentSource.PHONE,
    reason: str = "",
    notes: str = "",
    overbooking_reason: str | None = None,
) -> Appointment:
    """Book a place: appointment `CONFIRMED`, visit `SCHEDULED`, bill `PENDING`, charge posted. All or none.

    `starts_at`: aware. Raises NotFound, NotPossible (no shift, full, taken, past) or Invalid.
    """
    _check_future(starts_at, at)
    patient = locked(Patient, patient_id, actor.clinic_id)
    if not patient.is_active:
        raise NotPossible(
            N_("This card is closed. Open it again first."), code="inactive", link=("patient", patient.id), allowed=[]
        )
    service, doctor = _offer(service_id, doctor_id, actor)
    overbooking_reason = _overbooking(overbooking_reason, actor)
    schedule = schedule_for(actor.clinic_id, doctor.id, starts_at, service.duration_min)
    appointment = Appointment(
        clinic_id=actor.clinic_id,
        doctor_id=doctor.id,
        patient_id=patient.id,
        service_id=service.id,
        schedule_id=schedule.id,
        room_id=_room(room_id, schedule, actor),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=service.duration_min),
        day=service_day(starts_at, actor.clinic),
        source=source,
        reason=checked(reason, "reason", 500),
        notes=checked(notes, "notes", 5000),
        overbooking_reason=overbooking_reason,
        overbooked_by_id=actor.user_id if overbooking_reason else None,
        booking_id="",
    )
    _check_day_limit(doctor, appointment.day)
    appointment.booking_id = numbers.booking_id(actor.clinic, service_day(at, actor.clinic))
    db.session.add(appointment)
    db.session.flush()
    if not take_places(appointment):
        appointment.overbooking_reason = appointment.overbooked_by_id = None
    use_room(appointment, schedule)
    visit = Visit(
        clinic_id=actor.clinic_id,
        appointment_id=appointment.id,
        patient_id=patient.id,
        department_id=doctor.department_id,
        doctor_id=doctor.id,
        service_id=service.id,
        visit_type=VisitType.SCHEDULED,
        status=VisitStatus.SCHEDULED,
        service_day=appointment.day,
        due_at=starts_at,
        public_token=secrets.token_urlsafe(32),
        call_count=0,
    )
    db.session.add(visit)
    db.session.flush()
    event = note(visit, "book", None, {}, actor=actor, at=at)
    bill = finance.open_bill(visit, service, doctor, actor=actor)
    finance.charge(bill, event, actor=actor, at=at)
    record(actor, "appointment.book", appointment, at=at, also=(visit, bill))
    return appointment


def book_new(
    person: dict[str, Any], doctor_id: int, service_id: int, starts_at: datetime, *, actor: Actor, at: datetime,
    **more: Any,
) -> Appointment:  # fmt: skip
    """Register somebody who was never here (`person`: as patients.register) and book: all or none."""
    patient = patients.register(actor=actor, at=at, **person)
    return book(patient.id, doctor_id, service_id, starts_at, actor=actor, at=at, **more)


def reschedule(
    appointment_id: int,
    starts_at: datetime,
    *,
    actor: Actor,
    at: datetime,
    doctor_id: int | None = None,
    room_id: int | None = None,
    version: int | None = None,
    overbooking_reason: str | None = None,
) -> Appointment:
    """Move a booked appointment to another time, doctor or room. The bill follows the price of the new day.

    The event remembers the former place, so that `put_back` can undo it.
    """
    _check_future(starts_at, at)
    appointment = locked(Appointment, appointment_id, actor.clinic_id)
    _check_movable(appointment, version)
    reason = _overbooking(overbooking_reason, actor)
    was = {
        "starts_at": appointment.starts_at.isoformat(), "doctor_id": appointment.doctor_id,
        "room_id": appointment.room_id, "may_exceed": is_beyond(appointment.id),
    }  # fmt: skip
    if reason is not None:
        appointment.overbooking_reason, appointment.overbooked_by_id = reason, actor.user_id
    place = Place(starts_at, doctor_id or appointment.doctor_id, room_id, reason is not None)
    visit, bill = _move_to(appointment, place, "reschedule", was, actor=actor, at=at)
    record(actor, "appointment.reschedule", appointment, at=at, also=(visit, bill))
    return appointment


def put_back(appointment_id: int, *, actor: Actor, at: datetime, visit_version: int | None = None) -> Visit:
    """Undo a move: back to the former place if it is still free. `visits.undo` checks who may and until when."""
    appointment = locked(Appointment, appointment_id, actor.clinic_id)
    visit = db.session.scalars(select(Visit).where(Visit.appointment_id == appointment.id)).one()
    last = last_event(visit.id)
    check_undoable(visit, last, visit_version, actor, at)
    assert last is not None
    _check_movable(appointment, None)
    was = last.was
    place = Place(
        datetime.fromisoformat(was["starts_at"]).astimezone(UTC), was["doctor_id"], was["room_id"], was["may_exceed"]
    )
    try:
        visit, bill = _move_to(appointment, place, "undo", {}, actor=actor, at=at, undoes=last.id)
    except NotPossible as refusal:
        if refusal.code not in ("slot-full", "no-schedule", "too-long", "day-full"):
            raise
        raise NotPossible(
            N_("The former place was taken meanwhile. Choose another time."), code="place-taken", allowed=[]
        ) from None
    record(actor, "visit.undo", visit, at=at, also=(appointment, bill), move=last.move)
    return visit


@dataclass(frozen=True, slots=True)
class Place:
    """Where an appointment is to go. `may_exceed`: beyond the capacity, too."""

    starts_at: datetime
    doctor_id: int
    room_id: int | None
    may_exceed: bool


def _move_to(
    appointment: Appointment, place: Place, name: str, was: dict[str, Any], *, actor: Actor, at: datetime,
    undoes: int | None = None,
) -> tuple[Visit, Payment | None]:  # fmt: skip
    """Give up the present places and take those of `place`; visit and bill follow. The appointment is locked."""
    service, doctor = _offer(appointment.service_id, place.doctor_id, actor)
    schedule = schedule_for(actor.clinic_id, doctor.id, place.starts_at, service.duration_min)
    day = service_day(place.starts_at, actor.clinic)
    if (day, doctor.id) != (appointment.day, appointment.doctor_id):
        _check_day_limit(doctor, day)
    other_day = day != appointment.day
    free_places(appointment)
    appointment.doctor_id, appointment.schedule_id = doctor.id, schedule.id
    appointment.room_id = _room(place.room_id, schedule, actor)
    appointment.starts_at, appointment.day = place.starts_at, day
    appointment.ends_at = place.starts_at + timedelta(minutes=service.duration_min)
    db.session.flush()
    take_places(appointment, may_exceed=place.may_exceed)
    use_room(appointment, schedule)
    found = db.session.scalars(select(Visit.id).where(Visit.appointment_id == appointment.id)).one()
    visit = locked(Visit, found, actor.clinic_id)
    if other_day and visit.ticket is not None:
        raise NotPossible(
            N_("This visit has today's ticket %(ticket)s. Cancel it and book anew."), ticket=visit.ticket, allowed=[]
        )
    visit.due_at, visit.service_day = place.starts_at, day
    visit.doctor_id, visit.department_id = doctor.id, doctor.department_id
    event = note(visit, name, visit.status, was, actor=actor, at=at, undoes=undoes)
    bill_id = db.session.scalar(select(Payment.id).where(Payment.visit_id == visit.id))
    bill = locked(Payment, bill_id, actor.clinic_id) if bill_id else None
    if bill is not None:
        finance.reprice(bill, visit, service, doctor, event, actor=actor, at=at)
    db.session.flush()
    db.session.expire(appointment, ["doctor", "room", "schedule"])
    db.session.expire(visit, ["doctor", "department"])
    return visit, bill


def _check_movable(appointment: Appointment, version: int | None) -> None:
    if appointment.status != AppointmentStatus.CONFIRMED:
        raise NotPossible(
            N_("This appointment is “%(state)s” now and cannot be moved."), state=appointment.status, allowed=[]
        )
    if version is not None and version != appointment.version:
        raise Stale(N_("Somebody was faster. This is how it stands now."), state=appointment.status)


def may_overbook(actor: Actor) -> bool:
    """Whether `actor` may book beyond a slot's capacity, with a reason and under the own name."""
    return bool(actor.roles & OVERBOOKERS) and actor.user_id is not None


def _overbooking(reason: str | None, actor: Actor) -> str | None:
    text = checked(reason, "overbooking_reason", 500) or None
    if text and not may_overbook(actor):
        raise NotAllowed(N_("Your role cannot book beyond the capacity."))
    return text


def _check_future(starts_at: datetime, at: datetime) -> None:
    if starts_at < at - GRACE:
        raise invalid_field("start", N_("This time is past. Choose a later one."))
    if starts_at > at + timedelta(days=1100):
        raise invalid_field("start", N_("This is too far ahead: at most three years."))


def _offer(service_id: int, doctor_id: int, actor: Actor) -> tuple[Service, Doctor]:
    service = load(Service, service_id, actor.clinic_id)
    doctor = load(Doctor, doctor_id, actor.clinic_id)
    if not service.is_active:
        raise NotPossible(N_("This service is not offered any more."), code="inactive")
    if not doctor.is_active:
        raise NotPossible(N_("This doctor is not at work here any more."), code="inactive")
    if doctor.slots_per_day is not None:
        doctor = locked(Doctor, doctor_id, actor.clinic_id)
    return service, doctor


def _check_day_limit(doctor: Doctor, day: object) -> None:
    if doctor.slots_per_day is None:
        return
    booked = db.session.scalar(
        select(func.count())
        .select_from(Appointment)
        .where(
            Appointment.doctor_id == doctor.id,
            Appointment.day == day,
            Appointment.status.in_([AppointmentStatus.CONFIRMED, AppointmentStatus.CHECKED_IN]),
        )
    )
    if (booked or 0) >= doctor.slots_per_day:
        raise NotPossible(N_("This doctor sees no more patients on that day."), code="day-full", allowed=[])


def _room(room_id: int | None, schedule: Schedule, actor: Actor) -> int | None:
    if room_id is None or room_id == schedule.room_id:
        return schedule.room_id
    if not load(Room, room_id, actor.clinic_id).is_active:
        raise NotPossible(N_("This room is closed."), code="inactive")
    return room_id


def use_room(appointment: Appointment, schedule: Schedule) -> None:
    """Reserve a room other than the shift's own for the appointment; ex_room_use refuses a taken one."""
    if appointment.room_id is None or appointment.room_id == schedule.room_id:
        return
    db.session.add(
        RoomUse(
            clinic_id=appointment.clinic_id, room_id=appointment.room_id, starts_at=appointment.starts_at,
            ends_at=appointment.ends_at, owner_kind="APPOINTMENT", owner_id=appointment.id,
        )
    )  # fmt: skip
    db.session.flush()
