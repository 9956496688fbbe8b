"""How the user's language writes things: states, names, dates, times, money, phones. The templates' filters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from datetime import time as wall_time
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any

import phonenumbers
from babel.core import Locale
from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal, get_currency_precision
from flask import Flask, g
from flask_babel import get_locale, get_translations, gettext, pgettext

from reception import clock, display_words
from reception.models import (
    AbsenceKind,
    AccountKind,
    AppointmentSource,
    AppointmentStatus,
    CashboxKind,
    CashTransferStatus,
    CategoryKind,
    ClaimStatus,
    CoverageKind,
    Gender,
    ImportState,
    LedgerKind,
    MaintenanceKind,
    MaintenanceStatus,
    Method,
    OfferStatus,
    PaymentStatus,
    Priority,
    RecordState,
    RefundRequestStatus,
    Role,
    RoomKind,
    VisitStatus,
    VisitType,
    VitalKind,
    WaitlistStatus,
)
from reception.words import CONTEXT, N_, P_

THIN = "\u202f"
LOCALES = {"en": "English", "ru": "Русский", "ar": "العربية"}

WORDS: tuple[tuple[StrEnum, str], ...] = (
    (VisitStatus.SCHEDULED, N_("Expected")),
    (VisitStatus.WAITING, N_("Waiting")),
    (VisitStatus.CALLED, N_("Called")),
    (VisitStatus.IN_PROGRESS, N_("With doctor")),
    (VisitStatus.PENDING_PAYMENT, N_("To pay")),
    (VisitStatus.COMPLETED, P_("visit", "Done")),
    (VisitStatus.CANCELLED, N_("Cancelled")),
    (VisitStatus.NO_SHOW, N_("Did not come")),
    (VisitType.SCHEDULED, P_("visit type", "Booked")),
    (VisitType.WALK_IN, N_("Walk-in")),
    (AppointmentStatus.CONFIRMED, P_("appointment", "Expected")),
    (AppointmentStatus.CHECKED_IN, P_("appointment", "Checked in")),
    (AppointmentStatus.COMPLETED, P_("appointment", "Done")),
    (AppointmentStatus.CANCELLED, P_("appointment", "Cancelled")),
    (AppointmentStatus.NO_SHOW, P_("appointment", "Did not come")),
    (AppointmentSource.PHONE, N_("By phone")),
    (AppointmentSource.WALK_IN, N_("At the desk")),
    (AppointmentSource.ONLINE, N_("Online")),
    (AppointmentSource.SYSTEM, N_("By the system")),
    (AppointmentSource.WEBSITE, N_("Website")),
    (AppointmentSource.PARTNER, N_("Partner")),
    (AppointmentSource.REPEAT, N_("Repeat")),
    (PaymentStatus.PENDING, P_("bill", "Open")),
    (PaymentStatus.PARTIALLY_PAID, P_("bill", "Partly paid")),
    (PaymentStatus.PAID, P_("bill", "Paid")),
    (PaymentStatus.REFUNDED, P_("bill", "Refunded")),
    (PaymentStatus.CANCELLED, P_("bill", "Cancelled")),
    (RecordState.REGISTRATION, P_("record", "Not begun")),
    (RecordState.OPEN, P_("record", "Being written")),
    (RecordState.CLOSED, P_("record", "Signed")),
    (VitalKind.TEMPERATURE, P_("vital", "Temperature")),
    (VitalKind.SYSTOLIC, P_("vital", "Upper blood pressure")),
    (VitalKind.DIASTOLIC, P_("vital", "Lower blood pressure")),
    (VitalKind.PULSE, P_("vital", "Pulse")),
    (VitalKind.BREATHING, P_("vital", "Breathing")),
    (VitalKind.OXYGEN, P_("vital", "Oxygen")),
    (VitalKind.GLUCOSE, P_("vital", "Blood sugar")),
    (VitalKind.WEIGHT, P_("vital", "Weight")),
    (VitalKind.HEIGHT, P_("vital", "Height")),
    (RefundRequestStatus.ASKED, P_("refund", "Waits")),
    (RefundRequestStatus.DONE, P_("refund", "Given back")),
    (RefundRequestStatus.REFUSED, P_("refund", "Refused")),
    (WaitlistStatus.ACTIVE, P_("waitlist", "Waits")),
    (WaitlistStatus.NOTIFIED, P_("waitlist", "Offered")),
    (WaitlistStatus.CONVERTED, P_("waitlist", "Booked")),
    (WaitlistStatus.EXPIRED, P_("waitlist", "Days are over")),
    (WaitlistStatus.CANCELLED, P_("waitlist", "Taken off")),
    (OfferStatus.OPEN, P_("offer", "Open")),
    (OfferStatus.ACCEPTED, P_("offer", "Accepted")),
    (OfferStatus.DECLINED, P_("offer", "Declined")),
    (OfferStatus.EXPIRED, P_("offer", "Ran out")),
    (Priority.NORMAL, P_("urgency", "Normal")),
    (Priority.PRIORITY, P_("urgency", "Priority")),
    (Priority.EMERGENCY, P_("urgency", "Emergency")),
    (Gender.MALE, N_("male")),
    (Gender.FEMALE, N_("female")),
    (Gender.OTHER, N_("other")),
    (Gender.UNKNOWN, N_("not known")),
    (Role.RECEPTIONIST, N_("Receptionist")),
    (Role.DOCTOR, N_("Doctor")),
    (Role.NURSE, N_("Nurse")),
    (Role.CASHIER, N_("Cashier")),
    (Role.MANAGER, N_("Manager")),
    (Role.ADMIN, N_("Administrator")),
    (ImportState.UPLOADED, P_("import", "Uploaded")),
    (ImportState.RUNNING, P_("import", "Running")),
    (ImportState.DONE, P_("import", "Done")),
    (ImportState.REFUSED, P_("import", "Refused")),
    (ImportState.FAILED, P_("import", "Broke off")),
    (AbsenceKind.VACATION, N_("Vacation")),
    (AbsenceKind.SICK, N_("Ill")),
    (AbsenceKind.TRAINING, N_("Training")),
    (AbsenceKind.OTHER, P_("absence", "Away")),
    (MaintenanceKind.CLEANING, N_("Cleaning")),
    (MaintenanceKind.REPAIR, N_("Repair")),
    (MaintenanceKind.RENOVATION, N_("Renovation")),
    (MaintenanceStatus.SCHEDULED, P_("closure", "Planned")),
    (MaintenanceStatus.IN_PROGRESS, P_("closure", "At work")),
    (MaintenanceStatus.COMPLETED, P_("closure", "Done")),
    (MaintenanceStatus.CANCELLED, P_("closure", "Cancelled")),
    (RoomKind.CONSULTING, N_("Consulting room")),
    (RoomKind.WARD, N_("Ward")),
    (CashboxKind.CASH, N_("Cash drawer")),
    (CashboxKind.CARD, N_("Card terminal")),
    (CashboxKind.BANK, N_("Bank account")),
    (CashTransferStatus.PENDING, P_("transfer", "Waits")),
    (CashTransferStatus.ACCEPTED, P_("transfer", "Accepted")),
    (CashTransferStatus.REFUSED, P_("transfer", "Refused")),
    (CashTransferStatus.WITHDRAWN, P_("transfer", "Withdrawn")),
    (CategoryKind.INCOME, N_("Income")),
    (CategoryKind.EXPENSE, N_("Expense")),
    (Method.CASH, N_("Cash")),
    (Method.CARD, P_("method", "Card")),
    (Method.BANK_TRANSFER, P_("method", "Transfer")),
    (Method.BONUS, N_("Bonus")),
    (Method.DEPOSIT, N_("Deposit")),
    (Method.INSURANCE, N_("Insurance")),
    (LedgerKind.CHARGE, N_("Charge")),
    (LedgerKind.PAYMENT, N_("Payment")),
    (LedgerKind.REFUND, N_("Refund")),
    (LedgerKind.EXPENSE, N_("Expense")),
    (LedgerKind.TRANSFER, P_("ledger", "Transfer")),
    (LedgerKind.DEPOSIT, N_("Deposit")),
    (LedgerKind.BONUS, N_("Bonus")),
    (LedgerKind.ADJUSTMENT, N_("Correction")),
    (CoverageKind.PERCENT, P_("coverage", "Percent of the total")),
    (CoverageKind.AMOUNT, P_("coverage", "Up to an amount")),
    (ClaimStatus.DRAFT, P_("claim", "Draft")),
    (ClaimStatus.SENT, P_("claim", "Sent")),
    (ClaimStatus.ACCEPTED, P_("claim", "Accepted")),
    (ClaimStatus.REFUSED, P_("claim", "Refused")),
    (ClaimStatus.PAID, P_("claim", "Paid")),
    (AccountKind.CASHBOX, N_("Cashbox")),
    (AccountKind.PATIENT_DEBT, N_("Patient's debt")),
    (AccountKind.INSURER_DEBT, N_("Insurer's debt")),
    (AccountKind.INCOME, N_("Income")),
    (AccountKind.DOCTOR_DUE, N_("Doctor's due")),
    (AccountKind.BONUS_OWED, N_("Bonus owed")),
    (AccountKind.BONUS_DEBT, N_("Bonus debt")),
    (AccountKind.DEPOSIT_HELD, N_("Deposit held")),
    (AccountKind.EXPENSE, N_("Expenses")),
    (AccountKind.DIFFERENCE, N_("Difference")),
)
"""No raw state name is ever shown: `word` finds it here. Pairs, because equal names of two kinds hash alike."""
_BY_KIND = {(type(state), state.value): text for state, text in WORDS}


def word(value: Any) -> Any:
    """A state in the reader's words, a date as the reader writes it; anything else as it is."""
    if isinstance(value, StrEnum):
        context, _, text = _BY_KIND[type(value), value.value].rpartition(CONTEXT)
        return pgettext(context, text) if context else gettext(text)
    if isinstance(value, date) and not isinstance(value, datetime):
        return full_date(value)
    return value


def choose_locale() -> str:
    """The drawing's, the user's or the browser's language, among those the house speaks."""
    from flask import has_request_context, request

    if chosen := g.get("locale"):
        return str(chosen)
    actor = g.get("actor")
    if actor is not None:
        return actor.locale if actor.locale in LOCALES else "en"
    if has_request_context():
        cookie = request.cookies.get("lang", "")
        return cookie if cookie in LOCALES else request.accept_languages.best_match(list(LOCALES)) or "en"
    return "en"


def _zone_of(clinic: Any) -> Any:
    return clinic or g.actor.clinic


def time(value: datetime | None, clinic: Any = None) -> str:
    """The hour and minute of an instant on the clinic's clock: 10:24."""
    if value is None:
        return ""
    at = clock.local(value, _zone_of(clinic))
    text = _hour_minute(at.hour, at.minute, get_locale())
    return f"{text} {at.tzname()}" if at.fold else text  # an hour that the clocks repeat: its second passage


@lru_cache(maxsize=4096)
def _hour_minute(hour: int, minute: int, locale: Locale) -> str:
    return format_skeleton("Hm", wall_time(hour, minute), locale=locale)


def day(value: date | datetime | None, clinic: Any = None) -> str:
    """Weekday, day and month: Tue 21 Nov."""
    return "" if value is None else _written(_date_of(value, clinic), "EEE d MMM", "MMMEd", get_locale())


def month_name(value: date) -> str:
    """Month and year: November 2026."""
    return format_skeleton("yMMMM", value, locale=get_locale())


def near_day(value: date | datetime | None, clinic: Any = None) -> str:
    """As people say it: today, tomorrow, else as `day`."""
    if value is None:
        return ""
    distance = (_date_of(value, clinic) - clock.today(_zone_of(clinic))).days
    return {0: gettext("today"), 1: gettext("tomorrow")}.get(distance) or day(value, clinic)


def full_date(value: date | datetime | None, clinic: Any = None) -> str:
    """Day, month and year: 21 Nov 2026, 21.11.2026."""
    return "" if value is None else _written(_date_of(value, clinic), "d MMM y", "yMMdd", get_locale())


def _date_of(value: date | datetime, clinic: Any) -> date:
    return clock.local(value, _zone_of(clinic)).date() if isinstance(value, datetime) else value


@lru_cache(maxsize=4096)
def _written(value: date, english: str, skeleton: str, locale: Locale) -> str:
    if locale.language == "en":
        return format_date(value, english, locale=locale)  # day before month, as most of the world reads it
    return format_skeleton(skeleton, value, locale=locale)


def date_time(value: datetime | None, clinic: Any = None) -> str:
    """Date and time on the clinic's clock."""
    return "" if value is None else f"{full_date(value, clinic)} {time(value, clinic)}"


@lru_cache(maxsize=64)
def digits(currency: str) -> int:
    """Digits after the point of `currency` (ISO 4217): 2 for EUR, 0 for JPY, 3 for KWD."""
    return int(get_currency_precision(currency))


def major(amount: int, currency: str) -> Decimal:
    """Smallest units -> the currency's units, exactly."""
    return Decimal(amount).scaleb(-digits(currency))


def plain_money(amount: int, currency: str) -> str:
    """The API's way: "1500.00"."""
    return f"{major(amount, currency):.{digits(currency)}f}"


def money(amount: int | None, currency: str | None = None) -> str:
    """An amount (smallest units) as the language writes it, without the currency, a thin space in the thousands."""
    return "" if amount is None else _money(amount, currency or g.actor.clinic.currency, get_locale())


@lru_cache(maxsize=4096)
def _money(amount: int, code: str, locale: Locale) -> str:
    pattern = "#,##0" + ("." + "0" * digits(code) if digits(code) else "")
    as_english = locale.language in ("en", "ar")
    text = format_decimal(major(amount, code), format=pattern, locale=Locale("en") if as_english else locale)
    return (text.replace(",", THIN) if as_english else text).replace("\xa0", THIN)


def phone(value: str | None, region: str | None = None) -> str:
    """E.164 as the clinic's country writes it; abroad in the international way."""
    if not value:
        return ""
    try:
        number = phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        return value
    home = phonenumbers.region_code_for_number(number) == (region or g.actor.clinic.phone_region)
    style = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(number, style.NATIONAL if home else style.INTERNATIONAL)


def _eastern(person: Any) -> bool:
    """Family name first without a comma: Chinese, Japanese, Korean."""
    return any("\u3040" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7af" for c in person.last_name + person.first_name)


def list_name(person: Any) -> str:
    """As lists order people: "Hoffmann, Greta", "王小明"."""
    if getattr(person, "anonymised_at", None):
        return gettext("Anonymous")
    if getattr(person, "is_anonymous", False) and not person.last_name:
        return gettext("Guest")
    if _eastern(person):
        return f"{person.last_name}{person.first_name}"
    comma = "، " if is_arabic(person.last_name) else ", "
    return comma.join(part for part in (person.last_name, person.first_name) if part)


def is_arabic(text: str) -> bool:
    """Whether `text` is written in the Arabic script."""
    return any("\u0600" <= c <= "\u06ff" for c in text)


def full_name(person: Any) -> str:
    """All names in the order of speech: "Greta Anna Hoffmann", "王小明"."""
    if getattr(person, "anonymised_at", None):
        return gettext("Anonymous")
    if getattr(person, "is_anonymous", False) and not person.last_name:
        return gettext("Guest")
    if _eastern(person):
        return f"{person.last_name}{person.first_name}"
    return " ".join(part for part in (person.first_name, person.middle_name, person.last_name) if part)


def initials(person: Any) -> str:
    """The first letters of a name: "G. H."; nothing for who has none."""
    return " ".join(f"{part[0]}." for part in (person.first_name, person.last_name) if part)


def doctor_name(doctor: Any) -> str:
    """With the title: "Dr. Ágnes Horváth"."""
    return f"{doctor.title} {full_name(doctor)}".strip() if doctor else ""


def age(born: date | None, on: date | None = None) -> int | None:
    """Whole years on the day `on` (default: the clinic's today); None where the birth date is not known."""
    if born is None:
        return None
    on = on or clock.today(g.actor.clinic)
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


FILTERS: dict[str, Callable[..., Any]] = {
    "word": word,
    "time": time,
    "day": day,
    "near_day": near_day,
    "month_name": month_name,
    "full_date": full_date,
    "date_time": date_time,
    "money": money,
    "plain_money": plain_money,
    "phone": phone,
    "list_name": list_name,
    "full_name": full_name,
    "doctor_name": doctor_name,
    "age": age,
}


def _catalogue() -> Any:
    """flask-babel's catalogue of the language at hand, asked for once per language of a request, not once per word."""
    locale, held = get_locale(), g.get("catalogue")
    if held is None or held[0] is not locale:
        held = g.catalogue = (locale, get_translations())
    return held[1]


def init_app(app: Flask) -> None:
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext=lambda s: _catalogue().ugettext(s),
        ngettext=lambda s, p, n: _catalogue().ungettext(s, p, n),
        newstyle=True,
        pgettext=lambda c, s: _catalogue().upgettext(c, s),
        npgettext=lambda c, s, p, n: _catalogue().unpgettext(c, s, p, n),
    )
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.globals.update(
        get_locale=get_locale,
        LOCALES=LOCALES,
        now=clock.now,
        display_words=display_words.display_words,
        display_build=display_words.display_build,
    )
