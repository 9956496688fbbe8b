"""Another service or doctor after check-in: same ticket, the bill follows, all of it can be taken back."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from reception.domain import directory, verify
from reception.domain.errors import Invalid, NotAllowed, NotFound, NotPossible, Stale
from reception.domain.visits import changes
from reception.extensions import db
from reception.models import AuditEntry, BillLine, LedgerEntry, Role, Service, Visit, VisitStatus
from tests.factories import House

V = VisitStatus
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
_names = itertools.count(1)


def service(house: House, price: int = 20_000) -> Service:
    return house.run(directory.add_service, f"Service {next(_names)}", price)


def change(house: House, visit: Visit, **more: Any) -> Visit:
    return house.run(changes.change, visit.id, **more)


def picture(visit_id: int) -> dict[str, Any]:
    """The visit and its bill as they stand."""
    visit = db.session.get_one(Visit, visit_id)
    bill = visit.payment
    line = db.session.query(BillLine).filter_by(payment_id=bill.id).one()
    names = ("status", "ticket", "service_id", "doctor_id", "department_id", "room_id", "waiting_since", "called_at")
    money = ("status", "total_amount", "self_pay_amount", "doctor_share", "center_share")
    return (
        {name: getattr(visit, name) for name in names}
        | {f"bill.{name}": getattr(bill, name) for name in money}
        | {f"line.{name}": getattr(line, name) for name in ("service_id", "doctor_id", "unit_price", "amount")}
    )


def owed(visit: Visit) -> int:
    rows = db.session.query(LedgerEntry).filter_by(payment_id=visit.payment.id, kind="CHARGE").all()
    return sum(-row.amount if row.reverses_id else row.amount for row in rows)


@pytest.mark.parametrize("status", [V.WAITING, V.IN_PROGRESS, V.PENDING_PAYMENT])
def test_another_service_and_the_bill_follows(house: House, status: VisitStatus) -> None:
    visit = house.visit(status)
    before, other = picture(visit.id), service(house)
    house.later(minutes=3)
    changed = change(house, visit, service_id=other.id)
    assert (changed.status, changed.ticket, changed.service_id) == (status, before["ticket"], other.id)
    assert changed.payment.self_pay_amount == owed(changed) == 20_000
    assert (changed.payment.doctor_share, changed.payment.center_share) == (8_000, 12_000)
    charged = db.session.query(LedgerEntry).filter_by(payment_id=changed.payment.id).order_by(LedgerEntry.id).all()
    assert [row.service_id for row in charged] == [house.service.id, house.service.id, other.id]
    assert list(verify.findings()) == []
    house.undo(changed)
    assert picture(visit.id) == before
    assert owed(changed) == 12_000
    assert list(verify.findings()) == []


@ON_SQLITE
def test_the_price_is_that_of_the_visits_day(house: House) -> None:
    from datetime import timedelta

    from reception import clock

    other = service(house)
    house.run(directory.set_price, other.id, 33_000, clock.today(house.clinic) + timedelta(days=1))
    assert change(house, house.visit(), service_id=other.id).payment.total_amount == 20_000


def test_another_doctor_waits_on_from_where_he_stood(house: House) -> None:
    """The share is the new doctor's; who was called to the other one waits again; the place in time stays."""
    doctor = house.another_doctor(share_percent=50)
    visit = house.visit(V.CALLED)
    before = picture(visit.id)
    house.later(minutes=5)
    changed = change(house, visit, doctor_id=doctor.id)
    assert (changed.status, changed.doctor_id, changed.room_id) == (V.WAITING, doctor.id, None)
    assert (changed.waiting_since, changed.ticket) == (before["waiting_since"], before["ticket"])
    assert (changed.payment.doctor_share, changed.payment.lines[0].doctor_id) == (6_000, doctor.id)
    house.undo(changed)
    assert picture(visit.id) == before


@ON_SQLITE
def test_to_any_doctor_of_a_department(house: House) -> None:
    other = house.run(directory.add_department, "Dermatology", "D")
    house.another_doctor(department_id=other.id)
    changed = change(house, house.visit(), department_id=other.id)
    assert (changed.doctor_id, changed.department_id) == (None, other.id)
    assert changed.ticket is not None
    assert changed.ticket.startswith("A-")
    assert changed.payment.doctor_share == 4_800


def test_who_is_with_the_doctor_is_not_given_to_another(house: House) -> None:
    doctor = house.another_doctor()
    for status in (V.PENDING_PAYMENT, V.IN_PROGRESS):
        visit = house.visit(status)
        with pytest.raises(NotPossible, match="has this patient already") as refused:
            change(house, visit, doctor_id=doctor.id)
        assert refused.value.code == "seen"


def test_after_money_was_taken_nothing_is_changed(house: House) -> None:
    visit, other = house.visit(V.PENDING_PAYMENT), service(house)
    house.pay(visit, 5_000)
    before = picture(visit.id)
    with pytest.raises(NotPossible, match="Refund it first") as refused:
        change(house, visit, service_id=other.id)
    assert refused.value.code == "paid"
    assert picture(visit.id) == before


@ON_SQLITE
def test_a_closed_visit_stays_as_it_was(house: House) -> None:
    for status in (V.COMPLETED, V.CANCELLED, V.NO_SHOW):
        with pytest.raises(NotPossible):
            change(house, house.visit(status), service_id=service(house).id)


@ON_SQLITE
def test_before_check_in_it_is_the_bookings_matter(house: House) -> None:
    visit = house.booked().visit
    with pytest.raises(NotPossible, match="SCHEDULED"):
        change(house, visit, service_id=service(house).id)


@ON_SQLITE
def test_bad_wishes(house: House) -> None:
    visit, other = house.visit(), House.open(house.app, "Hillside")
    with pytest.raises(Invalid, match="Nothing is changed"):
        change(house, visit, service_id=house.service.id, doctor_id=house.doctor.id)
    with pytest.raises(Invalid):
        change(house, visit)
    for wish in ({"service_id": 10**6}, {"service_id": other.service.id}, {"doctor_id": other.doctor.id}):
        with pytest.raises(NotFound):
            change(house, visit, **wish)
    with pytest.raises(NotFound):
        change(house, other.visit(), service_id=house.service.id)
    closed = service(house, 1_000)
    house.run(directory.change_service, closed.id, is_active=False)
    with pytest.raises(NotPossible, match="not offered"):
        change(house, visit, service_id=closed.id)
    with pytest.raises(Stale):
        change(house, visit, service_id=service(house, 2_000).id, version=visit.version + 1)
    for role in (Role.DOCTOR, Role.NURSE, Role.CASHIER, Role.MANAGER):
        with pytest.raises(NotAllowed):
            change(house, visit, service_id=service(house).id, actor=house.person(role))
    free = service(house, 0)
    with pytest.raises(NotPossible, match="costs nothing"):
        change(house, house.visit(V.PENDING_PAYMENT), service_id=free.id)
    assert list(verify.findings()) == []


@ON_SQLITE
def test_it_is_written_down(house: House) -> None:
    other = service(house)
    change(house, house.visit(), service_id=other.id, actor=house.person(Role.RECEPTIONIST))
    entry = db.session.query(AuditEntry).filter_by(action="visit.change").one()
    assert entry.fields["service_id"] == [house.service.id, other.id]


def test_who_left_without_being_seen(house: House) -> None:
    for status in (V.WAITING, V.CALLED):
        left = house.move(house.visit(status), "cancel", left=True)
        assert (left.status, left.left_unseen) == (V.CANCELLED, True)
        assert left.payment.status == "CANCELLED"
        back = house.undo(left)
        assert (back.status, back.left_unseen) == (status, False)
        house.move(back, "cancel", left=True)
    with pytest.raises(NotPossible, match="Only who waits"):
        house.move(house.visit(V.IN_PROGRESS), "cancel", left=True)
    assert house.move(house.visit(), "cancel").left_unseen is False
