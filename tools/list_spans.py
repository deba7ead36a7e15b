"""Lists the spans of a trajectory that does not fit the model's window. It informs and never decides.

Spans are named and begun here, not read: `open_span` shows one. What is listed holds words of the agent, so the list is
no better than its claim.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from judge_agent.prompting.material import material
from judge_agent.prompting.spans import HEAD_CHARS, LIST_SPANS, Span, spans_of
from judge_agent.seams.tool import AskedTool, Finding, ToolResult, ToolView


@dataclass(frozen=True)
class Limits:
    """Ceilings of one call: the spans that it lists, and of each the characters that begin it."""

    spans: int = 60
    head_chars: int = HEAD_CHARS


class ListSpans(AskedTool):
    """The tool `list_spans`."""

    name, version, limits = LIST_SPANS, "1", Limits()

    def offered(self, view: ToolView) -> bool:
        """Where the trajectory is shown by an index."""
        return view.indexed

    async def asked(
        self, view: ToolView, *, start: Annotated[int, Field(ge=0)] = 0, timeout_seconds: float
    ) -> ToolResult:
        """Lists the spans of the trajectory: id, what it is, length, first words. Use it where the index in the prompt
        leaves spans out.

        start: How many spans to skip.
        """
        spans = spans_of_view(view)
        if start >= max(1, len(spans)):
            raise ValueError(f"start={start} is past the {len(spans)} spans")
        listed = [one.head for one in spans[start : start + self.limits.spans]]
        told = {"spans": len(spans), "start": start, "listed": listed}
        return ToolResult("ok", told, (Finding("none", "hint", None, "listed"),), source="claim")


def spans_of_view(view: ToolView) -> tuple[Span, ...]:
    """The spans of the candidate; the agent's hidden reasoning is in none of them."""
    return spans_of(material(view.task, view.trajectory, ()))
