"""The advanced search against a plain reading of all cards; its order, its pages, what it may cost, kept searches."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select, text, update

from reception import clock
from reception.domain import merging, registry_saved, registry_search, verify
from reception.domain.errors import Invalid, NotFound, NotPossible
from reception.domain.imports import bulk
from reception.domain.registry_search import Filters
from reception.domain.search import fold
from reception.domain.visits import moves, undo
from reception.extensions import db
from reception.models import Appointment, District, Gender, Patient, Payment, Region, Role, Visit
from tests.factories import House
from tests.sql import statements

MANY = 180
NAMES = "Ivanova Petrov Hoffmann Öztürk Smith Яковлева Garcia".split()
CAME = registry_search.CAME


@pytest.fixture
def crowd(house: House) -> House:
    """Many cards, stored at once, and a few who were here, are booked or owe."""
    random = Random(7)
    db.session.add_all([Region(code=c, country="UZ", names={"en": c}) for c in ("17", "18")])
    db.session.flush()
    db.session.add_all([District(code=f"{r}{n}", region_code=r, names={"en": r}) for r in ("17", "18") for n in "ab"])
    db.session.commit()
    at = clock.now()

    def fill(*, actor: Any, at: Any) -> None:
        rows = []
        for number, ident in enumerate(bulk.new_ids(Patient, MANY)):
            made = at - timedelta(days=random.randrange(0, 90), hours=random.randrange(24))
            region = random.choice(["17", "18", None])
            row = {
                "id": ident, "clinic_id": actor.clinic_id, "card_no": f"9{number:05d}",
                "last_name": random.choice(NAMES), "first_name": f"N{number}", "middle_name": "",
                "gender": random.choice(list(Gender)), "is_active": random.random() > 0.1,
                "date_of_birth": None if random.random() < 0.15 else date(1930, 1, 1) + timedelta(random.randrange(35_000)),
                "region_code": region, "district_code": f"{region}{random.choice('ab')}" if region else None,
                "special_needs": random.choice(["", "", "", "Wheelchair"]), "created_at": made, "updated_at": made,
            }  # fmt: skip
            row["folded"] = fold(Patient(**{k: row[k] for k in ("last_name", "first_name", "middle_name", "card_no")}))
            rows.append(row)
        bulk.insert(Patient, rows)

    house.run(fill)
    some = db.session.scalars(select(Patient).where(Patient.is_active).order_by(Patient.id)).all()
    for row in some[::14]:
        house.booked(row, house.at(12, days=random.choice([1, 3])))
    house.visit("COMPLETED", patient=some[1])
    house.visit("PENDING_PAYMENT", patient=some[2])
    clock.start_at(at + timedelta(days=40))
    house.visit("COMPLETED", patient=some[3])
    house.visit("CANCELLED", patient=some[4])
    clock.start_at(at + timedelta(days=41))
    return house


def plainly(house: House, rule: Callable[[Patient], bool]) -> set[int]:
    """Who passes, found by looking at every card."""
    return {
        row.id
        for row in db.session.scalars(select(Patient).where(Patient.clinic_id == house.clinic.id, Patient.is_active))
        if rule(row)
    }


def found(house: House, asked: Filters) -> list[int]:
    return [row.id for batch in registry_search.every(house.actor, asked, batch=37) for row in batch]


def age(row: Patient, today: date) -> int:
    born = row.date_of_birth
    return -1 if born is None else today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def came(row: Patient) -> list[date]:
    return list(db.session.scalars(select(Visit.service_day).where(Visit.patient_id == row.id, Visit.status.in_(CAME))))


def test_filters_orders_and_plans(crowd: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One crowd for all three: making it costs most."""
    no_filter_reads_the_whole_registry(crowd, monkeypatch)
    orders_and_pages(crowd)
    many_are_found_as_few_are(crowd, monkeypatch)
    every_filter_and_their_combinations(crowd, monkeypatch)


def every_filter_and_their_combinations(crowd: House, monkeypatch: pytest.MonkeyPatch) -> None:
    today = clock.today(crowd.clinic)
    day = timedelta(days=1)
    bills = set(
        db.session.scalars(
            select(Payment.patient_id).join(Visit, Visit.id == Payment.visit_id).where(
                Payment.status == "PENDING", Payment.self_pay_amount > 0, Visit.status.in_(CAME))
        )
    )  # fmt: skip
    assert len(bills) == 1
    cases: list[tuple[dict[str, Any], Callable[[Patient], bool]]] = [
        ({}, lambda p: True),
        ({"gender": Gender.FEMALE}, lambda p: p.gender == "FEMALE"),
        ({"age_from": 30}, lambda p: age(p, today) >= 30),
        ({"age_to": 18}, lambda p: 0 <= age(p, today) <= 18),
        ({"age_from": 40, "age_to": 41}, lambda p: 40 <= age(p, today) <= 41),
        ({"region": "17"}, lambda p: p.region_code == "17"),
        ({"district": "18a"}, lambda p: p.district_code == "18a"),
        ({"needs": True}, lambda p: p.special_needs != ""),
        (
            {"registered_from": today - 60 * day, "registered_to": today - 50 * day},
            lambda p: today - 60 * day <= clock.service_day(p.created_at, crowd.clinic) <= today - 50 * day,
        ),
        ({"visited_from": today - day}, lambda p: any(d >= today - day for d in came(p))),
        (
            {"visited_from": today - 60 * day, "visited_to": today - 10 * day},
            lambda p: bool(came(p)) and today - 60 * day <= max(came(p)) <= today - 10 * day,
        ),
        ({"visited_to": today - 10 * day}, lambda p: bool(came(p)) and max(came(p)) <= today - 10 * day),
        ({"open_bill": True}, lambda p: p.id in bills),
        ({"booked": True}, lambda p: False),
        (
            {"region": "18", "gender": Gender.MALE, "age_from": 20, "age_to": 70},
            lambda p: p.region_code == "18" and p.gender == "MALE" and 20 <= age(p, today) <= 70,
        ),
        ({"text": "ivanova", "needs": True}, lambda p: p.last_name == "Ivanova" and bool(p.special_needs)),
        ({"text": "яковлева", "district": "17b"}, lambda p: p.last_name == "Яковлева" and p.district_code == "17b"),
    ]
    for values, rule in cases:
        asked = Filters(**values).checked()
        expected = plainly(crowd, rule)
        assert set(found(crowd, asked)) == expected, values
        assert registry_search.count(crowd.actor, asked) == (len(expected), False), values
        first = registry_search.page(crowd.actor, asked, 20)
        assert len(first.rows) == min(20, len(expected))
        assert {row.id for row in first.rows} <= expected
    monkeypatch.setattr(registry_search, "MOST_TEXT", 5)  # text that brings more than can be listed
    asked = Filters(text="ivanova", needs=True)
    assert set(found(crowd, asked)) == plainly(crowd, lambda p: p.last_name == "Ivanova" and bool(p.special_needs))
    assert {row.id for row in registry_search.page(crowd.actor, asked, 50).rows} == set(found(crowd, asked))
    clock.start_at(clock.now() - timedelta(days=41))
    booked = set(db.session.scalars(select(Appointment.patient_id).where(Appointment.status == "CONFIRMED")))
    assert set(found(crowd, Filters(booked=True))) == booked
    assert len(booked) > 10
    closed = [row for row in db.session.scalars(select(Patient)) if not row.is_active]
    assert set(found(crowd, Filters(closed=True))) >= {row.id for row in closed}


def orders_and_pages(crowd: House) -> None:
    """Each order both ways, page by page: nobody twice, nobody left out, cards without a birth date last."""
    everybody = {row.id: row for row in db.session.scalars(select(Patient).where(Patient.is_active))}
    keys: dict[str, Callable[[Patient], Any]] = {
        "name": lambda p: p.folded, "born": lambda p: p.date_of_birth, "registered": lambda p: p.created_at,
        "card": lambda p: p.card_no,
    }  # fmt: skip
    assert set(keys) == set(registry_search.SORTS)
    for sort, key in keys.items():
        for down in (False, True):
            seen: list[int] = []
            after = None
            while True:
                page = registry_search.page(crowd.actor, Filters(sort=sort, descending=down), 50, after)
                seen += [row.id for row in page.rows]
                after = page.following
                if after is None:
                    break
            assert sorted(seen) == sorted(everybody), (sort, down)
            values = [key(everybody[ident]) for ident in seen]
            dated = [value for value in values if value is not None]
            assert dated == sorted(dated, reverse=down), (sort, down)
            assert values[len(dated) :] == [None] * (len(values) - len(dated))
    foreign = House.open(crowd.app, "Hillside").patient("Foreign")
    assert registry_search.page(crowd.actor, Filters(), 50, foreign.id).rows == []


def many_are_found_as_few_are(crowd: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found first or met on a walk: the same cards in the same order, page by page."""
    today = clock.today(crowd.clinic)
    ways: list[dict[str, Any]] = [
        {"gender": Gender.FEMALE}, {"region": "17"}, {"region": "18", "gender": Gender.MALE}, {"age_from": 30},
        {"registered_to": today - timedelta(days=70)}, {"visited_from": today - timedelta(days=60)}, {"booked": True},
        {"visited_to": today, "registered_from": today - timedelta(days=300)}, {"needs": True}, {"text": "ivanova"},
    ]  # fmt: skip
    for values in ways:
        for sort in registry_search.SORTS:
            for down in (False, True):
                asked, seen = Filters(**values, sort=sort, descending=down), []
                for most in (10_000, 2):
                    monkeypatch.setattr(registry_search, "MOST_COUNTED", most)
                    ids, after = [], None
                    while True:
                        page = registry_search.page(crowd.actor, asked, 20, after)
                        ids += [row.id for row in page.rows]
                        assert page.counted == registry_search.count(crowd.actor, asked)
                        if (after := page.following) is None:
                            break
                    seen.append((ids, found(crowd, asked)))
                assert seen[0] == seen[1], (values, sort, down)
                assert seen[0][0] == seen[0][1], (values, sort, down)
                assert registry_search.count(crowd.actor, asked) == (min(2, len(ids)), len(ids) > 2)
    monkeypatch.setattr(registry_search, "MOST_COUNTED", 10_000)


def no_filter_reads_the_whole_registry(crowd: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite each way of asking begins at an index; and there are few questions. Once where the cards are few, once
    where they are too many to be found first."""
    if db.engine.dialect.name != "sqlite":
        return
    today = clock.today(crowd.clinic)
    ways = [
        {}, {"gender": Gender.MALE}, {"age_from": 40, "age_to": 41}, {"age_from": 20}, {"region": "17"},
        {"district": "17a"}, {"needs": True}, {"open_bill": True}, {"booked": True}, {"visited_from": today},
        {"visited_to": today - timedelta(days=400)}, {"registered_from": today, "registered_to": today},
        {"text": "ivanova", "region": "17"},
    ]  # fmt: skip
    for most in (10_000, 2):
        monkeypatch.setattr(registry_search, "MOST_COUNTED", most)
        for values in ways:
            for sort in ("name", "born", "registered", "card"):
                with statements() as seen:
                    registry_search.page(crowd.actor, Filters(**values, sort=sort), 50)
                assert len(seen) <= (6 if most > 2 or "text" not in values else 9), (
                    values,
                    sort,
                )  # the text is asked again
                plans = [line for _, line in seen.plans()]
                assert not [line for line in plans if re.match(r"SCAN patient\b(?!_)", line)], (values, sort, plans)
                if (
                    most == 2
                    and sort == "name"
                    and set(values) & {"district", "needs", "region"}
                    and "text" not in values
                ):
                    assert [line for line in plans if "ix_patient_" in line], (values, plans)
                    assert not [line for line in plans if "TEMP B-TREE FOR ORDER" in line], (values, plans)
                if set(values) in ({"gender"}, {"age_from"}, {"visited_from"}, {"visited_to"}):
                    assert [line for line in plans if "COVERING INDEX ix_patient_filters" in line], (values, plans)
    monkeypatch.setattr(registry_search, "MOST_COUNTED", 10_000)


def test_the_day_of_the_last_visit_follows_the_visits(house: House) -> None:
    """Whatever is done to a visit; and verify says where the card and the visits differ."""
    today = clock.today(house.clinic)

    def day_of(patient: Patient) -> date | None:
        db.session.expire_all()
        assert list(registry_search.drifts()) == []
        return db.session.get_one(Patient, patient.id).last_visit_day

    who, other = house.patient(), house.patient()
    row = house.booked(who, house.at(11))
    assert day_of(who) is None
    visit = house.run(moves.check_in, row.id)
    assert day_of(who) == today
    house.run(undo.undo, visit.id)
    assert day_of(who) is None
    visit = house.run(moves.check_in, row.id)
    house.run(moves.move, visit.id, "cancel", reason="left")
    assert day_of(who) is None
    house.visit("COMPLETED", patient=other)
    assert day_of(other) == today
    house.run(merging.merge, who.id, other.id, {})
    assert (day_of(who), day_of(other)) == (today, None)
    past = house.visit("COMPLETED", patient=house.patient())
    db.session.execute(update(Patient).where(Patient.id == past.patient_id).values(last_visit_day=None))
    wrong = list(registry_search.drifts())
    assert wrong == [f"patient {past.patient_id} was here last on {today}, the card says None"]
    assert wrong[0] in list(verify.findings())
    db.session.rollback()
    db.session.execute(text("UPDATE visit SET service_day = :day"), {"day": (today - timedelta(days=3)).isoformat()})
    assert day_of(who) == today - timedelta(days=3)


def test_what_makes_no_sense_is_refused() -> None:
    for values, field in (
        ({"age_from": 50, "age_to": 20}, "age_to"),
        ({"age_from": 500}, "age_from"),
        ({"registered_from": date(2026, 2, 1), "registered_to": date(2026, 1, 1)}, "registered_to"),
        ({"visited_from": date(2026, 2, 1), "visited_to": date(2026, 1, 1)}, "visited_to"),
        ({"sort": "folded; DROP TABLE patient"}, "sort"),
    ):
        with pytest.raises(Invalid) as told:
            Filters(**values).checked()  # type: ignore[arg-type]
        assert list(told.value.fields) == [field]


def test_kept_searches_are_ones_own(house: House) -> None:
    desk, other = house.person(Role.RECEPTIONIST), house.person(Role.MANAGER)
    row = house.run(registry_saved.save, " Women ", {"gender": "FEMALE"}, actor=desk)
    assert [(r.name, r.query) for r in registry_saved.mine(desk)] == [("Women", {"gender": "FEMALE"})]
    assert registry_saved.mine(other) == []
    for wrong in ("Women", "", "x" * 61, "a\x00b"):
        with pytest.raises(Invalid):
            house.run(registry_saved.save, wrong, {}, actor=desk)
    house.run(registry_saved.save, "Women", {}, actor=other)
    for verb, values in ((registry_saved.rename, ("Mine",)), (registry_saved.delete, ())):
        with pytest.raises(NotFound):
            house.run(verb, row.id, *values, actor=other)
    house.run(registry_saved.rename, row.id, "All women", actor=desk)
    with pytest.raises(NotFound):
        registry_saved.find(row.id, other)
    house.run(registry_saved.delete, row.id, actor=desk)
    assert registry_saved.mine(desk) == []
    for number in range(registry_saved.MOST):
        house.run(registry_saved.save, f"S{number}", {}, actor=desk)
    with pytest.raises(NotPossible):
        house.run(registry_saved.save, "One more", {}, actor=desk)
