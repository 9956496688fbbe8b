"""The price list: each service has one price on each day from its first on. A new price ends the one before it the day
before; nothing overlaps, nothing is left without a price. What bills were written by stays in the bills."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select

from reception.clock import service_day
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import NotPossible, invalid_field
from reception.domain.locks import load, locked
from reception.extensions import db
from reception.models import Service, ServicePrice
from reception.words import N_

MOST_PRICE = 10**12
ONE_DAY = timedelta(days=1)
YEARS_AHEAD = 5


def set_price(
    service_id: int, price: int, valid_from: date, valid_to: date | None = None, *, actor: Actor, at: datetime
) -> Service:
    """A new price from `valid_from` (today or later); the one before ends the day before. Old bills keep theirs.

    `valid_to`: the last day, where another price is set already for the day after. Raises Invalid, or NotPossible
    where it would overlap.
    """
    row = locked(Service, service_id, actor.clinic_id)
    check_first_day(valid_from, service_day(at, actor.clinic))
    amount = checked_price(price)
    prices = of_service(row.id)
    same = next((p for p in prices if p.valid_from == valid_from), None)
    if same is not None:
        if valid_to not in (None, same.valid_to):
            raise invalid_field("valid_to", N_("The price from this day ends by itself when the next one begins."))
        same.price = amount
    else:
        _check_last_day(prices, valid_from, valid_to)
        before = next((p for p in reversed(prices) if p.valid_from < valid_from), None)
        if before is not None:
            if before.valid_to is not None and before.valid_to < valid_from - ONE_DAY:
                raise _hole("valid_from", before.valid_to + ONE_DAY, valid_from - ONE_DAY)
            before.valid_to = valid_from - ONE_DAY
        _add(row, amount, valid_from, valid_to, actor)
    record(actor, "service.price", row, at=at, price=price, valid_from=valid_from)
    return row


def check_first_day(day: date, today: date) -> None:
    """Raises Invalid: a price begins today or later, and not too far ahead."""
    if day < today:
        raise invalid_field("valid_from", N_("A price cannot begin in the past."))
    if day > today + YEARS_AHEAD * 366 * ONE_DAY:
        raise invalid_field("valid_from", N_("This day is out of reach: a price begins within five years."))


def _check_last_day(prices: list[ServicePrice], first: date, last: date | None) -> None:
    if last is not None and last < first:
        raise invalid_field("valid_to", N_("The last day is before the first."))
    later = next((p for p in prices if p.valid_from > first), None)
    if later is None:
        if last is not None:
            text = N_(
                "There would be no price from %(first)s on. Leave the last day empty, or set the later price first."
            )
            raise invalid_field("valid_to", text, first=last + ONE_DAY)
    elif last is None or last >= later.valid_from:
        raise NotPossible(
            N_("From %(day)s another price is set already. End this one the day before, or withdraw that one."),
            code="later-price", day=later.valid_from,
        )  # fmt: skip
    elif last < later.valid_from - ONE_DAY:
        raise _hole("valid_to", last + ONE_DAY, later.valid_from - ONE_DAY)


def _hole(field: str, first: date, last: date) -> Exception:
    return invalid_field(
        field,
        N_("There would be no price from %(first)s to %(last)s. Prices follow each other."),
        first=first,
        last=last,
    )


def withdraw_price(price_id: int, *, actor: Actor, at: datetime) -> Service:
    """Take back a price that has not begun; the one before goes on in its place. Raises NotFound or NotPossible."""
    service = locked(Service, load(ServicePrice, price_id, actor.clinic_id).service_id, actor.clinic_id)
    row = locked(ServicePrice, price_id, actor.clinic_id)
    if row.valid_from <= service_day(at, actor.clinic):
        raise NotPossible(N_("This price has begun. Set a new one instead."), code="begun", allowed=[])
    before = next((p for p in reversed(of_service(service.id)) if p.valid_from < row.valid_from), None)
    if before is None:
        raise NotPossible(N_("This is the first price of the service. Change it instead."), code="first", allowed=[])
    before.valid_to = row.valid_to
    db.session.delete(row)
    db.session.flush()
    record(actor, "service.price-withdraw", service, at=at, price=row.price, valid_from=row.valid_from)
    return service


def put_price_back(
    service_id: int, price: int, valid_from: date, valid_to: date | None = None, *, actor: Actor, at: datetime
) -> Service:
    """Undo of a withdrawal. Raises NotPossible where a price from that day was set meanwhile."""
    locked(Service, service_id, actor.clinic_id)
    if any(p.valid_from == valid_from for p in of_service(service_id)):
        raise NotPossible(N_("A price from this day exists already."), code="duplicate", allowed=[])
    return set_price(service_id, price, valid_from, valid_to, actor=actor, at=at)


def of_service(service_id: int) -> list[ServicePrice]:
    """Its prices, the earliest first."""
    query = select(ServicePrice).where(ServicePrice.service_id == service_id).order_by(ServicePrice.valid_from)
    return list(db.session.scalars(query))


def first_price(service: Service, price: int, day: date, actor: Actor) -> None:
    """The price with which a new service begins."""
    _add(service, checked_price(price), day, None, actor)


def _add(service: Service, price: int, first: date, last: date | None, actor: Actor) -> None:
    row = ServicePrice(
        clinic_id=actor.clinic_id, service_id=service.id, price=price, valid_from=first, valid_to=last
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()


def checked_price(price: int) -> int:
    """A price that may be. Raises Invalid."""
    if not 0 <= price <= MOST_PRICE:
        raise invalid_field("price", N_("A price is zero or more."))
    return price
