"""A list stands when no further sample can change a place or a pass in it."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_agent.votes import vote
from judge_agent.votes.places import places_stand

GRID = (0.0, 0.5, 1.0)


def as_ranked(scores, how, threshold):
    votes = {one: vote(given, how) for one, given in scores.items()}
    places = {one: sum(other > own for other in votes.values()) for one, own in votes.items()}
    return tuple((places[one], votes[one] >= threshold) for one in sorted(votes))


@given(
    st.lists(st.tuples(*[st.sampled_from(GRID)] * 3), min_size=1, max_size=6),
    st.integers(0, 2),
    st.sampled_from(["mean", "sum", "majority"]),
    st.sampled_from([0.5, 0.8]),
)
@settings(max_examples=200, deadline=None)
def test_a_list_is_called_standing_only_where_no_way_to_go_on_changes_it(read, due, how, threshold) -> None:
    scores = {name: [row[at] for row in read] for at, name in enumerate("abc")}
    if not places_stand(scores, due, how, threshold):
        return
    now = as_ranked(scores, how, threshold)
    for rows in product([None, *product(GRID, repeat=3)], repeat=due):
        more = [row for row in rows if row is not None]
        after = {name: [*scores[name], *(row[at] for row in more)] for at, name in enumerate("abc")}
        assert as_ranked(after, how, threshold) == now


@pytest.mark.parametrize(
    ("scores", "due", "how", "threshold", "stands"),
    [
        ({"a": [1.0] * 5, "b": [0.0] * 5}, 4, "mean", 0.5, True),
        ({"a": [1.0] * 5, "b": [0.0] * 5}, 5, "mean", 0.5, False),
        ({"a": [1.0] * 6, "b": [0.6] * 6, "c": [0.5] * 6}, 3, "mean", 0.2, False),
        ({"a": [1.0] * 6, "b": [0.0] * 6}, 3, "mean", 0.8, False),
        ({"a": [1.0] * 3, "b": [0.5] * 3}, 2, "majority", 0.5, True),
        ({"a": [1.0] * 3, "b": [0.5] * 3}, 3, "majority", 0.5, False),
        ({"a": [0.5], "b": [0.5]}, 0, "mean", 0.5, True),
        ({"only": [1.0, 1.0]}, 1, "mean", 0.5, True),
        ({"only": [1.0, 1.0]}, 1, "mean", 0.8, False),
        ({"only": []}, 0, "mean", 0.5, False),
    ],
    ids=[
        "a lead that no more can turn",
        "a lead that is just turned",
        "the winner stands and those behind do not",
        "the places stand and the pass does not",
        "commonest scores that stay",
        "commonest scores that may not",
        "nothing is due",
        "one alone that passes",
        "one alone that may not",
        "nothing was read",
    ],
)
def test_what_stands(scores, due, how, threshold, stands) -> None:
    assert places_stand(scores, due, how, threshold) is stands
