"""One appointment: its dialog, moving it to another time, cancelling, checking in, and the way back."""

from __future__ import annotations

from flask import Response, g, redirect, request, url_for
from flask_babel import gettext, ngettext
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response as AnyResponse

from reception import clock, formats
from reception.access import Permission, may, requires
from reception.blueprints import answers
from reception.blueprints.accesses import opened
from reception.blueprints.calendar import bp, changed, to_day
from reception.blueprints.calendar_forms import TimesForm
from reception.blueprints.checklists import reminder
from reception.blueprints.dialogs import dialog, new_key, same_key
from reception.blueprints.times import Times
from reception.domain import machines
from reception.domain.calendar import booking, moving, offers, places, series
from reception.domain.errors import Invalid, NotFound, NotPossible, Refusal, invalid_field
from reception.domain.locks import load, scoped
from reception.domain.visits import moves, undo
from reception.errors import field_sentences, is_htmx
from reception.extensions import db
from reception.models import Appointment, AppointmentStatus, User, Visit
from reception.transaction import run
from reception.words import N_

MOVES = ("check-in", "cancel", "no-show")
SAID = {
    "check-in": N_("%(name)s checked in"),
    "cancel": N_("Cancelled: %(name)s %(when)s"),
    "no-show": N_("%(name)s did not come"),
}
REASONS = (N_("Cancelled by the patient"), N_("Doctor absent"), N_("Booked by mistake"))


def said_when(row: Appointment) -> str:
    """Day and time as people say it: tomorrow 10:20."""
    return gettext("%(day)s %(time)s", day=formats.near_day(row.starts_at), time=formats.time(row.starts_at))


def undo_of(row: Appointment) -> dict[str, object] | None:
    """What the Undo button of a toast sends; none where the actor cannot take the last step back now."""
    visit = row.visit
    last = undo.last_event(visit.id)
    if last is None or not may(g.actor, Permission.BOOK) or not undo.can_undo(last, g.actor, clock.now()):
        return None
    return {
        "url": url_for("calendar.take_back", appointment_id=row.id),
        "key": f"{visit.ref}.undo.{visit.version}",
        "version": visit.version,
    }


@bp.get("/appointments/<int:appointment_id>")
@requires(Permission.CALENDAR)
def appointment(appointment_id: int) -> Response:
    """The appointment with what can be done with it now; that somebody looked is written down first."""
    opened(load(Appointment, appointment_id, g.actor.clinic_id).patient_id, "appointment")
    return _show(loaded(appointment_id))


def _show(row: Appointment, refusal: Refusal | None = None) -> Response:
    return dialog(
        "calendar/_appointment.html",
        N_("Appointment"),
        appointment=row,
        visit=row.visit,
        moves=_possible(row),
        may_move=row.status == AppointmentStatus.CONFIRMED and may(g.actor, Permission.BOOK),
        may_see_bill=may(g.actor, Permission.BILLS),
        booked_by=db.session.scalar(select(User.full_name).where(User.id == (row.created_by_id or 0))),
        is_overbooked=places.is_beyond(row.id),
        undo=undo_of(row),
        refusal=refusal,
    )


def _possible(row: Appointment) -> list[str]:
    """Moves of the appointment that this very person may make now; checking in only on its day."""
    if not may(g.actor, Permission.BOOK) or not moves.is_own_line(row.visit, g.actor):
        return []
    if row.status not in (AppointmentStatus.CONFIRMED, AppointmentStatus.CHECKED_IN):
        return []
    found = [name for name in machines.moves_for(row.visit, g.actor) if name in MOVES]
    is_today = row.day == clock.today(g.actor.clinic)
    return [name for name in found if name != "check-in" or is_today]


def loaded(appointment_id: int) -> Appointment:
    """The appointment with what pages say of it. Raises NotFound."""
    row = db.session.scalar(
        scoped(Appointment, g.actor.clinic_id)
        .where(Appointment.id == appointment_id)
        .options(
            joinedload(Appointment.patient), joinedload(Appointment.service), joinedload(Appointment.doctor),
            joinedload(Appointment.room), joinedload(Appointment.visit).joinedload(Visit.payment),
        )
    ) if 0 < appointment_id < 2**63 else None  # fmt: skip
    if row is None:
        raise NotFound
    return row


# ------------------------------------------------------------------------------------------------------------ moves


@bp.get("/appointments/<int:appointment_id>/cancel")
@requires(Permission.BOOK)
def ask_cancel(appointment_id: int) -> Response:
    """Why it is cancelled."""
    return _ask_cancel(load(Appointment, appointment_id, g.actor.clinic_id), new_key())


def _ask_cancel(row: Appointment, key: str, refusal: Refusal | None = None) -> Response:
    reasons = [gettext(reason) for reason in REASONS]
    return dialog(
        "calendar/_cancel.html",
        N_("Cancel the appointment"),
        appointment=row,
        key=key,
        reasons=reasons,
        following=len(series.to_come(row, g.actor)),
        form=request.form,
        refusal=refusal,
    )


@bp.post(f"/appointments/<int:appointment_id>/<any({','.join(map(repr, MOVES))}):name>")
@requires(Permission.BOOK)
def move(appointment_id: int, name: str) -> AnyResponse:
    """Check in, cancel or "did not come", asked by the appointment."""
    details = {}
    if name != "check-in":
        details["reason"] = request.form.get("other", "").strip() or request.form.get("reason", "").strip()
    version = request.form.get("version", type=int)
    about = ("appointment", appointment_id)
    follow = name == "cancel" and request.form.get("scope") == "following"
    count = len(series.to_come(load(Appointment, appointment_id, g.actor.clinic_id), g.actor)) if follow else 0
    try:
        if follow:
            run(series.cancel_following, appointment_id, version=version, about=about, **details)
        else:
            run(moves.move_booked, appointment_id, name, version=version, about=about, **details)
    except Invalid as refusal:
        return _ask_cancel(load(Appointment, appointment_id, g.actor.clinic_id), same_key(refusal), refusal)
    except NotPossible as refusal:
        return _refused(appointment_id, refusal)
    row = loaded(appointment_id)
    if not is_htmx():
        return to_day(row.day)
    if follow:
        return _series_cancelled(row, count)
    text: str = gettext(SAID[name], name=formats.list_name(row.patient), when=said_when(row))
    if name == "check-in":
        text = reminder(row.visit, text)
    return changed(text, ticket=row.visit.ticket, undo=undo_of(row), visit=row.visit)


def _series_cancelled(row: Appointment, count: int) -> Response:
    undo: dict[str, object] = {
        "url": url_for("calendar.undo_series", appointment_id=row.id),
        "key": f"{row.ref}.series-undo.{row.version}",
        "version": "",
    }
    name = formats.list_name(row.patient)
    text = ngettext(
        "Cancelled: %(name)s, %(num)s appointment", "Cancelled: %(name)s, %(num)s appointments", count, name=name
    )
    return changed(text, undo=undo, visit=row.visit)


def _refused(appointment_id: int, refusal: NotPossible) -> Response:
    """The dialog with how it stands now and why nothing was done."""
    db.session.rollback()
    row = loaded(appointment_id)
    return _show(row, refusal) if is_htmx() else answers.refused(refusal, row.visit)


@bp.post("/appointments/<int:appointment_id>/undo")
@requires(Permission.BOOK)
def take_back(appointment_id: int) -> AnyResponse:
    """Take the last step of the appointment's visit back: a booking, a move, a cancelling, a check-in."""
    visit_id = loaded(appointment_id).visit.id
    version = request.form.get("version", type=int)
    try:
        run(undo.undo, visit_id, version=version, about=("visit", visit_id))
    except NotPossible as refusal:
        return answers.refused(refusal, loaded(appointment_id).visit)
    row = loaded(appointment_id)
    if not is_htmx():
        return to_day(row.day)
    text = gettext("Taken back: %(name)s", name=formats.list_name(row.patient))
    if row.status == AppointmentStatus.CONFIRMED:
        text = gettext("%(text)s, %(when)s as before", text=text, when=said_when(row))
    return changed(text, ticket=row.visit.ticket, visit=row.visit)


# ------------------------------------------------------------------------------------------------------- other time


@bp.get("/appointments/<int:appointment_id>/reschedule")
@requires(Permission.BOOK)
def ask_time(appointment_id: int) -> Response:
    """Free times for the appointment, the same doctor's first."""
    row = loaded(appointment_id)
    if row.status != AppointmentStatus.CONFIRMED:
        return _show(row)
    form = TimesForm.offering(g.actor, doctor=str(row.doctor_id))
    return _ask_time(row, form, new_key(), row.version)


@bp.post("/appointments/<int:appointment_id>/times")
@requires(Permission.BOOK, reads=True)
def times(appointment_id: int) -> Response:
    """The same with the times that fit another doctor or day."""
    form = TimesForm.offering(g.actor, request.form)
    form.validate()
    return _ask_time(loaded(appointment_id), form, same_key(), request.form.get("version", 0, type=int))


@bp.post("/appointments/<int:appointment_id>/reschedule")
@requires(Permission.BOOK)
def reschedule(appointment_id: int) -> AnyResponse:
    """Move it to the chosen free time."""
    form, version = TimesForm.offering(g.actor, request.form), request.form.get("version", 0, type=int)
    if not form.validate():
        return _ask_time(loaded(appointment_id), form, same_key(), version, status=422)
    try:
        slot = offers.understood(form.slot.data or "")
        if slot is None:
            raise invalid_field("slot", N_("Choose a time."))
        more = {"version": version, "overbooking_reason": form.overbooking_reason.data or None}
        about = ("appointment", appointment_id)
        run(moving.reschedule, appointment_id, slot[1], doctor_id=slot[0], about=about, **more)
    except (Invalid, NotPossible) as refusal:
        db.session.rollback()
        row = loaded(appointment_id)
        if row.status != AppointmentStatus.CONFIRMED or refusal.code == "stale-version":
            return _show(row, refusal)
        form.blame(field_sentences(refusal))
        return _ask_time(row, form, same_key(refusal), version, refusal)
    row = loaded(appointment_id)
    if not is_htmx():
        return redirect(url_for("patients.card", patient_id=row.patient_id))
    text = gettext("Moved: %(name)s to %(when)s", name=formats.list_name(row.patient), when=said_when(row))
    return changed(text, undo=undo_of(row), visit=row.visit)


def _ask_time(
    row: Appointment, form: TimesForm, key: str, version: int, refusal: Refusal | None = None, status: int = 200
) -> Response:
    keep = refusal is not None or status != 200
    found = Times.of(form, row.service, at=clock.now(), patient_id=row.patient_id, moving=row, keep=keep)
    return dialog(
        "calendar/_reschedule.html",
        N_("Another time"),
        appointment=row,
        form=form,
        key=key,
        version=version,
        times=found,
        today=clock.today(g.actor.clinic),
        may_overbook=booking.may_overbook(g.actor),
        refusal=refusal,
        status=status,
    )
