"""Two cards side by side that may be one person's: the list of them, and what somebody says of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import Invalid
from reception.domain.locks import locked
from reception.domain.matching.cards import described, is_known, renew, sure_enough
from reception.domain.matching.compare import Likeness, compare
from reception.extensions import db
from reception.models import DifferentPeople, DuplicatePair, Patient
from reception.words import N_

PAGE = 25


@dataclass(frozen=True, slots=True)
class Twins:
    """Two cards, the older first, and what they have in common."""

    first: Patient
    second: Patient
    likeness: Likeness


def likely(viewer: Actor, limit: int = PAGE) -> tuple[list[Twins], bool]:
    """The pairs that nobody has judged yet, surest first, and whether there are more."""
    pair = DuplicatePair
    query = (
        select(pair.first_id, pair.second_id)
        .where(pair.clinic_id == viewer.clinic_id)
        .order_by(pair.score.desc(), pair.first_id, pair.second_id)
        .limit(limit + 1)
    )
    ends = [(a, b) for a, b in db.session.execute(query)]
    asked = {ident for pair in ends for ident in pair}
    rows = db.session.scalars(select(Patient).where(Patient.clinic_id == viewer.clinic_id, Patient.id.in_(asked)))
    known = {row.id: row for row in rows}
    found = [
        Twins(known[a], known[b], compare(described(known[a]), described(known[b])))
        for a, b in ends[:limit]
        if is_known(known[a]) and is_known(known[b])
    ]
    return found, len(ends) > limit


def tell_apart(one_id: int, other_id: int, *, actor: Actor, at: datetime) -> DifferentPeople:
    """These are two people: they are not shown as one again. Raises NotFound, Invalid."""
    first, second = _both(one_id, other_id, actor)
    told = _told(first, second)
    if told is None:
        told = DifferentPeople(
            clinic_id=actor.clinic_id, first_id=first.id, second_id=second.id, at=at, by_id=actor.user_id
        )
        db.session.add(told)
        record(actor, "patient.different", first, at=at, also=(second,), other=second.id)
    pair = DuplicatePair
    db.session.execute(
        delete(pair).where(
            pair.clinic_id == actor.clinic_id, pair.first_id == first.id, pair.second_id == second.id
        )
    )  # fmt: skip
    db.session.flush()
    return told


def take_back(one_id: int, other_id: int, *, actor: Actor, at: datetime) -> Patient:
    """They may be one person after all. Raises NotFound, Invalid."""
    first, second = _both(one_id, other_id, actor)
    if told := _told(first, second):
        db.session.delete(told)
        db.session.flush()
        record(actor, "patient.alike", first, at=at, also=(second,), other=second.id)
        renew(actor.clinic_id, [first])
    return first


def _both(one_id: int, other_id: int, actor: Actor) -> tuple[Patient, Patient]:
    if one_id == other_id:
        raise Invalid(N_("This is one and the same card. Choose another one."), code="same-card")
    first, second = (locked(Patient, ident, actor.clinic_id) for ident in sorted((one_id, other_id)))
    return first, second


def _told(first: Patient, second: Patient) -> DifferentPeople | None:
    query = select(DifferentPeople).where(
        DifferentPeople.first_id == first.id, DifferentPeople.second_id == second.id
    )  # fmt: skip
    return db.session.scalar(query)


def is_sure(likeness: Likeness, viewer: Actor) -> bool:
    """Whether chance alone hardly explains it."""
    return likeness.bits > sure_enough(viewer.clinic_id) + 6
