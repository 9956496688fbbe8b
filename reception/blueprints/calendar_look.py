"""What an address of the calendar asks for, and the addresses of what stands beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from flask import url_for
from werkzeug.datastructures import MultiDict

from reception.blueprints.calendar_forms import EARLIEST, LATEST, day_of, number_of

VIEWS = ("day", "week", "month", "list")
DAY, WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Look:
    """A view of the calendar: `by` doctor or room, of one of them, of a department, or of everybody."""

    view: str
    day: date
    by: str = "doctor"
    doctor: int | None = None
    room: int | None = None
    department: int | None = None

    @classmethod
    def of(cls, args: MultiDict[str, str], today: date) -> Look:
        """As the address says; `only` (doctor-7, room-2, department-3) is what the select sends. Raises Invalid."""
        view, by = args.get("view", ""), args.get("by", "")
        idents = {name: number_of(args.get(name)) for name in ("doctor", "room", "department")}
        if "only" in args:
            kind, _, number = args["only"].partition("-")
            idents = {name: number_of(number) if name == kind else None for name in idents}
        by = by if by in ("doctor", "room") else "doctor"
        other = "room" if by == "doctor" else "doctor"
        idents[other] = None
        if by == "room":
            idents["department"] = None
        return cls(view if view in VIEWS else "day", day_of(args.get("date"), today), by, **idents)

    @property
    def ident(self) -> int | None:
        """The one doctor or room."""
        return self.doctor if self.by == "doctor" else self.room

    @property
    def only(self) -> str:
        """The select's present value."""
        for name in ("doctor", "room", "department"):
            if getattr(self, name) is not None:
                return f"{name}-{getattr(self, name)}"
        return ""

    @property
    def monday(self) -> date:
        return self.day - self.day.weekday() * DAY

    @property
    def month(self) -> tuple[date, date]:
        """First and last day of the weeks around the month."""
        first = self.day.replace(day=1)
        last = (first + 31 * DAY).replace(day=1) - DAY
        return first - first.weekday() * DAY, last + (6 - last.weekday()) * DAY

    @property
    def days(self) -> list[date]:
        """The days whose changes this view shows."""
        if self.view == "week":
            return [self.monday + n * DAY for n in range(7)]
        if self.view == "month":
            first, last = self.month
            return [first + n * DAY for n in range((last - first).days + 1)]
        return [self.day]

    def before(self) -> Look:
        """The day, week or month before."""
        return self._at(
            {"week": self.day - WEEK, "month": self.day.replace(day=1) - DAY}.get(self.view, self.day - DAY)
        )

    def after(self) -> Look:
        month = (self.day.replace(day=1) + 31 * DAY).replace(day=1)
        return self._at({"week": self.day + WEEK, "month": month}.get(self.view, self.day + DAY))

    def _at(self, day: date) -> Look:
        return replace(self, day=_within(day))

    def url(self, **changes: Any) -> str:
        """The address of this view, or of one that differs in `changes`."""
        look = replace(self, **changes)
        return url_for(
            "calendar.index", view=look.view, date=look.day.isoformat(), by=look.by, doctor=look.doctor, room=look.room,
            department=look.department,
        )  # fmt: skip


def _within(day: date) -> date:
    return min(max(day, EARLIEST), LATEST)
