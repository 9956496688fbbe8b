"""The floors: the least that anybody could do. `python -m bench.floor socket|sqlite:///…|postgresql://… PORT`.

socket    A WebSocket server on gevent that sends one ready frame to all who are connected, and nothing else.
database  A bare Flask and SQLAlchemy application: a check-in is one transaction with the same inserts and updates as
          ours, without rules, triggers or a session; a read is one SELECT by primary key.
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
from typing import Any  # noqa: E402

from flask import Flask  # noqa: E402
from gevent.pywsgi import WSGIHandler, WSGIServer  # noqa: E402
from gevent.server import StreamServer  # noqa: E402
from sqlalchemy import Engine, create_engine, event, text  # noqa: E402

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


# ------------------------------------------------------------------------------------------------------ database

TABLES = """
CREATE TABLE floor_appointment (id {id}, patient integer, status varchar(24), version integer, updated_at varchar(32));
CREATE TABLE floor_visit (id {id}, appointment_id integer, status varchar(24), queue_number integer, ticket varchar(16),
    check_in_time varchar(32), waiting_since varchar(32), version integer, updated_at varchar(32));
CREATE INDEX floor_visit_appointment ON floor_visit (appointment_id);
CREATE TABLE floor_counter (day varchar(10) PRIMARY KEY, n integer);
CREATE TABLE floor_record (id {id}, visit_id integer, patient_id integer, state varchar(24), created_at varchar(32));
CREATE TABLE floor_event (id {id}, visit_id integer, at varchar(32), move varchar(24), was varchar(255));
CREATE TABLE floor_region (name varchar(40) PRIMARY KEY, version integer);
CREATE TABLE floor_audit (id {id}, seq integer, at varchar(32), action varchar(40), fields varchar(255), hash varchar(64));
CREATE TABLE floor_head (id integer PRIMARY KEY, seq integer, hash varchar(64));
CREATE TABLE floor_key (k varchar(80) PRIMARY KEY, route varchar(120), digest varchar(64), created_at varchar(32));
INSERT INTO floor_head VALUES (1, 0, '');
"""
REGIONS = ("line-1", "board-1", "arrivals", "rooms", "display-1", "ticket-1", "calendar-1", "patient-1")


def bare_app(url: str, rows: int) -> Flask:
    """The application of the database floor, with `rows` appointments to check in."""
    engine = create_engine(url, pool_size=20, max_overflow=10)
    turn = threading.Lock() if engine.dialect.name == "sqlite" else None
    if turn:
        _sqlite(engine)
    identity = "integer PRIMARY KEY" if turn else "bigserial PRIMARY KEY"
    with engine.begin() as connection:
        for statement in TABLES.format(id=identity).strip().split(";\n"):
            connection.execute(text(statement.rstrip(";")))
        many = [{"i": i} for i in range(1, rows + 1)]
        connection.execute(text("INSERT INTO floor_appointment VALUES (:i, :i, 'CONFIRMED', 1, '')"), many)
        connection.execute(
            text("INSERT INTO floor_visit (id, appointment_id, status, version) VALUES (:i, :i, 'SCHEDULED', 1)"), many
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


def _check_in(connection: Any, ident: int) -> dict[str, Any]:
    at = datetime.now(UTC).isoformat()

    def run(statement: str, **values: Any) -> Any:
        return connection.execute(text(statement), values)

    run("INSERT INTO floor_key VALUES (:k, '/check-in', :d, :at)", k=f"key-{ident}", d="0" * 64, at=at)
    appointment = run("SELECT id, patient, status FROM floor_appointment WHERE id = :i", i=ident).one()
    visit = run("SELECT id, status, version FROM floor_visit WHERE appointment_id = :i", i=ident).one()
    number = run(
        "INSERT INTO floor_counter VALUES ('today', 1) ON CONFLICT (day) DO UPDATE SET n = floor_counter.n + 1 RETURNING n"
    ).scalar_one()
    run(
        "UPDATE floor_appointment SET status = 'CHECKED_IN', version = 2, updated_at = :at WHERE id = :i",
        at=at,
        i=ident,
    )
    run(
        "UPDATE floor_visit SET status = 'WAITING', queue_number = :n, ticket = :t, check_in_time = :at,"
        " waiting_since = :at, version = 2, updated_at = :at WHERE id = :i",
        n=number, t=f"A-{number:03d}", at=at, i=visit.id,
    )  # fmt: skip
    run("INSERT INTO floor_record (visit_id, patient_id, state, created_at) VALUES (:v, :p, 'REGISTRATION', :at)",
        v=visit.id, p=appointment.patient, at=at)  # fmt: skip
    run("INSERT INTO floor_event (visit_id, at, move, was) VALUES (:v, :at, 'check-in', '{}')", v=visit.id, at=at)
    run(
        f"INSERT INTO floor_region VALUES {', '.join(f'(:r{i}, 1)' for i in range(len(REGIONS)))}"
        " ON CONFLICT (name) DO UPDATE SET version = floor_region.version + 1",
        **{f"r{i}": name for i, name in enumerate(REGIONS)},
    )
    run("INSERT INTO floor_audit (seq, at, action, fields, hash) VALUES (:s, :at, 'visit.check-in', '{}', :h)",
        s=number, at=at, h="0" * 64)  # fmt: skip
    run("UPDATE floor_head SET seq = :s, hash = :h WHERE id = 1", s=number, h="0" * 64)
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
    if kind == "socket":
        StreamServer(("127.0.0.1", port), Broadcast()).serve_forever()
    else:
        app = bare_app(kind, int(sys.argv[3]))
        WSGIServer(("127.0.0.1", port), app, handler_class=Handler, log=None).serve_forever()


if __name__ == "__main__":
    main()
