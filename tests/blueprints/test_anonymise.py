"""Making a card anonymous over its page: the number, a reason, one's own password; then a card without a person."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from reception.domain import closing
from reception.domain.visits import moves
from reception.extensions import db
from reception.models import AuditEntry, Patient, Role
from tests.factories import PASSWORD, House
from tests.pages import htmx

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def test_it_takes_number_reason_and_password(house: House) -> None:
    person = house.patient("Canarova", first_name="Canarina")
    path, manager = f"/patients/{person.id}/anonymise", house.client(Role.MANAGER)
    page = manager.get(path, headers=htmx()).get_data(as_text=True)
    assert "Canarova" in page
    right = {"card_no": person.card_no, "reason": "request", "password": PASSWORD}
    for number, wrong in enumerate((
        {"card_no": ""}, {"card_no": "999999"}, {"reason": ""}, {"reason": "fun"}, {"password": ""}, {"password": "no"},
    )):  # fmt: skip
        answer = manager.post(path, data={**right, **wrong, "key": f"k{number}"}, headers=htmx())
        assert answer.status_code == 422, wrong
        assert 'aria-invalid="true"' in answer.get_data(as_text=True), wrong
        assert PASSWORD not in answer.get_data(as_text=True)
    assert db.session.get_one(Patient, person.id).anonymised_at is None
    answer = manager.post(path, data={**right, "key": "k"}, headers=htmx())
    assert answer.headers["HX-Redirect"] == f"/patients/{person.id}"
    page = manager.get(f"/patients/{person.id}").get_data(as_text=True)
    assert "Anonymous" in page
    assert "Canar" not in page
    assert f"/patients/{person.id}/edit" not in page
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "patient.anonymise")).one()
    assert entry.fields["why"] == "request"
    assert "Canar" not in str(entry.fields)


def test_what_becomes_of_an_unpaid_bill_is_said_before(house: House) -> None:
    visit = house.visit("PENDING_PAYMENT")
    manager, path = house.client(Role.MANAGER), f"/patients/{visit.patient_id}/anonymise"
    page = manager.get(path, headers=htmx()).get_data(as_text=True)
    assert "120.00 of this patient's bills are not paid. They stay open under the card number alone" in page
    house.run(moves.move, visit.id, "owe", reason="Left the wallet at home")
    values = {"card_no": visit.patient.card_no, "reason": "request", "password": PASSWORD, "key": "k"}
    manager.post(path, data=values, headers=htmx())
    assert db.session.get_one(Patient, visit.patient_id).anonymised_at is not None
    assert closing.owed_amount([visit.patient_id]) == 12_000
    free = house.patient()
    page = manager.get(f"/patients/{free.id}/anonymise", headers=htmx()).get_data(as_text=True)
    assert "bills are not paid" not in page


def test_who_may(house: House) -> None:
    person = house.patient("Canarova")
    for role in (Role.RECEPTIONIST, Role.DOCTOR, Role.NURSE, Role.CASHIER):
        assert house.client(role).get(f"/patients/{person.id}/anonymise").status_code == 403
    assert house.client(Role.ADMIN).get(f"/patients/{person.id}/anonymise").status_code == 200
    assert house.client(Role.ADMIN).get("/patients/99999/anonymise").status_code == 404
