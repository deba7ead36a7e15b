"""The tool with a real box, and views made short."""

from collections.abc import Sequence
from typing import Any

import pytest

from judge_agent.schema import Reference, Task, Tests, Trajectory
from judge_agent.seams.tool import ToolView
from tools.run_python import RunPython


@pytest.fixture
def tool(sandbox):
    return RunPython(sandbox)


@pytest.fixture
def view():
    def make(
        answer: str | None = None,
        artifacts: Sequence[dict[str, Any]] = (),
        prompt: str = "Do it.",
        kind: str | None = None,
        hidden: Sequence[object] = (),
        seed: int = 0,
    ) -> ToolView:
        tests = Tests(kind="assert", hidden=tuple(hidden)) if hidden else None
        reference = Reference(tests=tests, answer="the secret answer 4711", solution="SECRET = 4711")
        trajectory = Trajectory.model_validate({"final_answer": answer, "artifacts": artifacts})
        return ToolView(Task(prompt=prompt, kind=kind, reference=reference), trajectory, seed=seed)

    return make


@pytest.fixture
def ran(tool, view):
    async def run(code: str, *, timeout_seconds: float = 30, **given: Any):
        return await tool.run({"code": code}, view(**given), timeout_seconds=timeout_seconds)

    return run
