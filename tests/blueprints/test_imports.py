"""The whole way of an import in the browser: a file, its columns, a try, the run beside the requests, its report."""

from __future__ import annotations

import io
import os
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from reception import clock, importing
from reception.blueprints.settings import imports
from reception.domain.imports import runs
from reception.domain.imports.registry import KINDS
from reception.extensions import db
from reception.models import AccessEntry, AuditEntry, ImportRun, ImportState, Patient, Role
from tests.factories import PASSWORD, House
from tests.pages import Page

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
PEOPLE = "Number;Surname;Given name;Born;Shoe size\n1;Öztürk;Ayşe;12.03.1985;38\n2;Weber;Jonas;;44\n"
LONG = 20.0
"""Seconds in which a run of some rows is over on any machine."""


def upload(client: FlaskClient, content: str | bytes, name: str = "people.csv", kind: str = "patients") -> TestResponse:
    data = {"key": os.urandom(6).hex(), "kind": kind}
    raw = content.encode() if isinstance(content, str) else content
    return client.post("/settings/import", data={**data, "file": (io.BytesIO(raw), name)})


def page(client: FlaskClient, address: str) -> Page:
    answer = client.get(address)
    assert answer.status_code == 200, answer.get_data(as_text=True)[-600:]
    return Page(answer.get_data(as_text=True))


def start(client: FlaskClient, address: str, **values: str) -> TestResponse:
    """Send the form of the columns as it stands there, with `values` instead."""
    form = next(form for form in page(client, address).all("form") if form["action"].endswith("/start"))
    data: dict[str, str] = {}
    for field in form.inside:
        if (name := field.get("name")) is None or field.tag == "button":
            continue
        chosen = [option["value"] for option in field.inside if option.get("selected") is not None]
        data[name] = (chosen or [""])[0] if field.tag == "select" else field.get("value") or ""
    return client.post(f"{address}/start", data={**data, **values})


def over(client: FlaskClient, address: str) -> Page:
    """The page once the run is over."""
    if at_work := importing.ended.get(int(address.rsplit("/", 1)[1])):
        assert at_work.wait(LONG), "the run is not over"
    shown = page(client, address)
    assert not shown.all("progress")
    return shown


def people() -> int:
    return db.session.scalar(select(func.count()).select_from(Patient)) or 0


def test_a_file_is_mapped_tried_brought_in_and_gone(house: House) -> None:
    client = house.client(Role.ADMIN)
    answer = upload(client, PEOPLE, "../../people <b>.csv")
    assert answer.status_code == 303
    address = answer.location
    shown = page(client, address)
    assert "people <b>.csv" in shown.text
    assert [s["name"] for s in shown.all("select") if s["name"].startswith("column-")] == [
        f"column-{n}" for n in range(5)
    ]
    chosen = [o["value"] for s in shown.all("select") for o in s.inside if o.get("selected") is not None]
    assert chosen == ["utf-8", ";", "number", "last_name", "first_name", "date_of_birth"]
    assert "Öztürk" in shown.text
    assert [path.name for path in importing.folder().iterdir()] == ["run-1"]

    assert start(client, address, dry="1").status_code == 303
    assert "It would work. Nothing was stored yet. 2 new, 0 known already, of 2 rows." in over(client, address).text
    assert people() == 0
    assert start(client, address, **{"column-4": "policy_number"}).status_code == 303
    assert "It is done. 2 new, 0 known already" in over(client, address).text
    assert people() == 2
    assert db.session.scalars(select(Patient.policy_number).order_by(Patient.id)).all() == ["38", "44"]
    assert list(importing.folder().iterdir()) == []
    assert client.post(f"{address}/start", data={"key": "again"}).status_code == 422
    act = db.session.scalars(select(AuditEntry).filter_by(action="import.patients")).one()
    assert act.actor_kind == "user"

    second = upload(client, PEOPLE).location
    start(client, second)
    assert "0 new, 2 known already" in over(client, second).text
    assert client.post(f"{second}/drop", data={"key": "drop"}).status_code == 303
    assert client.get(second).status_code == 404
    assert people() == 2


def test_one_bad_row_refuses_the_file_and_the_report_says_why(house: House) -> None:
    client = house.client(Role.MANAGER)
    address = upload(client, PEOPLE + "3;Bad;Row;31.02.1999;\n4;;NoName;;\n").location
    start(client, address)
    shown = over(client, address)
    assert "Nothing was stored. 2 of 4 rows cannot come in as they are." in shown.text
    assert "Date of birth" in shown.text
    assert people() == 0
    assert shown.all("form", action=f"{address}/start") == []
    report = client.get(f"{address}/report.csv")
    assert report.mimetype == "text/csv"
    lines = report.get_data(as_text=True).lstrip("\ufeff").splitlines()
    assert lines[0] == '"Row","Line in the file","Column","Why"'
    assert lines[2] == '"4","5","Last name","This is needed."'
    assert list(importing.folder().iterdir()) == []
    listed = page(client, "/settings/import").text
    assert "Refused" in listed


@ON_SQLITE
def test_what_cannot_be_mapped_is_said_at_once(house: House) -> None:
    client = house.client(Role.ADMIN)
    address = upload(client, PEOPLE).location
    for values, words in (
        ({"column-1": ""}, "Say which column is this: Last name / Full name."),
        ({"column-2": "last_name"}, "Two columns cannot both be this: Last name."),
        ({"column-2": "is_admin"}, "There is no field is_admin."),
        ({"encoding": "punycode"}, "not among those that are read"),
    ):
        answer = start(client, address, **values)
        assert answer.status_code == 422, values
        assert words in Page(answer.get_data(as_text=True)).text
    assert db.session.get(ImportRun, 1).state == ImportState.UPLOADED
    again = page(client, f"{address}?encoding=utf-8&separator=,")
    assert "Say which column is this" in again.text


@ON_SQLITE
@pytest.mark.parametrize(
    "name, content, words",
    [
        ("a.csv", b"", "The file is empty."),
        ("a.csv", b",".join(b"c%d" % n for n in range(10_000)) + b"\n1\n", "10000 columns; at most 200"),
        ("a.xlsx", b"PK\x03\x04 nothing", "The workbook breaks off"),
        ("a.xls", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "old Excel file"),
    ],
)
def test_a_file_that_cannot_be_read_is_not_kept(house: House, name: str, content: bytes, words: str) -> None:
    client = house.client(Role.ADMIN)
    answer = upload(client, content, name)
    assert answer.status_code == 422
    assert words in Page(answer.get_data(as_text=True)).text
    assert list(importing.folder().iterdir()) == []
    assert db.session.scalar(select(func.count()).select_from(ImportRun)) == 0


@ON_SQLITE
def test_uploads_have_a_limit_and_a_kind(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    client = house.client(Role.ADMIN)
    assert upload(client, PEOPLE, kind="users").status_code == 422
    answer = client.post("/settings/import", data={"key": "k", "kind": "patients"})
    assert (answer.status_code, "Choose a file." in answer.get_data(as_text=True)) == (422, True)
    big = upload(client, b"a,b\n" + b"1,2\n" * 1_300_000)  # more than a form may have elsewhere
    assert big.status_code == 303
    monkeypatch.setattr(imports, "MOST_UPLOAD", 1 << 20)
    answer = upload(client, b"a,b\n" + b"1,2\n" * 400_000)
    assert answer.status_code == 413
    assert "At most 1 MB can be uploaded." in answer.get_data(as_text=True)


@ON_SQLITE
def test_a_run_that_died_is_shown_as_failed_and_another_may_begin(house: House) -> None:
    client = house.client(Role.ADMIN)
    address = upload(client, PEOPLE).location
    house.run(runs.begin, 1, {"columns": {"last_name": "Surname"}}, False)  # and its process ends here
    assert page(client, address).all("progress")
    other = upload(client, PEOPLE).location
    answer = start(client, other)
    assert answer.status_code == 409
    assert "Another import is running." in Page(answer.get_data(as_text=True)).text
    house.later(seconds=runs.SILENT.total_seconds() + 5)
    assert "The import broke off. Nothing was stored." in page(client, address).text
    assert "Failed" in page(client, "/settings/import").text
    assert start(client, other).status_code == 303
    assert "2 new" in over(client, other).text
    assert db.session.get(ImportRun, 1).state == ImportState.FAILED


@ON_SQLITE
def test_a_crash_in_the_middle_leaves_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    client = house.client(Role.ADMIN)
    address = upload(client, PEOPLE).location

    def broken(*_: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(KINDS["patients"], "finish", broken)  # all rows are in by then
    start(client, address)
    assert "The import broke off. Nothing was stored." in over(client, address).text
    assert people() == 0
    assert list(importing.folder().iterdir()) == []


@ON_SQLITE
def test_forgotten_files_go_after_a_day(house: House) -> None:
    client = house.client(Role.ADMIN)
    address = upload(client, PEOPLE).location
    old = (clock.now() - timedelta(days=2)).timestamp()
    os.utime(importing.file_of(1), (old, old))
    upload(client, PEOPLE)
    shown = page(client, address)
    assert "The file is not kept any more. Upload it again." in shown.text
    assert [path.name for path in importing.folder().iterdir()] == ["run-2"]


@ON_SQLITE
def test_another_clinics_import_is_not_there(house: House) -> None:
    address = upload(house.client(Role.ADMIN), PEOPLE).location
    other = House.open(house.app, "Elsewhere").client(Role.ADMIN)
    assert other.get(address).status_code == 404
    assert other.get(f"{address}/report.csv").status_code == 404
    for act in ("start", "drop"):
        assert other.post(f"{address}/{act}", data={"key": act}).status_code == 404


def test_lists_go_out_with_a_password_and_a_trace(house: House) -> None:
    patient = house.patient("=Weber", first_name="مريم")
    client = house.client(Role.MANAGER)
    bad = client.post("/settings/export/patients", data={"key": "a", "form": "csv", "confirm": "wrong"})
    assert bad.status_code == 422
    assert "This is not your password." in bad.get_data(as_text=True)
    good = client.post("/settings/export/patients", data={"key": "b", "form": "csv", "confirm": PASSWORD})
    assert good.headers["Content-Disposition"] == "attachment; filename=patients-2026-11-20.csv"
    assert '"000001","\'=Weber"' in good.get_data(as_text=True)
    traces = db.session.scalars(select(AccessEntry).filter_by(how="export")).all()
    assert [trace.patient_id for trace in traces] == [patient.id]
    for kind in ("schedules", "prices", "icd10"):
        answer = client.post(f"/settings/export/{kind}", data={"key": kind, "form": "xlsx"})
        assert answer.status_code == 200
        table = CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data())).get_sheet_by_index(0).to_python()
        assert len(table) == (2 if kind == "prices" else 1)
    assert client.post("/settings/export/prices", data={"key": "z", "form": "pdf"}).status_code == 404
    assert house.client(Role.RECEPTIONIST).post("/settings/export/prices", data={"key": "y"}).status_code == 403
