"""The kinds of import that are mapped by the names of columns: name -> kind.

`appointments` and `regions` read the one layout of their source and have commands of their own.
"""

from __future__ import annotations

from reception.domain.errors import NotFound
from reception.domain.imports.icd import Icd
from reception.domain.imports.kinds import Kind
from reception.domain.imports.patients import Patients
from reception.domain.imports.prices import Prices
from reception.domain.imports.schedules import Schedules

KINDS: dict[str, type[Kind]] = {kind.name: kind for kind in (Patients, Schedules, Prices, Icd)}


def kind_of(name: str) -> type[Kind]:
    """Raises NotFound."""
    if name not in KINDS:
        raise NotFound
    return KINDS[name]
