"""Run a command with what the tests need beside Python: PostgreSQL, Redis, Chromium, the public data.

    python scripts/test_services.py -- python -m pytest

What is at hand is used: an address given in TEST_POSTGRES_URL or TEST_REDIS_URL, a server on the usual port,
else a server of our own on a free port that lives in a temporary folder as long as the command. What is not
installed is installed where we are root on Debian. What is still missing is said, and pytest leaves the tests
with that mark out; with CI=true it is a failure instead.
"""

import os
import platform
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import redis

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
EXTENSIONS = ["btree_gist", "pg_trgm"]  # what the migrations create


class Missing(Exception):
    """Why a service cannot be had, in words for a person."""


class NotInstalled(Missing):
    """Missing, but a package would help."""


# --- PostgreSQL ------------------------------------------------------------------------------------------------


def postgres_binaries() -> Path | None:
    """The newest server installed here: Debian keeps them off the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def postgres_refusal(url: str) -> str | None:
    """None if the tests can work at `url`, else why not."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            may_create = connection.execute(
                "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
            known = connection.execute(
                "SELECT count(*) FROM pg_available_extensions WHERE name = ANY(%s)", [EXTENSIONS]
            ).fetchone()
    except psycopg.Error as error:
        return str(error).strip()
    if not may_create or not may_create[0]:
        return "this user may not create databases"
    if not known or known[0] < len(EXTENSIONS):
        return f"its extensions {', '.join(EXTENSIONS)} are not installed"
    return None


@contextmanager
def postgres() -> Iterator[str]:
    given = os.environ.get("TEST_POSTGRES_URL")
    url = given or "postgresql://postgres@127.0.0.1:5432/postgres"
    refusal = postgres_refusal(url)
    if not refusal:
        yield url
        return
    if given:
        raise Missing(f"TEST_POSTGRES_URL: {refusal}")
    binaries = postgres_binaries()
    if not binaries:
        raise NotInstalled("PostgreSQL is not installed (Debian: apt install postgresql)")
    port = free_port()
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    with temporary_folder("reception-postgres-") as folder:
        locale = "C.UTF-8" if platform.system() == "Linux" else "en_US.UTF-8"
        where = ["-D", str(folder / "data")]
        make = [binaries / "initdb", *where, "-U", "postgres", "-A", "trust", "-E", "UTF8", f"--locale={locale}"]
        subprocess.run(make, check=True, cwd=folder, stdout=subprocess.DEVNULL, **unprivileged())
        options = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=200"]
        serve = [binaries / "postgres", *where, "-p", port, *(f"--{option}" for option in options)]
        with server(serve, folder, lambda: not postgres_refusal(url)):
            yield url


# --- Redis -----------------------------------------------------------------------------------------------------


def redis_answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=5) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


@contextmanager
def redis_server() -> Iterator[str]:
    given = os.environ.get("TEST_REDIS_URL")
    url = given or "redis://127.0.0.1:6379/15"  # not the database somebody works in
    if redis_answers(url):
        yield url
        return
    if given:
        raise Missing("nothing answers at TEST_REDIS_URL")
    binary = shutil.which("redis-server")
    if not binary:
        raise NotInstalled("Redis is not installed (Debian: apt install redis-server)")
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    with temporary_folder("reception-redis-") as folder:
        command = [binary, "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", folder]
        with server(command, folder, lambda: redis_answers(url)):
            yield url


# --- Chromium and the data -------------------------------------------------------------------------------------


def chromium_path() -> str | None:
    names = [
        os.environ.get("TEST_CHROMIUM"),
        "chromium-headless-shell",
        "chromium",
        "chromium-browser",
        "google-chrome",
    ]
    return next(filter(None, (shutil.which(name) for name in names if name)), None)


@contextmanager
def chromium() -> Iterator[str]:
    path = chromium_path()
    if not path:
        raise NotInstalled("Chromium is not installed (Debian: apt install chromium-headless-shell)")
    yield path


@contextmanager
def data() -> Iterator[str]:
    folder = Path(os.environ.get("TEST_DATA") or ROOT.parent / "shared/data").resolve()
    if not folder.is_dir():
        raise Missing("TEST_DATA names no folder of public data sets")
    yield str(folder)


# --- What they share -------------------------------------------------------------------------------------------


def unprivileged() -> dict[str, Any]:
    """Arguments for subprocess: PostgreSQL refuses to run as root, and Redis has no need to."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    account = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=prefix) as name:
        owner = unprivileged()
        if owner:
            os.chown(name, owner["user"], owner["group"])
        yield Path(name)


@contextmanager
def server(command: list[Any], folder: Path, is_ready: Callable[[], bool]) -> Iterator[None]:
    """Keep `command` running; its own session, so that Ctrl-C reaches the tests first."""
    with (folder / "log").open("w+b") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True, **unprivileged()
        )  # fmt: skip
        try:
            until = time.monotonic() + START_SECONDS
            while not is_ready():
                if process.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    raise Missing(f"{command[0]} did not start: {log.read()[-500:].decode(errors='replace')}")
                time.sleep(0.1)
            yield
        finally:
            process.send_signal(signal.SIGINT)  # PostgreSQL: disconnect everybody and stop now
            process.wait()


# --- The command -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Service:
    mark: str  # of the tests that need it
    variable: str  # that tells the tests where it is
    running: Callable[[], AbstractContextManager[str]]  # yields the variable's value
    packages: tuple[str, ...] = ()  # Debian's


SERVICES = [
    Service("postgres", "TEST_POSTGRES_URL", postgres, ("postgresql",)),
    Service("redis", "TEST_REDIS_URL", redis_server, ("redis-server",)),
    Service("browser", "TEST_CHROMIUM", chromium, ("chromium-headless-shell", "fonts-noto-core")),
    Service("data", "TEST_DATA", data),
]


def start(services: list[Service], stack: ExitStack) -> dict[Service, Missing]:
    """Start what can be started, name it in the environment, and return the rest with the reasons."""
    missing = {}
    for service in services:
        try:
            os.environ[service.variable] = stack.enter_context(service.running())
        except Missing as reason:
            missing[service] = reason
    return missing


def install(packages: list[str]) -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    say(f"Installing {', '.join(packages)} with apt-get")
    quiet = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run([*quiet, *step], env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            say(f"apt-get {step[0]} failed", *done.stderr.splitlines()[-5:])


def say(*lines: str) -> None:
    for line in lines:
        print(line, file=sys.stderr, flush=True)


def main(command: list[str]) -> int:
    with ExitStack() as stack:
        missing = start(SERVICES, stack)
        packages = [
            package
            for service, reason in missing.items()
            if isinstance(reason, NotInstalled)
            for package in service.packages
        ]
        if packages:
            install(packages)
            missing = start(list(missing), stack)
        left_out = [f"Left out: tests marked {service.mark}: {reason}" for service, reason in missing.items()]
        say(*left_out)
        if left_out and os.environ.get("CI", "false").lower() in {"true", "1"}:
            say("CI leaves nothing out.")
            return 1
        marks = " and ".join(f"not {service.mark}" for service in missing)
        if marks:
            os.environ["PYTEST_ADDOPTS"] = f"{os.environ.get('PYTEST_ADDOPTS', '')} -m '{marks}'"
        status = run(command)
        say(*left_out)  # again, where it is read
        return status


def run(command: list[str]) -> int:
    """The command's exit status; a signal to us ends it first and our servers after it."""
    process = subprocess.Popen(command)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the command itself
    status = process.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    if sys.argv[1:2] != ["--"] or not sys.argv[2:]:
        sys.exit("usage: python scripts/test_services.py -- COMMAND ...")
    sys.exit(main(sys.argv[2:]))
