"""What the verdicts of a candidate come to, case by case."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from judge_agent.reward import combine, first_error, preference, ranking
from judge_agent.schema import CandidateResult, PrincipleResult, StepResult

CASES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "cases.toml").read_text())["case"]


def verdict(index: int, text: str) -> PrincipleResult:
    """A verdict from 'kind weight score [failure_kind]', the score '-' where there is none."""
    kind, weight, score, *failure = text.split()
    return PrincipleResult(
        name=f"p{index}",
        description="d",
        dimension="quality",
        kind=kind,  # type: ignore[arg-type]
        weight=float(weight),
        score=None if score == "-" else float(score),
        valid=score != "-",
        failure_kind=failure[0] if failure else None,  # type: ignore[arg-type]
        failure_reason="why" if failure else None,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_verdicts_come_to_what_the_definition_says(case: dict[str, Any]) -> None:
    principles = [verdict(index, text) for index, text in enumerate(case["principles"])]
    result = combine(
        principles,
        dimensions=("quality",),
        aggregate=case.get("aggregate", "gated"),
        pass_threshold=case.get("pass_threshold"),
    )
    for field, expected in case["expect"].items():
        actual = getattr(result, field)
        expected = None if expected == "null" else expected
        assert actual == (pytest.approx(expected) if isinstance(expected, (float, list)) else expected), field


def test_low_agreement_asks_for_review() -> None:
    sure = verdict(0, "soft 1 0.7").model_copy(update={"agreement": 1.0})
    unsure = sure.model_copy(update={"agreement": 0.5})
    assert not combine([sure], dimensions=("quality",)).needs_review
    assert combine([unsure], dimensions=("quality",)).needs_review


def test_a_score_without_validity_does_not_count() -> None:
    struck = verdict(0, "soft 1 0.9").model_copy(
        update={"valid": False, "failure_kind": "evidence_unsupported"}
    )
    result = combine([struck], dimensions=("quality",))
    assert (result.status, result.score, result.reward) == ("unscored", None, None)
    assert result.failure_kind == "evidence_unsupported"
    assert result.vector == {"quality": None}


def test_only_the_earliest_bad_step_is_the_first_error() -> None:
    labels = ("good", "unjudged", "bad", "neutral", "bad")
    steps = [StepResult(step_id=f"s{i}", label=label, first_error=i == 4) for i, label in enumerate(labels)]
    assert [step.first_error for step in first_error(steps)] == [False, False, True, False, False]
    assert first_error([]) == ()


def candidate(name: str, reward: float | None, status: str = "scored") -> CandidateResult:
    return CandidateResult(id=name, status=status, score=reward, reward=reward)  # type: ignore[arg-type]


def test_ranking_ties_equal_rewards_and_leaves_failures_out() -> None:
    results = [
        candidate("b", 0.5),
        candidate("x", None, "unscored"),
        candidate("c", 0.9),
        candidate("a", 0.5),
    ]
    assert ranking(results) == (("c",), ("a", "b"))
    assert ranking(list(reversed(results))) == (("c",), ("a", "b"))
    assert ranking([candidate("x", None, "unscored")]) == ()


def test_a_preference_needs_two_rewards() -> None:
    better, worse, failed = candidate("a", 1.0), candidate("b", 0.25), candidate("c", None, "unscored")
    chosen = preference([worse, better])
    assert chosen is not None
    assert (chosen.winner, chosen.probability, chosen.consistent) == ("a", 0.875, None)
    tied = preference([better, better.model_copy(update={"id": "z"})])
    assert tied is not None
    assert (tied.winner, tied.probability) == (None, 0.5)
    unknown = preference([better, failed])
    assert unknown is not None
    assert (unknown.winner, unknown.probability) == (None, None)
    assert preference([better]) is None
    assert preference([better, worse, failed]) is None


def test_a_preference_over_a_partial_candidate_has_no_probability() -> None:
    chosen = preference([candidate("a", 1.0), candidate("b", 0.25, "partial")])
    assert chosen is not None
    assert (chosen.winner, chosen.probability) == ("a", None)


@pytest.mark.parametrize(
    ("hard", "decided_by", "soft", "generated", "reward"),
    [
        ("hard 1 1", "evidence", ["soft 1 - abstained"], {"p1"}, 1.0),
        ("hard 1 1", "evidence", ["soft 1 - abstained", "soft 1 0.5"], {"p1", "p2"}, 0.75),
        # What the caller asked for is missing, whatever tools decided.
        ("hard 1 1", "evidence", ["soft 1 - abstained"], set(), None),
        # A failure of the judge is no word on what can be assessed.
        ("hard 1 1", "evidence", ["soft 1 - model_timeout"], {"p1"}, None),
        ("hard 1 1", "model", ["soft 1 - abstained"], {"p1"}, None),
        ("hard 1 - tool_unavailable", None, ["soft 1 - abstained"], {"p1"}, None),
    ],
)
def test_what_the_judge_thought_of_and_cannot_assess_costs_no_reward_that_evidence_decides(
    hard: str, decided_by: Any, soft: list[str], generated: set[str], reward: float | None
) -> None:
    first = verdict(0, hard).model_copy(update={"decided_by": decided_by})
    rest = [verdict(index, text) for index, text in enumerate(soft, start=1)]
    result = combine([first, *rest], dimensions=("quality",), generated=generated)
    assert (result.reward, result.status) == (reward, "unscored" if result.score is None else "partial")
    low, high = result.reward_bounds
    assert low < high, "the bounds tell what it could have come to"
