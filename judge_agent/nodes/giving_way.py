"""Principles of the recipe that stand only until evidence says the same: a tool's hard one of their dimension. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from judge_agent.state import Json, State


def without_those_that_give_way(
    principles: Sequence[Json], names: Sequence[str], state: State, candidate_id: str
) -> list[Json]:
    """The principles of a candidate without those of `names` in whose dimension evidence has decided a hard one.

    What a tool decides, a tool decides: the model's second opinion of the same outcome is not asked for.
    """
    decided = _decided(state, candidate_id)
    settled = {
        one["dimension"]
        for one in principles
        if one["kind"] == "hard" and one["tool"] is not None and one["name"] in decided
    }
    return [one for one in principles if one["name"] not in names or one["dimension"] not in settled]


def without_what_tools_left_open(principles: Sequence[Json], state: State, candidate_id: str) -> list[Json]:
    """The principles without the tools' own that no evidence has decided; those whose tool failed stay, unscored."""
    decided = _decided(state, candidate_id)
    failed = {one["tool"] for one in state["tool_failures"] if one["candidate_id"] == candidate_id}
    return [
        one
        for one in principles
        if one["origin"] != "tool" or one["name"] in decided or one["tool"] in failed
    ]


def _decided(state: State, candidate_id: str) -> set[str]:
    return {
        name
        for finding in state["findings"]
        if finding["candidate_id"] == candidate_id and finding["strength"] == "decisive"
        for name in finding["principles"]
    }
