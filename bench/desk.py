"""The desk page with a short and with a long past."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from functools import partial
from typing import Any

from sqlalchemy import text

from bench.product import product
from reception.extensions import db
from reception.models import Role, VisitStatus
from tests.factories import House

ROUNDS = 60
PASTS = (1_000, 1_000_000)
PER_DAY = 500


def measure(backend: str) -> list[dict[str, Any]]:
    """Median milliseconds of the desk page with each number of past visits; both served at once and asked in turn."""
    with ExitStack() as stack:
        desks = {}
        for past in PASTS:
            served, _ = stack.enter_context(product(backend, partial(_fill, past=past)))
            desks[past] = served.sign_in("receptionist")
        times: dict[int, list[float]] = {past: [] for past in PASTS}
        for number in range(ROUNDS + 10):
            for past, desk in desks.items():
                start = time.perf_counter()
                status, body = desk.call("GET", "/")
                if status != 200 or b"arrivals" not in body:
                    raise RuntimeError("this is not the desk")
                if number >= 10:
                    times[past].append((time.perf_counter() - start) * 1000)
    rows = [{"past visits": past, "desk ms": round(statistics.median(found), 2)} for past, found in times.items()]
    return [row | {"ratio": round(row["desk ms"] / rows[0]["desk ms"], 2)} for row in rows]


def _fill(house: House, past: int) -> None:
    house.person(Role.RECEPTIONIST)
    for hour in range(11, 16):
        house.booked(starts_at=house.at(hour))
    for status in (VisitStatus.WAITING, VisitStatus.PENDING_PAYMENT, VisitStatus.COMPLETED):
        for _ in range(5):
            house.visit(status)
    _long_past(house, past)


def _long_past(house: House, past: int) -> None:
    """Completed walk-ins on days before today, straight into the table."""
    patient = house.patient()
    if db.engine.dialect.name != "sqlite":
        db.session.execute(text("SET LOCAL statement_timeout = 0"))
        db.session.execute(
            text("SET LOCAL session_replication_role = replica")
        )  # no foreign key is looked up a million times
    series = (
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :past)"
        if db.engine.dialect.name == "sqlite"
        else "WITH n(i) AS (SELECT generate_series(0, :past - 1))"
    )
    day = (
        f"date('2026-11-19', '-' || (i / {PER_DAY}) || ' days')"
        if db.engine.dialect.name == "sqlite"
        else f"DATE '2026-11-19' - i / {PER_DAY}"
    )
    at = "'2020-01-01 10:00:00.000000'" if db.engine.dialect.name == "sqlite" else "TIMESTAMPTZ '2020-01-01 10:00:00Z'"
    db.session.execute(
        text(
            "INSERT INTO visit (clinic_id, patient_id, department_id, doctor_id, service_id, visit_type, status, priority,"
            " priority_reason, service_day, queue_number, ticket, public_token, check_in_time, waiting_since, called_at,"
            " call_count, start_time, end_time, closed_at, close_reason, identity_verified, consent_signed,"
            " rules_explained, temperature, blood_pressure, complaints, version, created_at, updated_at) "
            f"{series} SELECT :clinic, :patient, :department, :doctor, :service, 'WALK_IN', 'COMPLETED', 'NORMAL', '',"
            f" {day}, i % {PER_DAY} + 1, 'A-' || (i % {PER_DAY} + 1), 'past-' || i, {at}, {at}, {at}, 1, {at}, {at}, {at},"
            f" '', :no, :no, :no, '', '', '', 1, {at}, {at} FROM n"
        ),
        {
            "past": past, "clinic": house.clinic.id, "patient": patient.id, "department": house.department.id,
            "doctor": house.doctor.id, "service": house.service.id, "no": False,
        },
    )  # fmt: skip
    db.session.commit()
    if db.engine.dialect.name != "sqlite":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE visit"))
            connection.execute(text("CHECKPOINT"))
