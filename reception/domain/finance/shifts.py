"""The cashbox's shift: from one count to the next. Opening, closing with the Z report, and who may.

A difference between what is counted and what the ledger says is posted with its reason, as an operation of its own;
after it the cashbox holds what was counted. Payments hold the cashbox's row while they stand, opening and closing lock
it: so each of them is in the shift, or refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select

from reception.domain import numbers
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import NotAllowed, NotPossible, Stale, invalid_field
from reception.domain.finance.coins import counted
from reception.domain.finance.ledger import account, new_operation, post, transfer
from reception.domain.finance.payments import METHOD_OF
from reception.domain.locks import load, locked
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import (
    Account,
    AccountKind,
    AuditHead,
    Cashbox,
    CashboxShift,
    CashTransfer,
    CashTransferStatus,
    LedgerEntry,
    LedgerKind,
    Role,
)
from reception.words import N_

EVENT = "cashbox_shift"
"""The event of a counted difference: its purpose is `opening` or `closing`."""
STANDING_IN = (Role.MANAGER, Role.ADMIN)
"""Who may close a shift that somebody else has open."""


def start_shift(
    cashbox_id: int,
    *,
    actor: Actor,
    at: datetime,
    coins: Mapping[int, int] | None = None,
    amount: int | None = None,
    reason: str = "",
    expected: int | None = None,
) -> CashboxShift:
    """Open a shift with what was counted. `expected`: what the cashbox held when the cashier looked.

    From the first one on, money moves through this cashbox only while a shift is open. Raises NotFound, NotPossible,
    Stale or Invalid.
    """
    box = locked(Cashbox, cashbox_id, actor.clinic_id)
    if not box.is_open:
        raise NotPossible(N_("The cashbox %(name)s is closed."), name=box.name, code="cashbox-closed")
    if standing := shift_of(box):
        raise NotPossible(
            N_("%(name)s has an open shift already."), name=box.name, code="shift-open", link=(EVENT, standing.id)
        )
    held = balance_of(box)
    _as_seen(expected, held)
    found, pieces = counted(box, coins, amount, expected=held, currency=actor.clinic.currency)
    why = _why(found - held, reason)
    last = db.session.scalar(select(func.max(CashboxShift.closed_at)).where(CashboxShift.cashbox_id == box.id))
    shift = CashboxShift(
        clinic_id=actor.clinic_id,
        cashbox_id=box.id,
        opened_at=max(at, last) if last else at,
        opened_by_id=actor.user_id,
        opening_counted=found,
        opening_expected=held,
        opening_coins=pieces,
        opening_reason=why,
        coins={},
    )
    box.keeps_shifts = True
    db.session.add(shift)
    db.session.flush()
    _post_difference(shift, box, found - held, "opening", why, actor=actor, at=shift.opened_at)
    record(actor, "cashbox_shift.open", shift, at=at, also=(box,), difference=found - held)
    return shift


def close_shift(
    shift_id: int,
    *,
    actor: Actor,
    at: datetime,
    coins: Mapping[int, int] | None = None,
    amount: int | None = None,
    reason: str = "",
    expected: int | None = None,
) -> CashboxShift:
    """Close a shift with what was counted, and number its Z report. `expected`: as in `start_shift`.

    Raises NotFound, NotAllowed, NotPossible, Stale or Invalid.
    """
    box = locked(Cashbox, load(CashboxShift, shift_id, actor.clinic_id).cashbox_id, actor.clinic_id)
    shift = locked(CashboxShift, shift_id, actor.clinic_id)
    if shift.closed_at is not None:
        raise NotPossible(N_("This shift of %(name)s is closed already."), name=box.name, code="shift-closed")
    if not may_close(shift, actor):
        raise NotAllowed(N_("Somebody else has this shift open. Only a manager may close it for them."))
    if waiting := pending_of(box):
        raise NotPossible(
            N_("The transfer from %(source)s to %(target)s still waits. Accept, refuse or withdraw it first."),
            source=waiting.source.name,
            target=waiting.target.name,
            code="transfer-pending",
            link=("cash_transfer", waiting.id),
        )
    held = balance_of(box)
    _as_seen(expected, held)
    found, pieces = counted(box, coins, amount, expected=held, currency=actor.clinic.currency)
    why = _why(found - held, reason)
    last = db.session.scalar(select(func.max(LedgerEntry.at)).where(LedgerEntry.shift_id == shift.id))
    closed_at = max(at, last or at, shift.opened_at)
    _post_difference(shift, box, found - held, "closing", why, actor=actor, at=closed_at)
    number = numbers.z_no(actor.clinic, box.id)
    head = db.session.scalar(select(AuditHead.hash).where(AuditHead.clinic_id == actor.clinic_id))
    # All in one statement: a closed shift is never changed.
    shift.closed_at, shift.closed_by_id = closed_at, actor.user_id
    shift.counted, shift.expected, shift.coins, shift.reason = found, held, pieces, why
    shift.number, shift.audit_hash = number, head or ""
    record(actor, "cashbox_shift.close", shift, at=at, difference=found - held)
    return shift


def shift_of(box: Cashbox) -> CashboxShift | None:
    """The shift that is open at the cashbox."""
    query = select(CashboxShift).where(CashboxShift.cashbox_id == box.id, CashboxShift.closed_at.is_(None))
    return db.session.scalar(query)


def may_close(shift: CashboxShift, actor: Actor) -> bool:
    """Who opened it, or somebody who may stand in."""
    return shift.opened_by_id == actor.user_id or actor.has(*STANDING_IN)


def pending_of(box: Cashbox) -> CashTransfer | None:
    """A transfer from or to the cashbox that nobody has answered; the oldest one."""
    query = select(CashTransfer).where(
        CashTransfer.clinic_id == box.clinic_id,
        CashTransfer.status == CashTransferStatus.PENDING,
        (CashTransfer.source_id == box.id) | (CashTransfer.target_id == box.id),
    )
    return db.session.scalar(query.order_by(CashTransfer.id).limit(1))


def balance_of(box: Cashbox) -> int:
    """What the ledger says is in the cashbox."""
    return db.session.scalars(select(Account.balance).where(Account.id == box.account_id)).one()


def _as_seen(expected: int | None, held: int) -> None:
    if expected not in (None, held):
        raise Stale(N_("Money moved meanwhile. Look at what is expected now, and at your count."))


def _why(difference: int, reason: str) -> str:
    why = checked(reason, "reason", 200)
    if difference and not why:
        raise invalid_field("reason", N_("The count differs from what is expected. Say why."))
    return why if difference else ""


def _post_difference(
    shift: CashboxShift, box: Cashbox, difference: int, purpose: str, why: str, *, actor: Actor, at: datetime
) -> None:
    """Missing money goes out of the cashbox, surplus comes in: against the account of differences."""
    if not difference:
        return
    operation = new_operation(LedgerKind.ADJUSTMENT, abs(difference), actor=actor, at=at, note=why)
    other = account(AccountKind.DIFFERENCE, actor.clinic_id)
    debit, credit = (box.account_id, other) if difference > 0 else (other, box.account_id)
    post(
        [
            transfer(
                LedgerKind.ADJUSTMENT,
                debit=debit,
                credit=credit,
                amount=abs(difference),
                method=METHOD_OF[box.kind],
                cashbox_id=box.id,
                shift_id=shift.id,
                operation_id=operation.id,
                event=(EVENT, shift.id, purpose),
                actor=actor,
                at=at,
            )
        ]
    )
