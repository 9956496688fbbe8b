"""Moving and stretching in the grid: what a drag or the keys send. The answer is a toast; the page asks for the rest.

Whoever may overbook is asked for the reason where the time is full (a small dialog), and sends the same once more with it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from flask import request
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from reception import formats
from reception.access import Permission, requires
from reception.blueprints import answers
from reception.blueprints.appointments import loaded, said_when, undo_of
from reception.blueprints.calendar import bp, changed, to_day
from reception.blueprints.calendar_forms import number_of
from reception.blueprints.dialogs import dialog, new_key, same_key
from reception.domain.calendar import moving
from reception.domain.calendar.places import OVERBOOK
from reception.domain.errors import Invalid, NotAllowed, NotPossible, Refusal, invalid_field
from reception.errors import field_sentences, is_htmx
from reception.extensions import db
from reception.transaction import run
from reception.words import N_

WISH = ("start", "end", "doctor", "room", "version")


@bp.post("/appointments/<int:appointment_id>/drop")
@requires(Permission.BOOK)
def drop(appointment_id: int) -> AnyResponse:
    """Move it to `start`, to the `doctor` or the `room`; with `end` it gets another length at once."""
    about = ("appointment", appointment_id)
    try:
        row = run(
            moving.reschedule,
            appointment_id,
            _instant("start"),
            ends_at=_instant("end") if request.form.get("end") else None,
            doctor_id=number_of(request.form.get("doctor")) or None,
            room_id=number_of(request.form.get("room")) or None,
            version=request.form.get("version", type=int),
            overbooking_reason=request.form.get("overbooking_reason"),
            about=about,
        )
    except (Invalid, NotAllowed, NotPossible) as refusal:
        return _refused(appointment_id, refusal)
    if not is_htmx():
        return to_day(row.day)
    row = loaded(appointment_id)
    text = gettext("Moved: %(name)s to %(when)s", name=formats.list_name(row.patient), when=said_when(row))
    return changed(text, undo=undo_of(row), visit=row.visit)


@bp.post("/appointments/<int:appointment_id>/resize")
@requires(Permission.BOOK)
def resize(appointment_id: int) -> AnyResponse:
    """Let it end at `end`."""
    try:
        row = run(
            moving.resize,
            appointment_id,
            _instant("end"),
            version=request.form.get("version", type=int),
            overbooking_reason=request.form.get("overbooking_reason"),
            about=("appointment", appointment_id),
        )
    except (Invalid, NotAllowed, NotPossible) as refusal:
        return _refused(appointment_id, refusal)
    if not is_htmx():
        return to_day(row.day)
    row = loaded(appointment_id)
    text = gettext(
        "%(name)s: %(first)s–%(last)s now", name=formats.list_name(row.patient), first=formats.time(row.starts_at),
        last=formats.time(row.ends_at),
    )  # fmt: skip
    return changed(text, undo=undo_of(row), visit=row.visit)


def _refused(appointment_id: int, refusal: Refusal) -> AnyResponse:
    """The sentence, the grid shows how things stand; or the question for the reason to go beyond the capacity."""
    db.session.rollback()
    if OVERBOOK in (refusal.allowed or ()) or "overbooking_reason" in refusal.fields:
        return _ask_reason(appointment_id, refusal)
    if not is_htmx():
        raise refusal
    answer = answers.refused(refusal)
    answer.headers["HX-Trigger"] = "rx:close-dialog, rx:calendar"
    return answer


def _ask_reason(appointment_id: int, refusal: Refusal) -> AnyResponse:
    """Why the full time is taken all the same: the wish once more, with a field for the reason."""
    error = field_sentences(refusal).get("overbooking_reason", "")
    if "overbooking_reason" in request.form and not error:
        error = gettext("Say why this time is taken although it is full.")
    answer = dialog(
        "calendar/_overbook.html",
        N_("Beyond the capacity"),
        appointment=loaded(appointment_id),
        first=_instant("start") if request.form.get("start") else None,
        last=_instant("end") if request.form.get("end") else None,
        url=request.path,
        wish=[(name, request.form[name]) for name in WISH if request.form.get(name)],
        key=same_key(refusal) if "overbooking_reason" in request.form else new_key(),
        reason=request.form.get("overbooking_reason", ""),
        reason_error=error,
        refusal=refusal,
    )
    answer.headers["HX-Retarget"], answer.headers["HX-Reswap"] = "#dialog", "innerHTML"
    return answer


def _instant(name: str) -> datetime:
    """An instant with its offset, as the page writes it. Raises Invalid."""
    try:
        found = datetime.fromisoformat(request.form.get(name, ""))
        if found.tzinfo is None:
            raise ValueError
        return found.astimezone(UTC).replace(second=0, microsecond=0)
    except (ValueError, OverflowError):
        raise invalid_field(name, N_("This is not a time.")) from None
