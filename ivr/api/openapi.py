"""The OpenAPI 3.1 document, made of the table of routes and the models. Pure: no I/O."""

import re
from functools import cache
from importlib.metadata import version
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ivr.api import models
from ivr.api.problems import MEDIA_TYPE, TITLES
from ivr.api.routes import ROUTES, Route

REF = "#/components/schemas/{model}"
ALWAYS = (403, 421, 500)
WITH_TOKEN = (401, 429)
ABOUT = """Live figures of a contact centre, and what a supervisor does about them.

Instants (`…_at`) are milliseconds since the epoch, durations (`…_ms`) milliseconds. Tokens come from
`holdfast token create`. The meaning of every word: docs/api.md and docs/call-log.md."""


@cache
def document() -> dict[str, Any]:
    """The whole document."""
    said: dict[type[BaseModel], Literal["validation", "serialization"]] = {
        models.Problem: "serialization",
        models.LiveMessage: "serialization",
    }
    said[models.LiveRequest] = "validation"
    for route in ROUTES:
        for answer in (route.answer, *route.other_answers.values()):
            if isinstance(answer, type):
                said[answer] = "serialization"
        if route.body is not None:
            said[route.body] = "validation"
    _, schemas = models_json_schema([*said.items()], ref_template=REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Holdfast",
            "version": version("holdfast"),
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "reading", "description": "Live figures"},
            {"name": "acting", "description": "What a supervisor does"},
            {"name": "server", "description": "About the server itself"},
        ],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": [*_in_path(route), *_in_query(route)],
        "responses": _responses(route),
        "security": [{"token": []}] if route.role else [],
    }
    said = [route.details, "Needs a token with the role `supervisor`." if route.role == "supervisor" else ""]
    if any(said):
        made["description"] = " ".join(filter(None, said))
    if route.body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": _schema(route.body)}}
    return made


def _in_path(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]


def _in_query(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    described = route.query.model_json_schema()["properties"]
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema.pop("description", ""),
            "schema": schema,
        }
        for name, schema in described.items()
    ]


def _responses(route: Route) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    if route.name == "live":
        answers["101"] = {"description": "From here on messages, each a `LiveMessage`"}
    elif isinstance(route.answer, str):
        answers["200"] = {"description": route.summary, "content": {route.answer: {}}}
    else:
        content = {"application/json": _schema(route.answer)}
        answers["200"] = {"description": route.summary, "content": content}
    for status, answer in route.other_answers.items():
        answers[str(status)] = {
            "description": TITLES[status],
            "content": {"application/json": _schema(answer)},
        }
    for status in sorted(statuses(route)):
        answers.setdefault(
            str(status), {"description": TITLES[status], "content": {MEDIA_TYPE: _schema(models.Problem)}}
        )
    return answers


def statuses(route: Route) -> set[int]:
    """Statuses of the problems that a request can meet."""
    found = {*ALWAYS, *route.refusals}
    if route.role:
        found |= {*WITH_TOKEN, 503}
    if route.query is not None or route.body is not None:
        found.add(422)
    if route.body is not None:
        found |= {413, 415}
    if route.name == "live":
        found.add(503)
    return found


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return {"schema": {"$ref": REF.format(model=model.__name__)}}
