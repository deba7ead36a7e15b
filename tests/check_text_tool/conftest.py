"""The tool with a real box, and views made short."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from judge_agent.schema import Reference, Task, Trajectory
from judge_agent.seams.tool import ToolView
from tools.check_text import CheckText


@pytest.fixture
def tool(sandbox):
    return CheckText(sandbox)


@pytest.fixture
def view():
    def make(
        text: str | None,
        checks: Sequence[Mapping[str, Any]] = (),
        artifacts: Sequence[Mapping[str, Any]] = (),
        prompt: str = "Write.",
        **rules: Any,
    ) -> ToolView:
        given = {"text_checks": {"checks": list(checks), **rules}} if checks else {}
        reference = Reference.model_validate(given)
        trajectory = Trajectory.model_validate({"final_answer": text, "artifacts": list(artifacts)})
        return ToolView(Task(prompt=prompt, reference=reference), trajectory)

    return make


@pytest.fixture
def verdicts(tool, view):
    """The outcome of each check, by handle."""

    async def run(text: str | None, checks: Sequence[Mapping[str, Any]], **given: Any) -> dict[str, str]:
        result = await tool.run({}, view(text, checks, **given), timeout_seconds=60)
        assert result.status == "ok", result.output
        return {one["id"]: one["outcome"] for one in result.output["checks"]}

    return run
