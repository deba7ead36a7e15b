"""Readout `ranking`: scores and a ranking of masked names, as RewardAnything (2506.03637) writes them.

`{"scores": {"model-1": 4, "model-2": 2}, "best-to-worst": ["model-1", "model-2"]}` behind the reasoning.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from judge_agent.readouts.answer import after_reasoning, unparseable
from judge_agent.readouts.json_object import object_and_rest
from judge_agent.readouts.near import other_decision

# The second spelling is one that released models write.
_ORDER_KEYS = ("best-to-worst", "best-to-worse")
_TRAILING_COMMA = re.compile(r",(?=\s*[\]}])")


class Ranking(NamedTuple):
    """`scores` by name, `order` from best to worst; `consistent` when no better score stands further behind."""

    scores: Mapping[str, float]
    order: tuple[str, ...]
    consistent: bool


def read_ranking(text: str | None, names: Sequence[str], low: float, high: float) -> Ranking:
    """Return the scores and the ranking of exactly `names`.

    Raises ModelError('model_unparseable') for anything but one object of these two keys, for a name that is
    missing, unknown or ranked twice, and for a score that is no number or outside [low, high]. Scores and
    ranking that contradict each other are returned, and said to.
    """
    # A comma before a closing bracket changes nothing of what is said, and some models write it.
    data, behind = object_and_rest(
        _TRAILING_COMMA.sub("", after_reasoning(text)), verdict=("scores", *_ORDER_KEYS)
    )
    strangers = set(data) - {"scores", *_ORDER_KEYS}
    if strangers:
        raise unparseable(f"the object has keys that it must not have: {sorted(strangers)}")
    scores = _scores(data.get("scores"), names, low, high)
    order = _order(data, names)
    _refuse_other_order(behind, order)
    consistent = all(scores[better] >= scores[worse] for better, worse in pairwise(order))
    return Ranking(scores, order, consistent)


def _refuse_other_order(behind: str, order: Sequence[str]) -> None:
    """Raise ModelError where the words behind the object name two or more in another order, or another as best."""
    named = re.findall("|".join(rf"(?<![\w-]){re.escape(name)}(?!\w)" for name in order), behind)
    first_named = list(dict.fromkeys(named))
    best = other_decision(behind, [rf"(?<![\w-]){re.escape(name)}(?!\w)" for name in order[1:]])
    if best or first_named != [name for name in order if name in named]:
        raise unparseable(f"the object ranks {list(order)[:20]}, the words behind it otherwise")


def _scores(value: object, names: Sequence[str], low: float, high: float) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise unparseable(f"'scores' is {str(value)[:60]!r}, not an object")
    _require_exactly(list(value), names, "scores")
    return {name: _number(value[name], name, low, high) for name in names}


def _number(value: object, name: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise unparseable(f"the score of {name!r} is {str(value)[:40]!r}, not a number")
    if not math.isfinite(value) or not low <= value <= high:
        raise unparseable(f"the score of {name!r} is outside {low:g} to {high:g}")
    return float(value)


def _order(data: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    given = [data[key] for key in _ORDER_KEYS if key in data]
    if not given:
        raise unparseable(f"the object has no {_ORDER_KEYS[0]!r}")
    if any(other != given[0] for other in given):
        raise unparseable("the object gives two different rankings")
    order = given[0]
    if not isinstance(order, list) or not all(isinstance(name, str) for name in order):
        raise unparseable(f"{_ORDER_KEYS[0]!r} is {str(order)[:60]!r}, not a list of names")
    _require_exactly(order, names, _ORDER_KEYS[0])
    return tuple(order)


def _require_exactly(given: Sequence[str], names: Sequence[str], where: str) -> None:
    if sorted(given) != sorted(names):
        raise unparseable(f"{where!r} names {sorted(given)[:20]}, exactly {sorted(names)} are due")
