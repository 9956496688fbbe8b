"""The demo: a clinic in full swing at any hour, made by real verbs, and never laid over somebody's own data."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from unicodedata import name

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from reception import clock, create_app, live
from reception.demo import cards, clinics, fill
from reception.domain import directory, users, verify
from reception.domain.actors import founder, system
from reception.domain.calendar import templates_made
from reception.extensions import db, limiter
from reception.models import (
    ApiToken,
    Appointment,
    AuditEntry,
    BonusEntry,
    Cashbox,
    CashboxShift,
    CashTransfer,
    Clinic,
    Doctor,
    LedgerEntry,
    LedgerKind,
    Membership,
    Patient,
    PaymentStatus,
    Priority,
    Region,
    Role,
    Room,
    Schedule,
    ScheduleTemplate,
    User,
    Visit,
    VisitEvent,
    VisitStatus,
)
from reception.transaction import perform
from tests.conftest import settings
from tests.factories import House
from tests.servers import serving

V = VisitStatus
NOON = "2026-11-20T12:00:00+01:00"


@pytest.fixture
def empty_at(database_url: str, tmp_path: Path) -> Iterator[Callable[[str], Flask]]:
    """An app without a clinic whose clock starts at the given instant."""
    contexts = []

    def make(now: str, **more: str) -> Flask:
        app = create_app(settings(tmp_path, database_url, RECEPTION_NOW=now, **more))
        live.hub = live.Hub()
        limiter.reset()
        contexts.append(app.app_context())
        contexts[-1].push()
        return app

    yield make
    for context in contexts:
        db.session.remove()
        db.engine.dispose()
        context.pop()
    clock.start_at(None)


def main() -> Clinic:
    return db.session.scalars(select(Clinic).filter_by(name=clinics.MAIN)).one()


def run(app: Flask, *options: str) -> Result:
    found = app.test_cli_runner().invoke(args=["demo", *options])
    db.session.rollback()
    return found


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("hour", ["00:10:00", "00:00:20", "23:50:00", "23:59:50"])
def test_it_is_in_full_swing_at_any_hour(empty_at: Callable[[str], Flask], hour: str) -> None:
    empty_at(f"2026-11-20T{hour}+01:00")
    now = clock.now()
    fill.fill()
    check_swing(now)


def test_it_is_a_clinic_at_noon(empty_at: Callable[[str], Flask]) -> None:
    empty_at(NOON)
    now = clock.now()
    fill.fill()
    check_swing(now)
    check_noon(now)
    check_order()
    check_cards(now)
    check_weeks(now)
    check_money(now)


def todays(now: datetime) -> list[Visit]:
    """The main clinic's visits of the day of `now`."""
    clinic = main()
    mine = select(Visit).where(Visit.clinic_id == clinic.id, Visit.service_day == clock.service_day(now, clinic))
    return list(db.session.scalars(mine))


def check_swing(now: datetime) -> None:
    clinic, visits = main(), todays(now)
    states = Counter(visit.status for visit in visits)
    assert 140 <= len(visits) <= 165
    assert set(states) == set(V)
    assert states[V.IN_PROGRESS] == 5
    assert states[V.WAITING] >= 20
    assert states[V.PENDING_PAYMENT] >= 8
    first, _ = clock.day_bounds(clock.service_day(now, clinic), clinic)
    for visit in visits:
        for at in (visit.check_in_time, visit.called_at, visit.start_time, visit.end_time):
            assert at is None or first <= at <= now
    assert {v.priority for v in visits} == set(Priority)
    assert all(v.priority_reason for v in visits if v.priority != Priority.NORMAL)
    assert {v.payment.status for v in visits} >= {PaymentStatus.PENDING, PaymentStatus.PARTIALLY_PAID, "PAID"}
    assert any(v.status == V.CALLED and v.call_count == 2 for v in visits)
    assert "ECG" in {v.back_from for v in visits if v.status == V.WAITING}
    assert any(v.parked_at for v in visits)
    assert any(v.due_at and v.due_at < now for v in visits if v.status == V.SCHEDULED), "nobody is late"
    assert list(verify.findings()) == []


def check_noon(now: datetime) -> None:
    clinic, visits = main(), todays(now)
    limit = clinic.wait_limit_minutes * 60
    waits = [(now - v.waiting_since).total_seconds() for v in visits if v.status == V.WAITING and v.waiting_since]
    assert 3 <= sum(wait > limit for wait in waits) <= len(waits) / 2
    assert sum(v.appointment_id is not None for v in visits) > 90
    letters = {name(c).split()[0] for p in db.session.scalars(select(Patient)) for c in p.last_name if c.isalpha()}
    assert letters >= {"LATIN", "CYRILLIC", "CJK"}
    assert db.session.scalar(select(func.count(Doctor.id)).where(Doctor.clinic_id == clinic.id)) == 8
    assert {v.ticket[0] for v in visits if v.ticket} == {"A", "B", "C"}
    boxes = {b.name: b.account.balance for b in db.session.scalars(select(Cashbox).filter_by(clinic_id=clinic.id))}
    assert set(boxes) == {"Cash desk 1", "alpha", "sber", "Bank"}
    assert all(balance > 0 for balance in boxes.values())
    today = clock.service_day(now, clinic)
    repeat = select(Visit.patient_id).where(Visit.service_day < today).distinct()
    assert len(db.session.scalars(repeat).all()) > 25
    ahead = select(func.count(Appointment.id)).where(Appointment.day > today, Appointment.clinic_id == clinic.id)
    assert db.session.scalar(ahead) == 30
    days = db.session.scalars(select(Schedule.day).where(Schedule.clinic_id == clinic.id).distinct()).all()
    assert len(days) == 13  # today, and two weeks without their Sundays


def check_cards(now: datetime) -> None:
    """People live somewhere, are insured, children come with a mother, some were sent by somebody."""
    here = db.session.scalars(select(Patient).where(Patient.clinic_id == main().id)).all()
    today, by_id = clock.service_day(now, main()), {row.id: row for row in here}
    assert db.session.scalar(select(func.count(Region.code))) == len(cards.PLACES)
    assert {row.region_code for row in here} == {*cards.PLACES, None}
    assert len({row.district_code for row in here}) == 6
    assert all(row.address for row in here if row.settlement_code)
    assert 0.3 < sum(bool(row.policy_number) for row in here) / len(here) < 0.6
    wards = [row for row in here if row.guardian_id]
    assert len(wards) >= 15
    for row in wards:
        mother = by_id[row.guardian_id or 0]
        assert row.date_of_birth
        assert mother.date_of_birth
        assert (mother.gender, bool(mother.phone)) == ("FEMALE", True)
        assert row.date_of_birth.year - mother.date_of_birth.year >= 18
        assert (mother.region_code, mother.address) == (row.region_code, row.address)
        assert today.year - row.date_of_birth.year <= 16
    assert len([row for row in here if row.referred_by_id]) >= 5
    assert db.session.scalar(select(func.count(BonusEntry.id))), "nobody got a bonus"


def check_money(now: datetime) -> None:
    """The cash desk and the terminals are open, days before have Z reports, a transfer waits, something was spent."""
    clinic = main()
    box = {row.id: row for row in db.session.scalars(select(Cashbox).filter_by(clinic_id=clinic.id))}
    shifts = db.session.scalars(select(CashboxShift).filter_by(clinic_id=clinic.id).order_by(CashboxShift.id)).all()
    assert [row.number for row in shifts if row.closed_at] == [1, 2, 3]
    assert sum(row.counted != row.expected for row in shifts if row.closed_at) == 1
    assert sorted(box[row.cashbox_id].name for row in shifts if not row.closed_at) == ["Cash desk 1", "alpha", "sber"]
    today = clock.service_day(now, clinic)
    entries = db.session.scalars(select(LedgerEntry).filter_by(clinic_id=clinic.id, day=today)).all()
    paid = [row for row in entries if row.cashbox_id and row.kind == LedgerKind.PAYMENT]
    assert len(paid) > 30
    assert all(bool(row.shift_id) == box[row.cashbox_id or 0].keeps_shifts for row in paid)
    assert {row.kind for row in entries} >= {LedgerKind.EXPENSE, LedgerKind.ADJUSTMENT}
    assert [row.status for row in db.session.scalars(select(CashTransfer))] == ["PENDING"]


def check_weeks(now: datetime) -> None:
    """Every doctor has a week; its shifts of the next two weeks stand, and nothing more is due."""
    for clinic in db.session.scalars(select(Clinic)):
        today = clock.service_day(now, clinic)
        rows = db.session.scalars(select(ScheduleTemplate).where(ScheduleTemplate.clinic_id == clinic.id)).all()
        doctors = db.session.scalars(select(Doctor.id).where(Doctor.clinic_id == clinic.id)).all()
        assert {(row.doctor_id, row.weekday) for row in rows} == {(who, day) for who in doctors for day in range(6)}
        assert templates_made.due(system(clinic), now) == []
        made = select(Schedule.template_id).where(Schedule.clinic_id == clinic.id, Schedule.day > today)
        assert Counter(db.session.scalars(made)) == {row.id: 2 for row in rows}


def check_order() -> None:
    """As if it had been done at the desk: numbers by arrival, and the memory in the order of time."""
    came = select(VisitEvent.visit_id, VisitEvent.at).where(VisitEvent.move.in_(["check-in", "walk-in"]))
    at = dict(db.session.execute(came).tuples().all())
    today = clock.today(main())
    here = select(Visit).where(
        Visit.queue_number.is_not(None), Visit.service_day == today, Visit.clinic_id == main().id
    )
    visits = db.session.scalars(here.order_by(Visit.queue_number)).all()
    assert [v.queue_number for v in visits] == list(range(1, len(visits) + 1))
    assert [at[v.id] for v in visits] == sorted(at[v.id] for v in visits)
    for clinic_id in db.session.scalars(select(Clinic.id)):
        acts = select(AuditEntry.at).where(AuditEntry.clinic_id == clinic_id).order_by(AuditEntry.seq)
        instants = db.session.scalars(acts).all()
        assert sum(a > b for a, b in pairwise(instants)) <= 2  # shifts were opened before the first patient came


def test_everybody_can_sign_in_and_walls_are_real(empty_at: Callable[[str], Flask]) -> None:
    app = empty_at(NOON)
    fill.fill()
    names = ["reception", "nurse", "cashier", "manager", "admin", "reception2", *(f"doctor{n}" for n in range(1, 9))]
    assert sorted(users.demo_names()) == sorted(names)
    assert all(
        users.matches(users.by_name(name).password_hash, users.DEMO_PASSWORD) for name in ("reception", "doctor8")
    )
    second = db.session.scalars(select(Clinic).filter_by(name=clinics.SECOND)).one()
    assert (second.currency, second.time_zone) == ("JPY", "Asia/Tokyo")
    here = select(User.username, Membership.role).join(User).where(Membership.clinic_id == second.id)
    assert set(db.session.execute(here).tuples()) == {
        ("reception2", Role.RECEPTIONIST), ("admin", Role.ADMIN), ("manager", Role.MANAGER),
    }  # fmt: skip
    theirs = db.session.scalars(select(Patient.id).where(Patient.clinic_id == second.id)).first()
    ours = db.session.scalars(select(Patient.id).where(Patient.clinic_id == main().id)).first()
    assert (theirs, ours) != (None, None)
    token = app.test_cli_runner().invoke(args=["token", "reception2"]).output.strip()
    client, headers = app.test_client(), {"Authorization": f"Bearer {token}"}
    assert client.get(f"/api/v1/patients/{theirs}", headers=headers).status_code == 200
    assert client.get(f"/api/v1/patients/{ours}", headers=headers).status_code == 404


# ------------------------------------------------------------------------------------------------------ the command


def test_the_command_and_its_refusals(empty_at: Callable[[str], Flask]) -> None:
    app = empty_at(NOON)
    first = run(app, "--if-empty")
    assert first.exit_code == 0, first.output
    for words in ("/display/", "doctor1 to doctor8", users.DEMO_PASSWORD, "http://127.0.0.1:8000/"):
        assert words in first.output
    names = select(Patient.last_name + Patient.first_name + func.coalesce(Patient.phone, "")).order_by(Patient.id)
    acts = select(func.count(AuditEntry.id))
    before = db.session.scalar(acts)
    again = run(app, "--if-empty")
    assert (again.exit_code, "/display/" in again.output) == (0, True)
    assert db.session.scalar(acts) == before
    refused = run(app)
    assert (refused.exit_code, "There is a clinic already" in refused.output) == (1, True)

    people = list(db.session.scalars(names))
    perform(system(main()), directory.add_room, "Own room")
    clock.start_at(datetime.fromisoformat(NOON))
    reset = run(app, "--reset")
    assert reset.exit_code == 0, reset.output
    assert list(db.session.scalars(names)) == people  # the same demo each time
    assert db.session.scalars(select(Room.name).filter_by(name="Own room")).all() == []
    assert len(todays(clock.now())) >= 140
    assert list(verify.findings()) == []


def test_reset_leaves_own_data_alone(empty_at: Callable[[str], Flask]) -> None:
    app = empty_at(NOON)
    clinic = perform(founder(), directory.found_clinic, clinics.MAIN)
    perform(system(clinic), users.create_user, "somebody", "-", "Somebody", [Role.RECEPTIONIST])
    refused = run(app, "--reset")
    assert (refused.exit_code, "holds 1 users of your own" in refused.output) == (1, True)
    assert db.session.scalars(select(User.username)).all() == ["somebody"]


def test_another_clinic_is_no_demo(empty_at: Callable[[str], Flask]) -> None:
    app = empty_at(NOON)
    perform(founder(), directory.found_clinic, "My clinic")
    assert (run(app, "--if-empty").exit_code, run(app, "--if-empty").output) == (0, "")
    refused = run(app, "--reset")
    assert (refused.exit_code, "holds the clinic My clinic" in refused.output) == (1, True)
    assert db.session.scalars(select(Clinic.name)).all() == ["My clinic"]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_half_a_demo_is_made_whole(empty_at: Callable[[str], Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of the first `make run` must not leave half a clinic for good."""
    app = empty_at(NOON)
    with monkeypatch.context() as broken:
        broken.setattr(fill.clinics, "found_second", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            fill.fill()
    db.session.rollback()
    assert not fill.look().is_whole
    assert run(app, "--if-empty").exit_code == 0
    assert fill.look().is_whole
    assert len(todays(clock.now())) >= 140


def test_production_refuses(empty_at: Callable[..., Flask]) -> None:
    app = empty_at("", RECEPTION_ENV="production")
    refused = run(app)
    assert (refused.exit_code, "does not run in production" in refused.output) == (1, True)
    assert db.session.scalar(select(func.count(Clinic.id))) == 0


# ------------------------------------------------------------------------------------------------------ the play


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_day_runs_on_over_http_and_ends(empty_at: Callable[[str], Flask]) -> None:
    app = empty_at(NOON)
    fill.fill()
    acts = db.session.scalar(select(func.count(VisitEvent.id))) or 0
    with serving(cast(House, SimpleNamespace(app=app))) as server:
        answer = run(app, "--play", "--url", server.url, "--minutes", "0.15", "--speed", "400")
        assert answer.exit_code == 0, answer.output
        gone = server.url
    for words in ("called by", "comes in", "is done", "paid", "The play is over"):
        assert words in answer.output
    assert (db.session.scalar(select(func.count(VisitEvent.id))) or 0) > acts + 10
    assert not re.search("[а-яё\u4e00-\u9fff]", answer.output), "a patient's name is told"
    assert db.session.scalars(select(ApiToken.id).where(ApiToken.revoked_at.is_(None))).all() == []
    assert list(verify.findings()) == []
    refused = run(app, "--play", "--url", gone)
    assert (refused.exit_code, "No Reception answers at" in refused.output) == (1, True)


def test_nothing_to_play(empty_at: Callable[[str], Flask]) -> None:
    refused = run(empty_at(NOON), "--play")
    assert (refused.exit_code, "There is no demo here to play" in refused.output) == (1, True)
