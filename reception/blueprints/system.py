"""Health for whoever watches over the process."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from sqlalchemy import text

from reception import live, startup
from reception.access import Permission, requires
from reception.extensions import db

bp = Blueprint("system", __name__)
screens = Gauge("reception_open_screens", "Socket.IO connections of this worker")
screens.set_function(lambda: len(live.hub.listeners))


@bp.get("/healthz")
@requires(Permission.PUBLIC)
def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@bp.get("/readyz")
@requires(Permission.PUBLIC)
def readyz() -> tuple[dict[str, Any], int]:
    """Database (and Redis, where one is set) answer, and the guards are there."""
    checks: dict[str, str] = {}
    try:
        db.session.execute(text("SELECT 1"))
        startup.check()
        checks["database"] = "ok"
    except startup.NotReady as found:
        checks["database"] = str(found)
    except Exception:
        checks["database"] = "does not answer"
    if current_app.config["REDIS_URL"]:
        checks["redis"] = "ok" if live.ping() else "does not answer"
    ready = all(state == "ok" for state in checks.values())
    return {"status": "ok" if ready else "not ready", **checks}, 200 if ready else 503


@bp.get("/metrics")
@requires(Permission.PUBLIC)
def metrics() -> Response:
    """Prometheus text; counts only."""
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)
