"""Check-ins per second, and a light read beside writers, each beside the bare application of `floor.py`."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import gevent

from bench.product import Client, database, free_port, process, product
from tests.factories import House

CHECK_INS = 400
CLIENTS = 8


def measure(backend: str) -> list[dict[str, Any]]:
    """Rows: check-ins per second with one and with eight clients; p50 and p95 of a light GET beside the eight."""

    def fill(house: House) -> list[int]:
        house.shift(first=6, last=22, capacity=100, slot_minutes=15)
        return [house.booked(starts_at=house.at(10 + n // 100 % 8, n // 25 % 4 * 15)).id for n in range(2 * CHECK_INS)]

    with product(backend, fill) as (served, appointments):
        ours = _both(
            served.port,
            lambda client, n: client.json("POST", f"/api/v1/appointments/{appointments[n]}/check-in"),
            lambda client: client.json("GET", "/api/v1/doctors"),
            served.token,
        )
    with database(backend) as (_, url):
        url = url.replace("postgresql://", "postgresql+psycopg://")
        port = free_port()
        command = (sys.executable, "-m", "bench.floor", url, str(port), str(2 * CHECK_INS))
        with process(*command, port=port):
            bare = _both(
                port,
                lambda client, n: client.json("POST", f"/check-in/{n + 1}"),
                lambda client: client.json("GET", "/row/1"),
                {},
            )
    return [
        {"what": what, "ours": ours[what], "bare": bare[what], "ratio": round(ours[what] / bare[what], 2)}
        for what in ours
    ]


def _both(
    port: int, write: Callable[[Client, int], Any], read: Callable[[Client], Any], headers: dict[str, str]
) -> dict[str, float]:
    one = Client(port, dict(headers))
    start = time.perf_counter()
    for n in range(CHECK_INS):
        write(one, n)
    single = CHECK_INS / (time.perf_counter() - start)
    waits: list[float] = []
    share = CHECK_INS // CLIENTS

    def writer(k: int) -> None:
        client = Client(port, dict(headers))
        for n in range(share):
            write(client, CHECK_INS + k * share + n)

    start = time.perf_counter()
    writers = [gevent.spawn(writer, k) for k in range(CLIENTS)]

    def reader() -> None:
        client = Client(port, dict(headers))
        while not all(w.ready() for w in writers):
            begun = time.perf_counter()
            read(client)
            waits.append((time.perf_counter() - begun) * 1000)
            gevent.sleep(0.005)

    watching = gevent.spawn(reader)
    gevent.joinall(writers, raise_error=True)
    eight = CLIENTS * share / (time.perf_counter() - start)
    watching.get()
    return {
        "check-ins/s, one client": round(single, 1),
        "check-ins/s, eight clients": round(eight, 1),
        "light GET beside eight writers, p50 ms": round(statistics.median(waits), 2),
        "light GET beside eight writers, p95 ms": round(sorted(waits)[int(len(waits) * 0.95)], 2),
    }
