"""A judgment is held against a label as `verdicts.toml` says."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evals.loaders.item import Better, FirstError, Label, Outcome
from evals.suite.verdicts import by_evidence, length_of, verdict_of
from judge_agent.schema import CandidateResult, Judgment, PrincipleResult, StepResult

CASES = tomllib.loads((Path(__file__).parent / "verdicts.toml").read_text("utf-8"))["case"]


def judgment(case: Mapping[str, Any]) -> Judgment:
    rewards = case.get("rewards", {})
    names = case.get("candidates") or sorted({*rewards, *case.get("better", ()), *case.get("evidence", ())})
    if case["name"] == "one has none":
        names = ["a", "b"]
    return Judgment(
        id="j", state="done", created=0, candidates=tuple(_one(name, case) for name in names or ["a"])
    )


def _one(name: str, case: Mapping[str, Any]) -> CandidateResult:
    reward, score = case.get("rewards", {}).get(name), case.get("evidence", {}).get(name)
    principles = ()
    if score is not None:
        principles = (
            PrincipleResult(name="p", description="d", dimension="correctness", kind="hard", weight=1,
                            score=score, valid=True, decided_by="evidence"),
        )  # fmt: skip
    return CandidateResult(
        id=name,
        status="unscored" if reward is None else "scored",
        reward=reward,
        passed=case.get("passed"),
        principles=principles,
        steps=tuple(
            StepResult(step_id=str(at), label=label) for at, label in enumerate(case.get("steps", ()))
        ),
    )


def label(case: Mapping[str, Any]) -> Label:
    if "better" in case:
        return Better(frozenset(case["better"]))
    if "succeeded" in case:
        return Outcome(case["succeeded"])
    return FirstError(None if case.get("no_error") else case["first_error"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_judgment_is_held_against_its_label(case: Mapping[str, Any]) -> None:
    assert verdict_of(judgment(case), label(case)) == case["verdict"]
    assert by_evidence(judgment(case), label(case)) == case.get("by_evidence")


def test_length_is_told_of_pairs_of_different_length_with_a_preference() -> None:
    told = {"name": "", "better": ["a"], "rewards": {"a": 0.4, "b": 0.6}}
    chars = {"a": 10, "b": 30}
    assert length_of(judgment(told), label(told), chars) == (False, True)
    assert length_of(judgment(told), label(told), {"a": 10, "b": 10}) is None
    tied = told | {"rewards": {"a": 0.5, "b": 0.5}}
    assert length_of(judgment(tied), label(tied), chars) is None
