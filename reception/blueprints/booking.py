"""The booking dialog: patient, doctor, service, and the free times, the first of which is chosen already."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response, g, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import func, select
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from reception import clock, formats
from reception.access import Permission, may, requires
from reception.blueprints.accesses import opened
from reception.blueprints.appointments import said_when, undo_of
from reception.blueprints.booking_form import BookingForm
from reception.blueprints.calendar import bp, changed
from reception.blueprints.calendar_forms import number_of
from reception.blueprints.dialogs import dialog, new_key, same_key
from reception.blueprints.patient_form import QuickForm
from reception.blueprints.patients import typed
from reception.blueprints.shell import may_open
from reception.blueprints.times import Times
from reception.domain import offers as choices
from reception.domain import patients, search
from reception.domain.calendar import booking, offers
from reception.domain.errors import Invalid, NotPossible, Refusal, invalid_field
from reception.errors import field_sentences, is_htmx
from reception.extensions import db
from reception.models import Appointment, Patient, Service, Visit
from reception.transaction import run
from reception.words import N_

MOST_FOUND = 6


@bp.get("/book")
@requires(Permission.BOOK)
def book() -> Response:
    """The dialog; what is known already (`patient_id`, `doctor`, `service`, `day`, `slot`, `minutes`) is filled in."""
    patient = patient_of(request.args)
    if patient is not None:
        patient = opened(patient.id, "booking")
    known: dict[str, Any] = {name: request.args.get(name) for name in ("doctor", "service", "slot")}
    form = BookingForm.offering(g.actor, **known)
    for name in ("day", "minutes"):
        if name in request.args:
            form[name].process(request.args)
    if found := offers.understood(form.slot.data or ""):
        form.doctor.data = form.doctor.data or str(found[0])
        form.day.data = form.day.data or clock.service_day(found[1], g.actor.clinic)
    return draw(form, patient, key=new_key())


@bp.post("/book/form")
@requires(Permission.BOOK, reads=True)
def redraw() -> Response:
    """The dialog as it stands, with the times that fit what was chosen meanwhile; `new`: for somebody to register."""
    form = BookingForm.offering(g.actor, request.form)
    form.validate()
    patient = patient_of(request.form)
    return draw(form, patient, person_of(patient), key=same_key())


def person_of(patient: Patient | None) -> QuickForm | None:
    """The fields of somebody to register; none for a known patient, or where one is being looked for."""
    if patient is not None or "search" in request.form:
        return None
    if "last_name" in request.form:
        return QuickForm(request.form)
    return QuickForm(data=typed(request.form.get("q", ""))) if request.form.get("new") else None


@bp.post("/book/people")
@requires(Permission.BOOK, reads=True)
def people() -> str:
    """Whom the typed text may mean, as options."""
    text = request.form.get("q", "").strip()[:100]
    found = search.find_patients(g.actor.clinic_id, text, limit=MOST_FOUND) if text else []
    return render_template(
        "booking/_people.html", found=found, q=text, viewer=g.actor, may_register=may(g.actor, Permission.REGISTER)
    )


@bp.post("/book")
@requires(Permission.BOOK)
def place() -> AnyResponse:
    """Book: for a known patient, or for somebody who is registered in the same step. Of a series the dates are shown
    first."""
    form = BookingForm.offering(g.actor, request.form)
    patient = patient_of(request.form)
    person = person_of(patient)
    if not form.validate() or (person and not person.validate()):
        return draw(form, patient, person, key=same_key(), status=422)
    if form.weeks.data is not None:
        from reception.blueprints.series import show_weeks

        return show_weeks(form, patient, person)
    try:
        row = booked(booking.book, booking.book_new, form, patient, person)
    except (Invalid, NotPossible) as refusal:
        return refused(form, patient, person, refusal)
    if not is_htmx():
        return redirect(url_for("patients.card", patient_id=row.patient_id))
    name, when = formats.list_name(row.patient), said_when(row)
    text = gettext(
        "Booked: %(name)s %(when)s, %(booking)s", name=name, when=when, booking=f"\u2066{row.booking_id}\u2069"
    )
    return changed(text, undo=undo_of(row), visit=row.visit)


def refused(form: BookingForm, patient: Patient | None, person: QuickForm | None, refusal: Refusal) -> Response:
    """The dialog with what was refused marked where it was typed."""
    db.session.rollback()
    form.blame(field_sentences(refusal))
    if person:
        person.blame(field_sentences(refusal))
    return draw(form, patient, person, key=same_key(refusal), refusal=refusal)


def booked(
    known: Callable[..., Any], new: Callable[..., Any], form: BookingForm, patient: Patient | None,
    person: QuickForm | None, *more: Any,
) -> Appointment:  # fmt: skip
    """What the verb `known` books for the patient, or `new` for somebody to register. Raises Refusal."""
    doctor_id, starts_at = chosen(form, patient, person)
    values: tuple[Any, ...] = (doctor_id, form.service_id or 0, starts_at, *more)
    if person:
        row = run(new, person.values, *values, **form.details)
    else:
        assert patient is not None
        row = run(known, patient.id, *values, **form.details)
    assert isinstance(row, Appointment)
    return row


def chosen(form: BookingForm, patient: Patient | None, person: QuickForm | None) -> tuple[int, datetime]:
    """Doctor and start. Raises Invalid where they, or the patient, are missing."""
    if person and not may(g.actor, Permission.REGISTER):
        raise invalid_field("last_name", N_("Your role cannot register patients. Choose a known one."))
    if not person and patient is None:
        raise invalid_field("patient_id", N_("Choose a patient first."))
    slot = offers.understood(form.slot.data or "")
    if slot is None:
        raise invalid_field("slot", N_("Choose a time."))
    return slot


def patient_of(values: MultiDict[str, str]) -> Patient | None:
    """The known patient. Raises NotFound."""
    ident = number_of(values.get("patient_id"))
    return None if ident is None else patients.find(ident, g.actor)


def draw(
    form: BookingForm,
    patient: Patient | None,
    person: QuickForm | None = None,
    *,
    key: str,
    refusal: Refusal | None = None,
    status: int = 200,
) -> Response:
    service = _service(form, patient)
    moment = clock.now()
    keep = refusal is not None or status != 200 or form.hold_id is not None
    who = patient.id if patient else None
    times = Times.of(form, service, at=moment, patient_id=who, keep=keep) if service else None
    return dialog(
        "booking/_book.html",
        N_("New appointment"),
        form=form,
        key=key,
        patient=patient,
        person=person,
        service=service,
        times=times,
        may_register=may(g.actor, Permission.REGISTER),
        may_overbook=booking.may_overbook(g.actor),
        may_book_past=booking.may_book_past(g.actor),
        may_wait=may_open(g.actor, "waitlist.add"),
        wants_hold=bool(request.args.get("slot")) or (request.method == "POST" and (patient or person) is not None),
        today=clock.today(g.actor.clinic),
        refusal=refusal,
        status=status,
    )


def _service(form: BookingForm, patient: Patient | None) -> Service | None:
    """The chosen service; before a choice what the patient came for last, else what most came for lately."""
    rows = {row.id: row for row in choices.services(g.actor)}
    chosen = rows.get(form.service_id or 0)
    if chosen is None and patient is not None:
        last = (
            select(Visit.service_id)
            .where(Visit.clinic_id == g.actor.clinic_id, Visit.patient_id == patient.id)
            .order_by(Visit.id.desc())
            .limit(1)
        )
        chosen = rows.get(db.session.scalar(last) or 0)
    if chosen is None:
        chosen = rows.get(_usual_service() or 0) or next(iter(rows.values()), None)
    form.service.data = str(chosen.id) if chosen else ""
    return chosen


def _usual_service() -> int | None:
    """What most of the latest visits were for."""
    latest = (
        select(Visit.service_id).where(Visit.clinic_id == g.actor.clinic_id).order_by(Visit.id.desc()).limit(200)
    ).subquery()
    count = func.count()
    return db.session.scalar(
        select(latest.c.service_id).group_by(latest.c.service_id).order_by(count.desc(), latest.c.service_id).limit(1)
    )
