"""The memory of acts: one entry for each, nothing personal in clear, and a chain that shows every change behind its back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, text

from reception.domain import audit, chain, directory, finance, patients, trail, verify
from reception.domain.actors import Actor
from reception.domain.errors import Refusal
from reception.domain.finance import Part
from reception.domain.locks import locked
from reception.extensions import db
from reception.models import AuditEntry, AuditHead, FieldHistory, Method, Patient, Role, Visit, VisitStatus
from reception.transaction import Trace, perform
from tests.factories import House

NAMES = ("Zhuravlyova", "Zinaida", "Zakharovna")
PRIVATE = (*NAMES, "491701234567", "zinaida@example.org", "penicillin", "1954-07-09", "Birkenweg", "left angry")


def entries(house: House) -> list[AuditEntry]:
    db.session.rollback()
    return list(db.session.scalars(select(AuditEntry).filter_by(clinic_id=house.clinic.id).order_by(AuditEntry.seq)))


def actions_of(house: House, act: Any) -> list[str]:
    """Actions of the entries that `act` wrote."""
    before = len(entries(house))
    act()
    return [entry.action for entry in entries(house)[before:]]


def test_each_act_has_its_entry_with_who_when_where_and_what(house: House) -> None:
    cashier = house.person(Role.CASHIER)
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    part = Part(Method.CASH, house.cash.id, 12_000)
    perform(cashier, finance.pay, visit.payment.id, [part], trace=Trace(7, "192.0.2.7", "request-1"))
    pay, settle = entries(house)[-2:]
    assert [pay.action, settle.action] == ["payment.pay", "visit.settle"]
    assert (pay.actor_kind, pay.actor_id, pay.login_id) == ("user", cashier.user_id, 7)
    assert (pay.address, pay.request_id) == ("192.0.2.7", "request-1")
    assert (pay.entity_kind, pay.entity_id) == ("payment", visit.payment.id)
    assert pay.fields["status"] == ["PENDING", "PAID"]
    assert pay.fields["amount_paid"] == [0, 12_000]
    assert pay.fields["receipt"] == "2026-000001"
    assert pay.fields["parts"] == [f"CASH:{house.cash.id}:12000"]
    assert pay.fields[f"visit-{visit.id}"]["status"] == ["PENDING_PAYMENT", "COMPLETED"]
    assert [entry.seq for entry in entries(house)] == list(range(1, settle.seq + 1))


def test_the_moves_of_a_day_each_leave_one_entry(house: House) -> None:
    appointment = house.booked()
    visit = appointment.visit
    assert actions_of(house, lambda: house.check_in(appointment)) == ["visit.check-in"]
    assert actions_of(house, lambda: house.check_in(appointment)) == []  # a second time changes nothing
    for name in ("call", "recall", "start", "finish"):
        assert actions_of(house, lambda name=name: house.move(visit, name)) == [f"visit.{name}"]
    assert actions_of(house, lambda: house.undo(visit)) == ["visit.undo"]
    assert actions_of(house, lambda: house.run(directory.set_cashbox_open, house.cash.id, False)) == ["cashbox.close"]

    def refused() -> None:
        with pytest.raises(Refusal):
            house.move(visit, "call")

    assert actions_of(house, refused) == []


def test_changed_fields_are_named_and_nothing_personal_stands_in_clear(house: House) -> None:
    patient = house.patient(
        NAMES[0], first_name=NAMES[1], middle_name=NAMES[2], phone="+49 170 1234567", email="zinaida@example.org",
        alerts="penicillin", date_of_birth=datetime(1954, 7, 9, tzinfo=UTC).date(), address="Birkenweg 3",
    )  # fmt: skip
    visit = house.visit(patient=patient)
    house.move(visit, "cancel", reason="left angry")
    house.run(patients.change, patient.id, last_name="Zhuravlyova-Orlova", phone="+49 170 7654321")
    changed = entries(house)[-1]
    assert (changed.action, changed.entity_id) == ("patient.change", patient.id)
    assert {"last_name", "phone"} <= set(changed.fields)
    for old, new in (changed.fields["last_name"], changed.fields["phone"]):
        assert old.startswith("~")
        assert new.startswith("~")
        assert old != new
    everything = json.dumps([entry.fields for entry in entries(house)], ensure_ascii=False)
    for word in (*PRIVATE, "Orlova", "7654321"):
        assert word not in everything, word
    kept = db.session.scalars(select(FieldHistory).filter_by(entity_kind="patient", field="last_name")).one()
    assert (kept.old, kept.new, kept.audit_seq) == (NAMES[0], "Zhuravlyova-Orlova", changed.seq)


def test_a_change_that_no_act_speaks_of_is_refused_and_not_saved(house: House) -> None:
    patient = house.patient("Before")
    heads = entries(house)[-1].seq

    def forgetful(patient_id: int, *, actor: Actor, at: Any) -> None:
        locked(Patient, patient_id, actor.clinic_id).last_name = "After"

    def of_another(patient_id: int, visit_id: int, *, actor: Actor, at: Any) -> None:
        locked(Patient, patient_id, actor.clinic_id).last_name = "After"
        audit.record(actor, "visit.call", locked(Visit, visit_id, actor.clinic_id), at=at)

    visit = house.visit()
    heads = entries(house)[-1].seq
    for verb, values in ((forgetful, [patient.id]), (of_another, [patient.id, visit.id])):
        with pytest.raises(RuntimeError, match="No act was recorded"):
            house.run(verb, *values)
        db.session.expire_all()
        assert db.session.get_one(Patient, patient.id).last_name == "Before"
        assert entries(house)[-1].seq == heads
    db.session.get_one(Patient, patient.id).last_name = "After"
    with pytest.raises(RuntimeError, match=r"outside transaction\.run"):
        db.session.flush()
    db.session.rollback()
    assert db.session.get_one(Patient, patient.id).last_name == "Before"


# ------------------------------------------------------------------------------------------------------- the chain


@contextmanager
def behind_the_guards() -> Iterator[None]:
    """As somebody who owns the database: no trigger watches, and nothing of it stays."""
    db.session.rollback()
    try:
        if db.engine.dialect.name == "sqlite":
            for name in db.session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                db.session.execute(text(f"DROP TRIGGER {name}"))
        else:
            db.session.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))
        yield
    finally:
        db.session.rollback()


def sql(statement: str, **values: Any) -> None:
    found = db.session.execute(text(statement), values)
    assert found.rowcount > 0, statement


def check(house: House) -> str | None:
    db.session.expire_all()
    return audit.check_chain(house.clinic.id)


CHANGES = {
    "clinic_id": "UPDATE audit_entry SET clinic_id = :other, seq = seq + 5000 WHERE clinic_id = :clinic AND seq = :seq",
    "seq": "UPDATE audit_entry SET seq = seq + 1000 WHERE clinic_id = :clinic AND seq = :seq",
    "at": "UPDATE audit_entry SET at = :at WHERE clinic_id = :clinic AND seq = :seq",
    "actor_kind": "UPDATE audit_entry SET actor_kind = 'device' WHERE clinic_id = :clinic AND seq = :seq",
    "actor_id": "UPDATE audit_entry SET actor_id = 99 WHERE clinic_id = :clinic AND seq = :seq",
    "login_id": "UPDATE audit_entry SET login_id = 99 WHERE clinic_id = :clinic AND seq = :seq",
    "address": "UPDATE audit_entry SET address = '192.0.2.99' WHERE clinic_id = :clinic AND seq = :seq",
    "action": "UPDATE audit_entry SET action = 'visit.cancel' WHERE clinic_id = :clinic AND seq = :seq",
    "entity_kind": "UPDATE audit_entry SET entity_kind = 'room' WHERE clinic_id = :clinic AND seq = :seq",
    "entity_id": "UPDATE audit_entry SET entity_id = 99 WHERE clinic_id = :clinic AND seq = :seq",
    "fields": "UPDATE audit_entry SET fields = :fields WHERE clinic_id = :clinic AND seq = :seq",
    "request_id": "UPDATE audit_entry SET request_id = 'other' WHERE clinic_id = :clinic AND seq = :seq",
    "previous_hash": "UPDATE audit_entry SET previous_hash = :another WHERE clinic_id = :clinic AND seq = :seq",
    "hash": "UPDATE audit_entry SET hash = :another WHERE clinic_id = :clinic AND seq = :seq",
    "hash_version": "UPDATE audit_entry SET hash_version = 9 WHERE clinic_id = :clinic AND seq = :seq",
}


def test_every_changed_column_of_any_entry_is_found(house: House) -> None:
    other = House.open(house.app, "Hillside")
    house.visit(VisitStatus.COMPLETED)
    last = entries(house)[-1].seq
    assert last > 12
    assert check(house) is None
    assert set(CHANGES) == {column.name for column in AuditEntry.__table__.columns} - {"id"}
    values = {
        "at": "2026-11-20 08:59:59.000000", "fields": '{"status": ["CALLED", "NO_SHOW"]}', "another": "f" * 64,
        "clinic": house.clinic.id, "other": other.clinic.id,
    }  # fmt: skip
    for column, plain in CHANGES.items():
        statement = plain
        if db.engine.dialect.name != "sqlite":
            statement = plain.replace(":fields", "CAST(:fields AS json)").replace(":at", "CAST(:at AS timestamptz)")
        for seq in (2, last // 2, last):
            wanted = {name: value for name, value in values.items() if f":{name}" in statement}
            with behind_the_guards():
                sql(statement, **wanted, seq=seq)
                broken = check(house)
                assert broken is not None, column
                assert f"entry {seq} " in broken, (column, seq, broken)
            assert check(house) is None


def test_missing_swapped_and_added_entries_are_found(house: House) -> None:
    house.visit(VisitStatus.COMPLETED)
    last, clinic = entries(house)[-1].seq, house.clinic.id
    for seq in (1, last // 2, last):
        with behind_the_guards():
            sql("DELETE FROM audit_entry WHERE clinic_id = :clinic AND seq = :seq", clinic=clinic, seq=seq)
            assert f"entry {seq} " in (check(house) or "")
    with behind_the_guards():  # the rest moves up, so that no number is missing
        sql("DELETE FROM audit_entry WHERE clinic_id = :clinic AND seq = 3", clinic=clinic)
        sql("UPDATE audit_entry SET seq = -seq WHERE clinic_id = :clinic AND seq > 3", clinic=clinic)
        sql("UPDATE audit_entry SET seq = -seq - 1 WHERE clinic_id = :clinic AND seq < 0", clinic=clinic)
        assert "entry 3 " in (check(house) or "")
    with behind_the_guards():  # two entries change places, with all that is in them but their numbers
        for before, after in ((5, -6), (6, 5), (-6, 6)):
            sql("UPDATE audit_entry SET seq = :after WHERE clinic_id = :clinic AND seq = :before",
                clinic=clinic, before=before, after=after)  # fmt: skip
        assert "entry 5 " in (check(house) or "")
    with behind_the_guards():  # the end cut off, and the head set back: only what was noted elsewhere tells
        sql("DELETE FROM audit_entry WHERE clinic_id = :clinic AND seq = :seq", clinic=clinic, seq=last)
        sql("UPDATE audit_head SET seq = seq - 1 WHERE clinic_id = :clinic", clinic=clinic)
        assert "head" in (check(house) or "")
    with behind_the_guards():  # one more at the end, well formed but for the key
        columns = ", ".join(c.name for c in AuditEntry.__table__.columns if c.name not in ("id", "seq"))
        sql(f"INSERT INTO audit_entry (seq, {columns}) SELECT seq + 1, {columns} FROM audit_entry"
            " WHERE clinic_id = :clinic AND seq = :seq", clinic=clinic, seq=last)  # fmt: skip
        assert "head" in (check(house) or "")
    assert check(house) is None
    assert list(verify.findings()) == []


def test_the_chain_cannot_be_forged_without_the_key(house: House) -> None:
    house.visit()
    columns = [c for c in AuditEntry.__table__.columns if c.name != "id"]
    last = entries(house)[-1]
    db.session.rollback()
    with behind_the_guards():
        row = dict(db.session.execute(select(*columns).where(AuditEntry.id == last.id)).mappings().one())
        row["address"] = "192.0.2.99"
        chain.use_key(b"a guess")
        try:
            forged = chain.hash_of(row)
        finally:
            chain.use_key(house.app.config["AUDIT_KEY"].encode())
        for table in ("audit_entry", "audit_head"):
            address = ", address = '192.0.2.99'" if table == "audit_entry" else ""
            sql(f"UPDATE {table} SET hash = :hash{address} WHERE clinic_id = :clinic AND seq = :seq",
                hash=forged, clinic=house.clinic.id, seq=last.seq)  # fmt: skip
        assert f"entry {last.seq} " in (check(house) or "")
        # With the key the same forging would pass: the key is what the evidence rests on.
        true = chain.hash_of(row)
        for table in ("audit_entry", "audit_head"):
            sql(f"UPDATE {table} SET hash = :hash WHERE clinic_id = :clinic AND seq = :seq",
                hash=true, clinic=house.clinic.id, seq=last.seq)  # fmt: skip
        assert check(house) is None


def test_a_check_is_not_disturbed_by_acts_meanwhile(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.visit()
    upto = entries(house)[-1].seq
    read = chain._entries

    def read_while_others_work(clinic_id: int, last: int) -> Iterator[dict[str, Any]]:
        rows = list(read(clinic_id, last))
        db.session.rollback()
        house.visit()
        yield from rows

    monkeypatch.setattr(chain, "_entries", read_while_others_work)
    assert chain.examine(house.clinic.id) == chain.Finding(upto)
    monkeypatch.undo()
    later = chain.examine(house.clinic.id)
    assert later.upto > upto
    assert later.broken_at is None


def test_each_clinic_has_a_chain_of_its_own_and_remembers_its_checks(house: House) -> None:
    other = House.open(house.app, "Hillside")
    house.visit(), other.visit(), house.visit()
    found = chain.examine(house.clinic.id)
    house.run(audit.note_check, found)
    last = chain.last_check(house.clinic.id)
    assert last is not None
    assert (last.action, last.fields["upto"], last.seq) == ("audit.check", found.upto, found.upto + 1)
    assert chain.last_check(other.clinic.id) is None
    heads = dict(db.session.execute(select(AuditHead.clinic_id, AuditHead.seq)).tuples().all())
    assert heads[house.clinic.id] == found.upto + 1
    assert audit.check_chain(other.clinic.id) is None


def test_entries_are_found_by_day_person_act_and_record(house: House) -> None:
    other = House.open(house.app, "Hillside")
    other.visit()
    anna = house.person(Role.RECEPTIONIST)
    visit = house.visit(actor=anna)
    house.later(days=1)
    house.move(visit, "call", actor=anna)
    house.later(days=1)
    house.move(visit, "start")
    first, second, third = (house.at(12, days=days).date() for days in (-2, -1, 0))

    def found(**wanted: Any) -> list[str]:
        page = trail.page(house.actor, trail.Wanted(**wanted))
        assert page.before is None
        assert {entry.clinic_id for entry in page.entries} <= {house.clinic.id}
        assert [e.seq for e in page.entries] == sorted((e.seq for e in page.entries), reverse=True)
        return [entry.action for entry in page.entries]

    assert found(first=third) == ["visit.start"]
    assert found(first=second, last=second) == ["visit.call"]
    assert found(last=first)[0] == "visit.walk-in"
    assert found(first=third, last=first) == []
    assert found(user_id=anna.user_id) == ["visit.call", "visit.walk-in"]
    assert found(action="visit.call") == ["visit.call"]
    assert found(record=("visit", visit.id)) == ["visit.start", "visit.call", "visit.walk-in"]
    assert found(record=("visit", None)) == ["visit.start", "visit.call", "visit.walk-in"]
    assert found(record=("visit", 10**9)) == []


def test_pages_go_by_number_and_miss_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.visit(VisitStatus.COMPLETED)
    monkeypatch.setattr(trail, "PAGE", 4)
    everything = [entry.seq for entry in entries(house)]
    seen: list[int] = []
    before: int | None = None
    while True:
        page = trail.page(house.actor, trail.Wanted(), before=before)
        seen += [entry.seq for entry in page.entries]
        if page.before is None:
            break
        before = page.before
        house.later(seconds=1)
        house.visit()  # what is written meanwhile moves nothing
    assert seen == everything[::-1]
