"""Readout `marks`: every response held to every item of a rubric, and, where it is asked for, a winner behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from judge_agent.readouts.answer import unparseable
from judge_agent.readouts.json_object import read_choice, read_object
from judge_agent.seams.model import Choice

MET, VIOLATED = "met", "violated"


class Marks(NamedTuple):
    """`marks`: for each item the number of each slot, 1 and 0 for met and violated. `winner` as it is written."""

    marks: tuple[tuple[float, ...], ...]
    winner: str | None
    reasons: tuple[str, ...]


def read_marks(
    answer: Choice,
    rules: Sequence[bool],
    slots: Sequence[str],
    *,
    low: float = 1.0,
    high: float = 5.0,
    winners: Sequence[str] = (),
) -> Marks:
    """Return the marks of `{"items": {"1": {"reason": ..., <slot>: mark}}, "winner": ...}`.

    `rules` says of each item whether it is met or violated; the others have whole numbers from `low` to `high`.
    Raises ModelError('model_unparseable') unless there are exactly the items and slots, each with a mark of its menu,
    and, with `winners`, one of these.
    """
    verdict = ("items", "winner") if winners else ("items",)
    data = read_object(answer, verdict=verdict)
    items = data.get("items")
    due = [str(number) for number in range(1, len(rules) + 1)]
    if not isinstance(items, Mapping) or set(items) != set(due):
        raise unparseable(f"'items' does not hold exactly the items 1 to {len(rules)}")
    rows = tuple(_row(items[number], rule, slots, low, high) for number, rule in zip(due, rules, strict=True))
    reasons = tuple(str(items[number].get("reason", "")) for number in due)
    return Marks(rows, read_choice(data, "winner", tuple(winners)) if winners else None, reasons)


def marks_schema(
    rules: Sequence[bool], slots: Sequence[str], reason: Mapping[str, Any], low: float, high: float
) -> dict[str, Any]:
    """The JSON Schema of `items`: of each item the reason first, then one mark for each slot."""
    graded = {"enum": list(range(int(low), int(high) + 1))}
    menus = {True: {"enum": [MET, VIOLATED]}, False: graded}
    items = {
        str(number): _object({"reason": dict(reason), **dict.fromkeys(slots, menus[rule])})
        for number, rule in enumerate(rules, start=1)
    }
    return _object(items)


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _row(item: object, rule: bool, slots: Sequence[str], low: float, high: float) -> tuple[float, ...]:
    if not isinstance(item, Mapping) or set(item) - {"reason"} != set(slots):
        raise unparseable(f"an item does not mark exactly {list(slots)}")
    if "reason" not in item or not isinstance(item["reason"], str) or not item["reason"].strip():
        raise unparseable("an item is marked without a reason")
    return tuple(_mark(item[slot], rule, low, high) for slot in slots)


def _mark(value: object, rule: bool, low: float, high: float) -> float:
    if rule:
        if value not in (MET, VIOLATED):
            raise unparseable(f"{value!r:.40} is neither {MET!r} nor {VIOLATED!r}")
        return float(value == MET)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise unparseable(f"{value!r:.40} is no whole number from {low:g} to {high:g}")
    return (value - low) / (high - low)
