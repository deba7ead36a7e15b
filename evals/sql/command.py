"""`python -m evals sql FOLDER`: gold queries, hand-written rewrites and mutants through `query_sql`.

The folder holds Defog's questions (`questions/*.csv`) and databases (`sqlite/*.sqlite`). Ends with 1 when a gold query
or an alternative to it is told not to be its own equal, when an alternative with the gold query's rows is told not to
be its equal, or when a hand-written rewrite is told wrong.

Mutants are drawn at random. Those that plain sqlite3 tells apart neither on the given data nor on any of 28 random
databases of the schema, which share nothing with the tool's copies, are held equivalent and left out of the rates; how
often the tool speaks against them is said (`alarms`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import sqlglot

from evals.bench.machine import commit
from evals.options import whole
from evals.progress import Progress
from evals.sql.apart import rows, told_apart
from evals.sql.mutants import Mutant, mutants
from evals.sql.questions import Asked, questions
from evals.sql.report import Golds, Rewrites, Tried, as_json, keys_line, mutants_table, seconds_line
from evals.sql.rewriting import Rewrite, rewrites
from evals.sql.trial import Asker
from judge_agent.resources import BlobFiles, FileResources
from judge_agent.schema import Engine
from sandboxes import make_sandbox

COUNT = 400
ENGINES: tuple[Engine, ...] = ("sqlite", "duckdb")
T = TypeVar("T")


def add_parser(names: Any) -> None:
    parser = names.add_parser("sql", help="gold queries, rewrites and mutants through `query_sql`")
    parser.add_argument("data", type=Path, help="folder of Defog's questions and databases")
    parser.add_argument("--count", type=whole(), default=COUNT, help=f"mutants to try ({COUNT})")
    parser.add_argument("--questions", type=whole(), help="questions to take (all)")
    parser.add_argument("--rewrites", type=whole(), help="rewrites to take (all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    try:
        asked = questions(arguments.data)[: arguments.questions]
    except (OSError, KeyError, ValueError) as error:
        print(f"{arguments.data}: no questions of Defog: {error}", file=sys.stderr)
        return 2
    return asyncio.run(_run(arguments, asked))


async def _run(arguments: argparse.Namespace, asked: Sequence[Asked]) -> int:
    sandbox = make_sandbox()
    if sandbox is None:
        print("no box can be made on this machine; `make doctor` says why", file=sys.stderr)
        return 2
    files = FileResources(
        BlobFiles(arguments.data, max_bytes=1, max_tenant_bytes=1), arguments.data / "sqlite"
    )
    asker = Asker(sandbox, files)
    try:
        found = await _rewrites(asker, rewrites()[: arguments.rewrites])
        golds = await _golds(asker, asked)
        tried = await _mutants(asker, _drawn(asked, arguments.count, arguments.seed), arguments.seed)
    finally:
        await sandbox.aclose()
    _print(golds, found, tried)
    if arguments.json:
        print(json.dumps({**as_json(golds, found, tried), "seed": arguments.seed, "commit": commit()}))
    return 1 if golds.alarms or found.alarms else 0


def _print(golds: Golds, found: Rewrites, tried: Sequence[Tried]) -> None:
    print(f"gold queries against themselves: {dict(golds.itself)}")
    print(f"alternatives with the gold query's rows, against it: {dict(golds.same_rows)}")
    print(f"alternatives with other rows or columns, against themselves: {dict(golds.other_rows)}")
    print(f"hand-written rewrites: {dict(found.tried)}, confirmed {dict(found.decided)}, ", end="")
    print(f"false alarms {len(found.alarms)}, strong ones {len(found.weak_alarms)}")
    for line in (*golds.alarms, *found.alarms, *found.weak_alarms):
        print(f"ALARM {line}")
    print(mutants_table(tried))
    print(keys_line(tried))
    print(seconds_line(tried))


async def _rewrites(asker: Asker, chosen: Sequence[Rewrite]) -> Rewrites:
    found = Rewrites()
    pairs = [(one, engine) for one in chosen for engine in ENGINES]
    progress = Progress("rewrites", len(pairs))

    async def ask(pair: tuple[Rewrite, Engine]) -> None:
        one, engine = pair
        answer = await asker.ask(one.given(engine), one.other, one.reference)
        found.tried[engine] += 1
        found.decided[engine] += answer.given == "right"
        said = f"{engine}: {one.other}: {answer.reason}"
        if answer.given == "wrong" or answer.copies == "decisive":
            found.alarms.append(said)
        elif answer.copies == "strong" or answer.given != "right":
            found.weak_alarms.append(said)
        progress()

    await _all(ask, pairs)
    return found


async def _golds(asker: Asker, asked: Sequence[Asked]) -> Golds:
    found = Golds()
    pairs = [(one, one.gold) for one in asked] + [(one, other) for one in asked for other in one.alternatives]
    progress = Progress("gold queries", len(pairs))

    async def ask(pair: tuple[Asked, str]) -> None:
        one, other = pair
        same = other == one.gold or await asyncio.to_thread(_same_rows, one, other)
        reference = one.gold if same else other
        answer = await asker.ask(_database(one.path), other, reference)
        shelf = found.itself if other == one.gold else found.same_rows if same else found.other_rows
        shelf[answer.given] += 1
        if answer.given == "wrong" or (other == reference and answer.copies in ("decisive", "strong")):
            found.alarms.append(f"{one.path.stem}: {other}: {answer.reason}")
        progress()

    await _all(ask, pairs)
    return found


def _same_rows(one: Asked, other: str) -> bool:
    wanted, own = rows(one.path, one.gold), rows(one.path, other)
    return wanted is not None and own is not None and sorted(wanted) == sorted(own)


def _drawn(asked: Sequence[Asked], count: int, seed: int) -> list[tuple[Asked, Mutant]]:
    """Mutants of all questions, shuffled, so that each kind has its share of the sample."""
    made = []
    for one in asked:
        try:
            made += [(one, mutant) for mutant in mutants(one.gold, one.columns)]
        except sqlglot.ParseError:
            continue  # what sqlglot cannot read has no mutants
    random.Random(seed).shuffle(made)  # noqa: S311 - a reproducible sample, no secret
    return made[:count]


async def _mutants(asker: Asker, drawn: Sequence[tuple[Asked, Mutant]], seed: int) -> list[Tried]:
    progress = Progress("mutants", len(drawn))
    found: dict[int, Tried] = {}

    async def ask(numbered: tuple[int, tuple[Asked, Mutant]]) -> None:
        number, (one, mutant) = numbered
        apart = await asyncio.to_thread(told_apart, one.path, one.gold, mutant.sql, seed)
        answer = None if apart == "fails" else await asker.ask(_database(one.path), mutant.sql, one.gold)
        found[number] = Tried(mutant, apart, answer)
        progress()

    await _all(ask, list(enumerate(drawn)))
    return [found[number] for number in sorted(found)]


async def _all(ask: Callable[[T], Awaitable[None]], items: Iterable[T]) -> None:
    """Two at a time: a box takes a core."""
    slots = asyncio.Semaphore(2)

    async def one(item: T) -> None:
        async with slots:
            await ask(item)

    async with asyncio.TaskGroup() as group:
        for item in items:
            group.create_task(one(item))


def _database(path: Path) -> dict[str, Any]:
    return {"name": "data", "engine": "sqlite", "root_name": path.name}
