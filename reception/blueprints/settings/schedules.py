"""Schedules: the week of each doctor, and when a doctor is away. Changing either shows who is to be called."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Literal

from babel.dates import get_day_names
from flask import g, redirect, render_template, request, url_for
from flask_babel import get_locale, gettext, ngettext
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response
from wtforms import SelectMultipleField

from reception import clock, formats
from reception.access import Permission, requires
from reception.blueprints import answers, fields
from reception.blueprints.calendar_forms import grouped_doctors, number_of, rooms
from reception.blueprints.dialogs import new_key, wants_part
from reception.blueprints.fields import Choice, HouseForm, text, whole
from reception.blueprints.settings.frame import as_part, asked, bp, listing, posted_key, tried
from reception.domain import offers
from reception.domain.calendar import absences, callups, plans_undo, templates, templates_made
from reception.domain.calendar.templates import Weekly
from reception.domain.errors import NotPossible
from reception.domain.locks import load
from reception.models import AbsenceKind, Doctor, Room, ScheduleTemplate
from reception.transaction import run


class _Weekdays(SelectMultipleField):
    """Days of the week to tick."""

    def __init__(self, label: Any, **more: Any) -> None:
        super().__init__(label, coerce=str, validate_choice=False, **more)

    @property
    def offered(self) -> list[tuple[str, str]]:
        return [(str(number), name) for number, name in weekdays()]

    @property
    def numbers(self) -> list[int]:
        return [int(value) for value in self.data or () if value in list("0123456")]


def weekdays(width: Literal["wide", "abbreviated"] = "wide") -> list[tuple[int, str]]:
    """Monday to Sunday as the reader's language calls them; alone they begin large."""
    names = get_day_names(width, context="stand-alone", locale=get_locale())
    return [(number, names[number][:1].upper() + names[number][1:]) for number in range(7)]


class TemplateForm(HouseForm):
    aliases = {"room_id": "room"}

    weekdays = _Weekdays(_l("Days of the week"))
    begins = fields.clock(_l("From"))
    ends = fields.clock(_l("Until"))
    room = Choice(_l("Room"))
    slot_minutes = whole(_l("Slot, minutes"), 1, 1440)
    capacity = whole(_l("Patients in a slot"), 1, 100)
    valid_from = fields.day(_l("First day"))
    valid_to = fields.day(_l("Last day"), needed=False)
    from_day = fields.day(_l("The change holds from"))

    @classmethod
    def of(cls, row: ScheduleTemplate | None, **given: Any) -> TemplateForm:
        form = cls(**given)
        known = rooms(g.actor)
        own = row.room_id if row else None
        if own and own not in {room.id for room in known}:
            known.append(load(Room, own, g.actor.clinic_id))
        form.room.offer(((room.id, room.name) for room in known), nothing=gettext("No room"))
        for name in ("weekdays", "valid_from") if row else ("from_day",):
            del form[name]
        return form

    @property
    def weekly(self) -> Weekly:
        values: dict[str, Any] = self.values
        first = values.get("from_day") or values["valid_from"]
        same = ("begins", "ends", "valid_to", "slot_minutes", "capacity")
        return Weekly(valid_from=first, room_id=self.room.number, **{name: values[name] for name in same})


class EndForm(HouseForm):
    last_day = fields.day(_l("The last day"))


class CopyForm(HouseForm):
    to_doctor = Choice(_l("To the doctor"))
    from_day = fields.day(_l("From the day"))


class AbsenceForm(HouseForm):
    aliases = {"doctor_id": "doctor"}

    first = fields.day(_l("From the day"))
    begins = fields.clock(_l("At (else the whole day)"), needed=False)
    last = fields.day(_l("Until the day"))
    ends = fields.clock(_l("Until (else the whole day)"), needed=False)
    kind = Choice(_l("Why"))
    note = text(_l("Note"))

    def offer(self) -> None:
        self.kind.offer((kind.value, formats.word(kind)) for kind in AbsenceKind)


def span(row: Any) -> str:
    """From when to when, as people say it: whole days without hours, one day once."""
    clinic = g.actor.clinic
    first, last = clock.service_day(row.starts_at, clinic), clock.service_day(row.ends_at, clinic)
    if row.starts_at == clock.day_bounds(first, clinic)[0] and row.ends_at == clock.day_bounds(last, clinic)[0]:
        last -= timedelta(days=1)
        return formats.day(first) if first == last else f"{formats.day(first)} – {formats.day(last)}"
    ends = formats.time(row.ends_at) if first == last else f"{formats.day(last)} {formats.time(row.ends_at)}"
    return f"{formats.day(first)} {formats.time(row.starts_at)} – {ends}"


bp.add_app_template_global(span, "plan_span")


def _today() -> date:
    return clock.today(g.actor.clinic)


# ------------------------------------------------------------------------------------------------------------ lists


@bp.get("/schedules", endpoint="schedules")
@requires(Permission.PLAN)
def schedules_index() -> str:
    """Every doctor with the week in few words."""
    today = _today()
    away = {row.doctor_id: row for row in reversed(absences.coming(g.actor, clock.now()))}
    groups = [
        (department, [(doctor, _by_weekday(doctor.id, today), away.get(doctor.id)) for doctor in doctors])
        for department, doctors in offers.by_department(g.actor)
        if doctors
    ]
    return listing(
        "_schedules", groups=groups, weekdays=weekdays("abbreviated"), calls=callups.count(g.actor, clock.now())
    )


def _by_weekday(doctor_id: int, today: date) -> dict[int, list[ScheduleTemplate]]:
    week: dict[int, list[ScheduleTemplate]] = {number: [] for number in range(7)}
    for row in templates.of_doctor(g.actor, doctor_id, today):
        week[row.weekday].append(row)
    return week


@bp.get("/schedules/<int:doctor_id>")
@requires(Permission.PLAN)
def schedules_doctor(doctor_id: int) -> str:
    """The week of one doctor, and the absences."""
    return listing("_schedule", **_schedule(doctor_id))


def _schedule(doctor_id: int) -> dict[str, Any]:
    doctor, today = load(Doctor, doctor_id, g.actor.clinic_id), _today()
    week = _by_weekday(doctor.id, today)
    return {
        "doctor": doctor,
        "week": [(name, week[number]) for number, name in weekdays()],
        "gaps": {row.id: templates_made.gaps(g.actor, row, today) for rows in week.values() for row in rows},
        "absences": absences.coming(g.actor, clock.now(), doctor.id),
        "calls": callups.count(g.actor, clock.now(), doctor.id),
        "today": today,
    }


def _saved(words: str, doctor_id: int, undo: dict[str, object] | None = None) -> Response:
    """The toast, with how many people are to be called now, and the page anew."""
    if not wants_part():
        return redirect(url_for("settings.schedules_doctor", doctor_id=doctor_id), 303)
    context = _schedule(doctor_id)
    if context["calls"]:
        hit = ngettext("%(num)s person is to be called.", "%(num)s people are to be called.", context["calls"])
        words = f"{words} {hit}"
    return answers.done(words, undo=undo, more=as_part(render_template("settings/_schedule.html", **context)))


# ----------------------------------------------------------------------------------------------------- weekly shifts


@bp.get("/schedules/<int:doctor_id>/new")
@requires(Permission.PLAN)
def schedules_new(doctor_id: int) -> Any:
    """The form of a new weekly shift, on the days `weekday`."""
    doctor, clinic = load(Doctor, doctor_id, g.actor.clinic_id), g.actor.clinic
    data = {
        "begins": clinic.opens_at, "ends": clinic.closes_at, "slot_minutes": 15, "capacity": 1, "valid_from": _today(),
        "room": doctor.room_id, "weekdays": request.args.getlist("weekday"),
    }  # fmt: skip
    return _ask(doctor, None, TemplateForm.of(None, data=data))


@bp.post("/schedules/<int:doctor_id>")
@requires(Permission.PLAN)
def schedules_add(doctor_id: int) -> Any:
    doctor = load(Doctor, doctor_id, g.actor.clinic_id)
    form = TemplateForm.of(None, formdata=request.form)
    row, error, status = tried(form, lambda: run(templates.add, doctor_id, form.weekdays.numbers, form.weekly))
    if status != 200:
        return _ask(doctor, None, form, error, status)
    undo = None if len(form.weekdays.numbers) > 1 else _undo("end", row)
    return _saved(gettext("The weekly shift is entered."), doctor_id, undo)


@bp.get("/schedules/shifts/<int:template_id>")
@requires(Permission.PLAN)
def schedules_edit(template_id: int) -> Any:
    """The form of a weekly shift: changed, or ended."""
    row = load(ScheduleTemplate, template_id, g.actor.clinic_id)
    data = {name: getattr(row, name) for name in ("begins", "ends", "slot_minutes", "capacity", "valid_to")}
    first = max(_today(), row.valid_from)
    form = TemplateForm.of(row, data=data | {"room": row.room_id, "from_day": first})
    return _ask(load(Doctor, row.doctor_id, g.actor.clinic_id), row, form)


@bp.post("/schedules/shifts/<int:template_id>")
@requires(Permission.PLAN)
def schedules_change(template_id: int) -> Any:
    row = load(ScheduleTemplate, template_id, g.actor.clinic_id)
    doctor_id, form = row.doctor_id, TemplateForm.of(row, formdata=request.form)
    version = request.form.get("version", type=int)

    def act() -> Any:
        return run(templates.change, template_id, form.weekly.valid_from, form.weekly, version=version)

    changed, error, status = tried(form, act)
    if status != 200:
        row = load(ScheduleTemplate, template_id, g.actor.clinic_id)
        return _ask(load(Doctor, doctor_id, g.actor.clinic_id), row, form, error, status)
    return _saved(gettext("The weekly shift is changed."), doctor_id, _undo("take_back", changed))


@bp.post("/schedules/shifts/<int:template_id>/end")
@requires(Permission.PLAN)
def schedules_end(template_id: int) -> Any:
    """No more of it after `last_day` (without one: from today on)."""
    form = EndForm(request.form)
    last = form.last_day.data or _today() - timedelta(days=1)
    row = run(templates.end, template_id, last, version=request.form.get("version", type=int))
    return _saved(gettext("The weekly shift is ended."), row.doctor_id, _undo("take_back", row))


@bp.post("/schedules/shifts/<int:template_id>/take-back")
@requires(Permission.PLAN)
def schedules_take_back(template_id: int) -> Any:
    """Undo of a change or an ending."""
    try:
        row = run(plans_undo.take_back, template_id, about=("schedule_template", template_id))
    except NotPossible as refusal:
        return answers.refused(refusal)
    return _saved(gettext("The weekly shift is as it was."), row.doctor_id)


def _undo(act: str, row: ScheduleTemplate) -> dict[str, object]:
    return {
        "url": url_for(f"settings.schedules_{act}", template_id=row.id),
        "key": f"{row.ref}.{act}.{row.version}",
        "version": row.version,
    }


def _ask(
    doctor: Doctor, row: ScheduleTemplate | None, form: TemplateForm, error: str = "", status: int = 200
) -> Response:  # fmt: skip
    url = (
        url_for("settings.schedules_change", template_id=row.id)
        if row
        else url_for("settings.schedules_add", doctor_id=doctor.id)
    )
    return asked(
        "_template", status, doctor=doctor, row=row, form=form, error=error, url=url,
        key=new_key() if status == 200 else posted_key(),
        weekday=dict(weekdays())[row.weekday] if row else "",
    )  # fmt: skip


# -------------------------------------------------------------------------------------------------------- copy a week


@bp.get("/schedules/<int:doctor_id>/copy")
@requires(Permission.PLAN)
def schedules_copy(doctor_id: int) -> Any:
    """To whom the week is copied."""
    return _ask_copy(doctor_id, CopyForm(data={"from_day": _today()}))


@bp.post("/schedules/<int:doctor_id>/copy")
@requires(Permission.PLAN)
def schedules_copied(doctor_id: int) -> Any:
    form = CopyForm(request.form)
    _offer_doctors(form, doctor_id)
    target, values = number_of(form.to_doctor.data) or 0, form.values
    _, error, status = tried(form, lambda: run(templates.copy_week, doctor_id, target, values["from_day"]))
    if status != 200:
        return _ask_copy(doctor_id, form, error, status)
    return _saved(gettext("The week is copied."), target)


def _ask_copy(doctor_id: int, form: CopyForm, error: str = "", status: int = 200) -> Response:
    doctor = load(Doctor, doctor_id, g.actor.clinic_id)
    _offer_doctors(form, doctor_id)
    return asked(
        "_schedule_copy", status, doctor=doctor, form=form, error=error,
        url=url_for("settings.schedules_copied", doctor_id=doctor_id),
        key=new_key() if status == 200 else posted_key(),
    )  # fmt: skip


def _offer_doctors(form: CopyForm, doctor_id: int) -> None:
    every = (pair for group in grouped_doctors(g.actor).values() for pair in group)
    form.to_doctor.offer(pair for pair in every if pair[0] != str(doctor_id))


# ----------------------------------------------------------------------------------------------------------- absences


@bp.get("/schedules/<int:doctor_id>/away")
@requires(Permission.PLAN)
def schedules_away(doctor_id: int) -> Any:
    """When the doctor is away."""
    return _ask_absence(doctor_id, AbsenceForm(data={"first": _today(), "last": _today()}))


@bp.post("/schedules/<int:doctor_id>/away")
@requires(Permission.PLAN)
def schedules_absent(doctor_id: int) -> Any:
    form = AbsenceForm(request.form)
    form.offer()

    def act() -> Any:
        values = form.values
        first, last = values.pop("first"), values.pop("last")
        return run(absences.enter, doctor_id, first, last, **values | {"kind": AbsenceKind(form.kind.data)})

    row, error, status = tried(form, act)
    if status != 200:
        return _ask_absence(doctor_id, form, error, status)
    return _saved(gettext("The absence is entered."), doctor_id, _undo_absence("schedules_back", row))


def _ask_absence(doctor_id: int, form: AbsenceForm, error: str = "", status: int = 200) -> Response:
    form.offer()
    return asked(
        "_absence", status, doctor=load(Doctor, doctor_id, g.actor.clinic_id), form=form, error=error,
        url=url_for("settings.schedules_absent", doctor_id=doctor_id),
        key=new_key() if status == 200 else posted_key(),
    )  # fmt: skip


@bp.post("/schedules/absences/<int:absence_id>/back")
@requires(Permission.PLAN)
def schedules_back(absence_id: int) -> Any:
    """The doctor is not away after all."""
    row = run(absences.take_back, absence_id, about=("absence", absence_id))
    return _saved(gettext("The absence is taken back."), row.doctor_id, _undo_absence("schedules_restore", row))


@bp.post("/schedules/absences/<int:absence_id>/restore")
@requires(Permission.PLAN)
def schedules_restore(absence_id: int) -> Any:
    """Undo of a taking back."""
    row = run(absences.restore, absence_id, about=("absence", absence_id))
    return _saved(gettext("The absence is entered."), row.doctor_id)


def _undo_absence(act: str, row: Any) -> dict[str, object]:
    key = f"{row.ref}.{act}.{row.updated_at:%H%M%S%f}"
    return {"url": url_for(f"settings.{act}", absence_id=row.id), "key": key, "version": ""}
