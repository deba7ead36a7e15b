"""Lets the model ask: which tools it is offered for which principles, and in which form it asks."""

from __future__ import annotations

from collections.abc import Sequence

from judge_agent.context import CanonicalCandidate, JudgeContext, applies
from judge_agent.nodes.asking_functions import ask_by_functions
from judge_agent.nodes.asking_json import ask_by_json
from judge_agent.nodes.asking_react import ask_by_react
from judge_agent.nodes.fitting import shown_of
from judge_agent.nodes.found import Found
from judge_agent.nodes.inquiry import Inquiry
from judge_agent.schema import Evidence
from judge_agent.seams.tool import Tool
from judge_agent.state import Json, State


async def ask_model(context: JudgeContext, candidate: CanonicalCandidate, state: State, found: Found) -> None:
    """Let the model ask for calls, until it is done or the rounds are used up; nothing where nothing is open."""
    principles = _open(state, candidate, found)
    indexed = bool(principles) and await _is_indexed(context, candidate, found, principles)
    inquiry = Inquiry(context, found, offered_tools(context, candidate, found, indexed), principles, indexed)
    if not inquiry.offered or not inquiry.principles or inquiry.material().unseen:
        return
    if context.recipe.gather.format == "json":
        await ask_by_json(inquiry)
    elif context.recipe.gather.format == "react":
        await ask_by_react(inquiry)
    elif context.calls.can("tools"):
        await ask_by_functions(inquiry)
    else:
        found.flags["gather_format"] = "json: the model does not say that it calls functions"
        await ask_by_json(inquiry)


async def _is_indexed(
    context: JudgeContext, candidate: CanonicalCandidate, found: Found, principles: Sequence[Json]
) -> bool:
    """Whether the candidate is shown by an index of its spans, so that the model is offered to open them."""
    evidence = [Evidence.model_validate(item) for item in found.evidence]
    return (await shown_of(context, candidate, evidence, principles)).opened is not None


def offered_tools(
    context: JudgeContext, candidate: CanonicalCandidate, found: Found, indexed: bool = False
) -> list[Tool]:
    """The tools that the model may call; one that has decided what it can decide is not offered again."""
    decided = {finding["tool"] for finding in found.findings if finding["strength"] == "decisive"}
    view = context.view(candidate, indexed=indexed)
    offered = []
    for tool in context.tools:
        try:
            if tool.parameters and tool.name not in decided and tool.offered(view):
                offered.append(tool)
        except Exception as error:  # noqa: BLE001 - one candidate's text must not cost its peers their rewards
            reason = f"asking whether it is offered failed: {type(error).__name__}: {error}"
            found.flags.setdefault("tool_unavailable", {})[tool.name] = reason[:200]
    return offered


def _open(state: State, candidate: CanonicalCandidate, found: Found) -> list[Json]:
    decided = {
        name
        for finding in found.findings
        if finding["strength"] == "decisive"
        for name in finding["principles"]
    }
    broken = {failure["tool"] for failure in found.failures}
    applying = [p for p in state["principles"] if applies(p, candidate.id)]
    return [p for p in applying if p["name"] not in decided and p["tool"] not in broken]
