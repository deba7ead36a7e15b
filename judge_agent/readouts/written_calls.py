"""Readout `written_calls`: a call that a model writes into its answer, which is run before the answer goes on.

TIR-Judge (2510.23038) writes programs between fences, ARM-Thinker (2512.05111) JSON in `<tool_call>`. What stands
behind the first call was written before any tool ran: it is made up, and is cut off.
"""

from __future__ import annotations

import json
import re
from typing import Any, Literal, NamedTuple

from judge_agent.readouts.answer import after_reasoning, unparseable
from judge_agent.readouts.json_object import no_key_twice

MAX_CALL_CHARS = 40_000
# The marks at which a model that waits for a result stops; the server leaves them out of the text.
STOPS = {"python": ("```output",), "tool_call": ("<tool_response>",)}
_FENCE = re.compile(r"^[ \t]{0,3}(`{3,})[ \t]*(?:python3?|py)[ \t]*\n", re.MULTILINE | re.IGNORECASE)
_OPEN = re.compile(r"<tool_call\s{0,8}>", re.IGNORECASE)
_CLOSE = re.compile(r"</tool_call\s{0,8}>", re.IGNORECASE)
_RESPONSE = re.compile(r"\A\s*#[ \t]*response[ \t]*:?[ \t]*([\w-]{1,32})[ \t]*(?:\n|\Z)", re.IGNORECASE)


class WrittenCall(NamedTuple):
    """`said`: the answer up to the end of the call. `response`: the slot that it is about, '' where none is named."""

    tool: str
    arguments: dict[str, Any]
    response: str
    said: str


def read_written_call(text: str | None, form: Literal["python", "tool_call"]) -> WrittenCall | None:
    """Return the first call of an answer; None for an answer that makes none. A call in `<think>` is none.

    Raises ModelError('model_unparseable') for one that cannot be read: not closed and not at the end, no JSON object of
    `name` and `arguments`, blank, or too long.
    """
    answer = after_reasoning(text)
    return _program(answer) if form == "python" else _tool_call(answer)


def _program(answer: str) -> WrittenCall | None:
    opened = _FENCE.search(answer)
    if opened is None:
        return None
    closing = re.compile(rf"^[ \t]{{0,3}}{opened[1]}`*[ \t]*$", re.MULTILINE)
    closed = closing.search(answer, opened.end())
    code = answer[opened.end() : closed.start() if closed else len(answer)]
    said = answer[: closed.end()] if closed else f"{answer.rstrip()}\n{opened[1]}"
    if not code.strip() or len(code) > MAX_CALL_CHARS:
        raise unparseable(f"the program has {len(code)} characters, 1 to {MAX_CALL_CHARS} are due")
    named = _RESPONSE.match(code)
    return WrittenCall("run_python", {"code": code}, named[1] if named else "", said)


def _tool_call(answer: str) -> WrittenCall | None:
    opened = _OPEN.search(answer)
    if opened is None:
        if _CLOSE.search(answer):
            raise unparseable("</tool_call> closes a call that was not begun")
        return None
    closed = _CLOSE.search(answer, opened.end())
    body = answer[opened.end() : closed.start() if closed else len(answer)].strip()
    if len(body) > MAX_CALL_CHARS:
        raise unparseable(f"the call has {len(body)} characters, {MAX_CALL_CHARS} at most")
    try:
        call = json.loads(body, object_pairs_hook=no_key_twice)
    except (ValueError, RecursionError) as error:
        raise unparseable(f"the call {body[:60]!r} does not parse as JSON: {error}") from error
    if not isinstance(call, dict) or set(call) - {"response"} != {"name", "arguments"}:
        raise unparseable(
            'a call is {"name": ..., "arguments": {...}}, with "response" where there are several'
        )
    if not isinstance(call["name"], str) or not isinstance(call["arguments"], dict):
        raise unparseable("a call's name is a text and its arguments are an object")
    said = answer[: closed.end()] if closed else f"{answer.rstrip()}</tool_call>"
    return WrittenCall(call["name"], call["arguments"], str(call.get("response", "")), said)
