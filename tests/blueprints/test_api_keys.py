"""Idempotency keys: the same wish once, whatever happens to its answer."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import func, select

from reception.extensions import db
from reception.models import IdempotencyKey, Operation, Patient, Role, Visit
from tests.api import Api
from tests.factories import House
from tests.servers import at_once

PERSON = {"first_name": "Greta", "last_name": "Hoffmann", "date_of_birth": "1990-05-01", "gender": "FEMALE"}


def count(kind: Any) -> int:
    db.session.rollback()
    return int(db.session.scalar(select(func.count()).select_from(kind)) or 0)


def test_a_write_needs_a_key(house: House) -> None:
    """Every one, before anything else is looked at."""
    api = Api(house, Role.ADMIN)
    visit = house.visit()
    for method, path in (
        ("POST", "/patients"), ("PATCH", "/patients/1"), ("POST", "/appointments"), ("POST", "/visits"),
        ("POST", "/appointments/1/check-in"), ("POST", f"/visits/{visit.id}/call"), ("POST", "/payments/1/pay"),
        ("POST", f"/doctors/{house.doctor.id}/call-next"), ("POST", f"/visits/{visit.id}/undo"),
    ):  # fmt: skip
        for headers in ({}, {"Idempotency-Key": ""}):
            found = api.send(method, path, 400, headers=headers, json={"surprise": 1})
            assert found["code"] == "key-missing"
    for key in ("with space", "x" * 81, "semi;colon", "é", '"quoted"'):
        assert api.post(f"/visits/{visit.id}/call", None, 400, key=key)["code"] == "key-malformed"
    assert api.get(f"/visits/{visit.id}")["status"] == "WAITING"
    assert count(IdempotencyKey) == 0


def test_a_repeated_creation_creates_once(house: House) -> None:
    """201 again, and the record as it is by now."""
    api = Api(house, Role.ADMIN)
    first = api.post("/patients", PERSON, 201, key="new-1")
    assert api.post("/patients", PERSON, 201, key="new-1") == first
    api.patch(f"/patients/{first['id']}", {"first_name": "Grete"})
    assert api.post("/patients", dict(reversed(PERSON.items())), 201, key="new-1")["first_name"] == "Grete"
    assert count(Patient) == 1
    body = {"patient_id": first["id"], "service_id": house.service.id, "doctor_id": house.doctor.id}
    visit = api.post("/visits", body, 201, key="new-2")
    assert api.post("/visits", body, 201, key="new-2") == visit
    assert count(Visit) == 1


def test_a_repeated_move_moves_once(house: House) -> None:
    api = Api(house, Role.ADMIN)
    appointment = house.booked()
    checked = api.post(f"/appointments/{appointment.id}/check-in", None, key="in")
    path = f"/visits/{checked['visit_id']}"
    called = api.post(f"{path}/call", {"reason": None}, key="call")
    assert api.post(f"{path}/recall", None, key="again")["call_count"] == 2
    assert api.post(f"{path}/recall", None, key="again")["call_count"] == 2
    assert api.post(f"{path}/call", {"reason": None}, key="call")["call_count"] == 2  # as it is now
    assert api.post(f"/appointments/{appointment.id}/check-in", None, key="in")["visit"]["status"] == "CALLED"
    assert called["queue_number"] == 1


def test_a_repeated_payment_pays_once(house: House) -> None:
    api = Api(house, Role.ADMIN)
    bill = house.visit("PENDING_PAYMENT").payment.id
    body = {"parts": [{"method": "CASH", "cashbox_id": house.cash.id, "amount": "40.00"}], "received": "50.00"}
    first = api.post(f"/payments/{bill}/pay", body, key="p")
    assert api.post(f"/payments/{bill}/pay", body, key="p") == first
    second = api.post(f"/payments/{bill}/pay", body, key="p2")
    assert (second["amount_paid"], second["operation"]["receipt_no"]) == ("80.00", "2026-000002")
    replayed = api.post(f"/payments/{bill}/pay", body, key="p")
    assert (replayed["amount_paid"], replayed["operation"]) == ("80.00", first["operation"])
    assert count(Operation) == 2


def test_a_repeated_call_next_calls_once(house: House) -> None:
    api = Api(house, Role.ADMIN)
    path = f"/doctors/{house.doctor.id}/call-next"
    assert api.post(path, None, 204, key="early") is None
    first, second = house.visit(), house.visit()
    assert api.post(path, None, 204, key="early") is None
    assert api.post(path, None, key="a")["id"] == first.id
    assert api.post(path, None, key="a")["id"] == first.id
    assert api.post(path, {"visit_id": second.id}, key="b")["id"] == second.id
    assert api.post(path, {"visit_id": second.id}, key="b")["id"] == second.id
    assert api.get(f"/visits/{second.id}")["call_count"] == 1


def test_a_key_serves_one_wish(house: House) -> None:
    """Another body, another address, another method: refused, whatever the first one was."""
    api = Api(house, Role.ADMIN)
    card = api.post("/patients", PERSON, 201, key="k")
    visit = house.visit()
    for path, body in (
        ("/patients", {**PERSON, "first_name": "Grete"}),
        ("/patients", {**PERSON, "middle_name": None}),
        ("/visits", {"patient_id": card["id"], "service_id": house.service.id, "doctor_id": house.doctor.id}),
        (f"/visits/{visit.id}/call", None),
        (f"/doctors/{house.doctor.id}/call-next", None),
    ):
        assert api.post(path, body, 422, key="k")["code"] == "key-reused"
    assert api.patch(f"/patients/{card['id']}", PERSON, 422, key="k")["code"] == "key-reused"
    assert api.get(f"/visits/{visit.id}")["status"] == "WAITING"
    assert (count(Patient), count(Visit)) == (2, 1)


def test_a_refused_wish_keeps_no_key(house: House) -> None:
    """What failed may be tried again with its key, also with a mended body."""
    api = Api(house, Role.ADMIN)
    api.post("/patients", {**PERSON, "phone": "12"}, 422, key="k")
    api.post("/patients", {**PERSON, "phone": "0151 2345 6789"}, 201, key="k")
    visit = house.visit()
    api.post(f"/visits/{visit.id}/start", None, 409, key="s")
    api.post(f"/visits/{visit.id}/call")
    assert api.post(f"/visits/{visit.id}/start", None, key="s")["status"] == "IN_PROGRESS"


def test_a_key_belongs_to_who_chose_it(house: House) -> None:
    """Two callers may choose the same key; a caller's key does not reach into another clinic."""
    one, two = Api(house, Role.ADMIN), Api(house, Role.RECEPTIONIST)
    first = one.post("/patients", PERSON, 201, key="same")
    second = two.post("/patients", PERSON, 201, key="same")
    assert first["id"] != second["id"]
    other = House.open(house.app, "Lakeside")
    third = Api(other, Role.ADMIN).post("/patients", PERSON, 201, key="same")
    assert third["card_no"] == "000001"
    assert count(Patient) == 3


def test_twins_in_flight_meet_at_the_key(house: House) -> None:
    """Ten times the same wish at once: one is done, all are told of it."""
    headers = {**house.token(Role.ADMIN), "Idempotency-Key": "twin"}
    bill = house.visit("PENDING_PAYMENT").payment.id
    body = {"parts": [{"method": "CASH", "cashbox_id": house.cash.id, "amount": "10.00"}]}
    db.session.remove()

    def ask() -> tuple[int, str]:
        client = house.app.test_client()
        answer = client.post(f"/api/v1/payments/{bill}/pay", headers=headers, json=body)
        return answer.status_code, json.dumps(answer.get_json())

    answers = at_once([ask] * 10)
    assert {status for status, _ in answers} == {200}
    assert len({text for _, text in answers}) == 1
    assert count(Operation) == 1
