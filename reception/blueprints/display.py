"""The waiting-room TV: a screen that shows a code until it is paired, then the board of its clinic. Nobody signs in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, g, make_response, redirect, render_template, request, url_for
from flask_babel import get_locale
from werkzeug.exceptions import TooManyRequests

from reception import access, clock, live, live_sockets, tries
from reception.access import Permission, requires
from reception.domain import boards, devices
from reception.domain.actors import founder
from reception.domain.errors import NotFound
from reception.errors import is_htmx
from reception.transaction import Trace, perform
from reception.words import N_

bp = Blueprint("display", __name__, url_prefix="/display")

COOKIE = "screen"
CODES = "60 per 15 minutes"
"""New codes for one address: a wall of screens that all ask again every ten minutes."""
GUESSES = "30 per 15 minutes"
"""Wrong addresses of screens from one address."""


@bp.get("")
@requires(Permission.PUBLIC)
def pair() -> Any:
    """The code of this screen; once staff has typed it, the way to the screen's own address."""
    found = devices.offered(access.hashed(request.cookies.get(COOKIE, "")), clock.now())
    if found is None or found[1] is None:
        return _pairing(found[0] if found else "")
    target = url_for("display.show", token=found[1])
    answer = Response(status=200, headers={"HX-Redirect": target}) if is_htmx() else redirect(target)
    answer.delete_cookie(COOKIE, path="/display")
    return answer


@bp.post("")
@requires(Permission.PUBLIC)
def offer() -> Any:
    """A new code for this screen, and the secret that goes with it."""
    if not tries.may_try(CODES, "codes", request.remote_addr or ""):
        raise TooManyRequests
    secret = access.new_token()
    row = perform(founder(), devices.offer_code, access.hashed(secret), trace=Trace(request_id=g.request_id))
    answer = _pairing(row.code)
    answer.set_cookie(
        COOKIE, secret, max_age=int(devices.LASTS.total_seconds()), path="/display", httponly=True, samesite="Strict",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
    )  # fmt: skip
    return answer


def _pairing(code: str) -> Response:
    return make_response(
        render_template(
            "display/_pair.html" if is_htmx() else "display/pair.html",
            code=" ".join(code[i : i + 2] for i in range(0, len(code), 2)),
            address=f"{request.host}{url_for('settings.displays')}",
            locale=get_locale(),
        )
    )


@bp.get("/<token>")
@requires(Permission.PUBLIC)
def show(token: str) -> Any:
    """The board of a paired screen."""
    found = live_sockets.device_of(token)
    if found is None:
        if not tries.may_try(GUESSES, "screens", request.remote_addr or ""):
            raise TooManyRequests
        raise NotFound(N_("No screen is paired at this address. Pair it anew."), link=("display", 0))
    device, clinic = found
    viewer = live_sockets.guest_viewer(clinic)
    g.locale = viewer.locale
    name = f"display-{device.id}"
    version = live.versions(clinic.id, [name])[name]
    return render_template(
        "display/show.html", id=name, v=version, token=token, viewer=viewer, **boards.display(viewer, device.id)
    )
