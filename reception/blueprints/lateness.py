"""A doctor runs late, or is ill today: said once at the desk, seen on desk, TV and tickets."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, redirect, request, url_for
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse
from wtforms import SelectField

from reception import clock, formats
from reception.access import Permission, requires
from reception.blueprints.calendar import changed
from reception.blueprints.calendar_forms import Blamed, Whole, grouped_doctors, number_of
from reception.blueprints.dialogs import dialog, new_key, same_key
from reception.domain.calendar import absences, callups
from reception.domain.errors import Invalid, NotAllowed, NotPossible, Refusal
from reception.domain.locks import load
from reception.domain.visits import queue
from reception.errors import field_sentences, is_htmx
from reception.extensions import db
from reception.models import AbsenceKind, Doctor
from reception.transaction import run
from reception.words import N_

bp = Blueprint("lateness", __name__, url_prefix="/late")

bp.add_app_template_global(lambda doctor, clinic: absences.late_today(doctor, clock.today(clinic)), "runs_late")

MINUTES = (10, 15, 20, 30, 45, 60, 90, 120)


class LateForm(Blamed):
    """Who, and by how much."""

    BLAME = {"doctor_id": "doctor"}

    doctor = SelectField(_l("Doctor"), validate_choice=False)
    minutes = Whole(_l("Minutes"))

    @classmethod
    def offering(cls, posted: MultiDict[str, str] | None = None, **values: Any) -> LateForm:
        form = cls(posted, data=values)
        form.doctor.choices = grouped_doctors(g.actor)
        if queue.is_bound(g.actor):
            own = str(g.actor.doctor_id)
            form.doctor.choices = [pair for group in form.doctor.choices.values() for pair in group if pair[0] == own]
            if posted is None:
                form.doctor.data = own
        return form

    @property
    def doctor_id(self) -> int:
        return number_of(self.doctor.data) or 0


@bp.get("")
@requires(Permission.TODAY)
def ask() -> Response:
    """Who runs late, and by how much; or is ill."""
    return _ask(LateForm.offering(doctor=request.args.get("doctor")), new_key())


@bp.post("")
@requires(Permission.TODAY)
def say() -> AnyResponse:
    """Say it; `ill`: not here for the rest of the day."""
    form = LateForm.offering(request.form)
    if not form.validate():
        return _ask(form, same_key(), status=422)
    try:
        _own_line(form.doctor_id)
        if request.form.get("ill"):
            return _ill(form.doctor_id)
        return _late(form.doctor_id, form.minutes.data or 0)
    except (Invalid, NotPossible) as refusal:
        form.blame(field_sentences(refusal))
        return _ask(form, same_key(refusal), refusal)


@bp.post("/<int:doctor_id>/<int:minutes>")
@requires(Permission.TODAY)
def again(doctor_id: int, minutes: int) -> AnyResponse:
    """The same by address: what Undo sends, and the button that takes it back."""
    _own_line(doctor_id)
    return _late(doctor_id, minutes)


@bp.post("/ill/<int:absence_id>/back")
@requires(Permission.TODAY)
def back(absence_id: int) -> AnyResponse:
    """The doctor is here after all."""
    row = run(absences.take_back, absence_id, about=("absence", absence_id))
    text = gettext(
        "%(name)s is here after all", name=formats.doctor_name(load(Doctor, row.doctor_id, g.actor.clinic_id))
    )
    return changed(text) if is_htmx() else redirect(url_for("desk.index"))


def _late(doctor_id: int, minutes: int) -> AnyResponse:
    before = absences.late_today(load(Doctor, doctor_id, g.actor.clinic_id), clock.today(g.actor.clinic))
    row = run(absences.run_late, doctor_id, minutes)
    if not is_htmx():
        return redirect(url_for("desk.index"))
    name = formats.doctor_name(row)
    undo: dict[str, object] = {
        "url": url_for("lateness.again", doctor_id=row.id, minutes=before),
        "key": f"{row.ref}.late.{row.updated_at:%H%M%S%f}",
        "version": "",
    }
    text = (
        gettext("%(doctor)s runs about %(count)s min late", doctor=name, count=minutes)
        if minutes
        else gettext("%(doctor)s is in time again", doctor=name)
    )
    return changed(text, undo=undo if before != minutes else None)


def _ill(doctor_id: int) -> AnyResponse:
    today = clock.today(g.actor.clinic)
    row = run(absences.enter, doctor_id, today, today, kind=AbsenceKind.SICK)
    if not is_htmx():
        return redirect(url_for("calls.index", doctor=doctor_id))
    text = gettext("%(doctor)s is away today.", doctor=formats.doctor_name(load(Doctor, doctor_id, g.actor.clinic_id)))
    calls = callups.count(g.actor, clock.now(), doctor_id)
    if calls:
        hit = ngettext("%(num)s person is to be called.", "%(num)s people are to be called.", calls)
        text = f"{text} {hit}"
    undo: dict[str, object] = {
        "url": url_for("lateness.back", absence_id=row.id),
        "key": f"{row.ref}.back",
        "version": "",
    }
    return changed(text, undo=undo)


def _own_line(doctor_id: int) -> None:
    """Who is only a doctor says it of himself."""
    load(Doctor, doctor_id, g.actor.clinic_id)
    db.session.rollback()
    if queue.is_bound(g.actor) and g.actor.doctor_id != doctor_id:
        raise NotAllowed(N_("This is another doctor's line."))


def _ask(form: LateForm, key: str, refusal: Refusal | None = None, status: int = 200) -> Response:
    today = clock.today(g.actor.clinic)
    late = db.session.scalars(
        select(Doctor)
        .where(Doctor.clinic_id == g.actor.clinic_id, Doctor.late_day == today, Doctor.late_minutes > 0)
        .order_by(Doctor.last_name, Doctor.id)
    ).all()
    return dialog(
        "late/_late.html", N_("Late or ill"), form=form, key=key, minutes=MINUTES, late=late, refusal=refusal,
        status=status,
    )  # fmt: skip
