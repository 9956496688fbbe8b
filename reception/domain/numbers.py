"""Numbers without holes: taken by an upsert inside the transaction that uses them, never MAX + 1, never a sequence.

The counter's row stays locked to the commit, so verbs take numbers late. The upserts are constant SQL, the same on both
databases: SQLAlchemy compiles its own `on_conflict_do_update` anew on each call.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import Date, bindparam, text

from reception.domain.actors import ClinicFacts
from reception.extensions import core

_QUEUE = text(
    "INSERT INTO queue_counter (clinic_id, service_day, last_number) VALUES (:clinic_id, :service_day, :count)"
    " ON CONFLICT (clinic_id, service_day) DO UPDATE SET last_number = queue_counter.last_number + :count"
    " RETURNING last_number"
).bindparams(bindparam("service_day", type_=Date))
_COUNTER = text(
    "INSERT INTO counter (clinic_id, name, period, last_number) VALUES (:clinic_id, :name, :period, :count)"
    " ON CONFLICT (clinic_id, name, period) DO UPDATE SET last_number = counter.last_number + :count"
    " RETURNING last_number"
)


def queue_number(clinic: ClinicFacts, service_day: date) -> int:
    """The next number of the clinic's service day, from 1."""
    return queue_numbers(clinic, service_day, 1)[0]


def queue_numbers(clinic: ClinicFacts, service_day: date, count: int) -> range:
    """The next `count` numbers of the clinic's service day at once."""
    key = {"clinic_id": clinic.id, "service_day": service_day, "count": count}
    last = int(core(_QUEUE, key).scalar_one())
    return range(last - count + 1, last + 1)


def ticket(clinic: ClinicFacts, letter: str, number: int) -> str:
    """The number as people see it: A-017."""
    return f"{letter}-{number:0{clinic.ticket_digits}d}"


def card_no(clinic: ClinicFacts) -> str:
    """The next patient card number: 004318."""
    return card_nos(clinic, 1)[0]


def card_nos(clinic: ClinicFacts, count: int) -> list[str]:
    """The next `count` card numbers at once."""
    return [f"{number:06d}" for number in _counters(clinic, "card", "", count)]


def booking_id(clinic: ClinicFacts, booked_on: date) -> str:
    """A readable name of a booking: R261121-0042, the 42nd booked on that day."""
    return booking_ids(clinic, booked_on, 1)[0]


def booking_ids(clinic: ClinicFacts, booked_on: date, count: int) -> list[str]:
    """The next `count` names of bookings of that day at once."""
    period = f"{booked_on:%y%m%d}"
    return [f"R{period}-{number:04d}" for number in _counters(clinic, "booking", period, count)]


def receipt_no(clinic: ClinicFacts, day: date) -> str:
    """The next receipt number of the year: 2026-000042."""
    return f"{day.year}-{_counter(clinic, 'receipt', str(day.year)):06d}"


def invoice_no(clinic: ClinicFacts, day: date) -> str:
    """The next invoice number of the year: 2026-00042."""
    return f"{day.year}-{_counter(clinic, 'invoice', str(day.year)):05d}"


def z_no(clinic: ClinicFacts, cashbox_id: int) -> int:
    """The next Z report's number of the cashbox, from 1."""
    return _counter(clinic, "z-report", str(cashbox_id))


def claim_no(clinic: ClinicFacts, day: date) -> str:
    """The next number of a claim in the year: C2026-0042."""
    return f"C{day.year}-{_counter(clinic, 'claim', str(day.year)):04d}"


def _counter(clinic: ClinicFacts, name: str, period: str = "") -> int:
    return _counters(clinic, name, period, 1)[0]


def _counters(clinic: ClinicFacts, name: str, period: str, count: int) -> range:
    key = {"clinic_id": clinic.id, "name": name, "period": period, "count": count}
    last = int(core(_COUNTER, key).scalar_one())
    return range(last - count + 1, last + 1)
