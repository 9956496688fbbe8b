"""Desk, doctor and TV open side by side: a patient's way by keyboard, and the server pulled out from under it."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page, Request, expect

from reception.domain import verify
from reception.extensions import db
from reception.models import Account, Cashbox, Payment, Role, Visit
from tests.browser.stage import Seen, Stage, live
from tests.servers import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-side-by-side")]

DESK = (Role.RECEPTIONIST, Role.CASHIER)


def whole_pages(requests: list[Request]) -> list[str]:
    """Pages that were asked for as a whole."""
    return [r.url for r in requests if r.is_navigation_request() or r.resource_type == "document"]


def reads(requests: list[Request]) -> list[str]:
    """GETs other than of files."""
    return [r.url for r in requests if r.method == "GET" and "/static/" not in r.url and r.resource_type != "websocket"]


def row(page: Page, visit_id: int, status: str) -> str:
    """The selector of a visit in a state, wherever on the page it stands."""
    return f'#visit-{visit_id}[data-status="{status}"]'


def test_a_patients_way_over_three_screens_and_through_a_crash(own_stage: Stage) -> None:
    stage, house = own_stage, own_stage.house
    due = house.booked(house.patient("Lindqvist", first_name="Aino"), house.at(10, 30))
    other = house.booked(house.patient("Okafor"), house.at(11, 15))
    visit_id, other_id = due.visit.id, other.visit.id
    display, doctor_id, boxes = house.display().token, house.doctor.id, (house.cash.id, house.card.id)

    seen = Seen()
    desk = stage.page("/", *DESK, seen=seen)
    board = stage.page(
        f"/queue/doctors/{doctor_id}", Role.DOCTOR, Role.ADMIN, seen=seen, viewport={"width": 1280, "height": 800}
    )
    tv = live(stage.page(f"/display/{display}", seen=seen, viewport={"width": 1280, "height": 720}))
    expect(board.locator("#call-next")).to_have_count(0)
    opened = len(seen.requests)

    # The receptionist, by keyboard alone.
    desk.keyboard.press("/")
    expect(desk.locator("#search")).to_be_focused()
    desk.keyboard.type("Lindq")
    expect(desk.locator('#results [aria-selected="true"]')).to_contain_text("Lindqvist")
    desk.keyboard.press("Enter")
    desk.wait_for_selector(row(desk, visit_id, "WAITING"))
    ticket = desk.locator(f"#visit-{visit_id}").get_attribute("data-ticket")
    assert ticket == "A-001"

    # The doctor calls: TV and desk follow.
    expect(board.locator("#call-next")).to_contain_text("Lindqvist")
    board.keyboard.press("Space")
    tv.wait_for_selector(f'.tv-call:not([hidden])[data-ticket="{ticket}"][data-room="101"]')
    expect(tv.locator("body")).to_have_attribute("data-phase", "call")
    desk.wait_for_selector(row(desk, visit_id, "CALLED"))
    board.keyboard.press("s")
    desk.wait_for_selector(row(desk, visit_id, "IN_PROGRESS"))
    board.wait_for_selector(".rx-room" + row(board, visit_id, "IN_PROGRESS"))
    board.keyboard.press("f")
    desk.wait_for_selector("#payable " + row(desk, visit_id, "PENDING_PAYMENT"))

    # Two parts: 50.00 in cash, the rest by card.
    desk.locator(f"#visit-{visit_id} .rx-act").focus()
    desk.keyboard.press("Enter")
    expect(desk.locator("#payment [data-take]")).to_be_focused()
    pay_in_parts(desk)
    desk.wait_for_selector(row(desk, visit_id, "COMPLETED"))
    expect(desk.locator("#dialog")).not_to_have_attribute("open", "")

    # Nobody loaded a page or asked for what a push had brought.
    since = seen.requests[opened:]
    assert whole_pages(since) == []
    assert [url for url in reads(since) if "/pay" not in url] == []
    seen.is_clean(stage.url)

    db.session.rollback()
    visit = db.session.get_one(Visit, visit_id)
    assert db.session.get_one(Payment, visit.payment.id).status == "PAID"
    accounts = [db.session.get_one(Cashbox, box).account_id for box in boxes]
    assert [db.session.get_one(Account, account).balance for account in accounts] == [5_000, 7_000]
    assert list(verify.findings()) == []
    db.session.rollback()
    money = stage.page("/finance", *DESK, seen=seen)
    for box, amount in (("Cash desk", "50.00"), ("Terminal", "70.00")):
        expect(money.locator(".rx-box-row", has_text=box)).to_contain_text(amount)
    money.close()

    crash(stage, seen, [desk, board, tv], other.id, other_id)


def pay_in_parts(desk: Page) -> None:
    """From the open dialog: card for a typed part, cash for the rest; Enter takes."""
    desk.keyboard.press("2")
    card = desk.locator("#amount-CARD")
    expect(card).to_be_visible()
    cash = desk.locator("#amount-CASH")
    cash.focus()
    desk.keyboard.type("50")
    expect(card).to_have_value("70.00")
    desk.keyboard.press("Enter")


def crash(stage: Stage, seen: Seen, pages: list[Page], appointment_id: int, visit_id: int) -> None:
    """kill -9, each screen says so; back again, each is right within 5 s."""
    desk, board, tv = pages
    requests = len(seen.requests)
    api = stage.client(Role.ADMIN)
    tv.wait_for_selector('body[data-phase="rest"]', timeout=20_000)  # a call has the stage for itself for its turn
    stage.server.kill()
    desk.wait_for_selector('body[data-live="off"]')
    expect(desk.locator("#live-dot")).to_have_text("Not live")
    board.wait_for_selector('body[data-live="off"]')
    tv.wait_for_selector('body[data-live="late"], body[data-live="off"]')

    stage.server.start()
    answered = time.monotonic()
    assert api.post(f"/api/v1/appointments/{appointment_id}/check-in").status == 200
    assert api.post(f"/api/v1/doctors/{stage.house.doctor.id}/call-next", {}).status == 200
    desk.wait_for_selector(row(desk, visit_id, "CALLED"), timeout=5_000)
    board.wait_for_selector(".rx-awaited" + row(board, visit_id, "CALLED"), timeout=5_000)
    tv.wait_for_selector('.tv-call:not([hidden])[data-ticket="A-002"][data-room="101"]', timeout=5_000)
    for page in pages:
        page.wait_for_selector('body[data-live="live"]', timeout=5_000)
    assert time.monotonic() - answered < 5

    assert whole_pages(seen.requests[requests:]) == []
    until(lambda: desk.locator("#live-dot").inner_text() == "Live")
    seen.is_clean(stage.url, server_was_away=True)
