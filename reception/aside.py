"""CPU-bound work beside the open screens: password hashing, documents, large exports."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from reception import startup

T = TypeVar("T")


def aside(work: Callable[..., T], *values: object) -> T:
    """`work(*values)` in gevent's thread pool where a server runs, so that no screen waits for it; else here.

    Give it plain values only: another thread has no session and no request.
    """
    if not startup.is_patched():
        return work(*values)
    import gevent

    return gevent.get_hub().threadpool.apply(work, values)
