"""Series: a weekly 13:00 stays 13:00, what fits is booked, the rest is said; cancelled and undone as a whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from reception import clock
from reception.domain import verify
from reception.domain.calendar import absences, booking, series
from reception.domain.errors import Invalid, NotPossible, Refusal
from reception.extensions import db
from reception.models import Appointment, AuditEntry, Patient, Payment, Role, Visit
from tests.factories import House

DESK = Role.RECEPTIONIST
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def eight_weeks(house: House) -> None:
    """A shift on each of eight Fridays; in the third the hour is booked, on the fifth the doctor is away."""
    for week in range(8):
        house.shift(first=13, last=15, days=7 * week)
    house.booked(starts_at=house.at(13, days=14))
    fifth = clock.today(house.clinic) + timedelta(days=28)
    house.run(absences.enter, house.doctor.id, fifth, fifth, begins=time(13), ends=time(13, 15))


def asked(house: House) -> tuple[int, int, datetime, int]:
    return house.doctor.id, house.service.id, house.at(13), 8


def test_eight_weeks_of_which_two_do_not_fit(house: House) -> None:
    eight_weeks(house)
    patient, now = house.patient(), clock.now()
    weeks = series.preview(house.actor, *asked(house), at=now, patient_id=patient.id)
    whys = {n: week.why for n, week in enumerate(weeks) if week.why}
    assert list(whys) == [2, 4]
    assert (whys[2], whys[4]) == ("This time is fully booked.", "The doctor is away or the clinic is closed.")
    assert [weeks[n].nearest.starts_at for n in (2, 4)] == [house.at(13, 15, days=14), house.at(13, 15, days=28)]  # type: ignore[union-attr]
    before = db.session.scalar(select(func.count()).select_from(Appointment))
    desk = house.person(DESK)
    first = house.run(series.book, patient.id, *asked(house), actor=desk, reason="therapy")
    rows = series.of(first.series, house.actor)
    assert [row.starts_at for row in rows] == [house.at(13, days=7 * n) for n in (0, 1, 3, 5, 6, 7)]
    assert (first.series, {row.reason for row in rows}) == (first.booking_id, {"therapy"})
    assert db.session.scalar(select(func.count()).select_from(Appointment)) == (before or 0) + 6
    said = series.preview(house.actor, *asked(house), at=now, patient_id=patient.id, series=first.series)
    assert [n for n, week in enumerate(said) if week.booked] == [0, 1, 3, 5, 6, 7]
    numbers = sorted(db.session.scalars(select(Appointment.booking_id)))
    assert numbers == [f"R261120-{n:04d}" for n in range(1, 8)], "what did not fit used up a number"
    acts = select(func.count()).where(AuditEntry.action == "appointment.book")
    assert db.session.scalar(acts) == 7
    assert list(verify.findings()) == []
    # All that follow the fourth week, at once, and back at once.
    fourth = rows[2]
    assert len(series.to_come(fourth, house.actor)) == 4
    house.run(series.cancel_following, fourth.id, actor=desk, reason="moved away", version=fourth.version)
    assert [row.status for row in series.of(first.series, house.actor)] == ["CONFIRMED"] * 2 + ["CANCELLED"] * 4
    house.run(series.take_back, fourth.id, actor=desk)
    assert {row.status for row in series.of(first.series, house.actor)} == {"CONFIRMED"}
    house.move(fourth.visit, "cancel", reason="only this one")
    assert [row.status for row in series.of(first.series, house.actor)].count("CANCELLED") == 1
    assert list(verify.findings()) == []


def test_a_booked_series_can_be_undone(house: House) -> None:
    house.shift(first=13, last=15)
    house.shift(first=13, last=15, days=7)
    desk = house.person(DESK)
    first = house.run(series.book, house.patient().id, *asked(house)[:3], 2, actor=desk)
    house.run(series.take_back, first.id, actor=desk)
    assert {row.status for row in db.session.scalars(select(Visit))} == {"CANCELLED"}
    assert {row.status for row in db.session.scalars(select(Payment))} == {"CANCELLED"}
    assert list(verify.findings()) == []


def test_somebody_new_and_a_series_or_neither(house: House) -> None:
    house.shift(first=13, last=15)
    row = house.run(series.book_new, {"last_name": "New"}, *asked(house)[:3], 3)
    assert (row.patient.last_name, row.series, len(series.of(row.series, house.actor))) == ("New", row.booking_id, 1)
    with pytest.raises(NotPossible) as told:
        house.run(series.book_new, {"last_name": "Late"}, *asked(house)[:3], 3)
    assert told.value.code == "none-fits"
    assert db.session.scalar(select(func.count()).where(Patient.last_name == "Late")) == 0
    assert list(verify.findings()) == []


@ON_SQLITE
def test_a_weekly_hour_over_the_changes_of_the_clock(house: House) -> None:
    """13:00 stays 13:00; an hour that a Sunday leaves out does not fit, and says why."""
    clock.start_at(datetime(2027, 3, 1, 9, tzinfo=UTC))
    actor = house.actor
    one = clock.instant(date(2027, 3, 14), datetime.min.time().replace(hour=13), house.clinic)
    assert one is not None
    found = series.weeks(one, 4, actor)
    assert [f"{clock.local(at, house.clinic):%d.%m. %H:%M}" for _, at in found if at] == [
        "14.03. 13:00", "21.03. 13:00", "28.03. 13:00", "04.04. 13:00",
    ]  # fmt: skip
    night = clock.instant(date(2027, 3, 21), datetime.min.time().replace(hour=2, minute=30), house.clinic)
    assert night is not None
    weeks = series.preview(house.actor, house.doctor.id, house.service.id, night, 3, at=clock.now())
    assert [week.starts_at is None for week in weeks] == [False, True, False]
    assert weeks[1].why == series.NO_SUCH_TIME


@ON_SQLITE
def test_what_a_series_refuses(house: House) -> None:
    eight_weeks(house)
    patient = house.patient()
    values: tuple[Any, ...] = (patient.id, *asked(house)[:3])
    for count in (1, 53, 0, -1):
        with pytest.raises(Invalid) as told:
            house.run(series.book, *values, count)
        assert list(told.value.fields) == ["weeks"]
    with pytest.raises(Invalid):
        house.run(series.book, patient.id, house.doctor.id, house.service.id, house.at(9), 8, actor=house.person(DESK))
    with pytest.raises(Refusal):
        house.run(
            series.book, patient.id, House.open(house.app, "Hillside").doctor.id, house.service.id, house.at(13), 8
        )
    row = house.run(booking.book, patient.id, *asked(house)[:3])
    with pytest.raises(NotPossible):
        house.run(series.cancel_following, row.id)
    with pytest.raises(NotPossible):
        house.run(series.take_back, row.id)
    whys = series.preview(house.actor, *asked(house), at=clock.now(), patient_id=patient.id)
    assert whys[0].why == "This patient already has a place in this shift."
    assert all(week.day == clock.today(house.clinic) + timedelta(weeks=n) for n, week in enumerate(whys))
