"""Schedules, closed days and rooms in the settings, the people to call, the late doctor: as people use them."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from reception import clock, live, ticking
from reception.domain.calendar import absences, callups, closures
from reception.extensions import db
from reception.models import (
    Absence,
    AccessEntry,
    Appointment,
    AuditEntry,
    ClosedDay,
    Doctor,
    Role,
    RoomMaintenance,
    Schedule,
    ScheduleTemplate,
)
from tests.blueprints.test_calendar import Answer, full, get, post, press
from tests.factories import House
from tests.pages import Page

MONDAY = date(2026, 11, 23)
PLANNER = Role.MANAGER
HTML = "<script>alert(1)</script>"


def count(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def key(number: int = 0) -> dict[str, str]:
    return {"key": f"schedules-{number}-{clock.now():%H%M%S%f}"}


def listed(answer: Answer) -> str:
    """The page's list as the answer brought it."""
    from tests.pages import parts

    return parts(answer.html)["settings-list"].text if hasattr(answer, "html") else answer.text


def weekly(**more: Any) -> dict[str, Any]:
    values = {
        "weekdays": ["0", "1"], "begins": "08:00", "ends": "12:00", "room": "", "slot_minutes": "15", "capacity": "1",
        "valid_from": "2026-11-20", "valid_to": "",
    }  # fmt: skip
    return values | more


def test_a_week_from_entering_to_ending(house: House) -> None:
    """Entered on two days, changed on one, ended with Undo; what is wrong is said at its field."""
    client, doctor = house.client(PLANNER), house.doctor.id
    form = get(client, f"/settings/schedules/{doctor}/new?weekday=0")
    assert {e["value"]: "checked" in e.attrs for e in form.all("input", name="weekdays")}["0"]
    for wrong, field in (
        ({"weekdays": []}, "weekdays"),
        ({"begins": "12:00"}, "ends"),
        ({"begins": "25:00"}, "begins"),
        ({"capacity": "0"}, "capacity"),
        ({"slot_minutes": "x"}, "slot_minutes"),
        ({"valid_to": "2026-01-01"}, "valid_to"),
        ({"room": "999"}, "room"),
        ({"valid_from": "2027-02-30"}, "valid_from"),
    ):
        answer = post(client, f"/settings/schedules/{doctor}", weekly(**wrong) | key(), 422)
        assert answer.all(id=f"{field}-error"), wrong
    assert count(ScheduleTemplate) == count(Schedule) == 0
    added = post(client, f"/settings/schedules/{doctor}", weekly(room=str(house.room.id)) | key())
    assert added.said.startswith("The weekly shift is entered.")
    assert count(ScheduleTemplate) == 2
    overlap = post(client, f"/settings/schedules/{doctor}", weekly(begins="11:00", ends="13:00") | key(), 422)
    assert "The doctor has another weekly shift at this time." in overlap.text
    booked = house.booked(starts_at=house.at(8, days=3))
    row = db.session.scalars(select(ScheduleTemplate).filter_by(weekday=0)).one()
    form = get(client, f"/settings/schedules/shifts/{row.id}")
    data = full(form) | {"begins": "09:00"} | key()
    changed = post(client, f"/settings/schedules/shifts/{row.id}", data)
    assert "1 person is to be called." in changed.said
    put_back = press(client, changed.undo)
    assert put_back.said.startswith("The weekly shift is as it was.")
    assert (callups.count(house.actor, clock.now()), db.session.get_one(ScheduleTemplate, row.id).begins.hour) == (0, 8)
    assert press(client, changed.undo).status == 200, "asked twice it is done once"
    form = full(get(client, f"/settings/schedules/shifts/{row.id}"))
    changed = post(client, f"/settings/schedules/shifts/{row.id}", form | {"begins": "09:00"} | key(5))
    house.move(booked.visit, "cancel", reason="x")
    refused = press(client, changed.undo, 409)
    assert "cannot be taken back exactly" in refused.said
    booked = house.booked(starts_at=house.at(9, days=3))
    form = full(get(client, f"/settings/schedules/shifts/{row.id}"))
    data = form | {"begins": "10:00"} | key(7)
    changed = post(client, f"/settings/schedules/shifts/{row.id}", data)
    stale = post(client, f"/settings/schedules/shifts/{row.id}", data | key(1), 409)
    assert "Somebody was faster" in stale.text
    back = {**full(get(client, f"/settings/schedules/shifts/{row.id}")), "begins": "08:00", **key(2)}
    assert "to be called" not in post(client, f"/settings/schedules/shifts/{row.id}", back).said
    assert callups.count(house.actor, clock.now()) == 0
    row = db.session.get_one(ScheduleTemplate, row.id)
    ended = post(client, f"/settings/schedules/shifts/{row.id}/end", {"version": row.version} | key(3))
    assert callups.count(house.actor, clock.now()) == 1
    press(client, ended.undo)
    assert callups.count(house.actor, clock.now()) == 0
    assert db.session.get_one(Appointment, booked.id).schedule.is_open
    page = get(client, f"/settings/schedules/{doctor}", part=False)
    assert (len(page.all("h1")), page.twice) == (1, [])
    assert "08:00–12:00" in get(client, "/settings/schedules").text
    second = house.another_doctor()
    assert get(client, f"/settings/schedules/{doctor}/copy").one("select", id="to_doctor")
    copy = {"to_doctor": str(second.id), "from_day": "2026-11-20"} | key(4)
    assert post(client, f"/settings/schedules/{doctor}/copy", copy).said.startswith("The week is copied.")
    assert db.session.scalar(select(func.count()).where(ScheduleTemplate.doctor_id == second.id)) == 2


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_away_and_back(house: House) -> None:
    client, doctor = house.client(PLANNER), house.doctor.id
    house.booked(starts_at=house.at(11, days=3))
    away = {"first": "2026-11-23", "begins": "", "last": "2026-11-24", "ends": "", "kind": "VACATION", "note": HTML}
    assert get(client, f"/settings/schedules/{doctor}/away").one("select", id="kind")
    for wrong, field in (({"last": "2026-11-22"}, "last"), ({"kind": "PARTY"}, "kind"), ({"note": "x" * 501}, "note")):
        answer = post(client, f"/settings/schedules/{doctor}/away", away | wrong | key(), 422)
        assert answer.all(id=f"{field}-error"), wrong
    entered = post(client, f"/settings/schedules/{doctor}/away", away | key(1))
    assert entered.said.startswith("The absence is entered. 1 person is to be called.")
    assert not entered.all("script")
    page = get(client, f"/settings/schedules/{doctor}")
    assert "Mon 23 Nov – Tue 24 Nov" in page.text
    press(client, entered.undo)
    assert callups.count(house.actor, clock.now()) == 0
    row = db.session.scalars(select(Absence)).one()
    assert row.ended_at is not None
    for url in (f"/settings/schedules/{doctor}/away", f"/settings/schedules/absences/{row.id}/back"):
        assert house.client(Role.RECEPTIONIST).post(url, data=away | key(2)).status_code == 403


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_holidays_are_proposed_and_taken(house: House) -> None:
    client = house.client(PLANNER)
    house.booked(starts_at=house.at(11, days=35))  # Christmas
    assert get(client, "/settings/closed-days").all("input", name="day") == []
    country = {"holiday_country": "DE", "holiday_subdivision": "BE", "horizon_weeks": "8"} | key()
    post(client, "/settings/closed-days/country", country)
    page = get(client, "/settings/closed-days?year=2026")
    days = [e["value"] for e in page.all("input", name="day")]
    assert days == ["2026-12-25", "2026-12-26"]
    taken = post(client, "/settings/closed-days/accept?year=2026", {"day": [*days, "2026-11-30"]} | key(1))
    assert taken.said.startswith("2 days are closed. 1 person is to be called.")
    assert get(client, "/settings/closed-days?year=2026").all("input", name="day") == []
    press(client, taken.undo)
    assert (count(ClosedDay), callups.count(house.actor, clock.now())) == (0, 0)
    taken = post(client, "/settings/closed-days/accept?year=2026", {"day": days} | key(10))
    some = get(client, "/settings/closed-days?year=2026").all("input", name="closed_day")
    opened = post(client, "/settings/closed-days/open", {"closed_day": [e["value"] for e in some]} | key(11))
    assert (opened.said.startswith("2 days are open again."), count(ClosedDay)) == (True, 0)
    closed = press(client, opened.undo)
    assert closed.said.startswith("2 days are closed. 1 person is to be called.")
    rows = db.session.scalars(select(ClosedDay).order_by(ClosedDay.day)).all()
    assert [(str(row.day), row.name) for row in rows] == [
        ("2026-12-25", "Christmas Day"),
        ("2026-12-26", "Second Day of Christmas"),
    ]
    assert client.post("/settings/closed-days/open", data=key(12)).status_code == 422
    late = post(client, "/settings/closed-days/open", {"closed_day": [rows[0].id]} | key(13))
    house.later(seconds=31)
    assert press(client, late.undo, 409).said == "It is too late to undo this."
    again = post(client, "/settings/closed-days", {"day": "2026-12-25", "name": "Christmas Day"} | key(14))
    assert again.status == 200
    own = post(client, "/settings/closed-days", {"day": "2026-12-24", "name": "Christmas Eve"} | key(2))
    assert count(ClosedDay) == 3
    press(client, own.undo)
    assert count(ClosedDay) == 2
    first = db.session.scalars(select(ClosedDay).order_by(ClosedDay.day)).first()
    assert first is not None
    post(client, f"/settings/closed-days/{first.id}/open", key(3))
    assert callups.count(house.actor, clock.now()) == 0
    for data, status in (
        ({"day": "2026-11-19", "name": "x"}, 422),
        ({"day": "2026-12-24", "name": ""}, 422),
        ({"day": "nonsense", "name": "x"}, 422),
    ):
        post(client, "/settings/closed-days", data | key(4), status)
    for wrong in ({"holiday_country": "XX"}, {"horizon_weeks": "0"}, {"holiday_subdivision": "ZZ"}):
        assert client.post("/settings/closed-days/country", data=country | wrong | key(5)).status_code == 422
    assert client.post("/settings/closed-days/accept", data=key(6)).status_code == 422
    assert client.post("/settings/closed-days/999/open", data=key(7)).status_code == 404


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_room_is_closed_for_a_while(house: House) -> None:
    client = house.client(PLANNER)
    house.shift(days=3, room_id=house.room.id)
    house.booked(starts_at=house.at(11, days=3))
    form = full(get(client, "/settings/closed-rooms/new"))
    closure = form | {
        "room": str(house.room.id),
        "first": "2026-11-23",
        "last": "2026-11-23",
        "begins": "10:00",
        "ends": "12:00",
        "kind": "REPAIR",
    }
    for wrong, field in (({"ends": "09:00"}, "ends"), ({"room": "77"}, "room"), ({"first": ""}, "first")):
        answer = post(client, "/settings/closed-rooms", closure | wrong | key(), 422)
        assert answer.all(id=f"{field}-error"), wrong
    closed = post(client, "/settings/closed-rooms", closure | key(1))
    assert closed.said.startswith("The room is closed for that time. 1 person is to be called.")
    again = post(client, "/settings/closed-rooms", closure | key(2), 422)
    assert "The room is closed at that time already." in again.text
    assert "Repair" in get(client, "/settings/closed-rooms").text
    opened = press(client, closed.undo)
    assert callups.count(house.actor, clock.now()) == 0
    press(client, opened.undo)
    assert callups.count(house.actor, clock.now()) == 1
    assert db.session.scalars(select(RoomMaintenance.status)).all() == ["SCHEDULED"]


def test_people_are_called_one_after_the_other(house: House) -> None:
    """Move, cancel with a message, keep; each is off the list, and on it again by Undo; the looking is written down."""
    client = house.client(Role.RECEPTIONIST)
    house.shift(days=3, capacity=2)
    house.shift(days=4)
    rows = [
        house.booked(house.patient(name, phone=f"0171 234567{i}"), house.at(9 + i, days=3))
        for i, name in enumerate(("First", "Second", "Third"))
    ]
    assert "Nobody is to be called." in get(client, "/calls").text
    house.run(absences.enter, house.doctor.id, MONDAY, MONDAY)
    page = get(client, "/calls", part=False)
    assert ("3 left" in page.text, len(page.all("h1")), page.twice) == (True, 1, [])
    assert "0171 2345670" in page.text
    assert "0171 2345671" not in page.text
    assert db.session.scalars(select(AccessEntry.how)).all() == ["call"]
    times = [e for e in page.all("button", data_key=True) if re.fullmatch(r"Digit\d", e["data-key"])]
    assert len(times) >= 1
    version = live.versions(house.clinic.id, ["calls"])["calls"]
    moved = press(client, times[0])
    assert moved.said.startswith("Moved: First to Tue 24 Nov")
    assert live.versions(house.clinic.id, ["calls"])["calls"] > version
    again = press(client, times[0])  # the same press twice
    assert again.said.startswith("Moved: First to Tue 24 Nov")
    stale = post(client, times[0]["hx-post"], times[0].vals | key(), 409)
    assert "Somebody was faster" in stale.text
    dialog = get(client, f"/calls/{rows[1].id}/cancel")
    assert dialog.one("textarea", name="message").text == "Doctor away: Away. Please ask for another time."
    cancelled = post(client, f"/calls/{rows[1].id}/cancel", full(dialog) | {"message": HTML})
    assert cancelled.said.startswith("Cancelled: Second")
    assert db.session.get_one(Appointment, rows[1].id).cancel_reason == HTML
    page = get(client, "/calls")
    kept = press(client, page.one("button", data_act="keep"))
    assert kept.said.startswith("Kept: Third")
    assert callups.count(house.actor, clock.now()) == 0
    for answer in (moved, cancelled, kept):
        press(client, answer.undo)
    assert callups.count(house.actor, clock.now()) == 3
    assert "2 left" not in get(client, f"/calls?doctor={house.doctor.id}&n=99").text
    for path in ("/calls/999/keep", "/calls/999/move", "/calls/999/cancel"):
        assert client.post(path, data={"slot": "1@2026-11-24T10:00Z", "version": 1} | key()).status_code == 404
    post(client, f"/calls/{rows[0].id}/move", {"slot": "nonsense"} | key(), 422)
    assert house.client(Role.CASHIER).get("/calls").status_code == 403
    assert "3 people to call" in get(client, "/", part=False).text
    assert "3 people to call" in get(client, "/calendar", part=False).text


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_doctor_runs_late(house: House) -> None:
    """Said once; on the desk, the TV and the ticket; taken back, and over with the day."""
    client = house.client(Role.RECEPTIONIST)
    visit, display = house.visit(), house.display()
    form = get(client, "/late")
    names = (f"line-{house.doctor.id}", f"display-{display.id}", f"ticket-{visit.id}")
    before = live.versions(house.clinic.id, names)
    said = post(client, "/late", {"doctor": str(house.doctor.id), "minutes": "45"} | key())
    assert said.said.startswith("Dr. Marek Novak runs about 45 min late")
    assert all(live.versions(house.clinic.id, names)[name] > before[name] for name in names)
    assert form.one("select", id="doctor")
    line = get(client, f"/live/line-{house.doctor.id}")
    assert "Runs about 45 min late" in line.text
    assert "Dr. Marek Novak runs about 45 min late" in Page(
        house.client().get(f"/t/{visit.public_token}").get_data(as_text=True)
    ).text.replace("\u2068", "").replace("\u2069", "")
    tv = house.client().get(f"/display/{display.token}").get_data(as_text=True)
    assert "Dr. Novak runs about 45 min late" in tv
    press(client, said.undo)
    assert db.session.get_one(Doctor, house.doctor.id).late_minutes == 0
    post(client, "/late", {"doctor": str(house.doctor.id), "minutes": "20"} | key(1))
    house.later(hours=15)
    ticking.tick(clock.now() - timedelta(minutes=1), clock.now())
    assert "late" not in get(client, f"/live/line-{house.doctor.id}").text
    for data in ({"doctor": "999", "minutes": "10"}, {"doctor": str(house.doctor.id), "minutes": "601"}):
        assert post(client, "/late", data | key(2), 404 if data["doctor"] == "999" else 422)
    doctor, _ = house.doctor_who_signs_in("own")
    assert doctor.id
    post(client, "/late", {"doctor": str(house.doctor.id), "minutes": "x"} | key(3), 422)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_ill_today(house: House) -> None:
    """The desk says it: today's slots close, the people are to be called; Undo opens them."""
    client = house.client(Role.RECEPTIONIST)
    house.booked(starts_at=house.at(11))
    said = post(client, "/late", {"doctor": str(house.doctor.id), "minutes": "30", "ill": "1"} | key())
    assert said.said.startswith("Dr. Marek Novak is away today. 1 person is to be called.")
    assert db.session.get_one(Doctor, house.doctor.id).late_minutes == 0
    press(client, said.undo)
    assert callups.count(house.actor, clock.now()) == 0
    own = house.client(Role.DOCTOR)
    assert own.post("/late", data={"doctor": str(house.doctor.id), "minutes": "5"} | key(1)).status_code == 403


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_words_of_every_act(house: House) -> None:
    """The audit says what was done."""
    house.run(closures.close_days, {MONDAY: "Feast"})
    house.run(absences.run_late, house.doctor.id, 30)
    page = Page(house.client(PLANNER).get("/audit").get_data(as_text=True))
    assert "Day closed" in page.text
    assert "Runs late" in page.text
    assert count(AuditEntry) > 2
