"""The floors: the least that anybody could do. `python -m bench.floor socket|patients|sqlite:///…|postgresql://… PORT`.

socket    A WebSocket server on gevent that sends one ready frame to all who are connected, and nothing else.
database  A bare Flask and SQLAlchemy application on tables with our columns and indexes: a check-in is one transaction
          with the same inserts and updates as ours, without constraints, triggers or a session; a read is one SELECT by
          primary key.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import base64  # noqa: E402
import hashlib  # noqa: E402
import socket  # noqa: E402
import struct  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
from datetime import UTC, datetime  # noqa: E402
from typing import Any, cast  # noqa: E402

from flask import Flask  # noqa: E402
from gevent.pywsgi import WSGIHandler, WSGIServer  # noqa: E402
from gevent.server import StreamServer  # noqa: E402
from simple_websocket import ConnectionClosed, Server  # noqa: E402
from sqlalchemy import (  # noqa: E402
    Column,
    Engine,
    Enum,
    Index,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    event,
    select,
    text,
    update,
)

from reception import models  # noqa: E402

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


# ------------------------------------------------------------------------------------------------------- sockets


class Broadcast:
    """`GET /` becomes a WebSocket; `POST /` sends its body as one text frame to every one of them."""

    def __init__(self) -> None:
        self.open: list[socket.socket] = []

    def __call__(self, sock: socket.socket, _address: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = sock.makefile("rb")
        while line := reader.readline():
            verb = line.split(b" ", 1)[0]
            heads = {}
            while head := reader.readline().strip():
                name, _, value = head.partition(b":")
                heads[name.lower()] = value.strip()
            if verb == b"GET":
                self.upgrade(sock, heads, reader)
                return
            body = reader.read(int(heads[b"content-length"]))
            sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            size = len(body)
            start = b"\x81" + (bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size))
            if size > 65_535:
                start = b"\x81\x7f" + struct.pack(">Q", size)
            frame = start + body
            for other in self.open:
                other.sendall(frame)

    def upgrade(self, sock: socket.socket, heads: dict[bytes, bytes], reader: Any) -> None:
        accept = base64.b64encode(hashlib.sha1(heads[b"sec-websocket-key"] + MAGIC.encode()).digest())
        sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self.open.append(sock)
        try:
            while reader.read(1):
                pass
        finally:
            self.open.remove(sock)


class Plain:
    """The same as a WSGI application, with a library."""

    def __init__(self) -> None:
        self.open: list[Server] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["REQUEST_METHOD"] == "GET":
            line = Server(environ)
            self.open.append(line)
            try:
                while True:
                    line.receive()
            except ConnectionClosed:
                self.open.remove(line)
            return []
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
        for line in self.open:
            line.send(body)
        start_response("204 No Content", [])
        return []


# ------------------------------------------------------------------------------------------------------ database


def bare(kind: type[Any]) -> Table:
    """The product's table with its columns and indexes and none of its rules."""
    ours = cast(Table, kind.__table__)
    found = Table(f"floor_{ours.name}", BARE, *(_plain(column) for column in ours.columns))
    for number, index in enumerate((*ours.indexes, *(c for c in ours.constraints if isinstance(c, UniqueConstraint)))):
        Index(f"floor_{ours.name}_{number}", *(found.c[column.name] for column in index.columns))
    return found


def _plain(column: Column[Any]) -> Column[Any]:
    kind = String(24) if isinstance(column.type, Enum) else column.type
    return Column(column.name, kind, primary_key=column.primary_key, nullable=True)


BARE = MetaData()
APPOINTMENT, VISIT, COUNTER, RECORD, EVENT, REGION, AUDIT, HEAD, KEY = map(
    bare,
    (
        models.Appointment, models.Visit, models.QueueCounter, models.MedicalRecord, models.VisitEvent,
        models.LiveRegion, models.AuditEntry, models.AuditHead, models.IdempotencyKey,
    ),
)  # fmt: skip
REGIONS = ("line-1", "board-1", "arrivals", "rooms", "display-1", "ticket-1", "calendar-1", "patient-1")


def bare_app(url: str, rows: int) -> Flask:
    """The application of the database floor, with `rows` appointments to check in."""
    engine = create_engine(url, pool_size=20, max_overflow=10)
    turn = threading.Lock() if engine.dialect.name == "sqlite" else None
    if turn:
        _sqlite(engine)
    BARE.create_all(engine)
    day = datetime.now(UTC).date()
    both = {"clinic_id": 1, "patient_id": 1, "doctor_id": 1, "version": 1}
    with engine.begin() as connection:
        connection.execute(HEAD.insert(), {"clinic_id": 1, "seq": 0, "hash": ""})
        connection.execute(
            APPOINTMENT.insert(), [{"id": i, **both, "status": "CONFIRMED", "day": day} for i in range(1, rows + 1)]
        )
        connection.execute(
            VISIT.insert(),
            [
                {"id": i, "appointment_id": i, **both, "status": "SCHEDULED", "service_day": day}
                for i in range(1, rows + 1)
            ],
        )
    app = Flask("floor")

    @app.post("/check-in/<int:ident>")
    def check_in(ident: int) -> dict[str, Any]:
        if turn:
            turn.acquire()
        try:
            with engine.begin() as connection:
                return _check_in(connection, ident)
        finally:
            if turn:
                turn.release()

    @app.get("/row/<int:ident>")
    def row(ident: int) -> dict[str, Any]:
        with engine.connect() as connection:
            found = connection.execute(text("SELECT id, status FROM floor_visit WHERE id = :i"), {"i": ident}).one()
        return {"id": found[0], "status": found[1]}

    return app


def patients_app(url: str) -> Flask:
    """One view that reads one patient by the primary key."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), pool_size=20)
    app = Flask("floor")

    @app.get("/patient/<int:ident>")
    def patient(ident: int) -> dict[str, Any]:
        with engine.connect() as connection:
            found = connection.execute(text("SELECT id, last_name FROM patient WHERE id = :i"), {"i": ident}).one()
        return {"id": found[0], "name": found[1]}

    return app


def _check_in(connection: Any, ident: int) -> dict[str, Any]:
    at = datetime.now(UTC)
    made = {"created_at": at, "updated_at": at, "created_by_id": 1, "updated_by_id": 1}
    run = connection.execute
    run(
        KEY.insert(),
        {
            "actor_kind": "token", "actor_id": 1, "key": f"key-{ident}", "clinic_id": 1, "route": "/check-in",
            "digest": b"0" * 32, "result_kind": "visit", "result_id": ident, "created_at": at,
        },
    )  # fmt: skip
    appointment = run(select(APPOINTMENT).where(APPOINTMENT.c.id == ident)).one()
    visit = run(select(VISIT).where(VISIT.c.appointment_id == ident)).one()
    number = run(
        text(
            "INSERT INTO floor_queue_counter (clinic_id, service_day, last_number) VALUES (1, :day, 1) ON CONFLICT"
            " (clinic_id, service_day) DO UPDATE SET last_number = floor_queue_counter.last_number + 1"
            " RETURNING last_number"
        ),
        {"day": at.date().isoformat() if connection.dialect.name == "sqlite" else at.date()},
    ).scalar_one()
    changed = {"version": 2, "updated_at": at, "updated_by_id": 1}
    run(update(APPOINTMENT).where(APPOINTMENT.c.id == ident).values(status="CHECKED_IN", **changed))
    run(
        update(VISIT)
        .where(VISIT.c.id == visit.id)
        .values(status="WAITING", queue_number=number, ticket=f"A-{number:03d}", check_in_time=at, waiting_since=at,
                **changed)
    )  # fmt: skip
    whose = {"clinic_id": 1, "visit_id": visit.id}
    run(
        RECORD.insert(),
        {**whose, **made, "patient_id": appointment.patient_id, "doctor_id": 1, "state": "REGISTRATION"},
    )
    run(
        EVENT.insert(),
        {
            **whose, "at": at, "move": "check-in", "from_status": "SCHEDULED", "to_status": "WAITING",
            "actor_kind": "token", "actor_id": 1, "roles": "ADMIN", "was": {"status": "SCHEDULED"},
        },
    )  # fmt: skip
    run(
        text(
            f"INSERT INTO floor_live_region (clinic_id, name, version) VALUES"
            f" {', '.join(f'(1, :r{i}, 1)' for i in range(len(REGIONS)))}"
            " ON CONFLICT (clinic_id, name) DO UPDATE SET version = floor_live_region.version + 1"
        ),
        {f"r{i}": name for i, name in enumerate(REGIONS)},
    )
    run(
        AUDIT.insert(),
        {
            "clinic_id": 1, "seq": number, "at": at, "actor_kind": "token", "actor_id": 1, "action": "visit.check-in",
            "entity_kind": "visit", "entity_id": visit.id, "fields": {"status": ["SCHEDULED", "WAITING"]},
            "previous_hash": "0" * 64, "hash": "0" * 64, "hash_version": 1,
        },
    )  # fmt: skip
    run(update(HEAD).where(HEAD.c.clinic_id == 1).values(seq=number, hash="0" * 64))
    return {"id": visit.id, "queue_number": number, "ticket": f"A-{number:03d}"}


def _sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
            connection.execute(f"PRAGMA {pragma}")


class Handler(WSGIHandler):
    """The same two courtesies as ours: answers at once, no log."""

    def __init__(self, sock: socket.socket, *more: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(sock, *more)

    def log_request(self) -> None:
        """Nothing."""


def main() -> None:
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "frames":
        StreamServer(("127.0.0.1", port), Broadcast()).serve_forever()
    elif kind == "socket":
        WSGIServer(("127.0.0.1", port), Plain(), handler_class=Handler, log=None).serve_forever()
    else:
        app = patients_app(sys.argv[3]) if kind == "patients" else bare_app(kind, int(sys.argv[3]))
        WSGIServer(("127.0.0.1", port), app, handler_class=Handler, log=None).serve_forever()


if __name__ == "__main__":
    main()
