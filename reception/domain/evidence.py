"""Evidence of the money: the audit entry of an act names the rows that it posted, with a keyed digest of every column.

So a ledger row that is changed, missing or slipped in behind the triggers is found by `examine`, as the chain finds a
changed act. One digest for each act: a row is read when it is written, while it is at hand anyway.

Entries of version 1 said nothing of what they posted. Rows of that time are those below the first that an entry names;
for them `verify` has the balances alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, literal, select

from reception.domain import chain
from reception.domain.chain import Finding, plain
from reception.extensions import db
from reception.models import AuditEntry, BonusEntry, LedgerEntry, Operation, RefundLine

KEPT = (LedgerEntry, Operation, RefundLine, BonusEntry)
"""Rows of money that are never changed."""
FACT = "posted"
SINCE = 2
"""The version of audit entries from which they name what was posted."""
PIECE = 400
_tables = {kind.__tablename__: cast(Table, kind.__table__) for kind in KEPT}
_names = {name: tuple(column.name for column in table.columns) for name, table in _tables.items()}

Posted = dict[tuple[str, int], str]


def line(table: str, values: Any) -> str:
    """A row in one canonical form. What is not set is left out, so that a column that comes later changes nothing."""
    found = {name: plain(values.get(name)) for name in _names[table] if values.get(name) is not None}
    return json.dumps([table, found], sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def claim(posted: Posted) -> dict[str, str]:
    """What the entry says of the rows posted: their ids by table, as ranges, and the digest of all of them."""
    idents: dict[str, list[int]] = {}
    for table, ident in sorted(posted):
        idents.setdefault(table, []).append(ident)
    return {table: _ranges(some) for table, some in idents.items()} | {"digest": _digest(posted)}


def _digest(posted: Posted) -> str:
    found = hmac.new(chain.key(), digestmod=hashlib.sha256)
    for name in sorted(posted):
        found.update(posted[name].encode() + b"\n")
    return found.hexdigest()


def _ranges(idents: list[int]) -> str:
    """Ascending ids as people write them: 3-5,9."""
    parts: list[list[int]] = []
    for ident in idents:
        if parts and parts[-1][1] == ident - 1:
            parts[-1][1] = ident
        else:
            parts.append([ident, ident])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def named(claimed: dict[str, str]) -> Iterator[tuple[str, int]]:
    """(table, id) of each row that an entry names."""
    for table, ranges in claimed.items():
        if table in _tables:
            for part in ranges.split(","):
                first, _, last = part.partition("-")
                yield from ((table, ident) for ident in range(int(first), int(last or first) + 1))


# ------------------------------------------------------------------------------------------------------------ check


def examine(clinic_id: int) -> Finding:
    """Compare all that the clinic's entries say was posted with the rows that are there. Reads only, in short steps."""
    check = _Check(clinic_id)
    broken = check.walk()
    if broken is None and (strange := check.strangers()):
        broken = check.walk()  # what others posted meanwhile: a row and its entry are committed at once
        unnamed = [(name, ident) for name, ident in strange if ident not in check.seen[name]]
        if broken is None and unnamed:
            return Finding(check.upto, check.upto, f"is the last, and none says that it posted {_called(*unnamed)}")
    return broken or Finding(check.upto)


def check_money(clinic_id: int) -> str | None:
    """None when all is as it was posted; else a line that names the entry and the row."""
    found = examine(clinic_id)
    return f"audit entry {found.broken_at} of clinic {clinic_id} {found.how}" if found.broken_at is not None else None


def _called(*names: tuple[str, int]) -> str:
    found = [f"{table} {ident}" for table, ident in names[:8]]
    return ", ".join(found) + (" and more" if len(names) > 8 else "")


class _Check:
    """What was read so far: up to which entry, the ids that entries name, and when the last one was written that could
    not name any yet."""

    def __init__(self, clinic_id: int) -> None:
        self.clinic_id = clinic_id
        self.upto = 0
        self.seen: dict[str, set[int]] = {name: set() for name in _tables}
        self.silent_until: datetime | None = None

    def walk(self) -> Finding | None:
        """Read on to the last entry; what is wrong with the first that is wrong."""
        while entries := db.session.execute(
            select(AuditEntry.seq, AuditEntry.at, AuditEntry.hash_version, AuditEntry.fields)
            .where(AuditEntry.clinic_id == self.clinic_id, AuditEntry.seq > self.upto)
            .order_by(AuditEntry.seq)
            .limit(PIECE)
        ).all():
            claims = {entry.seq: entry.fields[FACT] for entry in entries if FACT in entry.fields}
            rows = self._rows(name for claimed in claims.values() for name in named(claimed))
            for seq, claimed in claims.items():
                if how := self._wrong(list(named(claimed)), claimed.get("digest", ""), rows):
                    return Finding(seq - 1, seq, how)
            for entry in entries:
                if entry.hash_version < SINCE and (self.silent_until is None or entry.at > self.silent_until):
                    self.silent_until = entry.at
            self.upto = entries[-1].seq
            chain.pause(0)  # under gevent other screens are served in between
        return None

    def _wrong(self, wanted: list[tuple[str, int]], digest: str, rows: Posted) -> str:
        if gone := [name for name in wanted if name not in rows]:
            return f"posted {_called(*gone)}, which is missing"
        if _digest({name: rows[name] for name in wanted}) != digest:
            return f"posted {_called(*wanted)}, which was changed"
        for table, ident in wanted:
            self.seen[table].add(ident)
        return ""

    def _rows(self, names: Iterable[tuple[str, int]]) -> Posted:
        idents: dict[str, list[int]] = {name: [] for name in _tables}
        for name, ident in names:
            idents[name].append(ident)
        rows: Posted = {}
        for name, table in _tables.items():
            for start in range(0, len(idents[name]), PIECE):
                some = idents[name][start : start + PIECE]
                query = select(table).where(table.c.clinic_id == self.clinic_id, table.c.id.in_(some))
                rows |= {(name, row["id"]): line(name, row) for row in db.session.execute(query).mappings()}
        return rows

    def strangers(self) -> list[tuple[str, int]]:
        """Rows that no entry names, apart from those of the time before entries named any."""
        found = []
        for name, table in _tables.items():
            known = self.seen[name]
            first = min(known, default=None)
            when = table.c.at if "at" in table.c else literal(None)
            query = select(table.c.id, when).where(table.c.clinic_id == self.clinic_id).order_by(table.c.id)
            for ident, at in db.session.execute(query, execution_options={"yield_per": 5000}):
                if ident in known:
                    continue
                is_old = self.silent_until is not None and (first is None or ident < first)
                if not (is_old and (at is None or at <= self.silent_until)):
                    found.append((name, ident))
        return found
