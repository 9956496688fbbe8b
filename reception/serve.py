"""Serving on one machine: gevent's own server, with small answers sent at once."""

from __future__ import annotations

import gc
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from flask import Flask
from gevent.pywsgi import WSGIHandler, WSGIServer
from jinja2 import FileSystemBytecodeCache

from reception import startup


class Handler(WSGIHandler):
    """Without TCP_NODELAY every kept-alive request waits 40 ms for a delayed ACK; logs name no addresses of pages."""

    def __init__(self, sock: socket.socket, *more: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(sock, *more)

    def log_request(self) -> None:
        """Nothing: addresses of pages may carry tokens."""


def check(app: Flask) -> None:
    """Refuse to serve a database that lacks its guards. Raises NotReady."""
    with app.app_context():
        startup.check()
    _keep_templates(app)


def _keep_templates(app: Flask) -> None:
    """Templates stay compiled from one start to the next: after a crash the first pictures come at once."""
    folder = Path(app.config["INSTANCE"]) / "templates"
    with suppress(OSError):  # where nothing may be written they are compiled as they are asked for
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        app.jinja_env.bytecode_cache = FileSystemBytecodeCache(str(folder))


def forever(app: Flask) -> None:
    """Serve until interrupted."""
    host, port = app.config["HOST"], app.config["PORT"]
    server = WSGIServer((host, port), app, handler_class=Handler, log=None, error_log=sys.stderr)
    try:
        server.start()
    except OSError as error:
        sys.exit(f"Reception cannot start: {host}:{port} is not free ({error.strerror}). Choose another PORT.")
    signal.signal(signal.SIGTERM, lambda *_: server.stop(timeout=5))
    print(f"Reception is open on http://{host}:{server.server_port}", flush=True)
    _say_demo(app)
    gc.freeze()
    gc.set_threshold(50_000, 50, 1_000)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.stop(timeout=5)


def _say_demo(app: Flask) -> None:
    from reception.domain import users

    with app.app_context():
        names = users.demo_names()
    if names:
        print(f"Sign in as {', '.join(names)}; the password is {users.DEMO_PASSWORD}", flush=True)
