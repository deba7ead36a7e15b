"""Makes wrong queries of right ones: one change each, of seventeen kinds, in SQLite's dialect.

A mutant may mean the same as its original; whoever uses them finds out which do (`apart.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import sqlglot
from sqlglot import exp

Columns = Mapping[str, Sequence[str]]  # of each table, in lower case
Change = Callable[[exp.Expr, Columns], list[exp.Expr | None]]
"""What may stand in a node's place; None: nothing."""
_SHIFTED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.LT: exp.LTE, exp.LTE: exp.LT, exp.GT: exp.GTE, exp.GTE: exp.GT, exp.EQ: exp.NEQ, exp.NEQ: exp.EQ,
}  # fmt: skip
_TURNED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.LT: exp.GT, exp.LTE: exp.GTE, exp.GT: exp.LT, exp.GTE: exp.LTE,
}  # fmt: skip
_AGGREGATES: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.Sum: exp.Avg, exp.Avg: exp.Sum, exp.Min: exp.Max, exp.Max: exp.Min,
}  # fmt: skip
_ARITHMETIC: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.Add: exp.Sub, exp.Sub: exp.Add, exp.Mul: exp.Div, exp.Div: exp.Mul,
}  # fmt: skip


class Mutant(NamedTuple):
    """A changed query and the kind of its change."""

    kind: str
    sql: str


def mutants(sql: str, columns: Columns) -> Iterator[Mutant]:
    """All mutants of a query, each once. Raises sqlglot's ParseError."""
    tree = sqlglot.parse_one(sql, dialect="sqlite")
    seen = {tree.sql(dialect="sqlite")}
    for kind, change in KINDS.items():
        for index, node in enumerate(list(tree.walk())):
            for place in range(len(change(node, columns))):
                changed = _changed(tree, index, place, change, columns)
                if changed not in seen:
                    seen.add(changed)
                    yield Mutant(kind, changed)


def _changed(tree: exp.Expr, index: int, place: int, change: Change, columns: Columns) -> str:
    copy = tree.copy()
    node = list(copy.walk())[index]
    other = change(node, columns)[place]
    if node is copy and other is not None:
        return other.sql(dialect="sqlite")
    if other is None:
        node.pop()
    else:
        node.replace(other)
    return copy.sql(dialect="sqlite")


def _other(node: exp.Expr, kinds: Mapping[type[exp.Expr], type[exp.Expr]]) -> list[exp.Expr | None]:
    kind = kinds.get(type(node))
    return [kind(**{name: _copied(value) for name, value in node.args.items()})] if kind is not None else []


def _copied(value: object) -> object:
    return value.copy() if isinstance(value, exp.Expr) else value


def _with(node: exp.Expr, **changes: object) -> exp.Expr:
    copy = node.copy()
    for name, value in changes.items():
        copy.set(name, value)
    return copy


def _comparison(node: exp.Expr, _: Columns) -> list[exp.Expr | None]:
    return [] if _joins(node) else _other(node, _SHIFTED) + _other(node, _TURNED)


def _joins(node: exp.Expr) -> bool:
    return isinstance(node.this, exp.Column) and isinstance(node.args.get("expression"), exp.Column)


def _constant(node: exp.Expr, _: Columns) -> list[exp.Expr | None]:
    if not (isinstance(node, exp.Literal) and node.is_int) or isinstance(
        node.parent, (exp.Limit, exp.Offset)
    ):
        return []
    return [exp.Literal.number(int(node.this) + 1), exp.Literal.number(int(node.this) - 1)]


def _and_or(node: exp.Expr, _: Columns) -> list[exp.Expr | None]:
    return _other(node, {exp.And: exp.Or, exp.Or: exp.And})


def _join(node: exp.Expr, _: Columns) -> list[exp.Expr | None]:
    if not isinstance(node, exp.Join) or not (node.args.get("on") or node.args.get("using")):
        return []
    return [_with(node, side=None if node.side else "LEFT", kind=None)]


def _dropped_predicate(node: exp.Expr, _: Columns) -> list[exp.Expr | None]:
    if isinstance(node, (exp.Where, exp.Having)):
        return [None]
    return [node.this.copy(), node.expression.copy()] if isinstance(node, exp.And) else []


def _aggregate(node: exp.Expr, _: Columns) -> list[exp.Expr | None]:
    return _other(node, _AGGREGATES)


def _distinct(node: exp.Expr, _: Columns) -> list[exp.Expr | None]:
    if isinstance(node, exp.Count) and not isinstance(node.this, exp.Star):
        if isinstance(node.this, exp.Distinct):
            return [_with(node, this=node.this.expressions[0].copy())]
        return [_with(node, this=exp.Distinct(expressions=[node.this.copy()]))]
    if isinstance(node, exp.Select):
        return [_with(node, distinct=None if node.args.get("distinct") else exp.Distinct())]
    return []


def _order(node: exp.Expr, _: Columns) -> list[exp.Expr | None]:
    return [_with(node, desc=not node.args.get("desc"))] if isinstance(node, exp.Ordered) else []


def _limit(node: exp.Expr, _: Columns) -> list[exp.Expr | None]:
    if not isinstance(node, exp.Limit) or not isinstance(node.expression, exp.Literal):
        return []
    return [_with(node, expression=exp.Literal.number(int(node.expression.this) + 1)), None]


def _column(node: exp.Expr, columns: Columns) -> list[exp.Expr | None]:
    """The next column of the same table."""
    if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
        return []
    holders = [names for names in columns.values() if node.name.casefold() in names]
    if len(holders) != 1 or len(holders[0]) < 2:
        return []
    names = list(holders[0])
    other = names[(names.index(node.name.casefold()) + 1) % len(names)]
    return [_with(node, this=exp.to_identifier(other))]


def _null(node: exp.Expr, _: Columns) -> list[exp.Expr | None]:
    if isinstance(node, exp.Coalesce):
        return [node.this.copy()]
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
        return [node.this.copy()] if isinstance(node.parent, exp.Not) else [exp.Not(this=node.copy())]
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Column):
        return [_with(node, this=exp.Star())]
    return []


def _group(node: exp.Expr, _: Columns) -> list[exp.Expr | None]:
    """The grouping without one of its keys."""
    keys = node.expressions if isinstance(node, exp.Group) else []
    return [
        _with(node, expressions=[k.copy() for k in keys if k is not key]) for key in keys if len(keys) > 1
    ]


def _arithmetic(node: exp.Expr, _: Columns) -> list[exp.Expr | None]:
    return _other(node, _ARITHMETIC)


def _pattern(node: exp.Expr, _: Columns) -> list[exp.Expr | None]:
    if not isinstance(node, (exp.Like, exp.ILike)) or not node.expression.is_string:
        return []
    text = node.expression.this
    narrower = [text.removeprefix("%"), text.removesuffix("%")] if "%" in text else [f"%{text}%"]
    return [_with(node, expression=exp.Literal.string(one)) for one in narrower if one != text]


def _between(node: exp.Expr, _: Columns) -> list[exp.Expr | None]:
    if not isinstance(node, exp.Between):
        return []
    low = exp.GT(this=node.this.copy(), expression=node.args["low"].copy())
    high = exp.LTE(this=node.this.copy(), expression=node.args["high"].copy())
    return [exp.paren(exp.and_(low, high))]


def _set_operation(node: exp.Expr, _: Columns) -> list[exp.Expr | None]:
    if isinstance(node, exp.Union):
        return [_with(node, distinct=not node.args.get("distinct"))]
    return _other(node, {exp.Intersect: exp.Except, exp.Except: exp.Intersect})


def _negation(node: exp.Expr, _: Columns) -> list[exp.Expr | None]:
    if isinstance(node, exp.Not):
        return [node.this.copy()]
    return [exp.Not(this=node.copy())] if isinstance(node, (exp.In, exp.Exists, exp.Like)) else []


def _text(node: exp.Expr, _: Columns) -> list[exp.Expr | None]:
    """Another spelling of a text that is compared with."""
    if not (isinstance(node, exp.Literal) and node.is_string) or not isinstance(
        node.parent, (exp.EQ, exp.In)
    ):
        return []
    return [exp.Literal.string(node.this.swapcase())] if node.this.swapcase() != node.this else []


KINDS: dict[str, Change] = {
    "comparison": _comparison,
    "constant": _constant,
    "and_or": _and_or,
    "join": _join,
    "dropped_predicate": _dropped_predicate,
    "aggregate": _aggregate,
    "distinct": _distinct,
    "order": _order,
    "limit": _limit,
    "column": _column,
    "null": _null,
    "group": _group,
    "arithmetic": _arithmetic,
    "pattern": _pattern,
    "between": _between,
    "set_operation": _set_operation,
    "negation": _negation,
    "text": _text,
}
