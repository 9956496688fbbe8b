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
from reception.domain.calendar import absences, holds, templates_made, waiting
from reception.domain.errors import Refusal
from reception.domain.matching import cards
from reception.domain.visits import end_of_day
from reception.extensions import db, socketio
from reception.models import Clinic
from reception.transaction import perform

log = logging.getLogger(__name__)
MINUTE = 60
BATCHES, BATCH = 20, 50
"""Cards that a tick compares: so many times so many."""


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
        turn_day(actor, until)
        compare_cards(actor, until)


def compare_cards(actor: Actor, at: datetime) -> None:
    """Look at cards that came in bulk, some at a time, so that nobody at the desk waits for it."""
    for _ in range(BATCHES):
        if not cards.waiting(actor.clinic_id, at, 1):
            return
        try:
            perform(actor, cards.catch_up, BATCH, at=at)
        except Refusal:
            return  # another worker is at it


def keep_places(actor: Actor, at: datetime) -> None:
    """End what is kept no longer, and offer the waitlist what is free by other ways than a cancelling."""
    if holds.is_due(actor.clinic_id, at):
        perform(actor, holds.sweep, at=at)
    if waiting.is_due(actor.clinic_id, service_day(at, actor.clinic), at):
        perform(actor, waiting.sweep, at=at)
    state = waiting.state(actor.clinic_id)
    if _looked_at.get(actor.clinic_id) == state:
        return
    for entry_id, doctor_id, starts_at in waiting.chances(actor, at):
        try:
            perform(actor, waiting.propose, entry_id, doctor_id, starts_at, at=at)
        except Refusal:
            continue  # somebody else has it now
    _looked_at[actor.clinic_id] = waiting.state(actor.clinic_id)


def turn_day(actor: Actor, at: datetime) -> None:
    """What a new day brings, looked at each minute, so that a server that slept makes up for it: weekly shifts further
    ahead, and yesterday's people who did not come."""
    if templates_made.due(actor, at):
        perform(actor, templates_made.make_ahead, at=at)
    if absences.is_anybody_late(actor, at):
        perform(actor, absences.forget_late, at=at)
    for appointment_id in end_of_day.missed(actor, at):
        try:
            perform(actor, end_of_day.note_missed, appointment_id, at=at)
        except Refusal:
            continue  # somebody has said otherwise meanwhile


_looked_at: dict[int, tuple[int, int]] = {}
"""Clinic -> what the calendar and the waitlist were when free places were last looked for."""


def clean() -> None:
    """Forget old keys of repeated wishes."""
    clinic = db.session.scalar(select(Clinic).limit(1))
    if clinic is not None:
        perform(system(clinic), ticks.purge_keys)
