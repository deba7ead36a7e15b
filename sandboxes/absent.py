"""Stands where this machine can make no box: every use says so, and nothing runs unboxed.

Does NOT protect against anything, since it runs nothing.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from judge_agent.errors import ToolError
from judge_agent.seams.sandbox import Box, BoxResult, Limits, Program


class AbsentSandbox:
    """A Sandbox that raises ToolError (`tool_unavailable`) whenever a box is asked for."""

    name = "none"
    version = "0"

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def run(self, program: Program, *, limits: Limits) -> BoxResult:
        raise ToolError(self._reason)

    def open(self, program: Program, *, limits: Limits) -> AbstractAsyncContextManager[Box]:
        raise ToolError(self._reason)
