"""What went through each cashbox in a time: what was in it before and after, in and out by kind and method, day by day.

Reckoned back from what is in it now by the daily sums, so that a long past costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import and_, func, or_, select

from reception import clock
from reception.domain.actors import Actor
from reception.domain.finance.shifts import EVENT
from reception.domain.operations import IN, OUT, balances
from reception.extensions import db
from reception.models import Cashbox, CashboxShift, CashboxSum, LedgerEntry, LedgerKind, Method


@dataclass(slots=True)
class Part:
    """In and out of one kind and method; `is_difference`: what counts found too much or missing."""

    kind: LedgerKind
    method: Method | None
    is_difference: bool
    money_in: int = 0
    money_out: int = 0


@dataclass(frozen=True, slots=True)
class Day:
    """A day on which something moved; `closing` = `opening` + `money_in` - `money_out`."""

    day: date
    opening: int
    money_in: int
    money_out: int

    @property
    def closing(self) -> int:
        return self.opening + self.money_in - self.money_out


@dataclass(slots=True)
class BoxReport:
    """One cashbox in the time that was asked for."""

    cashbox: Cashbox
    opening: int
    parts: list[Part] = field(default_factory=list)
    days: list[Day] = field(default_factory=list)

    @property
    def money_in(self) -> int:
        return sum(part.money_in for part in self.parts)

    @property
    def money_out(self) -> int:
        return sum(part.money_out for part in self.parts)

    @property
    def closing(self) -> int:
        return self.opening + self.money_in - self.money_out


Moved = dict[tuple[date, LedgerKind, Method | None, bool], tuple[int, int]]
"""{(day, kind, method, is difference): (in, out)} of one cashbox."""


def read(viewer: Actor, first: date, last: date, cashbox_id: int | None = None) -> list[BoxReport]:
    """The clinic's cashboxes, or one, from `first` to `last`, both included."""
    found = [(box, balance) for box, balance in balances(viewer) if cashbox_id in (None, box.id)]
    moved, after = _moved(viewer, first, last, cashbox_id), _after(viewer, last, cashbox_id)
    reports = []
    for box, balance in found:
        own = moved.get(box.id, {})
        closing = balance - after.get(box.id, 0)
        report = BoxReport(box, closing - sum(money_in - money_out for money_in, money_out in own.values()))
        _fill(report, own)
        reports.append(report)
    return reports


def _fill(report: BoxReport, moved: Moved) -> None:
    parts: dict[tuple[LedgerKind, Method | None, bool], Part] = {}
    days: dict[date, list[int]] = {}
    for (day, kind, method, is_difference), (money_in, money_out) in moved.items():
        part = parts.setdefault((kind, method, is_difference), Part(kind, method, is_difference))
        part.money_in += money_in
        part.money_out += money_out
        sums = days.setdefault(day, [0, 0])
        sums[0] += money_in
        sums[1] += money_out
    report.parts = sorted(parts.values(), key=lambda part: (-part.money_in, -part.money_out, part.kind))
    opening = report.opening
    for day, (money_in, money_out) in sorted(days.items()):
        report.days.append(Day(day, opening, money_in, money_out))
        opening = report.days[-1].closing


def _moved(viewer: Actor, first: date, last: date, cashbox_id: int | None) -> dict[int, Moved]:
    """By the daily sums; counted differences are taken out of their kind."""
    columns = (CashboxSum.cashbox_id, CashboxSum.day, CashboxSum.kind, CashboxSum.method)
    query = (
        select(*columns, func.sum(CashboxSum.money_in), func.sum(CashboxSum.money_out))
        .where(CashboxSum.clinic_id == viewer.clinic_id, CashboxSum.day.between(first, last))
        .group_by(*columns)
    )
    if cashbox_id is not None:
        query = query.where(CashboxSum.cashbox_id == cashbox_id)
    found: dict[int, Moved] = {}
    for box_id, day, kind, method, money_in, money_out in db.session.execute(query):
        way = Method(method) if method else None
        found.setdefault(box_id, {})[day, kind, way, False] = (int(money_in), int(money_out))
    for (box_id, day, kind, way), (more_in, more_out) in _differences(viewer, first, last).items():
        if box_id not in found:
            continue
        own = found[box_id]
        money_in, money_out = own.pop((day, kind, way, False))
        if (money_in, money_out) != (more_in, more_out):
            own[day, kind, way, False] = (money_in - more_in, money_out - more_out)
        own[day, kind, way, True] = (more_in, more_out)
    return found


def _differences(
    viewer: Actor, first: date, last: date
) -> dict[tuple[int, date, LedgerKind, Method | None], tuple[int, int]]:
    """What the counts of the time found too much or missing, by cashbox, day and method."""
    starts, ends = clock.day_bounds(first, viewer.clinic)[0], clock.day_bounds(last, viewer.clinic)[1]
    columns = (Cashbox.id, LedgerEntry.day, LedgerEntry.kind, LedgerEntry.method)
    query = (
        select(*columns, func.sum(IN), func.sum(OUT))
        .select_from(CashboxShift)
        .join(LedgerEntry, and_(LedgerEntry.event_kind == EVENT, LedgerEntry.event_id == CashboxShift.id))
        .join(Cashbox, Cashbox.id == LedgerEntry.cashbox_id)
        .where(
            CashboxShift.clinic_id == viewer.clinic_id,
            CashboxShift.opened_at < ends,
            or_(CashboxShift.closed_at.is_(None), CashboxShift.closed_at >= starts),
            LedgerEntry.day.between(first, last),
        )
        .group_by(*columns)
    )
    rows = db.session.execute(query)
    return {(box, day, kind, way): (int(more), int(less)) for box, day, kind, way, more, less in rows}


def _after(viewer: Actor, last: date, cashbox_id: int | None) -> dict[int, int]:
    """What each cashbox gained after `last`."""
    query = (
        select(CashboxSum.cashbox_id, func.sum(CashboxSum.money_in - CashboxSum.money_out))
        .where(CashboxSum.clinic_id == viewer.clinic_id, CashboxSum.day > last)
        .group_by(CashboxSum.cashbox_id)
    )
    if cashbox_id is not None:
        query = query.where(CashboxSum.cashbox_id == cashbox_id)
    return {box_id: int(net) for box_id, net in db.session.execute(query)}
