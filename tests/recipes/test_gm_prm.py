"""Recipe gm-prm: of each step intent, agreement with the pictures, logic, label; the first wrong one is corrected."""

from __future__ import annotations

import base64
import struct

import pytest

pytestmark = pytest.mark.anyio
STEPS = ["Two and three are six.", "So the bar is six high."]
SOLUTION = {"messages": [{"role": "assistant", "content": text} for text in STEPS]}
BRIEF = {"name": "brief", "description": "The solution is brief."}


def analysed(label="good", fix="", vis="no_picture", logic=None):
    logic = logic or ("flawed" if label == "bad" and vis != "contradicts" else "sound")
    said = {"intent": "Add the numbers.", "visual_alignment": vis, "logic": logic}
    return {**said, "reason": "As the numbers say.", "label": label, "corrected_step": fix}


def picture(width):
    header = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, 1) + b"\x08\x02\0\0\0"
    address = f"data:image/png;base64,{base64.b64encode(header).decode()}"
    return {"type": "image_url", "image_url": {"url": address}}


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel()
    await bench.judge("gm-prm", {"a": SOLUTION}, principles=[BRIEF])
    reads.says_what_it_must(bench.prompts, prompt)


async def test_what_the_model_answers_is_read_as_the_table_says(panel, case):
    judgment = await panel(case["text"]).judge("gm-prm", {"a": SOLUTION})
    (result,) = judgment.candidates
    if "failure_kind" in case:
        assert [step.label for step in result.steps] == ["unjudged", "unjudged"]
        assert (result.reward, result.failure_kind) == (None, case["failure_kind"])
        return
    assert [step.label for step in result.steps] == case["labels"]
    assert result.reward == float("bad" not in case["labels"])


async def test_the_first_wrong_step_and_no_other_is_written_anew(panel):
    """The defining step: the analysis with the corrected step. Without it no step says how it should have been."""
    answer = {"s1": analysed("bad", "Two and three are five."), "s2": analysed("bad", "So it is five high.")}
    judgment = await panel(answer).judge("gm-prm", {"a": SOLUTION})
    first, second = judgment.candidates[0].steps
    assert (first.first_error, first.correction) == (True, "Two and three are five.")
    assert (second.first_error, second.correction) == (False, None)
    assert first.said == {"intent": "Add the numbers.", "visual_alignment": "no_picture", "logic": "flawed"}
    assert (
        judgment.candidates[0]
        .principles[0]
        .reason.startswith("2 of 2 steps are bad; the first bad one is s1")
    )


@pytest.mark.parametrize("labels", [["good", "good"], ["good", "bad"], ["bad", "good"], ["neutral", "good"]])
async def test_there_is_a_correction_exactly_when_a_step_is_wrong(panel, labels):
    answer = {f"s{at}": analysed(label, "5" if label == "bad" else "") for at, label in enumerate(labels, 1)}
    judgment = await panel(answer).judge("gm-prm", {"a": SOLUTION})
    (result,) = judgment.candidates
    assert [bool(step.correction) for step in result.steps] == [label == "bad" for label in labels]
    assert result.reward == float("bad" not in labels)


async def test_what_contradicts_itself_is_asked_for_again_with_the_reason(panel):
    def answers(request):
        again = "could not be used" in request.text
        return {"s1": analysed(), "s2": analysed("bad", "5") if again else analysed("good", logic="flawed")}

    bench = panel(answers)
    judgment = await bench.judge("gm-prm", {"a": SOLUTION})
    assert [step.label for step in judgment.candidates[0].steps] == ["good", "bad"]
    assert "these contradict each other" in bench.prompts[1]


async def test_the_pictures_of_the_task_are_shown_with_the_steps(panel):
    asked = [{"role": "user", "content": [{"type": "text", "text": "How high is the bar?"}, picture(3)]}]

    def answers(request):
        seen = sum(len(message.images) for message in request.messages)
        wrong = analysed("bad", "It is five high.", "contradicts") if seen else analysed()
        return {"s1": analysed(), "s2": wrong}

    bench = panel(answers, images=True)
    judgment = await bench.judge("gm-prm", {"a": SOLUTION}, task={"messages": asked})
    second = judgment.candidates[0].steps[1]
    assert (second.label, second.said["visual_alignment"]) == ("bad", "contradicts")


async def test_steps_are_judged_whoever_wants_to_see_them(panel):
    answer = {"s1": analysed(), "s2": analysed()}
    judgment = await panel(answer).judge("gm-prm", {"a": SOLUTION}, granularity=["outcome"])
    assert judgment.candidates[0].reward == 1.0


async def test_a_wrong_step_decides_where_another_could_not_be_judged(panel):
    """A step that is wrong makes the solution wrong, whatever the unread ones are; all others wait for them."""

    def answers(label):
        steps = {"s1": analysed(label, "5" if label == "bad" else "")}
        return lambda request: (
            {f"s{at}": steps["s1"] for at in range(1, 5)} if "s1, s2" in request.text else "?"
        )

    solution = {"messages": [{"role": "assistant", "content": f"Step number {at}."} for at in range(6)]}
    wrong = await panel(answers("bad")).judge("gm-prm", {"a": solution})
    assert wrong.candidates[0].reward == 0.0
    open_ = await panel(answers("good")).judge("gm-prm", {"a": solution})
    assert (open_.candidates[0].reward, open_.candidates[0].failure_kind) == (None, "model_unparseable")
