"""The WebSocket line of a screen, made cheap for many screens that hear the same.

Three differences to what python-engineio brings. A message that goes to many is framed once (the frames of a server carry
no mask, so they are equal) and written straight to each line that is free, past queue and writer: measured with 500
screens that halves the time to the last one. Compression is not offered: each connection would pass over the same text
on its own. And a frame stays whole where a slow screen takes only a part of it.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any

import gevent
from engineio.async_drivers.gevent import WebSocketWSGI
from flask_socketio import SocketIO
from gevent.lock import Semaphore
from simple_websocket import ConnectionClosed, Server
from socketio.packet import EVENT, Packet

IN_ENVIRON = "reception.line"


@lru_cache(maxsize=16)
def frame(text: str) -> bytes:
    """`text` as one unmasked WebSocket text frame (RFC 6455, 5.2)."""
    body = text.encode()
    size = len(body)
    if size < 126:
        return struct.pack("!BB", 0x81, size) + body
    if size < 65_536:
        return struct.pack("!BBH", 0x81, 126, size) + body
    return struct.pack("!BBQ", 0x81, 127, size) + body


class Line(Server):
    """A server's end of one WebSocket. Whoever writes holds `turn`, so that frames never mix."""

    def __init__(self, *args: Any, **more: Any) -> None:
        self.turn = Semaphore()
        super().__init__(*args, **more)

    def handshake(self) -> None:
        self.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        super().handshake()

    def send(self, data: str | bytes) -> None:
        if isinstance(data, bytes):
            super().send(data)
            return
        if not self.connected:
            raise ConnectionClosed(self.close_reason, self.close_message)
        with self.turn:
            self.sock.sendall(frame(data))

    def offer(self, ready: bytes) -> bool:
        """Write a ready frame at once, without waiting. False where the line is busy or gone: then it must queue."""
        if not self.connected or not self.turn.acquire(blocking=False):
            return False
        try:
            sent = self.sock._sock.send(ready)  # noqa: SLF001  gevent's own would wait
        except OSError as error:
            self.turn.release()
            return not isinstance(error, BlockingIOError)  # a broken line ends by itself
        if sent == len(ready):
            self.turn.release()
        else:
            gevent.spawn(self._finish, ready[sent:])
        return True

    def _finish(self, rest: bytes) -> None:
        try:
            self.sock.sendall(rest)
        except OSError:
            return
        finally:
            self.turn.release()


class Lines(WebSocketWSGI):
    """What python-engineio asks to take a request over as a WebSocket."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.ws = environ[IN_ENVIRON] = Line(environ, **self.server_args)
        answer = self.app(self)
        if self.ws.mode == "gunicorn":
            raise StopIteration
        return answer


def line_of(environ: dict[str, Any]) -> Line | None:
    """The line of the connection whose handshake was `environ`; None where another server carries it."""
    found = environ.get(IN_ENVIRON)
    return found if isinstance(found, Line) else None


def message(event: str, data: Any, namespace: str) -> str:
    """A Socket.IO event inside an Engine.IO message, as text."""
    return "4" + str(Packet(EVENT, data=[event, data], namespace=namespace).encode())


def use(socketio: SocketIO) -> None:
    """Let the server of `socketio` (gevent) speak through `Line`."""
    engine = socketio.server.eio
    engine._async = {**engine._async, "websocket": Lines}  # noqa: SLF001  the one place to say so
