"""Is it one of these? The question in forms, and the list of pairs."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select

from reception.domain import merging, patients
from reception.extensions import db
from reception.models import AuditEntry, DifferentPeople, DuplicatePair, Patient, Role
from tests.factories import House
from tests.pages import Page

DESK = Role.RECEPTIONIST


def anna(house: House, **more: Any) -> Patient:
    return house.patient(
        more.pop("last_name", "Schneider"), **{"first_name": "Anna", "date_of_birth": date(1984, 3, 12), **more}
    )


def page(client: Any, path: str) -> Page:
    answer = client.get(path)
    assert answer.status_code == 200
    return Page(answer.get_data(as_text=True))


def asked(client: Any, path: str = "/patients/known", **form: str) -> str:
    answer = client.post(path, data=form, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return str(answer.get_data(as_text=True))


def test_is_it_one_of_these(house: House) -> None:
    """By whatever stands in the form so far, with the reason; nothing while nothing is like it."""
    card = anna(house, phone="0171 2345678")
    client = house.client(DESK)
    found = asked(client, last_name="Shneider", first_name="Ana", date_of_birth="1984-03-12")
    assert f"/patients/{card.id}" in found
    assert "same birth date" in found
    assert "last name sounds alike" in found
    assert "same phone" in asked(client, phone="+49 171 2345678")
    assert "names the other way round" in asked(
        client, last_name="Anna", first_name="Schneider", date_of_birth="12.03.1984"
    )
    assert f"/patients/{card.id}" in asked(client, last_name="Schn")
    assert asked(client, last_name="Kowalczyk", first_name="Jan", date_of_birth="1971-01-05").strip() == ""
    assert asked(client).strip() == ""
    assert asked(client, last_name="\x00" * 9, date_of_birth="x" * 9000, own="²").strip() == ""
    assert asked(client, last_name="Schneider", first_name="Anna", own=str(card.id)).strip() == ""
    walk_in = asked(client, "/desk/walk-in/known", last_name="Schneider", first_name="Anna")
    assert f"/desk/walk-in?patient={card.id}" in walk_in


def test_the_forms_ask(house: House) -> None:
    client = house.client(DESK)
    for path in ("/patients/new", "/desk/walk-in", "/patients/full"):
        assert 'id="known"' in client.get(path, headers={"HX-Request": "true"}).get_data(as_text=True), path


def test_pairs_are_judged(house: House) -> None:
    """Two people: gone from the list, with a way back; the audit knows."""
    a, b = anna(house), anna(house, phone="0171 2345678")
    client = house.client(DESK)
    found = page(client, "/patients/duplicates")
    text = found.text
    assert "same name" in text
    assert "very likely" in text
    form = {"first": str(b.id), "second": str(a.id), "key": "d1"}
    answer = client.post("/patients/duplicates/different", data=form, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer.headers["HX-Trigger"] == "rx:duplicates"
    assert db.session.scalars(select(DuplicatePair)).all() == []
    told = db.session.scalars(select(DifferentPeople)).one()
    assert (told.first_id, told.second_id) == (a.id, b.id)
    assert "No two cards" in page(client, "/patients/duplicates").text
    house.run(patients.change, b.id, email="anna@example.org")
    assert db.session.scalars(select(DuplicatePair)).all() == []
    back = client.post(f"/patients/duplicates/{b.id}/{a.id}/alike", data={"key": "a1"}, headers={"HX-Request": "true"})
    assert back.status_code == 200
    assert db.session.scalars(select(DifferentPeople)).all() == []
    assert "very likely" in page(client, "/patients/duplicates").text
    acts = db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert [act for act in acts if act in ("patient.different", "patient.alike")] == [
        "patient.different",
        "patient.alike",
    ]


def test_impossible_judgements(house: House) -> None:
    a = anna(house)
    client = house.client(DESK)
    for first, second, status in ((a.id, a.id, 422), (a.id, 999_999, 404), (0, a.id, 404), (a.id, 10**30, 404)):
        form = {"first": str(first), "second": str(second), "key": f"k{first}-{second}"}
        answer = client.post("/patients/duplicates/different", data=form, headers={"HX-Request": "true"})
        assert answer.status_code == status, (first, second)
    assert db.session.scalars(select(DifferentPeople)).all() == []


def test_a_merged_pair_is_no_pair(house: House) -> None:
    a, b = anna(house), anna(house)
    assert db.session.scalars(select(DuplicatePair)).all()
    house.run(merging.merge, a.id, b.id, {})
    assert db.session.scalars(select(DuplicatePair)).all() == []
    assert "No two cards" in page(house.client(DESK), "/patients/duplicates").text
