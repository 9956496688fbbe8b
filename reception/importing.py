"""Imports at work: the files that came in, and the runs, before one's eyes in a terminal or behind a page.

A run behind a page is a task of the server's own: it reads and checks without a lock, giving way after every few rows,
and stores in one transaction. How far it is stands in its row, and in `progress` while the database is taken.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

from flask import Flask, current_app
from flask_babel import force_locale, gettext
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from reception import clock
from reception.aside import aside
from reception.domain.actors import Actor
from reception.domain.errors import Refusal
from reception.domain.imports import runs
from reception.domain.imports.registry import kind_of
from reception.domain.imports.runs import Mapped, Report, Tell
from reception.domain.imports.sheets import Sheet, open_sheet
from reception.domain.imports.staging import Staging
from reception.domain.locks import load
from reception.extensions import db, socketio
from reception.formats import LOCALES
from reception.models import ImportRun, ImportState
from reception.transaction import perform

log = logging.getLogger(__name__)

KEPT = timedelta(days=1)
"""How long a file waits for somebody to decide."""
USUAL_PAGES = 1000
"""After so many pages in its journal SQLite copies them into the file, if not told otherwise."""
progress: dict[int, tuple[str, int, int]] = {}
"""Runs of this process: number -> (step, rows done, rows in all)."""
ended: dict[int, Event] = {}
"""Runs of this process: number -> what is set when the run is over, for whoever waits for it."""


def folder() -> Path:
    """Where uploaded files and checked rows wait; nobody else reads there."""
    path: Path = current_app.config["INSTANCE"] / "imports"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def file_of(run_id: int) -> Path:
    """The uploaded file of a run, under a name of our own."""
    return folder() / f"run-{run_id}"


def words_for(label: str) -> list[str]:
    """A label in all our languages: what exports write into their first row is recognised again."""
    found = []
    for locale in LOCALES:
        with force_locale(locale):
            found.append(gettext(label))
    return found


def forget_files() -> None:
    """Remove what nobody decided about within a day."""
    for path in folder().iterdir():
        try:
            age = clock.now().timestamp() - path.stat().st_mtime
            if age > KEPT.total_seconds():
                path.unlink()
        except OSError:
            continue


def carry_out(
    sheet: Sheet, mapped: Mapped, actor: Actor, *, is_dry: bool, run_id: int | None = None, tell: Tell = runs.nobody
) -> Report:
    """Check the file and, where all of it holds, store it. Raises a Refusal where the file as a whole cannot be."""

    def told(step: str, done: int, total: int) -> None:
        if step != "store":
            db.session.rollback()  # no long look at an old state
        tell(step, done, total)

    with Staging(folder() / f"rows-{secrets.token_hex(8)}") as staging:
        report = runs.check(sheet, mapped, staging, actor, clock.now(), told)
        db.session.rollback()
        if report.refused or is_dry:
            return report
        found: Report = perform(actor, runs.store, staging, mapped, report, run_id=run_id, tell=told)
        _settle()
        return found


def _settle() -> None:
    """SQLite: copy what was stored from the journal into the file, in a thread, so that no screen waits for the disk."""
    if db.engine.dialect.name == "sqlite" and (path := db.engine.url.database):
        db.session.rollback()
        aside(_copy_journal, path)
        db.session.execute(text(f"PRAGMA wal_autocheckpoint={USUAL_PAGES}"))
        db.session.rollback()


def _copy_journal(path: str) -> None:
    try:
        with closing(sqlite3.connect(path, timeout=5)) as file:
            file.execute("PRAGMA wal_checkpoint(PASSIVE)")
    except sqlite3.Error:
        log.warning("the journal could not be copied now; the next commit will")


# ------------------------------------------------------------------------------------------------ behind a page


def start(run_id: int, actor: Actor) -> None:
    """Let the run begin beside the requests; its row says already that it is running."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  as Flask says
    progress[run_id], ended[run_id] = ("read", 0, 0), Event()
    socketio.start_background_task(_run, app, run_id, actor)


def is_alive(run: ImportRun) -> bool:
    """Whether a run that should be running is: in this process, or by its last sign of life in another one."""
    return run.id in progress or not runs.is_dead(run, clock.now())


def mapped_of(run: ImportRun) -> Mapped:
    """How the run's file is to be read. Raises NotFound."""
    return Mapped(kind_of(run.kind), dict(run.reading.get("columns", {})), run.reading.get("locale", ""))


def sheet_of(run: ImportRun, breathe: Any = lambda: None) -> Sheet:
    """The run's file. Raises Unreadable."""
    return open_sheet(file_of(run.id), run.reading.get("encoding", ""), run.reading.get("separator", ""), breathe)


def _run(app: Flask, run_id: int, actor: Actor) -> None:
    with app.app_context():
        is_dry = False
        try:
            run = load(ImportRun, run_id, actor.clinic_id)
            is_dry, mapped = run.is_dry, mapped_of(run)
            sheet = sheet_of(run, lambda: socketio.sleep(0))
            tell = _Progress(app, run_id, actor)
            report = carry_out(sheet, mapped, actor, is_dry=is_dry, run_id=run_id, tell=tell)
            if report.refused:
                perform(actor, runs.end_run, run_id, ImportState.REFUSED, report)
            elif is_dry:
                perform(actor, runs.end_run, run_id, ImportState.DONE, report)
        except Refusal as refusal:
            why = {"message": refusal.message, "gaps": {name: str(value) for name, value in refusal.gaps.items()}}
            _end(actor, run_id, ImportState.REFUSED, why)
        except BaseException:
            log.exception("import %s died", run_id)
            _end(actor, run_id, ImportState.FAILED, {})
        finally:
            progress.pop(run_id, None)
            if not is_dry:
                file_of(run_id).unlink(missing_ok=True)
            ended.pop(run_id).set()


def _end(actor: Actor, run_id: int, state: ImportState, why: dict[str, Any]) -> None:
    try:
        db.session.rollback()
        perform(actor, runs.end_run, run_id, state, None, why)
    except Exception:
        log.exception("import %s could not be ended; it will be found silent", run_id)


class _Progress:
    """Notes how far a run is: at once here, once a second in its row; gives way each time.

    While it reads it rests as long as it worked, so that the screens have at least half of the machine; while it
    stores, others may wait for its lock, so it only lets them pass.
    """

    def __init__(self, app: Flask, run_id: int, actor: Actor) -> None:
        self._app, self._run_id, self._actor = app, run_id, actor
        self._is_sqlite = db.engine.dialect.name == "sqlite"
        self._noted = self._resumed = time.monotonic()

    def _give_way(self, step: str) -> None:
        worked = time.monotonic() - self._resumed
        socketio.sleep(0.001 if step == "store" else min(worked, 0.1))
        self._resumed = time.monotonic()

    def __call__(self, step: str, done: int, total: int) -> None:
        progress[self._run_id] = (step, done, max(done, total))
        self._give_way(step)
        if time.monotonic() - self._noted < 1 or (self._is_sqlite and step == "store"):
            return  # SQLite has one writer, and that is the run itself
        self._noted = time.monotonic()
        try:
            with self._app.app_context():  # a session of its own
                perform(self._actor, runs.note_progress, self._run_id, step, done, max(done, total))
        except (Refusal, SQLAlchemyError):
            log.warning("import %s: its progress could not be noted", self._run_id)
