"""Where no box can be made, nothing runs unboxed and nothing is held against the answer."""

from __future__ import annotations

import asyncio

import pytest

from judge_agent.errors import ToolError
from judge_agent.schema import Task, Trajectory
from judge_agent.seams.tool import ToolView
from sandboxes.absent import AbsentSandbox
from tools.run_tests import RunTests


def test_without_a_box_run_tests_is_unavailable_and_says_what_to_install() -> None:
    tests = {"kind": "assert", "entry_point": "f", "hidden": ["assert f() == 1"]}
    task = Task.model_validate({"prompt": "Write f.", "reference": {"tests": tests}})
    message = {"role": "assistant", "content": "```python\ndef f():\n    return 1\n```"}
    view = ToolView(task, Trajectory.model_validate({"messages": [message]}))
    tool = RunTests(AbsentSandbox("install bubblewrap"))
    with pytest.raises(ToolError, match="install bubblewrap"):
        asyncio.run(tool.run({}, view, timeout_seconds=5))
