"""What the operations page finds by service, doctor and patient, and its tables opened again by a spreadsheet's reader."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import date, time
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from reception.domain import directory, operations
from reception.extensions import db
from reception.models import Patient, Role, VisitStatus
from tests.factories import House
from tests.pages import Page, htmx

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
HOSTILE = [
    "=HYPERLINK(\"http://example.org\",\"x\")", "+1+1", "-2+3|cmd", "@SUM(1;2)", "\t=1+1", "=cmd|' /C calc'!A0",
    "\u202e=1", "a,b;\"c\"", "דוד", "محمد عبد الله",
]  # fmt: skip


def sheet(answer: Any) -> list[list[Any]]:
    assert answer.status_code == 200
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data()))
    return book.get_sheet_by_index(0).to_python()


def paid(house: House, *names: str) -> None:
    for name in names:
        house.pay(house.visit(VisitStatus.PENDING_PAYMENT, patient=house.patient(name)))


def entries(page: Page) -> int:
    return len([e for e in page.all("tr") if (e.get("id") or "").startswith("entry-")])


def test_found_by_service_doctor_and_patient_with_the_totals_of_all(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "PAGE", 2)
    other = house.another_doctor("Horvath")
    xray = house.run(directory.add_service, "X-ray", 5_000, duration_min=15)
    anna = house.patient("Anna")
    for _ in range(3):
        house.pay(house.visit(VisitStatus.PENDING_PAYMENT, patient=anna))
    house.pay(house.visit(VisitStatus.PENDING_PAYMENT, doctor=other))
    db.session.rollback()
    client = house.client(Role.CASHIER)

    def found(query: str) -> tuple[int, str]:
        answer = client.get(f"/finance?{query}", headers=htmx("/finance"))
        assert answer.status_code == 200
        page = Page(answer.get_data(as_text=True))
        sums = [e for e in page.all("div") if e.get("class") == "rx-sum"]
        return entries(page), " ".join(sums[0].text.split())

    assert found("") == (2, "480.00Taken, in EUR")
    assert found(f"patient={anna.id}") == (2, "360.00Taken, in EUR")
    assert found(f"doctor={other.id}") == (1, "120.00Taken, in EUR")
    assert found(f"doctor={house.doctor.id}&patient={anna.id}") == (2, "360.00Taken, in EUR")
    assert found(f"service={house.service.id}") == (2, "480.00Taken, in EUR")
    assert found(f"service={xray.id}") == (0, "0.00Taken, in EUR")
    whole = client.get(f"/finance?patient={anna.id}").get_data(as_text=True)
    page = Page(whole)
    assert page.one("input", name="patient")["value"] == str(anna.id)
    foot = " ".join(page.one("tfoot").text.split())
    assert foot.startswith("2 entries on this page")
    assert "240.00" in foot
    options = client.post("/finance/people", data={"q-patient": "ann"}).get_data(as_text=True)
    assert Page(options).one(id=f"who-{anna.id}")["hx-vals"] == f'{{"patient": {anna.id}}}'
    chosen = Page(client.post("/finance/person", data={"patient": anna.id}).get_data(as_text=True))
    assert chosen.one("input", name="patient")["form"] == "filters"
    assert chosen.one("span", hidden="")["hx-get"] == "/finance"
    for wrong in ("x", "0", "99999", "9" * 30, ""):
        empty = Page(client.post("/finance/person", data={"patient": wrong}).get_data(as_text=True))
        assert empty.all("input", name="patient") == []
    assert house.client(Role.DOCTOR).post("/finance/people", data={"q-patient": "a"}).status_code == 403


def test_of_merged_cards_the_operations_of_both(house: House) -> None:
    from reception.domain import merging

    kept, gone = house.patient("Anna"), house.patient("Anna")
    for patient in (kept, gone):
        house.pay(house.visit(VisitStatus.PENDING_PAYMENT, patient=patient))
        house.later(minutes=1)
    house.run(merging.merge, kept.id, gone.id, {})
    client = house.client(Role.CASHIER)
    for ident in (kept.id, gone.id):
        page = Page(client.get(f"/finance?patient={ident}").get_data(as_text=True))
        assert entries(page) == 2
        assert page.one("input", name="patient")["value"] == str(kept.id)


@ON_SQLITE
def test_the_workbook_has_types_and_no_formula(house: House) -> None:
    paid(house, *HOSTILE)
    with_nul = db.session.query(Patient).filter_by(last_name="+1+1").one()
    db.session.execute(text("UPDATE patient SET last_name = char(13) || '=1' WHERE id = :id"), {"id": with_nul.id})
    db.session.commit()
    client = house.client(Role.MANAGER)
    answer = client.get("/finance/export/xlsx")
    assert answer.headers["Content-Disposition"] == "attachment; filename=operations-2026-11-20-2026-11-20.xlsx"
    heads, *rows = sheet(answer)
    assert heads == ["Date", "Time", "Receipt", "Kind", "Ticket", "Card", "Patient", "For", "Method", "Cashbox",
                     "Cashier", "In", "Out", "Currency"]  # fmt: skip
    assert len(rows) == len(HOSTILE)
    for row in rows:
        assert row[0] == date(2026, 11, 20)
        assert isinstance(row[1], time)
        assert re.fullmatch(r"2026-\d{6}", row[2])
        assert isinstance(row[5], str)
        assert (row[11], row[12], row[13]) == (120.0, "", "EUR")
    names = {row[6] for row in rows}
    assert {"דוד", "محمد عبد الله", "@SUM(1;2)", "=cmd|' /C calc'!A0", "-2+3|cmd"} <= names
    with zipfile.ZipFile(io.BytesIO(answer.get_data())) as book:
        cells = book.read("xl/worksheets/sheet1.xml").decode()
        styles = book.read("xl/styles.xml").decode()
    assert "<f" not in re.sub(r"<formatCode|<fill|<font", "", cells)
    assert 'quotePrefix="1"' in styles
    assert "#,##0.00" in styles
    lines = client.get("/finance/export/csv").get_data(as_text=True)
    table = list(csv.DictReader(io.StringIO(lines.removeprefix("\ufeff"), newline="")))
    assert len(table) == len(HOSTILE)
    for line in table:
        assert not line["Patient"].startswith(("=", "+", "-", "@", "\t", "\r", "\0"))
        assert line["In"] == "120.00"
        assert line["Date"] == "2026-11-20"
    assert {"דוד", "محمد عبد الله", "'@SUM(1;2)"} <= {line["Patient"] for line in table}


@ON_SQLITE
def test_a_table_is_exactly_what_is_filtered_and_a_wrong_filter_is_a_sentence(house: House) -> None:
    paid(house, "Anna", "Bert")
    anna = db.session.query(Patient).filter_by(last_name="Anna").one().id
    client = house.client(Role.CASHIER)
    for query, count in (("", 2), (f"patient={anna}", 1), ("kind=REFUND", 0), (f"cashbox={house.card.id}", 0)):
        assert len(sheet(client.get(f"/finance/export/xlsx?{query}"))) - 1 == count
    assert client.get("/finance/export/xlsx?from=2026-11-21&to=2026-11-20").status_code == 422
    assert house.client(Role.RECEPTIONIST).get("/finance/export/xlsx").status_code == 403


@ON_SQLITE
@pytest.mark.parametrize(
    "currency, shown, number, style",
    [("JPY", "12000", 12_000.0, '"#,##0"'), ("EUR", "120.00", 120.0, '"#,##0.00"'), ("KWD", "12.000", 12.0, '"#,##0.000"')],
)  # fmt: skip
def test_amounts_have_the_digits_of_their_currency(
    house: House, currency: str, shown: str, number: float, style: str
) -> None:
    db.session.execute(text("UPDATE clinic SET currency = :code"), {"code": currency})
    db.session.commit()
    paid(house, "Anna")
    client = house.client(Role.MANAGER)
    answer = client.get("/finance/export/xlsx")
    assert sheet(answer)[1][11] in (number, int(number))
    with zipfile.ZipFile(io.BytesIO(answer.get_data())) as book:
        styles = book.read("xl/styles.xml").decode()
    assert f"formatCode={style}" in styles or (style == '"#,##0"' and 'numFmtId="3"' in styles)
    assert f'"{shown}"' in client.get("/finance/export/csv").get_data(as_text=True)


@ON_SQLITE
def test_in_arabic_the_sheet_goes_from_right_to_left(house: House) -> None:
    paid(house, "محمد")
    client = house.client(Role.MANAGER)
    db.session.execute(text("UPDATE \"user\" SET locale = 'ar'"))
    db.session.commit()
    answer = client.get("/finance/export/xlsx")
    with zipfile.ZipFile(io.BytesIO(answer.get_data())) as book:
        assert 'rightToLeft="1"' in book.read("xl/worksheets/sheet1.xml").decode()
    assert sheet(answer)[1][6] == "محمد"
