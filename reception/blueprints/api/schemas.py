"""What the API takes and gives, call by call: the words of the contract, in its order."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from reception.blueprints.api.values import (
    Amount,
    AskedDay,
    AskedId,
    AskedLimit,
    AskedMoment,
    Date,
    Day,
    Id,
    Instant,
    Line,
    Money,
    Shape,
    Stamp,
    Strict,
    Text,
    Version,
)
from reception.models import (
    AccountKind,
    AppointmentSource,
    AppointmentStatus,
    CashboxKind,
    CashTransferStatus,
    CategoryKind,
    ClinicKind,
    Gender,
    LedgerKind,
    Method,
    PaymentStatus,
    Priority,
    RefundRequestStatus,
    RoomKind,
    VisitStatus,
)

Name = Text  # its length is the registry's rule, which also says so
LocaleName = Literal["en", "ru", "ar"]

# ----------------------------------------------------------------------------------------------------------- asked


class Page(Strict):
    """A page of a list."""

    limit: AskedLimit = 100
    cursor: Annotated[str, Field(max_length=200)] | None = Field(None, description="`next` of the page before")


class PatientsAsked(Page):
    q: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="name in any script, phone, card number or birth date; the best matches first, on one page"
    )


class SchedulesAsked(Page):
    date: AskedDay | None = Field(None, description="default: today")


class SlotsAsked(Page):
    doctor: AskedId | None = None
    from_: AskedMoment | None = Field(None, alias="from", description="a day or an instant; default: now")
    to: AskedMoment | None = Field(
        None, description="a day (included) or an instant (excluded); default: end of `from`'s day"
    )


class AppointmentsAsked(Page):
    date: AskedDay | None = Field(None, description="default: today")
    doctor: AskedId | None = None
    patient: AskedId | None = None
    status: Annotated[str, Field(max_length=200)] | None = Field(None, description="one or several, with commas")


class VisitsAsked(Page):
    day: AskedDay | None = Field(None, description="service day; default: today")
    doctor: AskedId | None = None
    patient: AskedId | None = None
    status: Annotated[str, Field(max_length=200)] | None = Field(None, description="one or several, with commas")


class ShiftsAsked(Page):
    cashbox: AskedId | None = None
    state: Literal["open", "closed"] | None = None


class LedgerAsked(Page):
    from_: AskedDay | None = Field(None, alias="from", description="default: today")
    to: AskedDay | None = Field(None, description="included; default: today, or `from` where that is later")
    payment: AskedId | None = Field(None, description="entries of one bill, of all days")


# ----------------------------------------------------------------------------------------------------------- taken


class PatientFields(Strict):
    middle_name: Name | None = None
    phone: Line | None = Field(None, description="in any usual way of writing it")
    home_phone: Line | None = None
    email: Line | None = None
    national_id: Annotated[Line, Field(max_length=64)] | None = None
    tax_id: Annotated[Line, Field(max_length=64)] | None = None
    guardian_id: Id | None = Field(None, description="another patient; the card then shows the guardian's phone")
    document_type: Line | None = Field(None, description="PASSPORT, ID_CARD, BIRTH_CERTIFICATE …")
    document_number: Line | None = None
    country: Line | None = Field(None, description="two letters; a region brings its own")
    region_code: Line | None = None
    district_code: Line | None = Field(None, description="must lie in the region, which it brings along")
    settlement_code: Line | None = Field(None, description="must lie in the district, which it brings along")
    address: Text | None = None
    insurance_type: Line | None = Field(None, description="STATE, VOLUNTARY, EMPLOYER, SELF_PAY or OTHER")
    insurer: Line | None = None
    policy_number: Line | None = None
    gestational_age_weeks: int | None = Field(None, description="20 to 45")
    medical_history: Text | None = Field(None, description="for the desk, doctors and nurses")
    referred_by_id: Id | None = Field(None, description="another patient")
    alerts: Text | None = None
    special_needs: Text | None = None
    additional_info: Text | None = None
    preferred_locale: LocaleName | None = None


class NewPatient(PatientFields):
    first_name: Name
    last_name: Name
    date_of_birth: Day
    gender: Gender


class PatientChange(PatientFields):
    """Only what is named changes; null empties."""

    first_name: Name | None = None
    last_name: Name = ""
    date_of_birth: Day | None = None
    gender: Gender = Gender.UNKNOWN
    version: Version | None = None


class NewAppointment(Strict):
    patient_id: Id
    doctor_id: Id
    service_id: Id
    start: Instant
    room_id: Id | None = None
    source: AppointmentSource = AppointmentSource.PHONE
    reason: Line | None = None
    notes: Text | None = None
    overbooking_reason: Line | None = Field(None, description="books beyond the capacity; for some roles only")
    past_reason: Line | None = Field(None, description="enters a past appointment; for some roles only")


class Reschedule(Strict):
    start: Instant
    doctor_id: Id | None = None
    room_id: Id | None = None
    version: Version | None = Field(None, description="the appointment's")
    reason: Line | None = None


class AppointmentMove(Strict):
    version: Version | None = Field(None, description="the appointment's")
    reason: Line | None = None


class WalkIn(Strict):
    patient_id: Id
    service_id: Id
    doctor_id: Id | None = None
    department_id: Id | None = Field(None, description="for any doctor of the department")
    priority: Priority = Priority.NORMAL
    priority_reason: Annotated[Line, Field(max_length=200)] | None = None


class VisitMove(Strict):
    version: Version | None = Field(None, description="the visit's")
    reason: Line | None = None


class Called(VisitMove):
    doctor_id: Id | None = Field(None, description="who calls, where the patient waits for any of the department")


class Held(VisitMove):
    minutes: int | None = Field(None, description="not to be called before so many minutes")


class Transferred(VisitMove):
    doctor_id: Id | None = None
    department_id: Id | None = None


class Cancelled(VisitMove):
    left: bool = Field(False, description="the patient left without being seen; of who waits or was called")


class CallNext(Strict):
    visit_id: Id | None = Field(None, description="whom the caller expects; somebody else by now is a 409")
    version: Version | None = None


class PaidPart(Strict):
    method: Method
    cashbox_id: Id | None = Field(None, description="none for BONUS and DEPOSIT")
    amount: Money


class Pay(Strict):
    parts: Annotated[list[PaidPart], Field(max_length=100)]
    version: Version | None = Field(None, description="the bill's")
    received: Money | None = Field(None, description="cash handed over; the change is answered")
    amount: Money | None = Field(None, description="what the parts should add up to")


class SeenBill(Strict):
    payment_id: Id
    version: Version | None = Field(None, description="the bill's as it was seen")
    due: Money | None = Field(None, description="what was still to pay of it")


class PayTogether(Strict):
    payer_id: Id = Field(description="the card that pays; bonus and deposit are its own")
    bills: Annotated[list[SeenBill], Field(max_length=100)]
    parts: Annotated[list[PaidPart], Field(max_length=100)]
    received: Money | None = Field(None, description="cash handed over; the change is answered")
    amount: Money | None = Field(None, description="what the parts should add up to")


class RefundedLine(Strict):
    line_id: Id
    amount: Money | None = Field(None, description="of the patient's money")
    quantity: Annotated[int, Field(ge=1, le=10_000)] | None = None


class Refund(Strict):
    """All that was paid, an amount of it, or some lines; the way it came, or another way, or in `parts`."""

    reason: Line = "API"
    parts: Annotated[list[PaidPart], Field(max_length=20)] = []
    amount: Money | None = None
    lines: Annotated[list[RefundedLine], Field(max_length=100)] = []
    method: Method | None = None
    cashbox_id: Id | None = None
    version: Version | None = Field(None, description="the bill's")


class Approve(Strict):
    version: Version | None = None


class Refuse(Strict):
    version: Version | None = None


class Count(Strict):
    """What was counted in a cashbox; a terminal or an account may go uncounted."""

    counted: Money | None = None
    expected: Money | None = Field(None, description="the balance as the caller saw it; another one is a conflict")
    reason: Line = Field("", description="needed where the count differs from the balance")


class AskTransfer(Strict):
    source_id: Id
    target_id: Id
    amount: Money
    note: Line = ""


class Answer(Strict):
    version: Version | None = None


class CashMove(Strict):
    category_id: Id
    amount: Money
    note: Line = ""


class TakeDeposit(Strict):
    parts: Annotated[list[PaidPart], Field(max_length=100)]
    received: Money | None = None
    note: Line = ""


class GiveBackDeposit(Strict):
    method: Method
    cashbox_id: Id
    amount: Money
    reason: Line = "API"


class AddBonus(Strict):
    amount: Money
    reason: Line = "API"


class WithdrawBonus(Strict):
    amount: Money
    reason: Line = "API"
    cashbox_id: Id | None = Field(None, description="the drawer that pays it out; none: it is only taken away")


# ----------------------------------------------------------------------------------------------------------- given


class Patient(Shape):
    id: int
    card_no: str
    first_name: str
    middle_name: str
    last_name: str
    date_of_birth: Date | None
    gender: Gender
    phone: str | None
    home_phone: str | None
    email: str
    guardian_id: int | None
    national_id: str | None
    tax_id: str | None
    document_type: str | None
    document_number: str | None
    country: str
    region_code: str | None
    district_code: str | None
    settlement_code: str | None
    address: str
    insurance_type: str
    insurer: str
    policy_number: str
    gestational_age_weeks: int | None
    medical_history: str | None = Field(description="null for roles that may not read it")
    referred_by_id: int | None
    alerts: str
    special_needs: str
    additional_info: str
    preferred_locale: str | None
    is_anonymous: bool
    is_active: bool
    version: int


class Clinic(Shape):
    id: int
    name: str
    kind: ClinicKind
    time_zone: str
    currency: str
    today: Date
    now: Stamp


class Department(Shape):
    id: int
    name: str
    code: str
    location: str
    is_active: bool


class Doctor(Shape):
    id: int
    full_name: str
    username: str | None
    department_id: int
    is_active: bool
    title: str
    room_id: int | None
    on_break: bool


class Service(Shape):
    id: int
    name: str
    duration_min: int
    price: Amount | None = Field(description="today's; null where none is set")
    department_id: int | None
    description: str
    is_active: bool


class Room(Shape):
    id: int
    name: str
    floor: str
    building: str
    kind: RoomKind
    is_active: bool


class InRoom(Shape):
    """A visit that is in the room, or was called to it."""

    id: int
    ticket: str
    status: Literal["CALLED", "IN_PROGRESS"]
    doctor_id: int
    since: Stamp


class NextInRoom(Shape):
    id: int
    start: Stamp
    doctor_id: int


class RoomStatus(Shape):
    room_id: int
    name: str
    status: Literal["IN_PROGRESS", "CALLED", "CLOSED", "RESERVED", "FREE"]
    doctor_id: int | None = Field(description="who works there now: by the visit, or by the shift")
    schedule_id: int | None
    visits: list[InRoom]
    closed_until: Stamp | None = Field(description="while a closure of the room holds")
    next_appointment: NextInRoom | None = Field(description="the next of today, in this room")


class Schedule(Shape):
    id: int
    doctor_id: int
    room_id: int | None
    date: Date
    start: Stamp
    end: Stamp
    slot_minutes: int
    capacity: int = Field(description="places of one slot")
    places: int = Field(description="of all slots")
    free: int


class Slot(Shape):
    schedule_id: int
    doctor_id: int
    room_id: int | None
    start: Stamp
    end: Stamp
    capacity: int
    free: int = Field(description="places that can still be booked; 0 in the past")


class Visit(Shape):
    id: int
    ticket: str | None
    queue_number: int | None
    status: VisitStatus
    priority: Priority
    patient_id: int
    doctor_id: int | None
    department_id: int
    room_id: int | None
    service_id: int
    check_in_time: Stamp | None
    called_at: Stamp | None
    call_count: int
    start_time: Stamp | None
    end_time: Stamp | None
    appointment_id: int | None
    payment_id: int | None
    version: int


class Appointment(Shape):
    id: int
    booking_id: str
    status: AppointmentStatus
    start: Stamp
    end: Stamp
    patient_id: int
    doctor_id: int
    room_id: int | None
    service_id: int
    visit_id: int
    payment_id: int | None
    version: int
    ticket: str | None
    queue_number: int | None


class AppointmentWithVisit(Appointment):
    visit: Visit


class Payment(Shape):
    id: int
    visit_id: int | None
    total_amount: Amount
    insurance_amount: Amount
    self_pay_amount: Amount
    amount_paid: Amount
    due_amount: Amount
    status: PaymentStatus
    version: int
    patient_id: int
    invoice_no: str | None
    currency: str


class Operation(Shape):
    """One act of the cashier: the receipt."""

    id: int
    receipt_no: str
    amount: Amount
    received: Amount
    change: Amount


class Paid(Payment):
    operation: Operation


class PaidTogether(Shape):
    operation: Operation
    bills: list[Payment]


class CashboxShift(Shape):
    """A cashbox from one count to the next; `number`: of its Z report. `difference`: counted less expected."""

    id: int
    cashbox_id: int
    opened_at: Stamp
    opened_by_id: int | None
    opening_counted: Amount
    opening_expected: Amount
    opening_reason: str
    closed_at: Stamp | None
    closed_by_id: int | None
    counted: Amount | None
    expected: Amount | None
    difference: Amount | None
    reason: str
    number: int | None
    audit_hash: str
    version: int
    currency: str


class CashTransfer(Shape):
    """Money on its way from one cashbox to another."""

    id: int
    source_id: int
    target_id: int
    amount: Amount
    note: str
    status: CashTransferStatus
    asked_at: Stamp
    answered_at: Stamp | None
    answered_by_id: int | None
    version: int
    currency: str


class MoneyCategory(Shape):
    id: int
    kind: CategoryKind
    name: str
    is_active: bool


class RefundRequest(Shape):
    """A refund that waits for a second person, or was answered by one."""

    id: int
    payment_id: int
    amount: Amount
    reason: str
    status: RefundRequestStatus
    asked_at: Stamp
    asked_by_id: int
    answered_by_id: int | None
    version: int
    currency: str


class Refunded(Payment):
    """The bill, and either the refund or the request that waits for a second person."""

    refunded_amount: Amount
    operation: Operation | None
    request: RefundRequest | None


class Purse(Shape):
    """What stands between a patient and the clinic beside bills; `operation`: the act that was just done."""

    patient_id: int
    bonus: Amount
    bonus_debt: Amount
    deposit: Amount
    currency: str
    operation: Operation | None


class BonusEntry(Shape):
    """A movement of a patient's bonus; negative: used, withdrawn or taken back."""

    id: int
    at: Stamp
    amount: Amount
    reason: str
    operation_id: int | None
    payment_id: int | None


class Cashbox(Shape):
    id: int
    name: str
    kind: CashboxKind
    balance: Amount | None = Field(description="null for roles that may not see the money")
    is_open: bool


class LedgerEntry(Shape):
    """`amount` moves from the credit account to the debit account."""

    id: int
    at: Stamp
    day: Date
    kind: LedgerKind
    amount: Amount
    debit_id: int
    debit_kind: AccountKind
    credit_id: int
    credit_kind: AccountKind
    method: Method | None
    cashbox_id: int | None
    payment_id: int | None
    patient_id: int | None
    service_id: int | None
    appointment_id: int | None
    operation_id: int | None
    reverses_id: int | None


class Problem(Shape):
    """RFC 9457. `code` is for programs, `detail` a sentence for people, in the caller's language."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    state: str | None = Field(None, description="a refused move: the present state")
    allowed: list[str] | None = Field(None, description="a refused move: the moves that the caller may make now")
    errors: dict[str, str] | None = Field(None, description="field -> what is wrong with it")
    link: str | None = Field(None, description="where the record in the way is found")
    request_id: str | None = None


def listing(kind: type[Shape]) -> dict[str, Any]:
    """The schema of a page of `kind`."""
    return {
        "type": "object",
        "required": ["items", "next"],
        "additionalProperties": False,
        "properties": {
            "items": {"type": "array", "items": {"$ref": f"#/components/schemas/{kind.__name__}"}},
            "next": {"type": ["string", "null"], "description": "cursor of the next page; null: this is the last"},
        },
    }
