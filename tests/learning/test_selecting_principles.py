"""What is kept and what it weighs, on votes whose truth is known."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_agent.calibration.measures import wilson
from judge_agent.errors import JudgeError
from judge_agent.learning.selecting import accuracy, l1_weights, selected

row = st.tuples(*[st.sampled_from([-1.0, 0.0, 0.5, 1.0])] * 3).map(list)
rows = st.lists(row, min_size=1, max_size=12)


def votes(count: int, *sides: float, seed: int = 0) -> list[list[float]]:
    """Votes of principles that side with the preference so often."""
    drawn = random.Random(seed)
    return [[1.0 if drawn.random() < side else -1.0 for side in sides] for _ in range(count)]


@given(rows, st.sampled_from([[1.0, 0.5, 0.25], [0.0, 1.0, 1.0], [1.0, 0.0, 0.0]]))
def test_accuracy_is_a_share_that_turns_around_with_the_preferences(given, weights) -> None:
    found = accuracy(given, weights)
    assert 0.0 <= found <= 1.0
    assert accuracy([[-vote for vote in row] for row in given], weights) == pytest.approx(1.0 - found)
    assert accuracy(given, [0.0] * 3) == 0.5
    assert accuracy([], weights) == 0.5


def test_the_rule_weighs_1_noise_0_and_the_opposite_nothing(sklearn) -> None:
    train, held_out = votes(60, 0.95, 0.5, 0.05), votes(30, 0.95, 0.5, 0.05, seed=1)
    found = selected(train, held_out)
    assert found.weights[0] == 1.0
    assert found.weights.get(1, 0.0) == 0.0
    assert 2 not in found.weights
    assert found.accuracy >= 0.9


def test_what_only_the_training_pairs_bear_out_is_dropped(sklearn) -> None:
    train = [[a[0], b[0]] for a, b in zip(votes(60, 0.8), votes(60, 0.9, seed=4), strict=True)]
    held_out = [[a[0], b[0]] for a, b in zip(votes(40, 0.8, seed=2), votes(40, 0.1, seed=3), strict=True)]
    found = selected(train, held_out)
    assert list(found.weights) == [0]
    [dropped] = found.dropped
    assert dropped.place == 1
    assert "by itself" in dropped.reason


# Each sides with 28 of 32 training pairs. Held out, the first is right on 36 of 40; the second on 22, and loud.
TRAIN = [[1.0 if n % 8 else -1.0, 1.0 if (n + 4) % 8 else -1.0] for n in range(32)]
HELD_OUT = [[0.2 if n >= 4 else -0.2, 1.0 if n >= 18 else -1.0] for n in range(40)]


@pytest.mark.parametrize(("margin", "kept"), [(0.02, {0}), (0.5, {0, 1})])
def test_a_fall_past_the_margin_is_dropped_and_one_within_it_is_kept(sklearn, margin, kept) -> None:
    found = selected(TRAIN, HELD_OUT, margin)
    assert set(found.weights) == kept
    assert found.accuracy == (0.9 if kept == {0} else 0.55)
    assert all("with it 0.550" in one.reason for one in found.dropped)


def test_two_rules_share_the_weight_and_a_copy_of_one_is_none(sklearn) -> None:
    drawn = random.Random(9)
    kinds = [drawn.random() < 0.5 for _ in range(100)]
    both = [[1.0, 0.0, 1.0] if one else [0.0, 1.0, 0.0] for one in kinds]
    found = selected(both[:60], both[60:])
    assert len(found.weights) == 2
    assert 1 in found.weights
    assert min(found.weights.values()) > 0.2
    assert found.accuracy == 1.0
    [copy] = found.dropped
    assert copy.reason == "it votes as principle 0 does"


def test_who_says_nothing_of_any_pair_is_dropped(sklearn) -> None:
    found = selected([[1.0, 0.0]] * 30, [[1.0, 0.0]] * 10)
    assert [one.reason for one in found.dropped] == ["it tells no training pair apart"]
    with pytest.raises(JudgeError, match="nothing to learn"):
        selected([[0.0]] * 30, [[0.0]] * 10)


@settings(max_examples=25, deadline=None)
@given(rows)
def test_weights_are_between_0_and_1_and_the_largest_is_1(given) -> None:
    pytest.importorskip("sklearn", reason="no scikit-learn: pip install 'judge-agent[calibrate]'")
    found = l1_weights(given, 12.0)
    assert all(0.0 <= weight <= 1.0 for weight in found)
    assert not any(found) or max(found) == 1.0


def test_a_stronger_penalty_leaves_no_more_principles(sklearn) -> None:
    given = votes(80, 0.9, 0.6, 0.55, 0.5)
    counts = [sum(weight > 0 for weight in l1_weights(given, strength)) for strength in (1.5, 6.0, 50.0)]
    assert counts == sorted(counts)
    assert counts[0] == 1


def test_the_interval_is_that_of_wilson() -> None:
    assert wilson(0.5, 100) == (pytest.approx(0.4038, abs=1e-4), pytest.approx(0.5962, abs=1e-4))
    assert wilson(1.0, 10)[1] == 1.0
    assert wilson(0.0, 0) == (0.0, 1.0)
