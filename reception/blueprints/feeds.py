"""Calendars for programs outside: a doctor's feed with its secret address, and one appointment as a file."""

from __future__ import annotations

import hashlib

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import TooManyRequests

from reception import clock, formats, ical, live_sockets, tries
from reception.access import Permission, requires
from reception.aside import aside
from reception.blueprints.dialogs import dialog, new_key
from reception.blueprints.patients import opened
from reception.blueprints.settings.clinic import row_of_clinic
from reception.domain import feeds
from reception.domain.actors import ClinicFacts
from reception.domain.errors import NotAllowed, NotFound
from reception.domain.locks import load
from reception.models import Appointment, AppointmentStatus, Clinic, Doctor
from reception.transaction import run
from reception.words import N_

bp = Blueprint("feeds", __name__)

GUESSES = "30 per 15 minutes"
"""Wrong addresses of feeds from one address."""
FETCHES = "60 per 15 minutes"
"""How often one feed may be asked for."""


# ------------------------------------------------------------------------------------------------------- the feed


@bp.get("/calendar/feed/<token>.ics")
@requires(Permission.PUBLIC)
def feed(token: str) -> Response:
    """The doctor's busy times and shifts. Programs ask again and again: what they have is not sent twice."""
    found = feeds.doctor_of(token)
    if found is None:
        if not tries.may_try(GUESSES, "feeds", request.remote_addr or ""):
            raise TooManyRequests
        raise NotFound
    if not tries.may_try(FETCHES, "feed", token):
        raise TooManyRequests
    doctor, clinic, locale = found
    g.locale = _spoken(locale) or clinic.default_locale
    entries, name = _entries(doctor, clinic), formats.doctor_name(doctor)
    tag = hashlib.sha256(repr((name, clinic.time_zone, entries)).encode()).hexdigest()[:32]
    if request.if_none_match.contains_weak(tag):
        answer = Response(status=304)
    else:
        answer = _file(aside(ical.feed, entries, ClinicFacts.of(clinic), name))
        if entries:
            answer.last_modified = max(entry.changed_at for entry in entries)
    answer.set_etag(tag)
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


def _entries(doctor: Doctor, clinic: Clinic) -> list[ical.Entry]:
    today = clock.today(clinic)
    found = [
        ical.Entry(
            row.uid, row.starts_at, row.ends_at, formats.initials(row) or gettext("Busy"), row.changed_at, row.version
        )
        for row in feeds.busy(doctor, today, initials=clinic.feed_initials)
    ]
    at_work = gettext("At work")
    return found + [
        ical.Entry(
            row.uid, row.starts_at, row.ends_at, at_work, row.changed_at, is_free=True,
            place=gettext("Room %(room)s", room=row.room) if row.room else "",
        )
        for row in feeds.shifts(doctor, today)
    ]  # fmt: skip


def _file(content: bytes, name: str = "") -> Response:
    answer = Response(content, content_type="text/calendar; charset=utf-8")
    if name:
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


# ---------------------------------------------------------------------------------------------------- its address


@bp.get("/doctors/<int:doctor_id>/feed")
@requires(Permission.DIRECTORY)
def address(doctor_id: int) -> Response:
    """The address of the doctor's feed, for the doctor and who leads the clinic."""
    doctor = load(Doctor, doctor_id, g.actor.clinic_id)
    if not feeds.may_keep(doctor.id, g.actor):
        raise NotAllowed(N_("Only the doctor and who leads the clinic may do this."))
    return _address(doctor)


@bp.post("/doctors/<int:doctor_id>/feed")
@requires(Permission.DIRECTORY)
def renew(doctor_id: int) -> Response:
    """A new address; the former one ends."""
    return _address(run(feeds.open_feed, doctor_id, about=("doctor", doctor_id)))


@bp.post("/doctors/<int:doctor_id>/feed/end")
@requires(Permission.DIRECTORY)
def end(doctor_id: int) -> Response:
    """No address any more."""
    return _address(run(feeds.close_feed, doctor_id, about=("doctor", doctor_id)))


def _address(doctor: Doctor) -> Response:
    url = url_for("feeds.feed", token=doctor.feed_token, _external=True) if doctor.feed_token else ""
    initials = row_of_clinic().feed_initials
    return dialog("feeds/_feed.html", N_("Calendar feed"), doctor=doctor, url=url, key=new_key(), initials=initials)


# ------------------------------------------------------------------------------------------------ one appointment


@bp.get("/calendar/appointments/<int:appointment_id>/appointment.ics")
@requires(Permission.CALENDAR)
def appointment(appointment_id: int) -> Response:
    """The appointment for the patient's calendar."""
    row = load(Appointment, appointment_id, g.actor.clinic_id)
    opened(row.patient_id, "visit")
    row = load(Appointment, appointment_id, g.actor.clinic_id)
    g.locale = _spoken(row.patient.preferred_locale) or g.actor.locale
    return _single(row, g.actor.clinic)


@bp.get("/t/<token>/appointment.ics")
@requires(Permission.PUBLIC)
def ticket(token: str) -> Response:
    """The same from the patient's own ticket page."""
    found = live_sockets.visit_of(token)
    if found is None or found[0].appointment is None:
        raise NotFound
    visit, clinic = found
    accepted = request.accept_languages.best_match(list(formats.LOCALES))
    g.locale = _spoken(visit.patient.preferred_locale) or accepted or clinic.default_locale
    assert visit.appointment is not None
    return _single(visit.appointment, ClinicFacts.of(clinic))


def _spoken(locale: str | None) -> str | None:
    return locale if locale in formats.LOCALES else None


def _single(row: Appointment, clinic: ClinicFacts) -> Response:
    """Who reads a patient's calendar learns when and where, never what for."""
    room = row.room or row.doctor.room
    places = [clinic.name, row.visit.department.location]
    if room:
        places.append(gettext("Room %(room)s", room=room.name))
        places.append(gettext("Floor %(floor)s", floor=room.floor) if room.floor else "")
        places.append(room.building)
    entry = ical.Entry(
        feeds.uid_of(row.visit), row.starts_at, row.ends_at, gettext("Appointment: %(clinic)s", clinic=clinic.name),
        row.updated_at, row.version, is_cancelled=row.status == AppointmentStatus.CANCELLED,
        place=", ".join(part for part in places if part),
        text=gettext("Booking %(number)s, %(doctor)s", number=row.booking_id, doctor=formats.doctor_name(row.doctor)),
    )  # fmt: skip
    return _file(ical.single(entry, clinic, clinic.name), "appointment.ics")
