"""The dialogs of the money that goes back, of several bills, of deposits and bonus, as a browser meets them."""

from __future__ import annotations

from typing import Any

import pytest

from reception.domain import clinic, debts, finance, verify
from reception.domain.audit import record
from reception.domain.finance import Part
from reception.extensions import db
from reception.models import Clinic, Method, Operation, Patient, Payment, RefundRequest, Role, VisitStatus
from tests.domain.test_refunds import bill_of, box, cash, dump, limit
from tests.factories import PASSWORD, House
from tests.pages import Page, htmx

PRICE = 12_000
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


class Desk:
    """A browser of somebody at the till."""

    def __init__(self, house: House, *roles: Role) -> None:
        self.house, self.client = house, house.client(*roles)

    def open(self, url: str) -> Page:
        answer = self.client.get(url, headers=htmx())
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return Page(answer.get_data(as_text=True))

    def send(self, url: str, status: int = 200, **fields: Any) -> str:
        """Post the form that stands at `url`, with `fields` filled in; the answer's text."""
        form = {e["name"]: e.get("value") or "" for e in self.open(url).all("input", type="hidden", name=True)}
        data = {name.replace("__", "-"): value for name, value in fields.items()}
        answer = self.client.post(url, data={**form, **data}, headers=htmx())
        assert answer.status_code == status, answer.get_data(as_text=True)
        return str(answer.get_data(as_text=True))


def refund(desk: Desk, bill: int, status: int = 200, **fields: Any) -> str:
    wish = {"what": "all", "reason": "Not done", "password": PASSWORD, **fields}
    return desk.send(f"/finance/bills/{bill}/refund", status, **wish)


def test_part_of_a_bill_goes_back_and_has_a_receipt(house: House) -> None:
    visit = house.visit(VisitStatus.COMPLETED)
    desk = Desk(house, Role.CASHIER)
    said = refund(desk, visit.payment.id, what="amount", amount="20,50")
    assert "20.50 given back" in said
    bill = bill_of(visit)
    assert (bill.refunded_amount, box(house.cash)) == (2_050, PRICE - 2_050)
    operation = db.session.query(Operation).filter_by(kind="REFUND").one()
    for query in ("", "?paper=a4"):
        answer = desk.client.get(f"/finance/receipts/{operation.id}{query}")
        text = answer.get_data(as_text=True)
        assert answer.status_code == 200
        for words in ("Refund", operation.receipt_no, "Not done", "20.50", "Received by (signature)"):
            assert words in text
        assert ("is-a4" in text) == bool(query)
    line = bill.lines[0].id
    assert "10.00 given back" in refund(desk, visit.payment.id, what="lines", **{f"line__{line}": "10"})
    assert "9.50 given back" in refund(desk, visit.payment.id, what="amount", amount="9.50", way=str(house.cash.id))
    assert "Nothing is left" not in refund(desk, visit.payment.id, 422, what="amount", amount="80.01")
    refund(desk, visit.payment.id)
    assert bill_of(visit).status == "REFUNDED"
    assert list(verify.findings()) == []


def test_the_password_is_asked_for_and_tries_are_limited(house: House) -> None:
    visit = house.visit(VisitStatus.COMPLETED)
    desk = Desk(house, Role.CASHIER)
    house.app.config["LOGIN_LIMIT"] = "3 per minute"
    before = dump()
    assert "Please type your password" in refund(desk, visit.payment.id, 403, password="")
    for _ in range(3):
        said = refund(desk, visit.payment.id, 403, password="wrong")
        assert "This is not your password." in said
        assert "wrong" not in said
    assert "Too many tries" in refund(desk, visit.payment.id, 403)
    after = dump()
    noted = {"access_entry", "audit_entry", "audit_head", "live_region"}  # that the bill was looked at
    assert {name for name in before if before[name] != after[name]} <= noted
    assert bill_of(visit).refunded_amount == 0


def test_a_second_person_sees_it_and_answers(house: House) -> None:
    limit(house, 5_000)
    visit = house.visit(VisitStatus.COMPLETED)
    asker, boss = Desk(house, Role.CASHIER), Desk(house, Role.MANAGER)
    assert "a second person was asked" in refund(asker, visit.payment.id)
    ident = db.session.query(RefundRequest).one().id
    url = f"/finance/refunds/{ident}"
    assert "waits for a second person" in boss.client.get("/").get_data(as_text=True)
    assert "Not done" in boss.client.get("/live/refunds").get_data(as_text=True)
    assert asker.client.get("/live/refunds").status_code == 403
    assert "Somebody else must approve" in asker.open(url).text
    assert asker.client.post(f"{url}/approve", data={"key": "a", "password": PASSWORD}).status_code == 403
    wrong = boss.client.post(f"{url}/approve", data={"key": "b", "password": "wrong"}, headers=htmx())
    assert wrong.status_code == 403
    assert bill_of(visit).refunded_amount == 0
    done = boss.client.post(f"{url}/approve", data={"key": "c", "password": PASSWORD, "version": "1"}, headers=htmx())
    assert "120.00 given back" in done.get_data(as_text=True)
    operation = db.session.query(Operation).filter_by(kind="REFUND").one()
    assert "Approved by" in boss.client.get(f"/finance/receipts/{operation.id}").get_data(as_text=True)
    assert "Refunded" in boss.client.get(f"/patients/{visit.patient_id}?tab=bills").get_data(as_text=True)
    assert 'id="refunds"' in boss.client.get("/live/refunds").get_data(as_text=True)


def test_who_asked_takes_it_back(house: House) -> None:
    limit(house, 0)
    visit = house.visit(VisitStatus.COMPLETED)
    asker = Desk(house, Role.CASHIER)
    refund(asker, visit.payment.id)
    row = db.session.query(RefundRequest).one()
    answer = asker.client.post(f"/finance/refunds/{row.id}/refuse", data={"key": "no", "version": "1"}, headers=htmx())
    assert "Nothing was given back" in answer.get_data(as_text=True)
    assert (db.session.query(RefundRequest).one().status, bill_of(visit).refunded_amount) == ("REFUSED", 0)
    assert "Refused" in asker.client.get("/finance/refunds").get_data(as_text=True)


@ON_SQLITE
@pytest.mark.parametrize(
    "currency, good, units, bad",
    [
        ("JPY", "1 200", 1_200, ["12.5", "1.200,5", "0.1"]),
        ("EUR", "12.5", 1_250, ["12.505", "1.2.3", "12,5,0"]),
        ("KWD", "1.125", 1_125, ["1.1255", "1,1,1"]),
    ],
)
def test_amounts_as_people_type_them(house: House, currency: str, good: str, units: int, bad: list[str]) -> None:
    visit = house.visit(VisitStatus.COMPLETED)

    def change(*, actor: Any, at: Any) -> None:
        row = db.session.get_one(Clinic, house.clinic.id)
        row.currency = currency
        record(actor, "clinic.change", row, at=at)

    house.run(change)
    desk = Desk(house, Role.CASHIER)
    wrong = [*bad, "", "0", "-5", "−5", "abc", "1e3", "1000000000000000000"]
    for typed in [*wrong, "999999999999"]:
        refund(desk, visit.payment.id, 422, what="amount", amount=typed)
    for typed in wrong:
        desk.send(f"/finance/patients/{visit.patient_id}/deposit", 422, amount=typed, cashbox=str(house.cash.id))
    assert (bill_of(visit).refunded_amount, box(house.cash)) == (0, PRICE)
    refund(desk, visit.payment.id, what="amount", amount=good)
    assert bill_of(visit).refunded_amount == units
    desk.send(f"/finance/patients/{visit.patient_id}/deposit", amount=good, cashbox=str(house.cash.id))
    assert debts.purse(db.session.get_one(Patient, visit.patient_id)).deposit == units
    assert clinic.MOST == finance.MOST


def test_a_family_pays_in_one_dialog_and_a_changed_bill_is_shown(house: House) -> None:
    mother = house.patient("Berg")
    visits = [house.visit(VisitStatus.PENDING_PAYMENT, patient=mother)]
    visits.append(house.visit(VisitStatus.PENDING_PAYMENT, patient=house.patient("Berg", guardian_id=mother.id)))
    friend = house.visit(VisitStatus.PENDING_PAYMENT)
    desk, url = Desk(house, Role.RECEPTIONIST), f"/finance/together/{mother.id}"
    first, second = (bill_of(visit).id for visit in visits)
    page = desk.open(url)
    assert [e["value"] for e in page.all("input", name="bill")] == [str(first), str(second)]
    page = desk.open(f"{url}?card={db.session.get_one(Patient, friend.patient_id).card_no}")
    assert [e["value"] for e in page.all("input", name="bill")] == [str(first), str(second), str(friend.payment.id)]
    assert desk.client.get(f"{url}?card=999999", headers=htmx()).status_code == 422
    wish = {"use": ["CASH"], "bill": [str(first), str(second)], "cashbox__CASH": str(house.cash.id)}
    form = {e["name"]: e.get("value") or "" for e in desk.open(url).all("input", type="hidden", name=True)}
    house.run(finance.pay, second, [cash(house, 2_000)])
    data = {**form, **{name.replace("__", "-"): value for name, value in wish.items()}}
    answer = desk.client.post(url, data=data, headers=htmx())
    text = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "A bill changed meanwhile" in text
    assert "100.00" in text
    assert bill_of(visits[0]).amount_paid == 0
    said = desk.send(url, **wish)
    assert "220.00 taken" in said
    assert [bill_of(visit).status for visit in visits] == ["PAID", "PAID"]
    operation = db.session.query(Operation).order_by(Operation.id.desc()).first()
    assert operation is not None
    for query in ("", "?paper=a4"):
        text = desk.client.get(f"/finance/receipts/{operation.id}{query}").get_data(as_text=True)
        for bill in db.session.query(Payment).filter(Payment.id.in_([first, second])):
            assert bill.invoice_no in text
    assert list(verify.findings()) == []


def test_bonus_and_deposit_pay_a_bill_in_its_dialog(house: House) -> None:
    patient = house.patient()
    house.run(finance.add_bonus, patient.id, 1_000, "A present")
    house.run(finance.take_deposit, patient.id, [Part(Method.CASH, house.cash.id, 3_000)])
    visit = house.visit(VisitStatus.PENDING_PAYMENT, patient=patient)
    desk, url = Desk(house, Role.RECEPTIONIST), f"/finance/bills/{visit.payment.id}/pay"
    ways = ["BONUS", "DEPOSIT", "CARD"]
    more = {"amount__BONUS": "10", "amount__DEPOSIT": "30.01", "cashbox__CARD": str(house.card.id)}
    assert "The deposit is not so large." in desk.send(url, 409, use=ways, **more)
    desk.send(url, use=ways, **{**more, "amount__DEPOSIT": "30"})
    assert (bill_of(visit).status, box(house.card)) == ("PAID", 8_000)
    assert list(verify.findings()) == []


def test_deposits_and_bonus_by_hand_have_dialogs_and_pages(house: House) -> None:
    patient = house.patient("Berg")
    desk = Desk(house, Role.CASHIER)
    at = f"/finance/patients/{patient.id}"
    drawer = str(house.cash.id)
    assert "change 10.00" in desk.send(f"{at}/deposit", amount="40", received="50", cashbox=drawer, reason="Later")
    assert "50.00 added" in desk.send(f"{at}/bonus", amount="50", reason="A present")
    desk.send(f"{at}/bonus-out", 403, amount="10", reason="In cash", cashbox=drawer)
    assert "10.00 of the bonus" in desk.send(
        f"{at}/bonus-out", amount="10", reason="In cash", cashbox=drawer, password=PASSWORD
    )
    desk.send(f"{at}/bonus-out", 409, amount="40.01", reason="In cash", cashbox="", password=PASSWORD)
    assert "5.00 of the deposit" in desk.send(
        f"{at}/deposit-back", amount="5", reason="Asked for it", cashbox=drawer, password=PASSWORD
    )
    card = desk.client.get(f"/patients/{patient.id}?tab=purse").get_data(as_text=True)
    for words in ("40.00", "35.00", "A present", "In cash"):
        assert words in card
    assert "Berg" in desk.client.get("/finance/bonuses").get_data(as_text=True)
    house.visit(VisitStatus.PENDING_PAYMENT, patient=patient)
    owed = desk.client.get("/finance/debts").get_data(as_text=True)
    assert "Berg" in owed
    assert "120.00" in owed
    for operation in db.session.query(Operation).all():
        assert desk.client.get(f"/finance/receipts/{operation.id}").status_code == 200
        assert desk.client.get(f"/finance/receipts/{operation.id}?paper=a4").status_code == 200
    assert list(verify.findings()) == []


def test_a_booking_is_paid_ahead_from_its_dialog(house: House) -> None:
    appointment = house.booked()
    desk = Desk(house, Role.RECEPTIONIST)
    shown = desk.client.get(f"/calendar/appointments/{appointment.id}", headers=htmx()).get_data(as_text=True)
    assert "Take prepayment" in shown
    bills = desk.client.get(f"/patients/{appointment.patient_id}?tab=bills").get_data(as_text=True)
    assert "Take prepayment" in bills
