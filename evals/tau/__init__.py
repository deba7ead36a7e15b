"""`python -m evals tau FOLDER`: how many outcomes of tau-bench's airline set the service decides without a model.

The folder holds `gpt-4o-airline.json` and `airline_env/`, as published (github.com/sierra-research/tau-bench, MIT). The
world is uploaded once; each trajectory is one judgment by the recipe `verify`, with the tool `check_state` alone. What
the tools of the airline do is data, `airline.toml` beside this file. The task's right actions are the reference; the
rewards stay here and are what the verdicts are counted against. Ends with 1 where a verdict is not the reward's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.bench.machine import machine
from evals.options import whole
from evals.service import running
from evals.tau.episodes import Episode, load, request, world
from evals.tau.report import Outcome, outcome_of, shares, table
from judge_agent.client import AsyncJudgeClient
from judge_agent.errors import JudgeClientError

FILES = (
    "gpt-4o-airline.json",
    "airline_env/flights.json",
    "airline_env/reservations.json",
    "airline_env/users.json",
)
SECONDS = 120.0


def add_parser(names: Any) -> None:
    parser = names.add_parser(
        "tau", help="how many outcomes of tau-bench (airline) evidence decides, and rightly"
    )
    parser.add_argument("data", type=Path, help="folder of tau-bench's airline set")
    parser.add_argument(
        "--count", type=whole(1, 10_000), default=None, help="the first so many trajectories (all)"
    )
    parser.add_argument("--at-once", type=whole(1, 10_000), default=2, help="judgments in flight (2)")
    parser.add_argument("--service", help="URL of a running service to ask, instead of one of its own")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    missing = [name for name in FILES if not (arguments.data / name).is_file()]
    if missing:
        print(f"there is no {missing[0]} in {arguments.data}", file=sys.stderr)
        return 2
    episodes = load(arguments.data / FILES[0])[: arguments.count]
    state = world(arguments.data / "airline_env")
    started = time.monotonic()
    try:
        if arguments.service:
            outcomes = asyncio.run(_judged(arguments.service, episodes, state, arguments.at_once))
        else:
            with tempfile.TemporaryDirectory() as folder, running(Path(folder), model="none") as url:
                started = time.monotonic()
                outcomes = asyncio.run(_judged(url, episodes, state, arguments.at_once))
    except JudgeClientError as error:
        print(error, file=sys.stderr)
        return 2
    told = shares(outcomes) | {"seconds": round(time.monotonic() - started, 1)}
    print(table(outcomes))
    print(f"{told['seconds']} s for {len(outcomes)} judgments, {machine()}")
    if arguments.json:
        print(json.dumps(told))
    return 1 if told["wrong"] else 0


async def _judged(url: str, episodes: Sequence[Episode], state: bytes, at_once: int) -> list[Outcome]:
    outcomes: list[Outcome] = []
    async with AsyncJudgeClient(url, timeout_seconds=SECONDS) as client:
        blob = await client.upload(state)
        due = iter(episodes)

        async def work() -> None:
            for episode in due:
                judgment = await client.judge({**request(episode, blob), "cache": "no"})
                outcomes.append(outcome_of(episode, judgment))
                print(f"\r{len(outcomes)} of {len(episodes)}", end="", file=sys.stderr, flush=True)

        async with asyncio.TaskGroup() as workers:
            for _ in range(at_once):
                workers.create_task(work())
    print(file=sys.stderr)
    return outcomes
