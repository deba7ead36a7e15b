"""Says whether a match had something to tell apart: both queries are tried on parts of the data.

Two results that are the same prove little where many wrong queries give them too: a constant, an aggregate over no
rows, whatever the data is. So each table that both queries read is replaced, one at a time, by parts of it: its even
and its odd rows; where the reference's result is on both what it is on all of the data, its first row and its last;
then none. The comparison told something apart if for one of the tables the reference's result is another one on such
parts, and the candidate's is the reference's on each of them. One table is enough: what is left of another need not
keep the constraints that a right query may rely on. On parts, no rows, a row of NULL and a row of zero are the same.
The part without rows counts only for results of two values or more, as any query over the table reacts to it.

A candidate that cannot be tried so (it reads other tables, such as a view, or row numbers, or searches a full-text
table) is taken to be told apart by a result of two different rows or more. A reference that cannot be tried, for its
form or for its views alone, says nothing either way.

The idea is that of test suites of databases (Zhong, Yu and Klein 2020, arXiv:2010.02840), with parts in the place of
random databases. Values are never changed, so that a query which finds the same rows and writes a value of its own
into them, as `42 + 0 * a`, may pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from judge_agent.schema import Engine
from tools.sql.allowed import NotParsed, Query, parse_query
from tools.sql.comparison import compare
from tools.sql.engine_box import DatabaseBox, QueryFailed, QueryResult
from tools.sql.reference import Wanted, ask_reference
from tools.sql.scan import Refused
from tools.sql.substitution import places_of, substituted, tables_of
from tools.sql.values import NULL, ZERO, value_of

MAX_TABLES = 4
_NO_ROWS = ("LIMIT 0",)
_PARTS = (
    ("WHERE rowid % 2 = 0", "WHERE rowid % 2 <> 0"),
    ("ORDER BY 1 LIMIT 1", "ORDER BY 1 DESC LIMIT 1"),
    _NO_ROWS,
)
# apart: the candidate's result changed with the reference's. otherwise: it never did where the reference's changed.
# untried: it does not run there. nothing: the reference's did not change. unknown: the reference does not run there.
Told = Literal["apart", "otherwise", "nothing", "unknown"]
_Found = Literal["unknown", "nothing", "untried", "otherwise", "apart"]
_ORDER: tuple[_Found, ...] = ("unknown", "nothing", "untried", "otherwise", "apart")


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
    """Try the parts until one tells. Raises ValueError for cells that cannot be read."""
    if pair.wanted.query.tree is None:
        return "unknown"
    tables = tables_of(pair.wanted.query.tree)
    if not tables:
        return "nothing"
    own = tables_of(pair.query.tree)
    both = [table for table in tables if table in own]
    found = await _tried(pair, both[:MAX_TABLES]) if both else "untried"
    if found == "untried":
        return "apart" if len({repr(row) for row in pair.wanted.result.rows}) > 1 else "otherwise"
    return found


async def _tried(pair: Pair, tables: Sequence[str]) -> _Found:
    ends = asyncio.get_running_loop().time() + pair.seconds
    best: _Found = "unknown"
    for table in tables:
        best = max(best, await _tried_on(pair, table, ends), key=_ORDER.index)
        if best == "apart":
            break
    return best


async def _tried_on(pair: Pair, table: str, ends: float) -> _Found:
    """The first parts on which the reference's result changes say it for the table."""
    seen = set[_Found]()
    for parts in _PARTS:
        if parts == _NO_ROWS and not _has_two_values(pair.wanted.result):
            break
        for part in parts:
            left = ends - asyncio.get_running_loop().time()
            if left > 0:
                seen.add(await _on(pair, table, part, left))
        for told in ("otherwise", "untried", "apart"):
            if told in seen:
                return told
    return "nothing" if "nothing" in seen else "unknown"


async def _on(pair: Pair, table: str, part: str, seconds: float) -> _Found:
    wanted = await _reference_on(pair, table, part, seconds)
    if wanted is None:
        return "unknown"
    if (await asyncio.to_thread(compare, wanted.result, pair.wanted.expected)).matches:
        return "nothing"
    result = await _candidate_on(pair, table, part, seconds)
    if result is None:
        return "untried"
    there = await asyncio.to_thread(compare, result, wanted.expected)
    is_same = (there.matches and there.named) or (is_nothing(result) and is_nothing(wanted.result))
    return "apart" if is_same else "otherwise"


async def _reference_on(pair: Pair, table: str, part: str, seconds: float) -> Wanted | None:
    query = await asyncio.to_thread(_query_on, pair.wanted.query, table, part, pair.engine)
    if query is None:
        return None
    try:
        return await ask_reference(pair.reference_box, query, pair.engine, seconds)
    except (QueryFailed, ValueError):
        return None


async def _candidate_on(pair: Pair, table: str, part: str, seconds: float) -> QueryResult | None:
    query = await asyncio.to_thread(_query_on, pair.query, table, part, pair.engine)
    if query is None:
        return None
    try:
        return await pair.candidate_box.query(query.sql, seconds=seconds)
    except QueryFailed:
        return None


def _query_on(query: Query, table: str, part: str, engine: Engine) -> Query | None:
    """The query on a part of one table; None where the text with it is no query that may run."""
    try:
        return parse_query(substituted(query.sql, places_of(query.tree), part, table), engine)
    except (Refused, NotParsed):
        return None


def is_nothing(result: QueryResult) -> bool:
    """What is left of an aggregate, or of no aggregate, where there are no rows."""
    values = [value_of(cell) for row in result.rows for cell in row]
    return len(result.rows) < 2 and all(value in (NULL, ZERO) for value in values)


def _has_two_values(result: QueryResult) -> bool:
    return len({repr(cell) for row in result.rows for cell in row if cell is not None}) > 1
