"""The audit: who did what to which record, when and from where; and whether its chain is whole."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, Response, current_app, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.datastructures import MultiDict

from reception import formats, labels
from reception.access import Permission, requires
from reception.blueprints import accesses, answers
from reception.blueprints.dialogs import dialog, wants_part
from reception.blueprints.money_filters import day_of
from reception.blueprints.shell import may_open
from reception.domain import audit, cards, chain, evidence, taking_back, trail
from reception.domain.actors import Actor
from reception.domain.errors import Invalid, NotAllowed, NotPossible, invalid_field
from reception.domain.registry import MEDICAL_ROLES
from reception.domain.trail import Wanted
from reception.errors import is_htmx, sentence
from reception.models import AuditEntry, Doctor
from reception.transaction import run
from reception.words import N_

bp = Blueprint("audit", __name__, url_prefix="/audit")

TITLE = N_("Take an act back")
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
    return listed("audit/index.html")


def listed(template: str) -> Response:
    """The list of an address, on the page `template` or alone."""
    wanted, error = asked(request.args)
    before = request.args.get("before", "")
    is_opened = _opened(wanted)
    page = trail.page(g.actor, wanted, before=int(before) if re.fullmatch(r"[0-9]{1,18}", before) else None)
    return make_response(
        render_template(
            "audit/_entries.html" if is_htmx() else template,
            rows=rows_of(page.entries, g.actor, is_opened=is_opened),
            before=page.before,
            is_later=bool(before),
            endpoint=request.endpoint,
            wanted=wanted,
            query=query_of(wanted),
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


# ------------------------------------------------------------------------------------------------------- taking back


@bp.get("/<int:seq>/back")
@requires(Permission.AUDIT)
def take_back(seq: int) -> Response:
    """What taking the act back would change."""
    try:
        return _ask(taking_back.plan(seq, g.actor))
    except (NotPossible, NotAllowed) as refusal:
        return dialog("audit/_back.html", TITLE, refusal=refusal, plan=None, rows=[])


@bp.post("/<int:seq>/back")
@requires(Permission.AUDIT)
def taken_back(seq: int) -> Any:
    """Give the changed fields their former values again, as a new act."""
    try:
        run(taking_back.take_back, seq)
    except (Invalid, NotPossible, NotAllowed) as refusal:
        return dialog("audit/_back.html", TITLE, refusal=refusal, plan=None, rows=[])
    if not wants_part():
        return redirect(url_for("audit.index"), 303)
    return answers.done(gettext("Taken back: it is as it was before number %(number)s.", number=seq))


def _ask(plan: taking_back.Plan) -> Response:
    if plan.entry.entity_kind == "patient":
        accesses.opened(plan.entry.entity_id, "changes")
        plan = taking_back.plan(plan.entry.seq, g.actor)
    may_read = g.actor.has(*MEDICAL_ROLES)
    rows = [
        (labels.field_words(name), *(labels.value_words(name, value) for value in (now, former)))
        for name, now, former in plan.fields
        if may_read or name not in cards.MEDICAL
    ]
    return dialog("audit/_back.html", TITLE, plan=plan, rows=rows, what=labels.action_words(plan.entry.action))


@dataclass(frozen=True, slots=True)
class Row:
    """One entry in words. `page` and `dialog`: addresses of its record, `takes_back`: where it is taken back, where there
    are such."""

    entry: AuditEntry
    who: str
    what: str
    kind: str
    called: str
    page: str
    dialog: str
    receipt: str
    changed: list[labels.Changed]
    takes_back: str


def rows_of(entries: list[AuditEntry], actor: Actor, *, is_opened: bool) -> list[Row]:
    """The entries in words. What was changed on a patient's card is said only where that card alone is asked for, which is
    written down as opening it."""
    kept = trail.kept(actor, [e for e in entries if is_opened or e.entity_kind != "patient"])
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
            changed=labels.changed(entry, actor.clinic.currency, _readable(kept.get(entry.seq, {}), actor)),
            takes_back=url_for("audit.take_back", seq=entry.seq) if taking_back.may_take_back(entry, actor) else "",
        )
        for entry in entries
    ]


def _opened(wanted: Wanted) -> bool:
    """Whether one patient's card alone is asked for; then it is written down who reads what was changed on it."""
    if not wanted.record or wanted.record[0] != "patient" or wanted.record[1] is None:
        return False
    accesses.opened(wanted.record[1], "changes")
    return True


def _readable(kept: dict[str, tuple[str | None, str | None]], actor: Actor) -> dict[str, tuple[str | None, str | None]]:
    may_read = actor.has(*MEDICAL_ROLES)
    return {name: pair for name, pair in kept.items() if may_read or name not in cards.MEDICAL}


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


def asked(args: MultiDict[str, str]) -> tuple[Wanted, Invalid | None]:
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


def query_of(wanted: Wanted) -> dict[str, Any]:
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
