"""Claims: what an insurer is asked for, its parts of the bills of one month, and what it answers.

A draft collects the open parts of the month's bills. Sent, it is a promise: its bills do not change any more. What the
insurer refuses becomes the patient's; what it pays goes into a bank cashbox, bill by bill.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from reception import clock
from reception.clock import service_day
from reception.domain import numbers
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import NotFound, NotPossible, Stale, invalid_field
from reception.domain.finance.changing import opened
from reception.domain.finance.charges import Cause
from reception.domain.finance.dues import follow_money
from reception.domain.finance.ledger import account, new_operation, open_shift, post, transfer
from reception.domain.finance.payers import refused
from reception.domain.locks import held, load, locked, locked_all
from reception.domain.machines import CLAIM
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import (
    AccountKind,
    BillPayer,
    Cashbox,
    CashboxKind,
    Claim,
    ClaimStatus,
    Insurer,
    LedgerKind,
    Method,
    Operation,
    Payment,
    PaymentStatus,
    Visit,
)
from reception.words import N_

OPEN = BillPayer.amount - BillPayer.refunded_amount - BillPayer.paid_amount
"""What of a part is still to be paid."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A claim with what it asks, what of it was paid, and how many bills it has."""

    claim: Claim
    asked: int
    paid: int
    bills: int

    @property
    def left(self) -> int:
        return self.asked - self.paid


def month_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def after_month(month: date) -> date:
    """The first day of the next month."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def is_open(part: BillPayer) -> int:
    """What of the part is still to be paid."""
    return part.amount - part.refunded_amount - part.paid_amount


# ---------------------------------------------------------------------------------------------------- reading


def claims(clinic_id: int, *, insurer_id: int | None = None, month: date | None = None) -> list[Listed]:
    """Claims, the newest month first."""
    asked = func.coalesce(func.sum(BillPayer.amount - BillPayer.refunded_amount), 0)
    query = (
        select(Claim, asked, func.coalesce(func.sum(BillPayer.paid_amount), 0), func.count(BillPayer.id))
        .outerjoin(BillPayer, BillPayer.claim_id == Claim.id)
        .where(Claim.clinic_id == clinic_id)
        .group_by(Claim.id)
        .options(selectinload(Claim.insurer))
        .order_by(Claim.month.desc(), Claim.id.desc())
    )
    if insurer_id is not None:
        query = query.where(Claim.insurer_id == insurer_id)
    if month is not None:
        query = query.where(Claim.month == month)
    return [Listed(claim, int(total), int(paid), count) for claim, total, paid, count in db.session.execute(query)]


def parts_of(claim: Claim) -> list[BillPayer]:
    """The claim's parts of bills, by bill."""
    query = (
        select(BillPayer)
        .where(BillPayer.claim_id == claim.id, BillPayer.clinic_id == claim.clinic_id)
        .options(
            joinedload(BillPayer.payment).joinedload(Payment.patient),
            joinedload(BillPayer.payment).joinedload(Payment.visit),
        )
        .order_by(BillPayer.payment_id)
    )
    return list(db.session.scalars(query))


def waiting(actor: Actor) -> list[tuple[Insurer, date, int, int]]:
    """(insurer, month, bills, amount) of the open parts that no claim has yet, oldest month first."""
    found: dict[tuple[int, date], list[int]] = {}
    insurers: dict[int, Insurer] = {}
    query = _unclaimed(actor).options(joinedload(BillPayer.insurer), joinedload(BillPayer.payment))
    days = _days_of(actor)
    for part in db.session.scalars(query):
        insurers[part.insurer_id] = part.insurer
        month = month_of(days.get(part.payment_id) or service_day(part.payment.created_at, actor.clinic))
        found.setdefault((part.insurer_id, month), []).append(is_open(part))
    rows = [(insurers[ident], month, len(parts), sum(parts)) for (ident, month), parts in found.items()]
    return sorted(rows, key=lambda row: (row[1], row[0].name))


def _unclaimed(actor: Actor) -> Select[tuple[BillPayer]]:
    return (
        select(BillPayer)
        .join(Payment, Payment.id == BillPayer.payment_id)
        .where(
            BillPayer.clinic_id == actor.clinic_id, BillPayer.claim_id.is_(None), OPEN > 0,
            Payment.status.not_in([PaymentStatus.CANCELLED, PaymentStatus.REFUNDED]),
        )
        .order_by(BillPayer.payment_id)
    )  # fmt: skip


def _days_of(actor: Actor) -> dict[int, date]:
    query = (
        select(Payment.id, Visit.service_day)
        .join(Visit, Visit.id == Payment.visit_id)
        .join(BillPayer, BillPayer.payment_id == Payment.id)
        .where(Payment.clinic_id == actor.clinic_id, BillPayer.claim_id.is_(None))
    )
    return {ident: day for ident, day in db.session.execute(query)}


# ------------------------------------------------------------------------------------------------------- steps


def draft(insurer_id: int, month: date, *, actor: Actor, at: datetime) -> Claim:
    """Collect the insurer's open parts of the month's bills; a draft of that month takes in what came since.

    Raises NotFound, or NotPossible where nothing is open.
    """
    insurer = locked(Insurer, insurer_id, actor.clinic_id)
    month = month_of(month)
    claim = db.session.scalar(
        select(Claim).filter_by(insurer_id=insurer.id, month=month, status=ClaimStatus.DRAFT).with_for_update()
    )
    parts = list(db.session.scalars(_of_month(insurer.id, month, actor)))
    if not parts:
        raise NotPossible(N_("%(name)s owes nothing for that month."), name=insurer.name, code="nothing-open")
    if claim is None:
        number = numbers.claim_no(actor.clinic, service_day(at, actor.clinic))
        claim = Claim(clinic_id=actor.clinic_id, insurer_id=insurer.id, number=number, month=month)
        db.session.add(claim)
        db.session.flush()
    for part in parts:
        part.claim_id = claim.id
    _sum_up(claim)
    record(actor, "claim.draft", claim, at=at, also=parts)
    return claim


def _of_month(insurer_id: int, month: date, actor: Actor) -> Select[tuple[BillPayer]]:
    """Open parts of bills of the month: of its visits, or opened in it without one."""
    first, last = month, after_month(month)
    begins, ends = clock.instant(first, time(0), actor.clinic), clock.instant(last, time(0), actor.clinic)
    here = or_(
        Visit.service_day.between(first, last - timedelta(days=1)),
        Payment.visit_id.is_(None) & (Payment.created_at >= begins) & (Payment.created_at < ends),
    )
    return (
        _unclaimed(actor)
        .outerjoin(Visit, Visit.id == Payment.visit_id)
        .where(BillPayer.insurer_id == insurer_id, here)
        .with_for_update(of=BillPayer)
        .execution_options(populate_existing=True)
    )


def leave_out(claim_id: int, part_id: int, *, actor: Actor, at: datetime, version: int | None = None) -> Claim:
    """Take a bill out of a draft; the next draft finds it again."""
    claim = _claim(claim_id, version, actor, ClaimStatus.DRAFT)
    part = load(BillPayer, part_id, actor.clinic_id)
    if part.claim_id != claim.id:
        raise NotFound
    part.claim_id = None
    _sum_up(claim)
    record(actor, "claim.leave-out", claim, at=at, also=[part])
    return claim


def send(claim_id: int, *, actor: Actor, at: datetime, version: int | None = None) -> Claim:
    """The claim went to the insurer: what it asks stands, and its bills do not change any more."""
    claim = _claim(claim_id, version, actor, ClaimStatus.DRAFT, ClaimStatus.REFUSED)
    _lock_bills(claim)
    parts = [part for part in parts_of(claim) if is_open(part) > 0]
    if not parts:
        raise NotPossible(N_("There is nothing in this claim."), code="empty", state=claim.status)
    claim.status, claim.sent_at, claim.answered_at = ClaimStatus.SENT, at, None
    _sum_up(claim)
    record(actor, "claim.send", claim, at=at)
    return claim


def accept(claim_id: int, *, actor: Actor, at: datetime, version: int | None = None, note: str = "") -> Claim:
    """The insurer says that it will pay."""
    claim = _claim(claim_id, version, actor, ClaimStatus.SENT)
    claim.status, claim.answered_at, claim.note = ClaimStatus.ACCEPTED, at, checked(note, "note", 2000)
    _sum_up(claim)
    record(actor, "claim.accept", claim, at=at)
    return claim


def refuse(
    claim_id: int, reason: str, *, actor: Actor, at: datetime, parts: Iterable[int] | None = None,
    version: int | None = None,
) -> Claim:  # fmt: skip
    """The insurer does not pay, all of it or the `parts` (ids): what it does not pay becomes the patient's.

    Raises NotFound, Stale, Invalid (no reason), or NotPossible.
    """
    claim = _claim(claim_id, version, actor, ClaimStatus.SENT, ClaimStatus.ACCEPTED)
    if not (reason := checked(reason, "reason", 2000)):
        raise invalid_field("reason", N_("Say why."))
    _lock_bills(claim)
    there = {part.id: part for part in parts_of(claim)}
    wanted = sorted(there) if parts is None else sorted(set(parts))
    if not wanted or set(wanted) - set(there):
        raise invalid_field("parts", N_("Choose bills of this claim."))
    for ident in wanted:
        if is_open(there[ident]) > 0:
            bill, visit = opened(there[ident].payment_id, None, actor=actor, in_claim=True)
            refused(bill, visit, there[ident], actor=actor, at=at)
    claim.note = reason
    left = parts_of(claim)
    if not any(is_open(part) > 0 for part in left):
        _end(claim, ClaimStatus.PAID if any(part.paid_amount for part in left) else ClaimStatus.REFUSED, at)
    _sum_up(claim)
    record(actor, "claim.refuse", claim, at=at)
    return claim


def pay(
    claim_id: int, cashbox_id: int, *, actor: Actor, at: datetime, parts: dict[int, int] | None = None,
    version: int | None = None,
) -> Operation:  # fmt: skip
    """The insurer paid into a bank cashbox: all that is open, or `parts` ({part id: amount}). The claim is paid when
    nothing is open any more. Raises NotFound, Stale, Invalid or NotPossible."""
    claim = _claim(claim_id, version, actor, ClaimStatus.SENT, ClaimStatus.ACCEPTED)
    bills = _lock_bills(claim)
    there = {part.id: part for part in parts_of(claim)}
    taken = {ident: is_open(part) for ident, part in there.items()} if parts is None else parts
    taken = {ident: amount for ident, amount in sorted(taken.items()) if amount}
    _check_taken(taken, there)
    box = held(Cashbox, {cashbox_id}, actor.clinic_id)[cashbox_id]
    if box.kind != CashboxKind.BANK:
        raise invalid_field("cashbox_id", N_("Insurers pay into a bank account."))
    if not box.is_open:
        raise NotPossible(N_("The cashbox %(name)s is closed."), name=box.name, code="cashbox-closed")
    open_shift(box)
    debt = account(AccountKind.INSURER_DEBT, actor.clinic_id, insurer_id=claim.insurer_id)
    operation = new_operation(LedgerKind.PAYMENT, sum(taken.values()), note=claim.number, actor=actor, at=at)
    post(
        transfer(
            LedgerKind.PAYMENT, debit=box.account_id, credit=debt, amount=amount, method=Method.INSURANCE,
            cashbox_id=box.id, payment_id=there[ident].payment_id, patient_id=bills[there[ident].payment_id].patient_id,
            visit_id=bills[there[ident].payment_id].visit_id, operation_id=operation.id,
            event=("operation", operation.id, f"payer-{ident}"), actor=actor, at=at,
        )
        for ident, amount in taken.items()
    )  # fmt: skip
    for ident, amount in taken.items():
        part, bill = there[ident], bills[there[ident].payment_id]
        part.paid_amount += amount
        db.session.flush()
        cause = Cause("operation", operation.id, f"b{bill.id}-")
        follow_money(bill, cause, actor=actor, at=at, operation_id=operation.id)
    if not any(is_open(part) > 0 for part in there.values()):
        _end(claim, ClaimStatus.PAID, at)
    touched = [bills[there[ident].payment_id] for ident in taken]
    record(
        actor, "claim.pay", claim, at=at, also=(*touched, *(there[ident] for ident in taken)), operation=operation.id,
        receipt=operation.receipt_no, amount=operation.amount,
    )  # fmt: skip
    return operation


def _check_taken(taken: dict[int, int], there: dict[int, BillPayer]) -> None:
    if not taken:
        raise invalid_field("parts", N_("Say how much is paid, and how."))
    for ident, amount in taken.items():
        if ident not in there:
            raise invalid_field("parts", N_("Choose bills of this claim."))
        if not 0 < amount <= is_open(there[ident]):
            raise invalid_field("parts", N_("That is more than is still to pay."))


def _claim(claim_id: int, version: int | None, actor: Actor, *allowed: ClaimStatus) -> Claim:
    claim = locked(Claim, claim_id, actor.clinic_id)
    if claim.status not in allowed:
        raise NotPossible(
            N_("This claim is “%(state)s” now, so that is not possible."), state=claim.status, code="not-possible"
        )
    if version not in (None, claim.version):
        raise Stale(N_("Somebody was faster. This is how it stands now."), state=claim.status)
    return claim


def _lock_bills(claim: Claim) -> dict[int, Payment]:
    """The claim's bills, locked with their visits in the house's order."""
    rows = db.session.execute(
        select(Payment.id, Payment.visit_id)
        .join(BillPayer, BillPayer.payment_id == Payment.id)
        .where(BillPayer.claim_id == claim.id)
    ).all()
    locked_all(Visit, claim.clinic_id, Visit.id.in_([visit for _, visit in rows if visit]))
    bills = locked_all(Payment, claim.clinic_id, Payment.id.in_([ident for ident, _ in rows]))
    locked_all(BillPayer, claim.clinic_id, BillPayer.claim_id == claim.id)
    return {bill.id: bill for bill in bills}


def _end(claim: Claim, status: ClaimStatus, at: datetime) -> None:
    if (claim.status, status) not in CLAIM:
        raise NotPossible(N_("This claim was accepted: it cannot be refused as a whole."), state=claim.status)
    claim.status, claim.answered_at = status, at


def _sum_up(claim: Claim) -> None:
    """The claim asks for what its parts come to."""
    db.session.flush()
    asked = select(func.sum(BillPayer.amount - BillPayer.refunded_amount)).where(BillPayer.claim_id == claim.id)
    claim.amount = int(db.session.scalar(asked) or 0)
    db.session.flush()
