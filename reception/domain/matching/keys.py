"""Blocking keys: two descriptions of one person share at least one of them, strangers hardly ever do.

A key joins two things that a slip seldom hits both: a birth date and an initial, a name and parts of a birth date,
two names, a street and its number. Each is a 64-bit hash, so that one indexed table holds them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from reception.domain.matching.people import SHORTENED, Person, close, skeleton

DATE_DIGITS = 8


def keys(person: Person) -> set[int]:
    """The keys under which a card is found and asked for."""
    return {hashed(text) for text in texts(person)}


def hashed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), signed=True)


def texts(person: Person) -> Iterator[str]:
    """What the keys are made of. Both names stand alike, because they are often swapped."""
    names = sorted({skeleton(name) for name in (person.given, person.family) if len(name) > SHORTENED})
    born = person.born if len(person.born) == DATE_DIGITS else ""
    if len(names) == 2:
        yield f"names {names[0]} {names[1]}"
    if born:
        parts = born[:6], born[4:], born[:4] + born[6:]
        yield from (f"born {part} {name}" for part in parts for name in names)
        yield from (f"day {born} {name[:1]}" for name in names)
        if not names:
            yield f"day {born}"
    yield from (f"phone {phone}" for phone in person.phones)
    if person.email:
        yield f"mail {person.email}"
        yield f"mail {person.email.partition('@')[0]}"
    yield from _places(person, names)


def wide(person: Person) -> Iterator[str]:
    """Keys for a list that is read as a whole: they are worth a look only where few people share them."""
    names = {skeleton(name) for name in (person.given, person.family) if len(name) > SHORTENED}
    yield from (f"name {name}" for name in names)
    if person.town:
        yield from (f"town {skeleton(person.town)[:4]} {name[:2]}" for name in names)
        if person.born:
            yield f"town {skeleton(person.town)[:4]} {person.born[:4]}"
    yield from (f"born {part}" for part in (person.born[:6], person.born[4:]) if part)


def _places(person: Person, names: list[str]) -> Iterator[str]:
    streets = [skeleton(street) for street in (person.street, person.area) if street]
    for street in streets:
        if person.number:
            yield f"house {person.number} {street}"
        yield from (f"street {street} {name}" for name in names)
        if person.postcode:
            yield f"post {person.postcode} {street[:4]}"
    if person.postcode:
        yield from (f"post {person.postcode} {name}" for name in names)
    if person.town and person.number:
        yield f"town {close(person.town)} {person.number}"
