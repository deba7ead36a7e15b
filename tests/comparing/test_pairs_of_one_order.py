"""A pair of which only one order could be read: what it says counts, is named, and is half as sure."""

from __future__ import annotations

import pytest

from judge_agent.errors import ModelError

pytestmark = pytest.mark.anyio
RECIPE = "round-robin"


def reads_one_order_of(arena, *pairs, failure="I cannot say."):
    """Knows which is better, and gives no readable answer where the lesser of one of these pairs comes first."""
    tell = arena.names_winner()

    def answer(request):
        shown = tuple(arena.shown_qualities(request).values())
        return failure if shown in pairs else tell(request)

    return answer


def standing(judgment, candidate_id):
    (found,) = [c for c in judgment.candidates if c.id == candidate_id]
    return found, next(p for p in found.principles if p.name == "comparison")


@pytest.mark.parametrize(
    "failure", ["I cannot say.", ModelError("model_error", "no luck")], ids=["text", "error"]
)
async def test_one_order_alone_counts_and_is_named_and_half_as_sure(arena, failure):
    bench = arena(reads_one_order_of(arena, (3, 9), failure=failure))
    judgment = await bench.judge({"a": 3, "b": 9}, RECIPE)
    assert {c.id: c.reward for c in judgment.candidates} == {"a": 0.0, "b": 1.0}
    assert [sorted(pair) for pair in judgment.flags["comparison"]["one_order_only"]] == [["a", "b"]]
    assert "order_consistency" not in judgment.flags["comparison"]
    assert judgment.preference.consistent is None
    for name in ("a", "b"):
        result, principle = standing(judgment, name)
        assert principle.agreement == 0.5
        assert result.confidence.value == 0.5
        assert result.needs_review


async def test_both_orders_read_are_sure_and_nothing_is_named(arena):
    judgment = await arena(arena.names_winner()).judge({"a": 3, "b": 9}, RECIPE)
    assert "one_order_only" not in judgment.flags["comparison"]
    assert {c.confidence.value for c in judgment.candidates} == {1.0}
    assert not any(c.needs_review for c in judgment.candidates)


async def test_many_samples_of_one_order_do_not_stand_in_for_the_other(arena):
    bench = arena(reads_one_order_of(arena, (3, 9)))
    judgment = await bench.judge({"a": 3, "b": 9}, RECIPE, budget={"samples": 4})
    assert len(judgment.flags["comparison"]["one_order_only"]) == 1
    assert standing(judgment, "b")[1].agreement == 0.5


async def test_only_the_pairs_that_lack_an_order_are_named_and_weigh_on_those_in_them(arena):
    bench = arena(reads_one_order_of(arena, (3, 9)))
    judgment = await bench.judge({"a": 3, "b": 9, "c": 5}, RECIPE)
    assert [sorted(pair) for pair in judgment.flags["comparison"]["one_order_only"]] == [["a", "b"]]
    assert {name: standing(judgment, name)[1].agreement for name in "abc"} == {"a": 0.75, "b": 0.75, "c": 1.0}


async def test_where_both_orders_must_agree_one_order_still_is_no_verdict(arena):
    tells = reads_one_order_of(arena, (3, 9), failure="hm")

    def scores(request):
        said = tells(request)
        if said == "hm":
            return said
        qualities = arena.shown_qualities(request)
        return "".join(f"<score_{slot}>{quality}</score_{slot}>" for slot, quality in qualities.items())

    judgment = await arena(scores).judge({"a": 3, "b": 9}, "j1")
    assert {c.reward for c in judgment.candidates} == {None}
