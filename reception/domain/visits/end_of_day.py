"""The end of the service day: who was expected and did not come is noted so by itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, text

from reception.clock import service_day
from reception.domain.actors import Actor
from reception.domain.visits.moves import move_booked
from reception.extensions import db
from reception.models import Appointment, Visit


def missed(actor: Actor, at: datetime, limit: int = 500) -> list[int]:
    """Appointments of days that are over by the clinic's clock and to which nobody came, the oldest first.

    One that began before midnight and is not over yet is left alone, and one that was entered after its time: who entered
    it knows what became of it.
    """
    query = (
        select(Appointment.id)
        .where(
            Appointment.clinic_id == actor.clinic_id,
            text("appointment.status = 'CONFIRMED'"),
            Appointment.day < service_day(at, actor.clinic),
            Appointment.ends_at <= at,
            Appointment.past_reason.is_(None),
        )
        .order_by(Appointment.day, Appointment.id)
        .limit(limit)
    )
    return list(db.session.scalars(query))


def note_missed(appointment_id: int, *, actor: Actor, at: datetime) -> Visit:
    """The patient did not come: as the desk would say it, by the system."""
    return move_booked(appointment_id, "no-show", actor=actor, at=at)
