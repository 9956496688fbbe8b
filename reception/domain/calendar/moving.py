"""Moving an appointment: to another time, doctor or room, or to another length; and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from reception.clock import service_day
from reception.domain import finance
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.calendar import booking, open_slots, schedules, waitlist
from reception.domain.calendar.places import is_beyond, schedule_for, spanned, take_places
from reception.domain.errors import NotPossible, Stale, invalid_field
from reception.domain.locks import locked
from reception.domain.visits.moves import free_places, note
from reception.domain.visits.undo import check_undoable, last_event
from reception.extensions import db
from reception.models import Appointment, AppointmentStatus, Payment, Visit
from reception.words import N_

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an appointment is to go. `may_exceed`: beyond the capacity, too."""

    starts_at: datetime
    ends_at: datetime
    doctor_id: int
    room_id: int | None
    may_exceed: bool
    schedule_id: int | None = None
    """The shift it comes back to, open or not; None: the open one of that time."""


def reschedule(
    appointment_id: int,
    starts_at: datetime,
    *,
    actor: Actor,
    at: datetime,
    ends_at: datetime | None = None,
    doctor_id: int | None = None,
    room_id: int | None = None,
    version: int | None = None,
    overbooking_reason: str | None = None,
) -> Appointment:
    """Move a booked appointment to another time, doctor or room, or several of them at once.

    It stays as long as it is, but where `ends_at` says otherwise. The bill follows the price of the new day. `room_id` None: with the same doctor a room of
    its own goes along, otherwise it is in the shift's. The event remembers the former place, so that `put_back` can
    undo it. Raises NotFound, NotAllowed, NotPossible, Stale or Invalid.
    """
    booking.check_future(starts_at, at)
    appointment = locked(Appointment, appointment_id, actor.clinic_id)
    _check_movable(appointment, version)
    reason = booking.overbooking(overbooking_reason, actor)
    was, before = _place_now(appointment), (appointment.overbooking_reason, appointment.overbooked_by_id)
    if reason is not None:
        appointment.overbooking_reason, appointment.overbooked_by_id = reason, actor.user_id
    doctor_id = doctor_id or appointment.doctor_id
    if room_id is None and doctor_id == appointment.doctor_id:
        room_id = _own_room(appointment)
    ends_at = ends_at or starts_at + (appointment.ends_at - appointment.starts_at)
    _check_length(ends_at - starts_at)
    place = Place(starts_at, ends_at, doctor_id, room_id, reason is not None)
    visit, bill = _move_to(appointment, place, "reschedule", was, actor=actor, at=at)
    _settle_reason(appointment, before)
    record(actor, "appointment.reschedule", appointment, at=at, also=(visit, bill))
    return appointment


def resize(
    appointment_id: int,
    ends_at: datetime,
    *,
    actor: Actor,
    at: datetime,
    version: int | None = None,
    overbooking_reason: str | None = None,
) -> Appointment:
    """Let a booked appointment end earlier or later, to the minute; doctor, room and start stay. Undone like a move.

    Raises NotFound, NotAllowed, NotPossible (full, the shift ends before it), Stale or Invalid.
    """
    appointment = locked(Appointment, appointment_id, actor.clinic_id)
    _check_movable(appointment, version)
    ends_at = ends_at.replace(second=0, microsecond=0)
    _check_length(ends_at - appointment.starts_at)
    if ends_at <= at:
        raise invalid_field("end", N_("This time is past. Choose a later one."))
    reason = booking.overbooking(overbooking_reason, actor)
    was, before = _place_now(appointment), (appointment.overbooking_reason, appointment.overbooked_by_id)
    if reason is not None:
        appointment.overbooking_reason, appointment.overbooked_by_id = reason, actor.user_id
    shorter = ends_at <= appointment.ends_at
    may_exceed = reason is not None or (was["may_exceed"] and (shorter or booking.may_overbook(actor)))
    place = Place(appointment.starts_at, ends_at, appointment.doctor_id, appointment.room_id, may_exceed)
    visit, bill = _move_to(appointment, place, "resize", was, actor=actor, at=at)
    _settle_reason(appointment, before)
    record(actor, "appointment.resize", appointment, at=at, also=(visit, bill))
    return appointment


def put_back(appointment_id: int, *, actor: Actor, at: datetime, visit_version: int | None = None) -> Visit:
    """Undo a move: back to the former place if it is still free. `visits.undo` checks who may and until when."""
    appointment = locked(Appointment, appointment_id, actor.clinic_id)
    visit = db.session.scalars(select(Visit).where(Visit.appointment_id == appointment.id)).one()
    last = last_event(visit.id)
    check_undoable(visit, last, visit_version, actor, at)
    assert last is not None
    _check_movable(appointment, None)
    was = last.was
    place = Place(
        _instant(was["starts_at"]), _instant(was["ends_at"]), was["doctor_id"], was["room_id"], was["may_exceed"],
        was.get("schedule_id"),
    )  # fmt: skip
    waitlist.give_way(place.doctor_id, place.starts_at, place.ends_at)
    try:
        visit, bill = _move_to(appointment, place, "undo", {}, actor=actor, at=at, undoes=last.id)
    except NotPossible as refusal:
        if refusal.code not in ("slot-full", "no-schedule", "too-long", "day-full"):
            raise
        raise NotPossible(
            N_("The former place was taken meanwhile. Choose another time."), code="place-taken", allowed=[]
        ) from None
    _settle_reason(appointment, (None, None))
    record(actor, "visit.undo", visit, at=at, also=(appointment, bill), move=last.move)
    return visit


def _settle_reason(appointment: Appointment, before: tuple[str | None, int | None]) -> None:
    """Where it is no overbooking after all, the reason is what it was `before`."""
    if not is_beyond(appointment.id):
        appointment.overbooking_reason, appointment.overbooked_by_id = before
        db.session.flush()


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _place_now(appointment: Appointment) -> dict[str, Any]:
    """What the event remembers of the place that is given up."""
    return {
        "starts_at": appointment.starts_at.isoformat(), "ends_at": appointment.ends_at.isoformat(),
        "schedule_id": appointment.schedule_id, "doctor_id": appointment.doctor_id, "room_id": appointment.room_id, "may_exceed": is_beyond(appointment.id),
    }  # fmt: skip


def _own_room(appointment: Appointment) -> int | None:
    """The room that the appointment has apart from its shift's."""
    return None if appointment.room_id == appointment.schedule.room_id else appointment.room_id


def _move_to(
    appointment: Appointment, place: Place, name: str, was: dict[str, Any], *, actor: Actor, at: datetime,
    undoes: int | None = None,
) -> tuple[Visit, Payment | None]:  # fmt: skip
    """Give up the present places and take those of `place`; visit and bill follow. The appointment is locked."""
    service, doctor = booking.offered(appointment.service_id, place.doctor_id, actor)
    minutes = int((place.ends_at - place.starts_at) / timedelta(minutes=1))
    former = schedules.former(place.schedule_id, doctor.id, place.starts_at, place.ends_at, actor)
    schedule = former or schedule_for(actor.clinic_id, doctor.id, place.starts_at, minutes)
    day = service_day(place.starts_at, actor.clinic)
    if (day, doctor.id) != (appointment.day, appointment.doctor_id):
        booking.check_day_limit(doctor, day)
    other_day = day != appointment.day
    free_places(appointment)
    appointment.doctor_id, appointment.schedule_id = doctor.id, schedule.id
    appointment.room_id = booking.room_of(place.room_id, schedule, actor)
    appointment.starts_at, appointment.ends_at, appointment.day = place.starts_at, place.ends_at, day
    db.session.flush()
    with open_slots.ajar(spanned(schedule.id, place.starts_at, place.ends_at) if former else []):
        take_places(appointment, may_exceed=place.may_exceed)
    booking.use_room(appointment, schedule)
    found = db.session.scalars(select(Visit.id).where(Visit.appointment_id == appointment.id)).one()
    visit = locked(Visit, found, actor.clinic_id)
    if other_day and visit.ticket is not None:
        raise NotPossible(
            N_("This visit has today's ticket %(ticket)s. Cancel it and book anew."), ticket=visit.ticket, allowed=[]
        )
    visit.due_at, visit.service_day = place.starts_at, day
    visit.doctor_id, visit.department_id = doctor.id, doctor.department_id
    event = note(visit, name, visit.status, was, actor=actor, at=at, undoes=undoes)
    bill_id = db.session.scalar(select(Payment.id).where(Payment.visit_id == visit.id))
    bill = locked(Payment, bill_id, actor.clinic_id) if bill_id else None
    if bill is not None:
        finance.reprice(bill, visit, service, doctor, event, actor=actor, at=at)
    db.session.flush()
    db.session.expire(appointment, ["doctor", "room", "schedule"])
    db.session.expire(visit, ["doctor", "department"])
    return visit, bill


def _check_length(length: timedelta) -> None:
    if length < SHORTEST:
        raise invalid_field("end", N_("The end must come after the start."))
    if length > LONGEST:
        raise invalid_field("end", N_("An appointment lasts at most 12 hours."))


def _check_movable(appointment: Appointment, version: int | None) -> None:
    if appointment.status != AppointmentStatus.CONFIRMED:
        raise NotPossible(
            N_("This appointment is “%(state)s” now and cannot be moved."), state=appointment.status, allowed=[]
        )
    if version is not None and version != appointment.version:
        raise Stale(N_("Somebody was faster. This is how it stands now."), state=appointment.status)
