"""People who do not exist: names of three scripts, birth dates, phones of the ranges kept for films."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

WOMEN = {
    "latin": "Greta Anna Ágnes Zofia Ingrid Amélie Marta Lucía Élodie Jana Nora Ayşe Freya Chiara Hanna Katarína".split(),
    "cyrillic": "Анна Елена Ольга Наталья Мария Ирина Светлана Екатерина Оксана Дарья".split(),
    "chinese": "丽华 秀英 芳 敏 静 雪梅 晓燕 玉兰".split(),
}
MEN = {
    "latin": "Jonas Marek Luca Tomáš Emil Björn Mateusz André Yusuf Paul Stefan Oğuz Liam Niels Viktor João".split(),
    "cyrillic": "Иван Сергей Дмитрий Алексей Андрей Михаил Тарас Николай Павел Олег".split(),
    "chinese": "小明 伟 建国 志强 磊 文博 俊杰 海涛".split(),
}
FAMILIES = {
    "latin": (
        "Hoffmann Novák Kowalski Schäfer Öztürk Lindqvist Fischer García Moreau Horvat Brandt Weiß Nagy Bianchi Jansen "
        "Dvořák O’Brien Almeida Krüger Østergaard Yılmaz Keller Popescu Vogel Sørensen Lefèvre Baumann Costa Winkler Haas"
    ).split(),
    "chinese": "王 李 张 刘 陈 杨 赵 黄 周 吴 欧阳".split(),
}
CYRILLIC_FAMILIES = (
    ("Иванов", "Иванова"), ("Смирнов", "Смирнова"), ("Кузнецов", "Кузнецова"), ("Попов", "Попова"),
    ("Соколов", "Соколова"), ("Лебедев", "Лебедева"), ("Морозов", "Морозова"), ("Волков", "Волкова"),
    ("Белинский", "Белинская"), ("Чернов", "Чернова"), ("Шевченко", "Шевченко"), ("Юсупов", "Юсупова"),
)  # fmt: skip
PATRONYMICS = (
    ("Иванович", "Ивановна"), ("Сергеевич", "Сергеевна"), ("Алексеевич", "Алексеевна"), ("Петрович", "Петровна"),
    ("Николаевич", "Николаевна"),
)  # fmt: skip
FILM_PHONES = ("+493023125", "+496990009", "+494066969", "+49221471")
"""The Bundesnetzagentur gives these ranges to nobody, so that films may show them."""
MOTHERS = 900
"""The last three digits from which on a number is kept for a mother."""
ALERTS = (
    "Allergic to penicillin", "Latex allergy", "Takes a blood thinner", "Severe nut allergy, carries adrenaline",
    "Faints when blood is taken",
)  # fmt: skip
NEEDS = ("Wheelchair", "Interpreter: Arabic", "Hard of hearing, speak slowly", "Guide dog", "Interpreter: Russian")


def people(random: Random, today: date) -> Iterator[dict[str, Any]]:
    """Values for `patients.register`, no two with the same names."""
    phones = film_phones(random)
    known: set[tuple[str, str]] = set()
    while True:
        script = random.choices(("latin", "cyrillic", "chinese"), (58, 27, 15))[0]
        woman = random.random() < 0.54
        first = random.choice((WOMEN if woman else MEN)[script])
        middle = ""
        if script == "cyrillic":
            last = random.choice(CYRILLIC_FAMILIES)[woman]
            middle = random.choice(PATRONYMICS)[woman] if random.random() < 0.7 else ""
        else:
            last = random.choice(FAMILIES[script])
        if (first, last) in known:
            continue
        known.add((first, last))
        years = random.choices((25, 38, 52, 67, 80), (18, 26, 24, 22, 10))[0] + random.randint(-7, 7)
        yield {
            "first_name": first,
            "middle_name": middle,
            "last_name": last,
            "gender": "FEMALE" if woman else "MALE",
            "date_of_birth": today - timedelta(days=years * 365 + random.randint(0, 364)),
            "phone": next(phones) if random.random() < 0.9 else None,
            "alerts": random.choice(ALERTS) if random.random() < 0.09 else "",
            "special_needs": random.choice(NEEDS) if random.random() < 0.06 else "",
        }


def as_child(person: dict[str, Any], random: Random, today: date) -> dict[str, Any]:
    """The same person aged 0 to 15; a child has no phone of its own."""
    born = today - timedelta(days=random.randint(100, 15 * 365))
    return person | {"date_of_birth": born, "phone": None, "middle_name": ""}


def film_phones(random: Random, first: int = 0, last: int = MOTHERS) -> Iterator[str]:
    """Numbers of the ranges for films that end with `first` to `last`, each once."""
    numbers = [(prefix, n) for prefix in FILM_PHONES for n in range(1000)]
    random.shuffle(numbers)
    yield from (f"{prefix}{n:03d}" for prefix, n in numbers if first <= n < last)
