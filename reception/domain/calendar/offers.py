"""Times that can be offered: where a visit of so many minutes would begin, fit, and find a place in every slot it spans.

What the patient cannot take (another appointment at that time, a place in the shift already) and what the doctor does
not want (the day's most patients reached) is left out, so that the first offer can be taken unseen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import ColumnElement, func, select

from reception import clock
from reception.domain.actors import Actor
from reception.domain.calendar.booking import GRACE
from reception.domain.calendar.schedules import taken_in_slot
from reception.extensions import db
from reception.models import Appointment, AppointmentPlace, AppointmentStatus, Doctor, Schedule, Slot

FARTHEST_DAYS = 120
"""How far ahead the next free place is looked for."""
STANDING = (AppointmentStatus.CONFIRMED, AppointmentStatus.CHECKED_IN)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is looked for: `minutes` with `doctor_id`, or any of `department_id`, or anybody; for `patient_id`.

    `moving`: the appointment that is to be moved; its own places count as free.
    """

    minutes: int
    doctor_id: int | None = None
    department_id: int | None = None
    patient_id: int | None = None
    moving: int | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A possible start. `free`: places left in the fullest slot it spans; zero where only an overbooking fits."""

    doctor_id: int
    schedule_id: int
    starts_at: datetime
    ends_at: datetime
    free: int

    @property
    def value(self) -> str:
        """As forms write it: doctor and UTC instant."""
        return f"{self.doctor_id}@{self.starts_at:%Y-%m-%dT%H:%MZ}"


def on_day(viewer: Actor, day: date, wish: Wish, *, at: datetime, full: bool = False) -> list[Offer]:
    """Starts on the clinic's date `day` from `at` on, by time; `full`: those without a free place, too."""
    first, last = clock.day_bounds(day, viewer.clinic)
    runs = _runs(viewer, day, max(first, at - GRACE), wish)
    if not runs:
        return []
    busy = _busy(viewer, day, wish)
    resting = _doctors_at_their_limit(viewer, day, wish)
    found = []
    for run in runs:
        for index, (slot, doctor_id, _) in enumerate(run):
            if doctor_id in resting or slot.starts_at >= last:
                continue
            offer = _offer_at(run, index, wish.minutes)
            if offer and (full or offer.free > 0) and not any(_clash(offer, *held) for held in busy):
                found.append(offer)
    return sorted(found, key=lambda offer: (offer.starts_at, offer.doctor_id))


def next_free(viewer: Actor, wish: Wish, *, at: datetime, limit: int = 7) -> list[Offer]:
    """Free starts from `at` on, the very first one first: each doctor's first, then other times, `limit` in all."""
    found: list[Offer] = []
    for day in _days_with_shifts(viewer, clock.service_day(at, viewer.clinic), wish):
        found += on_day(viewer, day, wish, at=at)
        if len(found) >= limit:
            break
    return _spread(found, limit)


def _spread(found: list[Offer], limit: int) -> list[Offer]:
    """`limit` of the offers, so that there is a choice of doctors and of times."""
    firsts = list({offer.doctor_id: offer for offer in reversed(found)}.values())
    shown = sorted(firsts, key=found.index)[: limit - 2]
    for other in found:
        if len(shown) < limit and other.starts_at not in {offer.starts_at for offer in shown}:
            shown.append(other)
    shown += [offer for offer in found if offer not in shown][: limit - len(shown)]
    return sorted(shown, key=lambda offer: (offer.starts_at, offer.doctor_id))


def understood(value: str) -> tuple[int, datetime] | None:
    """Doctor and start of an offer's `value`; None where it is none."""
    doctor, _, start = value.partition("@")
    if not (doctor.isascii() and doctor.isdigit() and len(doctor) < 19):
        return None
    try:
        return int(doctor), datetime.strptime(start, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)
    except ValueError:
        return None


Run = list[tuple[Slot, int, int]]
"""Slots of one shift in time order, with the doctor and how many places are free."""


def _runs(viewer: Actor, day: date, first: datetime, wish: Wish) -> list[Run]:
    """The slots from `first` on of the shifts that touch the day, shift by shift."""
    query = (
        select(Slot, Schedule.doctor_id, taken_in_slot())
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .join(Doctor, Doctor.id == Schedule.doctor_id)
        .where(*_here(viewer, wish), Schedule.day.in_([day - timedelta(days=1), day]), Slot.starts_at >= first)
        .order_by(Slot.starts_at, Slot.id)
    )
    own = _own_slots(wish)
    runs: dict[int, Run] = defaultdict(list)
    for slot, doctor_id, taken in db.session.execute(query):
        runs[slot.schedule_id].append((slot, doctor_id, slot.capacity - taken + (slot.id in own)))
    return list(runs.values())


def _here(viewer: Actor, wish: Wish) -> list[ColumnElement[bool]]:
    rules = [Schedule.clinic_id == viewer.clinic_id, Schedule.is_open.is_(True), Doctor.is_active.is_(True)]
    if wish.doctor_id is not None:
        rules.append(Schedule.doctor_id == wish.doctor_id)
    elif wish.department_id is not None:
        rules.append(Doctor.department_id == wish.department_id)
    return rules


def _own_slots(wish: Wish) -> set[int]:
    if wish.moving is None:
        return set()
    return set(
        db.session.scalars(select(AppointmentPlace.slot_id).where(AppointmentPlace.appointment_id == wish.moving))
    )


def _offer_at(run: Run, index: int, minutes: int) -> Offer | None:
    """The visit that would begin with the slot `index`; None where the shift ends before it does."""
    slot, doctor_id, free = run[index]
    ends_at, reached = slot.starts_at + timedelta(minutes=minutes), slot.ends_at
    for following, _, left in run[index + 1 :]:
        if reached >= ends_at:
            break
        free, reached = min(free, left), following.ends_at
    if reached < ends_at:
        return None
    return Offer(doctor_id, slot.schedule_id, slot.starts_at, ends_at, max(free, 0))


def _busy(viewer: Actor, day: date, wish: Wish) -> list[tuple[datetime, datetime, int, bool]]:
    """What the patient has around that day: start, end, shift, and whether it still stands."""
    if wish.patient_id is None:
        return []
    near = [day + timedelta(days=step) for step in (-1, 0, 1)]
    rows = db.session.execute(
        select(Appointment.starts_at, Appointment.ends_at, Appointment.schedule_id, Appointment.status).where(
            Appointment.clinic_id == viewer.clinic_id,
            Appointment.patient_id == wish.patient_id,
            Appointment.day.in_(near),
            Appointment.status.in_([*STANDING, AppointmentStatus.COMPLETED]),
            Appointment.id != (wish.moving or 0),
        )
    )
    return [(starts_at, ends_at, schedule, status in STANDING) for starts_at, ends_at, schedule, status in rows]


def _clash(offer: Offer, starts_at: datetime, ends_at: datetime, schedule_id: int, stands: bool) -> bool:
    if offer.schedule_id == schedule_id:
        return True
    return stands and starts_at < offer.ends_at and ends_at > offer.starts_at


def _doctors_at_their_limit(viewer: Actor, day: date, wish: Wish) -> set[int]:
    booked = (
        select(func.count())
        .where(
            Appointment.doctor_id == Doctor.id,
            Appointment.day == day,
            Appointment.status.in_(STANDING),
            Appointment.id != (wish.moving or 0),
        )
        .correlate(Doctor)
        .scalar_subquery()
    )
    return set(
        db.session.scalars(
            select(Doctor.id).where(
                Doctor.clinic_id == viewer.clinic_id, Doctor.slots_per_day.is_not(None), booked >= Doctor.slots_per_day
            )
        )
    )


def _days_with_shifts(viewer: Actor, first: date, wish: Wish) -> Iterable[date]:
    """The days from `first` on with a shift of the wish, one after the other."""
    query = (
        select(Schedule.day)
        .distinct()
        .join(Doctor, Doctor.id == Schedule.doctor_id)
        .where(*_here(viewer, wish), Schedule.day >= first, Schedule.day <= first + timedelta(days=FARTHEST_DAYS))
        .order_by(Schedule.day)
    )
    return db.session.scalars(query).all()
