"""What the calls about a bill's lines, payers, numbers and claims take and give."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from reception.blueprints.api.schemas import Payment
from reception.blueprints.api.values import Amount, Date, Day, Id, Line, Money, Shape, Strict, Text, Version
from reception.models import ClaimStatus, CoverageKind, LineKind


class AddLine(Strict):
    service_id: Id
    quantity: Annotated[int, Field(ge=1, le=10_000)] = 1
    doctor_id: Id | None = Field(None, description="default: the visit's")
    version: Version | None = Field(None, description="the bill's")


class Quantity(Strict):
    quantity: Annotated[int, Field(ge=1, le=10_000)]
    version: Version | None = Field(None, description="the bill's")


class Discount(Strict):
    reason: Line
    percent: Annotated[int, Field(ge=1, le=100)] | None = Field(None, description="or `amount`")
    amount: Money | None = None
    line_id: Id | None = Field(None, description="default: of the whole bill")
    version: Version | None = Field(None, description="the bill's")


class AddPayer(Strict):
    insurer_id: Id
    percent: Annotated[int, Field(ge=0, le=100)] | None = Field(None, description="default: what it usually pays")
    amount: Money | None = Field(None, description="instead of `percent`: up to an amount")
    policy_number: Line | None = Field(None, description="default: the card's, where it names this insurer")
    version: Version | None = Field(None, description="the bill's")


class Seen(Strict):
    version: Version | None = Field(None, description="the record's")


class Why(Strict):
    reason: Line
    version: Version | None = Field(None, description="the record's")


class NewClaim(Strict):
    insurer_id: Id
    month: Day = Field(description="any day of it")


class Refuse(Strict):
    reason: Text
    parts: Annotated[list[Id], Field(min_length=1, max_length=10_000)] | None = Field(None, description="default: all")
    version: Version | None = None


class PaidOf(Strict):
    part_id: Id
    amount: Money


class PayClaim(Strict):
    cashbox_id: Id = Field(description="of kind BANK")
    parts: Annotated[list[PaidOf], Field(min_length=1, max_length=10_000)] | None = Field(
        None, description="default: all that is open"
    )
    version: Version | None = None


class BillLine(Shape):
    id: int
    kind: LineKind
    service_id: int | None
    doctor_id: int | None
    quantity: int
    unit_price: Amount
    amount: Amount
    discounts_id: int | None
    percent: int | None
    reason: str


class BillPayer(Shape):
    id: int
    insurer_id: int
    policy_number: str
    coverage: CoverageKind
    percent: int | None
    amount: Amount
    paid_amount: Amount
    claim_id: int | None


class WholeBill(Payment):
    lines: list[BillLine]
    payers: list[BillPayer]


class Insurer(Shape):
    id: int
    name: str
    coverage_percent: int
    is_active: bool


class ClaimPart(Shape):
    id: int
    payment_id: int
    amount: Amount
    paid_amount: Amount


class Claim(Shape):
    id: int
    number: str
    insurer_id: int
    month: Date
    status: ClaimStatus
    amount: Amount
    version: int
    parts: list[ClaimPart]
    currency: str
