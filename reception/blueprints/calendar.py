"""The calendar page, and the shifts of doctors. Booking and appointments hang their routes into the same blueprint."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from reception import clock, formats, live
from reception.access import Permission, may, requires
from reception.blueprints import answers, calendar_grid
from reception.blueprints.calendar_forms import SeatForm, ShiftForm, day_of, number_of
from reception.blueprints.calendar_look import Look
from reception.blueprints.dialogs import dialog, new_key, same_key, wants_part
from reception.domain.calendar import schedules, shift_rooms
from reception.domain.errors import Invalid, NotPossible, Refusal
from reception.domain.locks import load
from reception.errors import field_sentences, is_htmx
from reception.extensions import db
from reception.models import Schedule
from reception.transaction import run
from reception.words import N_

bp = Blueprint("calendar", __name__, url_prefix="/calendar")


@bp.get("")
@requires(Permission.CALENDAR)
def index() -> str:
    """A day, a week or a month by doctor or room, or a day as a list; a part of it for htmx, else the page."""
    today = clock.today(g.actor.clinic)
    look = Look.of(request.args, today)
    names = [f"calendar-{day}" for day in look.days]
    versions = live.versions(g.actor.clinic_id, names)
    context = calendar_grid.context(look, clock.now())
    return render_template(
        context["part"] if wants_part() else "calendar/index.html",
        look=look,
        day=look.day,
        today=today,
        signals=" ".join(names),
        v=" ".join(str(versions[name]) for name in names),
        viewer=g.actor,
        may_book=may(g.actor, Permission.BOOK),
        may_plan=may(g.actor, Permission.SHIFTS) and look.day >= today,
        **context,
    )


def changed(text: str, **more: Any) -> Response:
    """The toast of an act; an open day list asks for itself again."""
    answer = answers.done(text, **more)
    answer.headers["HX-Trigger"] = "rx:close-dialog, rx:calendar"
    return answer


def to_day(day: date) -> AnyResponse:
    """Where a plain form goes on."""
    return redirect(url_for("calendar.index", view="day", date=day.isoformat()))


# ----------------------------------------------------------------------------------------------------------- shifts


@bp.get("/shifts/new")
@requires(Permission.SHIFTS)
def shift() -> Response:
    """The dialog that opens a shift."""
    day = day_of(request.args.get("date"), clock.today(g.actor.clinic))
    return _shift(ShiftForm.offering(g.actor, day=day, doctor=request.args.get("doctor")), new_key())


@bp.post("/shifts/new")
@requires(Permission.SHIFTS)
def open_shift() -> AnyResponse:
    """Open a shift by the clinic's clock."""
    form = ShiftForm.offering(g.actor, request.form)
    if not form.validate():
        return _shift(form, same_key(), status=422)
    try:
        row = run(schedules.plan, **form.values)
    except (Invalid, NotPossible) as refusal:
        form.blame(field_sentences(refusal))
        return _shift(form, same_key(refusal), refusal)
    if not is_htmx():
        return to_day(row.day)
    return changed(gettext("Shift opened: %(text)s", text=_said(row)))


def _shift(form: ShiftForm, key: str, refusal: Refusal | None = None, status: int = 200) -> Response:
    return dialog("calendar/_shift.html", N_("Open a shift"), form=form, key=key, refusal=refusal, status=status)


@bp.get("/shifts/<int:schedule_id>")
@requires(Permission.SHIFTS)
def one_shift(schedule_id: int) -> Response:
    """The shift with what can be done with it: another room, closing."""
    row = load(Schedule, schedule_id, g.actor.clinic_id)
    return _one_shift(row, SeatForm.offering(g.actor, row))


@bp.post("/shifts/<int:schedule_id>/room")
@requires(Permission.SHIFTS)
def seat_shift(schedule_id: int) -> AnyResponse:
    """Give the shift the room `room`; none where it is empty."""
    former = load(Schedule, schedule_id, g.actor.clinic_id).room_id
    room_id = number_of(request.values.get("room"))
    try:
        row = run(shift_rooms.give_room, schedule_id, room_id, about=("schedule", schedule_id))
    except NotPossible as refusal:
        db.session.rollback()
        if "key" in request.form and is_htmx() and "room" in request.args:
            return answers.refused(refusal)
        row = load(Schedule, schedule_id, g.actor.clinic_id)
        return _one_shift(row, SeatForm.offering(g.actor, row, request.form), refusal)
    if not is_htmx():
        return to_day(row.day)
    undo: dict[str, object] = {
        "url": url_for("calendar.seat_shift", schedule_id=row.id, room=former or ""),
        "key": f"{row.ref}.room.{row.updated_at:%s%f}",
        "version": "",
    }
    room = gettext("Room %(room)s", room=row.room.name) if row.room else gettext("No room")
    return changed(gettext("%(room)s now: %(text)s", room=room, text=_said(row)), undo=undo)


def _one_shift(row: Schedule, form: SeatForm, refusal: Refusal | None = None) -> Response:
    return dialog(
        "calendar/_one_shift.html",
        N_("Shift"),
        shift=row,
        form=form,
        booked=schedules.booked(row),
        can_change=row.is_open and row.ends_at > clock.now(),
        refusal=refusal,
    )


@bp.post("/shifts/<int:schedule_id>/close")
@requires(Permission.SHIFTS)
def close_shift(schedule_id: int) -> AnyResponse:
    """Close a shift in which nobody is booked."""
    row = run(schedules.close, schedule_id, about=("schedule", schedule_id))
    if not is_htmx():
        return to_day(row.day)
    undo: dict[str, object] = {
        "url": url_for("calendar.reopen_shift", schedule_id=row.id),
        "key": f"{row.ref}.reopen.{row.updated_at:%s%f}",
        "version": "",
    }
    return changed(gettext("Shift closed: %(text)s", text=_said(row)), undo=undo)


@bp.post("/shifts/<int:schedule_id>/reopen")
@requires(Permission.SHIFTS)
def reopen_shift(schedule_id: int) -> AnyResponse:
    """Take the closing back."""
    row = run(schedules.reopen, schedule_id, about=("schedule", schedule_id))
    return changed(gettext("Shift opened: %(text)s", text=_said(row))) if is_htmx() else to_day(row.day)


def _said(row: Schedule) -> str:
    return gettext(
        "%(doctor)s, %(day)s %(first)s–%(last)s",
        doctor=formats.doctor_name(row.doctor),
        day=formats.near_day(row.day),
        first=formats.time(row.starts_at),
        last=formats.time(row.ends_at),
    )
