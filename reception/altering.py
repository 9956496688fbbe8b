"""Changes of tables that hold rows, the same words for both databases; migrations are written with it.

PostgreSQL alters in place. SQLite cannot add a constraint to a table, so there it is made anew from its own DDL with
the new parts written into it, the rows copied, and its indexes and triggers stated again, word for word. Foreign keys
are off meanwhile (`migrations/env.py`) and checked at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, text

Q = re.compile(r"\n\s*CONSTRAINT ")


@dataclass(frozen=True, slots=True)
class Column:
    """A new column: `kind` as PostgreSQL writes it (and `sqlite` where that differs), `default` in SQL for the rows that
    stand, which stays: a release that does not know the column still writes beside one that does."""

    name: str
    kind: str
    default: str | None = None
    sqlite: str = ""

    def ddl(self, dialect: str) -> str:
        kind = self.sqlite or self.kind if dialect == "sqlite" else self.kind
        return f"{self.name} {kind}" + ("" if self.default is None else f" DEFAULT {self.default} NOT NULL")


@dataclass(frozen=True, slots=True)
class Rule:
    """A constraint by name; `only`: the dialect that has it, or both."""

    name: str
    ddl: str
    only: str = ""


def wall(table: str, column: str, parent: str) -> Rule:
    """The reference of `table`.`column` that cannot leave the clinic."""
    name = f"fk_{table}_clinic_id_{column}"
    return Rule(name, f"FOREIGN KEY(clinic_id, {column}) REFERENCES {parent} (clinic_id, id)")


def refers(table: str, column: str, parent: str) -> Rule:
    """A plain reference to `parent`.id."""
    return Rule(f"fk_{table}_{column}", f'FOREIGN KEY({column}) REFERENCES "{parent}" (id)')


def check(table: str, name: str, rule: str) -> Rule:
    return Rule(f"ck_{table}_{name}", f"CHECK ({rule})")


def whole_units(table: str, *columns: str) -> Rule:
    """SQLite keeps text or floats in an integer column unless told otherwise."""
    rule = " AND ".join(f"typeof({c}) IN ('integer', 'null')" for c in columns)
    return Rule(f"ck_{table}_whole_units", f"CHECK ({rule})", only="sqlite")


def add(connection: Connection, table: str, columns: Iterable[Column] = (), rules: Iterable[Rule] = ()) -> None:
    """Add columns and constraints; a constraint whose name stands already takes its place."""
    _alter(connection, table, add_columns=list(columns), add_rules=_here(connection, rules))


def take_away(connection: Connection, table: str, columns: Iterable[str] = (), rules: Iterable[str] = ()) -> None:
    """Drop columns and constraints by name; the constraints go first."""
    _alter(connection, table, drop_columns=list(columns), drop_rules=list(rules))


def _here(connection: Connection, rules: Iterable[Rule]) -> list[Rule]:
    return [rule for rule in rules if rule.only in ("", connection.dialect.name)]


def _alter(
    connection: Connection, table: str, *, add_columns: Iterable[Column] = (), add_rules: Iterable[Rule] = (),
    drop_columns: Iterable[str] = (), drop_rules: Iterable[str] = (),
) -> None:  # fmt: skip
    add_columns, add_rules, drop_columns = list(add_columns), list(add_rules), list(drop_columns)
    gone = [*drop_rules, *(rule.name for rule in add_rules)]
    if connection.dialect.name == "sqlite":
        ddl = _ddl(connection, "table", table)[0]
        ddl = _without(ddl, gone, drop_columns)
        ddl = _with(ddl, [c.ddl("sqlite") for c in add_columns], [f"CONSTRAINT {r.name} {r.ddl}" for r in add_rules])
        _made_anew(connection, table, ddl, without=drop_columns)
        return
    parts = [f"DROP CONSTRAINT IF EXISTS {name}" for name in gone]
    parts += [f"DROP COLUMN {name}" for name in drop_columns]
    parts += [f"ADD COLUMN {column.ddl('postgresql')}" for column in add_columns]
    parts += [f"ADD CONSTRAINT {rule.name} {rule.ddl}" for rule in add_rules]
    if parts:
        connection.exec_driver_sql(f'ALTER TABLE "{table}" {", ".join(parts)}'.replace("%", "%%"))


def _with(ddl: str, columns: list[str], rules: list[str]) -> str:
    """`ddl` with columns after its last one and constraints at its end."""
    first = Q.search(ddl)
    assert first is not None, ddl
    added = "".join(f"\n\t{column}, " for column in columns)
    ddl = ddl[: first.start()] + added + ddl[first.start() :]
    body, _, _ = ddl.rpartition(")")
    return body.rstrip() + "".join(f", \n\t{rule}" for rule in rules) + "\n)"


def _without(ddl: str, rules: list[str], columns: list[str]) -> str:
    """`ddl` without some lines: a column or a constraint stands on a line of its own."""
    head, *lines = [line.strip() for line in ddl.strip().splitlines()]
    lines = [line.rstrip(", ") for line in lines[:-1]]
    named = tuple(f"CONSTRAINT {name} " for name in rules) + tuple(f"{name} " for name in columns)
    kept = [line for line in lines if not line.startswith(named)]
    return f"{head}\n\t" + ", \n\t".join(kept) + "\n)"


def _ddl(connection: Connection, kind: str, table: str) -> list[str]:
    query = text("SELECT sql FROM sqlite_master WHERE type = :kind AND tbl_name = :table AND sql IS NOT NULL")
    return list(connection.execute(query, {"kind": kind, "table": table}).scalars())


def _made_anew(connection: Connection, table: str, ddl: str, *, without: list[str]) -> None:
    def names(of: str) -> list[str]:
        return [row[1] for row in connection.exec_driver_sql(f'PRAGMA table_info("{of}")')]

    indexes, triggers = _ddl(connection, "index", table), _ddl(connection, "trigger", table)
    before = names(table)
    made = f"new_{table}"
    connection.exec_driver_sql(re.sub(rf'^CREATE TABLE "?{table}"?', f'CREATE TABLE "{made}"', ddl))
    after = set(names(made))
    columns = ", ".join(f'"{name}"' for name in before if name in after and name not in without)
    connection.exec_driver_sql(f'INSERT INTO "{made}" ({columns}) SELECT {columns} FROM "{table}"')  # noqa: S608
    connection.exec_driver_sql(f'DROP TABLE "{table}"')
    connection.exec_driver_sql(f'ALTER TABLE "{made}" RENAME TO "{table}"')
    for statement in (*indexes, *triggers):
        connection.exec_driver_sql(statement)
    if broken := connection.exec_driver_sql(f'PRAGMA foreign_key_check("{table}")').first():
        raise RuntimeError(f"{table} would name a row that is not there: {broken}")
