"""What leaves the house as a table: columns by the names that the import knows, rows read some hundreds at a time.

What was exported comes in again as the same: nothing is added. Values keep their types; `exports.py` writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision
from sqlalchemy import Select, insert, literal, select, tuple_
from sqlalchemy.orm import aliased

from reception import clock
from reception.domain import regions, registry
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import NotFound
from reception.domain.imports import columns, icd, patients, prices, schedules
from reception.domain.imports.columns import Column
from reception.extensions import core, db
from reception.models import (
    AccessEntry,
    Clinic,
    Department,
    District,
    Doctor,
    IcdTitle,
    Patient,
    Region,
    Room,
    Schedule,
    Service,
    ServicePrice,
    ServiceType,
    Settlement,
)
from reception.words import N_

PIECE = 500
Row = list[Any]
VALID_TO = columns.column("valid_to", N_("Valid to"))


@dataclass(frozen=True, slots=True)
class Export:
    """A table on its way out. `rows` is read once."""

    name: str
    heads: tuple[Column, ...]
    rows: Iterator[Row]


def export_of(kind: str, actor: Actor) -> Export:
    """Everything of a kind. Raises NotFound."""
    if kind not in KINDS:
        raise NotFound
    return KINDS[kind](actor)


# ------------------------------------------------------------------------------------------------------- patients


def patients_of(actor: Actor, found: Select[tuple[Patient]] | None = None) -> Export:
    """The clinic's people, or those whom the query `found` (of Patient, in any order) brings. Guests are left out.

    The medical history goes only to roles that may read it. Say it first: `note_patients`.
    """
    heads = tuple(head for head in patients.COLUMNS if head.name != "full_name")
    if not actor.has(*registry.MEDICAL_ROLES):
        heads = tuple(head for head in heads if head.name != "medical_history")
    return Export("patients", heads, _patients(actor, found, heads))


def _people(actor: Actor, found: Select[tuple[Patient]] | None) -> Select[tuple[Patient]]:
    query = select(Patient) if found is None else found.order_by(None)
    return query.where(
        Patient.clinic_id == actor.clinic_id, Patient.is_anonymous.is_(False), Patient.merged_into_id.is_(None),
        Patient.anonymised_at.is_(None),
    )  # fmt: skip


def _patients(actor: Actor, found: Select[tuple[Patient]] | None, heads: tuple[Column, ...]) -> Iterator[Row]:
    names = _Names(actor.locale)
    query, last = _people(actor, found), 0
    while some := db.session.scalars(query.where(Patient.id > last).order_by(Patient.id).limit(PIECE)).all():
        last = some[-1].id
        guardians = _guardians(some)
        rows = []
        for person in some:
            known = {
                "number": person.card_no, "guardian": guardians.get(person.guardian_id or 0, ""),
                "region_code": names.of(Region, person.region_code),
                "district_code": names.of(District, person.district_code),
                "settlement_code": names.of(Settlement, person.settlement_code),
            }  # fmt: skip
            rows.append([known[h.name] if h.name in known else getattr(person, h.name) for h in heads])
        db.session.expunge_all()
        yield from rows


def _guardians(some: Any) -> dict[int, str]:
    wanted = {person.guardian_id for person in some if person.guardian_id}
    query = select(Patient.id, Patient.card_no).where(Patient.id.in_(wanted))
    return {ident: card_no for ident, card_no in db.session.execute(query)} if wanted else {}


class _Names:
    """Names of places in the reader's language, each read once."""

    def __init__(self, locale: str) -> None:
        self._locale = locale
        self._known: dict[tuple[str, str], str] = {}

    def of(self, kind: type[Any], code: str | None) -> str:
        if not code:
            return ""
        if (kind.__tablename__, code) not in self._known:
            place = db.session.get(kind, code)
            self._known[kind.__tablename__, code] = regions.name_of(place, self._locale) if place else code
        return self._known[kind.__tablename__, code]


def note_patients(
    found: Select[tuple[Patient]] | None = None, *, actor: Actor, at: datetime, request_id: str = ""
) -> int:
    """Write down that these people's data leave the house, on every one's card; before they do. How many they are."""
    people = _people(actor, found).with_only_columns(
        literal(actor.clinic_id), Patient.id, literal(at, AccessEntry.at.type), literal(actor.kind), literal(actor.id),
        literal("export"), literal(actor.address), literal(request_id),
    )  # fmt: skip
    names = ["clinic_id", "patient_id", "at", "actor_kind", "actor_id", "how", "address", "request_id"]
    count = core(insert(AccessEntry).from_select(names, people)).rowcount
    clinic = db.session.get_one(Clinic, actor.clinic_id)
    record(actor, "patient.export", clinic, at=at, rows=count)
    return count


# ---------------------------------------------------------------------------------------------- calendar and prices


def schedules_of(actor: Actor) -> Export:
    """The open shifts."""
    return Export("schedules", schedules.COLUMNS, _schedules(actor))


def _schedules(actor: Actor) -> Iterator[Row]:
    query = (
        select(Schedule, Doctor.last_name, Doctor.first_name, Doctor.middle_name, Room.name, Room.building)
        .join(Doctor, Doctor.id == Schedule.doctor_id)
        .outerjoin(Room, Room.id == Schedule.room_id)
        .where(Schedule.clinic_id == actor.clinic_id, Schedule.is_open)
        .order_by(Schedule.starts_at, Schedule.id)
        .limit(PIECE)
    )
    place = tuple_(Schedule.starts_at, Schedule.id)
    some = db.session.execute(query).all()
    while some:
        rows = []
        for shift, last, first, middle, room, building in some:
            begins, ends = clock.local(shift.starts_at, actor.clinic), clock.local(shift.ends_at, actor.clinic)
            is_late = ends.date() != shift.day and ends.time() != time()
            rows.append([
                " ".join(filter(None, (last, first, middle))), shift.day, begins.time(),
                f"{ends:%Y-%m-%d %H:%M}" if is_late else ends.time(), " ".join(filter(None, (room, building))),
                shift.slot_minutes, shift.capacity,
            ])  # fmt: skip
        final = some[-1][0]
        after = (final.starts_at, final.id)
        db.session.expunge_all()
        yield from rows
        some = db.session.execute(query.where(place > after)).all()


def prices_of(actor: Actor) -> Export:
    """Every price of every service, with the days on which it is valid."""
    heads = (*prices.COLUMNS[:3], VALID_TO, *prices.COLUMNS[3:])
    return Export("prices", heads, _prices(actor))


def _prices(actor: Actor) -> Iterator[Row]:
    places = int(get_currency_precision(actor.clinic.currency))
    query = (
        select(ServicePrice, Service, ServiceType.name, Department.name)
        .join(Service, Service.id == ServicePrice.service_id)
        .outerjoin(ServiceType, ServiceType.id == Service.service_type_id)
        .outerjoin(Department, Department.id == Service.department_id)
        .where(ServicePrice.clinic_id == actor.clinic_id)
        .order_by(ServicePrice.service_id, ServicePrice.valid_from)
        .limit(PIECE)
    )
    place = tuple_(ServicePrice.service_id, ServicePrice.valid_from)
    some = db.session.execute(query).all()
    while some:
        rows = [
            [
                service.name, Decimal(price.price).scaleb(-places), price.valid_from, price.valid_to, kind or "",
                department or "", service.duration_min, service.description, service.is_active,
            ]
            for price, service, kind, department in some
        ]  # fmt: skip
        after = (some[-1][0].service_id, some[-1][0].valid_from)
        db.session.expunge_all()
        yield from rows
        some = db.session.execute(query.where(place > after)).all()


def icd_of(actor: Actor) -> Export:
    """The titles of ICD-10, a column for each language that there is."""
    known = db.session.scalars(select(IcdTitle.locale).distinct()).all()
    locales = [locale for locale in icd.LOCALES if locale in known] or ["en"]
    by_name = {head.name: head for head in icd.COLUMNS}
    heads = (by_name["code"], *(by_name[f"title_{locale}"] for locale in locales))
    return Export("icd10", heads, _icd(locales))


def _icd(locales: list[str]) -> Iterator[Row]:
    first, other = IcdTitle, aliased(IcdTitle)
    last = ""
    codes = select(first.code).distinct().order_by(first.code).limit(PIECE)
    while some := db.session.scalars(codes.where(first.code > last)).all():
        last = some[-1]
        titles = {
            (code, locale): title
            for code, locale, title in db.session.execute(
                select(other.code, other.locale, other.title).where(other.code.in_(some))
            )
        }
        yield from ([code, *(titles.get((code, locale), "") for locale in locales)] for code in some)


KINDS: dict[str, Callable[[Actor], Export]] = {
    "patients": patients_of, "schedules": schedules_of, "prices": prices_of, "icd10": icd_of,
}  # fmt: skip
