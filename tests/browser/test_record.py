"""A doctor at work by keyboard: calls, starts, writes, signs, finishes; and the server killed in the middle of a note."""

from __future__ import annotations

import contextlib

import pytest
from playwright.sync_api import Error, Page, expect
from sqlalchemy import select

from reception.domain import users
from reception.domain.records import writing
from reception.extensions import db
from reception.models import Draft, MedicalRecord, Role, Visit
from tests.browser.stage import Seen, Stage, live
from tests.domain.test_records import know

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-record")]


def doctors_room(stage: Stage, seen: Seen | None = None) -> tuple[Page, int]:
    """The board of a doctor who is signed in, and the doctor's id."""
    house = stage.house
    name = stage.user(Role.DOCTOR)
    user = users.by_name(name)
    assert user is not None
    doctor = house.another_doctor("Keys", user_id=user.id, room_id=house.room.id)
    know(house)
    db.session.rollback()
    return stage.page(f"/queue/doctors/{doctor.id}", Role.DOCTOR, seen=seen), doctor.id


def called_and_started(page: Page) -> None:
    """By three keys: the next one is called, comes in, and the record is open."""
    expect(page.locator("#call-next")).to_be_visible()
    page.keyboard.press("Space")
    page.wait_for_selector('.rx-awaited[data-status="CALLED"]')
    page.keyboard.press("s")
    page.wait_for_selector('.rx-room[data-status="IN_PROGRESS"]')
    page.keyboard.press("e")
    page.wait_for_selector("#record form")
    live(page)


def record_of(visit_id: int) -> MedicalRecord:
    db.session.rollback()
    return db.session.scalars(select(MedicalRecord).where(MedicalRecord.visit_id == visit_id)).one()


def test_a_visit_by_keyboard(own_stage: Stage) -> None:
    seen = Seen()
    page, doctor_id = doctors_room(own_stage, seen)
    visit_id = own_stage.house.visit(doctor_id=doctor_id).id
    other_id = own_stage.house.visit(doctor_id=doctor_id).id
    db.session.rollback()
    called_and_started(page)
    page.keyboard.press("o")
    expect(page.locator("#complaints")).to_be_focused()
    page.keyboard.type("Pain on the right side")
    page.keyboard.press("Tab")
    expect(page.locator("#initial_code")).to_be_focused()
    page.keyboard.type("respir acute")
    expect(page.locator("#initial_code-list [aria-selected=true]")).to_contain_text("J06")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#initial_code")).to_have_value("J06.9")
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    expect(page.locator("#final_code")).to_be_focused()
    page.keyboard.type("k35")
    expect(page.locator("#final_code-list [aria-selected=true]")).to_contain_text("Acute appendicitis")
    page.keyboard.press("Enter")
    expect(page.locator('[data-title="final_code"]')).to_have_text("Acute appendicitis")
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    for text in ("Paracetamol", "500 mg", "3 times", "5"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    expect(page.locator("[data-draft-state]")).to_have_attribute("data-state", "kept")
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+S")
    expect(page.locator(".rx-record-state")).to_contain_text("Signed")
    page.keyboard.press("f")
    expect(page.locator(".rx-room[data-status]")).to_have_count(0)
    row = record_of(visit_id)
    assert (row.state, row.complaints, row.initial_code, row.final_code) == (
        "CLOSED", "Pain on the right side", "J06.9", "K35",
    )  # fmt: skip
    lines = [(line.drug, line.dose, line.times, line.days) for line in writing.prescription(row)]
    assert lines == [("Paracetamol", "500 mg", "3 times", 5)]
    assert db.session.get_one(Visit, visit_id).status == "PENDING_PAYMENT"
    assert db.session.scalars(select(Draft)).all() == []
    assert page.evaluate("Object.keys(sessionStorage).length") == 0
    page.keyboard.press("Space")
    page.wait_for_selector(f'.rx-awaited#visit-{other_id}[data-status="CALLED"]')
    seen.is_clean(own_stage.url)


def test_a_server_killed_in_the_middle_of_a_note(own_stage: Stage) -> None:
    """What is typed before, while it is away and after is there: in the field, after a reload, and on the server."""
    seen = Seen()
    page, doctor_id = doctors_room(own_stage, seen)
    visit_id = own_stage.house.visit(doctor_id=doctor_id).id
    db.session.rollback()
    called_and_started(page)
    url = page.url
    page.keyboard.press("n")
    expect(page.locator("#notes")).to_be_focused()
    page.keyboard.type("Before the crash, ", delay=15)
    own_stage.server.kill()
    page.keyboard.type("while it is away, ", delay=15)
    expect(page.locator("[data-draft-state]")).to_have_attribute("data-state", "away")
    with contextlib.suppress(Error):
        page.reload()
    own_stage.server.start()
    page.goto(url)
    expect(page.locator("#notes")).to_have_value("Before the crash, while it is away, ")
    page.locator("#notes").focus()
    page.keyboard.press("Control+End")
    page.keyboard.type("and after it.")
    expect(page.locator("[data-draft-state]")).to_have_attribute("data-state", "kept")
    text = "Before the crash, while it is away, and after it."
    db.session.rollback()
    assert [draft.text for draft in db.session.scalars(select(Draft))] == [text]
    assert page.evaluate("Object.keys(sessionStorage).length") == 0, "acknowledged: this window keeps nothing"
    page.reload()
    expect(page.locator("#notes")).to_have_value(text)
    assert record_of(visit_id).notes == "", "typed, not saved"
    seen.is_clean(own_stage.url, server_was_away=True)


def test_signing_out_leaves_nothing_in_the_window(own_stage: Stage) -> None:
    page, doctor_id = doctors_room(own_stage)
    own_stage.house.visit(doctor_id=doctor_id)
    db.session.rollback()
    called_and_started(page)
    other = page.context.new_page()
    other.goto(page.url)
    live(other)
    other.route("**/record/draft", lambda route: route.abort())
    page.route("**/record/draft", lambda route: route.abort())
    for one in (page, other):
        one.locator("#notes").fill("A secret of this window")
        expect(one.locator("[data-draft-state]")).to_have_attribute("data-state", "away")
    page.locator('form[action$="/sign-out"] button').dispatch_event("click")
    page.wait_for_selector("#username")
    assert page.evaluate("Object.keys(sessionStorage).length") == 0
    other.wait_for_function("Object.keys(sessionStorage).length === 0")
