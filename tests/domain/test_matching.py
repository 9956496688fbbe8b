"""The matcher: what counts as one person, lists with known duplicates, and cards of the registry that look alike."""

from __future__ import annotations

import csv
import itertools
import os
from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from reception import clock
from reception.domain import patients, verify
from reception.domain.errors import Invalid
from reception.domain.matching import cards, files, pairs
from reception.domain.matching.compare import compare
from reception.domain.matching.keys import keys
from reception.domain.matching.people import Person, person
from reception.extensions import db
from reception.models import DuplicatePair, Patient, PatientKey
from tests.factories import House

ANNA: dict[str, Any] = {"given": "Anna", "family": "Schneider", "born": "19840312", "phones": ["+491712345678"]}


def one(**more: Any) -> Person:
    return person(**{**ANNA, **more})


# ------------------------------------------------------------------------------------------------------- two people

SAME = [
    {},
    {"given": "Schneider", "family": "Anna"},
    {"family": "Shcneider"},
    {"family": "Shneider", "given": "Ana", "born": ""},
    {"family": "Schnei der"},
    {"given": "Анна", "family": "Шнайдер"},
    {"born": "19841203"},
    {"born": "19840321", "phones": []},
    {"born": "", "given": "Ana"},
    {"family": "Weber"},
]
OTHERS = [
    {"given": "Maria", "born": "20120105"},
    {"family": "Weber", "born": "19611130", "phones": []},
    {"given": "Maria", "family": "Weber", "phones": []},
    {"born": "19500101", "phones": ["+491799999999"]},
]


@pytest.mark.parametrize("slip", SAME)
def test_slips_of_one_person_stay_one_person(slip: dict[str, Any]) -> None:
    """A slip leaves a key in common, and enough evidence in a registry of thousands."""
    a, b = one(), one(**slip)
    assert keys(a) & keys(b)
    assert compare(a, b).chance(10_000) > 0.5
    assert compare(a, b).bits == pytest.approx(compare(b, a).bits)


@pytest.mark.parametrize("other", OTHERS)
def test_relatives_and_namesakes_are_others(other: dict[str, Any]) -> None:
    """One phone, one family name or one birth date do not make one person."""
    assert compare(one(), one(**other)).chance(10_000) < 0.5


def test_twins_are_two() -> None:
    """Same birth date, family name, address and phone; another given name: offered, never taken for sure."""
    place = {"number": "7", "street": "Lindenweg", "town": "Altdorf", "postcode": "90518", "phones": []}
    twins = [person(given=name, family="Schneider", born="20150203", **place) for name in ("Lena", "Paul")]
    doubled = person(given="Lena", family="Schneider", born="20150203", **place)
    assert compare(twins[0], twins[1]).bits < compare(twins[0], doubled).bits - 8


def test_only_names_and_birth_dates_make_few_pairs() -> None:
    """In a list of common names, only who agrees in all is a pair."""
    names = ["Ivanova", "Petrova", "Sidorova", "Smirnova", "Popova"]
    first = ["Anna", "Maria", "Olga", "Elena", "Irina"]
    begin = date(1950, 1, 1)
    people = [
        person(
            str(n), given=first[n * 7 % 5], family=names[n * 3 % 5], born=f"{begin + timedelta(days=n * 131):%Y%m%d}"
        )
        for n in range(200)
    ]
    assert pairs.pairs(people)[0] == []
    found, _ = pairs.pairs([*people, people[42]])
    assert [(pair.a, pair.b) for pair in found] == [(42, 200)]


# ------------------------------------------------------------------------------------------------------------- lists


@pytest.mark.data
@pytest.mark.parametrize("name, recall", [("febrl1.csv", 0.985), ("febrl2.csv", 0.985), ("fake_1000.csv", 0.8)])
def test_lists_with_known_duplicates(name: str, recall: float) -> None:
    """Precision and recall over pairs, without any identity number."""
    folder = os.environ.get("TEST_DATA")
    if not folder:
        pytest.skip("no TEST_DATA")
    path = Path(folder) / "dedup" / name
    people = files.read(path)
    found = {(pair.a, pair.b) for pair in pairs.pairs(people)[0]}
    truth = true_pairs(path)
    assert len(found & truth) >= recall * len(truth)
    assert len(found & truth) >= 0.99 * len(found)


def true_pairs(path: Path) -> set[tuple[int, int]]:
    """What the list itself says: the number in rec_id, or the column cluster."""
    groups: dict[str, list[int]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for place, row in enumerate(csv.DictReader(file, skipinitialspace=True)):
            groups[row.get("cluster") or row["rec_id"].split("-")[1]].append(place)
    return {pair for group in groups.values() for pair in itertools.combinations(group, 2)}


WAYS: list[tuple[str, Callable[[str], bytes]]] = [
    ("comma", lambda text: text.encode()),
    ("semicolon", lambda text: text.replace(",", ";").encode("utf-8-sig")),
    ("tab", lambda text: text.replace(",", "\t").encode("utf-16")),
    ("windows-1251", lambda text: text.replace(",", ";").encode("windows-1251")),
]


@pytest.mark.parametrize("way, encode", WAYS, ids=[way for way, _ in WAYS])
def test_a_list_is_read_however_it_was_written(tmp_path: Path, way: str, encode: Callable[[str], bytes]) -> None:
    """Encodings, separators, Russian headers, spaces after the separator, missing columns; rows without an id."""
    text = (
        "Фамилия, Имя, Дата рождения\n"
        "Иванова, Мария, 03.02.1980\nИванова, Мария, 1980-02-03\nПетров, Николай, 05.11.1971\n"
    )
    path = tmp_path / "list.csv"
    path.write_bytes(encode(text))
    people = files.read(path)
    assert [p.id for p in people] == ["1", "2", "3"]
    assert people[0].born == people[1].born == "19800203"
    assert [(pair.a, pair.b) for pair in pairs.pairs(people)[0]] == [(0, 1)]


def test_spaces_before_quotation_marks(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text('rec_id, surname, address_1\na, "Weber, jun.", "7, Main street"\n')
    assert [(p.family, p.street) for p in files.read(path)] == [("weber jun", "7 main street")]


def test_an_identity_number_counts_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("rec_id,given_name,surname,soc_sec_id\na,Anna,Weber,123\nb,Olga,Kim,123\n")
    people = files.read(path)
    assert [p.document for p in people] == ["", ""]
    assert pairs.pairs(people)[0] == []


def test_a_list_of_other_things_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("colour,weight\nred,2\n")
    with pytest.raises(Invalid, match="no column of names"):
        files.read(path)


def test_the_command(house: House, tmp_path: Path) -> None:
    path, out = tmp_path / "list.csv", tmp_path / "pairs.csv"
    path.write_text("id,first_name,last_name,dob\nx,Anna,Weber,1980-02-03\ny,Ana,Weber,1980-02-03\nz,Olga,Kim,\n")
    runner = house.app.test_cli_runner()
    answer = runner.invoke(args=["duplicates", str(path), "--out", str(out)])
    assert answer.exit_code == 0, answer.output
    assert "3 rows" in answer.output
    rows = list(csv.reader(out.open()))
    assert rows[0] == ["id_a", "id_b", "score"]
    assert rows[1][:2] == ["x", "y"]
    assert 0.9 < float(rows[1][2]) <= 1
    assert runner.invoke(args=["duplicates", str(tmp_path / "none.csv")]).exit_code == 1
    assert runner.invoke(args=["duplicates", str(path), "--out", str(tmp_path / "no" / "x.csv")]).exit_code == 1


# ---------------------------------------------------------------------------------------------------------- registry


def anna(house: House, **more: Any) -> Patient:
    values = {"first_name": "Anna", "date_of_birth": date(1984, 3, 12), **more}
    return house.patient(values.pop("last_name", "Schneider"), **values)


def scored() -> list[tuple[int, int]]:
    return [(a, b) for a, b in db.session.execute(select(DuplicatePair.first_id, DuplicatePair.second_id))]


def test_cards_that_look_like_a_new_one(house: House) -> None:
    """By any of what was typed; most alike first; at most five; nobody of another clinic."""
    card = anna(house, phone="0171 2345678")
    anna(house, last_name="Weber", date_of_birth=date(1950, 1, 1))
    with_phone = cards.alike(house.clinic.id, person(given="Ana", family="Shneider", born="19840312"))
    assert [hit.card.id for hit in with_phone] == [card.id]
    assert [hit.card.id for hit in cards.alike(house.clinic.id, person(phones=["+49 171 2345678"]))] == [card.id]
    assert cards.alike(house.clinic.id + 1, one()) == []
    assert cards.alike(house.clinic.id, person()) == []
    for n in range(7):
        anna(house, phone=f"0171 300000{n}")
    assert len(cards.alike(house.clinic.id, one())) == cards.MOST_SHOWN


def test_keys_follow_the_card(house: House) -> None:
    """A changed name or birth date is found under what it is now; guests, merged and anonymised cards under nothing."""
    card = anna(house)
    before = set(db.session.scalars(select(PatientKey.key)))
    house.run(patients.change, card.id, last_name="Weber")
    after = set(db.session.scalars(select(PatientKey.key)))
    assert before - after
    assert after - before
    assert cards.alike(house.clinic.id, person(family="Weber", given="Anna"))
    assert after == keys(cards.described(db.session.get_one(Patient, card.id)))
    house.run(patients.guest)
    assert db.session.scalar(select(func.count(PatientKey.patient_id.distinct()))) == 1


def test_pairs_are_found_and_forgotten_with_the_change(house: House) -> None:
    a, b = anna(house), anna(house, first_name="Ana")
    assert scored() == [(a.id, b.id)]
    house.run(patients.change, b.id, first_name="Boris", date_of_birth=date(1971, 6, 5))
    assert scored() == []
    house.run(patients.change, b.id, first_name="Anna", date_of_birth=date(1984, 3, 12))
    assert scored() == [(a.id, b.id)]


def test_cards_that_came_in_bulk_are_caught_up_on(house: House) -> None:
    """Cards that no act wrote the keys of: not while their import may still run; then in batches, each once."""
    a, b = anna(house), anna(house)
    for model in (DuplicatePair, PatientKey):
        db.session.execute(model.__table__.delete())  # type: ignore[attr-defined]
    db.session.commit()
    assert house.run(cards.catch_up, 10) == 0
    house.later(minutes=11)
    assert len(cards.waiting(house.clinic.id, clock.now(), 9)) == cards.left(house.clinic.id) == 2
    assert [house.run(cards.catch_up, 1) for _ in range(3)] == [1, 1, 0]
    assert scored() == [(a.id, b.id)]
    assert cards.left(house.clinic.id) == 0
    assert cards.unmatched(house.clinic.id) == 0
    db.session.execute(PatientKey.__table__.delete())  # type: ignore[attr-defined]
    assert cards.unmatched(house.clinic.id) == 2
    db.session.commit()
    assert any("have no keys" in line for line in verify.findings())
    runner = house.app.test_cli_runner()
    assert runner.invoke(args=["match-cards", "--again"]).output.endswith("2 cards compared.\n")
    assert list(verify.findings()) == []
