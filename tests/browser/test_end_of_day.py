"""What one shift leaves for the next, and a visit put right, as people do it in real browsers side by side."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from reception.domain import directory
from reception.models import Role
from tests.browser.stage import SEEN, Stage


def test_a_note_from_one_desk_to_the_other(stage: Stage) -> None:
    """Left with one key, seen at once on the other screen, done there with Enter, taken back with another key."""
    first, second = stage.page("/", Role.RECEPTIONIST), stage.page("/", Role.CASHIER)
    first.keyboard.press("l")
    note = first.get_by_role("dialog").get_by_label("Note for the next shift")
    expect(note).to_be_focused()
    first.keyboard.type("The key of 101 is with the guard")
    first.get_by_role("button", name="Leave the note").click()
    expect(first.get_by_role("dialog")).to_be_hidden()
    row = second.locator(".rx-notice.is-note")
    expect(row).to_contain_text("The key of 101 is with the guard")
    row.get_by_role("button", name="Done").focus()
    second.keyboard.press("Enter")
    expect(second.locator(".rx-notice")).to_have_count(0)
    expect(first.locator(".rx-notice")).to_have_count(0)
    second.keyboard.press("u")
    expect(first.locator(".rx-notice.is-note")).to_contain_text("guard")
    for page in (first, second):
        SEEN[page.context].is_clean(stage.url)


def test_a_visit_put_right_and_its_bill_with_it(stage: Stage) -> None:
    """Another service chosen by keyboard in the visit's dialog; the bill that is looked at has its price; undone."""
    house = stage.house
    house.run(directory.add_service, "Long consultation", 20_000)
    visit = house.visit()
    page = stage.page("/", Role.RECEPTIONIST)
    dialog = page.get_by_role("dialog")
    row = page.locator(f"#{visit.ref}")
    row.locator(".rx-open").click()
    dialog.get_by_role("button", name="Change", exact=True).click()
    expect(dialog.get_by_label("Service")).to_be_focused()
    page.keyboard.type("Long")
    dialog.get_by_role("button", name="Change").click()
    expect(page.locator("[data-toast]")).to_contain_text("Long consultation")
    row.locator(".rx-open").click()
    dialog.get_by_role("button", name="Open bill").click()
    expect(dialog.locator(".rx-bill-sums")).to_contain_text(re.compile(r"200\.00"))
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    expect(page.locator("[data-toast]").last).to_contain_text("Taken back")
    row.locator(".rx-open").click()
    expect(dialog).to_contain_text("120.00")
    SEEN[page.context].is_clean(stage.url)
