"""The memory of acts: `record()` notes one, `transaction.py` writes it when the work is done.

An act covers the rows it changed. The entry says which columns changed: ids, codes, amounts and instants as they are,
names and free text only as digests keyed with a secret kept outside the database. Entries of a clinic are chained:
each hash covers its row and the hash before it, so that an edited, swapped or missing row is found by `check_chain`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import JSON, Enum, String, Table, bindparam, insert, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import instance_state

from reception.domain import evidence
from reception.domain.actors import Actor
from reception.domain.chain import GENESIS, HASH_VERSION, Finding, digest, hash_of, plain
from reception.domain.chain import check_chain as check_chain
from reception.domain.chain import use_key as use_key
from reception.extensions import db
from reception.models import (
    AuditEntry,
    AuditHead,
    Cashbox,
    Clinic,
    ClosedDay,
    Department,
    Device,
    Doctor,
    Edited,
    FieldHistory,
    Insurer,
    MoneyCategory,
    Patient,
    Record,
    Room,
    Service,
    ServiceType,
    Specialization,
    User,
)

SHOWN = (
    Patient, Doctor, Room, Service, User, Department, Specialization, ServiceType, Cashbox, Device, Clinic, Insurer,
    MoneyCategory, ClosedDay,
)  # fmt: skip
"""Models whose old and new values staff may see, in the erasable history."""
SECRET = frozenset({"password_hash", "token", "token_hash", "folded", "feed_token", "answers", "questions", "query",
                    "texts", "sick_leave_from", "sick_leave_to"})  # fmt: skip
QUIET = frozenset({"created_at", "updated_at", "created_by_id", "updated_by_id", "version"})
PARTS = {
    "bill_line": ("payment", "payment_id"),
    "bill_payer": ("payment", "payment_id"),
    "invoice": ("payment", "payment_id"),
    "medical_record": ("visit", "visit_id"),
    "service_price": ("service", "service_id"),
}
"""Rows that an act covers with their parent: kind -> (parent's kind, column)."""
CODES = frozenset(
    {
        "booking_id", "card_no", "code", "currency", "default_locale", "display_locales", "invoice_no", "number",
        "locale", "theme", "ticket", "time_zone", "username", "phone_region",
    }
)  # fmt: skip


@dataclass(slots=True)
class Act:
    """One thing somebody did: `action` is `<subject>.<verb>`, `facts` go into the entry as they are."""

    action: str
    entity: Record
    at: datetime
    actor: Actor
    also: tuple[Record, ...]
    facts: dict[str, Any]
    seq: int = 0

    @property
    def subject(self) -> tuple[str, int]:
        return subject(self.entity)


@dataclass(frozen=True, slots=True)
class Freed:
    """Places (slot, number) of a shift that were given back, from `starts_at` on: the waitlist is asked for them."""

    schedule_id: int
    starts_at: datetime
    places: list[tuple[int, int]]


@dataclass(slots=True)
class Work:
    """What one transaction has done so far."""

    actor: Actor
    at: datetime
    acts: list[Act] = field(default_factory=list)
    changes: dict[tuple[str, int], dict[str, tuple[Any, Any]]] = field(default_factory=dict)
    rows: dict[tuple[str, int], Any] = field(default_factory=dict)
    regions: set[str] = field(default_factory=set)
    freed: list[Freed] = field(default_factory=list)
    posted: evidence.Posted = field(default_factory=dict)


def subject(row: Any) -> tuple[str, int]:
    """Kind and id of a row, as audit and links name it."""
    return row.__tablename__, row.id


def record(actor: Actor, action: str, entity: Record, *, at: datetime, also: Any = (), **facts: Any) -> Act:
    """Note that `actor` did `action` to `entity` (and to the rows `also`). `facts`: ids, codes, instants, amounts."""
    act = Act(action, entity, at, actor, tuple(row for row in also if row is not None), facts)
    work().acts.append(act)
    return act


def work() -> Work:
    """The transaction's work. Raises RuntimeError outside `transaction.run`."""
    current = db.session.info.get("work")
    if current is None:
        raise RuntimeError("Only a verb run by transaction.run may act.")
    return current  # type: ignore[no-any-return]


def note_changes(session: Session) -> None:
    """After each flush: remember which columns of audited rows changed, with old and new value."""
    current: Work | None = session.info.get("work")
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, evidence.KEPT):
            _note_posted(row, current)
        if not isinstance(row, Edited):
            continue
        if current is None:
            raise RuntimeError(f"{row.__tablename__} was changed outside transaction.run.")  # type: ignore[attr-defined]
        current.rows[subject(row)] = row
        seen = current.changes.setdefault(subject(row), {})
        state = instance_state(row)
        columns = state.mapper.column_attrs
        for key in list(state.committed_state):  # what was set since the flush before
            if key in QUIET or key not in columns:
                continue
            history = state.attrs[key].history
            if not history.has_changes():
                continue
            new = history.added[0] if history.added else None
            old = history.deleted[0] if history.deleted else None
            if old is None and new in (None, ""):
                continue
            first_old = seen[key][0] if key in seen else old
            seen[key] = (first_old, new)


def _note_posted(row: Any, current: Work | None) -> None:
    if current is None:
        raise RuntimeError(f"{row.__tablename__} was written outside transaction.run.")
    current.posted[subject(row)] = evidence.line(row.__tablename__, vars(row))


def uncovered(current: Work) -> set[tuple[str, int]]:
    """Changed audited rows that no act speaks of: a defect in the verb."""
    covered = {subject(row) for act in current.acts for row in (act.entity, *act.also)}
    return {name for name in current.changes if name not in covered and _parent(current, name) not in covered}


def _parent(current: Work, name: tuple[str, int]) -> tuple[str, int] | None:
    kind, column = PARTS.get(name[0], (None, ""))
    return (kind, getattr(current.rows[name], column)) if kind else None


# Statements made once: building one costs more than running it.
_heads, _entries, _history_rows = (cast(Table, kind.__table__) for kind in (AuditHead, AuditEntry, FieldHistory))
_HEAD = select(AuditHead.seq, AuditHead.hash).where(AuditHead.clinic_id == bindparam("clinic")).with_for_update()
_FIRST_HEAD = insert(_heads).values(clinic_id=bindparam("clinic"), seq=bindparam("seq"), hash=bindparam("hash"))
_MOVE_HEAD = (
    update(_heads).where(_heads.c.clinic_id == bindparam("clinic")).values(seq=bindparam("seq"), hash=bindparam("hash"))
)
_ENTRY, _SHOWN = insert(_entries), insert(_history_rows)


def write(current: Work, *, login_id: int | None, address: str, request_id: str) -> None:
    """Number and chain the acts of the work; the last rows of its transaction."""
    if not current.acts:
        if current.posted:
            raise RuntimeError("Money was posted, and no act was recorded.")
        return
    clinic_id = current.actor.clinic_id
    connection = db.session.connection()
    head = connection.execute(_HEAD, {"clinic": clinic_id}).one_or_none()
    seq, previous = head if head else (0, GENESIS)
    claimed: set[tuple[str, int]] = set()
    rows: list[dict[str, Any]] = []
    shown: list[dict[str, Any]] = []
    for act in current.acts:
        seq += 1
        act.seq = seq
        kind, ident = act.subject
        fields = _fields(act, current, claimed)
        if current.posted and act is current.acts[0]:
            fields[evidence.FACT] = evidence.claim(current.posted)
        row = {
            "clinic_id": clinic_id,
            "seq": seq,
            "at": act.at,
            "actor_kind": act.actor.kind,
            "actor_id": act.actor.id,
            "login_id": login_id,
            "address": address,
            "action": act.action,
            "entity_kind": kind,
            "entity_id": ident,
            "fields": fields,
            "request_id": request_id,
            "previous_hash": previous,
            "hash_version": HASH_VERSION,
        }
        previous = row["hash"] = hash_of(row)
        rows.append(row)
        shown.extend(_history(act, current))
    connection.execute(_ENTRY, rows)
    if shown:
        connection.execute(_SHOWN, shown)
    connection.execute(_MOVE_HEAD if head else _FIRST_HEAD, {"clinic": clinic_id, "seq": seq, "hash": previous})


def _fields(act: Act, current: Work, claimed: set[tuple[str, int]]) -> dict[str, Any]:
    fields: dict[str, Any] = {name: plain(value) for name, value in act.facts.items()}
    covered = {subject(row) for row in (act.entity, *act.also)}
    for name, changes in current.changes.items():
        if name in claimed or not (name in covered or _parent(current, name) in covered):
            continue
        claimed.add(name)
        changed = {key: _change(current.rows[name], key, pair) for key, pair in changes.items()}
        if name == act.subject:
            fields.update(changed)
        else:
            fields["-".join(map(str, name))] = changed
    return fields


def _change(row: Record, key: str, pair: tuple[Any, Any]) -> list[Any]:
    if key in SECRET:
        return ["~", "~"]
    kind = type(row).__table__.columns[key].type  # type: ignore[attr-defined]
    is_text = isinstance(kind, String | JSON) and not isinstance(kind, Enum)
    is_personal = key == "date_of_birth" or (is_text and key not in CODES)
    return [None if v is None else digest(v) if is_personal else plain(v) for v in pair]


def _history(act: Act, current: Work) -> Iterator[dict[str, Any]]:
    for row in (act.entity, *act.also):
        if not isinstance(row, SHOWN) or getattr(row, "anonymised_at", None) is not None:
            continue
        kind, ident = subject(row)
        for key, (old, new) in current.changes.get((kind, ident), {}).items():
            if key in SECRET or old is None:
                continue
            yield {
                "clinic_id": act.actor.clinic_id,
                "audit_seq": act.seq,
                "entity_kind": kind,
                "entity_id": ident,
                "field": key,
                "old": str(plain(old)),
                "new": None if new is None else str(plain(new)),
            }


def note_check(found: Finding, *, actor: Actor, at: datetime) -> Record:
    """Record that somebody checked the chain, and what came of it."""
    clinic = db.session.get_one(Clinic, actor.clinic_id)
    record(actor, "audit.check", clinic, at=at, upto=found.upto, broken_at=found.broken_at)
    return clinic
