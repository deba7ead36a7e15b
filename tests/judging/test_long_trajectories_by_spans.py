"""Trajectories longer than the window: indexed into spans that the judge lists, greps and opens."""

from __future__ import annotations

import time

import pytest

from judge_agent.models import ScriptedModel
from judge_agent.prompting.material import material
from judge_agent.prompting.spans import relevant, spans_of
from judge_agent.schema import Task, Trajectory
from tools import GrepSpans, ListSpans, OpenSpan

pytestmark = pytest.mark.anyio
TOOLS = (ListSpans(), GrepSpans(), OpenSpan())
WINDOW = 8192
WORDS = "plain words about nothing much that go on and on for as long as they can "
SOFT = [{"name": "refunded", "description": "The customer's order was refunded."}]


def long_one(turns=40, chars=900, last="All is done as it was asked."):
    """Some calls with long results; one of them fails, and one is nowhere but in the middle."""
    messages = [{"role": "user", "content": "Please refund order 17 to the customer."}]
    for index in range(turns):
        call = {"id": f"c{index}", "function": {"name": "look_up", "arguments": f'{{"page": {index}}}'}}
        result = f"page {index}: " + (WORDS * (chars // len(WORDS) + 1))[:chars]
        if index == 11:
            result = "ERROR: the payment gateway was offline, nothing was paid back"
        messages += [
            {"role": "assistant", "content": f"I look at page {index}.", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": f"c{index}", "content": result},
        ]
    return [*messages, {"role": "assistant", "content": last}]


def body(**more):
    return {
        "recipe": "default",
        "granularity": ["outcome"],
        "messages": long_one(),
        "principles": SOFT,
    } | more


def said(choice, *citations):
    cited = [{"source": source, "quote": quote} for source, quote in citations]
    return {"reason": "That is what the work comes to.", "citations": cited, "choice": choice}


def asks(*calls):
    """Asks for these calls one after the other, then is done."""
    wanted = iter([*calls, ("done", None)])

    def answer(request):
        tool, arguments = next(wanted, ("done", None))
        call = {"tool": tool} if arguments is None else {"tool": tool, "arguments": arguments}
        return {"thought": "Let me see.", "call": call}

    return answer


def model(*calls, verdict=None, window=WINDOW):
    rules = [("Ask for one tool call", asks(*calls))]
    return ScriptedModel(rules=rules, otherwise=verdict or said("4"), context_window=window)


async def tokens_of(model, request):
    return await model.count_tokens(request.messages) + request.max_tokens


async def test_what_is_longer_than_the_window_is_judged_and_no_prompt_exceeds_it(bench):
    judge = bench(model(), tools=TOOLS)
    result = await judge.one(**body())
    assert (result.status, result.score) == ("scored", 0.75)
    assert max([await tokens_of(judge.model, one) for one in judge.model.requests]) <= WINDOW
    coverage = result.coverage
    assert coverage.spans == len(coverage.spans_read) + sum("(not opened" in line for line in _lines(judge))
    assert 0.1 < coverage.share < 0.9
    assert "m24" in coverage.spans_read, "the failed call is relevant"
    assert "m81" in coverage.spans_read, "the last turn is relevant"


def _lines(judge):
    """The lines of the critique that gives the verdict."""
    asked = [one for one in judge.prompts if "Judge by this principle only" in one]
    (prompt,) = [one for one in asked if "is left out on purpose" not in one]
    return prompt.split("\n")


async def test_by_a_recipe_that_indexes_nothing_it_is_too_large(bench):
    result = await bench(model(), tools=TOOLS).one(**body(recipe="one-pass"))
    assert (result.status, result.failure_kind) == ("unscored", "input_too_large")


@pytest.mark.parametrize("span", ["m40", "[m40]"])
async def test_a_span_that_the_judge_opens_stands_open_in_the_critique(bench, span):
    text = "page 19: " + WORDS
    closed, opened = bench(model(), tools=TOOLS), bench(model(("open_span", {"span": span})), tools=TOOLS)
    without, having = await closed.one(**body()), await opened.one(**body())
    assert "m40" not in without.coverage.spans_read
    assert "m40" in having.coverage.spans_read
    assert text not in closed.prompts[-1]
    assert text in opened.prompts[-1]


async def test_the_list_and_the_hits_are_shown_to_who_asked_and_are_no_evidence_for_the_verdict(bench):
    calls = [("list_spans", {}), ("grep_spans", {"pattern": "gateway (was|is) OFFLINE"})]
    judge = bench(model(*calls), tools=TOOLS)
    judgment = await judge.judge(**body())
    asked = [prompt for prompt in judge.prompts if "Ask for one tool call" in prompt]
    assert len(asked) == 3
    assert "the payment gateway was offline" in asked[2]
    assert "grep_spans(" not in judge.prompts[-1]
    by_tool = {item.tool: item for item in judgment.evidence}
    assert by_tool["grep_spans"].output["hits"][0]["span"] == "m24"
    assert (by_tool["grep_spans"].source, by_tool["list_spans"].source) == ("observation", "claim")


@pytest.mark.parametrize(
    ("span", "quote", "passes"),
    [("m24", "the payment gateway was offline", True), ("m81", "All is done as it was asked.", False)],
    ids=["an observation", "a claim"],
)
async def test_opening_a_claim_makes_it_no_observation(bench, span, quote, passes):
    verdict = said("pass", (span, quote))
    judge = bench(model(("open_span", {"span": span}), verdict=verdict), tools=TOOLS)
    judgment = await judge.judge(**body(principles=[{**SOFT[0], "kind": "hard"}]))
    (opened,) = [item for item in judgment.evidence if item.tool == "open_span"]
    assert opened.source == ("observation" if passes else "claim")
    (found,) = judgment.candidates[0].principles
    assert (found.valid, found.failure_kind) == ((True, None) if passes else (False, "evidence_unsupported"))


@pytest.mark.parametrize(
    ("call", "said_of_it"),
    [
        (("open_span", {"span": "m999"}), "is none of the"),
        (("grep_spans", {"pattern": "(unclosed"}), "is none of RE2"),
        (("grep_spans", {"pattern": r"(a)\1"}), "is none of RE2"),
        (("list_spans", {"start": 100000}), "is past the"),
    ],
)
async def test_what_cannot_be_looked_at_is_told_to_the_judge(bench, call, said_of_it):
    judge = bench(model(call), tools=TOOLS)
    result = await judge.one(**body())
    assert said_of_it in judge.prompts[1]
    assert (result.status, result.flags["bad_tool_calls"]["count"]) == ("scored", 1)


async def test_a_pattern_that_explodes_elsewhere_takes_linear_time(bench):
    messages = long_one(turns=2, chars=200)
    messages.append({"role": "user", "content": "a" * 40_000})
    started = time.monotonic()
    judge = bench(model(("grep_spans", {"pattern": "(a+)+$|(a|aa)+b"})), tools=TOOLS)
    result = await judge.one(**body(messages=messages))
    assert result.status == "scored"
    assert time.monotonic() - started < 5


async def test_what_fits_is_shown_whole_and_no_span_is_offered(bench):
    judge = bench(model(), tools=TOOLS)
    result = await judge.one(**body(messages=long_one(turns=3)))
    assert not any("open_span" in prompt for prompt in judge.prompts)
    assert (result.coverage.share, result.coverage.spans, result.coverage.spans_read) == (1.0, 0, ())


async def test_steps_of_an_indexed_trajectory_are_shown_whole(bench):
    judge = bench(model(verdict=lambda request: _labels(request)), tools=TOOLS)
    result = await judge.one(
        **body(messages=long_one(turns=12, chars=3000), granularity=["outcome", "steps"])
    )
    asked = [prompt for prompt in judge.prompts if "judge single steps" in prompt]
    assert asked
    assert all("I look at page 5." in one for one in asked if "trajectory: s5, s6, s7, s8." in one)
    assert result.coverage.steps_judged == 13


def _labels(request):
    if "judge single steps" not in request.text:
        return said("4")
    return {name: {"reason": "It helps.", "label": "good"} for name in request.schema["properties"]}


def spans(messages):
    return spans_of(material(Task(prompt="Refund."), Trajectory.model_validate({"messages": messages}), ()))


def test_ids_follow_from_the_trajectory_and_pages_lose_nothing():
    messages = long_one(turns=3, chars=4000)
    first, longer = spans(messages), spans([*messages, {"role": "user", "content": "Thanks."}])
    assert [one.id for one in longer[: len(first)]] == [one.id for one in first]
    assert [one.id for one in first if one.part.alias == "m2"] == ["m2.1", "m2.2", "m2.3"]
    assert "".join(one.text for one in first if one.part.alias == "m2") == messages[2]["content"]


def test_relevant_are_the_end_errors_changes_and_rare_words_of_principles():
    messages = long_one(turns=20)
    call = {"id": "w", "function": {"name": "issue_refund", "arguments": "{}"}}
    messages[31]["tool_calls"] = [call]
    messages[32] = {"role": "tool", "tool_call_id": "w", "content": "accepted"}
    messages[6]["content"] = "page 2 speaks of a zebra"
    found = relevant(spans(messages), ["stripes: It speaks of the zebra."])
    assert found[0] == "m41"
    assert set(found) == {"m41", "m24", "m31", "m32", "m6"}
