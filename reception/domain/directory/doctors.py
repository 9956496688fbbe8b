"""Doctors: who they are, where they sit, their breaks and their calls for help."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from reception.clock import service_day
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.closing import may_close
from reception.domain.directory.kinds import choosable
from reception.domain.directory.rows import added
from reception.domain.edits import unchanged
from reception.domain.errors import invalid_field
from reception.domain.locks import load, locked
from reception.domain.patients import normal_phone
from reception.domain.texts import checked
from reception.domain.users import member
from reception.models import Department, Doctor, Room, Specialization
from reception.words import N_


def add_doctor(department_id: int, *, actor: Actor, at: datetime, **values: Any) -> Doctor:
    """`values`: columns of Doctor that people fill in (see DOCTOR_FIELDS)."""
    load(Department, department_id, actor.clinic_id)
    row = Doctor(clinic_id=actor.clinic_id, department_id=department_id)
    _set_doctor(row, values, actor)
    if not row.last_name:
        raise invalid_field("last_name", N_("This is needed."))
    return added(row, actor, at)


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
            choosable(Specialization, value, row.specialization_id, name, actor)
        elif name == "user_id" and value is not None:
            member(value, actor)
        setattr(row, name, value)
