"""Which column of a file is which: by the names that people give them, in English, Russian, Uzbek and Arabic."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from reception.domain.errors import Invalid
from reception.words import N_


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a kind. `label`: what it is called on screens and in exports; `names`: what files call it."""

    name: str
    label: str
    names: tuple[str, ...] = ()
    needed: bool = False


def column(name: str, label: str, names: str = "", *, needed: bool = False) -> Column:
    """`names` separated by bars."""
    return Column(name, label, (label, name, *(part.strip() for part in names.split("|") if part.strip())), needed)


def plain(header: str) -> str:
    """A header as it is compared: letters and digits alone, no case ("Дата рождения:" = "дата_рождения")."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", header).casefold().replace("ё", "е"))


def matched(
    header: Iterable[str], columns: Iterable[Column], also: Callable[[str], Iterable[str]] = lambda label: ()
) -> dict[str, str]:
    """Field -> the column of the file that is it, where its name says so. The first of several names counts most.

    `also`: what else a label is called (our own words for it in other languages, as exports write them).
    """
    by_plain: dict[str, str] = {}
    for name in header:
        if name:
            by_plain.setdefault(plain(name), name)
    found: dict[str, str] = {}
    for field in columns:
        for name in (*field.names, *also(field.label)):
            written = by_plain.get(plain(name))
            if written is not None and written not in found.values():
                found[field.name] = written
                break
    return found


def checked(chosen: dict[str, str], header: list[str], columns: tuple[Column, ...], needed: Any = None) -> list[int]:
    """Where in a row each chosen field stands, in the order of `chosen`.

    `needed`: groups of fields of which one must be there. Raises Invalid.
    """
    known = {field.name: field for field in columns}
    places: dict[int, str] = {}
    for name, written in chosen.items():
        if name not in known:
            raise Invalid(N_("There is no field %(name)s."), name=name[:40])
        if written not in header or not written:
            raise Invalid(N_("The file has no column %(name)s."), name=written[:40])
        if (place := header.index(written)) in places:
            raise Invalid(N_("The column %(name)s cannot be two things."), name=written[:40])
        places[place] = name
    for group in needed or [(field.name,) for field in columns if field.needed]:
        if not any(name in chosen for name in group):
            raise Invalid(Missing, missing=" / ".join(known[name].label for name in group), group=group)
    return list(places)


Missing = N_("Say which column is this: %(missing)s. The file cannot be read without it.")
