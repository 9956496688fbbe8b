"""Are these two one person? Evidence in bits, added up (Fellegi and Sunter), against the odds of meeting by chance.

Agreement on something rare says more than on something common; what is missing says nothing; a difference speaks
against. A weight is about log2 of how much more often one person's two descriptions agree so than two strangers' do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from math import exp2, log2

from rapidfuzz.distance import OSA, JaroWinkler

from reception.domain.matching.people import Person, close, heard

LEAST_BITS, MOST_BITS = 2.0, 11.0
MOST_SLIPS = 4


class Level(IntEnum):
    """How far two values agree."""

    MISSING = 0
    DIFFERENT = 1
    PARTLY = 2
    NEAR = 3
    SAME = 4


@dataclass(frozen=True, slots=True)
class Weigh:
    """What a field is worth: `rare` bits where it is the same (unless the list knows better), less for a slip."""

    rare: float
    near: float
    partly: float
    different: float


NAMES = Weigh(8, 1.5, 7.0, -4.0)
STREET = Weigh(9, 2.0, 7.0, -3.5)
TOWN = Weigh(8, 1.5, 7.0, -4.0)
POSTCODE = Weigh(8, 5.0, 6.0, -4.5)
NUMBER = Weigh(5, 4.5, 4.5, -2.5)
STATE = Weigh(2, 1.0, 2.0, -4.0)
BORN = {Level.SAME: 13.5, Level.NEAR: 5.0, Level.PARTLY: -1.0, Level.DIFFERENT: -4.5}
PHONE = {Level.SAME: 14.0, Level.NEAR: 7.0, Level.PARTLY: 0.0, Level.DIFFERENT: -0.5}
EMAIL = {Level.SAME: 13.0, Level.NEAR: 8.0, Level.PARTLY: 3.0, Level.DIFFERENT: -1.5}
MIDDLE = {Level.SAME: 3.0, Level.NEAR: 2.0, Level.PARTLY: 1.0, Level.DIFFERENT: -2.0}
GENDER = {Level.SAME: 0.8, Level.DIFFERENT: -3.0}
DOCUMENT = {Level.SAME: 20.0, Level.NEAR: 6.0, Level.PARTLY: -6.0, Level.DIFFERENT: -8.0}
SWAPPED = -2.5
FAMILY = -9.0
"""Another given name and another birth date at one address, or with one phone: a relative."""


@dataclass(slots=True)
class Rarity:
    """How many bits it says that two values of a field agree, from how often each occurs in a list of `size`."""

    size: int = 0
    counts: dict[str, Counter[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, people: Iterable[Person]) -> Rarity:
        """Learnt from a list, or a sample of it."""
        found = cls(counts={name: Counter() for name in ("name", "street", "town", "postcode", "number", "state")})
        for one in people:
            found.size += 1
            for kind, values in _values(one):
                found.counts[kind].update(values)
        return found

    def bits(self, kind: str, a: str, b: str, usual: float) -> float:
        """`usual` where nothing is known."""
        if not self.size:
            return usual
        often = max(self.counts[kind][a], self.counts[kind][b])
        return min(max(log2((self.size + 2) / (often + 1)), LEAST_BITS), MOST_BITS)


def _values(one: Person) -> Iterable[tuple[str, list[str]]]:
    yield "name", [close(name) for name in (one.given, one.family) if name]
    yield "street", [close(street) for street in (one.street, one.area) if street]
    for kind in ("town", "postcode", "number", "state"):
        if value := getattr(one, kind):
            yield kind, [close(value)]


@dataclass(frozen=True, slots=True)
class Likeness:
    """`bits` for one person, and how far each field agrees, as (field, level) in the order of weight."""

    bits: float
    fields: tuple[tuple[str, Level], ...]

    def chance(self, among: int) -> float:
        """The probability that they are one, in a list of `among` people."""
        odds = self.bits - log2(max(among, 2))
        return 1 / (1 + exp2(-max(min(odds, 60), -60)))


USUAL = Rarity()


def compare(a: Person, b: Person, rarity: Rarity = USUAL) -> Likeness:
    """The evidence that `a` and `b` are one person."""
    found: dict[str, tuple[float, Level]] = {}
    names = _names(a, b, rarity, found)
    born = born_level(a.born, b.born)
    _note(found, "born", born, BORN)
    _note(found, "phone", _phones(a.phones, b.phones), PHONE)
    _note(found, "email", _emails(a.email, b.email), EMAIL)
    _note(found, "middle", _level(a.middle, b.middle), MIDDLE)
    _note(found, "gender", _exact(a.gender, b.gender), GENDER)
    _note(found, "document", _level(a.document, b.document), DOCUMENT)
    _places(a, b, rarity, found)
    bits = sum(points for points, _ in found.values())
    if names == Level.DIFFERENT and born in (Level.DIFFERENT, Level.PARTLY):
        bits += FAMILY
    order = sorted(found.items(), key=lambda item: -item[1][0])
    return Likeness(bits, tuple((name, level) for name, (_, level) in order))


def _note(found: dict[str, tuple[float, Level]], name: str, level: Level, weights: dict[Level, float]) -> None:
    if level != Level.MISSING:
        found[name] = weights[level], level


def _names(a: Person, b: Person, rarity: Rarity, found: dict[str, tuple[float, Level]]) -> Level:
    """Given and family name, as they stand or swapped, whichever fits better; answers how far the given names agree."""
    straight = [_weighed("name", x, y, NAMES, rarity) for x, y in ((a.given, b.given), (a.family, b.family))]
    crossed = [_weighed("name", x, y, NAMES, rarity) for x, y in ((a.given, b.family), (a.family, b.given))]
    if sum(points for points, _ in crossed) + SWAPPED > sum(points for points, _ in straight):
        best = max(level for _, level in crossed)
        found["swapped"] = sum(points for points, _ in crossed) + SWAPPED, best
        return crossed[0][1]
    for name, (points, level) in zip(("given", "family"), straight, strict=True):
        if level != Level.MISSING:
            found[name] = points, level
    return straight[0][1]


def _places(a: Person, b: Person, rarity: Rarity, found: dict[str, tuple[float, Level]]) -> None:
    straight = [_weighed("street", x, y, STREET, rarity) for x, y in ((a.street, b.street), (a.area, b.area))]
    crossed = [_weighed("street", x, y, STREET, rarity) for x, y in ((a.street, b.area), (a.area, b.street))]
    better = max(straight, crossed, key=lambda pairs: sum(points for points, _ in pairs))
    if any(level != Level.MISSING for _, level in better):
        found["street"] = sum(points for points, _ in better), max(level for _, level in better)
    for name, weigh in (("number", NUMBER), ("town", TOWN), ("postcode", POSTCODE), ("state", STATE)):
        points, level = _weighed(name, getattr(a, name), getattr(b, name), weigh, rarity)
        if level != Level.MISSING:
            found[name] = points, level


def _weighed(kind: str, a: str, b: str, weigh: Weigh, rarity: Rarity) -> tuple[float, Level]:
    level = _level(a, b)
    if level == Level.MISSING:
        return 0.0, level
    if level == Level.DIFFERENT:
        return weigh.different, level
    bits = rarity.bits(kind, close(a), close(b), weigh.rare)
    return bits - {Level.SAME: 0.0, Level.NEAR: weigh.near, Level.PARTLY: weigh.partly}[level], level


@lru_cache(100_000)
def _level(a: str, b: str) -> Level:
    """Two words or phrases: the same, a slip apart, partly."""
    if not a or not b:
        return Level.MISSING
    x, y = close(a), close(b)
    if x == y or sorted(a.split()) == sorted(b.split()):
        return Level.SAME
    size = max(len(x), len(y))
    if x.isdigit() and y.isdigit():
        return Level.NEAR if size > 1 and OSA.distance(x, y, score_cutoff=1) <= 1 and size > 2 else Level.DIFFERENT
    slips = OSA.distance(x, y, score_cutoff=MOST_SLIPS)
    if slips <= min((size + 2) // 5, MOST_SLIPS) or (heard(a) == heard(b) and size > 3):
        return Level.NEAR
    if slips <= min((size + 2) // 3, MOST_SLIPS) or x.startswith(y) or y.startswith(x):
        return Level.PARTLY  # "rob" of "robert", "a" of "anna"
    return Level.PARTLY if JaroWinkler.similarity(x, y, score_cutoff=0.88) else Level.DIFFERENT


def _exact(a: str, b: str) -> Level:
    if not a or not b:
        return Level.MISSING
    return Level.SAME if a == b else Level.DIFFERENT


@lru_cache(50_000)
def born_level(a: str, b: str) -> Level:
    """Near: one digit off, two digits or day and month exchanged."""
    if not a or not b:
        return Level.MISSING
    if a == b:
        return Level.SAME
    slips = OSA.distance(a, b)
    if slips <= 1 or a[:4] + a[6:] + a[4:6] == b:
        return Level.NEAR
    return Level.PARTLY if slips <= 2 else Level.DIFFERENT


def _phones(a: tuple[str, ...], b: tuple[str, ...]) -> Level:
    if not a or not b:
        return Level.MISSING
    slips = min(OSA.distance(x, y) for x in a for y in b)
    return Level.SAME if slips == 0 else Level.NEAR if slips == 1 else Level.DIFFERENT


@lru_cache(50_000)
def _emails(a: str, b: str) -> Level:
    if not a or not b:
        return Level.MISSING
    if a == b:
        return Level.SAME
    if OSA.distance(a, b) <= max(len(a), len(b)) // 8:
        return Level.NEAR
    return Level.PARTLY if a.partition("@")[0] == b.partition("@")[0] else Level.DIFFERENT
