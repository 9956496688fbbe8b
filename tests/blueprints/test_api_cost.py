"""What a call costs the database: few statements, and no more of them for longer lists."""

from __future__ import annotations

import pytest

from reception.models import Role
from tests.api import Api
from tests.factories import House
from tests.sql import statements

MOST = {
    "check-in": 17, "call": 12, "recall": 11, "start": 12, "finish": 17, "pay": 34, "call-next": 15, "book": 31,
    "walk-in": 31, "one": 2, "list": 2,
}  # fmt: skip
"""Statements of a call, the one that asks who calls included."""


def test_statements_of_the_acts(house: House) -> None:
    house.shift(first=8, last=18, capacity=5)
    api = Api(house, Role.ADMIN)
    found: dict[str, int] = {}

    def count(name: str, path: str, body: object = None, status: int = 200) -> dict[str, object]:
        with statements() as seen:
            answer = api.post(path, body, status)
        found[name] = len([s for s in seen if s not in ("BEGIN", "BEGIN IMMEDIATE")])
        return dict(answer)

    cash = {"method": "CASH", "cashbox_id": house.cash.id, "amount": "120.00"}
    for _ in range(2):  # the second time nothing is made for the first time
        who = {"patient_id": house.patient().id, "doctor_id": house.doctor.id, "service_id": house.service.id}
        booked = count("book", "/appointments", {**who, "start": house.at(11).isoformat()}, 201)
        visit = count("check-in", f"/appointments/{booked['id']}/check-in")["visit"]
        assert isinstance(visit, dict)
        for name in ("call", "recall", "start", "finish"):
            count(name, f"/visits/{visit['id']}/{name}")
        count("pay", f"/payments/{visit['payment_id']}/pay", {"parts": [cash]})
        count("walk-in", "/visits", {**who, "patient_id": house.patient().id}, 201)
        count("call-next", f"/doctors/{house.doctor.id}/call-next")
    assert {name: n for name, n in found.items() if n > MOST[name]} == {}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_statements_of_the_questions(house: House) -> None:
    """One for who asks and one for the answer, whether one row comes or thirty; one more notes whose cards are shown."""
    api = Api(house, Role.ADMIN)
    visit = house.check_in(house.booked())
    paths = ["/patients", "/doctors", "/services", "/rooms", "/schedules", "/slots", "/appointments", "/visits",
             "/cashboxes", "/ledger", "/departments"]  # fmt: skip
    ones = [f"/visits/{visit.id}", f"/appointments/{visit.appointment_id}", f"/payments/{visit.payment.id}",
            f"/services/{house.service.id}"]  # fmt: skip
    for _ in range(2):
        for path in (*paths, *ones):
            with statements() as seen:
                api.get(path)
            noted = [s for s in seen if s.startswith("INSERT INTO access_entry")]
            assert len(noted) == (path == "/patients"), path
            assert len([s for s in seen if not s.startswith("BEGIN") and s not in noted]) <= MOST["list"], path
        for _ in range(30):
            house.visit()
