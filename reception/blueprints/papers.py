"""Papers that are printed once and sometimes again: which of them say that they are a copy."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import request

from reception import clock

FRESH = timedelta(minutes=10)
"""So long after its act a paper may still be the first one: the printer was out of paper."""


def is_copy(at: datetime) -> bool:
    """Whether a paper of the act at `at` is a copy: it was asked for as one (`?copy=1`), or the act is long past."""
    return "copy" in request.args or clock.now() - at > FRESH
