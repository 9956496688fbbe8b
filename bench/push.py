"""From the POST of a call to the last open screen, beside a bare broadcast of the same bytes to the same number."""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

from bench import sockets
from bench.product import Client, free_port, process, product
from reception.models import VisitStatus
from tests.factories import House

COUNTS = (10, 100, 500)
ROUNDS = 15


def measure(backend: str) -> list[dict[str, Any]]:
    """One row for each number of open screens."""

    def fill(house: House) -> list[int]:
        return [house.visit(VisitStatus.WAITING).id for _ in range(6)]

    rows = []
    with product(backend, fill) as (served, visits):
        client = served.client()
        line = f"line-{served.doctor_id}"
        auth = {"token": served.token["Authorization"].split()[1], "regions": [line]}
        for count in COUNTS:
            before = served.memory()
            screens = [sockets.Screen(served.port, auth) for _ in range(count)]
            for screen in screens:
                screen.listen()
            memory = (served.memory() - before) / count
            rows.append(_rounds(client, visits, screens, line) | {"screens": count, "bytes_per_socket": int(memory)})
            sockets.close_all(screens)
    bodies = [row.pop("body") for row in rows]
    for floor, column in (("socket", "bare_ms"), ("frames", "leanest_ms")):
        port = free_port()
        with process(sys.executable, "-m", "bench.floor", floor, str(port), port=port):
            for row, body in zip(rows, bodies, strict=True):
                row[column] = _bare(port, row["screens"], body)
    return [row | {"ratio": round(row["last_ms"] / row["bare_ms"], 2)} for row in rows]


def _rounds(client: Client, visits: list[int], screens: list[sockets.Screen], line: str) -> dict[str, Any]:
    last, post, body = [], [], b""
    drawings = 0
    for number in range(ROUNDS + 3):
        visit = visits[number % len(visits)]
        call = {s: dict(s.by_event) for s in screens[:3]}
        for screen in screens:
            screen.expect(f'id=\\"visit-{visit}\\"'.encode() + b"")
        start = time.perf_counter()
        client.json("POST", f"/api/v1/visits/{visit}/call")
        answered = time.perf_counter()
        end = sockets.wait_all(screens)
        body = screens[0].last
        if number >= 3:
            last.append(end - start)
            post.append(answered - start)
        drawings = max(s.by_event.get(b"region", 0) - c.get(b"region", 0) for s, c in call.items())
        client.json("POST", f"/api/v1/visits/{visit}/requeue", {"minutes": 0})
        time.sleep(0.15)
    return {
        "last_ms": _ms(last), "post_ms": _ms(post), "messages_per_call": drawings, "body": body,
    }  # fmt: skip


def _bare(port: int, count: int, body: bytes) -> float:
    listeners = [sockets.Bare(port) for _ in range(count)]
    for listener in listeners:
        listener.listen()
    poster = Client(port)
    times = []
    for number in range(ROUNDS + 3):
        mark = f"round-{number:04d}".encode()
        for listener in listeners:
            listener.expect(mark)
        start = time.perf_counter()
        poster.line.request("POST", "/", mark + body[len(mark) :])
        end = sockets.wait_all(listeners)
        poster.line.getresponse().read()
        if number >= 3:
            times.append(end - start)
    sockets.close_all(listeners)
    return _ms(times)


def _ms(seconds: list[float]) -> float:
    return round(statistics.median(seconds) * 1000, 2)
