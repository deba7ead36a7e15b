"""Which tool calls a reference expects, and how strictly: what `match_tool_calls` compares with."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from judge_agent.schema.base import Envelope, Name, Number, Truth
from judge_agent.schema.refusals import Refused

MAX_EXPECTED_CALLS = 500
MAX_ALTERNATIVES = 16
MAX_ARGUMENT_DEPTH = 60
# What other forms have beside the call itself.
_NOT_OURS = frozenset(("id", "call_id", "index", "type", "function"))
_ARGUMENTS = ("arguments", "kwargs", "parameters", "args", "input")
_CALL_EXAMPLE: JsonDict = {
    "name": "get_weather",
    "arguments": {"city": "New York", "unit": "C"},
    "accept": {"city": ["NYC"]},
    "optional": ["unit"],
}
_RULES_EXAMPLE: JsonDict = {"exact": True, "order": "per_name", "free": ["search"]}
_Argument = Annotated[str, Field(min_length=1, max_length=256)]
# Lists are read to their first wrong item: each of a hundred thousand would be an error to keep.
_Arguments = Annotated[tuple[_Argument, ...], Field(max_length=200, fail_fast=True)]


class ExpectedCall(Envelope):
    """A call that the agent is to make.

    `accept` lists further values of an argument that are as good, `optional` names arguments that may be left out.
    Read leniently: arguments may be JSON text, called `kwargs` or `parameters`, or lie in OpenAI's `function`.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_CALL_EXAMPLE]})

    name: Name
    arguments: dict[str, Any] = {}
    accept: dict[str, Annotated[tuple[Any, ...], Field(max_length=100, fail_fast=True)]] = {}
    optional: _Arguments = ()

    @model_validator(mode="before")
    @classmethod
    def _any_form(cls, value: Any) -> Any:
        return _plain(value) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _bounded(self) -> ExpectedCall:
        for field, held in (("arguments", self.arguments), ("accept", self.accept)):
            if is_deeper(held, MAX_ARGUMENT_DEPTH):
                raise Refused(field, f"is nested deeper than {MAX_ARGUMENT_DEPTH} levels", None)
            if not is_finite(held):
                raise Refused(field, "holds a number that is no finite one, which JSON has not", None)
        for name in (*self.accept, *self.optional):
            if name not in self.arguments:
                raise Refused("arguments", f"{name!r} is accepted or optional, but has no value here", None)
        return self


Calls = Annotated[tuple[ExpectedCall, ...], Field(max_length=MAX_EXPECTED_CALLS, fail_fast=True)]


class CallRules(Envelope):
    """How the calls of `tool_calls` are meant.

    `exact`: these calls and no other ones are right, so a missing, wrong or extra one refutes decisively; without it
    other calls may do as well, and only a complete match decides. `order`: `any`, `per_name` (calls of one tool keep
    theirs) or `strict`. `extra`: whether calls beyond the expected ones count; `free` names tools whose calls never
    do (reading ones). `defaults` are the values that a tool takes where an argument is left out.
    `ignored_arguments` and `unordered_arguments` name arguments by tool (`*`: of every tool). `text`:
    `case_and_space` makes texts equal that differ in these only. `number_tolerance` is absolute.
    `score: "credit"` gives the F1 of the calls' credits in place of 0 or 1. `alternatives`: other lists of calls
    that are as good as `tool_calls`.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_RULES_EXAMPLE]})

    exact: Truth = False
    order: Literal["any", "per_name", "strict"] = "any"
    extra: Literal["counted", "allowed"] = "counted"
    free: Annotated[tuple[Name, ...], Field(max_length=500, fail_fast=True)] = ()
    ignored_arguments: dict[Name, _Arguments] = {}
    unordered_arguments: dict[Name, _Arguments] = {}
    defaults: dict[Name, dict[str, Any]] = {}
    text: Literal["exact", "case_and_space"] = "exact"
    number_tolerance: Annotated[Number, Field(ge=0)] = 0.0
    score: Literal["pass_fail", "credit"] = "pass_fail"
    alternatives: Annotated[tuple[Calls, ...], Field(max_length=MAX_ALTERNATIVES, fail_fast=True)] = ()

    @model_validator(mode="after")
    def _bounded(self) -> CallRules:
        if is_deeper(self.defaults, MAX_ARGUMENT_DEPTH):
            raise Refused("defaults", f"is nested deeper than {MAX_ARGUMENT_DEPTH} levels", None)
        if not is_finite(self.defaults):
            raise Refused("defaults", "holds a number that is no finite one, which JSON has not", None)
        return self


def is_deeper(value: Any, limit: int) -> bool:
    """Whether a JSON value is nested deeper than so many levels; in linear time, without recursion."""
    level = [value] if isinstance(value, _CONTAINERS) else []
    for _ in range(limit):
        inner: list[Any] = []
        for item in level:
            parts = item.values() if isinstance(item, dict) else item
            inner += [part for part in parts if isinstance(part, _CONTAINERS)]
        if not inner:
            return False
        level = inner
    return True


def is_finite(value: Any) -> bool:
    """Whether every number in a JSON value (of bounded depth) is finite."""
    if isinstance(value, _CONTAINERS):
        return all(map(is_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


_CONTAINERS = (dict, list, tuple)


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """The four fields, out of whichever form the call has; what is unknown stays, and is refused."""
    plain = {key: item for key, item in value.items() if key not in _NOT_OURS}
    function = value.get("function")
    if isinstance(function, dict):
        plain = {**function, **plain}
    elif isinstance(function, str) and "name" not in plain:
        plain["name"] = function
    given = [key for key in _ARGUMENTS if key in plain]
    if len(given) > 1:
        raise Refused(given[1], f"the arguments are given twice, as {given[0]!r} too", None)
    if given:
        plain["arguments"] = _read(plain.pop(given[0]))
    return plain


def _read(arguments: Any) -> Any:
    if arguments is None:
        return {}
    if not isinstance(arguments, str):
        return arguments
    if not arguments.strip():
        return {}
    try:
        # Half surrogate pairs become what they become in the calls that are made: no record could hold them.
        written = json.dumps(json.loads(arguments), ensure_ascii=False)
        return json.loads(written.encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise Refused("arguments", f"the text is no JSON object: {error}", arguments[:200]) from error
