"""The regions over HTTP: the same partials that are pushed, for a screen that is behind or has no socket."""

from __future__ import annotations

from flask import Blueprint, Response, g, make_response, request

from reception import live, live_sockets, regions
from reception.access import Permission, requires
from reception.domain.actors import Actor
from reception.domain.errors import NotAllowed, NotFound
from reception.words import N_

bp = Blueprint("live", __name__, url_prefix="/live")


@bp.get("/<name>")
@requires(Permission.PUBLIC)
def region(name: str) -> Response:
    """One region as its page draws it. 401 or 403 for whoever may not see it, never a redirect."""
    viewer, only = _viewer()
    if not _may(viewer, only, name):
        raise NotAllowed(N_("Your role cannot do this."))
    g.locale = viewer.locale
    _, html = live.draw(viewer, name)
    return make_response(html)


@bp.get("/versions")
@requires(Permission.PUBLIC)
def versions() -> dict[str, int]:
    """{id: version} of the regions and signals in `ids` that the asker may see."""
    viewer, only = _viewer()
    names = [name for name in request.args.get("ids", "").split(",")[: live_sockets.MOST_REGIONS] if name]
    return live.versions(viewer.clinic_id, [n for n in names if live_sockets.is_known(n) and _may(viewer, only, n)])


def _viewer() -> tuple[Actor, str]:
    """Who looks, and the one region of a display or ticket."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "display":
        if (found := live_sockets.device_of(token.strip())) is None:
            raise NotAllowed(N_("This screen is not paired any more."))
        return live_sockets.guest_viewer(found[1]), f"display-{found[0].id}"
    if scheme.lower() == "ticket":
        if (ticket := live_sockets.visit_of(token.strip())) is None:
            raise NotFound
        return live_sockets.guest_viewer(ticket[1], ticket[0].patient.preferred_locale), f"ticket-{ticket[0].id}"
    if g.actor is None:
        raise NotAllowed(N_("Please sign in."))
    return live_sockets.viewer_of(g.actor), ""


def _may(viewer: Actor, only: str, name: str) -> bool:
    return name == only if only else regions.may_see(viewer, name)
