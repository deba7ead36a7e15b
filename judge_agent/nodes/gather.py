"""Gather: facts before opinions. First each tool's opening calls, then what the model asks for, in a bounded loop.

A tool sets bearing and strength of what it finds; what the model asked for never decides. Equal calls on
equal candidates are made once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.runtime import Runtime

from judge_agent.calls import ModelCall, ToolRun
from judge_agent.context import CanonicalCandidate, JudgeContext, applies, principle_of
from judge_agent.errors import BudgetExceeded, JudgeError, ModelError
from judge_agent.hashing import sha256_of
from judge_agent.prompting.fences import neutralise
from judge_agent.prompting.material import indented
from judge_agent.readouts import read_object
from judge_agent.schema import Evidence
from judge_agent.seams.model import ChatMessage
from judge_agent.seams.tool import Finding, Tool, ToolResult
from judge_agent.state import Json, State, Update

GATHER_MAX_TOKENS = 640
MAX_OUTPUT_CHARS = 8000
MAX_BAD_CALLS = 2


async def gather(state: State, runtime: Runtime[JudgeContext]) -> Update:
    """Gather evidence for every candidate that is still to be judged."""
    context = runtime.context
    open_candidates = [c for c in context.candidates if c.id not in state["screened"]]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_gather_one(context, candidate, state)) for candidate in open_candidates]
    update = Update(evidence=[], findings=[], tool_failures=[], flags={})
    for candidate, task in zip(open_candidates, tasks, strict=True):
        found = task.result()
        update["evidence"] += found.evidence
        update["findings"] += found.findings
        update["tool_failures"] += found.failures
        update["flags"][candidate.id] = found.flags
    return update


class Found:
    """What was gathered for one candidate."""

    def __init__(self, candidate: CanonicalCandidate) -> None:
        self.candidate = candidate
        self.evidence: list[Json] = []
        self.findings: list[Json] = []
        self.failures: list[Json] = []
        self.flags: Json = {}

    def add(self, tool: Tool, arguments: Mapping[str, Any], run: ToolRun, principles: list[str]) -> None:
        result = run.result
        item = _evidence(self.candidate, tool, arguments, run, principles)
        if any(other["id"] == item.id for other in self.evidence):
            return
        self.evidence.append(item.model_dump(mode="json"))
        for finding in result.findings:
            self.findings.append(_finding(self.candidate, tool, item.id, finding, principles))
        for name, value in result.flags.items():
            self.flags.setdefault(name, value)
        if result.checked:
            self.flags.setdefault("checked", {})[tool.name] = dict(result.checked)

    def fail(self, tool: Tool, kind: str, reason: str) -> None:
        self.failures.append(
            {
                "candidate_id": self.candidate.id,
                "tool": tool.name,
                "failure_kind": kind,
                "reason": reason[:500],
            }
        )


async def _gather_one(context: JudgeContext, candidate: CanonicalCandidate, state: State) -> Found:
    found = Found(candidate)
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
        try:
            found.add(tool, arguments, outcome, _tied(context, state, tool, candidate))
        except Exception as error:  # noqa: BLE001 - as above
            found.fail(tool, "tool_unavailable", f"its can_decide failed: {type(error).__name__}: {error}")
    if context.recipe.models and context.recipe.gather.rounds:
        await _ask_model(context, candidate, state, found)
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


def _evidence(
    candidate: CanonicalCandidate,
    tool: Tool,
    arguments: Mapping[str, Any],
    run: ToolRun,
    principles: list[str],
) -> Evidence:
    result = run.result
    text = json.dumps(result.output, ensure_ascii=False, sort_keys=True)
    cut = len(text) > MAX_OUTPUT_CHARS
    whole = [finding for finding in result.findings if finding.step_id is None]
    leading = max(whole, key=_weight, default=Finding("none", "hint"))
    return Evidence(
        id="ev_" + sha256_of([tool.name, tool.version, dict(arguments), candidate.sha256])[:12],
        kind="tool_result",
        source=result.source,
        candidate_ids=(candidate.id,),
        principles=tuple(principles),
        tool=tool.name,
        arguments=dict(arguments),
        status=result.status,
        output=text[:MAX_OUTPUT_CHARS] + " [cut]" if cut else result.output,
        sha256=sha256_of(text),
        truncated=result.truncated or cut,
        seconds=run.seconds,
        bearing=leading.bearing,
        strength=leading.strength,
        score=leading.score,
        reason=leading.reason,
    )


def _weight(finding: Finding) -> tuple[int, bool]:
    return ("hint", "strong", "decisive").index(finding.strength), finding.bearing == "refutes"


def _finding(
    candidate: CanonicalCandidate, tool: Tool, evidence_id: str, finding: Finding, principles: list[str]
) -> Json:
    return {
        "candidate_id": candidate.id,
        "tool": tool.name,
        "evidence_id": evidence_id,
        "principles": principles if finding.step_id is None else [],
        "bearing": finding.bearing,
        "strength": _strength(finding),
        "score": finding.score,
        "reason": finding.reason,
        "step_id": finding.step_id,
    }


def _strength(finding: Finding) -> str:
    """Only a finding that says something can decide: one that bears on nothing and has no score is no 0."""
    says_nothing = finding.bearing == "none" and finding.score is None
    return "strong" if says_nothing and finding.strength == "decisive" else finding.strength


async def _ask_model(
    context: JudgeContext, candidate: CanonicalCandidate, state: State, found: Found
) -> None:
    """Let the model ask for calls, until it is done, the rounds are used up, or nothing is open.

    A tool that has decided what it can decide is not offered again.
    """
    offered = _offered(context, candidate, found)
    open_principles = _open(state, candidate, found)
    bad_calls, problem = 0, ""
    for round_ in range(context.recipe.gather.rounds):
        if not offered or not open_principles:
            return
        try:
            wanted = await _next_call(context, candidate, found, offered, open_principles, round_, problem)
            if wanted is None:
                return
            tool, arguments = wanted
            ran = await context.calls.tool(tool, arguments, context.view(candidate), candidate.sha256)
        except ValueError as error:
            bad_calls, problem = bad_calls + 1, str(error)[:300]
            found.flags["bad_tool_calls"] = {"count": bad_calls, "last": problem}
            if bad_calls >= MAX_BAD_CALLS:
                return
            continue
        except (ModelError, BudgetExceeded) as error:
            found.flags["gather_stopped"] = {"failure_kind": error.failure_kind, "reason": str(error)[:200]}
            return
        except JudgeError as error:
            found.flags.setdefault("tool_unavailable", {})[tool.name] = str(error)[:200]
            return
        found.add(tool, arguments, ToolRun(_undecided(ran.result), ran.seconds), [])


def _offered(context: JudgeContext, candidate: CanonicalCandidate, found: Found) -> list[Tool]:
    decided = {finding["tool"] for finding in found.findings if finding["strength"] == "decisive"}
    offered = []
    for tool in context.tools:
        try:
            if tool.parameters and tool.name not in decided and tool.offered(context.view(candidate)):
                offered.append(tool)
        except Exception as error:  # noqa: BLE001 - one candidate's text must not cost its peers their rewards
            reason = f"asking whether it is offered failed: {type(error).__name__}: {error}"
            found.flags.setdefault("tool_unavailable", {})[tool.name] = reason[:200]
    return offered


def _undecided(result: ToolResult) -> ToolResult:
    """What the model asked for is at most strong: it chose the question, so it may not settle the answer."""
    findings = tuple(
        Finding(f.bearing, "strong" if f.strength == "decisive" else f.strength, None, f.reason)
        for f in result.findings
        if f.step_id is None
    )
    return ToolResult(
        result.status, result.output, findings, result.source, result.truncated, result.checked, result.flags
    )


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


async def _next_call(
    context: JudgeContext,
    candidate: CanonicalCandidate,
    found: Found,
    offered: Sequence[Tool],
    open_principles: Sequence[Json],
    round_: int,
    problem: str,
) -> tuple[Tool, Mapping[str, Any]] | None:
    shown = context.material(candidate, [Evidence.model_validate(item) for item in found.evidence])
    messages = context.prompts.load(context.recipe.prompts["gather"]).render(
        {
            "task": shown.task,
            "trajectory": shown.trajectory,
            "evidence": shown.evidence,
            "reference": shown.reference,
            "principles": "\n".join(f"- {indented(neutralise(p['description']))}" for p in open_principles),
            "tools": "\n".join(f"- {tool.name}: {tool.description}" for tool in offered),
            "format": 'Answer in JSON: {"thought": ..., "call": {"tool": ..., "arguments": ...}}.',
        }
    )
    if problem:
        messages = (*messages, ChatMessage("user", f"Your last call was not possible: {neutralise(problem)}"))
    if await context.calls.count_tokens(messages) + GATHER_MAX_TOKENS > context.calls.context_window:
        raise ModelError("input_too_large", "the candidate does not fit the model's window")
    call = ModelCall(f"gather/ask/{round_}", messages, _schema(offered), GATHER_MAX_TOKENS)
    completion = await context.calls.model(call)
    try:
        with context.calls.useless_unless_read():
            wanted = read_object(completion.choices[0], verdict=("call",)).get("call")
    except ModelError as error:
        raise ValueError(f"the call could not be read: {error}") from error
    return _chosen(wanted, offered)


def _chosen(wanted: Any, offered: Sequence[Tool]) -> tuple[Tool, Mapping[str, Any]] | None:
    if not isinstance(wanted, dict):
        raise ValueError(f"call={wanted!r} is no object")
    if wanted.get("tool") == "done":
        return None
    arguments = wanted.get("arguments")
    for tool in offered:
        if tool.name == wanted.get("tool") and isinstance(arguments, dict):
            return tool, arguments
    raise ValueError(f"tool={wanted.get('tool')!r} is not one of {[tool.name for tool in offered]}")


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
