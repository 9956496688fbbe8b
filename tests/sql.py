"""What happens in the database: the statements of a block, and how SQLite would look for their rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from reception.extensions import db


class Seen(list[str]):
    """The statements in order; `values` what each was given."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    @property
    def writes(self) -> list[str]:
        return [s for s in self if s.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE", "REPLACE"))]

    def plans(self) -> Iterator[tuple[str, str]]:
        """(statement, line of its query plan) of every SELECT; SQLite only."""
        with db.engine.connect() as connection:
            for statement, values in zip(self, self.values, strict=True):
                if statement.lstrip().upper().startswith(("SELECT", "WITH")):
                    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values):
                        yield statement, str(row[3])


@contextmanager
def statements() -> Iterator[Seen]:
    """The SQL statements of what happens inside."""
    seen = Seen()

    def note(_c: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        seen.append(statement)
        seen.values.append(values)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
