"""Two cards side by side in a real browser: found, compared by keyboard, merged, another screen follows, taken apart."""

from __future__ import annotations

from datetime import date

from playwright.sync_api import expect

from reception.models import Role, VisitStatus
from tests.browser.stage import SEEN, Stage, live


def test_merging_and_taking_apart(shared: Stage) -> None:
    house = shared.house
    kept = house.patient("Ivanova", first_name="Maria", phone="0171 2345678", date_of_birth=date(1980, 5, 4))
    gone = house.patient("Ivanowa", first_name="Maria", address="Lindenstr. 5", alerts="Penicillin")
    house.visit(VisitStatus.COMPLETED, patient=gone)
    other = shared.page(f"/patients/{gone.id}", Role.NURSE)

    context = shared.context(Role.RECEPTIONIST)
    page = context.new_page()
    page.goto(f"/patients/{kept.id}")
    live(page)
    page.get_by_role("button", name="Merge", exact=True).click()
    page.get_by_role("searchbox", name="Search the other card").fill("ivanowa")
    page.get_by_role("link", name=f"Compare with card {gone.card_no}").click()

    expect(page.get_by_role("heading", name="Merge two cards")).to_be_visible()
    names = page.get_by_role("group", name="Last name")
    expect(names.get_by_role("radio").nth(1)).to_be_checked()  # the newer one is proposed
    names.get_by_role("radio").nth(1).focus()
    page.keyboard.press("ArrowLeft")
    expect(names.get_by_role("radio").nth(0)).to_be_checked()
    expect(page.locator(".rx-merge-aside")).to_contain_text("Visits")
    page.keyboard.press("Enter")

    expect(page).to_have_url(f"{shared.url}/patients/{kept.id}?tab=changes")
    expect(page.locator("h1")).to_contain_text("Maria Ivanova")
    expect(page.locator(".rx-card-alerts")).to_contain_text("Penicillin")
    expect(other.locator("h1")).to_contain_text("Maria Ivanova")  # who had the other card open sees the one that stays
    page.get_by_role("link", name="Visits", exact=True).click()
    expect(page.get_by_role("row").filter(has_text="Consultation")).to_have_count(1)

    page.get_by_role("link", name="Changes", exact=True).click()
    page.get_by_role("button", name="Take apart").click()
    expect(page.locator("[data-toast]")).to_contain_text("The cards are two again.")
    expect(page.get_by_role("button", name="Take apart")).to_have_count(0)
    expect(page.locator(".rx-card-alerts")).to_have_count(0)
    SEEN[context].is_clean(shared.url)
