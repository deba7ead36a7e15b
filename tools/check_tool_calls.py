"""Checks every tool call of a trajectory against the schemas that the trajectory declares.

Decides: a call of an undeclared tool, arguments that are no JSON object or break the schema, a result
that no call produced. Hints only: equal calls repeated. Does not know whether a valid call was a wise
one, nor what the tool did. Without schemas a call is not checked, and not wrong.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from judge_agent.schema import Principle, PrincipleSpec
from judge_agent.seams.tool import AskedTool, Finding, OpeningCall, ToolResult, ToolView
from tools.call_outcomes import CheckedCalls, StrayResult, check_calls, decidable
from tools.checked_calls import CheckedCall

PRINCIPLE = "valid_tool_calls"
_ABOUT_CALLS = re.compile(
    r"\b(tool|function|api)[\s_-]*(call|use|usage|invocation)|\b(argument|parameter)s?\b", re.I
)
_ABOUT_VALIDITY = re.compile(
    r"\b(valid|invalid|schema|well[- ]?formed|malformed|required|missing|type)", re.I
)
_ABOUT_MORE = re.compile(
    r"\b(polite|tone|helpful|relevan|efficien|necess|unnecess|appropriate|sensibl|order|sequence|optimal|"
    r"best|right tool|correct tool|suitable|final answer|interpret|summar|honest|safe|redundan|wise)",
    re.I,
)


@dataclass(frozen=True)
class CheckToolCallsLimits:
    """`listed` calls of each kind are shown."""

    listed: int = 40


class CheckToolCalls(AskedTool):
    """The tool `check_tool_calls`. Needs no box: schemas run under a work limit, patterns on RE2."""

    name = "check_tool_calls"
    version = "1"
    dimensions = ("tool_use",)
    description = (
        "Checks every tool call of the trajectory against its JSON schema: unknown tools, malformed, missing "
        "or unexpected arguments, wrong types, results without a call, calls without a result, repeats."
    )
    parameters: Mapping[str, Any] = {}

    def __init__(self, *, limits: CheckToolCallsLimits | None = None) -> None:
        self.limits = limits or CheckToolCallsLimits()

    def principle(self, view: ToolView) -> PrincipleSpec | None:
        """The principle that every call is valid, where a call can be checked or a result has no call."""
        if not decidable(view):
            return None
        return PrincipleSpec(
            name=PRINCIPLE,
            description=(
                "Every tool call names a tool that the agent has and gives it arguments that are valid "
                "against the tool's schema, or is put right by a later call; every tool result belongs to a call."
            ),
            dimension="tool_use",
            kind="hard",
            scale="pass_fail",
            tool=self.name,
        )

    def opening_calls(self, view: ToolView) -> Sequence[OpeningCall]:
        """One call covers the whole trajectory, so the model is never asked to call this tool."""
        return (OpeningCall(),) if decidable(view) else ()

    def offered(self, view: ToolView) -> bool:
        """Never: the opening call has checked every call already."""
        return False

    def can_decide(self, principle: Principle, view: ToolView) -> bool:
        """Only its own principle, and tied ones that speak of the validity of calls and of nothing more."""
        if principle.tool != self.name or not decidable(view):
            return False
        if principle.origin == "tool":
            # Numbered where the caller's own principle has that name.
            return re.fullmatch(rf"{PRINCIPLE}(?:_[0-9]{{1,3}})?", principle.name) is not None
        text = principle.description
        return bool(_ABOUT_CALLS.search(text) and _ABOUT_VALIDITY.search(text)) and not _ABOUT_MORE.search(
            text
        )

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Check all calls, off the event loop. Raises ValueError for arguments: the tool takes none."""
        if arguments:
            raise ValueError(f"{self.name} takes no arguments, got {sorted(arguments)!r}")
        deadline = time.monotonic() + timeout_seconds
        try:
            checked = await asyncio.to_thread(check_calls, view, deadline=deadline)
        except TimeoutError as error:
            return ToolResult("timeout", {"error": f"{error}; timeout_seconds={timeout_seconds:g}"})
        return _result(checked, self.limits.listed)


def _result(checked: CheckedCalls, most: int) -> ToolResult:
    findings = (_of_all(checked), *_of_steps(checked, most))
    listed = [_described(call) for call in checked.calls if call.outcome != "valid"]
    output = {
        "summary": _summary(checked),
        "calls": listed[:most],
        "results_without_a_call": [_stray(orphan) for orphan in checked.orphans[:most]],
        "second_results": [_stray(second) for second in checked.second_results[:most]],
        "calls_without_a_result": [_named(call) for call in checked.unanswered[:most]],
        "repeated_calls": [_named(call) for call in checked.repeated[:most]],
    }
    decided = [call for call in checked.calls if call.outcome != "unchecked"]
    return ToolResult(
        "ok",
        output,
        findings,
        truncated=any(len(group) > most for group in (listed, checked.orphans, checked.unanswered)),
        checked={"tool_calls": len(checked.calls), "tool_calls_checked": len(decided)},
        flags=_flags(checked),
    )


def _of_all(checked: CheckedCalls) -> Finding:
    """The finding on the whole candidate: what the principle rests on."""
    bad = [call for call in checked.calls if call.outcome == "bad" and not call.repaired]
    if bad or checked.orphans:
        reasons = [_reason(call) for call in bad[:3]] + [_stray_reason(o) for o in checked.orphans[:3]]
        return Finding("refutes", "decisive", 0.0, "; ".join(reasons))
    if checked.unanswered or checked.second_results:
        return Finding("refutes", "strong", None, _summary(checked))
    valid = sum(call.outcome == "valid" for call in checked.calls)
    unchecked = sum(call.outcome == "unchecked" for call in checked.calls)
    if unchecked:
        bearing, strength = ("confirms", "strong") if valid else ("none", "hint")
        return Finding(bearing, strength, None, _summary(checked))  # type: ignore[arg-type]
    if not valid:
        return Finding("none", "hint", None, "there is no tool call to check")
    return Finding("confirms", "decisive", 1.0, _summary(checked))


def _of_steps(checked: CheckedCalls, most: int) -> list[Finding]:
    """One finding per step with calls or stray results; the gravest thing of the step decides it."""
    by_step: dict[str, list[CheckedCall]] = {}
    for call in checked.calls:
        by_step.setdefault(call.step.id, []).append(call)
    orphans = {stray.step_id for stray in checked.orphans if stray.step_id is not None}
    unanswered = {call.step.id for call in checked.unanswered}
    repeated = {call.step.id for call in checked.repeated}
    steps = dict.fromkeys([*by_step, *sorted(orphans)])
    return [
        _of_step(step, by_step.get(step, []), step in unanswered, step in repeated, step in orphans, most)
        for step in steps
    ]


def _of_step(
    step: str, calls: Sequence[CheckedCall], unanswered: bool, repeated: bool, orphan: bool, most: int
) -> Finding:
    bad = [call for call in calls if call.outcome == "bad"]
    if bad:
        reason = "; ".join(_reason(call) for call in bad[:3])
        detail = {"calls": [_described(call) for call in bad[:most]]}
        return Finding("refutes", "decisive", 0.0, reason, step, detail)
    if orphan:
        return Finding("refutes", "decisive", 0.0, "a tool result follows that no call produced", step)
    if unanswered:
        return Finding("refutes", "strong", None, "went on without the result of a call", step)
    if repeated:
        return Finding("refutes", "hint", None, "repeats the call before it, with the same result", step)
    if any(call.outcome == "unchecked" for call in calls):
        return Finding(
            "none", "hint", None, "; ".join(calls[0].unchecked) or "not every call was checked", step
        )
    return Finding("confirms", "hint", None, "the calls are valid against their schemas", step)


def _reason(call: CheckedCall) -> str:
    problems = "; ".join(
        f"{problem['path']}: {problem['message']}" if problem["path"] else problem["message"]
        for problem in call.problems
    )
    repaired = " (repaired later)" if call.repaired else ""
    return f"step {call.step.id}, call {call.position + 1} of {call.call.name[:80]!r}: {problems}{repaired}"


def _stray_reason(stray: StrayResult) -> str:
    return f"the tool result {stray.turn.span_id} (after step {stray.step_id or 'none'}) belongs to no call"


def _named(call: CheckedCall) -> dict[str, Any]:
    return {"step_id": call.step.id, "call": call.position + 1, "name": call.call.name[:80]}


def _described(call: CheckedCall) -> dict[str, Any]:
    described = {**_named(call), "outcome": call.outcome}
    if call.outcome == "bad":
        return {
            **described,
            "problems": [dict(problem) for problem in call.problems],
            "repaired": call.repaired,
        }
    return {**described, "why": list(call.unchecked)}


def _stray(stray: StrayResult) -> dict[str, Any]:
    turn = stray.turn
    return {
        "message": turn.span_id,
        "after_step": stray.step_id,
        "name": turn.name,
        "tool_call_id": turn.call_id,
    }


def _summary(checked: CheckedCalls) -> str:
    counts = {
        "valid": sum(call.outcome == "valid" for call in checked.calls),
        "bad": sum(call.outcome == "bad" for call in checked.calls),
        "of them repaired": sum(call.repaired for call in checked.calls),
        "not checked": sum(call.outcome == "unchecked" for call in checked.calls),
        "results without a call": len(checked.orphans),
        "second results of one call": len(checked.second_results),
        "calls without a result": len(checked.unanswered),
        "open at the end": checked.open_at_end,
        "repeated": len(checked.repeated),
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"{len(checked.calls)} tool calls: {told or 'nothing to check'}"


def _flags(checked: CheckedCalls) -> dict[str, Any]:
    why = sorted({reason for call in checked.calls for reason in call.unchecked})
    flags: dict[str, Any] = {}
    if why:
        flags["tool_calls_not_checked"] = why[:10]
    if checked.nulls_read_as_omitted:
        flags["nulls_read_as_omitted"] = checked.nulls_read_as_omitted
    if checked.nameless_tools:
        flags["unreadable_tools"] = checked.nameless_tools
    return flags
