"""Bills and the ledger by the verbs: what may be taken, what is refused, and that every sum stays right."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from reception import clock
from reception.domain import cashbox_report, directory, finance, operations, verify
from reception.domain.actors import Actor
from reception.domain.errors import Invalid, NotFound, NotPossible, Refusal, Stale
from reception.domain.finance import Part, split_shares
from reception.extensions import db
from reception.models import (
    Account,
    AccountKind,
    Counter,
    LedgerEntry,
    LedgerKind,
    Method,
    Operation,
    Payment,
    PaymentStatus,
    Role,
    Visit,
    VisitStatus,
)
from tests.factories import House

PRICE = 12_000


def bill_of(visit: Visit) -> Payment:
    return db.session.scalars(
        select(Payment).where(Payment.visit_id == visit.id).execution_options(populate_existing=True)
    ).one()


def cash(house: House, amount: int) -> Part:
    return Part(Method.CASH, house.cash.id, amount)


def card(house: House, amount: int) -> Part:
    return Part(Method.CARD, house.card.id, amount)


def balance(box: Any) -> int:
    return db.session.scalars(select(Account.balance).where(Account.id == box.account_id)).one()


def debt(visit: Visit) -> int:
    query = select(Account.balance).filter_by(kind=AccountKind.PATIENT_DEBT, patient_id=visit.patient_id)
    return db.session.scalar(query) or 0


def refused(house: House, visit: Visit, parts: list[Part], kind: type[Refusal], code: str = "", **more: Any) -> Refusal:
    """Paying is refused with `kind` and changes nothing."""
    before = picture(house, visit)
    with pytest.raises(kind) as caught:
        house.run(finance.pay, visit.payment.id, parts, **more)
    assert type(caught.value) is kind
    assert caught.value.code == (code or kind.code)
    assert picture(house, visit) == before
    return caught.value


def picture(house: House, visit: Visit) -> tuple[Any, ...]:
    bill = bill_of(visit)
    db.session.refresh(visit)
    return (
        bill.status, bill.amount_paid, bill.version, bill.invoice_no, visit.status, balance(house.cash),
        balance(house.card), debt(visit), db.session.scalar(select(func.count(LedgerEntry.id))),
        db.session.scalar(select(func.count(Operation.id))),
    )  # fmt: skip


def test_one_part_for_the_whole_sum_settles_bill_and_visit(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    assert debt(visit) == PRICE
    cashier = house.person(Role.CASHIER)
    operation = house.run(finance.pay, visit.payment.id, [card(house, PRICE)], actor=cashier, due=PRICE, amount=PRICE)
    bill = bill_of(visit)
    assert (bill.status, bill.amount_paid, bill.due_amount, visit.status) == ("PAID", PRICE, 0, "COMPLETED")
    assert bill.paid_at is not None
    assert visit.closed_at is not None
    assert (operation.kind, operation.amount, operation.cashier_id) == (LedgerKind.PAYMENT, PRICE, cashier.user_id)
    assert (operation.cash_received, operation.change_given) == (0, 0)
    assert operation.receipt_no == "2026-000001"
    entry, share = db.session.scalars(select(LedgerEntry).filter_by(operation_id=operation.id).order_by(LedgerEntry.id))
    assert (share.kind, share.amount, share.doctor_id) == (LedgerKind.ADJUSTMENT, PRICE * 40 // 100, visit.doctor_id)
    assert (entry.debit_id, entry.cashbox_id, entry.method) == (house.card.account_id, house.card.id, Method.CARD)
    assert (entry.day, entry.patient_id) == (clock.today(house.clinic), visit.patient_id)
    assert (balance(house.card), debt(visit)) == (PRICE, 0)
    assert list(verify.findings()) == []


def test_several_parts_are_one_operation_and_one_receipt(house: House) -> None:
    beta = house.run(directory.add_cashbox, "Terminal beta", "CARD")
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    parts = [card(house, 4_000), Part(Method.CARD, beta.id, 3_500), cash(house, 4_500)]
    operation = house.run(finance.pay, visit.payment.id, parts, received=5_000)
    entries = db.session.scalars(
        select(LedgerEntry).filter_by(operation_id=operation.id).order_by(LedgerEntry.id)
    ).all()
    assert [(e.cashbox_id, e.amount, e.purpose) for e in entries] == [
        (house.card.id, 4_000, "part-1"), (beta.id, 3_500, "part-2"), (house.cash.id, 4_500, "part-3"),
        (None, 4_800, f"due-{house.doctor.id}"),
    ]  # fmt: skip
    assert (operation.amount, operation.cash_received, operation.change_given) == (PRICE, 5_000, 500)
    assert (balance(house.card), balance(beta), balance(house.cash)) == (4_000, 3_500, 4_500)
    assert bill_of(visit).status == PaymentStatus.PAID
    assert list(verify.findings()) == []


def test_a_part_leaves_the_rest_owing_and_the_next_one_settles(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    first = house.run(finance.pay, visit.payment.id, [cash(house, 2_000)])
    bill = bill_of(visit)
    assert (bill.status, bill.due_amount, visit.status) == ("PARTIALLY_PAID", 10_000, "PENDING_PAYMENT")
    assert bill.paid_at is None
    invoice = bill.invoice_no
    second = house.run(finance.pay, visit.payment.id, [card(house, 10_000)], version=bill.version, due=10_000)
    assert (first.receipt_no, second.receipt_no) == ("2026-000001", "2026-000002")
    assert (bill_of(visit).status, visit.status, bill.invoice_no) == ("PAID", "COMPLETED", invoice)
    assert operations.of_bill(bill) == [(first, [Method.CASH]), (second, [Method.CARD])]
    assert operations.receipt(second)["paid_before"] == 2_000
    assert list(verify.findings()) == []


def test_what_makes_no_sense_is_refused_and_nothing_is_changed(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    short = [cash(house, 5_000), card(house, 6_999)]
    assert "parts" in refused(house, visit, short, Invalid, amount=PRICE).fields
    assert "parts" in refused(house, visit, [cash(house, PRICE + 1)], Invalid, "too-much").fields
    refused(house, visit, [cash(house, PRICE), card(house, 1)], Invalid, "too-much")
    for amount in (0, -1, finance.MOST + 1, 10**18):
        refused(house, visit, [cash(house, amount)], Invalid)
    refused(house, visit, [cash(house, PRICE + 5), cash(house, -5)], Invalid)
    refused(house, visit, [], Invalid)
    refused(house, visit, [cash(house, 1)] * 21, Invalid)
    assert "received" in refused(house, visit, [cash(house, PRICE)], Invalid, received=PRICE - 1).fields
    assert "received" in refused(house, visit, [cash(house, PRICE)], Invalid, received=finance.MOST + 1).fields
    assert "received" in refused(house, visit, [card(house, PRICE)], Invalid, received=PRICE).fields
    assert "received" in refused(house, visit, [card(house, PRICE)], Invalid, received=-1).fields


def test_a_cashbox_must_be_of_this_clinic_and_kind_and_open(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    other = House.open(house.app, "Hillside", "Asia/Tokyo")
    refused(house, visit, [Part(Method.CASH, other.cash.id, PRICE)], NotFound)
    for ident in (0, -1, 10**9, 10**30):
        refused(house, visit, [Part(Method.CASH, ident, PRICE)], NotFound)
    refused(house, visit, [Part(Method.CARD, house.cash.id, PRICE)], Invalid)
    refused(house, visit, [Part(Method.BONUS, house.cash.id, PRICE)], Invalid)
    with pytest.raises(NotFound):
        other.run(finance.pay, visit.payment.id, [cash(other, PRICE)])
    house.run(directory.set_cashbox_open, house.cash.id, False)
    shut = refused(house, visit, [card(house, 5_000), cash(house, 7_000)], NotPossible, "cashbox-closed")
    assert "Cash desk" in str(shut)
    house.run(directory.set_cashbox_open, house.cash.id, True)
    house.run(finance.pay, visit.payment.id, [card(house, 5_000), cash(house, 7_000)])
    assert list(verify.findings()) == []


def test_a_bill_that_changed_meanwhile_is_not_overwritten(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    seen = bill_of(visit).version
    house.run(finance.pay, visit.payment.id, [card(house, 2_000)])
    refused(house, visit, [cash(house, PRICE)], Stale, version=seen, due=PRICE)
    refused(house, visit, [cash(house, 10_000)], Stale, version=seen)
    refused(house, visit, [cash(house, PRICE)], Stale, due=PRICE)
    house.run(finance.pay, visit.payment.id, [cash(house, 10_000)], version=bill_of(visit).version, due=10_000)
    assert list(verify.findings()) == []


def test_a_paid_and_a_cancelled_bill_take_nothing(house: House) -> None:
    paid = house.visit(VisitStatus.COMPLETED)
    assert refused(house, paid, [cash(house, 1)], NotPossible, "not-payable").state == "PAID"
    cancelled = house.visit(VisitStatus.CANCELLED)
    assert (bill_of(cancelled).status, bill_of(cancelled).due_amount, debt(cancelled)) == ("CANCELLED", 0, 0)
    assert refused(house, cancelled, [cash(house, PRICE)], NotPossible, "not-payable").state == "CANCELLED"
    gone = house.visit(VisitStatus.NO_SHOW)
    refused(house, gone, [cash(house, PRICE)], NotPossible, "not-payable")
    assert list(verify.findings()) == []


def test_who_paid_before_goes_straight_home_after_the_visit(house: House) -> None:
    visit = house.check_in(house.booked())
    house.pay(visit)
    assert (bill_of(visit).status, visit.status) == ("PAID", "WAITING")
    for name in ("call", "start", "finish"):
        house.move(visit, name)
    assert (visit.status, bill_of(visit).status) == ("COMPLETED", "PAID")
    waits = house.visit(VisitStatus.PENDING_PAYMENT)
    with pytest.raises(NotFound):
        house.move(waits, "settle")  # follows from a payment and from nothing else
    assert waits.status == VisitStatus.PENDING_PAYMENT


def test_a_visit_with_money_in_it_is_not_cancelled(house: House) -> None:
    visit = house.visit()
    house.run(finance.pay, visit.payment.id, [cash(house, 1_000)])
    with pytest.raises(NotPossible) as caught:
        house.move(visit, "cancel", reason="left")
    assert caught.value.code == "paid"
    assert (visit.status, bill_of(visit).status) == ("WAITING", "PARTIALLY_PAID")


def test_owing_is_let_go_and_paid_another_day(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    house.run(finance.pay, visit.payment.id, [cash(house, 2_000)])
    house.move(visit, "owe", actor=house.person(Role.CASHIER))
    owing = operations.owing(house.actor)
    assert (visit.status, owing.count, owing.due_amount, debt(visit)) == ("COMPLETED", 1, 10_000, 10_000)
    house.later(days=3)
    house.run(finance.pay, visit.payment.id, [card(house, 10_000)])
    assert (bill_of(visit).status, visit.status, operations.owing(house.actor).count) == ("PAID", "COMPLETED", 0)
    assert list(verify.findings()) == []


def test_receipt_numbers_have_no_holes_whatever_is_rolled_back(house: House) -> None:
    class Nothing(Exception):
        """The power goes at the worst moment: after everything was written, before the commit."""

    def pay_and_fail(payment_id: int, parts: list[Part], *, actor: Actor, at: Any) -> None:
        finance.pay(payment_id, parts, actor=actor, at=at)
        raise Nothing

    given, fails = [], 0
    for number in range(8):
        visit = house.visit(VisitStatus.PENDING_PAYMENT)
        if number % 2:
            with pytest.raises(Nothing):
                house.run(pay_and_fail, visit.payment.id, [cash(house, PRICE)])
            refused(house, visit, [cash(house, PRICE), Part(Method.CASH, 10**9, 1)], Invalid, "too-much")
            fails += 1
        given.append(house.pay(visit).receipt_no)
    assert fails == 4
    assert given == [f"2026-{number:06d}" for number in range(1, 9)]
    house.later(days=60)
    assert house.pay(house.visit(VisitStatus.PENDING_PAYMENT)).receipt_no == "2027-000001"
    last = {c.period: c.last_number for c in db.session.scalars(select(Counter).filter_by(name="receipt"))}
    assert last == {"2026": 8, "2027": 1}
    assert list(verify.findings()) == []


def test_the_ledger_balances_after_each_act(house: House) -> None:
    def balanced() -> None:
        own, against = 0, 0
        for kind, amount in db.session.execute(select(Account.kind, Account.balance)):
            own += amount if kind in finance.DEBIT_SIDE else 0
            against += 0 if kind in finance.DEBIT_SIDE else amount
        assert own == against
        assert list(verify.findings()) == []

    visit = house.check_in(house.booked())
    balanced()
    for name in ("call", "start", "finish"):
        house.move(visit, name)
        balanced()
    house.undo(visit)
    balanced()
    house.move(visit, "finish")
    house.pay(visit, 5_000)
    balanced()
    house.pay(visit, 7_000)
    balanced()
    gone = house.visit()
    house.move(gone, "cancel", reason="left")
    balanced()
    house.undo(gone)
    balanced()
    house.move(gone, "no-show")
    balanced()


def test_verify_finds_what_was_changed_past_the_program(house: House) -> None:
    visit = house.visit(VisitStatus.COMPLETED)
    changed = {
        "account": "UPDATE account SET balance = balance + 1 WHERE kind = 'CASHBOX' AND balance > 0",
        "bill": "UPDATE payment SET amount_paid = amount_paid - 1, status = 'PARTIALLY_PAID', paid_at = NULL",
    }
    for word, statement in changed.items():
        db.session.rollback()
        db.session.execute(db.text(statement))
        assert any(line.startswith(f"{word} ") for line in verify.findings()), word
        db.session.rollback()
    assert bill_of(visit).amount_paid == PRICE
    assert list(verify.findings()) == []


@pytest.mark.parametrize("percent", [0, 1, 33, 40, 50, 67, 99, 100])
def test_shares_are_whole_units_and_nothing_is_lost(percent: int) -> None:
    for total in (0, 1, 2, 3, 99, 100, 101, 333, 12_345, 999_999_999_999_999):
        doctor, center = split_shares(total, percent)
        assert doctor + center == total
        assert doctor >= 0
        assert 0 <= total * percent - doctor * 100 < 100


def test_a_doctors_own_share_counts_before_the_clinics(house: House) -> None:
    house.run(directory.change_doctor, house.doctor.id, share_percent=33)
    odd = house.run(directory.add_service, "Odd", 101)
    house.service = odd
    bill = bill_of(house.visit())
    assert (bill.total_amount, bill.doctor_share, bill.center_share) == (101, 33, 68)


def test_cashboxes_of_a_day_add_up_from_what_is_in_them_now(house: House) -> None:
    first = clock.today(house.clinic)
    house.pay(house.visit(VisitStatus.PENDING_PAYMENT), 5_000)
    house.later(days=1)
    house.pay(house.visit(VisitStatus.PENDING_PAYMENT))
    second = clock.today(house.clinic)
    house.later(days=1)
    rows = {
        day: cashbox_report.read(house.actor, day, day, house.cash.id)[0]
        for day in (first, second, clock.today(house.clinic))
    }
    found = [(row.opening, row.money_in, row.money_out, row.closing) for row in rows.values()]
    assert found == [(0, 5_000, 0, 5_000), (5_000, PRICE, 0, 17_000), (17_000, 0, 0, 17_000)]


def test_operations_are_found_by_day_cashbox_kind_and_cashier_and_no_further(house: House) -> None:
    other = House.open(house.app, "Hillside")
    other.pay(other.visit(VisitStatus.PENDING_PAYMENT))
    anna, bert = house.person(Role.CASHIER), house.person(Role.RECEPTIONIST)
    today = clock.today(house.clinic)
    house.run(finance.pay, house.visit(VisitStatus.PENDING_PAYMENT).payment.id, [cash(house, 2_000)], actor=anna)
    late = house.visit(VisitStatus.PENDING_PAYMENT)
    house.run(finance.pay, late.payment.id, [cash(house, 5_000), card(house, 7_000)], actor=bert)
    house.later(days=1)
    house.run(finance.pay, house.visit(VisitStatus.PENDING_PAYMENT).payment.id, [card(house, 3_000)], actor=anna)
    tomorrow = clock.today(house.clinic)

    def found(first: Any = today, last: Any = tomorrow, **more: Any) -> list[int]:
        asked = operations.Asked(first, last, **more)
        rows = operations.page(house.actor, asked).rows
        assert rows == list(operations.every(house.actor, asked))
        assert operations.sums(house.actor, asked).money_in == sum(row.money_in for row in rows)
        return [row.money_in for row in rows]

    assert found() == [3_000, 7_000, 5_000, 2_000]
    assert found(last=today) == [7_000, 5_000, 2_000]
    assert found(first=tomorrow) == [3_000]
    assert found(cashbox_id=house.card.id) == [3_000, 7_000]
    assert found(cashier_id=bert.user_id) == [7_000, 5_000]
    assert found(kind=LedgerKind.REFUND) == []
    assert found(cashbox_id=other.cash.id) == []
    sums = operations.sums(house.actor, operations.Asked(today, tomorrow))
    assert (sums.entries, sums.by_method) == (4, [(Method.CARD, 10_000, 0), (Method.CASH, 7_000, 0)])
