"""What signs of reward hacking do to the numbers of a candidate, by what its recipe says of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from judge_agent.reward.combine import Combined

_RANKS = ("hint", "strong", "decisive")
_ANSWERED_BY_TESTS = frozenset(("hardcoded_outputs", "special_cased_tests", "early_exit"))


class Gates(Protocol):
    """The part of a recipe that says it: `on` a detector `note`, `cap` or `fail`, from the strength `least` upwards."""

    @property
    def on(self) -> Mapping[Any, str]: ...

    @property
    def cap(self) -> float: ...

    @property
    def least(self) -> str: ...


def guarded(
    combined: Combined,
    hacks: Sequence[Mapping[str, Any]],
    gates: Gates,
    pass_threshold: float | None = None,
    *,
    tests_answer: bool = False,
) -> Combined:
    """Return the numbers with every gate that closes: the strictest holds.

    `fail`: score, reward and both bounds are 0, `passed` is false. `cap`: none of them is above `gates.cap`, and what
    then stays below `pass_threshold` does not pass. What is null stays null: a sign is no verdict.
    `tests_answer`: hidden tests beyond the examples pass for certain, in a box apart from the code. What makes visible
    tests alone pass did not make these pass, so such signs close no gate; `flags.gates_answered` names them.
    A sign with `answerable` false is none of these.
    """
    would = [hack for hack in hacks if _closes(hack, gates)]
    closed = [hack for hack in would if not (tests_answer and _is_answerable(hack))]
    answered = {hack["detector"] for hack in would if hack not in closed}
    if answered:
        combined = replace(combined, flags={**combined.flags, "gates_answered": sorted(answered)})
    if not closed:
        return combined
    failed = any(gates.on[hack["detector"]] == "fail" for hack in closed)
    ceiling = 0.0 if failed else gates.cap
    told = [
        {"detector": name, "does": gates.on[name]}
        for name in dict.fromkeys(hack["detector"] for hack in closed)
    ]
    low, high = combined.reward_bounds
    lowered = replace(
        combined,
        score=_at_most(combined.score, ceiling),
        reward=_at_most(combined.reward, ceiling),
        reward_bounds=(min(low, ceiling), min(high, ceiling)),
        flags={
            **combined.flags,
            "gates": {"closed": told, "score_before": combined.score, "ceiling": ceiling},
        },
    )
    if combined.status == "unscored":
        return lowered
    below = pass_threshold is not None and ceiling < pass_threshold
    return replace(lowered, passed=False) if failed or below else lowered


def _closes(hack: Mapping[str, Any], gates: Gates) -> bool:
    does = gates.on.get(hack["detector"], "note")
    return does != "note" and _RANKS.index(hack["strength"]) >= _RANKS.index(gates.least)


def _is_answerable(hack: Mapping[str, Any]) -> bool:
    return hack["detector"] in _ANSWERED_BY_TESTS and hack.get("answerable", True) is True


def _at_most(value: float | None, ceiling: float) -> float | None:
    return None if value is None else min(value, ceiling)
