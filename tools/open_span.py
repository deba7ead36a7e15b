"""Opens a span of a trajectory that does not fit the model's window. It informs and never decides.

What it shows is of the class of its source: an agent's turn is a claim, whoever opened it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from judge_agent.prompting.spans import OPEN_SPAN, SPAN_CHARS, by_id
from judge_agent.seams.tool import AskedTool, Finding, ToolResult, ToolView
from tools.list_spans import spans_of_view


@dataclass(frozen=True)
class Limits:
    """Ceilings of one call: the characters of a span; longer texts have several."""

    span_chars: int = SPAN_CHARS


class OpenSpan(AskedTool):
    """The tool `open_span`."""

    name, version, limits = OPEN_SPAN, "1", Limits()

    def offered(self, view: ToolView) -> bool:
        """Where the trajectory is shown by an index."""
        return view.indexed

    async def asked(
        self,
        view: ToolView,
        *,
        span: Annotated[str, Field(pattern=r"^\[?[a-z][a-z0-9.]{0,15}\]?$")],
        timeout_seconds: float,
    ) -> ToolResult:
        """Opens one span of the trajectory, so that you read the whole of it.

        span: The id of the span, such as m5 or m5.2.
        """
        spans = by_id(spans_of_view(view))
        name = span.strip("[]")
        if name not in spans:
            pages = [one for one in spans if one.startswith(f"{name}.")]
            near = ", ".join(pages[:8] or list(spans)[:8])
            raise ValueError(f"span={span!r} is none of the {len(spans)} spans; there are {near}")
        found = spans[name]
        told = {"span": name, "what": found.heading, "source": found.source, "text": found.text}
        reason = Finding("none", "hint", None, f"{found.source} opened")
        return ToolResult("ok", told, (reason,), source=found.source)
