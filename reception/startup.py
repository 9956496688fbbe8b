"""What is looked at before the first request: is the database the one this code was written for?"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, select

from reception import guards
from reception.domain import machines
from reception.extensions import db
from reception.models import StateMove

MIGRATIONS = Path(__file__).parent.parent / "migrations"


class NotReady(Exception):
    """The database cannot be written to as it is; the text says how to mend it."""


def is_patched() -> bool:
    """Whether gevent has patched this process (servers are, commands and tests are not)."""
    try:
        from gevent import monkey
    except ImportError:
        return False
    return bool(monkey.is_module_patched("socket"))


def check() -> None:
    """Compare the database with what the code expects. Raises NotReady."""
    if "state_move" not in inspect(db.engine).get_table_names():
        raise NotReady("The database has no tables yet. Run: flask --app reception db upgrade")
    if missing := sorted(guards.expected(db.engine.dialect.name) - guards.present(db.session.connection())):
        raise NotReady(f"The database lacks its guards: {', '.join(missing)}. Restore it, or run the migrations anew.")
    rows = set(db.session.execute(select(StateMove.kind, StateMove.from_state, StateMove.to_state)).tuples())
    if rows != machines.state_moves():
        raise NotReady("The database knows other state moves than the code. Run: flask --app reception db upgrade")
    db.session.rollback()
