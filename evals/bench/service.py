"""What the service adds to the model's own time, what it holds in flight, how fast it verifies. Real HTTP, one process.

The model server answers after a fixed time, in another process. `overhead`: requests arrive by themselves (Poisson) at
half of the rate that the service was found to keep up with (99% within twice the model's time); a latency is counted
from when its request was due, and the overhead is the latency less the model's own time. The disk is measured beside
it: what it takes to keep a few bytes is a part of the overhead that no service can avoid (`--folder` says which disk).
`in_flight`: so many judgments at one time, and the memory that they take. `verify`: judgments with ten unit tests each.
`identical`: sixteen posts of one rollout, and what they ran.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvloop

from evals.bench import service_parts as parts
from evals.bench.machine import machine
from evals.bench.service_requests import ANSWER
from evals.options import above_zero, whole
from evals.service import Started, started

LATENCY_SECONDS = 2.0
IN_FLIGHT = 2000
SECONDS = 40.0
PARTS = ("overhead", "in_flight", "verify", "identical")


def add_parser(benches: Any) -> None:
    parser = benches.add_parser("service", help=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part only; may be repeated")
    parser.add_argument(
        "--seconds",
        type=above_zero(60.0),
        default=SECONDS,
        help=f"how long each load lasts ({SECONDS:g}, 60 at most)",
    )
    parser.add_argument(
        "--latency",
        type=above_zero(10.0),
        default=LATENCY_SECONDS,
        help=f"seconds of a model call ({LATENCY_SECONDS:g})",
    )
    parser.add_argument(
        "--in-flight", type=whole(1, 4000), default=IN_FLIGHT, help=f"judgments at one time ({IN_FLIGHT})"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="where the service keeps its data while it is measured (the folder for temporary files)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the arrivals (0)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print. Returns 1 where a bound does not hold, or a judgment ended otherwise than it should."""
    wanted = [name for name in PARTS if not arguments.only or name in arguments.only]
    told: dict[str, Any] = {}
    failures = list[str]()
    for name in wanted:
        try:
            found = uvloop.run(_PARTS[name](arguments))
        except parts.WrongEnd as error:
            failures.append(f"{name}: {error}")
            continue
        told[name] = found.told
        failures += [f"{name}: {one}" for one in found.failures]
        print(found.text, f"  (load average {os.getloadavg()[0]:.1f})", flush=True)
    facts = machine()
    print(f"model: a server that answers after {arguments.latency:g} s; {facts}")
    print(*(failures or ["every bound holds"]), sep="\n")
    if arguments.json:
        print(json.dumps({**told, "failures": failures, "machine": facts}))
    return 1 if failures else 0


async def _overhead(arguments: argparse.Namespace) -> parts.Found:
    with _served(arguments, latency=arguments.latency) as service:
        return await parts.overhead(
            service.url,
            arguments.latency,
            seconds=arguments.seconds,
            seed=arguments.seed,
            folder=service.folder,
        )


async def _in_flight(arguments: argparse.Namespace) -> parts.Found:
    # All must be accepted before the first of them ends.
    latency = max(arguments.latency, arguments.in_flight / 50)
    with _served(arguments, latency=latency) as service:
        return await parts.in_flight(service.url, service.process.pid, arguments.in_flight)


async def _verify(arguments: argparse.Namespace) -> parts.Found:
    with _served(arguments) as service:
        return await parts.verify(service.url, seconds=arguments.seconds, seed=arguments.seed)


async def _identical(arguments: argparse.Namespace) -> parts.Found:
    with _served(arguments, latency=arguments.latency) as service:
        return await parts.identical(service.url)


_PARTS = {"overhead": _overhead, "in_flight": _in_flight, "verify": _verify, "identical": _identical}


@contextlib.contextmanager
def _served(arguments: argparse.Namespace, *, latency: float | None = None) -> Iterator[Started]:
    """A service of one process in a folder of its own; with a model server where a latency is given."""
    places = str(max(arguments.in_flight, 2048))
    settings = {"JUDGE_MAX_RUNNING": places, "JUDGE_MAX_QUEUED": places, "JUDGE_WORKERS": "1"}
    with contextlib.ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="judge-bench-", dir=arguments.folder))
        )
        model = "none"
        if latency is not None:
            model = stack.enter_context(model_server(latency))
            settings["JUDGE_MODEL_NAME"] = "fixed"
        yield stack.enter_context(started(folder, model=model, settings=settings))


@contextlib.contextmanager
def model_server(latency: float) -> Iterator[str]:
    """A model server in another process that answers after so many seconds; gives its URL."""
    command = [sys.executable, "-m", "evals.bench.fixed_server", str(latency), ANSWER]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.communicate()
