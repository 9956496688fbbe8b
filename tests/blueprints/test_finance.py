"""The payment dialog and the receipt, as a browser meets them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from reception.domain import directory, finance
from reception.domain.finance import Part
from reception.extensions import db
from reception.models import (
    Account,
    IdempotencyKey,
    LedgerEntry,
    Method,
    Operation,
    Payment,
    Role,
    VisitStatus,
)
from tests.factories import House
from tests.pages import Page, htmx, parts

PRICE = 12_000
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""Where the database makes no difference."""


class Till:
    """A cashier's browser at the bill of one visit."""

    def __init__(
        self, house: House, *roles: Role, status: VisitStatus = VisitStatus.PENDING_PAYMENT, visit: Any = None
    ) -> None:
        self.house = house
        self.client: FlaskClient = house.client(*(roles or (Role.RECEPTIONIST,)))
        self.visit = visit or house.visit(status)
        self.bill_id: int = self.visit.payment.id
        self.url = f"/finance/bills/{self.bill_id}/pay"

    def open(self) -> Page:
        answer = self.client.get(self.url, headers=htmx())
        assert answer.status_code == 200
        return Page(answer.get_data(as_text=True))

    def post(self, page: Page | None = None, *, plain: bool = False, **fields: Any) -> Any:
        """Post the form of `page` (opened anew by default) with `fields` filled in; None leaves one out."""
        page = page or self.open()
        form = {e["name"]: e.get("value") or "" for e in page.all("input", type="hidden", name=True)}
        for select_ in page.all("select", name=True):
            form[select_["name"]] = next(o["value"] for o in select_.inside if o.tag == "option")
        data = {name.replace("_", "-") if "_C" in name or "_B" in name else name: v for name, v in fields.items()}
        wanted = {**form, "use": ["CASH"], **data}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        return self.client.post(self.url, data=wanted, headers={} if plain else htmx())

    def bill(self) -> Payment:
        db.session.rollback()
        return db.session.scalars(
            select(Payment).filter_by(id=self.bill_id).execution_options(populate_existing=True)
        ).one()

    def entries(self) -> list[tuple[str, int, int]]:
        rows = db.session.scalars(
            select(LedgerEntry).filter_by(kind="PAYMENT", payment_id=self.bill_id).order_by(LedgerEntry.id)
        )
        return [(str(e.method), e.cashbox_id or 0, e.amount) for e in rows]


def html(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def is_marked(page: Page, name: str) -> bool:
    """Whether the field `name` is marked as wrong, with a sentence of its own."""
    field = page.one("input", name=name)
    sentence = page.all(id=field.get("aria-describedby") or "-")
    return field.get("aria-invalid") == "true" and bool(sentence and sentence[0].text.strip())


# ---------------------------------------------------------------------------------------------------------- the dialog


def test_the_dialog_shows_the_bill_and_cash_for_the_whole_sum(house: House) -> None:
    page = Till(house).open()
    form = page.one("form", id="payment")
    assert (form["data-due"], form["data-places"], form["hx-post"]) == ("12000", "2", form["action"])
    assert page.one(id="dialog-title").text.startswith("Patient")
    assert [e["value"] for e in page.all("input", name="use", checked=True)] == ["CASH"]
    assert [e["data-key"] for e in page.all("input", name="use")] == ["Digit1", "Digit2"]
    assert page.one("button", data_take=True).get("data-autofocus") is not None
    assert "EUR" in page.text
    assert "120.00" in page.text
    assert page.one("input", name="key")["value"]
    assert page.one("input", name="due")["value"] == "12000"
    assert not page.twice


def test_an_exact_cash_payment_is_one_post_and_the_screen_follows(house: House) -> None:
    till = Till(house, Role.CASHIER)
    answer = till.post()
    assert answer.status_code == 200
    assert answer.headers["HX-Trigger"] == "rx:close-dialog"
    found = parts(html(answer))
    assert "A-001 120.00 taken, receipt 2026-000001" in found["toasts"].text.replace("A-001120", "A-001 120")
    receipt = found["toasts"].one("a", data_print_receipt=True)
    assert till.client.get(receipt["href"]).status_code == 200
    assert f'id="visit-{till.visit.id}"' in html(answer)
    assert found["payable"].one(id=f"visit-{till.visit.id}")["data-status"] == "COMPLETED"
    assert (till.bill().status, till.entries()) == ("PAID", [("CASH", house.cash.id, PRICE)])
    assert till.visit.status == "COMPLETED"


def test_several_parts_change_and_the_rest_that_computes_itself(house: House) -> None:
    beta = house.run(directory.add_cashbox, "Terminal beta", "CARD")
    till = Till(house)
    answer = till.post(use=["CASH", "CARD"], amount_CARD="50.00", cashbox_CARD=beta.id, received="100")
    assert answer.status_code == 200, html(answer)
    assert "change 30.00" in parts(html(answer))["toasts"].text
    assert till.entries() == [("CASH", house.cash.id, 7_000), ("CARD", beta.id, 5_000)]
    operation = db.session.scalars(select(Operation)).one()
    assert (operation.cash_received, operation.change_given) == (10_000, 3_000)
    again = Till(house)
    again.client = till.client
    terminal = again.open().one("select", name="cashbox-CARD")
    assert next(o["value"] for o in terminal.inside if "selected" in o.attrs) == str(beta.id)  # used here last


def test_take_part_leaves_the_rest_owing(house: House) -> None:
    till = Till(house)
    assert till.post(part="1", amount_CASH="20").status_code == 200
    assert (till.bill().status, till.bill().due_amount, till.visit.status) == (
        "PARTIALLY_PAID",
        10_000,
        "PENDING_PAYMENT",
    )
    page = till.open()
    assert page.one("form", id="payment")["data-due"] == "10000"
    assert "Paid before" in page.text
    assert till.post(page, use=["CARD"]).status_code == 200
    assert (till.bill().status, till.visit.status) == ("PAID", "COMPLETED")


def test_amounts_are_read_as_the_language_writes_them(house: House) -> None:
    till = Till(house)
    till.client.post("/preferences", data={"locale": "ru"})
    assert till.open().one("form", id="payment")["data-decimal"] == ","
    assert till.post(part="1", amount_CASH="20,50").status_code == 200
    assert till.post(part="1", amount_CASH="9.50").status_code == 200
    assert till.bill().amount_paid == 3_000
    till.client.post("/preferences", data={"locale": "en"})
    assert till.post(part="1", amount_CASH="10,0 00").status_code == 422
    assert till.post(part="1", amount_CASH="\u2066 10,00\u2069").status_code == 200
    assert till.bill().amount_paid == 4_000


@ON_SQLITE
def test_currencies_have_the_digits_they_have(house: House) -> None:
    for currency, price, typed, fine in (("JPY", 1_500, "1 500", "1500.0"), ("KWD", 1_500, "1.500", "1.5001")):
        house.run(set_currency, currency)
        house.service = house.run(directory.add_service, f"In {currency}", price)
        till = Till(house)
        assert till.post(amount_CASH=fine).status_code == 422
        assert till.post(amount_CASH=typed).status_code == 200, currency
        assert till.bill().amount_paid == 1_500


def set_currency(currency: str, *, actor: Any, at: Any) -> None:
    db.session.execute(text("UPDATE clinic SET currency = :currency"), {"currency": currency})


NONSENSE: list[tuple[dict[str, Any], str]] = [
    ({"amount_CASH": "-5"}, "amount-CASH"),
    ({"amount_CASH": "0"}, "amount-CASH"),
    ({"amount_CASH": "0.00"}, "amount-CASH"),
    ({"amount_CASH": "12.345"}, "amount-CASH"),
    ({"amount_CASH": str(10**18)}, "amount-CASH"),
    ({"amount_CASH": "a lot"}, "amount-CASH"),
    ({"amount_CASH": "<b>1</b>"}, "amount-CASH"),
    ({"amount_CASH": "=1+1"}, "amount-CASH"),
    ({"amount_CASH": "1e3"}, "amount-CASH"),
    ({"amount_CASH": "120\x00"}, "amount-CASH"),
    ({"use": ["CASH", "CARD"]}, "amount-CASH"),
    ({"use": ["CASH", "CARD"], "amount_CARD": "120"}, "amount-CASH"),
    ({"received": "119.99"}, "received"),
    ({"received": "plenty"}, "received"),
    ({"amount_CASH": "119.99"}, ""),
    ({"amount_CASH": "120.01"}, ""),
    ({"part": "1", "amount_CASH": "120.01"}, ""),
    ({"part": "1"}, "amount-CASH"),
    ({"use": []}, ""),
    ({"use": ["GOLD"]}, ""),
    ({"due": "1.5"}, ""),
    ({"version": "x"}, ""),
    ({"cashbox_CASH": "drawer"}, ""),
]
"""What is typed, and the field that is marked; "" where the sentence stands over all."""


@ON_SQLITE
def test_what_makes_no_sense_is_a_sentence_and_nothing_is_changed(house: House) -> None:
    till = Till(house)
    page = till.open()
    key = page.one("input", name="key")["value"]
    for fields, wrong in NONSENSE:
        answer = till.post(page, **fields)
        assert answer.status_code == 422, fields
        shown = Page(html(answer))
        assert shown.one("input", name="key")["value"] == key
        if wrong:
            assert is_marked(shown, wrong), fields
        else:
            assert shown.one(role="alert").text.strip(), fields
        assert "<b>1</b>" not in html(answer)
        assert (till.bill().amount_paid, till.entries()) == (0, []), fields
    assert db.session.scalar(select(func.count()).select_from(IdempotencyKey).filter_by(key=key)) == 0
    assert till.post(shown, use=["CARD"]).status_code == 200  # the same form, put right


def test_a_bill_that_changed_meanwhile_is_shown_anew_and_not_overwritten(house: House) -> None:
    till = Till(house)
    page = till.open()
    house.run(finance.pay, till.bill_id, [Part(Method.CARD, house.card.id, 2_000)])
    answer = till.post(page, received="200")
    assert answer.status_code == 409
    shown = Page(html(answer))
    assert shown.one("form", id="payment")["data-due"] == "10000"
    assert "100.00" in shown.text
    assert "changed meanwhile" in shown.one(role="alert").text
    assert shown.one("input", name="received")["value"] == ""
    assert till.bill().amount_paid == 2_000
    assert till.post(shown).status_code == 200
    assert (till.bill().status, till.bill().amount_paid) == ("PAID", PRICE)


def test_a_bill_that_somebody_else_settled_is_told_and_the_screen_follows(house: House) -> None:
    till = Till(house)
    page = till.open()
    house.pay(till.visit)
    answer = till.post(page)
    assert answer.status_code == 409
    assert answer.headers["HX-Trigger"] == "rx:close-dialog"
    found = parts(html(answer))
    assert found["toasts"].one(role="alert")
    assert found["payable"].one(id=f"visit-{till.visit.id}")["data-status"] == "COMPLETED"
    assert till.bill().amount_paid == PRICE
    shown = till.open()
    assert shown.all("button", data_take=True) == []
    assert "Nothing is left to pay" in shown.text


def test_the_same_form_sent_twice_pays_once(house: House) -> None:
    till = Till(house)
    page = till.open()
    first, second = till.post(page), till.post(page)
    assert (first.status_code, second.status_code) == (200, 200)
    assert parts(html(first))["toasts"].text == parts(html(second))["toasts"].text
    assert (till.bill().amount_paid, len(till.entries())) == (PRICE, 1)
    other = Till(house)
    answer = other.post(key=page.one("input", name="key")["value"])
    assert answer.status_code == 422  # the key of another wish
    assert Page(html(answer)).one("input", name="key")["value"] != page.one("input", name="key")["value"]
    assert other.bill().amount_paid == 0
    assert other.post(Page(html(answer))).status_code == 200
    assert Till(house).post(key="").status_code == 400


def test_closed_foreign_and_wrong_cashboxes(house: House) -> None:
    stranger = House.open(house.app, "Hillside")
    till = Till(house)
    page = till.open()
    assert till.post(page, cashbox_CASH=stranger.cash.id).status_code == 404
    assert till.post(page, cashbox_CASH=house.card.id).status_code == 422
    house.run(directory.set_cashbox_open, house.cash.id, False)
    answer = till.post(page)
    assert answer.status_code == 409
    assert "Cash desk" in Page(html(answer)).one(role="alert").text
    assert till.bill().amount_paid == 0
    shown = till.open()
    assert [e["value"] for e in shown.all("input", name="use")] == ["CARD"]
    house.run(directory.set_cashbox_open, house.card.id, False)
    assert "No cashbox is open" in till.open().text
    balances = db.session.scalars(
        select(Account.balance).where(Account.id.in_([house.cash.account_id, stranger.cash.account_id]))
    )
    assert list(balances) == [0, 0]


def test_bills_of_another_clinic_look_like_none(house: House) -> None:
    stranger = House.open(house.app, "Hillside")
    visit = stranger.visit(VisitStatus.PENDING_PAYMENT)
    operation = stranger.pay(stranger.visit(VisitStatus.PENDING_PAYMENT))
    client = house.client(Role.ADMIN)
    paths = [f"/finance/bills/{visit.payment.id}/pay", f"/finance/receipts/{operation.id}"]
    missing = ["/finance/bills/999999/pay", "/finance/receipts/999999"]
    for path, none in zip(paths, missing, strict=True):
        there, nowhere = client.get(path, headers=htmx()), client.get(none, headers=htmx())
        assert (there.status_code, html(there)) == (404, html(nowhere))
    for path in (paths[0], f"/finance/bills/{visit.payment.id}/owe"):
        assert client.post(path, data={"key": "k1", "use": "CASH", "due": PRICE, "version": 1, "cashbox-CASH": house.cash.id},
                           headers=htmx()).status_code == 404  # fmt: skip
    db.session.refresh(visit.payment)
    assert visit.payment.amount_paid == 0


def test_the_dialog_works_without_a_script(house: House) -> None:
    till = Till(house)
    answer = till.client.get(till.url)
    page = Page(html(answer))
    assert page.one("html")
    form = page.one("form", id="payment")
    assert (form["method"], form["action"], form.get("hx-post")) == ("post", till.url, None)
    assert page.all("input", name="csrf_token")
    wrong = till.post(page, plain=True, amount_CASH="1")
    assert wrong.status_code == 422
    assert Page(html(wrong)).one("html")
    done = till.post(Page(html(wrong)), plain=True)
    assert done.status_code == 303
    assert "Receipt" in html(till.client.get(done.headers["Location"]))


def test_who_asks_for_paper_gets_paper(house: House) -> None:
    answer = Till(house).post(print="1")
    told = json.loads(answer.headers["HX-Trigger"])
    assert told["rx:close-dialog"] is True
    assert told["rx:print-receipt"]["url"].startswith("/finance/receipts/")


def test_let_go_owing(house: House) -> None:
    till = Till(house, Role.CASHIER)
    act = till.open().one("button", data_act="owe")
    answer = till.client.post(act["hx-post"], data=act.vals, headers=htmx())
    assert answer.status_code == 200
    assert (till.bill().status, till.visit.status) == ("PENDING", "COMPLETED")
    assert parts(html(answer))["payable"].one(id=f"visit-{till.visit.id}")["data-status"] == "COMPLETED"
    again = till.client.post(act["hx-post"], data=act.vals | {"key": "another"}, headers=htmx())
    assert again.status_code == 409
    owing = Page(html(till.client.get("/finance")))
    assert owing.one("button", hx_get=till.url)
    assert till.post().status_code == 200
    assert till.bill().status == "PAID"
    desk = Till(house, Role.RECEPTIONIST)
    assert desk.open().all("button", data_act="owe") == []
    assert desk.client.post(f"/finance/bills/{desk.bill_id}/owe", data={"key": "x"}, headers=htmx()).status_code == 403


@ON_SQLITE
def test_who_may_take_money_and_who_may_look(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    operation = house.pay(visit, 1_000)
    paths = {
        f"/finance/bills/{visit.payment.id}/pay": {Role.RECEPTIONIST, Role.CASHIER, Role.ADMIN},
        f"/finance/receipts/{operation.id}": {Role.RECEPTIONIST, Role.CASHIER, Role.MANAGER, Role.ADMIN},
        "/finance": {Role.CASHIER, Role.MANAGER, Role.ADMIN},
        "/finance/report/cashbox": {Role.CASHIER, Role.MANAGER, Role.ADMIN},
        "/finance/export/csv": {Role.CASHIER, Role.MANAGER, Role.ADMIN},
        "/audit": {Role.MANAGER, Role.ADMIN},
    }
    for role in Role:
        client = house.client(role)
        for path, roles in paths.items():
            assert client.get(path).status_code == (200 if role in roles else 403), (role, path)
    posted = house.client(Role.MANAGER).post(f"/finance/bills/{visit.payment.id}/pay", data={"key": "k", "use": "CASH"})
    assert posted.status_code == 403


# --------------------------------------------------------------------------------------------------------- receipt


def test_the_receipt_says_all_that_was_done(house: House) -> None:
    cashier = house.person(Role.CASHIER)
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    house.pay(visit, 2_000)
    split = [Part(Method.CARD, house.card.id, 4_000), Part(Method.CASH, house.cash.id, 6_000)]
    operation = house.run(finance.pay, visit.payment.id, split, received=10_000, actor=cashier)
    answer = house.client(Role.CASHIER).get(f"/finance/receipts/{operation.id}")
    page = Page(html(answer))
    for words in (
        "Riverside", "2026-000002", visit.payment.invoice_no, "Consultation", "Total 120.00", "Paid before −20.00",
        "Card · Terminal 40.00", "Cash · Cash desk 60.00", "Paid 100.00", "Received 100.00", "Change 40.00", "Cashier",
        "A-001", "20 Nov 2026 10:00", "EUR",
    ):  # fmt: skip
        assert words.replace(" ", "") in page.text.replace(" ", "").replace("\u202f", ""), words
    assert page.all("nav") == []
    assert "Left to pay" not in page.text
    part = Page(html(house.client(Role.CASHIER).get(f"/finance/receipts/{operation.id}", headers=htmx())))
    assert part.all("html") == []
    assert part.one("article")
