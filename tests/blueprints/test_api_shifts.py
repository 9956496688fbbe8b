"""Shifts, transfers, income and expenses over the JSON API."""

from __future__ import annotations

from reception.domain import finance, verify
from reception.models import Role, VisitStatus
from tests.api import Api
from tests.factories import House


def test_a_program_counts_moves_and_closes(house: House) -> None:
    api, manager, desk = Api(house, Role.CASHIER), Api(house, Role.MANAGER), Api(house, Role.RECEPTIONIST)
    box, terminal = house.cash.id, house.card.id
    category = house.run(finance.add_category, "Courier", "EXPENSE").id
    income = house.run(finance.add_category, "Copies", "INCOME").id
    desk.post(f"/cashboxes/{box}/shift", {"counted": "0"}, 403)
    api.post(f"/cashboxes/{box}/shift", {}, 422)
    api.post(f"/cashboxes/{box}/shift", {"counted": "5.00"}, 422)
    api.post(f"/cashboxes/{box}/shift", {"counted": "5.005", "reason": "float"}, 422)
    shift = api.post(f"/cashboxes/{box}/shift", {"counted": "5.00", "reason": "float"}, 201)
    assert (shift["opening_counted"], shift["opening_expected"], shift["closed_at"]) == ("5.00", "0.00", None)
    assert api.post(f"/cashboxes/{box}/shift", {"counted": "5.00"}, 409)["code"] == "shift-open"
    assert api.post(f"/cashboxes/{terminal}/shift", {}, 201)["opening_counted"] == "0.00"
    house.pay(house.visit(VisitStatus.PENDING_PAYMENT))
    assert {row["kind"] for row in api.get("/money-categories")["items"]} == {"INCOME", "EXPENSE"}
    spent = api.post(f"/cashboxes/{box}/expense", {"category_id": category, "amount": "25.00"}, 201)
    assert spent["amount"] == "25.00"
    api.post(f"/cashboxes/{box}/expense", {"category_id": income, "amount": "25.00"}, 422)
    api.post(f"/cashboxes/{box}/expense", {"category_id": category, "amount": "999.00"}, 409)
    api.post(f"/cashboxes/{box}/income", {"category_id": income, "amount": "10.00", "note": "copies"}, 201)
    asked = api.post("/cash-transfers", {"source_id": box, "target_id": terminal, "amount": "50.00"}, 201)
    assert [row["id"] for row in api.get("/cash-transfers")["items"]] == [asked["id"]]
    assert api.post(f"/cashbox-shifts/{shift['id']}/close", {"counted": "0"}, 409)["code"] == "transfer-pending"
    manager.post(f"/cash-transfers/{asked['id']}/accept", {"version": 9}, 409)
    moved = manager.post(f"/cash-transfers/{asked['id']}/accept", {"version": asked["version"]})
    assert moved["status"] == "ACCEPTED"
    assert manager.post(f"/cash-transfers/{asked['id']}/refuse", {}, 409)["code"] == "answered"
    second = api.post("/cash-transfers", {"source_id": box, "target_id": terminal, "amount": "1.00"}, 201)
    assert api.post(f"/cash-transfers/{second['id']}/withdraw", {})["status"] == "WITHDRAWN"
    close = f"/cashbox-shifts/{shift['id']}/close"
    assert api.post(close, {"counted": "60.00", "expected": "1.00"}, 409)["code"] == "stale-version"
    closed = api.post(close, {"counted": "59.00", "expected": "60.00", "reason": "a coin fell down"})
    assert (closed["expected"], closed["difference"], closed["number"]) == ("60.00", "-1.00", 1)
    assert len(closed["audit_hash"]) == 64
    assert [row["id"] for row in api.get("/cashbox-shifts", state="closed")["items"]] == [closed["id"]]
    assert [row["cashbox_id"] for row in api.get("/cashbox-shifts", state="open")["items"]] == [terminal]
    assert api.get("/cashbox-shifts", cashbox=box)["items"][0] == closed
    assert list(verify.findings()) == []
