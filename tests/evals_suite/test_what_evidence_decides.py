"""Sets whose requests hold what decides their label are decided by tools, through a service of the run's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from judge_agent.seams.sandbox import Sandbox
from tests.evals_loaders import published
from tests.evals_suite.conftest import Ran, verdicts

SETS = ("evalplus", "spider", "gsm8k", "tara_code")


def test_tests_queries_and_references_decide_each_item_without_a_model(
    sandbox: Sandbox, evals: Callable[..., Ran], tmp_path: Path
) -> None:
    for name in SETS:
        published.write(tmp_path / "data" / published.suite_of(name).folder_name, name)
    ran = evals("run", *SETS, "--data", tmp_path / "data", "--recipe", "verify", "--model", "none", "--json",
                "--data-dir", tmp_path / "service", "--out", tmp_path / "out")  # fmt: skip
    found = {one["set"]: one for one in ran.told["summaries"]}
    assert {name: verdicts(one) for name, one in found.items()} == {
        "evalplus": (4, 0, 0, 0),
        "spider": (2, 0, 0, 0),
        "gsm8k": (2, 0, 0, 0),
        "tara_code": (1, 0, 0, 0),
    }
    for one in found.values():
        assert (one["by_evidence"]["precision"], one["by_evidence"]["coverage"]) == (1.0, 1.0)
        assert (one["is_given"], one["evidence_share"], one["calls_each"]) == (True, 1.0, 0.0)
    assert ran.code == 0
