"""Code under test finds itself as a file, and prints by every way that Python's streams have."""

import tomllib
from pathlib import Path

import pytest

from judge_agent.schema import CallTest, Reference, Task, Tests, Trajectory
from judge_agent.seams.tool import ToolView
from tools.run_tests import RunTests

pytestmark = pytest.mark.anyio
CASES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CASES)
async def test_right_code_passes_in_two_boxes(name, sandbox):
    case = CASES[name]
    test = CallTest(args=(7,), expected=case["call"]) if "call" in case else case["hidden"]
    tests = Tests(
        kind=case.get("kind", "call" if "call" in case else "assert"), hidden=(test,), entry_point="f"
    )
    view = ToolView(
        Task(prompt="Write it.", reference=Reference(tests=tests)),
        Trajectory(final_answer=f"```python\n{case['code']}\n```"),
    )
    result = await RunTests(sandbox).run({}, view, timeout_seconds=60)
    (finding,) = result.findings
    assert (finding.bearing, finding.strength) == ("confirms", case.get("strength", "decisive")), (
        finding.reason
    )
