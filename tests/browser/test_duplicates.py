"""While somebody is being registered: is it one of these? And the list of pairs, judged and taken back."""

from __future__ import annotations

import os
from datetime import date

from playwright.sync_api import expect

from reception.models import Role
from tests.browser.stage import Stage

SHOTS = os.environ.get("TEST_SHOTS")
"""A folder for pictures of what is tested, for people to look at."""


def test_the_form_asks_while_one_types(stage: Stage) -> None:
    """After names, birth date or phone, in the quick and in the full form; the form goes on whatever it says."""
    stage.house.patient("Schneider", first_name="Anna", date_of_birth=date(1984, 3, 12), phone="0171 2345678")
    page = stage.page("/patients", Role.RECEPTIONIST)
    page.get_by_role("button", name="New patient").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Last name").press_sequentially("Shneider")
    dialog.get_by_label("First name").press_sequentially("Ana")
    known = dialog.locator("#known")
    expect(known).to_contain_text("Schneider, Anna")
    dialog.get_by_label("Date of birth").fill("1984-03-12")
    expect(known).to_contain_text("same birth date, first name sounds alike")
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/known.png")
    dialog.get_by_label("Date of birth").fill("1950-01-05")
    dialog.get_by_label("Last name").fill("Kowalczyk")
    expect(known).not_to_contain_text("Schneider")
    page.goto("/patients/full")
    page.get_by_label("Phone", exact=True).fill("0171 2345678")
    expect(page.locator("#known")).to_contain_text("same phone")


def test_pairs_are_judged_in_a_list(stage: Stage) -> None:
    for name in ("Marta", "Martha"):
        stage.house.patient("Zielinski", first_name=name, date_of_birth=date(1971, 6, 5))
    page = stage.page("/patients/duplicates", Role.RECEPTIONIST)
    row = page.locator("#pairs li").filter(has_text="Zielinski")
    expect(row).to_contain_text("same birth date")
    expect(row.get_by_role("link", name="Merge…")).to_be_visible()
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/pairs.png")
        page.set_viewport_size({"width": 390, "height": 800})
        page.screenshot(path=f"{SHOTS}/pairs-phone.png")
        page.set_viewport_size({"width": 1280, "height": 800})
    row.get_by_role("button", name="Different people").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row).to_be_visible()
