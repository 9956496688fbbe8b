"""What the operations page is asked for: from its address to values, and back into the address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from werkzeug.datastructures import MultiDict

from reception import clock
from reception.domain import operations
from reception.domain.actors import Actor
from reception.domain.errors import Invalid, NotFound, invalid_field
from reception.domain.locks import load
from reception.domain.merging_ids import standing
from reception.domain.operations import Asked
from reception.models import Cashbox, Doctor, LedgerKind, Patient, Service, User
from reception.words import N_

MOST_DAYS = 366
KINDS = (
    LedgerKind.PAYMENT, LedgerKind.REFUND, LedgerKind.DEPOSIT, LedgerKind.BONUS, LedgerKind.EXPENSE,
    LedgerKind.TRANSFER, LedgerKind.ADJUSTMENT,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MoneyFilters:
    """The filters as they are shown (`boxes`, `cashiers`, `kinds` …: what may be chosen) and as they are `asked`."""

    asked: Asked
    before: int | None
    boxes: list[Cashbox]
    cashiers: list[User]
    services: list[Service]
    doctors: list[Doctor]
    patient: Patient | None
    kinds: tuple[LedgerKind, ...] = KINDS

    @classmethod
    def read(cls, args: MultiDict[str, str], actor: Actor) -> tuple[MoneyFilters, Invalid | None]:
        """The filters of an address, and what is wrong with them; wrong ones fall back to today."""
        today = clock.today(actor.clinic)
        boxes, cashiers = operations.cashboxes(actor), operations.cashiers(actor)
        services, doctors = operations.offered(actor)
        patient = cls.person(args.get("patient", ""), actor)
        first, error = day_of(args.get("from", ""), today)
        last, other = day_of(args.get("to", ""), max(first, today) if "from" in args else today)
        error = error or other
        if not error and last < first:
            error = invalid_field("to", N_("The last day is before the first. Please change one of them."))
        if not error and last - first > timedelta(days=MOST_DAYS):
            error = invalid_field("to", N_("That is too long a time. Please choose at most a year."))
        if error:
            first = last = today
        kind = args.get("kind", "")
        asked = Asked(
            first=first,
            last=last,
            kind=LedgerKind(kind) if kind in KINDS else None,
            cashbox_id=_among(args.get("cashbox", ""), boxes),
            cashier_id=_among(args.get("cashier", ""), cashiers),
            service_id=_among(args.get("service", ""), services),
            doctor_id=_among(args.get("doctor", ""), doctors),
            patient_id=patient.id if patient else None,
        )
        before = args.get("before", "")
        known = int(before) if _is_number(before) else None
        return cls(asked, known, boxes, cashiers, services, doctors, patient), error

    @staticmethod
    def person(text: str, actor: Actor) -> Patient | None:
        """The card that stands for the one with the id in `text`; None where there is none here."""
        if not _is_number(text):
            return None
        try:
            return load(Patient, standing(actor.clinic_id, int(text)), actor.clinic_id)
        except NotFound:
            return None

    @property
    def query(self) -> dict[str, Any]:
        """The filters as they stand in an address."""
        asked = self.asked
        found = {
            "from": asked.first.isoformat(), "to": asked.last.isoformat(), "kind": asked.kind,
            "cashbox": asked.cashbox_id, "cashier": asked.cashier_id, "service": asked.service_id,
            "doctor": asked.doctor_id, "patient": asked.patient_id,
        }  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}


def day_of(text: str, default: date) -> tuple[date, Invalid | None]:
    """The ISO date in `text`; `default` where there is none, and why where it is none."""
    if not text:
        return default, None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return default, invalid_field("date", N_("This is not a date."))
    if not date(2000, 1, 1) <= day <= date(2200, 1, 1):
        return default, invalid_field("date", N_("This is not a date."))
    return day, None


def _among(text: str, rows: list[Any]) -> int | None:
    return next((row.id for row in rows if str(row.id) == text), None)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
