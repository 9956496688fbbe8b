"""Screens that listen: the Socket.IO test client, and a bare WebSocket that speaks to a real server."""

from __future__ import annotations

import contextvars
import json
from typing import Any

import simple_websocket
from flask.testing import FlaskClient

from reception.extensions import db, socketio
from reception.live import NAMESPACE
from reception.models import Role
from tests.factories import House


class Screen:
    """One open page: signed in with roles, or with `auth` (a token of its own)."""

    def __init__(
        self, house: House, *roles: Role, auth: dict[str, Any] | None = None, client: FlaskClient | None = None
    ):
        self.browser = client or house.client(*roles)
        self.line = contextvars.Context().run(
            socketio.test_client, house.app, namespace=NAMESPACE, auth=auth, flask_test_client=self.browser
        )
        db.session.rollback()

    @property
    def is_open(self) -> bool:
        return bool(self.line.is_connected(NAMESPACE))

    def heard(self, event: str | None = None) -> list[dict[str, Any]]:
        """What came since the last time, or of that only the data of `event`."""
        found = self.line.get_received(NAMESPACE)
        return found if event is None else [message["args"][0] for message in found if message["name"] == event]

    def regions(self) -> dict[str, dict[str, Any]]:
        """Regions that came since the last time: id -> message. Fails where one came twice."""
        messages = self.heard("region")
        assert len({m["id"] for m in messages}) == len(messages), "a region came twice"
        return {m["id"]: m for m in messages}


class Socket:
    """A WebSocket with the few words of Engine.IO and Socket.IO that a screen needs."""

    def __init__(self, url: str, auth: dict[str, Any], origin: str = "") -> None:
        """`origin`: of another page, to be refused. (This client's Host names no port, so ours names none either.)"""
        address = url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket"
        self.line = simple_websocket.Client(address, headers={"Origin": origin or url.rpartition(":")[0]})
        # Said first: this client hears a frame that came with the handshake only when the next one comes.
        self.line.send(f"40{NAMESPACE},{json.dumps(auth)}")
        assert self._next().startswith("0"), "Engine.IO opens"
        self.answer = self._next()

    @property
    def is_open(self) -> bool:
        return self.answer.startswith(f"40{NAMESPACE},")

    def _next(self, seconds: float = 20) -> str:
        text = self.line.receive(timeout=seconds)
        assert text is not None, "nothing came"
        return str(text)

    def wait(self, event: str, **wanted: Any) -> dict[str, Any]:
        """The data of the next `event` that has the fields `wanted`; pings are answered."""
        head = f"42{NAMESPACE},"
        while True:
            text = self._next()
            if text == "2":
                self.line.send("3")
            elif text.startswith(head):
                name, data = json.loads(text.removeprefix(head))
                if name == event and all(data.get(k) == v for k, v in wanted.items()):
                    return data  # type: ignore[no-any-return]

    def close(self) -> None:
        self.line.close()
