"""What honest programs do with children works in boxes of the profile `subprocess`, and is told apart in `strict`."""

import tomllib
from pathlib import Path

import pytest

from judge_agent.seams.sandbox import Limits, Program

pytestmark = pytest.mark.anyio
HONEST = tomllib.loads(Path(__file__).with_name("honest_children.toml").read_text())


@pytest.mark.parametrize("name", HONEST)
async def test_what_honest_programs_do_with_children_works(name, sandbox):
    result = await sandbox.run(Program(HONEST[name], profile="subprocess"), limits=Limits())
    assert (result.status, result.stdout, result.stderr) == ("ok", b"55\n", b"")


@pytest.mark.parametrize("name", HONEST)
async def test_without_the_profile_there_are_no_children(name, sandbox):
    result = await sandbox.run(Program(HONEST[name]), limits=Limits(wall_seconds=3))
    assert result.status != "ok"
    assert b"55" not in result.stdout
