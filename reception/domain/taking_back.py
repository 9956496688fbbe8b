"""Taking one act back from the audit: what it changed gets its former values again, as a new act by the same rules.

Only acts that changed fields of a card, a service, a room … and only while nobody changed the same fields since. Steps of
a visit and money have ways of their own: the step back, the refund.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import JSON, Boolean, Date, DateTime, Integer, String, Time, select

from reception.domain import audit, clinic, devices, directory, patients, users
from reception.domain.actors import Actor
from reception.domain.chain import digest, plain
from reception.domain.errors import NotAllowed, NotFound, NotPossible
from reception.domain.finance import cash, payers
from reception.extensions import db
from reception.models import (
    AuditEntry,
    Cashbox,
    Clinic,
    Department,
    Device,
    Doctor,
    FieldHistory,
    Insurer,
    MoneyCategory,
    Patient,
    Role,
    Room,
    Service,
    User,
)
from reception.words import N_

DERIVED = frozenset({"folded", "clinic_id"})
"""Columns that follow from others."""
Put = Callable[[Any, dict[str, Any], Actor, datetime], object]


def _whole(verb: Callable[..., object], *names: str) -> Put:
    """A verb that is given every field: those that the act did not change stay as they are."""

    def put(row: Any, values: dict[str, Any], actor: Actor, at: datetime) -> object:
        return verb(row.id, **{name: getattr(row, name) for name in names} | values, actor=actor, at=at)

    return put


def _some(verb: Callable[..., object]) -> Put:
    def put(row: Any, values: dict[str, Any], actor: Actor, at: datetime) -> object:
        return verb(row.id, **values, actor=actor, at=at)

    return put


def _patient(row: Patient, values: dict[str, Any], actor: Actor, at: datetime) -> object:
    if set(values) == {"is_active"}:
        return patients.set_active(row.id, values["is_active"], actor=actor, at=at)
    return patients.change(row.id, **values, actor=actor, at=at)


def _user(row: User, values: dict[str, Any], actor: Actor, at: datetime) -> object:
    if set(values) == {"is_active"}:
        return users.set_active(row.id, values["is_active"], actor=actor, at=at)
    return _whole(users.change_user, "full_name")(row, values, actor, at)


def _clinic(row: Clinic, values: dict[str, Any], actor: Actor, at: datetime) -> object:
    return clinic.change_clinic(**values, actor=actor, at=at)


KINDS: dict[str, tuple[type[Any], Put]] = {
    "patient": (Patient, _patient),
    "doctor": (Doctor, _some(directory.change_doctor)),
    "service": (Service, _some(directory.change_service)),
    "room": (Room, _whole(clinic.change_room, "name", "floor", "building", "is_active")),
    "department": (Department, _whole(clinic.change_department, "name", "code", "location", "is_active")),
    "cashbox": (Cashbox, _whole(clinic.change_cashbox, "name", "is_open")),
    "device": (Device, _whole(devices.rename, "name")),
    "insurer": (Insurer, _whole(payers.change_insurer, "name", "coverage_percent", "is_active")),
    "money_category": (MoneyCategory, _whole(cash.change_category, "name", "is_active")),
    "user": (User, _user),
    "clinic": (Clinic, _clinic),
}
"""Records whose changes are taken back: table -> model and how it is changed."""
VERBS = ("change", "open", "close")
ADMIN_ONLY = frozenset({"user"})
NOT_HERE = {
    "visit": N_("A step of a visit is taken back where the visit is shown."),
    "payment": N_("Money is not taken back here: give it back by a refund of the bill."),
    "cashbox_shift": N_("A shift that was counted stays as it is."),
}
"""What has a way of its own."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be put back: (column, as it is now, as it was)."""

    entry: AuditEntry
    row: Any
    fields: list[tuple[str, Any, Any]]


def may_take_back(entry: AuditEntry, actor: Actor) -> bool:
    """Whether the act is of the kind that is taken back; whether it still can be, `plan` says."""
    verb = entry.action.partition(".")[2]
    if entry.entity_kind not in KINDS or verb not in VERBS:
        return False
    return (entry.entity_kind not in ADMIN_ONLY or actor.has(Role.ADMIN)) and bool(_changed(entry))


def plan(seq: int, actor: Actor) -> Plan:
    """What taking back the act number `seq` would change. Raises NotFound, NotAllowed, NotPossible."""
    entry = db.session.scalar(
        select(AuditEntry).where(AuditEntry.clinic_id == actor.clinic_id, AuditEntry.seq == seq)
    )  # fmt: skip
    if entry is None:
        raise NotFound
    if entry.entity_kind in ADMIN_ONLY and not actor.has(Role.ADMIN):
        raise NotAllowed(N_("Your role cannot do this."))
    if not may_take_back(entry, actor):
        words = NOT_HERE.get(entry.entity_kind, N_("This act cannot be taken back."))
        raise NotPossible(words, code="not-undoable")
    row = _row(entry, actor)
    kept = _kept(entry)
    fields = []
    for name, (old, new) in _changed(entry).items():
        now = getattr(row, name)
        if (None if now is None else digest(now) if _is_digest(new) else plain(now)) != new:
            raise NotPossible(
                N_("The same was changed again since. Take the later change back first, or change it by hand."),
                code="changed-since",
            )
        fields.append((name, now, _former(row, name, old, kept)))
    return Plan(entry, row, fields)


def take_back(seq: int, *, actor: Actor, at: datetime) -> Any:
    """Put the former values back by the rules of the record, as a new act that names the one it takes back."""
    found = plan(seq, actor)
    KINDS[found.entry.entity_kind][1](found.row, {name: former for name, _, former in found.fields}, actor, at)
    for act in audit.work().acts:
        if act.subject == audit.subject(found.row):
            act.facts["undoes"] = seq
    return found.row


def _changed(entry: AuditEntry) -> dict[str, tuple[Any, Any]]:
    """The columns of the record itself that the act changed."""
    columns = KINDS[entry.entity_kind][0].__table__.columns
    pairs = {n: v for n, v in entry.fields.items() if isinstance(v, list) and len(v) == 2 and n in columns}
    return {name: (pair[0], pair[1]) for name, pair in pairs.items() if name not in DERIVED}


def _row(entry: AuditEntry, actor: Actor) -> Any:
    model = KINDS[entry.entity_kind][0]
    if model is User:
        return users.member(entry.entity_id, actor)
    query = select(model).where(model.id == entry.entity_id)
    if model is not Clinic:
        query = query.where(model.clinic_id == actor.clinic_id)
    row = db.session.scalar(query) if model is not Clinic or entry.entity_id == actor.clinic_id else None
    if row is None:
        raise NotFound
    return row


def _kept(entry: AuditEntry) -> dict[str, str | None]:
    rows = db.session.execute(
        select(FieldHistory.field, FieldHistory.old).where(
            FieldHistory.clinic_id == entry.clinic_id, FieldHistory.audit_seq == entry.seq,
            FieldHistory.entity_kind == entry.entity_kind, FieldHistory.entity_id == entry.entity_id,
        )
    )  # fmt: skip
    return {field: old for field, old in rows}


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("~")


def _former(row: Any, name: str, old: Any, kept: dict[str, str | None]) -> Any:
    """The value of before: from the entry where it says it, else from the history. Raises NotPossible."""
    column = type(row).__table__.columns[name].type
    if old is None:
        return "" if isinstance(column, String) and not type(row).__table__.columns[name].nullable else None
    value = kept.get(name) if _is_digest(old) else old
    if value is None or (_is_digest(old) and digest(value) != old):
        raise NotPossible(N_("The former value is not kept any more."), code="not-kept")
    if isinstance(column, JSON) and _is_digest(old):
        return ast.literal_eval(value)
    if isinstance(column, Boolean | Integer) or not isinstance(value, str):
        return value
    if isinstance(column, Time):
        return time.fromisoformat(value)
    if isinstance(column, Date):
        return date.fromisoformat(value)
    if isinstance(column, DateTime):
        return datetime.fromisoformat(value)
    return value
