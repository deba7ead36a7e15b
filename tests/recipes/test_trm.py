"""Recipe trm: sentence by sentence, faithful to the documents, then why, then correct; the two may disagree."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import pytest

from judge_agent.seams.tool import AskedTool, ToolResult

pytestmark = pytest.mark.anyio
ANSWER = "The tower is 310 m tall. It weighs nothing."
PAGE = "The tower is 310 metres tall."
LIBRARY = {"corpora": [{"name": "lib", "documents": [{"id": "tower", "text": PAGE}]}]}
BRIEF = {"name": "brief", "description": "The answer is brief."}
KEYS = ["faithful", "source", "quote", "reason", "correct"]


class ReadPage(AskedTool):
    name, version, description = "read_page", "1", "Reads a page."
    parameters: ClassVar[dict[str, Any]] = {"type": "object", "properties": {}, "additionalProperties": False}

    async def run(self, arguments, view, *, timeout_seconds):
        return ToolResult("ok", "nothing")


def said(faithful, correct, quote=""):
    source = "p1" if quote else "none"
    return dict(zip(KEYS, [faithful, source, quote, "By the page and what is known.", correct], strict=True))


def due(request):
    """How many sentences a question is about."""
    return int(re.search(r"cut into (\d+) sentences", request.text).group(1))


async def judged(bench, text=ANSWER, **body):
    return await bench.judge("trm", {"a": text}, resources=LIBRARY, **body)


def shares(judgment):
    return {one.name: one.score for one in judgment.candidates[0].principles}


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel(judge_tools=[ReadPage()])
    await judged(bench, principles=[BRIEF])
    reads.says_what_it_must(bench.prompts, prompt)


async def test_what_the_model_answers_is_read_as_the_table_says(panel, case):
    judgment = await judged(panel(case["text"]))
    found = judgment.candidates[0].principles
    if "failure_kind" in case:
        assert {(one.valid, one.score, one.failure_kind) for one in found} == {
            (False, None, case["failure_kind"])
        }
        assert judgment.candidates[0].reward is None
        return
    assert shares(judgment) == {"faithfulness": case["faithful"], "correctness": case["correct"]}
    assert judgment.candidates[0].reward == case["correct"]


async def test_a_sentence_faithful_to_a_wrong_document_is_faithful_and_not_correct(panel):
    """The defining step: faithfulness, reason and correctness apart. With one label for both these could not differ."""

    def answers(request):
        wrong = said("faithful", "incorrect", "The tower is 310 metres tall")
        right = said("unfaithful", "correct")
        return {"sentences": [wrong, right, right][: due(request)]}

    judgment = await judged(panel(answers), f"{ANSWER} It stands on four feet.")
    (result,) = judgment.candidates
    assert result.vector == pytest.approx({"faithfulness": 1 / 3, "correctness": 2 / 3})
    first, second, _ = result.principles[0].samples[0].details
    assert (first["sentence"], first["faithful"], first["correct"]) == ("The tower is 310 m tall.", 1, 0)
    assert (second["sentence"], second["faithful"], second["correct"]) == ("It weighs nothing.", 0, 1)
    assert first["reason"]


async def test_the_order_of_the_triple_is_faithfulness_then_reason_then_correctness(panel):
    bench = panel({"sentences": [said("unfaithful", "correct")] * 2})
    await judged(bench)
    (request,) = bench.model.requests
    assert request.schema["properties"]["sentences"]["items"]["required"] == KEYS
    assert request.schema["properties"]["sentences"]["minItems"] == 2


async def test_what_a_tool_returned_to_the_agent_is_a_document_too(panel):
    call = {"id": "c1", "function": {"name": "visit", "arguments": '{"url": "https://tower.example/a"}'}}
    messages = [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": PAGE},
        {"role": "assistant", "content": "The tower is 310 m tall."},
    ]
    bench = panel({"sentences": [said("faithful", "correct", "The tower is 310 metres tall")]})
    judgment = await bench.judge("trm", {"a": {"messages": messages}})
    assert shares(judgment) == {"faithfulness": 1.0, "correctness": 1.0}
    (span,) = judgment.evidence
    assert (span.quote, span.source) == ("The tower is 310 metres tall", "observation")


async def test_the_agents_own_words_are_no_document(panel):
    bench = panel(
        {"sentences": [said("faithful", "correct", "The tower is 310 m tall."), said("no_claim", "no_claim")]}
    )
    judgment = await bench.judge("trm", {"a": ANSWER})
    assert "(there are no documents)" in bench.prompts[0]
    assert {one.failure_kind for one in judgment.candidates[0].principles} == {"evidence_unsupported"}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("It is 3.5 m, e.g. of Dr. Who. Is it? Yes!", 3),
        ("First line\nsecond line\n\n- third, a list item", 3),
        ("\u5854\u9ad83\u7c73\u3002\u5b83\u5f88\u91cd\u3002", 2),
        ("See https://a.example/b.html for it. It is so.", 2),
        ("One sentence without an end", 1),
    ],
)
async def test_sentences_are_told_apart_by_the_judge(panel, text, count):
    bench = panel()
    await bench.judge("trm", {"a": text})
    assert f"cut into {count} sentences" in bench.prompts[0]


async def test_a_long_answer_is_asked_about_in_runs_of_eight(panel):
    text = " ".join(f"Fact number {at} is told here." for at in range(11))
    bench = panel(lambda request: {"sentences": [said("unfaithful", "correct")] * due(request)})
    judgment = await bench.judge("trm", {"a": text})
    assert shares(judgment) == {"faithfulness": 0.0, "correctness": 1.0}
    assert [re.search(r"cut into (\d+)", prompt).group(1) for prompt in bench.prompts] == ["8", "3"]
