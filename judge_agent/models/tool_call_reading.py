"""Reads the calls that a model asks for, in OpenAI's form and in Hermes' `<tool_call>` blocks, trusting neither.

A call that cannot be made stays in the list with an `error` for the model to read: it asked for something, and
an answer that leaves it out would look as if it had not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from judge_agent.seams.model import Choice

MAX_CALLS = 32
MAX_ARGUMENT_CHARS = 100_000
MAX_NAME_CHARS = 100
_QUOTED_CHARS = 200
_BLOCK = re.compile(r"<tool_call>(.*?)(?:</tool_call>|\Z)", re.DOTALL)
_NAME = re.compile(r"[^A-Za-z0-9_.-]")


class _Asked(NamedTuple):
    name: object
    arguments: object
    id: object = None
    error: str | None = None


def with_read_calls(choice: Choice, tools: Sequence[Mapping[str, Any]]) -> Choice:
    """Return the choice with its calls in the form that `Choice` describes.

    Blocks in the content count only where functions were offered and the server itself read no call: else they
    are text that is quoted. At most `MAX_CALLS` are kept; the last of more says so in its error.
    """
    if not tools and not choice.tool_calls:
        return choice
    offered = {name for tool in tools if isinstance(name := _function(tool).get("name"), str)}
    asked, content = [_native(call) for call in choice.tool_calls], choice.content
    if offered and not asked and content is not None:
        asked = list(_blocks(content))
        content = (_BLOCK.sub("", content).strip() or None) if asked else content
    if len(asked) > MAX_CALLS:
        error = f"{len(asked)} calls at once are too many; the first {MAX_CALLS - 1} are made"
        asked = [*asked[: MAX_CALLS - 1], asked[MAX_CALLS - 1]._replace(error=error)]
    calls = tuple(_call(index, one, offered) for index, one in enumerate(asked))
    return replace(choice, content=content, tool_calls=_with_own_ids(calls))


def _blocks(content: str) -> Iterator[_Asked]:
    for match in _BLOCK.finditer(content):
        value, error = _parsed(match.group(1))
        if isinstance(value, Mapping):
            yield _Asked(value.get("name"), value.get("arguments", value.get("parameters")), None, error)
        else:
            yield _Asked(
                None, None, None, error or f"a call is an object with name and arguments, not {value!r:.99}"
            )


def _native(call: object) -> _Asked:
    function = _function(call)
    if not function:
        return _Asked(None, None, None, "the call names no function")
    return _Asked(
        function.get("name"), function.get("arguments"), call.get("id") if isinstance(call, Mapping) else None
    )


def _function(call: object) -> Mapping[str, Any]:
    if not isinstance(call, Mapping):
        return {}
    function = call.get("function", call)
    return function if isinstance(function, Mapping) else {}


def _call(index: int, asked: _Asked, offered: set[str]) -> dict[str, Any]:
    name = _NAME.sub("_", asked.name)[:MAX_NAME_CHARS] if isinstance(asked.name, str) else ""
    written, error = _arguments(asked.arguments)
    if name not in offered:
        there = ", ".join(sorted(offered)) or "none"
        error = f"there is no function {name!r}; there are: {there}"
    error = asked.error or error
    given = asked.id.encode("utf-8", "replace").decode() if isinstance(asked.id, str) else ""
    if not 0 < len(given) <= MAX_NAME_CHARS:
        given = f"call_{index}"
    call: dict[str, Any] = {
        "id": given,
        "type": "function",
        "function": {"name": name or "unknown", "arguments": "{}" if error else written},
    }
    return call | ({"error": error} if error else {})


def _with_own_ids(calls: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Give each call an id of its own where the server repeats one: an answer must find its call."""
    unique = len({call["id"] for call in calls}) == len(calls)
    return tuple(call if unique else call | {"id": f"call_{index}"} for index, call in enumerate(calls))


def _arguments(value: object) -> tuple[str, str | None]:
    """The arguments as the JSON text of an object, or why they are none. Nothing at all is an empty object."""
    error = None
    if isinstance(value, str) and value.strip():
        value, error = _parsed(value)
    elif value is None or isinstance(value, str):
        value = {}
    if error is not None:
        return "{}", error
    if not isinstance(value, Mapping):
        return "{}", f"the arguments are no JSON object: {value!r:.{_QUOTED_CHARS}}"
    try:
        # A number too large for a float is read as infinite, which no JSON can hold.
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as problem:
        return "{}", f"the arguments are no JSON object: {str(problem)[:_QUOTED_CHARS]}"
    return written.encode("utf-8", "replace").decode(), None


def _parsed(text: str) -> tuple[object, str | None]:
    if len(text) > MAX_ARGUMENT_CHARS:
        return None, f"the call has {len(text)} characters (limit {MAX_ARGUMENT_CHARS})"
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_no_key_twice), None
    except (ValueError, RecursionError) as error:
        return None, f"the call is no JSON ({error}): {text.strip()[:_QUOTED_CHARS]!r}"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON value")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's pairs as a dict. Which of two values is meant is not known, and readers differ in which they take."""
    data: dict[str, Any] = {}
    for key, value in pairs:
        if key in data:
            raise ValueError(f"{key[:80]!r} stands twice in one object")
        data[key] = value
    return data
