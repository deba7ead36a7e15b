"""The tournament finds the champion of a transitive judge in at most 2(N-1) comparisons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_agent.votes import Bracket

SIZES = (1, 2, 3, 5, 16)
Judge = Callable[[str, str], float]


def names(size: int) -> list[str]:
    return [f"c{number:02d}" for number in range(size)]


def play(bracket: Bracket, judge: Judge) -> list[tuple[tuple[str, str], ...]]:
    rounds = []
    while due := bracket.round():
        assert bracket.round() == due
        rounds.append(due)
        bracket.tell({(a, b): judge(a, b) for a, b in due})
    return rounds


def stronger(order: list[str], margin: float = 0.5) -> Judge:
    return lambda a, b: 0.5 + margin * (1 if order.index(a) < order.index(b) else -1)


@pytest.mark.parametrize("size", [*SIZES, 4, 6, 7, 9, 33])
@settings(deadline=None)
@given(data=st.data(), seed=st.integers(0, 1000), margin=st.sampled_from([0.5, 0.01]))
def test_a_transitive_judge_gets_its_champion(
    size: int, data: st.DataObject, seed: int, margin: float
) -> None:
    order = data.draw(st.permutations(names(size)))
    bracket = Bracket(names(size), seed=seed)
    rounds = play(bracket, stronger(order, margin))
    assert bracket.ranking()[0] == order[0]
    assert sorted(bracket.ranking()) == names(size)
    assert bracket.comparisons == sum(map(len, rounds)) <= 2 * (size - 1)


@pytest.mark.parametrize("size", SIZES)
def test_scores_fall_from_one_to_zero_in_equal_steps(size: int) -> None:
    bracket = Bracket(names(size), seed=1)
    play(bracket, stronger(names(size)))
    steps = [1 - rank / max(1, size - 1) for rank in range(size)]
    assert sorted(bracket.scores().values(), reverse=True) == pytest.approx(steps)
    assert [bracket.scores()[one] for one in bracket.ranking()] == pytest.approx(steps)


def test_one_alone_scores_one_without_a_comparison() -> None:
    bracket = Bracket(["only"])
    assert bracket.round() == ()
    assert bracket.scores() == {"only": 1.0}
    assert bracket.comparisons == 0


def test_two_meet_once_and_the_loser_scores_zero() -> None:
    bracket = Bracket(["a", "b"], seed=4)
    assert [len(due) for due in play(bracket, stronger(["b", "a"]))] == [1]
    assert bracket.scores() == {"b": 1.0, "a": 0.0}


@settings(deadline=None)
@given(
    st.sampled_from(SIZES),
    st.integers(0, 50),
    st.randoms(),
    st.lists(st.floats(0, 1), min_size=7, max_size=7),
)
def test_any_judge_ends_it_and_the_order_of_posting_changes_nothing(
    size: int, seed: int, random: Any, results: list[float]
) -> None:
    """The judge of this test is neither transitive nor fair: its results come from a table."""

    def judge(a: str, b: str) -> float:
        return results[(names(size).index(a) * 5 + names(size).index(b)) % len(results)]

    posted = random.sample(names(size), size)
    one, other = Bracket(names(size), seed=seed), Bracket(posted, seed=seed)
    assert play(one, judge) == play(other, judge)
    assert one.ranking() == other.ranking()
    assert sorted(one.scores()) == names(size)
    assert one.comparisons <= max(0, 2 * (size - 1))


@settings(deadline=None)
@given(st.integers(0, 50))
def test_nobody_meets_anybody_twice(seed: int) -> None:
    bracket = Bracket(names(16), seed=seed)
    pairs = [frozenset(pair) for due in play(bracket, stronger(names(16))) for pair in due]
    assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize("size", SIZES)
def test_everyone_meets_the_anchor_first_and_then_half_leave_each_round(size: int) -> None:
    rounds = play(Bracket(names(size), seed=2), stronger(names(size)))
    seeding = rounds[0] if rounds else ()
    assert len(seeding) == size - 1
    assert len({anchor for anchor, _ in seeding}) <= 1
    for due in rounds[1:]:
        playing = [one for pair in due for one in pair]
        assert len(playing) == len(set(playing))
        assert len(due) <= size // 2


def against_the_anchor(bracket: Bracket, points: list[float]) -> list[str]:
    """Tell the seeding round so that the others get these points; returns the anchor, then the others."""
    due = bracket.round()
    bracket.tell({pair: 1.0 - score for pair, score in zip(due, points, strict=True)})
    return [due[0][0], *(other for _, other in due)]


def test_the_best_seed_meets_the_worst_and_the_best_two_meet_last() -> None:
    bracket = Bracket(names(9), seed=0)
    anchor, a, b, c, d, e, f, g, h = against_the_anchor(bracket, [0.9, 0.3, 0.8, 0.2, 0.7, 0.1, 0.6, 0.0])
    # By points: a, c, e, g, then the anchor with 0.55, b, d, f, h. Seven have no opponent at first.
    assert bracket.round() == ((f, h),)
    bracket.tell({(f, h): 1.0})
    assert bracket.round() == ((a, f), (c, d), (e, b))
    bracket.tell({(a, f): 1.0, (c, d): 1.0, (e, b): 1.0})
    assert bracket.round() == ((a, g), (c, e))
    assert anchor in names(9)


def test_a_tie_goes_to_the_higher_mean_of_points_even_against_the_better_seed() -> None:
    bracket = Bracket(names(5), seed=0)
    anchor, first, second, third, last = against_the_anchor(bracket, [0.9, 0.8, 0.2, 0.1])
    bracket.tell({(third, last): 1.0})
    bracket.tell({(first, third): 0.51})
    assert bracket.round() == ((first, second),)
    bracket.tell({(first, second): 0.5})
    assert bracket.ranking() == (second, first, third, anchor, last)


def test_a_tie_at_equal_points_goes_to_the_better_seed() -> None:
    bracket = Bracket(names(3), seed=0)
    anchor, one, other = against_the_anchor(bracket, [0.5, 0.5])
    assert bracket.round() == ((one, other),)
    bracket.tell({(one, other): 0.5})
    assert bracket.ranking() == (anchor, one, other)


def test_points_that_are_equal_on_paper_are_equal() -> None:
    bracket = Bracket(names(3), seed=0)
    (anchor, one), (_, other) = bracket.round()
    bracket.tell({(anchor, one): 1.0 - 0.7, (anchor, other): 0.3})
    bracket.tell({(one, other): 0.5})
    assert bracket.ranking() == (one, other, anchor)


def test_when_all_is_tied_the_seed_decides_and_always_the_same_way() -> None:
    rankings = set()
    for seed in (1, 1, 2, 3, 4, 5):
        bracket = Bracket(names(5), seed=seed)
        play(bracket, lambda a, b: 0.5)
        rankings.add((seed, bracket.ranking()))
    assert len({seed for seed, _ in rankings}) == len(rankings) == 5
    assert len({ranking for _, ranking in rankings}) > 1


def test_a_result_that_is_missing_foreign_or_no_score_is_refused() -> None:
    bracket = Bracket(names(3), seed=0)
    first, second = bracket.round()
    for wrong in ({first: 1.0}, {first: 1.0, second: 1.0, ("x", "y"): 1.0}, {first[::-1]: 1.0, second: 1.0}):
        with pytest.raises(ValueError, match="results are due"):
            bracket.tell(wrong)
    for score in (1.5, -0.5, float("nan")):
        with pytest.raises(ValueError, match="not a score"):
            bracket.tell({first: score, second: 1.0})
    assert bracket.comparisons == 0
    with pytest.raises(ValueError, match="not over"):
        bracket.ranking()
    with pytest.raises(ValueError, match="not over"):
        bracket.scores()


def test_a_tournament_needs_players_and_each_once() -> None:
    for ids in ([], ["a", "a"]):
        with pytest.raises(ValueError):
            Bracket(ids)
