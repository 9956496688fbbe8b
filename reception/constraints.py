"""From the name of a database constraint to the sentence that a person reads."""

from __future__ import annotations

import re
from functools import cache

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from reception.domain.errors import Invalid, NotPossible, Refusal
from reception.extensions import Base
from reception.words import N_

MESSAGES: dict[str, tuple[str, str]] = {
    "uq_visit_appointment_id": ("already-checked-in", N_("This appointment already has its visit.")),
    "uq_visit_active_patient": ("already-in-queue", N_("This patient is already waiting or with a doctor.")),
    "uq_visit_doctor_in_progress": ("doctor-busy", N_("The doctor still has somebody in the room. Finish first.")),
    "uq_patient_clinic_id_phone": ("duplicate-phone", N_("A patient with this phone is registered already.")),
    "uq_patient_clinic_id_national_id": ("duplicate-id", N_("A patient with this document is registered already.")),
    "uq_patient_clinic_id_tax_id": ("duplicate-id", N_("A patient with this tax number is registered already.")),
    "uq_patient_document": ("duplicate-id", N_("A patient with this document is registered already.")),
    "ck_patient_guardian": ("circle", N_("Nobody is the guardian of themselves.")),
    "ck_patient_referred_by": ("circle", N_("Nobody refers themselves.")),
    "fk_patient_region_code_district_code": ("foreign-district", N_("This district is in another region.")),
    "fk_patient_district_code_settlement_code": ("foreign-place", N_("This place is in another district.")),
    "uq_questionnaire_clinic_id_version_no": (
        "stale-version",
        N_("Somebody changed the questions meanwhile. Look at them again."),
    ),
    "uq_saved_search_clinic_id_user_id_name": ("duplicate", N_("A search of this name exists already.")),
    "uq_doctor_clinic_id_phone": ("duplicate-phone", N_("A doctor with this phone exists already.")),
    "uq_doctor_clinic_id_user_id": ("duplicate", N_("This user is another doctor already.")),
    "uq_clinic_name": ("duplicate", N_("A clinic of this name exists already.")),
    "uq_user_username": ("duplicate", N_("This user name is taken.")),
    "uq_department_clinic_id_name": ("duplicate", N_("A department of this name exists already.")),
    "uq_department_clinic_id_code": ("duplicate", N_("Another department has this letter already.")),
    "uq_specialization_clinic_id_name": ("duplicate", N_("A specialization of this name exists already.")),
    "uq_service_type_clinic_id_name": ("duplicate", N_("A service type of this name exists already.")),
    "uq_room_clinic_id_name_building": ("duplicate", N_("A room of this name exists already.")),
    "uq_service_clinic_id_name": ("duplicate", N_("A service of this name exists already.")),
    "uq_service_price_service_id_valid_from": ("duplicate", N_("A price from this day exists already.")),
    "uq_cashbox_clinic_id_name": ("duplicate", N_("A cashbox of this name exists already.")),
    "uq_cashbox_shift_open": ("shift-open", N_("This cashbox has an open shift already.")),
    "uq_money_category_clinic_id_kind_name": ("duplicate", N_("A category of this name exists already.")),
    "uq_import_run_running": ("import-running", N_("Another import is running. Wait until it is done.")),
    "uq_device_clinic_id_name": ("duplicate", N_("A screen of this name exists already.")),
    "uq_appointment_schedule_id_patient_id": ("already-booked", N_("This patient already has a place in this shift.")),
    "uq_schedule_doctor_id_day_starts_at": ("overlap", N_("The doctor has another shift at this time.")),
    "ex_schedule_doctor": ("overlap", N_("The doctor has another shift at this time.")),
    "ex_room_use": ("room-taken", N_("The room is taken at this time.")),
    "ex_appointment_patient": ("patient-elsewhere", N_("The patient has another appointment at this time.")),
    "tr_place_capacity": ("slot-full", N_("This time is fully booked.")),
    "tr_place_open": ("closed", N_("The doctor is away or the clinic is closed at this time. Choose another one.")),
    "tr_slot_capacity": ("capacity", N_("More places are booked than the new capacity has.")),
    "tr_visit_status": ("not-possible", N_("The visit cannot make this step.")),
    "tr_appointment_status": ("not-possible", N_("The appointment cannot make this step.")),
    "tr_medical_record_state": ("not-possible", N_("The record cannot make this step.")),
    "tr_medical_record_closed": ("signed", N_("This record is signed: it can only be amended.")),
    "tr_prescription_line_closed": ("signed", N_("This record is signed: it can only be amended.")),
    "tr_amendment_insert": ("not-signed", N_("A record is amended by the doctor who signed it.")),
    "uq_record_template_doctor": ("duplicate", N_("A template of this name exists already.")),
    "uq_record_template_department": ("duplicate", N_("A template of this name exists already.")),
    "tr_payment_status": ("not-possible", N_("The bill cannot make this step.")),
    "tr_ledger_entry_shift": ("shift-closed", N_("The shift of this cashbox is closed. Open one first.")),
    "tr_cashbox_shift_closed": ("shift-closed", N_("This shift is closed already.")),
    "tr_cash_transfer_status": ("answered", N_("This transfer has been answered already.")),
    "ck_account_balance": ("not-enough", N_("There is not enough money in this cashbox.")),
    "ck_payment_amount_paid": ("too-much", N_("That is more than is still to pay.")),
    "ck_payment_refunded_amount": ("too-much", N_("That is more than was paid.")),
    "uq_ledger_entry_event_kind_event_id_purpose": ("posted-already", N_("This has been posted already.")),
    "uq_ledger_entry_reverses_id": ("undone-already", N_("This has been taken back already.")),
}
GENERIC = ("refused", N_("The database refused this change. Nothing was saved."))


def refusal(error: IntegrityError) -> Refusal:
    """The refusal that a violated constraint means."""
    code, message = MESSAGES.get(name_of(error), GENERIC)
    kind = Invalid if name_of(error).startswith("ck_") and code == "refused" else NotPossible
    return kind(message, code=code)


def name_of(error: DBAPIError) -> str:
    """Name of the violated constraint, or empty text."""
    name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if name:
        return str(name)
    text = str(error.orig)
    if found := re.search(r"CHECK constraint failed: (\w+)", text):
        return found[1]
    if found := re.search(r"UNIQUE constraint failed: ([\w., ]+)", text):
        return _by_columns().get(found[1].replace(" ", ""), "")
    return text if re.fullmatch(r"(tr|ex)_\w+", text) else ""


def is_passing(error: DBAPIError) -> bool:
    """True where another try may succeed: deadlock, serialization, lock timeout, busy, a place just taken."""
    if isinstance(error, IntegrityError):
        return name_of(error) in ("pk_appointment_place", "pk_audit_head")
    state = getattr(error.orig, "sqlstate", None)
    if state:
        return state in ("40001", "40P01", "55P03")
    return isinstance(error, OperationalError) and "locked" in str(error.orig)


@cache
def _by_columns() -> dict[str, str]:
    """SQLite names the columns of a violated unique rule, not the rule."""
    names: dict[str, str] = {}
    for table in Base.metadata.tables.values():
        rules: list[UniqueConstraint | Index] = [c for c in table.constraints if isinstance(c, UniqueConstraint)]
        rules += [i for i in table.indexes if isinstance(i, Index) and i.unique]
        for rule in rules:
            names[",".join(f"{table.name}.{c.name}" for c in rule.columns)] = str(rule.name)
        names[",".join(f"{table.name}.{c.name}" for c in table.primary_key)] = f"pk_{table.name}"
    return names
