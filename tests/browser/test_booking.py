"""The booking dialog in a real browser: a hold that others see and that runs out, a series, the waitlist."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from playwright.sync_api import Page, expect
from sqlalchemy import func, select, update

from reception import clock
from reception.domain.calendar import waitlist
from reception.extensions import db
from reception.models import Appointment, Hold, Role
from tests.browser.stage import SEEN, Stage
from tests.browser.test_calendar import REFUSED
from tests.servers import until

TWICE_MS = 300
"""Enter again sooner is a double press (guard.js)."""
DESK = Role.RECEPTIONIST


def count(model: type) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def choose(page: Page, value: str) -> None:
    """Take the time."""
    page.locator(f'#booking label:has([name=slot][value="{value}"])').first.click()
    expect(page.locator("#booking [name=slot]:checked")).to_have_value(value)


def is_kept(start: datetime) -> bool:
    db.session.rollback()
    return db.session.scalars(select(Hold.starts_at)).all() == [start]


def test_another_desk_sees_what_is_kept(stage: Stage) -> None:
    """Chosen here, it is taken there at once; closed here, it is free there again."""
    house = stage.house
    house.shift(first=8, last=9, days=6)
    patient, day = house.patient("Keeper").id, "2026-11-26"
    here = stage.page(f"/patients/{patient}", DESK)
    there = stage.page("/calendar", Role.MANAGER)
    there.keyboard.press("n")
    there.locator("#booking [name=day]").fill(day)
    expect(there.locator("#times")).to_contain_text("Thu 26 Nov")
    here.keyboard.press("b")
    here.locator("#booking [name=day]").fill(day)
    expect(here.locator("#times")).to_contain_text("Thu 26 Nov")
    value = f"{house.doctor.id}@{house.at(8, 30, days=6):%Y-%m-%dT%H:%MZ}"
    choose(here, value)
    expect(here.locator("#hold")).to_contain_text(re.compile(r"Kept for you: \D*[45]:\d\d"))
    taken = there.locator(f'#times label:has([value="{value}"])')
    expect(taken).to_contain_text("is booking it")
    expect(taken).to_have_class(re.compile("is-held"))
    here.keyboard.press("Escape")
    expect(taken).not_to_contain_text("booking it")
    until(lambda: count(Hold) == 0)
    for page in (here, there):
        SEEN[page.context].is_clean(stage.url)


def test_a_hold_that_runs_out(stage: Stage) -> None:
    """The countdown goes to its end by itself, says so, and offers to keep the time again; booking goes on."""
    house = stage.house
    house.shift(first=8, last=9, days=7)
    patient = house.patient("Slow").id
    page = stage.page(f"/patients/{patient}", DESK)
    page.keyboard.press("b")
    page.locator("#booking [name=day]").fill("2026-11-27")
    expect(page.locator("#times")).to_contain_text("Fri 27 Nov")
    choose(page, f"{house.doctor.id}@{house.at(8, 30, days=7):%Y-%m-%dT%H:%MZ}")
    expect(page.locator("#hold")).to_contain_text(re.compile(r"Kept for you: \D*[45]:\d\d"))
    until(lambda: is_kept(house.at(8, 30, days=7)))
    # Nobody waits five minutes here: the same hold, over on the server, and on the page in two seconds.
    with db.engine.begin() as connection:
        connection.execute(update(Hold).values(until=clock.now() - timedelta(minutes=1)))
    page.evaluate("document.querySelector('[name=hold]').dataset.until = new Date(Date.now() + SKEW + 2000).toISOString()"
                  .replace("SKEW", "Date.parse(document.documentElement.dataset.now) - performance.timeOrigin"))  # fmt: skip
    expect(page.locator("#hold")).to_contain_text("No longer kept for you")
    expect(page.locator("#hold")).to_have_class(re.compile("is-over"))
    page.get_by_role("button", name="Keep it again").click()
    expect(page.locator("#hold")).to_contain_text("Kept for you")
    before = count(Appointment)
    page.locator("#booking [type=submit]").click()
    expect(page.locator("#toasts")).to_contain_text("Booked: Slow")
    assert count(Appointment) == before + 1
    assert count(Hold) == 0
    seen = SEEN[page.context]
    seen.console = [line for line in seen.console if not REFUSED.search(line)]  # it could not be renewed any more
    seen.is_clean(stage.url)


def test_a_series_with_two_that_do_not_fit(stage: Stage) -> None:
    """By keyboard: the dates with why, then what was booked; one undo takes all of it back."""
    house = stage.house
    second = house.another_doctor("Serial")
    for week in (0, 1, 2, 4, 5):
        house.shift(second, first=15, last=16, days=2 + 7 * week)
    house.booked(starts_at=house.at(15, days=9), doctor=second)
    patient = house.patient("Weekly").id
    page = stage.page(f"/patients/{patient}", DESK)
    page.keyboard.press("b")
    page.locator("#booking [name=doctor]").select_option(str(second.id))
    expect(page.locator("#times")).to_contain_text("15:00")
    choose(page, f"{second.id}@{house.at(15, days=2):%Y-%m-%dT%H:%MZ}")
    page.get_by_text("Several weeks in a row").click()
    page.locator("#booking [name=weeks]").fill("6")
    page.keyboard.press("Enter")
    expect(page.locator("#series")).to_contain_text("4 of 6 dates fit")
    expect(page.locator("#series [data-fits=no]")).to_have_count(2)
    expect(page.locator("#series")).to_contain_text("This time is fully booked.")
    expect(page.get_by_role("button", name="Book 4 appointments")).to_be_focused()
    shown = page.evaluate("performance.now()")
    until(lambda: page.evaluate("performance.now()") - shown > TWICE_MS)
    page.keyboard.press("Enter")
    expect(page.locator("#series-report")).to_contain_text("4 of 6 dates are booked")
    expect(page.locator("#series-report").get_by_role("button", name="Book this one")).to_have_count(1)
    page.keyboard.press("u")
    expect(page.locator("#toasts")).to_contain_text("Taken back: Weekly")
    standing = select(func.count()).where(Appointment.patient_id == patient, Appointment.status == "CONFIRMED")
    db.session.rollback()
    assert db.session.scalar(standing) == 0
    SEEN[page.context].is_clean(stage.url)


def test_the_waitlist_by_keyboard(stage: Stage) -> None:
    """Nothing is free: onto the list; a cancelling elsewhere brings the offer onto desk and list, Enter accepts it."""
    house = stage.house
    third = house.another_doctor("Busy")
    house.shift(third, first=10, last=11, days=3, slot_minutes=60)
    row = house.booked(starts_at=house.at(10, days=3), doctor=third)
    patient = house.patient("Waits", phone="0171 5556667").id
    page = stage.page(f"/patients/{patient}", DESK)
    page.keyboard.press("b")
    page.locator("#booking [name=doctor]").select_option(str(third.id))
    page.get_by_role("button", name="Put on the waitlist").click()
    expect(page.locator("#wait [name=service]")).to_be_focused()
    page.locator("#wait [type=submit]").click()
    expect(page.locator("#toasts")).to_contain_text("On the waitlist: Waits")
    desk = stage.page("/", DESK)
    page.goto("/waitlist")
    page.wait_for_selector('body[data-live="live"]')
    expect(page.locator("#waitlist")).to_contain_text("Waits")
    stage.client(Role.ADMIN).post(f"/api/v1/appointments/{row.id}/cancel", {"reason": "ill"})
    for screen in (desk, page):
        expect(screen.locator("#offers")).to_contain_text("Waits")
        expect(screen.locator("#offers")).to_contain_text("0171 5556667")
    expect(page.locator("#waitlist [data-status=NOTIFIED]")).to_contain_text("Waits")  # both parts have come
    expect(page.locator("#offers .rx-changed")).to_have_count(0)  # a key right after a push is meant for what was there
    page.locator("#offers .rx-act").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Booked: Waits")
    expect(desk.locator("#offers")).to_be_hidden()
    expect(page.locator("#waitlist")).not_to_contain_text("Waits")
    for screen in (desk, page):
        SEEN[screen.context].is_clean(stage.url)
    assert clock.today(house.clinic) + timedelta(days=3) == clock.service_day(house.at(10, days=3), house.clinic)
    assert waitlist.open_offers(house.actor) == []
