"""What the calendar's grid is drawn from, in as many questions as there are tables, however long the day is."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, or_, select

from reception import clock
from reception.domain.actors import Actor
from reception.domain.calendar import holds
from reception.extensions import core, db
from reception.models import (
    Absence,
    Appointment,
    AppointmentPlace,
    AppointmentStatus,
    ClosedDay,
    Doctor,
    Hold,
    MaintenanceStatus,
    Patient,
    RoomMaintenance,
    Schedule,
    Service,
    Slot,
    Visit,
)


@dataclass(frozen=True)
class Scope:
    """What is looked at: consecutive `days`, `by` doctor or room; `ident`: one of them only."""

    viewer: Actor
    days: tuple[date, ...]
    by: str = "doctor"
    ident: int | None = None
    department_id: int | None = None

    @cached_property
    def bounds(self) -> tuple[datetime, datetime]:
        """Half-open [first, next) instants of the days."""
        clinic = self.viewer.clinic
        return clock.day_bounds(self.days[0], clinic)[0], clock.day_bounds(self.days[-1], clinic)[1]

    def column_of(self, row: Any) -> int:
        """Whose column a shift or an appointment stands in; 0: no room."""
        return (row.doctor_id if self.by == "doctor" else row.room_id) or 0

    def shifts(self) -> list[ColumnElement[bool]]:
        """The open shifts that reach into the days; a night's shift began the day before."""
        first = self.days[0] - timedelta(days=1)
        rules = [Schedule.clinic_id == self.viewer.clinic_id, Schedule.is_open.is_(True)]
        rules += [Schedule.day.between(first, self.days[-1]), Schedule.ends_at > self.bounds[0]]
        return rules + self.only(Schedule)

    def only(self, table: Any) -> list[ColumnElement[bool]]:
        """The one doctor or room, or the department."""
        rules: list[ColumnElement[bool]] = []
        if self.ident is not None:
            rules.append((table.doctor_id if self.by == "doctor" else table.room_id) == self.ident)
        if self.department_id is not None and self.by == "doctor":
            here = select(Doctor.id).where(
                Doctor.clinic_id == self.viewer.clinic_id, Doctor.department_id == self.department_id
            )
            rules.append(table.doctor_id.in_(here))
        return rules


class SlotRow(NamedTuple):
    """A slot with how many of its places are taken; holds that still run count, too."""

    starts_at: datetime
    ends_at: datetime
    capacity: int
    is_open: bool
    taken: int


@dataclass(frozen=True, slots=True)
class Rows:
    """What was read. `slots` by shift; `beyond`: appointments with a place beyond a slot's capacity."""

    shifts: list[Any]
    slots: dict[int, list[SlotRow]]
    beyond: set[int]
    appointments: list[Any]
    absences: list[Any]
    closures: list[Any]
    closed: dict[date, str]
    held: list[holds.Held]


def read(scope: Scope, at: datetime) -> Rows:
    """Everything that the grid of the scope shows at the instant `at`."""
    found, beyond = slots(scope, at)
    closed = closed_days(scope.viewer, scope.days[0], scope.days[-1])
    held = holds.standing(scope.viewer.clinic_id, *scope.bounds, at=at)
    return Rows(shifts(scope), found, beyond, appointments(scope), absences(scope), closures(scope), closed, held)


def shifts(scope: Scope) -> list[Any]:
    """id, doctor_id, room_id, starts_at, ends_at, slot_minutes of the shifts, in time order."""
    query = (
        select(
            Schedule.id, Schedule.doctor_id, Schedule.room_id, Schedule.starts_at, Schedule.ends_at,
            Schedule.slot_minutes,
        )
        .where(*scope.shifts())
        .order_by(Schedule.starts_at, Schedule.id)
    )  # fmt: skip
    return list(core(query))


def slots(scope: Scope, at: datetime) -> tuple[dict[int, list[SlotRow]], set[int]]:
    """Slots by shift, in time order, and the appointments that have a place beyond a slot's capacity."""
    first, last = scope.bounds
    rules = [*scope.shifts(), Slot.starts_at >= first, Slot.starts_at < last]
    places = (
        select(AppointmentPlace.slot_id, AppointmentPlace.place, AppointmentPlace.appointment_id)
        .join(Slot, Slot.id == AppointmentPlace.slot_id)
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .outerjoin(Hold, Hold.id == AppointmentPlace.hold_id)
        .where(*rules, or_(Hold.id.is_(None), Hold.until > at))
    )
    taken: dict[int, list[tuple[int, int | None]]] = defaultdict(list)
    for slot_id, place, appointment_id in core(places):
        taken[slot_id].append((place, appointment_id))
    query = (
        select(Slot.id, Slot.schedule_id, Slot.starts_at, Slot.ends_at, Slot.capacity, Slot.is_open)
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .where(*rules)
        .order_by(Slot.starts_at)
    )
    found: dict[int, list[SlotRow]] = defaultdict(list)
    beyond: set[int] = set()
    for slot_id, schedule_id, starts_at, ends_at, capacity, is_open in core(query):
        held = taken.get(slot_id, ())
        found[schedule_id].append(SlotRow(starts_at, ends_at, capacity, is_open, len(held)))
        beyond.update(who for place, who in held if who is not None and place > capacity)
    return found, beyond


def appointments(scope: Scope) -> list[Any]:
    """The appointments of the days in time order, the cancelled ones aside, with the little that a block shows."""
    query = (
        select(
            Appointment.id, Appointment.version, Appointment.status.label("standing"), Appointment.starts_at,
            Appointment.ends_at, Appointment.day, Appointment.doctor_id, Appointment.room_id,
            Patient.last_name, Patient.first_name, Patient.is_anonymous, Service.name.label("service"),
            Visit.status, Visit.ticket, Visit.back_from, Visit.waiting_since, Visit.start_time, Visit.call_count,
        )
        .join(Patient, Patient.id == Appointment.patient_id)
        .join(Service, Service.id == Appointment.service_id)
        .join(Visit, Visit.appointment_id == Appointment.id)
        .where(
            Appointment.clinic_id == scope.viewer.clinic_id,
            Appointment.day.between(scope.days[0], scope.days[-1]),
            Appointment.status != AppointmentStatus.CANCELLED,
            *scope.only(Appointment),
        )
        .order_by(Appointment.starts_at, Appointment.id)
    )  # fmt: skip
    return list(core(query))


def closed_days(viewer: Actor, first: date, last: date) -> dict[date, str]:
    """Days on which the whole clinic is closed, and why."""
    query = select(ClosedDay.day, ClosedDay.name).where(
        ClosedDay.clinic_id == viewer.clinic_id, ClosedDay.day.between(first, last)
    )
    return {day: name for day, name in core(query)}


def absences(scope: Scope) -> list[Any]:
    """doctor_id, starts_at, ends_at, kind of the absences that reach into the days."""
    first, last = scope.bounds
    query = select(Absence.doctor_id, Absence.starts_at, Absence.ends_at, Absence.kind).where(
        Absence.clinic_id == scope.viewer.clinic_id, Absence.starts_at < last, Absence.ends_at > first,
        Absence.ended_at.is_(None),
    )  # fmt: skip
    return list(core(query))


def closures(scope: Scope) -> list[Any]:
    """room_id, starts_at, ends_at, kind of the rooms that are closed for a while."""
    first, last = scope.bounds
    query = select(
        RoomMaintenance.room_id, RoomMaintenance.starts_at, RoomMaintenance.ends_at, RoomMaintenance.kind
    ).where(
        RoomMaintenance.clinic_id == scope.viewer.clinic_id,
        RoomMaintenance.starts_at < last,
        RoomMaintenance.ends_at > first,
        RoomMaintenance.status.in_([MaintenanceStatus.SCHEDULED, MaintenanceStatus.IN_PROGRESS]),
    )
    return list(core(query))


def named(kind: Any, viewer: Actor, idents: set[int], *more: Any) -> dict[int, Any]:
    """The doctors or rooms with these ids."""
    query = select(kind).where(kind.clinic_id == viewer.clinic_id, kind.id.in_(idents)).options(*more)
    return {row.id: row for row in db.session.scalars(query)}
