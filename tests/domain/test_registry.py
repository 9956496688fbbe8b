"""What a whole card accepts: phones of every country, guardians, places, documents, consents, the questionnaire."""

from __future__ import annotations

import csv
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from reception import formats
from reception.domain import consents, patients, questionnaires, regions, registration, registry_links, verify
from reception.domain.errors import Invalid, NotAllowed, NotFound, NotPossible, Stale
from reception.domain.phones import normal_phone
from reception.extensions import db
from reception.models import (
    AuditEntry,
    Consent,
    District,
    Patient,
    Questionnaire,
    QuestionnaireAnswer,
    Region,
    Role,
    Settlement,
)
from tests.factories import House

LONG = "x" * 10_000
ARABIC, PERSIAN, FULL = (
    str.maketrans("0123456789+", digits) for digits in ("٠١٢٣٤٥٦٧٨٩+", "۰۱۲۳۴۵۶۷۸۹+", "０１２３４５６７８９＋")
)


def count(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def refused(verb: Any, *values: Any, field: str = "", **more: Any) -> Any:
    with pytest.raises((Invalid, NotPossible, NotAllowed)) as told:
        verb(*values, **more)
    assert not field or list(told.value.fields) == [field], told.value.fields
    return told.value


# ----------------------------------------------------------------------------------------------------------- phones


@pytest.mark.data
def test_every_usual_way_of_writing_every_countrys_numbers() -> None:
    """489 numbers in the ways that people write them, each in its own country: one and the same E.164."""
    folder = os.environ.get("TEST_DATA")
    if not folder:
        pytest.skip("no TEST_DATA")
    with (Path(folder) / "phones" / "example_numbers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 489
    wrong = []
    for row in rows:
        e164, abroad, home, code = row["e164"], row["international"], row["national"], row["country_code"]
        first, _, rest = home.partition(" ")
        ways = {
            e164, abroad, home, abroad.replace(" ", "-"), home.replace(" ", "-"), home.replace(" ", "."),
            home.replace(" ", "/", 1), home.replace(" ", "\u00a0"), home.replace(" ", "\u2013"), f"({first}) {rest}",
            "".join(c for c in home if c.isdigit()), "00" + e164[1:], "00 " + abroad[1:], e164[1:],
            f"(+{code}) {abroad[len(code) + 2 :]}", f"+({code}) {abroad[len(code) + 2 :]}", f"\u2066{home}\u2069",
            home.translate(ARABIC), home.translate(PERSIAN), home.translate(FULL), abroad.translate(FULL),
            ("00" + e164[1:]).translate(ARABIC), formats.phone(e164, row["region"]),
        }  # fmt: skip
        wrong += [(row["region"], way) for way in ways if normal_phone(way, row["region"]) != e164]
    assert wrong == []


@pytest.mark.parametrize(
    "region, typed",
    [
        ("DE", "90 123 45 67"), ("DE", "(212) 555-0123"), ("UZ", "0171 2345678"), ("US", "030 1234567"), ("DE", "12"),
        ("DE", "0" * 30), ("DE", "+999 123"), ("DE", "+49 12"), ("DE", "=1+1"), ("DE", "\x00"), ("DE", "\u200f"),
        ("DE", "٣"), ("DE", "+" * 30), ("UZ", "<script>"),
    ],
)  # fmt: skip
def test_other_countries_numbers_need_their_code(region: str, typed: str) -> None:
    told = refused(normal_phone, typed, region, "home_phone", field="home_phone")
    assert "with + and their country code" in str(told)


def test_a_number_that_stands_may_stay() -> None:
    """A range that the lists do not know yet, typed with its code, shown without: saving the form again keeps it."""
    assert normal_phone("+49 30 23125 12", "DE") == "+49302312512"
    odd = "+4991234"
    assert normal_phone(odd, "DE") == odd
    refused(normal_phone, "091234", "DE")
    assert normal_phone("091234", "DE", known=odd) == odd


# -------------------------------------------------------------------------------------------------- columns and links


def with_places() -> None:
    names = {"uz": "Toshkent", "ru": "Ташкент", "en": "Tashkent"}
    db.session.add_all([Region(code="17", country="UZ", names=names), Region(code="18", country="UZ", names=names)])
    db.session.flush()
    db.session.add_all([District(code="17a", region_code="17", names=names), District(code="18a", region_code="18",
                                                                                       names={"uz": "G'alla"})])  # fmt: skip
    db.session.flush()
    db.session.add(Settlement(code="17a1", district_code="17a", names=names))
    db.session.add(Settlement(code="18a1", district_code="18a", names=names))
    db.session.commit()


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"document_number": "AB 1"}, "document_type"),
    ({"document_type": "NAPKIN", "document_number": "1"}, "document_type"),
    ({"document_type": "PASSPORT", "document_number": LONG}, "document_number"),
    ({"country": "XX"}, "country"),
    ({"country": LONG}, "country"),
    ({"region_code": "99"}, "region_code"),
    ({"region_code": LONG}, "region_code"),
    ({"region_code": "\x00"}, "region_code"),
    ({"district_code": "99"}, "district_code"),
    ({"region_code": "17", "district_code": "18a"}, "district_code"),
    ({"district_code": "17a", "settlement_code": "18a1"}, "settlement_code"),
    ({"region_code": "18", "settlement_code": "17a1"}, "district_code"),
    ({"insurance_type": "MAGIC"}, "insurance_type"),
    ({"insurer": LONG}, "insurer"),
    ({"policy_number": LONG}, "policy_number"),
    ({"gestational_age_weeks": 19}, "gestational_age_weeks"),
    ({"gestational_age_weeks": 46}, "gestational_age_weeks"),
    ({"gestational_age_weeks": True}, "gestational_age_weeks"),
    ({"gestational_age_weeks": "30"}, "gestational_age_weeks"),
    ({"medical_history": LONG}, "medical_history"),
    ({"guardian_id": 10**9}, "guardian_id"),
    ({"guardian_id": -1}, "guardian_id"),
    ({"guardian_id": 2**70}, "guardian_id"),
    ({"referred_by_id": 10**9}, "referred_by_id"),
    ({"folded": "x"}, "folded"),
    ({"anonymised_at": None}, "anonymised_at"),
]


def test_what_the_new_fields_refuse(house: House) -> None:
    """On registration and on a change, each in words about its field; nothing of it is saved."""
    with_places()
    known = house.patient("Known")
    before = (count(Patient), count(AuditEntry), known.version)
    for values, field in REFUSED:
        refused(house.run, patients.register, last_name="New", field=field, **values)
        refused(house.run, patients.change, known.id, field=field, **values)
    db.session.refresh(known)
    assert (count(Patient), count(AuditEntry), known.version) == before


def test_a_foreign_district_is_refused_by_the_database_too(house: House) -> None:
    with_places()
    row = house.patient("Known", settlement_code="17a1", address="Navoi 1")
    assert (row.country, row.region_code, row.district_code) == ("UZ", "17", "17a")
    for columns in (
        "region_code = '17', district_code = '18a', settlement_code = NULL",
        "region_code = NULL",
        "settlement_code = '18a1'",
        "region_code = '17', district_code = NULL",
        "guardian_id = id",
        "referred_by_id = id",
        "document_number = 'A'",
        "gestational_age_weeks = 50",
    ):
        with pytest.raises(DBAPIError):
            db.session.execute(text(f"UPDATE patient SET {columns} WHERE id = {row.id}"))
        db.session.rollback()
    house.run(patients.change, row.id, region_code="18")
    assert (row.region_code, row.district_code, row.settlement_code) == ("18", None, None)
    house.run(patients.change, row.id, district_code="18a")
    assert regions.name_of(regions.Where.of(row).district, "ru") == "G'alla"
    assert regions.name_of(regions.Where.of(row).region, "ar") == "Tashkent"
    house.run(patients.change, row.id, region_code="", district_code="", country="DE")
    assert (row.region_code, row.country) == (None, "DE")


def test_guardians(house: House) -> None:
    """Here, with a name, never oneself, never in a circle; the phone stays on the guardian's card."""
    mother = house.patient("Ivanova", phone="0171 2345678")
    foreign = House.open(house.app, "Hillside").patient("Foreign")
    child = house.patient("Ivanov", guardian_id=mother.id, phone="+49 171 2345678", date_of_birth=date(2026, 11, 1),
                          gestational_age_weeks=38)  # fmt: skip
    assert (child.phone, child.guardian_id, child.gestational_age_weeks) == (None, mother.id, 38)
    assert registry_links.guardians([child, mother]) == {mother.id: mother}
    assert registry_links.wards(house.actor, mother) == [child]
    baby = house.patient("Baby", guardian_id=child.id)
    for name in ("guardian_id", "referred_by_id"):
        house.run(patients.change, child.id, **{name: mother.id})
        house.run(patients.change, baby.id, **{name: child.id})
        told = refused(house.run, patients.change, mother.id, field=name, **{name: baby.id})
        assert (told.code, "in a circle" in str(told)) == ("circle", True)
        refused(house.run, patients.change, mother.id, field=name, **{name: mother.id})
        refused(house.run, patients.change, mother.id, field=name, **{name: foreign.id})
        refused(house.run, patients.change, mother.id, field=name, **{name: house.run(patients.guest).id})
    assert list(verify.findings()) == []
    db.session.execute(text(f"UPDATE patient SET guardian_id = {baby.id} WHERE id = {mother.id}"))
    ring = f"patients {mother.id}, {child.id}, {baby.id}: each is in the care of the next, in a circle"
    assert ring in list(verify.findings())
    db.session.rollback()
    closed = house.patient("Closed")
    house.run(patients.change, baby.id, guardian_id=closed.id)
    house.run(patients.set_active, closed.id, False)
    refused(house.run, patients.change, child.id, field="guardian_id", guardian_id=closed.id)
    house.run(patients.change, baby.id, guardian_id=closed.id, first_name="Same")  # what stands may stay
    house.run(patients.change, baby.id, guardian_id=None)
    assert baby.guardian_id is None


def test_one_document_is_one_card(house: House) -> None:
    """Type and number together; the way to the other card; the database says it too."""
    first = house.patient("Known", document_type="passport", document_number="ab 12-3")
    assert (first.document_type, first.document_number) == ("PASSPORT", "AB12-3")
    told = refused(house.patient, "New", document_type="PASSPORT", document_number="AB 12-3")
    assert (told.code, told.link) == ("duplicate-id", ("patient", first.id))
    other = house.patient("New", document_type="ID_CARD", document_number="AB12-3")
    with pytest.raises(DBAPIError):
        db.session.execute(text(f"UPDATE patient SET document_type = 'PASSPORT' WHERE id = {other.id}"))
    db.session.rollback()
    house.run(patients.change, other.id, document_number="")
    assert other.document_type is None


def test_the_medical_history_is_for_few(house: House) -> None:
    manager, desk = house.person(Role.MANAGER), house.person(Role.RECEPTIONIST)
    row = house.patient("Known", medical_history="Asthma", actor=desk)
    with pytest.raises(NotAllowed):
        house.run(patients.change, row.id, medical_history="", actor=manager)
    house.run(patients.change, row.id, medical_history="Asthma", first_name="Kim", actor=manager)
    assert (row.medical_history, row.first_name) == ("Asthma", "Kim")


# ------------------------------------------------------------------------------------------ consents, questionnaire


def test_consents_are_only_added(house: House) -> None:
    """Asked, given, taken back, given again in a newer version: every answer stays; the database changes none."""
    desk = house.person(Role.RECEPTIONIST)
    row = house.run(registration.register, {"last_name": "Known"}, {"TREATMENT": True}, actor=desk)
    assert [kind.value for kind in consents.to_ask(row)] == ["PERSONAL_DATA"]
    house.run(consents.note, row.id, "TREATMENT", True, actor=desk)
    house.run(registration.change, row.id, {}, {"TREATMENT": True}, actor=desk)
    assert count(Consent) == 1
    house.run(consents.note, row.id, "TREATMENT", True, "2026-11", actor=desk)
    house.run(registration.change, row.id, {}, {"TREATMENT": False, "MESSAGES": True}, actor=desk)
    standing = {consent.kind.value: consent for consent in consents.standing(row)}
    assert [(kind, consent.is_given) for kind, consent in standing.items()] == [
        ("PERSONAL_DATA", False), ("TREATMENT", False), ("MESSAGES", True), ("PHOTOGRAPHS", False),
    ]  # fmt: skip
    assert [(r.kind, r.is_given, r.version, who) for r, who in consents.history(house.actor, row)] == [
        ("MESSAGES", True, "1", desk.name), ("TREATMENT", False, "2026-11", desk.name),
        ("TREATMENT", True, "2026-11", desk.name), ("TREATMENT", True, "1", desk.name),
    ]  # fmt: skip
    refused(house.run, consents.note, row.id, "EVERYTHING", True, field="kind")
    refused(house.run, consents.note, row.id, "TREATMENT", True, LONG, field="version")
    with pytest.raises(NotFound):
        house.run(consents.note, House.open(house.app, "Hillside").patient("F").id, "TREATMENT", True)
    for statement in ("UPDATE consent SET is_given = is_given", "DELETE FROM consent"):
        with pytest.raises(DBAPIError):
            db.session.execute(text(statement))
        db.session.rollback()


QUESTIONS: list[dict[str, Any]] = [
    {"label": "Smoker?", "type": "yes-no"},
    {"label": "Smoker?", "type": "choice", "choices": "never\n now\n\nnever"},
    {"label": "  ", "type": "text"},
    {"label": "Weight", "type": "number"},
    {"label": "Last X-ray", "type": "date"},
]


def test_the_questionnaire_by_version(house: House) -> None:
    """Other questions are a new version; answers stay with theirs; what is the same again adds nothing."""
    row, desk, manager = house.patient("Known"), house.person(Role.RECEPTIONIST), house.person(Role.MANAGER)
    first = house.run(questionnaires.answer, row.id, {"smoking": "yes"}, "note", actor=desk, version_no=0, seen=0)
    assert questionnaires.current(house.clinic.id).version_no == 1  # type: ignore[union-attr]
    version = house.run(questionnaires.publish, QUESTIONS, seen=1)
    assert [q["key"] for q in version.questions] == ["smoker", "smoker_2", "weight", "last_x_ray"]
    assert version.questions[1]["choices"] == ["never", "now"]
    assert house.run(questionnaires.publish, version.questions, seen=2).id == version.id
    good = {"smoker": "no", "smoker_2": "now", "weight": "70,5", "last_x_ray": "2026-02-28"}
    for _ in range(2):
        second = house.run(questionnaires.answer, row.id, good, "", actor=desk, version_no=2)
    assert second.answers == {**good, "weight": "70.5"}
    assert [(a.id, q.version_no) for a, q in questionnaires.history(row)] == [(second.id, 2), (first.id, 1)]
    before = (count(Questionnaire), count(QuestionnaireAnswer), count(AuditEntry))
    for key, value in (
        ("smoker", "maybe"), ("smoker_2", "later"), ("weight", "heavy"), ("weight", "1" * 40), ("weight", "NaN"),
        ("last_x_ray", "2026-02-30"), ("smoker", LONG), ("weight", "\x00"), ("secret", "x"),
    ):  # fmt: skip
        refused(house.run, questionnaires.answer, row.id, {key: value}, "", actor=desk, field=f"q-{key}")
    refused(house.run, questionnaires.answer, row.id, {}, LONG, actor=desk, field="other_notes")
    refused(house.run, questionnaires.answer, row.id, {}, "", actor=manager)
    for more in ({"version_no": 1}, {"seen": first.id}):
        with pytest.raises(Stale):
            house.run(questionnaires.answer, row.id, {}, "", actor=desk, **more)
    with pytest.raises(Stale):
        house.run(questionnaires.publish, QUESTIONS, seen=1)
    for wrong, field in (
        ([], "label-0"), ([{"label": LONG, "type": "text"}], "label-0"), ([{"label": "a", "type": "song"}], "type-0"),
        ([{"label": "a", "type": "choice", "choices": ["one"]}], "choices-0"),
    ):  # fmt: skip
        refused(house.run, questionnaires.publish, wrong, field=field)
    refused(house.run, questionnaires.publish, [{"label": f"{n}", "type": "text"} for n in range(81)])
    assert (count(Questionnaire), count(QuestionnaireAnswer), count(AuditEntry)) == before
    said = str(db.session.scalars(select(AuditEntry.fields)).all())
    assert "70.5" not in said
    assert "2026-02-28" not in said
