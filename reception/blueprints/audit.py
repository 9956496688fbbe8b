"""The audit: who did what to which record, when and from where; and whether its chain is whole."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, Response, current_app, g, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict

from reception import formats, labels
from reception.access import Permission, requires
from reception.blueprints.money_filters import day_of
from reception.blueprints.shell import may_open
from reception.domain import audit, chain, evidence, trail
from reception.domain.actors import Actor
from reception.domain.errors import Invalid, invalid_field
from reception.domain.trail import Wanted
from reception.errors import is_htmx, sentence
from reception.models import AuditEntry, Doctor
from reception.transaction import run
from reception.words import N_

bp = Blueprint("audit", __name__, url_prefix="/audit")

PAGES: dict[str, tuple[str, str]] = {
    "patient": ("patients.card", "patient_id"),
    "doctor": ("directory.doctor", "doctor_id"),
}
"""Where a record's own page is: kind -> endpoint and its argument; left out where there is none yet."""
DIALOGS: dict[str, tuple[str, str]] = {"visit": ("queue.visit", "visit_id")}


@bp.get("")
@requires(Permission.AUDIT)
def index() -> Response:
    """The entries, newest first."""
    wanted, error = _wanted(request.args)
    before = request.args.get("before", "")
    page = trail.page(g.actor, wanted, before=int(before) if re.fullmatch(r"[0-9]{1,18}", before) else None)
    template = "audit/_entries.html" if is_htmx() else "audit/index.html"
    return make_response(
        render_template(
            template,
            rows=_rows(page.entries, g.actor),
            before=page.before,
            is_later=bool(before),
            wanted=wanted,
            query=_query(wanted),
            users=trail.users(g.actor),
            actions=labels.actions(),
            kinds=[(kind, labels.kind_words(kind)) for kind in labels.KINDS],
            error=sentence(error) if error else "",
            **_check(g.actor),
        ),
        error.status if error else 200,
    )


@bp.post("/check")
@requires(Permission.AUDIT)
def check() -> Any:
    """Read the whole chain and the money that it names, say whether both are whole, and record that it was checked."""
    found = chain.examine(g.actor.clinic_id)
    if found.broken_at is None:
        money = evidence.examine(g.actor.clinic_id)
        found = found if money.broken_at is None else money
    run(audit.note_check, found, about=("clinic", g.actor.clinic_id))
    if not is_htmx():
        return redirect(url_for("audit.index"), 303)
    return render_template("audit/_check.html", **_check(g.actor))


def _check(actor: Actor) -> dict[str, Any]:
    """What the banner shows: the last check, who made it, and a key for the next."""
    last = chain.last_check(actor.clinic_id)
    name = trail.who([last]).get((last.actor_kind, last.actor_id), "") if last else ""
    return {"check": last, "checked_by": name, "check_key": secrets.token_urlsafe(12)}


@dataclass(frozen=True, slots=True)
class Row:
    """One entry in words. `page` and `dialog`: addresses of its record, where there are such."""

    entry: AuditEntry
    who: str
    what: str
    kind: str
    called: str
    page: str
    dialog: str
    receipt: str
    changed: list[labels.Changed]


def _rows(entries: list[AuditEntry], actor: Actor) -> list[Row]:
    people, called = trail.who(entries), trail.called(actor, entries)
    return [
        Row(
            entry=entry,
            who=people.get((entry.actor_kind, entry.actor_id), ""),
            what=labels.action_words(entry.action),
            kind=labels.kind_words(entry.entity_kind),
            called=_called(called.get((entry.entity_kind, entry.entity_id))),
            page=_address(PAGES, entry, actor),
            dialog=_address(DIALOGS, entry, actor),
            receipt=_receipt(entry, actor),
            changed=labels.changed(entry, actor.clinic.currency),
        )
        for entry in entries
    ]


def _called(name: Any) -> str:
    if isinstance(name, Doctor):
        return formats.doctor_name(name)
    return formats.full_date(name) if isinstance(name, date) else name or ""


def _address(known: dict[str, tuple[str, str]], entry: AuditEntry, actor: Actor) -> str:
    endpoint, argument = known.get(entry.entity_kind, ("", ""))
    if endpoint not in current_app.view_functions or not may_open(actor, endpoint):
        return ""
    return url_for(endpoint, **{argument: entry.entity_id})  # type: ignore[arg-type]


def _receipt(entry: AuditEntry, actor: Actor) -> str:
    operation = entry.fields.get("operation")
    if not isinstance(operation, int) or not may_open(actor, "finance.receipt"):
        return ""
    return url_for("finance.receipt", operation_id=operation)


def _wanted(args: MultiDict[str, str]) -> tuple[Wanted, Invalid | None]:
    """The filters of an address, and what is wrong with the days."""
    nothing = date.min
    first, error = day_of(args.get("from", ""), nothing)
    last, other = day_of(args.get("to", ""), nothing)
    error = error or other
    if not error and nothing not in (first, last) and last < first:
        error = invalid_field("to", N_("The last day is before the first. Please change one of them."))
    record = re.fullmatch(r"([a-z]+(?:[_-][a-z]+)*)(?:-([0-9]{1,18}))?", args.get("record", ""))
    kind = record[1].replace("-", "_") if record else ""
    action, user = args.get("action", ""), args.get("user", "")
    return (
        Wanted(
            first=None if error or first == nothing else first,
            last=None if error or last == nothing else last,
            user_id=int(user) if re.fullmatch(r"[0-9]{1,18}", user) else None,
            action=action if labels.is_action(action) else None,
            record=(kind, int(record[2]) if record and record[2] else None) if kind in labels.KINDS else None,
        ),
        error,
    )


def _query(wanted: Wanted) -> dict[str, Any]:
    """The filters as they stand in an address."""
    kind, ident = wanted.record or ("", None)
    found = {
        "from": wanted.first.isoformat() if wanted.first else None,
        "to": wanted.last.isoformat() if wanted.last else None,
        "user": wanted.user_id,
        "action": wanted.action,
        "record": (kind if ident is None else f"{kind}-{ident}") or None,
    }
    return {name: value for name, value in found.items() if value is not None}
