"""The life of a visit over the API, asked from the machine's own table: every move from every status."""

from __future__ import annotations

from typing import Any

import pytest

from reception.blueprints.api.calendar import MOVES as BOOKED_MOVES
from reception.blueprints.api.visits import MOVES
from reception.domain import machines
from reception.models import Role, Visit
from reception.models import VisitStatus as V
from tests.api import Api
from tests.factories import House

FLOOR = (Role.RECEPTIONIST, Role.ADMIN)


def in_status(house: House, status: V, booked: bool = False) -> Visit:
    """A visit in `status`, with a doctor of its own."""
    doctor = house.another_doctor()
    if status != V.SCHEDULED and not booked:
        return house.visit(status, doctor=doctor)
    visit = house.booked(doctor=doctor).visit
    for name in {V.SCHEDULED: "", V.WAITING: "check-in", V.CALLED: "check-in call", V.IN_PROGRESS: "check-in call start",
                 V.PENDING_PAYMENT: "check-in call start finish", V.COMPLETED: "check-in call start finish",
                 V.CANCELLED: "cancel", V.NO_SHOW: "no-show"}[status].split():  # fmt: skip
        house.move(visit, name)
    if status == V.COMPLETED:
        house.pay(visit)
    return visit


@pytest.mark.parametrize("status", list(V))
def test_every_move_from_every_status(house: House, status: V) -> None:
    """200 where the machine says so, else 409 with the present state and what the caller may do instead."""
    apis = {role: Api(house, role) for role in FLOOR}
    api = apis[FLOOR[list(V).index(status) % len(FLOOR)]]
    elsewhere = house.another_doctor("Elsewhere").id
    for name in MOVES:
        visit = in_status(house, status)
        step = machines.VISIT[name]
        may = status in step.before
        body = {"doctor_id": elsewhere} if name == "transfer" else None
        path = f"/visits/{visit.id}"
        if may:
            found = api.post(f"{path}/{name}", body)
            assert found["status"] == step.after, name
            assert found["version"] > 1
            continue
        for role, asker in apis.items():
            found = asker.post(f"{path}/{name}", body, 409)
            allowed = [n for n, m in machines.VISIT.items() if m.by_hand and status in m.before and role in m.roles]
            assert (found["code"], found["state"], found["allowed"]) == ("not-possible", status, allowed), name
            assert str(status) not in found["detail"]  # a person reads words, a program `state`
        assert api.get(path)["status"] == status


@pytest.mark.parametrize("status", list(V))
def test_every_move_of_an_appointment(house: House, status: V) -> None:
    """The appointment's own moves say the appointment's state and its own moves."""
    api = Api(house, Role.ADMIN)
    for name in BOOKED_MOVES:
        visit = in_status(house, status, booked=True)
        path = f"/appointments/{visit.appointment_id}"
        before = api.get(path)
        again = name == "check-in" and status in (*machines.ACTIVE, V.PENDING_PAYMENT, V.COMPLETED)
        may = status in machines.VISIT[name].before or again
        found = api.post(f"{path}/{name}", None, 200 if may else 409)
        if again:
            assert found == before
        elif may:
            assert found["visit"]["status"] == machines.VISIT[name].after
        else:
            allowed = [n for n in BOOKED_MOVES if status in machines.VISIT[n].before]
            allowed = ["reschedule", *allowed] if before["status"] == "CONFIRMED" else allowed
            assert found["state"] == before["status"], name
            assert sorted(found["allowed"]) == sorted(allowed)
            assert api.get(path) == before


def test_details_of_the_moves(house: House) -> None:
    api = Api(house, Role.ADMIN)
    other = house.another_doctor()
    held = in_status(house, V.IN_PROGRESS)
    assert api.post(f"/visits/{held.id}/hold", {"reason": "ECG", "minutes": 0})["status"] == "WAITING"
    called = in_status(house, V.CALLED)
    back = api.post(f"/visits/{called.id}/requeue", {"minutes": 30})
    assert (back["status"], back["ticket"]) == ("WAITING", called.ticket)
    moved = api.post(f"/visits/{called.id}/transfer", {"doctor_id": other.id, "version": back["version"]})
    assert (moved["doctor_id"], moved["ticket"]) == (other.id, called.ticket)
    pooled = api.post(f"/visits/{called.id}/transfer", {"department_id": house.department.id})
    assert pooled["doctor_id"] is None
    assert "doctor_id" in api.post(f"/visits/{called.id}/call", None, 422)["errors"]
    assert api.post(f"/visits/{called.id}/call", {"doctor_id": other.id})["doctor_id"] == other.id
    undone = api.post(f"/visits/{called.id}/undo")
    assert (undone["status"], undone["doctor_id"]) == ("WAITING", None)
    assert api.post(f"/visits/{called.id}/undo", None, 409)["code"] == "nothing-to-undo"


def test_rescheduling(house: House) -> None:
    api = Api(house, Role.RECEPTIONIST)
    appointment = house.booked(starts_at=house.at(11))
    other = house.another_doctor()
    house.shift(other, 8, 18, days=1)
    path = f"/appointments/{appointment.id}"
    version = api.get(path)["version"]
    start = house.at(9, 30, days=1).isoformat()
    moved = api.post(f"{path}/reschedule", {"start": start, "doctor_id": other.id, "version": version})
    assert (moved["doctor_id"], moved["status"], moved["visit"]["doctor_id"]) == (other.id, "CONFIRMED", other.id)
    assert moved["start"] == house.at(9, 30, days=1).isoformat().replace("+00:00", "Z")
    stale = api.post(f"{path}/reschedule", {"start": start, "version": version}, 409)
    assert (stale["code"], stale["state"]) == ("stale-version", "CONFIRMED")
    day = house.at(9, days=1).date().isoformat()
    assert [row["id"] for row in api.get("/appointments", date=day)["items"]] == [appointment.id]
    assert api.get("/appointments")["items"] == []
    wrong_day = api.post(f"{path}/check-in", None, 409)
    assert (wrong_day["code"], wrong_day["state"]) == ("wrong-day", "CONFIRMED")


def test_a_second_check_in_answers_the_same(house: House) -> None:
    """Whatever its key or version: the caller learns the number that was given."""
    api, again = Api(house, Role.RECEPTIONIST), Api(house, Role.ADMIN)
    path = f"/appointments/{house.booked().id}/check-in"
    first = api.post(path, {"version": 1})
    assert again.post(path) == first
    assert api.post(path, {"version": 1}) == first
    stale = house.booked()
    refused: dict[str, Any] = api.post(f"/appointments/{stale.id}/check-in", {"version": 7}, 409)
    assert (refused["code"], refused["state"]) == ("stale-version", "CONFIRMED")


def test_call_next(house: House) -> None:
    """The next by the rule; 409 where the caller expects somebody else; 204 when nobody waits."""
    api = Api(house, Role.ADMIN)
    path = f"/doctors/{house.doctor.id}/call-next"
    assert api.post(path, None, 204) is None
    first, second = house.visit(), house.visit()
    refused = api.post(path, {"visit_id": second.id}, 409)
    assert refused["code"] == "somebody-else"
    assert api.post(path, {"visit_id": first.id})["id"] == first.id
    urgent = house.visit(priority="EMERGENCY", priority_reason="bleeding")
    assert api.post(path, {})["id"] == urgent.id
    assert api.post(path)["id"] == second.id
    assert api.post(path, None, 204) is None
    assert api.post(path, {"visit_id": second.id}, 409)["code"] == "somebody-else"
