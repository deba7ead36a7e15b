"""A judge with the real tools and real boxes, or with boxes that cannot be had."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from judge_agent.errors import SandboxError
from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.models import ScriptedModel
from judge_agent.resources import BlobFiles, FileResources
from judge_agent.schema import Judgment, JudgmentRequest
from judge_agent.seams.sandbox import Box, BoxResult, Limits, Program, Sandbox
from judge_agent.seams.tool import Tool
from tools.check_tool_calls import CheckToolCalls
from tools.query_sql import QuerySql, QuerySqlLimits
from tools.run_python import LIMITS, RunPython
from tools.run_tests import RunTests, RunTestsLimits


class NoMoreBoxes:
    """A sandbox whose machine has run out of memory: every box fails at its start."""

    name, version = "no more", "1"

    async def run(self, program: Program, *, limits: Limits) -> BoxResult:
        raise SandboxError("the box could not be started: no memory is left")

    @asynccontextmanager
    async def open(self, program: Program, *, limits: Limits) -> AsyncIterator[Box]:
        raise SandboxError("the box could not be started: no memory is left")
        yield

    async def aclose(self) -> None:
        return None


@pytest.fixture
def judge_with(sandbox: Sandbox, tmp_path: Path):
    """Judge a body. `boxes`: real, none or broken; `files`: whether there is a store of files."""
    blobs = BlobFiles(tmp_path / "blobs", max_bytes=2**20, max_tenant_bytes=2**22)
    root = tmp_path / "root"
    root.mkdir()
    (root / "broken.sqlite").write_bytes(b"SQLite format 3\0" + b"x" * 5000)

    async def judge(
        body: Mapping[str, Any],
        *,
        model: ScriptedModel | None = None,
        boxes: str = "real",
        files: bool = True,
    ) -> Judgment:
        request = JudgmentRequest.model_validate(body)
        judging = Judge(
            model=model,
            tools=tools({"real": sandbox, "none": None, "broken": NoMoreBoxes()}[boxes], files),
            journal=MemoryJournal(),
            shared=MemorySharedResults(),
            log=MemoryLog(),
        )
        judging.check(request)
        return await judging.judge(request, judgment_id="j", tenant="t", created=0.0)

    def tools(box: Sandbox | None, files: bool) -> Sequence[Tool]:
        limits = replace(LIMITS, wall_seconds=1.0, memory_bytes=2**28)
        return (
            CheckToolCalls(),
            RunTests(box, limits=RunTestsLimits(seconds_per_test=1.0)),
            QuerySql(
                box,
                FileResources(blobs, root) if files else None,
                limits=QuerySqlLimits(seconds_per_query=1.0),
            ),
            RunPython(box, limits=limits),
        )

    return judge
