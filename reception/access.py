"""Who may open what: permissions, the roles that hold them, and `@requires` on every view.

A view that names no permission does not start (`check_routes`). Role and account state are read from the database on
every request. `flask --app reception routes-table` prints rule, method, permission and roles of the whole house; the
committed copy is `docs/access.md`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from flask import Flask, current_app, g, request, session
from flask_login import UserMixin, current_user, login_user
from sqlalchemy import Select, bindparam, select

from reception import clock
from reception.domain.actors import Actor, ClinicFacts
from reception.domain.errors import NotAllowed, Refusal
from reception.domain.registry import MEDICAL_ROLES
from reception.extensions import core, db, login, read_freely
from reception.models import ApiToken, Clinic, Device, Doctor, LoginSession, Membership, Role, User, Visit
from reception.words import N_

F = TypeVar("F", bound=Callable[..., Any])


class Permission(StrEnum):
    """What a route asks for. The comments name the screens."""

    PUBLIC = "public"  # sign-in, health, a display or ticket that brings its own token
    SIGNED_IN = "signed-in"  # language, clinic switch, sign-out
    DESK = "desk"  # desk, arrivals
    CHECK_IN = "check-in"  # check-in, walk-in
    QUEUE = "queue"  # boards and lines
    CALL = "call"  # moves of the queue
    CALENDAR = "calendar"  # day list
    BOOK = "book"  # booking, rescheduling, cancelling
    SHIFTS = "shifts"  # opening and closing a doctor's shift
    TODAY = "today"  # a doctor runs late, or is ill today
    PLAN = "plan"  # weekly shifts, absences, closed days, closures of rooms
    PATIENTS = "patients"  # registry and cards
    REGISTER = "register"  # new and changed patients
    QUESTIONNAIRE = "questionnaire"  # medical questionnaire of a patient
    RECORD = "record"  # what a doctor writes: record, prescription, history
    CARE = "care"  # vitals and treatments of a visit
    EXPORT = "export"  # lists of patients that leave the house
    MERGE = "merge"  # two cards of one person
    ANONYMISE = "anonymise"  # taking the person out of a card
    DIRECTORY = "directory"  # doctors, services, rooms
    BILLS = "bills"  # one bill
    BILL_LINES = "bill-lines"  # lines, discounts and payers of a bill
    TILL = "till"  # taking money
    FINANCE = "finance"  # operations, balances
    CASHBOX = "cashbox"  # shifts of cashboxes, transfers, other income and expenses
    CLAIMS = "claims"  # what insurers are asked for, and what they answer
    DUES = "dues"  # doctors' shares, what they are due and are paid
    REFUND = "refund"  # giving money back, bonus by hand
    APPROVE = "approve"  # the second person of a large refund
    AUDIT = "audit"
    SETTINGS = "settings"  # doctors, rooms, services, prices, displays
    USERS = "users"


R = Role
EVERYBODY = frozenset(Role)
PERMISSIONS: dict[Permission, frozenset[Role]] = {
    Permission.SIGNED_IN: EVERYBODY,
    Permission.DESK: frozenset({R.RECEPTIONIST, R.NURSE, R.CASHIER, R.MANAGER, R.ADMIN}),
    Permission.CHECK_IN: frozenset({R.RECEPTIONIST, R.ADMIN}),
    Permission.QUEUE: frozenset({R.RECEPTIONIST, R.DOCTOR, R.NURSE, R.MANAGER, R.ADMIN, R.CASHIER}),
    Permission.CALL: frozenset({R.RECEPTIONIST, R.DOCTOR, R.NURSE, R.ADMIN}),
    Permission.CALENDAR: frozenset({R.RECEPTIONIST, R.DOCTOR, R.NURSE, R.MANAGER, R.ADMIN}),
    Permission.BOOK: frozenset({R.RECEPTIONIST, R.DOCTOR, R.MANAGER, R.ADMIN}),
    Permission.SHIFTS: frozenset({R.RECEPTIONIST, R.MANAGER, R.ADMIN}),
    Permission.TODAY: frozenset({R.RECEPTIONIST, R.DOCTOR, R.NURSE, R.MANAGER, R.ADMIN}),
    Permission.PLAN: frozenset({R.MANAGER, R.ADMIN}),
    Permission.PATIENTS: EVERYBODY,
    Permission.REGISTER: frozenset({R.RECEPTIONIST, R.NURSE, R.MANAGER, R.ADMIN}),
    Permission.QUESTIONNAIRE: frozenset(MEDICAL_ROLES),
    Permission.RECORD: frozenset({R.DOCTOR}),
    Permission.CARE: frozenset({R.DOCTOR, R.NURSE}),
    Permission.EXPORT: frozenset({R.MANAGER, R.ADMIN}),
    Permission.MERGE: frozenset({R.RECEPTIONIST, R.MANAGER, R.ADMIN}),
    Permission.ANONYMISE: frozenset({R.MANAGER, R.ADMIN}),
    Permission.DIRECTORY: EVERYBODY,
    Permission.BILLS: frozenset({R.RECEPTIONIST, R.CASHIER, R.MANAGER, R.ADMIN}),
    Permission.BILL_LINES: frozenset({R.RECEPTIONIST, R.CASHIER, R.MANAGER, R.ADMIN}),
    Permission.TILL: frozenset({R.RECEPTIONIST, R.CASHIER, R.ADMIN}),
    Permission.FINANCE: frozenset({R.CASHIER, R.MANAGER, R.ADMIN}),
    Permission.CASHBOX: frozenset({R.CASHIER, R.MANAGER, R.ADMIN}),
    Permission.CLAIMS: frozenset({R.CASHIER, R.MANAGER, R.ADMIN}),
    Permission.DUES: frozenset({R.MANAGER, R.ADMIN}),
    Permission.REFUND: frozenset({R.CASHIER, R.ADMIN}),
    Permission.APPROVE: frozenset({R.MANAGER, R.ADMIN}),
    Permission.AUDIT: frozenset({R.MANAGER, R.ADMIN}),
    Permission.SETTINGS: frozenset({R.MANAGER, R.ADMIN}),
    Permission.USERS: frozenset({R.ADMIN}),
}


class Unknown(Refusal):
    """Nobody is signed in."""

    status = 401
    code = "not-signed-in"


def requires(permission: Permission, *, reads: bool = False) -> Callable[[F], F]:
    """Mark a view with the permission that it needs. `reads`: a POST that only reads, so that what is searched for
    travels in the body and not in an address; it needs no key and opens no write transaction."""

    def mark(view: F) -> F:
        view.permission = permission  # type: ignore[attr-defined]
        view.reads = reads  # type: ignore[attr-defined]
        return view

    return mark


def may(actor: Actor, permission: Permission) -> bool:
    """Whether one of the actor's roles holds `permission`."""
    return permission is Permission.PUBLIC or bool(actor.roles & PERMISSIONS[permission])


def permission_of(app: Flask, endpoint: str) -> Permission | None:
    """What the view behind `endpoint` asks for; None where it names nothing."""
    if endpoint == "static" or endpoint.endswith(".static"):
        return Permission.PUBLIC
    return getattr(app.view_functions.get(endpoint), "permission", None)


def check_routes(app: Flask) -> None:
    """Refuse to start while a route names no permission."""
    silent = sorted({r.endpoint for r in app.url_map.iter_rules() if permission_of(app, r.endpoint) is None})
    if silent:
        raise RuntimeError(f"Routes without a permission: {', '.join(silent)}")


def table(app: Flask) -> list[tuple[str, str, str, str]]:
    """(rule, method, permission, roles) of every route, sorted: the whole access table."""
    rows = []
    for rule in app.url_map.iter_rules():
        permission = permission_of(app, rule.endpoint)
        roles = PERMISSIONS.get(permission, frozenset()) if permission else frozenset()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            rows.append((rule.rule, method, str(permission), " ".join(sorted(roles)) or "everybody"))
    return sorted(rows)


def guard() -> None:
    """Before each request: who asks, and may they? Raises Unknown or NotAllowed."""
    if request.endpoint is None:
        return
    permission = permission_of(current_app, request.endpoint)
    if permission is None:
        raise NotAllowed(N_("This page is closed."))
    g.actor = None
    if request.endpoint == "static":
        return
    read_freely()
    g.actor = actor_of_request()
    if permission is Permission.PUBLIC:
        return
    if g.actor is None:
        raise Unknown(N_("Please sign in."))
    if not may(g.actor, permission):
        raise NotAllowed(N_("Your role cannot do this."))


# ------------------------------------------------------------------------------------------------ who is it?


def actor_of_request() -> Actor | None:
    """The API accepts a bearer token only, pages the sign-in cookie only."""
    if request.path.startswith("/api/"):
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return actor_of_token(token.strip()) if scheme.lower() == "bearer" else None
    return current_user.actor if current_user.is_authenticated else None


def hashed(token: str) -> str:
    """How sign-in, API and screen tokens are stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token() -> str:
    """An unguessable token: 256 bits, URL-safe."""
    return secrets.token_urlsafe(32)


def actor_of_login(token: str) -> Actor | None:
    """The actor of a live sign-in, or None."""
    return _actor(LoginSession, token, "user")


class SignedIn(UserMixin):
    """What Flask-Login keeps: the token of the sign-in in the cookie, the actor read anew on every request."""

    def __init__(self, token: str, actor: Actor | None) -> None:
        self.id = token
        self.actor = actor


login.session_protection = None  # the token is a row of its own, revocable and renewed at each sign-in


@login.user_loader
def load_signed_in(token: str) -> SignedIn | None:
    """Flask-Login asks: is this sign-in still good?"""
    actor = actor_of_login(token)
    return SignedIn(token, actor) if actor else None


def actor_of_token(token: str) -> Actor | None:
    """The actor of a live API token, or None."""
    return _actor(ApiToken, token, "token")


@cache
def _who(source: type[LoginSession] | type[ApiToken]) -> Select[Any]:
    """One row for each role of who holds the token. Made once: building it costs more than running it."""
    clinic_columns = [getattr(Clinic, name) for name in ClinicFacts.__slots__]
    return (
        select(
            source.id, User.id, User.full_name, User.locale, Doctor.id, Doctor.department_id, Membership.role,
            *clinic_columns,
        )
        .join(User, User.id == source.user_id)
        .join(Clinic, Clinic.id == source.clinic_id)
        .join(Membership, (Membership.user_id == source.user_id) & (Membership.clinic_id == source.clinic_id))
        .outerjoin(
            Doctor,
            (Doctor.user_id == source.user_id) & (Doctor.clinic_id == source.clinic_id) & Doctor.is_active,
        )
        .where(
            source.token_hash == bindparam("token_hash"), source.revoked_at.is_(None), User.is_active, Clinic.is_active
        )
    )  # fmt: skip


def _actor(source: type[LoginSession] | type[ApiToken], token: str, kind: str) -> Actor | None:
    found = core(_who(source), {"token_hash": hashed(token)}).all()
    if not found:
        return None
    login_id, user_id, full_name, locale, doctor_id, department_id, _, *facts = found[0]
    clinic = ClinicFacts(*facts)
    return Actor(
        kind=kind,
        id=user_id if kind == "user" else login_id,
        clinic=clinic,
        roles=frozenset(row[6] for row in found),
        user_id=user_id,
        name=full_name,
        doctor_id=doctor_id,
        department_id=department_id,
        login_id=login_id,
        address=request.remote_addr or "",
        locale=locale or clinic.default_locale,
    )


def rights(kind: str, idents: Iterable[int]) -> dict[int, tuple[int, frozenset[Role]]]:
    """Those of the logins, tokens, devices or tickets `idents` that still have their right: clinic and roles of each."""
    source: Any = {"login": LoginSession, "token": ApiToken, "device": Device, "ticket": Visit}[kind]
    query = (
        select(source.id, source.clinic_id)
        .join(Clinic, Clinic.id == source.clinic_id)
        .where(source.id.in_(idents), Clinic.is_active)
    )
    if kind == "ticket":
        return {ident: (clinic_id, frozenset()) for ident, clinic_id in db.session.execute(query)}
    query = query.where(source.revoked_at.is_(None))
    if kind == "device":
        return {ident: (clinic_id, frozenset()) for ident, clinic_id in db.session.execute(query)}
    found: dict[int, tuple[int, frozenset[Role]]] = {}
    rows = (
        query.add_columns(Membership.role)
        .join(User, User.id == source.user_id)
        .join(Membership, (Membership.user_id == source.user_id) & (Membership.clinic_id == source.clinic_id))
        .where(User.is_active)
    )
    for ident, clinic_id, role in db.session.execute(rows):
        found[ident] = (clinic_id, found.get(ident, (0, frozenset()))[1] | {role})
    return found


def sign_in(user_id: int, clinic_id: int) -> LoginSession:
    """A new login row for the session cookie; the caller adds it inside a transaction. Its token is in the cookie."""
    token = new_token()
    session.clear()
    login_user(SignedIn(token, None))
    session.permanent = True
    at = clock.now()
    return LoginSession(
        token_hash=hashed(token),
        user_id=user_id,
        clinic_id=clinic_id,
        created_at=at,
        last_seen_at=at,
        address=request.remote_addr or "",
    )
