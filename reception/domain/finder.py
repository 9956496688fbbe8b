"""The desk's one search: whatever the desk knows of a person today, and the one act that fits now.

Names in any script or the wrong layout, phone tails and cards come from `search`; tickets ("A-017", "a017", "17") and
booking ids are looked up among today's visits, so a scanner and a shouted number find their person at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Date, bindparam, case, or_, select, text
from sqlalchemy.orm import joinedload

from reception import clock
from reception.columns import BigId, UtcDateTime
from reception.domain import machines, search
from reception.domain.actors import Actor
from reception.extensions import core, db
from reception.models import Appointment, Visit, VisitStatus

MOST = 8
V = VisitStatus
FIRST = (V.SCHEDULED, V.WAITING, V.CALLED, V.IN_PROGRESS, V.PENDING_PAYMENT)


@dataclass(frozen=True, slots=True)
class Hit:
    """A person (a row of `search.find_rows`, or a card), today's visit that matters most, and the next appointment after
    today."""

    patient: Any
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
    people: dict[int, Any] = {visit.patient_id: visit.patient for visit in named}
    for row in search.find_rows(viewer.clinic_id, text, limit=MOST + 1):
        people.setdefault(row.id, row)
    ids = list(people)[: MOST + 1]
    visits = {visit.patient_id: visit for visit in reversed(_today(ids, viewer))} | {v.patient_id: v for v in named}
    booked = _booked(ids, viewer)
    hits = [Hit(people[ident], visits.get(ident), booked.get(ident)) for ident in ids[:MOST]]
    first = {visit.patient_id for visit in named}
    hits.sort(key=lambda hit: (hit.patient.id not in first, not _begins(hit.patient, text), hit.act == "walk-in"))
    return hits, len(ids) > MOST


def _begins(patient: Any, text: str) -> bool:
    """Whether each word typed begins a word of the card: among such, who is here today comes first."""
    parts = patient.folded.split()
    words = [word for reading in search.readings(text) for word in search.plain(reading).split()]
    return any(part.startswith(word) for word in words for part in parts)


def _of_tickets(text: str, viewer: Actor) -> list[Visit]:
    """Today's visits that carry the ticket or booking id `text`, typed in either keyboard layout, or one that begins so.

    The very ticket comes before those that only begin like it.
    """
    rules, exact = [], []
    for reading in search.readings(text):
        compact = re.sub(r"[\s\-–_.]", "", reading).upper()
        if found := re.fullmatch(r"([^\W\d_]{0,4})(\d{1,5})", compact):
            letters, digits = found.groups()
            rule = Visit.queue_number == int(digits)
            exact.append(rule & Visit.ticket.startswith(f"{letters}-", autoescape=True) if letters else rule)
            if letters:
                rules.append(Visit.ticket.startswith(f"{letters}-{digits}", autoescape=True))
        elif found := re.fullmatch(r"\s*([^\W\d_]{1,4})\s*[-–]\s*", reading.upper()):
            rules.append(Visit.ticket.startswith(f"{found[1]}-", autoescape=True))
        if re.fullmatch(r"[A-Z]\d{6,}", compact):
            booking = f"{compact[:7]}-{compact[7:]}"
            exact.append(
                Visit.appointment_id.in_(
                    select(Appointment.id).where(
                        Appointment.clinic_id == viewer.clinic_id, Appointment.booking_id == booking
                    )
                )
            )
    if not rules and not exact:
        return []
    query = (
        select(Visit)
        .where(
            Visit.clinic_id == viewer.clinic_id,
            Visit.service_day == clock.today(viewer.clinic),
            or_(*rules, *exact),
        )
        .options(joinedload(Visit.patient), joinedload(Visit.payment))
        .order_by(case((or_(*exact), 0), else_=1) if exact else Visit.id, Visit.queue_number)
        .limit(MOST)
    )
    return list(db.session.scalars(query))


def _padded(ids: list[int]) -> dict[str, int]:
    """The ids as values of a constant statement."""
    return {f"i{n}": ident for n, ident in enumerate([*ids, *[0] * (MOST + 1 - len(ids))][: MOST + 1])}


_IDS = ", ".join(f":i{n}" for n in range(MOST + 1))
_VISITS = text(
    f"SELECT id FROM visit WHERE clinic_id = :clinic AND service_day = :day AND patient_id IN ({_IDS})"  # noqa: S608
).bindparams(bindparam("day", type_=Date))
_BOOKED = (
    text(
        "SELECT patient_id, min(starts_at) AS starts_at FROM appointment WHERE clinic_id = :clinic"  # noqa: S608
        f" AND patient_id IN ({_IDS}) AND status = 'CONFIRMED' AND day > :day GROUP BY patient_id"
    )
    .bindparams(bindparam("day", type_=Date))
    .columns(patient_id=BigId, starts_at=UtcDateTime)
)


def _today(ids: list[int], viewer: Actor) -> list[Visit]:
    """Today's visits of these people, the ones that still want something first."""
    if not ids:
        return []
    asked = {"clinic": viewer.clinic_id, "day": clock.today(viewer.clinic), **_padded(ids)}
    found = core(_VISITS, asked).scalars().all()
    if not found:
        return []
    rank = case((Visit.status.in_(machines.ACTIVE), 0), (Visit.status.in_(FIRST), 1), else_=2)
    query = (
        select(Visit)
        .where(Visit.clinic_id == viewer.clinic_id, Visit.id.in_(found))
        .options(joinedload(Visit.patient), joinedload(Visit.payment))
        .order_by(rank, Visit.due_at, Visit.id)
    )
    return list(db.session.scalars(query))


def _booked(ids: list[int], viewer: Actor) -> dict[int, datetime]:
    """When the next appointment after today of each of these people is."""
    if not ids:
        return {}
    rows = core(_BOOKED, {"clinic": viewer.clinic_id, "day": clock.today(viewer.clinic), **_padded(ids)})
    return {patient_id: starts_at for patient_id, starts_at in rows}
