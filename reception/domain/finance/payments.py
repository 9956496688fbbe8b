"""Taking money for a bill: in parts, each into its cashbox, with change for cash and a receipt. All or none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import Invalid, NotPossible, Stale, invalid_field
from reception.domain.finance.bills import number_invoice, set_status
from reception.domain.finance.charges import Cause
from reception.domain.finance.dues import fix_referrer, follow_money, note_bonus, standing
from reception.domain.finance.ledger import account, new_operation, open_shift, post, transfer
from reception.domain.locks import held, load, locked
from reception.extensions import db
from reception.models import (
    AccountKind,
    Cashbox,
    CashboxKind,
    LedgerKind,
    Method,
    Operation,
    Patient,
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
    """One part of a payment: `amount` in smallest units into a cashbox, or out of what the clinic owes the patient.

    `owner_id`: whose bonus or deposit, where it is not the patient's of the bill.
    """

    method: Method
    cashbox_id: int | None
    amount: int
    owner_id: int | None = None


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
    check_payable(bill, version, due)
    total = check_sum(parts, bill.due_amount, amount)
    _check_owners(parts, bill)
    boxes = cashboxes_of(parts, actor)
    given, change = change_of(parts, received)
    count_in(bill, total, actor=actor, at=at)
    operation = new_operation(
        LedgerKind.PAYMENT, total, payment_id=bill.id, patient_id=bill.patient_id, cash_received=given,
        change_given=change, actor=actor, at=at,
    )  # fmt: skip
    shares = [Share(bill, visit, part, box) for part, box in zip(parts, boxes, strict=True)]
    post_shares(operation, shares, actor=actor, at=at)
    follow_up(operation, bill, visit, parts, actor=actor, at=at)
    return operation


@dataclass(frozen=True, slots=True)
class Share:
    """What of a part goes to one bill, and the cashbox that it goes into."""

    bill: Payment
    visit: Visit | None
    part: Part
    box: Cashbox | None


def count_in(bill: Payment, taken: int, *, actor: Actor, at: datetime) -> None:
    """The bill after `taken` came for it: its number, who referred, what is paid, its state."""
    number_invoice(bill, actor=actor, at=at)
    fix_referrer(bill, actor=actor)
    bill.amount_paid += taken
    settled = bill.amount_paid == bill.self_pay_amount
    set_status(bill, PaymentStatus.PAID if settled else PaymentStatus.PARTIALLY_PAID, at)


def post_shares(operation: Operation, shares: list[Share], *, actor: Actor, at: datetime, mark: str = "") -> None:
    """One transfer for each: out of the patient's debt, into its cashbox or out of a bonus or deposit."""
    entries = post(
        transfer(
            LedgerKind.PAYMENT,
            debit=box.account_id if box else account(FROM[part.method], actor.clinic_id, patient_id=_owner(part, bill)),
            credit=account(AccountKind.PATIENT_DEBT, actor.clinic_id, patient_id=bill.patient_id),
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
        for number, (bill, visit, part, box) in enumerate(((s.bill, s.visit, s.part, s.box) for s in shares), 1)
    )
    for entry, share in zip(entries, shares, strict=True):
        if entry.method == Method.BONUS:
            note_bonus(entry, -entry.amount, _owner(share.part, share.bill))


def follow_up(
    operation: Operation, bill: Payment, visit: Visit | None, parts: list[Part], *, actor: Actor, at: datetime,
    mark: str = "",
) -> None:  # fmt: skip
    """What follows from money that came for a bill: the shares, the entry in the audit, the end of the visit."""
    follow_money(bill, Cause("operation", operation.id, mark), actor=actor, at=at, operation_id=operation.id)
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
    if bill.status == PaymentStatus.PAID and visit is not None and visit.status == VisitStatus.PENDING_PAYMENT:
        from reception.domain.visits.moves import settle

        settle(visit, actor=actor, at=at)


def _owner(part: Part, bill: Payment) -> int:
    return part.owner_id or bill.patient_id


def _check_owners(parts: Iterable[Part], bill: Payment) -> None:
    """Bonus and deposit are the patient's own, or his guardian's."""
    if strange := {part.owner_id for part in parts} - {None, bill.patient_id}:
        guardian = standing(db.session.get_one(Patient, bill.patient_id).guardian_id)
        if strange != {guardian.id if guardian else None}:
            raise invalid_field("parts", N_("This bonus or deposit belongs to somebody else."))


def change_of(parts: Iterable[Part], received: int | None) -> tuple[int, int]:
    """(cash handed over, change): what was `received`, or exactly the cash part."""
    cash = sum(part.amount for part in parts if part.method == Method.CASH)
    given = cash if received is None else received
    if given and not cash:
        raise invalid_field("received", N_("Nothing is paid in cash."))
    if not cash <= given <= MOST:
        raise invalid_field("received", N_("The cash received does not cover the cash part."))
    return given, given - cash


def check_payable(bill: Payment, version: int | None, due: int | None) -> None:
    """Raises NotPossible for a bill that asks for nothing, and Stale where it changed since the cashier looked."""
    if bill.status not in (PaymentStatus.PENDING, PaymentStatus.PARTIALLY_PAID):
        raise NotPossible(
            N_("This bill is %(state)s: nothing can be paid."), state=bill.status, allowed=[], code="not-payable"
        )
    if version not in (None, bill.version) or due not in (None, bill.due_amount):
        raise Stale(N_("The bill changed meanwhile. Look at the new amount."), state=bill.status)


def check_sum(parts: list[Part], most: int, amount: int | None) -> int:
    """What the parts add up to: at most `most`, and exactly `amount` where it is given. Raises Invalid."""
    if not parts:
        raise invalid_field("parts", N_("Say how much is paid, and how."))
    if len(parts) > 20:
        raise invalid_field("parts", N_("A payment has at most 20 parts."))
    if any(not 0 < part.amount <= MOST for part in parts):
        raise invalid_field("parts", N_("Each part must be an amount above zero."))
    total = sum(part.amount for part in parts)
    if amount is not None and amount != total:
        raise invalid_field("parts", N_("The parts do not add up to the amount."))
    if total > most:
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
