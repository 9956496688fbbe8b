"""Counting what a person does: trusted key presses other than text, and trusted presses of the pointer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException

from playwright.sync_api import Page

from reception.models import Role
from tests.browser.stage import Stage
from tests.servers import Client, until

COUNTER = """
    window.acts = 0;
    window.changes = 0;
    window.changedAt = window.pressedAt = -Infinity;
    const isText = (event) => event.key.length === 1 && event.target.matches?.("input, textarea, select");
    addEventListener("keydown", (event) => {
      if (!event.isTrusted || isText(event)) return;
      window.acts += 1;
      window.pressedAt = performance.now();
    }, { capture: true });
    addEventListener("pointerdown", (event) => {
      if (!event.isTrusted) return;
      window.acts += 1;
      window.pressedAt = performance.now();
    }, { capture: true });
    document.addEventListener("rx:region", () => {
      window.changes += 1;
      window.changedAt = performance.now();
    }, { capture: true });
"""
"""Runs before every script of the page, so that nothing can swallow an event before it is counted. A drag begins with
a press of the pointer, so it counts as one act as well."""

PERSON = {"first_name": "Test", "date_of_birth": "1980-02-29", "gender": "FEMALE"}


@contextmanager
def acts(page: Page, expected: int) -> Iterator[None]:
    """What is done inside takes exactly `expected` acts and loads no page."""
    loads: list[str] = []

    def note(frame: object) -> None:
        loads.append(str(frame))

    page.on("framenavigated", note)
    before = page.evaluate("window.acts")
    yield
    counted = page.evaluate("window.acts") - before
    assert counted == expected, f"{counted} acts instead of {expected}"
    assert loads == []
    page.remove_listener("framenavigated", note)


class Life(threading.Thread):
    """The rest of the clinic at work meanwhile: people come, are called, seen and pay, in the other doctor's line;
    and somebody new joins the end of the first doctor's line now and then."""

    def __init__(self, stage: Stage, doctor_id: int, other_id: int, service_id: int, cashbox_id: int) -> None:
        super().__init__(daemon=True)
        self.client: Client = stage.client(Role.ADMIN)
        self.doctor_id, self.other_id = doctor_id, other_id
        self.service_id, self.cashbox_id = service_id, cashbox_id
        self.over = threading.Event()
        self.done = 0
        self.refused: list[str] = []

    def run(self) -> None:
        number = 0
        while not self.over.wait(0.1):
            number += 1
            try:
                self._one(number)
            except (OSError, HTTPException) as error:
                self.refused.append(repr(error))
                return

    def _one(self, number: int) -> None:
        patient = self._post("/patients", {**PERSON, "last_name": f"Passing {number}"})
        where = {"patient_id": patient["id"], "service_id": self.service_id}
        if number % 5 == 0:
            visit = self._post("/visits", {**where, "doctor_id": self.doctor_id})
            self.over.wait(0.1)
            self._post(f"/visits/{visit['id']}/cancel", {"reason": "left"})
            return
        visit = self._post("/visits", {**where, "doctor_id": self.other_id})
        for move in ("call", "start", "finish"):
            self.over.wait(0.1)
            visit = self._post(f"/visits/{visit['id']}/{move}", {})
        parts = [{"method": "CASH", "cashbox_id": self.cashbox_id, "amount": "120.00"}]
        self._post(f"/payments/{visit['payment_id']}/pay", {"parts": parts})

    def _post(self, path: str, body: dict[str, object]) -> dict[str, object]:
        answer = self.client.post(f"/api/v1{path}", body)
        if answer.status >= 300:
            self.refused.append(f"{path}: {answer.status} {answer.text}")
            raise OSError(answer.text)
        self.done += 1
        return answer.json or {}

    def end(self) -> None:
        """Stop, and fail where something was refused or nothing happened."""
        self.over.set()
        self.join(30)
        assert self.refused == []
        assert self.done > 0


def status(client: Client, visit_id: int) -> str:
    """Where the visit stands, by the API."""
    return str(client.get(f"/api/v1/visits/{visit_id}").json["status"])


def becomes(client: Client, visit_id: int, wanted: str) -> None:
    """Wait until the server says so."""
    until(lambda: status(client, visit_id) == wanted, f"visit {visit_id} did not become {wanted}")
