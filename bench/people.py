"""A registry of any size, filled by bulk SQL past the product: names of many countries (TEST_DATA), some common, most not."""

from __future__ import annotations

import functools
import json
import os
import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

from sqlalchemy import text

from reception.domain.matching.cards import RULES
from reception.domain.matching.keys import keys
from reception.domain.matching.people import person
from reception.domain.search import fold
from reception.extensions import db
from reception.models import Patient

LOCALES = ("uz_UZ", "ru_RU", "en_US", "de_DE", "tr_TR", "zh_CN", "ar_AA", "pt_BR")
EPOCH = date(1935, 1, 1)
AT = "2026-01-01 08:00:00+00"
COLUMNS = (
    "id", "clinic_id", "card_no", "first_name", "middle_name", "last_name", "date_of_birth", "gender", "phone", "folded",
    "created_at", "updated_at", "email", "country", "address", "insurance_type", "insurer", "policy_number",
    "medical_history", "alerts", "special_needs", "additional_info", "is_anonymous", "is_active", "version",
    "region_code", "district_code",
)  # fmt: skip
REST = (AT, AT, "", "", "", "", "", "", "", "", "", "", False, True, 1, None, None)
Row = tuple[Any, ...]
TRIGRAMS = "CREATE INDEX tx_patient_folded ON patient USING gin (folded gin_trgm_ops)"


@functools.cache
def names() -> list[tuple[list[str], list[int], list[str], list[int]]]:
    """First and last names by locale, each with weights that fall off: the tenth is a tenth as common as the first."""
    folder = os.environ.get("TEST_DATA")
    if not folder:
        raise SystemExit("This part needs the public names: set TEST_DATA.")
    lists = json.loads((Path(folder) / "names" / "names_by_locale.json").read_text(encoding="utf-8"))
    found = []
    for locale in LOCALES:
        known = lists[locale]
        first = known["first_male"] + known["first_female"]
        last = known.get("last") or known["last_male"] + known["last_female"]
        found.append((first, _weights(first), last, _weights(last)))
    return found


def _weights(words: list[str]) -> list[int]:
    return list(accumulate(100_000 // (n + 1) + 1 for n in range(len(words))))


@functools.lru_cache(300_000)
def _folded(last: str, first: str) -> str:
    return fold(Patient(first_name=first, middle_name="", last_name=last, card_no="")).rstrip()


def rows(clinic_id: int, first: int, last: int) -> Iterator[Row]:
    """People number `first` to `last`: the same ones in every run."""
    for number in range(first, last + 1):
        dice = random.Random(number)
        given, given_weights, family, family_weights = dice.choice(names())
        name = dice.choices(given, cum_weights=given_weights)[0]
        surname = dice.choices(family, cum_weights=family_weights)[0]
        born = EPOCH + timedelta(days=dice.randrange(33_000))
        phone = f"49{15_000_000_000 + number * 7919 % 9_999_991 * 31:011d}"
        card = f"{number:06d}"
        folded = f"{_folded(surname, name)} {phone} 0{phone[2:]} {card}"
        gender = dice.choice(("MALE", "FEMALE"))
        yield (number, clinic_id, card, name, "", surname, born.isoformat(), gender, f"+{phone}", folded, *REST)


def grow(
    clinic_id: int, first: int, last: int, *, trigrams: bool, keyed: bool, change: Callable[[Row], Row] | None = None
) -> None:
    """Add the people number `first` to `last`. `trigrams`, `keyed`: what of their indexes is kept up; `change`: what
    else a row says."""
    db.session.rollback()  # nothing waits on the server meanwhile
    connection = db.engine.raw_connection()
    try:
        fill = _fill_sqlite if db.engine.dialect.name == "sqlite" else _fill_postgresql
        fill(connection, _chunks(clinic_id, first, last, change), clinic_id, trigrams, keyed)
        connection.commit()
    finally:
        connection.close()
    db.session.rollback()
    mark = {"clinic": clinic_id, "rules": RULES, "last": last}
    db.session.execute(_MARK, mark)  # nobody has to catch up while something is measured
    db.session.commit()


_MARK = text("INSERT INTO counter (clinic_id, name, period, last_number) VALUES (:clinic, 'matched', :rules, :last)")


def _keys(clinic_id: int, people: list[Row]) -> Iterator[tuple[int, int, int]]:
    for row in people:
        one = person(given=row[3], family=row[5], born=row[6], gender=row[7], phones=[row[8]])
        for key in keys(one):
            yield clinic_id, key, row[0]


def _chunks(
    clinic_id: int, first: int, last: int, change: Callable[[Row], Row] | None, size: int = 50_000
) -> Iterator[list[Row]]:
    for begin in range(first, last + 1, size):
        found = rows(clinic_id, begin, min(begin + size - 1, last))
        yield list(map(change, found) if change else found)


def _fill_sqlite(connection: Any, chunks: Iterator[list[Row]], clinic_id: int, trigrams: bool, keyed: bool) -> None:
    run = connection.execute if hasattr(connection, "execute") else connection.cursor().execute
    cursor = connection.cursor()
    trigger = cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'tr_patient_search_insert'").fetchone()[0]
    cursor.execute("PRAGMA foreign_keys=OFF")
    cursor.execute("PRAGMA synchronous=OFF")
    run("BEGIN")
    cursor.execute("DROP TRIGGER tr_patient_search_insert")
    cursor.execute("CREATE TEMP TABLE new_key (clinic_id integer, key integer, patient_id integer)")
    marks = ", ".join("?" * len(COLUMNS))
    for people in chunks:
        cursor.executemany(f"INSERT INTO patient ({', '.join(COLUMNS)}) VALUES ({marks})", people)
        if keyed:
            cursor.executemany("INSERT INTO new_key VALUES (?, ?, ?)", _keys(clinic_id, people))
    cursor.execute("INSERT INTO patient_key SELECT * FROM new_key ORDER BY 1, 2, 3")
    cursor.execute("DROP TABLE new_key")
    if trigrams:
        cursor.execute("INSERT INTO patient_search (patient_search) VALUES ('rebuild')")
    cursor.execute(trigger)
    run("COMMIT")
    cursor.execute("ANALYZE")


def _fill_postgresql(connection: Any, chunks: Iterator[list[Row]], clinic_id: int, trigrams: bool, keyed: bool) -> None:
    cursor = connection.cursor()
    cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
    cursor.execute("SET LOCAL synchronous_commit = off")
    cursor.execute("SET LOCAL session_replication_role = replica")  # the wall of each of ten million rows holds already
    cursor.execute("DROP INDEX IF EXISTS tx_patient_folded")
    for people in chunks:
        with cursor.copy(f"COPY patient ({', '.join(COLUMNS)}) FROM STDIN") as copy:
            for row in people:
                copy.write_row(row)
        if keyed:
            with cursor.copy("COPY patient_key (clinic_id, key, patient_id) FROM STDIN") as copy:
                for row in _keys(clinic_id, people):
                    copy.write_row(row)
    if trigrams:
        cursor.execute(TRIGRAMS)
    connection.commit()
    connection.driver_connection.autocommit = True
    cursor.execute("VACUUM ANALYZE patient")
    cursor.execute("VACUUM ANALYZE patient_key")
    connection.driver_connection.autocommit = False
