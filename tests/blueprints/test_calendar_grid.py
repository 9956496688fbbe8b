"""The drawn calendar as people use it: what stands in it, moving and stretching, and every refusal in words."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from reception.domain import directory
from reception.extensions import db
from reception.models import Appointment, Role
from tests.blueprints.test_calendar import Answer, counts, full, get, post, press
from tests.factories import House
from tests.pages import Element, htmx

DESK = Role.RECEPTIONIST
HTML = "<script>alert(1)</script>"
TODAY, TOMORROW = "2026-11-20", "2026-11-21"
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def block(found: Answer, row: Appointment) -> Element:
    return found.one("a", id=row.ref)


def drop(client: FlaskClient, row: Appointment, name: str = "drop", status: int = 200, **values: Any) -> Answer:
    values.setdefault("version", row.version)
    data = {"key": f"{row.ref}.{name}.{values['version']}", **values}
    return post(client, f"/calendar/appointments/{row.id}/{name}", data, status)


def iso(house: House, hour: int, minute: int = 0, days: int = 0) -> str:
    return house.at(hour, minute, days).strftime("%Y-%m-%dT%H:%M:00.000Z")


def test_a_day_drawn_to_scale(house: House) -> None:
    """Blocks where their minutes are, state as class and word, capacity taken, what is closed in words; no scripts in it."""
    second = house.another_doctor("Yilmaz")
    house.shift(first=9, last=12, room_id=house.room.id)
    house.shift(second, 8, 10, capacity=3)
    row = house.booked(house.patient(HTML, first_name="Anna"), house.at(10, 30))
    waiting = house.booked(house.patient("Waiting"), house.at(11))
    house.check_in(waiting)
    client = house.client(DESK)
    found = get(client, f"/calendar?view=day&date={TODAY}&by=doctor", part=False)
    own = block(found, row)
    assert (own["data-at"], own["data-to"], own["data-move"], own["data-status"]) == ("150", "165", "1", "SCHEDULED")
    assert own["aria-label"] == f"10:30–10:45, {HTML}, Anna, Consultation, Expected, Dr. Marek Novak"
    assert own["href"] == f"/calendar/appointments/{row.id}"
    assert "data-move" not in block(found, waiting).attrs
    assert "is-waiting" in block(found, waiting)["class"]
    columns = found.all("section", data_col=True)
    assert [(c["data-name"], c["data-origin"]) for c in columns] == [
        ("Dr. Marek Novak", "2026-11-20T07:00:00+00:00"), ("Yilmaz", "2026-11-20T07:00:00+00:00"),
    ]  # fmt: skip
    assert columns[0]["data-slots"].split()[6] == "150-15-1-1"
    assert columns[1]["data-slots"].split()[0] == "0-15-3-0"
    for words in ("Opens at 09:00", "Closed from 10:00", "Room 101", "6 free"):
        assert words in found.text, words
    assert found.all("script", src=False) == []
    assert found.twice == []
    by_room = get(client, f"/calendar?date={TODAY}&by=room")
    assert [c["data-name"] for c in by_room.all("section", data_col=True)] == ["101", "No room"]
    assert get(house.client(Role.NURSE), "/calendar").one("div", id="grid").get("data-may-book") is None


def test_weeks_and_months(house: House) -> None:
    """Everybody's week and a month in counts with links to the days; one doctor's week as a grid; each hears its days."""
    house.shift(first=9, last=12)
    house.booked(house.patient("Today"), house.at(11))
    house.booked(house.patient("Tomorrow"), house.at(11, days=1))
    client = house.client(DESK)
    week = get(client, f"/calendar?view=week&date={TODAY}", part=False)
    assert week.one("div", id="day")["data-signal"].split()[::6] == ["calendar-2026-11-16", "calendar-2026-11-22"]
    assert len(week.one("div", id="day")["data-v"].split()) == 7
    cells = [" ".join(e.text.split()) for e in week.all("a") if "Novak, " in e.text]
    assert cells[4:6] == [
        "Dr. Marek Novak, Fri 20 Nov:1/12 booked 7 free", "Dr. Marek Novak, Sat 21 Nov:1/3200 booked 3199 free",
    ]  # fmt: skip
    one = get(client, f"/calendar?view=week&date={TODAY}&doctor={house.doctor.id}")
    assert [c["data-day"] for c in one.all("section", data_col=True)][0::6] == ["2026-11-16", "2026-11-22"]
    assert len(one.all("a", data_at=True)) == 2
    month = get(client, f"/calendar?view=month&date={TODAY}")
    assert "November 2026" in month.text
    [today] = month.all("a", aria_current="date")
    assert " ".join(today.text.split()) == "Fri 20 Nov20 1 booked 7 free"
    assert "view=day" in today["href"]
    assert f"date={TODAY}" in today["href"]
    by_room = get(client, f"/calendar?view=week&by=room&date={TODAY}")
    assert "No room" in by_room.text


def test_one_department_or_doctor(house: House) -> None:
    """The select says whose calendar is shown; addresses and the select lead to the same."""
    second = house.another_doctor("Yilmaz")
    house.shift()
    house.shift(second)
    client = house.client(DESK)
    for query in (f"only=doctor-{second.id}", f"doctor={second.id}"):
        found = get(client, f"/calendar?{query}")
        assert [c["data-ident"] for c in found.all("section", data_col=True)] == [str(second.id)]
        assert [o["value"] for o in found.all("option") if "selected" in o.attrs] == [f"doctor-{second.id}"]
    assert len(get(client, f"/calendar?only=department-{house.department.id}").all("section", data_col=True)) == 2
    for nobody in ("only=doctor-999", "only=x", "only=department-", "room=7&by=room", "doctor=x"):
        get(client, f"/calendar?{nobody}")


def test_a_drag_moves_and_is_taken_back(house: House) -> None:
    """Another time and doctor in one act: a toast with Undo; asked twice it is done once."""
    second = house.another_doctor("Yilmaz")
    house.shift()
    house.shift(second)
    row = house.booked(house.patient("Mover"), house.at(11))
    client = house.client(DESK)
    told = drop(client, row, start=iso(house, 14), end=iso(house, 14, 15), doctor=second.id)
    assert "Moved: Mover to today 14:00" in told.said
    assert "rx:calendar" in told.headers["HX-Trigger"]
    assert (row.starts_at, row.doctor_id) == (house.at(14), second.id)
    again = drop(client, row, start=iso(house, 14), end=iso(house, 14, 15), doctor=second.id, version=1)
    assert again.status == 200
    press(client, told.undo)
    db.session.expire_all()
    assert (row.starts_at, row.doctor_id) == (house.at(11), house.doctor.id)


def test_stretching_and_the_room(house: House) -> None:
    own = house.run(directory.add_room, "Own")
    house.shift(room_id=house.room.id)
    row = house.booked(house.patient("Longer"), house.at(11))
    client = house.client(DESK)
    told = drop(client, row, "resize", end=iso(house, 11, 40))
    assert "Longer: 11:00–11:40 now" in told.said
    assert row.ends_at == house.at(11, 40)
    told = drop(client, row, start=iso(house, 11), end=iso(house, 11, 40), room=own.id)
    assert (told.status, row.room_id, row.ends_at) == (200, own.id, house.at(11, 40))
    press(client, told.undo)
    db.session.expire_all()
    assert (row.room_id, row.ends_at) == (house.room.id, house.at(11, 40))


def test_a_drop_beyond_the_capacity(house: House) -> None:
    """Who may is asked why, and sends the same once more; without a reason nothing moves; Undo; the desk is only told."""
    house.shift(first=9, last=13)
    row = house.booked(house.patient("Urgent"), house.at(11))
    house.booked(house.patient("Standing"), house.at(12))
    manager = house.client(Role.MANAGER)
    plain = drop(house.client(DESK), row, status=409, start=iso(house, 12), end=iso(house, 12, 15))
    assert plain.said == "This time is fully booked. Choose another one."
    for name, values in (
        ("drop", {"start": iso(house, 12), "end": iso(house, 12, 15), "doctor": house.doctor.id}),
        ("resize", {"end": iso(house, 12, 15)}),
    ):
        asked = drop(manager, row, name, 409, **values)
        assert asked.headers["HX-Retarget"] == "#dialog"
        assert "or say why it is taken beyond the capacity" in asked.text
        form = full(asked)
        path = asked.one("form", method="post")["hx-post"]
        before = counts()
        again = post(manager, path, form | {"overbooking_reason": " "}, 409)
        assert "Say why this time is taken although it is full." in again.text
        post(manager, path, form | {"overbooking_reason": "x" * 501}, 422)
        assert counts() == before
        done = post(manager, path, form | {"overbooking_reason": HTML})
        db.session.expire_all()
        assert (row.ends_at, row.overbooking_reason) == (house.at(12, 15), HTML)
        assert "is-beyond" in block(get(manager, f"/calendar?date={TODAY}"), row)["class"]
        press(manager, done.undo)
        db.session.expire_all()
        assert (row.starts_at, row.ends_at, row.overbooking_reason) == (house.at(11), house.at(11, 15), None)
    for n in range(house.clinic.overbooking_cap):
        house.booked(house.patient(f"More{n}"), house.at(12), overbooking_reason="x", actor=house.person(Role.MANAGER))
    last = drop(manager, row, status=409, start=iso(house, 12))
    assert last.said == "This time is fully booked. Choose another one."


def test_what_a_drop_refuses(house: House) -> None:
    """A sentence each, the grid asked again, nothing changed."""
    house.shift(first=9, last=13)
    row, _ = house.booked(house.patient("Stays"), house.at(11)), house.booked(house.patient("Taken"), house.at(12))
    theirs = House.open(house.app, "Hillside")
    client = house.client(DESK)
    before = counts()
    for values, status in (
        ({"start": iso(house, 12)}, 409),
        ({"start": iso(house, 13)}, 409),
        ({"start": iso(house, 9)}, 422),
        ({"start": iso(house, 12, 30), "version": 9}, 409),
        ({"start": "yesterday"}, 422),
        ({"start": "2026-11-20T12:30"}, 422),
        ({"start": "0001-01-01T00:00:00+14:00"}, 422),
        ({"start": iso(house, 12, 30), "end": iso(house, 12, 30)}, 422),
        ({"start": iso(house, 12, 30), "end": HTML}, 422),
        ({"start": iso(house, 12, 30), "doctor": theirs.doctor.id}, 404),
        ({"start": iso(house, 12, 30), "room": theirs.room.id}, 404),
        ({}, 422),
    ):
        told = drop(client, row, status=status, **values)
        assert told.said.endswith("."), values
        if status != 404:
            assert "rx:calendar" in told.headers["HX-Trigger"]
    drop(client, row, "resize", 409, end=iso(house, 12, 15))
    drop(client, row, "resize", 422, end=iso(house, 10))
    db.session.rollback()
    assert (counts(), row.starts_at, row.version) == (before, house.at(11), 1)
    nobody = client.post("/calendar/appointments/999/drop", data={"key": "n", "start": iso(house, 12)}, headers=htmx())
    assert nobody.status_code == 404
    plain = client.post(f"/calendar/appointments/{row.id}/drop", data={"key": "k", "start": iso(house, 12)})
    assert (plain.status_code, plain.mimetype) == (409, "text/html")
    plain = client.post(f"/calendar/appointments/{row.id}/drop", data={"key": "k", "start": iso(house, 12, 30)})
    assert (plain.status_code, "date=2026-11-20" in plain.location) == (302, True)
