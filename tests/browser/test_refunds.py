"""Money that goes back and a family that pays at once, by keyboard, with two people at two screens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from reception.domain import verify
from reception.domain.audit import record
from reception.extensions import db
from reception.models import Clinic, Payment, RefundRequest, Role, VisitStatus
from tests.browser.stage import Seen, Stage
from tests.factories import PASSWORD


@pytest.fixture
def limited(stage: Stage) -> Iterator[Stage]:
    """A second person above 50.00, for the time of one test."""

    def to(limit: int | None) -> None:
        def change(*, actor: Any, at: Any) -> None:
            clinic = db.session.get_one(Clinic, stage.house.clinic.id)
            clinic.refund_limit = limit
            record(actor, "clinic.change", clinic, at=at)

        stage.house.run(change)
        db.session.rollback()

    to(5_000)
    yield stage
    to(None)


def bill_of(ident: int) -> tuple[str, int, int]:
    db.session.rollback()
    bill = db.session.get_one(Payment, ident)
    return bill.status, bill.amount_paid, bill.refunded_amount


def fill(page: Page, selector: str, text: str) -> None:
    page.locator(selector).focus()
    page.keyboard.type(text, delay=60)


def test_a_part_goes_back_when_somebody_else_agrees(limited: Stage) -> None:
    stage = limited
    visit = stage.house.visit(VisitStatus.COMPLETED)
    patient, bill = visit.patient_id, visit.payment.id
    db.session.rollback()
    seen, watched = Seen(), Seen()
    boss = stage.page("/", Role.MANAGER, seen=watched)
    expect(boss.locator("#refunds")).to_be_hidden()
    page = stage.page(f"/patients/{patient}?tab=bills", Role.CASHIER, seen=seen)
    page.get_by_role("button", name="Give back").focus()
    page.keyboard.press("Enter")
    expect(page.locator('[name="what"][value="all"]')).to_be_focused()
    fill(page, '[name="amount"]', "75.50")
    expect(page.locator('[name="what"][value="amount"]')).to_be_checked()
    fill(page, '[name="reason"]', "Only half was done")
    fill(page, '[name="password"]', "not it")
    page.keyboard.press("Enter")
    expect(page.locator("#password-error")).to_have_text("This is not your password.")
    expect(page.locator("#password")).to_be_focused()
    assert bill_of(bill) == ("PAID", 12_000, 0)
    assert page.locator('[name="amount"]').input_value() == "75.50"
    page.keyboard.type(PASSWORD, delay=60)
    page.keyboard.press("Enter")
    expect(page.locator(".rx-toast")).to_contain_text("75.50 is above the limit: a second person was asked.")
    assert bill_of(bill) == ("PAID", 12_000, 0)
    # The other screen is told without a reload.
    expect(boss.locator("#refunds")).to_contain_text("Only half was done")
    boss.locator("#refunds .rx-act").focus()
    boss.keyboard.press("Enter")
    expect(boss.locator("dialog#dialog")).to_contain_text("75.50")
    fill(boss, "#password", PASSWORD)
    boss.keyboard.press("Enter")
    expect(boss.locator(".rx-toast")).to_contain_text("75.50 given back")
    expect(boss.locator("#refunds")).to_be_hidden()
    assert bill_of(bill) == ("PAID", 12_000, 7_550)
    expect(page.locator("#card")).to_contain_text("44.50")
    assert db.session.query(RefundRequest).filter_by(payment_id=bill).one().status == "DONE"
    assert list(verify.findings()) == []
    seen.console[:] = [line for line in seen.console if "403 (FORBIDDEN)" not in line]  # the wrong password
    seen.is_clean(stage.url)
    watched.is_clean(stage.url)


def test_a_family_pays_at_once(stage: Stage) -> None:
    mother = stage.house.patient()
    visits = [stage.house.visit(VisitStatus.PENDING_PAYMENT, patient=mother)]
    child = stage.house.patient(guardian_id=mother.id)
    visits.append(stage.house.visit(VisitStatus.PENDING_PAYMENT, patient=child))
    other = stage.house.visit(VisitStatus.PENDING_PAYMENT)
    number, ident, bills = other.patient.card_no, mother.id, [visit.payment.id for visit in visits]
    alien = other.payment.id
    db.session.rollback()
    seen = Seen()
    page = stage.page("/finance/debts", Role.CASHIER, seen=seen)
    page.locator(f"#debt-{ident} button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-take]")).to_be_focused()
    expect(page.locator("[data-due-shown]")).to_have_text("240.00")
    fill(page, '[name="card"]', number)
    page.keyboard.press("Enter")
    expect(page.locator("[data-due-shown]")).to_have_text("360.00")
    assert bill_of(bills[0])[0] == "PENDING"  # Enter in that field added the card, and took nothing
    page.locator(f'[name="bill"][value="{alien}"]').focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-due-shown]")).to_have_text("240.00")
    expect(page.locator("[data-take-amount]")).to_have_text("240.00")
    fill(page, "#received", "300")
    expect(page.locator("[data-change]")).to_have_text("60.00")
    page.keyboard.press("Enter")
    expect(page.locator(".rx-toast")).to_contain_text("240.00 taken, change 60.00, receipt 2026-")
    assert [bill_of(bill)[:2] for bill in bills] == [("PAID", 12_000)] * 2
    assert bill_of(alien)[0] == "PENDING"
    expect(page.locator(f"#debt-{ident}")).to_have_count(0)
    page.goto(page.locator(".rx-toast [data-print-receipt]").get_attribute("href") or "")
    expect(page.locator(".rx-receipt")).to_contain_text("240.00")
    page.get_by_role("link", name="As a sheet A4").click()
    expect(page.locator(".rx-receipt.is-a4")).to_be_visible()
    assert list(verify.findings()) == []
    seen.is_clean(stage.url)
