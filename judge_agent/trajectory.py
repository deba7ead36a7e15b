"""Reads a trajectory into turns, calls and steps, whatever dialect its messages are written in.

Accepts dict arguments, missing ids (results are paired to open calls in order, by name first), and the pair form
(`tool_call` / `tool_response` roles). Knows nothing of any data set; importers do.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from judge_agent.call_forms import with_calls
from judge_agent.call_marks import tool_names
from judge_agent.fenced_code import CodeFinder, blocks, plain_text
from judge_agent.read_once import read_once
from judge_agent.result_marks import MARKS, bare, kind_is_error, marked_as_error
from judge_agent.schema import ContentPart, Message, ToolCall, Trajectory
from judge_agent.written_objects import object_in, plain_json

REASONING_PARTS = frozenset(("reasoning", "thinking", "redacted_thinking", "reasoning_text"))
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
    """One message. `span_id` (m0, m1, ...) is how evidence and citations name it.

    `parts` are there where some of them are `images`. `repeats` names the call that a further result is of, where the
    call has been answered; a result `marked_failed` is marked as an error beside its text.
    """

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
    parts: tuple[ContentPart, ...] = ()
    repeats: str | None = None
    marked_failed: bool = False


@dataclass(frozen=True)
class Step:
    """One assistant turn, with the tool results that came back to it."""

    id: str
    turn: Turn
    results: tuple[Turn, ...]


@dataclass(frozen=True)
class Transcript:
    """What was read. Where there are `unread_calls`, more were made than are here: none can be said to be missing.

    `call_like_texts` only look like calls: they change nothing.
    """

    turns: tuple[Turn, ...]
    steps: tuple[Step, ...]
    ignored_fields: int
    final_answer: str | None = None
    unread_calls: int = 0
    call_like_texts: int = 0

    @property
    def calls(self) -> tuple[tuple[Step, Call], ...]:
        return tuple((step, call) for step in self.steps for call in step.turn.calls)


@read_once
def read(trajectory: Trajectory) -> Transcript:
    """Read a trajectory; assistant turns get step ids (the message's own id, else s1, s2, ...)."""
    formed = with_calls(trajectory.messages, tool_names(trajectory.tools))
    turns = _number_steps(_pair_results(_merge_pairs(formed.messages)))
    ignored = sum(map(_extra_fields, formed.messages))
    return Transcript(
        tuple(turns), _steps(turns), ignored, trajectory.final_answer, formed.unread, formed.call_like
    )


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


def fenced_blocks(text: str) -> tuple[str, ...]:
    return tuple(block.source for block in blocks(text))


def code_under_test(trajectory: Trajectory, entry_point: str | None = None) -> CodeUnderTest | None:
    """The code artifact, else the code in `final_answer` (or all of it), else that of the last step with code.

    Of several blocks: the last one in Python that defines `entry_point`, with the blocks it needs."""
    return _code_of(trajectory, entry_point)


@read_once
def _code_of(trajectory: Trajectory, entry_point: str | None) -> CodeUnderTest | None:
    artifacts = [artifact for artifact in trajectory.artifacts if artifact.kind == "code"]
    if artifacts:
        source = plain_text(artifacts[-1].content)
        return CodeUnderTest(source, "artifact", _last_step_id(trajectory))
    finder = CodeFinder(entry_point)
    if trajectory.final_answer is not None:
        source = finder.in_answer(trajectory.final_answer)
        return CodeUnderTest(source, "final_answer", _last_step_id(trajectory))
    unsure = None
    for step in reversed(read(trajectory).steps):
        found = finder.in_text(step.turn.text)
        if found is not None and found.sure:
            return CodeUnderTest(found.source, "fenced_block", step.id)
        if found is not None and unsure is None:
            unsure = CodeUnderTest(found.source, "fenced_block", step.id)
    return unsure


def text_of(message: Message) -> str:
    """The text of a message; parts that are no text are named, not dropped."""
    if message.content is None:
        return ""
    if isinstance(message.content, str):
        return message.content
    return text_of_parts(message.content, lambda index: None)


def text_of_parts(parts: Sequence[ContentPart], named: Callable[[int], str | None]) -> str:
    """What the parts say: what `named` says of an index, then the text; one without either is its type."""
    lines = []
    for index, part in enumerate(parts):
        if part.type not in REASONING_PARTS:
            said = [line for line in (named(index), part.text) if line is not None]
            lines += said or [f"[{part.type}]"]
    return "\n".join(lines)


def reasoning_of(message: Message) -> str | None:
    """The policy's hidden reasoning: its own field, and content parts that are reasoning."""
    parts = message.content if isinstance(message.content, tuple) else ()
    thoughts = [part.text or f"[{part.type}]" for part in parts if part.type in REASONING_PARTS]
    return "\n".join([message.reasoning_content or "", *thoughts]).strip() or None


def _last_step_id(trajectory: Trajectory) -> str | None:
    steps = read(trajectory).steps
    return steps[-1].id if steps else None


def _extra_fields(message: Message) -> int:
    """The fields of a message that nothing reads; the marks of a tool's result are read."""
    fields = message.model_extra or {}
    is_result = message.role in ("tool", "tool_response")
    return sum(not (is_result and bare(name) in MARKS) for name in fields)


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
    images = sum("image" in part.type for part in parts)
    return Turn(
        "",
        role,  # type: ignore[arg-type]
        text_of(message),
        reasoning=reasoning_of(message),
        calls=tuple(_call(call) for call in message.tool_calls or ()),
        name=message.name,
        call_id=message.tool_call_id,
        images=images,
        declared_id=message.id,
        parts=parts if images else (),
        marked_failed=role == "tool"
        and (marked_as_error(message.model_extra or {}) or any(kind_is_error(part.type) for part in parts)),
    )


def _pair_call(message: Message) -> Call:
    """The pair form writes a call as a JSON object or a Python literal: {'name': ..., 'arguments': ...}."""
    text = text_of(message)
    data = object_in(text)
    if data is None or not isinstance(data.get("name"), str):
        return Call(message.id or "", message.name or "", None, text, "the call is no object with a name")
    arguments = data.get("arguments", data.get("parameters"))
    raw = arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)
    return _parsed(message.id or "", data["name"], raw)


def _call(call: ToolCall) -> Call:
    raw = call.function.arguments
    if isinstance(raw, dict):
        return Call(call.id or "", call.function.name, raw, json.dumps(raw, ensure_ascii=False))
    return _parsed(call.id or "", call.function.name, raw or "")


def _parsed(call_id: str, name: str, raw: str) -> Call:
    """A call with its arguments read from JSON text; none at all are no arguments."""
    if not raw.strip():
        return Call(call_id, name, {}, raw)
    try:
        parsed = plain_json(json.loads(raw))
    except (ValueError, RecursionError) as error:
        return Call(call_id, name, None, raw, f"the arguments are no JSON: {error}")
    if not isinstance(parsed, dict):
        return Call(call_id, name, None, raw, "the arguments are no JSON object")
    return Call(call_id, name, parsed, raw)


def _pair_results(turns: list[Turn]) -> list[Turn]:
    """Say which call each tool result answers: by id, else the first open call of its name, else of any name."""
    open_calls = _OpenCalls()
    answered: dict[int, set[int]] = {}
    for index, turn in enumerate(turns):
        for position, call in enumerate(turn.calls):
            open_calls.add(call, (index, position))
        if turn.role != "tool":
            continue
        if (place := open_calls.take(turn)) is None:
            if (again := open_calls.again(turn)) is not None:
                turns[index] = replace(turn, repeats=f"{turns[again[0]].span_id}.{again[1]}")
            continue
        asker, position = place
        answered.setdefault(asker, set()).add(position)
        turns[index] = replace(turn, answers=f"{turns[asker].span_id}.{position}")
    for asker, positions in answered.items():
        calls = tuple(
            replace(call, answered=position in positions) for position, call in enumerate(turns[asker].calls)
        )
        turns[asker] = replace(turns[asker], calls=calls)
    return turns


_Place = tuple[int, int]


class _OpenCalls:
    """Calls that no result has answered yet, found by id and by name in constant time.

    A result with an id that no call has may answer a call that has no id; a call with an id waits for it.
    """

    def __init__(self) -> None:
        self._taken: set[_Place] = set()
        self._all = _Queues()
        self._without_id = _Queues()
        self._by_id: dict[str, deque[_Place]] = {}
        self._answered: dict[str, _Place] = {}
        self._last_answered: _Place | None = None

    def add(self, call: Call, place: _Place) -> None:
        self._all.add(call.name, place)
        if call.id:
            self._by_id.setdefault(call.id, deque()).append(place)
        else:
            self._without_id.add(call.name, place)

    def take(self, result: Turn) -> _Place | None:
        place = self._first(self._by_id.get(result.call_id)) if result.call_id else None
        if place is None:
            queues = self._without_id if result.call_id else self._all
            place = self._first(queues.by_name.get(result.name) if result.name else queues.any_name)
        if place is not None:
            self._taken.add(place)
            self._last_answered = place
            if result.call_id:
                self._answered[result.call_id] = place
        return place

    def again(self, result: Turn) -> _Place | None:
        """The answered call that a further result is of: by its id; without one, the call that was answered last."""
        return self._answered.get(result.call_id) if result.call_id else self._last_answered

    def _first(self, queue: deque[_Place] | None) -> _Place | None:
        while queue and queue[0] in self._taken:
            queue.popleft()
        return queue[0] if queue else None


class _Queues:
    """Places in order: of every name, and by name."""

    def __init__(self) -> None:
        self.any_name: deque[_Place] = deque()
        self.by_name: dict[str, deque[_Place]] = {}

    def add(self, name: str, place: _Place) -> None:
        self.any_name.append(place)
        self.by_name.setdefault(name, deque()).append(place)


def _number_steps(turns: list[Turn]) -> list[Turn]:
    numbered, count, used = [], 0, set[str]()
    declared = {turn.declared_id for turn in turns if turn.role == "assistant"}
    for turn in turns:
        if turn.role != "assistant":
            numbered.append(turn)
            continue
        count += 1
        if turn.declared_id and turn.declared_id not in used:
            step_id = turn.declared_id
        else:
            # A message may have declared the id that would come next; no step is named like another.
            while f"s{count}" in used or f"s{count}" in declared:
                count += 1
            step_id = f"s{count}"
        used.add(step_id)
        numbered.append(replace(turn, step_id=step_id))
    return numbered


def _steps(turns: Sequence[Turn]) -> tuple[Step, ...]:
    steps: list[tuple[str, Turn, list[Turn]]] = []
    for turn in turns:
        if turn.role == "assistant" and turn.step_id is not None:
            steps.append((turn.step_id, turn, []))
        elif turn.role == "tool" and steps:
            steps[-1][2].append(turn)
    return tuple(Step(step_id, turn, tuple(results)) for step_id, turn, results in steps)


def written_chars(trajectory: Trajectory) -> int:
    """How much the policy wrote, in characters: its turns, the arguments of its calls, and what it handed in beside.

    Its hidden reasoning, which the judge does not read unless asked to, is no part of it.
    """
    turns = [turn for turn in read(trajectory).turns if turn.role == "assistant"]
    written = sum(len(turn.text) + sum(len(call.raw_arguments) for call in turn.calls) for turn in turns)
    final = trajectory.final_answer
    if final is not None and all(final not in turn.text for turn in turns):
        written += len(final)
    return written + sum(len(str(artifact.content)) for artifact in trajectory.artifacts)
