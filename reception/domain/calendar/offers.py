"""Times that can be offered: where a visit of so many minutes would begin, fit, and find a place in every slot it spans.

What the patient cannot take (another appointment at that time, a place in the shift already) and what the doctor does
not want (the day's most patients reached) is left out, so that the first offer can be taken unseen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from reception import clock
from reception.domain.actors import Actor
from reception.domain.calendar.booking import GRACE
from reception.domain.calendar.vacancy import Offer as Offer
from reception.domain.calendar.vacancy import Vacancy, days_with_shifts
from reception.domain.calendar.vacancy import Wish as Wish
from reception.domain.calendar.vacancy import value_of as value_of

FARTHEST_DAYS = 120
"""How far ahead the next free place is looked for."""
NOON, EVENING = time(12), time(17)
PARTS: dict[str, tuple[time | None, time | None]] = {
    "MORNING": (None, NOON),
    "AFTERNOON": (NOON, EVENING),
    "EVENING": (EVENING, None),
}
"""Parts of a day by the clinic's wall clock: from, and until before."""


@dataclass(frozen=True, slots=True)
class When:
    """Which days and hours are looked at: `first` to `last`, both included; `weekdays` (Monday is 0), empty for all;
    by the clinic's wall clock from `begins` on and before `ends`.
    """

    first: date
    last: date
    weekdays: frozenset[int] = frozenset()
    begins: time | None = None
    ends: time | None = None

    def has(self, day: date) -> bool:
        return self.first <= day <= self.last and (not self.weekdays or day.weekday() in self.weekdays)

    def fits(self, starts_at: datetime, viewer: Actor) -> bool:
        wall = clock.local(starts_at, viewer.clinic).time()
        return (self.begins is None or wall >= self.begins) and (self.ends is None or wall < self.ends)


def on_day(
    viewer: Actor, day: date, wish: Wish, *, at: datetime, full: bool = False, held: bool = False, past: bool = False
) -> list[Offer]:
    """Starts on the clinic's date `day` from `at` on, by time; `full`: those without a free place, too; `held`: those
    that somebody is booking just now; `past`: those that have begun already.
    """
    first, _ = clock.day_bounds(day, viewer.clinic)
    vacancy = Vacancy.read(viewer, [day], wish, since=first if past else max(first, at - GRACE), at=at)
    return sorted(vacancy.offers(day, full=full, held=held), key=_order)


def next_free(viewer: Actor, wish: Wish, *, at: datetime, limit: int = 7) -> list[Offer]:
    """Free starts from `at` on, the very first one first: each doctor's first, then other times, `limit` in all."""
    return first_free(viewer, wish, ahead(viewer, at), at=at, limit=limit)


def ahead(viewer: Actor, at: datetime) -> When:
    """From today on, as far as is looked."""
    today = clock.service_day(at, viewer.clinic)
    return When(today, today + timedelta(days=FARTHEST_DAYS))


def first_free(viewer: Actor, wish: Wish, when: When, *, at: datetime, limit: int = 7) -> list[Offer]:
    """As `next_free`, within `when`."""
    found: list[Offer] = []
    for offers in _by_day(viewer, wish, when, at):
        found += offers
        if len(found) >= limit:
            break
    return _spread(found, limit)


def following(
    viewer: Actor, wish: Wish, when: When, after: tuple[datetime, int], *, at: datetime, limit: int = 14
) -> list[Offer]:
    """The free starts within `when` that come after start and doctor `after`, in time order."""
    day = clock.service_day(after[0], viewer.clinic)
    found: list[Offer] = []
    for offers in _by_day(
        viewer, wish, When(max(day, when.first), when.last, when.weekdays, when.begins, when.ends), at
    ):
        found += [offer for offer in offers if _order(offer) > after]
        if len(found) >= limit:
            break
    return found[:limit]


def _by_day(viewer: Actor, wish: Wish, when: When, at: datetime) -> Iterator[list[Offer]]:
    """The free starts of each day; days are read in growing handfuls, for mostly the first is enough."""
    first = max(when.first, clock.service_day(at, viewer.clinic))
    last = min(when.last, first + timedelta(days=FARTHEST_DAYS))
    days = [day for day in days_with_shifts(viewer, first, last, wish) if when.has(day)]
    start, size = 0, 1
    while start < len(days):
        some = days[start : start + size]
        vacancy = Vacancy.read(viewer, some, wish, since=at - GRACE, at=at)
        for day in some:
            yield sorted((o for o in vacancy.offers(day) if when.fits(o.starts_at, viewer)), key=_order)
        start, size = start + size, min(size * 2, 28)


def _order(offer: Offer) -> tuple[datetime, int]:
    return (offer.starts_at, offer.doctor_id)


def _spread(found: list[Offer], limit: int) -> list[Offer]:
    """`limit` of the offers, so that there is a choice of doctors and of times."""
    firsts = list({offer.doctor_id: offer for offer in reversed(found)}.values())
    shown = sorted(firsts, key=found.index)[: limit - 2]
    for other in found:
        if len(shown) < limit and other.starts_at not in {offer.starts_at for offer in shown}:
            shown.append(other)
    shown += [offer for offer in found if offer not in shown][: limit - len(shown)]
    return sorted(shown, key=_order)


def understood(value: str) -> tuple[int, datetime] | None:
    """Doctor and start of an offer's `value`; None where it is none."""
    doctor, _, start = value.partition("@")
    if not (doctor.isascii() and doctor.isdigit() and len(doctor) < 19):
        return None
    try:
        return int(doctor), datetime.strptime(start, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)
    except ValueError:
        return None
