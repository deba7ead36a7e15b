"""What is read from the probabilities of tokens: of those between two marks, of a menu, of two distributions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_agent.errors import ModelError
from judge_agent.readouts import between_marks, ordinal, prefers, yes_probability
from judge_agent.seams.model import TokenLogprob


@pytest.mark.parametrize(
    ("tokens", "kept"),
    [
        (["<", "answer", ">", "4", "</", "answer", ">"], ["4", "</"]),
        (["<answer>", "4", "2", "</answer>"], ["4", "2", "</answer>"]),
        (["<answer", ">4", "2</", "answer", ">"], [">4", "2</"]),
        ([" <answer>", " 4", " </", "answer> "], [" 4", " </"]),
        (["<answer>", "\ufffd", "\ufffd\ufffd", "", "</", "answer>"], ["\ufffd", "\ufffd\ufffd", "", "</"]),
        (["<answer>4</answer>"], ["<answer>4</answer>"]),
        (["<answer>", "a</answer>", "b", "</answer>"], ["a</answer>", "b", "</answer>"]),
        ([], []),
    ],
)
def test_what_stands_between_marks_ends_with_the_token_that_closes_it(
    tokens: list[str], kept: list[str]
) -> None:
    told = [TokenLogprob(token, -1.0) for token in tokens]
    assert [token.token for token in between_marks(told, "<answer>", "</answer>")] == kept


@pytest.mark.parametrize(
    "tokens", [["4"], ["<answer>", "4"], ["4", "</answer>"], ["a<answer>", "4</answer>"]]
)
def test_tokens_without_their_marks_are_of_no_use(tokens: list[str]) -> None:
    with pytest.raises(ModelError, match="do not stand between"):
        between_marks([TokenLogprob(token, -1.0) for token in tokens], "<answer>", "</answer>")


shares = st.lists(st.floats(0.001, 1.0), min_size=5, max_size=5).map(
    lambda parts: {str(place): part / math.fsum(parts) for place, part in enumerate(parts, start=1)}
)


@settings(deadline=None)
@given(shares, shares)
def test_the_chances_of_two_candidates_are_one_together(a: dict[str, float], b: dict[str, float]) -> None:
    assert prefers(a, b) + prefers(b, a) == pytest.approx(1.0)
    assert prefers(a, a) == pytest.approx(0.5)


def test_a_better_distribution_is_preferred_and_a_certain_one_for_certain() -> None:
    worst, middle, best = ({label: float(label == one) for label in "123"} for one in "123")
    assert prefers(best, worst) == prefers(best, middle) == 1.0
    assert prefers(worst, best) == 0.0
    assert prefers(middle, {"1": 0.5, "2": 0.5, "3": 0.0}) == 0.75


def test_menus_that_no_model_could_be_read_by_are_the_callers_error() -> None:
    top = (("Yes", -0.1),)
    with pytest.raises(ValueError, match="both yes and no"):
        yes_probability(top, ("Yes",), ("Yes", "No"))
    with pytest.raises(ValueError, match="labels"):
        ordinal(top, ["Yes"])
    with pytest.raises(ValueError, match="different labels"):
        prefers({"1": 1.0, "2": 0.0}, {"2": 1.0, "1": 0.0})


@settings(deadline=None)
@given(st.lists(st.floats(-30.0, 0.0), min_size=2, max_size=6))
def test_ratings_stay_in_bounds_and_sum_to_one(logprobs: list[float]) -> None:
    total = math.log(math.fsum(map(math.exp, logprobs)))
    top = [(str(place), logprob - total) for place, logprob in enumerate(logprobs, start=1)]
    found = ordinal(top, [label for label, _ in top])
    assert 0.0 <= found.expected <= 1.0
    assert 0.0 <= found.variance <= 0.25 + 1e-12
    assert 0.0 <= found.entropy <= math.log(len(top)) + 1e-9
    assert math.fsum(found.distribution.values()) == pytest.approx(1.0)
