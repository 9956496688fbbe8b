"""Calendar files for programs outside the house: what keeps a doctor busy, one appointment for a patient.

Times stand on the clinic's wall clock, and the file says itself when that clock is changed, so that no program needs
to know the zone. The second passage of a repeated hour cannot be said on a wall clock and stands in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone, TimezoneDaylight, TimezoneStandard, vCalAddress

from reception import clock
from reception.clock import HasZone

PRODUCT = "-//Reception//Reception//EN"
NO_ADDRESS = "invalid:nomail"
"""How calendars write an organizer who has no mail address."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. `uid` never changes, `version` grows with each change; `is_free`: it keeps nobody busy."""

    uid: str
    starts_at: datetime
    ends_at: datetime
    title: str
    changed_at: datetime
    version: int = 0
    is_cancelled: bool = False
    is_free: bool = False
    place: str = ""
    text: str = ""


def feed(entries: Iterable[Entry], clinic: HasZone, name: str) -> bytes:
    """A calendar to subscribe to: all entries as they stand."""
    calendar = _calendar("PUBLISH")
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    calendar.add("x-wr-timezone", clinic.time_zone)
    calendar.add("refresh-interval", timedelta(minutes=15), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT15M")
    return _filled(calendar, list(entries), clinic)


def single(entry: Entry, clinic: HasZone, organizer: str) -> bytes:
    """One appointment to put into a calendar; a cancelled one takes it out again."""
    calendar = _calendar("CANCEL" if entry.is_cancelled else "PUBLISH")
    return _filled(calendar, [entry], clinic, organizer)


def _calendar(method: str) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    return calendar


def _filled(calendar: Calendar, entries: list[Entry], clinic: HasZone, organizer: str = "") -> bytes:
    zone = clock.zone(clinic.time_zone)
    events = [_event(entry, zone, organizer) for entry in entries]
    if entries and not _is_utc(zone):
        first = min(entry.starts_at for entry in entries)
        last = max(entry.ends_at for entry in entries)
        calendar.add_component(_timezone(zone, first, last))
    for event in events:
        calendar.add_component(event)
    return calendar.to_ical()


def _event(entry: Entry, zone: ZoneInfo, organizer: str) -> Event:
    event = Event()
    event.add("uid", entry.uid)
    event.add("dtstamp", entry.changed_at.astimezone(UTC))
    event.add("last-modified", entry.changed_at.astimezone(UTC))
    event.add("sequence", entry.version)
    in_utc = _is_utc(zone) or any(at.astimezone(zone).fold for at in (entry.starts_at, entry.ends_at))
    event.add("dtstart", entry.starts_at.astimezone(UTC if in_utc else zone))
    event.add("dtend", entry.ends_at.astimezone(UTC if in_utc else zone))
    event.add("summary", entry.title)
    event.add("status", "CANCELLED" if entry.is_cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if entry.is_free or entry.is_cancelled else "OPAQUE")
    if entry.place:
        event.add("location", entry.place)
    if entry.text:
        event.add("description", entry.text)
    if organizer:
        who = vCalAddress(NO_ADDRESS)
        who.params["CN"] = organizer
        event.add("organizer", who)
    return event


def _is_utc(zone: ZoneInfo) -> bool:
    return zone.key.removeprefix("Etc/") in ("UTC", "UCT", "GMT", "Zulu", "Universal", "Greenwich")


# ------------------------------------------------------------------------------------------- the zone, written out


def _timezone(zone: ZoneInfo, first: datetime, last: datetime) -> Timezone:
    """The zone from a day before `first` to a day after `last`: how it stands, and each change of its clock."""
    found = Timezone()
    found.add("tzid", zone.key)
    begin = (first - timedelta(days=1)).astimezone(UTC).replace(microsecond=0)
    found.add_component(_observance(begin, begin, zone))
    for at in _changes(zone, begin, last + timedelta(days=1)):
        found.add_component(_observance(at, at - timedelta(seconds=1), zone))
    return found


def _observance(at: datetime, before: datetime, zone: ZoneInfo) -> TimezoneStandard | TimezoneDaylight:
    """The offset from `at` on; `before`: an instant at which the former one still holds. Begins in the former time."""
    now, former = at.astimezone(zone), before.astimezone(zone)
    found = TimezoneDaylight() if now.dst() else TimezoneStandard()
    offset, was = now.utcoffset() or timedelta(0), former.utcoffset() or timedelta(0)
    found.add("dtstart", (at + was).replace(tzinfo=None))
    found.add("tzoffsetfrom", was)
    found.add("tzoffsetto", offset)
    found.add("tzname", now.tzname() or "")
    return found


def _changes(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[datetime]:
    """The instants in (first, last] from which another offset holds, to the second. No zone changes twice in a day."""
    day, at = timedelta(days=1), first
    while at < last:
        low, high = at, at + day
        if _offset(low, zone) != _offset(high, zone):
            former = _offset(low, zone)
            while high - low > timedelta(seconds=1):
                middle = (low + (high - low) / 2).replace(microsecond=0)
                low, high = (middle, high) if _offset(middle, zone) == former else (low, middle)
            yield high
        at += day


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()
