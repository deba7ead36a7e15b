"""The page at /docs, which shows `/openapi.json` without any network.

The scripts come from the wheel of `fastapi-offline`, which carries a Swagger UI that reads OpenAPI 3.1.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI, Response

from api.described import described
from api.problems import Problem

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
    app.openapi = lambda: described(app)  # type: ignore[method-assign]

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
