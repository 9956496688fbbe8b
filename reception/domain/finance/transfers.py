"""Money from one cashbox to another: one side asks, the other accepts, and only then it moves.

At the target is whoever has its shift open; where it keeps none, everybody but the one who asked. A manager may stand
in, but not for a transfer that is the manager's own. Who asked, or has the source's shift open, may withdraw it.
"""

from __future__ import annotations

from datetime import datetime

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import NotAllowed, NotPossible, Stale, invalid_field
from reception.domain.finance.ledger import TOO_LITTLE, account, new_operation, open_shift, post, transfer
from reception.domain.finance.payments import METHOD_OF, MOST
from reception.domain.finance.shifts import STANDING_IN, balance_of, shift_of
from reception.domain.locks import held, locked
from reception.domain.machines import CASH_TRANSFER
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import AccountKind, Cashbox, CashTransfer, CashTransferStatus, LedgerKind
from reception.words import N_

T = CashTransferStatus


def ask_transfer(
    source_id: int, target_id: int, amount: int, *, actor: Actor, at: datetime, note: str = ""
) -> CashTransfer:
    """Offer money of the source to the target. Nothing moves yet. Raises NotFound, NotPossible or Invalid."""
    if source_id == target_id:
        raise invalid_field("target_id", N_("Choose two different cashboxes."))
    if not 0 < amount <= MOST:
        raise invalid_field(
            "amount", N_("An amount must be above zero.") if amount <= 0 else N_("This amount is too large.")
        )
    boxes = _both(source_id, target_id, actor)
    source, target = boxes
    open_shift(source)
    if amount > balance_of(source):
        raise NotPossible(TOO_LITTLE[AccountKind.CASHBOX], code="not-enough")
    row = CashTransfer(
        clinic_id=actor.clinic_id,
        source_id=source.id,
        target_id=target.id,
        amount=amount,
        note=checked(note, "note", 200),
        asked_at=at,
    )
    db.session.add(row)
    db.session.flush()
    record(actor, "cash_transfer.ask", row, at=at)
    return row


def accept_transfer(transfer_id: int, *, actor: Actor, at: datetime, version: int | None = None) -> CashTransfer:
    """Move the money: out of the source and into the target, each in its own shift. Raises what `ask_transfer` does,
    and NotAllowed."""
    row = _answering(transfer_id, T.ACCEPTED, version, actor)
    if not may_accept(row, actor):
        raise NotAllowed(N_("Only somebody at %(name)s can answer this transfer."), name=row.target.name)
    source, target = _both(row.source_id, row.target_id, actor)
    operation = new_operation(LedgerKind.TRANSFER, row.amount, actor=actor, at=at, note=row.note)
    between = account(AccountKind.DIFFERENCE, actor.clinic_id)
    post(
        transfer(
            LedgerKind.TRANSFER,
            debit=debit,
            credit=credit,
            amount=row.amount,
            method=METHOD_OF[box.kind],
            cashbox_id=box.id,
            operation_id=operation.id,
            event=("operation", operation.id, purpose),
            actor=actor,
            at=at,
        )
        for box, debit, credit, purpose in (
            (source, between, source.account_id, "out"),
            (target, target.account_id, between, "in"),
        )
    )
    row.operation_id = operation.id
    return _answered(row, T.ACCEPTED, "accept", actor=actor, at=at)


def refuse_transfer(transfer_id: int, *, actor: Actor, at: datetime, version: int | None = None) -> CashTransfer:
    """The other side does not take it. Raises NotFound, NotAllowed, NotPossible or Stale."""
    row = _answering(transfer_id, T.REFUSED, version, actor)
    if not may_accept(row, actor):
        raise NotAllowed(N_("Only somebody at %(name)s can answer this transfer."), name=row.target.name)
    return _answered(row, T.REFUSED, "refuse", actor=actor, at=at)


def withdraw_transfer(transfer_id: int, *, actor: Actor, at: datetime, version: int | None = None) -> CashTransfer:
    """Take it back before it is answered. Raises NotFound, NotAllowed, NotPossible or Stale."""
    row = _answering(transfer_id, T.WITHDRAWN, version, actor)
    if not may_withdraw(row, actor):
        raise NotAllowed(N_("Only who asked for this transfer can withdraw it."))
    return _answered(row, T.WITHDRAWN, "withdraw", actor=actor, at=at)


def may_accept(row: CashTransfer, actor: Actor) -> bool:
    """Whether the actor is at the target, or may stand in there."""
    shift = shift_of(row.target)
    if shift is not None and shift.opened_by_id == actor.user_id:
        return True
    is_own = row.created_by_id is not None and row.created_by_id == actor.user_id
    return not is_own and (not row.target.keeps_shifts or actor.has(*STANDING_IN))


def may_withdraw(row: CashTransfer, actor: Actor) -> bool:
    """Who asked, who has the source's shift open, or somebody who may stand in."""
    shift = shift_of(row.source)
    return (
        row.created_by_id == actor.user_id
        or (shift is not None and shift.opened_by_id == actor.user_id)
        or actor.has(*STANDING_IN)
    )


def _both(source_id: int, target_id: int, actor: Actor) -> tuple[Cashbox, Cashbox]:
    """Both cashboxes, which nobody closes, nor their shifts, before this stands."""
    boxes = held(Cashbox, {source_id, target_id}, actor.clinic_id)
    for box in boxes.values():
        if not box.is_open:
            raise NotPossible(N_("The cashbox %(name)s is closed."), name=box.name, code="cashbox-closed")
    return boxes[source_id], boxes[target_id]


def _answering(transfer_id: int, status: CashTransferStatus, version: int | None, actor: Actor) -> CashTransfer:
    row = locked(CashTransfer, transfer_id, actor.clinic_id)
    if (row.status, status) not in CASH_TRANSFER:
        raise NotPossible(N_("This transfer is %(state)s already."), state=row.status, code="answered")
    if version not in (None, row.version):
        raise Stale(N_("Somebody was faster. This is how it stands now."), state=row.status)
    return row


def _answered(
    row: CashTransfer, status: CashTransferStatus, verb: str, *, actor: Actor, at: datetime
) -> CashTransfer:  # fmt: skip
    row.status, row.answered_at, row.answered_by_id = status, at, actor.user_id
    record(actor, f"cash_transfer.{verb}", row, at=at)
    return row
