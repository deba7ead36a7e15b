"""Lets a model make calls while it answers a turn: each is run, and the answer goes on with what it found.

Sources: TIR-Judge (arXiv 2510.23038), programs in the midst of reasoning; ARM-Thinker (arXiv 2512.05111), think, act,
verify. Calls are held to what is offered, budgeted and recorded as those of `gather` are; what they find informs and
never decides. A walk through turns has its own results: nothing of it hangs on what another walk asked before.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.errors import ModelError
from judge_agent.nodes.asking import offered_tools
from judge_agent.nodes.found import Found
from judge_agent.nodes.function_calls import FunctionCalls
from judge_agent.nodes.function_calls import Turn as Answered
from judge_agent.nodes.inquiry import Inquiry
from judge_agent.nodes.tool_loop import MAX_BAD_TURNS, handles_of
from judge_agent.prompting.fences import neutralise
from judge_agent.prompting.handles import neutral
from judge_agent.prompting.images import MAX_IMAGES
from judge_agent.prompting.notes import with_note
from judge_agent.readouts import WrittenCall, after_reasoning, answer_text, read_written_call
from judge_agent.recipes import TurnCalls
from judge_agent.schema import Evidence
from judge_agent.seams.model import ChatMessage, Choice, Image
from judge_agent.seams.tool import Tool
from judge_agent.state import Json

PROGRAMS = "run_python"
MAX_SAID_CHARS = 8000
_LAST = "No more calls can be made. Give your answer now, in the form that was asked for, from what you have."
_COUNTED = ("repeated_tool_calls", "bad_tool_calls", "tool_unavailable", "gather_stopped", "gathered_cut")

Ask = Callable[[Sequence[ChatMessage], int], Awaitable[Choice]]


class _At(NamedTuple):
    """Where calls about one response are made."""

    slot: str
    inquiry: Inquiry
    calls: FunctionCalls


class Made(NamedTuple):
    """One call that was made, or could not be: what the model is told, and the pictures that came of it."""

    text: str
    pictures: tuple[Image, ...]
    turn: Answered


@dataclass
class Desk:
    """Where one walk's calls about each response are made. `results` and `flags` are what the record says of them.

    `shown` holds each slot's candidate with the evidence that was there before.
    """

    context: JudgeContext
    shown: Mapping[str, tuple[CanonicalCandidate, Sequence[Evidence]]]
    _open: dict[str, _At] = field(default_factory=dict)
    _all: list[_At] = field(default_factory=list)

    def begin(self) -> None:
        """Begin a conversation: what an earlier one found is not in it, and may be asked for again."""
        self._open = {}

    def described(self, form: TurnCalls) -> str:
        """What prompts say of the tools: one line each, with the schema of its arguments."""
        offered: dict[str, Tool] = {}
        for candidate, _ in self.shown.values():
            for tool in self._offered(candidate, Found(candidate), form):
                offered.setdefault(tool.name, tool)
        lines = [
            f"- {tool.name}: {tool.description} Arguments: {json.dumps(dict(tool.parameters), ensure_ascii=False)}"
            for tool in offered.values()
        ]
        return "\n".join(lines) or "(there is no tool for this task)"

    async def make(self, call: WrittenCall, form: TurnCalls, round_: int) -> Made:
        """Make one call. Raises BudgetExceeded('deadline')."""
        at = self._at(call.response, form)
        known = len(at.inquiry.found.evidence)
        written = {"name": call.tool, "arguments": json.dumps(call.arguments, ensure_ascii=False)}
        asked = Choice(None, "tool_calls", tool_calls=({"id": "0", "type": "function", "function": written},))
        turn = await at.calls.answered(asked, round_)
        about = f"About response {at.slot}: " if at.slot else ""
        return Made(
            about + turn.messages[-1].content, self._pictures(at.inquiry.found.evidence[known:]), turn
        )

    def refuse(self, problem: ModelError, form: TurnCalls) -> str:
        """Count a call that could not be read; returns why, as the model is told."""
        return self._at("", form).inquiry.refuse(problem)

    @property
    def results(self) -> list[Json]:
        """What was found, as evidence, that was not there before."""
        found: dict[str, Json] = {}
        for at in self._all:
            before = {item.id for item in self.shown[at.slot][1]}
            found |= {item["id"]: item for item in at.inquiry.found.evidence if item["id"] not in before}
        return list(found.values())

    @property
    def flags(self) -> dict[str, Json]:
        """By candidate id: what went wrong with the calls about it."""
        said: dict[str, Json] = {}
        for at in self._all:
            own = at.inquiry.found.flags
            flags = {name: own[name] for name in _COUNTED if name in own}
            candidate_id = self.shown[at.slot][0].id
            said[candidate_id] = {**said.get(candidate_id, {}), **flags}
        return said

    def _pictures(self, found: Sequence[Json]) -> tuple[Image, ...]:
        if not self.context.calls.can("images"):
            return ()
        images = [one for item in found for one in Evidence.model_validate(item).images]
        return tuple(Image(one.media_type, one.sha256, one.data) for one in images)[:MAX_IMAGES]

    def _at(self, named: str, form: TurnCalls) -> _At:
        """Where calls about a slot are made; about the first one shown where none is named."""
        slot = named if named in self.shown else next(iter(self.shown))
        if slot not in self._open:
            candidate, evidence = self.shown[slot]
            found = Found(candidate)
            found.evidence = [item.model_dump(mode="json") for item in evidence]
            inquiry = Inquiry(self.context, found, self._offered(candidate, found, form), ())
            at = _At(slot, inquiry, FunctionCalls(inquiry, handles_of(inquiry, inquiry.material())))
            self._open[slot] = at
            self._all.append(at)
        return self._open[slot]

    def _offered(self, candidate: CanonicalCandidate, found: Found, form: TurnCalls) -> list[Tool]:
        """The tools of the form. Programs are part of how the method thinks, whatever the task is of."""
        if form.format == "python":
            return [tool for tool in self.context.tools if tool.name == PROGRAMS]
        return offered_tools(self.context, candidate, found)


async def with_calls(desk: Desk, form: TurnCalls, messages: Sequence[ChatMessage], ask: Ask) -> Choice:
    """Ask until the answer makes no call; that answer is returned.

    Raises ModelError('model_unparseable') for an answer that makes a call when none can be made any more, and what
    asking raises.
    """
    desk.begin()
    told, bad = tuple(messages), 0
    for round_ in range(form.rounds):
        choice = await ask(told, round_)
        with desk.context.calls.useless_unless_read():
            text = after_reasoning(answer_text(choice))
        try:
            call = read_written_call(text, form.format)
        except ModelError as problem:
            said = neutralise(text)[:MAX_SAID_CHARS]
            refused = f"Your call was not possible: {desk.refuse(problem, form)}."
            told, bad = (*told, ChatMessage("assistant", said), ChatMessage("user", refused)), bad + 1
            if bad == MAX_BAD_TURNS:
                break
            continue
        if call is None:
            return choice
        made = await desk.make(call, form, round_)
        result = ChatMessage("user", _result(form, made.text), made.pictures)
        told = (*told, ChatMessage("assistant", _echoed(form, call)), result)
        bad = 0 if made.turn.useful else bad + 1
        if made.turn.spent or made.turn.done or bad == MAX_BAD_TURNS:
            break
    choice = await ask(with_note(told, _LAST), form.rounds)
    with desk.context.calls.useless_unless_read():
        if read_written_call(answer_text(choice), form.format) is not None:
            raise ModelError("model_unparseable", "the answer makes a call where its verdict is due")
    return choice


def _echoed(form: TurnCalls, call: WrittenCall) -> str:
    """A call as it is sent back: what the model wrote may quote what it read."""
    if form.format == "python":
        return neutralise(call.said)[:MAX_SAID_CHARS]
    thought = neutralise(call.said.partition("<tool_call")[0]).strip()[:MAX_SAID_CHARS]
    written = neutral({"name": call.tool, "arguments": call.arguments})
    named = {**written, "response": neutralise(call.response)} if call.response else written
    return f"{thought}\n<tool_call>{json.dumps(named, ensure_ascii=False)}</tool_call>".strip()


def _result(form: TurnCalls, text: str) -> str:
    if form.format == "python":
        return f"```output\n{text}\n```"
    return f"<tool_response>\n{text}\n</tool_response>"
