"""Where writing begins and ends. `run(verb, ...)` is one transaction and one business step.

It opens the write transaction (BEGIN IMMEDIATE on SQLite, in one queue of the process), stores the key of the wish with
the effect, calls the verb with plain values, writes the audit entries of the recorded acts, raises the versions of the
regions they touch, commits once, runs the whole verb again where the database asks for it, and then publishes.
Nothing else in the house commits.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from flask import current_app, g, request
from sqlalchemy import LargeBinary, bindparam, event, select, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError
from sqlalchemy.orm import ORMExecuteState
from sqlalchemy.orm.exc import StaleDataError

from reception import clock, constraints, live, regions
from reception.columns import UtcDateTime
from reception.domain import audit
from reception.domain.actors import Actor
from reception.domain.calendar import waiting
from reception.domain.errors import BadRequest, Busy, Invalid, NotFound, Stale
from reception.domain.locks import is_id
from reception.domain.matching import cards
from reception.extensions import Base, core, db, read_freely
from reception.models import Edited, IdempotencyKey
from reception.words import N_

log = logging.getLogger(__name__)

TRIES = 6
KEY = re.compile(r"[\w.:~/-]{1,80}", re.ASCII)

_writing: ContextVar[bool] = ContextVar("writing", default=False)
_sqlite_turn = threading.Lock()
"""All writers of the process queue here; made after gevent's patching, it gives way to other greenlets."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks for, so that asking again does it once: `key` as the client chose it, `digest` of the body."""

    key: str
    route: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Trace:
    """Where an act came from, for the audit."""

    login_id: int | None = None
    address: str = ""
    request_id: str = ""


def run(verb: Callable[..., Any], *values: Any, about: tuple[str, int] | None = None, **more: Any) -> Any:
    """Run `verb(*values, actor=, at=, **more)` for the signed-in actor of this request and commit.

    `about`: kind and id of the result where it is known before (a move), which saves a write.
    Returns the verb's result, or for a repeated key the record as it is now. Raises a Refusal.
    """
    trace = Trace(g.actor.login_id, g.actor.address, g.get("request_id", ""))
    return perform(g.actor, verb, *values, wish=_wish(), about=about, trace=trace, **more)


def perform(
    actor: Actor,
    verb: Callable[..., Any],
    *values: Any,
    wish: Wish | None = None,
    about: tuple[str, int] | None = None,
    trace: Trace = Trace(),
    at: datetime | None = None,
    **more: Any,
) -> Any:
    """The same for a command or a job: the actor is given, a key is not needed. `at`: when it happened, if not now."""
    for attempt in range(1, TRIES + 1):
        try:
            with _write_transaction(actor, at) as work:
                earlier = _claim(actor, wish, about, work) if wish else None
                result = earlier if earlier is not None else verb(*values, actor=actor, at=work.at, **more)
                if earlier is None:
                    waiting.offer_freed(work)
                    _close(work, trace)
                    cards.follow(work)
                    if wish and about is None:
                        _remember(actor, wish, result)
                raised = _raise_regions(work)
                audit.write(work, login_id=trace.login_id, address=trace.address, request_id=trace.request_id)
                db.session.commit()
            g.raised = raised
            read_freely()
            live.publish(work.actor.clinic_id, raised)
            return result
        except StaleDataError:
            raise Stale(N_("Somebody was faster. This is how it stands now.")) from None
        except DBAPIError as error:
            if constraints.is_passing(error) and attempt < TRIES:
                time.sleep(random.uniform(0.005, 0.03) * attempt)
                continue
            if isinstance(error, IntegrityError):
                raise constraints.refusal(error) from None
            if constraints.is_passing(error):
                raise Busy from None
            raise
    raise Busy


@contextmanager
def _write_transaction(actor: Actor, at: datetime | None) -> Iterator[audit.Work]:
    """One write transaction of the session, ended by the caller's commit or rolled back."""
    session = db.session
    session.rollback()
    session.info.pop("reads_freely", None)
    turn = _sqlite_turn if session.get_bind().dialect.name == "sqlite" else None
    if turn:
        turn.acquire()
    token = _writing.set(True)
    work = session.info["work"] = audit.Work(actor, at or clock.now())
    try:
        yield work
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop("work", None)
        _writing.reset(token)
        if turn:
            turn.release()


def _close(work: audit.Work, trace: Trace) -> None:
    db.session.flush()
    if missing := audit.uncovered(work):
        raise RuntimeError(f"No act was recorded for {sorted(missing)}.")


# ------------------------------------------------------------------------------------------------ repeated wishes


def _wish() -> Wish:
    key = request.headers.get("Idempotency-Key") or request.form.get("key", "")
    if not key:
        raise BadRequest(N_("The request carries no key. Please reload the page."), code="key-missing")
    if not KEY.fullmatch(key):
        raise BadRequest(N_("The key has a wrong form."), code="key-malformed")
    route = f"{request.method} {request.path}"[:120]
    return Wish(key, route, _digest())


def _digest() -> bytes:
    if request.is_json:
        body: Any = request.get_json(silent=True)
    else:
        body = sorted((k, v) for k, v in request.form.items(multi=True) if k not in ("csrf_token", "key"))
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)
    secret = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.new(secret, canonical.encode(), hashlib.sha256).digest()


_CLAIM = text(
    "INSERT INTO idempotency_key"
    " (actor_kind, actor_id, key, clinic_id, route, digest, result_kind, result_id, created_at)"
    " VALUES (:actor_kind, :actor_id, :key, :clinic_id, :route, :digest, :result_kind, :result_id, :created_at)"
    " ON CONFLICT DO NOTHING"
).bindparams(bindparam("digest", type_=LargeBinary), bindparam("created_at", type_=UtcDateTime))


def _claim(actor: Actor, wish: Wish, about: tuple[str, int] | None, work: audit.Work) -> Any:
    """Insert the key first; where it stands already, the record that came of it. A twin in flight is waited for."""
    owner = {"actor_kind": actor.kind, "actor_id": actor.id, "key": wish.key}
    kind, ident = about or (None, None)
    if about and not is_id(ident):
        raise NotFound
    taken = core(
        _CLAIM,
        {
            **owner, "clinic_id": actor.clinic_id, "route": wish.route, "digest": wish.digest, "result_kind": kind,
            "result_id": ident, "created_at": work.at,
        },
    )  # fmt: skip
    if taken.rowcount:
        return None
    earlier = db.session.execute(select(IdempotencyKey).filter_by(**owner)).scalar_one()
    if (earlier.clinic_id, earlier.route, earlier.digest) != (actor.clinic_id, wish.route, wish.digest):
        raise Invalid(N_("This key was used for another request."), code="key-reused")
    if earlier.result_kind is None:
        return Done
    model = next(m.class_ for m in Base.registry.mappers if m.class_.__tablename__ == earlier.result_kind)
    return db.session.get(model, earlier.result_id)


class Done:
    """What a repeated wish without a record answers."""


def _remember(actor: Actor, wish: Wish, result: Any) -> None:
    if isinstance(result, Base):
        kind, ident = audit.subject(result)
        owner = {"actor_kind": actor.kind, "actor_id": actor.id, "key": wish.key}
        core(_RESULT, {**owner, "result_kind": kind, "result_id": ident})


_RESULT = text(
    "UPDATE idempotency_key SET result_kind = :result_kind, result_id = :result_id"
    " WHERE actor_kind = :actor_kind AND actor_id = :actor_id AND key = :key"
)


def _raise_regions(work: audit.Work) -> dict[str, int]:
    names = sorted(regions.touched(work) | work.regions)
    return live.raise_versions(work.actor.clinic_id, names) if names else {}


# ------------------------------------------------------------------------------------------------ session and engine


def _stamp(session: Any, *_: Any) -> None:
    """Before each flush: who made and who changed the rows that people edit."""
    work: audit.Work | None = session.info.get("work")
    if work is None:
        return
    for row in session.new:
        if isinstance(row, Edited):
            row.created_at = row.updated_at = work.at
            row.created_by_id = row.updated_by_id = work.actor.user_id
    for row in session.dirty:
        if isinstance(row, Edited) and session.is_modified(row):
            row.updated_at, row.updated_by_id = work.at, work.actor.user_id


def init_app() -> None:
    """Listen to the session; once for the process."""
    if not event.contains(db.session, "before_flush", _stamp):
        event.listen(db.session, "before_flush", _stamp)
        event.listen(db.session, "after_flush", _note)
        event.listen(db.session, "do_orm_execute", _begin_for_pieces)


def _note(session: Any, _context: Any) -> None:
    audit.note_changes(session)


def _begin_for_pieces(asked: ORMExecuteState) -> None:
    """An answer that comes in pieces needs a transaction on PostgreSQL, where `read_freely` has none."""
    if asked.execution_options.get("yield_per") and asked.session.info.pop("reads_freely", False):
        asked.session.rollback()


def init_engine(engine: Engine) -> None:
    """What a connection must know before its first statement."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
    else:
        event.listen(engine, "checkout", _ping_where_idle)
        event.listen(engine, "checkin", _used)


IDLE_SECONDS = 1.0


def _ping_where_idle(connection: Any, entry: Any, _handle: Any) -> None:
    """Before use, ask a connection that has been idle whether it still stands: the pool's own pre-ping would ask one
    that answered a moment ago, too, three times in a request."""
    if time.monotonic() - entry.info.get("used", 0.0) < IDLE_SECONDS:
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except psycopg.Error as error:
        raise DisconnectionError from error


def _used(_connection: Any, entry: Any) -> None:
    entry.info["used"] = time.monotonic()


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # BEGIN is ours
    for pragma in (
        "foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "recursive_triggers=ON",
        "cache_size=-65536", "temp_store=MEMORY",
    ):  # fmt: skip
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _writing.get() else "BEGIN")
