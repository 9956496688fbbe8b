"""Every setting, read from the environment once, with its default. `docs/configuration.md` describes them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from limits import parse as parse_limit
from sqlalchemy.engine import make_url

OURS = {
    "RECEPTION_NOW": "the clock's start, for development and tests",
    "RECEPTION_ENV": "development (default) or production",
    "RECEPTION_INSTANCE": "folder of the database and the kept secrets",
    "RECEPTION_MIGRATION_URL": "owner of the tables, where the app has fewer rights",
    "RECEPTION_PROXY_HOPS": "trusted proxies in front",
    "RECEPTION_AUDIT_KEY": "secret of the audit chain",
    "RECEPTION_LIVE_BEAT": "seconds between two namings of the versions",
    "RECEPTION_LOGIN_LIMIT": "password tries per account and address",
    "RECEPTION_COOKIE_SECURE": "1: the cookie travels over HTTPS only",
}


class ConfigError(Exception):
    """A setting that cannot be used; its text says which and how to mend it."""


def load(env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Settings for `app.config`. Raises ConfigError."""
    env = os.environ if env is None else env
    if unknown := sorted(name for name in env if name.startswith("RECEPTION_") and name not in OURS):
        raise ConfigError(f"Unknown setting {', '.join(unknown)}; docs/configuration.md lists the known ones.")
    instance = Path(env.get("RECEPTION_INSTANCE") or Path(__file__).parent.parent / "instance").resolve()
    production = _choice(env, "RECEPTION_ENV", ("development", "production")) == "production"
    url = database_url(env.get("DATABASE_URL") or f"sqlite:///{instance / 'reception.db'}")
    workers = _number(env, "WEB_CONCURRENCY", 1, 1, 64)
    redis_url = env.get("REDIS_URL", "")
    if workers > 1 and url.startswith("sqlite"):
        raise ConfigError("SQLite serves one process: set WEB_CONCURRENCY=1 or use PostgreSQL (DATABASE_URL).")
    if workers > 1 and not redis_url:
        raise ConfigError("Several workers need REDIS_URL: without it a change reaches the screens of one worker only.")
    return {
        "ENVIRONMENT": "production" if production else "development",
        "INSTANCE": instance,
        "SECRET_KEY": env.get("SECRET_KEY") or _kept_secret(instance / "secret-key", "SECRET_KEY", production),
        "AUDIT_KEY": env.get("RECEPTION_AUDIT_KEY")
        or _kept_secret(instance / "audit-key", "RECEPTION_AUDIT_KEY", production),
        "SQLALCHEMY_DATABASE_URI": url,
        "SQLALCHEMY_ENGINE_OPTIONS": _engine_options(url),
        "REDIS_URL": redis_url,
        "HOST": env.get("HOST", "127.0.0.1"),
        "PORT": _number(env, "PORT", 8000, 0, 65535),
        "NOW": _instant(env, "RECEPTION_NOW"),
        "PROXY_HOPS": _number(env, "RECEPTION_PROXY_HOPS", 0, 0, 10),
        "LIVE_BEAT_SECONDS": float(env.get("RECEPTION_LIVE_BEAT", "5")),
        "LOGIN_LIMIT": _limit(env, "RECEPTION_LOGIN_LIMIT", "10 per 15 minutes"),
        "RATELIMIT_STORAGE_URI": redis_url or "memory://",
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=14),
        "SESSION_COOKIE_NAME": "reception",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": env.get("RECEPTION_COOKIE_SECURE", "1" if production else "0") == "1",
        "WTF_CSRF_TIME_LIMIT": None,
        "WTF_CSRF_CHECK_DEFAULT": False,  # done by us after the permission, so that a lost sign-in says so first
        "MAX_CONTENT_LENGTH": 4 * 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 1024 * 1024,
        "MAX_FORM_PARTS": 500,
        "BABEL_TRANSLATION_DIRECTORIES": "translations",
        "BABEL_DEFAULT_LOCALE": "en",
        "JSON_SORT_KEYS": False,
    }


def database_url(text: str) -> str:
    """`text` with the driver this house uses, whatever the environment says. Raises ConfigError."""
    try:
        url = make_url(text)
    except Exception:
        raise ConfigError("DATABASE_URL cannot be read as a database address.") from None
    backend = url.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    if backend == "sqlite":
        return url.render_as_string(hide_password=False)
    raise ConfigError(f"DATABASE_URL names {backend}; SQLite and PostgreSQL are supported.")


def _engine_options(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {"pool_size": 20, "max_overflow": 30, "connect_args": {"check_same_thread": False}}
    timeouts = "-c lock_timeout=5s -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s -c timezone=UTC"
    return {
        "pool_size": 20,
        "max_overflow": 10,
        "connect_args": {"options": timeouts, "connect_timeout": 5, "prepare_threshold": 3},
    }


def _kept_secret(path: Path, name: str, production: bool) -> str:
    """The secret kept in `path`, made at first need; production wants it from the environment."""
    if production:
        raise ConfigError(f"Production needs {name} from the environment.")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as new:
            new.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return path.read_text().strip()


def _number(env: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = env.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ConfigError(f"{name} must be a whole number from {least} to {most}.")
    return int(text)


def _choice(env: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    text = env.get(name) or known[0]
    if text not in known:
        raise ConfigError(f"{name} must be one of: {', '.join(known)}.")
    return text


def _limit(env: Mapping[str, str], name: str, default: str) -> str:
    text = env.get(name) or default
    try:
        parse_limit(text)
    except ValueError:
        raise ConfigError(f"{name} must be a limit such as: {default}.") from None
    return text


def _instant(env: Mapping[str, str], name: str) -> datetime | None:
    text = env.get(name)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{name} must be an ISO 8601 instant such as 2016-05-16T08:00:00Z.") from None
    if len(text) == len("2016-05-16"):
        at = at.replace(hour=9)  # a day alone: a working hour in every zone from -9 to +14
    return at if at.tzinfo else at.replace(tzinfo=UTC)
