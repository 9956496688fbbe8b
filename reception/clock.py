"""The only clock of the house: aware UTC instants and the clinic's own date.

`RECEPTION_NOW` (development and tests) moves the clock's start; it goes on from there at the usual pace.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

_shift = timedelta(0)


class HasZone(Protocol):
    """Whatever lives in a time zone: a clinic."""

    @property
    def time_zone(self) -> str: ...


def start_at(start: datetime | None) -> None:
    """Let the clock stand at `start` (aware) now and run on from there; None: the real time."""
    global _shift
    _shift = timedelta(0) if start is None else start.astimezone(UTC) - datetime.now(UTC)


def now() -> datetime:
    """The present instant, aware UTC."""
    return datetime.now(UTC) + _shift


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """The time zone called `name` (IANA). Raises ZoneInfoNotFoundError."""
    return ZoneInfo(name)


def today(clinic: HasZone) -> date:
    """The clinic's date now: its service day."""
    return local(now(), clinic).date()


def local(at: datetime, clinic: HasZone) -> datetime:
    """The instant `at` (aware) on the clinic's wall clock."""
    return at.astimezone(zone(clinic.time_zone))


def service_day(at: datetime, clinic: HasZone) -> date:
    """The clinic's date of the instant `at` (aware)."""
    return local(at, clinic).date()


def instant(day: date, wall: time, clinic: HasZone) -> datetime | None:
    """The UTC instant of wall time `wall` on `day`; None in the hour that a change of clock leaves out.

    A repeated hour means its first passage (fold=0).
    """
    stamp = datetime.combine(day, wall, tzinfo=zone(clinic.time_zone))
    at = stamp.astimezone(UTC)
    return at if at.astimezone(stamp.tzinfo).replace(tzinfo=None) == stamp.replace(tzinfo=None) else None


def nearest_instant(day: date, wall: time, clinic: HasZone) -> datetime:
    """As `instant`; in the hour that a change of clock leaves out, the instant of the change: a weekly shift goes on."""
    if (found := instant(day, wall, clinic)) is not None:
        return found
    tz = zone(clinic.time_zone)
    stamp = datetime.combine(day, wall)
    after = stamp.replace(tzinfo=tz).astimezone(UTC)  # read with the offset of before: behind the change
    before = stamp.replace(tzinfo=tz, fold=1).astimezone(UTC)
    offset = before.astimezone(tz).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(tz).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def day_bounds(day: date, clinic: HasZone) -> tuple[datetime, datetime]:
    """Half-open [first, next) UTC instants of the clinic's date `day`; 23 to 25 hours where clocks change."""
    tz = zone(clinic.time_zone)
    first = datetime.combine(day, time(), tzinfo=tz)
    following = datetime.combine(day + timedelta(days=1), time(), tzinfo=tz)
    return first.astimezone(UTC), following.astimezone(UTC)
