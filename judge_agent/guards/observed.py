"""Finds texts that speak to the judge in what tools brought back: pages, documents, text that was read off pictures.

Looks at the texts within a result, not at its form, which is the tool's own. What no tool read reached no prompt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from judge_agent.guards.planted import Planted, planted_in

MAX_CHARS = 100_000  # of one result
MIN_CHARS = 12
# Tools speak of tests and quote evidence themselves.
_OUR_OWN = frozenset(("forged_tool_result", "forged_citation", "claims_a_verdict"))


def planted_in_result(item: Mapping[str, Any]) -> list[Planted]:
    """What speaks to the judge in one tool result (`Evidence` as JSON); offsets are characters of the text within."""
    found: dict[str, Planted] = {}
    for text in _texts(item.get("output")):
        for hit in planted_in(text):
            if hit.pattern not in _OUR_OWN:
                found.setdefault(hit.pattern, hit)
    return list(found.values())


def _texts(output: object) -> Iterator[str]:
    left, waiting = MAX_CHARS, [output]
    while waiting and left > 0:
        value = waiting.pop()
        if isinstance(value, str):
            if len(value) >= MIN_CHARS:
                yield value[:left]
                left -= len(value)
        elif isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, Sequence):
            waiting += value
