"""A pytest plugin for the tests against real trainers: the judge service that JUDGE_URL names, the loop, the counts.

Written where TRAINERS_REPORT says, for the runner: how many tests passed, failed, broke and were skipped.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def judge_url() -> str:
    """The address of a running judge without a model: recipe `verify` is what it can."""
    url = os.environ.get("JUDGE_URL")
    if not url:
        pytest.skip("no judge service: run `make test-trainers`, or set JUDGE_URL")
    return url


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    report = os.environ.get("TRAINERS_REPORT")
    if report:
        kinds = ("passed", "failed", "error", "skipped")
        counts = {kind: len(terminalreporter.stats.get(kind, [])) for kind in kinds}
        Path(report).write_text(json.dumps(counts), "utf-8")
