"""Which links of a chain count, and what the principles of a dimension weigh together: pure."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_agent.nodes.dimension_weights import weighed
from judge_agent.reward.chain import connected, filled, places_in

entities = st.sampled_from([f"<E{at}>" for at in range(5)])
statements = st.lists(
    st.lists(entities, min_size=1, max_size=2).map(lambda found: " knows ".join(found)),
    min_size=1,
    max_size=7,
)


@given(statements, st.data())
def test_a_statement_less_never_makes_another_count(found: list[str], data: st.DataObject) -> None:
    supported = data.draw(st.sets(st.integers(0, len(found) - 1)))
    whole = connected(found, supported)
    assert whole <= supported
    for dropped in supported:
        assert connected(found, supported - {dropped}) <= whole - {dropped}


@given(statements)
def test_what_counts_hangs_on_the_answer_and_what_does_not_shares_nothing_with_it(found: list[str]) -> None:
    everything = set(range(len(found)))
    counting = connected(found, everything)
    reached = {"E0"}.union(*(places_in(found[at]) for at in counting))
    assert all(set(places_in(found[at])).isdisjoint(reached) for at in everything - counting)


@pytest.mark.parametrize(
    ("statement", "names", "text"),
    [
        ("<E1> directed <E0>.", {"E0": "Sand", "E1": "Ruiz"}, "Ruiz directed Sand."),
        ("<E1> directed <E0>.", {"E0": "Sand"}, None),
        ("<E1> directed <E0>.", {"E0": "Sand", "E1": ""}, None),
        ("<E1> met <E1>.", {"E1": "<E2>"}, "<E2> met <E2>."),
        ("Nothing is open.", {}, "Nothing is open."),
    ],
)
def test_a_statement_is_filled_once_and_only_where_all_of_it_is_known(
    statement: str, names: dict[str, str], text: str | None
) -> None:
    assert filled(statement, names) == text


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.01, 100)), min_size=1, max_size=8))
def test_the_principles_of_a_dimension_weigh_together_what_is_said(given_: list[tuple[str, float]]) -> None:
    principles = [{"name": str(at), "dimension": d, "weight": w} for at, (d, w) in enumerate(given_)]
    found = weighed(principles, {"a": 0.7, "b": 0.0})
    for dimension, together in (("a", 0.7), ("b", 0.0)):
        mine = [one["weight"] for one in found if one["dimension"] == dimension]
        assert not mine or math.fsum(mine) == pytest.approx(together)
    assert [one for one in found if one["dimension"] == "c"] == [
        one for one in principles if one["dimension"] == "c"
    ]


def test_a_dimension_that_weighs_nothing_is_left_as_it_is() -> None:
    principles = [{"name": "x", "dimension": "a", "weight": 0.0}]
    assert weighed(principles, {"a": 0.5}) == principles
