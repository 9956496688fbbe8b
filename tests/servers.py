"""Real server processes to test against: `python wsgi.py` or gunicorn, each on a free port over a test's own database.

    with serving(house) as server:
        answer = server.client(house.token(Role.RECEPTIONIST)).post("/api/v1/appointments/1/check-in")

The database is the house's: prepare it in this process (`House.open`, `house.token`), then serve it. The server's clock
starts where the test's clock stands.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from reception import clock
from reception.extensions import db
from tests.conftest import settings
from tests.factories import House

T = TypeVar("T")
ROOT = Path(__file__).parent.parent
PYTHON = sys.executable
COMMANDS = {
    "wsgi": [PYTHON, "wsgi.py"],
    "gunicorn": [PYTHON, "-m", "gunicorn", "wsgi:app", "-k", "gevent", "--no-control-socket", "--log-level", "warning"],
}
DEADLINE = 40.0
"""Seconds until a started server must answer /healthz, or a stopped one must be gone."""
_keys = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said: `json` is None where the body is not JSON."""

    status: int
    json: Any
    text: str
    headers: dict[str, str]


@dataclass
class Client:
    """One kept-alive connection with the headers of one actor. For one thread at a time."""

    host: str
    port: int
    headers: dict[str, str] = field(default_factory=dict)
    timeout: float = 60
    _line: http.client.HTTPConnection | None = None

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def post(self, path: str, body: Any = None, key: str | None = None) -> Answer:
        """POST `body` as JSON (nothing for None) with `key`, or with a new one."""
        headers = {"Idempotency-Key": key or f"k-{os.getpid()}-{next(_keys)}"}
        if body is None:
            return self.send("POST", path, b"", headers)
        return self.send("POST", path, json.dumps(body).encode(), {**headers, "Content-Type": "application/json"})

    def send(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        """One request and its whole answer. Raises OSError or HTTPException where the server goes away."""
        if self._line is None:
            self._line = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
            self._line.connect()
            self._line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._line.request(method, path, body or None, {**self.headers, **(headers or {})})
            found = self._line.getresponse()
            raw = found.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        is_json = "json" in (found.getheader("Content-Type") or "")
        return Answer(
            found.status, json.loads(raw) if is_json and raw else None, raw.decode(), dict(found.getheaders())
        )

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


@dataclass
class Server:
    """A started server process. `stop` lets it finish, `kill` does not; `start` again uses the same port."""

    command: list[str]
    env: dict[str, str]
    port: int
    log: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def client(self, headers: dict[str, str] | None = None, **more: Any) -> Client:
        return Client("127.0.0.1", self.port, dict(headers or {}), **more)

    def start(self) -> Server:
        """Start the process and wait until it answers /healthz."""
        shift = {"RECEPTION_NOW": clock.now().isoformat()}
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env={**self.env, **shift}, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip
        until(self._answers, f"the server did not answer:\n{self.output()}")
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"The server ended with {self.process.returncode}:\n{self.output()}")
        try:
            return self.client(timeout=5).get("/healthz").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def output(self) -> str:
        """What the process has printed, its end."""
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    def stop(self) -> None:
        """SIGTERM, and SIGKILL to its group where it does not go."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9, workers included: what a power cut leaves."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        (os.killpg if how == signal.SIGKILL else os.kill)(process.pid, how)
        try:
            process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(DEADLINE)


@contextmanager
def serving(house: House, kind: str = "wsgi", workers: int = 1, **more: str) -> Iterator[Server]:
    """Serve the house's database: `kind` wsgi or gunicorn (PostgreSQL). `more`: further environment.

    The house's own session gives back its connection first, so that it holds no lock and reads anew afterwards.
    """
    db.session.remove()
    folder = Path(house.app.config["INSTANCE"])
    url = house.app.config["SQLALCHEMY_DATABASE_URI"]
    for attempt in range(3):
        port = free_port()
        command = list(COMMANDS[kind])
        if kind == "gunicorn":
            command += ["--bind", f"127.0.0.1:{port}", "--workers", str(workers)]
        env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        env |= settings(folder, url, HOST="127.0.0.1", PORT=str(port), WEB_CONCURRENCY=str(workers), **more)
        env["PYTHONDONTWRITEBYTECODE"] = "1"
        server = Server(command, env, port, folder / f"server-{port}.log")
        try:
            server.start()
        except RuntimeError:
            if attempt == 2 or "not free" not in server.output():
                raise
            continue  # somebody took the port between our look and our start
        break
    try:
        yield server
    finally:
        server.stop()
        db.session.rollback()


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], Any], message: str = "it never came", deadline: float = DEADLINE) -> Any:
    """The first true value of `condition`, asked again and again. Raises AssertionError after `deadline` seconds."""
    end = time.monotonic() + deadline
    while True:
        if found := condition():
            return found
        if time.monotonic() > end:
            raise AssertionError(message)
        time.sleep(0.02)


def at_once(jobs: list[Callable[[], T]]) -> list[T]:
    """Run all `jobs` in threads that are let go together; their results in order. Raises the first error."""
    gate = threading.Barrier(len(jobs))
    results: list[Any] = [None] * len(jobs)
    errors: list[BaseException] = []

    def run(place: int, job: Callable[[], T]) -> None:
        try:
            gate.wait(30)
            results[place] = job()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    if errors:
        raise errors[0]
    assert not any(thread.is_alive() for thread in threads), "a job hangs"
    return results
