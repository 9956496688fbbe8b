"""Filters as chips, kept searches, the order of the list, and the result as a table that leaves the house."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select

from reception.domain import patients
from reception.extensions import db
from reception.models import AuditEntry, Patient, Role, SavedSearch
from tests.blueprints.test_patients import names, page, post
from tests.factories import PASSWORD, House
from tests.pages import Page, htmx

DESK = Role.RECEPTIONIST


def search(client: FlaskClient, **values: Any) -> Page:
    return post(client, "/patients/search", values, 200)


def chips(found: Page) -> list[str]:
    return [e.text.strip() for e in found.all("button", name="without") if "rx-chip" in (e.get("class") or "")]


def test_filters_as_chips(house: House) -> None:
    """Combined with each other and with text; each is taken away by its chip; what makes no sense says so."""
    for number, gender in enumerate(["FEMALE", "FEMALE", "MALE"]):
        house.patient(f"Smith{number}", gender=gender, special_needs="Wheelchair" if number else "")
    house.booked(house.patient("Jones", gender="FEMALE"))
    client = house.client(DESK)
    found = search(client, gender="FEMALE")
    assert (names(found), chips(found)) == (["Jones", "Smith0", "Smith1"], ["female"])
    assert "3 patients" in found.text
    both = search(client, gender="FEMALE", needs="1", q="smith")
    assert (names(both), chips(both)) == (["Smith1"], ["female", "Has special needs"])
    chip = next(e for e in both.all("button", name="without") if e["value"] == "needs")
    form = {e["name"]: e["value"] for e in both.all("input", name=True) if e.get("form") is None}
    fewer = post(client, "/patients/search", form | {"without": chip["value"]}, 200)
    assert sorted(names(fewer)) == ["Smith0", "Smith1"]
    answer = client.post(
        "/patients/search", data=form | {"without": "all"}, headers=htmx() | {"HX-Target": "div#registry"}
    )
    whole = Page(answer.get_data(as_text=True))
    assert whole.one("form", id="filters")
    assert len(names(whole)) == 4
    assert names(search(client, booked="1")) == ["Jones"]
    for wrong, field in (
        ({"age_from": "x"}, "age_from"), ({"age_from": "50", "age_to": "20"}, "age_to"), ({"age_to": "999"}, "age_to"),
        ({"registered_from": "31.02.2026"}, "registered_from"),
        ({"visited_from": "2026-02-01", "visited_to": "2026-01-01"}, "visited_to"),
    ):  # fmt: skip
        told = client.post("/patients/search", data=wrong, headers=htmx() | {"HX-Target": "div#registry"})
        assert Page(told.get_data(as_text=True)).one(id=f"{field}-error").text.strip(), wrong
    for odd in ({"gender": "<b>"}, {"region": "x" * 999}, {"sort": "id; --"}, {"after": "9" * 40}, {"q": "\x00"},
                {"district": "\x00"}, {"skip": "-1"}):  # fmt: skip
        search(client, **odd)
    down = search(client, sort="name", down="1")
    assert names(down) == ["Smith2", "Smith1", "Smith0", "Jones"]


def test_keeping_a_search(house: House) -> None:
    """Under a name, for oneself alone, with one click; another name; away. Nothing of it is in an address or the audit."""
    house.patient("Quetzal", gender="FEMALE")
    house.patient("Else", gender="FEMALE")
    client = house.client(DESK)
    form = {"q": "quetzal", "gender": "FEMALE"}
    asked = post(client, "/patients/searches/new", form, 200)
    key = asked.one("input", name="key")["value"]
    post(client, "/patients/searches", form | {"key": key, "name": " "}, 422)
    for _ in range(2):
        done = post(client, "/patients/searches", form | {"key": key, "name": "Mine"}, 200)
    row = db.session.scalars(select(SavedSearch)).one()
    assert done.headers["HX-Redirect"] == f"/patients?saved={row.id}"  # type: ignore[attr-defined]
    told = post(client, "/patients/searches", form | {"key": "k-2", "name": "Mine"}, 422)
    assert told.one(id="name-error").text.strip() == "A search of this name exists already."
    kept = page(client, f"/patients?saved={row.id}")
    assert names(kept) == ["Quetzal"]
    assert kept.one("a", aria_current="page", href=f"/patients?saved={row.id}").text.strip() == "Mine"
    other = house.client(Role.MANAGER)
    page(other, f"/patients?saved={row.id}", 404)
    for path in (f"/patients/searches/{row.id}", f"/patients/searches/{row.id}/delete"):
        post(other, path, {"key": "k", "name": "x"}, 404)
    post(client, f"/patients/searches/{row.id}", {"key": "k-3", "name": "Hers"}, 200)
    assert page(client, "/patients").one("a", href=f"/patients?saved={row.id}").text.strip() == "Hers"
    assert "uetzal" not in str(db.session.scalars(select(AuditEntry.fields)).all())
    post(client, f"/patients/searches/{row.id}/delete", {"key": "k-4"}, 200)
    assert db.session.scalar(select(func.count()).select_from(SavedSearch)) == 0


FORMULAS = ["=1+1", "+x", "-x", "@SUM(A1)", "\tx"]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_export_of_the_result(house: House, kind: str) -> None:
    """Everybody who matches and nobody else; no cell is a formula; with the own password; written down."""
    for text in FORMULAS:
        house.patient("Smith", first_name=text, gender="FEMALE", address=f"{text}!", medical_history="Asthma")
    mother = house.patient("Jones", phone="0171 2345678")
    house.patient("Smith", first_name="Child", gender="FEMALE", guardian_id=mother.id)
    house.run(patients.change, mother.id, gender="MALE")
    client = house.client(Role.MANAGER)
    form = {"gender": "FEMALE", "key": f"k-{kind}"}
    assert "female" in post(client, "/patients/export", form, 200).text
    audited = db.session.scalar(select(func.count()).select_from(AuditEntry))
    told = post(client, f"/patients/export/{kind}", form | {"confirm": "wrong"}, 422)
    assert told.one(id="confirm-error").text.strip() == "This is not your password."
    assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == audited
    answer = client.post(f"/patients/export/{kind}", data=form | {"confirm": PASSWORD}, buffered=True)
    assert answer.status_code == 200
    assert (
        answer.headers["Content-Disposition"].endswith(f"patients-2026-11-20.{kind}")
        or kind in answer.headers["Content-Disposition"]
    )
    if kind == "csv":
        rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))
        assert sorted(row[2] for row in rows[1:]) == sorted(
            ["Child", *(f"'{text.strip()}" for text in FORMULAS[:4]), "x"]
        )
        assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    else:
        book = CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data()))
        rows = book.get_sheet_by_index(0).to_python()
        assert sorted(row[2] for row in rows[1:]) == sorted(["Child", *(text.strip() for text in FORMULAS)])
    assert len(rows) == 7
    child = next(row for row in rows if row[2] == "Child")
    assert (child[6].lstrip("'"), child[9]) == ("+491712345678", "Jones")
    assert "Asthma" not in str(rows)
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert (entry.action, entry.fields["whole"]) == ("patient.export", False)  # type: ignore[union-attr]
    post(house.client(DESK), f"/patients/export/{kind}", form | {"confirm": PASSWORD}, 403)
    assert db.session.scalar(select(func.count()).select_from(Patient)) == 7
