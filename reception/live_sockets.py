"""Who may listen: the Socket.IO namespace `/live`. A client sends nothing but its handshake; the server chooses rooms.

A connection brings the sign-in cookie, or `auth` with one of `token` (API), `display` or `ticket`. Anything else is
refused. Staff may name a part of their regions in `auth.regions`; what they may not see is left out.
"""

from __future__ import annotations

from typing import Any

from flask import request
from flask_login import current_user
from flask_socketio import ConnectionRefusedError, Namespace
from sqlalchemy import select

from reception import access, frames, live, regions
from reception.domain.actors import Actor, ClinicFacts
from reception.domain.errors import NotFound
from reception.extensions import db, socketio
from reception.live import NAMESPACE, Audience, Listener
from reception.models import Clinic, Device, Visit

MOST_REGIONS = 200


class Live(Namespace):
    """The one namespace of the house."""

    def on_connect(self, auth: Any = None) -> None:
        who = _listener(auth if isinstance(auth, dict) else {})
        if who is None:
            raise ConnectionRefusedError("not allowed")
        who.line = frames.line_of(request.environ)
        live.hub.add(who)
        now = live.versions(who.audience.clinic_id, sorted(who.regions))
        for name, version in now.items():
            live.hub.pushed.setdefault((who.audience.clinic_id, name), version)
        db.session.rollback()
        live.greet(who, now)

    def on_disconnect(self, *_reason: Any) -> None:
        live.hub.drop(request.sid)  # type: ignore[attr-defined]


def _listener(auth: dict[str, Any]) -> Listener | None:
    if isinstance(token := auth.get("display"), str):
        return _display(token)
    if isinstance(token := auth.get("ticket"), str):
        return _ticket(token)
    if isinstance(token := auth.get("token"), str):
        actor, kind = access.actor_of_token(token), "token"
    else:
        actor, kind = (current_user.actor if current_user.is_authenticated else None), "login"
    return _staff(actor, kind, auth.get("regions")) if actor else None


def _staff(actor: Actor, kind: str, wanted: Any) -> Listener:
    names = regions.of_clinic(actor)
    if isinstance(wanted, list):
        asked = [name for name in wanted[:MOST_REGIONS] if isinstance(name, str)]
        names = [name for name in asked if is_known(name) and regions.may_see(actor, name)]
    audience = Audience(actor.clinic_id, frozenset(actor.roles), actor.locale)
    viewer = viewer_of(actor)
    return Listener(_sid(), viewer, audience, frozenset(names), (kind, actor.login_id or 0))


def is_known(name: str) -> bool:
    """Whether `name` has the form of a region or signal; that it belongs to the clinic shows when it is drawn."""
    if regions.is_signal(name):
        return len(name) <= 40
    try:
        regions.split(name)
    except NotFound:
        return False
    return True


def viewer_of(actor: Actor) -> Actor:
    """The actor as the audience sees: roles, clinic and language, nobody in person."""
    return Actor(kind="audience", id=0, clinic=actor.clinic, roles=actor.roles, locale=actor.locale)


def guest_viewer(clinic: Clinic, locale: str | None = None) -> Actor:
    """The viewer of a display or ticket: no roles."""
    return Actor(
        kind="audience", id=0, clinic=ClinicFacts.of(clinic), roles=frozenset(), locale=locale or clinic.default_locale
    )


def device_of(token: str) -> tuple[Device, Clinic] | None:
    """The paired screen whose address carries `token`."""
    query = (
        select(Device, Clinic)
        .join(Clinic, Clinic.id == Device.clinic_id)
        .where(Device.token == token, Device.revoked_at.is_(None), Clinic.is_active)
    )
    found = db.session.execute(query).one_or_none()
    return (found[0], found[1]) if found else None


def visit_of(token: str) -> tuple[Visit, Clinic] | None:
    """The visit whose ticket page has `token`."""
    query = select(Visit, Clinic).join(Clinic, Clinic.id == Visit.clinic_id).where(Visit.public_token == token)
    found = db.session.execute(query).one_or_none()
    return (found[0], found[1]) if found else None


def _display(token: str) -> Listener | None:
    if (found := device_of(token)) is None:
        return None
    device, clinic = found
    return _only(f"display-{device.id}", clinic, None, ("device", device.id))


def _ticket(token: str) -> Listener | None:
    if (found := visit_of(token)) is None:
        return None
    visit, clinic = found
    return _only(f"ticket-{visit.id}", clinic, visit.patient.preferred_locale, ("ticket", visit.id))


def _only(name: str, clinic: Clinic, locale: str | None, credential: tuple[str, int]) -> Listener:
    viewer = guest_viewer(clinic, locale)
    audience = Audience(clinic.id, frozenset(), viewer.locale, only=name)
    return Listener(_sid(), viewer, audience, frozenset({name}), credential)


def _sid() -> str:
    return str(request.sid)  # type: ignore[attr-defined]


socketio.on_namespace(Live(NAMESPACE))
