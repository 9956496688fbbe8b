"""Lines, discounts, payers, numbers and claims over JSON."""

from __future__ import annotations

import pytest

from reception.domain import directory, verify
from reception.domain.finance import payers
from reception.models import Role, VisitStatus
from tests.api import Api
from tests.factories import House

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@ON_SQLITE
def test_a_program_works_on_a_bill_and_claims_it(house: House) -> None:
    api = Api(house, Role.ADMIN)
    swab = house.run(directory.add_service, "Swab", 333, duration_min=5)
    box, fund = house.run(directory.add_cashbox, "Bank", "BANK"), house.run(payers.add_insurer, "Fund")
    path = f"/payments/{house.visit(VisitStatus.PENDING_PAYMENT).payment.id}"
    bill = api.post(f"{path}/lines", {"service_id": swab.id, "quantity": 3}, 201)
    assert (bill["total_amount"], [line["amount"] for line in bill["lines"]]) == ("129.99", ["120.00", "9.99"])
    assert api.post(f"{path}/lines", {"service_id": swab.id, "version": 1}, 409)["code"] == "stale-version"
    line = bill["lines"][1]["id"]
    assert api.post(f"{path}/lines/{line}/quantity", {"quantity": 1})["total_amount"] == "123.33"
    off = api.post(f"{path}/discounts", {"reason": "regular", "percent": 10}, 201)
    assert (off["total_amount"], off["lines"][2]["percent"]) == ("111.00", 10)
    for wrong in ({"reason": "x", "percent": 120}, {"reason": "x"}, {"reason": "x", "amount": "999.00"}):
        api.post(f"{path}/discounts", wrong, 422)
    assert api.post(f"{path}/lines/{line}/remove", {})["total_amount"] == "108.00"
    whole = api.post(f"{path}/payers", {"insurer_id": fund.id, "percent": 50}, 201)
    assert (whole["insurance_amount"], whole["self_pay_amount"]) == ("54.00", "54.00")
    api.post(f"{path}/payers", {"insurer_id": fund.id, "percent": 1, "amount": "1.00"}, 422)
    again = api.post(f"{path}/payers/{whole['payers'][0]['id']}/remove", {})
    assert (again["payers"], again["self_pay_amount"]) == ([], "108.00")
    api.post(f"{path}/payers", {"insurer_id": fund.id, "amount": "30.00"}, 201)
    assert api.post(f"{path}/void", {"reason": "wrong name"})["invoice_no"] is None
    assert api.post(f"{path}/invoice", {})["invoice_no"] == "2026-00002"
    assert [row["name"] for row in api.get("/insurers")["items"]] == ["Fund"]
    claim = api.post("/claims", {"insurer_id": fund.id, "month": "2026-11-20"}, 201)
    assert (claim["amount"], claim["status"], claim["month"]) == ("30.00", "DRAFT", "2026-11-01")
    call = f"/claims/{claim['id']}"
    assert api.post(f"{call}/send", {"version": claim["version"]})["status"] == "SENT"
    assert api.post(f"{call}/accept", {})["status"] == "ACCEPTED"
    part = {"part_id": claim["parts"][0]["id"], "amount": "10.00"}
    assert api.post(f"{call}/pay", {"cashbox_id": box.id, "parts": [part]})["status"] == "ACCEPTED"
    assert api.post(f"{call}/refuse", {"reason": "above the tariff"})["status"] == "PAID"
    assert api.post(f"{call}/pay", {"cashbox_id": box.id}, 409)["code"] == "not-possible"
    assert [row["parts"][0]["paid_amount"] for row in api.get("/claims")["items"]] == ["10.00"]
    assert api.get(f"{path}/lines")["self_pay_amount"] == "98.00"
    assert list(verify.findings()) == []
