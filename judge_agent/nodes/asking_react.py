"""Asks in text, one step a turn: Thought, Action, Action Input; what a tool says goes back as Observation.

For models that call no functions and are not held to a schema. Source: the form of Themis (arXiv 2310.01045) and
ReAct (arXiv 2210.03629). A step that cannot be read is answered with what is wrong with it, and counted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from judge_agent.calls import ModelCall
from judge_agent.errors import ModelError
from judge_agent.nodes.function_calls import MAX_SAID_CHARS, FunctionCalls, Turn, functions
from judge_agent.nodes.inquiry import GATHER_MAX_TOKENS, Inquiry
from judge_agent.nodes.tool_loop import ask_in_turns
from judge_agent.prompting.fences import neutralise
from judge_agent.readouts import FinishStep, ToolStep, answer_text, read_input, read_step
from judge_agent.seams.model import ChatMessage, Choice

_STOP = ("\nObservation:",)
_REMINDER = "Answer with Thought:, Action: and Action Input:, each once; to end, the action is Finish."


async def ask_by_react(inquiry: Inquiry) -> None:
    """Let the model take steps, until it is done or its rounds or calls are used up."""
    await ask_in_turns(inquiry, lambda calls: _Steps(inquiry, calls))


class _Steps:
    prompt: Literal["gather_react"] = "gather_react"
    beside = ""

    def __init__(self, inquiry: Inquiry, calls: FunctionCalls) -> None:
        self._inquiry, self._calls = inquiry, calls
        offered = (function["function"] for function in functions(inquiry.offered))
        # The end is an action of the form itself, not a function.
        self._tools: dict[str, Mapping[str, Any]] = {
            one["name"]: one for one in offered if one["name"] != "done"
        }

    @property
    def variables(self) -> Mapping[str, str]:
        return {"tools": "\n".join(_described(tool) for tool in self._tools.values())}

    def question(self, node: str, messages: Sequence[ChatMessage]) -> ModelCall:
        return ModelCall(node, tuple(messages), None, GATHER_MAX_TOKENS, stop=_STOP)

    async def answered(self, choice: Choice, round_: int) -> Turn:
        """Make the call of one step. The answer is a turn of the user: chat templates know no role for it."""
        try:
            with self._inquiry.context.calls.useless_unless_read():
                step = read_step(answer_text(choice), self._tools)
                call = self._call(step) if isinstance(step, ToolStep) else None
        except ModelError as error:
            said = neutralise(choice.content or "")[:MAX_SAID_CHARS] or "(nothing)"
            problem = f"Your step was not possible: {self._inquiry.refuse(error)}. {_REMINDER}"
            return Turn((ChatMessage("assistant", said), _observation(problem)))
        if isinstance(step, FinishStep):
            return Turn((), done=True, note=step.said)
        turn = await self._calls.answered(replace(choice, tool_calls=(call,) if call else ()), round_)
        answer = turn.messages[-1].content
        return turn._replace(messages=(ChatMessage("assistant", _written(step)), _observation(answer)))

    def _call(self, step: ToolStep) -> Mapping[str, Any]:
        arguments = read_input(step.argument, self._tools[step.tool]["parameters"])
        return {"id": "0", "type": "function", "function": {"name": step.tool, "arguments": arguments}}


def _described(tool: Mapping[str, Any]) -> str:
    return (
        f"- {tool['name']}: {tool['description']} Input: {json.dumps(tool['parameters'], ensure_ascii=False)}"
    )


def _observation(text: str) -> ChatMessage:
    return ChatMessage("user", f"Observation: {text}")


def _written(step: ToolStep) -> str:
    """A step as it is sent back, without what was thought before it; what the model wrote may quote what it read."""
    text = f"Thought: {step.thought}\nAction: {step.tool}\nAction Input: {step.argument}"
    return neutralise(text)[:MAX_SAID_CHARS]
