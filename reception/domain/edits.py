"""Two people at one form: who saves second is told, instead of undoing the first one's work unseen.

Rows that move (visits, bills, appointments, patients) have a version column. The others, which are filled in now and
then, carry the instant of their last change as the version of the form.
"""

from __future__ import annotations

from typing import TypeVar

from reception.domain.errors import Stale
from reception.models import Edited
from reception.words import N_

E = TypeVar("E", bound=Edited)


def version(row: Edited) -> str:
    """What a form carries, to be compared when it comes back."""
    return row.updated_at.isoformat(timespec="microseconds")


def unchanged(row: E, seen: str) -> E:
    """The row, if it is still as the form was drawn; nothing `seen` asks nothing. Raises Stale."""
    if seen and seen != version(row):
        raise Stale(N_("Somebody has changed this meanwhile. Look at what stands there now; save again to keep yours."))
    return row
