"""The questions of the medical questionnaire. Saving other ones makes a new version; answers keep theirs."""

from __future__ import annotations

from typing import Any

from flask import g, redirect, render_template, request, url_for
from flask_babel import gettext
from markupsafe import Markup

from reception.access import Permission, requires
from reception.blueprints import answers
from reception.blueprints.dialogs import new_key, wants_part
from reception.blueprints.settings.frame import as_part, bp, posted_key
from reception.domain import questionnaires
from reception.domain.errors import Invalid, NotPossible, Refusal
from reception.errors import field_sentences, sentence
from reception.transaction import run

BLANK = {"key": "", "label": "", "type": "text"}


@bp.get("/questionnaire")
@requires(Permission.SETTINGS)
def questionnaire() -> Any:
    """The questions as they are asked now."""
    asked = questionnaires.current(g.actor.clinic_id)
    questions = questionnaires.questions_of(asked)
    if asked is None:
        for question in questions:
            words = question["label"]
            question["label"] = gettext(words)
    return _page(questions, asked.version_no if asked else 0)


@bp.post("/questionnaire/form")
@requires(Permission.SETTINGS, reads=True)
def questionnaire_form() -> Any:
    """The list as it is being written, with a line added, moved or taken away (`act`: add, up-3, down-3, drop-3)."""
    questions, (act, _, at) = _read(), request.form.get("act", "").partition("-")
    number = int(at) if at.isascii() and at.isdigit() and int(at) < len(questions) else None
    if act == "add":
        questions.append(dict(BLANK))
    elif number is not None and act == "drop":
        questions.pop(number)
    elif number is not None and act in ("up", "down"):
        other = max(0, min(len(questions) - 1, number + (-1 if act == "up" else 1)))
        questions[number], questions[other] = questions[other], questions[number]
    return _page(questions, _seen(), key=posted_key())


@bp.post("/questionnaire")
@requires(Permission.SETTINGS)
def questionnaire_publish() -> Any:
    questions = _read()
    try:
        row = run(questionnaires.publish, questions, seen=_seen())
    except (Invalid, NotPossible) as refusal:
        return _page(questions, _seen(), refusal, posted_key()), refusal.status
    if not wants_part():
        return redirect(url_for("settings.questionnaire"), 303)
    words = gettext("Version %(version)s is asked from now on.", version=row.version_no)
    return answers.done(words, more=as_part(_part(row.questions, row.version_no)))


def _read() -> list[dict[str, Any]]:
    """The lines of the form, in their order."""
    form = request.form
    lines = zip(
        form.getlist("q-key"), form.getlist("label"), form.getlist("type"), form.getlist("choices"), strict=False
    )
    return [
        {"key": key, "label": label, "type": kind, "choices": [c for c in choices.splitlines() if c.strip()]}
        for key, label, kind, choices in list(lines)[: questionnaires.MOST_QUESTIONS + 1]
    ]


def _seen() -> int:
    return request.form.get("seen", 0, type=int)


def _part(
    questions: list[dict[str, Any]], version_no: int, refusal: Refusal | None = None, key: str = ""
) -> str:  # fmt: skip
    errors = field_sentences(refusal) if refusal else {}
    return render_template(
        "settings/_questionnaire.html",
        questions=questions or [dict(BLANK)],
        types=questionnaires.TYPES,
        version_no=version_no,
        errors=errors,
        error=sentence(refusal) if refusal and not errors else "",
        key=key or new_key(),
    )


def _page(questions: list[dict[str, Any]], version_no: int, refusal: Refusal | None = None, key: str = "") -> Any:
    part = _part(questions, version_no, refusal, key)
    return part if wants_part() else render_template("settings/page.html", part=Markup(part))  # noqa: S704  our own partial
