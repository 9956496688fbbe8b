"""Invoice numbers, claims to insurers, and paying doctors what they are due."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from reception import clock
from reception.domain import directory, finance, verify
from reception.domain.errors import Invalid, NotFound, NotPossible, Refusal, Stale
from reception.domain.finance import Part, claims, invoices, lines, payers, payouts
from reception.extensions import db
from reception.models import (
    Account,
    AccountKind,
    Cashbox,
    Claim,
    Insurer,
    Invoice,
    LedgerEntry,
    LedgerKind,
    Method,
    Payment,
    Visit,
    VisitStatus,
)
from tests.factories import House

PRICE = 12_000


def bill_of(visit: Visit) -> Payment:
    return db.session.scalars(
        select(Payment).filter_by(visit_id=visit.id).execution_options(populate_existing=True)
    ).one()


def balance(kind: AccountKind, **owner: int) -> int:
    return int(db.session.scalar(select(Account.balance).filter_by(kind=kind, **owner)) or 0)


def whole() -> None:
    assert list(verify.findings()) == []


def bank(house: House) -> Cashbox:
    return house.run(directory.add_cashbox, "Bank", "BANK")


def insured(
    house: House, fund: Insurer, percent: int = 50, status: VisitStatus = VisitStatus.PENDING_PAYMENT
) -> Payment:
    """The bill of a visit of which the fund pays `percent`."""
    bill = bill_of(house.visit(status))
    house.run(payers.add_payer, bill.id, fund.id, value=percent)
    return bill


def month(house: House) -> date:
    return claims.month_of(clock.today(house.clinic))


def refused(house: House, kind: type[Refusal], verb: Any, *values: Any, **more: Any) -> Refusal:
    before = db.session.query(LedgerEntry).count()
    with pytest.raises(kind) as caught:
        house.run(verb, *values, **more)
    assert db.session.query(LedgerEntry).count() == before
    return caught.value


# --------------------------------------------------------------------------------------------------------- numbers


def test_a_void_number_stays_and_the_bill_stands_again_with_a_new_one(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    bill = bill_of(visit)
    assert bill.invoice_no == "2026-00001"
    refused(house, Invalid, invoices.void, bill.id, " ")
    house.run(invoices.void, bill.id, "wrong address", version=bill.version)
    assert (bill_of(visit).invoice_no, bill_of(visit).status, bill_of(visit).due_amount) == (None, "PENDING", PRICE)
    assert refused(house, NotPossible, invoices.void, bill.id, "again").code == "not-invoiced"
    refused(house, Stale, invoices.invoice, bill.id, version=1)
    whole()
    house.run(invoices.invoice, bill.id)
    assert bill_of(visit).invoice_no == "2026-00002"
    assert refused(house, NotPossible, invoices.invoice, bill.id).code == "invoiced"
    house.run(invoices.reopen, bill.id, "a service was missing")
    house.run(finance.pay, bill.id, [Part(Method.CASH, house.cash.id, PRICE)])
    assert bill_of(visit).invoice_no == "2026-00003"
    assert refused(house, NotPossible, invoices.void, bill.id, "too late").code == "refund-first"
    found = db.session.scalars(select(Invoice).order_by(Invoice.id)).all()
    assert [(i.number, i.void_reason) for i in found] == [
        ("2026-00001", "wrong address"), ("2026-00002", "a service was missing"), ("2026-00003", ""),
    ]  # fmt: skip
    whole()


def test_a_cancelled_bill_keeps_its_void_number(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    bill = bill_of(visit)
    assert refused(house, NotPossible, invoices.cancel, bill.id, "left").code == "has-visit"
    house.move(visit, "cancel", reason="left")
    assert (bill_of(visit).status, bill_of(visit).invoice_no) == ("CANCELLED", "2026-00001")
    for verb in (invoices.void, invoices.reopen):
        assert refused(house, NotPossible, verb, bill.id, "why").code == "not-changeable"
    assert refused(house, NotPossible, invoices.invoice, bill.id).code == "not-changeable"
    house.undo(visit)
    assert bill_of(visit).invoice_no == "2026-00001"
    house.run(invoices.mark, bill.id, "CODE OK")
    refused(house, Invalid, invoices.mark, bill.id, "Mr. Brown is ill")
    whole()


# ---------------------------------------------------------------------------------------------------------- claims


def test_a_claim_goes_from_draft_to_paid_bill_by_bill(house: House) -> None:
    fund = house.run(payers.add_insurer, "Fund")
    first, second = insured(house, fund), insured(house, fund, 30)
    assert claims.waiting(house.actor) == [(fund, month(house), 2, 9_600)]
    claim = house.run(claims.draft, fund.id, month(house))
    assert (claim.number, claim.amount, claim.status) == ("C2026-0001", 9_600, "DRAFT")
    assert refused(house, NotPossible, claims.draft, fund.id, month(house)).code == "nothing-open"
    third = insured(house, fund, 10)
    assert house.run(claims.draft, fund.id, clock.today(house.clinic)).id == claim.id
    house.run(lines.add_line, third.id, house.service.id)  # a draft follows its bills
    assert claims.claims(house.clinic.id)[0].asked == 9_600 + 2_400
    house.run(claims.leave_out, claim.id, claims.parts_of(claim)[2].id)
    sent = house.run(claims.send, claim.id)
    assert (sent.amount, sent.status) == (9_600, "SENT")
    assert refused(house, NotPossible, lines.add_line, first.id, house.service.id).code == "claimed"
    assert refused(house, NotPossible, invoices.void, first.id, "why").code == "claimed"
    house.run(claims.accept, claim.id)
    box, parts = bank(house), {part.payment_id: part.id for part in claims.parts_of(claim)}
    refused(house, Invalid, claims.pay, claim.id, house.cash.id)
    refused(house, Invalid, claims.pay, claim.id, box.id, parts={parts[first.id]: 6_001})
    refused(house, Invalid, claims.pay, claim.id, box.id, parts={10**9: 1})
    refused(house, Invalid, claims.pay, claim.id, box.id, parts={parts[first.id]: -1})
    house.run(claims.pay, claim.id, box.id, parts={parts[first.id]: 2_000})
    assert balance(AccountKind.DOCTOR_DUE, doctor_id=house.doctor.id) == 4_800 * 2_000 // PRICE
    assert db.session.get_one(Claim, claim.id).status == "ACCEPTED"
    whole()
    operation = house.run(claims.pay, claim.id, box.id)
    assert (operation.amount, db.session.get_one(Claim, claim.id).status) == (7_600, "PAID")
    entries = db.session.scalars(select(LedgerEntry).filter_by(operation_id=operation.id, kind=LedgerKind.PAYMENT))
    assert {(e.payment_id, e.amount, e.method) for e in entries} == {
        (first.id, 4_000, Method.INSURANCE), (second.id, 3_600, Method.INSURANCE),
    }  # fmt: skip
    assert balance(AccountKind.INSURER_DEBT, insurer_id=fund.id) == 2_400
    assert db.session.get_one(Account, box.account_id).balance == 9_600
    assert [p.status for p in (first, second)] == ["PENDING", "PENDING"]  # the patients' parts are still open
    whole()


def test_what_is_refused_becomes_the_patients(house: House) -> None:
    fund = house.run(payers.add_insurer, "Fund")
    first, second = insured(house, fund), insured(house, fund, 100)
    claim = house.run(claims.draft, fund.id, month(house))
    refused(house, NotPossible, claims.refuse, claim.id, "not yet sent")
    house.run(claims.send, claim.id)
    parts = {part.payment_id: part.id for part in claims.parts_of(claim)}
    refused(house, Invalid, claims.refuse, claim.id, " ")
    refused(house, Invalid, claims.refuse, claim.id, "x", parts=[10**9])
    house.run(claims.refuse, claim.id, "not covered", parts=[parts[second.id]])
    db.session.refresh(second)
    assert (second.self_pay_amount, second.insurance_amount, second.status) == (PRICE, 0, "PENDING")
    found = db.session.get_one(Claim, claim.id)
    assert (found.status, found.amount) == ("SENT", 6_000)
    house.run(claims.refuse, claim.id, "late")
    assert (db.session.get_one(Claim, claim.id).status, db.session.get_one(Payment, first.id).insurance_amount) == (
        "REFUSED", 0,
    )  # fmt: skip
    assert refused(house, NotPossible, claims.send, claim.id).code == "empty"
    house.run(payers.change_payer, first.id, parts[first.id], "PERCENT", 20)
    again = house.run(claims.send, claim.id)
    assert (again.status, again.amount, again.answered_at) == ("SENT", 2_400, None)
    whole()


def test_a_claim_paid_in_part_and_refused_for_the_rest_is_paid(house: House) -> None:
    fund, box = house.run(payers.add_insurer, "Fund"), bank(house)
    bill = insured(house, fund, 100)
    claim = house.run(claims.draft, fund.id, month(house))
    house.run(claims.send, claim.id)
    part = claims.parts_of(claim)[0]
    house.run(claims.pay, claim.id, box.id, parts={part.id: 5_000})
    house.run(claims.refuse, claim.id, "above the tariff")
    db.session.refresh(bill)
    assert (bill.insurance_amount, bill.self_pay_amount) == (5_000, 7_000)
    assert db.session.get_one(Claim, claim.id).status == "PAID"
    assert refused(house, NotPossible, claims.pay, claim.id, box.id).code == "not-possible"
    with pytest.raises(NotPossible):
        house.move(db.session.get_one(Visit, bill.visit_id), "cancel", reason="left")
    whole()


def test_claims_stay_in_their_clinic_and_month(house: House) -> None:
    fund = house.run(payers.add_insurer, "Fund")
    insured(house, fund)
    other = House.open(house.app, "Hillside", "Asia/Tokyo")
    with pytest.raises(NotFound):
        other.run(claims.draft, fund.id, month(house))
    assert refused(house, NotPossible, claims.draft, fund.id, claims.after_month(month(house))).code == "nothing-open"
    claim = house.run(claims.draft, fund.id, month(house))
    for verb in (claims.send, claims.accept):
        with pytest.raises(NotFound):
            other.run(verb, claim.id)
    with pytest.raises(Stale):
        house.run(claims.send, claim.id, version=99)
    assert claims.after_month(date(2026, 12, 1)) == date(2027, 1, 1)


# ------------------------------------------------------------------------------------------------------------ dues


def test_a_doctor_is_paid_what_is_due_and_no_more(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    house.run(finance.pay, bill_of(visit).id, [Part(Method.CASH, house.cash.id, PRICE)])
    assert balance(AccountKind.DOCTOR_DUE, doctor_id=house.doctor.id) == 4_800
    for wrong in (0, -1, 10**18):
        assert "amount" in refused(house, Invalid, payouts.pay_doctor, house.doctor.id, wrong, house.cash.id).fields
    assert refused(house, Invalid, payouts.pay_doctor, house.doctor.id, 4_801, house.cash.id).code == "too-much"
    refused(house, Invalid, payouts.pay_doctor, house.doctor.id, 100, house.card.id)
    refused(house, NotFound, payouts.pay_doctor, house.doctor.id, 100, 10**9)
    refused(house, NotPossible, payouts.pay_doctor, house.doctor.id, 100, house.cash.id, due=4_799)
    operation = house.run(payouts.pay_doctor, house.doctor.id, 4_000, house.cash.id, due=4_800, note="November")
    assert (operation.kind, operation.amount, operation.receipt_no) == (LedgerKind.EXPENSE, 4_000, "2026-000002")
    assert balance(AccountKind.DOCTOR_DUE, doctor_id=house.doctor.id) == 800
    assert db.session.get_one(Account, house.cash.account_id).balance == PRICE - 4_000
    box = bank(house)
    assert refused(house, NotPossible, payouts.pay_doctor, house.doctor.id, 800, box.id).code == "not-enough"
    assert house.run(payouts.pay_doctor, house.doctor.id, 800, house.cash.id).receipt_no == "2026-000003"
    whole()
