"""The end of a day at the desk: what is still open, notes for the next shift, papers printed again, bills to look at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from reception import clock
from reception.domain import shift_notes, still_open, ticks
from reception.domain.errors import Invalid, NotFound, NotPossible
from reception.extensions import db
from reception.models import AccessEntry, Operation, Role, ShiftNote, Visit, VisitStatus
from tests.factories import House
from tests.pages import Page, htmx, parts
from tests.screens import Screen
from tests.sql import statements

V = VisitStatus
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def page(answer: Any) -> Page:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return Page(answer.get_data(as_text=True))


def tomorrow(house: House) -> None:
    house.later(days=1)


def open_day(house: House) -> dict[str, Visit]:
    """One visit of every open kind, and one that is closed."""
    return {
        "expected": house.booked().visit,
        "waiting": house.visit(),
        "called": house.visit(V.CALLED),
        "in room": house.visit(V.IN_PROGRESS, doctor=house.another_doctor()),
        "to pay": house.visit(V.PENDING_PAYMENT, doctor=house.another_doctor("Weber")),
        "done": house.visit(V.CANCELLED),
    }


# ------------------------------------------------------------------------------------------------------ still open


def test_what_nobody_ended_is_listed_the_next_day(house: House) -> None:
    visits = open_day(house)
    house.booked(starts_at=house.at(11, days=1))
    desk = house.client(Role.RECEPTIONIST)
    assert page(desk.get("/day")).one("section", id="unsettled")["data-count"] == "0"
    assert not page(desk.get("/")).all(id="notice-open")
    tomorrow(house)
    shown = page(desk.get("/day"))
    assert shown.one("section", id="unsettled")["data-count"] == "5"
    assert {row["id"] for row in shown.all("li", data_row=True)} == {v.ref for k, v in visits.items() if k != "done"}
    assert [h.text for h in shown.all("h2")][:3] == ["Came and not finished", "To pay", "Neither came nor cancelled"]
    assert "5 visits are still open from before today" in page(desk.get("/")).one(id="notice-open").text


@ON_SQLITE
def test_today_counts_once_the_clinic_has_closed(house: House) -> None:
    house.visit()
    viewer = house.person(Role.MANAGER)
    assert still_open.counts(viewer) == (0, 0)
    clock.start_at(house.at(20))
    assert still_open.counts(viewer) == (0, 1)
    tomorrow(house)
    assert still_open.counts(viewer) == (1, 0)


def test_each_has_the_acts_that_end_it(house: House) -> None:
    visits = open_day(house)
    tomorrow(house)
    desk = house.client(Role.RECEPTIONIST)
    for name, act in {"expected": "no-show", "waiting": "cancel", "called": "cancel", "in room": "finish"}.items():
        row = page(desk.get("/day")).one("li", id=visits[name].ref)
        [button] = [e for e in row.inside if "rx-act" in (e.get("class") or "")]
        answer = desk.post(button["hx-post"], data=button.vals, headers=htmx("/day"))
        assert answer.status_code == 200, answer.get_data(as_text=True)
        assert button["data-act"] == act
        shown = parts(answer.get_data(as_text=True))["unsettled"]
        ids = {row["id"] for row in shown.all("li")}
        assert (visits[name].ref in ids) == (name == "in room"), "a finished one is to be paid"
    row = page(desk.get("/day")).one("li", id=visits["to pay"].ref)
    assert [e["hx-get"] for e in row.inside if "rx-act" in (e.get("class") or "")] == [
        f"/finance/bills/{visits['to pay'].payment.id}/pay"
    ]
    assert db.session.get_one(Visit, visits["waiting"].id).left_unseen
    assert db.session.get_one(Visit, visits["expected"].id).status == V.NO_SHOW


@ON_SQLITE
def test_a_manager_lets_go_owing_and_takes_no_money(house: House) -> None:
    visit = house.visit(V.PENDING_PAYMENT)
    tomorrow(house)
    manager = house.client(Role.MANAGER)
    row = page(manager.get("/day")).one("li", id=visit.ref)
    words = [e.text.strip() for e in row.inside if e.tag == "button"]
    assert "Let go owing" in words
    assert "Take payment" not in words
    assert manager.get(f"/finance/bills/{visit.payment.id}/pay").status_code == 403


@ON_SQLITE
def test_other_clinics_have_their_own(house: House) -> None:
    House.open(house.app, "Hillside").visit()
    tomorrow(house)
    assert still_open.counts(house.person(Role.MANAGER)) == (0, 0)


@ON_SQLITE
def test_a_long_past_is_not_looked_through(house: House) -> None:
    viewer = house.person(Role.MANAGER)
    with statements() as seen:
        still_open.listed(viewer)
    plans = [line for _, line in seen.plans() if " visit" in line]
    assert plans
    assert all("ix_visit_open" in line for line in plans)


def test_the_desk_and_the_list_follow(house: House) -> None:
    visit = house.visit()
    tomorrow(house)
    screen = Screen(house, Role.RECEPTIONIST, auth={"regions": ["notices", "unsettled"]})
    screen.heard()
    house.move(visit, "no-show")
    heard = screen.regions()
    assert set(heard) == {"notices", "unsettled"}
    assert "still open" not in heard["notices"]["html"]
    assert 'data-count="0"' in heard["unsettled"]["html"]
    outside = Screen(house, Role.DOCTOR, auth={"regions": ["notices", "unsettled"]})
    assert outside.heard("versions") == [{}]


@ON_SQLITE
def test_the_clock_alone_brings_them(house: House) -> None:
    now = clock.now()
    assert "notices" not in ticks.moved_by_clock(house.actor, now, now + timedelta(minutes=1))
    closing = house.at(20)
    assert {"notices", "unsettled"} <= ticks.moved_by_clock(house.actor, closing - timedelta(minutes=1), closing)
    midnight = house.at(0, days=1)
    assert {"notices", "unsettled"} <= ticks.moved_by_clock(house.actor, midnight - timedelta(minutes=1), midnight)


# ----------------------------------------------------------------------------------------------------------- notes


def test_a_note_stands_on_the_desk_until_it_is_done(house: House) -> None:
    desk = house.client(Role.RECEPTIONIST)
    other = Screen(house, Role.CASHIER, auth={"regions": ["notices"]})
    other.heard()
    text = "Key of 101 is with the guard\n<b>not bold</b>"
    form = page(desk.get("/desk/notes/new", headers=htmx()))
    key = form.one("input", name="key")["value"]
    answer = desk.post("/desk/notes", data={"text": text, "key": key}, headers=htmx())
    assert "not bold" in parts(answer.get_data(as_text=True))["notices"].text
    assert "<b>" not in other.regions()["notices"]["html"].partition("rx-notice-text")[2].partition("</span>")[0]
    assert desk.post("/desk/notes", data={"text": text, "key": key}, headers=htmx()).status_code == 200
    note = db.session.query(ShiftNote).one()
    tomorrow(house)
    following = house.client(Role.NURSE)
    row = page(following.get("/")).one("div", id=note.ref)
    assert "Receptionist" in row.text
    [done] = [e for e in row.inside if e.get("hx-post")]
    answer = following.post(done["hx-post"], data=done.vals, headers=htmx())
    assert not page(answer).all(id=note.ref)
    undo = page(answer).one("button", data_undo=True)
    assert page(following.post(undo["hx-post"], data=undo.vals, headers=htmx())).all(id=note.ref)


@ON_SQLITE
def test_notes_that_cannot_be_left(house: House) -> None:
    with pytest.raises(Invalid):
        house.run(shift_notes.add, "  ")
    with pytest.raises(Invalid, match="too long"):
        house.run(shift_notes.add, "x" * 1001)
    desk = house.client(Role.RECEPTIONIST)
    assert desk.post("/desk/notes", data={"text": "", "key": "k"}, headers=htmx()).status_code == 422
    assert desk.post("/desk/notes", data={"text": "x" * 1001, "key": "k"}, headers=htmx()).status_code == 422
    assert house.client(Role.DOCTOR).get("/desk/notes/new").status_code == 403
    theirs = House.open(house.app, "Hillside").run(shift_notes.add, "theirs")
    with pytest.raises(NotFound):
        house.run(shift_notes.finish, theirs.id)
    assert "theirs" not in desk.get("/").get_data(as_text=True)
    for number in range(shift_notes.MOST):
        house.run(shift_notes.add, f"note {number}")
    with pytest.raises(NotPossible, match="20 notes"):
        house.run(shift_notes.add, "one more")


# -------------------------------------------------------------------------------------------------- the visit's dialog


@ON_SQLITE
def test_left_unseen_is_one_press(house: House) -> None:
    visit = house.visit()
    desk = house.client(Role.RECEPTIONIST)
    shown = page(desk.get(f"/queue/visits/{visit.id}", headers=htmx()))
    [button] = [e for e in shown.all("button", hx_post=True) if e.text.strip() == "Left unseen"]
    answer = desk.post(button["hx-post"], data=button.vals, headers=htmx())
    assert "left without being seen" in page(answer).text
    assert "1 left unseen" in parts(answer.get_data(as_text=True))["payable"].text
    undo = page(answer).one("button", data_undo=True)
    assert desk.post(undo["hx-post"], data=undo.vals, headers=htmx()).status_code == 200
    assert db.session.get_one(Visit, visit.id).status == V.WAITING
    desk.post(button["hx-post"], data=button.vals | {"key": "again", "version": ""}, headers=htmx())
    words = page(desk.get(f"/queue/visits/{visit.id}", headers=htmx())).text
    assert "Left without being seen" in words
    api = house.token(Role.RECEPTIONIST)
    other = house.visit()
    url = f"/api/v1/visits/{other.id}/cancel"
    assert house.client().post(url, json={"left": True}, headers=api | house.key()).status_code == 200
    assert db.session.get_one(Visit, other.id).left_unseen


@ON_SQLITE
def test_the_service_is_changed_in_its_dialog(house: House) -> None:
    from reception.domain import directory

    other, doctor = house.run(directory.add_service, "Long consultation", 20_000), house.another_doctor()
    visit = house.visit()
    desk = house.client(Role.RECEPTIONIST)
    shown = page(desk.get(f"/queue/visits/{visit.id}", headers=htmx()))
    [opener] = [e for e in shown.all("button", hx_get=True) if e["hx-get"].endswith("/change")]
    form = page(desk.get(opener["hx-get"], headers=htmx()))
    sent = {e["name"]: e["value"] for e in form.all("input", type="hidden")}
    same = {"service": str(house.service.id), "where": f"doctor-{house.doctor.id}"}
    refused = desk.post(opener["hx-get"], data=sent | same | {"key": "k"}, headers=htmx())
    assert refused.status_code == 422
    assert "Nothing is changed yet" in refused.get_data(as_text=True)
    refused = desk.post(opener["hx-get"], data=sent | {"service": "x", "where": "y"}, headers=htmx())
    assert refused.status_code == 422
    wish = {"service": str(other.id), "where": f"doctor-{doctor.id}"}
    answer = desk.post(opener["hx-get"], data=sent | wish, headers=htmx())
    assert "Long consultation" in page(answer).one(data_toast=True).text
    undo = page(answer).one("button", data_undo=True)
    assert desk.post(undo["hx-post"], data=undo.vals, headers=htmx()).status_code == 200
    found = db.session.get_one(Visit, visit.id)
    assert (found.service_id, found.doctor_id) == (house.service.id, house.doctor.id)
    assert house.client(Role.MANAGER).get(opener["hx-get"]).status_code == 403


# ---------------------------------------------------------------------------------------------------------- papers


@ON_SQLITE
def test_a_ticket_printed_again_says_that_it_is_a_copy(house: House) -> None:
    visit = house.visit()
    desk = house.client(Role.RECEPTIONIST)
    path = f"/queue/visits/{visit.id}/ticket"
    shown = page(desk.get(path))
    assert visit.ticket in shown.text
    assert "Copy" not in shown.text
    assert shown.one("div", class_="rx-paper-code").inside[0].tag == "svg"
    assert "Copy" in page(desk.get(f"{path}?copy=1")).text
    house.later(minutes=11)
    assert "Copy" in page(desk.get(path)).text
    assert visit.patient.last_name not in desk.get(path).get_data(as_text=True), "the paper lies around"
    assert db.session.query(AccessEntry).filter_by(patient_id=visit.patient_id).count() >= 1
    assert desk.get(f"/queue/visits/{house.booked().visit.id}/ticket").status_code == 404
    dialog = page(desk.get(f"/queue/visits/{visit.id}", headers=htmx()))
    assert dialog.one("a", href=f"{path}?copy=1", data_print_receipt=True)


@ON_SQLITE
def test_a_receipt_printed_again_says_that_it_is_a_copy(house: House) -> None:
    visit = house.visit(V.PENDING_PAYMENT)
    house.pay(visit)
    operation = db.session.query(Operation).one()
    till = house.client(Role.CASHIER)
    path = f"/finance/receipts/{operation.id}"
    assert "Copy" not in page(till.get(path)).text
    assert "Copy" in page(till.get(f"{path}?copy=1")).text
    for place in ("/finance", f"/finance/bills/{visit.payment.id}"):
        assert page(till.get(place, headers=htmx(place))).all("a", href=f"{path}?copy=1"), place
    house.later(minutes=11)
    assert "Copy" in page(till.get(path)).text


@ON_SQLITE
def test_who_may_let_go_owing_does_it_at_the_bill(house: House) -> None:
    """The machine's word, the button and the address agree, role by role."""
    visit = house.visit(V.PENDING_PAYMENT)
    path = f"/finance/bills/{visit.payment.id}"
    for role, owes, takes in (
        (Role.RECEPTIONIST, False, True),
        (Role.CASHIER, True, True),
        (Role.MANAGER, True, False),
    ):
        client = house.client(role)
        shown = page(client.get(path, headers=htmx()))
        words = [e.text.strip() for e in shown.all("button")]
        assert ("Let go owing" in words, "Take payment" in words) == (owes, takes), role
        visit_words = page(client.get(f"/queue/visits/{visit.id}", headers=htmx())).text
        assert ("Let go owing" in visit_words, "Take payment" in visit_words) == (owes, takes), role
    assert house.client(Role.NURSE).get(path).status_code == 403
    manager = house.client(Role.MANAGER)
    [button] = [e for e in page(manager.get(path, headers=htmx())).all("button", hx_post=True)]
    assert manager.post(button["hx-post"], data=button.vals, headers=htmx()).status_code == 200
    assert db.session.get_one(Visit, visit.id).status == V.COMPLETED
