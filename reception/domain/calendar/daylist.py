"""The day list: a day of the clinic, doctor by doctor, in few queries however long it is."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import joinedload, selectinload

from reception.domain.actors import Actor
from reception.domain.calendar.booking import GRACE
from reception.domain.calendar.places import taken_in_slot
from reception.extensions import db
from reception.models import Appointment, Department, Doctor, Schedule, Slot

MOST = 60
"""Rows of a doctor before the rest is a link."""
MOST_ALONE = 500


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift with its places: `total`, and those still `free` from now on. `is_past`: nothing can be booked in it."""

    schedule: Schedule
    free: int
    total: int
    is_past: bool


@dataclass(slots=True)
class DoctorDay:
    """What a doctor has on the day. `rows`: the first of `count` appointments, in time order."""

    doctor: Doctor
    shifts: list[Shift] = field(default_factory=list)
    rows: list[Appointment] = field(default_factory=list)
    count: int = 0

    @property
    def free(self) -> int:
        return sum(shift.free for shift in self.shifts)

    @property
    def total(self) -> int:
        return sum(shift.total for shift in self.shifts)

    @property
    def is_past(self) -> bool:
        return all(shift.is_past for shift in self.shifts)


def of(viewer: Actor, day: date, at: datetime, *, doctor_id: int | None = None) -> list[DoctorDay]:
    """Every doctor with a shift or an appointment on `day`, by department and name; the viewer's own line first."""
    days: dict[int, DoctorDay] = {}
    shifts = _shifts(viewer, day, at, doctor_id)
    counts = _counts(viewer, day, doctor_id)
    for doctor in _doctors(viewer, {*shifts, *counts}):
        days[doctor.id] = DoctorDay(doctor, shifts.get(doctor.id, []), count=counts.get(doctor.id, 0))
    for appointment in _appointments(viewer, day, doctor_id):
        days[appointment.doctor_id].rows.append(appointment)
    return sorted(days.values(), key=lambda found: found.doctor.id != viewer.doctor_id)


def _shifts(viewer: Actor, day: date, at: datetime, doctor_id: int | None) -> dict[int, list[Shift]]:
    left = Slot.capacity - taken_in_slot(at)
    bookable = case((Slot.starts_at >= at - GRACE, case((left > 0, left), else_=0)), else_=0)
    query = (
        select(Schedule, func.sum(bookable), func.sum(Slot.capacity))
        .join(Slot, Slot.schedule_id == Schedule.id)
        .where(Schedule.clinic_id == viewer.clinic_id, Schedule.day == day, Schedule.is_open)
        .options(selectinload(Schedule.room))
        .group_by(Schedule.id)
        .order_by(Schedule.starts_at)
    )
    if doctor_id is not None:
        query = query.where(Schedule.doctor_id == doctor_id)
    found: dict[int, list[Shift]] = defaultdict(list)
    for schedule, free, total in db.session.execute(query):
        found[schedule.doctor_id].append(Shift(schedule, int(free), int(total), schedule.ends_at <= at))
    return found


def _counts(viewer: Actor, day: date, doctor_id: int | None) -> dict[int, int]:
    query = (
        select(Appointment.doctor_id, func.count())
        .where(Appointment.clinic_id == viewer.clinic_id, Appointment.day == day)
        .group_by(Appointment.doctor_id)
    )
    if doctor_id is not None:
        query = query.where(Appointment.doctor_id == doctor_id)
    return {doctor: count for doctor, count in db.session.execute(query)}


def _doctors(viewer: Actor, ids: set[int]) -> list[Doctor]:
    return list(
        db.session.scalars(
            select(Doctor)
            .join(Department, Department.id == Doctor.department_id)
            .where(Doctor.clinic_id == viewer.clinic_id, Doctor.id.in_(ids))
            .options(joinedload(Doctor.department), joinedload(Doctor.room))
            .order_by(Department.code, Doctor.last_name, Doctor.id)
        )
    )


def _appointments(viewer: Actor, day: date, doctor_id: int | None) -> list[Appointment]:
    order = (Appointment.starts_at, Appointment.id)
    place = func.row_number().over(partition_by=Appointment.doctor_id, order_by=order).label("place")
    ranked = select(Appointment.id, place).where(Appointment.clinic_id == viewer.clinic_id, Appointment.day == day)
    if doctor_id is not None:
        ranked = ranked.where(Appointment.doctor_id == doctor_id)
    inner = ranked.subquery()
    query = (
        select(Appointment)
        .join(inner, inner.c.id == Appointment.id)
        .where(inner.c.place <= (MOST if doctor_id is None else MOST_ALONE))
        .options(
            joinedload(Appointment.patient),
            joinedload(Appointment.service),
            joinedload(Appointment.visit),
        )
        .order_by(*order)
    )
    return list(db.session.scalars(query))
