"""The matcher over the registry: keys that follow every change of a card, cards like a new one, pairs to be judged.

`follow` runs in the transaction that changes a card; what came in by other ways (bulk imports, older rules) is caught
up on by `catch_up`, some cards at a time.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import takewhile
from math import log2
from typing import Any

from sqlalchemy import BigInteger, Row, Select, bindparam, delete, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from reception.domain.actors import Actor
from reception.domain.audit import Work
from reception.domain.matching.compare import Likeness, compare
from reception.domain.matching.keys import keys
from reception.domain.matching.people import Person, person
from reception.extensions import core, db
from reception.models import Counter, DifferentPeople, DuplicatePair, Patient, PatientKey

RULES = "1"
"""Raised with every change of the keys: `catch_up` then begins again."""
MATCHED = frozenset(
    {
        "first_name", "middle_name", "last_name", "date_of_birth", "gender", "phone", "home_phone", "email", "address",
        "national_id", "merged_into_id", "anonymised_at", "is_anonymous",
    }
)  # fmt: skip
SHOWN = 12.0
"""Bits from which a card is worth a look while somebody is being registered."""
MOST_SHOWN = 5
PER_KEY, POOL = 25, 30
"""How many cards are taken of one key, and how many are compared: those that share the most keys."""
SURER = 3.0
"""Bits beyond meeting by chance in a registry of this size, for the list of pairs."""
SETTLED = timedelta(minutes=10)
"""Cards younger than this may still be part of a running import, which would be passed over."""
COLUMNS = (
    Patient.id, Patient.first_name, Patient.middle_name, Patient.last_name, Patient.date_of_birth, Patient.gender,
    Patient.phone, Patient.home_phone, Patient.email, Patient.address, Patient.national_id, Patient.card_no,
    Patient.is_active,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Alike:
    """A card that looks like somebody: `card` has the COLUMNS."""

    card: Row[Any]
    likeness: Likeness


def described(card: Any) -> Person:
    """A card (a Patient, or a row of COLUMNS) as the matcher sees it."""
    born = card.date_of_birth
    return person(
        given=card.first_name or "",
        middle=card.middle_name or "",
        family=card.last_name or "",
        born=f"{born:%Y%m%d}" if born else "",
        gender=card.gender or "",
        phones=[card.phone, card.home_phone],
        email=card.email or "",
        street=card.address or "",
        document=card.national_id or "",
    )


# ---------------------------------------------------------------------------------------------------------- looking


def alike(
    clinic_id: int, one: Person, *, but: int | None = None, least: float = SHOWN, most: int = MOST_SHOWN
) -> list[Alike]:
    """Cards that look like `one`, most alike first; `but`: the card that `one` is itself."""
    found = []
    for card in _loaded(clinic_id, _sharing(clinic_id, keys(one))):
        if card.id != but and (likeness := compare(one, described(card))).bits >= least:
            found.append(Alike(card, likeness))
    return sorted(found, key=lambda hit: (-hit.likeness.bits, hit.card.id))[:most]


def _sharing(clinic_id: int, asked: set[int]) -> list[int]:
    """Ids of the cards that share the most keys; a key that many share counts least."""
    if not asked:
        return []
    if db.session.get_bind().dialect.name == "sqlite":
        wanted: dict[str, Any] = {f"k{n}": key for n, key in enumerate(asked)}
        rows = core(_per_key(len(asked)), {"clinic": clinic_id, "most": PER_KEY, **wanted})
    else:
        rows = core(_PER_KEY, {"clinic": clinic_id, "most": PER_KEY, "asked": list(asked)})
    return [ident for ident, _ in Tally(ident for (ident,) in rows).most_common(POOL)]


_PER_KEY = text(
    "SELECT p.patient_id FROM unnest(:asked) AS k(key) CROSS JOIN LATERAL (SELECT patient_id FROM patient_key"
    " WHERE clinic_id = :clinic AND key = k.key ORDER BY clinic_id, key, patient_id LIMIT :most) AS p"
).bindparams(bindparam("asked", type_=ARRAY(BigInteger)))


@cache
def _per_key(count: int) -> Any:
    part = "SELECT patient_id FROM (SELECT patient_id FROM patient_key WHERE clinic_id = :clinic AND key = :k{} LIMIT :most)"
    return text(" UNION ALL ".join(part.format(n) for n in range(count)))


@cache
def _cards() -> Select[Any]:
    return select(*COLUMNS).where(
        Patient.clinic_id == bindparam("clinic"),
        Patient.id.in_(bindparam("ids", expanding=True)),
        Patient.merged_into_id.is_(None),
        Patient.anonymised_at.is_(None),
        Patient.is_anonymous.is_(False),
    )


def _loaded(clinic_id: int, ids: list[int]) -> list[Row[Any]]:
    return list(core(_cards(), {"clinic": clinic_id, "ids": ids})) if ids else []


# --------------------------------------------------------------------------------------------------------- following


def follow(work: Work) -> None:
    """Write the keys and the pairs of every card that the transaction changed in what it is compared by."""
    changed = [
        work.rows[subject]
        for subject, columns in work.changes.items()
        if subject[0] == "patient" and MATCHED & columns.keys()
    ]
    if changed:
        renew(work.actor.clinic_id, changed)


_KEY = text(
    "INSERT INTO patient_key (clinic_id, key, patient_id) VALUES (:clinic, :key, :patient) ON CONFLICT DO NOTHING"
)
_PAIR = text(
    "INSERT INTO duplicate_pair (clinic_id, first_id, second_id, score) VALUES (:clinic, :a, :b, :score)"
    " ON CONFLICT DO NOTHING"
)


def renew(clinic_id: int, cards: Iterable[Any]) -> None:
    """Keys and pairs of these cards as the cards stand now."""
    known = {card.id: (described(card) if is_known(card) else Person()) for card in cards}
    wanted = {(key, ident) for ident, one in known.items() for key in keys(one)}
    stored = core(select(PatientKey.key, PatientKey.patient_id).where(PatientKey.patient_id.in_(known)))
    present = {(key, ident) for key, ident in stored}
    if gone := present - wanted:
        core(
            delete(PatientKey).where(
                PatientKey.clinic_id == clinic_id, tuple_(PatientKey.key, PatientKey.patient_id).in_(gone)
            )
        )
    if new := wanted - present:
        core(_KEY, [{"clinic": clinic_id, "key": key, "patient": ident} for key, ident in sorted(new)])
    _pair(clinic_id, known)


def is_known(card: Any) -> bool:
    """Whether the card is of a person who may be somebody else's, too: no guest, not merged, not anonymised."""
    return not card.is_anonymous and card.merged_into_id is None and card.anonymised_at is None


def _pair(clinic_id: int, known: dict[int, Person]) -> None:
    """Forget the pairs of these cards and find them anew."""
    pair = DuplicatePair
    core(delete(pair).where(pair.clinic_id == clinic_id, pair.first_id.in_(known)))
    core(delete(pair).where(pair.clinic_id == clinic_id, pair.second_id.in_(known)))
    least, found = sure_enough(clinic_id), {}
    for ident, one in known.items():
        for hit in alike(clinic_id, one, but=ident, least=least):
            found[min(ident, hit.card.id), max(ident, hit.card.id)] = round(hit.likeness.bits * 10)
    for ends in different(clinic_id, found):
        del found[ends]
    if found:
        core(_PAIR, [{"clinic": clinic_id, "a": a, "b": b, "score": found[a, b]} for a, b in sorted(found)])


def sure_enough(clinic_id: int) -> float:
    """Bits from which two cards are a pair to be judged: more than chance brings together in a registry of this size."""
    given = core(select(Counter.last_number).where(Counter.clinic_id == clinic_id, Counter.name == "card")).scalar()
    return log2(max(given or 0, 1000)) + SURER


def different(clinic_id: int, ends: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those of the pairs that somebody said are two people."""
    asked = list(ends)
    if not asked:
        return []
    told = DifferentPeople
    query = select(told.first_id, told.second_id).where(
        told.clinic_id == clinic_id, tuple_(told.first_id, told.second_id).in_(asked)
    )
    return [(a, b) for a, b in core(query)]


# ------------------------------------------------------------------------------------------------------ catching up


def catch_up(count: int, *, actor: Actor, at: datetime) -> int:
    """Keys and pairs of the next `count` cards that this never looked at; answers how many there were."""
    mark = _mark(actor.clinic_id)
    if mark is None:
        mark = Counter(clinic_id=actor.clinic_id, name="matched", period=RULES, last_number=0)
        db.session.add(mark)
    cards = waiting(actor.clinic_id, at, count)
    if cards:
        renew(actor.clinic_id, cards)
        mark.last_number = cards[-1].id
    return len(cards)


def begin_again(*, actor: Actor, at: datetime) -> None:
    """Look at every card anew."""
    if mark := _mark(actor.clinic_id):
        mark.last_number = 0


def waiting(clinic_id: int, at: datetime, count: int) -> list[Row[Any]]:
    """The first of the cards that `catch_up` has still to look at, in order."""
    columns = (*COLUMNS, Patient.created_at, Patient.is_anonymous, Patient.merged_into_id, Patient.anonymised_at)
    mark = _mark(clinic_id)
    after = mark.last_number if mark else 0
    query = select(*columns).where(Patient.clinic_id == clinic_id, Patient.id > after).order_by(Patient.id)
    return list(takewhile(lambda card: card.created_at <= at - SETTLED, core(query.limit(count))))


def left(clinic_id: int) -> int:
    """How many cards are younger than the last that `catch_up` looked at."""
    mark = _mark(clinic_id)
    query = select(func.count(Patient.id)).where(
        Patient.clinic_id == clinic_id, Patient.id > (mark.last_number if mark else 0)
    )
    return int(db.session.scalar(query) or 0)


def _mark(clinic_id: int) -> Counter | None:
    return db.session.get(Counter, (clinic_id, "matched", RULES))


def unmatched(clinic_id: int) -> int:
    """How many cards with a birth date have no keys though `catch_up` went past them; for `verify`."""
    mark = _mark(clinic_id)
    keyed = select(PatientKey.patient_id).where(PatientKey.patient_id == Patient.id).exists()
    query = select(func.count(Patient.id)).where(
        Patient.clinic_id == clinic_id,
        Patient.id <= (mark.last_number if mark else 0),
        Patient.is_anonymous.is_(False),
        Patient.merged_into_id.is_(None),
        Patient.anonymised_at.is_(None),
        Patient.date_of_birth.is_not(None),
        ~keyed,
    )
    return int(db.session.scalar(query) or 0)
