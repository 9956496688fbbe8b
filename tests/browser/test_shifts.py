"""A shift in the browser, by keyboard: counted by denomination, paid into, looked at, closed with a difference, printed."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from reception.domain import finance
from reception.extensions import db
from reception.models import CashboxShift, Operation, Role, VisitStatus
from tests.browser.stage import Seen, Stage, live

pytestmark = pytest.mark.browser
CASHIER = Role.CASHIER


def counted(page: Page, *pieces: tuple[str, str]) -> None:
    """Type the pieces of each denomination, by Enter from field to field."""
    for piece, count in pieces:
        while page.evaluate("document.activeElement.dataset.coin") != piece:
            page.keyboard.press("Enter")
        page.keyboard.type(count)


def to_the_reason(page: Page) -> None:
    while not page.evaluate("document.activeElement.matches('[data-reason]')"):
        page.keyboard.press("Enter")


def printed(page: Page) -> str:
    """What went to the printer."""
    page.wait_for_selector("#print", state="attached")
    text = page.locator("#print").text_content()
    page.evaluate("void dispatchEvent(new Event('afterprint'))")
    return text or ""


def shifts() -> list[CashboxShift]:
    db.session.rollback()
    return list(db.session.scalars(select(CashboxShift).order_by(CashboxShift.id)))


def test_a_shift_by_keyboard_from_the_float_to_the_z_report(stage: Stage) -> None:
    house, seen = stage.house, Seen()
    first = house.run(finance.start_shift, house.cash.id, coins={}).id
    house.run(finance.close_shift, first, coins={})
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    ident, box = visit.id, house.cash.id
    db.session.rollback()
    page = stage.page("/", CASHIER, seen=seen)
    page.locator(f"#payable #visit-{ident} .rx-act").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-take]")).to_be_focused()
    page.keyboard.press("Enter")
    way = page.locator("#payment .alert button")
    expect(way).to_contain_text("Open a shift")
    way.focus()
    page.keyboard.press("Enter")
    expect(page.locator('[data-coin="50000"]')).to_be_focused()
    counted(page, ("5000", "2"), ("100", "7"))
    expect(page.locator("[data-count-total]")).to_have_text("107.00")
    expect(page.locator("[data-count-word]")).to_have_text("too much")
    to_the_reason(page)
    page.keyboard.type("the float")
    page.keyboard.press("Enter")
    expect(page.locator("[data-take]")).to_be_focused()  # the payment that waited for it
    page.keyboard.press("Shift")  # else the second Enter counts as a double press
    page.keyboard.press("Enter")
    expect(page.locator("#toasts [data-print-receipt]")).to_be_visible()
    assert [shift.opening_counted for shift in shifts()] == [0, 10_700]

    page.goto("/finance/shifts")
    page.locator(f"#cashbox-{box} a").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("X report")
    expect(page.locator("#shift tfoot")).to_contain_text("227.00")
    live(page)
    page.evaluate("void (window.print = () => {})")
    page.keyboard.press("p")
    assert "X report" in printed(page)

    page.keyboard.press("c")
    expect(page.locator('[data-coin="50000"]')).to_be_focused()
    counted(page, ("20000", "1"), ("2000", "1"), ("100", "5"))
    expect(page.locator("[data-count-difference]")).to_have_text("−2.00")
    expect(page.locator("[data-count-word]")).to_have_text("missing")
    to_the_reason(page)
    page.keyboard.type("a wrong change")
    page.keyboard.press("Enter")
    link = page.locator("#toasts [data-print-receipt]")
    expect(link).to_have_text("Z report 2")
    expect(page.locator("h1")).to_contain_text("Z report 2")  # it follows by itself
    link.click()
    paper = printed(page)
    closed = shifts()[-1]
    for words in ("Z report 2", "−2.00", "a wrong change", closed.audit_hash[:12]):
        assert words in paper, words
    assert (closed.expected, closed.counted, closed.number) == (22_700, 22_500, 2)
    seen.is_clean(stage.url, server_was_away=True)  # the refusal of the first payment is a line in the console


def test_an_expense_by_keyboard_and_back_with_u(stage: Stage) -> None:
    house, seen = stage.house, Seen()
    cashier = house.person(CASHIER)
    house.run(finance.add_category, "Courier", "EXPENSE")
    part = finance.Part("CARD", house.card.id, 12_000)
    house.run(finance.pay, house.visit(VisitStatus.PENDING_PAYMENT).payment.id, [part], actor=cashier)
    db.session.rollback()
    page = stage.page("/finance", CASHIER, seen=seen)
    page.keyboard.press("e")
    expect(page.locator(".rx-tabs [aria-current]")).to_be_focused()
    page.keyboard.press("1")
    expect(page.locator(".rx-tabs [aria-current]")).to_contain_text("Income")
    page.locator(".rx-tabs a").nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#amount")).to_be_focused()
    page.keyboard.type("12,50")
    page.keyboard.press("Tab")
    page.keyboard.type("Ter")
    page.keyboard.press("Tab")
    page.keyboard.type("Cou")
    page.keyboard.press("Tab")
    page.keyboard.type("Samples")
    page.keyboard.press("Enter")
    undo = page.locator("#toasts [data-undo]")
    expect(page.locator("#toasts")).to_contain_text("12.50 paid out")
    expect(undo).to_be_visible()
    page.keyboard.press("u")
    expect(page.locator("#toasts")).to_contain_text("12.50 taken back")
    db.session.rollback()
    notes = db.session.scalars(select(Operation.note).where(Operation.category_id.is_not(None)).order_by(Operation.id))
    assert list(notes) == ["Samples", "Samples"]
    seen.is_clean(stage.url)
