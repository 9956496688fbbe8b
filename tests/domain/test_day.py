"""One patient's day by the verbs alone, on both databases."""

from __future__ import annotations

import pytest

from reception.domain import finance, verify
from reception.domain.errors import NotPossible
from reception.models import AppointmentStatus, PaymentStatus, VisitStatus
from tests.factories import House


def test_from_booking_to_the_last_payment(house: House) -> None:
    appointment = house.booked()
    visit = house.check_in(appointment)
    assert (visit.status, visit.queue_number, visit.ticket) == (VisitStatus.WAITING, 1, "A-001")
    assert house.call_next() == visit
    assert (visit.status, visit.call_count, visit.room_id) == (VisitStatus.CALLED, 1, house.room.id)
    house.move(visit, "recall")
    house.move(visit, "start")
    house.move(visit, "finish")
    assert visit.status == VisitStatus.PENDING_PAYMENT
    assert appointment.status == AppointmentStatus.COMPLETED
    bill = visit.payment
    assert (bill.total_amount, bill.doctor_share, bill.center_share) == (12_000, 4_800, 7_200)
    parts = [finance.Part("CASH", house.cash.id, 5_000), finance.Part("CARD", house.card.id, 7_000)]
    operation = house.run(finance.pay, bill.id, parts, received=10_000)
    assert (operation.change_given, bill.status, visit.status) == (5_000, PaymentStatus.PAID, VisitStatus.COMPLETED)
    assert (house.cash.account.balance, house.card.account.balance) == (5_000, 7_000)
    assert list(verify.findings()) == []


def test_undo_takes_each_step_back(house: House) -> None:
    appointment = house.booked()
    visit = house.check_in(appointment)
    house.undo(visit)
    assert (visit.status, visit.ticket, appointment.status) == ("SCHEDULED", "A-001", "CONFIRMED")
    house.check_in(appointment)
    assert visit.ticket == "A-001"
    for name, before in (("call", "WAITING"), ("start", "CALLED"), ("finish", "IN_PROGRESS")):
        house.move(visit, name)
        if name != "start":
            house.undo(visit)
            assert visit.status == before
            house.move(visit, name)
    house.undo(visit)
    house.move(visit, "cancel", reason="left")
    assert visit.payment.status == PaymentStatus.CANCELLED
    house.undo(visit)
    assert (visit.status, visit.payment.status) == ("IN_PROGRESS", "PENDING")
    house.later(seconds=31)
    with pytest.raises(NotPossible):
        house.undo(visit)
    assert list(verify.findings()) == []
