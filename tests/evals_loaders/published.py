"""Small folders of every benchmark in its published form, with texts of our own; `published.json` holds the rows.

Each field of the label's side that may hold any text holds MARK. `flipped` are the same rows under other labels.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.loaders import SUITES
from evals.loaders.item import Better, FirstError, Item, Outcome, Suite
from evals.suite.sampling import chosen

MARK = "MARK-7391"
CASES: Mapping[str, Mapping[str, Any]] = json.loads(
    (Path(__file__).parent / "published.json").read_text("utf-8")
)
_SHOP = """CREATE TABLE items (name TEXT, price REAL);
INSERT INTO items VALUES ('lamp', 9), ('pen', 1), ('cup', 4), ('bag', 3), ('hat', 2);"""


def suite_of(case: str) -> Suite:
    name = CASES[case].get("set", case)
    return next(suite for suite in SUITES if suite.name == name)


def write(folder: Path, case: str, *, flipped: bool = False) -> Path:
    """Write the folder of a set; return it."""
    files = CASES[case]["files"] | (CASES[case]["flipped"] if flipped else {})
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, content)
    if database := CASES[case].get("database"):
        path = folder / database
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.executescript(_SHOP)
    return folder


def _write(path: Path, content: Any) -> None:
    if isinstance(content, str):
        path.write_text(content, "utf-8")
    elif path.suffix == ".json":
        path.write_text(json.dumps(content, indent=1), "utf-8")
    else:
        lines = "".join(f"{json.dumps(row)}\n" for row in content)
        path.write_bytes(gzip.compress(lines.encode()) if path.suffix == ".gz" else lines.encode())


def loaded(folder: Path, case: str) -> list[Item]:
    """The items of a folder in the order of its entries."""
    return [item for entry in suite_of(case).read(folder) if (item := entry.make()) is not None]


def sampled(folder: Path, case: str, limit: int | None = None, seed: int = 0) -> list[Item]:
    return chosen(suite_of(case).read(folder), limit, seed)


def label_of(item: Item) -> Any:
    """The label as `published.json` has it: words of the better ones, whether it succeeded, the first wrong step."""
    if isinstance(item.label, Outcome):
        return item.label.succeeded
    if isinstance(item.label, FirstError):
        return item.label.step
    assert isinstance(item.label, Better)
    shown = {one["id"]: one["trajectory"] for one in item.request.body["candidates"]}
    return sorted(_last_words(shown[name]) for name in item.label.chosen)


def _last_words(trajectory: Mapping[str, Any]) -> str:
    return str(trajectory["text"] if "text" in trajectory else trajectory["messages"][-1]["content"])
