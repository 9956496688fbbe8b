"""The free times of a dialog: the next ones across doctors, and those of a chosen day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from flask import g
from sqlalchemy import select

from reception import clock
from reception.blueprints.calendar_forms import TimesForm
from reception.domain import finance
from reception.domain.calendar import booking, offers
from reception.domain.calendar.offers import Offer, Wish
from reception.domain.errors import Invalid
from reception.extensions import db
from reception.models import Appointment, Doctor, Service


@dataclass(slots=True)
class Times:
    """What can be chosen. `chosen`: an offer's value; `price`: of its day, None where none is set."""

    service: Service
    next: list[Offer]
    on_day: dict[int, list[Offer]]
    day: date | None
    chosen: str
    price: int | None
    doctors: dict[int, Doctor] = field(default_factory=dict)

    @property
    def chosen_is_next(self) -> bool:
        """Whether the choice stands among the next free times only."""
        of_day = {offer.value for rows in self.on_day.values() for offer in rows}
        return self.chosen not in of_day

    @classmethod
    def of(
        cls, form: TimesForm, service: Service, *, at: datetime, patient_id: int | None = None,
        moving: Appointment | None = None, keep: bool = False,
    ) -> Times:  # fmt: skip
        """The times that fit the form. A chosen day is chosen from, unless `keep`: the form came back as it was."""
        viewer, doctor_id, day = g.actor, form.doctor_id, form.day.data
        anybody = service.department_id if doctor_id is None else None
        now = (moving.doctor_id, moving.starts_at) if moving else None
        wish = Wish(service.duration_min, doctor_id, anybody, patient_id, moving.id if moving else None)
        following = [o for o in offers.next_free(viewer, wish, at=at) if (o.doctor_id, o.starts_at) != now]
        on_day: dict[int, list[Offer]] = {}
        if day is not None:
            for offer in offers.on_day(viewer, day, wish, at=at, full=booking.may_overbook(viewer)):
                if (offer.doctor_id, offer.starts_at) != now:
                    on_day.setdefault(offer.doctor_id, []).append(offer)
        chosen = _chosen(form.slot.data or "", following, on_day, keep)
        found = offers.understood(chosen)
        priced = clock.service_day(found[1], viewer.clinic) if found else day or clock.today(viewer.clinic)
        return cls(service, following, on_day, day, chosen, _price(service, priced), _doctors(following, on_day))


def _chosen(wanted: str, following: list[Offer], on_day: dict[int, list[Offer]], keep: bool) -> str:
    """The choice that came, else the first free time of the day, else the first of all."""
    of_day = sorted((offer for rows in on_day.values() for offer in rows), key=lambda offer: offer.starts_at)
    if wanted in {offer.value for offer in (of_day or following)} | {offer.value for offer in following if keep}:
        return wanted
    return next((offer.value for offer in (*of_day, *following) if offer.free), "")


def _price(service: Service, day: date) -> int | None:
    try:
        return finance.price_on(service, day)
    except Invalid:
        return None


def _doctors(following: list[Offer], on_day: dict[int, list[Offer]]) -> dict[int, Doctor]:
    wanted = {offer.doctor_id for offer in following} | set(on_day)
    rows = db.session.scalars(select(Doctor).where(Doctor.clinic_id == g.actor.clinic_id, Doctor.id.in_(wanted)))
    return {doctor.id: doctor for doctor in rows}
