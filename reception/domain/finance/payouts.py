"""What doctors are due, and paying it out. It is earned and taken back by `dues.follow_money`, never by hand."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from reception.domain.actors import Actor
from reception.domain.audit import record, work
from reception.domain.errors import Invalid, NotPossible, invalid_field
from reception.domain.finance.ledger import account, new_operation, open_shift, post, transfer
from reception.domain.finance.payments import METHOD_OF, MOST
from reception.domain.locks import held, locked
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import Account, AccountKind, Cashbox, CashboxKind, Doctor, LedgerKind, Operation
from reception.words import N_


def pay_doctor(
    doctor_id: int, amount: int, cashbox_id: int, *, actor: Actor, at: datetime, note: str = "", due: int | None = None
) -> Operation:
    """Pay a doctor what is due to him, or a part, out of a drawer or the bank. `due`: what was due when the screen was
    drawn. Raises NotFound, Invalid (too much), or NotPossible: the due changed, not so much money there."""
    doctor = locked(Doctor, doctor_id, actor.clinic_id)
    if not 0 < amount <= MOST:
        raise invalid_field("amount", N_("An amount must be above zero."))
    box = held(Cashbox, {cashbox_id}, actor.clinic_id)[cashbox_id]
    if box.kind == CashboxKind.CARD:
        raise invalid_field("cashbox_id", N_("Money is paid out of a drawer or the bank."))
    if not box.is_open:
        raise NotPossible(N_("The cashbox %(name)s is closed."), name=box.name, code="cashbox-closed")
    open_shift(box)
    owed = account(AccountKind.DOCTOR_DUE, actor.clinic_id, doctor_id=doctor.id)
    balance = db.session.scalar(select(Account.balance).where(Account.id == owed).with_for_update(key_share=True)) or 0
    if due is not None and due != balance:
        raise NotPossible(N_("What is due changed meanwhile. Look at the new amount."), code="stale-version")
    if amount > balance:
        raise Invalid(N_("That is more than is due."), code="too-much", fields={"amount": N_("Too much.")})
    operation = new_operation(
        LedgerKind.EXPENSE, amount, note=checked(note, "note", 200), actor=actor, at=at
    )  # fmt: skip
    post(
        [
            transfer(
                LedgerKind.EXPENSE, debit=owed, credit=box.account_id, amount=amount, method=METHOD_OF[box.kind],
                cashbox_id=box.id, doctor_id=doctor.id, operation_id=operation.id,
                event=("operation", operation.id, "doctor"), actor=actor, at=at,
            )
        ]
    )  # fmt: skip
    work().regions.add("finance")
    record(
        actor, "doctor.pay-out", doctor, at=at, operation=operation.id, receipt=operation.receipt_no, amount=amount,
        cashbox=box.id,
    )  # fmt: skip
    return operation
