"""Recipe search-gen-v: many nuggets against one passage in one question, each support with a snippet of the passage."""

from __future__ import annotations

import json
import struct
from base64 import b64encode

import pytest

pytestmark = pytest.mark.anyio
PASSAGE = "The moon pulls the water, and so does the sun."
NUGGETS = [
    {"name": "causes", "description": "The moon and the sun pull the water.", "weight": 3},
    {"name": "height", "description": "Tides are higher at new moon.", "weight": 1},
]
SCORES = {"support": 1.0, "partial_support": 0.5, "not_support": 0.0}


def block(decision, snippet=""):
    return {"snippet": snippet, "rationale": "So it stands there.", "decision": decision}


def answer(*blocks):
    return {"reasoning": list(blocks), "labels": [one["decision"] for one in blocks]}


BLOCKS = json.dumps([block("support", "The moon pulls the water"), block("not_support")])


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel()
    await bench.judge("search-gen-v", {"a": PASSAGE}, principles=NUGGETS)
    await bench.judge("search-gen-v", {"a": PASSAGE})
    shown = [text for text in bench.prompts if "[n2]" in text or "You prepare" in text]
    reads.says_what_it_must(shown, prompt)


async def test_what_the_model_answers_is_read_as_the_table_says(panel, case):
    bench = panel(case["text"].replace("BLOCKS", BLOCKS))
    judgment = await bench.judge("search-gen-v", {"a": PASSAGE}, principles=NUGGETS)
    found = judgment.candidates[0].principles
    if "failure_kind" in case:
        assert {(one.valid, one.score, one.failure_kind) for one in found} == {
            (False, None, case["failure_kind"])
        }
        assert judgment.candidates[0].reward is None
        return
    assert [one.choice for one in found] == case["choices"]
    assert [one.score for one in found] == [SCORES[choice] for choice in case["choices"]]


async def test_the_labels_weighed_are_the_reward_and_snippets_are_cited(panel):
    bench = panel(
        answer(block("support", "and so does the sun"), block("partial_support", "The moon pulls the water"))
    )
    judgment = await bench.judge("search-gen-v", {"a": PASSAGE}, principles=NUGGETS)
    (result,) = judgment.candidates
    assert result.reward == pytest.approx((3 * 1.0 + 1 * 0.5) / 4)
    assert len(bench.prompts) == 1
    assert "weight" not in bench.prompts[0]
    spans = {item.id: item.quote for item in judgment.evidence}
    assert [spans[one.citations[0].evidence_id] for one in result.principles] == [
        "and so does the sun",
        "The moon pulls the water",
    ]


async def test_a_snippet_that_is_no_part_of_the_passage_is_asked_for_again(panel):
    """The defining step: support is shown by the passage's own words. Without the check the first answer counts."""

    def answers(request):
        again = "could not be used" in request.text
        first = block("not_support") if again else block("support", "The moon is made of water")
        return answer(first, block("not_support"))

    bench = panel(answers)
    judgment = await bench.judge("search-gen-v", {"a": PASSAGE}, principles=NUGGETS)
    assert judgment.candidates[0].reward == 0.0
    assert "the snippet of nugget n1 is no part of the passage" in bench.prompts[1]


async def test_another_number_of_labels_is_asked_for_again(panel):
    def answers(request):
        blocks = [block("support", "The moon pulls the water"), block("not_support")]
        return (
            answer(*blocks)
            if "could not be used" in request.text
            else {**answer(*blocks), "labels": ["support"]}
        )

    bench = panel(answers)
    judgment = await bench.judge("search-gen-v", {"a": PASSAGE}, principles=NUGGETS)
    assert judgment.candidates[0].reward == 0.75
    assert "exactly 2 are due" in bench.prompts[1]


async def test_the_passage_is_the_answer_and_not_what_the_agent_saw(panel):
    """A snippet of a tool's result, or of an earlier turn, shows nothing of the answer."""
    messages = [
        {"role": "assistant", "content": "I search for spring tides first."},
        {"role": "assistant", "content": PASSAGE},
    ]
    bench = panel(answer(block("support", "I search for spring tides"), block("not_support")))
    judgment = await bench.judge("search-gen-v", {"a": {"messages": messages}}, principles=NUGGETS)
    assert "spring tides" not in bench.prompts[0]
    assert {one.failure_kind for one in judgment.candidates[0].principles} == {"evidence_unsupported"}


async def test_many_nuggets_are_asked_about_in_runs_of_ten(panel):
    facts = [
        "stars",
        "rocks",
        "winds",
        "waves",
        "birds",
        "ships",
        "sands",
        "coasts",
        "ports",
        "storms",
        "reefs",
        "gulls",
    ]
    nuggets = [{"name": fact, "description": f"The passage speaks of {fact} by name."} for fact in facts]
    bench = panel()
    judgment = await bench.judge("search-gen-v", {"a": PASSAGE}, principles=nuggets)
    assert [prompt.count("\n[n") for prompt in bench.prompts] == [10, 2]
    assert len(judgment.candidates[0].principles) == 12


async def test_pictures_of_the_task_are_shown_and_those_of_the_candidate_are_not(panel):
    """The passage is words; what is asked of it must not hang on what stands beside it."""

    def picture(width):
        header = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, 1) + b"\x08\x02\0\0\0"
        return {
            "type": "image_url",
            "image_url": {"url": f"data:image/png;base64,{b64encode(header).decode()}"},
        }

    asked = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, picture(1)]}]
    said = [{"role": "assistant", "content": [{"type": "text", "text": PASSAGE}, picture(2)]}]
    bench = panel(answer(block("not_support"), block("not_support")), images=True)
    await bench.judge("search-gen-v", {"a": {"messages": said}}, task={"messages": asked}, principles=NUGGETS)
    (request,) = bench.model.requests
    assert [len(message.images) for message in request.messages] == [0, 1]
