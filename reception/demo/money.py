"""The money of the demo beside its bills: shifts of the cash desks, expenses, and a transfer that waits."""

from __future__ import annotations

from datetime import datetime, timedelta

from reception.demo.clinics import Desk
from reception.demo.plan import Day
from reception.domain import finance
from reception.domain.actors import Actor
from reception.domain.finance import DENOMINATIONS
from reception.extensions import db
from reception.models import Cashbox, CashboxKind, CategoryKind
from reception.transaction import perform

CATEGORIES = (
    ("Courier", CategoryKind.EXPENSE), ("Office supplies", CategoryKind.EXPENSE), ("Water and coffee", CategoryKind.EXPENSE),
    ("Cleaning", CategoryKind.EXPENSE), ("Copies and certificates", CategoryKind.INCOME), ("Sale of goods", CategoryKind.INCOME),
)  # fmt: skip
DAYS_BEFORE = 3
"""So many days before today have a Z report."""
MISSING = {2: (150, "A wrong change in the morning")}
"""Days before today -> what was missing at the evening's count, and why."""


def move(desk: Desk, day: Day) -> None:
    """Add to the day's script: the shifts of the days before, today's, and what happens in it."""
    till, cashier = desk.cashboxes[CashboxKind.CASH][0], desk.people["cashier"]
    categories: dict[str, int] = {}

    def enter(at: datetime) -> None:
        for name, kind in CATEGORIES:
            categories[name] = perform(desk.people["manager"], finance.add_category, name, kind, at=at).id

    def open_at(box_id: int) -> None:
        def act(at: datetime) -> None:
            perform(cashier, _open, box_id, at=at)

        day.script.add(opens, act)

    def close_at(at: datetime, missing: int, why: str) -> None:
        day.script.add(at, lambda when: perform(cashier, _close, till, missing, why, at=when))

    def spend(at: datetime, name: str, amount: int, note: str = "") -> None:
        verb = finance.take_in if (name, CategoryKind.INCOME) in CATEGORIES else finance.pay_out
        day.script.add(at, lambda when: perform(cashier, verb, till, categories[name], amount, note=note, at=when))

    first = day.first - timedelta(days=DAYS_BEFORE + 1)
    day.script.add(first, enter)
    for before in range(DAYS_BEFORE, 0, -1):
        morning = day.first - timedelta(days=before) + timedelta(hours=7, minutes=50)
        day.script.add(morning, lambda when: perform(cashier, _open, till, at=when))
        spend(morning + timedelta(hours=2), "Office supplies", 1_290 + 100 * before)
        close_at(morning + timedelta(hours=10), *MISSING.get(before, (0, "")))
    opens = day.shift[0] - timedelta(minutes=5)
    for box_id in (till, *desk.cashboxes[CashboxKind.CARD]):
        open_at(box_id)
    spend(day.ago(150), "Water and coffee", 1_840, "Two crates for the waiting room")
    spend(day.ago(95), "Copies and certificates", 500)
    spend(day.ago(60), "Courier", 1_250, "Samples to the laboratory")
    bank = desk.cashboxes[CashboxKind.BANK][0]
    day.script.add(
        day.ago(8),
        lambda when: perform(cashier, finance.ask_transfer, till, bank, 20_000, note="To the bank", at=when),
    )


def _open(box_id: int, *, actor: Actor, at: datetime) -> None:
    box = db.session.get_one(Cashbox, box_id)
    coins = pieces(finance.balance_of(box), actor.clinic.currency) if box.kind == CashboxKind.CASH else None
    finance.start_shift(box_id, coins=coins, actor=actor, at=at)


def _close(box_id: int, missing: int, why: str, *, actor: Actor, at: datetime) -> None:
    box = db.session.get_one(Cashbox, box_id)
    shift = finance.shift_of(box)
    assert shift is not None
    coins = pieces(finance.balance_of(box) - missing, actor.clinic.currency)
    finance.close_shift(shift.id, coins=coins, reason=why, actor=actor, at=at)


def pieces(amount: int, currency: str) -> dict[int, int]:
    """`amount` in as few notes and coins as there are."""
    found = {}
    for piece in DENOMINATIONS[currency]:
        found[piece], amount = divmod(amount, piece)
    return found
