"""What the card of a patient shows: visits, bills, who changed what, who looked. Reads only, page by page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select, tuple_
from sqlalchemy.orm import joinedload

from reception import clock
from reception.domain import registry
from reception.domain.actors import Actor
from reception.domain.machines import OPEN
from reception.domain.merging_ids import ids_of
from reception.extensions import db
from reception.models import (
    AccessEntry,
    ApiToken,
    Appointment,
    AppointmentStatus,
    AuditEntry,
    FieldHistory,
    Patient,
    Payment,
    Record,
    User,
    Visit,
    VisitStatus,
)

PAGE = 30
REDRAWN = "redrawn"
"""How a card is opened that redraws itself on an open screen after a change."""
HIDDEN = frozenset({"folded", "source_key", "merged_into_id", "anonymised_at"})
MEDICAL = frozenset({"medical_history"})
"""Columns whose values only `registry.MEDICAL_ROLES` see."""

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Change:
    """One act on the card: `fields` are (column, old, new); old and new as text, None where there was nothing."""

    seq: int
    at: datetime
    who: str
    action: str
    fields: list[tuple[str, str | None, str | None]]


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody opened the card; `how`: which part of it."""

    id: int
    at: datetime
    who: str
    how: str
    address: str


def today(viewer: Actor, patient: Patient) -> list[Visit]:
    """The visits of today that still want something."""
    return list(
        db.session.scalars(
            select(Visit)
            .where(
                Visit.clinic_id == viewer.clinic_id, Visit.patient_id == patient.id, Visit.status.in_(OPEN),
                Visit.service_day == clock.today(viewer.clinic),
            )
            .options(joinedload(Visit.doctor), joinedload(Visit.department))
            .order_by(Visit.due_at, Visit.id)
        )
    )  # fmt: skip


def coming(viewer: Actor, patient: Patient) -> list[Appointment]:
    """Standing appointments that have not begun, the next one first."""
    return list(
        db.session.scalars(
            select(Appointment)
            .where(
                Appointment.clinic_id == viewer.clinic_id,
                Appointment.patient_id == patient.id,
                Appointment.status == AppointmentStatus.CONFIRMED,
                Appointment.ends_at >= clock.now(),
            )
            .options(joinedload(Appointment.doctor), joinedload(Appointment.service))
            .order_by(Appointment.starts_at)
            .limit(PAGE)
        )
    )


def visits(viewer: Actor, patient: Patient, before: int | None = None) -> tuple[list[Visit], int | None]:
    """The history, newest first, without what is still to come; and where the earlier rows begin, if there are any."""
    query = (
        select(Visit)
        .where(
            Visit.clinic_id == viewer.clinic_id,
            Visit.patient_id == patient.id,
            (Visit.status != VisitStatus.SCHEDULED) | (Visit.service_day < clock.today(viewer.clinic)),
        )
        .options(
            joinedload(Visit.doctor), joinedload(Visit.department), joinedload(Visit.service), joinedload(Visit.payment)
        )
        .order_by(Visit.service_day.desc(), Visit.id.desc())
        .limit(PAGE + 1)
    )
    if before is not None:
        day = db.session.scalar(
            select(Visit.service_day).where(Visit.clinic_id == viewer.clinic_id, Visit.id == before)
        )
        if day is None:
            return [], None
        query = query.where(tuple_(Visit.service_day, Visit.id) < (day, before))
    return _cut(list(db.session.scalars(query)))


def bookings(viewer: Actor, patient: Patient, before: int | None = None) -> tuple[list[Appointment], int | None]:
    """Every booking, the latest first, cancelled ones too."""
    query = (
        select(Appointment)
        .where(Appointment.clinic_id == viewer.clinic_id, Appointment.patient_id == patient.id)
        .options(joinedload(Appointment.doctor), joinedload(Appointment.service))
        .order_by(Appointment.starts_at.desc(), Appointment.id.desc())
        .limit(PAGE + 1)
    )
    if before is not None:
        at = db.session.scalar(
            select(Appointment.starts_at).where(Appointment.clinic_id == viewer.clinic_id, Appointment.id == before)
        )
        if at is None:
            return [], None
        query = query.where(tuple_(Appointment.starts_at, Appointment.id) < (at, before))
    return _cut(list(db.session.scalars(query)))


def bills(viewer: Actor, patient: Patient, before: int | None = None) -> tuple[list[Payment], int | None]:
    """The bills, newest first, and where the earlier ones begin."""
    query = (
        select(Payment)
        .where(Payment.clinic_id == viewer.clinic_id, Payment.patient_id == patient.id)
        .options(
            joinedload(Payment.visit).joinedload(Visit.service), joinedload(Payment.visit).joinedload(Visit.doctor)
        )
        .order_by(Payment.id.desc())
        .limit(PAGE + 1)
    )
    if before is not None:
        query = query.where(Payment.id < before)
    return _cut(list(db.session.scalars(query)))


def _cut(rows: list[R]) -> tuple[list[R], int | None]:
    """A page, and the id of its last row where there is more."""
    return rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None


# --------------------------------------------------------------------------------------------------- who did what


def changes(viewer: Actor, patient: Patient, before: int | None = None) -> tuple[list[Change], int | None]:
    """Acts on the card from the audit, with old and new values from the erasable history, newest first."""
    query = (
        select(AuditEntry)
        .where(
            AuditEntry.clinic_id == viewer.clinic_id, AuditEntry.entity_kind == "patient",
            AuditEntry.entity_id.in_(ids_of(patient)),
        )
        .order_by(AuditEntry.seq.desc())
        .limit(PAGE + 1)
    )  # fmt: skip
    if before is not None:
        query = query.where(AuditEntry.seq < before)
    entries = list(db.session.scalars(query))
    names = _names((entry.actor_kind, entry.actor_id) for entry in entries)
    own = {card.id: card for card in db.session.scalars(select(Patient).where(Patient.id.in_(ids_of(patient))))}
    later = {ident: _history(viewer, card) for ident, card in own.items()}
    may_read = viewer.has(*registry.MEDICAL_ROLES)
    found = []
    for entry in entries[:PAGE]:
        who = names.get((entry.actor_kind, entry.actor_id), "")
        is_new = entry.action in ("patient.register", "patient.guest")
        fields = [] if is_new else _fields(entry, later[entry.entity_id], own[entry.entity_id])
        fields = _named([field for field in fields if may_read or field[0] not in MEDICAL], viewer)
        found.append(Change(entry.seq, entry.at, who, entry.action, fields))
    return found, found[-1].seq if len(entries) > PAGE else None


def _history(viewer: Actor, patient: Patient) -> dict[str, list[tuple[int, str | None, str | None]]]:
    """Column -> (act, old, new), oldest first."""
    rows = db.session.execute(
        select(FieldHistory.field, FieldHistory.audit_seq, FieldHistory.old, FieldHistory.new)
        .where(
            FieldHistory.clinic_id == viewer.clinic_id, FieldHistory.entity_kind == "patient",
            FieldHistory.entity_id == patient.id,
        )
        .order_by(FieldHistory.audit_seq)
    )  # fmt: skip
    found: dict[str, list[tuple[int, str | None, str | None]]] = defaultdict(list)
    for field, seq, old, new in rows:
        found[field].append((seq, old, new))
    return found


def _fields(
    entry: AuditEntry, history: dict[str, list[tuple[int, str | None, str | None]]], patient: Patient
) -> list[tuple[str, str | None, str | None]]:
    """The entry's changed columns. What was filled in for the first time has no row of history: its value is the old
    one of the next change, or what the card says now."""
    found = []
    for name, pair in entry.fields.items():
        if not isinstance(pair, list) or len(pair) != 2 or not hasattr(Patient, name) or name in HIDDEN:
            continue
        own = next(((old, new) for seq, old, new in history[name] if seq == entry.seq), None)
        if own is None and pair[1] is not None:
            following = next((old for seq, old, _ in history[name] if seq > entry.seq), getattr(patient, name))
            own = None, None if following is None else str(following)
        if own is not None:
            found.append((name, *own))
    return found


def _named(fields: list[tuple[str, str | None, str | None]], viewer: Actor) -> list[tuple[str, str | None, str | None]]:
    """Other cards by their names instead of their ids."""
    if not any(name in registry.LINKS for name, *_ in fields):
        return fields
    ids = {int(value) for name, *pair in fields if name in registry.LINKS for value in pair if value}
    rows = db.session.execute(
        select(Patient.id, Patient.last_name, Patient.first_name, Patient.card_no).where(
            Patient.clinic_id == viewer.clinic_id, Patient.id.in_(ids)
        )
    )
    names = {str(ident): f"{last} {first} ({card})".replace("  ", " ") for ident, last, first, card in rows}
    return [
        (name, names.get(old or "", old), names.get(new or "", new)) if name in registry.LINKS else (name, old, new)
        for name, old, new in fields
    ]


def accesses(viewer: Actor, patient: Patient, before: int | None = None) -> tuple[list[Look], int | None]:
    """Who opened the card, newest first. A screen that only redrew itself is on record, but not listed."""
    query = (
        select(AccessEntry)
        .where(
            AccessEntry.clinic_id == viewer.clinic_id,
            AccessEntry.patient_id.in_(ids_of(patient)),
            AccessEntry.how != REDRAWN,
        )
        .order_by(AccessEntry.id.desc())
        .limit(PAGE + 1)
    )
    if before is not None:
        query = query.where(AccessEntry.id < before)
    rows, more = _cut(list(db.session.scalars(query)))
    names = _names((row.actor_kind, row.actor_id) for row in rows)
    return [Look(r.id, r.at, names.get((r.actor_kind, r.actor_id), ""), r.how, r.address) for r in rows], more


def _names(actors: Iterable[tuple[str, int | None]]) -> dict[tuple[str, int | None], str]:
    """Who stands behind users and tokens."""
    wanted = set(actors)
    users = [ident for kind, ident in wanted if kind == "user"]
    tokens = [ident for kind, ident in wanted if kind == "token"]
    found: dict[tuple[str, int | None], str] = {}
    for ident, name in db.session.execute(select(User.id, User.full_name).where(User.id.in_(users))):
        found["user", ident] = name
    if tokens:
        rows = select(ApiToken.id, User.full_name).join(User, User.id == ApiToken.user_id)
        for ident, name in db.session.execute(rows.where(ApiToken.id.in_(tokens))):
            found["token", ident] = f"{name} (API)"
    return found
