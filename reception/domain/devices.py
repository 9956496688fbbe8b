"""Paired screens: one shows a code, staff types it in, and the screen has its address.

The code is shown to everybody in the room; the secret that fetches the address is known to that one screen only.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from reception.domain import directory
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.clinic import named
from reception.domain.edits import unchanged
from reception.domain.errors import NotPossible, invalid_field
from reception.domain.locks import locked, scoped
from reception.extensions import db
from reception.models import Device, DeviceKind, PairingCode
from reception.words import N_

LETTERS = "ABCDEFGHJKLMNPQRTUVWXY346789"
"""None that is taken for another: no 0 and O, 1 and I, 2 and Z, 5 and S."""
LENGTH = 6
LASTS = timedelta(minutes=10)


def offer_code(secret_hash: str, *, actor: Actor, at: datetime) -> PairingCode:
    """A new code for the screen that keeps the secret behind `secret_hash`; codes that ran out are swept away."""
    db.session.execute(
        delete(PairingCode).where(PairingCode.expires_at <= at), execution_options={"synchronize_session": False}
    )
    code = ""
    while not code or db.session.scalar(select(PairingCode.id).where(PairingCode.code == code)):
        code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    row = PairingCode(code=code, secret_hash=secret_hash, created_at=at, expires_at=at + LASTS)
    db.session.add(row)
    db.session.flush()
    return row


def offered(secret_hash: str, at: datetime) -> tuple[str, str | None] | None:
    """The code that a screen shows and, once it is paired, the token of its address; None when it ran out."""
    row = db.session.execute(
        select(PairingCode.code, Device.token)
        .outerjoin(Device, (Device.id == PairingCode.device_id) & Device.revoked_at.is_(None))
        .where(PairingCode.secret_hash == secret_hash, PairingCode.expires_at > at)
    ).one_or_none()
    return (row[0], row[1]) if row else None


def pair(code: str, name: str, *, actor: Actor, at: datetime) -> Device:
    """Make the screen that shows `code` a TV of the actor's clinic. Raises Invalid."""
    typed = "".join(c for c in code.upper() if c.isalnum())
    waiting = db.session.scalar(
        select(PairingCode)
        .where(PairingCode.code == typed[:8], PairingCode.expires_at > at, PairingCode.device_id.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if waiting is None:
        raise invalid_field("code", N_("No screen shows this code now. A code lasts ten minutes."))
    device = directory.add_device(named(name), actor=actor, at=at, kind=DeviceKind.TV)
    waiting.device_id = device.id
    return device


def rename(device_id: int, name: str, *, actor: Actor, at: datetime, seen: str = "") -> Device:
    """Another name for a screen that is paired."""
    row = unchanged(locked(Device, device_id, actor.clinic_id), seen)
    if row.revoked_at is not None:
        raise NotPossible(N_("This screen is not paired any more."))
    row.name = named(name)
    record(actor, "device.change", row, at=at)
    return row


def paired(viewer: Actor) -> list[Device]:
    """The clinic's screens that have their right, by name."""
    query = scoped(Device, viewer.clinic_id).where(Device.revoked_at.is_(None))
    return list(db.session.scalars(query.order_by(Device.name, Device.id)))
