"""Settings: the clinic, what is in it, its screens, its people. One module for each; `frame.py` is what they share."""

from __future__ import annotations

from reception.blueprints.settings import (
    clinic,
    closures,
    displays,
    imports,
    insurers,
    people,
    price_changes,
    questionnaire,
    schedules,
    services,
    things,
    tokens,
)
from reception.blueprints.settings.frame import bp

__all__ = [
    "bp", "clinic", "closures", "displays", "imports", "insurers", "people",
    "price_changes", "questionnaire", "schedules", "services", "things", "tokens",
]  # fmt: skip
