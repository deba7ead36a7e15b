"""Claims about a stated constraint problem are decided by a solver; the model's own problems are no evidence."""

from __future__ import annotations

import pytest

from judge_agent.errors import ToolError
from tools.solve import Solve, SolveLimits

pytestmark = pytest.mark.anyio
CNF = "p cnf 3 3\n1 2 0\n-1 3 0\n-2 -3 0\n"
UNSAT = "p cnf 1 2\n1 0\n-1 0\n"
SMT = "(declare-const x Int)(declare-const y Int)(assert (> x 2))(assert (= (+ x y) 10))(assert (< y 3))\n"
GOAL = "(declare-const x Int)(assert (> x 2))(minimize x)\n"
THIRD = "(declare-const x Real)(assert (= (* 3 x) 1))\n"


def pigeons(count: int) -> str:
    """`count` pigeons in one hole less: no assignment, and a long search for it."""
    holes = range(count - 1)
    clauses = [[(count - 1) * pigeon + hole + 1 for hole in holes] for pigeon in range(count)]
    clauses += [
        [-((count - 1) * one + hole + 1), -((count - 1) * other + hole + 1)]
        for hole in holes
        for one in range(count)
        for other in range(one)
    ]
    lines = "".join(" ".join(map(str, clause)) + " 0\n" for clause in clauses)
    return f"p cnf {count * (count - 1)} {len(clauses)}\n{lines}"


def stated(form: str, problem: str) -> str:
    return f"Solve this:\n```{form}\n{problem}```\n"


@pytest.mark.parametrize(
    ("prompt", "answer", "found"),
    [
        (stated("dimacs", CNF), "v 1 -2 3 0", ("confirms", "decisive")),
        (stated("cnf", CNF), "The assignment is [1, -2, 3].", ("confirms", "decisive")),
        (stated("cnf", CNF), "x1 = true, x2 = false, x3 = true", ("confirms", "decisive")),
        (stated("cnf", CNF), "v 1 2 3 0", ("refutes", "decisive")),
        (stated("cnf", CNF), "v 1 0", ("confirms", "strong")),
        (stated("cnf", CNF), "v 1 -1 0", ("none", "hint")),
        (stated("cnf", CNF), "It is UNSATISFIABLE.", ("refutes", "decisive")),
        (stated("cnf", UNSAT), "s UNSATISFIABLE", ("confirms", "decisive")),
        (stated("cnf", UNSAT), "s SATISFIABLE", ("refutes", "decisive")),
        (stated("cnf", UNSAT), "It may be satisfiable or unsatisfiable.", ("none", "hint")),
        (stated("smt2", SMT), "x = 8, y = 2", ("confirms", "decisive")),
        (stated("smt2", SMT), '{"x": 9, "y": 1}', ("confirms", "decisive")),
        (
            stated("smt2", SMT),
            "(define-fun x () Int 12)\n(define-fun y () Int (- 2))",
            ("confirms", "decisive"),
        ),
        (stated("smt2", SMT), "x = 3, y = 7", ("refutes", "decisive")),
        (stated("smt2", SMT), "x + y = 10, so x = 8 and y = 2", ("confirms", "decisive")),
        (stated("smt2", SMT), "x = 3, y = 7 fails. So x = 8; y = 2.", ("confirms", "decisive")),
        (stated("smt2", SMT), "x = 8, y = 2, total = 10", ("confirms", "decisive")),
        (stated("smt2", SMT), "x = 1,000", ("none", "hint")),
        (stated("smt2", SMT), "x = 8 or x = 3", ("none", "hint")),
        (stated("smt2", SMT), "I found no solution, but there is one.", ("none", "hint")),
        (stated("cnf", CNF), "The clauses 1 -2 0\n2 3 0\n-1 3 0\nhold.", ("none", "hint")),
        (stated("cnf", CNF), "[1, -2, 3] makes [1, 2, 3] true.", ("none", "hint")),
        (stated("smt2", SMT), "There is no solution with x < 0.", ("none", "hint")),
        (stated("smt2", SMT), "It is not unsatisfiable.", ("none", "hint")),
        (stated("smt2", GOAL), "x = 5", ("none", "hint")),
        (stated("smt2", GOAL), "x = 2", ("refutes", "decisive")),
        (stated("smt2", THIRD), "x = 1/3", ("confirms", "decisive")),
        (stated("smt2", THIRD), "x = 0.333", ("none", "hint")),
        (stated("smt2", THIRD), "x = 0.6", ("refutes", "decisive")),
        (stated("cnf", "p cnf 3 1\n1 2 0\n"), "v 1 0", ("confirms", "decisive")),
        (stated("smt2", SMT), "x = 3.5", ("none", "hint")),
        (stated("smt2", SMT), "z = 3", ("none", "hint")),
        (stated("smt2", SMT), "I do not know.", ("none", "hint")),
    ],
)
async def test_what_an_answer_claims_is_checked(sandbox, view, prompt: str, answer: str, found) -> None:
    tool, seen = Solve(sandbox), view("x", prompt=prompt, final=answer)
    assert len(tool.opening_calls(seen)) == 1
    told = await tool.run({}, seen, timeout_seconds=60)
    assert [(one.bearing, one.strength) for one in told.findings] == [found], told.output


async def test_the_models_own_problem_shows_a_model_and_is_no_evidence(sandbox, view) -> None:
    asked = {"format": "smtlib", "problem": SMT, "claim": "sat"}
    told = await Solve(sandbox).run(asked, view("x"), timeout_seconds=60)
    assert (told.output["verdict"], set(told.output["model"])) == ("holds", {"x", "y"})
    assert [(one.bearing, one.strength) for one in told.findings] == [("none", "hint")]


async def test_what_takes_too_many_steps_decides_nothing(sandbox, view) -> None:
    seen = view("x", prompt=stated("cnf", pigeons(8)), final="UNSAT")
    told = await Solve(sandbox, limits=SolveLimits(steps=1000)).run({}, seen, timeout_seconds=60)
    assert [(one.bearing, one.strength) for one in told.findings] == [("none", "hint")]
    assert told.output["verdict"] == "unknown"


@pytest.mark.parametrize(
    ("limits", "problem", "status"),
    [
        (SolveLimits(seconds=0.2, steps=2**31), pigeons(14), "timeout"),
        (SolveLimits(memory_bytes=2**24), CNF, "refused"),
        (SolveLimits(problem_chars=10), CNF, "refused"),
        (SolveLimits(values=1), CNF, "refused"),
    ],
)
async def test_each_limit_of_solving_is_a_clear_end(sandbox, view, limits, problem, status) -> None:
    seen = view("x", prompt=stated("cnf", problem), final="v 1 -2 3 0")
    told = await Solve(sandbox, limits=limits).run({}, seen, timeout_seconds=60)
    assert (told.status, [one.bearing for one in told.findings]) == (status, ["none"]), told.output


@pytest.mark.parametrize(
    "script",
    [
        "(push)(declare-const x Int)(assert (> x 1))(pop)(assert false)",
        "(declare-const a Bool)(assert a)(check-sat-assuming ((not a)))",
        '(include "other.smt2")(assert true)',
        "(declare-const x Int)(assert (= x (" + "+ 1 " * 3,
    ],
)
async def test_a_script_of_several_questions_or_a_broken_one_is_not_answered(sandbox, view, script) -> None:
    seen = view("x", prompt=stated("smt2", script + "\n"), final="UNSAT")
    with pytest.raises(ToolError, match="was not read"):
        await Solve(sandbox).run({}, seen, timeout_seconds=60)


async def test_terms_that_double_at_every_step_end_in_bounds(sandbox, view) -> None:
    doubled = "".join(f"(declare-const v{n + 1} Int)(assert (= v{n + 1} (* v{n} v{n})))" for n in range(40))
    problem = f"(declare-const v0 Int)(assert (> v0 1)){doubled}(assert (= v40 7))\n"
    limits = SolveLimits(seconds=3.0, steps=2_000_000)
    seen = view("x", prompt=stated("smt2", problem), final="SAT")
    told = await Solve(sandbox, limits=limits).run({}, seen, timeout_seconds=60)
    assert told.status in ("ok", "timeout", "refused")
    assert all(one.bearing in ("none", "refutes") for one in told.findings)


async def test_a_problem_of_the_task_that_cannot_be_read_is_not_the_candidates_fault(sandbox, view) -> None:
    for problem in ("p cnf 1 1\n2 0\n", "1 0\n", "p cnf 99999999 1\n1 0\n", "p cnf 1 5\n1 0\n"):
        seen = view("x", prompt=stated("cnf", problem), final="UNSAT")
        with pytest.raises(ToolError, match="was not read"):
            await Solve(sandbox).run({}, seen, timeout_seconds=60)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"format": "lp", "problem": "x", "claim": "sat"}, "format"),
        ({"format": "smtlib", "problem": "", "claim": "sat"}, "problem"),
        ({"format": "smtlib", "problem": "x", "claim": "maybe"}, "claim"),
        ({"format": "smtlib", "problem": "x", "claim": "assignment"}, "assignment must have"),
        (
            {"format": "smtlib", "problem": "x", "claim": "assignment", "assignment": {"a": [1]}},
            r"assignment\.a",
        ),
        ({"format": "smtlib", "problem": "(assert", "claim": "sat"}, "problem: no SMT-LIB"),
        ({"format": "smtlib", "problem": "x", "claim": "sat", "file": "x"}, "'file'"),
    ],
)
async def test_bad_arguments_of_problems_are_named(sandbox, view, arguments, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        await Solve(sandbox).run(arguments, view("x"), timeout_seconds=60)


def test_a_task_without_one_problem_is_no_matter_of_the_solver(sandbox, view) -> None:
    two = stated("cnf", CNF) + stated("cnf", CNF)
    for prompt in ("Solve x.", two, "```python\nx\n```"):
        seen = view("x", prompt=prompt)
        assert (Solve(sandbox).opening_calls(seen), Solve(sandbox).principle(seen)) == ((), None)
