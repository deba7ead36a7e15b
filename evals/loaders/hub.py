"""Sets fetched from the Hugging Face hub: each split is saved as JSON lines, and read like published files.

The file of a split is `<split>.jsonl`, in a folder of its configuration where the set has named ones.

A folder that holds the files already is not fetched again. Needs the package `datasets`, which is no dependency.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any, Protocol, cast

from evals.loaders.item import Suite
from judge_agent.errors import InvalidRequest

CACHE = Path(".judge/benchmarks")
INSTALL = "pip install datasets"


class Load(Protocol):
    """`datasets.load_dataset`: the rows of one split."""

    def __call__(self, repository: str, config: str | None, *, split: str) -> Any: ...


def fetched(suite: Suite, cache: Path = CACHE, load: Load | None = None) -> Path:
    """The folder of a set, fetched where it is not there yet.

    Raises InvalidRequest for a set that the hub does not have in a form that can be read, for a missing package (with
    the command that installs it), and for a hub that does not give the rows.
    """
    if suite.hub is None:
        raise InvalidRequest(
            "--data hub", f"{suite.name} is not on the hub as rows; get it from {suite.origin}"
        )
    folder = cache / suite.name
    for config, split in product(suite.hub.configs, suite.hub.splits):
        path = folder / (config or "") / f"{split}.jsonl"
        if not path.is_file():
            _fetch(suite.hub.repository, config, split, path, load or _datasets())
    return folder


def _datasets() -> Load:
    try:
        return cast(Load, importlib.import_module("datasets").load_dataset)
    except ImportError as error:
        raise InvalidRequest("--data hub", f"needs the package datasets: {INSTALL}") from error


def _fetch(repository: str, config: str | None, split: str, path: Path, load: Load) -> None:
    try:
        rows = load(repository, config, split=split)
    except Exception as error:  # the hub's client has many kinds, none of them ours
        raise InvalidRequest(
            "--data hub", f"{repository}, split {split}: {type(error).__name__}: {error}"
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(_plain(row), default=str) + "\n")
    os.replace(part, path)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without pictures: no loader reads them."""
    return {name: value for name, value in row.items() if not isinstance(value, bytes)}
