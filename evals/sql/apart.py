"""Finds out whether two queries mean the same, by plain sqlite3 on many databases: the given one and random ones.

The random ones (`random_data.py`) keep to the schema alone, so that they tell apart what no copy of the tool would: a
mutant that differs on rows which the given data never shows, but could hold, counts as wrong. Two queries that none of
them tells apart are held to be equivalent. That is no proof.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path
from typing import Literal

import sqlglot
from sqlglot import exp

from evals.sql.random_data import write_random

DATABASES = 28
MAX_STEPS = 2_000_000
_ORDERS = (
    "rowid DESC",
    "rowid % 2, rowid",
    "rowid * 31 % 17",
    "rowid * 7 % 11 DESC",
    "rowid * 13 % 5, rowid DESC",
)
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
    return "copies" if _differ_elsewhere(path, (sql, other), trees, seed) else "nowhere"


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
        return [sqlglot.parse_one(text, dialect="sqlite") for text in texts]
    except sqlglot.ParseError:
        return []


def _differ_elsewhere(path: Path, texts: tuple[str, str], trees: list[exp.Expr], seed: int) -> bool:
    """Where the first gives something else when its tables are read in another order, a difference proves nothing."""
    if not trees:
        return False
    constants = _constants(trees)
    orders = {False, trees[0].args.get("order") is not None}
    otherwise = [_reordered(trees[0], key) for key in _ORDERS]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "random.sqlite"
        for index in range(DATABASES):
            write_random(path, target, constants, random.Random(f"random/{seed}/{index}"))  # noqa: S311 - reproducible
            wanted, own = rows(target, texts[0]), rows(target, texts[1])
            if wanted is None or own is None or not _differ(wanted, own, max(orders)):
                continue
            again = [found for sql in otherwise if (found := rows(target, sql)) is not None]
            if any(
                _differ(wanted, own, ordered) and not any(_differ(wanted, one, ordered) for one in again)
                for ordered in orders
            ):
                return True
    return False


def _reordered(tree: exp.Expr, key: str) -> str:
    """The query with the rows of each table in another order, so that those that tie come otherwise."""
    own = {one.alias.casefold() for one in tree.find_all(exp.CTE)}

    def turned(node: exp.Expr) -> exp.Expr:
        if (
            not (isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier))
            or node.name.casefold() in own
        ):
            return node
        inner = exp.select("*").from_(exp.Table(this=node.this.copy())).order_by(key).limit(2**62)
        return inner.subquery(node.alias_or_name)

    return tree.transform(turned).sql(dialect="sqlite")


def _constants(trees: list[exp.Expr]) -> dict[str, list[str]]:
    """The literals of each comparison, by the columns that stand in it."""
    found: dict[str, list[str]] = {}
    for tree in trees:
        for node in tree.find_all(exp.Predicate):
            names = [column.name.casefold() for column in node.find_all(exp.Column)]
            for name in names:
                found.setdefault(name, []).extend(one.name for one in node.find_all(exp.Literal))
    return found
