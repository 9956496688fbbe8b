"""The map of the house: `create_app` reads the settings, binds the extensions, hangs in the blueprints. Read it first."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Mapping

from flask import Flask, Response, current_app, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from reception import access, cli, clock, config, errors, formats, frames, live, startup, transaction
from reception.domain import audit
from reception.extensions import babel, csrf, db, limiter, login, migrate, socketio
from reception.sessions import Sessions

__version__ = "0.1.0"

CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


def create_app(env: Mapping[str, str] | None = None) -> Flask:
    """The application, from the environment (`env` replaces it in tests). Raises config.ConfigError."""
    settings = config.load(env)
    app = Flask("reception", instance_path=str(settings["INSTANCE"]))
    app.config.update(settings)
    app.session_interface = Sessions()
    app.json.sort_keys = False  # type: ignore[attr-defined]
    clock.start_at(app.config["NOW"])
    audit.use_key(app.config["AUDIT_KEY"].encode())
    if hops := app.config["PROXY_HOPS"]:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    _bind_extensions(app)
    _hang_in_blueprints(app)
    errors.init_app(app)
    formats.init_app(app)
    live.init_app(app)
    cli.init_app(app)
    app.before_request(_begin)
    app.after_request(_headers)
    access.check_routes(app)
    return app


def _bind_extensions(app: Flask) -> None:
    from reception import live_sockets  # noqa: F401  its handlers belong to socketio

    db.init_app(app)
    migrate.init_app(app, db, directory=str(startup.MIGRATIONS), render_as_batch=True)
    login.init_app(app)
    csrf.init_app(app)
    limiter.init_app(app)
    babel.init_app(app, locale_selector=formats.choose_locale)
    socketio.init_app(
        app,
        async_mode="gevent" if startup.is_patched() else "threading",
        transports=["websocket"],
        manage_session=False,
        max_http_buffer_size=16_384,
        ping_interval=20,
        ping_timeout=10,
    )
    if startup.is_patched():
        frames.use(socketio)
    with app.app_context():
        transaction.init_app()
        transaction.init_engine(db.engine)


def _hang_in_blueprints(app: Flask) -> None:
    from reception.blueprints import ALL

    for blueprint in ALL:
        app.register_blueprint(blueprint)


def _begin() -> None:
    g.request_id = uuid.uuid4().hex
    access.guard()
    is_page = request.method not in ("GET", "HEAD", "OPTIONS") and not errors.is_api()
    if is_page and current_app.config.get("WTF_CSRF_ENABLED", True):
        csrf.protect()


def _headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.add("Vary", "HX-Request")
    elif VERSIONED.search(request.path) and response.status_code in (200, 304):
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers["X-Request-ID"] = g.get("request_id", "")
    return response


VERSIONED = re.compile(r"/vendor/[^/]+-\d+\.\d+")
"""Names that carry a version. Our own scripts import each other by plain names, so browsers ask each time (ETag)."""

logging.getLogger("werkzeug").setLevel(logging.WARNING)
