"""The moves of a visit as a person makes them: buttons, toasts, parts of the screen, refusals in words."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from reception.domain import directory, machines
from reception.extensions import db
from reception.models import AuditEntry, Doctor, Role, Visit, VisitEvent, VisitStatus
from tests.factories import House
from tests.pages import Element, Page, htmx, parts

DESK = Role.RECEPTIONIST
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""Where the database makes no difference."""


def get(client: FlaskClient, path: str) -> Page:
    answer = client.get(path, headers=htmx() if "/visits/" in path else {})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return Page(answer.get_data(as_text=True))


def press(client: FlaskClient, button: Element, page: str = "/", target: str = "", **more: Any) -> Any:
    """What a click on the button sends."""
    return client.post(button["hx-post"], data=button.vals | more, headers=htmx(page, target))


def text(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def events(visit: Visit) -> int:
    return db.session.scalar(select(func.count()).where(VisitEvent.visit_id == visit.id)) or 0


def test_a_day_by_buttons_alone(house: House) -> None:
    """Check in at the desk; call, recall, start, finish on the board; each toast has its Undo, each part its version."""
    house.booked(house.patient("Dvořák", first_name="Pavel"))
    desk, doctor = house.client(DESK), house.client(Role.ADMIN)
    row = get(desk, "/").one("button", data_act="check-in")
    answer = press(desk, row)
    assert answer.status_code == 200
    assert answer.headers["HX-Trigger"] == "rx:close-dialog"
    found = parts(text(answer))
    assert set(found) == {"toasts", "arrivals", f"line-{house.doctor.id}"}
    assert "Dvořák, Pavel checked in" in found["toasts"].text
    assert found["toasts"].one("button", data_undo=True)["data-key"] == "KeyU"
    assert found["arrivals"].one("section")["data-v"] == "2"
    visit = db.session.scalars(select(Visit)).one()
    assert (visit.status, visit.ticket) == (VisitStatus.WAITING, "A-001")
    page = f"/queue/doctors/{house.doctor.id}"
    for act, status in (
        ("call", VisitStatus.CALLED),
        ("recall", VisitStatus.CALLED),
        ("start", VisitStatus.IN_PROGRESS),
        ("finish", VisitStatus.PENDING_PAYMENT),
    ):
        button = get(doctor, page).one("button", data_act=act)
        answer = press(doctor, button, page)
        assert set(parts(text(answer))) == {"toasts", f"board-{house.doctor.id}"}, act
        assert visit.status == status
    assert "120.00\u00a0EUR to pay" in text(answer)
    acts = db.session.scalars(
        select(AuditEntry.action).where(AuditEntry.entity_kind == "visit").order_by(AuditEntry.seq)
    )
    assert list(acts)[-5:] == ["visit.check-in", "visit.call", "visit.recall", "visit.start", "visit.finish"]


@ON_SQLITE
def test_undo_from_the_toast(house: House) -> None:
    house.booked()
    client = house.client(DESK)
    answer = press(client, get(client, "/").one("button", data_act="check-in"))
    undo = parts(text(answer))["toasts"].one("button", data_undo=True)
    answer = press(client, undo)
    assert answer.status_code == 200
    assert "Taken back" in text(answer)
    assert "arrivals" in parts(text(answer))
    assert db.session.scalars(select(Visit)).one().status == VisitStatus.SCHEDULED
    assert press(client, undo).status_code == 200, "the same press again is answered, not made"
    house.later(seconds=31)
    again = press(client, get(client, "/").one("button", data_act="check-in"))
    house.later(seconds=31)
    late = press(client, parts(text(again))["toasts"].one("button", data_undo=True))
    assert late.status_code == 409
    assert "too late" in text(late)


def test_the_same_press_twice_is_made_once(house: House) -> None:
    house.booked()
    client = house.client(DESK)
    button = get(client, "/").one("button", data_act="check-in")
    first, second = press(client, button), press(client, button)
    visit = db.session.scalars(select(Visit)).one()
    assert (first.status_code, second.status_code) == (200, 200)
    assert "A-<span>001" in text(second)
    assert events(visit) == 2  # booked, checked in
    changed = press(client, button, version=99)
    assert changed.status_code in (409, 422)
    assert client.post(button["hx-post"], data={"version": 1}, headers=htmx()).status_code == 400


@ON_SQLITE
def test_a_refusal_says_the_state_and_brings_the_truth(house: House) -> None:
    """A stale button: nothing changes, the sentence names the state, the region that was clicked in comes anew."""
    visit = house.visit(VisitStatus.CALLED)
    client = house.client(DESK)
    page = f"/queue/doctors/{house.doctor.id}"
    button = get(client, page).one("button", data_act="start")
    house.move(visit, "no-show")
    before = events(visit)
    answer = press(client, button, page, target=f"section#board-{house.doctor.id}")
    assert answer.status_code == 409
    found = parts(text(answer))
    assert "Did not come" in found["toasts"].text
    assert found["toasts"].one(data_toast="refused")["role"] == "alert"
    assert f"board-{house.doctor.id}" in found
    assert events(visit) == before


def test_call_next_calls_whom_it_names(house: House) -> None:
    first, _ = house.visit(), house.visit()
    client = house.client(DESK)
    page = f"/queue/doctors/{house.doctor.id}"
    button = get(client, page).one("button", id="call-next")
    assert button.vals["visit_id"] == first.id
    urgent = house.visit(priority="EMERGENCY", priority_reason="chest pain")
    answer = press(client, button, page, target=f"section#board-{house.doctor.id}")
    assert answer.status_code == 409
    assert "somebody else" in text(answer)
    assert first.status == urgent.status == VisitStatus.WAITING
    fresh = parts(text(answer))[f"board-{house.doctor.id}"].one("button", id="call-next")
    assert press(client, fresh, page).status_code == 200
    assert (urgent.status, first.status) == (VisitStatus.CALLED, VisitStatus.WAITING)
    empty = house.another_doctor()
    nobody = client.post(f"/queue/doctors/{empty.id}/call-next", data={"key": "x"}, headers=htmx())
    assert (nobody.status_code, "Nobody is waiting" in text(nobody)) == (409, True)


@pytest.mark.parametrize("status", list(VisitStatus))
@ON_SQLITE
def test_the_dialog_offers_what_the_table_allows(house: House, status: VisitStatus) -> None:
    """Each move of the table has a button in the visit's dialog when it is possible, and none otherwise."""
    visit = house.booked().visit if status == VisitStatus.SCHEDULED else house.visit(status)
    for roles in ((DESK,), (Role.NURSE,), (Role.CASHIER,), (Role.MANAGER,)):
        actor = house.person(*roles)
        page = get(house.client(*roles), f"/queue/visits/{visit.id}")
        posts = {e["hx-post"].rpartition("/")[2] for e in page.all("button", hx_post=True)}
        asks = {e["hx-get"].rpartition("/")[2] for e in page.all("button", hx_get=True) if "/ask/" in e["hx-get"]}
        assert (posts | asks) - {"undo"} == set(machines.moves_for(visit, actor)), roles


@ON_SQLITE
def test_questions_of_a_move(house: House) -> None:
    """Send and return, transfer, back in line, cancel: asked in a dialog, made by its form, wrong answers marked."""
    client = house.client(DESK)
    other = house.another_doctor("Horvath")
    visit = house.visit(VisitStatus.IN_PROGRESS)

    def ask(name: str) -> tuple[Page, dict[str, str]]:
        page = get(client, f"/queue/visits/{visit.id}/ask/{name}")
        return page, {e["name"]: e["value"] for e in page.all("input", type="hidden")}

    page, hidden = ask("hold")
    assert "ECG" in page.text
    answer = client.post(
        f"/queue/visits/{visit.id}/hold", data=hidden | {"reason": "ECG", "minutes": "601"}, headers=htmx()
    )
    assert answer.status_code == 422
    assert answer.headers["HX-Retarget"] == "#dialog"
    assert "0 to 600" in text(answer)
    answer = client.post(
        f"/queue/visits/{visit.id}/hold", data=hidden | {"reason": "ECG", "minutes": "15"}, headers=htmx()
    )
    assert answer.status_code == 200
    assert (visit.status, visit.back_from) == (VisitStatus.WAITING, "ECG")
    _, hidden = ask("transfer")
    nowhere = client.post(f"/queue/visits/{visit.id}/transfer", data=hidden, headers=htmx())
    assert nowhere.status_code == 422
    answer = client.post(
        f"/queue/visits/{visit.id}/transfer", data=hidden | {"where": f"doctor-{other.id}"}, headers=htmx()
    )
    assert answer.status_code == 200
    assert {f"line-{other.id}", f"line-{house.doctor.id}"} <= set(parts(text(answer)))
    assert visit.doctor_id == other.id
    _, hidden = ask("cancel")
    answer = client.post(f"/queue/visits/{visit.id}/cancel", data=hidden | {"other": "<b>left</b>"}, headers=htmx())
    assert (visit.status, visit.close_reason) == (VisitStatus.CANCELLED, "<b>left</b>")
    assert "<b>left</b>" not in text(client.get(f"/queue/visits/{visit.id}"))
    for wrong in ({"version": "x"}, {"where": "doctor-9999999"}, {"where": "doctor-1e9"}):
        bad = client.post(f"/queue/visits/{visit.id}/transfer", data={"key": f"k{len(wrong)}", **wrong}, headers=htmx())
        assert 400 <= bad.status_code < 500, wrong


@pytest.mark.parametrize("status", sorted(machines.VISIT["transfer"].before))
def test_a_transfer_goes_to_any_line(house: House, status: VisitStatus) -> None:
    """To another doctor and to a department's pool, from each state; the ticket stays, and undo brings it all back."""
    client = house.client(DESK)
    cardiology = house.run(directory.add_department, "Cardiology", "B")
    weber = house.another_doctor("Weber", department_id=cardiology.id)
    for where, doctor in ((f"department-{cardiology.id}", None), (f"doctor-{weber.id}", weber.id)):
        visit = house.visit(status)
        ticket = visit.ticket
        page = get(client, f"/queue/visits/{visit.id}/ask/transfer")
        assert page.one("input", name="where", value=where)
        hidden = {e["name"]: e["value"] for e in page.all("input", type="hidden")}
        answer = client.post(f"/queue/visits/{visit.id}/transfer", data=hidden | {"where": where}, headers=htmx())
        assert answer.status_code == 200, text(answer)
        assert (visit.status, visit.doctor_id, visit.department_id) == ("WAITING", doctor, cardiology.id)
        assert visit.ticket == ticket
        press(client, parts(text(answer))["toasts"].one("button", data_undo=True))
        assert (visit.status, visit.doctor_id, visit.department_id) == (status, house.doctor.id, house.department.id)
        house.move(visit, "cancel")


def test_a_pool_visit_asks_for_the_doctor(house: House) -> None:
    visit = house.visit(department_id=house.department.id)
    client = house.client(DESK)
    page = get(client, f"/queue/visits/{visit.id}")
    assert [e for e in page.all("button", hx_get=True) if e["hx-get"].endswith("/ask/call")]
    page = get(client, f"/queue/visits/{visit.id}/ask/call")
    hidden = {e["name"]: e["value"] for e in page.all("input", type="hidden")}
    choice = page.one("input", name="where")["value"]
    assert client.post(f"/queue/visits/{visit.id}/call", data=hidden, headers=htmx()).status_code == 422
    assert (
        client.post(f"/queue/visits/{visit.id}/call", data=hidden | {"where": choice}, headers=htmx()).status_code
        == 200
    )
    assert (visit.status, visit.doctor_id) == (VisitStatus.CALLED, house.doctor.id)


def test_walls(house: House) -> None:
    """Another clinic's visit looks like none; another doctor's is refused; who may only look gets no act."""
    theirs = House.open(house.app, "Hillside").visit()
    visit = house.visit()
    desk = house.client(DESK)
    for path in (f"/queue/visits/{theirs.id}", f"/queue/visits/{theirs.id}/ask/cancel", "/queue/visits/999999"):
        assert desk.get(path, headers=htmx()).status_code == 404
    for name in ("call", "cancel", "undo"):
        answer = desk.post(f"/queue/visits/{theirs.id}/{name}", data={"key": f"k.{name}"}, headers=htmx())
        assert (answer.status_code, theirs.status) == (404, VisitStatus.WAITING)
    board = f"/queue/doctors/{theirs.doctor_id}"
    assert desk.get(board).status_code == 404
    assert desk.post(f"{board}/call-next", data={"key": "n"}, headers=htmx()).status_code == 404
    doctor = house.client(Role.DOCTOR)  # a doctor without a line of his own
    answer = doctor.post(f"/queue/visits/{visit.id}/call", data={"key": "d"}, headers=htmx())
    assert (answer.status_code, "another doctor" in text(answer)) == (403, True)
    assert doctor.post(f"/queue/doctors/{house.doctor.id}/break", data={"key": "b", "on": "1"}).status_code == 403
    manager = house.client(Role.MANAGER)
    assert not [e for e in get(manager, "/").all("button", hx_post=True) if "/queue/" in e["hx-post"]]
    assert manager.post(f"/queue/visits/{visit.id}/call", data={"key": "m"}, headers=htmx()).status_code == 403
    assert visit.status == VisitStatus.WAITING


@ON_SQLITE
def test_break_and_help(house: House) -> None:
    """The switch and the ring change the doctor once, and stand in the line until somebody answers."""
    client = house.client(Role.ADMIN)
    page = f"/queue/doctors/{house.doctor.id}"

    def button(part: str) -> Element:
        return next(e for e in get(client, page).all(hx_post=True) if e["hx-post"].endswith(part))

    assert press(client, button("/break"), page).status_code == 200
    assert house.doctor.on_break
    assert "On break" in get(client, "/queue").text
    press(client, button("/break"), page)
    assert not house.doctor.on_break
    ring = button("/help")
    assert [press(client, ring, page).status_code for _ in range(2)] == [200, 200]
    asked = db.session.get_one(Doctor, house.doctor.id).help_asked_at
    assert asked is not None
    line = get(client, "/")
    assert "asks for help" in line.one("section", data_help=True)["data-help"]
    answer = next(e for e in line.all("button", hx_post=True) if e["hx-post"].endswith("/help"))
    found = parts(text(press(client, answer)))
    assert not found[f"line-{house.doctor.id}"].all("section", data_help=True)
    assert house.doctor.help_asked_at is None
    actions = set(db.session.scalars(select(AuditEntry.action).where(AuditEntry.entity_kind == "doctor")))
    assert {"doctor.break", "doctor.back", "doctor.help", "doctor.answer"} <= actions


@ON_SQLITE
def test_who_is_only_a_doctor_lands_on_the_own_board(house: House) -> None:
    client = house.client(Role.DOCTOR)
    assert client.get("/").location == "/queue"
    user = house.person(Role.DOCTOR)
    mine = house.another_doctor("Horvath", user_id=user.user_id)
    answer = client.get("/")
    assert answer.location == f"/queue/doctors/{mine.id}"
    assert "is-theirs" not in text(client.get(answer.location))
    assert "is-theirs" in text(client.get(f"/queue/doctors/{house.doctor.id}"))


@ON_SQLITE
def test_a_dialog_asked_for_plainly_is_a_page(house: House) -> None:
    visit = house.visit()
    client = house.client(DESK)
    for path in (f"/queue/visits/{visit.id}", f"/queue/visits/{visit.id}/ask/transfer", "/desk/walk-in"):
        assert "<!doctype html>" in text(client.get(path)), path
        assert "<!doctype html>" not in text(client.get(path, headers=htmx())), path
