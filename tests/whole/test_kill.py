"""SIGKILL at random moments; `python -m evals kill` does it twenty times."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from evals.kill import kill_and_compare
from evals.kill_targets import TARGETS, kill_under_load
from judge_agent.seams.sandbox import Sandbox


def test_a_killed_service_ends_every_accepted_judgment_as_its_unkilled_twin(tmp_path: Path) -> None:
    assert kill_and_compare(tmp_path, kills=3, seed=1) == []


@pytest.mark.slow
def test_kills_of_workers_boxes_and_the_whole_service_lose_nothing(tmp_path: Path, sandbox: Sandbox) -> None:
    assert asyncio.run(kill_under_load(tmp_path / "data", 6, 2, TARGETS)) == []
