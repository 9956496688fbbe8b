"""Sign-in, sign-out, clinic switch and the user's own preferences."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Response,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from sqlalchemy import select

from reception import access, errors, formats, live, tries
from reception.access import Permission, requires
from reception.aside import aside
from reception.domain import users
from reception.domain.actors import Actor, system
from reception.domain.audit import record
from reception.domain.errors import Invalid, NotFound
from reception.extensions import db
from reception.models import Clinic, LoginSession, User
from reception.transaction import Trace, perform
from reception.words import N_

bp = Blueprint("auth", __name__)


@bp.app_errorhandler(CSRFError)
def _too_old(error: CSRFError) -> Any:
    """A form whose token is not good any more; the sign-in page offers itself anew."""
    if request.endpoint == "auth.sign_in":
        return _page(gettext("This page was open too long, or the browser keeps no cookies. Please try again."), 400)
    return errors.http_error(error)


LONGEST = 1000
"""Characters of a user name or password that are looked at."""
PER_ADDRESS = 10
"""So many times the limit of one account may be tried from one address, whatever the accounts."""


@bp.route("/sign-in", methods=["GET", "POST"])
@requires(Permission.PUBLIC)
def sign_in() -> Any:
    """Name and password; the same answer and effort for unknown names."""
    if request.method == "GET":
        return redirect(_target()) if g.actor else _page()
    name, password = (request.form.get(field, "")[:LONGEST] for field in ("username", "password"))
    name = name.strip().casefold()
    if not name or not password:
        return _page(gettext("Please give user name and password."), 422)
    if not may_try_password(name):
        return _page(gettext("Too many tries. Please wait a quarter of an hour."), 429)
    user = users.by_name(name)
    is_right = aside(users.matches, user.password_hash if user else None, password)
    if user is None or not is_right or not (clinics := users.clinics_of(user.id)):
        return _page(gettext("User name or password is wrong."), 401)
    tries.forgive(current_app.config["LOGIN_LIMIT"], *_who(name))
    actor = Actor(
        kind="user",
        id=user.id,
        clinic=system(clinics[0]).clinic,
        roles=frozenset(),
        user_id=user.id,
        name=user.full_name,
    )
    before = g.actor.login_id if g.actor else None
    perform(actor, _open_session, user.id, clinics[0].id, before, trace=_trace())
    if before:
        live.close_credential("login", before)
    return redirect(_target())


def _open_session(user_id: int, clinic_id: int, before: int | None, *, actor: Actor, at: Any) -> LoginSession:
    """A new row, so that nobody can be made to work in a sign-in that another one knows; the cookie's former one ends."""
    if before and (former := db.session.get(LoginSession, before)):
        former.revoked_at = former.revoked_at or at
    row = access.sign_in(user_id, clinic_id)
    db.session.add(row)
    db.session.flush()
    record(actor, "login.open", row, at=at, user=user_id)
    return row


def may_try_password(name: str) -> bool:
    """Counted before the password is hashed: per account and address together, and per address."""
    limit = current_app.config["LOGIN_LIMIT"]
    account, address = _who(name)
    return tries.may_try(limit, account, address) and tries.may_try(limit, "address", address, times=PER_ADDRESS)


def _who(name: str) -> tuple[str, str]:
    return f"account {name}", request.remote_addr or ""


def _trace() -> Trace:
    return Trace(None, request.remote_addr or "", g.get("request_id", ""))


def _page(message: str = "", status: int = 200) -> Response:
    html = render_template(
        "auth/sign_in.html",
        username=request.form.get("username", "").strip()[:200],
        message=message,
        next=_safe(request.values.get("next")) or "",
        demo=[] if current_app.config["ENVIRONMENT"] == "production" else users.demo_names(),
        demo_password=users.DEMO_PASSWORD,
    )
    return make_response(html, status)


def _target() -> str:
    return _safe(request.values.get("next")) or url_for("desk.index")


def _safe(target: str | None) -> str | None:
    """`target` when it stays in this house."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")) or not target.isprintable():
        return None
    parts = urlsplit(target)
    return target if not parts.netloc and not parts.scheme else None


@bp.post("/sign-out")
@requires(Permission.SIGNED_IN)
def sign_out() -> Any:
    """End this sign-in, on the server too."""
    perform(g.actor, _close_session, trace=_trace())
    live.close_credential("login", g.actor.login_id)
    session.clear()
    return redirect(url_for("auth.sign_in"))


def _close_session(*, actor: Actor, at: Any) -> LoginSession:
    row = db.session.get_one(LoginSession, actor.login_id)
    row.revoked_at = at
    record(actor, "login.close", row, at=at)
    return row


@bp.post("/clinic/<int:clinic_id>")
@requires(Permission.SIGNED_IN)
def switch_clinic(clinic_id: int) -> Any:
    """Work in another clinic of this user's from now on."""
    if g.actor.user_id is None or clinic_id not in {clinic.id for clinic in users.clinics_of(g.actor.user_id)}:
        raise NotFound
    perform(g.actor, _switch, clinic_id, trace=_trace())
    live.rights_changed(clinic_id)
    return redirect(url_for("desk.index"))


def _switch(clinic_id: int, *, actor: Actor, at: Any) -> LoginSession:
    row = db.session.get_one(LoginSession, actor.login_id)
    row.clinic_id = clinic_id
    record(actor, "login.switch", row, at=at, clinic=clinic_id)
    return row


@bp.post("/preferences")
@requires(Permission.SIGNED_IN)
def preferences() -> Any:
    """Language, colours and shortcuts of this user."""
    wish: dict[str, Any] = {}
    if locale := request.form.get("locale"):
        if locale not in formats.LOCALES:
            raise Invalid(N_("This language is not spoken here."))
        wish["locale"] = locale
    if theme := request.form.get("theme"):
        if theme not in ("auto", "light", "dark"):
            raise Invalid(N_("There are light, dark and automatic colours."))
        wish["theme"] = theme
    if request.form.get("switch") == "shortcuts":
        wish["shortcuts"] = request.form.get("shortcuts") == "on"
    perform(g.actor, _prefer, wish, trace=_trace())
    if request.headers.get("HX-Request"):
        return Response(status=204)
    return redirect(_safe(urlsplit(request.referrer or "").path) or url_for("desk.index"))


def _prefer(wish: dict[str, Any], *, actor: Actor, at: Any) -> User:
    user = db.session.get_one(User, actor.user_id)
    for name, value in wish.items():
        setattr(user, name, value)
    record(actor, "user.prefer", user, at=at)
    return user


@bp.post("/language")
@requires(Permission.PUBLIC)
def language() -> Any:
    """The language of the sign-in page."""
    answer = redirect(url_for("auth.sign_in", next=_safe(request.form.get("next"))))
    if (locale := request.form.get("locale")) in formats.LOCALES:
        answer.set_cookie(
            "lang", locale or "en", max_age=31_536_000, samesite="Lax", httponly=True,
            secure=current_app.config["SESSION_COOKIE_SECURE"],
        )  # fmt: skip
    return answer


def current_user_row() -> User | None:
    """The signed-in user's row, for the shell."""
    return db.session.scalar(select(User).where(User.id == g.actor.user_id)) if g.actor else None


def clinic_rows() -> list[Clinic]:
    return users.clinics_of(g.actor.user_id) if g.actor and g.actor.user_id else []
