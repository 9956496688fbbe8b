"""Registration in full and the filters of the registry in a real browser: by keys alone, with nothing lost on the way."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from reception.extensions import db
from reception.models import District, Patient, Region, Role, Settlement
from tests.browser.stage import SEEN, Stage

DESK = Role.RECEPTIONIST
REFUSED = re.compile(r"status of 4\d\d")


def with_places() -> None:
    db.session.add_all(
        [Region(code="17", country="UZ", names={"en": "Tashkent region", "uz": "Toshkent viloyati"}),
         Region(code="30", country="UZ", names={"en": "Fergana region", "uz": "Farg'ona viloyati"})]
    )  # fmt: skip
    db.session.flush()
    for code, name in (("30a", "Oltiariq"), ("30b", "Qo'qon")):
        db.session.add(District(code=code, region_code="30", names={"en": name}))
    db.session.flush()
    db.session.add(Settlement(code="30b1", district_code="30b", names={"en": "Navbahor"}))
    db.session.commit()


def choose(page: Page, name: str, typed: str) -> None:
    """Type into a select and take what is marked."""
    page.locator(f"#{name}").focus()
    page.keyboard.press(typed[0])
    expect(page.locator(".rx-choices-panel")).to_be_visible()
    page.keyboard.type(typed[1:])
    page.keyboard.press("Enter")
    expect(page.locator(".rx-choices-panel")).to_be_hidden()


def test_the_full_form_by_keys(stage: Stage) -> None:
    """A guardian by typing, a region by its Uzbek name, the district that lies in it, a fault at its field, saved."""
    with_places()
    mother = stage.house.patient("Ivanova", first_name="Anna", phone="0171 2345678")
    page = stage.page("/patients/full", DESK)
    expect(page.locator("#last_name")).to_be_focused()
    page.keyboard.type("Karimov")
    page.locator("#guardian_id-q").fill("ivanova")
    expect(page.locator(f"#guardian_id-{mother.id}")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#pick-guardian_id")).to_contain_text("Ivanova, Anna")
    expect(page.locator("#pick-guardian_id button")).to_be_focused()
    choose(page, "region_code", "fargʻ")
    expect(page.locator("#region_code")).to_have_value("30")
    expect(page.locator("#country")).to_have_value("UZ")
    choose(page, "district_code", "qoq")
    expect(page.locator("#district_code")).to_have_value("30b")
    expect(page.locator("#settlement_code")).to_be_visible()
    page.locator("#district_code").click()
    expect(page.locator(".rx-choices-list [role=option]:visible")).to_have_count(3)
    page.keyboard.press("Escape")
    page.locator("#phone").fill("90 123 45 67")
    page.keyboard.press("Enter")
    expect(page.locator("#phone-error")).to_contain_text("with + and their country code")
    expect(page.locator("#phone")).to_be_focused()
    expect(page.locator("#district_code")).to_have_value("30b")
    expect(page.locator("#pick-guardian_id")).to_contain_text("Ivanova, Anna")
    page.locator("#phone").fill("")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/patients/\d+$"))
    expect(page.locator("h1")).to_have_text("Karimov")
    expect(page.locator(".rx-card-facts")).to_contain_text("0171 2345678")
    db.session.rollback()
    row = db.session.query(Patient).filter_by(last_name="Karimov").one()
    assert (row.guardian_id, row.region_code, row.district_code) == (mother.id, "30", "30b")
    SEEN[page.context].console[:] = [line for line in SEEN[page.context].console if not REFUSED.search(line)]
    SEEN[page.context].is_clean(stage.url)


def test_filters_and_a_kept_search(stage: Stage) -> None:
    """Narrowed while typing stays possible, a chip takes its filter away and empties its field, one click brings it back."""
    house = stage.house
    for number in range(3):
        house.patient(f"Filter{number}", gender="FEMALE", special_needs="Wheelchair" if number else "")
    page = stage.page("/patients", DESK)
    page.locator("#filters [name=q]").fill("filter")
    expect(page.locator("#patients .rx-open")).to_have_count(3)
    page.locator("summary[data-key=KeyF]").click()
    page.locator("[name=needs]").check()
    expect(page.locator("#patients .rx-open")).to_have_count(2)
    page.locator("#gender").select_option("FEMALE")
    expect(page.locator(".rx-chip")).to_have_count(2)
    expect(page.locator("#filters [name=q]")).to_have_value("filter")
    page.get_by_role("button", name="Keep this search").click()
    page.locator("#name").fill("In a wheelchair")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"saved=\d+"))
    page.get_by_role("button", name="Take away: Has special needs").click()
    expect(page.locator("#patients .rx-open")).to_have_count(3)
    expect(page.locator("[name=needs]")).not_to_be_checked()
    page.get_by_role("link", name="In a wheelchair").click()
    expect(page.locator("#patients .rx-open")).to_have_count(2)
    page.get_by_role("button", name="Date of birth").click()
    expect(page.locator("#patients .rx-open")).to_have_count(2)
    SEEN[page.context].is_clean(stage.url)
