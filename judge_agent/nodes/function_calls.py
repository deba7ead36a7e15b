"""Makes the function calls of one turn, all at once, and writes the answers that go back to the model.

A call that cannot be made is answered with the error and counted; one that was made before is answered with the
name of its result. Ids are ours: a server's differ from run to run, and the same input gives the same prompts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from judge_agent.calls import ToolRun
from judge_agent.errors import BudgetExceeded, JudgeError
from judge_agent.nodes.found import evidence_id
from judge_agent.nodes.inquiry import Inquiry, check_arguments
from judge_agent.prompting.fences import fence, neutralise
from judge_agent.prompting.handles import Handles, neutral
from judge_agent.prompting.results import output_text, result_text
from judge_agent.seams.endings import is_whole
from judge_agent.seams.model import ChatMessage, Choice, ToolCall
from judge_agent.seams.tool import Tool
from judge_agent.state import Json

DONE = "done"
OPEN_RESULT = "open_result"
MAX_SAID_CHARS = 2000
_OPEN_PARAMETERS = {
    "type": "object",
    "properties": {"handle": {"type": "string"}, "offset": {"type": "integer", "minimum": 0}},
    "required": ["handle", "offset"],
    "additionalProperties": False,
}
_NO_PARAMETERS = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
_CUT = "Your answer was cut off. Call a function, or done."
_SILENT = "You called nothing and said nothing. Call a function, or done."


def functions(offered: Sequence[Tool]) -> tuple[Json, ...]:
    """The offered tools as strict functions, and the two that are the loop's own."""
    reads_on = (
        "Reads on in a text that was shown by its beginning. handle is its id, such as r1, e2, m3 or a0."
    )
    ends = "Ends the checking: what was found suffices, or nothing more would help."
    return (
        *(_function(tool.name, tool.description, tool.parameters) for tool in offered),
        _function(OPEN_RESULT, reads_on, _OPEN_PARAMETERS),
        _function(DONE, ends, _NO_PARAMETERS),
    )


def _function(name: str, description: str, parameters: Mapping[str, Any]) -> Json:
    function = {"name": name, "description": description, "strict": True, "parameters": dict(parameters)}
    return {"type": "function", "function": function}


class Turn(NamedTuple):
    """One turn of the model with the answers to its calls, as messages; `made` counts the tool calls in it.

    `done`: it wants no more, and `note` is what it says of the results. `useful`: a call got it something new.
    `spent`: no calls are left.
    """

    messages: tuple[ChatMessage, ...]
    made: int = 0
    done: bool = False
    useful: bool = False
    spent: bool = False
    note: str = ""


class _Planned(NamedTuple):
    """A call that can be made; `given` is as the model wrote it, `arguments` with the handles' texts filled in."""

    tool: Tool
    given: Mapping[str, Any]
    arguments: Mapping[str, Any]
    key: str


class _Answer(NamedTuple):
    text: str
    useful: bool = False


_Outcome = ToolRun | JudgeError | ValueError


class FunctionCalls:
    """The function calls of one inquiry, turn by turn."""

    def __init__(self, inquiry: Inquiry, handles: Handles) -> None:
        self._inquiry, self._handles = inquiry, handles
        self._handle_of: dict[str, str] = {}

    async def answered(self, choice: Choice, round_: int) -> Turn:
        """Make the turn's calls, and answer each in its order. Raises BudgetExceeded('deadline')."""
        calls = [ToolCall.of(call) for call in choice.tool_calls]
        if not calls:
            return self._without_calls(choice)
        plans = [self._planned(call) for call in calls]
        due = {plan.key: plan for plan in reversed(plans) if isinstance(plan, _Planned)}
        outcomes = await self._run(
            [plan for plan in plans if isinstance(plan, _Planned) and due[plan.key] is plan]
        )
        answers = [
            await self._answer(plan, outcomes) if isinstance(plan, _Planned) else plan for plan in plans
        ]
        ids = [f"c{round_:03d}{index:05d}" for index in range(len(calls))]
        echoed = tuple(_echoed(call, id_) for call, id_ in zip(calls, ids, strict=True))
        said = neutralise(choice.content or "")[:MAX_SAID_CHARS]
        return Turn(
            (
                ChatMessage("assistant", said, tool_calls=echoed),
                *(
                    ChatMessage("tool", answer.text, tool_call_id=id_)
                    for answer, id_ in zip(answers, ids, strict=True)
                ),
            ),
            made=sum(isinstance(outcome, ToolRun) for outcome in outcomes.values()),
            done=any(call.name == DONE and call.error is None for call in calls),
            useful=any(answer.useful for answer in answers),
            spent=any(isinstance(outcome, BudgetExceeded) for outcome in outcomes.values()),
        )

    def _without_calls(self, choice: Choice) -> Turn:
        """A turn of words alone ends the asking; one that was cut off or is empty does not."""
        said = neutralise(choice.content or "").strip()
        if said and is_whole(choice.finish_reason):
            return Turn((), done=True, note=choice.content or "")
        problem = _CUT if said else _SILENT
        self._inquiry.refuse(problem)
        shown = ChatMessage("assistant", said[:MAX_SAID_CHARS] or "(nothing)")
        return Turn((shown, ChatMessage("user", problem)))

    def _planned(self, call: ToolCall) -> _Planned | _Answer:
        """What is to be run for a call, or the answer to one for which nothing is."""
        try:
            if call.error is not None:
                raise ValueError(call.error)
            if call.name == DONE:
                return _Answer("The checking has ended.")
            if call.name == OPEN_RESULT:
                check_arguments(_OPEN_PARAMETERS, call.arguments)
                return _Answer(
                    self._handles.page(call.arguments["handle"], int(call.arguments["offset"])), True
                )
            tool, arguments = self._inquiry.checked(call.name, self._handles.filled(call.arguments))
        except ValueError as error:
            return _Answer(f"The call was not possible: {self._inquiry.refuse(error)}")
        key = evidence_id(tool, arguments, self._inquiry.candidate)
        known = self._handle_of.get(key) or self._inquiry.found.alias_of(key)
        if known is not None:
            return self._repeated(known)
        return _Planned(tool, call.arguments, arguments, key)

    def _repeated(self, handle: str) -> _Answer:
        self._inquiry.found.count("repeated_tool_calls")
        return _Answer(f"You have the result of this call already: it is {handle}.")

    async def _run(self, plans: Sequence[_Planned]) -> dict[str, _Outcome]:
        """Run calls at once; what each came to, by its key."""
        async with asyncio.TaskGroup() as group:
            tasks = {plan.key: group.create_task(self._tried(plan)) for plan in plans}
        outcomes = {key: task.result() for key, task in tasks.items()}
        for outcome in outcomes.values():
            if isinstance(outcome, BudgetExceeded) and outcome.failure_kind != "budget_exhausted":
                raise outcome
        return outcomes

    async def _tried(self, plan: _Planned) -> _Outcome:
        """A failure as a value: a task group would end the other calls for it."""
        try:
            return await self._inquiry.make(plan.tool, plan.arguments)
        except (JudgeError, ValueError) as error:
            return error

    async def _answer(self, plan: _Planned, outcomes: Mapping[str, _Outcome]) -> _Answer:
        if plan.key in self._handle_of:
            return self._repeated(self._handle_of[plan.key])
        outcome = outcomes[plan.key]
        if isinstance(outcome, ToolRun):
            return await self._result(plan, outcome)
        if isinstance(outcome, BudgetExceeded):
            self._inquiry.stopped(outcome)
            return _Answer("No more calls can be made.")
        if isinstance(outcome, JudgeError):
            self._inquiry.broken(plan.tool, outcome)
            return _Answer(f"{plan.tool.name} is out of order: {neutralise(str(outcome))[:200]}")
        return _Answer(f"The call was not possible: {self._inquiry.refuse(outcome)}")

    async def _result(self, plan: _Planned, run: ToolRun) -> _Answer:
        await self._inquiry.keep(plan.tool, plan.arguments, run, plan.given)
        output, reason = output_text(run.result.output), "; ".join(f.reason for f in run.result.findings)
        shown = result_text(plan.tool.name, plan.given, run.result.status, reason, output)
        handle = self._handles.add_result(shown, output)
        self._handle_of[plan.key] = handle
        return _Answer(f"{handle}:\n{fence('RESULT', self._handles.head(handle))}", True)


def _echoed(call: ToolCall, id_: str) -> Json:
    """A call as it is sent back; the arguments of one that could not be read are left out."""
    try:
        arguments = neutral(call.arguments)
    except RecursionError:
        arguments = {}
    function = {"name": call.name, "arguments": json.dumps(arguments, ensure_ascii=False)}
    return {"id": id_, "type": "function", "function": function}
