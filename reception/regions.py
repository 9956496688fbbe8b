"""The regions of the screens: what draws each, who may see it, and which changes touch it.

A region is a partial with one root element that is pushed whole at a version (`live.py`). A signal has no partial:
it only says that something changed, and each screen asks again for what it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import render_template
from sqlalchemy import bindparam, select

from reception import clock
from reception.access import Permission, may
from reception.domain import boards, notices, refunds_asked, still_open
from reception.domain.actors import Actor
from reception.domain.audit import Work
from reception.domain.calendar import waitlist
from reception.domain.errors import NotFound
from reception.extensions import core, db
from reception.models import Appointment, Device, DeviceKind, Doctor, Patient, Payment, RefundRequest, Schedule, Visit
from reception.models import VisitStatus as V


@dataclass(frozen=True, slots=True)
class Region:
    """`context(viewer, number)` reads what `template` shows; `number` is the id behind the dash."""

    template: str
    permission: Permission | None
    context: Callable[[Actor, int], dict[str, Any]]


REGIONS: dict[str, Region] = {
    "arrivals": Region("desk/_arrivals.html", Permission.DESK, boards.arrivals),
    "payable": Region("desk/_payable.html", Permission.TILL, boards.payable),
    "notices": Region("desk/_notices.html", Permission.DESK, notices.notices),
    "unsettled": Region("still_open/_unsettled.html", Permission.DESK, still_open.listed),
    "offers": Region(
        "waitlist/_offers.html", Permission.BOOK, lambda viewer, _: {"offers": waitlist.open_offers(viewer)}
    ),
    "refunds": Region("finance/_refunds_asked.html", Permission.APPROVE, refunds_asked.asked),
    "line": Region("queue/_line.html", Permission.QUEUE, boards.line),
    "pool": Region("queue/_pool.html", Permission.QUEUE, boards.pool),
    "board": Region("queue/_board.html", Permission.QUEUE, boards.board),
    "display": Region("display/_board.html", None, boards.display),
    "ticket": Region("ticket/_ticket.html", None, boards.ticket),
}

SINGLE = frozenset({"arrivals", "payable", "notices", "unsettled", "offers", "refunds"})
"""Regions of which a clinic has one: no number behind the name."""

SIGNALS: dict[str, Permission] = {
    "calendar": Permission.CALENDAR,
    "calls": Permission.BOOK,
    "finance": Permission.FINANCE,
    "rooms": Permission.QUEUE,
    "patient": Permission.PATIENTS,
    "waitlist": Permission.BOOK,
}


def split(name: str) -> tuple[str, int]:
    """`line-7` -> ("line", 7); `arrivals` -> ("arrivals", 0). Raises NotFound for anything else."""
    kind, _, number = name.partition("-")
    if kind in SINGLE and not number:
        return kind, 0
    if kind in REGIONS and number.isascii() and number.isdigit() and len(number) < 19:
        return kind, int(number)
    raise NotFound


def is_signal(name: str) -> bool:
    return name.partition("-")[0] in SIGNALS


def may_see(viewer: Actor, name: str) -> bool:
    """Whether a staff login may listen to region or signal `name`."""
    kind = name.partition("-")[0]
    permission = SIGNALS.get(kind) or (REGIONS[kind].permission if kind in REGIONS else None)
    return permission is not None and may(viewer, permission)


def draw(viewer: Actor, name: str, version: int) -> str:
    """The region's HTML for the viewer's audience. Raises NotFound."""
    kind, number = split(name)
    region = REGIONS[kind]
    return render_template(region.template, id=name, v=version, viewer=viewer, **region.context(viewer, number))


def of_clinic(viewer: Actor) -> list[str]:
    """Every region and signal of the clinic that the viewer may see, records' own signals aside."""
    names = [
        "arrivals",
        "payable",
        "notices",
        "offers",
        "refunds",
        "finance",
        "rooms",
        f"calendar-{clock.today(viewer.clinic)}",
    ]
    doctors = db.session.execute(
        select(Doctor.id, Doctor.department_id).filter_by(clinic_id=viewer.clinic_id, is_active=True)
    ).all()
    names += [f"line-{doctor}" for doctor, _ in doctors]
    names += sorted({f"pool-{department}" for _, department in doctors})
    return [name for name in names if may_see(viewer, name)]


# -------------------------------------------------------------------------------------- which changes touch which


# Made once, as every act asks them.
_DOCTORS = select(Doctor.id).where(Doctor.department_id == bindparam("department"), Doctor.is_active)
_SCREENS = select(Device.id).where(
    Device.clinic_id == bindparam("clinic"), Device.kind == DeviceKind.TV, Device.revoked_at.is_(None)
)


def touched(work: Work) -> set[str]:
    """Names of the regions and signals that the work's changes show up in."""
    names: set[str] = set()
    for (kind, _), row in work.rows.items():
        changes = work.changes[kind, row.id]
        if handler := _TOUCHES.get(kind):
            names.update(handler(row, changes, work))
    return names


def _visit(visit: Visit, changes: dict[str, Any], work: Work) -> Iterator[str]:
    statuses = {visit.status, *changes.get("status", ())} - {None}
    today = clock.today(work.actor.clinic)
    yield f"calendar-{visit.service_day}"
    yield f"patient-{visit.patient_id}"
    if still_open.shows(visit.service_day, work.actor.clinic, work.at):
        yield from ("notices", "unsettled")
    if "service_day" in changes and changes["service_day"][0]:
        yield f"calendar-{changes['service_day'][0]}"
    elif visit.service_day != today:
        return
    yield f"ticket-{visit.id}"
    doctors = {visit.doctor_id, *changes.get("doctor_id", ())} - {None}
    for doctor in doctors:
        yield f"line-{doctor}"
        yield f"board-{doctor}"
    if visit.doctor_id is None or ("doctor_id" in changes and None in changes["doctor_id"]):
        departments = {visit.department_id, *changes.get("department_id", ())} - {None}
        for department in departments:
            yield f"pool-{department}"
            yield from _boards_of(department)
    if V.SCHEDULED in statuses:
        yield "arrivals"
    if statuses & {V.PENDING_PAYMENT, V.COMPLETED, V.CANCELLED, V.NO_SHOW}:
        yield "payable"
    if statuses & {V.WAITING, V.CALLED, V.IN_PROGRESS}:
        yield "rooms"
        yield from _displays(work.actor.clinic_id)


def _boards_of(department_id: int) -> Iterator[str]:
    for doctor_id in core(_DOCTORS, {"department": department_id}).scalars():
        yield f"board-{doctor_id}"


def _displays(clinic_id: int) -> Iterator[str]:
    for device_id in core(_SCREENS, {"clinic": clinic_id}).scalars():
        yield f"display-{device_id}"


def _appointment(appointment: Appointment, changes: dict[str, Any], work: Work) -> Iterator[str]:
    is_new = "clinic_id" in changes
    if not is_new and changes.keys() & {"kept_at", "starts_at", "doctor_id", "room_id", "cancelled_at"}:
        yield from ("calls", "notices")
    days = {appointment.day, *changes.get("day", ())} - {None}
    if clock.today(work.actor.clinic) in days:
        yield "rooms"
    for day in days:
        yield f"calendar-{day}"


def _payment(payment: Payment, _changes: dict[str, Any], _work: Work) -> Iterator[str]:
    yield from ("payable", "finance", f"patient-{payment.patient_id}")


def _cashbox(_row: Any, _changes: dict[str, Any], _work: Work) -> Iterator[str]:
    yield "finance"


def _refund_request(request: RefundRequest, _changes: dict[str, Any], _work: Work) -> Iterator[str]:
    yield from ("refunds", "finance")


def _doctor(doctor: Doctor, changes: dict[str, Any], work: Work) -> Iterator[str]:
    yield from (f"line-{doctor.id}", f"board-{doctor.id}", "rooms")
    if "late_minutes" in changes:
        yield from _displays(work.actor.clinic_id)
        for day in {clock.today(work.actor.clinic), *changes.get("late_day", ())} - {None}:
            expecting = select(Visit.id).filter_by(doctor_id=doctor.id, service_day=day)
            waits = Visit.status.in_([V.SCHEDULED, V.WAITING])
            yield from (f"ticket-{ident}" for ident in db.session.scalars(expecting.where(waits)))


def _patient(patient: Patient, changes: dict[str, Any], work: Work) -> Iterator[str]:
    yield f"patient-{patient.id}"
    today = clock.today(work.actor.clinic)
    for visit in db.session.scalars(select(Visit).filter_by(patient_id=patient.id, service_day=today)):
        yield from _visit(visit, {}, work)
    if any(changes[name][0] for name in ("last_name", "first_name") if name in changes):
        later = select(Visit.service_day).distinct().where(Visit.patient_id == patient.id, Visit.service_day > today)
        yield from (f"calendar-{day}" for day in db.session.scalars(later))


def _schedule(schedule: Schedule, _changes: dict[str, Any], work: Work) -> Iterator[str]:
    yield f"calendar-{schedule.day}"
    if schedule.day == clock.today(work.actor.clinic):
        yield "rooms"


def _room(_row: Any, _changes: dict[str, Any], _work: Work) -> Iterator[str]:
    yield "rooms"


def _shift_note(_row: Any, _changes: dict[str, Any], _work: Work) -> Iterator[str]:
    yield "notices"


def _waitlist(_row: Any, _changes: dict[str, Any], _work: Work) -> Iterator[str]:
    yield from ("waitlist", "offers")


def _clinic(_row: Any, _changes: dict[str, Any], work: Work) -> Iterator[str]:
    yield from _displays(work.actor.clinic_id)


_TOUCHES: dict[str, Callable[[Any, dict[str, Any], Work], Iterator[str]]] = {
    "visit": _visit,
    "appointment": _appointment,
    "payment": _payment,
    "cashbox": _cashbox,
    "claim": _cashbox,
    "cashbox_shift": _cashbox,
    "cash_transfer": _cashbox,
    "refund_request": _refund_request,
    "doctor": _doctor,
    "patient": _patient,
    "schedule": _schedule,
    "room": _room,
    "clinic": _clinic,
    "waitlist_entry": _waitlist,
    "shift_note": _shift_note,
}
