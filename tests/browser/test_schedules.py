"""The people to call in a real browser: by keyboard, one after the other, and another desk sees each."""

from __future__ import annotations

from datetime import date, time

from playwright.sync_api import expect

from reception.domain.calendar import absences, templates
from reception.domain.calendar.templates import Weekly
from reception.models import Role
from tests.browser.stage import SEEN, Stage

DESK = Role.RECEPTIONIST


def test_walking_through_the_people_to_call(stage: Stage) -> None:
    """Move with 1, keep with K, cancel with C; Undo brings back; the other desk's list follows."""
    house = stage.house
    house.run(templates.add, house.doctor.id, [0, 1, 2], Weekly(time(8), time(12), date(2026, 11, 20), capacity=3))
    for hour, name in ((8, "Alder"), (9, "Birch"), (10, "Cedar")):
        house.booked(house.patient(name, phone=f"0171 23456{hour:02d}"), house.at(hour, days=3))
    house.run(absences.enter, house.doctor.id, date(2026, 11, 23), date(2026, 11, 23))
    here, there = stage.page("/calls", DESK), stage.page("/calls", Role.MANAGER)
    there.evaluate("window.stays = true")
    expect(here.locator("#call-name")).to_have_text("Alder")
    expect(here.locator(".rx-call-phone")).to_contain_text("0171 2345608")
    here.keyboard.press("1")
    expect(here.locator("#toasts")).to_contain_text("Moved: Alder to Tue 24 Nov 08:00")
    expect(here.locator("#call-name")).to_have_text("Birch")
    expect(there.locator(".rx-calls [role=status]")).to_have_text("2 left")
    here.keyboard.press("k")
    expect(here.locator("#toasts")).to_contain_text("Kept: Birch")
    expect(here.locator("#call-name")).to_have_text("Cedar")
    here.keyboard.press("c")
    expect(here.locator("#cancel-message")).to_be_focused()
    here.locator("#cancel-message").fill("Dr. Novak is away")
    here.locator("#dialog [type=submit]").click()
    expect(here.locator("#toasts")).to_contain_text("Cancelled: Cedar")
    expect(here.locator(".rx-calls")).to_contain_text("Nobody is to be called.")
    expect(there.locator(".rx-calls")).to_contain_text("Nobody is to be called.")
    here.keyboard.press("u")
    expect(there.locator("#call-name")).to_have_text("Cedar")
    expect(here.locator("#call-name")).to_have_text("Cedar")
    assert there.evaluate("window.stays")
    for page in (here, there):
        SEEN[page.context].is_clean(stage.url)


def test_a_late_doctor_is_said_once(stage: Stage) -> None:
    """D on the desk, the minutes, Enter; another desk sees it at once, and takes it back."""
    here, there = stage.page("/", DESK), stage.page("/", Role.MANAGER)
    line = f"#line-{stage.house.doctor.id}"
    here.keyboard.press("d")
    expect(here.locator("#dialog [name=doctor]")).to_be_focused()
    here.keyboard.press("Tab")
    here.keyboard.press("Enter")
    expect(there.locator(line)).to_contain_text("Runs about 30 min late")
    expect(here.locator(line)).to_contain_text("Runs about 30 min late")
    there.locator(f"{line} .is-late button").click()
    expect(here.locator(f"{line} .is-late")).to_have_count(0)
    for page in (here, there):
        SEEN[page.context].is_clean(stage.url)
