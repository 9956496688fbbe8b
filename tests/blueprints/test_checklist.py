"""What is asked at check-in: consents and needs, shown where somebody handles the patient; vitals written, not read."""

from __future__ import annotations

from typing import Any

import pytest

from reception.domain import checklists, consents, needs, patients
from reception.domain.errors import Invalid, NotAllowed, NotPossible, Stale
from reception.extensions import db
from reception.models import AuditEntry, Consent, Role, Visit, VisitStatus
from tests.factories import House
from tests.pages import Page, htmx

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def page(answer: Any) -> Page:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return Page(answer.get_data(as_text=True))


@ON_SQLITE
def test_consents_that_nobody_asked_for_are_asked_at_check_in(house: House) -> None:
    visit = house.booked().visit
    desk = house.client(Role.RECEPTIONIST)
    url = f"/queue/visits/{visit.id}/check-in"
    toast = page(desk.post(url, data={"key": "a", "version": visit.version}, headers=htmx())).one(data_toast=True)
    assert "Ask for 2 consents" in toast.text
    [link] = [e for e in toast.inside if e.get("hx-get")]
    form = page(desk.get(link["hx-get"], headers=htmx()))
    key = form.one("input", name="key")["value"]
    wish = {
        "key": key, "agree-PERSONAL_DATA": "yes", "agree-TREATMENT": "no", "special_needs": "Wheelchair",
        "alerts": "Penicillin allergy", "identity_verified": "y", "temperature": "37,2", "blood_pressure": "120 / 80",
        "complaints": "a rash",
    }  # fmt: skip
    for _ in range(2):
        assert desk.post(link["hx-get"], data=wish, headers=htmx()).status_code == 200
    found = db.session.get_one(Visit, visit.id)
    assert (found.identity_verified, found.rules_explained, found.consent_signed) == (True, False, False)
    assert (found.temperature, found.blood_pressure, found.complaints) == ("37.2", "120/80", "a rash")
    assert found.patient.special_needs == "Wheelchair"
    said = db.session.query(Consent).order_by(Consent.id).all()
    assert [(row.kind, row.is_given) for row in said] == [("PERSONAL_DATA", True), ("TREATMENT", False)]
    assert consents.to_ask(found.patient) == []
    again = page(desk.get(link["hx-get"], headers=htmx()))
    for told in ("a rash", "37.2"):
        assert told not in again.text, "the desk writes it and does not read it"
    assert "Something is written already" in again.text
    assert "Agreed before: Processing of personal data" in again.text
    assert page(house.client(Role.NURSE).get(link["hx-get"], headers=htmx())).one("textarea").text.strip() == "a rash"


def test_what_is_left_empty_stays(house: House) -> None:
    visit = house.visit()
    house.run(checklists.fill_in, visit.id, temperature="36.6", complaints="a rash", agreed={"TREATMENT": True})
    house.run(checklists.fill_in, visit.id, agreed={"PERSONAL_DATA": True}, ticks={"identity_verified": True})
    found = db.session.get_one(Visit, visit.id)
    assert (found.temperature, found.complaints, found.consent_signed) == ("36.6", "a rash", True)
    entry = db.session.query(AuditEntry).filter_by(action="visit.checklist").order_by(AuditEntry.id).first()
    assert entry is not None
    assert "rash" not in str(entry.fields)


@ON_SQLITE
def test_bad_answers_change_nothing(house: House) -> None:
    visit = house.visit()
    for wish in (
        {"temperature": "366"}, {"temperature": "١"}, {"temperature": "12"}, {"temperature": "45.1"}, {"blood_pressure": "high"},
        {"agreed": {"SOUL": True}}, {"complaints": "x" * 5001}, {"card": {"special_needs": "x" * 10_000}},
    ):  # fmt: skip
        with pytest.raises(Invalid):
            house.run(checklists.fill_in, visit.id, **{"agreed": {"TREATMENT": True}} | wish)
    assert db.session.query(Consent).count() == 0
    with pytest.raises(Stale):
        house.run(checklists.fill_in, visit.id, version=visit.version + 1)
    with pytest.raises(NotAllowed):
        house.run(checklists.fill_in, visit.id, actor=house.person(Role.CASHIER))
    with pytest.raises(NotPossible):
        house.run(checklists.fill_in, house.visit(VisitStatus.CANCELLED).id)
    desk = house.client(Role.RECEPTIONIST)
    url = f"/queue/visits/{visit.id}/checklist"
    answer = desk.post(url, data={"key": "k", "temperature": "366"}, headers=htmx())
    assert answer.status_code == 422
    assert "Write degrees such as 36.6." in answer.get_data(as_text=True)


@ON_SQLITE
def test_needs_stand_on_the_rows(house: House) -> None:
    """A picture with its word, where the desk and the queue handle the patient; the word is not the colour's."""
    patient = house.patient(alerts="Allergic to penicillin", special_needs="Нужен переводчик, инвалидная коляска")
    house.booked(patient)
    house.visit(patient=house.patient(special_needs="Hard of hearing"))
    desk = page(house.client(Role.RECEPTIONIST).get("/"))
    words = [e.text for e in desk.elements if (e.get("class") or "").startswith("rx-need ")]
    assert words == ["Allergy", "Wheelchair", "Interpreter", "Needs"]
    house.run(patients.change, patient.id, alerts="", special_needs="")
    assert needs.of(db.session.get_one(type(patient), patient.id)) == []
