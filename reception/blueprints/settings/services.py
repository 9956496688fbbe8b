"""Services and prices: what is offered, how long it takes, what it costs from which day on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import g, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from wtforms import BooleanField, TextAreaField

from reception import clock
from reception.access import Permission, requires
from reception.blueprints import answers
from reception.blueprints.calendar_forms import day_of
from reception.blueprints.dialogs import new_key, wants_part
from reception.blueprints.fields import Amount, Choice, HouseForm, day, text, whole
from reception.blueprints.settings.frame import as_part, asked, bp, listing, posted_key, saved, seen, tried
from reception.domain import directory, edits
from reception.domain.errors import NotPossible, invalid_field
from reception.domain.locks import load, scoped
from reception.extensions import db
from reception.models import Department, Service, ServicePrice, ServiceType
from reception.transaction import run
from reception.words import N_


class ServiceForm(HouseForm):
    name = text(_l("Name"), needed=True)
    duration_min = whole(_l("Duration in minutes"), 1, 1440)
    service_type_id = Choice(_l("Type"))
    department_id = Choice(_l("Offered first in"))
    price = Amount(_l("Price"), render_kw={"inputmode": "decimal", "dir": "ltr"})
    description = TextAreaField(_l("Description"), filters=[lambda typed: typed or ""], render_kw={"rows": 3})
    is_active = BooleanField(_l("Offered"), default=True)

    @classmethod
    def of(cls, row: Service | None, **given: Any) -> ServiceForm:
        """The form of a new service asks its first price, that of an old one whether it is still offered."""
        form = cls(**given)
        del form["is_active" if row is None else "price"]
        departments = db.session.scalars(scoped(Department, g.actor.clinic_id).order_by(Department.code))
        form.department_id.offer(
            ((d.id, f"{d.code} · {d.name}") for d in departments if d.is_active or (row and d.id == row.department_id)),
            nothing=gettext("Every department"),
        )
        types = db.session.scalars(scoped(ServiceType, g.actor.clinic_id).order_by(ServiceType.name))
        form.service_type_id.offer(
            ((t.id, t.name) for t in types if t.is_active or (row and t.id == row.service_type_id)),
            nothing=gettext("None"),
        )
        return form

    @property
    def plain(self) -> dict[str, Any]:
        ids = {"department_id": self.department_id.number, "service_type_id": self.service_type_id.number}
        return {**self.values, **ids}


class PriceForm(HouseForm):
    price = Amount(_l("New price"), render_kw={"inputmode": "decimal", "dir": "ltr"})
    valid_from = day(_l("From"))
    valid_to = day(_l("Until"), needed=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """A service with what it costs today, and the price that is already set for later."""

    service: Service
    price: int | None
    later: ServicePrice | None


def offers() -> list[Offer]:
    """Every service of the clinic, those on offer first, by name."""
    today = clock.today(g.actor.clinic)
    query = scoped(Service, g.actor.clinic_id).order_by(Service.is_active.desc(), Service.name, Service.id)
    query = query.options(joinedload(Service.type))
    found = list(db.session.scalars(query))
    by_service: dict[int, list[ServicePrice]] = {}
    prices = select(ServicePrice).where(ServicePrice.clinic_id == g.actor.clinic_id).order_by(ServicePrice.valid_from)
    for price in db.session.scalars(prices):
        by_service.setdefault(price.service_id, []).append(price)
    return [_offer(service, by_service.get(service.id, []), today) for service in found]


def _offer(service: Service, prices: list[ServicePrice], today: date) -> Offer:
    now = [p for p in prices if p.valid_from <= today and (p.valid_to is None or p.valid_to >= today)]
    later = [p for p in prices if p.valid_from > today]
    return Offer(service, now[-1].price if now else None, later[0] if later else None)


@bp.get("/services")
@requires(Permission.SETTINGS)
def services() -> str:
    """Services with today's prices."""
    return listing("_services", offers=offers())


@bp.get("/services/new")
@requires(Permission.SETTINGS)
def services_new() -> Any:
    return _ask(ServiceForm.of(None, data={"duration_min": 15}), None)


@bp.get("/services/<int:ident>")
@requires(Permission.SETTINGS)
def services_edit(ident: int) -> Any:
    row = load(Service, ident, g.actor.clinic_id)
    return _ask(ServiceForm.of(row, obj=row), row)


@bp.post("/services")
@requires(Permission.SETTINGS)
def services_add() -> Any:
    form = ServiceForm.of(None, formdata=request.form)

    def act() -> Service:
        values = form.plain
        values["price"] = form.price.units(g.actor.clinic.currency)
        return run(directory.add_service, values.pop("name"), values.pop("price"), **values)

    _, error, status = tried(form, act)
    if status != 200:
        return _ask(form, None, error, status)
    return saved(gettext("The service is added."), "settings.services", part)


@bp.post("/services/<int:ident>")
@requires(Permission.SETTINGS)
def services_change(ident: int) -> Any:
    row = load(Service, ident, g.actor.clinic_id)
    form = ServiceForm.of(row, formdata=request.form)
    _, error, status = tried(form, lambda: run(directory.change_service, ident, seen=seen(), **form.plain))
    if status != 200:
        return _ask(form, load(Service, ident, g.actor.clinic_id), error, status)
    return saved(gettext("The service is changed."), "settings.services", part)


@bp.post("/services/<int:ident>/prices")
@requires(Permission.SETTINGS)
def services_price(ident: int) -> Any:
    """A price from a day on; bills written before keep theirs."""
    load(Service, ident, g.actor.clinic_id)
    form = PriceForm(request.form)

    def act() -> Service:
        amount = form.price.units(g.actor.clinic.currency)
        return run(directory.set_price, ident, amount, form.valid_from.data, form.valid_to.data)

    _, error, status = tried(form, act)
    row = load(Service, ident, g.actor.clinic_id)
    if status != 200:
        return _ask(ServiceForm.of(row, obj=row), row, "", status, price_form=form, price_error=error)
    return saved(gettext("The price is set."), "settings.services", part)


@bp.post("/services/prices/<int:price_id>/withdraw")
@requires(Permission.SETTINGS)
def services_withdraw(price_id: int) -> Any:
    """A price that has not begun does not come."""
    row = load(ServicePrice, price_id, g.actor.clinic_id)
    service_id, price, first, last = row.service_id, row.price, row.valid_from, row.valid_to
    run(directory.withdraw_price, price_id)
    more: dict[str, Any] = {"until": last.isoformat()} if last else {}
    undo: dict[str, object] = {
        "url": url_for("settings.services_back", ident=service_id, price=price, first=first.isoformat(), **more),
        "key": f"service-price-{price_id}.back",
        "version": "",
    }
    return _done(gettext("The price is withdrawn."), undo)


@bp.post("/services/<int:ident>/prices/back")
@requires(Permission.SETTINGS)
def services_back(ident: int) -> Any:
    """Undo of a withdrawal: the price of the address."""
    load(Service, ident, g.actor.clinic_id)
    price = request.args.get("price", "")
    if not (price.isascii() and price.isdigit() and len(price) < 16):
        raise invalid_field("price", N_("A price is zero or more."))
    first, until = day_of(request.args.get("first"), date.min), request.args.get("until")
    last = day_of(until, date.min) if until else None
    try:
        run(directory.put_price_back, ident, int(price), first, last)
    except NotPossible as refusal:
        return answers.refused(refusal)
    return _done(gettext("The price is set again."))


def _done(words: str, undo: dict[str, object] | None = None) -> Any:
    if undo is None or not wants_part():
        return saved(words, "settings.services", part)
    return answers.done(words, undo=undo, more=as_part(part()))


def part() -> str:
    return render_template("settings/_services.html", offers=offers())


def _ask(
    form: ServiceForm, row: Service | None, error: str = "", status: int = 200, *,
    price_form: PriceForm | None = None, price_error: str = "",
) -> Any:  # fmt: skip
    today = clock.today(g.actor.clinic)
    history = []
    if row is not None:
        query = scoped(ServicePrice, g.actor.clinic_id).where(ServicePrice.service_id == row.id)
        history = list(db.session.scalars(query.order_by(ServicePrice.valid_from.desc())))
    return asked(
        "_service", status, form=form, row=row, error=error, history=history, today=today,
        url=url_for("settings.services_change", ident=row.id) if row else url_for("settings.services_add"),
        price_form=price_form or PriceForm(data={"valid_from": today}), price_error=price_error,
        key=posted_key() if status != 200 and price_form is None else new_key(),
        price_key=posted_key() if price_form is not None else new_key(),
        seen=seen() if status == 422 and price_form is None else edits.version(row) if row else "",
    )  # fmt: skip
