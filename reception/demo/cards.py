"""What else the cards of the demo say: where people live, how they are insured, whose child, who sent them.

The places are invented. Drawn with dice of their own, so that the day stays as it is.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from reception.demo.names import CYRILLIC_FAMILIES, FAMILIES, WOMEN
from reception.domain.actors import Actor
from reception.domain.imports import regions

COUNTRY = "DE"
PLACES: dict[str, tuple[dict[str, str], dict[str, tuple[dict[str, str], tuple[dict[str, str], ...]]]]] = {
    "R1": (
        {"en": "Riverland", "ru": "Приречье", "ar": "أرض النهر"},
        {
            "R101": (
                {"en": "Old Harbour", "ru": "Старая Гавань", "ar": "الميناء القديم"},
                ({"en": "Ferry Quay", "ru": "Паромная", "ar": "رصيف العبارة"},
                 {"en": "Lantern Hill", "ru": "Фонарная Горка", "ar": "تل الفانوس"}),
            ),
            "R102": (
                {"en": "Mill Meadows", "ru": "Мельничные Луга", "ar": "مروج الطاحونة"},
                ({"en": "Upper Mill", "ru": "Верхняя Мельница", "ar": "الطاحونة العليا"},),
            ),
        },
    ),
    "R2": (
        {"en": "Lakeshire", "ru": "Озёрный край", "ar": "بلاد البحيرات"},
        {
            "R201": (
                {"en": "Swan Lake", "ru": "Лебяжье", "ar": "بحيرة البجع"},
                ({"en": "Reedham", "ru": "Камышино", "ar": "القصب"},),
            ),
            "R202": ({"en": "Pinewood", "ru": "Сосновка", "ar": "غابة الصنوبر"}, ()),
        },
    ),
    "R3": (
        {"en": "Highmoor", "ru": "Высокие Пустоши", "ar": "السهل المرتفع"},
        {"R301": ({"en": "Windgate", "ru": "Ветроград", "ar": "بوابة الريح"}, ())},
    ),
}  # fmt: skip
"""Region -> names, its districts -> names, their settlements; a settlement's code ends with its number."""
STREETS = "Mill Lane, Harbour Street, Lime Alley, School Road, Garden Row, Bridge Street".split(", ")
INSURERS = (("STATE", "Riverland Health Fund", "RHF"), ("VOLUNTARY", "Northstar Mutual", "NM"),
            ("EMPLOYER", "Harbour Works Benefit", "HWB"))  # fmt: skip
LIVING, INSURED, MOTHERED, REFERRED = 0.7, 0.45, 0.6, 0.1
"""Which part of the people has an address, is insured; of the children, comes with a mother; of the others, was sent."""


def add_places(*, actor: Actor, at: datetime) -> None:
    found = regions.Reading()
    for region, (names, districts) in PLACES.items():
        found.rows[0][region] = {"names": names, "kind": ""}
        for district, (own, settlements) in districts.items():
            found.rows[1][district] = {"names": own, "kind": "", "region_code": region}
            for number, name in enumerate(settlements, 1):
                code = f"{district}{number:02d}"
                found.rows[2][code] = {"names": name, "kind": "", "district_code": district}
    regions.store(found, COUNTRY, actor=actor, at=at)


def with_home(values: dict[str, Any], dice: Random) -> dict[str, Any]:
    """The person with a place to live and an insurance, or without."""
    found = dict(values)
    if dice.random() < LIVING:
        region = dice.choices(tuple(PLACES), (6, 3, 1))[0]
        district, (_, settlements) = dice.choice(tuple(PLACES[region][1].items()))
        found |= {"region_code": region, "district_code": district}
        if settlements:
            found["settlement_code"] = f"{district}{dice.randint(1, len(settlements)):02d}"
        found["address"] = f"{dice.choice(STREETS)} {dice.randint(1, 80)}"
    if dice.random() < INSURED:
        kind, insurer, letters = dice.choices(INSURERS, (6, 2, 2))[0]
        found |= {
            "insurance_type": kind,
            "insurer": insurer,
            "policy_number": f"{letters}-{dice.randint(0, 999_999):06d}",
        }
    return found


def mother_of(child: dict[str, Any], phone: str, dice: Random, today: date) -> dict[str, Any]:
    """A mother of the same family at the same address, 20 to 40 years older."""
    last = child["last_name"]
    pairs = {name: pair[1] for pair in CYRILLIC_FAMILIES for name in pair}
    script = "cyrillic" if last in pairs else "chinese" if last in FAMILIES["chinese"] else "latin"
    born = child["date_of_birth"] - timedelta(days=dice.randint(20 * 365, 40 * 365))
    home = ("region_code", "district_code", "settlement_code", "address", "insurance_type", "insurer")
    return {
        "first_name": dice.choice(WOMEN[script]), "last_name": pairs.get(last, last), "gender": "FEMALE",
        "date_of_birth": min(born, today - timedelta(days=19 * 365)), "phone": phone,
        **{name: child[name] for name in home if name in child},
    }  # fmt: skip
