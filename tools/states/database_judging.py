"""Judges one trajectory by a database: each call's declared SQL runs on a copy in a box; the reference's in another."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.call_forms import spoken
from judge_agent.errors import ToolError
from judge_agent.schema import EndForm, EndState, Environment, ExpectedCall, SqlEffect
from judge_agent.schema.environment import EndQuery
from judge_agent.seams.sandbox import Sandbox
from judge_agent.trajectory import Call, Transcript
from tools.sql.database import DatabaseSource
from tools.states.claiming import Checked, Claims, Found, checked, left_open, readings, told_at
from tools.states.comparing import Difference
from tools.states.database_world import DatabaseWorld, NoAnswer, WrongStatement, open_world
from tools.states.in_box.cells import line_of
from tools.states.report import (
    BadReference,
    Report,
    has_ended,
    last_with_text,
    observed_results,
    own_answer,
    said_by,
)
from tools.states.sightings import Observed, Sighting, Sightings, Undecided, Went
from tools.states.work import EffectError, TooMuchWork, Work

MAX_SHOWN_ROWS = 5
_NUMERAL = re.compile(r"[-+]?\d+(?:\.\d+)?")
Json = Mapping[str, Any]
Ignored = Mapping[str, tuple[str, ...]]


class DatabaseJudging:
    """What judging by one database needs."""

    def __init__(
        self, environment: Environment, sandbox: Sandbox, source: DatabaseSource, *, seed: int, work: Work
    ) -> None:
        self._environment = environment
        self._sandbox = sandbox
        self._source = source
        self._seed = seed
        self._work = work
        self._sightings = Sightings(environment, work)

    async def judged(self, transcript: Transcript, end: EndState | None) -> Report:
        """Judge a trajectory. Raises BadReference, SandboxError; ToolError for a wrong database or declaration."""
        claims = Claims(self._environment.claims)
        report = Report()
        async with open_world(self._sandbox, self._source, seed=self._seed) as world:
            try:
                report.said = await asyncio.to_thread(said_by, transcript, end, self._work)
                report.ended = has_ended(transcript, self._environment, self._work)
                await self._replay(transcript, world, claims, report)
            except (Undecided, NoAnswer, TooMuchWork) as reason:
                report.undecided = str(reason)
                return report
            if end is not None:
                await self._compare(world, end, report)
        return report

    async def _compare(self, world: DatabaseWorld, end: EndState, report: Report) -> None:
        """An end that fits decides; else one that cannot be told from it leaves all undecided."""
        ignored = _ignored(end)
        found: list[tuple[Difference, ...]] = []
        undecided: list[str] = []
        for form in end.forms:
            try:
                found.append(await self._differences(world, ignored, form))
            except Undecided as reason:
                undecided.append(str(reason))
        if undecided and () not in found:
            report.undecided = undecided[0]
        else:
            report.differences = min(found, key=len, default=None)

    async def _differences(
        self, world: DatabaseWorld, ignored: Ignored, form: EndForm
    ) -> tuple[Difference, ...]:
        if form.queries is not None:
            return await _asked(world, form.queries)
        return await self._beside(world, ignored, form.calls or ())

    async def _replay(
        self, transcript: Transcript, world: DatabaseWorld, claims: Claims, report: Report
    ) -> None:
        results = observed_results(transcript)
        last = last_with_text(transcript)
        for step in transcript.steps:
            # What a message tells was known before the calls that it makes, or tells of these.
            told, last_one = spoken(step.turn.text), step is last
            found = await asyncio.to_thread(claims.found, told, step.id, self._work, last=last_one)
            before = await self._looked_up(world, found, step.id)
            first = len(report.claims)
            report.claims += map(left_open, before) if step.turn.calls else before
            for position, call in enumerate(step.turn.calls):
                observed = results.get(f"{step.turn.span_id}.{position}", ())
                await self._made(world, call, observed, step.id, report)
            if step.turn.calls and any(one.holds is False for one in before):
                after = await self._looked_up(world, found, step.id)
                report.claims[first:] = told_at(before, after)
        if answer := own_answer(transcript):
            step_id = transcript.steps[-1].id if transcript.steps else ""
            found = await asyncio.to_thread(claims.found, answer, step_id, self._work, last=True)
            report.claims += await self._looked_up(world, found, step_id)

    async def _made(
        self, world: DatabaseWorld, call: Call, results: Sequence[Observed], step_id: str, report: Report
    ) -> None:
        """Replay a call that the agent made, and saw these results of. Raises Undecided, NoAnswer, ToolError."""
        sighting = await asyncio.to_thread(self._sightings.of, call, results, step_id)
        if isinstance(sighting, Sighting):
            went, message = await self._called(world, call.name, call.arguments or {}, sighting.observed)
            report.calls.append(self._sightings.settle(sighting, went, message))
        elif sighting is not None:
            report.calls.append(sighting)

    async def _looked_up(self, world: DatabaseWorld, found: Sequence[Found], step_id: str) -> list[Checked]:
        """Ask the database, as it is now, for each claim. Raises NoAnswer, ToolError for a check that is no query."""
        looked_up = []
        for one in found:
            holds, problem = await self._holds(world, one, one.parts)
            others = readings(one.parts) if holds is not True else None
            if others is not None and (await self._holds(world, one, others))[0]:
                holds, problem = None, "it holds if its number is read in another way"
            looked_up.append(checked(one, step_id, holds, problem))
        return looked_up

    async def _holds(
        self, world: DatabaseWorld, found: Found, parts: Mapping[str, str]
    ) -> tuple[bool | None, str]:
        query = SqlEffect(require=(found.claim.check,))
        try:
            went, message = await world.call(query, {name: parts.get(name) for name in found.claim.parts})
        except WrongStatement as error:
            raise ToolError(f"resources.environment.claims.{found.index}.check: {error}") from error
        return (None, message) if went == "unclear" else (went == "done", "")

    async def _called(
        self, world: DatabaseWorld, name: str, arguments: Json, observed: str | None
    ) -> tuple[Went, str]:
        """Do what one call does. A number that JSON does not have makes it unclear. Raises NoAnswer, ToolError."""
        effect = self._environment.effects[name]
        assert isinstance(effect, SqlEffect)
        try:
            bound = _parameters(self._work.copied(dict(arguments)), observed)
        except EffectError as error:
            return "unclear", f"its arguments: {error}"
        try:
            return await world.call(effect, bound)
        except WrongStatement as error:
            raise ToolError(f"resources.environment.effects.{name}: {error}") from error

    async def _beside(
        self, world: DatabaseWorld, ignored: Ignored, calls: Sequence[ExpectedCall]
    ) -> tuple[Difference, ...]:
        """Where the tables differ from those that the reference's calls lead to, in a box of their own.

        Raises Undecided where they differ only in what a clock or a random value may have written.
        """
        found, unsteady = await _tables(world, ignored), set(world.unsteady)
        async with open_world(self._sandbox, self._source, seed=self._seed) as reference:
            for call in calls:
                await self._expected(reference, call)
            wanted = await _tables(reference, ignored)
            unsteady |= reference.unsteady
        compared = [name for name in {**wanted, **found} if ignored.get(name.lower()) != ()]
        differing = [name for name in compared if found.get(name) != wanted.get(name)]
        # Where columns of a table are ignored, the request has said which of them may change each time.
        decided = [name for name in differing if name.lower() not in unsteady or name.lower() in ignored]
        if differing and not decided:
            raise Undecided(
                f"the table {differing[0]!r} differs, and its rows hold a clock or a random value, other each "
                f"time; name such columns in ignore: '/{differing[0]}/*/column'"
            )
        return tuple(_of_table(name, found.get(name), wanted.get(name)) for name in decided)

    async def _expected(self, world: DatabaseWorld, call: ExpectedCall) -> None:
        if call.name in self._environment.reads:
            return
        if call.name not in self._environment.effects:
            raise BadReference(f"the effect of the reference's call of {call.name!r} is not declared")
        try:
            went, message = await self._called(world, call.name, call.arguments, None)
        except NoAnswer as error:
            raise BadReference(f"the reference's call of {call.name!r}: {error}") from error
        if went != "done":
            raise BadReference(f"the reference's call of {call.name!r} fails: {message}")


def _parameters(arguments: Mapping[str, Any], observed: str | None) -> dict[str, Any]:
    """What statements may name: the arguments, of which lists and objects become JSON text, and `observed`, which
    no argument of that name takes the place of.
    """
    bound = {
        key: json.dumps(value) if isinstance(value, (dict, list, tuple)) else value
        for key, value in arguments.items()
    }
    return {**bound, "observed": observed}


def _ignored(end: EndState) -> Ignored:
    """The places that do not count: columns by table, none for all of it; in lower case. Raises BadReference."""
    ignored: dict[str, tuple[str, ...]] = {}
    for pointer in end.ignore:
        parts = [part.replace("~1", "/").replace("~0", "~").lower() for part in pointer.split("/")[1:]]
        if len(parts) == 1 and parts[0]:
            ignored[parts[0]] = ()
        elif len(parts) == 3 and parts[1] == "*":
            if ignored.get(parts[0]) != ():
                ignored[parts[0]] = (*ignored.get(parts[0], ()), parts[2])
        else:
            raise BadReference(f"ignore: {pointer[:80]!r} is neither /table nor /table/*/column")
    return ignored


async def _tables(world: DatabaseWorld, ignored: Ignored) -> dict[str, Any]:
    try:
        return await world.tables({table: columns for table, columns in ignored.items() if columns})
    except NoAnswer as error:
        raise BadReference(f"the tables could not be read: {error}") from error


async def _asked(world: DatabaseWorld, queries: Sequence[EndQuery]) -> tuple[Difference, ...]:
    """The queries whose rows are not the required ones."""
    differences = []
    for index, query in enumerate(queries):
        try:
            reply = await world.query(query.sql)
        except NoAnswer as error:
            raise BadReference(f"queries.{index}: {error}") from error
        rows = reply.get("rows")
        if reply.get("cut") is not False or not isinstance(rows, list):
            raise BadReference(f"queries.{index}: it gives more rows than can be compared")
        _refuse_other_rows(f"queries.{index}.rows", rows, query.rows)
        found, wanted = _lines(rows), _lines(query.rows)
        if found != wanted and (query.ordered or sorted(found) != sorted(wanted)):
            shown = rows[:MAX_SHOWN_ROWS], list(query.rows[:MAX_SHOWN_ROWS])
            differences.append(Difference(f"/queries/{index}", "another value", *shown, None))
    return tuple(differences)


def _lines(rows: Sequence[Sequence[Any]]) -> list[str]:
    """Rows as texts. SQLite keeps truth as 1 and 0, DuckDB does not: either may be asked for in either way."""
    return [line_of([int(cell) if isinstance(cell, bool) else cell for cell in row]) for row in rows]


def _refuse_other_rows(field: str, found: Sequence[Sequence[Any]], wanted: Sequence[Sequence[Any]]) -> None:
    """Raise BadReference for rows that no end could give: of another width, or with numbers written as texts."""
    if not found:
        return
    width = len(found[0])
    for at, row in enumerate(wanted):
        if len(row) != width:
            raise BadReference(f"{field}.{at}: {row!r:.80} has {len(row)} cells; the query gives {width}")
    for column in range(width):
        if not all(_is_number(row[column]) for row in found):
            continue
        for at, row in enumerate(wanted):
            if isinstance(row[column], str) and _NUMERAL.fullmatch(row[column].strip()):
                raise BadReference(
                    f"{field}.{at}.{column}: {row[column]!r:.80} is a text; the query gives numbers there"
                )


def _is_number(cell: object) -> bool:
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def _of_table(name: str, found: Json | None, wanted: Json | None) -> Difference:
    kind = "missing" if found is None else "not expected" if wanted is None else "another value"
    return Difference(f"/{name}", kind, _only(found, wanted), _only(wanted, found), None)


def _only(one: Json | None, other: Json | None) -> list[Any]:
    """The first rows that only the one table has."""
    theirs = {line_of(row) for row in (other or {}).get("rows", ())}
    return [row for row in (one or {}).get("rows", ()) if line_of(row) not in theirs][:MAX_SHOWN_ROWS]
