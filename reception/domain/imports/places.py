"""Regions, districts and settlements by the names or codes that files write."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from reception.domain.errors import invalid_field
from reception.domain.imports.columns import plain
from reception.extensions import db
from reception.models import District, Region, Settlement
from reception.words import N_

ENDINGS = ("область", "обл", "region", "viloyati", "viloyat", "вилояти", "район", "рн", "tumani", "tuman", "district",
           "shahri", "shahar", "город", "г", "city")  # fmt: skip


class Places:
    """Names -> codes, each level read once when it is first asked for (a settlement's district by district)."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], dict[str, tuple[str, str]]] = {}

    def fit(self, found: dict[str, Any]) -> None:
        """Put codes where the row has names. Raises Invalid."""
        region = self._code(found, "region_code", "")
        district = self._code(found, "district_code", region)
        if district and not region:
            region = found["region_code"] = self._known["district_code", ""][plain(district)][1]
        settlement = self._code(found, "settlement_code", district)
        if settlement and not district:
            raise invalid_field("settlement_code", N_("A settlement needs its district."))
        if region:
            found["country"] = self._level("region_code", "")[plain(region)][1]

    def _code(self, found: dict[str, Any], level: str, above: str) -> str:
        typed = found.get(level) or ""
        if not typed:
            found[level] = None
            return ""
        known = self._level(level, above)
        code, _ = known.get(plain(typed)) or known.get(_short(typed)) or ("", "")
        if not code:
            raise invalid_field(
                level, N_("There is no such place. Import the regions first, or leave this column out.")
            )
        found[level] = code
        return code

    def _level(self, level: str, above: str) -> dict[str, tuple[str, str]]:
        """Plain name or code -> (code, what it lies in)."""
        if (level, above) not in self._known:
            self._known[level, above] = {
                plain(name): (code, upper)
                for code, upper, names in db.session.execute(_query(level, above))
                for name in (code, *names.values(), *map(_short, names.values()))
                if name
            }
        return self._known[level, above]


def _query(level: str, above: str) -> Any:
    if level == "region_code":
        return select(Region.code, Region.country, Region.names)
    if level == "district_code":
        query = select(District.code, District.region_code, District.names)
        return query.where(District.region_code == above) if above else query
    return select(Settlement.code, Settlement.district_code, Settlement.names).where(Settlement.district_code == above)


def _short(name: str) -> str:
    """Without the words that say what kind of place it is."""
    words = [word for word in map(plain, name.replace(".", " ").split()) if word not in ENDINGS]
    return "".join(words)
