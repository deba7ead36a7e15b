"""SIGKILL at random moments; `python -m evals kill` does it twenty times."""

from __future__ import annotations

from pathlib import Path

from evals.kill import kill_and_compare


def test_a_killed_service_ends_every_accepted_judgment_as_its_unkilled_twin(tmp_path: Path) -> None:
    assert kill_and_compare(tmp_path, kills=3, seed=1) == []
