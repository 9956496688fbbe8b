"""Many rows at once, past the unit of work: one INSERT for a batch, ids known before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text

from reception.domain import evidence
from reception.domain.actors import Actor
from reception.domain.audit import work
from reception.extensions import db

BATCH = 2_000
MODEST = -4_096
"""KiB of cache, as SQLite writes it."""


def new_ids(kind: type[Any], count: int) -> list[int]:
    """Ids for `count` new rows of `kind`, for this transaction alone."""
    if db.session.get_bind().dialect.name == "postgresql":
        query = text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)")
        return list(db.session.scalars(query, {"name": kind.__tablename__, "count": count}))
    last = db.session.scalar(select(func.coalesce(func.max(kind.id), 0))) or 0  # the only writer: nobody is faster
    return list(range(last + 1, last + count + 1))


def insert(kind: type[Any], rows: Sequence[dict[str, Any]]) -> None:
    """Add the rows; all of them have the same keys. What is posted is named by the act as everywhere (`evidence`)."""
    if kind in evidence.KEPT:
        idents = new_ids(kind, len(rows))
        rows = [{"id": ident, **row} for ident, row in zip(idents, rows, strict=True)]
        work().posted |= {(kind.__tablename__, row["id"]): evidence.line(kind.__tablename__, row) for row in rows}
    for some in in_batches(rows):
        db.session.execute(kind.__table__.insert(), list(some))


def in_batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """`rows` in handy pieces."""
    for first in range(0, len(rows), BATCH):
        yield rows[first : first + BATCH]


def signed(actor: Actor, at: datetime) -> dict[str, Any]:
    """What every row that people edit says of its maker."""
    return {"created_at": at, "updated_at": at, "created_by_id": actor.user_id, "updated_by_id": actor.user_id}


@contextmanager
def modestly() -> Iterator[None]:
    """SQLite may keep many pages of its file in memory; a long import makes do with few, and so does not grow.

    Nor does its commit copy the whole journal into the file at once: `importing.py` does so afterwards, aside.
    """
    if db.session.get_bind().dialect.name != "sqlite":
        yield
        return
    usual = db.session.scalar(text("PRAGMA cache_size"))
    db.session.execute(text("PRAGMA wal_autocheckpoint=0"))
    db.session.execute(text(f"PRAGMA cache_size={MODEST}"))
    try:
        yield
    finally:
        db.session.execute(text(f"PRAGMA cache_size={usual}"))


def analyze(*kinds: type[Any]) -> None:
    """PostgreSQL plans by counts that it takes in its own time; empty tables that fill at once need telling.

    Only the tables of `kinds`: a bare ANALYZE would lock the catalogue that all databases of the server share.
    """
    if db.session.get_bind().dialect.name == "postgresql":
        db.session.execute(text(f"ANALYZE {', '.join(kind.__tablename__ for kind in kinds)}"))
