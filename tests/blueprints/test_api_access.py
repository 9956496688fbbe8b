"""Who may call what: tokens, roles, and the walls between clinics."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import update

from reception import clock
from reception.access import PERMISSIONS, permission_of
from reception.blueprints.api.openapi import routes
from reception.extensions import db
from reception.models import ApiToken, Role, User
from tests.api import ROOT, Api
from tests.factories import House

R = Role
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
DESK, FLOOR = {R.RECEPTIONIST, R.ADMIN}, {R.RECEPTIONIST, R.DOCTOR, R.NURSE, R.ADMIN}
OFFICE = {R.RECEPTIONIST, R.CASHIER, R.MANAGER, R.ADMIN}
WHO: dict[str, set[Role]] = {
    "GET /patients": set(Role),
    "POST /patients": {R.RECEPTIONIST, R.NURSE, R.MANAGER, R.ADMIN},
    "PATCH /patients/1": {R.RECEPTIONIST, R.NURSE, R.MANAGER, R.ADMIN},
    "GET /doctors": set(Role),
    "GET /services": set(Role),
    "GET /rooms": set(Role),
    "GET /rooms/status_now": set(Role),
    "GET /schedules": FLOOR | {R.MANAGER},
    "GET /slots": FLOOR | {R.MANAGER},
    "GET /appointments": FLOOR | {R.MANAGER},
    "POST /appointments": {R.RECEPTIONIST, R.DOCTOR, R.MANAGER, R.ADMIN},
    "POST /appointments/1/reschedule": {R.RECEPTIONIST, R.DOCTOR, R.MANAGER, R.ADMIN},
    "POST /appointments/1/check-in": DESK,
    "POST /appointments/1/no-show": FLOOR,
    "POST /visits": DESK,
    "GET /visits": set(Role),
    "POST /visits/1/call": FLOOR,
    "POST /visits/1/finish": FLOOR,
    "POST /visits/1/undo": FLOOR,
    "POST /doctors/9/call-next": FLOOR,
    "GET /payments/1": OFFICE,
    "POST /payments/1/pay": {R.RECEPTIONIST, R.CASHIER, R.ADMIN},
    "POST /payments/pay-together": {R.RECEPTIONIST, R.CASHIER, R.ADMIN},
    "POST /payments/1/refund": {R.CASHIER, R.ADMIN},
    "GET /refund-requests": {R.CASHIER, R.MANAGER, R.ADMIN},
    "POST /refund-requests/1/approve": {R.MANAGER, R.ADMIN},
    "POST /refund-requests/1/refuse": {R.MANAGER, R.ADMIN},
    "GET /patients/1/purse": OFFICE,
    "POST /patients/1/deposit": {R.RECEPTIONIST, R.CASHIER, R.ADMIN},
    "POST /patients/1/deposit/give-back": {R.CASHIER, R.ADMIN},
    "POST /patients/1/bonus/add": {R.CASHIER, R.ADMIN},
    "POST /patients/1/bonus/withdraw": {R.CASHIER, R.ADMIN},
    "GET /cashboxes": OFFICE,
    "GET /ledger": {R.CASHIER, R.MANAGER, R.ADMIN},
}
"""Written out once by hand, so that a slip in the table of permissions does not confirm itself."""


@ON_SQLITE
def test_roles_and_calls(house: House) -> None:
    """A role that may not is told so (403) before anything is looked at; one that may gets past that."""
    for role in Role:
        api = Api(house, role)
        for call, may in WHO.items():
            method, path = call.split(" ")
            answer = api.raw(method, path, house.key())
            assert (answer.status_code == 403) == (role not in may), f"{role} {call}: {answer.status_code}"
            assert answer.status_code < 500
            if role not in may:
                assert answer.get_json()["code"] == "not-allowed"
    for rule in routes(house.app):
        assert PERMISSIONS[permission_of(house.app, rule.endpoint)], rule.rule  # type: ignore[index]


@ON_SQLITE
def test_nobody_comes_in_without_a_token(house: House) -> None:
    bad = ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"})
    for rule in routes(house.app):
        path = re.sub(r"<[^>]+>", "1", rule.rule).removeprefix(ROOT)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            for headers in bad:
                answer = Api(house).raw(method, path, {**house.key(), **headers})
                assert answer.status_code == 401, path
                assert answer.headers["WWW-Authenticate"] == "Bearer"
                assert answer.get_json()["code"] == "not-signed-in"


@ON_SQLITE
def test_the_cookie_of_a_page_opens_nothing_here(house: House) -> None:
    """A signed-in browser is nobody to the API, so no other site can make it call; CSRF does not apply."""
    browser = house.client(Role.ADMIN)
    assert browser.get("/").status_code == 200
    assert browser.get(f"{ROOT}/patients").status_code == 401
    assert browser.post(f"{ROOT}/patients", json={}, headers=house.key()).status_code == 401
    house.app.config["WTF_CSRF_ENABLED"] = True
    assert Api(house, Role.ADMIN).get("/patients") == {"items": [], "next": None}
    visit = house.visit()
    assert Api(house, Role.ADMIN).post(f"/visits/{visit.id}/call")["status"] == "CALLED"


def test_a_token_ends(house: House) -> None:
    """Revoked, or its user gone: from the next call on."""

    def change(*, actor: Any, at: Any, statement: Any) -> None:
        db.session.execute(statement)

    first, second = Api(house, Role.ADMIN), Api(house, Role.NURSE)
    first.get("/doctors")
    house.run(change, statement=update(ApiToken).where(ApiToken.id == 1).values(revoked_at=clock.now()))
    first.get("/doctors", 401)
    second.get("/doctors")
    house.run(change, statement=update(User).where(User.username == "nurse").values(is_active=False))
    second.get("/doctors", 401)


def test_a_doctor_has_the_own_line_only(house: House) -> None:
    from reception.domain import directory

    api = Api(house, Role.DOCTOR)
    house.run(directory.change_doctor, house.doctor.id, user_id=house.person(Role.DOCTOR).user_id)
    other = house.another_doctor()
    own, foreign = house.visit(), house.visit(doctor=other)
    assert api.post(f"/doctors/{house.doctor.id}/call-next")["id"] == own.id
    assert api.post(f"/doctors/{other.id}/call-next", None, 403)["code"] == "not-allowed"
    assert api.post(f"/visits/{foreign.id}/call", None, 403)["code"] == "not-allowed"
    assert api.get(f"/visits/{foreign.id}")["status"] == "WAITING"


def test_the_money_is_for_those_who_may_see_it(house: House) -> None:
    """The desk needs the cashboxes to pay into, but not what is in them; a doctor never sees them."""
    assert {box["balance"] for box in Api(house, Role.RECEPTIONIST).get("/cashboxes")["items"]} == {None}
    assert {box["balance"] for box in Api(house, Role.CASHIER).get("/cashboxes")["items"]} == {"0.00"}
    Api(house, Role.DOCTOR).get("/cashboxes", 403)


def test_walls(house: House) -> None:
    """Another clinic's record looks like none at all: in the address, in the body, in a list."""
    other = House.open(house.app, "Lakeside")
    theirs, appointment = other.visit("PENDING_PAYMENT"), other.booked()
    ours = house.patient()
    api = Api(house, Role.ADMIN)
    missing = api.get("/patients/999999", 404)

    for path in (f"/patients/{theirs.patient_id}", f"/visits/{theirs.id}", f"/appointments/{appointment.id}",
                 f"/payments/{theirs.payment.id}", f"/services/{other.service.id}"):  # fmt: skip
        assert api.get(path, 404) == missing, path

    pay = {"parts": [{"method": "CASH", "cashbox_id": house.cash.id, "amount": "1.00"}]}
    walk_in = {"patient_id": ours.id, "service_id": house.service.id, "doctor_id": house.doctor.id}
    house.shift(first=8, last=18)
    booking = {**walk_in, "start": house.at(11).isoformat()}
    mine = house.visit()
    calls: list[tuple[str, str, Any]] = [
        ("PATCH", f"/patients/{theirs.patient_id}", {"first_name": "x"}),
        ("POST", f"/visits/{theirs.id}/cancel", None),
        ("POST", f"/visits/{theirs.id}/undo", None),
        ("POST", f"/appointments/{appointment.id}/check-in", None),
        ("POST", f"/appointments/{appointment.id}/cancel", None),
        ("POST", f"/appointments/{appointment.id}/reschedule", {"start": house.at(12).isoformat()}),
        ("POST", f"/doctors/{other.doctor.id}/call-next", None),
        ("POST", f"/payments/{theirs.payment.id}/pay", pay),
        ("POST", f"/payments/{mine.payment.id}/pay",
         {"parts": [{"method": "CASH", "cashbox_id": other.cash.id, "amount": "1.00"}]}),
        ("POST", f"/visits/{mine.id}/transfer", {"doctor_id": other.doctor.id}),
        ("POST", f"/visits/{mine.id}/transfer", {"department_id": other.department.id}),
        *[("POST", "/visits", {**walk_in, **change}) for change in (
            {"patient_id": theirs.patient_id}, {"service_id": other.service.id}, {"doctor_id": other.doctor.id},
            {"doctor_id": None, "department_id": other.department.id},
        )],
        *[("POST", "/appointments", {**booking, **change}) for change in (
            {"patient_id": theirs.patient_id}, {"service_id": other.service.id}, {"doctor_id": other.doctor.id},
            {"room_id": other.room.id},
        )],
    ]  # fmt: skip
    for method, path, body in calls:
        assert api.write(method, path, body, 404) == missing, (method, path, body)

    assert [row["id"] for row in api.get("/patients")["items"]] == [ours.id, mine.patient_id]
    assert [row["id"] for row in api.get("/visits")["items"]] == [mine.id]
    for path in ("/appointments", "/slots"):
        assert api.get(path, doctor=other.doctor.id)["items"] == []
    for path, kind in (("/doctors", other.doctor), ("/services", other.service), ("/rooms", other.room),
                       ("/departments", other.department), ("/cashboxes", other.cash)):  # fmt: skip
        assert kind.id not in [row["id"] for row in api.get(path)["items"]]
    assert {row["payment_id"] for row in api.get("/ledger")["items"]} == {mine.payment.id}
    assert Api(other, Role.ADMIN).get(f"/visits/{theirs.id}")["status"] == "PENDING_PAYMENT"
    assert (api.get("/clinic")["name"], Api(other, Role.ADMIN).get("/clinic")["name"]) == ("Riverside", "Lakeside")
