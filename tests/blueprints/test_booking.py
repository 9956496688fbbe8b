"""The booking dialog's holds, filters and series, and the waitlist, as people use them. On one database: what each does
there is told by the domain's tests on both."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from reception import clock
from reception.domain import directory, verify
from reception.domain.calendar import absences, holds, waitlist
from reception.extensions import db
from reception.models import Appointment, AppointmentStatus, Hold, Role, WaitlistEntry, WaitlistOffer
from tests.blueprints.test_calendar import chosen, count, counts, full, get, post, press, slot, times
from tests.factories import House

DESK = Role.RECEPTIONIST
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def ask(client: Any, path: str, key: str, **data: Any) -> tuple[int, dict[str, Any]]:
    answer = client.post(f"/calendar/holds{path}", data=data, headers={"Idempotency-Key": key})
    return answer.status_code, answer.get_json()


def test_keeping_renewing_and_giving_back(house: House) -> None:
    house.shift()
    desk, other = house.client(DESK), house.client(Role.MANAGER)
    wanted = {"slot": slot(house, 12), "service": house.service.id}
    status, kept = ask(desk, "", "one", **wanted)
    assert (status, kept["id"]) == (200, db.session.scalars(select(Hold.id)).one())
    status, told = ask(other, "", "two", **wanted)
    assert (status, told["code"], told["error"]) == (409, "slot-full", "This time is fully booked. Choose another one.")
    assert ask(other, f"/{kept['id']}/renew", "three")[0] == 409
    assert ask(desk, f"/{kept['id']}/renew", "four")[0] == 200
    for bad in ({"slot": "x"}, {"slot": ""}, {"slot": slot(house, 12), "service": "x"}, {"slot": slot(house, 7)}):
        assert ask(desk, "", f"bad-{bad}"[:20].replace(" ", "").replace("'", ""), **(wanted | bad))[0] in (
            400,
            404,
            409,
            422,
        )
    # The other desk sees who has it, as taken; the own form keeps it as its choice.
    day = str(clock.today(house.clinic))
    there = post(other, "/calendar/book/form", full(get(other, "/calendar/book")) | {"day": day})
    [held] = there.all("label", class_="rx-choice is-full is-held")
    assert "Receptionist is booking it" in held.text
    assert slot(house, 12) not in chosen(there)
    form = full(get(desk, f"/calendar/book?patient_id={house.patient('Kim').id}")) | {"day": day}
    mine = post(desk, "/calendar/book/form", form | {"hold": kept["id"], "slot": slot(house, 12)})
    assert (chosen(mine), mine.one("input", name="hold")["value"]) == ([slot(house, 12)], str(kept["id"]))
    # A form that was drawn before the place was kept knows no hold: the own one is no hindrance, and comes with it.
    early = post(desk, "/calendar/book/form", form | {"hold": "", "slot": slot(house, 12)})
    assert (chosen(early), early.one("input", name="hold")["value"]) == ([slot(house, 12)], str(kept["id"]))
    assert early.one("input", name="slot", value=slot(house, 12)).get("disabled") is None
    lost = post(
        desk, "/calendar/book/form", {name: form[name] for name in form if name != "slot"} | {"hold": kept["id"]}
    )
    assert chosen(lost) == [slot(house, 12)]
    assert ask(desk, f"/{kept['id']}/release", "five")[0] == 200
    assert count(Hold) == 0
    assert ask(desk, f"/{kept['id']}/release", "six")[0] == 200


def test_any_of_a_department_next_week_in_the_afternoon(house: House) -> None:
    heart = house.run(directory.add_department, "Cardiology", "B")
    second = house.another_doctor(department_id=heart.id)
    for days in (0, 3, 4):
        house.shift(first=11, last=14, days=days)
        house.shift(second, first=11, last=14, days=days)
    client = house.client(DESK)
    form = full(get(client, "/calendar/book"))
    asked = form | {"doctor": f"department-{heart.id}", "within": "next", "part": "AFTERNOON", "weekday": "1"}
    found = post(client, "/calendar/book/form", asked)
    assert times(found)[0] == slot(house, 12, days=4, doctor=second)
    assert len(times(found)) == 7
    further = next(b for b in found.all("button") if "Later times" in b.text)
    page = post(client, further["hx-post"], asked | further.vals)
    assert times(page) == [slot(house, 13, 45, days=4, doctor=second)]
    nothing = post(client, "/calendar/book/form", asked | {"within": "this", "weekday": "6"})
    assert times(nothing) == []
    button = next(b for b in nothing.all("button") if "Put on the waitlist" in b.text)
    patient = house.patient("Patient-Person")
    wait = post(client, button["hx-post"], asked | {"patient_id": patient.id})
    assert full(wait)["doctor"] == f"department-{heart.id}"
    done = post(client, "/waitlist", full(wait))
    assert "On the waitlist: Patient-Person" in done.said
    entry = db.session.scalars(select(WaitlistEntry)).one()
    assert (entry.department_id, entry.doctor_id, str(entry.not_before)) == (heart.id, None, "12:00:00")
    assert press(client, done.undo).status == 200
    assert db.session.scalars(select(WaitlistEntry.status)).one() == "CANCELLED"


def test_as_long_as_is_typed(house: House) -> None:
    """A length of its own: the times fit it, the booking and the later move keep it; what cannot be is said at its field."""
    house.shift(first=11, last=14)
    patient = house.patient("Lengthy")
    client = house.client(DESK)
    day = str(clock.today(house.clinic))
    found = get(client, f"/calendar/book?patient_id={patient.id}&slot={slot(house, 12)}&minutes=40")
    form = full(found)
    assert (form["minutes"], chosen(found)) == ("40", [slot(house, 12)])
    assert "40 min" in found.text
    assert times(found)[-1] == slot(house, 13, 15)
    before = counts()
    for minutes, words in (
        ("0", "at least a minute"), ("-5", "at least a minute"), ("721", "at most 12 hours"), ("x", "not a number"),
        ("175", "would not end before the shift does"),
    ):  # fmt: skip
        told = post(client, "/calendar/book", form | {"minutes": minutes}, 409 if minutes == "175" else 422)
        assert words in told.text
        assert (told.one("input", name="minutes")["value"], counts()) == (minutes, before)
    assert ask(client, "", "long", slot=slot(house, 12), service=house.service.id, minutes="0")[0] == 422
    assert "Booked: Lengthy" in post(client, "/calendar/book", form).said
    row = db.session.scalars(select(Appointment)).one()
    assert row.ends_at - row.starts_at == timedelta(minutes=40)
    other = full(get(client, f"/calendar/appointments/{row.id}/reschedule")) | {"day": day}
    assert times(post(client, f"/calendar/appointments/{row.id}/times", other))[-1] == slot(house, 13, 15)


def test_a_series_with_two_that_do_not_fit(house: House) -> None:
    for week in range(5):
        house.shift(first=13, last=14, days=7 * week)
    house.booked(starts_at=house.at(13, days=7))
    away = clock.today(house.clinic) + timedelta(days=21)
    house.run(absences.enter, house.doctor.id, away, away)
    patient = house.patient("Weekly")
    client = house.client(DESK)
    form = full(get(client, f"/calendar/book?patient_id={patient.id}")) | {"weeks": "5"}
    before = counts()
    weeks = post(client, "/calendar/series/weeks", form)
    assert counts() == before
    assert "3 of 5 dates fit" in weeks.text
    assert [e["data-fits"] for e in weeks.all("li", data_day=True)] == ["yes", "no", "yes", "no", "yes"]
    assert "fully booked" in weeks.text
    assert "Free in that week: Fri 27 Nov 13:15" in weeks.text
    assert "Nothing is free in that week." in weeks.text
    assert post(client, "/calendar/book", form).all("li", data_day=True), "plain booking shows the dates, too"
    report = post(client, "/calendar/series", full(weeks))
    assert "3 of 5 dates are booked" in report.text
    assert [e["data-fits"] for e in report.all("li", data_day=True)] == ["yes", "no", "yes", "no", "yes"]
    again = post(client, "/calendar/series", full(weeks))
    assert "3 of 5 dates are booked" in again.text
    assert count(Appointment) == 4
    book = next(b for b in report.all("button") if "Book this one" in b.text)
    assert chosen(get(client, book["hx-get"])) == [slot(house, 13, 15, days=7)]
    rows = db.session.scalars(select(Appointment).where(Appointment.series.is_not(None)).order_by(Appointment.id)).all()
    second = rows[1]
    dialog = get(client, f"/calendar/appointments/{second.id}/cancel")
    assert "This and 1 that follows" in dialog.text
    gone = post(
        client, f"/calendar/appointments/{second.id}/cancel", full(dialog) | {"scope": "following", "reason": "x"}
    )
    assert "Cancelled: Weekly, 2 appointments" in gone.said
    states = select(Appointment.status).where(Appointment.series.is_not(None)).order_by(Appointment.id)
    assert db.session.scalars(states).all() == ["CONFIRMED", "CANCELLED", "CANCELLED"]
    press(client, gone.undo)
    assert set(db.session.scalars(states)) == {AppointmentStatus.CONFIRMED}
    for bad in ("1", "53", "x"):
        told = post(client, "/calendar/book", form | {"weeks": bad}, 422)
        assert told.one(id="weeks-error").text.strip().endswith(".")
    assert list(verify.findings()) == []


def test_entering_afterwards_is_for_some(house: House) -> None:
    house.shift(first=6)
    patient = house.patient("Late")
    manager, desk = house.client(Role.MANAGER), house.client(DESK)
    form = full(get(manager, f"/calendar/book?patient_id={patient.id}"))
    asked = form | {"day": str(clock.today(house.clinic)), "slot": slot(house, 8), "past_reason": "on paper"}
    assert slot(house, 8) in times(post(manager, "/calendar/book/form", asked))
    told = post(manager, "/calendar/book", asked | {"past_reason": ""}, 422)
    assert "Say why" in told.text
    assert "Booked: Late" in post(manager, "/calendar/book", asked).said
    assert db.session.scalars(select(Appointment.past_reason)).one() == "on paper"
    mine = full(get(desk, f"/calendar/book?patient_id={house.patient().id}"))
    assert "past_reason" not in mine
    told = post(desk, "/calendar/book", mine | {"slot": slot(house, 8, 15), "past_reason": "x"}, 422)
    assert "This time is past" in told.text


def test_the_waitlist_page_and_its_answers(house: House) -> None:
    house.shift(first=12, last=13)
    rows = [house.booked(starts_at=house.at(12, quarter)) for quarter in (0, 15, 30, 45)]
    today = clock.today(house.clinic)
    names = ("Abel", "Baker", "Cook")
    for name in names:
        patient = house.patient(name, phone=f"0171 234567{names.index(name)}")
        house.run(waitlist.add, patient.id, house.service.id, today, today + timedelta(days=3))
    client = house.client(DESK)
    house.move(rows[0].visit, "cancel", reason="x")
    page = get(client, "/waitlist", part=False)
    assert [e["data-status"] for e in page.all("li", data_status=True)] == ["NOTIFIED", "ACTIVE", "ACTIVE"]
    offers = page.one(id="offers")
    assert "Abel" in offers.text
    assert "0171 2345670" in offers.text
    decline, accept = (next(b for b in page.all("button") if b.text.strip() == word) for word in ("Decline", "Accept"))
    assert "The next one is asked" in press(client, decline).said
    assert "“Declined” now" in press(client, accept, 409).said
    page = get(client, "/waitlist", part=False)
    assert "Baker" in page.one(id="offers").text
    accept = next(b for b in page.all("button") if b.text.strip() == "Accept")
    booked = press(client, accept)
    assert "Booked: Baker today 12:00" in booked.said
    assert press(client, accept).said == booked.said, "asked twice, done once"
    press(client, booked.undo)
    assert db.session.scalars(select(WaitlistEntry.status).order_by(WaitlistEntry.id)).all() == [
        "ACTIVE", "ACTIVE", "NOTIFIED",
    ]  # fmt: skip
    desk = get(client, "/", part=False)
    assert "Cook" in desk.one(id="offers").text
    off = next(b for b in get(client, "/waitlist", part=False).all("button") if "Take off" in b.text)
    assert "Taken off the waitlist: Abel" in press(client, off).said
    assert get(client, "/waitlist?settled=1", part=False).one("li", data_status="CANCELLED")
    other = House.open(house.app, "Hillside")
    theirs = other.run(waitlist.add, other.patient().id, other.service.id, today, today)
    post(client, f"/waitlist/{theirs.id}/leave", {"key": "x"}, 404)
    post(client, "/waitlist/offers/99999/accept", {"key": "y"}, 404)
    wrong = post(client, "/waitlist", full(get(client, "/waitlist/new")) | {"last_day": "", "patient_id": ""}, 422)
    assert wrong.one(id="last_day-error").text
    assert db.session.scalars(select(WaitlistOffer.status).order_by(WaitlistOffer.id)).all()[0] == "DECLINED"
    assert house.client(Role.CASHIER).get("/waitlist").status_code == 403
    assert list(verify.findings()) == []
    assert holds.standing(house.clinic.id, house.at(0), house.at(23), at=clock.now())[0].by == ""
