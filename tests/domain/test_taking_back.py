"""Taking single acts back from the audit: former values come back by the rules, or a sentence says why not."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import delete, select

from reception.domain import audit, clinic, directory, patients, taking_back, users
from reception.domain.errors import NotAllowed, NotFound, NotPossible, Refusal
from reception.extensions import db
from reception.models import AuditEntry, FieldHistory, Role, Room, VisitStatus
from tests.factories import House


def last(house: House, action: str = "") -> AuditEntry:
    db.session.rollback()
    query = select(AuditEntry).filter_by(clinic_id=house.clinic.id).order_by(AuditEntry.seq.desc())
    found = db.session.scalars(query.filter_by(action=action) if action else query).first()
    assert found is not None
    return found


def back(house: House, entry: AuditEntry, **more: Any) -> None:
    house.run(taking_back.take_back, entry.seq, **more)
    db.session.expire_all()


def test_a_changed_card_has_its_former_values_again_and_the_new_act_names_the_old(house: House) -> None:
    patient = house.patient("Novotna", first_name="Jana", phone="+49 170 1234567", date_of_birth=date(1980, 5, 4))
    house.run(patients.change, patient.id, last_name="Kralova", phone=None, date_of_birth=date(1981, 5, 4), alerts="x")
    entry = last(house, "patient.change")
    house.later(minutes=1)
    house.run(patients.change, patient.id, email="jana@example.org")  # another field: that does not matter
    former = {name: former for name, _, former in taking_back.plan(entry.seq, house.actor).fields}
    assert former == {
        "last_name": "Novotna", "phone": "+491701234567", "date_of_birth": date(1980, 5, 4), "alerts": "",
    }  # fmt: skip
    back(house, entry)
    db.session.refresh(patient)
    assert (patient.last_name, patient.phone, patient.alerts) == ("Novotna", "+491701234567", "")
    assert (patient.date_of_birth, patient.email) == (date(1980, 5, 4), "jana@example.org")
    undone = last(house)
    assert (undone.action, undone.fields["undoes"]) == ("patient.change", entry.seq)
    back(house, undone)  # and that is an act as well
    db.session.refresh(patient)
    assert (patient.last_name, patient.alerts) == ("Kralova", "x")
    assert audit.check_chain(house.clinic.id) is None


def test_each_kind_of_record(house: House) -> None:
    room, doctor, service, box = house.room, house.doctor, house.service, house.cash
    house.run(clinic.change_room, room.id, name="201", floor="2")
    house.run(directory.change_doctor, doctor.id, last_name="Novotny", share_percent=40, room_id=None)
    house.run(directory.change_service, service.id, name="Talk", duration_min=30, description="new")
    house.run(clinic.change_department, house.department.id, name="Other", code="B")
    house.run(clinic.change_cashbox, box.id, name="Drawer", is_open=False)
    house.run(clinic.change_clinic, name="Lakeside", opens_at=time(6), display_locales=["ru"], wait_limit_minutes=5)
    person = house.person(Role.NURSE)
    house.run(users.change_user, person.user_id, "Somebody Else")
    admin = house.person(Role.ADMIN)
    for kind in ("room", "doctor", "service", "department", "cashbox", "clinic", "user"):
        back(house, last(house, f"{kind}.change"), actor=admin)
    rows = (room, doctor, service, house.department, box, house.clinic)
    for row in rows:
        db.session.refresh(row)
    assert (room.name, room.floor) == ("101", "1")
    assert (doctor.last_name, doctor.share_percent, doctor.room_id) == ("Novak", None, room.id)
    assert (service.name, service.duration_min, service.description) == ("Consultation", 15, "")
    assert (house.department.name, house.department.code) == ("General medicine", "A")
    assert (box.name, box.is_open) == ("Cash desk", True)
    assert (house.clinic.name, house.clinic.display_locales) == ("Riverside", ["en"])
    assert (house.clinic.opens_at, house.clinic.wait_limit_minutes) != (time(6), 5)
    assert users.member(person.user_id or 0, house.actor).full_name == "Nurse"
    empty = house.run(directory.add_room, "303")
    house.run(directory.set_active, Room, empty.id, False)
    back(house, last(house, "room.close"))
    db.session.refresh(empty)
    assert empty.is_active
    house.run(patients.set_active, house.patient("Gone").id, False)
    back(house, last(house, "patient.close"))
    assert last(house).action == "patient.open"


def refused(house: House, entry: AuditEntry, kind: type[Refusal], code: str, **more: Any) -> None:
    before = last(house).seq
    with pytest.raises(kind) as caught:
        back(house, entry, **more)
    assert caught.value.code == code
    assert last(house).seq == before


def test_what_was_changed_again_what_is_erased_and_what_has_its_own_way_is_refused(house: House) -> None:
    house.run(clinic.change_room, house.room.id, name="201", floor="1")
    first = last(house)
    house.run(clinic.change_room, house.room.id, name="301", floor="1")
    refused(house, first, NotPossible, "changed-since")
    patient = house.patient("Before", phone="+49 170 1234567")
    house.run(patients.change, patient.id, last_name="After")
    changed = last(house)

    def erase(*, actor: Any, at: Any) -> None:
        db.session.execute(delete(FieldHistory))

    house.run(erase)
    refused(house, changed, NotPossible, "not-kept")
    visit = house.visit(VisitStatus.COMPLETED)
    refused(house, last(house, "payment.pay"), NotPossible, "not-undoable")
    refused(house, last(house, "visit.call"), NotPossible, "not-undoable")
    refused(house, last(house, "patient.register"), NotPossible, "not-undoable")
    assert visit.status == "COMPLETED"
    person = house.person(Role.NURSE)
    house.run(users.change_user, person.user_id, "Somebody Else")
    refused(house, last(house), NotAllowed, "not-allowed", actor=house.person(Role.MANAGER))


def test_the_rules_of_the_record_hold(house: House) -> None:
    one, two = house.patient("One", phone="+49 170 1234567"), house.patient("Two")
    house.run(patients.change, one.id, phone=None)
    gave_up = last(house)
    house.run(patients.change, two.id, phone="+49 170 1234567")
    refused(house, gave_up, NotPossible, "duplicate-phone")
    with pytest.raises(NotFound):
        taking_back.plan(10**9, house.actor)
    other = House.open(house.app, "Hillside")
    other.run(clinic.change_room, other.room.id, name="201")
    foreign = last(other)
    house.run(clinic.change_room, house.room.id, name="201")
    with pytest.raises(Refusal):
        taking_back.plan(foreign.seq + 1000, house.actor)
    assert taking_back.plan(last(house).seq, house.actor).row.clinic_id == house.clinic.id
