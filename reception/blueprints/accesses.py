"""Who opened whose card: written down before a card is shown, listed by person, card, way and day, and looked into."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from reception import clock
from reception.access import Permission, requires
from reception.blueprints.money_filters import day_of
from reception.domain import accesses, accesses_review, patients, trail
from reception.domain.accesses import Asked
from reception.domain.errors import Busy, Invalid, NotFound, Refusal, invalid_field
from reception.domain.locks import load
from reception.errors import is_htmx, sentence
from reception.extensions import db
from reception.models import AccessEntry, Patient
from reception.transaction import Trace, perform, run
from reception.words import N_

bp = Blueprint("accesses", __name__, url_prefix="/patients/access")
log = logging.getLogger(__name__)

LOOKED: dict[str, str] = {
    "visits": N_("Visits"),
    "bills": N_("Bills"),
    "purse": N_("Bonus and deposit"),
    "changes": N_("Changes"),
    "access": N_("Access"),
    "edit": N_("Opened to change"),
    "details": N_("Details"),
    "bookings": N_("Bookings"),
    "questionnaire": N_("Questionnaire"),
    "record": N_("Medical record"),
    "care": N_("Vitals and treatments"),
    "history": N_("History of illness"),
    "visit": N_("Today's visit"),
    "appointment": N_("Appointment"),
    "booking": N_("Booking"),
    "walk-in": N_("Walk-in"),
    "bill": N_("Bill"),
    "receipt": N_("Receipt"),
    "merge": N_("Compared with another card"),
    "anonymise": N_("To be made anonymous"),
    "api": N_("Through the API"),
    "api-list": N_("In a list through the API"),
    "call": N_("Among the people to call"),
    "export": N_("Exported"),
    "print": N_("Printed"),
    "refused": N_("Refused"),
}
"""In which way a card was opened."""
WHY: dict[str, str] = {
    "refused": N_("Refused"),
    "namesake": N_("Has the same last name"),
    "stranger": N_("No visit or booking within 30 days"),
    "many": N_("Many cards within an hour"),
    "hours": N_("Outside the opening hours"),
}
"""Why an access is unusual."""


# ---------------------------------------------------------------------------------------------------------- writing


def opened(patient_id: int, how: str) -> Patient:
    """The card, once it is written down who looks at it and how. Raises NotFound; Busy where it cannot be written."""
    trace = _trace()
    try:
        found = perform(g.actor, patients.note_access, patient_id, how, trace=trace, request_id=trace.request_id)
        assert isinstance(found, Patient)
        return found
    except NotFound:
        g.is_refusal_noted = True
        perform(g.actor, patients.note_refused, patient_id, trace=trace, request_id=trace.request_id)
        raise
    except (Refusal, SQLAlchemyError) as error:
        raise _closed(error, patient_id) from None


def all_opened(patient_ids: Iterable[int], how: str) -> None:
    """Write down that all of these cards are about to be shown. Raises Busy where it cannot be written."""
    idents = list(patient_ids)
    if not idents:
        return
    trace = _trace()
    try:
        perform(g.actor, accesses.note, idents, how, trace=trace, request_id=trace.request_id)
    except (Refusal, SQLAlchemyError) as error:
        raise _closed(error, idents[0]) from None


def _trace() -> Trace:
    return Trace(g.actor.login_id, g.actor.address, g.get("request_id", ""))


def _closed(error: Exception, patient_id: int) -> Busy:
    db.session.rollback()
    log.error("access to patient %s could not be noted: %s", patient_id, type(error).__name__)
    return Busy(
        N_("This card stays closed: it could not be written down who opens it. Please try again."),
        code="access-not-noted",
    )


@bp.after_app_request
def _note_refusal(response: Response) -> Response:
    """Who asked for a card without the right, or for one that is not here, stands in the log, too."""
    ident = (request.view_args or {}).get("patient_id")
    actor = g.get("actor")
    if ident is None or actor is None or actor.kind not in ("user", "token") or g.get("is_refusal_noted"):
        return response
    if response.status_code in (403, 404):
        trace, is_missing = _trace(), response.status_code == 404
        try:
            perform(
                actor, accesses.note_refusal, ident, trace=trace, request_id=trace.request_id, is_missing=is_missing
            )
        except (Refusal, SQLAlchemyError) as error:
            db.session.rollback()
            log.error("a refused access to patient %s could not be noted: %s", ident, type(error).__name__)
    return response


# ---------------------------------------------------------------------------------------------------------- reading


@bp.get("")
@requires(Permission.AUDIT)
def index() -> Response:
    """The log, newest first."""
    asked, error = _asked(request.args)
    page = accesses.page(g.actor, asked, before=_before())
    context = _context(asked, error, rows=page.rows, before=page.before)
    template = "accesses/_rows.html" if is_htmx() else "accesses/index.html"
    return make_response(render_template(template, **context), error.status if error else 200)


@bp.get("/review")
@requires(Permission.AUDIT)
def review() -> Response:
    """Unusual accesses that nobody has looked into yet; `done`: those that somebody has."""
    asked, error = _asked(request.args)
    done = "done" in request.args
    rows, before = accesses_review.unusual(g.actor, asked, before=_before(), reviewed=done)
    context = _context(asked, error, rows=rows, before=before, done=done, why_words=WHY)
    context |= {"by": accesses_review.reviewers(row.review for row in rows), "key": _key}
    if done:
        context["query"]["done"] = 1
    template = "accesses/_unusual.html" if is_htmx() else "accesses/review.html"
    return make_response(render_template(template, **context), error.status if error else 200)


@bp.post("/<int:entry_id>/review")
@requires(Permission.AUDIT)
def mark(entry_id: int) -> AnyResponse:
    """Say that an access was fine, or was not and why."""
    is_fine, note = request.form.get("is_fine") == "1", request.form.get("note", "")
    if not is_fine and not note.strip():
        raise invalid_field("note", N_("Say in a few words what was not right."))
    row = run(accesses_review.review, entry_id, is_fine, note)
    if not is_htmx():
        return redirect(url_for("accesses.review"), 303)
    entry = load(AccessEntry, entry_id, g.actor.clinic_id)
    card = patients.find(entry.patient_id, g.actor) if entry.patient_id else None
    who = accesses.names([entry]).get((entry.actor_kind, entry.actor_id), "")
    shown = accesses_review.Unusual(
        entry, card, who, clock.service_day(entry.at, g.actor.clinic), [entry.id], [], row
    )  # fmt: skip
    context = {"row": shown, "looked": LOOKED, "why_words": WHY, "viewer": g.actor, "key": _key}
    return make_response(render_template("accesses/_one.html", by=accesses_review.reviewers([row]), **context))


def _key(row: accesses_review.Unusual) -> str:
    """The key of marking a row: saying something else later is another wish."""
    said = row.review
    return f"access-{row.newest.id}.{said.at.timestamp() if said else 0}"


def _context(asked: Asked, error: Invalid | None, **more: Any) -> dict[str, Any]:
    patient = _card(asked.patient_id)
    return {
        "asked": asked,
        "patient": patient,
        "users": trail.users(g.actor),
        "hows": [(how, gettext(LOOKED.get(how, how))) for how in accesses.hows(g.actor)],
        "looked": LOOKED,
        "query": _query(asked, patient),
        "is_later": "before" in request.args,
        "error": sentence(error) if error else "",
        "viewer": g.actor,
        **more,
    }


def _card(ident: int | None) -> Patient | None:
    try:
        return patients.find(ident, g.actor) if ident else None
    except NotFound:
        return None


def _before() -> int | None:
    text = request.args.get("before", "")
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _asked(args: MultiDict[str, str]) -> tuple[Asked, Invalid | None]:
    """The filters of an address, and what is wrong with them."""
    nothing = date.min
    first, error = day_of(args.get("from", ""), nothing)
    last, other = day_of(args.get("to", ""), nothing)
    error = error or other
    if not error and nothing not in (first, last) and last < first:
        error = invalid_field("to", N_("The last day is before the first. Please change one of them."))
    user, number = args.get("user", ""), args.get("card", "").strip()[:20]
    patient_id = accesses.by_card_no(g.actor, number) if number else None
    if number and patient_id is None:
        error = error or invalid_field("card", N_("There is no card with this number here."))
    return (
        Asked(
            first=None if error or first == nothing else first,
            last=None if error or last == nothing else last,
            user_id=int(user) if re.fullmatch(r"[0-9]{1,18}", user) else None,
            patient_id=patient_id,
            how=args.get("how", "")[:40] or None,
        ),
        error,
    )


def _query(asked: Asked, patient: Patient | None) -> dict[str, Any]:
    """The filters as they stand in an address."""
    found = {
        "from": asked.first.isoformat() if asked.first else None,
        "to": asked.last.isoformat() if asked.last else None,
        "user": asked.user_id,
        "card": patient.card_no if patient else None,
        "how": asked.how,
    }
    return {name: value for name, value in found.items() if value is not None}
