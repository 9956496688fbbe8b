"""Marking of words where no request is at hand: `N_` names a sentence, whoever shows it translates it."""

from __future__ import annotations

CONTEXT = "\x04"
"""What stands between a context and its message, in the catalogues too (gettext's own sign)."""


def N_(message: str) -> str:
    """`message` as it is; the extraction of messages finds it by this call."""
    return message


def P_(context: str, message: str) -> str:
    """A message that means another thing in `context`, and may need another word there: a card that pays, a bill that
    is open. `formats.word` translates it."""
    return context + CONTEXT + message
