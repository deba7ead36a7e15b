"""A test means what its text and the prompt say, and how it ends is blamed on the right one."""

import tomllib
from pathlib import Path

import pytest

from judge_agent.schema import Artifact, Reference, Task, Tests, Trajectory
from judge_agent.seams.tool import ToolView
from tools.testing.in_box.names import asked_builtin, given_by, read_uses

pytestmark = pytest.mark.anyio
CASES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())


@pytest.mark.parametrize("name", CASES)
async def test_names_and_endings_of_tests_are_judged_as_meant(name, tool):
    case = CASES[name]
    trajectory = Trajectory(final_answer=case["code"])
    if "artifact" in case:
        artifact = Artifact(name=case["artifact"], kind="code", content=case["code"])
        trajectory = Trajectory(artifacts=(artifact,))
    tests = Tests(kind=case["kind"], entry_point=case.get("entry_point"), hidden=(case["test"],))
    task = Task(prompt=case.get("prompt", "Write it."), reference=Reference(tests=tests))
    finding = (await tool.run({}, ToolView(task, trajectory), timeout_seconds=60)).findings[0]
    assert f"{finding.bearing}/{finding.strength}" == case["decided"], finding.reason


def test_free_names_are_those_that_the_test_does_not_bind():
    uses = read_uses("import math\ndef check(c):\n    x = g(c)\n    return math.sqrt(x) + y\n", ["solution"])
    assert uses.free == {"g", "y"}
    assert uses.asked == {"g"}
    assert uses.bound == {"math", "check"}
    assert read_uses("assert (", ["solution"]).free == frozenset()


def test_names_imported_from_the_code_are_known_by_their_name_there():
    uses = read_uses("from solution import f as g, BASE\nassert g(BASE) == 1\n", ["solution"])
    assert uses.imported == {"g": "f", "BASE": "BASE"}
    assert uses.asked == {"f"}
    assert not uses.star


def test_the_prompt_gives_its_imports_and_full_functions_but_no_heads_of_functions():
    prompt = (
        "from math import sqrt\ndef a(x):\n    return g(x) + 1\ndef b(x):\n    '''Do.'''\ndef g(x): pass\n"
    )
    wanted = {"sqrt", "a", "b", "g"}
    given = given_by(prompt, wanted, {"g": lambda x: 10 * x}, "g")
    assert set(given.imports) == {"sqrt"}
    assert set(given.definitions) == {"a"}
    assert given.definitions["a"](2) == 21
    assert set(given_by(prompt, wanted, {}, "").definitions) == set()
    assert given_by("Write a function.", wanted, {}, "g").imports == {}


def test_a_builtin_is_asked_of_the_code_only_where_nothing_else_could_be():
    kinds = {"sum": "function", "abs": "function"}
    assert asked_builtin(read_uses("assert sum(1, 2) == 3", []), kinds, "") == "sum"
    assert asked_builtin(read_uses("assert abs(sum(1, 2)) == 3", []), kinds, "") is None
    assert asked_builtin(read_uses("assert abs(sum(1, 2)) == 3", []), kinds, "Write sum(a, b).") == "sum"
    assert asked_builtin(read_uses("assert abs(f(1)) == 3", []), kinds, "Write abs.") is None


@pytest.mark.parametrize(("answer", "bearing"), [("1", "confirms"), ("2", "refutes")])
async def test_doctests_of_a_class_run_in_one_box_with_the_code(answer, bearing, judge):
    code = f"class Stack:\n    def pop(self): return {answer}\n"
    (decided, _), statuses, _ = await judge(code, prompt=">>> s = Stack()\n>>> s.pop()\n1\n")
    assert decided == bearing
    assert set(statuses.values()) == {"pass" if bearing == "confirms" else "fail", "pass"}
