"""Committed changes -> regions drawn once per audience -> open screens. Nothing else emits.

The truth is a version per region in the database, raised in the transaction that makes the change. A message is a
whole region at a version, so a lost, late or repeated one harms nothing. After a commit `publish` hands the names to
one publisher, which draws each region once for each audience that has a listener here and emits it to that audience's
room. Every few seconds a beat names the current versions to every screen, and pushes what this process had not heard.
With Redis a channel carries names and versions, never HTML, to the other workers.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections import defaultdict
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from flask import Flask, g
from flask.testing import EnvironBuilder
from sqlalchemy import TextClause, bindparam, select, text

from reception import frames
from reception.domain.actors import Actor, ClinicFacts
from reception.domain.errors import NotFound
from reception.extensions import core, db, read_freely, socketio
from reception.frames import Line
from reception.models import Clinic, LiveRegion

log = logging.getLogger(__name__)

NAMESPACE = "/live"
CHANNEL = "reception:live"
Raised = dict[str, int]


@dataclass(frozen=True, slots=True)
class Audience:
    """Those who see the same thing: a clinic's roles in a language, one display, one ticket."""

    clinic_id: int
    roles: frozenset[str]
    locale: str
    only: str = ""
    """The one region of a display or ticket; empty for staff."""


@dataclass(slots=True)
class Listener:
    """One open connection. `viewer` stands for its audience; the login, token or device behind it may be revoked."""

    sid: str
    viewer: Actor
    audience: Audience
    regions: frozenset[str]
    credential: tuple[str, int]
    is_greeted: bool = False
    """Only then its end of the line listens: what is written before is lost, and the greeting names what it missed."""
    line: Line | None = None
    """Where ready frames can be written; None under a server that is not ours (the test client)."""


@dataclass(slots=True)
class Hub:
    """Who listens in this process: connections by region and audience."""

    listeners: dict[str, Listener] = field(default_factory=dict)
    heard: dict[tuple[int, str], dict[Audience, dict[str, Listener]]] = field(default_factory=dict)
    pushed: dict[tuple[int, str], int] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, who: Listener) -> None:
        with self.lock:
            self.listeners[who.sid] = who
            for region in who.regions:
                by_audience = self.heard.setdefault((who.audience.clinic_id, region), {})
                by_audience.setdefault(who.audience, {})[who.sid] = who

    def drop(self, sid: str) -> None:
        with self.lock:
            if (who := self.listeners.pop(sid, None)) is None:
                return
            for region in who.regions:
                name = (who.audience.clinic_id, region)
                self.heard[name][who.audience].pop(sid, None)
                if not self.heard[name][who.audience]:
                    del self.heard[name][who.audience]
                if not self.heard[name]:
                    del self.heard[name]
                    self.pushed.pop(name, None)

    def audiences(self, clinic_id: int, region: str) -> list[tuple[Audience, list[Listener]]]:
        """Each audience of the region with its connections."""
        with self.lock:
            return [(a, list(group.values())) for a, group in self.heard.get((clinic_id, region), {}).items()]


hub = Hub()
_pending: queue.SimpleQueue[tuple[int, Raised]] = queue.SimpleQueue()
_app: Flask | None = None
_inline = True
_redis: Any = None


# ------------------------------------------------------------------------------------------------------- versions


def raise_versions(clinic_id: int, names: list[str]) -> Raised:
    """Raise the version of each region by one under its row's lock; `names` sorted. Inside the transaction."""
    values = {f"n{i}": name for i, name in enumerate(names)}
    found = core(_upsert(len(names)), {"clinic_id": clinic_id, **values})
    return {name: version for name, version in found}


@lru_cache(maxsize=64)
def _upsert(rows: int) -> TextClause:
    """Constant SQL, the same on both databases: SQLAlchemy compiles its own upsert anew on each call."""
    values = ", ".join(f"(:clinic_id, :n{i}, 1)" for i in range(rows))
    return text(
        f"INSERT INTO live_region (clinic_id, name, version) VALUES {values}"  # noqa: S608  only placeholders
        " ON CONFLICT (clinic_id, name) DO UPDATE SET version = live_region.version + 1 RETURNING name, version"
    )


def versions(clinic_id: int, names: Iterable[str]) -> Raised:
    """The present version of each region; 0 where nothing has happened yet."""
    names = list(names)
    found = db.session.execute(
        select(LiveRegion.name, LiveRegion.version).where(LiveRegion.clinic_id == clinic_id, LiveRegion.name.in_(names))
    )
    return dict.fromkeys(names, 0) | {name: version for name, version in found}


_VERSION = select(LiveRegion.version).where(
    LiveRegion.clinic_id == bindparam("clinic"), LiveRegion.name == bindparam("name")
)


def draw(viewer: Actor, name: str) -> tuple[int, str]:
    """Version and HTML of a region for the viewer's audience: version first, then data. Raises NotFound."""
    from reception import regions

    version = core(_VERSION, {"clinic": viewer.clinic_id, "name": name}).scalar() or 0
    return version, regions.draw(viewer, name, version)


# -------------------------------------------------------------------------------------------------------- publish


def publish(clinic_id: int, raised: Raised) -> None:
    """After the commit, outside every lock: tell the screens. Never raises, for the act stands."""
    if not raised:
        return
    if _redis is not None:
        try:
            _redis.publish(CHANNEL, json.dumps([clinic_id, raised]))
        except Exception:
            log.warning("live: the channel between workers is down; this worker's screens are told at once")
        else:
            return
    _hand_over(clinic_id, raised)


def _hand_over(clinic_id: int, raised: Raised) -> None:
    if _inline:
        _push(clinic_id, raised)
    elif any((clinic_id, name) in hub.heard for name in raised):
        _pending.put((clinic_id, raised))


def _publisher() -> None:
    """One greenlet: takes what is pending, newest version of each region once, and pushes it."""
    while True:
        work: dict[int, Raised] = defaultdict(dict)
        clinic_id, raised = _pending.get()
        work[clinic_id].update(raised)
        while not _pending.empty():
            clinic_id, raised = _pending.get()
            work[clinic_id].update(raised)
        for clinic_id, names in work.items():
            _push(clinic_id, names)


def _push(clinic_id: int, raised: Raised) -> None:
    from reception import regions

    for name, version in raised.items():
        known = hub.pushed.get((clinic_id, name), -1)
        if version <= known:
            continue
        audiences = hub.audiences(clinic_id, name)
        if not audiences:
            continue
        hub.pushed[clinic_id, name] = version
        if regions.is_signal(name):
            _tell([who for _, group in audiences for who in group], "signal", {"id": name, "v": version})
            continue
        for _, group in audiences:
            viewer = group[0].viewer
            try:
                with drawing(viewer):
                    drawn, html = draw(viewer, name)
            except NotFound:
                continue
            except Exception:
                log.exception("live: %s could not be drawn", name)
                continue
            _tell(group, "region", {"id": name, "v": drawn, "html": html})


def greet(who: Listener, now: Raised) -> None:
    """Name the present versions to a new connection, behind the word that it is connected: so through the queue, and
    read then, for others go on meanwhile."""
    if _inline:
        who.is_greeted = True
        _emit("versions", now, who.sid)
    else:
        socketio.start_background_task(_greet, who)


def _greet(who: Listener) -> None:
    assert _app is not None
    with _app.app_context():
        who.is_greeted = True
        _emit("versions", versions(who.audience.clinic_id, sorted(who.regions)), who.sid)


def _tell(group: list[Listener], event: str, data: dict[str, Any]) -> None:
    """Send the same message to a group: framed once, written at once where the line is free, else queued."""
    ready = frames.frame(frames.message(event, data, NAMESPACE))
    for who in group:
        if not who.is_greeted:
            continue
        if who.line is not None and who.line.offer(ready):
            continue
        _emit(event, data, who.sid)


def _emit(event: str, data: dict[str, Any], sid: str) -> None:
    try:
        socketio.emit(event, data, to=sid, namespace=NAMESPACE)
    except Exception:
        log.exception("live: %s could not be sent", event)


@lru_cache(maxsize=1)
def _asking(app: Flask) -> dict[str, Any]:
    """The request that a drawing stands in; made once, as every push needs one."""
    return EnvironBuilder(app, "/live", headers={"HX-Request": "true"}).get_environ()


@contextmanager
def drawing(viewer: Actor) -> Any:
    """A context of its own for rendering: own session, the audience's language, no login, and a fragment is wanted."""
    assert _app is not None
    with _app.app_context(), _app.request_context(_asking(_app).copy()):
        g.locale = viewer.locale
        g.actor = viewer
        read_freely()
        yield


# ----------------------------------------------------------------------------------------------------------- beat


def _beat(seconds: float) -> None:
    while True:
        socketio.sleep(seconds)
        try:
            beat()
        except Exception:
            log.exception("live: the beat failed")


def beat() -> None:
    """Name the versions to every screen, push what this process missed, close what has lost its right."""
    assert _app is not None
    by_clinic: dict[int, set[str]] = defaultdict(set)
    groups: dict[tuple[int, frozenset[str]], list[Listener]] = defaultdict(list)
    for who in list(hub.listeners.values()):
        by_clinic[who.audience.clinic_id].update(who.regions)
        groups[who.audience.clinic_id, who.regions].append(who)
    with _app.app_context():
        _close_lost()
        now = {clinic_id: versions(clinic_id, names) for clinic_id, names in by_clinic.items()}
    _sign_in_book()
    for clinic_id, found in now.items():
        _push(clinic_id, found)
    for (clinic_id, names), group in groups.items():
        _tell(group, "versions", {name: now[clinic_id][name] for name in sorted(names)})


def _close_lost() -> None:
    """End the connections whose right is gone, or whose roles or clinic are not what they were drawn for: the screen
    dials again and gets what now fits."""
    from reception.access import rights

    if not hub.listeners:
        return
    by_kind: dict[str, set[int]] = defaultdict(set)
    for who in hub.listeners.values():
        by_kind[who.credential[0]].add(who.credential[1])
    valid = {(kind, ident): right for kind, idents in by_kind.items() for ident, right in rights(kind, idents).items()}
    clinic_ids = {who.audience.clinic_id for who in hub.listeners.values()}
    clinics = db.session.scalars(select(Clinic).where(Clinic.id.in_(clinic_ids), Clinic.is_active))
    facts = {clinic.id: ClinicFacts.of(clinic) for clinic in clinics}
    for who in list(hub.listeners.values()):
        clinic_id = who.audience.clinic_id
        as_drawn = (clinic_id, who.audience.roles), who.viewer.clinic
        if as_drawn != (valid.get(who.credential), facts.get(clinic_id)):
            close(who.sid)


def rights_changed(clinic_id: int) -> None:
    """Look at every connection anew, here and in the other workers: roles, accounts, screens or the clinic changed."""
    _close_lost()
    if _redis is not None:
        try:
            _redis.publish(CHANNEL, json.dumps([clinic_id, {}]))
        except Exception:
            log.warning("live: the channel between workers is down; the others find out at their next beat")


def close(sid: str) -> None:
    """End one connection."""
    try:
        socketio.server.disconnect(sid, namespace=NAMESPACE)
    except Exception:
        log.debug("live: %s was gone already", sid)


def connected(kind: str, idents: Iterable[int]) -> set[int]:
    """Those of the logins, tokens or devices `idents` that have an open screen, in this worker or in another."""
    idents = list(idents)
    here = {ident for name, ident in (who.credential for who in list(hub.listeners.values())) if name == kind}
    if _redis is not None and idents:
        try:
            seen = _redis.mget([f"{CHANNEL}:{kind}:{ident}" for ident in idents])
            here |= {ident for ident, mark in zip(idents, seen, strict=True) if mark}
        except Exception:
            log.warning("live: the channel between workers is down; only this worker's screens are known")
    return here.intersection(idents)


def _sign_in_book() -> None:
    """Let the other workers know which paired screens are open here."""
    devices = {who.credential[1] for who in list(hub.listeners.values()) if who.credential[0] == "device"}
    if _redis is None or not devices:
        return
    try:
        for device_id in devices:
            _redis.set(f"{CHANNEL}:device:{device_id}", 1, ex=_KEPT_SECONDS)
    except Exception:
        log.debug("live: the channel between workers is down")


_KEPT_SECONDS = 15


def close_credential(kind: str, ident: int) -> None:
    """End every connection of a login, token or device: it has lost its right."""
    for who in list(hub.listeners.values()):
        if who.credential == (kind, ident):
            close(who.sid)


# ---------------------------------------------------------------------------------------------------------- start


def init_app(app: Flask) -> None:
    """Bind to the app; until `start` everything is pushed in the caller's own thread."""
    global _app
    _app = app


def start(app: Flask) -> None:
    """Start publisher, beat and the channel between workers; the server calls it once in each worker."""
    global _inline
    _inline = False
    socketio.start_background_task(_publisher)
    socketio.start_background_task(_beat, app.config["LIVE_BEAT_SECONDS"])
    if app.config["REDIS_URL"]:
        _listen_to_redis(app, app.config["REDIS_URL"])


def _listen_to_redis(app: Flask, url: str) -> None:
    global _redis
    import redis

    client = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, health_check_interval=10)
    _redis = client

    def listen() -> None:
        while True:
            try:
                channel = redis.Redis.from_url(url).pubsub(ignore_subscribe_messages=True)
                channel.subscribe(CHANNEL)
                for message in channel.listen():
                    clinic_id, raised = json.loads(message["data"])
                    if raised:
                        _hand_over(clinic_id, raised)
                    else:
                        with app.app_context():
                            _close_lost()
            except Exception:
                log.warning("live: the channel between workers is down; trying again")
                socketio.sleep(1)

    socketio.start_background_task(listen)


def ping() -> bool:
    """Whether the channel between workers answers."""
    try:
        return bool(_redis and _redis.ping())
    except Exception:
        return False
