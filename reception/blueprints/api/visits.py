"""Visits over JSON: walk-in, the moves of the queue, call next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import g

from reception import clock
from reception.access import Permission, requires
from reception.blueprints.api import schemas, shapes
from reception.blueprints.api.calls import after, bp, described, ident, page, states
from reception.domain import listings
from reception.domain.visits import moves, queue, undo, walkin
from reception.models import Visit, VisitStatus
from reception.transaction import run


@bp.get("/visits")
@requires(Permission.QUEUE)
@described(schemas.Visit, query=schemas.VisitsAsked, is_list=True)
def list_visits(query: schemas.VisitsAsked) -> dict[str, Any]:
    """Visits of a service day."""
    rows = listings.visits(
        g.actor.clinic_id,
        query.day or clock.today(g.actor.clinic),
        states(VisitStatus, query.status),
        query.doctor,
        query.patient,
        after(query.cursor, "visits"),
        query.limit,
    )
    return page(rows, query.limit, shapes.visit, "visits", lambda row: ("", row.id))


@bp.post("/visits")
@requires(Permission.CHECK_IN)
@described(schemas.Visit, body=schemas.WalkIn, status=201)
def walk_in(body: schemas.WalkIn) -> dict[str, Any]:
    """A visit without a booking, to a doctor or to a department: number, bill and record."""
    visit = run(
        walkin.walk_in,
        body.patient_id,
        body.service_id,
        doctor_id=body.doctor_id,
        department_id=body.department_id,
        priority=body.priority,
        priority_reason=body.priority_reason or "",
    )
    return _shown(ident(visit))


@bp.get("/visits/<int:visit_id>")
@requires(Permission.QUEUE)
@described(schemas.Visit)
def show_visit(visit_id: int) -> dict[str, Any]:
    """One visit."""
    return _shown(visit_id)


MOVES: dict[str, tuple[type[schemas.VisitMove], str]] = {
    "call": (schemas.Called, "Call the patient to the doctor's room."),
    "recall": (schemas.VisitMove, "Call again who was called and has not come."),
    "start": (schemas.VisitMove, "The patient is with the doctor."),
    "hold": (schemas.Held, "Send the patient somewhere, to come back in line with the same number."),
    "requeue": (schemas.Held, "Put back in line who was called and did not come."),
    "transfer": (schemas.Transferred, "To another doctor's line, or to a department's; the number stays."),
    "finish": (schemas.VisitMove, "The doctor is done; the bill is to be paid."),
    "cancel": (schemas.Cancelled, "Cancel the visit with its appointment and its unpaid bill."),
    "no-show": (schemas.VisitMove, "The patient did not come."),
}
"""Moves of a visit that have a call of their own, what each may bring, and what it does."""


def _moving(name: str, does: str) -> Callable[..., dict[str, Any]]:
    def move(visit_id: int, body: schemas.VisitMove) -> dict[str, Any]:
        details = body.model_dump(exclude_none=True)
        run(moves.move, visit_id, name, about=("visit", visit_id), **details)
        return _shown(visit_id)

    move.__doc__ = does
    return move


for _name, (_body, _does) in MOVES.items():
    _view = described(schemas.Visit, body=_body)(_moving(_name, _does))
    bp.post(f"/visits/<int:visit_id>/{_name}", endpoint=f"visit_{_name.replace('-', '_')}")(
        requires(Permission.CALL)(_view)
    )


@bp.post("/visits/<int:visit_id>/undo")
@requires(Permission.CALL)
@described(schemas.Visit, body=schemas.VisitMove)
def take_back(visit_id: int, body: schemas.VisitMove) -> dict[str, Any]:
    """Take the visit's last step back: within 30 s, by the same role, while nothing was built upon it."""
    run(undo.undo, visit_id, version=body.version, about=("visit", visit_id))
    return _shown(visit_id)


@bp.post("/doctors/<int:doctor_id>/call-next")
@requires(Permission.CALL)
@described(schemas.Visit, body=schemas.CallNext, may_be_empty=True)
def call_next(doctor_id: int, body: schemas.CallNext) -> dict[str, Any] | None:
    """Call the doctor's next visit by the clinic's rule; 204 when nobody waits."""
    about = ("visit", body.visit_id) if body.visit_id else None
    found = run(queue.call_next, doctor_id, visit_id=body.visit_id, version=body.version, about=about)
    return _shown(ident(found)) if isinstance(found, Visit) else None


def _shown(visit_id: int) -> dict[str, Any]:
    return shapes.visit(listings.visit(g.actor.clinic_id, visit_id))
