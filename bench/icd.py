"""Finding a diagnosis as doctors type, with every title of ICD-10 in TEST_DATA, beside one bare view on the same data.

The aim: p95 of the request at most six times that of a bare view with one SELECT by the primary key, in the same run.
"""

from __future__ import annotations

import csv
import gzip
import os
import random
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from bench import people, views
from bench.product import Client, free_port, process, product
from reception.domain.actors import Actor
from reception.domain.imports import bulk
from reception.domain.imports.icd import CODE
from reception.domain.search_words import plain
from reception.extensions import db
from reception.models import IcdTitle, Role
from tests.factories import House

FILES = (
    ("icd10cm_2026-04_en.csv.gz", "en", ",", "code", "title"),
    ("mkb10_ru_2.27.csv.gz", "ru", ";", "MKB_CODE", "MKB_NAME"),
)
PEOPLE = 10_000
"""Rows of the table that the bare view reads."""
ASKED = 60
"""Queries of each kind, the first few uncounted."""


def titles() -> list[dict[str, str]]:
    """The rows of the table from the public lists."""
    folder = os.environ.get("TEST_DATA")
    if not folder:
        raise SystemExit("This part needs the public lists: set TEST_DATA.")
    found: dict[tuple[str, str], dict[str, str]] = {}
    for name, locale, mark, code, title in FILES:
        with gzip.open(Path(folder) / "icd10" / name, "rt", encoding="utf-8-sig") as lines:
            for row in csv.DictReader(lines, delimiter=mark):
                if CODE.fullmatch(row[code]):
                    folded = f"{row[code].casefold()} {plain(row[title])}"
                    found[row[code], locale] = {
                        "code": row[code], "locale": locale, "title": row[title][:500], "folded": folded,
                    }  # fmt: skip
    return list(found.values())


def measure(backend: str) -> list[dict[str, Any]]:
    """Rows: p50 and p95 in milliseconds of every kind of query and of all, and how many times a bare view's p95."""
    rows = titles()

    def bring(*, actor: Actor, at: datetime) -> None:
        bulk.insert(IcdTitle, rows)
        bulk.analyze(IcdTitle)

    def made(house: House) -> None:
        house.person(Role.DOCTOR)
        people.grow(house.clinic.id, 1, PEOPLE, trigrams=False, keyed=False)
        house.run(bring)
        db.session.rollback()

    with product(backend, made) as (served, _):
        port = free_port()
        with process(sys.executable, "-m", "bench.floor", "patients", str(port), served.url, port=port):
            pair = views.Pair(PEOPLE, views.signed_in(served, Role.DOCTOR, "/queue"), Client(port))
            texts = [(kind, text) for kind, found in queries(rows).items() for text in found]
            random.Random(2).shuffle(texts)
            asked: list[tuple[str, Callable[[], Any]]] = [
                (kind, partial(pair.post, "/diagnoses", {"q": text, "field": "final_code"})) for kind, text in texts
            ]
            found = views.compared([pair], {pair.size: asked}, "query")
    for row in found:
        row["titles"] = len(rows)
    return found


def queries(rows: list[dict[str, str]]) -> dict[str, list[str]]:
    """What doctors type: codes and their beginnings, words in and out of order, halves, accents, the other layout."""
    dice = random.Random(7)
    found: dict[str, list[str]] = {}

    def ask(kind: str, text: str) -> None:
        found.setdefault(kind, []).append(text)

    english = [row for row in rows if row["locale"] == "en"]
    russian = [row for row in rows if row["locale"] == "ru"]
    for _ in range(ASKED):
        row, other = dice.choice(english), dice.choice(russian)
        words = [word for word in row["title"].replace(",", " ").split() if len(word) > 3] or [row["title"]]
        theirs = [word for word in other["title"].replace(",", " ").split() if len(word) > 3] or [other["title"]]
        ask("code", row["code"])
        ask("three signs of a code", row["code"][:3])
        ask("one letter", row["code"][:1])
        ask("one word", dice.choice(words))
        ask("half a word", dice.choice(words)[:4])
        ask("two words, turned round", " ".join(reversed(words[:2])))
        ask("many words", " ".join(words[:6]))
        ask("a Russian word", dice.choice(theirs))
        ask("two Russian words", " ".join(theirs[:2]))
        ask("nothing", f"{words[0][:3]}qzx")
    return found
