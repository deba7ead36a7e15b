"""Defog's SQL questions as judgment requests: the gold query, rewritten and in two forms, against one made wrong.

A question is kept only where plain sqlite3 shows that the wrong query gives another result on the given database, that
the rewritten one gives the same, and that the gold one gives a result at all. The data's own queries run here unboxed:
they are trusted.
"""

from __future__ import annotations

import contextlib
import csv
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from evals.rewriting import rewritten

FILES = ("questions_gen_sqlite.csv", "instruct_basic_sqlite.csv", "instruct_advanced_sqlite.csv")
NOW = "'2026-11-21 12:00:00'"  # the data's own present, as its README says
MAX_STEPS = 2_000_000
Rows = Counter[tuple[str, ...]]


@dataclass(frozen=True)
class Question:
    """One question with its gold query, the same rewritten, and a wrong one. `database` is a file under `sqlite/`."""

    text: str
    database: str
    right: str
    rewritten: str
    wrong: str

    def request(self, recipe: str, seconds: float) -> dict[str, Any]:
        """Five candidates in a random order: each query in a block, the rewritten and the wrong one in prose as well.

        The database is named, not sent: the service's resources root must be the folder `sqlite`.
        """
        sides = [
            (True, _block(self.right)),
            (True, _block(self.rewritten)),
            (True, _prose(self.rewritten)),
            (False, _block(self.wrong)),
            (False, _prose(self.wrong)),
        ]
        random.Random(self.text).shuffle(sides)  # noqa: S311 - a reproducible order, no secret
        return {
            "task": {"prompt": self.text, "reference": {"sql": self.right}},
            "resources": {
                "databases": [{"name": "data", "engine": "sqlite", "root_name": self.database}],
            },
            "candidates": [
                {"id": f"c{index}", "trajectory": {"text": text}} for index, (_, text) in enumerate(sides)
            ],
            "recipe": recipe,
            "budget": {"seconds": seconds},
            "metadata": {"right": [f"c{index}" for index, (is_right, _) in enumerate(sides) if is_right]},
        }


def _block(sql: str) -> str:
    return f"```sql\n{sql}\n```"


def _prose(sql: str) -> str:
    """As an answer that was not asked for a block says it."""
    return f"The tables that are given are enough. The query is ``{' '.join(sql.split())}``, which reads nothing else."


def load(folder: Path, count: int) -> list[Question]:
    """Take questions of every database in turn until `count` are kept."""
    shelves: dict[str, list[dict[str, str]]] = {}
    for name in FILES:
        with (folder / "questions" / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                shelves.setdefault(row["db_name"], []).append(row)
    rows = [row for turn in zip_longest(*shelves.values()) for row in turn if row is not None]
    kept: list[Question] = []
    for row in rows:
        database = folder / "sqlite" / f"{row['db_name']}.sqlite"
        question = question_of(row["question"], gold_of(row["query"]), database)
        if question is not None:
            kept.append(question)
        if len(kept) == count:
            break
    return kept


def gold_of(alternatives: str) -> str:
    """The first of the gold queries, asked at the data's own present."""
    return alternatives.split(";")[0].strip().replace("'now'", NOW)


def question_of(text: str, right: str, database: Path) -> Question | None:
    """A question with its gold query rewritten and made wrong; None where that cannot be shown on the database."""
    gold = _rows(database, right)
    if not gold:
        return None
    try:
        same = rewritten(right)
    except sqlglot.errors.SqlglotError:
        return None
    if _rows(database, same) != gold:
        return None
    mutants = list(_mutants(right))
    random.Random(right).shuffle(mutants)  # noqa: S311 - a reproducible choice, no secret
    for wrong in mutants:
        other = _rows(database, wrong)
        if other is not None and other != gold:
            return Question(text, database.name, right, same, wrong)
    return None


def _rows(path: Path, sql: str) -> Rows | None:
    """The result as a bag of rows, in plain sqlite3; None when it fails, takes long, or holds nothing."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        steps = iter(range(MAX_STEPS // 1000))
        connection.set_progress_handler(lambda: next(steps, None) is None, 1000)
        try:
            rows = connection.execute(sql).fetchall()
        except sqlite3.Error:
            return None
    if all(cell is None for row in rows for cell in row):
        return None
    return Counter(tuple(_shown(cell) for cell in row) for row in rows)


def _shown(cell: object) -> str:
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


_SWAPS: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.LT: exp.GTE,
    exp.LTE: exp.GT,
    exp.GT: exp.LTE,
    exp.GTE: exp.LT,
    exp.EQ: exp.NEQ,
    exp.And: exp.Or,
    exp.Max: exp.Min,
    exp.Min: exp.Max,
    exp.Sum: exp.Avg,
    exp.Avg: exp.Sum,
}


def _mutants(sql: str) -> Iterator[str]:
    """The query with one operator or aggregate swapped, one number moved, one condition or DISTINCT dropped."""
    tree = sqlglot.parse_one(sql, dialect="sqlite")
    for index, node in enumerate(tree.walk()):
        if not _changes(node):
            continue
        mutant = tree.copy()
        _change(list(mutant.walk())[index])
        yield mutant.sql(dialect="sqlite")


def _changes(node: exp.Expr) -> bool:
    if isinstance(node, exp.Literal):
        return not node.is_string and node.this.isdigit()
    return type(node) in _SWAPS or isinstance(node, (exp.Where, exp.Having, exp.Distinct))


def _change(node: exp.Expr) -> None:
    if isinstance(node, exp.Literal):
        node.set("this", str(int(node.this) + 1))
    elif isinstance(node, exp.Distinct) and isinstance(node.parent, exp.Count):
        node.replace(node.expressions[0])
    elif isinstance(node, (exp.Where, exp.Having, exp.Distinct)):
        node.pop()
    else:
        node.replace(_SWAPS[type(node)](**node.args))
