"""A series: the same weekday and wall time, week after week. What fits is booked, the rest is said with the nearest
free place of its week.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.exc import IntegrityError

from reception import clock, constraints
from reception.domain import patients
from reception.domain.actors import Actor
from reception.domain.audit import work
from reception.domain.calendar import booking
from reception.domain.calendar.places import length
from reception.domain.calendar.vacancy import Offer, Vacancy, Wish, days_with_shifts
from reception.domain.errors import NotPossible, Refusal, Stale, invalid_field
from reception.domain.locks import load, locked
from reception.domain.visits import moves, undo
from reception.extensions import db
from reception.models import Appointment, AppointmentStatus, Patient, Schedule, Service, Slot, Visit
from reception.words import N_

FEWEST, MOST = 2, 52
NO_SUCH_TIME = N_("There is no such time on that day: the clocks are put forward.")
PAST = N_("This time is past.")


@dataclass(frozen=True, slots=True)
class Week:
    """One date of a series. `starts_at`: None where the clocks leave the time out; `why`: why it does not fit, "" where
    it does; `nearest`: the free place of that week next to it; `booked`: what was booked.
    """

    day: date
    starts_at: datetime | None
    why: str = ""
    nearest: Offer | None = None
    booked: Appointment | None = None


def weeks(starts_at: datetime, count: int, actor: Actor) -> list[tuple[date, datetime | None]]:
    """Day and instant of `count` weekly dates from `starts_at` on, at its wall time. Raises Invalid."""
    if not FEWEST <= count <= MOST:
        raise invalid_field("weeks", N_("A series has from %(least)s to %(most)s dates."), least=FEWEST, most=MOST)
    first = clock.local(starts_at, actor.clinic)
    wall = time(first.hour, first.minute)
    days = [first.date() + timedelta(weeks=n) for n in range(count)]
    return [(days[0], starts_at), *((day, clock.instant(day, wall, actor.clinic)) for day in days[1:])]


def preview(
    viewer: Actor, doctor_id: int, service_id: int, starts_at: datetime, count: int, *, at: datetime,
    patient_id: int | None = None, hold_id: int | None = None, series: str | None = None, minutes: int | None = None,
) -> list[Week]:  # fmt: skip
    """What fits, what does not, and why; `series`: with what of it is booked already."""
    minutes = length(minutes, load(Service, service_id, viewer.clinic_id))
    wish = Wish(minutes, doctor_id, patient_id=patient_id, hold_id=hold_id)
    dates = weeks(starts_at, count, viewer)
    booked = {row.starts_at: row for row in of(series, viewer)} if series else {}
    monday = dates[0][0] - timedelta(days=dates[0][0].weekday())
    days = days_with_shifts(viewer, monday, monday + timedelta(weeks=count), wish)
    vacancy = Vacancy.read(viewer, days, wish, since=at - booking.GRACE, at=at)
    found = []
    for day, instant in dates:
        if instant is not None and instant in booked:
            found.append(Week(day, instant, booked=booked[instant]))
            continue
        if instant is None:
            why = NO_SUCH_TIME
        else:
            why = PAST if instant < at - booking.GRACE else vacancy.why_not(doctor_id, instant)
        found.append(Week(day, instant, why, _nearest(vacancy, day, instant, starts_at, viewer) if why else None))
    return found


def _nearest(vacancy: Vacancy, day: date, instant: datetime | None, first: datetime, viewer: Actor) -> Offer | None:
    """The free start of the day's week that is next to the wanted one."""
    hour = timedelta(hours=clock.local(first, viewer.clinic).hour)
    wanted = instant or clock.day_bounds(day, viewer.clinic)[0] + hour
    monday = day - timedelta(days=day.weekday())
    free = (offer for n in range(7) for offer in vacancy.offers(monday + timedelta(days=n)))
    return min(free, key=lambda offer: (abs(offer.starts_at - wanted), offer.starts_at), default=None)


def book(
    patient_id: int, doctor_id: int, service_id: int, starts_at: datetime, count: int, *, actor: Actor, at: datetime,
    **more: Any,
) -> Appointment:  # fmt: skip
    """Book every date of the series that fits, in one transaction; the first that was booked. `more`: as booking.book.

    The appointments share `series`, the booking id of the first. Raises NotPossible where none fits.
    """
    instants = [instant for _, instant in weeks(starts_at, count, actor) if instant is not None]
    locked(Patient, patient_id, actor.clinic_id)
    service, doctor = booking.offered(service_id, doctor_id, actor)
    _lock_slots(doctor.id, instants, timedelta(minutes=length(more.get("minutes"), service)))
    first: Appointment | None = None
    for instant in instants:
        name = first.booking_id if first else None
        try:
            with _attempt():
                row = booking.book(patient_id, doctor_id, service_id, instant, actor=actor, at=at, series=name, **more)
        except NotPossible:
            continue
        if first is None:
            first = row
            row.series = row.booking_id
    if first is None:
        raise NotPossible(N_("None of these dates fits. Choose another time."), code="none-fits", allowed=[])
    db.session.flush()
    return first


def book_new(
    person: dict[str, Any], doctor_id: int, service_id: int, starts_at: datetime, count: int, *, actor: Actor,
    at: datetime, **more: Any,
) -> Appointment:  # fmt: skip
    """Register somebody who was never here and book the series: all or none."""
    patient = patients.register(actor=actor, at=at, **person)
    return book(patient.id, doctor_id, service_id, starts_at, count, actor=actor, at=at, **more)


def _lock_slots(doctor_id: int, instants: list[datetime], length: timedelta) -> None:
    """All slots of the series at once, by id: the first booking locks what comes after slots in the house's order."""
    spans = [and_(Slot.starts_at < start + length, Slot.ends_at > start) for start in instants]
    db.session.execute(
        select(Slot.id)
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .where(Schedule.doctor_id == doctor_id, Schedule.is_open, or_(*spans))
        .order_by(Slot.id)
        .with_for_update(key_share=True, of=Slot)
    ).all()


@contextmanager
def _attempt() -> Iterator[None]:
    """A part of the transaction that may be refused without the rest; what it noted is forgotten then."""
    current = work()
    acts, freed, regions = list(current.acts), list(current.freed), set(current.regions)
    changes, rows = {name: dict(found) for name, found in current.changes.items()}, dict(current.rows)
    try:
        with db.session.begin_nested():
            yield
    except (Refusal, IntegrityError) as error:
        current.acts, current.freed, current.regions = acts, freed, regions
        current.changes, current.rows = changes, rows
        if isinstance(error, IntegrityError) and not constraints.is_passing(error):
            raise constraints.refusal(error) from None
        raise


# ------------------------------------------------------------------------------------------------- as a whole


def of(name: str, viewer: Actor) -> list[Appointment]:
    """The appointments of the series by time."""
    return list(
        db.session.scalars(
            select(Appointment)
            .where(Appointment.clinic_id == viewer.clinic_id, Appointment.series == name)
            .order_by(Appointment.starts_at)
        )
    )


def to_come(appointment: Appointment, viewer: Actor) -> list[Appointment]:
    """The appointment and those that follow it in its series and still stand."""
    if appointment.series is None:
        return []
    return [
        row
        for row in of(appointment.series, viewer)
        if row.starts_at >= appointment.starts_at and row.status == AppointmentStatus.CONFIRMED
    ]


def cancel_following(
    appointment_id: int, *, actor: Actor, at: datetime, reason: str = "", version: int | None = None
) -> Appointment:
    """Cancel the appointment and all that follow it in its series, or none of them."""
    chosen = load(Appointment, appointment_id, actor.clinic_id)
    rows = [locked(Appointment, row.id, actor.clinic_id) for row in sorted(to_come(chosen, actor), key=lambda r: r.id)]
    chosen = locked(Appointment, appointment_id, actor.clinic_id)
    if version is not None and version != chosen.version:
        raise Stale(N_("Somebody was faster. This is how it stands now."), state=chosen.status)
    if chosen not in rows:
        raise NotPossible(
            N_("This appointment is “%(state)s” now, so that is not possible."), state=chosen.status, allowed=[]
        )
    for row in rows:
        moves.move_booked(row.id, "cancel", actor=actor, at=at, reason=reason)
    return chosen


def take_back(appointment_id: int, *, actor: Actor, at: datetime) -> Appointment:
    """Undo what was done last to the whole series at once: its booking, or the cancelling of all that follow."""
    chosen = load(Appointment, appointment_id, actor.clinic_id)
    rows = of(chosen.series, actor) if chosen.series else []
    visits = {row.appointment_id: row.id for row in _visits(rows)}
    last = undo.last_event(visits[chosen.id]) if chosen.id in visits else None
    if last is None:
        raise NotPossible(N_("There is nothing to undo."), code="nothing-to-undo", allowed=[])
    for row in sorted(rows, key=lambda each: each.id):
        locked(Appointment, row.id, actor.clinic_id)
    for row in sorted(rows, key=lambda each: each.id):
        event = undo.last_event(visits[row.id])
        if event is not None and (event.at, event.move) == (last.at, last.move):
            undo.undo(visits[row.id], actor=actor, at=at)
    return chosen


def _visits(rows: list[Appointment]) -> list[Visit]:
    return list(db.session.scalars(select(Visit).where(Visit.appointment_id.in_([row.id for row in rows]))))
