"""Every script of `migrations/` up, down and up again on both databases, with rows in the tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from flask_migrate import downgrade, upgrade
from sqlalchemy import CheckConstraint, MetaData, Table, inspect, select, text

from reception import guards
from reception.domain import finance, verify
from reception.extensions import Base, db
from reception.models import Method, Role, VisitStatus
from tests.factories import House

SCRIPTS = ScriptDirectory(str(Path(__file__).parent.parent / "migrations"))
REVISIONS = [script.revision for script in reversed(list(SCRIPTS.walk_revisions()))]


@pytest.fixture
def filled(house: House) -> House:
    """A clinic with rows: booked, seen, paid in two parts, cancelled, not come."""
    paid = house.visit(VisitStatus.PENDING_PAYMENT)
    parts = [
        finance.Part(Method.CASH, house.cash.id, 2_000),
        finance.Part(Method.CARD, house.card.id, paid.payment.self_pay_amount - 2_000),
    ]
    house.run(finance.pay, paid.payment.id, parts, actor=house.person(Role.CASHIER))
    for status in (VisitStatus.WAITING, VisitStatus.CANCELLED, VisitStatus.NO_SHOW):
        house.visit(status)
    house.booked(house.patient("Booked"), house.at(15))
    assert list(verify.findings()) == []
    db.session.remove()
    return house


def contents() -> dict[str, list[dict[str, Any]]]:
    """Every table's rows, by the database's own names; what a search index keeps for itself aside."""
    db.session.remove()
    metadata = MetaData()
    metadata.reflect(db.engine)
    found = {}
    with db.engine.connect() as connection:
        for table in metadata.sorted_tables:
            if not table.name.startswith(("patient_search", "icd_search", "alembic")):
                found[table.name] = sorted(map(dict, connection.execute(select(table)).mappings()), key=repr)
    db.engine.dispose()
    return found


def shape() -> dict[str, set[str]]:
    """Every constraint, index, column and trigger, each in the database's words; their order aside."""
    with db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            rows = connection.execute(text("SELECT tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all()
            found: dict[str, set[str]] = {}
            for table, sql in rows:
                lines = sql.splitlines() if sql.startswith("CREATE TABLE") else [" ".join(sql.split())]
                found.setdefault(table, set()).update(re.sub(r"[\s,\"]+", " ", line).strip() for line in lines)
        else:
            query = """
                SELECT conrelid::regclass::text, pg_get_constraintdef(oid) || conname FROM pg_constraint
                    WHERE connamespace = 'public'::regnamespace
                UNION ALL SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'
                UNION ALL SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
                UNION ALL SELECT table_name, column_name || data_type || is_nullable || coalesce(column_default, '')
                    FROM information_schema.columns WHERE table_schema = 'public'"""
            found = {}
            for table, words in connection.execute(text(query)):
                found.setdefault(table, set()).add(words)
    db.engine.dispose()
    return found


def test_the_chain_is_one_line() -> None:
    """One head, one base, and each script can be taken back."""
    assert len(SCRIPTS.get_heads()) == len(SCRIPTS.get_bases()) == 1
    assert sorted(REVISIONS) == REVISIONS


@pytest.mark.parametrize("revision", REVISIONS[1:])
def test_down_and_up_with_rows(filled: House, revision: str) -> None:
    """Whatever an older release knows of survives the way down and up, and the tables stand as they stood."""
    before, built = contents(), shape()
    earlier = REVISIONS[REVISIONS.index(revision) - 1]
    downgrade(revision=earlier)
    older = contents()
    for name, rows in older.items():
        if name == "state_move":
            continue
        known = [{column: row[column] for column in rows[0]} for row in before[name]] if rows else []
        assert sorted(known, key=repr) == rows, name
    assert sum(map(len, older.values())) > 50
    upgrade()
    assert shape() == built
    assert contents().keys() == before.keys()
    again = contents()
    for name, rows in older.items():
        assert len(again[name]) == len(rows) or name == "state_move", name
    with db.engine.connect() as connection:
        assert guards.present(connection) == guards.expected(connection.dialect.name)
    db.session.remove()
    assert [line for line in verify.findings() if "chain" in line or "account" in line] == []


def test_all_the_way_down_and_up(filled: House) -> None:
    """Down to nothing: no table, function or type is left; and up again to the tables of `models.py`."""
    built = shape()
    downgrade(revision="base")
    with db.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
        if connection.dialect.name == "postgresql":
            left = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'fn%'"
            assert connection.execute(text(left)).scalar_one() == 0
    db.engine.dispose()
    upgrade()
    assert shape() == built


def here(constraint: CheckConstraint) -> bool:
    """Whether the database of this test has it."""
    only = constraint._ddl_if
    return only is None or only.dialect == db.engine.dialect.name


def test_the_database_is_as_the_models_say(filled: House) -> None:
    """Columns, kinds and keys of every table: `models.py` and the scripts say the same."""
    with db.engine.connect() as connection:
        found = inspect(connection)
        tables: dict[str, Table] = Base.metadata.tables  # type: ignore[assignment]
        assert {
            t for t in found.get_table_names() if not t.startswith(("alembic", "patient_search", "icd_search"))
        } == set(tables)
        for name, table in tables.items():
            assert {c["name"]: c["nullable"] for c in found.get_columns(name)} == {
                c.name: bool(c.nullable) for c in table.columns
            }, name
            checks = {str(c["name"]) for c in found.get_check_constraints(name)}
            assert checks == {str(c.name) for c in table.constraints if isinstance(c, CheckConstraint) and here(c)}, (
                name
            )
            assert {str(i["name"]) for i in found.get_indexes(name) if not i.get("duplicates_constraint")} >= {
                str(index.name) for index in table.indexes
            }, name
    db.engine.dispose()
