"""Another service, doctor or department after check-in: what was entered wrongly is put right, with the same ticket.

The bill follows at the price of the visit's day and the new doctor's share. A transfer is something else: there the
patient goes on to somebody, here he was never meant to be where he stands; so his wait goes on.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from reception.domain import finance, machines
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import NotAllowed, NotPossible, Stale, invalid_field
from reception.domain.locks import load, locked
from reception.domain.visits.moves import Details, Step, bill_of, note, snapshot
from reception.domain.visits.walkin import destination
from reception.extensions import db
from reception.models import Doctor, Payment, PaymentStatus, Service, Visit, VisitEvent, VisitStatus
from reception.words import N_

NAME = "change"
"""What the visit's history calls it."""
CHANGERS = machines.DESK
HERE = frozenset({VisitStatus.WAITING, VisitStatus.CALLED, VisitStatus.IN_PROGRESS, VisitStatus.PENDING_PAYMENT})
IN_LINE = frozenset({VisitStatus.WAITING, VisitStatus.CALLED})


def may_change(visit: Visit, actor: Actor) -> bool:
    """Whether the visit offers it to `actor` now."""
    return bool(actor.roles & CHANGERS) and visit.status in HERE


def change(
    visit_id: int,
    *,
    actor: Actor,
    at: datetime,
    version: int | None = None,
    service_id: int | None = None,
    doctor_id: int | None = None,
    department_id: int | None = None,
) -> Visit:
    """Give the visit another service, or another doctor (or a department's pool), or both; what is not named stays.

    Somebody who was called to another doctor waits again. Raises NotFound, NotAllowed, Stale, Invalid, or NotPossible:
    not here, money was taken, or (doctor) seen already.
    """
    if not actor.roles & CHANGERS:
        raise NotAllowed(N_("Your role cannot do this."))
    visit = locked(Visit, visit_id, actor.clinic_id)
    allowed = machines.moves_for(visit, actor)
    if visit.status not in HERE:
        raise NotPossible(
            N_("This visit is “%(state)s” now, so that is not possible."), state=visit.status, allowed=allowed
        )
    if version is not None and version != visit.version:
        raise Stale(N_("Somebody was faster. This is how it stands now."), state=visit.status, allowed=allowed)
    bill = bill_of(visit)
    if bill is not None and bill.status != PaymentStatus.PENDING:
        raise NotPossible(
            N_("Money was taken for this visit. Refund it first."), code="paid", state=visit.status, allowed=allowed
        )
    step = Step(visit, None, bill, Details(), actor, at, visit.status)
    before, was = visit.status, snapshot(step) | {"service_id": visit.service_id}
    new_line = _redirect(step, doctor_id, department_id)
    new_service = _exchange(step, service_id)
    if not (new_line or new_service):
        raise invalid_field("service_id", N_("Nothing is changed yet."))
    event = note(visit, NAME, before, was, actor=actor, at=at)
    _reprice(visit, bill, event, actor, at)
    record(actor, "visit.change", visit, at=at, also=(bill,))
    _read_anew(visit)
    return visit


def take_back(
    visit: Visit, bill: Payment | None, last: VisitEvent, event: VisitEvent, actor: Actor, at: datetime
) -> None:
    """The part of an undo that is not in every event: the service, and the bill with it."""
    visit.service_id = last.was["service_id"]
    _reprice(visit, bill, event, actor, at)
    _read_anew(visit)


def _redirect(step: Step, doctor_id: int | None, department_id: int | None) -> bool:
    visit = step.visit
    if doctor_id is None and department_id is None:
        return False
    doctor, department = destination(doctor_id, department_id, step.actor)
    if (doctor.id if doctor else None, department.id) == (visit.doctor_id, visit.department_id):
        return False
    if visit.status not in IN_LINE:
        raise NotPossible(
            N_("The doctor has this patient already. Only the service can be changed; to send on, use Transfer."),
            code="seen", state=visit.status, allowed=machines.moves_for(visit, step.actor),
        )  # fmt: skip
    visit.doctor_id, visit.department_id = doctor.id if doctor else None, department.id
    visit.status = VisitStatus.WAITING
    visit.room_id = visit.not_before = visit.parked_at = None
    return True


def _exchange(step: Step, service_id: int | None) -> bool:
    if service_id is None or service_id == step.visit.service_id:
        return False
    service = load(Service, service_id, step.actor.clinic_id)
    if not service.is_active:
        raise NotPossible(N_("This service is not offered any more."), code="inactive")
    if step.visit.status == VisitStatus.PENDING_PAYMENT and not finance.price_on(service, step.visit.service_day):
        raise NotPossible(
            N_("This service costs nothing, but the bill is waiting to be paid. Let the patient go, or cancel."),
            code="no-price", state=step.visit.status, allowed=machines.moves_for(step.visit, step.actor),
        )  # fmt: skip
    step.visit.service_id = service.id
    return True


def _reprice(visit: Visit, bill: Payment | None, event: VisitEvent, actor: Actor, at: datetime) -> None:
    if bill is None:
        return
    service: Any = load(Service, visit.service_id, actor.clinic_id)
    doctor = load(Doctor, visit.doctor_id, actor.clinic_id) if visit.doctor_id else None
    finance.reprice(bill, visit, service, doctor, event, actor=actor, at=at)


def _read_anew(visit: Visit) -> None:
    db.session.flush()
    db.session.expire(visit, ["doctor", "department", "room", "service"])
