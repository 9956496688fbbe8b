"""A patient's own ticket page: the number, the state, where to go. Nothing about anybody else."""

from __future__ import annotations

from flask import Blueprint, g, render_template, request

from reception import formats, live, live_sockets, regions
from reception.access import Permission, requires
from reception.domain.errors import NotFound

bp = Blueprint("ticket", __name__)


@bp.get("/t/<token>")
@requires(Permission.PUBLIC)
def show(token: str) -> str:
    """The page behind the QR code of a ticket, in the patient's or the browser's language."""
    if (found := live_sockets.visit_of(token)) is None:
        raise NotFound
    visit, clinic = found
    accepted = request.accept_languages.best_match(list(formats.LOCALES))
    viewer = live_sockets.guest_viewer(clinic, visit.patient.preferred_locale or accepted)
    g.locale = viewer.locale
    name = f"ticket-{visit.id}"
    kind, number = regions.split(name)
    version = live.versions(clinic.id, [name])[name]
    context = regions.REGIONS[kind].context(viewer, number)
    return render_template("ticket/page.html", id=name, v=version, viewer=viewer, token=token, **context)
