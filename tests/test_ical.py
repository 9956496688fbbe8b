"""Calendar files, read back by another library that knows the zones only from the file itself."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import vobject

from reception import clock, ical

ZONES = [
    "Asia/Tashkent", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca",
    "Africa/Cairo", "America/St_Johns", "Pacific/Chatham", "Etc/UTC", "UTC",
]  # fmt: skip
YEAR = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 4, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
_files = itertools.count(1)


def clinic(zone: str) -> Any:
    return SimpleNamespace(time_zone=zone)


def entry(at: datetime, number: int = 1, **more: Any) -> ical.Entry:
    values = {"uid": f"u{number}", "starts_at": at, "ends_at": at + QUARTER, "title": "Busy", "changed_at": at}
    return ical.Entry(**(values | more))


def read(content: bytes) -> Any:
    """The file, its zone under a name that nobody has heard of: so only the file can say what it means."""
    nowhere = f"Nowhere/{next(_files)}"
    text = re.sub(r"TZID([:=])[\w/+-]+", rf"TZID\1{nowhere}", content.decode())
    return vobject.readOne(text)


def changes(zone: str) -> list[datetime]:
    """Instants at which the clocks are changed, to the quarter of an hour, asked of the zone itself."""
    quarters = [YEAR[0] + QUARTER * i for i in range((YEAR[1] - YEAR[0]) // QUARTER)]
    offsets = [at.astimezone(clock.zone(zone)).utcoffset() for at in quarters]
    return [at for at, one, two in zip(quarters[1:], offsets, offsets[1:], strict=False) if one != two]


@pytest.mark.parametrize("zone", ZONES)
def test_every_instant_comes_back_over_the_changes_of_clock(zone: str) -> None:
    """Around each change by quarters of an hour, the repeated hour included, and every two days between them."""
    instants = [YEAR[0] + timedelta(hours=53) * i for i in range(200)]
    for at in changes(zone):
        instants += [at + QUARTER * i for i in range(-14, 15)]
    file = ical.feed([entry(at, i) for i, at in enumerate(instants)], clinic(zone), "Dr. Novak")
    events = read(file).vevent_list
    assert len(events) == len(instants)
    for event, at in zip(events, instants, strict=True):
        assert event.dtstart.value.astimezone(UTC) == at
        assert event.dtend.value.astimezone(UTC) == at + QUARTER


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe"])
def test_times_stand_on_the_wall_clock_of_the_clinic(zone: str) -> None:
    for day in (date(2026, 1, 15), date(2026, 7, 15)):
        at = clock.instant(day, datetime(2026, 1, 1, 13).time(), clinic(zone))
        assert at is not None
        text = ical.single(entry(at), clinic(zone), "Riverside").decode()
        assert f"DTSTART;TZID={zone}:{day:%Y%m%d}T130000" in text
        assert f"TZID:{zone}" in text


def test_a_cancelled_appointment_is_taken_out_by_the_same_name() -> None:
    at = datetime(2026, 11, 20, 9, tzinfo=UTC)
    berlin = clinic("Europe/Berlin")
    first = read(ical.single(entry(at, place="Riverside, Room 101"), berlin, "Riverside"))
    moved = read(ical.single(entry(at + QUARTER, version=3), berlin, "Riverside"))
    gone = read(ical.single(entry(at + QUARTER, version=4, is_cancelled=True), berlin, "Riverside"))
    assert [c.method.value for c in (first, moved, gone)] == ["PUBLISH", "PUBLISH", "CANCEL"]
    events = [c.vevent for c in (first, moved, gone)]
    assert {e.uid.value for e in events} == {"u1"}
    assert [e.sequence.value for e in events] == ["0", "3", "4"]
    assert [e.status.value for e in events] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert events[0].location.value == "Riverside, Room 101"
    assert events[0].organizer.value == ical.NO_ADDRESS


def test_what_people_wrote_breaks_nothing() -> None:
    """Commas, line ends and another script; no line is longer than 75 bytes."""
    at = datetime(2026, 11, 20, 9, tzinfo=UTC)
    title = 'A; B, C\\n "D"\r\nBEGIN:VEVENT\nعيادة النهر ' + "王" * 60
    file = ical.single(entry(at, title=title, place=title), clinic("Asia/Tashkent"), title)
    found = read(file)
    assert len(found.vevent_list) == 1
    assert found.vevent.summary.value.replace("\r\n", "\n") == title.replace("\r\n", "\n")
    assert max(len(line) for line in file.split(b"\r\n")) <= 75


def test_the_same_entries_are_the_same_file() -> None:
    """So a program that asks again can be told that nothing changed."""
    at = datetime(2026, 11, 20, 9, tzinfo=UTC)
    one, two = (ical.feed([entry(at)], clinic("Africa/Casablanca"), "N") for _ in range(2))
    assert one == two
    assert read(ical.feed([], clinic("Africa/Casablanca"), "N")).name == "VCALENDAR"
