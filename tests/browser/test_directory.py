"""Prices changed by percent by keyboard alone, taken back from the toast; the rooms follow on another screen."""

from __future__ import annotations

import re

from playwright.sync_api import expect
from sqlalchemy import select

from reception.domain import directory
from reception.extensions import db
from reception.models import Role, ServicePrice
from reception.models import VisitStatus as V
from tests.browser.stage import Stage, live
from tests.browser.test_booking import TWICE_MS
from tests.browser.test_settings import clean_but_for_refusals
from tests.servers import until


def prices(service_id: int) -> list[int]:
    db.session.rollback()
    query = select(ServicePrice.price).filter_by(service_id=service_id).order_by(ServicePrice.valid_from)
    return list(db.session.scalars(query))


def test_prices_by_percent_by_keyboard_alone(own_stage: Stage) -> None:
    stage = own_stage
    house = stage.house
    ecg = house.run(directory.add_service, "ECG", 3_333).id
    consultation = house.service.id
    context = stage.context(Role.MANAGER)
    page = context.new_page()
    page.goto("/settings/services")
    page.get_by_role("link", name="Change by percent").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Percent").focus()
    page.keyboard.type("-2000")
    page.keyboard.press("Enter")
    expect(page.locator(".invalid-feedback")).to_have_text("Say a percentage from -100 to 1000.")
    field = page.get_by_label("Percent")
    expect(field).to_have_value("-2000")
    field.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("7,5")
    page.keyboard.press("Tab")
    page.get_by_label("Rounded to").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Rounded to").locator("option:checked")).to_have_text("0.10 EUR")
    preview = page.get_by_role("button", name="Preview")
    preview.focus()
    expect(preview).to_be_focused()
    typed = page.evaluate("performance.now()")
    until(lambda: page.evaluate("performance.now()") - typed > TWICE_MS)  # keys sooner are a scanner's (scan.js)
    with page.expect_response(lambda answer: "percent=7" in answer.url):
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("^2 prices change from"))).to_be_visible()
    expect(page.locator("[data-row]").filter(has_text="ECG")).to_contain_text("33.33")
    expect(page.locator("[data-row]").filter(has_text="ECG")).to_contain_text("35.80")
    assert prices(ecg) == [3_333]
    page.get_by_role("button", name="Change the prices").focus()
    page.keyboard.press("Enter")
    toast = page.locator("[data-toast]")
    expect(toast).to_contain_text("2 prices are changed.")
    expect(page).to_have_url(f"{stage.url}/settings/services")
    expect(page.locator("#settings-list")).to_contain_text("35.80 from")
    assert (prices(consultation), prices(ecg)) == ([12_000, 12_900], [3_333, 3_580])
    page.keyboard.press("u")
    expect(toast).to_contain_text("The prices are as they were.")
    expect(page.locator("#settings-list")).not_to_contain_text("35.80")
    assert (prices(consultation), prices(ecg)) == ([12_000], [3_333])
    clean_but_for_refusals(stage, context)


def test_rooms_follow_at_once(shared: Stage) -> None:
    house = shared.house
    context = shared.context(Role.MANAGER)
    page = context.new_page()
    page.goto("/rooms")
    live(page)
    room = page.locator(f"#{house.room.ref}")
    expect(room).to_contain_text("Free")
    visit = house.visit(V.WAITING, patient=house.patient("Steiner"))
    called = shared.client(Role.ADMIN).post(f"/api/v1/visits/{visit.id}/call", {})
    assert called.status == 200, called
    expect(room).to_contain_text("Steiner")
    expect(room).to_contain_text("Called")
    room.get_by_role("button", name="Close the room").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[name=begins]").fill("00:00")
    dialog.locator("[name=ends]").fill("23:59")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(room).to_contain_text("Closed until 23:59: Cleaning")
    room.get_by_role("button", name="Done, open it").click()
    expect(room).not_to_contain_text("Closed until")
    clean_but_for_refusals(shared, context)
