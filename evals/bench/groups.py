"""How long groups of rollouts take under load, with whole groups finished first and with first come, first served.

Groups arrive by themselves (Poisson); the rollouts of a group end one after the other within `--spread`, so that groups
interleave. A group's latency is from when its first member was due to when the last one has the answer. Both ways get
the same arrivals at the same time, each at a service of its own with so many places; the model answers after a fixed
time: what else the machine does slows both alike. `whole` joins groups (`POST /v1/groups`, answered when the group has
settled), and the queue finishes a group before it begins a later one; `first_come` posts single judgments.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import uvloop

from evals.bench.loads import Answered, Poster, arrivals, quantile
from evals.bench.machine import machine
from evals.bench.service import model_server
from evals.bench.service_parts import WrongEnd
from evals.bench.service_requests import by_model
from evals.options import above_zero, whole
from evals.service import Started, started

Way = Literal["whole", "first_come"]
WAYS: tuple[Way, ...] = ("whole", "first_come")
_ROUTES: dict[Way, str] = {"whole": "/v1/groups", "first_come": "/v1/judgments"}
_ROUND = 1_000_000


@dataclass(frozen=True)
class Plan:
    """Arrivals of one round, in seconds from its start: a row of its members' times for each group."""

    times: Sequence[Sequence[float]]

    @classmethod
    def drawn(cls, *, per_second: float, seconds: float, size: int, spread: float, seed: int) -> Plan:
        """Draw the arrivals beforehand: they hang on no answer, and the same seed gives the same."""
        chance = random.Random(seed)  # noqa: S311 - reproducible
        return cls(
            [
                [at, *(at + chance.uniform(0.0, spread) for _ in range(size - 1))]
                for at in arrivals(per_second, seconds, seed)
            ]
        )


def add_parser(benches: Any) -> None:
    parser = benches.add_parser("groups", help=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    numbers = (
        ("--seconds", above_zero(60.0), 40.0, "how long groups arrive in each round"),
        ("--latency", above_zero(10.0), 0.5, "seconds of a model call"),
        ("--spread", above_zero(30.0), 8.0, "seconds within which the rollouts of a group end"),
        ("--load", above_zero(4.0), 0.95, "share of what the running judgments can take"),
    )
    for name, kind, default, told in numbers:
        parser.add_argument(name, type=kind, default=default, help=f"{told} ({default:g})")
    counts = (
        ("--size", 64, 8, "rollouts of a group"),
        ("--places", 256, 4, "judgments that run at one time"),
        ("--rounds", 5, 2, "sets of arrivals, one after the other"),
    )
    for name, most, default, told in counts:
        parser.add_argument(name, type=whole(1, most), default=default, help=f"{told} ({default})")
    parser.add_argument("--seed", type=int, default=0, help="of the arrivals (0)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print. Returns 1 where a judgment ended otherwise than it should."""
    try:
        with _served(arguments) as first, _served(arguments) as second:
            found = uvloop.run(_measured(arguments, dict(zip(WAYS, (first.url, second.url), strict=True))))
    except WrongEnd as error:
        print(error)
        return 1
    told = {way: _told(latencies) for way, latencies in found.items()}
    ratios = {key: round(told["whole"][key] / told["first_come"][key], 3) for key in ("p50_s", "p99_s")}
    facts = machine()
    for way in WAYS:
        one = told[way]
        print(
            f"{way:>10}: {one['groups']} groups of {arguments.size}, "
            f"{one['p50_s']} s p50, {one['p99_s']} s p99, {one['mean_s']} s mean"
        )
    print(
        f"whole groups first takes {ratios['p50_s']} of the p50 and {ratios['p99_s']} of the p99 of first come; "
        f"{arguments.places} places, model {arguments.latency:g} s, load {arguments.load:g}, rollouts within "
        f"{arguments.spread:g} s (load average {os.getloadavg()[0]:.1f}); {facts}"
    )
    if arguments.json:
        print(json.dumps({**told, "ratio": ratios, "machine": facts}))
    return 0


async def _measured(arguments: argparse.Namespace, urls: Mapping[Way, str]) -> dict[Way, list[float]]:
    """The latencies of all groups by way, round by round."""
    found: dict[Way, list[float]] = {way: [] for way in WAYS}
    per_second = arguments.load * arguments.places / arguments.latency / arguments.size
    async with contextlib.AsyncExitStack() as stack:
        posters = {
            way: await stack.enter_async_context(Poster.opened(url + _ROUTES[way]))
            for way, url in urls.items()
        }
        for way, poster in posters.items():
            _check(way, [await _member(poster, way, 0, 0, 1, time.monotonic())])
        for turn in range(1, arguments.rounds + 1):
            plan = Plan.drawn(
                per_second=per_second,
                seconds=arguments.seconds,
                size=arguments.size,
                spread=arguments.spread,
                seed=arguments.seed + turn,
            )
            async with asyncio.TaskGroup() as tasks:
                rounds = {
                    way: tasks.create_task(_round(poster, plan, way, _ROUND * turn))
                    for way, poster in posters.items()
                }
            for way, latencies in rounds.items():
                found[way] += latencies.result()
    return found


async def _round(poster: Poster, plan: Plan, way: Way, first: int) -> list[float]:
    """Post every member when it is due; return the latency of each group once all have ended."""
    began = time.monotonic() + 0.1
    async with asyncio.TaskGroup() as tasks:
        groups = [
            [
                tasks.create_task(_member(poster, way, first + group, place, len(times), began + at))
                for place, at in enumerate(times)
            ]
            for group, times in enumerate(plan.times)
        ]
    return [_latency(way, [task.result() for task in members]) for members in groups]


async def _member(poster: Poster, way: Way, group: int, place: int, size: int, due: float) -> Answered:
    body = by_model(group * size + place) | {"task": {"prompt": f"Find order {group}."}}
    if way == "whole":
        body["group"] = {"group_id": str(group), "index": place, "size": size}
    await asyncio.sleep(due - time.monotonic())
    return await poster.post(json.dumps(body).encode(), due)


def _latency(way: Way, members: Sequence[Answered]) -> float:
    """From the first member's arrival to the last one's answer. Raises WrongEnd where one was not scored."""
    _check(way, members)
    return max(one.ended for one in members) - min(one.due for one in members)


def _check(way: Way, members: Sequence[Answered]) -> None:
    for one in members:
        told = json.loads(one.body)
        results = told.get("members" if way == "whole" else "candidates") or ()
        expected = len(members) if way == "whole" else 1
        if one.status != 200 or [each["status"] for each in results] != ["scored"] * expected:
            raise WrongEnd(f"a member of a group ended with {one.status}: {one.body[:300]!r}")


def _told(latencies: Sequence[float]) -> dict[str, Any]:
    return {
        "groups": len(latencies),
        "p50_s": round(quantile(latencies, 50), 3),
        "p99_s": round(quantile(latencies, 99), 3),
        "mean_s": round(sum(latencies) / len(latencies), 3),
    }


@contextlib.contextmanager
def _served(arguments: argparse.Namespace) -> Iterator[Started]:
    """A service of one process with so many places, and a model server of its own."""
    settings = {
        "JUDGE_MAX_RUNNING": str(arguments.places),
        "JUDGE_MAX_QUEUED": "100000",
        "JUDGE_WORKERS": "1",
        "JUDGE_MODEL_NAME": "fixed",
    }
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="judge-bench-")))
        model = stack.enter_context(model_server(arguments.latency))
        yield stack.enter_context(started(folder, model=model, settings=settings))
