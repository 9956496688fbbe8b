"""A bill's page, claims, doctors' dues and the rules of money, as a browser meets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from reception.domain import directory, finance, verify
from reception.domain.finance import Part, claims, payers
from reception.domain.imports.sheets import open_sheet
from reception.extensions import db
from reception.models import BillPayer, Claim, Clinic, Method, Payment, Role, VisitStatus
from tests.factories import House
from tests.pages import Page, htmx

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
PRICE = 12_000
HERE = htmx("/finance/bills/1")


def asked(client: FlaskClient, path: str) -> dict[str, Any]:
    """The values that stand in the form at `path`."""
    answer = client.get(path, headers=HERE)
    assert answer.status_code == 200, answer.get_data(as_text=True)[-400:]
    form = Page(answer.get_data(as_text=True)).all("form")[0]
    values: dict[str, Any] = {"to": form["hx-post"]}
    for field in form.inside:
        if name := field.get("name"):
            if field.tag == "select":
                options = [o for o in field.inside if o.tag == "option"]
                chosen = [o for o in options if o.get("selected") is not None] or options
                values[name] = chosen[0]["value"] if chosen else ""
            else:
                values[name] = field.get("value") or ""
    return values


def send(client: FlaskClient, path: str, **typed: str) -> Any:
    """The form at `path`, filled in and sent."""
    values = asked(client, path) | typed
    return client.post(values.pop("to"), data=values, headers=HERE)


def bill(house: House, status: VisitStatus = VisitStatus.PENDING_PAYMENT) -> Payment:
    visit = house.visit(status)
    return db.session.scalars(select(Payment).filter_by(visit_id=visit.id)).one()


@ON_SQLITE
def test_a_bill_is_worked_on_from_its_page(house: House) -> None:
    swab = house.run(directory.add_service, "Swab", 333, duration_min=5)
    row, client = bill(house), house.client(Role.CASHIER)
    url = f"/finance/bills/{row.id}"
    page = Page(client.get(url).get_data(as_text=True))
    assert "Bill 2026-00001" in page.text
    assert {"KeyL", "KeyD", "KeyI", "KeyP", "KeyV"} <= {e.get("data-key") for e in page.elements}
    answer = send(client, f"{url}/lines/new", service_id=str(swab.id), quantity="3")
    assert answer.status_code == 200
    assert "9.99" in answer.get_data(as_text=True)
    bad = send(client, f"{url}/lines/new", service_id=str(swab.id), quantity="0")
    assert (bad.status_code, "Say a number from 1 to 10000." in bad.get_data(as_text=True)) == (422, True)
    line = finance.lines_of(row)[1].id
    assert send(client, f"{url}/lines/{line}", quantity="2").status_code == 200
    assert send(client, f"{url}/discounts/new", percent="5", reason="regular").status_code == 200
    above = send(client, f"{url}/discounts/new", percent="20", reason="friend")
    assert (above.status_code, "at most 10 percent" in above.get_data(as_text=True)) == (403, True)
    for typed in ({"percent": "120"}, {"amount": "12.345"}, {"amount": "-5"}, {"amount": "1000000000000000000"}, {}):
        assert send(client, f"{url}/discounts/new", reason="x", **typed).status_code == 422, typed
    fund = house.run(payers.add_insurer, "Fund", coverage_percent=70)
    assert send(client, f"{url}/payers/new", insurer_id=str(fund.id)).status_code == 200
    payer = finance.payers_of(row)[0]
    assert (payer.coverage, payer.value) == ("PERCENT", 70)
    for typed in ("120", "-1", "70.5", "x"):
        assert send(client, f"{url}/payers/{payer.id}", value=typed).status_code == 422, typed
    assert send(client, f"{url}/payers/{payer.id}", coverage="AMOUNT", value="50,00").status_code == 200
    db.session.refresh(payer)
    assert (payer.coverage, payer.amount) == ("AMOUNT", 5_000)
    assert send(client, f"{url}/payers/{payer.id}/refuse", reason="not insured").status_code == 200
    data = {"key": "k1", "version": str(db.session.get_one(Payment, row.id).version)}
    assert client.post(f"{url}/payers/{payer.id}/remove", data=data, headers=HERE).status_code == 200
    assert (
        client.post(f"{url}/lines/{line}/remove", data=data | {"key": "k2"}, headers=HERE).status_code == 409
    )  # older
    assert send(client, f"{url}/void", reason="wrong name").status_code == 200
    assert db.session.get_one(Payment, row.id, populate_existing=True).invoice_no is None
    data = {"key": "k3", "version": ""}
    assert client.post(f"{url}/invoice", data=data, headers=HERE).status_code == 200
    assert "2026-00002" in client.get(url).get_data(as_text=True)
    assert list(verify.findings()) == []


@ON_SQLITE
def test_each_role_sees_its_part_of_a_bill(house: House) -> None:
    row = bill(house, VisitStatus.COMPLETED)
    url = f"/finance/bills/{row.id}"
    desk, manager = house.client(Role.RECEPTIONIST), house.client(Role.MANAGER)
    for client, shares, ledger in (
        (desk, False, False),
        (house.client(Role.CASHIER), False, True),
        (manager, True, True),
    ):
        text = client.get(url).get_data(as_text=True)
        assert ("The clinic</dt>" in text, "entries of the ledger" in text) == (shares, ledger)
    for role in (Role.DOCTOR, Role.NURSE):
        assert house.client(role).get(url).status_code == 403
    assert desk.get("/finance/claims").status_code == 403
    assert house.client(Role.CASHIER).get("/finance/dues").status_code == 403
    assert desk.get(f"{url}/sheet", headers=HERE).status_code == 200
    assert manager.get("/finance/bills/999999").status_code == 404


@ON_SQLITE
def test_a_claim_is_drafted_sent_paid_and_exported(house: House, tmp_path: Path) -> None:
    box, fund = house.run(directory.add_cashbox, "Bank", "BANK"), house.run(payers.add_insurer, "=1+1 صندوق")
    row, client = bill(house), house.client(Role.MANAGER)
    house.run(payers.add_payer, row.id, fund.id, value=50)
    page = client.get("/finance/claims").get_data(as_text=True)
    assert "60.00" in page
    form = Page(page).all("form")[-1]
    data = {e["name"]: e.get("value") or "" for e in form.inside if e.get("name")}
    drafted = client.post("/finance/claims", data=data, headers=HERE)
    claim = db.session.scalars(select(Claim)).one()
    url = f"/finance/claims/{claim.id}"
    assert (drafted.status_code, drafted.headers["HX-Redirect"]) == (200, url)
    assert client.post("/finance/claims", data=data | {"key": "other"}, headers=HERE).status_code == 409
    assert "2026-00001" in client.get(url).get_data(as_text=True)
    (tmp_path / "claim.xlsx").write_bytes(client.get(f"{url}/export/xlsx").data)
    cells = open_sheet(tmp_path / "claim.xlsx").first(1)[0].cells
    assert (cells[0], cells[1], float(cells[9])) == ("C2026-0001", "=1+1 صندوق", 60.0)
    assert "C2026-0001" in client.get(f"{url}/export/csv").get_data(as_text=True)
    sent = client.post(f"{url}/send", data={"key": "s", "version": str(claim.version)}, headers=HERE)
    assert sent.status_code == 200
    assert send(client, f"{url}/accept", note="by letter").status_code == 200
    part = db.session.scalars(select(BillPayer)).one()
    for wrong in ("0", "60.01", "x"):
        assert send(client, f"{url}/pay?part={part.id}", amount=wrong).status_code == 422, wrong
    assert send(client, f"{url}/pay?part={part.id}", amount="20.00", cashbox_id=str(box.id)).status_code == 200
    assert send(client, f"{url}/refuse?part={part.id}", reason="above the tariff").status_code == 200
    db.session.refresh(claim)
    assert (claim.status, claims.claims(house.clinic.id)[0].paid) == ("PAID", 2_000)
    assert client.get("/finance/claims?month=2026-11", headers=HERE).status_code == 200
    assert list(verify.findings()) == []


@ON_SQLITE
def test_a_doctor_is_paid_from_the_list_of_dues(house: House) -> None:
    row, client = bill(house), house.client(Role.MANAGER)
    house.run(finance.pay, row.id, [Part(Method.CASH, house.cash.id, PRICE)])
    assert "48.00" in client.get("/finance/dues").get_data(as_text=True)
    url = f"/finance/dues/{house.doctor.id}"
    form = asked(client, f"{url}/pay")
    assert form["amount"] == "48.00"
    for wrong in ("48.01", "0", "-1", "1,2,3", "10000000000000000000"):
        assert send(client, f"{url}/pay", amount=wrong).status_code == 422, wrong
    assert send(client, f"{url}/pay", amount="40.00", note="November").status_code == 200
    text = client.get(url).get_data(as_text=True)
    assert "8.00" in text
    assert "November" in text
    late = form.copy()
    assert client.post(late.pop("to"), data=late, headers=HERE).status_code == 409  # drawn when more was due
    assert client.get("/finance/dues?from=2026-12-01&to=2026-11-01", headers=HERE).status_code == 422
    assert client.get(f"{url}?from=x", headers=HERE).status_code == 422


@ON_SQLITE
def test_insurers_and_the_rules_of_money_are_set(house: House) -> None:
    client = house.client(Role.MANAGER)
    assert send(client, "/settings/insurers/new", name="Fund", coverage_percent="80").status_code == 200
    bad = send(client, "/settings/insurers/new", name="Fund", coverage_percent="120")
    assert (bad.status_code, "from 0 to 100" in bad.get_data(as_text=True)) == (422, True)
    assert send(client, "/settings/insurers/new", name="Fund").status_code == 422  # known already
    row = payers.insurers(house.clinic.id)[0]
    assert send(client, f"/settings/insurers/{row.id}", name="Old fund", is_active="y").status_code == 200
    for typed in ({"doctor_share_percent": "120"}, {"referral_bonus_percent": "-1"}, {"discount_cashier": "101"},
                  {"refund_limit": "12.345"}, {"discount_manager": ""}):  # fmt: skip
        assert send(client, "/settings/money", **typed).status_code == 422, typed
    good = {"discount_cashier": "15", "refund_limit": "200", "referral_bonus_percent": "12"}
    assert send(client, "/settings/money", **good).status_code == 200
    clinic = db.session.get_one(Clinic, house.clinic.id, populate_existing=True)
    assert (clinic.refund_limit, clinic.referral_bonus_percent) == (20_000, 12)
    assert clinic.discount_limits == {"RECEPTIONIST": 5, "CASHIER": 15, "MANAGER": 30, "ADMIN": 100}
    assert send(client, "/settings/money", refund_limit="").status_code == 200
    assert db.session.get_one(Clinic, house.clinic.id, populate_existing=True).refund_limit is None
    assert house.client(Role.CASHIER).get("/settings/money").status_code == 403


@ON_SQLITE
@pytest.mark.parametrize("currency, typed, units", [("JPY", "50", 50), ("KWD", "1.234", 1_234)])
def test_amounts_have_the_digits_of_the_currency(house: House, currency: str, typed: str, units: int) -> None:
    row = bill(house)
    db.session.execute(db.text("UPDATE clinic SET currency = :currency"), {"currency": currency})
    db.session.commit()
    client = house.client(Role.ADMIN)
    url = f"/finance/bills/{row.id}"
    assert (
        send(
            client, f"{url}/discounts/new", amount=f"{typed}{'.5' if currency == 'JPY' else '5'}", reason="x"
        ).status_code
        == 422
    )
    assert send(client, f"{url}/discounts/new", amount=typed, reason="x").status_code == 200
    assert finance.lines_of(row)[1].amount == -units
