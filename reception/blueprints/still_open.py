"""What is still open at the end of the day, each with the acts that end it."""

from __future__ import annotations

from flask import Blueprint, g, render_template

from reception import live, live_sockets
from reception.access import Permission, requires
from reception.domain import still_open

bp = Blueprint("still_open", __name__, url_prefix="/day")


@bp.get("")
@requires(Permission.DESK)
def index() -> str:
    """Open visits of the days before, and of today once the clinic has closed."""
    viewer = live_sockets.viewer_of(g.actor)
    version = live.versions(viewer.clinic_id, ["unsettled"])["unsettled"]
    return render_template(
        "still_open/index.html", id="unsettled", v=version, viewer=viewer, **still_open.listed(viewer)
    )
