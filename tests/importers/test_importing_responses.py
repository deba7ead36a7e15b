"""OpenAI Responses as trajectories: the items of one turn are one message, and what is not carried is named."""

from __future__ import annotations

from typing import Any

import pytest

from judge_agent.errors import InvalidRequest
from judge_agent.importers import from_responses
from judge_agent.trajectory import read


def said(text: str, role: str = "assistant") -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def called(name: str, call_id: str, arguments: str = "{}") -> dict[str, Any]:
    return {
        "type": "function_call",
        "id": f"fc_{call_id}",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }


def returned(call_id: str, output: Any) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def thought(text: str) -> dict[str, Any]:
    return {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": text}]}


def test_reasoning_text_and_calls_of_one_turn_are_one_message_and_results_follow() -> None:
    items = [
        said("Add 2 and 2.", "user"),
        thought("I need the tool."),
        said("Let me add."),
        called("add", "c1", '{"a": 2}'),
        called("look", "c2"),
        returned("c2", [{"type": "input_text", "text": "seen"}]),
        returned("c1", "4"),
        said("It is 4."),
    ]
    found = from_responses(items)
    transcript = read(found.trajectory)
    assert [turn.role for turn in transcript.turns] == ["user", "assistant", "tool", "tool", "assistant"]
    first = transcript.turns[1]
    assert (first.text, first.reasoning, [call.name for call in first.calls]) == (
        "Let me add.",
        "I need the tool.",
        ["add", "look"],
    )
    assert [(step.turn.text, len(step.results)) for step in transcript.steps] == [
        ("Let me add.", 2),
        ("It is 4.", 0),
    ]
    assert all(call.answered for _, call in transcript.calls)
    assert found.lost == ()


def test_input_comes_before_output_and_instructions_before_both() -> None:
    body = {"instructions": "Be brief.", "input": "2+2?", "output": [said("4")], "temperature": 1.0}
    found = from_responses(body)
    assert [
        (message.role, read(found.trajectory).turns[at].text)
        for at, message in enumerate(found.trajectory.messages)
    ] == [
        ("system", "Be brief."),
        ("user", "2+2?"),
        ("assistant", "4"),
    ]
    assert found.lost == ("temperature",)


def test_two_answers_in_a_row_are_two_turns() -> None:
    found = from_responses([said("First."), said("Second."), called("f", "c"), said("Third.")])
    assert [turn.text for turn in read(found.trajectory).turns] == ["First.", "Second.", "Third."]
    assert [len(turn.calls) for turn in read(found.trajectory).turns] == [0, 1, 0]


def test_calls_of_the_server_become_calls_with_what_they_returned() -> None:
    items = [
        {
            "type": "mcp_call",
            "id": "m",
            "name": "search",
            "arguments": '{"q": "x"}',
            "output": "found",
            "server_label": "s",
        },
        {
            "type": "web_search_call",
            "id": "w",
            "status": "completed",
            "action": {"type": "search", "query": "y"},
        },
        {
            "type": "code_interpreter_call",
            "id": "k",
            "code": "1+1",
            "outputs": [{"type": "logs", "logs": "2"}],
        },
        {"type": "custom_tool_call", "call_id": "u", "name": "shell", "input": "ls"},
        {"type": "custom_tool_call_output", "call_id": "u", "output": "a.txt"},
    ]
    transcript = read(from_responses(items).trajectory)
    assert [call.name for _, call in transcript.calls] == [
        "search",
        "web_search",
        "code_interpreter",
        "shell",
    ]
    assert [turn.text for turn in transcript.turns if turn.role == "tool"] == [
        "found",
        '[{"type": "logs", "logs": "2"}]',
        "a.txt",
    ]
    assert transcript.calls[3][1].arguments == {"input": "ls"}


def test_what_is_not_carried_is_named() -> None:
    items = [
        {"type": "compaction", "id": "x"},
        {"type": "reasoning", "summary": [], "encrypted_content": "zz"},
        said("a"),
    ]
    tools = [{"type": "web_search"}, {"type": "function", "name": "f", "parameters": {}}]
    found = from_responses({"output": items, "tools": tools})
    assert found.lost == (
        "tools.0: a tool of type 'web_search'",
        "output.0: an item of type 'compaction'",
        "output.1: encrypted reasoning",
    )
    assert found.trajectory.tools == ({"type": "function", "function": {"name": "f", "parameters": {}}},)


def test_pictures_and_refusals_keep_their_place() -> None:
    content = [
        {"type": "input_text", "text": "Look:"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"},
    ]
    refusal = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "refusal", "refusal": "I will not."}],
    }
    trajectory = from_responses([{"role": "user", "content": content}, refusal]).trajectory
    assert read(trajectory).turns[0].images == 1
    assert read(trajectory).turns[1].text == "I will not."


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (3, "data"),
        ({}, "data"),
        ([3], "data.0"),
        ({"output": 3}, "data.output"),
        ({"output": [{"type": "message", "role": "robot"}]}, "data.output.0.role"),
        ({"output": [{"type": "function_call", "name": 3}]}, "data.output.0.name"),
        ({"output": [{"type": "message", "role": "user", "content": [3]}]}, "data.output.0.content.0"),
        ({"output": [], "tools": [3]}, "data.tools.0"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_place(data: Any, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        from_responses(data)
    assert refused.value.field == field
