"""The calendar from further away: how many are booked and what is free, by day and by doctor or room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import joinedload

from reception import clock
from reception.domain.actors import Actor
from reception.domain.calendar import grid_rows
from reception.domain.calendar.booking import GRACE
from reception.domain.calendar.grid_rows import Scope
from reception.domain.calendar.places import taken_in_slot
from reception.extensions import core
from reception.models import Appointment, AppointmentStatus, Doctor, Room, Schedule, Slot

WEEK = timedelta(days=7)
STANDING = (AppointmentStatus.CONFIRMED, AppointmentStatus.CHECKED_IN, AppointmentStatus.COMPLETED)


@dataclass(slots=True)
class Load:
    """A day of somebody, or of everybody. `free`: places from now on; `total`: all places of the day."""

    booked: int = 0
    free: int = 0
    total: int = 0

    @property
    def percent(self) -> int:
        """How full the day is, at most 100."""
        return min(self.booked * 100 // self.total, 100) if self.total else (100 if self.booked else 0)

    def add(self, other: Load) -> None:
        self.booked += other.booked
        self.free += other.free
        self.total += other.total


@dataclass(frozen=True, slots=True)
class Week:
    """Each doctor's or room's seven days."""

    days: list[date]
    rows: list[tuple[Any, list[Load]]]
    sums: list[Load]
    closed: dict[date, str]


@dataclass(frozen=True, slots=True)
class Month:
    """Whole weeks around a month."""

    weeks: list[list[date]]
    loads: dict[date, Load]
    closed: dict[date, str]


def of_week(
    viewer: Actor, first: date, at: datetime, *, by: str = "doctor", department_id: int | None = None
) -> Week:  # fmt: skip
    """The seven days from `first` on of everybody who has a shift or an appointment in them."""
    days = [first + timedelta(days=n) for n in range(7)]
    scope = Scope(viewer, tuple(days), by, None, department_id)
    loads = _loads(scope, at)
    idents = {ident for _, ident in loads}
    kind: Any = Doctor if by == "doctor" else Room
    more = (joinedload(Doctor.department),) if by == "doctor" else ()
    found = grid_rows.named(kind, viewer, idents, *more)
    rows = [
        (owner, [loads.get((day, owner.id), Load()) for day in days]) for owner in sorted(found.values(), key=_rank)
    ]
    if 0 in idents:
        rows.append((None, [loads.get((day, 0), Load()) for day in days]))
    sums = [Load() for _ in days]
    for _, row in rows:
        for total, load in zip(sums, row, strict=True):
            total.add(load)
    return Week(days, rows, sums, grid_rows.closed_days(viewer, days[0], days[-1]))


def of_month(
    viewer: Actor, first: date, last: date, at: datetime, *, by: str = "doctor", ident: int | None = None,
    department_id: int | None = None,
) -> Month:  # fmt: skip
    """Each day from `first` to `last`, both the edges of weeks."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    loads = {day: Load() for day in days}
    for (day, _), load in _loads(Scope(viewer, tuple(days), by, ident, department_id), at).items():
        loads[day].add(load)
    return Month([days[n : n + 7] for n in range(0, len(days), 7)], loads, grid_rows.closed_days(viewer, first, last))


def _rank(owner: Any) -> Any:
    if isinstance(owner, Doctor):
        return owner.department.code, owner.last_name, owner.id
    return owner.building, owner.name, owner.id


def _loads(scope: Scope, at: datetime) -> dict[tuple[date, int], Load]:
    loads: dict[tuple[date, int], Load] = {}
    column: Any = Appointment.doctor_id if scope.by == "doctor" else Appointment.room_id
    booked = (
        select(Appointment.day, func.coalesce(column, 0), func.count())
        .where(
            Appointment.clinic_id == scope.viewer.clinic_id,
            Appointment.day.between(scope.days[0], scope.days[-1]),
            Appointment.status.in_(STANDING),
            *scope.only(Appointment),
        )
        .group_by(Appointment.day, column)
    )
    for day, ident, count in core(booked):
        loads[day, ident] = Load(booked=count)
    today = clock.service_day(at, scope.viewer.clinic)
    for day, ident, total, free in (*core(_places(scope, today, None)), *core(_places(scope, today, at))):
        load = loads.setdefault((day, ident), Load())
        load.total, load.free = int(total), int(free)
    return loads


def _places(scope: Scope, today: date, at: datetime | None) -> Any:
    """Places by day and column: of the days before `today`, where nothing is free, or with `at` of those from it on."""
    column: Any = Schedule.doctor_id if scope.by == "doctor" else Schedule.room_id
    free: Any = Slot.capacity * 0
    if at:
        left = Slot.capacity - taken_in_slot(at)
        free = case((Slot.starts_at >= at - GRACE, case((left > 0, left), else_=0)), else_=0)
    return (
        select(Schedule.day, func.coalesce(column, 0), func.sum(Slot.capacity), func.sum(free))
        .join(Slot, Slot.schedule_id == Schedule.id)
        .where(
            Schedule.clinic_id == scope.viewer.clinic_id,
            Schedule.is_open.is_(True),
            Slot.is_open.is_(True),
            Schedule.day.between(scope.days[0], scope.days[-1]),
            Schedule.day >= today if at else Schedule.day < today,
            *scope.only(Schedule),
        )
        .group_by(Schedule.day, column)
    )
