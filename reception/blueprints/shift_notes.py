"""Notes for the next shift: left with one key, on the desk until they are done."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import TextAreaField
from wtforms.validators import InputRequired

from reception.access import Permission, requires
from reception.blueprints import answers
from reception.blueprints.dialogs import dialog, new_key, same_key
from reception.blueprints.fields import NEEDED, HouseForm
from reception.domain import shift_notes
from reception.domain.errors import Invalid, NotPossible, Refusal
from reception.transaction import run
from reception.words import N_

bp = Blueprint("notes", __name__, url_prefix="/desk/notes")


class NoteForm(HouseForm):
    text = TextAreaField(_l("Note for the next shift"), [InputRequired(NEEDED)])


@bp.get("/new")
@requires(Permission.DESK)
def new() -> Response:
    """The form of a note."""
    return _ask(NoteForm(), new_key())


@bp.post("")
@requires(Permission.DESK)
def add() -> Response:
    """Leave the note."""
    form = NoteForm(request.form)
    if not form.validate():
        return _ask(form, same_key(), status=422)
    try:
        run(shift_notes.add, form.text.data or "")
    except (Invalid, NotPossible) as refusal:
        form.blame(refusal)
        return _ask(form, same_key(refusal), refusal)
    return answers.done(gettext("The note stands on the desk."))


@bp.post("/<int:note_id>/done")
@requires(Permission.DESK)
def finish(note_id: int) -> Response:
    """It is done."""
    note = run(shift_notes.finish, note_id, about=("shift_note", note_id))
    undo: dict[str, object] = {
        "url": url_for("notes.reopen", note_id=note.id),
        "key": f"{note.ref}.open.{note.updated_at:%s%f}",
        "version": "",
    }
    return answers.done(gettext("The note is done."), undo=undo)


@bp.post("/<int:note_id>/open")
@requires(Permission.DESK)
def reopen(note_id: int) -> Response:
    """It is not done after all."""
    run(shift_notes.reopen, note_id, about=("shift_note", note_id))
    return answers.done(gettext("The note stands on the desk again."))


def _ask(form: NoteForm, key: str, refusal: Refusal | None = None, status: int = 200) -> Response:
    return dialog("notes/_note.html", N_("Note for the next shift"), form=form, key=key, refusal=refusal, status=status)
