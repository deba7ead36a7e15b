"""Where the mean of samples likely lies, and whose place that leaves open."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from judge_agent.votes.ranges import Range, likely_range, undecided

samples = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(samples)
def test_a_range_holds_the_mean_and_narrows_with_more_of_the_same(scores: list[float]) -> None:
    found, more = likely_range(scores), likely_range(scores * 3)
    assert 0.0 <= found.low <= found.mean <= found.high <= 1.0
    assert more.width <= found.width


def test_without_samples_anything_is_possible() -> None:
    assert likely_range([])[:2] == (0.0, 1.0)


@given(st.dictionaries(st.text(min_size=1, max_size=3), samples, max_size=6))
def test_whose_place_is_open_hangs_on_no_order(given: dict[str, list[float]]) -> None:
    ranges = {name: likely_range(scores) for name, scores in given.items()}
    found = undecided(ranges)
    assert found == undecided(dict(reversed(ranges.items())))
    widths = [ranges[name].width for name in found]
    assert widths == sorted(widths, reverse=True)
    for name in found:
        assert any(ranges[name].overlaps(its) for other, its in ranges.items() if other != name)
    if len(found) < len(ranges):
        standing = [ranges[name] for name in ranges if name not in found]
        assert all(
            not one.overlaps(its) or one.ties_with(its)
            for one in standing
            for its in ranges.values()
            if its is not one
        )


def test_only_a_tie_that_lasted_is_one() -> None:
    assert undecided({"a": likely_range([0.5] * 2), "b": likely_range([0.5] * 2)}) == ("a", "b")
    assert undecided({"a": likely_range([0.5] * 3), "b": likely_range([0.5] * 3)}) == ()
    assert undecided({"a": likely_range([0.5] * 3), "b": Range(0.3, 0.7, 0.5)}) == ("b", "a")
