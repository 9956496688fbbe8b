"""Dialogs of every subject: a part for htmx, a page of its own for a plain request; keys of forms that create."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Response, g, make_response, render_template, request
from flask_babel import gettext
from wtforms import Form

from reception.domain import patients
from reception.domain.errors import Refusal
from reception.errors import is_htmx, sentence
from reception.models import Patient


def wants_part() -> bool:
    """Whether htmx asks for a part; going back in the history wants the whole page."""
    return is_htmx() and request.headers.get("HX-History-Restore-Request") != "true"


def dialog(template: str, title: str, *, refusal: Refusal | None = None, status: int = 200, **context: Any) -> Response:
    """The dialog `template`, with what was refused and the card that the refusal points at.

    `title`: of the page that it stands on for a plain request.
    """
    context |= {
        "title": gettext(title),
        "viewer": g.actor,
        "error": sentence(refusal) if refusal and not _is_told(refusal, context) else "",
        "refusal": refusal,
        "twin": twin_of(refusal),
        "plain": not wants_part(),
    }
    page = template if wants_part() else "components/plain.html"
    html = render_template(page, part=template, **context)
    return make_response(html, refusal.status if refusal else status)


def _is_told(refusal: Refusal, context: dict[str, Any]) -> bool:
    """Whether a field of the dialog's forms says it already."""
    forms = (form for form in (context.get("form"), context.get("person")) if isinstance(form, Form))
    return bool(refusal.fields) and any(field.errors for form in forms for field in form)


def twin_of(refusal: Refusal | None) -> Patient | None:
    """The card that a refusal points at."""
    if refusal is None or refusal.link is None or refusal.link[0] != "patient":
        return None
    return patients.find(refusal.link[1], g.actor)


def new_key() -> str:
    """The key of a form that creates something."""
    return secrets.token_urlsafe(12)


def same_key(refusal: Refusal | None = None) -> str:
    """The key of the form that came: the same after an error, a new one where it was used for something else."""
    if refusal is not None and refusal.code == "key-reused":
        return new_key()
    return request.form.get("key", "")[:80]
