"""What the API refuses: a sentence for a person, a code for a program, a status of 4xx, and nothing changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import func, select

from reception.extensions import db
from reception.models import Appointment, AuditEntry, LedgerEntry, Patient, Role, Visit
from tests.api import ROOT, Api
from tests.factories import House

PERSON = {"first_name": "Greta", "last_name": "Hoffmann", "date_of_birth": "1990-05-01", "gender": "FEMALE"}
NASTY = '<img src=x onerror=alert(1)> =HYPERLINK("http://x") {{7*7}} \' -- \u202e ﷽'


def counts() -> list[int]:
    """How much there is of what a refused call could have left behind."""
    db.session.rollback()
    kinds = (Patient, Appointment, Visit, LedgerEntry, AuditEntry)
    return [int(db.session.scalar(select(func.count()).select_from(kind)) or 0) for kind in kinds]


def refused(api: Api, path: str, body: Any, status: int, code: str, field: str = "", method: str = "POST") -> Any:
    """The problem of a call that must be refused and must leave everything as it was."""
    before = counts()
    found = api.write(method, path, body, status)
    assert found["code"] == code, found
    assert found["status"] == status
    assert found["detail"]
    assert "%(" not in json.dumps(found)
    if field:
        assert list(found["errors"]) == [field], found
    assert counts() == before
    return found


def test_a_patient_must_make_sense(house: House) -> None:
    api = Api(house, Role.RECEPTIONIST)

    def no(change: dict[str, Any], field: str, status: int = 422, code: str = "invalid") -> None:
        body = {k: v for k, v in {**PERSON, **change}.items() if v != "missing"}
        refused(api, "/patients", body, status, code, field)

    no({"last_name": "missing"}, "last_name")
    no({"last_name": ""}, "last_name")
    no({"last_name": "   "}, "last_name")
    no({"last_name": None}, "last_name")
    no({"last_name": 7}, "last_name")
    no({"first_name": "x" * 10_000}, "first_name")
    no({"last_name": "x" * 201}, "last_name")
    no({"last_name": "a\x00b"}, "last_name")
    no({"date_of_birth": "2990-01-01"}, "date_of_birth")
    no({"date_of_birth": "1850-01-01"}, "date_of_birth")
    no({"date_of_birth": "1990-02-30"}, "date_of_birth")
    no({"date_of_birth": "01.05.1990"}, "date_of_birth")
    no({"date_of_birth": 641520000}, "date_of_birth")
    no({"date_of_birth": "1990-05-01T00:00:00Z"}, "date_of_birth")
    no({"gender": "female"}, "gender")
    no({"gender": None}, "gender")
    no({"phone": "12"}, "phone")
    no({"phone": "call me"}, "phone")
    no({"phone": 4915123456789}, "phone")
    no({"phone": "1" * 400}, "phone")
    no({"national_id": "x" * 65}, "national_id")
    no({"clinic_id": 1}, "clinic_id")
    no({"id": 1}, "id")
    no({"preferred_locale": "xx"}, "preferred_locale")


def test_what_another_card_has_already(house: House) -> None:
    api = Api(house, Role.RECEPTIONIST)
    known = api.post("/patients", {**PERSON, "phone": "0151 2345 6789", "national_id": "L01X"}, 201)
    found = refused(api, "/patients", {**PERSON, "phone": "+49 151 23456789"}, 409, "duplicate-phone")
    assert found["link"] == f"{ROOT}/patients/{known['id']}"
    refused(api, "/patients", {**PERSON, "national_id": "l01x"}, 409, "duplicate-id")
    other = api.post("/patients", PERSON, 201)
    refused(api, f"/patients/{other['id']}", {"phone": "+4915123456789"}, 409, "duplicate-phone", method="PATCH")


def test_a_card_changes_as_named_and_by_its_version(house: House) -> None:
    api = Api(house, Role.RECEPTIONIST)
    card = api.post("/patients", {**PERSON, "phone": "0151 2345 6789", "alerts": NASTY}, 201)
    assert card["alerts"] == NASTY
    path = f"/patients/{card['id']}"
    changed = api.patch(path, {"phone": None, "first_name": NASTY, "version": card["version"]})
    assert (changed["phone"], changed["first_name"], changed["last_name"]) == (None, NASTY, "Hoffmann")
    assert api.get(path) == changed
    refused(api, path, {"first_name": "x", "version": card["version"]}, 409, "stale-version", method="PATCH")
    refused(api, path, {"last_name": ""}, 422, "invalid", "last_name", method="PATCH")
    refused(api, path, {"last_name": " \t "}, 422, "invalid", "last_name", method="PATCH")
    refused(api, path, {"last_name": None}, 422, "invalid", "last_name", method="PATCH")
    refused(api, path, {"card_no": "7"}, 422, "invalid", "card_no", method="PATCH")


def test_an_appointment_must_be_possible(house: House) -> None:
    api = Api(house, Role.RECEPTIONIST)
    house.shift(first=8, last=18)
    patient, other = house.patient(), house.patient()
    good = {
        "patient_id": patient.id,
        "doctor_id": house.doctor.id,
        "service_id": house.service.id,
        "start": house.at(11).isoformat(),
    }

    def no(change: dict[str, Any], status: int, code: str, field: str = "") -> None:
        refused(api, "/appointments", {**good, **change}, status, code, field)

    no({"start": house.at(8).isoformat()}, 422, "invalid", "start")  # past
    no({"start": house.at(11, days=2000).isoformat()}, 422, "invalid", "start")
    no({"start": "2026-11-20T11:00:00"}, 422, "invalid", "start")  # no zone
    no({"start": "2026-11-20"}, 422, "invalid", "start")
    no({"start": "2026-11-20T25:00:00Z"}, 422, "invalid", "start")
    no({"start": "9999-12-31T23:59:59-12:00"}, 422, "invalid", "start")
    no({"start": "0001-01-01T00:00:00+14:00"}, 422, "invalid", "start")
    no({"start": 1763632800}, 422, "invalid", "start")
    no({"start": "1763632800"}, 422, "invalid", "start")
    no({"start": house.at(21).isoformat()}, 409, "no-schedule")
    no({"start": house.at(17, 55).isoformat()}, 409, "too-long")
    no({"patient_id": 999_999}, 404, "not-found")
    no({"patient_id": str(patient.id)}, 422, "invalid", "patient_id")
    no({"patient_id": 1.0}, 422, "invalid", "patient_id")
    no({"patient_id": True}, 422, "invalid", "patient_id")
    no({"patient_id": 0}, 422, "invalid", "patient_id")
    no({"patient_id": -1}, 422, "invalid", "patient_id")
    no({"patient_id": 2**63}, 422, "invalid", "patient_id")
    no({"patient_id": 10**400}, 422, "invalid", "patient_id")
    no({"doctor_id": 999_999}, 404, "not-found")
    no({"service_id": 999_999}, 404, "not-found")
    no({"room_id": 999_999}, 404, "not-found")
    no({"source": "phone"}, 422, "invalid", "source")
    no({"reason": "x" * 501}, 422, "invalid", "reason")
    no({"notes": "a\x00"}, 422, "invalid", "notes")
    no({"status": "COMPLETED"}, 422, "invalid", "status")
    no({"overbooking_reason": "she asked"}, 403, "not-allowed")
    booked = api.post("/appointments", {**good, "reason": NASTY, "notes": NASTY, "source": "ONLINE"}, 201)
    no({"patient_id": other.id}, 409, "slot-full")
    no({}, 409, "already-booked")
    no({"start": house.at(12).isoformat()}, 409, "already-booked")
    path = f"/appointments/{booked['id']}/reschedule"
    refused(api, path, {"start": house.at(8).isoformat()}, 422, "invalid", "start")
    refused(api, path, {}, 422, "invalid", "start")
    refused(api, path, {"start": house.at(12).isoformat(), "doctor_id": 999_999}, 404, "not-found")


def test_a_walk_in_must_be_possible(house: House) -> None:
    api = Api(house, Role.RECEPTIONIST)
    patient = house.patient()
    good = {"patient_id": patient.id, "service_id": house.service.id, "doctor_id": house.doctor.id}

    def no(change: dict[str, Any], status: int, code: str, field: str = "") -> None:
        refused(api, "/visits", {**good, **change}, status, code, field)

    no({"doctor_id": None}, 422, "invalid", "doctor_id")
    no({"priority": "URGENT"}, 422, "invalid", "priority")
    no({"priority": "EMERGENCY"}, 422, "invalid", "priority_reason")
    no({"priority": "EMERGENCY", "priority_reason": "  "}, 422, "invalid", "priority_reason")
    no({"priority_reason": "x" * 201}, 422, "invalid", "priority_reason")
    no({"department_id": 999_999, "doctor_id": None}, 404, "not-found")
    no({"patient_id": 999_999}, 404, "not-found")
    no({"queue_number": 1}, 422, "invalid", "queue_number")
    visit = api.post("/visits", {**good, "priority": "PRIORITY", "priority_reason": "pregnant"}, 201)
    assert (visit["status"], visit["ticket"], visit["priority"]) == ("WAITING", "A-001", "PRIORITY")
    no({}, 409, "already-in-queue")
    pooled = api.post(
        "/visits",
        {"patient_id": house.patient().id, "service_id": house.service.id, "department_id": house.department.id},
        201,
    )
    assert (pooled["doctor_id"], pooled["queue_number"]) == (None, 2)
    path = f"/visits/{visit['id']}"
    refused(api, f"{path}/call", {"version": 99}, 409, "stale-version")
    refused(api, f"{path}/call", {"version": "1"}, 422, "invalid", "version")
    refused(api, f"{path}/call", {"minutes": 5}, 422, "invalid", "minutes")
    refused(api, f"{path}/transfer", None, 422, "invalid", "doctor_id")
    refused(api, f"{path}/transfer", {"doctor_id": house.doctor.id}, 422, "invalid", "doctor_id")
    refused(api, f"{path}/cancel", {"reason": "x" * 501}, 422, "invalid", "reason")
    api.post(f"{path}/call")
    refused(api, f"{path}/requeue", {"minutes": -1}, 422, "invalid", "minutes")
    refused(api, f"{path}/requeue", {"minutes": 10**9}, 422, "invalid", "minutes")
    refused(api, "/visits/999999/call", None, 404, "not-found")
    refused(api, f"/visits/{2**70}/call", None, 404, "not-found")
    for unknown in ("check-in", "owe", "settle", "dance"):
        refused(api, f"{path}/{unknown}", None, 404, "not-found")


def test_money_must_add_up(house: House) -> None:
    api = Api(house, Role.CASHIER)
    visit = house.visit("PENDING_PAYMENT")
    path, cash, card = f"/payments/{visit.payment.id}/pay", house.cash.id, house.card.id

    def no(status: int, code: str, field: str, *parts: Any, **more: Any) -> None:
        refused(api, path, {"parts": list(parts), **more}, status, code, field)

    def part(amount: Any, method: str = "CASH", box: Any = cash) -> dict[str, Any]:
        return {"method": method, "cashbox_id": box, "amount": amount}

    no(422, "too-much", "parts", part("120.01"))
    no(422, "too-much", "parts", part("60.00"), part("60.01", "CARD", card))
    no(422, "invalid", "parts", part("0.00"))
    no(422, "invalid", "parts")
    no(422, "invalid", "parts", *[part("1.00")] * 21)
    no(422, "invalid", "parts", *[part("1.00")] * 101)
    for amount in ("-1.00", "1.005", "1,50", "1e2", "", " 5", "NaN", "Infinity", "0x10", "٣", 50, 50.0, None, "9" * 16):
        no(422, "invalid", "parts.0.amount", part(amount))
    no(422, "invalid", "parts.0.method", part("1.00", "cash"))
    no(422, "invalid", "parts", part("1.00", "BONUS"))
    no(422, "invalid", "parts", part("1.00", "CARD"))  # into the cash drawer
    no(404, "not-found", "", part("1.00", box=999_999))
    no(422, "invalid", "parts", part("1.00"), amount="2.00")
    no(422, "invalid", "received", part("10.00"), received="9.99")
    no(409, "stale-version", "", part("1.00"), version=99)
    refused(api, path, None, 422, "invalid", "parts")
    refused(api, path, {"parts": {}}, 422, "invalid", "parts")
    refused(api, "/payments/999999/pay", {"parts": [part("1.00")]}, 404, "not-found")

    from reception.domain import directory

    house.run(directory.set_cashbox_open, card, False)
    no(409, "cashbox-closed", "", part("1.00", "CARD", card))
    assert api.get(f"/payments/{visit.payment.id}")["amount_paid"] == "0.00"
    paid = api.post(path, {"parts": [part("100.00")], "received": "200.00"})
    assert (paid["status"], paid["due_amount"], paid["operation"]["change"]) == ("PARTIALLY_PAID", "20.00", "100.00")
    api.post(path, {"parts": [part("20.00")]})
    found = refused(api, path, {"parts": [part("0.01")]}, 409, "not-payable")
    assert (found["state"], found["allowed"]) == ("PAID", [])


def test_a_body_must_be_json(house: House) -> None:
    api = Api(house, Role.RECEPTIONIST)

    def no(status: int, code: str, body: bytes, kind: str | None = "application/json", path: str = "/patients") -> None:
        before = counts()
        found = api.send("POST", path, status, headers=house.key(), data=body, content_type=kind)
        assert found["code"] == code
        assert counts() == before

    for broken in (b"{", b'{"a":}', b"{'a': 1}", b"\xff\xfe", b'{"last_name": "\xe9"}', b'{"last_name":"\\ud800"}',
                   "{}".encode("utf-16"), b"\xef\xbb\xbf{}", b"[" * 5000):  # fmt: skip
        no(400, "json-malformed", broken)
    for other in (b"[]", b"null", b"7", b'"x"'):
        no(422, "invalid", other)
    text = json.dumps(PERSON).encode()
    no(415, "unsupported-media-type", text, "text/plain")
    no(415, "unsupported-media-type", text, None)
    no(415, "unsupported-media-type", b"last_name=x", "application/x-www-form-urlencoded")
    no(413, "request-entity-too-large", b'{"a":"' + b"x" * 5_000_000 + b'"}')
    visit = house.visit()
    for body, kind in (
        (b"", None),
        (b"", "application/json"),
        (b"  ", "application/json"),
        (b"{}", "application/json"),
    ):
        api.send("POST", f"/visits/{visit.id}/call", 200, headers=house.key(), data=body, content_type=kind)
        api.post(f"/visits/{visit.id}/undo")


def test_addresses_must_be_known(house: House) -> None:
    api = Api(house, Role.ADMIN)
    for path in ("/", "/nothing", "/patients/x", "/patients/-1", "/payments/1/forgive"):
        assert api.get(path, 404)["code"] == "not-found"
    answer = api.raw("DELETE", "/patients", house.key())
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert answer.get_json()["code"] == "method-not-allowed"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_questions_must_make_sense(house: House) -> None:
    api = Api(house, Role.ADMIN)
    for path, field, value in (
        ("/patients", "limit", "0"), ("/patients", "limit", "501"), ("/patients", "limit", "ten"),
        ("/patients", "limit", "1.5"), ("/patients", "cursor", "zzz"), ("/patients", "cursor", "W10"),
        ("/patients", "colour", "red"), ("/visits", "day", "today"), ("/visits", "day", "2026-02-30"),
        ("/visits", "day", "9999-12-31"), ("/visits", "status", "waiting"), ("/visits", "status", "WAITING,X"),
        ("/visits", "doctor", "x"), ("/visits", "doctor", str(2**70)), ("/appointments", "date", "20261120"),
        ("/schedules", "date", "0001-01-01"), ("/slots", "from", "yesterday"), ("/slots", "to", "2020-01-01"),
        ("/slots", "to", "2027-12-31"), ("/slots", "from", "2026-11-20T10:00:00"), ("/ledger", "from", "x"),
    ):  # fmt: skip
        found = api.get(path, 422, **{field: value})
        assert list(found["errors"]) == [field], (path, field, value)
    assert api.send("GET", "/visits?day=2026-11-20&day=2026-11-21", 422)["errors"]
    assert api.send("GET", "/visits?day=&status=", 200) == {"items": [], "next": None}
    assert api.get("/slots", 200, **{"from": "2026-11-20T10:00:00+01:00", "to": "2026-11-21"})["items"] == []


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_names_stay_out_of_the_logs(house: House, caplog: pytest.LogCaptureFixture) -> None:
    api = Api(house, Role.RECEPTIONIST)
    caplog.set_level("DEBUG")
    secret = "Zzyzxova"
    api.post("/patients", {**PERSON, "last_name": secret, "phone": "0151 2345 6789", "alerts": secret * 3}, 201)
    api.post("/patients", {**PERSON, "last_name": secret, "phone": secret}, 422)
    api.post("/patients", {**PERSON, "last_name": secret * 100}, 422)
    api.post("/patients", {**PERSON, "last_name": secret, "phone": "0151 2345 6789"}, 409)
    api.get("/patients", q=secret)
    assert secret not in caplog.text
    assert "23456789" not in caplog.text
