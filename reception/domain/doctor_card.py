"""A doctor's card: the shifts of a week with how full they are, what is offered, and what came in for the doctor's work."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import joinedload

from reception.domain.actors import Actor
from reception.domain.calendar.places import counts
from reception.domain.locks import scoped
from reception.extensions import db
from reception.models import (
    Account,
    AccountKind,
    AppointmentPlace,
    Doctor,
    LedgerEntry,
    LedgerKind,
    Schedule,
    Service,
    ServicePrice,
    ServiceType,
    Slot,
)

WEEK = timedelta(days=7)


@dataclass(slots=True)
class Day:
    """A day with its open shifts. `places` of the slots that are open, `taken`: those that somebody has or keeps."""

    day: date
    shifts: list[Schedule] = field(default_factory=list)
    places: int = 0
    taken: int = 0

    @property
    def percent(self) -> int:
        return min(100, 100 * self.taken // self.places) if self.places else 0


@dataclass(frozen=True, slots=True)
class Income:
    """Of a period: what was billed for the doctor's work, what of it became due to the doctor and was paid out; and what
    is due now."""

    billed: int
    earned: int
    paid_out: int
    due: int


def monday(day: date) -> date:
    """The first day of the week of `day`."""
    return day - timedelta(days=day.weekday())


def week(viewer: Actor, doctor: Doctor, first: date, at: datetime) -> list[Day]:
    """The seven days from `first` on."""
    days = {first + timedelta(days=n): Day(first + timedelta(days=n)) for n in range(7)}
    rules = (Schedule.doctor_id == doctor.id, Schedule.is_open, Schedule.day >= first, Schedule.day < first + WEEK)
    shifts = scoped(Schedule, viewer.clinic_id).where(*rules).options(joinedload(Schedule.room))
    for shift in db.session.scalars(shifts.order_by(Schedule.starts_at)):
        days[shift.day].shifts.append(shift)
    taken = (
        select(func.count())
        .where(AppointmentPlace.slot_id == Slot.id, AppointmentPlace.place <= Slot.capacity, counts(at))
        .correlate(Slot)
        .scalar_subquery()
    )
    load = (
        select(Schedule.day, func.sum(Slot.capacity), func.sum(taken))
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .where(Schedule.clinic_id == viewer.clinic_id, *rules, Slot.is_open)
        .group_by(Schedule.day)
    )
    for day, places, booked in db.session.execute(load):
        days[day].places, days[day].taken = int(places), int(booked)
    return list(days.values())


def offers(
    viewer: Actor, doctor: Doctor, today: date
) -> list[tuple[ServiceType | None, list[tuple[Service, int | None]]]]:
    """What patients of the doctor's department are offered, by type, with today's prices."""
    query = (
        select(Service, ServiceType, ServicePrice.price)
        .outerjoin(ServiceType, ServiceType.id == Service.service_type_id)
        .outerjoin(ServicePrice, price_of(today))
        .where(
            Service.clinic_id == viewer.clinic_id, Service.is_active,
            or_(Service.department_id.is_(None), Service.department_id == doctor.department_id),
        )
        .order_by(ServiceType.name.is_(None), ServiceType.name, Service.name, Service.id)
    )  # fmt: skip
    found: dict[int, tuple[ServiceType | None, list[tuple[Service, int | None]]]] = {}
    for service, kind, price in db.session.execute(query):
        found.setdefault(kind.id if kind else 0, (kind, []))[1].append((service, price))
    return list(found.values())


def price_of(day: date) -> ColumnElement[bool]:
    """The join of a service with its price on `day`."""
    return and_(
        ServicePrice.service_id == Service.id,
        ServicePrice.valid_from <= day,
        or_(ServicePrice.valid_to.is_(None), ServicePrice.valid_to >= day),
    )


def income(viewer: Actor, doctor: Doctor, first: date, last: date) -> Income:
    """From the ledger, the days `first` to `last` included. Who asks may see the money."""
    within = (LedgerEntry.clinic_id == viewer.clinic_id, LedgerEntry.day >= first, LedgerEntry.day <= last)
    of_income = select(Account.id).where(Account.clinic_id == viewer.clinic_id, Account.kind == AccountKind.INCOME)
    billed = select(
        func.sum(case((LedgerEntry.credit_id.in_(of_income), LedgerEntry.amount), else_=-LedgerEntry.amount))
    ).where(*within, LedgerEntry.kind == LedgerKind.CHARGE, LedgerEntry.doctor_id == doctor.id)
    own = db.session.execute(
        select(Account.id, Account.balance).where(
            Account.clinic_id == viewer.clinic_id,
            Account.doctor_id == doctor.id,
            Account.kind == AccountKind.DOCTOR_DUE,
        )
    ).one_or_none()
    if own is None:
        return Income(int(db.session.scalar(billed) or 0), 0, 0, 0)
    side = case((LedgerEntry.credit_id == own.id, LedgerEntry.amount), else_=-LedgerEntry.amount)
    is_own = or_(LedgerEntry.credit_id == own.id, LedgerEntry.debit_id == own.id)
    is_money = LedgerEntry.cashbox_id.is_not(None)
    earned, paid_out = (
        int(db.session.scalar(select(func.sum(side)).where(*within, is_own, rule)) or 0)
        for rule in (~is_money, is_money)
    )
    return Income(int(db.session.scalar(billed) or 0), earned, -paid_out, own.balance)
