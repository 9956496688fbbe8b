"""The audit list and its banner, as a manager meets them."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select, text

from reception.domain import audit, clinic, finance, patients, trail
from reception.domain.finance import Part
from reception.extensions import db
from reception.models import AccessEntry, AuditEntry, Method, Role, Room, VisitStatus
from reception.transaction import Trace, perform
from tests.factories import House
from tests.pages import Page, htmx

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def html(answer: Any) -> str:
    assert answer.status_code == 200, answer.status
    return str(answer.get_data(as_text=True))


def numbers(page: Page) -> list[int]:
    """Numbers of the entries on the page, from top to bottom."""
    return [int(e["id"].removeprefix("audit-")) for e in page.all("tr") if (e.get("id") or "").startswith("audit-")]


def row(page: Page, seq: int) -> str:
    return " ".join(page.one("tr", id=f"audit-{seq}").text.split())


def last(house: House) -> int:
    return db.session.scalar(select(func.max(AuditEntry.seq)).filter_by(clinic_id=house.clinic.id)) or 0


def test_each_entry_says_who_when_where_what_and_which_fields(house: House) -> None:
    visit = house.visit(VisitStatus.PENDING_PAYMENT, patient=house.patient("Zhuravlyova", phone="+49 170 1234567"))
    cashier = house.person(Role.CASHIER)
    house.run(finance.pay, visit.payment.id, [Part(Method.CASH, house.cash.id, 12_000)], actor=cashier)
    paid = last(house) - 1
    client = house.client(Role.MANAGER)
    page = Page(html(client.get("/audit")))
    assert numbers(page) == sorted(numbers(page), reverse=True)
    words = row(page, paid)
    for part in (
        str(paid),
        "Cashier",
        "Payment taken",
        "Bill",
        "2026-00001",
        "Paid",
        "0.00",
        "120.00",
        "Open",
        "20 Nov 2026",
    ):
        assert part in words, part
    assert page.one("a", href="/finance/receipts/1")
    called = next(e for e in page.all("button", hx_get=f"/queue/visits/{visit.id}"))
    assert called.text == "A-001"
    signed_in = row(page, last(house))
    assert "Signed in" in signed_in
    assert "127.0.0.1" in signed_in
    whole = html(client.get("/audit"))
    assert "Zhuravlyova" not in whole
    assert "1234567" not in whole
    assert not page.twice


def test_no_raw_code_is_shown(house: House) -> None:
    house.visit(VisitStatus.COMPLETED)
    house.move(house.visit(), "no-show")
    house.move(house.booked().visit, "cancel", reason="left")
    page = Page(html(house.client(Role.ADMIN).get("/audit")))
    shown = " ".join(row(page, seq) for seq in numbers(page))
    assert not re.findall(r"\b[a-z]+\.[a-z-]+\b", re.sub(r"127\.0\.0\.1|\d\.\d", "", shown))
    assert not re.findall(r"\b[A-Z]{3,}_?[A-Z]+\b|\b[a-z]+_[a-z_]+\b|None|~[0-9a-f]{4}", shown)
    assert "Another" not in shown


def test_filters_and_pages(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "PAGE", 5)
    anna = house.person(Role.RECEPTIONIST)
    visit = house.visit(actor=anna)
    house.later(days=1)
    house.move(visit, "call")
    client = house.client(Role.MANAGER)

    def found(query: str) -> list[int]:
        page = Page(html(client.get(f"/audit?{query}", headers=htmx("/audit"))))
        assert page.all("html") == []
        return numbers(page)

    whole = last(house)
    seen: list[int] = []
    path = "/audit"
    while path:
        page = Page(html(client.get(path)))
        seen += numbers(page)
        path = next((e["href"] for e in page.all("a") if "Older" in e.text), "")
    assert seen == list(range(whole, 0, -1))
    walk_in = db.session.scalars(select(AuditEntry).filter_by(action="visit.walk-in")).one().seq
    call = db.session.scalars(select(AuditEntry).filter_by(action="visit.call")).one().seq
    assert found("from=2026-11-21&action=visit.call") == [call]
    assert found("to=2026-11-20&action=visit.call") == []
    assert found(f"user={anna.user_id}") == [walk_in]
    assert found(f"record=visit-{visit.id}") == [call, walk_in]
    assert found("record=visit&to=2026-11-20") == [walk_in]
    assert found("record=moon&action=moon.land&user=x&before=x") == found("")
    answer = client.get("/audit?from=2026-11-21&to=2026-11-20")
    assert answer.status_code == 422
    assert Page(answer.get_data(as_text=True)).one(role="alert").text.strip()
    assert client.get("/audit?from=tomorrow").status_code == 422


def test_another_clinics_acts_are_not_in_the_list(house: House) -> None:
    other = House.open(house.app, "Hillside")
    visit = other.visit(VisitStatus.COMPLETED)
    client = house.client(Role.ADMIN)
    page = Page(html(client.get("/audit")))
    assert numbers(page)[0] == last(house)
    assert len(numbers(page)) == last(house)
    assert "Hillside" not in html(client.get("/audit"))
    assert numbers(Page(html(client.get(f"/audit?record=visit-{visit.id}")))) == []


def test_the_chain_is_checked_from_the_screen(house: House) -> None:
    house.visit()
    client = house.client(Role.MANAGER)
    banner = Page(html(client.get("/audit"))).one("form", id="check")
    assert "Not checked yet" in banner.text
    upto = last(house)
    key = next(e for e in banner.inside if e.get("name") == "key")["value"]
    answer = Page(html(client.post(banner["hx-post"], data={"key": key}, headers=htmx("/audit"))))
    assert f"Whole up to number {upto}." in answer.text
    assert "Manager" in answer.text
    assert last(house) == upto + 1
    client.post(banner["hx-post"], data={"key": key}, headers=htmx("/audit"))
    assert last(house) == upto + 1  # the same wish once more
    assert f"Whole up to number {upto}." in Page(html(client.get("/audit"))).one("form", id="check").text
    assert client.post("/audit/check", data={"key": "plain"}).status_code == 303
    assert house.client(Role.CASHIER).post("/audit/check", data={"key": "mine"}).status_code == 403


@ON_SQLITE
def test_a_broken_chain_is_said_in_red(house: House) -> None:
    house.visit()
    db.session.rollback()
    db.session.execute(text("DROP TRIGGER tr_audit_entry_update"))
    db.session.execute(text("UPDATE audit_entry SET actor_id = 99 WHERE seq = 4"))
    db.session.commit()
    client = house.client(Role.MANAGER)
    answer = html(client.post("/audit/check", data={"key": "one"}, headers=htmx("/audit")))
    assert "The chain is broken at number 4." in answer
    assert "is-broken" in answer
    assert "broken at number 4" in html(client.get("/audit"))
    assert (audit.check_chain(house.clinic.id) or "").startswith("audit entry 4 ")


@ON_SQLITE
def test_a_page_asks_no_more_questions_for_more_entries(house: House) -> None:
    from tests.sql import statements

    client = house.client(Role.MANAGER)
    counts = []
    for _ in range(2):
        for _ in range(8):
            house.visit(VisitStatus.COMPLETED)
        with statements() as seen:
            client.get("/audit")
        counts.append(len(seen))
    assert counts[1] <= counts[0] <= 20


def test_old_and_new_values_stand_beside_and_a_patients_only_where_that_card_is_asked_for(house: House) -> None:
    patient = house.patient("Novotna")
    house.run(patients.change, patient.id, last_name="Kralova")
    of_patient = last(house)
    house.run(clinic.change_room, house.room.id, name="201", floor="2")
    of_room = last(house)
    client = house.client(Role.MANAGER)
    whole = Page(html(client.get("/audit")))
    assert "Name 101 → 201" in row(whole, of_room)
    assert "Floor 1 → 2" in row(whole, of_room)
    assert "Last name" in row(whole, of_patient)
    assert "Kralova" not in html(client.get("/audit"))
    looks = db.session.scalar(select(func.count(AccessEntry.id)))
    card = Page(html(client.get(f"/audit?record=patient-{patient.id}")))
    assert "Last name Novotna → Kralova" in row(card, of_patient)
    assert db.session.scalar(select(func.count(AccessEntry.id))) == (looks or 0) + 1
    assert client.get("/audit?record=patient-99999").status_code == 404


def test_an_act_is_taken_back_from_the_list(house: House) -> None:
    house.run(clinic.change_room, house.room.id, name="201", floor="1")
    seq = last(house)
    client = house.client(Role.MANAGER)
    opener = next(e for e in Page(html(client.get("/audit"))).all("button") if e.get("hx-get") == f"/audit/{seq}/back")
    asked = Page(html(client.get(opener["hx-get"], headers=htmx("/audit"))))
    assert asked.one("tbody").text.split() == ["Name201101"]
    key = asked.one("input", name="key")["value"]
    for _ in range(2):  # the same wish once more changes nothing more
        answer = client.post(f"/audit/{seq}/back", data={"key": key}, headers=htmx("/audit"))
        assert "Taken back" in html(answer)
    assert db.session.get_one(Room, house.room.id).name == "101"
    assert f"Takes back number {seq}" in row(Page(html(client.get("/audit"))), last(house))
    again = client.post(f"/audit/{seq}/back", data={"key": "other"}, headers=htmx("/audit"))
    assert again.status_code == 409
    assert "changed again since" in again.get_data(as_text=True)
    assert client.get(f"/audit/{seq}/back", headers=htmx("/audit")).status_code == 409
    assert client.get("/audit/99999/back").status_code == 404
    assert house.client(Role.CASHIER).post(f"/audit/{seq}/back", data={"key": "mine"}).status_code == 403


@ON_SQLITE
def test_the_log_has_what_is_technical_and_leaves_as_a_table(house: House) -> None:
    cashier = house.person(Role.CASHIER)
    visit = house.visit(VisitStatus.PENDING_PAYMENT, patient=house.patient("=Novotna"))
    part = Part(Method.CASH, house.cash.id, 12_000)
    perform(cashier, finance.pay, visit.payment.id, [part], trace=Trace(7, "192.0.2.7", "request-1"))
    client = house.client(Role.ADMIN)
    paid = db.session.scalars(select(AuditEntry.seq).filter_by(action="payment.pay")).one()
    page = Page(html(client.get("/logs?action=payment.pay")))
    assert numbers(page) == [paid]
    for words in ("payment.pay", "request-1", "Sign-in 7", "192.0.2.7"):
        assert words in row(page, paid)
    lines = list(csv.DictReader(io.StringIO(html(client.get("/logs/export")).removeprefix("\ufeff"), newline="")))
    assert [int(line["No."]) for line in lines] == list(range(last(house), 0, -1))
    [pay] = [line for line in lines if line["Action"] == "payment.pay"]
    assert (pay["Request"], pay["From where"], pay["Sign-in"], len(pay["Hash"])) == ("request-1", "192.0.2.7", "7", 64)
    assert "Novotna" not in html(client.get("/logs/export"))
    book = CalamineWorkbook.from_filelike(
        io.BytesIO(client.get("/logs/export?form=xlsx&action=payment.pay").get_data())
    )
    heads, only = book.get_sheet_by_index(0).to_python()
    assert dict(zip(heads, only, strict=True))["Date"] == date(2026, 11, 20)
    assert client.get("/logs/export?from=2026-11-21&to=2026-11-20").status_code == 422
    assert house.client(Role.CASHIER).get("/logs").status_code == 403
