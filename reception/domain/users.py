"""People who sign in: passwords, roles, tokens."""

from __future__ import annotations

from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import false, select, update

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.edits import unchanged
from reception.domain.errors import NotFound, NotPossible, invalid_field
from reception.domain.locks import locked
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import ApiToken, Clinic, LoginSession, Membership, Role, User
from reception.words import N_

DEMO_PASSWORD = "demo-desk-2026"  # noqa: S105  only where `demo` made its users
LEAST_PASSWORD = 10
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP's least for Argon2id
_nobody = _hasher.hash("nobody has this password")


def hash_password(password: str) -> str:
    """Argon2id. CPU-bound: never inside a transaction. Raises Invalid for a short password."""
    if len(password) < LEAST_PASSWORD:
        raise invalid_field("password", N_("A password has at least 10 characters."))
    if len(password) > 1000:
        raise invalid_field("password", N_("A password has at most 1000 characters."))
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether `password` is the one behind the hash; None (an unknown name) costs the same effort. CPU-bound."""
    try:
        return _hasher.verify(password_hash or _nobody, password[:1000]) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def by_name(username: str) -> User | None:
    """The active user called `username`, whatever its case."""
    if len(username) > 200 or not username.isprintable():
        return None
    return db.session.scalar(select(User).where(User.username == username.strip().casefold(), User.is_active))


def clinics_of(user_id: int) -> list[Clinic]:
    """The clinics in which the user has a role, by name."""
    return list(
        db.session.scalars(
            select(Clinic)
            .where(Clinic.id.in_(select(Membership.clinic_id).where(Membership.user_id == user_id)), Clinic.is_active)
            .order_by(Clinic.id)
        )
    )


def create_user(
    username: str,
    password_hash: str,
    full_name: str,
    roles: list[Role],
    *,
    actor: Actor,
    at: datetime,
    locale: str | None = None,
) -> User:
    """A user with `roles` in the actor's clinic. Raises NotPossible for a taken name."""
    name = username.strip().casefold()
    if not name or len(name) > 64 or not name.isprintable() or " " in name:
        raise invalid_field("username", N_("A user name has up to 64 characters, without spaces."))
    if not roles:
        raise invalid_field("roles", N_("Choose at least one role."))
    user = User(
        username=name, password_hash=password_hash, full_name=_full_name(full_name), locale=locale,
        password_changed_at=at,
    )  # fmt: skip
    db.session.add(user)
    db.session.flush()
    db.session.add_all(Membership(clinic_id=actor.clinic_id, user_id=user.id, role=role) for role in set(roles))
    record(actor, "user.create", user, at=at, roles=sorted(roles))
    return user


def _full_name(text: str) -> str:
    if not (name := checked(text, "full_name", 200)):
        raise invalid_field("full_name", N_("This is needed."))
    return name


def change_user(user_id: int, full_name: str, *, actor: Actor, at: datetime, seen: str = "") -> User:
    """The name as others see it. `seen`: the version of the form (domain/edits.py)."""
    user = unchanged(member(user_id, actor), seen)
    user.full_name = _full_name(full_name)
    record(actor, "user.change", user, at=at)
    return user


def set_active(user_id: int, is_active: bool, *, actor: Actor, at: datetime) -> User:
    """Let a user in or keep out; keeping out ends every sign-in and token."""
    user = _own_member(user_id, actor)
    if user.id == actor.user_id and not is_active:
        raise NotPossible(N_("You cannot close your own account."), code="own-account")
    user.is_active = is_active
    if not is_active:
        revoke_all(user.id, at)
    record(actor, "user.open" if is_active else "user.close", user, at=at)
    return user


def set_password(user_id: int, password_hash: str, *, actor: Actor, at: datetime) -> User:
    """A new password, hashed already; every sign-in and token of the user ends."""
    user = _own_member(user_id, actor)
    user.password_hash, user.password_changed_at = password_hash, at
    revoke_all(user.id, at)
    record(actor, "user.password", user, at=at)
    return user


def member(user_id: int, actor: Actor) -> User:
    """A user of the actor's clinic, locked in a writing transaction. Raises NotFound."""
    user = db.session.scalar(
        select(User)
        .where(
            User.id == user_id,
            User.id.in_(select(Membership.user_id).where(Membership.clinic_id == actor.clinic_id)),
        )
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
        if 0 < user_id < 2**63
        else select(User).where(false())
    )
    if user is None:
        raise NotFound
    return user


def _own_member(user_id: int, actor: Actor) -> User:
    """A user whose account the actor may close or give a new password: who works in another clinic, too, would be
    closed out of it, or opened to it, by somebody who has no say there."""
    user = member(user_id, actor)
    if actor.user_id is None:
        return user
    ours = select(Membership.clinic_id).where(Membership.user_id == actor.user_id, Membership.role == Role.ADMIN)
    elsewhere = select(Membership.clinic_id).where(Membership.user_id == user.id, Membership.clinic_id.not_in(ours))
    if db.session.scalar(elsewhere.limit(1)) is not None:
        raise NotPossible(
            N_("This person also works in a clinic that you do not administrate. Take the roles here away instead."),
            code="works-elsewhere",
        )
    return user


def set_roles(user_id: int, roles: list[Role], *, actor: Actor, at: datetime) -> User:
    """Give the user exactly `roles` in the actor's clinic. A change ends the sign-ins and tokens there, but for the
    one it is made with."""
    user = member(user_id, actor)
    if not roles:
        raise invalid_field("roles", N_("Choose at least one role."))
    if user.id == actor.user_id and Role.ADMIN in actor.roles and Role.ADMIN not in roles:
        raise NotPossible(N_("You cannot take the administrator's role from yourself."), code="own-account")
    return _give(user, set(roles), actor, at)


def welcome(username: str, roles: list[Role], *, actor: Actor, at: datetime) -> User:
    """Roles here for somebody who works in another clinic of the house already. Raises Invalid."""
    user = by_name(username)
    if user is None:
        raise invalid_field("username", N_("Nobody of this user name works in another clinic."))
    if not roles:
        raise invalid_field("roles", N_("Choose at least one role."))
    if _roles_here(user.id, actor):
        raise invalid_field("username", N_("This person is in the list already."))
    return _give(user, set(roles), actor, at)


def dismiss(user_id: int, *, actor: Actor, at: datetime) -> User:
    """Take every role in the actor's clinic away; elsewhere the account stays as it is."""
    user = member(user_id, actor)
    if user.id == actor.user_id:
        raise NotPossible(N_("You cannot take the administrator's role from yourself."), code="own-account")
    return _give(user, set(), actor, at)


def _give(user: User, roles: set[Role], actor: Actor, at: datetime) -> User:
    had = _roles_here(user.id, actor)
    for role in set(had) - roles:
        db.session.delete(had[role])
    db.session.add_all(
        Membership(clinic_id=actor.clinic_id, user_id=user.id, role=role) for role in sorted(roles - set(had))
    )
    if had and set(had) != roles:
        revoke_all(user.id, at, clinic_id=actor.clinic_id, but=actor.login_id if actor.kind == "user" else None)
    record(actor, "user.roles", user, at=at, before=sorted(had), after=sorted(roles))
    return user


def _roles_here(user_id: int, actor: Actor) -> dict[Role, Membership]:
    here = select(Membership).filter_by(user_id=user_id, clinic_id=actor.clinic_id)
    return {row.role: row for row in db.session.scalars(here)}


def revoke_all(user_id: int, at: datetime, *, clinic_id: int | None = None, but: int | None = None) -> None:
    """End every sign-in (`but` one) and API token of the user, in one clinic or in all."""
    for source in (LoginSession, ApiToken):
        ending = update(source).where(source.user_id == user_id, source.revoked_at.is_(None))
        if clinic_id is not None:
            ending = ending.where(source.clinic_id == clinic_id)
        if but is not None and source is LoginSession:
            ending = ending.where(source.id != but)
        db.session.execute(ending.values(revoked_at=at), execution_options={"synchronize_session": False})


def add_token(user_id: int, token_hash: str, name: str = "", *, actor: Actor, at: datetime) -> ApiToken:
    """An API token of the user in the actor's clinic; only its hash is kept."""
    user = member(user_id, actor)
    row = ApiToken(
        token_hash=token_hash,
        user_id=user.id,
        clinic_id=actor.clinic_id,
        name=checked(name, "name", 200),
        created_at=at,
    )
    db.session.add(row)
    db.session.flush()
    record(actor, "token.add", row, at=at, user=user.id)
    return row


def revoke_token(token_id: int, *, actor: Actor, at: datetime) -> ApiToken:
    """End one API token of the actor's clinic."""
    row = locked(ApiToken, token_id, actor.clinic_id)
    if row.revoked_at is None:
        row.revoked_at = at
        record(actor, "token.revoke", row, at=at, user=row.user_id)
    return row


def demo_names() -> list[str]:
    """User names that still carry the demo's password marker."""
    return list(
        db.session.scalars(
            select(User.username).where(User.email.like("%@demo.invalid"), User.is_active).order_by(User.id)
        )
    )
