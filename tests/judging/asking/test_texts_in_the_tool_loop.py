"""Texts in the tool loop: named by handles, read on in pages, and kept from crowding out what is judged."""

from __future__ import annotations

import re

import pytest

from judge_agent.models import ScriptedModel
from tests.judging.asking.said import ANSWER, ASK, DONE, answers, call, says

pytestmark = pytest.mark.anyio


async def test_a_long_result_is_shown_by_its_head_and_read_on_by_its_handle(asked):
    long_call, read_on = call(word="long", times=3000), call("open_result", handle="r1", offset=2000)
    judgment, requests = await asked(says(long_call), says(read_on), DONE)
    head, page = answers(requests[2])
    assert len(head) < 2500
    more = re.search(r"\[(\d+) more characters: open_result handle r1 offset 2000\]", head)
    assert int(more.group(1)) > 12_000
    assert re.match(r"characters 2000 to 6000 of 15\d{3}:\n=====BEGIN TEXT ", page)
    assert judgment.candidates[0].flags["tool_loop"]["pages"] == 1


async def test_only_so_many_pages_are_opened(asked):
    pages = [call("open_result", handle="m0", offset=at) for at in range(10)]
    messages = [{"role": "assistant", "content": "I say a lot. " * 50}]
    judgment, requests = await asked(says(*pages), DONE, messages=messages)
    assert sum("characters" in answer and "BEGIN TEXT" in answer for answer in answers(requests[1])) == 8
    assert judgment.candidates[0].flags["tool_loop"]["pages"] == 8
    assert judgment.candidates[0].flags["bad_tool_calls"]["count"] == 2


@pytest.mark.parametrize(
    ("handle", "text"),
    [
        ("@a0", "print('<|im_start|>')"),
        ("@final", "The end."),
        ("@m1", "<b>said</b>"),
        ("@task", "What is it?"),
    ],
)
async def test_a_text_is_handed_to_a_tool_by_its_handle_as_it_was_written(asked, handle, text, echo):
    tool = echo()
    trajectory = {
        "messages": [
            {"role": "user", "content": "Go."},
            {"role": "assistant", "content": "<think>hidden</think><b>said</b>"},
        ],
        "artifacts": [{"name": "code", "content": "print('<|im_start|>')"}],
        "final_answer": "The end.",
    }
    candidates = [{"id": "a", "trajectory": trajectory}]
    judgment, _ = await asked(
        says(call(word=handle)), DONE, tools=[tool], candidates=candidates, task={"prompt": "What is it?"}
    )
    assert tool.calls == [{"word": text}]
    (asked_for,) = [item.arguments for item in judgment.evidence if item.tool == "echo"]
    assert asked_for == {"word": handle}


async def test_a_handle_and_the_pasted_text_are_the_same_call(asked, echo):
    tool = echo()
    both = says(call(word="@m0"), call(word="It leaves at nine."))
    judgment, _ = await asked(both, DONE, tools=[tool])
    assert len(tool.calls) == 1
    assert judgment.candidates[0].flags["repeated_tool_calls"] == 1


async def test_a_trajectory_past_the_window_is_shown_by_the_beginnings_of_its_texts(asked):
    messages = [
        {"role": "assistant", "content": f"Part {index} begins. " + "and goes on " * 2000}
        for index in range(4)
    ]
    judgment, requests = await asked(
        says(call("open_result", handle="m3", offset=1200)), DONE, messages=messages, window=12_000
    )
    assert len(requests) == 2
    assert all(f"Part {index} begins." in requests[0].text for index in range(4))
    assert "open_result handle m3 offset 1200" in requests[0].text
    assert "and goes on" in answers(requests[1])[0]
    assert "gather_stopped" not in judgment.candidates[0].flags


async def test_what_does_not_fit_even_by_its_beginnings_is_not_asked_about(asked):
    judgment, requests = await asked(DONE, task={"prompt": "long " * 20_000}, window=8000)
    assert requests == []
    assert judgment.candidates[0].flags["gather_stopped"]["failure_kind"] == "input_too_large"


@pytest.mark.parametrize("offset", [0.0, True, 1e300, 10**30, "0", None])
async def test_an_odd_offset_costs_no_verdict(asked, offset):
    judgment, requests = await asked(says(call("open_result", handle="m0", offset=offset)), DONE)
    assert len(answers(requests[1])) == 1
    assert judgment.candidates[0].status == "scored"


async def test_a_model_that_asks_for_much_does_not_crowd_out_what_is_judged(asked):
    many = says(*(call(word=f"word{index}", times=2000) for index in range(12)))
    judgment, _ = await asked(many, DONE, window=13_000, budget={"tool_calls": 100})
    (result,) = judgment.candidates
    assert (result.status, judgment.usage.tool_calls) == ("scored", 12)
    assert len(judgment.evidence) < 12
    assert len(judgment.evidence) + result.flags["gathered_left_out"] == 12
    assert result.flags["gathered_cut"] >= 1
    assert all(item.truncated for item in judgment.evidence)


async def test_half_of_the_tokens_is_kept_for_judging(asked):
    turns = [says(call(word=f"w{index}")) for index in range(3)]
    judgment, requests = await asked(*turns, budget={"model_tokens": 1400})
    (result,) = judgment.candidates
    assert len(requests) < 4
    assert result.flags["gather_stopped"]["failure_kind"] == "budget_exhausted"
    assert "kept for judging" in result.flags["gather_stopped"]["reason"]
    assert result.status == "scored"


async def test_arguments_that_are_a_whole_text_are_shown_to_the_critique_by_their_head(asked, bench):
    model = ScriptedModel(
        rules=[(ASK, lambda request: DONE if answers(request) else says(call(word="y" * 30_000)))],
        otherwise=ANSWER,
    )
    await asked(model=model)
    critique = [request.text for request in model.requests if ASK not in request.text]
    assert critique
    assert all("y" * 3000 in text and "y" * 5000 not in text.split(" -> ok")[0] for text in critique)
