"""Money that a patient leaves with the clinic without a bill: taken, given back, used as a way of paying."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from reception.domain.actors import Actor
from reception.domain.audit import record, work
from reception.domain.errors import NotPossible, invalid_field
from reception.domain.finance.ledger import account, new_operation, post, transfer
from reception.domain.finance.payments import MOST, Part, cashboxes_of, change_of, check_sum
from reception.domain.locks import locked
from reception.domain.merging_ids import check_stands
from reception.domain.texts import checked
from reception.models import AccountKind, LedgerKind, Operation, Patient
from reception.words import N_


def take_deposit(
    patient_id: int, parts: list[Part], *, actor: Actor, at: datetime, received: int | None = None, note: str = ""
) -> Operation:
    """Money that the patient leaves for what is to come, in one or several parts."""
    patient = card_for(patient_id, actor, is_new=True)
    total = check_sum(parts, MOST, None)
    _only_money(parts)
    boxes = cashboxes_of(parts, actor)
    given, change = change_of(parts, received)
    operation = new_operation(
        LedgerKind.DEPOSIT, total, patient_id=patient.id, cash_received=given, change_given=change,
        note=checked(note, "note", 200), actor=actor, at=at,
    )  # fmt: skip
    held = account(AccountKind.DEPOSIT_HELD, actor.clinic_id, patient_id=patient.id)
    post(
        transfer(
            LedgerKind.DEPOSIT, debit=box.account_id, credit=held, amount=part.amount, method=part.method,
            cashbox_id=box.id, patient_id=patient.id, operation_id=operation.id,
            event=("operation", operation.id, f"part-{number}"), actor=actor, at=at,
        )
        for number, (part, box) in enumerate(zip(parts, boxes, strict=True), 1)
        if box is not None
    )  # fmt: skip
    record(actor, "deposit.take", patient, at=at, **told(patient, operation))
    return operation


def give_back_deposit(
    patient_id: int, part: Part, reason: str, *, actor: Actor, at: datetime
) -> Operation:  # fmt: skip
    """Some or all of what the patient left goes back to him, out of a cashbox."""
    patient = card_for(patient_id, actor)
    check_sum([part], MOST, None)
    _only_money([part])
    if not (why := checked(reason, "reason", 200)):
        raise invalid_field("reason", N_("Say why the money goes back."))
    (box,) = cashboxes_of([part], actor)
    assert box is not None
    operation = new_operation(LedgerKind.DEPOSIT, part.amount, patient_id=patient.id, note=why, actor=actor, at=at)
    held = account(AccountKind.DEPOSIT_HELD, actor.clinic_id, patient_id=patient.id)
    entry = transfer(
        LedgerKind.DEPOSIT, debit=held, credit=box.account_id, amount=part.amount, method=part.method,
        cashbox_id=box.id, patient_id=patient.id, operation_id=operation.id,
        event=("operation", operation.id, "part-1"), actor=actor, at=at,
    )  # fmt: skip
    post([entry])
    record(actor, "deposit.give-back", patient, at=at, **told(patient, operation))
    return operation


def card_for(patient_id: int, actor: Actor, *, is_new: bool = False) -> Patient:
    """The card, locked: the one that stands. `is_new`: something is to be added, so it must still be somebody's."""
    patient = locked(Patient, patient_id, actor.clinic_id)
    check_stands(patient)
    if is_new and patient.anonymised_at is not None:
        raise NotPossible(N_("This card has no name any more."), code="anonymised", allowed=[])
    return patient


def told(patient: Patient, operation: Operation) -> dict[str, Any]:
    """What the audit says of an act with a card's money; the pages that show it are told."""
    work().regions.update({"finance", f"patient-{patient.id}"})
    return {"operation": operation.id, "receipt": operation.receipt_no, "amount": operation.amount}


def _only_money(parts: list[Part]) -> None:
    if any(part.cashbox_id is None for part in parts):
        raise invalid_field("parts", N_("Say into which cashbox."))
