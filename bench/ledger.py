"""The operations page and the report of the cashboxes with 1,000 and with 1,000,000 rows of the ledger.

Today is as busy in both, and a page is full in both; the rest of the rows lies in the past: a year, or five.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import text

from bench import people
from bench.product import product
from bench.registry import store
from reception.domain import directory, finance
from reception.extensions import db
from reception.models import AccountKind, Role
from tests.conftest import NOW
from tests.factories import House

SIZES = (1_000, 1_000_000)
ROUNDS = 15
WARM = 3
TODAY = NOW.date()
BUSY = 200
"""Rows of today."""
PEOPLE, SERVICES, DOCTORS, CASHIERS = 20_000, 10, 5, 4
ENTRY = (
    "clinic_id", "at", "day", "kind", "debit_id", "credit_id", "amount", "method", "cashbox_id", "payment_id",
    "service_id", "patient_id", "cashier_id", "operation_id", "event_kind", "event_id", "purpose", "id",
)  # fmt: skip
OPERATION = ("clinic_id", "kind", "at", "receipt_no", "payment_id", "cashier_id", "amount", "cash_received",
             "change_given", "patient_id", "note", "id")  # fmt: skip
BILL = (
    "clinic_id", "patient_id", "status", "total_amount", "insurance_amount", "self_pay_amount", "amount_paid",
    "refunded_amount", "doctor_share", "center_share", "paid_at", "bonus_percent", "version", "created_at",
    "updated_at", "id",
)  # fmt: skip
LINE = (
    "clinic_id", "payment_id", "kind", "service_id", "doctor_id", "quantity", "unit_price", "amount", "doctor_percent",
    "doctor_share", "reason", "refunded_amount", "created_at", "updated_at",
)  # fmt: skip
YEAR = f"from={TODAY - timedelta(days=365)}&to={TODAY}"
PAGES = {
    "today": "/finance",
    "30 days": f"/finance?from={TODAY - timedelta(days=30)}&to={TODAY}",
    "a year": f"/finance?{YEAR}",
    "a year, refunds": f"/finance?{YEAR}&kind=REFUND",
    "a year, one cashbox": f"/finance?{YEAR}&cashbox={{cash}}",
    "a year, one cashier": f"/finance?{YEAR}&cashier={{cashier}}",
    "a year, one service": f"/finance?{YEAR}&service={{service}}",
    "a year, one doctor": f"/finance?{YEAR}&doctor={{doctor}}",
    "a year, one patient": f"/finance?{YEAR}&patient=7",
    "report of today": "/finance/report/cashbox",
    "report of a day 11 months ago": f"/finance/report/cashbox?date={TODAY - timedelta(days=330)}",
    "report of a month": f"/finance/report/cashbox?from={TODAY - timedelta(days=30)}&to={TODAY}",
    "report of a year": f"/finance/report/cashbox?{YEAR}",
}


def measure(backend: str) -> list[dict[str, Any]]:
    """Median milliseconds of each page with each number of rows; both served at once and asked in turn."""
    with ExitStack() as stack:
        desks = {}
        for size in SIZES:
            served, names = stack.enter_context(product(backend, partial(fill, size=size)))
            desks[size] = (served.sign_in("manager"), names)
        times: dict[tuple[str, int], list[float]] = {}
        for number in range(ROUNDS + WARM):
            for what, path in PAGES.items():
                for size, (desk, names) in desks.items():
                    begun = time.perf_counter()
                    status, body = desk.call("GET", path.format(**names))
                    took = (time.perf_counter() - begun) * 1000
                    if status != 200 or b"rx-money-page" not in body:
                        raise RuntimeError(f"{path}: {status}")
                    if number >= WARM:
                        times.setdefault((what, size), []).append(took)
    rows = []
    for what in PAGES:
        few, many = (statistics.median(times[what, size]) for size in SIZES)
        rows.append({"page": what, "ms with 1,000": f"{few:.1f}", "ms with 1,000,000": f"{many:.1f}",
                     "ratio": f"{many / few:.2f}"})  # fmt: skip
    return rows


def fill(house: House, size: int) -> dict[str, int]:
    """Bills charged and paid, one in five given back; what a page asks for by id."""
    people.grow(house.clinic.id, 1, PEOPLE, trigrams=False, keyed=False)
    house.person(Role.MANAGER)
    services = [house.run(directory.add_service, f"Service {n}", 12_000).id for n in range(SERVICES)]
    doctors = [house.another_doctor(f"Doctor{n}").id for n in range(DOCTORS)]
    roles = (Role.CASHIER, Role.RECEPTIONIST, Role.ADMIN)
    cashiers = [house.person(role).user_id for role in roles] + [house.person(Role.CASHIER, Role.ADMIN).user_id]
    debt = finance.account(AccountKind.PATIENT_DEBT, house.clinic.id, patient_id=1)
    income = finance.account(AccountKind.INCOME, house.clinic.id)
    db.session.commit()
    boxes = [(house.cash.id, house.cash.account_id, "CASH"), (house.card.id, house.card.account_id, "CARD")]
    clinic = house.clinic.id
    db.session.rollback()
    made = list(_acts(size))
    zone = "" if db.engine.dialect.name == "sqlite" else "+00"

    def entries() -> Iterator[tuple[Any, ...]]:
        for number, (day, at, bill, kind) in enumerate(made, 1):
            box, account, method = boxes[bill % 2]
            charged = kind == "CHARGE"
            into, out = {"CHARGE": (debt, income), "PAYMENT": (account, debt), "REFUND": (debt, account)}[kind]
            yield (
                clinic, at + zone, day, kind, into, out, 12_000, None if charged else method, None if charged else box,
                bill, services[bill % SERVICES], bill % PEOPLE + 1, cashiers[bill % CASHIERS],
                None if charged else number, "bench", number, "one", number,
            )  # fmt: skip

    def operations() -> Iterator[tuple[Any, ...]]:
        for number, (_, at, bill, kind) in enumerate(made, 1):
            if kind != "CHARGE":
                who = cashiers[bill % CASHIERS]
                yield (clinic, kind, at + zone, f"R-{number}", bill, who, 12_000, 0, 0, bill % PEOPLE + 1, "", number)

    def bills() -> Iterator[tuple[Any, ...]]:
        for _, at, bill, kind in made:
            if kind == "CHARGE":
                yield (clinic, bill % PEOPLE + 1, "PAID", 12_000, 0, 12_000, 12_000, 0, 0, 12_000, at + zone, 0, 1,
                       at + zone, at + zone, bill)  # fmt: skip

    def lines() -> Iterator[tuple[Any, ...]]:
        for _, at, bill, kind in made:
            if kind == "CHARGE":
                yield (clinic, bill, "SERVICE", services[bill % SERVICES], doctors[bill % DOCTORS], 1, 12_000, 12_000,
                       0, 0, "", 0, at + zone, at + zone)  # fmt: skip

    store("payment", BILL, bills())
    store("bill_line", LINE, lines())
    store("operation", OPERATION, operations())
    store("ledger_entry", ENTRY, entries())
    _sum(house)
    return {"cash": boxes[0][0], "cashier": cashiers[0] or 0, "service": services[0], "doctor": doctors[0]}


def _acts(size: int) -> Iterator[tuple[str, str, int, str]]:
    """(day, instant, bill, kind), oldest first: the past evenly, then today."""
    days = 365 * (5 if size > 10_000 else 1)
    past, kinds, bill = size - BUSY, ("CHARGE", "PAYMENT", "CHARGE", "PAYMENT", "REFUND"), 0
    for number in range(size):
        age = days - number * days // past if number < past else 0
        day: date = TODAY - timedelta(days=max(age, 1 if number < past else 0))
        at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=7, seconds=number % 30_000)
        kind = kinds[number % len(kinds)]
        bill += kind == "CHARGE"
        yield day.isoformat(), f"{at:%Y-%m-%d %H:%M:%S}.000000", bill, kind


def _sum(house: House) -> None:
    """What `finance.post` keeps beside the rows: the daily sums, and the balances of the cashboxes."""
    db.session.execute(
        text(
            "INSERT INTO cashbox_sum (cashbox_id, day, kind, method, cashier_id, clinic_id, money_in, money_out, entries)"
            " SELECT e.cashbox_id, e.day, e.kind, coalesce(e.method, ''), coalesce(e.cashier_id, 0), e.clinic_id,"
            " sum(CASE WHEN e.debit_id = c.account_id THEN e.amount ELSE 0 END),"
            " sum(CASE WHEN e.debit_id = c.account_id THEN 0 ELSE e.amount END), count(*)"
            " FROM ledger_entry e JOIN cashbox c ON c.id = e.cashbox_id"
            " GROUP BY e.cashbox_id, e.day, e.kind, coalesce(e.method, ''), coalesce(e.cashier_id, 0), e.clinic_id"
        )
    )
    db.session.execute(
        text(
            "UPDATE account SET balance = (SELECT sum(s.money_in - s.money_out) FROM cashbox_sum s"
            " JOIN cashbox c ON c.id = s.cashbox_id WHERE c.account_id = account.id) WHERE id IN (:cash, :card)"
        ),
        {"cash": house.cash.account_id, "card": house.card.account_id},
    )
    db.session.commit()
    if db.engine.dialect.name == "sqlite":
        db.session.execute(text("ANALYZE"))
        db.session.commit()
    else:
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
