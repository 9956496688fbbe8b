"""Finding a diagnosis of ICD-10: by the beginning of its code, or by words of its title in any order, without accents.

The title is the reader's own where there is one, else the English. An index brings some hundreds at most; the first
twenty of them are put in order here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Row, TextClause, bindparam, exists, select, text

from reception.domain.search_sql import LAST, TELLING, TRIGRAM
from reception.domain.search_words import MOST_WORDS, plain, readings, western
from reception.extensions import core, db
from reception.models import IcdTitle

SHOWN = 20
LOOKED_AT = 300
"""So many titles with the words are compared; with more the words say too little, and one more of them helps."""
LIKE_CODE = re.compile(r"[A-Z](\d[0-9A-Z]{0,5})?")
CODE = re.compile(r"[A-Z](?=.?\d)[0-9A-Z]{2}(\.[0-9A-Z]{1,4})?")
WORD = re.compile(r"[0-9a-z]+", re.ASCII)
_SAME_LOOK = str.maketrans("АВЕКМНОРСТУХ", "ABEKMHOPCTYX")
"""Cyrillic capitals that people type for the Latin ones of a code."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A code with its title, in the language `locale`."""

    code: str
    title: str
    locale: str


def search(typed: str, locale: str) -> list[Diagnosis]:
    """The first SHOWN diagnoses that `typed` may mean, the likeliest first."""
    for reading in readings(western(typed)):
        if (prefix := _prefix(reading)) and (found := _by_code(prefix, locale)):
            return found
        if found := _by_words(tuple(dict.fromkeys(plain(reading).split()[:MOST_WORDS])), locale):
            return found
    return []


def code_of(typed: str) -> str:
    """The code that stands at the beginning of `typed` ("j069", "J06.9 Acute …"), as it is written; else ""."""
    words = typed.split()
    code = _prefix(words[0]) if words else ""
    return code if CODE.fullmatch(code) else ""


def is_known(code: str) -> bool:
    """Whether the code is one of the imported ones; where none were imported every code is."""
    if db.session.scalar(select(exists().where(IcdTitle.code == code))):
        return True
    return not db.session.scalar(select(exists(select(IcdTitle.id))))


def titles(codes: Iterable[str], locale: str) -> dict[str, str]:
    """Code -> title in the language of the reader, else in English, else in any; what is not known is left out."""
    wanted = sorted({code for code in codes if code})
    if not wanted:
        return {}
    rows = core(_TITLES, {"codes": wanted}).all()
    best = sorted(rows, key=lambda row: (row.locale != locale, row.locale != "en"), reverse=True)
    return {row.code: row.title for row in best}


def _prefix(typed: str) -> str:
    """`typed` as the beginning of a code with its point, or ""."""
    compact = re.sub(r"[\s.,]+", "", typed.upper().translate(_SAME_LOOK))
    if not LIKE_CODE.fullmatch(compact):
        return ""
    return compact if len(compact) <= 3 else f"{compact[:3]}.{compact[3:]}"


def _by_code(prefix: str, locale: str) -> list[Diagnosis]:
    asked = {"low": prefix, "high": prefix + LAST, "locale": locale, "most": 3 * SHOWN}
    found: dict[str, Diagnosis] = {}
    for row in core(_CODES, asked):
        if row.code not in found or row.locale == locale:
            found[row.code] = Diagnosis(row.code, row.title, row.locale)
    return list(found.values())[:SHOWN]


def _by_words(words: tuple[str, ...], locale: str) -> list[Diagnosis]:
    if not any(len(word) >= TRIGRAM for word in words):
        return []
    rows = _matching(words, locale)
    if len(rows) < SHOWN and locale != "en":
        known = {row.code for row in rows}
        rows += [row for row in _matching(words, "en") if row.code not in known]
    rows.sort(key=lambda row: _rank(row, words, locale))
    rows = rows[:SHOWN]
    own = {}
    if english := [row.code for row in rows if row.locale != locale]:
        own = titles(english, locale)
    return [Diagnosis(row.code, own.get(row.code, row.title), row.locale) for row in rows]


def _rank(row: Row[Any], words: tuple[str, ...], locale: str) -> tuple[Any, ...]:
    """The reader's language first; then whose words begin so, whose first word it is, the general before the special."""
    _, _, title = row.folded.partition(" ")
    spaced = f" {title}"
    begin = sum(f" {word}" in spaced for word in words)
    return row.locale != locale, -begin, not title.startswith(words), len(row.code), len(title), row.code


def _matching(words: tuple[str, ...], locale: str) -> list[Row[Any]]:
    asked: dict[str, Any] = {"locale": locale, "most": LOOKED_AT}
    if db.session.get_bind().dialect.name != "sqlite":
        return list(core(_like(words), asked))
    asked["match"] = " AND ".join(f'"{word[-TELLING:]}"' for word in words if len(word) >= TRIGRAM)
    rest = [word for word in words if not TRIGRAM <= len(word) <= TELLING]
    asked |= {f"w{n}": f"%{word}%" for n, word in enumerate(rest)}
    return list(core(_match(len(rest)), asked))


# The words are letters and digits alone, so that nothing in them is a wildcard.
_CODES = text(
    "SELECT code, locale, title FROM icd_title WHERE code >= :low AND code < :high AND locale IN (:locale, 'en')"
    " ORDER BY code LIMIT :most"
)
_TITLES = text("SELECT code, locale, title FROM icd_title WHERE code IN :codes").bindparams(
    bindparam("codes", expanding=True)
)


def _has(count: int) -> str:
    return "".join(f" AND t.folded LIKE :w{n}" for n in range(count))


def _like(words: tuple[str, ...]) -> TextClause:
    """PostgreSQL is told the words themselves: only so does it know whether they are frequent, when it reads on until
    it has enough, or rare, when it asks the index. They are letters and digits alone."""
    rules = "".join(f" AND t.folded LIKE '%{word}%'" for word in words if WORD.fullmatch(word))
    return text(
        f"SELECT t.code, t.locale, t.title, t.folded FROM icd_title AS t WHERE t.locale = :locale{rules} LIMIT :most"  # noqa: S608
    )


@cache
def _match(count: int) -> TextClause:
    return text(
        "SELECT t.code, t.locale, t.title, t.folded FROM icd_search AS s CROSS JOIN icd_title AS t ON t.id = s.rowid"  # noqa: S608
        f" WHERE s.icd_search MATCH :match AND +t.locale = :locale{_has(count)} LIMIT :most"
    )
