"""The steps protocol of the critique: labels for single assistant turns, some steps a call.

A step that evidence decides is not asked about. Steps that the model cannot be asked about stay `unjudged`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from judge_agent.calls import ModelCall
from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.errors import JudgeError, ModelError
from judge_agent.prompting.fences import neutralise
from judge_agent.prompting.material import Material
from judge_agent.readouts import STEP_SCORES, read_choice, read_object
from judge_agent.seams.model import ChatMessage
from judge_agent.state import Json, State

TRIES = 2
TOKENS_PER_STEP = 160
MIN_REASON_CHARS = 16
STEP_REASON_CHARS = 200


async def critique_steps(
    context: JudgeContext, candidate: CanonicalCandidate, shown: Material, state: State
) -> list[Json]:
    """Label the steps that no decisive finding settles."""
    if not context.steps_wanted or "steps" not in context.recipe.prompts:
        return []
    decided = {
        finding["step_id"]
        for finding in state["findings"]
        if finding["candidate_id"] == candidate.id and finding["strength"] == "decisive"
    }
    open_steps = [step_id for step_id in shown.step_aliases if step_id not in decided]
    size = context.recipe.critique.steps_per_call
    chunks = [open_steps[at : at + size] for at in range(0, len(open_steps), size)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_label(context, candidate, shown, chunk)) for chunk in chunks]
    return [item for task in tasks for item in task.result()]


async def _label(
    context: JudgeContext, candidate: CanonicalCandidate, shown: Material, step_ids: Sequence[str]
) -> list[Json]:
    aliases = {shown.step_aliases[step_id]: step_id for step_id in step_ids}
    problem: JudgeError | None = None
    for attempt in range(TRIES):
        try:
            labels = await _ask(context, shown, tuple(aliases), attempt, problem)
        except JudgeError as error:
            problem = error
            if error.failure_kind != "model_unparseable":
                break
            continue
        return [
            {"candidate_id": candidate.id, "step_id": aliases[alias], "label": label, "reason": reason}
            for alias, (label, reason) in labels.items()
        ]
    assert problem is not None
    return [
        {
            "candidate_id": candidate.id,
            "step_id": step_id,
            "failure_kind": problem.failure_kind,
            "failure_reason": str(problem)[:300],
        }
        for step_id in step_ids
    ]


async def _ask(
    context: JudgeContext, shown: Material, aliases: Sequence[str], attempt: int, problem: JudgeError | None
) -> dict[str, tuple[str, str]]:
    """Ask for the labels of some steps; alias -> (label, reason)."""
    messages = context.prompts.load(context.recipe.prompts["steps"]).render(
        {
            "task": shown.task,
            "trajectory": shown.trajectory,
            "evidence": shown.evidence,
            "reference": shown.reference,
            "steps": ", ".join(aliases),
            "format": "Answer in JSON: for each step the reason first, then the label.",
        }
    )
    if problem is not None:
        note = f"Your last answer could not be used: {neutralise(str(problem))[:300]} Answer again, in JSON."
        messages = (*messages, ChatMessage("user", note))
    max_tokens = TOKENS_PER_STEP * len(aliases)
    if await context.calls.count_tokens(messages) + max_tokens > context.calls.context_window:
        raise ModelError("input_too_large", "the trajectory does not fit the model's window")
    node = f"critique/steps/{'+'.join(aliases)}/{attempt}"
    completion = await context.calls.model(ModelCall(node, messages, _schema(context, aliases), max_tokens))
    with context.calls.useless_unless_read():
        data = read_object(completion.choices[0], verdict=aliases)
        return {alias: _one(data.get(alias)) for alias in aliases}


def _one(item: object) -> tuple[str, str]:
    if not isinstance(item, dict):
        raise ModelError("model_unparseable", f"a step's judgment is {item!r}, not an object")
    return read_choice(item, "label", tuple(STEP_SCORES)), str(item.get("reason", ""))


def _schema(context: JudgeContext, aliases: Sequence[str]) -> Json:
    step: Json = {
        "type": "object",
        "properties": {
            "reason": {
                "type": "string",
                "minLength": MIN_REASON_CHARS,
                "maxLength": context.calls.text_chars(STEP_REASON_CHARS),
            },
            "label": {"enum": ["good", "neutral", "bad"]},
        },
        "required": ["reason", "label"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": dict.fromkeys(aliases, step),
        "required": list(aliases),
        "additionalProperties": False,
    }
