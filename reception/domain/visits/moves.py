"""The steps of a visit. `move` takes one of `machines.VISIT`: it locks, checks role, version and state, lets the step's
own function set what goes with it, takes appointment and bill along, and records the act. All or nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, bindparam, delete, insert, select

from reception.clock import service_day
from reception.domain import finance, machines, numbers
from reception.domain.actors import Actor
from reception.domain.audit import Freed, record, work
from reception.domain.calendar.places import freed
from reception.domain.errors import NotAllowed, NotFound, NotPossible, Stale, invalid_field
from reception.domain.locks import load, locked
from reception.domain.texts import checked
from reception.extensions import core, db
from reception.models import (
    Appointment,
    AppointmentPlace,
    AppointmentStatus,
    Department,
    Doctor,
    MedicalRecord,
    Payment,
    PaymentStatus,
    RecordState,
    Role,
    RoomUse,
    Visit,
    VisitEvent,
    VisitStatus,
)
from reception.words import N_

SNAPSHOT = (
    "doctor_id", "department_id", "room_id", "service_day", "due_at", "check_in_time", "waiting_since", "not_before",
    "parked_at", "called_at", "start_time", "end_time", "closed_at",
)  # fmt: skip
"""What an event remembers of the visit before the step, so that undo is exact. Ids and instants only."""
MONEY_MOVES = frozenset({"finish", "cancel", "no-show"})


@dataclass(frozen=True, slots=True)
class Details:
    """What a move may bring along; each step reads what it needs."""

    reason: str = ""
    doctor_id: int | None = None
    department_id: int | None = None
    minutes: int | None = None
    """`requeue`, `hold`: not before so many minutes from now."""
    left: bool = False
    """`cancel`: the patient left without being seen."""


@dataclass(slots=True)
class Step:
    """One move in the making: the locked rows and who does it."""

    visit: Visit
    appointment: Appointment | None
    bill: Payment | None
    details: Details
    actor: Actor
    at: datetime
    after: VisitStatus


def check_in(appointment_id: int, *, actor: Actor, at: datetime, version: int | None = None, **checklist: Any) -> Visit:
    """Check in the booked patient: visit `WAITING`, the next number, an empty record. A second time changes nothing."""
    return move_booked(appointment_id, "check-in", actor=actor, at=at, version=version, **checklist)


def move_booked(
    appointment_id: int, name: str, *, actor: Actor, at: datetime, version: int | None = None, **details: Any
) -> Visit:
    """The same as `move`, asked by the appointment; `version` is the appointment's."""
    _check_name(name, actor)
    appointment = locked(Appointment, appointment_id, actor.clinic_id)
    visit = db.session.scalar(_VISIT_OF, {"clinic_id": actor.clinic_id, "id": appointment_id})
    if visit is None:
        raise NotFound
    bill = bill_of(visit) if name in MONEY_MOVES else None
    step = Step(visit, appointment, bill, Details(**details), actor, at, machines.VISIT[name].after)
    return _moved(step, name, is_stale=version not in (None, appointment.version))


def move(visit_id: int, name: str, *, actor: Actor, at: datetime, version: int | None = None, **details: Any) -> Visit:
    """Take one step and record it. `at`: aware UTC; `version`: the visit's as the screen showed it.

    Raises NotFound, NotAllowed (role, another doctor's line), Stale (version), NotPossible (state) or Invalid.
    """
    _check_name(name, actor)
    step = _locked_step(visit_id, name, Details(**details), actor, at)
    return _moved(step, name, is_stale=version not in (None, step.visit.version))


def _check_name(name: str, actor: Actor) -> None:
    if name not in machines.VISIT or not machines.VISIT[name].by_hand:
        raise NotFound(N_("There is no such step."))
    if not actor.roles & machines.VISIT[name].roles:
        raise NotAllowed(N_("Your role cannot do this."))


def _moved(step: Step, name: str, *, is_stale: bool) -> Visit:
    if not _done_already(step.visit, name):
        _check(step.visit, name, is_stale, step.actor)
        take(step, name)
    return step.visit


def settle(visit: Visit, *, actor: Actor, at: datetime) -> None:
    """The bill is paid: the visit that waited for it is done. Called by the payment, under its locks."""
    take(Step(visit, None, None, Details(), actor, at, VisitStatus.COMPLETED), "settle")


def take(step: Step, name: str) -> VisitEvent:
    """Apply the step `name` to locked rows and record it."""
    visit, was = step.visit, snapshot(step)
    before = visit.status
    STEPS.get(name, _nothing)(step)
    visit.status = step.after
    if step.after in (VisitStatus.COMPLETED, VisitStatus.CANCELLED, VisitStatus.NO_SHOW):
        visit.closed_at = step.at
    _appointment_follows(step, name)
    event = note(visit, name, before, was, actor=step.actor, at=step.at)
    if name in ("cancel", "no-show") and step.bill is not None:
        finance.cancel_bill(step.bill, event, actor=step.actor, at=step.at)
    record(step.actor, f"visit.{name}", visit, at=step.at, also=(step.appointment, step.bill))
    db.session.flush()
    return event


def note(
    visit: Visit, name: str, before: VisitStatus | None, was: dict[str, Any], *, actor: Actor, at: datetime,
    undoes: int | None = None,
) -> VisitEvent:  # fmt: skip
    """Add the move to the visit's history; its id names what is posted with it."""
    row = {
        "clinic_id": visit.clinic_id,
        "visit_id": visit.id,
        "at": at,
        "move": name,
        "from_status": before,
        "to_status": visit.status,
        "actor_kind": actor.kind,
        "actor_id": actor.user_id,
        "roles": " ".join(sorted(actor.roles)),
        "undoes_id": undoes,
        "was": was,
    }
    return VisitEvent(**row, id=core(_EVENT, row).scalar_one())


def snapshot(step: Step) -> dict[str, Any]:
    """The fields of SNAPSHOT that hold something, with the bill's state where the step touches it."""
    found = {name: getattr(step.visit, name) for name in SNAPSHOT}
    was = {n: v.isoformat() if hasattr(v, "isoformat") else v for n, v in found.items() if v is not None}
    if step.bill is not None:
        was["bill"] = step.bill.status
    return was


def _locked_step(visit_id: int, name: str, details: Details, actor: Actor, at: datetime) -> Step:
    appointment = None
    if name in machines.APPOINTMENT:
        appointment = db.session.scalar(_APPOINTMENT_OF, {"clinic_id": actor.clinic_id, "id": visit_id})
    visit = locked(Visit, visit_id, actor.clinic_id)
    bill = bill_of(visit) if name in MONEY_MOVES else None
    return Step(visit, appointment, bill, details, actor, at, machines.VISIT[name].after)


def appointment_of(visit_id: int, actor: Actor) -> int | None:
    """The visit's appointment, to be locked before the visit. Raises NotFound."""
    here = select(Visit.appointment_id).where(Visit.id == visit_id, Visit.clinic_id == actor.clinic_id)
    if (row := db.session.execute(here).one_or_none()) is None:
        raise NotFound
    return row.appointment_id  # type: ignore[no-any-return]


def bill_of(visit: Visit) -> Payment | None:
    """The visit's bill, locked."""
    return db.session.scalar(_BILL_OF, {"clinic_id": visit.clinic_id, "id": visit.id})


# Made once: building a statement costs more than running it.
_here: Any = bindparam("clinic_id")
_this: Any = bindparam("id")
_VISIT_OF = (
    select(Visit)
    .where(Visit.clinic_id == _here, Visit.appointment_id == _this)
    .with_for_update(key_share=True)
    .execution_options(populate_existing=True)
)
_APPOINTMENT_OF = (
    select(Appointment)
    .join(Visit, Visit.appointment_id == Appointment.id)
    .where(Visit.clinic_id == _here, Visit.id == _this)
    .with_for_update(key_share=True, of=Appointment)
    .execution_options(populate_existing=True)
)
_BILL_OF = (
    select(Payment)
    .where(Payment.clinic_id == _here, Payment.visit_id == _this)
    .with_for_update(key_share=True)
    .execution_options(populate_existing=True)
)
_TICKET_OF = select(Visit.ticket).where(
    Visit.clinic_id == _here, Visit.patient_id == _this, Visit.status.in_(machines.ACTIVE)
)
_EVENT = insert(cast(Table, VisitEvent.__table__)).returning(VisitEvent.__table__.c.id)
_RECORD = insert(cast(Table, MedicalRecord.__table__))
_LETTER = select(Department.code).where(Department.id == _this)


def _done_already(visit: Visit, name: str) -> bool:
    return name == "check-in" and visit.status in (
        *machines.ACTIVE, VisitStatus.PENDING_PAYMENT, VisitStatus.COMPLETED,
    )  # fmt: skip


def _check(visit: Visit, name: str, is_stale: bool, actor: Actor) -> None:
    allowed = machines.moves_for(visit, actor)
    if not is_own_line(visit, actor):
        raise NotAllowed(N_("This is another doctor's patient."))
    if visit.status not in machines.VISIT[name].before:
        raise NotPossible(
            N_("This visit is “%(state)s” now, so that is not possible."), state=visit.status, allowed=allowed
        )
    if is_stale:
        raise Stale(N_("Somebody was faster. This is how it stands now."), state=visit.status, allowed=allowed)


def is_own_line(visit: Visit, actor: Actor) -> bool:
    """Whether `actor` may act on the visit as far as its line goes: who is only a doctor has the own line only."""
    if not actor.roles <= {Role.DOCTOR}:
        return True
    if visit.doctor_id is None:
        return visit.department_id == actor.department_id
    return visit.doctor_id == actor.doctor_id


# --------------------------------------------------------------------------------------------------- the steps


def _nothing(_step: Step) -> None:
    """The status alone says it."""


def _check_in(step: Step) -> None:
    visit, clinic = step.visit, step.actor.clinic
    if visit.service_day != service_day(step.at, clinic):
        raise NotPossible(
            N_("This appointment is for %(day)s. Check-in is possible on that day only."),
            day=visit.service_day.isoformat(), code="wrong-day", state=visit.status, allowed=[],
        )  # fmt: skip
    check_not_in_queue(visit.patient_id, step.actor)
    is_first = visit.queue_number is None  # an undone check-in keeps its number and its record
    give_number(visit, step.actor)
    visit.check_in_time = visit.waiting_since = step.at
    if is_first:
        open_record(visit, step.actor, step.at)


def open_record(visit: Visit, actor: Actor, at: datetime) -> None:
    """The empty medical record that the visit's check-in brings with it."""
    made = {"created_at": at, "updated_at": at, "created_by_id": actor.user_id, "updated_by_id": actor.user_id}
    whose = {"clinic_id": visit.clinic_id, "visit_id": visit.id, "patient_id": visit.patient_id}
    core(_RECORD, {**whose, **made, "doctor_id": visit.doctor_id, "state": RecordState.REGISTRATION})


def check_not_in_queue(patient_id: int, actor: Actor) -> None:
    """A friendly word before the database says it: one active visit per patient."""
    ticket = core(_TICKET_OF, {"clinic_id": actor.clinic_id, "id": patient_id}).scalar()
    if ticket is not None:
        raise NotPossible(
            N_("This patient is in the queue already, with ticket %(ticket)s."), ticket=ticket, code="already-in-queue",
            allowed=[],
        )  # fmt: skip


def give_number(visit: Visit, actor: Actor) -> None:
    """The next number of the day; a number given before (an undone check-in) stays."""
    if visit.queue_number is None:
        letter = core(_LETTER, {"id": visit.department_id}).scalar_one()
        visit.queue_number = numbers.queue_number(actor.clinic, visit.service_day)
        visit.ticket = numbers.ticket(actor.clinic, letter, visit.queue_number)


def _call(step: Step) -> None:
    visit, actor = step.visit, step.actor
    own = actor.doctor_id if actor.department_id == visit.department_id else None
    doctor_id = visit.doctor_id or step.details.doctor_id or own
    if doctor_id is None:
        raise invalid_field("doctor_id", N_("Say which doctor calls: this patient waits for any of the department."))
    doctor = _active_doctor(doctor_id, actor)
    if visit.doctor_id is None and doctor.department_id != visit.department_id:
        raise invalid_field("doctor_id", N_("This doctor works in another department."))
    visit.doctor_id, visit.room_id = doctor.id, doctor.room_id
    visit.not_before = visit.parked_at = None
    _recall(step)


def _recall(step: Step) -> None:
    step.visit.called_at = step.at
    step.visit.call_count += 1


def _start(step: Step) -> None:
    visit = step.visit
    busy = db.session.scalar(
        select(Visit.ticket).where(Visit.doctor_id == visit.doctor_id, Visit.status == VisitStatus.IN_PROGRESS)
    )
    if busy:
        raise NotPossible(
            N_("%(ticket)s is still in the room. Finish that visit first."), ticket=busy, code="doctor-busy",
            state=visit.status, allowed=machines.moves_for(visit, step.actor),
        )  # fmt: skip
    visit.start_time = step.at


def _requeue(step: Step) -> None:
    visit, clinic = step.visit, step.actor.clinic
    visit.back_from = ""
    visit.not_before = step.at + _minutes(step, clinic.requeue_minutes)
    if visit.call_count >= clinic.calls_before_parking:
        visit.parked_at = step.at


def _hold(step: Step) -> None:
    visit = step.visit
    visit.back_from = checked(step.details.reason, "reason", 100) or "…"
    visit.waiting_since = step.at
    visit.not_before = step.at + _minutes(step, step.actor.clinic.hold_minutes)


def _minutes(step: Step, default: int) -> timedelta:
    minutes = default if step.details.minutes is None else step.details.minutes
    if not 0 <= minutes <= 600:
        raise invalid_field("minutes", N_("Say a number of minutes from 0 to 600."))
    return timedelta(minutes=minutes)


def _transfer(step: Step) -> None:
    visit, details = step.visit, step.details
    if details.doctor_id is not None:
        doctor = _active_doctor(details.doctor_id, step.actor)
        if doctor.id == visit.doctor_id:
            raise invalid_field("doctor_id", N_("The patient is in this doctor's line already."))
        visit.doctor_id, visit.department_id = doctor.id, doctor.department_id
    elif details.department_id is not None:
        department = load(Department, details.department_id, step.actor.clinic_id)
        if not department.is_active:
            raise invalid_field("department_id", N_("This department is closed."))
        if visit.doctor_id is None and visit.department_id == department.id:
            raise invalid_field("department_id", N_("The patient waits in this department already."))
        visit.doctor_id, visit.department_id = None, department.id
    else:
        raise invalid_field("doctor_id", N_("Say to which doctor or department."))
    visit.waiting_since = step.at
    visit.not_before = visit.parked_at = visit.room_id = visit.back_from = None
    visit.status = step.after  # with the rest: nobody is called, or in the room, with no doctor
    db.session.flush()
    db.session.expire(visit, ["doctor", "department", "room"])


def _active_doctor(doctor_id: int, actor: Actor) -> Doctor:
    doctor = load(Doctor, doctor_id, actor.clinic_id)
    if not doctor.is_active:
        raise NotPossible(N_("This doctor is not at work here any more."), code="inactive", allowed=[])
    return doctor


def _finish(step: Step) -> None:
    visit, bill = step.visit, step.bill
    visit.end_time = step.at
    if bill is None:
        step.after = VisitStatus.COMPLETED
        return
    finance.number_invoice(bill, actor=step.actor, at=step.at)
    if bill.due_amount == 0:
        step.after = VisitStatus.COMPLETED
        finance.set_status(bill, PaymentStatus.PAID, step.at)


def _close(step: Step) -> None:
    step.visit.close_reason = checked(step.details.reason, "reason", 500)


def _cancel(step: Step) -> None:
    _close(step)
    if step.details.left and step.visit.status not in (VisitStatus.WAITING, VisitStatus.CALLED):
        raise NotPossible(
            N_("Only who waits or was called can leave without being seen."), code="not-waiting",
            state=step.visit.status, allowed=machines.moves_for(step.visit, step.actor),
        )  # fmt: skip
    step.visit.left_unseen = step.details.left


STEPS: dict[str, Callable[[Step], None]] = {
    "check-in": _check_in,
    "call": _call,
    "recall": _recall,
    "start": _start,
    "requeue": _requeue,
    "hold": _hold,
    "transfer": _transfer,
    "finish": _finish,
    "cancel": _cancel,
    "no-show": _close,
    "owe": _close,
}


# ------------------------------------------------------------------------------------- what goes with the visit


def _appointment_follows(step: Step, name: str) -> None:
    appointment = step.appointment
    if appointment is None or name not in machines.APPOINTMENT:
        return
    before, after = machines.APPOINTMENT[name]
    if appointment.status not in before:
        return
    appointment.status = after
    if after == AppointmentStatus.CANCELLED:
        appointment.cancelled_at, appointment.cancelled_by_id = step.at, step.actor.user_id
        appointment.cancel_reason = step.visit.close_reason
    if after in (AppointmentStatus.CANCELLED, AppointmentStatus.NO_SHOW):
        free_places(appointment)


def free_places(appointment: Appointment) -> None:
    """Give the appointment's places, and a room of its own, back; the waitlist is asked when the work is done."""
    db.session.execute(
        delete(RoomUse).where(RoomUse.owner_kind == "APPOINTMENT", RoomUse.owner_id == appointment.id),
        execution_options={"synchronize_session": False},
    )
    places = freed(AppointmentPlace.appointment_id == appointment.id)
    work().freed.append(Freed(appointment.schedule_id, appointment.starts_at, places))
