"""A client of the JSON API for tests: every answer it gets is held against the OpenAPI document."""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from flask import Flask
from jsonschema import Draft202012Validator, FormatChecker
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from reception import clock
from reception.blueprints.api.openapi import document, path_of
from reception.models import Role
from tests.factories import House

ROOT = "/api/v1"


class Api:
    """One caller with `roles`; without, nobody. Paths are given below /api/v1."""

    def __init__(self, house: House, *roles: Role) -> None:
        self.house = house
        self.client = house.app.test_client(use_cookies=False)
        self.headers = house.token(*roles) if roles else {}

    def get(self, path: str, expected: int = 200, /, **query: Any) -> Any:
        """The JSON of a GET that must answer `expected`."""
        return self.send("GET", path, expected, query_string=query)

    def post(self, path: str, body: Any = None, status: int = 200, key: str | None = None) -> Any:
        """The JSON of a POST that must answer `status`; `body` None sends none at all."""
        return self.write("POST", path, body, status, key)

    def patch(self, path: str, body: Any = None, status: int = 200, key: str | None = None) -> Any:
        return self.write("PATCH", path, body, status, key)

    def write(self, method: str, path: str, body: Any, status: int, key: str | None = None) -> Any:
        headers = {"Idempotency-Key": key} if key else self.house.key()
        sent = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        return self.send(method, path, status, headers=headers, **sent)

    def send(self, method: str, path: str, status: int, headers: dict[str, str] | None = None, **more: Any) -> Any:
        answer = self.raw(method, path, headers, **more)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.get_data(as_text=True)}"
        return answer.get_json() if answer.data else None

    def raw(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> TestResponse:
        """The whole answer, whatever it is, found to be as described."""
        answer = self.client.open(ROOT + path, method=method, headers={**self.headers, **(headers or {})}, **more)
        check(self.house.app, method, ROOT + path.partition("?")[0], answer)
        return answer


def check(app: Flask, method: str, path: str, answer: TestResponse) -> None:
    """Hold an answer against what the document says of this call and status."""
    described = _document(app)
    try:
        rule, _ = app.url_map.bind("localhost").match(path, method, return_rule=True)
    except HTTPException:
        schema: Any = {"$ref": "#/components/schemas/Problem"}
    else:
        if rule.endpoint == "api.openapi":
            return
        answers = described["paths"][path_of(rule)][method.lower()]["responses"]
        assert str(answer.status_code) in answers, f"{method} {path} does not describe {answer.status_code}"
        content = answers[str(answer.status_code)].get("content")
        if content is None:
            assert answer.data == b""
            return
        ((kind, found),) = content.items()
        assert answer.content_type == kind
        schema = found["schema"]
    whole = {**schema, "components": described["components"]}
    Draft202012Validator(whole, format_checker=FormatChecker()).validate(answer.get_json())


@lru_cache(maxsize=1)
def _document(app: Flask) -> dict[str, Any]:
    return document(app)


def tomorrow(house: House) -> date:
    return clock.today(house.clinic) + timedelta(days=1)
