"""The graph's state: what nodes change, as plain JSON. What they use is in `context.py`."""

from __future__ import annotations

import operator
from typing import Annotated, Any, TypedDict, cast, get_type_hints

Json = dict[str, Any]


def merged(left: Json, right: Json) -> Json:
    """Reducer of flags by candidate: later keys win, other keys stay."""
    return {key: {**left.get(key, {}), **right.get(key, {})} for key in {**left, **right}}


class State(TypedDict):
    """Channels of one judgment. Lists grow; `flags` and `screened` are merged by candidate id.

    principles  schema.Principle as JSON, with `applies_to`: the candidate ids that it is judged for
    screened    candidate id -> the verdict of screening, for candidates that no model is asked about
    evidence    schema.Evidence as JSON
    findings    a tool's Finding as JSON, with candidate_id, tool, evidence_id, principles
    tool_failures  candidate_id, tool, failure_kind, reason: a tool that could not say anything
    critiques   candidate_id, principle, sample, and either choice, score, reason, citations or failure_kind
    standings   candidate id -> what the comparison of candidates came to: score or failure_kind, agreement, samples
    refutations candidate_id, principle, and either verdict, reason, citations or failure_kind
    blind_critiques  as critiques: what the candidate came to without its own account, for `persuasion_gap` alone
    second_looks    as critiques, with `because`: what the first choice was held against
    step_critiques  candidate_id, step_id, label, reason or failure_kind
    verdicts    schema.PrincipleResult as JSON, with candidate_id
    steps       schema.StepResult as JSON, with candidate_id
    flags       candidate id -> flags; "" holds the flags of the judgment
    """

    principles: list[Json]
    screened: Annotated[Json, merged]
    evidence: Annotated[list[Json], operator.add]
    findings: Annotated[list[Json], operator.add]
    tool_failures: Annotated[list[Json], operator.add]
    critiques: Annotated[list[Json], operator.add]
    blind_critiques: Annotated[list[Json], operator.add]
    step_critiques: Annotated[list[Json], operator.add]
    standings: Json
    refutations: Annotated[list[Json], operator.add]
    second_looks: Annotated[list[Json], operator.add]
    verdicts: list[Json]
    steps: list[Json]
    flags: Annotated[Json, merged]


class Update(TypedDict, total=False):
    """What a node returns: some of the channels."""

    principles: list[Json]
    screened: Json
    evidence: list[Json]
    findings: list[Json]
    tool_failures: list[Json]
    critiques: list[Json]
    blind_critiques: list[Json]
    step_critiques: list[Json]
    standings: Json
    refutations: list[Json]
    second_looks: list[Json]
    verdicts: list[Json]
    steps: list[Json]
    flags: Json


def empty() -> State:
    return State(
        principles=[],
        screened={},
        evidence=[],
        findings=[],
        tool_failures=[],
        critiques=[],
        blind_critiques=[],
        step_critiques=[],
        standings={},
        refutations=[],
        second_looks=[],
        verdicts=[],
        steps=[],
        flags={},
    )


_REDUCERS = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(State, include_extras=True).items()
    if hasattr(hint, "__metadata__")
}


def updated(state: State, update: Update) -> State:
    """The state with what a node gave: what the graph goes on with, for who must know before."""
    changed: Json = {
        name: _REDUCERS[name](state[name], given) if name in _REDUCERS else given  # type: ignore[literal-required]
        for name, given in update.items()
    }
    return cast(State, {**state, **changed})
