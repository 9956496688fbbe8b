"""What bills say of a person in words, taken out when the person is made anonymous. Amounts and numbers stay."""

from __future__ import annotations

from sqlalchemy import select

from reception.domain.locks import locked_all
from reception.models import BillLine, BillPayer, Invoice, LineKind, Payment, Record

GONE = "—"
"""Stands where a rule of the table wants some text."""
OURS = "cancelled"
"""Why a number is void where the house itself says it."""


def forget(patient_ids: list[int], clinic_id: int) -> list[Record]:
    """Policy numbers, reasons of discounts and of void numbers on the patients' bills; the changed rows."""
    bills = select(Payment.id).where(Payment.clinic_id == clinic_id, Payment.patient_id.in_(patient_ids))
    payers = locked_all(BillPayer, clinic_id, BillPayer.payment_id.in_(bills), BillPayer.policy_number != "")
    for payer in payers:
        payer.policy_number = ""
    discounts = locked_all(BillLine, clinic_id, BillLine.payment_id.in_(bills), BillLine.kind == LineKind.DISCOUNT)
    for discount in discounts:
        discount.reason = GONE
    numbers = locked_all(
        Invoice, clinic_id, Invoice.payment_id.in_(bills), Invoice.voided_at.is_not(None), Invoice.void_reason != OURS
    )
    for number in numbers:
        number.void_reason = GONE
    return [*payers, *discounts, *numbers]
