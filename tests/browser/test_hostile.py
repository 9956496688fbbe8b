"""What people type is shown as typed and never run: markup, formulas, templates, long words, turned-round text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from reception.models import Role
from tests.browser.acts import PERSON
from tests.browser.screens import STICKING_OUT, dialog, shown
from tests.browser.stage import SEEN, Stage, live
from tests.servers import Client

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-hostile")]

DESK = (Role.RECEPTIONIST, Role.CASHIER)
NAMES = {
    "markup": '<img src=x onerror="window.ran=1">',
    "script": '"><script>window.ran=1</script>',
    "attribute": "' onmouseover='window.ran=1' x='",
    "formula": '=HYPERLINK("http://elsewhere.invalid","x")',
    "template": "{{7*7}} ${7*7} {% debug %} %(name)s",
    "htmx": '<b hx-get="/audit" hx-trigger="load">x</b><hx-partial hx-target="#main"></hx-partial>',
    "entity": "&lt;b&gt; &amp;amp; &#60;",
    "long": "Wolfeschlegelsteinhausenbergerdorff" * 5 + "x" * 25,
    "turned": "Ab\u202ecd\u202d",
    "arabic": "محمد بن عبد الله (١٢٣)",
}


@dataclass
class People:
    """Whom the clinic has by what they are called: visit and patient ids."""

    stage: Stage
    api: Client
    visits: dict[str, int]
    patients: dict[str, int]
    shown: dict[str, str]


@pytest.fixture(scope="module")
def people(shared: Stage) -> People:
    """Everybody of NAMES, waiting in the doctor's line; the first one has been seen and has to pay."""
    api, house = shared.client(Role.ADMIN), shared.house
    visits, patients, names = {}, {}, {}
    for kind, text in NAMES.items():
        answer = api.post("/api/v1/patients", {**PERSON, "last_name": text, "first_name": "Q"})
        assert answer.status == 201, answer.text
        patients[kind], names[kind] = answer.json["id"], answer.json["last_name"]
        why = {"priority": "PRIORITY", "priority_reason": text[:200]}
        body = {"patient_id": patients[kind], "doctor_id": house.doctor.id, "service_id": house.service.id, **why}
        answer = api.post("/api/v1/visits", body)
        assert answer.status == 201, answer.text
        visits[kind] = answer.json["id"]
    return People(shared, api, visits, patients, names)


@pytest.fixture
def seen(people: People) -> Iterator[None]:
    """Nothing ran, nothing was asked for elsewhere, nothing was said in any window."""
    yield
    for context in people.stage.contexts:
        for page in context.pages:
            assert page.evaluate("typeof window.ran") == "undefined"
        SEEN[context].is_clean(people.stage.url)
    people.stage.clear()


def fits(page: Page) -> None:
    assert page.evaluate(STICKING_OUT) == []


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_is_shown_as_typed(people: People, seen: None, kind: str) -> None:
    """On the desk, in its search, in the visit's and the walk-in's dialog, on the card."""
    stage, name = people.stage, people.shown[kind]
    desk = stage.page("/", *DESK)
    row = f"#visit-{people.visits[kind]}"
    more = desk.locator("details.rx-more", has=desk.locator(row))
    if more.count() and not desk.locator(row).is_visible():
        more.locator("summary").click()
    expect(desk.locator(f"{row} .rx-name")).to_contain_text(name)
    fits(desk)
    shown(desk, f"{row} .rx-open").click()
    dialog(desk)
    expect(desk.locator("#dialog-title")).to_contain_text(name)
    fits(desk)
    desk.keyboard.press("Escape")
    desk.locator("#search").fill(name[:60])
    expect(desk.locator(f"#hit-{people.patients[kind]} .rx-name")).to_contain_text(name)
    fits(desk)
    desk.goto(f"/patients/{people.patients[kind]}")
    live(desk)
    expect(desk.locator("#card h1")).to_contain_text(name)
    fits(desk)
    desk.goto("/patients")
    expect(desk.locator(f"#patient-{people.patients[kind]}")).to_contain_text(name)
    fits(desk)


def test_a_doctors_board_shows_everybody_as_typed(people: People, seen: None) -> None:
    board = people.stage.page(f"/queue/doctors/{people.stage.house.doctor.id}", Role.ADMIN)
    for kind, name in people.shown.items():
        expect(board.locator(f"#visit-{people.visits[kind]} .rx-name")).to_contain_text(name)
    fits(board)


@pytest.mark.parametrize("size", [(390, 844), (1280, 800)])
def test_a_long_name_called_seen_and_paid(people: People, seen: None, size: tuple[int, int]) -> None:
    """Through room, bill, dialog and receipt, as a push brings it; wide and on a phone."""
    stage, house = people.stage, people.stage.house
    view = {"viewport": {"width": size[0], "height": size[1]}}
    desk = stage.page("/", *DESK, **view)
    board = stage.page(f"/queue/doctors/{house.doctor.id}", Role.ADMIN, **view)
    kind = "long" if size[0] > 400 else "markup"
    visit, name = people.visits[kind], people.shown[kind]
    for move in ("call", "start"):
        assert people.api.post(f"/api/v1/visits/{visit}/{move}", {}).status == 200
    board.wait_for_selector(f'.rx-room#visit-{visit}[data-status="IN_PROGRESS"]')
    expect(board.locator(f"#visit-{visit} .rx-room-name")).to_contain_text(name)
    fits(board)
    finished = people.api.post(f"/api/v1/visits/{visit}/finish", {}).json
    desk.wait_for_selector(f"#payable #visit-{visit}", state="attached")
    payable = shown(desk, f"#payable #visit-{visit}")
    expect(payable).to_contain_text(name)
    fits(desk)
    payable.hover()
    payable.locator(".rx-act").click()
    expect(desk.locator("#payment #dialog-title")).to_contain_text(name)
    fits(desk)
    desk.locator("#payment [data-take]").click()
    desk.wait_for_selector("#toasts [data-print-receipt]")
    receipt = desk.locator("#toasts [data-print-receipt]").last.get_attribute("href")
    assert receipt
    assert people.api.get(f"/api/v1/payments/{finished['payment_id']}").json["status"] == "PAID"
    desk.goto(receipt)
    expect(desk.locator(".rx-receipt")).to_be_visible()


def test_the_table_for_a_spreadsheet_runs_no_formula(people: People, seen: None) -> None:
    desk = people.stage.page("/finance", *DESK)
    text = desk.evaluate("fetch('/finance/export/csv').then((answer) => answer.text())")
    cells = [cell for line in text.splitlines() for cell in line.lstrip("\ufeff").split(",")]
    assert [cell for cell in cells if cell.strip('"')[:1] in ("=", "@", "\t", "\r")] == []


def test_words_of_the_house_are_shown_as_typed(people: People, seen: None) -> None:
    """Departments, rooms, services, cashboxes and the TV."""
    from reception.domain import directory

    house, text = people.stage.house, NAMES["markup"]
    department = house.run(directory.add_department, text, "M")
    room = house.run(directory.add_room, text, floor="<b>2</b>")
    service = house.run(directory.add_service, NAMES["formula"], 1_000)
    doctor = house.another_doctor(NAMES["script"], department_id=department.id, room_id=room.id)
    answer = people.api.post("/api/v1/patients", {**PERSON, "last_name": "Last"})
    body = {"patient_id": answer.json["id"], "doctor_id": doctor.id, "service_id": service.id}
    visit = people.api.post("/api/v1/visits", body).json["id"]
    token = house.display("<i>Hall</i>").token
    tv = live(people.stage.page(f"/display/{token}", viewport={"width": 1280, "height": 720}))
    assert people.api.post(f"/api/v1/visits/{visit}/call", {}).status == 200
    expect(tv.locator(".tv-call:not([hidden]) .tv-named")).to_have_text(text, timeout=20_000)  # each call has its turn
    fits(tv)
    for path, words in (
        ("/doctors", NAMES["script"]), ("/rooms", text), ("/services", NAMES["formula"]), ("/queue", text),
        ("/settings/departments", text), ("/settings/displays", "<i>Hall</i>"), ("/audit", text),
    ):  # fmt: skip
        page = people.stage.page(path, Role.ADMIN)
        expect(page.locator("main")).to_contain_text(words)
        fits(page)
