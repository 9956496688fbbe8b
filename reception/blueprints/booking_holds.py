"""Keeping the chosen time for who is booking: booking-hold.js asks, keeps it alive, and gives it back. JSON, no pages."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from reception import clock
from reception.access import Permission, requires
from reception.blueprints.calendar import bp
from reception.blueprints.calendar_forms import number_of
from reception.domain.calendar import holds, offers
from reception.domain.errors import Refusal
from reception.errors import sentence
from reception.models import Hold
from reception.transaction import run


@bp.post("/holds")
@requires(Permission.BOOK)
def hold() -> Response:
    """Keep the time `slot` for `service`, or for so many `minutes`, instead of `hold`."""
    found = offers.understood(request.form.get("slot", ""))
    if found is None:
        return _told({"error": gettext("Choose a time.")}, 422)
    service_id, before = number_of(request.form.get("service")), number_of(request.form.get("hold"))
    minutes = request.form.get("minutes", type=int)
    return _tried(holds.hold, found[0], service_id or 0, found[1], instead_of=before, minutes=minutes)


@bp.post("/holds/<int:hold_id>/renew")
@requires(Permission.BOOK)
def renew_hold(hold_id: int) -> Response:
    """Keep it longer: the dialog is still being filled in."""
    return _tried(holds.renew, hold_id)


@bp.post("/holds/<int:hold_id>/release")
@requires(Permission.BOOK)
def release_hold(hold_id: int) -> Response:
    """Give it back: the dialog was left."""
    return _tried(holds.release, hold_id)


def _tried(verb: Any, *values: Any, **more: Any) -> Response:
    try:
        row = run(verb, *values, **more)
    except Refusal as refusal:
        return _told({"error": sentence(refusal), "code": refusal.code}, refusal.status)
    if not isinstance(row, Hold):
        return _told({}, 200)
    return _told({"id": row.id, "until": row.until.isoformat(), "now": clock.now().isoformat()}, 200)


def _told(body: dict[str, Any], status: int) -> Response:
    answer = jsonify(body)
    answer.status_code = status
    return answer
