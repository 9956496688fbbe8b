"""Taking money for a bill: in parts, each into its cashbox, with change for cash and a receipt. All or none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from reception.clock import service_day
from reception.domain import numbers
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import Invalid, NotPossible, Stale, invalid_field
from reception.domain.finance.bills import number_invoice, set_status
from reception.domain.finance.charges import Cause
from reception.domain.finance.dues import fix_referrer, follow_money, note_bonus
from reception.domain.finance.ledger import account, open_shift, post, transfer
from reception.domain.locks import held, load, locked
from reception.extensions import db
from reception.models import (
    AccountKind,
    Cashbox,
    CashboxKind,
    LedgerKind,
    Method,
    Operation,
    Payment,
    PaymentStatus,
    Visit,
    VisitStatus,
)
from reception.words import N_

METHOD_OF = {
    CashboxKind.CASH: Method.CASH,
    CashboxKind.CARD: Method.CARD,
    CashboxKind.BANK: Method.BANK_TRANSFER,
}
MOST = 10**15
"""Amounts above this are a slip of the hand in every currency."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a payment: `amount` in smallest units into a cashbox, or out of what the clinic owes the patient."""

    method: Method
    cashbox_id: int | None
    amount: int


FROM = {Method.BONUS: AccountKind.BONUS_OWED, Method.DEPOSIT: AccountKind.DEPOSIT_HELD}
"""Ways to pay that bring no money: the account of the patient that they are taken from."""


def pay(
    payment_id: int,
    parts: list[Part],
    *,
    actor: Actor,
    at: datetime,
    version: int | None = None,
    amount: int | None = None,
    due: int | None = None,
    received: int | None = None,
) -> Operation:
    """Take money for a bill, in one or several parts, each into its cashbox. All or none.

    `version`, `due`: the bill's version and what was still to pay when the cashier looked. `amount`: what the parts
    should add up to. `received`: the cash handed over; the change is computed. The last part that settles the bill also
    closes a visit that waits for it. Raises NotFound, NotPossible, Stale or Invalid.
    """
    visit_id = load(Payment, payment_id, actor.clinic_id).visit_id
    visit = locked(Visit, visit_id, actor.clinic_id) if visit_id else None
    bill = locked(Payment, payment_id, actor.clinic_id)
    total = _check_parts(bill, parts, version, amount, due)
    boxes = cashboxes_of(parts, actor)
    given, change = _change(parts, received)
    number_invoice(bill, actor=actor, at=at)
    fix_referrer(bill, actor=actor)
    bill.amount_paid += total
    settled = bill.amount_paid == bill.self_pay_amount
    set_status(bill, PaymentStatus.PAID if settled else PaymentStatus.PARTIALLY_PAID, at)
    operation = Operation(
        clinic_id=actor.clinic_id,
        kind=LedgerKind.PAYMENT,
        at=at,
        receipt_no=numbers.receipt_no(actor.clinic, service_day(at, actor.clinic)),
        payment_id=bill.id,
        patient_id=bill.patient_id,
        cashier_id=actor.user_id,
        amount=total,
        cash_received=given,
        change_given=change,
    )
    db.session.add(operation)
    db.session.flush()
    post_parts(operation, list(zip(parts, boxes, strict=True)), bill, visit, actor=actor, at=at)
    follow_money(bill, Cause("operation", operation.id), actor=actor, at=at, operation_id=operation.id)
    record(
        actor,
        "payment.pay",
        bill,
        at=at,
        also=(visit,),
        operation=operation.id,
        receipt=operation.receipt_no,
        parts=[f"{part.method}:{part.cashbox_id}:{part.amount}" for part in parts],
    )
    if settled and visit is not None and visit.status == VisitStatus.PENDING_PAYMENT:
        from reception.domain.visits.moves import settle

        settle(visit, actor=actor, at=at)
    return operation


def post_parts(
    operation: Operation, parts: list[tuple[Part, Cashbox | None]], bill: Payment, visit: Visit | None, *,
    actor: Actor, at: datetime, mark: str = "",
) -> None:  # fmt: skip
    """One transfer for each part: out of the patient's debt, into its cashbox or out of his bonus or deposit."""
    debt = account(AccountKind.PATIENT_DEBT, actor.clinic_id, patient_id=bill.patient_id)
    entries = post(
        transfer(
            LedgerKind.PAYMENT,
            debit=box.account_id if box else account(FROM[part.method], actor.clinic_id, patient_id=bill.patient_id),
            credit=debt,
            amount=part.amount,
            method=part.method,
            cashbox_id=box.id if box else None,
            payment_id=bill.id,
            patient_id=bill.patient_id,
            service_id=visit.service_id if visit else None,
            appointment_id=visit.appointment_id if visit else None,
            visit_id=bill.visit_id,
            operation_id=operation.id,
            event=("operation", operation.id, f"{mark}part-{number}"),
            actor=actor,
            at=at,
        )
        for number, (part, box) in enumerate(parts, 1)
    )
    for entry in entries:
        if entry.method == Method.BONUS:
            note_bonus(entry, -entry.amount, bill.patient_id)


def _change(parts: Iterable[Part], received: int | None) -> tuple[int, int]:
    """(cash handed over, change): what was `received`, or exactly the cash part."""
    cash = sum(part.amount for part in parts if part.method == Method.CASH)
    given = cash if received is None else received
    if given and not cash:
        raise invalid_field("received", N_("Nothing is paid in cash."))
    if not cash <= given <= MOST:
        raise invalid_field("received", N_("The cash received does not cover the cash part."))
    return given, given - cash


def _check_parts(
    bill: Payment, parts: list[Part], version: int | None, amount: int | None, due: int | None
) -> int:  # fmt: skip
    if bill.status not in (PaymentStatus.PENDING, PaymentStatus.PARTIALLY_PAID):
        raise NotPossible(
            N_("This bill is %(state)s: nothing can be paid."), state=bill.status, allowed=[], code="not-payable"
        )
    if version not in (None, bill.version) or due not in (None, bill.due_amount):
        raise Stale(N_("The bill changed meanwhile. Look at the new amount."), state=bill.status)
    if not parts:
        raise invalid_field("parts", N_("Say how much is paid, and how."))
    if len(parts) > 20:
        raise invalid_field("parts", N_("A payment has at most 20 parts."))
    if any(not 0 < part.amount <= MOST for part in parts):
        raise invalid_field("parts", N_("Each part must be an amount above zero."))
    total = sum(part.amount for part in parts)
    if amount is not None and amount != total:
        raise invalid_field("parts", N_("The parts do not add up to the amount."))
    if total > bill.due_amount:
        raise Invalid(N_("That is more than is still to pay."), code="too-much", fields={"parts": N_("Too much.")})
    return total


def cashboxes_of(parts: Iterable[Part], actor: Actor) -> list[Cashbox | None]:
    """The cashbox of each part; None for bonus and deposit. Nobody closes one, nor its shift, before this payment
    stands; payments do not wait for one another."""
    parts = list(parts)
    found = held(Cashbox, {part.cashbox_id for part in parts if part.cashbox_id is not None}, actor.clinic_id)
    boxes: list[Cashbox | None] = []
    for part in parts:
        if part.cashbox_id is None:
            if part.method not in FROM:
                raise invalid_field("parts", N_("Say into which cashbox."))
            boxes.append(None)
            continue
        box = found[part.cashbox_id]
        if not box.is_open:
            raise NotPossible(N_("The cashbox %(name)s is closed."), name=box.name, code="cashbox-closed")
        if METHOD_OF[box.kind] != part.method:
            raise invalid_field("parts", N_("%(name)s does not take this kind of payment."), name=box.name)
        open_shift(box)
        boxes.append(box)
    return boxes
