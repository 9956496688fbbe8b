"""Who is registered twice: precision and recall on lists with known answers, and what the question "is it one of
these?" costs with 10,000, 100,000 and 1,000,000 patients."""

from __future__ import annotations

import csv
import itertools
import os
import random
import time
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

from bench import people, views
from reception.domain.matching import cards, files, pairs
from reception.domain.matching.compare import compare

SIZES = (10_000, 100_000, 1_000_000)
LISTS = ("febrl1.csv", "febrl2.csv", "fake_1000.csv")
ASKED = 150


def measure(backend: str, sizes: tuple[int, ...] = SIZES) -> list[dict[str, Any]]:
    """Rows: the checks by size."""
    with views.registries(backend, sizes, trigrams=False, keyed=True) as served:
        asked = {}
        for pair in served:
            forms = checks(pair.size)
            asked[pair.size] = [(kind, partial(pair.post, "/patients/known", form)) for kind, form in forms]
        return views.compared(served, asked, "check")


def lists(_backend: str) -> list[dict[str, Any]]:
    """Rows: precision and recall of each list. No database has a part in it."""
    return [quality(name) for name in LISTS]


def quality(name: str) -> dict[str, Any]:
    """Precision and recall over pairs of a list, without any identity number, and how many cards a clerk would be shown
    for each person, had the list been registered row by row."""
    path = Path(os.environ["TEST_DATA"]) / "dedup" / name
    begun = time.perf_counter()
    known = files.read(path)
    found = {(pair.a, pair.b) for pair in pairs.pairs(known)[0]}
    took = time.perf_counter() - begun
    truth = true_pairs(path)
    shown: dict[int, int] = defaultdict(int)
    for a, b in pairs.candidates(known):
        if compare(known[a], known[b]).bits >= cards.SHOWN:
            shown[max(a, b)] += 1
    right = len(found & truth)
    return {
        "list": name, "rows": len(known), "true pairs": len(truth), "precision": f"{right / len(found):.4f}",
        "recall": f"{right / len(truth):.4f}", "seconds": f"{took:.1f}",
        "shown per new person": f"{sum(min(count, cards.MOST_SHOWN) for count in shown.values()) / len(known):.2f}",
    }  # fmt: skip


def true_pairs(path: Path) -> set[tuple[int, int]]:
    """What the list itself says: the number in rec_id, or the column cluster."""
    groups: dict[str, list[int]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for place, row in enumerate(csv.DictReader(file, skipinitialspace=True)):
            groups[row.get("cluster") or row["rec_id"].split("-")[1]].append(place)
    return {pair for group in groups.values() for pair in itertools.combinations(group, 2)}


def checks(size: int) -> list[tuple[str, dict[str, str]]]:
    """Forms of new people: half are registered already and written a little differently, half are not."""
    dice = random.Random(size)
    found = []
    for _ in range(ASKED):
        is_known = dice.random() < 0.5
        number = dice.randint(1, size) if is_known else size + dice.randint(1, size)
        row = next(people.rows(1, number, number))
        form = {"first_name": row[3], "last_name": row[5], "date_of_birth": row[6], "phone": row[8], "gender": row[7]}
        if is_known:
            slip = dice.choice(("last_name", "first_name"))
            at = dice.randrange(len(form[slip]))
            form[slip] = form[slip][:at] + form[slip][at + 1 :]
            form["phone"] = dice.choice((form["phone"], "", form["phone"][:-1]))
        found.append(("known, with a slip" if is_known else "new", form))
    return found
