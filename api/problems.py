"""Errors on the wire: problem+json (RFC 9457) that names the field, the value and the limit."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from api.methods import methods_of
from judge_agent.errors import InvalidRequest, StoreError

MAX_VALUE_CHARS = 200
RETRY_SECONDS = 5
# Counted by their codes: no time for it, too many, full or stopping, no box.
_NO_ROOM = frozenset({408, 429, 503, 504})
_log = logging.getLogger("judge_agent.service")


@dataclass(frozen=True)
class FieldError:
    """One thing that is wrong with a request. `field` is a dotted path such as `candidates.0.id`."""

    field: str
    detail: str
    value: Any = None
    limit: Any = None


class Problem(Exception):
    """An answer of 4xx or 5xx. `code` is stable and meant for programs; `detail` is for people."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = extra


def invalid(field: str, detail: str, *, value: Any = None, limit: Any = None, status: int = 422) -> Problem:
    """A request that is wrong in one field."""
    error = FieldError(field, detail, bounded(value), limit)
    return Problem(status, "invalid_request", f"{field}: {detail}", errors=[error])


def busy(detail: str, *, status: int, retry_seconds: int = RETRY_SECONDS, **extra: Any) -> Problem:
    """A request that may be sent again, later."""
    code = "queue_full" if status == HTTPStatus.TOO_MANY_REQUESTS else "unavailable"
    return Problem(status, code, detail, headers={"Retry-After": str(retry_seconds)}, **extra)


def bounded(value: Any) -> Any:
    """Return a value small enough to send back; what is longer is cut and says so."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and abs(value) < 2**53:
        return value
    if isinstance(value, int):
        return f"a whole number of {value.bit_length()} bits"
    try:
        text = value if isinstance(value, str) else json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        text = type(value).__name__
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_VALUE_CHARS else text[:MAX_VALUE_CHARS] + "..."


def body_of(problem: Problem) -> dict[str, Any]:
    """What a problem says, as JSON."""
    body: dict[str, Any] = {
        "type": f"urn:judge-agent:problem:{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        **problem.extra,
    }
    if problem.errors:
        first = problem.errors[0]
        body |= {"field": first.field, "value": first.value, "limit": first.limit}
        body["errors"] = [vars(error) for error in problem.errors]
    return body


def content_of(problem: Problem) -> bytes:
    """A problem as it is sent."""
    return json.dumps(body_of(problem), ensure_ascii=False).encode("utf-8", "replace")


def render(problem: Problem) -> Response:
    return Response(content_of(problem), problem.status, problem.headers, "application/problem+json")


def install(app: FastAPI) -> None:
    """Make every error of the app a problem document."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(InvalidRequest, _on_invalid)
    app.add_exception_handler(StoreError, _on_store)
    app.add_exception_handler(Exception, _on_crash)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    if error.status in _NO_ROOM:
        request.app.state.parts.metrics.refused(error.code)
    return render(error)


async def _on_http(request: Request, error: Exception) -> Response:
    """Routing errors: no such path, wrong method."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return render(await _not_allowed(request, error))
    code = "not_found" if error.status_code == HTTPStatus.NOT_FOUND else "http_error"
    detail = f"{bounded(request.method)} {bounded(request.url.path)} is not served here; see /docs"
    return render(Problem(error.status_code, code, detail, headers=error.headers))


async def _not_allowed(request: Request, error: HTTPException) -> Problem:
    document = await asyncio.to_thread(request.app.openapi)
    allowed = ", ".join(methods_of(document, request.url.path)) or (error.headers or {}).get("Allow", "GET")
    detail = (
        f"{bounded(request.method)} {bounded(request.url.path)} is not served here, only {allowed}; see /docs"
    )
    return Problem(405, "method_not_allowed", detail, headers={"Allow": allowed})


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidRequest)
    return render(invalid(error.field, error.message))


async def _on_store(request: Request, error: Exception) -> Response:
    _log.error("the store failed: %s", error)
    return render(busy("the database failed; the service's log says why", status=503))


async def _on_crash(request: Request, error: Exception) -> Response:
    return render(Problem(500, "internal", "the service failed; its log says why"))
