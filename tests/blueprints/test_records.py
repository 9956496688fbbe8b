"""The doctor's page of a visit: written, refused, signed, amended, kept while typing; and who never sees a word of it."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from reception import access
from reception.access import Permission
from reception.domain import directory, users
from reception.domain.records import writing
from reception.extensions import db
from reception.models import AccessEntry, Doctor, Draft, MedicalRecord, Role, Visit, VisitStatus
from tests.domain.test_records import know
from tests.factories import HASH, PASSWORD, House
from tests.pages import Page, htmx
from tests.test_access import address

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def doctor(house: House, name: str = "one", *more: Role) -> tuple[FlaskClient, int]:
    """A browser of a doctor with a line of their own, and the doctor's id."""
    user = house.run(users.create_user, name, HASH, name.title(), [Role.DOCTOR, *more])
    row = house.another_doctor(name.title(), user_id=user.id, room_id=house.room.id)
    client = house.client()
    house.app.config["WTF_CSRF_ENABLED"] = False
    assert client.post("/sign-in", data={"username": name, "password": PASSWORD}).status_code == 302
    return client, row.id


def post(client: FlaskClient, path: str, **values: Any) -> Any:
    values.setdefault("key", f"k-{post.count}")  # type: ignore[attr-defined]
    post.count += 1  # type: ignore[attr-defined]
    return client.post(path, data=values, headers=htmx(path))


post.count = 0  # type: ignore[attr-defined]


def record(visit_id: int) -> MedicalRecord:
    db.session.rollback()
    return db.session.scalars(select(MedicalRecord).where(MedicalRecord.visit_id == visit_id)).one()


@ON_SQLITE
def test_a_doctor_writes_signs_prints_and_amends(house: House) -> None:
    know(house)
    client, doctor_id = doctor(house)
    visit = house.visit(VisitStatus.IN_PROGRESS, doctor_id=doctor_id)
    url = f"/queue/visits/{visit.id}/record"
    page = Page(client.get(url).get_data(as_text=True))
    assert page.twice == []
    assert page.one("section", id="record")
    looks = db.session.scalars(select(AccessEntry.how)).all()
    assert looks == ["record"], "it is written down that the record was opened"
    first = record(visit.id).version
    answer = post(client, url, version=first, complaints="Cough", final_code="nope", **{"drug-0": "Tea"})
    assert answer.status_code == 422
    again = Page(answer.get_data(as_text=True))
    assert again.one("textarea", name="complaints").text.strip() == "Cough"
    assert again.one("input", name="drug-0")["value"] == "Tea"
    assert again.one("div", id="final_code-error")
    twice = client.post(url, data={"final_code": ["J06.9", "K35"], "key": "two"}, headers=htmx(url))
    assert twice.status_code == 422, "two final diagnoses"
    assert record(visit.id).version == first
    saved = post(client, url, version=first, complaints="Cough", final_code="j069", **{"drug-0": "Tea", "days-0": "3"})
    assert saved.status_code == 200
    assert "Acute upper respiratory infection" in saved.get_data(as_text=True)
    assert post(client, url, version=first, complaints="Late").status_code == 409
    signed = post(client, url, version=record(visit.id).version, act="sign", notes="Rest")
    assert signed.status_code == 200
    assert Page(signed.get_data(as_text=True)).all("textarea", name="notes") == []
    assert post(client, url, act="sign").status_code == 409, "signing twice"
    assert post(client, f"{url}/amend", amendment="  ").status_code == 422
    assert "By phone" in post(client, f"{url}/amend", amendment="By phone").get_data(as_text=True)
    paper = client.get(f"{url}/prescription").get_data(as_text=True)
    assert "Tea" in paper
    assert "3 days" in paper
    other, _ = doctor(house, "two")
    assert other.get(url).status_code == 200, "another doctor reads"
    assert post(other, f"{url}/amend", amendment="as somebody else").status_code == 403
    assert post(other, url, notes="x").status_code == 403
    assert client.get("/queue/visits/999999/record").status_code == 404


@ON_SQLITE
def test_what_is_typed_is_kept(house: House) -> None:
    client, doctor_id = doctor(house)
    visit = house.visit(VisitStatus.IN_PROGRESS, doctor_id=doctor_id)
    url = f"/queue/visits/{visit.id}/record"
    seen = record(visit.id).version
    kept = post(client, f"{url}/draft", field="notes", text="Half a sen", version=0, seen=seen)
    assert kept.json == {"version": 1}
    page = Page(client.get(url).get_data(as_text=True))
    field = page.one("textarea", name="notes")
    assert (field.text.strip(), field["data-version"]) == ("Half a sen", "1")
    clash = post(client, f"{url}/draft", field="notes", text="Elsewhere", version=0, seen=seen)
    assert (clash.status_code, clash.json["text"], clash.json["version"]) == (409, "Half a sen", 1)
    assert post(client, f"{url}/draft", field="state", text="x").status_code == 422
    assert post(client, url, version=seen, notes="Half a sentence").status_code == 200
    assert db.session.scalars(select(Draft)).all() == []
    late = post(client, f"{url}/draft", field="notes", text="Half a sent", version=1, seen=seen)
    assert (late.status_code, late.json["code"]) == (409, "record-saved"), "a draft that comes after the save"


@ON_SQLITE
def test_vitals_ask_and_treatments_are_ticked_by_a_nurse(house: House) -> None:
    client, doctor_id = doctor(house)
    nurse = house.client(Role.NURSE)
    ecg = house.run(directory.add_service, "ECG", 4_500)
    visit = house.visit(VisitStatus.IN_PROGRESS, doctor_id=doctor_id)
    url = f"/queue/visits/{visit.id}/care"
    assert nurse.get(url).status_code == 200
    assert nurse.get(f"/queue/visits/{visit.id}/record").status_code == 403
    asked = post(nurse, f"{url}/vitals", pulse="210")
    assert asked.status_code == 422
    assert Page(asked.get_data(as_text=True)).one("input", name="sure")
    assert post(nurse, f"{url}/vitals", pulse="2100", sure="1").status_code == 422
    assert post(nurse, f"{url}/vitals", pulse="210", sure="1").status_code == 200
    part = Page(post(nurse, f"{url}/vitals", pulse="120").get_data(as_text=True))
    assert len(part.all("circle")) == 2, "a chart of two values"
    assert post(nurse, f"{url}/treatments", service=ecg.id).status_code == 403
    ordered = Page(post(client, f"{url}/treatments", service=ecg.id).get_data(as_text=True))
    tick = ordered.one("button", role="checkbox")
    done = nurse.post(tick["hx-post"], data=tick.vals, headers=htmx(url))
    assert Page(done.get_data(as_text=True)).one("button", role="checkbox")["aria-checked"] == "true"
    db.session.rollback()
    assert db.session.get_one(Visit, visit.id).payment.total_amount == 12_000 + 4_500


@ON_SQLITE
def test_templates_and_diagnoses(house: House) -> None:
    know(house)
    client, doctor_id = doctor(house)
    visit = house.visit(VisitStatus.IN_PROGRESS, doctor_id=doctor_id)
    url = f"/queue/visits/{visit.id}/record"
    assert post(client, f"{url}/template", template_name="", treatment="Rest").status_code == 422
    assert "Cold" in post(client, f"{url}/template", template_name="Cold", treatment="Rest").get_data(as_text=True)
    option = Page(client.get(url).get_data(as_text=True)).one("option", data_texts=True)
    assert option["data-texts"] == '{"treatment": "Rest"}'
    assert post(client, f"/record-templates/{option['value']}/forget").status_code == 200
    found = Page(client.post("/diagnoses", data={"q": "acute resp"}).get_data(as_text=True))
    assert [one["data-code"] for one in found.all("div", data_code=True)] == ["J06", "J06.9"]


@ON_SQLITE
def test_the_history_of_a_person(house: House) -> None:
    know(house)
    client, doctor_id = doctor(house)
    visit = house.visit(VisitStatus.IN_PROGRESS, doctor_id=doctor_id)
    url = f"/queue/visits/{visit.id}/record"
    post(client, url, act="sign", final_code="K35", treatment="Operation")
    past = f"/patients/{visit.patient_id}/history"
    assert "Acute appendicitis" in client.get(past).get_data(as_text=True)
    assert "Operation" in client.post(past, data={"q": "appendicitis"}).get_data(as_text=True)
    assert "Operation" not in client.post(past, data={"q": "cholera"}).get_data(as_text=True)


# ---------------------------------------------------------------------------------------------------- canary words

CANARIES = {
    "complaints": "zzcomplaintcanary", "treatment": "zztreatmentcanary", "notes": "zznotecanary",
    "sick_leave_number": "ZZLEAVECANARY",
}  # fmt: skip
REST = ("zzdrugcanary", "zzdosecanary", "zztimescanary", "zzamendmentcanary", "zzdraftcanary", "zztemplatecanary",
        "Q77.7", "q77 7", "2031-03-03", "2031-03-04", "61.37 kg")  # fmt: skip


def words_of(body: bytes) -> str:
    """The text of an answer; of a workbook the text of its parts."""
    if not body.startswith(b"PK"):
        return body.decode("utf-8", "replace")
    with zipfile.ZipFile(io.BytesIO(body)) as found:
        return " ".join(found.read(name).decode("utf-8", "replace") for name in found.namelist())


@ON_SQLITE
def test_no_other_role_gets_a_word_of_a_record(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Words that stand nowhere else in every field of records (signed and not), over every route as every role."""
    caplog.set_level(0)
    client, doctor_id = doctor(house)
    values = CANARIES | {
        "final_code": "Q77.7", "initial_code": "Q77.7", "arrival_code": "Q77.7",
        "sick_leave_from": "2031-03-03", "sick_leave_to": "2031-03-04",
        "drug-0": "zzdrugcanary", "dose-0": "zzdosecanary", "times-0": "zztimescanary", "days-0": "7",
    }  # fmt: skip
    first = house.visit(VisitStatus.IN_PROGRESS, doctor_id=doctor_id)
    url = f"/queue/visits/{first.id}/record"
    assert post(client, url, act="sign", **values).status_code == 200
    assert post(client, f"{url}/amend", amendment="zzamendmentcanary").status_code == 200
    house.move(db.session.get_one(Visit, first.id), "finish")
    visit = house.visit(VisitStatus.IN_PROGRESS, doctor_id=doctor_id)
    url = f"/queue/visits/{visit.id}/record"
    assert post(client, url, **values).status_code == 200
    assert post(client, f"{url}/draft", field="notes", text="zzdraftcanary", version=0).status_code == 200
    assert post(client, f"{url}/template", template_name="T", notes="zztemplatecanary").status_code == 200
    assert post(client, f"/queue/visits/{visit.id}/care/vitals", weight="61.37").status_code == 200
    shown = client.get(url).get_data(as_text=True) + client.get(f"/queue/visits/{first.id}/record").get_data(
        as_text=True
    )
    words = [*CANARIES.values(), *REST[:6], REST[6], REST[8], REST[10]]
    assert [word for word in words if word not in shown] == [], "the doctor sees all of it"
    with house.app.app_context():
        db.session.rollback()
    values_of = {
        "visit_id": first.id, "patient_id": first.patient_id, "doctor_id": doctor_id, "payment_id": first.payment.id,
        "clinic_id": house.clinic.id, "service_id": house.service.id,
    }  # fmt: skip
    blind = [set(Role) - {Role.DOCTOR, Role.NURSE}, {Role.NURSE}]
    asked = 0
    for roles in (*({role} for role in sorted(blind[0])), blind[0], blind[1]):
        browser, token = house.client(*sorted(roles)), house.token(*sorted(roles))
        allowed = {"61.37 kg"} if Role.NURSE in roles else set()
        for rule in house.app.url_map.iter_rules():
            if rule.endpoint == "static":
                continue
            permission = access.permission_of(house.app, rule.endpoint)
            reads = getattr(house.app.view_functions[rule.endpoint], "reads", False)
            if Role.NURSE in roles and permission is Permission.CARE and rule.endpoint != "care.show":
                continue
            for ident in (first, visit):
                own = values_of | {"visit_id": ident.id, "patient_id": ident.patient_id}
                path = address(rule, own)
                methods = sorted((rule.methods or set()) & ({"GET", "POST"} if reads else {"GET"}))
                for method in methods:
                    heads = token if path.startswith("/api/") else {}
                    data = {"q": "zznotecanary"} if method == "POST" else None
                    answer = browser.open(path, method=method, headers=heads, data=data)
                    text = words_of(answer.get_data())
                    if method == "POST":
                        text = text.replace("zznotecanary", "", 5) if permission is not Permission.RECORD else text
                    found = [w for w in (*CANARIES.values(), *REST) if w in text and w not in allowed]
                    assert found == [], f"{sorted(roles)} at {method} {path}: {found}"
                    asked += 1
    assert asked > 500
    logged = " ".join(entry.getMessage() for entry in caplog.records if entry.name.startswith("reception"))
    assert [word for word in (*CANARIES.values(), *REST[:6]) if word in logged] == []
    assert writing.TEXTS.keys() == CANARIES.keys(), "a new field of the record needs its canary"


@ON_SQLITE
def test_the_audit_knows_no_content(house: House) -> None:
    from reception.models import AuditEntry, FieldHistory

    client, doctor_id = doctor(house)
    visit = house.visit(VisitStatus.IN_PROGRESS, doctor_id=doctor_id)
    days = {"sick_leave_from": "2031-03-03", "sick_leave_to": "2031-03-04"}
    post(client, f"/queue/visits/{visit.id}/record", act="sign", final_code="Q77.7", **CANARIES, **days)
    db.session.rollback()
    told = str([entry.fields for entry in db.session.scalars(select(AuditEntry))])
    told += str([(h.old, h.new) for h in db.session.scalars(select(FieldHistory))])
    assert [word for word in (*CANARIES.values(), "Q77.7", "2031-03") if word in told] == []
    assert db.session.get_one(Doctor, doctor_id)
