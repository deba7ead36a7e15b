"""Says whether a query has its result written into it: values that come out of its text, not out of a table.

`SELECT 42 FROM t LIMIT 1` reads a table and says nothing of it, no more than `max(42)` or `json_each('["Ada"]')`
beside it. `CASE city WHEN 'Oslo' THEN 2 ELSE 3 END` takes the choice alone from the data, and `... UNION ALL SELECT
'Bo'` adds a row that no table has. What the reference writes down itself is not held against a query: labels, flags,
and a predicate that a CASE spells out.

Two looks: where the columns come from (`origins.py`), and whether all texts of a column stand in texts of the query
that the reference has not, in whatever way they are taken out of there.

Knows the text only: `42 + 0 * a` passes here, `char(65)` too, and so does a result that a filter is chosen to give.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from tools.sql.origins import Columns, Reader, Schema, branches_of, together

MAX_CELLS = 2_000
_CONDITIONS = (exp.Predicate, exp.Where, exp.Having, exp.Qualify)


def is_hard_coded(
    candidate: exp.Expr | None,
    reference: exp.Expr | None,
    schema: Schema,
    rows: Sequence[Sequence[Any]] = (),
) -> bool:
    """Whether the candidate writes down more of its result than the reference does. False where it cannot be read.

    `schema`: columns of the tables, in lower case; empty where they are not known. `rows`: the candidate's
    encoded cells.
    """
    if candidate is None:
        return False
    own, other = written(candidate, schema), written(reference, schema)
    spelled_out = other.choices + other.predicates + other.labels
    if own.all_of_it and not other.all_of_it and not 0 < own.choices <= spelled_out:
        return True
    if own.rows > other.rows or own.choices > spelled_out:
        return True
    return _stands_in_texts(rows, set(_texts(candidate)) - set(_texts(reference, everywhere=True)))


@dataclass(frozen=True)
class Written:
    """What of a result stands in the text: all of it, how many of its queries' rows, how many columns that vary.

    `labels`: columns that are a constant in each branch of a set operation; `predicates`: columns that are true or not.
    """

    all_of_it: bool = False
    rows: int = 0
    choices: int = 0
    predicates: int = 0
    labels: int = 0


def written(tree: exp.Expr | None, schema: Schema) -> Written:
    """Look at the columns that a query gives, through CTEs and subqueries."""
    if tree is None:
        return Written()
    reader = Reader.of(tree, schema)
    branches = [reader.columns(branch) for branch in branches_of(tree)]
    known = [columns for columns in branches if columns]
    fixed = [columns for columns in known if "data" not in columns]
    return Written(
        bool(fixed) and len(fixed) == len(branches),
        len(fixed) if len(branches) > 1 else 0,
        max((columns.count("chosen") for columns in known), default=0),
        sum(_is_predicate(value) for query in branches_of(tree) for value in query.selects),
        _labels(branches),
    )


def _labels(branches: Sequence[Columns]) -> int:
    return together(branches).count("chosen") if len(branches) > 1 else 0


def _is_predicate(value: exp.Expr) -> bool:
    while isinstance(value, (exp.Alias, exp.Paren, exp.Cast, exp.Not)):
        value = value.this
    return isinstance(value, (exp.Predicate, exp.Connector))


def _stands_in_texts(rows: Sequence[Sequence[Any]], texts: set[str]) -> bool:
    """Whether all values of some column are pieces of these texts, none of them a single character."""
    if not texts or not rows:
        return False
    return any(
        _all_in({row[at] for row in rows if _is_text(row[at])}, rows, at, texts) for at in range(len(rows[0]))
    )


def _all_in(cells: set[str], rows: Sequence[Sequence[Any]], at: int, texts: set[str]) -> bool:
    if not 0 < len(cells) <= MAX_CELLS or any(not _is_text(row[at]) and row[at] is not None for row in rows):
        return False
    return all(len(cell) > 1 and any(cell in text for text in texts) for cell in cells)


def _is_text(cell: Any) -> bool:
    return isinstance(cell, str)


def _texts(tree: exp.Expr | None, *, everywhere: bool = False) -> Iterator[str]:
    """The texts of a query, but those of conditions: what a condition compares with is not what comes out."""
    left = [tree] if tree is not None else []
    while left:
        node = left.pop()
        if isinstance(node, exp.Literal) and node.is_string:
            yield node.name
        elif everywhere or not isinstance(node, _CONDITIONS):
            left += node.iter_expressions()
