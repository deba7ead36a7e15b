"""Ways in which a good model server answers that are no plain content: thoughts, and calls, right and wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from judge_agent.models.fake_answers import THOUGHT, call_of

Respond = Callable[[Mapping[str, Any] | None], dict[str, Any]]

# name: how the server answers
FORMS: dict[str, str] = {
    "unclosed_think": "an inline <think> block that never ends, finish_reason length",
    "late_think": "the answer after a thought that only `</think>` ends, for its start stood in the prompt",
    "reasoner": "a model that thinks first, with a reasoning parser; not where the template is told not to",
    "misplaced": "a model told not to think, with a parser that takes its answer for a thought",
    "stubborn": "the same, and nothing keeps it from thinking",
    "one_choice": "one choice, however many were asked for",
    "tool_call": "a call to the first function that was offered",
    "hermes_call": "the same as a <tool_call> block in the content",
    "broken_call": "a call whose arguments are no JSON",
    "unknown_call": "a call to a function that was not offered",
    "many_calls": "a thousand calls",
    "wrong_calls": "calls of other shapes than calls have",
}


def answer_in_form(mode: str, respond: Respond, body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a request body in one of `FORMS`; `respond` gives the plain one."""
    return _ANSWERS[mode](respond(None), body)


def _edited(answer: dict[str, Any], **message: Any) -> dict[str, Any]:
    for choice in answer["choices"]:
        choice["message"] |= message
    return answer


def _unclosed(answer: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    for choice in answer["choices"]:
        choice["finish_reason"] = "length"
    return _edited(answer, content=f"<think>\n{THOUGHT}")


def _late_think(answer: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    content = answer["choices"][0]["message"]["content"]
    return _edited(answer, content=f"{THOUGHT}\n</think>\n\n{content}")


def _reasoner(answer: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    if (body.get("chat_template_kwargs") or {}).get("enable_thinking") is False:
        return answer
    return _stubborn(answer, body)


def _misplaced(answer: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    if (body.get("chat_template_kwargs") or {}).get("enable_thinking") is not False:
        return _stubborn(answer, body)
    for choice in answer["choices"]:
        choice["message"] |= {"content": None, "reasoning": choice["message"]["content"]}
    return answer


def _stubborn(answer: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Like vLLM's parser: a stop at `</think>` leaves all of it reasoning."""
    stops = "</think>" in (body.get("stop") or ())
    return _edited(answer, reasoning_content=THOUGHT, **({"content": None} if stops else {}))


def _one_choice(answer: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    return answer | {"choices": answer["choices"][:1]}


def _call(answer: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    return _edited(answer, content=None, tool_calls=[call_of(body)])


def _hermes(answer: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    function = call_of(body)["function"]
    call = {"name": function["name"], "arguments": json.loads(function["arguments"])}
    return _edited(answer, content=f"I look.\n<tool_call>\n{json.dumps(call)}\n</tool_call>")


def _broken_call(answer: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    call = call_of(body)
    call["function"]["arguments"] = "{'path': "
    return _edited(answer, content=None, tool_calls=[call])


def _unknown_call(answer: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    return _edited(answer, content=None, tool_calls=[{"function": {"name": "rm", "arguments": "{}"}}])


def _many_calls(answer: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    return _edited(answer, content=None, tool_calls=[call_of(body)] * 1000)


def _wrong_calls(answer: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    wrong: list[Any] = [None, "call", {"function": 3}, {"function": {"name": 7, "arguments": [1]}}]
    return _edited(answer, content=None, tool_calls=[*wrong, {"id": {}, "type": []}])


_ANSWERS: dict[str, Callable[[dict[str, Any], Mapping[str, Any]], dict[str, Any]]] = {
    "unclosed_think": _unclosed,
    "late_think": _late_think,
    "reasoner": _reasoner,
    "misplaced": _misplaced,
    "stubborn": _stubborn,
    "one_choice": _one_choice,
    "tool_call": _call,
    "hermes_call": _hermes,
    "broken_call": _broken_call,
    "unknown_call": _unknown_call,
    "many_calls": _many_calls,
    "wrong_calls": _wrong_calls,
}
