"""What the API reads: columns, not objects, each list in one statement, clinic-scoped and page by page.

A page is asked by `limit` and `after` (sort key and id of the last row seen) and answers up to `limit` + 1 rows: one
more says that there is a next page. The statements of the records that acts answer with are built once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, func, or_, select
from sqlalchemy.orm import aliased

from reception.domain.calendar.places import counts
from reception.domain.errors import NotFound
from reception.domain.locks import is_id
from reception.domain.merging_ids import follow, standing
from reception.extensions import core, db
from reception.models import (
    Account,
    Appointment,
    AppointmentPlace,
    AppointmentStatus,
    BonusEntry,
    Cashbox,
    CashboxShift,
    CashTransfer,
    CashTransferStatus,
    Department,
    Doctor,
    LedgerEntry,
    MoneyCategory,
    Patient,
    Payment,
    RefundRequest,
    RefundRequestStatus,
    Room,
    Schedule,
    Service,
    ServicePrice,
    Slot,
    User,
    Visit,
    VisitStatus,
)

Rows = Sequence[Row[Any]]
After = tuple[Any, int] | None

VISIT = (
    Visit.id, Visit.ticket, Visit.queue_number, Visit.status, Visit.priority, Visit.patient_id, Visit.doctor_id,
    Visit.department_id, Visit.room_id, Visit.service_id, Visit.check_in_time, Visit.called_at, Visit.call_count,
    Visit.start_time, Visit.end_time, Visit.appointment_id, Payment.id.label("payment_id"), Visit.version,
)  # fmt: skip
APPOINTMENT = (
    Appointment.id, Appointment.booking_id, Appointment.status, Appointment.starts_at, Appointment.ends_at,
    Appointment.patient_id, Appointment.doctor_id, Appointment.room_id, Appointment.service_id, Appointment.version,
)  # fmt: skip


def _visits() -> Select[Any]:
    return select(*VISIT).outerjoin(Payment, Payment.visit_id == Visit.id)


def _appointments() -> Select[Any]:
    """Visit's columns carry the prefix `visit_`, where an appointment has one of the same name."""
    own = {column.key for column in APPOINTMENT}
    rest = [column.label(f"visit_{column.key}") if column.key in own else column for column in VISIT]
    return (
        select(*APPOINTMENT, *rest)
        .join(Visit, Visit.appointment_id == Appointment.id)
        .outerjoin(Payment, Payment.visit_id == Visit.id)
    )


_here: Any = bindparam("clinic_id")
_this: Any = bindparam("id")
_VISIT = _visits().where(Visit.clinic_id == _here, Visit.id == _this)
_APPOINTMENT = _appointments().where(Appointment.clinic_id == _here, Appointment.id == _this)
_PAYMENT = select(Payment).where(Payment.clinic_id == _here, Payment.id == _this)


def visit(clinic_id: int, ident: int) -> Row[Any]:
    """One visit. Raises NotFound."""
    return _one(_VISIT, clinic_id, ident)


def appointment(clinic_id: int, ident: int) -> Row[Any]:
    """One appointment with its visit. Raises NotFound."""
    return _one(_APPOINTMENT, clinic_id, ident)


def _one(query: Select[Any], clinic_id: int, ident: int) -> Row[Any]:
    found = core(query, {"clinic_id": clinic_id, "id": ident}).one_or_none() if is_id(ident) else None
    if found is None:
        raise NotFound
    return found


def visits(
    clinic_id: int, day: date, states: list[VisitStatus], doctor: int | None, patient: int | None, after: After,
    limit: int,
) -> Rows:  # fmt: skip
    """Visits of a service day, by id."""
    query = _visits().where(Visit.clinic_id == clinic_id, Visit.service_day == day)
    if states:
        query = query.where(Visit.status.in_(states))
    if doctor is not None:
        query = query.where(Visit.doctor_id == doctor)
    if patient is not None:
        query = query.where(Visit.patient_id == standing(clinic_id, patient))
    return _by_id(query, Visit.id, after, limit)


def appointments(
    clinic_id: int, day: date, states: list[AppointmentStatus], doctor: int | None, patient: int | None,
    after: tuple[datetime, int] | None, limit: int,
) -> Rows:  # fmt: skip
    """Appointments of a day, by time."""
    query = _appointments().where(Appointment.clinic_id == clinic_id, Appointment.day == day)
    if states:
        query = query.where(Appointment.status.in_(states))
    if doctor is not None:
        query = query.where(Appointment.doctor_id == doctor)
    if patient is not None:
        query = query.where(Appointment.patient_id == standing(clinic_id, patient))
    return _by_time(query, Appointment.starts_at, Appointment.id, after, limit)


def patients(clinic_id: int, after: After, limit: int) -> list[Patient]:
    """Open cards, by id."""
    query = select(Patient).where(Patient.clinic_id == clinic_id, Patient.is_active)
    if after:
        query = query.where(Patient.id > after[1])
    return list(db.session.scalars(query.order_by(Patient.id).limit(limit + 1)))


def departments(clinic_id: int, after: After, limit: int) -> Rows:
    query = select(Department.id, Department.name, Department.code, Department.location, Department.is_active)
    return _by_id(query.where(Department.clinic_id == clinic_id), Department.id, after, limit)


def doctors(clinic_id: int, after: After, limit: int) -> Rows:
    """Doctors with their user names, those who left included."""
    query = (
        select(
            Doctor.id, Doctor.first_name, Doctor.middle_name, Doctor.last_name, Doctor.title, Doctor.department_id,
            Doctor.is_active, Doctor.room_id, Doctor.on_break, User.username,
        )
        .outerjoin(User, User.id == Doctor.user_id)
        .where(Doctor.clinic_id == clinic_id)
    )  # fmt: skip
    return _by_id(query, Doctor.id, after, limit)


def rooms(clinic_id: int, after: After, limit: int) -> Rows:
    query = select(Room.id, Room.name, Room.floor, Room.building, Room.kind, Room.is_active)
    return _by_id(query.where(Room.clinic_id == clinic_id), Room.id, after, limit)


def open_rooms(clinic_id: int, after: After, limit: int) -> Rows:
    query = select(Room.id, Room.name).where(Room.clinic_id == clinic_id, Room.is_active)
    return _by_id(query, Room.id, after, limit)


def services(clinic_id: int, day: date, after: After, limit: int) -> Rows:
    """Services on offer, each with its price on `day`."""
    return _by_id(_services(clinic_id, day).where(Service.is_active), Service.id, after, limit)


def service(clinic_id: int, ident: int, day: date) -> Row[Any]:
    """One service, also one that is not offered any more. Raises NotFound."""
    row = core(_services(clinic_id, day).where(Service.id == ident)).one_or_none() if is_id(ident) else None
    if row is None:
        raise NotFound
    return row


def _services(clinic_id: int, day: date) -> Select[Any]:
    price = (
        select(ServicePrice.price)
        .where(
            ServicePrice.service_id == Service.id,
            ServicePrice.valid_from <= day,
            or_(ServicePrice.valid_to.is_(None), ServicePrice.valid_to >= day),
        )
        .order_by(ServicePrice.valid_from.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(
        Service.id, Service.name, Service.duration_min, price.label("price"), Service.department_id,
        Service.description, Service.is_active,
    ).where(Service.clinic_id == clinic_id)  # fmt: skip


def schedules(clinic_id: int, day: date, after: tuple[datetime, int] | None, limit: int, *, at: datetime) -> Rows:
    """Open shifts of a day by time, with the places they have and those that are taken at `at`."""
    here = (Slot.schedule_id == Schedule.id, Slot.is_open)
    places = select(func.coalesce(func.sum(Slot.capacity), 0)).where(*here).scalar_subquery()
    taken = (
        select(func.count())
        .select_from(AppointmentPlace)
        .join(Slot, Slot.id == AppointmentPlace.slot_id)
        .where(*here, AppointmentPlace.place <= Slot.capacity, counts(at))
        .scalar_subquery()
    )
    query = select(
        Schedule.id, Schedule.doctor_id, Schedule.room_id, Schedule.day, Schedule.starts_at, Schedule.ends_at,
        Schedule.slot_minutes, Schedule.capacity, places.label("places"), taken.label("taken"),
    ).where(Schedule.clinic_id == clinic_id, Schedule.day == day, Schedule.is_open)  # fmt: skip
    return _by_time(query, Schedule.starts_at, Schedule.id, after, limit)


def slots(
    clinic_id: int, first: datetime, last: datetime, doctor: int | None, after: tuple[datetime, int] | None, limit: int,
    *, at: datetime,
) -> Rows:  # fmt: skip
    """Open slots that begin in [first, last) by time, with the places that are taken or kept at `at`."""
    taken = (
        select(func.count())
        .where(AppointmentPlace.slot_id == Slot.id, AppointmentPlace.place <= Slot.capacity, counts(at))
        .scalar_subquery()
    )
    query = (
        select(
            Slot.id, Slot.schedule_id, Schedule.doctor_id, Schedule.room_id, Slot.starts_at, Slot.ends_at,
            Slot.capacity, taken.label("taken"),
        )
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .join(Doctor, Doctor.id == Schedule.doctor_id)
        .where(Slot.clinic_id == clinic_id, Slot.is_open, Schedule.is_open, Doctor.is_active)
        .where(Slot.starts_at >= first, Slot.starts_at < last)
    )  # fmt: skip
    if doctor is not None:
        query = query.where(Schedule.doctor_id == doctor)
    return _by_time(query, Slot.starts_at, Slot.id, after, limit)


def payment(clinic_id: int, ident: int) -> Payment:
    """One bill. Raises NotFound."""
    found = db.session.scalar(_PAYMENT, {"clinic_id": clinic_id, "id": ident}) if is_id(ident) else None
    if found is None:
        raise NotFound
    return found


def refund_requests(clinic_id: int, after: After, limit: int) -> Rows:
    """Refunds that wait for a second person, the oldest first."""
    query = select(
        RefundRequest.id, RefundRequest.payment_id, RefundRequest.amount, RefundRequest.reason, RefundRequest.status,
        RefundRequest.asked_at, RefundRequest.asked_by_id, RefundRequest.answered_by_id, RefundRequest.version,
    )  # fmt: skip
    waits = RefundRequest.status == RefundRequestStatus.ASKED
    return _by_id(query.where(RefundRequest.clinic_id == clinic_id, waits), RefundRequest.id, after, limit)


def bonus_entries(clinic_id: int, patient_ids: Select[tuple[int]], after: After, limit: int) -> Rows:
    """Movements of the bonus of a person's cards by id, each with the bill that it follows from."""
    query = (
        select(
            BonusEntry.id, BonusEntry.at, BonusEntry.amount, BonusEntry.reason, BonusEntry.operation_id,
            LedgerEntry.payment_id,
        )
        .join(LedgerEntry, LedgerEntry.id == BonusEntry.ledger_entry_id)
        .where(BonusEntry.clinic_id == clinic_id, BonusEntry.patient_id.in_(patient_ids))
    )  # fmt: skip
    return _by_id(query, BonusEntry.id, after, limit)


def cashbox_shifts(clinic_id: int, cashbox_id: int | None, state: str | None, after: After, limit: int) -> Rows:
    """Shifts by id, of one cashbox or all; `state`: open, closed, or None for both."""
    query = select(*CashboxShift.__table__.columns).where(CashboxShift.clinic_id == clinic_id)
    if cashbox_id is not None:
        query = query.where(CashboxShift.cashbox_id == cashbox_id)
    if state is not None:
        query = query.where(
            CashboxShift.closed_at.is_(None) if state == "open" else CashboxShift.closed_at.is_not(None)
        )
    return _by_id(query, CashboxShift.id, after, limit)


def cash_transfers(clinic_id: int, after: After, limit: int) -> Rows:
    """Transfers that wait for an answer, the oldest first."""
    waits = CashTransfer.status == CashTransferStatus.PENDING
    query = select(*CashTransfer.__table__.columns).where(CashTransfer.clinic_id == clinic_id, waits)
    return _by_id(query, CashTransfer.id, after, limit)


def money_categories(clinic_id: int, after: After, limit: int) -> Rows:
    query = select(*MoneyCategory.__table__.columns).where(MoneyCategory.clinic_id == clinic_id)
    return _by_id(query, MoneyCategory.id, after, limit)


def cashboxes(clinic_id: int, after: After, limit: int) -> Rows:
    query = (
        select(Cashbox.id, Cashbox.name, Cashbox.kind, Cashbox.is_open, Account.balance)
        .join(Account, Account.id == Cashbox.account_id)
        .where(Cashbox.clinic_id == clinic_id)
    )
    return _by_id(query, Cashbox.id, after, limit)


def ledger(clinic_id: int, first: date, last: date, payment: int | None, after: After, limit: int) -> Rows:
    """Entries of the days `first` to `last`, or of one bill, by id."""
    debit, credit = aliased(Account), aliased(Account)
    entry = LedgerEntry
    query = (
        select(
            entry.id, entry.at, entry.day, entry.kind, entry.amount, entry.debit_id, debit.kind.label("debit_kind"),
            entry.credit_id, credit.kind.label("credit_kind"), entry.method, entry.cashbox_id, entry.payment_id,
            func.coalesce(Patient.id, entry.patient_id).label("patient_id"), entry.service_id, entry.appointment_id, entry.operation_id, entry.reverses_id,
        )
        .join(debit, debit.id == entry.debit_id)
        .join(credit, credit.id == entry.credit_id)
        .where(entry.clinic_id == clinic_id)
    )  # fmt: skip
    query = follow(query, entry.patient_id)
    if payment is not None:
        query = query.where(entry.payment_id == payment)
    else:
        query = query.where(entry.day >= first, entry.day <= last)
    return _by_id(query, entry.id, after, limit)


def _by_id(query: Select[Any], ident: Any, after: After, limit: int) -> Rows:
    if after:
        query = query.where(ident > after[1])
    return core(query.order_by(ident).limit(limit + 1)).all()


def _by_time(query: Select[Any], at: Any, ident: Any, after: tuple[datetime, int] | None, limit: int) -> Rows:
    if after:
        query = query.where(or_(at > after[0], and_(at == after[0], ident > after[1])))
    return core(query.order_by(at, ident).limit(limit + 1)).all()
