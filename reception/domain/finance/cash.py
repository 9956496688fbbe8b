"""Money that comes and goes beside bills: other income, expenses, and the categories that say what they are for."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from reception.domain.actors import Actor
from reception.domain.audit import record, work
from reception.domain.clinic import named
from reception.domain.edits import unchanged
from reception.domain.errors import NotAllowed, NotFound, NotPossible, invalid_field
from reception.domain.finance.ledger import account, new_operation, open_shift, post, reversal, transfer
from reception.domain.finance.payments import METHOD_OF, MOST
from reception.domain.locks import held, load, locked
from reception.domain.machines import UNDO_SECONDS
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import (
    AccountKind,
    Cashbox,
    CategoryKind,
    LedgerEntry,
    LedgerKind,
    MoneyCategory,
    Operation,
)
from reception.words import N_

POSTED = {CategoryKind.INCOME: LedgerKind.ADJUSTMENT, CategoryKind.EXPENSE: LedgerKind.EXPENSE}
"""The kind of entry that a category's money is."""


def take_in(cashbox_id: int, category_id: int, amount: int, *, actor: Actor, at: datetime, note: str = "") -> Operation:
    """Other income: money comes into a cashbox for `category_id`. Raises NotFound, NotPossible or Invalid."""
    return _moved(CategoryKind.INCOME, cashbox_id, category_id, amount, note, actor=actor, at=at)


def pay_out(cashbox_id: int, category_id: int, amount: int, *, actor: Actor, at: datetime, note: str = "") -> Operation:
    """An expense: money leaves a cashbox, never more than is in it. Raises NotFound, NotPossible or Invalid."""
    return _moved(CategoryKind.EXPENSE, cashbox_id, category_id, amount, note, actor=actor, at=at)


def _moved(
    kind: CategoryKind, cashbox_id: int, category_id: int, amount: int, note: str, *, actor: Actor, at: datetime
) -> Operation:
    if not 0 < amount <= MOST:
        raise invalid_field(
            "amount", N_("An amount must be above zero.") if amount <= 0 else N_("This amount is too large.")
        )
    category = load(MoneyCategory, category_id, actor.clinic_id)
    if category.kind != kind or not category.is_active:
        raise invalid_field("category_id", N_("Choose from the list."))
    text = checked(note, "note", 200)
    box = held(Cashbox, {cashbox_id}, actor.clinic_id)[cashbox_id]
    if not box.is_open:
        raise NotPossible(N_("The cashbox %(name)s is closed."), name=box.name, code="cashbox-closed")
    open_shift(box)
    operation = new_operation(POSTED[kind], amount, actor=actor, at=at, note=text, category_id=category.id)
    if kind == CategoryKind.INCOME:
        debit, credit = box.account_id, account(AccountKind.INCOME, actor.clinic_id)
    else:
        debit, credit = account(AccountKind.EXPENSE, actor.clinic_id), box.account_id
    post(
        [
            transfer(
                POSTED[kind],
                debit=debit,
                credit=credit,
                amount=amount,
                method=METHOD_OF[box.kind],
                cashbox_id=box.id,
                operation_id=operation.id,
                event=("operation", operation.id, "cash"),
                actor=actor,
                at=at,
            )
        ]
    )
    work().regions.add("finance")
    record(actor, "operation.income" if kind == CategoryKind.INCOME else "operation.expense", operation, at=at,
           receipt=operation.receipt_no, amount=amount, cashbox=box.id)  # fmt: skip
    return operation


def undo_cash(operation_id: int, *, actor: Actor, at: datetime) -> Operation:
    """Take an income or expense of one's own back, at once and within its shift: a new operation that reverses it.

    Raises NotFound, NotAllowed or NotPossible.
    """
    done = load(Operation, operation_id, actor.clinic_id)
    if done.category_id is None:
        raise NotFound
    entries = db.session.scalars(select(LedgerEntry).filter_by(operation_id=done.id).order_by(LedgerEntry.id)).all()
    if any(entry.reverses_id is not None for entry in entries):
        raise NotPossible(N_("An undo cannot be undone."), code="not-undoable")
    if done.cashier_id != actor.user_id:
        raise NotAllowed(N_("Only who entered this can take it back."))
    if at - done.at > timedelta(seconds=UNDO_SECONDS):
        raise NotPossible(N_("The time to undo is over."), code="too-late")
    boxes = held(Cashbox, {entry.cashbox_id for entry in entries if entry.cashbox_id}, actor.clinic_id)
    for entry in entries:
        shift = open_shift(boxes[entry.cashbox_id]) if entry.cashbox_id else None
        if (shift.id if shift else None) != entry.shift_id:
            raise NotPossible(N_("The shift of this money is closed."), code="shift-closed")
    reversed_by = select(LedgerEntry.id).where(LedgerEntry.reverses_id.in_([entry.id for entry in entries]))
    if db.session.scalar(reversed_by.limit(1)):
        raise NotPossible(N_("This has been taken back already."), code="undone-already")
    back = new_operation(done.kind, done.amount, actor=actor, at=at, note=done.note, category_id=done.category_id)
    reversals = [reversal(entry, ("operation", back.id, f"undo-{entry.id}"), actor=actor, at=at) for entry in entries]
    for entry in reversals:
        entry.operation_id = back.id
    post(reversals)
    work().regions.add("finance")
    record(actor, "operation.undo", back, at=at, receipt=back.receipt_no, amount=back.amount, operation=done.id)
    return back


# ------------------------------------------------------------------------------------------------------ categories


def categories(clinic_id: int, kind: CategoryKind | None = None, *, all_of_them: bool = False) -> list[MoneyCategory]:
    """The clinic's categories by kind and name; those in use, or `all_of_them`."""
    query = select(MoneyCategory).where(MoneyCategory.clinic_id == clinic_id)
    if kind:
        query = query.where(MoneyCategory.kind == kind)
    if not all_of_them:
        query = query.where(MoneyCategory.is_active)
    return list(db.session.scalars(query.order_by(MoneyCategory.kind.desc(), MoneyCategory.name, MoneyCategory.id)))


def add_category(name: str, kind: CategoryKind, *, actor: Actor, at: datetime) -> MoneyCategory:
    """What other income or expenses may be for. Raises Invalid, or NotPossible where it is there already."""
    row = MoneyCategory(clinic_id=actor.clinic_id, name=named(name), kind=kind)
    db.session.add(row)
    db.session.flush()
    record(actor, "money_category.add", row, at=at)
    return row


def change_category(
    category_id: int, *, actor: Actor, at: datetime, name: str, is_active: bool, seen: str = ""
) -> MoneyCategory:  # fmt: skip
    """Its name, in use or not; what was booked on it stays."""
    row = unchanged(locked(MoneyCategory, category_id, actor.clinic_id), seen)
    row.name, row.is_active = named(name), is_active
    record(actor, "money_category.change", row, at=at)
    return row
