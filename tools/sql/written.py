"""Says whether a query has its result written into it: values that come out of its text, not out of a table.

`SELECT 42 FROM t LIMIT 1` reads a table and says nothing of it, no more than `max(42)` or `json_each('["Ada"]')`
beside it. `CASE city WHEN 'Oslo' THEN 2 ELSE 3 END` takes the choice alone from the data, and `... UNION ALL SELECT
'Bo'` adds a row that no table has. What the reference writes down itself is not held against a query: labels, flags,
and a predicate that a CASE spells out.

Two looks: where the columns come from (`origins.py`), and whether all values of a column stand in texts or numbers of
the query that the reference has not, in whatever way they are taken out of there.

Knows the text only: a lone `42 + 0 * a` passes here, `char(64 + a)` too, and so does a result that a filter is chosen
to give.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from tools.sql.origins import Columns, Reader, Schema, branches_of, together

MAX_CELLS = 2_000
MAX_DIGITS = 30
_EVERYWHERE = (-1, 0, 1, 10, 100, 1000)
_CONDITIONS = (exp.Predicate, exp.Where, exp.Having, exp.Qualify, exp.Limit, exp.Offset, exp.Order, exp.Group)


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
    own_literals = set(_literals(candidate)) - set(_literals(reference, everywhere=True))
    return _stands_in(rows, own_literals)


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


def _stands_in(rows: Sequence[Sequence[Any]], literals: set[str | float]) -> bool:
    """Whether the values of some column are all pieces of the texts, or all among the numbers."""
    if not literals or not rows:
        return False
    texts = [one for one in literals if isinstance(one, str)]
    numbers = {one for one in literals if not isinstance(one, str)}
    for at in range(len(rows[0])):
        cells = {cell for row in rows if not isinstance(cell := row[at], (dict, list)) and cell is not None}
        if 0 < len(cells) <= MAX_CELLS and (_are_pieces(cells, texts) or _are_among(cells, numbers)):
            return True
    return False


def _are_pieces(cells: set[Any], texts: Sequence[str]) -> bool:
    """A single character stands in any text."""
    return all(
        isinstance(cell, str) and len(cell) > 1 and any(cell in text for text in texts) for cell in cells
    )


def _are_among(cells: set[Any], numbers: set[float]) -> bool:
    """A lone number may be there by chance (`parts.py` tells it), and so may 0, 1 and 100, which many queries write."""
    if len(cells) < 2 or not all(isinstance(cell, (int, float)) and cell in numbers for cell in cells):
        return False
    return not all(cell in _EVERYWHERE for cell in cells)


def _literals(tree: exp.Expr | None, *, everywhere: bool = False) -> Iterator[str | float]:
    """The texts and numbers of a query, but those of conditions: what a condition compares with does not come out."""
    left = [tree] if tree is not None else []
    while left:
        node = left.pop()
        if isinstance(node, exp.Literal):
            yield from _value(node)
        elif everywhere or not isinstance(node, _CONDITIONS):
            left += node.iter_expressions()


def _value(literal: exp.Literal) -> Iterator[str | float]:
    if literal.is_string:
        yield literal.name
    elif len(literal.name) <= MAX_DIGITS:
        yield float(literal.name)
        yield -float(literal.name)
