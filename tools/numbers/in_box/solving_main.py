"""The program of the box that has z3: one problem and one claim on standard input, one verdict printed.

Work is bounded by z3's own count of steps, so that the same question has the same answer on every machine.
"""

from __future__ import annotations

import json
import sys

import z3

from tools.numbers.in_box.dimacs import NotRead
from tools.numbers.in_box.smt import Problem, claimed, nearby, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_SHOWN = 50


def main() -> None:
    """Answer `{"format", "problem", "claim": "sat" | "unsat" | "assignment", "assignment", "steps"}`."""
    asked = json.loads(sys.stdin.buffer.read())
    sys.stdout.write(json.dumps(_answer(asked)) + "\n")


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    try:
        problem = read(asked["format"], asked["problem"])
    except NotRead as error:
        return {"unread": str(error)}
    try:
        values = claimed(problem, asked["assignment"]) if asked["claim"] == "assignment" else []
    except NotRead as error:
        return {"verdict": "unknown", "why": str(error)}
    solver = _solver(asked)
    solver.add(*problem.assertions, *values)
    found = solver.check()
    if found == z3.unknown:
        return {"verdict": "unknown", "why": f"not settled: {solver.reason_unknown()}"[:200]}
    is_sat = found == z3.sat
    told: dict[str, Any] = {"verdict": "holds" if is_sat == (asked["claim"] != "unsat") else "fails"}
    told["satisfiable"] = is_sat if asked["claim"] != "assignment" else (True if is_sat else None)
    if asked["claim"] == "assignment":
        return _of_assignment(asked, problem, values, told)
    if is_sat:
        told["model"] = _model(solver, problem)
    return told


def _of_assignment(
    asked: dict[str, Any], problem: Problem, values: list[Any], told: dict[str, Any]
) -> dict[str, Any]:
    """An assignment that leaves constants open is complete where every extension of it holds."""
    if told["verdict"] == "fails":
        ranges = nearby(problem, asked["assignment"])
        if ranges is not None and _checked(asked, [*problem.assertions, *ranges]) != z3.unsat:
            return {"verdict": "unknown", "why": "a decimal may be a value that was rounded"}
        return told
    if problem.has_goal:
        return {
            "verdict": "unknown",
            "why": "it satisfies; whether it is the least or greatest is not checked",
        }
    denied = z3.Not(z3.And(*problem.assertions))
    told["complete"] = len(values) == len(problem.constants) or _checked(asked, [denied, *values]) == z3.unsat
    return told


def _checked(asked: dict[str, Any], formulas: list[Any]) -> Any:
    solver = _solver(asked)
    solver.add(*formulas)
    return solver.check()


def _solver(asked: dict[str, Any]) -> Any:
    solver = z3.SolverFor("QF_FD") if asked["format"] == "dimacs" else z3.Solver()
    solver.set("rlimit", int(asked["steps"]))
    return solver


def _model(solver: Any, problem: Problem) -> dict[str, str]:
    model = solver.model()
    named = list(problem.constants.items())[:MAX_SHOWN]
    return {name: str(model.eval(constant, model_completion=True))[:80] for name, constant in named}
