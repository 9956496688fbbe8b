"""The advanced search of the registry: filters that can be combined with each other and with typed text.

Where many cards match, a page is read along the index of its order, the filters looked at card by card. Where few do, or
where order and filter are about the same days, that walk could be long: the matching cards are then found first, from the
one filter that leaves fewest or from `ix_patient_filters`, which answers all filters without the cards themselves, and
put in order. The count, which stops at MOST_COUNTED, says which of the two it is. PostgreSQL chooses its indexes by its
statistics. SQLite has none, so it is told: a plus sign in front of a column keeps SQLite from starting there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    UnaryExpression,
    and_,
    bindparam,
    column,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.sql.operators import custom_op

from reception import clock
from reception.domain import search
from reception.domain.actors import Actor
from reception.domain.errors import invalid_field
from reception.domain.locks import is_id
from reception.extensions import core, db
from reception.models import (
    Appointment,
    AppointmentStatus,
    Gender,
    Patient,
    Payment,
    PaymentStatus,
    Visit,
    VisitStatus,
)
from reception.words import N_

MOST_TEXT = 500
"""So many cards the typed text may bring before they are filtered one by one instead."""
MOST_COUNTED = 10_000
"""So many matches are few: they are counted, found first and put in order then."""
OLDEST = 150
NARROW_DAYS = 31
"""Registered within so many days: SQLite starts there."""
SORTS: dict[str, Any] = {
    "name": Patient.folded,
    "born": Patient.date_of_birth,
    "registered": Patient.created_at,
    "card": Patient.card_no,
}
"""What a list can be ordered by; each has an index that begins with the clinic."""
CAME = (
    VisitStatus.WAITING, VisitStatus.CALLED, VisitStatus.IN_PROGRESS, VisitStatus.PENDING_PAYMENT, VisitStatus.COMPLETED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filters:
    """What is asked for; an empty one asks for everybody. Days and ages include both ends."""

    text: str = ""
    closed: bool = False
    gender: Gender | None = None
    age_from: int | None = None
    age_to: int | None = None
    region: str | None = None
    district: str | None = None
    registered_from: date | None = None
    registered_to: date | None = None
    visited_from: date | None = None
    visited_to: date | None = None
    open_bill: bool = False
    booked: bool = False
    needs: bool = False
    sort: str = ""
    descending: bool = False

    def checked(self) -> Filters:
        """The same, if it makes sense. Raises Invalid about the field that ends before it begins."""
        for first, last in (
            ("age_from", "age_to"),
            ("registered_from", "registered_to"),
            ("visited_from", "visited_to"),
        ):
            low, high = getattr(self, first), getattr(self, last)
            if low is not None and high is not None and low > high:
                raise invalid_field(last, N_("This ends before it begins."))
        for name in ("age_from", "age_to"):
            if (years := getattr(self, name)) is not None and not 0 <= years <= OLDEST:
                raise invalid_field(name, N_("Say a number from %(least)s to %(most)s."), least=0, most=OLDEST)
        if self.sort and self.sort not in SORTS:
            raise invalid_field("sort", N_("Choose one of the list."))
        return self

    @property
    def is_filtered(self) -> bool:
        """Whether anything but text and closed cards is asked for."""
        plain = Filters(text=self.text, closed=self.closed, sort=self.sort, descending=self.descending)
        return self != plain

    def without(self, name: str) -> Filters:
        """The same with the filter `name` taken away; a region takes its district along."""
        gone = {"region": ("region", "district")}.get(name, (name,))
        empty: dict[str, Any] = {f.name: f.default for f in fields(Filters)}
        return replace(self, **{key: empty[key] for key in gone if key in empty})


@dataclass(frozen=True, slots=True)
class Found:
    """A page of cards. `following`: the last one, where more follow; `skip`: rows to leave out for the next ones;
    `counted`: how many match, and whether there are more than were counted, where that is known already."""

    rows: list[Patient]
    following: int | None = None
    skip: int | None = None
    last_visits: dict[int, date] = field(default_factory=dict)
    counted: tuple[int, bool] | None = None


def page(viewer: Actor, asked: Filters, limit: int, after: int | None = None, skip: int = 0) -> Found:
    """Cards that match, a page of them, with the day each was here last."""
    if asked.text and not asked.sort:
        return _page_of_text(viewer, asked, limit, skip)
    few = _few(viewer, asked) if asked.text or asked.is_filtered else None
    counted = _counted(few) if asked.text or asked.is_filtered else None
    rows = list(_ordered(viewer, asked, limit + 1, after, few, is_page=True))
    following = rows[limit - 1].id if len(rows) > limit else None
    return Found(rows[:limit], following, None, last_visits(rows[:limit]), counted)


def count(viewer: Actor, asked: Filters) -> tuple[int, bool]:
    """How many match, and whether there are more than were counted."""
    return _counted(_few(viewer, asked))


def every(viewer: Actor, asked: Filters, batch: int = 1000) -> Iterator[list[Patient]]:
    """All that match, a batch at a time."""
    after: int | None = None
    few = _few(viewer, asked)
    while rows := list(_ordered(viewer, asked, batch, after, few)):
        yield rows
        if len(rows) < batch:
            return
        after = rows[-1].id


def last_visits(rows: Iterable[Patient]) -> dict[int, date]:
    """The day on which each of these was here last."""
    return {row.id: row.last_visit_day for row in rows if row.last_visit_day is not None}


def drifts() -> Iterator[str]:
    """One line for each card whose last visit is another one than its visits say; nothing when all is well."""
    came = (
        select(Visit.patient_id, func.max(Visit.service_day).label("day"))
        .where(Visit.status.in_(CAME))
        .group_by(Visit.patient_id)
        .subquery()
    )
    query = select(Patient.id, Patient.last_visit_day, came.c.day).outerjoin(came, came.c.patient_id == Patient.id)
    wrong = query.where(Patient.last_visit_day.is_distinct_from(came.c.day)).order_by(Patient.id)
    for ident, kept, day in core(wrong):
        yield f"patient {ident} was here last on {day}, the card says {kept}"


# ------------------------------------------------------------------------------------------------------ in an order


def _few(viewer: Actor, asked: Filters) -> list[int] | None:
    """The ids of all that match, or None where they are more than MOST_COUNTED."""
    start = _start(viewer, asked)
    found = core(_matching(viewer, asked, select(Patient.id), start).limit(MOST_COUNTED + 1)).scalars().all()
    return None if len(found) > MOST_COUNTED else list(found)


def _start(viewer: Actor, asked: Filters) -> str:
    """Where SQLite begins to look for the few: at other tables, at a filter with an index of its own that leaves few
    cards or is the only one, else at `ix_patient_filters`."""
    if asked.text or asked.open_bill or asked.booked:
        return "others"
    if asked.needs:
        return "needs"
    first, last = asked.registered_from, asked.registered_to or clock.today(viewer.clinic)
    if first is not None and last - first <= timedelta(NARROW_DAYS):
        return "registered"
    level = "district" if asked.district else "region"
    alone = Filters(region=asked.region, district=asked.district, sort=asked.sort, descending=asked.descending)
    return level if (asked.region or asked.district) and replace(asked, closed=False) == alone else "few"


def _counted(few: list[int] | None) -> tuple[int, bool]:
    return (MOST_COUNTED, True) if few is None else (len(few), False)


def _ordered(
    viewer: Actor, asked: Filters, limit: int, after: int | None, few: list[int] | None, *, is_page: bool = False
) -> Iterator[Patient]:
    """Cards in the order asked for, from behind the card `after`. Cards without a birth date come last.

    `is_page`: a page alone is wanted, not one after another.
    """
    column, down = SORTS[asked.sort or "name"], asked.descending
    last = db.session.get(Patient, after) if is_id(after) else None
    if after is not None and (last is None or last.clinic_id != viewer.clinic_id):
        return
    key = getattr(last, column.key) if last is not None else None
    is_far = few is None and is_page and _is_far(asked)
    if few is not None:
        query = select(Patient).where(_those(few))
    elif is_far:
        query = _matching(viewer, asked, select(Patient.id), "few")
    else:
        query = _matching(viewer, asked, select(Patient), "district" if asked.district else "region")
    left = limit
    if last is None or key is not None:
        first = query.where(column.is_not(None)) if column.nullable else query
        found_first = few is not None or is_far
        ordered = _from(first, func.coalesce(column, column) if found_first else column, down, key, after).limit(left)
        if is_far:
            ordered = _by(select(Patient).where(Patient.id.in_(ordered)), column, down)
        for row in db.session.scalars(ordered):
            left -= 1
            yield row
    if column.nullable and left:
        rest = query.where(column.is_(None))
        if last is not None and key is None:
            rest = rest.where(Patient.id < after if down else Patient.id > after)
        yield from db.session.scalars(rest.order_by(Patient.id.desc() if down else Patient.id).limit(left))


def _is_far(asked: Filters) -> bool:
    """Whether all that match may stand at the far end of the order: days of visits and the days of registration go
    together, and so do card numbers. Then even many are found by `ix_patient_filters`, which holds these orders too."""
    days = [asked.visited_from, asked.visited_to]
    if asked.sort == "card":
        days += [asked.registered_from, asked.registered_to]
    is_known = not (asked.text or asked.needs or asked.open_bill or asked.booked)
    return is_known and asked.sort in ("registered", "card") and any(day is not None for day in days)


def _those(ids: list[int]) -> ColumnElement[bool]:
    """One of many cards, as one value for the database to unpack."""
    if db.session.get_bind().dialect.name == "sqlite":
        return Patient.id.in_(
            text("SELECT value FROM json_each(:ids)").bindparams(ids=json.dumps(ids)).columns(column("value"))
        )
    return Patient.id == func.any(bindparam("ids", ids, type_=ARRAY(BigInteger)))


def _from(query: Select[Any], column: Any, down: bool, key: Any, after: int | None) -> Select[Any]:
    if after is not None:
        if down:
            query = query.where(column <= key, or_(column < key, and_(column == key, Patient.id < after)))
        else:
            query = query.where(column >= key, or_(column > key, and_(column == key, Patient.id > after)))
    return _by(query, column, down)


def _by(query: Select[Any], column: Any, down: bool) -> Select[Any]:
    return query.order_by(column.desc(), Patient.id.desc()) if down else query.order_by(column, Patient.id)


def _page_of_text(viewer: Actor, asked: Filters, limit: int, skip: int) -> Found:
    """Best matches first; what does not pass the filters is left out."""
    rows = search.find_patients(viewer.clinic_id, asked.text, limit=MOST_TEXT, closed=asked.closed)
    if asked.is_filtered and len(rows) == MOST_TEXT:
        return page(viewer, replace(asked, sort="name"), limit)
    if asked.is_filtered and rows:
        passing = set(core(_filtered(viewer, asked, select(Patient.id), "").where(_among(rows))).scalars())
        rows = [row for row in rows if row.id in passing]
    shown = rows[skip : skip + limit]
    more = skip + limit if len(rows) > skip + limit else None
    return Found(shown, None, more, last_visits(shown))


# ---------------------------------------------------------------------------------------------------------- filters


def _matching(viewer: Actor, asked: Filters, query: Select[Any], start: str) -> Select[Any]:
    """`query` with everything that is asked for. What the text brings is asked first: it leaves fewest.

    `start`: what SQLite is to start from: a filter with an index, "few" for `ix_patient_filters`, or "others" for what
    other tables say.
    """
    query = _filtered(viewer, asked, query, start)
    if not asked.text:
        return query
    rows = search.find_patients(viewer.clinic_id, asked.text, limit=MOST_TEXT, closed=asked.closed)
    return query.where(_among(rows) if len(rows) < MOST_TEXT else and_(*map(_has, search.plain(asked.text).split())))


def _has(word: str) -> ColumnElement[bool]:
    """The word stands in the card, for text that so many cards match that not all are listed first."""
    if db.session.get_bind().dialect.name == "sqlite" and len(word) >= search.TRIGRAM:
        index = "SELECT rowid FROM patient_search WHERE patient_search MATCH :asked"
        return Patient.id.in_(text(index).bindparams(asked=f'"{word}"').columns(column("rowid")))
    return Patient.folded.contains(word, autoescape=True)


def _among(rows: list[Patient]) -> ColumnElement[bool]:
    return Patient.id.in_([row.id for row in rows])


def _filtered(viewer: Actor, asked: Filters, query: Select[Any], start: str) -> Select[Any]:
    today = clock.today(viewer.clinic)
    here = Patient.clinic_id if start != "others" else _at("clinic", start, Patient.clinic_id)
    query = query.where(here == viewer.clinic_id, Patient.is_anonymous.is_(False))
    if not asked.closed:
        query = query.where(Patient.is_active)
    query = query.where(Patient.merged_into_id.is_(None))
    if asked.gender is not None:
        query = query.where(Patient.gender == asked.gender)
    if asked.district:
        query = query.where(_at("district", start, Patient.district_code) == asked.district)
    elif asked.region:
        query = query.where(_at("region", start, Patient.region_code) == asked.region)
    if asked.needs:
        query = query.where(literal_column("patient.special_needs") != literal_column("''"))
    born = _at("age", start, Patient.date_of_birth)
    if asked.age_from is not None:
        query = query.where(born <= _years_before(today, asked.age_from))
    if asked.age_to is not None:
        query = query.where(born > _years_before(today, asked.age_to + 1))
    made = _at("registered", start, Patient.created_at)
    if asked.registered_from is not None:
        query = query.where(made >= clock.day_bounds(asked.registered_from, viewer.clinic)[0])
    if asked.registered_to is not None:
        query = query.where(made < clock.day_bounds(asked.registered_to, viewer.clinic)[1])
    was_here = _at("few", start, Patient.last_visit_day)
    if asked.visited_from is not None:
        query = query.where(was_here >= asked.visited_from)
    if asked.visited_to is not None:
        query = query.where(was_here <= asked.visited_to)
    return _of_others(viewer, asked, query, today)


def _of_others(viewer: Actor, asked: Filters, query: Select[Any], today: date) -> Select[Any]:
    """What other tables know: bills, bookings."""
    here = viewer.clinic_id
    if asked.open_bill:
        due = select(Payment.patient_id).where(
            Payment.clinic_id == here,
            or_(Payment.status == PaymentStatus.PENDING, Payment.status == PaymentStatus.PARTIALLY_PAID),
            literal_column("payment.status IN ('PENDING', 'PARTIALLY_PAID')"),  # the words of the partial index
            Payment.self_pay_amount > Payment.amount_paid,
            exists().where(Visit.id == Payment.visit_id, Visit.status.in_(CAME)),
        )
        query = query.where(Patient.id.in_(due))
    if asked.booked:
        coming = select(Appointment.patient_id).where(
            Appointment.clinic_id == here, Appointment.day >= today, Appointment.status == AppointmentStatus.CONFIRMED
        )
        query = query.where(Patient.id.in_(coming))
    return query


def _at(name: str, start: str, column: Any) -> Any:
    """The column; with a plus sign, which no index answers to, where the search starts elsewhere."""
    is_told = db.session.get_bind().dialect.name == "sqlite" and name != start
    return UnaryExpression(column, operator=custom_op("+"), type_=column.type) if is_told else column


def _years_before(day: date, years: int) -> date:
    """The birthday of who turns `years` on `day`; born on 29 February counts from 1 March."""
    try:
        return day.replace(year=max(day.year - years, 1))
    except ValueError:
        return day.replace(year=max(day.year - years, 1), day=28)
