"""Shifts, transfers, income and expenses and the cashboxes' report as a browser and a program meet them."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select, text

from reception.domain import directory, finance, verify
from reception.extensions import db
from reception.models import (
    CashboxShift,
    CashTransfer,
    Clinic,
    LedgerEntry,
    MoneyCategory,
    Operation,
    Role,
    VisitStatus,
)
from tests.domain.test_shifts import balance
from tests.factories import House
from tests.pages import Page, htmx

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
HX = htmx("/finance/shifts")
KEYS = iter(range(1_000_000))


def html(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def post(client: FlaskClient, path: str, status: int = 200, /, **form: Any) -> str:
    values = {name.replace("coin_", "coin-"): value for name, value in form.items()}
    answer = client.post(path, data={"key": f"shift-test-{next(KEYS)}", **values}, headers=HX)
    assert answer.status_code == status, html(answer)[-600:]
    return html(answer)


def counts() -> tuple[int, ...]:
    db.session.rollback()
    kinds = (CashboxShift, CashTransfer, Operation, LedgerEntry, MoneyCategory)
    return tuple(int(db.session.scalar(select(func.count(kind.id))) or 0) for kind in kinds)


def money_of(house: House, currency: str) -> None:
    """The clinic counts in another currency."""
    db.session.execute(text("UPDATE clinic SET currency = :c WHERE id = :i"), {"c": currency, "i": house.clinic.id})
    db.session.commit()
    assert db.session.get_one(Clinic, house.clinic.id).currency == currency


def test_a_day_from_the_count_in_the_morning_to_the_z_report(house: House) -> None:
    client = house.client(Role.CASHIER)
    box = house.cash.id
    asked = Page(html(client.get(f"/finance/cashboxes/{box}/shift", headers=HX)))
    assert len(asked.all("input", data_coin=True)) == 15
    said = post(client, f"/finance/cashboxes/{box}/shift", coin_5000="2", coin_50="4", reason="the float", expected="0")
    assert "The shift of Cash desk is open." in said
    shift = db.session.scalars(select(CashboxShift)).one()
    house.pay(house.visit(VisitStatus.PENDING_PAYMENT))
    report = Page(html(client.get(f"/finance/shifts/{shift.id}")))
    assert "X report" in report.text
    assert "222.00" in report.text
    paper = Page(html(client.get(f"/finance/shifts/{shift.id}/paper?size=80")))
    assert "X report" in paper.text
    assert "222.00" in paper.text
    path = f"/finance/shifts/{shift.id}/close"
    said = post(client, path, 409, coin_5000="4", reason="short", expected="1")
    assert "Money moved meanwhile" in said
    said = post(client, path, 422, coin_5000="4", expected="22200")
    assert "Say why" in said
    assert Page(said).one("input", name="coin-5000")["value"] == "4"
    said = post(client, path, coin_5000="4", reason="a wrong change", expected="22200")
    assert "Z report 1" in said
    paper = Page(html(client.get(f"/finance/shifts/{shift.id}/paper?size=A4")))
    db.session.rollback()
    shift = db.session.scalars(select(CashboxShift)).one()
    for words in ("Z report 1", "Cash desk", "−22.00", "a wrong change", shift.audit_hash[:12], "4 × 50.00"):
        assert words in paper.text, words
    assert "Copy" not in paper.text
    house.later(minutes=11)
    assert "Copy" in Page(html(client.get(f"/finance/shifts/{shift.id}/paper"))).text
    listed = Page(html(client.get("/finance/shifts"))).text
    assert "Z report 1" in listed
    assert "−22.00" in listed
    assert list(verify.findings()) == []


def test_a_payment_into_a_closed_shift_shows_the_way_and_goes_on_after_it(house: House) -> None:
    shift = house.run(finance.start_shift, house.cash.id, coins={})
    house.run(finance.close_shift, shift.id, coins={})
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    bill, box = visit.payment.id, house.cash.id
    form = {"use": "CASH", "cashbox-CASH": str(box), "due": "12000", "version": str(visit.payment.version)}
    cashier, desk = house.client(Role.CASHIER), house.client(Role.RECEPTIONIST)
    answer = cashier.post(f"/finance/bills/{bill}/pay", data={"key": "pay-1", **form}, headers=HX)
    assert answer.status_code == 409
    page = Page(html(answer))
    assert "The shift of Cash desk is closed. Open one first." in page.text
    (way,) = (e for e in page.all("button") if "/shift?bill=" in (e.get("hx-get") or ""))
    assert way["hx-get"] == f"/finance/cashboxes/{box}/shift?bill={bill}"
    told = html(desk.post(f"/finance/bills/{bill}/pay", data={"key": "pay-2", **form}, headers=HX))
    assert "Open one first" in told
    assert "/shift?bill=" not in told
    asked = Page(html(cashier.get(way["hx-get"], headers=HX)))
    assert asked.one("input", name="bill")["value"] == str(bill)
    back = post(cashier, f"/finance/cashboxes/{box}/shift", coin_100="0", bill=str(bill), expected="0")
    assert "data-payment" in back  # the payment's dialog again
    taken = cashier.post(f"/finance/bills/{bill}/pay", data={"key": "pay-3", **form}, headers=HX)
    assert taken.status_code == 200


@ON_SQLITE
def test_what_makes_no_sense_is_said_and_nothing_is_changed(house: House) -> None:
    house.pay(house.visit(VisitStatus.PENDING_PAYMENT))
    cashier = house.client(Role.CASHIER)
    box, terminal = house.cash.id, house.card.id
    before = counts()
    opening = f"/finance/cashboxes/{box}/shift"
    for form in (
        {"coin_5000": "-1"}, {"coin_5000": "two"}, {"coin_5000": "1.5"}, {"coin_4999": "1"}, {"coin_x": "1"},
        {"coin_5000": "9" * 30}, {"coin_5000": "1"}, {}, {"counted": "1,2,3"}, {"counted": "1.234"}, {"counted": "-5"},
        {"counted": str(10**18)}, {"expected": "x"},
    ):  # fmt: skip
        post(cashier, opening, 422, **form)
    post(cashier, "/finance/cashboxes/999/shift", 404, counted="1")
    post(cashier, "/finance/shifts/999/close", 404, counted="1")
    for tab in ("income", "expense", "transfer"):
        for amount in ("", "0", "-5", "1,2,3", "1.234", str(10**18), "abc"):
            post(
                cashier, f"/finance/add/{tab}", 422, cashbox_id=box, target_id=terminal, category_id="1", amount=amount
            )
        post(cashier, f"/finance/add/{tab}", 422, cashbox_id="", amount="1")
        post(cashier, f"/finance/add/{tab}", 404, cashbox_id="999", target_id=terminal, category_id="999", amount="1")
    post(cashier, "/finance/add/transfer", 422, cashbox_id=box, target_id=box, amount="1")
    post(cashier, "/finance/add/transfer", 409, cashbox_id=box, target_id=terminal, amount="120.01")
    post(cashier, "/finance/transfers/999/accept", 404)
    post(cashier, "/finance/cash/999/undo", 404)
    assert counts() == before
    assert cashier.get("/finance/shifts?cashbox=x&before=y").status_code == 200
    assert cashier.get("/finance/report/cashbox?from=2026-11-20&to=2026-11-19").status_code == 422
    assert cashier.get("/finance/report/cashbox/days.csv?from=never").status_code == 422


def test_income_and_expense_with_undo_and_slip(house: House) -> None:
    client = house.client(Role.CASHIER)
    assert "No category yet" in html(client.get("/finance/add", headers=HX))
    sales = house.run(finance.add_category, "Crutches", "INCOME").id
    rent = house.run(finance.add_category, "Rent", "EXPENSE").id
    box = house.cash
    said = post(client, "/finance/add/income", cashbox_id=box.id, category_id=sales, amount="75,50", note="two pairs")
    page = Page(said)
    assert "75.50 taken in, receipt 2026-000001" in page.text
    assert balance(box) == 7_550
    undo = page.one("button", data_undo=True)
    slip = Page(html(client.get("/finance/slips/1"))).text
    assert "Other income: Crutches" in slip
    assert "+75.50" in slip
    assert "two pairs" in slip
    answer = client.post(undo["hx-post"], data=undo.vals, headers=HX)
    assert "75.50 taken back, receipt 2026-000002" in Page(html(answer)).text
    assert balance(box) == 0
    again = client.post(undo["hx-post"], data={"key": "another"}, headers=HX)
    assert again.status_code == 409
    assert "2026-000001" in Page(html(client.get("/finance/slips/2"))).text
    said = post(client, "/finance/add/expense", 409, cashbox_id=box.id, category_id=rent, amount="1")
    assert "There is not enough money in this cashbox." in said
    assert client.get("/finance/slips/999").status_code == 404
    payment = house.pay(house.visit(VisitStatus.PENDING_PAYMENT))
    assert client.get(f"/finance/slips/{payment.id}").status_code == 404  # a patient's receipt is looked at elsewhere
    assert list(verify.findings()) == []


def test_a_transfer_waits_on_the_page_of_both(house: House) -> None:
    house.pay(house.visit(VisitStatus.PENDING_PAYMENT))
    cashier, manager = house.client(Role.CASHIER), house.client(Role.MANAGER)
    said = post(cashier, "/finance/add/transfer", cashbox_id=house.cash.id, target_id=house.card.id, amount="50")
    assert "Terminal is asked to take 50.00." in Page(said).text
    acts = [e["data-act"] for e in Page(html(cashier.get("/finance/shifts"))).all("button", data_act=True)]
    assert acts == ["withdraw"]
    buttons = {e["data-act"]: e for e in Page(html(manager.get("/finance/shifts"))).all("button", data_act=True)}
    assert set(buttons) == {"accept", "refuse", "withdraw"}
    post(cashier, "/finance/transfers/1/accept", 403)
    answer = manager.post(buttons["accept"]["hx-post"], data=buttons["accept"].vals, headers=HX)
    assert "50.00 moved from Cash desk to Terminal." in Page(html(answer)).text
    assert (balance(house.cash), balance(house.card)) == (7_000, 5_000)
    post(manager, "/finance/transfers/1/withdraw", 409)


@ON_SQLITE
@pytest.mark.parametrize("currency, typed, units", [("JPY", "7500", 7_500), ("KWD", "7.505", 7_505)])
def test_currencies_with_none_and_three_digits(house: House, currency: str, typed: str, units: int) -> None:
    money_of(house, currency)
    sales = house.run(finance.add_category, "Crutches", "INCOME").id
    client = house.client(Role.CASHIER)
    piece = finance.DENOMINATIONS[currency][0]
    post(client, f"/finance/cashboxes/{house.cash.id}/shift", **{f"coin_{piece}": "1", "reason": "float"})
    post(client, "/finance/add/income", cashbox_id=house.cash.id, category_id=sales, amount=typed)
    assert balance(house.cash) == piece + units
    fine = "1.5" if currency == "JPY" else "1.5055"
    post(client, "/finance/add/income", 422, cashbox_id=house.cash.id, category_id=sales, amount=fine)
    shift = db.session.scalars(select(CashboxShift)).one()
    post(client, f"/finance/shifts/{shift.id}/close", **{f"coin_{piece}": "1", "reason": "gone"})
    assert balance(house.cash) == piece
    rows = list(csv.reader(io.StringIO(html(client.get("/finance/report/cashbox/days.csv")).removeprefix("\ufeff"))))
    assert [row[-1] for row in rows[1:]] == [currency, currency]


def test_the_report_of_a_time_adds_up_on_screen_and_in_its_tables(house: House) -> None:
    house.run(finance.start_shift, house.cash.id, coins={100: 5}, reason="float")
    house.pay(house.visit(VisitStatus.PENDING_PAYMENT))
    house.later(days=1)
    sales = house.run(finance.add_category, "=1+1", "INCOME").id
    house.run(directory.add_cashbox, "=cmd|' /C calc'!A0", "CARD")
    house.run(finance.take_in, house.cash.id, sales, 2_000)
    client = house.client(Role.MANAGER)
    asked = "from=2026-11-20&to=2026-11-21"
    page = Page(html(client.get(f"/finance/report/cashbox?{asked}&cashbox={house.cash.id}")))
    rows = ["".join(e.text.split()) for e in page.all("tr")]
    assert "CashdeskCashdrawer0.00145.000.00145.00" in rows
    assert {"PaymentCash120.00", "OtherincomeCash20.00", "CounteddifferenceCash5.00"} <= set(rows)
    assert {"Fri20Nov125.000.00125.00", "Sat21Nov20.000.00145.00"} <= set(rows)
    found = list(csv.reader(io.StringIO(html(client.get(f"/finance/report/cashbox/days.csv?{asked}"))[1:])))
    mine = [row for row in found if row[0] == "Cash desk"]
    assert mine == [
        ["Cash desk", "2026-11-20", "0.00", "125.00", "0.00", "125.00", "EUR"],
        ["Cash desk", "2026-11-21", "125.00", "20.00", "0.00", "145.00", "EUR"],
    ]
    assert any(row[0].startswith("'=cmd") for row in found)
    book = io.BytesIO(client.get(f"/finance/report/cashbox/kinds.xlsx?{asked}").data)
    sheet = CalamineWorkbook.from_filelike(book).get_sheet_by_index(0).to_python()
    assert ["Cash desk", "Payment", "Cash", 120, 0, "EUR"] in sheet
    assert ["Cash desk", "Counted difference", "Cash", 5, 0, "EUR"] in sheet


def test_who_may_and_who_may_not(house: House) -> None:
    shift = house.run(finance.start_shift, house.cash.id, coins={})
    for role in (Role.DOCTOR, Role.NURSE, Role.RECEPTIONIST):
        client = house.client(role)
        for path in ("/finance/shifts", f"/finance/shifts/{shift.id}", "/finance/add", "/finance/report/cashbox/days.csv",
                     f"/finance/shifts/{shift.id}/paper", f"/finance/cashboxes/{house.card.id}/shift"):  # fmt: skip
            assert client.get(path).status_code == 403, (role, path)
        post(client, f"/finance/shifts/{shift.id}/close", 403, coin_100="0")
    house.client(Role.CASHIER)
    post(house.client(Role.CASHIER), f"/finance/shifts/{shift.id}/close", 403, coin_100="0")
    post(house.client(Role.MANAGER), f"/finance/shifts/{shift.id}/close", coin_100="0")


@ON_SQLITE
def test_without_a_script_and_asked_twice(house: House) -> None:
    client, box = house.client(Role.MANAGER), house.cash.id
    category = house.run(finance.add_category, "Copies", "INCOME").id
    assert "Notes and coins" in html(client.get(f"/finance/cashboxes/{box}/shift"))
    opening = {"key": "plain-1", "coin-100": "3", "reason": "float"}
    for _ in range(2):
        answer = client.post(f"/finance/cashboxes/{box}/shift", data=opening)
        assert (answer.status_code, answer.location) == (303, "/finance/shifts")
    post(client, f"/finance/cashboxes/{house.card.id}/shift", 404, bill="999")
    shift = db.session.scalars(select(CashboxShift)).one()
    income = {"key": "plain-2", "cashbox_id": box, "category_id": category, "amount": "2"}
    for _ in range(2):
        answer = client.post("/finance/add/income", data=income)
        assert (answer.status_code, answer.location) == (303, "/finance/slips/2")
    refused = client.post(f"/finance/shifts/{shift.id}/close", data={"key": "plain-3", "coin-100": "3"})
    assert refused.status_code == 422
    assert "Say why" in html(refused)
    answer = client.post(f"/finance/shifts/{shift.id}/close", data={"key": "plain-4", "coin-100": "5"})
    assert (answer.status_code, answer.location) == (303, f"/finance/shifts/{shift.id}")
    assert balance(house.cash) == 500


@ON_SQLITE
def test_categories_are_settings(house: House) -> None:
    client = house.client(Role.ADMIN)
    hx = htmx("/settings/categories")
    made = client.post("/settings/categories", data={"key": "c-1", "name": "Rent", "kind": "EXPENSE"}, headers=hx)
    assert made.status_code == 200
    assert "Rent" in html(client.get("/settings/categories"))
    twice = client.post("/settings/categories", data={"key": "c-2", "name": "Rent", "kind": "EXPENSE"}, headers=hx)
    assert "exists already" in html(twice)
    ident = db.session.scalars(select(MoneyCategory.id)).one()
    changed = client.post(f"/settings/categories/{ident}", data={"key": "c-3", "name": "Lease"}, headers=hx)
    assert changed.status_code == 200
    db.session.rollback()
    row = db.session.scalars(select(MoneyCategory)).one()
    assert (row.name, row.is_active) == ("Lease", False)
