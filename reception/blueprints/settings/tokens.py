"""API tokens of this clinic: what they are for, whose rights they have, and the end of them."""

from __future__ import annotations

from typing import Any

from flask import g, make_response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from reception import access, live
from reception.access import Permission, requires
from reception.blueprints.dialogs import new_key, wants_part
from reception.blueprints.fields import Choice, text
from reception.blueprints.settings.frame import as_part, asked, bp, listing, posted_key, saved, tried
from reception.blueprints.settings.rights import Confirmed
from reception.domain import users
from reception.extensions import db
from reception.models import ApiToken, Membership, User
from reception.transaction import run


class TokenForm(Confirmed):
    name = text(_l("What it is for"), needed=True)
    user_id = Choice(_l("Acts as"))

    @classmethod
    def of(cls, **given: Any) -> TokenForm:
        form = cls(**given)
        here = select(Membership.user_id).where(Membership.clinic_id == g.actor.clinic_id)
        query = select(User.id, User.full_name, User.username).where(User.id.in_(here), User.is_active)
        rows = db.session.execute(query.order_by(User.full_name))
        form.user_id.offer((ident, f"{full_name} ({username})") for ident, full_name, username in rows)
        return form


def _tokens() -> list[Any]:
    query = (
        select(ApiToken, User)
        .join(User, User.id == ApiToken.user_id)
        .where(ApiToken.clinic_id == g.actor.clinic_id)
        .order_by(ApiToken.revoked_at.is_not(None), ApiToken.created_at.desc(), ApiToken.id.desc())
        .limit(200)
    )
    return list(db.session.execute(query))


def _part() -> str:
    return render_template("settings/_tokens.html", rows=_tokens())


@bp.get("/tokens", endpoint="tokens")
@requires(Permission.USERS)
def tokens_list() -> str:
    """Tokens of programs, those that ended last."""
    return listing("_tokens", rows=_tokens())


@bp.get("/tokens/new")
@requires(Permission.USERS)
def tokens_new() -> Any:
    return _ask(TokenForm.of())


@bp.post("/tokens")
@requires(Permission.USERS)
def tokens_add() -> Any:
    """A new token, shown this once: only its hash is kept."""
    form = TokenForm.of(formdata=request.form)
    secret = access.new_token()

    def act() -> ApiToken:
        form.check_confirmed()
        return run(users.add_token, form.user_id.number, access.hashed(secret), form.name.data)

    row, error, status = tried(form, act)
    if status != 200:
        return _ask(form, error, status)
    is_new = row.token_hash == access.hashed(secret)  # a repeated wish: the first answer showed it
    answer = asked("_token", row=row, secret=secret if is_new else "")
    if wants_part():
        answer = make_response(answer.get_data(as_text=True) + as_part(_part()))
    return answer


@bp.post("/tokens/<int:ident>/revoke")
@requires(Permission.USERS)
def tokens_revoke(ident: int) -> Any:
    """The token is worth nothing from now on."""
    run(users.revoke_token, ident, about=("api_token", ident))
    live.rights_changed(g.actor.clinic_id)
    return saved(gettext("The token is worth nothing any more."), "settings.tokens", _part)


def _ask(form: TokenForm, error: str = "", status: int = 200) -> Any:
    return asked(
        "_token_new", status, form=form, error=error, url=url_for("settings.tokens_add"),
        key=new_key() if status == 200 else posted_key(),
    )  # fmt: skip
