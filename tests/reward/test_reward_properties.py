"""Properties of the reward that hold for every set of verdicts."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_agent.reward import Combined, combine
from judge_agent.schema import Aggregate, PrincipleResult

AGGREGATES: tuple[Aggregate, ...] = ("weighted", "gated", "veto", "renormed", "lexicographic")
DIMENSIONS = ("accuracy", "style", "unfed")
SCALE_SCORES = [0.0, 1.0, 0.5, 0.25, 0.75, *[k / 9 for k in range(10)]]
scores = st.one_of(st.sampled_from(SCALE_SCORES), st.floats(0, 1))
weights = st.one_of(st.sampled_from([0.0, 1.0, 2.0, 0.1, 0.3]), st.floats(0, 1e6))
aggregates = st.sampled_from(AGGREGATES)


@st.composite
def verdicts(draw: Any, missing: bool = True) -> list[PrincipleResult]:
    count = draw(st.integers(1, 7))
    made = []
    for index in range(count):
        score = draw(st.one_of(st.none(), scores)) if missing else draw(scores)
        made.append(
            PrincipleResult(
                name=f"p{index}",
                description="d",
                dimension=draw(st.sampled_from(("accuracy", "style", "undeclared"))),
                kind=draw(st.sampled_from(("hard", "soft"))),
                weight=draw(weights),
                score=score,
                valid=score is not None,
                failure_kind=None
                if score is not None
                else draw(st.sampled_from(("deadline", "no_evidence", None))),
            )
        )
    return made


def combined(principles: list[PrincipleResult], aggregate: Aggregate, **more: Any) -> Combined:
    return combine(principles, dimensions=DIMENSIONS, aggregate=aggregate, **more)


def with_scores(principles: list[PrincipleResult], value: float) -> list[PrincipleResult]:
    return [p if p.valid else p.model_copy(update={"score": value, "valid": True}) for p in principles]


@given(verdicts(), aggregates, st.one_of(st.none(), st.floats(0, 1)))
def test_every_number_is_bounded_and_null_stays_null(
    principles: list[PrincipleResult], aggregate: Aggregate, threshold: float | None
) -> None:
    result = combined(principles, aggregate, pass_threshold=threshold)
    low, high = result.reward_bounds
    assert 0 <= low <= high <= 1
    assert tuple(result.vector) == DIMENSIONS
    assert result.vector["unfed"] is None
    assert "unfed" in result.flags["not_applicable"]
    for number in (result.score, result.reward, *result.vector.values()):
        assert number is None or (math.isfinite(number) and 0 <= number <= 1)
    scored = [p for p in principles if p.valid]
    assert result.status == (
        "unscored" if not scored else "scored" if len(scored) == len(principles) else "partial"
    )
    assert (result.score is None) == (result.status == "unscored")
    assert (result.failure_kind is None) == (result.status == "scored")
    if any(not p.valid for p in principles if p.kind == "hard") or not scored:
        assert result.reward is None
    if result.status == "scored":
        assert result.reward == result.score
        assert result.reward_bounds == (result.reward, result.reward)
        assert result.passed is not None
    for dimension in DIMENSIONS:
        fed = [p.score for p in scored if p.dimension == dimension and p.score is not None]
        assert (result.vector[dimension] is not None) == bool(fed)
        if fed:
            assert min(fed) - 1e-9 <= (result.vector[dimension] or 0.0) <= max(fed) + 1e-9


@given(verdicts(), aggregates, st.integers(0, 2**32))
def test_the_order_of_principles_changes_no_bit(
    principles: list[PrincipleResult], aggregate: Aggregate, seed: int
) -> None:
    shuffled = list(principles)
    random.Random(seed).shuffle(shuffled)
    assert combined(shuffled, aggregate) == combined(principles, aggregate)


@given(verdicts(), aggregates, st.lists(scores, min_size=7, max_size=7))
def test_the_bounds_hold_every_completion_and_are_reached(
    principles: list[PrincipleResult], aggregate: Aggregate, completion: list[float]
) -> None:
    partial = combined(principles, aggregate)
    if partial.status == "unscored":
        assert partial.reward_bounds == (0.0, 1.0)
        return
    low, high = partial.reward_bounds
    assert combined(with_scores(principles, 0.0), aggregate).reward == low
    assert combined(with_scores(principles, 1.0), aggregate).reward == high
    full = [
        p if p.valid else p.model_copy(update={"score": value, "valid": True})
        for p, value in zip(principles, completion, strict=False)
    ]
    reward = combined(full, aggregate).reward
    assert reward is not None
    assert low <= reward <= high
    assert low <= (partial.score or 0.0) <= high
    if partial.passed is not None:
        assert combined(full, aggregate).passed == partial.passed


@given(verdicts(missing=False), aggregates, st.data())
def test_a_better_score_never_lowers_the_reward(
    principles: list[PrincipleResult], aggregate: Aggregate, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(principles) - 1))
    score = principles[index].score or 0.0
    raised = list(principles)
    raised[index] = raised[index].model_copy(update={"score": data.draw(st.floats(score, 1.0))})
    before, after = combined(principles, aggregate).reward, combined(raised, aggregate).reward
    assert before is not None
    assert after is not None
    assert after >= before


@given(verdicts(missing=False))
def test_a_failed_gate_caps_the_reward_and_leaves_the_vector_whole(principles: list[PrincipleResult]) -> None:
    failed = any(p.kind == "hard" and (p.score or 0.0) < 0.5 for p in principles)
    gated, weighted = combined(principles, "gated"), combined(principles, "weighted")
    assert gated.reward == (0.0 if failed else weighted.reward)
    assert gated.vector == weighted.vector
    veto = combined(principles, "veto").reward
    assert veto is not None
    assert gated.reward is not None
    assert veto <= gated.reward
    if failed:
        assert gated.passed is False
        assert gated.flags["failed_hard"]


@settings(max_examples=50)
@given(st.integers(1, 6), st.sampled_from([2, 5, 10]), st.integers(0, 2**32))
def test_lexicographic_respects_the_order_of_tiers_on_every_scale(tiers: int, levels: int, seed: int) -> None:
    """Two sets of scores compare as their tuples do, most weighty first."""
    chance = random.Random(seed)
    values = [k / (levels - 1) for k in range(levels)]
    rows = [tuple(chance.choice(values) for _ in range(tiers)) for _ in range(8)]
    rewards = [combined(_soft(row), "lexicographic").reward or 0.0 for row in rows]
    for (first, one), (second, other) in itertools.combinations(zip(rows, rewards, strict=True), 2):
        assert (first > second) == (one > other)
        assert (first == second) == (one == other)


def _soft(row: tuple[float, ...]) -> list[PrincipleResult]:
    return [
        PrincipleResult(
            name=f"p{i}",
            description="d",
            dimension="style",
            kind="soft",
            weight=100.0 - i,
            score=score,
            valid=True,
        )
        for i, score in enumerate(row)
    ]


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_all_best_is_one_and_all_worst_is_zero(aggregate: Aggregate) -> None:
    best, worst = _soft((1.0,) * 5), _soft((0.0,) * 5)
    assert combined(best, aggregate).reward == 1.0
    assert combined(worst, aggregate).reward == 0.0
