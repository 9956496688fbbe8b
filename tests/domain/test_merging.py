"""Two cards become one and are two again: what moves, what stays, what money does, what stands in the way."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from reception import clock
from reception.domain import (
    accesses,
    cards,
    consents,
    merging,
    merging_preview,
    merging_rows,
    operations,
    patients,
    search,
    trail,
    verify,
)
from reception.domain.errors import Invalid, NotFound, NotPossible, Stale
from reception.domain.visits import walkin
from reception.extensions import Base, db
from reception.models import (
    Account,
    AccountKind,
    Appointment,
    DifferentPeople,
    LedgerEntry,
    MedicalRecord,
    Patient,
    PatientMerge,
    Payment,
    Questionnaire,
    QuestionnaireAnswer,
    Role,
    Visit,
    VisitStatus,
    WaitlistEntry,
)
from tests.factories import House

ADDED_ONLY = {
    "access_entry", "audit_entry", "audit_head", "consent", "field_history", "idempotency_key", "ledger_entry",
    "live_region", "operation", "patient_merge", "visit_event",
}  # fmt: skip
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
STAMPS = {"version", "updated_at", "updated_by_id"}


def everything() -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables that may change, without the stamps of who changed them last."""
    db.session.rollback()
    found = {}
    for table in Base.metadata.sorted_tables:
        if table.name not in ADDED_ONLY:
            rows = db.session.execute(select(table).order_by(*table.primary_key)).mappings()
            found[table.name] = [{k: v for k, v in row.items() if k not in STAMPS} for row in rows]
    return found


def pair(house: House) -> tuple[Patient, Patient]:
    """Two full cards of one person; each has a past, a bill to pay and something to come."""
    referrer = house.patient("Referrer")
    kept = house.patient(
        "Ivanova", first_name="Maria", phone="0171 2345678", date_of_birth=date(1980, 5, 4), alerts="Latex",
        national_id="AB1", gender="FEMALE",
    )  # fmt: skip
    house.later(minutes=1)
    gone = house.patient(
        "Ivanowa", first_name="Mariya", phone="0172 9876543", home_phone="0173 1111111", alerts="Penicillin",
        tax_id="77", address="Lindenstr. 5", referred_by_id=referrer.id,
    )  # fmt: skip
    house.patient("Ward", guardian_id=gone.id)
    house.patient("Sent", referred_by_id=gone.id)
    for card, hour in ((kept, 13), (gone, 15)):
        house.visit(VisitStatus.COMPLETED, patient=card)
        owing = house.visit(VisitStatus.PENDING_PAYMENT, patient=card)
        house.pay(owing, 5_000)
        house.booked(card, house.at(hour, days=hour - 12))
        house.run(patients.note_access, card.id, "visits")
        house.run(consents.note, card.id, "TREATMENT", card is gone)
    house.run(_more, gone.id)
    return kept, gone


def _more(gone_id: int, *, actor: Any, at: Any) -> None:
    """Rows of other subjects that name the card."""
    from reception.domain.audit import record

    third = db.session.scalar(select(Patient.id).where(Patient.last_name == "Referrer")) or 0
    sheet = Questionnaire(clinic_id=actor.clinic_id, version_no=99, questions=[])
    db.session.add(sheet)
    db.session.flush()
    answer = QuestionnaireAnswer(
        clinic_id=actor.clinic_id, patient_id=gone_id, questionnaire_id=sheet.id, answers={"allergies": "nuts"}
    )  # fmt: skip
    service = db.session.scalars(select(Appointment.service_id)).first()
    wish = WaitlistEntry(
        clinic_id=actor.clinic_id, patient_id=gone_id, service_id=service, first_day=at.date(), last_day=at.date()
    )
    first, second = sorted((third, gone_id))
    db.session.add_all(
        [answer, wish, DifferentPeople(clinic_id=actor.clinic_id, first_id=first, second_id=second, at=at)]
    )
    db.session.flush()
    record(actor, "patient.change", db.session.get_one(Patient, gone_id), at=at, also=(answer, wish, sheet))


def debt(card: Patient) -> int:
    found = select(Account.balance).where(Account.patient_id == card.id, Account.kind == AccountKind.PATIENT_DEBT)
    return db.session.scalar(found) or 0


def count(model: Any, card: Patient) -> int:
    return db.session.scalar(select(func.count()).select_from(model).where(model.patient_id == card.id)) or 0


MOVES = (Visit, Appointment, Payment, MedicalRecord, WaitlistEntry, QuestionnaireAnswer)
TAKE = {"phone": "gone", "home_phone": "gone", "tax_id": "gone", "address": "gone", "alerts": "both"}


def test_everything_moves_and_comes_back_exactly(house: House) -> None:
    """Every row of every table is afterwards as it was before; money is right in between and after."""
    kept, gone = pair(house)
    before, debts = everything(), (debt(kept), debt(gone))
    assert all(debts)
    mine = {model: count(model, kept) for model in MOVES}
    theirs = {model: count(model, gone) for model in MOVES}
    assert all(theirs.values())

    merge = house.run(merging.merge, kept.id, gone.id, TAKE, kept_version=kept.version, gone_version=gone.version)
    for row in (kept, gone):
        db.session.refresh(row)
    assert (kept.phone, kept.home_phone, kept.tax_id, kept.address) == (
        "+491729876543", "+491731111111", "77", "Lindenstr. 5",
    )  # fmt: skip
    assert (kept.last_name, kept.alerts, kept.national_id) == ("Ivanova", "Latex; Penicillin", "AB1")
    assert (gone.merged_into_id, gone.is_active, gone.phone, gone.tax_id) == (kept.id, False, None, None)
    for model in MOVES:
        assert (count(model, gone), count(model, kept)) == (0, mine[model] + theirs[model]), model
        assert len(merge.moved[model.__tablename__]) == theirs[model]
    assert (debt(kept), debt(gone)) == (sum(debts), 0)
    assert list(verify.findings()) == []

    house.run(merging.undo, merge.id)
    assert everything() == before
    assert (debt(kept), debt(gone)) == debts
    assert list(verify.findings()) == []
    with pytest.raises(NotPossible) as told:
        house.run(merging.undo, merge.id)
    assert told.value.code == "undone"
    house.run(merging.merge, gone.id, kept.id, {})  # and the other way round


def test_everything_is_found_under_the_card_that_stays(house: House) -> None:
    kept, gone = pair(house)
    house.run(merging.merge, kept.id, gone.id, {})
    actor = house.actor
    for text in ("Ivanowa", "Mariya", gone.card_no, gone.card_no.lstrip("0"), "9876543", "0172 9876543"):
        assert [found.id for found in search.find_patients(house.clinic.id, text)][:1] == [kept.id], text
    assert patients.find(gone.id, actor).id == kept.id
    assert len(cards.visits(actor, kept)[0]) == 4
    assert len(cards.bills(actor, kept)[0]) == 6
    looks, _ = cards.accesses(actor, kept)
    assert len(looks) == 2
    assert {row.entry.patient_id for row in accesses.page(actor, accesses.Asked(patient_id=gone.id)).rows} == {
        kept.id, gone.id,
    }  # fmt: skip
    changes, _ = cards.changes(actor, kept)
    assert [c.action for c in changes].count("patient.register") == 2
    assert changes[0].action == "patient.merge"
    assert {s.kind: s.is_given for s in consents.standing(kept)}["TREATMENT"]  # the newest of both cards
    entries = trail.page(actor, trail.Wanted(record=("patient", gone.id))).entries
    assert {entry.entity_id for entry in entries} == {kept.id, gone.id}
    today = clock.today(house.clinic)
    rows = operations.page(actor, operations.Asked(today, today)).rows
    assert rows
    assert {row.card_no for row in rows} == {kept.card_no}
    ward, sent = (
        db.session.scalars(select(Patient).where(Patient.last_name == name)).one() for name in ("Ward", "Sent")
    )
    assert (ward.guardian_id, sent.referred_by_id) == (kept.id, kept.id)


@ON_SQLITE
def test_the_gone_card_takes_nothing_new(house: House) -> None:
    """Booking, walking in, changing and opening it again are refused, and the way to the kept card is shown."""
    kept, gone = house.patient("Stays"), house.patient("Goes")
    house.booked()
    house.run(merging.merge, kept.id, gone.id, {})
    acts = (
        lambda: house.booked(gone, house.at(16)),
        lambda: house.run(walkin.walk_in, gone.id, house.service.id, doctor_id=house.doctor.id),
        lambda: house.run(patients.change, gone.id, last_name="Else"),
        lambda: house.run(patients.set_active, gone.id, True),
    )
    for act in acts:
        with pytest.raises(NotPossible) as told:
            act()
        assert (told.value.code, told.value.link) == ("merged", ("patient", kept.id))


def test_a_moved_bill_is_paid_cancelled_and_taken_back(house: House) -> None:
    """The money of a moved bill follows the card it is on, also when the cards are taken apart in between."""
    kept, gone = house.patient("Stays"), house.patient("Goes")
    unpaid = house.visit(VisitStatus.PENDING_PAYMENT, patient=gone)
    booked = house.booked(gone, house.at(16))
    charged = debt(gone)
    merge = house.run(merging.merge, kept.id, gone.id, {})
    assert (debt(kept), debt(gone)) == (charged, 0)
    house.pay(db.session.get_one(Visit, unpaid.id))
    assert (debt(kept), debt(gone)) == (charged - 12_000, 0)
    from reception.domain.visits import moves

    visit = db.session.scalars(select(Visit).where(Visit.appointment_id == booked.id)).one()
    house.run(moves.move, visit.id, "cancel", reason="ill")
    assert (debt(kept), debt(gone)) == (0, 0)
    house.visit(VisitStatus.PENDING_PAYMENT, patient=db.session.get_one(Patient, kept.id))
    house.run(merging.undo, merge.id)
    assert (debt(kept), debt(gone)) == (12_000, 0)
    house.undo(db.session.get_one(Visit, visit.id))  # within 30 s: the booking stands again, and is charged
    assert (debt(kept), debt(gone)) == (12_000, 12_000)
    assert list(verify.findings()) == []
    assert db.session.scalar(select(func.count()).where(LedgerEntry.event_kind == "patient-merge"))


def test_what_cannot_become_one(house: House) -> None:
    """A card and itself, another clinic's, one that is gone; each clash is named and nothing is half done."""
    kept, gone = house.patient("Stays"), house.patient("Goes")
    elsewhere = House.open(house.app, "Hillside").patient("Foreign")
    before = everything()
    with pytest.raises(Invalid) as same:
        house.run(merging.merge, kept.id, kept.id, {})
    assert same.value.code == "same-card"
    for ids in ((kept.id, elsewhere.id), (elsewhere.id, kept.id), (kept.id, 10**9), (-1, kept.id), (kept.id, 2**70)):
        with pytest.raises(NotFound):
            house.run(merging.merge, *ids, {})
    for take in ({"phone": "both"}, {"phone": "theirs"}, {"is_active": "gone"}, {"last_name": "gone "}):
        with pytest.raises(Invalid):
            house.run(merging.merge, kept.id, gone.id, take)
    with pytest.raises(Stale):
        house.run(merging.merge, kept.id, gone.id, {}, kept_version=99)
    assert everything() == before

    def refused(code: str, *names: str) -> None:
        standing = everything()
        with pytest.raises(NotPossible) as told:
            house.run(merging.merge, kept.id, gone.id, {})
        assert told.value.code == code
        assert all(name in str(told.value) for name in names), str(told.value)
        assert everything() == standing

    first, second = (
        house.booked(kept, house.at(14)),
        house.booked(gone, house.at(14, 10), doctor=house.another_doctor()),
    )
    refused("patient-elsewhere", first.booking_id, second.booking_id)
    third = house.booked(gone, house.at(17))
    house.run(_cancel, second.id)
    refused("already-booked", first.booking_id, third.booking_id)
    house.run(_cancel, third.id)
    one, two = house.visit(patient=kept), house.visit(patient=gone)
    refused("both-in-queue", one.ticket or "", two.ticket or "")
    house.move(two, "cancel", reason="twice")
    house.run(patients.change, kept.id, guardian_id=gone.id)
    refused("guardian")
    house.run(patients.change, kept.id, guardian_id=None)
    house.run(merging.merge, kept.id, gone.id, {})
    refused("merged")
    assert list(verify.findings()) == []


def _cancel(appointment_id: int, *, actor: Any, at: Any) -> None:
    from reception.domain.visits import moves

    visit = db.session.scalars(select(Visit).where(Visit.appointment_id == appointment_id)).one()
    moves.move(visit.id, "cancel", reason="ill", actor=actor, at=at)


@ON_SQLITE
def test_until_when_two_cards_can_be_taken_apart(house: House) -> None:
    kept, gone, third = (house.patient(name) for name in ("Stays", "Goes", "Third"))
    house.run(patients.change, gone.id, phone="0171 2345678", address="Somewhere 1")
    take = {"phone": "gone", "address": "gone"}

    def reason() -> str | None:
        db.session.expire_all()
        [found] = [row for row in merging_preview.merges(house.actor, kept) if row.gone.id == gone.id]
        if found.reason is not None:
            with pytest.raises(NotPossible) as told:
                house.run(merging.undo, found.row.id)
            assert told.value.code == found.reason.code
        return found.reason and found.reason.code

    merge = house.run(merging.merge, kept.id, gone.id, take)
    assert reason() is None
    house.run(patients.change, kept.id, email="new@example.org")  # no part of the merge
    assert reason() is None
    house.run(patients.change, kept.id, address="Elsewhere 2")
    assert reason() == "changed-since"
    house.run(patients.change, kept.id, address="Somewhere 1")
    assert reason() is None
    later = house.run(merging.merge, third.id, kept.id, {})
    kept, first = third, kept
    assert reason() == "merged-on"
    assert db.session.get_one(Patient, gone.id).merged_into_id == third.id  # readers follow once
    house.run(merging.undo, later.id)
    kept = first
    assert reason() is None
    house.run(merging.undo, merge.id)
    db.session.expire_all()
    assert (kept.phone, kept.email, gone.phone) == (None, "new@example.org", "+491712345678")


@ON_SQLITE
def test_a_number_of_the_merged_card_is_the_persons_own(house: House) -> None:
    """The kept card may take it later; from then on the two stay one. A third card may not have it."""
    kept, gone = house.patient("Stays", phone="0171 2345678"), house.patient("Goes", phone="0172 9876543")
    merge = house.run(merging.merge, kept.id, gone.id, {})
    with pytest.raises(NotPossible) as told:
        house.patient("Third", phone="0172 9876543")
    assert patients.find((told.value.link or ("", 0))[1], house.actor).id == kept.id
    house.run(patients.change, kept.id, phone="0172 9876543")
    db.session.expire_all()
    assert (kept.phone, gone.phone) == ("+491729876543", None)
    with pytest.raises(NotPossible) as told:
        house.run(merging.undo, merge.id)
    assert told.value.code == "changed-since"
    assert list(verify.findings()) == []


def test_every_table_that_names_a_card_is_thought_of() -> None:
    """A new column that points at a patient moves, stays, or is dealt with by hand: nobody forgets it."""
    moved = {(model.__tablename__, column) for _, model, column in merging_rows.MOVED}
    stays = {(model.__tablename__, "patient_id") for _, model in merging_rows.STAYS}
    by_hand = {
        ("account", "patient_id"), ("patient_key", "patient_id"), ("patient_merge", "kept_id"),
        ("patient_merge", "gone_id"), ("different_people", "first_id"), ("different_people", "second_id"),
        ("duplicate_pair", "first_id"), ("duplicate_pair", "second_id"),
    }  # fmt: skip
    pointing = {
        (table.name, key.parent.name)
        for table in Base.metadata.sorted_tables
        for constraint in table.foreign_key_constraints
        for key in constraint.elements
        if key.column.table.name == "patient" and key.column.name == "id"
    }
    assert pointing == moved | stays | by_hand


@ON_SQLITE
def test_the_preview_proposes_and_doubts(house: House) -> None:
    kept = house.patient("Ivanova", first_name="Maria", phone="0171 2345678", date_of_birth=date(1980, 5, 4))
    house.later(minutes=1)
    gone = house.patient(
        "Ivanowa", first_name="maria", address="Lindenstr. 5", date_of_birth=date(1981, 5, 4), gender="FEMALE"
    )
    house.visit(VisitStatus.COMPLETED, patient=gone)
    found = merging_preview.preview(kept.id, gone.id, house.actor)
    take = {line.part.name: (line.take, line.is_open) for line in found.lines}
    assert take["last_name"] == ("gone", True)  # the newer one
    assert take["first_name"] == ("kept", False)  # the same
    assert take["phone"] == ("kept", False)
    assert take["address"] == ("gone", True)
    assert take["gender"] == ("gone", True)
    assert found.moving["visit"] == 1
    assert found.moving["payment"] == 1
    assert found.staying["ledger_entry"] == 3
    assert found.doubts == ["The birth dates differ."]
    assert found.clashes == []
    house.run(_verify_identity, kept.id)
    take = {line.part.name: line.take for line in merging_preview.preview(kept.id, gone.id, house.actor).lines}
    assert take["last_name"] == "kept"  # the verified one


def _verify_identity(patient_id: int, *, actor: Any, at: Any) -> None:
    from reception.domain.audit import record

    visit = walkin.walk_in(
        patient_id, db.session.scalars(select(Visit.service_id)).first() or 0, actor=actor, at=at,
        department_id=db.session.scalars(select(Visit.department_id)).first(),
    )  # fmt: skip
    visit.identity_verified = True
    record(actor, "visit.checklist", visit, at=at)


@ON_SQLITE
def test_verify_sees_a_row_that_was_left_behind(house: House) -> None:
    kept, gone = house.patient("Stays"), house.patient("Goes")
    visit = house.visit(VisitStatus.COMPLETED, patient=gone)
    house.run(merging.merge, kept.id, gone.id, {})
    assert list(verify.findings()) == []
    db.session.execute(Visit.__table__.update().where(Visit.id == visit.id).values(patient_id=gone.id))
    assert any("merged" in line for line in verify.findings())
    db.session.rollback()
    db.session.execute(delete(PatientMerge))
    assert any("merge" in line for line in verify.findings())
    db.session.rollback()


@ON_SQLITE
def test_roles_and_words(house: House) -> None:
    """The desk merges; the act is in the audit of the kept card, with no name in it."""
    desk = house.person(Role.RECEPTIONIST)
    kept, gone = house.patient("Stays"), house.patient("Goes")
    house.run(merging.merge, kept.id, gone.id, {"last_name": "gone"}, actor=desk)
    entry = trail.page(house.actor, trail.Wanted(action="patient.merge")).entries[0]
    assert (entry.entity_id, entry.actor_id, entry.fields["gone"]) == (kept.id, desk.user_id, gone.id)
    assert "Goes" not in str(entry.fields)
    assert "Stays" not in str(entry.fields)
