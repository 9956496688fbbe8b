"""The desk: what it shows in how many questions to the database, the one search, the walk-in in one form."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from reception import live, regions
from reception.domain import boards, directory, lines
from reception.extensions import db
from reception.live_sockets import viewer_of
from reception.models import Patient, PaymentStatus, Role, Visit, VisitStatus
from tests.factories import House
from tests.pages import Page, htmx, parts
from tests.sql import statements

DESK = Role.RECEPTIONIST
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""Where the database makes no difference."""


def page(client: FlaskClient, path: str = "/") -> Page:
    answer = client.get(path, headers=htmx() if "walk-in" in path else {})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return Page(answer.get_data(as_text=True))


def search(client: FlaskClient, text: str) -> Page:
    answer = client.post("/desk/search", data={"q": text}, headers=htmx())
    assert answer.status_code == 200
    return Page(answer.get_data(as_text=True))


def text(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


# ---------------------------------------------------------------------------------------------------------- the page


def fill(house: House, count: int) -> None:
    """`count` visits in every state, for three lines and a pool."""
    doctors = [house.doctor, house.another_doctor(f"Second{count}"), house.another_doctor(f"Third{count}")]
    states = ["WAITING", "CALLED", "PENDING_PAYMENT", "COMPLETED", "NO_SHOW"]
    for n in range(count):
        doctor = doctors[n % 3]
        if n % 5 == 0:
            house.booked(doctor=doctor, starts_at=house.at(8 + n % 9 + 3))
        elif n % 7 == 0:
            house.visit(department_id=house.department.id)
        else:
            house.visit(VisitStatus(states[n % len(states)]), doctor=doctor)


def test_more_visits_ask_no_more_questions(house: House) -> None:
    """The desk's page and reception's board: the same number of statements with few visits and with many."""
    client = house.client(DESK)
    counts: dict[str, list[int]] = {"/": [], "/queue": [], f"/queue/doctors/{house.doctor.id}": []}
    fill(house, 5)
    for _ in range(2):
        for path in counts:
            with statements() as seen:
                page(client, path)
            counts[path].append(len(seen))
        fill(house, 45)
    for path, (few, many) in counts.items():
        assert many <= few, path
        assert many <= 25, (path, many)


@ON_SQLITE
def test_the_past_is_not_read(house: House) -> None:
    """Every statement about visits names the clinic's day and finds its rows by an index."""
    house.booked()
    house.visit()
    client = house.client(DESK)
    with statements() as seen:
        page(client)
        page(client, "/queue")
        page(client, f"/queue/doctors/{house.doctor.id}")
    scans = [line for _, line in seen.plans() if line.startswith(("SCAN visit", "SCAN payment", "SCAN appointment"))]
    assert scans == []
    asked = [s for s in seen if re.search(r"(FROM|JOIN) visit\b", s)]
    assert asked
    assert all("service_day" in s.partition("WHERE")[2] for s in asked)


def test_the_page_shows_what_its_regions_push(house: House) -> None:
    """Each region of the page is, to the letter, what is pushed and what is fetched."""
    fill(house, 12)
    client = house.client(DESK)
    desk = text(client.get("/"))
    found = Page(desk)
    names = [e["id"] for e in found.all("section", data_live=True)]
    assert {"arrivals", "payable", f"line-{house.doctor.id}", f"pool-{house.department.id}"} <= set(names)
    for name in names:
        fetched = text(client.get(f"/live/{name}"))
        assert squeezed(fetched) in squeezed(desk), name
    board = f"board-{house.doctor.id}"
    assert squeezed(text(client.get(f"/live/{board}"))) in squeezed(
        text(client.get(f"/queue/doctors/{house.doctor.id}"))
    )
    assert found.twice == []


def squeezed(html: str) -> str:
    return " ".join(html.split())


def test_all_lines_are_each_line(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read of every line at once equals what is read of each, cut lists and counts included."""
    monkeypatch.setattr(boards, "MOST", 3)
    monkeypatch.setattr(lines, "MOST", 3)
    fill(house, 30)
    for n in range(5):
        house.visit(priority="EMERGENCY", priority_reason=str(n))
    viewer = viewer_of(house.person(DESK))
    doctors = boards.lines(viewer)
    own, pools = lines.all_lines(viewer, doctors)
    for doctor in doctors:
        assert own[doctor.id] == boards.line(viewer, doctor.id)["line"]
    assert own[house.doctor.id].waiting_count > len(own[house.doctor.id].waiting) == 3
    assert pools[house.department.id] == boards.pool(viewer, house.department.id)["pool"]


@ON_SQLITE
def test_long_lists_are_cut_and_say_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "MOST", 3)
    for n in range(5):
        house.booked(starts_at=house.at(11 + n))
    desk = page(house.client(DESK))
    arrivals = desk.one("section", id="arrivals")
    assert arrivals["data-count"] == "5"
    assert len([e for e in arrivals.inside if e.get("data-act") == "check-in"]) == 3
    assert "2 more" in arrivals.text


@ON_SQLITE
def test_each_role_sees_its_own_desk(house: House) -> None:
    fill(house, 12)
    cashier, nurse, manager = (page(house.client(role)) for role in (Role.CASHIER, Role.NURSE, Role.MANAGER))
    assert cashier.all("section", id="payable")
    for desk in (nurse, manager):
        assert not desk.all("section", id="payable")
    for desk in (cashier, nurse, manager):
        assert not desk.all("button", data_act="check-in")
        assert not desk.all("button", id="guest-ticket")
    receptionist = page(house.client(DESK))
    assert receptionist.all("button", data_act="check-in")


# ----------------------------------------------------------------------------------------------------------- search


def test_the_search_knows_everything_the_desk_knows(house: House) -> None:
    """Names in any script, the wrong layout, phone tails, cards, tickets, booking ids: one field finds them all."""
    ivanov = house.patient("Иванов", first_name="Пётр", phone="030 1234567")
    appointment = house.booked(ivanov)
    dvorak = house.visit(patient=house.patient("Dvořák", first_name="Pavel"))
    client = house.client(DESK)
    for typed in ("Иванов", "ivanov", "bdfyjd", "1234567", "4567", ivanov.card_no, appointment.booking_id,
                  appointment.booking_id.lower().replace("-", "")):  # fmt: skip
        assert search(client, typed).all(id=f"hit-{ivanov.id}"), typed
    for typed in ("dvorak", "A-001", "a001", "a1", "1", "Ф-001"):
        assert search(client, typed).all(id=f"hit-{dvorak.patient_id}"), typed
    for typed in ("", "   ", "nobody-such", "Z-001", "\x00", "%", "_" * 3, "x" * 10_000):
        assert not search(client, typed).all(hx_post=True, role="option", id=True, hx_swap="none"), typed
    assert "<b>" not in text(client.post("/desk/search", data={"q": "<b>who</b>"}, headers=htmx()))


@ON_SQLITE
def test_each_result_has_the_act_that_fits_now(house: House) -> None:
    """Expected: check in; in the queue: the visit; to pay: the visit or the payment; nothing today: walk-in."""
    due = house.booked(house.patient("Aone")).visit
    waiting = house.visit(patient=house.patient("Btwo"))
    house.patient("Cthree")
    client = house.client(DESK)
    hit = search(client, "aone").one(role="option")
    assert (hit["hx-post"], hit.vals["version"]) == (f"/queue/visits/{due.id}/check-in", due.version)
    assert hit["aria-selected"] == "false", "the browser marks the first"
    assert client.post(hit["hx-post"], data=hit.vals, headers=htmx()).status_code == 200
    assert due.status == VisitStatus.WAITING
    assert search(client, "btwo").one(role="option")["hx-get"] == f"/queue/visits/{waiting.id}"
    assert "/desk/walk-in?patient=" in search(client, "cthree").one(role="option")["hx-get"]
    nobody = search(client, "Nowak Jan").one(role="option")
    form = client.post(nobody["hx-post"], data=nobody.vals, headers=htmx())
    fields = {e["name"]: e.get("value") for e in Page(text(form)).all("input", name=True)}
    assert (fields["last_name"], fields["first_name"]) == ("Nowak", "Jan")


@ON_SQLITE
def test_who_is_here_today_comes_first(house: House) -> None:
    """Among equal names the one that still wants something; a better name before a better state."""
    gone, here, far = (
        house.patient("Novak", first_name="Anna"),
        house.patient("Novak", first_name="Zoe"),
        house.patient("Zenova"),
    )
    house.booked(here)
    house.visit(patient=far)
    found = [e["id"] for e in search(house.client(DESK), "nova").all(role="option")]
    assert found == [f"hit-{here.id}", f"hit-{gone.id}", f"hit-{far.id}"]


@ON_SQLITE
def test_who_may_not_act_gets_no_act(house: House) -> None:
    house.booked(house.patient("Aone"))
    for role in (Role.MANAGER, Role.NURSE, Role.CASHIER):
        hit = search(house.client(role), "aone").one(role="option")
        assert not hit.get("hx-post")
        assert "/desk/walk-in" not in str(hit.attrs)
    assert not search(house.client(Role.MANAGER), "nobody").all(id="hit-new")


def test_a_search_reads_only_and_never_over_the_wall(house: House) -> None:
    House.open(house.app, "Hillside").patient("Farawayname")
    client = house.client(DESK)
    with statements() as seen:
        assert not search(client, "farawayname").all(role="option", id="hit-1")
    assert "Farawayname" not in text(client.post("/desk/search", data={"q": "farawayname"}, headers=htmx()))
    assert seen.writes == []
    assert client.get("/desk/search?q=x").status_code == 405, "no name in an address"


# ---------------------------------------------------------------------------------------------------------- walk-in


def form_of(client: FlaskClient, path: str = "/desk/walk-in") -> dict[str, str]:
    """What the form would send as it is drawn."""
    found = page(client, path)
    values = {e["name"]: e.get("value") or "" for e in found.all("input", name=True)}
    for select_ in found.all("select", name=True):
        options = [e for e in select_.inside if e.tag == "option"]
        values[select_["name"]] = next(
            (e["value"] for e in options if e.get("selected") is not None), options[0]["value"]
        )
    return values


def send(client: FlaskClient, values: dict[str, str]) -> Any:
    return client.post("/desk/walk-in", data=values, headers=htmx())


def test_a_new_walk_in_needs_one_word(house: House) -> None:
    """Last name and Enter: card, visit, number, bill; sending it again gives the same ticket."""
    client = house.client(DESK)
    values = form_of(client) | {"last_name": "Zeman"}
    first, second = send(client, values), send(client, values)
    assert (first.status_code, second.status_code) == (200, 200)
    visit = db.session.scalars(select(Visit)).one()
    assert (visit.ticket, visit.patient.last_name, visit.payment.status) == ("A-001", "Zeman", PaymentStatus.PENDING)
    assert "A-<span>001" in text(first)
    assert "A-<span>001" in text(second)
    found = parts(text(first))
    assert {"toasts", f"pool-{house.department.id}"} <= set(found)
    undo = found["toasts"].one("button", data_undo=True)
    assert client.post(undo["hx-post"], data=undo.vals, headers=htmx()).status_code == 200
    assert visit.status == VisitStatus.CANCELLED
    assert form_of(client)["key"] != values["key"], "a new form, a new key"


@ON_SQLITE
def test_a_known_patient_needs_only_enter(house: House) -> None:
    patient = house.patient("Hoffmann")
    client = house.client(DESK)
    values = form_of(client, f"/desk/walk-in?patient={patient.id}")
    assert "last_name" not in values
    assert send(client, values).status_code == 200
    assert db.session.scalars(select(Visit)).one().patient_id == patient.id
    again = send(client, form_of(client, f"/desk/walk-in?patient={patient.id}"))
    assert (again.status_code, "in the queue already, with ticket A-001" in text(again)) == (409, True)


def test_a_guest_ticket_is_one_press(house: House) -> None:
    client = house.client(DESK)
    button = page(client).one("button", id="guest-ticket")
    answers = [client.post(button["hx-post"], data=button.vals, headers=htmx()) for _ in range(2)]
    assert [a.status_code for a in answers] == [200, 200]
    visit = db.session.scalars(select(Visit)).one()
    assert (visit.ticket, visit.patient.is_anonymous) == ("A-001", True)
    fresh = parts(text(answers[0]))["guest-ticket"].one("button", id="guest-ticket")
    assert fresh.vals["key"] != button.vals["key"]
    assert client.post(fresh["hx-post"], data=fresh.vals, headers=htmx()).status_code == 200
    assert db.session.scalar(select(func.count()).select_from(Visit)) == 2


@ON_SQLITE
def test_the_last_destination_is_offered_again(house: House) -> None:
    client = house.client(DESK)
    department = house.run(directory.add_department, "Cardiology", "B")
    doctor = house.another_doctor("Weber", department_id=department.id)
    send(client, form_of(client) | {"last_name": "One", "where": f"doctor-{doctor.id}"})
    assert form_of(client)["where"] == f"doctor-{doctor.id}"
    guest = page(client).one("button", id="guest-ticket")
    client.post(guest["hx-post"], data=guest.vals, headers=htmx())
    assert db.session.scalars(select(Visit.ticket).order_by(Visit.id)).all() == ["B-001", "B-002"]


@ON_SQLITE
def test_a_phone_that_is_known_leads_to_its_card(house: House) -> None:
    """Refused with whose it is; one press takes that card instead; nothing was registered."""
    known = house.patient("Hoffmann", first_name="Greta", phone="030 1234567")
    client = house.client(DESK)
    values = form_of(client) | {"last_name": "Hofmann", "phone": "(030) 123 45 67"}
    answer = send(client, values)
    assert answer.status_code == 409
    form = Page(text(answer))
    assert "Hoffmann" in form.text
    assert "already" in form.text
    assert form.one("input", name="phone")["aria-invalid"] == "true"
    assert form.one("input", name="last_name")["value"] == "Hofmann"
    assert form.one("input", name="key")["value"] == values["key"], "the same wish"
    take = next(e for e in form.all("button", hx_get=True) if f"patient={known.id}" in e["hx-get"])
    assert db.session.scalar(select(func.count()).select_from(Patient)) == 1
    assert send(client, form_of(client, take["hx-get"])).status_code == 200
    assert db.session.scalars(select(Visit)).one().patient_id == known.id


@ON_SQLITE
def test_who_is_known_is_named_while_typing(house: House) -> None:
    known = house.patient("Hoffmann", first_name="Greta", date_of_birth=date(1980, 5, 1))
    client = house.client(DESK)
    answer = client.post("/desk/walk-in/known", data={"last_name": "hoffm"}, headers=htmx())
    assert f"patient={known.id}" in text(answer)
    assert not text(client.post("/desk/walk-in/known", data={"last_name": "h"}, headers=htmx())).strip()


@ON_SQLITE
@pytest.mark.parametrize(
    "wrong",
    [
        {"last_name": ""},
        {"last_name": "x" * 10_000},
        {"last_name": "a\x00b"},
        {"phone": "not a phone"},
        {"phone": "+" + "9" * 39},
        {"date_of_birth": "31.31.2020"},
        {"date_of_birth": "2999-01-01"},
        {"gender": "NOBODY"},
        {"where": "doctor-999999"},
        {"where": "department-1; drop"},
        {"service": "999999"},
        {"priority": "PRIORITY"},
        {"priority": "TURBO"},
        {"patient_id": "999999"},
        {"key": ""},
        {"key": "has spaces"},
    ],
)
def test_bad_input_gives_no_ticket(house: House, wrong: dict[str, str]) -> None:
    client = house.client(DESK)
    answer = send(client, form_of(client) | {"last_name": "Zeman"} | wrong)
    assert 400 <= answer.status_code < 500
    assert 'role="alert"' in text(answer) or "invalid-feedback" in text(answer)
    assert db.session.scalar(select(func.count()).select_from(Visit)) == 0
    assert db.session.scalar(select(func.count()).select_from(Patient)) == 0


@ON_SQLITE
def test_names_are_shown_as_typed_and_never_run(house: House) -> None:
    client = house.client(DESK)
    name = "<script>alert(1)</script>"
    assert send(client, form_of(client) | {"last_name": name}).status_code == 200
    html = text(client.get("/"))
    assert name not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    with house.app.test_request_context():
        viewer = viewer_of(house.person(DESK))
        with live.drawing(viewer):
            assert name not in regions.draw(viewer, f"pool-{house.department.id}", 1)
