"""Money that goes back: how much of what, by which way, who must agree, and that every sum stays right."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import func, inspect, select, update

from reception.domain import directory, finance, verify
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import Invalid, NotAllowed, NotFound, NotPossible, Refusal, Stale
from reception.domain.finance import Asked, Part
from reception.domain.finance.dues import bonus_due, bonus_posted, doctors_due, doctors_posted
from reception.domain.finance.refund_plan import ways
from reception.extensions import db
from reception.models import (
    Account,
    AccountKind,
    Base,
    BillLine,
    BillPayer,
    Clinic,
    CoverageKind,
    Insurer,
    LedgerEntry,
    Method,
    Operation,
    Payment,
    RefundLine,
    RefundRequest,
    Role,
    Visit,
    VisitStatus,
)
from tests.factories import House

PRICE = 12_000


def bill_of(visit: Visit) -> Payment:
    db.session.rollback()
    return db.session.scalars(
        select(Payment).where(Payment.visit_id == visit.id).execution_options(populate_existing=True)
    ).one()


def cash(house: House, amount: int) -> Part:
    return Part(Method.CASH, house.cash.id, amount)


def card(house: House, amount: int) -> Part:
    return Part(Method.CARD, house.card.id, amount)


def balance(kind: AccountKind, **owner: int) -> int:
    return int(db.session.scalar(select(func.sum(Account.balance)).filter_by(kind=kind, **owner)) or 0)


def box(row: Any) -> int:
    return db.session.scalars(select(Account.balance).where(Account.id == row.account_id)).one()


def dump() -> dict[str, list[Any]]:
    """Every row of every table."""
    db.session.rollback()
    tables = Base.metadata.sorted_tables
    found = {table.name: sorted(map(repr, db.session.execute(select(table)).all())) for table in tables}
    db.session.rollback()
    return found


def limited(house: House, limit: int | None, *, actor: Actor, at: datetime) -> Clinic:
    clinic = db.session.get_one(Clinic, house.clinic.id)
    clinic.refund_limit = limit
    record(actor, "clinic.change", clinic, at=at)
    return clinic


def limit(house: House, amount: int | None) -> None:
    house.run(lambda *, actor, at: limited(house, amount, actor=actor, at=at))


def with_lines(bill_id: int, service_id: int, doctor_id: int | None, extra: list[tuple[int, int]], *, actor: Actor, at: datetime) -> Payment:  # fmt: skip
    """A bill with more lines: (unit price, quantity) each, the doctor's share 40 %."""
    bill = db.session.get_one(Payment, bill_id)
    finance.uncharge(bill, finance.by_change(bill), actor=actor, at=at)
    for unit, quantity in extra:
        db.session.add(
            BillLine(
                clinic_id=bill.clinic_id, payment_id=bill.id, service_id=service_id, doctor_id=doctor_id,
                unit_price=unit, amount=unit * quantity, quantity=quantity, doctor_percent=40,
            )
        )  # fmt: skip
    finance.refigure(bill)
    finance.charge(bill, finance.by_change(bill), actor=actor, at=at)
    record(actor, "payment.change", bill, at=at)
    return bill


def insured(bill_id: int, percent: int, *, actor: Actor, at: datetime) -> Payment:
    bill = db.session.get_one(Payment, bill_id)
    finance.uncharge(bill, finance.by_change(bill), actor=actor, at=at)
    insurer = Insurer(clinic_id=bill.clinic_id, name=f"Fund {bill_id}")
    db.session.add(insurer)
    db.session.flush()
    db.session.add(
        BillPayer(
            clinic_id=bill.clinic_id, payment_id=bill.id, insurer_id=insurer.id, position=1,
            coverage=CoverageKind.PERCENT, value=percent,
        )
    )  # fmt: skip
    finance.refigure(bill)
    finance.charge(bill, finance.by_change(bill), actor=actor, at=at)
    record(actor, "payment.change", bill, at=at, also=(insurer,))
    return bill


def settled(house: House, visit: Visit) -> None:
    """What holds after each step: dues, bonus, refunded parts and the ledger agree."""
    bill = bill_of(visit)
    assert {k: v for k, v in doctors_due(bill).items() if v} == {k: v for k, v in doctors_posted(bill).items() if v}
    assert bonus_due(bill) == bonus_posted(bill)
    lines = {line.id: line.refunded_amount for line in bill.lines}
    for line_id, refunded in lines.items():
        parts = db.session.execute(
            select(func.sum(RefundLine.self_pay_amount + RefundLine.insurance_amount)).filter_by(line_id=line_id)
        ).scalar()
        assert refunded == (parts or 0)
    back = select(func.sum(RefundLine.self_pay_amount)).where(RefundLine.line_id.in_(lines))
    assert (db.session.scalar(back) or 0) == bill.refunded_amount
    assert sum(part.amount for part in ways(bill)) == bill.amount_paid - bill.refunded_amount
    assert list(verify.findings()) == []


def test_all_of_it_goes_back_the_way_it_came(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    house.run(finance.pay, visit.payment.id, [card(house, 4_000), cash(house, 8_000)])
    assert balance(AccountKind.DOCTOR_DUE) == 4_800
    operation = house.run(finance.refund, visit.payment.id, "Not done")
    bill = bill_of(visit)
    assert (bill.status, bill.refunded_amount, bill.due_amount) == ("REFUNDED", PRICE, 0)
    assert (box(house.cash), box(house.card)) == (0, 0)
    assert (balance(AccountKind.PATIENT_DEBT), balance(AccountKind.INCOME), balance(AccountKind.DOCTOR_DUE)) == (
        0,
        0,
        0,
    )
    assert (operation.kind, operation.amount, operation.receipt_no, operation.note) == (
        "REFUND", PRICE, "2026-000002", "Not done",
    )  # fmt: skip
    settled(house, visit)


def test_a_part_goes_back_in_proportion_to_what_came(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    house.run(finance.pay, visit.payment.id, [card(house, 4_000)])
    house.run(finance.pay, visit.payment.id, [cash(house, 8_000)])
    house.run(finance.refund, visit.payment.id, "Too dear", amount=1_000)
    assert (box(house.card), box(house.cash)) == (4_000 - 334, 8_000 - 666)
    bill = bill_of(visit)
    assert (bill.status, bill.refunded_amount, bill.due_amount) == ("PAID", 1_000, 0)
    assert (balance(AccountKind.DOCTOR_DUE), balance(AccountKind.PATIENT_DEBT)) == (4_800 * 11 // 12, 0)
    settled(house, visit)
    house.run(finance.refund, visit.payment.id, "All of it")
    assert (bill_of(visit).status, box(house.card), box(house.cash)) == ("REFUNDED", 0, 0)
    settled(house, visit)


def test_of_a_bill_paid_in_part_the_rest_of_the_charge_goes_too_where_all_goes_back(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    house.run(finance.pay, visit.payment.id, [cash(house, 6_000)])
    house.run(finance.refund, visit.payment.id, "Half of it", amount=3_000)
    bill = bill_of(visit)
    assert (bill.status, bill.due_amount, balance(AccountKind.PATIENT_DEBT)) == ("PARTIALLY_PAID", 6_000, 6_000)
    assert balance(AccountKind.DOCTOR_DUE) == 1_200  # 40 % of what stayed
    settled(house, visit)
    house.run(finance.refund, visit.payment.id, "The other half")
    bill, row = bill_of(visit), db.session.get_one(Visit, visit.id)
    assert (bill.status, bill.due_amount, row.status) == ("REFUNDED", 0, "COMPLETED")
    assert (balance(AccountKind.PATIENT_DEBT), balance(AccountKind.INCOME)) == (0, 0)
    settled(house, visit)


def test_by_line_in_amounts_and_in_pieces(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    house.run(with_lines, visit.payment.id, house.service.id, house.doctor.id, [(1_000, 3), (333, 1)])
    first, three, odd = (line.id for line in bill_of(visit).lines)
    house.run(finance.pay, visit.payment.id, [cash(house, PRICE + 3_333)])
    house.run(finance.refund, visit.payment.id, "One of three", lines=[Asked(three, quantity=1), Asked(odd, amount=33)])
    assert [line.refunded_amount for line in bill_of(visit).lines] == [0, 1_000, 33]
    for wish, code in (
        ([Asked(three, quantity=3)], "invalid"),
        ([Asked(three, amount=2_001)], "too-much"),
        ([Asked(odd, amount=0)], "invalid"),
        ([Asked(odd, amount=-1)], "invalid"),
        ([Asked(odd, quantity=0)], "invalid"),
        ([Asked(first, amount=1), Asked(first, amount=1)], "invalid"),
        ([Asked(10**9, amount=1)], "invalid"),
        ([Asked(odd)], "invalid"),
    ):
        before = dump()
        with pytest.raises(Invalid) as caught:
            house.run(finance.refund, visit.payment.id, "No", lines=wish)
        assert caught.value.code == code
        assert dump() == before
    house.run(finance.refund, visit.payment.id, "The others", lines=[Asked(three, quantity=2)])
    house.run(finance.refund, visit.payment.id, "And that", lines=[Asked(first, amount=PRICE), Asked(odd, amount=300)])
    assert bill_of(visit).status == "REFUNDED"
    settled(house, visit)


@pytest.mark.parametrize("percent", [10, 33, 80])
def test_the_insurers_part_goes_in_the_same_proportion(house: House, percent: int) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    house.run(with_lines, visit.payment.id, house.service.id, house.doctor.id, [(777, 3)])
    house.run(insured, visit.payment.id, percent)
    own = bill_of(visit).self_pay_amount
    house.run(finance.pay, visit.payment.id, [cash(house, own)])
    charged = balance(AccountKind.INSURER_DEBT)
    third = own // 3
    for _ in range(2):
        house.run(finance.refund, visit.payment.id, "A third", amount=third)
        settled(house, visit)
    gone = charged - balance(AccountKind.INSURER_DEBT)
    assert abs(gone - charged * 2 * third / own) <= 2
    house.run(finance.refund, visit.payment.id, "The rest")
    assert (balance(AccountKind.INSURER_DEBT), balance(AccountKind.INCOME), balance(AccountKind.PATIENT_DEBT)) == (
        0,
        0,
        0,
    )
    payer = db.session.scalars(select(BillPayer)).one()
    assert (payer.refunded_amount, bill_of(visit).status) == (payer.amount, "REFUNDED")
    settled(house, visit)


def test_a_used_bonus_comes_back_as_bonus_whatever_way_is_asked_for(house: House) -> None:
    patient = house.patient()
    house.run(finance.add_bonus, patient.id, 3_000, "A present")
    visit = house.visit(VisitStatus.PENDING_PAYMENT, patient=patient)
    house.run(finance.pay, visit.payment.id, [Part(Method.BONUS, None, 3_000), card(house, 9_000)])
    assert balance(AccountKind.BONUS_OWED, patient_id=patient.id) == 0
    house.run(cash_in, house)
    operation = house.run(
        finance.refund, visit.payment.id, "The card is lost", amount=4_000, method=Method.CASH, cashbox_id=house.cash.id
    )
    parts = db.session.execute(
        select(LedgerEntry.method, LedgerEntry.amount)
        .where(LedgerEntry.operation_id == operation.id, LedgerEntry.method.is_not(None))
        .order_by(LedgerEntry.id)
    ).all()
    assert sorted(map(tuple, parts)) == [("BONUS", 1_000), ("CASH", 3_000)]
    assert balance(AccountKind.BONUS_OWED, patient_id=patient.id) == 1_000
    house.run(finance.refund, visit.payment.id, "To the deposit", method=Method.DEPOSIT)
    assert balance(AccountKind.DEPOSIT_HELD, patient_id=patient.id) == 6_000
    settled(house, visit)


def cash_in(house: House, *, actor: Actor, at: datetime) -> Operation:
    """Somebody's deposit, so that there is money in the drawer."""
    from reception.domain.patients import register

    stranger = register(last_name="Stranger", actor=actor, at=at)
    return finance.take_deposit(stranger.id, [Part(Method.CASH, house.cash.id, 50_000)], actor=actor, at=at)


def test_the_referrers_bonus_is_taken_back_and_what_was_spent_becomes_a_debt(house: House) -> None:
    friend = house.patient()
    visit = house.visit(VisitStatus.PENDING_PAYMENT, patient=house.patient(referred_by_id=friend.id))
    house.run(finance.pay, visit.payment.id, [cash(house, PRICE)])
    assert balance(AccountKind.BONUS_OWED, patient_id=friend.id) == 1_200
    own = house.visit(VisitStatus.PENDING_PAYMENT, patient=friend)
    house.run(finance.pay, own.payment.id, [Part(Method.BONUS, None, 900)])
    house.run(finance.refund, visit.payment.id, "Half", amount=6_000)
    assert (balance(AccountKind.BONUS_OWED), balance(AccountKind.BONUS_DEBT, patient_id=friend.id)) == (0, 300)
    house.run(finance.refund, visit.payment.id, "All")
    assert (balance(AccountKind.BONUS_OWED), balance(AccountKind.BONUS_DEBT, patient_id=friend.id)) == (0, 900)
    settled(house, visit)
    # What comes for the friend pays off the debt first, also when it is his own used bonus.
    house.run(finance.refund, own.payment.id, "Back")
    assert (balance(AccountKind.BONUS_OWED), balance(AccountKind.BONUS_DEBT)) == (0, 0)
    settled(house, own)


def test_above_the_limit_a_second_person_is_needed(house: House) -> None:
    limit(house, 5_000)
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    house.run(finance.pay, visit.payment.id, [cash(house, PRICE)])
    asker, boss = house.person(Role.CASHIER), house.person(Role.MANAGER)
    done = house.run(finance.refund, visit.payment.id, "Small", amount=5_000, actor=asker)
    assert isinstance(done, Operation)
    request = house.run(finance.refund, visit.payment.id, "One more", amount=1, actor=asker)
    assert isinstance(request, RefundRequest)
    assert (bill_of(visit).refunded_amount, box(house.cash)) == (5_000, 7_000)
    with pytest.raises(NotPossible, match="waits for a second person"):
        house.run(finance.refund, visit.payment.id, "Another", amount=1, actor=boss)
    before = dump()
    with pytest.raises(NotAllowed):
        house.run(finance.approve, request.id, actor=asker)
    assert dump() == before
    refused = house.run(finance.refuse, request.id, actor=boss)
    assert (refused.status, refused.answered_by_id) == ("REFUSED", boss.user_id)
    asked = house.run(finance.refund, visit.payment.id, "All of it", actor=asker)
    operation = house.run(finance.approve, asked.id, actor=boss)
    assert (operation.cashier_id, operation.approved_by_id, operation.amount) == (asker.user_id, boss.user_id, 7_000)
    assert (bill_of(visit).status, box(house.cash)) == ("REFUNDED", 0)
    with pytest.raises(NotPossible):
        house.run(finance.approve, asked.id, actor=boss)
    settled(house, visit)


def test_what_cannot_be_refunded_is_a_sentence_and_changes_nothing(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    unpaid, cancelled = house.visit(VisitStatus.PENDING_PAYMENT), house.visit(VisitStatus.CANCELLED)
    back = house.visit(VisitStatus.COMPLETED)
    house.run(finance.refund, back.payment.id, "All")
    house.run(finance.pay, visit.payment.id, [cash(house, 5_000)])
    closed = house.run(directory.add_cashbox, "Closed", "CASH")
    house.run(directory.set_cashbox_open, closed.id, False)
    ident = visit.payment.id
    wishes: list[tuple[type[Refusal], int, dict[str, Any]]] = [
        (NotPossible, unpaid.payment.id, {}),
        (NotPossible, cancelled.payment.id, {}),
        (NotPossible, back.payment.id, {}),
        (NotPossible, back.payment.id, {"amount": 1}),
        (NotFound, 10**9, {}),
        (Stale, ident, {"version": 1}),
        *[(Invalid, ident, {"amount": amount}) for amount in (0, -1, 5_001, 10**15 + 1, 10**18)],
        (Invalid, ident, {"amount": 1, "lines": [Asked(bill_of(visit).lines[0].id, amount=1)]}),
        (Invalid, ident, {"method": Method.BONUS}),
        (Invalid, ident, {"method": Method.INSURANCE, "cashbox_id": house.cash.id}),
        (Invalid, ident, {"method": Method.CASH}),
        (Invalid, ident, {"method": Method.CASH, "cashbox_id": house.card.id}),
        (Invalid, ident, {"cashbox_id": house.cash.id}),
        (NotFound, ident, {"method": Method.CASH, "cashbox_id": 10**9}),
        (NotPossible, ident, {"method": Method.CASH, "cashbox_id": closed.id}),
        (NotPossible, ident, {"method": Method.CARD, "cashbox_id": house.card.id}),  # nothing is in it
    ]
    before = dump()
    for kind, bill, more in wishes:
        with pytest.raises(kind) as caught:
            house.run(finance.refund, bill, "Because", **more)
        assert caught.value.message
        assert dump() == before, more
    with pytest.raises(Invalid):
        house.run(finance.refund, ident, "  ")
    assert dump() == before


def test_another_clinic_sees_nothing_of_it(house: House) -> None:
    limit(house, 1)
    visit = house.visit(VisitStatus.COMPLETED)
    request = house.run(finance.refund, visit.payment.id, "All", actor=house.person(Role.CASHIER))
    other = House.open(house.app, "Hillside")
    boss = other.person(Role.MANAGER)
    before = dump()
    for verb, ident, more in (
        (finance.refund, visit.payment.id, ("No",)),
        (finance.approve, request.id, ()),
        (finance.refuse, request.id, ()),
        (finance.add_bonus, visit.patient_id, (5, "No")),
        (finance.withdraw_bonus, visit.patient_id, (5, "No")),
        (finance.take_deposit, visit.patient_id, ([cash(other, 5)],)),
    ):
        with pytest.raises(NotFound):
            other.run(verb, ident, *more, actor=boss)
    assert dump() == before
    assert inspect(request) is not None


def test_nothing_goes_out_of_a_cashbox_whose_shift_is_closed(house: House) -> None:
    visit = house.visit(VisitStatus.COMPLETED)
    friend = house.patient()
    house.run(finance.take_deposit, friend.id, [cash(house, 5_000)])
    house.run(finance.add_bonus, friend.id, 500, "A present")
    shift = house.run(finance.start_shift, house.cash.id, amount=PRICE + 5_000)
    house.run(finance.close_shift, shift.id, amount=PRICE + 5_000)
    before = dump()
    for verb, values in (
        (finance.refund, (visit.payment.id, "Back")),
        (finance.take_deposit, (friend.id, [cash(house, 1)])),
        (finance.give_back_deposit, (friend.id, cash(house, 1), "Back")),
    ):
        with pytest.raises(NotPossible, match="The shift of Cash desk is closed"):
            house.run(verb, *values)
        assert dump() == before
    with pytest.raises(NotPossible, match="The shift of Cash desk is closed"):
        house.run(finance.withdraw_bonus, friend.id, 1, "In cash", cashbox_id=house.cash.id)
    assert dump() == before
    house.run(finance.refund, visit.payment.id, "Into the deposit", method=Method.DEPOSIT)
    settled(house, visit)


def test_verify_finds_what_was_written_past_the_verbs(house: House) -> None:
    """A refunded amount, a line, an insurer's part, a request: changed by hand, each is found."""
    limit(house, 1_000)
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    house.run(insured, visit.payment.id, 50)
    house.run(finance.pay, visit.payment.id, [cash(house, 6_000)])
    request = house.run(finance.refund, visit.payment.id, "Back", amount=2_000, actor=house.person(Role.CASHIER))
    house.run(finance.approve, request.id, actor=house.person(Role.MANAGER))
    assert list(verify.findings()) == []
    for kind, column, words in (
        (Payment, "refunded_amount", "given back"),
        (BillLine, "refunded_amount", "its refunds say"),
        (BillPayer, "refunded_amount", "is let off"),
        (RefundRequest, "amount", "refund request"),
    ):
        value = getattr(kind, column)
        db.session.execute(update(kind).where(value > 0).values({column: value - 1}))
        assert any(words in line for line in verify.findings()), kind
        db.session.rollback()
    assert list(verify.findings()) == []
