"""The day list, shifts, booking and appointments as people use them; every refusal in words, with nothing changed."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from reception import clock, live, regions
from reception.domain import directory, patients, verify
from reception.domain.calendar import daylist
from reception.extensions import db
from reception.live_sockets import viewer_of
from reception.models import Appointment, AuditEntry, IdempotencyKey, LedgerEntry, Patient, Role, Schedule, Visit
from tests.factories import House
from tests.pages import Element, Page, htmx, parts
from tests.sql import statements

DESK = Role.RECEPTIONIST
HTML = "<script>alert(1)</script>"
TODAY, TOMORROW = "2026-11-20", "2026-11-21"


class Answer(Page):
    """What came back: `status`, `headers`, the toast's words and its Undo."""

    def __init__(self, answer: Any) -> None:
        html = answer.get_data(as_text=True)
        super().__init__(html)
        self.status, self.headers = answer.status_code, answer.headers
        self.toast = parts(html).get("toasts", Page(""))

    @property
    def said(self) -> str:
        return self.toast.text.replace("\u2066", "").replace("\u2069", "")

    @property
    def undo(self) -> Element:
        return self.toast.one("button", data_undo=True)


def get(client: FlaskClient, path: str, status: int = 200, part: bool = True) -> Answer:
    found = Answer(client.get(path, headers=htmx("/calendar") if part else {}))
    assert found.status == status, found.text
    return found


def post(client: FlaskClient, path: str, data: dict[str, Any], status: int = 200, part: bool = True) -> Answer:
    found = Answer(client.post(path, data=data, headers=htmx("/calendar", "#dialog") if part else {}))
    assert found.status == status, found.text
    return found


def press(client: FlaskClient, button: Element, status: int = 200) -> Answer:
    return post(client, button["hx-post"], button.vals, status)


def full(found: Page) -> dict[str, str]:
    """What the form would send as it stands."""
    data = {
        e["name"]: e.get("value") or ""
        for e in found.all("input", name=True)
        if e.get("type") != "radio" or "checked" in e.attrs
    }
    data |= {e["name"]: e.text.strip() for e in found.all("textarea", name=True)}
    for choice in found.all("select", name=True):
        chosen = [option for option in choice.inside if option.tag == "option" and "selected" in option.attrs]
        data[choice["name"]] = chosen[0]["value"] if chosen else ""
    return data


def slot(house: House, hour: int, minute: int = 0, days: int = 0, doctor: Any = None) -> str:
    return f"{(doctor or house.doctor).id}@{house.at(hour, minute, days):%Y-%m-%dT%H:%MZ}"


def times(found: Page) -> list[str]:
    return [e["value"] for e in found.all("input", name="slot")]


def chosen(found: Page) -> list[str]:
    return [e["value"] for e in found.all("input", name="slot") if "checked" in e.attrs]


def count(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def counts() -> tuple[int, ...]:
    return tuple(count(m) for m in (Appointment, Visit, Patient, LedgerEntry, AuditEntry, Schedule, IdempotencyKey))


# --------------------------------------------------------------------------------------------------------- day list


def test_a_day_doctor_by_doctor(house: House) -> None:
    """Shifts with what is free, appointments in time order with shape and word; the day before and after."""
    house.shift(first=9, last=12, room_id=house.room.id)
    later = house.booked(house.patient("Later"), house.at(11))
    sooner = house.booked(house.patient(HTML), house.at(10, 30))
    gone = house.booked(house.patient("Gone"), house.at(11, 30))
    house.move(gone.visit, "cancel", reason="x")
    house.check_in(sooner)
    client = house.client(DESK)
    whole = get(client, f"/calendar?view=list&date={TODAY}&by=doctor", part=False)
    assert [e["id"] for e in whole.all("li", data_row=True)] == [sooner.ref, later.ref, gone.ref]
    assert [e["data-status"] for e in whole.all("li", data_row=True)] == ["WAITING", "SCHEDULED", "CANCELLED"]
    for words in ("09:00–12:00", "Room 101", "6 free of 12", HTML, "Waiting", "Cancelled", "A-001", "3 booked"):
        assert words in whole.text, words
    assert whole.all("script", src=False) == []
    root = whole.one("div", id="day")
    assert (root["data-signal"], root["data-v"]) == (
        f"calendar-{TODAY}", str(live.versions(house.clinic.id, [f"calendar-{TODAY}"])[f"calendar-{TODAY}"]),
    )  # fmt: skip
    assert [e["href"].partition("date=")[2][:10] for e in whole.all("a", class_="btn btn-square")] == [
        "2026-11-19", "2026-11-21",
    ]  # fmt: skip
    assert get(client, "/calendar?view=list").one("div", id="day")["data-signal"] == f"calendar-{TODAY}"
    empty = get(client, f"/calendar?view=list&date={TOMORROW}")
    assert "No shifts on this day." in empty.text
    assert empty.all("a", data_key="KeyT")


def test_every_view_and_no_day(house: House) -> None:
    """Whatever is asked for, a calendar stands there; what is no day is said in words."""
    house.booked()
    client = house.client(DESK)
    for query in ("view=week", "view=month", "by=room", "view=week&by=room", "view=x&by=y", "doctor=x", "doctor=999"):
        assert get(client, f"/calendar?{query}&date={TODAY}").all("div", id="day")
    for date in ("2026-02-30", "yesterday", "0001-01-01", "9999-12-31", HTML, "\x00"):
        told = Answer(client.get("/calendar", query_string={"date": date}, headers=htmx()))
        assert (told.status, told.said.endswith(".")) == (422, True), date
    for edge in ("2000-01-01", "2199-12-31"):
        assert get(client, f"/calendar?date={edge}").all("div", id="day")


def test_a_long_day_is_cut_and_asks_no_more(house: House) -> None:
    """The same number of questions for few rows and for many; the rest is one address away."""
    second = house.another_doctor("Second")
    client = house.client(DESK)
    for doctor in (house.doctor, second):
        house.booked(starts_at=house.at(11), doctor=doctor)
    with statements() as few:
        get(client, "/calendar?view=list")
    for number in range(daylist.MOST + 1):
        house.booked(starts_at=house.at(12 + number % 2), doctor=second)
    with statements() as many:
        found = get(client, "/calendar?view=list")
    assert (len(many), many.writes) == (len(few), [])
    assert len(found.all("li", data_row=True)) == daylist.MOST + 1
    more = next(e["href"] for e in found.all("a") if f"doctor={second.id}" in e["href"])
    assert len(get(client, more).all("li", data_row=True)) == daylist.MOST + 2


def test_who_may_open_the_calendar(house: House) -> None:
    house.booked()
    for role, day, form, shift in (
        (Role.RECEPTIONIST, 200, 200, 200), (Role.MANAGER, 200, 200, 200), (Role.DOCTOR, 200, 200, 403),
        (Role.NURSE, 200, 403, 403), (Role.CASHIER, 403, 403, 403),
    ):  # fmt: skip
        client = house.client(role)
        assert client.get("/calendar").status_code == day
        assert client.get("/calendar/book").status_code == form
        assert client.get("/calendar/shifts/new").status_code == shift


def test_the_day_is_told_of_what_changes_on_it(house: House) -> None:
    """Bookings, moves away and to it, shifts, a patient's new name; not what happens on other days."""
    name = f"calendar-{TOMORROW}"
    assert regions.may_see(viewer_of(house.person(DESK)), name)
    assert not regions.may_see(viewer_of(house.person(Role.CASHIER)), name)

    def is_told(act: Any) -> bool:
        before = live.versions(house.clinic.id, [name])
        act()
        return live.versions(house.clinic.id, [name]) != before

    assert is_told(lambda: house.shift(days=1))
    row = house.booked(starts_at=house.at(12))
    client = house.client(DESK)
    form = full(get(client, f"/calendar/appointments/{row.id}/reschedule"))
    move = f"/calendar/appointments/{row.id}/reschedule"
    assert is_told(lambda: post(client, move, form | {"slot": slot(house, 12, days=1)}))
    assert is_told(lambda: house.run(patients.change, row.patient_id, last_name="Renamed"))
    assert not is_told(lambda: house.run(patients.change, row.patient_id, alerts="Latex"))
    assert not is_told(lambda: house.booked(starts_at=house.at(12)))
    form = full(get(client, move))
    assert is_told(lambda: post(client, move, form | {"slot": slot(house, 13)}))


# ----------------------------------------------------------------------------------------------------------- shifts


def test_opening_and_closing_a_shift(house: House) -> None:
    """By the clinic's clock, once for a key; closing has a way back."""
    client = house.client(Role.MANAGER)
    form = full(get(client, f"/calendar/shifts/new?date={TOMORROW}&doctor={house.doctor.id}"))
    assert (form["day"], form["doctor"], form["first"], form["room"]) == (
        TOMORROW, str(house.doctor.id), "08:00", str(house.room.id),
    )  # fmt: skip
    form |= {"first": "09:00", "last": "11:00", "capacity": "2"}
    for _ in range(2):
        done = post(client, "/calendar/shifts/new", form)
        assert (done.said, count(Schedule)) == ("Shift opened: Dr. Marek Novak, tomorrow 09:00–11:00", 1)
        assert done.headers["HX-Trigger"] == "rx:close-dialog, rx:calendar"
    row = db.session.scalars(select(Schedule)).one()
    assert (row.starts_at, row.ends_at, row.capacity) == (house.at(9, days=1), house.at(11, days=1), 2)
    found = get(client, f"/calendar?view=list&date={TOMORROW}")
    button = next(e for e in found.all("button") if e.get("hx-post") == f"/calendar/shifts/{row.id}/close")
    closed = press(client, button)
    assert not row.is_open
    press(client, closed.undo)
    assert row.is_open
    house.booked(starts_at=house.at(9, days=1))
    told = press(client, Element("button", {"hx-post": button["hx-post"], "hx-vals": '{"key": "again"}'}), 409)
    assert "Somebody is booked in this shift" in told.said
    assert client.post("/calendar/shifts/new", data=form | {"key": "plain", "day": "2026-12-01"}).status_code == 302


def test_another_room_for_a_shift(house: House) -> None:
    """From the head of its column or the list; refused in words where it is taken; Undo."""
    other, taken = house.run(directory.add_room, "Other"), house.run(directory.add_room, "Taken")
    shift = house.shift(first=11, last=14, room_id=house.room.id)
    house.shift(house.another_doctor("Rival"), first=11, last=14, room_id=taken.id)
    row = house.booked(house.patient("Mover"), house.at(12))
    client = house.client(DESK)
    [opener] = [
        b for b in get(client, f"/calendar?date={TODAY}").all("button") if b.get("id") == f"shift-{shift.id}-{TODAY}"
    ]
    assert opener["aria-label"] == "Shift 11:00–14:00: Room 101"
    assert opener["hx-get"] in [b.get("hx-get") for b in get(client, f"/calendar?view=list&date={TODAY}").all("button")]
    form = full(get(client, opener["hx-get"]))
    assert form["room"] == str(house.room.id)
    path = f"/calendar/shifts/{shift.id}/room"
    refused = post(client, path, form | {"room": taken.id}, 409)
    assert "The room is taken at this time." in refused.text
    post(client, path, form | {"room": "x"}, 404)
    done = post(client, path, form | {"room": other.id})
    assert "Room Other now: Dr. Marek Novak, today 11:00–14:00" in done.said
    db.session.expire_all()
    assert (shift.room_id, row.room_id) == (other.id, other.id)
    press(client, done.undo)
    db.session.expire_all()
    assert (shift.room_id, row.room_id) == (house.room.id, house.room.id)
    assert get(house.client(Role.NURSE), f"/calendar?date={TODAY}").all("button", class_="rx-cal-seat") == []
    assert house.client(Role.NURSE).post(path, data={"key": "n", "room": other.id}).status_code == 403


def test_what_a_shift_dialog_refuses(house: House) -> None:
    other = House.open(house.app, "Hillside")
    house.shift(days=1)
    client = house.client(DESK)
    form = full(get(client, f"/calendar/shifts/new?date={TOMORROW}")) | {"room": ""}
    before = counts()
    for field, value, status in (
        ("day", "2026-11-19", 422), ("day", "", 422), ("day", "x", 422), ("first", "25:00", 422), ("first", "", 422),
        ("last", "07:00", 422), ("slot_minutes", "0", 422), ("slot_minutes", "x", 422), ("slot_minutes", "9" * 40, 422),
        ("capacity", "101", 422), ("capacity", "-1", 422), ("doctor", "", 422),
    ):  # fmt: skip
        told = post(client, "/calendar/shifts/new", form | {field: value}, status)
        assert told.one(id=f"{field}-error").text.strip().endswith("."), (field, value)
    gap = post(client, "/calendar/shifts/new", form | {"day": "2027-03-28", "first": "02:30"}, 422)
    assert "There is no 02:30 on that day" in gap.one(id="first-error").text
    overlap = post(client, "/calendar/shifts/new", form | {"first": "17:00"}, 409)
    assert overlap.one("div", role="alert").text.strip() == "The doctor has another shift at this time."
    for field, value in (("doctor", other.doctor.id), ("doctor", "999999"), ("doctor", HTML), ("room", other.room.id)):
        assert "no such record" in post(client, "/calendar/shifts/new", form | {field: value, "day": TODAY}, 404).said
    post(client, "/calendar/shifts/new", {n: v for n, v in form.items() if n != "key"}, 400)
    for ident in (other.shift().id, 10**9):
        post(client, f"/calendar/shifts/{ident}/close", {"key": "x"}, 404)
    assert counts()[:5] == (*before[:4], before[4] + 1)  # the other clinic's own shift


# ---------------------------------------------------------------------------------------------------------- booking


def test_the_next_free_place_for_a_known_patient(house: House) -> None:
    """Open, find, take the person, take the first free place: the form stands ready at each step."""
    house.shift()
    patient = house.patient("Иванова", first_name="Мария", phone="0171 2345678")
    client = house.client(DESK)
    opened = get(client, "/calendar/book")
    assert "data-autofocus" in opened.one("input", name="q").attrs
    found = post(client, "/calendar/book/people", {"q": "bdfyjd"})
    option = found.one(id=f"who-{patient.id}")
    ready = post(client, option["hx-post"], full(opened) | option.vals)
    assert (chosen(ready), times(ready)[0]) == ([slot(house, 10)], slot(house, 10))
    assert "data-autofocus" in next(e for e in ready.all("input", name="slot") if "checked" in e.attrs).attrs
    assert "15 min · 120.00\u00a0EUR" in ready.one(id="times").text.replace("\u2066", "").replace("\u2069", "")
    form = full(ready)
    for _ in range(2):  # a double press, a held key
        done = post(client, "/calendar/book", form)
        assert done.said.startswith("Booked: Иванова, Мария today 10:00, R261120-0001")
        assert count(Appointment) == 1
    assert done.headers["HX-Trigger"] == "rx:close-dialog, rx:calendar"
    row = db.session.scalars(select(Appointment)).one()
    assert (row.patient_id, row.starts_at, row.source, row.created_by_id) == (
        patient.id, house.at(10), "PHONE", house.person(DESK).id,
    )  # fmt: skip
    undone = press(client, done.undo)
    assert (undone.said, row.status) == ("Taken back: Иванова, Мария", "CANCELLED")
    assert list(verify.findings()) == []


def test_a_booking_for_tomorrow_with_its_words(house: House) -> None:
    house.shift(days=1, capacity=2)
    patient = house.patient("Hoffmann", first_name="Greta")
    client = house.client(Role.DOCTOR)
    form = full(get(client, f"/calendar/book?patient_id={patient.id}&doctor={house.doctor.id}&day={TOMORROW}"))
    form |= {"slot": slot(house, 10, 15, 1), "reason": "=1+1", "notes": f"{HTML}\nsecond line", "source": "PARTNER"}
    done = post(client, "/calendar/book", form)
    assert done.said.startswith("Booked: Hoffmann, Greta tomorrow 10:15, R261120-0001")
    row = db.session.scalars(select(Appointment)).one()
    assert (row.reason, row.notes.splitlines(), row.source) == ("=1+1", [HTML, "second line"], "PARTNER")
    shown = get(client, f"/calendar/appointments/{row.id}")
    assert HTML in shown.text
    assert shown.all("script") == []
    plain = client.post("/calendar/book", data=form | {"key": "plain", "patient_id": house.patient().id})
    assert plain.status_code == 302


def test_somebody_new_is_registered_in_the_same_dialog(house: House) -> None:
    """What was typed stands in the fields; a known phone leads to booking for that card."""
    house.shift()
    known = house.patient("Known", phone="0171 2345678")
    client = house.client(DESK)
    opened = full(get(client, "/calendar/book"))
    nobody = post(client, "/calendar/book/people", {"q": f"Zzyzx {HTML}"})
    option = nobody.one(id="who-new")
    form = full(post(client, option["hx-post"], opened | option.vals | {"q": "Zzyzx Anna"}))
    assert (form["last_name"], form["first_name"], form["key"]) == ("Zzyzx", "Anna", opened["key"])
    before = counts()
    told = post(client, "/calendar/book", form | {"phone": "+49 171 2345678"}, 409)
    assert told.one("div", role="alert").text.strip() == "Known is registered with this phone already."
    assert told.one("a", class_="btn btn-small")["href"] == f"/patients/{known.id}"
    way_on = next(e for e in told.all("button") if e.vals == {"patient_id": known.id})
    ready = post(client, way_on["hx-post"], full(told) | way_on.vals)
    assert full(ready)["patient_id"] == str(known.id)
    for field, value in (("last_name", ""), ("phone", "12"), ("date_of_birth", "2027-01-01"), ("first_name", "a\x00")):
        bad = post(client, "/calendar/book", form | {field: value}, 422)
        assert bad.one(id=f"{field}-error").text.strip().endswith(".")
        assert chosen(bad) == [form["slot"]]
    assert counts() == before
    done = post(client, "/calendar/book", form | {"phone": "0171 2345679"})
    assert done.said.startswith("Booked: Zzyzx, Anna today 10:00")
    assert (count(Patient), count(Appointment)) == (2, 1)
    post(house.client(Role.DOCTOR), "/calendar/book", form | {"key": "d", "slot": slot(house, 12)}, 422)
    assert count(Patient) == 2


def test_the_dialog_follows_what_is_chosen(house: House) -> None:
    """Another service, doctor or day: other times, another price; the first of the chosen day is taken."""
    second = house.another_doctor("Second")
    dear = house.run(directory.add_service, "Long", 50_000, duration_min=60)
    house.run(directory.set_price, dear.id, 60_000, clock.service_day(house.at(1, days=1), house.clinic))
    house.shift(last=11)
    house.shift(second, first=9, last=11, days=1)
    client = house.client(DESK)
    form = full(get(client, "/calendar/book"))
    with statements() as seen:
        any_doctor = post(client, "/calendar/book/form", form)
    assert seen.writes == []
    assert {value.partition("@")[0] for value in times(any_doctor)} == {str(house.doctor.id), str(second.id)}
    long = post(client, "/calendar/book/form", form | {"service": dear.id})
    assert times(long)[:2] == [slot(house, 10), slot(house, 9, days=1, doctor=second)]
    assert "60 min · 500.00" in long.one(id="times").text.replace("\u2066", "")
    day = post(client, "/calendar/book/form", form | {"service": dear.id, "day": TOMORROW})
    assert times(day) == [slot(house, 9, m, 1, second) for m in (0, 15, 30, 45)] + [
        slot(house, 10, days=1, doctor=second)
    ]
    assert (chosen(day), "600.00" in day.one(id="times").text) == ([slot(house, 9, days=1, doctor=second)], True)
    alone = post(client, "/calendar/book/form", form | {"doctor": house.doctor.id, "day": TOMORROW})
    assert "Nothing is free on this day." in alone.text
    assert chosen(alone) == [slot(house, 10)]
    for odd in ({"doctor": "x"}, {"service": "999999"}, {"day": "x"}, {"slot": HTML}, {"doctor": "9" * 40}):
        post(client, "/calendar/book/form", form | odd)


def test_what_the_booking_dialog_refuses(house: House) -> None:
    """The sentence stands in the dialog, what was typed stays, and nothing is written."""
    house.shift(last=12)
    second = house.another_doctor("Second")
    house.shift(second, last=12)
    taken = house.booked(starts_at=house.at(11))
    other = House.open(house.app, "Hillside")
    foreign = other.patient()
    patient = house.patient("Hoffmann")
    client = house.client(DESK)
    form = full(get(client, f"/calendar/book?patient_id={patient.id}")) | {"notes": "typed"}
    before = counts()
    for changes, status, words in (
        ({"slot": slot(house, 9)}, 422, "past"),
        ({"slot": slot(house, 12)}, 409, "does not see patients at this time"),
        ({"slot": slot(house, 11)}, 409, "fully booked"),
        ({"slot": slot(house, 11, doctor=second), "patient_id": taken.patient_id}, 409, "another appointment"),
        ({"slot": slot(house, 10, 30), "patient_id": taken.patient_id}, 409, "already has a place in this shift"),
        ({"slot": ""}, 422, "Choose a time"),
        ({"slot": "1@2026-13-45T99:99Z"}, 422, "Choose a time"),
        ({"slot": HTML}, 422, "Choose a time"),
        ({"patient_id": ""}, 422, "Choose a patient"),
        ({"reason": "x" * 501}, 422, "too long"),
        ({"notes": "x" * 10_000}, 422, "too long"),
        ({"notes": "a\x00b"}, 422, "cannot be stored"),
        ({"source": "SYSTEM"}, 422, "Choose one of the list"),
        ({"source": HTML}, 422, "Choose one of the list"),
    ):
        told = post(client, "/calendar/book", form | changes, status)
        assert words in told.text, changes
        assert full(told)["key"] == form["key"]
        assert full(told)["notes"] == (form | changes)["notes"].strip()
    for changes in (
        {"patient_id": foreign.id}, {"patient_id": 10**9}, {"patient_id": "x"}, {"slot": f"{other.doctor.id}@2026-11-20T10:00Z"},
        {"slot": "999999@2026-11-20T10:00Z"}, {"service": other.service.id}, {"service": "x"}, {"service": "9" * 40},
    ):  # fmt: skip
        assert post(client, "/calendar/book", form | changes, 404).said.startswith("There is no such record here.")
    post(client, "/calendar/book", {n: v for n, v in form.items() if n != "key"}, 400)
    told = post(client, "/calendar/book", form | {"slot": slot(house, 11), "overbooking_reason": "urgent"}, 403)
    assert "Your role cannot book beyond the capacity." in told.said
    assert counts() == before
    post(client, "/calendar/book", form)
    again = post(client, "/calendar/book", form | {"slot": slot(house, 10, 30)}, 422)
    assert full(again)["key"] != form["key"]
    assert count(Appointment) == 2


def test_overbooking_by_those_who_may(house: House) -> None:
    """Full times are shown to them on a chosen day; a reason is needed and is shown."""
    house.shift(last=12)
    house.booked(starts_at=house.at(11))
    patient = house.patient()
    manager = house.client(Role.MANAGER)
    form = full(get(manager, f"/calendar/book?patient_id={patient.id}&day={TODAY}&doctor={house.doctor.id}"))
    assert slot(house, 11) in times(post(manager, "/calendar/book/form", form))
    assert slot(house, 11) not in times(post(house.client(DESK), "/calendar/book/form", form))
    full_slot = form | {"slot": slot(house, 11)}
    assert "fully booked" in post(manager, "/calendar/book", full_slot, 409).text
    post(manager, "/calendar/book", full_slot | {"overbooking_reason": HTML})
    row = db.session.scalars(select(Appointment).filter_by(patient_id=patient.id)).one()
    shown = get(house.client(DESK), f"/calendar/appointments/{row.id}")
    assert "Beyond the capacity" in shown.text
    assert HTML in shown.text


def test_people_are_found_without_writing(house: House) -> None:
    house.patient("Hoffmann")
    client = house.client(DESK)
    with statements() as seen:
        for q in ("hoff", "", "  ", "\x00", "zzz", HTML, "x" * 5_000):
            post(client, "/calendar/book/people", {"q": q})
    assert seen.writes == []
    assert [e["id"] for e in post(client, "/calendar/book/people", {"q": "hoff"}).all(role="option")][-1] == "who-new"
    doctor = post(house.client(Role.DOCTOR), "/calendar/book/people", {"q": "zzz"})
    assert doctor.all(id="who-new") == []


# ------------------------------------------------------------------------------------------------------ appointment


def test_an_appointment_and_what_can_be_done_with_it(house: House) -> None:
    """Today it can be checked in; on other days not; who may not book sees no acts; bills only for whom they are."""
    today = house.booked(house.patient("Hoffmann", alerts="Latex", phone="0171 2345678"), house.at(12), reason="pain")
    tomorrow = house.booked(starts_at=house.at(12, days=1))
    client = house.client(DESK)
    shown = get(client, f"/calendar/appointments/{today.id}")
    for words in (
        "Hoffmann",
        "Fri 20 Nov",
        "12:00–12:15",
        "Dr. Marek Novak",
        "120.00",
        "Latex",
        "pain",
        today.booking_id,
    ):
        assert words in shown.text, words
    assert [e.text.strip() for e in shown.all("button") if "hx-post" in e.attrs][-1].startswith("Check in")
    assert "Check in" not in get(client, f"/calendar/appointments/{tomorrow.id}").text
    nurse = get(house.client(Role.NURSE), f"/calendar/appointments/{today.id}")
    assert [e for e in nurse.all("button") if "hx-post" in e.attrs or "hx-get" in e.attrs] == []
    assert "120.00" not in nurse.text
    assert get(client, f"/calendar/appointments/{today.id}", part=False).all("html")


def test_checking_in_from_the_calendar(house: House) -> None:
    row = house.booked(house.patient("Hoffmann"), house.at(12))
    client = house.client(DESK)
    button = get(client, f"/calendar/appointments/{row.id}").all("button", class_="btn btn-primary")[-1]
    for _ in range(2):
        done = press(client, button)
        assert done.said.startswith("A-001Hoffmann checked in")
    assert (row.status, row.visit.status) == ("CHECKED_IN", "WAITING")
    press(client, done.undo)
    assert (row.status, row.visit.status) == ("CONFIRMED", "SCHEDULED")
    tomorrow = house.booked(starts_at=house.at(12, days=1))
    told = post(
        client, f"/calendar/appointments/{tomorrow.id}/check-in", {"key": "x", "version": tomorrow.version}, 409
    )
    assert "Check-in is possible on that day only" in told.one("div", role="alert").text


def test_cancelling_with_a_reason_and_back(house: House) -> None:
    row = house.booked(house.patient("Hoffmann"), house.at(12))
    client = house.client(DESK)
    asked = get(client, f"/calendar/appointments/{row.id}/cancel")
    form = full(asked)
    assert form["reason"] == "Cancelled by the patient"
    path = f"/calendar/appointments/{row.id}/cancel"
    for other in ("x" * 501, "a\x00b"):
        told = post(client, path, form | {"other": other}, 422)
        assert told.one("div", role="alert").text.strip().endswith(".")
        assert row.status == "CONFIRMED"
    post(client, path, form | {"version": row.version + 1}, 409)
    done = post(client, path, form | {"other": f"ill {HTML}"})
    assert done.said.startswith("Cancelled: Hoffmann today 12:00")
    assert (row.status, row.cancel_reason, row.visit.payment.status) == ("CANCELLED", f"ill {HTML}", "CANCELLED")
    told = post(client, path, form | {"key": "again", "version": row.version}, 409)
    assert "“Cancelled” now" in told.one("div", role="alert").text
    back = press(client, done.undo)
    assert back.said == "Taken back: Hoffmann, today 12:00 as before"
    assert (row.status, row.visit.payment.status) == ("CONFIRMED", "PENDING")
    done = post(client, path, full(get(client, path)))
    house.later(seconds=31)
    assert "too late" in press(client, done.undo, 409).said
    assert list(verify.findings()) == []


def test_a_cancelled_place_that_is_taken_meanwhile_stays_with_whom_took_it(house: House) -> None:
    house.shift()
    row = house.booked(starts_at=house.at(12))
    client = house.client(DESK)
    path = f"/calendar/appointments/{row.id}/cancel"
    done = post(client, path, full(get(client, path)))
    house.booked(starts_at=house.at(12))
    assert "fully booked" in press(client, done.undo, 409).said
    assert row.status == "CANCELLED"


def test_moving_to_another_time_and_back(house: House) -> None:
    """The present time is not offered; the toast says where to, and takes it back."""
    house.shift()
    second = house.another_doctor("Second")
    house.shift(second, days=1)
    row = house.booked(house.patient("Hoffmann"), house.at(10))
    client = house.client(DESK)
    path = f"/calendar/appointments/{row.id}/reschedule"
    asked = get(client, path)
    assert (slot(house, 10) in times(asked), chosen(asked)) == (False, [slot(house, 10, 15)])
    other = post(client, f"/calendar/appointments/{row.id}/times", full(asked) | {"doctor": second.id, "day": TOMORROW})
    assert chosen(other) == [slot(house, 8, days=1, doctor=second)]
    form = full(other)
    for _ in range(2):
        done = post(client, path, form)
        assert done.said.startswith("Moved: Hoffmann to tomorrow 08:00")
    assert (row.starts_at, row.doctor_id) == (house.at(8, days=1), second.id)
    back = press(client, done.undo)
    assert back.said == "Taken back: Hoffmann, today 10:00 as before"
    assert (row.starts_at, row.doctor_id) == (house.at(10), house.doctor.id)
    plain = client.post(path, data=full(get(client, path)) | {"key": "plain"})
    assert plain.status_code == 302
    assert list(verify.findings()) == []


def test_what_moving_refuses(house: House) -> None:
    house.shift()
    house.booked(starts_at=house.at(12))
    row = house.booked(house.patient("Hoffmann"), house.at(11))
    client = house.client(DESK)
    path = f"/calendar/appointments/{row.id}/reschedule"
    form = full(get(client, path))
    before, version = counts(), row.version
    for changes, status, words in (
        ({"slot": slot(house, 12)}, 409, "fully booked"),
        ({"slot": slot(house, 9)}, 422, "past"),
        ({"slot": slot(house, 12, days=1)}, 409, "does not see patients at this time"),
        ({"slot": ""}, 422, "Choose a time"),
        ({"slot": HTML}, 422, "Choose a time"),
        ({"day": "x"}, 422, "not a date"),
        ({"version": ""}, 409, "Somebody was faster"),
        ({"version": version + 1}, 409, "Somebody was faster"),
    ):
        assert words in post(client, path, form | changes, status).text, changes
    post(client, path, {n: v for n, v in form.items() if n != "key"}, 400)
    assert (counts(), row.version) == (before, version)
    house.check_in(row)
    told = post(client, path, form, 409)
    assert "cannot be moved" in told.one("div", role="alert").text
    assert get(client, path).all("form", id="moving") == []


def test_other_clinics_appointments_look_like_none(house: House) -> None:
    other = House.open(house.app, "Hillside")
    foreign = other.booked(starts_at=other.at(12))
    client = house.client(DESK)
    answers = set()
    for ident in (foreign.id, 10**9, 2**70):
        for path in ("", "/reschedule", "/cancel"):
            answers.add(client.get(f"/calendar/appointments/{ident}{path}", headers=htmx()).get_data(as_text=True))
        for path in ("reschedule", "cancel", "check-in", "no-show", "undo", "times"):
            data = {"key": "x", "version": "1", "slot": slot(house, 12)}
            answer = client.post(f"/calendar/appointments/{ident}/{path}", data=data, headers=htmx())
            assert answer.status_code == 404, path
            answers.add(answer.get_data(as_text=True))
    assert len(answers) == 1
    assert foreign.status == "CONFIRMED"


def test_a_manager_may_book_and_cancel_but_not_check_in(house: House) -> None:
    """The table of moves decides: what a role may not do has no button and is refused."""
    row = house.booked(starts_at=house.at(12))
    manager = house.client(Role.MANAGER)
    shown = get(manager, f"/calendar/appointments/{row.id}")
    assert "Another time" in shown.text
    acts = [e.get("hx-get") or e.get("hx-post") or "" for e in shown.all("button")]
    assert [act.rpartition("/")[2] for act in acts if act.endswith(("/cancel", "/check-in"))] == ["cancel"]
    told = post(manager, f"/calendar/appointments/{row.id}/check-in", {"key": "x", "version": row.version}, 403)
    assert "Your role cannot do this." in told.said
    assert row.status == "CONFIRMED"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_nothing_of_a_person_is_in_an_address_or_a_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    house.shift()
    row = house.booked(house.patient("Quetzalcoatl", phone="0171 2345678"), house.at(12), notes="Xylophon")
    client = house.client(DESK)
    pages = [
        get(client, "/calendar", part=False),
        get(client, "/calendar?view=list", part=False),
        get(client, "/calendar?view=week", part=False),
        get(client, "/calendar?view=month", part=False),
        get(client, f"/calendar/appointments/{row.id}"),
        get(client, f"/calendar/appointments/{row.id}/reschedule"),
        post(client, "/calendar/book/people", {"q": "quetzal"}),
        post(client, "/calendar/book", {"key": "k", "last_name": "Quetzal", "phone": "0171 2345678",
                                        "slot": slot(house, 12)}, 409),
    ]  # fmt: skip
    links = [
        value for found in pages for element in found.elements for name, value in element.attrs.items()
        if name in ("href", "action", "hx-get", "hx-post") and not value.startswith("tel:")
    ]  # fmt: skip
    assert links
    for word in ("quetzal", "2345678", "xylophon"):
        assert not [link for link in links if word in link.lower()]
        assert word not in caplog.text.lower()
