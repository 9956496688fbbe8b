"""The free times of a dialog: the first ones within a filter, page by page, and all of a chosen day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from flask import g, request
from sqlalchemy import select

from reception import clock
from reception.blueprints.calendar_forms import TimesForm
from reception.domain import finance
from reception.domain.calendar import booking, holds, offers
from reception.domain.calendar.offers import Offer, When, Wish
from reception.domain.errors import Invalid
from reception.extensions import db
from reception.models import Appointment, Doctor, Hold, Service

PAGE = 14
"""Times on a further page."""


@dataclass(slots=True)
class Times:
    """What can be chosen. `minutes`: how long each time is; `chosen`: an offer's value; `price`: of its day, None where none is set; `hold`: the choice is
    kept for who asks; `more`: the value after which further times come, `is_further`: these are such.
    """

    service: Service
    minutes: int
    next: list[Offer]
    on_day: dict[int, list[Offer]]
    day: date | None
    chosen: str
    price: int | None
    doctors: dict[int, Doctor] = field(default_factory=dict)
    hold: Hold | None = None
    more: str = ""
    is_further: bool = False

    @property
    def chosen_is_next(self) -> bool:
        """Whether the choice stands among the next free times only."""
        of_day = {offer.value for rows in self.on_day.values() for offer in rows}
        return self.chosen not in of_day

    @property
    def signals(self) -> str:
        """What tells that the times have changed: the days that are shown."""
        offered = [*self.next, *(offer for rows in self.on_day.values() for offer in rows)]
        days = {clock.service_day(offer.starts_at, g.actor.clinic) for offer in offered}
        return " ".join(f"calendar-{day}" for day in sorted(days | ({self.day} if self.day else set()))[:20])

    @classmethod
    def of(
        cls, form: TimesForm, service: Service, *, at: datetime, patient_id: int | None = None,
        moving: Appointment | None = None, keep: bool = False,
    ) -> Times:  # fmt: skip
        """The times that fit the form. A chosen day is chosen from, unless `keep`: the form came back as it was."""
        viewer, among = g.actor, dict(form.among)
        if not any(among.get(name) for name in ("doctor_id", "department_id", "specialization_id", "room_id")):
            among["department_id"] = service.department_id
        wanted = form.slot.data or ""
        hold = holds.own(form.hold_id, viewer, at) or holds.own_at(offers.understood(wanted), viewer, at)
        if hold and not wanted:
            wanted = offers.value_of(hold.schedule.doctor_id, hold.starts_at)
        now = (moving.doctor_id, moving.starts_at) if moving else None
        usual = int((moving.ends_at - moving.starts_at) / timedelta(minutes=1)) if moving else service.duration_min
        minutes = form.length or usual
        wish = Wish(
            minutes, patient_id=patient_id, moving=moving.id if moving else None,
            hold_id=hold.id if hold else None, **among,
        )  # fmt: skip
        when = form.when(viewer, at) or offers.ahead(viewer, at)
        after = offers.understood(request.form.get("after", "")) if moving is None else None
        following = [o for o in _next(wish, when, after, at) if (o.doctor_id, o.starts_at) != now]
        day = getattr(form, "one_day", form.day.data)
        on_day: dict[int, list[Offer]] = {}
        for offer in _on_day(day, wish, when, form, at) if day is not None else ():
            if (offer.doctor_id, offer.starts_at) != now:
                on_day.setdefault(offer.doctor_id, []).append(offer)
        chosen = _chosen(wanted, following, on_day, keep)
        found = offers.understood(chosen)
        priced = clock.service_day(found[1], viewer.clinic) if found else day or clock.today(viewer.clinic)
        is_full = len(following) >= (7 if after is None else PAGE)
        return cls(
            service, minutes, following, on_day, day, chosen, _price(service, priced), _doctors(following, on_day), hold,
            following[-1].value if is_full else "", after is not None,
        )  # fmt: skip


def _next(wish: Wish, when: When, after: tuple[int, datetime] | None, at: datetime) -> list[Offer]:
    if after is None:
        return offers.first_free(g.actor, wish, when, at=at)
    return offers.following(g.actor, wish, when, (after[1], after[0]), at=at, limit=PAGE)


def _on_day(day: date, wish: Wish, when: When, form: TimesForm, at: datetime) -> list[Offer]:
    """Every time of the day within its hours; what somebody is booking just now is among them."""
    viewer = g.actor
    is_past = day < clock.today(viewer.clinic) or ("past_reason" in form and bool(form["past_reason"].data))
    found = offers.on_day(
        viewer, day, wish, at=at, full=booking.may_overbook(viewer), held=True,
        past=is_past and booking.may_book_past(viewer),
    )  # fmt: skip
    return [offer for offer in found if when.fits(offer.starts_at, viewer)]


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
