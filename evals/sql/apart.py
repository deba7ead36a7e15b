"""Finds out whether two queries mean the same, by plain sqlite3 on many databases: the given one and copies of it.

The copies are drawn from other seeds than those of the tool, four times as many, each with shares of its own, and
they may leave what the data shows: values outside of its range, NULL wherever the schema lets it. Two queries that none
of them tells apart are held to be equivalent. That is no proof.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path
from typing import Literal

from sqlglot import exp

from tools.sql.allowed import NotParsed, read_query
from tools.sql.in_box.copying.edits import Hints, Recipe, plan
from tools.sql.in_box.copying.sqlite_copy import SqliteCopy
from tools.sql.in_box.copying.tables import Table, learn
from tools.sql.in_box.engine import Clock
from tools.sql.perturbing.hints import hints_of
from tools.sql.scan import Refused

COPIES = 28
MAX_STEPS = 2_000_000
Apart = Literal["given", "copies", "nowhere", "fails"]
Rows = list[tuple[str, ...]]


def told_apart(path: Path, sql: str, other: str, seed: int) -> Apart:
    """Where the two give different rows: on the given database, on copies alone, nowhere; or `other` does not run."""
    wanted, own = rows(path, sql), rows(path, other)
    if wanted is None or own is None:
        return "fails"
    trees = _trees(sql, other)
    ordered = bool(trees) and trees[0].args.get("order") is not None
    if _differ(wanted, own, ordered):
        return "given"
    return "copies" if trees and _differ_on_copies(path, (sql, other), trees, ordered, seed) else "nowhere"


def rows(path: Path, sql: str) -> Rows | None:
    """The result in plain sqlite3; None when it fails or takes long."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        steps = iter(range(MAX_STEPS // 1000))
        connection.set_progress_handler(lambda: next(steps, None) is None, 1000)
        try:
            found = connection.execute(sql).fetchall()
        except sqlite3.Error:
            return None
    return [tuple(f"{cell:.9g}" if isinstance(cell, float) else str(cell) for cell in row) for row in found]


def _differ(one: Rows, other: Rows, ordered: bool) -> bool:
    return one != other if ordered else Counter(one) != Counter(other)


def _trees(*texts: str) -> list[exp.Expr]:
    try:
        found = [read_query(text, "sqlite").tree for text in texts]
    except (NotParsed, Refused):
        return []
    known = [tree for tree in found if tree is not None]
    return known if len(known) == len(texts) else []


def _differ_on_copies(
    path: Path, texts: tuple[str, str], trees: list[exp.Expr], ordered: bool, seed: int
) -> bool:
    named = hints_of(trees)
    hints = Hints(list(named.columns) if named.columns is not None else None, dict(named.constants))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "copy.sqlite"
        tables = _learnt(path, target, list(named.joined))
        for index in range(COPIES):
            rng = random.Random(f"independent/{seed}/{index}")  # noqa: S311 - reproducible, no secret
            _write(path, target, tables, hints, rng)
            wanted, own = rows(target, texts[0]), rows(target, texts[1])
            if wanted is not None and own is not None and _differ(wanted, own, ordered):
                return True
    return False


def _learnt(path: Path, target: Path, joined: list[str]) -> list[Table]:
    shutil.copyfile(path, target)
    with contextlib.closing(SqliteCopy(str(target), Clock(60))) as store:
        tables = store.tables()
    learn(tables, joined)
    return tables


def _write(path: Path, target: Path, tables: list[Table], hints: Hints, rng: random.Random) -> None:
    shutil.copyfile(path, target)
    with contextlib.closing(SqliteCopy(str(target), Clock(60))) as store:
        keep, change = rng.uniform(0.4, 1.0), rng.uniform(0.2, 0.9)
        recipe = Recipe(keep, change, rng.choice((0.0, 0.3)), rng.uniform(0.2, 1.5), True)
        store.write(plan(tables, recipe, hints, rng), None)
