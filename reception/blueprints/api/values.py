"""The values that travel in JSON: ids, instants, dates, money. Strict: what is written in another way is refused.

`minor` and `shown` are the two ends of money: smallest units in the house, a string with the currency's digits outside.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationInfo
from pydantic import StringConstraints as Limits
from pydantic import WithJsonSchema as Described
from pydantic_core import PydanticCustomError

from reception.formats import digits
from reception.words import N_

MOST_ID = 2**63 - 1
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)
"""Instants and days outside this span are a slip of the hand; arithmetic with them is safe within."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)  # fmt: skip
_MONEY = re.compile(r"(\d{1,15})(?:\.(\d{1,4}))?", re.ASCII)


class Strict(BaseModel):
    """What the API takes: nothing unknown, nothing converted, and no value repeated in an error."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class Shape(BaseModel):
    """What the API gives. The code builds plain dicts; this describes them, and the tests hold them against it."""

    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)


def _refuse(kind: str, message: str) -> PydanticCustomError:
    return PydanticCustomError(kind, message)


# ------------------------------------------------------------------------------------------------------- coming in


def _instant(value: Any) -> datetime:
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            at = datetime.fromisoformat(value.upper())
            if EARLIEST < at.date() < LATEST:
                return at.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise _refuse("instant", N_("This must be an instant with its zone, such as 2026-11-21T10:00:00Z."))


def _day(value: Any) -> date:
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise _refuse("day", N_("This must be a date, such as 2026-11-21."))


def _near(value: date) -> date:
    if EARLIEST < value < LATEST:
        return value
    raise _refuse("day", N_("This must be a date, such as 2026-11-21."))


def _moment(value: Any) -> date | datetime:
    text = value.replace(" ", "+") if isinstance(value, str) else value  # a plus sign in an address means a space
    return _near(_day(text)) if isinstance(text, str) and len(text) == 10 else _instant(text)


def _stored(value: str) -> str:
    if "\x00" in value:
        raise _refuse("characters", N_("This contains characters that cannot be stored."))
    return value


def _minor(value: Any, info: ValidationInfo) -> int:
    currency = (info.context or {}).get("currency", "EUR")
    found = _MONEY.fullmatch(value) if isinstance(value, str) else None
    places = digits(currency)
    if found is None or len(found[2] or "") > places:
        raise _refuse("money", N_("This must be an amount in a string, such as 12.50."))
    return int(found[1]) * 10**places + int((found[2] or "").ljust(places, "0") or 0)


def _whole(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    raise _refuse("whole", N_("This must be a whole number."))


Id = Annotated[int, Field(ge=1, le=MOST_ID)]
Version = Annotated[int, Field(ge=0, le=MOST_ID)]
"""The record's `version` as the caller saw it; another one by now is a conflict."""
Instant = Annotated[
    datetime, PlainValidator(_instant), Described({"type": "string", "format": "date-time"}),
]  # fmt: skip
Day = Annotated[date, PlainValidator(_day), Described({"type": "string", "format": "date"})]
Money = Annotated[
    int,
    PlainValidator(_minor),
    Described({"type": "string", "pattern": r"^\d{1,15}(\.\d{1,4})?$", "examples": ["12.50"]}),
]
Line = Annotated[str, Limits(max_length=500), AfterValidator(_stored)]
Text = Annotated[str, Limits(max_length=5000), AfterValidator(_stored)]

AskedId = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=MOST_ID)]
"""An id in an address."""
AskedLimit = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=500)]
AskedDay = Annotated[date, PlainValidator(_day), AfterValidator(_near), Described({"type": "string", "format": "date"})]
AskedMoment = Annotated[
    date,
    PlainValidator(_moment),
    Described({"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}),
]
"""A day or an instant in an address."""

# ------------------------------------------------------------------------------------------------------- going out

Stamp = Annotated[str, Described({"type": "string", "format": "date-time", "pattern": "Z$"})]
Date = Annotated[str, Described({"type": "string", "format": "date"})]
Amount = Annotated[str, Described({"type": "string", "pattern": r"^-?\d+(\.\d+)?$", "examples": ["1500.00"]})]


def stamp(at: datetime | None) -> str | None:
    """An instant (aware UTC) as the API writes it: 2026-11-20T09:00:00Z."""
    return None if at is None else at.isoformat()[:-6] + "Z"


def shown(amount: int, currency: str) -> str:
    """Smallest units as the API writes them: "1500.00"."""
    places = digits(currency)
    if not places:
        return str(amount)
    sign, text = ("-", str(-amount)) if amount < 0 else ("", str(amount))
    text = text.rjust(places + 1, "0")
    return f"{sign}{text[:-places]}.{text[-places:]}"
