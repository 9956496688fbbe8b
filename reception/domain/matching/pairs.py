"""All pairs of one person in a list: blocks by key, compares, and lets sure pairs vouch for weaker ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from reception.domain.matching.compare import Likeness, Rarity, compare
from reception.domain.matching.keys import texts, wide
from reception.domain.matching.people import Person

SURE = 0.9
VOUCHED = 0.03
"""Enough where both are surely the same as a third."""
FULLEST, WIDEST = 120, 12
"""A key that more people share says nothing about any of them; the second: a wide one."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two places in the list, the smaller first."""

    a: int
    b: int
    score: float
    likeness: Likeness


def pairs(people: Sequence[Person]) -> tuple[list[Pair], int]:
    """The pairs that are one person, surest first, and how many were compared."""
    rarity = Rarity.of(people)
    seen: dict[tuple[int, int], Pair] = {}

    def look(a: int, b: int) -> Pair:
        if (a, b) not in seen:
            likeness = compare(people[a], people[b], rarity)
            seen[a, b] = Pair(a, b, likeness.chance(len(people)), likeness)
        return seen[a, b]

    for a, b in candidates(people):
        look(a, b)
    sure = {ends for ends, pair in seen.items() if pair.score >= SURE}
    vouched = {ends for ends in _through_thirds(sure) if look(*ends).score >= VOUCHED}
    found = [seen[ends] for ends in sure | vouched]
    return sorted(found, key=lambda pair: (-pair.score, pair.a, pair.b)), len(seen)


def candidates(people: Sequence[Person]) -> Iterable[tuple[int, int]]:
    """Pairs that share a key."""
    found: set[tuple[int, int]] = set()
    for made, most in ((texts, FULLEST), (wide, WIDEST)):
        blocks: dict[str, list[int]] = defaultdict(list)
        for place, one in enumerate(people):
            for text in set(made(one)):
                blocks[text].append(place)
        found.update(pair for block in blocks.values() if len(block) <= most for pair in combinations(block, 2))
    return found


def _through_thirds(sure: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Pairs that are not sure themselves, but have a third whom both surely are."""
    friends: dict[int, list[int]] = defaultdict(list)
    for a, b in sorted(sure):
        friends[a].append(b)
        friends[b].append(a)
    return {
        (min(a, b), max(a, b)) for known in friends.values() for n, a in enumerate(known) for b in known[n + 1 :]
    } - sure
