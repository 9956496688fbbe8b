"""Reading the shifts: what an X or Z report says, who has which cashbox open, what is on its way between them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.orm import joinedload

from reception.domain.actors import Actor
from reception.domain.finance.shifts import EVENT
from reception.domain.operations import IN, OUT
from reception.extensions import db
from reception.models import (
    Account,
    Cashbox,
    CashboxShift,
    CashTransfer,
    CashTransferStatus,
    LedgerEntry,
    LedgerKind,
    Method,
    Operation,
)

PAGE = 50


@dataclass(frozen=True, slots=True)
class Row:
    """What came in and went out in one way; `count`: by how many operations."""

    kind: LedgerKind
    method: Method | None
    money_in: int
    money_out: int
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """An X report of an open shift, the Z report of a closed one. `expected` = `opening` + `money_in` - `money_out`;
    counted differences are not among the rows."""

    shift: CashboxShift
    opening: int
    rows: list[Row]
    money_in: int
    money_out: int
    expected: int
    first_receipt: str
    last_receipt: str

    @property
    def operations(self) -> int:
        return sum(row.count for row in self.rows)

    @property
    def difference(self) -> int | None:
        """What was counted beyond what was expected; None while it is open."""
        return None if self.shift.counted is None else self.shift.counted - self.expected

    @property
    def opening_difference(self) -> int:
        return self.shift.opening_counted - self.shift.opening_expected


def read(shift: CashboxShift) -> Report:
    """The report of the shift as it stands."""
    rule = (LedgerEntry.shift_id == shift.id, LedgerEntry.event_kind != EVENT)
    found = db.session.execute(
        select(
            LedgerEntry.kind, LedgerEntry.method, func.sum(IN), func.sum(OUT),
            func.count(LedgerEntry.operation_id.distinct()),
        )
        .join(Cashbox, Cashbox.id == LedgerEntry.cashbox_id)
        .where(*rule)
        .group_by(LedgerEntry.kind, LedgerEntry.method)
        .order_by(func.sum(IN).desc(), func.sum(OUT).desc(), LedgerEntry.kind)
    ).all()  # fmt: skip
    rows = [
        Row(kind, method, int(money_in), int(money_out), count) for kind, method, money_in, money_out, count in found
    ]
    numbers = select(func.min(Operation.receipt_no), func.max(Operation.receipt_no))
    first, last = db.session.execute(
        numbers.where(Operation.id.in_(select(LedgerEntry.operation_id).where(*rule)))
    ).one()
    money_in, money_out = sum(row.money_in for row in rows), sum(row.money_out for row in rows)
    opening = shift.opening_counted
    return Report(shift, opening, rows, money_in, money_out, opening + money_in - money_out, first or "", last or "")


@dataclass(frozen=True, slots=True)
class Box:
    """A cashbox as it stands: what the ledger says is in it, and its open shift."""

    cashbox: Cashbox
    balance: int
    shift: CashboxShift | None


def boxes(viewer: Actor) -> list[Box]:
    """The clinic's open cashboxes by name, with their open shifts."""
    query = (
        select(Cashbox, Account.balance, CashboxShift)
        .join(Account, Account.id == Cashbox.account_id)
        .outerjoin(CashboxShift, and_(CashboxShift.cashbox_id == Cashbox.id, CashboxShift.closed_at.is_(None)))
        .where(Cashbox.clinic_id == viewer.clinic_id, Cashbox.is_open)
        .options(joinedload(CashboxShift.opened_by))
        .order_by(Cashbox.kind != "CASH", Cashbox.name, Cashbox.id)
    )
    return [Box(*row) for row in db.session.execute(query)]


def open_transfers(viewer: Actor) -> list[CashTransfer]:
    """Transfers that nobody has answered, oldest first."""
    query = select(CashTransfer).where(
        CashTransfer.clinic_id == viewer.clinic_id, CashTransfer.status == CashTransferStatus.PENDING
    )
    query = query.options(joinedload(CashTransfer.source), joinedload(CashTransfer.target))
    return list(db.session.scalars(query.order_by(CashTransfer.id)))


def history(
    viewer: Actor, *, cashbox_id: int | None = None, before: int | None = None
) -> tuple[list[CashboxShift], int | None]:
    """Closed shifts, newest first, of one cashbox or all; where the next page begins."""
    query = select(CashboxShift).where(CashboxShift.clinic_id == viewer.clinic_id, CashboxShift.closed_at.is_not(None))
    if cashbox_id:
        query = query.where(CashboxShift.cashbox_id == cashbox_id)
    if before:
        query = query.where(CashboxShift.id < before)
    query = query.options(
        joinedload(CashboxShift.cashbox), joinedload(CashboxShift.opened_by), joinedload(CashboxShift.closed_by)
    )
    found = list(db.session.scalars(query.order_by(CashboxShift.id.desc()).limit(PAGE + 1)))
    return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None
