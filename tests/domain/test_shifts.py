"""Cashbox shifts by the verbs: counted, opened, closed, numbered; and that nothing gets past them, not even bare SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from reception.constraints import name_of
from reception.domain import clinic, directory, finance, shift_report, verify
from reception.domain.actors import Actor
from reception.domain.errors import Invalid, NotAllowed, NotFound, NotPossible, Refusal, Stale
from reception.domain.finance import DENOMINATIONS, Part
from reception.extensions import db
from reception.formats import digits
from reception.models import (
    Account,
    AccountKind,
    AuditEntry,
    Cashbox,
    CashboxShift,
    Clinic,
    LedgerEntry,
    LedgerKind,
    Method,
    Operation,
    Role,
    VisitStatus,
)
from tests.factories import House

PRICE = 12_000


def balance(box: Cashbox) -> int:
    return db.session.scalars(select(Account.balance).where(Account.id == box.account_id)).one()


def difference(house: House) -> int:
    query = select(Account.balance).filter_by(kind=AccountKind.DIFFERENCE, clinic_id=house.clinic.id)
    return db.session.scalar(query) or 0


def picture() -> tuple[Any, ...]:
    """All that a refused act must leave as it was."""
    db.session.rollback()
    return tuple(
        db.session.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2")).all()
        for table in ("cashbox_shift", "cash_transfer", "operation", "ledger_entry", "account", "counter", "cashbox",
                      "money_category", "audit_entry")
    )  # fmt: skip


def refused(act: Callable[[], Any], kind: type[Refusal], code: str = "") -> Refusal:
    """`act` is refused with `kind`, and nothing is changed."""
    before = picture()
    with pytest.raises(kind) as caught:
        act()
    assert type(caught.value) is kind
    assert caught.value.code == (code or kind.code)
    assert picture() == before
    return caught.value


def test_every_currencys_pieces_are_its_own() -> None:
    for currency, pieces in DENOMINATIONS.items():
        assert list(pieces) == sorted(set(pieces), reverse=True), currency
        assert all(piece > 0 for piece in pieces)
        assert max(pieces) >= 10 * 10 ** digits(currency), currency
    assert DENOMINATIONS["JPY"][-1] == 1
    assert DENOMINATIONS["EUR"][-1] == 1
    assert DENOMINATIONS["KWD"][0] == 20_000


def test_a_day_at_the_cashbox(house: House) -> None:
    cashier = house.person(Role.CASHIER)
    shift = house.run(finance.start_shift, house.cash.id, coins={5_000: 2, 50: 4}, reason="the float", actor=cashier)
    assert (shift.opening_counted, shift.opening_expected, shift.opening_coins) == (10_200, 0, {"5000": 2, "50": 4})
    assert (balance(house.cash), difference(house)) == (10_200, 10_200)
    db.session.refresh(house.cash)
    assert house.cash.keeps_shifts
    house.pay(house.visit(VisitStatus.PENDING_PAYMENT), 7_000)
    house.pay(house.visit(VisitStatus.PENDING_PAYMENT))
    report = shift_report.read(shift)
    assert (report.opening, report.money_in, report.money_out, report.expected) == (10_200, 19_000, 0, 29_200)
    assert [(row.kind, row.method, row.money_in, row.count) for row in report.rows] == [
        (LedgerKind.PAYMENT, Method.CASH, 19_000, 2)
    ]
    assert (report.first_receipt, report.last_receipt) == ("2026-000002", "2026-000003")
    house.later(hours=6)
    head = db.session.scalars(select(AuditEntry.hash).order_by(AuditEntry.seq.desc()).limit(1)).one()
    closed = house.run(
        finance.close_shift, shift.id, coins={10_000: 2, 5_000: 1, 2_000: 2, 100: 1}, reason="a wrong change",
        expected=29_200, actor=cashier,
    )  # fmt: skip
    assert (closed.counted, closed.expected, closed.number, closed.reason) == (29_100, 29_200, 1, "a wrong change")
    assert (closed.closed_by_id, closed.audit_hash) == (cashier.user_id, head)
    assert (balance(house.cash), difference(house)) == (29_100, 10_100)
    entry = db.session.scalars(select(LedgerEntry).filter_by(event_kind="cashbox_shift", purpose="closing")).one()
    assert (entry.kind, entry.amount, entry.credit_id) == (LedgerKind.ADJUSTMENT, 100, house.cash.account_id)
    assert entry.shift_id == shift.id
    assert list(verify.findings()) == []


def test_without_a_difference_no_reason_is_needed_nor_kept(house: House) -> None:
    shift = house.run(finance.start_shift, house.cash.id, coins={}, reason="nothing to say")
    assert (shift.opening_counted, shift.opening_reason) == (0, "")
    house.pay(house.visit(VisitStatus.PENDING_PAYMENT))
    closed = house.run(finance.close_shift, shift.id, amount=PRICE, reason="all well")
    assert (closed.counted, closed.reason, difference(house)) == (PRICE, "", 0)
    again = house.run(finance.start_shift, house.cash.id, amount=PRICE)
    assert again.opening_expected == PRICE
    assert house.run(finance.close_shift, again.id, amount=PRICE).number == 2
    assert list(verify.findings()) == []


def test_a_terminal_opens_and_closes_with_a_sum_or_none(house: House) -> None:
    shift = house.run(finance.start_shift, house.card.id)
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    house.run(finance.pay, visit.payment.id, [Part(Method.CARD, house.card.id, PRICE)])
    refused(lambda: house.run(finance.close_shift, shift.id, coins={5_000: 1}), Invalid)
    closed = house.run(finance.close_shift, shift.id)
    assert (closed.counted, closed.expected) == (PRICE, PRICE)
    again = house.run(finance.start_shift, house.card.id, amount=PRICE - 1, reason="the fee of the bank")
    assert (again.opening_counted, balance(house.card)) == (PRICE - 1, PRICE - 1)
    assert list(verify.findings()) == []


def test_what_makes_no_sense_is_refused_and_nothing_is_changed(house: House) -> None:
    house.pay(house.visit(VisitStatus.PENDING_PAYMENT))
    start: dict[str, Any]
    for start in (
        {},
        {"coins": {5_000: -1}},
        {"coins": {5_000: 1_000_001}},
        {"coins": {4_999: 1}},
        {"coins": {0: 1}},
        {"coins": {5_000: 2}, "amount": 9_999},
        {"coins": {}},  # not a word about the 120.00 that are missing
        {"amount": PRICE - 1},
        {"amount": PRICE + 1, "reason": "  "},
        {"amount": PRICE + 1, "reason": "x" * 201},
        {"amount": -1, "reason": "less than nothing"},
        {"amount": 10**18, "reason": "rich"},
    ):
        found = refused(lambda start=start: house.run(finance.start_shift, house.cash.id, **start), Invalid)
        assert found.fields
    refused(lambda: house.run(finance.start_shift, house.cash.id, amount=PRICE, expected=PRICE - 1), Stale)
    refused(lambda: house.run(finance.start_shift, 999, amount=0), NotFound)
    house.run(clinic.change_cashbox, house.card.id, name="Terminal", is_open=False)
    refused(lambda: house.run(finance.start_shift, house.card.id), NotPossible, "cashbox-closed")
    shift = house.run(finance.start_shift, house.cash.id, amount=PRICE)
    refused(lambda: house.run(finance.start_shift, house.cash.id, amount=PRICE), NotPossible, "shift-open")
    close: dict[str, Any]
    for close in ({}, {"coins": {5_000: -1}}, {"coins": {3: 1}}, {"amount": -1}, {"amount": 10**18}, {"amount": 0}):
        refused(lambda close=close: house.run(finance.close_shift, shift.id, **close), Invalid)
    refused(lambda: house.run(finance.close_shift, shift.id, amount=PRICE, expected=1), Stale)
    refused(lambda: house.run(finance.close_shift, 999), NotFound)
    house.run(finance.close_shift, shift.id, amount=PRICE)
    refused(lambda: house.run(finance.close_shift, shift.id, amount=PRICE), NotPossible, "shift-closed")


def test_a_shift_is_closed_by_who_opened_it_or_a_manager(house: House) -> None:
    first, second = house.person(Role.CASHIER), house.person(Role.CASHIER, Role.RECEPTIONIST)
    shift = house.run(finance.start_shift, house.cash.id, coins={}, actor=first)
    refused(lambda: house.run(finance.close_shift, shift.id, coins={}, actor=second), NotAllowed)
    assert house.run(finance.close_shift, shift.id, coins={}, actor=house.person(Role.MANAGER)).number == 1


def test_another_clinics_cashbox_and_shift_are_not_there(house: House) -> None:
    other = House.open(house.app, "Hillside", "Asia/Tokyo")
    shift = other.run(finance.start_shift, other.cash.id, coins={})
    refused(lambda: house.run(finance.start_shift, other.cash.id, coins={}), NotFound)
    refused(lambda: house.run(finance.close_shift, shift.id, coins={}), NotFound)
    mine = house.run(finance.start_shift, house.cash.id, coins={})
    assert house.run(finance.close_shift, mine.id, coins={}).number == 1
    assert other.run(finance.close_shift, shift.id, coins={}).number == 1
    assert list(verify.findings()) == []


def test_money_waits_for_an_open_shift(house: House) -> None:
    shift = house.run(finance.start_shift, house.cash.id, coins={})
    house.run(finance.close_shift, shift.id, coins={})
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    found = refused(lambda: house.pay(visit), NotPossible, "shift-closed")
    assert "Cash desk" in str(found)
    assert found.link == ("cashbox", house.cash.id)
    house.run(finance.start_shift, house.cash.id, coins={})
    house.pay(visit)
    assert balance(house.cash) == PRICE
    entry = db.session.scalars(select(LedgerEntry).filter_by(cashbox_id=house.cash.id)).one()
    assert entry.shift_id != shift.id
    assert list(verify.findings()) == []


def test_a_cashbox_with_an_open_shift_stays_open(house: House) -> None:
    house.run(finance.start_shift, house.cash.id, coins={})
    change = {"name": "Cash desk", "is_open": False}
    refused(lambda: house.run(clinic.change_cashbox, house.cash.id, **change), NotPossible, "shift-open")
    refused(lambda: house.run(directory.set_cashbox_open, house.cash.id, False), NotPossible, "shift-open")


@pytest.mark.parametrize(
    "currency, coins, total", [("JPY", {10_000: 3, 1: 7}, 30_007), ("KWD", {20_000: 1, 5: 3}, 20_015)]
)
def test_currencies_with_none_and_three_digits(
    house: House, currency: str, coins: dict[int, int], total: int
) -> None:  # fmt: skip
    def change(*, actor: Actor, at: Any) -> None:
        row = db.session.get_one(Clinic, actor.clinic_id)
        row.currency = currency
        from reception.domain.audit import record

        record(actor, "clinic.change", row, at=at)

    house.run(change)
    other = House(**{**vars(house), "actor": house.person(*Role)})
    shift = other.run(finance.start_shift, house.cash.id, coins=coins, reason="float")
    assert shift.opening_counted == total
    refused(lambda: other.run(finance.close_shift, shift.id, coins={50_000: 1}, reason="euro"), Invalid)
    assert other.run(finance.close_shift, shift.id, coins=coins).number == 1


# ------------------------------------------------------------------------------------------- past every rule in Python

ENTRY = (
    "INSERT INTO ledger_entry (clinic_id, at, day, kind, debit_id, credit_id, amount, cashbox_id, shift_id, event_kind,"
    " event_id, purpose) VALUES (:clinic, '2026-11-20 12:00:00', '2026-11-20', 'PAYMENT', :debit, :credit, 100, :box,"
    " :shift, 'test', 1, 'bare')"
)


def bare(house: House, box: Cashbox, shift_id: int | None) -> str:
    """What refuses a bare entry into `box` that names the shift; empty where nothing does."""
    other = finance.account(AccountKind.INCOME, house.clinic.id)
    values = {"clinic": house.clinic.id, "debit": box.account_id, "credit": other, "box": box.id, "shift": shift_id}
    try:
        db.session.execute(text(ENTRY), values)
    except DBAPIError as error:
        return name_of(error)
    finally:
        db.session.rollback()
    return ""


def test_the_database_lets_nothing_into_a_closed_shift(house: House) -> None:
    assert bare(house, house.cash, None) == ""
    shift = house.run(finance.start_shift, house.cash.id, coins={})
    ident = shift.id
    assert bare(house, house.cash, ident) == ""
    assert bare(house, house.cash, None) == "tr_ledger_entry_shift"
    assert bare(house, house.card, ident) == "tr_ledger_entry_shift"
    house.run(finance.close_shift, ident, coins={})
    assert bare(house, house.cash, ident) == "tr_ledger_entry_shift"
    assert bare(house, house.cash, None) == "tr_ledger_entry_shift"
    for statement in (
        "UPDATE cashbox_shift SET closed_at = NULL, counted = NULL, expected = NULL, number = NULL",
        "UPDATE cashbox_shift SET counted = 5, reason = 'mine'",
        "DELETE FROM cashbox_shift",
    ):
        with pytest.raises(DBAPIError) as caught:
            db.session.execute(text(statement))
        db.session.rollback()
        assert name_of(caught.value) in ("tr_cashbox_shift_closed", "tr_cashbox_shift_delete")


def without_triggers() -> None:
    """Until the transaction is rolled back."""
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text("SET LOCAL session_replication_role = replica"))
        return
    for (name,) in db.session.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
        db.session.execute(text(f"DROP TRIGGER {name}"))


def test_verify_finds_what_was_done_to_shifts_past_the_guards(house: House) -> None:
    def closed(box: Cashbox) -> CashboxShift:
        shift = house.run(finance.start_shift, box.id, coins={})
        return house.run(finance.close_shift, shift.id, coins={})

    first, second = closed(house.cash), closed(house.cash)
    third = house.run(finance.start_shift, house.cash.id, coins={})
    house.pay(house.visit(VisitStatus.PENDING_PAYMENT))
    terminal = house.run(finance.start_shift, house.card.id)
    idents = {"first": first.id, "second": second.id, "third": third.id, "terminal": terminal.id}
    assert list(verify.findings()) == []
    without_triggers()
    for statement in (
        "UPDATE cashbox_shift SET expected = 7, counted = 7 WHERE id = :first",
        "UPDATE cashbox_shift SET opening_expected = 3, opening_counted = 3 WHERE id = :third",
        "UPDATE cashbox_shift SET number = 5 WHERE id = :second",
        "UPDATE cashbox_shift SET audit_hash = 'ff' WHERE id = :first",
        "UPDATE ledger_entry SET shift_id = :terminal WHERE shift_id = :third",
        "UPDATE ledger_entry SET shift_id = :first WHERE shift_id = :third",
        "UPDATE cashbox_shift SET opened_at = '2027-01-01 00:00:00' WHERE id = :third",
        "UPDATE cashbox SET keeps_shifts = (1 = 0)",
    ):
        with db.session.begin_nested() as savepoint:
            db.session.execute(text(statement), {n: v for n, v in idents.items() if f":{n}" in statement})
            db.session.expire_all()
            assert [line for line in verify.findings() if "shift" in line or "Z report" in line], statement
            savepoint.rollback()
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Operation)) == 1
