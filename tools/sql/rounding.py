"""Finds differences that rounding makes of a last bit: `ROUND(AVG(x) * 100)` and `ROUND(100.0 * SUM(x) / COUNT(*))`.

Where both queries round a column to the same place, and their numbers differ by one unit there, both are asked again
without the rounding. Where they agree then, or cannot be asked so, the difference is left open. Knows rounding as it
is written for a column of the result, also under that column's name in a subquery; not one inside an expression.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlglot import exp

from judge_agent.seams.tool import Finding
from tools.sql.allowed import NotParsed, parse_query
from tools.sql.comparison import Expected, compare, expected
from tools.sql.decimals import numbers_of
from tools.sql.engine_box import DatabaseBox, QueryFailed, QueryResult
from tools.sql.ordering import OrderPlan, unwrapped
from tools.sql.parts import Pair
from tools.sql.scan import Refused
from tools.sql.slack import with_units

_ROUNDS = (exp.Round, exp.Floor, exp.Ceil, exp.Trunc)
_FRACTION = (exp.Div, exp.Avg, exp.Round)
MAX_PLACES = 15


class Rounding(NamedTuple):
    """A column of the result is rounded to `places` digits after the point.

    `cuts`: each expression that rounds it, with what it rounds: one, or one in each query of a UNION.
    """

    cuts: tuple[tuple[exp.Expr, exp.Expr], ...]
    places: int

    @property
    def unit(self) -> float:
        """Half as much again as one unit: rounded numbers lie whole units apart, but for their last bits."""
        return 1.5 * 10.0**-self.places


async def left_by_rounding(pair: Pair, result: QueryResult, reason: str) -> Finding | None:
    """The finding for a difference that is one unit of a place to which both round."""
    found = await asyncio.to_thread(_both, pair, result)
    if found is None:
        return None
    own, wanted = found
    if await _differ_without_it(pair, own, wanted):
        return None
    told = f"{reason}; it differs by one unit of the place to which both queries round"
    return Finding("refutes", "strong", None, told)


def _both(pair: Pair, result: QueryResult) -> tuple[list[Rounding | None], list[Rounding | None]] | None:
    """How both queries round, where that explains the difference. Blocking."""
    own = roundings(pair.query.tree, result.columns)
    wanted = roundings(pair.wanted.query.tree, pair.wanted.result.columns)
    if not any(own) or not any(wanted):
        return None
    target = pair.wanted.expected
    marked = replace(target, rows=with_units(target.rows, _units(wanted)))
    return (own, wanted) if compare(result, marked, _units(own)).matches else None


def _units(found: Sequence[Rounding | None]) -> list[float]:
    return [one.unit if one is not None else 0.0 for one in found]


def roundings(tree: exp.Expr | None, columns: Sequence[str]) -> list[Rounding | None]:
    """How each column of a query's result is rounded. Blocking: it walks the tree."""
    nothing: list[Rounding | None] = [None] * len(columns)
    if tree is None:
        return nothing
    branches = _branches(unwrapped(tree))
    known = list(tree.find_all(exp.Select))
    if any(len(one.selects) != len(columns) or _has_star(one) for one in branches) or not branches:
        return [_named(name, known) for name in columns]
    return [_together([_resolved(one, known) for one in column]) for column in _columns(branches)]


def _branches(query: exp.Expr) -> list[exp.Select]:
    """The queries of a UNION, or the one query; none where a part is of another form."""
    found, left = list[exp.Select](), [query]
    while left:
        one = left.pop()
        if isinstance(one, exp.SetOperation):
            left += [one.this, one.expression]
        elif isinstance(one, exp.Subquery):
            left.append(one.this)
        elif isinstance(one, exp.Select):
            found.append(one)
        else:
            return []
    return found


def _columns(branches: Sequence[exp.Select]) -> Iterator[tuple[exp.Expr, ...]]:
    return zip(*(one.selects for one in branches), strict=True)


def _has_star(query: exp.Select) -> bool:
    return any(one.is_star for one in query.selects)


def _resolved(projection: exp.Expr, known: Sequence[exp.Select]) -> Rounding | None:
    inner = projection.unalias()
    return _named(inner.name, known) if isinstance(inner, exp.Column) else _rounding(projection)


def _together(found: Sequence[Rounding | None]) -> Rounding | None:
    """One rounding of several expressions, which must all round to one place."""
    known = [one for one in found if one is not None]
    if len(known) < len(found) or len({one.places for one in known}) != 1:
        return None
    return Rounding(tuple(cut for one in known for cut in one.cuts), known[0].places)


def _named(name: str, selects: Sequence[exp.Select]) -> Rounding | None:
    """The rounding under a name."""
    meant = [one for select in selects for one in select.selects if _alias(one) == name.casefold()]
    return _together([_rounding(one) for one in meant if not isinstance(one.unalias(), exp.Column)])


def _alias(projection: exp.Expr) -> str:
    return projection.alias_or_name.casefold()


def _rounding(projection: exp.Expr) -> Rounding | None:
    node = projection
    while isinstance(node, (exp.Alias, exp.Paren)) or (isinstance(node, exp.Cast) and not _is_to_whole(node)):
        node = node.this
    if isinstance(node, exp.Cast):
        if (found := _rounding(node.this)) is not None:  # the cast rounds what is rounded already
            return Rounding(((node, found.cuts[0][1]),), found.places)
        return Rounding(((node, node.this),), 0) if node.this.find(*_FRACTION) is not None else None
    if not isinstance(node, _ROUNDS):
        return None
    places = _places(node)
    return Rounding(((node, node.this),), places) if places is not None else None


def _is_to_whole(cast: exp.Cast) -> bool:
    return cast.to.this in exp.DataType.INTEGER_TYPES


def _places(node: exp.Expr) -> int | None:
    written, sign = node.args.get("decimals"), 1
    if isinstance(written, exp.Neg):
        written, sign = written.this, -1
    if written is None:
        return 0
    if not (isinstance(written, exp.Literal) and written.is_int and int(written.this) <= MAX_PLACES):
        return None
    return sign * int(written.this)


async def _differ_without_it(
    pair: Pair, own: Sequence[Rounding | None], wanted: Sequence[Rounding | None]
) -> bool:
    """Whether the numbers before the rounding are seen to be others. A LIMIT may then keep other rows: not told."""
    trees = pair.query.tree, pair.wanted.query.tree
    if any(tree is None or tree.find(exp.Limit, exp.Fetch) is not None for tree in trees):
        return False
    unrounded = await _asked(pair, pair.candidate_box, trees[0], own)
    there = await _asked(pair, pair.reference_box, trees[1], wanted)
    if unrounded is None or there is None:
        return False
    try:
        target = await asyncio.to_thread(expected, there, None, OrderPlan())
        return not (await asyncio.to_thread(_match, unrounded, target))
    except ValueError:
        return False  # what the box writes without the rounding cannot be read


def _match(result: QueryResult, target: Expected) -> bool:
    """Columns are matched by their values: one without a name is called by its expression, which is another now."""
    nameless = ("",) * len(target.columns)
    if len(result.columns) != len(nameless):
        return False
    return compare(replace(result, columns=nameless), replace(target, columns=nameless)).matches


async def _asked(
    pair: Pair, box: DatabaseBox, tree: exp.Expr | None, found: Sequence[Rounding | None]
) -> QueryResult | None:
    sql = await asyncio.to_thread(_without, tree, pair, found)
    if sql is None:
        return None
    try:
        await asyncio.to_thread(parse_query, sql, pair.engine)
        result = await box.query(sql, seconds=pair.seconds)
    except (Refused, NotParsed, QueryFailed):
        return None
    return None if result.cut else replace(result, rows=numbers_of(result.rows))


def _without(tree: exp.Expr | None, pair: Pair, found: Sequence[Rounding | None]) -> str | None:
    """The query with what is rounded in the place of its rounding."""
    inner = {id(node): what for one in found if one is not None for node, what in one.cuts}
    if tree is None:
        return None
    copy = tree.copy()
    for before, after in zip(list(tree.walk()), list(copy.walk()), strict=True):
        if id(before) in inner:
            after.replace(exp.paren(inner[id(before)].copy()))
    return copy.sql(dialect=pair.engine)
