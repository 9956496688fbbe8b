"""The desk's search as people type, with 10,000 and with 1,000,000 patients, beside one bare view on the same data."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from bench import people, views

SIZES = (10_000, 1_000_000)
ASKED = 30
"""Queries of each kind, the first few uncounted."""


def measure(backend: str, sizes: tuple[int, ...] = SIZES) -> list[dict[str, Any]]:
    """Rows: p50 and p95 in milliseconds of every kind of query and of all, and how many times a bare view's p95."""
    with views.registries(backend, sizes, trigrams=True, keyed=False) as pairs:
        asked = {}
        for pair in pairs:
            texts = [(kind, text) for kind, found in queries(pair.size).items() for text in found]
            random.Random(2).shuffle(texts)
            asked[pair.size] = [(kind, partial(pair.post, "/desk/search", {"q": text})) for kind, text in texts]
        return views.compared(pairs, asked, "query")


def queries(size: int) -> dict[str, list[str]]:
    """What people type for somebody who is there: halves of names, both orders, phone ends, cards, birth dates."""
    dice = random.Random(size)
    found: dict[str, list[str]] = {}

    def ask(kind: str, text: str) -> None:
        found.setdefault(kind, []).append(text)

    for number in dice.sample(range(1, size + 1), ASKED):
        row = next(people.rows(1, number, number))
        card, first, last, born, phone = row[2], row[3], row[5], row[6], row[8]
        ask("one letter", last[:1])
        ask("two letters", last[:2])
        ask("three letters", first[:3])
        ask("last name", last)
        ask("first name", first)
        ask("last and half a first name", f"{last} {first[: max(2, len(first) // 2)]}")
        ask("first and last name", f"{first} {last}".lower())
        ask("without vowels' doubles", last.replace("ii", "i").replace("ya", "ia"))
        ask("name and phone end", f"{last} {phone[-4:]}")
        ask("phone end", phone[-6:])
        ask("phone", phone)
        ask("card", card)
        ask("birth date", f"{born[8:]}.{born[5:7]}.{born[:4]}")
        ask("name and birth date", f"{last} {born}")
        ask("ticket", f"A-{dice.randint(0, 99)}")
        ask("nobody", f"{first[:3]}qz{last[:3]}")
    return found
