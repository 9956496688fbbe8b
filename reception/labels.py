"""The words of the audit: acts, kinds of records, fields. No raw code is shown; what has no words here says so plainly.

`tests/test_labels.py` reads the source for every act that is recorded and every column that can change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from babel.dates import get_timezone_location
from flask_babel import get_locale, gettext

from reception.domain import machines
from reception.formats import WORDS, date_time, full_date, money, word
from reception.models import (
    AppointmentStatus,
    AuditEntry,
    CashTransferStatus,
    ClaimStatus,
    PaymentStatus,
    RefundRequestStatus,
    Role,
    VisitStatus,
    WaitlistStatus,
)
from reception.words import N_

KINDS: dict[str, str] = {
    "visit": N_("Visit"),
    "appointment": N_("Appointment"),
    "payment": N_("Bill"),
    "patient": N_("Card"),
    "doctor": N_("Doctor"),
    "department": N_("Department"),
    "specialization": N_("Specialization"),
    "room": N_("Room"),
    "service": N_("Service"),
    "service_type": N_("Service type"),
    "service_price": N_("Price"),
    "price_change": N_("Prices by percent"),
    "schedule": N_("Shift"),
    "schedule_template": N_("Weekly shift"),
    "absence": N_("Absence"),
    "closed_day": N_("Closed day"),
    "room_maintenance": N_("Closure of a room"),
    "cashbox": N_("Cashbox"),
    "cashbox_shift": N_("Shift of a cashbox"),
    "cash_transfer": N_("Transfer between cashboxes"),
    "money_category": N_("Category of money"),
    "operation": N_("Operation"),
    "refund_request": N_("Refund for a second person"),
    "device": N_("Screen"),
    "user": N_("User"),
    "login_session": N_("Sign-in"),
    "api_token": N_("API token"),
    "clinic": N_("Clinic"),
    "organisation": N_("Organisation"),
    "bill_line": N_("Line of a bill"),
    "bill_payer": N_("Insurer's part of a bill"),
    "insurer": N_("Insurer"),
    "invoice": N_("Number of a bill"),
    "claim": N_("Claim"),
    "medical_record": N_("Medical record"),
    "record_template": N_("Template of records"),
    "questionnaire": N_("Questions of the questionnaire"),
    "questionnaire_answer": N_("Questionnaire"),
    "saved_search": N_("Kept search"),
    "shift_note": N_("Note for the next shift"),
    "waitlist_entry": N_("Waitlist"),
}
"""Kinds of records: table name -> words."""

VERBS: dict[str, str] = {
    "add": N_("Added"),
    "change": N_("Changed"),
    "open": N_("Opened"),
    "close": N_("Closed"),
}
"""Acts that every kind may have."""

ACTIONS: dict[str, str] = {
    "visit.walk-in": N_("Walked in"),
    "visit.check-in": N_("Checked in"),
    "visit.call": N_("Called"),
    "visit.recall": N_("Called again"),
    "visit.start": N_("Visit began"),
    "visit.hold": N_("Sent, comes back"),
    "visit.requeue": N_("Put back in line"),
    "visit.transfer": N_("Moved to another line"),
    "visit.finish": N_("Finished"),
    "visit.settle": N_("Paid in full"),
    "visit.owe": N_("Went owing"),
    "visit.no-show": N_("Did not come"),
    "visit.cancel": N_("Cancelled"),
    "visit.undo": N_("Step taken back"),
    "visit.change": N_("Service or doctor changed"),
    "visit.checklist": N_("Checklist filled in"),
    "visit.vitals": N_("Vitals written down"),
    "visit.vital-back": N_("Vital taken back"),
    "visit.treatment": N_("Treatment ordered"),
    "visit.treatment-tick": N_("Treatment ticked"),
    "visit.treatment-back": N_("Treatment taken back"),
    "record.save": N_("Record written"),
    "record.sign": N_("Record signed"),
    "record.amend": N_("Record amended"),
    "record_template.keep": N_("Template of records kept"),
    "record_template.forget": N_("Template of records deleted"),
    "appointment.book": N_("Booked"),
    "appointment.reschedule": N_("Moved to another time"),
    "appointment.resize": N_("Made longer or shorter"),
    "waitlist.add": N_("Put on the waitlist"),
    "waitlist.offer": N_("Place offered"),
    "waitlist.accept": N_("Offer accepted"),
    "waitlist.decline": N_("Offer declined"),
    "waitlist.over": N_("Offer ran out"),
    "waitlist.withdraw": N_("Offer withdrawn"),
    "waitlist.leave": N_("Taken off the waitlist"),
    "waitlist.expire": N_("Waitlist days are over"),
    "payment.pay": N_("Payment taken"),
    "payment.line-add": N_("Service added to the bill"),
    "payment.line-change": N_("Quantity changed"),
    "payment.line-remove": N_("Service taken off the bill"),
    "payment.discount": N_("Discount given"),
    "payment.discount-remove": N_("Discount taken back"),
    "payment.payer-add": N_("Insurer named on the bill"),
    "payment.payer-change": N_("Insurer's part changed"),
    "payment.payer-remove": N_("Insurer taken off the bill"),
    "payment.payer-refuse": N_("Refused by the insurer"),
    "payment.invoice": N_("Bill numbered"),
    "payment.void": N_("Number made void"),
    "payment.reopen": N_("Bill opened again"),
    "payment.cancel": N_("Bill cancelled"),
    "payment.import": N_("Bill imported"),
    "payment.mark": N_("Marked by the billing office"),
    "claim.draft": N_("Claim drafted"),
    "claim.leave-out": N_("Bill left out of the claim"),
    "claim.send": N_("Claim sent"),
    "claim.accept": N_("Claim accepted"),
    "claim.refuse": N_("Claim refused"),
    "claim.pay": N_("Claim paid"),
    "doctor.pay-out": N_("Doctor's due paid out"),
    "cashbox_shift.open": N_("Cashbox shift opened"),
    "cashbox_shift.close": N_("Cashbox shift closed"),
    "cash_transfer.ask": N_("Transfer asked for"),
    "cash_transfer.accept": N_("Transfer accepted"),
    "cash_transfer.refuse": N_("Transfer refused"),
    "cash_transfer.withdraw": N_("Transfer withdrawn"),
    "operation.income": N_("Other income"),
    "operation.expense": N_("Expense"),
    "operation.undo": N_("Income or expense taken back"),
    "payment.refund": N_("Money given back"),
    "refund.ask": N_("Refund asked for"),
    "refund.approve": N_("Refund approved"),
    "refund.refuse": N_("Refund refused"),
    "deposit.take": N_("Deposit taken"),
    "deposit.give-back": N_("Deposit given back"),
    "bonus.add": N_("Bonus added"),
    "bonus.withdraw": N_("Bonus withdrawn"),
    "patient.register": N_("Card opened"),
    "patient.guest": N_("Guest card opened"),
    "patient.change": N_("Card changed"),
    "patient.open": N_("Card opened again"),
    "patient.close": N_("Card closed"),
    "patient.refused": N_("Look at a card refused"),
    "patient.consent": N_("Consent asked"),
    "patient.questionnaire": N_("Questionnaire filled in"),
    "patient.export": N_("List of patients exported"),
    "questionnaire.publish": N_("New questions of the questionnaire"),
    "saved_search.add": N_("Search kept"),
    "saved_search.change": N_("Kept search renamed"),
    "saved_search.delete": N_("Kept search deleted"),
    "import.regions": N_("Regions imported"),
    "patient.different": N_("Told apart from another card"),
    "patient.alike": N_("May be another card's person after all"),
    "patient.merge": N_("Cards merged"),
    "patient.unmerge": N_("Merged cards taken apart"),
    "patient.anonymise": N_("Card made anonymous"),
    "access.review": N_("Access looked into"),
    "doctor.break": N_("Break began"),
    "doctor.back": N_("Break ended"),
    "doctor.help": N_("Asked the desk for help"),
    "doctor.answer": N_("Call for help answered"),
    "doctor.feed": N_("New address of the calendar feed"),
    "doctor.feed-end": N_("Address of the calendar feed taken away"),
    "shift_note.add": N_("Note left"),
    "shift_note.done": N_("Note done"),
    "shift_note.open": N_("Note opened again"),
    "service.price": N_("New price"),
    "service.price-withdraw": N_("Price withdrawn before it began"),
    "price_change.add": N_("Prices changed by percent"),
    "price_change.withdraw": N_("Change of prices taken back"),
    "doctor.late": N_("Runs late"),
    "doctor.in-time": N_("In time again"),
    "appointment.keep": N_("Kept although the time is closed"),
    "appointment.ask-again": N_("To be called again"),
    "schedule_template.add": N_("Weekly shift entered"),
    "schedule_template.change": N_("Weekly shift changed"),
    "schedule_template.end": N_("Weekly shift ended"),
    "schedule_template.resume": N_("Weekly shift goes on"),
    "schedule_template.take-back": N_("Weekly shift put back as it was"),
    "schedule_template.make": N_("Weekly shift made ahead"),
    "absence.add": N_("Absence entered"),
    "absence.end": N_("Absence ended"),
    "absence.restore": N_("Absence entered again"),
    "closed_day.add": N_("Day closed"),
    "closed_day.change": N_("Closed day renamed"),
    "closed_day.end": N_("Closed day taken back"),
    "room_maintenance.add": N_("Room closed for a while"),
    "room_maintenance.end": N_("Closure of the room ended"),
    "room_maintenance.restore": N_("Room closed for a while again"),
    "schedule.open": N_("Shift opened"),
    "schedule.close": N_("Shift closed"),
    "schedule.extend": N_("Shift made longer"),
    "schedule.room": N_("Shift in another room"),
    "device.revoke": N_("Right taken away"),
    "user.create": N_("User added"),
    "user.roles": N_("Roles changed"),
    "user.password": N_("Password changed"),
    "user.prefer": N_("Own settings changed"),
    "login.open": N_("Signed in"),
    "login.close": N_("Signed out"),
    "login.switch": N_("Went to another clinic"),
    "token.add": N_("Token given"),
    "token.revoke": N_("Token taken away"),
    "clinic.found": N_("Clinic founded"),
    "import.appointments": N_("Appointments imported"),
    "import.patients": N_("Patients imported"),
    "import.schedules": N_("Shifts imported"),
    "import.prices": N_("Price list imported"),
    "import.icd10": N_("ICD-10 imported"),
    "demo.fill": N_("Filled with the demonstration"),
    "audit.check": N_("Audit chain checked"),
}
"""Acts with words of their own: action -> what was done."""

GENERIC = (
    "department",
    "specialization",
    "room",
    "doctor",
    "service",
    "service_type",
    "cashbox",
    "money_category",
    "insurer",
    "device",
    "clinic",
    "user",
)
"""Kinds whose acts are among VERBS, for the filter."""

FIELDS: dict[str, str] = {
    "name": N_("Name"), "code": N_("Letter"), "location": N_("Place"), "description": N_("Description"),
    "first_name": N_("First name"), "middle_name": N_("Middle name"), "last_name": N_("Last name"),
    "full_name": N_("Full name"), "username": N_("User name"), "email": N_("E-mail"), "locale": N_("Language"),
    "theme": N_("Colours"), "shortcuts": N_("Keyboard shortcuts"), "password_hash": N_("Password"),
    "password_changed_at": N_("Time of the password"), "is_active": N_("In use"), "kind": N_("Kind"),
    "card_no": N_("Card number"), "date_of_birth": N_("Date of birth"), "gender": N_("Gender"), "phone": N_("Phone"),
    "home_phone": N_("Home phone"), "guardian_id": N_("Guardian"), "national_id": N_("Document number"),
    "tax_id": N_("Tax number"), "address": N_("Address"), "alerts": N_("Alerts"), "special_needs": N_("Special needs"),
    "additional_info": N_("Additional information"), "preferred_locale": N_("Preferred language"),
    "referred_by_id": N_("Referred by"), "is_anonymous": N_("Guest"), "merged_into_id": N_("Merged into"),
    "anonymised_at": N_("Made anonymous"), "folded": N_("Search words"), "source_key": N_("Source"),
    "user_id": N_("User"), "department_id": N_("Department"), "specialization_id": N_("Specialization"),
    "title": N_("Title"), "internal_phone": N_("Internal phone"), "share_percent": N_("Share"),
    "slots_per_day": N_("Places a day"), "room_id": N_("Room"), "on_break": N_("On break"),
    "break_until": N_("Break until"), "help_asked_at": N_("Asked for help"), "service_type_id": N_("Service type"),
    "duration_min": N_("Minutes"), "service_id": N_("Service"), "price": N_("Price"), "valid_from": N_("Valid from"),
    "valid_to": N_("Valid to"), "hundredths": N_("Hundredths of a percent"), "step": N_("Rounded to"),
    "lines": N_("Lines"), "withdrawn_at": N_("Withdrawn at"),
    "doctor_id": N_("Doctor"), "patient_id": N_("Patient"), "schedule_id": N_("Shift"),
    "starts_at": N_("Begins"), "ends_at": N_("Ends"), "day": N_("Day"), "slot_minutes": N_("Length of a place"),
    "capacity": N_("Capacity"), "is_open": N_("Open"), "booking_id": N_("Booking"), "source": N_("Came by"),
    "reason": N_("Reason"), "notes": N_("Notes"), "status": N_("State"), "overbooking_reason": N_("Why overbooked"),
    "overbooked_by_id": N_("Overbooked by"), "cancelled_at": N_("Cancelled at"), "cancelled_by_id": N_("Cancelled by"),
    "cancel_reason": N_("Why cancelled"), "appointment_id": N_("Appointment"), "visit_type": N_("Kind of visit"),
    "priority": N_("Priority"), "priority_reason": N_("Why priority"), "service_day": N_("Day"),
    "queue_number": N_("Number"), "ticket": N_("Ticket"), "public_token": N_("Address of the ticket page"),
    "due_at": N_("Booked for"), "check_in_time": N_("Checked in at"), "waiting_since": N_("Waiting since"),
    "not_before": N_("Not before"), "parked_at": N_("Parked at"), "back_from": N_("Back from"),
    "called_at": N_("Called at"), "call_count": N_("Calls"), "start_time": N_("Began at"), "end_time": N_("Ended at"),
    "closed_at": N_("Left at"), "close_reason": N_("Why closed"), "identity_verified": N_("Identity verified"),
    "consent_signed": N_("Consent signed"), "rules_explained": N_("Rules explained"), "temperature": N_("Temperature"),
    "blood_pressure": N_("Blood pressure"), "complaints": N_("Complaints"), "visit_id": N_("Visit"),
    "initial_code": N_("First diagnosis"), "arrival_code": N_("Diagnosis on arrival"), "final_code": N_("Final diagnosis"),
    "treatment": N_("Treatment"), "sick_leave_from": N_("Sick leave from"), "sick_leave_to": N_("Sick leave until"),
    "sick_leave_number": N_("Number of the sick leave"), "signed_by_id": N_("Signed by"), "texts": N_("Texts"),
    "content": N_("Digest of what was signed"), "amendment": N_("Amendment"), "vitals": N_("Vitals"), "vital": N_("Vital"),
    "service": N_("Service"), "done": N_("Done"),
    "state": N_("State"), "signed_at": N_("Signed at"), "account_id": N_("Account"), "payment_id": N_("Bill"),
    "insurer_id": N_("Insurer"), "month": N_("Month"), "sent_at": N_("Sent at"), "position": N_("Place in the order"),
    "coverage": N_("Way of paying a part"), "value": N_("Part"), "paid_amount": N_("Paid by the insurer"),
    "claim_id": N_("Claim"), "coverage_percent": N_("Usually pays"), "refund_limit": N_("Limit of refunds"),
    "discount_limits": N_("Limits of discounts"), "issued_at": N_("Given at"), "voided_at": N_("Void since"),
    "void_reason": N_("Why void"), "doctor_percent": N_("Doctor's percent"), "discounts_id": N_("Discount on"),
    "percent": N_("Percent"), "referrer_id": N_("Who referred"), "bonus_percent": N_("Percent of the bonus"),
    "invoice_no": N_("Bill number"), "total_amount": N_("Total"), "insurance_amount": N_("Insurance"),
    "self_pay_amount": N_("Own part"), "amount_paid": N_("Paid"), "refunded_amount": N_("Given back"),
    "doctor_share": N_("Doctor's share"), "center_share": N_("Centre's share"), "paid_at": N_("Paid at"),
    "quantity": N_("Quantity"), "unit_price": N_("Price"), "amount": N_("Amount"), "token": N_("Address"),
    "last_seen_at": N_("Last seen"), "revoked_at": N_("Taken away at"), "floor": N_("Floor"),
    "building": N_("Building"), "organisation_id": N_("Organisation"), "time_zone": N_("Time zone"),
    "currency": N_("Currency"), "default_locale": N_("Language"), "phone_region": N_("Country of phones"),
    "opens_at": N_("Opens at"), "closes_at": N_("Closes at"), "ticket_digits": N_("Digits of a ticket"),
    "referral_bonus_percent": N_("Referral bonus"), "doctor_share_percent": N_("Share of doctors"),
    "wait_limit_minutes": N_("Longest wait"), "early_minutes": N_("Minutes before the time"),
    "hold_minutes": N_("Minutes away"), "requeue_minutes": N_("Minutes back in line"),
    "calls_before_parking": N_("Calls before parking"), "display_locales": N_("Languages of the screens"),
    "display_theme": N_("Colours of the screens"), "display_message": N_("Message on the screens"),
    "kept_at": N_("Kept at"), "template_id": N_("Weekly shift"), "weekday": N_("Day of the week"),
    "begins": N_("From"), "ends": N_("Until"), "made_until": N_("Made until"), "ended_at": N_("Ended at"),
    "performed_by": N_("Done by"), "late_minutes": N_("Minutes late"), "late_day": N_("Late on"),
    "horizon_weeks": N_("Weeks ahead"), "holiday_country": N_("Country of the holidays"),
    "holiday_subdivision": N_("Part of the country"), "left_unseen": N_("Left without being seen"), "feed_token": N_("Address of the calendar feed"),
    "text": N_("Text"), "done_at": N_("Done at"), "done_by_id": N_("Done by"),
    "document_type": N_("Document"), "document_number": N_("Series and number"), "country": N_("Country"),
    "region_code": N_("Region"), "district_code": N_("District"), "settlement_code": N_("Settlement"),
    "insurance_type": N_("Insurance"), "insurer": N_("Insurer"), "policy_number": N_("Policy number"),
    "gestational_age_weeks": N_("Born after, weeks"), "medical_history": N_("Medical history"),
    "consent": N_("Consent"), "is_given": N_("Agreed"), "whole": N_("All patients"), "query": N_("Filters"),
    "version_no": N_("Version"), "questions": N_("Questions"), "questionnaire_id": N_("Questionnaire"),
    "answers": N_("Answers"), "other_notes": N_("Other notes"),
    "receipt": N_("Receipt"), "move": N_("Step"), "roles": N_("Roles"), "before": N_("Roles before"),
    "overbooking_cap": N_("Beyond the capacity, places"), "place_hold_seconds": N_("Kept while booking, seconds"),
    "feed_initials": N_("Calendar feeds of doctors show the initials of patients"),
    "offer_minutes": N_("Waitlist answers within, minutes"),
    "past_reason": N_("Why entered afterwards"), "series": N_("Series"), "first_day": N_("First day"),
    "last_day": N_("Last day"), "not_after": N_("Not after"), "note": N_("Note"),
    "asked_at": N_("Asked at"),
    "cashbox_id": N_("Cashbox"), "cashbox": N_("Cashbox"), "opened_at": N_("Opened at"),
    "opened_by_id": N_("Opened by"), "closed_by_id": N_("Closed by"), "opening_counted": N_("Counted at the opening"),
    "opening_expected": N_("Expected at the opening"), "opening_coins": N_("Notes and coins at the opening"),
    "opening_reason": N_("Reason of a difference at the opening"), "counted": N_("Counted"), "expected": N_("Expected"),
    "coins": N_("Notes and coins"), "number": N_("Number"), "audit_hash": N_("Head of the audit"),
    "difference": N_("Difference"), "source_id": N_("From the cashbox"), "target_id": N_("To the cashbox"),
    "keeps_shifts": N_("Keeps shifts"),
    "asked_by_id": N_("Asked by"),
    "answered_at": N_("Answered at"),
    "answered_by_id": N_("Answered by"),
    "operation_id": N_("Operation"),
    "wish": N_("What was asked for"),
    "after": N_("Roles after"), "undoes": N_("Takes back number"), "off": N_("Let off"), "imported": N_("Imported"),
    "known": N_("Known already"), "left_out": N_("Left out"), "people": N_("New people"), "as_of": N_("As of"), "what": N_("What"), "rows": N_("How many"), "count": N_("How many"), "last_visit_day": N_("Last visit"), "upto": N_("Whole up to number"), "broken_at": N_("Broken at number"),
}  # fmt: skip
"""Columns and facts: name -> words."""

UNSAID = frozenset(
    {
        "operation",
        "parts",
        "payment",
        "user",
        "clinic",
        "clinic_id",
        "patient",
        "version",
        "folded",
        "public_token",
        "gone",
        "merge",
        "why",
        "entry",
        "is_fine",
        "posted",
        "line",
        "other",
    }
)
"""Facts that are for programs, or said otherwise in the row."""
AMOUNTS = frozenset(
    {
        "total_amount", "insurance_amount", "self_pay_amount", "amount_paid", "refunded_amount", "doctor_share",
        "center_share", "price", "unit_price", "amount", "opening_counted", "opening_expected", "counted", "expected",
        "difference", "off",
    }
)  # fmt: skip
PLAIN = frozenset({"ticket", "undoes", "invoice_no", "receipt", "booking_id", "card_no", "call_count", "queue_number", "upto",
                   "broken_at", "username"})  # fmt: skip
"""Fields whose values are shown: codes and counts, nothing of a person."""
NUMBERS = frozenset(
    {
        "duration_min", "share_percent", "slots_per_day", "capacity", "quantity", "percent", "coverage_percent",
        "slot_minutes", "wait_limit_minutes", "early_minutes", "hold_minutes", "requeue_minutes",
        "calls_before_parking", "doctor_share_percent", "referral_bonus_percent", "horizon_weeks", "overbooking_cap",
        "place_hold_seconds", "offer_minutes", "ticket_digits", "late_minutes", "undoes", "rows", "imported", "known", "left_out", "people",
        "bonus_percent",
    }
)  # fmt: skip
"""Whole numbers that say something to people."""
INSTANT, DAY = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d"), re.compile(r"\d{4}-\d\d-\d\d")
TIMES = frozenset({"opens_at", "closes_at", "begins", "ends"})
TEXTS = frozenset(
    {
        "name", "code", "location", "description", "first_name", "middle_name", "last_name", "full_name", "email",
        "title", "phone", "home_phone", "internal_phone", "floor", "building", "address", "alerts", "special_needs",
        "additional_info", "medical_history", "national_id", "tax_id", "document_number", "policy_number", "insurer",
        "date_of_birth", "display_message", "reason", "note", "notes", "currency", "time_zone", "phone_region",
        "default_locale", "locale", "holiday_country", "display_locales", "void_reason",
    }
)  # fmt: skip
"""Columns of text: shown where the erasable history, or the entry itself, has them in clear."""
STATES: dict[str, type[StrEnum]] = {
    "visit": VisitStatus, "appointment": AppointmentStatus, "payment": PaymentStatus,
    "waitlist_entry": WaitlistStatus, "cash_transfer": CashTransferStatus,
    "claim": ClaimStatus, "refund_request": RefundRequestStatus,
}  # fmt: skip
_STATE_WORDS = {(type(state), state.value): text for state, text in WORDS}


@dataclass(frozen=True, slots=True)
class Changed:
    """A field of an entry in words; `old` and `new` where its values may be shown."""

    name: str
    old: str = ""
    new: str = ""


def action_words(action: str) -> str:
    """What was done."""
    return gettext(ACTIONS.get(action) or VERBS.get(action.rpartition(".")[2]) or N_("Another act"))


def kind_words(kind: str) -> str:
    """What kind of record it was done to."""
    return gettext(KINDS.get(kind) or N_("Another record"))


def field_words(name: str) -> str:
    """What the field is called."""
    return gettext(FIELDS.get(name) or N_("Another field"))


def actions() -> list[tuple[str, list[tuple[str, str]]]]:
    """The acts to choose from: [(kind in words, [(action, words)])]."""
    groups: dict[str, list[tuple[str, str]]] = {}
    generic = [f"{kind}.{verb}" for kind in GENERIC for verb in VERBS]
    for action in dict.fromkeys([*ACTIONS, *generic]):
        subject = action.partition(".")[0]
        kind = {
            "login": "login_session",
            "token": "api_token",
            "import": "clinic",
            "audit": "clinic",
            "demo": "clinic",
            "access": "clinic",
            "waitlist": "waitlist_entry",
            "refund": "refund_request",
            "deposit": "patient",
            "bonus": "patient",
        }.get(subject, subject)
        groups.setdefault(kind_words(kind), []).append((action, action_words(action)))
    return list(groups.items())


def is_action(action: str) -> bool:
    """Whether `action` may be asked for."""
    subject, _, verb = action.partition(".")
    return action in ACTIONS or (subject in GENERIC and verb in VERBS)


Kept = Mapping[str, tuple[str | None, str | None]]
"""{column: (old, new)} from the erasable history."""


def changed(entry: AuditEntry, currency: str, kept: Kept = MappingProxyType({})) -> list[Changed]:
    """What an entry says, in words: states, amounts and numbers with their values, and what of its own record is `kept`;
    other fields by name, other records by kind.

    Of a new record only what it is known by is said, and that another one was made with it.
    """
    said = {name: value for name, value in entry.fields.items() if name not in UNSAID}
    parts = {name: value for name, value in said.items() if isinstance(value, dict)}
    own = {name: value for name, value in entry.fields.items() if name not in parts}
    found = _of_record(entry.entity_kind, own, currency, kept)
    for name, fields in parts.items():
        kind = name.rpartition("-")[0]
        if _is_new(fields):
            found.append(Changed(kind_words(kind), new=gettext("new")))
        else:
            found += [
                Changed(f"{kind_words(kind)}: {c.name}", c.old, c.new) for c in _of_record(kind, fields, currency)
            ]
    return list(dict.fromkeys(found))


def _of_record(
    kind: str, fields: dict[str, Any], currency: str, kept: Kept = MappingProxyType({})
) -> list[Changed]:  # fmt: skip
    said = [
        _one(kind, name, value, currency, kept.get(name))
        for name, value in fields.items()
        if name not in UNSAID and value is not None
    ]
    return [change for change in said if change.new] if _is_new(fields) else said


def _is_new(fields: dict[str, Any]) -> bool:
    """Whether the record was made by the act: then its clinic was set."""
    return "clinic_id" in fields


def _one(
    kind: str, name: str, value: Any, currency: str, kept: tuple[str | None, str | None] | None
) -> Changed:  # fmt: skip
    words = field_words(name)
    if name == "move":
        step = machines.VISIT.get(str(value))
        return Changed(words, new=gettext(step.label) if step else "")
    old, new = value if isinstance(value, list) and len(value) == 2 else (None, value)
    if name == "status" and kind in STATES:
        return Changed(words, _state(kind, old), _state(kind, new))
    if name in AMOUNTS and isinstance(new, int):
        return Changed(words, money(old, currency) if isinstance(old, int) else "", money(new, currency))
    if name in PLAIN:
        return Changed(words, "" if old is None else str(old), "" if new is None else str(new))
    if kept and isinstance(new, str) and (new.startswith("~") or (isinstance(old, str) and old.startswith("~"))):
        return Changed(words, *(value_words(name, value) for value in kept))
    return Changed(words, value_words(name, old), value_words(name, new))


def _role(name: str) -> str:
    return str(word(Role(name))) if name in set(Role) else name


def _language(code: str) -> str:
    return str(get_locale().languages.get(code, code))


def _place(code: str) -> str:
    return str(get_locale().territories.get(code, code))


def _zone(name: str) -> str:
    try:
        return str(get_timezone_location(name, locale=get_locale()))
    except LookupError:
        return name


CHOSEN: Mapping[str, Callable[[str], str]] = {
    "roles": _role,
    "time_zone": _zone,
    "phone_region": _place,
    "holiday_country": _place,
    "country": _place,
    "locale": _language,
    "default_locale": _language,
    "preferred_locale": _language,
    "display_locales": _language,
}
"""Codes that people choose by their words."""
CODE = re.compile(r"[\w/+-]+")


def _chosen(name: str, value: Any) -> str:
    """One code or several, as they stand in the entry or, written out, in the history."""
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value or "")
    return "" if text.startswith("~") else ", ".join(CHOSEN[name](code) for code in CODE.findall(text))


def value_words(name: str, value: Any) -> str:
    """A value as people read it; digests, ids and codes of programs are not shown."""
    if isinstance(value, StrEnum):
        return str(word(value))
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, int):
        return "" if name.endswith("_id") or name not in NUMBERS else str(value)
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, date):
        return date_time(value) if isinstance(value, datetime) else full_date(value)
    if name in CHOSEN:
        return _chosen(name, value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, str) and INSTANT.match(value):
        return date_time(datetime.fromisoformat(value))
    if isinstance(value, str) and DAY.fullmatch(value):
        return full_date(date.fromisoformat(value))
    if not isinstance(value, str) or value.startswith("~") or name.endswith(("_id", "_at", "_code")):
        return ""
    if name in TIMES:
        return value[:5]
    return value if name in TEXTS else ""


def _state(kind: str, value: Any) -> str:
    return str(word(STATES[kind](value))) if (STATES[kind], value) in _STATE_WORDS else ""
