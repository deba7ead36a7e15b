"""Reads a trajectory into turns, calls and steps, whatever dialect its messages are written in.

Accepts dict arguments, missing ids (results are paired to open calls in order, by name first), and the
pair form (`tool_call` / `tool_response` roles). Knows nothing of any data set; importers do.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from judge_agent.schema import FunctionCall, Message, ToolCall, Trajectory

TurnRole = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True)
class Call:
    """One tool call of the agent. `arguments` is None where the text is no JSON object; `problem` says why."""

    id: str
    name: str
    arguments: Mapping[str, Any] | None
    raw_arguments: str
    problem: str | None = None
    answered: bool = False


@dataclass(frozen=True)
class Turn:
    """One message. `span_id` (m0, m1, ...) is how evidence and citations name it."""

    span_id: str
    role: TurnRole
    text: str
    reasoning: str | None = None
    calls: tuple[Call, ...] = ()
    name: str | None = None
    call_id: str | None = None
    answers: str | None = None
    step_id: str | None = None
    images: int = 0
    declared_id: str | None = None


@dataclass(frozen=True)
class Step:
    """One assistant turn, with the tool results that came back to it."""

    id: str
    turn: Turn
    results: tuple[Turn, ...]


@dataclass(frozen=True)
class Transcript:
    turns: tuple[Turn, ...]
    steps: tuple[Step, ...]
    ignored_fields: int

    @property
    def calls(self) -> tuple[tuple[Step, Call], ...]:
        return tuple((step, call) for step in self.steps for call in step.turn.calls)


def read(trajectory: Trajectory) -> Transcript:
    """Read a trajectory; assistant turns get step ids (the message's own id, else s1, s2, ...)."""
    turns = _pair_results(_merge_pairs(trajectory.messages))
    turns = _number_steps(turns)
    return Transcript(turns, _steps(turns), sum(_extra_fields(message) for message in trajectory.messages))


def final_answer(trajectory: Trajectory) -> str:
    """The declared final answer, else the last assistant text; empty when there is neither."""
    if trajectory.final_answer is not None:
        return trajectory.final_answer
    for message in reversed(trajectory.messages):
        if message.role == "assistant" and text_of(message).strip():
            return text_of(message)
    return ""


class CodeUnderTest(NamedTuple):
    source: str
    origin: Literal["artifact", "final_answer", "fenced_block"]
    step_id: str | None


_FENCE = re.compile(r"^(`{3,}|~{3,})[ \t]*([\w+-]*)[^\n]*\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)


def fenced_blocks(text: str) -> tuple[str, ...]:
    return tuple(match.group(3) for match in _FENCE.finditer(text))


def code_under_test(trajectory: Trajectory) -> CodeUnderTest | None:
    """The code artifact, else `final_answer` (its last fenced block, if it has one), else the last fenced block."""
    artifacts = [artifact for artifact in trajectory.artifacts if artifact.kind == "code"]
    if artifacts:
        return CodeUnderTest(artifacts[-1].content, "artifact", _last_step_id(trajectory))
    if trajectory.final_answer is not None:
        blocks = fenced_blocks(trajectory.final_answer)
        source = blocks[-1] if blocks else trajectory.final_answer
        return CodeUnderTest(source, "final_answer", _last_step_id(trajectory))
    for step in reversed(read(trajectory).steps):
        if blocks := fenced_blocks(step.turn.text):
            return CodeUnderTest(blocks[-1], "fenced_block", step.id)
    return None


def text_of(message: Message) -> str:
    """The text of a message; parts that are no text are named, not dropped."""
    if message.content is None:
        return ""
    if isinstance(message.content, str):
        return message.content
    return "\n".join(part.text if part.text is not None else f"[{part.type}]" for part in message.content)


def _last_step_id(trajectory: Trajectory) -> str | None:
    steps = read(trajectory).steps
    return steps[-1].id if steps else None


def _extra_fields(message: Message) -> int:
    return len(message.model_extra or {})


def _merge_pairs(messages: Sequence[Message]) -> list[Turn]:
    """Turn messages into turns; consecutive `tool_call` messages are one assistant turn."""
    turns: list[Turn] = []
    open_pair = False
    for message in messages:
        if message.role == "tool_call":
            call = _pair_call(message)
            if open_pair:
                turns[-1] = replace(turns[-1], calls=(*turns[-1].calls, call))
            else:
                turns.append(Turn("", "assistant", "", calls=(call,), declared_id=message.id))
        else:
            turns.append(_turn(message))
        open_pair = message.role == "tool_call"
    return [replace(turn, span_id=f"m{index}") for index, turn in enumerate(turns)]


def _turn(message: Message) -> Turn:
    roles: dict[str, TurnRole] = {"developer": "system", "tool_response": "tool"}
    role = roles.get(message.role) or message.role
    parts = message.content if isinstance(message.content, tuple) else ()
    return Turn(
        "",
        role,  # type: ignore[arg-type]
        text_of(message),
        reasoning=message.reasoning_content,
        calls=tuple(_call(call) for call in message.tool_calls or ()),
        name=message.name,
        call_id=message.tool_call_id,
        images=sum("image" in part.type for part in parts),
        declared_id=message.id,
    )


def _pair_call(message: Message) -> Call:
    """The pair form writes a call as a JSON object or a Python literal: {'name': ..., 'arguments': ...}."""
    text = text_of(message)
    data = _object_in(text)
    if data is None or not isinstance(data.get("name"), str):
        return Call(message.id or "", message.name or "", None, text, "the call is no object with a name")
    arguments = data.get("arguments", data.get("parameters"))
    return _call(
        ToolCall(id=message.id, function=FunctionCall(name=data["name"], arguments=_text_or_dict(arguments)))
    )


def _text_or_dict(value: object) -> str | dict[str, Any] | None:
    if value is None or isinstance(value, (str, dict)):
        return value
    return json.dumps(value)


def _object_in(text: str) -> dict[str, Any] | None:
    for parse in (json.loads, ast.literal_eval):
        try:
            data = parse(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(data, dict):
            return data
    return None


def _call(call: ToolCall) -> Call:
    raw = call.function.arguments
    if isinstance(raw, dict):
        return Call(call.id or "", call.function.name, raw, json.dumps(raw, ensure_ascii=False))
    if raw is None or not raw.strip():
        return Call(call.id or "", call.function.name, {}, raw or "")
    try:
        parsed = json.loads(raw)
    except (ValueError, RecursionError) as error:
        return Call(call.id or "", call.function.name, None, raw, f"the arguments are no JSON: {error}")
    if not isinstance(parsed, dict):
        return Call(call.id or "", call.function.name, None, raw, "the arguments are no JSON object")
    return Call(call.id or "", call.function.name, parsed, raw)


def _pair_results(turns: list[Turn]) -> list[Turn]:
    """Say which call each tool result answers: by id, else the first open call of its name, else of any name."""
    open_calls: list[tuple[int, int]] = []
    for index, turn in enumerate(turns):
        if turn.calls:
            open_calls.extend((index, position) for position in range(len(turn.calls)))
        if turn.role != "tool":
            continue
        found = _answered(turns, open_calls, turn)
        if found is None:
            continue
        open_calls.remove(found)
        asker, position = found
        calls = list(turns[asker].calls)
        calls[position] = replace(calls[position], answered=True)
        turns[asker] = replace(turns[asker], calls=tuple(calls))
        turns[index] = replace(turn, answers=f"{turns[asker].span_id}.{position}")
    return turns


def _answered(
    turns: Sequence[Turn], open_calls: Iterable[tuple[int, int]], result: Turn
) -> tuple[int, int] | None:
    candidates = list(open_calls)
    if result.call_id:
        for place in candidates:
            if turns[place[0]].calls[place[1]].id == result.call_id:
                return place
        candidates = [place for place in candidates if not turns[place[0]].calls[place[1]].id]
    if result.name:
        for place in candidates:
            if turns[place[0]].calls[place[1]].name == result.name:
                return place
        return None
    return candidates[0] if candidates else None


def _number_steps(turns: list[Turn]) -> list[Turn]:
    numbered, count, used = [], 0, set[str]()
    for turn in turns:
        if turn.role != "assistant":
            numbered.append(turn)
            continue
        count += 1
        step_id = turn.declared_id if turn.declared_id and turn.declared_id not in used else f"s{count}"
        used.add(step_id)
        numbered.append(replace(turn, step_id=step_id))
    return numbered


def _steps(turns: Sequence[Turn]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for turn in turns:
        if turn.role == "assistant" and turn.step_id is not None:
            steps.append(Step(turn.step_id, turn, ()))
        elif turn.role == "tool" and steps:
            steps[-1] = replace(steps[-1], results=(*steps[-1].results, turn))
    return tuple(steps)
