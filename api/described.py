"""The OpenAPI description: what the routes say of themselves, and what holds for all of them.

Every status, content type and header that can come is in it, so that a client can be made from it alone.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from api.described_answers import IDEMPOTENCY_KEY, PROBLEM, REFERENCE, describe_answers, header
from api.methods import operations
from api.queries import MAX_CURSOR, MAX_LIMIT, STATES
from api.run_code_schema import RunCodeRequest
from judge_agent.schema import JudgmentRequest


def described(app: FastAPI) -> dict[str, Any]:
    """The document of an application, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _described(app)
    return app.openapi_schema


def _described(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    _, definitions = models_json_schema(
        [(JudgmentRequest, "validation"), (RunCodeRequest, "validation")], ref_template=REFERENCE
    )
    components = document["components"]
    components["schemas"] = definitions["$defs"] | components["schemas"] | {"Problem": PROBLEM}
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
        "basic": {"type": "http", "scheme": "basic"},
    }
    document["security"] = [{"bearer": []}, {"key": []}, {"basic": []}, {}]
    _describe_post(document["paths"]["/v1/judgments"]["post"])
    document["paths"]["/v1/judgments"]["get"]["parameters"] = _LIST_PARAMETERS
    document["paths"]["/v1/judgments/{judgment_id}"]["get"]["parameters"].append(_WAIT)
    document["paths"]["/v1/judgments/{judgment_id}/events"]["get"]["parameters"].append(_LAST_EVENT)
    for path, method, operation in operations(document):
        describe_answers(path, method, operation)
    return document


def _describe_post(post: dict[str, Any]) -> None:
    body = {"schema": {"$ref": REFERENCE.format(model="JudgmentRequest")}, "example": _EXAMPLE}
    post["requestBody"] = {"required": True, "content": {"application/json": body}}
    post["parameters"] = [_PREFER, _KEY]


_PREFER = header(
    "Prefer",
    "`respond-async` answers 202 at once; `wait=SECONDS` waits so long first; `cancel-on-disconnect` calls the "
    "judgment off where the client goes away while it waits, and nobody else wants it.",
    {"type": "string"},
)
_KEY = header(
    "Idempotency-Key",
    "The same key with the same body gives the same judgment; with another body 409.",
    IDEMPOTENCY_KEY,
)
_WAIT = header("Prefer", "`wait=SECONDS` waits so long for the end.", {"type": "string"})
_LAST_EVENT = header(
    "Last-Event-ID",
    "The `id` of the last event that came; nothing for all.",
    {"type": "string", "pattern": "^[0-9]{0,18}$"},
)
_EXAMPLE = {
    "task": {"prompt": "What is 17 * 23?"},
    "candidates": [
        {"id": "a", "trajectory": {"text": "17 * 23 = 391"}},
        {"id": "b", "trajectory": {"text": "17 * 23 = 381"}},
    ],
    "principles": [{"name": "right", "description": "The product is right.", "dimension": "correctness"}],
}
_LIST_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "state",
        "in": "query",
        "description": "May be repeated.",
        "schema": {"type": "array", "items": {"enum": list(STATES)}},
    },
    {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 20},
    },
    {
        "name": "cursor",
        "in": "query",
        "description": "`next_cursor` of the page before.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_CURSOR},
    },
]
