"""The plain lists that everybody may open: doctors, services, rooms."""

from __future__ import annotations

from flask import Blueprint, g, render_template

from reception.access import Permission, requires
from reception.blueprints.dialogs import wants_part
from reception.domain import whereabouts

bp = Blueprint("directory", __name__)


@bp.get("/doctors")
@requires(Permission.DIRECTORY)
def doctors() -> str:
    """Doctors by department, with their line of today."""
    return render_template("directory/doctors.html", groups=whereabouts.doctors(g.actor), viewer=g.actor)


@bp.get("/doctors/<int:doctor_id>")
@requires(Permission.DIRECTORY)
def doctor(doctor_id: int) -> str:
    """One doctor: where, how to reach, when at work."""
    found, today, shifts = whereabouts.doctor(g.actor, doctor_id)
    return render_template("directory/doctor.html", doctor=found, today=today, shifts=shifts, viewer=g.actor)


@bp.get("/services")
@requires(Permission.DIRECTORY)
def services() -> str:
    """What is offered, how long it takes, what it costs today."""
    return render_template("directory/services.html", offers=whereabouts.services(g.actor), viewer=g.actor)


@bp.get("/rooms")
@requires(Permission.DIRECTORY)
def rooms() -> str:
    """Rooms and who is in each now; the list alone for a screen that asks again."""
    template = "directory/_rooms.html" if wants_part() else "directory/rooms.html"
    return render_template(template, rooms=whereabouts.rooms(g.actor), viewer=g.actor)
