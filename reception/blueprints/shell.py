"""What every page stands in: who works here, the rail, the user's own preferences, names of files that never lie."""

from __future__ import annotations

import hashlib
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, g, request, url_for
from sqlalchemy import select

from reception.access import Permission, may, permission_of
from reception.domain import machines, needs, users
from reception.domain.actors import Actor
from reception.domain.visits import queue
from reception.errors import is_htmx
from reception.extensions import db
from reception.models import User
from reception.words import N_

bp = Blueprint("shell", __name__)

PLACES = (
    ("desk.index", "desk", N_("Desk"), "KeyD"),
    ("queue.index", "list-numbers", N_("Queue"), "KeyQ"),
    ("calendar.index", "calendar", N_("Calendar"), "KeyC"),
    ("patients.index", "users", N_("Patients"), "KeyP"),
    ("finance.index", "cash", N_("Finance"), "KeyF"),
    ("audit.index", "shield-check", N_("Audit"), "KeyA"),
    ("settings.index", "settings", N_("Settings"), "KeyS"),
)
"""The rail: endpoint, icon, label, second key after G. What is not built or not allowed is not in it."""

FOREVER = "public, max-age=31536000, immutable"


def may_open(viewer: Actor, endpoint: str) -> bool:
    """Whether `endpoint` exists and one of the viewer's roles may open it."""
    permission = permission_of(current_app, endpoint)
    return permission is not None and may(viewer, permission)


@bp.app_context_processor
def shell() -> dict[str, Any]:
    """What base.html shows. A fragment or a pushed region stands in no shell, so nothing is read for it."""
    actor: Actor | None = g.get("actor")
    if actor is None or actor.kind != "user" or is_htmx():
        return {"actor": actor}
    user = db.session.scalars(select(User).where(User.id == actor.user_id)).one()
    return {
        "actor": actor,
        "theme": user.theme,
        "shortcuts": user.shortcuts,
        "clinics": users.clinics_of(user.id),
        "places": places(actor),
        "can_search": may_open(actor, "desk.search"),
        "can_walk_in": may_open(actor, "desk.walk_in"),
        "can_book": may_open(actor, "calendar.book"),
    }


def places(actor: Actor) -> list[tuple[str, str, str, str]]:
    """The rail of this actor. Who is only a doctor has the own line where others have the desk."""
    from flask_babel import gettext

    found = [place for place in PLACES if may_open(actor, place[0])]
    if queue.is_bound(actor):
        found = [("desk.index", "stethoscope", N_("My line"), "KeyD"), *(p for p in found if p[0] != "desk.index")]
    return [(endpoint, icon, gettext(label), code) for endpoint, icon, label, code in found]


bp.add_app_template_global(machines.moves_for, "moves_for")
bp.add_app_template_global(may_open, "may_open")
bp.add_app_template_filter(needs.of, "needs")
bp.add_app_template_global(lambda: secrets.token_urlsafe(12), "random_key")


# ------------------------------------------------------------------------------------------------------ static files


@bp.app_url_defaults
def _version(endpoint: str, values: dict[str, Any]) -> None:
    """A changed file has another address. Files of vendor/ carry their version in the name, but for the icons; modules
    import one another by plain names, and a second address would be a second copy of a module: they are asked for anew
    instead."""
    name = values.get("filename", "")
    is_named = name.startswith("vendor/") and name != "vendor/icons.svg"
    if endpoint == "static" and not is_named and not name.endswith(".js"):
        values["v"] = _digest(Path(current_app.static_folder or "") / name, current_app.debug)


def _digest(path: Path, fresh: bool) -> str:
    return _hash(path, path.stat().st_mtime_ns if fresh and path.is_file() else 0)


@lru_cache(maxsize=256)
def _hash(path: Path, _changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else ""


@bp.after_app_request
def _keep(response: Response) -> Response:
    """A file whose address names its content may be kept for ever."""
    if request.endpoint == "static" and response.status_code == 200 and "v" in request.args:
        response.headers["Cache-Control"] = FOREVER
    return response


def home_of(actor: Actor) -> str:
    """Where this actor's work is: the own board of a doctor, else the desk, else every line."""
    if queue.is_bound(actor) and actor.doctor_id:
        return url_for("queue.board", doctor_id=actor.doctor_id)
    return url_for("desk.index") if may(actor, Permission.DESK) else url_for("queue.index")
