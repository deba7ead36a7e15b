"""The traces of judgments, made of the events of their log: one span a judgment, in it nodes, in them calls.

A judgment belongs to the trace of whoever asked for it (W3C traceparent), whichever worker judges it and however
often it is taken up again: where it came from is kept in the store before the judgment is.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from api.traces.spans import JudgmentTrace
from judge_agent.errors import StoreError
from judge_agent.log.secret_patterns import SecretFilter
from judge_agent.seams.storage import AuditEvent, SharedResults
from judge_agent.store import NewJudgment

MAX_REMEMBERED = 10_000
_log = logging.getLogger("judge_agent.service")
_W3C = TraceContextTextMapPropagator()


class JudgmentTraces:
    """The traces of the judgments that this process accepts and judges. `observe` takes the events of the log.

    `dimensions` are the names that recipes declare; others are a caller's words, and stay out of traces without
    contents.
    """

    def __init__(self, tracer: Tracer, shared: SharedResults, *, provider_name: str, contents: bool) -> None:
        self.tracer = tracer
        self.dimensions: frozenset[str] = frozenset()
        self._shared = shared
        self._provider_name = provider_name
        self._contents = SecretFilter() if contents else None
        self._live: dict[str, JudgmentTrace] = {}
        self._origins: OrderedDict[str, Mapping[str, str]] = OrderedDict()
        self._keeping: set[asyncio.Task[None]] = set()

    def know(self, dimensions: Iterable[str]) -> None:
        self.dimensions = frozenset(dimensions)

    def accepting(self, new: NewJudgment) -> None:
        """Remember, and keep for other workers, whose request a judgment is about to be accepted for."""
        origin: dict[str, str] = {}
        _W3C.inject(origin)
        if not origin:
            return
        self._origins[new.id] = origin
        if len(self._origins) > MAX_REMEMBERED:
            self._origins.popitem(last=False)
        task = asyncio.get_running_loop().create_task(self._keep(new.tenant, new.id, origin))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    @contextmanager
    def judging(self, judgment_id: str, recipe: str, origin: Mapping[str, str]) -> Iterator[None]:
        """Around the judging of one judgment in this process."""
        parent = _W3C.extract(origin, context=Context())
        span = self.tracer.start_span(f"judge {recipe}", context=parent, kind=SpanKind.INTERNAL)
        one = JudgmentTrace(
            self.tracer, span, judgment_id, recipe, self._provider_name, self.dimensions, self._contents
        )
        self._live[judgment_id] = one
        try:
            with trace.use_span(
                span, end_on_exit=False, record_exception=False, set_status_on_exception=False
            ):
                yield
        finally:
            if self._live.get(judgment_id) is one:
                del self._live[judgment_id]
            one.end()

    def observe(self, event: AuditEvent) -> None:
        """Make spans of one event of the log. What goes wrong in here is told, and no judgment fails of it."""
        one = self._live.get(event.judgment_id)
        if one is None:
            return
        try:
            one.observe(event)
        except Exception as error:  # noqa: BLE001 - see above
            _log.error("an event of type %s could not be traced", event.type, exc_info=error)

    async def origin(self, tenant: str, judgment_id: str) -> Mapping[str, str]:
        """Whose request a judgment was accepted for; empty where nobody knows."""
        known = self._origins.pop(judgment_id, None)
        if known is not None:
            return known
        try:
            found = await self._shared.get(tenant, _key(judgment_id))
        except StoreError as error:
            _log.warning("the trace of judgment %s begins anew: %s", judgment_id, error)
            return {}
        return {str(name): str(value) for name, value in (found or {}).items()}

    def request(self, name: str, headers: Mapping[str, str]) -> Span:
        """Begin the span of an HTTP request, in the trace of its caller."""
        return self.tracer.start_span(name, context=_W3C.extract(headers, Context()), kind=SpanKind.SERVER)

    async def _keep(self, tenant: str, judgment_id: str, origin: Mapping[str, Any]) -> None:
        try:
            await self._shared.put(tenant, _key(judgment_id), origin)
        except StoreError as error:
            _log.warning("the trace of judgment %s is known to this process alone: %s", judgment_id, error)


def _key(judgment_id: str) -> str:
    return f"trace/{judgment_id}"
