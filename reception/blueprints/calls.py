"""People to call: those whose time or room was closed after they had booked, one after the other."""

from __future__ import annotations

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from reception import clock, formats, live
from reception.access import Permission, requires
from reception.blueprints import answers
from reception.blueprints.accesses import opened
from reception.blueprints.appointments import said_when, undo_of
from reception.blueprints.calendar import changed
from reception.blueprints.calendar_forms import number_of
from reception.blueprints.dialogs import dialog, new_key, same_key, wants_part
from reception.domain import machines
from reception.domain.calendar import callups, moving, offers
from reception.domain.calendar.callups import Call
from reception.domain.errors import Invalid, NotPossible, Refusal, invalid_field
from reception.domain.locks import load
from reception.domain.visits import moves
from reception.errors import is_htmx
from reception.models import Absence, Appointment, ClosedDay, Doctor
from reception.transaction import run
from reception.words import N_

bp = Blueprint("calls", __name__, url_prefix="/calls")
bp.add_app_template_global(lambda viewer: callups.count(viewer, clock.now()), "people_to_call")


@bp.get("")
@requires(Permission.BOOK)
def index() -> str:
    """The people to call; the one at place `n` with phone, proposals and what can be done."""
    at, doctor_id = clock.now(), number_of(request.args.get("doctor"))
    version = live.versions(g.actor.clinic_id, ["calls"])["calls"]
    found = callups.people(g.actor, at, doctor_id)
    place = min(max(number_of(request.args.get("n")) or 0, 0), max(len(found) - 1, 0))
    current = found[place] if found else None
    if current is not None:
        opened(current.appointment.patient_id, "call")
        found = callups.people(g.actor, at, doctor_id)  # writing the access down ended the reading
        place = min(place, max(len(found) - 1, 0))
        current = found[place] if found else None
    near = callups.proposals(g.actor, current.appointment, at) if current else []
    return render_template(
        "calls/_people.html" if wants_part() else "calls/index.html",
        v=version,
        found=found,
        count=len(found) if len(found) < callups.MOST else callups.count(g.actor, at, doctor_id),
        place=place,
        current=current,
        why=why,
        proposals=[(offer, load(Doctor, offer.doctor_id, g.actor.clinic_id)) for offer in near],
        may_cancel=current is not None and "cancel" in machines.moves_for(current.appointment.visit, g.actor),
        doctors=callups.doctors(g.actor, at),
        doctor_id=doctor_id,
        viewer=g.actor,
    )


def why(call: Call) -> str:
    """Why the time is closed, in a few words."""
    if call.reason is None:
        return gettext("The shift was changed")
    row = call.reason.row
    if isinstance(row, ClosedDay):
        return gettext("Closed day: %(name)s", name=row.name)
    if isinstance(row, Absence):
        return gettext("Doctor away: %(kind)s", kind=formats.word(row.kind))
    return gettext("Room closed: %(kind)s", kind=formats.word(row.kind))


@bp.post("/<int:appointment_id>/move")
@requires(Permission.BOOK)
def move(appointment_id: int) -> AnyResponse:
    """Move to one of the proposals."""
    try:
        if (slot := offers.understood(request.form.get("slot", ""))) is None:
            raise invalid_field("slot", N_("Choose a time."))
        version = request.form.get("version", type=int)
        about = ("appointment", appointment_id)
        run(moving.reschedule, appointment_id, slot[1], doctor_id=slot[0], version=version, about=about)
    except (Invalid, NotPossible) as refusal:
        return _refused(refusal)
    row = load(Appointment, appointment_id, g.actor.clinic_id)
    return _done(gettext("Moved: %(name)s to %(when)s", name=formats.list_name(row.patient), when=said_when(row)), row)


@bp.get("/<int:appointment_id>/cancel")
@requires(Permission.BOOK)
def ask_cancel(appointment_id: int) -> Response:
    """What the patient is told."""
    return _ask_cancel(load(Appointment, appointment_id, g.actor.clinic_id), new_key())


@bp.post("/<int:appointment_id>/cancel")
@requires(Permission.BOOK)
def cancel(appointment_id: int) -> AnyResponse:
    """Cancel, with the message that goes with it."""
    version, message = request.form.get("version", type=int), request.form.get("message", "")
    about = ("appointment", appointment_id)
    try:
        run(moves.move_booked, appointment_id, "cancel", version=version, reason=message, about=about)
    except (Invalid, NotPossible) as refusal:
        return _ask_cancel(load(Appointment, appointment_id, g.actor.clinic_id), same_key(refusal), refusal)
    row = load(Appointment, appointment_id, g.actor.clinic_id)
    text = gettext("Cancelled: %(name)s %(when)s", name=formats.list_name(row.patient), when=said_when(row))
    return _done(text, row)


def _ask_cancel(row: Appointment, key: str, refusal: Refusal | None = None) -> Response:
    call = next((c for c in callups.people(g.actor, clock.now(), row.doctor_id) if c.appointment.id == row.id), None)
    usual = gettext("%(why)s. Please ask for another time.", why=why(call)) if call else ""
    return dialog(
        "calls/_cancel.html", N_("Cancel the appointment"), appointment=row, key=key, refusal=refusal,
        message=request.form.get("message", usual),
    )  # fmt: skip


@bp.post("/<int:appointment_id>/keep")
@requires(Permission.BOOK)
def keep(appointment_id: int) -> AnyResponse:
    """It stands as it is."""
    version = request.form.get("version", type=int)
    try:
        run(callups.keep, appointment_id, version=version, about=("appointment", appointment_id))
    except NotPossible as refusal:
        return _refused(refusal)
    row = load(Appointment, appointment_id, g.actor.clinic_id)
    undo: dict[str, object] = {
        "url": url_for("calls.unkeep", appointment_id=row.id),
        "key": f"{row.ref}.unkeep.{row.version}",
        "version": row.version,
    }
    text = gettext("Kept: %(name)s %(when)s", name=formats.list_name(row.patient), when=said_when(row))
    return changed(text, undo=undo) if is_htmx() else redirect(url_for("calls.index"))


@bp.post("/<int:appointment_id>/unkeep")
@requires(Permission.BOOK)
def unkeep(appointment_id: int) -> AnyResponse:
    """Take the keeping back."""
    row = run(callups.unkeep, appointment_id, about=("appointment", appointment_id))
    text = gettext("To be called again: %(name)s", name=formats.list_name(row.patient))
    return changed(text) if is_htmx() else redirect(url_for("calls.index"))


def _done(text: str, row: Appointment) -> AnyResponse:
    return changed(text, undo=undo_of(row), visit=row.visit) if is_htmx() else redirect(url_for("calls.index"))


def _refused(refusal: Refusal) -> Response:
    answer = answers.refused(refusal)
    answer.headers["HX-Trigger"] = "rx:close-dialog, rx:calendar"
    return answer
