"""Follows the columns of a result to where they come from: a table of the database, or the text of the query.

What is computed comes of its parts: of a table as soon as one part does. What only counts rows (`count(*)`,
`row_number()`) comes of the table; what passes one of its values on (`max`, `group_concat`) comes of that value alone,
and so do the rows of a table function (`json_each('["Ada"]')`). A name between double quotes that no table has is a
text to SQLite, and none of a table here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlglot import exp

# constant: it stands in the text. chosen: one of several that do. data: it comes of a table.
Origin = Literal["constant", "chosen", "data"]
MAX_DEPTH = 90
_RANK: tuple[Origin, ...] = ("constant", "chosen", "data")
_LITERALS = (
    exp.Literal, exp.Null, exp.Boolean, exp.Interval, exp.DataType, exp.Identifier, exp.Var, exp.JSONPath,
    exp.HexString, exp.BitString, exp.ByteString, exp.RawString, exp.UnicodeString, exp.National, exp.Pi,
)  # fmt: skip
# These give one of the values of their first part, or all of them; the rest says which, or in which order.
_PASSED_ON = (
    exp.Max, exp.Min, exp.AnyValue, exp.First, exp.Last, exp.FirstValue, exp.LastValue, exp.NthValue, exp.Lag,
    exp.Lead, exp.GroupConcat, exp.ArrayAgg, exp.JSONArrayAgg, exp.Mode, exp.ArgMax,
    exp.ArgMin,
)  # fmt: skip
_MEANS = (exp.Avg, exp.Median, exp.Quantile)
_WRAPPERS = (
    exp.Alias, exp.Window, exp.Paren, exp.Filter, exp.WithinGroup, exp.Order, exp.Ordered, exp.IgnoreNulls,
    exp.RespectNulls,
)  # fmt: skip
_PICKED_FROM = (
    exp.Bracket, exp.Dot, exp.JSONExtract, exp.JSONExtractScalar, exp.Substring, exp.Left, exp.Right, exp.Trim,
    exp.Nullif, exp.SplitPart, exp.Replace, exp.RegexpExtract, exp.Lower, exp.Upper, exp.Pad, exp.Reverse,
)  # fmt: skip
_PICKED_BY_NAME = (
    "list_extract list_element array_extract list_slice array_slice element_at map_extract struct_extract json_value "
    "json_extract json_extract_string list_any_value split_part ltrim rtrim"
)
_OF_JSON = ("key", "value", "type", "atom", "id", "parent", "fullkey", "path", "json", "root")
_COLUMNS_OF = {"json_each": _OF_JSON, "json_tree": _OF_JSON}
_ROW_NUMBERS = frozenset(("rowid", "oid", "_rowid_"))
Columns = tuple[Origin, ...]
_DATA: Columns = ("data",)
Schema = Mapping[str, Sequence[str]]


def branches_of(tree: exp.Expr) -> list[exp.Query]:
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


def together(branches: Sequence[Columns]) -> Columns:
    """The columns of a set operation: of each the least that is known, and several constants are a choice."""
    if not branches or not all(branches) or len({len(columns) for columns in branches}) > 1:
        return ()
    worst = [_least_of(column) for column in zip(*branches, strict=True)]
    return tuple("chosen" if one == "constant" else one for one in worst)


@dataclass
class Reader:
    """Reads one query; each query inside is looked at once. `schema`: the columns of the tables, in lower case."""

    ctes: dict[str, exp.CTE]
    schema: Schema
    names: frozenset[str]
    seen: dict[int, Columns] = field(default_factory=dict)
    named: dict[int, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: exp.Expr, schema: Schema) -> Reader:
        own = (one.alias_or_name.casefold() for query in tree.find_all(exp.Query) for one in query.selects)
        aliases = (one.name.casefold() for alias in tree.find_all(exp.TableAlias) for one in alias.columns)
        known = frozenset((*own, *aliases, *(name for columns in schema.values() for name in columns)))
        return cls({cte.alias_or_name.casefold(): cte for cte in tree.find_all(exp.CTE)}, schema, known)

    def columns(self, query: exp.Expr, depth: int = 0) -> Columns:
        """Where each column comes from; empty where that is not known."""
        key = id(query)
        if key not in self.seen:
            self.seen[key] = ()
            self.seen[key] = self._columns(query, depth) if depth < MAX_DEPTH else ()
        return self.seen[key]

    def _columns(self, query: exp.Expr, depth: int) -> Columns:
        if isinstance(query, exp.Values):
            return _of_rows(query)
        branches = branches_of(query)
        if not (len(branches) == 1 and branches[0] is query):
            return self._of_branches(query, branches[::-1], depth)
        if not isinstance(query, exp.Select):
            return ()
        found: list[Origin] = []
        for value in query.selects:
            found += (
                self._starred(query, value, depth) if is_star(value) else [self.of_value(value, query, depth)]
            )
        return tuple(found)

    def _of_branches(self, query: exp.Expr, branches: Sequence[exp.Expr], depth: int) -> Columns:
        """A recursive CTE reads itself in a later branch: there it is what the branches before it are."""
        found: list[Columns] = []
        for branch in branches:
            found.append(self.columns(branch, depth + 1))
            self.seen[id(query)] = together(found)
        return together(found)

    def _starred(self, query: exp.Select, star: exp.Expr, depth: int) -> Sequence[Origin]:
        wanted = star.table.casefold() if isinstance(star, exp.Column) else ""
        origins = [
            origin
            for alias, source in _sources(query)
            if not wanted or alias == wanted
            for origin in self._all_of(source, query, depth)
        ]
        return origins or ["data"]

    def _all_of(self, source: exp.Expr, query: exp.Select, depth: int) -> Columns:
        if is_function(source):
            return (self._of_function(source, query, depth),)
        if self._is_table(source):
            return _DATA * max(1, len(self.schema.get(source.name.casefold(), ())))
        return self._derived(source, depth) or _DATA

    def of_value(self, value: exp.Expr, query: exp.Select, depth: int) -> Origin:
        """Where a value comes from. What is nested too deep to be followed is taken to stand in the text."""
        if depth > MAX_DEPTH or isinstance(value, _LITERALS):
            return "constant"
        if isinstance(value, exp.Column):
            return self._of_column(value, query, depth)
        if isinstance(value, (exp.Case, exp.If)):
            return self._of_choice(value, query, depth)
        if isinstance(value, exp.Subquery):
            inner = self.columns(value.this, depth + 1)
            return inner[0] if len(inner) == 1 else "data"
        if isinstance(value, (*_WRAPPERS, *_PASSED_ON)):
            return self.of_value(value.this, query, depth + 1) if isinstance(value.this, exp.Expr) else "data"
        if isinstance(value, _MEANS):
            return "constant" if self._of_parts(value, query, depth) == "constant" else "data"
        if isinstance(value, (exp.AggFunc, exp.Query, exp.SubqueryPredicate)):
            return "data"
        return self._of_parts(value, query, depth)

    def _of_parts(self, value: exp.Expr, query: exp.Select, depth: int) -> Origin:
        parts = [self.of_value(part, query, depth + 1) for part in value.iter_expressions()]
        picks = isinstance(value, _PICKED_FROM) or (
            isinstance(value, exp.Anonymous) and value.name.lower() in _PICKED_BY_NAME.split()
        )
        if picks and parts and parts[0] != "data":
            return "chosen" if "data" in parts else _least_of(parts)
        if (
            isinstance(value, exp.Coalesce)
            and parts[0] == "constant"
            and not isinstance(value.this, exp.Null)
        ):
            return "constant"
        return _least_of(parts) if parts else "data"

    def _of_column(self, column: exp.Column, query: exp.Select, depth: int) -> Origin:
        """The query's own sources first, then those of the queries around it."""
        around: exp.Select | None = query
        while around is not None:
            if (found := self._of_sources(column, around, depth)) is not None:
                return found
            around = around.parent_select
        is_text = column.this.args.get("quoted") and not column.table and bool(self.schema)
        return "constant" if is_text and column.name.casefold() not in self.names else "data"

    def _of_sources(self, column: exp.Column, query: exp.Select, depth: int) -> Origin | None:
        name, table = column.name.casefold(), column.table.casefold()
        sources = [one for alias, one in _sources(query) if table in ("", alias)]
        functions = [one for one in sources if is_function(one)]
        for source in sources:
            names = self._names(source)
            if name in names and not self._is_table(source):
                if is_function(source):
                    return self._of_function(source, query, depth)
                origins = self._derived(source, depth)
                return origins[names.index(name)] if len(origins) == len(names) else "data"
        tables = [one for one in sources if self._is_table(one)]
        if any(self._holds(one, name) for one in tables):
            return "data"
        if functions:
            return self._of_function(functions[0], query, depth)
        return "data" if any(one.name.casefold() not in self.schema for one in tables) else None

    def _holds(self, table: exp.Expr, name: str) -> bool:
        return name in self.schema.get(table.name.casefold(), ()) or name in _ROW_NUMBERS

    def _of_function(self, source: exp.Expr, query: exp.Select, depth: int) -> Origin:
        """Rows of a table function: several of the text, but where its arguments come of a table."""
        call = source.this if isinstance(source, (exp.Table, exp.Lateral)) else source
        parts = [
            self.of_value(part, query, depth + 1)
            for part in call.iter_expressions()
            if not isinstance(part, exp.TableAlias)
        ]
        return "data" if "data" in parts or not parts else "chosen"

    def _is_table(self, source: exp.Expr) -> bool:
        return isinstance(source, exp.Table) and not is_function(source) and self._cte(source) is None

    def _cte(self, table: exp.Table) -> exp.CTE | None:
        return self.ctes.get(table.name.casefold()) if not table.db else None

    def _derived(self, source: exp.Expr, depth: int) -> Columns:
        cte = self._cte(source) if isinstance(source, exp.Table) else None
        if cte is not None:
            return self.columns(cte.this, depth + 1)
        inner = source.this if isinstance(source, (exp.Subquery, exp.Lateral)) else source
        return self.columns(inner, depth + 1)

    def _names(self, source: exp.Expr) -> Sequence[str]:
        """What the columns of a source are called, as far as the query itself says it; each is looked at once."""
        if id(source) not in self.named:
            self.named[id(source)] = ()
            self.named[id(source)] = self._names_of(source)
        return self.named[id(source)]

    def _names_of(self, source: exp.Expr) -> Sequence[str]:
        alias = source.args.get("alias")
        named = [one.name.casefold() for one in alias.columns] if isinstance(alias, exp.TableAlias) else []
        if named:
            return named
        if is_function(source):
            return list(
                _COLUMNS_OF.get(source.this.name.lower() if isinstance(source, exp.Table) else "", ())
            )
        if isinstance(source, exp.Table):
            cte = self._cte(source)
            return self._names(cte) if cte is not None else []
        inner = source.this if isinstance(source, (exp.Subquery, exp.CTE, exp.Lateral)) else source
        if isinstance(inner, exp.Values):
            return [f"column{at + 1}" for at in range(len(_of_rows(inner)))]
        branches = branches_of(inner)
        return [one.casefold() for one in branches[-1].named_selects] if branches else []

    def _of_choice(self, choice: exp.Case | exp.If, query: exp.Select, depth: int) -> Origin:
        """The results of a CASE, not its conditions: several of the text are a choice of the data among them."""
        results = list(_results(choice))
        parts = [self.of_value(result, query, depth + 1) for result in results]
        if "data" in parts:
            return "data"
        return "chosen" if len({result.sql() for result in results}) > 1 else "constant"


def is_function(source: exp.Expr) -> bool:
    """Whether a source is a call that gives rows."""
    if isinstance(source, exp.Lateral):
        return not isinstance(source.this, exp.Subquery)
    if isinstance(source, exp.Table):
        return not isinstance(source.this, exp.Identifier)
    return isinstance(source, exp.Unnest)


def is_star(value: exp.Expr) -> bool:
    return isinstance(value, exp.Star) or (isinstance(value, exp.Column) and isinstance(value.this, exp.Star))


def _least_of(parts: Sequence[Origin]) -> Origin:
    return max(parts, key=_RANK.index)


def _of_rows(values: exp.Values) -> Columns:
    rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in values.expressions]
    return ("chosen" if len(rows) > 1 else "constant",) * (len(rows[0]) if rows else 0)


def _results(choice: exp.Case | exp.If) -> Iterator[exp.Expr]:
    for one in choice.args.get("ifs") or (choice,):
        yield one.args["true"]
    yield choice.args.get("default") or choice.args.get("false") or exp.Null()


def _sources(query: exp.Select) -> Iterator[tuple[str, exp.Expr]]:
    origin = query.args.get("from_")
    for one in (origin, *(query.args.get("joins") or ()), *(query.args.get("laterals") or ())):
        if one is None:
            continue
        source = one if isinstance(one, exp.Lateral) else one.this
        yield source.alias_or_name.casefold(), source
        for join in source.args.get("joins") or ():  # FROM (a JOIN b)
            yield join.this.alias_or_name.casefold(), join.this
