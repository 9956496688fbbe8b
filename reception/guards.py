"""Triggers and exclusion constraints, written in SQL beside the migrations that make them (`migrations/guards/`).

A migration that rebuilds a SQLite table makes its guards anew: SQLite drops a table's triggers with the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection, text

FOLDER = Path(__file__).parent.parent / "migrations" / "guards"
NAMES = re.compile(r"CREATE (?:TRIGGER|FUNCTION) (\w+)|ADD CONSTRAINT (ex_\w+)")


def statements(dialect: str, revision: str = "*") -> list[str]:
    """The SQL statements of one revision, or of all, for `dialect`."""
    found: list[str] = []
    for script in sorted(FOLDER.glob(f"{revision}_{dialect}.sql")):
        found += [part.strip() for part in script.read_text().split("\n--;\n")]
    return found


def expected(dialect: str) -> set[str]:
    """Names of the triggers and exclusion constraints that a database of `dialect` must have."""
    found = (NAMES.findall(statement) for statement in statements(dialect))
    return {name for pairs in found for pair in pairs for name in pair if name and not name.startswith("fn_")}


def present(connection: Connection) -> set[str]:
    """Names of the triggers and exclusion constraints that the database has."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = (
            "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal "
            "UNION SELECT conname FROM pg_constraint WHERE contype = 'x'"
        )
    return {name for (name,) in connection.execute(text(query))}


def make(connection: Connection, revision: str) -> None:
    """Make the guards of `revision`."""
    for statement in statements(connection.dialect.name, revision):
        connection.exec_driver_sql(statement.replace("%", "%%") if connection.dialect.name != "sqlite" else statement)


def drop(connection: Connection, revision: str) -> None:
    """Drop the guards of `revision`, before its tables go."""
    for statement in reversed(statements(connection.dialect.name, revision)):
        if found := re.search(r"CREATE TRIGGER (\w+)(?:.|\n)*? ON (\w+)", statement):
            where = "" if connection.dialect.name == "sqlite" else f" ON {found[2]}"
            connection.exec_driver_sql(f"DROP TRIGGER {found[1]}{where}")
        elif found := re.search(r"ALTER TABLE (\w+) ADD CONSTRAINT (ex_\w+)", statement):
            connection.exec_driver_sql(f"ALTER TABLE {found[1]} DROP CONSTRAINT {found[2]}")
        elif found := re.search(r"CREATE VIRTUAL TABLE (\w+)", statement):
            connection.exec_driver_sql(f"DROP TABLE {found[1]}")
        elif found := re.search(r"CREATE FUNCTION (\w+)", statement):
            connection.exec_driver_sql(f"DROP FUNCTION {found[1]}()")


def fill_state_moves(connection: Connection, moves: Iterable[tuple[str, str, str]]) -> None:
    """Tell the database which moves of a status are legal: (kind, from, to)."""
    rows = [{"kind": kind, "a": before, "b": after} for kind, before, after in moves]
    connection.execute(text("INSERT INTO state_move (kind, from_state, to_state) VALUES (:kind, :a, :b)"), rows)
