"""Booking an appointment: appointment, visit, bill and charge together, or nothing. Moving it: `moving`."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from reception.clock import service_day
from reception.domain import finance, numbers, patients
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.calendar.places import length, schedule_for, take_places
from reception.domain.calendar.places import may_overbook as may_overbook
from reception.domain.errors import NotAllowed, NotPossible, invalid_field
from reception.domain.locks import load, locked
from reception.domain.merging_ids import check_stands
from reception.domain.texts import checked
from reception.domain.visits.moves import note
from reception.extensions import db
from reception.models import (
    Appointment,
    AppointmentSource,
    AppointmentStatus,
    Doctor,
    Patient,
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

PAST_BOOKERS = frozenset({Role.MANAGER, Role.ADMIN})
OLDEST = timedelta(days=366)
"""How long ago an appointment may be that is entered afterwards."""
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
    minutes: int | None = None,
    room_id: int | None = None,
    source: AppointmentSource = AppointmentSource.PHONE,
    reason: str = "",
    notes: str = "",
    overbooking_reason: str | None = None,
    past_reason: str | None = None,
    series: str | None = None,
    hold_id: int | None = None,
) -> Appointment:
    """Book a place: appointment `CONFIRMED`, visit `SCHEDULED`, bill `PENDING`, charge posted. All or none.

    `starts_at`: aware; a past one needs a right and `past_reason`. `minutes`: how long, else as the service; every slot
    that is touched counts. `hold_id`: an offer's hold, whose places are taken
    over; an own hold of the same start is taken over by itself. `series`: what the appointments of a series share.
    Raises NotFound, NotPossible (no shift, full, taken, closed) or Invalid.
    """
    past_reason = _past(past_reason, starts_at, actor, at)
    patient = locked(Patient, patient_id, actor.clinic_id)
    check_stands(patient)
    if not patient.is_active:
        raise NotPossible(
            N_("This card is closed. Open it again first."), code="inactive", link=("patient", patient.id), allowed=[]
        )
    service, doctor = offered(service_id, doctor_id, actor)
    overbooking_reason = overbooking(overbooking_reason, actor)
    minutes = length(minutes, service)
    schedule = schedule_for(actor.clinic_id, doctor.id, starts_at, minutes)
    appointment = Appointment(
        clinic_id=actor.clinic_id,
        doctor_id=doctor.id,
        patient_id=patient.id,
        service_id=service.id,
        schedule_id=schedule.id,
        room_id=room_of(room_id, schedule, actor),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=minutes),
        day=service_day(starts_at, actor.clinic),
        source=source,
        reason=checked(reason, "reason", 500),
        notes=checked(notes, "notes", 5000),
        overbooking_reason=overbooking_reason,
        overbooked_by_id=actor.user_id if overbooking_reason else None,
        past_reason=past_reason,
        series=series,
        booking_id="",
    )
    check_day_limit(doctor, appointment.day)
    appointment.booking_id = numbers.booking_id(actor.clinic, service_day(at, actor.clinic))
    db.session.add(appointment)
    db.session.flush()
    if not take_places(appointment, hold_id=hold_id):
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


def overbooking(reason: str | None, actor: Actor) -> str | None:
    """The reason to go beyond the capacity, None for none. Raises NotAllowed or Invalid."""
    text = checked(reason, "overbooking_reason", 500) or None
    if text and not may_overbook(actor):
        raise NotAllowed(N_("Your role cannot book beyond the capacity."))
    return text


def may_book_past(actor: Actor) -> bool:
    """Whether `actor` may enter an appointment after its time, with a reason."""
    return bool(actor.roles & PAST_BOOKERS)


def _past(reason: str | None, starts_at: datetime, actor: Actor, at: datetime) -> str | None:
    """Why an appointment is entered after its time; None for one to come. Raises Invalid."""
    if starts_at >= at - GRACE or not may_book_past(actor):
        check_future(starts_at, at)
        return None
    if starts_at < at - OLDEST:
        raise invalid_field("start", N_("This is too long ago: at most a year."))
    if not (text := checked(reason, "past_reason", 500)):
        raise invalid_field("past_reason", N_("This time is past. Say why it is entered afterwards."))
    return text


def check_future(starts_at: datetime, at: datetime) -> None:
    """Raises Invalid for what is past or years ahead."""
    if starts_at < at - GRACE:
        raise invalid_field("start", N_("This time is past. Choose a later one."))
    if starts_at > at + timedelta(days=1100):
        raise invalid_field("start", N_("This is too far ahead: at most three years."))


def offered(service_id: int, doctor_id: int, actor: Actor) -> tuple[Service, Doctor]:
    """Service and doctor as they are offered today; a doctor with a day's limit is locked. Raises NotPossible."""
    service = load(Service, service_id, actor.clinic_id)
    doctor = load(Doctor, doctor_id, actor.clinic_id)
    if not service.is_active:
        raise NotPossible(N_("This service is not offered any more."), code="inactive")
    if not doctor.is_active:
        raise NotPossible(N_("This doctor is not at work here any more."), code="inactive")
    if doctor.slots_per_day is not None:
        doctor = locked(Doctor, doctor_id, actor.clinic_id)
    return service, doctor


def check_day_limit(doctor: Doctor, day: object) -> None:
    """Raises NotPossible where the doctor's day is as full as the doctor wants it."""
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


def room_of(room_id: int | None, schedule: Schedule, actor: Actor) -> int | None:
    """The room, else the shift's own. Raises NotFound, or NotPossible where it is closed."""
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
