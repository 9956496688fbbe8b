"""Undo: the last step of a visit taken back within 30 s, by the same role, while nothing was built upon it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from reception.domain import finance, machines
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import NotAllowed, NotPossible, Stale
from reception.domain.locks import locked
from reception.domain.visits import changes
from reception.domain.visits.moves import SNAPSHOT, Details, Step, appointment_of, note, snapshot, take
from reception.extensions import db
from reception.models import (
    Appointment,
    AppointmentStatus,
    Payment,
    PaymentStatus,
    Visit,
    VisitEvent,
    VisitStatus,
)
from reception.words import N_

BEGINNINGS = ("walk-in", "book")
"""What a visit begins with; undone, it ends as cancelled and gives everything back."""
MOVINGS = ("reschedule", "resize")
"""What `calendar.moving` does and puts back."""


def undo(visit_id: int, *, actor: Actor, at: datetime, version: int | None = None) -> Visit:
    """Take the visit's last step back. Raises NotPossible when it is too late or something was built upon it."""
    appointment_id = appointment_of(visit_id, actor)
    if appointment_id and (moved := last_event(visit_id)) and moved.move in MOVINGS:
        from reception.domain.calendar.moving import put_back

        return put_back(appointment_id, actor=actor, at=at, visit_version=version)
    appointment = locked(Appointment, appointment_id, actor.clinic_id) if appointment_id else None
    if appointment is not None:
        _lock_slots(appointment)
    visit = locked(Visit, visit_id, actor.clinic_id)
    bill = db.session.scalar(select(Payment).where(Payment.visit_id == visit.id))
    bill = locked(Payment, bill.id, actor.clinic_id) if bill else None
    last = last_event(visit.id)
    check_undoable(visit, last, version, actor, at)
    assert last is not None
    if last.move in BEGINNINGS:
        step = Step(visit, appointment, bill, Details(reason="undone"), actor, at, VisitStatus.CANCELLED)
        take(step, "cancel")
        return visit
    step = Step(visit, appointment, bill, Details(), actor, at, VisitStatus(last.from_status or ""))
    before, was = visit.status, snapshot(step)
    _restore(visit, last)
    event = note(visit, "undo", before, was, actor=actor, at=at, undoes=last.id)
    _appointment_back(appointment, last)
    _bill_back(bill, last, event, actor, at)
    if last.move == changes.NAME:
        changes.take_back(visit, bill, last, event, actor, at)
    record(actor, "visit.undo", visit, at=at, also=(appointment, bill), move=last.move)
    db.session.flush()
    db.session.expire(visit, ["doctor", "department", "room"])
    return visit


def last_event(visit_id: int) -> VisitEvent | None:
    """The visit's last move."""
    return db.session.scalar(
        select(VisitEvent).where(VisitEvent.visit_id == visit_id).order_by(VisitEvent.id.desc()).limit(1)
    )


def can_undo(last: VisitEvent | None, actor: Actor, at: datetime) -> bool:
    """Whether the step may still be taken back by `actor`; the screen's Undo asks this."""
    if last is None or last.move not in (*BEGINNINGS, *MOVINGS, *machines.VISIT, changes.NAME):
        return False
    if last.move in machines.VISIT and not machines.VISIT[last.move].undoable:
        return False
    return at - last.at <= timedelta(seconds=machines.UNDO_SECONDS) and bool(set(last.roles.split()) & actor.roles)


def check_undoable(visit: Visit, last: VisitEvent | None, version: int | None, actor: Actor, at: datetime) -> None:
    """Raises NotPossible or NotAllowed where `last`, the visit's last step, cannot be taken back by `actor` now."""
    allowed = machines.moves_for(visit, actor)
    if last is None or last.to_status != visit.status or last.move == "undo":
        raise NotPossible(N_("There is nothing to undo."), code="nothing-to-undo", state=visit.status, allowed=allowed)
    if not set(last.roles.split()) & actor.roles:
        raise NotAllowed(N_("Only the role that did it can undo it."))
    if not can_undo(last, actor, at):
        raise NotPossible(N_("It is too late to undo this."), code="too-late", state=visit.status, allowed=allowed)
    if version is not None and version != visit.version:
        raise Stale(N_("Somebody was faster. This is how it stands now."), state=visit.status, allowed=allowed)


def _restore(visit: Visit, last: VisitEvent) -> None:
    visit.status = VisitStatus(last.from_status or "")
    for name in SNAPSHOT:
        setattr(visit, name, _value(name, last.was.get(name)))
    if last.move in ("cancel", "no-show", "owe"):
        visit.close_reason = ""
        visit.left_unseen = False


def _value(name: str, text: Any) -> Any:
    if not isinstance(text, str):
        return text
    return date.fromisoformat(text) if name == "service_day" else datetime.fromisoformat(text).astimezone(UTC)


def _lock_slots(appointment: Appointment) -> None:
    from reception.domain.calendar.places import spanned

    if appointment.status in (AppointmentStatus.CANCELLED, AppointmentStatus.NO_SHOW):
        spanned(appointment.schedule_id, appointment.starts_at, appointment.ends_at)


def _appointment_back(appointment: Appointment | None, last: VisitEvent) -> None:
    if appointment is None or last.move not in machines.APPOINTMENT:
        return
    from reception.domain.calendar.booking import use_room
    from reception.domain.calendar.open_slots import ajar
    from reception.domain.calendar.places import spanned, take_places
    from reception.domain.calendar.waitlist import give_way

    freed = appointment.status in (AppointmentStatus.CANCELLED, AppointmentStatus.NO_SHOW)
    if last.from_status == VisitStatus.SCHEDULED:
        appointment.status = AppointmentStatus.CONFIRMED
    else:
        appointment.status = AppointmentStatus.CHECKED_IN
    appointment.cancelled_at = appointment.cancelled_by_id = None
    appointment.cancel_reason = ""
    db.session.flush()
    if freed:
        give_way(appointment.doctor_id, appointment.starts_at, appointment.ends_at)
        with ajar(spanned(appointment.schedule_id, appointment.starts_at, appointment.ends_at)):
            take_places(appointment)
        use_room(appointment, appointment.schedule)


def _bill_back(bill: Payment | None, last: VisitEvent, event: VisitEvent, actor: Actor, at: datetime) -> None:
    if bill is None or "bill" not in last.was:
        return
    before = PaymentStatus(last.was["bill"])
    was_cancelled = bill.status == PaymentStatus.CANCELLED
    if bill.status != before:
        finance.set_status(bill, before, at)
    if was_cancelled and before == PaymentStatus.PENDING:
        finance.charge(bill, event, actor=actor, at=at)
        finance.restore_invoice(bill)
