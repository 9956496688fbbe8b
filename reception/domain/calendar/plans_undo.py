"""Taking back what was planned: the change or ending of a weekly shift, days that were closed or opened at once.

It is put back exactly as it stood, or not at all: what stood is read from the audit's entry of the act, and a later act
that moved somebody there forbids it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Date, DateTime, Time, select

from reception import clock
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.calendar import closures, open_slots, templates_made
from reception.domain.calendar.schedules import HERE, Shape
from reception.domain.calendar.templates import check_free
from reception.domain.errors import NotPossible
from reception.domain.locks import load, locked, locked_all
from reception.domain.machines import UNDO_SECONDS
from reception.extensions import db
from reception.models import Appointment, AuditEntry, ClosedDay, Doctor, Record, Schedule, ScheduleTemplate
from reception.words import N_

Rows = dict[tuple[str, int], dict[str, Any]]
"""Kind and id of a row -> column -> [old, new]."""


# ------------------------------------------------------------------------------------------------------ weekly shifts


def take_back(template_id: int, *, actor: Actor, at: datetime) -> ScheduleTemplate:
    """Undo of `templates.change` and `templates.end`; the row that holds again. Raises NotPossible."""
    row = locked(ScheduleTemplate, template_id, actor.clinic_id)
    [entry] = _last("schedule_template", [row.id], {"schedule_template.change", "schedule_template.end"}, actor, at)
    rows, today = _rows(entry), clock.service_day(at, actor.clinic)
    people = locked_all(
        Appointment, actor.clinic_id, Appointment.doctor_id == row.doctor_id, Appointment.day >= today,
        Appointment.status.in_(HERE),
    )  # fmt: skip
    locked(Doctor, row.doctor_id, actor.clinic_id)
    holds_again, touched = _templates_back(row, rows, actor)
    wanted = _shapes_before(rows, {row.id, holds_again.id}, actor, at)
    db.session.flush()
    check_free(holds_again, actor)
    touched += templates_made.remake(row.id, holds_again, today, actor=actor, at=at)
    touched += _asked_again_back(people, rows)
    shifts = {ident for kind, ident in rows if kind == "schedule"}
    shifts |= {one.id for one in touched if isinstance(one, Schedule)}
    if _shapes(holds_again, actor, at) != wanted or _left_over(shifts) or _was_moved(entry.seq, actor, shifts=shifts):
        raise _not_exact(N_("People or shifts were changed meanwhile, so this cannot be taken back exactly. Change the weekly shift once more."))  # fmt: skip
    record(actor, "schedule_template.take-back", row, at=at, also=dict.fromkeys(touched), undoes=entry.seq)
    return holds_again


def _templates_back(row: ScheduleTemplate, rows: Rows, actor: Actor) -> tuple[ScheduleTemplate, list[Record]]:
    """The weekly shifts as they stood; one that the change made is given no more. Answers the one that holds."""
    holds_again, touched = row, list[Record]()
    for (kind, ident), changes in sorted(rows.items()):
        if kind != "schedule_template":
            continue
        one = locked(ScheduleTemplate, ident, actor.clinic_id)
        touched.append(one)
        if "clinic_id" in changes:
            one.is_active, one.valid_to = False, one.valid_from
            continue
        holds_again = one
        for name, (old, _) in changes.items():
            setattr(one, name, _value(ScheduleTemplate, name, old))
    return holds_again, touched


def _shapes_before(rows: Rows, idents: set[int], actor: Actor, at: datetime) -> set[Shape]:
    """The shifts to come as they stood before the act."""
    touched = {ident: changes for (kind, ident), changes in rows.items() if kind == "schedule"}
    found = set()
    for one in locked_all(
        Schedule,
        actor.clinic_id,
        (Schedule.template_id.in_(idents)) | (Schedule.id.in_(touched)),
        Schedule.ends_at > at,
    ):
        old = {
            name: _value(Schedule, name, touched.get(one.id, {})[name][0])
            if name in touched.get(one.id, {})
            else getattr(one, name)
            for name in ("is_open", *Shape.__slots__)
        }
        if old.pop("is_open"):
            found.add(Shape(**old))
    return found


def _shapes(row: ScheduleTemplate, actor: Actor, at: datetime) -> set[Shape]:
    """The shifts to come as they stand."""
    query = select(Schedule).where(
        Schedule.clinic_id == actor.clinic_id, Schedule.template_id == row.id, Schedule.is_open.is_(True),
        Schedule.ends_at > at,
    )  # fmt: skip
    return {Shape(*(getattr(one, name) for name in Shape.__slots__)) for one in db.session.scalars(query)}


def _left_over(shifts: set[int]) -> bool:
    """Whether somebody has a place in one of these shifts that is no more."""
    query = (
        select(Appointment.id)
        .join(Schedule, Schedule.id == Appointment.schedule_id)
        .where(Schedule.id.in_(shifts), Schedule.is_open.is_(False), Appointment.status.in_(HERE))
    )
    return db.session.scalar(query.limit(1)) is not None


# -------------------------------------------------------------------------------------------------------- closed days


def reopen_days(closed_day_id: int, *, actor: Actor, at: datetime) -> int:
    """Undo of `closures.close_days`: all days that were closed in that act. Answers how many. Raises NotPossible."""
    load(ClosedDay, closed_day_id, actor.clinic_id)
    open_slots.hold_clinic(actor, closing=True)
    [entry] = _last("closed_day", [closed_day_id], {"closed_day.add"}, actor, at)
    batch = _batch(entry)
    idents = [one.entity_id for one in batch]
    _last("closed_day", idents, {"closed_day.add"}, actor, at)
    days = set(db.session.scalars(select(ClosedDay.day).where(ClosedDay.id.in_(idents))))
    closures.open_days(idents, actor=actor, at=at)
    _check_days(batch[-1].seq, days, actor)
    for one in batch:
        rows = _rows(one)
        asked = [ident for kind, ident in rows if kind == "appointment"]
        for row in _asked_again_back(locked_all(Appointment, actor.clinic_id, Appointment.id.in_(asked)), rows):
            record(actor, "appointment.keep", row, at=at)
    return len(idents)


def close_again(days: Mapping[date, str], *, actor: Actor, at: datetime) -> ClosedDay:
    """Undo of the opening of closed `days` (day -> its name). Answers the first. Raises NotPossible."""
    open_slots.hold_clinic(actor, closing=True)
    since = at - timedelta(seconds=UNDO_SECONDS)
    query = select(AuditEntry).where(
        AuditEntry.clinic_id == actor.clinic_id, AuditEntry.action == "closed_day.end", AuditEntry.at >= since,
        AuditEntry.seq > _seq_before(actor, since),
    )  # fmt: skip
    opened = {entry.fields.get("day"): entry.seq for entry in db.session.scalars(query.order_by(AuditEntry.seq))}
    if not days or not all(day.isoformat() in opened for day in days):
        raise _too_late()
    first = closures.close_days(days, actor=actor, at=at, ask_again=False)
    _check_days(min(opened[day.isoformat()] for day in days), set(days), actor)
    return first


def _check_days(seq: int, days: set[date], actor: Actor) -> None:
    if _was_moved(seq, actor, days=days):
        raise _not_exact(N_("Somebody was booked, moved or cancelled on these days meanwhile, so this cannot be taken back exactly."))  # fmt: skip


# -------------------------------------------------------------------------------------------------- what the audit says


def _last(kind: str, idents: list[int], actions: set[str], actor: Actor, at: datetime) -> list[AuditEntry]:
    """The last acts about these rows, which are to be of `actions` and young enough. Raises NotPossible."""
    found = []
    for ident in idents:
        query = select(AuditEntry).where(
            AuditEntry.clinic_id == actor.clinic_id, AuditEntry.entity_kind == kind, AuditEntry.entity_id == ident
        )
        entry = db.session.scalar(query.order_by(AuditEntry.seq.desc()).limit(1))
        if entry is None or entry.action not in actions:
            raise NotPossible(N_("There is nothing to undo."), code="nothing-to-undo", allowed=[])
        if at - entry.at > timedelta(seconds=UNDO_SECONDS):
            raise _too_late()
        found.append(entry)
    return found


def _batch(entry: AuditEntry) -> list[AuditEntry]:
    """The acts of the same kind that were one wish with this one."""
    query = select(AuditEntry).where(
        AuditEntry.clinic_id == entry.clinic_id, AuditEntry.action == entry.action, AuditEntry.at == entry.at,
        AuditEntry.request_id == entry.request_id, AuditEntry.actor_id == entry.actor_id,
        AuditEntry.seq.between(entry.seq - 400, entry.seq + 400),
    )  # fmt: skip
    return list(db.session.scalars(query.order_by(AuditEntry.seq)))


def _seq_before(actor: Actor, since: datetime) -> int:
    """The last number before an instant."""
    query = select(AuditEntry.seq).where(AuditEntry.clinic_id == actor.clinic_id, AuditEntry.at < since)
    return db.session.scalar(query.order_by(AuditEntry.seq.desc()).limit(1)) or 0


def _rows(entry: AuditEntry) -> Rows:
    """Which columns of which rows the act changed."""
    own = {name: pair for name, pair in entry.fields.items() if isinstance(pair, list) and len(pair) == 2}
    rows = {(entry.entity_kind, entry.entity_id): own}
    for name, changes in entry.fields.items():
        kind, _, ident = name.rpartition("-")
        if isinstance(changes, dict) and ident.isdigit():
            rows[kind, int(ident)] = changes
    return rows


def _was_moved(
    seq: int, actor: Actor, *, shifts: set[int] | frozenset[int] = frozenset(), days: set[date] | frozenset[date] = frozenset()
) -> bool:  # fmt: skip
    """Whether acts after number `seq` changed an appointment of the shifts or days, or one of the shifts themselves."""
    touched, texts = set[int](), {day.isoformat() for day in days}
    for (kind, ident), changes in _later(seq, actor):
        if kind == "schedule" and ident in shifts:
            return True
        if kind != "appointment":
            continue
        touched.add(ident)
        if set(changes.get("schedule_id", ())) & shifts or set(changes.get("day", ())) & texts:
            return True
    here = (Appointment.schedule_id.in_(shifts)) | (Appointment.day.in_(days))
    return db.session.scalar(select(Appointment.id).where(Appointment.id.in_(touched), here).limit(1)) is not None


def _later(seq: int, actor: Actor) -> Iterator[tuple[tuple[str, int], dict[str, Any]]]:
    query = select(AuditEntry).where(AuditEntry.clinic_id == actor.clinic_id, AuditEntry.seq > seq)
    for entry in db.session.scalars(query):
        yield from _rows(entry).items()


def _asked_again_back(people: list[Appointment], rows: Rows) -> list[Appointment]:
    """Who had been kept in a closed time is kept again."""
    found = []
    for row in people:
        old, _ = rows.get(("appointment", row.id), {}).get("kept_at", (None, None))
        if old is not None and row.kept_at is None:
            row.kept_at = _value(Appointment, "kept_at", old)
            found.append(row)
    db.session.flush()
    return found


def _value(table: Any, name: str, text: Any) -> Any:
    """A value as the column holds it, from the audit's JSON."""
    kind = table.__table__.columns[name].type
    kind = getattr(kind, "impl", kind)
    if not isinstance(text, str):
        return text
    if isinstance(kind, DateTime):
        return datetime.fromisoformat(text).astimezone(UTC)
    if isinstance(kind, Date):
        return date.fromisoformat(text)
    return time.fromisoformat(text) if isinstance(kind, Time) else text


def _too_late() -> NotPossible:
    return NotPossible(N_("It is too late to undo this."), code="too-late", allowed=[])


def _not_exact(words: str) -> NotPossible:
    return NotPossible(words, code="not-exact", allowed=[])
