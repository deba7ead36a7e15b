"""Spans of HTTP requests: by route and status, never by path, query or header."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.methods import KNOWN_METHODS, OTHER_METHOD
from api.traces.judgments import JudgmentTraces

_UNTRACED = ("/health", "/metrics")
_CARRIED = ("traceparent", "tracestate")


class TracedRequests:
    """ASGI middleware: a server span around each request, in the trace of its caller."""

    def __init__(self, app: ASGIApp, traces: JudgmentTraces) -> None:
        self._app = app
        self._traces = traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_UNTRACED):
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in KNOWN_METHODS else "HTTP"
        span, status = self._traces.request(method, _carried(scope)), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                await self._app(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", None)
            span.set_attribute("http.request.method", method if method != "HTTP" else OTHER_METHOD)
            if route is not None:
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", route)
            if status:
                span.set_attribute("http.response.status_code", status)
            if status >= 500 or not status:
                span.set_status(Status(StatusCode.ERROR))
            span.end()


def _carried(scope: Scope) -> dict[str, str]:
    """The headers of W3C Trace Context; one that comes twice is none."""
    found: dict[str, str] = {}
    for name in _CARRIED:
        given = [value for key, value in scope["headers"] if key == name.encode()]
        if len(given) == 1:
            found[name] = given[0].decode("latin-1")
    return found
