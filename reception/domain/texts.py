"""Text that people type: stored as typed (ends trimmed), refused when it cannot be stored or is too long."""

from __future__ import annotations

from reception.domain.errors import invalid_field
from reception.words import N_


def checked(text: str | None, field: str, most: int) -> str:
    """`text` without white space at its ends; nothing is "". Raises Invalid about `field`."""
    value = (text or "").strip()
    if "\x00" in value:
        raise invalid_field(field, N_("This contains characters that cannot be stored."))
    if len(value) > most:
        raise invalid_field(field, N_("This is too long: at most %(most)s characters."), most=most)
    return value
