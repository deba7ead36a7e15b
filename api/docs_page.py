"""The OpenAPI description, and the page at /docs that shows it without any network."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from judge_agent.schema import JudgmentRequest

_REFERENCE = "#/components/schemas/{model}"


def install(app: FastAPI) -> None:
    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def _described(app: FastAPI) -> dict[str, Any]:
    """Describe the routes, and the body that `create_judgment` reads by itself."""
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    _, definitions = models_json_schema([(JudgmentRequest, "validation")], ref_template=_REFERENCE)
    document["components"]["schemas"] = definitions["$defs"] | document["components"]["schemas"]
    body = {"schema": {"$ref": _REFERENCE.format(model="JudgmentRequest")}}
    post = document["paths"]["/v1/judgments"]["post"]
    post["requestBody"] = {"required": True, "content": {"application/json": body}}
    return document
