"""Asks for one call a round, as a JSON object that the answer is constrained to. Any model can, however small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.calls import ModelCall
from judge_agent.errors import BudgetExceeded, JudgeError, ModelError
from judge_agent.nodes.inquiry import GATHER_MAX_TOKENS, Inquiry
from judge_agent.prompting.images import with_images
from judge_agent.prompting.notes import with_note
from judge_agent.readouts import read_object
from judge_agent.seams.tool import Tool
from judge_agent.state import Json

MAX_BAD_CALLS = 2


async def ask_by_json(inquiry: Inquiry) -> None:
    """Let the model ask, until it is done or the rounds are used up."""
    bad_calls, note = 0, ""
    for round_ in range(inquiry.rounds):
        try:
            wanted = await _next_call(inquiry, round_, note)
            if wanted is None:
                return
            tool, arguments = inquiry.checked(*wanted)
            if (alias := inquiry.known(tool, arguments)) is not None:
                note = f"You have the result of your last call already: it is {alias}."
                continue
            run = await inquiry.make(tool, arguments)
            await inquiry.keep(tool, arguments, run)
            note = ""
        except ValueError as error:
            bad_calls, note = bad_calls + 1, f"Your last call was not possible: {inquiry.refuse(error)}"
            if bad_calls >= MAX_BAD_CALLS:
                return
            continue
        except (ModelError, BudgetExceeded) as error:
            inquiry.stopped(error)
            return
        except JudgeError as error:
            inquiry.broken(tool, error)
            return


async def _next_call(inquiry: Inquiry, round_: int, note: str) -> tuple[object, object] | None:
    """The name and arguments of what the model asks for; None when it is done. Raises ValueError, ModelError."""
    context, shown = inquiry.context, await inquiry.shown()
    messages = context.prompts.load(context.recipe.prompts["gather"]).render(
        {
            "task": shown.task,
            "trajectory": shown.trajectory,
            "evidence": shown.evidence,
            "reference": shown.reference,
            "principles": inquiry.principles_in_words(),
            "tools": "\n".join(f"- {tool.name}: {tool.description}" for tool in inquiry.offered),
            "format": 'Answer in JSON: {"thought": ..., "call": {"tool": ..., "arguments": ...}}.',
        }
    )
    messages = with_images(messages, shown.images)
    if note:
        messages = with_note(messages, note)
    if await context.calls.count_tokens(messages) + GATHER_MAX_TOKENS > context.calls.context_window:
        raise ModelError("input_too_large", "the candidate does not fit the model's window")
    call = ModelCall(f"gather/ask/{round_}", messages, _schema(inquiry.offered), GATHER_MAX_TOKENS)
    completion = await context.calls.model(call)
    try:
        with context.calls.useless_unless_read():
            wanted = read_object(completion.choices[0], verdict=("call",)).get("call")
    except ModelError as error:
        raise ValueError(f"the call could not be read: {error}") from error
    return _named(wanted)


def _named(wanted: Any) -> tuple[object, object] | None:
    if not isinstance(wanted, Mapping):
        raise ValueError(f"call={wanted!r:.100} is no object")
    return None if wanted.get("tool") == "done" else (wanted.get("tool"), wanted.get("arguments"))


def _schema(offered: Sequence[Tool]) -> Json:
    calls: list[Json] = [_object({"tool": {"const": "done"}})]
    calls += [_object({"tool": {"const": tool.name}, "arguments": dict(tool.parameters)}) for tool in offered]
    return _object(
        {"thought": {"type": "string", "minLength": 1, "maxLength": 240}, "call": {"anyOf": calls}}
    )


def _object(properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
