"""Many open screens in one process: raw WebSockets on gevent, so that the measuring costs as little as can be.

A `Screen` speaks just enough Engine.IO 4 and Socket.IO 5 to join `/live`; `Bare` only reads frames. Both note when a
frame that holds a wanted text has arrived, so product and floor are read by the same code.
"""

from __future__ import annotations

import base64
import json
import os
import struct
import time
from typing import Any

import gevent
from gevent import socket
from gevent.event import Event


class Bare:
    """One WebSocket that reads; `seen` counts the frames, `last` is the last one and `at` when it came."""

    path = "/"

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        self.sock.sendall(
            f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nOrigin: http://127.0.0.1:{port}\r\n\r\n".encode()
        )
        self.file = self.sock.makefile("rb")
        status = self.file.readline()
        if b" 101 " not in status:
            raise ConnectionError(status.decode())
        while self.file.readline().strip():
            pass
        self.seen = 0
        self.last = b""
        self.at = 0.0
        self.wanted = b""
        self.came = Event()
        self.reader: gevent.Greenlet | None = None

    def frame(self) -> bytes:
        """The next message."""
        head = self.file.read(2)
        if len(head) < 2:
            raise EOFError
        size = head[1] & 127
        if size == 126:
            size = struct.unpack(">H", self.file.read(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.file.read(8))[0]
        return bytes(self.file.read(size))

    def send(self, text: str) -> None:
        body, mask = text.encode(), os.urandom(4)
        size = len(body)
        head = bytes([0x81, 0x80 | size]) if size < 126 else bytes([0x81, 0xFE]) + struct.pack(">H", size)
        self.sock.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(body)))

    def listen(self) -> None:
        """Read on in the background."""
        self.reader = gevent.spawn(self._read)

    def expect(self, wanted: bytes) -> None:
        """From now on wait for a message that holds `wanted`."""
        self.wanted = wanted
        self.came.clear()

    def _read(self) -> None:
        try:
            while True:
                self.heard(self.frame())
        except (EOFError, OSError):
            return

    def heard(self, message: bytes) -> None:
        self.seen += 1
        if self.wanted and self.wanted in message:
            self.at, self.last = time.perf_counter(), message
            self.came.set()

    def close(self) -> None:
        if self.reader:
            self.reader.kill()
        self.file.close()  # it holds the socket open, and the server would go on writing to it
        self.sock.close()


class Screen(Bare):
    """One Socket.IO connection to `/live`."""

    path = "/socket.io/?EIO=4&transport=websocket"

    def __init__(self, port: int, auth: dict[str, Any]) -> None:
        super().__init__(port)
        if not self.frame().startswith(b"0"):
            raise ConnectionError("no Engine.IO here")
        self.send("40/live," + json.dumps(auth))
        answer = self.frame()
        if not answer.startswith(b"40/live"):
            raise ConnectionError(answer.decode())
        self.by_event: dict[bytes, int] = {}

    def heard(self, message: bytes) -> None:
        if message == b"2":
            self.send("3")
            return
        event = message[len(b'42/live,["') :].split(b'"', 1)[0]
        self.by_event[event] = self.by_event.get(event, 0) + 1
        super().heard(message)


def close_all(screens: list[Any]) -> None:
    for screen in screens:
        screen.close()


def wait_all(screens: list[Any], seconds: float = 30) -> float:
    """When the last of the screens had it (perf_counter). Raises TimeoutError."""
    deadline = time.perf_counter() + seconds
    for screen in screens:
        if not screen.came.wait(max(0.0, deadline - time.perf_counter())):
            raise TimeoutError("a screen never heard of it")
    return max(screen.at for screen in screens)
