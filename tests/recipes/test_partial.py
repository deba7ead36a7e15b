"""Recipe partial: how a prefix stands and whether to stop it; being unfinished is nothing against it."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.anyio
TASK = {"prompt": "Write the report to disk."}
BRIEF = {"name": "brief", "description": "The work is brief."}
CALL = {"id": "c1", "function": {"name": "write", "arguments": "{}"}}
FULL = "disk is full, nothing was written"
PREFIX = {
    "messages": [
        {"role": "user", "content": TASK["prompt"]},
        {"role": "assistant", "content": "I write it.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": FULL},
        {"role": "assistant", "content": "I try once more."},
    ]
}


def model(prospects):
    def answer(request):
        if "Say how it stands" in request.text:
            return prospects(request) if callable(prospects) else prospects
        return {
            alias: {"reason": "It is a fair attempt.", "label": "good"}
            for alias in request.schema["required"]
        }

    return answer


def said(stands="4", lost="nowhere", advice="go_on", quote=None, source="m2"):
    citations = [{"source": source, "quote": quote}] if quote else []
    reason = "As far as can be seen from here."
    return {
        "reason": reason,
        "citations": citations,
        "hope_lost_at": lost,
        "advice": advice,
        "stands": stands,
    }


async def judged(panel, prospects, prefix=PREFIX, **body):
    bench = panel(model(prospects))
    return bench, (await bench.judge("partial", {"a": prefix}, task=TASK, **body)).candidates[0]


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel()
    await bench.judge("partial", {"a": PREFIX}, task=TASK, principles=[BRIEF])
    reads.says_what_it_must(bench.prompts, prompt)


async def test_what_the_model_answers_is_read_as_the_table_says(panel, case):
    _, result = await judged(panel, case["text"] or "\n")
    (found,) = result.principles
    if "failure_kind" in case:
        assert (found.valid, found.score, found.failure_kind) == (False, None, case["failure_kind"])
        assert "stop_recommended" not in result.flags
        return
    assert (found.score, result.flags["stop_recommended"]) == (case["score"], case["stop"])


async def test_a_stop_names_the_step_at_which_hope_was_lost_and_why(panel):
    _, result = await judged(panel, said("1", "s1", "stop", FULL))
    assert result.flags["stop_recommended"] is True
    assert result.flags["stop"] == {
        "reason": "As far as can be seen from here.",
        "hope_lost_at": result.steps[0].step_id,
    }
    assert (result.reward, result.passed) == (0.0, False)


async def test_low_standing_must_rest_on_what_went_wrong_and_not_on_being_unfinished(panel):
    """The defining step: the quote of what went wrong. Without it an unfinished run could fail for that alone."""

    def answers(request):
        again = "could not be used" in request.text
        return said("3") if again else said("1", "s2", "stop", "the report is not there yet")

    bench, result = await judged(panel, answers)
    assert (result.reward, result.passed, result.flags["stop_recommended"]) == (0.5, True, False)
    assert any("not for being unfinished" in prompt for prompt in bench.prompts)


@pytest.mark.parametrize(
    "text", ["", " ", "Thought process:", "Let's solve this problem step by step.", "Solution", "\u89e3"]
)
async def test_a_prefix_that_says_nothing_yet_has_no_verdict(panel, text):
    """It is not failed for what may still come, and it is not passed for an opener."""
    bench, result = await judged(panel, said("5"), prefix={"text": text})
    assert (result.status, result.reward, result.failure_kind) == ("unscored", None, "no_evidence")
    assert result.flags["content_free"] is True
    assert bench.prompts == []


async def test_tools_that_look_for_a_final_answer_are_not_asked(panel):
    """Hidden tests would refute a program that is not written yet."""
    reference = {"tests": {"kind": "call", "entry_point": "f", "hidden": [{"args": [1], "expected": 1}]}}
    bench = panel(model(said("4")))
    task = {**TASK, "reference": reference}
    (result,) = (await bench.judge("partial", {"a": PREFIX}, task=task)).candidates
    assert [one.name for one in result.principles] == ["prospects"]
    assert result.reward == 0.75


@pytest.mark.parametrize(("stops", "recommended"), [(3, True), (2, True), (1, False), (0, False)])
async def test_of_several_samples_more_than_half_must_say_stop(panel, stops, recommended):
    votes = iter([True] * stops + [False] * (3 - stops))

    def answers(request):
        return said("1", "s2", "stop", FULL) if next(votes) else said("4")

    _, result = await judged(panel, answers, budget={"samples": 3})
    assert result.flags["stop_recommended"] is recommended
    assert (result.flags["stop"]["hope_lost_at"] is not None) is recommended


async def test_the_steps_of_a_prefix_are_labelled(panel):
    _, result = await judged(panel, said("4"))
    assert [step.label for step in result.steps] == ["good", "good"]


async def test_a_long_prefix_is_judged_by_its_beginning_and_its_end_and_says_what_was_left_out(panel):
    turns = [{"role": "assistant", "content": f"Turn {at}: {'one more attempt, ' * 40}"} for at in range(60)]
    bench = panel(model(said("1", "s60", "stop", FULL, "m60")), context_window=6000)
    prefix = {"messages": [*turns, {"role": "tool", "content": FULL, "tool_call_id": "c"}]}
    prefix["messages"][-2]["tool_calls"] = [{**CALL, "id": "c"}]
    (result,) = (await bench.judge("partial", {"a": prefix}, task=TASK)).candidates
    assert result.flags["stop_recommended"] is True
    assert any(line.startswith("for the prospects:") for line in result.coverage.unread)
    (shown,) = [prompt for prompt in bench.prompts if "Say how it stands" in prompt]
    assert "Turn 0:" in shown
    assert "Turn 59:" in shown
    assert "left out here" in shown
