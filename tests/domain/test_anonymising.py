"""The person goes: no string of theirs is left in any table, and everything that counts still adds up."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select

from reception.domain import accesses_review, anonymising, merging, merging_preview, patients, search, verify
from reception.domain.audit import record
from reception.domain.errors import Invalid, NotPossible
from reception.domain.visits import moves
from reception.extensions import Base, db
from reception.models import (
    AccessEntry,
    Appointment,
    AuditEntry,
    FieldHistory,
    ImportRun,
    LedgerEntry,
    Patient,
    PatientKey,
    PatientMerge,
    Payment,
    Questionnaire,
    QuestionnaireAnswer,
    ShiftNote,
    Visit,
    VisitStatus,
    WaitlistEntry,
    WaitlistStatus,
)
from tests.factories import House

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
WORDS = ("Canarova", "Canarina", "Canarevna", "Kanarova", "Canarstreet", "canarmail", "CanarInsurer")
NUMBERS = ("1712345678", "1729876543", "1731111111", "CANARID7", "CANARTAX", "CANARDOC", "CANARPOLICY")
"""What may not be found afterwards, in any case and spelling of the search."""


def dump() -> str:
    """Everything in all tables as one text, the search's own words included; hashes of the audit as they are."""
    db.session.rollback()
    found = []
    for table in Base.metadata.sorted_tables:
        for row in db.session.execute(select(table)).mappings():
            found.append(f"{table.name} {dict(row)}")
    return "\n".join(found).casefold()


def somebody(house: House) -> Patient:
    """A card with the canary's words wherever people can write some."""
    person = house.patient(
        "Canarova", first_name="Canarina", middle_name="Canarevna", phone="0171 2345678", home_phone="0173 1111111",
        email="me@canarmail.example", date_of_birth=date(1971, 2, 3), gender="FEMALE", national_id="CANARID7",
        tax_id="CANARTAX", document_type="PASSPORT", document_number="CANARDOC", address="Canarstreet 1",
        insurer="CanarInsurer", policy_number="CANARPOLICY", alerts="Canarova alert", special_needs="Canarova chair",
        additional_info="Canarova note", medical_history="Canarova ill",
    )  # fmt: skip
    house.run(patients.change, person.id, last_name="Kanarova")
    house.run(patients.change, person.id, last_name="Canarova", phone="0172 9876543")
    other = house.patient("Kanarova", first_name="Canarina", phone="0171 2345678")
    house.run(merging.merge, person.id, other.id, {"last_name": "kept"})
    booked = house.booked(person, reason="Canarova reason", notes="Canarova notes")
    visit = db.session.scalars(select(Visit).where(Visit.appointment_id == booked.id)).one()
    house.run(moves.move, visit.id, "cancel", reason="Canarova cancels")
    house.visit(VisitStatus.COMPLETED, patient=person, priority="PRIORITY", priority_reason="Canarova first")
    house.run(patients.note_access, person.id, "visits")
    look = db.session.scalars(select(AccessEntry)).one()
    house.run(accesses_review.review, look.id, False, "Canarova's neighbour")
    house.run(_written, person.id)
    return db.session.get_one(Patient, person.id)


def _written(patient_id: int, *, actor: Any, at: Any) -> None:
    """Vitals, complaints, answers and a wish."""
    visit = db.session.scalars(select(Visit).where(Visit.patient_id == patient_id, Visit.ticket.is_not(None))).one()
    visit.complaints, visit.temperature = "Canarova coughs", "canarova 39"
    sheet = Questionnaire(clinic_id=actor.clinic_id, version_no=99, questions=[])
    db.session.add(sheet)
    db.session.flush()
    answer = QuestionnaireAnswer(
        clinic_id=actor.clinic_id, patient_id=patient_id, questionnaire_id=sheet.id,
        answers={"allergies": "Canarova nuts"}, other_notes="Canarova more",
    )  # fmt: skip
    wish = WaitlistEntry(
        clinic_id=actor.clinic_id, patient_id=patient_id, service_id=visit.service_id, first_day=at.date(),
        last_day=at.date(), note="Canarova waits", status=WaitlistStatus.CANCELLED,
    )  # fmt: skip
    note = ShiftNote(
        clinic_id=actor.clinic_id, text="Ring CANAROVA Canarina at 0171-234 56 78 or +49 172 9876543, room 7"
    )
    told = [{"row": 3, "reason": "Canarova Canarina is registered with this phone already."}, {"row": 4, "reason": "?"}]
    run = ImportRun(
        clinic_id=actor.clinic_id, kind="patients", filename="people.csv", report=told, started_at=at, seen_at=at
    )
    visit.close_reason = "Canarova left"
    db.session.add_all([answer, wish, note, run])
    db.session.flush()
    record(actor, "visit.checklist", visit, at=at, also=(answer, wish, sheet, note))


def test_nothing_of_the_person_is_left(house: House) -> None:
    """A canary in every field; afterwards a dump of all tables holds none of them, and bills and audit stand."""
    person = somebody(house)
    ward = house.patient("Ward", guardian_id=person.id, referred_by_id=person.id)
    everywhere = dump()
    assert all(word.casefold() in everywhere for word in (*WORDS, *NUMBERS))
    figures = tuple(db.session.scalar(select(func.count()).select_from(m)) for m in (Payment, LedgerEntry, Visit))
    entries = db.session.scalar(select(func.count()).select_from(AuditEntry)) or 0

    done = house.run(anonymising.anonymise, person.id, person.card_no, "request")
    left = dump()
    assert [word for word in (*WORDS, *NUMBERS) if word.casefold() in left] == []
    assert "canar" not in left
    assert "kanar" not in left
    assert list(verify.findings()) == []
    assert db.session.scalars(select(ShiftNote.text)).one().split() == "Ring … … at … or …, room 7".split()
    report = db.session.scalars(select(ImportRun.report)).one()
    assert [line["reason"] for line in report] == ["… … is registered with this phone already.", "?"]
    assert figures == tuple(
        db.session.scalar(select(func.count()).select_from(m)) for m in (Payment, LedgerEntry, Visit)
    )
    assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == entries + 1
    assert (done.card_no, done.folded, done.is_active, done.date_of_birth) == (
        person.card_no,
        person.card_no,
        False,
        None,
    )
    for row in db.session.scalars(select(Patient).where(Patient.id.in_([person.id, 2]))):
        assert row.anonymised_at is not None
    db.session.refresh(ward)
    assert (ward.guardian_id, ward.referred_by_id, ward.last_name) == (None, None, "Ward")
    merge = db.session.scalars(select(PatientMerge)).one()
    assert (merge.before, merge.moved) == ({}, {})
    keys = select(func.count()).select_from(PatientKey).where(PatientKey.patient_id == person.id)
    assert db.session.scalar(keys) == 0
    old = select(func.count()).where(FieldHistory.entity_kind == "patient", FieldHistory.entity_id == person.id)
    assert db.session.scalar(old) == 0
    assert search.find_patients(house.clinic.id, "Canarova", closed=True) == []


@ON_SQLITE
def test_there_is_no_way_back_and_twice_is_once(house: House) -> None:
    person = somebody(house)
    house.run(anonymising.anonymise, person.id, person.card_no.lstrip("0"), "term")
    before = dump()
    house.run(anonymising.anonymise, person.id, "anything", "nothing")
    assert dump() == before
    for act in (
        lambda: house.run(patients.change, person.id, last_name="Canarova"),
        lambda: house.run(patients.set_active, person.id, True),
        lambda: house.run(merging.merge, house.patient("New").id, person.id, {}),
    ):
        with pytest.raises(NotPossible) as told:
            act()
        assert told.value.code == "anonymised"
    with pytest.raises(NotPossible):
        house.booked(person, house.at(16))
    merge = db.session.scalars(select(PatientMerge)).one()
    [shown] = merging_preview.merges(house.actor, person)
    assert shown.reason is not None
    assert shown.reason.code == "anonymised"
    with pytest.raises(NotPossible):
        house.run(merging.undo, merge.id)


@ON_SQLITE
def test_what_it_takes(house: House) -> None:
    """The card's own number, a reason of the list, nothing open; of a merged card, the one that stands."""
    person = house.patient("Canarova")
    for card_no, reason, field in (
        ("", "request", "card_no"),
        ("999999", "request", "card_no"),
        (person.card_no, "", "reason"),
    ):
        with pytest.raises(Invalid) as told:
            house.run(anonymising.anonymise, person.id, card_no, reason)
        assert list(told.value.fields) == [field]
    booked = house.booked(person)
    with pytest.raises(NotPossible) as still:
        house.run(anonymising.anonymise, person.id, person.card_no, "request")
    assert still.value.code == "open-visits"
    visit = db.session.scalars(select(Visit).where(Visit.appointment_id == booked.id)).one()
    house.run(moves.move, visit.id, "cancel", reason="ill")
    stays = house.patient("Stays")
    house.run(merging.merge, stays.id, person.id, {})
    with pytest.raises(NotPossible) as gone:
        house.run(anonymising.anonymise, person.id, person.card_no, "request")
    assert gone.value.link == ("patient", stays.id)
    assert db.session.scalars(select(Appointment.reason)).one() == ""


@ON_SQLITE
def test_a_card_is_closed_when_nothing_is_open(house: House) -> None:
    """Soft delete: not while something is booked, waits or is owed."""
    person = house.patient("Closing")

    def refused(code: str) -> None:
        with pytest.raises(NotPossible) as told:
            house.run(patients.set_active, person.id, False)
        assert told.value.code == code

    visit = house.visit(VisitStatus.PENDING_PAYMENT, patient=person)
    refused("open-visits")
    house.run(moves.move, visit.id, "owe")
    refused("unpaid")
    house.pay(db.session.get_one(Visit, visit.id))
    house.run(_wish, person.id)
    refused("waiting")
    house.run(_wish, person.id, status=WaitlistStatus.CANCELLED)
    assert house.run(patients.set_active, person.id, False).is_active is False
    assert house.run(patients.set_active, person.id, True).is_active is True


def _wish(patient_id: int, *, actor: Any, at: Any, status: WaitlistStatus = WaitlistStatus.ACTIVE) -> None:
    patient = db.session.get_one(Patient, patient_id)
    wish = db.session.scalars(select(WaitlistEntry)).first()
    if wish is None:
        service = db.session.scalars(select(Visit.service_id)).first()
        wish = WaitlistEntry(
            clinic_id=actor.clinic_id, patient_id=patient_id, service_id=service, first_day=at.date(),
            last_day=at.date(),
        )  # fmt: skip
        db.session.add(wish)
    wish.status = status
    db.session.flush()
    record(actor, "patient.change", patient, at=at, also=(wish,))


def test_every_column_of_a_card_is_thought_of() -> None:
    columns = {column.name for column in Patient.__table__.columns}
    assert columns == set(anonymising.EMPTIED) | anonymising.STAYS
