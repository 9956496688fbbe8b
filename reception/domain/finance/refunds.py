"""Giving money back: all of a bill, an amount of it, or some of its lines; above the clinic's limit two people are needed.

The money goes the way it came, or another way. In the same proportion goes what was asked: the patient's and the
insurers' charge, and with it (`dues.py`) the doctors' due and the referrer's bonus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import NotAllowed, NotPossible, Stale, invalid_field
from reception.domain.finance.bills import set_status
from reception.domain.finance.charges import Cause
from reception.domain.finance.dues import follow_money, note_bonus
from reception.domain.finance.ledger import account, new_operation, post, transfer
from reception.domain.finance.payments import FROM, METHOD_OF, MOST, Part, cashboxes_of
from reception.domain.finance.refund_plan import Asked, Plan, by_parts, left_of, plan, spread
from reception.domain.locks import is_id, load, locked
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import (
    Account,
    AccountKind,
    LedgerEntry,
    LedgerKind,
    Method,
    Operation,
    Payment,
    PaymentStatus,
    RefundLine,
    RefundRequest,
    RefundRequestStatus,
    Visit,
    VisitStatus,
)
from reception.words import N_


def refund(
    payment_id: int,
    reason: str,
    *,
    actor: Actor,
    at: datetime,
    amount: int | None = None,
    lines: Sequence[Asked] = (),
    method: Method | None = None,
    cashbox_id: int | None = None,
    parts: Sequence[Part] = (),
    version: int | None = None,
) -> Operation | RefundRequest:
    """Give back `amount`, or what is asked of `lines`, or everything that was paid for a bill.

    `method`, `cashbox_id`: another way than it came; `parts`: several ways, which add up to what goes back. `version`: the bill's when the cashier looked. Above the clinic's
    limit the answer is a request that waits for a second person. Raises NotFound, NotPossible, Stale or Invalid.
    """
    bill, visit = _bill(payment_id, actor)
    if version not in (None, bill.version):
        raise Stale(N_("The bill changed meanwhile. Look at the new amount."), state=bill.status)
    if not (why := checked(reason, "reason", 200)):
        raise invalid_field("reason", N_("Say why the money goes back."))
    if amount is not None and not 0 < amount <= MOST:
        raise invalid_field("amount", N_("An amount must be above zero."))
    if parts and amount is None and not lines:
        amount = sum(part.amount for part in parts)
    found = plan(bill, amount=amount, lines=lines)
    if waiting_of(bill) is not None:
        raise NotPossible(
            N_("A refund of this bill waits for a second person. It must be answered first."), code="refund-waits"
        )
    asked = [[part.method, part.cashbox_id, part.amount] for part in parts]
    back = by_parts(bill, found.amount, parts) if parts else spread(bill, found.amount, _other(method, cashbox_id))
    if needs_two(bill, found.amount, actor):
        wish = {"method": method, "cashbox_id": cashbox_id, "parts": asked}
        return _ask(bill, found, back, why, wish, by_line=bool(lines), actor=actor, at=at)
    return _give_back(bill, visit, found, back, why, actor=actor, at=at)


def _bill(payment_id: int, actor: Actor) -> tuple[Payment, Visit | None]:
    visit_id = load(Payment, payment_id, actor.clinic_id).visit_id
    visit = locked(Visit, visit_id, actor.clinic_id) if visit_id else None
    return locked(Payment, payment_id, actor.clinic_id), visit


def _other(method: Method | None, cashbox_id: int | None) -> Part | None:
    if method is None:
        if cashbox_id is not None:
            raise invalid_field("method", N_("Say how the money goes back."))
        return None
    if method == Method.DEPOSIT and cashbox_id is None:
        return Part(method, None, 0)
    if method not in METHOD_OF.values() or not is_id(cashbox_id):
        raise invalid_field("method", N_("Money cannot go back this way."))
    return Part(method, cashbox_id, 0)


# --------------------------------------------------------------------------------------------------- second person


def waiting_of(bill: Payment) -> RefundRequest | None:
    """The refund of the bill that waits for a second person."""
    query = select(RefundRequest).where(
        RefundRequest.payment_id == bill.id, RefundRequest.status == RefundRequestStatus.ASKED
    )
    return db.session.scalar(query)


def needs_two(bill: Payment, amount: int, actor: Actor) -> bool:
    """Whether `amount` more is above the clinic's limit, with what one person alone gave back of the bill before."""
    limit = actor.clinic.refund_limit
    if limit is None:
        return False
    alone = select(func.coalesce(func.sum(Operation.amount), 0)).where(
        Operation.payment_id == bill.id, Operation.kind == LedgerKind.REFUND, Operation.approved_by_id.is_(None)
    )
    return int(db.session.scalar(alone) or 0) + amount > limit


def _ask(
    bill: Payment, found: Plan, parts: list[Part], reason: str, ways: dict[str, Any], *, by_line: bool, actor: Actor,
    at: datetime,
) -> RefundRequest:  # fmt: skip
    if actor.user_id is None:
        raise NotAllowed(N_("A refund above the limit needs two people."), code="second-person")
    cashboxes_of(parts, actor)
    request = RefundRequest(
        clinic_id=actor.clinic_id,
        payment_id=bill.id,
        amount=found.amount,
        wish={
            "lines": [[back.line.id, back.self_pay] for back in found.lines if back.self_pay] if by_line else [],
            **ways,
        },
        reason=reason,
        asked_at=at,
        asked_by_id=actor.user_id,
    )
    db.session.add(request)
    db.session.flush()
    record(actor, "refund.ask", request, at=at, payment=bill.id, amount=found.amount)
    return request


def approve(request_id: int, *, actor: Actor, at: datetime, version: int | None = None) -> Operation:
    """The second person says yes: the refund is made now, of the bill as it stands. Raises NotAllowed, NotPossible."""
    bill, visit = _bill(load(RefundRequest, request_id, actor.clinic_id).payment_id, actor)
    request = _waiting(request_id, version, actor)
    if actor.user_id is None or actor.user_id == request.asked_by_id:
        raise NotAllowed(N_("Somebody else must approve this refund."), code="second-person")
    wish: dict[str, Any] = request.wish
    lines = [Asked(line, amount) for line, amount in wish["lines"]]
    found = plan(bill, amount=None if lines else request.amount, lines=lines)
    method = Method(wish["method"]) if wish["method"] else None
    if asked := [Part(Method(way), box, amount) for way, box, amount in wish.get("parts", ())]:
        parts = by_parts(bill, found.amount, asked)
    else:
        parts = spread(bill, found.amount, _other(method, wish["cashbox_id"]))
    hand = replace(actor, user_id=request.asked_by_id)
    operation = _give_back(
        bill, visit, found, parts, request.reason, actor=actor, hand=hand, approved_by_id=actor.user_id, at=at
    )
    request.operation_id = operation.id
    _answer(request, RefundRequestStatus.DONE, actor, at)
    record(actor, "refund.approve", request, at=at, payment=bill.id, operation=operation.id)
    return operation


def refuse(request_id: int, *, actor: Actor, at: datetime, version: int | None = None) -> RefundRequest:
    """The second person says no, or who asked takes it back."""
    load(RefundRequest, request_id, actor.clinic_id)
    request = _waiting(request_id, version, actor)
    _answer(request, RefundRequestStatus.REFUSED, actor, at)
    record(actor, "refund.refuse", request, at=at, payment=request.payment_id)
    return request


def _waiting(request_id: int, version: int | None, actor: Actor) -> RefundRequest:
    request = locked(RefundRequest, request_id, actor.clinic_id)
    if request.status != RefundRequestStatus.ASKED:
        raise NotPossible(N_("This refund has been answered already."), code="answered", state=request.status)
    if version not in (None, request.version):
        raise Stale(N_("Somebody was faster. This is how it stands now."), state=request.status)
    return request


def _answer(request: RefundRequest, status: RefundRequestStatus, actor: Actor, at: datetime) -> None:
    request.status, request.answered_at, request.answered_by_id = status, at, actor.user_id


# --------------------------------------------------------------------------------------------------------- posting


def _give_back(
    bill: Payment, visit: Visit | None, found: Plan, parts: list[Part], reason: str, *, actor: Actor, at: datetime,
    hand: Actor | None = None, approved_by_id: int | None = None,
) -> Operation:  # fmt: skip
    """Post the refund. `hand`: who gives the money where `actor` only approved it."""
    hand = hand or actor
    boxes = cashboxes_of(parts, actor)
    operation = new_operation(
        LedgerKind.REFUND, found.amount, payment_id=bill.id, patient_id=bill.patient_id, note=reason,
        approved_by_id=approved_by_id, actor=hand, at=at,
    )  # fmt: skip
    about = {
        "payment_id": bill.id,
        "patient_id": bill.patient_id,
        "visit_id": bill.visit_id,
        "appointment_id": visit.appointment_id if visit else None,
        "operation_id": operation.id,
    }
    debt = account(AccountKind.PATIENT_DEBT, bill.clinic_id, patient_id=bill.patient_id)
    number = 0
    money: list[tuple[LedgerEntry, Part]] = []
    for part, box in zip(parts, boxes, strict=True):
        owner = part.owner_id or bill.patient_id
        for place, piece in [(box.account_id, part.amount)] if box else _into(part, owner, bill.clinic_id):
            number += 1
            entry = transfer(
                LedgerKind.REFUND, debit=debt, credit=place, amount=piece, method=part.method,
                cashbox_id=part.cashbox_id, service_id=visit.service_id if visit else None,
                event=("operation", operation.id, f"part-{number}"), actor=hand, at=at,
                **about,
            )  # fmt: skip
            money.append((entry, part))
    post(entry for entry, _ in money)
    for entry, part in money:
        if part.method == Method.BONUS:
            note_bonus(entry, entry.amount, part.owner_id or bill.patient_id)
    _take_back(bill, found, operation, debt, about, hand, at)
    bill.refunded_amount += found.amount
    if found.is_whole:
        set_status(bill, PaymentStatus.REFUNDED, at)
    db.session.flush()
    follow_money(bill, Cause("operation", operation.id), actor=hand, at=at, operation_id=operation.id)
    record(
        actor, "payment.refund", bill, at=at, also=(visit,), operation=operation.id, receipt=operation.receipt_no,
        amount=found.amount, parts=[f"{part.method}:{part.cashbox_id}:{part.amount}" for part in parts],
    )  # fmt: skip
    if found.is_whole and visit is not None and visit.status == VisitStatus.PENDING_PAYMENT:
        from reception.domain.visits.moves import settle

        settle(visit, actor=actor, at=at)
    return operation


def _into(part: Part, owner: int, clinic_id: int) -> list[tuple[int, int]]:
    """(account, amount) of what goes back to a card without money: a bonus pays off the card's bonus debt first."""
    own = account(FROM[part.method], clinic_id, patient_id=owner)
    if part.method != Method.BONUS:
        return [(own, part.amount)]
    debt = account(AccountKind.BONUS_DEBT, clinic_id, patient_id=owner)
    rows = select(Account.id, Account.balance).where(Account.id.in_([own, debt])).order_by(Account.id)
    balances = {ident: balance for ident, balance in db.session.execute(rows.with_for_update(key_share=True))}
    first = min(part.amount, balances[debt])
    return [(ident, amount) for ident, amount in ((debt, first), (own, part.amount - first)) if amount]


def _take_back(
    bill: Payment, found: Plan, operation: Operation, debt: int, about: dict[str, Any], hand: Actor, at: datetime
) -> None:  # fmt: skip
    """What was asked for goes in the same proportion: the patient's charge and the insurers', line by line."""
    income = account(AccountKind.INCOME, bill.clinic_id)
    entries: list[LedgerEntry] = []
    for back in found.lines:
        line = back.line
        pieces = [("back", debt, back.self_pay), ("rest", debt, back.rest)]
        for payer_id, amount in back.insured.items():
            payer = found.payers[payer_id]
            owed = account(AccountKind.INSURER_DEBT, bill.clinic_id, insurer_id=payer.insurer_id)
            pieces.append((f"back-p{payer_id}", owed, amount))
            payer.refunded_amount += amount
        entries += [
            transfer(
                LedgerKind.REFUND, debit=income, credit=owed, amount=amount, service_id=line.service_id,
                doctor_id=line.doctor_id, event=("operation", operation.id, f"{purpose}-l{line.id}"), actor=hand, at=at,
                **about,
            )
            for purpose, owed, amount in pieces
            if amount
        ]  # fmt: skip
        insured = sum(back.insured.values())
        line.refunded_amount += back.self_pay + insured
        if back.self_pay or insured:
            db.session.add(
                RefundLine(
                    clinic_id=bill.clinic_id, operation_id=operation.id, line_id=line.id,
                    self_pay_amount=back.self_pay, insurance_amount=insured,
                )
            )  # fmt: skip
    post(entries)


__all__ = ["Asked", "approve", "left_of", "needs_two", "refund", "refuse", "waiting_of"]
