"""The judge's own lack of a module is no evidence against the answer; what the answer made up itself is."""

import tomllib
from pathlib import Path

import pytest

from judge_agent.errors import BudgetExceeded, ToolError
from judge_agent.schema import Artifact, CallTest, Reference, StdioTest, Task, Tests, Trajectory
from judge_agent.seams.tool import ToolView
from tools.run_tests import RunTests, RunTestsLimits

pytestmark = pytest.mark.anyio
CASES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
TESTS = {
    "call": CallTest(args=(7,), expected=49),
    "assert": "assert f(7) == 49",
    "check": "def check(candidate):\n    assert candidate(7) == 49",
    "pytest": "from solution import f\ndef test_f(): assert f(7) == 49",
    "stdio": StdioTest(stdin="7\n", stdout="49\n"),
}


def view_of(case):
    kind = case.get("kind", "call")
    hidden = [case.get("test", TESTS[kind])]
    if "also" in case:
        hidden.append(CallTest(args=(case["also"],), expected=case["also"] ** 2))
    entry_point = case.get("entry_point", "f") if kind not in ("stdio", "pytest") else None
    artifacts = (Artifact(name="solution.py", kind="code", content=case["code"]),)
    if "artifact" in case:
        artifacts = (Artifact(name=case["artifact"], kind="file", content="x = 1"), *artifacts)
    tests = Tests(kind=kind, entry_point=entry_point, hidden=tuple(hidden))
    task = Task(prompt=case.get("prompt", "Write it."), reference=Reference(tests=tests))
    return ToolView(task, Trajectory(artifacts=artifacts))


@pytest.mark.parametrize("name", CASES)
async def test_a_lack_of_the_box_is_told_from_a_fault_of_the_code(name, tool):
    case = CASES[name]
    decided, _, module = case["decided"].partition(" ")
    if decided == "lacks":
        with pytest.raises(ToolError, match=f"lack the module {module!r}.*PACKAGES") as caught:
            await tool.run({}, view_of(case), timeout_seconds=60)
        assert caught.value.failure_kind == "tool_unavailable"
        return
    finding = (await tool.run({}, view_of(case), timeout_seconds=60)).findings[0]
    assert f"{finding.bearing}/{finding.strength}" == decided, finding.reason


async def test_a_lack_that_could_not_be_looked_into_before_the_deadline_refutes_nothing(sandbox, view):
    code = "def f(x):\n    if x == 7:\n        import pandas\n    while True: pass"
    hidden = [TESTS["call"], CallTest(args=(8,), expected=64)]
    with pytest.raises(BudgetExceeded):
        await RunTests(sandbox, limits=RunTestsLimits(seconds_per_test=30)).run(
            {}, view(code, "call", hidden, entry_point="f"), timeout_seconds=2
        )


async def test_a_package_of_the_box_brings_the_libraries_beside_it(judge):
    code = "import numpy as np\ndef f(x): return float(np.linalg.norm([x * x]))"
    assert (await judge(code, "call", [TESTS["call"]], entry_point="f"))[0] == ("confirms", "decisive")
