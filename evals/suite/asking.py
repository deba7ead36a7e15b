"""Asks a service for the judgments of a run that are missing, and keeps each as it ends."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evals.bench.machine import commit
from evals.loaders.item import FirstError, Item, Request
from evals.progress import Progress
from evals.suite.results import Key, Result, Results, facts_of
from judge_agent.client import AsyncJudgeClient
from judge_agent.client.target import shown_url
from judge_agent.errors import InvalidRequest, JudgmentPending, RequestRefused, ServiceUnavailable
from judge_agent.hashing import sha256_of

RETRY_SECONDS = 120.0
START_SECONDS = 2.0
MODEL_TOKENS = 10_000_000
COMPARE_ONLY = frozenset({"pairwise", "tournament"})


@dataclass(frozen=True)
class How:
    """How the items of a run are judged: by which recipe, with its tools or without any, at what cost.

    With a `principle` whole answers are judged by that alone, and by what tools decide; none is generated then. Where
    several answers stand beside each other its scale is fine, so that fewer are tied.
    """

    recipe: str
    with_tools: bool
    seconds: float
    seed: int
    principle: str | None = None

    def body(self, request: Request) -> dict[str, Any]:
        """The body of `POST /v1/judgments`."""
        budget = {"seconds": self.seconds, "model_tokens": MODEL_TOKENS}
        asked = {"granularity": ["outcome"], **request.body}
        if self.principle and "outcome" in asked["granularity"]:
            scale = "1-10" if len(asked["candidates"]) > 1 else "pass_fail"
            asked["principles"] = [
                {"description": self.principle, "dimension": "correctness", "scale": scale}
            ]
        tools: dict[str, Any] = {} if self.with_tools else {"tools": []}
        own = {"recipe": self.recipe, "budget": budget, "seed": self.seed, "cache": "no"}
        return {**asked, **tools, **own}


@dataclass(frozen=True)
class Job:
    """One judgment to be made. `way_sha256` is the same for all items that one judge judges in one way."""

    key: Key
    item: Item
    how: How
    way_sha256: str

    @classmethod
    def of(cls, suite: str, item: Item, how: How, judge_sha256: str) -> Job:
        """`judge_sha256` is the service's pin of the recipe: another model, prompt or tool is another judge."""
        settings = sha256_of([how.body(item.request), judge_sha256])
        key = Key(suite, item.id, how.recipe, how.with_tools, settings)
        return cls(key, item, how, sha256_of([asdict(how), judge_sha256]))

    @property
    def item_sha256(self) -> str:
        """Of what is asked and what would be right: the same id may stand for another item in other data."""
        return sha256_of([self.item.request.body, repr(self.item.label)])


@dataclass(frozen=True)
class Asked:
    """What a service says of itself: its model, and for each wanted recipe the hash of all that judges by it.

    `protocols` say by recipe what it does: judge one alone, compare several, label steps.
    """

    model: dict[str, Any]
    pins: Mapping[str, str]
    protocols: Mapping[str, frozenset[str]]

    def refuse_unfit(self, recipe: str, suite: str, item: Item) -> None:
        """Raises InvalidRequest where a recipe can do nothing with the items of a set."""
        can = self.protocols[recipe]
        if isinstance(item.label, FirstError) and "steps" not in can:
            raise InvalidRequest(
                "--recipe", f"{recipe!r} labels no steps, and {suite} asks for the first wrong one"
            )
        if len(item.request.body["candidates"]) == 1 and can <= COMPARE_ONLY:
            raise InvalidRequest(
                "--recipe", f"{recipe!r} compares candidates, and {suite} has one in each request"
            )


async def asked(url: str, recipes: Sequence[str]) -> Asked:
    """Ask a service what it is. Raises InvalidRequest for one that cannot judge, or does not have a recipe."""
    async with AsyncJudgeClient(url, retry_seconds=START_SECONDS) as client:
        known = {str(recipe["name"]): frozenset(recipe["protocols"]) for recipe in await client.recipes()}
        for recipe in recipes:
            if recipe not in known:
                raise InvalidRequest("--recipe", f"{recipe!r} is none of {', '.join(sorted(known))}")
        health = await client.health()
        if health.get("status") != "ready":
            raise InvalidRequest("--url", f"{shown_url(url)} is not ready: {json.dumps(health)}")
        judge = health["checks"]["judge"]
        model = {name: judge.get(name) for name in ("model", "revision", "backend")}
        return Asked(model, {recipe: await client.pin(recipe) for recipe in recipes}, known)


class Asking:
    """One run against a service. `until` (of `time.monotonic`) is when no further judgment begins."""

    def __init__(
        self,
        url: str,
        results: Results,
        model: dict[str, Any],
        *,
        at_once: int,
        grace: float,
        until: float | None = None,
    ) -> None:
        self._url = url
        self._results = results
        self._model = model
        self._at_once = at_once
        self._grace = grace
        self._until = until
        self._commit = commit()
        self._uploaded = set[str]()
        self._gone = False

    async def judge(self, jobs: Sequence[Job]) -> None:
        """Judge what has no result yet, in the order given."""
        due = [job for job in jobs if not self._results.is_judged(job.key)]
        longest = max((job.how.seconds for job in due), default=0.0) + self._grace
        async with AsyncJudgeClient(
            self._url, retry_seconds=RETRY_SECONDS, timeout_seconds=longest
        ) as client:
            waiting, progress = iter(due), Progress("judgments", len(jobs), len(jobs) - len(due))
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._at_once):
                    workers.create_task(self._work(client, waiting, progress))
        if self._gone:
            print(
                "the service is gone; what was not judged is left for a run with the same --out",
                file=sys.stderr,
            )

    async def _work(self, client: AsyncJudgeClient, due: Iterator[Job], progress: Progress) -> None:
        for job in due:
            if self._gone or (self._until is not None and time.monotonic() >= self._until):
                return
            started = time.time()
            facts = await self._facts(client, job)
            common = {"category": job.item.category, "model": self._model, "commit": self._commit}
            times = {"started": started, "ended": time.time()}
            hashes = {"way_sha256": job.way_sha256, "item_sha256": job.item_sha256}
            result = Result.model_validate({**job.key._asdict(), **hashes, **common, **times, **facts})
            self._results.add(result)
            if sys.stderr.isatty():
                progress()
            else:
                print(_line(result), file=sys.stderr, flush=True)

    async def _facts(self, client: AsyncJudgeClient, job: Job) -> dict[str, Any]:
        max_seconds = job.how.seconds + self._grace
        try:
            await self._upload(client, job.item.request)
            judgment = await client.judge(job.how.body(job.item.request), timeout_seconds=max_seconds)
        except JudgmentPending as error:
            return {"outcome": "stuck", "error": str(error), "judgment": error.judgment_id}
        except (RequestRefused, ServiceUnavailable) as error:
            # No answer, or one that it stops: what is left is for a run that goes on later.
            self._gone = self._gone or error.status in (None, 503)
            return {"outcome": "crashed", "error": str(error), "judgment": error.judgment_id}
        return facts_of(judgment, job.item, max_seconds)

    async def _upload(self, client: AsyncJudgeClient, request: Request) -> None:
        for one in request.uploads:
            content = one.read_bytes() if isinstance(one, Path) else one
            sha256 = hashlib.sha256(content).hexdigest()
            if sha256 not in self._uploaded:
                await client.upload(content)
                self._uploaded.add(sha256)


def _line(result: Result) -> str:
    what = result.verdict if result.outcome == "judged" else f"{result.outcome}: {result.error}"
    tools = "" if result.with_tools else " without tools"
    seconds = result.ended - result.started
    return f"{result.set} {result.item} by {result.recipe}{tools}: {what} ({seconds:.1f} s)"
