"""One way through all kinds: read and check every row, compare it with what stands, store all of it or nothing.

The check holds no lock and keeps the rows in a staging file. The store is one transaction: it compares once more, for the
desk has gone on working meanwhile, copies the new rows, writes one act, and marks the run as done, all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import Invalid, NotPossible
from reception.domain.imports import bulk, columns
from reception.domain.imports.files import Unreadable, cut
from reception.domain.imports.kinds import Checked, Fault, Kind, Staged
from reception.domain.imports.sheets import Line, Sheet
from reception.domain.imports.staging import Staging
from reception.domain.locks import locked
from reception.extensions import db
from reception.models import Clinic, ImportRun, ImportState, Patient, Schedule, Service, ServicePrice, Slot
from reception.words import N_

MOST_FAULTS = 1_000
"""Faults that are kept one by one; of the others only their number."""
SILENT = timedelta(seconds=60)
"""A run without a sign of life for so long has died."""
PIECE = 20
"""Rows after which others get their turn."""
ANALYZED: dict[str, tuple[type[Any], ...]] = {
    "patients": (Patient,), "schedules": (Schedule, Slot), "prices": (Service, ServicePrice),
}  # fmt: skip

OVER = N_("This import is running or over already. Upload the file again.")
Tell = Callable[[str, int, int], None]
"""Told of each piece: what is done ("read", "compare", "store"), how many rows of how many."""


def nobody(_step: str, _done: int, _total: int) -> None:
    """Nobody is told."""


@dataclass
class Report:
    """What came of a check or a store."""

    rows: int = 0
    added: int = 0
    same: int = 0
    left_out: int = 0
    """Headings and the like, which are not meant."""
    refused: int = 0
    faults: list[Fault] = field(default_factory=list)

    def refuse(self, fault: Fault) -> None:
        self.refused += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(fault)


@dataclass(frozen=True, slots=True)
class Mapped:
    """How a file is read: the kind, which column is which field, the language of titles."""

    kind: type[Kind]
    columns: dict[str, str]
    locale: str = ""

    def at_work(self, actor: Actor, at: datetime) -> Kind:
        return self.kind(actor, at, frozenset(self.columns), self.locale)


def check(sheet: Sheet, mapped: Mapped, staging: Staging, actor: Actor, at: datetime, tell: Tell = nobody) -> Report:
    """Read the whole file into `staging` and say what would come of it. Stores nothing. Raises Invalid, Unreadable."""
    report, kind = Report(), mapped.at_work(actor, at)
    kind.is_staged = staging.has
    places = dict(
        zip(mapped.columns, columns.checked(mapped.columns, sheet.header, kind.columns, kind.needed), strict=True)
    )
    for line in sheet.rows(lambda: tell("read", report.rows, sheet.about)):
        report.rows += 1
        if report.rows > kind.most:
            raise Unreadable(N_("The file has more than %(most)s rows. Split it."), most=kind.most)
        _take(line, places, kind, staging, report)
        if report.rows % PIECE == 0:
            tell("read", report.rows, sheet.about)
    if not report.rows:
        raise Unreadable(N_("The file has a header and no rows."))
    for row, at_line, earlier, _whose in staging.overlaps(MOST_FAULTS):
        report.refuse(
            Fault(row, at_line, N_("Row %(row)s wants the same doctor or room at this time."), "", {"row": earlier})
        )
    done = 0
    for rows in staging.batches():
        for fault in kind.compare(rows):
            report.refuse(fault)
        done += len(rows)
        report.same += sum(not row.is_new for row in rows)
        tell("compare", done, staging.count)
    report.faults.sort(key=lambda fault: fault.row)
    report.added = 0 if report.refused else report.rows - report.same - report.left_out
    return report


def _take(line: Line, places: dict[str, int], kind: Kind, staging: Staging, report: Report) -> None:
    """Check one row and keep it."""
    try:
        checked = kind.read({name: line.cells[place] for name, place in places.items()})
        if checked is None:
            report.left_out += 1
            return
        _keep(line, checked, staging, report)
    except Invalid as refusal:
        if line.is_cut:
            raise cut(line.line) from None
        report.refuse(Fault.of(refusal, line.number, line.line))


def _keep(line: Line, checked: Checked, staging: Staging, report: Report) -> None:
    twin = staging.add(line.number, line.line, checked)
    if twin is None:
        return
    row, name, is_same = twin
    if is_same:
        report.same += 1
    else:
        report.refuse(Fault(line.number, line.line, N_("Row %(row)s has the same already."), name, {"row": row}))


def store(
    staging: Staging,
    mapped: Mapped,
    report: Report,
    *,
    actor: Actor,
    at: datetime,
    run_id: int | None = None,
    tell: Tell = nobody,
) -> Report:
    """Store what is new of the staged rows; all or nothing. Raises NotPossible where the desk was faster."""
    clinic = db.session.scalars(
        select(Clinic).where(Clinic.id == actor.clinic_id).with_for_update(key_share=True)
    ).one()
    kind = mapped.at_work(actor, at)
    kind.is_staged = staging.has
    found = Report(rows=report.rows, left_out=report.left_out, same=report.rows - report.left_out - staging.count)
    with bulk.modestly():
        _copy(kind, staging, found, tell)
        if found.added:
            kind.finish(_told(staging.batches(), tell, staging.count))
    if found.added:
        record(actor, f"import.{kind.name}", clinic, at=at, rows=found.rows, imported=found.added, known=found.same)
    if run_id is not None:
        if _locked(run_id, actor).state != ImportState.RUNNING:  # it was given up as dead, and somebody was told so
            raise NotPossible(OVER, code="import-over")
        _end(run_id, actor, at, ImportState.DONE, found)
    return found


def _copy(kind: Kind, staging: Staging, found: Report, tell: Tell) -> None:
    """Every staged row that is new, into the database."""
    done = batches = 0
    for rows in staging.batches():
        for fault in kind.compare(rows):
            raise NotPossible(
                N_("Row %(row)s cannot be stored any more: the desk has just taken what it needs. Try again."),
                row=fault.row,
            )
        if new := [row for row in rows if row.is_new]:
            kind.insert(new)
            batches += 1
            if batches.bit_count() == 1 and (kinds := ANALYZED.get(kind.name)):
                bulk.analyze(*kinds)
        found.added += len(new)
        found.same += len(rows) - len(new)
        done += len(rows)
        tell("store", done, staging.count)


def _told(batches: Iterator[list[Staged]], tell: Tell, total: int) -> Iterator[list[Staged]]:
    for rows in batches:
        yield rows
        tell("store", total, total)


# -------------------------------------------------------------------------------------------------------- the runs


def add_run(kind: str, filename: str, reading: dict[str, Any], *, actor: Actor, at: datetime) -> ImportRun:
    """A file has come in and waits to be mapped."""
    run = ImportRun(
        clinic_id=actor.clinic_id, kind=kind, filename=filename[:200], state=ImportState.UPLOADED, reading=reading,
        started_at=at, seen_at=at, by_id=actor.user_id,
    )  # fmt: skip
    db.session.add(run)
    db.session.flush()
    return run


def begin(run_id: int, reading: dict[str, Any], is_dry: bool, *, actor: Actor, at: datetime) -> ImportRun:
    """The run begins; a clinic has one at a time (the database sees to it). Raises NotPossible."""
    run = _locked(run_id, actor)
    if run.state == ImportState.RUNNING or not may_begin(run):
        raise NotPossible(OVER, code="import-over")
    _give_up_silent(actor, at)
    run.state, run.is_dry, run.reading, run.step = ImportState.RUNNING, is_dry, reading, "read"
    run.total, run.done, run.added, run.same, run.refused, run.report, run.why = None, 0, 0, 0, 0, [], {}
    run.started_at = run.seen_at = at
    run.finished_at = None
    return run


def may_begin(run: ImportRun) -> bool:
    """Whether the file is still there to be read: it has been uploaded, or only tried."""
    return run.state == ImportState.UPLOADED or (run.is_dry and run.state in (ImportState.DONE, ImportState.REFUSED))


def note_progress(run_id: int, step: str, done: int, total: int, *, actor: Actor, at: datetime) -> None:
    """A sign of life."""
    run = _locked(run_id, actor)
    if run.state == ImportState.RUNNING:
        run.step, run.done, run.total, run.seen_at = step, done, total, at


def end_run(
    run_id: int,
    state: ImportState,
    report: Report | None,
    why: dict[str, Any] | None = None,
    *,
    actor: Actor,
    at: datetime,
) -> None:
    """A run that stored nothing ends: it was dry, it was refused, or it died."""
    _end(run_id, actor, at, state, report or Report(), why)


def drop_run(run_id: int, *, actor: Actor, at: datetime) -> None:
    """Somebody does not want a file after all. Raises NotPossible while it runs."""
    run = _locked(run_id, actor)
    if run.state == ImportState.RUNNING and at - run.seen_at < SILENT:
        raise NotPossible(N_("This import is running. Wait until it is done."), code="import-running")
    db.session.delete(run)


def _end(
    run_id: int, actor: Actor, at: datetime, state: ImportState, report: Report, why: dict[str, Any] | None = None
) -> None:
    run = _locked(run_id, actor)
    run.state, run.finished_at, run.seen_at, run.step = state, at, at, ""
    run.total = run.done = report.rows
    run.added, run.same, run.refused = report.added, report.same, report.refused
    run.report, run.why = [fault.plain for fault in report.faults], why or {}


def _locked(run_id: int, actor: Actor) -> ImportRun:
    return locked(ImportRun, run_id, actor.clinic_id)


def _give_up_silent(actor: Actor, at: datetime) -> None:
    """Runs that have been silent for long have died with their process."""
    silent = select(ImportRun).where(
        ImportRun.clinic_id == actor.clinic_id, ImportRun.state == ImportState.RUNNING, ImportRun.seen_at < at - SILENT
    )
    for run in db.session.scalars(silent):
        run.state, run.finished_at = ImportState.FAILED, at
    db.session.flush()


def is_dead(run: ImportRun, now: datetime) -> bool:
    """Whether a run that should be running gives no sign of life."""
    return run.state == ImportState.RUNNING and now - run.seen_at > SILENT
