"""What the doctor orders during a visit: a service on the bill at the price of the day, done once somebody ticks it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import NotAllowed, NotFound, NotPossible, Stale
from reception.domain.finance import lines
from reception.domain.locks import load, locked
from reception.domain.records.writing import CARE, NOT_HERE, is_own
from reception.extensions import db
from reception.models import BillLine, Payment, Treatment, Visit
from reception.words import N_


def of_visit(visit: Visit) -> list[Treatment]:
    """In the order in which they were ordered."""
    query = select(Treatment).where(Treatment.visit_id == visit.id).order_by(Treatment.id)
    return list(db.session.scalars(query.options(joinedload(Treatment.service), joinedload(Treatment.line))))


def order(visit_id: int, service_id: int, *, actor: Actor, at: datetime, quantity: int = 1) -> Treatment:
    """Order a service: a line of the visit's bill. Raises what `lines.add_line` does; NotAllowed for another's patient."""
    visit = locked(Visit, visit_id, actor.clinic_id)
    if not is_own(visit, actor):
        raise NotAllowed(N_("This is another doctor's patient."))
    if visit.status in NOT_HERE:
        raise NotPossible(N_("This visit is “%(state)s” now, so that is not possible."), state=visit.status)
    bill_id = db.session.scalar(select(Payment.id).where(Payment.visit_id == visit.id))
    if bill_id is None:
        raise NotPossible(N_("This visit has no bill."), code="no-bill", allowed=[])
    lines.add_line(bill_id, service_id, actor=actor, at=at, quantity=quantity, doctor_id=actor.doctor_id)
    line_id = db.session.scalar(
        select(func.max(BillLine.id)).where(BillLine.payment_id == bill_id, BillLine.service_id == service_id)
    )
    row = Treatment(
        clinic_id=visit.clinic_id, visit_id=visit.id, service_id=service_id, line_id=line_id, ordered_at=at,
        ordered_by_id=actor.user_id,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    record(actor, "visit.treatment", visit, at=at, treatment=row.id, service=service_id)
    return row


def tick(treatment_id: int, is_done: bool, *, actor: Actor, at: datetime, version: int | None = None) -> Treatment:
    """It was done, or it was not. Raises NotFound, NotAllowed, Stale."""
    row = _locked(treatment_id, actor)
    if version not in (None, row.version):
        raise Stale(N_("Somebody was faster. This is how it stands now."))
    row.done_at, row.done_by_id = (at, actor.user_id) if is_done else (None, None)
    db.session.flush()
    visit = load(Visit, row.visit_id, actor.clinic_id)
    record(actor, "visit.treatment-tick", visit, at=at, treatment=row.id, done=is_done)
    return row


def withdraw(treatment_id: int, *, actor: Actor, at: datetime) -> Visit:
    """It is not wanted after all: off the bill. Raises NotFound, NotAllowed, NotPossible once it is done."""
    row = _locked(treatment_id, actor)
    visit = load(Visit, row.visit_id, actor.clinic_id)
    if not is_own(visit, actor):
        raise NotAllowed(N_("This is another doctor's patient."))
    if row.done_at is not None:
        raise NotPossible(N_("This has been done already."), code="done", allowed=[])
    line = row.line
    db.session.delete(row)
    db.session.flush()
    if line is not None:
        lines.remove_line(line.payment_id, line.id, actor=actor, at=at)
    record(actor, "visit.treatment-back", visit, at=at, treatment=treatment_id)
    return visit


def _locked(treatment_id: int, actor: Actor) -> Treatment:
    if not actor.has(*CARE):
        raise NotAllowed(N_("Your role cannot do this."))
    row = load(Treatment, treatment_id, actor.clinic_id)
    visit = locked(Visit, row.visit_id, actor.clinic_id)
    row = locked(Treatment, treatment_id, actor.clinic_id)
    if row.visit_id != visit.id:
        raise NotFound
    return row
