"""Tries both queries on perturbed copies of the database: what is equal by accident of the data is told apart there.

Each box makes the same copies from the request's seed (`in_box/copying`); where what they say of a copy differs, it is
passed over. A copy keeps what the schema declares and what the data shows. A difference on it decides where every
table that is read has a declared key; else, and on the last two copies, which may leave what the data shows, it is
`strong` at most. Where a table that is read has rows in no copy, nothing is confirmed. Errors and timeouts on a copy
say nothing, and what SQL leaves open does not count.

The copies share a few seconds, which a slow candidate does not use up: its own queries have as much again as a query
has on the given data. Those that there is no time for are said to be left out. To make them, both boxes are told which
columns and constants the two queries name, mingled; the reference's result stays in its own.

The idea is that of test suites for text-to-SQL (Zhong, Yu and Klein 2020, arXiv:2010.02840), on neighbours of the given
data in the place of random data.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

from tools.sql.comparison import compare
from tools.sql.engine_box import DatabaseBox, QueryFailed, QueryResult
from tools.sql.parts import Pair, is_nothing
from tools.sql.perturbing.hints import Hints, hints_of
from tools.sql.perturbing.left_open import is_left_open
from tools.sql.reference import Wanted, ask_reference

T = TypeVar("T")
SECONDS_FOR_COPIES = 4.0  # of all copies of one database together, less what the candidate's queries take
LEAST_SECONDS = 0.3  # with less, no further copy is begun
LEAST_COPIES = 3  # on which a match was compared, so that it decides


class Recipe(NamedTuple):
    """How a copy is made: shares of rows kept, of cells changed and made NULL, of rows added. See `in_box/copying`."""

    name: str
    keep: float
    change: float
    nulls: float
    add: float
    guess: bool = False
    shuffle: bool = False


COPIES = (  # the most telling first
    Recipe("rows left out and added", 0.6, 0.3, 0.0, 0.6, shuffle=True),
    Recipe("values near the constants", 1.0, 0.9, 0.1, 1.0),
    Recipe("more NULL", 0.8, 0.3, 0.3, 0.5),
    Recipe("rows that repeat what the data shows once", 1.0, 0.2, 0.1, 1.0, guess=True),
    Recipe("values outside of what the data shows", 0.9, 0.4, 0.25, 0.6, guess=True),
)
Outcome = Literal["same", "nothing", "open", "failed", "differs"]


@dataclass
class OnCopies:
    """What the copies say. `compared`: copies on which both results were compared; `told`: those of them on which the
    reference's was another than on the given data. `keyed`: every table read has a declared key. `differs`: the name
    of the first copy with a difference that counts, and `decisive` whether it decides. `stopped`: why copies were
    left out. `empty`: tables that are read and had rows in none.
    """

    keyed: bool = False
    compared: int = 0
    told: int = 0
    left_open: int = 0
    failed: int = 0
    differs: str | None = None
    decisive: bool = False
    stopped: str | None = None
    empty: frozenset[str] | None = None

    @property
    def matches(self) -> bool | None:
        """None where too few copies told."""
        if self.differs is not None:
            return False
        return True if self.compared >= LEAST_COPIES and self.told and not self.empty else None

    @property
    def undecided(self) -> str | None:
        """Why all copies together say nothing, where none was left out."""
        if self.matches is not None or self.stopped is not None:
            return None
        if self.left_open or self.failed:
            return f"{self.left_open} left open by a choice in a query, {self.failed} on which a query failed"
        if self.empty:
            return f"no copy has rows in {', '.join(sorted(self.empty))}"
        return "the reference's result is the same on all of them"

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"matches": self.matches, "compared": self.compared, "of": len(COPIES)}
        told |= {"keys_declared": self.keyed, "left_open": self.left_open, "failed": self.failed}
        if self.differs is not None:
            told["differs_on"] = f"a copy of the database with {self.differs}"
        return told | ({"left_out": self.stopped} if self.stopped is not None else {})


async def try_copies(pair: Pair, seed: int, ends: float) -> OnCopies:
    """Try copy after copy until one decides. `ends`: the time (of the loop's clock) to be ready by.

    The boxes of the pair read the last copy afterwards.
    """
    found = OnCopies()
    if pair.query.tree is None or pair.wanted.query.tree is None:
        found.stopped = "a query is in a form that is not read here"
        return found
    hints = await asyncio.to_thread(hints_of, [pair.wanted.query.tree, pair.query.tree])
    clock = asyncio.get_running_loop().time
    time = _Time(min(ends, clock() + SECONDS_FOR_COPIES), ends, pair.seconds)
    for recipe in COPIES:
        if time.ends - clock() < LEAST_SECONDS:
            found.stopped = "no time was left"
            break
        try:
            async with asyncio.timeout_at(time.of_candidate):
                await _try_one(pair, recipe, f"{seed}/{recipe.name}", hints, found, time)
        except TimeoutError:
            found.stopped = "no time was left"
            break
        except _Stopped as stopped:
            found.stopped = str(stopped)
            break
        if found.decisive:
            break
    return found


@dataclass
class _Time:
    """When (on the loop's clock) the copies end, `limit` what nothing may pass, and `spare` the seconds that the
    candidate's queries may take beyond that: they are added to `ends` as they are taken.
    """

    ends: float
    limit: float
    spare: float

    @property
    def of_candidate(self) -> float:
        return min(self.limit, self.ends + self.spare)

    def taken(self, seconds: float) -> None:
        """The candidate's query took so long."""
        extra = min(self.spare, seconds, max(0.0, self.limit - self.ends))
        self.ends, self.spare = self.ends + extra, self.spare - extra


class _Stopped(Exception):
    """No further copy can be tried; the message says why."""


async def _try_one(pair: Pair, recipe: Recipe, seed: str, hints: Hints, found: OnCopies, time: _Time) -> None:
    asked = _asked(recipe, seed, hints)
    async with asyncio.TaskGroup() as group:
        theirs = group.create_task(_unless_stopped(_reference_on(pair, asked, time.ends)))
        own = group.create_task(_unless_stopped(_candidate_on(pair, asked, time)))
    for done in (theirs.result(), own.result()):
        if isinstance(done, _Stopped):
            raise done
    (copy, wanted), (other, result) = theirs.result(), own.result()  # type: ignore[misc]
    if copy.get("sha256") != other.get("sha256") or wanted is None or result is None:
        found.failed += 1
        return
    if any(name in copy.get("left_alone", ()) for name in hints.tables):
        raise _Stopped("a table is read whose rows cannot be changed, such as one of a full-text search")
    found.keyed = _is_keyed(copy, hints)
    empty = frozenset(copy.get("empty", ())) & frozenset(hints.tables)
    found.empty = empty if found.empty is None else found.empty & empty
    there = Pair(pair.engine, _left(time.ends), pair.reference_box, wanted, pair.candidate_box, pair.query)
    outcome = await _outcome(there, result)
    if outcome == "same":
        found.compared += 1
        found.told += not (await asyncio.to_thread(compare, wanted.result, pair.wanted.expected)).matches
    elif outcome == "nothing":
        found.compared += 1
    elif outcome == "open":
        found.left_open += 1
    elif outcome == "failed":
        found.failed += 1
    elif found.differs is None or (found.keyed and not recipe.guess):
        found.differs, found.decisive = recipe.name, found.keyed and not recipe.guess


async def _unless_stopped(work: Coroutine[Any, Any, T]) -> T | _Stopped:
    """A group of tasks would wrap what one of them raises."""
    try:
        return await work
    except _Stopped as stopped:
        return stopped


async def _outcome(pair: Pair, result: QueryResult) -> Outcome:
    try:
        comparison = await asyncio.to_thread(compare, result, pair.wanted.expected)
        if comparison.matches:
            return "same" if comparison.named and comparison.precise else "open"
        if is_nothing(result) and is_nothing(pair.wanted.result):
            return "nothing"
        if not comparison.decided or not comparison.certain:
            return "open"
        return "open" if await is_left_open(pair, result, comparison) else "differs"
    except (QueryFailed, ValueError):
        return "failed"


def _asked(recipe: Recipe, seed: str, hints: Hints) -> dict[str, Any]:
    return {
        "seed": seed,
        "recipe": [recipe.keep, recipe.change, recipe.nulls, recipe.add, recipe.guess],
        "shuffle": recipe.shuffle,
        "used": list(hints.columns) if hints.columns is not None else None,
        "joined": list(hints.joined),
        "constants": hints.constants,
        "probed": list(hints.probed) if hints.probed is not None else None,
        "tables": list(hints.tables),
    }


async def _reference_on(
    pair: Pair, asked: Mapping[str, Any], ends: float
) -> tuple[Mapping[str, Any], Wanted | None]:
    copy = await _turned(pair.reference_box, asked, ends)
    try:
        query = pair.wanted.query
        return copy, await ask_reference(pair.reference_box, query, pair.engine, _left(ends))
    except (QueryFailed, ValueError) as error:
        _stop_where_it_is_gone(error, "the reference query")
        return copy, None


async def _candidate_on(
    pair: Pair, asked: Mapping[str, Any], time: _Time
) -> tuple[Mapping[str, Any], QueryResult | None]:
    copy = await _turned(pair.candidate_box, asked, time.ends)
    started = asyncio.get_running_loop().time()
    try:
        return copy, await pair.candidate_box.query(pair.query.sql, seconds=_left(time.of_candidate))
    except QueryFailed as error:
        _stop_where_it_is_gone(error, "the candidate's query")
        return copy, None
    finally:
        time.taken(asyncio.get_running_loop().time() - started)


async def _turned(box: DatabaseBox, asked: Mapping[str, Any], ends: float) -> Mapping[str, Any]:
    try:
        return await box.turn_to_copy(asked, seconds=_left(ends))
    except QueryFailed as failure:
        raise _Stopped(f"no copy could be made: {failure}") from failure


def _stop_where_it_is_gone(error: Exception, which: str) -> None:
    """After a timeout or a crash the box may be gone."""
    if isinstance(error, QueryFailed) and error.kind in ("timeout", "memory", "died"):
        raise _Stopped(f"{which} ended with {error.kind} on a copy") from error


def _left(ends: float) -> float:
    return max(0.1, ends - asyncio.get_running_loop().time())


def _is_keyed(copy: Mapping[str, Any], hints: Hints) -> bool:
    """Whether each table that is read has a declared key; behind a view, any table may be read."""
    tables: Mapping[str, Any] = copy["tables"]
    if all(name in tables for name in hints.tables):
        return bool(hints.tables) and all(tables[name] is True for name in hints.tables)
    return bool(tables) and all(declared is True for declared in tables.values())
