"""Says whether rows stand in the order that was asked for by chance: the query has no ORDER BY that puts them there.

SQL leaves the order of its rows to the engine, which gives those of a table as they were stored and groups as they were
sorted: SQLite does so on every copy of the data as well, so that no copy tells. An ORDER BY inside, in a subquery or a
CTE, is taken to put the rows in order, as both engines keep it; that of a window or of an aggregate is not.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from tools.sql.comparison import Expected, compare
from tools.sql.engine_box import QueryResult

_SOURCES = (exp.Query, exp.From, exp.Join, exp.With, exp.CTE, exp.Lateral)


def is_by_chance(tree: exp.Expr | None, result: QueryResult, expected: Expected) -> bool:
    """Whether a result that matches would not in another order of its rows, which the query leaves open.

    Blocking. Raises ValueError for cells that cannot be read.
    """
    if tree is None or not expected.ordered or _orders_rows(tree):
        return False
    return not compare(replace(result, rows=result.rows[::-1]), expected).matches


def _orders_rows(tree: exp.Expr) -> bool:
    return any(
        isinstance(order.parent, exp.Query) and _gives_rows(order.parent)
        for order in tree.find_all(exp.Order)
    )


def _gives_rows(query: exp.Expr) -> bool:
    """Whether a query is the whole one or a source of it, and no value or condition of it."""
    inner, outer = query, query.parent
    while outer is not None:
        is_value = isinstance(outer, exp.Select) and inner.arg_key == "expressions"
        if is_value or not isinstance(outer, _SOURCES):
            return False
        inner, outer = outer, outer.parent
    return True
