"""The plain lists that everybody may open: doctors, services, rooms."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, g, make_response, render_template, request
from flask_babel import lazy_gettext as _l

from reception import clock
from reception.access import Permission, may, requires
from reception.blueprints import fields
from reception.blueprints.api import shapes
from reception.blueprints.api.values import stamp
from reception.blueprints.dialogs import wants_part
from reception.blueprints.fields import HouseForm
from reception.domain import doctor_card, whereabouts
from reception.domain.errors import Invalid, invalid_field
from reception.models import Doctor
from reception.words import N_

bp = Blueprint("directory", __name__)

MOST_DAYS = 366
EARLIEST, LATEST = date(2000, 1, 1), date(2199, 12, 31)


class PeriodForm(HouseForm):
    """The period of a doctor's income."""

    first = fields.day(_l("From"))
    last = fields.day(_l("Until"))


@bp.get("/doctors")
@requires(Permission.DIRECTORY)
def doctors() -> str:
    """Doctors by department, with their line of today."""
    return render_template("directory/doctors.html", groups=whereabouts.doctors(g.actor), viewer=g.actor)


@bp.get("/doctors/<int:doctor_id>")
@requires(Permission.DIRECTORY)
def doctor(doctor_id: int) -> Any:
    """One doctor: where, how to reach, when at work and how full, what is offered; for who may see it, the income."""
    found, today = whereabouts.doctor(g.actor, doctor_id)
    this = clock.today(g.actor.clinic)
    day = _day(request.args.get("week", ""), this)
    first = doctor_card.monday(day or this)
    money = _income(found, this) if may(g.actor, Permission.FINANCE) else {}
    html = render_template(
        "directory/doctor.html", doctor=found, today=today, viewer=g.actor, this=this, wrong_week=day is None,
        week=doctor_card.week(g.actor, found, first, clock.now()), first=first, last=first + timedelta(days=6),
        earlier=first - doctor_card.WEEK, later=first + doctor_card.WEEK,
        offers=doctor_card.offers(g.actor, found, this), **money,
    )  # fmt: skip
    return make_response(html, 422 if day is None or money.get("wrong") else 200)


def _day(text: str, today: date) -> date | None:
    """The day of the address; None for what is none, or is out of reach."""
    try:
        day = date.fromisoformat(text) if text else today
    except ValueError:
        return None
    return day if EARLIEST <= day <= LATEST else None


def _income(found: Doctor, today: date) -> dict[str, Any]:
    """The form of the period and what it comes to; a period that makes no sense is marked and shows nothing."""
    asked = "first" in request.args or "last" in request.args
    form = PeriodForm(request.args if asked else None, data={"first": today.replace(day=1), "last": today})
    period = (today.replace(day=1), today) if not asked else _period(form)
    income = doctor_card.income(g.actor, found, *period) if period else None
    return {"form": form, "income": income, "wrong": period is None, "dues": may(g.actor, Permission.DUES)}


def _period(form: PeriodForm) -> tuple[date, date] | None:
    """The first and last day; None where they make no sense, which the form then says."""
    first, last = (form.first.data, form.last.data) if form.validate() else (None, None)
    if first is None or last is None:
        return None
    refusal: Invalid | None = None
    if not EARLIEST <= first <= LATEST or not EARLIEST <= last <= LATEST:
        refusal = invalid_field("last" if EARLIEST <= first <= LATEST else "first", N_("This day is out of reach."))
    elif last < first:
        refusal = invalid_field("last", N_("The last day is before the first."))
    elif (last - first).days > MOST_DAYS:
        refusal = invalid_field("last", N_("That is too long a time. Please choose at most a year."))
    if refusal is not None:
        form.blame(refusal)
    return (first, last) if refusal is None else None


@bp.get("/services")
@requires(Permission.DIRECTORY)
def services() -> str:
    """What is offered, how long it takes, what it costs today and next."""
    return render_template("directory/services.html", offers=whereabouts.services(g.actor), viewer=g.actor)


@bp.get("/services/<int:service_id>")
@requires(Permission.DIRECTORY)
def service(service_id: int) -> str:
    """One service and all its prices."""
    found, department, prices = whereabouts.service(g.actor, service_id)
    today = clock.today(g.actor.clinic)
    return render_template(
        "directory/service.html", service=found, department=department, prices=prices, today=today, viewer=g.actor
    )


@bp.get("/rooms")
@requires(Permission.DIRECTORY)
def rooms() -> str:
    """Rooms and who is in each now; the list alone for a screen that asks again."""
    template = "directory/_rooms.html" if wants_part() else "directory/rooms.html"
    names = may(g.actor, Permission.PATIENTS)
    return render_template(template, rooms=whereabouts.rooms(g.actor), viewer=g.actor, names=names, now_at=clock.now())


@bp.get("/rooms/status_now")
@requires(Permission.QUEUE)
def rooms_status_now() -> dict[str, Any]:
    """The same as JSON for who is signed in, in the shape of the API: tickets, no names of patients."""
    cards = whereabouts.rooms(g.actor)
    return {"at": stamp(clock.now()), "items": [shapes.room_now(card.room, card.now) for card in cards]}
