"""The calendar as a grid: a column for each doctor, room or day.

A column counts the minutes that really pass from its first hour on, so a day on which the clocks change is as long as it
is; `Column.marks` then says its hours, which are no longer those of the grid.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from math import gcd
from typing import Any

from sqlalchemy.orm import joinedload

from reception import clock
from reception.domain.actors import Actor
from reception.domain.calendar import grid_rows
from reception.domain.calendar.booking import GRACE
from reception.domain.calendar.grid_lanes import Block, lay
from reception.domain.calendar.grid_rows import Rows, Scope
from reception.domain.calendar.grid_shapes import Cell, Column, Grid, Shift, whole_minutes
from reception.domain.calendar.grid_shut import shut
from reception.models import AppointmentStatus, Doctor, Room

WEEK = 7
Key = tuple[date, int]
"""A column: its day and the doctor's or room's id, 0 for no room."""
Kept = dict[Key, list[Any]]


def of_day(
    viewer: Actor, day: date, at: datetime, *, by: str = "doctor", ident: int | None = None,
    department_id: int | None = None,
) -> Grid:  # fmt: skip
    """A column for each doctor (or room) with a shift or an appointment on `day`; the viewer's own line first."""
    scope = Scope(viewer, (day,), by, ident, department_id)
    rows = grid_rows.read(scope, at)
    return _grid(scope, rows, _owners(scope, rows, day), at)


def of_week(viewer: Actor, first: date, at: datetime, *, by: str = "doctor", ident: int) -> Grid:
    """A column for each of seven days of one doctor (or room)."""
    days = tuple(first + timedelta(days=n) for n in range(WEEK))
    scope = Scope(viewer, days, by, ident)
    return _grid(scope, grid_rows.read(scope, at), {(day, ident): None for day in days}, at)


def _grid(scope: Scope, rows: Rows, owners: dict[Key, Any], at: datetime) -> Grid:
    shifts, appointments = _by_column(scope, rows, owners)
    held = _held(scope, rows)
    hour = _first_hour(scope, shifts, appointments)
    columns = [Column(day, ident, _origin(scope, day, hour), owner=owner) for (day, ident), owner in owners.items()]
    minutes = _height(scope, columns, shifts, appointments, hour)
    for column in columns:
        key = column.day, column.ident
        column.minutes = minutes
        _fill(column, shifts[key], rows, at)
        _place(column, appointments[key], held[key], rows)
        column.shut = shut(column, rows, scope)
        column.marks = _marks(column, scope)
    _seat(scope, columns, shifts)
    origin = columns[0].origin if columns else _origin(scope, scope.days[0], hour)
    counts = Counter(str(row.status) for row in rows.appointments)
    return Grid(columns, minutes, _unit(columns), _hours(origin, minutes), dict(counts), rows.closed)


def _owners(scope: Scope, rows: Rows, day: date) -> dict[Key, Any]:
    """Doctors by department and name, the viewer's own first; rooms by name, what has no room last."""
    idents = {scope.column_of(row) for row in (*rows.shifts, *rows.appointments)}
    if scope.by == "room":
        idents |= {row.room_id for row in rows.closures if scope.ident in (None, row.room_id)}
        rooms = grid_rows.named(Room, scope.viewer, idents)
        found = {(day, r.id): r for r in sorted(rooms.values(), key=lambda r: (r.building, r.name, r.id))}
        return found | ({(day, 0): None} if 0 in idents else {})
    doctors = grid_rows.named(Doctor, scope.viewer, idents, joinedload(Doctor.department))
    own = scope.viewer.doctor_id
    ranked = sorted(doctors.values(), key=lambda d: (d.id != own, d.department.code, d.last_name, d.id))
    return {(day, doctor.id): doctor for doctor in ranked}


def _by_column(scope: Scope, rows: Rows, keys: Iterable[Key]) -> tuple[Kept, Kept]:
    """Shifts and appointments by column; a shift over midnight stands in both days."""
    shifts: Kept = defaultdict(list)
    appointments: Kept = defaultdict(list)
    bounds = {day: clock.day_bounds(day, scope.viewer.clinic) for day, _ in keys}
    for row in rows.shifts:
        for day, (first, last) in bounds.items():
            if row.starts_at < last and row.ends_at > first:
                shifts[day, scope.column_of(row)].append(row)
    for row in rows.appointments:
        appointments[row.day, scope.column_of(row)].append(row)
    return shifts, appointments


def _held(scope: Scope, rows: Rows) -> Kept:
    """What is kept while somebody books, in the column of its shift on its own day."""
    columns = {row.id: scope.column_of(row) for row in rows.shifts}
    found: Kept = defaultdict(list)
    for one in rows.held:
        if one.schedule_id in columns:
            found[clock.service_day(one.starts_at, scope.viewer.clinic), columns[one.schedule_id]].append(one)
    return found


# ----------------------------------------------------------------------------------------------------- the time axis


def _first_hour(scope: Scope, *kept: Kept) -> int:
    """The hour by the wall clock with which every column begins."""
    clinic = scope.viewer.clinic
    hours = [
        clock.local(max(row.starts_at, clock.day_bounds(day, clinic)[0]), clinic).hour
        for rows in kept
        for (day, _), found in rows.items()
        for row in found
    ]
    return min(hours, default=clinic.opens_at.hour)


def _origin(scope: Scope, day: date, hour: int) -> datetime:
    """When the hour begins on `day`; where it is left out, when the clocks are put forward."""
    clinic = scope.viewer.clinic
    found = clock.instant(day, time(hour), clinic)
    return found or clock.instant(day, time(hour + 1), clinic) or clock.day_bounds(day, clinic)[0]


def _height(scope: Scope, columns: list[Column], shifts: Kept, appointments: Kept, hour: int) -> int:
    """Minutes in whole hours, so that everything ends in them; as long as the clinic is open where nothing is planned."""
    ends = [0]
    for column in columns:
        last = clock.day_bounds(column.day, scope.viewer.clinic)[1]
        for row in (*shifts[column.day, column.ident], *appointments[column.day, column.ident]):
            ends.append(whole_minutes(min(row.ends_at, last) - column.origin))
    usual = (scope.viewer.clinic.closes_at.hour - hour) * 60
    return -(-(max(ends) or max(usual, 60)) // 60) * 60


def _hours(origin: datetime, minutes: int, step: int = 30) -> list[tuple[int, datetime]]:
    return [(at, origin + timedelta(minutes=at)) for at in range(0, minutes, step)]


def _marks(column: Column, scope: Scope) -> list[tuple[int, datetime]]:
    """The hours of a week's column in which the clocks change."""
    clinic = scope.viewer.clinic
    first, last = clock.local(column.origin, clinic), clock.local(column.end - timedelta(minutes=1), clinic)
    if len(scope.days) == 1 or first.utcoffset() == last.utcoffset():
        return []
    return _hours(column.origin, column.minutes, 60)


def _unit(columns: list[Column]) -> int:
    """The greatest number of minutes that divides everything."""
    unit = 15
    for column in columns:
        for parts in (column.cells, column.blocks, column.shifts, column.shut, column.more):
            for part in parts:
                unit = gcd(unit, part.at, part.to)
    return unit


# ------------------------------------------------------------------------------------------------------- one column


def _fill(column: Column, shifts: list[Any], rows: Rows, at: datetime) -> None:
    """Shifts, slots and what is free in them from now on."""
    column.shifts = [
        Shift(*column.place(row.starts_at, row.ends_at), row.slot_minutes, row.doctor_id, row.id)
        for row in shifts
        if row.ends_at > column.origin
    ]
    slots = [
        (slot, row.doctor_id)
        for row in shifts
        for slot in rows.slots.get(row.id, ())
        if column.origin <= slot.starts_at < column.end
    ]
    for slot, doctor_id in sorted(slots):
        place = column.place(slot.starts_at, slot.ends_at)
        column.cells.append(Cell(*place, slot.capacity, slot.taken, slot.is_open, doctor_id))
        if not slot.is_open:
            continue
        column.total += slot.capacity
        column.taken += min(slot.taken, slot.capacity)
        if slot.starts_at >= at - GRACE:
            column.free += max(slot.capacity - slot.taken, 0)
    column.is_over = all(row.ends_at <= at for row in shifts)
    now = whole_minutes(at - column.origin)
    column.now = now if 0 <= now < column.minutes else None


def _place(column: Column, appointments: list[Any], held: list[Any], rows: Rows) -> None:
    """Every appointment in its lane, and beside them what is kept."""
    blocks = []
    for row in appointments:
        is_gone = row.standing == AppointmentStatus.NO_SHOW
        blocks.append(Block(row, *column.place(row.starts_at, row.ends_at), row.id in rows.beyond, is_gone))
    blocks += [Block(one, *column.place(one.starts_at, one.ends_at), is_held=True) for one in held]

    def capacity(first: int, last: int) -> int:
        return max((cell.capacity for cell in column.cells if cell.at < last and cell.to > first), default=1)

    column.blocks, column.more = lay(blocks, capacity)


def _seat(scope: Scope, columns: list[Column], shifts: Kept) -> None:
    """Name the other half: the rooms of doctors, the doctors of rooms."""
    kind: Any = Room if scope.by == "doctor" else Doctor
    other = "room_id" if scope.by == "doctor" else "doctor_id"
    names = grid_rows.named(kind, scope.viewer, {getattr(r, other) for rows in shifts.values() for r in rows} - {None})
    for column in columns:
        seen = dict.fromkeys(getattr(row, other) for row in shifts[column.day, column.ident])
        column.seats = [names[ident] for ident in seen if ident in names]
        found = {row.id: names.get(getattr(row, other)) for row in shifts[column.day, column.ident]}
        for shift in column.shifts:
            shift.seat = found[shift.ident]
