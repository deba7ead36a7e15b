"""The OpenAPI document is true: schemathesis asks each operation what fits it and what does not.

No answer is a failure of the service; each status, content type, header and body is as the document says; what breaks
a schema is refused; a method that a path does not have is 405 and `Allow` names those that it has.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from judge_agent.seams.sandbox import Sandbox
from tests.facades.asked import model
from tests.service.served import serving

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[2]
CONFIG = Path(__file__).with_name("schemathesis.toml")
# A stop for what hangs; on two cores that are shared the slow ones take minutes.
SECONDS = 400


async def schemathesis(url: str, folder: Path, *arguments: str) -> tuple[int | None, str]:
    """Run it over a service. Returns its exit code, and what it says."""
    command = ["--config-file", str(CONFIG), "run", f"{url}/openapi.json", "--no-color"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "schemathesis.cli", *command, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    return process.returncode, said.decode()


async def test_every_operation_answers_as_the_document_says(tmp_path: Path, sandbox: Sandbox) -> None:
    async with serving(model=model(), sandbox=sandbox) as served:
        status, said = await schemathesis(
            served.url, tmp_path, "--phases", "examples,fuzzing", "--max-examples", "8", "--seed", "7"
        )
    assert status == 0, said
    assert "Server error" not in said


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["1", "2"])
async def test_what_follows_from_each_schema_is_asked_and_answered_as_it_says(
    tmp_path: Path, sandbox: Sandbox, seed: str
) -> None:
    async with serving(tmp_path / "judge.sqlite", model=model(), sandbox=sandbox) as served:
        status, said = await schemathesis(served.url, tmp_path, "--max-examples", "25", "--seed", seed)
    assert status == 0, said


@pytest.mark.slow
async def test_with_keys_no_operation_answers_who_has_none(tmp_path: Path, sandbox: Sandbox) -> None:
    keys = "ada:0123456789abcdef"
    async with serving(tmp_path / "judge.sqlite", model=model(), sandbox=sandbox, api_keys=keys) as served:
        status, said = await schemathesis(
            served.url,
            tmp_path,
            *("-H", "Authorization: Bearer 0123456789abcdef", "--max-examples", "10", "--seed", "3"),
        )
    assert status == 0, said
