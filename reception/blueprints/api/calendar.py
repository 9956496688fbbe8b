"""Shifts, free places and appointments over JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from flask import g

from reception import clock
from reception.access import Permission, requires
from reception.blueprints.api import schemas, shapes
from reception.blueprints.api.calls import after, bp, described, ident, page, states
from reception.domain import listings, machines
from reception.domain.calendar import booking, moving
from reception.domain.errors import Invalid, Refusal, invalid_field
from reception.domain.visits import moves
from reception.models import AppointmentStatus
from reception.transaction import run
from reception.words import N_

LONGEST = timedelta(days=93)
MOVES = ("check-in", "cancel", "no-show")


@bp.get("/schedules")
@requires(Permission.CALENDAR)
@described(schemas.Schedule, query=schemas.SchedulesAsked, is_list=True)
def list_schedules(query: schemas.SchedulesAsked) -> dict[str, Any]:
    """Open shifts of a day with their places and how many are free."""
    day = query.date or clock.today(g.actor.clinic)
    rows = listings.schedules(g.actor.clinic_id, day, _after(query, "schedules"), query.limit, at=clock.now())
    return page(rows, query.limit, shapes.schedule, "schedules", _place)


@bp.get("/slots")
@requires(Permission.CALENDAR)
@described(schemas.Slot, query=schemas.SlotsAsked, is_list=True)
def list_slots(query: schemas.SlotsAsked) -> dict[str, Any]:
    """Slots by time with their free places, full ones included."""
    clinic, now = g.actor.clinic, clock.now()
    first, last = _span(query, now)
    rows = listings.slots(clinic.id, first, last, query.doctor, _after(query, "slots"), query.limit, at=now)
    return page(
        rows, query.limit, lambda row: shapes.slot(row, is_past=row.starts_at < now - booking.GRACE), "slots", _place
    )


def _span(query: schemas.SlotsAsked, now: datetime) -> tuple[datetime, datetime]:
    """[from, to) as instants; a day as `to` is included. Raises Invalid."""
    clinic = g.actor.clinic

    def bound(value: date | None, side: int) -> datetime | None:
        if value is None or isinstance(value, datetime):
            return value
        return clock.day_bounds(value, clinic)[side]

    first = bound(query.from_, 0) or now
    last = bound(query.to, 1) or clock.day_bounds(clock.service_day(first, clinic), clinic)[1]
    if last <= first:
        raise invalid_field("to", N_("The end must come after the start."))
    if last - first > LONGEST:
        raise Invalid(N_("Ask for three months at most."), fields={"to": N_("Ask for three months at most.")})
    return first, last


# ---------------------------------------------------------------------------------------------------- appointments


@bp.get("/appointments")
@requires(Permission.CALENDAR)
@described(schemas.Appointment, query=schemas.AppointmentsAsked, is_list=True)
def list_appointments(query: schemas.AppointmentsAsked) -> dict[str, Any]:
    """Appointments of a day, by time."""
    rows = listings.appointments(
        g.actor.clinic_id,
        query.date or clock.today(g.actor.clinic),
        states(AppointmentStatus, query.status),
        query.doctor,
        query.patient,
        _after(query, "appointments"),
        query.limit,
    )
    return page(rows, query.limit, shapes.appointment, "appointments", _place)


@bp.post("/appointments")
@requires(Permission.BOOK)
@described(schemas.AppointmentWithVisit, body=schemas.NewAppointment, status=201)
def book(body: schemas.NewAppointment) -> dict[str, Any]:
    """Book: appointment, visit, bill and charge, or nothing."""
    appointment = run(
        booking.book,
        body.patient_id,
        body.doctor_id,
        body.service_id,
        body.start,
        room_id=body.room_id,
        source=body.source,
        reason=body.reason or "",
        notes=body.notes or "",
        overbooking_reason=body.overbooking_reason,
        past_reason=body.past_reason,
    )
    return _shown(ident(appointment))


@bp.get("/appointments/<int:appointment_id>")
@requires(Permission.CALENDAR)
@described(schemas.AppointmentWithVisit)
def show_appointment(appointment_id: int) -> dict[str, Any]:
    """One appointment with its visit."""
    return _shown(appointment_id)


@bp.post("/appointments/<int:appointment_id>/reschedule")
@requires(Permission.BOOK)
@described(schemas.AppointmentWithVisit, body=schemas.Reschedule)
def reschedule(appointment_id: int, body: schemas.Reschedule) -> dict[str, Any]:
    """Move it to another time, doctor or room; the bill follows the price of the new day."""
    return _done(
        appointment_id,
        moving.reschedule,
        body.start,
        doctor_id=body.doctor_id,
        room_id=body.room_id,
        version=body.version,
    )


@bp.post("/appointments/<int:appointment_id>/check-in")
@requires(Permission.CHECK_IN)
@described(schemas.AppointmentWithVisit, body=schemas.AppointmentMove)
def check_in(appointment_id: int, body: schemas.AppointmentMove) -> dict[str, Any]:
    """The patient is here: the visit waits, with the next number. A second time answers the same."""
    return _done(appointment_id, moves.move_booked, "check-in", version=body.version)


@bp.post("/appointments/<int:appointment_id>/cancel")
@requires(Permission.BOOK)
@described(schemas.AppointmentWithVisit, body=schemas.AppointmentMove)
def cancel(appointment_id: int, body: schemas.AppointmentMove) -> dict[str, Any]:
    """Cancel it with its visit and its unpaid bill; the place is free again."""
    return _done(appointment_id, moves.move_booked, "cancel", version=body.version, reason=body.reason or "")


@bp.post("/appointments/<int:appointment_id>/no-show")
@requires(Permission.CALL)
@described(schemas.AppointmentWithVisit, body=schemas.AppointmentMove)
def no_show(appointment_id: int, body: schemas.AppointmentMove) -> dict[str, Any]:
    """The patient did not come."""
    return _done(appointment_id, moves.move_booked, "no-show", version=body.version, reason=body.reason or "")


def _done(appointment_id: int, verb: Callable[..., Any], *values: Any, **more: Any) -> dict[str, Any]:
    """Run the move. A refusal speaks of the appointment: its state, and the moves that it allows the caller."""
    try:
        run(verb, appointment_id, *values, about=("appointment", appointment_id), **more)
    except Refusal as refusal:
        if refusal.state is not None:
            row = listings.appointment(g.actor.clinic_id, appointment_id)
            refusal.state, refusal.allowed = row.status, _allowed(row)
        raise
    return _shown(appointment_id)


def _allowed(row: Any) -> list[str]:
    here = ["reschedule"] if row.status == AppointmentStatus.CONFIRMED else []
    return here + [
        name
        for name, step in machines.VISIT.items()
        if name in MOVES and row.visit_status in step.before and g.actor.roles & step.roles
    ]


def _shown(appointment_id: int) -> dict[str, Any]:
    return shapes.appointment_with_visit(listings.appointment(g.actor.clinic_id, appointment_id))


def _after(query: schemas.Page, name: str) -> tuple[datetime, int] | None:
    """The cursor of a list in order of time. Raises Invalid."""
    found = after(query.cursor, name)
    if found is None:
        return None
    try:
        return datetime.fromisoformat(found[0]).astimezone(clock.UTC), found[1]
    except (ValueError, OverflowError):
        raise invalid_field("cursor", N_("This cursor is not one of this list.")) from None


def _place(row: Any) -> tuple[str, int]:
    return row.starts_at.isoformat(), row.id
