"""Adding a plain row of the directory."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.extensions import db

R = TypeVar("R", bound=Any)


def added(row: R, actor: Actor, at: datetime) -> R:
    db.session.add(row)
    db.session.flush()
    record(actor, f"{row.__tablename__}.add", row, at=at)
    return row
