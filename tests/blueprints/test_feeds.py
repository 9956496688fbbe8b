"""A doctor's calendar feed and a patient's calendar file: who reads them, what they say, and what they never say."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pytest
import vobject

from reception.blueprints import feeds as routes
from reception.domain import clinic, feeds
from reception.domain.calendar import moving
from reception.domain.visits import moves
from reception.extensions import db
from reception.models import Appointment, AuditEntry, Doctor, FieldHistory, Role
from tests.factories import House
from tests.pages import Page, htmx

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def address(house: House) -> str:
    """The path of the doctor's feed, made at first need."""
    doctor = db.session.get_one(Doctor, house.doctor.id)
    if doctor.feed_token is None:
        house.run(feeds.open_feed, house.doctor.id)
    return f"/calendar/feed/{db.session.get_one(Doctor, house.doctor.id).feed_token}.ics"


def events(answer: Any) -> list[Any]:
    assert answer.status_code == 200
    assert answer.content_type == "text/calendar; charset=utf-8"
    return list(vobject.readOne(answer.get_data(as_text=True)).contents.get("vevent", []))


def busy(answer: Any) -> list[Any]:
    return [event for event in events(answer) if event.transp.value == "OPAQUE"]


def test_the_feed_says_when_and_nothing_else(house: House) -> None:
    patient = house.patient("Hoffmann", first_name="Greta")
    booked = house.booked(patient, house.at(11), reason="a rash")
    house.booked(starts_at=house.at(9, days=-40 + 45))
    answer = house.client().get(address(house))
    found = busy(answer)
    assert [e.summary.value for e in found] == ["Busy", "Busy"]
    assert found[0].dtstart.value.astimezone(UTC) == booked.starts_at
    assert found[0].dtend.value.astimezone(UTC) == booked.ends_at
    shifts = [e for e in events(answer) if e.transp.value == "TRANSPARENT"]
    assert {e.summary.value for e in shifts} == {"At work"}
    text = answer.get_data(as_text=True)
    for secret in ("Hoffmann", "Greta", "Consultation", "rash", booked.booking_id, booked.visit.public_token):
        assert secret not in text
    assert answer.headers["Cache-Control"] == "private, no-cache"


@ON_SQLITE
def test_initials_only_where_the_clinic_says_so(house: House) -> None:
    house.booked(house.patient("Hoffmann", first_name="Greta"))
    path = address(house)
    house.run(clinic.change_clinic, feed_initials=True)
    answer = house.client().get(path)
    assert [e.summary.value for e in busy(answer)] == ["G. H."]
    assert "Hoffmann" not in answer.get_data(as_text=True)


def test_the_feed_is_right_after_a_move_and_a_cancellation(house: House) -> None:
    booked = house.booked()
    client, path = house.client(), address(house)
    before = client.get(path)
    name = busy(before)[0].uid.value
    same = client.get(path, headers={"If-None-Match": before.headers["ETag"]})
    assert (same.status_code, same.get_data()) == (304, b"")
    house.run(moving.reschedule, booked.id, house.at(15))
    after = client.get(path, headers={"If-None-Match": before.headers["ETag"]})
    [event] = busy(after)
    assert event.dtstart.value.astimezone(UTC) == house.at(15)
    assert event.uid.value == name
    house.run(moves.move_booked, booked.id, "cancel")
    assert busy(client.get(path, headers={"If-None-Match": after.headers["ETag"]})) == []


@ON_SQLITE
def test_a_wrong_address_is_none_and_is_not_guessed_for_long(house: House) -> None:
    client = house.client()
    old = address(house)
    house.run(feeds.open_feed, house.doctor.id)
    new = address(house)
    assert old != new
    for path in (old, "/calendar/feed/x.ics", f"/calendar/feed/{'x' * 500}.ics"):
        assert client.get(path).status_code == 404
    assert client.get(new).status_code == 200
    house.run(feeds.close_feed, house.doctor.id)
    assert client.get(new).status_code == 404
    for _ in range(int(routes.GUESSES.split()[0])):
        client.get(new)
    assert client.get(new).status_code == 429


@ON_SQLITE
def test_one_feed_is_asked_for_so_often_and_no_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "FETCHES", "2 per 15 minutes")
    client, path = house.client(), address(house)
    assert [client.get(path).status_code for _ in range(3)] == [200, 200, 429]


@ON_SQLITE
def test_the_address_is_the_doctors_and_the_managers(house: House) -> None:
    own, _ = house.doctor_who_signs_in("horvath")
    path = f"/doctors/{house.doctor.id}/feed"
    for role in (Role.RECEPTIONIST, Role.NURSE, Role.CASHIER):
        client = house.client(role)
        assert client.get(path).status_code == 403
        assert client.post(path, data={"key": "k"}).status_code == 403
        assert client.post(f"{path}/end", data={"key": "k2"}).status_code == 403
    doctor = house.client()
    doctor.post("/sign-in", data={"username": "horvath", "password": "a good password"})
    assert doctor.post(path, data={"key": "k"}).status_code == 403
    answer = doctor.post(f"/doctors/{own.id}/feed", data={"key": "k"}, headers=htmx())
    url = Page(answer.get_data(as_text=True)).one("input", id="feed-url")["value"]
    assert house.client().get(url.removeprefix("http://localhost")).status_code == 200
    manager = house.client(Role.MANAGER)
    assert "feed-url" not in manager.get(path, headers=htmx()).get_data(as_text=True)
    assert "feed-url" in manager.post(path, data={"key": "k"}, headers=htmx()).get_data(as_text=True)


@ON_SQLITE
def test_the_address_stands_in_no_memory(house: House) -> None:
    address(house)
    token = db.session.get_one(Doctor, house.doctor.id).feed_token
    house.run(feeds.open_feed, house.doctor.id)
    rows = db.session.query(AuditEntry).filter(AuditEntry.action == "doctor.feed").all()
    assert len(rows) == 2
    assert all(token not in str(row.fields) for row in rows)
    assert db.session.query(FieldHistory).filter(FieldHistory.field == "feed_token").count() == 0


@ON_SQLITE
def test_a_doctor_who_left_has_no_feed(house: House) -> None:
    from reception.domain import directory

    path = address(house)
    house.run(directory.change_doctor, house.doctor.id, is_active=False)
    assert house.client().get(path).status_code == 404


def test_an_appointment_for_the_patients_calendar(house: House) -> None:
    booked = house.booked(house.patient("Hoffmann", first_name="Greta"), reason="a rash")
    desk = house.client(Role.RECEPTIONIST)
    path = f"/calendar/appointments/{booked.id}/appointment.ics"
    first = desk.get(path)
    assert first.headers["Cache-Control"] == "no-store"
    assert first.headers["Content-Disposition"] == 'attachment; filename="appointment.ics"'
    [event] = events(first)
    assert event.dtstart.value.astimezone(UTC) == booked.starts_at
    assert event.location.value == "Riverside, Room 101, Floor 1"
    assert event.status.value == "CONFIRMED"
    text = first.get_data(as_text=True).replace("\r\n ", "")
    assert booked.booking_id in text
    for secret in ("Hoffmann", "Consultation", "rash", "General medicine", booked.visit.public_token):
        assert secret not in text

    house.run(moving.reschedule, booked.id, house.at(15, days=0))
    [moved] = events(desk.get(path))
    assert moved.dtstart.value.astimezone(UTC) == house.at(15)
    assert moved.uid.value == event.uid.value
    assert int(moved.sequence.value) > int(event.sequence.value)

    house.run(moves.move_booked, booked.id, "cancel")
    answer = desk.get(path)
    [gone] = events(answer)
    assert "METHOD:CANCEL" in answer.get_data(as_text=True)
    assert (gone.status.value, gone.uid.value) == ("CANCELLED", event.uid.value)
    assert int(gone.sequence.value) > int(moved.sequence.value)
    assert house.client(Role.CASHIER).get(path).status_code == 403
    assert desk.get("/calendar/appointments/999/appointment.ics").status_code == 404


def test_the_patient_takes_it_from_the_ticket_page(house: House) -> None:
    booked = house.booked(starts_at=house.at(11, days=3))
    token, anybody = booked.visit.public_token, house.client()
    page = Page(anybody.get(f"/t/{token}").get_data(as_text=True))
    link = page.one("a", href=f"/t/{token}/appointment.ics")
    assert link.text == "Put it into your calendar"
    [event] = events(anybody.get(link["href"]))
    assert event.dtstart.value.astimezone(UTC) == house.at(11, days=3)
    house.run(moves.move_booked, booked.id, "cancel")
    page = Page(anybody.get(f"/t/{token}").get_data(as_text=True))
    assert page.one("a", href=link["href"]).text == "Take it out of your calendar"
    assert "expected" not in page.text
    assert "METHOD:CANCEL" in anybody.get(link["href"]).get_data(as_text=True)
    assert anybody.get("/t/nonsense/appointment.ics").status_code == 404
    walk_in = house.visit()
    assert anybody.get(f"/t/{walk_in.public_token}/appointment.ics").status_code == 404


@ON_SQLITE
def test_another_clinics_appointment_is_none(house: House) -> None:
    other = House.open(house.app, "Hillside")
    theirs = other.booked()
    desk = house.client(Role.RECEPTIONIST)
    assert desk.get(f"/calendar/appointments/{theirs.id}/appointment.ics").status_code == 404
    assert house.client(Role.MANAGER).post(f"/doctors/{other.doctor.id}/feed", data={"key": "k"}).status_code == 404
    assert db.session.get_one(Appointment, theirs.id).ends_at - theirs.starts_at == timedelta(minutes=15)
