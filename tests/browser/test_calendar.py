"""The day list, moving by keys and the card, in a real browser: screens that follow, focus that stays where it is."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from reception.models import Role
from tests.browser.stage import SEEN, Stage

DESK = Role.RECEPTIONIST
REFUSED = re.compile(r"status of 4\d\d")
"""What Chromium itself writes of a refusal."""


def rows(page: Page) -> list[str]:
    return page.locator(".rx-booked").evaluate_all("all => all.map(row => `${row.id} ${row.dataset.status}`)")


def test_a_day_list_follows_another_desk(stage: Stage) -> None:
    """A booking, its move, its way back and a cancelling appear on the other screen without a reload."""
    house = stage.house
    house.shift(first=8, last=20, days=3, capacity=5)
    house.booked(house.patient("Standing"), house.at(9, days=3))
    patient = house.patient("Followed").id
    day = "/calendar?view=list&date=2026-11-23"
    here, there = stage.page(day, DESK), stage.page(day, Role.MANAGER)
    there.evaluate("window.stays = true")
    answer = stage.client(DESK).post(
        "/api/v1/appointments",
        {"patient_id": patient, "doctor_id": house.doctor.id, "service_id": house.service.id,
         "start": f"{house.at(10, days=3):%Y-%m-%dT%H:%M:%SZ}"},
    )  # fmt: skip
    row = f"#appointment-{answer.json['id']}"
    for page in (here, there):
        expect(page.locator(row)).to_contain_text("10:00")
    here.locator(f"{row} .rx-open").focus()
    here.keyboard.press("Enter")
    expect(here.locator("#dialog")).to_contain_text("R261120-")
    here.keyboard.press("m")
    expect(here.locator("#moving [name=slot]:checked")).to_be_focused()
    here.keyboard.press("ArrowDown")
    here.keyboard.press("Enter")
    expect(here.locator("#toasts")).to_contain_text("Moved: Followed to")
    expect(there.locator(row)).to_contain_text("08:15")
    here.keyboard.press("u")
    expect(there.locator(row)).to_contain_text("10:00")
    assert there.evaluate("window.stays")
    assert rows(there) == rows(here)
    for page in (here, there):
        SEEN[page.context].is_clean(stage.url)


def test_days_one_after_the_other(stage: Stage) -> None:
    """Brackets and T, with the address and the way back of the browser; the list hears of the day it shows."""
    page = stage.page("/calendar", DESK)
    page.keyboard.press("]")
    expect(page.locator("#day")).to_have_attribute("data-signal", "calendar-2026-11-21")
    page.keyboard.press("]")
    expect(page).to_have_url(re.compile("date=2026-11-22"))
    page.keyboard.press("[")
    expect(page.locator("#day")).to_have_attribute("data-signal", "calendar-2026-11-21")
    page.keyboard.press("t")
    expect(page.locator("#day")).to_have_attribute("data-signal", "calendar-2026-11-20")
    page.go_back()
    expect(page.locator("#day")).to_have_attribute("data-signal", "calendar-2026-11-21")
    SEEN[page.context].is_clean(stage.url)


def test_somebody_new_by_keyboard(stage: Stage) -> None:
    """Nobody is found: Enter registers and books in the same dialog; what was wrong is marked and stays typed."""
    stage.house.shift(first=8, last=12, days=4)
    page = stage.page("/calendar", DESK)
    page.keyboard.press("n")
    expect(page.locator("#booking-q")).to_be_focused()
    page.keyboard.type("Zzyzx Anna")
    expect(page.locator("#who-new")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.locator("#booking [name=last_name]")).to_have_value("Zzyzx")
    expect(page.locator("#booking [name=last_name]")).to_be_focused()
    page.locator("#booking [name=phone]").fill("12")
    page.locator("#booking [type=submit]").click()
    expect(page.locator("#booking #phone-error")).to_be_visible()
    expect(page.locator("#booking [name=first_name]")).to_have_value("Anna")
    page.locator("#booking [name=phone]").fill("0171 2345678")
    page.locator("#booking [type=submit]").click()
    expect(page.locator("#toasts")).to_contain_text("Booked: Zzyzx, Anna")
    expect(page.locator("#dialog")).to_be_hidden()
    seen = SEEN[page.context]
    seen.console = [line for line in seen.console if not REFUSED.search(line)]
    seen.is_clean(stage.url)


def test_a_choice_keeps_the_focus_and_what_was_typed(stage: Stage) -> None:
    """Another day redraws the times alone: the field keeps the focus, the notes their text."""
    house = stage.house
    house.shift(first=8, last=10, days=5)
    patient = house.patient("Chooser").id
    page = stage.page(f"/patients/{patient}", DESK)
    page.keyboard.press("b")
    expect(page.locator("#booking [name=slot]:checked")).to_be_focused()
    notes = page.locator("#booking [name=notes]")
    page.get_by_text("Reason, notes, how it was asked for").click()
    notes.fill("half a sentence")
    page.locator("#booking [name=day]").fill("2026-11-25")
    expect(page.locator("#times")).to_contain_text("Wed 25 Nov")
    expect(page.locator("#booking [name=day]")).to_be_focused()
    expect(page.locator("#booking [name=notes]")).to_have_value("half a sentence")
    expect(page.locator("#booking [name=slot]:checked")).to_have_value(f"{house.doctor.id}@2026-11-25T07:00Z")
    page.keyboard.press("Escape")
    expect(page.locator("#dialog")).to_be_hidden()
    SEEN[page.context].is_clean(stage.url)


def test_the_cards_tabs_with_scripts_and_without(stage: Stage) -> None:
    """A tab has an address and a way back; without scripts it is a page like any other."""
    patient = stage.house.patient("Tabs", phone="0171 9876543").id
    page = stage.page(f"/patients/{patient}", DESK)
    page.evaluate("window.stays = true")
    page.get_by_role("link", name="Access", exact=True).click()
    expect(page.get_by_role("link", name="Access", exact=True)).to_have_attribute("aria-current", "page")
    expect(page).to_have_url(re.compile("tab=access"))
    assert page.evaluate("window.stays")
    page.go_back()
    expect(page.get_by_role("link", name="Visits", exact=True)).to_have_attribute("aria-current", "page")
    SEEN[page.context].is_clean(stage.url)
    context = stage.browser.new_context(
        base_url=stage.url, java_script_enabled=False, storage_state=page.context.storage_state()
    )
    plain = context.new_page()
    plain.goto(f"/patients/{patient}")
    plain.get_by_role("link", name="Changes", exact=True).click()
    expect(plain.locator("#tab-changes")).to_be_visible()
    expect(plain.locator("h1")).to_have_text("Tabs")
    plain.goto("/patients")
    plain.locator("main [name=q]").fill("0171 987")
    plain.locator("main [name=q]").press("Enter")
    expect(plain.locator("#patients .rx-open")).to_have_text("Tabs")
    assert "987" not in plain.url
    context.close()


def test_an_open_card_follows(stage: Stage) -> None:
    """Somebody else writes an alert: it stands on the open card at once."""
    house = stage.house
    patient = house.patient("Watched").id
    page = stage.page(f"/patients/{patient}?tab=changes", Role.MANAGER)
    headers = {"Content-Type": "application/json", "Idempotency-Key": "watched"}
    answer = stage.client(DESK).send("PATCH", f"/api/v1/patients/{patient}", b'{"alerts": "Latex"}', headers)
    assert answer.status == 200
    expect(page.locator(".rx-card-alerts")).to_contain_text("Latex")
    expect(page.locator("#tab-changes")).to_contain_text("Alerts")
