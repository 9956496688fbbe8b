"""Lines, discounts and payers of a bill: what may be changed, by whom, and that everything follows."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from reception import clock
from reception.domain import anonymising, directory, finance, patients, verify
from reception.domain import clinic as settings
from reception.domain.errors import Invalid, NotAllowed, NotFound, NotPossible, Refusal, Stale
from reception.domain.finance import Part, dues, invoices, lines, payers
from reception.extensions import db
from reception.models import (
    Account,
    AccountKind,
    BillLine,
    CoverageKind,
    LedgerEntry,
    Method,
    Payment,
    Role,
    Service,
    Visit,
    VisitStatus,
)
from tests.factories import House

PRICE = 12_000


def bill_of(visit: Visit) -> Payment:
    return db.session.scalars(
        select(Payment).filter_by(visit_id=visit.id).execution_options(populate_existing=True)
    ).one()


def service(house: House, name: str, price: int) -> Service:
    return house.run(directory.add_service, name, price, duration_min=15)


def cash(house: House, amount: int) -> list[Part]:
    return [Part(Method.CASH, house.cash.id, amount)]


def debt(kind: AccountKind, **owner: int) -> int:
    return int(db.session.scalar(select(Account.balance).filter_by(kind=kind, **owner)) or 0)


def whole() -> None:
    assert list(verify.findings()) == []


def refused(house: House, kind: type[Refusal], verb: Any, bill: Payment, *values: Any, **more: Any) -> Refusal:
    """The refusal of `verb`; nothing is changed by it."""
    before = (bill.version, bill.total_amount, db.session.scalar(select(func.count(LedgerEntry.id))))
    with pytest.raises(kind) as caught:
        house.run(verb, bill.id, *values, **more)
    db.session.refresh(bill)
    assert before == (bill.version, bill.total_amount, db.session.scalar(select(func.count(LedgerEntry.id))))
    return caught.value


def test_a_service_is_added_at_the_price_of_the_visits_day(house: House) -> None:
    extra = service(house, "Ultrasound", 7_550)
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    bill = bill_of(visit)
    house.later(days=2)
    house.run(directory.set_price, extra.id, 9_900, clock.today(house.clinic))
    other = house.another_doctor(share_percent=50)
    house.run(lines.add_line, bill.id, extra.id, quantity=2, doctor_id=other.id, version=bill.version)
    bill = bill_of(visit)
    added = finance.lines_of(bill)[1]
    assert (added.unit_price, added.quantity, added.amount, added.doctor_id) == (7_550, 2, 15_100, other.id)
    assert (bill.total_amount, bill.self_pay_amount, bill.status) == (27_100, 27_100, "PENDING")
    assert (bill.doctor_share, bill.center_share) == (4_800 + 7_550, 27_100 - 12_350)
    assert debt(AccountKind.PATIENT_DEBT, patient_id=visit.patient_id) == 27_100
    whole()


def test_a_quantity_changes_and_a_line_goes(house: House) -> None:
    visit = house.visit(VisitStatus.COMPLETED)
    bill = bill_of(visit)
    house.run(lines.add_line, bill.id, service(house, "Bandage", 333).id, quantity=3)
    first, second = finance.lines_of(bill)
    house.run(lines.change_line, bill.id, second.id, 7)
    assert bill_of(visit).total_amount == PRICE + 7 * 333
    assert (bill_of(visit).status, bill_of(visit).due_amount) == ("PARTIALLY_PAID", 7 * 333)
    for wrong in (0, -1, 10_001, 10**30):
        assert "quantity" in refused(house, Invalid, lines.change_line, bill, second.id, wrong).fields
    house.run(lines.remove_line, bill.id, second.id)
    assert (bill_of(visit).total_amount, bill_of(visit).status, bill_of(visit).due_amount) == (PRICE, "PAID", 0)
    assert refused(house, NotPossible, lines.remove_line, bill, first.id).code == "last-line"
    whole()


def test_something_added_to_a_paid_bill_leaves_a_rest_that_is_paid_later(house: House) -> None:
    visit = house.visit(VisitStatus.COMPLETED)
    bill = bill_of(visit)
    house.run(lines.add_line, bill.id, service(house, "Injection", 1_000).id)
    assert (bill_of(visit).status, bill_of(visit).due_amount, visit.status) == ("PARTIALLY_PAID", 1_000, "COMPLETED")
    whole()
    house.run(finance.pay, bill.id, cash(house, 1_000))
    assert (bill_of(visit).status, bill_of(visit).amount_paid) == ("PAID", 13_000)
    assert dues.doctors_due(bill) == {house.doctor.id: 5_200}
    whole()


def test_what_would_be_less_than_was_paid_is_refused(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    bill = bill_of(visit)
    house.run(lines.add_line, bill.id, service(house, "Cast", 5_000).id)
    house.run(finance.pay, bill.id, cash(house, 12_001))
    second = finance.lines_of(bill)[1]
    bill = bill_of(visit)
    assert refused(house, NotPossible, lines.remove_line, bill, second.id).code == "refund-first"
    assert refused(house, NotPossible, lines.discount, bill, "late", percent=50).code == "refund-first"
    house.run(lines.discount, bill.id, "late", amount=4_999)
    assert (bill_of(visit).status, bill_of(visit).due_amount) == ("PAID", 0)
    assert db.session.get_one(Visit, visit.id).status == VisitStatus.COMPLETED
    whole()


def test_the_visits_own_service_changes_with_the_visit(house: House) -> None:
    visit = house.visit()
    bill = bill_of(visit)
    house.run(lines.add_line, bill.id, service(house, "Cast", 5_000).id)
    first = finance.lines_of(bill)[0]
    assert refused(house, NotPossible, lines.remove_line, bill_of(visit), first.id).code == "visit-line"


def test_an_older_version_another_clinic_and_a_closed_bill_are_refused(house: House) -> None:
    extra, visit = service(house, "Cast", 5_000), house.visit()
    bill = bill_of(visit)
    seen = bill.version
    house.run(lines.add_line, bill.id, extra.id, version=seen)
    refused(house, Stale, lines.add_line, bill_of(visit), extra.id, version=seen)
    refused(house, Stale, lines.discount, bill_of(visit), "regular", percent=10, version=seen)
    other = House.open(house.app, "Hillside", "Asia/Tokyo")
    line = finance.lines_of(bill)[0]
    for verb, values in (
        (lines.add_line, (other.service.id,)), (lines.change_line, (line.id, 2)), (lines.remove_line, (line.id,)),
        (lines.discount, ("x",)),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            other.run(verb, bill.id, *values)
    refused(house, NotFound, lines.add_line, bill_of(visit), other.service.id)
    strange = house.visit()
    refused(house, NotFound, lines.change_line, bill_of(visit), finance.lines_of(bill_of(strange))[0].id, 2)
    house.move(strange, "cancel", reason="left")
    assert refused(house, NotPossible, lines.add_line, bill_of(strange), extra.id).code == "not-changeable"
    whole()


# ------------------------------------------------------------------------------------------------------- discounts


def test_a_discount_of_a_line_and_of_the_bill_follows_the_lines(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    bill = bill_of(visit)
    house.run(lines.add_line, bill.id, service(house, "Swab", 333).id)
    second = finance.lines_of(bill)[1]
    house.run(lines.discount, bill.id, "birthday", percent=10, line_id=second.id)
    house.run(lines.discount, bill.id, "regular", percent=15)
    found = finance.lines_of(bill)
    assert [line.amount for line in found] == [12_000, 333, -33, -1_845]  # both rounded down
    assert bill_of(visit).total_amount == sum(line.amount for line in found) == 10_455
    house.run(lines.change_line, bill.id, second.id, 3)
    assert [line.amount for line in finance.lines_of(bill)] == [12_000, 999, -99, -1_935]
    whole()
    house.run(lines.remove_line, bill.id, second.id)  # its discount goes, too
    assert [line.amount for line in finance.lines_of(bill)] == [12_000, -1_800]
    house.run(lines.remove_line, bill.id, finance.lines_of(bill)[1].id)
    assert bill_of(visit).total_amount == PRICE
    whole()


def test_each_role_has_its_limit_and_the_clinic_its_own(house: House) -> None:
    cashier, manager = house.person(Role.CASHIER), house.person(Role.MANAGER)
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    bill = bill_of(visit)
    refusal = refused(house, NotAllowed, lines.discount, bill, "friend", percent=11, actor=cashier)
    assert (refusal.code, "10 percent" in str(refusal)) == ("discount-limit", True)
    house.run(lines.discount, bill.id, "friend", percent=6, actor=cashier)
    refused(house, NotAllowed, lines.discount, bill_of(visit), "again", percent=6, actor=cashier)
    refused(house, NotAllowed, lines.discount, bill_of(visit), "again", amount=481, actor=cashier)
    house.run(lines.discount, bill.id, "again", amount=480, actor=cashier)
    house.run(lines.discount, bill.id, "and again", percent=20, actor=manager)
    refused(house, NotAllowed, lines.discount, bill_of(visit), "again", percent=1, actor=manager)
    refused(house, NotAllowed, lines.discount, bill_of(visit), "no", amount=1, actor=house.person(Role.NURSE))
    house.run(settings.change_clinic, discount_limits={"CASHIER": 0, "MANAGER": 100})
    refused(house, NotAllowed, lines.discount, bill_of(visit), "again", amount=1, actor=cashier)
    house.run(lines.discount, bill.id, "all of it", amount=bill_of(visit).total_amount, actor=manager)
    assert (bill_of(visit).total_amount, bill_of(visit).status) == (0, "PAID")
    assert db.session.get_one(Visit, visit.id).status == VisitStatus.COMPLETED
    whole()


def test_a_discount_that_makes_no_sense_is_refused(house: House) -> None:
    visit = house.visit()
    bill = bill_of(visit)
    for wrong in ({}, {"percent": 0}, {"percent": 120}, {"percent": -5}, {"amount": 0}, {"amount": 10**18},
                  {"percent": 5, "amount": 5}, {"amount": PRICE + 1}):  # fmt: skip
        refused(house, Invalid, lines.discount, bill, "why", **wrong)
    assert "reason" in refused(house, Invalid, lines.discount, bill, "  ", percent=5).fields
    house.run(lines.discount, bill.id, "half", amount=6_000)
    assert "amount" in refused(house, Invalid, lines.discount, bill_of(visit), "more", amount=6_001).fields
    house.run(lines.add_line, bill.id, service(house, "Swab", 100).id)
    off = next(line for line in finance.lines_of(bill) if line.amount < 0)
    refused(house, Invalid, lines.discount, bill_of(visit), "on it", percent=5, line_id=off.id)
    refused(house, Invalid, lines.change_line, bill_of(visit), off.id, 2)


def test_a_discount_in_an_amount_never_exceeds_what_is_left(house: House) -> None:
    visit = house.visit(VisitStatus.COMPLETED)
    other = house.visit(VisitStatus.PENDING_PAYMENT)
    bill = bill_of(other)
    house.run(lines.add_line, bill.id, service(house, "Cast", 50_000).id)
    second = finance.lines_of(bill)[1]
    house.run(lines.discount, bill.id, "much", amount=20_000)
    assert refused(house, NotPossible, lines.remove_line, bill_of(other), second.id).code == "discounts"
    assert visit.status == VisitStatus.COMPLETED
    whole()


@pytest.mark.parametrize("currency", ["JPY", "KWD"])
def test_shares_add_up_in_currencies_of_no_and_three_digits(house: House, currency: str) -> None:
    odd = service(house, "Odd", 1)
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    bill = bill_of(visit)
    for quantity in (1, 2, 7):
        house.run(lines.add_line, bill.id, odd.id, quantity=quantity)
    house.run(lines.discount, bill.id, "third", percent=33)
    fund = house.run(payers.add_insurer, "Fund")
    house.run(payers.add_payer, bill.id, fund.id, value=33)
    bill = bill_of(visit)
    assert bill.insurance_amount + bill.self_pay_amount == bill.total_amount == bill.doctor_share + bill.center_share
    whole()


# --------------------------------------------------------------------------------------------------------- payers


def test_insurers_take_their_parts_in_order_and_the_patient_the_rest(house: House) -> None:
    who = house.patient(insurer="STATE fund", policy_number="P-77")
    visit = house.visit(VisitStatus.PENDING_PAYMENT, patient=who)
    bill = bill_of(visit)
    state = house.run(payers.add_insurer, "State Fund", coverage_percent=70)
    extra = house.run(payers.add_insurer, "Extra")
    house.run(payers.add_payer, bill.id, state.id)
    house.run(payers.add_payer, bill.id, extra.id, coverage=CoverageKind.AMOUNT, value=1_001)
    first, second = finance.payers_of(bill)
    assert [(p.policy_number, p.amount) for p in (first, second)] == [("P-77", 8_400), ("", 1_001)]
    assert (bill_of(visit).insurance_amount, bill_of(visit).self_pay_amount) == (9_401, 2_599)
    assert debt(AccountKind.INSURER_DEBT, insurer_id=state.id) == 8_400
    assert debt(AccountKind.PATIENT_DEBT, patient_id=who.id) == 2_599
    whole()
    house.run(payers.change_payer, bill.id, second.id, CoverageKind.AMOUNT, 10**9)
    assert (finance.payers_of(bill)[1].amount, bill_of(visit).self_pay_amount) == (3_600, 0)
    assert (bill_of(visit).status, db.session.get_one(Visit, visit.id).status) == ("PAID", "COMPLETED")
    house.run(payers.remove_payer, bill.id, first.id)
    assert (bill_of(visit).insurance_amount, bill_of(visit).self_pay_amount, bill_of(visit).status) == (
        12_000,
        0,
        "PAID",
    )
    house.run(payers.refuse_part, bill.id, second.id, "not insured")
    assert (bill_of(visit).self_pay_amount, bill_of(visit).status) == (PRICE, "PENDING")
    assert debt(AccountKind.INSURER_DEBT, insurer_id=extra.id) == 0
    whole()


def test_a_coverage_that_makes_no_sense_is_refused(house: House) -> None:
    visit = house.visit(VisitStatus.COMPLETED)
    bill = bill_of(visit)
    fund = house.run(payers.add_insurer, "Fund")
    for wrong in (-1, 101, 120):
        assert "value" in refused(house, Invalid, payers.add_payer, bill, fund.id, value=wrong).fields
    refused(house, Invalid, payers.add_payer, bill, fund.id, coverage=CoverageKind.AMOUNT, value=-1)
    refused(house, Invalid, payers.add_payer, bill, fund.id, coverage=CoverageKind.AMOUNT, value=10**18)
    assert refused(house, NotPossible, payers.add_payer, bill, fund.id).code == "refund-first"
    house.run(payers.add_payer, bill.id, fund.id, value=0)
    assert refused(house, NotPossible, payers.add_payer, bill_of(visit), fund.id).code == "payer-known"
    with pytest.raises(Invalid):
        house.run(payers.add_insurer, "Fund")
    with pytest.raises(Invalid):
        house.run(payers.change_insurer, fund.id, name="Fund", coverage_percent=120)
    house.run(payers.change_insurer, fund.id, name="Old fund", coverage_percent=10, is_active=False)
    other = house.visit()
    refused(house, NotPossible, payers.add_payer, bill_of(other), fund.id)
    refused(house, NotFound, payers.add_payer, bill_of(other), 10**9)
    whole()


def test_verify_names_what_was_changed_behind_its_back(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    bill = bill_of(visit)
    fund = house.run(payers.add_insurer, "Fund", coverage_percent=50)
    house.run(payers.add_payer, bill.id, fund.id)
    house.run(finance.pay, bill.id, cash(house, 6_000))
    whole()
    line, payer = finance.lines_of(bill)[0].id, finance.payers_of(bill)[0].id
    wrongs = (
        (f"UPDATE bill_line SET doctor_share = 1 WHERE id = {line}", f"line {line}"),
        (f"UPDATE bill_line SET unit_price = 1, amount = 1 WHERE id = {line}", "its lines say"),
        (f"UPDATE bill_payer SET value = 49 WHERE id = {payer}", "its payers say"),
        (f"UPDATE bill_payer SET paid_amount = 5 WHERE id = {payer}", "its part says"),
        ("UPDATE payment SET doctor_share = 0, center_share = 12000", "for doctors"),
        ("UPDATE counter SET last_number = 5 WHERE name = 'invoice'", "have holes"),
        ("UPDATE invoice SET voided_at = issued_at, void_reason = 'x'", "its number is void"),
    )
    for statement, words in wrongs:
        db.session.execute(db.text(statement))
        assert any(words in finding for finding in verify.findings()), statement
        db.session.rollback()
    assert db.session.scalar(select(func.count(BillLine.id))) == 1
    assert patients.find(visit.patient_id, house.actor) is not None
    whole()


def test_the_bills_of_who_was_made_anonymous_say_nothing_of_the_person(house: House) -> None:
    who = house.patient(insurer="Fund", policy_number="P-77")
    visit = house.visit(VisitStatus.PENDING_PAYMENT, patient=who)
    bill = bill_of(visit)
    fund = house.run(payers.add_insurer, "Fund", coverage_percent=50)
    house.run(payers.add_payer, bill.id, fund.id)
    house.run(lines.discount, bill.id, "Wife of the mayor", percent=10)
    house.run(invoices.void, bill.id, "Mrs. Brown moved")
    house.run(finance.pay, bill.id, cash(house, bill_of(visit).due_amount))
    house.run(anonymising.anonymise, who.id, who.card_no, "request")
    payer, discount = finance.payers_of(bill)[0], finance.lines_of(bill)[1]
    assert (payer.policy_number, discount.reason, invoices.invoices(bill)[0].void_reason) == ("", "—", "—")
    assert bill_of(visit).total_amount == 10_800
    whole()
