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
from typing import Annotated, Any

from pydantic import Field

from judge_agent.errors import ToolError
from judge_agent.schema import PrincipleSpec, ToolStatus
from judge_agent.seams.sandbox import Limits, Sandbox
from judge_agent.seams.tool import DecidingTool, Finding, OpeningCall, ToolResult, ToolView, in_time
from judge_agent.trajectory import text_of
from tools.numbers.asking import speaks_of_constraints
from tools.numbers.boxes import NoAnswer, ask, versions
from tools.numbers.claims import Claim, Format, claim_in, problem_in
from tools.numbers.claims import Kind as ClaimKind
from tools.numbers.told import answer_text

MAX_ASKED_CHARS = 20_000


@dataclass(frozen=True)
class SolveLimits:
    """`steps` of z3's own count, then `seconds`; `memory_bytes` of the box; `problem_chars` characters of a problem,
    `values` of an assignment, each of `value_chars` characters.
    """

    steps: int = 20_000_000
    seconds: float = 10.0
    memory_bytes: int = 2**30
    problem_chars: int = 400_000
    values: int = 20_000
    value_chars: int = 400


class Solve(DecidingTool):
    """The tool `solve`. Its limits are part of its version: others can give other results."""

    name = "solve"
    decides = PrincipleSpec(
        name="solution_holds",
        description="What the candidate claims of the stated constraint problem is true.",
        kind="hard",
        dimension="correctness",
        tool=name,
    )

    def __init__(self, sandbox: Sandbox | None, *, limits: SolveLimits | None = None) -> None:
        self._sandbox = sandbox
        self.limits = limits or SolveLimits()
        self._slots = asyncio.Semaphore(2)
        box = f"{sandbox.name}-{sandbox.version}" if sandbox is not None else "no box"
        self.version = f"4/{box}/{versions('solving')}/{self.limits.steps}/{self.limits.seconds:g}s"

    def opening_calls(self, view: ToolView) -> Sequence[OpeningCall]:
        """One call where the task states one problem."""
        return (OpeningCall(),) if _stated(view) is not None else ()

    def offered(self, view: ToolView) -> bool:
        """Where the task states a problem, or speaks of such."""
        return _stated(view) is not None or speaks_of_constraints(view)

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Check the answer's claim, where nothing is asked. Raises what `asked` raises, and BudgetExceeded."""
        stated = _stated(view)
        if arguments or stated is None:
            return await super().run(arguments, view, timeout_seconds=timeout_seconds)
        form, problem = stated
        claim = claim_in(answer_text(view.trajectory), form)
        if claim is None:
            return _untold("what the answer claims cannot be told: an assignment, or 'unsatisfiable'")
        if len(problem) > self.limits.problem_chars or len(claim.assignment) > self.limits.values:
            limits = f"problem_chars={self.limits.problem_chars}, values={self.limits.values}"
            return _untold(f"the problem or the assignment is past {limits}", "refused")
        async with in_time(self.name, timeout_seconds):
            told = await self._solved(form, problem, claim)
        if isinstance(told, ToolResult):
            return told
        if "unread" in told:
            raise ToolError(f"the task's problem was not read: {told['unread']!s:.300}")
        return _result(told, claim, is_answer=True)

    async def asked(
        self,
        view: ToolView,
        *,
        format: Format,
        problem: Annotated[str, Field(min_length=1, max_length=MAX_ASKED_CHARS)],
        claim: ClaimKind,
        assignment: dict[str, str | bool | int | float] | None = None,
        timeout_seconds: float,
    ) -> ToolResult:
        """Decides with an SMT solver whether constraints (DIMACS CNF or SMT-LIB 2) are satisfiable, unsatisfiable, or
        satisfied by an assignment; for a satisfiable problem it shows a model.

        format: In which form the problem is written.
        problem: The whole problem.
        claim: What is to be checked.
        assignment: Name and value of each constant; DIMACS variables by number, true or false.

        Raises ValueError, ToolError, SandboxError.
        """
        asked = Claim(claim, self._values(assignment or {}) if claim == "assignment" else {})
        told = await self._solved(format, problem, asked)
        if isinstance(told, ToolResult):
            return told
        if "unread" in told:
            raise ValueError(f"problem: {told['unread']!s:.300}")
        return _result(told, asked, is_answer=False)

    def _values(self, given: Mapping[str, Any]) -> dict[str, str]:
        if not 0 < len(given) <= self.limits.values:
            raise ValueError(
                f"assignment must have 1 to {self.limits.values} names and values, not {len(given)}"
            )
        most = self.limits.value_chars
        for name, value in given.items():
            if len(str(value)) > most:
                raise ValueError(
                    f"assignment.{name:.80} has {len(str(value))} characters; the limit is {most}"
                )
        return {name: str(value) for name, value in given.items()}

    async def _solved(self, form: Format, problem: str, claim: Claim) -> dict[str, Any] | ToolResult:
        """What the box says; a result that decides nothing where it hit a limit."""
        question = {
            "format": form,
            "problem": problem,
            "claim": claim.kind,
            "assignment": dict(claim.assignment),
            "steps": self.limits.steps,
        }
        seconds = self.limits.seconds
        limits = Limits(
            wall_seconds=seconds, cpu_seconds=int(seconds) + 1, memory_bytes=self.limits.memory_bytes
        )
        try:
            async with self._slots:
                return await ask(self._sandbox, "solving", question, limits)
        except NoAnswer as error:
            timed_out = error.limit in ("wall_seconds", "cpu_seconds")
            why = f"not solved: it hit {error.limit or 'an error'}"
            return _untold(why, "timeout" if timed_out else "refused")


def _stated(view: ToolView) -> tuple[Format, str] | None:
    return problem_in("\n".join([view.task.prompt, *map(text_of, view.task.messages)]))


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
