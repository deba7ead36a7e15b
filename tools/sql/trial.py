"""Tries the candidate's query against the reference's on one database, each in a box of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from judge_agent.errors import JudgeError, ToolError
from judge_agent.schema import Engine, ToolStatus
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import Finding
from tools.sql.allowed import NotParsed, Query, read_query
from tools.sql.comparison import Comparison, Expected, compare, expected, rows_of
from tools.sql.database import DatabaseSource
from tools.sql.engine_box import MAX_BYTES, DatabaseBox, QueryFailed, QueryResult, open_database
from tools.sql.inner_ties import cuts_a_tie, inner_choices
from tools.sql.ordering import OrderPlan, plan_order
from tools.sql.scan import Refused
from tools.sql.showing import clean, is_cut, shown, shown_row

MAX_REFERENCE_BYTES = MAX_BYTES // 2
T = TypeVar("T")
U = TypeVar("U")


class Trial(NamedTuple):
    """What is tried. `seconds` is the time of each query, fixed, not a share of the judgment's."""

    sql: str
    reference: str
    seconds: float
    seed: int


@dataclass(frozen=True)
class Verdict:
    """What one database says. `unavailable`: why it says nothing. `reference` is kept from the model's prompts."""

    database: str
    sha256: str
    finding: Finding | None
    status: ToolStatus = "ok"
    facts: dict[str, bool | None] = field(default_factory=dict)
    result: QueryResult | None = None
    reference: QueryResult | None = None
    row: int | None = None
    unavailable: str | None = None
    clock: bool = False

    @property
    def truncated(self) -> bool:
        return self.result is not None and is_cut(self.result)

    def as_json(self, max_rows: int) -> dict[str, Any]:
        """What evidence shows. What is under `reference_only` is for the caller and no prompt holds it."""
        told = self.outline()
        if self.result is not None:
            told["result"] = shown(self.result, max_rows)
        if self.result is not None and self.row is not None and self.row < len(self.result.rows):
            told["first_differing_row"] = {"index": self.row, "row": shown_row(self.result.rows[self.row])}
        if self.reference is not None:
            told["reference_only"] = shown(self.reference, max_rows)
        return told

    def outline(self) -> dict[str, Any]:
        told: dict[str, Any] = {"name": self.database, "sha256": self.sha256, "facts": self.facts}
        if self.finding is not None:
            told["reason"] = self.finding.reason
        if self.unavailable is not None:
            told |= {"reason": "not compared", "reference_only": {"reason": clean(self.unavailable)}}
        return told


async def try_query(sandbox: Sandbox, source: DatabaseSource, trial: Trial) -> Verdict:
    """Run both and compare. Raises ToolError for a database that does not open, SandboxError."""
    try:
        query = await asyncio.to_thread(read_query, trial.sql, source.engine)
    except Refused as refusal:
        if not refusal.evidence:
            return _unavailable(source, f"the candidate's query is not run: {refusal}")
        return _refuted(source, f"the candidate's SQL is refused: {refusal}", "refused", parses=True)
    except NotParsed as problem:
        return await _as_the_engine_parses(sandbox, source, trial, str(problem))
    wanted, outcome = await _both(
        _reference(sandbox, source, trial), _candidate(sandbox, source, trial, query)
    )
    if isinstance(wanted, str):
        return _unavailable(source, wanted)
    if isinstance(outcome, Refused):
        return _unavailable(source, f"the candidate's query is not run: {outcome}")
    if isinstance(outcome, QueryFailed):
        return _failed(source, outcome)
    return await _compared(source, outcome, wanted, query)


async def _both(one: Coroutine[Any, Any, T], other: Coroutine[Any, Any, U]) -> tuple[T, U]:
    """Run both at one time and to their ends: to stop a box in the middle of its start takes longer than to wait."""
    async with asyncio.TaskGroup() as group:
        first, second = group.create_task(_outcome(one)), group.create_task(_outcome(other))
    results = first.result(), second.result()
    for result in results:
        if isinstance(result, JudgeError):
            raise result
    return results  # type: ignore[return-value]


async def _outcome(work: Coroutine[Any, Any, T]) -> T | JudgeError:
    try:
        return await work
    except JudgeError as error:
        return error


@dataclass(frozen=True)
class _Wanted:
    result: QueryResult
    expected: Expected
    query: Query


async def _as_the_engine_parses(
    sandbox: Sandbox, source: DatabaseSource, trial: Trial, problem: str
) -> Verdict:
    """What the allow-list cannot read is the candidate's mistake only where its engine cannot read it either."""
    async with open_database(sandbox, source, seed=trial.seed) as box:
        try:
            await box.parses(trial.sql, seconds=trial.seconds)
        except QueryFailed as failure:
            if failure.kind in ("syntax", "error", "refused"):
                return _refuted(source, f"the candidate's SQL is no query: {failure}", "failed", parses=False)
            return _unavailable(source, f"the candidate's query could not be parsed: {failure}")
    return _unavailable(source, f"the candidate's query is in a form that is not run here: {problem}")


async def _candidate(
    sandbox: Sandbox, source: DatabaseSource, trial: Trial, query: Query
) -> QueryResult | QueryFailed | Refused:
    async with open_database(sandbox, source, seed=trial.seed) as box:
        try:
            if (unlisted := await _unlisted(box, query, trial.seconds)) is not None:
                return unlisted
            return await box.query(trial.sql, seconds=trial.seconds)
        except QueryFailed as failure:
            return failure


async def _unlisted(box: DatabaseBox, query: Query, seconds: float) -> Refused | None:
    """A function that the engine has but the list has not is not called; one that it has not is its own error."""
    if not query.unlisted:
        return None
    there = await box.knows(query.unlisted, seconds=seconds)
    if not there:
        return None
    return Refused(f"the function {min(there)} is not on the list of those that may be called")


async def _reference(sandbox: Sandbox, source: DatabaseSource, trial: Trial) -> _Wanted | str:
    """The reference's result, or why there is none."""
    try:
        query = await asyncio.to_thread(read_query, trial.reference, source.engine)
        async with open_database(sandbox, source, seed=trial.seed) as box:
            if (unlisted := await _unlisted(box, query, trial.seconds)) is not None:
                raise unlisted
            result = await box.query(trial.reference, seconds=trial.seconds, max_bytes=MAX_REFERENCE_BYTES)
            if result.cut:
                return f"the reference's result is too large to compare: more than {len(result.rows)} rows"
            plan = await asyncio.to_thread(plan_order, query.tree, result.columns, source.engine)
            probe = await _probe(box, plan, trial.seconds)
            is_open = await _chooses_among_equals(box, query, source.engine, trial.seconds)
        found = replace(await asyncio.to_thread(expected, result, probe, plan), open_choice=is_open)
    except (Refused, NotParsed, QueryFailed, ValueError) as error:
        return f"the reference query gives no result: {error}"
    return _Wanted(result, found, query)


async def _probe(box: DatabaseBox, plan: OrderPlan, seconds: float) -> QueryResult | None:
    if plan.probe is None:
        return None
    try:
        return await box.query(plan.probe, seconds=seconds)
    except QueryFailed:
        return None  # then the ties are not known, and a difference decides nothing


async def _chooses_among_equals(box: DatabaseBox, query: Query, engine: Engine, seconds: float) -> bool:
    """Whether a LIMIT inside the reference is seen to cut a tie."""
    for choice in await asyncio.to_thread(inner_choices, query.tree, engine):
        try:
            found = await box.query(choice.sql, seconds=seconds, max_rows=choice.rows)
        except QueryFailed as failure:
            if failure.kind in ("timeout", "memory", "died"):
                return False  # the box may be gone, and the reference's own result is known
            continue  # it does not run by itself
        if cuts_a_tie(rows_of(found.rows), choice):
            return True
    return False


async def _compared(source: DatabaseSource, result: QueryResult, wanted: _Wanted, query: Query) -> Verdict:
    try:
        comparison = await asyncio.to_thread(compare, result, wanted.expected)
    except ValueError as error:
        raise ToolError(f"the result of the candidate's query cannot be read: {error}") from error
    return Verdict(
        source.name,
        source.sha256,
        _finding(comparison, result, hard_coded=wanted.query.reads and not query.reads),
        "ok",
        {"parses": True, "executes": True, "matches": comparison.matches},
        result,
        wanted.result,
        comparison.row,
        clock=query.clock or wanted.query.clock,
    )


def _finding(comparison: Comparison, result: QueryResult, *, hard_coded: bool) -> Finding:
    if not comparison.matches:
        reason = f"the result differs: {comparison.reason}"
        if comparison.certain:
            return Finding("refutes", "decisive", 0.0, reason)
        return Finding("refutes", "strong", None, f"{reason}; which rows may stand where is not known")
    if all(cell is None for row in result.rows for cell in row):
        what = "no rows" if not result.rows else "nothing but NULL"
        return Finding("confirms", "strong", None, f"both results hold {what}, which proves little")
    if hard_coded:
        reason = f"{comparison.reason}, but the query reads no table: its values are written into it"
        return Finding("confirms", "strong", None, reason)
    return Finding("confirms", "decisive", 1.0, comparison.reason)


def _failed(source: DatabaseSource, failure: QueryFailed) -> Verdict:
    """The reference ran, so that it is the candidate's query that failed; an engine that broke is nobody's proof."""
    if failure.kind == "died":
        return _unavailable(source, str(failure))
    if failure.kind == "refused":
        return _unavailable(source, f"the candidate's query is not run: {failure}")
    if failure.kind == "timeout":
        return _refuted(source, f"the candidate's query {str(failure).removeprefix('it ')}", "timeout")
    parses = failure.kind != "syntax"
    return _refuted(source, f"the candidate's query fails: {failure}", "failed", parses=parses)


def _refuted(source: DatabaseSource, reason: str, status: ToolStatus, *, parses: bool = True) -> Verdict:
    finding = Finding("refutes", "decisive", 0.0, clean(reason))
    facts: dict[str, bool | None] = {"parses": parses, "executes": False, "matches": False}
    return Verdict(source.name, source.sha256, finding, status, facts)


def _unavailable(source: DatabaseSource, reason: str) -> Verdict:
    facts: dict[str, bool | None] = {"parses": None, "executes": None, "matches": None}
    return Verdict(source.name, source.sha256, None, facts=facts, unavailable=clean(reason))
