"""Unusual accesses, and what somebody who looked into them says.

Unusual is a look at a card without a visit or booking within 30 days of it, at a namesake's, as one of many cards in
an hour, outside the opening hours, or refused. Looks of one person at one card on one day are one row: who marks it,
marks all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from sqlalchemy import select

from reception import clock
from reception.domain.accesses import REFUSED, Asked, matching, names
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.locks import load
from reception.domain.merging_ids import follow
from reception.domain.search import plain
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import AccessEntry, AccessReview, Appointment, Clinic, Patient, User, Visit

PAGE = 50
CHUNK = 400
MOST_READ = 4000
"""So many entries are looked through for one page; the next page goes on from there."""
DAYS = 30
MOST_CARDS = 20
"""More cards than these within an hour are many."""
HOUR = timedelta(hours=1)
STRANGER, NAMESAKE, MANY, HOURS = "stranger", "namesake", "many", "hours"
WHY = (REFUSED, NAMESAKE, STRANGER, MANY, HOURS)


@dataclass(slots=True)
class Unusual:
    """One person's looks at one card on one day. `newest`: the last of them; `why`: some of WHY, in their order."""

    newest: AccessEntry
    patient: Patient | None
    who: str
    day: date
    ids: list[int] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    review: AccessReview | None = None


def unusual(
    viewer: Actor, asked: Asked, *, before: int | None = None, reviewed: bool = False
) -> tuple[list[Unusual], int | None]:
    """Unusual looks, newest first, that nobody has marked yet (or, `reviewed`, that somebody has); where to go on."""
    found: dict[tuple[object, ...], Unusual] = {}
    read = 0
    while read < MOST_READ:
        rows = _chunk(viewer, asked, before, reviewed)
        for entry, card, review, why in _judged(viewer, rows):
            day = clock.service_day(entry.at, viewer.clinic)
            key = (entry.actor_kind, entry.actor_id, card.id if card else entry.asked_id, day)
            if key not in found and len(found) == PAGE:
                return _named(list(found.values())), entry.id + 1
            row = found.setdefault(key, Unusual(entry, card, "", day, review=review))
            row.ids.append(entry.id)
            row.why = [reason for reason in WHY if reason in row.why or reason in why]
        if len(rows) < CHUNK:
            return _named(list(found.values())), None
        read += len(rows)
        before = rows[-1][0].id
    return _named(list(found.values())), before


def _named(rows: list[Unusual]) -> list[Unusual]:
    called = names(row.newest for row in rows)
    for row in rows:
        row.who = called.get((row.newest.actor_kind, row.newest.actor_id), "")
    return rows


Read = tuple[AccessEntry, Patient | None, AccessReview | None]


def _chunk(viewer: Actor, asked: Asked, before: int | None, reviewed: bool) -> list[Read]:
    query = select(AccessEntry, Patient, AccessReview).outerjoin(
        AccessReview, AccessReview.access_entry_id == AccessEntry.id
    )
    query = matching(follow(query, AccessEntry.patient_id), viewer, asked)
    query = query.where(AccessReview.id.is_not(None) if reviewed else AccessReview.id.is_(None))
    if before is not None:
        query = query.where(AccessEntry.id < before)
    rows = db.session.execute(query.order_by(AccessEntry.id.desc()).limit(CHUNK)).all()
    return [(entry, card, review) for entry, card, review in rows]


def _judged(
    viewer: Actor, rows: list[Read]
) -> Iterable[tuple[AccessEntry, Patient | None, AccessReview | None, set[str]]]:
    """Each entry that is unusual, with why."""
    if not rows:
        return
    days = _days_here({card.id for _, card, _ in rows if card}, rows, viewer)
    own = _own_names(rows)
    opened = _opened(viewer, rows)
    for entry, card, review in rows:
        why = set()
        if entry.how == REFUSED:
            why.add(REFUSED)
        elif card is not None:
            day = clock.service_day(entry.at, viewer.clinic)
            if not any(abs((known - day).days) <= DAYS for known in days[card.id]):
                why.add(STRANGER)
            if set(plain(card.last_name).split()) & own.get((entry.actor_kind, entry.actor_id), set()):
                why.add(NAMESAKE)
            if _cards_in_hour(opened.get((entry.actor_kind, entry.actor_id), []), entry.at) > MOST_CARDS:
                why.add(MANY)
        if not _is_open(entry.at, viewer):
            why.add(HOURS)
        if why:
            yield entry, card, review, why


def _days_here(patient_ids: set[int], rows: list[Read], viewer: Actor) -> dict[int, set[date]]:
    """The days of visits and bookings of each card around the entries."""
    first = clock.service_day(rows[-1][0].at, viewer.clinic) - timedelta(days=DAYS)
    last = clock.service_day(rows[0][0].at, viewer.clinic) + timedelta(days=DAYS)
    found: dict[int, set[date]] = defaultdict(set)
    for kind, day in ((Visit, Visit.service_day), (Appointment, Appointment.day)):
        query = select(kind.patient_id, day).where(
            kind.clinic_id == viewer.clinic_id, kind.patient_id.in_(patient_ids), day.between(first, last)
        )
        for ident, known in db.session.execute(query.distinct()):
            found[ident].add(known)
    return found


def _own_names(rows: list[Read]) -> dict[tuple[str, int | None], set[str]]:
    """The folded words of the name of whoever looked."""
    called = names(entry for entry, _, _ in rows)
    return {who: {word for word in plain(name).split() if len(word) > 1} for who, name in called.items()}


def _opened(viewer: Actor, rows: list[Read]) -> dict[tuple[str, int | None], list[tuple[datetime, int | None]]]:
    """When each of those who looked opened which card, from an hour before the oldest of the entries."""
    actors = {entry.actor_id for entry, _, _ in rows}
    query = (
        select(AccessEntry.actor_kind, AccessEntry.actor_id, AccessEntry.at, AccessEntry.patient_id)
        .where(
            AccessEntry.clinic_id == viewer.clinic_id, AccessEntry.actor_id.in_(actors),
            AccessEntry.at > min(entry.at for entry, _, _ in rows) - HOUR,
            AccessEntry.at <= max(entry.at for entry, _, _ in rows), AccessEntry.patient_id.is_not(None),
        )
        .order_by(AccessEntry.id)
    )  # fmt: skip
    found: dict[tuple[str, int | None], list[tuple[datetime, int | None]]] = defaultdict(list)
    for kind, ident, at, card in db.session.execute(query):
        found[kind, ident].append((at, card))
    return found


def _cards_in_hour(opened: list[tuple[datetime, int | None]], at: datetime) -> int:
    return len({card for when, card in opened if at - HOUR < when <= at})


def _is_open(at: datetime, viewer: Actor) -> bool:
    local = clock.local(at, viewer.clinic).time()
    closes = viewer.clinic.closes_at
    return viewer.clinic.opens_at <= local and (closes == time() or local < closes)


# ------------------------------------------------------------------------------------------------------------ marking


def review(entry_id: int, is_fine: bool, note: str, *, actor: Actor, at: datetime) -> AccessReview:
    """Say of an access, and of the same person's looks at the same card on that day, that it was fine or was not.

    Saying it anew replaces what was said. Raises NotFound or Invalid.
    """
    text = checked(note, "note", 500)
    entry = load(AccessEntry, entry_id, actor.clinic_id)
    begin, end = clock.day_bounds(clock.service_day(entry.at, actor.clinic), actor.clinic)
    same = db.session.scalars(
        select(AccessEntry.id).where(
            AccessEntry.clinic_id == actor.clinic_id, AccessEntry.actor_kind == entry.actor_kind,
            AccessEntry.actor_id == entry.actor_id, AccessEntry.at >= begin, AccessEntry.at < end,
            AccessEntry.asked_id == entry.asked_id if entry.patient_id is None
            else AccessEntry.patient_id == entry.patient_id,
            AccessEntry.id <= entry.id,
        )
    ).all()  # fmt: skip
    known = {r.access_entry_id: r for r in db.session.scalars(
        select(AccessReview).where(AccessReview.access_entry_id.in_({*same, entry.id}))
    )}  # fmt: skip
    for ident in sorted({*same, entry.id}):
        row = known.get(ident)
        if row is None:
            row = known[ident] = AccessReview(clinic_id=actor.clinic_id, access_entry_id=ident)
            db.session.add(row)
        row.at, row.by_id, row.is_fine, row.note = at, actor.user_id, is_fine, text
    db.session.flush()
    clinic = db.session.get_one(Clinic, actor.clinic_id)
    record(actor, "access.review", clinic, at=at, entry=entry.id, is_fine=is_fine, patient=entry.patient_id)
    return known[entry.id]


def reviewers(rows: Iterable[AccessReview | None]) -> dict[int, str]:
    """{user: full name} of those who marked them."""
    wanted = {row.by_id for row in rows if row is not None and row.by_id is not None}
    return {
        ident: name for ident, name in db.session.execute(select(User.id, User.full_name).where(User.id.in_(wanted)))
    }
