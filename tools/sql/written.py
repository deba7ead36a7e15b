"""Says whether a query has its result written into it: values that come out of its text, not out of a table.

`SELECT 42 FROM t LIMIT 1` reads a table and says nothing of it, no more than `max(42)`. `CASE city WHEN 'Oslo' THEN 2
ELSE 3 END` takes the choice alone from the data, and `... UNION ALL SELECT 'Bo'` adds a row that no table has. What the
reference writes down itself is not held against a query: labels, flags, and a predicate that a CASE spells out.

Knows the text only: `42 + 0 * a` passes here, and so does a number that a filter is chosen to give.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlglot import exp

# constant: it stands in the text. chosen: one of several that do. data: it comes of a table.
Origin = Literal["constant", "chosen", "data"]
MAX_DEPTH = 40
_RANK: tuple[Origin, ...] = ("constant", "chosen", "data")
_LITERALS = (exp.Literal, exp.Null, exp.Boolean, exp.Interval, exp.DataType, exp.Identifier, exp.Var)
_PASSED_ON = (exp.Max, exp.Min, exp.Avg, exp.AnyValue, exp.First, exp.Last)
_COMPUTED = (exp.Binary, exp.Unary, exp.Func, exp.Tuple, exp.Array)
_OPAQUE = (exp.AggFunc, exp.Predicate, exp.Anonymous, exp.AnonymousAggFunc, exp.SubqueryPredicate)


def is_hard_coded(candidate: exp.Expr | None, reference: exp.Expr | None) -> bool:
    """Whether the candidate writes down more of its result than the reference does. False where it cannot be read."""
    if candidate is None:
        return False
    own, other = written(candidate), written(reference)
    spelled_out = other.choices + other.predicates + other.labels
    if own.all_of_it and not other.all_of_it and not 0 < own.choices <= spelled_out:
        return True
    return own.rows > other.rows or own.choices > spelled_out


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


def written(tree: exp.Expr | None) -> Written:
    """Look at the columns that a query gives, through CTEs and subqueries."""
    if tree is None:
        return Written()
    reader = _Reader({cte.alias_or_name.casefold(): cte for cte in tree.find_all(exp.CTE)})
    branches = [reader.columns(branch, 0) for branch in _branches(tree)]
    known = [columns for columns in branches if columns]
    fixed = [columns for columns in known if "data" not in columns]
    return Written(
        bool(fixed) and len(fixed) == len(branches),
        len(fixed) if len(branches) > 1 else 0,
        max((columns.count("chosen") for columns in known), default=0),
        sum(_is_predicate(value) for query in _branches(tree) for value in query.selects),
        _labels(branches),
    )


def _labels(branches: Sequence[tuple[Origin, ...]]) -> int:
    return _together(list(branches)).count("chosen") if len(branches) > 1 else 0


def _branches(tree: exp.Expr) -> list[exp.Query]:
    """The queries of a chain of set operations. No recursion: a chain of a thousand is still a query."""
    left, found = [tree], list[exp.Query]()
    while left:
        one = left.pop()
        if isinstance(one, (exp.Subquery, exp.Paren)):
            left.append(one.this)
        elif isinstance(one, exp.SetOperation):
            left += [one.this, one.expression]
        elif isinstance(one, exp.Query):
            found.append(one)
    return found


@dataclass
class _Reader:
    """Follows columns to where they come from; each query is looked at once."""

    ctes: dict[str, exp.CTE]
    seen: dict[int, tuple[Origin, ...]] = field(default_factory=dict)

    def columns(self, query: exp.Expr, depth: int) -> tuple[Origin, ...]:
        """Where each column comes from; empty where that is not known, as for the `*` of a table."""
        key = id(query)
        if key not in self.seen:
            self.seen[key] = ()  # a recursive CTE knows nothing of itself
            self.seen[key] = self._columns(query, depth) if depth < MAX_DEPTH else ()
        return self.seen[key]

    def _columns(self, query: exp.Expr, depth: int) -> tuple[Origin, ...]:
        if isinstance(query, exp.Values):
            rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in query.expressions]
            return ("chosen" if len(rows) > 1 else "constant",) * (len(rows[0]) if rows else 0)
        branches = _branches(query)
        if not (len(branches) == 1 and branches[0] is query):
            return _together([self.columns(branch, depth + 1) for branch in branches])
        if not isinstance(query, exp.Select):
            return ()
        found: list[Origin] = []
        for value in query.selects:
            found += (
                self._starred(query, value, depth) if _is_star(value) else [self._of(value, query, depth)]
            )
        return tuple(found)

    def _starred(self, query: exp.Select, star: exp.Expr, depth: int) -> Sequence[Origin]:
        wanted = star.table.casefold() if isinstance(star, exp.Column) else ""
        origins = [
            origin
            for alias, source in _sources(query)
            if not wanted or alias == wanted
            for origin in (self._of_source(source, depth) or ("data",))
        ]
        return origins or ["data"]

    def _of_source(self, source: exp.Expr, depth: int) -> tuple[Origin, ...]:
        if isinstance(source, exp.Table):
            cte = self.ctes.get(source.name.casefold()) if not source.db else None
            return self.columns(cte.this, depth + 1) if cte is not None else ()
        return self.columns(source.this if isinstance(source, exp.Subquery) else source, depth + 1)

    def _of(self, value: exp.Expr, query: exp.Select, depth: int) -> Origin:
        """Where a value comes from."""
        if depth > MAX_DEPTH:
            return "data"
        if isinstance(value, _LITERALS):
            return "constant"
        if isinstance(value, exp.Column):
            return self._of_column(value, query, depth)
        if isinstance(value, (exp.Case, exp.If)):
            return self._of_choice(value, query, depth)
        if isinstance(value, exp.Subquery):
            inner = self.columns(value.this, depth + 1)
            return inner[0] if len(inner) == 1 else "data"
        if isinstance(value, (exp.Alias, exp.Window)):
            return self._of(value.this, query, depth + 1)
        if isinstance(value, _PASSED_ON):
            return self._least(value, query, depth)
        if isinstance(value, _OPAQUE) or not isinstance(value, _COMPUTED):
            return "data"
        return self._least(value, query, depth)

    def _least(self, value: exp.Expr, query: exp.Select, depth: int) -> Origin:
        parts = [self._of(part, query, depth + 1) for part in value.iter_expressions()]
        return max(parts, key=_RANK.index, default="data")

    def _of_column(self, column: exp.Column, query: exp.Select, depth: int) -> Origin:
        name, table = column.name.casefold(), column.table.casefold()
        for alias, source in _sources(query):
            names = self._names(source) if table in ("", alias) else []
            origins = self._of_source(source, depth) if name in names else ()
            if len(origins) == len(names) > 0:
                return origins[names.index(name)]
        return "data"

    def _names(self, source: exp.Expr) -> list[str]:
        alias = source.args.get("alias")
        if isinstance(source, exp.Table):
            cte = self.ctes.get(source.name.casefold()) if not source.db else None
            if cte is None:
                return []
            alias, source = cte.args.get("alias"), cte
        columns = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
        if columns:
            return [one.name.casefold() for one in columns]
        if isinstance(source, exp.Values):
            width = len(source.expressions[0].expressions) if source.expressions else 0
            return [name for at in range(width) for name in (f"column{at + 1}",)]
        inner = source.this if isinstance(source, (exp.Subquery, exp.CTE)) else source
        branches = _branches(inner)
        return [one.casefold() for one in branches[-1].named_selects] if branches else []

    def _of_choice(self, choice: exp.Case | exp.If, query: exp.Select, depth: int) -> Origin:
        """The results of a CASE, not its conditions: several of the text are a choice of the data among them."""
        results = list(_results(choice))
        parts = [self._of(result, query, depth + 1) for result in results]
        if "data" in parts:
            return "data"
        return "chosen" if len({result.sql() for result in results}) > 1 else "constant"


def _results(choice: exp.Case | exp.If) -> Iterator[exp.Expr]:
    for one in choice.args.get("ifs") or (choice,):
        yield one.args["true"]
    yield choice.args.get("default") or choice.args.get("false") or exp.Null()


def _is_predicate(value: exp.Expr) -> bool:
    while isinstance(value, (exp.Alias, exp.Paren, exp.Cast, exp.Not)):
        value = value.this
    return isinstance(value, (exp.Predicate, exp.Connector))


def _is_star(value: exp.Expr) -> bool:
    return isinstance(value, exp.Star) or (isinstance(value, exp.Column) and isinstance(value.this, exp.Star))


def _sources(query: exp.Select) -> Iterator[tuple[str, exp.Expr]]:
    origin = query.args.get("from_")
    for source in (origin, *(query.args.get("joins") or ())):
        if source is not None:
            yield source.this.alias_or_name.casefold(), source.this


def _together(branches: list[tuple[Origin, ...]]) -> tuple[Origin, ...]:
    """The columns of a set operation: of each the least that is known, and several constants are a choice."""
    if not branches or not all(branches) or len({len(columns) for columns in branches}) > 1:
        return ()
    worst: list[Origin] = [max(column, key=_RANK.index) for column in zip(*branches, strict=True)]
    return tuple("chosen" if one == "constant" else one for one in worst)
