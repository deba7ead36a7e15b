"""The tool `check_state`, run on a trajectory."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from judge_agent.seams.tool import ToolResult
from tests.check_state.shop import Check, view
from tools import CheckState


@pytest.fixture
def check() -> Check:
    """Runs the tool on messages, with an environment and a required end state."""
    tool = CheckState(None)

    def run(
        trajectory: list[dict[str, Any]], environment: Any, end: Any, seconds: float = 30.0
    ) -> ToolResult:
        seen = view(trajectory, environment, end)
        result = asyncio.run(tool.run({}, seen, timeout_seconds=seconds))
        json.dumps(result.output, allow_nan=False)
        return result

    return run
