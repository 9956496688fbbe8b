"""Many cashiers at once, in real transactions. Each rule is asked twice: as it is, and with its guard taken out.

The guard of a bill is that it is read again under its lock; of a balance, that the database adds to it. The careless
twin decides on what it read before its turn came, which is what happens wherever such a guard is forgotten.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, update
from sqlalchemy.orm.attributes import set_committed_value

from reception.domain import finance, verify
from reception.domain.actors import Actor
from reception.domain.errors import NotPossible, Refusal
from reception.domain.finance import Part, payments
from reception.extensions import db
from reception.models import Account, LedgerEntry, Method, Operation, Payment, Visit, VisitStatus
from reception.transaction import perform
from tests.factories import House

PRICE = 12_000
CLIENTS = 20

seen = threading.local()
"""What the careless twin read before its turn: `bill`, `balances`."""


def together(house: House, acts: list[Callable[[], Any]]) -> list[Any]:
    """Run the acts at the same moment, each in a thread and session of its own; results and refusals in their order."""
    results: list[Any] = [None] * len(acts)
    start = threading.Barrier(len(acts), timeout=30)

    def client(number: int) -> None:
        with house.app.app_context():
            seen.bill = {b.id: (b.status, b.amount_paid) for b in db.session.scalars(select(Payment))}
            seen.balances = {a.id: a.balance for a in db.session.scalars(select(Account))}
            db.session.rollback()
            start.wait()
            try:
                results[number] = acts[number]()
            except Refusal as refusal:
                results[number] = refusal
            finally:
                db.session.remove()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    db.session.rollback()
    return results


def paying(house: House, payment_id: int, amount: int) -> Callable[[], str]:
    part = Part(Method.CASH, house.cash.id, amount)  # made here: the row belongs to this thread's session
    return lambda: str(perform(house.actor, finance.pay, payment_id, [part]).receipt_no)


def read_before_the_lock(kind: Any, ident: int, clinic_id: int) -> Any:
    """`locked` as a careless hand writes it: what was read earlier is believed."""
    row = GUARDED["locked"](kind, ident, clinic_id)
    if kind is Payment:
        status, amount_paid = seen.bill[ident]
        set_committed_value(row, "status", status)
        set_committed_value(row, "amount_paid", amount_paid)
    return row


def read_compute_write(entries: Any) -> Any:
    """`post` as a careless hand writes it: the balance is reckoned here and written back."""
    entries = list(entries)
    db.session.add_all(entries)
    db.session.flush()
    for ident in sorted({e.debit_id for e in entries} | {e.credit_id for e in entries}):
        change = sum(e.amount if e.debit_id == ident else -e.amount for e in entries)
        balance = seen.balances[ident] + change
        db.session.execute(update(Account).where(Account.id == ident).values(balance=balance))
    return entries


GUARDED = {"locked": payments.locked, "post": payments.post}


def holds(house: House, visit: Visit, results: list[Any], taken: int) -> bool:
    """Whether bill, cashbox, ledger and receipts say the same: `taken`."""
    bill = db.session.scalars(select(Payment).where(Payment.visit_id == visit.id)).one()
    balance = db.session.scalars(select(Account.balance).where(Account.id == house.cash.account_id)).one()
    entries = db.session.scalars(select(LedgerEntry.amount).filter_by(cashbox_id=house.cash.id)).all()
    receipts = sorted(r for r in results if isinstance(r, str))
    return (
        (bill.amount_paid, balance, sum(entries)) == (taken, taken, taken)
        and receipts == [f"2026-{number:06d}" for number in range(1, len(receipts) + 1)]
        and list(verify.findings()) == []
    )


@pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "careless"])
def test_twenty_clients_pay_one_bill_at_once(house: House, monkeypatch: pytest.MonkeyPatch, is_guarded: bool) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    if not is_guarded:
        monkeypatch.setattr(payments, "locked", read_before_the_lock)
    results = together(house, [paying(house, visit.payment.id, PRICE)] * CLIENTS)
    taken = [result for result in results if isinstance(result, str)]
    if not is_guarded:
        assert len(taken) > 1
        assert not holds(house, visit, results, PRICE)
        return
    assert len(taken) == 1
    refused = [result for result in results if not isinstance(result, str)]
    assert {(type(r), r.code, r.state) for r in refused} == {(NotPossible, "not-payable", "PAID")}
    assert holds(house, visit, results, PRICE)
    db.session.refresh(visit)
    assert visit.status == VisitStatus.COMPLETED


@pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "careless"])
def test_twenty_parts_of_one_bill_at_once_add_up(
    house: House, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:  # fmt: skip
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    if not is_guarded:
        monkeypatch.setattr(payments, "locked", read_before_the_lock)
    results = together(house, [paying(house, visit.payment.id, PRICE // CLIENTS)] * CLIENTS)
    assert all(isinstance(result, str) for result in results)
    assert holds(house, visit, results, PRICE) is is_guarded


@pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "careless"])
def test_forty_payments_into_one_cashbox_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:  # fmt: skip
    bills = [house.visit().payment.id for _ in range(2 * CLIENTS)]
    if not is_guarded:
        monkeypatch.setattr(payments, "post", read_compute_write)
    one_after_the_other = [
        (lambda first, second: lambda: [first(), second()])(*(paying(house, bill, 100 + bill) for bill in pair))
        for pair in zip(bills[::2], bills[1::2], strict=True)
    ]
    results = [receipt for pair in together(house, one_after_the_other) for receipt in pair]
    assert sorted(results) == [f"2026-{number:06d}" for number in range(1, 2 * CLIENTS + 1)]
    balance = db.session.scalars(select(Account.balance).where(Account.id == house.cash.account_id)).one()
    assert (balance == sum(100 + bill for bill in bills)) is is_guarded
    assert (list(verify.findings()) == []) is is_guarded


def test_nobody_closes_a_cashbox_under_a_payment(house: House, database_url: str) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)

    def is_free() -> bool:
        """Whether somebody else could take the cashbox for closing it now, without waiting."""
        if house.app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
            with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"), timeout=0)) as other:
                try:
                    other.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:
                    return False
                return True
        with psycopg.connect(database_url) as other:
            try:
                other.execute("SELECT 1 FROM cashbox WHERE id = %s FOR NO KEY UPDATE NOWAIT", [house.cash.id])
            except psycopg.errors.LockNotAvailable:
                return False
            return True

    def pay_and_look(payment_id: int, part: Part, *, actor: Actor, at: Any) -> Operation:
        operation = finance.pay(payment_id, [part], actor=actor, at=at)
        assert not is_free()
        return operation

    assert is_free()
    house.run(pay_and_look, visit.payment.id, Part(Method.CASH, house.cash.id, PRICE))
    db.session.rollback()
    assert is_free()
