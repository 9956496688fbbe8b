"""Many prices changed at once by percent: what it would come to (`propose`), the one act that does it
(`change_prices`), and taking it back (`take_back_change`).

A new price is rounded to the nearest step, halves up; what cost something never becomes free by rounding alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, bindparam, delete, select, update

from reception.clock import service_day
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.directory.prices import MOST_PRICE, ONE_DAY, check_first_day
from reception.domain.errors import NotPossible, Stale, invalid_field
from reception.domain.imports import bulk
from reception.domain.locks import load, locked, locked_all, scoped
from reception.domain.machines import UNDO_SECONDS
from reception.extensions import Base, core, db
from reception.models import Department, PriceChange, Service, ServicePrice, ServiceType
from reception.words import N_

LEAST, MOST = -100_00, 1_000_00
"""Hundredths of a percent."""
MOST_STEP = 10**9


@dataclass(frozen=True, slots=True)
class Step:
    """What is wanted: so many hundredths of a percent, rounded to `step` smallest units, from a day on; for all services
    that are offered, or those of a type or department."""

    hundredths: int
    step: int
    valid_from: date
    service_type_id: int | None = None
    department_id: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A service with its price of that day and the new one. `set_from`: a price from that day or later is set already;
    such a service, and one without a price (`old` None), is left as it is."""

    service: Service
    old: int | None
    new: int | None
    set_from: date | None = None
    price_id: int = 0
    valid_to: date | None = None

    @property
    def changes(self) -> bool:
        return self.new is not None and self.new != self.old


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a step comes to."""

    lines: list[Line]

    @property
    def changing(self) -> list[Line]:
        return [line for line in self.lines if line.changes]

    @property
    def left(self) -> list[Line]:
        """Those that cannot be changed."""
        return [line for line in self.lines if line.new is None]

    @property
    def digest(self) -> str:
        """What was shown, to be compared when it is agreed to."""
        text = ";".join(f"{line.service.id}:{line.old}:{line.new}" for line in self.changing)
        return hashlib.sha256(text.encode()).hexdigest()[:24]


def changed(price: int, hundredths: int, step: int) -> int:
    """`price` by so many hundredths of a percent, to the nearest `step`, halves up."""
    found = (2 * price * (10_000 + hundredths) + 10_000 * step) // (20_000 * step) * step
    return max(found, step) if price and hundredths > LEAST else found


def propose(viewer: Actor, step: Step, today: date) -> Proposal:
    """What the step would do today. Raises Invalid or NotFound."""
    _check(viewer, step, today)
    rules = _chosen(step)
    services = list(db.session.scalars(scoped(Service, viewer.clinic_id).where(*rules)))
    return _proposal(services, step)


def change_prices(step: Step, *, actor: Actor, at: datetime, shown: str = "") -> PriceChange:
    """Do it, in one act. `shown`: the digest of the proposal that was agreed to. Raises Invalid, Stale, NotPossible."""
    _check(actor, step, service_day(at, actor.clinic))
    proposal = _proposal(locked_all(Service, actor.clinic_id, *_chosen(step)), step)
    if shown and shown != proposal.digest:
        raise Stale(N_("Prices have changed meanwhile. Look at the list again."))
    if not (lines := proposal.changing):
        raise NotPossible(N_("No price would change."), code="nothing", allowed=[])
    row = PriceChange(
        clinic_id=actor.clinic_id, valid_from=step.valid_from, hundredths=step.hundredths, step=step.step,
        service_type_id=step.service_type_id, department_id=step.department_id,
        lines=[[line.service.id, line.old, line.new] for line in lines],
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    signed = bulk.signed(actor, at) | {"clinic_id": actor.clinic_id, "valid_from": step.valid_from}
    core(_END, [{"ended": line.price_id, "last": step.valid_from - ONE_DAY, "now": at} for line in lines])
    new = [{**signed, "service_id": line.service.id, "price": line.new, "valid_to": line.valid_to} for line in lines]
    bulk.insert(ServicePrice, new)
    db.session.expire_all()
    record(
        actor, "price_change.add", row, at=at, hundredths=step.hundredths, valid_from=step.valid_from, count=len(lines)
    )
    return row


def take_back_change(change_id: int, *, actor: Actor, at: datetime) -> PriceChange:
    """The prices of before go on: within half a minute, or as long as the new ones have not begun. What somebody set
    anew meanwhile stays. Raises NotFound or NotPossible."""
    made = {service: new for service, _, new in load(PriceChange, change_id, actor.clinic_id).lines}
    locked_all(Service, actor.clinic_id, Service.id.in_(made))
    row = locked(PriceChange, change_id, actor.clinic_id)
    if row.withdrawn_at is not None:
        raise NotPossible(N_("This has been taken back already."), code="undone-already", allowed=[])
    has_begun = row.valid_from <= service_day(at, actor.clinic)
    if has_begun and at - row.created_at > timedelta(seconds=UNDO_SECONDS):
        raise NotPossible(N_("These prices have begun. Change them again instead."), code="too-late", allowed=[])
    gone, ends = [], []
    for prices in _prices(made).values():
        for before, price in zip([None, *prices], prices, strict=False):
            if before and price.valid_from == row.valid_from and price.price == made[price.service_id]:
                gone.append(price.id)
                ends.append({"ended": before.id, "last": price.valid_to, "now": at})
    for some in bulk.in_batches(gone):
        core(delete(_TABLE).where(_TABLE.c.id.in_(some)))
    if ends:
        core(_END, ends)
    db.session.expire_all()
    row.withdrawn_at = at
    record(actor, "price_change.withdraw", row, at=at, count=len(gone))
    return row


def recent(viewer: Actor, limit: int = 10) -> list[PriceChange]:
    """The latest changes of many prices."""
    return list(db.session.scalars(scoped(PriceChange, viewer.clinic_id).order_by(PriceChange.id.desc()).limit(limit)))


# ----------------------------------------------------------------------------------------------------------- reading


def _check(viewer: Actor, step: Step, today: date) -> None:
    if not LEAST <= step.hundredths <= MOST:
        raise invalid_field("percent", N_("Say a percentage from -100 to 1000."))
    if step.hundredths == 0:
        raise invalid_field("percent", N_("Say by how many percent."))
    if not 1 <= step.step <= MOST_STEP:
        raise invalid_field("step", N_("Choose from the list."))
    check_first_day(step.valid_from, today)
    if step.service_type_id is not None:
        load(ServiceType, step.service_type_id, viewer.clinic_id)
    if step.department_id is not None:
        load(Department, step.department_id, viewer.clinic_id)


def _chosen(step: Step) -> list[ColumnElement[bool]]:
    rules: list[ColumnElement[bool]] = [Service.is_active.is_(True)]
    if step.service_type_id is not None:
        rules.append(Service.service_type_id == step.service_type_id)
    if step.department_id is not None:
        rules.append(Service.department_id == step.department_id)
    return rules


def _proposal(services: list[Service], step: Step) -> Proposal:
    services = sorted(services, key=lambda s: (s.name.casefold(), s.id))
    prices = _prices([service.id for service in services])
    return Proposal([_line(service, prices.get(service.id, []), step) for service in services])


def _line(service: Service, prices: list[ServicePrice], step: Step) -> Line:
    later = next((p for p in prices if p.valid_from >= step.valid_from), None)
    base = next((p for p in prices if p.valid_from < step.valid_from <= (p.valid_to or date.max)), None)
    if later is not None or base is None:
        return Line(service, base.price if base else None, None, set_from=later.valid_from if later else None)
    new = changed(base.price, step.hundredths, step.step)
    if new > MOST_PRICE:
        raise invalid_field("percent", N_("%(name)s would cost too much."), name=service.name)
    return Line(service, base.price, new, price_id=base.id, valid_to=base.valid_to)


def _prices(services: Iterable[int]) -> dict[int, list[ServicePrice]]:
    """Prices by service, the earliest first."""
    found: dict[int, list[ServicePrice]] = {}
    for some in bulk.in_batches(sorted(services)):
        query = select(ServicePrice).where(ServicePrice.service_id.in_(some)).order_by(ServicePrice.valid_from)
        for price in db.session.scalars(query):
            found.setdefault(price.service_id, []).append(price)
    return found


_TABLE = Base.metadata.tables["service_price"]
_END = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("ended"))
    .values(valid_to=bindparam("last"), updated_at=bindparam("now"))
)
