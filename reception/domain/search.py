"""Finding people: names in any script and order, phone fragments, cards, documents, birth dates.

What is compared is folded on both sides: no accents, no case, one script ("Öztürk" -> "ozturk", "王小明" -> "wang
xiaoming"), and once more by sound, so that "Maria" finds "Мария". A prefix of the family name is a range of the index;
anything else goes through trigrams (pg_trgm, FTS5), unsorted up to some dozens (`search_sql`), and is ranked here.
No search reads the whole registry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import permutations
from typing import Any

import phonenumbers
from sqlalchemy import Row, select, tuple_

from reception.domain.search_sql import TRIGRAM, Asking
from reception.domain.search_words import Wanted, meanings, readings
from reception.domain.search_words import plain as plain
from reception.extensions import db
from reception.models import Patient

SOUNDS = (("ks", "x"), ("ts", "c"), ("tz", "c"), ("kh", "h"), ("ph", "f"), ("ck", "k"), ("ae", "a"), ("oe", "o"),
          ("ue", "u"), ("y", "i"), ("j", "i"), ("w", "v"))  # fmt: skip
POOL, WIDE = 60, 400
"""How many the trigrams may bring before they are ranked; the second: before a birth year is looked for among them."""
MOST_ORDERED = 3
"""So many words are tried in every order as the beginning of a name."""


# ------------------------------------------------------------------------------------------------------- folding


def sound(word: str) -> str:
    """A folded word as it is heard: "mariya" and "maria", "mueller" and "muller" become the same."""
    for written, heard in SOUNDS:
        word = word.replace(written, heard)
    return re.sub(r"(.)\1+", r"\1", word) if word.isalpha() else word


def fold(patient: Patient) -> str:
    """What the search compares of a card: names folded (family name first), by sound, as written, phones, card number."""
    names = [name for name in (patient.last_name, patient.first_name, patient.middle_name) if name]
    folded = " ".join(plain(name) for name in names).split()
    heard = [sound(word) for word in folded]
    joined = [plain("".join(names[:2])).replace(" ", "")] if _has_no_spaces(names) else []
    written = [name.casefold() for name in names]
    phones = [digits for phone in (patient.phone, patient.home_phone) if phone for digits in _ways_to_dial(phone)]
    return " ".join(dict.fromkeys([*folded, *joined, *heard, *written, *phones, patient.card_no]))


def _has_no_spaces(names: list[str]) -> bool:
    """Whether people write these names in one: 王小明."""
    return len(names) > 1 and all(re.search(r"[\u3040-\u9fff\uac00-\ud7af]", name) for name in names[:2])


def _ways_to_dial(phone: str) -> list[str]:
    """Digits of an E.164 number: from abroad, and from inside its country (with the zero or eight in front)."""
    abroad = re.sub(r"\D", "", phone)
    try:
        home = phonenumbers.format_number(phonenumbers.parse(phone), phonenumbers.PhoneNumberFormat.NATIONAL)
    except phonenumbers.NumberParseException:
        return [abroad]
    inside = re.sub(r"\D", "", home)
    return [abroad] if abroad.endswith(inside) else [abroad, inside]


# ----------------------------------------------------------------------------------------------------- searching


def find_patients(
    clinic_id: int, text: str, *, limit: int = 20, exact_layout: bool = False, closed: bool = False
) -> list[Patient]:
    """Cards that match every word of `text`, best first; at most `limit`. `closed`: closed cards, too."""
    ids = [row.id for row in find_rows(clinic_id, text, limit=limit, exact_layout=exact_layout, closed=closed)]
    if not ids:
        return []
    query = select(Patient).where(Patient.clinic_id == clinic_id, Patient.id.in_(ids))
    known = {patient.id: patient for patient in db.session.scalars(query)}
    return [known[ident] for ident in ids if ident in known]


def find_rows(
    clinic_id: int, text: str, *, limit: int = 20, exact_layout: bool = False, closed: bool = False
) -> list[Row[Any]]:
    """The same as rows of what a list of hits shows (`search_sql.COLUMNS`), which is cheaper than whole cards."""
    if "\x00" in text:
        return []
    ask = Asking(clinic_id, closed, limit)
    for reading in readings(text)[: 1 if exact_layout else 2]:
        for wanted in meanings(reading):
            found: dict[int, Row[Any]] = {}
            for rows in _answers(ask, wanted):
                found.update((row.id, row) for row in rows)
                if len(found) >= limit:
                    break
            if found:
                return ask.standing(_ranked(found.values(), wanted))[:limit]
    return []


def _answers(ask: Asking, wanted: Wanted) -> Iterator[list[Row[Any]]]:
    """From the narrowest to the widest question."""
    words = wanted.words
    ways = [_ways(word) for word in words]
    if wanted.born:
        yield ask.born(wanted.born, ways)
    elif wanted.year:
        yield [row for row in ask.trigrams(ways, WIDE) if row.date_of_birth and row.date_of_birth.year == wanted.year]
    else:
        if wanted.number:
            phone = "+" + words[0]
            exact = ask.numbers(words[0].zfill(6) if len(words) == 1 else "", phone, wanted.number)
            yield exact
            if any(row.phone == phone for row in exact):
                return
        if not any(word.isdigit() for word in words):
            orders = permutations(words) if len(words) <= MOST_ORDERED else [tuple(words)]
            yield [row for order in orders for row in ask.beginning(" ".join(order))]
        if any(len(word) >= TRIGRAM for word in words):
            yield ask.trigrams(ways, max(ask.limit, POOL))
        elif len(words) > 1:
            yield [row for word in words for row in ask.beginning(word, ways)]


def _ways(word: str) -> list[str]:
    """The word as typed, and as it sounds where that still says something."""
    heard = sound(word)
    return [word] if heard == word or len(heard) < TRIGRAM else [word, heard]


def _ranked(rows: Iterable[Row[Any]], wanted: Wanted) -> list[Row[Any]]:
    heard = [(word, sound(word)) for word in wanted.words]
    return sorted(rows, key=lambda row: (-_points(row, heard, wanted.typed), row.folded, row.id))


def _points(row: Row[Any], heard: list[tuple[str, str]], typed: str) -> int:
    """Whole words before beginnings before fragments; the family name, and the script that was typed, count more."""
    parts = row.folded.split()
    points = 0
    for word, sounds in heard:
        if word in parts or (word.isdigit() and row.card_no.lstrip("0") == word.lstrip("0")):
            points += 8
        elif any(part.startswith(word) for part in parts) or (word.isdigit() and any(p.endswith(word) for p in parts)):
            points += 6
        elif sounds in parts:
            points += 5
        elif any(part.startswith(sounds) for part in parts):
            points += 4
        points += 1 if parts and parts[0].startswith(word) else 0
    written = f"{row.last_name}{row.first_name}".casefold()
    return points + (4 if typed and all(part in written for part in typed.split()) else 0)


def listed(clinic_id: int, *, after: int | None = None, limit: int = 50, closed: bool = False) -> list[Patient]:
    """The registry by family name; `after`: the last card of the rows before. Guests are not listed."""
    query = select(Patient).where(
        Patient.clinic_id == clinic_id, Patient.is_anonymous.is_(False), Patient.merged_into_id.is_(None)
    )
    if not closed:
        query = query.where(Patient.is_active)
    if after is not None:
        last = select(Patient.folded).where(Patient.clinic_id == clinic_id, Patient.id == after)
        query = query.where(tuple_(Patient.folded, Patient.id) > (db.session.scalar(last) or "", after))
    return list(db.session.scalars(query.order_by(Patient.folded, Patient.id).limit(limit)))
