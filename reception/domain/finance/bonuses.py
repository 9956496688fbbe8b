"""A patient's bonus by hand: added or taken away with a reason, or paid out in cash."""

from __future__ import annotations

from datetime import datetime

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import invalid_field
from reception.domain.finance.charges import Cause
from reception.domain.finance.deposits import card_for, told
from reception.domain.finance.dues import give_bonus, note_bonus
from reception.domain.finance.ledger import account, new_operation, post, transfer
from reception.domain.finance.payments import MOST, Part, cashboxes_of
from reception.domain.texts import checked
from reception.models import AccountKind, LedgerKind, Method, Operation
from reception.words import N_


def add_bonus(patient_id: int, amount: int, reason: str, *, actor: Actor, at: datetime) -> Operation:
    """More bonus for a patient; a bonus debt is paid off first."""
    patient = card_for(patient_id, actor, is_new=True)
    why = _checked(amount, reason)
    operation = new_operation(LedgerKind.BONUS, amount, patient_id=patient.id, note=why, actor=actor, at=at)
    cause = Cause("operation", operation.id)
    give_bonus(patient.id, amount, cause, actor=actor, at=at, operation_id=operation.id, reason=why)
    record(actor, "bonus.add", patient, at=at, **told(patient, operation))
    return operation


def withdraw_bonus(
    patient_id: int, amount: int, reason: str, *, actor: Actor, at: datetime, cashbox_id: int | None = None
) -> Operation:
    """Less bonus for a patient: paid out of the cash drawer `cashbox_id`, or (None) only taken away. Never more than is
    there."""
    patient = card_for(patient_id, actor)
    why = _checked(amount, reason)
    box = cashboxes_of([Part(Method.CASH, cashbox_id, amount)], actor)[0] if cashbox_id is not None else None
    operation = new_operation(LedgerKind.BONUS, amount, patient_id=patient.id, note=why, actor=actor, at=at)
    owed = account(AccountKind.BONUS_OWED, actor.clinic_id, patient_id=patient.id)
    (entry,) = post(
        [
            transfer(
                LedgerKind.BONUS, debit=owed,
                credit=box.account_id if box else account(AccountKind.EXPENSE, actor.clinic_id), amount=amount,
                method=Method.CASH if box else None, cashbox_id=box.id if box else None, patient_id=patient.id,
                operation_id=operation.id, event=("operation", operation.id, "part-1"), actor=actor, at=at,
            )
        ]
    )  # fmt: skip
    note_bonus(entry, -amount, patient.id, reason=why)
    record(actor, "bonus.withdraw", patient, at=at, **told(patient, operation))
    return operation


def _checked(amount: int, reason: str) -> str:
    if not 0 < amount <= MOST:
        raise invalid_field("amount", N_("An amount must be above zero."))
    if not (why := checked(reason, "reason", 200)):
        raise invalid_field("reason", N_("Say what it is for."))
    return why
