"""How often a secret may be tried: passwords, pairing codes, addresses of screens.

Counted in Redis where there is one, else in this process. A window ends by itself after its time, however often
somebody goes on trying, so nobody is locked out for good. Keys hold digests, never names.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, RateLimiter

from reception.extensions import limiter

log = logging.getLogger(__name__)
_own = FixedWindowRateLimiter(MemoryStorage())


def may_try(limit: str, *who: str, times: int = 1) -> bool:
    """Count one try of `who` and say whether it is within `limit` ("10 per 15 minutes", taken `times` times)."""
    item = _item(limit, times)
    return _ask(lambda store: store.hit(item, *_keys(who)))


def is_open(limit: str, *who: str) -> bool:
    """Whether `who` has a try left; counts nothing."""
    item = _item(limit)
    return _ask(lambda store: store.test(item, *_keys(who)))


def forgive(limit: str, *who: str) -> None:
    """Forget the tries of `who`: it was the right one."""
    item = _item(limit)

    def clear(store: RateLimiter) -> bool:
        store.clear(item, *_keys(who))
        return True

    _ask(clear)


def _item(limit: str, times: int = 1) -> RateLimitItem:
    item = parse(limit)
    return type(item)(item.amount * times, item.multiples)


def _keys(who: tuple[str, ...]) -> list[str]:
    return [hashlib.sha256(part.encode()).hexdigest()[:32] for part in who]


def _ask(question: Callable[[RateLimiter], bool]) -> bool:
    try:
        return question(limiter.limiter)
    except Exception:
        log.warning("tries: the store of the limits does not answer; this process counts alone")
        return question(_own)
