"""The pages of a merge: the other card, both side by side, what is told when it cannot be, the way back."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from reception.domain import patients
from reception.extensions import db
from reception.models import AccessEntry, Patient, PatientMerge, Role, VisitStatus
from tests.factories import House
from tests.pages import Page, htmx

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
pytestmark = ON_SQLITE


def pair(house: House) -> tuple[Patient, Patient]:
    kept = house.patient("Ivanova", first_name="Maria", phone="0171 2345678", date_of_birth=date(1980, 5, 4))
    house.later(minutes=1)
    gone = house.patient("Ivanowa", first_name="Maria", address="Lindenstr. 5", alerts="<b>Nuts</b>")
    return kept, gone


def looks(how: str) -> set[int | None]:
    return set(db.session.scalars(select(AccessEntry.patient_id).where(AccessEntry.how == how)))


def test_from_the_card_to_one_card_and_back(house: House) -> None:
    kept, gone = pair(house)
    house.visit(VisitStatus.COMPLETED, patient=gone)
    desk = house.client(Role.RECEPTIONIST)
    page = desk.get(f"/patients/{kept.id}").get_data(as_text=True)
    assert f"/patients/{kept.id}/merge" in page
    found = desk.get(f"/patients/{kept.id}/merge", headers=htmx()).get_data(as_text=True)
    assert f"/patients/{kept.id}/merge/{gone.id}" in found  # somebody of the same name is offered at once
    found = desk.post(f"/patients/{kept.id}/merge/find", data={"q": gone.card_no}).get_data(as_text=True)
    assert f"/patients/{kept.id}/merge/{gone.id}" in found

    answer = desk.get(f"/patients/{kept.id}/merge/{gone.id}")
    shown = Page(answer.get_data(as_text=True))
    assert answer.status_code == 200
    assert looks("merge") == {kept.id, gone.id}
    chosen = {e["name"]: e["value"] for e in shown.all("input") if e.get("type") == "radio" and "checked" in e.attrs}
    assert chosen == {"take-last_name": "gone", "take-address": "gone", "take-alerts": "gone"}
    assert "&lt;b&gt;Nuts&lt;/b&gt;" in answer.get_data(as_text=True)
    hidden = {e["name"]: e["value"] for e in shown.all("input") if e.get("type") == "hidden" and e.get("name")}
    answer = desk.post(f"/patients/{kept.id}/merge/{gone.id}", data={**hidden, **chosen, "take-last_name": "kept"})
    assert (answer.status_code, answer.location) == (303, f"/patients/{kept.id}?tab=changes")
    again = desk.post(f"/patients/{kept.id}/merge/{gone.id}", data={**hidden, **chosen, "take-last_name": "kept"})
    assert again.status_code == 303
    merge = db.session.scalars(select(PatientMerge)).one()
    row = db.session.get_one(Patient, kept.id)
    assert (row.last_name, row.address, row.alerts) == ("Ivanova", "Lindenstr. 5", "<b>Nuts</b>")

    moved = desk.get(f"/patients/{gone.id}")
    assert (moved.status_code, moved.location) == (302, f"/patients/{kept.id}?tab=visits")
    changes = desk.get(f"/patients/{kept.id}?tab=changes").get_data(as_text=True)
    assert f"/patients/merges/{merge.id}/undo" in changes
    told = desk.post(
        f"/patients/merges/{merge.id}/undo", data={"key": f"{merge.ref}.undo"}, headers=htmx(f"/patients/{kept.id}")
    )
    assert told.status_code == 200
    assert "rx:patient" in told.headers["HX-Trigger"]
    assert db.session.get_one(Patient, gone.id).merged_into_id is None


def test_what_is_told_when_it_cannot_be(house: House) -> None:
    """Itself, another clinic's, unknown, changed meanwhile, in the queue twice: a sentence, a status, nothing done."""
    kept, gone = pair(house)
    foreign = House.open(house.app, "Hillside").patient("Foreign")
    desk = house.client(Role.RECEPTIONIST)
    for ids, status in (
        ((kept.id, kept.id), 422), ((kept.id, foreign.id), 404), ((foreign.id, kept.id), 404), ((kept.id, 10**9), 404),
    ):  # fmt: skip
        path = "/patients/{}/merge/{}".format(*ids)
        assert desk.get(path).status_code == status, ids
        assert desk.post(path, data={"key": f"k-{ids}"[:80].replace(" ", "")}).status_code in (status, 400), ids
    stale = {"key": "stale", "kept_version": "99", "gone_version": str(gone.version)}
    answer = desk.post(f"/patients/{kept.id}/merge/{gone.id}", data=stale)
    assert answer.status_code == 409
    assert "was changed meanwhile" in answer.get_data(as_text=True)
    house.visit(patient=kept)
    house.visit(patient=gone)
    page = desk.get(f"/patients/{kept.id}/merge/{gone.id}").get_data(as_text=True)
    assert "A-001" in page
    assert "A-002" in page
    assert "disabled" in page
    answer = desk.post(f"/patients/{kept.id}/merge/{gone.id}", data={"key": "queue", "take-phone": "kept"})
    assert answer.status_code == 409
    answer = desk.post(f"/patients/{kept.id}/merge/{gone.id}", data={"key": "x", "take-phone": "both"})
    assert answer.status_code == 409  # the clash comes first
    assert db.session.scalar(select(func.count()).select_from(PatientMerge)) == 0


def test_the_api_tells_the_card_that_stays(house: House) -> None:
    kept, gone = pair(house)
    visit = house.visit(VisitStatus.COMPLETED, patient=gone)
    desk, headers = house.client(Role.RECEPTIONIST), house.token(Role.RECEPTIONIST, Role.ADMIN)
    assert desk.post(f"/patients/{kept.id}/merge/{gone.id}", data={"key": "m"}).status_code == 303
    api = house.app.test_client(use_cookies=False)

    def ask(path: str) -> dict:  # type: ignore[type-arg]
        return api.get(f"/api/v1{path}", headers=headers).get_json()

    assert ask(f"/patients/{gone.id}")["id"] == kept.id
    assert [row["id"] for row in ask("/patients?q=Ivanowa")["items"]] == [kept.id]
    assert gone.id not in [row["id"] for row in ask("/patients")["items"]]
    assert [row["id"] for row in ask(f"/visits?patient={gone.id}")["items"]] == [visit.id]
    assert {row["patient_id"] for row in ask(f"/ledger?payment={visit.payment.id}")["items"]} == {kept.id}
    answer = api.patch(f"/api/v1/patients/{gone.id}", json={"last_name": "X"}, headers={**headers, **house.key()})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "merged")
    assert answer.get_json()["link"] == f"/api/v1/patients/{kept.id}"


def test_who_may_merge(house: House) -> None:
    kept, gone = pair(house)
    for role in (Role.DOCTOR, Role.NURSE, Role.CASHIER):
        client = house.client(role)
        assert client.get(f"/patients/{kept.id}/merge/{gone.id}").status_code == 403
        assert "/merge" not in client.get(f"/patients/{kept.id}").get_data(as_text=True)


def test_a_guest_becomes_part_of_the_known_card(house: House) -> None:
    """From the guest's card the known one is offered as the one that stays; the ticket goes with it."""
    known, guest = house.patient("Known", first_name="Kim"), house.run(patients.guest)
    visit = house.visit(patient=guest)
    desk = house.client(Role.RECEPTIONIST)
    found = desk.post(f"/patients/{guest.id}/merge/find", data={"q": "known"}).get_data(as_text=True)
    assert f"/patients/{known.id}/merge/{guest.id}" in found
    assert desk.post(f"/patients/{known.id}/merge/{guest.id}", data={"key": "g"}).status_code == 303
    db.session.refresh(visit)
    assert visit.patient_id == known.id
    assert "Known" in desk.get("/").get_data(as_text=True)
