"""Departments and rooms as they are added, and opening or closing a thing of the clinic."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from reception.clock import service_day
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.clinic import named, ticket_letters
from reception.domain.closing import may_close
from reception.domain.directory.rows import added
from reception.domain.locks import locked
from reception.domain.texts import checked
from reception.models import Department, Room


def add_department(name: str, code: str, *, actor: Actor, at: datetime, location: str = "") -> Department:
    """`code`: one to four letters, the first part of its tickets."""
    return added(
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
    return added(
        Room(
            clinic_id=actor.clinic_id,
            name=named(name, "name", 60),
            floor=checked(floor, "floor", 60),
            building=checked(building, "building", 60),
        ),
        actor,
        at,
    )


def set_active(kind: type[Any], ident: int, is_active: bool, *, actor: Actor, at: datetime) -> Any:
    """Open or close a department, room, doctor or service."""
    row = locked(kind, ident, actor.clinic_id)
    if row.is_active and not is_active:
        may_close(row, service_day(at, actor.clinic))
    row.is_active = is_active
    record(actor, f"{row.__tablename__}.{'open' if is_active else 'close'}", row, at=at)
    return row
