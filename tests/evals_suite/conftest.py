"""`python -m evals run` against a service of the test's own, with a scripted model behind it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from evals.__main__ import main
from tests.evals_suite import benchmarks


@dataclass(frozen=True)
class Ran:
    """What a run left: exit code, both outputs, and the JSON object at its end."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return found

    @property
    def summary(self) -> dict[str, Any]:
        (found,) = self.told["summaries"]
        return dict(found)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four items of each set."""
    for name in benchmarks.SETS:
        benchmarks.write(tmp_path / "data", name, benchmarks.rows(name, 4))
    return tmp_path / "data"


@pytest.fixture
def evals(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Ran]]:
    """Runs `python -m evals` with the given arguments."""
    before = signal.getsignal(signal.SIGTERM)

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Ran(code, *capsys.readouterr())

    yield run
    signal.signal(signal.SIGTERM, before)


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The results that a run kept in its folder."""
    return [json.loads(line) for line in (path / "items.jsonl").read_text("utf-8").splitlines()]


def verdicts(summary: dict[str, Any]) -> tuple[int, int, int, int]:
    """How many are right, wrong, tied, and without a score."""
    total = summary["total"]
    return total["right"], total["wrong"], total["tie"], total["none"]
