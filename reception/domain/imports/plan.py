"""Doctors and times for appointments that have neither. Pure arithmetic: no database, no clock.

The rule: as many doctors as the fullest day needs when each sees a patient every quarter hour from 08:00 to 18:00 (and at
least as many as one person has appointments on a day). A day's appointments are taken in the order in which they were
booked; each gets the earliest quarter hour at which a doctor is free whom the person does not see on that day already,
after the end of the person's appointment before it, and, where it was booked on the very day, not before it was booked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from reception.domain.imports.appointments import Booking

OPENS = 8
MINUTES = 15
USUAL = 40
"""Quarter hours from 08:00 to 18:00."""
LAST = 64
"""Quarter hours from 08:00 to midnight: a day that was booked until late goes on until then."""


def doctors_needed(fullest_day: int, most_of_one: int) -> int:
    """How many doctors the rule asks for."""
    return max(-(-fullest_day // USUAL), most_of_one)


@dataclass(frozen=True, slots=True)
class Place:
    """A booking with its doctor (a number from 0) and its quarter hour after 08:00 (from 0)."""

    booking: Booking
    doctor: int
    quarter: int


@dataclass
class DayPlan:
    """One day's places: what is taken already, and then what the rule gives."""

    doctors: int
    free: dict[int, list[int]] = field(default_factory=dict)
    seen: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    until: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    first: int = 0

    def occupy(self, person: str, doctor: int, quarter: int) -> None:
        """What an earlier import gave away."""
        self._free(quarter)
        if doctor in self.free[quarter]:
            self.free[quarter].remove(doctor)
        self._remember(person, doctor, quarter)

    def give(self, bookings: Iterable[Booking]) -> list[Place]:
        """A place for each booking, in the rule's order; a booking for which the day has none is left out."""
        found = (self._place(b) for b in sorted(bookings, key=lambda b: (b.booked_at, b.row)))
        return [place for place in found if place is not None]

    def _place(self, booking: Booking) -> Place | None:
        start = max(self.first, self.until[booking.person], _earliest(booking))
        for quarter in range(start, LAST):
            for doctor in self._free(quarter):
                if doctor not in self.seen[booking.person]:
                    self.free[quarter].remove(doctor)
                    self._remember(booking.person, doctor, quarter)
                    return Place(booking, doctor, quarter)
            if not self.free[quarter] and quarter == self.first:
                self.first += 1
        return None

    def _free(self, quarter: int) -> list[int]:
        return self.free.setdefault(quarter, list(range(self.doctors)))

    def _remember(self, person: str, doctor: int, quarter: int) -> None:
        self.seen[person].add(doctor)
        self.until[person] = max(self.until[person], quarter + 1)


def _earliest(booking: Booking) -> int:
    """The first quarter hour that begins no earlier than the booking was made."""
    if booking.booked_at.date() != booking.day:
        return 0
    minutes = (booking.booked_at.hour - OPENS) * 60 + booking.booked_at.minute + (booking.booked_at.second > 0)
    return max(0, -(-minutes // MINUTES))
