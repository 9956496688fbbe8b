"""The API described by itself: the document is sound, and nothing is missing from it."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from reception.access import PERMISSIONS, permission_of
from reception.blueprints.api.openapi import path_of, routes
from tests.api import ROOT
from tests.factories import House

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
CONTRACT = """
GET /patients · POST /patients · GET /patients/{id} · PATCH /patients/{id} · GET /doctors · GET /services
GET /services/{id} · GET /rooms · GET /rooms/status_now · GET /schedules · GET /slots · POST /appointments
GET /appointments · GET /appointments/{id} · POST /appointments/{id}/reschedule · POST /appointments/{id}/check-in
POST /appointments/{id}/cancel · POST /appointments/{id}/no-show · POST /visits · GET /visits · GET /visits/{id}
POST /visits/{id}/call · POST /visits/{id}/recall · POST /visits/{id}/start · POST /visits/{id}/hold
POST /visits/{id}/requeue · POST /visits/{id}/transfer · POST /visits/{id}/finish · POST /visits/{id}/cancel
POST /visits/{id}/no-show · POST /visits/{id}/undo · POST /doctors/{id}/call-next · GET /payments/{id}
POST /payments/{id}/pay · POST /payments/pay-together · POST /payments/{id}/refund · GET /refund-requests
POST /refund-requests/{id}/approve · POST /refund-requests/{id}/refuse · GET /patients/{id}/purse
POST /patients/{id}/deposit · POST /patients/{id}/deposit/give-back · POST /patients/{id}/bonus/add
POST /patients/{id}/bonus/withdraw · GET /patients/{id}/bonus/history · GET /cashboxes · GET /cashbox-shifts
POST /cashboxes/{id}/shift · POST /cashbox-shifts/{id}/close · GET /cash-transfers · POST /cash-transfers
POST /cash-transfers/{id}/accept · POST /cash-transfers/{id}/refuse · POST /cash-transfers/{id}/withdraw
GET /money-categories · POST /cashboxes/{id}/income · POST /cashboxes/{id}/expense · GET /ledger · GET /departments · GET /clinic
GET /payments/{id}/lines · POST /payments/{id}/lines · POST /payments/{id}/lines/{id}/quantity
POST /payments/{id}/lines/{id}/remove · POST /payments/{id}/discounts · POST /payments/{id}/payers
POST /payments/{id}/payers/{id}/remove · POST /payments/{id}/invoice · POST /payments/{id}/void · GET /insurers
GET /claims · POST /claims · POST /claims/{id}/send · POST /claims/{id}/accept · POST /claims/{id}/refuse
POST /claims/{id}/pay
"""


def document(house: House) -> dict[str, Any]:
    """As anybody reads it, without a token."""
    answer = house.app.test_client().get(f"{ROOT}/openapi.json")
    assert answer.status_code == 200
    return dict(answer.get_json())


@ON_SQLITE
def test_it_is_openapi(house: House) -> None:
    found = document(house)
    assert found["openapi"].startswith("3.1")
    assert [str(error) for error in OpenAPIV31SpecValidator(found).iter_errors()] == []  # type: ignore[arg-type]


@ON_SQLITE
def test_it_lists_every_route_and_the_whole_contract(house: House) -> None:
    paths = document(house)["paths"]
    listed = {(path, method.upper()) for path, methods in paths.items() for method in methods}
    there = {
        (path_of(rule), method)
        for rule in routes(house.app)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert listed == there
    promised = {
        tuple(line.strip().split(" ")[::-1]) for line in CONTRACT.replace("\n", " · ").split(" · ") if line.strip()
    }
    assert promised == listed


@ON_SQLITE
def test_each_call_says_what_it_takes_gives_and_refuses(house: House) -> None:
    found = document(house)
    assert found["security"] == [{"token": []}]
    assert found["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    names: list[str] = []
    for rule in routes(house.app):
        methods = found["paths"][path_of(rule)]
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            call = methods[method.lower()]
            names.append(call["operationId"])
            answers = call["responses"]
            assert {"401", "403"} <= set(answers)
            assert any(status in answers for status in ("200", "201")), rule.rule
            assert call["summary"], rule.rule
            permission = permission_of(house.app, rule.endpoint)
            assert permission is not None
            assert all(role in call["description"] for role in PERMISSIONS[permission])
            if method != "GET":
                assert {"400", "404", "409", "415", "422"} <= set(answers)
                assert any(p["name"] == "Idempotency-Key" and p["required"] for p in call["parameters"])
                assert "application/json" in call["requestBody"]["content"]
    assert len(names) == len(set(names))


@ON_SQLITE
def test_the_shapes_stand_in_the_contracts_order(house: House) -> None:
    schemas = document(house)["components"]["schemas"]
    shapes = {
        "Slot": "schedule_id doctor_id room_id start end capacity free",
        "Doctor": "id full_name username department_id is_active",
        "Service": "id name duration_min price",
        "Payment": "id visit_id total_amount insurance_amount self_pay_amount amount_paid due_amount status version",
        "Cashbox": "id name kind balance",
        "Appointment": "id booking_id status start end patient_id doctor_id room_id service_id visit_id payment_id version",
        "Visit": "id ticket queue_number status priority patient_id doctor_id department_id room_id service_id "
        "check_in_time called_at call_count start_time end_time appointment_id payment_id version",
    }
    for name, fields in shapes.items():
        wanted = fields.split()
        assert list(schemas[name]["properties"])[: len(wanted)] == wanted, name
        assert schemas[name]["additionalProperties"] is False
    required = {
        "NewPatient": {"first_name", "last_name", "date_of_birth", "gender"},
        "NewAppointment": {"patient_id", "doctor_id", "service_id", "start"},
        "WalkIn": {"patient_id", "service_id"},
        "Pay": {"parts"},
        "PaidPart": {"method", "amount"},
    }
    for name, needed in required.items():
        assert set(schemas[name]["required"]) == needed, name
