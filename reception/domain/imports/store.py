"""Storing read appointments: one transaction, one act, batches of plain rows; a day at a time.

Days before `as_of` are history: completed visits with queue numbers in the order of their times, or no-shows; their bills
are zero, for the file knows no money. The day `as_of` and later ones stand open, with bill and charge as a booking makes
them. Rows that an earlier import stored are left as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select

from reception.clock import service_day
from reception.domain import directory, finance, numbers
from reception.domain.actors import Actor
from reception.domain.audit import record, work
from reception.domain.errors import Invalid
from reception.domain.imports import bulk, people, plan
from reception.domain.imports.appointments import Booking, Problem, Reading, busiest
from reception.domain.imports.rows import KINDS, Books, Planned
from reception.domain.imports.shifts import QUARTER, Frame, department_of, doctors_of
from reception.domain.search import fold
from reception.extensions import db
from reception.models import Account, Appointment, Clinic, Gender, Patient, Schedule, Service, ServicePrice, Slot
from reception.words import N_

SOURCE = "no-show:"
"""Stands before the file's own number in every `source_key`."""
SERVICE = "Consultation"


@dataclass
class Outcome:
    """What came of it. `imported` and `known` count appointments; `price`: of the service, where it was made."""

    imported: int = 0
    known: int = 0
    open: int = 0
    new_people: int = 0
    price: int | None = None
    left_out: list[Problem] = field(default_factory=list)


def known_appointments(clinic_id: int) -> set[str]:
    """The file's numbers of all appointments that earlier imports stored."""
    return set(_stored(Appointment, Appointment.id, clinic_id))


def _stored(kind: type[Any], ident: Any, clinic_id: int) -> dict[str, int]:
    query = select(kind.source_key, ident).where(kind.clinic_id == clinic_id, kind.source_key.like(f"{SOURCE}%"))
    return {key.removeprefix(SOURCE): found for key, found in db.session.execute(query)}


def check_open_from(as_of: date, today: date) -> None:
    """History ends today: what lies ahead cannot be over. Raises Invalid."""
    if as_of > today:
        raise Invalid(N_("The day from which appointments stay open cannot be later than today."))


def store(
    reading: Reading,
    as_of: date,
    price: int,
    names: people.Lists,
    *,
    actor: Actor,
    at: datetime,
    progress: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """Store what is new of `reading`. `as_of`: the first open day; `price`: of the service, if it must be made.

    `progress` is told of each batch of rows that is done. Raises Invalid, and then nothing is stored.
    """
    check_open_from(as_of, service_day(at, actor.clinic))
    clinic = db.session.scalars(
        select(Clinic).where(Clinic.id == actor.clinic_id).with_for_update(key_share=True)
    ).one()
    job = _Job(reading, as_of, names, actor, at)
    if all(booking.key in job.known for bookings in reading.days.values() for booking in bookings):
        return Outcome(known=reading.count)
    job.prepare(price)
    for number, (day, bookings) in enumerate(sorted(reading.days.items()), 1):
        job.day(day, bookings)
        if number.bit_count() == 1:  # the first, second, fourth, eighth … day: each time there is twice as much
            bulk.analyze(Patient, Schedule, Slot, Account, *KINDS)
        progress(len(bookings))
    job.books.settle()
    found = job.outcome
    record(
        actor, "import.appointments", clinic, at=at, rows=reading.rows, imported=found.imported, known=found.known,
        left_out=len(reading.problems) + len(found.left_out), people=found.new_people, as_of=as_of,
    )  # fmt: skip
    return found


@dataclass
class _Job:
    """One import under way."""

    reading: Reading
    as_of: date
    names: people.Lists
    actor: Actor
    at: datetime
    outcome: Outcome = field(default_factory=Outcome)

    def __post_init__(self) -> None:
        clinic_id = self.actor.clinic_id
        self.known = known_appointments(clinic_id)
        stays = func.coalesce(Patient.merged_into_id, Patient.id)
        self.patients = _stored(Patient, stays, clinic_id)

    def prepare(self, price: int) -> None:
        """Department, doctors and service, made where they are missing; prices of the open days are there."""
        department = department_of(self.actor, self.at)
        count = plan.doctors_needed(*busiest(self.reading))
        self.doctors = doctors_of(department, count, actor=self.actor, at=self.at)
        service = self._service(price)
        self.books = Books(self.actor, self.at, department, service)

    def _service(self, price: int) -> Service:
        """The clinic's own service with a price on every open day, or a new one. Raises Invalid."""
        service = db.session.scalar(select(Service).filter_by(clinic_id=self.actor.clinic_id, name=SERVICE))
        if service is None:
            self.outcome.price = price
            service = directory.add_service(SERVICE, price, duration_min=plan.MINUTES, actor=self.actor, at=self.at)
            only = db.session.scalars(select(ServicePrice).filter_by(service_id=service.id)).one()
            only.valid_from = min(only.valid_from, *self.reading.days)
            db.session.flush()
        for day in sorted(self.reading.days):
            if day >= self.as_of:
                try:
                    finance.price_on(service, day)
                except Invalid:
                    raise Invalid(
                        N_("%(service)s has no price on %(day)s, so the appointments of that day cannot stay open."),
                        service=SERVICE,
                        day=day.isoformat(),
                    ) from None
        return service

    def day(self, day: date, bookings: list[Booking]) -> None:
        """Store what is new of one day."""
        fresh = [booking for booking in bookings if booking.key not in self.known]
        self.outcome.known += len(bookings) - len(fresh)
        if not fresh:
            return
        self._register(fresh)
        frame = Frame(self.actor, self.at, day, self.doctors)
        places = frame.taken(SOURCE).give(fresh)
        self._name_unplaced(fresh, places)
        slots = frame.open(places)
        is_open = day >= self.as_of
        planned = []
        for place in sorted(places, key=lambda place: (place.quarter, place.doctor)):
            schedule, slot = slots[place.doctor, place.quarter]
            starts_at, booking = frame.opens + place.quarter * QUARTER, place.booking
            planned.append(
                Planned(
                    SOURCE + booking.key, booking.booked_at, starts_at, starts_at + QUARTER,
                    self.doctors[place.doctor], self.patients[booking.person], schedule, slot,
                    None if is_open else booking.came,
                )
            )  # fmt: skip
        self.books.write(day, planned)
        self.outcome.imported += len(planned)
        self.outcome.open += len(planned) if is_open else 0
        self._touch(day)

    def _touch(self, day: date) -> None:
        touched = work().regions
        touched.add(f"calendar-{day}")
        if day == service_day(self.at, self.actor.clinic):
            touched.update(["arrivals", *(f"{kind}-{n}" for kind in ("line", "board") for n in self.doctors)])

    def _name_unplaced(self, bookings: list[Booking], places: list[plan.Place]) -> None:
        placed = {place.booking.row for place in places}
        self.outcome.left_out += [
            Problem(b.row, b.line, "no time is left on its day") for b in bookings if b.row not in placed
        ]

    def _register(self, bookings: list[Booking]) -> None:
        """A card for each person who has none."""
        missing = list(dict.fromkeys(b.person for b in bookings if b.person not in self.patients))
        if not missing:
            return
        ids = bulk.new_ids(Patient, len(missing))
        cards = numbers.card_nos(self.actor.clinic, len(missing))
        bulk.insert(
            Patient,
            [self._card(number, ident, card_no) for number, ident, card_no in zip(missing, ids, cards, strict=True)],
        )
        self.outcome.new_people += len(missing)
        self.patients.update(zip(missing, ids, strict=True))

    def _card(self, number: str, ident: int, card_no: str) -> dict[str, Any]:
        who = self.reading.people[number]
        first, last = people.name_for(number, who.is_woman, self.names)
        return bulk.signed(self.actor, self.at) | {
            "id": ident, "clinic_id": self.actor.clinic_id, "card_no": card_no, "first_name": first,
            "last_name": last, "gender": Gender.FEMALE if who.is_woman else Gender.MALE, "date_of_birth": who.born,
            "address": who.address, "source_key": SOURCE + number,
            "folded": fold(Patient(first_name=first, middle_name="", last_name=last, card_no=card_no)),
        }  # fmt: skip
