"""Once a minute a server looks at what the clock alone has changed; once an hour it cleans up."""

from __future__ import annotations

import logging
from datetime import datetime

from flask import Flask
from sqlalchemy import select

from reception import clock
from reception.clock import service_day
from reception.domain import ticks
from reception.domain.actors import Actor, system
from reception.domain.calendar import holds, waitlist
from reception.domain.errors import Refusal
from reception.extensions import db, socketio
from reception.models import Clinic
from reception.transaction import perform

log = logging.getLogger(__name__)
MINUTE = 60


def start(app: Flask) -> None:
    """Begin to tick; the server calls it once in each worker (twice the same tick harms nothing)."""
    socketio.start_background_task(forever, app)


def forever(app: Flask) -> None:
    """Tick until the process ends. In a web worker a greenlet does it, in `worker` the main thread."""
    since, minutes = clock.now(), 0
    while True:
        socketio.sleep(MINUTE)
        until, minutes = clock.now(), minutes + 1
        try:
            with app.app_context():
                tick(since, until)
                if minutes % 60 == 0:
                    clean()
        except Exception:
            log.exception("the minute's tick failed")
        else:
            since = until


def tick(since: datetime, until: datetime) -> None:
    """Raise the regions of every clinic that the clock changed between the two instants."""
    for clinic in db.session.scalars(select(Clinic).where(Clinic.is_active)).all():
        actor = system(clinic)
        if names := ticks.moved_by_clock(actor, since, until):
            perform(actor, ticks.raise_regions, names)
        keep_places(actor, until)


def keep_places(actor: Actor, at: datetime) -> None:
    """End what is kept no longer, and offer the waitlist what is free by other ways than a cancelling."""
    if holds.is_due(actor.clinic_id, at):
        perform(actor, holds.sweep, at=at)
    if waitlist.is_due(actor.clinic_id, service_day(at, actor.clinic), at):
        perform(actor, waitlist.sweep, at=at)
    state = waitlist.state(actor.clinic_id)
    if _looked_at.get(actor.clinic_id) == state:
        return
    for entry_id, doctor_id, starts_at in waitlist.chances(actor, at):
        try:
            perform(actor, waitlist.propose, entry_id, doctor_id, starts_at, at=at)
        except Refusal:
            continue  # somebody else has it now
    _looked_at[actor.clinic_id] = waitlist.state(actor.clinic_id)


_looked_at: dict[int, tuple[int, int]] = {}
"""Clinic -> what the calendar and the waitlist were when free places were last looked for."""


def clean() -> None:
    """Forget old keys of repeated wishes."""
    clinic = db.session.scalar(select(Clinic).limit(1))
    if clinic is not None:
        perform(system(clinic), ticks.purge_keys)
