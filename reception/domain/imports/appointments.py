"""Appointments as the public no-show set writes them: who, booked when, for which day, and whether they came.

The file knows no doctors, rooms, times of day, names or money. What is put in their place is a rule, said by the
command and in docs/import.md; what is impossible is named by its row and left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from reception.domain.errors import Invalid
from reception.domain.imports.files import Row, Table, Unreadable, cut
from reception.words import N_

COLUMNS = ("PatientId", "AppointmentID", "Gender", "ScheduledDay", "AppointmentDay", "Age", "Neighbourhood", "No-show")
OLDEST = 130
LONGEST_ID = 40


@dataclass(frozen=True, slots=True)
class Booking:
    """One good row. `booked_at` has no zone: it is the clinic's wall clock, whatever letter the file puts behind it."""

    row: int
    line: int
    key: str
    person: str
    booked_at: datetime
    day: date
    came: bool


@dataclass(frozen=True, slots=True)
class Person:
    """What the file says of somebody, on the first row that names them."""

    number: str
    is_woman: bool
    born: date
    address: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that cannot be: where it is, and why."""

    row: int
    line: int
    why: str


@dataclass
class Reading:
    """A file, read and checked; nothing of it is stored yet. `bookings` by day, each day in the order of the file."""

    rows: int = 0
    days: dict[date, list[Booking]] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(map(len, self.days.values()))

    def per_day(self) -> Iterator[tuple[date, int, int]]:
        """(day, booked, did not come), in order."""
        for day, bookings in sorted(self.days.items()):
            yield day, len(bookings), sum(not b.came for b in bookings)


def read(path: Path) -> Reading:
    """Read and check the whole file. Raises Unreadable where no row of it can be trusted, or none is good."""
    table, reading = Table(path, COLUMNS), Reading()
    seen: dict[str, int] = {}
    for row in table.rows():
        reading.rows += 1
        try:
            booking, person = _checked(row, seen)
        except Invalid as problem:
            if row.is_cut:
                raise cut(row.line) from None
            reading.problems.append(Problem(row.number, row.line, str(problem)))
            continue
        reading.days.setdefault(booking.day, []).append(booking)
        reading.people.setdefault(person.number, person)
    reading.unused = table.others
    if not reading.rows:
        raise Unreadable(N_("The file has a header and no rows."))
    if not reading.count:
        first = reading.problems[0]
        raise Unreadable(
            N_("None of the %(rows)s rows can be imported. Row %(row)s: %(why)s."),
            rows=reading.rows, row=first.row, why=first.why,
        )  # fmt: skip
    return reading


def _checked(row: Row, seen: dict[str, int]) -> tuple[Booking, Person]:
    cells = row.cells
    key, number = (_number(cells[name], name) for name in ("AppointmentID", "PatientId"))
    if cells["Gender"] not in ("F", "M"):
        raise Invalid("the gender “%(value)s” is neither F nor M", value=cells["Gender"][:20])
    if cells["No-show"] not in ("Yes", "No"):
        raise Invalid("“%(value)s” under No-show is neither Yes nor No", value=cells["No-show"][:20])
    booked_at, day = (
        _instant(cells["ScheduledDay"], "ScheduledDay"),
        _instant(cells["AppointmentDay"], "AppointmentDay"),
    )
    if booked_at.date() > day.date():
        raise Invalid("booked on %(booked)s, after its day %(day)s", booked=booked_at.date(), day=day.date())
    age = cells["Age"]
    if not (age.isascii() and age.isdigit() and len(age) < 4 and int(age) <= OLDEST):
        raise Invalid("the age “%(value)s” is not from 0 to %(most)s", value=age[:20], most=OLDEST)
    if len(cells["Neighbourhood"]) > 200:
        raise Invalid("the neighbourhood is longer than 200 characters")
    if key in seen:
        raise Invalid("appointment %(key)s is in row %(row)s already", key=key, row=seen[key])
    seen[key] = row.number
    person = Person(number, cells["Gender"] == "F", date(day.year - int(age), 1, 1), cells["Neighbourhood"].strip())
    return Booking(row.number, row.line, key, number, booked_at, day.date(), cells["No-show"] == "No"), person


def _number(text: str, name: str) -> str:
    """A number of the file, kept as text: some are too long for a float, some are written as one."""
    if not text or len(text) > LONGEST_ID or not text.isascii() or not text.isprintable() or " " in text:
        raise Invalid("%(name)s “%(value)s” is not a number", name=name, value=text[:20])
    return text


def _instant(text: str, name: str) -> datetime:
    try:
        if len(text) not in (10, 19, 20) or (len(text) == 20 and text[-1] != "Z"):
            raise ValueError
        return datetime.fromisoformat(text.removesuffix("Z"))
    except ValueError:
        raise Invalid("%(name)s “%(value)s” is not a date", name=name, value=text[:30]) from None


def busiest(reading: Reading) -> tuple[int, int]:
    """(appointments of the fullest day, most appointments of one person on a day)."""
    most = max(max(Counter(b.person for b in bookings).values()) for bookings in reading.days.values())
    return max(map(len, reading.days.values())), most
