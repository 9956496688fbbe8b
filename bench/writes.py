"""Check-ins per second, and a light read beside writers, each beside the bare application of `floor.py`."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gevent

from bench.product import Client, database, free_port, process, product
from tests.factories import House

CHECK_INS = 400
ROUNDS = 8
PART = CHECK_INS // ROUNDS
CLIENTS = 8


def measure(backend: str) -> list[dict[str, Any]]:
    """Rows: check-ins per second with one and with eight clients; p50 and p95 of a light GET beside the eight."""

    def fill(house: House) -> list[int]:
        house.shift(first=6, last=22, capacity=100, slot_minutes=15)
        return [house.booked(starts_at=house.at(10 + n // 100 % 8, n // 25 % 4 * 15)).id for n in range(2 * CHECK_INS)]

    port = free_port()
    with product(backend, fill) as (served, appointments), database(backend) as (_, url):
        url = url.replace("postgresql://", "postgresql+psycopg://")
        with process(sys.executable, "-m", "bench.floor", url, str(port), str(2 * CHECK_INS), port=port):
            ours = Side(
                served.port,
                lambda client, n: client.json("POST", f"/api/v1/appointments/{appointments[n]}/check-in"),
                lambda client: client.json("GET", "/api/v1/doctors"),
                served.token,
            )
            bare = Side(
                port,
                lambda client, n: client.json("POST", f"/check-in/{n + 1}"),
                lambda client: client.json("GET", "/row/1"),
                {},
            )
            for part in range(ROUNDS):
                for side in (ours, bare):
                    side.alone(part)
            for part in range(ROUNDS):
                for side in (ours, bare):
                    side.together(part)
    found, floor = ours.figures(), bare.figures()
    return [{"what": what, "ours": found[what], "bare": floor[what], "ratio": round(found[what] / floor[what], 2)}
            for what in found]  # fmt: skip


@dataclass
class Side:
    """One application and how fast it was; both take turns, so that what else the machine does falls on both."""

    port: int
    write: Callable[[Client, int], Any]
    read: Callable[[Client], Any]
    headers: dict[str, str]
    single: float = 0.0
    eight: float = 0.0
    waits: list[float] = field(default_factory=list)

    def alone(self, part: int) -> None:
        """One client checks the next ones in."""
        client = Client(self.port, dict(self.headers))
        start = time.perf_counter()
        for n in range(part * PART, (part + 1) * PART):
            self.write(client, n)
        self.single += time.perf_counter() - start

    def together(self, part: int) -> None:
        """Eight clients do, and another one reads all the while."""
        first = CHECK_INS + part * PART

        def writer(k: int) -> None:
            client = Client(self.port, dict(self.headers))
            for n in range(first + k, first + PART, CLIENTS):
                self.write(client, n)

        def reader() -> None:
            client = Client(self.port, dict(self.headers))
            while not all(w.ready() for w in writers):
                begun = time.perf_counter()
                self.read(client)
                self.waits.append((time.perf_counter() - begun) * 1000)
                gevent.sleep(0.005)

        start = time.perf_counter()
        writers = [gevent.spawn(writer, k) for k in range(CLIENTS)]
        watching = gevent.spawn(reader)
        gevent.joinall(writers, raise_error=True)
        self.eight += time.perf_counter() - start
        watching.get()

    def figures(self) -> dict[str, float]:
        return {
            "check-ins/s, one client": round(CHECK_INS / self.single, 1),
            "check-ins/s, eight clients": round(CHECK_INS / self.eight, 1),
            "light GET beside eight writers, p50 ms": round(statistics.median(self.waits), 2),
            "light GET beside eight writers, p95 ms": round(sorted(self.waits)[int(len(self.waits) * 0.95)], 2),
        }
