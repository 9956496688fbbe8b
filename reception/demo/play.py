"""The demo's day goes on: people arrive, doctors call, start and finish, the cashier takes money.

Everything goes over HTTP through the JSON API, as another program would do it; the open screens follow because the server
tells them. A minute of the clinic takes 60 / `speed` seconds. It ends by itself.
"""

from __future__ import annotations

import heapq
import http.client
import itertools
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any
from urllib.parse import SplitResult, urlsplit

from reception.demo.names import people

TIMEOUT = 30
MOST_CALLS = 3


class Unreachable(Exception):
    """Nobody answers at the address."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any

    @property
    def items(self) -> list[dict[str, Any]]:
        return list(self.body["items"]) if self.status == 200 else []


class Caller:
    """One sign-in's connection to the API."""

    def __init__(self, url: str, token: str) -> None:
        self._at: SplitResult = urlsplit(url)
        self._token = token
        self._line: http.client.HTTPConnection | None = None
        self._keys = (f"play-{time.monotonic_ns()}-{n}" for n in itertools.count())

    def get(self, path: str) -> Answer:
        return self._send("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        return self._send("POST", path, json.dumps(body or {}))

    def _send(self, method: str, path: str, body: str | None) -> Answer:
        headers = {"Authorization": f"Bearer {self._token}"}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Idempotency-Key": next(self._keys)}
        for attempt in (1, 2):  # a kept line may have been closed meanwhile; the key makes the second try safe
            try:
                line = self._line or self._open()
                line.request(method, f"/api/v1{path}", body, headers)
                found = line.getresponse()
                raw = found.read()
            except (OSError, http.client.HTTPException):
                self.close()
                if attempt == 2:
                    raise Unreachable from None
            else:
                return Answer(found.status, json.loads(raw) if raw else None)
        raise Unreachable

    def _open(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._at.scheme == "https" else http.client.HTTPConnection
        self._line = kind(self._at.hostname or "127.0.0.1", self._at.port, timeout=TIMEOUT)
        return self._line

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


@dataclass
class Play:
    """Who plays, and what comes next. `callers`: by sign-in name; `say`: where a line of the story goes."""

    callers: dict[str, Caller]
    say: Callable[[str], None]
    speed: float = 20
    random: Random = field(default_factory=Random)
    done: int = 0
    _next: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: Any = field(default_factory=itertools.count)

    def run(self, minutes: float) -> None:
        """Let it go on for so many real minutes. Raises Unreachable."""
        end = time.monotonic() + minutes * 60
        self._begin()
        while self._next:
            due, _, act = heapq.heappop(self._next)
            if due > end:
                break
            time.sleep(max(0.0, due - time.monotonic()))
            act()
        with suppress(ValueError):
            time.sleep(end - time.monotonic())

    def _begin(self) -> None:
        desk = self.callers["reception"]
        doctors = desk.get("/doctors")
        if doctors.status != 200:
            raise Unreachable
        self.services = [s for s in desk.get("/services").items if s["is_active"] and s["price"]]
        self.boxes = desk.get("/cashboxes").items
        self.doctors = {d["id"]: d for d in doctors.items if d["username"] in self.callers}
        self.crowd = people(self.random, date.fromisoformat(desk.get("/clinic").body["today"]))
        for number, doctor in enumerate(self.doctors.values()):
            self._after(0.2 + number * 0.4, lambda doctor=doctor: self._doctor(doctor))  # type: ignore[misc]
        self._after(0.5, self._arrival)
        self._after(0.8, self._till)

    def _after(self, minutes: float, act: Callable[[], None]) -> None:
        """Do `act` in so many minutes of the clinic."""
        heapq.heappush(self._next, (time.monotonic() + minutes * 60 / self.speed, next(self._order), act))

    # -------------------------------------------------------------------------------------------- the doctors

    def _doctor(self, doctor: dict[str, Any]) -> None:
        """One step of a doctor's day, and the next one later."""
        caller = self.callers[doctor["username"]]
        here = caller.get(f"/visits?doctor={doctor['id']}&status=CALLED,IN_PROGRESS").items
        inside = next((v for v in here if v["status"] == "IN_PROGRESS"), None)
        called = next((v for v in here if v["status"] == "CALLED"), None)
        pause = 2.0
        if inside is not None:
            self._move(caller, inside, "finish", "is done")
            pause = self.random.uniform(0.4, 1.5)
        elif called is not None:
            pause = self._awaited(caller, called)
        elif not self._on_break(doctor):
            found = caller.post(f"/doctors/{doctor['id']}/call-next")
            if found.status == 200:
                self._tell(found.body, f"called by {doctor['full_name']}")
                pause = self.random.uniform(0.7, 1.6)
        self._after(pause, lambda: self._doctor(doctor))

    def _awaited(self, caller: Caller, visit: dict[str, Any]) -> float:
        """Most come in at once, some are called again, a few do not hear it at all. Returns the pause after it."""
        luck = self.random.random()
        if luck < 0.1 and visit["call_count"] < MOST_CALLS:
            self._move(caller, visit, "recall", "called again")
            return 1.0
        if luck < 0.14:
            self._move(caller, visit, "requeue", "back in line")
            return 0.5
        self._move(caller, visit, "start", "comes in")
        return self.random.uniform(5, 14)

    def _on_break(self, doctor: dict[str, Any]) -> bool:
        return any(d["on_break"] for d in self.callers["reception"].get("/doctors").items if d["id"] == doctor["id"])

    def _move(self, caller: Caller, visit: dict[str, Any], name: str, words: str) -> None:
        found = caller.post(f"/visits/{visit['id']}/{name}", {"version": visit["version"]})
        if found.status == 200:
            self._tell(found.body, words)

    # -------------------------------------------------------------------------------------------- desk and till

    def _arrival(self) -> None:
        desk = self.callers["reception"]
        expected = desk.get("/appointments?status=CONFIRMED&limit=10").items
        if expected and self.random.random() < 0.6:
            who = self.random.choice(expected[:4])
            found = desk.post(f"/appointments/{who['id']}/check-in", {"version": who["version"]})
            if found.status == 200:
                self._tell(found.body["visit"], "checked in")
        else:
            self._walk_in(desk)
        self._after(self.random.uniform(1, 3), self._arrival)

    def _walk_in(self, desk: Caller) -> None:
        values = next(self.crowd) | {"phone": None}
        values["date_of_birth"] = values["date_of_birth"].isoformat()
        card = desk.post("/patients", values)
        if card.status != 201:
            return
        service = self.random.choice(self.services)
        doctors = [d for d in self.doctors.values() if service["department_id"] in (None, d["department_id"])]
        doctor = self.random.choice(doctors)
        target = {"doctor_id": doctor["id"]} if self.random.random() < 0.7 else {
            "department_id": doctor["department_id"]
        }  # fmt: skip
        found = desk.post("/visits", {"patient_id": card.body["id"], "service_id": service["id"], **target})
        if found.status == 201:
            self._tell(found.body, "walked in")

    def _till(self) -> None:
        till = self.callers["cashier"]
        waiting = till.get("/visits?status=PENDING_PAYMENT&limit=5").items
        if waiting:
            visit = waiting[0]
            bill = till.get(f"/payments/{visit['payment_id']}").body
            box = self.random.choice(self.boxes)
            method = {"CASH": "CASH", "CARD": "CARD", "BANK": "BANK_TRANSFER"}[box["kind"]]
            part = {"method": method, "cashbox_id": box["id"], "amount": bill["due_amount"]}
            found = till.post(f"/payments/{bill['id']}/pay", {"parts": [part], "version": bill["version"]})
            if found.status == 200:
                self._tell(visit, f"paid {bill['due_amount']} into {box['name']}")
        self._after(self.random.uniform(1, 2.5), self._till)

    def _tell(self, visit: dict[str, Any], words: str) -> None:
        self.done += 1
        self.say(f"{visit['ticket']}  {words}")
