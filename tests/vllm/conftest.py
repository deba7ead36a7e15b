"""Ways to start a supervised server: the program without a model, and the real one where it is installed."""

import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from judge_agent.models.vllm_settings import VllmSettings

FAKE = Path(__file__).with_name("fake_vllm.py")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class FakeVllm:
    """The program, the folder that tells it what to do, and what its starts wrote down."""

    program: Path
    folder: Path
    model: Path

    @property
    def starts(self) -> list[dict[str, Any]]:
        lines = (self.folder / "starts.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def tell(self, name: str) -> None:
        (self.folder / name).touch()

    def settings(self, **given: Any) -> VllmSettings:
        quick = {
            "start_seconds": 30.0,
            "stop_seconds": 2.0,
            "first_pause_seconds": 0.02,
            "probe_seconds": 2.0,
        }
        return VllmSettings(
            str(self.model),
            self.folder / "data" / "vllm.log",
            program=str(self.program),
            environment={"FAKE_VLLM_DIR": str(self.folder), "PYTHONPATH": str(ROOT)},
            **(quick | given),
        )


@pytest.fixture
def fake_vllm(tmp_path: Path) -> FakeVllm:
    program = tmp_path / "bin" / "vllm"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, str(FAKE)])} "$@"\n')
    program.chmod(0o755)
    model = tmp_path / "tiny-judge"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "llama"}')
    return FakeVllm(program, tmp_path, model)


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    def check(pid: int) -> bool:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        return state != "Z"

    return check
