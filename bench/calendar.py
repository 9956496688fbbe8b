"""The calendar's pages with a short and with a long past."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from functools import partial
from typing import Any

from sqlalchemy import select, text

from bench.product import Client, product
from reception import guards
from reception.extensions import db
from reception.models import Doctor, Patient, Role
from tests.factories import House

ROUNDS = 30
PASTS = (10_000, 1_000_000)
DOCTORS, SLOTS = 20, 25
PER_DAY = DOCTORS * SLOTS
AHEAD = 14
"""Days from today on that are as full as every day before."""
TODAY = "2026-11-20"
PAGES = {
    "day": (f"/calendar?view=day&date={TODAY}", b"rx-cal-block"),
    "week": (f"/calendar?view=week&date={TODAY}", b"rx-cal-table"),
    "week of one": (f"/calendar?view=week&date={TODAY}&doctor=1", b"rx-cal-block"),
    "month": (f"/calendar?view=month&date={TODAY}", b"rx-cal-month"),
}
TABLES = ("schedule", "slot", "appointment", "appointment_place", "visit")


def measure(backend: str, pasts: tuple[int, ...] = PASTS) -> list[dict[str, Any]]:
    """Median milliseconds of each page with each number of past appointments; all served at once and asked in turn."""
    with ExitStack() as stack:
        desks: dict[int, Client] = {}
        for past in pasts:
            served, _ = stack.enter_context(product(backend, partial(_fill, past=past)))
            desks[past] = served.sign_in("receptionist")
        times: dict[tuple[str, int], list[float]] = {(page, past): [] for page in PAGES for past in pasts}
        for number in range(ROUNDS + 3):
            for page in PAGES:
                for past, desk in desks.items():
                    taken = _ask(desk, page)
                    if number >= 3:
                        times[page, past].append(taken)
    rows = []
    for page in PAGES:
        first = statistics.median(times[page, pasts[0]])
        for past in pasts:
            median = statistics.median(times[page, past])
            rows.append(
                {"page": page, "past appointments": past, "ms": round(median, 1), "ratio": round(median / first, 2)}
            )
    return rows


def _ask(desk: Client, page: str) -> float:
    path, mark = PAGES[page]
    start = time.perf_counter()
    status, body = desk.call("GET", path)
    taken = (time.perf_counter() - start) * 1000
    if status != 200 or mark not in body:
        raise RuntimeError(f"this is not the {page}: {status}")
    return taken


# ------------------------------------------------------------------------------------------------------------ filling


def _fill(house: House, past: int) -> None:
    house.person(Role.RECEPTIONIST)
    for number in range(DOCTORS - 1):
        house.another_doctor(f"Doctor{number:02d}")
    for _ in range(PER_DAY):
        house.patient()
    doctors = db.session.scalar(select(Doctor.id).order_by(Doctor.id).limit(1))
    patients = db.session.scalar(select(Patient.id).order_by(Patient.id).limit(1))
    db.session.commit()
    _insert(house, past + AHEAD * PER_DAY, doctors or 1, patients or 1)


def _insert(house: House, count: int, first_doctor: int, first_patient: int) -> None:
    """Full days backwards from the last one ahead, straight into the tables; the guards are out meanwhile."""
    is_sqlite = db.engine.dialect.name == "sqlite"
    values = {
        "clinic": house.clinic.id, "service": house.service.id, "department": house.department.id, "no": False,
        "yes": True,
    }  # fmt: skip
    if is_sqlite:
        series = f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count})"
        days = f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count // SLOTS})"
    else:
        series = f"WITH n(i) AS (SELECT generate_series(0, {count - 1}))"
        days = f"WITH n(i) AS (SELECT generate_series(0, {count // SLOTS - 1}))"

    def day(back: str) -> str:
        if is_sqlite:
            return f"date('{TODAY}', '{AHEAD - 1} days', '-' || ({back}) || ' days')"
        return f"(DATE '{TODAY}' + {AHEAD - 1} - ({back})::int)"

    def at(back: str, minutes: str) -> str:
        if is_sqlite:
            when = f"datetime('{TODAY} 07:00:00', '{AHEAD - 1} days', '-' || ({back}) || ' days', '+' || ({minutes}) || ' minutes')"
            return f"{when} || '.000000'"
        return f"TIMESTAMPTZ '{TODAY} 07:00:00Z' + interval '1 day' * ({AHEAD - 1} - ({back})) + interval '1 minute' * ({minutes})"

    on, doctor, slot = f"i / {PER_DAY}", f"{first_doctor} + i % {PER_DAY} / {SLOTS}", f"i % {SLOTS} * 15"
    is_past = f"i / {PER_DAY} >= {AHEAD}"
    made = at(f"{AHEAD}", "0")
    places = f"{at(on, slot)}, {at(on, slot + ' + 15')}"
    statements = [
        "INSERT INTO schedule (id, clinic_id, doctor_id, day, starts_at, ends_at, slot_minutes, capacity, is_open,"
        f" created_at, updated_at) {days} SELECT 10000000 + i, :clinic, {first_doctor} + i % {DOCTORS},"
        f" {day(f'i / {DOCTORS}')}, {at(f'i / {DOCTORS}', '0')}, {at(f'i / {DOCTORS}', str(SLOTS * 15))}, 15, 1, :yes,"
        f" {made}, {made} FROM n",
        "INSERT INTO slot (id, clinic_id, schedule_id, starts_at, ends_at, capacity, is_open)"
        f" {series} SELECT 10000000 + i, :clinic, 10000000 + i / {SLOTS}, {places}, 1, :yes FROM n",
        "INSERT INTO appointment (id, clinic_id, booking_id, doctor_id, patient_id, service_id, schedule_id, starts_at,"
        " ends_at, day, status, source, reason, notes, cancel_reason, version, created_at, updated_at)"
        f" {series} SELECT 10000000 + i, :clinic, 'past-' || i, {doctor}, {first_patient} + i % {PER_DAY}, :service,"
        f" 10000000 + i / {SLOTS}, {places}, {day(on)}, CASE WHEN {is_past} THEN 'COMPLETED' ELSE 'CONFIRMED' END,"
        f" 'PHONE', '', '', '', 1, {made}, {made} FROM n",
        "INSERT INTO appointment_place (slot_id, place, clinic_id, appointment_id)"
        f" {series} SELECT 10000000 + i, 1, :clinic, 10000000 + i FROM n",
        *(
            _visits(series, on, doctor, first_patient, day(on), at(on, slot), made, is_over)
            for is_over in (True, False)
        ),
    ]
    with db.engine.begin() as connection:
        if is_sqlite:
            guards.drop(connection, "0001")
        else:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            known = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(text(statement), known)
        if is_sqlite:
            guards.make(connection, "0001")
            connection.execute(text("ANALYZE"))
    if not is_sqlite:
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET statement_timeout = 0"))
            for table in TABLES:
                connection.execute(text(f"VACUUM ANALYZE {table}"))
            connection.execute(text("CHECKPOINT"))


def _visits(
    series: str, on: str, doctor: str, first_patient: int, day: str, starts_at: str, made: str, is_over: bool
) -> str:
    """The visits of the past, all done, or of today and later, all expected."""
    status = "COMPLETED" if is_over else "SCHEDULED"
    done = (
        f"i % {PER_DAY} + 1, 'A-' || (i % {PER_DAY} + 1), {', '.join([starts_at] * 6)}"
        if is_over
        else ", ".join(["NULL"] * 8)
    )
    return (
        "INSERT INTO visit (id, clinic_id, appointment_id, patient_id, department_id, doctor_id, service_id, visit_type,"
        " status, priority, priority_reason, service_day, public_token, due_at, queue_number, ticket, check_in_time,"
        " waiting_since, called_at, start_time, end_time, closed_at, call_count, close_reason, identity_verified,"
        " consent_signed, rules_explained, left_unseen, temperature, blood_pressure, complaints, version, created_at,"
        f" updated_at) {series} SELECT 10000000 + i, :clinic, 10000000 + i, {first_patient} + i % {PER_DAY}, :department,"
        f" {doctor}, :service, 'SCHEDULED', '{status}', 'NORMAL', '', {day}, 'past-' || i, {starts_at}, {done},"
        f" {1 if is_over else 0}, '', :no, :no, :no, :no, '', '', '', 1, {made}, {made} FROM n"
        f" WHERE i / {PER_DAY} {'>=' if is_over else '<'} {AHEAD}"
    )
