"""Asks by function calls on the wire: several in one turn, run at once; results go back as tool messages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal

from judge_agent.calls import ModelCall
from judge_agent.nodes.function_calls import FunctionCalls, Turn, functions
from judge_agent.nodes.inquiry import GATHER_MAX_TOKENS, Inquiry
from judge_agent.nodes.tool_loop import KEPT_SHARE as KEPT_SHARE
from judge_agent.nodes.tool_loop import ask_in_turns
from judge_agent.seams.model import ChatMessage, Choice


async def ask_by_functions(inquiry: Inquiry) -> None:
    """Let the model call functions, until it is done or its rounds or calls are used up."""
    await ask_in_turns(inquiry, lambda calls: _Functions(inquiry, calls))


class _Functions:
    prompt: Literal["gather_tools"] = "gather_tools"
    variables: Mapping[str, str] = {}

    def __init__(self, inquiry: Inquiry, calls: FunctionCalls) -> None:
        self._calls, self._functions = calls, functions(inquiry.offered)
        self.beside = json.dumps(self._functions)

    def question(self, node: str, messages: Sequence[ChatMessage]) -> ModelCall:
        return ModelCall(
            node, tuple(messages), None, GATHER_MAX_TOKENS, tools=self._functions, tool_choice="auto"
        )

    async def answered(self, choice: Choice, round_: int) -> Turn:
        return await self._calls.answered(choice, round_)
