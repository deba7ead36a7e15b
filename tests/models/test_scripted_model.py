import asyncio
import json

import pytest

from judge_agent.errors import ModelError
from judge_agent.models import Held, ScriptedModel, pick_instance
from judge_agent.models.instances import by_hash
from judge_agent.seams.model import ChatMessage, Choice, TokenUsage

pytestmark = pytest.mark.anyio
VERDICT = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "maxLength": 200},
        "citations": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        "choice": {"enum": ["pass", "fail"]},
    },
    "required": ["reason", "citations", "choice"],
    "additionalProperties": False,
}


def ask(text: str) -> list[ChatMessage]:
    return [ChatMessage("system", "You judge."), ChatMessage("user", text)]


async def test_queued_answers_come_first_then_rules_then_the_rest():
    model = ScriptedModel(["one"], rules=[("apple", "fruit"), ("a", "letter")], otherwise="rest")
    asked = ["x apple", "x apple", "cat", "dog"]
    answers = [(await model.complete(ask(text))).choices[0].content for text in asked]
    assert answers == ["one", "fruit", "letter", "rest"]
    assert [request.messages[1].content for request in model.requests] == asked


async def test_without_a_script_the_answer_is_a_valid_instance_in_the_order_of_the_schema():
    answer = (await ScriptedModel().complete(ask("?"), schema=VERDICT)).choices[0].content
    assert list(json.loads(answer)) == ["reason", "citations", "choice"]
    assert json.loads(answer)["choice"] == "pass"


async def test_a_function_chooses_within_the_schema():
    def choose(path, options):
        return "fail" if path == ("choice",) else options[0]

    answer = (await ScriptedModel(choose=choose).complete(ask("?"), schema=VERDICT)).choices[0].content
    assert json.loads(answer)["choice"] == "fail"


def test_a_choice_off_the_schema_is_refused():
    def choose(path, options):
        return "maybe" if path == ("choice",) else options[0]

    with pytest.raises(ValueError, match="choice: chose 'maybe'"):
        pick_instance(VERDICT, choose)


async def test_samples_may_differ_and_none_is_an_answer_without_content():
    model = ScriptedModel([("a", None, Choice("{", finish_reason="length")), {"k": 1}])
    completion = await model.complete(ask("?"), n=3)
    assert [choice.content for choice in completion.choices] == ["a", None, "{"]
    assert completion.choices[2].finish_reason == "length"
    assert (await model.complete(ask("?"))).choices[0].content == '{"k": 1}'


async def test_a_scripted_error_is_raised_with_what_it_cost():
    model = ScriptedModel([ModelError("model_error", "busy", usage=TokenUsage(prompt=7))])
    with pytest.raises(ModelError) as caught:
        await model.complete(ask("?"))
    assert caught.value.failure_kind == "model_error"
    assert caught.value.usage.prompt == 7


async def test_a_held_answer_waits_for_its_event_and_times_out_with_the_call():
    event = asyncio.Event()
    model = ScriptedModel([Held(event, "late"), Held(event, "late")])
    with pytest.raises(ModelError) as caught:
        await model.complete(ask("?"), timeout_seconds=0.01)
    assert caught.value.failure_kind == "model_timeout"
    event.set()
    assert (await model.complete(ask("?"))).choices[0].content == "late"


async def test_a_prompt_that_does_not_fit_the_window_is_too_large():
    with pytest.raises(ModelError) as caught:
        await ScriptedModel(context_window=100).complete(ask("x" * 1000), max_tokens=10)
    assert caught.value.failure_kind == "input_too_large"


def test_a_hash_picks_the_same_instance_every_time_and_others_for_other_seeds():
    picks = [json.dumps(pick_instance(VERDICT, by_hash("prompt", seed))) for seed in range(20)]
    assert picks == [json.dumps(pick_instance(VERDICT, by_hash("prompt", seed))) for seed in range(20)]
    assert len(set(picks)) > 5


def test_references_unions_and_bounds_are_kept():
    schema = {
        "$defs": {"level": {"type": "integer", "minimum": 3, "maximum": 5}},
        "type": "object",
        "properties": {
            "level": {"$ref": "#/$defs/level"},
            "note": {"anyOf": [{"type": "string", "minLength": 12}, {"type": "null"}]},
            "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        },
        "required": ["level", "note", "share"],
    }
    value = pick_instance(schema)
    assert value["level"] == 3
    assert len(value["note"]) == 12
    assert 0 < value["share"] <= 1
