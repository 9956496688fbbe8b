"""Texts that are put into records again and again: a doctor's own, or a whole department's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import or_, select

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import NotAllowed, NotFound, invalid_field
from reception.domain.locks import locked
from reception.domain.records.writing import CODES, TEXTS, _sense
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import RecordTemplate
from reception.words import N_

KEPT = ("complaints", "treatment", "notes", *CODES)


def offered(actor: Actor) -> list[RecordTemplate]:
    """The doctor's own and the department's, by name."""
    query = select(RecordTemplate).where(
        RecordTemplate.clinic_id == actor.clinic_id,
        or_(
            RecordTemplate.doctor_id == (actor.doctor_id or 0),
            RecordTemplate.department_id == (actor.department_id or 0),
        ),
    )
    return list(db.session.scalars(query.order_by(RecordTemplate.name, RecordTemplate.id)))


def keep(
    name: str, texts: Mapping[str, str], *, actor: Actor, at: datetime, for_department: bool = False
) -> RecordTemplate:  # fmt: skip
    """Keep the texts under `name`; the one of that name takes the new texts. Raises NotAllowed, Invalid."""
    if actor.doctor_id is None:
        raise NotAllowed(N_("Your role cannot do this."))
    if not (name := checked(name, "name", 200)):
        raise invalid_field("name", N_("This is needed."))
    found = {field: str(value) for field, text in texts.items() if field in KEPT and (value := _sense(field, text))}
    if not found:
        raise invalid_field("name", N_("There is nothing in the record to keep."))
    owner = {"department_id": actor.department_id} if for_department else {"doctor_id": actor.doctor_id}
    row = db.session.scalar(
        select(RecordTemplate).filter_by(clinic_id=actor.clinic_id, name=name, **owner).with_for_update()
    )
    if row is None:
        row = RecordTemplate(clinic_id=actor.clinic_id, name=name, texts=found, **owner)
        db.session.add(row)
    row.texts = found
    db.session.flush()
    record(actor, "record_template.keep", row, at=at)
    return row


def forget(template_id: int, *, actor: Actor, at: datetime) -> RecordTemplate:
    """Nobody needs it any more. Raises NotFound for another doctor's or department's."""
    row = locked(RecordTemplate, template_id, actor.clinic_id)
    if actor.doctor_id is None or (row.doctor_id, row.department_id) not in (
        (actor.doctor_id, None), (None, actor.department_id),
    ):  # fmt: skip
        raise NotFound
    record(actor, "record_template.forget", row, at=at)
    db.session.delete(row)
    db.session.flush()
    return row


assert set(KEPT) <= {*TEXTS, *CODES}
