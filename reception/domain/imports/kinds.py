"""What every kind of import is: its columns, how a row is read, what stands already, how new rows are stored.

A row is read without the database into plain values; then, some hundreds at a time, compared with what stands: new, the
same, or impossible. `runs.py` leads all kinds the same way.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar

from reception.domain.actors import Actor
from reception.domain.errors import Invalid
from reception.domain.imports.columns import Column
from reception.domain.imports.files import MOST_ROWS

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row cannot be: `column` is the field to blame, or ""; `message` an English sentence with gaps."""

    row: int
    line: int
    message: str
    column: str = ""
    gaps: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, refusal: Invalid, row: int, line: int) -> Fault:
        name, message = next(iter(refusal.fields.items()), ("", refusal.message))
        gaps = {key: value if isinstance(value, int) else str(value) for key, value in refusal.gaps.items()}
        return cls(row, line, message, name, gaps)

    @property
    def plain(self) -> Values:
        return {"row": self.row, "line": self.line, "message": self.message, "column": self.column,
                "gaps": dict(self.gaps)}  # fmt: skip


@dataclass(slots=True)
class Checked:
    """A row that holds. `keys`: what no other row of the file may have, as "field:value"; `spans`: (whose, from, to) in
    which no other row may stand."""

    values: Values
    keys: list[str] = field(default_factory=list)
    spans: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Staged:
    """A checked row on its way; `compare` says whether it is new."""

    row: int
    line: int
    values: Values
    is_new: bool = True


class Kind(ABC):
    """One kind of import at work for `actor`."""

    name: ClassVar[str]
    title: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    needed: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Groups of fields of which the file must have one; empty: those columns that say so."""
    most: ClassVar[int] = MOST_ROWS
    has_locale: ClassVar[bool] = False
    """Whether somebody has to say in which language the file is."""

    def __init__(self, actor: Actor, at: datetime, fields: frozenset[str], locale: str = "") -> None:
        self.actor, self.at, self.fields, self.locale = actor, at, fields, locale
        self.is_staged: Callable[[str], bool] = lambda key: False
        """Whether a row of the file has this key; `runs.py` says how to ask."""

    @abstractmethod
    def read(self, cells: dict[str, str]) -> Checked | None:
        """A row from text; None: a heading or the like, not meant. Raises Invalid."""

    @abstractmethod
    def compare(self, rows: list[Staged]) -> Iterator[Fault]:
        """Say of each row whether it is new; name those that cannot be."""

    @abstractmethod
    def insert(self, rows: list[Staged]) -> None:
        """Store new rows; inside the transaction."""

    def finish(self, rows: Iterator[list[Staged]]) -> None:  # noqa: B027  most kinds have nothing left to do
        """What can be done only when all rows stand; inside the transaction. `rows`: all of the file once more."""


def frozen(value: Any) -> Any:
    """A value as JSON keeps it."""
    return value.isoformat() if isinstance(value, date) else str(value)
