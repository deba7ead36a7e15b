"""Several criteria in one call: how many calls there are, and that each is read by itself."""

from __future__ import annotations

import json
import re

import pytest

from judge_agent.errors import PromptError
from judge_agent.models import ScriptedModel

pytestmark = pytest.mark.anyio
NAMES = ("short", "polite", "right", "clear", "whole")
PRINCIPLES = [{"name": name, "description": f"The answer is {name}."} for name in NAMES]
BODY = {"recipe": "variant", "granularity": ["outcome"], "text": "It is 42.", "principles": PRINCIPLES}
SEVERAL = '[prompts]\nseveral = "critique/several.v1"'


def library(variant, wanted, base="one-pass"):
    settings = {"max_citations = 2": f"max_citations = 2\ncriteria_per_call = {wanted}", "[prompts]": SEVERAL}
    return variant(base, **settings)


def said(choice):
    return {"reason": "That is what the answer comes to.", "citations": [], "choice": choice}


def labelled(request):
    """The principles of a prompt by their labels."""
    return dict(re.findall(r"^(p\d+)\. (\w+):", request.text, re.MULTILINE))


def by_name(choices):
    """Answers each criterion by its name, alone or among others."""

    def answer(request):
        asked = labelled(request)
        if not asked:
            (name,) = [name for name in NAMES if f"The answer is {name}." in request.text]
            return json.dumps(said(choices[name]))
        return json.dumps({label: said(choices[name]) for label, name in asked.items()})

    return answer


CHOICES = dict(zip(NAMES, "12345", strict=True))


@pytest.mark.parametrize(("wanted", "calls"), [("1", 5), ("2", 3), ("4", 2), ('"all"', 1)])
async def test_a_call_asks_for_as_many_criteria_as_the_recipe_says(bench, variant, wanted, calls):
    judge = bench(ScriptedModel(otherwise=by_name(CHOICES)), prompts=library(variant, wanted))
    result = await judge.one(**BODY)
    assert {one.name: one.choice for one in result.principles} == CHOICES
    assert len(judge.prompts) == calls


async def test_the_recorded_prompt_names_each_criterion_with_its_own_choices(bench, variant):
    judge = bench(ScriptedModel(otherwise=by_name(CHOICES)), prompts=library(variant, '"all"'))
    hard = [{**PRINCIPLES[0], "kind": "hard"}, *PRINCIPLES[1:]]
    await judge.one(**{**BODY, "principles": hard})
    request = judge.model.requests[0]
    said_so = " ".join(request.text.split())
    for words in (
        "You judge the work of an AI agent by several principles, each on its own.",
        "Tool evidence outweighs what the agent says about itself.",
        "A good or bad verdict on one principle says nothing about another.",
        'p1. short: The answer is short. Choices: "pass" when the principle is met',
        'p2. polite: The answer is polite. Choices: "1" (not met at all)',
        "Answer in JSON: for each of p1, p2, p3, p4, p5, the reason first, then the citations, then the choice.",
    ):
        assert words in said_so
    choices = {
        label: one["properties"]["choice"]["enum"] for label, one in request.schema["properties"].items()
    }
    assert choices["p1"] == ["fail", "pass"]
    assert choices["p5"] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    "broken", ["superb", None, 7, {"choice": ["5"]}], ids=["off the menu", "nothing", "a number", "a list"]
)
async def test_one_criterion_that_cannot_be_read_is_asked_again_alone_and_costs_no_other(
    bench, variant, broken
):
    def answer(request):
        asked = labelled(request)
        if not asked:
            return "nonsense"
        read = {label: said(CHOICES[name]) for label, name in asked.items()}
        (label,) = [label for label, name in asked.items() if name == "right"]
        read[label] = said(broken) if isinstance(broken, str) else broken
        return json.dumps(read)

    judge = bench(ScriptedModel(otherwise=answer), prompts=library(variant, '"all"'))
    result = await judge.one(**BODY)
    assert result.status == "partial"
    assert {one.name: one.choice for one in result.principles if one.valid} == {
        name: choice for name, choice in CHOICES.items() if name != "right"
    }
    (failed,) = [one for one in result.principles if not one.valid]
    assert (failed.name, failed.failure_kind) == ("right", "model_unparseable")
    assert len(judge.prompts) == 2
    assert "The answer is right." in judge.prompts[1]
    assert "The answer is short." not in judge.prompts[1]


def only_alone(request):
    return "nonsense" if labelled(request) else by_name(CHOICES)(request)


async def test_an_answer_that_cannot_be_read_at_all_is_asked_again_one_by_one(bench, variant):
    judge = bench(ScriptedModel(otherwise=only_alone), prompts=library(variant, '"all"'))
    judgment = await judge.judge(**BODY)
    assert {one.name: one.choice for one in judgment.candidates[0].principles} == CHOICES
    assert (judgment.usage.model_calls, judgment.usage.useless_calls) == (6, 1)
    assert all("Your last answer could not be used" in prompt for prompt in judge.prompts[1:])


async def test_what_the_budget_leaves_of_them_is_asked_one_by_one_in_their_order(bench, variant):
    def answer(request):
        return "nonsense " * 900 if labelled(request) else only_alone(request)

    judge = bench(ScriptedModel(otherwise=answer), prompts=library(variant, '"all"'))
    result = await judge.one(**BODY, budget={"model_tokens": 5000})
    read = [one.name for one in result.principles if one.valid]
    assert 0 < len(read) < 5
    assert read == list(NAMES[: len(read)])
    assert {one.failure_kind for one in result.principles if not one.valid} == {"budget_exhausted"}


async def test_criteria_that_do_not_fit_one_call_are_asked_in_halves(bench, variant):
    model = ScriptedModel(otherwise=by_name(CHOICES), context_window=1600)
    result = await bench(model, prompts=library(variant, '"all"')).one(**BODY)
    assert {one.name: one.choice for one in result.principles} == CHOICES
    assert 1 < len(model.requests) < 5


async def test_every_sample_is_one_call_for_all_of_them(bench, variant):
    judge = bench(ScriptedModel(otherwise=by_name(CHOICES)), prompts=library(variant, '"all"'))
    result = await judge.one(**BODY, budget={"samples": 3})
    assert [len(one.samples) for one in result.principles] == [3] * 5
    assert len(judge.prompts) == 3


async def test_a_recipe_that_asks_for_several_needs_their_prompt(bench, variant):
    settings = {"max_citations = 2": "max_citations = 2\ncriteria_per_call = 2"}
    with pytest.raises(PromptError, match=r"prompts\.several is missing"):
        bench(prompts=variant("one-pass", **settings))


async def test_the_blind_pass_of_several_criteria_is_one_call_too(bench, variant):
    call = {"id": "1", "function": {"name": "look", "arguments": "{}"}}
    messages = [
        {"role": "assistant", "content": "I look.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "nothing to be seen"},
    ]
    settings = {"criteria_per_call = 1": 'criteria_per_call = "all"', "[prompts]": SEVERAL}
    judge = bench(ScriptedModel(otherwise=by_name(CHOICES)), prompts=variant("default", **settings))
    body = {key: value for key, value in BODY.items() if key != "text"}
    result = await judge.one(**body, messages=messages)
    assert len(judge.prompts) == 2
    assert "is left out on purpose" in judge.prompts[0]
    assert result.persuasion_gap == 0.0
