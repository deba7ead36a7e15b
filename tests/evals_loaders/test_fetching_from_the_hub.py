"""`--data hub`: rows are fetched once, saved as published files are, and read by the same loader."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from evals.loaders.hub import fetched
from judge_agent.errors import InvalidRequest
from tests.evals_loaders.published import CASES, suite_of


def test_rows_are_fetched_once_and_read_like_files(tmp_path: Path) -> None:
    asked: list[tuple[str, str | None, str]] = []

    def load(repository: str, config: str | None, *, split: str) -> Any:
        asked.append((repository, config, split))
        return CASES["rewardbench"]["files"]["filtered.jsonl"]

    suite = suite_of("rewardbench")
    for _ in range(2):
        folder = fetched(suite, tmp_path, load)
    assert asked == [("allenai/reward-bench", None, "filtered")]
    assert [entry.category for entry in suite.read(folder)] == CASES["rewardbench"]["categories"]


def test_each_configuration_of_a_set_is_fetched_into_a_folder_of_its_own(tmp_path: Path) -> None:
    asked: list[tuple[str | None, str]] = []

    def load(repository: str, config: str | None, *, split: str) -> Any:
        asked.append((config, split))
        return [CASES["who_and_when"]["files"]["Hand-Crafted/1.json"]]

    suite = suite_of("who_and_when")
    folder = fetched(suite, tmp_path, load)
    assert asked == [("Algorithm-Generated", "train"), ("Hand-Crafted", "train")]
    assert [entry.category for entry in suite.read(folder)] == ["Algorithm-Generated", "Hand-Crafted"]


def test_a_hub_that_does_not_give_the_rows_leaves_nothing_behind(tmp_path: Path) -> None:
    def load(repository: str, config: str | None, *, split: str) -> Any:
        raise ConnectionError("no route to the hub")

    with pytest.raises(
        InvalidRequest, match="allenai/reward-bench, split filtered: ConnectionError: no route"
    ):
        fetched(suite_of("rewardbench"), tmp_path, load)
    assert list(tmp_path.iterdir()) == []


def test_a_set_that_is_no_rows_on_the_hub_says_where_it_is(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidRequest, match=r"bird is not on the hub as rows; get it from bird-bench.github.io"
    ):
        fetched(suite_of("bird"), tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("datasets") is not None, reason="datasets is installed")
def test_a_missing_package_names_the_command_that_installs_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="needs the package datasets: pip install datasets"):
        fetched(suite_of("rewardbench"), tmp_path)
