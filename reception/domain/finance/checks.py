"""Are the bills as they must be? What `verify` recomputes of lines, payers, shares, dues and invoice numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import case, func, select

from reception.domain.finance.dues import bonus_due, bonus_posted, doctors_due, doctors_posted
from reception.domain.finance.shares import discounted, figures
from reception.extensions import db
from reception.models import (
    Account,
    AccountKind,
    BillLine,
    BillPayer,
    Counter,
    Invoice,
    LedgerEntry,
    LedgerKind,
    Method,
    Payment,
    PaymentStatus,
)

SLICE = 500


def findings() -> Iterator[str]:
    """One line for each thing that is wrong with a bill or an invoice number."""
    last = 0
    while bills := _slice(last):
        yield from _of(bills)
        last = bills[-1].id
    yield from _invoices()


def _slice(last: int) -> list[Payment]:
    query = select(Payment).where(Payment.id > last).order_by(Payment.id).limit(SLICE)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def _of(bills: list[Payment]) -> Iterator[str]:
    idents = [bill.id for bill in bills]
    lines: dict[int, list[BillLine]] = defaultdict(list)
    payers: dict[int, list[BillPayer]] = defaultdict(list)
    for line in db.session.scalars(select(BillLine).where(BillLine.payment_id.in_(idents)).order_by(BillLine.id)):
        lines[line.payment_id].append(line)
    order = select(BillPayer).where(BillPayer.payment_id.in_(idents)).order_by(BillPayer.position)
    for payer in db.session.scalars(order):
        payers[payer.payment_id].append(payer)
    charged, paid = _charged(idents), _paid(idents)
    due = _with_entries(idents, AccountKind.DOCTOR_DUE)
    for bill in bills:
        yield from _sums(bill, lines[bill.id], payers[bill.id])
        yield from _asked(bill, payers[bill.id], charged[bill.id], paid)
        if bill.amount_paid or bill.id in due or any(payer.paid_amount for payer in payers[bill.id]):
            yield from _followed(bill)


def _sums(bill: Payment, lines: list[BillLine], payers: list[BillPayer]) -> Iterator[str]:
    """The bill says what its lines and payers say."""
    found = figures(lines, payers)
    off = discounted(lines)
    for line in lines:
        if line.id in off and line.amount != off[line.id]:
            yield f"discount {line.id} of bill {bill.id} is {line.amount}, its percent says {off[line.id]}"
    for figure in found.lines:
        share = next(line.doctor_share for line in lines if line.id == figure.line_id)
        if share != figure.doctor_share:
            yield f"line {figure.line_id} of bill {bill.id} says a share of {share}, its percent says {figure.doctor_share}"
    if bill.total_amount != found.total:
        yield f"bill {bill.id} says {bill.total_amount}, its lines say {found.total}"
    if bill.insurance_amount != found.insurance:
        yield f"bill {bill.id} says {bill.insurance_amount} for insurers, its payers say {found.insurance}"
    if bill.doctor_share != found.doctor_share:
        yield f"bill {bill.id} says {bill.doctor_share} for doctors, its lines say {found.doctor_share}"
    for payer in payers:
        if payer.amount != found.payers[payer.id]:
            yield f"payer {payer.id} of bill {bill.id} says {payer.amount}, its part is {found.payers[payer.id]}"
    if bill.refunded_amount > bill.amount_paid:
        yield f"bill {bill.id} gave back {bill.refunded_amount} of {bill.amount_paid}"


def _asked(
    bill: Payment, payers: list[BillPayer], charged: dict[int, int], paid: dict[tuple[int, int], int]
) -> Iterator[str]:
    """Each payer is charged his part: the patient (0) and the insurers."""
    stands = bill.status != PaymentStatus.CANCELLED
    for payer in payers:
        wanted = payer.amount if stands else 0
        if charged.get(payer.insurer_id, 0) != wanted:
            yield f"insurer {payer.insurer_id} is charged {charged.get(payer.insurer_id, 0)} of bill {bill.id}, not {wanted}"
        came = paid.get((bill.id, payer.insurer_id), 0)
        if came != payer.paid_amount:
            yield f"insurer {payer.insurer_id} paid {came} of bill {bill.id}, its part says {payer.paid_amount}"
    strange = set(charged) - {0, *(payer.insurer_id for payer in payers)}
    for insurer in sorted(strange):
        if charged[insurer]:
            yield f"insurer {insurer} is charged {charged[insurer]} of bill {bill.id} and pays nothing of it"
    wanted = bill.self_pay_amount if stands else 0
    if charged.get(0, 0) != wanted:
        yield f"the patient is charged {charged.get(0, 0)} of bill {bill.id}, not {wanted}"


def _followed(bill: Payment) -> Iterator[str]:
    """Doctors and who referred the patient are due what follows from the money."""
    due, posted = doctors_due(bill), doctors_posted(bill)
    for doctor in sorted({*due, *posted}):
        if due.get(doctor, 0) != posted.get(doctor, 0):
            yield f"doctor {doctor} is due {due.get(doctor, 0)} of bill {bill.id}, posted is {posted.get(doctor, 0)}"
    if bonus_due(bill) != bonus_posted(bill):
        yield f"bill {bill.id} brings a bonus of {bonus_due(bill)}, posted is {bonus_posted(bill)}"


SIGN = case((LedgerEntry.reverses_id.is_(None), LedgerEntry.amount), else_=-LedgerEntry.amount)


def _charged(idents: list[int]) -> dict[int, dict[int, int]]:
    """{bill: {insurer id, 0 for the patient: what is charged}}."""
    side = case((LedgerEntry.reverses_id.is_(None), LedgerEntry.debit_id), else_=LedgerEntry.credit_id)
    rows = db.session.execute(
        select(LedgerEntry.payment_id, Account.insurer_id, func.sum(SIGN))
        .join(Account, Account.id == side)
        .where(LedgerEntry.payment_id.in_(idents), LedgerEntry.kind == LedgerKind.CHARGE)
        .group_by(LedgerEntry.payment_id, Account.insurer_id)
    )
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for bill, insurer, amount in rows:
        found[bill or 0][insurer or 0] = int(amount)
    return found


def _paid(idents: list[int]) -> dict[tuple[int, int], int]:
    """{(bill, insurer): what it paid}."""
    side = case((LedgerEntry.reverses_id.is_(None), LedgerEntry.credit_id), else_=LedgerEntry.debit_id)
    rows = db.session.execute(
        select(LedgerEntry.payment_id, Account.insurer_id, func.sum(SIGN))
        .join(Account, Account.id == side)
        .where(
            LedgerEntry.payment_id.in_(idents), LedgerEntry.kind == LedgerKind.PAYMENT,
            LedgerEntry.method == Method.INSURANCE,
        )
        .group_by(LedgerEntry.payment_id, Account.insurer_id)
    )  # fmt: skip
    return {(bill or 0, insurer or 0): int(amount) for bill, insurer, amount in rows}


def _with_entries(idents: list[int], kind: AccountKind) -> set[int]:
    rows = db.session.scalars(
        select(LedgerEntry.payment_id)
        .distinct()
        .join(Account, (Account.id == LedgerEntry.debit_id) | (Account.id == LedgerEntry.credit_id))
        .where(LedgerEntry.payment_id.in_(idents), Account.kind == kind)
    )
    return {ident for ident in rows if ident is not None}


def _invoices() -> Iterator[str]:
    """Numbers without holes per clinic and year; a bill's own number is one that was given to it and is not void."""
    given: dict[tuple[int, str], list[int]] = defaultdict(list)
    for clinic_id, number in db.session.execute(select(Invoice.clinic_id, Invoice.number)):
        year, _, rest = number.rpartition("-")
        given[clinic_id, year].append(int(rest) if rest.isdigit() else 0)
    counters = select(Counter.clinic_id, Counter.period, Counter.last_number).where(Counter.name == "invoice")
    last = {(clinic_id, year): number for clinic_id, year, number in db.session.execute(counters)}
    for clinic_id, year in sorted({*given, *last}):
        numbers, upto = sorted(given[clinic_id, year]), last.get((clinic_id, year), 0)
        if numbers != list(range(1, upto + 1)):
            missing = sorted(set(range(1, upto + 1)) - set(numbers))[:5]
            yield f"invoice numbers of clinic {clinic_id} in {year} have holes or go beyond {upto}: missing {missing}"
    here = (Invoice.payment_id == Payment.id) & (Invoice.number == Payment.invoice_no)
    strange = select(Payment.id, Payment.status, Invoice.id, Invoice.voided_at).outerjoin(Invoice, here)
    for ident, status, invoice, voided_at in db.session.execute(strange.where(Payment.invoice_no.is_not(None))):
        if invoice is None:
            yield f"bill {ident} has a number that was not given to it"
        elif (voided_at is not None) != (status == PaymentStatus.CANCELLED):
            yield f"bill {ident} is {status}, its number {'is void' if voided_at else 'stands'}"
    loose = select(Invoice.id).join(Payment, Payment.id == Invoice.payment_id)
    loose = loose.where(Invoice.voided_at.is_(None), Payment.invoice_no.is_distinct_from(Invoice.number))
    for ident in db.session.scalars(loose):
        yield f"invoice {ident} stands and its bill does not name it"
