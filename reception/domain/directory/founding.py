"""A new clinic and the least it needs; cashboxes and screens."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import select

from reception.clock import zone
from reception.domain import audit
from reception.domain.actors import Actor, system
from reception.domain.audit import record
from reception.domain.clinic import may_shut, named
from reception.domain.directory.places import add_department
from reception.domain.directory.rows import added
from reception.domain.errors import Invalid
from reception.domain.locks import locked
from reception.extensions import db
from reception.models import (
    Account,
    AccountKind,
    Cashbox,
    CashboxKind,
    Clinic,
    ClinicKind,
    Device,
    DeviceKind,
    Organisation,
)
from reception.words import N_


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


def add_cashbox(name: str, kind: CashboxKind, *, actor: Actor, at: datetime) -> Cashbox:
    """A place where money is, with its account."""
    account = Account(clinic_id=actor.clinic_id, kind=AccountKind.CASHBOX, name=named(name))
    db.session.add(account)
    db.session.flush()
    return added(Cashbox(clinic_id=actor.clinic_id, name=account.name, kind=kind, account_id=account.id), actor, at)


def set_cashbox_open(cashbox_id: int, is_open: bool, *, actor: Actor, at: datetime) -> Cashbox:
    """Open or close a cashbox; nothing is posted into a closed one."""
    row = locked(Cashbox, cashbox_id, actor.clinic_id)
    if row.is_open and not is_open:
        may_shut(row)
    row.is_open = is_open
    record(actor, "cashbox.open" if is_open else "cashbox.close", row, at=at)
    return row


def add_device(name: str, *, actor: Actor, at: datetime, kind: DeviceKind = DeviceKind.TV) -> Device:
    """A screen with its own address; the token in it is all that the screen knows."""
    return added(
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
