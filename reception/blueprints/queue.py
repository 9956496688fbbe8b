"""The queue: every line for reception, one doctor's board, the doctor's break and call for help.

The visits in it have their own module: `visits.py`.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, render_template, request
from flask_babel import gettext

from reception import formats, live, live_sockets
from reception.access import Permission, requires
from reception.blueprints import answers
from reception.domain import boards, directory, lines
from reception.domain.actors import Actor
from reception.domain.errors import NotAllowed
from reception.domain.locks import load
from reception.domain.visits import queue
from reception.extensions import db
from reception.models import Doctor
from reception.transaction import run
from reception.words import N_

bp = Blueprint("queue", __name__, url_prefix="/queue")


@bp.get("")
@requires(Permission.QUEUE)
def index() -> str:
    """Every line of the clinic."""
    viewer = live_sockets.viewer_of(g.actor)
    return render_template("queue/index.html", viewer=viewer, regions=drawn_lines(viewer))


def drawn_lines(viewer: Actor) -> list[dict[str, Any]]:
    """Lines and pools as the templates include them: template, id, version and what it shows; versions first."""
    doctors = boards.lines(viewer)
    pools = dict.fromkeys(doctor.department_id for doctor in doctors)
    names = [f"line-{doctor.id}" for doctor in doctors] + [f"pool-{department}" for department in pools]
    versions = live.versions(viewer.clinic_id, names)
    own, waiting = lines.all_lines(viewer, doctors)
    regions: list[dict[str, Any]] = []
    for department in pools:
        regions += [
            {"template": "queue/_line.html", "id": f"line-{d.id}", "v": versions[f"line-{d.id}"], "line": own[d.id]}
            for d in doctors
            if d.department_id == department
        ]
        name = f"pool-{department}"
        regions.append({"template": "queue/_pool.html", "id": name, "v": versions[name], "pool": waiting[department]})
    return regions


@bp.get("/doctors/<int:doctor_id>")
@requires(Permission.QUEUE)
def board(doctor_id: int) -> str:
    """One doctor's board."""
    viewer = live_sockets.viewer_of(g.actor)
    name = f"board-{doctor_id}"
    version = live.versions(viewer.clinic_id, [name])[name]
    return render_template(
        "queue/board.html",
        id=name,
        v=version,
        viewer=viewer,
        is_mine=not queue.is_bound(g.actor) or g.actor.doctor_id == doctor_id,
        **boards.board(viewer, doctor_id),
    )


# ------------------------------------------------------------------------------------------------- break and help


@bp.post("/doctors/<int:doctor_id>/break")
@requires(Permission.CALL)
def take_break(doctor_id: int) -> Response:
    """The doctor pauses (`on`), or is back."""
    _own_line(doctor_id)
    on = bool(request.form.get("on"))
    row = run(directory.set_break, doctor_id, on, about=("doctor", doctor_id))
    text = N_("%(name)s is on break") if on else N_("%(name)s is back from the break")
    return answers.done(gettext(text, name=formats.doctor_name(row)))


@bp.post("/doctors/<int:doctor_id>/help", endpoint="help")
@requires(Permission.CALL)
def ask_help(doctor_id: int) -> Response:
    """The doctor rings for the desk (`on`), or somebody answers."""
    on = bool(request.form.get("on"))
    if on:
        _own_line(doctor_id)
    row = run(directory.ask_help, doctor_id, on, about=("doctor", doctor_id))
    text = N_("%(name)s asked the desk for help") if on else N_("You answer the call of %(name)s")
    return answers.done(gettext(text, name=formats.doctor_name(row)))


def _own_line(doctor_id: int) -> None:
    """Who is only a doctor rings and rests for himself."""
    load(Doctor, doctor_id, g.actor.clinic_id)
    db.session.rollback()
    if queue.is_bound(g.actor) and g.actor.doctor_id != doctor_id:
        raise NotAllowed(N_("This is another doctor's line."))
