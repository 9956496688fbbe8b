"""The price list: services, what kind they are, and what they cost from which day.

A service is known by its name. Prices of the past may come in with a new service; of one that stands, only prices from
today on are taken, because bills were written by the earlier ones. Each price ends the day before the next begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

from sqlalchemy import bindparam, select, update

from reception.clock import service_day
from reception.domain.actors import Actor
from reception.domain.directory import MOST_PRICE
from reception.domain.imports import bulk, values
from reception.domain.imports.columns import Column, column
from reception.domain.imports.kinds import Checked, Fault, Kind, Staged
from reception.extensions import Base, core, db
from reception.models import Department, Service, ServicePrice, ServiceType
from reception.words import N_

COLUMNS: tuple[Column, ...] = (
    column("service", N_("Service"), "name|service name|item|услуга|наименование услуги|наименование|название|название услуги|"
           "xizmat|xizmat nomi|nomi|хизмат|الخدمة|اسم الخدمة", needed=True),
    column("price", N_("Price"), "cost|amount|fee|tariff|цена|стоимость|тариф|сумма|narx|narxi|нарх|нархи|السعر|التكلفة", needed=True),
    column("valid_from", N_("Valid from"), "from|since|start|date|действует с|с|дата начала|дата|amal qilish sanasi|sana|"
           "ساري من|من تاريخ"),
    column("type", N_("Service type"), "type|category|group|вид|вид услуги|категория|группа|раздел|тип|turi|xizmat turi|guruh|"
           "نوع الخدمة|الفئة"),
    column("department", N_("Department"), "unit|отделение|отдел|bo'lim|бўлим|القسم"),
    column("minutes", N_("Minutes"), "duration|duration min|duration_min|length|длительность|продолжительность|минут|"
           "davomiyligi|daqiqa|المدة|الدقائق"),
    column("description", N_("Description"), "details|описание|tavsif|tavsifi|الوصف"),
    column("is_active", N_("In use"), "active|активна|действует|faol|مستخدم"),
)  # fmt: skip


class Prices(Kind):
    name = "prices"
    title = N_("Price list")
    columns = COLUMNS
    most = 100_000

    def __init__(self, actor: Actor, at: datetime, fields: frozenset[str], locale: str = "") -> None:
        super().__init__(actor, at, fields, locale)
        self._made: set[int] = set()
        self._touched: set[int] = set()

    def read(self, cells: dict[str, str]) -> Checked:
        name = values.needed(" ".join(values.line(cells["service"], 200, "service").split()), "service")
        currency = self.actor.clinic.currency
        begins = values.day(cells.get("valid_from", ""), "valid_from", self.actor.clinic.phone_region)
        found = {
            "service": name,
            "price": values.amount(cells["price"], "price", currency, MOST_PRICE),
            "valid_from": begins,
            "type": values.line(cells.get("type", ""), 200, "type"),
            "department": values.line(cells.get("department", ""), 200, "department"),
            "minutes": values.whole(cells.get("minutes", ""), "minutes", 1, 1440, nothing=15),
            "description": values.line(cells.get("description", ""), 2000, "description"),
            "is_active": values.yes(cells.get("is_active", ""), "is_active", nothing=True),
        }
        return Checked(found, [f"valid_from:{name.casefold()}:{begins or ''}"])

    # ---------------------------------------------------------------------------------------------------- comparing

    def compare(self, rows: list[Staged]) -> Iterator[Fault]:
        services, today = self._services, service_day(self.at, self.actor.clinic)
        standing = self._prices([s for row in rows if (s := services.get(row.values["service"].casefold()))])
        for row in rows:
            if (typed := row.values["department"]) and typed.casefold() not in self._departments:
                yield Fault(row.row, row.line, N_("There is no such department."), "department")
                continue
            service = services.get(row.values["service"].casefold())
            if service is None or service in self._made:
                continue
            prices, price, begins = standing.get(service, {}), row.values["price"], row.values["valid_from"]
            if begins is None:
                row.is_new = _on(prices, today) != price
                continue
            day = date.fromisoformat(begins)
            row.is_new = prices.get(day) != price
            if row.is_new and day < today:
                yield Fault(row.row, row.line, N_("A price cannot begin in the past."), "valid_from")

    @cached_property
    def _services(self) -> dict[str, int]:
        """The clinic's services by name."""
        here = select(Service.name, Service.id).where(Service.clinic_id == self.actor.clinic_id)
        return {name.casefold(): ident for name, ident in db.session.execute(here)}

    @cached_property
    def _departments(self) -> dict[str, int]:
        """Its departments by letter and by name."""
        here = select(Department.name, Department.code, Department.id)
        rows = db.session.execute(here.where(Department.clinic_id == self.actor.clinic_id)).all()
        by_code = {code.casefold(): ident for _, code, ident in rows}
        return by_code | {name.casefold(): ident for name, _, ident in rows}

    def _prices(self, services: list[int]) -> dict[int, dict[date, int]]:
        query = select(ServicePrice.service_id, ServicePrice.valid_from, ServicePrice.price)
        found: dict[int, dict[date, int]] = {}
        for service, begins, price in db.session.execute(query.where(ServicePrice.service_id.in_(services))):
            found.setdefault(service, {})[begins] = price
        return found

    # ------------------------------------------------------------------------------------------------------ storing

    def insert(self, rows: list[Staged]) -> None:
        services = self._services
        self._add_services([row for row in rows if row.values["service"].casefold() not in services])
        signed = bulk.signed(self.actor, self.at) | {"clinic_id": self.actor.clinic_id}
        today = service_day(self.at, self.actor.clinic)
        wanted = {}
        for row in rows:
            begins = date.fromisoformat(row.values["valid_from"]) if row.values["valid_from"] else today
            wanted[services[row.values["service"].casefold()], begins] = row.values["price"]
        standing = self._prices([service for service, _ in wanted])
        fresh = []
        for (service, begins), price in wanted.items():
            if begins in standing.get(service, {}):
                core(_CHANGE, {"service": service, "begins": begins, "new": price, "now": self.at})
            else:
                fresh.append({**signed, "service_id": service, "price": price, "valid_from": begins})
        bulk.insert(ServicePrice, fresh)
        self._touched.update(service for service, _ in wanted)

    def _add_services(self, rows: list[Staged]) -> None:
        first = {row.values["service"].casefold(): row.values for row in reversed(rows)}
        types = self._types({found["type"] for found in first.values()} - {""})
        signed = bulk.signed(self.actor, self.at) | {"clinic_id": self.actor.clinic_id}
        new = dict(zip(first, bulk.new_ids(Service, len(first)), strict=True))
        bulk.insert(
            Service,
            [
                {
                    **signed, "id": new[name], "name": found["service"], "description": found["description"],
                    "duration_min": found["minutes"], "is_active": found["is_active"],
                    "service_type_id": types.get(found["type"]),
                    "department_id": self._departments.get(found["department"].casefold()),
                }
                for name, found in first.items()
            ],
        )  # fmt: skip
        self._services.update(new)
        self._made.update(new.values())

    def _types(self, names: set[str]) -> dict[str, int]:
        """Ids of the kinds of service; missing ones are made."""
        here = select(ServiceType.name, ServiceType.id).where(ServiceType.clinic_id == self.actor.clinic_id)
        found = {name: ident for name, ident in db.session.execute(here.where(ServiceType.name.in_(names)))}
        missing = sorted(names - found.keys())
        signed = bulk.signed(self.actor, self.at) | {"clinic_id": self.actor.clinic_id}
        new = dict(zip(missing, bulk.new_ids(ServiceType, len(missing)), strict=True))
        bulk.insert(ServiceType, [{**signed, "id": ident, "name": name} for name, ident in new.items()])
        return found | new

    def finish(self, rows: Iterator[list[Staged]]) -> None:
        """Each price ends the day before the next one of its service."""
        touched = sorted(self._touched)
        for some in bulk.in_batches(touched):
            query = select(ServicePrice.id, ServicePrice.service_id, ServicePrice.valid_from, ServicePrice.valid_to)
            query = query.where(ServicePrice.service_id.in_(some))
            found = db.session.execute(query.order_by(ServicePrice.service_id, ServicePrice.valid_from)).all()
            ends: list[dict[str, Any]] = []
            for (ident, service, _, ended), (_, following, begins, _) in pairwise(found):
                if service == following and (ended is None or ended >= begins):
                    ends.append({"ended": ident, "last": begins - timedelta(days=1)})
            if ends:
                core(_END, ends)


_TABLE = Base.metadata.tables["service_price"]
_CHANGE = (
    update(_TABLE)
    .where(_TABLE.c.service_id == bindparam("service"), _TABLE.c.valid_from == bindparam("begins"))
    .values(price=bindparam("new"), updated_at=bindparam("now"))
)
_END = update(_TABLE).where(_TABLE.c.id == bindparam("ended")).values(valid_to=bindparam("last"))


def _on(prices: dict[date, int], day: date) -> int | None:
    """The price that is valid on `day`."""
    begun = [begins for begins in prices if begins <= day]
    return prices[max(begun)] if begun else None
