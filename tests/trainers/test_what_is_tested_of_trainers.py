"""`make test-trainers` says of every trainer of README's table what it is tested against, or that it is not."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def trainers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("ci_trainers", ROOT / ".ci" / "trainers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "ci_trainers", module)
    spec.loader.exec_module(module)
    return module


def test_a_trainer_that_is_not_there_is_named_with_the_reason_at_once_and_in_the_last_table(
    trainers: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = trainers.Counts()
    for name in ("slime", "roll"):
        trainers._test(trainers._table()[name], tmp_path / "no.whl", "http://h", tmp_path, counts)
    assert [row.split(":")[0].split() for row in counts.rows] == [
        ["slime", "NOT", "TESTED"],
        ["roll", "NOT", "TESTED"],
    ]
    assert all("on the wire" in row for row in counts.rows)
    assert "NOT INSTALLED slime: " in capsys.readouterr().out
    assert str(counts).endswith("2 trainers not installed")


def test_a_release_that_cannot_show_all_is_named_with_what_it_leaves_open(trainers: ModuleType) -> None:
    counts, table = trainers.Counts(), trainers._table()
    counts.add(table["nemo_gym"], 0, {"passed": 7})
    counts.add(table["trl"], 0, {"passed": 3, "failed": 1})
    counts.add(table["nemo_gym_0_7"], 0, {"passed": 9})
    nemo, trl, newer = counts.rows
    assert newer.split() == [
        "nemo_gym_0_7",
        "nemo-gym==0.7.0:",
        "9",
        "passed,",
        "0",
        "failed,",
        "0",
        "skipped",
    ]
    assert "nemo-gym==0.4.0: 7 passed" in nemo
    assert "NOT TESTED: mask_sample and failure_kind" in nemo
    assert "trl==1.16.0: 3 passed, 1 failed" in trl
    assert "NOT TESTED" not in trl


def test_a_trainer_whose_python_is_not_there_is_said_not_to_be_installed(
    trainers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainers, "VENVS", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setattr(trainers.sys, "executable", "/bin/true")
    counts = trainers.Counts()
    trainers._test(trainers._table()["nemo_gym_0_7"], tmp_path / "no.whl", "http://h", tmp_path, counts)
    assert counts.not_installed == 1
    assert "NOT TESTED: it needs Python 3.13, and there is none" in counts.rows[0]


def test_every_trainer_of_the_readmes_table_has_a_row_here(trainers: ModuleType) -> None:
    told = tomllib.loads((ROOT / "tests" / "trainers" / "failure_table.toml").read_text("utf-8"))
    rows = {name.replace("_", " ").replace("-", " ") for name in trainers._table()}
    for trainer in told:
        plain = trainer.lower().replace("_", " ").replace("-", " ")
        assert any(plain.startswith(row) for row in rows), trainer
