"""The password asked again before an act that cannot be left to whoever stands at an open screen.

A form shows `components/confirm.html`; its view calls `confirm()` before it runs its verb.
"""

from __future__ import annotations

from flask import current_app, g, request
from sqlalchemy import select

from reception import tries
from reception.aside import aside
from reception.domain import users
from reception.domain.errors import NotAllowed
from reception.extensions import db
from reception.models import User
from reception.words import N_


def confirm(password: str | None = None) -> None:
    """Raise NotAllowed unless `password` (the form's field of this name) is the actor's own. Tries are limited."""
    typed = request.form.get("password", "") if password is None else password
    who, limit = f"confirm {g.actor.user_id}", current_app.config["LOGIN_LIMIT"]
    if not typed:
        words = N_("Please type your password once more.")
        raise NotAllowed(words, code="password-needed", fields={"password": words})
    if not tries.may_try(limit, who):
        words = N_("Too many tries. Please wait a quarter of an hour.")
        raise NotAllowed(words, code="too-many-tries", fields={"password": words})
    known = db.session.scalar(select(User.password_hash).where(User.id == g.actor.user_id, User.is_active))
    if not aside(users.matches, known, typed[:1000]):
        words = N_("This is not your password.")
        raise NotAllowed(words, code="wrong-password", fields={"password": words})
    tries.forgive(limit, who)
