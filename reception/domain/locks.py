"""Rows are locked here, in one order, or not at all.

Order: patient, appointment, doctor, slot, room, visit, payment, cash transfer, cashbox, cashbox shift, then (taken by shared code at the very end)
accounts, queue counter, region versions, audit head. Within a kind by ascending id.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, TypeVar, cast, overload

from sqlalchemy import ColumnElement, Select, bindparam, select
from sqlalchemy.orm.attributes import instance_state
from sqlalchemy.orm.util import identity_key

from reception.domain.errors import NotFound
from reception.extensions import db
from reception.models import (
    Appointment,
    Cashbox,
    Department,
    Doctor,
    Patient,
    Payment,
    Record,
    Room,
    Schedule,
    Service,
    Slot,
    Visit,
)

R = TypeVar("R", bound=Record)
A = TypeVar("A", bound=Record)
B = TypeVar("B", bound=Record)
C = TypeVar("C", bound=Record)

ORDER: tuple[type[Record], ...] = (
    Department, Service, Patient, Appointment, Doctor, Schedule, Slot, Room, Visit, Payment, Cashbox,
)  # fmt: skip


def scoped(kind: type[R], clinic_id: int) -> Select[tuple[R]]:
    """SELECT of `kind` inside the clinic: the only way a record is reached."""
    return select(kind).where(kind.clinic_id == clinic_id)  # type: ignore[attr-defined]


def load(kind: type[R], ident: int, clinic_id: int) -> R:
    """The row for reading. Raises NotFound: another clinic's row looks like none at all.

    A row that this session has read already is not asked for again.
    """
    if is_id(ident):
        known: Any = db.session.identity_map.get(identity_key(kind, ident))
        if known is not None and not instance_state(known).expired and known.clinic_id == clinic_id:
            return cast(R, known)
    return cast(R, _one(_statement(kind, is_lock=False), ident, clinic_id))  # type: ignore[arg-type]


def locked(kind: type[R], ident: int, clinic_id: int) -> R:
    """The row, re-read under its lock until the transaction ends. Raises NotFound."""
    return cast(R, _one(_statement(kind, is_lock=True), ident, clinic_id))  # type: ignore[arg-type]


def _one(query: Select[Any], ident: int, clinic_id: int) -> Any:
    row = db.session.scalar(query, {"clinic_id": clinic_id, "id": ident}) if is_id(ident) else None
    if row is None:
        raise NotFound
    return row


@cache
def _statement(kind: Any, *, is_lock: bool) -> Select[Any]:
    """Made once for each kind: building a statement costs more than running it."""
    query = select(kind).where(kind.clinic_id == bindparam("clinic_id"), kind.id == bindparam("id"))
    if is_lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return query


def held(kind: type[R], idents: Iterable[int], clinic_id: int) -> dict[int, R]:
    """Rows that must stay as they are until the transaction ends; several transactions may hold them. Raises NotFound."""
    idents = set(idents)
    rows: dict[int, R] = {}
    if all(map(is_id, idents)):
        query = scoped(kind, clinic_id).where(kind.id.in_(idents)).order_by(kind.id)
        query = query.with_for_update(read=True).execution_options(populate_existing=True)
        rows = {row.id: row for row in db.session.scalars(query)}
    if idents - set(rows):
        raise NotFound
    return rows


def locked_all(kind: type[R], clinic_id: int, *rules: ColumnElement[bool]) -> list[R]:
    """The clinic's rows for which `rules` hold, re-read under their locks, by id."""
    query = scoped(kind, clinic_id).where(*rules).order_by(kind.id)
    query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return list(db.session.scalars(query))


@overload
def lock(clinic_id: int, a: tuple[type[A], int], /) -> tuple[A]: ...
@overload
def lock(clinic_id: int, a: tuple[type[A], int], b: tuple[type[B], int], /) -> tuple[A, B]: ...
@overload
def lock(
    clinic_id: int, a: tuple[type[A], int], b: tuple[type[B], int], c: tuple[type[C], int], /
) -> tuple[A, B, C]: ...
def lock(clinic_id: int, *wanted: tuple[type[Record], int]) -> Any:
    """Lock several rows in the house's order; they come back in the order they were asked for."""
    rows = {
        (kind, ident): locked(kind, ident, clinic_id)
        for kind, ident in sorted(set(wanted), key=lambda pair: (ORDER.index(pair[0]), pair[1]))
    }
    return tuple(rows[pair] for pair in wanted)


def is_id(value: object) -> bool:
    """Whether `value` can be the id of a row: what cannot is not asked for."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63
