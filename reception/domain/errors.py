"""Refusals: what a rule says when it says no. Each is a sentence for a person and a code for a program.

The sentence is an English message with named gaps; `reception/errors.py` translates both. Values in the gaps may be
states (StrEnum): they are shown by their words on a screen and by their names in the API.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reception.words import N_


class Refusal(Exception):
    """Base: the transaction is rolled back and nothing is changed."""

    status = 409
    code = "refused"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        state: str | None = None,
        allowed: Iterable[str] | None = None,
        fields: Mapping[str, str] | None = None,
        link: tuple[str, int] | None = None,
        **gaps: Any,
    ) -> None:
        """`state` and `allowed`: the present state and the moves it allows. `fields`: field name -> message.

        `link`: kind and id of the record that shows the way on ("patient", 42).
        """
        if state is not None and "%(state)s" in message:
            gaps["state"] = state
        super().__init__(message % gaps if gaps else message)
        self.message = message
        self.gaps = gaps
        self.code = code or self.code
        self.state = state
        self.allowed = None if allowed is None else list(allowed)
        self.fields = dict(fields or {})
        self.link = link


class BadRequest(Refusal):
    """The request itself is unusable: no key, no JSON."""

    status = 400
    code = "bad-request"


class NotAllowed(Refusal):
    """Who asks may not do this."""

    status = 403
    code = "not-allowed"


class NotFound(Refusal):
    """No such record in this clinic; another clinic's looks the same."""

    status = 404
    code = "not-found"

    def __init__(self, message: str = N_("There is no such record here."), **more: Any) -> None:
        super().__init__(message, **more)


class NotPossible(Refusal):
    """The present state does not allow it."""

    code = "not-possible"


class Stale(NotPossible):
    """The form was drawn from an older state: somebody was faster."""

    code = "stale-version"


class Invalid(Refusal):
    """A value makes no sense."""

    status = 422
    code = "invalid"


class Busy(Refusal):
    """The database could not take the change in several tries."""

    status = 503
    code = "busy"

    def __init__(self, message: str = N_("The system is busy. Please try again."), **more: Any) -> None:
        super().__init__(message, **more)


def invalid_field(field: str, message: str, **gaps: Any) -> Invalid:
    """An `Invalid` about one field."""
    return Invalid(message, fields={field: message}, **gaps)
