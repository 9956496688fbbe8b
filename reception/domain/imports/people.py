"""Names for people whom a file knows by number only: the same number always gets the same name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

from reception.domain.imports.files import Unreadable
from reception.words import N_

LOCALE = "pt_BR"
Lists = Mapping[str, Sequence[str]]


@cache
def built_in() -> Lists:
    """Brazilian names of the package Faker (MIT, see NOTICE)."""
    found: Lists = json.loads((Path(__file__).parent / "names_pt_BR.json").read_text(encoding="utf-8"))
    return found


def from_file(path: Path) -> Lists:
    """The lists of LOCALE in a file that maps a locale to its lists of names. Raises Unreadable."""
    try:
        lists = json.loads(path.read_text(encoding="utf-8"))[LOCALE]
        if all(lists[key] and all(isinstance(n, str) for n in lists[key]) for key in built_in()):
            return dict(lists)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise Unreadable(N_("%(name)s holds no lists of names for %(locale)s."), name=path.name, locale=LOCALE)


def name_for(number: str, is_woman: bool, lists: Lists) -> tuple[str, str]:
    """First name and the two family names of the person `number`.

    The SHA-256 of the number picks three places; in each list the n-th name is about n times as rare as the first.
    """
    digest = sha256(number.encode()).digest()
    first, mother, father = (
        _pick(names, digest[at : at + 4])
        for names, at in (
            (lists["first_female" if is_woman else "first_male"], 0),
            (lists["last"], 4),
            (lists["last"], 8),
        )
    )
    return first, f"{mother} {father}" if mother != father else mother


def _pick(names: Sequence[str], digest: bytes) -> str:
    """By Zipf's law: an even share of the logarithm of the list's length says the place."""
    share = int.from_bytes(digest, "big") / 2**32
    return names[int((len(names) + 1) ** share) - 1]
