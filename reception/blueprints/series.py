"""A series of appointments: its dates before it is booked, what was booked and what was not, cancelling what follows."""

from __future__ import annotations

from typing import Any

from flask import Response, g, request
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from reception import clock, formats
from reception.access import Permission, requires
from reception.blueprints import answers
from reception.blueprints.booking import booked, chosen, patient_of, person_of, refused
from reception.blueprints.booking_form import BookingForm
from reception.blueprints.calendar import bp, changed, to_day
from reception.blueprints.dialogs import dialog, same_key
from reception.blueprints.patient_form import QuickForm
from reception.domain.calendar import series
from reception.domain.errors import Invalid, NotPossible
from reception.errors import is_htmx
from reception.extensions import db
from reception.models import Doctor, Patient, Service
from reception.transaction import run
from reception.words import N_

OURS = frozenset({"csrf_token", "key", "after"})


@bp.post("/series/weeks")
@requires(Permission.BOOK, reads=True)
def weeks() -> AnyResponse:
    """The dates of the series that the booking form speaks of: which fit and which do not."""
    form = BookingForm.offering(g.actor, request.form)
    patient = patient_of(request.form)
    person = person_of(patient)
    form.validate()
    return show_weeks(form, patient, person)


def show_weeks(form: BookingForm, patient: Patient | None, person: QuickForm | None) -> Response:
    """The dialog with the dates; the booking form itself where something of it is missing."""
    try:
        doctor_id, starts_at = chosen(form, patient, person)
        found = series.preview(
            g.actor, doctor_id, form.service_id or 0, starts_at, form.weeks.data or 0, at=clock.now(),
            patient_id=patient.id if patient else None, hold_id=form.hold_id, minutes=form.minutes.data,
        )  # fmt: skip
    except (Invalid, NotPossible) as refusal:
        return refused(form, patient, person, refusal)
    return _dialog("booking/_weeks.html", form, found, patient, doctor_id, key=same_key())


@bp.post("/series")
@requires(Permission.BOOK)
def book_series() -> AnyResponse:
    """Book what fits; the report says what was booked and what was not."""
    form = BookingForm.offering(g.actor, request.form)
    patient = patient_of(request.form)
    person = person_of(patient)
    if not form.validate() or (person and not person.validate()):
        return refused(form, patient, person, Invalid(N_("Something of this is missing.")))
    try:
        row = booked(series.book, series.book_new, form, patient, person, form.weeks.data or 0)
    except (Invalid, NotPossible) as refusal:
        return refused(form, patient, person, refusal)
    doctor_id, starts_at = chosen(form, patient, person)
    found = series.preview(
        g.actor, doctor_id, row.service_id, starts_at, form.weeks.data or 0, at=clock.now(),
        patient_id=row.patient_id, series=row.series, minutes=form.minutes.data,
    )  # fmt: skip
    answer = _dialog("booking/_series.html", form, found, row.patient, doctor_id, first=row)
    answer.headers["HX-Trigger"] = "rx:calendar, rx:booked"
    return answer


def _dialog(
    template: str, form: BookingForm, found: list[series.Week], patient: Patient | None, doctor_id: int, **more: Any
) -> Response:
    return dialog(
        template,
        N_("Series"),
        form=form,
        weeks=found,
        fitting=sum(not week.why for week in found),
        patient=patient,
        doctor=db.session.get(Doctor, doctor_id),
        service=db.session.get(Service, form.service_id or 0),
        posted=[(name, value) for name, value in request.form.items(multi=True) if name not in OURS],
        **more,
    )


@bp.post("/series/<int:appointment_id>/undo")
@requires(Permission.BOOK)
def undo_series(appointment_id: int) -> AnyResponse:
    """Take back what was done to the series at once."""
    try:
        row = run(series.take_back, appointment_id, about=("appointment", appointment_id))
    except NotPossible as refusal:
        return answers.refused(refusal)
    if not is_htmx():
        return to_day(row.day)
    return changed(gettext("Taken back: %(name)s", name=formats.list_name(row.patient)), visit=row.visit)
