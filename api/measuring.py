"""What the service does, in numbers that Prometheus reads: judgments, calls, tokens, HTTP requests, what is open.

Fed by the same events as the log, so that it counts what the log says. Of several workers each keeps its numbers in
files of one folder (`PROMETHEUS_MULTIPROC_DIR`, which their parent sets), and any of them answers for all. Labels are
names of recipes, tools, routes, known methods: never ids, tenants or contents.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.canary_numbers import CanaryNumbers
from api.methods import KNOWN_METHODS, OTHER_METHOD
from api.worker_numbers import MULTIPROCESS
from judge_agent.canaries import CANARY_TENANT
from judge_agent.seams.storage import AuditEvent
from judge_agent.store import CanaryRow, Open

JUDGMENT_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 100, 300, 900)
_TRIES = 5
CALL_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_TOKENS = ("prompt", "cached", "completion", "reasoning")


class Metrics:
    """The numbers of this process. `observe` takes the events of the log."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(f"judge_{name}", about, labels, registry=self._registry)

        def histogram(name: str, about: str, buckets: Iterable[float], *labels: str) -> Histogram:
            return Histogram(f"judge_{name}", about, labels, buckets=tuple(buckets), registry=self._registry)

        self._judgments = counter("judgments", "Judgments that ended.", "recipe", "state", "cached")
        self._candidates = counter("candidates", "Candidates by outcome.", "recipe", "status", "failure_kind")
        self._seconds = histogram(
            "judgment_seconds", "Time judging, without waiting.", JUDGMENT_SECONDS, "recipe"
        )
        self._calls = counter("calls", "Model and tool calls.", "kind", "tool", "outcome", "replayed")
        self._call_seconds = histogram("call_seconds", "Time of a call.", CALL_SECONDS, "kind", "tool")
        self._tokens = counter("model_tokens", "Tokens of model calls.", "kind")
        self._run_alarms = Gauge(
            "judge_run_alarms",
            "Runs in which an alarm went off of late, at whatever step.",
            ["name"],
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        self._groups = counter("groups", "Groups that settled.", "recipe", "state", "partial")
        self._group_seconds = histogram(
            "group_seconds", "From a group's first member to its end.", JUDGMENT_SECONDS, "recipe", "state"
        )
        self._requests = counter("http_requests", "HTTP requests.", "method", "route", "status")
        self._refusals = counter("refusals", "Requests for which there was no room, or no time.", "code")
        self._held = Gauge(
            "judge_held_body_bytes",
            "Large bodies that are read and not yet accepted.",
            registry=self._registry,
            multiprocess_mode="livesum",
        )

    def observe(self, event: AuditEvent) -> None:
        """Count one event of the log."""
        if event.type in ("model.call", "tool.call"):
            self._call(event)
        elif event.type in ("judgment.done", "judgment.cancelled") and event.tenant != CANARY_TENANT:
            self._end(event)
        elif event.type == "group.settled":
            self._group_end(event.fields)

    def request(self, method: str, route: str, status: int) -> None:
        """Count one HTTP request; `route` is its pattern, not its path."""
        self._requests.labels(method, route, str(status)).inc()

    def run_alarms(self, name: str, count: int) -> None:
        """Say in how many runs, of those that this process judges for, an alarm went off of late."""
        self._run_alarms.labels(name).set(count)

    def refused(self, code: str) -> None:
        """Count a refusal by the code of its problem: which limit, or what was full."""
        self._refusals.labels(code).inc()

    def held_bytes(self, count: int) -> None:
        """Say how much the bodies weigh that are held now."""
        self._held.set(count)

    def text(
        self,
        open_judgments: Open | None,
        open_groups: Mapping[str, int] | None = None,
        canaries: Sequence[CanaryRow] = (),
    ) -> bytes:
        """The exposition: of this process, or of all workers; None where the store does not say what is open."""
        kept = _of_all_workers() if os.environ.get(MULTIPROCESS) else generate_latest(self._registry)
        now = CollectorRegistry()
        now.register(_OpenJudgments(open_judgments))
        now.register(_OpenGroups(open_groups))
        now.register(CanaryNumbers(canaries))
        return kept + generate_latest(now)

    def _call(self, event: AuditEvent) -> None:
        kind = event.type.partition(".")[0]
        tool = (event.node or "").removeprefix("gather/") if kind == "tool" else ""
        fields = event.fields
        outcome = str(fields.get("failure_kind") or fields.get("status") or "ok")
        replayed = bool(fields.get("replayed"))
        self._calls.labels(kind, tool, outcome, str(replayed).lower()).inc()
        if replayed:
            return
        self._call_seconds.labels(kind, tool).observe(float(fields.get("seconds") or 0.0))
        usage = fields.get("usage") or {}
        for name in _TOKENS:
            self._tokens.labels(name).inc(usage.get(name) or 0)

    def _group_end(self, fields: Mapping[str, Any]) -> None:
        recipe, state = str(fields["recipe"]), str(fields["state"])
        self._groups.labels(recipe, state, "yes" if fields["partial"] else "no").inc()
        self._group_seconds.labels(recipe, state).observe(float(fields["seconds"]))

    def _end(self, event: AuditEvent) -> None:
        fields = event.fields
        recipe = str(fields["provenance"]["recipe"])
        cached = "yes" if fields.get("cached_from") else "no"
        self._judgments.labels(recipe, str(fields["state"]), cached).inc()
        self._seconds.labels(recipe).observe(float(fields["seconds"]))
        for candidate in fields["candidates"]:
            self._candidates.labels(recipe, candidate["status"], candidate["failure_kind"] or "").inc()


def _of_all_workers() -> bytes:
    """The numbers of all workers. A file that is just being made, or goes with its worker, is looked at again."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    for _ in range(_TRIES - 1):
        with contextlib.suppress(struct.error, OSError):
            return generate_latest(registry)
    return generate_latest(registry)


class _OpenJudgments(Collector):
    """How many judgments wait and run at the moment of the scrape, in the whole store."""

    def __init__(self, counts: Open | None) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        gauge = GaugeMetricFamily("judge_open_judgments", "Judgments that have not ended.", labels=["state"])
        if self._counts is not None:
            for state, count in self._counts._asdict().items():
                gauge.add_metric([state], count)
        yield gauge


class _OpenGroups(Collector):
    """How many groups wait for members and are judged at the moment of the scrape, in the whole store."""

    def __init__(self, counts: Mapping[str, int] | None) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        gauge = GaugeMetricFamily("judge_open_groups", "Groups that have not settled.", labels=["state"])
        for state in ("open", "judging") if self._counts is not None else ():
            gauge.add_metric([state], (self._counts or {}).get(state, 0))
        yield gauge


class CountedRequests:
    """ASGI middleware: counts requests by the pattern of their route."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            # A label stays for ever, so none is a text that a caller makes up.
            method = scope["method"] if scope["method"] in KNOWN_METHODS else OTHER_METHOD
            self._metrics.request(method, route, status)
