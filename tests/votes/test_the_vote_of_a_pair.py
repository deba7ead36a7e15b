"""What the samples of a pair come to by each vote: margins by the mean, names by the majority."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from judge_agent.votes import Match, pair_outcome

CASES = tomllib.loads(Path(__file__).with_name("votes_of_a_pair.toml").read_text("utf-8"))["case"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
@pytest.mark.parametrize("how", ["mean", "sum", "majority"])
def test_a_vote_comes_to_what_the_table_says(case, how) -> None:
    played = [Match("a", "b", score) for score in case["first"]]
    played += [Match("b", "a", 1.0 - score) for score in case.get("second", [])]
    found = pair_outcome("a", "b", played, how)
    expected = case["majority" if how == "majority" else "mean"]
    assert found.probability == pytest.approx(expected["score"])
    assert found.consistent is expected.get("consistent")
    assert found.winner == (None if expected["score"] == 0.5 else "a" if expected["score"] > 0.5 else "b")
    mirrored = pair_outcome("b", "a", played, how)
    assert mirrored.probability == pytest.approx(1.0 - expected["score"])
