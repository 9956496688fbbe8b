"""The clinic itself: departments, doctors, rooms, services with their prices, cashboxes, screens."""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import select

from reception.clock import service_day, zone
from reception.domain import audit
from reception.domain.actors import Actor, system
from reception.domain.audit import record
from reception.domain.clinic import may_shut, named, ticket_letters
from reception.domain.closing import may_close
from reception.domain.edits import unchanged
from reception.domain.errors import Invalid, NotPossible, invalid_field
from reception.domain.locks import load, locked
from reception.domain.patients import normal_phone
from reception.domain.texts import checked
from reception.domain.users import member
from reception.extensions import db
from reception.models import (
    Account,
    AccountKind,
    Cashbox,
    CashboxKind,
    Clinic,
    ClinicKind,
    Department,
    Device,
    DeviceKind,
    Doctor,
    Organisation,
    Room,
    Service,
    ServicePrice,
    Specialization,
)
from reception.words import N_

MOST_PRICE = 10**12
R = TypeVar("R", bound=Any)


def found_clinic(
    name: str,
    *,
    time_zone: str = "UTC",
    currency: str = "EUR",
    phone_region: str = "DE",
    locale: str = "en",
    actor: Actor,
    at: datetime,
) -> Clinic:
    """A new clinic; from here on the transaction's actor is the system at work in it. Raises Invalid."""
    try:
        zone(time_zone)
    except Exception:
        raise Invalid(N_("There is no time zone %(name)s."), name=time_zone) from None
    organisation = db.session.scalar(select(Organisation).limit(1))
    if organisation is None:
        organisation = Organisation(name=name)
        db.session.add(organisation)
        db.session.flush()
    clinic = Clinic(
        organisation_id=organisation.id,
        name=name,
        kind=ClinicKind.HUMAN,
        time_zone=time_zone,
        currency=currency,
        phone_region=phone_region,
        default_locale=locale,
        display_locales=[locale],
    )
    db.session.add(clinic)
    db.session.flush()
    audit.work().actor = actor = system(clinic)
    record(actor, "clinic.found", clinic, at=at, also=(organisation,))
    return clinic


def furnish(*, actor: Actor, at: datetime) -> None:
    """The least a new clinic needs: one department, one service, a drawer, a terminal and a bank account."""
    add_department("Reception", "A", actor=actor, at=at)
    for name, kind in (("Cash", CashboxKind.CASH), ("Card", CashboxKind.CARD), ("Bank", CashboxKind.BANK)):
        add_cashbox(name, kind, actor=actor, at=at)


def add_department(name: str, code: str, *, actor: Actor, at: datetime, location: str = "") -> Department:
    """`code`: one to four letters, the first part of its tickets."""
    return _added(
        Department(
            clinic_id=actor.clinic_id,
            name=named(name),
            code=ticket_letters(code),
            location=checked(location, "location", 200),
        ),
        actor,
        at,
    )


def add_room(name: str, *, actor: Actor, at: datetime, floor: str = "", building: str = "") -> Room:
    """A consulting room."""
    return _added(
        Room(
            clinic_id=actor.clinic_id,
            name=named(name, "name", 60),
            floor=checked(floor, "floor", 60),
            building=checked(building, "building", 60),
        ),
        actor,
        at,
    )


def add_doctor(department_id: int, *, actor: Actor, at: datetime, **values: Any) -> Doctor:
    """`values`: columns of Doctor that people fill in (see DOCTOR_FIELDS)."""
    load(Department, department_id, actor.clinic_id)
    row = Doctor(clinic_id=actor.clinic_id, department_id=department_id)
    _set_doctor(row, values, actor)
    if not row.last_name:
        raise invalid_field("last_name", N_("This is needed."))
    return _added(row, actor, at)


DOCTOR_FIELDS = frozenset(
    {
        "first_name", "middle_name", "last_name", "title", "phone", "internal_phone", "email", "share_percent",
        "slots_per_day", "room_id", "user_id", "specialization_id", "department_id", "is_active",
    }
)  # fmt: skip


def change_doctor(doctor_id: int, *, actor: Actor, at: datetime, seen: str = "", **values: Any) -> Doctor:
    """Change what people may change of a doctor. Names the fields of DOCTOR_FIELDS; `seen`: version of the form."""
    row = unchanged(locked(Doctor, doctor_id, actor.clinic_id), seen)
    if row.is_active and not values.get("is_active", True):
        may_close(row, service_day(at, actor.clinic))
    _set_doctor(row, values, actor)
    if not row.last_name:
        raise invalid_field("last_name", N_("This is needed."))
    record(actor, "doctor.change", row, at=at)
    return row


def set_break(doctor_id: int, on_break: bool, *, actor: Actor, at: datetime, until: datetime | None = None) -> Doctor:
    """The doctor pauses, or is back. `until`: aware, when the doctor means to return."""
    row = locked(Doctor, doctor_id, actor.clinic_id)
    row.on_break, row.break_until = on_break, until if on_break else None
    record(actor, "doctor.break" if on_break else "doctor.back", row, at=at)
    return row


def ask_help(doctor_id: int, wanted: bool, *, actor: Actor, at: datetime) -> Doctor:
    """The doctor rings for the desk, or somebody answers. The first ring counts until it is answered."""
    row = locked(Doctor, doctor_id, actor.clinic_id)
    if wanted != (row.help_asked_at is not None):
        row.help_asked_at = at if wanted else None
        record(actor, "doctor.help" if wanted else "doctor.answer", row, at=at)
    return row


def _set_doctor(row: Doctor, values: dict[str, Any], actor: Actor) -> None:
    if unknown := set(values) - DOCTOR_FIELDS:
        raise invalid_field(sorted(unknown)[0], N_("This cannot be set."))
    for name, value in values.items():
        if name == "phone":
            value = normal_phone(value, actor.clinic.phone_region)
        elif name in ("first_name", "middle_name", "last_name", "title", "email", "internal_phone"):
            value = checked(value, name, 20 if name == "internal_phone" else 60 if name == "title" else 200)
        elif name == "share_percent" and value is not None and not 0 <= value <= 100:
            raise invalid_field(name, N_("A share is from 0 to 100 percent."))
        elif name == "slots_per_day" and value is not None and not 1 <= value <= 10_000:
            raise invalid_field(name, N_("Say a number above zero, or nothing."))
        elif name in ("room_id", "department_id") and value is not None:
            load(Room if name == "room_id" else Department, value, actor.clinic_id)
        elif name == "specialization_id" and value is not None:
            load(Specialization, value, actor.clinic_id)
        elif name == "user_id" and value is not None:
            member(value, actor)
        setattr(row, name, value)


def add_service(
    name: str, price: int, *, actor: Actor, at: datetime, duration_min: int = 15, department_id: int | None = None,
    description: str = "",
) -> Service:  # fmt: skip
    """A service with its first price (smallest units), valid from today."""
    if not 1 <= duration_min <= 1440:
        raise invalid_field("duration_min", N_("A service lasts from 1 to 1440 minutes."))
    if department_id is not None:
        load(Department, department_id, actor.clinic_id)
    row = Service(
        clinic_id=actor.clinic_id, name=named(name), duration_min=duration_min, department_id=department_id,
        description=checked(description, "description", 2000),
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    _add_price(row, price, service_day(at, actor.clinic), actor)
    record(actor, "service.add", row, at=at)
    return row


def change_service(service_id: int, *, actor: Actor, at: datetime, seen: str = "", **values: Any) -> Service:
    """Change name, description, duration_min, department_id or is_active; a price has its own act."""
    row = unchanged(locked(Service, service_id, actor.clinic_id), seen)
    for name, value in values.items():
        if name == "name":
            value = named(value)
        elif name == "duration_min" and not 1 <= value <= 1440:
            raise invalid_field(name, N_("A service lasts from 1 to 1440 minutes."))
        elif name == "description":
            value = checked(value, name, 2000)
        elif name == "department_id" and value is not None:
            load(Department, value, actor.clinic_id)
        elif name not in ("is_active", "department_id", "duration_min"):
            raise invalid_field(name, N_("This cannot be set."))
        setattr(row, name, value)
    record(actor, "service.change", row, at=at)
    return row


def set_price(service_id: int, price: int, valid_from: date, *, actor: Actor, at: datetime) -> Service:
    """A new price from `valid_from` (today or later); the one before ends the day before. Old bills keep theirs."""
    row = locked(Service, service_id, actor.clinic_id)
    if valid_from < service_day(at, actor.clinic):
        raise invalid_field("valid_from", N_("A price cannot begin in the past."))
    later = db.session.scalars(
        select(ServicePrice).where(ServicePrice.service_id == row.id).order_by(ServicePrice.valid_from)
    ).all()
    same = next((p for p in later if p.valid_from == valid_from), None)
    if any(p.valid_from > valid_from for p in later):
        raise NotPossible(N_("A later price is set already. Change that one."), code="later-price")
    if same is not None:
        same.price = _price(price)
    else:
        for earlier in later:
            if earlier.valid_to is None or earlier.valid_to >= valid_from:
                earlier.valid_to = valid_from - timedelta(days=1)
        _add_price(row, price, valid_from, actor)
    record(actor, "service.price", row, at=at, price=price, valid_from=valid_from)
    return row


def _add_price(service: Service, price: int, valid_from: date, actor: Actor) -> None:
    db.session.add(
        ServicePrice(clinic_id=actor.clinic_id, service_id=service.id, price=_price(price), valid_from=valid_from)
    )
    db.session.flush()


def _price(price: int) -> int:
    if not 0 <= price <= MOST_PRICE:
        raise invalid_field("price", N_("A price is zero or more."))
    return price


def add_cashbox(name: str, kind: CashboxKind, *, actor: Actor, at: datetime) -> Cashbox:
    """A place where money is, with its account."""
    account = Account(clinic_id=actor.clinic_id, kind=AccountKind.CASHBOX, name=named(name))
    db.session.add(account)
    db.session.flush()
    return _added(Cashbox(clinic_id=actor.clinic_id, name=account.name, kind=kind, account_id=account.id), actor, at)


def set_cashbox_open(cashbox_id: int, is_open: bool, *, actor: Actor, at: datetime) -> Cashbox:
    """Open or close a cashbox; nothing is posted into a closed one."""
    row = locked(Cashbox, cashbox_id, actor.clinic_id)
    if row.is_open and not is_open:
        may_shut(row)
    row.is_open = is_open
    record(actor, "cashbox.open" if is_open else "cashbox.close", row, at=at)
    return row


def set_active(kind: type[Any], ident: int, is_active: bool, *, actor: Actor, at: datetime) -> Any:
    """Open or close a department, room, doctor or service."""
    row = locked(kind, ident, actor.clinic_id)
    if row.is_active and not is_active:
        may_close(row, service_day(at, actor.clinic))
    row.is_active = is_active
    record(actor, f"{row.__tablename__}.{'open' if is_active else 'close'}", row, at=at)
    return row


def add_device(name: str, *, actor: Actor, at: datetime, kind: DeviceKind = DeviceKind.TV) -> Device:
    """A screen with its own address; the token in it is all that the screen knows."""
    return _added(
        Device(clinic_id=actor.clinic_id, kind=kind, name=named(name), token=secrets.token_urlsafe(32)), actor, at
    )


def revoke_device(device_id: int, *, actor: Actor, at: datetime) -> Device:
    """Take a screen's right away; its name becomes free."""
    row = locked(Device, device_id, actor.clinic_id)
    if row.revoked_at is None:
        row.revoked_at = at
        row.name = f"{row.name[:150]} ({row.id})"
        record(actor, "device.revoke", row, at=at)
    return row


def _added(row: R, actor: Actor, at: datetime) -> R:
    db.session.add(row)
    db.session.flush()
    record(actor, f"{row.__tablename__}.add", row, at=at)
    return row
