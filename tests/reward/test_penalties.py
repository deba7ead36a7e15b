"""Penalties (weights below 0): how they enter every aggregate, the bounds and the least share of weight."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_agent.reward import Combined, combine
from judge_agent.schema import Aggregate, PrincipleResult, PrincipleSpec

AGGREGATES: tuple[Aggregate, ...] = ("weighted", "gated", "veto", "lexicographic")
aggregates = st.sampled_from(AGGREGATES)
scores = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1))
sizes = st.one_of(st.sampled_from([0.1, 1.0, 2.0]), st.floats(0, 1e6))


def made(index: int, kind: Any, weight: float, score: float | None) -> PrincipleResult:
    return PrincipleResult(
        name=f"p{index}",
        description="d",
        dimension="style",
        kind=kind,
        weight=weight,
        score=score,
        valid=score is not None,
        failure_kind=None if score is not None else "deadline",
    )


@st.composite
def verdicts(draw: Any, missing: bool = True) -> list[PrincipleResult]:
    """Some principles, of which the first is a penalty and others may be."""
    found = []
    for index in range(draw(st.integers(1, 6))):
        score = draw(st.one_of(st.none(), scores)) if missing else draw(scores)
        weight = draw(sizes)
        penal = index == 0 or draw(st.booleans())
        hard = not penal and draw(st.booleans())
        signed = -(weight or 1.0) if penal else weight
        found.append(made(index, "hard" if hard else "soft", signed, score))
    return found


def combined(principles: list[PrincipleResult], aggregate: Aggregate, **more: Any) -> Combined:
    return combine(principles, dimensions=("style",), aggregate=aggregate, **more)


def scored_as(principle: PrincipleResult, score: float) -> PrincipleResult:
    return principle.model_copy(update={"score": score, "valid": True, "failure_kind": None})


@given(verdicts(missing=False), aggregates, st.floats(0, 1))
def test_more_of_a_fault_never_raises_the_reward(
    principles: list[PrincipleResult], aggregate: Aggregate, share: float
) -> None:
    before = principles[0].score or 0.0
    worse = [scored_as(principles[0], before + (1.0 - before) * share), *principles[1:]]
    low, high = combined(worse, aggregate), combined(principles, aggregate)
    assert low.reward is not None
    assert high.reward is not None
    assert low.reward <= high.reward
    assert (low.vector["style"] or 0.0) <= (high.vector["style"] or 0.0)


@given(verdicts(), aggregates, st.lists(scores, min_size=6, max_size=6), st.integers(0, 2**32))
def test_bounds_hold_what_missing_penalties_could_change(
    principles: list[PrincipleResult], aggregate: Aggregate, completion: list[float], seed: int
) -> None:
    partial = combined(principles, aggregate)
    low, high = partial.reward_bounds
    assert 0.0 <= low <= high <= 1.0
    if partial.score is None:
        return
    assert math.isfinite(partial.score)
    assert low <= partial.score <= high
    full = [
        one if one.valid else scored_as(one, value)
        for one, value in zip(principles, completion, strict=False)
    ]
    reward = combined(full, aggregate).reward
    assert reward is not None
    assert low <= reward <= high
    random.Random(seed).shuffle(principles)
    assert combined(principles, aggregate).score == partial.score


@pytest.mark.parametrize(
    ("aggregate", "items", "score"),
    [
        ("weighted", ["soft 3 1", "soft -1 1"], 2 / 3),
        ("weighted", ["soft 3 1", "soft -1 0"], 1.0),
        ("weighted", ["soft 1 0.5", "soft -2 1"], 0.0),
        ("weighted", ["soft -1 0.25", "soft -3 0"], 0.9375),
        ("weighted", ["soft 0 0.75", "soft -2 0.5"], 0.25),
        ("gated", ["hard 1 1", "soft -1 0.5"], 0.5),
        ("veto", ["soft 4 1", "soft -1 1"], 0.0),
        ("veto", ["soft 4 1", "soft -1 0.5"], 0.875),
        ("lexicographic", ["soft 2 1", "soft -1 1"], 36 * 37 / (37**2 - 1)),
        ("lexicographic", ["soft -2 0", "soft 1 0"], 36 * 37 / (37**2 - 1)),
    ],
)
def test_penalties_enter_each_aggregate_as_it_says(
    aggregate: Aggregate, items: list[str], score: float
) -> None:
    principles = [
        made(index, kind, float(weight), float(said))
        for index, (kind, weight, said) in enumerate(item.split() for item in items)
    ]
    assert combined(principles, aggregate).score == pytest.approx(score)


def test_a_penalty_counts_in_the_least_share_of_weight_by_its_size() -> None:
    known, open_ = made(0, "soft", 3.0, 1.0), made(1, "soft", -1.0, None)
    assert combined([known, open_], "weighted").reward is None
    assert combined([known, open_], "weighted", min_weight=0.75).reward == 1.0
    assert combined([known, open_], "weighted").reward_bounds == (pytest.approx(2 / 3), 1.0)


def test_a_hard_penalty_is_refused() -> None:
    with pytest.raises(ValueError, match="weight: below 0 makes a penalty"):
        PrincipleSpec(description="It lies.", kind="hard", weight=-1.0)
