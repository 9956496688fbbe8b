"""The demo's day: who came, who waits, who is in the room, who has to pay, all around the present instant.

Minutes are counted back from now and squeezed together where the service day is younger than four hours, so that it
works at 00:10 as at noon. Appointments stand on the shift's quarter hours; where these are used up people walk in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from reception import clock
from reception.demo.cards import MOTHERED, REFERRED, mother_of, with_home
from reception.demo.clinics import DAYS_AHEAD, DOCTORS, Desk
from reception.demo.names import MOTHERS, as_child, film_phones, people
from reception.demo.ways import Known, Script, Way
from reception.models import AppointmentSource, CashboxKind, Priority

QUARTER = timedelta(minutes=15)
BACK = 240
"""Minutes of the day that lie behind."""
CARDS = 71
"""The seed of what else the cards say."""

SEEN = (10, 11, 9, 11, 9, 8, 9, 9)
WAITING = ((46, 18, 9), (22,), (38, 4), (11,), (27, 3), (52, 19), (16, 2), (34, 13, 5))
"""For each doctor: how many were seen, and since how many minutes the waiting ones wait (the limit is 30)."""
IN_ROOM = {0: 12, 1: 4, 3: 17, 4: 7, 5: 9}
CALLED = {2: (1.0,), 6: (4.0, 1.5)}
"""Doctor -> minutes since the call, and since the second one. Doctor 7 is on a break."""
POOL = {"A": (25, 14, 6), "B": (10,), "C": (17, 3)}
URGENT = {
    (4, 3): (Priority.EMERGENCY, "Chest pain"), (0, 9): (Priority.PRIORITY, "Pregnant"),
    (2, 4): (Priority.PRIORITY, "Wheelchair"), (7, 5): (Priority.PRIORITY, "Infant with high fever"),
}  # fmt: skip
HELD = {1: "blood test", 4: "ECG"}
"""Sent for a test in the middle of the visit, back in line now."""
UPCOMING, LATE, NO_SHOWS, CANCELLED = 24, (1, 4, 6, 7), (0, 1, 3, 5), (0, 2, 5, 7)
REASONS = ("Has a cold, will ring again", "Found an earlier date", "No longer needed", "Travels that day")
COMPLAINTS = ("Cough since Monday", "Back pain", "Headache, dizzy in the morning", "Short of breath on the stairs",
              "Sore throat", "Check before an operation", "Rash on both arms", "Palpitations")  # fmt: skip


@dataclass
class Day:
    """The frame of today: its shift and the quarter hours that are still free, by doctor."""

    desk: Desk
    random: Random
    now: datetime
    script: Script = field(default_factory=Script)
    free: dict[int, list[datetime]] = field(default_factory=dict)
    ways: list[Way] = field(default_factory=list)
    has_places: bool = False
    """Whether people live somewhere, are insured, have mothers and were sent by others."""

    def __post_init__(self) -> None:
        self.first, self.next = clock.day_bounds(clock.service_day(self.now, self.desk.clinic), self.desk.clinic)
        self.squeeze = min(1.0, (self.now - self.first) / timedelta(minutes=BACK))
        start = max(self.first, _quarter(self.now - timedelta(minutes=BACK)))
        self.shift = (start, _quarter(self.now) + timedelta(minutes=BACK + 60))
        count = int((min(self.shift[1], self.next) - start) / QUARTER)
        self.free = {n: [start + i * QUARTER for i in range(count)] for n in range(len(self.desk.doctors))}
        self.crowd = people(self.random, self.today)
        self.dice = Random(CARDS)
        self.phones = film_phones(self.dice, MOTHERS, 1000)

    @property
    def today(self) -> date:
        return clock.service_day(self.now, self.desk.clinic)

    def ago(self, minutes: float) -> datetime:
        """So many minutes before now, in the squeezed time of a young day."""
        return self.now - timedelta(minutes=min(minutes, BACK - 1)) * self.squeeze

    def way(self, doctor: int | None, code: str = "") -> Way:
        """The next person, on the way to the doctor or to the department's pool."""
        code = code or DOCTORS[doctor or 0][0]
        values = next(self.crowd)
        if code == "C":
            values = as_child(values, self.random, self.today)
        services = self.desk.services_of(code)
        service = self.random.choices(services, [8, *[2] * (len(services) - 1)])[0]
        self.ways.append(Way(self.script, self.desk, self._known(values, code), service, code, doctor))
        return self.ways[-1]

    def _known(self, values: dict[str, Any], code: str) -> Known:
        """The person with what else the card says, a mother of the child or somebody who sent the grown-up."""
        if not self.has_places:
            return Known(values)
        who, luck = Known(with_home(values, self.dice)), self.dice.random()
        if code == "C":
            if luck < MOTHERED:
                who.mother = Known(mother_of(who.values, next(self.phones), self.dice, self.today))
        elif luck < REFERRED and self.ways:
            who.referrer = self.dice.choice(self.ways).who
        return who

    def take(self, doctor: int, earliest: datetime, latest: datetime, *, first: bool = False) -> datetime | None:
        """A free quarter hour of the doctor in [earliest, latest], taken: the last one unless `first`."""
        fitting = [slot for slot in self.free[doctor] if earliest <= slot <= latest]
        if not fitting:
            return None
        slot = fitting[0 if first else -1]
        self.free[doctor].remove(slot)
        return slot

    def booked(self, way: Way, starts_at: datetime) -> None:
        """Let the way begin with a card and a booking, some days before."""
        way.service_id = self.desk.services_of(way.code)[0]
        at = self._before()
        way.register(at - timedelta(minutes=1))
        source = self.random.choices(
            (AppointmentSource.PHONE, AppointmentSource.WEBSITE, AppointmentSource.REPEAT), (6, 3, 1)
        )[0]
        way.book(at, starts_at, source=source)

    def comes(self, way: Way, at: datetime, slot: datetime | None, **more: Any) -> None:
        """The person arrives: checked in for `slot`, or without a booking."""
        if slot is not None:
            self.booked(way, slot)
            way.check_in(at)
            return
        way.register(at - timedelta(seconds=50) * self.squeeze)
        way.walk_in(at, **more)

    def _before(self) -> datetime:
        day = self.today - timedelta(days=self.random.randint(1, 12))
        wall = time(self.random.randint(8, 17), self.random.randint(0, 59), self.random.randint(0, 59))
        return clock.instant(day, wall, self.desk.clinic) or self.first - timedelta(days=2)


def _quarter(at: datetime) -> datetime:
    return at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)


def write(desk: Desk, random: Random, now: datetime) -> Day:
    """The whole day of the main clinic as a script that has not run yet."""
    day = Day(desk, random, now, has_places=True)
    missing = _expected(day)
    for doctor in range(len(desk.doctors)):
        _doctor(day, doctor, SEEN[doctor] + missing // 8 + (doctor < missing % 8))
    _odd_ones(day)
    return day


def _expected(day: Day) -> int:
    """Those who did not come yet, did not come at all or cancelled. Returns how many found no place in the day."""
    long_ago, now = day.first, day.now
    for doctor in NO_SHOWS:
        if slot := day.take(doctor, long_ago, day.ago(30), first=True):
            way = day.way(doctor)
            day.booked(way, slot)
            way.move(max(slot, day.ago(20)), "no-show", "reception")
    left = 0
    for number in range(UPCOMING):
        doctor = number % len(day.desk.doctors)
        soonest = now + timedelta(minutes=4 + number // 8 * 45 + doctor * 7 % 45)
        slot = day.take(doctor, soonest, day.next, first=True)
        if slot is None and number < 8:  # nothing is left of this day: they are late instead
            slot = day.take(doctor, day.ago(100), day.ago(4))
        if slot is None:
            left += 1
            continue
        day.booked(day.way(doctor), slot)
    for number, doctor in enumerate(LATE):
        if slot := day.take(doctor, long_ago, day.ago(6 + number * 9)):
            day.booked(day.way(doctor), slot)
        else:
            left += 1
    for doctor, reason in zip(CANCELLED, REASONS, strict=True):
        slot = day.take(doctor, now, day.next) or day.take(doctor, long_ago, now)
        if slot is not None:
            way = day.way(doctor)
            day.booked(way, slot)
            way.move(day.ago(day.random.randint(20, 200)), "cancel", "reception", reason=reason)
        else:
            left += 1
    return left


def _doctor(day: Day, doctor: int, seen: int) -> None:
    """The line of one doctor, told backwards: who waits, who is in the room or called, who was seen."""
    for wait in WAITING[doctor]:
        _waits(day, doctor, wait)
    since = float(IN_ROOM.get(doctor, 5))
    if doctor in IN_ROOM:
        _seen(day, doctor, since, None)
    if calls := CALLED.get(doctor):
        way = day.way(doctor)
        day.comes(way, day.ago(26), day.take(doctor, day.ago(45), day.now))
        for number, minutes in enumerate(calls):
            way.move(day.ago(minutes), "recall" if number else "call")
    if doctor in HELD:
        way = _seen(day, doctor, since + 7, None)
        way.move(day.ago(since + 2), "hold", reason=HELD[doctor], minutes=10)
        since += 9
    spare = BACK - 45 - since
    length = min(1.0, spare / (seen * 15.5))
    for number in range(seen):
        end = since + day.random.uniform(1, 3) * length
        since = end + day.random.uniform(8, 19) * length
        _paid(day, _seen(day, doctor, since, end), doctor, number, end)


def _waits(day: Day, doctor: int, minutes: int) -> None:
    priority, reason = URGENT.get((doctor, minutes), (Priority.NORMAL, ""))
    way = day.way(doctor)
    slot = None
    if priority == Priority.NORMAL and day.random.random() < 0.7:
        slot = day.take(doctor, day.ago(minutes + 10), day.now + timedelta(minutes=25))
    more = {} if priority == Priority.NORMAL else {"priority": priority, "priority_reason": reason}
    day.comes(way, day.ago(minutes), slot, **more)
    if day.random.random() < 0.5:
        _measured(day, way, minutes - 1)


def _measured(day: Day, way: Way, minutes: float) -> None:
    pressure = f"{day.random.randint(108, 164)}/{day.random.randint(64, 98)}"
    temperature = f"{day.random.uniform(36.2, 38.4):.1f}"
    way.measure(day.ago(minutes), temperature, "" if way.code == "C" else pressure, day.random.choice(COMPLAINTS))


def _seen(day: Day, doctor: int, start: float, end: float | None) -> Way:
    """Somebody whose visit began `start` and ended `end` minutes ago (None: still in the room)."""
    way = day.way(doctor)
    called = start + day.random.uniform(0.6, 1.6)
    twice = day.random.random() < 0.1
    came = called + (3 if twice else 0) + day.random.choice((3, 5, 8, 11, 14, 17, 21, 26, 36))
    wants = day.random.random() < 0.75
    slot = day.take(doctor, day.ago(came + 25), day.ago(start - 15)) if wants else None
    day.comes(way, day.ago(came), slot)
    if day.random.random() < 0.4:
        _measured(day, way, came - 1)
    if twice:
        way.move(day.ago(called + 2.5), "call")
    way.move(day.ago(called), "recall" if twice else "call")
    way.move(day.ago(start), "start")
    if end is not None:
        way.move(day.ago(end), "finish")
    return way


def _paid(day: Day, way: Way, doctor: int, number: int, end: float) -> None:
    cash, card, bank = CashboxKind.CASH, CashboxKind.CARD, CashboxKind.BANK
    soon = day.ago(max(0.2, end - day.random.uniform(2, 6)))
    if number == 0 or (number == 1 and doctor in (1, 4)):  # the last ones stand at the till now
        if doctor in (0, 3, 5):
            way.pay(soon, (card,), half=True)
        return
    if number == 5 and doctor == 2:
        way.move(soon, "owe", "cashier", reason="Left the wallet at home, pays next time")
        return
    kinds = day.random.choices(((cash,), (card,), (cash, card), (bank,)), (9, 8, 2, 1))[0]
    way.pay(soon, kinds, box=day.random.randint(0, 1))


def _odd_ones(day: Day) -> None:
    """What happens besides: pools, a transfer, people who did not hear their call, one who left."""
    for code, waits in POOL.items():
        for minutes in waits:
            day.comes(day.way(None, code), day.ago(minutes), None)
    moved = day.way(None, "A")
    day.comes(moved, day.ago(41), None)
    moved.move(day.ago(15), "transfer", "reception", doctor_id=day.desk.doctors[5])
    again = day.way(3)
    day.comes(again, day.ago(35), None)
    for minutes, name in ((14, "call"), (12, "recall"), (10, "requeue")):
        again.move(day.ago(minutes), name)
    parked = day.way(6)
    day.comes(parked, day.ago(44), None)
    for minutes, name in ((30, "call"), (28, "recall"), (26, "recall"), (24, "requeue")):
        parked.move(day.ago(minutes), name)
    gone = day.way(7)
    day.comes(gone, day.ago(95), None)
    for minutes, name in ((60, "call"), (57, "recall"), (50, "no-show")):
        gone.move(day.ago(minutes), name)
    left = day.way(0)
    day.comes(left, day.ago(90), None)
    left.move(day.ago(40), "cancel", "reception", reason="Could not wait any longer")


def ahead(day: Day, count: int) -> None:
    """Bookings on the next two weeks, made on the days before."""
    taken: set[tuple[int, datetime]] = set()
    while count:
        doctor = day.random.randrange(len(day.desk.doctors))
        on = day.today + timedelta(days=min(int(day.random.expovariate(0.3)) + 1, DAYS_AHEAD))
        wall = time(day.random.randint(8, 16), day.random.choice((0, 15, 30, 45)))
        slot = clock.instant(on, wall, day.desk.clinic)
        if on.weekday() == 6 or slot is None or (doctor, slot) in taken:
            continue
        taken.add((doctor, slot))
        count -= 1
        day.booked(day.way(doctor), slot)


def past(day: Day, count: int) -> None:
    """Visits of the last months: the same people came before. Each takes a half hour of its doctor for itself."""
    ways = [way for way in day.ways if way.doctor is not None]
    random, taken = day.random, set()
    for way in random.sample(ways, count):
        assert way.doctor is not None
        on = day.today - timedelta(days=random.randint(15, 80))
        hour = time(random.randint(9, 15), random.choice((0, 30)))
        start = clock.instant(on, hour, day.desk.clinic)
        if on.weekday() == 6 or start is None or (way.doctor, start) in taken:
            continue
        taken.add((way.doctor, start))
        services = day.desk.services_of(way.code)
        earlier = Way(day.script, day.desk, way.who, random.choice(services), way.code, way.doctor)
        steps = iter(start + timedelta(minutes=m) for m in (0, 1, 12, 13, 25, 28))
        earlier.register(next(steps))
        earlier.walk_in(next(steps))
        for name in ("call", "start", "finish"):
            earlier.move(next(steps), name)
        earlier.pay(next(steps), (random.choice((CashboxKind.CASH, CashboxKind.CARD)),))


def write_small(desk: Desk, random: Random, now: datetime) -> Day:
    """A quiet day of the second clinic: a few of each."""
    day = Day(desk, random, now)
    for doctor, waits in enumerate(((21, 6), (12,))):
        for minutes in waits:
            _waits(day, doctor, minutes)
        _seen(day, doctor, 5, None)
        for number in range(3):
            _paid(day, _seen(day, doctor, 25 + number * 20, 12 + number * 20), doctor, number, 12 + number * 20)
        if slot := day.take(doctor, now, day.next, first=True):
            day.booked(day.way(doctor), slot)
    return day
