"""Finding people: names in any script and order, phone fragments, cards, documents, birth dates.

What is compared is folded on both sides: no accents, no case, one script ("Öztürk" -> "ozturk", "王小明" -> "wang
xiaoming"), and once more by sound, so that "Maria" finds "Мария". A prefix of the family name is a range of the index;
anything else goes through trigrams (pg_trgm, FTS5), unsorted up to some dozens, and is ranked here. No search reads
the whole registry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import phonenumbers
from anyascii import anyascii
from sqlalchemy import ColumnElement, Select, column, or_, select, table, text, tuple_

from reception.extensions import db
from reception.models import Patient

RU = "йцукенгшщзхъфывапролджэячсмитьбюё"
EN = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`"
_TO_RU = str.maketrans(EN + EN.upper(), RU + RU.upper())
_TO_EN = str.maketrans(RU + RU.upper(), EN + EN.upper())
SOUNDS = (("ks", "x"), ("ts", "c"), ("tz", "c"), ("kh", "h"), ("ph", "f"), ("ck", "k"), ("ae", "a"), ("oe", "o"),
          ("ue", "u"), ("y", "i"), ("j", "i"), ("w", "v"))  # fmt: skip
LAST = "\U0010ffff"
"""Comes after every text with the same beginning."""
TRIGRAM = 3
POOL = 60
"""How many the trigrams may bring before they are ranked."""
MOST_WORDS = 6
SHORTEST_NUMBER = 5


# ------------------------------------------------------------------------------------------------------- folding


def plain(text: str) -> str:
    """`text` without accents, case and script: "Öztürk" -> "ozturk", "Иванова" -> "ivanova"."""
    return re.sub(r"[^0-9a-z]+", " ", anyascii(text).casefold().replace("'", "").replace("`", "")).strip()


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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What typed text asks for: folded `words`, all to be found, and a birth date; `typed` for the ranking.

    `number`: what may be a document's, or "".
    """

    words: tuple[str, ...]
    born: date | None
    typed: str
    number: str


def readings(text: str) -> list[str]:
    """The ways in which typed text may be meant: as it is, and in the other keyboard layout ("bdfyjd" -> "иванов")."""
    typed = text.strip()[:100]
    other = typed.translate(_TO_RU) if re.search("[A-Za-z]", typed) else typed.translate(_TO_EN)
    return list(dict.fromkeys([typed, other]))


def find_patients(
    clinic_id: int, text: str, *, limit: int = 20, exact_layout: bool = False, closed: bool = False
) -> list[Patient]:
    """Cards that match every word of `text`, best first; at most `limit`. `closed`: closed cards, too."""
    if "\x00" in text:
        return []
    for reading in readings(text)[: 1 if exact_layout else 2]:
        wanted = understood(reading)
        if (wanted.words or wanted.born) and (found := _matching(clinic_id, wanted, limit, closed)):
            return found
    return []


def understood(text: str) -> Wanted:
    """Dates and words of typed text; what looks like a phone number is one word of digits."""
    tokens = text.split()
    born = next((found for token in tokens if (found := _as_date(token))), None)
    rest = " ".join(token for token in tokens if not _as_date(token))
    digits = re.sub(r"\D", "", rest)
    if digits and re.fullmatch(r"[\d\s()+./–-]+", rest):
        words = [digits]
    else:
        words = plain(rest).split()
    compact = "".join(rest.split()).upper()
    number = compact if len(compact) >= SHORTEST_NUMBER and digits else ""
    return Wanted(tuple(dict.fromkeys(words[:MOST_WORDS])), born, text.casefold(), number)


def _matching(clinic_id: int, wanted: Wanted, limit: int, closed: bool) -> list[Patient]:
    query = select(Patient).where(Patient.is_anonymous.is_(False))
    if not closed:
        query = query.where(or_(Patient.is_active, Patient.merged_into_id.is_not(None)))
    if wanted.born:
        query = query.where(Patient.date_of_birth == wanted.born)
    found: dict[int, Patient] = {}
    for part in _queries(query, clinic_id, wanted, limit):
        found.update((patient.id, patient) for patient in db.session.scalars(part))
        if len(found) >= limit:
            break
    ranked = sorted(found.values(), key=lambda p: (-_rank(p, wanted), p.folded, p.id))
    return _standing(ranked, closed)[:limit]


def _standing(ranked: list[Patient], closed: bool) -> list[Patient]:
    """Who was found by a card that became part of another one is shown by the card that stands, once."""
    wanted = {card.merged_into_id for card in ranked if card.merged_into_id is not None}
    if not wanted:
        return ranked
    kept = {card.id: card for card in db.session.scalars(select(Patient).where(Patient.id.in_(wanted)))}
    cards = (kept.get(card.merged_into_id, card) if card.merged_into_id else card for card in ranked)
    return list(dict.fromkeys(card for card in cards if closed or card.is_active))


def _queries(
    query: Select[tuple[Patient]], clinic_id: int, wanted: Wanted, limit: int
) -> Iterable[Select[tuple[Patient]]]:
    """From the narrowest to the widest question."""
    words, here = wanted.words, query.where(Patient.clinic_id == clinic_id)
    everything = [_has(word) for word in words]
    if wanted.born:
        yield here.where(*everything).order_by(Patient.folded, Patient.id).limit(limit)
        return
    if len(words) == 1 and words[0].isdigit():
        yield here.where(Patient.card_no == words[0].zfill(6)).limit(limit)
    if wanted.number:
        yield here.where(Patient.national_id == wanted.number).limit(limit)
        yield here.where(Patient.tax_id == wanted.number).limit(limit)
    for word in words:
        is_family = Patient.folded >= word, Patient.folded < word + LAST
        yield here.where(*is_family, *everything).order_by(Patient.folded, Patient.id).limit(limit)
    if long := [word for word in words if len(word) >= TRIGRAM]:
        yield _by_trigrams(query, clinic_id, long).where(*everything).limit(max(limit, POOL))


def _has(word: str) -> ColumnElement[bool]:
    return or_(*(Patient.folded.contains(way, autoescape=True) for way in _ways(word)))


def _ways(word: str) -> list[str]:
    """The word as typed, and as it sounds where that still says something."""
    heard = sound(word)
    return list(dict.fromkeys([word, heard if len(heard) >= TRIGRAM else word]))


def _by_trigrams(query: Select[tuple[Patient]], clinic_id: int, words: list[str]) -> Select[tuple[Patient]]:
    """PostgreSQL sees by itself that `contains` goes by the trigram index; SQLite is told to ask its own first."""
    if db.session.get_bind().dialect.name != "sqlite":
        return query.where(Patient.clinic_id == clinic_id)
    index = table("patient_search", column("rowid"))
    asked = " AND ".join("(" + " OR ".join(f'"{way}"' for way in _ways(word)) + ")" for word in words)
    return query.join(index, index.c.rowid == Patient.id).where(
        text("patient_search MATCH :asked").bindparams(asked=asked),
        Patient.clinic_id + 0 == clinic_id,  # the sum keeps the planner from walking through the whole clinic
    )


def _rank(patient: Patient, wanted: Wanted) -> int:
    """Whole words before beginnings before fragments; the family name, and the script that was typed, count more."""
    parts = patient.folded.split()
    points = 0
    for word in wanted.words:
        heard = sound(word)
        if word in parts:
            points += 8
        elif any(part.startswith(word) or (word.isdigit() and part.endswith(word)) for part in parts):
            points += 6
        elif heard in parts:
            points += 5
        elif any(part.startswith(heard) for part in parts):
            points += 4
        points += 1 if parts and parts[0].startswith(word) else 0
    written = f"{patient.last_name}{patient.first_name}".casefold()
    return points + (4 if wanted.typed and all(part in written for part in wanted.typed.split()) else 0)


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


def _as_date(text: str) -> date | None:
    if found := re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", text.strip()):
        year, month, day = map(int, found.groups())
    elif found := re.fullmatch(r"(\d{1,2})[./](\d{1,2})[./](\d{4})", text.strip()):
        day, month, year = map(int, found.groups())
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None
