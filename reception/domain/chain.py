"""The chain of a clinic's audit entries: how each is hashed with the one before, and whether all of it is whole.

The hash covers every column but the row's own id, in one canonical form, with a key that the database never holds.
A chain shows edits and gaps; that its end was not cut off is told by the head that is kept beside it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from time import sleep as pause
from typing import Any

from sqlalchemy import func, select

from reception.extensions import db
from reception.models import AuditEntry, AuditHead

HASH_VERSION = 2
"""From 2 on an entry names the money that its act posted (`evidence.py`); it is hashed as before."""
GENESIS = "0" * 64

_key = b""


def use_key(key: bytes) -> None:
    """The secret of digests and chain, from the settings; the database never holds it."""
    global _key
    _key = key


def key() -> bytes:
    """The secret that is in use."""
    return _key


def digest(value: object) -> str:
    """A keyed digest of something personal: equal values look equal, nothing can be read back."""
    return "~" + hmac.new(_key, str(value).encode(), hashlib.sha256).hexdigest()[:16]


def plain(value: Any) -> Any:
    """A value as JSON holds it; instants in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    return str(value) if isinstance(value, str) else value


def hash_of(row: dict[str, Any]) -> str:
    """The hash of an entry: every column but `id` and `hash` itself, in one canonical form."""
    canonical = json.dumps(
        {key: plain(value) for key, value in row.items() if key not in ("hash", "id")},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=True,
    )
    return hmac.new(_key, canonical.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: the chain is whole up to `upto`, or broken at the entry `broken_at`, and how."""

    upto: int
    broken_at: int | None = None
    how: str = ""


def examine(clinic_id: int) -> Finding:
    """Read the clinic's whole chain and say whether it is whole.

    Reads only, in short steps between which others get their turn; acts recorded meanwhile do not disturb it.
    """
    upto, last_hash = _head(clinic_id)
    previous, expected, last_id = GENESIS, 1, 0
    for row in _entries(clinic_id, upto):
        if row["seq"] != expected:
            return Finding(expected - 1, expected, "is missing")
        if row["previous_hash"] != previous or row["hash"] != hash_of(row):
            return Finding(expected - 1, expected, "was changed")
        if row["id"] <= last_id:  # ids are given under the lock of the chain's head
            return Finding(expected - 1, expected, "has an id that came before")
        previous, expected, last_id = row["hash"], expected + 1, row["id"]
    newest = db.session.scalar(select(func.max(AuditEntry.seq)).where(AuditEntry.clinic_id == clinic_id)) or 0
    if (expected - 1, previous) != (upto, last_hash) or newest > _head(clinic_id)[0]:
        return Finding(expected - 1, expected, "is not where the chain's head says")
    return Finding(upto)


def check_chain(clinic_id: int) -> str | None:
    """None when the clinic's chain is whole; else a line that names the first broken entry."""
    found = examine(clinic_id)
    return f"audit entry {found.broken_at} of clinic {clinic_id} {found.how}" if found.broken_at else None


def _head(clinic_id: int) -> tuple[int, str]:
    found = db.session.execute(
        select(AuditHead.seq, AuditHead.hash).where(AuditHead.clinic_id == clinic_id)
    ).one_or_none()
    return (found.seq, found.hash) if found else (0, GENESIS)


def _entries(clinic_id: int, upto: int) -> Iterator[dict[str, Any]]:
    rows = db.session.execute(
        select(*AuditEntry.__table__.columns)
        .where(AuditEntry.clinic_id == clinic_id, AuditEntry.seq <= upto)
        .order_by(AuditEntry.seq),
        execution_options={"yield_per": 500},
    )
    for part in rows.mappings().partitions():
        for row in part:
            yield dict(row)
        pause(0)  # under gevent other screens are served in between


def last_check(clinic_id: int) -> AuditEntry | None:
    """The entry of the clinic's last check, if any."""
    return db.session.scalar(
        select(AuditEntry)
        .where(
            AuditEntry.clinic_id == clinic_id, AuditEntry.entity_kind == "clinic", AuditEntry.entity_id == clinic_id,
            AuditEntry.action == "audit.check",
        )
        .order_by(AuditEntry.seq.desc())
        .limit(1)
    )  # fmt: skip
