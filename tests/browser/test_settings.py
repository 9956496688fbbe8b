"""Signing in, the settings and the pairing of a TV, as people do them in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from reception.models import Role
from tests.browser.stage import SEEN, Stage
from tests.factories import PASSWORD

QUICK = 2_000
"""Milliseconds in which a push, or the end of one, is on the screen."""
REFUSED = re.compile(r"status of 4\d\d")
"""What Chromium itself writes of a refusal."""


def clean_but_for_refusals(stage: Stage, context: object) -> None:
    seen = SEEN[context]  # type: ignore[index]
    seen.console = [line for line in seen.console if not REFUSED.search(line)]
    seen.is_clean(stage.url)


def test_signing_in_by_keyboard_alone(shared: Stage) -> None:
    context = shared.context()
    page = context.new_page()
    name = shared.user(Role.MANAGER)
    page.goto("/settings/rooms")
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type("not my password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("User name or password is wrong.")
    expect(page.get_by_label("User name")).to_have_value(name)
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{shared.url}/settings/rooms")
    clean_but_for_refusals(shared, context)


def test_languages_at_the_door(shared: Stage) -> None:
    page = shared.context().new_page()
    page.goto("/sign-in")
    page.get_by_role("button", name="العربية").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    page.get_by_role("button", name="Русский").click()
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    expect(page.locator("html")).to_have_attribute("dir", "ltr")


def test_a_room_by_keyboard_alone(shared: Stage) -> None:
    context = shared.context(Role.MANAGER)
    page = context.new_page()
    page.goto("/settings/rooms")
    page.get_by_role("link", name="101").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name on the door")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.keyboard.press("Enter")
    expect(dialog.locator(".invalid-feedback")).to_have_text("This is needed.")
    expect(dialog.get_by_label("Name on the door")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Name on the door").focus()
    page.keyboard.type("101 A")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("[data-toast]")).to_contain_text("The room is changed.")
    expect(page.get_by_role("link", name="101 A")).to_be_visible()
    clean_but_for_refusals(shared, context)


def test_somebody_elses_change_is_not_lost(shared: Stage) -> None:
    first, second = (shared.context(Role.MANAGER).new_page() for _ in range(2))
    for page in (first, second):
        page.goto("/settings/departments")
        page.get_by_role("link", name="General medicine").click()
        expect(page.get_by_role("dialog")).to_be_visible()
    first.get_by_role("dialog").get_by_label("Way to it").fill("First floor")
    first.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(first.get_by_role("dialog")).to_be_hidden()
    dialog = second.get_by_role("dialog")
    dialog.get_by_label("Way to it").fill("Ground floor")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Somebody has changed this meanwhile.")
    expect(dialog.get_by_label("Way to it")).to_have_value("Ground floor")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    expect(second.locator("#settings-list")).to_contain_text("Ground floor")


def test_a_television_from_its_code_to_its_end(shared: Stage) -> None:
    hall, office = shared.context(), shared.context(Role.MANAGER)
    tv, desk = hall.new_page(), office.new_page()
    tv.goto("/display")
    code = tv.locator(".tv-code")
    expect(code).to_have_text(re.compile(r"[A-Z0-9]{2} [A-Z0-9]{2} [A-Z0-9]{2}"))
    desk.goto("/settings/displays")
    desk.get_by_label("Code on the screen").fill("XXXXXX")
    desk.get_by_label("Name of the screen").fill("Corridor")
    desk.get_by_role("button", name="Pair", exact=True).click()
    expect(desk.locator(".invalid-feedback")).to_contain_text("No screen shows this code now.")
    desk.get_by_label("Code on the screen").fill(code.inner_text().lower())
    desk.keyboard.press("Enter")
    row = desk.locator("#settings-list tr", has_text="Corridor")
    expect(row).to_be_visible()
    tv.wait_for_url(re.compile(r"/display/[\w-]{43}$"))
    expect(tv.locator("body")).to_have_attribute("data-live", "live")
    expect(row).to_contain_text("Connected now")
    desk.get_by_label("Message line").fill("Please <b>ring</b>")
    desk.locator("#look-form").get_by_role("button", name="Save").click()
    expect(tv.locator("#tv-message")).to_contain_text("Please <b>ring</b>", timeout=QUICK)
    SEEN[hall].is_clean(shared.url)
    row.get_by_role("button", name="Unpair").click()
    expect(row).to_be_hidden()
    expect(tv.locator("body")).not_to_have_attribute("data-live", "live", timeout=QUICK)
    gone = tv.get_by_role("heading", name="No screen is paired at this address. Pair it anew.")
    expect(gone).to_be_visible(timeout=15_000)
    tv.get_by_role("link", name="Pair this screen").click()
    expect(code).to_have_text(re.compile(r"[A-Z0-9]{2} [A-Z0-9]{2} [A-Z0-9]{2}"))
    clean_but_for_refusals(shared, office)


def test_whoever_loses_the_role_is_led_to_the_door(shared: Stage) -> None:
    admin = shared.context(Role.ADMIN).new_page()
    nurse = shared.context(Role.NURSE).new_page()
    nurse.goto("/queue")
    expect(nurse.locator("body")).to_have_attribute("data-live", "live")
    admin.goto("/settings/users")
    admin.get_by_role("link", name=re.compile("^Nurse")).click()
    dialog = admin.get_by_role("dialog")
    dialog.get_by_label("Nurse").uncheck()
    dialog.get_by_label("Cashier").check()
    dialog.get_by_label("Your own password").first.fill(PASSWORD)
    dialog.get_by_role("button", name="Save roles").click()
    expect(dialog).to_be_hidden()
    nurse.wait_for_url(re.compile(r"/sign-in\?next=/queue$"))
