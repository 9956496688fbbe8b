"""Checked rows wait here, outside the database and outside the memory: a small file of its own, gone afterwards.

So the check of a long file holds no lock, and the one transaction at its end only copies.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reception.domain.imports.kinds import Checked, Staged, frozen

BATCH = 100


class Staging:
    """Rows in the order of the file, and what they may have only once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.unlink(missing_ok=True)
        self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for statement in (
            "PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF", "PRAGMA cache_size=-1024",
            "CREATE TABLE row (number INTEGER PRIMARY KEY, line INTEGER, body TEXT)",
            "CREATE TABLE key (key TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID",
            "CREATE TABLE span (owner TEXT, begin TEXT, end TEXT, number INTEGER)",
            "BEGIN",
        ):  # fmt: skip
            self._file.execute(statement)
        self.count = 0

    def __enter__(self) -> Staging:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    def add(self, number: int, line: int, checked: Checked) -> tuple[int, str, bool] | None:
        """Keep the row. Where another one has a key of it: (that row, the key's field, whether both are all the same)."""
        body = json.dumps(checked.values, default=frozen, ensure_ascii=False, separators=(",", ":"))
        for key in checked.keys:
            twin = self._one("SELECT number FROM key WHERE key = ?", key)
            if twin is not None:
                return twin, key.partition(":")[0], self._one("SELECT body FROM row WHERE number = ?", twin) == body
        self._file.execute("INSERT INTO row VALUES (?, ?, ?)", (number, line, body))
        self._file.executemany("INSERT OR IGNORE INTO key VALUES (?, ?)", [(key, number) for key in checked.keys])
        self._file.executemany("INSERT INTO span VALUES (?, ?, ?, ?)", [(*span, number) for span in checked.spans])
        self.count += 1
        return None

    def batches(self, size: int = BATCH) -> Iterator[list[Staged]]:
        """All rows, some at a time."""
        last = 0
        while found := self._file.execute(
            "SELECT number, line, body FROM row WHERE number > ? ORDER BY number LIMIT ?", (last, size)
        ).fetchall():
            last = found[-1][0]
            yield [Staged(number, line, json.loads(body)) for number, line, body in found]

    def overlaps(self, most: int) -> Iterator[tuple[int, int, int, str]]:
        """(row, line, the row before it, whose time) where two rows want one's time at once; at most `most`."""
        yield from self._file.execute(
            "SELECT s.number, row.line, s.earlier, s.owner FROM ("
            "  SELECT owner, number, begin, lag(number) OVER times AS earlier,"
            "         max(end) OVER (times ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS busy"
            "  FROM span WINDOW times AS (PARTITION BY owner ORDER BY begin, number)"
            ") AS s JOIN row ON row.number = s.number WHERE s.busy > s.begin ORDER BY s.number LIMIT ?",
            (most,),
        )

    def has(self, key: str) -> bool:
        """Whether a row has this key."""
        return self._one("SELECT 1 FROM key WHERE key = ?", key) is not None

    def _one(self, query: str, value: Any) -> Any:
        found = self._file.execute(query, (value,)).fetchone()
        return found[0] if found else None
