"""Checks claims about constraint problems with z3, in a box: that an assignment satisfies, that none does.

Opening call: where the task states one problem in a fenced block (DIMACS CNF or SMT-LIB 2), what the final answer
claims of it is checked, and that decides (`solution_holds`): an assignment by putting it in, unsatisfiability by
solving. What the solver does not settle within its steps decides nothing. The model can put problems of its own; what
comes of those is no evidence against the candidate, for the formula is the model's.

Does not know whether a formula says what the words of a task mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from judge_agent.errors import BudgetExceeded, ToolError
from judge_agent.schema import PrincipleSpec, ToolStatus
from judge_agent.seams.sandbox import Limits, Sandbox
from judge_agent.seams.tool import DecidingTool, Finding, OpeningCall, ToolResult, ToolView
from judge_agent.trajectory import text_of
from tools.numbers.boxes import NoAnswer, ask, versions
from tools.numbers.claims import Claim, Format, claim_in, problem_in
from tools.numbers.told import answer_text

_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "format": {"type": "string", "enum": ["dimacs", "smtlib"]},
        "problem": {
            "type": "string",
            "minLength": 1,
            "maxLength": 20_000,
            "description": "The whole problem.",
        },
        "claim": {"type": "string", "enum": ["sat", "unsat", "assignment"]},
        "assignment": {
            "type": ["object", "null"],
            "description": "Name and value of each constant; DIMACS variables by number, true or false.",
        },
    },
    "required": ["format", "problem", "claim"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class SolveLimits:
    """`steps` of z3's own count, then `seconds`; `problem_chars` of a problem, `values` of an assignment."""

    steps: int = 20_000_000
    seconds: float = 10.0
    memory_bytes: int = 2**30
    problem_chars: int = 400_000
    values: int = 20_000


class Solve(DecidingTool):
    """The tool `solve`. Its limits are part of its version: others can give other results."""

    name = "solve"
    description = (
        "Decides with an SMT solver whether constraints (DIMACS CNF or SMT-LIB 2) are satisfiable, unsatisfiable, or "
        "satisfied by an assignment; for a satisfiable problem it shows a model."
    )
    parameters = _PARAMETERS
    decides = PrincipleSpec(
        name="solution_holds",
        description="What the candidate claims of the stated constraint problem is true.",
        kind="hard",
        dimension="correctness",
        tool=name,
    )

    def __init__(self, sandbox: Sandbox | None, *, limits: SolveLimits | None = None) -> None:
        self._sandbox = sandbox
        self._limits = limits or SolveLimits()
        self._slots = asyncio.Semaphore(2)
        box = f"{sandbox.name}-{sandbox.version}" if sandbox is not None else "no box"
        self.version = f"1/{box}/{versions('solving')}/{self._limits.steps}/{self._limits.seconds:g}s"

    def opening_calls(self, view: ToolView) -> Sequence[OpeningCall]:
        """One call where the task states one problem."""
        return (OpeningCall(),) if _stated(view) is not None else ()

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Check the answer's claim, or the model's own. Raises ValueError, ToolError, SandboxError, BudgetExceeded."""
        stated = _stated(view)
        if arguments:
            form, problem, claim = _read(arguments, self._limits)
        elif stated is None:
            raise ValueError("without arguments solve needs one problem in the task; there is none")
        else:
            form, problem = stated
            found = claim_in(answer_text(view.trajectory), form)
            if found is None:
                return _untold("what the answer claims cannot be told: an assignment, or 'unsatisfiable'")
            claim = found
            if len(problem) > self._limits.problem_chars or len(claim.assignment) > self._limits.values:
                limits = f"problem_chars={self._limits.problem_chars}, values={self._limits.values}"
                return _untold(f"the problem or the assignment is past {limits}", "refused")
        try:
            async with asyncio.timeout(timeout_seconds), self._slots:
                told = await self._solved(form, problem, claim)
        except TimeoutError as error:
            message = f"tool 'solve' exceeded timeout_seconds={timeout_seconds:g}; raise budget.seconds"
            raise BudgetExceeded("deadline", message) from error
        except NoAnswer as error:
            timed_out = error.limit in ("wall_seconds", "cpu_seconds")
            return _untold(
                f"not solved: it hit {error.limit or 'an error'}", "timeout" if timed_out else "refused"
            )
        if "unread" in told and not arguments:
            raise ToolError(f"the task's problem was not read: {told['unread']!s:.300}")
        if "unread" in told:
            raise ValueError(f"problem: {told['unread']!s:.300}")
        return _result(told, claim, is_answer=not arguments)

    async def _solved(self, form: Format, problem: str, claim: Claim) -> dict[str, Any]:
        question = {
            "format": form,
            "problem": problem,
            "claim": claim.kind,
            "assignment": dict(claim.assignment),
            "steps": self._limits.steps,
        }
        seconds = self._limits.seconds
        limits = Limits(
            wall_seconds=seconds, cpu_seconds=int(seconds) + 1, memory_bytes=self._limits.memory_bytes
        )
        return await ask(self._sandbox, "solving", question, limits)


def _stated(view: ToolView) -> tuple[Format, str] | None:
    return problem_in("\n".join([view.task.prompt, *map(text_of, view.task.messages)]))


def _read(arguments: Mapping[str, Any], limits: SolveLimits) -> tuple[Format, str, Claim]:
    unknown = sorted(set(arguments) - set(_PARAMETERS["properties"]))
    if unknown:
        raise ValueError(f"solve does not take {unknown[0]!r}; it takes {sorted(_PARAMETERS['properties'])}")
    form, problem, kind = (arguments.get(name) for name in ("format", "problem", "claim"))
    if form not in ("dimacs", "smtlib"):
        raise ValueError(f"format must be dimacs or smtlib, got {form!r:.80}")
    if not isinstance(problem, str) or not 0 < len(problem) <= limits.problem_chars:
        raise ValueError(f"problem must be a text of 1 to {limits.problem_chars} characters")
    if kind not in ("sat", "unsat", "assignment"):
        raise ValueError(f"claim must be sat, unsat or assignment, got {kind!r:.80}")
    return form, problem, Claim(kind, _assignment(arguments.get("assignment"), kind, limits))


def _assignment(given: object, kind: str, limits: SolveLimits) -> dict[str, str]:
    if kind != "assignment":
        return {}
    if not isinstance(given, Mapping) or not 0 < len(given) <= limits.values:
        raise ValueError(f"assignment must be an object of 1 to {limits.values} names and values")
    values = {}
    for name, value in given.items():
        if not isinstance(value, (bool, int, float, str)) or len(str(value)) > 400:
            raise ValueError(f"assignment.{name!s:.80} must be a number, true or false, got {value!r:.80}")
        values[str(name)] = str(value)
    return values


def _untold(reason: str, status: ToolStatus = "ok") -> ToolResult:
    return ToolResult(status, {"reason": reason}, (Finding("none", "hint", None, reason),))


def _result(told: Mapping[str, Any], claim: Claim, *, is_answer: bool) -> ToolResult:
    verdict = told.get("verdict")
    output = {"claim": claim.kind, **told}
    said = {"sat": "satisfiable", "unsat": "unsatisfiable", "assignment": "satisfied by the claimed values"}[
        claim.kind
    ]
    if verdict not in ("holds", "fails"):
        return ToolResult(
            "ok", output, (Finding("none", "hint", None, str(told.get("why", "not settled"))[:300]),)
        )
    reason = f"the problem is {'' if verdict == 'holds' else 'not '}{said}"
    if not is_answer:
        return ToolResult("ok", output, (Finding("none", "hint", None, reason),))
    if verdict == "fails":
        finding = Finding("refutes", "decisive", 0.0, reason)
    elif claim.kind == "assignment" and told.get("complete") is not True:
        finding = Finding("confirms", "strong", None, f"{reason}, which leave some constants open")
    else:
        finding = Finding("confirms", "decisive", 1.0, reason)
    return ToolResult("ok", output, (finding,), checked={"problems": 1})
