"""Several bills at once, deposits and bonus by hand: what comes together, and that it is all or none."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from reception.domain import debts, finance, merging, patients, receipts, verify
from reception.domain.errors import Invalid, NotFound, NotPossible, Refusal, Stale
from reception.domain.finance import Part, Seen
from reception.extensions import db
from reception.models import Account, AccountKind, LedgerEntry, LedgerKind, Method, Payment, Visit, VisitStatus
from tests.domain.test_refunds import bill_of, box, card, cash, dump, settled
from tests.factories import House

PRICE = 12_000


def family(house: House) -> tuple[int, list[Visit]]:
    """A mother and two children, each with a bill to pay."""
    mother = house.patient("Berg")
    children = [house.patient("Berg", guardian_id=mother.id) for _ in range(2)]
    return mother.id, [house.visit(VisitStatus.PENDING_PAYMENT, patient=who) for who in (mother, *children)]


def seen(visit: Visit) -> Seen:
    bill = bill_of(visit)
    return Seen(bill.id, bill.version, bill.due_amount)


def test_a_family_pays_at_once_with_one_receipt(house: House) -> None:
    mother, visits = family(house)
    house.run(finance.take_deposit, mother, [cash(house, 5_000)])
    house.run(finance.add_bonus, mother, 1_000, "A present")
    parts = [
        Part(Method.BONUS, None, 1_000),
        Part(Method.DEPOSIT, None, 5_000),
        card(house, 10_000),
        cash(house, 20_000),
    ]
    wish = [seen(visit) for visit in visits]
    operation = house.run(finance.pay_several, mother, wish, parts, amount=36_000, received=30_000)
    assert (operation.payment_id, operation.patient_id, operation.change_given) == (None, mother, 10_000)
    assert [bill_of(visit).status for visit in visits] == ["PAID"] * 3
    assert [db.session.get_one(Visit, visit.id).status for visit in visits] == ["COMPLETED"] * 3
    entries = db.session.execute(
        select(LedgerEntry.payment_id, LedgerEntry.method, LedgerEntry.amount)
        .where(LedgerEntry.operation_id == operation.id, LedgerEntry.kind == LedgerKind.PAYMENT)
        .order_by(LedgerEntry.id)
    ).all()
    first, second, third = (visit.payment.id for visit in visits)
    assert list(map(tuple, entries)) == [
        (first, "BONUS", 1_000), (first, "DEPOSIT", 5_000), (first, "CARD", 6_000), (second, "CARD", 4_000),
        (second, "CASH", 8_000), (third, "CASH", 12_000),
    ]  # fmt: skip
    receipt = receipts.of(operation)
    assert [(one.bill.id, one.amount, one.before) for one in receipt.bills] == [
        (b, PRICE, 0) for b in (first, second, third)
    ]
    assert {(p.method, p.amount) for p in receipt.pieces} == {
        ("BONUS", 1_000), ("DEPOSIT", 5_000), ("CARD", 10_000), ("CASH", 20_000),
    }  # fmt: skip
    assert balance(mother, AccountKind.BONUS_OWED) == balance(mother, AccountKind.DEPOSIT_HELD) == 0
    # A refund of one child's bill goes back by the ways that paid it, and only of that bill.
    house.run(finance.refund, second, "Ill")
    assert (box(house.card), box(house.cash)) == (6_000, 5_000 + 20_000 - 8_000)
    house.run(finance.refund, first, "Ill, too")
    assert (balance(mother, AccountKind.BONUS_OWED), balance(mother, AccountKind.DEPOSIT_HELD)) == (1_000, 5_000)
    for visit in visits:
        settled(house, visit)


def balance(patient_id: int, kind: AccountKind) -> int:
    return db.session.scalar(select(Account.balance).filter_by(patient_id=patient_id, kind=kind)) or 0


def test_less_than_all_fills_the_oldest_first(house: House) -> None:
    mother, visits = family(house)
    house.run(finance.pay_several, mother, [seen(visit) for visit in reversed(visits)], [cash(house, 15_000)])
    assert [(bill_of(v).status, bill_of(v).amount_paid) for v in visits] == [
        ("PAID", PRICE), ("PARTIALLY_PAID", 3_000), ("PENDING", 0),
    ]  # fmt: skip
    assert list(verify.findings()) == []


def test_one_bill_that_changed_stops_all_of_them(house: House) -> None:
    mother, visits = family(house)
    wish = [seen(visit) for visit in visits]
    house.run(finance.pay, visits[2].payment.id, [cash(house, 1)])
    paid = house.visit(VisitStatus.COMPLETED)
    gone = house.visit(VisitStatus.CANCELLED)
    other = House.open(house.app, "Hillside").visit(VisitStatus.PENDING_PAYMENT)
    money = [cash(house, 3 * PRICE)]
    tries: list[tuple[type[Refusal], int, list[Seen], list[Part], dict[str, Any]]] = [
        (Stale, mother, wish, money, {}),
        (NotPossible, mother, [wish[0], Seen(paid.payment.id)], money, {}),
        (NotPossible, mother, [wish[0], Seen(gone.payment.id)], money, {}),
        (NotFound, mother, [wish[0], Seen(other.payment.id)], money, {}),
        (NotFound, other.patient_id, wish[:2], money, {}),
        (Invalid, mother, [], money, {}),
        (Invalid, mother, [wish[0], wish[0]], money, {}),
        (Invalid, mother, wish[:2], [cash(house, 2 * PRICE + 1)], {}),
        (Invalid, mother, wish[:2], [cash(house, 2 * PRICE)], {"amount": 2 * PRICE - 1}),
        (Invalid, mother, wish[:2], [cash(house, 0)], {}),
        (Invalid, mother, wish[:2], [cash(house, -1)], {}),
        (Invalid, mother, wish[:2], [cash(house, 10**18)], {}),
        (Invalid, mother, wish[:2], [Part(Method.INSURANCE, None, 5)], {}),
        (Invalid, mother, wish[:2], [Part(Method.BONUS, None, 5, visits[1].patient_id)], {}),
        (NotPossible, mother, wish[:2], [Part(Method.BONUS, None, 5)], {}),
        (NotPossible, mother, wish[:2], [Part(Method.DEPOSIT, None, 5)], {}),
    ]
    before = dump()
    for kind, payer, bills, parts, more in tries:
        with pytest.raises(kind):
            house.run(finance.pay_several, payer, bills, parts, **more)
        assert dump() == before, (kind, bills, parts)


def test_bonus_and_deposit_of_the_guardian_pay_for_a_child_and_of_nobody_else(house: House) -> None:
    mother, visits = family(house)
    stranger = house.patient()
    for who in (mother, stranger.id):
        house.run(finance.take_deposit, who, [cash(house, 5_000)])
    bill = visits[1].payment.id
    before = dump()
    with pytest.raises(Invalid, match="belongs to somebody else"):
        house.run(finance.pay, bill, [Part(Method.DEPOSIT, None, 5_000, stranger.id)])
    assert dump() == before
    house.run(finance.pay, bill, [Part(Method.DEPOSIT, None, 5_000, mother)])
    assert balance(mother, AccountKind.DEPOSIT_HELD) == 0
    assert list(verify.findings()) == []


def test_a_booking_is_paid_before_the_visit_and_nothing_is_left_at_its_end(house: House) -> None:
    appointment = house.booked()
    visit = db.session.scalars(select(Visit).filter_by(appointment_id=appointment.id)).one()
    house.run(finance.pay, visit.payment.id, [card(house, PRICE)])
    assert bill_of(visit).status == "PAID"
    house.check_in(appointment)
    for move in ("call", "start", "finish"):
        house.move(visit, move)
    assert db.session.get_one(Visit, visit.id).status == VisitStatus.COMPLETED
    assert list(verify.findings()) == []


def test_a_deposit_comes_and_goes_and_never_below_zero(house: House) -> None:
    patient = house.patient()
    first = house.run(finance.take_deposit, patient.id, [cash(house, 5_000), card(house, 2_000)], received=6_000)
    assert (first.change_given, balance(patient.id, AccountKind.DEPOSIT_HELD)) == (1_000, 7_000)
    house.run(finance.give_back_deposit, patient.id, cash(house, 3_000), "Moves away")
    assert (box(house.cash), balance(patient.id, AccountKind.DEPOSIT_HELD)) == (2_000, 4_000)
    before = dump()
    for part, reason, kind in (
        (cash(house, 4_001), "No", NotPossible),  # neither in the drawer nor in the deposit
        (card(house, 2_001), "No", NotPossible),
        (cash(house, 0), "No", Invalid),
        (cash(house, 1), "", Invalid),
        (Part(Method.BONUS, None, 1), "No", Invalid),
    ):
        with pytest.raises(kind):
            house.run(finance.give_back_deposit, patient.id, part, reason)
        assert dump() == before
    assert list(verify.findings()) == []


def test_bonus_by_hand_pays_off_the_debt_first_and_is_never_overdrawn(house: House) -> None:
    friend = house.patient()
    visit = house.visit(VisitStatus.PENDING_PAYMENT, patient=house.patient(referred_by_id=friend.id))
    house.run(finance.pay, visit.payment.id, [cash(house, PRICE)])
    house.run(finance.withdraw_bonus, friend.id, 1_000, "In cash", cashbox_id=house.cash.id)
    house.run(finance.withdraw_bonus, friend.id, 100, "By mistake")
    assert (box(house.cash), balance(friend.id, AccountKind.BONUS_OWED)) == (PRICE - 1_000, 100)
    house.run(finance.refund, visit.payment.id, "Not done", amount=10_000)
    assert debts.purse(db.session.get_one(type(friend), friend.id)) == debts.Purse(0, 900, 0)
    house.run(finance.add_bonus, friend.id, 1_500, "Makes up for it")
    assert debts.purse(db.session.get_one(type(friend), friend.id)) == debts.Purse(600, 0, 0)
    rows, more = debts.bonus_history(house.actor, db.session.get_one(type(friend), friend.id))
    assert [(row.amount, row.reason) for row, _, _ in rows] == [
        (600, "Makes up for it"), (900, "Makes up for it"), (-900, ""), (-100, ""), (-100, "By mistake"),
        (-1_000, "In cash"), (1_200, ""),
    ]  # fmt: skip
    assert more is None
    before = dump()
    for verb, amount, values in (
        (finance.withdraw_bonus, 601, {"cashbox_id": house.cash.id}),
        (finance.withdraw_bonus, 601, {}),
        (finance.withdraw_bonus, 0, {}),
        (finance.withdraw_bonus, 1, {"cashbox_id": house.card.id}),
        (finance.add_bonus, 0, {}),
        (finance.add_bonus, -5, {}),
        (finance.add_bonus, 10**18, {}),
    ):
        with pytest.raises((Invalid, NotPossible)):
            house.run(verb, friend.id, amount, "No", **values)
        assert dump() == before
    settled(house, visit)


def test_the_bonus_follows_cards_that_were_merged(house: House) -> None:
    friend, twin = house.patient("Novak"), house.patient("Novak")
    visit = house.visit(VisitStatus.PENDING_PAYMENT, patient=house.patient(referred_by_id=friend.id))
    house.run(finance.pay, visit.payment.id, [cash(house, PRICE // 2)])
    house.run(merging.merge, twin.id, friend.id, {})
    house.run(finance.pay, visit.payment.id, [cash(house, PRICE // 2)])
    assert (balance(twin.id, AccountKind.BONUS_OWED), balance(friend.id, AccountKind.BONUS_OWED)) == (1_200, 0)
    house.run(finance.refund, visit.payment.id, "Not done")
    assert (balance(twin.id, AccountKind.BONUS_OWED), balance(twin.id, AccountKind.BONUS_DEBT)) == (0, 0)
    settled(house, visit)


def test_nobody_refers_himself_or_in_a_circle(house: House) -> None:
    one = house.patient()
    two = house.patient(referred_by_id=one.id)
    three = house.patient(referred_by_id=two.id)
    before = dump()
    for patient, referrer in ((one, one), (one, two), (one, three)):
        with pytest.raises(Invalid) as caught:
            house.run(patients.change, patient.id, referred_by_id=referrer.id)
        assert "referred_by_id" in caught.value.fields
        assert dump() == before


def test_who_owes_what_since_when(house: House) -> None:
    mother, visits = family(house)
    house.move(visits[0], "owe")
    house.booked()  # to come: no debt yet
    house.run(finance.pay, visits[1].payment.id, [cash(house, 2_000)])
    found = debts.debts(house.actor)
    assert (found.patients, found.due_amount) == (3, 3 * PRICE - 2_000)
    assert sorted((row.due_amount, row.bills) for row in found.rows) == [(10_000, 1), (PRICE, 1), (PRICE, 1)]
    assert {row.guardian.id for row in found.rows if row.guardian} == {mother}
    everybody = {person.id for person in debts.family(house.actor, visits[1].patient)}
    assert everybody == {visit.patient_id for visit in visits}
    assert {bill.id for bill in debts.bills_of(house.actor, everybody)} == {
        ident for ident in db.session.scalars(select(Payment.id).where(Payment.visit_id.in_([v.id for v in visits])))
    }
