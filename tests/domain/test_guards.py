"""What the database itself refuses, whoever asks: bare SQL on the app's own connection, past every rule in Python."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from reception import guards
from reception.constraints import name_of
from reception.domain import machines
from reception.domain.audit import record
from reception.domain.locks import locked
from reception.extensions import Base, db
from reception.models import AppointmentStatus, Operation, Payment, PaymentStatus, RefundLine, StateMove, VisitStatus
from tests.factories import House

KEPT = ("audit_entry", "access_entry", "ledger_entry", "operation", "visit_event", "refund_line", "bonus_entry")
"""Tables whose rows are never changed."""
UNIQUE = {
    "audit_entry": "clinic_id, seq",
    "ledger_entry": "event_kind, event_id, purpose",
    "operation": "clinic_id, receipt_no",
    "refund_line": "operation_id, line_id",
    "bonus_entry": "ledger_entry_id",
}
"""A second way by which INSERT OR REPLACE could take a row's place."""


def sqlite() -> bool:
    return db.engine.dialect.name == "sqlite"


def refused(statement: str, by: str = "", **values: Any) -> str:
    """The statement fails (by the guard `by`); answers the name of what refused it. Nothing stays of it."""
    with pytest.raises(DBAPIError) as caught:
        db.session.execute(text(statement), values)
    db.session.rollback()
    name = name_of(caught.value)
    assert not by or name == by, f"{statement}: {name or caught.value}"
    return name


def outcome(statement: str, **values: Any) -> str:
    """Name of what refused the statement, or nothing. Nothing stays of it."""
    try:
        db.session.execute(text(statement), values)
    except IntegrityError as error:
        return name_of(error)
    finally:
        db.session.rollback()
    return ""


def contents(table: str) -> list[Any]:
    found = db.session.execute(text(f"SELECT * FROM {table} ORDER BY id")).all()
    db.session.rollback()
    return found


@pytest.fixture
def full_house(house: House) -> House:
    """A row in each kept table."""
    referrer = house.patient("Referrer")
    visit = house.visit(VisitStatus.COMPLETED, patient=house.patient(referred_by_id=referrer.id))
    bill = visit.payment
    line_id, operation_id = bill.lines[0].id, db.session.query(Operation.id).filter_by(payment_id=bill.id).scalar()

    def look(*, actor: Any, at: Any) -> None:
        db.session.execute(
            text(
                "INSERT INTO access_entry (clinic_id, patient_id, at, actor_kind, how, address, request_id)"
                " VALUES (:clinic, :patient, '2026-11-20 09:00:00', 'user', 'card', '', '')"
            ),
            {"clinic": house.clinic.id, "patient": visit.patient_id},
        )
        db.session.add(
            RefundLine(
                clinic_id=house.clinic.id, operation_id=operation_id, line_id=line_id, self_pay_amount=1,
                insurance_amount=0,
            )
        )  # fmt: skip
        record(actor, "payment.pay", locked(Payment, bill.id, house.clinic.id), at=at)

    house.run(look)
    db.session.rollback()
    return house


def test_nothing_of_the_kept_tables_can_be_changed_or_deleted(full_house: House) -> None:
    for table in KEPT:
        before = contents(table)
        assert before, table
        ident = before[-1].id
        column = "clinic_id"
        refused(f"UPDATE {table} SET {column} = {column} WHERE id = :id", f"tr_{table}_update", id=ident)
        refused(f"UPDATE {table} SET clinic_id = clinic_id", f"tr_{table}_update")
        refused(f"DELETE FROM {table} WHERE id = :id", f"tr_{table}_delete", id=ident)
        refused(f"DELETE FROM {table}", f"tr_{table}_delete")
        if sqlite():
            refused(f"UPDATE OR REPLACE {table} SET id = id + 1", f"tr_{table}_update")
        else:
            assert refused(f"TRUNCATE {table} CASCADE").endswith("_truncate")
        assert contents(table) == before


def test_no_insert_takes_the_place_of_a_kept_row(full_house: House) -> None:
    for table in KEPT:
        before = contents(table)
        names = list(before[0]._mapping)
        columns = ", ".join(names)
        other_id = ", ".join("id + 1000000" if name == "id" else name for name in names)
        target = UNIQUE.get(table, "id")
        changed = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table} WHERE true"
        refused(f"{changed} ON CONFLICT (id) DO UPDATE SET clinic_id = excluded.clinic_id")
        refused(changed)
        if target != "id":
            shifted = f"INSERT INTO {table} ({columns}) SELECT {other_id} FROM {table} WHERE true"
            refused(
                f"{shifted} ON CONFLICT ({target}) DO UPDATE SET clinic_id = excluded.clinic_id", f"tr_{table}_update"
            )
            if sqlite():
                refused(shifted.replace("INSERT", "INSERT OR REPLACE", 1), f"tr_{table}_delete")
        if sqlite():
            refused(changed.replace("INSERT", "INSERT OR REPLACE", 1), f"tr_{table}_insert")
            refused(changed.replace("INSERT", "REPLACE", 1), f"tr_{table}_insert")
        assert contents(table) == before


def test_nothing_of_them_goes_with_another_row(full_house: House) -> None:
    """Deleting, renumbering or emptying what they name takes nothing of them along, and no reference cascades."""
    before = {table: contents(table) for table in KEPT}
    parents = ("clinic", "patient", "payment", "bill_line", "account", "cashbox", "visit", "service")
    for parent in parents:
        refused(f"DELETE FROM {parent}")
        if not sqlite():
            assert refused(f"TRUNCATE {parent} CASCADE")
    for parent in ("patient", "account", "payment"):
        refused(f"UPDATE {parent} SET id = id + 1000000")
        if sqlite():
            refused(f"UPDATE OR REPLACE {parent} SET id = id + 1 WHERE id = (SELECT min(id) FROM {parent})")
    assert {table: contents(table) for table in KEPT} == before
    keys = [key for name in KEPT for key in Base.metadata.tables[name].foreign_keys]
    assert keys
    assert all(key.ondelete is None and key.onupdate is None for key in keys)


def test_every_guard_of_the_scripts_is_there(house: House) -> None:
    with db.engine.connect() as connection:
        assert guards.expected(connection.dialect.name) <= guards.present(connection)
        expected = guards.expected(connection.dialect.name)
    for table in KEPT:
        assert {f"tr_{table}_update", f"tr_{table}_delete"} <= expected


def test_the_database_knows_the_moves_of_the_code(house: House) -> None:
    rows = db.session.query(StateMove.kind, StateMove.from_state, StateMove.to_state)
    assert set(rows) == {(kind, str(a), str(b)) for kind, a, b in machines.state_moves()}


# ------------------------------------------------------------------------------------------------------- statuses


def visits(house: House) -> Iterator[tuple[VisitStatus, int]]:
    for status in VisitStatus:
        if status == VisitStatus.SCHEDULED:
            yield status, house.booked().visit.id
        else:
            yield status, house.visit(status, doctor=house.another_doctor(f"Of {status.title()}")).id


def appointments(house: House) -> Iterator[tuple[AppointmentStatus, int]]:
    steps = {"CONFIRMED": [], "CHECKED_IN": ["check-in"], "COMPLETED": ["check-in", "call", "start", "finish"],
             "CANCELLED": ["cancel"], "NO_SHOW": ["no-show"]}  # fmt: skip
    for status in AppointmentStatus:
        appointment = house.booked()
        for name in steps[status]:
            house.move(appointment.visit, name)
        yield status, appointment.id


def payments(house: House) -> Iterator[tuple[PaymentStatus, int]]:
    for status in PaymentStatus:
        visit = house.visit(VisitStatus.CANCELLED if status == PaymentStatus.CANCELLED else VisitStatus.WAITING)
        if status in (PaymentStatus.PARTIALLY_PAID, PaymentStatus.PAID, PaymentStatus.REFUNDED):
            house.pay(visit, 1_000 if status == PaymentStatus.PARTIALLY_PAID else visit.payment.due_amount)
        if status == PaymentStatus.REFUNDED:  # refunds come later; the database knows the move already
            db.session.execute(text("UPDATE payment SET status = 'REFUNDED', refunded_amount = amount_paid WHERE id = :id"),
                               {"id": visit.payment.id})  # fmt: skip
            db.session.commit()
        yield status, visit.payment.id


@pytest.mark.parametrize(
    "kind, statuses, rows",
    [
        ("visit", VisitStatus, visits),
        ("appointment", AppointmentStatus, appointments),
        ("payment", PaymentStatus, payments),
    ],
)
def test_every_illegal_step_is_refused_and_every_legal_one_is_left_to_the_other_rules(
    house: House, kind: str, statuses: type[StrEnum], rows: Any
) -> None:
    legal = {(str(a), str(b)) for k, a, b in machines.state_moves() if k == kind}
    found = dict(rows(house))
    assert set(found) == set(statuses)
    db.session.rollback()
    tried = 0
    for before, ident in found.items():
        for after in statuses:
            now = db.session.execute(text(f"SELECT status FROM {kind} WHERE id = :id"), {"id": ident}).scalar_one()
            assert now == before
            db.session.rollback()
            if before == after:
                continue
            tried += 1
            statement = f"UPDATE {kind} SET status = :after WHERE id = :id"
            if (before, after) not in legal:
                refused(statement, f"tr_{kind}_status", after=str(after), id=ident)
                continue
            # The step is a legal one; a CHECK may still miss the instant that belongs to it.
            assert outcome(statement, after=str(after), id=ident) != f"tr_{kind}_status"
    assert tried == len(statuses) * (len(statuses) - 1)


def test_amounts_cannot_leave_their_bounds(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    house.pay(visit, 1_000)
    ident = visit.payment.id
    db.session.rollback()
    for change, by in {
        "amount_paid = self_pay_amount + 1": "ck_payment_amount_paid",
        "amount_paid = -1": "ck_payment_amount_paid",
        "refunded_amount = amount_paid + 1": "ck_payment_refunded_amount",
        "total_amount = total_amount + 1, center_share = center_share + 1": "ck_payment_sides",
        "doctor_share = doctor_share + 1": "ck_payment_shares",
        "status = 'PAID', paid_at = updated_at": "ck_payment_paid",
    }.items():
        refused(f"UPDATE payment SET {change} WHERE id = :id", by, id=ident)
    refused("UPDATE account SET balance = -1 WHERE id = :id", "ck_account_balance", id=house.cash.account_id)
    if sqlite():
        for value in ("1.5", "'many'", "x'31'"):
            refused(
                f"UPDATE account SET balance = {value} WHERE id = :id",
                "ck_account_whole_units",
                id=house.cash.account_id,
            )
