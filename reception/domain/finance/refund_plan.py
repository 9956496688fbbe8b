"""What a refund gives back: how much of each line, of each insurer's part, and by which way the money goes.

Parts follow from what was refunded before, cumulatively, so that many small refunds come to the same as one large one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from reception.domain.errors import Invalid, NotPossible, invalid_field
from reception.domain.finance.charges import lines_of, payers_of
from reception.domain.finance.dues import standing
from reception.domain.finance.payments import MOST, Part
from reception.domain.finance.shares import Figure, allocate, figures
from reception.extensions import db
from reception.models import (
    Account,
    AccountKind,
    BillLine,
    BillPayer,
    LedgerEntry,
    LedgerKind,
    Method,
    Payment,
    PaymentStatus,
    RefundLine,
)
from reception.words import N_


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which line how much goes back: an amount of the patient's money, or so many of its pieces."""

    line_id: int
    amount: int | None = None
    quantity: int | None = None


@dataclass(slots=True)
class Back:
    """What of one line goes back: the patient's money, the insurers' parts {payer id: amount}, and (`rest`, where all of
    the bill goes back) what the patient never paid of it."""

    line: BillLine
    self_pay: int
    insured: dict[int, int] = field(default_factory=dict)
    rest: int = 0


@dataclass(slots=True)
class Plan:
    """A refund of `amount`; `is_whole`: nothing of what was paid stays."""

    amount: int
    is_whole: bool
    lines: list[Back]
    payers: dict[int, BillPayer]


def left_of(bill: Payment) -> int:
    """What of the patient's money is still there to give back."""
    return bill.amount_paid - bill.refunded_amount


def left_by_line(bill: Payment) -> list[tuple[BillLine, Figure, int]]:
    """Each service's line with its figures and what of the patient's part was not given back yet."""
    lines = lines_of(bill)
    before = _given_back(lines)
    of = {line.id: line for line in lines}
    return [
        (of[figure.line_id], figure, max(0, figure.self_pay - before.get(figure.line_id, 0)))
        for figure in figures(lines, payers_of(bill)).lines
    ]


def plan(bill: Payment, *, amount: int | None = None, lines: Iterable[Asked] = ()) -> Plan:
    """What goes back: `amount` over all lines in proportion, or what is asked of some lines, or (neither) everything.

    Raises NotPossible for a bill of which nothing was paid, Invalid for more than was paid.
    """
    rows, asked, most = left_by_line(bill), list(lines), left_of(bill)
    if bill.status not in (PaymentStatus.PARTIALLY_PAID, PaymentStatus.PAID):
        raise NotPossible(
            N_("This bill is %(state)s: nothing can be refunded."), state=bill.status, allowed=[], code="not-refundable"
        )
    if most <= 0:
        raise NotPossible(N_("Nothing was paid for this bill."), code="not-refundable", state=bill.status, allowed=[])
    if asked and amount is not None:
        raise invalid_field("amount", N_("Say either an amount or the lines."))
    if asked:
        taken = _asked(rows, asked)
        total = sum(taken.values())
    else:
        total = most if amount is None else amount
    if total <= 0:
        raise invalid_field("amount", N_("An amount must be above zero."))
    if total > most:
        words = N_("That is more than was paid and not yet given back.")
        raise Invalid(words, code="too-much", fields={"lines" if asked else "amount": words})
    if not asked:
        parts = allocate(total, [left for _, _, left in rows])
        taken = {line.id: part for (line, _, _), part in zip(rows, parts, strict=True)}
    payers = {payer.id: payer for payer in payers_of(bill)}
    return Plan(total, total == most, _insured(rows, taken, payers, is_whole=total == most), payers)


def _asked(rows: list[tuple[BillLine, Figure, int]], asked: list[Asked]) -> dict[int, int]:
    known = {line.id: (line, figure, left) for line, figure, left in rows}
    taken: dict[int, int] = {}
    for wish in asked:
        if wish.line_id not in known:
            raise invalid_field("lines", N_("This line is not a service of this bill."))
        if wish.line_id in taken:
            raise invalid_field("lines", N_("A line was named twice."))
        line, figure, left = known[wish.line_id]
        part = _pieces(line, figure, left, wish.quantity) if wish.amount is None else wish.amount
        if part <= 0:
            raise invalid_field("lines", N_("An amount must be above zero."))
        if part > left:
            words = N_("That is more than is left of a line.")
            raise Invalid(words, code="too-much", fields={"lines": words})
        taken[line.id] = part
    return taken


def _pieces(line: BillLine, figure: Figure, left: int, quantity: int | None) -> int:
    """What `quantity` pieces of the line cost the patient: pieces that went back before count, so that all come to it."""
    if quantity is None or not 0 < quantity <= line.quantity:
        raise invalid_field("lines", N_("Say how many of a line go back: at most %(most)s."), most=line.quantity)
    before = figure.self_pay - left
    gone = next((n for n in range(line.quantity + 1) if figure.self_pay * n // line.quantity >= before), 0)
    if figure.self_pay * gone // line.quantity != before:
        return figure.self_pay * quantity // line.quantity
    if gone + quantity > line.quantity:
        raise invalid_field("lines", N_("Only %(left)s of this line are left."), left=line.quantity - gone)
    return figure.self_pay * (gone + quantity) // line.quantity - before


def _insured(
    rows: list[tuple[BillLine, Figure, int]], taken: Mapping[int, int], payers: Mapping[int, BillPayer], *, is_whole: bool
) -> list[Back]:  # fmt: skip
    """Of each line the insurers' parts in the same proportion as the patient's; where all goes back, all of them."""
    left = {ident: payer.amount - payer.refunded_amount for ident, payer in payers.items()}
    backs = []
    for line, figure, still in rows:
        part = taken.get(line.id, 0)
        before, after = figure.self_pay - still, figure.self_pay - still + part
        back = Back(line, part, rest=still - part if is_whole else 0)
        for payer_id, amount in figure.insured.items():
            done = amount * before // figure.self_pay if figure.self_pay else 0
            upto = amount if is_whole else amount * after // figure.self_pay if figure.self_pay else 0
            if share := min(upto - done, left[payer_id]):
                back.insured[payer_id] = share
                left[payer_id] -= share
        if back.self_pay or back.insured or back.rest:
            backs.append(back)
    return backs


def _given_back(lines: list[BillLine]) -> dict[int, int]:
    rows = db.session.execute(
        select(RefundLine.line_id, func.sum(RefundLine.self_pay_amount))
        .where(RefundLine.line_id.in_([line.id for line in lines]))
        .group_by(RefundLine.line_id)
    )
    return {line: int(total) for line, total in rows}


# ----------------------------------------------------------------------------------------------------- by which way


def ways(bill: Payment) -> list[Part]:
    """The parts that came for the bill and are still there, the latest first."""
    debit, credit = aliased(Account), aliased(Account)
    rows = db.session.execute(
        select(LedgerEntry, debit.kind, debit.patient_id, credit.kind, credit.patient_id)
        .join(debit, debit.id == LedgerEntry.debit_id)
        .join(credit, credit.id == LedgerEntry.credit_id)
        .where(
            LedgerEntry.payment_id == bill.id,
            LedgerEntry.kind.in_([LedgerKind.PAYMENT, LedgerKind.REFUND]),
            LedgerEntry.method.is_not(None),
            LedgerEntry.method != Method.INSURANCE,
        )
        .order_by(LedgerEntry.id.desc())
    )
    found: dict[tuple[Method, int | None, int | None], int] = defaultdict(int)
    for entry, _, debit_owner, credit_kind, credit_owner in rows:
        came = credit_kind == AccountKind.PATIENT_DEBT
        card = standing(debit_owner if came else credit_owner) if entry.cashbox_id is None else None
        found[entry.method, entry.cashbox_id, card.id if card else None] += entry.amount if came else -entry.amount
    parts = [Part(method, box, amount, owner) for (method, box, owner), amount in found.items()]
    money = [part for part in parts if part.method != Method.BONUS]
    still = sum(part.amount for part in money)  # what went another way than it came is gone from all of them
    left = allocate(max(0, still), [max(0, part.amount) for part in money])
    of = {id(part): amount for part, amount in zip(money, left, strict=True)}
    return [
        Part(part.method, part.cashbox_id, amount, part.owner_id)
        for part in parts
        if (amount := of.get(id(part), part.amount)) > 0
    ]


def spread(bill: Payment, amount: int, other: Part | None = None) -> list[Part]:
    """`amount` over the parts that came, in proportion, the latest first. `other`: where the money goes instead; a used
    bonus goes back as bonus whatever is asked."""
    came = ways(bill)
    parts = [
        Part(part.method, part.cashbox_id, share, part.owner_id)
        for part, share in zip(came, allocate(amount, [part.amount for part in came]), strict=True)
        if share
    ]
    if other is None:
        return parts
    bonus = [part for part in parts if part.method == Method.BONUS]
    money = amount - sum(part.amount for part in bonus)
    return [*bonus, *([Part(other.method, other.cashbox_id, money, other.owner_id)] if money else [])]


def by_parts(bill: Payment, amount: int, parts: Iterable[Part]) -> list[Part]:
    """The ways that somebody chose for `amount`. Raises Invalid where they do not add up, or would turn bonus into money."""
    usual = spread(bill, amount)
    bonus = [part for part in usual if part.method == Method.BONUS]
    chosen = [part for part in parts if part.method != Method.BONUS]
    if any(not 0 < part.amount <= MOST for part in parts):
        raise invalid_field("parts", N_("Each part must be an amount above zero."))
    if sum(part.amount for part in parts) != amount:
        raise invalid_field("parts", N_("The parts do not add up to the amount."))
    if sum(part.amount for part in chosen) != amount - sum(part.amount for part in bonus):
        raise invalid_field("parts", N_("What was paid by bonus goes back as bonus."))
    if any(part.cashbox_id is None and part.method != Method.DEPOSIT for part in chosen):
        raise invalid_field("parts", N_("Say out of which cashbox."))
    owner = next((part.owner_id for part in usual if part.owner_id is not None), None)
    return [*bonus, *(Part(part.method, part.cashbox_id, part.amount, owner) for part in chosen)]
