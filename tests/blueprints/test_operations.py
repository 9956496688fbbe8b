"""The operations of a day, the cashboxes and the table that leaves the house, as a browser meets them."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from sqlalchemy import func, select

from reception import clock, exports
from reception.domain import finance
from reception.domain.finance import Part
from reception.extensions import db
from reception.models import AuditEntry, Method, Role, VisitStatus
from tests.factories import House
from tests.pages import Page, htmx

PRICE = 12_000
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""Where the database makes no difference."""


def html(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


@pytest.fixture
def busy_house(house: House) -> House:
    """Two payments today by two people, one of them split; one tomorrow."""
    anna, bert = house.person(Role.CASHIER), house.person(Role.RECEPTIONIST)
    first = house.visit(VisitStatus.PENDING_PAYMENT, patient=house.patient("=cmd|' /C calc'!A0", first_name="@Eve"))
    house.run(finance.pay, first.payment.id, [Part(Method.CASH, house.cash.id, PRICE)], actor=anna)
    second = house.visit(VisitStatus.PENDING_PAYMENT, patient=house.patient("<script>alert(1)</script>"))
    split = [Part(Method.CARD, house.card.id, 4_000), Part(Method.CASH, house.cash.id, 8_000)]
    house.run(finance.pay, second.payment.id, split, actor=bert)
    house.later(days=1)
    third = house.visit(VisitStatus.PENDING_PAYMENT)
    house.run(finance.pay, third.payment.id, [Part(Method.CARD, house.card.id, 5_000)], actor=anna)
    house.later(days=-1)
    return house


def test_operations_of_today_with_their_sums_and_the_cashboxes(busy_house: House) -> None:
    house = busy_house
    client = house.client(Role.MANAGER)
    page = Page(html(client.get("/finance")))
    root = page.one(id="operations")
    assert (root["data-signal"], root["hx-trigger"]) == ("finance", "rx:signal")
    assert int(root["data-v"]) > 0
    rows = [e for e in page.all("tr") if (e.get("id") or "").startswith("entry-")]
    assert len(rows) == 3
    assert "240.00" in page.text
    assert "<script>alert(1)" not in html(client.get("/finance"))
    assert "&lt;script&gt;alert(1)" in html(client.get("/finance"))
    assert client.get(root["hx-get"], headers=htmx("/finance")).status_code == 200
    tomorrow = clock.today(house.clinic).replace(day=21).isoformat()
    both = Page(html(client.get(f"/finance?to={tomorrow}", headers=htmx("/finance"))))
    assert len([e for e in both.all("tr") if (e.get("id") or "").startswith("entry-")]) == 4
    assert both.all("html") == []
    only = Page(html(client.get(f"/finance?to={tomorrow}&cashbox={house.card.id}&kind=PAYMENT")))
    assert len([e for e in only.all("tr") if (e.get("id") or "").startswith("entry-")]) == 2


@ON_SQLITE
def test_impossible_days_are_a_sentence(busy_house: House) -> None:
    client = busy_house.client(Role.CASHIER)
    days = ["from=2026-11-21&to=2026-11-20", "from=yesterday", "to=2026-13-01", "from=1200-01-01"]
    for query in [*days, "from=2020-01-01&to=2026-01-01"]:
        answer = client.get(f"/finance?{query}")
        assert answer.status_code == 422, query
        assert Page(html(answer)).one(role="alert").text.strip()
        assert client.get(f"/finance/export/csv?{query}").status_code == 422


@ON_SQLITE
def test_unknown_filters_change_nothing(busy_house: House) -> None:
    client = busy_house.client(Role.CASHIER)
    plain = Page(html(client.get("/finance", headers=htmx("/finance")))).text
    for query in (
        "kind=MOON",
        "cashbox=999",
        "cashbox=x",
        "cashier=999",
        "before=x",
        "service=999&doctor=x&patient=999",
        "patient=x",
        "kind=CHARGE",
        "sort=amount;drop",
    ):
        assert Page(html(client.get(f"/finance?{query}", headers=htmx("/finance")))).text == plain


def table(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(html(answer).removeprefix("\ufeff"), newline="")))


def test_the_export_is_exactly_what_is_filtered_and_no_cell_is_a_formula(busy_house: House) -> None:
    house = busy_house
    client = house.client(Role.MANAGER)
    answer = client.get("/finance/export/csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Content-Disposition"] == "attachment; filename=operations-2026-11-20-2026-11-20.csv"
    rows = table(answer)
    assert [(r["Receipt"], r["Cashbox"], r["In"], r["Out"], r["Currency"]) for r in rows] == [
        ("2026-000002", "Cash desk", "80.00", "", "EUR"),
        ("2026-000002", "Terminal", "40.00", "", "EUR"),
        ("2026-000001", "Cash desk", "120.00", "", "EUR"),
    ]
    assert rows[2]["Patient"] == "'=cmd|' /C calc'!A0, @Eve"
    assert rows[2]["Date"] == "2026-11-20"
    assert rows[2]["Time"].startswith("10:00:")
    for line in html(answer).removeprefix("\ufeff").splitlines():
        assert line.startswith('"')
        assert line.endswith('"')
    assert len(table(client.get(f"/finance/export/csv?cashbox={house.card.id}"))) == 1
    anna = house.person(Role.CASHIER)
    assert len(table(client.get(f"/finance/export/csv?cashier={anna.user_id}&to=2026-11-21"))) == 2
    assert table(client.get("/finance/export/csv?kind=REFUND")) == []


def test_formula_signs_are_made_harmless() -> None:
    for sign in "=+-@\t\r\0\n":
        assert exports.safe(f"{sign}1") == f"'{sign}1"
    assert exports.safe("a=1") == "a=1"
    assert exports.safe(None) == ""
    assert "".join(exports.lines([['say "hi"', "a,b", "=1"]])) == '\ufeff"say ""hi""","a,b","\'=1"\r\n'


def test_the_cashboxes_of_a_day(busy_house: House) -> None:
    client = busy_house.client(Role.MANAGER)
    page = Page(html(client.get("/finance/report/cashbox?date=2026-11-21")))
    rows = ["".join(e.text.split()) for e in page.all("tr")]
    assert "CashdeskCashdrawer200.000.000.00200.00" in rows
    assert "TerminalCardterminal40.0050.000.0090.00" in rows
    assert client.get("/finance/report/cashbox?date=never").status_code == 422
    before = Page(html(client.get("/finance/report/cashbox?date=2026-11-19")))
    assert "Together0.000.000.000.00" in ["".join(e.text.split()) for e in before.all("tr")]


def test_pages_of_many_operations(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from reception.domain import operations

    monkeypatch.setattr(operations, "PAGE", 2)
    for _ in range(5):
        house.pay(house.visit(VisitStatus.PENDING_PAYMENT))
    client = house.client(Role.CASHIER)
    seen: list[str] = []
    path = "/finance"
    while path:
        page = Page(html(client.get(path)))
        seen += [e["id"] for e in page.all("tr") if (e.get("id") or "").startswith("entry-")]
        assert "600.00" in page.text  # the sum is of all pages
        path = next((e["href"] for e in page.all("a") if "Older" in e.text), "")
    assert len(seen) == len(set(seen)) == 5
    assert seen == sorted(seen, key=lambda name: -int(name.partition("-")[2]))


@ON_SQLITE
def test_nothing_is_written_by_looking(busy_house: House) -> None:
    client = busy_house.client(Role.ADMIN)
    before = db.session.scalar(select(func.count(AuditEntry.id)))
    for path in ("/finance", "/finance/report/cashbox", "/finance/export/csv", "/finance/receipts/1", "/audit"):
        assert client.get(path).status_code == 200
    assert db.session.scalar(select(func.count(AuditEntry.id))) == before
