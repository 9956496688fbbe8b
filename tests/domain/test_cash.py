"""Other income and expenses: into and out of a cashbox with a category, and taken back at once."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from reception.domain import finance, verify
from reception.domain.errors import Invalid, NotAllowed, NotFound, NotPossible
from reception.extensions import db
from reception.models import Account, AccountKind, CategoryKind, LedgerEntry, LedgerKind, Method, MoneyCategory, Role
from tests.domain.test_shifts import balance, refused
from tests.factories import House


@pytest.fixture
def rent(house: House) -> MoneyCategory:
    return house.run(finance.add_category, "Rent", CategoryKind.EXPENSE)


@pytest.fixture
def sales(house: House) -> MoneyCategory:
    return house.run(finance.add_category, "Crutches sold", CategoryKind.INCOME)


def held(house: House, kind: AccountKind) -> int:
    return db.session.scalar(select(Account.balance).filter_by(kind=kind, clinic_id=house.clinic.id)) or 0


def test_income_and_expense_are_operations_with_receipts(
    house: House, rent: MoneyCategory, sales: MoneyCategory
) -> None:  # fmt: skip
    cashier = house.person(Role.CASHIER)
    shift = house.run(finance.start_shift, house.cash.id, coins={}, actor=cashier)
    came = house.run(finance.take_in, house.cash.id, sales.id, 7_500, note="two pairs", actor=cashier)
    went = house.run(finance.pay_out, house.cash.id, rent.id, 2_500, actor=cashier)
    assert (balance(house.cash), held(house, AccountKind.INCOME), held(house, AccountKind.EXPENSE)) == (
        5_000, 7_500, 2_500,
    )  # fmt: skip
    assert (came.kind, came.category_id, came.note, came.receipt_no) == (
        LedgerKind.ADJUSTMENT, sales.id, "two pairs", "2026-000001",
    )  # fmt: skip
    assert (went.kind, went.category_id, went.receipt_no) == (LedgerKind.EXPENSE, rent.id, "2026-000002")
    entries = db.session.scalars(select(LedgerEntry).filter_by(cashbox_id=house.cash.id).order_by(LedgerEntry.id))
    assert [(e.method, e.shift_id, e.amount, e.cashier_id) for e in entries] == [
        (Method.CASH, shift.id, 7_500, cashier.user_id), (Method.CASH, shift.id, 2_500, cashier.user_id),
    ]  # fmt: skip
    assert list(verify.findings()) == []


def test_an_expense_is_never_more_than_is_there(house: House, rent: MoneyCategory) -> None:
    refused(lambda: house.run(finance.pay_out, house.cash.id, rent.id, 1), NotPossible, "not-enough")


def test_undo_within_thirty_seconds_is_a_new_act(house: House, rent: MoneyCategory, sales: MoneyCategory) -> None:
    cashier, other = house.person(Role.CASHIER), house.person(Role.ADMIN)
    house.run(finance.start_shift, house.cash.id, coins={}, actor=cashier)
    came = house.run(finance.take_in, house.cash.id, sales.id, 7_500, actor=cashier)
    house.later(seconds=15)
    refused(lambda: house.run(finance.undo_cash, came.id, actor=other), NotAllowed)
    back = house.run(finance.undo_cash, came.id, actor=cashier)
    assert (back.kind, back.amount, back.receipt_no) == (LedgerKind.ADJUSTMENT, 7_500, "2026-000002")
    assert (balance(house.cash), held(house, AccountKind.INCOME)) == (0, 0)
    first, second = db.session.scalars(select(LedgerEntry).order_by(LedgerEntry.id)).all()
    assert (second.reverses_id, second.shift_id, second.method) == (first.id, first.shift_id, Method.CASH)
    refused(lambda: house.run(finance.undo_cash, came.id, actor=cashier), NotPossible, "undone-already")
    refused(lambda: house.run(finance.undo_cash, back.id, actor=cashier), NotPossible, "not-undoable")
    late = house.run(finance.take_in, house.cash.id, sales.id, 100, actor=cashier)
    house.later(seconds=31)
    refused(lambda: house.run(finance.undo_cash, late.id, actor=cashier), NotPossible, "too-late")
    assert list(verify.findings()) == []


def test_what_is_spent_meanwhile_or_in_a_closed_shift_is_not_undone(
    house: House, rent: MoneyCategory, sales: MoneyCategory
) -> None:
    shift = house.run(finance.start_shift, house.cash.id, coins={})
    came = house.run(finance.take_in, house.cash.id, sales.id, 500)
    went = house.run(finance.pay_out, house.cash.id, rent.id, 500)
    refused(lambda: house.run(finance.undo_cash, came.id), NotPossible, "not-enough")
    house.run(finance.close_shift, shift.id, coins={})
    refused(lambda: house.run(finance.undo_cash, went.id), NotPossible, "shift-closed")
    house.run(finance.start_shift, house.cash.id, coins={})
    refused(lambda: house.run(finance.undo_cash, went.id), NotPossible, "shift-closed")
    payment = house.pay(house.visit("PENDING_PAYMENT"))
    refused(lambda: house.run(finance.undo_cash, payment.id), NotFound)
    assert list(verify.findings()) == []


def test_what_makes_no_sense_is_refused_and_nothing_is_changed(
    house: House, rent: MoneyCategory, sales: MoneyCategory
) -> None:
    other = House.open(house.app, "Hillside")
    foreign = other.run(finance.add_category, "Rent", CategoryKind.EXPENSE)
    for amount in (0, -5, 10**18):
        assert (
            "amount" in refused(lambda a=amount: house.run(finance.take_in, house.cash.id, sales.id, a), Invalid).fields
        )
    refused(lambda: house.run(finance.take_in, house.cash.id, rent.id, 5), Invalid)
    refused(lambda: house.run(finance.pay_out, house.cash.id, sales.id, 5), Invalid)
    refused(lambda: house.run(finance.take_in, house.cash.id, sales.id, 5, note="x" * 201), Invalid)
    refused(lambda: house.run(finance.take_in, house.cash.id, foreign.id, 5), NotFound)
    refused(lambda: house.run(finance.take_in, other.cash.id, sales.id, 5), NotFound)
    refused(lambda: house.run(finance.undo_cash, 999), NotFound)
    refused(lambda: house.run(finance.add_category, " ", CategoryKind.INCOME), Invalid)
    refused(lambda: house.run(finance.add_category, "Rent", CategoryKind.EXPENSE), NotPossible, "duplicate")
    house.run(finance.change_category, sales.id, name="Sales", is_active=False)
    refused(lambda: house.run(finance.take_in, house.cash.id, sales.id, 5), Invalid)
    assert finance.categories(house.clinic.id, CategoryKind.INCOME) == []
    shift = house.run(finance.start_shift, house.cash.id, coins={})
    house.run(finance.close_shift, shift.id, coins={})
    house.run(finance.change_category, sales.id, name="Sales", is_active=True)
    refused(lambda: house.run(finance.take_in, house.cash.id, sales.id, 5), NotPossible, "shift-closed")
