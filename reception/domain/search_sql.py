"""The statements of the search: constant SQL by database and number of words, past the ORM, with few columns.

None sorts what it did not find in order: a range of names comes from its index, trigrams bring the first some dozens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Boolean, Date, Executable, Row, TextualSelect, bindparam, text

from reception.domain.registry import DocumentType
from reception.extensions import core, db

LAST = "\U0010ffff"
"""Comes after every text with the same beginning."""
TRIGRAM = 3
TELLING = 7
"""So many signs are asked of SQLite's trigrams, from the end of a word; each further one costs more than it tells."""
COLUMNS = "p.id, p.last_name, p.first_name, p.middle_name, p.date_of_birth, p.gender, p.phone, p.card_no, p.is_active, p.folded, p.merged_into_id"
TYPES = {"date_of_birth": Date, "is_active": Boolean}


@dataclass(frozen=True, slots=True)
class Asking:
    """One search in one clinic. `closed`: closed cards, too; `limit`: how many are wanted in the end."""

    clinic_id: int
    closed: bool
    limit: int

    def beginning(self, name: str, ways: Sequence[Sequence[str]] = ()) -> list[Row[Any]]:
        """Whose folded text begins with `name`, in its order, with every one of `ways` somewhere in it."""
        statement = _beginning(self.closed, _shape(ways))
        return self._run(statement, self.limit, low=name, high=name + LAST, **_fragments(ways))

    def trigrams(self, ways: Sequence[Sequence[str]], most: int) -> list[Row[Any]]:
        """Whose folded text has every one of `ways` (each in one of its writings) somewhere in it."""
        if db.session.get_bind().dialect.name != "sqlite":
            return self._run(_like(self.closed, _shape(ways)), most, **_fragments(ways))
        long = [[way[-TELLING:] for way in ways_of] for ways_of in ways if len(ways_of[0]) >= TRIGRAM]
        short = [ways_of for ways_of in ways if not TRIGRAM <= len(ways_of[0]) <= TELLING]
        asked = " AND ".join("(" + " OR ".join(f'"{way}"' for way in ways_of) + ")" for ways_of in long)
        return self._run(_match(self.closed, _shape(short)), most, asked=asked, **_fragments(short))

    def born(self, days: Sequence[date], ways: Sequence[Sequence[str]]) -> list[Row[Any]]:
        """Who was born on one of `days`, with every one of `ways` in the folded text."""
        values = {f"d{n}": day for n, day in enumerate(days)}
        return self._run(_born(self.closed, len(days), _shape(ways)), 4 * self.limit, **values, **_fragments(ways))

    def numbers(self, card: str, phone: str, document: str) -> list[Row[Any]]:
        """Whose card, phone (as written from abroad) or document has exactly this number."""
        return self._run(_numbers(self.closed), self.limit, card=card, phone=phone, document=document)

    def standing(self, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
        """The rows in their order, a merged card's replaced by that of the card that stands, each once."""
        wanted = {row.merged_into_id for row in rows if row.merged_into_id is not None}
        kept = {row.id: row for row in self._run(_BY_ID, len(wanted), ids=sorted(wanted))} if wanted else {}
        found = {row.id: row for row in (kept.get(row.merged_into_id, row) for row in rows)}
        return [row for row in found.values() if self.closed or row.is_active]

    def _run(self, statement: Executable, most: int, **values: Any) -> list[Row[Any]]:
        return list(core(statement, {"clinic": self.clinic_id, "most": most, **values}))


def _shape(ways: Sequence[Sequence[str]]) -> tuple[int, ...]:
    return tuple(len(ways_of) for ways_of in ways)


def _fragments(ways: Sequence[Sequence[str]]) -> dict[str, str]:
    return {f"w{n}_{m}": f"%{way}%" for n, ways_of in enumerate(ways) for m, way in enumerate(ways_of)}


def _has(shape: tuple[int, ...]) -> str:
    """The words are letters and digits alone, so that nothing in them is a wildcard."""
    return "".join(
        " AND (" + " OR ".join(f"p.folded LIKE :w{n}_{m}" for m in range(ways)) + ")" for n, ways in enumerate(shape)
    )


def _open(closed: bool) -> str:
    """A card that became part of another one is closed, and is looked at for the one that stands."""
    return " AND NOT p.is_anonymous" + ("" if closed else " AND (p.is_active OR p.merged_into_id IS NOT NULL)")


def _select(source: str, rules: str, tail: str = "", days: Sequence[str] = ()) -> TextualSelect:
    """Made of this module's own constants alone."""
    statement = text(f"SELECT {COLUMNS} FROM {source} WHERE {rules} {tail} LIMIT :most")  # noqa: S608
    return statement.bindparams(*(bindparam(day, type_=Date) for day in days)).columns(**TYPES)


@cache
def _beginning(closed: bool, shape: tuple[int, ...]) -> TextualSelect:
    range_of_names = "p.clinic_id = :clinic AND p.folded >= :low AND p.folded < :high"
    return _select("patient AS p", range_of_names + _open(closed) + _has(shape), "ORDER BY p.folded, p.id")


@cache
def _like(closed: bool, shape: tuple[int, ...]) -> TextualSelect:
    return _select("patient AS p", "p.clinic_id = :clinic" + _open(closed) + _has(shape))


@cache
def _match(closed: bool, shape: tuple[int, ...]) -> TextualSelect:
    """The plus keeps SQLite from walking through the whole clinic instead."""
    found = "s.patient_search MATCH :asked AND +p.clinic_id = :clinic"
    source = "patient_search AS s CROSS JOIN patient AS p ON p.id = s.rowid"
    return _select(source, found + _open(closed) + _has(shape))


@cache
def _born(closed: bool, days: int, shape: tuple[int, ...]) -> TextualSelect:
    names = [f"d{n}" for n in range(days)]
    marks = ", ".join(f":{name}" for name in names)
    rule = f"p.clinic_id = :clinic AND p.date_of_birth IN ({marks})"
    return _select("patient AS p", rule + _open(closed) + _has(shape), days=names)


@cache
def _numbers(closed: bool) -> TextualSelect:
    """Each by its own index; a card that has the number twice comes once."""
    types = ", ".join(f"'{kind}'" for kind in DocumentType)
    rules = (
        "phone = :phone", "card_no = :card", "national_id = :document", "tax_id = :document",
        f"document_type IN ({types}) AND document_number = :document",
    )  # fmt: skip
    ids = " UNION ".join(f"SELECT id FROM patient WHERE clinic_id = :clinic AND {rule}" for rule in rules)  # noqa: S608
    return _select("patient AS p", f"p.id IN ({ids}) AND p.clinic_id = :clinic" + _open(closed))


_BY_ID = (
    text(f"SELECT {COLUMNS} FROM patient AS p WHERE p.clinic_id = :clinic AND p.id IN :ids LIMIT :most")  # noqa: S608
    .bindparams(bindparam("ids", expanding=True))
    .columns(**TYPES)
)
