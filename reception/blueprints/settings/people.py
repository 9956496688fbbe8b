"""People: who signs in here, with which roles. What gives somebody rights asks the administrator's password again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import g, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from reception import live
from reception.access import Permission, requires
from reception.aside import aside
from reception.blueprints.dialogs import new_key, wants_part
from reception.blueprints.fields import HouseForm, text
from reception.blueprints.settings.frame import asked, bp, listing, posted_key, saved, seen, tried
from reception.blueprints.settings.rights import Confirmed, Roles, password_field
from reception.domain import edits, users
from reception.extensions import db
from reception.models import Doctor, LoginSession, Membership, Role, User
from reception.transaction import run


class NewUserForm(Confirmed):
    full_name = text(_l("Full name"), needed=True)
    username = text(
        _l("User name"), needed=True,
        render_kw={"dir": "ltr", "autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"},
    )  # fmt: skip
    password = password_field(_l("First password"), new=True)
    roles = Roles(_l("Roles"))


class WelcomeForm(Confirmed):
    username = text(
        _l("User name there"), needed=True,
        render_kw={"dir": "ltr", "autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"},
    )  # fmt: skip
    roles = Roles(_l("Roles here"))


class UserNameForm(HouseForm):
    full_name = text(_l("Full name"), needed=True)


class RolesForm(Confirmed):
    roles = Roles(_l("Roles"))


class PasswordForm(Confirmed):
    password = password_field(_l("New password"), new=True)


@dataclass(frozen=True, slots=True)
class Person:
    """A row of the list."""

    user: User
    roles: list[Role]
    doctor: Doctor | None
    last_seen_at: datetime | None


def _people() -> list[Person]:
    clinic_id = g.actor.clinic_id
    roles: dict[int, list[Role]] = {}
    memberships = select(Membership.user_id, Membership.role).where(Membership.clinic_id == clinic_id)
    for user_id, role in db.session.execute(memberships):
        roles.setdefault(user_id, []).append(role)
    last: dict[int, datetime] = dict(
        db.session.execute(
            select(LoginSession.user_id, func.max(LoginSession.created_at))
            .where(LoginSession.clinic_id == clinic_id)
            .group_by(LoginSession.user_id)
        )
        .tuples()
        .all()
    )
    query = (
        select(User, Doctor)
        .outerjoin(Doctor, (Doctor.user_id == User.id) & (Doctor.clinic_id == clinic_id))
        .where(User.id.in_(memberships.with_only_columns(Membership.user_id)))
        .order_by(User.is_active.desc(), User.full_name, User.id)
    )
    order = list(Role)
    return [
        Person(user, sorted(roles[user.id], key=order.index), doctor, last.get(user.id))
        for user, doctor in db.session.execute(query)
    ]


def _part() -> str:
    return render_template("settings/_users.html", people=_people())


@bp.get("/users", endpoint="users")
@requires(Permission.USERS)
def users_index() -> str:
    """Everybody who signs in here."""
    return listing("_users", people=_people())


# ---------------------------------------------------------------------------------------------------- somebody new


@bp.get("/users/new")
@requires(Permission.USERS)
def users_new() -> Any:
    return _ask_new(NewUserForm(data={"roles": [Role.RECEPTIONIST.value]}))


@bp.post("/users")
@requires(Permission.USERS)
def users_add() -> Any:
    form = NewUserForm(request.form)

    def act() -> User:
        form.check_confirmed()
        hashed = aside(users.hash_password, form.password.data)
        return run(users.create_user, form.username.data, hashed, form.full_name.data, form.roles.roles)

    _, error, status = tried(form, act)
    if status != 200:
        return _ask_new(form, error, status)
    return saved(gettext("The account is open."), "settings.users", _part)


def _ask_new(form: NewUserForm, error: str = "", status: int = 200) -> Any:
    return asked(
        "_user_new", status, form=form, error=error, url=url_for("settings.users_add"), title=gettext("New person"),
        key=new_key() if status == 200 else posted_key(),
    )  # fmt: skip


@bp.get("/users/welcome")
@requires(Permission.USERS)
def users_known() -> Any:
    """Somebody who works in another clinic of the house already."""
    return _ask_known(WelcomeForm())


@bp.post("/users/welcome")
@requires(Permission.USERS)
def users_welcome() -> Any:
    form = WelcomeForm(request.form)

    def act() -> User:
        form.check_confirmed()
        return run(users.welcome, form.username.data, form.roles.roles)

    _, error, status = tried(form, act)
    if status != 200:
        return _ask_known(form, error, status)
    return saved(gettext("The person works here, too."), "settings.users", _part)


def _ask_known(form: WelcomeForm, error: str = "", status: int = 200) -> Any:
    return asked(
        "_user_new", status, form=form, error=error, url=url_for("settings.users_welcome"),
        title=gettext("From another clinic"), key=new_key() if status == 200 else posted_key(),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------ one person


@bp.get("/users/<int:ident>")
@requires(Permission.USERS)
def users_edit(ident: int) -> Any:
    """One person: name, roles, password, account."""
    return _page(ident)


@bp.post("/users/<int:ident>")
@requires(Permission.USERS)
def users_change(ident: int) -> Any:
    form = UserNameForm(request.form)
    _, error, status = tried(form, lambda: run(users.change_user, ident, form.full_name.data, seen=seen()))
    return _page(ident, status, name_form=form, name_error=error) if status != 200 else _changed(ident)


@bp.post("/users/<int:ident>/roles")
@requires(Permission.USERS)
def users_roles(ident: int) -> Any:
    form = RolesForm(request.form)

    def act() -> User:
        users.member(ident, g.actor)
        form.check_confirmed()
        return run(users.set_roles, ident, form.roles.roles)

    _, error, status = tried(form, act)
    return _page(ident, status, roles_form=form, roles_error=error) if status != 200 else _changed(ident)


@bp.post("/users/<int:ident>/password")
@requires(Permission.USERS)
def users_password(ident: int) -> Any:
    form = PasswordForm(request.form)

    def act() -> User:
        users.member(ident, g.actor)
        form.check_confirmed()
        return run(users.set_password, ident, aside(users.hash_password, form.password.data))

    _, error, status = tried(form, act)
    return _page(ident, status, password_form=form, password_error=error) if status != 200 else _changed(ident)


@bp.post("/users/<int:ident>/<any(close, open, dismiss):act>")
@requires(Permission.USERS)
def users_act(ident: int, act: str) -> Any:
    """Close the account, open it again, or take the person off this clinic's list."""
    if act == "dismiss":
        run(users.dismiss, ident)
    else:
        run(users.set_active, ident, act == "open")
    live.rights_changed(g.actor.clinic_id)
    if not wants_part():
        return redirect(url_for("settings.users"), 303)
    words = {
        "close": gettext("The account is closed; its screens are cut off."),
        "open": gettext("The account is open again."),
        "dismiss": gettext("The person does not work here any more."),
    }
    return saved(words[act], "settings.users", _part)


def _changed(ident: int) -> Any:
    """Whoever changed is asked to sign in anew; open screens are cut off at once."""
    live.rights_changed(g.actor.clinic_id)
    if ident == g.actor.user_id:
        live.close_credential("login", g.actor.login_id)
    return saved(gettext("The account is changed."), "settings.users", _part)


def _tell_apart(field: Any, form: str) -> None:
    """Two forms of one page ask for the same thing: each field has its own id, and its label knows it."""
    field.id = field.label.field_id = f"{form}-{field.name}"


def _page(ident: int, status: int = 200, **given: Any) -> Any:
    user = users.member(ident, g.actor)
    person = next(found for found in _people() if found.user.id == user.id)
    forms: dict[str, Any] = {
        "name_form": UserNameForm(obj=user),
        "roles_form": RolesForm(data={"roles": [role.value for role in person.roles]}),
        "password_form": PasswordForm(),
    }
    for name in ("roles_form", "password_form"):
        _tell_apart({**forms, **given}[name].confirm, name)
    errors = {"name_error": "", "roles_error": "", "password_error": ""}
    keys = {
        f"{form}_key": posted_key() if f"{form}_form" in given else new_key() for form in ("name", "roles", "password")
    }
    return asked(
        "_user", status, person=person, seen=seen() if status == 422 and "name_form" in given else edits.version(user),
        **{**forms, **errors, **keys, **given},
    )  # fmt: skip
