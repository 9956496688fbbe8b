"""The access log: who opened whose card, how and from where; written before the card is shown, and read here.

Attempts that were refused are in it, too: without the right (the card is named), or for a card that this clinic does
not have (only the number that was asked for).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, func, insert, or_, select

from reception.clock import day_bounds
from reception.domain.actors import Actor
from reception.domain.locks import is_id
from reception.domain.merging_ids import follow, same_person
from reception.extensions import db
from reception.models import AccessEntry, AccessReview, ApiToken, Patient, User

PAGE = 100
BATCH = 5000
REFUSED = "refused"
REDRAWN = "redrawn"
"""A card redrew itself on a screen that had opened it before: on record, but not listed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries: of the clinic's dates `first` to `last`, both included; None: all."""

    first: date | None = None
    last: date | None = None
    user_id: int | None = None
    patient_id: int | None = None
    how: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """One entry as the screens show it. `patient`: the card that stands now; `review`: what somebody said of it."""

    entry: AccessEntry
    patient: Patient | None
    who: str
    review: AccessReview | None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first; `before`: where the next page begins, None at the end."""

    rows: list[Look]
    before: int | None


# ------------------------------------------------------------------------------------------------------------ writing


def note(patient_ids: Iterable[int], how: str, *, actor: Actor, at: datetime, request_id: str = "") -> None:
    """Write down who is about to see the cards, and `how`; in a short transaction of its own, before they are shown."""
    rows = [_row(actor, at, how, request_id, patient_id=ident) for ident in patient_ids]
    for begin in range(0, len(rows), BATCH):
        db.session.execute(insert(AccessEntry), rows[begin : begin + BATCH])


def note_refusal(
    asked_id: int, *, actor: Actor, at: datetime, request_id: str = "", is_missing: bool = False
) -> None:  # fmt: skip
    """Write down that somebody asked for a card and was not shown it. `is_missing`: something was not found, which says
    nothing where the card is here."""
    known = db.session.scalar(
        select(Patient.id).where(Patient.clinic_id == actor.clinic_id, Patient.id == asked_id)
    ) if is_id(asked_id) else None  # fmt: skip
    if known and is_missing:
        return
    asked = None if known or not is_id(asked_id) else asked_id
    row = _row(actor, at, REFUSED, request_id, patient_id=known, asked_id=asked)
    db.session.execute(insert(AccessEntry), [row])


def _row(actor: Actor, at: datetime, how: str, request_id: str, **more: Any) -> dict[str, Any]:
    return {
        "clinic_id": actor.clinic_id, "at": at, "actor_kind": actor.kind, "actor_id": actor.id, "how": how[:40],
        "address": actor.address, "request_id": request_id, "asked_id": None, **more,
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------------------ reading


def page(viewer: Actor, asked: Asked, *, before: int | None = None) -> Page:
    """The newest PAGE entries, or those before the entry `before`."""
    query = select(AccessEntry, Patient, AccessReview).outerjoin(
        AccessReview, AccessReview.access_entry_id == AccessEntry.id
    )
    query = matching(follow(query, AccessEntry.patient_id), viewer, asked)
    if before is not None:
        query = query.where(AccessEntry.id < before)
    found = db.session.execute(query.order_by(AccessEntry.id.desc()).limit(PAGE + 1)).all()
    called = names(entry for entry, _, _ in found)
    rows = [
        Look(entry, card, called.get((entry.actor_kind, entry.actor_id), ""), review) for entry, card, review in found
    ]
    return Page(rows[:PAGE], rows[PAGE - 1].entry.id if len(rows) > PAGE else None)


def matching(query: Select[Any], viewer: Actor, asked: Asked) -> Select[Any]:
    """`query` with the entries that are asked for."""
    query = query.where(AccessEntry.clinic_id == viewer.clinic_id, AccessEntry.how != REDRAWN)
    if asked.first:
        query = query.where(AccessEntry.at >= day_bounds(asked.first, viewer.clinic)[0])
    if asked.last:
        query = query.where(AccessEntry.at < day_bounds(asked.last, viewer.clinic)[1])
    if asked.user_id:
        tokens = select(ApiToken.id).where(ApiToken.user_id == asked.user_id)
        query = query.where(
            or_(
                and_(AccessEntry.actor_kind == "user", AccessEntry.actor_id == asked.user_id),
                and_(AccessEntry.actor_kind == "token", AccessEntry.actor_id.in_(tokens)),
            )
        )
    if asked.patient_id:
        query = query.where(AccessEntry.patient_id.in_(same_person(viewer.clinic_id, asked.patient_id)))
    return query.where(AccessEntry.how == asked.how) if asked.how else query


def names(entries: Iterable[AccessEntry]) -> dict[tuple[str, int | None], str]:
    """{(actor's kind, id): full name} of the people behind the entries; of a token its user's."""
    wanted = {(entry.actor_kind, entry.actor_id) for entry in entries}
    users = [ident for kind, ident in wanted if kind == "user"]
    tokens = [ident for kind, ident in wanted if kind == "token"]
    found: dict[tuple[str, int | None], str] = {}
    for ident, name in db.session.execute(select(User.id, User.full_name).where(User.id.in_(users))):
        found["user", ident] = name
    of_tokens = select(ApiToken.id, User.full_name).join(User, User.id == ApiToken.user_id)
    for ident, name in db.session.execute(of_tokens.where(ApiToken.id.in_(tokens))):
        found["token", ident] = name
    return found


def hows(viewer: Actor) -> list[str]:
    """The ways in which cards were opened, for the filter."""
    query = select(AccessEntry.how).where(AccessEntry.clinic_id == viewer.clinic_id, AccessEntry.how != REDRAWN)
    return sorted(db.session.scalars(query.distinct()))


def by_card_no(viewer: Actor, card_no: str) -> int | None:
    """The id of the card with this number."""
    number = card_no.strip()
    query = select(func.min(Patient.id)).where(Patient.clinic_id == viewer.clinic_id)
    return db.session.scalar(query.where(Patient.card_no.in_([number, number.zfill(6)]))) if number else None
