"""A list of people in a file: read by the names of its columns, and the pairs that were found in it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from reception.domain.errors import Invalid
from reception.domain.imports.columns import column, matched
from reception.domain.imports.sheets import open_sheet
from reception.domain.matching.pairs import Pair
from reception.domain.matching.people import Person, date_digits, person
from reception.words import N_

COLUMNS = (
    column("id", "id", "rec_id|unique_id|record_id|patient_id|card_no|card"),
    column("given", "given_name", "first_name|forename|given|имя|ism"),
    column("family", "surname", "last_name|family_name|family|фамилия|familiya"),
    column("middle", "middle_name", "second_name|patronymic|отчество|otasining ismi"),
    column("name", "name", "full_name|patient|patient_name|фио"),
    column("born", "date_of_birth", "dob|birth_date|birthdate|birthday|born|дата рождения|tug'ilgan sana"),
    column("gender", "gender", "sex|пол|jins"),
    column("number", "street_number", "house|house_number|number|дом"),
    column("street", "address_1", "address|address1|street|адрес|улица|manzil"),
    column("area", "address_2", "address2|area|район"),
    column("town", "suburb", "city|town|place|locality|город|shahar"),
    column("postcode", "postcode", "postal_code|zip|zip_code|zipcode|post_code|индекс"),
    column("state", "state", "region|province|county|область|viloyat"),
    column("phone", "phone", "phone_number|mobile|mobile_phone|telephone|tel|телефон|telefon"),
    column("home_phone", "home_phone", "phone_2|phone2|second_phone"),
    column("email", "email", "e-mail|mail|email_address|почта"),
)
SAYING = ("given", "family", "name", "born", "phone", "email", "street")
"""Without one of these a list says nothing of who is who."""
MALE, FEMALE = frozenset({"m", "male", "1", "м", "муж", "erkak"}), frozenset({"f", "female", "2", "ж", "жен", "ayol"})


def read(path: Path) -> list[Person]:
    """Everybody in the file, in its order; who has no id there is called by the number of the row. Raises Invalid."""
    sheet = open_sheet(path)
    places = {name: sheet.header.index(written) for name, written in matched(sheet.header, COLUMNS).items()}
    if not any(name in places for name in SAYING):
        raise Invalid(
            N_("The file has no column of names, birth dates, phones or addresses. It has: %(found)s."),
            found=", ".join(name[:30] for name in sheet.header[:20]),
        )
    return [_person(line.number, {n: line.cells[p].strip() for n, p in places.items()}) for line in sheet.rows()]


def _person(number: int, cells: dict[str, str]) -> Person:
    family, given = cells.get("family", ""), cells.get("given", "")
    if (whole := cells.get("name", "")) and not family and not given:
        family, _, given = whole.replace(",", " ").strip().partition(" ")
    return person(
        cells.get("id") or str(number),
        given=given,
        family=family,
        middle=cells.get("middle", ""),
        born=date_digits(cells.get("born", "")),
        gender=_gender(cells.get("gender", "")),
        phones=[cells.get("phone"), cells.get("home_phone")],
        **{name: cells.get(name, "") for name in ("email", "number", "street", "area", "town", "postcode", "state")},
    )


def _gender(text: str) -> str:
    known = text.casefold().rstrip(".")
    return "MALE" if known in MALE else "FEMALE" if known in FEMALE else ""


def write(stream: IO[str], people: Sequence[Person], found: Iterable[Pair]) -> None:
    """The pairs as `id_a,id_b,score`, surest first."""
    rows = csv.writer(stream, lineterminator="\n")
    rows.writerow(("id_a", "id_b", "score"))
    rows.writerows((people[pair.a].id, people[pair.b].id, f"{pair.score:.4f}") for pair in found)
