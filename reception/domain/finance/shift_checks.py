"""What no constraint can see of the cashboxes' shifts: a part of `verify`."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import and_, case, func, or_, select

from reception.domain.finance.shifts import EVENT
from reception.extensions import db
from reception.models import AuditEntry, Cashbox, CashboxShift, LedgerEntry

NET = func.coalesce(
    func.sum(case((LedgerEntry.debit_id == Cashbox.account_id, LedgerEntry.amount), else_=-LedgerEntry.amount)), 0
)


def findings() -> Iterator[str]:
    """One line for each thing that is wrong with a shift."""
    yield from _sums()
    yield from _strangers()
    yield from _chains()
    yield from _heads()


def _sums() -> Iterator[str]:
    """What was expected is what was there at the opening and what moved; what was counted is what is left."""
    moved = {
        (shift_id, purpose): int(net)
        for shift_id, purpose, net in db.session.execute(
            select(
                LedgerEntry.shift_id,
                case((LedgerEntry.event_kind == EVENT, LedgerEntry.purpose), else_="").label("why"),
                NET,
            )
            .join(Cashbox, Cashbox.id == LedgerEntry.cashbox_id)
            .where(LedgerEntry.shift_id.is_not(None))
            .group_by(LedgerEntry.shift_id, "why")
        )
    }
    for shift in db.session.scalars(select(CashboxShift).order_by(CashboxShift.id)):
        opening, closing = moved.get((shift.id, "opening"), 0), moved.get((shift.id, "closing"), 0)
        if opening != shift.opening_counted - shift.opening_expected:
            yield f"shift {shift.id} found {shift.opening_counted} of {shift.opening_expected}, posted {opening}"
        if shift.closed_at is None or shift.expected is None or shift.counted is None:
            continue
        expected = shift.opening_counted + moved.get((shift.id, ""), 0)
        if shift.expected != expected:
            yield f"shift {shift.id} expected {shift.expected}, its opening and entries say {expected}"
        if closing != shift.counted - shift.expected:
            yield f"shift {shift.id} counted {shift.counted} of {shift.expected}, posted {closing}"


def _strangers() -> Iterator[str]:
    """Entries outside their shift's time or cashbox, and those that name none although one was kept."""
    query = (
        select(LedgerEntry.id, LedgerEntry.shift_id)
        .join(CashboxShift, CashboxShift.id == LedgerEntry.shift_id)
        .where(
            or_(
                LedgerEntry.cashbox_id.is_distinct_from(CashboxShift.cashbox_id),
                LedgerEntry.at < CashboxShift.opened_at,
                and_(CashboxShift.closed_at.is_not(None), LedgerEntry.at > CashboxShift.closed_at),
            )
        )
    )
    for ident, shift_id in db.session.execute(query.order_by(LedgerEntry.id)):
        yield f"ledger entry {ident} is of another cashbox or time than its shift {shift_id}"
    first = (
        select(LedgerEntry.cashbox_id, func.min(LedgerEntry.id).label("id"))
        .where(LedgerEntry.shift_id.is_not(None))
        .group_by(LedgerEntry.cashbox_id)
        .subquery()
    )
    bare = (
        select(LedgerEntry.id)
        .join(first, first.c.cashbox_id == LedgerEntry.cashbox_id)
        .where(LedgerEntry.shift_id.is_(None), LedgerEntry.id > first.c.id)
    )
    for ident in db.session.scalars(bare.order_by(LedgerEntry.id)):
        yield f"ledger entry {ident} names no shift, although its cashbox keeps shifts"


def _chains() -> Iterator[str]:
    """Each shift of a cashbox begins with what the one before left; Z reports are numbered without holes."""
    before: CashboxShift | None = None
    keeps = dict(db.session.execute(select(Cashbox.id, Cashbox.keeps_shifts)).tuples().all())
    for shift in db.session.scalars(select(CashboxShift).order_by(CashboxShift.cashbox_id, CashboxShift.id)):
        if before is None or before.cashbox_id != shift.cashbox_id:
            before = None
            if not keeps[shift.cashbox_id]:
                yield f"cashbox {shift.cashbox_id} has shifts and says that it keeps none"
        if before is not None and before.counted != shift.opening_expected:
            yield f"shift {shift.id} began with {shift.opening_expected}, the one before left {before.counted}"
        due = ((before.number or 0) if before else 0) + 1
        if shift.number is not None and shift.number != due:
            yield f"Z report {shift.number} of cashbox {shift.cashbox_id} should be number {due}"
        before = shift


def _heads() -> Iterator[str]:
    """The head that a Z report carries is an entry of the audit chain."""
    query = (
        select(CashboxShift.id)
        .outerjoin(
            AuditEntry,
            and_(AuditEntry.clinic_id == CashboxShift.clinic_id, AuditEntry.hash == CashboxShift.audit_hash),
        )
        .where(CashboxShift.closed_at.is_not(None), AuditEntry.id.is_(None))
    )
    for ident in db.session.scalars(query.order_by(CashboxShift.id)):
        yield f"the Z report of shift {ident} carries a head that the audit chain does not know"
