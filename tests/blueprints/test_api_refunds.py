"""Refunds, several bills at once, deposits and bonus through the API."""

from __future__ import annotations

from typing import Any

import pytest

from reception.domain import verify
from reception.models import Role, VisitStatus
from tests.api import Api
from tests.domain.test_refunds import dump, limit
from tests.factories import House

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
CONFIRM = {"reason": "Because"}


def cash(house: House, amount: str) -> dict[str, Any]:
    return {"method": "CASH", "cashbox_id": house.cash.id, "amount": amount}


def test_a_refund_by_two_people(house: House) -> None:
    limit(house, 5_000)
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    cashier, boss = Api(house, Role.CASHIER), Api(house, Role.MANAGER)
    bill = cashier.post(f"/payments/{visit.payment.id}/pay", {"parts": [cash(house, "120.00")]})
    url = f"/payments/{bill['id']}/refund"
    part = cashier.post(url, {**CONFIRM, "amount": "20.00"})
    assert (part["refunded_amount"], part["operation"]["amount"], part["request"]) == ("20.00", "20.00", None)
    asked = cashier.post(url, CONFIRM, key="all-of-it")
    assert (asked["operation"], asked["request"]["amount"], asked["request"]["status"]) == (None, "100.00", "ASKED")
    assert cashier.post(url, CONFIRM, key="all-of-it")["request"]["id"] == asked["request"]["id"]
    (waiting,) = boss.get("/refund-requests")["items"]
    assert waiting == asked["request"]
    ident = f"/refund-requests/{waiting['id']}"
    assert cashier.post(f"{ident}/approve", {}, 403)["status"] == 403
    done = boss.post(f"{ident}/approve", {"version": waiting["version"]})
    assert (done["status"], done["refunded_amount"], done["operation"]["amount"]) == ("REFUNDED", "120.00", "100.00")
    assert boss.post(f"{ident}/approve", {}, 409)["code"] == "answered"
    assert boss.post(f"{ident}/refuse", {}, 409)["code"] == "answered"
    assert boss.get("/refund-requests")["items"] == []
    assert list(verify.findings()) == []


def test_a_family_and_its_purse(house: House) -> None:
    mother = house.patient()
    child = house.patient(guardian_id=mother.id)
    bills = [house.visit(VisitStatus.PENDING_PAYMENT, patient=who).payment.id for who in (mother, child)]
    api = Api(house, Role.ADMIN)
    purse = api.post(f"/patients/{mother.id}/deposit", {"parts": [cash(house, "50.00")], "received": "100.00"})
    assert (purse["deposit"], purse["operation"]["change"]) == ("50.00", "50.00")
    assert api.post(f"/patients/{mother.id}/bonus/add", {"amount": "10.00", "reason": "Welcome"})["bonus"] == "10.00"
    seen = [{"payment_id": bill, "due": "120.00"} for bill in bills]
    parts = [{"method": "BONUS", "amount": "10.00"}, {"method": "DEPOSIT", "amount": "30.00"}, cash(house, "200.00")]
    wish = {"payer_id": mother.id, "bills": seen, "parts": parts, "amount": "240.00"}
    before = dump()
    stale = {**wish, "bills": [seen[0], {**seen[1], "due": "119.00"}]}
    assert api.post("/payments/pay-together", stale, 409)["code"] == "stale-version"
    assert dump() == before
    paid = api.post("/payments/pay-together", wish)
    assert [bill["status"] for bill in paid["bills"]] == ["PAID", "PAID"]
    back = {**CONFIRM, "method": "CASH", "cashbox_id": house.cash.id, "amount": "20.00"}
    assert api.post(f"/patients/{mother.id}/deposit/give-back", back)["deposit"] == "0.00"
    assert api.post(f"/patients/{mother.id}/deposit/give-back", back, 409)["code"] == "not-enough"
    api.post(f"/patients/{mother.id}/bonus/add", {"amount": "5.00"})
    out = {**CONFIRM, "amount": "5.00", "cashbox_id": house.cash.id}
    assert api.post(f"/patients/{mother.id}/bonus/withdraw", out)["bonus"] == "0.00"
    assert api.get(f"/patients/{mother.id}/purse")["operation"] is None
    moved = api.get(f"/patients/{mother.id}/bonus/history")["items"]
    assert [row["amount"] for row in moved] == ["10.00", "-10.00", "5.00", "-5.00"]
    assert (moved[0]["reason"], moved[1]["payment_id"]) == ("Welcome", bills[0])
    assert list(verify.findings()) == []


def test_money_goes_back_in_parts(house: House) -> None:
    """Into which cashboxes it goes may be said part by part; a request that waits for somebody keeps them."""
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    api, other = Api(house, Role.ADMIN), Api(house, Role.MANAGER)
    card = {"method": "CARD", "cashbox_id": house.card.id}
    paid = {"parts": [cash(house, "50.00"), {**card, "amount": "70.00"}]}
    url = f"/payments/{visit.payment.id}"
    api.post(f"{url}/pay", paid)
    back = api.post(f"{url}/refund", {"parts": [cash(house, "10.00"), {**card, "amount": "15.00"}]})
    assert (back["refunded_amount"], back["status"]) == ("25.00", "PAID")
    assert {box["name"]: box["balance"] for box in api.get("/cashboxes")["items"]} == {
        "Cash desk": "40.00", "Terminal": "55.00",
    }  # fmt: skip
    limit(house, 5_000)
    asked = api.post(f"{url}/refund", {"parts": [cash(house, "40.00"), {**card, "amount": "55.00"}]})["request"]
    assert other.post(f"/refund-requests/{asked['id']}/approve", {})["status"] == "REFUNDED"
    assert {box["balance"] for box in api.get("/cashboxes")["items"]} == {"0.00"}
    assert list(verify.findings()) == []


@ON_SQLITE
def test_what_makes_no_sense(house: House) -> None:
    visit = house.visit(VisitStatus.COMPLETED)
    api = Api(house, Role.ADMIN)
    url = f"/payments/{visit.payment.id}/refund"
    before = dump()
    for more, status in (
        ({"amount": "0.00"}, 422), ({"amount": "-1.00"}, 422), ({"amount": "1,00"}, 422), ({"amount": "1.001"}, 422),
        ({"amount": "1000000000000000000.00"}, 422), ({"amount": "120.01"}, 422), ({"amount": 5}, 422),
        ({"lines": [{"line_id": 10**9, "amount": "1.00"}]}, 422), ({"method": "INSURANCE"}, 422), ({"version": 0}, 409),
        ({"reason": ""}, 422), ({"method": "CASH"}, 422), ({"parts": [cash(house, "0.00")]}, 422),
        ({"parts": [cash(house, "1.00")], "amount": "2.00"}, 422), ({"parts": [{"method": "BONUS", "amount": "1.00"}]}, 422),
        ({"parts": [{"method": "CASH", "amount": "1.00"}]}, 422), ({"parts": [cash(house, "120.01")]}, 422),
    ):  # fmt: skip
        answer = api.post(url, {**CONFIRM, **more}, status)
        assert answer["detail"] or answer["title"]
        assert dump() == before, more
    mother = visit.patient_id
    for path, body in (
        ("deposit", {"parts": [cash(house, "0.00")]}),
        ("deposit", {"parts": []}),
        ("deposit", {"parts": [{"method": "BONUS", "amount": "1.00"}]}),
        ("bonus/add", {"amount": "0.00", "reason": "No"}),
        ("bonus/add", {"amount": "1.00", "reason": " "}),
    ):
        api.post(f"/patients/{mother}/{path}", body, 422)
        assert dump() == before, path
    wish = {"payer_id": mother, "bills": [], "parts": [cash(house, "1.00")]}
    api.post("/payments/pay-together", wish, 422)
    api.post("/payments/pay-together", {**wish, "bills": [{"payment_id": visit.payment.id}]}, 409)
    api.post("/payments/pay-together", {**wish, "bills": [{"payment_id": 10**9}]}, 404)
    assert dump() == before
