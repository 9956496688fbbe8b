"""Money when two cards become one.

Entries of the ledger are never changed, and each account belongs to one card. So the balance of the gone card's
accounts (debt, bonus, deposit) is carried over to the kept card's accounts by an ADJUSTMENT at the merge: the gone
card's accounts are zero while it is merged. A bill moves with its card, and all that is posted about it (payment,
charge, reversal) goes to the account of the card that the bill names at that moment, whoever was charged first
(`ledger.reversal`).

Taken apart, the gone card gets back what was carried, with what happened to its bills meanwhile: a bill that was paid
or cancelled while it was merged is settled for it, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select

from reception.domain.actors import Actor
from reception.domain.errors import NotPossible
from reception.domain.finance import DEBIT_SIDE, account, post, transfer
from reception.extensions import db
from reception.models import Account, AccountKind, LedgerEntry, LedgerKind, PatientMerge
from reception.words import N_

DEBT = AccountKind.PATIENT_DEBT
Carried = dict[str, dict[str, int]]


def carry(merge: PatientMerge, bills: Iterable[int], *, actor: Actor, at: datetime) -> Carried:
    """Carry the gone card's balances over. {kind of account: {"all": balance, "bills": what of it its bills made}}."""
    carried: Carried = {}
    for kind, balance in _balances(merge.gone_id).items():
        carried[kind] = {"all": balance, "bills": _net(bills) if kind == DEBT else 0}
        _carry(merge, kind, balance, merge.gone_id, merge.kept_id, "carry", actor, at)
    return carried


def give_back(merge: PatientMerge, bills: Iterable[int], *, actor: Actor, at: datetime) -> None:
    """The gone card's balances as they would stand without the merge. Raises NotPossible where a bonus was spent."""
    carried: Carried = merge.before.get("money", {})
    mine, kept = _balances(merge.gone_id), _balances(merge.kept_id)
    for kind in sorted({*map(AccountKind, carried), DEBT}):
        was = carried.get(kind, {"all": 0, "bills": 0})
        due = was["all"] - was["bills"] + (_net(bills) if kind == DEBT else 0) - mine.get(kind, 0)
        if kind == AccountKind.BONUS_OWED and due > kept.get(kind, 0):
            raise NotPossible(
                N_("The bonus of the merged card has been used since. The cards cannot be taken apart any more."),
                code="bonus-used",
                allowed=[],
            )
        _carry(merge, kind, due, merge.kept_id, merge.gone_id, "return", actor, at)


def _balances(patient_id: int) -> dict[AccountKind, int]:
    rows = db.session.execute(
        select(Account.kind, Account.balance)
        .where(Account.patient_id == patient_id, Account.balance != 0)
        .order_by(Account.kind)
    )
    return {kind: balance for kind, balance in rows}


def _carry(
    merge: PatientMerge, kind: AccountKind, amount: int, source: int, target: int, why: str, actor: Actor, at: datetime
) -> None:  # fmt: skip
    """Move `amount` of the balance of one card's account to the other's; a negative one the other way round."""
    if not amount:
        return
    giving = account(kind, merge.clinic_id, patient_id=source)
    getting = account(kind, merge.clinic_id, patient_id=target)
    debit, credit = (getting, giving) if (amount > 0) == (kind in DEBIT_SIDE) else (giving, getting)
    post(
        [
            transfer(
                LedgerKind.ADJUSTMENT, debit=debit, credit=credit, amount=abs(amount), patient_id=target,
                event=("patient-merge", merge.id, f"{why}-{kind}".lower()), actor=actor, at=at,
            )
        ]
    )  # fmt: skip


def _net(bills: Iterable[int]) -> int:
    """What the bills' entries add up to on the debts of patients."""
    bills = list(bills)
    debts = {ident for (ident,) in db.session.execute(
        select(Account.id).where(Account.kind == DEBT, Account.id.in_(
            select(LedgerEntry.debit_id).where(LedgerEntry.payment_id.in_(bills)).union(
                select(LedgerEntry.credit_id).where(LedgerEntry.payment_id.in_(bills))
            )
        ))
    )}  # fmt: skip
    entries = db.session.execute(
        select(LedgerEntry.debit_id, LedgerEntry.credit_id, LedgerEntry.amount).where(LedgerEntry.payment_id.in_(bills))
    )
    return sum(amount * ((debit in debts) - (credit in debts)) for debit, credit, amount in entries)
