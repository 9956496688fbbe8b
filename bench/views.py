"""One request after another over HTTP, ours beside the bare view of `floor.py` on the same data, asked in turn."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from bench import people
from bench.product import Client, free_port, process, product
from reception.models import Role
from tests.factories import House

USER = Role.RECEPTIONIST


@dataclass
class Pair:
    """A served registry and the bare view on its database."""

    size: int
    desk: Client
    bare: Client

    def post(self, path: str, form: dict[str, str]) -> bytes:
        """As htmx sends it. Raises RuntimeError where it is refused."""
        self.desk.line.request("POST", path, urlencode(form), self.desk.headers)
        answer = self.desk.line.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        return body

    def floor(self, number: int) -> None:
        self.bare.json("GET", f"/patient/{number % self.size + 1}")


@contextmanager
def registries(
    backend: str,
    sizes: tuple[int, ...],
    *,
    trigrams: bool,
    keyed: bool,
    fill: Callable[[House, int], None] | None = None,
) -> Iterator[list[Pair]]:
    """A served house with so many patients for each of `sizes`; `fill`: who else makes them, and more."""

    def made(house: House, size: int) -> None:
        house.person(USER)
        if fill is None:
            people.grow(house.clinic.id, 1, size, trigrams=trigrams, keyed=keyed)
        else:
            fill(house, size)

    with ExitStack() as stack:
        pairs = []
        for size in sizes:
            served, _ = stack.enter_context(product(backend, partial(made, size=size)))
            port = free_port()
            stack.enter_context(
                process(sys.executable, "-m", "bench.floor", "patients", str(port), served.url, port=port)
            )
            pairs.append(Pair(size, signed_in(served), Client(port)))
        yield pairs


def signed_in(served: Any, role: Role = USER, page: str = "/") -> Client:
    """A browser's connection of somebody with this role, who has opened `page`, as htmx sends."""
    desk = served.sign_in(role.lower())
    desk.line.request("GET", page, headers=desk.headers)
    answer = desk.line.getresponse()
    html = answer.read()
    for name, value in answer.getheaders():
        if name == "Set-Cookie":  # the session that knows the token
            desk.headers["Cookie"] = value.split(";")[0]
    token = html.decode().split('"X-CSRFToken": "', 1)[1].split('"', 1)[0]
    home = f"http://127.0.0.1:{served.port}/"
    desk.headers |= {"X-CSRFToken": token, "Referer": home, "HX-Request": "true", "HX-Current-URL": home,
                     "Content-Type": "application/x-www-form-urlencoded"}  # fmt: skip
    return desk


def timed(ask: Callable[[], Any]) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    ask()
    return (time.perf_counter() - begun) * 1000


def share(times: list[float], part: float) -> float:
    """The time that `part` of them do not exceed."""
    found = sorted(times)
    return found[min(int(len(found) * part), len(found) - 1)]


def compared(
    pairs: list[Pair], asked: dict[int, list[tuple[str, Callable[[], Any]]]], what: str
) -> list[dict[str, Any]]:
    """Rows by size and kind. `asked`: size -> (kind, request), as many for each size; all asked in turn.

    The first of every kind are not counted: they fill the caches.
    """
    times: dict[tuple[int, str], list[float]] = {}
    seen: dict[tuple[int, str], int] = {}
    dice = random.Random(1)
    for turn in zip(*asked.values(), strict=True):
        for pair, (kind, ask) in zip(pairs, turn, strict=True):
            took, bare = timed(ask), timed(partial(pair.floor, dice.randrange(pair.size)))
            seen[pair.size, kind] = seen.get((pair.size, kind), 0) + 1
            if seen[pair.size, kind] > 5:
                for key, value in ((kind, took), ("all", took), ("bare", bare)):
                    times.setdefault((pair.size, key), []).append(value)
    rows = []
    least = share(times[pairs[0].size, "all"], 0.95)
    for (size, kind), found in times.items():
        if kind == "bare":
            continue
        floor = share(times[size, "bare"], 0.95)
        rows.append(
            {
                "patients": size, what: kind, "p50 ms": f"{share(found, 0.5):.2f}", "p95 ms": f"{share(found, 0.95):.2f}",
                "bare p95 ms": f"{floor:.2f}", "ratio": f"{share(found, 0.95) / floor:.2f}",
                f"beside {pairs[0].size:,}": f"{share(found, 0.95) / least:.2f}" if kind == "all" else "",
            }
        )  # fmt: skip
    return sorted(rows, key=lambda row: (row["patients"], row[what] == "all"))
