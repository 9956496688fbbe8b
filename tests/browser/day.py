"""A clinic's morning in which every state, priority and exception stands on some screen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from reception import clock
from reception.domain import directory
from reception.domain.finance import claims, lines, payers
from reception.extensions import db
from reception.models import BillLine, BillPayer, Doctor, Gender, Operation, Priority, Role, Visit, VisitStatus
from tests.factories import House

HOURS = 2
"""The clock stands so long before the tests' own time when the day begins."""


@dataclass(frozen=True)
class Day:
    """Ids and tokens of what the day holds, for addresses and selectors."""

    doctor: int
    free_doctor: int
    patient: int
    due: int
    waiting: int
    called: int
    in_room: int
    to_pay: int
    done: int
    payment: int
    operation: int
    appointment: int
    shift: int
    department: int
    room: int
    service: int
    cashbox: int
    bill: int
    line: int
    payer: int
    insurer: int
    claim: int
    device: int
    user: int
    display: str
    waiting_ticket: str
    called_ticket: str


def full(house: House) -> Day:
    """Fill the house; its clock must stand HOURS before now, and goes on to now."""
    novak, free = house.doctor, house.another_doctor("Azevedo", title="Dr.", first_name="Inês")
    heart = house.run(directory.add_department, "Cardiology", "B")
    room = house.run(directory.add_room, "X-ray 2", floor="2")
    named = {"department_id": heart.id, "title": "Dr.", "room_id": room.id}
    horvath = house.another_doctor("Horvath", first_name="Eszter", **named)
    house.run(directory.add_service, "Echocardiography", 18_550, duration_min=30, department_id=heart.id)
    for doctor in (novak, horvath, free):
        house.shift(doctor, 6, 22, capacity=50)
    born = {"date_of_birth": date(1961, 4, 9), "gender": Gender.FEMALE}

    def due(name: str, hour: int, minute: int, doctor: Doctor = novak) -> Visit:
        return house.booked(house.patient(name, **born), house.at(hour, minute), doctor=doctor).visit

    late, soon = due("Lindqvist", 9, 20), due("Караваев", 10, 40)
    due("王小明", 11, 15, horvath)
    due("Haddad", 12, 0, horvath)
    checked_in = house.booked(house.patient("Silva", **born), house.at(8, 40))
    gone = house.visit(VisitStatus.NO_SHOW, patient=house.patient("Meyer"))
    house.visit(VisitStatus.CANCELLED, patient=house.patient("Brandt"))
    done = house.visit(VisitStatus.COMPLETED, patient=house.patient("Okonkwo", first_name="Adaeze", **born))
    house.later(minutes=20)
    house.check_in(checked_in)
    long = house.visit(patient=house.patient("Ferrari", phone="+49 30 901820", **born))
    house.visit(patient=house.patient("Schmidt"), department_id=heart.id)
    back = house.visit(VisitStatus.IN_PROGRESS, patient=house.patient("Nakamura"), doctor=horvath)
    house.move(back, "hold", reason="ECG", minutes=5)
    house.later(minutes=40)
    owing = house.visit(VisitStatus.PENDING_PAYMENT, patient=house.patient("García-Domínguez", first_name="María"))
    house.pay(owing, 5_000)
    billed = _billed(house, owing.payment.id)
    to_pay = house.visit(VisitStatus.PENDING_PAYMENT, patient=house.patient("Öztürk", **born))
    house.later(minutes=20)
    alerts = {"alerts": "Allergic to penicillin", "special_needs": "Wheelchair", **born}
    in_room = house.visit(VisitStatus.IN_PROGRESS, patient=house.patient("Petrova", first_name="Anna", **alerts))
    why = {"priority_reason": "pregnant"}
    house.visit(patient=house.patient("Ivanova"), priority=Priority.PRIORITY, **why)
    house.visit(patient=house.patient("Dubois"), priority=Priority.EMERGENCY, priority_reason="chest pain")
    called = house.visit(VisitStatus.CALLED, patient=house.patient("Kowalczyk", **born), doctor=horvath)
    for number in range(4):
        house.visit(patient=house.patient(f"Virtanen {number + 1}"))
    house.later(minutes=30)
    house.move(called, "recall")
    house.run(directory.set_break, horvath.id, True)
    house.run(directory.ask_help, novak.id, True)
    house.later(minutes=10)
    shown = house.display("Hall")
    user = house.person(Role.MANAGER).user_id
    assert user is not None
    db.session.flush()
    operation = db.session.query(Operation).filter_by(payment_id=done.payment.id).one()
    assert gone.status == VisitStatus.NO_SHOW
    assert late.status == soon.status == VisitStatus.SCHEDULED
    return Day(
        doctor=novak.id, free_doctor=free.id, patient=long.patient_id, due=soon.id, waiting=long.id, called=called.id,
        in_room=in_room.id, to_pay=to_pay.id, done=done.id, payment=to_pay.payment.id, operation=operation.id, appointment=soon.appointment_id, shift=soon.appointment.schedule_id, department=heart.id, room=room.id,
        service=house.service.id, cashbox=house.cash.id, device=shown.id, user=user, display=shown.token, waiting_ticket=long.public_token, called_ticket=called.public_token,
        **billed,
    )  # fmt: skip


def _billed(house: House, payment_id: int) -> dict[str, int]:
    """A bill with another service and a discount, of which an insurer is to pay a part."""
    fund = house.run(payers.add_insurer, "State health fund", coverage_percent=20)
    house.run(lines.add_line, payment_id, house.service.id)
    house.run(lines.discount, payment_id, "Comes often", percent=5)
    house.run(payers.add_payer, payment_id, fund.id)
    claim = house.run(claims.draft, fund.id, clock.today(house.clinic))
    line = (
        db.session.query(BillLine.id).filter_by(payment_id=payment_id).order_by(BillLine.id).offset(1).limit(1).scalar()
    )
    payer = db.session.query(BillPayer.id).filter_by(payment_id=payment_id).scalar()
    return {"bill": payment_id, "line": line, "payer": payer, "insurer": fund.id, "claim": claim.id}
