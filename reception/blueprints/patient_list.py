"""The registry's list: by name, by typed text, by filters; a page at a time. What is searched for travels in the body."""

from __future__ import annotations

from typing import Any

from flask import g, render_template, request

from reception.access import Permission, may, requires
from reception.blueprints.dialogs import wants_part
from reception.blueprints.patient_filters import SORT_WORDS, FilterForm, Search, values_of
from reception.blueprints.patients import bp
from reception.domain import registry_links, registry_saved, registry_search
from reception.domain.registry_search import Filters, Found

PAGE = 50


@bp.get("")
@requires(Permission.PATIENTS)
def index() -> str:
    """The registry by name, or a search that the user keeps (`saved`: its number)."""
    saved = request.args.get("saved", type=int)
    kept = registry_saved.find(saved, g.actor) if saved is not None else None
    found = Search.read(kept.query if kept else {"closed": request.args.get("closed", "")})
    return _list(found, after=request.args.get("after", type=int), saved=kept)


@bp.post("/search")
@requires(Permission.PATIENTS, reads=True)
def find() -> str:
    """Cards that match. A POST, so that no name is in an address. `without`: a filter that is taken away."""
    found = Search.read(request.form)
    if without := request.form.get("without", ""):
        asked = Filters() if without == "all" else found.filters.without({"text": "text"}.get(without, without))
        found = Search.of(asked)
    skip = min(max(request.form.get("skip", 0, type=int), 0), registry_search.MOST_TEXT)
    return _list(found, after=request.form.get("after", type=int), skip=skip)


@bp.post("/filters/districts")
@requires(Permission.PATIENTS, reads=True)
def filter_places() -> str:
    """The districts of the chosen region, for the filters."""
    form = FilterForm(request.form)
    return render_template("patients/_filter_district.html", form=form)


def _list(found: Search, *, after: int | None = None, skip: int = 0, saved: Any = None) -> str:
    asked = found.filters
    rows = registry_search.page(g.actor, asked, PAGE, after, skip)
    is_plain = not (asked.text or asked.is_filtered)
    context = {
        "patients": rows.rows, "found": rows, "search": found, "asked": asked, "q": asked.text, "closed": asked.closed,
        "values": values_of(asked), "form": found.form, "chips": found.chips, "sorts": SORT_WORDS,
        "count": None if is_plain else _count(asked, rows, after, skip),
        "is_plain": is_plain, "after": after, "skip": skip, "saved": saved, "viewer": g.actor,
        "guardians": registry_links.guardians(rows.rows),
        "searches": registry_saved.mine(g.actor) if g.actor.user_id else [],
        "may_register": may(g.actor, Permission.REGISTER), "may_export": may(g.actor, Permission.EXPORT),
    }  # fmt: skip
    if not wants_part():
        return render_template("patients/index.html", **context)
    whole = request.headers.get("HX-Target", "").rpartition("#")[2] == "registry"
    return render_template("patients/_registry.html" if whole else "patients/_list.html", **context)


def _count(asked: Filters, found: Found, after: int | None, skip: int) -> tuple[int, bool]:
    """How many match, and whether there are more; a first page that is not full says it itself."""
    is_all = found.following is None and found.skip is None
    if is_all and after is None:
        return skip + len(found.rows), False
    return found.counted or registry_search.count(g.actor, asked)
