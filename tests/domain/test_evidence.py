"""Money that somebody changes behind the triggers: every column, every missing row and every one slipped in is found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import BigInteger, Date, Enum, Integer, Table, func, select, text

from reception.columns import UtcDateTime
from reception.domain import audit, chain, evidence, finance, verify
from reception.domain.actors import Actor
from reception.domain.finance import Part
from reception.extensions import db
from reception.models import AuditEntry, LedgerEntry, Method, Operation, Payment, Role, VisitStatus
from tests.factories import House

TABLES: dict[str, Table] = {kind.__tablename__: kind.__table__ for kind in evidence.KEPT}  # type: ignore[misc]


@pytest.fixture
def rich_house(house: House) -> House:
    """Rows in each kept table: bills of referred patients, paid in parts; one line given back."""
    referrer = house.patient("Referrer")
    for _ in range(3):
        visit = house.visit(VisitStatus.PENDING_PAYMENT, patient=house.patient(referred_by_id=referrer.id))
        house.pay(visit, 5_000)
        house.pay(visit)
    bill_id = db.session.scalars(select(Payment.id).order_by(Payment.id)).first()
    for amount in (500, 501):
        house.run(finance.refund, bill_id, "too much", amount=amount, actor=house.person(Role.CASHIER))
    db.session.rollback()
    return house


@contextmanager
def behind_the_guards() -> Iterator[None]:
    """As the owner of the database: no trigger and no reference watches, and nothing of it stays."""
    db.session.rollback()
    try:
        if db.engine.dialect.name == "sqlite":
            for name in db.session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                db.session.execute(text(f"DROP TRIGGER {name}"))
            db.session.execute(text("PRAGMA defer_foreign_keys=ON"))
        else:
            db.session.execute(text("SET LOCAL session_replication_role = replica"))
        yield
    finally:
        db.session.rollback()


def change(statement: str, **values: Any) -> None:
    assert db.session.execute(text(statement), values).rowcount == 1, statement  # type: ignore[attr-defined]


def check(house: House) -> str:
    db.session.expire_all()
    return evidence.check_money(house.clinic.id) or ""


def other_value(column: Any, row: Any) -> Any:
    """Something else that the column may hold."""
    now = row[column.name]
    if isinstance(column.type, Enum):
        return next(value for value in column.type.enums if value != now)
    if isinstance(column.type, UtcDateTime):
        return "2001-01-01 00:00:00.000000" if db.engine.dialect.name == "sqlite" else datetime(2001, 1, 1)
    if isinstance(column.type, Date):
        return "2001-01-01"
    if isinstance(column.type, BigInteger | Integer):
        return (now or 0) + 1000
    return f"{now}x"


def ends(table: Table) -> list[int]:
    """Ids of the first, a middle and the last row."""
    idents = list(db.session.scalars(select(table.c.id).order_by(table.c.id)))
    return sorted({idents[0], idents[len(idents) // 2], idents[-1]})


def test_every_changed_column_of_every_row_is_found(rich_house: House) -> None:
    house = rich_house
    other = House.open(house.app, "Hillside")
    assert check(house) == ""
    tried = 0
    for name, table in TABLES.items():
        for ident in ends(table):
            row = db.session.execute(select(table).where(table.c.id == ident)).mappings().one()
            for column in table.columns:
                new = other.clinic.id if column.name == "clinic_id" else other_value(column, row)
                # Change is never more than what was handed over.
                more = ", cash_received = 100000" if column.name == "change_given" else ""
                with behind_the_guards():
                    change(f'UPDATE {name} SET "{column.name}" = :new{more} WHERE id = :ident', new=new, ident=ident)
                    assert f"{name} {ident}" in check(house), (name, column.name, new)
                tried += 1
    assert tried > 100
    assert check(house) == ""
    assert list(verify.findings()) == []


def test_missing_swapped_and_added_rows_are_found(rich_house: House) -> None:
    house = rich_house
    for name, table in TABLES.items():
        for ident in ends(table):
            with behind_the_guards():
                change(f"DELETE FROM {name} WHERE id = :ident", ident=ident)
                assert f"{name} {ident}, which is missing" in check(house)
        first, last = ends(table)[0], ends(table)[-1]
        with behind_the_guards():  # two rows change places, with all that is in them
            for before, after in ((first, -1), (last, first), (-1, last)):
                change(f"UPDATE {name} SET id = :after WHERE id = :before", before=before, after=after)
            assert f"{name} {first}" in check(house)
        columns = {c.name: f'"{c.name}"' for c in table.columns if c.name != "id"}
        fresh = {"purpose": "'again'", "receipt_no": "'again'", "line_id": "line_id + 1000", "reverses_id": "NULL",
                 "ledger_entry_id": "ledger_entry_id + 1000"}  # fmt: skip
        values = ", ".join(fresh.get(column, quoted) for column, quoted in columns.items())
        for new in (last + 1, last + 5000, 0):  # before the first, too: nothing here is older than the evidence
            with behind_the_guards():
                change(
                    f"INSERT INTO {name} (id, {', '.join(columns.values())}) SELECT :new, {values} FROM {name}"
                    " WHERE id = :ident", new=new, ident=last,
                )  # fmt: skip
                assert f"none says that it posted {name} {new}" in check(house)
    with behind_the_guards():  # a whole act with its money: the balances still fit
        entry = db.session.scalars(select(LedgerEntry).order_by(LedgerEntry.id.desc())).first()
        assert entry is not None
        change("UPDATE ledger_entry SET cashier_id = 77, at = :at WHERE id = :ident", ident=entry.id,
               at=other_value(LedgerEntry.__table__.c.at, {"at": None}))  # fmt: skip
        assert any(f"ledger_entry {entry.id}" in line for line in verify.findings())
    assert check(house) == ""


def test_one_digest_for_an_act_however_many_rows_it_posts(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    parts = [Part(Method.CASH, house.cash.id, 1_000) for _ in range(12)]
    house.run(finance.pay, visit.payment.id, parts)
    db.session.rollback()
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc())).first()
    assert entry is not None
    said = entry.fields if evidence.FACT in entry.fields else _before(entry).fields
    claimed = said[evidence.FACT]
    named = list(evidence.named(claimed))
    assert len(claimed["digest"]) == 64
    assert len([name for name in named if name[0] == "ledger_entry"]) >= 12
    assert {table for table, _ in named} >= {"ledger_entry", "operation"}
    count = db.session.scalar(select(func.count(LedgerEntry.id)))
    everything = [
        name
        for fields in db.session.scalars(select(AuditEntry.fields))
        if evidence.FACT in fields
        for name in evidence.named(fields[evidence.FACT])
    ]
    assert len(everything) == len(set(everything))
    assert len([name for name in everything if name[0] == "ledger_entry"]) == count


def _before(entry: AuditEntry) -> AuditEntry:
    return db.session.scalars(select(AuditEntry).filter_by(clinic_id=entry.clinic_id, seq=entry.seq - 1)).one()


def test_rows_from_before_the_evidence_are_left_to_the_balances(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "HASH_VERSION", 1)
    monkeypatch.setattr(audit, "_note_posted", lambda row, current: None)
    house.visit(VisitStatus.COMPLETED)
    monkeypatch.undo()
    house.later(hours=1)
    old = db.session.scalars(select(LedgerEntry.id).order_by(LedgerEntry.id)).all()
    house.visit(VisitStatus.COMPLETED)
    assert check(house) == ""
    assert list(verify.findings()) == []
    with behind_the_guards():  # a new one among the old: it says that it is newer than the evidence
        change("DELETE FROM ledger_entry WHERE id = :ident", ident=old[-1])
        change(
            "UPDATE ledger_entry SET id = :old, purpose = 'moved' WHERE id = (SELECT max(id) FROM ledger_entry)",
            old=old[-1],
        )
        assert "ledger_entry" in check(house)


def test_money_without_an_act_is_refused(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    bill_id, patient_id = visit.payment.id, visit.patient_id

    def silent(*, actor: Actor, at: datetime) -> None:
        db.session.add(Operation(clinic_id=actor.clinic_id, kind="PAYMENT", at=at, receipt_no="X-1", amount=1,
                                 payment_id=bill_id, patient_id=patient_id))  # fmt: skip

    with pytest.raises(RuntimeError, match="no act was recorded"):
        house.run(silent)
    db.session.rollback()
    db.session.add(Operation(clinic_id=house.clinic.id, kind="PAYMENT", at=house.at(9), receipt_no="X-1", amount=1))
    with pytest.raises(RuntimeError, match=r"outside transaction\.run"):
        db.session.flush()
    db.session.rollback()
    assert db.session.scalar(select(func.count(Operation.id))) == 0


def test_the_evidence_rests_on_the_key(rich_house: House) -> None:
    house = rich_house
    chain.use_key(b"a guess")
    try:
        assert "was changed" in check(house)
    finally:
        chain.use_key(house.app.config["AUDIT_KEY"].encode())
    assert check(house) == ""


def test_acts_of_others_meanwhile_do_not_disturb(rich_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house = rich_house
    found = evidence._Check.strangers

    def strangers(self: Any) -> list[tuple[str, int]]:
        db.session.rollback()
        house.visit(VisitStatus.COMPLETED)  # committed after the entries were read, before the rows are
        return found(self)

    monkeypatch.setattr(evidence._Check, "strangers", strangers)
    assert check(house) == ""
