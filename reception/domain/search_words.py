"""What typed text asks for: words of names, numbers, birth dates in the usual writings, in any script and layout."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from anyascii import anyascii

from reception import clock

RU = "йцукенгшщзхъфывапролджэячсмитьбюё"
EN = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`"
_TO_RU = str.maketrans(EN + EN.upper(), RU + RU.upper())
_TO_EN = str.maketrans(RU + RU.upper(), EN + EN.upper())
MOST_WORDS = 6
SHORTEST_NUMBER = 5
"""Signs from which a word with a digit may be a document's number."""
OLDEST = 1890
YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})[-./](\d{1,2})[-./](\d{1,2})(?!\d)")
DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})([-./ ])(\d{1,2})\2(\d{4}|\d{2}(?!\d))(?!\d)")
NAMED = re.compile(r"(?<!\d)(\d{1,2})\.? +([^\W\d_]{3,})\.?,? +(\d{4})(?!\d)")
TOGETHER = re.compile(r"\d{8}")
MONTHS = ("jan yan", "feb fev", "mar", "apr", "may", "jun iyun", "jul iyul", "aug avg", "sep sen", "oct okt", "nov noy",
          "dec dek")  # fmt: skip
"""How the months begin in English, Russian and Uzbek, folded."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Folded `words`, all to be found; birth dates that may be meant; a birth year; `typed` for the ranking.

    `number`: what may be a document's or a card's, or "".
    """

    words: tuple[str, ...]
    typed: str
    born: tuple[date, ...] = ()
    year: int = 0
    number: str = ""


def plain(text: str) -> str:
    """`text` without accents, case and script: "Öztürk" -> "ozturk", "Иванова" -> "ivanova"."""
    return re.sub(r"[^0-9a-z]+", " ", anyascii(text).casefold().replace("'", "").replace("`", "")).strip()


def readings(text: str) -> list[str]:
    """The ways in which typed text may be meant: as it is, and in the other keyboard layout ("bdfyjd" -> "иванов")."""
    typed = text.strip()[:100]
    other = typed.translate(_TO_RU) if re.search("[A-Za-z]", typed) else typed.translate(_TO_EN)
    return list(dict.fromkeys([typed, other]))


def meanings(text: str) -> Iterator[Wanted]:
    """What `text` may ask for, the likeliest first: each is tried where the ones before find nobody."""
    text = western(text)
    typed = text.casefold()
    rest, born = _dates(text)
    if born:
        yield Wanted(_words(rest), typed, born)
        if rest.strip():
            return
    if not (words := _words(text)):
        return
    digits = re.sub(r"\D", "", text)
    compact = "".join(text.split()).upper()
    is_number = len(words) == 1 and words[0].isdigit()
    number = compact if digits and (is_number or len(compact) >= SHORTEST_NUMBER) else ""
    yield Wanted(words, typed, number=number)
    if TOGETHER.fullmatch(text):
        parts = (text[:4], text[4:6], text[6:]), (text[4:], text[2:4], text[:2])
        if born := tuple(day for part in parts if (day := _day(*map(int, part)))):
            yield Wanted((), typed, born)
    years = [word for word in words if len(word) == 4 and word.isdigit() and _is_year(int(word))]
    if years and len(words) > 1:
        yield Wanted(tuple(word for word in words if word != years[0]), typed, year=int(years[0]))


def western(text: str) -> str:
    """Digits of any script as 0 to 9: "١٢.٠٣.١٩٨٥" -> "12.03.1985"."""
    if text.isascii():
        return text
    return re.sub(r"\d", lambda found: str(unicodedata.digit(found[0])), text)


def _words(text: str) -> tuple[str, ...]:
    """Folded words; what looks like a phone number is one word of digits."""
    digits = re.sub(r"\D", "", text)
    if digits and re.fullmatch(r"[\d\s()+./–-]+", text):
        return (digits,)
    return tuple(dict.fromkeys(plain(text).split()[:MOST_WORDS]))


def _dates(text: str) -> tuple[str, tuple[date, ...]]:
    """`text` without the first date in it, and the days that it may be."""
    for pattern, read in ((YEAR_FIRST, _year_first), (DAY_FIRST, _day_first), (NAMED, _named)):
        if (found := pattern.search(text)) and (days := tuple(dict.fromkeys(day for day in read(found) if day))):
            return text[: found.start()] + " " + text[found.end() :], days
    return text, ()


def _year_first(found: re.Match[str]) -> Iterator[date | None]:
    year, month, day = map(int, found.groups())
    yield _day(year, month, day)


def _day_first(found: re.Match[str]) -> Iterator[date | None]:
    """Day, month, year; with strokes between them it may be the month that comes first."""
    first, between, second, year = found.groups()
    if len(year) == 2 and between == " ":
        return
    years = [int(year)] if len(year) > 2 else [1900 + int(year), 2000 + int(year)]
    for which in years:
        yield _day(which, int(second), int(first))
        if between == "/" or int(second) > 12:
            yield _day(which, int(first), int(second))


def _named(found: re.Match[str]) -> Iterator[date | None]:
    day, name, year = found.groups()
    folded = plain(name)
    for number, beginnings in enumerate(MONTHS, 1):
        if folded.startswith(tuple(beginnings.split())):
            yield _day(int(year), number, int(day))


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if _is_year(year) else None
    except ValueError:
        return None


def _is_year(year: int) -> bool:
    return OLDEST <= year <= clock.now().year
