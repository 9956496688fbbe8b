"""The clinic's own settings, and its departments, rooms and cashboxes as they are changed later on."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import phonenumbers
from babel.numbers import list_currencies
from sqlalchemy import select

from reception.clock import service_day
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.calendar import holidays_known
from reception.domain.closing import may_close
from reception.domain.edits import unchanged
from reception.domain.errors import NotPossible, invalid_field
from reception.domain.locks import locked
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import Cashbox, CashboxShift, Clinic, Department, LedgerEntry, Role, Room, ServicePrice
from reception.words import N_

R = TypeVar("R", Department, Room)
NUMBERS: dict[str, tuple[int, int]] = {
    "wait_limit_minutes": (1, 600),
    "early_minutes": (0, 240),
    "hold_minutes": (0, 240),
    "requeue_minutes": (0, 240),
    "calls_before_parking": (1, 20),
    "doctor_share_percent": (0, 100),
    "referral_bonus_percent": (0, 100),
    "horizon_weeks": (1, 104),
    "overbooking_cap": (0, 20),
    "place_hold_seconds": (30, 3600),
    "offer_minutes": (1, 10080),
}
"""Whole numbers of the clinic: column -> least and most."""
MOST = 10**15
"""Amounts above this are a slip of the hand in every currency."""
THEMES = ("dark", "light")
MOST_LANGUAGES = 4


def change_clinic(*, actor: Actor, at: datetime, seen: str = "", **values: Any) -> Clinic:
    """Change columns of the actor's clinic. `seen`: the version of the form. Raises Invalid about a field."""
    clinic = db.session.scalars(
        select(Clinic)
        .where(Clinic.id == actor.clinic_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()
    unchanged(clinic, seen)
    for name, value in values.items():
        setattr(clinic, name, _value(clinic, name, value))
    if clinic.opens_at >= clinic.closes_at:
        raise invalid_field("closes_at", N_("The clinic closes after it opens."))
    record(actor, "clinic.change", clinic, at=at)
    return clinic


def _value(clinic: Clinic, name: str, value: Any) -> Any:
    if name in NUMBERS:
        least, most = NUMBERS[name]
        if not least <= value <= most:
            raise invalid_field(name, N_("Say a number from %(least)s to %(most)s."), least=least, most=most)
        return value
    if name not in _CHECKS:
        raise invalid_field(name, N_("This cannot be set."))
    return _CHECKS[name](clinic, value)


def _region(_clinic: Clinic, value: str) -> str:
    if value not in phonenumbers.SUPPORTED_REGIONS:
        raise invalid_field("phone_region", N_("There is no country %(code)s."), code=str(value)[:8])
    return value


def _currency(clinic: Clinic, value: str) -> str:
    if value != clinic.currency and has_money(clinic.id):
        raise NotPossible(N_("The currency stands since there are prices or bills in it."), code="currency-stands")
    if value not in list_currencies():
        raise invalid_field("currency", N_("There is no currency %(code)s."), code=str(value)[:8])
    return value


def _locale(name: str, value: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(_[A-Za-z]{2,4})?", value):
        raise invalid_field(name, N_("This language is not spoken here."))
    return value


def _languages(_clinic: Clinic, value: list[str]) -> list[str]:
    found = list(dict.fromkeys(_locale("display_locales", code) for code in value))
    if not 1 <= len(found) <= MOST_LANGUAGES:
        raise invalid_field("display_locales", N_("Choose from one to %(most)s languages."), most=MOST_LANGUAGES)
    return found


def _theme(_clinic: Clinic, value: str) -> str:
    if value not in THEMES:
        raise invalid_field("display_theme", N_("The screen is dark or light."))
    return value


def _limit(_clinic: Clinic, value: int | None) -> int | None:
    if value is not None and not 0 <= value <= MOST:
        raise invalid_field("refund_limit", N_("This amount is too large."))
    return value


def _limits(_clinic: Clinic, value: dict[str, int]) -> dict[str, int]:
    for role, percent in value.items():
        if role not in set(Role) or not 0 <= percent <= 100:
            field = f"discount_{role.lower()}"
            raise invalid_field(field, N_("Say a number from %(least)s to %(most)s."), least=0, most=100)
    return dict(value)


def _country(_clinic: Clinic, value: str) -> str:
    if value and value not in holidays_known.countries():
        raise invalid_field("holiday_country", N_("There is no country %(code)s."), code=str(value)[:8])
    return value


def _part(clinic: Clinic, value: str) -> str:
    if not holidays_known.is_part(clinic.holiday_country, value):
        raise invalid_field("holiday_subdivision", N_("Choose from the list."))
    return value


_CHECKS: dict[str, Callable[[Clinic, Any], Any]] = {
    "name": lambda _clinic, value: named(value),
    "phone_region": _region,
    "currency": _currency,
    "default_locale": lambda _clinic, value: _locale("default_locale", value),
    "opens_at": lambda _clinic, value: value,
    "closes_at": lambda _clinic, value: value,
    "feed_initials": lambda _clinic, value: bool(value),
    "refund_limit": _limit,
    "discount_limits": _limits,
    "holiday_country": _country,
    "holiday_subdivision": _part,
    "display_locales": _languages,
    "display_theme": _theme,
    "display_message": lambda _clinic, value: checked(value, "display_message", 200),
}


def has_money(clinic_id: int) -> bool:
    """Whether amounts are written down in the clinic's currency: from then on it stands."""
    money = (
        select(ServicePrice.id).where(ServicePrice.clinic_id == clinic_id, ServicePrice.price > 0),
        select(LedgerEntry.id).where(LedgerEntry.clinic_id == clinic_id),
    )
    return any(db.session.scalar(query.limit(1)) is not None for query in money)


def named(text: str, field: str = "name", most: int = 200) -> str:
    """A name that is there and fits. Raises Invalid."""
    if not (name := checked(text, field, most)):
        raise invalid_field(field, N_("This is needed."))
    return name


def ticket_letters(text: str) -> str:
    """The letters of a department on its tickets. Raises Invalid."""
    code = text.strip().upper()
    if not code.isalpha() or not 1 <= len(code) <= 4:
        raise invalid_field("code", N_("The ticket letter is one to four letters."))
    return code


def change_department(
    department_id: int, *, actor: Actor, at: datetime, name: str, code: str, location: str = "",
    is_active: bool = True, seen: str = "",
) -> Department:  # fmt: skip
    """Name, letters, way to it, open or closed. Tickets given already keep their letters."""
    row = unchanged(locked(Department, department_id, actor.clinic_id), seen)
    row.name, row.code, row.location = named(name), ticket_letters(code), checked(location, "location", 200)
    return _open_or_close(row, is_active, actor, at)


def change_room(
    room_id: int, *, actor: Actor, at: datetime, name: str, floor: str = "", building: str = "",
    is_active: bool = True, seen: str = "",
) -> Room:  # fmt: skip
    """What stands on its door, where it is, open or closed."""
    row = unchanged(locked(Room, room_id, actor.clinic_id), seen)
    row.name, row.floor, row.building = (
        named(name, most=60),
        checked(floor, "floor", 60),
        checked(building, "building", 60),
    )
    return _open_or_close(row, is_active, actor, at)


def change_cashbox(cashbox_id: int, *, actor: Actor, at: datetime, name: str, is_open: bool, seen: str = "") -> Cashbox:
    """Its name, open or closed; nothing is posted into a closed one."""
    row = unchanged(locked(Cashbox, cashbox_id, actor.clinic_id), seen)
    if row.is_open and not is_open:
        may_shut(row)
    row.name, row.is_open = named(name), is_open
    record(actor, "cashbox.change", row, at=at)
    return row


def may_shut(cashbox: Cashbox) -> None:
    """Nobody closes a cashbox while its shift is open. Raises NotPossible."""
    standing = select(CashboxShift.id).where(CashboxShift.cashbox_id == cashbox.id, CashboxShift.closed_at.is_(None))
    if db.session.scalar(standing) is not None:
        raise NotPossible(N_("Close the shift of %(name)s first."), name=cashbox.name, code="shift-open")


def _open_or_close(row: R, is_active: bool, actor: Actor, at: datetime) -> R:
    if row.is_active and not is_active:
        may_close(row, service_day(at, actor.clinic))
    row.is_active = is_active
    record(actor, f"{row.__tablename__}.change", row, at=at)
    return row
