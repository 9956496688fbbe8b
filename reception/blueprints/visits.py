"""A visit in its dialog, and its moves: each a POST that answers with a toast and the parts of the screen that changed."""

from __future__ import annotations

from typing import Any

from flask import Response, g, request, url_for
from flask_babel import gettext

from reception import clock, formats
from reception.access import Permission, may, requires
from reception.blueprints import answers
from reception.blueprints.checklists import reminder
from reception.blueprints.dialogs import dialog
from reception.blueprints.patients import opened
from reception.blueprints.queue import bp
from reception.blueprints.visit_words import ASKS, DID, MAIN, REASONS, said
from reception.domain import boards, consents, lines, machines, offers
from reception.domain.actors import Actor
from reception.domain.errors import Invalid, NotPossible, Refusal, invalid_field
from reception.domain.locks import load
from reception.domain.visits import changes, moves, queue, undo
from reception.models import Role, Visit
from reception.transaction import run
from reception.words import N_

MOVES = ",".join(repr(name) for name, step in machines.VISIT.items() if step.by_hand)


# --------------------------------------------------------------------------------------------------------- dialogs


@bp.get("/visits/<int:visit_id>")
@requires(Permission.QUEUE)
def visit(visit_id: int) -> Response:
    """The visit with every move that is possible now, in the dialog; that somebody looked is written down first."""
    opened(load(Visit, visit_id, g.actor.clinic_id).patient_id, "visit")
    row = load(Visit, visit_id, g.actor.clinic_id)
    moves_now = possible(row, g.actor)
    return dialog(
        "queue/_visit_dialog.html",
        N_("Visit"),
        visit=row,
        moves=moves_now,
        labels={name: gettext(step.label) for name, step in machines.VISIT.items()},
        asks=_must_ask(row),
        events=[(event, by, gettext(DID[event.move])) for event, by in lines.events(row.id) if event.move in DID],
        main=next((name for name in MAIN if name in moves_now), ""),
        undo=_undo(row, boards.last_event(row.id)),
        may_see_bill=may(g.actor, Permission.BILLS),
        may_fill_in=may(g.actor, Permission.CALL) and row.status in machines.OPEN and moves.is_own_line(row, g.actor),
        to_ask=consents.to_ask(row.patient) if row.status in machines.OPEN else [],
        may_change=changes.may_change(row, g.actor) and may(g.actor, Permission.CHECK_IN),
        may_read_checklist=g.actor.has(Role.DOCTOR, Role.NURSE),
    )


@bp.get(f"/visits/<int:visit_id>/ask/<any({MOVES}):name>")
@requires(Permission.QUEUE)
def ask(visit_id: int, name: str) -> Response:
    """The questions of a move that brings details."""
    return _ask(load(Visit, visit_id, g.actor.clinic_id), name)


def _ask(row: Visit, name: str, refusal: Refusal | None = None) -> Response:
    clinic = g.actor.clinic
    return dialog(
        "queue/_ask.html",
        machines.VISIT[name].label,
        refusal=refusal,
        visit=row,
        name=name,
        fields=ASKS.get(name, ()),
        reasons=[gettext(reason) for reason in REASONS.get(name, ())],
        minutes=clinic.hold_minutes if name == "hold" else clinic.requeue_minutes,
        destinations=offers.destinations(g.actor, row, name),
        form=request.form,
        errors=refusal.fields if refusal else {},
    )


def possible(row: Visit, actor: Actor) -> list[str]:
    """Moves that this very person may make now: what the roles allow, in the own line where they are bound to it."""
    return machines.moves_for(row, actor) if moves.is_own_line(row, actor) else []


def _must_ask(row: Visit) -> frozenset[str]:
    """Moves that need an answer before they are made."""
    needs = {name for name in ASKS if name not in ("requeue", "call", "no-show")}
    is_anyones = row.doctor_id is None and not (g.actor.doctor_id and g.actor.department_id == row.department_id)
    return frozenset(needs | {"call"} if is_anyones else needs)


# ----------------------------------------------------------------------------------------------------------- moves


@bp.post(f"/visits/<int:visit_id>/<any({MOVES}):name>")
@requires(Permission.QUEUE)
def move(visit_id: int, name: str) -> Response:
    """One step of a visit; each names its own roles (`machines.VISIT`)."""
    try:
        details = _details(name)
        row = run(moves.move, visit_id, name, version=whole("version"), about=("visit", visit_id), **details)
    except Invalid as refusal:
        return _ask_again(visit_id, name, refusal)
    except NotPossible as refusal:
        return answers.refused(refusal, load(Visit, visit_id, g.actor.clinic_id))
    return moved(row, name)


def moved(row: Visit, name: str, more: str = "") -> Response:
    """The toast of a move, with its Undo while it is the visit's last step."""
    last = boards.last_event(row.id)
    way_back = _undo(row, last) if last and last.move == name else None
    text: str = said(row, name)
    if name in ("check-in", "walk-in"):
        text = reminder(row, text)
    return answers.done(text, ticket=row.ticket, undo=way_back, visit=row, more=more)


def _undo(row: Visit, last: Any) -> dict[str, object] | None:
    """What the Undo button sends; none where the step cannot be taken back by this actor now."""
    if last is None or last.to_status != row.status or not undo.can_undo(last, g.actor, clock.now()):
        return None
    return {
        "url": url_for("queue.undo", visit_id=row.id),
        "key": f"{row.ref}.undo.{row.version}",
        "version": row.version,
    }


@bp.post("/visits/<int:visit_id>/undo", endpoint="undo")
@requires(Permission.QUEUE)
def take_back(visit_id: int) -> Response:
    """Take the visit's last step back."""
    try:
        row = run(undo.undo, visit_id, version=whole("version"), about=("visit", visit_id))
    except NotPossible as refusal:
        return answers.refused(refusal, load(Visit, visit_id, g.actor.clinic_id))
    text = gettext("Taken back: %(name)s", name=formats.list_name(row.patient))
    return answers.done(text, ticket=row.ticket, visit=row)


@bp.post("/doctors/<int:doctor_id>/call-next")
@requires(Permission.CALL)
def call_next(doctor_id: int) -> Response:
    """Call whom the button names, if the rule still names the same."""
    visit_id = whole("visit_id")
    try:
        row = run(
            queue.call_next, doctor_id, visit_id=visit_id, version=whole("version"),
            about=("visit", visit_id) if visit_id else None,
        )  # fmt: skip
    except NotPossible as refusal:
        return answers.refused(refusal)
    if not isinstance(row, Visit):
        return answers.refused(NotPossible(N_("Nobody is waiting."), code="nobody-waits"))
    return moved(row, "call")


def _details(name: str) -> dict[str, Any]:
    """What the form brings for `name`; a destination is written "doctor-7" or "department-2"."""
    asked = ASKS.get(name, ())
    details: dict[str, Any] = {}
    if "reason" in asked:
        details["reason"] = request.form.get("other", "").strip() or request.form.get("reason", "").strip()
    if name == "cancel":
        details["left"] = bool(request.form.get("left"))
    if "minutes" in asked:
        details["minutes"] = whole("minutes")
    if "where" in asked:
        for field in ("doctor_id", "department_id"):
            details[field] = whole(field)
        kind, _, number = request.form.get("where", "").partition("-")
        if kind in ("doctor", "department"):
            details[f"{kind}_id"] = _number(number, "where")
        if name == "call":
            details.pop("department_id")
    return details


def _ask_again(visit_id: int, name: str, refusal: Invalid) -> Response:
    answer = _ask(load(Visit, visit_id, g.actor.clinic_id), name, refusal)
    answer.headers.update({"HX-Retarget": "#dialog", "HX-Reswap": "innerHTML"})
    return answer


def whole(field: str) -> int | None:
    """A whole number of the form, none where it is empty. Raises Invalid."""
    text = request.form.get(field, "").strip()
    return _number(text, field) if text else None


def _number(text: str, field: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise invalid_field(field, N_("This is not a number."))
    return int(text)
