"""Patients, shifts, prices and ICD-10 come in whole or not at all, once, and go out so that they come in as the same."""

from __future__ import annotations

import csv
import os
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select

from reception import clock, importing
from reception.domain import directory, exporting, patients
from reception.domain.audit import record
from reception.domain.errors import NotPossible
from reception.domain.imports import runs
from reception.domain.imports.kinds import Fault, Kind
from reception.domain.imports.runs import MOST_FAULTS, Mapped, Report
from reception.domain.imports.schedules import Schedules
from reception.domain.imports.sheets import open_sheet
from reception.domain.imports.staging import Staging
from reception.domain.search import find_patients
from reception.extensions import db
from reception.models import (
    AccessEntry,
    AuditEntry,
    ClosedDay,
    District,
    IcdTitle,
    Patient,
    Region,
    Role,
    RoomUse,
    Schedule,
    Service,
    ServicePrice,
    ServiceType,
    Slot,
)
from tests.factories import House

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
PEOPLE = (
    "Number;Surname;Given name;Date of birth;Sex;Phone;Passport;Guardian;Remarks",
    "17;Öztürk;Ayşe;12.03.1985;f;030 901820;C01X;;=cmd|' /C calc'!A0",
    "18;Иванова;Мария;1990-02-01;ж;+49 30 901821;;;",
    "19;Öztürk;Can;03.04.2019;m;030 901820;;17;",
    "20;العلي;مريم;;;;;;",
)
SHIFTS = (
    "Doctor,Date,From,To,Room,Minutes,Places",
    "Novak Marek,2026-11-30,08:00,12:00,101,15,1",
    "Dr. Novak,01.12.2026,13:00,14:10,101,20,3",
    "Novak,2026-12-02,22:00,24:00,,30,1",
)
PRICES = (
    "Услуга;Цена;Действует с;Категория;Минут",
    "Consultation;120,00;2026-11-20;Ordinary;15",
    "Consultation;130,00;2027-01-01;Ordinary;15",
    "ЭКГ;45;2020-01-01;Diagnostics;10",
    "ЭКГ;50;2026-12-01;Diagnostics;10",
    "Справка;0;;;5",
)


def write(folder: Path, *rows: str, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def command(house: House, *arguments: Any) -> Result:
    return house.app.test_cli_runner().invoke(args=[str(a) for a in arguments])


def brought(house: House, kind: str, path: Path, *more: str) -> str:
    """What the command says of an import that works."""
    result = command(house, "import", kind, path, *more)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()[-1]


def refused(house: House, kind: str, path: Path, *more: str) -> str:
    before = contents()
    result = command(house, "import", kind, path, *more)
    assert result.exit_code == 1, result.output
    assert contents() == before
    return result.output


def contents() -> dict[str, int]:
    kinds = (Patient, Schedule, Slot, RoomUse, Service, ServiceType, ServicePrice, IcdTitle, AuditEntry)
    return {kind.__tablename__: db.session.scalar(select(func.count()).select_from(kind)) or 0 for kind in kinds}


def person(last_name: str) -> Patient:
    return db.session.scalars(select(Patient).filter_by(last_name=last_name).order_by(Patient.id)).first()


# ---------------------------------------------------------------------------------------------------------- patients


def test_patients_come_in_whole_and_once_and_go_out_as_the_same(house: House, tmp_path: Path) -> None:
    path = write(tmp_path, *PEOPLE)
    assert "4 would be new" in brought(house, "patients", path, "--dry-run")
    assert contents()["patient"] == 0
    assert brought(house, "patients", path) == "4 rows: 4 imported, 0 stood already."
    mother, child = db.session.scalars(select(Patient).filter_by(last_name="Öztürk").order_by(Patient.id))
    assert (mother.phone, mother.document_type, mother.document_number) == ("+4930901820", "OTHER", "C01X")
    assert mother.additional_info == "=cmd|' /C calc'!A0"
    assert (child.guardian_id, child.phone, child.home_phone) == (mother.id, None, "+4930901820")
    assert (child.card_no, child.source_key, child.date_of_birth) == ("000003", "n:19", date(2019, 4, 3))
    assert [found.id for found in find_patients(house.clinic.id, "ozturk can")] == [child.id]
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert (entry.action, entry.fields) == ("import.patients", {"rows": 4, "imported": 4, "known": 0})
    assert brought(house, "patients", path) == "4 rows: 0 imported, 4 stood already."
    for name in ("out.csv", "out.xlsx"):
        assert command(house, "export", "patients", tmp_path / name).output == f"4 rows written to {name}.\n"
        assert brought(house, "patients", tmp_path / name) == "4 rows: 0 imported, 4 stood already."
    assert contents()["patient"] == 4
    assert db.session.scalar(select(func.count()).select_from(AccessEntry).where(AccessEntry.how == "export")) == 8


def test_people_without_a_number_come_in_once(house: House, tmp_path: Path) -> None:
    """By what the row says: even when the desk has changed the card meanwhile, and whatever the column of the row."""
    path = write(tmp_path, "ФИО;ДР;Адрес", "Петрова Анна Ивановна;01.02.1980;ул. Мира", "Петров, Олег;;")
    assert "2 imported" in brought(house, "patients", path)
    anna = person("Петрова")
    assert (anna.first_name, anna.middle_name, anna.source_key[:2]) == ("Анна", "Ивановна", "r:")
    house.run(patients.change, anna.id, last_name="Сидорова", phone="+49 30 901822")
    assert brought(house, "patients", path) == "2 rows: 0 imported, 2 stood already."


def test_somebody_with_the_same_phone_or_document_is_the_same_or_refused(house: House, tmp_path: Path) -> None:
    known = house.patient("Weber", first_name="Jonas", phone="+4930901830")
    path = write(tmp_path, "Last name,First name,Phone", "weber,JONAS,030 901830")
    assert brought(house, "patients", path) == "1 rows: 0 imported, 1 stood already."
    path = write(tmp_path, "Last name,First name,Phone", "Weber,Anna,030 901830")
    assert f"row 1 (line 2): Phone: Card {known.card_no} has the same already." in refused(house, "patients", path)
    path = write(tmp_path, "Id,Last name,First name,Phone", "1,A,B,030 901831", "2,C,D,+4930901831", "1,E,F,")
    said = refused(house, "patients", path)
    assert "row 2 (line 3): Phone: Row 1 has the same already." in said
    assert "row 3 (line 4): Number: Row 1 has the same already." in said


def test_a_number_that_was_somebody_elses_is_refused(house: House, tmp_path: Path) -> None:
    header = "Id,Last name,First name,Born"
    brought(house, "patients", write(tmp_path, header, "5,Meyer,Uta,1970-01-01"))
    married = write(tmp_path, header, "5,Schulz,Uta,1970-01-01")
    assert "1 stood already" in brought(house, "patients", married)
    other = write(tmp_path, header, "5,Kaya,Emre,1999-09-09")
    assert "imported for somebody else: card 000001" in refused(house, "patients", other)


BAD = {
    "no-name": (",Anna,,,", "Last name: This is needed."),
    "future": ("A,B,2030-01-01,,", "Date of birth: The birth date is in the future."),
    "old": ("A,B,1880-01-01,,", "Date of birth: The birth date is more than 130 years ago."),
    "no-day": ("A,B,31.02.1999,,", "Date of birth: This is not a day."),
    "phone": ("A,B,,12,", "Phone: This is not a phone number of this country."),
    "foreign-phone": ("A,B,,998901234567,", "Phone: This is not a phone number"),
    "region": ("A,B,,,Atlantis", "Region: There is no such place."),
    "long": (f"{'A' * 201},B,,,", "Last name: This is too long: at most 200 characters."),
}


@ON_SQLITE
def test_each_impossible_row_is_named_with_its_reason(house: House, tmp_path: Path) -> None:
    good = "Good,One,,,"
    path = write(tmp_path, "Last name,First name,Born,Phone,Region", good, *(row for row, _ in BAD.values()))
    said = refused(house, "patients", path)
    for number, (_, reason) in enumerate(BAD.values(), 2):
        assert f"row {number} (line {number + 1}): {reason}" in said
    assert "8 of 9 rows cannot be imported, so nothing was stored." in said
    assert "9 rows: 1 would" not in said


@ON_SQLITE
def test_places_are_known_by_name_in_any_language(house: House, tmp_path: Path) -> None:
    def places(*, actor: Any, at: Any) -> None:
        db.session.add(Region(code="1703", country="UZ", names={"uz": "Andijon viloyati", "ru": "Андижанская область"}))
        db.session.flush()
        db.session.add(District(code="1703203", region_code="1703", names={"uz": "Andijon tumani"}))

    house.run(places)
    rows = ("A,Андижанская область,", "B,andijon,Andijon tumani", "C,,1703203")
    brought(house, "patients", write(tmp_path, "Last name,Region,District", *rows))
    assert [(p.region_code, p.district_code, p.country) for p in map(person, "ABC")] == [
        ("1703", None, "UZ"), ("1703", "1703203", "UZ"), ("1703", "1703203", "UZ"),
    ]  # fmt: skip


@ON_SQLITE
def test_one_bad_row_far_down_refuses_the_file_and_memory_stays(house: House, tmp_path: Path) -> None:
    """The long version, with 50,000 rows and the store, is `python -m tests.drills.long_import`."""
    rows = (f"{n};Person{n};Anna{n};01.02.1980;030{90_000_000 + n}" for n in range(1, 6_001))
    path = write(tmp_path, "Id;Last name;First name;Born;Phone", *rows, "6001;Last;Row;31.02.1980;")
    said = refused(house, "patients", path)
    assert "row 6001 (line 6002): Date of birth: This is not a day." in said
    assert "1 of 6,001 rows" in said
    assert list(importing.folder().iterdir()) == []


# ---------------------------------------------------------------------------------------------- schedules and prices


def test_shifts_come_in_with_slots_and_rooms_and_go_out_as_the_same(house: House, tmp_path: Path) -> None:
    def close(*, actor: Any, at: Any) -> None:
        row = ClosedDay(clinic_id=house.clinic.id, day=date(2026, 12, 2), name="Holiday")
        db.session.add(row)
        db.session.flush()
        record(actor, "closed-day.add", row, at=at)

    house.run(close)
    path = write(tmp_path, *SHIFTS)
    assert brought(house, "schedules", path) == "3 rows: 3 imported, 0 stood already."
    first, second, third = db.session.scalars(select(Schedule).order_by(Schedule.starts_at))
    assert [len(slots(shift)) for shift in (first, second, third)] == [16, 4, 4]
    assert clock.local(second.ends_at, house.clinic).time() == time(14, 10)
    assert {slot.capacity for slot in slots(second)} == {3}
    assert slots(second)[-1].ends_at - slots(second)[-1].starts_at == timedelta(minutes=10)
    assert [slot.is_open for slot in slots(third)] == [False] * 4
    assert db.session.scalar(select(func.count()).select_from(RoomUse)) == 2
    assert brought(house, "schedules", path) == "3 rows: 0 imported, 3 stood already."
    for name in ("out.csv", "out.xlsx"):
        assert command(house, "export", "schedules", tmp_path / name).exit_code == 0
        assert brought(house, "schedules", tmp_path / name) == "3 rows: 0 imported, 3 stood already."


def slots(shift: Schedule) -> list[Slot]:
    return list(db.session.scalars(select(Slot).filter_by(schedule_id=shift.id).order_by(Slot.starts_at)))


def test_shifts_never_overlap(house: House, tmp_path: Path) -> None:
    house.run(directory.add_doctor, house.department.id, first_name="Eva", last_name="Novak")
    house.shift(first=8, last=12, days=10)  # 30 November
    rows = (
        "Novak,2026-12-01,08:00,10:00,", "Novak Marek,2026-11-30,10:00,11:00,", "Novak Eva,2026-12-01,09:00,11:00,101",
        "Novak Marek,2026-12-01,10:00,12:00,101", "Novak Marek,2026-12-01,11:00,13:00,", "Nobody,2026-12-01,1:00,2:00,",
        "Novak Eva,2027-03-28,02:30,04:00,", "Novak Eva,2020-01-01,08:00,09:00,", "Novak Eva,2026-12-03,09:00,09:00,",
        "Novak Eva,2026-12-05,09:00,10:00,Cellar",
    )  # fmt: skip
    said = refused(house, "schedules", write(tmp_path, "Doctor,Day,From,To,Room", *rows))
    for number, reason in {
        1: "Doctor: Several doctors have this name.", 2: "Begins: The doctor has another shift at this time.",
        4: "Row 3 wants the same doctor or room", 5: "Row 4 wants the same doctor or room",
        6: "Doctor: There is no doctor of this name.", 7: "Begins: There is no 02:30 on that day",
        8: "Day: This shift would be over already.", 9: "Ends: The end must come after the start.",
        10: "Room: There is no room of this name.",
    }.items():  # fmt: skip
        assert f"row {number} (line {number + 1}): {reason}" in said, said


def test_the_desk_that_was_faster_is_not_run_over(house: House, tmp_path: Path) -> None:
    """Between the check, which holds no lock, and the store somebody opens a shift at that time."""
    sheet = open_sheet(write(tmp_path, *SHIFTS[:2]))
    mapped = Mapped(Schedules, {"doctor": "Doctor", "day": "Date", "begins": "From", "ends": "To"})
    with Staging(tmp_path / "rows") as staging:
        report = runs.check(sheet, mapped, staging, house.actor, clock.now())
        assert (report.added, report.refused) == (1, 0)
        db.session.rollback()
        house.shift(first=9, last=10, days=10)
        before = contents()
        with pytest.raises(NotPossible, match="Row 1 cannot be stored any more"):
            house.run(runs.store, staging, mapped, report)
    assert contents() == before
    assert not (tmp_path / "rows").exists()


def test_prices_come_in_with_their_days_and_go_out_as_the_same(house: House, tmp_path: Path) -> None:
    path = write(tmp_path, *PRICES)
    assert brought(house, "prices", path) == "5 rows: 4 imported, 1 stood already."
    assert prices("Consultation") == [(12_000, "2026-11-20", "2026-12-31"), (13_000, "2027-01-01", None)]
    assert prices("ЭКГ") == [(4_500, "2020-01-01", "2026-11-30"), (5_000, "2026-12-01", None)]
    assert prices("Справка") == [(0, "2026-11-20", None)]
    ecg = db.session.scalars(select(Service).filter_by(name="ЭКГ")).one()
    assert (ecg.duration_min, ecg.type.name) == (10, "Diagnostics")
    house.later(days=2)
    assert brought(house, "prices", path) == "5 rows: 0 imported, 5 stood already."
    for name in ("out.csv", "out.xlsx"):
        assert command(house, "export", "prices", tmp_path / name).exit_code == 0
        assert brought(house, "prices", tmp_path / name) == "5 rows: 0 imported, 5 stood already."
    new = write(tmp_path, PRICES[0], "ЭКГ;55;2026-12-01;;", "Consultation;90;2026-11-01;;")
    assert "row 2 (line 3): Valid from: A price cannot begin in the past." in refused(house, "prices", new)
    assert brought(house, "prices", write(tmp_path, *PRICES[:1], "ЭКГ;55;2026-12-01;;")).startswith(
        "1 rows: 1 imported"
    )
    assert prices("ЭКГ")[1] == (5_500, "2026-12-01", None)


def prices(service: str) -> list[tuple[int, str, str | None]]:
    query = select(ServicePrice).join(Service, Service.id == ServicePrice.service_id).where(Service.name == service)
    found = db.session.scalars(query.order_by(ServicePrice.valid_from))
    return [(p.price, str(p.valid_from), p.valid_to and str(p.valid_to)) for p in found]


# -------------------------------------------------------------------------------------------------------------- ICD-10


def test_titles_come_in_by_language(house: House, tmp_path: Path) -> None:
    english = ("code,parent,level,title,leaf", "1,,chapter,Certain infections,0", "A00-A09,1,block,Intestinal,0",
               "A00,A00-A09,category,Cholera,0", "A00.1,A00,subcategory,Cholera el tor,1")  # fmt: skip
    said = brought(house, "icd10", write(tmp_path, *english))
    assert said == "4 rows: 2 imported, 0 stood already, 2 headings left out."
    russian = (
        "ID;MKB_CODE;MKB_NAME;ACTUAL",
        "1;I;НЕКОТОРЫЕ;1",
        "2;A00;Холера;1",
        "3;A001;Холера эльтор;1",
        "4;Z99;Старое;0",
    )
    said = brought(house, "icd10", write(tmp_path, *russian))
    assert said == "4 rows: 2 imported, 0 stood already, 2 headings left out."
    assert (
        db.session.scalars(select(IcdTitle).filter_by(code="A00.1", locale="ru")).one().folded == "a00.1 kholera eltor"
    )
    assert "2 imported" in brought(house, "icd10", write(tmp_path, "код,название", "A00,Холера!", "B01,Ветрянка"))
    assert db.session.scalars(select(IcdTitle).filter_by(code="A00", locale="ru")).one().title == "Холера!"
    assert "This is no code of ICD-10" in refused(house, "icd10", write(tmp_path, "code,title", "A0,x"))
    command(house, "export", "icd10", tmp_path / "out.csv")
    rows = list(csv.reader((tmp_path / "out.csv").open(encoding="utf-8-sig")))
    assert rows[1:3] == [["A00", "Cholera", "Холера!"], ["A00.1", "Cholera el tor", "Холера эльтор"]]
    assert brought(house, "icd10", tmp_path / "out.csv") == "3 rows: 0 imported, 3 stood already."


@pytest.mark.data
@pytest.mark.slow
@ON_SQLITE
def test_the_real_lists_of_icd_come_in(house: House) -> None:
    folder = os.environ.get("TEST_DATA")
    if not folder:
        pytest.skip("no TEST_DATA")
    said = brought(house, "icd10", Path(folder) / "icd10" / "mkb10_ru_2.27.csv.gz")
    assert said == "15,038 rows: 14,641 imported, 0 stood already, 397 headings left out."
    assert db.session.scalar(select(func.count()).select_from(IcdTitle)) == 14_641


# ---------------------------------------------------------------------------------------------------------------- out


@ON_SQLITE
def test_an_export_keeps_types_and_makes_formulas_harmless(house: House, tmp_path: Path) -> None:
    house.patient("=HYPERLINK(1)", first_name="@cmd", date_of_birth=date(1985, 3, 12), phone="+4930901840")
    house.patient("العلي", first_name="مريم", date_of_birth=date(1890, 3, 12) + timedelta(days=3000))
    house.run(patients.guest)
    command(house, "export", "patients", tmp_path / "out.csv")
    raw = (tmp_path / "out.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(raw.decode("utf-8-sig").splitlines()))
    assert rows[1][:6] == ["000001", "'=HYPERLINK(1)", "'@cmd", "", "1985-03-12", "UNKNOWN"]
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    command(house, "export", "patients", tmp_path / "out.xlsx")
    table = CalamineWorkbook.from_path(tmp_path / "out.xlsx").get_sheet_by_index(0).to_python()
    assert table[1][:5] == ["000001", "=HYPERLINK(1)", "@cmd", "", date(1985, 3, 12)]
    assert table[2][1] == "العلي"
    assert len(table) == 3
    assert "must end in .csv or .xlsx" in command(house, "export", "patients", tmp_path / "out.pdf").output
    assert "no folder" in command(house, "export", "patients", tmp_path / "none" / "out.csv").output


@ON_SQLITE
def test_the_medical_history_goes_only_to_those_who_may_read_it(house: House) -> None:
    names = {
        role: [head.name for head in exporting.patients_of(house.person(role)).heads]
        for role in (Role.MANAGER, Role.RECEPTIONIST)
    }
    assert "medical_history" not in names[Role.MANAGER]
    assert "medical_history" in names[Role.RECEPTIONIST]


@ON_SQLITE
def test_another_clinic_sees_nothing_of_it(house: House, tmp_path: Path) -> None:
    brought(house, "patients", write(tmp_path, *PEOPLE))
    other = House.open(house.app, "Elsewhere")
    assert brought(house, "patients", tmp_path / "file.csv", "--clinic", "Elsewhere").startswith("4 rows: 4 imported")
    assert db.session.scalar(select(func.count()).select_from(Patient).filter_by(clinic_id=other.clinic.id)) == 4


def test_a_report_keeps_so_many_faults() -> None:
    report = Report()
    for row in range(MOST_FAULTS + 5):
        report.refuse(Fault(row, row, "x"))
    assert (len(report.faults), report.refused) == (MOST_FAULTS, MOST_FAULTS + 5)


@ON_SQLITE
def test_a_kind_says_how_its_rows_are_read_compared_and_stored(house: House) -> None:
    class Half(Kind):
        def read(self, cells: dict[str, str]) -> None: ...

    with pytest.raises(TypeError, match="abstract"):
        Half(house.actor, clock.now(), frozenset())  # type: ignore[abstract]
