"""Days on which the clinic is closed, with the public holidays proposed; rooms that are closed for a while."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import g, redirect, render_template, request, url_for
from flask_babel import get_locale, gettext, ngettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from werkzeug.wrappers import Response

from reception import clock, formats
from reception.access import Permission, requires
from reception.blueprints import answers, fields
from reception.blueprints.calendar_forms import day_of, rooms
from reception.blueprints.dialogs import new_key, wants_part
from reception.blueprints.fields import Choice, HouseForm, text, whole
from reception.blueprints.settings.frame import as_part, asked, bp, listing, posted_key, saved, tried
from reception.domain import clinic as clinic_verbs
from reception.domain.calendar import callups, closures, holidays_known, plans_undo
from reception.domain.errors import NotPossible, invalid_field
from reception.domain.locks import load
from reception.extensions import db
from reception.models import Clinic, ClosedDay, MaintenanceKind
from reception.transaction import run
from reception.words import N_

YEARS_AHEAD = 3


class DayForm(HouseForm):
    day = fields.day(_l("Day"))
    name = text(_l("What is on that day"), needed=True)


class CountryForm(HouseForm):
    holiday_country = Choice(_l("Country"))
    holiday_subdivision = Choice(_l("Part of the country"))
    horizon_weeks = whole(_l("Weeks ahead"), 1, 104)

    @classmethod
    def of(cls, row: Clinic, **given: Any) -> CountryForm:
        form = cls(**given)
        names = get_locale().territories
        known = sorted(((code, names.get(code, code)) for code in holidays_known.countries()), key=lambda p: p[1])
        form.holiday_country.offer(known, nothing=gettext("None"))
        chosen = form.holiday_country.data or ""
        form.holiday_subdivision.offer(
            ((part, part) for part in holidays_known.countries().get(chosen, ())), nothing=gettext("The whole country")
        )
        if chosen != row.holiday_country and given.get("formdata") is not None:
            form.holiday_subdivision.data = ""
        return form


class ClosureForm(HouseForm):
    aliases = {"starts_at": "begins", "room_id": "room"}

    room = Choice(_l("Room"))
    first = fields.day(_l("From the day"))
    begins = fields.clock(_l("At"))
    last = fields.day(_l("Until the day"))
    ends = fields.clock(_l("Until"))
    kind = Choice(_l("Why"))
    description = text(_l("What is done"))
    performed_by = text(_l("By whom"))

    def offer(self) -> None:
        self.room.offer((room.id, room.name) for room in rooms(g.actor))
        self.kind.offer((kind.value, formats.word(kind)) for kind in MaintenanceKind)


def _called(words: str) -> str:
    calls = callups.count(g.actor, clock.now())
    if not calls:
        return words
    hit = ngettext("%(num)s person is to be called.", "%(num)s people are to be called.", calls)
    return f"{words} {hit}"


def _clinic() -> Clinic:
    return db.session.scalars(select(Clinic).where(Clinic.id == g.actor.clinic_id)).one()


# ------------------------------------------------------------------------------------------------------- closed days


@bp.get("/closed-days", endpoint="holidays")
@requires(Permission.PLAN)
def holidays_index() -> str:
    """The closed days of a year, and what is proposed for it."""
    return listing("_closed_days", **_year(_asked_year()))


def _asked_year() -> int:
    this = clock.today(g.actor.clinic).year
    typed = request.values.get("year", "")
    year = int(typed) if typed.isascii() and typed.isdigit() and len(typed) == 4 else this
    return min(max(year, this), this + YEARS_AHEAD)


def _year(year: int) -> dict[str, Any]:
    row, today = _clinic(), clock.today(g.actor.clinic)
    closed = closures.closed_days(g.actor, max(date(year, 1, 1), today), date(year, 12, 31))
    found = holidays_known.proposed(row.holiday_country, row.holiday_subdivision, year, row.default_locale)
    known = {closed_day.day for closed_day in closed}
    return {
        "year": year,
        "years": range(today.year, today.year + YEARS_AHEAD + 1),
        "closed": closed,
        "proposed": [(day, name) for day, name in found.items() if day >= today and day not in known],
        "country": CountryForm.of(row, obj=row),
        "has_country": bool(row.holiday_country),
        "calls": callups.count(g.actor, clock.now()),
        "key": new_key(),
        "country_key": new_key(),
        "open_key": new_key(),
    }


def _days_saved(words: str, undo: dict[str, object] | None = None) -> Any:
    if not wants_part():
        return redirect(url_for("settings.holidays"), 303)
    part = as_part(render_template("settings/_closed_days.html", **_year(_asked_year())))
    return answers.done(_called(words), undo=undo, more=part)


@bp.post("/closed-days/country")
@requires(Permission.PLAN)
def holidays_country() -> Any:
    """Whose public holidays are proposed, and how far ahead weekly shifts are made."""
    form = CountryForm.of(_clinic(), formdata=request.form)
    _, error, status = tried(form, lambda: run(clinic_verbs.change_clinic, **form.values))
    if status != 200:
        raise invalid_field("holiday_country", error or N_("Choose from the list."))
    return _days_saved(gettext("The settings of the clinic are saved."))


@bp.post("/closed-days/accept")
@requires(Permission.PLAN)
def holidays_accept() -> Any:
    """Close the chosen days of the proposal."""
    row, year = _clinic(), _asked_year()
    found = holidays_known.proposed(row.holiday_country, row.holiday_subdivision, year, row.default_locale)
    chosen = {day: name for day, name in found.items() if day.isoformat() in request.form.getlist("day")}
    first = run(closures.close_days, chosen)
    words = ngettext("%(num)s day is closed.", "%(num)s days are closed.", len(chosen))
    return _days_saved(words, _undo_closing(first))


@bp.get("/closed-days/new")
@requires(Permission.PLAN)
def holidays_new() -> Any:
    return _ask_day(DayForm())


@bp.post("/closed-days")
@requires(Permission.PLAN)
def holidays_add() -> Any:
    form = DayForm(request.form)
    values: dict[str, Any] = form.values
    row, error, status = tried(form, lambda: run(closures.close_days, {values["day"]: values["name"]}))
    if status != 200:
        return _ask_day(form, error, status)
    return _days_saved(gettext("Closed: %(day)s", day=formats.full_date(form.day.data)), _undo_closing(row))


def _undo_closing(row: ClosedDay) -> dict[str, object]:
    url = url_for("settings.holidays_reopen", closed_day_id=row.id, year=_asked_year())
    return {"url": url, "key": f"{row.ref}.reopen", "version": ""}


@bp.post("/closed-days/<int:closed_day_id>/reopen")
@requires(Permission.PLAN)
def holidays_reopen(closed_day_id: int) -> Any:
    """Undo of a closing: of all days that were closed with this one."""
    try:
        number = run(plans_undo.reopen_days, closed_day_id)
    except NotPossible as refusal:
        return answers.refused(refusal)
    return _days_saved(_opened(number))


def _opened(number: int) -> str:
    return ngettext("%(num)s day is open again.", "%(num)s days are open again.", number)


def _ask_day(form: DayForm, error: str = "", status: int = 200) -> Response:
    return asked(
        "_closed_day", status, form=form, error=error, url=url_for("settings.holidays_add"),
        key=new_key() if status == 200 else posted_key(),
    )  # fmt: skip


@bp.post("/closed-days/<int:closed_day_id>/open")
@requires(Permission.PLAN)
def holidays_open(closed_day_id: int) -> Any:
    """The clinic works on that day."""
    return _open([closed_day_id])


@bp.post("/closed-days/open")
@requires(Permission.PLAN)
def holidays_open_some() -> Any:
    """The clinic works on the ticked days."""
    return _open(request.form.getlist("closed_day", type=int))


def _open(idents: list[int]) -> Any:
    rows = [load(ClosedDay, ident, g.actor.clinic_id) for ident in sorted(set(idents))]
    days = {row.day: row.name for row in rows}
    run(closures.open_days, [row.id for row in rows])
    words = gettext("The clinic is open on that day.") if len(days) == 1 else _opened(len(days))
    texts, names = [day.isoformat() for day in days], list(days.values())
    undo: dict[str, object] = {
        "url": url_for("settings.holidays_close_again", year=_asked_year(), day=texts, name=names),
        "key": f"closed-again.{new_key()}",
        "version": "",
    }
    return _days_saved(words, undo)


@bp.post("/closed-days/close-again")
@requires(Permission.PLAN)
def holidays_close_again() -> Any:
    """Undo of an opening: the days of the address are closed again under their names."""
    days = [day_of(text, clock.today(g.actor.clinic)) for text in request.args.getlist("day")]
    named = dict(zip(days, request.args.getlist("name"), strict=False))
    try:
        run(plans_undo.close_again, named)
    except NotPossible as refusal:
        return answers.refused(refusal)
    return _days_saved(ngettext("%(num)s day is closed.", "%(num)s days are closed.", len(named)))


# ------------------------------------------------------------------------------------------------------------- rooms


@bp.get("/closed-rooms", endpoint="closures")
@requires(Permission.PLAN)
def closures_index() -> str:
    """Rooms that are, or will be, closed for a while."""
    return listing("_closures", **_rows())


def _rows() -> dict[str, Any]:
    now = clock.now()
    return {"rows": closures.room_closures(g.actor, now), "calls": callups.count(g.actor, now), "now_at": now}


@bp.get("/closed-rooms/new")
@requires(Permission.PLAN)
def closures_new() -> Any:
    today, clinic = clock.today(g.actor.clinic), g.actor.clinic
    data = {"first": today, "last": today, "begins": clinic.opens_at, "ends": clinic.closes_at}
    data |= {"room": request.args.get("room")}
    return _ask_closure(ClosureForm(data=data))


@bp.post("/closed-rooms")
@requires(Permission.PLAN)
def closures_add() -> Any:
    form = ClosureForm(request.form)
    form.offer()

    def act() -> Any:
        values: dict[str, Any] = form.values
        starts_at = _instant(values["first"], values["begins"], "begins")
        ends_at = _instant(values["last"], values["ends"], "ends")
        return run(
            closures.close_room, form.room.number or 0, starts_at, ends_at, kind=MaintenanceKind(form.kind.data),
            description=values["description"], performed_by=values["performed_by"],
        )  # fmt: skip

    row, error, status = tried(form, act)
    if status != 200:
        return _ask_closure(form, error, status)
    return _room_saved(gettext("The room is closed for that time."), _undo("closures_end", row))


def _instant(day: date, wall: Any, field: str) -> Any:
    if (found := clock.instant(day, wall, g.actor.clinic)) is None:
        text = N_("There is no %(time)s on that day: the clocks are put forward.")
        raise invalid_field(field, text, time=f"{wall:%H:%M}")
    return found


def _ask_closure(form: ClosureForm, error: str = "", status: int = 200) -> Response:
    form.offer()
    return asked(
        "_closure", status, form=form, error=error, url=url_for("settings.closures_add"),
        key=new_key() if status == 200 else posted_key(),
    )  # fmt: skip


@bp.post("/closed-rooms/<int:closure_id>/end")
@requires(Permission.PLAN)
def closures_end(closure_id: int) -> Any:
    """The room is used again; `done`: the work is."""
    done = bool(request.form.get("done"))
    row = run(closures.end_closure, closure_id, done, about=("room_maintenance", closure_id))
    return _room_saved(gettext("The room is open again."), _undo("closures_restore", row))


@bp.post("/closed-rooms/<int:closure_id>/restore")
@requires(Permission.PLAN)
def closures_restore(closure_id: int) -> Any:
    """Undo of an ending."""
    run(closures.restore_closure, closure_id, about=("room_maintenance", closure_id))
    return _room_saved(gettext("The room is closed for that time."))


def _undo(act: str, row: Any) -> dict[str, object]:
    key = f"{row.ref}.{act}.{row.updated_at:%H%M%S%f}"
    return {"url": url_for(f"settings.{act}", closure_id=row.id), "key": key, "version": ""}


def _room_saved(words: str, undo: dict[str, object] | None = None) -> Any:
    def part() -> str:
        return render_template("settings/_closures.html", **_rows())

    if undo is None or not wants_part():
        return saved(_called(words), "settings.closures", part)
    return answers.done(_called(words), undo=undo, more=as_part(part()))
