"""The OpenAPI description, and the page at /docs that shows it without any network.

The scripts come from the wheel of `fastapi-offline`, which carries a Swagger UI that reads OpenAPI 3.1.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from api.problems import Problem
from api.run_code_schema import RunCodeRequest
from judge_agent.schema import JudgmentRequest

_REFERENCE = "#/components/schemas/{model}"
_MEDIA_TYPES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>judge-agent</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
});
"""
# Nothing is loaded from elsewhere, and no other page may frame this one.
_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
)


def install(app: FastAPI) -> None:
    """Serve `/openapi.json` and `/docs`."""
    app.openapi = lambda: _cached(app)  # type: ignore[method-assign]

    @app.get("/docs", include_in_schema=False)
    async def page() -> Response:
        return _served(_PAGE, "text/html")

    @app.get("/docs/start.js", include_in_schema=False)
    async def start() -> Response:
        return _served(_START, "text/javascript")

    @app.get("/docs/{name}", include_in_schema=False)
    async def asset(name: str) -> Response:
        if name not in _MEDIA_TYPES:
            raise Problem(404, "not_found", "there is no such file")
        return _served((_assets() / name).read_bytes(), _MEDIA_TYPES[name])


def _served(content: str | bytes, media_type: str) -> Response:
    headers = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
    return Response(content, 200, headers, media_type)


def _assets() -> Path:
    """The folder of the vendored scripts, found without importing the package that carries them."""
    spec = find_spec("fastapi_offline")
    if spec is None or not spec.submodule_search_locations:
        detail = (
            'the page needs fastapi-offline: pip install "judge-agent[service]"; /openapi.json works without'
        )
        raise Problem(501, "not_installed", detail)
    return Path(spec.submodule_search_locations[0]) / "static"


def _cached(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = _described(app)
    return app.openapi_schema


def _described(app: FastAPI) -> dict[str, Any]:
    """Describe the routes, and what they read and answer by themselves."""
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    _, definitions = models_json_schema(
        [(JudgmentRequest, "validation"), (RunCodeRequest, "validation")], ref_template=_REFERENCE
    )
    components = document["components"]
    components["schemas"] = definitions["$defs"] | components["schemas"] | {"Problem": _PROBLEM}
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
        "basic": {"type": "http", "scheme": "basic"},
    }
    document["security"] = [{"bearer": []}, {"key": []}, {"basic": []}, {}]
    _describe_post(document["paths"]["/v1/judgments"]["post"])
    document["paths"]["/v1/judgments"]["get"]["parameters"] = _LIST_PARAMETERS
    document["paths"]["/run_code"]["post"]["responses"]["504"] = _problem_answer(
        "No box was free in time; send it again."
    )
    for name, path in document["paths"].items():
        for operation in path.values():
            if name.startswith("/health") or name == "/v1/ping":
                operation["security"] = []
            operation["responses"].pop("422", None)
            operation["responses"]["4XX"] = _problem_answer(
                "The request is wrong, or there is no room for it."
            )
    return document


def _describe_post(post: dict[str, Any]) -> None:
    body = {"schema": {"$ref": _REFERENCE.format(model="JudgmentRequest")}, "example": _EXAMPLE}
    post["requestBody"] = {"required": True, "content": {"application/json": body}}
    post["parameters"] = [
        _header("Prefer", "`respond-async` answers 202 at once; `wait=SECONDS` waits so long first."),
        _header("Idempotency-Key", "The same key with the same body gives the same judgment; else 409."),
    ]
    post["responses"]["202"] = {
        "description": "Accepted; poll the URL in `Location`.",
        "content": post["responses"]["200"]["content"],
    }
    post["responses"]["503"] = _problem_answer("The service is stopping; `Location` names what was accepted.")


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string"}}


def _problem_answer(description: str) -> dict[str, Any]:
    schema = {"schema": {"$ref": _REFERENCE.format(model="Problem")}}
    return {"description": description, "content": {"application/problem+json": schema}}


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
        "schema": {"type": "array", "items": {"enum": ["queued", "running", "done", "cancelled"]}},
    },
    {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
    },
    {
        "name": "cursor",
        "in": "query",
        "description": "`next_cursor` of the page before.",
        "schema": {"type": "string"},
    },
]
_ANYTHING: dict[str, Any] = {}
_FIELD_ERROR = {
    "field": {"type": "string", "description": "Dotted path, such as `candidates.0.id`."},
    "value": _ANYTHING | {"description": "What was sent, cut to 200 characters."},
    "limit": _ANYTHING | {"description": "What is allowed."},
    "detail": {"type": "string"},
}
_PROBLEM = {
    "title": "Problem",
    "description": "RFC 9457. `field`, `value` and `limit` are those of the first of `errors`.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        **_FIELD_ERROR,
        "errors": {"type": "array", "items": {"type": "object", "properties": _FIELD_ERROR}},
    },
}
