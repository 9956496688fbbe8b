"""What every command shares: refusals become a line on stderr and exit status 1."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click
from sqlalchemy import select

from reception.domain.actors import Actor, system
from reception.domain.errors import Refusal
from reception.extensions import db
from reception.models import Clinic
from reception.startup import NotReady

F = TypeVar("F", bound=Callable[..., Any])


def refusing(command: F) -> F:
    """Turn a refusal of the domain into exit status 1 and its sentence."""

    @functools.wraps(command)
    def run(*args: Any, **more: Any) -> Any:
        try:
            return command(*args, **more)
        except (Refusal, NotReady) as refusal:
            click.echo(str(refusal), err=True)
            sys.exit(1)

    return run  # type: ignore[return-value]


def clinic_named(name: str | None) -> Clinic:
    """The clinic called `name`; without a name the first one. Ends the command where there is none."""
    query = select(Clinic).where(Clinic.is_active).order_by(Clinic.id)
    found = db.session.scalar(query.where(Clinic.name == name) if name else query.limit(1))
    if found is None:
        click.echo(f"There is no clinic {name}." if name else "There is no clinic yet: run create-admin.", err=True)
        sys.exit(1)
    return found


def worker_in(name: str | None) -> Actor:
    """The system at work in the clinic called `name`."""
    return system(clinic_named(name))
