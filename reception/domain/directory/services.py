"""Services: what is offered, of which type, how long it takes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from reception.clock import service_day
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.clinic import named
from reception.domain.directory.kinds import choosable
from reception.domain.directory.prices import first_price
from reception.domain.edits import unchanged
from reception.domain.errors import invalid_field
from reception.domain.locks import load, locked
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import Department, Service, ServiceType
from reception.words import N_


def add_service(
    name: str, price: int, *, actor: Actor, at: datetime, duration_min: int = 15, department_id: int | None = None,
    description: str = "", service_type_id: int | None = None,
) -> Service:  # fmt: skip
    """A service with its first price (smallest units), valid from today."""
    _check("duration_min", duration_min, None, actor)
    _check("department_id", department_id, None, actor)
    _check("service_type_id", service_type_id, None, actor)
    row = Service(
        clinic_id=actor.clinic_id, name=named(name), duration_min=duration_min, department_id=department_id,
        description=checked(description, "description", 2000), service_type_id=service_type_id,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    first_price(row, price, service_day(at, actor.clinic), actor)
    record(actor, "service.add", row, at=at)
    return row


def change_service(service_id: int, *, actor: Actor, at: datetime, seen: str = "", **values: Any) -> Service:
    """Change name, description, duration_min, department_id, service_type_id or is_active; a price has its own act."""
    row = unchanged(locked(Service, service_id, actor.clinic_id), seen)
    for name, value in values.items():
        if name == "name":
            value = named(value)
        elif name == "description":
            value = checked(value, name, 2000)
        elif name not in ("is_active", "department_id", "duration_min", "service_type_id"):
            raise invalid_field(name, N_("This cannot be set."))
        else:
            _check(name, value, row.service_type_id, actor)
        setattr(row, name, value)
    record(actor, "service.change", row, at=at)
    return row


def _check(name: str, value: Any, has_type: int | None, actor: Actor) -> None:
    if name == "duration_min" and not 1 <= value <= 1440:
        raise invalid_field(name, N_("A service lasts from 1 to 1440 minutes."))
    if name == "department_id" and value is not None:
        load(Department, value, actor.clinic_id)
    if name == "service_type_id" and value is not None:
        choosable(ServiceType, value, has_type, name, actor)
