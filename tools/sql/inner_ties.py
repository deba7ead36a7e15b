"""Finds where a reference query chooses among equals inside: a subquery whose LIMIT cuts a tie of its sort keys.

Another choice is as right, and leads to another result. Only a tie that is seen in the data counts: a subquery that
does not run by itself (it is correlated, or a set operation) is left to `choices.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlglot import exp

from judge_agent.schema import Engine
from tools.sql.matching import Rows, same_row
from tools.sql.ordering import folded, may_widen, unwrapped, whole, widened
from tools.sql.values import Value, tied

MAX_CHOICES = 4
MAX_ROWS = 5000
LOOK_PAST = 50


class InnerChoice(NamedTuple):
    """`sql` gives the subquery's rows past its LIMIT; the last `keys` columns are its sort keys.

    It takes the rows from `begin` to `end`.
    """

    sql: str
    keys: int
    begin: int
    end: int

    @property
    def rows(self) -> int:
        return self.end + LOOK_PAST


def inner_choices(tree: exp.Expr | None, engine: Engine) -> tuple[InnerChoice, ...]:
    """The subqueries with a LIMIT, each as a query of its own. Blocking: it writes SQL."""
    if tree is None:
        return ()
    outer, shared = unwrapped(tree), tree.args.get("with_")
    limited = [one for one in tree.find_all(exp.Select) if one.args.get("limit") and one is not outer]
    chosen = (_choice(one, shared, engine) for one in limited[:MAX_CHOICES])
    return tuple(choice for choice in chosen if choice is not None)


def _choice(select: exp.Select, shared: exp.Expr | None, engine: Engine) -> InnerChoice | None:
    limit, begin = select.args["limit"], whole(select.args.get("offset"))
    count = whole(limit) if isinstance(limit, exp.Limit) and not limit.args.get("offset") else None
    if begin is None or count is None or begin + count > MAX_ROWS or not may_widen(select):
        return None
    if isinstance(select.parent, exp.Exists) or select.args.get("with_") is not None:
        return None
    order = select.args.get("order")
    keys = [_key(ordered.this, select) for ordered in (order.expressions if order is not None else ())]
    known = [key for key in keys if key is not None]
    if len(known) < len(keys):
        return None
    query = widened(select, known)
    query.set("limit", exp.Limit(expression=exp.Literal.number(begin + count + LOOK_PAST)))
    if shared is not None:
        query.set("with_", shared.copy())
    return InnerChoice(query.sql(dialect=engine), len(known), begin, begin + count)


def _key(key: exp.Expr, select: exp.Select) -> exp.Expr | None:
    """A sort key as an expression that may stand among the columns."""
    if not (isinstance(key, exp.Literal) and key.is_int):
        return folded(key)
    at = int(key.this)
    named = 0 < at <= len(select.selects) and not any(one.is_star for one in select.selects)
    return select.selects[at - 1].unalias() if named else None


def cuts_a_tie(rows: Rows, choice: InnerChoice) -> bool:
    """Whether rows on both sides of a cut have the same sort keys, and do not all say the same."""
    return any(_is_open(rows, choice.keys, cut) for cut in (choice.begin, choice.end) if 0 < cut < len(rows))


def _is_open(rows: Rows, keys: int, cut: int) -> bool:
    width = len(rows[cut]) - keys
    tied = _tied(rows, width, cut)
    return not all(same_row(row[:width], tied[0][:width]) for row in tied)


def _tied(rows: Rows, width: int, cut: int) -> Rows:
    """The run of rows around a cut with the same keys; only the row before it where they differ."""
    key = rows[cut - 1][width:]
    first, last = cut - 1, cut
    while first > 0 and _is_tied(rows[first - 1][width:], key):
        first -= 1
    while last < len(rows) and _is_tied(rows[last][width:], key):
        last += 1
    return rows[first:last] if last > cut else rows[cut - 1 : cut]


def _is_tied(keys: tuple[Value, ...], others: tuple[Value, ...]) -> bool:
    return all(map(tied, keys, others))
