"""What goes on in each room at an instant: who is in it or called to it, whose shift it is, whether it is closed, and
who comes next. One reading for the page and for the API."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, or_, select

from reception import clock
from reception.domain.actors import ClinicFacts
from reception.domain.calendar.open_slots import STANDING
from reception.extensions import core
from reception.models import (
    Appointment,
    AppointmentStatus,
    MaintenanceKind,
    Patient,
    RoomMaintenance,
    RoomUse,
    Schedule,
    Visit,
    VisitStatus,
)


@dataclass(frozen=True, slots=True)
class Closure:
    """The room is closed until `until`."""

    id: int
    kind: MaintenanceKind
    until: datetime
    version: datetime


@dataclass(slots=True)
class RoomNow:
    """`visits`: rows in the order of their calls (id, ticket, status, doctor_id, called_at, start_time, and the names of the
    patient). `uses`: whose the room is (schedule_id, doctor_id, ends_at). `next`: (id, starts_at, doctor_id) or None."""

    visits: list[Row[Any]] = field(default_factory=list)
    uses: list[Row[Any]] = field(default_factory=list)
    closure: Closure | None = None
    next: Row[Any] | None = None

    @property
    def status(self) -> str:
        """IN_PROGRESS, CALLED, CLOSED, RESERVED or FREE: the first that is true."""
        found = {visit.status for visit in self.visits}
        for status in (VisitStatus.IN_PROGRESS, VisitStatus.CALLED):
            if status in found:
                return status.value
        if self.closure:
            return "CLOSED"
        return "RESERVED" if self.uses else "FREE"

    @property
    def doctor_id(self) -> int | None:
        """Who works there: by the visit, or by the shift."""
        at_work = [visit.doctor_id for visit in self.visits if visit.status == self.status]
        return next(iter([*at_work, *(use.doctor_id for use in self.uses)]), None)

    @property
    def schedule_id(self) -> int | None:
        return self.uses[-1].schedule_id if self.uses else None


def now_in(clinic: ClinicFacts, rooms: Collection[int], at: datetime) -> dict[int, RoomNow]:
    """The clinic's `rooms` (ids) as they are at `at`."""
    found = {room: RoomNow() for room in rooms}
    if not found:
        return found
    day = clock.service_day(at, clinic)
    for row in core(_visits(clinic.id, found).where(Visit.service_day == day)):
        found[row.room_id].visits.append(row)
    for row in core(_uses(clinic.id, found, at)):
        found[row.room_id].uses.append(row)
    for row in core(_closures(clinic.id, found, at)):
        found[row.room_id].closure = Closure(row.id, row.kind, row.ends_at, row.updated_at)
    for row in core(_coming(clinic.id, found, at).where(Appointment.day == day)):
        here = found[row.room_id]
        here.next = here.next or row
    return found


def _visits(clinic_id: int, rooms: Collection[int]) -> Any:
    return (
        select(
            Visit.id, Visit.ticket, Visit.status, Visit.doctor_id, Visit.room_id, Visit.called_at, Visit.start_time,
            Patient.first_name, Patient.middle_name, Patient.last_name, Patient.is_anonymous, Patient.anonymised_at,
        )
        .join(Patient, Patient.id == Visit.patient_id)
        .where(
            Visit.clinic_id == clinic_id, Visit.room_id.in_(rooms),
            Visit.status.in_([VisitStatus.CALLED, VisitStatus.IN_PROGRESS]),
        )
        .order_by(Visit.called_at, Visit.id)
    )  # fmt: skip


def _uses(clinic_id: int, rooms: Collection[int], at: datetime) -> Any:
    """Shifts and appointments that have the room; what closes it is asked for itself."""
    is_shift = (RoomUse.owner_kind == "SCHEDULE") & (Schedule.id == RoomUse.owner_id)
    return (
        select(RoomUse.room_id, RoomUse.ends_at, Schedule.id.label("schedule_id"), Schedule.doctor_id)
        .outerjoin(Schedule, is_shift)
        .where(
            RoomUse.clinic_id == clinic_id, RoomUse.room_id.in_(rooms), RoomUse.owner_kind != "CLOSURE",
            RoomUse.starts_at <= at, RoomUse.ends_at > at,
        )
        .order_by(RoomUse.id)
    )  # fmt: skip


def _closures(clinic_id: int, rooms: Collection[int], at: datetime) -> Any:
    row = RoomMaintenance
    return select(row.id, row.room_id, row.kind, row.ends_at, row.updated_at).where(
        row.clinic_id == clinic_id, row.room_id.in_(rooms), row.status.in_(STANDING), row.starts_at <= at,
        row.ends_at > at,
    )  # fmt: skip


def _coming(clinic_id: int, rooms: Collection[int], at: datetime) -> Any:
    room = func.coalesce(Appointment.room_id, Schedule.room_id)
    return (
        select(Appointment.id, room.label("room_id"), Appointment.starts_at, Appointment.doctor_id)
        .join(Schedule, Schedule.id == Appointment.schedule_id)
        .where(
            Appointment.clinic_id == clinic_id, Appointment.starts_at > at,
            or_(Appointment.room_id.in_(rooms), Appointment.room_id.is_(None) & Schedule.room_id.in_(rooms)),
            Appointment.status.in_([AppointmentStatus.CONFIRMED, AppointmentStatus.CHECKED_IN]),
        )
        .order_by(Appointment.starts_at, Appointment.id)
    )  # fmt: skip
