"""The API described by itself: OpenAPI 3.1, written from the routes, their permissions and their pydantic models."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app, jsonify
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from werkzeug.routing import Rule

from reception.access import PERMISSIONS, Permission, permission_of, requires
from reception.blueprints.api import schemas
from reception.blueprints.api.calls import Call, bp
from reception.blueprints.api.values import Shape

REF = "#/components/schemas/"
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "a new one for each wish, the same one to repeat it; up to 80 letters, digits and . : ~ / _ -",
    "schema": {"type": "string", "pattern": r"^[\w.:~/-]{1,80}$"},
}
ABOUT = (
    "Ids are integers of the token's clinic; another clinic's look like missing ones. Instants are ISO 8601 in UTC, money "
    "is a string with the currency's digits. Input is strict: unknown fields and other types are refused."
)


@bp.get("/openapi.json")
@requires(Permission.PUBLIC)
def openapi() -> Response:
    """This document."""
    kept = current_app.extensions.setdefault("openapi", {})
    if not kept:
        kept.update(document(current_app))
    return jsonify(kept)


def document(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of the app's routes."""
    calls: list[tuple[Rule, Call]] = [(rule, vars(app.view_functions[rule.endpoint])["call"]) for rule in routes(app)]
    paths: dict[str, Any] = {}
    for rule, call in calls:
        method = next(iter((rule.methods or set()) - {"HEAD", "OPTIONS"})).lower()
        paths.setdefault(path_of(rule), {})[method] = _operation(app, rule, call)
    from reception import __version__

    return {
        "openapi": "3.1.0",
        "info": {"title": "Reception", "version": __version__, "description": ABOUT},
        "servers": [{"url": bp.url_prefix}],
        "security": [{"token": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "flask --app reception token USER"}
            },
            "schemas": _schemas([call for _, call in calls]),
        },
    }


def routes(app: Flask) -> list[Rule]:
    """The rules of the API, this document aside."""
    own = f"{bp.name}."
    return [r for r in app.url_map.iter_rules() if r.endpoint.startswith(own) and r.endpoint != "api.openapi"]


def path_of(rule: Rule) -> str:
    """The rule as OpenAPI writes it, below the server's address: /visits/{id}."""
    return re.sub(r"<[^>]+>", "{id}", rule.rule.removeprefix(bp.url_prefix or ""))


def _operation(app: Flask, rule: Rule, call: Call) -> dict[str, Any]:
    view = app.view_functions[rule.endpoint]
    permission = permission_of(app, rule.endpoint)
    roles = ", ".join(sorted(PERMISSIONS[permission])) if permission else ""
    has_id = "<" in rule.rule
    parameters = [_path_id()] if has_id else []
    parameters += _query(call.query) if call.query else []
    parameters += [KEY] if call.is_write else []
    found = {
        "operationId": rule.endpoint.partition(".")[2],
        "tags": [rule.rule.removeprefix(f"{bp.url_prefix}/").partition("/")[0]],
        "summary": (view.__doc__ or "").strip(),
        "description": f"Roles: {roles}.",
        "parameters": parameters,
        "responses": _responses(call, has_id),
    }
    if call.body:
        required = any(field.is_required() for field in call.body.model_fields.values())
        found["requestBody"] = {"required": required, "content": _json(call.body)}
    return found


def _path_id() -> dict[str, Any]:
    return {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}


def _query(model: type[BaseModel]) -> list[dict[str, Any]]:
    found = []
    for name, schema in model.model_json_schema(by_alias=True)["properties"].items():
        plain = next((s for s in schema.get("anyOf", ()) if s.get("type") != "null"), schema)
        own = {key: value for key, value in plain.items() if key not in ("title", "description")}
        entry = {"name": name, "in": "query", "required": False, "schema": own}
        if "default" in schema and schema["default"] is not None:
            own["default"] = schema["default"]
        if text := schema.get("description"):
            entry["description"] = text
        found.append(entry)
    return found


def _responses(call: Call, has_id: bool) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    if call.gives:
        content = {"application/json": {"schema": schemas.listing(call.gives)}} if call.is_list else _json(call.gives)
        answers[str(call.status)] = {"description": HTTPStatus(call.status).phrase, "content": content}
    if call.may_be_empty:
        answers["204"] = {"description": "Nothing to answer with"}
    refusals = {401, 403, 503}
    if has_id or call.is_write:
        refusals.add(404)
    if call.query:
        refusals.add(422)
    if call.is_write:
        refusals |= {400, 409, 413, 415, 422}
    for status in sorted(refusals):
        answers[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {"application/problem+json": {"schema": {"$ref": f"{REF}Problem"}}},
        }
    return answers


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"{REF}{model.__name__}"}}}


def _schemas(calls: list[Call]) -> dict[str, Any]:
    models = {m for call in calls for m in (call.gives, call.body) if m} | {schemas.Problem}
    modes: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (model, "serialization" if issubclass(model, Shape) else "validation")
        for model in sorted(models, key=lambda m: m.__name__)
    ]
    _, found = models_json_schema(modes, ref_template=REF + "{model}")
    problem = found["$defs"]["Problem"]
    problem["required"] = ["type", "title", "status", "detail", "code"]
    return dict(sorted(found["$defs"].items()))
