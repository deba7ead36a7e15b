"""Gather: facts before opinions. First each tool's opening calls, then what the model asks for, in a bounded loop.

A tool sets bearing and strength of what it finds; what the model asked for never decides. Equal calls on
equal candidates are made once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from langgraph.runtime import Runtime

from judge_agent.calls import ToolRun
from judge_agent.context import CanonicalCandidate, JudgeContext, applies, principle_of
from judge_agent.errors import JudgeError
from judge_agent.nodes.asides import with_asides
from judge_agent.nodes.asking import ask_model
from judge_agent.nodes.asking_functions import KEPT_SHARE
from judge_agent.nodes.charged import charged_to, walked, walking
from judge_agent.nodes.found import Found
from judge_agent.nodes.inquiry import GATHER_MAX_TOKENS
from judge_agent.nodes.witness import as_witness
from judge_agent.nodes.worst_case import room
from judge_agent.seams.tool import Tool
from judge_agent.state import State, Update


async def gather(state: State, runtime: Runtime[JudgeContext]) -> Update:
    """Gather evidence for every candidate that is still to be judged."""
    context = runtime.context
    open_candidates = [c for c in context.candidates if c.id not in state["screened"]]
    most = (context.recipe.gather.rounds + 1) * (room(context) + GATHER_MAX_TOKENS)
    walks = [walking(charged_to(context, candidate), most) for candidate in open_candidates]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(walked(walk, _gather_one(walk, candidate, state)))
            for walk, candidate in zip(walks, open_candidates, strict=True)
        ]
    update = Update(evidence=[], findings=[], tool_failures=[], flags={})
    all_found = [task.result() for task in tasks]
    if context.recipe.principles.tools:
        joined = with_asides(state["principles"], all_found, context.dimensions)
        if joined is not None:
            update["principles"] = joined
    for candidate, found in zip(open_candidates, all_found, strict=True):
        update["evidence"] += found.evidence
        update["findings"] += found.findings
        update["tool_failures"] += found.failures
        update["flags"][candidate.id] = found.flags
    return update


async def _gather_one(context: JudgeContext, candidate: CanonicalCandidate, state: State) -> Found:
    found = Found(candidate, state["flags"].get(candidate.id))
    view = context.view(candidate)
    opening = []
    for tool in context.tools:
        try:
            opening += [(tool, call.arguments) for call in tool.opening_calls(view)]
        except Exception as error:  # noqa: BLE001 - one candidate's text must not cost its peers their rewards
            found.fail(tool, "tool_unavailable", f"its opening calls failed: {type(error).__name__}: {error}")
    async with asyncio.TaskGroup() as group:
        runs = [group.create_task(_run(context, candidate, tool, args)) for tool, args in opening]
    for (tool, arguments), run in zip(opening, runs, strict=True):
        outcome = run.result()
        if not isinstance(outcome, ToolRun):
            found.fail(tool, *outcome)
            continue
        outcome = as_witness(outcome) if context.recipe.reference == "witness" else outcome
        try:
            found.add(tool, arguments, outcome, _tied(context, state, tool, candidate))
        except Exception as error:  # noqa: BLE001 - as above
            found.fail(tool, "tool_unavailable", f"its can_decide failed: {type(error).__name__}: {error}")
    if context.recipe.models and context.recipe.gather.rounds:
        # What is found is of no use where nothing is left to judge by it.
        await ask_model(charged_to(context, candidate, KEPT_SHARE), candidate, state, found)
    return found


async def _run(
    context: JudgeContext, candidate: CanonicalCandidate, tool: Tool, arguments: Mapping[str, Any]
) -> ToolRun | tuple[str, str]:
    """Run one call; a call that could say nothing gives its failure kind and reason."""
    try:
        return await context.calls.tool(tool, arguments, context.view(candidate), candidate.sha256)
    except ValueError as error:
        return "internal", f"tool {tool.name!r} refused its own opening call: {error}"
    except JudgeError as error:
        return error.failure_kind, str(error)


def _tied(context: JudgeContext, state: State, tool: Tool, candidate: CanonicalCandidate) -> list[str]:
    """The principles of this candidate that the tool may settle: tied to it, and it agrees."""
    view = context.view(candidate)
    return [
        principle["name"]
        for principle in state["principles"]
        if principle["tool"] == tool.name
        and applies(principle, candidate.id)
        and tool.can_decide(principle_of(principle), view)
    ]
