"""The drawn calendar in a real browser: booked by click, moved by hand and by keys, stretched, taken back; every desk
follows, and a refusal puts the block back."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from reception.domain import directory
from reception.models import Appointment, Role
from tests.browser.stage import SEEN, Stage
from tests.servers import until

DESK = Role.RECEPTIONIST
HOUR_PX = 80
REFUSED = re.compile(r"status of 409")
DAYS = iter(range(3, 40))
"""A day of its own for each test of the file."""


class Day:
    """A future day with two doctors and their open hours, on two screens."""

    def __init__(self, stage: Stage, first: int = 9, last: int = 17) -> None:
        self.stage, self.house, self.days = stage, stage.house, next(DAYS)
        self.second = self.house.another_doctor(f"Yilmaz{self.days}")
        self.house.shift(first=first, last=last, days=self.days)
        self.house.shift(self.second, first, last, days=self.days, capacity=3)

    def booked(self, name: str, hour: int, minute: int = 0) -> str:
        row: Appointment = self.house.booked(self.house.patient(name), self.house.at(hour, minute, self.days))
        return f"#{row.ref}"

    def open(self, **more: object) -> Page:
        day = f"{self.house.at(12, days=self.days):%Y-%m-%d}"
        return self.stage.page(f"/calendar?date={day}", DESK, **more)


def column(page: Page, doctor: int) -> Locator:
    return page.locator(f'[data-col][data-ident="{doctor}"]')


def spot(page: Page, doctor: int, hours: float) -> tuple[float, float]:
    """The point of the window so many hours below the column's top."""
    box = column(page, doctor).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + hours * HOUR_PX + 6


def drag(page: Page, block: str, to: tuple[float, float], *, edge: bool = False) -> None:
    box = page.locator(block).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + (box["height"] - 2 if edge else 6)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 6)
    page.mouse.move(*((x, to[1]) if edge else to), steps=4)
    page.mouse.up()


def expect_place(page: Page, block: str, doctor: int, at: int, to: int | None = None) -> None:
    """The block stands in the doctor's column, so many minutes from its top."""
    end = f'[data-to="{to}"]' if to else ""
    expect(page.locator(f'[data-col][data-ident="{doctor}"] a{block}[data-at="{at}"]{end}')).to_have_count(1)


def test_booked_by_a_click_and_seen_by_the_other_desk(stage: Stage) -> None:
    """A click on an empty place opens the dialog with doctor and time; Enter twice, and it stands on both screens."""
    day = Day(stage)
    house, patient = stage.house, stage.house.patient("Clicked").last_name
    here, there = day.open(), day.open()
    there.evaluate("window.stays = true")
    here.mouse.click(*spot(here, house.doctor.id, 1.25))
    expect(here.locator("#dialog [name=slot]:checked")).to_have_value(
        f"{house.doctor.id}@{house.at(10, 15, day.days):%Y-%m-%dT%H:%MZ}"
    )
    here.locator("#booking-q").fill(patient)
    expect(here.locator("#booking-people [role=option]").first).to_contain_text(patient)
    here.keyboard.press("Enter")
    expect(here.locator("#booking .rx-person")).to_contain_text(patient)
    expect(here.locator("#dialog")).to_contain_text("Kept for you")
    expect(here.locator("#dialog [name=slot]:checked")).to_have_value(re.compile("T09:15Z"))
    here.locator("#booking [type=submit]").click()
    expect(here.locator("#toasts")).to_contain_text(f"Booked: {patient}")
    for page in (here, there):
        expect(column(page, house.doctor.id).locator("a.rx-cal-block")).to_contain_text([patient])
    assert there.evaluate("window.stays")
    for page in (here, there):
        SEEN[page.context].is_clean(stage.url)


def test_drawn_open_and_booked(stage: Stage) -> None:
    """An empty place drawn open for an hour asks for something that lasts so long; Esc while it is drawn leaves it."""
    day = Day(stage)
    service = stage.house.run(directory.add_service, "Hour", 9_000, duration_min=60)
    page = day.open()
    for key in ("Escape", ""):
        page.mouse.move(*spot(page, stage.house.doctor.id, 2))
        page.mouse.down()
        page.mouse.move(*spot(page, stage.house.doctor.id, 2.8), steps=4)
        expect(page.locator(".rx-cal-tab")).to_contain_text("11:00–12:00")
        if key:
            page.keyboard.press(key)
        page.mouse.up()
        expect(page.locator(".rx-cal-ghost")).to_have_count(0)
    expect(page.locator("#dialog [name=service]")).to_have_value(str(service.id))
    expect(page.locator("#dialog [name=slot]:checked")).to_have_value(
        f"{stage.house.doctor.id}@{stage.house.at(11, 0, day.days):%Y-%m-%dT%H:%MZ}"
    )
    SEEN[page.context].is_clean(stage.url)


def test_drawn_open_for_longer_than_the_service(stage: Stage) -> None:
    """What is drawn over three slots is kept and booked over three slots; typed shorter, it is kept shorter."""
    day = Day(stage)
    house, patient = stage.house, stage.house.patient("Stretched").last_name
    here, there = day.open(), day.open()
    here.mouse.move(*spot(here, house.doctor.id, 2))
    here.mouse.down()
    here.mouse.move(*spot(here, house.doctor.id, 2.6), steps=4)
    expect(here.locator(".rx-cal-tab")).to_contain_text("11:00–11:45")
    here.mouse.up()
    expect(here.locator("#dialog [name=minutes]")).to_have_value("45")
    held = column(there, house.doctor.id).locator(".rx-cal-held")
    expect(held).to_have_attribute("data-to", "165")
    here.locator("#dialog [name=minutes]").fill("40")
    here.locator("#dialog [name=minutes]").press("Tab")
    expect(here.locator("#times")).to_contain_text("40 min")
    expect(held).to_have_attribute("data-to", "160")
    here.locator("#booking-q").fill(patient)
    expect(here.locator("#booking-people [role=option]").first).to_contain_text(patient)
    here.keyboard.press("Enter")
    expect(here.locator("#booking .rx-person")).to_contain_text(patient)
    expect(here.locator("#dialog [name=minutes]")).to_have_value("40")
    here.locator("#booking [type=submit]").click()
    expect(here.locator("#toasts")).to_contain_text(f"Booked: {patient}")
    for page in (here, there):
        block = column(page, house.doctor.id).locator("a.rx-cal-block")
        expect(block).to_have_attribute("data-at", "120")
        expect(block).to_have_attribute("data-to", "160")
    for page in (here, there):
        SEEN[page.context].is_clean(stage.url)


def test_moved_by_hand_and_taken_back(stage: Stage) -> None:
    """To another time and doctor in one drag, by one Undo back again, both seen by the other desk; a click opens it."""
    day = Day(stage)
    row = day.booked("Dragged", 10)
    here, there = day.open(), day.open()
    drag(here, row, spot(here, day.second.id, 4.5))
    expect(here.locator("#toasts")).to_contain_text("Moved: Dragged")
    for page in (here, there):
        expect_place(page, row, day.second.id, 270)
    here.keyboard.press("u")
    expect(here.locator("#toasts")).to_contain_text("Taken back: Dragged")
    for page in (here, there):
        expect_place(page, row, stage.house.doctor.id, 60)
    here.locator(row).click()
    expect(here.locator("#dialog h2")).to_have_text("Dragged")
    for page in (here, there):
        SEEN[page.context].is_clean(stage.url)


def test_a_refusal_puts_it_back(stage: Stage) -> None:
    """A taken place says no: the block stands where it stood, the sentence is there, the other desk saw nothing."""
    day = Day(stage)
    row, other = day.booked("Refused", 10), day.booked("Standing", 14)
    page = day.open()
    drag(page, row, spot(page, stage.house.doctor.id, 5))
    expect(page.locator("#toasts .is-refused")).to_contain_text("fully booked")
    expect_place(page, row, stage.house.doctor.id, 60)
    expect_place(page, other, stage.house.doctor.id, 300)
    expect(page.locator(".rx-cal-ghost, [data-lifted]")).to_have_count(0)
    seen = SEEN[page.context]
    seen.console = [line for line in seen.console if not REFUSED.search(line)]
    seen.is_clean(stage.url)


def test_dropped_on_a_full_place_with_a_reason(stage: Stage) -> None:
    """By hand and by keys: who may overbook is asked why; Esc leaves it, a reason moves it, marked; Undo."""
    day = Day(stage)
    row, _ = day.booked("Urgent", 10), day.booked("Standing", 11)
    here = stage.page(f"/calendar?date={stage.house.at(12, days=day.days):%Y-%m-%d}", Role.MANAGER)
    there = day.open()
    drag(here, row, spot(here, stage.house.doctor.id, 2))
    expect(here.locator("#overbook-reason")).to_be_focused()
    expect(here.locator(".rx-cal-ghost")).to_have_count(0)
    here.keyboard.press("Escape")
    expect(here.locator("#dialog")).to_be_hidden()
    expect_place(here, row, stage.house.doctor.id, 60)
    here.locator(row).focus()
    here.keyboard.press("m")
    for _ in range(4):
        here.keyboard.press("ArrowDown")
    expect(here.locator(".rx-cal-tab")).to_contain_text("fully booked")
    here.keyboard.press("Enter")
    expect(here.locator("#overbook-reason")).to_be_focused()
    here.keyboard.type("in pain")
    here.keyboard.press("Enter")
    expect(here.locator("#toasts")).to_contain_text("Moved: Urgent")
    for page in (here, there):
        expect_place(page, row, stage.house.doctor.id, 120)
        expect(page.locator(f"{row} .rx-cal-plus, .rx-cal-block.is-beyond .rx-cal-plus")).to_have_count(1)
    here.keyboard.press("u")
    for page in (here, there):
        expect_place(page, row, stage.house.doctor.id, 60)
        expect(page.locator(".rx-cal-block.is-beyond")).to_have_count(0)
    seen = SEEN[here.context]
    assert [bool(REFUSED.search(line)) for line in seen.console] == [True, True]
    seen.console.clear()
    seen.is_clean(stage.url)
    SEEN[there.context].is_clean(stage.url)


def test_moved_and_stretched_by_keys(stage: Stage) -> None:
    """M, arrows, Enter; Esc puts back; plus and Enter make it longer; the focus stays on it, and U takes it back."""
    day = Day(stage)
    row = day.booked("Keyed", 10)
    page = day.open()
    page.locator(row).focus()
    page.keyboard.press("m")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".rx-cal-ghost .rx-cal-tab")).to_contain_text("10:15–10:30")
    page.keyboard.press("Escape")
    expect(page.locator(".rx-cal-ghost")).to_have_count(0)
    page.keyboard.press("m")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect_place(page, row, day.second.id, 90, 105)
    expect(page.locator(row)).to_be_focused()
    page.keyboard.press("+")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Enter")
    expect_place(page, row, day.second.id, 90, 135)
    expect(page.locator("#toasts")).to_contain_text("10:30–11:15")
    page.keyboard.press("u")
    expect_place(page, row, day.second.id, 90, 105)
    SEEN[page.context].is_clean(stage.url)


def test_stretched_by_hand(stage: Stage) -> None:
    day = Day(stage)
    row = day.booked("Stretched", 10)
    here, there = day.open(), day.open()
    drag(here, row, spot(here, stage.house.doctor.id, 1.9), edge=True)
    for page in (here, there):
        expect_place(page, row, stage.house.doctor.id, 60, 120)
    SEEN[here.context].is_clean(stage.url)


def test_walked_by_arrows_and_booked_by_enter(stage: Stage) -> None:
    """From nowhere into the grid, over a block to a free place, and into the dialog; Esc comes back to the place."""
    day = Day(stage)
    row = day.booked("Walked", 9)
    page = day.open()
    page.keyboard.press("ArrowDown")
    expect(page.locator(row)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#grid-cursor")).to_have_attribute("aria-label", re.compile("09:15, Dr. Marek Novak: 1 free"))
    page.keyboard.press("ArrowRight")
    expect(page.locator("#grid-cursor")).to_have_attribute("aria-label", re.compile("09:15, Yilmaz.*: 3 free"))
    page.keyboard.press("Enter")
    expect(page.locator("#dialog [name=slot]:checked")).to_have_value(
        f"{day.second.id}@{stage.house.at(9, 15, day.days):%Y-%m-%dT%H:%MZ}"
    )
    page.keyboard.press("Escape")
    expect(page.locator("#dialog")).to_be_hidden()
    SEEN[page.context].is_clean(stage.url)


def test_nothing_jumps_while_it_is_carried(stage: Stage) -> None:
    """What another desk does waits until the drop, and then stands there."""
    day = Day(stage)
    row, other = day.booked("Carried", 10), day.booked("Beside", 12)
    here, there = day.open(), day.open()
    here.evaluate("window.addEventListener('rx:signal', () => (window.heard = true), {capture: true})")
    here.locator(row).focus()
    here.keyboard.press("m")
    here.keyboard.press("ArrowDown")
    drag(there, other, spot(there, day.second.id, 5))
    expect_place(there, other, day.second.id, 300)
    until(lambda: here.evaluate("window.heard === true"))
    expect_place(here, other, stage.house.doctor.id, 180)
    expect(here.locator(".rx-cal-ghost")).to_have_count(1)
    here.keyboard.press("Escape")
    expect_place(here, other, day.second.id, 300)
    SEEN[here.context].is_clean(stage.url)


def test_from_right_to_left(stage: Stage) -> None:
    """The first column stands right; the left arrow goes on, and a drag lands where the pointer is."""
    day = Day(stage)
    row = day.booked("Mirrored", 10)
    page = day.open(locale="ar")
    first, second = (column(page, ident).bounding_box() for ident in (stage.house.doctor.id, day.second.id))
    assert first is not None
    assert second is not None
    assert first["x"] > second["x"]
    page.locator(row).focus()
    page.keyboard.press("m")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect_place(page, row, day.second.id, 60)
    drag(page, row, spot(page, stage.house.doctor.id, 3))
    expect_place(page, row, stage.house.doctor.id, 180)
    SEEN[page.context].is_clean(stage.url)


def test_a_finger_moves_after_a_rest(stage: Stage) -> None:
    """On a phone one column fills the width; a finger that rests picks up, one that goes on scrolls."""
    day = Day(stage)
    row = day.booked("Touched", 10)
    page = day.open(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    box = column(page, stage.house.doctor.id).bounding_box()
    assert box is not None
    assert 300 < box["width"] < 390
    line = page.context.new_cdp_session(page)
    block = page.locator(row).bounding_box()
    assert block is not None
    x, y = block["x"] + 60, block["y"] + 8
    line.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    expect(page.locator(".rx-cal-ghost")).to_have_count(1)
    for step in range(1, 5):
        point = [{"x": x, "y": y + step * 26}]
        line.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": point})
    line.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect_place(page, row, stage.house.doctor.id, 120)
    SEEN[page.context].is_clean(stage.url)


def test_what_somebody_books_just_now_is_seen(stage: Stage) -> None:
    """The dialog of one desk makes a quiet block at the other; it is read by its name, does not move, goes with Esc."""
    day = Day(stage)
    house = stage.house
    here, there = day.open(), stage.page(f"/calendar?date={house.at(12, days=day.days):%Y-%m-%d}", Role.MANAGER)
    there.evaluate("window.stays = true")
    here.mouse.click(*spot(here, house.doctor.id, 2))
    expect(here.locator("#dialog")).to_contain_text("Kept for you")
    name = re.compile("^11:00–11:15, being booked by Receptionist.*, Dr. Marek Novak$")
    held = column(there, house.doctor.id).get_by_role("note", name=name)
    expect(held).to_be_visible()
    there.mouse.click(*spot(there, house.doctor.id, 2))
    expect(there.locator("#dialog")).not_to_be_visible()
    drag(there, f"#{held.get_attribute('id')}", spot(there, house.doctor.id, 4))
    expect(there.locator(".rx-cal-ghost")).to_have_count(0)
    expect(there.locator("#dialog")).not_to_be_visible()
    there.keyboard.press("ArrowDown")
    expect(there.locator("#grid-cursor")).to_have_attribute("aria-label", re.compile("^11:15, "))
    there.keyboard.press("ArrowUp")
    expect(held).to_be_focused()
    there.keyboard.press("m")
    expect(there.locator(".rx-cal-ghost")).to_have_count(0)
    here.keyboard.press("Escape")
    expect(there.locator(".rx-cal-held")).to_have_count(0)
    assert there.evaluate("window.stays")
    for page in (here, there):
        SEEN[page.context].is_clean(stage.url)
