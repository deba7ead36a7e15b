"""Readout `react`: one step of Thought, Action and Action Input, as Themis (2310.01045) writes it.

The caller runs the tool and shows what it found. An observation that the model wrote itself is made up, and
a step that holds one is not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from judge_agent.readouts.answer import after_reasoning, unparseable
from judge_agent.readouts.json_object import no_key_twice
from judge_agent.readouts.near_steps import refuse_steps_beside, refuse_steps_within

FINISH = "Finish"
# Chat models like to write the labels in bold, and the tool's name as code.
_COLON = r"(?:\*\*)?[ \t]*:(?:\*\*)?"
_ACTION = re.compile(rf"^[ \t]*+(?:\*\*)?Action{_COLON}[ \t]*", re.MULTILINE)
_INPUT = re.compile(rf"(?:^|[ \t])[ \t]{{0,8}}(?:\*\*)?Action Input{_COLON}", re.MULTILINE)
_THOUGHT = re.compile(rf"^[ \t]*+(?:\*\*)?Thought{_COLON}[ \t]*", re.MULTILINE)
_OBSERVATION = re.compile(r"^[ \t]*+(?:\*\*)?(?:Observation|OBSERVATION)\b", re.MULTILINE)
_CODE = re.compile(r"`([^`]*)`")
_FENCED = re.compile(r"```[a-z]{0,12}[ \t]*\n(.*)\n[ \t]*```", re.DOTALL)
_SCORE = re.compile(r"-?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?")


class ToolStep(NamedTuple):
    """`tool` is to be called with the text `argument`."""

    thought: str
    tool: str
    argument: str


class FinishStep(NamedTuple):
    """The model needs no further tool; it ends with what it `said`, or, where a range was given, with a `score`."""

    thought: str
    score: float | None
    said: str = ""


def read_step(
    text: str | None, tools: Collection[str], low: float | None = None, high: float | None = None
) -> ToolStep | FinishStep:
    """Return what the model does next: a call of one of `tools`, or `Finish`, with a score in [low, high] if given.

    Raises ModelError('model_unparseable') for no action or two, an unknown tool, no input, an observation of
    the model's own, any other label of a step in nearly its form, and a final score that is no number or out of range.
    """
    answer = after_reasoning(text)
    if _OBSERVATION.search(answer):
        raise unparseable("the answer makes up an observation")
    refuse_steps_beside(answer, (_THOUGHT, _ACTION, _INPUT))
    thought, tool, argument = _parts(answer)
    refuse_steps_within(argument)
    if tool == FINISH:
        score = None if low is None or high is None else _score(argument, low, high)
        return FinishStep(thought, score, argument)
    if tool not in tools:
        raise unparseable(f"{tool[:60]!r} is not one of the tools {sorted(tools)}")
    if not argument:
        raise unparseable(f"the call of {tool!r} has no input")
    return ToolStep(thought, tool, argument)


def read_input(written: str, parameters: Mapping[str, Any]) -> str:
    """Return the arguments that an Action Input gives, as the JSON text of an object.

    It is that object, or, for a tool that needs one text and nothing else, the text itself. Either may stand in a
    code block. `parameters` is the tool's JSON Schema. Raises ModelError('model_unparseable') for anything else;
    whether the arguments are right by the schema is not looked at.
    """
    fenced = _FENCED.fullmatch(written.strip())
    text = fenced.group(1) if fenced else written.strip()
    only = _only_text(parameters)
    arguments: object = {only: text} if only and text[:1] not in ("{", '"') else _parsed(text)
    if only and isinstance(arguments, str):
        arguments = {only: arguments}
    if not isinstance(arguments, Mapping):
        raise unparseable(f"the input {text[:80]!r} is no JSON object")
    try:
        given = json.dumps(arguments, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise unparseable(f"the input is no JSON object: {error}") from error
    return given.encode("utf-8", "replace").decode()


def _only_text(parameters: Mapping[str, Any]) -> str | None:
    required, properties = parameters.get("required", ()), parameters.get("properties", {})
    if len(required) != 1 or properties.get(required[0], {}).get("type") != "string":
        return None
    return str(required[0])


def _parsed(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=no_key_twice)
    except (ValueError, RecursionError) as error:
        raise unparseable(f"the input {text[:80]!r} does not parse as JSON: {error}") from error


def _parts(answer: str) -> tuple[str, str, str]:
    action = _only(_ACTION, answer, "Action:")
    given = _only(_INPUT, answer, "Action Input:")
    if given.start() < action.end():
        raise unparseable("'Action Input:' stands before 'Action:'")
    begin = _only(_THOUGHT, answer, "Thought:")
    if begin.start() > action.start():
        raise unparseable("'Thought:' stands behind 'Action:'")
    tool = answer[action.end() : given.start()].strip()
    if code := _CODE.fullmatch(tool):
        tool = code.group(1)
    return answer[begin.end() : action.start()].strip(), tool, answer[given.end() :].strip()


def _only(label: re.Pattern[str], text: str, name: str) -> re.Match[str]:
    matches = list(label.finditer(text))
    if len(matches) != 1:
        raise unparseable(f"the answer has {name!r} {len(matches)} times, once is due")
    return matches[0]


def _score(written: str, low: float, high: float) -> float:
    if not _SCORE.fullmatch(written):
        raise unparseable(f"the final score is {written[:40]!r}, not a plain number")
    if not low <= float(written) <= high:
        raise unparseable(f"the final score {written} is outside {low:g} to {high:g}")
    return float(written)
