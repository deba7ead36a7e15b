"""Readout of nuggets: a block of reasoning for each, then the labels of all in one list of their number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from judge_agent.readouts.answer import unparseable
from judge_agent.readouts.items import items_of, text_in

SUPPORT: Mapping[str, float] = {"not_support": 0.0, "partial_support": 0.5, "support": 1.0}


class Nugget(NamedTuple):
    """What was said of one nugget; `decision` is a key of SUPPORT."""

    snippet: str
    rationale: str
    decision: str


def read_nuggets(data: Mapping[str, Any], count: int) -> list[Nugget]:
    """Return what is said of `count` nuggets, in their order.

    Raises ModelError('model_unparseable') for another number of blocks or labels, a label off the menu, and a block
    whose decision is not its label: two verdicts, of which nothing says which one is meant.
    """
    labels = data.get("labels")
    if not isinstance(labels, list) or len(labels) != count:
        given = len(labels) if isinstance(labels, list) else "no list of"
        raise unparseable(f"'labels' holds {given} labels; exactly {count} are due")
    found = []
    for place, (block, label) in enumerate(zip(items_of(data, "reasoning", count), labels, strict=True), 1):
        if not isinstance(label, str) or label not in SUPPORT:
            raise unparseable(f"label {place} is {str(label)[:40]!r}, not one of {list(SUPPORT)}")
        decision = text_in(block, "decision")
        if decision != label:
            raise unparseable(f"nugget n{place} is decided as {decision[:40]!r} and labelled {label!r}")
        found.append(Nugget(text_in(block, "snippet"), text_in(block, "rationale"), label))
    return found
