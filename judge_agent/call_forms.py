"""Reads tool calls that are written in another form than `tool_calls`, and counts where it cannot read them.

Read are content parts (`tool_use`, `tool_call`, `function_call`, `tool-call`, with their results), the older
`function_call` of a message, and Hermes' `<tool_call>{...}</tool_call>` in a text with `<tool_response>` in the
message that answers it. Text makes a call only where nothing else in the trajectory does: otherwise who ran the
agent had another form, and did not carry out what stands in the text. A result that an agent writes itself is
no result. Other forms are recognised by the marks of common chat templates: what calls they make is not known.

Where calls are read, a text of another form is text, and is counted apart: else a line of text, which costs an agent
nothing, would leave open whatever its calls decide. Beside calls that were read out of texts, one that a tool answers
was carried out all the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from judge_agent.call_marks import has_unread_mark, loose_calls, marked_calls
from judge_agent.result_marks import kind_is_error, marked_as_error
from judge_agent.schema import ContentPart, Message, ToolCall

_CALL_PARTS = frozenset(("tool_use", "tool_call", "function_call", "tool-call"))
_RESULT_PARTS = frozenset(
    (
        "tool_result",
        "function_call_output",
        "tool-result",
        "tool-error",
        "mcp_tool_result",
        "function_response",
    )
)
MAX_BLOCKS = 1000
_OPENS, _CLOSES = "<tool_call>", "</tool_call>"
_THOUGHTS = re.compile(r"<think>.*?(?:</think>|\Z)|\A(?:(?!<think>).)*?</think>", re.DOTALL)
_RESPONSES = re.compile(r"<tool_response>.*?(?:</tool_response>|\Z)", re.DOTALL)
_BLOCKS = re.compile(r"<tool_call>.*?(?:</tool_call>|\Z)", re.DOTALL)
_ANSWER = re.compile(r"\s*(?:<tool_response>.*?</tool_response>\s*)+", re.DOTALL)
_ANSWERS = re.compile(r"<tool_response>\s*(.*?)\s*</tool_response>", re.DOTALL)
_NAME = re.compile(r"\"name\"\s*:\s*\"([^\"\\]{1,200})\"")
_SPACE = re.compile(r"\s*")
_LIKE_A_CALL = re.compile(r"(?:tool|function)[-_]?(?:call|use)\Z", re.I)
_DECODER = json.JSONDecoder()


class Formed(NamedTuple):
    """Messages with their calls as `tool_calls`, in how many places calls were not read, and how many texts only look
    like one.
    """

    messages: list[Message]
    unread: int
    call_like: int


def with_calls(messages: Sequence[Message], names: Sequence[str] = ()) -> Formed:
    """The messages with the calls that they make as `tool_calls` and results as messages of tools. `names` are tools of
    the agent.
    """
    found: list[Message] = []
    unread = 0
    for message in messages:
        parts = message.content if isinstance(message.content, tuple) else ()
        if message.role == "assistant":
            read, lost = _read_parts(_read_fields(message), parts)
            found.append(read)
            unread += lost
        elif message.role in ("user", "tool") and any(part.type in _RESULT_PARTS for part in parts):
            found += _results(message, parts)
        else:
            found.append(message)
    if any(message.tool_calls or message.role == "tool_call" for message in found):
        return Formed(found, unread, len(_marked(found)))
    found = _read_texts(found)
    if any(message.tool_calls for message in found):
        marked = _marked(found)
        lost = sum(at + 1 < len(found) and found[at + 1].role in ("tool", "tool_response") for at in marked)
        return Formed(found, unread + lost, len(marked) - lost)
    told = _told(found)
    lost, alike = marked_calls(told, names)
    return Formed(found, unread + (lost or loose_calls(told, names)), alike)


def _marked(messages: Sequence[Message]) -> list[int]:
    """Which messages of the agent make no call that is read, and have the mark of one in their text."""
    return [
        at
        for at, (message, (role, text)) in enumerate(zip(messages, _told(messages), strict=True))
        if role == "assistant" and not message.tool_calls and has_unread_mark(text)
    ]


def _told(messages: Sequence[Message]) -> list[tuple[str, str]]:
    """The role and the text of each message, without thoughts."""
    texts = ((message.role, _own_text(message)) for message in messages)
    return [
        (role, _THOUGHTS.sub(" ", text) if ">" in text and "think>" in text else text) for role, text in texts
    ]


def spoken(text: str) -> str:
    """What of an agent's text is said to its reader: neither thought, nor calls, nor results."""
    return _BLOCKS.sub(" ", _RESPONSES.sub(" ", _THOUGHTS.sub(" ", text))) if "<" in text else text


def _read_fields(message: Message) -> Message:
    """The message with its older `function_call`, where it has no other call."""
    call = (message.model_extra or {}).get("function_call")
    if message.tool_calls or not isinstance(call, dict) or not isinstance(call.get("name"), str):
        return message
    read = message.model_copy(update={"tool_calls": (_tool_call(None, call["name"], call.get("arguments")),)})
    assert read.model_extra is not None
    del read.model_extra["function_call"]
    return read


def _read_parts(message: Message, parts: Sequence[ContentPart]) -> tuple[Message, int]:
    """The message with the calls of its parts, those that `tool_calls` has as well once; and how many are not read."""
    declared = list(message.tool_calls or ())
    known = {call.id for call in declared}
    made: list[ToolCall] = []
    kept: list[ContentPart] = []
    unread = 0
    for part in parts:
        like_a_call = _LIKE_A_CALL.search(part.type) is not None
        call = _part_call(part) if like_a_call else None
        if call is None:
            kept.append(part)
            unread += like_a_call
        elif not declared or (call.id and call.id not in known):
            made.append(call)
    if len(kept) == len(parts):
        return message, unread
    return message.model_copy(update={"tool_calls": (*declared, *made), "content": tuple(kept)}), unread


def _part_call(part: ContentPart) -> ToolCall | None:
    fields = part.model_extra or {}
    name = _first(fields, "name", "toolName")
    if part.type not in _CALL_PARTS or not isinstance(name, str):
        return None
    call_id = _first(fields, "call_id", "toolCallId", "id")
    arguments = _first(fields, "input", "args", "arguments")
    return _tool_call(call_id if isinstance(call_id, str) else None, name, arguments)


def _results(message: Message, parts: Sequence[ContentPart]) -> Iterator[Message]:
    """One tool message for each result, then what else the message says."""
    for part in parts:
        if part.type in _RESULT_PARTS:
            fields = part.model_extra or {}
            call_id = _first(fields, "tool_use_id", "call_id", "toolCallId")
            told = _first(fields, "content", "output", "result", "response", "error")
            read = Message(
                role="tool",
                content=_text(told if told is not None else part.text),
                tool_call_id=call_id if isinstance(call_id, str) else message.tool_call_id,
            )
            marked = kind_is_error(part.type) or marked_as_error(fields) or _holds_an_error(told)
            if marked or marked_as_error(message.model_extra or {}):
                assert read.model_extra is not None
                read.model_extra["is_error"] = True
            yield read
    if rest := tuple(part for part in parts if part.type not in _RESULT_PARTS):
        yield message.model_copy(update={"content": rest})


def _holds_an_error(told: object) -> bool:
    """Whether one of the parts of a result is an error by its type."""
    parts = told if isinstance(told, (list, tuple)) else ()
    kinds = (part.get("type") for part in parts if isinstance(part, dict))
    return any(isinstance(kind, str) and kind_is_error(kind) for kind in kinds)


def _text(told: object) -> str:
    """The text of a result: itself, that of its parts, or its JSON."""
    if told is None or isinstance(told, str):
        return told or ""
    parts: Sequence[object] = told if isinstance(told, (list, tuple)) else [told]
    typed = [part for part in parts if isinstance(part, dict) and isinstance(part.get("type"), str)]
    if len(typed) == len(parts):
        said = ((part.get("text", part.get("value")), part["type"]) for part in typed)
        return "\n".join(_piece(text, kind) for text, kind in said)
    return json.dumps(told, ensure_ascii=False)


def _piece(said: object, kind: str) -> str:
    """What one part says: its text, JSON that it holds as such (`json` of the AI SDK), else what it is."""
    if isinstance(said, (dict, list)):
        return json.dumps(said, ensure_ascii=False)
    return said if isinstance(said, str) else f"[{kind}]"


def _read_texts(messages: Sequence[Message]) -> list[Message]:
    """The messages with the calls that stand in their texts."""
    read: list[Message] = []
    calls = False
    for message in messages:
        text = _own_text(message) if message.role in ("assistant", "user") else ""
        if message.role == "assistant" and text:
            made = _calls_in(text) if _OPENS in text else []
            calls = calls or bool(made)
            read.append(message.model_copy(update={"tool_calls": tuple(made)}) if made else message)
        elif calls and message.role == "user" and _ANSWER.fullmatch(text):
            read += [Message(role="tool", content=hit.group(1)) for hit in _ANSWERS.finditer(text)]
        else:
            read.append(message)
    return read


def _own_text(message: Message) -> str:
    if isinstance(message.content, str):
        return message.content
    return "\n".join(part.text or "" for part in message.content or ())


def _calls_in(text: str) -> list[ToolCall]:
    """The calls of a text; none where a block is no JSON or is only shown, as code, or there are too many."""
    text = _RESPONSES.sub(" ", _THOUGHTS.sub(" ", text))
    calls: list[ToolCall] = []
    at = fences = blocks = 0
    while (start := text.find(_OPENS, at)) >= 0:
        fences += text.count("```", at, start)
        found, at = _block(text, start + len(_OPENS))
        blocks += 1
        if found is None or blocks > MAX_BLOCKS or fences % 2 == 1 or text[max(0, start - 1) : start] == "`":
            return []
        calls += found
    return calls


def _block(text: str, start: int) -> tuple[list[ToolCall] | None, int]:
    """The calls of the block whose content begins at `start`, None for one that is no JSON, and where it ends."""
    start = _after_space(text, start)
    if text[start : start + 1] not in ("{", "["):
        return None, len(text)
    try:
        data, stop = _DECODER.raw_decode(text, start)
        calls = [_written_call(one) for one in (data if isinstance(data, list) else [data])]
    except (ValueError, RecursionError):
        closing = text.find(_CLOSES, start)
        end, after = (closing, closing + len(_CLOSES)) if closing >= 0 else (len(text), len(text))
        name = _NAME.search(text, start, end)
        return [_tool_call(None, name.group(1) if name else "", text[start:end].strip())], after
    stop = _after_space(text, stop)
    return calls, stop + len(_CLOSES) if text.startswith(_CLOSES, stop) else stop


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found is not None else at


def _written_call(data: object) -> ToolCall:
    """One call of a block. Raises ValueError for what names no tool."""
    if isinstance(data, dict) and isinstance(data.get("function"), dict):
        data = data["function"]
    if not isinstance(data, dict) or not isinstance(data.get("name"), str):
        raise ValueError("names no tool")
    arguments = _first(data, "arguments", "parameters")
    # As text: what is read from it is held to the same limits as other arguments.
    raw = arguments if isinstance(arguments, str) or arguments is None else json.dumps(arguments)
    return _tool_call(None, data["name"], raw)


def _tool_call(call_id: str | None, name: str, arguments: object) -> ToolCall:
    if arguments is not None and not isinstance(arguments, (str, dict)):
        arguments = json.dumps(arguments)
    return ToolCall.model_validate({"id": call_id, "function": {"name": name, "arguments": arguments}})


def _first(fields: Mapping[str, Any], *names: str) -> Any:
    return next((fields[name] for name in names if fields.get(name) is not None), None)
