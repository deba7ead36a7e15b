"""The tool with a real box, requests made short, and a naive grader that has code and tests in one process."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from judge_agent.schema import Reference, Task, Tests, Trajectory
from judge_agent.seams.tool import ToolView
from tools.run_tests import RunTests, RunTestsLimits

NAIVE = """
import sys
code, tests = open('code.py').read(), open('tests.py').read()
scope = {'__name__': 'graded'}
exec(code, scope)
exec(tests, scope)
scope['check'](scope['f'])
"""


@pytest.fixture
def tool(sandbox):
    return RunTests(sandbox, limits=RunTestsLimits(seconds_per_test=2.5))


@pytest.fixture
def view():
    def make(
        code: str | None,
        kind: str = "assert",
        hidden: Sequence[object] = (),
        visible: Sequence[object] = (),
        prompt: str = "Write it.",
        entry_point: str | None = None,
        atol: float | None = None,
    ) -> ToolView:
        tests = None
        if hidden or visible:
            tests = Tests(
                kind=kind, entry_point=entry_point, atol=atol, visible=tuple(visible), hidden=tuple(hidden)
            )
        return ToolView(Task(prompt=prompt, reference=Reference(tests=tests)), Trajectory(final_answer=code))

    return make


@pytest.fixture
def judge(tool, view):
    """Run the tool on one answer; return (bearing, strength), the statuses by test name, and the whole result."""

    async def run(code, *args, arguments=None, timeout_seconds=60, **kwargs):
        result = await tool.run(arguments or {}, view(code, *args, **kwargs), timeout_seconds=timeout_seconds)
        finding = result.findings[0]
        statuses = {test["name"]: test["status"] for test in result.output.get("tests", ())}
        return (finding.bearing, finding.strength), statuses, result

    return run


@pytest.fixture
def naive_grade(tmp_path: Path):
    """Whether a grader with code and tests in one process would call this right (its exit code is 0)."""

    def grade(code: str, tests: str) -> bool:
        (tmp_path / "code.py").write_text(code)
        (tmp_path / "tests.py").write_text(tests)
        done = subprocess.run(
            [sys.executable, "-c", NAIVE], cwd=tmp_path, capture_output=True, timeout=20, check=False
        )
        return done.returncode == 0

    return grade
