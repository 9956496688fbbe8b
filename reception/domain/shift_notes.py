"""Notes that one shift of the desk leaves for the next: they stand on the desk until somebody says they are done."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import NotPossible, invalid_field
from reception.domain.locks import locked
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import ShiftNote, User
from reception.words import N_

MOST_CHARACTERS = 1000
MOST = 20
"""So many notes can stand open at once: a board full of paper is read by nobody."""


def add(text: str, *, actor: Actor, at: datetime) -> ShiftNote:
    """Leave a note. Raises Invalid, or NotPossible where too many stand there."""
    text = checked(text, "text", MOST_CHARACTERS)
    if not text:
        raise invalid_field("text", N_("This is needed."))
    if len(standing(actor)) >= MOST:
        raise NotPossible(N_("%(most)s notes are open already. Finish one of them first."), most=MOST, code="too-many")
    note = ShiftNote(clinic_id=actor.clinic_id, text=text)
    db.session.add(note)
    db.session.flush()
    record(actor, "shift_note.add", note, at=at)
    return note


def finish(note_id: int, *, actor: Actor, at: datetime) -> ShiftNote:
    """The note is done; a second time changes nothing."""
    note = locked(ShiftNote, note_id, actor.clinic_id)
    if note.done_at is None:
        note.done_at, note.done_by_id = at, actor.user_id
        record(actor, "shift_note.done", note, at=at)
    return note


def reopen(note_id: int, *, actor: Actor, at: datetime) -> ShiftNote:
    """The note stands on the desk again."""
    note = locked(ShiftNote, note_id, actor.clinic_id)
    if note.done_at is not None:
        note.done_at = note.done_by_id = None
        record(actor, "shift_note.open", note, at=at)
    return note


def standing(viewer: Actor) -> list[tuple[ShiftNote, str]]:
    """Notes that are not done, oldest first, each with who left it."""
    query = (
        select(ShiftNote, User.full_name)
        .outerjoin(User, User.id == ShiftNote.created_by_id)
        .where(ShiftNote.clinic_id == viewer.clinic_id, ShiftNote.done_at.is_(None))
        .order_by(ShiftNote.id)
    )
    return [(note, name or "") for note, name in db.session.execute(query)]
