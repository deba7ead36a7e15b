import json
from pathlib import Path

import pytest

from judge_agent.models import OpenAIChatModel, ScriptedModel
from judge_agent.models.fake_server import FakeServer
from judge_agent.seams.model import ChatMessage, Choice, ToolCall

pytestmark = pytest.mark.anyio
PROMPT = [ChatMessage("user", "Look.")]
CASES = json.loads((Path(__file__).parent / "tool_calls.json").read_text("utf-8"))
STANDS_FOR = {
    "@deep": '{"a": ' + "[" * 50_000,
    "@huge": '{"a": "' + "x" * 200_000 + '"}',
    "@nan": float("nan"),
}
LOOK = {
    "type": "function",
    "function": {
        "name": "look",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    },
}
FIND = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
MODES = {
    "tool_call": ["path", None],
    "hermes_call": ["path", None],
    "broken_call": [None, "is no JSON"],
    "unknown_call": [None, "there is no function 'rm'; there are: find, look"],
}


def filled(value):
    if isinstance(value, dict):
        return {key: filled(part) for key, part in value.items()}
    if isinstance(value, list):
        return [filled(part) for part in value]
    return STANDS_FOR.get(value, value) if isinstance(value, str) else value


@pytest.mark.parametrize("case", CASES, ids=[case["says"] for case in CASES])
async def test_calls_are_read_in_every_form_and_never_trusted(case):
    answer = Choice(case.get("content"), tool_calls=tuple(filled(case.get("calls", []))))
    tools = [LOOK, FIND] if case.get("tools", True) else None
    (choice,) = (await ScriptedModel([answer]).complete(PROMPT, tools=tools)).choices
    read = [ToolCall.of(call) for call in choice.tool_calls]
    assert [call[:3] for call in read] == [tuple(expected[:3]) for expected in case["read"]]
    for call, expected in zip(read, case["read"], strict=True):
        assert (call.error is None) == (expected[3] is None)
        assert (expected[3] or "") in (call.error or "")
        assert len(call.error or "") < 600
    assert choice.content == case.get("left", case.get("content"))
    json.dumps(choice.tool_calls, allow_nan=False)


async def on_the_wire(mode, tool_choice=None, messages=PROMPT):
    async with FakeServer(misbehave=mode) as server, OpenAIChatModel(server.base_url) as model:
        completion = await model.complete(messages, tools=[LOOK, FIND], tool_choice=tool_choice)
        return [ToolCall.of(call) for call in completion.choices[0].tool_calls], completion, server


@pytest.mark.parametrize("mode", MODES)
async def test_calls_come_over_the_wire_in_both_forms_or_as_errors(mode):
    (call,), completion, _ = await on_the_wire(mode)
    argument, error = MODES[mode]
    assert list(call.arguments) == ([argument] if argument else [])
    assert (error or "") in (call.error or "")
    assert completion.choices[0].content == ("I look." if mode == "hermes_call" else None)


async def test_a_thousand_calls_are_cut_with_a_word_about_it():
    calls, _, _ = await on_the_wire("many_calls")
    assert len(calls) == 32
    assert len({call.id for call in calls}) == 32
    assert "1000 calls at once are too many" in calls[-1].error


async def test_calls_of_wrong_shapes_are_errors_that_the_model_can_be_told():
    calls, _, _ = await on_the_wire("wrong_calls")
    assert len(calls) == 5
    assert all(call.error for call in calls)


@pytest.mark.parametrize(
    ("tool_choice", "sent"),
    [
        (None, None),
        ("auto", "auto"),
        ("required", "required"),
        ("none", "none"),
        ("find", {"type": "function", "function": {"name": "find"}}),
    ],
)
async def test_the_model_may_must_or_must_not_call(tool_choice, sent):
    calls, _, server = await on_the_wire("none", tool_choice)
    assert server.requests[0].get("tool_choice") == sent
    assert all(tool["function"]["strict"] is True for tool in server.requests[0]["tools"])
    assert [call.name for call in calls] == {"required": ["look"], "find": ["find"]}.get(tool_choice, [])


async def test_calls_and_what_tools_said_go_back_in_openais_form():
    calls, completion, _ = await on_the_wire("unknown_call")
    assert calls[0].error
    messages = [
        *PROMPT,
        ChatMessage("assistant", "", tool_calls=completion.choices[0].tool_calls),
        ChatMessage("tool", "there is no such function", tool_call_id=calls[0].id),
    ]
    _, _, server = await on_the_wire("none", messages=messages)
    _, assistant, tool = server.requests[0]["messages"]
    assert assistant["tool_calls"] == [
        {"id": "call_0", "type": "function", "function": {"name": "rm", "arguments": "{}"}}
    ]
    assert tool == {"role": "tool", "content": "there is no such function", "tool_call_id": "call_0"}


async def test_without_a_script_a_function_that_must_be_called_is_called():
    (choice,) = (await ScriptedModel().complete(PROMPT, tools=[LOOK, FIND], tool_choice="look")).choices
    assert ToolCall.of(choice.tool_calls[0])[1:] == ("look", {"path": "path"}, None)
    assert (await ScriptedModel().complete(PROMPT, tools=[LOOK])).choices[0].content == "ok"
