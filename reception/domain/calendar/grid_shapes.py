"""The shapes of the calendar's grid: columns, and what stands in them in minutes from the top."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from reception.domain.calendar.grid_lanes import Block, More

MINUTE = timedelta(minutes=1)


def whole_minutes(span: timedelta) -> int:
    return int(span / MINUTE)


@dataclass(frozen=True, slots=True)
class Cell:
    """A slot, minutes from the top. `doctor_id`: whose."""

    at: int
    to: int
    capacity: int
    taken: int
    is_open: bool
    doctor_id: int

    @property
    def is_counted(self) -> bool:
        """Whether it is said how many of its places are taken: where there are several, or more are taken than there are."""
        return self.taken > self.capacity or (self.capacity > 1 and self.taken > 0)


@dataclass(slots=True)
class Shift:
    """Open hours, drawn in slots of so many minutes. `seat`: the room, in a room's column the doctor."""

    at: int
    to: int
    slot_minutes: int
    doctor_id: int
    ident: int
    seat: Any = None


@dataclass(frozen=True, slots=True)
class Shut:
    """Closed hours. `why`: opens, pause, over, none, away, day, room or shut; `detail`: until when, or what for."""

    at: int
    to: int
    why: str
    detail: Any = None


@dataclass(slots=True)
class Column:
    """One doctor's or room's day. `now`: minutes from the top, None where the present is not in it."""

    day: date
    ident: int
    origin: datetime
    minutes: int = 0
    owner: Any = None
    """The Doctor or Room; None in a week, and for appointments without a room."""
    shifts: list[Shift] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    more: list[More] = field(default_factory=list)
    shut: list[Shut] = field(default_factory=list)
    marks: list[tuple[int, datetime]] = field(default_factory=list)
    free: int = 0
    total: int = 0
    taken: int = 0
    is_over: bool = False
    now: int | None = None
    seats: list[Any] = field(default_factory=list)
    """Where the doctor sits that day; in which doctors' hands the room is."""

    @property
    def end(self) -> datetime:
        """When the last hour of the column ends."""
        return self.origin + self.minutes * MINUTE

    def place(self, starts_at: datetime, ends_at: datetime) -> tuple[int, int]:
        """Minutes from the top, cut at both ends."""
        first, last = whole_minutes(starts_at - self.origin), whole_minutes(ends_at - self.origin)
        return max(first, 0), min(last, self.minutes)

    def when(self, at: int) -> datetime:
        return self.origin + at * MINUTE

    @property
    def lanes(self) -> int:
        """The most that stand side by side."""
        return max((block.lanes for block in self.blocks), default=1)


@dataclass(slots=True)
class Grid:
    """`minutes` high, in rows of `unit` minutes. `hours`: minute from the top and the instant written beside it."""

    columns: list[Column]
    minutes: int
    unit: int
    hours: list[tuple[int, datetime]]
    counts: dict[str, int]
    closed: dict[date, str]

    @property
    def free(self) -> int:
        return sum(column.free for column in self.columns)

    @property
    def smallest(self) -> int:
        """Minutes of the shortest slot: how far the grid has to be drawn apart."""
        return min((shift.slot_minutes for column in self.columns for shift in column.shifts), default=15)
