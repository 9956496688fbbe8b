"""The ledger: transfers between accounts, from which every total is derived.

An entry moves `amount` from its credit account to its debit account, so the ledger balances by construction.
An account's `balance` caches its entries on its own side: claims and places of money (DEBIT_SIDE) grow by debits, all
others by credits. A business event posts once: (event kind, event id, purpose) is unique.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Date, bindparam, select, text, update

from reception.clock import service_day
from reception.domain import numbers
from reception.domain.actors import Actor
from reception.domain.errors import NotPossible
from reception.extensions import core, db
from reception.models import Account, AccountKind, Cashbox, CashboxShift, LedgerEntry, LedgerKind, Operation, Payment
from reception.words import N_

DEBIT_SIDE = frozenset(
    {
        AccountKind.CASHBOX, AccountKind.PATIENT_DEBT, AccountKind.INSURER_DEBT, AccountKind.EXPENSE,
        AccountKind.BONUS_DEBT,
    }
)  # fmt: skip

TOO_LITTLE = {
    AccountKind.CASHBOX: N_("There is not enough money in this cashbox."),
    AccountKind.BONUS_OWED: N_("There is not so much bonus."),
    AccountKind.BONUS_DEBT: N_("The bonus debt is not so large."),
    AccountKind.DEPOSIT_HELD: N_("The deposit is not so large."),
}
"""Accounts that never go below zero, and what is said instead."""


def account(kind: AccountKind, clinic_id: int, **owner: int) -> int:
    """Id of the account of `kind` (of the patient or doctor `owner`), opened at first need."""
    query = select(Account.id).filter_by(clinic_id=clinic_id, kind=kind, **owner)
    if found := db.session.scalar(query):
        return found
    from sqlalchemy.dialects import postgresql, sqlite

    insert = (postgresql if db.session.get_bind().dialect.name == "postgresql" else sqlite).insert
    db.session.execute(
        insert(Account).values(clinic_id=clinic_id, kind=kind, name="", balance=0, **owner).on_conflict_do_nothing()
    )
    return int(db.session.scalars(query).one())


def post(entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """Add transfers and move the cached balances with them, accounts in ascending order. Raises NotPossible."""
    entries = list(entries)
    _stamp_shifts(entries)
    moved: dict[int, int] = {}
    for entry in entries:
        moved[entry.debit_id] = moved.get(entry.debit_id, 0) + entry.amount
        moved[entry.credit_id] = moved.get(entry.credit_id, 0) - entry.amount
    kinds: dict[int, AccountKind] = {
        ident: kind for ident, kind in db.session.execute(select(Account.id, Account.kind).where(Account.id.in_(moved)))
    }
    db.session.add_all(entries)
    db.session.flush()
    for ident in sorted(moved):
        change = moved[ident] if kinds[ident] in DEBIT_SIDE else -moved[ident]
        query = update(Account).where(Account.id == ident).values(balance=Account.balance + change)
        if kinds[ident] in TOO_LITTLE:
            query = query.where(Account.balance + change >= 0)
        done = db.session.execute(query, execution_options={"synchronize_session": False})
        if not done.rowcount:  # type: ignore[attr-defined]
            raise NotPossible(TOO_LITTLE[kinds[ident]], code="not-enough")
    _note_sums(entries)
    return entries


def _note_sums(entries: list[LedgerEntry]) -> None:
    """Raise the daily sums of the cashboxes with their entries; the account of each is locked by now."""
    sums: dict[tuple[Any, ...], list[int]] = {}
    for entry in entries:
        if entry.cashbox_id:
            key = (entry.cashbox_id, entry.day, entry.kind, entry.method or "", entry.cashier_id or 0, entry.clinic_id)
            is_in = entry.debit_id == db.session.get_one(Cashbox, entry.cashbox_id).account_id
            found = sums.setdefault(key, [0, 0, 0])
            found[0 if is_in else 1] += entry.amount
            found[2] += 1
    for key in sorted(sums):
        core(_RAISE_SUM, dict(zip(_SUM_NAMES, (*key, *sums[key]), strict=True)))


_SUM_NAMES = ("cashbox_id", "day", "kind", "method", "cashier_id", "clinic_id", "money_in", "money_out", "entries")
_RAISE_SUM = text(
    f"INSERT INTO cashbox_sum ({', '.join(_SUM_NAMES)}) VALUES ({', '.join(f':{name}' for name in _SUM_NAMES)})"  # noqa: S608
    " ON CONFLICT (cashbox_id, day, kind, method, cashier_id) DO UPDATE SET"
    " money_in = cashbox_sum.money_in + excluded.money_in, money_out = cashbox_sum.money_out + excluded.money_out,"
    " entries = cashbox_sum.entries + excluded.entries"
).bindparams(bindparam("day", type_=Date))


def new_operation(kind: LedgerKind, amount: int, *, actor: Actor, at: datetime, **more: Any) -> Operation:
    """One act of the cashier, with the next receipt number; its entries are still to be posted."""
    number = numbers.receipt_no(actor.clinic, service_day(at, actor.clinic))
    operation = Operation(
        clinic_id=actor.clinic_id, kind=kind, at=at, receipt_no=number, cashier_id=actor.user_id, amount=amount, **more
    )
    db.session.add(operation)
    db.session.flush()
    return operation


def open_shift(cashbox: Cashbox) -> CashboxShift | None:
    """The shift that takes the cashbox's money now; None where it keeps none. Raises NotPossible where one is needed."""
    if not cashbox.keeps_shifts:
        return None
    found = select(CashboxShift).where(CashboxShift.cashbox_id == cashbox.id, CashboxShift.closed_at.is_(None))
    shift = db.session.scalar(found)
    if shift is None:
        raise NotPossible(
            N_("The shift of %(name)s is closed. Open one first."),
            name=cashbox.name,
            code="shift-closed",
            link=("cashbox", cashbox.id),
        )
    return shift


def _stamp_shifts(entries: list[LedgerEntry]) -> None:
    """Each entry of a cashbox names its open shift; whoever closes one waits for the cashbox's lock. What waited for
    the shift to open counts from its opening."""
    for ident in sorted({entry.cashbox_id for entry in entries if entry.cashbox_id and entry.shift_id is None}):
        shift = open_shift(db.session.get_one(Cashbox, ident))
        for entry in entries:
            if shift and entry.cashbox_id == ident and entry.shift_id is None:
                entry.shift_id, entry.at = shift.id, max(entry.at, shift.opened_at)


def reversal(entry: LedgerEntry, event: tuple[str, int, str], *, actor: Actor, at: datetime) -> LedgerEntry:
    """The entry that takes `entry` back and points at it. What belongs to a bill is posted to the accounts of the card
    that the bill names now: cards are merged and taken apart (`merging_money`)."""
    patient_id = db.session.get_one(Payment, entry.payment_id).patient_id if entry.payment_id else entry.patient_id
    moved = patient_id != entry.patient_id
    return transfer(
        entry.kind,
        debit=_own(entry.credit_id, patient_id) if moved else entry.credit_id,
        credit=_own(entry.debit_id, patient_id) if moved else entry.debit_id,
        amount=entry.amount,
        method=entry.method,
        cashbox_id=entry.cashbox_id,
        payment_id=entry.payment_id,
        service_id=entry.service_id,
        patient_id=patient_id,
        appointment_id=entry.appointment_id,
        visit_id=entry.visit_id,
        doctor_id=entry.doctor_id,
        reverses_id=entry.id,
        event=event,
        actor=actor,
        at=at,
    )


def _own(account_id: int, patient_id: int | None) -> int:
    """Of an account of a patient, the same of `patient_id`; any other account is itself."""
    found = db.session.get_one(Account, account_id)
    if found.patient_id is None or patient_id is None:
        return account_id
    return account(found.kind, found.clinic_id, patient_id=patient_id)


def transfer(
    kind: LedgerKind,
    *,
    debit: int,
    credit: int,
    amount: int,
    event: tuple[str, int, str],
    actor: Actor,
    at: datetime,
    **more: Any,
) -> LedgerEntry:
    """A transfer that is still to be posted; `event`: (kind, id, purpose) of what it follows from."""
    event_kind, event_id, purpose = event
    return LedgerEntry(
        clinic_id=actor.clinic_id,
        at=at,
        day=service_day(at, actor.clinic),
        kind=kind,
        debit_id=debit,
        credit_id=credit,
        amount=amount,
        cashier_id=actor.user_id,
        event_kind=event_kind,
        event_id=event_id,
        purpose=purpose,
        **more,
    )
