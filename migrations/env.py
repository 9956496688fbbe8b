"""Alembic's environment: one script set for SQLite and PostgreSQL, each script in one transaction."""

from __future__ import annotations

import os
from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import Connection, Enum, create_engine

from reception.columns import UtcDateTime
from reception.config import database_url
from reception.extensions import db

config = context.config


def render_item(kind: str, item: Any, _context: Any) -> str | bool:
    """Scripts stand alone: no type of ours in them."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Enum):
        names = ", ".join(repr(str(name)) for name in item.enums)
        return f"sa.Enum({names}, name={item.name!r}, native_enum=False, create_constraint=True, length=24)"
    return False


def run() -> None:
    """Run the scripts; as the owner of the tables where RECEPTION_MIGRATION_URL names one."""
    owner = os.environ.get("RECEPTION_MIGRATION_URL")
    engine = create_engine(database_url(owner)) if owner else current_app.extensions["migrate"].db.engine
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            _let_tables_be_made_anew(connection)
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_item=render_item,
            render_as_batch=True,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        if engine.dialect.name == "sqlite":
            connection.rollback()
            connection.invalidate()  # the next one begins with the settings of `transaction.py`


def _let_tables_be_made_anew(connection: Connection) -> None:
    """SQLite changes a table by making it anew (`reception/altering.py`): what points at it must not mind meanwhile.

    Only outside of a transaction do these settings take effect.
    """
    raw: Any = connection.connection.dbapi_connection
    raw.execute("PRAGMA foreign_keys=OFF")
    raw.execute("PRAGMA legacy_alter_table=ON")


if context.is_offline_mode():
    raise SystemExit("Reception's migrations run against a database, not as a script.")
run()
