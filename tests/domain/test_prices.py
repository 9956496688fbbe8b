"""The price list: one price on each day, changed from a day on, for one service or for many by percent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from reception import clock
from reception.domain import directory
from reception.domain.directory import Step, price_changes
from reception.domain.errors import Invalid, NotFound, NotPossible, Refusal, Stale
from reception.domain.machines import UNDO_SECONDS
from reception.extensions import db
from reception.models import AuditEntry, Payment, PriceChange, Service, ServicePrice, ServiceType
from tests.factories import House

DAY = timedelta(days=1)


def today(house: House) -> date:
    return clock.today(house.clinic)


def periods(house: House, service: Service | None = None) -> list[tuple[int, int, int | None]]:
    """(price, first, last) of a service, days counted from today."""
    begin = today(house)
    query = select(ServicePrice).filter_by(service_id=(service or house.service).id).order_by(ServicePrice.valid_from)
    return [
        (p.price, (p.valid_from - begin).days, (p.valid_to - begin).days if p.valid_to else None)
        for p in db.session.scalars(query)
    ]


def refused(act: Callable[[], Any], kind: type[Refusal], about: str) -> Refusal:
    """The refusal of `act`, about a field or with a code; nothing has changed."""
    before = list(db.session.execute(select(ServicePrice.id, ServicePrice.price, ServicePrice.valid_to)))
    acts = db.session.scalar(select(AuditEntry.seq).order_by(AuditEntry.id.desc()).limit(1))
    with pytest.raises(kind) as found:
        act()
    assert about in (found.value.code, *found.value.fields)
    assert list(db.session.execute(select(ServicePrice.id, ServicePrice.price, ServicePrice.valid_to))) == before
    assert db.session.scalar(select(AuditEntry.seq).order_by(AuditEntry.id.desc()).limit(1)) == acts
    return found.value


def step(house: House, percent: float, unit: int = 1, days: int = 1, **more: Any) -> Step:
    return Step(round(percent * 100), unit, today(house) + days * DAY, **more)


# ---------------------------------------------------------------------------------------------------- one service


def test_each_price_ends_the_day_before_the_next(house: House) -> None:
    house.run(directory.set_price, house.service.id, 13_000, today(house) + 10 * DAY)
    house.run(directory.set_price, house.service.id, 14_000, today(house) + 20 * DAY)
    assert periods(house) == [(12_000, 0, 9), (13_000, 10, 19), (14_000, 20, None)]
    house.run(directory.set_price, house.service.id, 12_500, today(house) + 4 * DAY, today(house) + 9 * DAY)
    assert periods(house) == [(12_000, 0, 3), (12_500, 4, 9), (13_000, 10, 19), (14_000, 20, None)]
    house.run(directory.set_price, house.service.id, 12_600, today(house) + 4 * DAY)
    assert periods(house)[1] == (12_600, 4, 9)


def test_prices_never_overlap_and_leave_no_hole(house: House) -> None:
    first = today(house)
    house.run(directory.set_price, house.service.id, 13_000, first + 10 * DAY)

    def setting(begin: int, end: int | None = None, price: int = 1) -> Callable[[], Any]:
        last = None if end is None else first + end * DAY
        return lambda: house.run(directory.set_price, house.service.id, price, first + begin * DAY, last)

    assert "another price" in str(refused(setting(5), NotPossible, "later-price"))
    refused(setting(5, 10), NotPossible, "later-price")
    refused(setting(5, 20), NotPossible, "later-price")
    assert "no price from" in str(refused(setting(5, 8), Invalid, "valid_to"))
    refused(setting(5, 4), Invalid, "valid_to")
    assert "no price from" in str(refused(setting(12, 30), Invalid, "valid_to"))
    refused(setting(10, 12), Invalid, "valid_to")
    refused(setting(-1), Invalid, "valid_from")
    assert "out of reach" in str(refused(setting(365 * 6), Invalid, "valid_from"))
    for price in (-1, 10**12 + 1):
        refused(setting(12, price=price), Invalid, "price")
    row = db.session.scalars(select(ServicePrice).filter_by(valid_to=None)).one()

    def cut(*, actor: Any, at: Any) -> None:
        db.session.get_one(ServicePrice, row.id).valid_to = first + 15 * DAY
        directory.change_service(house.service.id, description="prices end", actor=actor, at=at)

    house.run(cut)
    assert "no price from" in str(refused(setting(18), Invalid, "valid_from"))
    setting(16)()
    assert periods(house)[-1] == (1, 16, None)


def test_a_price_is_withdrawn_before_it_begins(house: House) -> None:
    for days, price in ((10, 13_000), (20, 14_000)):
        house.run(directory.set_price, house.service.id, price, today(house) + days * DAY)
    now, next_, last = db.session.scalars(select(ServicePrice.id).order_by(ServicePrice.valid_from)).all()
    refused(lambda: house.run(directory.withdraw_price, now), NotPossible, "begun")
    house.run(directory.withdraw_price, next_)
    assert periods(house) == [(12_000, 0, 19), (14_000, 20, None)]
    refused(lambda: house.run(directory.withdraw_price, next_), NotFound, "not-found")
    house.run(directory.put_price_back, house.service.id, 13_000, today(house) + 10 * DAY, today(house) + 19 * DAY)
    assert periods(house) == [(12_000, 0, 9), (13_000, 10, 19), (14_000, 20, None)]
    house.run(directory.withdraw_price, last)
    assert periods(house) == [(12_000, 0, 9), (13_000, 10, None)]
    again = lambda: house.run(directory.put_price_back, house.service.id, 1, today(house) + 10 * DAY)  # noqa: E731
    refused(again, NotPossible, "duplicate")
    actions = db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id.desc()).limit(3)).all()
    assert actions == ["service.price-withdraw", "service.price", "service.price-withdraw"]


def test_walls(house: House) -> None:
    other = House.open(house.app, "Hillside")
    other.run(directory.set_price, other.service.id, 5, today(other) + DAY)
    kind = other.run(directory.add_service_type, "Tests")
    theirs = db.session.scalars(select(ServicePrice.id).filter_by(service_id=other.service.id, price=5)).one()
    change = other.run(directory.change_prices, step(other, 10, days=2))
    for act in (
        lambda: house.run(directory.set_price, other.service.id, 1, today(house)),
        lambda: house.run(directory.withdraw_price, theirs),
        lambda: house.run(directory.put_price_back, other.service.id, 1, today(house)),
        lambda: house.run(directory.change_prices, step(house, 5, service_type_id=kind.id)),
        lambda: house.run(directory.change_prices, step(house, 5, department_id=other.department.id)),
        lambda: house.run(directory.take_back_change, change.id),
        lambda: house.run(directory.change_service, house.service.id, service_type_id=kind.id),
    ):
        refused(act, NotFound, "not-found")


# ------------------------------------------------------------------------------------------------ many by percent


@pytest.mark.parametrize(
    "price, percent, unit, expected",
    [
        (12_000, 5, 1, 12_600),
        (9_999, 5, 1, 10_499),
        (9_990, 5, 10, 10_490),
        (9_990, 5, 100, 10_500),
        (10_500, 10, 100, 11_600),
        (12_050, -10, 100, 10_800),
        (1, 50, 1, 2),
        (30, 5, 100, 100),
        (30, -100, 100, 0),
        (0, 50, 100, 0),
        (10**12 - 1, -0.01, 1, 999_899_999_999),
    ],
)
def test_rounding(price: int, percent: float, unit: int, expected: int) -> None:
    """To the nearest step, halves up; only minus a hundred percent makes free."""
    assert price_changes.changed(price, round(percent * 100), unit) == expected


def test_prices_change_by_percent_in_one_act_and_old_bills_keep_theirs(house: House) -> None:
    bill = house.visit().payment
    second = house.run(directory.add_service, "ECG", 3_333)
    free = house.run(directory.add_service, "Advice", 0)
    later = house.run(directory.add_service, "Laboratory", 5_000)
    house.run(directory.set_price, later.id, 6_000, today(house) + 5 * DAY)
    wanted = step(house, 7.5, 10, days=2)
    proposal = directory.propose(house.actor, wanted, today(house))
    assert [(line.service.name, line.old, line.new) for line in proposal.changing] == [
        ("Consultation", 12_000, 12_900), ("ECG", 3_333, 3_580),
    ]  # fmt: skip
    assert [(line.service.name, line.set_from) for line in proposal.left] == [("Laboratory", today(house) + 5 * DAY)]
    acts = len(db.session.scalars(select(AuditEntry.id)).all())
    row = house.run(directory.change_prices, wanted, shown=proposal.digest)
    assert row.lines == [[house.service.id, 12_000, 12_900], [second.id, 3_333, 3_580]]
    assert periods(house) == [(12_000, 0, 1), (12_900, 2, None)]
    assert periods(house, second) == [(3_333, 0, 1), (3_580, 2, None)]
    assert periods(house, free) == [(0, 0, None)]
    assert periods(house, later) == [(5_000, 0, 4), (6_000, 5, None)]
    assert len(db.session.scalars(select(AuditEntry.id)).all()) == acts + 1
    house.later(days=2)
    assert house.visit().payment.total_amount == 12_900
    assert db.session.get_one(Payment, bill.id).total_amount == 12_000


def test_a_change_is_for_a_type_or_department(house: House) -> None:
    kind = house.run(directory.add_service_type, "Tests")
    ecg = house.run(directory.add_service, "ECG", 1_000, service_type_id=kind.id)
    here = house.run(directory.add_service, "X-ray", 1_000, department_id=house.department.id)
    gone = house.run(directory.add_service, "Leeches", 1_000, service_type_id=kind.id)
    house.run(directory.change_service, gone.id, is_active=False)
    row = house.run(directory.change_prices, step(house, 10, service_type_id=kind.id))
    assert row.lines == [[ecg.id, 1_000, 1_100]]
    row = house.run(directory.change_prices, step(house, -10, department_id=house.department.id))
    assert row.lines == [[here.id, 1_000, 900]]
    assert periods(house) == [(12_000, 0, None)]


def test_a_change_is_taken_back(house: House) -> None:
    second = house.run(directory.add_service, "ECG", 1_000)
    house.later(days=1)
    before = periods(house), periods(house, second)
    row = house.run(directory.change_prices, step(house, 10, days=0))
    assert periods(house) == [(12_000, -1, -1), (13_200, 0, None)]
    house.later(seconds=UNDO_SECONDS - 5)
    house.run(directory.take_back_change, row.id)
    assert (periods(house), periods(house, second)) == before
    again = refused(lambda: house.run(directory.take_back_change, row.id), NotPossible, "undone-already")
    assert "already" in str(again)
    row = house.run(directory.change_prices, step(house, 10, days=0))
    house.later(seconds=UNDO_SECONDS + 1)
    refused(lambda: house.run(directory.take_back_change, row.id), NotPossible, "too-late")
    ahead = house.run(directory.change_prices, step(house, 10, days=7))
    house.later(hours=5)
    house.run(directory.set_price, second.id, 5_555, today(house) + 7 * DAY)
    house.run(directory.take_back_change, ahead.id)
    assert periods(house)[-1] == (13_200, 0, None)
    assert periods(house, second)[-1] == (5_555, 7, None), "somebody set it anew"
    assert db.session.get_one(PriceChange, ahead.id).withdrawn_at is not None


def test_slips_of_a_change(house: House) -> None:
    for percent in (-100.01, 1000.01, 0):
        refused(lambda p=percent: house.run(directory.change_prices, step(house, p)), Invalid, "percent")  # type: ignore[misc]
    for unit in (0, -5, 10**9 + 1):
        refused(lambda u=unit: house.run(directory.change_prices, step(house, 5, u)), Invalid, "step")  # type: ignore[misc]
    for days in (-1, 365 * 6):
        refused(lambda d=days: house.run(directory.change_prices, step(house, 5, days=d)), Invalid, "valid_from")  # type: ignore[misc]
    refused(lambda: house.run(directory.change_prices, step(house, 0.01, 100)), NotPossible, "nothing")
    house.run(directory.add_service, "Palace", 10**12)
    refused(lambda: house.run(directory.change_prices, step(house, 1)), Invalid, "percent")


def test_what_was_agreed_to_is_what_is_done(house: House) -> None:
    wanted = step(house, 5)
    shown = directory.propose(house.actor, wanted, today(house)).digest
    house.run(directory.set_price, house.service.id, 12_001, today(house))
    stale = refused(lambda: house.run(directory.change_prices, wanted, shown=shown), Stale, "stale-version")
    assert "Look at the list again" in str(stale)


# ----------------------------------------------------------------------------------------------------- the lists


def test_a_closed_type_is_not_chosen_any_more(house: House) -> None:
    kind = house.run(directory.add_service_type, " Tests ")
    ecg = house.run(directory.add_service, "ECG", 1, service_type_id=kind.id)
    house.run(directory.change_service_type, kind.id, name="Tests", is_active=False)
    house.run(directory.change_service, ecg.id, service_type_id=kind.id)
    act = lambda: house.run(directory.change_service, house.service.id, service_type_id=kind.id)  # noqa: E731
    assert "is closed" in str(refused(act, Invalid, "service_type_id"))
    refused(lambda: house.run(directory.add_service_type, "Tests"), NotPossible, "duplicate")
    assert db.session.scalars(select(ServiceType.name)).all() == ["Tests"]
    heart = house.run(directory.add_specialization, "Cardiology")
    house.run(directory.change_doctor, house.doctor.id, specialization_id=heart.id)
    house.run(directory.change_specialization, heart.id, name="Heart", is_active=False)
    other = house.another_doctor()
    act = lambda: house.run(directory.change_doctor, other.id, specialization_id=heart.id)  # noqa: E731
    refused(act, Invalid, "specialization_id")
    refused(lambda: house.run(directory.add_specialization, "Heart"), NotPossible, "duplicate")


def test_another_ticket_letter_leaves_the_tickets_given(house: House) -> None:
    from reception.domain import clinic

    given = house.visit()
    assert given.ticket == "A-001"
    house.run(clinic.change_department, house.department.id, name="General medicine", code="g")
    assert (given.ticket, house.visit().ticket) == ("A-001", "G-002")
    house.run(directory.add_department, "Surgery", "S")
    act = lambda: house.run(  # noqa: E731
        clinic.change_department, house.department.id, name="General medicine", code="S"
    )
    assert "letter" in str(refused(act, NotPossible, "duplicate"))
