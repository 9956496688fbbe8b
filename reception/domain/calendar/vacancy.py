"""What stands on some days, read in few statements: the slots of the shifts, who is booked, what is kept, and from it
which visit would fit where, or why it would not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, select

from reception import clock
from reception.domain.actors import Actor
from reception.domain.calendar import holds
from reception.domain.calendar.places import taken_in_slot
from reception.extensions import db
from reception.models import Appointment, AppointmentPlace, AppointmentStatus, Doctor, Schedule, Slot
from reception.words import N_

STANDING = (AppointmentStatus.CONFIRMED, AppointmentStatus.CHECKED_IN)
NO_SHIFT = N_("The doctor does not see patients at this time.")
TOO_LONG = N_("The visit would not end before the shift does.")
CLOSED = N_("The doctor is away or the clinic is closed.")
DAY_FULL = N_("This doctor sees no more patients on that day.")
FULL = N_("This time is fully booked.")
IN_SHIFT = N_("This patient already has a place in this shift.")
ELSEWHERE = N_("The patient has another appointment at this time.")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is looked for: `minutes` with `doctor_id`, or any of a department or specialization, or anybody, in a room
    or wherever; for `patient_id`.

    `moving`: the appointment that is to be moved; `hold_id`: what who asks keeps: their places count as free.
    """

    minutes: int
    doctor_id: int | None = None
    department_id: int | None = None
    patient_id: int | None = None
    moving: int | None = None
    specialization_id: int | None = None
    room_id: int | None = None
    hold_id: int | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A possible start. `free`: places left in the fullest slot it spans; zero where only an overbooking fits.

    `held_by`: who is booking it just now ("" for the waitlist), where that is why nothing is left.
    """

    doctor_id: int
    schedule_id: int
    starts_at: datetime
    ends_at: datetime
    free: int
    held_by: str | None = None

    @property
    def value(self) -> str:
        """As forms write it: doctor and UTC instant."""
        return value_of(self.doctor_id, self.starts_at)


def value_of(doctor_id: int, starts_at: datetime) -> str:
    """A start as forms write it."""
    return f"{doctor_id}@{starts_at:%Y-%m-%dT%H:%MZ}"


@dataclass(frozen=True, slots=True)
class Piece:
    """A slot with how many places are free for who asks."""

    starts_at: datetime
    ends_at: datetime
    free: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class Run:
    """The slots of one shift in time order."""

    schedule_id: int
    doctor_id: int
    pieces: list[Piece]

    def offer(self, index: int, minutes: int) -> Offer | str:
        """The visit that would begin with the slot `index`, or why there is none."""
        first = self.pieces[index]
        ends_at, reached, free, is_open = first.starts_at + timedelta(minutes=minutes), first.ends_at, first.free, True
        for piece in self.pieces[index:]:
            if piece.starts_at >= ends_at:
                break
            free, reached, is_open = min(free, piece.free), piece.ends_at, is_open and piece.is_open
        if reached < ends_at:
            return TOO_LONG
        if not is_open:
            return CLOSED
        return Offer(self.doctor_id, self.schedule_id, first.starts_at, ends_at, max(free, 0))


@dataclass(frozen=True, slots=True)
class Vacancy:
    """The days, read for a wish. `busy`: what the patient has: start, end, shift, whether it still stands."""

    wish: Wish
    runs: list[Run]
    busy: list[tuple[datetime, datetime, int, bool]]
    resting: set[tuple[int, date]]
    held: list[holds.Held]
    viewer: Actor

    @classmethod
    def read(cls, viewer: Actor, days: Collection[date], wish: Wish, *, since: datetime, at: datetime) -> Vacancy:
        """What stands on `days`, of slots that begin at `since` or later; holds as they are at `at`."""
        runs = _runs(viewer, days, since, wish, at)
        if not runs:
            return cls(wish, [], [], set(), [], viewer)
        first = min(run.pieces[0].starts_at for run in runs)
        last = max(run.pieces[-1].ends_at for run in runs)
        kept = holds.standing(viewer.clinic_id, first, last, at=at, doctor_id=wish.doctor_id)
        held = [one for one in kept if one.hold_id != wish.hold_id]
        return cls(wish, runs, _busy(viewer, days, wish), _resting(viewer, days, wish), held, viewer)

    def offers(self, day: date, *, full: bool = False, held: bool = False) -> Iterator[Offer]:
        """Starts on `day`; `full`: those without a free place too, `held`: those that somebody is booking just now."""
        first, last = clock.day_bounds(day, self.viewer.clinic)
        for run in self.runs:
            if (run.doctor_id, day) in self.resting:
                continue
            for index, piece in enumerate(run.pieces):
                if not first <= piece.starts_at < last:
                    continue
                found = self._at(run, index)
                if isinstance(found, str):
                    continue
                if found.free > 0 or full or (held and found.held_by is not None):
                    yield found

    def why_not(self, doctor_id: int, starts_at: datetime) -> str:
        """Why the visit cannot begin then with the doctor; "" where it can."""
        if (doctor_id, clock.service_day(starts_at, self.viewer.clinic)) in self.resting:
            return DAY_FULL
        for run in self.runs:
            for index, piece in enumerate(run.pieces):
                if run.doctor_id == doctor_id and piece.starts_at == starts_at:
                    found = self._at(run, index)
                    return found if isinstance(found, str) else "" if found.free else FULL
        return NO_SHIFT

    def _at(self, run: Run, index: int) -> Offer | str:
        found = run.offer(index, self.wish.minutes)
        if isinstance(found, str):
            return found
        for starts_at, ends_at, schedule_id, stands in self.busy:
            if found.schedule_id == schedule_id:
                return IN_SHIFT
            if stands and starts_at < found.ends_at and ends_at > found.starts_at:
                return ELSEWHERE
        if found.free:
            return found
        by = (
            kept.by
            for kept in self.held
            if kept.schedule_id == run.schedule_id and kept.starts_at < found.ends_at and kept.ends_at > found.starts_at
        )
        return Offer(found.doctor_id, found.schedule_id, found.starts_at, found.ends_at, 0, next(by, None))


def days_with_shifts(viewer: Actor, first: date, last: date, wish: Wish) -> list[date]:
    """The days from `first` to `last` with a shift of the wish, or the end of one that began the evening before."""
    query = (
        select(Schedule.day, func.max(Schedule.ends_at))
        .join(Doctor, Doctor.id == Schedule.doctor_id)
        .where(*_here(viewer, wish), Schedule.day >= first - timedelta(days=1), Schedule.day <= last)
        .group_by(Schedule.day)
    )
    found: set[date] = set()
    for day, ends_at in db.session.execute(query):
        found |= {day, clock.service_day(ends_at - timedelta(microseconds=1), viewer.clinic)}
    return sorted(day for day in found if first <= day <= last)


def _here(viewer: Actor, wish: Wish) -> list[ColumnElement[bool]]:
    rules = [Schedule.clinic_id == viewer.clinic_id, Schedule.is_open.is_(True), Doctor.is_active.is_(True)]
    if wish.doctor_id is not None:
        rules.append(Schedule.doctor_id == wish.doctor_id)
    elif wish.department_id is not None:
        rules.append(Doctor.department_id == wish.department_id)
    if wish.specialization_id is not None:
        rules.append(Doctor.specialization_id == wish.specialization_id)
    if wish.room_id is not None:
        rules.append(Schedule.room_id == wish.room_id)
    return rules


def _runs(viewer: Actor, days: Collection[date], since: datetime, wish: Wish, at: datetime) -> list[Run]:
    """The slots from `since` on of the shifts that touch the days, shift by shift."""
    near = {day - timedelta(days=step) for day in days for step in (0, 1)}
    query = (
        select(
            Slot.id, Slot.schedule_id, Schedule.doctor_id, Slot.starts_at, Slot.ends_at, Slot.capacity, Slot.is_open,
            taken_in_slot(at),
        )
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .join(Doctor, Doctor.id == Schedule.doctor_id)
        .where(*_here(viewer, wish), Schedule.day.in_(near), Slot.starts_at >= since)
        .order_by(Slot.starts_at, Slot.id)
    )  # fmt: skip
    own = _own_slots(wish)
    runs: dict[int, Run] = {}
    for ident, schedule_id, doctor_id, starts_at, ends_at, capacity, is_open, taken in db.session.execute(query):
        run = runs.setdefault(schedule_id, Run(schedule_id, doctor_id, []))
        run.pieces.append(Piece(starts_at, ends_at, capacity - taken + own.get(ident, 0), is_open))
    return list(runs.values())


def _own_slots(wish: Wish) -> dict[int, int]:
    """Slot -> how many of its places the wish's own appointment and hold have."""
    own: dict[int, int] = defaultdict(int)
    for column, ident in (
        (AppointmentPlace.appointment_id, wish.moving),
        (AppointmentPlace.hold_id, wish.hold_id),
    ):
        if ident is not None:
            for slot_id in db.session.scalars(select(AppointmentPlace.slot_id).where(column == ident)):
                own[slot_id] += 1
    return own


def _busy(viewer: Actor, days: Collection[date], wish: Wish) -> list[tuple[datetime, datetime, int, bool]]:
    """What the patient has around those days."""
    if wish.patient_id is None:
        return []
    near = {day + timedelta(days=step) for day in days for step in (-1, 0, 1)}
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


def _resting(viewer: Actor, days: Collection[date], wish: Wish) -> set[tuple[int, date]]:
    """Doctors and days of the days on which they want nobody more."""
    query = (
        select(Doctor.id, Appointment.day)
        .join(Appointment, Appointment.doctor_id == Doctor.id)
        .where(
            Doctor.clinic_id == viewer.clinic_id,
            Doctor.slots_per_day.is_not(None),
            Appointment.day.in_(set(days)),
            Appointment.status.in_(STANDING),
            Appointment.id != (wish.moving or 0),
        )
        .group_by(Doctor.id, Doctor.slots_per_day, Appointment.day)
        .having(func.count() >= Doctor.slots_per_day)
    )
    return {(doctor_id, day) for doctor_id, day in db.session.execute(query)}
