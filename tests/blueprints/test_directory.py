"""The directory over HTTP: doctors' cards, the price list with its changes by percent, rooms as they are now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from reception import clock
from reception.domain import directory
from reception.domain.calendar import closures
from reception.extensions import db
from reception.models import Doctor, Role, RoomMaintenance, Service, ServicePrice, ServiceType, Specialization
from reception.models import VisitStatus as V
from tests.api import Api
from tests.blueprints.test_settings import Form, said
from tests.factories import House
from tests.pages import Page, htmx, parts
from tests.screens import Screen

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
DAY = timedelta(days=1)
PERCENT = "/settings/services/percent"


@pytest.fixture
def manager(house: House) -> FlaskClient:
    return house.client(Role.MANAGER)


def page(client: FlaskClient, path: str, status: int = 200, **query: Any) -> Page:
    answer = client.get(path, query_string=query)
    assert answer.status_code == status, answer.get_data(as_text=True)[-500:]
    return Page(answer.get_data(as_text=True))


def prices(service: Service) -> list[int]:
    query = select(ServicePrice.price).filter_by(service_id=service.id).order_by(ServicePrice.valid_from)
    return list(db.session.scalars(query))


# --------------------------------------------------------------------------------------------------------- doctors


def test_the_card_shows_the_week_with_its_load(house: House) -> None:
    house.shift(first=11, last=13, slot_minutes=30, capacity=2)
    house.shift(first=8, last=9, days=5, slot_minutes=30)
    house.booked(starts_at=house.at(11))
    heart = house.run(directory.add_specialization, "Heart and vessels")
    house.run(directory.change_doctor, house.doctor.id, specialization_id=heart.id)
    desk = house.client(Role.RECEPTIONIST)
    path = f"/doctors/{house.doctor.id}"
    card = page(desk, path)
    days = card.all("li", class_="rx-week-day is-today")
    assert "1 of 8 booked" in days[0].text
    assert "Heart and vessels" in card.text
    assert "Consultation" in card.text
    assert len([d for d in card.all("li") if "rx-week-day" in (d.get("class") or "")]) == 7
    following = page(desk, path, week=(clock.today(house.clinic) + 5 * DAY).isoformat())
    assert "0 of 2 booked" in following.text
    assert "1 of 8 booked" not in following.text
    for wrong in ("never", "1999-01-01", "2200-01-01", "0001-01-01", "9999-12-31"):
        assert "not a day within reach" in page(desk, path, 422, week=wrong).text
    assert desk.get("/doctors/999").status_code == 404
    assert desk.get(f"/doctors/{House.open(house.app, 'Hillside').doctor.id}").status_code == 404


def test_income_is_for_who_may_see_the_money(house: House) -> None:
    """12 000 billed and paid, 40 percent of it the doctor's; a second bill is not paid."""
    house.pay(house.visit(V.PENDING_PAYMENT))
    house.visit(V.PENDING_PAYMENT)
    path = f"/doctors/{house.doctor.id}"
    money = page(house.client(Role.MANAGER), path).one("section", id="income").text
    assert money.count("240.00") == 1
    assert money.count("48.00") == 2, "earned, and due"
    cashier = page(house.client(Role.CASHIER), path).one("section", id="income").text
    assert "240.00" in cashier
    assert "48.00" not in cashier
    for role in (Role.RECEPTIONIST, Role.DOCTOR, Role.NURSE):
        card = page(house.client(role), path, first="2026-01-01", last="2026-12-31")
        assert card.all("section", id="income") == []
        assert "240.00" not in card.text
    manager = house.client(Role.MANAGER)
    before = (clock.today(house.clinic) - 40 * DAY).isoformat()
    until = (clock.today(house.clinic) - DAY).isoformat()
    assert "240.00" not in page(manager, path, first=before, last=until).one("section", id="income").text
    for first, last in (("x", until), (until, before), ("1900-01-01", until), (before, "2300-01-01"),
                        ("2020-01-01", until), ("", "")):  # fmt: skip
        wrong = page(manager, path, 422, first=first, last=last).one("section", id="income")
        assert [e for e in wrong.inside if e.get("class") == "invalid-feedback"]
        assert "240.00" not in wrong.text


def test_specializations_and_types_are_added_renamed_and_closed(house: House, manager: FlaskClient) -> None:
    assert said(Form(manager, "/settings/specializations/new").send(name="Surgery", description="knife"))
    heart = db.session.scalars(select(Specialization)).one()
    doctor = Form(manager, f"/settings/doctors/{house.doctor.id}")
    assert said(doctor.send(specialization_id=str(heart.id)))
    form = Form(manager, f"/settings/specializations/{heart.id}")
    assert said(form.send(name="General surgery", is_active=None)) == "The specialization is changed."
    assert (heart.name, heart.is_active) == ("General surgery", False)
    listed = manager.get("/settings/specializations").get_data(as_text=True)
    assert "Not offered" in listed
    assert db.session.get_one(Doctor, house.doctor.id).specialization_id == heart.id
    assert said(Form(manager, f"/settings/doctors/{house.doctor.id}").send(title="Prof.")), "who has it keeps it"
    other = house.another_doctor()
    asked = Form(manager, f"/settings/doctors/{other.id}")
    assert list(asked.refused(specialization_id=str(heart.id))) == ["specialization_id"]
    again = Form(manager, "/settings/specializations/new").refused(name="General surgery")
    assert again == {"": "A specialization of this name exists already."}

    assert said(Form(manager, "/settings/types/new").send(name="Tests"))
    kind = db.session.scalars(select(ServiceType)).one()
    assert said(Form(manager, f"/settings/services/{house.service.id}").send(service_type_id=str(kind.id)))
    assert Form(manager, "/settings/types/new").refused(name="Tests") == {
        "": "A service type of this name exists already."
    }
    assert "Tests" in page(house.client(Role.NURSE), f"/services/{house.service.id}").text
    assert manager.get(f"/settings/types/{kind.id + 99}").status_code == 404


@ON_SQLITE
def test_a_duplicate_letter_is_refused(house: House, manager: FlaskClient) -> None:
    assert Form(manager, "/settings/departments/new").refused(name="Allergy", code="a") == {
        "": "Another department has this letter already."
    }


# -------------------------------------------------------------------------------------------------------- price list


def test_a_future_price_is_withdrawn_and_put_back(house: House, manager: FlaskClient) -> None:
    begin = clock.today(house.clinic) + 3 * DAY
    house.run(directory.set_price, house.service.id, 13_000, begin)
    path = f"/settings/services/{house.service.id}"
    (button,) = [
        b for b in Page(manager.get(path, headers=htmx("/settings/services")).get_data(as_text=True)).all("button")
        if "withdraw" in (b.get("hx-post") or "")
    ]  # fmt: skip
    listed = page(house.client(Role.CASHIER), f"/services/{house.service.id}").text
    assert "130.00" in listed
    assert "120.00" in listed
    assert "130.00 from" in page(house.client(Role.CASHIER), "/services").text
    answer = manager.post(button["hx-post"], data=button.vals, headers=htmx("/settings/services"))
    assert said(answer).startswith("The price is withdrawn.")
    assert prices(house.service) == [12_000]
    undo = parts(answer.get_data(as_text=True))["toasts"].one("button", data_undo="")
    assert said(manager.post(undo["hx-post"], data=undo.vals, headers=htmx("/settings/services")))
    assert prices(house.service) == [12_000, 13_000]
    now = db.session.scalars(select(ServicePrice.id).order_by(ServicePrice.valid_from)).first()
    gone = manager.post(f"/settings/services/prices/{now}/withdraw", data={"key": "k"}, headers=htmx())
    assert gone.status_code == 409
    back = f"/settings/services/{house.service.id}/prices/back"
    for wrong in ("price=-5&first=2027-01-01", "price=x&first=2027-01-01", "price=1&first=x", "price=1"):
        answer = manager.post(
            f"{back}?{wrong}", data={"key": wrong.replace("&", "-").replace("=", "-")}, headers=htmx()
        )
        assert answer.status_code == 422, wrong
    assert prices(house.service) == [12_000, 13_000]
    other = House.open(house.app, "Hillside")
    other.run(directory.set_price, other.service.id, 5, begin)
    theirs = db.session.scalars(select(ServicePrice.id).filter_by(price=5)).one()
    for path in (f"/settings/services/prices/{theirs}/withdraw", f"/settings/services/{other.service.id}/prices/back"):
        assert manager.post(f"{path}?price=1&first=2027-01-01", data={"key": "w"}, headers=htmx()).status_code == 404


def test_prices_change_by_percent_after_a_preview(house: House, manager: FlaskClient) -> None:
    ecg = house.run(directory.add_service, "ECG", 3_333)
    begin = clock.today(house.clinic) + DAY
    query = {"percent": "7,5 %", "valid_from": begin.isoformat(), "step": "10"}
    shown = page(manager, PERCENT, **query)
    assert [row.text for row in shown.all("tr", data_row="")] == [
        "Consultation120.00129.00+9.00", "ECG33.3335.80+2.47",
    ]  # fmt: skip
    assert prices(ecg) == [3_333], "looking changes nothing"
    form = shown.one("form", hx_post=PERCENT)
    data = {e["name"]: e.get("value") or "" for e in form.inside if e.get("name")}
    answer = manager.post(PERCENT, data=data, headers=htmx(PERCENT))
    assert said(answer).startswith("2 prices are changed.")
    assert answer.headers["HX-Push-Url"] == "/settings/services"
    assert (prices(house.service), prices(ecg)) == ([12_000, 12_900], [3_333, 3_580])
    undo = parts(answer.get_data(as_text=True))["toasts"].one("button", data_undo="")
    assert said(manager.post(undo["hx-post"], data=undo.vals, headers=htmx("/settings/services")))
    assert (prices(house.service), prices(ecg)) == ([12_000], [3_333])
    again = manager.post(undo["hx-post"], data={"key": "other"}, headers=htmx("/settings/services"))
    assert again.status_code == 409
    house.run(directory.set_price, ecg.id, 4_000, clock.today(house.clinic))
    stale = manager.post(PERCENT, data={**data, "key": "another"}, headers=htmx(PERCENT))
    assert stale.status_code == 409
    assert "Prices have changed meanwhile." in Page(stale.get_data(as_text=True)).text
    assert prices(ecg) == [4_000]
    assert "Taken back" in page(manager, PERCENT).text
    plain = manager.post(PERCENT, data={**data, "key": "plain", "shown": ""})
    assert (plain.status_code, plain.location) == (303, "/settings/services")


@ON_SQLITE
def test_slips_of_a_percentage(house: House, manager: FlaskClient) -> None:
    good = {"percent": "5", "valid_from": (clock.today(house.clinic) + DAY).isoformat(), "step": "1"}
    other = House.open(house.app, "Hillside")
    kind = other.run(directory.add_service_type, "Theirs")
    slips = [
        ("percent", ""), ("percent", "x"), ("percent", "-100.01"), ("percent", "1000.5"), ("percent", "0"),
        ("percent", "1.234"), ("percent", "9" * 40), ("percent", "--5"), ("percent", "1e3"), ("percent", "٥-"),
        ("valid_from", ""), ("valid_from", "soon"), ("valid_from", "2020-01-01"), ("valid_from", "2190-01-01"),
        ("step", "3"), ("step", "0"), ("step", "-1"), ("step", "x"),
        ("service_type_id", str(kind.id)), ("department_id", str(other.department.id)), ("department_id", "x"),
    ]  # fmt: skip
    for name, value in slips:
        for answer in (
            manager.get(PERCENT, query_string={**good, name: value}),
            manager.post(PERCENT, data={**good, name: value, "key": "k"}, headers=htmx(PERCENT)),
        ):
            assert answer.status_code == 422, (name, value)
            found = Page(answer.get_data(as_text=True)).all(class_="invalid-feedback")
            assert [e["id"] for e in found] == [f"{name}-error"], (name, value)
    assert prices(house.service) == [12_000]
    for role in set(Role) - {Role.MANAGER, Role.ADMIN}:
        assert house.client(role).get(PERCENT).status_code == 403


# ------------------------------------------------------------------------------------------------------------- rooms


def test_rooms_are_shown_as_they_are_now(house: House) -> None:
    house.run(directory.add_room, "102")
    desk, api = house.client(Role.RECEPTIONIST), Api(house, Role.RECEPTIONIST)

    def now() -> dict[str, Any]:
        """Room 101 by JSON of the page, which is that of the API."""
        answer = desk.get("/rooms/status_now")
        assert answer.status_code == 200
        by_page = {room["name"]: room for room in answer.get_json()["items"]}
        assert by_page == {room["name"]: room for room in api.get("/rooms/status_now")["items"]}
        assert by_page["102"]["status"] == "FREE"
        return dict(by_page["101"])

    assert (now()["status"], now()["visits"], now()["next_appointment"]) == ("FREE", [], None)
    booked = house.booked(starts_at=house.at(15))
    found = now()
    assert (found["status"], found["doctor_id"]) == ("FREE", None)
    room_shift = house.shift(house.another_doctor(), 9, 12, room_id=house.room.id)
    found = now()
    assert (found["status"], found["doctor_id"], found["schedule_id"]) == (
        "RESERVED", room_shift.doctor_id, room_shift.id,
    )  # fmt: skip
    house.booked(house.patient("Coming"), house.at(11), doctor=db.session.get_one(Doctor, room_shift.doctor_id))
    coming = now()["next_appointment"]
    assert coming["doctor_id"] == room_shift.doctor_id
    visit = house.visit(V.CALLED, patient=house.patient("Canary"))
    assert (now()["status"], now()["visits"][0]["ticket"]) == ("CALLED", visit.ticket)
    house.move(visit, "start")
    assert now()["status"] == "IN_PROGRESS"
    listed = page(desk, "/rooms").text
    assert "Canary" in listed
    assert visit.ticket in listed
    assert "Next at 11:00" in listed
    assert "Canary" not in desk.get("/rooms/status_now").get_data(as_text=True)
    house.move(visit, "finish")
    assert "Canary" not in page(desk, "/rooms").text
    assert booked.id != coming["id"]


def test_a_closed_room_says_until_when(house: House, manager: FlaskClient) -> None:
    desk = house.client(Role.RECEPTIONIST)
    form = Form(manager, f"/settings/closed-rooms/new?room={house.room.id}")
    assert form.values["room"] == str(house.room.id)
    data = {**form.values, "begins": "09:00", "ends": "14:30", "kind": "REPAIR"}
    answer = manager.post("/settings/closed-rooms", data=data, headers=htmx("/rooms"))
    assert said(answer).startswith("The room is closed for that time.")
    assert "settings-list" not in parts(answer.get_data(as_text=True)), "the rooms ask again by themselves"
    row = db.session.scalars(select(RoomMaintenance)).one()
    status = desk.get("/rooms/status_now").get_json()["items"][0]
    assert (status["status"], status["doctor_id"], status["closed_until"]) == (
        "CLOSED",
        None,
        "2026-11-20T13:30:00Z",
    )
    assert "Closed until 14:30: Repair" in page(desk, "/rooms").text
    assert [b for b in page(desk, "/rooms").all("button") if "closed-rooms" in str(b.attrs)] == []
    (button,) = [
        b for b in page(manager, "/rooms").all("button") if b.get("hx-post") == f"/settings/closed-rooms/{row.id}/end"
    ]
    assert said(manager.post(button["hx-post"], data=button.vals, headers=htmx("/rooms")))
    assert desk.get("/rooms/status_now").get_json()["items"][0]["status"] == "FREE"
    house.run(closures.close_room, house.room.id, house.at(20), house.at(21))  # later today: not closed now
    assert desk.get("/rooms/status_now").get_json()["items"][0]["status"] == "FREE"


def test_the_screen_of_rooms_is_told(house: House) -> None:
    """What changes a room raises its signal: a call, a booking of today, a shift, a new name."""
    screen = Screen(house, Role.RECEPTIONIST)
    for act in (
        lambda: house.run(directory.add_room, "102"),
        lambda: house.shift(),
        lambda: house.booked(starts_at=house.at(15)),
        lambda: house.visit(V.CALLED),
    ):
        screen.heard()
        act()
        assert "rooms" in {message["id"] for message in screen.heard("signal")}
