"""Is it one of these? Cards like the one that is being written, and the list of pairs that somebody should judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babel.lists import format_list
from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask_babel import get_locale, gettext
from werkzeug.wrappers import Response as AnyResponse

from reception.access import Permission, may, requires
from reception.blueprints import answers
from reception.domain import search
from reception.domain.matching import cards, judging
from reception.domain.matching.compare import Level, Likeness
from reception.domain.matching.people import date_digits, person
from reception.errors import is_htmx
from reception.transaction import run
from reception.words import N_

bp = Blueprint("duplicates", __name__, url_prefix="/patients")

LONGEST = 200
SHORTEST = 3
"""Letters from which the beginning of a name is worth a search."""
WHY: dict[tuple[str, Level], str] = {
    ("document", Level.SAME): N_("same document"),
    ("document", Level.NEAR): N_("document number nearly the same"),
    ("phone", Level.SAME): N_("same phone"),
    ("phone", Level.NEAR): N_("phone one digit off"),
    ("email", Level.SAME): N_("same e-mail"),
    ("email", Level.NEAR): N_("e-mail nearly the same"),
    ("born", Level.SAME): N_("same birth date"),
    ("born", Level.NEAR): N_("birth date nearly the same"),
    ("family", Level.SAME): N_("same last name"),
    ("family", Level.NEAR): N_("last name sounds alike"),
    ("family", Level.PARTLY): N_("last name begins alike"),
    ("given", Level.SAME): N_("same first name"),
    ("given", Level.NEAR): N_("first name sounds alike"),
    ("given", Level.PARTLY): N_("first name begins alike"),
    ("swapped", Level.SAME): N_("names the other way round"),
    ("swapped", Level.NEAR): N_("names the other way round"),
    ("street", Level.SAME): N_("same address"),
    ("street", Level.NEAR): N_("address nearly the same"),
}
"""What agrees, and how far -> words."""
BOTH_NAMES = (("given", Level.SAME), ("family", Level.SAME))
MOST_REASONS = 3


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A card that may be the one, and why."""

    card: Any
    why: str


def reasons(likeness: Likeness) -> str:
    """Why two cards look like one person's, the weightiest first."""
    fields = dict(likeness.fields)
    found = [gettext(WHY[field]) for field in likeness.fields if field in WHY]
    if fields.get("given") == fields.get("family") == Level.SAME:
        said = {gettext(WHY[field]) for field in BOTH_NAMES}
        found = [gettext("same name"), *(words for words in found if words not in said)]
    return str(format_list(found[:MOST_REASONS], "unit", get_locale()))


def suggestions(typed: Mapping[str, str]) -> list[Suggestion]:
    """At most five cards that look like what stands in a form so far; `own` of it: the card that is being changed."""
    text = {name: str(value).strip()[:LONGEST].replace("\x00", "") for name, value in typed.items()}
    one = person(
        given=text.get("first_name", ""),
        middle=text.get("middle_name", ""),
        family=text.get("last_name", ""),
        born=date_digits(text.get("date_of_birth", "")),
        gender=text.get("gender", ""),
        phones=[text.get("phone"), text.get("home_phone")],
        email=text.get("email", ""),
        street=text.get("address", ""),
        document=text.get("national_id", ""),
    )
    own = int(text["own"]) if text.get("own", "").isascii() and text.get("own", "").isdigit() else None
    found = [Suggestion(hit.card, reasons(hit.likeness)) for hit in cards.alike(g.actor.clinic_id, one, but=own)]
    name = f"{text.get('last_name', '')} {text.get('first_name', '')}".strip()
    if found or one.born or one.phones or len(name) < SHORTEST:
        return found
    rows = search.find_patients(g.actor.clinic_id, name, limit=cards.MOST_SHOWN, exact_layout=True)
    return [Suggestion(row, "") for row in rows if row.id != own]


# -------------------------------------------------------------------------------------------------- the list of pairs


@bp.get("/duplicates")
@requires(Permission.REGISTER)
def index() -> str:
    """Pairs that look like one person, surest first."""
    return _page()


@bp.post("/duplicates/different")
@requires(Permission.REGISTER)
def different() -> AnyResponse:
    """These are two people."""
    one, other = _pair()
    told = run(judging.tell_apart, one, other)
    undo: dict[str, object] = {
        "url": url_for("duplicates.alike", first=one, second=other),
        "key": f"alike.{one}.{other}.{told.id}",
        "version": "",
    }
    return _judged(gettext("Two people. They are not shown as one again."), undo)


@bp.post("/duplicates/<int:first>/<int:second>/alike")
@requires(Permission.REGISTER)
def alike(first: int, second: int) -> AnyResponse:
    """They may be one person after all."""
    run(judging.take_back, first, second, about=("patient", min(first, second)))
    return _judged(gettext("The pair is in the list again."))


def _pair() -> tuple[int, int]:
    return request.form.get("first", 0, type=int), request.form.get("second", 0, type=int)


def _judged(text: str, undo: dict[str, object] | None = None) -> AnyResponse:
    if not is_htmx():
        return redirect(url_for("duplicates.index"), 303)
    answer: Response = answers.done(text, undo=undo)
    answer.headers["HX-Trigger"] = "rx:duplicates"
    return answer


def _page() -> str:
    found, more = judging.likely(g.actor)
    template = "duplicates/_pairs.html" if is_htmx() else "duplicates/index.html"
    return render_template(
        template,
        pairs=[(twins, reasons(twins.likeness), judging.is_sure(twins.likeness, g.actor)) for twins in found],
        more=more,
        may_merge=may(g.actor, Permission.MERGE),
        viewer=g.actor,
    )
