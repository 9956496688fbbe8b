"""What the settings share: the places at the side, and the way of a form.

A form is asked for with GET and answered into the dialog (or, without a script, as a page of its own). A good POST
answers with a toast and the list as it now stands, a bad one with 422 and the form, its fields marked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from markupsafe import Markup

from reception.blueprints import answers
from reception.blueprints.dialogs import wants_part
from reception.blueprints.fields import HouseForm
from reception.domain.errors import Invalid, NotPossible, Stale
from reception.words import N_

bp = Blueprint("settings", __name__, url_prefix="/settings")

PLACES = (
    ("settings.index", "building-hospital", N_("Clinic")),
    ("settings.departments", "medical-cross", N_("Departments")),
    ("settings.doctors", "stethoscope", N_("Doctors")),
    ("settings.specializations", "id-badge-2", N_("Specializations")),
    ("settings.rooms", "door", N_("Rooms")),
    ("settings.schedules", "calendar-event", N_("Schedules")),
    ("settings.holidays", "calendar-off", N_("Closed days")),
    ("settings.closures", "lock", N_("Closed rooms")),
    ("settings.services", "tag", N_("Services and prices")),
    ("settings.types", "sort-ascending", N_("Service types")),
    ("settings.cashboxes", "cash-register", N_("Cashboxes")),
    ("settings.categories", "list-details", N_("Income and expenses")),
    ("settings.insurers", "shield", N_("Insurers")),
    ("settings.money", "percentage", N_("Rules of money")),
    ("settings.questionnaire", "clipboard-list", N_("Questionnaire")),
    ("settings.displays", "device-tv", N_("Displays")),
    ("settings.imports", "file-import", N_("Import and export")),
    ("settings.users", "users", N_("People")),
    ("settings.tokens", "key", N_("API tokens")),
)
"""The places at the side: endpoint, icon, words. What the role may not open is left out (`may_open`)."""


@bp.context_processor
def _places() -> dict[str, Any]:
    return {"settings_places": PLACES, "settings_home": home_of}


def home_of(endpoint: str) -> str:
    """The list that a form belongs to: settings.rooms_edit -> settings.rooms."""
    place = endpoint.rpartition("_")[0]
    return place if any(place == known for known, _, _ in PLACES) else "settings.index"


def listing(template: str, **context: Any) -> str:
    """A list: the whole page, or the list alone where htmx asks for it."""
    name = f"settings/{template}.html"
    part = render_template(name, **context)
    if wants_part():
        return part
    return render_template("settings/page.html", part=Markup(part), **context)  # noqa: S704  our own partial


def asked(template: str, status: int = 200, **context: Any) -> Response:
    """A form: in the dialog, or on a page of its own."""
    context.setdefault("error", "")
    if wants_part():
        return make_response(render_template(f"settings/{template}.html", **context), status)
    return make_response(render_template("settings/form.html", template=f"settings/{template}.html", **context), status)


def saved(words: str, endpoint: str, part: Callable[[], str], **values: Any) -> Any:
    """What a good form answers: a toast and the list anew; a plain request goes back to the list."""
    if not wants_part():
        return redirect(url_for(endpoint, **values), 303)
    return answers.done(words, more=as_part(part()))


def as_part(html: str) -> str:
    """The list of the page, to be put in its place; nothing for a form that was opened from another page."""
    if not urlsplit(request.headers.get("HX-Current-URL", "/settings")).path.startswith("/settings"):
        return ""
    return f'<hx-partial hx-target="#settings-list" hx-swap="outerMorph">{html}</hx-partial>'


def tried(form: HouseForm, act: Callable[[], Any]) -> tuple[Any, str, int]:
    """Run `act` with a form that holds: (result, "", 200), or (None, the sentence no field is to blame for, status)."""
    if not form.validate():
        return None, "", 422
    try:
        return act(), "", 200
    except (Invalid, NotPossible) as refusal:
        words = form.blame(refusal)
        return None, words, 409 if isinstance(refusal, Stale) else 422


def posted_key() -> str:
    return request.form.get("key", "")[:80]


def seen() -> str:
    """The version that the form was drawn from."""
    return request.form.get("seen", "")[:40]
