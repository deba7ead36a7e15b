"""What a turn does when the window is small, and how it asks again."""

from __future__ import annotations

import pytest

from judge_agent.seams.model import Choice

pytestmark = pytest.mark.anyio
PAIR = {"a": "The moon pulls the water.", "b": "The sun pulls the water."}
SCORES = "<score_A>8</score_A><score_B>3</score_B>"


@pytest.mark.parametrize(("window", "room"), [(32_768, 4096), (3000, None), (1000, None)])
async def test_an_answer_gets_what_the_window_leaves_down_to_a_quarter(panel, reads, window, room):
    bench = panel(SCORES, context_window=window)
    judgment = await bench.judge("j1", PAIR)
    asked = {request.max_tokens for request in bench.model.requests}
    if window == 1000:
        assert asked == set()
        assert {c.failure_kind for c in judgment.candidates} == {"input_too_large"}
    else:
        (found,) = asked
        assert room is None or found == room
        assert 1024 <= found <= 4096
        assert all(candidate.reward is not None for candidate in judgment.candidates)


async def test_thinking_shares_what_the_window_leaves(panel):
    bench = panel("Hm.", context_window=3500)
    await bench.judge("reward-anything", PAIR)
    thinking, answering = bench.model.requests[:2]
    assert thinking.schema is None
    assert answering.schema is not None
    assert 1024 <= thinking.max_tokens < 4096
    assert answering.max_tokens < 2048


async def test_an_answer_that_was_cut_off_is_no_verdict(panel):
    judgment = await panel(Choice(SCORES, "length")).judge("j1", PAIR, budget={"samples": 1})
    assert {c.failure_kind for c in judgment.candidates} == {"model_unparseable"}
    assert {c.reward for c in judgment.candidates} == {None}


async def test_asking_again_says_why_and_leaves_one_turn_of_the_user(panel):
    bench = panel("I cannot say.")
    await bench.judge("j1", PAIR, budget={"samples": 1})
    again = [request for request in bench.model.requests if "could not be used" in request.text]
    assert len(again) == 2
    for request in again:
        assert [message.role for message in request.messages] == ["system", "user"]
        assert "score_A" in request.text.rpartition("could not be used")[2]


async def test_where_no_sample_of_a_call_can_be_read_each_is_asked_again(panel, reads):
    def learns(request):
        return SCORES if "could not be used" in request.text else "A is better."

    bench = panel(learns)
    judgment = await bench.judge("j1", PAIR)
    assert [request.n for request in bench.model.requests] == [4, 4, *[1] * 8]
    assert reads.written(judgment) == {(8.0, 3.0)}
    assert (judgment.usage.model_calls, judgment.usage.useless_calls) == (10, 2)


async def test_where_some_samples_can_be_read_the_others_are_dropped(panel):
    bench = panel((SCORES, "A is better.", SCORES, SCORES))
    judgment = await bench.judge("j1", PAIR)
    assert [request.n for request in bench.model.requests] == [4, 4]
    assert judgment.flags["comparison"]["unreadable"] == 2
