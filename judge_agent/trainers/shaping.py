"""Shapes the rewards of whole groups of rollouts, each counted as often as it came. Pure.

The service judges equal rollouts once and takes a large group in several posts, so what it would shape is not the
group. Adapters ask it for raw rewards and shape them here, by the formulas that it has itself. What is no whole group
gets no reward in place of one that looks like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from judge_agent.errors import InvalidRequest
from judge_agent.reward import shaped
from judge_agent.schema import CandidateResult
from judge_agent.schema.shape import Shape, dimensions_of
from judge_agent.trainers.as_json import as_json
from judge_agent.trainers.outcome import Outcome

_SHAPES: TypeAdapter[Shape] = TypeAdapter(Shape)


def links_of(shape: Any, dimensions: Sequence[str] | None = None) -> Shape:
    """Read a shape as it is asked for; none is the empty chain. Raises InvalidRequest for what is no shape."""
    if shape is None:
        return ()
    try:
        links = _SHAPES.validate_python(as_json(shape, "shape"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(("shape", *map(str, first["loc"])))
        raise InvalidRequest(where, f"{first['msg']} (given {shape!r})") from None
    if dimensions is not None:
        _check_weights(links, dimensions)
    return links


def refuse_shape(shape: Any, join: bool, where: str) -> None:
    """Raise InvalidRequest for a shape, or a joining, in an adapter that is handed rollouts one by one.

    Each would be a group of its own, in which every rollout gets the same: `z` gives all of them 0.
    """
    if links_of(shape):
        raise InvalidRequest(
            "shape",
            f"{shape!r} compares the rollouts of a group, and {where} has them judged one by one: leave it out (the "
            "trainer compares them itself), or take an adapter of groups: trl.judge_rewards(group_size=...), slime's "
            "custom_rm with --group-rm, RolloutJudge.outcomes, or POST /v1/groups",
        )
    if join:
        raise InvalidRequest(
            "join",
            f"{where} does not know a rollout's place in its group: leave it out; trl.judge_rewards(join_as=...) and "
            "RolloutJudge with Rollout(group=, index=, size=) join groups",
        )


def shaped_group(
    shape: Shape, outcomes: Sequence[Outcome], tasks: Sequence[Mapping[str, Any]], size: int | None
) -> list[Outcome]:
    """Return the outcomes of one group with their rewards shaped; null ones stay null and are in no statistic.

    `tasks` are what was posted of it. A rollout without peers, or a group that has not `size` members here, gets no
    reward (`group_split`), nor does one of which the shape reads what it has not (`judge_refused`).
    """
    if (size is not None and len(outcomes) != size) or len(outcomes) < 2:
        wanted = "two members at least" if size is None or size == len(outcomes) else f"its {size} members"
        reason = (
            f"a shape needs the whole group, {wanted}, and {len(outcomes)} came; join its parts (join_as)"
        )
        return [_without(outcome, "group_split", reason) for outcome in outcomes]
    members = [_member(outcome, at) for at, outcome in enumerate(outcomes)]
    if problem := _unreadable(shape, members, tasks):
        return [_without(outcome, "judge_refused", problem) for outcome in outcomes]
    found = shaped(shape, members)
    return [
        _with(outcome, reward, list(found.links))
        for outcome, reward in zip(outcomes, found.rewards, strict=True)
    ]


def _check_weights(links: Shape, dimensions: Sequence[str]) -> None:
    for index, link in enumerate(links):
        for name in dimensions_of(link):
            if name not in dimensions:
                declared = list(dimensions)
                raise InvalidRequest(
                    f"shape.{index}.weights", f"{name!r} is not among the declared dimensions {declared}"
                )


def _unreadable(
    shape: Shape, members: Sequence[CandidateResult], tasks: Sequence[Mapping[str, Any]]
) -> str | None:
    """Why the shape says nothing of this group, as the service would: it weighs tests, or dimensions, that are not."""
    names = tuple(dict.fromkeys(name for member in members for name in member.vector))
    try:
        if names:
            _check_weights(shape, names)
    except InvalidRequest as error:
        return str(error)
    needs_tests = any(link.kind == "difficulty" for link in shape)
    if needs_tests and tasks and not any(map(_has_tests, tasks)):
        return "shape: 'difficulty' weighs tests: give task.reference.tests"
    return None


def _has_tests(posted: Mapping[str, Any]) -> bool:
    task = posted.get("task") or {}
    return (task.get("reference") or {}).get("tests") is not None or ">>> " in str(task)


def _member(outcome: Outcome, at: int) -> CandidateResult:
    """What the formulas read of an outcome; one without a reward is null for them, whatever else it has."""
    if outcome.result is None or outcome.reward is None:
        return CandidateResult(id=f"m{at}", status="unscored", vector=dict(outcome.vector))
    return outcome.result.model_copy(update={"id": f"m{at}"})


def _with(outcome: Outcome, reward: float | None, links: list[dict[str, Any]]) -> Outcome:
    if outcome.reward is None:
        return outcome
    flags = {**outcome.flags, "raw_reward": outcome.reward, "shape": links}
    if reward is None:
        reason = "the shape cannot judge it fairly: its tests were cut short by the judge, or its length is not known"
        return replace(_without(outcome, "partial", reason), flags=flags)
    return replace(outcome, reward=reward, flags=flags)


def _without(outcome: Outcome, kind: str, reason: str) -> Outcome:
    """The outcome without a reward; one that had failed keeps its own reason."""
    if outcome.reward is None:
        return outcome
    return replace(outcome, reward=None, failure_kind=kind, failure_reason=reason)
