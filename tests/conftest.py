"""Each test gets a house of its own: an app on a fresh copy of a migrated database, SQLite and PostgreSQL alike."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask_migrate import upgrade
from jinja2 import FileSystemBytecodeCache
from werkzeug.routing import Rule

from reception import clock, create_app, live
from reception.extensions import db, limiter
from tests.factories import House

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
"""A Friday, 10:00 in Berlin: where the clock of every house starts."""

BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


def settings(folder: Path, url: str, **more: str) -> dict[str, str]:
    """The environment of a test's app."""
    return {
        "RECEPTION_INSTANCE": str(folder),
        "DATABASE_URL": url,
        "SECRET_KEY": "test",
        "RECEPTION_AUDIT_KEY": "test",
        "RECEPTION_NOW": NOW.isoformat(),
        "RECEPTION_LOGIN_LIMIT": "1000 per minute",
        **more,
    }


def postgres_url(database: str = "postgres") -> str:
    base = os.environ.get("TEST_POSTGRES_URL")
    if not base:
        pytest.skip("no PostgreSQL: run make test")
    return base.rsplit("/", 1)[0] + "/" + database


def admin(statement: str) -> None:
    """One statement beside every transaction of the PostgreSQL server."""
    with psycopg.connect(postgres_url(), autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


def migrated(folder: Path, url: str) -> None:
    app = create_app(settings(folder, url))
    with app.app_context():
        upgrade()
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="session", autouse=True)
def quick_apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each test has an app of its own; what every app would compile anew is compiled once: templates by Jinja's own
    cache, shared by the workers, and the builders of addresses, which hang on nothing but the rule."""
    folder = tmp_path_factory.getbasetemp().parent / "jinja"
    folder.mkdir(exist_ok=True)
    builder, built = Rule._compile_builder, {}

    def compiled(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in built:
            built[key] = builder(rule, append_unknown)
        return built[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": FileSystemBytecodeCache(str(folder))})
        patch.setattr(Rule, "_compile_builder", compiled)
        yield


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    migrated(folder, f"sqlite:///{folder / 'template.db'}")
    return folder / "template.db"


@pytest.fixture(scope="session")
def postgres_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    name = f"reception_template_{uuid.uuid4().hex[:12]}"
    admin(f"CREATE DATABASE {name}")
    migrated(tmp_path_factory.mktemp("template"), postgres_url(name))
    yield name
    admin(f"DROP DATABASE {name} WITH (FORCE)")


class Kept:
    """A PostgreSQL database that is emptied before each test, which is ten times quicker than making one; where a test
    left more than rows behind, it is made anew from the template."""

    EMPTY = """
        DO $$ DECLARE found record; BEGIN
            SET LOCAL session_replication_role = replica;
            FOR found IN SELECT oid::regclass AS name FROM pg_class
                WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                AND relname NOT IN ('alembic_version', 'state_move')
            LOOP EXECUTE format('DELETE FROM %s', found.name); END LOOP;
            PERFORM setval(oid::regclass, 1, false) FROM pg_class
                WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace;
        END $$"""
    SHAPE = """
        SELECT md5(string_agg(what, ',' ORDER BY what)) FROM (
            SELECT format('%s %s %s', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger
            UNION ALL SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
                WHERE connamespace = 'public'::regnamespace
            UNION ALL SELECT proname || md5(prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            UNION ALL SELECT format('%s %s %s', attrelid::regclass, attname, attnotnull) FROM pg_attribute JOIN pg_class c
                ON c.oid = attrelid WHERE relnamespace = 'public'::regnamespace AND attnum > 0
            UNION ALL SELECT kind || from_state || to_state FROM state_move
            UNION ALL SELECT setconfig::text FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase
                WHERE datname = current_database()
        ) AS shape (what)"""
    LARGE = 48 * 1024 * 1024
    """Bytes. Deleted rows stay in the files for a while."""

    def __init__(self, name: str, template: str) -> None:
        self.name, self.template, self.shape = name, template, ""

    def make_ready(self) -> None:
        if not self.shape:
            self._make()
            return
        self._close_others()
        with psycopg.connect(postgres_url(self.name)) as connection:
            size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
            if size and size[0] < self.LARGE and self._look(connection) == self.shape:
                connection.execute(self.EMPTY)
                return
        self.drop()
        self._make()

    def drop(self) -> None:
        admin(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    def _make(self) -> None:
        admin(f"CREATE DATABASE {self.name} TEMPLATE {self.template}")
        with psycopg.connect(postgres_url(self.name)) as connection:
            self.shape = self._look(connection)

    def _look(self, connection: psycopg.Connection[Any]) -> str:
        try:
            found = connection.execute(self.SHAPE).fetchone()
        except psycopg.errors.UndefinedTable:
            connection.rollback()
            return "no tables"
        return str(found and found[0])

    def _close_others(self) -> None:
        admin(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}'")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def postgres_kept(request: pytest.FixtureRequest) -> Iterator[Kept]:
    """The database that this worker's tests share one after the other."""
    kept = Kept(f"reception_{uuid.uuid4().hex[:12]}", request.getfixturevalue("postgres_template"))
    yield kept
    kept.drop()


@pytest.fixture
def database_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated database without rows."""
    if backend == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "reception.db")
        yield f"sqlite:///{tmp_path / 'reception.db'}"
        return
    kept: Kept = request.getfixturevalue("postgres_kept")
    kept.make_ready()
    yield postgres_url(kept.name)


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    """An app with a clinic in it: department A, Dr. Novak in room 101, a service, cashboxes, one user of each role."""
    app = create_app(settings(tmp_path, database_url))
    live.hub = live.Hub()
    limiter.reset()
    with app.app_context():
        yield House.open(app)
        db.session.remove()
        db.engine.dispose()
    clock.start_at(None)
