"""What every call shares: the blueprint, `@described`, reading strict input, keys, pages and answers.

A view is written as elsewhere, with `@described` as the innermost mark. It says what the call takes and gives; from it
input is read and `/openapi.json` is written:

    @bp.post("/visits")
    @requires(Permission.CHECK_IN)
    @described(schemas.Visit, body=schemas.WalkIn, status=201)
    def walk_in(body): ...
"""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from flask import Blueprint, Response, abort, g, jsonify, request
from flask_babel import gettext
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy import inspect

from reception.blueprints.api.values import MOST_ID, Shape
from reception.domain.errors import BadRequest, Invalid, invalid_field
from reception.words import N_

bp = Blueprint("api", __name__, url_prefix="/api/v1")

M = TypeVar("M", bound=BaseModel)
S = TypeVar("S", bound=StrEnum)
View = Callable[..., Any]

SENTENCES = {
    "missing": N_("This is needed."),
    "extra_forbidden": N_("This field is not known here."),
    "int_type": N_("This must be a whole number."),
    "int_parsing_size": N_("This number is out of range."),
    "greater_than_equal": N_("This number is out of range."),
    "less_than_equal": N_("This number is out of range."),
    "string_type": N_("This must be text."),
    "string_too_long": N_("This is too long: at most %(max_length)s characters."),
    "string_unicode": N_("This contains characters that cannot be stored."),
    "enum": N_("This must be one of: %(expected)s."),
    "literal_error": N_("This must be one of: %(expected)s."),
    "list_type": N_("This must be a list."),
    "too_long": N_("This list is too long."),
    "model_type": N_("This must be an object."),
}
"""Type of a schema error -> the sentence for it. What is not here says only that it cannot be used."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a call takes and gives; `openapi.py` writes the document from it."""

    gives: type[Shape] | None
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    status: int
    is_list: bool
    may_be_empty: bool

    @property
    def is_write(self) -> bool:
        return self.body is not None


def described(
    gives: type[Shape] | None,
    *,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    status: int = 200,
    is_list: bool = False,
    may_be_empty: bool = False,
) -> Callable[[View], View]:
    """Give the view its input as `body` and `query`, and make its dict the answer; None is a 204."""

    def mark(view: View) -> View:
        @functools.wraps(view)
        def answering(**values: Any) -> Response:
            if body is not None:
                _check_key()
                values["body"] = _read_body(body)
            if query is not None:
                values["query"] = _read_query(query)
            found = view(**values)
            if found is None:
                return Response(status=204)
            answer = jsonify(found)
            answer.status_code = status
            return answer

        answering.call = Call(gives, body, query, status, is_list, may_be_empty)  # type: ignore[attr-defined]
        return answering

    return mark


# ------------------------------------------------------------------------------------------------------- coming in


def _check_key() -> None:
    """Before the body is looked at: a write without a key is never tried."""
    if not request.headers.get("Idempotency-Key"):
        raise BadRequest(
            N_("This needs an Idempotency-Key header: a new one for each wish, the same one to repeat it."),
            code="key-missing",
        )


def _read_body(model: type[M]) -> M:
    """The JSON body as `model`; none at all is an empty one. Raises BadRequest or Invalid."""
    raw = request.get_data()
    if not raw.strip():
        raw = b"{}"
    elif not request.is_json:
        abort(415)
    try:
        return model.model_validate_json(raw, context={"currency": g.actor.clinic.currency})
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        if found[0]["type"] == "json_invalid":
            raise BadRequest(N_("The body is not JSON."), code="json-malformed") from None
        raise _invalid(found) from None


def _read_query(model: type[M]) -> M:
    """The query string as `model`; an empty value counts as none. Raises Invalid."""
    given = {name: values for name in request.args if any(values := request.args.getlist(name))}
    if twice := [name for name, values in given.items() if len(values) > 1]:
        raise Invalid(N_("A value was given twice."), fields={twice[0]: N_("A value was given twice.")})
    try:
        return model.model_validate({name: values[0] for name, values in given.items()})
    except ValidationError as error:
        raise _invalid(error.errors(include_url=False, include_input=False)) from None


def _invalid(found: list[ErrorDetails]) -> Invalid:
    fields: dict[str, str] = {}
    for error in found[:50]:
        name = ".".join(str(part) for part in error["loc"])[:100] or "body"
        fields.setdefault(name, _sentence(error))
    return Invalid(N_("Some values cannot be used; “errors” says which."), fields=fields)


def _sentence(error: ErrorDetails) -> str:
    kind, gaps = error["type"], error.get("ctx", {})
    if kind in SENTENCES:
        sentence = SENTENCES[kind]
        return gettext(sentence) % {
            **gaps,
            "expected": str(gaps.get("expected", "")).replace("'", "").replace(" or ", ", "),
        }
    known = kind in ("instant", "day", "money", "whole", "characters")
    own = error["msg"] if known else N_("This value cannot be used.")
    return gettext(own)


def states(kind: type[S], text: str | None) -> list[S]:
    """The states named in a filter, with commas between. Raises Invalid."""
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if any(name not in kind.__members__ for name in names):
        sentence = SENTENCES["enum"]
        message = gettext(sentence) % {"expected": ", ".join(kind)}
        raise Invalid(N_("Some values cannot be used; “errors” says which."), fields={"status": message})
    return [kind(name) for name in names]


def ident(row: Any) -> int:
    """Id of a record that was just committed, without reading the whole row anew."""
    return int(inspect(row).identity[0])


# ----------------------------------------------------------------------------------------------------------- pages


def after(cursor: str | None, of: str) -> tuple[str, int] | None:
    """What stands in the cursor of list `of`: (sort key, id) of the last item seen. Raises Invalid."""
    if cursor is None:
        return None
    try:
        name, key, ident = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError):
        name, key, ident = "", "", 0
    if name != of or not isinstance(key, str) or type(ident) is not int or not 0 < ident <= MOST_ID:
        raise invalid_field("cursor", N_("This cursor is not one of this list."))
    return key, ident


def page(
    rows: Sequence[Any], limit: int, shape: Callable[[Any], Any], of: str, place: Callable[[Any], tuple[str, int]]
) -> dict[str, Any]:
    """`rows` (one more than `limit`, where there are more) as {"items", "next"}; `place`: a row's sort key and id."""
    following = None
    if len(rows) > limit:
        rows = rows[:limit]
        text = json.dumps([of, *place(rows[-1])], separators=(",", ":"))
        following = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    return {"items": [shape(row) for row in rows], "next": following}
