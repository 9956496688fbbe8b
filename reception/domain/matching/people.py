"""A person as the matcher sees one: every part folded, so that only what was said counts and not how it was written."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from anyascii import anyascii

from reception.domain.search import plain, sound

PHONE_TAIL = 9
"""Digits at the end of a number that are the same however it is dialled."""
LIKE = str.maketrans("bdgqcjyvwzm", "ptkkkiiffsn")
"""Letters that are taken for one another when a name is heard."""
SHORTENED = 2
"""A name that is an initial, or hardly more, says little by itself."""


DAY_FIRST = re.compile(r"(\d{1,2})[./\s-](\d{1,2})[./\s-](\d{4})\b")
YEAR_FIRST = re.compile(r"(\d{4})[./\s-](\d{1,2})[./\s-](\d{1,2})\b")


@dataclass(frozen=True, slots=True)
class Person:
    """Folded parts, "" where nothing is known. `born`: eight digits as written, even where that is no date."""

    id: str = ""
    given: str = ""
    middle: str = ""
    family: str = ""
    born: str = ""
    gender: str = ""
    phones: tuple[str, ...] = ()
    email: str = ""
    number: str = ""
    street: str = ""
    area: str = ""
    town: str = ""
    postcode: str = ""
    state: str = ""
    document: str = ""


def person(
    ident: str = "", *, given: str = "", middle: str = "", family: str = "", born: str = "", gender: str = "",
    phones: Iterable[str | None] = (), email: str = "", number: str = "", street: str = "", area: str = "",
    town: str = "", postcode: str = "", state: str = "", document: str = "",
) -> Person:  # fmt: skip
    """The person who is described by these words, as they were typed."""
    tails = (re.sub(r"\D", "", phone or "")[-PHONE_TAIL:] for phone in phones)
    return Person(
        id=ident,
        given=folded(given),
        middle=folded(middle),
        family=folded(family),
        born=re.sub(r"\D", "", anyascii(born)),
        gender=gender if gender in ("MALE", "FEMALE") else "",
        phones=tuple(dict.fromkeys(tail for tail in tails if len(tail) > 4)),
        email=email.strip().casefold(),
        number=folded(number),
        street=folded(street),
        area=folded(area),
        town=folded(town),
        postcode=folded(postcode),
        state=folded(state),
        document=close(folded(document)),
    )


def date_digits(text: str) -> str:
    """A date as eight digits, year first, where it can be read so; else as it stands."""
    if found := YEAR_FIRST.match(text):
        year, month, day = found.groups()
    elif found := DAY_FIRST.match(text):
        day, month, year = found.groups()
    else:
        return text
    return f"{year}{int(month):02}{int(day):02}"


@functools.lru_cache(100_000)
def folded(text: str) -> str:
    """Lower-case Latin words, without accents and marks."""
    return plain(text) if text else ""


@functools.lru_cache(100_000)
def close(text: str) -> str:
    """Without the spaces: a space too many or too few is the commonest slip."""
    return text.replace(" ", "")


def hissed(text: str) -> str:
    """By sound, and "sch" and "sh" as "s": "Schneider" and "Shneider" meet."""
    return re.sub("s+c?h", "s", sound(close(text)))


@functools.lru_cache(100_000)
def heard(text: str) -> str:
    """As it sounds, all vowels alike: "mueller" and "miller" meet, "yuliya" and "iulia", too."""
    found = hissed(text)
    return found[:1] + re.sub("[aeiou]+", "a", found[1:])


@functools.lru_cache(100_000)
def skeleton(text: str) -> str:
    """What remains of a name after most slips of ear and finger: its first letter and its consonants."""
    found = hissed(text).translate(LIKE)
    return re.sub(r"(.)\1+", r"\1", found[:1] + re.sub("[aeiouh]", "", found[1:]))
