"""What is hatched in a column: hours without a shift, slots that were closed, a room's closure; and why."""

from __future__ import annotations

from typing import Any

from reception.domain.calendar.grid_rows import Rows, Scope
from reception.domain.calendar.grid_shapes import Cell, Column, Shut


def shut(column: Column, rows: Rows, scope: Scope) -> list[Shut]:
    """The closed hours of the column, each once."""
    found = _by_room(column, rows) if scope.by == "room" else _by_doctor(column, rows, scope)
    for first, last in _runs(column.cells):
        if not any(part.at <= first and part.to >= last for part in found):
            found.append(Shut(first, last, *(_why(column, rows, scope, first, last) or ("shut",))))
    return found


def _by_doctor(column: Column, rows: Rows, scope: Scope) -> list[Shut]:
    found, reached = [], 0
    for shift in sorted(column.shifts, key=lambda shift: shift.at):
        if shift.at > reached:
            told = _why(column, rows, scope, reached, shift.at)
            found.append(Shut(reached, shift.at, *(told or ("pause" if reached else "opens", column.when(shift.at)))))
        reached = max(reached, shift.to)
    if reached < column.minutes:
        told = _why(column, rows, scope, reached, column.minutes)
        usual = ("over", column.when(reached)) if reached else ("none", None)
        found.append(Shut(reached, column.minutes, *(told or usual)))
    return found


def _by_room(column: Column, rows: Rows) -> list[Shut]:
    if column.day in rows.closed:
        return [Shut(0, column.minutes, "day", rows.closed[column.day])]
    return [
        Shut(*column.place(row.starts_at, row.ends_at), "room", row.kind)
        for row in rows.closures
        if row.room_id == column.ident and row.starts_at < column.end and row.ends_at > column.origin
    ]


def _runs(cells: list[Cell]) -> list[tuple[int, int]]:
    """Stretches of closed slots."""
    runs: list[tuple[int, int]] = []
    for cell in cells:
        if cell.is_open:
            continue
        if runs and runs[-1][1] == cell.at:
            runs[-1] = (runs[-1][0], cell.to)
        else:
            runs.append((cell.at, cell.to))
    return runs


def _why(column: Column, rows: Rows, scope: Scope, first: int, last: int) -> tuple[str, Any] | None:
    """What the clinic knows of closed minutes: a closed day, an absence, the closure of the shift's room."""
    if column.day in rows.closed:
        return "day", rows.closed[column.day]
    begins, ends = column.when(first), column.when(last)
    doctors = {cell.doctor_id for cell in column.cells if cell.at < last and cell.to > first}
    if scope.by == "doctor":
        doctors.add(column.ident)
    near = [row for row in rows.shifts if row.doctor_id in doctors and row.starts_at < ends and row.ends_at > begins]
    for row in rows.absences:
        if row.doctor_id in doctors and row.starts_at < ends and row.ends_at > begins:
            return "away", row.kind
    for row in rows.closures:
        if row.room_id in {shift.room_id for shift in near} and row.starts_at < ends and row.ends_at > begins:
            return "room", row.kind
    return None
