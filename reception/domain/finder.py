"""The desk's one search: whatever the desk knows of a person today, and the one act that fits now.

Names in any script or the wrong layout, phone tails and cards come from `search`; tickets ("A-017", "a017", "17") and
booking ids are looked up among today's visits, so a scanner and a shouted number find their person at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import joinedload

from reception import clock
from reception.domain import machines, search
from reception.domain.actors import Actor
from reception.extensions import db
from reception.models import Appointment, AppointmentStatus, Patient, Visit, VisitStatus

MOST = 8
V = VisitStatus
FIRST = (V.SCHEDULED, V.WAITING, V.CALLED, V.IN_PROGRESS, V.PENDING_PAYMENT)


@dataclass(frozen=True, slots=True)
class Hit:
    """A person, today's visit that matters most, and the next appointment after today."""

    patient: Patient
    visit: Visit | None
    booked_at: datetime | None

    @property
    def act(self) -> str:
        """What fits now: check-in, pay, visit (open it) or walk-in."""
        if self.visit is None or self.visit.status not in FIRST:
            return "walk-in"
        return {V.SCHEDULED: "check-in", V.PENDING_PAYMENT: "pay"}.get(self.visit.status, "visit")


def find(text: str, viewer: Actor) -> tuple[list[Hit], bool]:
    """At most MOST people, best first, and whether there are more."""
    text = text.strip()[:100]
    if not text or "\x00" in text:
        return [], False
    named = _of_tickets(text, viewer)
    people = {visit.patient_id: visit.patient for visit in named}
    for patient in search.find_patients(viewer.clinic_id, text, limit=MOST + 1):
        people.setdefault(patient.id, patient)
    ids = list(people)[: MOST + 1]
    visits = {visit.patient_id: visit for visit in reversed(_today(ids, viewer))} | {v.patient_id: v for v in named}
    booked = _booked(ids, viewer)
    hits = [Hit(people[ident], visits.get(ident), booked.get(ident)) for ident in ids[:MOST]]
    first = {visit.patient_id for visit in named}
    hits.sort(key=lambda hit: (hit.patient.id not in first, not _begins(hit.patient, text), hit.act == "walk-in"))
    return hits, len(ids) > MOST


def _begins(patient: Patient, text: str) -> bool:
    """Whether each word typed begins a word of the card: among such, who is here today comes first."""
    parts = patient.folded.split()
    words = [word for reading in search.readings(text) for word in search.plain(reading).split()]
    return any(part.startswith(word) for word in words for part in parts)


def _of_tickets(text: str, viewer: Actor) -> list[Visit]:
    """Today's visits that carry the ticket or booking id `text`, typed in either keyboard layout."""
    rules = []
    for reading in search.readings(text):
        compact = re.sub(r"[\s\-–_.]", "", reading).upper()
        if found := re.fullmatch(r"([^\W\d_]{0,4})0*(\d{1,5})", compact):
            letters, number = found.groups()
            rule = Visit.queue_number == int(number)
            rules.append(rule & Visit.ticket.startswith(f"{letters}-", autoescape=True) if letters else rule)
        if re.fullmatch(r"[A-Z]\d{6,}", compact):
            booking = f"{compact[:7]}-{compact[7:]}"
            rules.append(
                Visit.appointment_id.in_(
                    select(Appointment.id).where(
                        Appointment.clinic_id == viewer.clinic_id, Appointment.booking_id == booking
                    )
                )
            )
    if not rules:
        return []
    query = (
        select(Visit)
        .where(Visit.clinic_id == viewer.clinic_id, Visit.service_day == clock.today(viewer.clinic), or_(*rules))
        .options(joinedload(Visit.patient), joinedload(Visit.payment))
        .limit(MOST)
    )
    return list(db.session.scalars(query))


def _today(ids: list[int], viewer: Actor) -> list[Visit]:
    """Today's visits of these people, the ones that still want something first."""
    rank = case((Visit.status.in_(machines.ACTIVE), 0), (Visit.status.in_(FIRST), 1), else_=2)
    query = (
        select(Visit)
        .where(
            Visit.clinic_id == viewer.clinic_id,
            Visit.service_day == clock.today(viewer.clinic),
            Visit.patient_id.in_(ids),
        )
        .options(joinedload(Visit.patient), joinedload(Visit.payment))
        .order_by(rank, Visit.due_at, Visit.id)
    )
    return list(db.session.scalars(query))


def _booked(ids: list[int], viewer: Actor) -> dict[int, datetime]:
    query = (
        select(Appointment.patient_id, func.min(Appointment.starts_at))
        .where(
            Appointment.clinic_id == viewer.clinic_id,
            Appointment.patient_id.in_(ids),
            Appointment.status == AppointmentStatus.CONFIRMED,
            Appointment.day > clock.today(viewer.clinic),
        )
        .group_by(Appointment.patient_id)
    )
    return {patient_id: starts_at for patient_id, starts_at in db.session.execute(query)}
