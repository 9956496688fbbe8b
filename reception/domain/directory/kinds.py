"""Specializations of doctors and types of services: lists of names that people keep. A closed one is not chosen any
more; who has it keeps it."""

from __future__ import annotations

from datetime import datetime

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.clinic import named
from reception.domain.directory.rows import added
from reception.domain.edits import unchanged
from reception.domain.errors import invalid_field
from reception.domain.locks import load, locked
from reception.domain.texts import checked
from reception.models import ServiceType, Specialization
from reception.words import N_


def add_specialization(name: str, *, actor: Actor, at: datetime, description: str = "") -> Specialization:
    """What a doctor may be."""
    row = Specialization(
        clinic_id=actor.clinic_id, name=named(name), description=checked(description, "description", 2000)
    )
    return added(row, actor, at)


def change_specialization(
    ident: int, *, actor: Actor, at: datetime, name: str, description: str = "", is_active: bool = True, seen: str = ""
) -> Specialization:
    """Its name, what it means, open or closed."""
    row = unchanged(locked(Specialization, ident, actor.clinic_id), seen)
    row.name, row.description, row.is_active = named(name), checked(description, "description", 2000), is_active
    record(actor, "specialization.change", row, at=at)
    return row


def add_service_type(name: str, *, actor: Actor, at: datetime) -> ServiceType:
    """A heading of the price list."""
    return added(ServiceType(clinic_id=actor.clinic_id, name=named(name)), actor, at)


def change_service_type(
    ident: int, *, actor: Actor, at: datetime, name: str, is_active: bool = True, seen: str = ""
) -> ServiceType:
    """Its name, open or closed."""
    row = unchanged(locked(ServiceType, ident, actor.clinic_id), seen)
    row.name, row.is_active = named(name), is_active
    record(actor, "service_type.change", row, at=at)
    return row


def choosable(
    kind: type[Specialization] | type[ServiceType], ident: int, has: int | None, field: str, actor: Actor
) -> None:
    """`ident` may be chosen: open, or what the row `has` already. Raises NotFound or Invalid."""
    row = load(kind, ident, actor.clinic_id)
    if not row.is_active and ident != has:
        raise invalid_field(field, N_("%(name)s is closed. Choose another one."), name=row.name)
