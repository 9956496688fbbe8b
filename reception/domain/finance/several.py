"""Several bills paid at once: a family's, an owner's, or whichever were chosen. One operation, one receipt, all or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from reception.domain.actors import Actor
from reception.domain.errors import invalid_field
from reception.domain.finance.ledger import new_operation
from reception.domain.finance.payments import (
    Part,
    Share,
    cashboxes_of,
    change_of,
    check_payable,
    check_sum,
    count_in,
    follow_up,
    post_shares,
)
from reception.domain.locks import load, locked
from reception.domain.merging_ids import check_stands
from reception.models import Cashbox, LedgerKind, Operation, Patient, Payment, Visit
from reception.words import N_

MOST_BILLS = 50


@dataclass(frozen=True, slots=True)
class Seen:
    """A bill as the cashier saw it: its version and what was still to pay."""

    payment_id: int
    version: int | None = None
    due: int | None = None


def pay_several(
    payer_id: int,
    bills: Sequence[Seen],
    parts: list[Part],
    *,
    actor: Actor,
    at: datetime,
    amount: int | None = None,
    received: int | None = None,
) -> Operation:
    """Take money for several bills in one operation; the parts are shared out to the bills, the oldest first.

    `payer_id`: the card that pays; a bonus or deposit is its own. `amount`: what the parts should add up to. Raises
    NotFound, NotPossible, Stale (each bill is checked as if it were alone) or Invalid.
    """
    seen = {bill.payment_id: bill for bill in bills}
    if not bills or len(seen) != len(bills) or len(bills) > MOST_BILLS:
        raise invalid_field("bills", N_("Choose from one to %(most)s bills, each once."), most=MOST_BILLS)
    payer = locked(Patient, payer_id, actor.clinic_id)
    check_stands(payer)
    if any(part.owner_id not in (None, payer.id) for part in parts):
        raise invalid_field("parts", N_("This bonus or deposit belongs to somebody else."))
    visits = sorted({v for ident in seen if (v := load(Payment, ident, actor.clinic_id).visit_id) is not None})
    open_visits = {ident: locked(Visit, ident, actor.clinic_id) for ident in visits}
    rows = [locked(Payment, ident, actor.clinic_id) for ident in sorted(seen)]
    for bill in rows:
        check_payable(bill, seen[bill.id].version, seen[bill.id].due)
    total = check_sum(parts, sum(bill.due_amount for bill in rows), amount)
    boxes = cashboxes_of(parts, actor)
    given, change = change_of(parts, received)
    shares = [
        Share(bill, open_visits.get(bill.visit_id or 0), replace(part, owner_id=payer.id), box)
        for bill, part, box in _shared_out(rows, parts, boxes)
    ]
    taken = {bill.id: sum(s.part.amount for s in shares if s.bill is bill) for bill in rows}
    paid = [bill for bill in rows if taken[bill.id]]
    for bill in paid:
        count_in(bill, taken[bill.id], actor=actor, at=at)
    operation = new_operation(
        LedgerKind.PAYMENT, total, patient_id=payer.id, cash_received=given, change_given=change, actor=actor, at=at
    )
    post_shares(operation, shares, actor=actor, at=at)
    for bill in paid:
        own = [share.part for share in shares if share.bill is bill]
        visit = open_visits.get(bill.visit_id or 0)
        follow_up(operation, bill, visit, own, actor=actor, at=at, mark=f"b{bill.id}-")
    return operation


def _shared_out(
    bills: list[Payment], parts: list[Part], boxes: list[Cashbox | None]
) -> list[tuple[Payment, Part, Cashbox | None]]:  # fmt: skip
    """What of each part goes to which bill: bills as they came, each filled before the next."""
    shares, left = [], [part.amount for part in parts]
    for bill in bills:
        due = bill.due_amount
        for index, part in enumerate(parts):
            if piece := min(due, left[index]):
                shares.append((bill, replace(part, amount=piece), boxes[index]))
                left[index] -= piece
                due -= piece
    return shares
