"""What the desk should know before anything else: what is still open, and what the shift before has left word of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reception import clock
from reception.domain import shift_notes, still_open
from reception.domain.actors import Actor
from reception.domain.calendar import callups
from reception.models import ShiftNote


@dataclass(frozen=True, slots=True)
class Notices:
    """Open visits of the days `past` and of `today` (once the clinic has closed); `notes` with who left them."""

    past: int
    today: int
    notes: list[tuple[ShiftNote, str]]
    calls: int
    """People to call, whose time was closed."""


def notices(viewer: Actor, _number: int = 0) -> dict[str, Any]:
    """Context of `desk/_notices.html`."""
    past, today = still_open.counts(viewer)
    return {"notices": Notices(past, today, shift_notes.standing(viewer), callups.count(viewer, clock.now()))}
