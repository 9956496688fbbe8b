"""The audit as whoever looks after the program reads it: with request, sign-in and address, and as a table to take away."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, g, request
from flask_babel import get_locale, gettext

from reception import clock, exports, labels
from reception.access import Permission, requires
from reception.aside import aside
from reception.blueprints.audit import asked, listed
from reception.domain import trail
from reception.domain.trail import Wanted

bp = Blueprint("logs", __name__, url_prefix="/logs")


@bp.get("")
@requires(Permission.AUDIT)
def index() -> Response:
    """The entries of the audit with all that is technical about them."""
    return listed("audit/logs.html")


@bp.get("/export")
@requires(Permission.AUDIT)
def export() -> Response:
    """The entries that are filtered, as CSV, or as an Excel workbook (`?form=xlsx`). Nothing personal is in them in clear:
    names and free text are digests."""
    wanted, error = asked(request.args)
    if error:
        raise error
    heads = [
        gettext("No."), gettext("Date"), gettext("Time"), gettext("Who"), gettext("What"), gettext("Action"),
        gettext("Record"), gettext("Number of the record"), gettext("Fields"), gettext("From where"),
        gettext("Request"), gettext("Sign-in"), gettext("Hash"),
    ]  # fmt: skip
    form = "xlsx" if request.args.get("form") == "xlsx" else "csv"
    name = f"audit-{clock.today(g.actor.clinic)}.{form}"
    if form == "csv":
        return exports.csv_stream(name, itertools.chain([heads], _rows(wanted)))
    return exports.xlsx_file(name, heads, list(_rows(wanted)), aside, is_rtl=get_locale().text_direction == "rtl")


def _rows(wanted: Wanted) -> Iterator[list[Any]]:
    entries = trail.every(g.actor, wanted)
    while some := list(itertools.islice(entries, trail.PIECE)):
        names = trail.who(some)
        for entry in some:
            at = clock.local(entry.at, g.actor.clinic).replace(tzinfo=None, microsecond=0)
            who = names.get((entry.actor_kind, entry.actor_id)) or entry.actor_kind
            fields = json.dumps(entry.fields, ensure_ascii=False, sort_keys=True)[:MOST]
            yield [
                entry.seq, at.date(), at.time(), who, labels.action_words(entry.action), entry.action,
                labels.kind_words(entry.entity_kind), str(entry.entity_id), fields, entry.address, entry.request_id,
                "" if entry.login_id is None else str(entry.login_id), entry.hash,
            ]  # fmt: skip


MOST = 32_000
"""Characters that a cell of a workbook holds."""
