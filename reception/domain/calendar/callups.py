"""People to call: who is booked in a time, or a room, that was closed meanwhile. Each is moved, cancelled or kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, text
from sqlalchemy.orm import joinedload

from reception import clock
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.calendar import offers, open_slots
from reception.domain.calendar.offers import Offer, Wish
from reception.domain.calendar.open_slots import Reason
from reception.domain.errors import NotPossible, Stale
from reception.domain.locks import locked
from reception.extensions import db
from reception.models import (
    Appointment,
    AppointmentPlace,
    AppointmentStatus,
    Doctor,
    RoomMaintenance,
    Slot,
)
from reception.words import N_

MOST = 200
"""Rows of the list; the count beside it is whole."""
PROPOSALS = 3


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody to call. `reason`: why the time is closed; None where the shift itself is no more."""

    appointment: Appointment
    reason: Reason | None


def _hit(clinic_id: int, at: datetime) -> ColumnElement[bool]:
    """The rule: still expected, nobody has decided yet, and its time or its room is closed."""
    shut = (
        select(AppointmentPlace.appointment_id)
        .join(Slot, Slot.id == AppointmentPlace.slot_id)
        .where(Slot.clinic_id == clinic_id, text("NOT slot.is_open"), Slot.starts_at > at - timedelta(days=1))
    )
    room = select(RoomMaintenance.id).where(
        RoomMaintenance.clinic_id == clinic_id,
        RoomMaintenance.room_id == Appointment.room_id,
        RoomMaintenance.status.in_(open_slots.STANDING),
        RoomMaintenance.starts_at < Appointment.ends_at,
        RoomMaintenance.ends_at > Appointment.starts_at,
    )
    return (
        (Appointment.clinic_id == clinic_id)
        & (Appointment.status == AppointmentStatus.CONFIRMED)
        & Appointment.kept_at.is_(None)
        & (Appointment.ends_at > at)
        & or_(Appointment.id.in_(shut), room.exists())
    )


def _query(viewer: Actor, at: datetime, columns: Any, doctor_id: int | None) -> Select[Any]:
    # The index of those who are expected has one writing of its rule; the day bound keeps the past out of it.
    query = select(columns).where(
        text("appointment.status = 'CONFIRMED'"),
        Appointment.day >= (at - timedelta(days=2)).date(),
        _hit(viewer.clinic_id, at),
    )
    return query if doctor_id is None else query.where(Appointment.doctor_id == doctor_id)


def count(viewer: Actor, at: datetime, doctor_id: int | None = None) -> int:
    """How many people are to be called."""
    return int(db.session.scalar(_query(viewer, at, func.count(), doctor_id).select_from(Appointment)) or 0)


def people(viewer: Actor, at: datetime, doctor_id: int | None = None) -> list[Call]:
    """The people to call, by time: the first MOST."""
    rows = db.session.scalars(
        _query(viewer, at, Appointment, doctor_id)
        .options(
            joinedload(Appointment.patient), joinedload(Appointment.doctor), joinedload(Appointment.service),
            joinedload(Appointment.room), joinedload(Appointment.visit),
        )
        .order_by(Appointment.starts_at, Appointment.id)
        .limit(MOST)
    ).all()  # fmt: skip
    if not rows:
        return []
    known = open_slots.reasons(viewer, rows[0].starts_at, max(row.ends_at for row in rows))
    return [Call(row, _why(row, known)) for row in rows]


def _why(row: Appointment, known: list[Reason]) -> Reason | None:
    return next((r for r in known if r.covers(row.starts_at, row.ends_at, row.doctor_id, row.room_id)), None)


def doctors(viewer: Actor, at: datetime) -> list[tuple[Doctor, int]]:
    """The doctors whose people are to be called, with how many."""
    rows = db.session.execute(
        select(Appointment.doctor_id, func.count())
        .where(
            text("appointment.status = 'CONFIRMED'"),
            Appointment.day >= (at - timedelta(days=2)).date(),
            _hit(viewer.clinic_id, at),
        )
        .group_by(Appointment.doctor_id)
    ).all()
    found: dict[int, int] = {ident: number for ident, number in rows}
    known = db.session.scalars(select(Doctor).where(Doctor.id.in_(found)).order_by(Doctor.last_name, Doctor.id))
    return [(doctor, found[doctor.id]) for doctor in known]


def proposals(viewer: Actor, row: Appointment, at: datetime) -> list[Offer]:
    """Free times from the booked day on, as long as the appointment is: the first of three days with the same doctor;
    where there are fewer, the department's first ones, then before that day, then more of the same days."""
    minutes = int((row.ends_at - row.starts_at) / timedelta(minutes=1))
    own = Wish(minutes, row.doctor_id, patient_id=row.patient_id, moving=row.id)
    any_of = Wish(minutes, None, row.doctor.department_id, patient_id=row.patient_id, moving=row.id)
    start = max(at, clock.day_bounds(row.day, viewer.clinic)[0])
    found: list[Offer] = []
    for wish, since in ((own, start), (any_of, start), (own, at), (any_of, at)):
        while len(found) < PROPOSALS:
            first = offers.next_free(viewer, wish, at=since, limit=PROPOSALS)[:1]
            if not first:
                break
            found += [offer for offer in first if offer not in found]
            _, since = clock.day_bounds(clock.service_day(first[0].starts_at, viewer.clinic), viewer.clinic)
    if len(found) < PROPOSALS:
        more = [offer for offer in offers.next_free(viewer, own, at=start) if offer not in found]
        found += more[: PROPOSALS - len(found)]
    return sorted(found, key=lambda offer: offer.starts_at)


def keep(appointment_id: int, *, actor: Actor, at: datetime, version: int | None = None) -> Appointment:
    """It stands as it is, although its time or room is closed: somebody steps in, or the doctor comes for it."""
    row = locked(Appointment, appointment_id, actor.clinic_id)
    if row.status != AppointmentStatus.CONFIRMED:
        raise NotPossible(
            N_("This appointment is “%(state)s” now, so that is not possible."), state=row.status, allowed=[]
        )
    if version is not None and version != row.version:
        raise Stale(N_("Somebody was faster. This is how it stands now."), state=row.status)
    if row.kept_at is None:
        row.kept_at = at
        record(actor, "appointment.keep", row, at=at)
        db.session.flush()
    return row


def unkeep(appointment_id: int, *, actor: Actor, at: datetime) -> Appointment:
    """Undo of `keep`."""
    row = locked(Appointment, appointment_id, actor.clinic_id)
    if row.kept_at is not None:
        row.kept_at = None
        record(actor, "appointment.ask-again", row, at=at)
        db.session.flush()
    return row
