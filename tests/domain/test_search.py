"""Finding people: any script, any order, the wrong layout, accents, phones, cards, birth dates; and at what cost."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from reception.domain import finder, patients, search
from reception.extensions import db
from reception.models import Patient, Role
from tests.factories import House
from tests.sql import statements

PEOPLE = (
    ("Иванова", "Мария", {"middle_name": "Петровна", "phone": "+79123456789", "date_of_birth": date(1985, 3, 12)}),
    ("Ивановский", "Марк", {}),
    ("王", "小明", {"phone": "+8613812345678"}),
    ("汪", "海", {}),
    ("Öztürk", "Ayşe", {"phone": "030 23125327"}),
    ("Müller", "Anna", {"national_id": "ab 123456"}),
    ("Smith", "John", {"home_phone": "0171 2345678"}),
    ("D'Angelo", "Chloë", {}),
    ("Ли", "На", {}),
    ("Yoʻldosheva", "Oʻgʻiloy", {"phone": "+998901234567", "date_of_birth": date(2001, 11, 2)}),
    ("الحسن", "سارة", {"date_of_birth": date(1990, 6, 15)}),
)


@pytest.fixture
def known(house: House) -> House:
    for last, first, more in PEOPLE:
        house.patient(last, first_name=first, **more)
    return house


def found(house: House, text: str, **more: bool) -> list[str]:
    return [f"{p.last_name} {p.first_name}" for p in search.find_patients(house.clinic.id, text, **more)]


MEANT = {
    "mariya ivan": "Иванова Мария",
    "maria ivanova": "Иванова Мария",  # as it sounds
    "иванова": "Иванова Мария",
    "ИВАНОВА мария": "Иванова Мария",
    "bdfyjd": "Иванова Мария",  # "иванов" typed on the Latin layout
    "ыьшер": "Smith John",  # and the other way round
    "王小明": "王 小明",
    "王": "王 小明",
    "wangxiaoming": "王 小明",
    "xiaoming wang": "王 小明",
    "wang xiao ming": "王 小明",
    "ozturk": "Öztürk Ayşe",
    "Öztürk, Ayşe": "Öztürk Ayşe",
    "muller": "Müller Anna",
    "mueller anna": "Müller Anna",
    "dangelo": "D'Angelo Chloë",
    "chloe": "D'Angelo Chloë",
    "ли на": "Ли На",
    "5327": "Öztürk Ayşe",  # the end of the phone
    "2312 53": "Öztürk Ayşe",  # a piece of it
    "8 912 345-67-89": "Иванова Мария",  # as it is dialled inside the country
    "+7 (912) 345 67 89": "Иванова Мария",
    "01712345678": "Smith John",  # the second phone
    "000003": "王 小明",  # the card
    "3": "王 小明",
    "ab 123456": "Müller Anna",  # the document
    "AB123456": "Müller Anna",
    **{f"o{mark}g{mark}iloy": "Yoʻldosheva Oʻgʻiloy" for mark in "ʻʼ‘’'`´"},
    "ogiloy yoldosh": "Yoʻldosheva Oʻgʻiloy",
    "Ivanova 6789": "Иванова Мария",
    "6789 ivan": "Иванова Мария",
    "ivanova 1985": "Иванова Мария",  # the year of birth
    "الحسن": "الحسن سارة",
    "١٥.٠٦.١٩٩٠": "الحسن سارة",
    "۱۹۹۰-۰۶-۱۵": "الحسن سارة",
    "15 june 1990": "الحسن سارة",
    "12 марта 1985": "Иванова Мария",
    "2 noyabr 2001": "Yoʻldosheva Oʻgʻiloy",
    "12.03.85": "Иванова Мария",
    "12/3/1985": "Иванова Мария",
    "3/12/1985": "Иванова Мария",
    "12 03 1985": "Иванова Мария",
    "19850312": "Иванова Мария",
    "12031985": "Иванова Мария",
    "12-03-1985 ivanova": "Иванова Мария",
    "12.03.1985": "Иванова Мария",
    "1985-03-12": "Иванова Мария",
    "мария 12.3.1985": "Иванова Мария",
}
NOBODY = (
    "", "   ", "zzzz", "сидоров", "31.02.1985", "%", "_", "'", '"', "\\", "\x00", "a\x00b", "\U0001f600", "x" * 500,
    "32.13.1985", "12.03.2985", "ivanova 1999", "12.03.1986 ivanova", "²³", "٣٣٣٣٣٣٣", 'smith" OR "ivanova', "NOT smith", "AB12345",
)  # fmt: skip


def test_who_is_meant(known: House) -> None:
    assert {text: found(known, text)[:1] for text in MEANT} == {text: [first] for text, first in MEANT.items()}


def test_who_is_not_there(known: House) -> None:
    assert {text: found(known, text) for text in NOBODY} == {text: [] for text in NOBODY}


def test_the_script_that_was_typed_comes_first(known: House) -> None:
    assert found(known, "wang") == ["汪 海", "王 小明"]
    assert found(known, "汪")[0] == "汪 海"


def test_whole_words_come_before_beginnings(known: House) -> None:
    assert found(known, "иванов") == ["Иванова Мария", "Ивановский Марк"]
    assert found(known, "ивановский") == ["Ивановский Марк"]
    assert found(known, "bdfyjdf", exact_layout=True) == []


def test_walls_closed_cards_and_guests(known: House) -> None:
    """Another clinic's people, closed cards and tickets without a name are not found; closed ones where asked for."""
    other = House.open(known.app, "Hillside")
    other.patient("Иванова", first_name="Чужая")
    known.run(patients.guest)
    assert found(known, "иванова") == ["Иванова Мария"]
    assert found(other, "иванова") == ["Иванова Чужая"]
    mine = db.session.scalars(select(Patient).filter_by(last_name="Иванова", clinic_id=known.clinic.id)).one()
    known.run(patients.set_active, mine.id, False)
    assert found(known, "иванова") == []
    assert found(known, "иванова", closed=True) == ["Иванова Мария"]


def test_a_changed_name_and_phone_are_found_anew(known: House) -> None:
    row = search.find_patients(known.clinic.id, "smith")[0]
    known.run(patients.change, row.id, last_name="Schmidt", home_phone="")
    assert (found(known, "smith"), found(known, "01712345678")) == ([], [])
    assert found(known, "schmidt") == ["Schmidt John"]


def test_tickets_and_bookings(house: House) -> None:
    """A ticket in any writing, also the beginning of one; the very ticket first. A booking by its id."""
    visits = [house.visit() for _ in range(12)]
    actor = house.person(Role.RECEPTIONIST)

    def tickets(text: str) -> list[str]:
        return [hit.visit.ticket or "" for hit in finder.find(text, actor)[0] if hit.visit]

    assert visits[0].ticket == "A-001"
    for text in ("A-001", "a001", "A 1", "ф-001", "1"):
        assert tickets(text)[:1] == ["A-001"], text
    assert tickets("A-0") == [f"A-{n:03d}" for n in range(1, 9)]
    assert tickets("a-") == tickets("A-0")
    assert tickets("A-01")[:4] == ["A-001", "A-010", "A-011", "A-012"]
    assert tickets("B-0") == []
    booked = house.booked()
    hits, more = finder.find(booked.booking_id.lower(), actor)
    assert [hit.patient.id for hit in hits] == [booked.patient_id]
    assert not more


def test_the_registry_by_name_page_by_page(known: House) -> None:
    """Byte order of the folded names on both databases; the next rows begin after the last one."""
    names = [p.last_name for p in search.listed(known.clinic.id)]
    assert names == [
        "D'Angelo", "Иванова", "Ивановский", "الحسن", "Ли", "Müller", "Öztürk", "Smith", "汪", "王", "Yoʻldosheva",
    ]  # fmt: skip
    pages, after = [], None
    while rows := search.listed(known.clinic.id, after=after, limit=4):
        pages.append([p.last_name for p in rows])
        after = rows[-1].id
    assert [len(page) for page in pages] == [4, 4, 3]
    assert [name for page in pages for name in page] == names


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_no_search_walks_through_the_registry(known: House) -> None:
    """Every question goes by an index: a range of names, trigrams, a number, a birth date."""
    with statements() as seen:
        for text in ("mariya ivan", "иванова", "zzzz", "wang", "ив", "5327", "000003", "12.03.1985"):
            search.find_patients(known.clinic.id, text)
        search.listed(known.clinic.id, after=1)
    steps = [step for statement, step in seen.plans() if "FROM patient" in statement]
    assert any("SCAN s VIRTUAL TABLE INDEX" in step for step in steps)
    assert not [step for step in steps if step in ("SCAN p", "SCAN patient")]
    # (clinic_id=?) and nothing more would be the whole clinic; only the list, which is in that order, may do that.
    assert not [s for s in steps if s.endswith("(clinic_id=?)") and "ix_patient_clinic_id_folded" not in s]
