"""The record of a visit on both databases: written by its doctor, signed once, then only amended; what the database refuses."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError

from reception import constraints
from reception.domain import anonymising, icd
from reception.domain.actors import Actor
from reception.domain.errors import Invalid, NotAllowed, NotPossible, Refusal, Stale
from reception.domain.records import drafts, history, templates, treatments, vitals, writing
from reception.domain.search_words import plain
from reception.extensions import core, db
from reception.models import (
    Amendment,
    BillLine,
    Draft,
    IcdTitle,
    MedicalRecord,
    PrescriptionLine,
    RecordState,
    Role,
    Visit,
    VisitStatus,
    Vital,
)
from tests.factories import HASH, House

TITLES = [
    ("A00", "en", "Cholera"),
    ("A00.1", "en", "Cholera due to Vibrio cholerae 01, biovar eltor"),
    ("J06", "en", "Acute upper respiratory infections of multiple and unspecified sites"),
    ("J06.9", "en", "Acute upper respiratory infection, unspecified"),
    ("J06.9", "ru", "Острая инфекция верхних дыхательных путей неуточнённая"),
    ("K35", "en", "Acute appendicitis"),
    ("K35", "ru", "Острый аппендицит"),
    ("H65.9", "en", "Ménière’s disease or otitis media, nonsuppurative, unspecified"),
]


def know(house: House) -> None:
    """Bring the TITLES in."""
    rows = [
        {"code": code, "locale": locale, "title": title, "folded": f"{code.casefold()} {plain(title)}"}
        for code, locale, title in TITLES
    ]

    def bring(*, actor: Actor, at: object) -> None:
        core(IcdTitle.__table__.insert(), rows)

    house.run(bring)


def doctor_of(house: House, name: str = "doctor-one", **values: object) -> tuple[Actor, int]:
    """A doctor who signs in: the actor, and the doctor's id."""
    from reception.domain import users

    user = house.run(users.create_user, name, HASH, name.title(), [Role.DOCTOR])
    doctor = house.another_doctor(name.title(), user_id=user.id, **values)
    base = house.person(Role.DOCTOR)
    actor = Actor(
        kind="user", id=user.id, clinic=base.clinic, roles=frozenset({Role.DOCTOR}), user_id=user.id,
        name=user.full_name, doctor_id=doctor.id, department_id=doctor.department_id,
    )  # fmt: skip
    return actor, doctor.id


def seen(house: House, doctor_id: int, **more: object) -> Visit:
    return house.visit(VisitStatus.IN_PROGRESS, doctor_id=doctor_id, **more)


def row_of(visit: Visit) -> MedicalRecord:
    db.session.rollback()
    return db.session.scalars(select(MedicalRecord).where(MedicalRecord.visit_id == visit.id)).one()


def test_written_signed_and_amended(house: House) -> None:
    know(house)
    me, doctor_id = doctor_of(house)
    other, _ = doctor_of(house, "doctor-two")
    visit = seen(house, doctor_id)
    assert row_of(visit).state == RecordState.REGISTRATION
    values = {"complaints": " Cough for a week ", "initial_code": "j069", "sick_leave_from": "2026-11-20",
              "sick_leave_to": "2026-11-24", "sick_leave_number": "SL-1"}  # fmt: skip
    lines = [{"drug": "Paracetamol", "dose": "500 mg", "times": "3 times", "days": "5"}, {}, {"drug": "Tea"}]
    row = house.run(writing.save, visit.id, values, lines, actor=me, version=row_of(visit).version)
    assert (row.state, row.complaints, row.initial_code) == (RecordState.OPEN, "Cough for a week", "J06.9")
    assert (row.sick_leave_to, [line.drug for line in writing.prescription(row)]) == (
        date(2026, 11, 24), ["Paracetamol", "Tea"],
    )  # fmt: skip
    with pytest.raises(Invalid):
        house.run(writing.sign, visit.id, {}, actor=me)  # no final diagnosis yet
    with pytest.raises(Stale):
        house.run(writing.save, visit.id, {"notes": "x"}, actor=me, version=1)
    with pytest.raises(NotAllowed):
        house.run(writing.save, visit.id, {"notes": "x"}, actor=other)
    with pytest.raises(NotPossible):
        house.run(writing.amend, visit.id, "too early", actor=me)
    row = house.run(writing.sign, visit.id, {"final_code": "K35 Acute appendicitis"}, actor=me)
    assert (row.state, row.signed_by_id, row.final_code) == (RecordState.CLOSED, me.user_id, "K35")
    for verb in (writing.save, writing.sign):
        with pytest.raises(NotPossible):
            house.run(verb, visit.id, {"notes": "after"}, actor=me)
    with pytest.raises(NotAllowed):
        house.run(writing.amend, visit.id, "not mine", actor=other)
    house.run(writing.amend, visit.id, "Phoned: better", actor=me)
    assert [a.text for a in writing.amendments(row_of(visit))] == ["Phoned: better"]


@pytest.mark.parametrize(
    "values, field",
    [
        ({"final_code": "Z99.99"}, "final_code"),
        ({"final_code": "nonsense"}, "final_code"),
        ({"sick_leave_from": "2026-11-20"}, "sick_leave_to"),
        ({"sick_leave_from": "2026-11-20", "sick_leave_to": "2026-11-01"}, "sick_leave_to"),
        ({"sick_leave_from": "soon", "sick_leave_to": "2026-11-01"}, "sick_leave_from"),
        ({"state": "CLOSED"}, "state"),
        ({"notes": "x" * 20_001}, "notes"),
    ],
)
def test_bad_input_changes_nothing(house: House, values: dict[str, str], field: str) -> None:
    know(house)
    me, doctor_id = doctor_of(house)
    visit = seen(house, doctor_id)
    with pytest.raises(Invalid) as refused:
        house.run(writing.save, visit.id, values, actor=me)
    assert field in refused.value.fields
    assert row_of(visit).state == RecordState.REGISTRATION


def test_the_database_keeps_a_signed_record(house: House) -> None:
    """Past the domain: nothing of a signed record is changed, its medicines and amendments neither."""
    me, doctor_id = doctor_of(house)
    visit = seen(house, doctor_id)
    house.run(writing.sign, visit.id, {"final_code": "K35", "notes": "n"}, [{"drug": "Tea"}], actor=me)
    house.run(writing.amend, visit.id, "more", actor=me)
    row, record_id, clinic_id = row_of(visit), row_of(visit).id, house.clinic.id
    at = row.signed_at
    stranger = house.person(Role.MANAGER).user_id
    attacks = {
        "tr_medical_record_closed": update(MedicalRecord).where(MedicalRecord.id == record_id).values(notes="other"),
        "tr_medical_record_state": update(MedicalRecord).where(MedicalRecord.id == record_id).values(state="OPEN", signed_at=None, signed_by_id=None),
        "tr_medical_record_delete": text(f"DELETE FROM medical_record WHERE id = {record_id}"),
        "tr_prescription_line_closed": update(PrescriptionLine).values(drug="Poison"),
        "tr_prescription_line_closed ": delete(PrescriptionLine),
        "tr_prescription_line_closed  ": PrescriptionLine.__table__.insert().values(
            clinic_id=clinic_id, record_id=record_id, position=9, drug="Poison", dose="", times=""
        ),
        "tr_amendment_update": update(Amendment).values(text="never said"),
        "tr_amendment_delete": delete(Amendment),
        "tr_amendment_insert": Amendment.__table__.insert().values(
            clinic_id=clinic_id, record_id=record_id, at=at, by_id=stranger, text="as somebody else"
        ),
    }  # fmt: skip
    for name, statement in attacks.items():
        db.session.rollback()
        with pytest.raises(DBAPIError) as refused:
            db.session.execute(statement)
        found = constraints.name_of(refused.value)
        assert found == name.strip() or (name == "tr_medical_record_state" and found == "tr_medical_record_closed")
        db.session.rollback()
    assert row_of(visit).notes == "n"


def test_drafts_know_their_version(house: House) -> None:
    me, doctor_id = doctor_of(house)
    other, _ = doctor_of(house, "doctor-two")
    visit = seen(house, doctor_id)
    assert house.run(drafts.keep, visit.id, "notes", "He", 0, actor=me).version == 1
    assert house.run(drafts.keep, visit.id, "notes", "Hello", 1, actor=me).version == 2
    assert house.run(drafts.keep, visit.id, "notes", "Hello", 1, actor=me).version == 2, "the same again is no change"
    with pytest.raises(Stale):
        house.run(drafts.keep, visit.id, "notes", "Hi", 1, actor=me)
    for wrong in ("state", "signed_by_id", "drug-1000"):
        with pytest.raises(Invalid):
            house.run(drafts.keep, visit.id, wrong, "x", 0, actor=me)
    with pytest.raises(NotAllowed):
        house.run(drafts.keep, visit.id, "notes", "x", 0, actor=other)
    assert drafts.of(row_of(visit), other) == {}
    house.run(writing.save, visit.id, {"notes": "Hello"}, actor=me)
    assert db.session.scalars(select(Draft)).all() == []


def test_vitals_ask_where_it_may_be_true(house: House) -> None:
    me, doctor_id = doctor_of(house)
    nurse = house.person(Role.NURSE)
    visit = seen(house, doctor_id)
    house.run(vitals.measure, visit.id, {"temperature": "38,4", "pressure": "130/85", "pulse": ""}, actor=nurse)
    with pytest.raises(vitals.Unlikely):
        house.run(vitals.measure, visit.id, {"pulse": "210"}, actor=me)
    house.run(vitals.measure, visit.id, {"pulse": "210"}, actor=me, sure=True)
    for impossible in (
        {"pulse": "900"},
        {"temperature": "99"},
        {"pressure": "80/120"},
        {"weight": "heavy"},
        {"x": "1"},
    ):
        with pytest.raises(Invalid):
            house.run(vitals.measure, visit.id, impossible, actor=me, sure=True)
    with pytest.raises(NotAllowed):
        house.run(vitals.measure, visit.id, {"pulse": "70"}, actor=house.person(Role.RECEPTIONIST))
    rows = vitals.of_visit(visit)
    assert {(row.kind.value, row.value, row.unit) for row in rows} == {
        ("TEMPERATURE", 3840, "°C"), ("SYSTOLIC", 13000, "mmHg"), ("DIASTOLIC", 8500, "mmHg"), ("PULSE", 21000, "/min"),
    }  # fmt: skip
    wrong = next(row for row in rows if row.kind == "PULSE")
    house.run(vitals.take_back, visit.id, wrong.id, actor=me)
    assert "PULSE" not in vitals.over_time(visit.patient)


def test_treatments_are_lines_of_the_bill(house: House) -> None:
    me, doctor_id = doctor_of(house)
    nurse = house.person(Role.NURSE)
    from reception.domain import directory

    ecg = house.run(directory.add_service, "ECG", 4_500)
    visit = seen(house, doctor_id)
    before = visit.payment.total_amount
    treatment = house.run(treatments.order, visit.id, ecg.id, actor=me)
    db.session.rollback()
    visit = db.session.get_one(Visit, visit.id)
    assert visit.payment.total_amount == before + 4_500
    assert db.session.get_one(BillLine, treatment.line_id).doctor_id == doctor_id
    with pytest.raises(NotAllowed):
        house.run(treatments.order, visit.id, ecg.id, actor=nurse)
    done = house.run(treatments.tick, treatment.id, True, actor=nurse)
    assert done.done_by_id == nurse.user_id
    with pytest.raises(NotPossible):
        house.run(treatments.withdraw, treatment.id, actor=me)
    house.run(treatments.tick, treatment.id, False, actor=nurse)
    house.run(treatments.withdraw, treatment.id, actor=me)
    db.session.rollback()
    assert db.session.get_one(Visit, visit.id).payment.total_amount == before
    assert treatments.of_visit(db.session.get_one(Visit, visit.id)) == []


def test_templates_are_of_a_doctor_or_a_department(house: House) -> None:
    know(house)
    me, _ = doctor_of(house)
    colleague, _ = doctor_of(house, "doctor-two")
    house.run(templates.keep, "Cold", {"treatment": "Rest", "final_code": "j069"}, actor=me)
    house.run(templates.keep, "Advice", {"notes": "Drink"}, actor=me, for_department=True)
    assert [row.name for row in templates.offered(me)] == ["Advice", "Cold"]
    assert [row.name for row in templates.offered(colleague)] == ["Advice"]
    own = next(row for row in templates.offered(me) if row.name == "Cold")
    assert own.texts == {"treatment": "Rest", "final_code": "J06.9"}
    with pytest.raises(Refusal):
        house.run(templates.forget, own.id, actor=colleague)
    house.run(templates.forget, own.id, actor=me)
    assert [row.name for row in templates.offered(me)] == ["Advice"]


def test_a_diagnosis_is_found_by_code_and_by_words(house: House) -> None:
    know(house)

    def found(typed: str, locale: str = "en") -> list[str]:
        return [one.code for one in icd.search(typed, locale)]

    assert found("j06") == found("J 06") == found("о06") or found("j06") == ["J06", "J06.9"]
    assert found("j069") == found("J06.9") == ["J06.9"]
    assert found("К35", "ru") == ["K35"], "a Cyrillic letter that looks the same"
    assert found("respiratory acute") == found("ACUTE respir") == ["J06", "J06.9"]
    assert found("meniere") == ["H65.9"]
    assert found("аппендицит", "ru") == found("острый аппенд", "ru") == ["K35"]
    assert found("fgg", "ru") == ["K35"], "typed in the other layout"
    assert icd.search("appendicitis", "ru")[0].title == "Острый аппендицит"
    assert icd.search("cholera eltor", "ru")[0].title.startswith("Cholera due"), "English where there is no Russian"
    assert found("") == found("zz zz") == found("%%%") == found('"') == []
    assert icd.titles(["J06.9", "A00", "nope"], "ru") == {"J06.9": TITLES[4][2], "A00": "Cholera"}


def test_a_history_is_read_page_by_page(house: House) -> None:
    know(house)
    me, doctor_id = doctor_of(house)
    patient = house.patient("Longstory")
    visits = []
    for number in range(23):
        visit = house.visit(VisitStatus.IN_PROGRESS, doctor_id=doctor_id, patient=patient)
        code = "K35" if number == 3 else "J06.9"
        house.run(writing.sign, visit.id, {"final_code": code, "notes": f"visit number{number}x"}, actor=me)
        house.move(visit, "finish")
        visits.append(visit.id)
    first = history.page(me, patient)
    assert [entry.visit.id for entry in first.entries] == visits[:2:-1]
    second = history.page(me, patient, before=first.before)
    assert [entry.visit.id for entry in second.entries] == visits[2::-1]
    assert second.before is None
    assert [entry.visit.id for entry in history.page(me, patient, "appendicitis").entries] == [visits[3]]
    assert [entry.visit.id for entry in history.page(me, patient, "аппендицит").entries] == [visits[3]]
    assert [entry.visit.id for entry in history.page(me, patient, "number7x").entries] == [visits[7]]


def test_an_anonymous_person_has_no_record(house: House) -> None:
    me, doctor_id = doctor_of(house)
    visit = seen(house, doctor_id)
    house.run(vitals.measure, visit.id, {"pulse": "70"}, actor=me)
    house.run(drafts.keep, visit.id, "notes", "typed", 0, actor=me)
    house.run(writing.sign, visit.id, {"final_code": "K35", "notes": "secret"}, [{"drug": "Tea"}], actor=me)
    house.run(writing.amend, visit.id, "secret too", actor=me)
    house.move(visit, "finish")
    house.pay(db.session.get_one(Visit, visit.id))
    patient = db.session.get_one(Visit, visit.id).patient
    house.run(anonymising.anonymise, patient.id, patient.card_no, "request")
    row = row_of(visit)
    assert (row.notes, row.final_code, row.folded, row.state) == ("", "", "", RecordState.CLOSED)
    assert [a.text for a in writing.amendments(row)] == ["—"]
    assert db.session.scalars(select(Vital)).all() == db.session.scalars(select(PrescriptionLine)).all() == []
