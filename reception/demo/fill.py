"""Fill an empty database with the demo, or say why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random

from flask import current_app
from flask_migrate import downgrade, upgrade
from sqlalchemy import func, select

from reception import clock
from reception.demo import cards, clinics, money, plan
from reception.domain import directory, users
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.clinic import change_clinic
from reception.domain.errors import NotPossible
from reception.extensions import db
from reception.models import AuditEntry, Clinic, Device, Patient, User
from reception.transaction import perform

SEED = 20260
DONE = "demo.fill"
"""The last act of a filling: without it the database holds only half a demo."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database holds. `strange`: why it is not the demo's alone, or empty text."""

    is_empty: bool
    is_whole: bool
    strange: str


def look() -> Standing:
    """What is there already?"""
    names = db.session.scalars(select(Clinic.name)).all()
    people = db.session.scalar(select(func.count()).select_from(User).where(User.email.not_like("%@demo.invalid")))
    imported = db.session.scalar(select(func.count()).where(Patient.source_key.is_not(None)))
    other = sorted(set(names) - {clinics.MAIN, clinics.SECOND})
    strange = (
        f"the clinic {other[0]}" if other else f"{people} users of your own" if people
        else f"{imported} imported patients" if imported else ""
    )  # fmt: skip
    whole = db.session.scalar(select(AuditEntry.id).where(AuditEntry.action == DONE).limit(1)) is not None
    return Standing(not names, whole, strange)


def empty() -> None:
    """Take the demo away: the tables go and come back new. Raises NotPossible where there is more than the demo."""
    if strange := look().strange:
        raise NotPossible(
            "This database holds %(what)s, so it is not emptied. Use another one: RECEPTION_INSTANCE or DATABASE_URL.",
            what=strange,
        )
    db.session.remove()
    downgrade(revision="base")
    upgrade()


def fill() -> None:
    """Both clinics, their day around the present instant, the weeks before and after."""
    now = clock.now()
    password_hash = users.hash_password(users.DEMO_PASSWORD)
    random = Random(SEED)
    founded = _morning(now - timedelta(days=90))
    main = clinics.found_main(password_hash, founded)
    day = plan.write(main, random, now)
    plan.past(day, 45)
    plan.ahead(day, 30)
    money.move(main, day)
    perform(main.system, cards.add_places, at=founded)
    perform(main.system, clinics.open_shifts, main, day.shift, at=clinics.entered_at(main, day.today))
    second = clinics.found_second(password_hash, main, founded)
    small = plan.write_small(second, random, now)
    perform(second.system, clinics.open_shifts, second, small.shift, at=clinics.entered_at(second, small.today))
    day.script.run()
    small.script.run()
    perform(
        main.people["doctor8"], directory.set_break, main.doctors[7], True, at=day.ago(4),
        until=now + timedelta(minutes=11),
    )  # fmt: skip
    for desk in (second, main):
        perform(desk.system, _done)


def _morning(at: datetime) -> datetime:
    return datetime.combine(at.date(), time(7), tzinfo=at.tzinfo)


def _done(*, actor: Actor, at: datetime) -> None:
    change_clinic(horizon_weeks=clinics.DAYS_AHEAD // 7, actor=actor, at=at)
    record(actor, DONE, db.session.get_one(Clinic, actor.clinic_id), at=at)


def addresses() -> list[str]:
    """What to open, and with which sign-ins."""
    host, port = current_app.config["HOST"], current_app.config["PORT"]
    base = f"http://{host}:{port}"
    devices = db.session.execute(
        select(Clinic.name, Device.name, Device.token)
        .join(Clinic, Clinic.id == Device.clinic_id)
        .where(Device.revoked_at.is_(None))
        .order_by(Device.id)
    ).all()
    lines = [f"Desk        {base}/"]
    lines += [f"TV          {base}/display/{token}  ({clinic}, {name})" for clinic, name, token in devices]
    doctors = [name for name in users.demo_names() if name.startswith("doctor")]
    others = [name for name in users.demo_names() if name not in doctors]
    lines.append(f"Sign in as  {', '.join(others)}, {doctors[0]} to {doctors[-1]}")
    lines.append(f"Password    {users.DEMO_PASSWORD}")
    return lines
