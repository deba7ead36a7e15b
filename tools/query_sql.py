"""Executes the SQL that a candidate ends with, and compares its result with the reference's.

Each query runs in a box of its own, with the database read-only in it: the reference's result is never where the
candidate's query runs. A query that fails, runs out of its own time (10 s), is no query, reaches out of the database or
gives another result refutes; the same result confirms, and decides where the comparison had something to tell apart: on
parts of the data, too, the reference's result changes and the candidate's with it (`sql/parts.py`). Empty and trivial
results, values that stand in the query, and differences that SQL leaves open decide nothing (`sql/weighing.py`). What
says nothing of the candidate raises ToolError: a database that does not open, a reference that fails, a function that
is not on the list.

What matches is then tried on perturbed copies of the database (`sql/perturbing/`): a difference there is the principle
`query_on_other_data`, of the dimension `robustness`, and leaves `query_result` as it is. It is there only where it is
settled: every table that is read has a declared key, and the copies told something apart.

The output's `partial` says each part by itself, in [0, 1] or null: whether the query parses, executes, reads the
reference's tables and columns (F1), gives its result, and gives it on the copies.

Does not know whether the reference is right, nor whether two results are the same on all data.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import Field

from judge_agent.errors import ToolError
from judge_agent.schema import Database, PrincipleSpec
from judge_agent.seams.resources import ResourceFiles
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import Aside, DecidingTool, Finding, OpeningCall, ToolResult, ToolView, in_time
from tools.sql.answer import FinalSql, NoSql, final_sql
from tools.sql.database import DatabaseSource, source_of
from tools.sql.exploring import explore
from tools.sql.perturbing.telling import (
    DIMENSION,
    compared_copies,
    copies_left_out,
    of_copies,
    partial_vector,
)
from tools.sql.showing import clean
from tools.sql.trial import Trial, Verdict, try_query

SHOWN_ROWS = (20, 8, 3, 1)
_UNNAMED = ("", "main", "default", "database")  # what a model says where there is only one
MAX_ASKED_CHARS = 4000


@dataclass(frozen=True)
class QuerySqlLimits:
    """Ceilings of one call: seconds of each query, and those kept of the call's time for what comes after the perturbed
    copies; characters of the model's own query, of the output and of the candidate's query in it.
    """

    seconds_per_query: float = 10.0
    seconds_to_end: float = 1.0
    asked_chars: int = MAX_ASKED_CHARS
    output_chars: int = 7000
    sql_chars: int = 1500


class QuerySql(DecidingTool):
    """The tool `query_sql`. `files` is where blobs and files under the root are read; None: inline databases only."""

    name = "query_sql"
    decides = PrincipleSpec(
        name="query_result",
        description="The candidate's final SQL query returns what was asked for.",
        kind="hard",
        dimension="correctness",
        tool=name,
    )
    dimensions = ("correctness", DIMENSION)

    def __init__(
        self,
        sandbox: Sandbox | None,
        files: ResourceFiles | None = None,
        *,
        limits: QuerySqlLimits | None = None,
        concurrent_runs: int = 2,
    ) -> None:
        self._sandbox = sandbox
        self._files = files
        self.limits = limits or QuerySqlLimits()
        self._slots = asyncio.Semaphore(concurrent_runs)
        box = f"{sandbox.name}-{sandbox.version}" if sandbox is not None else "no box"
        self.version = f"8/{box}/{self.limits.seconds_per_query:g}s"

    def opening_calls(self, view: ToolView) -> Sequence[OpeningCall]:
        """One call where a reference query and a database are given."""
        wanted = view.task.reference.sql is not None and view.resources.databases
        return (OpeningCall(),) if wanted else ()

    def offered(self, view: ToolView) -> bool:
        """Where there is a database to look into."""
        return bool(view.resources.databases)

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Compare the final query, or run the model's own.

        Raises ValueError, ToolError, SandboxError, BudgetExceeded.
        """
        if arguments:
            return await super().run(arguments, view, timeout_seconds=timeout_seconds)
        sandbox, ends = self._box(), asyncio.get_running_loop().time() + timeout_seconds
        async with in_time(self.name, timeout_seconds), self._slots:
            return await self._compared(sandbox, view, ends - self.limits.seconds_to_end)

    async def asked(
        self,
        view: ToolView,
        *,
        database: Annotated[str, Field(max_length=64)],
        sql: Annotated[str, Field(max_length=MAX_ASKED_CHARS)],
        timeout_seconds: float,
    ) -> ToolResult:
        """Runs one read-only SQL query on a database of the task in an isolated box and shows up to 50 rows; with empty
        sql it describes the tables. Use it to check what an answer claims about the data.

        database: Name of the database.
        sql: One SELECT. Empty: describe the tables and columns.

        Raises ToolError, SandboxError.
        """
        if len(sql) > self.limits.asked_chars:
            raise ValueError(
                f"sql has {len(sql)} characters; the limit is asked_chars={self.limits.asked_chars}"
            )
        named = _named(database, view.resources.databases)
        sandbox = self._box()
        async with self._slots:
            source = await source_of(named, self._files, view.tenant)
            return await explore(
                sandbox, source, sql.strip(), seconds=self.limits.seconds_per_query, seed=view.seed
            )

    def _box(self) -> Sandbox:
        if self._sandbox is None:
            raise ToolError(
                "query_sql needs a box; JUDGE_SANDBOX names none that works here (judge-agent doctor)"
            )
        return self._sandbox

    async def _compared(self, sandbox: Sandbox, view: ToolView, ends: float) -> ToolResult:
        found = await asyncio.to_thread(final_sql, view.trajectory, view.resources.databases[0].engine)
        if isinstance(found, NoSql):
            return _no_sql(found)
        verdicts = await self._tried(sandbox, found.sql, view, ends)
        result = _result(found, verdicts, self.limits)
        if not _refutes(result) or not (found.others or not found.sure):
            return result
        for other in found.others:
            if _confirms(await self._tried(sandbox, other, view)):
                return _softened(result, "; another query of the candidate gives what was asked for")
        return result if found.sure else _softened(result, "; it may be no answer but a look at the data")

    async def _tried(
        self, sandbox: Sandbox, sql: str, view: ToolView, copies_end: float | None = None
    ) -> list[Verdict]:
        reference = view.task.reference.sql
        assert reference is not None
        trial = Trial(sql, reference, self.limits.seconds_per_query, view.seed, copies_end)
        return [
            await try_query(sandbox, await self._source(database, view), trial)
            for database in view.resources.databases
        ]

    async def _source(self, database: Database, view: ToolView) -> DatabaseSource:
        return await source_of(database, self._files, view.tenant)


def _named(name: str, databases: Sequence[Database]) -> Database:
    """The database that the model means. Raises ValueError."""
    if len(databases) == 1 and name in _UNNAMED:
        return databases[0]
    for one in databases:
        if one.name == name:
            return one
    raise ValueError(f"database={name!r} is not one of {[one.name for one in databases]}")


def _no_sql(found: NoSql) -> ToolResult:
    """A reference query was given, so a query was asked for; where one may be there, nothing is decided."""
    if found.in_doubt:
        reason = "which query the answer ends with cannot be told; a ```sql block says it"
        return ToolResult("ok", {"reason": reason}, (Finding("none", "hint", None, reason),))
    reason = "the answer holds no SQL"
    return ToolResult("failed", {"reason": reason}, (Finding("refutes", "decisive", 0.0, reason),))


def _refutes(result: ToolResult) -> bool:
    return any(one.bearing == "refutes" and one.strength == "decisive" for one in result.findings)


def _confirms(verdicts: Sequence[Verdict]) -> bool:
    return all(one.finding is not None and one.finding.bearing == "confirms" for one in verdicts)


def _softened(result: ToolResult, why: str) -> ToolResult:
    findings = tuple(
        replace(one, strength="strong", score=None, reason=one.reason + why) for one in result.findings
    )
    return replace(result, findings=findings)


def _result(found: FinalSql, verdicts: Sequence[Verdict], limits: QuerySqlLimits) -> ToolResult:
    """The worst verdict holds: the queries must agree on every database."""
    ran = [verdict for verdict in verdicts if verdict.unavailable is None]
    if not ran:
        raise ToolError(verdicts[0].unavailable or "the query could not be judged")
    worst = min(ran, key=_weight)
    assert worst.finding is not None
    skipped = {v.database: v.unavailable for v in verdicts if v.unavailable is not None}
    finding = _of_some(worst.finding, len(skipped))
    findings = [finding]
    if found.step_id is not None and finding.bearing != "none":
        findings.append(replace(finding, step_id=found.step_id))
    aside, on_copies = of_copies(ran)
    findings += on_copies
    flags: dict[str, Any] = copies_left_out(ran)
    if any(verdict.clock for verdict in verdicts):
        flags["query_depends_on_the_time_of_day"] = True
    if skipped:
        flags["databases_not_compared"] = skipped
    return ToolResult(
        worst.status,
        _output(found, verdicts, limits),
        tuple(findings),
        truncated=any(verdict.truncated for verdict in verdicts),
        checked={"databases": len(ran), **compared_copies(ran)},
        flags=flags,
        asides=_asides(aside, skipped),
    )


def _asides(aside: Aside | None, skipped: Mapping[str, Any]) -> tuple[Aside, ...]:
    """To hold on copies counts only where no database is left out; a difference on one counts anyway."""
    if aside is None or (skipped and aside.finding.bearing == "confirms"):
        return ()
    return (aside,)


def _of_some(finding: Finding, left_out: int) -> Finding:
    """A match decides only where no database is left out: there, the queries may differ."""
    if not left_out or finding.bearing != "confirms":
        return finding
    reason = f"{finding.reason}, but {left_out} of the databases could not be compared"
    return Finding("confirms", "strong", None, reason)


def _output(found: FinalSql, verdicts: Sequence[Verdict], limits: QuerySqlLimits) -> dict[str, Any]:
    """Whole rows as long as there is room: a longer output would be cut as text, and its parts no longer told apart."""
    sql = {"origin": found.origin, "sha256": _sha256(found.sql), "text": clean(found.sql, limits.sql_chars)}
    head = {"sql": sql, "partial": partial_vector(verdicts)}
    for rows in SHOWN_ROWS:
        output = {**head, "databases": [verdict.as_json(rows) for verdict in verdicts]}
        if len(json.dumps(output, ensure_ascii=False)) <= limits.output_chars:
            return output
    return {**head, "databases": [verdict.outline() for verdict in verdicts]}


def _weight(verdict: Verdict) -> tuple[int, bool]:
    """What refutes comes first, what does not confirm next; then decisive findings before others.

    A match that decides weighs more than one of empty results: data elsewhere has shown the query right.
    """
    assert verdict.finding is not None
    bearing, strength = verdict.finding.bearing, verdict.finding.strength
    return ("refutes", "none", "confirms").index(bearing), strength != "decisive"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
