"""Shifts and transfers under many hands at once, on both databases; each rule with its guard, and with it taken out.

A careless twin decides on what it read before its turn came (as in `test_finance_races`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm.attributes import set_committed_value

from reception.domain import finance, verify
from reception.domain.errors import NotPossible
from reception.domain.finance import Part, shifts, transfers
from reception.extensions import db
from reception.models import (
    Account,
    Cashbox,
    CashboxShift,
    CashTransfer,
    CashTransferStatus,
    LedgerEntry,
    Method,
    Role,
    VisitStatus,
)
from reception.transaction import perform
from tests.domain import test_finance_races
from tests.domain.test_finance_races import together
from tests.domain.test_shifts import balance
from tests.factories import House

CLIENTS, EACH = 20, 3
seen = test_finance_races.seen
guards = pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "careless"])


def outcomes(results: list[Any], code: str) -> list[Any]:
    """What was done; everything else was refused with `code`."""
    refused = [result for result in results if isinstance(result, Exception)]
    assert {(type(r), getattr(r, "code", "")) for r in refused} <= {(NotPossible, code)}, refused
    return [result for result in results if not isinstance(result, Exception)]


def balance_before_the_lock(box: Cashbox) -> int:
    return int(seen.balances[box.account_id])


@guards
def test_a_shift_closes_while_twenty_clients_pay_into_it(
    house: House, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    shift = house.run(finance.start_shift, house.cash.id, coins={})
    bills = [house.visit(VisitStatus.PENDING_PAYMENT).payment.id for _ in range(CLIENTS * EACH)]
    ident, box_id, part = shift.id, house.cash.id, Part(Method.CASH, house.cash.id, 12_000)
    some = threading.Semaphore(0)
    if not is_guarded:
        monkeypatch.setattr(shifts, "balance_of", balance_before_the_lock)

    def paying(mine: list[int]) -> Callable[[], list[Any]]:
        def act() -> list[Any]:
            found: list[Any] = []
            for bill in mine:
                try:
                    found.append(perform(house.actor, finance.pay, bill, [part]).id)
                except NotPossible as refusal:
                    found.append(refusal)
                some.release()
            return found

        return act

    def close() -> int:
        for _ in range(CLIENTS):  # in the middle: a third of the payments have been tried
            assert some.acquire(timeout=30)
        return int(perform(house.actor, finance.close_shift, ident, amount=0, reason="a race").expected)

    acts: list[Callable[[], Any]] = [paying(bills[n * EACH : (n + 1) * EACH]) for n in range(CLIENTS)]
    *paid, expected = together(house, [*acts, close])
    taken = outcomes([result for some_of in paid for result in some_of], "shift-closed")
    assert len(taken) >= 1
    entries = db.session.execute(
        select(LedgerEntry.operation_id, LedgerEntry.shift_id, LedgerEntry.amount).where(
            LedgerEntry.cashbox_id == box_id, LedgerEntry.event_kind == "operation"
        )
    ).all()
    assert sorted(operation for operation, _, _ in entries) == sorted(taken)
    assert {shift_id for _, shift_id, _ in entries} == {ident}
    holds = expected == sum(amount for _, _, amount in entries) and list(verify.findings()) == []
    assert holds is is_guarded
    if is_guarded:
        assert balance(db.session.get_one(Cashbox, box_id)) == 0


@pytest.fixture
def anew(house: House) -> Iterator[None]:
    """The database is made anew after this test, which takes more out of it than rows."""
    yield
    if db.engine.dialect.name == "postgresql":
        db.session.rollback()
        db.session.execute(text("ALTER TABLE cashbox_shift DISABLE TRIGGER tr_cashbox_shift_delete"))
        db.session.commit()


@pytest.mark.usefixtures("anew")
@pytest.mark.parametrize("left", ["both", "database", "none"])
def test_twenty_people_open_one_shift(house: House, monkeypatch: pytest.MonkeyPatch, left: str) -> None:
    """Two guards: the rule under the cashbox's lock, and the unique index; without both, there are many shifts."""
    if left != "both":
        monkeypatch.setattr(shifts, "shift_of", lambda _box: None)
    if left == "none":
        db.session.execute(text("DROP INDEX uq_cashbox_shift_open"))
        db.session.commit()
    box_id = house.cash.id
    people = [house.person(Role.CASHIER), house.person(Role.ADMIN)] * (CLIENTS // 2)
    db.session.rollback()

    def opening(number: int) -> Callable[[], int]:
        return lambda: int(perform(people[number], finance.start_shift, box_id, coins={}).id)

    done = outcomes(together(house, [opening(number) for number in range(CLIENTS)]), "shift-open")
    standing = db.session.scalar(select(func.count(CashboxShift.id)).where(CashboxShift.closed_at.is_(None)))
    assert len(done) == standing
    assert (standing == 1) is (left != "none")


def status_before_the_lock(kind: Any, ident: int, clinic_id: int) -> Any:
    row = LOCKED(kind, ident, clinic_id)
    if kind is CashTransfer:
        set_committed_value(row, "status", CashTransferStatus.PENDING)
    return row


LOCKED = transfers.locked


@guards
def test_twenty_people_accept_one_transfer(house: House, monkeypatch: pytest.MonkeyPatch, is_guarded: bool) -> None:
    house.pay(house.visit(VisitStatus.PENDING_PAYMENT))
    asked = house.run(finance.ask_transfer, house.cash.id, house.card.id, 100).id
    if not is_guarded:
        monkeypatch.setattr(transfers, "locked", status_before_the_lock)
    results = together(house, [lambda: perform(house.actor, finance.accept_transfer, asked).id] * CLIENTS)
    done = outcomes(results, "answered")
    moved = balance(house.card)
    assert (len(done) == 1 and moved == 100) is is_guarded
    assert moved == 100 * len(done)
    total = db.session.scalar(select(func.sum(Account.balance)).where(Account.id.in_([house.cash.account_id, house.card.account_id])))  # fmt: skip
    assert total == 12_000


def test_forty_expenses_and_transfers_cross_and_nothing_is_lost(house: House) -> None:
    """Both ways between two cashboxes at once, with expenses between: no deadlock reaches anybody, all sums hold."""
    house.pay(house.visit(VisitStatus.PENDING_PAYMENT))
    first = house.run(finance.ask_transfer, house.cash.id, house.card.id, 6_000)
    house.run(finance.accept_transfer, first.id)
    house.run(finance.start_shift, house.cash.id, amount=6_000)
    house.run(finance.start_shift, house.card.id)
    rent = house.run(finance.add_category, "Rent", "EXPENSE").id
    there = [house.run(finance.ask_transfer, house.cash.id, house.card.id, 10).id for _ in range(10)]
    back = [house.run(finance.ask_transfer, house.card.id, house.cash.id, 10).id for _ in range(10)]
    boxes = (house.cash.id, house.card.id)
    db.session.rollback()
    acts: list[Callable[[], Any]] = [
        lambda ident=ident: perform(house.actor, finance.accept_transfer, ident).id  # type: ignore[misc]
        for pair in zip(there, back, strict=True)
        for ident in pair
    ]
    acts += [lambda box=boxes[n % 2]: perform(house.actor, finance.pay_out, box, rent, 7).id for n in range(20)]  # type: ignore[misc]
    assert len(outcomes(together(house, acts), "")) == 40
    assert (balance(house.cash), balance(house.card)) == (6_000 - 70, 6_000 - 70)
    assert list(verify.findings()) == []
