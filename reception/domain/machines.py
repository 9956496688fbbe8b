"""How states move: one table per machine. The rule, the buttons, the API, the database and the tests read these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reception.models import AppointmentStatus as A
from reception.models import CashTransferStatus as T
from reception.models import ClaimStatus as C
from reception.models import PaymentStatus as P
from reception.models import RecordState as M
from reception.models import RefundRequestStatus as R
from reception.models import Role, Visit
from reception.models import VisitStatus as V
from reception.words import N_

if TYPE_CHECKING:
    from reception.domain.actors import Actor

DESK = frozenset({Role.RECEPTIONIST, Role.ADMIN})
FLOOR = frozenset({Role.RECEPTIONIST, Role.DOCTOR, Role.NURSE, Role.ADMIN})
TILL = frozenset({Role.RECEPTIONIST, Role.CASHIER, Role.ADMIN})
OWING = frozenset({Role.CASHIER, Role.MANAGER, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Move:
    """One step of a visit. `label`: the words on its button; `undoable`: for 30 s, by the same role."""

    before: frozenset[V]
    after: V
    roles: frozenset[Role]
    label: str
    undoable: bool = True
    by_hand: bool = True
    """False: the step follows from another act (a payment) and has no button or URL of its own."""


OPEN = frozenset({V.SCHEDULED, V.WAITING, V.CALLED, V.IN_PROGRESS, V.PENDING_PAYMENT})
ACTIVE = frozenset({V.WAITING, V.CALLED, V.IN_PROGRESS})

VISIT: dict[str, Move] = {
    "check-in": Move(frozenset({V.SCHEDULED}), V.WAITING, DESK, N_("Check in")),
    "call": Move(frozenset({V.WAITING}), V.CALLED, FLOOR, N_("Call")),
    "recall": Move(frozenset({V.CALLED}), V.CALLED, FLOOR, N_("Recall"), undoable=False),
    "start": Move(frozenset({V.CALLED}), V.IN_PROGRESS, FLOOR, N_("Start")),
    "hold": Move(frozenset({V.IN_PROGRESS}), V.WAITING, FLOOR, N_("Send and return")),
    "requeue": Move(frozenset({V.CALLED}), V.WAITING, FLOOR, N_("Back in line")),
    "transfer": Move(frozenset({V.WAITING, V.CALLED, V.IN_PROGRESS}), V.WAITING, FLOOR, N_("Transfer")),
    "finish": Move(frozenset({V.IN_PROGRESS}), V.PENDING_PAYMENT, FLOOR, N_("Finish")),
    "settle": Move(frozenset({V.PENDING_PAYMENT}), V.COMPLETED, TILL, N_("Paid"), undoable=False, by_hand=False),
    "owe": Move(frozenset({V.PENDING_PAYMENT}), V.COMPLETED, OWING, N_("Let go owing"), undoable=False),
    "no-show": Move(frozenset({V.SCHEDULED, V.WAITING, V.CALLED}), V.NO_SHOW, FLOOR, N_("Did not come")),
    "cancel": Move(OPEN, V.CANCELLED, DESK | {Role.DOCTOR, Role.MANAGER}, N_("Cancel visit")),
}

ZERO_BILL = (V.IN_PROGRESS, V.COMPLETED)
"""A finish with nothing to pay (a bill of zero, or one paid before) goes straight to the end."""

UNDO_SECONDS = 30

APPOINTMENT: dict[str, tuple[frozenset[A], A]] = {
    "check-in": (frozenset({A.CONFIRMED}), A.CHECKED_IN),
    "finish": (frozenset({A.CHECKED_IN}), A.COMPLETED),
    "no-show": (frozenset({A.CONFIRMED, A.CHECKED_IN}), A.NO_SHOW),
    "cancel": (frozenset({A.CONFIRMED, A.CHECKED_IN}), A.CANCELLED),
}
"""What a visit's move does to its appointment; moves not named leave it as it is."""

PAYMENT: frozenset[tuple[P, P]] = frozenset(
    {
        (P.PENDING, P.PARTIALLY_PAID),
        (P.PENDING, P.PAID),
        (P.PARTIALLY_PAID, P.PAID),
        (P.PAID, P.PARTIALLY_PAID),
        (P.PARTIALLY_PAID, P.REFUNDED),
        (P.PAID, P.REFUNDED),
        (P.PENDING, P.CANCELLED),
        (P.CANCELLED, P.PENDING),  # the undo of a cancelling
        (P.PAID, P.PENDING),  # the undo of finishing a bill of zero
    }
)


CLAIM: frozenset[tuple[C, C]] = frozenset(
    {
        (C.DRAFT, C.SENT), (C.SENT, C.ACCEPTED), (C.SENT, C.REFUSED), (C.REFUSED, C.SENT), (C.ACCEPTED, C.PAID),
        (C.SENT, C.PAID),
    }
)  # fmt: skip

CASH_TRANSFER: frozenset[tuple[T, T]] = frozenset(
    {(T.PENDING, T.ACCEPTED), (T.PENDING, T.REFUSED), (T.PENDING, T.WITHDRAWN)}
)

MEDICAL_RECORD: frozenset[tuple[M, M]] = frozenset({(M.REGISTRATION, M.OPEN), (M.OPEN, M.CLOSED)})
"""Opened by the doctor's first word, closed by the signature."""

REFUND_REQUEST: frozenset[tuple[R, R]] = frozenset({(R.ASKED, R.DONE), (R.ASKED, R.REFUSED)})


def allowed(status: V) -> list[str]:
    """Names of the moves that `status` allows to somebody, in table order."""
    return [name for name, m in VISIT.items() if m.by_hand and status in m.before]


def moves_for(visit: Visit, actor: Actor) -> list[str]:
    """Names of the moves `actor` may make now, in table order: exactly the buttons to draw."""
    return [name for name in allowed(visit.status) if actor.roles & VISIT[name].roles]


def visit_steps() -> set[tuple[V, V]]:
    """Every (from, to) of a visit, undo included."""
    steps = {(before, m.after) for m in VISIT.values() for before in m.before} | {ZERO_BILL}
    back = {(m.after, before) for m in VISIT.values() if m.undoable for before in m.before}
    return {(a, b) for a, b in steps | back | {(ZERO_BILL[1], ZERO_BILL[0])} if a != b}


def appointment_steps() -> set[tuple[A, A]]:
    """Every (from, to) of an appointment, undo included."""
    steps = {(before, after) for befores, after in APPOINTMENT.values() for before in befores}
    return steps | {(after, before) for before, after in steps}


def state_moves() -> set[tuple[str, str, str]]:
    """The rows of `state_move`: (kind, from, to)."""
    return (
        {("visit", a, b) for a, b in visit_steps()}
        | {("appointment", a, b) for a, b in appointment_steps()}
        | {("payment", a, b) for a, b in PAYMENT}
        | {("claim", a, b) for a, b in CLAIM}
        | {("cash_transfer", a, b) for a, b in CASH_TRANSFER}
        | {("refund_request", a, b) for a, b in REFUND_REQUEST}
        | {("medical_record", a, b) for a, b in MEDICAL_RECORD}
    )
