"""The session cookie: set by pages, never by what others may keep or what nobody signs in to."""

from __future__ import annotations

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin

BARE = frozenset({"static", "display.show", "live.region", "live.versions", "system.healthz", "system.readyz"})
"""Endpoints that never write the cookie: files that a proxy may keep, and what a screen or a watchman asks for."""


class Sessions(SecureCookieSessionInterface):
    """Flask's own signed cookie, renewed by pages only."""

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        return request.endpoint not in BARE and super().should_set_cookie(app, session)
