"""The lines of a bill: services at the price of its day, and discounts with a reason, within the limit of the role."""

from __future__ import annotations

from datetime import date, datetime

from reception.clock import service_day
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import NotAllowed, NotPossible, invalid_field
from reception.domain.finance.bills import percent_for, price_on
from reception.domain.finance.changing import changed, line_of, opened
from reception.domain.finance.charges import lines_of
from reception.domain.finance.payments import MOST
from reception.domain.finance.shares import percent_of
from reception.domain.locks import load
from reception.domain.machines import OPEN
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import BillLine, Clinic, Doctor, LineKind, Payment, Role, Service, Visit
from reception.words import N_

DISCOUNT_LIMITS: dict[Role, int] = {Role.RECEPTIONIST: 5, Role.CASHIER: 10, Role.MANAGER: 30, Role.ADMIN: 100}
"""Percent of the price that a role may let off where the clinic says nothing else (`Clinic.discount_limits`)."""
MOST_PIECES = 10_000


def day_of(bill: Payment, visit: Visit | None, actor: Actor) -> date:
    """The day whose prices the bill has: its visit's, or the one on which it was opened."""
    return visit.service_day if visit else service_day(bill.created_at, actor.clinic)


def add_line(
    payment_id: int, service_id: int, *, actor: Actor, at: datetime, quantity: int = 1, doctor_id: int | None = None,
    version: int | None = None,
) -> Payment:  # fmt: skip
    """Add a service at the price of the bill's day. Without a doctor it is the visit's doctor's.

    Raises NotFound, Stale, Invalid, or NotPossible (see `changing.opened`).
    """
    bill, visit = opened(payment_id, version, actor=actor)
    service = load(Service, service_id, actor.clinic_id)
    if not service.is_active:
        raise NotPossible(N_("This service is not offered any more."), code="inactive")
    doctor = _doctor(doctor_id, visit, actor)
    price, percent = price_on(service, day_of(bill, visit, actor)), percent_for(doctor, actor)
    line = BillLine(
        clinic_id=bill.clinic_id, payment_id=bill.id, service_id=service.id, doctor_id=doctor.id if doctor else None,
        quantity=_pieces(quantity, price), unit_price=price, amount=price * quantity, doctor_percent=percent,
        doctor_share=0,
    )  # fmt: skip
    db.session.add(line)
    db.session.flush()
    changed(bill, visit, actor=actor, at=at)
    record(actor, "payment.line-add", bill, at=at, also=(visit,), line=line.id)
    return bill


def _doctor(doctor_id: int | None, visit: Visit | None, actor: Actor) -> Doctor | None:
    if doctor_id is None:
        return load(Doctor, visit.doctor_id, actor.clinic_id) if visit and visit.doctor_id else None
    doctor = load(Doctor, doctor_id, actor.clinic_id)
    if not doctor.is_active:
        raise NotPossible(N_("This doctor is not at work here any more."), code="inactive")
    return doctor


def _pieces(quantity: int, price: int) -> int:
    if not 1 <= quantity <= MOST_PIECES:
        raise invalid_field("quantity", N_("Say a number from %(least)s to %(most)s."), least=1, most=MOST_PIECES)
    if quantity * price > MOST:
        raise invalid_field("quantity", N_("This amount is too large."))
    return quantity


def change_line(
    payment_id: int, line_id: int, quantity: int, *, actor: Actor, at: datetime, version: int | None = None
) -> Payment:
    """Another quantity of a service; discounts in percent follow."""
    bill, visit = opened(payment_id, version, actor=actor)
    line = line_of(bill, line_id)
    if line.kind != LineKind.SERVICE:
        raise invalid_field("quantity", N_("A discount has no quantity."))
    line.quantity = _pieces(quantity, line.unit_price)
    line.amount = line.unit_price * quantity
    changed(bill, visit, actor=actor, at=at)
    record(actor, "payment.line-change", bill, at=at, also=(visit,), line=line.id)
    return bill


def remove_line(
    payment_id: int, line_id: int, *, actor: Actor, at: datetime, version: int | None = None
) -> Payment:  # fmt: skip
    """Take a service off the bill, with the discounts on it; or a discount.

    The service of a visit that is still open changes with the visit, and a bill keeps one service: it is cancelled
    rather than emptied.
    """
    bill, visit = opened(payment_id, version, actor=actor)
    line, lines = line_of(bill, line_id), lines_of(bill)
    is_service = line.kind == LineKind.SERVICE
    if is_service:
        services = [other for other in lines if other.kind == LineKind.SERVICE]
        if len(services) == 1:
            raise NotPossible(N_("A bill keeps at least one service. Cancel it instead."), code="last-line")
        if visit is not None and visit.status in OPEN and line.id == services[0].id:
            raise NotPossible(
                N_("This is what the visit is for. Change the service of the visit instead."), code="visit-line"
            )
        for other in lines:
            if other.discounts_id == line.id:
                db.session.delete(other)
        db.session.flush()
    db.session.delete(line)
    db.session.flush()
    changed(bill, visit, actor=actor, at=at)
    record(
        actor,
        "payment.line-remove" if is_service else "payment.discount-remove",
        bill,
        at=at,
        also=(visit,),
        line=line_id,
    )
    return bill


# ------------------------------------------------------------------------------------------------------- discounts


def discount(
    payment_id: int, reason: str, *, actor: Actor, at: datetime, percent: int | None = None, amount: int | None = None,
    line_id: int | None = None, version: int | None = None,
) -> Payment:  # fmt: skip
    """Let off `percent` or `amount` of one line, or of the whole bill. A percent is rounded down and follows the lines.

    Raises NotFound, Stale, Invalid, NotAllowed (more than the role may let off), or NotPossible.
    """
    bill, visit = opened(payment_id, version, actor=actor)
    if not (reason := checked(reason, "reason", 200)):
        raise invalid_field("reason", N_("Say why."))
    lines = lines_of(bill)
    target = line_of(bill, line_id) if line_id is not None else None
    if target is not None and target.kind != LineKind.SERVICE:
        raise invalid_field("line_id", N_("A discount is given on a service or on the whole bill."))
    off = _off(percent, amount, lines, target)
    limit = limit_of(actor)
    if _is_above(limit, off, lines, target):
        raise NotAllowed(
            N_("Your role may let off at most %(limit)s percent of the price."), limit=limit, code="discount-limit",
            fields={"amount" if percent is None else "percent": N_("Too much.")},
        )  # fmt: skip
    row = BillLine(
        clinic_id=bill.clinic_id, payment_id=bill.id, kind=LineKind.DISCOUNT, quantity=1, unit_price=-off, amount=-off,
        discounts_id=target.id if target else None, percent=percent, reason=reason, doctor_share=0,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    changed(bill, visit, actor=actor, at=at)
    record(actor, "payment.discount", bill, at=at, also=(visit,), line=row.id, off=off)
    return bill


def _off(percent: int | None, amount: int | None, lines: list[BillLine], target: BillLine | None) -> int:
    """What the discount comes to now. Raises Invalid."""
    if (percent is None) == (amount is None):
        raise invalid_field("percent", N_("Say a percent or an amount."))
    of_lines = sum(line.amount for line in lines if line.kind == LineKind.SERVICE or line.discounts_id is not None)
    base = target.amount if target else of_lines
    if percent is not None:
        if not 1 <= percent <= 100:
            raise invalid_field("percent", N_("Say a percent from %(least)s to %(most)s."), least=1, most=100)
        return percent_of(base, percent)
    assert amount is not None
    if not 0 < amount <= MOST:
        raise invalid_field("amount", N_("An amount must be above zero."))
    rest = base + sum(
        line.amount for line in lines
        if line.kind == LineKind.DISCOUNT and line.discounts_id == (target.id if target else None)
    )  # fmt: skip
    if amount > rest:
        raise invalid_field("amount", N_("A discount cannot be more than the price."))
    return amount


def _is_above(limit: int, off: int, lines: list[BillLine], target: BillLine | None) -> bool:
    """Whether the discounts together, of the line and of the bill, would let off more than `limit` percent."""
    gross = sum(line.amount for line in lines if line.kind == LineKind.SERVICE)
    before = -sum(line.amount for line in lines if line.kind == LineKind.DISCOUNT)
    if target is not None:
        on_line = -sum(line.amount for line in lines if line.discounts_id == target.id)
        if (on_line + off) * 100 > limit * target.amount:
            return True
    return (before + off) * 100 > limit * gross


def limits_of(clinic_id: int) -> dict[Role, int]:
    """Percent of the price that each role may let off in the clinic."""
    own = db.session.get_one(Clinic, clinic_id).discount_limits
    return {role: own.get(role.value, DISCOUNT_LIMITS.get(role, 0)) for role in DISCOUNT_LIMITS}


def limit_of(actor: Actor) -> int:
    """The most that one of the actor's roles may let off, in percent."""
    limits = limits_of(actor.clinic_id)
    return max((limits.get(role, 0) for role in actor.roles), default=0)
