"""The spans of one judgment. Names and attributes follow OpenTelemetry's semantic conventions for generative AI
(development, v1.38 and later): `chat` and `execute_tool` spans, `gen_ai.evaluation.result` events.

Without contents there is nothing of a caller's in them but the judgment's id: principles, candidates and dimensions
of a caller's own naming go by their numbers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from api.traces.contents import call_contents, explanation
from judge_agent.graph import STAGES
from judge_agent.log.secret_patterns import SecretFilter
from judge_agent.seams.storage import AuditEvent

RESULT = "gen_ai.evaluation.result"
_NODES = frozenset(name for name, _ in STAGES)
_FINISHED = ("judgment.done", "judgment.cancelled")
_USAGE = {
    "prompt": "gen_ai.usage.input_tokens",
    "completion": "gen_ai.usage.output_tokens",
    "cached": "gen_ai.usage.cache_read.input_tokens",
    "reasoning": "gen_ai.usage.reasoning.output_tokens",
}


class JudgmentTrace:
    """The spans of one judgment in one process. The log tells of what has ended: spans begin that long before."""

    def __init__(
        self,
        tracer: Tracer,
        span: Span,
        judgment_id: str,
        recipe: str,
        provider_name: str,
        dimensions: frozenset[str],
        contents: SecretFilter | None,
    ) -> None:
        self._tracer = tracer
        self._span = span
        self._provider_name = provider_name
        self._dimensions = dimensions
        self._contents = contents
        self._model = ""
        self._nodes: dict[str, Span] = {}
        self._over: dict[str, Span] = {}
        self._node_began = time.time_ns()
        span.set_attributes({"judge_agent.judgment.id": judgment_id, "judge_agent.recipe": recipe})

    def observe(self, event: AuditEvent) -> None:
        """Make a span, or several, of one event."""
        if not self._span.is_recording():
            return
        if event.type == "model.call":
            self._model_call(event)
        elif event.type == "tool.call":
            self._tool_call(event)
        elif event.type == "node.finished":
            self._node_finished(event)
        elif event.type == "judgment.resumed":
            self._span.set_attribute("judge_agent.judgment.resumed", True)
        elif event.type in _FINISHED:
            self._ended(event)

    def end(self) -> None:
        """End what is still open: a judgment that stops in the middle leaves nodes that never finished."""
        for span in self._nodes.values():
            span.end()
        self._span.end()

    def _node(self, name: str) -> Span:
        """The span of a node, which began when the one before it was over; of no node, the judgment's own."""
        if name not in _NODES:
            return self._span
        if name in self._over:
            return self._over[name]
        if name not in self._nodes:
            self._nodes[name] = self._begun(name, self._span, self._node_began)
        return self._nodes[name]

    def _begun(self, name: str, parent: Span, began: int, kind: SpanKind = SpanKind.INTERNAL) -> Span:
        context = trace.set_span_in_context(parent, Context())
        return self._tracer.start_span(name, context=context, kind=kind, start_time=began)

    def _node_finished(self, event: AuditEvent) -> None:
        name = event.node or ""
        if name not in _NODES:
            return
        span = self._over[name] = self._node(name)
        self._nodes.pop(name, None)
        self._node_began = time.time_ns()
        span.end(self._node_began)

    def _call(self, event: AuditEvent, name: str, kind: SpanKind) -> tuple[Span, int]:
        """Begin the span of a call that has ended now. One answered from the journal took no time here."""
        now, fields = time.time_ns(), event.fields
        replayed = bool(fields.get("replayed"))
        took = 0 if replayed else int(float(fields.get("seconds") or 0.0) * 1e9)
        parent = self._node((event.node or "").partition("/")[0])
        span = self._begun(name, parent, now - took, kind)
        if replayed:
            span.set_attribute("judge_agent.replayed", True)
        if kind_of_failure := fields.get("failure_kind"):
            span.set_attribute("error.type", str(kind_of_failure))
            span.set_status(Status(StatusCode.ERROR))
        if self._contents is not None and span.is_recording():
            span.set_attributes(call_contents(event, self._contents))
        return span, now

    def _model_call(self, event: AuditEvent) -> None:
        answer = event.contents.get("answer") or {}
        self._model = str(answer.get("model") or self._model)
        span, now = self._call(event, f"chat {self._model}".strip(), SpanKind.CLIENT)
        usage = event.fields.get("usage") or {}
        reasons = [str(choice.get("finish_reason") or "unknown") for choice in answer.get("choices") or ()]
        span.set_attributes(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": self._provider_name,
                **({"gen_ai.request.model": self._model} if self._model else {}),
                **({"gen_ai.response.model": str(answer["model"])} if answer.get("model") else {}),
                **({"gen_ai.response.finish_reasons": reasons} if reasons else {}),
                **{name: usage[key] for key, name in _USAGE.items() if usage.get(key)},
            }
        )
        span.end(now)

    def _tool_call(self, event: AuditEvent) -> None:
        tool = (event.node or "").removeprefix("gather/")
        span, now = self._call(event, f"execute_tool {tool}", SpanKind.INTERNAL)
        span.set_attributes(
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": tool,
                "gen_ai.tool.type": "function",
                "judge_agent.tool.status": str(event.fields.get("status") or "failed"),
            }
        )
        span.end(now)

    def _ended(self, event: AuditEvent) -> None:
        fields = event.fields
        usage = fields.get("usage") or {}
        self._span.set_attributes(
            {
                "judge_agent.judgment.state": str(fields["state"]),
                "judge_agent.judgment.cached": bool(fields.get("cached_from")),
                "judge_agent.candidates": len(fields["candidates"]),
                "judge_agent.model_calls": int(usage.get("model_calls") or 0),
                "judge_agent.tool_calls": int(usage.get("tool_calls") or 0),
            }
        )
        if any(one["failure_kind"] == "internal" for one in fields["candidates"]):
            self._span.set_status(Status(StatusCode.ERROR))
        judgment = event.contents.get("judgment") or {}
        for index, candidate in enumerate(judgment.get("candidates") or ()):
            for attributes in self._results(candidate):
                self._span.add_event(RESULT, {**attributes, "judge_agent.candidate.index": index})

    def _results(self, candidate: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """One result for the candidate's reward, and one for each dimension; what was not scored has no value."""
        failed = candidate.get("failure_kind")
        passed = {True: "pass", False: "fail"}.get(candidate.get("passed"))  # type: ignore[arg-type]
        label = passed if candidate["reward"] is not None else None
        yield _result("reward", candidate["reward"], label or candidate["status"], failed)
        for number, (name, value) in enumerate(candidate["vector"].items()):
            known = name if self._contents is not None or name in self._dimensions else f"dimension_{number}"
            found = _result(known, value, "scored" if value is not None else "unscored", failed)
            if self._contents is not None and (why := explanation(candidate, name, self._contents)):
                found["gen_ai.evaluation.explanation"] = why
            yield found


def _result(name: str, value: float | None, label: str, failure_kind: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {"gen_ai.evaluation.name": name, "gen_ai.evaluation.score.label": label}
    if value is not None:
        found["gen_ai.evaluation.score.value"] = float(value)
    elif failure_kind:
        found["error.type"] = failure_kind
    return found
