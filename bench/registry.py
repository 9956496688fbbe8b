"""The registry's list with 1,000,000 patients who live in places, came, owe and are booked: every filter in every order."""

from __future__ import annotations

import itertools
import random
import re
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import accumulate
from typing import Any

from bench import people, views
from reception.domain.registry_search import SORTS
from reception.extensions import db
from reception.models import District, Region
from tests.conftest import NOW
from tests.factories import House

SIZES = (1_000_000,)
ROUNDS = 3
YEARS = 5
DAYS = YEARS * 365
REGIONS, DISTRICTS = 14, 15
BOOKED, OWING = 6_000, 3_000
TODAY = NOW.date()
_BY_SIZE = list(accumulate(100 // (n + 1) for n in range(REGIONS)))
VISIT = (
    "clinic_id", "patient_id", "department_id", "doctor_id", "service_id", "visit_type", "status", "priority",
    "priority_reason", "service_day", "queue_number", "ticket", "public_token", "check_in_time", "waiting_since",
    "called_at", "call_count", "start_time", "end_time", "closed_at", "close_reason", "left_unseen",
    "identity_verified", "consent_signed", "rules_explained", "temperature", "blood_pressure", "complaints", "version",
    "created_at", "updated_at", "id",
)  # fmt: skip
BILL = (
    "clinic_id", "visit_id", "patient_id", "status", "total_amount", "insurance_amount", "self_pay_amount",
    "amount_paid", "refunded_amount", "doctor_share", "center_share", "version", "created_at", "updated_at",
)  # fmt: skip
BOOKING = (
    "clinic_id", "booking_id", "doctor_id", "patient_id", "service_id", "schedule_id", "starts_at", "ends_at", "day",
    "status", "source", "reason", "notes", "cancel_reason", "version", "created_at", "updated_at",
)  # fmt: skip


def measure(backend: str, sizes: tuple[int, ...] = SIZES) -> list[dict[str, Any]]:
    """Rows: milliseconds of each filter's page over HTTP in every order, first and following pages alike, and
    their p95 beside the bare view's, asked in turn."""
    with views.registries(backend, sizes, trigrams=True, keyed=False, fill=fill) as pairs:
        return [row for pair in pairs for row in _of(pair)]


def _of(pair: views.Pair) -> Iterator[dict[str, Any]]:
    for name, asked in filters().items():
        found: list[float] = []
        bare: list[float] = []
        for sort, down, _ in itertools.product(SORTS, ("", "1"), range(ROUNDS)):
            form = {**asked, "sort": sort, "down": down}
            begun = time.perf_counter()
            page = pair.post("/patients/search", form)
            found.append((time.perf_counter() - begun) * 1000)
            if after := re.search(rb'name="after" value="(\d+)"', page):
                found.append(views.timed(partial(pair.post, "/patients/search", form | {"after": after[1]})))
            bare.append(views.timed(partial(pair.floor, len(bare) * 7919)))
        slow, floor = views.share(found, 0.95), views.share(bare, 0.95)
        yield {
            "patients": pair.size, "filter": name, "p50 ms": f"{views.share(found, 0.5):.0f}", "p95 ms": f"{slow:.0f}",
            "bare p95 ms": f"{floor:.2f}", "ratio": f"{slow / floor:.1f}",
        }  # fmt: skip


def filters() -> dict[str, dict[str, str]]:
    """What a desk asks for, wide and narrow, alone and together; and what nobody has."""

    def ago(days: int) -> str:
        return (TODAY - timedelta(days=days)).isoformat()

    unknown, women = {"gender": "UNKNOWN"}, {"gender": "FEMALE"}
    return {
        "none": {}, "women": women, "a gender that nobody has": unknown, "aged 20 or more": {"age_from": "20"},
        "aged 40": {"age_from": "40", "age_to": "40"}, "largest region": {"region": "00"},
        "smallest region": {"region": "13"}, "a district": {"region": "05", "district": "05080"},
        "special needs": {"needs": "1"}, "registered this week": {"registered_from": ago(7), "registered_to": ago(0)},
        "registered this year": {"registered_from": ago(365)}, "registered long ago": {"registered_to": ago(1700)},
        "here today": {"visited_from": ago(0)}, "here within a month": {"visited_from": ago(30)},
        "here within a year": {"visited_from": ago(365)}, "not here for three years": {"visited_to": ago(1000)},
        "last here in a span of 100 days": {"visited_from": ago(800), "visited_to": ago(700)},
        "last here in a span of four years": {"visited_from": ago(1500), "visited_to": ago(100)},
        "open bill": {"open_bill": "1"}, "booked": {"booked": "1"}, "women, here within a year": women | {"visited_from": ago(365)},
        "a gender that nobody has, largest region": unknown | {"region": "00"}, "typed text": {"q": "smith"},
        "typed text that many have, women": women | {"q": "an"},
    }  # fmt: skip


def fill(house: House, size: int) -> None:
    """A clinic of five years: everybody was registered on the day of a first visit, most came again, soon or never."""
    for number in range(REGIONS):
        db.session.add(Region(code=f"{number:02d}", country="DE", names={"en": f"Region {number}"}))
    db.session.flush()
    for number in range(REGIONS * DISTRICTS):
        code = f"{number // DISTRICTS:02d}"
        db.session.add(District(code=f"{code}{number:03d}", region_code=code, names={"en": f"District {number}"}))
    db.session.commit()
    shift_id = house.shift(days=3).id
    people.grow(house.clinic.id, 1, size, trigrams=True, keyed=False, change=partial(lived, size=size))
    here = (house.clinic.id, house.department.id, house.doctor.id, house.service.id)
    db.session.rollback()
    visits = list(came(here, size))
    owing = random.Random(3).sample([row for row in visits if row[6] == "COMPLETED"], min(OWING, size))
    dice = random.Random(4)
    store("visit", VISIT, visits)
    store("payment", BILL, [bill(row) for row in owing])
    booked = dice.sample(range(1, size + 1), min(BOOKED, size))
    store("appointment", BOOKING, [booking(here, shift_id, number, dice) for number in booked])


def registered(number: int, size: int) -> date:
    return TODAY - timedelta(days=DAYS - 1 - (number - 1) * DAYS // size)


def lived(row: people.Row, size: int) -> people.Row:
    """The person with a place, a day of registration, sometimes special needs, sometimes a closed card."""
    number = row[0]
    dice = random.Random(-number)
    made = datetime.combine(registered(number, size), datetime.min.time(), UTC) + timedelta(
        hours=7, seconds=dice.randrange(36_000)
    )
    said: dict[str, Any] = {"created_at": f"{made:%Y-%m-%d %H:%M:%S}", "is_active": dice.random() > 0.03}
    if db.engine.dialect.name != "sqlite":
        said["created_at"] += "+00"
    if dice.random() < 0.85:
        region = dice.choices(range(REGIONS), cum_weights=_BY_SIZE)[0]
        said["region_code"] = f"{region:02d}"
        said["district_code"] = f"{region:02d}{region * DISTRICTS + dice.randrange(DISTRICTS):03d}"
    if dice.random() < 0.01:
        said["special_needs"] = "Wheelchair"
    return tuple(said.get(name, value) for name, value in zip(people.COLUMNS, row, strict=True))


def came(here: tuple[int, ...], size: int) -> Iterator[people.Row]:
    """Every day the newly registered and as many who were registered before, the later the likelier; few stay away."""
    clinic, department, doctor, service = here
    is_sqlite = db.engine.dialect.name == "sqlite"
    dice, ident, begun = random.Random(9), 0, 1
    for age in range(DAYS - 1, -1, -1):
        day = TODAY - timedelta(days=age)
        known = begun
        while begun <= size and registered(begun, size) <= day:
            begun += 1
        today = set(range(known, begun))
        today |= {max(1, known - int(dice.expovariate(5 / size))) for _ in range(len(today)) if known > 1}
        at = f"{day} 10:00:00" + ("" if is_sqlite else "+00")
        for queue, patient in enumerate(sorted(today), 1):
            ident += 1
            status = dice.choices(("COMPLETED", "NO_SHOW", "CANCELLED"), (88, 7, 5))[0]
            yield (
                clinic, patient, department, doctor, service, "WALK_IN", status, "NORMAL", "", day.isoformat(), queue,
                f"A-{queue}", f"bench-{ident}", at, at, at, 1, at, at, at, "", False, False, False, False, "", "", "",
                1, at, at, ident,
            )  # fmt: skip


def bill(visit: people.Row) -> people.Row:
    return (visit[0], visit[-1], visit[1], "PENDING", 12_000, 0, 12_000, 0, 0, 0, 12_000, 1, visit[-2], visit[-2])


def booking(here: tuple[int, ...], shift: int, number: int, dice: random.Random) -> people.Row:
    clinic, _, doctor, service = here
    day = TODAY + timedelta(days=dice.randrange(1, 60))
    zone = "" if db.engine.dialect.name == "sqlite" else "+00"
    at = f"{TODAY} 08:00:00{zone}"
    return (
        clinic, f"B{number}", doctor, number, service, shift, f"{day} 10:00:00{zone}", f"{day} 10:15:00{zone}",
        day.isoformat(), "CONFIRMED", "PHONE", "", "", "", 1, at, at,
    )  # fmt: skip


def store(table: str, columns: tuple[str, ...], rows: Iterable[people.Row]) -> None:
    """Straight into the table, no foreign key looked up."""
    connection = db.engine.raw_connection()
    cursor = connection.cursor()
    names = ", ".join(columns)
    try:
        if db.engine.dialect.name == "sqlite":
            cursor.execute("PRAGMA foreign_keys=OFF")
            cursor.execute("BEGIN")
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})", rows)
            connection.commit()
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.execute("ANALYZE")
        else:
            cursor.execute("SET LOCAL session_replication_role = replica")
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
            connection.commit()
            connection.driver_connection.autocommit = True
            cursor.execute(f"VACUUM ANALYZE {table}")
            connection.driver_connection.autocommit = False
    finally:
        connection.close()
    db.session.rollback()
