"""The screens of the whole card: the full form, places, guardians, questionnaire, consents, questions in the settings."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import func, select

from reception.domain import consents, patients, questionnaires
from reception.extensions import db
from reception.models import AccessEntry, AuditEntry, Consent, District, Patient, QuestionnaireAnswer, Region, Role
from tests.factories import House
from tests.pages import Page, htmx, parts

DESK = Role.RECEPTIONIST
HTML = "<script>alert(1)</script>"


def page(client: FlaskClient, path: str, status: int = 200, **headers: str) -> Page:
    answer = client.get(path, headers=headers)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return Page(answer.get_data(as_text=True))


def post(client: FlaskClient, path: str, data: dict[str, Any], status: int = 200, part: bool = True) -> Page:
    answer = client.post(path, data=data, headers=htmx() if part else {})
    html = answer.get_data(as_text=True)
    assert answer.status_code == status, html
    found = Page(html)
    found.headers = answer.headers  # type: ignore[attr-defined]
    found.toasts = parts(html).get("toasts", Page("")).text  # type: ignore[attr-defined]
    return found


def count(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def chosen(found: Page, name: str) -> list[str]:
    return [option.text.strip() for option in found.one("select", name=name).inside if option.tag == "option"]


def with_places() -> None:
    db.session.add_all(
        [Region(code="17", country="UZ", names={"en": "Tashkent", "ru": "Ташкент"}),
         Region(code="18", country="UZ", names={"en": "Fergana"})]
    )  # fmt: skip
    db.session.flush()
    db.session.add(District(code="17a", region_code="17", names={"en": "Olmazor"}))
    db.session.add(District(code="18a", region_code="18", names={"en": "Kokand"}))
    db.session.commit()


def test_registering_in_full(house: House) -> None:
    """Every section in one act; each fault at its field, what was typed stays; once, however often it is sent."""
    with_places()
    client = house.client(DESK)
    mother = house.patient("Ivanova", first_name="Anna", phone="0171 2345678")
    form = page(client, "/patients/full")
    key = form.one("input", name="key")["value"]
    assert [e.text.strip() for e in form.all("h2")][:3] == ["Person", "Contact", "Guardian"]
    assert len(chosen(form, "region_code")) == 3
    assert form.all("select", name="district_code") == []
    assert "Uzinfocom" in form.text
    data = {
        "key": key, "last_name": "Ivanov", "first_name": HTML, "date_of_birth": "2026-11-01", "gender": "MALE",
        "gestational_age_weeks": "38", "guardian_id": str(mother.id), "phone": "0171 2345678", "document_type": "PASSPORT",
        "document_number": "AB 12", "country": "UZ", "region_code": "17", "district_code": "17a", "address": "Navoi 1",
        "insurance_type": "STATE", "insurer": "AOK", "policy_number": "P1", "alerts": "Latex", "special_needs": "Wheelchair",
        "medical_history": "Asthma", "referred_by_id": str(mother.id), "additional_info": "note",
        "consent-TREATMENT": "yes", "consent-MESSAGES": "no", "consent-PHOTOGRAPHS": "",
    }  # fmt: skip
    foreign = House.open(house.app, "Hillside").patient("Foreign")
    before = (count(Patient), count(AuditEntry))
    for field, value, status in (
        ("last_name", " ", 422), ("first_name", "x" * 10_000, 422), ("date_of_birth", "2027-01-01", 422),
        ("date_of_birth", "1880-01-01", 422), ("district_code", "18a", 422), ("region_code", "nowhere", 422),
        ("guardian_id", str(foreign.id), 422), ("guardian_id", "x", 422), ("referred_by_id", "9" * 30, 422),
        ("gestational_age_weeks", "12", 422), ("gestational_age_weeks", "x", 422), ("document_type", "", 422),
        ("document_type", "NAPKIN", 422), ("phone", "90 123 45 67", 422), ("country", "XX", 422),
        ("insurance_type", HTML, 422), ("medical_history", "x" * 10_000, 422),
    ):  # fmt: skip
        told = post(client, "/patients/full", data | {field: value}, status)
        assert told.one(id=f"{field}-error").text.strip().endswith("."), (field, value)
        assert told.one("input", name="address")["value"] == "Navoi 1"
        assert told.one("input", name="consent-TREATMENT", value="yes").get("checked") is not None
    assert (count(Patient), count(AuditEntry)) == before
    for _ in range(2):
        done = post(client, "/patients/full", data)
    row = db.session.scalars(select(Patient).where(Patient.last_name == "Ivanov")).one()
    assert done.headers["HX-Redirect"] == f"/patients/{row.id}"  # type: ignore[attr-defined]
    assert (row.guardian_id, row.phone, row.district_code, row.gestational_age_weeks) == (mother.id, None, "17a", 38)
    assert [(c.kind, c.is_given) for c in db.session.scalars(select(Consent).order_by(Consent.id))] == [
        ("TREATMENT", True), ("MESSAGES", False),
    ]  # fmt: skip
    card = page(client, f"/patients/{row.id}?tab=details")
    for words in ("Ivanova, Anna", "0171 2345678", "Olmazor", "Tashkent", "Passport", "AB12", "AOK", "Asthma", "38",
                  "Ask for consent:", "Wheelchair"):  # fmt: skip
        assert words in card.text, words
    assert "In the care of this patient" in page(client, f"/patients/{mother.id}?tab=details").text
    for role in (Role.MANAGER, Role.CASHIER):
        assert "Asthma" not in page(house.client(role), f"/patients/{row.id}?tab=details").text
    again = page(client, f"/patients/{row.id}/edit")
    assert again.one("input", name="guardian_id")["value"] == str(mother.id)
    assert again.all("textarea", name="medical_history")
    assert page(house.client(Role.MANAGER), f"/patients/{row.id}/edit").all("textarea", name="medical_history") == []
    post(client, f"/patients/{row.id}", {"key": "k", "version": str(row.version), "last_name": "Petrov"})
    assert (row.last_name, row.insurer, row.district_code) == ("Petrov", "AOK", "17a")  # what was not sent stays
    changes = page(client, f"/patients/{row.id}?tab=changes")
    assert "Ivanov" in changes.text


def test_places_follow_one_another(house: House) -> None:
    with_places()
    client = house.client(DESK)
    part = post(client, "/patients/places", {"region_code": "17"})
    assert chosen(part, "district_code") == ["", "Olmazor"]
    assert next(o for o in part.one("select", name="country").inside if "selected" in o.attrs)["value"] == "UZ"
    other = post(client, "/patients/places", {"region_code": "18", "district_code": "17a"})
    assert chosen(other, "district_code") == ["", "Kokand"]
    assert not [o for o in other.one("select", name="district_code").inside if o.get("value") == "17a"]
    abroad = post(client, "/patients/places", {"country": "DE", "region_code": "17"})
    assert abroad.all("select", name="region_code") == []


def test_choosing_a_guardian_by_typing(house: House) -> None:
    """Options by name, the chosen card in its place, the way from a phone that is registered already."""
    mother, client = house.patient("Ivanova", phone="0171 2345678"), house.client(DESK)
    options = post(client, "/patients/people", {"field": "guardian_id", "q-guardian_id": "ivan"})
    option = options.one("div", role="option")
    assert (option["id"], option.vals) == (
        f"guardian_id-{mother.id}", {"field": "guardian_id", "patient_id": mother.id},
    )  # fmt: skip
    none = post(client, "/patients/people", {"field": "guardian_id", "q-guardian_id": "ivan", "own": str(mother.id)})
    assert none.all("div", hx_post=True) == []
    picked = post(client, "/patients/picked", {"field": "guardian_id", "patient_id": str(mother.id)})
    assert picked.one("input", name="guardian_id")["value"] == str(mother.id)
    assert post(client, "/patients/picked", {"field": "guardian_id"}).one("input", id="guardian_id-q")
    post(client, "/patients/picked", {"field": "guardian_id", "patient_id": str(10**9)}, 404)
    told = post(client, "/patients/full", {"key": "k", "last_name": "Child", "phone": "0171 2345678"}, 409)
    offer = next(e for e in told.all("button") if e.text.strip() == "This is the guardian")
    assert offer.vals == {"field": "guardian_id", "patient_id": mother.id}


def test_the_questionnaire_page(house: House) -> None:
    """Asked, answered, kept with its version; who may not read it does not; refusals stand at their question."""
    row, client = house.patient("Known"), house.client(DESK)
    path = f"/patients/{row.id}/questionnaire"
    form = page(client, path)
    assert [e.how for e in db.session.scalars(select(AccessEntry))] == ["questionnaire"]
    data = {"key": "k-1", "seen": "0", "version_no": "0", "q-smoking": "yes", "q-allergies": HTML, "other_notes": "n"}
    assert form.one("textarea", name="other_notes")
    for wrong, field in (({"q-smoking": "maybe"}, "q-smoking"), ({"q-allergies": "x" * 10_000}, "q-allergies"),
                         ({"other_notes": "x" * 10_000}, "other_notes")):  # fmt: skip
        told = post(client, path, data | wrong, 422)
        assert told.one(id=f"{field}-error").text.strip().endswith(".")
    assert count(QuestionnaireAnswer) == 0
    done = post(client, path, data)
    assert "tab=details" in done.headers["HX-Redirect"]  # type: ignore[attr-defined]
    seen = page(client, f"/patients/{row.id}?tab=details")
    assert HTML in seen.text
    assert seen.all("script", src=False) == []
    assert page(client, path).one("input", name="q-smoking", value="yes").get("checked") is not None
    stale = post(client, path, data | {"key": "k-2", "version_no": "1"}, 409)
    assert "Look at it again" in stale.text
    for role in (Role.MANAGER, Role.CASHIER, Role.ADMIN):
        page(house.client(role), path, 403)
    page(client, f"/patients/{House.open(house.app, 'Hillside').patient('F').id}/questionnaire", 404)
    # The questions, in the settings.
    manager = house.client(Role.MANAGER)
    lines = {"q-key": ["", ""], "label": ["Weight", HTML], "type": ["number", "choice"], "choices": ["", "a\nb"]}
    more = post(manager, "/settings/questionnaire/form", lines | {"act": "add", "key": "k"})
    assert len(more.all("input", name="label")) == 3
    turned = post(manager, "/settings/questionnaire/form", lines | {"act": "up-1", "key": "k"})
    assert [e["value"] for e in turned.all("input", name="label")] == [HTML, "Weight"]
    assert len(post(manager, "/settings/questionnaire/form", lines | {"act": "drop-0"}).all("input", name="label")) == 1
    bad = post(manager, "/settings/questionnaire", lines | {"choices": ["", "a"], "seen": "1", "key": "k-3"}, 422)
    assert bad.one(id="line-1-error").text.strip().endswith(".")
    saved = post(manager, "/settings/questionnaire", lines | {"seen": "1", "key": "k-4"})
    assert "Version 2" in saved.toasts  # type: ignore[attr-defined]
    assert len(questionnaires.current(house.clinic.id).questions) == 2  # type: ignore[union-attr]
    post(manager, "/settings/questionnaire", lines | {"seen": "1", "key": "k-5"}, 409)
    page(client, "/settings/questionnaire", 403)


def test_consents_on_the_card(house: House) -> None:
    """One press each; the undo of a row that is only added is another row."""
    row, client = house.patient("Known"), house.client(DESK)
    card = page(client, f"/patients/{row.id}")
    ask = next(e for e in card.all("button") if e.text.strip() == "Examination and treatment")
    for _ in range(2):
        done = post(client, ask["hx-post"], ask.vals)
    assert "Agrees: Examination and treatment" in done.toasts  # type: ignore[attr-defined]
    assert count(Consent) == 1
    card = page(client, f"/patients/{row.id}?tab=details")
    back = next(e for e in card.all("button") if e.text.strip() == "Takes it back")
    post(client, back["hx-post"], back.vals)
    assert [c.is_given for c in db.session.scalars(select(Consent).order_by(Consent.id))] == [True, False]
    assert "What was said before" in page(client, f"/patients/{row.id}?tab=details").text
    post(client, f"/patients/{row.id}/consents/give", {"kind": "ALL", "key": "k"}, 422)
    post(house.client(Role.CASHIER), f"/patients/{row.id}/consents/give", {"kind": "TREATMENT", "key": "k"}, 403)
    house.run(patients.change, row.id, special_needs="Interpreter")
    assert not consents.to_ask(row) or "Interpreter" in page(client, f"/patients/{row.id}").text


def test_over_json(house: House) -> None:
    """The new fields are taken and given; what may not be read is null; refusals name their field."""
    with_places()
    mother, headers = house.patient("Ivanova"), house.token(DESK)
    body = {"first_name": "A", "last_name": "B", "date_of_birth": "2020-01-01", "gender": "MALE",
            "guardian_id": mother.id, "district_code": "17a", "document_type": "PASSPORT", "document_number": "a 1",
            "medical_history": "Asthma", "insurer": "AOK", "gestational_age_weeks": 30}  # fmt: skip
    client = house.client()
    made = client.post("/api/v1/patients", json=body, headers=headers | house.key())
    assert made.status_code == 201, made.json
    assert {name: made.json[name] for name in ("guardian_id", "region_code", "country", "document_number",
                                               "medical_history")} == {
        "guardian_id": mother.id, "region_code": "17", "country": "UZ", "document_number": "A1",
        "medical_history": "Asthma"}  # fmt: skip
    path = f"/api/v1/patients/{made.json['id']}"
    assert client.get(path, headers=house.token(Role.CASHIER)).json["medical_history"] is None
    for values, field in (({"district_code": "18a", "region_code": "17"}, "district_code"), ({"guardian_id": 10**9},
        "guardian_id"), ({"guardian_id": made.json["id"]}, "guardian_id"), ({"medical_history": "x" * 10_000},
        "medical_history"), ({"gestational_age_weeks": 1}, "gestational_age_weeks")):  # fmt: skip
        told = client.patch(path, json=values, headers=headers | house.key())
        assert (told.status_code, list(told.json["errors"])) == (422, [field]), told.json
    told = client.patch(path, json={"medical_history": ""}, headers=house.token(Role.MANAGER) | house.key())
    assert told.status_code == 403
