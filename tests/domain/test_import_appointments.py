"""Importing appointments: nothing silently, nothing twice, nothing half. The rows here are made up; the real file stays
outside the repository and is read from TEST_DATA.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from reception import clock
from reception.domain import directory, verify
from reception.domain.audit import record
from reception.domain.imports import appointments, people, plan, store
from reception.domain.imports.files import Unreadable
from reception.extensions import Base, db
from reception.models import (
    Account,
    Appointment,
    AuditEntry,
    Doctor,
    Patient,
    Payment,
    Schedule,
    Service,
    ServicePrice,
    Visit,
    VisitEvent,
)
from tests.conftest import postgres_url
from tests.factories import House

HEADER = (
    "PatientId,AppointmentID,Gender,ScheduledDay,AppointmentDay,Age,Neighbourhood,Scholarship,Hipertension,Diabetes,"
    "Alcoholism,Handcap,SMS_received,No-show"
)
ROWS = (
    "29E-5,1,F,2016-05-10T09:00:00Z,2016-05-16T00:00:00Z,62,VILA VELHA,0,1,0,0,0,0,No",
    "29E-5,2,F,2016-05-10T09:01:00Z,2016-05-16T00:00:00Z,62,VILA VELHA,0,1,0,0,0,0,No",
    "777,3,M,2016-05-16T19:58:30Z,2016-05-16T00:00:00Z,8,=cmd|' /C calc'!A0,0,0,0,0,0,0,Yes",
    "778,4,M,2016-05-17T08:00:00Z,2016-05-16T00:00:00Z,8,<b>X</b>,0,0,0,0,0,0,No",
    "779,5,F,2016-05-11T10:00:00Z,2016-05-17T00:00:00Z,0,<b>X</b>,0,0,0,0,0,0,Yes",
    "780,6,F,2016-05-11T10:00:00Z,2016-05-16T00:00:00Z,115,São José,0,0,0,0,0,0,No",
)
"""Row 4 was booked on the day after its day."""
REAL = "noshow-2016/appointments_2016-04-29_to_05-25.csv.gz"


def text(*rows: str) -> str:
    return "\n".join((HEADER, *rows)) + "\n"


def write(folder: Path, *rows: str) -> Path:
    path = folder / "appointments.csv"
    path.write_text(text(*(rows or ROWS)), encoding="utf-8")
    return path


def run(house: House, path: Path, *options: str) -> Result:
    found = house.app.test_cli_runner().invoke(args=["import", "appointments", str(path), *options])
    db.session.rollback()
    return found


def contents() -> dict[str, int]:
    """How many rows each table has."""
    return {
        table.name: db.session.scalar(select(func.count()).select_from(table)) or 0
        for table in Base.metadata.sorted_tables
    }


# ------------------------------------------------------------------------------------------------------ what is stored


def test_history_is_what_the_file_says(house: House, tmp_path: Path) -> None:
    answer = run(house, write(tmp_path))
    assert answer.exit_code == 0, answer.output
    assert "5 imported" in answer.output
    assert "row 4 (line 5): booked on 2016-05-17, after its day 2016-05-16" in answer.output
    rows = db.session.scalars(select(Appointment).order_by(Appointment.source_key)).all()
    assert [(a.source_key, a.status) for a in rows] == [
        ("no-show:1", "COMPLETED"), ("no-show:2", "COMPLETED"), ("no-show:3", "NO_SHOW"), ("no-show:5", "NO_SHOW"),
        ("no-show:6", "COMPLETED"),
    ]  # fmt: skip
    assert {(a.visit.status, a.visit.payment.status, a.visit.payment.total_amount) for a in rows} == {
        ("COMPLETED", "PAID", 0), ("NO_SHOW", "CANCELLED", 0),
    }  # fmt: skip
    numbers = [a.visit.queue_number for a in sorted(rows, key=lambda a: (a.day, a.starts_at, a.doctor_id))]
    assert [n for n in numbers if n] == [1, 2, 3]
    moves = select(VisitEvent.move).where(VisitEvent.visit_id == rows[0].visit.id).order_by(VisitEvent.id)
    assert db.session.scalars(moves).all() == ["book", "import"]
    assert list(verify.findings()) == []


def test_people_are_kept_as_they_are_written(house: House, tmp_path: Path) -> None:
    run(house, write(tmp_path))
    found = {p.source_key: p for p in db.session.scalars(select(Patient))}
    assert set(found) == {"no-show:29E-5", "no-show:777", "no-show:779", "no-show:780"}
    assert found["no-show:777"].address == "=cmd|' /C calc'!A0"
    old = found["no-show:780"]
    assert (old.gender, old.date_of_birth, old.address) == ("FEMALE", date(1901, 1, 1), "São José")
    assert (old.first_name, old.last_name) == people.name_for("780", True, people.built_in())


def test_two_of_one_person_are_with_two_doctors_one_after_the_other(house: House, tmp_path: Path) -> None:
    run(house, write(tmp_path))
    first, second = db.session.scalars(
        select(Appointment).where(Appointment.source_key.in_(["no-show:1", "no-show:2"])).order_by(Appointment.id)
    )
    assert first.doctor_id != second.doctor_id
    assert first.ends_at <= second.starts_at
    assert clock.local(first.starts_at, house.clinic).strftime("%H:%M") == "08:00"


def test_a_booking_of_the_day_itself_does_not_begin_before_it_was_made(house: House, tmp_path: Path) -> None:
    run(house, write(tmp_path))
    late = db.session.scalars(select(Appointment).filter_by(source_key="no-show:3")).one()
    assert clock.local(late.starts_at, house.clinic).strftime("%H:%M") == "20:00"
    booked = db.session.scalars(select(VisitEvent).filter_by(visit_id=late.visit.id, move="book")).one()
    assert booked.at < late.starts_at


def test_as_of_leaves_open_with_bill_and_charge(house: House, tmp_path: Path) -> None:
    house.run(_price_from_the_start, house.service.id)
    clock.start_at(datetime.fromisoformat("2016-05-16T09:00:00+00:00"))
    answer = run(house, write(tmp_path), "--as-of", "2016-05-17")
    assert "cannot be later than today" in answer.output
    answer = run(house, write(tmp_path), "--as-of", "2016-05-16")
    assert answer.exit_code == 0, answer.output
    assert "5 stand open" in answer.output
    bills = db.session.scalars(select(Payment)).all()
    assert {(b.status, b.total_amount, b.doctor_share, b.visit.status, b.visit.appointment.status) for b in bills} == {
        ("PENDING", 12_000, 4_800, "SCHEDULED", "CONFIRMED")
    }
    balances = select(func.sum(Account.balance)).group_by(Account.kind).order_by(Account.kind)
    assert db.session.scalars(balances.where(Account.kind.in_(["INCOME", "PATIENT_DEBT"]))).all() == [60_000, 60_000]
    assert list(verify.findings()) == []
    first = db.session.scalars(select(Appointment).filter_by(source_key="no-show:1")).one()
    visit = house.check_in(first)
    house.move(visit, "call")
    house.move(visit, "start")
    house.move(visit, "finish")
    house.pay(visit)
    assert (visit.status, first.status) == ("COMPLETED", "COMPLETED")
    assert list(verify.findings()) == []


def _price_from_the_start(service_id: int, *, actor: object, at: datetime) -> None:
    """The house's price list was made in 2026; these tests live in 2016."""
    price = db.session.scalars(select(ServicePrice).filter_by(service_id=service_id)).one()
    price.valid_from = date(2016, 1, 1)
    record(actor, "service.price", db.session.get_one(Service, service_id), at=at)  # type: ignore[arg-type]


def test_a_service_is_made_where_there_is_none(house: House, tmp_path: Path) -> None:
    house.run(directory.change_service, house.service.id, name="Something else")
    answer = run(house, write(tmp_path), "--price", "35.50", "--as-of", "2016-05-16")
    assert "made with the price 35.50 EUR" in answer.output
    assert {b.total_amount for b in db.session.scalars(select(Payment))} == {3550}


# ------------------------------------------------------------------------------------------------------ and not twice


def test_a_second_run_changes_nothing(house: House, tmp_path: Path) -> None:
    run(house, write(tmp_path))
    before = contents()
    answer = run(house, write(tmp_path))
    assert "0 imported, 5 were known already" in answer.output
    assert contents() == before


def test_a_longer_file_adds_only_what_is_new(house: House, tmp_path: Path) -> None:
    run(house, write(tmp_path, *ROWS[:2]))
    ends = db.session.scalars(select(func.max(Schedule.ends_at))).one()
    answer = run(house, write(tmp_path))
    assert "3 imported, 2 were known already; 3 new people" in answer.output
    assert db.session.scalars(select(func.max(Schedule.ends_at)).where(Schedule.day == date(2016, 5, 16))).one() > ends
    assert len(db.session.scalars(select(Doctor).where(Doctor.last_name.like("Import %"))).all()) == 2
    numbers = select(Visit.queue_number).where(Visit.queue_number.is_not(None)).order_by(Visit.queue_number)
    assert db.session.scalars(numbers).all() == [1, 2, 3]
    assert list(verify.findings()) == []


def test_a_dry_run_only_reports(house: House, tmp_path: Path) -> None:
    before = contents()
    answer = run(house, write(tmp_path), "--dry-run")
    assert (answer.exit_code, "5 would be new, 0 are known" in answer.output) == (0, True)
    assert "row 4 (line 5)" in answer.output
    assert "doctors  2: the fullest day has 4 appointments" in answer.output
    assert contents() == before


def test_all_or_nothing(house: House, tmp_path: Path) -> None:
    """The last day has no price: the days before it are not stored either."""
    before = contents()
    answer = run(house, write(tmp_path), "--as-of", "2016-05-17")
    assert answer.exit_code == 1
    assert "Consultation has no price on 2016-05-17, so" in answer.output
    assert contents() == before


@pytest.mark.postgres
@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_the_other_databases_of_the_server_go_on(house: House, tmp_path: Path) -> None:
    """While rows are stored, nothing is locked that all databases share."""

    def look(_: int) -> None:
        with psycopg.connect(postgres_url(), autocommit=True, options="-c lock_timeout=2s") as other:
            other.execute("ANALYZE pg_database")

    reading = appointments.read(write(tmp_path))
    found = house.run(store.store, reading, clock.today(house.clinic), 100, people.built_in(), progress=look)
    assert found.imported == 5


def test_it_is_one_act(house: House, tmp_path: Path) -> None:
    run(house, write(tmp_path))
    (act,) = db.session.scalars(select(AuditEntry).where(AuditEntry.action.like("import.%"))).all()
    assert (act.entity_kind, act.fields["imported"], act.fields["left_out"]) == ("clinic", 5, 1)
    assert "29E-5" not in json.dumps([entry.fields for entry in db.session.scalars(select(AuditEntry))])


# ------------------------------------------------------------------------------------------------------ impossible rows

IMPOSSIBLE = {
    "779,5,X,2016-05-11T10:00:00Z,2016-05-17T00:00:00Z,0,A,0,0,0,0,0,0,Yes": "the gender “X” is neither F nor M",
    "779,5,F,2016-05-11,2016-05-17T00:00:00Z,-1,A,0,0,0,0,0,0,Yes": "the age “-1” is not from 0 to 130",
    "779,5,F,11.05.2016,2016-05-17T00:00:00Z,1,A,0,0,0,0,0,0,Yes": "ScheduledDay “11.05.2016” is not a date",
    "779,5,F,2016-05-11,2016-02-30T00:00:00Z,1,A,0,0,0,0,0,0,Yes": "AppointmentDay “2016-02-30T00:00:00Z” is not",
    "779,5,F,2016-05-11,2016-05-17T00:00:00Z,1,A,0,0,0,0,0,0,Perhaps": "“Perhaps” under No-show is neither Yes nor No",
    ",5,F,2016-05-11,2016-05-17T00:00:00Z,1,A,0,0,0,0,0,0,No": "PatientId “” is not a number",
    "779,1,F,2016-05-11,2016-05-17T00:00:00Z,1,A,0,0,0,0,0,0,No": "appointment 1 is in row 1 already",
    f"779,5,F,2016-05-11,2016-05-17T00:00:00Z,1,{'A' * 10_000},0,0,0,0,0,0,No": "longer than 200 characters",
}


@pytest.mark.parametrize("row", IMPOSSIBLE, ids=list(IMPOSSIBLE.values()))
def test_an_impossible_row_is_named(tmp_path: Path, row: str) -> None:
    found = appointments.read(write(tmp_path, ROWS[0], row, ROWS[5]))
    ((number, line, why),) = [(p.row, p.line, p.why) for p in found.problems]
    assert (number, line) == (2, 3)
    assert IMPOSSIBLE[row] in why
    assert (found.rows, found.count) == (3, 2)


# ------------------------------------------------------------------------------------------------------ broken files

WHOLE = text(*ROWS).encode()
BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "The file is empty."),
    "header-only": (HEADER.encode() + b"\n", "a header and no rows"),
    "other-columns": (b"a,b,c\n1,2,3\n", "These columns are missing: PatientId, AppointmentID"),
    "semicolons": (WHOLE.replace(b",", b";"), "These columns are missing"),
    "column-twice": (WHOLE.replace(b"Diabetes", b"Age"), "The column Age is there twice."),
    "10000-columns": (b",".join(b"c%d" % n for n in range(10_000)) + b"\n", "10000 columns; at most 200"),
    "endless-line": (WHOLE + b"x" * 500_000, "is too long"),
    "cp1251": (WHOLE.replace("São José".encode(), "Сан Жозе".encode("cp1251")), "Line 7 is not UTF-8"),
    "latin-1": (text(*ROWS).encode("latin-1"), "Line 7 is not UTF-8"),
    "nul-bytes": (WHOLE.replace(b"VILA VELHA", b"VILA\x00VELHA"), "Line 2 contains NUL bytes"),
    "utf-16-without-mark": (text(*ROWS).encode("utf-16-le"), "NUL bytes. If this is UTF-16, save"),
    "utf-16-cut": (text(*ROWS).encode("utf-16")[:-3], "breaks off"),
    "short-row": (text(ROWS[0], "1,2,F", ROWS[1]).encode(), "Row 2 (line 3) has 3 columns instead of 14."),
    "long-row": (text(ROWS[0], ROWS[5] + ",x").encode(), "Row 2 (line 3) has 15 columns instead of 14."),
    "cut-in-a-row": (WHOLE[:-20], "The file breaks off or is damaged at line 7."),
    "cut-in-the-last-cell": (WHOLE[:-2], "The file breaks off or is damaged at line 7."),
    "cut-in-quotes": (WHOLE[:-30] + b'"S\xc3\xa3o', "breaks off"),
    "wild-quotes": (WHOLE.replace(b"VILA", b'"VILA" x'), "Check its quotation marks."),
    "cut-gzip": (gzip.compress(WHOLE * 500)[:-500], "breaks off or is damaged"),
    "broken-gzip": (b"\x1f\x8bnothing of the kind", "breaks off or is damaged"),
    "nothing-good": (text(ROWS[3]).encode(), "None of the 1 rows can be imported. Row 1: booked on 2016-05-17"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_refused_in_words(tmp_path: Path, kind: str) -> None:
    content, sentence = BROKEN[kind]
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as refusal:
        appointments.read(path)
    assert sentence in str(refusal.value)


def test_the_command_refuses_without_a_change(house: House, tmp_path: Path) -> None:
    before = contents()
    path = tmp_path / "broken.csv"
    for kind in ("empty", "cp1251", "cut-gzip", "10000-columns", "nothing-good"):
        path.write_bytes(BROKEN[kind][0])
        answer = run(house, path)
        assert (answer.exit_code, type(answer.exception)) == (1, SystemExit)
        assert BROKEN[kind][1] in answer.output
    for other, sentence in ((tmp_path, "is a folder, not a file"), (tmp_path / "no.csv", "cannot be read: no such")):
        answer = run(house, other)
        assert (answer.exit_code, sentence in answer.output) == (1, True)
    assert contents() == before


@pytest.mark.parametrize("how", ["utf-8", "utf-8-sig", "utf-16", "crlf", "gzip", "no-last-newline"])
def test_the_same_file_in_other_clothes(tmp_path: Path, how: str) -> None:
    content = {
        "crlf": text(*ROWS).replace("\n", "\r\n").encode(),
        "gzip": gzip.compress(WHOLE),
        "no-last-newline": WHOLE[:-1],
    }.get(how) or text(*ROWS).encode(how)
    (tmp_path / "other.csv").write_bytes(content)
    found = appointments.read(tmp_path / "other.csv")
    assert (found.rows, found.count, len(found.people)) == (6, 5, 4)
    assert found.people["780"].address == "São José"


# ------------------------------------------------------------------------------------------------------ the rule

DAY = date(2016, 5, 16)


@st.composite
def bookings(draw: st.DrawFn) -> list[appointments.Booking]:
    """A day's bookings: a few people, some of them often, some on the day itself."""
    found = []
    for number in range(draw(st.integers(1, 60))):
        before, minute = draw(st.sampled_from((0, 0, 1, 30))), draw(st.integers(0, 21 * 60))
        at = datetime(2016, 5, 16) - timedelta(days=before) + timedelta(minutes=minute)
        found.append(
            appointments.Booking(number, number, str(number), draw(st.sampled_from("abcdefgh")), at, DAY, True)
        )
    return found


@given(bookings())
def test_nobody_is_in_two_places(day: list[appointments.Booking]) -> None:
    doctors = plan.doctors_needed(len(day), max(Counter(b.person for b in day).values()))
    places = plan.DayPlan(doctors).give(day)
    assert len(places) == len(day)
    assert len({(p.doctor, p.quarter) for p in places}) == len(day)
    for person in {b.person for b in day}:
        mine = sorted((p for p in places if p.booking.person == person), key=lambda p: p.quarter)
        assert len({p.doctor for p in mine}) == len(mine)
        assert all(a.quarter < b.quarter for a, b in pairwise(mine))
    for place in places:
        if place.booking.booked_at.date() == DAY:
            begins = datetime(2016, 5, 16, 8) + timedelta(minutes=15 * place.quarter)
            assert begins >= place.booking.booked_at


def test_the_same_person_always_gets_the_same_name() -> None:
    lists = people.built_in()
    assert people.name_for("4711", True, lists) == people.name_for("4711", True, lists)
    names = Counter(people.name_for(str(n), False, lists)[0] for n in range(5000))
    assert names.most_common(1)[0][0] == lists["first_male"][0]
    assert set(names) <= set(lists["first_male"])


# ------------------------------------------------------------------------------------------------------ the real file


@pytest.fixture
def data() -> Path:
    folder = os.environ.get("TEST_DATA")
    if not folder:
        pytest.skip("no public data: run make test")
    return Path(folder)


@pytest.mark.data
@pytest.mark.slow
def test_the_real_file(house: House, data: Path) -> None:
    facts = json.loads((data / "noshow-2016" / "facts.json").read_text())
    answer = run(house, data / REAL, "--names", str(data / "names" / "names_by_locale.json"))
    assert answer.exit_code == 0, answer.output
    assert "75,278 imported" in answer.output
    impossible = Counter[str]()
    with gzip.open(data / REAL, "rt", encoding="utf-8", newline="") as source:
        for number, row in enumerate(csv.DictReader(source), 1):
            booked, day = row["ScheduledDay"][:10], row["AppointmentDay"][:10]
            if booked > day:
                impossible[day] += 1
                assert f"row {number} (line {number + 1}): booked on {booked}, after its day {day}" in answer.output
    assert impossible.total() == facts["booked_after_appointment_day"] == 5
    rows = db.session.execute(
        select(Appointment.day, Appointment.status, func.count()).group_by(Appointment.day, Appointment.status)
    )
    found: dict[str, Counter[str]] = {}
    for day, status, count in rows:
        found.setdefault(day.isoformat(), Counter())[status] = count
    for day, fact in facts["per_day"].items():
        assert found[day].total() == fact["booked"] - impossible[day], day
        assert found[day]["NO_SHOW"] == fact["no_show"] - impossible[day], day
    assert sum(counts["NO_SHOW"] for counts in found.values()) == facts["no_show"] - 5
    assert db.session.scalar(select(func.count(Patient.id))) == facts["patients"]
    assert list(verify.findings()) == []
    before = contents()
    assert "0 imported, 75,278 were known already" in run(house, data / REAL).output
    assert contents() == before
