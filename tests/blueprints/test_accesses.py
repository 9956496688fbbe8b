"""The access log: nothing of a card is shown before it is written down who looks; the log, and what is unusual."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError

from reception import clock
from reception.domain import accesses, accesses_review, patients
from reception.domain.accesses import Asked
from reception.domain.errors import NotFound
from reception.extensions import db
from reception.models import AccessEntry, AccessReview, AuditEntry, Role, VisitStatus
from tests.factories import House
from tests.pages import htmx

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def newest() -> AccessEntry:
    return db.session.scalars(select(AccessEntry).order_by(AccessEntry.id.desc())).first()  # type: ignore[return-value]


def count() -> int:
    return db.session.scalar(select(func.count()).select_from(AccessEntry)) or 0


@contextmanager
def nothing_can_be_noted() -> Iterator[None]:
    """The table of the log takes no rows."""

    def refuse(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO access_entry"):
            raise OperationalError(statement, None, Exception("disk full"))

    event.listen(db.engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", refuse)


@ON_SQLITE
def test_every_way_to_a_card_is_noted_or_closed(house: House) -> None:
    """Each way writes one line about the right card before it answers; without the line it answers 503 and shows
    nothing of the person."""
    person = house.patient("Secretova", first_name="Secreta", phone="0171 2345678")
    paid = house.visit(VisitStatus.PENDING_PAYMENT, patient=person)
    operation = house.pay(paid, 5_000)
    booked = house.booked(person, house.at(16))
    other = house.patient("Other")
    client, headers = house.client(*Role), house.token(*Role)
    ways = {
        f"/patients/{person.id}": "visits", f"/patients/{person.id}?tab=bills": "bills",
        f"/patients/{person.id}?tab=changes": "changes", f"/patients/{person.id}?tab=access": "access",
        f"/patients/{person.id}/edit": "edit", f"/patients/{person.id}/merge": "merge",
        f"/patients/{other.id}/merge/{person.id}": "merge", f"/patients/{person.id}/anonymise": "anonymise",
        f"/queue/visits/{paid.id}": "visit", f"/calendar/appointments/{booked.id}": "appointment",
        f"/calendar/book?patient_id={person.id}": "booking", f"/desk/walk-in?patient={person.id}": "walk-in",
        f"/waitlist/new?patient_id={person.id}": "booking", f"/finance/bills/{paid.payment.id}": "bill",
        f"/queue/visits/{paid.id}/checklist": "visit", f"/patients/{person.id}/questionnaire": "questionnaire",
        f"/finance/bills/{paid.payment.id}/pay": "bill", f"/finance/receipts/{operation.id}": "receipt",
        f"/api/v1/patients/{person.id}": "api", "/api/v1/patients?q=Secretova": "api-list",
        "/api/v1/patients?limit=1": "api-list",
    }  # fmt: skip
    for path, how in ways.items():
        more = headers if path.startswith("/api/") else {}
        before = count()
        answer = client.get(path, headers=more)
        assert answer.status_code in (200, 409), path  # still booked: cannot be made anonymous
        shown = answer.get_data(as_text=True)
        assert "Secret" in shown or (how == "receipt" and person.card_no in shown), path
        assert count() > before, path
        assert (newest().patient_id, newest().how) == (person.id, how), path
        with nothing_can_be_noted():
            answer = client.get(path, headers=more)
        assert answer.status_code == 503, path
        assert "Secret" not in answer.get_data(as_text=True), path
        assert person.card_no not in answer.get_data(as_text=True), path


@ON_SQLITE
def test_refused_attempts_are_noted(house: House) -> None:
    """Without the right: which card; a card that is not here: the number. Neither says whether another clinic has it."""
    person = house.patient("Secretova")
    foreign = House.open(house.app, "Hillside").patient("Foreign")
    nurse, cashier = house.client(Role.NURSE), house.client(Role.CASHIER)
    for client, path, where in (
        (cashier, f"/patients/{person.id}/edit", (person.id, None)),
        (cashier, f"/patients/{person.id}?tab=changes", (person.id, None)),
        (nurse, f"/patients/{person.id}/anonymise", (person.id, None)),
        (nurse, f"/patients/{foreign.id}", (None, foreign.id)),
        (nurse, "/patients/987654", (None, 987654)),
    ):
        before = count()
        assert client.get(path).status_code in (403, 404), path
        assert count() == before + 1, path
        entry = newest()
        assert (entry.how, entry.patient_id, entry.asked_id) == ("refused", *where), path
        assert entry.clinic_id == house.clinic.id
    assert nurse.get(f"/patients/{person.id}?tab=nothing").status_code == 404  # a slip of the pen, no attempt
    assert newest().asked_id == 987654
    assert db.session.scalars(select(AuditEntry.action)).all().count("patient.refused") == 2
    with pytest.raises(NotFound):
        house.run(patients.note_access, foreign.id, "api")


def test_the_log_and_its_filters(house: House) -> None:
    one, two = house.patient("Onegina"), house.patient("Twoskaya")
    desk, doctor = house.person(Role.RECEPTIONIST), house.person(Role.DOCTOR)
    for actor, card, how in (
        (desk, one, "visits"),
        (doctor, one, "visit"),
        (desk, two, "bills"),
        (desk, two, "redrawn"),
    ):
        house.run(patients.note_access, card.id, how, actor=actor)
    today = clock.today(house.clinic)

    def shown(**asked: Any) -> list[str]:
        return [row.entry.how for row in accesses.page(house.actor, Asked(**asked)).rows]

    assert shown() == ["bills", "visit", "visits"]
    assert shown(patient_id=one.id) == ["visit", "visits"]
    assert shown(user_id=desk.user_id) == ["bills", "visits"]
    assert shown(how="visit") == ["visit"]
    assert shown(first=today, last=today) == ["bills", "visit", "visits"]
    assert shown(last=today.replace(year=2025)) == []
    manager = house.client(Role.MANAGER)
    page = manager.get(f"/patients/access?card={one.card_no}&user={desk.user_id}").get_data(as_text=True)
    assert "Onegina" in page
    assert "Twoskaya" not in page
    assert manager.get("/patients/access?card=999999").status_code == 422
    assert manager.get("/patients/access?from=2026-12-01&to=2026-01-01").status_code == 422
    assert manager.get("/patients/access?from=x&user=y&before=z&how=w").status_code in (200, 422)
    for role in (Role.RECEPTIONIST, Role.DOCTOR, Role.NURSE, Role.CASHIER):
        assert house.client(role).get("/patients/access").status_code == 403
        assert house.client(role).get("/patients/access/review").status_code == 403


def why(house: House) -> dict[int | None, list[str]]:
    rows, _ = accesses_review.unusual(house.actor, Asked())
    return {row.patient.id if row.patient else None: row.why for row in rows}


def test_what_is_unusual(house: House) -> None:
    """Each rule by itself; a look at somebody who is booked is not unusual."""
    desk = house.person(Role.RECEPTIONIST)  # called Receptionist
    known, stranger = house.patient("Known"), house.patient("Stranger")
    house.booked(known, house.at(16, days=20))
    past = house.patient("Past")
    house.visit(VisitStatus.COMPLETED, patient=past)
    for card in (known, stranger, past):
        house.run(patients.note_access, card.id, "visits", actor=desk)
    assert why(house) == {stranger.id: ["stranger"]}
    house.later(days=31)
    house.run(patients.note_access, past.id, "visits", actor=desk)
    assert why(house)[past.id] == ["stranger"]

    namesake = house.patient("Receptionist")
    house.booked(namesake, house.at(17))
    house.run(patients.note_access, namesake.id, "visits", actor=desk)
    assert why(house)[namesake.id] == ["namesake"]
    house.run(accesses.note_refusal, 424242, actor=desk)
    assert why(house)[None] == ["refused"]


@ON_SQLITE
def test_many_cards_in_an_hour_and_outside_the_hours(house: House) -> None:
    desk = house.person(Role.RECEPTIONIST)
    cards = [house.patient() for _ in range(accesses_review.MOST_CARDS + 1)]
    for card in cards[:-1]:
        house.run(patients.note_access, card.id, "visits", actor=desk)
    assert all("many" not in reasons for reasons in why(house).values())
    house.run(patients.note_access, cards[-1].id, "visits", actor=desk)
    assert [ident for ident, reasons in why(house).items() if "many" in reasons] == [cards[-1].id]
    clock.start_at(datetime(2026, 11, 20, 22, 30, tzinfo=UTC))  # half past eleven at night in Berlin
    late = house.patient("Late")
    house.run(patients.note_access, late.id, "visits", actor=house.person(Role.NURSE))
    assert "hours" in why(house)[late.id]


@ON_SQLITE
def test_looking_into_it(house: House) -> None:
    """Fine, or not fine and why; the same person's looks at the same card that day are marked with it."""
    desk, manager = house.person(Role.RECEPTIONIST), house.client(Role.MANAGER)
    card, other = house.patient("Stranger"), house.patient("Another")
    for _ in range(3):
        house.run(patients.note_access, card.id, "visits", actor=desk)
    house.run(patients.note_access, other.id, "bills", actor=desk)
    page = manager.get("/patients/access/review").get_data(as_text=True)
    assert "Stranger" in page
    assert "3 times" in page
    rows, _ = accesses_review.unusual(house.actor, Asked())
    mine = next(row for row in rows if row.patient and row.patient.id == card.id)
    path = f"/patients/access/{mine.newest.id}/review"
    answer = manager.post(path, data={"is_fine": "0", "note": " ", "key": "a"}, headers=htmx())
    assert answer.status_code == 422
    answer = manager.post(path, data={"is_fine": "0", "note": "neighbour <b>", "key": "b"}, headers=htmx())
    assert answer.status_code == 200
    assert "neighbour &lt;b&gt;" in answer.get_data(as_text=True)
    marked = db.session.scalars(select(AccessReview)).all()
    assert [(row.is_fine, row.note) for row in marked] == [(False, "neighbour <b>")] * 3
    assert why(house).keys() == {other.id}
    done = manager.get("/patients/access/review?done=1").get_data(as_text=True)
    assert "Not fine" in done
    answer = manager.post(path, data={"is_fine": "1", "note": "asked her", "key": "c"}, headers=htmx())
    assert answer.status_code == 200
    assert {row.is_fine for row in db.session.scalars(select(AccessReview))} == {True}
    assert db.session.scalars(select(AuditEntry.action)).all().count("access.review") == 2
    other_house = House.open(house.app, "Hillside")
    assert other_house.client(Role.ADMIN).post(path, data={"is_fine": "1", "key": "d"}).status_code == 404
