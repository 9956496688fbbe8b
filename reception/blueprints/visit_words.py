"""What buttons, questions and toasts say of a visit's moves; which moves exist and for whom is the domain's to say."""

from __future__ import annotations

from flask import g
from flask_babel import gettext

from reception import formats
from reception.models import Visit, VisitStatus
from reception.words import N_

SAID: dict[str, str] = {
    "check-in": N_("%(name)s checked in"),
    "call": N_("%(name)s called"),
    "recall": N_("%(name)s called again"),
    "start": N_("%(name)s is with the doctor"),
    "hold": N_("%(name)s sent, comes back"),
    "requeue": N_("%(name)s back in line"),
    "transfer": N_("%(name)s moved to %(where)s"),
    "finish": N_("%(name)s finished"),
    "owe": N_("%(name)s let go owing"),
    "no-show": N_("%(name)s did not come"),
    "cancel": N_("%(name)s cancelled"),
    "walk-in": N_("%(name)s is in the queue"),
    "left": N_("%(name)s left without being seen"),
    "change": N_("%(name)s: %(service)s, %(where)s"),
}
"""What a toast says of a move."""

DID: dict[str, str] = {
    "book": N_("booked"),
    "reschedule": N_("moved to another time"),
    "resize": N_("made longer or shorter"),
    "walk-in": N_("came without a booking"),
    "check-in": N_("checked in"),
    "call": N_("called"),
    "recall": N_("called again"),
    "start": N_("went in"),
    "hold": N_("sent, to come back"),
    "requeue": N_("did not come, back in line"),
    "transfer": N_("moved to another line"),
    "finish": N_("finished"),
    "settle": N_("paid"),
    "owe": N_("let go owing"),
    "no-show": N_("did not come"),
    "cancel": N_("cancelled"),
    "change": N_("service or doctor changed"),
    "undo": N_("last step taken back"),
    "import": N_("brought in from a file"),
}
"""What the visit's history says of a move."""

MAIN = ("check-in", "call", "start", "finish")
"""The one act of a visit's dialog, by its state; the other moves stand quieter beside it."""

ASKS: dict[str, tuple[str, ...]] = {
    "hold": ("reason", "minutes"),
    "requeue": ("minutes",),
    "transfer": ("where",),
    "call": ("where",),
    "cancel": ("reason",),
    "no-show": ("reason",),
    "owe": ("reason",),
}
"""Moves that may bring details, and which; the others are made by their button alone."""

REASONS: dict[str, tuple[str, ...]] = {
    "hold": (N_("ECG"), N_("Laboratory"), N_("X-ray"), N_("Ultrasound"), N_("Vaccination")),
    "cancel": (
        N_("Cancelled by the patient"),
        N_("Doctor absent"),
        N_("Entered by mistake"),
    ),
    "no-show": (N_("Did not answer the call"), N_("Not in the waiting room")),
    "owe": (N_("Pays next time"), N_("Pays by bank transfer")),
}
"""Reasons that are one press away; any other is typed."""


def said(visit: Visit, move: str) -> str:
    """What a toast says of `move`, just made."""
    where = formats.doctor_name(visit.doctor) if visit.doctor else visit.department.name
    words = SAID["left" if move == "cancel" and visit.left_unseen else move]
    text = gettext(words, name=formats.list_name(visit.patient), where=where, service=visit.service.name)
    if move == "call" and visit.room:
        return str(gettext("%(text)s to room %(room)s", text=text, room=visit.room.name))
    if move == "finish" and visit.status == VisitStatus.PENDING_PAYMENT and visit.payment:
        due = f"{formats.money(visit.payment.due_amount)}\u00a0{g.actor.clinic.currency}"
        return str(gettext("%(text)s, %(amount)s to pay", text=text, amount=due))
    return str(text)
