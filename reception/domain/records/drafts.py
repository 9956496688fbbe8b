"""What is being typed into a record is kept on the server, field by field, until it is saved.

Each keeping names the version that the screen has seen: of two screens of one user the later one is told, with what
stands there. Nobody else sees a draft.
"""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import select

from reception.domain.actors import Actor
from reception.domain.errors import NotAllowed, Stale, invalid_field
from reception.domain.locks import locked
from reception.domain.records.writing import FIELDS, LINE, may_amend, of_visit, to_write
from reception.extensions import db
from reception.models import Draft, MedicalRecord
from reception.words import N_

LONGEST = 20_000
NAMES = re.compile(rf"(?:{'|'.join((*FIELDS, 'amendment'))})|(?:{'|'.join(LINE)})-\d{{1,2}}")


def keep(
    visit_id: int, field: str, text: str, version: int, *, actor: Actor, at: datetime, seen: int | None = None
) -> Draft:  # fmt: skip
    """Keep what stands in `field` now; `version`: the one that the screen has seen, 0 for none; `seen`: the record's.

    The same text again changes nothing. Raises NotFound, NotAllowed, NotPossible (signed), Invalid, or Stale.
    """
    of_visit(visit_id, actor)
    if not NAMES.fullmatch(field):
        raise invalid_field(field[:60], N_("This is not asked."))
    if len(text) > LONGEST:
        raise invalid_field(field, N_("This is too long: at most %(most)s characters."), most=LONGEST)
    if "\x00" in text:
        raise invalid_field(field, N_("This contains characters that cannot be stored."))
    if actor.user_id is None:
        raise NotAllowed(N_("Your role cannot do this."))
    row = _record(visit_id, field, actor)
    if seen is not None and seen != row.version and field != "amendment":
        raise Stale(N_("The record was saved on another screen meanwhile."), code="record-saved")
    draft = db.session.scalar(
        select(Draft).where(Draft.record_id == row.id, Draft.user_id == actor.user_id, Draft.field == field)
    )
    if draft is not None and draft.text == text:
        return draft
    if version != (draft.version if draft else 0):
        raise Stale(N_("This was changed on another screen of yours."), code="draft-changed")
    if draft is None:
        draft = Draft(clinic_id=row.clinic_id, record_id=row.id, user_id=actor.user_id, field=field, version=0)
        db.session.add(draft)
    draft.text, draft.version, draft.at = text, draft.version + 1, at
    db.session.flush()
    return draft


def _record(visit_id: int, field: str, actor: Actor) -> MedicalRecord:
    if field != "amendment":
        return to_write(visit_id, actor)[1]
    _, row = of_visit(visit_id, actor)
    row = locked(MedicalRecord, row.id, actor.clinic_id)
    if not may_amend(row, actor):
        raise NotAllowed(N_("A record is amended by the doctor who signed it."))
    return row


def of(row: MedicalRecord, actor: Actor) -> dict[str, Draft]:
    """The actor's own drafts for the record: field -> draft."""
    found = db.session.scalars(select(Draft).where(Draft.record_id == row.id, Draft.user_id == (actor.user_id or 0)))
    return {draft.field: draft for draft in found}


def one(visit_id: int, field: str, actor: Actor) -> Draft | None:
    """What the server has of this field."""
    return of(of_visit(visit_id, actor)[1], actor).get(field)
