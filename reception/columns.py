"""The column types and constraint helpers that `models.py` is written with."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import MappedColumn, mapped_column

E = TypeVar("E", bound=StrEnum)


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware UTC in Python, `timestamptz` on PostgreSQL, sortable UTC text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("An instant needs its zone.")
        at = value.astimezone(UTC)
        return at.replace(tzinfo=None) if dialect.name == "sqlite" else at

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BigId = BigInteger().with_variant(Integer, "sqlite")

Id = Annotated[int, mapped_column(BigId, primary_key=True)]
Ref = Annotated[int, mapped_column(BigId)]
"""The id of another row; its foreign key is a `wall(...)` in `__table_args__`."""
Money = Annotated[int, mapped_column(BigInteger)]
"""Whole smallest units of the clinic's currency (cents; yen)."""
Instant = Annotated[datetime, mapped_column(UtcDateTime)]
Name = Annotated[str, mapped_column(String(200))]
Code = Annotated[str, mapped_column(String(64))]
Long = Annotated[str, mapped_column(Text)]
Folded = Annotated[str, mapped_column(Text().with_variant(Text(collation="C"), "postgresql"))]
"""Text as searches compare it: in the order of its bytes on both databases, so that a prefix is a range."""


def state(kind: type[E], **options: Any) -> MappedColumn[E]:
    """A column that holds one name of `kind`, checked by the database."""
    name = "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.__name__).lstrip("_")
    return mapped_column(
        Enum(kind, native_enum=False, length=24, create_constraint=True, name=name, values_callable=lambda k: list(k)),
        **options,
    )


def walled(*more: Any) -> tuple[Any, ...]:
    """Table arguments of a parent inside a clinic: children may point at (clinic_id, id)."""
    return (UniqueConstraint("clinic_id", "id"), *more)


def wall(column: str, parent: str, **options: Any) -> ForeignKeyConstraint:
    """A reference that cannot leave the clinic: (clinic_id, `column`) -> `parent`(clinic_id, id)."""
    return ForeignKeyConstraint(["clinic_id", column], [f"{parent}.clinic_id", f"{parent}.id"], **options)


def unique_where(name: str, *columns: str, where: str) -> Index:
    """A unique index over the rows for which `where` (SQL) holds."""
    return Index(name, *columns, unique=True, sqlite_where=text(where), postgresql_where=text(where))


def index_where(name: str, *columns: str, where: str) -> Index:
    """An index over the rows for which `where` (SQL) holds."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


def check(name: str, rule: str) -> CheckConstraint:
    """A CHECK called ck_<table>_`name`."""
    return CheckConstraint(rule, name=name)


def whole_units(*columns: str) -> CheckConstraint:
    """SQLite keeps text or floats in an integer column unless told otherwise."""
    rule = " AND ".join(f"typeof({c}) IN ('integer', 'null')" for c in columns)
    return CheckConstraint(rule, name="whole_units").ddl_if(dialect="sqlite")


def to(parent: str, **options: Any) -> ForeignKey:
    """A plain foreign key to `parent`.id."""
    return ForeignKey(f"{parent}.id", **options)
