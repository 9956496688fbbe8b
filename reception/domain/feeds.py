"""What leaves the house as a calendar: a doctor's busy times at a secret address, and a booking for its patient.

A feed names nobody: who knows the address learns when the doctor is busy, and initials only where the clinic says so.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import NotAllowed, NotPossible
from reception.domain.locks import locked
from reception.extensions import db
from reception.models import (
    Appointment,
    AppointmentStatus,
    Clinic,
    Doctor,
    Patient,
    Role,
    Room,
    Schedule,
    User,
    Visit,
)
from reception.words import N_

PAST, AHEAD = timedelta(days=30), timedelta(days=180)
BUSY = (AppointmentStatus.CONFIRMED, AppointmentStatus.CHECKED_IN, AppointmentStatus.COMPLETED)
KEEPERS = frozenset({Role.MANAGER, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Busy:
    """A time at which the doctor sees somebody; the patient's names only where initials may be shown."""

    uid: str
    starts_at: datetime
    ends_at: datetime
    version: int
    changed_at: datetime
    first_name: str = ""
    last_name: str = ""


@dataclass(frozen=True, slots=True)
class Shift:
    """A time at which the doctor is at work."""

    uid: str
    starts_at: datetime
    ends_at: datetime
    changed_at: datetime
    room: str


def may_keep(doctor_id: int, actor: Actor) -> bool:
    """Whether `actor` may see, make and take away the address: who leads the clinic, and the doctor himself."""
    return bool(actor.roles & KEEPERS) or actor.doctor_id == doctor_id


def open_feed(doctor_id: int, *, actor: Actor, at: datetime) -> Doctor:
    """A new secret address for the doctor's feed; the former one is worth nothing from now on."""
    doctor = _kept(doctor_id, actor)
    if not doctor.is_active:
        raise NotPossible(N_("This doctor is not at work here any more."), code="inactive")
    doctor.feed_token = secrets.token_urlsafe(32)
    record(actor, "doctor.feed", doctor, at=at)
    db.session.flush()
    return doctor


def close_feed(doctor_id: int, *, actor: Actor, at: datetime) -> Doctor:
    """Take the address away: nobody reads the feed any more."""
    doctor = _kept(doctor_id, actor)
    if doctor.feed_token is not None:
        doctor.feed_token = None
        record(actor, "doctor.feed-end", doctor, at=at)
        db.session.flush()
    return doctor


def _kept(doctor_id: int, actor: Actor) -> Doctor:
    doctor = locked(Doctor, doctor_id, actor.clinic_id)
    if not may_keep(doctor.id, actor):
        raise NotAllowed(N_("Only the doctor and who leads the clinic may do this."))
    return doctor


def doctor_of(token: str) -> tuple[Doctor, Clinic, str | None] | None:
    """The doctor whose feed has the address `token`, the clinic, and the language the doctor reads."""
    if len(token) > 64:
        return None
    found = db.session.execute(
        select(Doctor, Clinic, User.locale)
        .join(Clinic, Clinic.id == Doctor.clinic_id)
        .outerjoin(User, User.id == Doctor.user_id)
        .where(Doctor.feed_token == token, Doctor.is_active, Clinic.is_active)
    ).one_or_none()
    return (found[0], found[1], found[2]) if found else None


def busy(doctor: Doctor, today: date, *, initials: bool) -> list[Busy]:
    """When the doctor is booked, from PAST before `today` to AHEAD after it."""
    query = (
        select(
            Visit.public_token, Appointment.starts_at, Appointment.ends_at, Appointment.version, Appointment.updated_at
        )
        .join(Schedule, Schedule.id == Appointment.schedule_id)
        .join(Visit, Visit.appointment_id == Appointment.id)
        .where(
            Schedule.doctor_id == doctor.id,
            Schedule.day.between(today - PAST, today + AHEAD),
            Appointment.status.in_(BUSY),
        )
        .order_by(Appointment.starts_at, Appointment.id)
    )
    if initials:
        query = query.join(Patient, Patient.id == Appointment.patient_id)
        query = query.add_columns(Patient.first_name, Patient.last_name)
    return [Busy(_uid("busy", row[0]), *row[1:]) for row in db.session.execute(query)]


def shifts(doctor: Doctor, today: date) -> list[Shift]:
    """When the doctor is at work, in the same days."""
    query = (
        select(Schedule.id, Schedule.starts_at, Schedule.ends_at, Schedule.updated_at, Room.name)
        .outerjoin(Room, Room.id == Schedule.room_id)
        .where(
            Schedule.doctor_id == doctor.id, Schedule.is_open, Schedule.day.between(today - PAST, today + AHEAD)
        )
        .order_by(Schedule.starts_at)
    )  # fmt: skip
    return [
        Shift(_uid("shift", f"{doctor.feed_token}.{ident}"), starts_at, ends_at, changed_at, room or "")
        for ident, starts_at, ends_at, changed_at, room in db.session.execute(query)
    ]


def uid_of(visit: Visit) -> str:
    """The name of a booking in its patient's calendar: always the same, the same nowhere else, and no way back to it."""
    return _uid("appointment", visit.public_token)


def _uid(kind: str, secret: str) -> str:
    return f"{hashlib.sha256(f'{kind}.{secret}'.encode()).hexdigest()[:40]}@reception"
