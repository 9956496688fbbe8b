"""The product as it is served: a real process on a free port with a database of its own, ended by its process id."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from flask_migrate import upgrade

from reception import create_app
from reception.extensions import db
from reception.models import Role
from tests.conftest import settings
from tests.factories import PASSWORD, House

ROOT = Path(__file__).parent.parent
POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


@dataclass
class Client:
    """One kept-alive connection."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        headers = dict(self.headers)
        if method == "POST":
            headers.setdefault("Idempotency-Key", uuid.uuid4().hex)
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body)
        self.line.request(method, path, data, headers)
        answer = self.line.getresponse()
        return answer.status, answer.read()

    def json(self, method: str, path: str, body: Any = None) -> Any:
        status, data = self.call(method, path, body)
        if status >= 400:
            raise RuntimeError(f"{method} {path}: {status} {data[:300]!r}")
        return json.loads(data) if data else None


@dataclass
class Product:
    """A served house. `token`: headers of an administrator's API client."""

    port: int
    pid: int
    token: dict[str, str]
    doctor_id: int
    service_id: int
    url: str = ""

    def client(self) -> Client:
        return Client(self.port, dict(self.token))

    def sign_in(self, name: str) -> Client:
        """A browser's connection with the sign-in cookie of `name`."""
        client = Client(self.port)
        client.line.request("GET", "/sign-in")
        page = client.line.getresponse()
        text = page.read().decode()
        cookie = (page.getheader("Set-Cookie") or "").split(";")[0]
        csrf = text.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
        form = f"username={name}&password={PASSWORD.replace(' ', '+')}&csrf_token={csrf}"
        heads = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie,
                 "Referer": f"http://127.0.0.1:{self.port}/sign-in"}  # fmt: skip
        client.line.request("POST", "/sign-in", form, heads)
        answer = client.line.getresponse()
        answer.read()
        cookies = [v.split(";")[0] for k, v in answer.getheaders() if k == "Set-Cookie"]
        client.headers["Cookie"] = cookies[-1]
        return client

    def memory(self) -> int:
        """Resident bytes of the server process."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(*command: str, port: int, path: str = "", **env: str) -> Iterator[int]:
    """Run `command`, wait for its port (or for `path` to answer), yield its pid; end it by that pid."""
    running = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not _answers(port, path):
            if running.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command} did not start")
            time.sleep(0.05)
        yield running.pid
    finally:
        running.terminate()
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def _answers(port: int, path: str) -> bool:
    try:
        if not path:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        line.request("GET", path)
        return line.getresponse().status == 200
    except OSError:
        return False


@contextmanager
def database(backend: str) -> Iterator[tuple[Path, str]]:
    """An empty database and an instance folder, both thrown away."""
    folder = Path(tempfile.mkdtemp(prefix="reception-bench-"))
    name = f"reception_bench_{uuid.uuid4().hex[:8]}"
    try:
        if backend == "sqlite":
            yield folder, f"sqlite:///{folder / 'bench.db'}"
            return
        with psycopg.connect(POSTGRES, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        yield folder, POSTGRES.rsplit("/", 1)[0] + "/" + name
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if backend != "sqlite":
            with psycopg.connect(POSTGRES, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")  # type: ignore[arg-type]


@contextmanager
def product(backend: str, fill: Any = None) -> Iterator[tuple[Product, Any]]:
    """A served house, filled by `fill(house)` first; what `fill` answers comes along."""
    with database(backend) as (folder, url):
        env = settings(folder, url)
        app = create_app(env)
        with app.app_context():
            upgrade()
            house = House.open(app)
            token = house.token(Role.ADMIN)
            filled = fill(house) if fill else None
            doctor_id, service_id = house.doctor.id, house.service.id
            db.session.remove()
            db.engine.dispose()
        port = free_port()
        with process(sys.executable, "wsgi.py", port=port, path="/healthz", **env, PORT=str(port)) as pid:
            yield Product(port, pid, token, doctor_id, service_id, url), filled
