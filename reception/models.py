"""The one map of the tables. No logic here: rules live in `domain/`, guards that need SQL in `migrations/guards/`.

Every row that belongs to a clinic carries `clinic_id`, and points at others through (clinic_id, id), so that
nothing can reach over a clinic's wall. Instants are UTC, money is whole smallest units, and a relationship is
for reading only: writers set ids.
"""

from __future__ import annotations

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    Time,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from reception.columns import (
    BigId,
    Code,
    Folded,
    Id,
    Instant,
    Long,
    Money,
    Name,
    Ref,
    UtcDateTime,
    check,
    index_where,
    state,
    to,
    unique_where,
    wall,
    walled,
    whole_units,
)
from reception.extensions import Base


def one(target: str, join: str) -> Any:
    """A many-to-one for reading: `join` is Child.column."""
    return relationship(target, primaryjoin=f"foreign({join}) == {target}.id", viewonly=True, uselist=False)


# --------------------------------------------------------------------------------------------- words of the states


class Role(StrEnum):
    RECEPTIONIST = "RECEPTIONIST"
    DOCTOR = "DOCTOR"
    NURSE = "NURSE"
    CASHIER = "CASHIER"
    MANAGER = "MANAGER"
    ADMIN = "ADMIN"


class ClinicKind(StrEnum):
    HUMAN = "HUMAN"
    VETERINARY = "VETERINARY"


class Gender(StrEnum):
    MALE = "MALE"
    FEMALE = "FEMALE"
    OTHER = "OTHER"
    UNKNOWN = "UNKNOWN"


class RoomKind(StrEnum):
    CONSULTING = "CONSULTING"
    WARD = "WARD"


class AppointmentStatus(StrEnum):
    CONFIRMED = "CONFIRMED"
    CHECKED_IN = "CHECKED_IN"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    NO_SHOW = "NO_SHOW"


class AppointmentSource(StrEnum):
    PHONE = "PHONE"
    WALK_IN = "WALK_IN"
    ONLINE = "ONLINE"
    SYSTEM = "SYSTEM"
    WEBSITE = "WEBSITE"
    PARTNER = "PARTNER"
    REPEAT = "REPEAT"


class VisitType(StrEnum):
    SCHEDULED = "SCHEDULED"
    WALK_IN = "WALK_IN"


class VisitStatus(StrEnum):
    SCHEDULED = "SCHEDULED"
    WAITING = "WAITING"
    CALLED = "CALLED"
    IN_PROGRESS = "IN_PROGRESS"
    PENDING_PAYMENT = "PENDING_PAYMENT"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    NO_SHOW = "NO_SHOW"


class Priority(StrEnum):
    NORMAL = "NORMAL"
    PRIORITY = "PRIORITY"
    EMERGENCY = "EMERGENCY"


class RecordState(StrEnum):
    REGISTRATION = "REGISTRATION"
    OPEN = "OPEN"
    CLOSED = "CLOSED"


class VitalKind(StrEnum):
    TEMPERATURE = "TEMPERATURE"
    SYSTOLIC = "SYSTOLIC"
    DIASTOLIC = "DIASTOLIC"
    PULSE = "PULSE"
    BREATHING = "BREATHING"
    OXYGEN = "OXYGEN"
    GLUCOSE = "GLUCOSE"
    WEIGHT = "WEIGHT"
    HEIGHT = "HEIGHT"


class PaymentStatus(StrEnum):
    PENDING = "PENDING"
    PARTIALLY_PAID = "PARTIALLY_PAID"
    PAID = "PAID"
    REFUNDED = "REFUNDED"
    CANCELLED = "CANCELLED"


class AccountKind(StrEnum):
    CASHBOX = "CASHBOX"
    PATIENT_DEBT = "PATIENT_DEBT"
    INSURER_DEBT = "INSURER_DEBT"
    INCOME = "INCOME"
    DOCTOR_DUE = "DOCTOR_DUE"
    BONUS_OWED = "BONUS_OWED"
    BONUS_DEBT = "BONUS_DEBT"
    DEPOSIT_HELD = "DEPOSIT_HELD"
    EXPENSE = "EXPENSE"
    DIFFERENCE = "DIFFERENCE"


class CashboxKind(StrEnum):
    CASH = "CASH"
    CARD = "CARD"
    BANK = "BANK"


class LedgerKind(StrEnum):
    CHARGE = "CHARGE"
    PAYMENT = "PAYMENT"
    REFUND = "REFUND"
    EXPENSE = "EXPENSE"
    TRANSFER = "TRANSFER"
    DEPOSIT = "DEPOSIT"
    BONUS = "BONUS"
    ADJUSTMENT = "ADJUSTMENT"


class Method(StrEnum):
    CASH = "CASH"
    CARD = "CARD"
    BANK_TRANSFER = "BANK_TRANSFER"
    BONUS = "BONUS"
    DEPOSIT = "DEPOSIT"
    INSURANCE = "INSURANCE"


class LineKind(StrEnum):
    SERVICE = "SERVICE"
    DISCOUNT = "DISCOUNT"


class CoverageKind(StrEnum):
    PERCENT = "PERCENT"
    AMOUNT = "AMOUNT"


class ClaimStatus(StrEnum):
    DRAFT = "DRAFT"
    SENT = "SENT"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    PAID = "PAID"


class CashTransferStatus(StrEnum):
    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"


class RefundRequestStatus(StrEnum):
    ASKED = "ASKED"
    DONE = "DONE"
    REFUSED = "REFUSED"


class CategoryKind(StrEnum):
    INCOME = "INCOME"
    EXPENSE = "EXPENSE"


class AbsenceKind(StrEnum):
    VACATION = "VACATION"
    SICK = "SICK"
    TRAINING = "TRAINING"
    OTHER = "OTHER"


class MaintenanceKind(StrEnum):
    CLEANING = "CLEANING"
    REPAIR = "REPAIR"
    RENOVATION = "RENOVATION"


class MaintenanceStatus(StrEnum):
    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class WaitlistStatus(StrEnum):
    ACTIVE = "ACTIVE"
    NOTIFIED = "NOTIFIED"
    CONVERTED = "CONVERTED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class OfferStatus(StrEnum):
    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"


class ImportState(StrEnum):
    UPLOADED = "UPLOADED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    REFUSED = "REFUSED"
    FAILED = "FAILED"


class DeviceKind(StrEnum):
    TV = "TV"
    KIOSK = "KIOSK"


# ------------------------------------------------------------------------------------------------------- mixins


class Edited:
    """Who made and who last changed a row that people edit; `transaction.py` fills it in."""

    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]
    created_by_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("user.id"))
    updated_by_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("user.id"))


class Record:
    """A row that acts and pages speak of: `visit-42` is its audit subject and its DOM id."""

    id: Mapped[Id]

    @property
    def ref(self) -> str:
        return f"{self.__tablename__.replace('_', '-')}-{self.id}"  # type: ignore[attr-defined]


class Person:
    """Names as they are written; `full_name` in one order per script belongs to `formats.py`."""

    first_name: Mapped[Name] = mapped_column(default="")
    middle_name: Mapped[Name] = mapped_column(default="")
    last_name: Mapped[Name] = mapped_column(default="")


# ------------------------------------------------------------------------------------------------- organisation


class Organisation(Base, Record, Edited):
    __tablename__ = "organisation"
    name: Mapped[Name]


class Clinic(Base, Record, Edited):
    __tablename__ = "clinic"
    organisation_id: Mapped[int] = mapped_column(BigId, to("organisation"))
    name: Mapped[Name] = mapped_column(unique=True)
    kind: Mapped[ClinicKind] = state(ClinicKind, default=ClinicKind.HUMAN)
    time_zone: Mapped[Code]
    currency: Mapped[str] = mapped_column(String(3))
    default_locale: Mapped[str] = mapped_column(String(8), default="en")
    phone_region: Mapped[str] = mapped_column(String(2))
    opens_at: Mapped[time] = mapped_column(Time, default=time(8))
    closes_at: Mapped[time] = mapped_column(Time, default=time(20))
    ticket_digits: Mapped[int] = mapped_column(default=3)
    referral_bonus_percent: Mapped[int] = mapped_column(default=10)
    doctor_share_percent: Mapped[int] = mapped_column(default=40)
    wait_limit_minutes: Mapped[int] = mapped_column(default=30)
    early_minutes: Mapped[int] = mapped_column(default=15)
    """An appointment is due for the queue this many minutes before its time."""
    hold_minutes: Mapped[int] = mapped_column(default=10)
    requeue_minutes: Mapped[int] = mapped_column(default=5)
    calls_before_parking: Mapped[int] = mapped_column(default=3)
    display_locales: Mapped[list[str]] = mapped_column(JSON, default=list)
    display_theme: Mapped[str] = mapped_column(String(8), default="dark")
    display_message: Mapped[Name] = mapped_column(default="")
    overbooking_cap: Mapped[int] = mapped_column(default=3)
    """So many places beyond a slot's capacity may be taken, each with a reason."""
    place_hold_seconds: Mapped[int] = mapped_column(default=300)
    """How long a place is kept for somebody who is booking."""
    offer_minutes: Mapped[int] = mapped_column(default=60)
    """How long a freed place waits for the answer of the waitlist."""
    horizon_weeks: Mapped[int] = mapped_column(default=8)
    """So far ahead the weekly templates become shifts."""
    holiday_country: Mapped[str] = mapped_column(String(2), default="")
    holiday_subdivision: Mapped[str] = mapped_column(String(12), default="")
    feed_initials: Mapped[bool] = mapped_column(default=False)
    """A doctor's calendar feed says whose appointment it is, by initials; else only "busy"."""
    refund_limit: Mapped[Money | None]
    """A refund above it needs a second person; None: none does."""
    discount_limits: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """Percent of the price that a role may let off, by role; the roles that are not named: `finance.DISCOUNT_LIMITS`."""
    is_active: Mapped[bool] = mapped_column(default=True)
    __table_args__ = (
        check("overbooking_cap", "overbooking_cap BETWEEN 0 AND 20"),
        check("place_hold_seconds", "place_hold_seconds BETWEEN 30 AND 3600"),
        check("offer_minutes", "offer_minutes BETWEEN 1 AND 10080"),
        check("horizon_weeks", "horizon_weeks BETWEEN 1 AND 104"),
        check("doctor_share_percent", "doctor_share_percent BETWEEN 0 AND 100"),
        check("referral_bonus_percent", "referral_bonus_percent BETWEEN 0 AND 100"),
    )


class User(Base, Record, Edited):
    __tablename__ = "user"
    username: Mapped[str] = mapped_column(String(64), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    full_name: Mapped[Name]
    email: Mapped[Name] = mapped_column(default="")
    locale: Mapped[str | None] = mapped_column(String(8))
    theme: Mapped[str] = mapped_column(String(8), default="auto")
    shortcuts: Mapped[bool] = mapped_column(default=True)
    is_active: Mapped[bool] = mapped_column(default=True)
    password_changed_at: Mapped[Instant]


class Membership(Base):
    """One role of a user in a clinic; several rows make several roles."""

    __tablename__ = "membership"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"), primary_key=True)
    user_id: Mapped[int] = mapped_column(BigId, to("user"), primary_key=True)
    role: Mapped[Role] = state(Role, primary_key=True)
    __table_args__ = (Index("ix_membership_user_id", "user_id"),)


class Department(Base, Record, Edited):
    __tablename__ = "department"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    name: Mapped[Name]
    code: Mapped[str] = mapped_column(String(4))
    """The letter on its tickets."""
    location: Mapped[Name] = mapped_column(default="")
    is_active: Mapped[bool] = mapped_column(default=True)
    __table_args__ = walled(
        UniqueConstraint("clinic_id", "name"),
        UniqueConstraint("clinic_id", "code"),
    )


class Specialization(Base, Record, Edited):
    __tablename__ = "specialization"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    name: Mapped[Name]
    description: Mapped[Long] = mapped_column(default="")
    is_active: Mapped[bool] = mapped_column(default=True)
    __table_args__ = walled(UniqueConstraint("clinic_id", "name"))


class Room(Base, Record, Edited):
    __tablename__ = "room"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    name: Mapped[Code]
    floor: Mapped[Code] = mapped_column(default="")
    building: Mapped[Code] = mapped_column(default="")
    kind: Mapped[RoomKind] = state(RoomKind, default=RoomKind.CONSULTING)
    capacity: Mapped[int] = mapped_column(default=1)
    is_active: Mapped[bool] = mapped_column(default=True)
    __table_args__ = walled(
        UniqueConstraint("clinic_id", "name", "building"),
        check("capacity", "capacity BETWEEN 1 AND 100"),
    )


class Doctor(Base, Record, Edited, Person):
    __tablename__ = "doctor"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    user_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    department_id: Mapped[Ref]
    specialization_id: Mapped[Ref | None]
    title: Mapped[Code] = mapped_column(default="")
    phone: Mapped[str | None] = mapped_column(String(20))
    internal_phone: Mapped[str] = mapped_column(String(20), default="")
    email: Mapped[Name] = mapped_column(default="")
    share_percent: Mapped[int | None]
    """None: the clinic's `doctor_share_percent`."""
    slots_per_day: Mapped[int | None]
    """The most patients that may be booked on one day."""
    room_id: Mapped[Ref | None]
    """Where the doctor sits today; tickets are called there."""
    on_break: Mapped[bool] = mapped_column(default=False)
    break_until: Mapped[Instant | None]
    help_asked_at: Mapped[Instant | None]
    """The doctor rang for the desk and nobody has answered yet."""
    late_minutes: Mapped[int] = mapped_column(default=0)
    """Runs so late on `late_day`; shown on desk, TV and tickets."""
    late_day: Mapped[date | None] = mapped_column(Date)
    feed_token: Mapped[str | None] = mapped_column(String(43), unique=True)
    """The secret part of the address of the doctor's calendar feed."""
    is_active: Mapped[bool] = mapped_column(default=True)
    __table_args__ = walled(
        wall("department_id", "department"),
        wall("specialization_id", "specialization"),
        wall("room_id", "room"),
        unique_where("uq_doctor_clinic_id_phone", "clinic_id", "phone", where="phone IS NOT NULL"),
        unique_where("uq_doctor_clinic_id_user_id", "clinic_id", "user_id", where="user_id IS NOT NULL"),
        check("share_percent", "share_percent BETWEEN 0 AND 100"),
        check("slots_per_day", "slots_per_day > 0"),
        check("late_minutes", "late_minutes BETWEEN 0 AND 600"),
        check("late_day", "late_minutes = 0 OR late_day IS NOT NULL"),
    )
    department: Mapped[Department] = one("Department", "Doctor.department_id")
    specialization: Mapped[Specialization | None] = one("Specialization", "Doctor.specialization_id")
    room: Mapped[Room | None] = one("Room", "Doctor.room_id")
    user: Mapped[User | None] = one("User", "Doctor.user_id")


# --------------------------------------------------------------------------------------------------- price list


class ServiceType(Base, Record, Edited):
    __tablename__ = "service_type"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    name: Mapped[Name]
    is_active: Mapped[bool] = mapped_column(default=True)
    __table_args__ = walled(UniqueConstraint("clinic_id", "name"))


class Service(Base, Record, Edited):
    __tablename__ = "service"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    service_type_id: Mapped[Ref | None]
    department_id: Mapped[Ref | None]
    """Offered first to this department's patients; None: to everybody's."""
    name: Mapped[Name]
    description: Mapped[Long] = mapped_column(default="")
    duration_min: Mapped[int] = mapped_column(default=15)
    is_active: Mapped[bool] = mapped_column(default=True)
    __table_args__ = walled(
        wall("service_type_id", "service_type"),
        wall("department_id", "department"),
        UniqueConstraint("clinic_id", "name"),
        check("duration_min", "duration_min BETWEEN 1 AND 1440"),
    )
    type: Mapped[ServiceType | None] = one("ServiceType", "Service.service_type_id")


class ServicePrice(Base, Record, Edited):
    """A price from `valid_from` to `valid_to`, both days included; no end: until further notice."""

    __tablename__ = "service_price"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    service_id: Mapped[Ref]
    price: Mapped[Money]
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    __table_args__ = walled(
        wall("service_id", "service"),
        UniqueConstraint("service_id", "valid_from"),
        check("price", "price >= 0"),
        check("range", "valid_to IS NULL OR valid_to >= valid_from"),
        whole_units("price"),
    )


class PriceChange(Base, Record, Edited):
    """Many prices changed at once by percent. `lines`: [service id, old price, new price] of each."""

    __tablename__ = "price_change"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    valid_from: Mapped[date] = mapped_column(Date)
    hundredths: Mapped[int]
    """Of a percent: 750 are 7.5 percent."""
    step: Mapped[Money]
    """The new prices are whole multiples of it."""
    service_type_id: Mapped[Ref | None]
    department_id: Mapped[Ref | None]
    lines: Mapped[list[list[int]]] = mapped_column(JSON)
    withdrawn_at: Mapped[Instant | None]
    __table_args__ = walled(
        wall("service_type_id", "service_type"),
        wall("department_id", "department"),
        check("hundredths", "hundredths BETWEEN -10000 AND 100000"),
        check("step", "step > 0"),
    )


# ------------------------------------------------------------------------------------------------------- places


class Region(Base):
    """A region of a country by its official code; `names`: locale -> name. Shared by all clinics."""

    __tablename__ = "region"
    code: Mapped[str] = mapped_column(String(16), primary_key=True)
    country: Mapped[str] = mapped_column(String(2))
    names: Mapped[dict[str, str]] = mapped_column(JSON)


class District(Base):
    __tablename__ = "district"
    code: Mapped[str] = mapped_column(String(16), primary_key=True)
    region_code: Mapped[str] = mapped_column(String(16), ForeignKey("region.code"))
    kind: Mapped[str] = mapped_column(String(16), default="")
    names: Mapped[dict[str, str]] = mapped_column(JSON)
    __table_args__ = (UniqueConstraint("region_code", "code"),)


class Settlement(Base):
    __tablename__ = "settlement"
    code: Mapped[str] = mapped_column(String(16), primary_key=True)
    district_code: Mapped[str] = mapped_column(String(16), ForeignKey("district.code"))
    names: Mapped[dict[str, str]] = mapped_column(JSON)
    __table_args__ = (UniqueConstraint("district_code", "code"),)


# ----------------------------------------------------------------------------------------------------- patients


class Patient(Base, Record, Edited, Person):
    __tablename__ = "patient"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    card_no: Mapped[str] = mapped_column(String(16))
    date_of_birth: Mapped[date | None] = mapped_column(Date)
    gender: Mapped[Gender] = state(Gender, default=Gender.UNKNOWN)
    phone: Mapped[str | None] = mapped_column(String(20))
    """E.164."""
    home_phone: Mapped[str | None] = mapped_column(String(20))
    email: Mapped[Name] = mapped_column(default="")
    guardian_id: Mapped[Ref | None]
    national_id: Mapped[Code | None]
    tax_id: Mapped[Code | None]
    document_type: Mapped[Code | None]
    document_number: Mapped[Code | None]
    country: Mapped[str] = mapped_column(String(2), default="")
    region_code: Mapped[str | None] = mapped_column(String(16))
    district_code: Mapped[str | None] = mapped_column(String(16))
    settlement_code: Mapped[str | None] = mapped_column(String(16))
    address: Mapped[str] = mapped_column(String(500), default="")
    insurance_type: Mapped[Code] = mapped_column(default="")
    insurer: Mapped[Name] = mapped_column(default="")
    policy_number: Mapped[Code] = mapped_column(default="")
    gestational_age_weeks: Mapped[int | None]
    medical_history: Mapped[Long] = mapped_column(default="")
    alerts: Mapped[Long] = mapped_column(default="")
    special_needs: Mapped[Long] = mapped_column(default="")
    additional_info: Mapped[Long] = mapped_column(default="")
    preferred_locale: Mapped[str | None] = mapped_column(String(8))
    referred_by_id: Mapped[Ref | None]
    is_anonymous: Mapped[bool] = mapped_column(default=False)
    """A ticket was given before a name: a guest until the desk learns who it is."""
    is_active: Mapped[bool] = mapped_column(default=True)
    merged_into_id: Mapped[Ref | None]
    anonymised_at: Mapped[Instant | None]
    folded: Mapped[Folded] = mapped_column(default="")
    """Names, card and phone as the search compares them; `domain/search.py` writes it. Indexed by trigrams (guards)."""
    source_key: Mapped[Code | None]
    """Where an import found the person, so that the same file twice adds nobody."""
    last_visit_day: Mapped[date | None] = mapped_column(Date)
    """When the person was here last: kept by triggers on visits, read by the registry's filters, never written here."""
    version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": version}
    __table_args__ = walled(
        UniqueConstraint("clinic_id", "card_no"),
        wall("guardian_id", "patient"),
        wall("referred_by_id", "patient"),
        wall("merged_into_id", "patient"),
        unique_where("uq_patient_clinic_id_phone", "clinic_id", "phone", where="phone IS NOT NULL"),
        unique_where("uq_patient_clinic_id_national_id", "clinic_id", "national_id", where="national_id IS NOT NULL"),
        unique_where("uq_patient_clinic_id_tax_id", "clinic_id", "tax_id", where="tax_id IS NOT NULL"),
        unique_where("uq_patient_clinic_id_source_key", "clinic_id", "source_key", where="source_key IS NOT NULL"),
        unique_where(
            "uq_patient_document", "clinic_id", "document_type", "document_number", where="document_number IS NOT NULL"
        ),
        ForeignKeyConstraint(["region_code"], ["region.code"]),
        ForeignKeyConstraint(["region_code", "district_code"], ["district.region_code", "district.code"]),
        ForeignKeyConstraint(["district_code", "settlement_code"], ["settlement.district_code", "settlement.code"]),
        Index("ix_patient_clinic_id_folded", "clinic_id", "folded", "id"),
        Index("ix_patient_clinic_id_date_of_birth", "clinic_id", "date_of_birth", "id"),
        Index("ix_patient_clinic_id_created_at", "clinic_id", "created_at", "id"),
        Index(
            "ix_patient_filters",
            "clinic_id",
            "last_visit_day",
            "gender",
            "date_of_birth",
            "created_at",
            "region_code",
            "district_code",
            "card_no",
            "is_active",
            "is_anonymous",
            "merged_into_id",
            "id",
        ),
        index_where("ix_patient_region", "clinic_id", "region_code", "folded", "id", where="region_code IS NOT NULL"),
        index_where(
            "ix_patient_district", "clinic_id", "district_code", "folded", "id", where="district_code IS NOT NULL"
        ),
        index_where("ix_patient_needs", "clinic_id", "folded", "id", where="special_needs <> ''"),
        index_where("ix_patient_guardian_id", "guardian_id", where="guardian_id IS NOT NULL"),
        index_where("ix_patient_merged_into_id", "merged_into_id", where="merged_into_id IS NOT NULL"),
        check("guardian", "guardian_id <> id"),
        check("referred_by", "referred_by_id <> id"),
        check("merged_into", "merged_into_id <> id"),
        check("document", "document_number IS NULL OR document_type IS NOT NULL"),
        check("district", "district_code IS NULL OR region_code IS NOT NULL"),
        check("settlement", "settlement_code IS NULL OR district_code IS NOT NULL"),
        check("gestational_age_weeks", "gestational_age_weeks BETWEEN 20 AND 45"),
    )


class PatientKey(Base):
    """What a card is compared by before it is compared in full: keys that two cards of one person share."""

    __tablename__ = "patient_key"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"), primary_key=True)
    key: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    patient_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    __table_args__ = (
        wall("patient_id", "patient"),
        Index("ix_patient_key_patient_id", "patient_id"),
        {"sqlite_with_rowid": False},
    )


class DuplicatePair(Base):
    """Two cards that look like one person's, for somebody to judge; `first_id` is the smaller. Forgotten and found
    anew whenever one of the cards changes."""

    __tablename__ = "duplicate_pair"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"), primary_key=True)
    first_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    second_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    score: Mapped[int]
    """Evidence in tenths of a bit: the higher, the surer."""
    __table_args__ = (
        wall("first_id", "patient"),
        wall("second_id", "patient"),
        Index("ix_duplicate_pair_second_id", "second_id"),
        Index("ix_duplicate_pair_score", "clinic_id", "score"),
        check("order", "first_id < second_id"),
        {"sqlite_with_rowid": False},
    )


class DifferentPeople(Base, Record):
    """Two cards that look alike and were found to be two people; `first_id` is the smaller."""

    __tablename__ = "different_people"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    first_id: Mapped[Ref]
    second_id: Mapped[Ref]
    at: Mapped[Instant]
    by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    __table_args__ = (
        wall("first_id", "patient"),
        wall("second_id", "patient"),
        UniqueConstraint("first_id", "second_id"),
        check("order", "first_id < second_id"),
    )


class PatientMerge(Base, Record):
    """One card became part of another: what moved, and what the kept one was before, so that it can be undone.

    `moved`: {table: [ids]}; `before`: {column: value} of both cards; emptied when the person is anonymised.
    """

    __tablename__ = "patient_merge"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    kept_id: Mapped[Ref]
    gone_id: Mapped[Ref]
    at: Mapped[Instant]
    by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    moved: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    before: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    kept_version: Mapped[int]
    gone_version: Mapped[int]
    undone_at: Mapped[Instant | None]
    undone_by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    __table_args__ = walled(
        wall("kept_id", "patient"),
        wall("gone_id", "patient"),
        unique_where("uq_patient_merge_gone_id", "gone_id", where="undone_at IS NULL"),
        Index("ix_patient_merge_kept_id", "kept_id"),
        check("two", "kept_id <> gone_id"),
    )


class Consent(Base, Record):
    """What a person agreed to or took back, and when; the newest of a kind counts. Rows are only added."""

    __tablename__ = "consent"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    patient_id: Mapped[Ref]
    kind: Mapped[Code]
    version: Mapped[Code] = mapped_column(default="")
    is_given: Mapped[bool]
    at: Mapped[Instant]
    by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    __table_args__ = (wall("patient_id", "patient"), Index("ix_consent_patient_id", "patient_id", "kind", "id"))


class Questionnaire(Base, Record, Edited):
    """A clinic's questions, one row per version; answers stay with the version they were given to.

    `questions`: [{"key", "label", "type": "text|yes-no|choice|number|date", "choices"?}].
    """

    __tablename__ = "questionnaire"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    version_no: Mapped[int]
    questions: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    __table_args__ = walled(UniqueConstraint("clinic_id", "version_no"), check("version_no", "version_no > 0"))


class QuestionnaireAnswer(Base, Record, Edited):
    """What a patient answered; the newest row counts."""

    __tablename__ = "questionnaire_answer"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    patient_id: Mapped[Ref]
    questionnaire_id: Mapped[Ref]
    answers: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    other_notes: Mapped[Long] = mapped_column(default="")
    __table_args__ = (
        wall("patient_id", "patient"),
        wall("questionnaire_id", "questionnaire"),
        Index("ix_questionnaire_answer_patient_id", "patient_id", "id"),
    )


class SavedSearch(Base, Record, Edited):
    """A search of the registry that a user keeps under a name. `query`: the filters as the address carries them."""

    __tablename__ = "saved_search"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    user_id: Mapped[int] = mapped_column(BigId, to("user"))
    name: Mapped[Name]
    query: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    __table_args__ = (UniqueConstraint("clinic_id", "user_id", "name"),)


# ----------------------------------------------------------------------------------------------------- calendar


class ScheduleTemplate(Base, Record, Edited):
    """A weekly shift by the clinic's wall clock; schedules are made from it some weeks ahead. `weekday`: Monday is 0.

    `ends` at 00:00 is the end of the day.
    """

    __tablename__ = "schedule_template"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    doctor_id: Mapped[Ref]
    room_id: Mapped[Ref | None]
    weekday: Mapped[int]
    begins: Mapped[time] = mapped_column(Time)
    ends: Mapped[time] = mapped_column(Time)
    slot_minutes: Mapped[int]
    capacity: Mapped[int] = mapped_column(default=1)
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    is_active: Mapped[bool] = mapped_column(default=True)
    made_until: Mapped[date | None] = mapped_column(Date)
    """The last day for which it has been made into a shift, or has been looked at."""
    version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": version}
    __table_args__ = walled(
        wall("doctor_id", "doctor"),
        wall("room_id", "room"),
        Index("ix_schedule_template_doctor_id", "doctor_id", "weekday"),
        check("weekday", "weekday BETWEEN 0 AND 6"),
        check("slot_minutes", "slot_minutes BETWEEN 1 AND 1440"),
        check("capacity", "capacity BETWEEN 1 AND 100"),
        check("valid", "valid_to IS NULL OR valid_to >= valid_from"),
    )
    doctor: Mapped[Doctor] = one("Doctor", "ScheduleTemplate.doctor_id")
    room: Mapped[Room | None] = one("Room", "ScheduleTemplate.room_id")


class Absence(Base, Record, Edited):
    """A doctor is away; slots inside are closed, booked people are called up one by one."""

    __tablename__ = "absence"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    doctor_id: Mapped[Ref]
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    kind: Mapped[AbsenceKind] = state(AbsenceKind, default=AbsenceKind.OTHER)
    note: Mapped[str] = mapped_column(String(500), default="")
    ended_at: Mapped[Instant | None]
    """Taken back: the slots were opened again."""
    __table_args__ = walled(
        wall("doctor_id", "doctor"),
        Index("ix_absence_clinic_id_starts_at", "clinic_id", "starts_at"),
        check("range", "starts_at < ends_at"),
    )
    doctor: Mapped[Doctor] = one("Doctor", "Absence.doctor_id")


class ClosedDay(Base, Record, Edited):
    """A public holiday or another day on which the whole clinic is closed."""

    __tablename__ = "closed_day"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    day: Mapped[date] = mapped_column(Date)
    name: Mapped[Name]
    __table_args__ = walled(UniqueConstraint("clinic_id", "day"))


class RoomMaintenance(Base, Record, Edited):
    """A room is closed for a while. It takes the room (RoomUse CLOSURE) until completed or cancelled."""

    __tablename__ = "room_maintenance"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    room_id: Mapped[Ref]
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    kind: Mapped[MaintenanceKind] = state(MaintenanceKind, default=MaintenanceKind.CLEANING)
    status: Mapped[MaintenanceStatus] = state(MaintenanceStatus, default=MaintenanceStatus.SCHEDULED)
    description: Mapped[str] = mapped_column(String(500), default="")
    performed_by: Mapped[Name] = mapped_column(default="")
    __table_args__ = walled(
        wall("room_id", "room"),
        Index("ix_room_maintenance_room_id_starts_at", "room_id", "starts_at"),
        check("range", "starts_at < ends_at"),
    )
    room: Mapped[Room] = one("Room", "RoomMaintenance.room_id")


class Schedule(Base, Record, Edited):
    """A doctor's shift, cut into slots of `slot_minutes`, each for `capacity` patients."""

    __tablename__ = "schedule"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    doctor_id: Mapped[Ref]
    room_id: Mapped[Ref | None]
    template_id: Mapped[Ref | None]
    """The weekly template it was made from; None: made by hand."""
    day: Mapped[date] = mapped_column(Date)
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    slot_minutes: Mapped[int]
    capacity: Mapped[int] = mapped_column(default=1)
    is_open: Mapped[bool] = mapped_column(default=True)
    __table_args__ = walled(
        wall("doctor_id", "doctor"),
        wall("room_id", "room"),
        wall("template_id", "schedule_template"),
        UniqueConstraint("doctor_id", "day", "starts_at"),
        Index("ix_schedule_clinic_id_day", "clinic_id", "day"),
        check("range", "starts_at < ends_at"),
        check("slot_minutes", "slot_minutes BETWEEN 1 AND 1440"),
        check("capacity", "capacity BETWEEN 1 AND 100"),
        # no overlap of one doctor's open schedules: ex_schedule_doctor (guards)
    )
    doctor: Mapped[Doctor] = one("Doctor", "Schedule.doctor_id")
    room: Mapped[Room | None] = one("Room", "Schedule.room_id")


class Slot(Base, Record):
    __tablename__ = "slot"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    schedule_id: Mapped[Ref]
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    capacity: Mapped[int]
    is_open: Mapped[bool] = mapped_column(default=True)
    """False: inside an absence, a closed day or a room's closure; nobody is booked into it any more."""
    __table_args__ = walled(
        wall("schedule_id", "schedule"),
        UniqueConstraint("schedule_id", "starts_at"),
        index_where("ix_slot_closed", "clinic_id", "starts_at", where="NOT is_open"),
        check("range", "starts_at < ends_at"),
        check("capacity", "capacity BETWEEN 1 AND 100"),
        # capacity never below the highest taken place: tr_slot_capacity (guards)
    )


class Hold(Base, Record):
    """A place kept while somebody is booking, or while somebody of the waitlist is asked. Gone when used or over."""

    __tablename__ = "hold"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    schedule_id: Mapped[Ref]
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    held_at: Mapped[Instant]
    until: Mapped[Instant]
    user_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    """For whom; None: for an offer of the waitlist."""
    __table_args__ = walled(
        wall("schedule_id", "schedule"),
        Index("ix_hold_until", "until"),
        check("range", "starts_at < ends_at"),
    )
    schedule: Mapped[Schedule] = one("Schedule", "Hold.schedule_id")


class AppointmentPlace(Base):
    """A place in a slot, taken by an appointment while it stands or kept by a hold; gone when it is free again."""

    __tablename__ = "appointment_place"
    slot_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    appointment_id: Mapped[Ref | None]
    hold_id: Mapped[Ref | None]
    __table_args__ = (
        wall("slot_id", "slot"),
        wall("appointment_id", "appointment"),
        wall("hold_id", "hold"),
        UniqueConstraint("slot_id", "appointment_id"),
        Index("ix_appointment_place_appointment_id", "appointment_id"),
        index_where("ix_appointment_place_hold_id", "hold_id", where="hold_id IS NOT NULL"),
        check("place", "place > 0"),
        check("owner", "(appointment_id IS NULL) <> (hold_id IS NULL)"),
        # no place above the slot's capacity but for an overbooking: tr_place_capacity (guards)
        # no place in a closed slot: tr_place_open (guards)
    )


class RoomUse(Base, Record):
    """Who has a room when; different owners never overlap in one bed: ex_room_use (guards)."""

    __tablename__ = "room_use"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    room_id: Mapped[Ref]
    bed: Mapped[int] = mapped_column(default=0)
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    owner_kind: Mapped[str] = mapped_column(String(16))
    owner_id: Mapped[int] = mapped_column(BigId)
    __table_args__ = (
        wall("room_id", "room"),
        UniqueConstraint("owner_kind", "owner_id", "room_id", "bed", "starts_at"),
        Index("ix_room_use_room_id_starts_at", "room_id", "starts_at"),
        check("range", "starts_at < ends_at"),
        check("owner_kind", "owner_kind IN ('SCHEDULE', 'APPOINTMENT', 'STAY', 'CLOSURE')"),
    )


class Appointment(Base, Record, Edited):
    __tablename__ = "appointment"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    booking_id: Mapped[str] = mapped_column(String(24))
    doctor_id: Mapped[Ref]
    patient_id: Mapped[Ref]
    service_id: Mapped[Ref]
    room_id: Mapped[Ref | None]
    schedule_id: Mapped[Ref]
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    day: Mapped[date] = mapped_column(Date)
    """The clinic's date of `starts_at`."""
    status: Mapped[AppointmentStatus] = state(AppointmentStatus, default=AppointmentStatus.CONFIRMED)
    source: Mapped[AppointmentSource] = state(AppointmentSource, default=AppointmentSource.PHONE)
    reason: Mapped[str] = mapped_column(String(500), default="")
    notes: Mapped[Long] = mapped_column(default="")
    overbooking_reason: Mapped[str | None] = mapped_column(String(500))
    overbooked_by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    cancelled_at: Mapped[Instant | None]
    cancelled_by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    cancel_reason: Mapped[str] = mapped_column(String(500), default="")
    series: Mapped[Code | None]
    """What the appointments of one series share."""
    past_reason: Mapped[str | None] = mapped_column(String(500))
    """Why it was entered after its time."""
    kept_at: Mapped[Instant | None]
    """Somebody decided that it stands although its time or room was closed; a new closing asks again."""
    source_key: Mapped[Code | None]
    version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": version}
    __table_args__ = walled(
        UniqueConstraint("clinic_id", "booking_id"),
        index_where("ix_appointment_series", "clinic_id", "series", where="series IS NOT NULL"),
        wall("doctor_id", "doctor"),
        wall("patient_id", "patient"),
        wall("service_id", "service"),
        wall("room_id", "room"),
        wall("schedule_id", "schedule"),
        unique_where("uq_appointment_clinic_id_source_key", "clinic_id", "source_key", where="source_key IS NOT NULL"),
        unique_where(
            "uq_appointment_schedule_id_patient_id",
            "schedule_id",
            "patient_id",
            where="status IN ('CONFIRMED', 'CHECKED_IN', 'COMPLETED')",
        ),
        Index("ix_appointment_clinic_id_day", "clinic_id", "day", "starts_at"),
        Index("ix_appointment_patient_id", "patient_id", "starts_at"),
        index_where("ix_appointment_confirmed", "clinic_id", "day", where="status = 'CONFIRMED'"),
        check("range", "starts_at < ends_at"),
        check("cancelled_at", "(status = 'CANCELLED') = (cancelled_at IS NOT NULL)"),
        check("overbooking", "(overbooking_reason IS NULL) = (overbooked_by_id IS NULL)"),
        # one patient in one place at a time: ex_appointment_patient (guards)
    )
    doctor: Mapped[Doctor] = one("Doctor", "Appointment.doctor_id")
    patient: Mapped[Patient] = one("Patient", "Appointment.patient_id")
    service: Mapped[Service] = one("Service", "Appointment.service_id")
    room: Mapped[Room | None] = one("Room", "Appointment.room_id")
    schedule: Mapped[Schedule] = one("Schedule", "Appointment.schedule_id")
    visit: Mapped[Visit] = relationship(
        "Visit", primaryjoin="Appointment.id == foreign(Visit.appointment_id)", viewonly=True, uselist=False
    )


class WaitlistEntry(Base, Record, Edited):
    """Somebody who would take a freed place: of a doctor, else of a department, else anybody's, for a service.

    `first_day` to `last_day`, both included, between `not_before` and `not_after` by the clinic's wall clock.
    """

    __tablename__ = "waitlist_entry"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    patient_id: Mapped[Ref]
    service_id: Mapped[Ref]
    doctor_id: Mapped[Ref | None]
    department_id: Mapped[Ref | None]
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date] = mapped_column(Date)
    not_before: Mapped[time | None] = mapped_column(Time)
    not_after: Mapped[time | None] = mapped_column(Time)
    priority: Mapped[Priority] = state(Priority, default=Priority.NORMAL)
    status: Mapped[WaitlistStatus] = state(WaitlistStatus, default=WaitlistStatus.ACTIVE)
    note: Mapped[str] = mapped_column(String(500), default="")
    appointment_id: Mapped[Ref | None]
    """What came of it."""
    version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": version}
    __table_args__ = walled(
        wall("patient_id", "patient"),
        wall("service_id", "service"),
        wall("doctor_id", "doctor"),
        wall("department_id", "department"),
        wall("appointment_id", "appointment"),
        index_where(
            "ix_waitlist_entry_open", "clinic_id", "first_day", where="status IN ('ACTIVE', 'NOTIFIED')"
        ),
        Index("ix_waitlist_entry_patient_id", "patient_id"),
        check("days", "first_day <= last_day"),
        check("appointment", "(status = 'CONVERTED') = (appointment_id IS NOT NULL)"),
    )  # fmt: skip
    patient: Mapped[Patient] = one("Patient", "WaitlistEntry.patient_id")
    service: Mapped[Service] = one("Service", "WaitlistEntry.service_id")
    doctor: Mapped[Doctor | None] = one("Doctor", "WaitlistEntry.doctor_id")
    department: Mapped[Department | None] = one("Department", "WaitlistEntry.department_id")


class WaitlistOffer(Base, Record):
    """A freed place offered to one entry, kept by a hold until `answer_by`."""

    __tablename__ = "waitlist_offer"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    entry_id: Mapped[Ref]
    doctor_id: Mapped[Ref]
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    offered_at: Mapped[Instant]
    answer_by: Mapped[Instant]
    status: Mapped[OfferStatus] = state(OfferStatus, default=OfferStatus.OPEN)
    answered_at: Mapped[Instant | None]
    hold_id: Mapped[Ref | None]
    __table_args__ = walled(
        wall("entry_id", "waitlist_entry"),
        wall("doctor_id", "doctor"),
        ForeignKeyConstraint(["hold_id"], ["hold.id"], ondelete="SET NULL"),
        unique_where("uq_waitlist_offer_open", "entry_id", where="status = 'OPEN'"),
        Index("ix_waitlist_offer_entry_id", "entry_id"),
    )
    entry: Mapped[WaitlistEntry] = one("WaitlistEntry", "WaitlistOffer.entry_id")
    doctor: Mapped[Doctor] = one("Doctor", "WaitlistOffer.doctor_id")


class ShiftNote(Base, Record, Edited):
    """A note for the next shift of the desk."""

    __tablename__ = "shift_note"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    text: Mapped[str] = mapped_column(String(1000))
    done_at: Mapped[Instant | None]
    done_by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    __table_args__ = walled(
        index_where("ix_shift_note_open", "clinic_id", "id", where="done_at IS NULL"),
    )


# ------------------------------------------------------------------------------------------------------- visits


class QueueCounter(Base):
    """The last queue number given in a clinic on a service day."""

    __tablename__ = "queue_counter"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"), primary_key=True)
    service_day: Mapped[date] = mapped_column(Date, primary_key=True)
    last_number: Mapped[int]
    __table_args__ = (check("last_number", "last_number > 0"),)


class Visit(Base, Record, Edited):
    """One patient's way through the clinic on one day. Its moves: `domain/machines.py`."""

    __tablename__ = "visit"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    appointment_id: Mapped[Ref | None]
    patient_id: Mapped[Ref]
    department_id: Mapped[Ref]
    doctor_id: Mapped[Ref | None]
    """None: any doctor of the department (its pool)."""
    service_id: Mapped[Ref]
    room_id: Mapped[Ref | None]
    """Where the ticket was called to."""
    visit_type: Mapped[VisitType] = state(VisitType)
    status: Mapped[VisitStatus] = state(VisitStatus)
    priority: Mapped[Priority] = state(Priority, default=Priority.NORMAL)
    priority_reason: Mapped[Name] = mapped_column(default="")
    service_day: Mapped[date] = mapped_column(Date)
    queue_number: Mapped[int | None]
    ticket: Mapped[str | None] = mapped_column(String(16))
    public_token: Mapped[str] = mapped_column(String(43), unique=True)
    due_at: Mapped[Instant | None]
    """The appointment's start; None for a walk-in."""
    check_in_time: Mapped[Instant | None]
    waiting_since: Mapped[Instant | None]
    """Start of the present wait: check-in, transfer, or coming back."""
    not_before: Mapped[Instant | None]
    parked_at: Mapped[Instant | None]
    back_from: Mapped[str | None] = mapped_column(String(100))
    """Where a held person was sent ("ECG"); empty text: back in line after not coming."""
    called_at: Mapped[Instant | None]
    call_count: Mapped[int] = mapped_column(default=0)
    start_time: Mapped[Instant | None]
    end_time: Mapped[Instant | None]
    closed_at: Mapped[Instant | None]
    close_reason: Mapped[str] = mapped_column(String(500), default="")
    left_unseen: Mapped[bool] = mapped_column(default=False)
    """Cancelled because the patient left without being seen."""
    identity_verified: Mapped[bool] = mapped_column(default=False)
    consent_signed: Mapped[bool] = mapped_column(default=False)
    rules_explained: Mapped[bool] = mapped_column(default=False)
    temperature: Mapped[str] = mapped_column(String(16), default="")
    blood_pressure: Mapped[str] = mapped_column(String(16), default="")
    complaints: Mapped[Long] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": version}
    __table_args__ = walled(
        wall("appointment_id", "appointment"),
        wall("patient_id", "patient"),
        wall("department_id", "department"),
        wall("doctor_id", "doctor"),
        wall("service_id", "service"),
        wall("room_id", "room"),
        unique_where("uq_visit_appointment_id", "appointment_id", where="appointment_id IS NOT NULL"),
        unique_where(
            "uq_visit_active_patient",
            "clinic_id",
            "patient_id",
            where="status IN ('WAITING', 'CALLED', 'IN_PROGRESS')",
        ),
        unique_where("uq_visit_doctor_in_progress", "doctor_id", where="status = 'IN_PROGRESS'"),
        UniqueConstraint("clinic_id", "service_day", "queue_number"),
        Index("ix_visit_clinic_id_service_day", "clinic_id", "service_day", "status"),
        Index("ix_visit_patient_id", "patient_id", "service_day"),
        index_where(
            "ix_visit_open",
            "clinic_id",
            "service_day",
            "status",
            where="status IN ('CALLED', 'IN_PROGRESS', 'PENDING_PAYMENT', 'SCHEDULED', 'WAITING')",
        ),
        index_where(
            "ix_visit_line",
            "clinic_id",
            "service_day",
            "doctor_id",
            where="status IN ('WAITING', 'CALLED', 'IN_PROGRESS')",
        ),
        check("queue_number", "queue_number > 0"),
        check("ticket", "(queue_number IS NULL) = (ticket IS NULL)"),
        check(
            "checked_in",
            "status IN ('SCHEDULED', 'CANCELLED', 'NO_SHOW') "
            "OR (queue_number IS NOT NULL AND check_in_time IS NOT NULL)",
        ),
        check("waiting_since", "status <> 'WAITING' OR waiting_since IS NOT NULL"),
        check(
            "called_at", "status <> 'CALLED' OR (called_at IS NOT NULL AND call_count > 0 AND doctor_id IS NOT NULL)"
        ),
        check("start_time", "status <> 'IN_PROGRESS' OR (start_time IS NOT NULL AND doctor_id IS NOT NULL)"),
        check("end_time", "status <> 'PENDING_PAYMENT' OR end_time IS NOT NULL"),
        check(
            "closed_at",
            "(status IN ('COMPLETED', 'CANCELLED', 'NO_SHOW')) = (closed_at IS NOT NULL)",
        ),
        check("priority_reason", "priority = 'NORMAL' OR priority_reason <> ''"),
        check("appointment", "(visit_type = 'SCHEDULED') = (appointment_id IS NOT NULL)"),
    )
    patient: Mapped[Patient] = one("Patient", "Visit.patient_id")
    department: Mapped[Department] = one("Department", "Visit.department_id")
    doctor: Mapped[Doctor | None] = one("Doctor", "Visit.doctor_id")
    service: Mapped[Service] = one("Service", "Visit.service_id")
    room: Mapped[Room | None] = one("Room", "Visit.room_id")
    appointment: Mapped[Appointment | None] = one("Appointment", "Visit.appointment_id")
    payment: Mapped[Payment] = relationship(
        "Payment", primaryjoin="Visit.id == foreign(Payment.visit_id)", viewonly=True, uselist=False
    )


class VisitEvent(Base, Record):
    """Every move of a visit, never changed. `was`: the fields as they stood before, so that undo is exact."""

    __tablename__ = "visit_event"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    visit_id: Mapped[Ref]
    at: Mapped[Instant]
    move: Mapped[str] = mapped_column(String(24))
    from_status: Mapped[str | None] = mapped_column(String(24))
    to_status: Mapped[str] = mapped_column(String(24))
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[int | None] = mapped_column(BigId)
    roles: Mapped[str] = mapped_column(String(120), default="")
    undoes_id: Mapped[Ref | None]
    was: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Ids, codes and instants only: nothing personal."""
    __table_args__ = walled(
        wall("visit_id", "visit"),
        wall("undoes_id", "visit_event"),
        unique_where("uq_visit_event_undoes_id", "undoes_id", where="undoes_id IS NOT NULL"),
        Index("ix_visit_event_visit_id", "visit_id", "id"),
    )


class MedicalRecord(Base, Record, Edited):
    """What the doctor writes; made empty at check-in. A signed one is closed and never changed, only amended (guards)."""

    __tablename__ = "medical_record"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    visit_id: Mapped[Ref]
    patient_id: Mapped[Ref]
    doctor_id: Mapped[Ref | None]
    state: Mapped[RecordState] = state(RecordState, default=RecordState.REGISTRATION)
    complaints: Mapped[Long] = mapped_column(default="")
    initial_code: Mapped[str] = mapped_column(String(16), default="")
    arrival_code: Mapped[str] = mapped_column(String(16), default="")
    final_code: Mapped[str] = mapped_column(String(16), default="")
    treatment: Mapped[Long] = mapped_column(default="")
    notes: Mapped[Long] = mapped_column(default="")
    sick_leave_from: Mapped[date | None] = mapped_column(Date)
    sick_leave_to: Mapped[date | None] = mapped_column(Date)
    sick_leave_number: Mapped[Code] = mapped_column(default="")
    folded: Mapped[Folded] = mapped_column(default="")
    """All of it as the search of the history compares it."""
    signed_at: Mapped[Instant | None]
    signed_by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": version}
    __table_args__ = walled(
        wall("visit_id", "visit"),
        wall("patient_id", "patient"),
        wall("doctor_id", "doctor"),
        UniqueConstraint("visit_id"),
        check("signed", "(signed_by_id IS NULL OR signed_at IS NOT NULL) AND (signed_at IS NULL OR state = 'CLOSED')"),
        check(
            "sick_leave",
            "(sick_leave_from IS NULL) = (sick_leave_to IS NULL)"
            " AND (sick_leave_to IS NULL OR sick_leave_to >= sick_leave_from)",
        ),
    )
    visit: Mapped[Visit] = one("Visit", "MedicalRecord.visit_id")
    doctor: Mapped[Doctor | None] = one("Doctor", "MedicalRecord.doctor_id")
    signed_by: Mapped[User | None] = one("User", "MedicalRecord.signed_by_id")


class Amendment(Base, Record):
    """What was added to a signed record by who signed it. Never changed."""

    __tablename__ = "amendment"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    record_id: Mapped[Ref]
    at: Mapped[Instant]
    by_id: Mapped[int] = mapped_column(BigId, to("user"))
    text: Mapped[Long]
    __table_args__ = walled(
        wall("record_id", "medical_record"),
        Index("ix_amendment_record_id", "record_id", "id"),
    )
    by: Mapped[User] = one("User", "Amendment.by_id")


class PrescriptionLine(Base, Record):
    """One medicine of a record's prescription: drug, dose, how often, for how many days."""

    __tablename__ = "prescription_line"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    record_id: Mapped[Ref]
    position: Mapped[int]
    drug: Mapped[Name]
    dose: Mapped[str] = mapped_column(String(100), default="")
    times: Mapped[str] = mapped_column(String(100), default="")
    days: Mapped[int | None]
    __table_args__ = walled(
        wall("record_id", "medical_record"),
        UniqueConstraint("record_id", "position"),
        check("days", "days BETWEEN 1 AND 3650"),
    )


class Vital(Base, Record):
    """Something measured during a visit. What was written by mistake is taken back, and stays."""

    __tablename__ = "vital"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    visit_id: Mapped[Ref]
    kind: Mapped[VitalKind] = state(VitalKind)
    value: Mapped[int]
    """Hundredths of `unit`."""
    unit: Mapped[str] = mapped_column(String(16))
    at: Mapped[Instant]
    by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    taken_back_at: Mapped[Instant | None]
    taken_back_by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    __table_args__ = walled(
        wall("visit_id", "visit"),
        Index("ix_vital_visit_id", "visit_id", "id"),
    )
    by: Mapped[User | None] = one("User", "Vital.by_id")


class Draft(Base, Record):
    """What a user has typed into a field of a record and not saved yet; `version` counts what the server has heard."""

    __tablename__ = "draft"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    record_id: Mapped[Ref]
    user_id: Mapped[int] = mapped_column(BigId, to("user"))
    field: Mapped[Code]
    text: Mapped[Long] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)
    at: Mapped[Instant]
    __table_args__ = (wall("record_id", "medical_record"), UniqueConstraint("record_id", "user_id", "field"))


class RecordTemplate(Base, Record, Edited):
    """Texts that a doctor, or a whole department, puts into records. `texts`: {field: text}."""

    __tablename__ = "record_template"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    doctor_id: Mapped[Ref | None]
    department_id: Mapped[Ref | None]
    name: Mapped[Name]
    texts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    __table_args__ = walled(
        wall("doctor_id", "doctor"),
        wall("department_id", "department"),
        unique_where("uq_record_template_doctor", "doctor_id", "name", where="doctor_id IS NOT NULL"),
        unique_where("uq_record_template_department", "department_id", "name", where="department_id IS NOT NULL"),
        check("owner", "(doctor_id IS NULL) <> (department_id IS NULL)"),
    )


class Treatment(Base, Record):
    """A service that the doctor ordered during a visit, with its line of the bill; done once somebody ticked it."""

    __tablename__ = "treatment"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    visit_id: Mapped[Ref]
    service_id: Mapped[Ref]
    line_id: Mapped[Ref | None]
    """None: it was taken off the bill."""
    ordered_at: Mapped[Instant]
    ordered_by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    done_at: Mapped[Instant | None]
    done_by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": version}
    __table_args__ = walled(
        wall("visit_id", "visit"),
        wall("service_id", "service"),
        ForeignKeyConstraint(["line_id"], ["bill_line.id"], ondelete="SET NULL"),
        Index("ix_treatment_visit_id", "visit_id", "id"),
        unique_where("uq_treatment_line_id", "line_id", where="line_id IS NOT NULL"),
        check("done", "(done_at IS NULL) = (done_by_id IS NULL)"),
    )
    service: Mapped[Service] = one("Service", "Treatment.service_id")
    done_by: Mapped[User | None] = one("User", "Treatment.done_by_id")
    line: Mapped[BillLine | None] = one("BillLine", "Treatment.line_id")


# -------------------------------------------------------------------------------------------------------- money


class Account(Base, Record):
    """A place or a claim of money. `balance` caches the sum of its entries on its own side (see `finance`)."""

    __tablename__ = "account"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    kind: Mapped[AccountKind] = state(AccountKind)
    patient_id: Mapped[Ref | None]
    doctor_id: Mapped[Ref | None]
    insurer_id: Mapped[Ref | None]
    name: Mapped[Name] = mapped_column(default="")
    balance: Mapped[Money] = mapped_column(default=0)
    __table_args__ = walled(
        wall("patient_id", "patient"),
        wall("doctor_id", "doctor"),
        wall("insurer_id", "insurer"),
        unique_where("uq_account_insurer", "insurer_id", "kind", where="insurer_id IS NOT NULL"),
        unique_where("uq_account_patient", "patient_id", "kind", where="patient_id IS NOT NULL"),
        unique_where("uq_account_doctor", "doctor_id", "kind", where="doctor_id IS NOT NULL"),
        unique_where(
            "uq_account_kind",
            "clinic_id",
            "kind",
            where="kind IN ('INCOME', 'EXPENSE', 'DIFFERENCE')",
        ),
        check("balance", "balance >= 0 OR kind NOT IN ('CASHBOX', 'BONUS_OWED', 'BONUS_DEBT', 'DEPOSIT_HELD')"),
        whole_units("balance"),
    )


class Cashbox(Base, Record, Edited):
    __tablename__ = "cashbox"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    name: Mapped[Name]
    kind: Mapped[CashboxKind] = state(CashboxKind)
    account_id: Mapped[Ref]
    is_open: Mapped[bool] = mapped_column(default=True)
    keeps_shifts: Mapped[bool] = mapped_column(default=False)
    """From its first shift on: money moves only while a shift is open (guards)."""
    __table_args__ = walled(
        wall("account_id", "account"),
        UniqueConstraint("clinic_id", "name"),
        UniqueConstraint("account_id"),
    )
    account: Mapped[Account] = one("Account", "Cashbox.account_id")


class Payment(Base, Record, Edited):
    """The bill: what a visit costs and what has been paid of it."""

    __tablename__ = "payment"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    visit_id: Mapped[Ref | None]
    patient_id: Mapped[Ref]
    status: Mapped[PaymentStatus] = state(PaymentStatus, default=PaymentStatus.PENDING)
    invoice_no: Mapped[str | None] = mapped_column(String(24))
    total_amount: Mapped[Money] = mapped_column(default=0)
    insurance_amount: Mapped[Money] = mapped_column(default=0)
    self_pay_amount: Mapped[Money] = mapped_column(default=0)
    amount_paid: Mapped[Money] = mapped_column(default=0)
    refunded_amount: Mapped[Money] = mapped_column(default=0)
    doctor_share: Mapped[Money] = mapped_column(default=0)
    center_share: Mapped[Money] = mapped_column(default=0)
    paid_at: Mapped[Instant | None]
    referrer_id: Mapped[Ref | None]
    """Who gets the referral bonus of this bill: fixed, with its percent, at the first payment."""
    bonus_percent: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": version}
    __table_args__ = walled(
        wall("visit_id", "visit"),
        wall("patient_id", "patient"),
        wall("referrer_id", "patient"),
        unique_where("uq_payment_visit_id", "visit_id", where="visit_id IS NOT NULL"),
        UniqueConstraint("clinic_id", "invoice_no"),
        index_where(
            "ix_payment_open", "clinic_id", "patient_id", where="status IN ('PENDING', 'PARTIALLY_PAID')"
        ),
        check("sides", "insurance_amount + self_pay_amount = total_amount"),
        check("shares", "doctor_share + center_share = total_amount"),
        check("signs", "insurance_amount >= 0 AND self_pay_amount >= 0 AND doctor_share >= 0 AND center_share >= 0"),
        check("amount_paid", "amount_paid BETWEEN 0 AND self_pay_amount"),
        check("refunded_amount", "refunded_amount BETWEEN 0 AND amount_paid"),
        check("paid", "status <> 'PAID' OR amount_paid = self_pay_amount"),
        check("pending", "status <> 'PENDING' OR amount_paid = 0"),
        check("paid_at", "(status IN ('PAID', 'REFUNDED')) = (paid_at IS NOT NULL)"),
        check("refunded", "status <> 'REFUNDED' OR refunded_amount = amount_paid"),
        check("bonus_percent", "bonus_percent BETWEEN 0 AND 100"),
        whole_units(
            "total_amount", "insurance_amount", "self_pay_amount", "amount_paid", "refunded_amount",
            "doctor_share", "center_share",
        ),
    )  # fmt: skip
    visit: Mapped[Visit | None] = one("Visit", "Payment.visit_id")
    patient: Mapped[Patient] = one("Patient", "Payment.patient_id")
    lines: Mapped[list[BillLine]] = relationship(
        "BillLine", primaryjoin="Payment.id == foreign(BillLine.payment_id)", viewonly=True, order_by="BillLine.id"
    )

    @property
    def due_amount(self) -> int:
        """What the patient still has to pay."""
        closed = (PaymentStatus.CANCELLED, PaymentStatus.REFUNDED)
        return 0 if self.status in closed else self.self_pay_amount - self.amount_paid


class BillLine(Base, Record, Edited):
    """A service at the price of its day, or a discount (negative) with its reason. The sums of the lines are the bill's."""

    __tablename__ = "bill_line"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    payment_id: Mapped[Ref]
    kind: Mapped[LineKind] = state(LineKind, default=LineKind.SERVICE)
    service_id: Mapped[Ref | None]
    doctor_id: Mapped[Ref | None]
    quantity: Mapped[int] = mapped_column(default=1)
    unit_price: Mapped[Money]
    amount: Mapped[Money]
    doctor_percent: Mapped[int] = mapped_column(default=0)
    doctor_share: Mapped[Money] = mapped_column(default=0)
    discounts_id: Mapped[Ref | None]
    """The line that a discount is for; None: for all of the bill."""
    percent: Mapped[int | None]
    reason: Mapped[Name] = mapped_column(default="")
    refunded_amount: Mapped[Money] = mapped_column(default=0)
    """What of it went back, the insurers' part included."""
    __table_args__ = walled(
        wall("payment_id", "payment"),
        wall("service_id", "service"),
        wall("doctor_id", "doctor"),
        wall("discounts_id", "bill_line"),
        Index("ix_bill_line_payment_id", "payment_id"),
        Index("ix_bill_line_of", "payment_id", "service_id", "doctor_id"),
        check("quantity", "quantity BETWEEN 1 AND 10000"),
        check("amount", "amount = quantity * unit_price"),
        check("sign", "(kind = 'DISCOUNT') = (amount < 0) OR amount = 0"),
        check("reason", "kind <> 'DISCOUNT' OR reason <> ''"),
        check("percent", "percent BETWEEN 1 AND 100"),
        check("doctor_percent", "doctor_percent BETWEEN 0 AND 100"),
        check("refunded_amount", "refunded_amount = 0 OR refunded_amount BETWEEN 0 AND amount"),
        whole_units("unit_price", "amount", "doctor_share", "refunded_amount"),
    )
    service: Mapped[Service | None] = one("Service", "BillLine.service_id")
    doctor: Mapped[Doctor | None] = one("Doctor", "BillLine.doctor_id")


class Insurer(Base, Record, Edited):
    """A company or fund that pays a part of bills. `coverage_percent`: what it usually pays."""

    __tablename__ = "insurer"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    name: Mapped[Name]
    coverage_percent: Mapped[int] = mapped_column(default=100)
    is_active: Mapped[bool] = mapped_column(default=True)
    __table_args__ = walled(
        UniqueConstraint("clinic_id", "name"),
        check("coverage_percent", "coverage_percent BETWEEN 0 AND 100"),
    )


class BillPayer(Base, Record, Edited):
    """An insurer's part of a bill. Insurers take their parts in the order of `position`; what is left is the patient's."""

    __tablename__ = "bill_payer"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    payment_id: Mapped[Ref]
    insurer_id: Mapped[Ref]
    position: Mapped[int]
    policy_number: Mapped[Code] = mapped_column(default="")
    coverage: Mapped[CoverageKind] = state(CoverageKind, default=CoverageKind.PERCENT)
    value: Mapped[Money]
    """Percent of the total, or an amount."""
    amount: Mapped[Money] = mapped_column(default=0)
    paid_amount: Mapped[Money] = mapped_column(default=0)
    refunded_amount: Mapped[Money] = mapped_column(default=0)
    claim_id: Mapped[Ref | None]
    __table_args__ = walled(
        wall("payment_id", "payment"),
        wall("insurer_id", "insurer"),
        wall("claim_id", "claim"),
        UniqueConstraint("payment_id", "insurer_id"),
        UniqueConstraint("payment_id", "position"),
        Index("ix_bill_payer_insurer_id", "insurer_id", "id"),
        index_where("ix_bill_payer_claim_id", "claim_id", where="claim_id IS NOT NULL"),
        check("value", "value >= 0 AND (coverage <> 'PERCENT' OR value <= 100)"),
        check("amounts", "amount >= 0 AND paid_amount BETWEEN 0 AND amount AND refunded_amount BETWEEN 0 AND amount"),
        whole_units("value", "amount", "paid_amount", "refunded_amount"),
    )
    insurer: Mapped[Insurer] = one("Insurer", "BillPayer.insurer_id")
    payment: Mapped[Payment] = one("Payment", "BillPayer.payment_id")


class Claim(Base, Record, Edited):
    """What an insurer is asked for: its parts of the bills of one month."""

    __tablename__ = "claim"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    insurer_id: Mapped[Ref]
    number: Mapped[str] = mapped_column(String(24))
    month: Mapped[date] = mapped_column(Date)
    """Its first day."""
    status: Mapped[ClaimStatus] = state(ClaimStatus, default=ClaimStatus.DRAFT)
    amount: Mapped[Money] = mapped_column(default=0)
    sent_at: Mapped[Instant | None]
    answered_at: Mapped[Instant | None]
    note: Mapped[Long] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": version}
    __table_args__ = walled(
        wall("insurer_id", "insurer"),
        UniqueConstraint("clinic_id", "number"),
        Index("ix_claim_insurer_id", "insurer_id", "month"),
        check("sent_at", "(status = 'DRAFT') = (sent_at IS NULL)"),
        check("answered_at", "(status IN ('ACCEPTED', 'REFUSED', 'PAID')) = (answered_at IS NOT NULL)"),
        check("amount", "amount >= 0"),
        whole_units("amount"),
    )
    insurer: Mapped[Insurer] = one("Insurer", "Claim.insurer_id")


class Invoice(Base, Record, Edited):
    """A number that a bill was given, without holes per clinic and year; a void one keeps it."""

    __tablename__ = "invoice"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    payment_id: Mapped[Ref]
    number: Mapped[str] = mapped_column(String(24))
    issued_at: Mapped[Instant]
    voided_at: Mapped[Instant | None]
    void_reason: Mapped[Name] = mapped_column(default="")
    __table_args__ = walled(
        wall("payment_id", "payment"),
        UniqueConstraint("clinic_id", "number"),
        unique_where("uq_invoice_standing", "payment_id", where="voided_at IS NULL"),
        check("void", "(voided_at IS NULL) = (void_reason = '')"),
    )


class CashboxShift(Base, Record, Edited):
    """A cashier's time at a cashbox, from one count to the next. `expected`: what the ledger says is in it.

    `number`: of the Z report, without holes for each cashbox. A closed shift is never changed, and takes no entry.
    """

    __tablename__ = "cashbox_shift"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    cashbox_id: Mapped[Ref]
    opened_at: Mapped[Instant]
    opened_by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    opening_counted: Mapped[Money]
    opening_expected: Mapped[Money]
    opening_coins: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """Pieces by denomination in smallest units, as counted."""
    opening_reason: Mapped[Name] = mapped_column(default="")
    closed_at: Mapped[Instant | None]
    closed_by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    counted: Mapped[Money | None]
    expected: Mapped[Money | None]
    coins: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    reason: Mapped[Name] = mapped_column(default="")
    number: Mapped[int | None]
    audit_hash: Mapped[str] = mapped_column(String(64), default="")
    """The head of the audit chain when it was closed, printed on the Z report."""
    version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": version}
    __table_args__ = walled(
        wall("cashbox_id", "cashbox"),
        unique_where("uq_cashbox_shift_open", "cashbox_id", where="closed_at IS NULL"),
        UniqueConstraint("cashbox_id", "number"),
        Index("ix_cashbox_shift_clinic_id_opened_at", "clinic_id", "opened_at"),
        check("opening", "opening_counted >= 0 AND (opening_counted = opening_expected OR opening_reason <> '')"),
        check(
            "closing",
            "(closed_at IS NULL) = (counted IS NULL) AND (closed_at IS NULL) = (expected IS NULL)"
            " AND (closed_at IS NULL) = (number IS NULL)",
        ),
        check("counted", "counted >= 0 AND (counted = expected OR reason <> '')"),
        whole_units("opening_counted", "opening_expected", "counted", "expected"),
    )
    cashbox: Mapped[Cashbox] = one("Cashbox", "CashboxShift.cashbox_id")
    opened_by: Mapped[User | None] = one("User", "CashboxShift.opened_by_id")
    closed_by: Mapped[User | None] = one("User", "CashboxShift.closed_by_id")


class CashTransfer(Base, Record, Edited):
    """Money on its way from one cashbox to another: it moves when the other side accepts it."""

    __tablename__ = "cash_transfer"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    source_id: Mapped[Ref]
    target_id: Mapped[Ref]
    amount: Mapped[Money]
    note: Mapped[Name] = mapped_column(default="")
    status: Mapped[CashTransferStatus] = state(CashTransferStatus, default=CashTransferStatus.PENDING)
    asked_at: Mapped[Instant]
    answered_at: Mapped[Instant | None]
    answered_by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    operation_id: Mapped[Ref | None]
    version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": version}
    __table_args__ = walled(
        wall("source_id", "cashbox"),
        wall("target_id", "cashbox"),
        wall("operation_id", "operation"),
        index_where("ix_cash_transfer_pending", "clinic_id", where="status = 'PENDING'"),
        check("cashboxes", "source_id <> target_id"),
        check("amount", "amount > 0"),
        check("answered_at", "(status = 'PENDING') = (answered_at IS NULL)"),
        check("operation", "(status = 'ACCEPTED') = (operation_id IS NOT NULL)"),
        whole_units("amount"),
    )
    source: Mapped[Cashbox] = one("Cashbox", "CashTransfer.source_id")
    target: Mapped[Cashbox] = one("Cashbox", "CashTransfer.target_id")


class MoneyCategory(Base, Record, Edited):
    """What other income and expenses are for."""

    __tablename__ = "money_category"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    kind: Mapped[CategoryKind] = state(CategoryKind)
    name: Mapped[Name]
    is_active: Mapped[bool] = mapped_column(default=True)
    __table_args__ = walled(UniqueConstraint("clinic_id", "kind", "name"))


class RefundRequest(Base, Record, Edited):
    """A refund above the clinic's limit, waiting for a second person. `wish`: what `refund` is to be called with."""

    __tablename__ = "refund_request"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    payment_id: Mapped[Ref]
    amount: Mapped[Money]
    wish: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    reason: Mapped[Name]
    status: Mapped[RefundRequestStatus] = state(RefundRequestStatus, default=RefundRequestStatus.ASKED)
    asked_at: Mapped[Instant]
    asked_by_id: Mapped[int] = mapped_column(BigId, to("user"))
    answered_at: Mapped[Instant | None]
    answered_by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    operation_id: Mapped[Ref | None]
    version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": version}
    __table_args__ = walled(
        wall("payment_id", "payment"),
        wall("operation_id", "operation"),
        unique_where("uq_refund_request_asked", "payment_id", where="status = 'ASKED'"),
        check("amount", "amount > 0"),
        check("answered_at", "(status = 'ASKED') = (answered_at IS NULL)"),
        check("second_person", "status <> 'DONE' OR answered_by_id <> asked_by_id"),
        check("operation", "(status = 'DONE') = (operation_id IS NOT NULL)"),
        whole_units("amount"),
    )
    payment: Mapped[Payment] = one("Payment", "RefundRequest.payment_id")


class Operation(Base, Record):
    """One act of the cashier: its ledger entries share it and it carries the receipt number. Never changed.

    `payment_id`: the bill, where it is one; an operation over several bills names them in its entries.
    """

    __tablename__ = "operation"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    kind: Mapped[LedgerKind] = state(LedgerKind)
    at: Mapped[Instant]
    receipt_no: Mapped[str] = mapped_column(String(24))
    payment_id: Mapped[Ref | None]
    cashier_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    amount: Mapped[Money]
    cash_received: Mapped[Money] = mapped_column(default=0)
    change_given: Mapped[Money] = mapped_column(default=0)
    patient_id: Mapped[Ref | None]
    category_id: Mapped[Ref | None]
    refunds_id: Mapped[Ref | None]
    """The payment that a refund gives back, where it names one."""
    approved_by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    """The second person of a large refund."""
    note: Mapped[Name] = mapped_column(default="")
    __table_args__ = walled(
        wall("payment_id", "payment"),
        wall("patient_id", "patient"),
        wall("category_id", "money_category"),
        wall("refunds_id", "operation"),
        UniqueConstraint("clinic_id", "receipt_no"),
        Index("ix_operation_payment_id", "payment_id"),
        check("approved_by", "approved_by_id <> cashier_id"),
        check("amount", "amount > 0"),
        check("change", "change_given >= 0 AND cash_received >= change_given"),
        whole_units("amount", "cash_received", "change_given"),
    )
    cashier: Mapped[User | None] = one("User", "Operation.cashier_id")


class LedgerEntry(Base, Record):
    """One transfer between two accounts, balanced by construction. Never changed: a correction reverses."""

    __tablename__ = "ledger_entry"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    at: Mapped[Instant]
    day: Mapped[date] = mapped_column(Date)
    kind: Mapped[LedgerKind] = state(LedgerKind)
    debit_id: Mapped[Ref]
    credit_id: Mapped[Ref]
    amount: Mapped[Money]
    method: Mapped[Method | None] = state(Method)
    cashbox_id: Mapped[Ref | None]
    payment_id: Mapped[Ref | None]
    service_id: Mapped[Ref | None]
    patient_id: Mapped[Ref | None]
    appointment_id: Mapped[Ref | None]
    visit_id: Mapped[Ref | None]
    doctor_id: Mapped[Ref | None]
    cashier_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    operation_id: Mapped[Ref | None]
    shift_id: Mapped[Ref | None]
    event_kind: Mapped[str] = mapped_column(String(24))
    event_id: Mapped[int] = mapped_column(BigId)
    purpose: Mapped[str] = mapped_column(String(40))
    reverses_id: Mapped[Ref | None]
    __table_args__ = walled(
        wall("debit_id", "account"),
        wall("credit_id", "account"),
        wall("cashbox_id", "cashbox"),
        wall("payment_id", "payment"),
        wall("service_id", "service"),
        wall("patient_id", "patient"),
        wall("appointment_id", "appointment"),
        wall("visit_id", "visit"),
        wall("doctor_id", "doctor"),
        wall("operation_id", "operation"),
        wall("shift_id", "cashbox_shift"),
        wall("reverses_id", "ledger_entry"),
        UniqueConstraint("event_kind", "event_id", "purpose"),
        unique_where("uq_ledger_entry_reverses_id", "reverses_id", where="reverses_id IS NOT NULL"),
        Index("ix_ledger_entry_clinic_id_day", "clinic_id", "day", "id"),
        Index("ix_ledger_entry_payment_id", "payment_id"),
        Index("ix_ledger_entry_debit_id", "debit_id"),
        Index("ix_ledger_entry_credit_id", "credit_id"),
        Index("ix_ledger_entry_operation_id", "operation_id"),
        index_where("ix_ledger_entry_shift_id", "shift_id", "id", where="shift_id IS NOT NULL"),
        index_where("ix_ledger_entry_cashbox_id", "cashbox_id", "id", where="cashbox_id IS NOT NULL"),
        index_where(
            "ix_ledger_entry_till", "clinic_id", "day", "id", "kind", "cashbox_id", "cashier_id", "payment_id", "method",
            "debit_id", "amount",
            where="cashbox_id IS NOT NULL",
        ),
        index_where("ix_ledger_entry_patient_id", "patient_id", "id", where="cashbox_id IS NOT NULL"),
        check("amount", "amount > 0"),
        check("accounts", "debit_id <> credit_id"),
        whole_units("amount"),
    )  # fmt: skip
    cashbox: Mapped[Cashbox | None] = one("Cashbox", "LedgerEntry.cashbox_id")
    patient: Mapped[Patient | None] = one("Patient", "LedgerEntry.patient_id")
    service: Mapped[Service | None] = one("Service", "LedgerEntry.service_id")
    cashier: Mapped[User | None] = one("User", "LedgerEntry.cashier_id")
    operation: Mapped[Operation | None] = one("Operation", "LedgerEntry.operation_id")
    payment: Mapped[Payment | None] = one("Payment", "LedgerEntry.payment_id")


class CashboxSum(Base):
    """What a cashbox took and gave on a day, by kind, method ("" for none) and cashier (0 for none): the sums of its
    entries, raised with them, so that the totals of a year need not read a year of entries."""

    __tablename__ = "cashbox_sum"
    cashbox_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    kind: Mapped[LedgerKind] = state(LedgerKind, primary_key=True)
    method: Mapped[str] = mapped_column(String(24), primary_key=True, default="")
    cashier_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False, default=0)
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    money_in: Mapped[Money] = mapped_column(default=0)
    money_out: Mapped[Money] = mapped_column(default=0)
    entries: Mapped[int] = mapped_column(default=0)
    __table_args__ = (
        wall("cashbox_id", "cashbox"),
        Index(
            "ix_cashbox_sum_clinic_id_day", "clinic_id", "day", "cashbox_id", "kind", "method", "cashier_id",
            "money_in", "money_out", "entries",
        ),
        whole_units("money_in", "money_out"),
    )  # fmt: skip


class RefundLine(Base, Record):
    """What of a bill's line a refund gave back: the patient's money, the insurers' part, the doctor's share. Never changed."""

    __tablename__ = "refund_line"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    operation_id: Mapped[Ref]
    line_id: Mapped[Ref]
    self_pay_amount: Mapped[Money]
    insurance_amount: Mapped[Money]
    __table_args__ = walled(
        wall("operation_id", "operation"),
        wall("line_id", "bill_line"),
        UniqueConstraint("operation_id", "line_id"),
        check("amounts", "self_pay_amount >= 0 AND insurance_amount >= 0"),
        whole_units("self_pay_amount", "insurance_amount"),
    )


class BonusEntry(Base, Record):
    """A movement of a patient's bonus: earned, used, taken back (negative). Never changed."""

    __tablename__ = "bonus_entry"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    patient_id: Mapped[Ref]
    operation_id: Mapped[Ref | None]
    ledger_entry_id: Mapped[Ref]
    at: Mapped[Instant]
    amount: Mapped[Money]
    reason: Mapped[Name] = mapped_column(default="")
    __table_args__ = walled(
        wall("patient_id", "patient"),
        wall("operation_id", "operation"),
        wall("ledger_entry_id", "ledger_entry"),
        UniqueConstraint("ledger_entry_id"),
        Index("ix_bonus_entry_patient_id", "patient_id", "id"),
        check("amount", "amount <> 0"),
        whole_units("amount"),
    )


class Counter(Base):
    """Numbers without holes that the house gives: card, booking, receipt, invoice; `period` restarts them."""

    __tablename__ = "counter"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"), primary_key=True)
    name: Mapped[str] = mapped_column(String(24), primary_key=True)
    period: Mapped[str] = mapped_column(String(10), primary_key=True, default="")
    last_number: Mapped[int]


# ------------------------------------------------------------------------------------------------------- memory


class LoginSession(Base, Record):
    __tablename__ = "login_session"
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(BigId, to("user"))
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    created_at: Mapped[Instant]
    last_seen_at: Mapped[Instant]
    address: Mapped[str] = mapped_column(String(45), default="")
    revoked_at: Mapped[Instant | None]
    __table_args__ = (Index("ix_login_session_user_id", "user_id"),)


class ApiToken(Base, Record):
    __tablename__ = "api_token"
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(BigId, to("user"))
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    name: Mapped[Name] = mapped_column(default="")
    created_at: Mapped[Instant]
    revoked_at: Mapped[Instant | None]


class Device(Base, Record, Edited):
    """A paired TV or kiosk. Its token is the address it opens; the code pairs it once."""

    __tablename__ = "device"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    kind: Mapped[DeviceKind] = state(DeviceKind, default=DeviceKind.TV)
    name: Mapped[Name]
    token: Mapped[str] = mapped_column(String(43), unique=True)
    last_seen_at: Mapped[Instant | None]
    revoked_at: Mapped[Instant | None]
    __table_args__ = walled(UniqueConstraint("clinic_id", "name"))


class PairingCode(Base, Record):
    """A screen that shows a code and waits to be told which clinic's TV it is."""

    __tablename__ = "pairing_code"
    code: Mapped[str] = mapped_column(String(8), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    """Only the screen that shows the code knows the secret that fetches the token."""
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    device_id: Mapped[int | None] = mapped_column(BigId, to("device"))


class IdempotencyKey(Base):
    """The first row of a writing transaction: the wish and, once done, what came of it."""

    __tablename__ = "idempotency_key"
    actor_kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    actor_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    route: Mapped[str] = mapped_column(String(120))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    result_kind: Mapped[str | None] = mapped_column(String(40))
    result_id: Mapped[int | None] = mapped_column(BigId)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class LiveRegion(Base):
    """The version of a region of the screens (`line-7`); raised in the transaction that changes what it shows."""

    __tablename__ = "live_region"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    version: Mapped[int] = mapped_column(BigId)


class AuditHead(Base):
    """The end of a clinic's audit chain; its row lock puts the entries in order."""

    __tablename__ = "audit_head"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigId)
    hash: Mapped[str] = mapped_column(String(64))


class AuditEntry(Base, Record):
    """One act, chained by hash to the one before; nobody changes or deletes it (guards)."""

    __tablename__ = "audit_entry"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    seq: Mapped[int] = mapped_column(BigId)
    at: Mapped[Instant]
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[int | None] = mapped_column(BigId)
    login_id: Mapped[int | None] = mapped_column(BigId)
    address: Mapped[str] = mapped_column(String(45), default="")
    action: Mapped[str] = mapped_column(String(40))
    entity_kind: Mapped[str] = mapped_column(String(40))
    entity_id: Mapped[int] = mapped_column(BigId)
    fields: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Changed columns: codes, ids and amounts as they are, names and free text as keyed digests."""
    request_id: Mapped[str] = mapped_column(String(36), default="")
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
    hash_version: Mapped[int] = mapped_column(Integer, default=1)
    __table_args__ = (
        UniqueConstraint("clinic_id", "seq"),
        Index("ix_audit_entry_entity", "clinic_id", "entity_kind", "entity_id"),
    )


class FieldHistory(Base, Record):
    """Old and new values that people may see; erased with the person."""

    __tablename__ = "field_history"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    audit_seq: Mapped[int] = mapped_column(BigId)
    entity_kind: Mapped[str] = mapped_column(String(40))
    entity_id: Mapped[int] = mapped_column(BigId)
    field: Mapped[str] = mapped_column(String(60))
    old: Mapped[str | None] = mapped_column(Text)
    new: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (Index("ix_field_history_entity", "clinic_id", "entity_kind", "entity_id"),)


class AccessEntry(Base, Record):
    """Who opened which patient's data, and how; never changed (guards)."""

    __tablename__ = "access_entry"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    patient_id: Mapped[Ref | None]
    asked_id: Mapped[int | None] = mapped_column(BigInteger)
    """What was asked for where the clinic has no such card: unknown ids and other clinics' alike."""
    at: Mapped[Instant]
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[int | None] = mapped_column(BigId)
    how: Mapped[str] = mapped_column(String(40))
    address: Mapped[str] = mapped_column(String(45), default="")
    request_id: Mapped[str] = mapped_column(String(36), default="")
    __table_args__ = (
        wall("patient_id", "patient"),
        Index("ix_access_entry_patient_id", "patient_id", "id"),
        Index("ix_access_entry_clinic_id", "clinic_id", "id"),
        check("patient_id", "patient_id IS NOT NULL OR how = 'refused'"),
    )


class AccessReview(Base, Record):
    """Somebody looked at an unusual access and says what it was."""

    __tablename__ = "access_review"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    access_entry_id: Mapped[int] = mapped_column(BigId, to("access_entry"), unique=True)
    at: Mapped[Instant]
    by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    is_fine: Mapped[bool]
    note: Mapped[str] = mapped_column(String(500), default="")
    __table_args__ = (Index("ix_access_review_clinic_id", "clinic_id"),)


class ImportRun(Base, Record):
    """A file somebody brought in: how far it is and what became of it.

    `reading`: how the file is read, {"columns": {field: its column}, "encoding", …}; `report`: the refused rows.
    """

    __tablename__ = "import_run"
    clinic_id: Mapped[int] = mapped_column(BigId, to("clinic"))
    kind: Mapped[str] = mapped_column(String(24))
    filename: Mapped[Name]
    is_dry: Mapped[bool] = mapped_column(default=False)
    state: Mapped[ImportState] = state(ImportState, default=ImportState.RUNNING)
    step: Mapped[Code] = mapped_column(default="")
    """What it is at while it runs: "check" or "store"."""
    reading: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    total: Mapped[int | None]
    done: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)
    same: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    report: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    why: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """The sentence of a file that was refused as a whole, with its gaps."""
    started_at: Mapped[Instant]
    seen_at: Mapped[Instant]
    """Its last sign of life: a run that has been silent for long has died."""
    finished_at: Mapped[Instant | None]
    by_id: Mapped[int | None] = mapped_column(BigId, to("user"))
    __table_args__ = walled(unique_where("uq_import_run_running", "clinic_id", where="state = 'RUNNING'"))


class IcdTitle(Base):
    """A diagnosis of ICD-10 by its code, in one language. Shared by all clinics. Indexed by trigrams (guards)."""

    __tablename__ = "icd_title"
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(String(16).with_variant(String(16, collation="C"), "postgresql"))
    locale: Mapped[str] = mapped_column(String(8))
    title: Mapped[str] = mapped_column(String(500))
    folded: Mapped[Folded] = mapped_column(default="")
    __table_args__ = (UniqueConstraint("code", "locale"),)


class StateMove(Base):
    """The moves that the database lets a status make; filled from `domain/machines.py` (guards)."""

    __tablename__ = "state_move"
    kind: Mapped[str] = mapped_column(String(24), primary_key=True)
    from_state: Mapped[str] = mapped_column(String(24), primary_key=True)
    to_state: Mapped[str] = mapped_column(String(24), primary_key=True)
