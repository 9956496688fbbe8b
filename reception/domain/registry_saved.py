"""Searches that a user keeps under a name: only the own ones are seen, changed and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import Invalid, NotFound, NotPossible, invalid_field
from reception.domain.locks import locked
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import Clinic, SavedSearch
from reception.words import N_

MOST = 50
LONGEST = 60
TAKEN = N_("A search of this name exists already.")


def mine(viewer: Actor) -> Sequence[SavedSearch]:
    """The viewer's searches by name."""
    query = select(SavedSearch).where(SavedSearch.clinic_id == viewer.clinic_id, SavedSearch.user_id == viewer.user_id)
    return db.session.scalars(query.order_by(func.lower(SavedSearch.name), SavedSearch.id)).all()


def find(ident: int, viewer: Actor) -> SavedSearch:
    """One of the viewer's own. Raises NotFound."""
    row = db.session.get(SavedSearch, ident) if 0 < ident < 2**63 else None
    if row is None or (row.clinic_id, row.user_id) != (viewer.clinic_id, viewer.user_id):
        raise NotFound
    return row


def save(name: str, query: dict[str, Any], *, actor: Actor, at: datetime) -> SavedSearch:
    """Keep a search. `query`: the filters as the form carries them. Raises Invalid, NotPossible."""
    if len(mine(actor)) >= MOST:
        raise NotPossible(N_("You keep %(most)s searches already. Delete one first."), most=MOST, code="too-many")
    row = SavedSearch(clinic_id=actor.clinic_id, user_id=actor.user_id, name=_free(name, actor), query=query)
    db.session.add(row)
    db.session.flush()
    record(actor, "saved_search.add", row, at=at)
    return row


def rename(ident: int, name: str, *, actor: Actor, at: datetime) -> SavedSearch:
    row = _locked(ident, actor)
    row.name = _free(name, actor, row.id)
    record(actor, "saved_search.change", row, at=at)
    db.session.flush()
    return row


def delete(ident: int, *, actor: Actor, at: datetime) -> Clinic:
    row = _locked(ident, actor)
    record(actor, "saved_search.delete", row, at=at)
    db.session.delete(row)
    db.session.flush()
    return db.session.get_one(Clinic, actor.clinic_id)


def _locked(ident: int, actor: Actor) -> SavedSearch:
    row = locked(SavedSearch, ident, actor.clinic_id)
    if row.user_id != actor.user_id:
        raise NotFound
    return row


def _free(name: str, actor: Actor, own: int = 0) -> str:
    text = checked(name, "name", LONGEST)
    if not text:
        raise invalid_field("name", N_("This is needed."))
    if any(row.name == text and row.id != own for row in mine(actor)):
        raise Invalid(TAKEN, fields={"name": TAKEN}, code="duplicate")
    return text
