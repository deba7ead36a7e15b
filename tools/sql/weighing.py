"""Weighs a comparison: what a match proves, and whether a difference is one that SQL leaves open.

A match decides where the comparison had something to tell apart (`parts.py`). It is `strong` only where the result is
empty or trivial (no rows, nothing but NULL and zero in one row), where its values stand in the query (`written.py`), or
where it does not follow the reference's on parts of the data. Where the names of its columns speak against it, it
bears on nothing.

A difference decides but where it may come of a choice that SQL leaves to the engine: the reference's own (`choices.py`,
`inner_ties.py`), the candidate's among equals, or that of a collation for which other texts are the same.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

from judge_agent.seams.tool import Finding
from tools.sql.allowed import NotParsed, Query, parse_query
from tools.sql.choices import is_ordered_choice, may_choose, reordered
from tools.sql.comparison import Comparison, compare, expected
from tools.sql.engine_box import DatabaseBox, QueryFailed, QueryResult
from tools.sql.parts import Pair, Told, is_nothing, told_apart
from tools.sql.perturbing.schema_overlap import schema_of
from tools.sql.reference import Wanted, ask_reference
from tools.sql.rounding import left_by_rounding
from tools.sql.scan import Refused
from tools.sql.written import is_hard_coded

SECONDS_FOR_ORDERS = 3.0  # of all orders of one query together
_SCHEMA_WITH_COLLATIONS = {
    "sqlite": "SELECT 1 FROM sqlite_master WHERE sql LIKE '%collate%' LIMIT 1",
    "duckdb": "SELECT 1 FROM duckdb_tables() WHERE sql ILIKE '%collate%' LIMIT 1",
}
_WEAK: dict[Told, str] = {
    "nothing": "the reference's result is the same on parts of the data, so that there was little to tell apart",
    "untried": "it cannot be tried on parts of the data that the reference reads",
    "otherwise": "on parts of the data its result never follows the reference's",
}


@dataclass(frozen=True)
class Weighed:
    """`facts`: `told_apart` of a match, `left_open` of a difference; None where it is not known. `untried`: a match
    that only copies of the database can tell apart.
    """

    comparison: Comparison
    finding: Finding
    facts: dict[str, bool | None] = field(default_factory=dict)
    untried: bool = False

    def told_by_copies(self, followed: bool | None) -> Weighed:
        """What the match is worth after copies: it decides where the result followed the reference's on them."""
        if not (self.untried and followed):
            return self
        finding = Finding(
            "confirms", "decisive", 1.0, f"{self.comparison.reason}, also on copies of the database"
        )
        return replace(self, finding=finding, facts={**self.facts, "told_apart": True}, untried=False)


async def weigh(pair: Pair, result: QueryResult) -> Weighed:
    """Compare the candidate's result and weigh it. Raises ValueError for cells that cannot be read."""
    comparison = await asyncio.to_thread(compare, result, pair.wanted.expected)
    if comparison.matches:
        return await _match(pair, result, comparison)
    return await weigh_difference(pair, result, comparison)


async def _match(pair: Pair, result: QueryResult, comparison: Comparison) -> Weighed:
    if not comparison.named:
        return Weighed(comparison, Finding("none", "strong", None, comparison.reason))
    if (trivial := _trivial(result)) is not None:
        return _weak_match(comparison, f"both results hold {trivial}, which proves little", told=False)
    if await _is_hard_coded(pair, result):
        reason = f"{comparison.reason}, but values of it are written into the query"
        return _weak_match(comparison, reason, told=False)
    if not comparison.precise:
        return _weak_match(comparison, comparison.reason, told=None)
    told = await told_apart(pair)
    if told in _WEAK:
        weak = _weak_match(comparison, f"{comparison.reason}, but {_WEAK[told]}", told=False)
        return replace(weak, untried=told == "untried")
    facts = {"told_apart": True if told == "apart" else None}
    return Weighed(comparison, Finding("confirms", "decisive", 1.0, comparison.reason), facts)


def _weak_match(comparison: Comparison, reason: str, *, told: bool | None) -> Weighed:
    return Weighed(comparison, Finding("confirms", "strong", None, reason), {"told_apart": told})


def _trivial(result: QueryResult) -> str | None:
    """What an aggregate over no rows gives as well."""
    if not result.rows:
        return "no rows"
    if all(cell is None for row in result.rows for cell in row):
        return "nothing but NULL"
    return "nothing but zero" if is_nothing(result) else None


async def _is_hard_coded(pair: Pair, result: QueryResult) -> bool:
    reference = pair.wanted.query
    if reference.reads and not pair.query.reads:
        return True
    try:
        schema = schema_of(await pair.reference_box.describe(seconds=pair.seconds))
    except QueryFailed:
        schema = {}
    return await asyncio.to_thread(is_hard_coded, pair.query.tree, reference.tree, schema, result.rows)


async def weigh_difference(pair: Pair, result: QueryResult, comparison: Comparison) -> Weighed:
    """Weigh a comparison that found a difference. Raises ValueError for cells that cannot be read."""
    if not comparison.decided:
        return Weighed(comparison, Finding("none", "strong", None, comparison.reason), {"left_open": None})
    reason = f"the result differs: {comparison.reason}"
    if not comparison.certain:
        told = f"{reason}; {comparison.doubt}"
        return Weighed(comparison, Finding("refutes", "strong", None, told), {"left_open": None})
    if len(result.columns) == len(pair.wanted.result.columns):
        for look in (
            _choice_of_the_reference,
            _choice_of_the_candidate,
            _choice_of_a_collation,
            left_by_rounding,
        ):
            if (finding := await look(pair, result, reason)) is not None:
                return Weighed(comparison, finding, {"left_open": True})
    return Weighed(comparison, Finding("refutes", "decisive", 0.0, reason), {"left_open": False})


async def _choice_of_the_reference(pair: Pair, result: QueryResult, reason: str) -> Finding | None:
    """Another result of the reference itself shows that it chooses; the candidate's may be one of them."""
    wanted, is_open = pair.wanted, False
    if not await asyncio.to_thread(may_choose, wanted.query.tree, pair.engine):
        return None
    async for other in _others_of_the_reference(pair):
        if (await asyncio.to_thread(compare, other.result, wanted.expected)).matches:
            continue
        is_open = True
        if (await asyncio.to_thread(compare, result, other.expected)).matches:
            told = "the result is one that the reference gives too, where it chooses otherwise among equals"
            return Finding("confirms", "strong", None, told)
    told = f"{reason}; the reference leaves a choice among equals open"
    return Finding("refutes", "strong", None, told) if is_open else None


async def _others_of_the_reference(pair: Pair) -> AsyncIterator[Wanted]:
    box, engine = pair.reference_box, pair.engine
    async for sql, seconds in _in_time(pair, box, pair.wanted.query):
        try:
            query = await asyncio.to_thread(parse_query, sql, engine)
            yield await ask_reference(box, query, engine, seconds)
        except (Refused, NotParsed, QueryFailed, ValueError):
            continue  # in this order it gives no result: another one may


async def _choice_of_the_candidate(pair: Pair, result: QueryResult, reason: str) -> Finding | None:
    """The candidate broke its ties otherwise than was asked for; a query that asks for no order has only itself."""
    if not await asyncio.to_thread(is_ordered_choice, pair.query.tree):
        return None
    async for sql, seconds in _in_time(pair, pair.candidate_box, pair.query):
        try:
            other = await pair.candidate_box.query(sql, seconds=seconds)
        except QueryFailed:
            continue
        if (await asyncio.to_thread(compare, other, pair.wanted.expected)).matches:
            told = f"{reason}; with its ties broken otherwise it is what was asked for"
            return Finding("refutes", "strong", None, told)
    return None


async def _in_time(pair: Pair, box: DatabaseBox, query: Query) -> AsyncIterator[tuple[str, float]]:
    """The query in other orders, each with the seconds that it has; none where the box is gone."""
    clock = asyncio.get_running_loop().time
    ends = clock() + min(pair.seconds, SECONDS_FOR_ORDERS)
    try:
        await box.read_backwards(seconds=pair.seconds)
    except QueryFailed:
        return
    async for sql in reordered(query):
        if (left := ends - clock()) <= 0:
            return
        yield sql, left


async def _choice_of_a_collation(pair: Pair, result: QueryResult, reason: str) -> Finding | None:
    """Where a collation is declared, texts that look different may be the same: ties, groups, extremes."""
    if "collate" not in pair.wanted.query.sql.lower() and not await _declares_a_collation(pair):
        return None
    if not (await asyncio.to_thread(_compare_folded, pair, result)).matches:
        return None
    told = f"{reason}; it is what was asked for where a collation takes different texts to be the same"
    return Finding("refutes", "strong", None, told)


async def _declares_a_collation(pair: Pair) -> bool:
    try:
        found = await pair.reference_box.query(_SCHEMA_WITH_COLLATIONS[pair.engine], seconds=pair.seconds)
    except QueryFailed:
        return False  # the box is gone, and took nothing with it that speaks for the candidate
    return bool(found.rows)


def _compare_folded(pair: Pair, result: QueryResult) -> Comparison:
    wanted = pair.wanted
    probe = _folded(wanted.probe) if wanted.probe is not None else None
    return compare(_folded(result), expected(_folded(wanted.result), probe, wanted.plan))


def _folded(result: QueryResult) -> QueryResult:
    return replace(result, rows=tuple([_folded_cell(cell) for cell in row] for row in result.rows))


def _folded_cell(cell: Any) -> Any:
    """A text without case, accents and blanks at its end: what NOCASE, NOACCENT and RTRIM do not tell."""
    if not isinstance(cell, str):
        return cell
    parts = unicodedata.normalize("NFKD", cell.casefold())
    return "".join(one for one in parts if not unicodedata.combining(one)).rstrip()
