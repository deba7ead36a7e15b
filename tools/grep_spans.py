"""Looks for a pattern in the spans of a trajectory that does not fit the model's window. It informs and never decides.

Patterns run on RE2, in linear time and bounded memory: they come of a model that reads what others wrote. Lines are
cut; what several spans say together is of the class of the weakest of them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

import re2
from pydantic import Field

from judge_agent.prompting.spans import GREP_SPANS, Span, of_class
from judge_agent.seams.tool import AskedTool, Finding, ToolResult, ToolView
from tools.list_spans import spans_of_view


@dataclass(frozen=True)
class Limits:
    """Ceilings of one call: the spans that it shows, the characters around a hit, the bytes of a compiled pattern."""

    hits: int = 20
    around_chars: int = 80
    pattern_bytes: int = 1 << 20


class GrepSpans(AskedTool):
    """The tool `grep_spans`."""

    name, version, limits = GREP_SPANS, "1", Limits()

    def offered(self, view: ToolView) -> bool:
        """Where the trajectory is shown by an index."""
        return view.indexed

    async def asked(
        self,
        view: ToolView,
        *,
        pattern: Annotated[str, Field(min_length=1, max_length=200)],
        timeout_seconds: float,
    ) -> ToolResult:
        """Looks for a pattern in all spans of the trajectory, and shows where it stands, with the ids of the spans.

        pattern: A regular expression of RE2; letters match in either case. Plain words are fine.
        """
        compiled, most = _compiled(pattern, self.limits), self.limits.hits
        spans = spans_of_view(view)
        hits = await asyncio.to_thread(_hits, compiled, spans, self.limits.around_chars)
        named = [span for span, _ in hits[:most]]
        told = {
            "pattern": pattern,
            "spans": len(hits),
            "hits": [{"span": span.id, "source": span.source, "text": text} for span, text in hits[:most]],
        }
        reason = f"found in {len(hits)} of {len(spans)} spans"
        return ToolResult(
            "ok",
            told,
            (Finding("none", "hint", None, reason),),
            source=of_class(named),
            truncated=len(hits) > most,
        )


def _compiled(pattern: str, limits: Limits) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = limits.pattern_bytes
    options.case_sensitive = False
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeError) as error:
        raise ValueError(f"pattern={pattern!r:.80} is none of RE2: {str(error)[:120]}") from None


def _hits(compiled: Any, spans: tuple[Span, ...], around: int) -> list[tuple[Span, str]]:
    """The first place in each span, with what stands around it."""
    found = []
    for span in spans:
        match = compiled.search(span.text.encode("utf-8", "replace").decode("utf-8"))
        if match is not None:
            start = max(0, match.start() - around)
            text = span.text[start : match.end() + around][: 4 * around]
            found.append((span, " ".join(text.split())))
    return found
