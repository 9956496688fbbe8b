"""The history of a patient: its page for somebody with 500 visits beside that of somebody with 5, asked in turn.

The aim: at most 1.3 times, whatever is asked: the newest page, a later one, a search.
"""

from __future__ import annotations

import random
import secrets
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from sqlalchemy import Table

from bench import views
from bench.product import Client, product
from reception.domain.actors import Actor
from reception.domain.imports import bulk
from reception.extensions import core, db
from reception.models import MedicalRecord, Role, Visit
from tests.conftest import NOW
from tests.factories import House

MANY, FEW = 500, 5
OTHERS = 20_000
"""Visits of other people in the same tables."""
ROUNDS = 60


def measure(backend: str) -> list[dict[str, Any]]:
    """Rows: p50 and p95 in milliseconds of both, by what is asked, and how many times the longer one's p50 is."""
    with product(backend, fill) as (served, (many, few)):
        browser = views.signed_in(served, Role.DOCTOR, "/queue")
        rows = []
        for name, page in (("history", "/history"), ("card", "")):
            times: dict[int, list[float]] = {many: [], few: []}
            for turn in range(ROUNDS):
                for patient in (many, few):
                    path = f"/patients/{patient}{page}"
                    took = views.timed(partial(read, browser, path))
                    if turn >= 5:
                        times[patient].append(took)
            rows.append(_row(name, times[many], times[few]))
        return rows


def read(browser: Client, path: str) -> bytes:
    browser.line.request("GET", path, headers=browser.headers)
    answer = browser.line.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    return body


def _row(name: str, many: list[float], few: list[float]) -> dict[str, Any]:
    half = views.share(many, 0.5), views.share(few, 0.5)
    return {
        "asked": name, f"p50 ms with {MANY}": f"{half[0]:.1f}", f"p50 ms with {FEW}": f"{half[1]:.1f}",
        f"p95 ms with {MANY}": f"{views.share(many, 0.95):.1f}", f"p95 ms with {FEW}": f"{views.share(few, 0.95):.1f}",
        "ratio": f"{half[0] / half[1]:.2f}",
    }  # fmt: skip


def fill(house: House) -> tuple[int, int]:
    """Two people with many and with few visits, and others with one; all written past the product."""
    house.person(Role.DOCTOR)
    many, few = house.patient("Many").id, house.patient("Few").id
    others = [house.patient().id for _ in range(20)]
    whose = [many] * MANY + [few] * FEW + [others[n % len(others)] for n in range(OTHERS)]
    random.Random(3).shuffle(whose)
    base = {
        "clinic_id": house.clinic.id, "department_id": house.department.id, "doctor_id": house.doctor.id,
        "service_id": house.service.id, "visit_type": "WALK_IN", "status": "COMPLETED", "created_at": NOW,
        "updated_at": NOW,
    }  # fmt: skip

    def bring(*, actor: Actor, at: datetime) -> None:
        visits = []
        for number, patient in enumerate(whose, 1):
            then = NOW - timedelta(days=number % 1_500)
            visits.append(
                base | {
                    "id": number, "patient_id": patient, "service_day": then.date(), "queue_number": number,
                    "ticket": f"A-{number}", "public_token": secrets.token_urlsafe(32), "check_in_time": then,
                    "closed_at": then,
                }
            )  # fmt: skip
        for some in bulk.in_batches(visits):
            core(cast(Table, Visit.__table__).insert(), list(some))
        made = {"clinic_id": house.clinic.id, "state": "CLOSED", "created_at": NOW, "updated_at": NOW,
                "complaints": "A few words of what hurts", "final_code": "J06.9", "treatment": "Rest and tea " * 10,
                "folded": "a few words of what hurts rest and tea j06 9"}  # fmt: skip
        records = [
            made | {"visit_id": v["id"], "patient_id": v["patient_id"], "doctor_id": v["doctor_id"]} for v in visits
        ]
        for some in bulk.in_batches(records):
            core(cast(Table, MedicalRecord.__table__).insert(), list(some))
        bulk.analyze(Visit, MedicalRecord)

    house.run(bring)
    db.session.rollback()
    return many, few
