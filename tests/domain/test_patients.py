"""The registry's rules: what a card accepts, one phone and one document for one card, closing, and who looked."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select

from reception.domain import cards, patients
from reception.domain.errors import Invalid, NotFound, NotPossible, Stale
from reception.extensions import db
from reception.models import AccessEntry, AuditEntry, FieldHistory, Patient, Role
from tests.factories import House

LONG = "x" * 10_000


def count(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"last_name": ""}, "last_name"),
    ({"last_name": "   "}, "last_name"),
    ({"last_name": LONG}, "last_name"),
    ({"first_name": LONG}, "first_name"),
    ({"middle_name": LONG}, "middle_name"),
    ({"first_name": "A\x00B"}, "first_name"),
    ({"alerts": "\x00"}, "alerts"),
    ({"additional_info": LONG}, "additional_info"),
    ({"address": LONG}, "address"),
    ({"phone": "12"}, "phone"),
    ({"phone": "phone"}, "phone"),
    ({"phone": "+999 123"}, "phone"),
    ({"phone": "0171\x002345678"}, "phone"),
    ({"phone": "1" * 500}, "phone"),
    ({"home_phone": "=1+1"}, "home_phone"),
    ({"email": "nobody"}, "email"),
    ({"email": "a b@c.de"}, "email"),
    ({"national_id": "\x00"}, "national_id"),
    ({"national_id": LONG}, "national_id"),
    ({"tax_id": "a\x00b"}, "tax_id"),
    ({"date_of_birth": date(2026, 11, 21)}, "date_of_birth"),  # tomorrow
    ({"date_of_birth": date(1895, 11, 20)}, "date_of_birth"),  # 131 today
    ({"date_of_birth": date(1, 1, 1)}, "date_of_birth"),
    ({"gender": "NEITHER"}, "gender"),
    ({"gender": None}, "gender"),
    ({"preferred_locale": "<b>"}, "preferred_locale"),
    ({"preferred_locale": "x" * 50}, "preferred_locale"),
    ({"clinic_id": 7}, "clinic_id"),
    ({"card_no": "1"}, "card_no"),
    ({"is_active": False}, "is_active"),
    ({"merged_into_id": 1}, "merged_into_id"),
]


def test_what_a_card_refuses(house: House) -> None:
    """On registration and on a change, each in words about its field; nothing is saved, no number is used up."""
    known = house.patient("Known", first_name="Kim")
    before = (count(Patient), count(AuditEntry), count(FieldHistory), known.version)
    for values, field in REFUSED:
        with pytest.raises(Invalid) as told:
            house.run(patients.register, **{"last_name": "New", **values})
        assert list(told.value.fields) == [field], values
        with pytest.raises(Invalid) as told:
            house.run(patients.change, known.id, **values)
        assert list(told.value.fields) == [field], values
    db.session.refresh(known)
    assert (count(Patient), count(AuditEntry), count(FieldHistory), known.version) == before
    assert house.patient("Next").card_no == f"{int(known.card_no) + 1:06d}"


def test_what_a_card_keeps_as_typed(house: House) -> None:
    """HTML, formulas and quotes are text like any other; only the ends are trimmed."""
    typed = "<script>alert(1)</script>"
    row = house.patient(
        f"  {typed} ", first_name="=1+1", middle_name="+x", alerts='"; DROP TABLE patient; --', address="@SUM(A1)",
        date_of_birth=date(1896, 11, 20), gender="FEMALE", email="o'neil@example.org", preferred_locale="ru",
        national_id=" ab 12-3 ",
    )  # fmt: skip
    db.session.refresh(row)
    assert (row.last_name, row.first_name, row.middle_name) == (typed, "=1+1", "+x")
    assert (row.alerts, row.address) == ('"; DROP TABLE patient; --', "@SUM(A1)")
    assert (row.date_of_birth, row.gender, row.preferred_locale) == (date(1896, 11, 20), "FEMALE", "ru")
    assert row.national_id == "AB12-3"
    assert house.patient("n" * 200).last_name == "n" * 200


def test_one_phone_and_one_document_is_one_card(house: House) -> None:
    """A second card is refused and told of the first, also when it is closed; another clinic may have the same."""
    first = house.patient("Hoffmann", first_name="Greta", phone="0171 2345678", national_id="AB 1", tax_id="77")
    for values, code in (
        ({"phone": "+49 171 2345678"}, "duplicate-phone"),
        ({"national_id": "ab1"}, "duplicate-id"),
        ({"tax_id": "77"}, "duplicate-id"),
    ):
        for closed in (False, True):
            house.run(patients.set_active, first.id, not closed)
            with pytest.raises(NotPossible) as told:
                house.patient("Else", **values)
            assert (told.value.code, told.value.link) == (code, ("patient", first.id))
            assert "Hoffmann Greta" in str(told.value)
    other = house.patient("Else")
    with pytest.raises(NotPossible):
        house.run(patients.change, other.id, phone="0171 2345678")
    assert House.open(house.app, "Hillside").patient("Hoffmann", phone="0171 2345678").phone == "+491712345678"


def test_changes_are_kept_with_old_and_new(house: House) -> None:
    """Who, when, which field, from what to what; also what was filled in for the first time."""
    desk = house.person(Role.RECEPTIONIST)
    row = house.patient("Ivanova", actor=desk)
    house.later(minutes=1)
    house.run(patients.change, row.id, actor=desk, phone="0171 2345678", alerts="Latex")
    house.run(patients.change, row.id, actor=desk, phone="0171 9999999", last_name="Petrova", version=row.version)
    house.run(patients.change, row.id, actor=desk, phone="")
    found, more = cards.changes(house.actor, row)
    assert more is None
    assert [change.action for change in found] == ["patient.change"] * 3 + ["patient.register"]
    assert {change.who for change in found} == {desk.name}
    assert found[0].fields == [("phone", "+491719999999", None)]
    assert sorted(found[1].fields) == [
        ("last_name", "Ivanova", "Petrova"),
        ("phone", "+491712345678", "+491719999999"),
    ]
    assert sorted(found[2].fields) == [("alerts", "", "Latex"), ("phone", None, "+491712345678")]
    assert found[3].fields == []
    assert found[2].at > found[3].at


def test_a_change_from_an_old_form_is_refused(house: House) -> None:
    row = house.patient("Ivanova")
    seen = row.version
    house.run(patients.change, row.id, first_name="Maria", version=seen)
    with pytest.raises(Stale):
        house.run(patients.change, row.id, first_name="Anna", version=seen)
    db.session.refresh(row)
    assert row.first_name == "Maria"


def test_a_guest_with_a_name_is_a_guest_no_more(house: House) -> None:
    guest = house.run(patients.guest)
    assert guest.is_anonymous
    assert not house.run(patients.change, guest.id, last_name="Named").is_anonymous


def test_closing_and_opening_a_card(house: House) -> None:
    """Not while something is open; a closed card is not booked with; a second time changes nothing."""
    appointment = house.booked()
    row = appointment.patient
    with pytest.raises(NotPossible) as told:
        house.run(patients.set_active, row.id, False)
    assert told.value.code == "open-visits"
    house.move(appointment.visit, "cancel", reason="x")
    house.run(patients.set_active, row.id, False)
    before = count(AuditEntry)
    house.run(patients.set_active, row.id, False)
    assert count(AuditEntry) == before
    with pytest.raises(NotPossible) as told:
        house.booked(row, house.at(12))
    assert (told.value.code, told.value.link) == ("inactive", ("patient", row.id))
    with pytest.raises(Stale):
        house.run(patients.set_active, row.id, True, version=row.version - 1)
    assert house.run(patients.set_active, row.id, True, version=row.version).is_active


def test_other_clinics_and_unknown_cards_look_the_same(house: House) -> None:
    foreign = House.open(house.app, "Hillside").patient("Foreign")
    for ident in (foreign.id, 10**9, 0, -1, 2**63, 2**200):
        for verb, more in (
            (patients.change, {"last_name": "Mine"}),
            (patients.set_active, {"is_active": False}),
            (patients.note_access, {"how": "visits"}),
        ):
            with pytest.raises(NotFound) as told:
                house.run(verb, ident, **more)
            assert str(told.value) == str(NotFound())
    db.session.refresh(foreign)
    assert (foreign.last_name, foreign.is_active, count(AccessEntry)) == ("Foreign", True, 0)


def test_who_looked_is_kept_and_listed(house: House) -> None:
    """Newest first; a screen that redraws itself is kept, too, but does not fill the list."""
    row, desk = house.patient("Ivanova"), house.person(Role.RECEPTIONIST)
    for how in ("visits", cards.REDRAWN, "edit"):
        house.run(patients.note_access, row.id, how, actor=desk)
    looks, more = cards.accesses(house.actor, row)
    assert ([(look.who, look.how) for look in looks], more) == ([(desk.name, "edit"), (desk.name, "visits")], None)
    assert count(AccessEntry) == 3
