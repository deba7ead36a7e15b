"""Tries the candidate's query against the reference's on one database, each in a box of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple, TypeVar

from judge_agent.errors import JudgeError, ToolError
from judge_agent.schema import Engine, ToolStatus
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import Finding
from tools.sql.allowed import NotParsed, Query, read_query
from tools.sql.database import DatabaseSource
from tools.sql.engine_box import DatabaseBox, QueryFailed, QueryResult, open_database
from tools.sql.parts import Pair
from tools.sql.perturbing.copies import OnCopies, try_copies
from tools.sql.perturbing.row_order import is_by_chance
from tools.sql.perturbing.schema_overlap import SchemaOverlap, schema_of, schema_overlap
from tools.sql.reference import Wanted, ask_reference, chooses_among_equals
from tools.sql.scan import Refused
from tools.sql.showing import clean, is_cut, shown, shown_row
from tools.sql.weighing import Weighed, weigh

T = TypeVar("T")
U = TypeVar("U")


class Trial(NamedTuple):
    """What is tried. `seconds` is the time of each query, fixed, not a share of the judgment's.

    `copies_end`: the time (of the loop's clock) by which perturbed copies are done with; None: none are tried.
    """

    sql: str
    reference: str
    seconds: float
    seed: int
    copies_end: float | None = None


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
    overlap: SchemaOverlap | None = None
    copies: OnCopies | None = None

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
        if self.overlap is not None:
            told["schema_f1"] = {
                "tables": round(self.overlap.tables, 4),
                "columns": round(self.overlap.columns, 4),
            }
        if self.copies is not None:
            told["perturbed"] = self.copies.as_json()
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
        return _not_run(source, refusal)
    except NotParsed as problem:
        return await _as_the_engine_parses(sandbox, source, trial, str(problem))
    async with AsyncExitStack() as boxes:
        opened = partial(_opened, boxes, sandbox, source, trial.seed)
        (wanted, reference_box), (outcome, box) = await _both(
            _reference(opened, source.engine, trial), _candidate(opened, trial, query)
        )
        if isinstance(wanted, str):
            return _unavailable(source, wanted)
        if isinstance(outcome, Refused):
            return _not_run(source, outcome)
        overlap = await _overlap(reference_box, query, wanted.query, trial.seconds)
        if isinstance(outcome, QueryFailed):
            return replace(_failed(source, outcome), overlap=overlap)
        pair = Pair(source.engine, trial.seconds, reference_box, wanted, box, query)
        try:
            weighed = await weigh(pair, outcome)
        except ValueError as error:
            raise ToolError(f"the result of the candidate's query cannot be read: {error}") from error
        copies = await _on_copies(pair, outcome, weighed, trial)
        weighed = weighed.told_by_copies(copies.matches if copies is not None else None)
        return replace(_compared(source, outcome, pair, weighed), overlap=overlap, copies=copies)


def _not_run(source: DatabaseSource, refusal: Refused) -> Verdict:
    if not refusal.evidence:
        return _unavailable(source, f"the candidate's query is not run: {refusal}")
    return _refuted(source, f"the candidate's SQL is refused: {refusal}", "refused", parses=True)


async def _overlap(box: DatabaseBox, own: Query, reference: Query, seconds: float) -> SchemaOverlap | None:
    """How far both read the same; None where the box is gone, which then says so of the queries themselves."""
    try:
        schema = schema_of(await box.describe(seconds=seconds))
    except QueryFailed:
        return None
    return await asyncio.to_thread(schema_overlap, own.tree, reference.tree, schema)


async def _on_copies(pair: Pair, result: QueryResult, weighed: Weighed, trial: Trial) -> OnCopies | None:
    """A query that differs on the given data needs no copies, nor one whose rows are in order by chance."""
    if trial.copies_end is None or not (weighed.comparison.matches and weighed.comparison.named):
        return None
    if await asyncio.to_thread(is_by_chance, pair.query.tree, result, pair.wanted.expected):
        return OnCopies(differs="its rows in another order, which the query leaves open,", decisive=True)
    return await try_copies(pair, trial.seed, trial.copies_end)


async def _opened(boxes: AsyncExitStack, sandbox: Sandbox, source: DatabaseSource, seed: int) -> DatabaseBox:
    """A box that stays open until the verdict: a match or a difference may ask for more."""
    return await boxes.enter_async_context(open_database(sandbox, source, seed=seed))


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
    opened: Callable[[], Awaitable[DatabaseBox]], trial: Trial, query: Query
) -> tuple[QueryResult | QueryFailed | Refused, DatabaseBox]:
    box = await opened()
    try:
        if (unlisted := await _unlisted(box, query, trial.seconds)) is not None:
            return unlisted, box
        return await box.query(trial.sql, seconds=trial.seconds), box
    except QueryFailed as failure:
        return failure, box


async def _unlisted(box: DatabaseBox, query: Query, seconds: float) -> Refused | None:
    """A function that the engine has but the list has not is not called; one that it has not is its own error.

    A table of the name of a file is refused where the database has no such table.
    """
    if query.files:
        tables = schema_of(await box.describe(seconds=seconds))
        missing = [name for name in query.files if name.casefold() not in tables]
        if missing:
            what = f"the table {missing[0][:60]!r} is a file, not a table of the database"
            return Refused(what, evidence=True)
    if not query.unlisted:
        return None
    there = await box.knows(query.unlisted, seconds=seconds)
    if not there:
        return None
    return Refused(f"the function {min(there)} is not on the list of those that may be called")


async def _reference(
    opened: Callable[[], Awaitable[DatabaseBox]], engine: Engine, trial: Trial
) -> tuple[Wanted | str, DatabaseBox]:
    """The reference's result, or why there is none."""
    box = await opened()
    try:
        query = await asyncio.to_thread(read_query, trial.reference, engine)
        if (unlisted := await _unlisted(box, query, trial.seconds)) is not None:
            raise unlisted
        wanted = await ask_reference(box, query, engine, trial.seconds)
        is_open = await chooses_among_equals(box, query, engine, trial.seconds)
    except (Refused, NotParsed, QueryFailed, ValueError) as error:
        return f"the reference query gives no result: {error}", box
    return replace(wanted, expected=replace(wanted.expected, open_choice=is_open)), box


def _compared(source: DatabaseSource, result: QueryResult, pair: Pair, weighed: Weighed) -> Verdict:
    facts: dict[str, bool | None] = {
        "parses": True,
        "executes": True,
        "matches": weighed.comparison.matches,
    }
    return Verdict(
        source.name,
        source.sha256,
        weighed.finding,
        "ok",
        facts | weighed.facts,
        result,
        pair.wanted.result,
        weighed.comparison.row,
        clock=pair.query.clock or pair.wanted.query.clock,
    )


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
