"""Public holidays, proposed: what the library `holidays` knows of a country. The clinic takes what holds for it."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import holidays
from holidays.utils import list_localized_countries, list_supported_countries


@lru_cache(maxsize=1)
def countries() -> dict[str, list[str]]:
    """Country -> its parts that have holidays of their own."""
    return {
        code: list(parts) for code, parts in list_supported_countries(include_aliases=False).items() if len(code) == 2
    }


def is_part(country: str, part: str) -> bool:
    """Whether `part` is one of the country's; none is."""
    return not part or part in countries().get(country, ())


@lru_cache(maxsize=64)
def proposed(country: str, part: str, year: int, locale: str) -> dict[date, str]:
    """The public holidays of a year by day, named in the language where the library speaks it, else in its own."""
    if country not in countries() or not is_part(country, part):
        return {}
    spoken = _languages().get(country, [])
    language = next((code for code in spoken if code.partition("_")[0] == locale.partition("_")[0]), None)
    found = holidays.country_holidays(country, subdiv=part or None, years=year, language=language)
    return {day: name for day, name in sorted(found.items()) if day.year == year}


@lru_cache(maxsize=1)
def _languages() -> dict[str, list[str]]:
    return {code: list(spoken) for code, spoken in list_localized_countries().items()}
