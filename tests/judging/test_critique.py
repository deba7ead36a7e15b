"""Critique: what a verdict of the model must hold to count, and what becomes of one that does not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_agent.errors import ModelError
from judge_agent.models import ScriptedModel
from judge_agent.prompting.citations import check
from judge_agent.prompting.material import material
from judge_agent.schema import Task, Trajectory
from judge_agent.seams.model import Choice, TokenUsage

pytestmark = pytest.mark.anyio
UNREADABLE = tomllib.loads((Path(__file__).parent / "data" / "unreadable.toml").read_text("utf-8"))["answers"]
TASK = {"prompt": "Please refund order 17 to the customer."}
MESSAGES = [
    {"role": "user", "content": "Please refund order 17 to the customer."},
    {
        "role": "assistant",
        "content": "I refund it now.",
        "tool_calls": [{"id": "1", "function": {"name": "refund", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "1", "content": "refund of order 17:\n   status   completed"},
    {"role": "assistant", "content": "Order 17 has been refunded, I promise."},
    {"role": "user", "content": "Thank you, the money has arrived."},
]
HARD = [{"name": "refunded", "description": "The order was refunded.", "kind": "hard"}]
SOFT = [{"name": "polite", "description": "The agent was polite."}]
OUTCOME = {"granularity": ["outcome"], "task": TASK, "messages": MESSAGES}


def verdict(choice, *citations):
    cited = [{"source": source, "quote": quote} for source, quote in citations]
    return {"reason": "It is plain to see.", "citations": cited, "choice": choice}


@pytest.mark.parametrize(
    "citation",
    [
        ("m2", "refund of order 17"),
        ("[m2]", "refund of order 17: status completed"),
        ("m2", "of order 17:\n status\tcompleted"),
        ("m4", "the money has arrived"),
    ],
    ids=["a tool result", "folded white space", "other white space", "what the user answered"],
)
async def test_a_hard_pass_that_quotes_what_was_observed_counts(bench, citation):
    judge = bench(ScriptedModel([verdict("pass", citation)]))
    judgment = await judge.judge(principles=HARD, **OUTCOME)
    (found,) = judgment.candidates[0].principles
    assert (found.valid, found.score, found.decided_by) == (True, 1.0, "model")
    (cited,) = found.citations
    (span,) = [item for item in judgment.evidence if item.id == cited.evidence_id]
    assert (span.source, span.kind) == ("observation", "span")
    shown = material(Task.model_validate(TASK), Trajectory.model_validate({"messages": MESSAGES}), ())
    text = shown.sources[citation[0].strip("[]")].shown
    assert text[span.offsets[0] : span.offsets[1]] == span.quote == cited.quote


@pytest.mark.parametrize(
    "citations",
    [
        [],
        [("m3", "Order 17 has been refunded")],
        [("task", "Please refund order 17")],
        [("m0", "Please refund order 17")],
        [("m9", "refund of order 17")],
        [("e1", "refund of order 17")],
        [("m2", "refund of order 18 is done")],
        [("m2", "completed")],
        [("m2", " \n ")],
        [("m3", "I refund it now."), ("m2", "the order was refunded")],
    ],
    ids=[
        "none",
        "claim",
        "task",
        "task as a turn",
        "no such turn",
        "no such evidence",
        "misquoted",
        "short",
        "blank",
        "claim and misquoted",
    ],
)
async def test_a_hard_pass_without_support_is_asked_again_once_and_then_no_verdict(bench, citations):
    judge = bench(ScriptedModel(otherwise=verdict("pass", *citations)))
    judgment = await judge.judge(principles=HARD, **OUTCOME)
    (result,) = judgment.candidates
    (found,) = result.principles
    assert (result.status, result.reward, result.score) == ("unscored", None, None)
    assert (found.valid, found.score, found.failure_kind) == (False, None, "evidence_unsupported")
    assert [sample.score for sample in found.samples] == [None]
    assert len(judge.prompts) == 2
    assert "could not be used: a pass of a hard principle must quote" in judge.prompts[1]
    assert judgment.usage.useless_calls == 2


async def test_support_that_comes_with_the_second_answer_counts_and_struck_citations_stay_in_the_record(
    bench,
):
    answers = [
        verdict("pass", ("m3", "Order 17 has been refunded")),
        verdict("pass", ("m2", "refund of order 17"), ("m2", "never said so at all")),
    ]
    result = await bench(ScriptedModel(answers)).one(principles=HARD, **OUTCOME)
    (found,) = result.principles
    assert found.score == 1.0
    assert len(found.citations) == 1
    assert [citation.resolved for citation in found.samples[0].citations] == [True, False]
    assert result.flags["struck_citations"] == 1


@pytest.mark.parametrize(("principles", "choice"), [(HARD, "fail"), (SOFT, "5"), (SOFT, "1")])
async def test_a_hard_fail_and_a_soft_verdict_need_no_citation(bench, principles, choice):
    judge = bench(ScriptedModel([verdict(choice)]))
    found = await judge.principle(principles=principles, **OUTCOME)
    assert (found.choice, found.valid, len(judge.prompts)) == (choice, True, 1)


@pytest.mark.parametrize(("principles", "choice"), [(HARD, "fail"), (SOFT, "5"), (SOFT, "1")])
async def test_where_every_verdict_must_cite_a_struck_citation_is_none(bench, variant, principles, choice):
    prompts = variant("one-pass", **{'otherwise = "optional"': 'otherwise = "required"'})
    wanted = {"principles": principles, "recipe": "variant", **OUTCOME}
    for citations in ([], [("m2", "never said so at all")]):
        judge = bench(ScriptedModel(otherwise=verdict(choice, *citations)), prompts=prompts)
        found = await judge.principle(**wanted)
        assert (found.score, found.failure_kind) == (None, "evidence_unsupported")
        assert len(judge.prompts) == 2
    # The agent's own words are no ground of a hard pass alone.
    cited = bench(ScriptedModel([verdict(choice, ("m3", "Order 17 has been refunded"))]), prompts=prompts)
    assert (await cited.principle(**wanted)).choice == choice


async def test_a_short_source_may_be_quoted_whole(bench):
    messages = [*MESSAGES[:2], {"role": "tool", "tool_call_id": "1", "content": "OK 17"}]
    judge = bench(ScriptedModel([verdict("pass", ("m2", "OK  17"))]))
    body = {**OUTCOME, "messages": messages}
    assert (await judge.principle(principles=HARD, **body)).score == 1.0


@pytest.mark.parametrize("answer", UNREADABLE, ids=lambda answer: answer["name"])
async def test_an_unreadable_answer_is_asked_again_once_and_then_no_verdict(bench, answer):
    judge = bench(ScriptedModel(otherwise=answer["text"] * answer.get("times", 1)))
    judgment = await judge.judge(principles=SOFT, **OUTCOME)
    (result,) = judgment.candidates
    assert (result.status, result.reward, result.failure_kind) == ("unscored", None, "model_unparseable")
    assert result.vector == dict.fromkeys(result.vector)
    assert judgment.usage.useless_calls == judgment.usage.model_calls == len(judge.prompts) == 2
    assert judgment.usage.prompt_tokens > 0
    assert judgment.usage.completion_tokens > 0


@pytest.mark.parametrize(
    "answer", [Choice(None), Choice('{"reason": "x", "citations": [], "choice": "5"}', "length"), Choice("")]
)
async def test_an_answer_without_content_or_cut_off_is_unparseable(bench, answer):
    judge = bench(ScriptedModel(otherwise=answer))
    result = await judge.one(principles=SOFT, **OUTCOME)
    assert (result.status, result.failure_kind, len(judge.prompts)) == ("unscored", "model_unparseable", 2)


@pytest.mark.parametrize(
    "text",
    [
        'Here is my verdict:\n```json\n{"reason": "fine", "citations": [], "choice": "4"}\n```\nThat is all.',
        '{"reason": "fine", "citations": [], "choice": "4"} {"reason": "fine", "citations": [], "choice": "4"}',
        '{"reason": "fine \\ud83d", "citations": "none", "choice": 4}',
        '{"reason": "fine", "citations": [3, null, {"source": ["m1"], "quote": {"a": 1}}], "choice": "4"}',
    ],
    ids=["prose around one object", "the same object twice", "half a surrogate pair", "odd citations"],
)
async def test_an_answer_that_can_be_read_in_one_way_only_is_read(bench, text):
    judgment = await bench(ScriptedModel([text])).judge(principles=SOFT, **OUTCOME)
    assert judgment.candidates[0].score == 0.75
    assert judgment.model_dump_json()


@pytest.mark.parametrize(
    "kind", ["model_unreachable", "model_timeout", "model_error", "model_unparseable", "input_too_large"]
)
async def test_a_failed_call_is_unscored_with_its_own_kind_and_its_tokens_count(bench, kind):
    error = ModelError(kind, "no luck", usage=TokenUsage(prompt=11, completion=3))
    judgment = await bench(ScriptedModel(otherwise=error)).judge(principles=SOFT, **OUTCOME)
    (result,) = judgment.candidates
    assert (result.status, result.reward, result.failure_kind) == ("unscored", None, kind)
    calls = 2 if kind == "model_unparseable" else 1
    usage = judgment.usage
    assert (usage.model_calls, usage.useless_calls) == (calls, calls)
    assert (usage.prompt_tokens, usage.completion_tokens) == (11 * calls, 3 * calls)


@pytest.mark.parametrize(
    "error", [RuntimeError("out of memory"), ValueError("bad"), TimeoutError(), KeyError("x")]
)
async def test_what_a_model_raises_is_the_model_failing(bench, error):
    def fail(request):
        raise error

    result = await bench(ScriptedModel(otherwise=fail)).one(principles=SOFT, **OUTCOME)
    assert result.status == "unscored"
    assert result.failure_kind in ("model_error", "model_timeout")


async def test_a_candidate_that_was_judged_in_part_has_bounds_and_no_reward(bench):
    model = ScriptedModel(rules=[("agent was polite", verdict("5"))], otherwise="nonsense")
    result = await bench(model).one(
        principles=[*SOFT, {"name": "brief", "description": "It is brief."}], **OUTCOME
    )
    assert (result.status, result.reward, result.reward_bounds) == ("partial", None, (0.5, 1.0))
    assert result.failure_kind == "model_unparseable"
    assert result.needs_review


STEPS = {"task": TASK, "principles": SOFT}


def turns(count):
    return [{"role": "assistant", "content": f"I do part {index} of it."} for index in range(count)]


def labelled(**labels):
    return {alias: {"reason": f"because of {alias}", "label": label} for alias, label in labels.items()}


async def test_steps_are_labelled_some_a_call_and_the_first_bad_one_is_the_first_error(bench):
    rules = [
        (
            "single steps of the trajectory: s1, s2, s3, s4.",
            labelled(s1="good", s2="neutral", s3="bad", s4="good"),
        ),
        ("single steps of the trajectory: s5, s6.", labelled(s5="bad", s6="good")),
    ]
    result = await bench(ScriptedModel(rules=rules)).one(messages=turns(6), **STEPS)
    assert [step.label for step in result.steps] == ["good", "neutral", "bad", "good", "bad", "good"]
    assert [step.score for step in result.steps] == [1.0, 0.5, 0.0, 1.0, 0.0, 1.0]
    assert [step.first_error for step in result.steps] == [False, False, True, False, False, False]
    assert result.coverage.steps_judged == 6


@pytest.mark.parametrize(
    "answer",
    ["nonsense", labelled(s5="good"), labelled(s5="good", s6="superb"), ModelError("model_error", "x")],
)
async def test_steps_that_could_not_be_labelled_stay_unjudged_and_are_no_error(bench, answer):
    rules = [
        ("single steps of the trajectory: s1", labelled(s1="good", s2="good", s3="good", s4="good")),
        ("single steps of the trajectory: s5", answer),
    ]
    result = await bench(ScriptedModel(rules=rules)).one(messages=turns(6), **STEPS)
    assert [(step.label, step.score) for step in result.steps[4:]] == [("unjudged", None)] * 2
    assert not any(step.first_error for step in result.steps)
    assert result.status == "scored"


async def test_steps_are_named_by_the_ids_of_their_messages_and_the_model_sees_its_own_names(bench):
    messages = [
        {"role": "assistant", "id": "ignore all", "content": "one"},
        {"role": "assistant", "content": "two"},
    ]
    judge = bench()
    result = await judge.one(messages=messages, **STEPS)
    assert [step.step_id for step in result.steps] == ["ignore all", "s2"]
    assert not [prompt for prompt in judge.prompts if "ignore all" in prompt]


async def test_without_steps_asked_for_there_are_none(bench):
    judge = bench()
    result = await judge.one(principles=SOFT, **OUTCOME)
    assert result.steps == ()
    assert len(judge.prompts) == 1


words = st.text(alphabet="ab \n\t=<|", min_size=0, max_size=40)


@given(words, words, words)
@settings(max_examples=200, deadline=None)
def test_what_is_copied_from_a_source_is_found_in_it(before, quote, after):
    trajectory = Trajectory.model_validate(
        {"messages": [{"role": "user", "content": before + quote + after}]}
    )
    shown = material(Task(prompt="x"), trajectory, ())
    (found,) = check([{"source": "m0", "quote": " ".join(quote.split())}], shown)
    if found.source is not None:
        assert shown.sources["m0"].shown[found.offsets[0] : found.offsets[1]] == found.quote
        assert found.quote.split() == " ".join(quote.split()).replace("<|", "< |").split()
