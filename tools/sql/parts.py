"""Says whether a match had something to tell apart: both queries are tried on parts of the data.

Two results that are the same prove little where many wrong queries give them too: a constant, an aggregate over no
rows, whatever the data is. So each table that both queries read is replaced, one at a time, by parts of it: its even
and its odd rows, then its first row and its last, then none. The comparison told something apart if for one of the
tables the reference's result is another one on such a part, and the candidate's is the reference's there. A single
number comes out right by chance more easily: there, the candidate's must be the reference's on every part up to it on
which the reference's is another one. One table is enough: what is left of another need not keep the constraints that a
right query may rely on. On parts, no rows, a row of NULL and a row of zero are the same. The part without rows counts
only for results of two values or more that no other part spoke against, as any query over the table reacts to it.

A candidate that cannot be tried so (no parser reads it, it reads none of the reference's tables but a view of them,
say, it reads row numbers, or searches a full-text table) is told apart by a result of two different rows or more if it
shows nothing but columns of the reference's tables. Else copies of the database may tell it (`perturbing/`). The
reference's own text needs no proof. A reference that cannot be tried, for its form or for its views alone, says nothing
either way.

The idea is that of test suites of databases (Zhong, Yu and Klein 2020, arXiv:2010.02840), with parts in the place of
random databases. Values are never changed, so that a query which finds the same rows and writes a value of its own
into them, as `42 + 0 * a`, may pass.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from sqlglot import exp

from judge_agent.schema import Engine
from tools.sql.allowed import NotParsed, Query, parse_query
from tools.sql.comparison import compare
from tools.sql.engine_box import DatabaseBox, QueryFailed, QueryResult
from tools.sql.ordering import unwrapped
from tools.sql.reference import Wanted, ask_reference
from tools.sql.scan import Refused
from tools.sql.substitution import Place, places_of, read_tables, substituted
from tools.sql.values import NULL, ZERO, value_of

MAX_TABLES = 4
_NO_ROWS = "LIMIT 0"
_PARTS = (
    ("WHERE rowid % 2 = 0", "WHERE rowid % 2 <> 0"),
    ("ORDER BY 1 LIMIT 1", "ORDER BY 1 DESC LIMIT 1"),
)
# apart: the candidate's result changed with the reference's. otherwise: it never did where the reference's changed.
# untried: it does not run there. nothing: the reference's did not change. unknown: the reference does not run there.
Told = Literal["unknown", "nothing", "untried", "otherwise", "apart"]
_ORDER: tuple[Told, ...] = ("unknown", "nothing", "untried", "otherwise", "apart")


@dataclass(frozen=True)
class Pair:
    """Both queries, each with its open box. `seconds` is the time of one query, and of all parts together."""

    engine: Engine
    seconds: float
    reference_box: DatabaseBox
    wanted: Wanted
    candidate_box: DatabaseBox
    query: Query


async def told_apart(pair: Pair) -> Told:
    """Try the parts until one table tells. Raises ValueError for cells that cannot be read."""
    if pair.query.tree is None:
        return "apart" if _is_same_text(pair.query.sql, pair.wanted.query.sql) else "untried"
    if pair.wanted.query.tree is None:
        return "unknown"
    places = await asyncio.to_thread(places_of, pair.wanted.query.tree)
    if not places:
        return "nothing"
    own = await asyncio.to_thread(places_of, pair.query.tree)
    found = await _Parts(pair, places, own).tried()
    if found == "untried" and len({repr(row) for row in pair.wanted.result.rows}) > 1:
        return "apart" if _shows_columns_of(pair.query.tree, {place.table for place in places}) else found
    return found


def _shows_columns_of(tree: exp.Expr, tables: set[str | None]) -> bool:
    """Whether a query gives columns as they are, and reads nothing but these tables."""
    outer = unwrapped(tree)
    sources = [table.name.casefold() for table in read_tables(outer) if not table.db]
    return (
        isinstance(outer, exp.Select)
        and all(isinstance(one.unalias(), (exp.Column, exp.Star)) for one in outer.selects)
        and len(sources) == len(list(outer.find_all(exp.Table, exp.Unnest, exp.Lateral, exp.Values))) > 0
        and outer.find(exp.Subquery, exp.CTE) is None
        and all(name in tables for name in sources)
    )


def _is_same_text(one: str, other: str) -> bool:
    return one.strip("; \t\r\n") == other.strip("; \t\r\n")


class _Parts:
    """Tries the tables that both queries read, and keeps to the time of all parts together."""

    def __init__(self, pair: Pair, places: tuple[Place, ...], own: tuple[Place, ...]) -> None:
        self._pair = pair
        self._places = places
        self._own = own
        self._ends = asyncio.get_running_loop().time() + pair.seconds

    async def tried(self) -> Told:
        own = {place.table for place in self._own}
        there = dict.fromkeys(place.table for place in self._places)
        tables = [table for table in there if table is not None and table in own]
        best: Told = "unknown" if tables else "untried"
        for table in tables[:MAX_TABLES]:
            best = max(best, await self._tried_on(table), key=_ORDER.index)
            if best == "apart":
                return best
        if best == "otherwise" or not _has_two_values(self._pair.wanted.result):
            return best
        for table in tables[:MAX_TABLES]:
            if self._left() > 0:
                best = max(best, await self._on(table, _NO_ROWS), key=_ORDER.index)
        return best

    async def _tried_on(self, table: str) -> Told:
        seen, is_number = set[Told](), _is_a_number(self._pair.wanted.result)
        for parts in _PARTS:
            for part in parts:
                if self._left() > 0:
                    seen.add(await self._on(table, part))
            if "otherwise" in seen and is_number:
                return "otherwise"
            if "apart" in seen:
                return "apart"
        return max(seen, key=_ORDER.index, default="unknown")

    async def _on(self, table: str, part: str) -> Told:
        wanted = await self._reference_on(table, part)
        if wanted is None:
            return "unknown"
        if (await asyncio.to_thread(compare, wanted.result, self._pair.wanted.expected)).matches:
            return "nothing"
        result = await self._candidate_on(table, part)
        if result is None:
            return "untried"
        there = await asyncio.to_thread(compare, result, wanted.expected)
        is_same = (there.matches and there.named) or (is_nothing(result) and is_nothing(wanted.result))
        return "apart" if is_same else "otherwise"

    async def _reference_on(self, table: str, part: str) -> Wanted | None:
        pair = self._pair
        sql = substituted(pair.wanted.query.sql, self._places, part, table)
        try:
            query = await asyncio.to_thread(parse_query, sql, pair.engine)
            return await ask_reference(pair.reference_box, query, pair.engine, max(self._left(), 0.1))
        except (Refused, NotParsed, QueryFailed, ValueError):
            return None

    async def _candidate_on(self, table: str, part: str) -> QueryResult | None:
        """Its text was let through with the table, and is not parsed again: the longest takes a second."""
        sql = substituted(self._pair.query.sql, self._own, part, table)
        try:
            return await self._pair.candidate_box.query(sql, seconds=max(self._left(), 0.1))
        except QueryFailed:
            return None

    def _left(self) -> float:
        return self._ends - asyncio.get_running_loop().time()


def is_nothing(result: QueryResult) -> bool:
    """What is left of an aggregate, or of no aggregate, where there are no rows."""
    values = [value_of(cell) for row in result.rows[:1] for cell in row]
    return len(result.rows) < 2 and all(value in (NULL, ZERO) for value in values)


def _is_a_number(result: QueryResult) -> bool:
    cells = [cell for row in result.rows[:2] for cell in row]
    return len(cells) == 1 and value_of(cells[0]).kind == "number"


def _has_two_values(result: QueryResult) -> bool:
    return len({repr(cell) for row in result.rows for cell in row if cell is not None}) > 1
