"""Regions, districts and settlements from CSV files: read, checked as a whole, then stored, or nothing.

The columns say what a file is: `region_code` makes it districts, `district_code` settlements, neither regions. Names stand
in `name_<language>`. What stands already with the same names is left alone; other names are taken over.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import phonenumbers
from sqlalchemy import select

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import Invalid
from reception.extensions import db
from reception.models import Clinic, District, Region, Settlement
from reception.words import N_

MOST_BYTES = 20_000_000
MOST_ROWS = 200_000
MOST_FILES = 200
LONGEST_NAME = 200
CODE = re.compile(r"[0-9A-Za-z.-]{1,16}", re.ASCII)
NAME = re.compile(r"name_([a-z]{2,3})")
LEVELS: tuple[tuple[type[Any], str], ...] = ((Region, ""), (District, "region_code"), (Settlement, "district_code"))
"""Table and the column that says what its rows lie in, from above."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that cannot be taken, and why."""

    file: str
    row: int
    why: str


@dataclass(slots=True)
class Reading:
    """What the files say: level (0 to 2) -> code -> values; other files of the folder are `unused`."""

    rows: dict[int, dict[str, dict[str, Any]]] = field(default_factory=lambda: {0: {}, 1: {}, 2: {}})
    problems: list[Problem] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Outcome:
    """How many places are new, changed, and as they were."""

    added: int = 0
    changed: int = 0
    same: int = 0


def read(path: Path) -> Reading:
    """The places of a file, or of all CSV files of a folder. Raises Invalid where nothing can be read."""
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.name.endswith((".csv", ".csv.gz")))[:MOST_FILES]
    else:
        files = [path]
    found = Reading()
    for file in files:
        level = _read_file(file, found)
        if level is None:
            found.unused.append(file.name)
    if not any(found.rows.values()) and not found.problems:
        raise Invalid(
            N_("There are no regions in this file. Its columns must be code and name_…, and what it lies in.")
        )
    return found


def _read_file(path: Path, found: Reading) -> int | None:
    """Add the rows of one file; its level, or None for a file about something else."""
    table = csv.DictReader(io.StringIO(_text(path), newline=""))
    heads = [(head or "").strip() for head in table.fieldnames or ()]
    languages = {name[1]: head for head in heads if (name := NAME.fullmatch(head))}
    if "code" not in heads or not languages:
        return None
    level = 2 if "district_code" in heads else 1 if "region_code" in heads else 0
    above = LEVELS[level][1]
    if level == 0 and "parent" in heads:  # a tree of something else
        return None
    for number, row in enumerate(table, 1):
        if number > MOST_ROWS:
            raise Invalid(N_("The file has more than %(most)s rows."), most=MOST_ROWS)
        names = {code: text for code, head in languages.items() if (text := (row.get(head) or "").strip())}
        values = {"names": names, "kind": (row.get("kind") or "").strip()[:16]}
        if above:
            values[above] = (row.get(above) or "").strip()
        if why := _wrong(row.get("code"), values, above, found.rows[level]):
            found.problems.append(Problem(path.name, number, why))
        else:
            found.rows[level][str(row["code"]).strip()] = values
    return level


def _wrong(code: str | None, values: dict[str, Any], above: str, known: dict[str, Any]) -> str:
    """What is wrong with a row, or nothing."""
    code = (code or "").strip()
    if not CODE.fullmatch(code):
        return "the code is missing or has a wrong form"
    if code in known:
        return f"the code {code} is there twice"
    if above and not CODE.fullmatch(values[above]):
        return f"{above} is missing or has a wrong form"
    if not values["names"]:
        return "there is no name"
    if any(len(name) > LONGEST_NAME or "\x00" in name for name in values["names"].values()):
        return "a name is too long or cannot be stored"
    return ""


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file, gzip.open(file) if path.suffix == ".gz" else nullcontext(file) as plain:
            data = plain.read(MOST_BYTES + 1)
    except (OSError, EOFError):
        raise Invalid(N_("The file cannot be read.")) from None
    if len(data) > MOST_BYTES:
        raise Invalid(N_("The file is too large."))
    try:
        return str(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Invalid(N_("The file is not written in UTF-8.")) from None


# ---------------------------------------------------------------------------------------------------------- storing


def check(found: Reading) -> list[Problem]:
    """The problems of the files, and of what they say against what stands: everything, so that one run shows all."""
    problems = list(found.problems)
    for level, (kind, above) in enumerate(LEVELS):
        if not above:
            continue
        upper = LEVELS[level - 1][0]
        known = set(found.rows[level - 1]) | set(db.session.scalars(select(upper.code)))
        standing = {row.code: getattr(row, above) for row in _standing(kind)}
        for number, (code, values) in enumerate(found.rows[level].items(), 1):
            name = kind.__tablename__
            if values[above] not in known:
                problems.append(Problem(name, number, f"{code} lies in {values[above]}, which is nowhere"))
            elif standing.get(code, values[above]) != values[above]:
                problems.append(Problem(name, number, f"{code} lies in {standing[code]} already"))
    return problems


def store(found: Reading, country: str, *, actor: Actor, at: datetime) -> Outcome:
    """Add what is new and take over changed names. `country`: of the regions. Raises Invalid, and nothing is stored."""
    if country not in phonenumbers.SUPPORTED_REGIONS:
        raise Invalid(N_("%(country)s is no country. Write its two letters, such as UZ."), country=country[:8])
    if problems := check(found):
        raise Invalid(N_("%(count)s rows cannot be taken, so nothing was stored."), count=len(problems))
    outcome = Outcome()
    for level, (kind, above) in enumerate(LEVELS):
        standing = {row.code: row for row in _standing(kind)}
        for code, values in found.rows[level].items():
            _put(kind, code, values, above, country, standing.get(code), outcome)
        db.session.flush()
    if outcome.added or outcome.changed:
        clinic = db.session.get_one(Clinic, actor.clinic_id)
        record(actor, "import.regions", clinic, at=at, imported=outcome.added, known=outcome.same)
    return outcome


def _put(
    kind: type[Any], code: str, values: dict[str, Any], above: str, country: str, row: Any, outcome: Outcome
) -> None:
    own = {"names": values["names"]}
    if kind is Region:
        own["country"] = country
    if kind is District:
        own["kind"] = values["kind"]
    if row is None:
        db.session.add(kind(code=code, **own, **({above: values[above]} if above else {})))
        outcome.added += 1
    elif all(getattr(row, name) == value for name, value in own.items()):
        outcome.same += 1
    else:
        for name, value in own.items():
            setattr(row, name, value)
        outcome.changed += 1


def _standing(kind: type[Any]) -> Iterator[Any]:
    yield from db.session.scalars(select(kind))
