"""Reading the audit: its entries by day, person, act and record, and what the records are called.

Entries are numbered in the order of their commits, so pages go by number, newest first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, or_, select

from reception.clock import day_bounds
from reception.domain.actors import Actor
from reception.domain.merging_ids import same_person
from reception.extensions import db
from reception.models import (
    ApiToken,
    Appointment,
    AuditEntry,
    AuditHead,
    Cashbox,
    Clinic,
    Department,
    Device,
    Doctor,
    FieldHistory,
    LoginSession,
    Membership,
    Patient,
    Payment,
    Room,
    Schedule,
    Service,
    User,
    Visit,
)

PAGE = 100
PIECE = 400
SLACK = timedelta(minutes=10)
"""An act's instant is its transaction's beginning, its number is given at the end: so far they may disagree."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: of the clinic's dates `first` to `last`, both included; None: all. `record`: (kind, id or None)."""

    first: date | None = None
    last: date | None = None
    user_id: int | None = None
    action: str | None = None
    record: tuple[str, int | None] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first; `before`: where the next page begins, None at the end."""

    entries: list[AuditEntry]
    before: int | None


def page(viewer: Actor, wanted: Wanted, *, before: int | None = None) -> Page:
    """The newest PAGE entries, or those before the number `before`."""
    query = _matching(viewer, wanted)
    if before is not None:
        query = query.where(AuditEntry.seq < before)
    found = list(db.session.scalars(query.order_by(AuditEntry.seq.desc()).limit(PAGE + 1)))
    return Page(found[:PAGE], found[PAGE - 1].seq if len(found) > PAGE else None)


def _matching(viewer: Actor, wanted: Wanted) -> Select[tuple[AuditEntry]]:
    query = select(AuditEntry).where(AuditEntry.clinic_id == viewer.clinic_id)
    if wanted.first:
        begin = day_bounds(wanted.first, viewer.clinic)[0]
        query = query.where(AuditEntry.seq >= _number_at(viewer, begin - SLACK), AuditEntry.at >= begin)
    if wanted.last:
        end = day_bounds(wanted.last, viewer.clinic)[1]
        query = query.where(AuditEntry.seq < _number_at(viewer, end + SLACK), AuditEntry.at < end)
    if wanted.user_id:
        tokens = select(ApiToken.id).where(ApiToken.user_id == wanted.user_id)
        query = query.where(
            or_(
                and_(AuditEntry.actor_kind == "user", AuditEntry.actor_id == wanted.user_id),
                and_(AuditEntry.actor_kind == "token", AuditEntry.actor_id.in_(tokens)),
            )
        )
    if wanted.action:
        query = query.where(AuditEntry.action == wanted.action)
    if wanted.record:
        kind, ident = wanted.record
        query = query.where(AuditEntry.entity_kind == kind)
        if ident is not None and kind == "patient":
            query = query.where(AuditEntry.entity_id.in_(same_person(viewer.clinic_id, ident)))
        elif ident is not None:
            query = query.where(AuditEntry.entity_id == ident)
    return query


def _number_at(viewer: Actor, at: datetime) -> int:
    """The first number at or after the instant `at`, found by halving: a day of a long past costs a score of look-ups."""
    low = 1
    high = (db.session.scalar(select(AuditHead.seq).where(AuditHead.clinic_id == viewer.clinic_id)) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = db.session.scalar(
            select(AuditEntry.at).where(AuditEntry.clinic_id == viewer.clinic_id, AuditEntry.seq == middle)
        )
        if found is not None and found < at:
            low = middle + 1
        else:
            high = middle
    return low


def users(viewer: Actor) -> list[User]:
    """Whoever has a role in the clinic, by name."""
    here = select(Membership.user_id).where(Membership.clinic_id == viewer.clinic_id)
    return list(db.session.scalars(select(User).where(User.id.in_(here)).order_by(User.full_name, User.id)))


def every(viewer: Actor, wanted: Wanted) -> Iterator[AuditEntry]:
    """All entries that are asked for, newest first, some hundreds at a time."""
    before: int | None = None
    while True:
        query = _matching(viewer, wanted)
        if before is not None:
            query = query.where(AuditEntry.seq < before)
        some = db.session.scalars(query.order_by(AuditEntry.seq.desc()).limit(PIECE)).all()
        if not some:
            return
        yield from some
        before = some[-1].seq
        db.session.expunge_all()


def kept(viewer: Actor, entries: Iterable[AuditEntry]) -> dict[int, dict[str, tuple[str | None, str | None]]]:
    """{number: {column: (old, new)}} of the entries' own records, from the erasable history."""
    by_seq = {entry.seq: (entry.entity_kind, entry.entity_id) for entry in entries}
    found: dict[int, dict[str, tuple[str | None, str | None]]] = defaultdict(dict)
    rows = db.session.execute(
        select(
            FieldHistory.audit_seq, FieldHistory.entity_kind, FieldHistory.entity_id, FieldHistory.field,
            FieldHistory.old, FieldHistory.new,
        ).where(
            FieldHistory.clinic_id == viewer.clinic_id, FieldHistory.audit_seq.in_(by_seq),
            FieldHistory.entity_kind.in_({kind for kind, _ in by_seq.values()}),
            FieldHistory.entity_id.in_({ident for _, ident in by_seq.values()}),
        )
    )  # fmt: skip
    for seq, kind, ident, field, old, new in rows:
        if by_seq[seq] == (kind, ident):
            found[seq][field] = (old, new)
    return found


# ------------------------------------------------------------------------------------------------------------ names


def who(entries: Iterable[AuditEntry]) -> dict[tuple[str, int | None], str]:
    """{(actor's kind, id): full name} of the people behind the entries; of a token its user's."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for entry in entries:
        if entry.actor_id is not None:
            wanted[entry.actor_kind].add(entry.actor_id)
    names: dict[tuple[str, int | None], str] = {}
    if wanted["user"]:
        rows = db.session.execute(select(User.id, User.full_name).where(User.id.in_(wanted["user"])))
        names |= {("user", ident): name for ident, name in rows}
    if wanted["token"]:
        rows = db.session.execute(
            select(ApiToken.id, User.full_name)
            .join(User, User.id == ApiToken.user_id)
            .where(ApiToken.id.in_(wanted["token"]))
        )
        names |= {("token", ident): name for ident, name in rows}
    return names


_CALLED: dict[str, tuple[Any, Any]] = {
    "visit": (Visit, Visit.ticket),
    "appointment": (Appointment, Appointment.booking_id),
    "payment": (Payment, Payment.invoice_no),
    "patient": (Patient, Patient.card_no),
    "department": (Department, Department.name),
    "room": (Room, Room.name),
    "service": (Service, Service.name),
    "cashbox": (Cashbox, Cashbox.name),
    "device": (Device, Device.name),
    "schedule": (Schedule, Schedule.day),
}
"""What a record of the clinic is called where it is named: its number or its own name, never a patient's."""


def called(viewer: Actor, entries: Iterable[AuditEntry]) -> dict[tuple[str, int], Any]:
    """{(kind, id): what the record is called} for the records of the entries: text, a date or a Doctor."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for entry in entries:
        wanted[entry.entity_kind].add(entry.entity_id)
    names: dict[tuple[str, int], Any] = {}
    for kind, idents in wanted.items():
        if kind in _CALLED:
            model, column = _CALLED[kind]
            rows = db.session.execute(
                select(model.id, column).where(model.clinic_id == viewer.clinic_id, model.id.in_(idents))
            )
            names |= {(kind, ident): name for ident, name in rows}
    if doctors := wanted.get("doctor"):
        found = db.session.scalars(select(Doctor).where(Doctor.clinic_id == viewer.clinic_id, Doctor.id.in_(doctors)))
        names |= {("doctor", doctor.id): doctor for doctor in found}
    for kind, model, name, own in (
        ("user", User, User.full_name, User.id),
        ("login_session", LoginSession, User.full_name, LoginSession.user_id),
        ("api_token", ApiToken, User.full_name, ApiToken.user_id),
        ("clinic", Clinic, Clinic.name, None),
    ):
        if idents := wanted.get(kind, set()):
            query = select(model.id, name).where(model.id.in_(idents))
            if own is not None and model is not User:
                query = query.join(User, User.id == own)
            names |= {(kind, ident): text for ident, text in db.session.execute(query)}
    return names
