"""The payment dialog in the browser it runs in: its sums, its keys, what it refuses to post."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from babel.core import Locale
from playwright.sync_api import Page, expect

from reception import amounts, formats
from reception.domain import directory, operations
from reception.extensions import db
from reception.models import Payment, Role, VisitStatus
from tests.browser.stage import Seen, Stage
from tests.test_amounts import READ, REFUSED

pytestmark = pytest.mark.browser
CASHIER = Role.CASHIER


@pytest.fixture(scope="module")
def rules(shared: Stage) -> Iterator[Any]:
    """A function that evaluates JavaScript with the dialog's rules in scope."""
    page = shared.page("/sign-in")
    page.evaluate('async () => Object.assign(globalThis, await import("/static/payment-rules.js"))')
    yield page.evaluate
    page.context.close()


def style(language: str, currency: str) -> dict[str, Any]:
    decimal, group = amounts.signs(Locale(language))
    return {"places": formats.digits(currency), "decimal": decimal, "group": group}


def test_the_browser_reads_amounts_as_the_server_does(rules: Any) -> None:
    for language, currency, typed, units in READ:
        assert rules("([text, style]) => read(text, style)", [typed, style(language, currency)]) == units, typed
    for language, currency, typed in REFUSED:
        assert rules("([t, s]) => Number.isNaN(read(t, s))", [typed, style(language, currency)]), typed
    assert rules("(s) => read('  ', s)", style("en", "EUR")) is None


def test_what_it_writes_it_reads_again(rules: Any) -> None:
    for language, currency in (("en", "EUR"), ("ru", "EUR"), ("ar", "EUR"), ("en", "JPY"), ("ru", "KWD")):
        for units in (1, 9, 10, 99, 100, 999, 1_000, 12_345, 1_234_567, 999_999_999_999_999):
            written = rules("([n, s]) => write(n, s)", [units, style(language, currency)])
            assert rules("([t, s]) => read(t, s)", [written, style(language, currency)]) == units, written


def test_round_sums_begin_at_the_exact_one_and_rise(rules: Any) -> None:
    euros = style("en", "EUR")
    assert rules("(s) => rounds(30000, s)", euros) == [30_000, 31_000, 35_000, 40_000]
    assert rules("(s) => rounds(1250, s)", euros) == [1_250, 1_300, 1_500, 2_000]
    assert rules("(s) => rounds(6250, s)", euros) == [6_250, 6_500, 7_000, 10_000]
    for amount in (1, 40, 100, 999, 5_000, 12_345, 999_999, 10**12):
        for currency in ("EUR", "JPY", "KWD"):
            found = rules("([n, s]) => rounds(n, s)", [amount, style("en", currency)])
            assert found[0] == amount
            assert found == sorted(set(found))
            assert len(found) == 4


@pytest.mark.parametrize(
    "parts, amounts_, rest, left",
    [
        ([("CASH", None)], {"CASH": 800}, "CASH", 0),
        ([("CARD", 500), ("CASH", None)], {"CARD": 500, "CASH": 300}, "CASH", 0),
        ([("CARD", None), ("CASH", None)], {"CARD": None, "CASH": 800}, "CASH", 0),
        ([("CARD", None), ("CASH", 300)], {"CARD": 500, "CASH": 300}, "CARD", 0),
        ([("CARD", 500), ("CASH", 100)], {"CARD": 500, "CASH": 100}, None, 200),
        ([("CARD", 900), ("CASH", None)], {"CARD": 900, "CASH": None}, "CASH", -100),
        ([("CARD", 800), ("CASH", None)], {"CARD": 800, "CASH": None}, "CASH", 0),
    ],
)
def test_the_last_part_that_nobody_typed_into_is_the_rest(
    rules: Any, parts: Any, amounts_: Any, rest: Any, left: int
) -> None:  # fmt: skip
    given = [{"name": name, "typed": typed} for name, typed in parts]
    found = rules("(parts) => share(800, parts)", given)
    assert (found["amounts"], found["rest"], found["left"]) == (amounts_, rest, left)


# ------------------------------------------------------------------------------------------------------ the dialog


@pytest.fixture
def dialog(stage: Stage) -> Iterator[tuple[Stage, Page, int]]:
    """The dialog of a bill of 120.00, opened by Enter on its row."""
    if len(operations.cashboxes(stage.house.actor)) == 2:
        stage.house.run(directory.add_cashbox, "Bank", "BANK")
    visit = stage.house.visit(VisitStatus.PENDING_PAYMENT)
    ident, bill = visit.id, visit.payment.id
    db.session.rollback()
    seen = Seen()
    page = stage.page("/", CASHIER, seen=seen)
    page.locator(f"#payable #visit-{ident} .rx-act").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-take]")).to_be_focused()
    yield stage, page, bill
    seen.is_clean(stage.url)


def bill_of(ident: int) -> tuple[str, int]:
    db.session.rollback()
    bill = db.session.get_one(Payment, ident)
    return bill.status, bill.amount_paid


def used(page: Page) -> list[str]:
    return page.eval_on_selector_all("[data-way]:checked", "ways => ways.map((way) => way.value)")


def value(page: Page, name: str) -> str:
    return page.locator(f'[name="{name}"]').input_value()


def test_keys_add_and_remove_parts_and_the_last_one_stays(dialog: tuple[Stage, Page, int]) -> None:
    _, page, _ = dialog
    assert used(page) == ["CASH"]
    page.keyboard.press("Digit2")
    expect(page.locator("#amount-CARD")).to_be_focused()
    assert used(page) == ["CASH", "CARD"]
    assert (value(page, "amount-CARD"), value(page, "amount-CASH")) == ("", "120.00")
    expect(page.locator("[data-take]")).to_have_attribute("aria-disabled", "true")
    page.keyboard.type("50.5", delay=60)  # as fingers do: faster is a scanner
    assert value(page, "amount-CASH") == "69.50"
    expect(page.locator("[data-take]")).to_have_attribute("aria-disabled", "false")
    page.locator("[data-take]").focus()
    assert value(page, "amount-CARD") == "50.50"
    page.keyboard.press("Digit1")  # cash goes, and the card part was typed: 69.50 is left
    expect(page.locator("[data-left-amount]")).to_have_text("69.50")
    expect(page.locator("[data-take-part]")).to_be_visible()
    page.locator("[data-take]").focus()
    page.keyboard.press("Digit3")  # the transfer is the rest
    expect(page.locator("#amount-BANK_TRANSFER")).to_have_value("69.50")
    page.keyboard.press("Digit2")
    expect(page.locator("#amount-BANK_TRANSFER")).to_have_value("120.00")
    page.keyboard.press("Digit3")  # the last part stays: its key goes into it
    expect(page.locator("#amount-BANK_TRANSFER")).to_be_focused()
    assert used(page) == ["BANK_TRANSFER"]


def test_keys_work_on_another_keyboard_layout(dialog: tuple[Stage, Page, int]) -> None:
    _, page, _ = dialog
    page.evaluate("""() => document.activeElement.dispatchEvent(
        new KeyboardEvent("keydown", { code: "Digit2", key: "é", bubbles: true, cancelable: true }))""")
    expect(page.locator("#amount-CARD")).to_be_focused()
    assert used(page) == ["CASH", "CARD"]


def test_cash_shows_its_change_and_enter_takes(dialog: tuple[Stage, Page, int]) -> None:
    _, page, bill = dialog
    assert page.locator("[data-round]").all_inner_texts() == ["120", "125", "130", "150"]
    page.keyboard.press("Digit1")
    expect(page.locator("#received")).to_be_focused()
    page.keyboard.type("100")
    expect(page.locator("[data-left-words]")).to_have_text("Received is 20.00 short")
    page.keyboard.press("Enter")  # refused on the spot
    expect(page.locator("dialog#dialog")).to_be_visible()
    assert bill_of(bill) == ("PENDING", 0)
    page.locator("#received").select_text()
    page.keyboard.type("200")
    expect(page.locator("[data-change]")).to_have_text("80.00")
    page.keyboard.press("Enter")
    toast = page.locator(".rx-toast")
    expect(toast).to_contain_text("120.00 taken, change 80.00, receipt 2026-")
    expect(page.locator("dialog#dialog")).to_be_hidden()
    assert bill_of(bill) == ("PAID", 12_000)


def test_a_round_sum_is_one_press(dialog: tuple[Stage, Page, int]) -> None:
    _, page, bill = dialog
    page.locator("[data-round]").nth(3).click()
    expect(page.locator("[data-change]")).to_have_text("30.00")
    expect(page.locator("[data-take]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".rx-toast")).to_contain_text("change 30.00")
    assert bill_of(bill) == ("PAID", 12_000)


def test_a_part_is_taken_and_the_rest_stays(dialog: tuple[Stage, Page, int]) -> None:
    _, page, bill = dialog
    page.locator("#amount-CASH").fill("20")
    expect(page.locator("[data-take]")).to_have_attribute("aria-disabled", "true")
    page.keyboard.press("Enter")
    assert bill_of(bill) == ("PENDING", 0)
    page.locator("[data-take-part]").click()
    expect(page.locator(".rx-toast")).to_contain_text("20.00 taken")
    assert bill_of(bill) == ("PARTIALLY_PAID", 2_000)


def test_nonsense_is_marked_while_it_is_typed(dialog: tuple[Stage, Page, int]) -> None:
    _, page, bill = dialog
    for typed, words in (
        ("12.345", "This is not an amount"),
        ("x", "This is not an amount"),
        ("130", "10.00 too much"),
    ):
        page.locator("#amount-CASH").fill(typed)
        expect(page.locator("[data-left-words]")).to_have_text(words)
        page.keyboard.press("Enter")
    assert bill_of(bill) == ("PENDING", 0)
    page.locator("#amount-CASH").fill("")
    expect(page.locator("[data-left-words]")).to_have_text("Left to pay")
    assert value(page, "amount-CASH") == ""  # never rewritten under the fingers
    page.locator("[data-take]").focus()
    assert value(page, "amount-CASH") == "120.00"


def test_a_double_press_pays_once_and_the_next_row_gets_the_focus(dialog: tuple[Stage, Page, int]) -> None:
    stage, page, bill = dialog
    other = stage.house.visit(VisitStatus.PENDING_PAYMENT).id
    db.session.rollback()
    page.wait_for_selector(f"#payable #visit-{other}")
    page.keyboard.down("Enter")
    page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    expect(page.locator(".rx-toast")).to_have_count(1)
    assert bill_of(bill) == ("PAID", 12_000)
    expect(page.locator("#payable .rx-payable .rx-act").first).to_be_visible()
    expect(page.locator("#payable .rx-payable :focus")).to_be_visible()


def test_the_receipt_is_printed_without_leaving_the_page(dialog: tuple[Stage, Page, int]) -> None:
    stage, page, _ = dialog
    page.evaluate(
        "() => { const { dataset } = document.body; window.print = () => {"
        " dataset.printed = (dataset.printed ?? '') + document.getElementById('print').textContent; } }"
    )
    page.locator("[data-prints]").check()
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")  # opened again: this desk prints
    expect(page.locator("[data-prints]")).to_be_checked()
    expect(page.locator("[data-take]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_have_attribute("data-printed", re.compile(r"Receipt\s*2026-"))
    page.locator(".rx-toast [data-print-receipt]").click()
    expect(page.locator("body")).to_have_attribute("data-printed", re.compile(r"Receipt.*Receipt", re.DOTALL))
    assert page.url == f"{stage.url}/"
    page.evaluate("localStorage.clear()")
