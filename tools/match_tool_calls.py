"""Compares the tool calls of a candidate with those that the reference expects.

Calls are paired as well as the rules allow (`calls/matching.py`); a pair earns credit for its name, its argument keys
and their values. A complete match confirms decisively. What is missing, wrong or extra refutes decisively only where
the reference says that its calls are exact, otherwise strongly: other calls may do as well. With `score: "credit"`
the F1 of the credits is the score either way.

Does not know what a call did, nor whether a failed one was made good later: each call that was made counts. Where the
trajectory holds calls in a form that is not read (`calls/unread.py`), what is missing or complete decides nothing, and
`flags.calls_not_read` names the forms. A text that only looks like a call is none, and says nothing against what
decides: one beside calls that are read, and one that no tool answers and that cannot be the expected call
(`calls/possible.py`, `flags.call_like_text`).

More calls than can be compared do not save a candidate: the first ones are compared, the others count as calls that
nobody expected, and `flags.calls_not_compared` says how many they are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from judge_agent.hashing import sha256_of
from judge_agent.schema import CallRules, ExpectedCall, PrincipleSpec
from judge_agent.seams.tool import DecidingTool, Finding, OpeningCall, ToolResult, ToolView
from judge_agent.trajectory import Call, Step, read
from tools.calls.matching import Match, comparable, match
from tools.calls.possible import CallLikeTexts
from tools.calls.unread import TEXT, unanswered_calls, unread_calls

_DESCRIPTION = "The agent makes the tool calls that the task needs, with the right arguments."


@dataclass(frozen=True)
class MatchToolCallsLimits:
    """`made_calls` of the candidate are compared at most, `listed` of them are shown."""

    made_calls: int = 2000
    listed: int = 40


class MatchToolCalls(DecidingTool):
    """The tool `match_tool_calls`. Needs no box: nothing is run."""

    name = "match_tool_calls"
    version = "4"
    description = (
        "Compares the trajectory's tool calls with the expected ones: names, arguments, values, order; "
        "missing, wrong and extra calls."
    )
    parameters: Mapping[str, Any] = {}
    decides = PrincipleSpec(
        name="expected_tool_calls",
        description=_DESCRIPTION,
        dimension="tool_use",
        kind="hard",
        scale="pass_fail",
        tool="match_tool_calls",
    )

    def __init__(self, *, limits: MatchToolCallsLimits | None = None) -> None:
        self.limits = limits or MatchToolCallsLimits()

    def principle(self, view: ToolView) -> PrincipleSpec | None:
        """Its own principle; a soft one where the reference asks for credit instead of pass or fail."""
        if not self.opening_calls(view):
            return None
        if _rules(view).score == "pass_fail":
            return self.decides
        return self.decides.model_copy(update={"kind": "soft", "scale": None})

    def opening_calls(self, view: ToolView) -> Sequence[OpeningCall]:
        """One call compares everything."""
        return (OpeningCall(),) if view.task.reference.tool_calls is not None else ()

    def offered(self, view: ToolView) -> bool:
        """Never: the opening call has compared every call already."""
        return False

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Compare all calls, off the event loop. Raises ValueError for arguments."""
        if arguments:
            raise ValueError(f"{self.name} takes no arguments, got {sorted(arguments)!r}")
        deadline = time.monotonic() + timeout_seconds
        try:
            return await asyncio.to_thread(_compared, view, deadline, self.limits)
        except TimeoutError as error:
            return ToolResult("timeout", {"error": f"{error}; timeout_seconds={timeout_seconds:g}"})


def _compared(view: ToolView, deadline: float, limits: MatchToolCallsLimits) -> ToolResult:
    rules, wanted = _rules(view), _alternatives(view)
    names = [call.name for expected in wanted for call in expected]
    every, unread = read(view.trajectory).calls, unread_calls(view.trajectory, names)
    alike: Mapping[str, int] = {}
    if not every and unread.keys() == {TEXT} and not _may_match(view, names, wanted, rules, deadline):
        unread, alike = alike, unread
    comparables = [comparable([call for _, call in every], one) for one in wanted]
    made = every[: min(limits.made_calls, *comparables)]
    calls, rest = [call for _, call in made], len(every) - len(made)
    matches = [match(calls, expected, rules, deadline=deadline) for expected in wanted]
    best = max(range(len(matches)), key=lambda index: (*_rank(matches[index]), -index))
    found = matches[best]
    of_steps = _of_steps(made, found, rules, sure=len(matches) == 1 and not unread)
    findings = (_of_all(found, rules, sum(unread.values()), rest), *of_steps)
    return ToolResult(
        "ok",
        _output(made, wanted[best], found, best if len(matches) > 1 else None, limits.listed),
        findings,
        truncated=len(every) > limits.listed or len(found.missing) > limits.listed,
        checked={"tool_calls": len(made), "expected_tool_calls": found.expected},
        flags={
            **({"calls_not_read": dict(unread)} if unread else {}),
            **({"call_like_text": alike[TEXT]} if alike else {}),
            **({"calls_not_compared": rest} if rest else {}),
        },
    )


def _may_match(
    view: ToolView,
    names: Sequence[str],
    wanted: Sequence[Sequence[ExpectedCall]],
    rules: CallRules,
    deadline: float,
) -> bool:
    """Whether calls in the text may be those expected: a tool answered some, or what stands there can be these."""
    texts = unanswered_calls(view.trajectory, names)
    return texts is None or CallLikeTexts(texts, rules, deadline=deadline).may_match(wanted)


def _rules(view: ToolView) -> CallRules:
    return view.task.reference.tool_call_rules or CallRules()


def _alternatives(view: ToolView) -> list[tuple[ExpectedCall, ...]]:
    return [view.task.reference.tool_calls or (), *_rules(view).alternatives]


def _rank(found: Match) -> tuple[bool, bool, float]:
    return found.complete and not found.extra, found.complete, found.f1


def _of_all(found: Match, rules: CallRules, unread: int, rest: int) -> Finding:
    """The finding on the whole candidate: what the principle rests on. `rest`: calls beyond those compared."""
    reason, numbers = _summary(found), _numbers(found)
    right = found.complete and not found.extra and (not rest or rules.extra == "allowed")
    if rest:
        reason += f"; {rest} more calls are not compared"
    if unread and not (right and rules.extra == "allowed"):
        reason += f"; not certain, for the trajectory has calls in a form that is not read ({unread})"
        return Finding("confirms" if found.complete else "refutes", "strong", None, reason, detail=numbers)
    if right:
        return Finding("confirms", "decisive", 1.0, reason, detail=numbers)
    if rules.score == "credit":
        bearing, score = ("both" if found.f1 else "refutes"), round(found.f1, 6)
        return Finding(bearing, "decisive", score, reason, detail=numbers)  # type: ignore[arg-type]
    if rules.exact:
        return Finding("refutes", "decisive", 0.0, reason, detail=numbers)
    return Finding("confirms" if found.complete else "refutes", "strong", None, reason, detail=numbers)


def _of_steps(
    made: Sequence[tuple[Step, Call]], found: Match, rules: CallRules, *, sure: bool
) -> list[Finding]:
    """One finding per step with calls. A bad one decides where the calls are exact and nothing else could explain it:
    with alternatives, or where the order counts, another step may be the wrong one.
    """
    outcomes: dict[str, list[str]] = {}
    for index, (step, _) in enumerate(made):
        outcomes.setdefault(step.id, []).append(_outcome(index, found))
    # A call that would not count either may be no wrong one, but one beside the expected one that is missing.
    spared = _one_of_several(made, found) | {
        step.id
        for index, (step, call) in enumerate(made)
        if _outcome(index, found) == "wrong" and (call.name in rules.free or rules.extra == "allowed")
    }
    decisive = rules.exact and sure and rules.order == "any"
    return [_of_step(step, told, decisive and step not in spared) for step, told in outcomes.items()]


def _one_of_several(made: Sequence[tuple[Step, Call]], found: Match) -> set[str]:
    """Steps with a call that was made more than once, where not each of these counts alike: any may be the one."""
    alike: dict[str, list[int]] = {}
    for index, (_, call) in enumerate(made):
        alike.setdefault(sha256_of([call.name, call.arguments]), []).append(index)
    return {
        made[index][0].id
        for indices in alike.values()
        if len({_outcome(index, found) for index in indices}) > 1
        for index in indices
    }


def _of_step(step: str, outcomes: Sequence[str], decisive: bool) -> Finding:
    bad = [outcome for outcome in outcomes if outcome in ("wrong", "extra")]
    if bad:
        reason = (
            f"{len(bad)} of {len(outcomes)} calls of this step are not as expected ({', '.join(bad[:5])})"
        )
        return Finding(
            "refutes", "decisive" if decisive else "strong", 0.0 if decisive else None, reason, step
        )
    if "matched" not in outcomes:
        return Finding("none", "hint", None, "calls that do not count", step)
    reason = "the calls of this step are as expected"
    return Finding("confirms", "decisive" if decisive else "strong", 1.0 if decisive else None, reason, step)


def _outcome(index: int, found: Match) -> str:
    if index in found.pairs:
        return "matched" if found.pairs[index][1].complete else "wrong"
    return "free" if index in found.free else "extra"


def _output(
    made: Sequence[tuple[Step, Call]],
    expected: Sequence[ExpectedCall],
    found: Match,
    best: int | None,
    most: int,
) -> dict[str, Any]:
    """What evidence shows. What is under `reference_only` is for the caller and no prompt holds it."""
    listed = [_told(index, step, call, found) for index, (step, call) in enumerate(made)]
    reference: dict[str, Any] = {
        "missing": [expected[index].model_dump(mode="json") for index in found.missing[:most]]
    }
    if best is not None:
        reference["closest_alternative"] = best
    return {
        "summary": _summary(found),
        "credit": _numbers(found),
        "calls": listed[:most],
        "reference_only": reference,
    }


def _told(index: int, step: Step, call: Call, found: Match) -> dict[str, Any]:
    told: dict[str, Any] = {
        "step_id": step.id,
        "name": call.name[:80],
        "outcome": _outcome(index, found),
    }
    if index in found.pairs:
        expected, credit = found.pairs[index]
        # Of what the call lacks only the number is shown: the names are the reference's.
        reference = {"expected_call": expected, "missing_arguments": list(credit.missing)}
        told |= {"credit": round(credit.share, 4), "reference_only": reference}
        if credit.missing:
            told["missing_arguments"] = len(credit.missing)
        if credit.wrong:
            told["arguments"] = {key[:80]: credit.wrong[key] for key in list(credit.wrong)[:10]}
    return told


def _numbers(found: Match) -> dict[str, float]:
    return {
        "precision": round(found.precision, 4),
        "recall": round(found.recall, 4),
        "f1": round(found.f1, 4),
        "toolrl": round(found.toolrl, 4),
    }


def _summary(found: Match) -> str:
    right = len(found.pairs) - len(found.wrong)
    counts = {
        "wrong": len(found.wrong),
        "missing": len(found.missing),
        "extra": len(found.extra),
        "not counted": len(found.free),
    }
    told = "".join(f", {count} {what}" for what, count in counts.items() if count)
    return f"{right} of {found.expected} expected calls were made as expected{told}"
