"""Money from one cashbox to another: asked by one side, accepted by the other, never more than is there."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from reception.constraints import name_of
from reception.domain import clinic, directory, finance, shift_report, verify
from reception.domain.actors import Actor
from reception.domain.errors import Invalid, NotAllowed, NotFound, NotPossible, Stale
from reception.extensions import db
from reception.models import Cashbox, CashTransfer, LedgerEntry, LedgerKind, Method, Role, VisitStatus
from tests.domain.test_shifts import PRICE, balance, difference, refused
from tests.factories import House

R = Role


def people(house: House) -> tuple[Actor, Actor, Actor]:
    """Two cashiers and a manager."""
    return house.person(R.CASHIER), house.person(R.CASHIER, R.RECEPTIONIST), house.person(R.MANAGER)


def second_desk(house: House) -> Cashbox:
    return house.run(directory.add_cashbox, "Second desk", "CASH")


def full(house: House) -> None:
    """120.00 in the cash desk."""
    house.pay(house.visit(VisitStatus.PENDING_PAYMENT))


def test_it_moves_when_the_other_side_accepts(house: House) -> None:
    one, two, _ = people(house)
    full(house)
    desk = second_desk(house)
    mine = house.run(finance.start_shift, house.cash.id, amount=PRICE, actor=one)
    theirs = house.run(finance.start_shift, desk.id, coins={}, actor=two)
    asked = house.run(finance.ask_transfer, house.cash.id, desk.id, 5_000, note="change", actor=one)
    assert (balance(house.cash), balance(desk)) == (PRICE, 0)
    assert [row.id for row in shift_report.open_transfers(house.actor)] == [asked.id]
    refused(lambda: house.run(finance.accept_transfer, asked.id, actor=one), NotAllowed)
    refused(lambda: house.run(finance.refuse_transfer, asked.id, actor=one), NotAllowed)
    refused(lambda: house.run(finance.withdraw_transfer, asked.id, actor=two), NotAllowed)
    done = house.run(finance.accept_transfer, asked.id, actor=two)
    assert (balance(house.cash), balance(desk), difference(house)) == (PRICE - 5_000, 5_000, 0)
    entries = db.session.scalars(select(LedgerEntry).filter_by(operation_id=done.operation_id).order_by(LedgerEntry.id))
    assert [(e.kind, e.method, e.cashbox_id, e.shift_id, e.amount) for e in entries] == [
        (LedgerKind.TRANSFER, Method.CASH, house.cash.id, mine.id, 5_000),
        (LedgerKind.TRANSFER, Method.CASH, desk.id, theirs.id, 5_000),
    ]
    refused(lambda: house.run(finance.accept_transfer, asked.id, actor=two), NotPossible, "answered")
    refused(lambda: house.run(finance.withdraw_transfer, asked.id, actor=one), NotPossible, "answered")
    assert (shift_report.read(mine).expected, shift_report.read(theirs).expected) == (PRICE - 5_000, 5_000)
    house.run(finance.close_shift, mine.id, amount=PRICE - 5_000, actor=one)
    house.run(finance.close_shift, theirs.id, amount=5_000, actor=two)
    assert list(verify.findings()) == []


def test_who_may_answer_and_who_withdraw(house: House) -> None:
    one, two, manager = people(house)
    full(house)

    def asked(actor: Actor) -> int:
        return house.run(finance.ask_transfer, house.cash.id, house.card.id, 100, actor=actor).id

    first = asked(one)  # the terminal keeps no shifts: anybody but the one who asked
    refused(lambda: house.run(finance.accept_transfer, first, actor=one), NotAllowed)
    house.run(finance.accept_transfer, first, actor=two)
    own = asked(manager)
    refused(lambda: house.run(finance.accept_transfer, own, actor=manager), NotAllowed)
    house.run(finance.withdraw_transfer, own, actor=manager)
    house.run(finance.start_shift, house.card.id, actor=one)
    third = asked(one)  # who has the terminal's shift is at both sides
    refused(lambda: house.run(finance.accept_transfer, third, actor=two), NotAllowed)
    house.run(finance.accept_transfer, third, actor=one)
    fourth = asked(one)
    house.run(finance.refuse_transfer, fourth, actor=manager)
    fifth = asked(one)
    house.run(finance.withdraw_transfer, fifth, actor=manager)
    assert (balance(house.cash), balance(house.card)) == (PRICE - 200, 200)
    assert list(verify.findings()) == []


def test_a_shift_with_a_transfer_on_its_way_does_not_close(house: House) -> None:
    full(house)
    shift = house.run(finance.start_shift, house.cash.id, amount=PRICE)
    terminal = house.run(finance.start_shift, house.card.id)
    asked = house.run(finance.ask_transfer, house.cash.id, house.card.id, 5_000)
    for ident in (shift.id, terminal.id):
        found = refused(lambda ident=ident: house.run(finance.close_shift, ident, amount=0, reason="x"), NotPossible,
                        "transfer-pending")  # fmt: skip
        assert "from Cash desk to Terminal" in str(found)
        assert found.link == ("cash_transfer", asked.id)
    house.run(finance.refuse_transfer, asked.id)
    house.run(finance.close_shift, shift.id, amount=PRICE)
    house.run(finance.close_shift, terminal.id)
    assert list(verify.findings()) == []


def test_never_more_than_is_there_when_it_is_accepted(house: House) -> None:
    full(house)
    ask = (finance.ask_transfer, house.cash.id, house.card.id)
    refused(lambda: house.run(*ask, PRICE + 1), NotPossible, "not-enough")
    first, second = house.run(*ask, PRICE), house.run(*ask, PRICE)
    house.run(finance.accept_transfer, first.id)
    refused(lambda: house.run(finance.accept_transfer, second.id), NotPossible, "not-enough")
    assert (balance(house.cash), balance(house.card)) == (0, PRICE)


def test_what_makes_no_sense_is_refused_and_nothing_is_changed(house: House) -> None:
    full(house)
    other = House.open(house.app, "Hillside")
    for amount in (0, -1, 10**15 + 1, 10**18):
        refused(lambda a=amount: house.run(finance.ask_transfer, house.cash.id, house.card.id, a), Invalid)
    refused(lambda: house.run(finance.ask_transfer, house.cash.id, house.cash.id, 1), Invalid)
    refused(lambda: house.run(finance.ask_transfer, house.cash.id, house.card.id, 1, note="x" * 201), Invalid)
    for source, target in ((house.cash.id, other.cash.id), (other.cash.id, house.cash.id), (house.cash.id, 999)):
        refused(lambda s=source, t=target: house.run(finance.ask_transfer, s, t, 1), NotFound)
    asked = house.run(finance.ask_transfer, house.cash.id, house.card.id, 100)
    refused(lambda: other.run(finance.accept_transfer, asked.id), NotFound)
    refused(lambda: house.run(finance.accept_transfer, asked.id, version=9), Stale)
    house.run(clinic.change_cashbox, house.card.id, name="Terminal", is_open=False)
    refused(lambda: house.run(finance.accept_transfer, asked.id), NotPossible, "cashbox-closed")
    house.run(finance.withdraw_transfer, asked.id)
    shift = house.run(finance.start_shift, house.cash.id, amount=PRICE)
    house.run(finance.close_shift, shift.id, amount=PRICE)
    desk = second_desk(house)
    refused(lambda: house.run(finance.ask_transfer, house.cash.id, desk.id, 1), NotPossible, "shift-closed")


def test_the_database_knows_the_steps_of_a_transfer(house: House) -> None:
    full(house)
    asked = house.run(finance.ask_transfer, house.cash.id, house.card.id, 100)
    house.run(finance.withdraw_transfer, asked.id)
    ident = asked.id
    db.session.rollback()
    for status in ("PENDING", "REFUSED", "ACCEPTED"):
        with pytest.raises(DBAPIError) as caught:
            db.session.execute(text("UPDATE cash_transfer SET status = :s WHERE id = :i"), {"s": status, "i": ident})
        db.session.rollback()
        assert name_of(caught.value) == "tr_cash_transfer_status"
    assert db.session.get_one(CashTransfer, ident).status == "WITHDRAWN"
