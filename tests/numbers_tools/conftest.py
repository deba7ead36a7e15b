"""Views made short: a task, and what an agent wrote, one step each."""

from collections.abc import Sequence
from typing import Any

import pytest

from judge_agent.schema import Reference, Resources, Task, Trajectory
from judge_agent.seams.tool import ToolView


@pytest.fixture
def view():
    def make(
        *texts: str,
        prompt: str = "Work it out.",
        answer: str | None = None,
        final: str | None = None,
        databases: Sequence[dict[str, Any]] = (),
    ) -> ToolView:
        messages = [{"role": "assistant", "content": text} for text in texts]
        trajectory = Trajectory.model_validate({"messages": messages, "final_answer": final})
        resources = Resources.model_validate({"databases": list(databases)})
        return ToolView(
            Task(prompt=prompt, reference=Reference(answer=answer)), trajectory, resources=resources
        )

    return make
