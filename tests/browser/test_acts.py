"""How few acts: the counts of the design, by keyboard alone and by mouse alone, while the clinic goes on around.

Counted are trusted key presses other than text typed into fields, and presses of the pointer (acts.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from reception.models import Role
from tests.browser.acts import COUNTER, PERSON, Life, acts, becomes, status
from tests.browser.stage import Stage, live
from tests.servers import Client, until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-acts")]

DESK = (Role.RECEPTIONIST, Role.CASHIER)
FLOOR = (Role.DOCTOR, Role.NURSE)
TWICE_MS = 300
DEAF_MS = 8_000
"""For so long rows that a push moved take no press, where slow_to_trust serves live-rows.js."""


@dataclass
class Floor:
    """A desk and a board, counted, in a clinic that goes on by itself."""

    stage: Stage
    api: Client
    desk: Page
    board: Page
    life: Life
    mine: list[int] = field(default_factory=list)

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self.api.post(f"/api/v1{path}", body or {})
        assert answer.status < 300, answer.text
        return dict(answer.json)

    def patient(self, name: str) -> int:
        return int(self.post("/patients", {**PERSON, "last_name": name})["id"])

    def appointment(self, name: str, minute: int = 30) -> dict[str, Any]:
        house = self.stage.house
        start = house.at(10, minute).isoformat().replace("+00:00", "Z")
        where = {"doctor_id": house.doctor.id, "service_id": house.service.id, "start": start}
        made = self.post("/appointments", {"patient_id": self.patient(name), **where})
        self.mine.append(made["visit_id"])
        return made

    def booked(self, name: str, minute: int = 30) -> int:
        """Somebody expected, by the API as everything here, so that the screens hear of it."""
        return int(self.appointment(name, minute)["visit_id"])

    def here(self, name: str) -> int:
        """Somebody in the doctor's own line, before all who join it."""
        house = self.stage.house
        where = {"doctor_id": house.doctor.id, "service_id": house.service.id}
        why = {"priority": "PRIORITY", "priority_reason": "test"}
        self.mine.append(self.post("/visits", {"patient_id": self.patient(name), **where, **why})["id"])
        return self.mine[-1]

    def move(self, visit_id: int, *names: str) -> None:
        for name in names:
            self.post(f"/visits/{visit_id}/{name}")

    def clear(self) -> None:
        """Nobody of this test in the doctor's room or line any more."""
        ways = {"IN_PROGRESS": "finish", "CALLED": "cancel", "WAITING": "cancel", "SCHEDULED": "cancel"}
        for visit_id in self.mine:
            if way := ways.get(status(self.api, visit_id)):
                self.move(visit_id, way)


@pytest.fixture(scope="module")
def clinic(shared: Stage) -> Iterator[tuple[Stage, Life]]:
    """Two doctors; the other one's line lives from here to the end of the file."""
    house = shared.house
    other = house.another_doctor("Horvath")
    house.shift(first=6, last=22, capacity=100)
    life = Life(shared, house.doctor.id, other.id, house.service.id, house.cash.id)
    life.start()
    yield shared, life
    life.end()


@pytest.fixture
def floor(clinic: tuple[Stage, Life]) -> Iterator[Floor]:
    stage, life = clinic
    pages = []
    for path, roles in (("/", DESK), (f"/queue/doctors/{life.doctor_id}", FLOOR)):
        pages.append(stage.window(*roles).new_page())
        pages[-1].add_init_script(COUNTER)
        pages[-1].goto(path)
        live(pages[-1])
    found = Floor(stage, stage.client(Role.ADMIN), *pages, life)
    yield found
    for page in pages:
        assert page.evaluate("window.changes") > 0, "nothing changed meanwhile"
        page.close()
    found.clear()
    assert life.refused == []


def row(visit_id: int, state: str = "") -> str:
    return f"#visit-{visit_id}" + (f'[data-status="{state}"]' if state else "")


def search(page: Page, text: str, shown: str) -> None:
    """Type into the search field, which has the focus, and wait for the person; text is no act."""
    page.keyboard.type(text)
    expect(page.locator('#results [aria-selected="true"]')).to_contain_text(shown)


# -------------------------------------------------------------------------------------------------- by keyboard alone


def test_check_in_by_keyboard_takes_two_and_one_with_the_focus(floor: Floor) -> None:
    first, second = floor.booked("Keyson"), floor.booked("Keyberg")
    with acts(floor.desk, 2):
        floor.desk.keyboard.press("/")
        search(floor.desk, "Keyson", "Keyson")
        floor.desk.keyboard.press("Enter")
        becomes(floor.api, first, "WAITING")
    expect(floor.desk.locator("#search")).to_be_focused()
    expect(floor.desk.locator("#search")).to_have_value("")
    with acts(floor.desk, 1):
        search(floor.desk, "Keyberg", "Keyberg")
        floor.desk.keyboard.press("Enter")
        becomes(floor.api, second, "WAITING")


def test_walk_ins_by_keyboard(floor: Floor) -> None:
    desk = floor.desk
    known = floor.patient("Knownkey")
    desk.keyboard.press("/")
    with acts(desk, 2):
        search(desk, "Knownkey", "Knownkey")
        desk.keyboard.press("Enter")
        expect(desk.locator("#dialog [type=submit]")).to_be_focused()
        decided(desk)
        desk.keyboard.press("Enter")
        visit = one_open(floor, known)
    with_toast(desk, "Knownkey")
    desk.locator("#search").press("Escape")
    undone_by_key(floor, visit, "CANCELLED")

    with acts(desk, 1):
        desk.keyboard.press("t")
        expect(desk.locator("#toasts [data-toast]").last).to_contain_text("is in the queue")
    before = desk.locator("#toasts [data-toast]").last.get_attribute("data-about")
    assert before

    with acts(desk, 2):
        desk.keyboard.press("w")
        expect(desk.locator("#dialog #last_name")).to_be_focused()
        desk.keyboard.type("Newkey")
        desk.keyboard.press("Enter")
        with_toast(desk, "Newkey")


def test_a_doctors_day_by_keyboard(floor: Floor) -> None:
    board = floor.board
    visit = floor.here("Doctorkey")
    expect(board.locator("#call-next")).to_contain_text("Doctorkey")
    for key, state in ((" ", "CALLED"), ("r", "CALLED"), ("s", "IN_PROGRESS"), ("f", "PENDING_PAYMENT")):
        with acts(board, 1):
            board.keyboard.press(key)
            becomes(floor.api, visit, state)
        expect(board.locator(f"{row(visit)}").first).to_have_attribute("data-status", state)
        if key == "r":
            expect(board.locator(row(visit))).to_have_attribute("data-call", "2")
    for state in ("IN_PROGRESS",):
        undone_by_key(floor, visit, state, board)


def test_next_free_slot_by_keyboard_takes_three(floor: Floor) -> None:
    desk = floor.desk
    patient = floor.patient("Slotkey")
    with acts(desk, 3):
        desk.keyboard.press("n")
        expect(desk.locator("#booking-q")).to_be_focused()
        desk.keyboard.type("Slotkey")
        expect(desk.locator('#booking-people [aria-selected="true"]')).to_contain_text("Slotkey")
        desk.keyboard.press("Enter")
        expect(desk.locator(f'#booking [name=patient_id][value="{patient}"]')).to_be_attached()
        expect(desk.locator("#booking [name=slot]:checked")).to_be_attached()
        decided(desk)
        desk.keyboard.press("Enter")
        with_toast(desk, "Slotkey")
    undone_by_key(floor, booked_for(floor, patient), "CANCELLED")


def test_exact_cash_by_keyboard_takes_two(floor: Floor) -> None:
    desk = floor.desk
    visit = floor.here("Cashkey")
    floor.move(visit, "call", "start", "finish")
    desk.keyboard.press("/")
    with acts(desk, 2):
        search(desk, "Cashkey", "Take payment")
        desk.keyboard.press("Enter")
        expect(desk.locator("#payment [data-take]")).to_be_focused()
        decided(desk)
        desk.keyboard.press("Enter")
        becomes(floor.api, visit, "COMPLETED")
    with_toast(desk, "120.00 taken")


# ----------------------------------------------------------------------------------------------------- by mouse alone


def test_check_in_by_mouse_takes_two_and_one_in_the_list(floor: Floor) -> None:
    desk = floor.desk
    first, second = floor.booked("Mouseson"), floor.booked("Mouseberg")
    with acts(desk, 2):
        desk.locator("#search").click()
        search(desk, "Mouseson", "Mouseson")
        desk.locator("#results [role=option]").first.click()
        becomes(floor.api, first, "WAITING")
    with acts(desk, 1):
        press(desk, f"{row(second)} .rx-act")
        becomes(floor.api, second, "WAITING")
    with acts(desk, 1):
        desk.locator("#toasts [data-toast]", has_text="Mouseberg").locator("[data-undo]").click()
        becomes(floor.api, second, "SCHEDULED")


def test_walk_ins_by_mouse(floor: Floor) -> None:
    desk = floor.desk
    known = floor.patient("Knownmouse")
    desk.locator("#search").click()
    with acts(desk, 2):
        search(desk, "Knownmouse", "Knownmouse")
        desk.locator("#results [role=option]").first.click()
        desk.locator("#dialog [type=submit]").click()
        one_open(floor, known)
    with acts(desk, 1):
        desk.locator("#guest-ticket").click()
        expect(desk.locator("#toasts [data-toast]")).to_have_count(2)
    with acts(desk, 2):
        desk.locator('[data-key="KeyW"]').click()
        expect(desk.locator("#dialog #last_name")).to_be_focused()
        desk.keyboard.type("Newmouse")
        desk.locator("#dialog [type=submit]").click()
        with_toast(desk, "Newmouse")


def test_a_doctors_day_by_mouse(floor: Floor) -> None:
    board = floor.board
    visit = floor.here("Doctormouse")
    expect(board.locator("#call-next")).to_contain_text("Doctormouse")
    for name, state, calls in (
        ("call", "CALLED", "1"), ("recall", "CALLED", "2"), ("start", "IN_PROGRESS", "2"),
        ("finish", "PENDING_PAYMENT", "2"),
    ):  # fmt: skip
        with acts(board, 1):
            board.locator(f'[data-act="{name}"]').click()
            becomes(floor.api, visit, state)
        expect(board.locator(row(visit)).first).to_have_attribute("data-status", state)
        expect(board.locator(row(visit)).first).to_have_attribute("data-call", calls)
    finished = board.locator("#toasts [data-toast]", has_text="finished")
    expect(finished).to_be_visible()
    with acts(board, 1):
        finished.locator("[data-undo]").click()
        becomes(floor.api, visit, "IN_PROGRESS")


def test_next_free_slot_by_mouse_takes_three(floor: Floor) -> None:
    desk = floor.desk
    patient = floor.patient("Slotmouse")
    with acts(desk, 3):
        press(desk, '[data-key="KeyN"]')
        expect(desk.locator("#booking-q")).to_be_focused()
        desk.keyboard.type("Slotmouse")
        press(desk, "#booking-people [role=option]")
        expect(desk.locator(f'#booking [name=patient_id][value="{patient}"]')).to_be_attached()
        press(desk, "#booking [type=submit]")
        with_toast(desk, "Slotmouse")
    visit = booked_for(floor, patient)
    with acts(desk, 1):
        press(desk, '#toasts [data-toast]:has-text("Slotmouse") [data-undo]')
        becomes(floor.api, visit, "CANCELLED")


def test_exact_cash_by_mouse_takes_two(floor: Floor) -> None:
    desk = floor.desk
    visit = floor.here("Cashmouse")
    floor.move(visit, "call", "start", "finish")
    with acts(desk, 2):
        press(desk, f"{row(visit)} .rx-act")
        desk.locator("#payment [data-take]").click()
        becomes(floor.api, visit, "COMPLETED")


# ------------------------------------------------------------------------------------------- once, and only on purpose


@pytest.mark.parametrize("how", ["twice", "held", "double click"])
def test_call_next_pressed_twice_calls_one(floor: Floor, how: str) -> None:
    board = floor.board
    first, second = floor.here("Twice One"), floor.here("Twice Two")
    expect(board.locator("#call-next")).to_contain_text("Twice One")
    if how == "twice":
        board.keyboard.press("Space")
        board.keyboard.press("Space")
    elif how == "held":
        for _ in range(8):
            board.keyboard.down("Space")
        board.keyboard.up("Space")
    else:
        board.locator("#call-next").dblclick()
    board.wait_for_selector(row(first, "CALLED"))
    settled(board)
    assert [status(floor.api, visit) for visit in (first, second)] == ["CALLED", "WAITING"]
    assert floor.api.get(f"/api/v1/visits/{first}").json["call_count"] == 1


@pytest.mark.parametrize("how", ["Enter twice", "Enter held", "double click"])
def test_a_double_press_in_the_list_checks_one_in(floor: Floor, how: str) -> None:
    desk = floor.desk
    first, second = floor.booked("Double One", 31), floor.booked("Double Two", 32)
    desk.wait_for_selector(row(second, "SCHEDULED"))
    act = desk.locator(f"{row(first)} .rx-act")
    if how == "double click":
        desk.locator(row(first)).hover()
        act.dblclick()
    else:
        act.focus()
        desk.keyboard.down("Enter")
        if how == "Enter twice":
            desk.keyboard.up("Enter")
        desk.keyboard.down("Enter")
        desk.keyboard.up("Enter")
    desk.wait_for_selector("#pane-queue " + row(first, "WAITING"))
    settled(desk)
    assert [status(floor.api, visit) for visit in (first, second)] == ["WAITING", "SCHEDULED"]
    floor.move(second, "cancel")


def test_a_scanners_burst_is_one_act(floor: Floor) -> None:
    """On the desk it finds and acts once; on the board its letters are no shortcuts."""
    desk, board = floor.desk, floor.board
    found = floor.appointment("Scanned", 33)
    other = floor.here("Boarded")
    board.wait_for_selector(row(other, "WAITING"))
    floor.move(other, "call")
    board.wait_for_selector(row(other, "CALLED"))
    scan(board, "RRSSFF12")
    settled(board)
    posts: list[str] = []
    desk.on("request", lambda request: posts.append(request.url) if "check-in" in request.url else None)
    scan(desk, found["booking_id"])
    becomes(floor.api, found["visit_id"], "WAITING")
    settled(desk)
    assert len(posts) == 1
    seen = floor.api.get(f"/api/v1/visits/{other}").json
    assert (seen["status"], seen["call_count"]) == ("CALLED", 1)


@pytest.mark.parametrize("how", ["click", "Enter"])
def test_a_row_that_moves_never_gets_the_press_meant_for_another(floor: Floor, how: str) -> None:
    """Somebody else checks a row in; what slides into its place does not take the press that follows at once.

    At once is DEAF_MS of live-rows.js, made longer here: a test driver's press takes its time on a busy machine.
    """
    desk = floor.desk
    desk.route("**/live-rows.js*", slow_to_trust)
    desk.reload()
    live(desk)
    ours = floor.appointment("Moving One", 34)
    first, second = ours["visit_id"], floor.booked("Moving Two", 35)
    desk.wait_for_selector(row(second, "SCHEDULED"))
    desk.locator(row(first)).hover()
    act = desk.locator(f"{row(first)} .rx-act")
    box = act.bounding_box()
    assert box
    desk.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    if how == "Enter":
        act.focus()
    floor.post(f"/appointments/{ours['id']}/check-in")
    desk.wait_for_selector("#arrivals " + row(first), state="detached")
    moved = desk.evaluate("window.changedAt")
    if how == "click":
        desk.mouse.down()
        desk.mouse.up()
    else:
        desk.keyboard.press("Enter")
    assert 0 <= desk.evaluate("window.pressedAt") - moved < DEAF_MS
    settled(desk)
    assert status(floor.api, second) == "SCHEDULED"


def test_a_button_of_somebody_called_meanwhile_refuses_in_words(floor: Floor) -> None:
    """What the board showed when it was pressed counts: the same visit and version, or nothing is done."""
    board = floor.board
    first, second = floor.here("Changed One"), floor.here("Changed Two")
    expect(board.locator("#call-next")).to_contain_text("Changed One")
    stale = board.locator("#call-next").get_attribute("hx-vals")
    floor.move(first, "call")
    floor.move(first, "no-show")
    expect(board.locator("#call-next")).to_contain_text("Changed Two")
    board.locator("#call-next").evaluate(
        """(button, vals) => {
            button.setAttribute("hx-vals", vals);
            button.click();
        }""",
        stale,
    )
    expect(board.locator('#toasts [data-toast="refused"]')).to_be_visible()
    assert status(floor.api, second) == "WAITING"


# -------------------------------------------------------------------------------------------------------------- parts


def press(page: Page, selector: str) -> None:
    """Press the thing as a hand does: go there, see that it is there, press. What has just moved is followed."""
    target = page.locator(selector).first

    def is_under_the_pointer() -> bool:
        box = target.bounding_box()
        if box is None:
            return False
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        return bool(target.evaluate("(element) => element.matches(':hover')"))

    until(is_under_the_pointer, f"{selector} never came under the pointer")
    page.mouse.down()
    page.mouse.up()


def decided(page: Page) -> None:
    """A second press of the same key is a decision of its own when a double press is over (guard.js)."""
    until(lambda: page.evaluate("performance.now() - window.pressedAt") > TWICE_MS)


def booked_for(floor: Floor, patient_id: int) -> int:
    """The visit of the patient's one appointment today."""
    items = floor.api.get("/api/v1/visits?status=SCHEDULED&limit=200").json["items"]
    (visit,) = [visit["id"] for visit in items if visit["patient_id"] == patient_id]
    return int(visit)


def scan(page: Page, code: str) -> None:
    """What a scanner types, faster than any test could over the wire: all keys of one moment, then Enter."""
    page.evaluate(
        """(code) => {
            for (const key of [...code, "Enter"]) {
                const code = /[a-z]/i.test(key) && key.length === 1 ? `Key${key.toUpperCase()}` : key;
                const more = { key, code, bubbles: true, cancelable: true };
                document.body.dispatchEvent(new KeyboardEvent("keydown", more));
            }
        }""",
        code,
    )


def slow_to_trust(route: Route) -> None:
    """live-rows.js with its DEAF_MS."""
    script = route.fetch()
    served = script.text()
    assert "const DEAF_MS = 300;" in served
    route.fulfill(response=script, body=served.replace("const DEAF_MS = 300;", f"const DEAF_MS = {DEAF_MS};"))


def with_toast(page: Page, text: str) -> None:
    expect(page.locator("#toasts [data-toast]", has_text=text).last).to_be_visible()


def undone_by_key(floor: Floor, visit_id: int, state: str, page: Page | None = None) -> None:
    page = page or floor.desk
    with acts(page, 1):
        page.keyboard.press("u")
        becomes(floor.api, visit_id, state)


def one_open(floor: Floor, patient_id: int) -> int:
    """The one open visit of the patient, as soon as there is one."""

    def found() -> int | None:
        items = floor.api.get("/api/v1/visits?status=WAITING&limit=200").json["items"]
        mine = [visit["id"] for visit in items if visit["patient_id"] == patient_id]
        assert len(mine) < 2
        return mine[0] if mine else None

    return int(until(found, "no ticket"))


def settled(page: Page) -> None:
    """Wait until the page has sent what it will send of the keys so far, and heard the answers: the longest that a
    shortcut waits has passed, and no button is under way."""
    page.evaluate("new Promise((resolve) => setTimeout(resolve, 100))")
    expect(page.locator('[aria-busy="true"]')).to_have_count(0)


def test_a_press_that_a_change_overtakes_is_heard(floor: Floor) -> None:
    """The finger is down when the board changes: the picture waits until it is up, and the press counts."""
    board, visit = floor.board, floor.here("Pressed")
    beside = floor.stage.window(*FLOOR).new_page()
    beside.goto(f"/queue/doctors/{floor.life.doctor_id}")
    live(beside)
    expect(board.locator("#call-next")).to_contain_text("Pressed")
    box = board.locator('[data-act="call"]').bounding_box()
    assert box is not None
    board.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    board.mouse.down()
    joined = floor.here("Joining")
    expect(beside.locator(row(joined)).first).to_be_visible()
    expect(board.locator(row(joined))).to_have_count(0)
    board.mouse.up()
    becomes(floor.api, visit, "CALLED")
    expect(board.locator(row(joined)).first).to_be_visible()
    beside.close()
