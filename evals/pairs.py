"""`python -m evals pairs FOLDER`: pairs with a known better one through recipes; prints how often the judge agrees.

The folder holds `judgebench`, `llmbar` and `plan_rewardbench` as published. Accuracy is a figure, not a claim: the run
ends with 1 when a judgment crashed (refused, `internal`, or the service gone) or got stuck (no end within its budget
and a grace), with 2 for data, options or a result file that cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals import pair_results, pair_sets
from evals.bench.machine import commit, machine
from evals.options import above_zero, whole
from evals.pair_report import Tally, table, tally
from evals.pair_results import Key, PairResult, Results
from evals.pair_sets import Pair
from evals.service import running
from judge_agent.client import AsyncJudgeClient
from judge_agent.errors import (
    InvalidRequest,
    JudgeClientError,
    JudgmentPending,
    RequestRefused,
    ServiceUnavailable,
)
from judge_agent.hashing import sha256_of

SECONDS = 900.0
MAX_SECONDS = 3600.0
GRACE_SECONDS = 30.0
RETRY_SECONDS = 120.0
START_SECONDS = 2.0


def add_parser(names: Any) -> None:
    parser = names.add_parser("pairs", help="how often the judge prefers the better one of real pairs")
    parser.add_argument("data", type=Path, help="folder of the benchmark data")
    parser.add_argument("--set", dest="sets", choices=pair_sets.SETS, action="append", help="these sets only")
    parser.add_argument(
        "--recipe", dest="recipes", action="append", help="a recipe (default); may be repeated"
    )
    parser.add_argument("--count", type=whole(), default=20, help="pairs of each set (20)")
    parser.add_argument("--at-once", type=whole(1, 4096), default=2, help="judgments in flight (2)")
    parser.add_argument(
        "--seconds", type=above_zero(MAX_SECONDS), default=SECONDS, help="budget of each judgment (900)"
    )
    parser.add_argument("--grace", type=above_zero(), default=GRACE_SECONDS, help="seconds beyond it (30)")
    parser.add_argument("--model", default="embedded", help="embedded, none, or the URL of a model server")
    parser.add_argument("--service", help="URL of a running service to ask, instead of one of its own")
    parser.add_argument(
        "--data-dir", type=Path, help="folder of its own service (a new one under .judge/pairs)"
    )
    parser.add_argument(
        "--out", type=Path, help="keep a JSON line for each judgment here, and go on from them"
    )
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    try:
        return _run(arguments)
    except (InvalidRequest, JudgeClientError) as error:
        print(error, file=sys.stderr)
        return 2


@dataclass(frozen=True)
class _Job:
    """One judgment to be made."""

    pair: Pair
    key: Key
    request: Mapping[str, Any]


def _run(arguments: argparse.Namespace) -> int:
    jobs = _jobs(arguments)
    facts = machine()
    with _service(arguments) as url:
        model, known = asyncio.run(_asked(url))
        _refuse_unknown(known, arguments)
        with pair_results.opened(arguments.out, model) as results:
            try:
                asyncio.run(_Run(url, arguments, model, results).judge(jobs))
            finally:
                # Also a run that is stopped says what it has.
                tallies = _tallies(jobs, results)
                _print(tallies, results, model, facts, arguments.json)
    return 1 if any(one.crashed or one.stuck for one in tallies) else 0


def _jobs(arguments: argparse.Namespace) -> dict[tuple[str, str], list[_Job]]:
    """What is to be judged, by set and recipe."""
    sets = {
        name: pair_sets.load(name, arguments.data, arguments.count)
        for name in dict.fromkeys(arguments.sets or pair_sets.SETS)
    }
    return {
        (name, recipe): [_job(pair, recipe, arguments.seconds) for pair in pairs]
        for name, pairs in sets.items()
        for recipe in dict.fromkeys(arguments.recipes or ["default"])
    }


def _job(pair: Pair, recipe: str, seconds: float) -> _Job:
    request = pair.request(recipe, seconds)
    return _Job(pair, Key(pair.set, pair.id, recipe, sha256_of(request)), request)


@contextmanager
def _service(arguments: argparse.Namespace) -> Iterator[str]:
    """The URL of the service that is asked.

    One of its own gets a new folder: a service goes on with what an earlier one left, which would be in the way.
    """
    if arguments.service:
        yield arguments.service
        return
    folder = arguments.data_dir or Path(".judge/pairs") / time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    # A judgment that waited for its turn would look stuck.
    settings = {"JUDGE_MAX_RUNNING": str(max(arguments.at_once, 32))}
    with running(folder, model=arguments.model, settings=settings) as url:
        print(f"service in {folder}", file=sys.stderr)
        yield url


async def _asked(url: str) -> tuple[dict[str, Any], list[str]]:
    """Which model judges, and which recipes there are. Raises InvalidRequest for a service that cannot judge."""
    async with AsyncJudgeClient(url, retry_seconds=START_SECONDS) as client:
        recipes = await client.recipes()
        health = await client.health()
    if health.get("status") != "ready":
        raise InvalidRequest("--service", f"{url} is not ready: {json.dumps(health)}")
    judge = health["checks"]["judge"]
    model = {name: judge.get(name) for name in ("model", "revision", "backend")}
    return model, [str(recipe["name"]) for recipe in recipes]


def _refuse_unknown(known: Sequence[str], arguments: argparse.Namespace) -> None:
    for recipe in arguments.recipes or ():
        if recipe not in known:
            raise InvalidRequest("--recipe", f"{recipe!r} is none of {', '.join(sorted(known))}")


class _Run:
    """One run against a service."""

    def __init__(
        self, url: str, arguments: argparse.Namespace, model: dict[str, Any], results: Results
    ) -> None:
        self._url = url
        self._at_once: int = arguments.at_once
        self._max_seconds: float = arguments.seconds + arguments.grace
        self._model = model
        self._results = results
        self._commit = commit()
        self._gone = False

    async def judge(self, jobs: Mapping[tuple[str, str], Sequence[_Job]]) -> None:
        """Judge what has no result yet, one set and recipe after the other."""
        async with AsyncJudgeClient(
            self._url, retry_seconds=RETRY_SECONDS, timeout_seconds=self._max_seconds
        ) as client:
            for group in jobs.values():
                due = iter([job for job in group if not self._results.is_judged(job.key)])
                async with asyncio.TaskGroup() as workers:
                    for _ in range(self._at_once):
                        workers.create_task(self._work(client, due))
        if self._gone:
            print(
                "the service is gone; what was not judged is left for a run with the same --out",
                file=sys.stderr,
            )

    async def _work(self, client: AsyncJudgeClient, due: Iterator[_Job]) -> None:
        for job in due:
            if self._gone:
                return
            started = time.time()
            facts = await self._facts(client, job)
            common = {"chosen": job.pair.chosen, "model": self._model, "commit": self._commit}
            times = {"started": started, "ended": time.time()}
            result = PairResult.model_validate({**job.key._asdict(), **common, **times, **facts})
            self._results.add(result)
            print(_line(result), file=sys.stderr, flush=True)

    async def _facts(self, client: AsyncJudgeClient, job: _Job) -> dict[str, Any]:
        try:
            judgment = await client.judge(job.request)
        except JudgmentPending as error:
            return {"outcome": "stuck", "error": str(error), "judgment": error.judgment_id}
        except (RequestRefused, ServiceUnavailable) as error:
            # No answer, or one that it stops: what is left is for a run that goes on later.
            self._gone = self._gone or error.status in (None, 503)
            return {"outcome": "crashed", "error": str(error), "judgment": error.judgment_id}
        return pair_results.facts_of(judgment, job.pair, self._max_seconds)


def _line(result: PairResult) -> str:
    what = result.verdict if result.outcome == "judged" else f"{result.outcome}: {result.error}"
    return f"{result.set} {result.pair} by {result.recipe}: {what} ({result.ended - result.started:.1f} s)"


def _tallies(jobs: Mapping[tuple[str, str], Sequence[_Job]], results: Results) -> list[Tally]:
    return [
        tally(name, recipe, results.of([job.key for job in group]), len(group))
        for (name, recipe), group in jobs.items()
    ]


def _print(
    tallies: Sequence[Tally], results: Results, model: Mapping[str, Any], facts: str, as_json: bool
) -> None:
    print(table(tallies))
    if results.judged_again:
        print(f"judged again, for they had crashed or got stuck: {results.judged_again}")
    commits = {result.commit for result in results.all}
    if len(commits) > 1:
        print(f"judged by commits {', '.join(sorted(commits))}")
    print(f"model {json.dumps(model)}, {facts}")
    if as_json:
        print(
            json.dumps({"tallies": [one.model_dump() for one in tallies], "model": model, "machine": facts})
        )
