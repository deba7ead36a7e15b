"""What the marks of a rubric's items come to: hard rules before principles, or fatal items alone. For all marks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_agent.reward.rubric import MarkedItem, broken_vetoes, rubric_scores

GRADES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
WEIGHTS = st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0])


@st.composite
def items(draw: st.DrawFn) -> list[MarkedItem]:
    made = []
    for _ in range(draw(st.integers(1, 6))):
        veto = draw(st.booleans())
        grade = st.sampled_from([0.0, 1.0]) if veto else GRADES
        made.append(MarkedItem((draw(grade), draw(grade)), draw(WEIGHTS), veto))
    return made


@given(items(), st.booleans(), st.sampled_from([0.0, 0.25, 0.5]))
def test_every_score_is_between_nothing_and_one(marked: list[MarkedItem], alone: bool, cap: float) -> None:
    assert all(0.0 <= score <= 1.0 for score in rubric_scores(marked, cap=cap, vetoes_alone=alone))


@given(items(), st.booleans(), st.sampled_from([0.0, 0.25, 0.5]))
def test_responses_change_places_and_so_do_their_scores(
    marked: list[MarkedItem], alone: bool, cap: float
) -> None:
    turned = [replace(one, marks=one.marks[::-1]) for one in marked]
    there, back = (rubric_scores(some, cap=cap, vetoes_alone=alone) for some in (marked, turned))
    assert there == back[::-1]


@given(items(), st.sampled_from([0.1, 0.25, 0.5]))
def test_who_breaks_a_hard_rule_is_at_the_cap_at_most_and_who_breaks_none_at_least(
    marked: list[MarkedItem], cap: float
) -> None:
    for score, broken in zip(
        rubric_scores(marked, cap=cap, vetoes_alone=False), broken_vetoes(marked), strict=True
    ):
        assert score <= cap if broken else score >= cap


@given(items(), st.booleans(), st.data())
def test_a_better_mark_makes_no_score_of_its_own_worse(
    marked: list[MarkedItem], alone: bool, data: st.DataObject
) -> None:
    """With fatal items alone it holds among those who break as many: the first that is broken changes what counts."""
    at = data.draw(st.integers(0, len(marked) - 1))
    if alone and marked[at].veto:
        return
    _, other = marked[at].marks
    better = replace(marked[at], marks=(1.0, other))
    before = rubric_scores(marked, cap=0.25, vetoes_alone=alone)
    after = rubric_scores([*marked[:at], better, *marked[at + 1 :]], cap=0.25, vetoes_alone=alone)
    assert after[0] >= before[0] - 1e-12


@given(items(), st.booleans(), GRADES)
def test_an_item_that_weighs_nothing_beside_one_that_does_changes_nothing(
    marked: list[MarkedItem], alone: bool, grade: float
) -> None:
    sure = [*marked, MarkedItem((0.5, 0.5), 1.0)]
    idle = [*sure, MarkedItem((grade, 1.0 - grade), 0.0)]
    for cap in (0.0, 0.25):
        assert rubric_scores(idle, cap=cap, vetoes_alone=alone) == rubric_scores(
            sure, cap=cap, vetoes_alone=alone
        )


def test_a_fatal_item_that_one_response_breaks_is_all_that_counts_for_both() -> None:
    fatal, core = MarkedItem((1.0, 0.0), 1.0, veto=True), MarkedItem((0.0, 1.0), 5.0)
    assert rubric_scores([fatal, core], cap=0.25, vetoes_alone=True) == (1.0, 0.0)
    kept = replace(fatal, marks=(1.0, 1.0))
    assert rubric_scores([kept, core], cap=0.25, vetoes_alone=True) == (0.0, 1.0)


def test_of_two_that_break_a_rule_the_better_one_is_still_the_better_one() -> None:
    rules = [MarkedItem((0.0, 0.0), 1.0, veto=True), MarkedItem((1.0, 0.0), 1.0, veto=True)]
    assert rubric_scores(rules, cap=0.5, vetoes_alone=False) == (0.5 * (0.5 + 1.0) / 2, 0.5 * (0.0 + 1.0) / 2)


def test_nothing_that_was_marked_is_no_score() -> None:
    with pytest.raises(ValueError, match="at least one item"):
        rubric_scores([], cap=0.25, vetoes_alone=False)
